"""This module makes text of vendors, pictures and file names safe to show in a terminal, table, page or picture."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "UNPRINTABLE",
    "did_you_mean",
    "drawable",
    "encodable",
    "inert",
    "is_word",
    "letters",
    "lines_of",
    "plain",
    "quoted",
    "repeated",
]

UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls, which escape sequences are made of
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # characters that turn the direction of text, or end a line
    "\u00ad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb]"  # characters of no width: two texts look the same
    "|[\U000e0000-\U000e007f]"  # tags: a text within the text
)


def encodable(thing: Any) -> Any:
    """Return the same value with each half of a surrogate pair as its escape, because it cannot be encoded.

    File names that are not UTF-8 have such halves. Lists, tuples and dicts are gone through.
    """
    if isinstance(thing, str):
        return thing.encode("utf-8", "backslashreplace").decode()
    if isinstance(thing, Mapping):
        return {encodable(name): encodable(value) for name, value in thing.items()}
    return type(thing)(map(encodable, thing)) if type(thing) in (list, tuple) else thing


def inert(text: str) -> str:
    """Return the text on one line, with spaces for the characters that would steer a terminal or hide in it."""
    return UNPRINTABLE.sub(" ", str(encodable(text)))


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, which end at CR, LF or CRLF only, as those of files do.

    `str.splitlines` also ends a line at form feeds and at U+2028, which texts from web pages and PDFs hold.
    """
    return LINE_END.split(text)


LINE_END = re.compile(r"\r\n|\r|\n")

JOINERS = "\u200c\u200d"
"""Joiners hide nothing and turn nothing, and Persian words and family emoji need them."""

BREAKS = ("Cc", "Zl", "Zp")

INVISIBLE = ("Cf", "Cs")
"""The Unicode categories of format characters (bidi marks, soft hyphens, tags), and of halves of surrogate pairs, which
no file can hold."""

SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))


def plain(text: str) -> str:
    """Return the text as NFC on one line, with single spaces and no control, bidi or other invisible characters."""
    return " ".join("".join(map(_shown, unicodedata.normalize("NFC", text))).split())


def drawable(text: str) -> str:
    """Return `plain` text that has no joiners and variation selectors either, because fonts have no glyph for them."""
    return "".join(c for c in plain(text) if c not in JOINERS and ord(c) not in SELECTORS)


def letters(text: str) -> list[str]:
    """Split a text into pieces that must stay whole: each is a letter with the marks upon it."""
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


LONGEST_WORD = 24


def is_word(text: str) -> bool:
    """Return whether a text may be repeated in an error: a short word, which keys are not."""
    return re.fullmatch(r"[\w .:/-]*", text) is not None and len(text) <= LONGEST_WORD


def quoted(value: object) -> str:
    """Return a word in quotes, as an error repeats what a user gave; "…" for anything longer, which may be a key."""
    return repr(value) if isinstance(value, str) and is_word(value) else "'…'"


def repeated(value: object) -> str:
    """Return a value as an error shows it: a number or a short word, and otherwise only its type.

    Of a long number it is "…": Python itself refuses to write one of more than 4,300 digits.
    """
    if isinstance(value, int) and abs(value) >= 10**LONGEST_WORD:
        return "…"
    if value is None or isinstance(value, int | float):
        return repr(value)
    return repr(value) if isinstance(value, str) and is_word(value) else f"a {type(value).__name__}"


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return a sentence that suggests the known word that is most like another, or "" where none is like it.

    Example:
        >>> did_you_mean("detect_face", ["detect_faces", "sentiment"])
        'Did you mean detect_faces?'
    """
    from difflib import get_close_matches  # only errors need it

    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.65) if isinstance(word, str) else []
    return f"Did you mean {close[0]}?" if close else ""
