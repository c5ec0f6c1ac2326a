"""A `Chart` is what a plot shows, as plain data: series, axes and ticks. It does not know how it is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cloudai.errors import InputError
from cloudai.report.plots.ticks import FIRST_DAY, LAST_DAY, day_of, number_step, ticks_of_dates

__all__ = [
    "LIKELIHOODS",
    "LONG_TIME",
    "Axis",
    "Chart",
    "Dot",
    "Event",
    "Kind",
    "Picture",
    "Series",
    "axis_of",
    "shown_number",
]

Kind: TypeAlias = Literal["bars", "lines", "ages", "map"]

LIKELIHOODS = ("VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")
"""Likelihood words, the least first. They are ranks: their distances mean nothing, so that nothing is averaged.

https://cloud.google.com/vision/docs/reference/rest/v1/AnnotateImageResponse#Likelihood
"""
SMALLEST, LARGEST = 1e-300, 1e300
"""Ranges of numbers that an axis can have: beyond them a computer divides by 0, or counts to infinity."""
LONG_TIME = 120
"""The seconds from which on the ticks of a time within a recording are minutes and seconds."""


@dataclass(frozen=True)
class Dot:
    """One value of a series."""

    x: float
    """The position: a number, seconds, days since 1970-01-01, a longitude, or the number of a category."""
    y: float | None
    """The value; None if there is none, which interrupts a line."""
    low: float | None = None
    high: float | None = None
    """The ends of a range."""
    text: str = ""
    """The text about the value beside its numbers, for example the name of a picture."""
    word: str = ""
    """The provider's own word, where the value is one of `LIKELIHOODS`."""
    target: str = ""
    """The id of the element of the page to which a click on the value goes; "" if it goes nowhere."""
    raw: tuple[float, ...] = ()
    """The values of which this one is the mean."""
    label: str = ""
    """The text beside the value in the drawing; "" for none."""
    open_ended: bool = False
    """Whether the range has no upper end: ``high`` and more."""


@dataclass(frozen=True)
class Event:
    """A note at a position along the bottom, or over a stretch that is shaded."""

    text: str
    start: float
    end: float | None = None
    """The end of the stretch; None for a note at one position."""


@dataclass(frozen=True)
class Series:
    """The values that have one colour and one entry in the legend."""

    name: str
    dots: tuple[Dot, ...]
    smooth: tuple[tuple[tuple[float, float], ...], ...] = ()
    """The pieces of a smoothed line, each a run of points; none if no smoothing was asked for."""
    dashed: bool = False
    """Whether the series is a reference that others are compared with, for example the true age."""


@dataclass(frozen=True)
class Axis:
    """The range of an axis, and the ticks that both renderers draw."""

    name: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    scale: Literal["number", "seconds", "date", "likelihood", "category", "latitude", "longitude"] = "number"
    unit: str = ""

    def told(self, value: float) -> str:
        """Return a value of this axis as a reader sees it."""
        if self.scale in ("category", "likelihood"):
            return next((text for at, text in self.ticks if at == round(value)), "")
        if self.scale == "seconds" and self.high >= LONG_TIME:
            return clock(value)
        if self.scale in WRITTEN_BY:
            return WRITTEN_BY[self.scale](value)
        return f"{shown_number(value)} {self.unit}".strip()


@dataclass(frozen=True)
class Picture:
    """A picture to which values lead."""

    given: Any
    """A path, bytes or a PIL image."""
    caption: str
    box: tuple[float, float, float, float] | None = None
    """The part that is shown, as fractions of the width and height: left, top, right, bottom; None for all."""


@dataclass(frozen=True)
class Chart:
    """The content of a plot."""

    kind: Kind
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()
    """Sentences below the plot: how the values came about, and what they are not."""
    language: str = "en"
    pictures: Mapping[str, Picture] = field(default_factory=dict, repr=False)
    """Pictures by the targets of the dots that show them."""
    sideways: bool = False
    """Whether bars lie, because their names are long or many."""
    events: tuple[Event, ...] = ()
    """Notes and shaded stretches along the bottom."""

    def dots(self) -> list[Dot]:
        """Return the dots of all series."""
        return [dot for series in self.series for dot in series.dots]


def shown_number(value: float) -> str:
    """Return a number with at most four digits that count, and without zeros at its end."""
    # Python writes large numbers with an exponent, which few readers of a plot know.
    text = f"{value:.4g}"
    return f"{value:,.0f}" if "e+" in text else text.replace("-", "−")


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, with hours if there are any: "2:05" or "1:02:05"."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    tail = f"{rest:02.0f}" if rest == int(rest) else f"{rest:04.1f}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _side(value: float, sides: str) -> str:
    return "" if value == 0 else sides[value < 0]


def _latitude(value: float) -> str:
    return f"{abs(value):.5g}°{_side(value, 'NS')}"


def _longitude(value: float) -> str:
    value = (value + 180) % 360 - 180  # an axis across the date line goes beyond 180
    return f"{abs(value):.5g}°{_side(value, 'EW')}"


WRITTEN_BY: Mapping[str, Callable[[float], str]] = {"date": day_of, "latitude": _latitude, "longitude": _longitude}


def axis_of(
    name: str,
    values: Iterable[float],
    *,
    scale: Literal["number", "seconds", "date"] = "number",
    unit: str = "",
    ends: tuple[float, float] | None = None,
    from_zero: bool = False,
) -> Axis:
    """Return an axis that holds all values, whose ticks are round.

    Args:
        name: What stands beside the axis.
        values: The values, of which there is at least one.
        scale: What the numbers are.
        unit: Their unit.
        ends: The range, where it is known beforehand: a score goes from 0 to 1 whatever the values are.
        from_zero: Whether the range has to include 0, as that of bars does.

    Raises:
        InputError: The values are further apart than a computer can divide.
    """
    low, high = _ends(ends or list(values), from_zero=from_zero)
    if scale == "date":
        low, high = max(low, FIRST_DAY), min(high, LAST_DAY)
        return Axis(name, low, high, ticks_of_dates(low, high), scale)
    if high - low > LARGEST:
        raise InputError(f"the numbers {low:g} and {high:g} are too far apart to be drawn", advice="Leave one out.")
    step = number_step(high - low, seconds=scale == "seconds")
    # The axis ends at round numbers, unless its ends are given. The small shares keep a value that is round itself from
    # getting another step.
    if ends is None and scale == "number":
        low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    # Ticks are whole multiples of the step: added up, tenths would become 0.30000000000000004.
    first = math.ceil(low / step - 1e-9)
    marks = [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]
    axis = Axis(name, low, high, (), scale, unit)
    as_clock = scale == "seconds" and high >= LONG_TIME
    # Adding 0.0 makes "0" of "-0".
    ticks = tuple((at, clock(at) if as_clock else shown_number(round(at, 10) + 0.0)) for at in marks)
    return Axis(name, axis.low, axis.high, ticks, scale, unit)


def _ends(values: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    # A single value, or values that differ by less than a float can tell, need room above and below.
    if high - low <= max(SMALLEST, 1e-14 * max(abs(low), abs(high))):
        room = max(0.5, abs(low) / 1000)  # half a unit is nothing beside a very large number
        low, high = (low - room, high + room) if low or not from_zero else (0.0, 1.0)
    return low, high
