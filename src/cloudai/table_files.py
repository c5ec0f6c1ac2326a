"""Write a table to files, CSV, JSON Lines, Parquet and Excel, and make data frames of it.

A column has the same type whatever it holds, so that the tables of two vendors can be put one below the other: a column
of numbers that one vendor does not give is a column of missing numbers, not of nothing.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from pathlib import Path, PurePath
from typing import Any, TypeAlias

from cloudai.errors import InputError, MissingExtraError, unwritable
from cloudai.text import UNPRINTABLE, encodable

__all__ = [
    "FOREIGN",
    "ColumnType",
    "as_csv",
    "as_pandas",
    "as_polars",
    "ending_of",
    "json_of",
    "require_ending",
    "types_of",
    "write",
    "write_xlsx",
]

Row = Mapping[str, Any]
ColumnType: TypeAlias = type[Any] | None
"""The type of a column: int, float, str, bool, or list for a list of numbers; None for anything."""

# A spreadsheet runs a cell that begins with one of these as a formula (OWASP ASVS 1.2.10, CWE-1236). Some programs fold
# the full-width forms to the others, and drop what is invisible before them: spaces of any kind, marks of no width, a
# byte order mark.
UNSEEN = rf"(?:\s|{UNPRINTABLE.pattern}|[\u200c\u200d])"

SIGNS = "[=+\\-@＝＋－＠﹦﹢﹣﹫]"

# Where the list separator of the system is a semicolon, a spreadsheet cuts a line at semicolons, and a quotation mark
# in the middle of a cell quotes nothing: a cell that has "; =" in it, or a line break before "=", becomes two there. So
# a separator at the beginning of a cell counts as invisible too.
FORMULA = re.compile(rf"[\t\r\n\0]|(?:{UNSEEN}|[,;|\"])*{SIGNS}")

INNER_FORMULA = re.compile(rf"([;\t\r\n])(?=(?:{UNSEEN}|\")*{SIGNS})")

PIXELS = "px"
PER_ROW = "unit"
"""The column that says in which unit the positions of a row are, where that differs between rows."""
DECIMALS = 1
"""Decimals of a position in pixels: the rest is noise of the arithmetic that turned and scaled it."""
LONGEST_CELL = 32_767
"""Characters of a cell of Excel at most."""
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
"""Rows of a sheet of Excel at most, the heading included, and columns."""
EXACT = 10**15
"""The first whole number of which Excel may not keep every digit."""


METHODS = {".csv": "to_csv", ".xlsx": "to_xlsx", ".parquet": "to_parquet", ".jsonl": "to_jsonl", ".ndjson": "to_jsonl"}
"""The method of `Table` that writes a file with each ending."""
FOREIGN = frozenset(
    [
        *(".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".pdf", ".json", ".html", ".htm", ".xml", ".doc", ".docx"),
        *(".hwp", ".hwpx", ".feather", ".arrow", ".tsv", ".db", ".sqlite", ".zip", ".gz", ".png", ".jpg", ".jpeg"),
    ]
)
"""Endings of files that programs open as something that cloudai does not write."""


def ending_of(path: str | os.PathLike[str]) -> str:
    """Return the ending of a file in small letters, with its dot; that of a file called ".xlsx" is its name."""
    name = PurePath(os.fspath(path)).name
    return (PurePath(name).suffix or (name if name.startswith(".") else "")).lower()


def require_ending(path: str | os.PathLike[str], method: str) -> None:
    """Raise InputError if a file has an ending by which a program would read it as something else than it holds.

    Args:
        path: The file.
        method: The method of `Table` that is to write it, a value of `METHODS`.
    """
    ending = ending_of(path)
    writer = METHODS.get(ending, method)
    if writer != method:
        raise InputError(f"{method}() does not write {ending} files", advice=f"Use {writer}(), or another ending.")
    if ending in FOREIGN or (method == "to_xlsx" and ending != ".xlsx"):
        right = " or ".join(known for known, each in METHODS.items() if each == method)
        raise InputError(f"{method}() does not write {ending or 'such'} files", advice=f"Give a name with {right}.")


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, which is replaced if it exists.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        Path(path).write_bytes(content)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unwritable(path, error) from error


def types_of(rows: Sequence[Row], columns: Sequence[str], types: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """Return the type of each column: the one that is declared for it, as long as all of its values have that type.

    A column without a declared type, as those of the user are, has the type that all of its values share. One with a
    whole number of more than 64 bits has none, because data frames would lose it.
    """
    return {name: _type([row.get(name) for row in rows], types.get(name)) for name in columns}


def _type(values: Sequence[object], declared: ColumnType) -> ColumnType:
    present = {type(value) for value in values if value is not None}
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        return None
    if declared is not None and all(each is declared or (each is int and declared is float) for each in present):
        return declared
    if present in ({int, float}, {float}):
        return float
    return present.pop() if len(present) == 1 and present <= {int, str, bool} else None


def as_csv(rows: Sequence[Row], columns: Sequence[str], units: Mapping[str, str], *, excel: bool) -> str:
    """Return the table as CSV; `Table.to_csv` says what ``excel`` does. Positions in pixels have one decimal."""
    lines: list[Sequence[object]] = [columns, *([_cell(row, name, units) for name in columns] for row in rows)]
    end = "\r\n" if excel else "\n"
    return str(encodable("".join(_csv_line(map(_guarded, line) if excel else line) + end for line in lines)))


def _cell(row: Row, name: str, units: Mapping[str, str]) -> object:
    """Return the value as a cell of CSV: an empty text for None, one decimal for pixels, any other value as it is."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, float) and (units.get(name) == PIXELS or (name in units and row.get(PER_ROW) == PIXELS)):
        return round(value, DECIMALS)
    return value


