"""Reduce colour profiles to their colours, and leave out texts, dates, devices and serial numbers.

https://www.color.org/specification/ICC.1-2022-05.pdf
"""

from __future__ import annotations

import struct

__all__ = ["scrubbed"]

HEAD = 128
KEPT = {
    *(b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt", b"bkpt", b"lumi", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"chad", b"cicp"),
    *(b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"gamt"),
}
"""The tags that turn numbers into colours."""
NUMBERS = (b"XYZ ", b"curv", b"para", b"sf32", b"mft1", b"mft2", b"mAB ", b"mBA ", b"cicp")
V2_NAME = b"desc\0\0\0\0" + struct.pack(">I", 4) + b"icc\0" + bytes(79)
"""The description that every profile must have. Ours says nothing; its Unicode and Macintosh forms are empty."""
V2_RIGHTS = b"text\0\0\0\0none\0"
V4_TEXT = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", 6, 28) + "icc".encode("utf-16-be")


def scrubbed(profile: bytes) -> bytes:
    """Return the profile with nothing but its colours, or no bytes where no reader could use it.

    Profiles of the same colours become equal, whatever camera or screen they came from.
    """
    if len(profile) < HEAD + 4 or profile[36:40] != b"acsp":
        return b""
    (count,) = struct.unpack_from(">I", profile, HEAD)
    if HEAD + 4 + 12 * count > len(profile):
        return b""
    old = profile[8] < 4  # noqa: PLR2004  # the major version
    tags = {b"desc": V2_NAME if old else V4_TEXT, b"cprt": V2_RIGHTS if old else V4_TEXT}
    for entry in range(HEAD + 4, HEAD + 4 + 12 * count, 12):
        name, start, size = struct.unpack_from(">4sII", profile, entry)
        element = profile[start : start + size]
        if name in KEPT and element[:4] in NUMBERS:
            tags[name] = element[: _length(element)]
    return _written(profile[:HEAD], tags)


def _length(element: bytes) -> int:
    """Return how many bytes the numbers of an element take; what follows them is not part of it."""
    kind = element[:4]
    if kind == b"XYZ ":
        return 20  # one triple
    if kind == b"sf32":
        return 44  # a matrix of 3 x 3
    if kind == b"curv" and len(element) >= 12:  # noqa: PLR2004
        return 12 + 2 * int.from_bytes(element[8:12], "big")
    if kind == b"para" and len(element) >= 12:  # noqa: PLR2004
        return 12 + 4 * PARAMETERS.get(int.from_bytes(element[8:10], "big"), 7)
    return len(element)


PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""How many parameters a parametric curve has, by its function type."""


def _written(head: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, data = [struct.pack(">I", len(tags))], b""
    begin = HEAD + 4 + 12 * len(tags)
    offsets: dict[bytes, int] = {}
    for name, element in tags.items():
        if element not in offsets:  # the three curves of a screen are often equal
            offsets[element] = begin + len(data)
            data += element + bytes(-len(element) % 4)
        table.append(struct.pack(">4sII", name, offsets[element], len(element)))
    size = struct.pack(">I", begin + len(data))
    # Version, class, colour spaces, "acsp", rendering intent and illuminant are kept. Makers, date, device and
    # identity are overwritten with zeros.
    kept = size + bytes(4) + head[8:24] + bytes(12) + head[36:40] + bytes(24) + head[64:80] + bytes(48)
    return kept + b"".join(table) + data
