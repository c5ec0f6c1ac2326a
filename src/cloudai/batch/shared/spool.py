"""A spool keeps the replies that came while the keeper was away, on the disk of the worker that was given them.

It is made when it is needed, and deleted once the keeper has everything in it. The spool of a worker that was killed is
handed over by the next worker on its computer that reaches the same keeper.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from cloudai import storage
from cloudai.storage import Connection, Schema, SQLiteError

__all__ = ["Spool", "SpooledReplies", "left_behind"]

log = logging.getLogger("cloudai")

SCHEMA = Schema(
    name="spool",
    application=0x636C6471,  # "cldq"
    version=1,
    statements=("CREATE TABLE messages (number INTEGER PRIMARY KEY, message BLOB NOT NULL)",),
    # A spool holds the only copy of replies that are paid for: each is on the disk before the batch goes on.
    pragmas=("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"),
    exclusive=True,
)
"""The schema of a spool. Only the process that has made it can open it, so a spool that can be opened was left
behind."""


A_PIECE = 8_000_000
"""Bytes of messages that are handed over at a time."""


def _folder(keeper: str) -> Path:
    return storage.state_folder() / "spool" / keeper


def _connect(path: str) -> Connection:
    # A spool that another worker has open is not waited for, because that worker hands its replies over by itself.
    return storage.connect(path, timeout=0.0)


class Spool:
    """The replies of one session, each with the number of its message.

    Args:
        keeper: The id of the keeper's journal.
        session: The name of the session.
    """

    def __init__(self, keeper: str, session: str) -> None:
        self.path = _folder(keeper) / f"{session}.db"
        self._db: Connection | None = None
        self.numbers: set[int] = set()
        """The numbers of the messages in it."""

    def add(self, number: int, message: bytes) -> None:
        """Keep a message; it is on disk when this returns.

        Raises:
            SQLiteError: The file cannot be written.
            OSError: The folder cannot be made.
        """
        if self._db is None:
            self._db = storage.open_or_make(self.path, SCHEMA, _connect, folder=True)
        self._db.execute("INSERT OR REPLACE INTO messages (number, message) VALUES (?, ?)", (number, message))
        self.numbers.add(number)

    def remove(self, number: int) -> None:
        """Delete a message that the keeper has."""
        if self._db is not None and number in self.numbers:
            self.numbers.discard(number)
            with suppress(SQLiteError):  # a message that is handed over twice is written down once
                self._db.execute("DELETE FROM messages WHERE number = ?", (number,))

    def close(self) -> None:
        """Close the file; it is deleted if the keeper has everything in it."""
        if self._db is not None:
            self._db.close()
            self._db = None
            if not self.numbers:
                storage.remove(self.path)


class SpooledReplies:
    """The replies of one session that are on the disk of this computer.

    Args:
        keeper: The id of the keeper's journal.
        session: The name of the session.
    """

    def __init__(self, keeper: str, session: str) -> None:
        self._late = Spool(keeper, session)
        """Replies that came while the keeper was away."""
        # A keeper carries out no message of a session whose number is not larger than the last one that it knows. This
        # session sends larger ones after a reply that the keeper could not write, so such a reply goes by another name.
        self._refused = Spool(keeper, secrets.token_hex(16))

    def __len__(self) -> int:
        return len(self._late.numbers) + len(self._refused.numbers)

    @property
    def numbers(self) -> set[int]:
        """The numbers of the messages that the keeper may not have."""
        return self._late.numbers

    def keep(self, number: int, message: bytes) -> bool:
        """Keep a message that the keeper may not have, and return whether it is on disk now."""
        return _added(self._late, number, json.loads(message)[1:])

    def rescue(self, message: bytes) -> None:
        """Keep a message without its number, which the keeper could not carry out."""
        _added(self._refused, len(self._refused.numbers) + 1, json.loads(message))

    def remove(self, number: int) -> None:
        """Delete a message that the keeper has."""
        self._late.remove(number)

    def close(self) -> None:
        """Close the files, and delete those in which nothing is left."""
        self._late.close()
        self._refused.close()


def _added(spool: Spool, number: int, rest: Sequence[object]) -> bool:
    _, *statement = rest
    try:
        spool.add(number, json.dumps(statement).encode())
    except (OSError, SQLiteError) as error:
        log.warning("%s cannot be written (%s): a reply is kept in memory alone", spool.path, error)
        return False
    return True


def left_behind(keeper: str) -> Iterator[tuple[Path, list[list[list[object]]]]]:
    """Yield the spools that killed workers of this computer have left: the file, and its messages in pieces.

    A message is the name of its session, its number, and the name and the arguments of the statement. A piece fits into
    a frame. A file that cannot be read stays where it is, and a warning names it.
    """
    folder = _folder(keeper)
    for path in sorted(folder.glob("*.db")) if folder.is_dir() else ():
        try:
            db = storage.open_existing(path, SCHEMA, _connect)
            if db is None:
                continue
            try:
                pieces = _in_pieces(path.stem, db)
            finally:
                db.close()
        except (OSError, SQLiteError, ValueError) as error:
            if not storage.is_busy(error):
                log.warning("%s cannot be read (%s): its replies are not handed over", path, error)
            continue
        yield path, pieces


def _in_pieces(session: str, db: Connection) -> list[list[list[object]]]:
    pieces: list[list[list[object]]] = [[]]
    size = 0
    for number, message in db.execute("SELECT number, message FROM messages ORDER BY number"):
        size += len(message)
        if size > A_PIECE and pieces[-1]:
            pieces.append([])
            size = len(message)
        pieces[-1].append([session, number, *json.loads(message)])
    return pieces
