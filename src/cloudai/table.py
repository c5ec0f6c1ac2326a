"""A table has rows, columns and units; it can be printed, shown in a notebook, and written to files."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudai.errors import MissingExtraError
from cloudai.text import UNPRINTABLE, encodable, inert

__all__ = ["LEADING", "Table", "json_of"]

Row = Mapping[str, Any]


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

WIDEST_CELL = 48

THOUSAND = 1000


class Table:
    """A small table: a list of rows (dicts), the order of the columns, and their units.

    Printing it aligns the columns by the width of the characters, Hangul counting as two.

    Args:
        rows: One dict for each row; a missing column is empty.
        columns: The names of the columns in order; by default they come in the order of the rows' keys.
        units: The units of columns, for example ``{"x": "px"}``.
        widest_cell: Columns of the terminal that a cell has at most when the table is shown. A longer text is cut
            there, never in a file.

    Example:
        >>> print(Table([{"이름": "나무", "score": 0.5}]))
        이름  score
        ----  -----
        나무    0.5
    """

    def __init__(
        self,
        rows: Sequence[Row],
        columns: Sequence[str] | None = None,
        units: Mapping[str, str] | None = None,
        *,
        widest_cell: int = WIDEST_CELL,
    ) -> None:
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]
        self.columns = list(columns if columns is not None else dict.fromkeys(name for r in rows for name in r))
        self.units = dict(units or {})
        self.widest_cell = widest_cell
        self.folder: Path | None = None
        """The folder at which relative paths in the table begin; None unless it was read from a file."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __bool__(self) -> bool:
        return True

    def select(self, *columns: str) -> Table:
        """Return a table of the same rows that has only these columns; one that the table lacks is empty."""
        rows = [{name: row.get(name) for name in columns} for row in self.rows]
        table = Table(rows, columns, self.units, widest_cell=self.widest_cell)
        table.folder = self.folder
        return table

    def filled(self) -> Table:
        """Return a table of the same rows without the columns that are None in all of them."""
        return self.select(*[c for c in self.columns if any(row.get(c) is not None for row in self.rows)])

    def __str__(self) -> str:
        if not self.columns:
            return "(empty table)"
        cells = [[_shown(row.get(name), self.widest_cell) for name in self.columns] for row in self.rows]
        names = [_shown(name, self.widest_cell) for name in self.columns]
        widths = [max(map(_width, (name, *column))) for name, column in zip(names, self._by_column(cells), strict=True)]
        numeric = [all(isinstance(row.get(c), int | float | None) for row in self.rows) for c in self.columns]
        lines = [
            "  ".join(
                _pad(cell, width, right=right) for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in (names, ["-" * width for width in widths], *cells)
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _by_column(self, cells: list[list[str]]) -> list[list[str]]:
        return [[line[i] for line in cells] for i in range(len(self.columns))]

    def _repr_html_(self) -> str:
        units = {name: f" ({html.escape(inert(unit))})" for name, unit in self.units.items()}
        names = {name: html.escape(_shown(name, self.widest_cell)) for name in self.columns}
        head = "".join(f"<th>{names[name]}{units.get(name, '')}</th>" for name in self.columns)
        shown = [[html.escape(_shown(row.get(c), self.widest_cell)) for c in self.columns] for row in self.rows]
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in shown)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_csv(self, path: str | os.PathLike[str] | None = None, *, excel: bool | None = None) -> str:
        r"""Return the table as CSV, and write it to a file if a path is given.

        Args:
            path: The file; where it is None the text is only returned.
            excel: True (the default for a file) writes UTF-8 with a byte order mark and CRLF, so that Excel shows
                Korean, and puts an apostrophe before text that a spreadsheet would run as a formula, also where the
                spreadsheet cuts lines at semicolons.
                False (the default for text) keeps the exact text, with ``\n``.
        """
        excel = (path is not None) if excel is None else excel
        lines: list[Sequence[object]] = [
            self.columns,
            *([_cell(row.get(name)) for name in self.columns] for row in self.rows),
        ]
        end = "\r\n" if excel else "\n"
        written = "".join(_csv_line(map(_guarded, line) if excel else line) + end for line in lines)
        text = str(encodable(written))
        if path is not None:
            Path(path).write_bytes(text.encode("utf-8-sig" if excel else "utf-8"))
        return text

    def to_jsonl(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the table as JSON Lines, one object for each row, and write it to a file if a path is given.

        No text is cut or changed; a value that JSON cannot hold, for example a date, is written as its `str`.
        """
        lines = (json_of({name: row.get(name) for name in self.columns}) for row in self.rows)
        text = "".join(f"{line}\n" for line in lines)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        return text

    def to_pandas(self) -> Any:
        """Return the table as a ``pandas.DataFrame`` (extra ``data``)."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("to_pandas()", "data") from error
        columns = encodable(self.columns)
        return pd.DataFrame([dict(zip(columns, cells, strict=True)) for cells in self._cells()], columns=columns)

    def to_polars(self) -> Any:
        """Return the table as a ``polars.DataFrame`` (extra ``data``)."""
        try:
            import polars as pl
        except ImportError as error:
            raise MissingExtraError("to_polars()", "data") from error
        columns = zip(*self._cells(), strict=True) if self.rows else [()] * len(self.columns)
        return pl.DataFrame(
            {name: list(cells) for name, cells in zip(encodable(self.columns), columns, strict=True)}, strict=False
        )

    def _cells(self) -> list[list[Any]]:
        return [[encodable(row.get(name)) for name in self.columns] for row in self.rows]

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a Parquet file (extra ``data``)."""
        self.to_polars().write_parquet(path)


def json_of(thing: Any) -> str:
    """Return a value as one line of JSON, in which Korean is readable.

    A value that JSON cannot hold is written as its `str`.
    Characters that would steer a terminal, and halves of surrogate pairs, are written as JSON's escapes.
    """
    text = str(encodable(json.dumps(thing, ensure_ascii=False, default=str)))
    return UNPRINTABLE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _cell(value: object) -> object:
    """Return the value as a cell of CSV: an empty text for None, any other value as it is."""
    return "" if value is None else value


def _csv_line(cells: Iterable[object]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)  # a cell with either character of the terminator is quoted
    return out.getvalue().removesuffix("\r\n")


def _guarded(value: object) -> object:
    """Return a text with an apostrophe wherever a spreadsheet may begin a cell with it, and run a formula there."""
    if not isinstance(value, str):
        return value
    start = "'" if FORMULA.match(value) else ""
    return start + INNER_FORMULA.sub(r"\1'", value)


def _shown(value: object, widest: int) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < THOUSAND else f"{value:.0f}"
    text = inert(unicodedata.normalize("NFC", str(value)))
    # A wide character takes two columns, so that one cut by the number of characters may not be enough.
    while _width(text) > widest:
        text = text[: max(1, len(text) - max(1, (_width(text) - widest) // 2)) - 1] + "…"
    return text


def _width(text: str) -> int:
    """Return the columns that a terminal gives a text: wide East Asian characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


LEADING = ("item", "input", "status", "provider", "method")
