"""Read the cells of a table as numbers, dates or likelihood words, whether they come from Python or from a CSV file."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cloudai.errors import InputError
from cloudai.models.face import EMOTIONS
from cloudai.report.plots.chart import LIKELIHOODS
from cloudai.table import Table
from cloudai.text import did_you_mean, quoted

__all__ = [
    "Values",
    "date_in",
    "day",
    "days",
    "is_empty",
    "number",
    "open_number",
    "rank_of",
    "require_columns",
    "values_of",
]

DATE = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?:[-._ 년]{1,2}(\d{1,2})(?:[-._ 월]{1,2}(\d{1,2}))?|(\d\d)(\d\d))?(?!\d)")
"""A date in the name of a file: 2008-01-15, 2008_01, 20080115, 2008년 1월 15일, or a year alone."""
WRITTEN = re.compile(r"(\d{4})(?:[-./년]\s*(\d{1,2})(?:[-./월]\s*(\d{1,2})[.일]?)?)?[.월년]?")
"""A date in a cell, the year first: 2008-1-15, 2008/01/15, 2008. 1. 15., 2008년 1월 15일, 2008-01, or 2008."""
OPEN = re.compile(r"(.*?)\s*(?:\+|세?\s*이상|(?:or|and) (?:older|over|more|above))", re.IGNORECASE)
"""An age without an upper end: 80+, 80세 이상, 80 or older."""
NOTHING = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan"})
"""The words that R, Excel and others write into a cell without a value."""
UNKNOWN = "UNKNOWN"
EPOCH = date(1970, 1, 1).toordinal()
SCALES: Mapping[str, str] = {"score": "scale", **dict.fromkeys(map(str, EMOTIONS), "emotion_scale")}
"""The column that says on which scale the numbers of a column are."""


@dataclass(frozen=True)
class Values:
    """The numbers of a column, and what they are."""

    numbers: list[float | None]
    words: list[str]
    """The provider's words beside the numbers; "" where there is none."""
    scale: str
    """"likelihood" where the numbers are ranks of words; otherwise as the table says, or ""."""


def require_columns(table: Table, names: Iterable[str]) -> None:
    """Raise InputError if the table has no rows, or lacks one of these columns."""
    if not table.rows:
        raise InputError("the table has no rows", advice="There is nothing to draw.")
    for name in names:
        if name not in table.columns:
            meant = did_you_mean(name, table.columns)
            raise InputError(f"no column {name}", advice=f"{meant} There are: {', '.join(table.columns)}.".strip())


def is_empty(cell: Any) -> bool:
    """Return whether a cell of numbers or of dates has no value: NA, for example, as R writes it."""
    return cell is None or (isinstance(cell, str) and cell.strip() in NOTHING)


def number(cell: Any) -> float | None:
    """Return a cell as a number; None if it is empty or not a number.

    Raises:
        ValueError: It is a text that is no number, or a number that is not finite.
    """
    if is_empty(cell):
        return None
    if isinstance(cell, bool):
        raise ValueError("a truth value is no number")  # noqa: TRY004  # callers ask for one error
    if isinstance(cell, float) and math.isnan(cell):
        return None  # data frames write an empty cell so
    # Pages and reports, ours among them, write a minus sign, and not a hyphen.
    value = float(str(cell).strip().replace("−", "-"))
    if not math.isfinite(value):
        raise ValueError("the number is not finite")
    return value


def rank_of(cell: Any) -> int | None:
    """Return the rank of a likelihood word from 0 to 4, in any spelling; None if it is none."""
    word = str(cell).strip().upper().replace(" ", "_")
    return LIKELIHOODS.index(word) if word in LIKELIHOODS else None


def open_number(cell: Any) -> tuple[float | None, bool]:
    """Return a cell as a number, and whether it stands for this number and all above: "80+", "80세 이상".

    Raises:
        ValueError: It is neither.
    """
    match = OPEN.fullmatch(cell.strip()) if isinstance(cell, str) else None
    return (number(match[1]), True) if match else (number(cell), False)


def days(cells: Sequence[Any]) -> list[float | None]:
    """Return dates and times as days since 1970-01-01, the empty ones as None.

    Times of one time zone stay as they are written. Times of several zones become UTC, as do those that name none, for
    they would have no order otherwise.

    Raises:
        ValueError: A cell is no date, or is one whose order of day and month is not certain (01/02/2008).
    """
    # All cells are read first: if all times have the same time zone, none has to be converted.
    times = [_time(cell) for cell in cells]
    zones = {time.utcoffset() for time in times if time is not None}
    if len(zones) > 1:
        times = [time.astimezone(UTC) if time is not None and time.tzinfo else time for time in times]
    return [None if time is None else _day(time) for time in times]


