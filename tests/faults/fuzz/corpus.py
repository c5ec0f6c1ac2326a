"""Writes the files that fuzzing begins with: ``python -m tests.faults.fuzz.corpus``. All of them are made here.

What fuzzing has found stays beside them, under names that begin with "found-".
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import PIL.Image
import soundfile
from PIL import ImageCms

from tests.faults.fuzz import CORPUS
from tests.faults.fuzz.targets import QUESTIONS
from tests.faults.test_bodies import FACE, SPEECH, analysis
from tests.faults.test_redirects import ANOTHER, SAME
from tests.made_up.calls import VENDORS
from tests.support import bombs
from tests.support.recordings import wav
from tests.unit.core.test_fetch import SPELLINGS as HOSTS

MOST = 4_000
"""Bytes of one file: fuzzing is faster with small ones."""


def files() -> Iterator[tuple[str, str, bytes]]:
    """Yield target, name and content of each file."""
    for name, data in pictures():
        yield "picture", name, data
    for name, made in {**bombs.BOMBS, **bombs.ALLOWLIST}.items():
        if name.partition(" ")[0].strip(",") in ("tiff", "gif", "ico", "webp", "bmp", "svg", "avif"):
            yield "picture", f"bomb-{name}", made()
    for name, chunk in {
        "profile": (b"iCCP", b"a\0\0" + zlib.compress(srgb())),
        "text": (b"iTXt", b"a\0\0\0ko\0\0b"),
    }.items():
        yield "png", name, bombs.png(8, 8, chunk)
    yield (
        "png",
        "colours",
        bombs.png(4, 4, (b"gAMA", b"\0\0\xb1\x8f"), (b"sRGB", b"\0"), (b"eXIf", b"II*\0\x08\0\0\0\0\0")),
    )
    yield "profile", "sRGB", srgb()
    for name, data in recordings():
        yield "recording", name, data
    for number, (vendor, operation, _, _) in enumerate(QUESTIONS):
        yield "reply", f"{vendor}-{operation}", bytes([number]) + body(vendor, operation)
    for number, vendor in enumerate(VENDORS):
        shape = {
            "error": {"code": "x", "message": "a", "status": "S", "details": [{"reason": "r"}]},
            "errors": [{"code": 1}],
        }
        yield "refusal", vendor, bytes([number, 0, 129]) + b"7\n" + json.dumps(shape).encode()
    for number, place in enumerate([*SAME, *ANOTHER, *(f"http://{host}/" for host in HOSTS)]):
        yield "address", str(number), place.encode()


def srgb() -> bytes:
    """Return a small colour profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pictures() -> Iterator[tuple[str, bytes]]:
    """Yield a small picture in each format, with all that may be in it."""
    colours = np.arange(24 * 16 * 3, dtype=np.uint8).reshape(16, 24, 3)
    image = PIL.Image.fromarray(colours)
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "나무"
    kinds = {
        "jpeg": ("JPEG", {"exif": exif, "comment": b"a"}), "jpeg-progressive": ("JPEG", {"progressive": True}),
        "jpeg-profile": ("JPEG", {"icc_profile": srgb()}), "png": ("PNG", {"exif": exif}),
        "webp": ("WEBP", {"exif": exif}), "webp-lossless": ("WEBP", {"lossless": True}), "bmp": ("BMP", {}),
        "gif": ("GIF", {"comment": b"a"}), "tiff": ("TIFF", {}), "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
        "ico": ("ICO", {"sizes": [(16, 16)]}), "avif": ("AVIF", {}),
    }  # fmt: skip
    for name, (kind, options) in kinds.items():
        out = io.BytesIO()
        image.save(out, kind, **options)  # type: ignore[arg-type]
        yield name, out.getvalue()
    for mode in ("1", "L", "P", "LA", "RGBA", "I;16"):
        out = io.BytesIO()
        (PIL.Image.new("I;16", (8, 8), 999) if mode == "I;16" else image.convert(mode)).save(out, "PNG")
        yield f"png-{mode.replace(';', '')}", out.getvalue()
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        out = io.BytesIO()
        image.save(out, kind, save_all=True, append_images=[image.transpose(0), image.transpose(1)])
        yield f"{kind.lower()}-frames", out.getvalue()


def recordings() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of a short recording in each format."""
    yield "wav", wav(0.05)
    yield "wav-list", wav(0.05)[:36] + b"LIST\x04\0\0\0INFO" + wav(0.05)[36:]
    yield "wav-extensible", extensible()
    for name, kind, codec in (
        ("flac", "FLAC", None), ("mp3", "MP3", None), ("opus", "OGG", "OPUS"), ("vorbis", "OGG", "VORBIS"),
    ):  # fmt: skip
        out = io.BytesIO()
        soundfile.write(out, np.zeros((800, 1), "float32"), 16_000, format=kind, subtype=codec)
        yield name, out.getvalue()
    yield "mp3-id3", b"ID3\x04\0\0\0\0\0\x0bTIT2\0\0\0\x01\0\0a" + out.getvalue()[:0] + wav(0.01)[:100]


def extensible() -> bytes:
    """Return a WAV whose codec is named in its second half."""
    layout = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16_000, 2, 16, 22, 16, 4) + b"\x01\0" + bytes(14)
    data = b"data" + struct.pack("<I", 400) + bytes(400)
    return (
        b"RIFF"
        + struct.pack("<I", 20 + len(layout) + 400)
        + b"WAVEfmt "
        + struct.pack("<I", len(layout))
        + layout
        + data
    )


def body(vendor: str, operation: str) -> bytes:
    """Return a good reply."""
    if operation == "sentiment":
        return json.dumps(VENDORS[vendor].good).encode()
    if operation == "analyze_image":
        return json.dumps(analysis(vendor, "analyze_image-success")).encode()
    return json.dumps((FACE if operation == "detect_faces" else SPEECH)[vendor]).encode()


def main() -> None:
    """Write them."""
    for target, name, data in files():
        if len(data) <= MOST or target == "reply":
            folder = CORPUS / target
            folder.mkdir(parents=True, exist_ok=True)
            plain = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in name)
            (folder / plain).write_bytes(data)


if __name__ == "__main__":
    main()
