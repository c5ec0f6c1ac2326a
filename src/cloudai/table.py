"""A table has rows, columns and units; it can be filtered, sorted and shortened, printed, and written to files."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from cloudai import table_files, table_layout
from cloudai.errors import SettingsError
from cloudai.table_files import ColumnType, json_of
from cloudai.text import did_you_mean, quoted

__all__ = ["LEADING", "Table", "json_of"]

Row = Mapping[str, Any]

WIDEST_CELL = 48
MOST_SHOWN = 20
"""Rows that a notebook shows at most."""
LEADING = ("item", "input", "operation", "status", "provider", "method")
"""The columns with which each table of results begins; the user's own columns follow the first two."""


class Table:
    """A small table: a list of rows (dicts), the order of the columns, and their units.

    Printing it aligns the columns by the width of the characters, Hangul counting as two. ``table["score"]`` is the
    list of the values of a column, ``table[0]`` a row, and ``table[:10]`` a table of the first ten rows.

    Args:
        rows: One dict for each row; a missing column is empty.
        columns: The names of the columns in order; by default they come in the order of the rows' keys.
        units: The units of columns, for example ``{"x": "px"}``.
        types: The types of columns, for example ``{"x": float}``: data frames and Parquet have them even if the column
            is empty. A column without one has the type of its values.
        widest_cell: Columns of the terminal that a cell has at most when the table is shown, and one at least. A longer
            text is cut there, and never in a file.

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
        types: Mapping[str, ColumnType] | None = None,
        widest_cell: int = WIDEST_CELL,
    ) -> None:
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]
        self.columns = list(columns if columns is not None else dict.fromkeys(name for r in rows for name in r))
        self.units = dict(units or {})
        self.types = dict(types or {})
        self.widest_cell = widest_cell
        self.folder: Path | None = None
        """The folder at which relative paths in the table begin; None unless it was read from a file."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    # Without this a table without rows would be false, because it has a length.
    def __bool__(self) -> bool:
        return True

    @overload
    def __getitem__(self, wanted: str) -> list[Any]: ...
    @overload
    def __getitem__(self, wanted: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, wanted: slice) -> Table: ...
    def __getitem__(self, wanted: str | int | slice) -> list[Any] | dict[str, Any] | Table:
        """Return the values of a column, a row, or a table of some of the rows.

        Raises:
            KeyError: The table has no column of this name.
            IndexError: The table has no row of this number.
            SettingsError: It is no name, no whole number and no slice.
        """
        if isinstance(wanted, str):
            self._require([wanted])
            return [row.get(wanted) for row in self.rows]
        if isinstance(wanted, slice):
            return self._like(self.rows[wanted])
        if not hasattr(wanted, "__index__"):
            raise SettingsError(
                f"{quoted(wanted)} is no column and no row",
                advice="Give the name of a column, the number of a row, or a slice such as [:10].",
            )
        return self.rows[wanted]

    def _require(self, columns: Iterable[str]) -> None:
        """Raise an error if one of these is no column: KeyError for a name, SettingsError for anything else.

        A table without any column has no names to check against.
        """
        for name in columns:
            if not isinstance(name, str):
                raise SettingsError(f"{quoted(name)} is no name of a column", advice='Give names: "status", "score".')
            if self.columns and name not in self.columns and not any(name in row for row in self.rows):
                meant = did_you_mean(name, self.columns)
                raise KeyError(f"no column {name}; there are {', '.join(self.columns)}{meant and f'. {meant}'}")

    def _like(self, rows: Sequence[Row], columns: Sequence[str] | None = None) -> Table:
        """Return a table of other rows, or other columns, that is like this one in all else."""
        columns = self.columns if columns is None else columns
        table = Table(rows, columns, self.units, types=self.types, widest_cell=self.widest_cell)
        table.folder = self.folder
        return table

    def select(self, *columns: str) -> Table:
        """Return a table of the same rows that has only these columns.

        Raises:
            KeyError: The table has no column of one of these names.
        """
        self._require(columns)
        return self._like([{name: row.get(name) for name in columns} for row in self.rows], columns)

    def filled(self) -> Table:
        """Return a table of the same rows without the columns that are None in all of them."""
        return self.select(*[c for c in self.columns if any(row.get(c) is not None for row in self.rows)])

    def filter(self, test: Callable[[dict[str, Any]], object] | None = None, /, **equal: Any) -> Table:
        """Return a table of the rows for which a function is true, and whose columns have these values.

        Example:
            >>> table = Table([{"status": "ok", "score": 0.9}, {"status": "failed", "score": None}])
            >>> table.filter(status="ok")["score"]
            [0.9]
            >>> len(table.filter(lambda row: row["score"] and row["score"] > 0.95))
            0

        Raises:
            KeyError: The table has no column of one of these names.
        """
        self._require(equal)
        return self._like(
            [
                row
                for row in self.rows
                if (test is None or test(row)) and all(row.get(name) == value for name, value in equal.items())
            ]
        )

    def sort(self, *columns: str, reverse: bool = False) -> Table:
        """Return a table of the same rows, sorted by these columns; empty cells and NaN come last.

        Args:
            columns: The names of the columns, the one that counts most first.
            reverse: Whether the largest value comes first.

        Raises:
            KeyError: The table has no column of one of these names.
            SettingsError: A column holds values that have no order, for example numbers and texts.
        """
        self._require(columns)
        rows = list(self.rows)
        # Python's sort is stable, so the column that counts most is sorted by last.
        for name in reversed(columns):
            filled = [row for row in rows if _has_order(row.get(name))]
            empty = [row for row in rows if not _has_order(row.get(name))]
            try:
                filled.sort(key=lambda row, name=name: row[name], reverse=reverse)  # type: ignore[misc]
            except TypeError as error:
                kinds = " and ".join(sorted({type(row[name]).__name__ for row in filled}))
                advice = "Sort by another column, or filter the rows first."
                raise SettingsError(f"the column {name} holds {kinds}, which have no order", advice=advice) from error
            rows = [*filled, *empty]
        return self._like(rows)

    def head(self, n: int = 5) -> Table:
        """Return a table of the first rows."""
        return self[: max(0, n)]

    def fit(self, width: int) -> tuple[Table, list[str]]:
        """Return a table whose lines are no wider than a window, and the names of the columns that it leaves out.

        Args:
            width: The columns of the window, in which a Hangul syllable takes two.
        """
        kept, widest = table_layout.columns_that_fit(self.rows, self.columns, width, self.widest_cell)
        table = self.select(*kept)
        table.widest_cell = widest
        return table, [name for name in self.columns if name not in kept]

    def __str__(self) -> str:
        return table_layout.as_text(self.rows, self.columns, self.widest_cell) if self.columns else "(empty table)"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        shown = self.rows[:MOST_SHOWN]
        more = f"<p>… {len(self) - len(shown)} more rows</p>" if len(self) > len(shown) else ""
        return table_layout.as_html(shown, self.columns, self.units, self.widest_cell) + more

    def to_csv(self, path: str | os.PathLike[str] | None = None, *, excel: bool | None = None) -> str:
        r"""Return the table as CSV, and write it to a file if a path is given.

        Positions and sizes in pixels are rounded to one decimal.

        Args:
            path: The file; where it is None the text is only returned.
            excel: True (the default for a file) writes UTF-8 with a byte order mark and CRLF, so that Excel shows
                Korean, and puts an apostrophe before text that a spreadsheet would run as a formula, also where the
                spreadsheet cuts lines at semicolons.
                False (the default for text) keeps the exact text, with ``\n``.

        Raises:
            InputError: The path has the ending of another kind of file.
            OutputError: The file cannot be written.
        """
        if path is not None:
            table_files.require_ending(path, "to_csv")
        excel = (path is not None) if excel is None else excel
        text = table_files.as_csv(self.rows, self.columns, self.units, excel=excel)
        if path is not None:
            # The bytes are written as they are, because writing text would turn each CRLF into CR CR LF on Windows.
            table_files.write(path, text.encode("utf-8-sig" if excel else "utf-8"))
        return text

    def to_xlsx(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a workbook of Excel (extra ``data``); no text in it becomes a formula or a link.

        Positions and sizes in pixels are rounded to one decimal. A text is cut behind 32,767 characters, which a cell
        has at most, and a whole number of more than 15 digits is written as a text, because Excel would round it.

        Raises:
            InputError: The path does not end in .xlsx, so that Excel would not open it; or the table has more rows or
                columns than a sheet has.
            MissingExtraError: XlsxWriter is not installed.
            OutputError: The file cannot be written.
        """
        table_files.require_ending(path, "to_xlsx")
        table_files.write_xlsx(self.rows, self.columns, self.units, path)

    def to_jsonl(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the table as JSON Lines, one object for each row, and write it to a file if a path is given.

        No text is cut or changed; a value that JSON cannot hold, for example a date, is written as its `str`.

        Raises:
            InputError: The path has the ending of another kind of file.
            OutputError: The file cannot be written.
        """
        if path is not None:
            table_files.require_ending(path, "to_jsonl")
        lines = (json_of({name: row.get(name) for name in self.columns}) for row in self.rows)
        text = "".join(f"{line}\n" for line in lines)
        if path is not None:
            table_files.write(path, text.encode())
        return text

    def to_pandas(self) -> Any:
        """Return the table as a ``pandas.DataFrame`` (extra ``data``), whose columns have fixed types.

        They are Int64, float64, string and boolean, so that a missing number is no text and the frames of two vendors
        can be put one below the other. A column of other values, or of values of several types, has the type object.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return table_files.as_pandas(self.rows, self.columns, self._types())

    def to_polars(self) -> Any:
        """Return the table as a ``polars.DataFrame`` (extra ``data``), whose columns have fixed types.

        Values that polars has no type for, such as paths, are texts.

        Raises:
            MissingExtraError: polars is not installed.
        """
        return table_files.as_polars(self.rows, self.columns, self._types())

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a Parquet file (extra ``data``), whose columns have fixed types.

        Raises:
            InputError: The path has the ending of another kind of file.
            MissingExtraError: polars is not installed.
            OutputError: The file cannot be written.
        """
        table_files.require_ending(path, "to_parquet")
        content = io.BytesIO()
        self.to_polars().write_parquet(content)
        table_files.write(path, content.getvalue())

    def _types(self) -> dict[str, ColumnType]:
        return table_files.types_of(self.rows, self.columns, self.types)


def _has_order(value: object) -> bool:
    """Return whether a value can be less than another one: None cannot, nor NaN, the empty cell of data frames."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))
