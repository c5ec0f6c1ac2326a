"""The inputs of a batch are read one by one, each with its number, its name and the row of the table it is in."""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

from cloudai.core.lazy import lazy
from cloudai.core.urls import shown
from cloudai.errors import InputError
from cloudai.media.given import understood
from cloudai.media.source import ADDRESS, Source
from cloudai.media.stored import STORED
from cloudai.media.video import Frame, Frames
from cloudai.operations import OPERATIONS, EmptyCell, digest_of, given_as

__all__ = ["Entry", "Inputs", "PartOf"]


@dataclass(frozen=True)
class Entry:
    """One input of a batch, for one of its operations."""

    item: int
    given: Any
    name: str | None
    """A path with ``/``, an address or a text; None for an input without a name, such as bytes."""
    row: Mapping[str, Any] | None = None
    """The user's columns."""
    is_path: bool = False
    is_text: bool = False
    """True if the input is a text, even one that looks like an address."""
    part: int = 0
    """Index of the operation that it is for, if the batch has several."""

    @property
    def position(self) -> tuple[int, int]:
        """The key of this entry among all entries of the batch."""
        return self.item, self.part

    @property
    def shown(self) -> str:
        """The name of the input that is shown to the user."""
        return self.name or f"input {self.item}"

    def named(self, name: str) -> Entry:
        """Return the same input with a name."""
        return Entry(self.item, self.given, name, self.row, self.is_path, self.is_text, self.part)

    def written(self, digest: str | None) -> str:
        """Return the name of the input that is written down.

        A text is named by its digest (hex), or by its number if that is not known, and never by its words. An address
        is written without its query, for that may hold a signature.
        """
        if self.is_text:
            return f"input {self.item}" if digest is None else f"text-{digest[:8]}"
        name = self.shown
        is_address = not self.is_path and (ADDRESS.match(name) or STORED.match(name))
        return shown(name) if is_address else name

    def digest_at_hand(self, *, fetching: bool) -> str | None:
        """Return the digest of the input (hex) if it can be told without reading a file; otherwise None.

        Args:
            fetching: Whether the client fetches addresses: the digest of an address is then that of the file there,
                which is not at hand.
        """
        if isinstance(self.given, bytes | bytearray | memoryview):
            return sha256(self.given).hexdigest()
        if isinstance(self.given, Source):
            return self.given.key_at_hand(fetching=fetching)
        if not isinstance(self.given, str) or (not self.is_text and (fetching or STORED.match(self.given))):
            return None
        return digest_of(self.given)

    def is_of(self, digest: str | None) -> bool:
        """Return whether the input is a str, a text or an address, with this digest."""
        return isinstance(self.given, str) and digest_of(self.given) == digest


LISTS = {
    "image": "sorted(Path('photos').glob('*.jpg'))",
    "audio": "sorted(Path('recordings').glob('*.wav'))",
    "text": "['Good!', 'Bad!']",
}
"""An example of many inputs, for each kind of input that an operation has."""


@dataclass(frozen=True)
class PartOf:
    """Says which part of a list of inputs a batch carries out."""

    list: str
    """The key of the list (sha256, hex): the same inputs in the same order have the same key."""
    first: int = 0
    """The number of the first input of the part in the list."""


