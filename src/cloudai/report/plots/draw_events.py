"""Draw what happened along the bottom of a plot: lines with notes, and shaded stretches, behind the values."""

from __future__ import annotations

from cloudai.report.plots.canvas import Canvas, lines_of_label, width_of
from cloudai.report.plots.chart import Axis, Chart, Event
from cloudai.report.plots.frame import SMALL, Frame

__all__ = ["LINE", "draw_events", "rows_of_events"]

LINE = 17.0
"""Height in px of a row of notes."""
WIDEST = 200.0
"""Width in px of a note at most; what is longer stands in its tooltip."""


def rows_of_events(chart: Chart, left: float, right: float) -> list[tuple[Event, int, float, str]]:
    """Return the events that the axis shows: each with its row above the values, its left end in px, and its words.

    Args:
        chart: The chart.
        left: Where the axis at the bottom begins, in px.
        right: Where it ends.
    """
    frame = Frame(left, 0.0, right, 1.0, chart.x, chart.y)
    ends: list[float] = []
    placed = []
    for event in chart.events:
        last = event.start if event.end is None else event.end
        # An event outside of the axis is left out; one that reaches over its end is cut off.
        if last < chart.x.low or event.start > chart.x.high:
            continue
        (words,) = lines_of_label(event.text, SMALL, WIDEST, 1) or [""]
        wide = width_of(words, SMALL)
        at = max(left, min(frame.across(_shown(event, chart.x)[0]) + 4, right - wide))
        # Each note stands in the first row in which nothing is in its way.
        row = next((n for n, end in enumerate(ends) if end + 10 < at), len(ends))
        ends[row : row + 1] = [at + wide]
        placed.append((event, row, at, words))
    return placed


def _shown(event: Event, axis: Axis) -> tuple[float, float | None]:
    """Return the ends of an event as far as they are on the axis; the second is None for a note at one position."""
    return max(event.start, axis.low), None if event.end is None else min(event.end, axis.high)


def draw_events(canvas: Canvas, chart: Chart, frame: Frame, top: float) -> None:
    """Add the events of a chart.

    Args:
        canvas: Where they are added.
        chart: The chart.
        frame: The area of the values.
        top: Where the first row of their words is, in px.
    """
    for event, row, at, words in rows_of_events(chart, frame.left, frame.right):
        # The tooltip has the whole stretch, also where the axis shows a part of it.
        when = " – ".join(chart.x.told(end) for end in (event.start, event.end) if end is not None)
        start, end = _shown(event, chart.x)
        with canvas.within("g", class_="event", role="img", aria_label=f"{event.text}, {when}"):
            canvas.add("title", f"{event.text}\n{when}")
            x, y = frame.across(start), top + row * LINE
            if end is not None:
                wide = frame.across(end) - x
                canvas.add("rect", class_="stretch", x=x, y=y, width=wide, height=frame.bottom - y)
            else:
                canvas.line(x, y, x, frame.bottom, "note-line")
            canvas.text(at, y + SMALL, words, class_="halo")
