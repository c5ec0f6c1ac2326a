"""Takes metadata out of picture files without touching a pixel.

Camera, place, time, author, comments, thumbnails and whatever follows the end of the picture stay here; the
colour profile goes along, since without it colours change. Works on the bytes: a library that decodes and
encodes anew would change the pixels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from cloudai.errors import InputError

__all__ = ["STRIPPABLE", "strip"]


def strip(data: bytes, format: str) -> bytes:  # noqa: A002  # Pillow's word
    """The same picture without metadata; InputError where the file is cut off.

    Args:
        data: A whole file.
        format: One of `STRIPPABLE`.
    """
    try:
        return STRIPPABLE[format](data)
    except (struct.error, IndexError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _cut_off(format) from error


def _cut_off(format: str) -> InputError:  # noqa: A002
    return InputError(f"the {format} file is cut off or damaged", advice="Download or export it again.")


# -- JPEG: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, Annex B -------------------------------------------

SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
APP0, APP2, APP14, APP15 = 0xE0, 0xE2, 0xEE, 0xEF
STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and the restart markers."""


def _jpeg(data: bytes) -> bytes:
    out = [data[:2]]
    position = 2
    while True:
        marker, position = _next_marker(data, position)
        if marker == EOI:
            return b"".join([*out, b"\xff\xd9"])  # the first picture ends here: what follows is not sent
        if marker in STANDALONE:
            out.append(bytes([0xFF, marker]))
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        payload = data[position + 2 : position + length]
        if length < 2 or len(payload) != length - 2:  # noqa: PLR2004  # the length counts itself
            raise _cut_off("JPEG")
        position += length
        kept = _kept_segment(marker, payload)
        if kept is not None:
            out.append(bytes([0xFF, marker]) + (len(kept) + 2).to_bytes(2, "big") + kept)
        if marker == SOS:
            end = _end_of_scan(data, position)
            out.append(data[position:end])
            position = end


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    if data[position] != 0xFF:  # noqa: PLR2004
        raise _cut_off("JPEG")
    while data[position] == 0xFF:  # noqa: PLR2004  # any number of fill bytes
        position += 1
    return data[position], position + 1


def _kept_segment(marker: int, payload: bytes) -> bytes | None:
    if marker == COM:
        return None
    if marker == APP0:
        # JFIF with its size set to 0 by 0: a thumbnail may show what was cropped away.
        return payload[:12] + b"\0\0" if payload.startswith(b"JFIF\0") else None
    if marker == APP2:
        return payload if payload.startswith(b"ICC_PROFILE\0") else None
    if APP0 < marker <= APP15:
        # Adobe's says how the colours are stored: without it a CMYK picture turns negative.
        return payload if marker == APP14 and payload.startswith(b"Adobe") else None
    return payload


def _end_of_scan(data: bytes, position: int) -> int:
    """Where the entropy-coded data ends: the next marker that is neither stuffing nor a restart."""
    while True:
        position = data.index(b"\xff", position)
        following = data[position + 1]
        if following != 0 and following not in STANDALONE and following != 0xFF:  # noqa: PLR2004
            return position
        position += 1 if following == 0xFF else 2  # noqa: PLR2004


# -- PNG: https://www.w3.org/TR/png-3/ ---------------------------------------------------------------------

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"bKGD",
        b"pHYs",
        b"cICP",
    }
)


def _png(data: bytes) -> bytes:
    return PNG_SIGNATURE + b"".join(_png_chunks(data))


def _png_chunks(data: bytes) -> Iterator[bytes]:
    position = len(PNG_SIGNATURE)
    while True:
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if checksum != zlib.crc32(data[position + 4 : end - 4]):
            raise _cut_off("PNG")
        if name in PNG_KEPT:
            yield data[position:end]
        if name == b"IEND":
            return
        position = end


# -- WebP: https://developers.google.com/speed/webp/docs/riff_container -------------------------------------

WEBP_KEPT = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"})
VP8X_EXIF, VP8X_XMP = 0x08, 0x04


def _webp(data: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) < size + 8:
        raise _cut_off("WEBP")
    body = b"".join(_webp_chunks(data[: size + 8]))
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    position = 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length
        if end > len(data):
            raise _cut_off("WEBP")
        chunk = data[position:end]
        if name == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~(VP8X_EXIF | VP8X_XMP)]) + chunk[9:]
        if name in WEBP_KEPT:
            yield chunk + b"\0" * (length % 2)  # chunks begin at even places
        position = end + length % 2


STRIPPABLE = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}
"""Formats that can be stripped, and how."""