class Inputs:
    """The inputs that the user gave, as an iterable of entries.

    What an iterator yields is not collected in memory, unless `hold` is called. A data frame is turned into a list of
    rows at once.

    Args:
        operation: The name of the operation; it decides whether a str is a path or a text.
        given: The inputs, or rows (dicts, a `Table`, a data frame) with the inputs in one column.
        column: The name of that column.
        keep: Names of the columns that stand beside the results in tables; by default all.
        first: The number of the first input, for a part of a list.

    Raises:
        InputError: ``given`` is one input and not many.
    """

    def __init__(
        self,
        operation: str,
        given: Iterable[Any],
        column: str | None = None,
        keep: Sequence[str] | None = None,
        first: int = 0,
    ) -> None:
        is_many = hasattr(given, "__iter__") or hasattr(given, "__getitem__")
        if not is_many or isinstance(given, str | bytes | os.PathLike | Mapping):
            raise InputError(
                f"a batch takes many inputs, not one {type(given).__name__}",
                advice=f"Give a list, for example {LISTS[OPERATIONS[operation].input]}.",
            )
        self._is_text = OPERATIONS[operation].input == "text"
        self._given = _rows(given)
        self._column = column
        self._keep = keep
        self.first = first
        self.folder: Path | None = getattr(given, "folder", None)
        """The folder that relative paths in a table start from: that of its file; None if there is none."""

    @property
    def total(self) -> int | None:
        """The number of inputs; None if it is not known."""
        return len(self._given) if isinstance(self._given, Sequence) else None

    @property
    def come_once(self) -> bool:
        """True if the inputs can be iterated over only once."""
        return isinstance(self._given, Iterator)

    @property
    def wait_for_nobody(self) -> bool:
        """True if each input is known to come whatever becomes of those before it: those of our own iterator."""
        return isinstance(self._given, Frames)

    def hold(self) -> None:
        """Keep what an iterator yields in memory, so that a plan can read the inputs before the run does.

        Raises:
            InputError: It yields other things than paths, addresses, texts and rows, which may be large.
        """
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
        return (self._entry(n, thing) for n, thing in enumerate(self._given))

    def parts(self, operations: Sequence[str]) -> Iterator[Entry]:
        """Yield an entry for each operation of each input, whose bytes are read only once."""
        for entry in self:
            if len(operations) == 1:
                yield entry
                continue
            shared = entry
            with suppress(InputError):  # each operation reports the error of the input
                # The workers share it, so that only one of them reads the file.
                shared = replace(entry, given=given_as(operations[0], entry.given))
            for part in range(len(operations)):
                yield replace(shared, part=part)

    def at(self, item: int) -> Entry | None:
        """Return the input of this number; None if the inputs are no sequence, or have no such number."""
        n = item - self.first
        return (
            self._entry(n, self._given[n]) if isinstance(self._given, Sequence) and 0 <= n < len(self._given) else None
        )

    @lazy
    def part(self) -> PartOf:
        """The list that these inputs are; a generator is like no other list."""
        if not isinstance(self._given, Sequence):
            return PartOf(secrets.token_hex(32))
        digest = sha256(repr((self._column, self._keep)).encode())
        for thing in self._given:
            digest.update(_identity_of(thing))
        return PartOf(digest.hexdigest())

    def slices(self, n: int) -> list[tuple[int, list[Any]]]:
        """Return the inputs in at most ``n`` pieces of about the same length, each with the number of its first input.

        No piece is empty, so there are fewer pieces if there are fewer inputs.
        """
        things = list(self._given)
        cuts = [len(things) * i // n for i in range(n + 1)]
        return [(self.first + a, things[a:b]) for a, b in pairwise(cuts) if a < b]

    def _entry(self, n: int, thing: Any) -> Entry:
        item, row = self.first + n, None
        if isinstance(thing, Mapping):
            row, thing = self._of_row(n, thing)
        elif self._column is not None:
            if n == 0:
                raise InputError(
                    f"column={self._column!r} goes with rows, not with a {type(thing).__name__}",
                    advice="Give a list of dicts, a table or a data frame.",
                )
            thing = None  # only this input fails, when it is read
        if self._is_text:
            return Entry(item, thing, thing if isinstance(thing, str) else None, row, is_text=True)
        if not isinstance(thing, str | os.PathLike):
            return _of_frame(item, thing, row) if isinstance(thing, Frame) else Entry(item, thing, None, row)
        if isinstance(thing, str) and (ADDRESS.match(thing) or STORED.match(thing)):
            return Entry(item, thing, _harmless(thing), row)
        understood_as = _path_or_bytes(thing)
        if not isinstance(understood_as, str | os.PathLike):
            return Entry(item, thing if understood_as is None else understood_as, None, row)
        path = Path(understood_as)
        if row is not None and self.folder is not None and not path.is_absolute():
            path = self.folder / path
        # macOS decomposes Hangul and accents in file names; a name must have one spelling on all systems.
        return Entry(item, path, unicodedata.normalize("NFC", PurePath(path).as_posix()), row, is_path=True)

    def _of_row(self, item: int, row: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        # If the first row lacks the column, the setting is wrong; if a later row does, only that input fails.
        if self._column is None or (self._column not in row and item == 0):
            problem = "which column holds the inputs" if self._column is None else f"there is no column {self._column}"
            raise InputError(
                f"{problem}{'?' if self._column is None else ''}",
                advice=f"Give column= one of: {', '.join(map(str, row))}.",
            )
        if item == 0:
            self._require_kept(row)
        kept = {str(name): row.get(name) for name in (row if self._keep is None else self._keep)}
        given = row.get(self._column)
        return kept, EmptyCell(str(self._column)) if _is_empty(given) else given

    def _require_kept(self, row: Mapping[str, Any]) -> None:
        """Raise InputError if a column to keep is in none of the rows that can be looked at."""
        rows = self._given if isinstance(self._given, Sequence) else [row]
        known = dict.fromkeys(name for one in rows if isinstance(one, Mapping) for name in one)
        if unknown := [str(name) for name in self._keep or () if name not in known]:
            raise InputError(
                f"there is no column {', '.join(unknown)}",
                advice=f"keep= chooses among: {', '.join(map(str, row))}.",
            )

    def kept(self, entry: Entry) -> dict[str, Any] | None:
        """Return the user's columns as they are written down: without a text that is sent or an address's query.

        Return None for an input that is in no table.
        """
        if entry.row is None:
            return None
        kept, column = dict(entry.row), str(self._column)
        if entry.is_text:
            kept.pop(column, None)
        elif isinstance(value := kept.get(column), str) and (ADDRESS.match(value) or STORED.match(value)):
            kept[column] = shown(value)
        elif column in kept and not entry.is_path:
            kept[column] = None  # the cell is a picture or a recording itself, which is never written down
        return kept


def _of_frame(item: int, frame: Frame, row: Mapping[str, Any] | None) -> Entry:
    """Return a frame of a video as an input, with its columns beside those of the user."""
    # The frame itself stands in the column with the inputs, and is no cell of a table.
    own = {name: frame.name if value is frame else value for name, value in (row or {}).items()}
    return Entry(item, frame, frame.fragment, {**own, **frame.row}, is_path=frame.is_file)


def _identity_of(thing: Any) -> bytes:
    """Return a digest by which an input is the same in any process: of its path, its text, its bytes or its row.

    An object of any other type is known by its ``str``, which may differ between processes.
    """
    if isinstance(thing, bytes | bytearray | memoryview):
        return sha256(thing).digest()
    if isinstance(thing, Source):
        return sha256(str(thing.key_at_hand(fetching=False) or thing.name).encode("utf-8", "surrogatepass")).digest()
    if isinstance(thing, Mapping):
        # Names and values are digested one by one: joined as texts, {"a": "bc"} and {"ab": "c"} would be the same row.
        parts = [part for name, value in thing.items() for part in (_identity_of(str(name)), _identity_of(value))]
        return sha256(b"".join(parts)).digest()
    text = os.fspath(thing) if isinstance(thing, os.PathLike) else _text_of(thing)
    return sha256(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).digest()


def _text_of(thing: Any) -> str:
    try:
        return str(thing)
    except Exception:  # noqa: BLE001  # whatever the __str__ of a user's cell raises
        return type(thing).__name__


def _is_empty(cell: Any) -> bool:
    """Return whether a cell holds nothing: None, white space, or a number or date of pandas that stands for nothing."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return True
    # NaN and NaT differ from themselves. pandas has a type of its own for a missing value, which has no truth value.
    return type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)  # noqa: PLR0124


def _path_or_bytes(thing: str | os.PathLike[str]) -> str | os.PathLike[str] | bytes | None:
    """Return the path that was given, or the bytes that a text is; None for a text that fails when it is read."""
    try:
        return understood(thing) if isinstance(thing, str) else thing
    except InputError:
        return None


def _harmless(address: str) -> str:
    """Return an address as tables show it: parameters that tell pictures apart stay, and credentials are removed."""
    from cloudai.core.redaction import without_credentials

    head, mark, rest = address.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return without_credentials(f"{head}{mark}{host.rpartition('@')[2]}{slash}{path}")


def _rows(given: Iterable[Any]) -> Iterable[Any]:
    """Return the rows of a data frame or a table as dicts; return other inputs as they are."""
    # A frame of polars has ``to_dict`` and ``columns`` as well, so it is recognised before one of pandas.
    if hasattr(given, "iter_rows"):  # polars
        return given.rows(named=True)  # type: ignore[attr-defined, no-any-return]
    if hasattr(given, "to_dict") and hasattr(given, "columns"):  # pandas
        return given.to_dict("records")  # type: ignore[no-any-return]
    return given.rows if hasattr(given, "rows") and isinstance(given.rows, list) else given
