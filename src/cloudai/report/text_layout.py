"""Break a text into lines of a given width, make their lengths even, and shorten a text that is too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import regex

from cloudai.text import letters

__all__ = ["balanced", "rest_of", "shortened", "wrapped"]

Measure = Callable[[str], float]
"""A function that returns the width of a text in px."""
NARROWEST = 0.55
"""The least share of the width that even lines may have: narrower ones would make a column of a caption."""


def wrapped(text: str, measure: Measure, width: float) -> list[str]:
    """Return the text in lines that are no wider than the width (px); its own line breaks are kept.

    A line is broken at a space, or before or after a Chinese or Japanese character where the rules of punctuation allow
    that. Any other place in a word, such as a long address, is a break only if the word itself is too wide for a line.
    """
    lines: list[str] = []
    for given in text.split("\n") if text.strip() else ():
        line: str | None = None
        for space, piece in _pieces(given):
            longer = piece if line is None else f"{line}{space}{piece}"
            if measure(longer) <= width:
                line = longer
            else:
                lines += [] if line is None else [line]
                *full, line = _cut(piece, measure, width)
                lines += full
        lines.append(line or "")
    return lines


def balanced(text: str, measure: Measure, width: float) -> list[str]:
    """Return as many lines as `wrapped` does, in lengths that are as equal as the words allow.

    The lines are broken for the least width that needs no more of them, but for no less than the share `NARROWEST` of
    the given width. The last line may still be a single word, if a longer word stands before it.
    """
    lines = wrapped(text, measure, width)
    # Search by halving for the least width that needs no more lines.
    low = max([NARROWEST * width, *(measure(piece) for line in text.split("\n") for _, piece in _pieces(line))])
    high = width
    while len(lines) > 1 and high - low > 1:
        middle = (low + high) / 2
        narrower = wrapped(text, measure, middle)
        if len(narrower) == len(lines):
            lines, high = narrower, middle
        else:
            low = middle
    return lines


def shortened(text: str, measure: Measure, width: float, mark: str = "…") -> str:
    """Return the beginning of the text with the mark behind it, no wider than the width (px)."""
    # Search by halving for the greatest number of letters that fit.
    pieces = letters(text)
    fits, too_many = 0, len(pieces) + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if measure("".join(pieces[:middle]).rstrip() + mark) <= width:
            fits = middle
        else:
            too_many = middle
    # A comma before "…" would look like a mistake.
    return "".join(pieces[:fits]).rstrip(" ,;:·-–—") + mark


def rest_of(text: str, lines: Sequence[str]) -> str:
    """Return what follows the first lines of a text, in one line.

    Args:
        text: The whole text.
        lines: Its first lines, as `wrapped` returns them.
    """
    # Lines differ from their text by white space only, so the other characters tell how far they reach.
    left = sum(len("".join(line.split())) for line in lines)
    position = 0
    while position < len(text) and (left or text[position].isspace()):
        left -= not text[position].isspace()
        position += 1
    rest = ""
    for line in text[position:].split("\n"):
        words = " ".join(line.split())
        # A line break of the text itself stands for a space, except between characters that are written without one.
        rest += words if not rest or not words or _may_part(rest[-1], words[0]) else f" {words}"
    return rest


IDEOGRAPHIC = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\u3000-\u303f\uff01-\uff60]")
"""Letters of Japanese and Chinese, and their punctuation: a line may end before or after one of them."""
NOT_FIRST = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー）］｝〕〉》」』】…‥,.:;?!)]}ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
"""Characters with which no line begins (JIS X 4051)."""
NOT_LAST = frozenset("（［｛〔〈《「『【([{")
"""Characters with which no line ends (JIS X 4051)."""


BETWEEN = frozenset("·•|–—")
"""Characters that stand alone between two words, and with which no line begins."""


def _words(line: str) -> list[str]:
    """Return the words of a line, each with the dot or the dash that stands alone behind it."""
    words: list[str] = []
    for word in line.split():
        if words and word in BETWEEN:
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of a line that stay whole, each with the space before it."""
    for word in _words(line):
        space, piece = " ", ""
        for letter in letters(word):
            if piece and _may_part(piece[-1], letter[0]):
                yield space, piece
                space, piece = "", ""
            piece += letter
        yield space, piece


def _may_part(before: str, after: str) -> bool:
    """Return whether a line may end between two characters that have no space between them."""
    # Korean has spaces, and is broken there only, as its readers expect.
    if not (IDEOGRAPHIC.match(before) or IDEOGRAPHIC.match(after)):
        return False
    return after not in NOT_FIRST and before not in NOT_LAST


def _cut(piece: str, measure: Measure, width: float) -> list[str]:
    """Return a piece in parts that are no wider than the width; at least one letter each."""
    if measure(piece) <= width:
        return [piece]
    parts = [""]
    for letter in letters(piece):
        if parts[-1] and measure(parts[-1] + letter) > width:
            parts.append("")
        parts[-1] += letter
    return parts
