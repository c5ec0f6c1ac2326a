"""Nothing that a file tells beside its pixels is sent: a canary in every place, six formats, looked for on the wire."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import pytest
from PIL import ImageCms

from cloudai import Client
from cloudai.core.flow import Request, Response
from cloudai.media import Image, ImageLimits
from cloudai.media.icc import scrubbed
from cloudai.report.color import in_colour
from tests.made_up.calls import VENDORS
from tests.support.bombs import chunked
from tests.support.pictures import encoded, fit, quarters

CANARY = b"canary-52-Hong"
LIMITS = ImageLimits("V", frozenset({"JPEG", "PNG", "WEBP", "BMP", "GIF"}), 2_000_000, 1000)


def exif(orientation: int = 1) -> bytes:
    """Return EXIF data that tell who, where and with what."""
    made = PIL.Image.Exif()
    made[0x0112] = orientation
    for tag in (0x010E, 0x010F, 0x0110, 0x013B, 0x8298):
        made[tag] = CANARY.decode()
    made.get_ifd(0x8825)[29] = CANARY.decode()
    made.get_ifd(0x8769)[0xA431] = CANARY.decode()
    return made.tobytes()


def profile(kind: str = "sRGB") -> bytes:
    """Return a colour profile with a canary in its texts, its head, and a place of its own behind a curve."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()
    (count,) = struct.unpack_from(">I", plain, 128)
    tags = {}
    for place in range(132, 132 + 12 * count, 12):
        name, start, size = struct.unpack_from(">4sII", plain, place)
        tags[name] = plain[start : start + size]
    tags[b"cprt"] = b"text\0\0\0\0" + CANARY + b"\0"
    tags[b"meta"] = b"dict\0\0\0\0" + CANARY
    tags[b"wtpt"] += CANARY
    tags[b"rTRC"] += CANARY
    head = bytearray(plain[:128])
    head[100 : 100 + len(CANARY)] = CANARY
    table, body = struct.pack(">I", len(tags)), b""
    for name, element in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(element))
        body += element + bytes(-len(element) % 4)
    head[:4] = struct.pack(">I", 132 + 12 * len(tags) + len(body))
    return bytes(head) + table + body


