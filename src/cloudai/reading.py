"""Read texts and tables as people have them: in any usual encoding, with any line ends, from any program."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cloudai.csv_cells import delimiter_of, rows_of
from cloudai.encodings import decoded
from cloudai.errors import CloudAIError, InputError
from cloudai.table import Table

__all__ = ["TABLES", "read_table", "table_in", "text_of"]

TABLES = frozenset({".csv", ".tsv"})
"""Endings of files that are tables."""


def text_of(
    path: str | os.PathLike[str], raising: type[CloudAIError] = InputError, *, encoding: str | None = None
) -> str:
    """Return the text of a file, whose encoding is recognised; a guess is written to the log. See `decoded`.

    Args:
        path: The file.
        raising: The class of the error that is raised where the file cannot be read or decoded.
        encoding: The encoding of the file, for example "gb18030"; None recognises it.

    Raises:
        CloudAIError: Of the class ``raising``: the file cannot be read or decoded.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL, or half a character, in the name
        reason = getattr(error, "strerror", None) or error
        raise raising(f"cannot read {path} ({reason})", advice="Check the path.") from error
    return decoded(data, str(path), raising, encoding=encoding)


def read_table(path: str | os.PathLike[str], *, encoding: str | None = None) -> Table:
    """Read a CSV or TSV with a line of headings, for ``client.batch(table, column=…)``.

    The encoding and the character between the cells are recognised. Relative paths in the table begin at the folder of
    the file. Empty lines are left out; every cell is a str of any length, an empty one None. A heading that is empty or
    occurs twice gets a name with the number of its column, so that no two columns have one name.

    Args:
        path: The file.
        encoding: The encoding of the file, for example "gb18030" or "cp1252"; None recognises it.

    Raises:
        InputError: There is no such file, it is no table, it has a quote that is never closed, or its encoding is not
            certain.
    """
    file = Path(path)
    if file.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise InputError(f"{file.name} is a workbook", advice='Save the sheet as "CSV UTF-8" and give that.')
    text = text_of(file, encoding=encoding)
    table = table_in(text, file.name, delimiter="\t" if file.suffix.lower() == ".tsv" else None)
    table.folder = file.parent
    return table


def table_in(text: str, name: str, *, delimiter: str | None = None) -> Table:
    """Return the table that a text holds; see `read_table`.

    Args:
        text: The text.
        name: The name by which errors call the table.
        delimiter: The character between the cells; None recognises it.

    Raises:
        InputError: The text is empty, or has a quote that is never closed.
    """
    text, delimiter = delimiter_of(text, delimiter)
    rows = [cells for cells in _cells(name, text, delimiter) if any(cell.strip() for cell in cells)]
    if not rows:
        raise InputError(f"{name} is empty", advice="Its first line must have the names of the columns.")
    columns = _named(rows[0], max(map(len, rows)))
    return Table([_row(columns, row) for row in rows[1:]], columns)


def _cells(name: str, text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of each line; raise InputError where a quote is never closed."""
    try:
        yield from rows_of(text, delimiter)
    except ValueError as error:
        raise InputError(
            f"{name}: {error}", advice='Close the quote, or write it twice ("") where it is part of a text.'
        ) from None


def _named(heading: Sequence[str], width: int) -> list[str]:
    """Return a name for each column, each once.

    The first column with a heading has it as its name. A column without a heading is named by its number, and so is one
    whose heading occurred before, behind the heading.
    """
    given = [cell.strip() for cell in heading]
    # The headings further right are taken from the beginning, so that no name that is made up here equals one of them.
    taken, names = set(given), list[str]()
    for number in range(1, width + 1):
        name = given[number - 1] if number <= len(given) else ""
        if not name or name in names:
            name = f"{name} ({number})" if name else f"column {number}"
            while name in taken:
                name = f"{name} ({number})"
        taken.add(name)
        names.append(name)
    return names


def _row(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    return {name: (cells[n] or None) if n < len(cells) else None for n, name in enumerate(columns)}
