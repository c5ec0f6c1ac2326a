"""The inputs of a batch, one after the other, with their number, their name and the row of the table they stand in."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from cloudai.core.urls import shown
from cloudai.errors import InputError
from cloudai.media.source import ADDRESS
from cloudai.operations import OPERATIONS, digest_of

__all__ = ["Entry", "Inputs"]


@dataclass(frozen=True)
class Entry:
    """One input."""

    item: int
    given: Any
    name: str | None
    """A path with ``/``, an address, a text; None where it has no name but its bytes'."""
    row: Mapping[str, Any] | None = None
    """The user's columns."""
    is_path: bool = False
    is_text: bool = False
    """What is sent is a text, whatever it looks like."""
    part: int = 0
    """Which of the operations it is for, where there are several."""

    @property
    def position(self) -> tuple[int, int]:
        """By this it is found again."""
        return self.item, self.part

    @property
    def shown(self) -> str:
        """What it is called to the user."""
        return self.name or f"input {self.item}"

    def written(self, digest: str | None) -> str:
        """What it is called where that is written down: of a text not its words, of an address not its signature."""
        if self.is_text:
            return f"input {self.item}" if digest is None else f"text-{digest[:8]}"
        return shown(self.shown) if not self.is_path and ADDRESS.match(self.shown) else self.shown

    def is_of(self, digest: str | None) -> bool:
        """Whether it is the text, or the address, with this digest."""
        return isinstance(self.given, str) and digest_of(self.given) == digest


class Inputs:
    """Goes over what the user gave, holding none of it.

    Args:
        operation: What they are for: a str is a path for one operation and a text for another.
        given: The inputs, or rows (dicts, a `Table`, a data frame) of which one column is the input.
        column: That column.
        keep: The columns that stand beside the results in tables; by default all.
    """

    def __init__(
        self, operation: str, given: Iterable[Any], column: str | None = None, keep: Sequence[str] | None = None
    ) -> None:
        is_many = hasattr(given, "__iter__") or hasattr(given, "__getitem__")
        if not is_many or isinstance(given, str | bytes | os.PathLike | Mapping):
            raise InputError(
                f"a batch takes many inputs, not one {type(given).__name__}",
                advice="Give a list, for example sorted(Path('photos').glob('*.jpg')).",
            )
        self._is_text = OPERATIONS[operation].input == "text"
        self._given = _rows(given)
        self._column = column
        self._keep = keep
        self.folder: Path | None = getattr(given, "folder", None)
        """Where relative paths in a table begin: the folder of its file."""

    @property
    def total(self) -> int | None:
        """How many there are, where that is known."""
        return len(self._given) if isinstance(self._given, Sequence) else None

    @property
    def come_once(self) -> bool:
        """Whether they can be gone over only once."""
        return isinstance(self._given, Iterator)

    def hold(self) -> None:
        """Keep the paths, addresses, texts and rows of an iterator, so that a plan can go over them before the run."""
        if not self.come_once:
            return
        held = []
        for thing in self._given:
            if not isinstance(thing, str | os.PathLike | Mapping):
                raise InputError(
                    f"a plan would have to keep every {type(thing).__name__} of a generator in memory",
                    advice="Give a list, or paths in place of what is in them.",
                )
            held.append(thing)
        self._given = held

    def __iter__(self) -> Iterator[Entry]:
        return (self._entry(item, thing) for item, thing in enumerate(self._given))

    def at(self, item: int) -> Entry | None:
        """The input of this number, where it can be looked at again."""
        if isinstance(self._given, Sequence) and item < len(self._given):
            return self._entry(item, self._given[item])
        return None

    def _entry(self, item: int, thing: Any) -> Entry:
        row: dict[str, Any] | None = None
        if isinstance(thing, Mapping):
            row, thing = self._of_row(item, thing)
        elif self._column is not None:
            if item == 0:
                raise InputError(
                    f"column={self._column!r} goes with rows, not with a {type(thing).__name__}",
                    advice="Give a list of dicts, a table or a data frame.",
                )
            thing = None  # a later one that is no row fails alone
        if self._is_text:
            return Entry(item, thing, thing if isinstance(thing, str) else None, row, is_text=True)
        if not isinstance(thing, str | os.PathLike):
            return Entry(item, thing, None, row)
        if isinstance(thing, str) and ADDRESS.match(thing):
            return Entry(item, thing, _harmless(thing), row)
        path = Path(thing)
        if row is not None and self.folder is not None and not path.is_absolute():
            path = self.folder / path
        return Entry(item, path, unicodedata.normalize("NFC", PurePath(path).as_posix()), row, is_path=True)

    def _of_row(self, item: int, row: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        # In a later row a column that is not there is that row's alone.
        if self._column is None or (self._column not in row and item == 0):
            problem = "which column holds the inputs" if self._column is None else f"there is no column {self._column}"
            raise InputError(
                f"{problem}{'?' if self._column is None else ''}",
                advice=f"Give column= one of: {', '.join(map(str, row))}.",
            )
        if item == 0:
            self._require_kept(row)
        kept = {str(name): row.get(name) for name in (row if self._keep is None else self._keep)}
        return kept, row.get(self._column)

    def _require_kept(self, row: Mapping[str, Any]) -> None:
        """InputError where a column to keep is in no row, as far as they can be looked at."""
        rows = self._given if isinstance(self._given, Sequence) else [row]
        known = dict.fromkeys(name for one in rows if isinstance(one, Mapping) for name in one)
        if unknown := [str(name) for name in self._keep or () if name not in known]:
            raise InputError(
                f"there is no column {', '.join(unknown)}",
                advice=f"keep= chooses among: {', '.join(map(str, row))}.",
            )

    def kept(self, entry: Entry) -> dict[str, Any] | None:
        """The user's columns as they may be written down: without the text that is sent, or an address's signature."""
        if entry.row is None:
            return None
        kept, column = dict(entry.row), str(self._column)
        if entry.is_text:
            kept.pop(column, None)
        elif isinstance(value := kept.get(column), str) and ADDRESS.match(value):
            kept[column] = shown(value)
        return kept


def _harmless(address: str) -> str:
    """An address as it may stand in a table: what tells pictures apart stays, what opens a door does not."""
    from cloudai.core.redaction import without_credentials

    head, mark, rest = address.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return without_credentials(f"{head}{mark}{host.rpartition('@')[2]}{slash}{path}")


def _rows(given: Iterable[Any]) -> Iterable[Any]:
    """Rows as dicts, where it is a data frame."""
    if hasattr(given, "iter_rows"):  # polars
        return given.rows(named=True)  # type: ignore[attr-defined, no-any-return]
    if hasattr(given, "to_dict") and hasattr(given, "columns"):  # pandas
        return given.to_dict("records")  # type: ignore[no-any-return]
    return given.rows if hasattr(given, "rows") and isinstance(given.rows, list) else given
