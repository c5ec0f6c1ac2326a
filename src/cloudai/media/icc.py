"""Colour profiles without what they tell beside the colours: texts, dates, devices, serial numbers.

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
"""What turns numbers into colours."""
NUMBERS = (b"XYZ ", b"curv", b"para", b"sf32", b"mft1", b"mft2", b"mAB ", b"mBA ", b"cicp")
V2_NAME = b"desc\0\0\0\0" + struct.pack(">I", 4) + b"icc\0" + bytes(79)
"""A name that every profile must have; ours tells nothing. The rest is its Unicode and Macintosh form, empty."""
V2_RIGHTS = b"text\0\0\0\0none\0"
V4_TEXT = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", 6, 28) + "icc".encode("utf-16-be")


def scrubbed(profile: bytes) -> bytes:
    """The profile with its colours alone; empty where it cannot be read, as any reader would treat it.

    It is the same for the same colours, whatever camera or screen it came from.
    """
    if len(profile) < HEAD + 4 or profile[36:40] != b"acsp":
        return b""
    (count,) = struct.unpack_from(">I", profile, HEAD)
    if HEAD + 4 + 12 * count > len(profile):
        return b""
    old = profile[8] < 4  # noqa: PLR2004  # its version
    tags = {b"desc": V2_NAME if old else V4_TEXT, b"cprt": V2_RIGHTS if old else V4_TEXT}
    for entry in range(HEAD + 4, HEAD + 4 + 12 * count, 12):
        name, start, size = struct.unpack_from(">4sII", profile, entry)
        element = profile[start : start + size]
        if name in KEPT and element[:4] in NUMBERS:
            tags[name] = element[: _length(element)]
    return _written(profile[:HEAD], tags)


def _length(element: bytes) -> int:
    """Bytes its own numbers take: what stands behind them is something else."""
    kind = element[:4]
    if kind == b"XYZ ":
        return 20
    if kind == b"sf32":
        return 44
    if kind == b"curv" and len(element) >= 12:  # noqa: PLR2004
        return 12 + 2 * int.from_bytes(element[8:12], "big")
    if kind == b"para" and len(element) >= 12:  # noqa: PLR2004
        return 12 + 4 * PARAMETERS.get(int.from_bytes(element[8:10], "big"), 7)
    return len(element)


PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""Numbers of each kind of curve."""


def _written(head: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, data = [struct.pack(">I", len(tags))], b""
    begin = HEAD + 4 + 12 * len(tags)
    offsets: dict[bytes, int] = {}
    for name, element in tags.items():
        if element not in offsets:  # the three curves of a screen are often one
            offsets[element] = begin + len(data)
            data += element + bytes(-len(element) % 4)
        table.append(struct.pack(">4sII", name, offsets[element], len(element)))
    size = struct.pack(">I", begin + len(data))
    # Kept: version, class, colour spaces, "acsp", rendering intent, illuminant. Not: makers, date, device, identity.
    kept = size + bytes(4) + head[8:24] + bytes(12) + head[36:40] + bytes(24) + head[64:80] + bytes(48)
    return kept + b"".join(table) + data
