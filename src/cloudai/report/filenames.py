"""Make file names from the names of people and pictures, so that every operating system accepts them."""

from __future__ import annotations

import re

from cloudai.errors import InputError
from cloudai.text import drawable, letters

__all__ = ["safe_name"]

LONGEST = 240
"""The most bytes of a name in UTF-8: file systems take 255, and a program may add ".part"."""
LONGEST_SUFFIX = 16
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file#naming-conventions
FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')


def safe_name(item: int, stem: str, suffix: str, *, mark: str = "") -> str:
    """Return the file name for an item: ``safe_name(1, "홍길동", ".jpg")`` is ``0001-홍길동.jpg``.

    Args:
        item: The item's number, from 0; it keeps two people of the same name apart.
        stem: Any text. Characters that Windows forbids become ``_``; the text is cut if the name would have more
            than 240 bytes in UTF-8.
        suffix: The file's ending, ``.jpg`` or ``jpg``; it may be empty.
        mark: A few characters behind the text, which are never cut; they keep apart files with the same text.

    Raises:
        InputError: The number is negative.
    """
    if item < 0:
        raise InputError(f"an item's number is not {item}", advice="Count from 0.")
    # The ending comes from callers, too, and must not bring a folder or a second name with it.
    end = _cut(_clean(suffix).replace(" ", ""), LONGEST_SUFFIX)
    end = f".{end}" if end else ""
    # The number also keeps a name from being one of Windows' devices: CON.jpg is one, 0001-CON.jpg is not.
    number = f"{item:04d}"
    middle = (_cut(_clean(stem), LONGEST - len(f"{number}-{mark}{end}".encode())) + mark).lstrip(" ")
    return f"{number}-{middle}{end}" if middle else f"{number}{end}"


def _clean(text: str) -> str:
    # Windows drops dots and spaces at the end; on other systems a dot at the beginning hides the file.
    return FORBIDDEN.sub("_", drawable(text)).strip(". ")


def _cut(text: str, most: int) -> str:
    """Return as much of the text as fits in so many bytes of UTF-8, without parting a letter from its marks."""
    kept = ""
    # A cut between a letter and its marks would make another letter of it.
    for letter in letters(text):
        if len((kept + letter).encode()) > most:
            break
        kept += letter
    return kept.rstrip(". ")
