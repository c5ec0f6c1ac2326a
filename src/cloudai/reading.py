"""This module reads texts and tables as people have them: UTF-8 with or without a byte order mark, CP949 from Excel."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cloudai.errors import CloudAIError, InputError
from cloudai.table import Table

__all__ = ["TABLES", "read_table", "text_of"]

TABLES = frozenset({".csv", ".tsv"})
"""Endings of files that are tables."""
DELIMITERS = ",;\t"
"""Characters that may stand between cells; Excel writes semicolons where the comma is a decimal point."""

log = logging.getLogger("cloudai")


def text_of(path: str | os.PathLike[str], raising: type[CloudAIError] = InputError) -> str:
    """Return the text of a file that is UTF-8, with or without a byte order mark, or else CP949.

    That a file was read as CP949 is a guess, and written to the log.

    Args:
        path: The file.
        raising: The class of the error that is raised where the file cannot be read or decoded.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise raising(f"cannot read {path} ({error.strerror})", advice="Check the path.") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        del data  # neither this frame nor the cause of the error may show what was read: it may be a file of keys
        text = None
    if text is None:
        raise raising(f"{path} is neither UTF-8 nor CP949", advice="Save it as UTF-8.")
    log.warning("%s: read as CP949", path)
    return text


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a CSV or TSV with a line of headings, for ``client.batch(table, column=…)``.

    Relative paths in it begin at the folder of the file. Empty lines are left out; every cell is a str, an empty one
    None.

    Raises:
        InputError: There is no such file, it is no table, or it is neither UTF-8 nor CP949.
    """
    file = Path(path)
    if file.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise InputError(f"{file.name} is a workbook", advice='Save the sheet as "CSV UTF-8" and give that.')
    text = text_of(file)
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(file, text)))
    rows = [line for line in lines if any(cell.strip() for cell in line)]
    if not rows:
        raise InputError(f"{file.name} is empty", advice="Its first line must have the names of the columns.")
    columns = _named(rows[0])
    longest = max(map(len, rows))
    columns += [f"column {n}" for n in range(len(columns) + 1, longest + 1)]
    table = Table([_row(columns, row) for row in rows[1:]], columns)
    table.folder = file.parent
    return table


def _delimiter(file: Path, text: str) -> str:
    if file.suffix.lower() == ".tsv":
        return "\t"
    heading = next((line for line in text.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=heading.count) if any(mark in heading for mark in DELIMITERS) else ","


def _named(heading: Sequence[str]) -> list[str]:
    """Return a name for each column, each once: a heading that occurred before gets the number of its column."""
    names: list[str] = []
    for n, cell in enumerate(heading, start=1):
        name = cell.strip() or f"column {n}"
        while name in names:
            name = f"{name} ({n})"
        names.append(name)
    return names


def _row(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    return {name: (cells[n] or None) if n < len(cells) else None for n, name in enumerate(columns)}
