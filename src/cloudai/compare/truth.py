"""Read a reference table: what is true of each input, written down by people."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from cloudai.errors import InputError
from cloudai.reading import read_table

__all__ = ["rows_by_item", "rows_of"]


def rows_of(truth: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a reference: of a CSV by its path, of a `Table`, of a list of dicts, or of a data frame.

    A cell that is NaN, as data frames have it where nothing is known, is None in the rows.

    Raises:
        InputError: It is none of these, or a row of it is none.
    """
    rows = list(_rows(truth))
    if odd := [row for row in rows if not isinstance(row, Mapping)]:
        raise InputError(
            f"a row of the reference is a {type(odd[0]).__name__}",
            advice="Give the path of a CSV, a table, or a list of dicts.",
        )
    return [{name: None if _is_nan(cell) else cell for name, cell in row.items()} for row in rows]


def _is_nan(cell: Any) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def rows_by_item(truth: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[int, list[Mapping[str, Any]]]:
    """Return the rows of a reference by the number of the input that they are about.

    Args:
        truth: The rows. The column ``item`` has the number of the input, or the column ``input`` its name: the file's
            name is enough where it is the only one.
        names: The names of the inputs, in order.

    Raises:
        InputError: A row has neither column, or names an input that there is not, or a name that several inputs have.
    """
    by_name = _numbers(names)
    by_item: dict[int, list[Mapping[str, Any]]] = {}
    for row in truth:
        item = _number(row, by_name, len(names))
        by_item.setdefault(item, []).append(row)
    return by_item


def _rows(truth: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(truth, str | os.PathLike):
        return read_table(truth)
    if hasattr(truth, "to_dicts"):  # polars
        return list(truth.to_dicts())
    if hasattr(truth, "to_dict") and not isinstance(truth, Mapping):  # pandas
        # pandas has NaT and NA for what is missing, too.
        return list(truth.astype(object).where(truth.notna(), None).to_dict("records"))
    return list(truth)


def _numbers(names: Sequence[str]) -> dict[str, int | None]:
    """Return the number of each input by its name, and by its file's name; None for one that several have."""
    numbers: dict[str, int | None] = {}
    for item, name in enumerate(names):
        for key in {_spelled(name), _spelled(PurePath(name).name)}:
            numbers[key] = item if key not in numbers else None
    # The whole name goes before the file's name, and of two equal names the first one counts.
    return numbers | {_spelled(name): item for item, name in reversed(list(enumerate(names)))}


def _spelled(name: str) -> str:
    # A table that was written on macOS has the names of its files in single letters of Hangul.
    return unicodedata.normalize("NFC", name)


def _whole(cell: Any) -> int | None:
    """Return the number of a cell, which may be a text; None if it is no whole number."""
    with suppress(ValueError, TypeError, OverflowError):
        # pandas writes a whole number as 3.0 where a cell of the same column is empty, into a CSV, too.
        number = float(cell)
        return int(number) if number.is_integer() else None
    return None


def _number(row: Mapping[str, Any], by_name: Mapping[str, int | None], n: int) -> int:
    item: int | None
    if row.get("item") not in (None, ""):
        item = _whole(row["item"])
        known = item is not None and 0 <= item < n
    elif row.get("input") in (None, ""):
        raise InputError("a row of the reference names no input", advice="Give it a column item or input.")
    else:
        item = by_name.get(_spelled(str(row["input"])))
        known = item is not None
    if not known or item is None:
        raise InputError(
            f"the reference has a row for {_named(row)!r}, which is no input, or several",
            advice="Leave the row out, or give the number of the input in a column item.",
        )
    return item


def _named(row: Mapping[str, Any]) -> Any:
    """Return how a row names its input."""
    return row["item"] if row.get("item") not in (None, "") else row.get("input")
