"""A text set in lines no wider than a width: broken at spaces, evened out, shortened at the end."""

from __future__ import annotations

from collections.abc import Callable

from cloudai.text import letters

__all__ = ["balanced", "shortened", "wrapped"]

Measure = Callable[[str], float]
"""Width of a text in px."""
NARROWEST = 0.55
"""Share of the width below which evening out makes a column of a caption."""


def wrapped(text: str, measure: Measure, width: float) -> list[str]:
    """Lines no wider than the width (px): broken at spaces, and inside a word only if it is too wide alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if measure(longer) <= width:
            lines[-1:] = [longer]
        else:
            lines += _pieces(word, measure, width)
    return lines


def balanced(text: str, measure: Measure, width: float) -> list[str]:
    """As many lines as `wrapped` gives, of lengths as even as can be: no word alone on the last line."""
    lines = wrapped(text, measure, width)
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
    """The beginning of the text and the mark, together no wider than the width (px)."""
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