def segment(marker: int, payload: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def jpeg_with(*segments: bytes) -> bytes:
    """Return a JPEG with these segments in front of its tables."""
    data = encoded(quarters(), "JPEG", quality=90)
    return data[:2] + b"".join(segments) + data[2:]


JPEG = {
    "EXIF": lambda: jpeg_with(segment(0xE1, b"Exif\0\0" + exif())),
    "EXIF, turned": lambda: jpeg_with(segment(0xE1, b"Exif\0\0" + exif(6))),
    "XMP": lambda: jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + CANARY)),
    "IPTC": lambda: jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04" + CANARY)),
    "comment": lambda: jpeg_with(segment(0xFE, CANARY)),
    "comment, turned": lambda: jpeg_with(segment(0xE1, b"Exif\0\0" + exif(3)), segment(0xFE, CANARY)),
    "profile": lambda: encoded(quarters(), "JPEG", icc_profile=profile()),
    "profile, turned": lambda: encoded(quarters(), "JPEG", icc_profile=profile(), exif=exif(8)),
    "profile in pieces": lambda: jpeg_with(
        segment(0xE2, b"ICC_PROFILE\0\x01\x02" + profile()[:300]),
        segment(0xE2, b"ICC_PROFILE\0\x02\x02" + profile()[300:]),
    ),
    "MPF": lambda: jpeg_with(segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0\0\0\0\0" + CANARY)),
    "MPF that is none": lambda: jpeg_with(segment(0xE2, b"MPF\0" + CANARY)),
    "thumbnail of JFIF": lambda: jpeg_with(segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01" + CANARY)),
    "thumbnail of JFXX": lambda: jpeg_with(segment(0xE0, b"JFXX\0\x10" + CANARY)),
    "behind Adobe's": lambda: jpeg_with(segment(0xEE, b"Adobe\0\x64\0\0\0\0\0\x01" + CANARY)),
    "other applications": lambda: jpeg_with(*(segment(0xE3 + n, b"X\0" + CANARY) for n in range(11))),
    "extensions": lambda: jpeg_with(*(segment(0xF0 + n, CANARY) for n in range(14))),
    "behind the end": lambda: jpeg_with() + CANARY,
    "a second picture behind the end": lambda: jpeg_with() + jpeg_with(segment(0xFE, CANARY)),
}


def png_with(*chunks: tuple[bytes, bytes], behind: bool = False) -> bytes:
    """Return a PNG with these chunks before its pixels, or behind them."""
    data = encoded(quarters(), "PNG")
    head, body = data[8:33], data[33:-12]
    more = chunked(*chunks)[8:]
    return data[:8] + head + (body + more if behind else more + body) + data[-12:]


PNG = {
    "tEXt": lambda: png_with((b"tEXt", b"Author\0" + CANARY)),
    "zTXt": lambda: png_with((b"zTXt", b"Author\0\0" + zlib.compress(CANARY, 0))),
    "iTXt": lambda: png_with((b"iTXt", b"Title\0\0\0ko\0\0" + CANARY)),
    "iTXt behind": lambda: png_with((b"iTXt", b"Title\0\0\0ko\0\0" + CANARY), behind=True),
    "eXIf": lambda: png_with((b"eXIf", exif())),
    "eXIf, turned": lambda: png_with((b"eXIf", exif(6))),
    "tIME": lambda: png_with((b"tIME", CANARY)),
    "own": lambda: png_with((b"caNr", CANARY)),
    "gAMA, longer than it is": lambda: png_with((b"gAMA", b"\0\0\xb1\x8f" + CANARY)),
    "profile": lambda: encoded(quarters(), "PNG", icc_profile=profile()),
    "name of a profile": lambda: png_with((b"iCCP", CANARY + b"\0\0" + zlib.compress(profile(), 0))),
    "behind the end": lambda: png_with() + CANARY,
}


def webp_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP with these chunks at its end."""
    data = encoded(quarters(), "WEBP", lossless=True, icc_profile=ImageCms.createProfile("sRGB") and profile())
    more = b"".join(struct.pack("<4sI", n, len(d)) + d + b"\0" * (len(d) % 2) for n, d in chunks)
    return b"RIFF" + struct.pack("<I", len(data) - 8 + len(more)) + data[8:] + more


WEBP = {
    "EXIF": lambda: encoded(quarters(), "WEBP", lossless=True, exif=exif()),
    "EXIF, turned": lambda: encoded(quarters(), "WEBP", lossless=True, exif=exif(5)),
    "XMP": lambda: encoded(quarters(), "WEBP", lossless=True, xmp=CANARY),
    "profile": webp_with,
    "own": lambda: webp_with((b"CANR", CANARY)),
    "behind the end": lambda: webp_with() + CANARY,
}


def gif_with(block: bytes) -> bytes:
    """Return a GIF with an extension before its picture."""
    data = encoded(quarters(), "GIF")
    place = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    return data[:place] + block + data[place:]


SUB = bytes([len(CANARY)]) + CANARY + b"\0"
GIF = {
    "comment": lambda: gif_with(b"\x21\xfe" + SUB),
    "application": lambda: gif_with(b"\x21\xff\x0bXMP DataXMP" + SUB),
    "plain text": lambda: gif_with(b"\x21\x01\x0c" + bytes(12) + SUB),
    "behind the end": lambda: encoded(quarters(), "GIF") + CANARY,
}


def tiff(orientation: int = 1) -> bytes:
    """Return a TIFF with a canary in each text."""
    tags = PIL.TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (270, 271, 272, 305, 315, 33432):
        tags[tag] = CANARY.decode()
    tags[700] = CANARY
    tags[274] = orientation
    return encoded(quarters(), "TIFF", tiffinfo=tags, icc_profile=profile())


TIFF = {
    "tags": tiff,
    "tags, turned": lambda: tiff(6),
    "a second page": lambda: encoded(quarters(), "TIFF", save_all=True, append_images=[quarters()]) + CANARY,
    "behind the end": lambda: tiff() + CANARY,
}
BMP = {
    "behind the end": lambda: encoded(quarters(), "BMP") + CANARY,
    "before the pixels": lambda: with_gap(encoded(quarters(), "BMP")),
    "reserved": lambda: encoded(quarters(), "BMP")[:6] + CANARY[:4] + encoded(quarters(), "BMP")[10:] + CANARY,
}


def with_gap(data: bytes) -> bytes:
    """Return a BMP whose pixels begin a little later."""
    (start,) = struct.unpack_from("<I", data, 10)
    return data[:10] + struct.pack("<I", start + len(CANARY)) + data[14:start] + CANARY + data[start:]


def heic(orientation: int = 1) -> bytes:
    """Return a HEIC photo with EXIF and XMP."""
    import pillow_heif

    out = io.BytesIO()
    made = pillow_heif.from_pillow(quarters())
    made.save(out, exif=exif(orientation), xmp=CANARY, quality=95)
    return out.getvalue()


HEIC = {"EXIF and XMP": heic, "behind the end": lambda: heic() + CANARY}
AVIF = {"EXIF and XMP": lambda: encoded(quarters(), "AVIF", exif=exif(6), xmp=CANARY)}
SLOTS: dict[str, Callable[[], bytes]] = {
    f"{kind}: {name}": made
    for kind, slots in {
        "JPEG": JPEG, "PNG": PNG, "WebP": WEBP, "GIF": GIF, "TIFF": TIFF, "BMP": BMP, "HEIC": HEIC, "AVIF": AVIF,
    }.items()
    for name, made in slots.items()
}  # fmt: skip


def uploads(request: Request) -> bytes:
    """Return all that a request carries, with base64 undone and packed text unpacked as far as a reader could."""
    if request.json is not None:
        body = json.loads(request.json_bytes())
        return base64.b64decode(body["requests"][0]["image"]["content"])
    return request.content.data if hasattr(request.content, "data") else bytes(request.content or b"")


def unpacked(data: bytes) -> bytes:
    """Return what is packed in a PNG's chunks, beside its pixels.

    The two bytes with which packed data begins may also occur by chance, for a profile holds the time of its making.
    """
    starts = [i for i in range(len(data)) if data[i : i + 2] in (b"\x78\x9c", b"\x78\x01")]
    return b"".join(_inflated(data[i:]) for i in starts)


@pytest.mark.parametrize("vendor", ["google", "azure"])
@pytest.mark.parametrize("slot", SLOTS)
def test_no_metadata_is_on_the_wire(slot: str, vendor: str) -> None:
    """A canary in this place is in the file, and in no byte of the request."""
    data = SLOTS[slot]()
    assert CANARY in data or CANARY[:4] in data or CANARY in unpacked(data)
    sent: list[Request] = []

    def send(request: Request) -> Response:
        sent.append(request)
        return Response(400, {}, b"{}")

    with Client(VENDORS[vendor].make(), send=send) as client, pytest.raises(Exception, match=vendor):
        client.detect_faces(data)
    body = uploads(sent[0])
    assert CANARY not in body
    assert CANARY not in b"".join(filter(None, map(_inflated, _packed(body))))
    assert PIL.Image.open(io.BytesIO(body)).convert("RGB").size[0]


def _packed(data: bytes) -> list[bytes]:
    return [data[i:] for i in range(len(data)) if data[i] == 0x78][:200]


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, 1_000_000)
    except zlib.error:
        return b""


LOSSLESS = [
    slot
    for slot in SLOTS
    # Pillow reads no extensions, and warns of what is no good MPF.
    if slot.startswith(("JPEG", "PNG", "WebP")) and "turned" not in slot and "ext" not in slot and "MPF" not in slot
]


@pytest.mark.parametrize("slot", LOSSLESS)
def test_what_is_upright_is_not_encoded_anew(slot: str) -> None:
    """Not a pixel changes: the file's own bytes are sent, less what is left out."""
    data = SLOTS[slot]()
    picture = fit(data, LIMITS)
    assert picture.blob
    assert picture.prepared == "metadata removed"
    before, after = (PIL.Image.open(io.BytesIO(file)) for file in (data, picture.blob.data))
    assert before.format == after.format
    assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


TURNS = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}


