"""Break a text into lines of a given width, make their lengths even, and shorten a text that is too long."""

from __future__ import annotations

from collections.abc import Callable

from cloudai.text import letters

__all__ = ["balanced", "shortened", "wrapped"]

Measure = Callable[[str], float]
"""A function that returns the width of a text in px."""
NARROWEST = 0.55
"""The least share of the width that even lines may have: narrower ones would make a column of a caption."""


def wrapped(text: str, measure: Measure, width: float) -> list[str]:
    """Return the text in lines that are no wider than the width (px).

    Lines are broken at spaces, and inside a word only if the word itself is too wide for a line.
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if measure(longer) <= width:
            lines[-1:] = [longer]
        else:
            lines += _pieces(word, measure, width)
    return lines


def balanced(text: str, measure: Measure, width: float) -> list[str]:
    """Return as many lines as `wrapped` does, of even lengths, so that no single word is left for the last line."""
    lines = wrapped(text, measure, width)
    # Search by halving for the least width that needs no more lines.
    low = max([NARROWEST * width, *(measure(word) for word in text.split())])
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
    return "".join(pieces[:fits]).rstrip(" ,;:·-–—") + mark


def _pieces(word: str, measure: Measure, width: float) -> list[str]:
    if measure(word) <= width:
        return [word]
    pieces = [""]
    for letter in letters(word):
        if pieces[-1] and measure(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
