"""Choose the columns of a plot, name them for a reader, and part their values into series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import Any

from cloudai.errors import InputError
from cloudai.models.face import EMOTIONS
from cloudai.models.tables import TABLES
from cloudai.report.plots.cells import Values, require_columns, values_of
from cloudai.report.plots.chart import LIKELIHOODS, Axis, axis_of
from cloudai.report.plots.plot_words import words_of
from cloudai.table import Table

__all__ = ["Asked", "columns_to_draw", "heading", "names_of", "rows_told", "series_of", "unit_of", "value_axis"]

OURS = ("item", "face", "track", "rank", "sentence", "page", "line", "start", "end", "frame", "n_faces", "time_s")
"""Columns of numbers that are positions in a table, and nothing to draw."""
SHARES = frozenset({*EMOTIONS, "score", "confidence", "relevance", "positive", "negative", "mixed"})
"""Columns whose numbers go from 0 to 1, or a score of sentiment from -1."""
UNITS = {
    name: unit for kind in reversed(list(TABLES.values())) for name, unit in kind.units.items() if unit != "-1 to 1"
}
"""The units of the columns of our tables: a CSV file does not hold them."""
ENDING = re.compile(r"\.[A-Za-z]\w{1,4}$")
"""The ending of the name of a file."""
AGES = frozenset({"age_low", "age_high", "age_years"})


@dataclass(frozen=True)
class Asked:
    """The choice of what a plot shows, and how; `cloudai.plot` describes the fields."""

    x: str | None = None
    y: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    smooth: float | None = None
    average: bool = False
    picture: str | None = None
    target: str | None = None
    born: date | None = None
    events: tuple[tuple[str, str], ...] = ()
    title: str = ""
    language: str = "en"

    def notes(self, table: Table, **values: object) -> tuple[str, ...]:
        """Return the sentences below a plot: what was done to the values, and that guesses are guesses."""
        words = words_of(self.language)
        sentences = [words[f"note {name}"].format(value=value) for name, value in values.items() if value]
        if _has_expressions(table) or AGES & {*table.columns}:
            sentences.append(words["note guess"])
        return tuple(sentences)


def columns_to_draw(table: Table, asked: Asked) -> tuple[str, ...]:
    """Return the columns of values that were asked for, or those that a table of ours has to draw.

    Raises:
        InputError: The table has no rows, lacks a column, or has no column of numbers.
    """
    require_columns(table, asked.y)
    if asked.y:
        return asked.y
    if "emotion" in table.columns and "score" in table.columns:
        return ("score",)
    if _has_expressions(table):
        # One emotion alone would not show what it is stronger than.
        emotions = [name for name in EMOTIONS if name in table.columns and name not in asked.without]
        if shown := tuple(name for name in emotions if _filled(table, name)):
            return shown
    used = {asked.x, *asked.by, *OURS}
    # As a rule, the first column of numbers is what a table is about. A score or a confidence goes before it, because
    # it says more.
    for name in ("score", "confidence", *table.columns):
        if name in table.columns and name not in used and _is_numeric(table, name):
            return (name,)
    raise InputError(
        "the table has no column of numbers to draw", advice=f"Name one with y=. There are: {', '.join(table.columns)}."
    )


def _has_expressions(table: Table) -> bool:
    """Return whether a table is about expressions; the word "neutral" is a column of sentiment, too."""
    names = {"emotion", "emotion_scale", *EMOTIONS} - {"neutral"}
    return any(_filled(table, name) for name in names & {*table.columns})


def _filled(table: Table, name: str) -> bool:
    return any(row.get(name) not in (None, "") for row in table)


def _is_numeric(table: Table, name: str) -> bool:
    try:
        values_of(table, name)
    except InputError:
        return False
    return True


def heading(name: str, language: str) -> str:
    """Return the name of a column, of an emotion or of a likelihood word, as a reader sees it."""
    return words_of(language).get(name, name.replace("_", " ") if language == "en" else name)


def unit_of(table: Table, name: str) -> str:
    """Return the unit of a column, "" if it has none or it is not known."""
    # Only a table of ours has our units; a user's "width" may be one in metres.
    known = UNITS if {"item", "input", "status"} <= {*table.columns} else {}
    unit = table.units.get(name, known.get(name, ""))
    return "" if unit == "-1 to 1" else unit


def series_of(
    table: Table, drawn: Sequence[str], by: Sequence[str], asked: Asked
) -> dict[str, tuple[Values, list[int]]]:
    """Return for each series, by its name, the values of its column and the numbers of its rows.

    Raises:
        InputError: The columns have several units or scales, and so no common axis.
    """
    units = {unit_of(table, name) for name in drawn}
    if len(units) > 1:
        told = ", ".join(f"{name} ({unit_of(table, name) or 'no unit'})" for name in drawn)
        raise InputError(f"these columns have several units: {told}", advice="Draw one plot for each unit.")
    read = {name: values_of(table, name) for name in drawn}
    if len(scales := {values.scale for values in read.values()}) > 1:
        raise InputError(
            f"these columns mix {' and '.join(sorted(scale or 'plain numbers' for scale in scales))}",
            advice="Draw one plot for each.",
        )
    series: dict[str, tuple[Values, list[int]]] = {}
    for column, values in read.items():
        for n, row in enumerate(table):
            parts = [row.get(name) for name in by]
            # The user says what is left out by the value itself, such as "neutral", whatever column it is in.
            if any(part in (None, "") for part in parts) or any(str(part) in asked.without for part in parts):
                continue
            label = [] if len(drawn) == 1 and parts else [heading(column, asked.language)]
            name = " · ".join([*(_part(by[k], part, asked.language) for k, part in enumerate(parts)), *label])
            series.setdefault(name, (values, []))[1].append(n)
    if not series:
        raise InputError("no row is left to draw", advice=f"The columns {', '.join(by)} are empty, or all left out.")
    return series


def _part(column: str, value: Any, language: str) -> str:
    """Return the value of a column that tells series apart; a mere number needs the name of its column."""
    if column == "input":
        return _without_folder(str(value))
    text = heading(str(value), language) if isinstance(value, str) else f"{value}"
    # A legend of "1" and "2" would say nothing.
    return f"{heading(column, language)} {text}" if text.isdecimal() else text


def value_axis(
    table: Table, read: dict[str, tuple[Values, list[int]]], drawn: Sequence[str], asked: Asked, *, bars: bool = False
) -> Axis:
    """Return the axis of the values: steps for likelihood words, 0 to 1 for scores, or round numbers."""
    name = heading(drawn[0], asked.language) if len(drawn) == 1 else ""
    scale = next(iter(read.values()))[0].scale
    if scale == "likelihood":
        words = words_of(asked.language)
        ticks = tuple((float(n), words[word]) for n, word in enumerate(LIKELIHOODS))
        return Axis(words["likelihood"], 0.0, 4.0, ticks, "likelihood")
    known = [v for values, rows in read.values() for n in rows if (v := values.numbers[n]) is not None]
    if not known:
        raise InputError(f"the column {drawn[0]} has no numbers in these rows")
    if scale:
        name = words_of(asked.language).get(f"scale {scale}", scale)
    # A score has the same axis in every plot, so that two of them can be compared. A column of that name with other
    # numbers is the user's own.
    if SHARES.issuperset(drawn) and min(known) >= -1 and max(known) <= 1:
        return axis_of(name, known, ends=(0.0 if min(known) >= 0 else -1.0, 1.0))
    unit = unit_of(table, drawn[0])
    return axis_of(name, known, unit=words_of(asked.language).get(unit, unit), from_zero=bars)


def names_of(table: Table) -> list[str]:
    """Return what each row is called: by a column of names, or by its input without folder and ending."""
    return [next(_names(row), "") for row in table]


def rows_told(rows: Iterable[int], names: Sequence[str], language: str) -> str:
    """Return what some rows are called, each once: by their names, or by their numbers; of many, the first ones."""
    row_number = words_of(language)["row"]
    told = list(dict.fromkeys(names[n] or row_number.format(value=n + 1) for n in rows))
    more = f" … (+{len(told) - MOST_TOLD})" if len(told) > MOST_TOLD else ""
    return ", ".join(told[:MOST_TOLD]) + more


MOST_TOLD = 12
"""Rows that a note below a plot names at most."""


def _names(row: dict[str, Any]) -> Iterator[str]:
    for column in ("name", "이름", "성명"):
        # In a table of tags the column "name" has the name of the tag.
        if str(row.get(column) or "").strip() and "kind" not in row:
            yield str(row[column])
    if str(row.get("input") or "").strip():
        yield _without_folder(str(row["input"]))


def _without_folder(name: str) -> str:
    """Return the name of a file without its folder and its ending; a text that is no path stays whole."""
    return ENDING.sub("", PurePath(name).name) if ENDING.search(name) else name
