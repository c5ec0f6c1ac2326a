"""Remove the metadata from picture files without a change to any pixel.

Camera, location, time, author, comments, thumbnails and whatever follows the end of the picture are not sent. The
colour profile is, without its texts (``icc.py``), because colours would change without it. The functions work on the
bytes of the file: decoding and encoding it anew would change the pixels. They keep what is listed here, and leave out
all else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

from cloudai.errors import InputError
from cloudai.media.icc import scrubbed

__all__ = [
    "STRIPPABLE",
    "is_whole_jpeg",
    "jpeg_segments",
    "plain_jpeg_size",
    "png_chunks",
    "scans",
    "strip",
    "webp_chunks",
    "without_metadata",
]


def strip(data: bytes, format: str) -> bytes:  # noqa: A002  # Pillow's word
    """Return the same picture without metadata.

    Args:
        data: A whole file.
        format: One of `STRIPPABLE`.

    Raises:
        InputError: The file is cut off or damaged.
    """
    try:
        return STRIPPABLE[format](data)
    except (struct.error, IndexError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _cut_off(format) from error


def _cut_off(format: str) -> InputError:  # noqa: A002
    return InputError(f"the {format} file is cut off or damaged", advice="Download or export it again.")


EOI, SOS, APP0, APP2, APP14 = 0xD9, 0xDA, 0xE0, 0xE2, 0xEE
FRAME = frozenset({*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD})
"""Markers of the segments that a decoder needs: frames, scans and tables."""
STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers of segments that state no length: TEM and the restart markers."""
WITHIN = frozenset({0x00, 0xFF, *STANDALONE})
"""The bytes that follow 0xFF within entropy-coded data: byte stuffing, fill bytes and restarts."""
ICC = b"ICC_PROFILE\0"
MOST_IN_SEGMENT = 65_519 - len(ICC) - 2


Segment: TypeAlias = tuple[int, bytes, memoryview]
"""The marker of a segment of a JPEG, its payload, and what follows it up to the next one: entropy-coded data behind the
head of a scan, and whatever there is behind the end of the picture."""


def _jpeg(data: bytes) -> bytes:
    """Return a JPEG file without metadata; see Annex B of https://www.w3.org/Graphics/JPEG/itu-t81.pdf."""
    return without_metadata(data, jpeg_segments(data))


def without_metadata(data: bytes, segments: Sequence[Segment]) -> bytes:
    """Return a JPEG file without metadata, which is the beginning of the given bytes where there are none in it.

    Args:
        data: The whole file.
        segments: Its segments, from `jpeg_segments`.
    """
    size = _size_as_given(segments)
    if size == len(data) - len(segments[-1][2]):  # there are no fill bytes either
        return data[:size]
    first = b""
    rest: list[bytes | memoryview] = []
    profile: dict[int, bytes] = {}
    for marker, payload, scan in segments:
        if marker in FRAME:
            rest += [_segment(marker, payload), scan]
        elif marker == APP2 and payload.startswith(ICC):
            # A long profile is in several segments, which are numbered.
            profile[payload[len(ICC)]] = payload[len(ICC) + 2 :]
        elif (kept := _kept_segment(marker, payload)) is None:
            continue
        elif marker == APP0:
            first = first or _segment(marker, kept)  # APP0 has to come first, and only once
        else:
            rest.append(_segment(marker, kept))
    icc = scrubbed(b"".join(profile[number] for number in sorted(profile)))
    return b"".join([b"\xff\xd8", first, *_icc_segments(icc), *rest, b"\xff\xd9"])


def _size_as_given(segments: Sequence[Segment]) -> int | None:
    """Return how many bytes a JPEG of these segments has, or None if one of them is left out or changed.

    To know that takes less time than to write the file anew.
    """
    size = len(b"\xff\xd8\xff\xd9")
    for number, (marker, payload, scan) in enumerate(segments[:-1]):
        if marker not in FRAME and (_kept_segment(marker, payload) != payload or (marker == APP0 and number)):
            return None
        size += 4 + len(payload) + len(scan)
    return size


def jpeg_segments(data: bytes) -> list[Segment]:
    """Return the segments of a JPEG, of which the last one is the end of the first picture.

    Whatever follows that is not sent.

    Raises:
        InputError: The file is cut off or damaged.
        IndexError: The file is cut off.
    """
    segments: list[Segment] = []
    _read_segments(data, segments)
    return segments


