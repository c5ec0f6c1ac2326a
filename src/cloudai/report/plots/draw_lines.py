"""Draw lines: the values as dots, and lines between them or smoothed lines over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudai.report.plots.canvas import Canvas, width_of
from cloudai.report.plots.chart import Chart, Dot, Series
from cloudai.report.plots.draw_events import LINE, draw_events, rows_of_events
from cloudai.report.plots.frame import SMALL, WIDTH, Frame, colour_of, draw_axes, draw_legend, drawn_dot, told

__all__ = ["draw_lines"]

HEIGHT = 360.0
MOST = 1500
"""Values of a plot at most that tell what they are; of more, every second, third … does, and all are drawn."""


def draw_lines(canvas: Canvas, chart: Chart) -> float:
    """Add the drawing of lines, and return its height in px."""
    top = draw_legend(canvas, chart, 10) + (30 if chart.y.name else 6)
    left = 24 + max(width_of(text, SMALL) for _, text in chart.y.ticks)
    placed = rows_of_events(chart, left, WIDTH - 24)
    noted = LINE * (1 + max((row for _, row, *_ in placed), default=-1)) if placed else 0.0
    frame = Frame(left, top + noted, WIDTH - 24, top + noted + HEIGHT, chart.x, chart.y)
    draw_events(canvas, chart, frame, top)
    draw_axes(canvas, frame)
    # Each value that tells what it is takes several elements. A page with tens of thousands of them would be slow.
    every = -(-len(chart.dots()) // MOST)
    for number, series in enumerate(chart.series):
        with canvas.within("g", class_=f"series {colour_of(number)}", data_series=number, aria_label=series.name):
            _draw_series(canvas, chart, series, frame, max(1, every))
    return frame.bottom + 52


def _draw_series(canvas: Canvas, chart: Chart, series: Series, frame: Frame, every: int) -> None:
    steps = chart.y.scale == "likelihood"
    known = [dot for dot in series.dots if dot.y is not None]
    for run in series.smooth:
        canvas.path([(frame.across(x), frame.down(y)) for x, y in run], "smooth")
    # Beside a smoothed line, the line from value to value would be noise; the values stay as dots.
    if not series.smooth:
        for points in _runs(series.dots, frame):
            canvas.path(points, "dashed" if series.dashed else "line", steps=steps)
    if every > 1:
        canvas.spots([(frame.across(dot.x), frame.down(dot.y or 0.0)) for n, dot in enumerate(known) if n % every])
    size = 3.5 if len(known) < 120 else 2.2  # noqa: PLR2004  # small where they would touch each other
    for dot in known[::every]:
        at = frame.across(dot.x), frame.down(dot.y or 0.0)
        with drawn_dot(canvas, dot, at, told(chart, series, dot)):
            canvas.add("circle", cx=at[0], cy=at[1], r=size, class_="raw" if series.smooth else "mark")


def _runs(dots: Sequence[Dot], frame: Frame) -> Iterator[list[tuple[float, float]]]:
    """Yield the positions of values that follow each other without one that is missing."""
    run: list[tuple[float, float]] = []
    for dot in dots:
        if dot.y is None:
            if run:
                yield run
            run = []
        else:
            run.append((frame.across(dot.x), frame.down(dot.y)))
    if run:
        yield run
