"""Choose round positions for the ticks of an axis: of numbers, of seconds, and of dates and times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

__all__ = ["FIRST_DAY", "LAST_DAY", "day_of", "number_step", "ticks_of_dates"]

FEWEST, MOST = 4, 13
"""An axis has at least so many ticks, as far as the round numbers in its range allow, and about so many at most."""
DAY = 86400.0
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = (datetime(1, 1, 1, tzinfo=UTC) - BEGIN).total_seconds() / DAY
LAST_DAY = (datetime(9999, 12, 31, tzinfo=UTC) - BEGIN).total_seconds() / DAY
"""The first and the last day of the calendar of Python, as days since 1970-01-01."""
SECONDS: tuple[int, ...] = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
SECONDS += tuple(days * 86400 for days in (1, 2, 5, 10))
YEARS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


def number_step(span: float, *, seconds: bool = False) -> float:
    """Return a round distance of ticks, of which a span above 0 has between four and thirteen."""
    # Seconds are read as minutes and hours: 0, 50, 100 would be no times of a clock.
    if seconds and (whole := [step for step in SECONDS if FEWEST <= span / step <= MOST]):
        return max(whole)
    power = 10.0 ** math.floor(math.log10(span / FEWEST))
    # The largest of the round steps that leaves enough ticks is taken; the small share keeps exactly four from counting
    # as fewer.
    return max(power * n for n in (1, 2, 5) if span / (power * n) >= FEWEST - 1e-9)


def day_of(value: float) -> str:
    """Return the date that is so many days after 1970-01-01, with the time of the day unless that is midnight."""
    at = BEGIN + timedelta(seconds=round(value * DAY))
    form = "%H:%M:%S" if at.second else "%H:%M"
    return at.date().isoformat() + (at.strftime(f" {form}") if at.hour or at.minute or at.second else "")


def ticks_of_dates(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Return ticks at the beginnings of years, of months or of days, or at times of the day, whichever are readable."""
    # The length decides which ticks are readable: years for a life, hours for a day.
    span = high - low
    first, last = (BEGIN + timedelta(days=min(max(at, FIRST_DAY), LAST_DAY)) for at in (low, high))
    if span >= 365 * 2:
        every = _every(span / 365.25, YEARS)
        starts = [datetime(year, 1, 1, tzinfo=UTC) for year in range(first.year, last.year + 1) if year % every == 0]
        form = "%Y"
    elif span >= 60:  # noqa: PLR2004  # two months
        months = _every(span / 30.4, (1, 2, 3, 6))
        numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        starts = [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in numbers if n % months == 0]
        form = "%Y-%m"
    elif span >= FEWEST:
        days = max(1, math.ceil(span / 9))
        midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
        starts = [midnight + timedelta(days=n) for n in range(0, math.ceil(span) + 2, days)]
        form = "%m-%d"
    else:
        step = number_step(span * DAY, seconds=True)
        count = math.floor(high * DAY / step)
        starts = [BEGIN + timedelta(seconds=n * step) for n in range(math.ceil(low * DAY / step), count + 1)]
        form = "%H:%M" if step >= 60 else "%H:%M:%S"  # noqa: PLR2004  # a minute
    marks = [((start - BEGIN).total_seconds() / DAY, _written(start, form)) for start in starts]
    return tuple((at, text) for at, text in marks if low <= at <= high)


def _written(at: datetime, form: str) -> str:
    if form == "%Y":
        return f"{at.year}"  # some systems write a year before 1000 with zeros, others without
    return at.strftime("%m-%d" if "%H" in form and not (at.hour or at.minute or at.second) else form)


def _every(count: float, steps: Sequence[int]) -> int:
    """Return the smallest step in which so many years or months have twelve ticks at most."""
    return next((step for step in steps if count / step <= 12), steps[-1])  # noqa: PLR2004
