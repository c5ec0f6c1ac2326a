"""Compute apparent ages as ranges along dates, photos or people, with thumbnails and the true age."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cloudai.errors import InputError, SettingsError
from cloudai.report.plots.cells import date_in, day, days, number, open_number, require_columns
from cloudai.report.plots.chart import Axis, Chart, Dot, Series, axis_of
from cloudai.report.plots.columns import Asked, heading, names_of, rows_told
from cloudai.report.plots.events import events_of, no_events
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.targets import pictures_of, targets_of
from cloudai.report.plots.ticks import day_of
from cloudai.table import Table

__all__ = ["ages"]

ENDS = ("age_low", "age_high", "age_years")
DATES = ("date", "날짜", "taken", "촬영일")
TRUE = ("true_age", "실제 나이", "실제_나이", "나이")
"""Columns of the user that hold the true age, in years."""
# This is the mean length of a year of the calendar, leap years included.
YEAR = 365.2425


def ages(table: Table, asked: Asked) -> Chart:
    """Return the ages of the largest face of each picture along dates, or of all faces one beside the other.

    Raises:
        InputError: The table has no column of ages, or none with a value.
        SettingsError: A picture is older than the date of birth, or there are events and no dates.
    """
    present = [name for name in ENDS if name in table.columns]
    if not present:
        raise InputError(
            "the table has no ages", advice=f"It needs one of {', '.join(ENDS)}, as estimate_age gives them."
        )
    require_columns(table, [asked.x] if asked.x else [])
    words = words_of(asked.language)
    read = _dates(table, asked)
    called, undated = names_of(table), [n for n, at in enumerate(read) if at is None]
    table, dates, rows = _dated(table, read)
    positions = dates or [float(n) for n in range(len(table))]
    targets = targets_of(table, asked)
    names = [called[n] for n in rows]
    seen = [_dot(table, n, at, names[n], targets[n]) for n, at in enumerate(positions)]
    without = [rows[n] for n, dot in enumerate(seen) if dot is None]
    dots = sorted((dot for dot in seen if dot is not None), key=lambda dot: dot.x)
    if not dots:
        raise InputError("no row has an age", advice="The provider gave none: cloudai providers says who does.")
    true = _true(table, positions, names, asked, dated=dates is not None)
    # The axis has room for the ends of ranges and for the true ages as well as for what was guessed.
    known = [v for dot in (*dots, *true) for v in (dot.y, dot.low, dot.high) if v is not None]
    return Chart(
        "ages",
        asked.title,
        _across(asked, names, positions, dated=dates is not None),
        axis_of(words["age_years"], known, unit=words["years"]),
        (
            Series(words["apparent age"], tuple(dots)),
            *([Series(words["true age"], tuple(true), dashed=True)] if true else []),
        ),
        asked.notes(
            table,
            lacking=rows_told(without, called, asked.language),
            undated=rows_told(undated if dates else (), called, asked.language),
        ),
        asked.language,
        pictures_of(table, asked, targets),
        events=events_of(asked, dates=True) if dates is not None else no_events(asked),
    )


def _dates(table: Table, asked: Asked) -> list[float | None]:
    """Return the date of each row: from a column, or from the names of the files; None where there is none."""
    column = asked.x or next((name for name in DATES if name in table.columns), None)
    if column is None:
        # Cameras and people put dates into the names of files: 20080115.jpg.
        return [date_in(str(row.get("input") or "")) for row in table]
    cells = [row.get(column) for row in table]
    try:
        return days(cells)
    except ValueError as error:
        told = f"row {_first_wrong(cells, day) + 1} of the column {column} has something that is no date"
        raise InputError(told, advice="Write dates like 2008-01-15, or 2008.") from error


def _first_wrong(cells: Sequence[Any], read: Callable[[Any], Any]) -> int:
    """Return the number of the first cell that cannot be read; that of the last one if each of them can."""
    for n, cell in enumerate(cells):
        try:
            read(cell)
        except ValueError:
            return n
    return len(cells) - 1


def _dated(table: Table, read: Sequence[float | None]) -> tuple[Table, list[float] | None, list[int]]:
    """Return the largest face of each row that has a date, the dates, and the numbers of these rows.

    Where fewer than half of the rows have a date, or all the same one, there is no axis of dates: all rows stay.
    """
    known = [at for at in read if at is not None]
    if len(set(known)) < 2 or 2 * len(known) < len(read):  # noqa: PLR2004  # nothing to draw along
        return table, None, list(range(len(table)))
    # Along dates one person is followed, who is taken to be the largest face. A CSV file has the number as a text.
    largest = [n for n, row in enumerate(table) if str(row.get("face") or 0) in ("0", "0.0")]
    kept = table[:]
    rows = [n for n in largest if read[n] is not None]
    kept.rows = [table.rows[n] for n in rows]
    return kept, [at for n in rows if (at := read[n]) is not None], rows


def _dot(table: Table, n: int, at: float, name: str, target: str) -> Dot | None:
    row = table.rows[n]
    try:
        (low, low_open), (high, high_open), (years, _) = (open_number(row.get(column)) for column in ENDS)
    except ValueError as error:
        advice = "Write a number, or 80+ for an age without an upper end."
        raise InputError(f"row {n + 1} has an age that is no number", advice=advice) from error
    if low is None and high is None and years is None:
        return None
    # A low end alone, "80" with nothing behind it, is an age without an upper end, too.
    open_ended = low_open or high_open or bool(row.get("age_open")) or (high is None and low is not None)
    # A table that people have written may have the ends exchanged.
    low, high = sorted(((high if low is None else low), (low if high is None else high)), key=lambda end: end or 0.0)
    return Dot(at, years, low, high, text=name, target=target, open_ended=open_ended)


def _true(table: Table, positions: Sequence[float], names: Sequence[str], asked: Asked, *, dated: bool) -> list[Dot]:
    """Return the true ages: by a column, or by the date of birth where there are dates."""
    column = next((name for name in TRUE if name in table.columns), None)
    if column is not None:
        cells = [row.get(column) for row in table]
        try:
            known = [number(cell) for cell in cells]
        except ValueError as error:
            told = f"row {_first_wrong(cells, number) + 1} of the column {column} has something that is no number"
            raise InputError(told, advice="Correct it.") from error
    elif asked.born is not None and dated:
        birth = day(asked.born) or 0.0
        # An age below 0 shows that the date of birth is that of somebody else, or has a typing error.
        if min(positions) < birth:
            raise SettingsError(
                f"a picture of {day_of(min(positions))} is older than the date of birth", advice="Correct born=."
            )
        known = [round((at - birth) / YEAR, 1) for at in positions]
    else:
        return []
    dots = [Dot(at, age, text=name) for at, age, name in zip(positions, known, names, strict=True) if age is not None]
    return sorted(dots, key=lambda dot: dot.x)


def _across(asked: Asked, names: Sequence[str], positions: Sequence[float], *, dated: bool) -> Axis:
    if not dated:
        ticks = tuple((float(n), name) for n, name in enumerate(names))
        return Axis("", -0.5, len(names) - 0.5, ticks, "category")
    margin = (max(positions) - min(positions)) * 0.03
    ends = (min(positions) - margin, max(positions) + margin)
    return axis_of(heading("date", asked.language), positions, scale="date", ends=ends)