def day(cell: Any) -> float | None:
    """Return a single date or time as `days` returns several."""
    return days([cell])[0]


def _time(cell: Any) -> datetime | None:
    if is_empty(cell):
        return None
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  # a day has no time zone
    # "년" may come in single letters from macOS.
    text = unicodedata.normalize("NFC", str(cell)).strip()
    if match := WRITTEN.fullmatch(text):
        year, month, of_month = (int(part or 1) for part in match.groups())
        return datetime(year, month, of_month)  # noqa: DTZ001
    return datetime.fromisoformat(text)


def _day(time: datetime) -> float:
    seconds = time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6
    return time.toordinal() - EPOCH + seconds / 86400


def date_in(name: str) -> float | None:
    """Return the date that a name holds, as days since 1970-01-01; None if it holds none."""
    # A number that only looks like a date, such as 2008-15-40, is passed over.
    for match in DATE.finditer(unicodedata.normalize("NFC", name)):
        year, month, of_month, joined_month, joined_day = match.groups()
        try:
            return day(date(int(year), int(month or joined_month or 1), int(of_month or joined_day or 1)))
        except ValueError:
            continue
    return None


def values_of(table: Table, name: str) -> Values:
    """Return a column as numbers or as ranks of likelihood words.

    Raises:
        InputError: The column has no numbers, or something that is no number, or numbers on several scales.
    """
    words = [_word(row, name) for row in table]
    ranks = [rank_of(word) for word in words]
    filled = [n for n, row in enumerate(table) if not is_empty(row.get(name))]
    # Words, probabilities and confidences have no common axis: a bar of each would be compared by its length all the
    # same.
    scales = {_scale(table.rows[n], name, words[n]) for n in filled}
    if len(scales) > 1:
        raise InputError(
            f"the column {name} mixes {' and '.join(sorted(scale or 'plain numbers' for scale in scales))}",
            advice="They have no common axis. Draw one provider at a time: choose it with where=.",
        )
    scale = next(iter(scales), "")
    if scale == "likelihood":
        # A table may have the rank as a number where the provider's word is in another column.
        steps = [rank if rank is not None else _step(row.get(name)) for rank, row in zip(ranks, table, strict=True)]
        numbers: list[float | None] = [None if step is None else float(step) for step in steps]
        return Values(numbers, words, scale)
    numbers = [_number(row.get(name), name, n, table) for n, row in enumerate(table)]
    if all(value is None for value in numbers):
        raise _no_numbers(table, name)
    return Values(numbers, [""] * len(numbers), scale)


def _word(row: Mapping[str, Any], name: str) -> str:
    """Return the likelihood word of a cell: itself, or the one in the column "word" beside a score."""
    for cell in (row.get(name), row.get("word") if name == "score" else None):
        text = str(cell or "").strip().upper().replace(" ", "_")
        if text in LIKELIHOODS or text == UNKNOWN:
            return text
    return ""


def _scale(row: Mapping[str, Any], name: str, word: str) -> str:
    return "likelihood" if word else str(row.get(SCALES.get(name, "")) or "")


def _step(cell: Any) -> int | None:
    """Return the rank of a score that stands for a likelihood word; tables hold 0, .25, .5, .75 and 1."""
    try:
        score = number(cell)
    except ValueError:
        return None
    return None if score is None else min(4, max(0, round(score * 4)))


def _number(cell: Any, name: str, row: int, table: Table) -> float | None:
    try:
        return number(cell)
    except ValueError:
        # If no cell has a number, the wrong column was named. If one lacks it, the cell is wrong.
        if not _has_numbers(table, name):
            raise _no_numbers(table, name) from None
        raise InputError(
            f"row {row + 1} of the column {name} is {quoted(cell)}, and no number",
            advice="Correct the cell, or leave the row out with where=.",
        ) from None


def _has_numbers(table: Table, name: str) -> bool:
    for row in table:
        try:
            if number(row.get(name)) is not None:
                return True
        except ValueError:
            continue
    return False


def _no_numbers(table: Table, name: str) -> InputError:
    others: Sequence[str] = [column for column in table.columns if _has_numbers(table, column)]
    there = f"Columns with numbers: {', '.join(others)}." if others else "No column of the table has numbers."
    return InputError(f"the column {name} has no numbers", advice=there)
