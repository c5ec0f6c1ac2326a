"""Compute grouped bars from a table: numbers as they are, likelihood words as steps, and nothing averaged unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from cloudai.errors import InputError, SettingsError
from cloudai.report.plots.cells import require_columns
from cloudai.report.plots.chart import Axis, Chart, Dot, Series
from cloudai.report.plots.columns import Asked, columns_to_draw, heading, names_of, series_of, value_axis
from cloudai.report.plots.events import no_events
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.targets import pictures_of, targets_of
from cloudai.table import Table
from cloudai.table_layout import text_width

__all__ = ["bars"]

WIDEST_NAME, MOST_GROUPS, MOST_UPRIGHT = 18, 12, 60
"""Bars lie if a name has more columns, if there are more groups, or if there are more bars."""
MOST = 600
"""Bars of a plot at most: more cannot be told apart."""
WHOLE = -1
"""The number of the row that is about a whole text, where the others are about its sentences."""


def bars(table: Table, asked: Asked) -> Chart:
    """Return bars in groups: one group for each input or name, and in it one bar for each series.

    Raises:
        InputError: The columns do not fit, a bar would have several values, or there are too many bars.
        SettingsError: Likelihood words are to be averaged.
    """
    table = _of_whole_texts(table, asked)
    drawn = columns_to_draw(table, asked)
    # A table of tags has one row for each name, and every other table one for each input.
    x = asked.x or ("name" if "kind" in table.columns else None)
    require_columns(table, [*drawn, *asked.by, *([x] if x else [])])
    # Bars of several emotions in one series could not be told apart.
    by = asked.by or (("emotion",) if "emotion" in table.columns else ())
    read = series_of(_with_groups_alone(table, by, drawn, asked.language), drawn, by, asked)
    y = value_axis(table, read, drawn, asked, bars=True)
    if y.scale == "likelihood" and asked.average:
        raise SettingsError("likelihood words are not averaged", advice="They are ranks. Leave average out.")
    names, groups = _groups(table, x, asked.language)
    targets = targets_of(table, asked)
    told = [_told(row, name) for row, name in zip(table, names_of(table), strict=True)]
    # Groups stand in the order of the table, which the user has chosen.
    order = {key: float(n) for n, key in enumerate(names)}
    series = []
    for name, (values, rows) in read.items():
        several: dict[float, list[Dot]] = {}
        for n in rows:
            dot = Dot(order[groups[n]], values.numbers[n], text=told[n], word=values.words[n], target=targets[n])
            # An input that failed keeps its place, with the reason in place of a bar: left out it would look as if it
            # had not been there.
            if dot.y is None:
                dot = replace(dot, label=_reason(table.rows[n]))
            several.setdefault(dot.x, []).append(dot)
        dots = [_bar(name, several[at], average=asked.average) for at in sorted(several)]
        series.append(Series(name, tuple(dots)))
    count = sum(len(each.dots) for each in series)
    if count > MOST:
        raise InputError(f"{count} bars cannot be told apart", advice="Choose some of them with where=.")
    ticks = tuple((float(n), name) for n, name in enumerate(names.values()))
    widest = max(map(text_width, names.values()))
    return Chart(
        "bars",
        asked.title,
        Axis(heading(x, asked.language) if x else "", -0.5, len(names) - 0.5, ticks, "category"),
        y,
        tuple(series),
        asked.notes(table, likelihood=y.scale == "likelihood", average=asked.average),
        asked.language,
        pictures_of(table, asked, targets),
        events=no_events(asked),
        sideways=(widest > WIDEST_NAME and len(names) > 1) or len(names) > MOST_GROUPS or count > MOST_UPRIGHT,
    )


def _of_whole_texts(table: Table, asked: Asked) -> Table:
    """Return the rows about whole texts, where the table has others about their sentences, and none is asked for."""
    if "sentence" not in table.columns or asked.x is not None or "sentence" in asked.by:
        return table
    # A bar for the text and one for each of its sentences side by side would count everything twice.
    whole = table.filter(lambda row: str(row.get("sentence")) in (str(WHOLE), "None", ""))
    return whole if len(whole) else table


def _with_groups_alone(table: Table, by: Sequence[str], drawn: Sequence[str], language: str) -> Table:
    """Return the table with a series for rows that have none: no input, and no value, vanishes from a plot.

    A row whose input has no result keeps its group, which stays empty, in the series of another row. A row that has a
    value and none of the words that tell series apart becomes part of a series of its own.
    """
    if not by:
        return table
    first = next((row for row in table if all(row.get(name) not in (None, "") for name in by)), None)
    if first is None:
        return table
    unnamed = words_of(language)["unknown"]
    filled = table[:]
    filled.rows = []
    for row in table:
        lacks = [name for name in by if row.get(name) in (None, "")]
        has_value = any(row.get(name) not in (None, "") for name in drawn)
        named = {name: unnamed if has_value else first[name] for name in lacks}
        filled.rows.append({**row, **named} if has_value or len(lacks) == len(by) else row)
    return filled


def _groups(table: Table, x: str | None, language: str) -> tuple[dict[Any, str], list[Any]]:
    """Return the names of the groups by their keys, in the order of the table, and the key of each row.

    An input is known by its number and not by its name, because two people may share a name.
    """
    names: dict[Any, str] = {}
    keys = []
    faces: dict[Any, set[Any]] = {}
    for n, (row, name) in enumerate(zip(table, names_of(table), strict=True)):
        if x is not None:
            key: Any = str(row.get(x) or "")
            names.setdefault(key, heading(key, language) if x in ("emotion", "landmark") else key)
        else:
            # Two people may have one name, and one picture several faces.
            item, face = row.get("item", name or n), row.get("face")
            key = (item, face)
            faces.setdefault(item, set()).add(face)
            names.setdefault(key, name or f"{heading('input', language)} {item}")
        keys.append(key)
    if x is None:
        face_word = words_of(language)["face"]
        for item, face in names:
            # A number behind the name of a picture with a single face would make readers look for a second one.
            if len(faces[item]) > 1 and face not in (None, ""):
                names[item, face] += f" · {face_word.format(n=int(face) + 1)}"
    return names, keys


def _reason(row: Mapping[str, Any]) -> str:
    """Return the first sentence of the error of a row, which stands in place of its bar; "" if it has none."""
    return str(row.get("error") or "").partition(". ")[0].rstrip(".")


def _told(row: Mapping[str, Any], name: str) -> str:
    """Return what a tooltip says of a row: its name, and the reason if it has no result."""
    return "\n".join(filter(None, [name, str(row.get("error") or "")]))


def _bar(name: str, dots: Sequence[Dot], *, average: bool) -> Dot:
    """Return one bar of the values that belong to it.

    Raises:
        InputError: There are several values, and their mean was not asked for.
    """
    known = [dot.y for dot in dots if dot.y is not None]
    # To take the mean unasked would hide that a bar stands for several values; to take the first would hide the others.
    if len(known) > 1 and not average:
        raise InputError(
            f"{name} has {len(known)} values for one bar",
            advice="Say with by= or x= what tells them apart, choose with where=, or ask for the mean: average.",
        )
    if len(known) > 1:
        return replace(dots[0], y=fmean(known), raw=tuple(known))
    return next((dot for dot in dots if dot.y is not None), dots[0])
