"""Count the pages of a TIFF, of which no pixel is decoded, and see whether all of them are there.

https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf section 2 · https://libtiff.gitlab.io/libtiff/specification/bigtiff.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["pages_of"]

STRIPS = {273: 279, 324: 325}
"""The fields with the positions of the strips or tiles of a page, and those with their sizes in bytes."""
TYPES = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""The types of numbers that positions and sizes may have, as `struct` writes them."""
MOST, WEIGHT = 2_000_000, 10
"""The most strips and tiles that are looked at, of which a field counts as ten: a directory rarely has twenty fields.

A file that has more is made to take time.
"""


class _Layout(NamedTuple):
    """The way in which a file writes numbers: the order of their bytes, and the sizes of those in its directories."""

    order: str
    fields: str
    """The number of fields in a directory."""
    entry: str
    """One field: its tag, its type, the number of its values, and where these are, or the values themselves."""
    offset: str


SMALL, BIG = ("H", "HHI4s", "I"), ("Q", "HHQ8s", "Q")
"""The layouts of classic TIFF, and of BigTIFF, which has the number 43 where the other has 42."""


def pages_of(data: bytes) -> int:
    """Return the number of pages of a TIFF.

    A file of one page is not looked into any further, for it is decoded as a picture.

    Raises:
        ValueError: The directory of a page, or a part of the picture of one of several pages, is not within the file,
            which is cut off then; or the file has more parts than any document.
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"\x2b\0", b"\0\x2b")
    layout = _Layout(order, *(BIG if is_big else SMALL))
    (position,) = _unpacked(layout.order + layout.offset, data, 8 if is_big else 4)
    seen, left, is_whole = set[int](), MOST, True
    # A directory that names an earlier one as the next would make a loop without end.
    while position and position not in seen:
        seen.add(position)
        position, fields, looked_at = _directory(data, layout, position, left)
        left -= looked_at
        is_whole = is_whole and all(end <= len(data) for end in _ends(data, layout, fields))
    if len(seen) > 1 and not is_whole:
        raise ValueError("a part of a page is not within the file")
    return len(seen)


Field = tuple[int, int, bytes]
"""The type of the values of a field, their number, and where they are, or the values themselves."""


def _directory(data: bytes, layout: _Layout, position: int, most: int) -> tuple[int, dict[int, Field], int]:
    """Return where the next directory is, the fields of this one that `STRIPS` names, and how much is to be looked at.

    Raises:
        ValueError: The directory is not within the file, or has more than ``most`` fields, strips and tiles.
    """
    (count,) = _unpacked(layout.order + layout.fields, data, position)
    begin, size = position + struct.calcsize("=" + layout.fields), struct.calcsize("=" + layout.entry)
    (after,) = _unpacked(layout.order + layout.offset, data, begin + count * size)
    fields: dict[int, Field] = {}
    if WEIGHT * count <= most:
        for tag, *field in struct.iter_unpack(layout.order + layout.entry, data[begin : begin + count * size]):
            if tag in STRIPS or tag in STRIPS.values():
                fields.setdefault(tag, (field[0], field[1], field[2]))
    looked_at = WEIGHT * count + sum(field[1] for field in fields.values())
    if looked_at > most:
        raise ValueError("more parts than any document has")
    return after, fields, looked_at


def _ends(data: bytes, layout: _Layout, fields: Mapping[int, Field]) -> Iterator[int]:
    """Yield where each strip or tile of a page ends."""
    for positions, sizes in STRIPS.items():
        if positions in fields and sizes in fields:
            starts, lengths = (_values(data, layout, *fields[tag]) for tag in (positions, sizes))
            yield from map(sum, zip(starts, lengths, strict=False))


def _values(data: bytes, layout: _Layout, kind: int, count: int, value: bytes) -> Iterator[int]:
    """Yield the numbers of a field, which stand in it where they fit, and else where it says."""
    one = TYPES.get(kind)
    if one is None:
        raise ValueError("a position is no number")
    many = f"{layout.order}{count}{one}"
    size = struct.calcsize(many)
    start = 0 if size <= len(value) else _unpacked(layout.order + layout.offset, value, 0)[0]
    yield from _unpacked(many, value if size <= len(value) else data, start)


def _unpacked(layout: str, data: bytes, position: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, position)
    except (struct.error, OverflowError) as error:
        raise ValueError("a directory is not within the file") from error
