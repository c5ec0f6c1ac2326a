"""Recognise the format of a recording by its first bytes; the name of the file is never believed."""

from __future__ import annotations

import re

__all__ = ["container_of", "past_blanks", "past_tags"]

TAG = 10
"""Bytes of the header of an ID3v2 tag: https://id3.org/id3v2.4.0-structure"""
HEAD = 65_536
"""How many bytes of a Matroska file are looked at for the name of its codec."""
PICTURES = (b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx ")
"""Brands of the container of MP4 that are pictures."""
BEGINNINGS = (
    # The first pattern that matches counts, so the codecs of Ogg stand before Ogg itself, and loose patterns last.
    (rb"(?:RIFF|RF64|BW64)....WAVE", "wav"),
    (rb"fLaC", "flac"),
    (rb"OggS.{23,56}OpusHead", "ogg-opus"),
    (rb"OggS.{23,56}\x01vorbis", "ogg-vorbis"),
    (rb"OggS", "ogg"),
    (rb"FORM....AIF[FC]", "aiff"),
    (rb"#!AMR", "amr"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"),
    (rb"caff", "caf"),
    (rb"\.snd", "au"),
    (rb"riff\x2e\x91\xcf\x11", "w64"),
    (rb"RIFF....AVI ", "avi"),
    (rb"FLV\x01", "flv"),
    (rb"\x47.{187}\x47.{187}\x47", "mpegts"),
    (rb"....(?:moov|mdat|wide|free|skip|pnot)", "m4a"),  # QuickTime before 2001 had no "ftyp"
    (rb"\xff[\xf0\xf1\xf8\xf9]", "aac"),
    (rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "mp3"),  # eleven set bits begin a frame; two bits say that it is of layer III
    (rb"\xff[\xe4\xe5\xf4\xf5\xfc\xfd]", "mp2"),
)
"""The first bytes of formats, and our names of these."""
KNOWN = tuple((re.compile(mark, re.DOTALL), name) for mark, name in BEGINNINGS)


def past_tags(data: bytes) -> int:
    """Return the number of bytes of ID3v2 tags before the sound: taggers put them before any format, and several."""
    position = 0
    while data[position : position + 3] == b"ID3" and len(data) >= position + TAG:
        size = 0
        for byte in data[position + 6 : position + TAG]:
            # ID3 leaves the highest bit of each byte of a size at 0, so that no size looks like the beginning of a
            # frame of MP3.
            size = size << 7 | (byte & 0x7F)
        has_footer = bool(data[position + 5] & 0x10)
        position += TAG + size + TAG * has_footer
        while data[position : position + 1] == b"\0" and data[position + 4 : position + 8] != b"ftyp":
            position += 1  # some writers fill up behind the tag, and not within it
    return position


def past_blanks(data: bytes) -> bytes:
    """Return a recording without the line that a script printed before it, or as it is where no recording follows."""
    blanks = BLANKS.match(data)
    rest = data[blanks.end() :] if blanks else b""
    return rest if rest[:3] == b"ID3" or container_of(rest) else data


BLANKS = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")


def container_of(data: bytes) -> str | None:
    """Return the format that the first bytes of a recording show, or None where they show none.

    Args:
        data: The recording, without tags before it.
    """
    name = next((name for mark, name in KNOWN if mark.match(data)), None)
    if name:
        return name
    if data[4:8] == b"ftyp" and data[8:12] not in PICTURES:
        return "m4a"
    if data[:4] == b"\x1a\x45\xdf\xa3":
        codecs = ((b"A_OPUS", "webm-opus"), (b"A_VORBIS", "webm-vorbis"))
        return next((name for codec, name in codecs if codec in data[:HEAD]), "matroska")
    return None
