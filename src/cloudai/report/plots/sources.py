"""Read what a plot is made of as one table: tables of any kind, files of results, journals, results in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from cloudai.batch.kept import kept_in
from cloudai.errors import InputError, MissingExtraError
from cloudai.models.base import Result
from cloudai.models.tables import TABLES as KINDS
from cloudai.outcomes import Outcome, tidy
from cloudai.reading import TABLES, read_table, text_of
from cloudai.report.plots.chart import Kind
from cloudai.report.result_files import outcomes_in_lines
from cloudai.table import Table

__all__ = ["PlotSource", "in_lines", "table_of"]

PlotSource: TypeAlias = "Table | str | os.PathLike[str] | Iterable[Mapping[str, Any] | Outcome[Any] | Result] | Any"
"""A table, rows, a data frame, results, outcomes, a batch, or the path of a table, a file of results or a journal."""
WANTED: Mapping[str, Sequence[str]] = {
    "bars": ("emotions", "sentences"),
    "lines": ("faces",),
    "ages": ("ages", "faces"),
    "map": ("tags",),
}
"""The tables of results that a kind of plot is made of, the first that the results have."""


def table_of(source: PlotSource, kind: Kind | None, table: str | None) -> Table:
    """Return the table that a plot is made of.

    Args:
        source: What the plot is made of.
        kind: The kind of plot, which decides what table is made of results; None for whatever they have.
        table: The kind of table, as ``job.tidy("faces")`` takes it; None chooses one.

    Raises:
        InputError: The source is nothing to make a plot of, or the file is damaged.
        JournalError: The file is no journal, or cannot be read.
        MissingExtraError: A Parquet file needs polars.
        SettingsError: The results have no such table.
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, str | os.PathLike):
        return _of_file(source, kind, table)
    # Data frames are known by what they can do, because neither pandas nor polars need be installed.
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        return _of_frame(source)
    things: list[Any] = [source] if isinstance(source, Result) else list(source)
    if all(isinstance(thing, Mapping) for thing in things):
        return Table(things)
    outcomes = [_outcome(n, thing) for n, thing in enumerate(things)]
    return _tidied([outcomes], kind, table)


def _of_file(given: str | os.PathLike[str], kind: Kind | None, table: str | None) -> Table:
    path = Path(given)
    ending = path.suffix.lower()
    if ending in TABLES:
        return read_table(path)
    if ending == ".parquet":
        return _of_parquet(path)
    if ending in (".jsonl", ".json"):
        held = in_lines(text_of(path), path.name)
        made = held if isinstance(held, Table) else _tidied([held], kind, table)
    else:
        made = _tidied(kept_in(given), kind, table)
    made.folder = path.parent
    return made


def in_lines(text: str, name: str) -> Table | list[Outcome[Any]]:
    """Return the rows of JSON Lines, or of a list in JSON; or the outcomes, if ``--json`` has printed the lines.

    Args:
        text: The text of the file.
        name: What errors call it.

    Raises:
        InputError: The text is neither.
    """
    rows = _rows_in(text, name)
    # Lines of --json have a result or an error. A table that was written as JSON Lines may have a column of that name,
    # but then also one with the provider.
    if not any("result" in row or "error_type" in row for row in rows) or any("provider" in row for row in rows):
        return Table(rows)
    return outcomes_in_lines(text, name)


def _rows_in(text: str, name: str) -> list[dict[str, Any]]:
    try:
        lines = (
            json.loads(text)
            if text.lstrip().startswith("[")
            else [json.loads(line) for line in text.split("\n") if line.strip()]
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON Lines", advice="Give one object a line, or a list of them.") from error
    if not all(isinstance(line, dict) for line in lines):
        raise InputError(f"{name} holds something else than objects", advice="Each line is one row: {…}.")
    return lines


def _of_parquet(path: Path) -> Table:
    try:
        import polars as pl
    except ImportError as error:
        raise MissingExtraError("a Parquet file", "data") from error
    try:
        made = _of_frame(pl.read_parquet(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path.name} cannot be read as Parquet", advice="Check the path and the file.") from error
    made.folder = path.parent
    return made


def _of_frame(frame: Any) -> Table:
    """Return a data frame of pandas or polars as a table; what is missing in it is None."""
    rows = frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_dict("records")
    return Table([{str(k): None if v != v else v for k, v in row.items()} for row in rows], [*map(str, frame.columns)])  # noqa: PLR0124  # NaN is not itself


def _outcome(n: int, thing: Any) -> Outcome[Any]:
    if isinstance(thing, Outcome):
        return thing
    if isinstance(thing, Result):
        return Outcome(n, thing.meta.input, thing, operation=thing.meta.operation)
    raise InputError(
        f"a plot is not made of {type(thing).__name__}",
        advice="Give a table, rows, results, a batch, or the path of a table, a file of results or a journal.",
    )


def _tidied(lists: Sequence[Sequence[Outcome[Any]]], kind: Kind | None, table: str | None) -> Table:
    outcomes = _numbered(lists)
    made = tidy(outcomes, table or _kind_of_table(outcomes, kind))
    # No column of these tables says that an age has no upper end, which a plot shows by an arrow.
    unbounded = set(_open_ages(outcomes))
    if unbounded and "age_high" in made.columns:
        for row in made:
            row["age_open"] = (row["item"], row.get("face")) in unbounded
    return made


def _numbered(lists: Sequence[Sequence[Outcome[Any]]]) -> list[Outcome[Any]]:
    """Return the outcomes of several batches, in which each input has a number of its own, as those of one."""
    numbered: list[Outcome[Any]] = []
    for outcomes in lists:
        first = 1 + max((outcome.item for outcome in numbered), default=-1)
        # Two batches of one journal both begin at 0, and their inputs would become one group.
        numbered += [replace(outcome, item=first + outcome.item) if first else outcome for outcome in outcomes]
    return numbered


def _kind_of_table(outcomes: Sequence[Outcome[Any]], kind: Kind | None) -> str | None:
    """Return the first kind of table that a kind of plot is made of, and that the results have; None for all."""
    names: Sequence[str] = (*WANTED.get(kind or "bars", ()), *(() if kind else ("ages", "tags")))
    for name in names:
        parts = (KINDS[name].part(one.result) for one in outcomes if isinstance(one.result, KINDS[name].results))
        if any(part is not None and KINDS[name].rows(part) for part in parts):
            return name
    return None


def _open_ages(outcomes: Sequence[Outcome[Any]]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the input and of the face for each age that stands for itself and all above it."""
    for outcome in outcomes:
        faces = getattr(outcome.result, "faces", None) or getattr(outcome.result, "ages", None) or ()
        for n, face in enumerate(faces):
            if getattr(getattr(face, "age", face), "open_ended", False):
                yield outcome.item, n
