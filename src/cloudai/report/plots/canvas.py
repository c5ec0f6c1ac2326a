"""Hold the elements of a drawing, and write them as SVG, in which every value is escaped; estimate widths of texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

from cloudai.report.page import webp
from cloudai.report.text_layout import shortened, wrapped
from cloudai.table_layout import text_width
from cloudai.text import plain

__all__ = ["Canvas", "Element", "lines_of_label", "width_of"]

# The real width depends on the font of the reader, which nobody knows here.
EM = 0.54
"""The width of a Latin letter as a share of the size of the font; a Hangul syllable has twice of it."""


@dataclass(frozen=True)
class Element:
    """One element of a drawing; a group has the elements that it holds."""

    name: str
    attributes: Mapping[str, object]
    text: str | None = None
    parts: Sequence[Element] = ()


class Canvas:
    """The elements of one drawing in the order in which they are painted, whatever paints them.

    The names of elements and attributes are those of SVG. A "path" has ``points`` and ``steps`` (None for spots without
    lines), and an "image" a ``picture``, from which ``d`` and ``href`` are made when the drawing is written as SVG.
    """

    def __init__(self) -> None:
        self.elements: list[Element] = []

    def add(self, name: str, text: str | None = None, /, **attributes: object) -> None:
        """Add an element; an underscore in the name of an attribute stands for a hyphen, one at its end for nothing."""
        self.elements.append(Element(name, attributes, text))

    @contextmanager
    def within(self, name: str, /, **attributes: object) -> Iterator[None]:
        """Add an element that holds what is added meanwhile."""
        outer, inner = self.elements, list[Element]()
        self.elements = inner
        try:
            yield
        finally:
            self.elements = outer
        outer.append(Element(name, attributes, None, inner))

    def text(self, x: float, y: float, text: str, *, anchor: str = "start", class_: str | None = None) -> None:
        """Add a text whose baseline begins, has its middle or ends at a position."""
        self.add("text", text, x=x, y=y, text_anchor=anchor if anchor != "start" else None, class_=class_)

    def line(self, x1: float, y1: float, x2: float, y2: float, class_: str) -> None:
        """Add a straight line."""
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)

    def path(self, points: Sequence[tuple[float, float]], class_: str, *, steps: bool = False) -> None:
        """Add a line through points; with steps it stays level until the next point."""
        self.add("path", class_=class_, points=points, steps=steps)

    def spots(self, points: Sequence[tuple[float, float]]) -> None:
        """Add many small spots as one element."""
        self.add("path", class_="spots", points=points, steps=None)

    def __str__(self) -> str:
        return "\n".join(map(_written, self.elements))


def _written(element: Element) -> str:
    head = f"{element.name}{_attributes(element.attributes)}"
    if element.parts:
        inner = "\n".join(map(_written, element.parts))
        return f"<{head}>{inner}</{element.name}>"
    return f"<{head}/>" if element.text is None else f"<{head}>{escape(_lines(element.text))}</{element.name}>"


def _attributes(attributes: Mapping[str, Any]) -> str:
    plain_ones = dict(attributes)
    if "points" in plain_ones:
        plain_ones["d"] = _outline(plain_ones.pop("points"), steps=plain_ones.pop("steps"))
    if "picture" in plain_ones:
        picture = plain_ones.pop("picture")
        plain_ones["href"] = f"data:image/webp;base64,{webp(picture, max(picture.size))[0]}"
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in plain_ones.items()
        if value is not None
    )


def _outline(points: Sequence[tuple[float, float]], *, steps: bool | None) -> str:
    """Return the commands of a path through points, or of a spot at each of them if `steps` is None."""
    if steps is None:
        # A line of no length is drawn as a spot where the ends of lines are round. Thousands of them are one element,
        # and not thousands.
        return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
    (left, top), *rest = points
    parts = [f"M{left:.1f} {top:.1f}"]
    parts += [f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}" for x, y in rest]
    return "".join(parts)


def _lines(text: str) -> str:
    """Return a text that is safe to show, whose line breaks are kept."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _value(value: object) -> str:
    # More digits than two cannot be seen, and would make a page of ten thousand values several times as large.
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
