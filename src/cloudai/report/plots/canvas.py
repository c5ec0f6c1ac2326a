"""Write SVG: elements whose values are escaped, and texts whose widths are estimated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

from cloudai.report.text_layout import shortened, wrapped
from cloudai.table_layout import text_width
from cloudai.text import plain

__all__ = ["Canvas", "lines_of_label", "width_of"]

EM = 0.54
"""The width of a Latin letter as a share of the size of the font; a Hangul syllable has twice of it."""


class Canvas:
    """The elements of one drawing, in the order in which they are painted."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, name: str, text: str | None = None, /, **attributes: object) -> None:
        """Add an element; an underscore in the name of an attribute stands for a hyphen, one at its end for nothing."""
        body = "/>" if text is None else f">{escape(_lines(text))}</{name}>"
        self._parts.append(f"<{name}{_attributes(attributes)}{body}")

    @contextmanager
    def within(self, name: str, /, **attributes: object) -> Iterator[None]:
        """Add an element that holds what is added meanwhile."""
        self._parts.append(f"<{name}{_attributes(attributes)}>")
        yield
        self._parts.append(f"</{name}>")

    def text(self, x: float, y: float, text: str, *, anchor: str = "start", class_: str | None = None) -> None:
        """Add a text whose baseline begins, has its middle or ends at a position."""
        self.add("text", text, x=x, y=y, text_anchor=anchor if anchor != "start" else None, class_=class_)

    def line(self, x1: float, y1: float, x2: float, y2: float, class_: str) -> None:
        """Add a straight line."""
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)

    def __str__(self) -> str:
        return "\n".join(self._parts)


def _attributes(attributes: dict[str, object]) -> str:
    return "".join(
        f' {name.rstrip("_").replace("_", "-") if name != "viewBox" else name}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )


def _lines(text: str) -> str:
    """Return a text that is safe to show, whose line breaks are kept."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else escape(plain(str(value)), quote=True)


def width_of(text: str, size: float) -> float:
    """Return about how wide a text is in px."""
    return text_width(text) * size * EM


def lines_of_label(text: str, size: float, width: float, most: int) -> list[str]:
    """Return a label in lines no wider than so many px, and not more of them than `most`; what is left is cut."""
    lines = wrapped(plain(text), lambda piece: width_of(piece, size), width)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], shortened(" ".join(lines[most - 1 :]), lambda piece: width_of(piece, size), width)]
