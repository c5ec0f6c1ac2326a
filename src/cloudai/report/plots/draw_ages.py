"""Draw ages: ranges with a mark at the mean, thumbnails above them, and the true age as a dashed line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cloudai.report.plots.canvas import Canvas, lines_of_label, width_of
from cloudai.report.plots.chart import Chart, Dot
from cloudai.report.plots.draw_events import LINE, draw_events, rows_of_events
from cloudai.report.plots.frame import SMALL, WIDTH, Frame, colour_of, draw_axes, draw_legend, drawn_dot, told
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.targets import opened_picture, square

__all__ = ["apart", "draw_ages"]

HEIGHT, LARGEST, SMALLEST = 320.0, 76.0, 26.0
WIDE, NARROWEST = 12.0, 44.0
"""Width in px of a range, and of the room that a name needs."""


def draw_ages(canvas: Canvas, chart: Chart) -> float:
    """Add the drawing of ages, and return its height in px."""
    seen, *true = chart.series
    top = draw_legend(canvas, chart, 10) + 8
    left = 24 + max(width_of(text, SMALL) for _, text in chart.y.ticks)
    # Below a certain size faces cannot be recognised, and no thumbnails are drawn.
    side = min(LARGEST, (WIDTH - left - 24) / max(1, len(seen.dots)) - 4)
    thumbnails = bool(chart.pictures) and side >= SMALLEST
    rows = 1 + max((row for _, row, *_ in rows_of_events(chart, left, WIDTH - 24)), default=-1)
    above = (side + 38 if thumbnails else 20) + rows * LINE
    frame = Frame(left, top + above, WIDTH - 24, top + above + HEIGHT, chart.x, chart.y)
    dated = chart.x.scale != "category"
    draw_events(canvas, chart, frame, frame.top - rows * LINE)
    draw_axes(canvas, frame, across=dated)
    low = frame.bottom + (52 if dated else 12 + _names(canvas, chart, frame))
    if thumbnails:
        _draw_thumbnails(canvas, chart, frame, side, top)
    for number, series in enumerate(true, 1):
        with canvas.within("g", class_=f"series {colour_of(number)}", data_series=number, aria_label=series.name):
            points = [(frame.across(dot.x), frame.down(dot.y or 0.0)) for dot in series.dots]
            if dated:
                canvas.path(points, "dashed")
            for dot, at in zip(series.dots, points, strict=True):
                with drawn_dot(canvas, dot, at, told(chart, series, dot)):
                    canvas.add("circle", class_="hollow", cx=at[0], cy=at[1], r=4)
    ages = {dot.x: dot.y for series in true for dot in series.dots}
    with canvas.within("g", class_=f"series {colour_of(0)}", data_series=0, aria_label=seen.name):
        for dot in seen.dots:
            text = "\n".join(filter(None, [told(chart, seen, dot), _difference(chart, dot, ages.get(dot.x))]))
            _draw_age(canvas, dot, frame, text)
    return low


def _difference(chart: Chart, dot: Dot, true: float | None) -> str:
    if true is None or dot.y is None:
        return ""
    return words_of(chart.language)["difference"].format(value=f"{dot.y - true:+.1f}".replace("-", "−"))


def _draw_age(canvas: Canvas, dot: Dot, frame: Frame, text: str) -> None:
    x = frame.across(dot.x)
    middle = dot.y if dot.y is not None else ((dot.low or 0.0) + (dot.high or 0.0)) / 2
    with drawn_dot(canvas, dot, (x, frame.down(middle)), text):
        if dot.low is not None and dot.high is not None:
            # A range of no width is to be seen as well.
            tall = max(3.0, frame.down(dot.low) - frame.down(dot.high))
            top = frame.down(dot.high)
            canvas.add("rect", class_="range", x=x - WIDE / 2, y=top, width=WIDE, height=tall, rx=3)
            if dot.open_ended:
                canvas.path([(x - WIDE / 2, top - 4), (x, top - 11), (x + WIDE / 2, top - 4)], "line")
        if dot.y is not None:
            canvas.add("circle", class_="mark", cx=x, cy=frame.down(dot.y), r=5)


def _draw_thumbnails(canvas: Canvas, chart: Chart, frame: Frame, side: float, top: float) -> None:
    """Add the thumbnails in a row, as near above their ages as the others let them, with a line to each age."""
    dots = chart.series[0].dots
    middles = apart([frame.across(dot.x) for dot in dots], side + 4, frame.left + side / 2, frame.right - side / 2)
    for dot, middle in zip(dots, middles, strict=True):
        picture = chart.pictures.get(dot.target)
        opened = None if picture is None else opened_picture(picture, round(2 * side))
        # The line stops short of the range, or of the arrow above one that is open.
        ends = [v for v in (dot.high, dot.y) if v is not None]
        beyond = 13 if dot.open_ended else 7
        canvas.line(middle, top + side, frame.across(dot.x), frame.down(max(ends)) - beyond, "leader")
        if opened is None:
            _draw_nothing(canvas, chart, middle, top, side)
            continue
        # The link is hidden from screen readers, because the age below leads to the same place.
        with canvas.within("a", href=f"#{dot.target}", tabindex=-1, class_="thumbnail", aria_hidden="true"):
            canvas.add(
                "image",
                picture=square(opened, round(2 * side)),
                x=middle - side / 2,
                y=top,
                width=side,
                height=side,
            )


def _draw_nothing(canvas: Canvas, chart: Chart, middle: float, top: float, side: float) -> None:
    """Add an empty frame with the words "no picture" in place of a thumbnail."""
    words = lines_of_label(words_of(chart.language)["no picture"], SMALL, side - 4, 2)
    with canvas.within("g", aria_hidden="true"):
        canvas.add("rect", class_="area", x=middle - side / 2, y=top, width=side, height=side, rx=3)
        if max(width_of(line, SMALL) for line in words) <= side:
            for n, line in enumerate(words):
                y = top + side / 2 + 5 + 16 * (n - (len(words) - 1) / 2)
                canvas.text(middle, y, line, anchor="middle", class_="faint")


def apart(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return positions near the wanted ones, in their order, that are at least so far apart and within the ends.

    Args:
        wanted: The positions in ascending order.
        least: The distance that two have at least, if the space allows it.
        low: The first position that is allowed.
        high: The last one.
    """
    if len(wanted) < 2:  # noqa: PLR2004  # nothing to keep apart
        return [min(max(at, low), high) for at in wanted]
    least = min(least, (high - low) / (len(wanted) - 1))
    places = list(wanted)
    # The first pass pushes to the right what is too near, and the second one pushes back what has left the area.
    for n, at in enumerate(places):
        places[n] = max(at, low if n == 0 else places[n - 1] + least)
    for n in range(len(places) - 1, -1, -1):
        places[n] = min(places[n], high if n == len(places) - 1 else places[n + 1] - least)
    return places


def _names(canvas: Canvas, chart: Chart, frame: Frame) -> float:
    """Add the names along the bottom, and return how high they are, in px."""
    room = (frame.right - frame.left) / len(chart.x.ticks)
    named = chart.x.ticks[:: math.ceil(NARROWEST / room)]  # every second, third … name where they are very many
    labels = [lines_of_label(text, SMALL, max(room, NARROWEST) - 6, 3) for _, text in named]
    for (at, _), lines in zip(named, labels, strict=True):
        for n, line in enumerate(lines):
            canvas.text(frame.across(at), frame.bottom + 20 + n * 16, line, anchor="middle")
    return 16.0 * max(map(len, labels)) + 10
