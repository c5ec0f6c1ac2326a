"""Draw what all plots have: axes with their ticks, a legend, and values that tell what they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cloudai.report.plots.canvas import Canvas, lines_of_label, width_of
from cloudai.report.plots.chart import LONG_TIME, Axis, Chart, Dot, Series
from cloudai.report.plots.plot_words import words_of

__all__ = ["COLOURS", "SMALL", "WIDTH", "Frame", "colour_of", "draw_axes", "draw_legend", "drawn_dot", "told"]

WIDTH = 960.0
SMALL = 13.0
"""Size of all texts in px."""
COLOURS = 10
"""Colours that series have, in their order; the eleventh series has the first again."""
GAP = 10.0


@dataclass(frozen=True)
class Frame:
    """The area of a drawing in which the values are, in px, and the axes that span it."""

    left: float
    top: float
    right: float
    bottom: float
    x: Axis
    """The axis at the bottom."""
    y: Axis
    """The axis at the left."""

    def across(self, value: float) -> float:
        """Return where a value of the axis at the bottom is, in px from the left."""
        return self.left + (self.right - self.left) * (value - self.x.low) / (self.x.high - self.x.low)

    def down(self, value: float) -> float:
        """Return where a value of the axis at the left is, in px from the top."""
        return self.bottom - (self.bottom - self.top) * (value - self.y.low) / (self.y.high - self.y.low)


def colour_of(number: int) -> str:
    """Return the class that gives an element the colour of a series."""
    return f"c{number % COLOURS}"


def told(chart: Chart, series: Series, dot: Dot) -> str:
    """Return what a tooltip says of a value, a line for each fact."""
    words = words_of(chart.language)
    lines = [dot.text, series.name]
    # The name of a category is the text of the value already.
    if chart.x.scale not in ("category", "longitude"):
        lines.append(f"{chart.x.name}: {chart.x.told(dot.x)}")
    if chart.kind == "map" and dot.y is not None:
        lines.append(f"{chart.y.told(dot.y)} {chart.x.told(dot.x)}")
    elif dot.y is not None:
        lines.append(words.get(dot.word, "") or f"{chart.y.name or words['value']}: {chart.y.told(dot.y)}")
    elif dot.low is None:
        lines.append(words["nothing"])
    if dot.low is not None and dot.high is not None and (dot.low != dot.high or dot.open_ended):
        ends = " – ".join(dict.fromkeys(chart.y.told(end) for end in (dot.low, dot.high)))
        lines.append(f"{words['range']}: {words['and more'].format(value=ends) if dot.open_ended else ends}")
    return "\n".join(dict.fromkeys(filter(None, lines)))


@contextmanager
def drawn_dot(canvas: Canvas, dot: Dot, at: tuple[float, float], text: str) -> Iterator[None]:
    """Add one value, whose shape is added meanwhile: a link if it has a target, with its words for every reader."""
    # The Tab key goes from series to series, and the arrow keys within them: one stop for each of thousands of values
    # would lock a reader in. plot.js does the same for links.
    link = {"href": f"#{dot.target}"} if dot.target else {"role": "img", "tabindex": -1}
    position = {"data_x": at[0], "data_y": at[1], "data_value": dot.x}
    with canvas.within(
        "a" if dot.target else "g", class_="dot", aria_label=text.replace("\n", ", "), **position, **link
    ):
        canvas.add("title", text)
        yield


def draw_legend(canvas: Canvas, chart: Chart, top: float) -> float:
    """Add an entry for each series, in as many lines as they need, and return where the lowest ends, in px."""
    # A single series needs no legend, because the heading says what it is.
    if len(chart.series) < 2 and not any(series.dashed for series in chart.series):  # noqa: PLR2004
        return top
    x, y = GAP, top
    with canvas.within("g", class_="legend", aria_hidden="true"):
        for number, series in enumerate(chart.series):
            (name,) = lines_of_label(series.name, SMALL, WIDTH / 3, 1) or [""]
            wide = 24 + width_of(name, SMALL) + 14
            if x > GAP and x + wide > WIDTH - GAP:
                x, y = GAP, y + 21
            with canvas.within("g", class_=colour_of(number), data_series=number):
                if series.dashed:
                    canvas.line(x, y + 7, x + 18, y + 7, "dashed")
                else:
                    canvas.add("rect", class_="mark", x=x + 3, y=y + 1, width=12, height=12, rx=2)
                canvas.text(x + 24, y + 12, name)
            x += wide
    return y + 24


def draw_axes(canvas: Canvas, frame: Frame, *, across: bool = True, grid: tuple[bool, bool] = (False, True)) -> None:
    """Add the lines and the words of both axes.

    Args:
        canvas: Where they are added.
        frame: The area of the values.
        across: Whether the axis at the bottom has its ticks; a plot of categories writes them itself.
        grid: Whether the ticks at the bottom, and those at the left, have lines through the whole area.
    """
    with canvas.within("g", class_="axes", aria_hidden="true"):
        for at, text in frame.y.ticks:
            y = frame.down(at)
            if grid[1]:
                canvas.line(frame.left, y, frame.right, y, "zero" if at == 0 else "grid")
            canvas.text(frame.left - 8, y + SMALL * 0.35, text, anchor="end")
        if frame.y.name:
            canvas.text(GAP, frame.top - 15, _named(frame.y))
        for at, text in frame.x.ticks if across else ():
            x = frame.across(at)
            if grid[0]:
                canvas.line(x, frame.top, x, frame.bottom, "zero" if at == 0 else "grid")
            canvas.line(x, frame.bottom, x, frame.bottom + 5, "tick")
            canvas.text(x, frame.bottom + 20, text, anchor="middle")
        canvas.line(frame.left, frame.bottom, frame.right, frame.bottom, "base")
        if across and frame.x.name:
            canvas.text(frame.right, frame.bottom + 40, _named(frame.x), anchor="end")


def _named(axis: Axis) -> str:
    plain_seconds = axis.scale == "seconds" and axis.high < LONG_TIME
    return f"{axis.name} ({axis.unit})" if axis.unit and (axis.scale == "number" or plain_seconds) else axis.name
