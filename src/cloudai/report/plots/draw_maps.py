"""Draw positions by latitude and longitude, on a grid of degrees, with labels that do not cover each other."""

from __future__ import annotations

from collections.abc import Iterator

from cloudai.report.plots.canvas import Canvas, lines_of_label, width_of
from cloudai.report.plots.chart import Chart
from cloudai.report.plots.frame import SMALL, WIDTH, Frame, colour_of, draw_axes, draw_legend, drawn_dot, told
from cloudai.report.plots.maps import SHAPE

__all__ = ["draw_map", "free_spot"]

WIDEST_LABEL, NEAR = 260.0, 10.0
Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom, in px."""


def draw_map(canvas: Canvas, chart: Chart) -> float:
    """Add the drawing of positions, and return its height in px."""
    top = draw_legend(canvas, chart, 10) + 28
    left = 24 + max(width_of(text, SMALL) for _, text in chart.y.ticks)
    frame = Frame(left, top, WIDTH - 12, top + (WIDTH - 12 - left) / SHAPE, chart.x, chart.y)
    canvas.add("rect", class_="area", x=left, y=top, width=frame.right - left, height=frame.bottom - top)
    draw_axes(canvas, frame, grid=(True, True))
    spots = [(frame.across(dot.x), frame.down(dot.y or 0.0)) for dot in chart.dots()]
    # The dots are all taken before the first label is placed, so that no label covers a dot.
    taken: list[Rectangle] = [(x - 7, y - 7, x + 7, y + 7) for x, y in spots]
    inside = (frame.left, frame.top, frame.right, frame.bottom)
    for number, series in enumerate(chart.series):
        with canvas.within("g", class_=f"series {colour_of(number)}", data_series=number, aria_label=series.name):
            for dot in series.dots:
                at = frame.across(dot.x), frame.down(dot.y or 0.0)
                (label,) = lines_of_label(dot.label, SMALL, WIDEST_LABEL, 1) or [""]
                spot = free_spot(at, width_of(label, SMALL), taken, inside)
                with drawn_dot(canvas, dot, at, told(chart, series, dot)):
                    canvas.add("circle", class_="mark", cx=at[0], cy=at[1], r=6)
                if spot is not None:
                    taken.append(spot)
                    _draw_leader(canvas, at, spot)
                    canvas.text(spot[0], spot[3] - 4, label, class_="halo")
    return frame.bottom + 52


def _draw_leader(canvas: Canvas, at: tuple[float, float], spot: Rectangle) -> None:
    """Add a line from a position to its label, where another position is nearer to the label."""
    end = min(max(at[0], spot[0]), spot[2]), min(max(at[1], spot[1] + 2), spot[3] - 2)
    if abs(end[0] - at[0]) + abs(end[1] - at[1]) > 2 * NEAR:
        canvas.line(*at, *end, "leader")


def free_spot(at: tuple[float, float], width: float, taken: list[Rectangle], inside: Rectangle) -> Rectangle | None:
    """Return where the label of a position fits beside it; None if every side is taken, and its tooltip has to do."""
    for left, top in _sides(at, width):
        spot = left, top, left + width, top + SMALL + 4
        within = inside[0] <= spot[0] and spot[2] <= inside[2] and inside[1] <= spot[1] and spot[3] <= inside[3]
        if within and not any(_overlap(spot, other) for other in taken):
            return spot
    return None


def _sides(at: tuple[float, float], width: float) -> Iterator[tuple[float, float]]:
    """Yield the left upper corners of a label right, left, above and below of a position, near and farther."""
    x, y = at
    high = SMALL + 4
    for far in (NEAR, 26.0, 44.0):
        yield x + far, y - high / 2
        yield x - far - width, y - high / 2
        yield x - width / 2, y - far - high
        yield x - width / 2, y + far
        yield x + far, y + far / 2
        yield x + far, y - far / 2 - high
        yield x - far - width, y + far / 2
        yield x - far - width, y - far / 2 - high


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
