"""The file of the cache of batches: SQLite, shared by the threads and processes of a user, and never in anybody's way.

It holds what a journal keeps of a finished call, its replies and its result; no name, no text, no picture, no key.
Whatever fails in it, a lock, a full disk or damage, ends its use with one warning.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from cloudai.batch import queries
from cloudai.batch.queries import CallRecord, StoredReply
from cloudai.core.flow import Response
from cloudai.errors import JournalError

__all__ = ["FOLDER", "USUAL", "CacheStore", "Facts", "cache_path"]

NAME = "answers.sqlite"
FOLDER = "CLOUDAI_CACHE_DIR"
USUAL = 500
"""Megabytes at most, where nothing else is said."""

APPLICATION = 0x636C6463  # "cldc": says whose file this is
VERSION = 1
SCHEMA = (
    """CREATE TABLE answers (
        id INTEGER PRIMARY KEY, call TEXT NOT NULL, place TEXT NOT NULL, size INTEGER NOT NULL, made INTEGER NOT NULL,
        used INTEGER NOT NULL, memory TEXT, result TEXT, meta TEXT, digest INTEGER NOT NULL, UNIQUE (call, place))""",
    "CREATE INDEX answers_used ON answers (used, id, size)",
    """CREATE TABLE replies (
        answer INTEGER NOT NULL, place TEXT NOT NULL, units INTEGER NOT NULL, status INTEGER NOT NULL,
        headers TEXT NOT NULL, body BLOB NOT NULL)""",
    "CREATE INDEX replies_answer ON replies (answer)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)
PRAGMAS = (
    "synchronous = NORMAL",  # one sync for a thousand pages; a power cut costs the last answers, not the file
    "secure_delete = ON",
    "journal_size_limit = 4000000",
)
BUSY, WRITING = 0.2, 1.0
"""Seconds to wait while another process has the file: who reads, and the thread that writes."""
PATIENCE = 5
"""How often it may be busy until a batch goes on without it."""
WAITING = 500
"""Answers in memory at most, until they are written; those that come on top are not kept."""
COARSE = 3600
"""Seconds within which an answer that is used again is not marked anew."""
LOW = 0.95
"""Of the limit: so much is left when the oldest are deleted, so that not every answer deletes one."""
OVERHEAD = 400
"""Bytes that an answer takes beside its texts, about."""
SHRINKING = 1.0
"""Seconds that deleting may take at once."""
PAGES = 2500
"""That are given back to the disk at once: ten megabytes."""
AT_ONCE = 1000
"""Answers deleted in one transaction."""
log = logging.getLogger("cloudai")


def cache_path() -> Path:
    """Where it is: in ``CLOUDAI_CACHE_DIR``, else where the system has such files."""
    from platformdirs import user_cache_path

    given = os.environ.get(FOLDER)
    return (Path(given) if given else user_cache_path("cloudai", appauthor=False)) / NAME


@dataclass(frozen=True)
class Facts:
    """What the file holds."""

    path: Path
    answers: int
    size: int
    """Bytes on the disk."""
    oldest: float | None
    """When the oldest answer came, seconds since 1970."""


class CacheStore:
    """The file, opened when it is first used; whatever fails in it ends its use, with one warning.

    Args:
        path: The file.
        places: By operation a digest of the settings that say who answers.
        limit: Bytes at most, about; those used the longest ago go first.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        scopes: Mapping[str, str] | None = None,
        limit: int = USUAL * 1_000_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path or cache_path()
        self._scopes = scopes or {}
        self._limit = limit
        self._clock = clock
        self._looking = threading.Lock()
        self._lock = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: list[Callable[[sqlite3.Connection], object]] = []
        self._busy = 0
        self._failing = self._closed = False
        self._pid = os.getpid()

    def find(self, operation: str, call: str) -> CallRecord | None:
        """What is kept of a call; blocking, for less than a millisecond."""
        place = self._scopes[operation]
        with self._looking:
            try:
                if self._reader is None and not (self._failing or self._closed):
                    self._reader = _opened(self.path)
                found = self._reader and _found(self._reader, call, place)
            except Exception as error:  # noqa: BLE001  # a batch does without
                self._failed(error)
                return None
        if not found:
            return None
        number, used, standing = found
        if abs(self._clock() - used) > COARSE:
            self._write(lambda db: db.execute("UPDATE answers SET used = ? WHERE id = ?", (int(self._clock()), number)))
        return standing

    def keep(self, operation: str, call: str, standing: CallRecord) -> None:
        """Keep a call that is done; written a little later, in a thread of its own."""
        place, now = self._scopes[operation], int(self._clock())
        self._write(lambda db: _keep(db, call, place, standing, now))

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        with self._lock:
            if self._failing or self._closed or len(self._waiting) >= WAITING:
                return
            self._waiting.append(work)
            if len(self._waiting) == 1:
                self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="cloudai-cache")
                self._pool.submit(self._flush)

    def _flush(self) -> None:
        """All that has come meanwhile, in one transaction."""
        with self._lock:
            works, self._waiting = self._waiting, []
        try:
            self._writer = self._writer or _opened(self.path, make=True)
            assert self._writer is not None  # noqa: S101  # for the types
            with _transaction(self._writer):
                for work in works:
                    work(self._writer)
            self._busy = 0
            self._shrink(self._writer)
        except Exception as error:  # noqa: BLE001  # a batch does without
            self._failed(error)

    def _shrink(self, db: sqlite3.Connection) -> None:
        """Delete those used the longest ago, where it has grown over its limit."""
        if _bytes(db) <= self._limit:
            return
        until = time.monotonic() + SHRINKING  # of a limit that is much smaller now; the next one goes on
        while (excess := _bytes(db) - int(self._limit * LOW)) > 0 and time.monotonic() < until:
            with _transaction(db):
                # Step by step: pages are never quite full.
                if not _delete(db, _oldest(db, excess // 2)):
                    break
        _vacuum(db, PAGES)

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._busy += 1
            if self._failing or (_is_busy(error) and self._busy < PATIENCE):
                return
            self._failing = True
            self._waiting = []
        removed = _is_damage(error) and _removed(self.path)
        how = "it is begun anew" if removed else "the batch goes on without it"
        log.warning("the cache %s cannot be used (%s): %s", self.path, error, how)

    def close(self) -> None:
        """Write what is left."""
        if self._pid != os.getpid():
            return  # the one that was forked leaves the file to the other
        with self._lock:
            self._closed = True
        if self._pool:
            self._pool.shutdown()
        with self._looking:
            for db in filter(None, (self._reader, self._writer)):
                with suppress(sqlite3.Error):
                    db.close()
            self._reader = self._writer = None

    # -- for the command ---------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        """What it holds; JournalError where it cannot be read."""
        with self._required() as db:
            [(n, oldest)] = db.execute("SELECT COUNT(*), MIN(made) FROM answers") if db else [(0, None)]
        return Facts(self.path, n, sum(file.stat().st_size for file in _files(self.path) if file.exists()), oldest)

    def forget(self, calls: Iterable[str]) -> int:
        """Delete these calls, of all places: how many there were; JournalError where they cannot be."""
        with self._required() as db:
            return self._delete_for_good(db, [i for call in calls for i in _ids_of(db, call)] if db else [])

    def clear(self) -> int:
        """Delete all: how much there was; a file of ours that is damaged goes as a whole. JournalError as above."""
        try:
            with self._required() as db:
                return self._delete_for_good(db, [n for (n,) in db.execute("SELECT id FROM answers")] if db else [])
        except JournalError as error:
            if _is_damage(error.__cause__) and _removed(self.path):
                return 0
            raise

    def _delete_for_good(self, db: sqlite3.Connection | None, ids: list[int]) -> int:
        if db is None or not ids:
            return 0
        with _transaction(db):
            _delete(db, ids)
        _vacuum(db)
        # What was deleted stands in the log beside it until it is emptied.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(ids)

    @contextmanager
    def _required(self) -> Iterator[sqlite3.Connection | None]:
        """The file, where it is there; JournalError for whatever is wrong with it."""
        try:
            db = _opened(self.path)
            if db is None:
                yield None
                return
            with closing(db):
                yield db
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"the cache {self.path} cannot be used ({error})", advice=f"Try again, or delete {self.path}."
            ) from error


def _opened(path: Path, *, make: bool = False) -> sqlite3.Connection | None:
    """The file, with its tables; None where there is none yet."""
    if make:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    elif not path.exists():
        return None
    db = sqlite3.connect(path, timeout=WRITING if make else BUSY, isolation_level=None, check_same_thread=False)
    try:
        with _transaction(db, "DEFERRED"):  # at one moment: another process may be making it
            is_ours = _is_ours(db)
        if not is_ours and not make:
            db.close()
            return None
        if not is_ours:
            _make_tables(db)
        for pragma in PRAGMAS:
            db.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        db.close()
        raise
    return db


def _is_ours(db: sqlite3.Connection) -> bool:
    """False where it is new; DatabaseError where it is another's, or of another version."""
    [(application,)] = db.execute("PRAGMA application_id")
    [(version,)] = db.execute("PRAGMA user_version")
    [(tables,)] = db.execute("SELECT COUNT(*) FROM sqlite_schema")
    if application == APPLICATION and version == VERSION:
        return True
    if application or tables:
        raise sqlite3.DatabaseError("not a cache of this cloudai")
    return False


def _make_tables(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table, or never
    db.execute("PRAGMA journal_mode = WAL")
    with _transaction(db):
        if not _is_ours(db):  # another process may have been first
            for statement in SCHEMA:
                db.execute(statement)


@contextmanager
def _transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            db.execute("ROLLBACK")
        raise


def _found(db: sqlite3.Connection, call: str, place: str) -> tuple[int, int, CallRecord] | None:
    """Its number, when it was last used, and what is kept; what was changed by a bad disk is not there."""
    row = db.execute(
        "SELECT id, used, memory, result, meta, digest FROM answers WHERE call = ? AND place = ?", (call, place)
    ).fetchone()
    if row is None:
        return None
    number, used, memory, result, meta, digest = row
    rows = list(
        db.execute("SELECT place, units, status, headers, body FROM replies WHERE answer = ? ORDER BY place", (number,))
    )
    if digest != _digest([memory, result, meta], rows):
        return None
    held = {
        place: StoredReply(units, Response(status, json.loads(headers), body, replayed=True))
        for place, units, status, headers, body in sorted(rows, key=lambda row: queries.in_order(row[0]))
    }
    return number, used, CallRecord(0, "done", memory=memory, result=result, meta=meta, replies=held)


def _digest(texts: list[str | None], rows: Iterable[tuple[Any, ...]]) -> int:
    digest = crc32(repr(texts).encode())
    for *head, body in rows:
        digest = crc32(body, crc32(repr(head).encode(), digest))
    return digest


def _keep(db: sqlite3.Connection, call: str, place: str, standing: CallRecord, now: int) -> None:
    """In place of what was there; a result is kept without the name of its input."""
    meta = json.loads(standing.meta or "{}")
    meta.pop("input", None)
    texts = [standing.memory, standing.result, json.dumps(meta)]
    rows = [
        (where, held.units, held.response.status, json.dumps(dict(held.response.headers)), held.response.content)
        for where, held in sorted(standing.replies.items())
    ]
    size = OVERHEAD + sum(len(text or "") for text in texts) + sum(len(row[3]) + len(row[4]) for row in rows)
    _delete(db, _ids_of(db, call, place))
    made = db.execute(
        "INSERT INTO answers (call, place, size, made, used, memory, result, meta, digest)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (call, place, size, now, now, *texts, _digest(texts, rows)),
    )
    db.executemany("INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?)", [(made.lastrowid, *row) for row in rows])


def _ids_of(db: sqlite3.Connection, call: str, place: str | None = None) -> list[int]:
    rows = db.execute("SELECT id FROM answers WHERE call = ? AND place = COALESCE(?, place)", (call, place))
    return [number for (number,) in rows]


def _oldest(db: sqlite3.Connection, size: int) -> list[int]:
    """Those used the longest ago, until they make up so many bytes."""
    found: list[int] = []
    for number, bytes_ in db.execute("SELECT id, size FROM answers ORDER BY used, id LIMIT ?", (AT_ONCE,)):
        found.append(number)
        size -= bytes_
        if size <= 0:
            break
    return found


def _delete(db: sqlite3.Connection, ids: list[int]) -> int:
    numbers = [(number,) for number in ids]
    db.executemany("DELETE FROM replies WHERE answer = ?", numbers)
    db.executemany("DELETE FROM answers WHERE id = ?", numbers)
    return len(ids)


def _vacuum(db: sqlite3.Connection, pages: int = 0) -> None:
    """Give free pages back to the disk, so many at most."""
    db.executescript(f"PRAGMA incremental_vacuum({pages})")  # `execute` would end after the first


def _bytes(db: sqlite3.Connection) -> int:
    """Of the pages that hold something."""
    count, free, size = (
        next(iter(db.execute(f"PRAGMA {name}")))[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((count - free) * size)


def _is_busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _is_damage(error: BaseException | None) -> bool:
    """Whether it is the content that is wrong; not a lock, a full disk, or a file of another."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)  # none in what we raise ourselves
        return code & 0xFF in (0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, ValueError)


def _removed(path: Path) -> bool:
    """Delete the file, if it bears our mark and is of no later version: whether it did."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
        # https://sqlite.org/fileformat2.html#database_header: the version at 60, the application at 68
        if head[68:72] != APPLICATION.to_bytes(4, "big"):
            return False
        if int.from_bytes(head[60:64], "big") > VERSION:
            return False
        for each in _files(path):
            each.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _files(path: Path) -> list[Path]:
    """It, and what SQLite has beside it."""
    return [Path(f"{path}{end}") for end in ("", "-wal", "-shm")]
