"""The file of the cache of batches: a SQLite file that the threads and processes of one user share.

It holds what a journal keeps of a finished call, its replies and its result; no name, no text, no picture, no key. A
batch never fails because of it: after a lock, a full disk or damage, the batch goes on without it, with one warning.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

from cloudai import storage
from cloudai.batch import queries
from cloudai.batch.queries import CallRecord, StoredReply
from cloudai.core.flow import Response
from cloudai.errors import JournalError
from cloudai.storage import Connection, Schema, SQLiteError, VersionError

__all__ = ["USUAL", "CacheStore", "Facts"]

USUAL = 500
"""The default limit of the file, in megabytes."""

SCHEMA = Schema(
    name="cache",
    application=0x636C6463,  # "cldc"
    version=1,
    statements=(
        """CREATE TABLE answers (
            id INTEGER PRIMARY KEY, call TEXT NOT NULL, place TEXT NOT NULL, size INTEGER NOT NULL,
            made INTEGER NOT NULL, used INTEGER NOT NULL, memory TEXT, result TEXT, meta TEXT, digest INTEGER NOT NULL,
            UNIQUE (call, place))""",
        "CREATE INDEX answers_used ON answers (used, id, size)",
        """CREATE TABLE replies (
            answer INTEGER NOT NULL, place TEXT NOT NULL, units INTEGER NOT NULL, status INTEGER NOT NULL,
            headers TEXT NOT NULL, body BLOB NOT NULL)""",
        "CREATE INDEX replies_answer ON replies (answer)",
    ),
    # Pages can then be given back to the disk a few at a time, whereas VACUUM writes the whole file anew.
    layout=("auto_vacuum = INCREMENTAL",),
    pragmas=(
        "journal_mode = WAL",
        "synchronous = NORMAL",  # one sync for a thousand pages; a power cut costs the last answers, not the file
        # Answers may be about people: what is deleted is overwritten, and does not stay in the free pages of the file.
        "secure_delete = ON",
        "journal_size_limit = 4000000",
    ),
)
"""The schema of the file. The column ``place`` of an answer is a digest of the settings that decide which service
answers; the column ``place`` of a reply is the id of its step in the call."""
BUSY, WRITING = 0.2, 1.0
"""Seconds to wait while another process has the file: for a reader, and for the thread that writes."""
PATIENCE = 5
"""How often the file may be busy until a batch goes on without it."""
WAITING = 500
"""Answers that wait in memory at most until they are written; those that come on top are not kept."""
COARSE = 3600
"""Seconds. An answer that was marked as used less than this ago is not marked again when it is used."""
LOW = 0.95
"""If the file exceeds its limit, answers are deleted down to this part of the limit, to leave room for more."""
OVERHEAD = 400
"""The approximate bytes that an answer takes beside its texts."""
SHRINKING = 1.0
"""Seconds that deleting may take at once."""
PAGES = 2500
"""Pages that are given back to the disk at once: ten megabytes."""
AT_ONCE = 1000
"""Answers deleted in one transaction."""
log = logging.getLogger("cloudai")


@dataclass(frozen=True)
class Facts:
    """The facts about a cache file that `cloudai cache` shows."""

    path: Path
    answers: int
    size: int
    """Bytes on the disk."""
    oldest: float | None
    """When the oldest answer came, seconds since 1970."""


class CacheStore:
    """The cache, opened when it is first used. If its file fails, the cache is used no more, and one warning is logged.

    A file that another process has for a moment has not failed; see `_fail`.

    Args:
        path: The file.
        scopes: By operation, a digest of the settings that say who answers.
        limit: Maximum number of bytes, about; the answers that were used the longest ago are deleted first.
        clock: A function that returns seconds since 1970.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        scopes: Mapping[str, str] | None = None,
        limit: int = USUAL * 1_000_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path or storage.cache_path()
        self._scopes = scopes or {}
        self._limit = limit
        self._clock = clock
        # Two locks: a look-up may wait for another process, and must not hold up those who queue what is written.
        self._looking = threading.Lock()
        self._lock = threading.Lock()
        self._reader: Connection | None = None
        self._writer: Connection | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: list[Callable[[Connection], object]] = []
        self._busy = 0
        self._failing = self._closed = False
        self._pid = os.getpid()

    def find(self, operation: str, call: str) -> CallRecord | None:
        """Return what is kept of a call; None if that is nothing, or the file cannot be read.

        This usually blocks for less than a millisecond. While another process has the file, it blocks for up to `BUSY`
        seconds, and longer if several threads ask, because they take turns. The answer counts as used now, but this is
        only written down if it was not written down within the last `COARSE` seconds.
        """
        scope = self._scopes[operation]
        with self._looking:
            try:
                if self._reader is None and not (self._failing or self._closed):
                    self._reader = _open_to_read(self.path)
                answer = _look_up(self._reader, call, scope) if self._reader else None
                old = answer is not None and abs(self._clock() - answer[1]) > COARSE
            except Exception as error:  # noqa: BLE001  # a batch does without
                self._fail(error)
                return None
        if not answer:
            return None
        number, _, record = answer
        if old:
            self._write(lambda db: db.execute("UPDATE answers SET used = ? WHERE id = ?", (int(self._clock()), number)))
        return record

    def keep(self, operation: str, call: str, record: CallRecord) -> None:
        """Keep a call that is done; a thread of the cache writes it a little later.

        The call is not kept if the cache is closed, if the file has failed, or if `WAITING` changes already wait to be
        written.
        """
        scope, now = self._scopes[operation], int(self._clock())
        self._write(lambda db: _keep(db, call, scope, record, now))

    def _write(self, work: Callable[[Connection], object]) -> None:
        with self._lock:
            if self._failing or self._closed or len(self._waiting) >= WAITING:
                return
            self._waiting.append(work)
            # A flush that has not begun takes along whatever comes until then.
            if len(self._waiting) == 1:
                self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="cloudai-cache")
                self._pool.submit(self._flush)

    def _flush(self) -> None:
        """Write all that has come meanwhile, in one transaction."""
        with self._lock:
            works, self._waiting = self._waiting, []
        try:
            self._writer = self._writer or _open_to_write(self.path)
            with storage.transaction(self._writer):
                for work in works:
                    work(self._writer)
            self._busy = 0
            self._shrink(self._writer)
        except Exception as error:  # noqa: BLE001  # a batch does without
            self._fail(error)

    def _shrink(self, db: Connection) -> None:
        """Delete the answers that were used the longest ago, where the file has grown over its limit."""
        if _bytes_in_use(db) <= self._limit:
            return
        until = time.monotonic() + SHRINKING  # the limit may be much smaller now: then the next answer goes on
        while (excess := _bytes_in_use(db) - int(self._limit * LOW)) > 0 and time.monotonic() < until:
            with storage.transaction(db):
                # Step by step: pages are never quite full.
                if not _delete(db, _oldest(db, excess // 2)):
                    break
        _vacuum(db, PAGES)

    def _fail(self, error: Exception) -> None:
        """End the use of the file with a warning, and delete a damaged file of ours.

        A file that was only busy is used further until that has happened `PATIENCE` times without a write in between
        that succeeded.
        """
        with self._lock:
            self._busy += 1
            if self._failing or (storage.is_busy(error) and self._busy < PATIENCE):
                return
            self._failing = True
            self._waiting = []
        removed = _is_worthless(error) and storage.remove_if_ours(self.path, SCHEMA)
        how = "it is begun anew" if removed else "the batch goes on without it"
        log.warning("the cache %s cannot be used (%s): %s", self.path, error, how)

    def close(self) -> None:
        """Write what is left, and let the file go; in a forked process, do nothing."""
        if self._pid != os.getpid():
            return  # a forked process leaves the file to its parent
        with self._lock:
            self._closed = True
        if self._pool:
            self._pool.shutdown()
        with self._looking:
            for db in filter(None, (self._reader, self._writer)):
                with suppress(SQLiteError):
                    db.close()
            self._reader = self._writer = None

    def facts(self) -> Facts:
        """Return what the file holds.

        Raises:
            JournalError: The file cannot be read.
        """
        with self._required() as db:
            [(n, oldest)] = db.execute("SELECT COUNT(*), MIN(made) FROM answers") if db else [(0, None)]
            oldest = None if oldest is None else float(oldest)
        size = sum(file.stat().st_size for file in storage.files_of(self.path) if file.exists())
        return Facts(self.path, n, size, oldest)

    def forget(self, calls: Iterable[str]) -> int:
        """Delete the answers to these calls, whichever endpoint or region gave them, and return how many that were.

        Raises:
            JournalError: The file cannot be used.
        """
        with self._required() as db:
            return self._delete_for_good(db, [i for call in calls for i in _ids_of(db, call)] if db else [])

    def clear(self) -> int:
        """Delete all answers, and return how many that were; a damaged file of ours is deleted, and counts as 0.

        Raises:
            JournalError: The file cannot be used.
        """
        try:
            with self._required() as db:
                return self._delete_for_good(db, [n for (n,) in db.execute("SELECT id FROM answers")] if db else [])
        except JournalError as error:
            if _is_worthless(error.__cause__) and storage.remove_if_ours(self.path, SCHEMA):
                return 0
            raise

    def _delete_for_good(self, db: Connection | None, ids: list[int]) -> int:
        if db is None or not ids:
            return 0
        with storage.transaction(db):
            _delete(db, ids)
        _vacuum(db)
        # SQLite keeps deleted answers in its write-ahead log until the log is emptied.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(ids)

    @contextmanager
    def _required(self) -> Iterator[Connection | None]:
        """Yield a connection, or None if there is no file.

        Raises:
            JournalError: The file cannot be used, which may also show within the block.
        """
        try:
            db = _open_to_read(self.path)
            if db is None:
                yield None
                return
            with closing(db):
                yield db
        except (SQLiteError, OSError, ValueError, TypeError) as error:
            raise JournalError(
                f"the cache {self.path} cannot be used ({error})", advice=f"Try again, or delete {self.path}."
            ) from error


def _open_to_read(path: Path) -> Connection | None:
    return storage.open_existing(path, SCHEMA, partial(storage.connect, timeout=BUSY))


def _open_to_write(path: Path) -> Connection:
    return storage.open_or_make(path, SCHEMA, partial(storage.connect, timeout=WRITING), folder=True)


def _is_worthless(error: BaseException | None) -> bool:
    """Return whether an error says that nothing can be read from the file, now or later: damage, another version."""
    return storage.is_damaged(error) or isinstance(error, VersionError | ValueError)


def _look_up(db: Connection, call: str, scope: str) -> tuple[int, int, CallRecord] | None:
    """Return the number of an answer, when it was last used, and what is kept of its call.

    Return None if there is no such answer, or if its digest shows that a bad disk has changed it.
    """
    row = db.execute(
        "SELECT id, used, memory, result, meta, digest FROM answers WHERE call = ? AND place = ?", (call, scope)
    ).fetchone()
    if row is None:
        return None
    number, used, memory, result, meta, digest = row
    rows = list(
        db.execute("SELECT place, units, status, headers, body FROM replies WHERE answer = ? ORDER BY place", (number,))
    )
    if digest != _digest([memory, result, meta], rows):
        return None
    replies = {
        step_id: StoredReply(units, Response(status, json.loads(headers), body, replayed=True))
        for step_id, units, status, headers, body in sorted(rows, key=lambda row: queries.in_order(row[0]))
    }
    return number, used, CallRecord(0, "done", memory=memory, result=result, meta=meta, replies=replies)


def _digest(texts: list[str | None], rows: Iterable[tuple[Any, ...]]) -> int:
    # The checksum is to find what a bad disk has changed, and not what somebody has forged, so a fast one is enough.
    digest = crc32(repr(texts).encode())
    for *head, body in rows:
        digest = crc32(body, crc32(repr(head).encode(), digest))
    return digest


def _keep(db: Connection, call: str, scope: str, record: CallRecord, now: int) -> None:
    """Write an answer over the one that is there; its result is kept without the name of its input."""
    meta = json.loads(record.meta or "{}")
    # The cache holds no names, and the same bytes may have another one next time.
    meta.pop("input", None)
    texts = [record.memory, record.result, json.dumps(meta)]
    rows = [
        (step_id, reply.units, reply.response.status, json.dumps(dict(reply.response.headers)), reply.response.content)
        for step_id, reply in sorted(record.replies.items())
    ]
    size = OVERHEAD + sum(len(text or "") for text in texts) + sum(len(row[3]) + len(row[4]) for row in rows)
    _delete(db, _ids_of(db, call, scope))
    made = db.execute(
        "INSERT INTO answers (call, place, size, made, used, memory, result, meta, digest)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (call, scope, size, now, now, *texts, _digest(texts, rows)),
    )
    db.executemany("INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?)", [(made.lastrowid, *row) for row in rows])


def _ids_of(db: Connection, call: str, scope: str | None = None) -> list[int]:
    rows = db.execute("SELECT id FROM answers WHERE call = ? AND place = COALESCE(?, place)", (call, scope))
    return [number for (number,) in rows]


def _oldest(db: Connection, size: int) -> list[int]:
    """Return the numbers of the answers that were used the longest ago, until they make up ``size`` bytes.

    There are at most `AT_ONCE` of them.
    """
    numbers: list[int] = []
    for number, bytes_ in db.execute("SELECT id, size FROM answers ORDER BY used, id LIMIT ?", (AT_ONCE,)):
        numbers.append(number)
        size -= bytes_
        if size <= 0:
            break
    return numbers


def _delete(db: Connection, ids: list[int]) -> int:
    numbers = [(number,) for number in ids]
    db.executemany("DELETE FROM replies WHERE answer = ?", numbers)
    db.executemany("DELETE FROM answers WHERE id = ?", numbers)
    return len(ids)


def _vacuum(db: Connection, pages: int = 0) -> None:
    """Give free pages back to the disk, at most ``pages`` of them; 0 stands for all."""
    db.executescript(f"PRAGMA incremental_vacuum({pages})")  # `execute` would end after the first


def _bytes_in_use(db: Connection) -> int:
    """Return the size of the pages that hold something."""
    count, free, size = (
        next(iter(db.execute(f"PRAGMA {name}")))[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((count - free) * size)
