"""Compare a transcript with what was really said: error rates, and a difference that a person can read.

The words and characters are aligned by rapidfuzz, extra ``compare``.
"""

from __future__ import annotations

import html
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudai.errors import InputError, MissingExtraError
from cloudai.table import Table
from cloudai.table_files import write
from cloudai.text import encodable

__all__ = ["Comparison", "compared"]

STYLE = """\
:root{color-scheme:light dark}body{font:1.1em/1.9 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em}
del{background:#c002;color:#b00;text-decoration:line-through}ins{background:#0a02;color:#070;text-decoration:none}
@media(prefers-color-scheme:dark){del{color:#f88}ins{color:#8e8}}table{border-collapse:collapse;margin-bottom:1.5em}
th,td{text-align:left;padding:.1em 1em .1em 0;border-bottom:1px solid #8884}.key{font-size:.85em;opacity:.75}"""
"""The look of the page: what is missing is struck out, so that it can be told without its colour."""


@dataclass(frozen=True)
class _Piece:
    """A stretch in which both texts are alike, or differ."""

    wanted: str
    heard: str
    is_alike: bool


@dataclass(frozen=True)
class Comparison:
    """The differences between a transcript and a reference. In a notebook it shows them.

    Letters are compared without case, and words without punctuation.
    """

    words: int
    """Words of the reference."""
    wer: float
    """Word error rate: words that are wrong, missing or too many, by the words of the reference; it may be above 1."""
    cer: float
    """Character error rate, where the blank between two words counts as a character."""
    cer_without_blanks: float
    """Character error rate without blanks: how Korean is spaced is often no error."""
    substituted: int
    """Words that are wrong."""
    deleted: int
    """Words of the reference that are missing."""
    inserted: int
    """Words that the reference does not have."""
    _pieces: tuple[_Piece, ...] = field(repr=False)

    def table(self) -> Table:
        """Return the error rates and the numbers of words as a table of one row."""
        names = ("words", "wer", "cer", "cer_without_blanks", "substituted", "deleted", "inserted")
        return Table([{name: getattr(self, name) for name in names}])

    def __str__(self) -> str:
        return (
            f"word error rate {self.wer:.1%}, character error rate {self.cer:.1%} "
            f"({self.cer_without_blanks:.1%} without blanks), {self.words} words: {self.substituted} wrong, "
            f"{self.deleted} missing, {self.inserted} too many"
        )

    def to_html(self, path: str | os.PathLike[str] | None = None, *, title: str = "Transcript") -> str:
        """Return the difference as a page in HTML, and write it to a file if one is named.

        Words that the transcript lacks are struck out, and words that it has too many of are underlaid. The page loads
        nothing.

        Args:
            path: The file, which is replaced if it exists.
            title: The title of the page.

        Raises:
            OutputError: The file cannot be written.
        """
        page = (
            '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>{self._shown()}"
        )
        if path is not None:
            write(path, str(encodable(page)).encode())
        return page

    def _repr_html_(self) -> str:
        # A notebook has a body of its own, which must not get the look of our page.
        return f"<style>{STYLE.replace('body{', '.cloudai-difference{')}</style>{self._shown()}"

    def _shown(self) -> str:
        rates = (
            ("word error rate", f"{self.wer:.1%}"),
            ("character error rate", f"{self.cer:.1%}"),
            ("… without blanks", f"{self.cer_without_blanks:.1%}"),
            ("wrong, missing, too many", f"{self.substituted}, {self.deleted}, {self.inserted} of {self.words} words"),
        )
        rows = "".join(f"<tr><th>{what}</th><td>{value}</td></tr>" for what, value in rates)
        text = " ".join(map("".join, map(_marked, self._pieces)))
        key = '<p class="key"><del>in the reference alone</del> <ins>in the transcript alone</ins></p>'
        return f'<div class="cloudai-difference"><table>{rows}</table>{key}<p>{text}</p></div>'


def _marked(piece: _Piece) -> Iterator[str]:
    if piece.is_alike:
        yield html.escape(piece.heard)
        return
    if piece.wanted:
        yield f"<del>{html.escape(piece.wanted)}</del>"
    if piece.wanted and piece.heard:
        yield " "
    if piece.heard:
        yield f"<ins>{html.escape(piece.heard)}</ins>"


def compared(heard: str, wanted: str) -> Comparison:
    """Return how a text that was written down differs from the reference.

    Raises:
        InputError: The reference has no word.
        MissingExtraError: rapidfuzz is not installed.
    """
    try:
        # The time for the distance grows with the square of the number of words, and this package computes it in C++.
        from rapidfuzz.distance import Levenshtein
    except ImportError:
        raise MissingExtraError("comparing transcripts", "compare") from None
    # Words are told apart by blanks also in languages without them; the character error rates are what counts there.
    shown, said = heard.split(), wanted.split()
    ours, theirs = _words(shown), _words(said)
    if not theirs:
        raise InputError("the reference has no word to compare with", advice="Give the text of what was said.")
    theirs_plain, ours_plain = [word for word, _ in theirs], [word for word, _ in ours]
    pieces: list[_Piece] = []
    counts = {"replace": 0, "delete": 0, "insert": 0, "equal": 0}
    for what in Levenshtein.opcodes(theirs_plain, ours_plain):
        # One of the two stretches is empty where words are missing or too many.
        counts[what.tag] += max(what.src_end - what.src_start, what.dest_end - what.dest_start)
        missed = " ".join(text for _, text in theirs[what.src_start : what.src_end])
        got = " ".join(text for _, text in ours[what.dest_start : what.dest_end])
        pieces.append(_Piece(missed, got, what.tag == "equal"))
    # Characters are compared in the plain words: another comma is no error of who has listened.
    spaced = " ".join(theirs_plain), " ".join(ours_plain)
    dense = "".join(theirs_plain), "".join(ours_plain)
    return Comparison(
        words=len(theirs),
        wer=(counts["replace"] + counts["delete"] + counts["insert"]) / len(theirs),
        cer=_rate(Levenshtein, *spaced),
        cer_without_blanks=_rate(Levenshtein, *dense),
        substituted=counts["replace"],
        deleted=counts["delete"],
        inserted=counts["insert"],
        _pieces=tuple(pieces),
    )


def _rate(distance: Any, wanted: str, heard: str) -> float:
    return float(distance.distance(wanted, heard)) / len(wanted)


def _words(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return each word as it is compared, and as it is shown; what is nothing but punctuation is no word."""
    plain = ((_plain(text), text) for text in texts)
    return [(word, text) for word, text in plain if word]


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()  # full-width digits and letters are digits and letters
    # Accents that stand as marks of their own are no letters for isalnum().
    return "".join(letter for letter in folded if letter.isalnum() or unicodedata.combining(letter))