def stored(kind: str, orientation: int) -> Any:
    """Return a file that shows the quarters upright if it is turned as it says."""
    turn = TURNS[orientation]
    lying = quarters() if turn is None else quarters().transpose(PIL.Image.Transpose(turn))
    mark = PIL.Image.Exif()
    mark[0x0112] = orientation
    if kind == "TIFF":
        return encoded(lying, "TIFF", tiffinfo={274: orientation})
    if kind == "TIFF, packed":
        return encoded(lying, "TIFF", tiffinfo={274: orientation}, compression="tiff_lzw")
    if kind == "PNG, behind":
        data = encoded(lying, "PNG")
        return data[:-12] + chunked((b"eXIf", mark.tobytes()[6:]))[8:] + data[-12:]
    if kind == "HEIC":
        import pillow_heif

        out = io.BytesIO()
        pillow_heif.from_pillow(lying).save(out, exif=mark.tobytes(), quality=95)
        return out.getvalue()
    options = {"quality": 95} if kind in ("JPEG", "AVIF") else {"lossless": True} if kind == "WEBP" else {}
    return encoded(lying, kind, exif=mark, **options)


def assert_upright(image: PIL.Image.Image) -> None:
    """Require red top left, green top right, blue bottom left, and the usual size."""
    assert image.size == (400, 200)
    pixels = np.asarray(image.convert("RGB")).astype(int)
    for place, colour in {(20, 20): 0, (20, 380): 1, (180, 20): 2}.items():
        seen = pixels[place]
        assert seen[colour] > 180, (place, seen)
        assert sum(seen) - seen[colour] < 160, (place, seen)


