"""Read the header of a WAV file, of RF64 and of BW64, and write a plain one for vendors that know no other.

The header is read here, and not by a library, because it often states a false length of its data.
https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html · https://tech.ebu.ch/docs/tech/tech3306v1_1.pdf
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Wav", "read_wav"]

CODECS = {1: "pcm", 3: "float", 6: "alaw", 7: "mulaw"}
BITS = (8, 16, 24, 32, 64)
EXTENSIBLE = 0xFFFE
OPEN = 0xFFFFFFFF
"""The size that a header states if the writer did not know it yet, because it wrote a stream; in RF64, the true size is
in the chunk ds64."""
UNKNOWN = 0x7FFF_0000
"""The size from which on a header is not believed: GStreamer, SoX and espeak-ng state such sizes in streams."""
CHUNKS = frozenset(
    {
        *(b"fmt ", b"data", b"LIST", b"fact", b"bext", b"JUNK", b"junk", b"FLLR", b"PAD ", b"ds64", b"cue ", b"plst"),
        *(b"smpl", b"inst", b"id3 ", b"ID3 ", b"PEAK", b"iXML", b"_PMX", b"axml", b"chna", b"note", b"labl", b"DISP"),
    }
)
"""Names of chunks, by which a chunk of odd length without the byte that should follow it is recognised."""
NAME = re.compile(rb"[A-Za-z0-9_ ]{4}|\0{4}")
"""The pattern of the four bytes behind a chunk: the name of the next chunk, or zeros that fill the file up."""
LAYOUT = 16
"""Bytes that the chunk "fmt " has at least."""


@dataclass(frozen=True)
class Wav:
    """The facts in the header of a WAV, and the position of its sound."""

    layout: bytes
    """The content of the chunk "fmt "."""
    start: int
    """The position of the first byte of the sound."""
    size: int
    """The bytes of the sound that are there."""
    stated: int | None
    """The bytes of the sound that the header states; None if it leaves the size open."""
    duration: float
    rate: int
    channels: int
    bits: int
    codec: str
    is_plain: bool
    """False if the file is RF64, or has a chunk that strict readers stumble over."""

    @property
    def is_cut_off(self) -> bool:
        """True if the sound ends before its stated size, or within a sample of all channels.

        A size that stands for one that the writer does not know yet says nothing.
        """
        frame = self.channels * self.bits // 8 if self.codec in CODECS.values() else 1
        is_short = self.stated is not None and self.size < self.stated < UNKNOWN
        return is_short or bool(self.size % frame)

    def plain(self, data: bytes) -> bytes:
        """Return the same sound with a header that every reader knows."""
        sound = data[self.start : self.start + self.size]
        head = b"WAVEfmt " + struct.pack("<I", len(self.layout)) + self.layout
        head += b"\0" * (len(self.layout) % 2) + b"data" + struct.pack("<I", len(sound))
        return b"RIFF" + struct.pack("<I", len(head) + len(sound)) + head + sound


def read_wav(data: bytes, whole: int | None = None) -> Wav | None:
    """Return what the header of a WAV says, or None if the file is damaged or has no sound.

    Args:
        data: The file, or its beginning.
        whole: How many bytes the file has, if ``data`` is its beginning.
    """
    layout, start, size, stated, is_plain = None, 0, 0, None, data[:4] == b"RIFF"
    for name, begin, length, told, padded in _chunks(data, whole or len(data)):
        is_plain = is_plain and padded
        if name == b"fmt " and layout is None:
            layout = data[begin : begin + length]
        elif name == b"data":
            start, size, stated = begin, length, told
    if layout is None or len(layout) < LAYOUT or not size:
        return None
    codec, channels, rate, bytes_a_second, _, bits = struct.unpack_from("<HHIIHH", layout)
    if codec == EXTENSIBLE and len(layout) >= 26:  # noqa: PLR2004  # the sub-format at byte 24 names the real codec
        (codec,) = struct.unpack_from("<H", layout, 24)
    if codec in CODECS:
        # The header also states this number, but a length computed from a false one would be false.
        bytes_a_second = rate * channels * bits // 8
    if not (channels and rate and bytes_a_second) or (codec in CODECS and bits not in BITS):
        return None
    duration = size / bytes_a_second
    return Wav(layout, start, size, stated, duration, rate, channels, bits, CODECS.get(codec, str(codec)), is_plain)


def _chunks(data: bytes, whole: int) -> Iterator[tuple[bytes, int, int, int | None, bool]]:
    """Yield the name of each chunk up to the sound, its begin, its size, its stated size, and whether it is padded.

    The begin is that of the content, and the stated size is None where it is left open. The content ends with the file
    at the latest, whatever size a streaming writer has stated. A size of 0 is open in the chunk "data" alone: any other
    chunk may be empty.
    """
    position, true_size = 12, 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if name == b"ds64" and size >= 16:  # noqa: PLR2004
            (true_size,) = struct.unpack_from("<Q", data, start + 8) if start + 16 <= len(data) else (0,)
        stated: int | None = size
        if size == OPEN or (name == b"data" and not size):
            stated = true_size or None
        size = min(whole if stated is None else stated, whole - start)
        end = start + size
        is_false = name == b"data" and _is_going_on(data, end)
        if is_false:
            # The writer has died, or gone on, since it last stated the size.
            size, stated, end = whole - start, None, whole
        padded = not is_false and not (size % 2 and data[end : end + 4] in CHUNKS)
        yield name, start, size, stated, padded
        if name == b"data":
            return
        position = end + (size % 2 if padded else 0)


def _is_going_on(data: bytes, end: int) -> bool:
    """Return whether the sound of a WAV goes on where it is said to end, because no chunk begins there."""
    return end + 8 <= len(data) and not NAME.match(data, end) and not NAME.match(data, end + 1)
