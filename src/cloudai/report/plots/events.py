"""Read the notes and the shaded stretches of a plot: what happened at a position along the bottom, or between two."""

from __future__ import annotations

from cloudai.errors import SettingsError
from cloudai.report.plots.cells import day, number
from cloudai.report.plots.chart import Event
from cloudai.report.plots.columns import Asked

__all__ = ["events_of", "no_events"]


def events_of(asked: Asked, *, dates: bool) -> tuple[Event, ...]:
    """Return the events that were asked for, the earliest first.

    Args:
        asked: What the plot is to show.
        dates: Whether the axis at the bottom has dates, and not numbers.

    Raises:
        SettingsError: An event has no such position, or ends before it begins.
    """
    return tuple(sorted((_event(at, text, dates=dates) for at, text in asked.events), key=lambda event: event.start))


def no_events(asked: Asked) -> tuple[Event, ...]:
    """Return no events; raise SettingsError if some were asked for, because the plot has no axis for them."""
    if asked.events:
        raise SettingsError("this plot has no dates or numbers along the bottom", advice="Leave the events out.")
    return ()


def _event(at: str, text: str, *, dates: bool) -> Event:
    advice = "Give a number, or two for a stretch: 3/8."
    if dates:
        advice = "Give a date such as 2008-01-15, or two for a stretch: 2008-01-15/2009-02-01."
    try:
        # A stretch is written as ISO 8601 writes an interval, because the parts of its dates are joined by hyphens.
        ends = [(day if dates else number)(part.strip()) for part in at.split("/")]
    except ValueError:
        ends = []
    if len(ends) not in (1, 2) or any(end is None for end in ends):
        raise SettingsError(f"the event {text!r} is at {at!r}", advice=advice)
    start, end = ends[0] or 0.0, ends[1] if len(ends) > 1 else None
    # A stretch with exchanged ends is most likely a typing error in a year.
    if end is not None and end <= start:
        raise SettingsError(f"the event {text!r} ends before it begins: {at}", advice="Exchange its ends.")
    return Event(text, start, end)
