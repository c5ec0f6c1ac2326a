"""Compute lines over time, or over any numbers, from a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from cloudai.errors import InputError, SettingsError
from cloudai.report.plots.cells import Values, days, number, require_columns
from cloudai.report.plots.chart import Axis, Chart, Dot, Series, axis_of
from cloudai.report.plots.columns import (
    Asked,
    columns_to_draw,
    heading,
    names_of,
    rows_told,
    series_of,
    value_axis,
)
from cloudai.report.plots.events import events_of
from cloudai.report.plots.smoothing import smoothed
from cloudai.report.plots.targets import pictures_of, targets_of
from cloudai.report.plots.ticks import day_of
from cloudai.table import Table

__all__ = ["lines"]

USUAL_GAPS = 3
"""A line over seconds is interrupted where a gap is this many times as long as the usual one: a face was away."""


def lines(table: Table, asked: Asked) -> Chart:
    """Return lines over a column of times, dates or numbers.

    Raises:
        InputError: The columns do not fit, or a series has two values at one position.
        SettingsError: Likelihood words are to be smoothed.
    """
    x = asked.x or next((name for name in ("time_s", "date", "날짜") if name in table.columns), "item")
    drawn = columns_to_draw(table, asked)
    require_columns(table, [x, *drawn, *asked.by])
    # A column that is the same everywhere would only make the names of the series longer.
    by = asked.by or tuple(name for name in ("emotion", "track", "video") if _varies(table, name))
    positions, scale = _positions(table, x)
    read = series_of(table, drawn, by, asked)
    y = value_axis(table, read, drawn, asked)
    if y.scale == "likelihood" and asked.smooth:
        raise SettingsError("likelihood words are not smoothed", advice="They are ranks. Leave smooth out.")
    targets = targets_of(table, asked)
    names = names_of(table)
    series = []
    for name, (values, rows) in read.items():
        dots = [
            Dot(at, values.numbers[n], text=names[n], word=values.words[n], target=targets[n])
            for n in rows
            if (at := positions[n]) is not None
        ]
        series.append(_series(name, dots, asked.smooth, scale))
    known = [dot.x for each in series for dot in each.dots]
    if not known:
        raise InputError(f"the column {x} is empty in the rows that have values", advice="Name another with x=.")
    unit = table.units.get(x, "s" if scale == "seconds" else "")
    return Chart(
        "lines",
        asked.title,
        _across(heading(x, asked.language), known, scale, heading(unit, asked.language)),
        y,
        tuple(series),
        asked.notes(
            table,
            smooth=asked.smooth,
            likelihood=y.scale == "likelihood",
            nowhere=rows_told(sorted(_without_place(read, positions)), names, asked.language),
        ),
        asked.language,
        pictures_of(table, asked, targets),
        events=events_of(asked, dates=scale == "date"),
    )


def _without_place(read: Mapping[str, tuple[Values, list[int]]], positions: Sequence[float | None]) -> set[int]:
    """Return the rows that have a value, and nothing that says where it belongs."""
    return {n for values, rows in read.values() for n in rows if positions[n] is None and values.numbers[n] is not None}


def _across(name: str, known: list[float], scale: Any, unit: str) -> Axis:
    return axis_of(name, known, scale=scale, unit=unit, ends=(min(known), max(known)))


def _varies(table: Table, name: str) -> bool:
    return name in table.columns and len({row.get(name) for row in table if row.get(name) not in (None, "")}) > 1


def _positions(table: Table, name: str) -> tuple[list[float | None], str]:
    """Return the positions of the rows, and what they are: numbers, seconds or dates."""
    scale = "seconds" if name.endswith("_s") or table.units.get(name) == "s" else "number"
    cells = [row.get(name) for row in table]
    ways: list[tuple[Callable[[Sequence[Any]], list[float | None]], str]] = [(_numbers, scale), (days, "date")]
    if name.lower() in ("date", "날짜", "year", "연도", "년도"):
        ways.reverse()  # 2008 is a year there
    for read, kind in ways:
        try:
            positions = read(cells)
        except ValueError:
            continue
        if any(at is not None for at in positions):
            return positions, kind
    raise InputError(
        f"the column {name} has neither numbers nor dates",
        advice="Lines need an order: name a column with numbers, seconds, or dates such as 2008-01-15; or draw bars.",
    )


def _numbers(cells: Sequence[Any]) -> list[float | None]:
    return [number(cell) for cell in cells]


def _series(name: str, dots: list[Dot], smooth: float | None, scale: str) -> Series:
    """Return one line with its dots in the order of their positions.

    Args:
        name: Its name.
        dots: Its values in any order.
        smooth: The width of the window in which it is smoothed; None leaves it as it is.
        scale: What the positions are. A line over seconds is interrupted in gaps much longer than the usual one.

    Raises:
        InputError: Two values stand at one position.
    """
    dots.sort(key=lambda dot: dot.x)
    for one, other in pairwise(dots):
        # A line cannot go through two values at one time: they belong to two people or two videos.
        if one.x == other.x and one.y is not None and other.y is not None:
            told = day_of(one.x) if scale == "date" else f"{one.x:g}"
            raise InputError(
                f"{name} has two values at {told}",
                advice="Say with by= which column tells the lines apart, for example track or input.",
            )
    # Over dates and numbers a gap says nothing: people have no photo of every year.
    if scale == "seconds":
        dots = _interrupted(dots)
    # Each run is smoothed by itself, because nothing is known of what was in the gap.
    lines = tuple(smoothed(run, smooth) for run in _runs(dots)) if smooth else ()
    return Series(name, tuple(dots), lines)


def _interrupted(dots: list[Dot]) -> list[Dot]:
    """Return dots with one without a value in each gap that is much longer than the usual one."""
    steps = [after.x - before.x for before, after in pairwise(dots)]
    if not steps:
        return dots
    # The median is the usual distance of two frames, whatever the long gaps are.
    longest = USUAL_GAPS * median(steps)
    result = dots[:1]
    for before, after in pairwise(dots):
        if after.x - before.x > longest:
            result.append(Dot((before.x + after.x) / 2, None))
        result.append(after)
    return result


def _runs(dots: Sequence[Dot]) -> list[list[tuple[float, float]]]:
    """Return the values without interruption, each run for itself."""
    runs: list[list[tuple[float, float]]] = [[]]
    for dot in dots:
        if dot.y is None:
            runs.append([])
        else:
            runs[-1].append((dot.x, dot.y))
    return [run for run in runs if run]