@pytest.mark.long
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG, behind", "WEBP", "TIFF", "TIFF, packed", "AVIF", "HEIC"])
def test_every_format_is_sent_upright(kind: str, orientation: int) -> None:
    """Turned once and not twice, whoever turns it, Pillow or we; as bytes, and as a picture opened before."""
    data = stored(kind, orientation)
    picture = fit(data, LIMITS)
    assert picture.blob
    assert_upright(PIL.Image.open(io.BytesIO(picture.blob.data)))
    assert picture.size == (400, 200)
    assert_upright(Image(data).open())
    if kind != "HEIC":
        assert_upright(in_colour(PIL.Image.open(io.BytesIO(data))))
        again = fit(PIL.Image.open(io.BytesIO(data)), LIMITS)
        assert again.blob
        assert_upright(PIL.Image.open(io.BytesIO(again.blob.data)))


def test_colours_stay_as_they_are() -> None:
    """Through the profile without its texts every colour comes out as through the whole one."""
    for kind in ("sRGB", "XYZ"):
        whole = ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()
        bare = scrubbed(whole)
        assert bare
        assert len(bare) < len(whole) + 200
    whole, bare = profile(), scrubbed(profile())
    picture = PIL.Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    lab = ImageCms.createProfile("LAB")
    seen = [
        np.asarray(ImageCms.profileToProfile(picture, io.BytesIO(data), lab, outputMode="LAB"))
        for data in (whole, bare)
    ]
    assert np.array_equal(seen[0], seen[1])
    assert scrubbed(bare) == bare


@pytest.mark.parametrize("data", [b"", b"x" * 400, profile()[:200], b"\0" * 36 + b"acsp" + b"\xff" * 200])
def test_a_profile_that_nobody_can_read_is_left_out(data: bytes) -> None:
    """Cut off or no profile: the picture goes without."""
    assert scrubbed(data) == b""
    picture = fit(encoded(quarters(), "PNG", icc_profile=data), LIMITS) if data else None
    assert picture is None or b"iCCP" not in picture.blob.data  # type: ignore[union-attr]
