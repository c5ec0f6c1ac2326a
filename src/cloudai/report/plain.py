"""Text of machines and strangers made safe to show: composed, on one line, steering nothing."""

from __future__ import annotations

import unicodedata

__all__ = ["drawable", "letters", "plain"]

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
