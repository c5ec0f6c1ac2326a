"""Names of files made for people and pictures that any system accepts."""

from __future__ import annotations

import re

from cloudai.errors import InputError
from cloudai.text import drawable, letters

__all__ = ["safe_name"]

LONGEST = 240
"""Bytes of a name in UTF-8: file systems take 255, and a program adds ".part"."""
LONGEST_SUFFIX = 16
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file#naming-conventions
FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')


def safe_name(item: int, stem: str, suffix: str) -> str:
    """The file name for an item: ``safe_name(1, "홍길동", ".jpg")`` is ``0001-홍길동.jpg``.

    Args:
        item: Its number, from 0; it keeps two people of one name apart.
        stem: Any text. What Windows forbids becomes ``_``; it is cut where the whole is over 240 bytes of UTF-8.
        suffix: ``.jpg`` or ``jpg``; may be empty.

    Raises:
        InputError: The number is negative.
    """
    if item < 0:
        raise InputError(f"an item's number is not {item}", advice="Count from 0.")
    end = _cut(_clean(suffix).replace(" ", ""), LONGEST_SUFFIX)
    end = f".{end}" if end else ""
    # With the number in front no name is one of Windows' devices: CON.jpg is one, 0001-CON.jpg is not.
    number = f"{item:04d}"
    middle = _cut(_clean(stem), LONGEST - len(f"{number}-{end}".encode()))
    return f"{number}-{middle}{end}" if middle else f"{number}{end}"


def _clean(text: str) -> str:
    # Windows drops dots and spaces at the end; at the beginning a dot hides the file elsewhere.
    return FORBIDDEN.sub("_", drawable(text)).strip(". ")


def _cut(text: str, most: int) -> str:
    """As much of the text as fits in so many bytes of UTF-8, no letter parted from its marks."""
    kept = ""
    for letter in letters(text):
        if len((kept + letter).encode()) > most:
            break
        kept += letter
    return kept.rstrip(". ")
