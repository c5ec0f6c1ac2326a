"""Draw grouped bars, standing or lying; likelihood words are steps of blocks, and no bar is a mean unasked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cloudai.report.plots.canvas import Canvas, lines_of_label, width_of
from cloudai.report.plots.chart import Axis, Chart, Dot, shown_number
from cloudai.report.plots.frame import SMALL, WIDTH, Frame, colour_of, draw_axes, draw_legend, drawn_dot, told

__all__ = ["draw_bars"]

HEIGHT, LINE = 330.0, 16.0
THICKEST, THINNEST = 44.0, 13.0
WIDEST_NAME = 330.0
WIDE_ENOUGH = 30.0
"""Width in px of a bar from which its number stands above it."""
BELOW = 44.0
"""Room in px between the names and the axis for the numbers of bars that go to the left."""
STUB = 2.0
"""Thickness in px of what stands for the value 0."""


def draw_bars(canvas: Canvas, chart: Chart) -> float:
    """Add the drawing of bars, and return its height in px."""
    return _lying(canvas, chart) if chart.sideways else _standing(canvas, chart)


def _standing(canvas: Canvas, chart: Chart) -> float:
    top = draw_legend(canvas, chart, 10) + (32 if chart.y.name else 12)
    left = 24 + max(width_of(text, SMALL) for _, text in chart.y.ticks)
    frame = Frame(left, top, WIDTH - 12, top + HEIGHT, chart.x, chart.y)
    draw_axes(canvas, frame, across=False)
    room = (frame.right - frame.left) / len(chart.x.ticks)
    labels = [lines_of_label(text, SMALL, room - 8, 3) for _, text in chart.x.ticks]
    for (at, _), lines in zip(chart.x.ticks, labels, strict=True):
        for n, line in enumerate(lines):
            canvas.text(frame.across(at), frame.bottom + 20 + n * LINE, line, anchor="middle")
    thick = min(THICKEST, room * 0.84 / _most(chart))
    _draw_series(_Bars(canvas, chart, frame, thick), [frame.across(at) for at, _ in chart.x.ticks])
    return frame.bottom + 12 + LINE * max(map(len, labels)) + 10


def _lying(canvas: Canvas, chart: Chart) -> float:
    """Draw bars from the left to the right; the axis of the values is at the bottom."""
    top = draw_legend(canvas, chart, 10) + 6
    widest = min(WIDEST_NAME, max(width_of(text, SMALL) for _, text in chart.x.ticks) + 4)
    labels = [lines_of_label(text, SMALL, widest, 3) for _, text in chart.x.ticks]
    # Lying bars may have any number of groups: the drawing becomes higher, and its bars never too thin to be hit.
    thick = max(THINNEST, min(24.0, 40.0 / _most(chart)))
    room = max(thick * _most(chart), LINE * max(map(len, labels))) + 10
    beyond = BELOW if chart.y.low < 0 else 0.0
    frame = Frame(widest + 20 + beyond, top, WIDTH - 40, top + room * len(labels), chart.y, Axis("", 0, 1, ()))
    draw_axes(canvas, frame, grid=(True, False))
    for n, lines in enumerate(labels):
        middle = frame.top + room * (n + 0.5)
        for line_number, line in enumerate(lines):
            y = middle + LINE * (line_number - (len(lines) - 1) / 2) + SMALL * 0.35
            canvas.text(frame.left - 10 - beyond, y, line, anchor="end")
    _draw_series(_Bars(canvas, chart, frame, thick), [frame.top + room * (n + 0.5) for n in range(len(labels))])
    return frame.bottom + 52


def _most(chart: Chart) -> int:
    """Return how many bars the largest group has; a series without a value in a group takes no room there."""
    return max(Counter(dot.x for dot in chart.dots()).values())


def _draw_series(bars: _Bars, middles: Sequence[float]) -> None:
    """Add the bars of all series, those of a group side by side around its middle (px)."""
    chart, canvas = bars.chart, bars.canvas
    members = Counter(dot.x for dot in chart.dots())
    drawn = Counter[float]()
    for number, series in enumerate(chart.series):
        with canvas.within("g", class_=f"series {colour_of(number)}", data_series=number, aria_label=series.name):
            for dot in series.dots:
                # Bars are packed by those that are there, because gaps for series without a value would look like
                # values of 0.
                side = middles[round(dot.x)] + bars.thick * (drawn[dot.x] - members[dot.x] / 2)
                drawn[dot.x] += 1
                with drawn_dot(canvas, dot, bars.middle_of(dot, side), told(chart, series, dot)):
                    bars.draw(dot, side)


@dataclass(frozen=True)
class _Bars:
    """Draws single bars into a frame, whichever way they go."""

    canvas: Canvas
    chart: Chart
    frame: Frame
    thick: float

    def draw(self, dot: Dot, side: float) -> None:
        """Draw the bar of a value.

        Args:
            dot: The value.
            side: Where its left side, or the upper one of a lying bar, is, in px.
        """
        middle = side + self.thick / 2
        if dot.y is None:
            # A value that is missing is drawn as a dash, because a bar of no length stands for 0.
            reason = f"– {dot.label}" if dot.label and self.chart.sideways else "–"
            self._text(self._at(self._base), middle, reason, 6, "faint")
            return
        for low, high in self._blocks(dot.y):
            ends = self._at(low), self._at(high)
            # Ranks are drawn as blocks with gaps, which are counted, and not as a bar, which is measured: a rank is no
            # length.
            gap = 1.5 if self.chart.y.scale == "likelihood" and low < high else 0.0
            start = min(ends) + gap
            self._rectangle(start, max(max(ends) - gap - start, STUB), side)
        for value in dot.raw:
            across, down = (self._at(value), middle) if self.chart.sideways else (middle, self._at(value))
            self.canvas.add("circle", class_="value", cx=across, cy=down, r=3)
        # Numbers above narrow bars would run into each other.
        wide_enough = self.chart.sideways or self.thick >= WIDE_ENOUGH
        if wide_enough and self.chart.y.scale != "likelihood" and not dot.raw:
            number = shown_number(round(dot.y, 2))
            self._text(self._at(dot.y), middle, number, -6 if dot.y < self._base else 6, "number halo")

    @property
    def _base(self) -> float:
        """The value at which bars begin."""
        # A bar shows its value by its length from 0. Where 0 is not on the axis, it begins at the end that is nearest.
        return min(max(0.0, self.chart.y.low), self.chart.y.high)

    def _at(self, value: float) -> float:
        return self.frame.across(value) if self.chart.sideways else self.frame.down(value)

    def middle_of(self, dot: Dot, side: float) -> tuple[float, float]:
        """Return the middle of a bar, in px."""
        along = (self._at(self._base) + self._at(self._base if dot.y is None else dot.y)) / 2
        across = side + self.thick / 2
        return (along, across) if self.chart.sideways else (across, along)

    def _blocks(self, value: float) -> list[tuple[float, float]]:
        """Return the pieces of a bar by their values: one from the base on, or one for each step of a rank."""
        if self.chart.y.scale == "likelihood" and value > 0:
            return [(float(n), float(n + 1)) for n in range(round(value))]
        return [(min(self._base, value), max(self._base, value))]

    def _rectangle(self, start: float, long: float, side: float) -> None:
        """Add a rectangle that begins at a px along the axis of values, and at a px across it."""
        gap = 1.0 if self.thick < WIDE_ENOUGH else 1.5
        wide = self.thick - 2 * gap
        if self.chart.sideways:
            self.canvas.add("rect", class_="mark", x=start, y=side + gap, width=long, height=wide, rx=1.5)
        else:
            up = STUB if long == STUB else 0.0  # what stands for 0 is above the line, where it can be seen
            self.canvas.add("rect", class_="mark", x=side + gap, y=start - up, width=wide, height=long, rx=1.5)

    def _text(self, along: float, middle: float, text: str, away: float, class_: str) -> None:
        """Add a text so many px beyond a value, upwards or to the right."""
        if self.chart.sideways:
            anchor = "end" if away < 0 else "start"
            self.canvas.text(along + away, middle + SMALL * 0.35, text, anchor=anchor, class_=class_)
        else:
            self.canvas.text(middle, along - away + (SMALL if away < 0 else 0), text, anchor="middle", class_=class_)
