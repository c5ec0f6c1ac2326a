"""The inputs of a batch, one after the other, with their number, their name and the row of the table they stand in."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from cloudai.errors import InputError
from cloudai.media.source import ADDRESS
from cloudai.operations import SOURCES

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

    @property
    def is_text(self) -> bool:
        """Whether its name is what is sent: that is not written down."""
        return isinstance(self.given, str) and not self.is_path and not ADDRESS.match(self.given)


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
        if isinstance(given, str | bytes | os.PathLike):
            raise InputError(
                f"a batch takes many inputs, not one {type(given).__name__}",
                advice="Give a list, for example sorted(Path('photos').glob('*.jpg')).",
            )
        self._is_text = operation not in SOURCES
        self._given = _rows(given)
        self._column = column
        self._keep = keep
        self.folder: Path | None = getattr(given, "folder", None)
        """Where relative paths in a table begin: the folder of its file."""

    @property
    def total(self) -> int | None:
        """How many there are, where that is known."""
        return len(self._given) if isinstance(self._given, Sequence) else None

    def hold(self) -> None:
        """Keep the paths, addresses, texts and rows of an iterator, so that a plan can go over them before the run."""
        if not isinstance(self._given, Iterator):
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
        if self._is_text or not isinstance(thing, str | os.PathLike):
            return Entry(item, thing, thing if self._is_text and isinstance(thing, str) else None, row)
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
        kept = {str(name): row.get(name) for name in (row if self._keep is None else self._keep)}
        return kept, row.get(self._column)

    def kept(self, entry: Entry) -> dict[str, Any] | None:
        """The user's columns as they may be written down: without the text that is sent."""
        if entry.row is None or not entry.is_text:
            return None if entry.row is None else dict(entry.row)
        return {name: value for name, value in entry.row.items() if name != self._column}


def _harmless(address: str) -> str:
    """An address as it may be written down: what tells pictures apart stays, what opens a door does not."""
    from cloudai.testing._harmless import without_credentials

    head, mark, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    return without_credentials(f"{head}{mark}{place.rpartition('@')[2]}{slash}{path}")


def _rows(given: Iterable[Any]) -> Iterable[Any]:
    """Rows as dicts, where it is a data frame."""
    if hasattr(given, "iter_rows"):  # polars
        return given.rows(named=True)  # type: ignore[attr-defined, no-any-return]
    if hasattr(given, "to_dict") and hasattr(given, "columns"):  # pandas
        return given.to_dict("records")  # type: ignore[no-any-return]
    return given.rows if hasattr(given, "rows") and isinstance(given.rows, list) else given
