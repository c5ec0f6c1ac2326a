"""Inputs of real files and users: texts that are pictures, odd ends and beginnings, odd chunks, odd modes."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.PngImagePlugin
import pytest

from cloudai import Client, InputError, read_table
from cloudai.media import Audio, Image, ImageLimits
from cloudai.media.given import understood
from cloudai.media.icc import scrubbed
from tests.made_up.calls import VENDORS
from tests.support.pictures import encoded, fit, quarters
from tests.support.recordings import wav
from tests.unit.media.test_image import CANARY
from tests.unit.media.test_reading import answer

PHOTO = encoded(quarters((80, 60)), "JPEG", quality=90)
PNG = encoded(quarters((80, 60)), "PNG")
ANY = ImageLimits("V", frozenset({"JPEG", "PNG", "WEBP"}), 2_000_000, 1000)


def sent(given: Any, limits: ImageLimits = ANY) -> PIL.Image.Image:
    """Return the picture that goes out."""
    picture = fit(given, limits)
    assert picture.blob
    return PIL.Image.open(io.BytesIO(picture.blob.data))


@pytest.mark.parametrize("data", [PHOTO, PNG, encoded(quarters((80, 60)), "WEBP"), encoded(quarters((80, 60)), "GIF")])
@pytest.mark.parametrize("form", ["plain", "url-safe", "no padding", "lines", "uri", "percent uri"])
def test_base64_text_is_the_picture(data: bytes, form: str) -> None:
    """A picture as base64 text, in any of its usual spellings, is the same input as its bytes."""
    text = base64.b64encode(data).decode()
    spelled = {
        "plain": text,
        "url-safe": base64.urlsafe_b64encode(data).decode(),
        "no padding": text.rstrip("="),
        "lines": "\n".join(text[n : n + 76] for n in range(0, len(text), 76)),
        "uri": f"data:image/png;base64,{text}",
        "percent uri": "data:image/png," + "".join(f"%{byte:02x}" for byte in data),
    }[form]
    assert Image(spelled).key == Image(data).key
    assert Image(spelled).name == Image(data).name
    assert sent(spelled).size == (80, 60)


def test_a_recording_as_base64_text_is_understood_too() -> None:
    """Recordings are given in the same ways as pictures."""
    assert Audio(base64.b64encode(wav(1)).decode()).data == wav(1)


def test_a_long_text_that_is_nothing_is_not_repeated() -> None:
    """The error of a text that is neither a path nor a picture is one short line."""
    for text in ("한글 " * 400, "x" * 5_000, "data:image/png;base64,!!!", "file://elsewhere/사진.jpg"):
        with pytest.raises(InputError) as raised:
            fit(text)
        assert len(str(raised.value)) < 300
        assert "\n" not in str(raised.value)


def test_an_address_of_a_file_is_its_path(tmp_path: Path) -> None:
    """A file:// address with a Korean name, percent-encoded or not, names the file."""
    path = tmp_path / "나무 한 그루.jpg"
    path.write_bytes(PHOTO)
    for address in (path.as_uri(), f"file://{path}", f"FILE://localhost{path}", f"file:{path}"):
        assert Image(address).name == "나무 한 그루.jpg"
        assert Image(address).data == PHOTO
    assert understood("file:///C:/사진/a.jpg") == Path("C:/사진/a.jpg")
    with pytest.raises(InputError, match="of the computer other"):
        _ = Image("file://other/a.jpg").data


def test_paths_stay_paths() -> None:
    """Short texts, and long ones that are no base64, are paths as ever."""
    for text in ("a.jpg", "/9j/photos/a.jpg", "AAAA", "/" + "/".join(["폴더"] * 60) + "/a.jpg", "Qk" + "a" * 97):
        assert understood(text) == text


