"""The journal: a SQLite file in which a batch keeps what it is about to pay for, and what it has been given for it.

Before a request goes out, that it will is on disk; before a reply is read, the reply is. So after a crash, a power cut
or a full disk one knows what was finished, what is in doubt, and what never began.

One thread owns the file. Whoever wants something of it hands over a function, gets a future, and the thread runs all
that have come meanwhile in one transaction: 32 calls in flight cost one sync of the disk, not 32. Keys and uploads are
never written; replies and the names of inputs are, so the file is for its owner alone (mode 0600).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from cloudai.batch.queries import Database, make_tables, require_ours
from cloudai.errors import JournalError, SettingsError

__all__ = ["Journal", "is_remote"]

T = TypeVar("T")

log = logging.getLogger("cloudai")


@dataclass
class _Work:
    function: Callable[[Any], Any]
    future: Future[Any] | None
    """Of who waits for it."""
    reads: bool


_Outcome: TypeAlias = tuple[_Work, Any, Exception | None]


class Journal:
    """A journal file, owned until it is closed; without a path a temporary one that nobody else sees.

    Args:
        path: The file; made if it is not there.
        connect: Opens SQLite; tests put their own in.
        make: Make one where the file is not there, or is empty.

    Raises:
        JournalError: Another process has it, it is no journal, or it cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        connect: Callable[[str], Database] | None = None,
        make: bool = True,
    ) -> None:
        self.path = None if path is None else _as_path(path)
        # The program may go into another folder meanwhile; SQLite keeps its log beside what a link points to.
        self._file = None if self.path is None else self.path.resolve()
        self._pid = os.getpid()
        self._some = threading.Condition()
        self._queue: list[_Work] = []
        self._lost: list[tuple[Callable[[Any], Any], bool]] = []
        self._closing = False
        with self._mapped():
            self._db = self._opened(connect or _connect, make)
            self._inode = self._identity()
        self._thread = threading.Thread(target=self._serve, name="cloudai-journal", daemon=True)
        self._thread.start()

    # -- opening -----------------------------------------------------------------------------------------------

    def _opened(self, connect: Callable[[str], Database], make: bool) -> Database:
        if self._file is None:
            db = connect("")
            make_tables(db)
            return db
        if is_remote(self._file):
            log.warning("%s is on a network drive: whether another computer has it cannot be told", self.path)
        _create(self._file)
        db = connect(str(self._file))
        try:
            # One owner: the lock goes when its process does, and no shared memory is needed beside the file.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            if not require_ours(db) and not make:
                raise sqlite3.DatabaseError("file is not a database of ours: not a database")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN EXCLUSIVE")
            if not require_ours(db):
                make_tables(db)
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        return db

    def _identity(self) -> list[tuple[int, int]]:
        """Of the file and of its log beside it, in which what was written last is."""
        if self._file is None:
            return []
        found = [self._file.stat(), Path(f"{self._file}-wal").stat()]
        return [(one.st_dev, one.st_ino) for one in found]

    def _mapped(self) -> _Mapped:
        return _Mapped(self.path)

    # -- the thread that owns the file -------------------------------------------------------------------------

    def do(self, work: Callable[[Any], T], *, reads: bool = False) -> Future[T]:
        """Have the owner run this, with what others want at the same time; the outcome is there once it is on disk.

        What only ``reads`` comes after what the others write, and works on a disk that is full.
        """
        future: Future[T] = Future()
        self._hand_over(_Work(work, future, reads))
        return future

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Have the owner run these as one; what each returned or raised, once all is on disk."""
        return self.do(lambda db: [_tried(work, db) for work in works])

    def ask(self, work: Callable[[Any], T]) -> T:
        """The same, waited for."""
        return self.do(work).result()

    def read(self, work: Callable[[Any], T]) -> T:
        """Of what only reads, waited for."""
        return self.do(work, reads=True).result()

    def post(self, work: Callable[[Any], Any]) -> None:
        """Have it run, and wait for nothing; what cannot be written is tried once more at the end."""
        self._hand_over(_Work(work, None, reads=False))

    def rescue(self, work: Callable[[Any], Any], *, paid: bool = False) -> None:
        """What could not be written is tried once more at the end; where it was ``paid`` for, that must succeed."""
        self._lost.append((work, paid))

    def _hand_over(self, work: _Work) -> None:
        refused = None
        with self._some:
            if self._pid != os.getpid():
                refused = JournalError("a journal does not go into a forked process")
            elif self._closing:
                refused = JournalError("the batch is closed", advice="Open it again with client.batch().")
            else:
                self._queue.append(work)
                self._some.notify()
        if refused is not None:
            self._told(work, None, refused)

    def _told(self, work: _Work, value: Any, failure: Exception | None) -> None:
        """Who waits has the outcome; of what nobody waits for a failure is tried again."""
        if work.future is None:
            if failure is not None:
                self.rescue(work.function)
        elif failure is None:
            work.future.set_result(value)
        else:
            work.future.set_exception(failure)

    def _serve(self) -> None:
        while True:
            with self._some:
                while not self._queue and not self._closing:
                    self._some.wait()
                works, self._queue = self._queue, []
                if not works and self._closing:
                    return
            self._commit(works)

    def _commit(self, works: list[_Work]) -> None:
        writing = [work for work in works if not work.reads]
        outcomes: list[_Outcome] = []
        if writing:
            try:
                outcomes = self._written(writing)
            except JournalError as error:
                outcomes = [(work, None, error) for work in writing]
        for work in works:
            if work.reads:
                with self._mapped_into(work, outcomes):
                    outcomes.append((work, *_tried(work.function, self._db)))
        for outcome in outcomes:
            self._told(*outcome)

    def _written(self, works: list[_Work]) -> list[_Outcome]:
        """All in one transaction: their outcomes, once they are on disk."""
        with self._mapped():
            self._require_there()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                outcomes = [(work, *_tried(work.function, self._db)) for work in works]
                self._db.execute("COMMIT")
            except BaseException:
                _roll_back(self._db)
                raise
            return outcomes

    @contextmanager
    def _mapped_into(self, work: _Work, outcomes: list[_Outcome]) -> Iterator[None]:
        """A failure of SQLite is the outcome of this work alone."""
        try:
            with self._mapped():
                yield
        except JournalError as error:
            outcomes.append((work, None, error))

    def _require_there(self) -> None:
        try:
            same = self._identity() == self._inode
        except OSError:
            same = False
        if not same:
            raise JournalError(
                f"{self.path} was moved or deleted while the batch ran", advice="Put it back, or begin a new one."
            )

    def close(self) -> None:
        """Write what is left, and let the file go; JournalError where something paid for could not be kept."""
        if self._pid != os.getpid():
            return
        lost, self._lost = self._lost, []
        futures = [(self.do(work), paid) for work, paid in lost]
        with self._some:
            self._closing = True
            self._some.notify()
        self._thread.join()
        self._db.close()
        failures = [error for future, paid in futures if (error := future.exception()) and paid]
        if failures:
            raise JournalError(
                f"{len(failures)} answered request(s) could not be kept in {self.path} ({failures[0]})",
                advice="They are counted as in doubt: free some space, and the next run asks for them again.",
            )


def _as_path(given: Any) -> Path:
    """SettingsError for what is no name of a file."""
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise SettingsError(
            f"journal={given!r} is no file",
            advice="Give a path, or leave it out: then it is kept while the batch runs.",
        )
    return Path(path)


def _tried(work: Callable[[Any], Any], db: Database) -> tuple[Any, Exception | None]:
    """The outcome of one piece of work; what SQLite says goes on, for it concerns the whole transaction."""
    try:
        return work(db), None
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001  # told to the one who asked
        return None, error


def _roll_back(db: Database) -> None:
    with suppress(Exception):  # SQLite has rolled back by itself
        db.execute("ROLLBACK")


class _Mapped:
    """Errors of SQLite and the file system as ours."""

    def __init__(self, path: Path | None) -> None:
        self._path = path or "the temporary journal"

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, sqlite3.Error | OSError) and not isinstance(error, JournalError):
            raise _as_ours(error, self._path) from error


def _as_ours(error: Exception, path: Path | str) -> JournalError:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)  # not the path, which may say "full"
    for sign, what, advice in PROBLEMS:
        if sign in text:
            return JournalError(f"{path} {what}", advice=advice)
    return JournalError(f"{path} cannot be used ({text})", advice="Check the disk, or give another journal.")


PROBLEMS = (
    ("locked", "is used by another process", "Wait until it ends; a killed one lets go by itself."),
    ("full", "cannot be written: the disk is full", "Free some space and run the same again: it goes on from here."),
    ("No space left", "cannot be written: the disk is full", "Free some space and run the same again."),
    ("not a database", "is not a journal of cloudai", "Give another name: this file is left as it is."),
    ("malformed", "is damaged", "Restore a copy, or give another name."),
    ("readonly", "cannot be written", "Check who owns the file and its folder."),
    ("Permission", "cannot be written", "Check who owns the file and its folder."),
    ("unable to open", "cannot be opened", "Check that the folder is there and can be written."),
    ("No such file", "cannot be made: there is no such folder", "Make the folder first."),
    ("Is a directory", "is a folder", "Give the name of a file."),
)


def _connect(path: str) -> Database:
    # The thread that owns it is not the one that opens it.
    return sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)


def _create(path: Path) -> None:
    """Make the file, for its owner's eyes alone; SQLite gives the files beside it the same mode."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    elif path.is_file() and not path.stat().st_size:
        with suppress(OSError):  # a drive without modes, or another's file
            path.chmod(0o600)
    if not os.access(path, os.W_OK):
        raise PermissionError("Permission denied")  # SQLite would call it a disk error


def is_remote(path: Path) -> bool:
    """Whether the file is on a drive of another computer, where that can be told (Linux)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
        within = str(path.resolve().parent)
    except OSError:
        return False
    found = [(len(m[1]), m[2]) for m in mounts if within == m[1] or within.startswith(m[1].rstrip("/") + "/")]
    return bool(found) and max(found)[1].startswith(("nfs", "cifs", "smb", "9p", "fuse.sshfs"))
