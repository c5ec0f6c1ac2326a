"""A spool keeps the replies that came while the keeper was away, on the disk of the worker that was given them.

It is made when it is needed, and deleted once the keeper has everything in it. The spool of a worker that was killed is
handed over by the next worker on its computer that reaches the same keeper.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cloudai import storage
from cloudai.storage import Connection, Schema, SQLiteError

__all__ = ["Spool", "left_behind"]

log = logging.getLogger("cloudai")

SCHEMA = Schema(
    name="spool",
    application=0x636C6471,  # "cldq"
    version=1,
    statements=("CREATE TABLE messages (number INTEGER PRIMARY KEY, message BLOB NOT NULL)",),
    pragmas=("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"),
    exclusive=True,
)
"""Only the process that has made it can open it, so a spool that can be opened was left behind."""


def _folder(keeper: str) -> Path:
    return storage.state_folder() / "spool" / keeper


def _connect(path: str) -> Connection:
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


def left_behind(keeper: str) -> Iterator[tuple[Path, str, list[tuple[int, list[object]]]]]:
    """Yield the spools that killed workers of this computer have left: the file, the session, and its messages."""
    folder = _folder(keeper)
    for path in sorted(folder.glob("*.db")) if folder.is_dir() else ():
        try:
            db = storage.open_existing(path, SCHEMA, _connect)
        except (OSError, SQLiteError) as error:
            if not storage.is_busy(error):
                log.warning("%s cannot be read (%s): its replies are not handed over", path, error)
            continue
        if db is not None:
            messages = list(db.execute("SELECT number, message FROM messages ORDER BY number"))
            db.close()
            yield path, path.stem, [(number, json.loads(message)) for number, message in messages]