def _read_segments(data: bytes, segments: list[Segment]) -> None:
    """Append the segments of a JPEG; where this raises what `jpeg_segments` does, those before are in the list."""
    whole, position = memoryview(data), 2  # scans are nearly all of the file, and a view copies nothing
    while True:
        if data[position] != 0xFF:  # noqa: PLR2004  # decoders, too, pass over stray bytes between two segments
            position = _end_of_scan(data, position)
        while data[position] == 0xFF:  # noqa: PLR2004  # any number of fill bytes may stand here
            position += 1
        marker, position = data[position], position + 1
        if marker == EOI:
            segments.append((marker, b"", whole[position:]))
            return
        if marker in STANDALONE:
            continue
        length = data[position] << 8 | data[position + 1]
        payload = data[position + 2 : position + length]
        if length < 2 or len(payload) != length - 2:  # noqa: PLR2004  # the length counts its own two bytes
            raise _cut_off("JPEG")
        position += length
        scan = whole[:0]
        if marker == SOS:
            end = _end_of_scan(data, position)
            scan, position = whole[position:end], end
        segments.append((marker, payload, scan))


def scans(data: bytes) -> int:
    """Return the number of scans in a JPEG; a decoder goes over the whole picture for each."""
    segments: list[Segment] = []
    with suppress(InputError, IndexError):
        _read_segments(data, segments)
    return [marker for marker, _, _ in segments].count(SOS)


PLAIN_FRAMES = (0xC0, 0xC1, 0xC2)
"""The markers of a baseline, an extended and a progressive frame."""
PLAIN = frozenset({*PLAIN_FRAMES, 0xC4, SOS, EOI, 0xDB, 0xDD, APP0, 0xFE})
"""The markers of the segments of a plain JPEG: frames, scans, their tables, JFIF, comments and the end."""
CHECKED = (0xDB, APP0)
"""The markers of the segments whose content `_is_usual` looks at."""


def plain_jpeg_size(segments: Sequence[Segment], most_scans: int) -> tuple[int, int] | None:
    """Return width and height of a JPEG that any decoder opens and shows upright; None where that is not certain.

    That is so for a file with one usual frame, and without Exif data, a colour profile, and segments of other programs.
    """
    frame = b""
    scanned = 0
    for marker, payload, _ in segments:
        if marker not in PLAIN or (marker in PLAIN_FRAMES and (frame or scanned)):
            return None
        if marker == SOS:
            scanned += 1
        elif marker in PLAIN_FRAMES:
            frame = payload
        elif not scanned and marker in CHECKED and not _is_usual(marker, payload):
            return None
    # Precision, height, width and the number of components, and three bytes for each of those.
    if len(frame) < 6 or frame[0] != 8 or frame[5] not in (1, 3, 4) or len(frame) != 6 + 3 * frame[5]:  # noqa: PLR2004
        return None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return (width, height) if height and width and 0 < scanned <= most_scans else None


def _is_usual(marker: int, payload: bytes) -> bool:
    """Return whether a segment before the first scan is one that no decoder stumbles over."""
    if marker == APP0:
        return len(payload) >= 14 and payload.startswith(b"JFIF\0")  # noqa: PLR2004
    # Tables of 64 numbers of one byte each, and their number before them.
    return len(payload) % 65 == 0 and max(payload[::65], default=0) < 16  # noqa: PLR2004


def is_whole_jpeg(data: bytes) -> bool:
    """Return whether a JPEG has its end marker."""
    with suppress(InputError, IndexError):
        jpeg_segments(data)
        return True
    return False


def _end_of_scan(data: bytes, position: int) -> int:
    """Return the position of the marker that ends the entropy-coded data at this position."""
    # To look for each 0xFF by itself is faster than a pattern: that is one byte in some hundreds, found by memchr. A
    # picture of 1 MB has a thousand of them, nearly all before a 0, so the set is asked for the others alone.
    find = data.find
    behind = find(b"\xff", position) + 1
    while behind:
        if data[behind] and data[behind] not in WITHIN:
            return behind - 1
        behind = find(b"\xff", behind) + 1
    raise _cut_off("JPEG")