def _csv_line(cells: Iterable[object]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)  # a cell with either character of the terminator is quoted
    return out.getvalue().removesuffix("\r\n")


def _guarded(value: object) -> object:
    """Return a value with an apostrophe wherever a spreadsheet may begin a cell with its text, and run a formula there.

    A number is returned as it is. Anything else is guarded as the text that it is written as: the name in a path, too.
    """
    if isinstance(value, Number):
        return value
    text = str(value)
    start = "'" if FORMULA.match(text) else ""
    return start + INNER_FORMULA.sub(r"\1'", text)


PANDAS: Mapping[ColumnType, str] = {int: "Int64", float: "float64", str: "string", bool: "boolean"}
"""The types of pandas that have a missing value of their own."""


def as_pandas(rows: Sequence[Row], columns: Sequence[str], types: Mapping[str, ColumnType]) -> Any:
    """Return a ``pandas.DataFrame``: whole numbers are ``Int64``, texts ``string``, truth values ``boolean``."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("to_pandas()", "data") from error
    data = {
        encodable(name): pd.Series(
            [encodable(row.get(name)) for row in rows], dtype=PANDAS.get(types[name], "object"), index=range(len(rows))
        )
        for name in columns
    }
    return pd.DataFrame(data, columns=encodable(list(columns)))


def as_polars(rows: Sequence[Row], columns: Sequence[str], types: Mapping[str, ColumnType]) -> Any:
    """Return a ``polars.DataFrame``, whose columns have the types of the table; see `Table.to_polars`."""
    try:
        import polars as pl
    except ImportError as error:
        raise MissingExtraError("to_polars()", "data") from error
    known: dict[ColumnType, Any] = {
        int: pl.Int64,
        float: pl.Float64,
        str: pl.String,
        bool: pl.Boolean,
        list: pl.List(pl.Float64),
    }
    data = {encodable(name): [encodable(row.get(name)) for row in rows] for name in columns}
    schema = {encodable(name): known.get(types[name]) for name in columns}
    frame = pl.DataFrame(data, schema=schema, strict=False)
    # No file can hold a column of Python's own objects.
    foreign = [name for name, kind in frame.schema.items() if kind == pl.Object]
    texts = {name: [None if value is None else str(value) for value in data[name]] for name in foreign}
    return frame.with_columns(*(pl.Series(name, values, dtype=pl.String) for name, values in texts.items()))


def write_xlsx(
    rows: Sequence[Row], columns: Sequence[str], units: Mapping[str, str], path: str | os.PathLike[str]
) -> None:
    """Write a workbook of Excel with one sheet; no text becomes a formula or a link.

    Raises:
        MissingExtraError: XlsxWriter is not installed.
        InputError: There are more rows or columns than a sheet has.
        OutputError: The file cannot be written.
    """
    # XlsxWriter would leave out what has no place, without a word.
    if len(rows) >= MOST_ROWS or len(columns) > MOST_COLUMNS:
        raise InputError(
            f"{len(rows):,} rows of {len(columns):,} columns are more than a sheet of Excel has",
            advice="Use to_csv() or to_parquet().",
        )
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingExtraError("to_xlsx()", "data") from error
    in_memory = io.BytesIO()
    # XlsxWriter raises an error for NaN and infinity unless it may write them as errors of Excel. The workbook is made
    # in memory, so that a failure leaves no half of a file.
    with xlsxwriter.Workbook(in_memory, {"in_memory": True, "nan_inf_to_errors": True}) as book:
        sheet, bold = book.add_worksheet("cloudai"), book.add_format({"bold": True})
        for across, name in enumerate(columns):
            sheet.write_string(0, across, str(encodable(name)), bold)
            for down, row in enumerate(rows, start=1):
                _write_cell(sheet, down, across, _cell(row, name, units))
        sheet.freeze_panes(1, 0)
        if rows and columns:
            sheet.autofilter(0, 0, len(rows), len(columns) - 1)
        sheet.autofit()
    write(path, in_memory.getvalue())


def _write_cell(sheet: Any, down: int, across: int, value: object) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(down, across, value)
    elif isinstance(value, float) or (isinstance(value, int) and -EXACT < value < EXACT):
        sheet.write_number(down, across, value)
    elif value != "":
        text = str(encodable(value if isinstance(value, str) else json_of(value)))
        # ``write`` would make a formula of a text that begins with "=", and a link of one that is an address.
        sheet.write_string(down, across, text[:LONGEST_CELL])


def json_of(thing: Any) -> str:
    """Return a value as one line of JSON, in which Korean is readable.

    A value that JSON cannot hold, such as a date or NaN, is written as its `str`. Characters that would steer a
    terminal, and halves of surrogate pairs, are written as JSON's escapes.
    """
    try:
        text = json.dumps(thing, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:  # there is NaN or infinity in it
        text = json.dumps(_holdable(thing), ensure_ascii=False, default=str)
    text = str(encodable(text))
    return UNPRINTABLE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _holdable(thing: Any) -> Any:
    """Return a value with NaN and infinity as texts; dicts, lists and tuples are gone through."""
    if isinstance(thing, Mapping):
        return {name: _holdable(value) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return list(map(_holdable, thing))
    return str(thing) if isinstance(thing, float) and not math.isfinite(thing) else thing
