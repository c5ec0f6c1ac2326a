"""Text of vendors, pictures and file names, made safe to show in a terminal, a table, a page or a picture."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

__all__ = ["UNPRINTABLE", "drawable", "encodable", "inert", "letters", "plain"]

UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: what escape sequences are made of
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # what turns the direction of text, or ends a line
    "\u00ad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb]"  # what takes no place, so that two texts look the same
    "|[\U000e0000-\U000e007f]"  # tags: a text within the text
)


def encodable(thing: Any) -> Any:
    """The same with halves of surrogate pairs (of names that are no UTF-8), which have no bytes, as their escape."""
    if isinstance(thing, str):
        return thing.encode("utf-8", "backslashreplace").decode()
    if isinstance(thing, Mapping):
        return {encodable(name): encodable(value) for name, value in thing.items()}
    return type(thing)(map(encodable, thing)) if type(thing) in (list, tuple) else thing


def inert(text: str) -> str:
    """The text in one line, without what would steer a terminal or hide in it."""
    return UNPRINTABLE.sub(" ", str(encodable(text)))


JOINERS = "\u200c\u200d"
"""They hide nothing and turn nothing, and Persian words and family emoji need them."""

BREAKS = ("Cc", "Zl", "Zp")

INVISIBLE = ("Cf", "Cs")
"""Format characters (bidi marks, soft hyphens, tags) and halves of surrogate pairs, which no file can hold."""

SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))


def plain(text: str) -> str:
    """The text as NFC on one line, with single spaces and no control, bidi or other invisible characters."""
    return " ".join("".join(map(_shown, unicodedata.normalize("NFC", text))).split())


def drawable(text: str) -> str:
    """`plain` text without joiners and variation selectors either: fonts have no glyph for them."""
    return "".join(c for c in plain(text) if c not in JOINERS and ord(c) not in SELECTORS)


def letters(text: str) -> list[str]:
    """The text in pieces that must stay whole: a letter with the marks upon it."""
    pieces: list[str] = []
    for char in text:
        if pieces and unicodedata.category(char).startswith("M"):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _shown(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in BREAKS:
        return " "
    return "" if kind in INVISIBLE and char not in JOINERS else char