def _kept_segment(marker: int, payload: bytes) -> bytes | None:
    """Return what is kept of the payload of a segment that no decoder needs, or None if the segment is left out."""
    if marker == APP0:
        # The thumbnail is left out and its size set to 0 by 0: it may show what was cropped away.
        return payload[:12] + b"\0\0" if payload.startswith(b"JFIF\0") else None
    # Adobe's segment says how the colours are stored: without it a CMYK picture turns negative.
    return payload[:12] if marker == APP14 and payload.startswith(b"Adobe") else None


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def _icc_segments(profile: bytes) -> list[bytes]:
    pieces = [profile[start : start + MOST_IN_SEGMENT] for start in range(0, len(profile), MOST_IN_SEGMENT)]
    return [_segment(APP2, ICC + bytes([i, len(pieces)]) + piece) for i, piece in enumerate(pieces, 1)]


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {
    b"IHDR": 13,
    b"PLTE": 768,
    b"IDAT": 2**31,
    b"IEND": 0,
    b"tRNS": 256,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"sBIT": 4,
    b"bKGD": 6,
    b"pHYs": 9,
    b"cICP": 4,
}
"""The chunks that a decoder needs, and the most bytes of each: a longer one has something else behind its content."""
ONCE = (b"IHDR", b"PLTE", b"IDAT")
"""The chunks that occur once only; the pixels may be in several ``IDAT`` that follow each other."""
MOST_PROFILE = 8_000_000
"""The most bytes of a decompressed colour profile; a printer's has up to three million."""


def _png(data: bytes) -> bytes:
    """Return a PNG file without metadata; see https://www.w3.org/TR/png-3/."""
    return PNG_SIGNATURE + b"".join(_png_chunk(name, body) for name, body in _png_kept(data))


def _png_kept(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    once: set[bytes] = set()
    last = b""
    for name, body in png_chunks(data):
        if name in ONCE and name in once and last != name:
            raise _cut_off("PNG")  # without what stands between the two it would be another picture
        last = name
        once.add(name)
        if name == b"iCCP":
            # A profile's name may be any text and is left out; the profile behind it is compressed.
            profile = scrubbed(_unpacked(body.partition(b"\0")[2][1:]))
            if profile:
                yield name, b"icc\0\0" + zlib.compress(profile)
        elif name in PNG_KEPT:
            yield name, body[: PNG_KEPT[name]]


def _unpacked(data: bytes) -> bytes:
    """Return decompressed data, cut off at `MOST_PROFILE` bytes; return no bytes if it is damaged."""
    try:
        return zlib.decompressobj().decompress(data, MOST_PROFILE)
    except zlib.error:
        return b""


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each chunk, up to the end of the picture.

    A chunk with a wrong checksum that no pixel depends on is left out.

    Raises:
        InputError: The checksum of a chunk with pixels is wrong.
        struct.error: The file is cut off.
    """
    position = len(PNG_SIGNATURE)
    while True:
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if checksum == zlib.crc32(data[position + 4 : end - 4]):
            yield name, data[position + 8 : end - 4]
        elif not name[0] & ANCILLARY:
            raise _cut_off("PNG")
        if name == b"IEND":
            return
        position = end


ANCILLARY = 0x20
"""The bit of a chunk's first letter that says that the picture can be shown without the chunk."""


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))


WEBP_KEPT = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"})
VP8X_ICC, VP8X_EXIF, VP8X_XMP = 0x20, 0x08, 0x04
VP8X_SIZE = 10


def _webp(data: bytes) -> bytes:
    """Return a WebP file without metadata; see https://developers.google.com/speed/webp/docs/riff_container."""
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) < size + 8:
        raise _cut_off("WEBP")
    chunks = [(name, _webp_kept(name, body)) for name, body in webp_chunks(data[: size + 8]) if name in WEBP_KEPT]
    body = b"".join(_webp_chunk(name, kept) for name, kept in chunks if kept)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _webp_kept(name: bytes, body: bytes) -> bytes:
    """Return the content of a chunk without metadata and without the texts of a colour profile."""
    if name == b"VP8X":
        # The flags of this chunk must not announce metadata that is not sent.
        return bytes([body[0] & ~(VP8X_EXIF | VP8X_XMP)]) + body[1:VP8X_SIZE]
    return (scrubbed(body) or NO_PROFILE) if name == b"ICCP" else body


NO_PROFILE = b"\0\0"
"""The content that replaces an unreadable profile. The chunk VP8X has announced a profile, so that one has to follow; a
reader that finds this one ignores it."""


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each chunk of a WebP file.

    Raises:
        InputError: The file is cut off.
    """
    position = 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length
        if end > len(data):
            raise _cut_off("WEBP")
        yield name, data[position + 8 : end]
        position = end + length % 2


def _webp_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)  # chunks begin at even offsets


STRIPPABLE = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}
"""The formats that can be stripped, each with the function that does it."""
