"""Tell what kind of values a column of a gallery has, by which it can be filtered."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cloudai.errors import InputError
from cloudai.text import did_you_mean, plain

__all__ = ["Column", "columns_of", "kind_of", "shown", "value_of"]

MOST_VALUES, SHARE, FEW = 60, 0.6, 3
"""A column of texts is one to choose from if it has so few values, also as a share of the tiles; few are always."""
LONGEST_WORD = 60
"""Characters of a text that can be chosen from a list."""
PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?")
"""A text that is a number: no number of a telephone or a file, whose leading zero means something."""


@dataclass(frozen=True)
class Column:
    """A column of a gallery."""

    key: str
    """The name of the column among the facts of tiles."""
    name: str
    """The name of the column as it is shown."""
    kind: Literal["number", "word", "words", "text"]
    """The use that a reader has of it: to choose a range, to choose one of its values, or only to search and sort."""


def columns_of(rows: Sequence[Mapping[str, Any]], wanted: Sequence[str] | None = None) -> list[Column]:
    """Return the columns of the facts of all tiles, in the order in which they first occur, or those that are wanted.

    Raises:
        InputError: No tile has one of the columns that are wanted.
    """
    keys = list(dict.fromkeys(key for row in rows for key in row))
    for key in wanted or ():
        if key not in keys and rows:
            advice = f"{did_you_mean(key, keys)} There are: {', '.join(keys)}.".strip()
            raise InputError(f"no column {key}", advice=advice)
    names = Counter[str]()
    columns = []
    for key in keys if wanted is None else wanted:
        name = plain(str(key))
        names[name] += 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"  # two headings that look the same must be two columns in the address
        columns.append(Column(key, name, kind_of([row[key] for row in rows if row.get(key) not in (None, "", ())])))
    return columns


def kind_of(values: Sequence[Any]) -> Literal["number", "word", "words", "text"]:
    """Return the kind of a column by its values that are not empty; see `Column`."""
    # One list or tuple decides, because other cells of the column may hold a single word as it is.
    if any(isinstance(value, list | tuple) for value in values):
        return "words"
    if values and all(_is_number(value) for value in values):
        return "number"
    texts = {plain(str(value)) for value in values}
    few = len(texts) <= min(MOST_VALUES, max(FEW, SHARE * len(values)))
    return "word" if texts and few and all(len(text) <= LONGEST_WORD for text in texts) else "text"


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return PLAIN_NUMBER.fullmatch(value.strip()) is not None
    # True and False are words to choose from, although Python takes them for 1 and 0.
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: object) -> str:
    """Return a value as a reader sees it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(str(part)) for part in value)
    return plain(str(value))


def value_of(value: object, kind: str) -> str:
    """Return a value as the page sorts and filters by it."""
    if value in (None, "", ()):
        return ""
    if kind == "words":
        parts = value if isinstance(value, list | tuple) else [value]
        # The words are written as JSON, because a tag may have a comma in it.
        return json.dumps([plain(str(part)) for part in parts], ensure_ascii=False)
    return str(value).strip() if kind == "number" else shown(value)