@pytest.mark.parametrize("blanks", [b"\n", b"\r\n", b" \t\n", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("data", [PHOTO, PNG])
def test_blanks_before_a_picture_are_left_out(data: bytes, blanks: bytes) -> None:
    """A script that printed a line first does not make a picture unreadable; the blanks are not sent."""
    picture = fit(blanks + data)
    assert picture.blob
    assert picture.blob.data[:1] in (b"\xff", b"\x89")
    assert sent(blanks + data).size == (80, 60)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("rest", [b"", b"\xff", b"\0\0\0\0", b"canary-7f3a" * 9])
def test_a_jpeg_without_its_end_is_sent_with_one(rest: bytes, progressive: bool) -> None:
    """If all pixels are there they are sent, and nothing of what stands where the end should be."""
    whole = encoded(quarters((80, 60)), "JPEG", progressive=progressive, quality=90)
    picture = fit(whole[:-2] + rest)
    assert picture.blob
    assert picture.blob.data.endswith(b"\xff\xd9")
    assert CANARY not in picture.blob.data
    before = np.asarray(PIL.Image.open(io.BytesIO(whole)).convert("RGB")).astype(int)
    after = np.asarray(PIL.Image.open(io.BytesIO(picture.blob.data)).convert("RGB")).astype(int)
    assert np.abs(before - after).mean() < 3


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_jpeg_that_lacks_pixels_is_refused(share: float) -> None:
    """A photo that was cut off in its pixels is damaged, with or without an end."""
    noise = np.random.default_rng(2).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    data = encoded(PIL.Image.fromarray(noise), "JPEG")
    with pytest.raises(InputError, match="cut off or damaged"):
        fit(data[: int(len(data) * share)])


def test_stray_bytes_between_two_segments_are_left_out() -> None:
    """A decoder passes over bytes that are no segment, and so do we; they are not sent."""
    place = PHOTO.index(b"\xff\xc0")
    picture = fit(PHOTO[:place] + b"canary-7f3a" + PHOTO[place:])
    assert picture.blob
    assert CANARY not in picture.blob.data
    assert PIL.Image.open(io.BytesIO(picture.blob.data)).convert("RGB").size == (80, 60)


def chunk(name: bytes, body: bytes, *, good: bool = True) -> bytes:
    """Return a chunk of a PNG, with a right or a wrong checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) if good else 7)


@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"tEXt", b"a\0canary-7f3a", good=False),
        chunk(b"gAMA", b"\0\0\0\1", good=False),
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"zTXt", b"a\0\0no compressed data"),
        chunk(b"iCCP", b"a\0\0no compressed data"),
        chunk(b"eXIf", b"no exif"),
    ],
    ids=[
        "text, wrong sum",
        "gamma, wrong sum",
        "long zTXt",
        "long iTXt",
        "damaged zTXt",
        "damaged iCCP",
        "damaged eXIf",
    ],
)
def test_a_png_with_an_odd_chunk_that_is_not_sent_is_sent(odd: bytes) -> None:
    """Texts, profiles and metadata that are large or damaged do not keep the pixels from being sent."""
    data = PNG[:33] + odd + PNG[33:]
    out = sent(data)
    assert out.convert("RGB").tobytes() == PIL.Image.open(io.BytesIO(PNG)).convert("RGB").tobytes()
    assert sent(data, ImageLimits("V", frozenset({"JPEG"}), 100_000, 50)).size == (50, 37)


def test_a_png_with_a_wrong_checksum_of_its_pixels_is_refused() -> None:
    """Damage in the pixels themselves is damage."""
    place = PNG.index(b"IDAT")
    (length,) = struct.unpack_from(">I", PNG, place - 4)
    with pytest.raises(InputError, match="cut off or damaged"):
        fit(PNG[: place + 4 + length] + b"\0\0\0\0" + PNG[place + 8 + length :])


def test_a_png_that_is_cut_off_is_named_and_its_size_is_looked_at_first() -> None:
    """The error names the file; a file of a few bytes that says it has 900 million pixels is too large above all."""
    with pytest.raises(InputError, match=r"나무\.png is cut off or damaged \(PNG\)"):
        fit(PNG[:60], name="나무.png")
    with pytest.raises(InputError, match="30000×30000 pixels"):
        fit(PNG[:16] + struct.pack(">II", 30_000, 30_000) + PNG[24:40])


GREY = np.asarray(quarters((80, 60)).convert("L"))


@pytest.mark.parametrize(
    ("array", "factor"),
    [
        (GREY.astype("int32"), 1),
        (GREY.astype("float32"), 1),
        ((GREY / 255).astype("float32"), 1),
        (GREY.astype("uint16"), 1),
        (GREY.astype("uint16") * 257, 1),
        (GREY.astype("int32") * 257, 1),
    ],
    ids=["I, 8 bits", "F, to 255", "F, to 1", "I;16, 8 bits", "I;16", "I, 16 bits"],
)
def test_numbers_become_the_brightness_that_is_meant(array: Any, factor: float) -> None:
    """PIL images of numbers are as bright as the picture they were made of."""
    mean = np.asarray(sent(PIL.Image.fromarray(array)).convert("L")).mean()
    assert abs(mean - GREY.mean() * factor) < 2


@pytest.mark.parametrize(
    "array",
    [
        GREY.astype("int32") - 99,
        GREY.astype("int32") * 9_999,
        GREY.astype("float32") * 9,
        -GREY.astype("float32"),
        (GREY / 250).astype("float32"),
        (GREY > 99).astype("int32"),
        GREY.astype("uint16") * 16,
        GREY.astype("int32") * 16,
    ],
    ids=["below 0", "too many bits", "above 255", "negative", "a little above 1", "a mask", "12 bits", "12 bits, I"],
)
def test_numbers_of_no_known_range_are_refused(array: Any) -> None:
    """What is white in them cannot be told, so they are one error with advice, and never a black picture."""
    with pytest.raises(InputError, match="which of them is white is not known") as raised:
        fit(PIL.Image.fromarray(array), name="열화상")
    assert "0 to 255" in str(raised.value)


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "P"])
def test_transparent_parts_are_white(mode: str) -> None:
    """What is transparent in a PIL image is sent white, in every mode that has transparency."""
    image = PIL.Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 40, 60))
    if mode == "PA":
        alpha, image = image.getchannel("A"), image.convert("RGB").convert("P").convert("PA")
        image.putalpha(alpha)
    elif mode == "P":
        out = io.BytesIO()
        image.quantize(4).save(out, "PNG")
        image = PIL.Image.open(io.BytesIO(out.getvalue()))
    else:
        image = image.convert(mode)
    shown = sent(image, ImageLimits("V", frozenset({"PNG"}), 100_000, 70)).convert("L")
    assert shown.getpixel((5, 5)) < 10
    assert shown.getpixel((65, 45)) > 245


@pytest.mark.parametrize(("space", "mode"), [(b"CMYK", "CMYK"), (b"GRAY", "L")])
def test_a_profile_of_other_colours_is_not_sent_with_rgb(space: bytes, mode: str) -> None:
    """A printer's or a grey profile goes along only with the pixels that it describes."""
    profile = bytearray(PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = space
    data = encoded(quarters((80, 60)).convert(mode), "JPEG", icc_profile=bytes(profile))
    as_given = sent(data)
    assert (as_given.mode, as_given.info["icc_profile"]) == (mode, scrubbed(bytes(profile)))
    anew = sent(data, ImageLimits("V", frozenset({"JPEG"}), 100_000, 50))
    assert (anew.mode, anew.info.get("icc_profile")) == ("RGB", None)


def test_an_orientation_in_xmp_alone_is_not_believed() -> None:
    """Browsers and viewers show such a picture as it is stored, and so it is sent."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = encoded(quarters((80, 60)), "JPEG", xmp=xmp)
    assert sent(data).size == (80, 60)
    assert sent(PIL.Image.open(io.BytesIO(data))).size == (80, 60)


def test_a_picture_that_was_turned_by_hand() -> None:
    """Pillow keeps its orientation, which is believed unless the EXIF data show that it was turned since."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    stored = encoded(quarters((80, 60)).transpose(PIL.Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    by_hand = PIL.Image.open(io.BytesIO(stored)).transpose(PIL.Image.Transpose.ROTATE_270)
    assert sent(by_hand).size == (60, 80)  # as documented: the tag is believed
    assert sent(PIL.Image.open(io.BytesIO(stored)).convert("RGB")).size == (80, 60)
    exif.get_ifd(0x8769).update({0xA002: 60, 0xA003: 80})
    stored = encoded(quarters((80, 60)).transpose(PIL.Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    by_hand = PIL.Image.open(io.BytesIO(stored)).transpose(PIL.Image.Transpose.ROTATE_270)
    assert sent(by_hand).size == (80, 60)
    assert sent(PIL.Image.open(io.BytesIO(stored)).convert("RGB")).size == (80, 60)


@pytest.mark.parametrize("formats", [{"PNG"}, {"JPEG"}, {"PNG", "JPEG"}])
@pytest.mark.parametrize("given", [PHOTO, PNG, quarters((80, 60))])
def test_a_picture_becomes_only_what_the_vendor_takes(given: Any, formats: set[str]) -> None:
    """A vendor that does not list JPEG is never sent one, however the picture was given."""
    assert sent(given, ImageLimits("V", frozenset(formats), 2_000_000, 50)).format in formats


@pytest.mark.parametrize("body", ["가나다라", "é" * 120, "A", "AAAA=AAA"])
def test_a_data_uri_that_is_not_base64_is_an_input_error(body: str) -> None:
    """The error is one line of ours, also for letters that are not ASCII, and does not repeat the text."""
    with pytest.raises(InputError, match="the data: URI cannot be read") as raised:
        understood(f"data:image/png;base64,{body}")
    assert body not in str(raised.value)


@pytest.mark.parametrize(
    "given", [PHOTO, io.BytesIO(PHOTO), base64.b64encode(PHOTO).decode(), quarters((80, 60)), np.asarray(quarters())]
)
def test_a_journal_keeps_no_picture_of_a_table(tmp_path: Path, given: Any) -> None:
    """A column that holds the pictures themselves is left out of the journal; the other columns stay."""
    journal = tmp_path / "분석.journal"
    with (
        Client(VENDORS["google"].make(), send=answer) as client,
        client.batch("detect_faces", [{"이름": "나무", "사진": given}], column="사진", journal=journal) as job,
    ):
        outcomes = list(job)
    assert [outcome.status for outcome in outcomes] == ["none_found"]
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "나무".encode() in kept or json.dumps("나무").encode()[1:-1] in kept
    for trace in (repr(PHOTO)[2:60].encode(), base64.b64encode(PHOTO)[:60], PHOTO[100:160], b"PIL.Image", b"BytesIO"):
        assert trace not in kept


def test_a_table_may_hold_base64_and_addresses_of_files(tmp_path: Path) -> None:
    """The cells of a CSV are understood like arguments, and one that cannot be read fails alone."""
    (tmp_path / "나무.jpg").write_bytes(PHOTO)
    table = tmp_path / "표.csv"
    cells = [(tmp_path / "나무.jpg").as_uri(), base64.b64encode(PNG).decode(), "file://other/a.jpg"]
    table.write_text("사진\n" + "\n".join(cells), encoding="utf-8")
    with (
        Client(VENDORS["google"].make(), send=answer) as client,
        client.batch("detect_faces", read_table(table), column="사진") as job,
    ):
        found = {outcome.item: outcome.status for outcome in job}
    assert found == {0: "none_found", 1: "none_found", 2: "failed"}


def test_a_data_uri_with_half_a_character_is_an_error_of_the_input() -> None:
    """It is told when the input is read, as any other damage is, and not by the constructor."""
    with Client("local") as client, pytest.raises(InputError, match="the data: URI cannot be read"):
        client.detect_faces("data:image/svg+xml,\ud800")
