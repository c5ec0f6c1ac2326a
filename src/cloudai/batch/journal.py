"""The journal: a SQLite file in which a batch keeps what it is about to pay for, and what it has been given for it.

That a request will go out is on disk before it does; a reply is on disk before it is read. So after a crash, a power
cut or a full disk one knows what was finished, what is in doubt, and what never began.

One thread owns the file. A caller hands over a function and gets a future, and the thread runs all functions that have
come meanwhile in one transaction: 32 calls in flight cost one sync of the disk, not 32. Keys and uploads are never
written; replies and the names of inputs are, so the file is for its owner alone (mode 0600).
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from cloudai import storage
from cloudai.batch.queries import SCHEMA
from cloudai.errors import CloudAIError, JournalError, SettingsError
from cloudai.storage import Database, ForeignFileError, SQLiteError, VersionError

__all__ = ["SALVAGE", "Journal"]

T = TypeVar("T")

log = logging.getLogger("cloudai")


@dataclass
class _Work:
    function: Callable[[Any], Any]
    future: Future[Any] | None
    """Gets the outcome; None where nobody waits for it."""
    reads: bool
    """Whether the function only reads."""


_Outcome: TypeAlias = tuple[_Work, Any, Exception | None]


class Journal:
    """A journal file, owned until it is closed; without a path a temporary one that nobody else sees.

    Args:
        path: The file; it is made where it is not there.
        connect: Opens SQLite; tests put their own in.
        make: Whether to make a journal where the file is not there, or is empty.

    Raises:
        JournalError: Another process has the file, it is no journal, or it cannot be written.
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
        with _journal_errors(self.path):
            self._file = None if self.path is None else _resolved(self.path)
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._queue: list[_Work] = []
        self._lost: list[tuple[Callable[[Any], Any], bool]] = []
        self._closing = False
        if self._file is not None and storage.is_remote(self._file):
            log.warning("%s is on a network drive: whether another computer has it cannot be told", self.path)
        with _journal_errors(self.path):
            self._db = _open(self._file, connect or _connect, make)
            # The paths are made once. pathlib puts every part of a path into Python's table of interned names; if each
            # write did so, a long batch would wear the table out, and Python would replace it by one of 2 MB.
            self._there = [] if self._file is None else storage.files_of(self._file)[:2]
            self._identity = storage.identity_of(self._there)
        self._thread = threading.Thread(target=self._serve, name="cloudai-journal", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[Any], T], *, reads: bool = False) -> Future[T]:
        """Have the owner run a function, with those of other callers; the future has its outcome once it is on disk.

        A function that only ``reads`` runs after those that write, and works on a disk that is full. If the journal
        fails or is closed, the future has a JournalError.
        """
        future: Future[T] = Future()
        self._hand_over(_Work(work, future, reads))
        return future

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Have the owner run several functions in one transaction; the future has what each of them returned or raised.

        A function that raises does not undo what the others have written.
        """
        return self.do(lambda db: [_attempt(work, db) for work in works])

    def ask(self, work: Callable[[Any], T]) -> T:
        """Have the owner run a function, and wait for its outcome."""
        return self.do(work).result()

    def read(self, work: Callable[[Any], T]) -> T:
        """Have the owner run a function that only reads, and wait for its outcome."""
        return self.do(work, reads=True).result()

    def post(self, work: Callable[[Any], Any]) -> None:
        """Have the owner run a function, and do not wait; what cannot be written is tried once more at the end."""
        self._hand_over(_Work(work, None, reads=False))

    def rescue(self, work: Callable[[Any], Any], *, paid: bool = False) -> None:
        """Keep a function that could not be run, so that `close` tries it once more.

        If it was ``paid`` for and fails again, `close` raises JournalError.
        """
        self._lost.append((work, paid))

    def close(self) -> None:
        """Write what is left, and close the file; in a forked process, do nothing.

        Raises:
            JournalError: A function that was given to `rescue` as paid for has failed again.
        """
        if self._pid != os.getpid():
            return
        lost, self._lost = self._lost, []
        futures = [(self.do(work), paid) for work, paid in lost]
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        with _journal_errors(self.path):
            self._db.close()
        failures = [error for future, paid in futures if (error := future.exception()) and paid]
        if failures:
            raise JournalError(
                f"{len(failures)} answered request(s) could not be kept in {self.path} ({failures[0]})",
                advice="They are counted as in doubt: free some space, and the next run asks for them again.",
            )

    def _hand_over(self, work: _Work) -> None:
        refused = None
        with self._changed:
            if self._pid != os.getpid():
                refused = JournalError("a journal does not go into a forked process")
            elif self._closing:
                refused = JournalError("the batch is closed", advice="Open it again with client.batch().")
            else:
                self._queue.append(work)
                self._changed.notify()
        if refused is not None:
            self._deliver(work, None, refused)

    def _deliver(self, work: _Work, value: Any, failure: Exception | None) -> None:
        """Give the outcome to the caller who waits; where nobody waits, a failure is tried again at the end."""
        if work.future is None:
            if failure is not None:
                self.rescue(work.function)
        elif failure is None:
            work.future.set_result(value)
        else:
            work.future.set_exception(failure)

    def _serve(self) -> None:
        """Run what is handed over until the journal is closed; this is the thread that owns the file."""
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                works, self._queue = self._queue, []
                if not works and self._closing:
                    return
            self._commit(works)
            del works  # what was written may refer to the batch, which could not be collected before the next work

    def _commit(self, works: list[_Work]) -> None:
        writing = [work for work in works if not work.reads]
        outcomes = self._write(writing) if writing else []
        outcomes += [self._read(work) for work in works if work.reads]
        for outcome in outcomes:
            self._deliver(*outcome)

    def _write(self, works: list[_Work]) -> list[_Outcome]:
        """Run the functions in one transaction, and return their outcomes once they are on disk.

        If the file fails, nothing is kept, and each outcome is that JournalError.
        """
        try:
            with _journal_errors(self.path):
                self._require_there()
                with storage.transaction(self._db):
                    return [(work, *_attempt(work.function, self._db)) for work in works]
        except JournalError as error:
            return [(work, None, error) for work in works]

    def _read(self, work: _Work) -> _Outcome:
        """Run a function that only reads; where SQLite fails, no other function fails with it."""
        try:
            with _journal_errors(self.path):
                return (work, *_attempt(work.function, self._db))
        except JournalError as error:
            return work, None, error

    def _require_there(self) -> None:
        try:
            same = storage.identity_of(self._there) == self._identity
        except OSError:
            same = False
        if not same:
            raise JournalError(
                f"{self.path} was moved or deleted while the batch ran", advice="Put it back, or begin a new one."
            )


def _as_path(given: Any) -> Path:
    """Return the path; SettingsError for what is no name of a file."""
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise SettingsError(
            f"journal={given!r} is no file",
            advice="Give a path, or leave it out: then it is kept while the batch runs.",
        )
    return Path(path)


def _resolved(path: Path) -> Path:
    """Return the path of the file itself; OSError where links lead to each other."""
    try:
        return path.resolve()
    except RuntimeError as error:  # Python 3.12 and earlier
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error


def _connect(path: str) -> Database:
    return storage.connect(path, timeout=0.2)


def _open(file: Path | None, connect: Callable[[str], Database], make: bool) -> Database:
    if file is None:
        return storage.open_temporary(SCHEMA, connect)
    if make:
        return storage.open_or_make(file, SCHEMA, connect)
    db = storage.open_existing(file, SCHEMA, connect)
    if db is None:
        raise ForeignFileError("not a journal: it is empty")
    return db


def _attempt(work: Callable[[Any], Any], db: Database) -> tuple[Any, Exception | None]:
    """Return what a function returned, or the error that it raised.

    An error of SQLite is let through, because it ends the whole transaction. A CloudAIError is returned as it is. Any
    other exception becomes a JournalError: the file holds what cloudai never writes, another type or broken JSON.
    """
    try:
        return work(db), None
    except SQLiteError:
        raise
    except CloudAIError as error:
        return None, error
    except Exception as error:  # noqa: BLE001  # the caller gets it
        failure = JournalError(f"the journal is damaged ({type(error).__name__} where it was read)", advice=SALVAGE)
        failure.__cause__ = error
        return None, failure


@contextmanager
def _journal_errors(path: Path | None) -> Iterator[None]:
    """Raise errors of SQLite, of the file system, and what a damaged file makes Python raise, as JournalError."""
    try:
        yield
    except CloudAIError:
        raise
    except Exception as error:
        raise _as_journal_error(error, path or "the temporary journal") from error


def _as_journal_error(error: Exception, path: Path | str) -> JournalError:
    if isinstance(error, VersionError):
        return JournalError(
            f"a journal of version {error.version}, and this cloudai reads {SCHEMA.version}",
            advice="Update cloudai."
            if error.version > SCHEMA.version
            else "Read it with the cloudai that made it, or begin a new one.",
        )
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)  # not the path, which may say "full"
    for sign, what, advice in PROBLEMS:
        if sign in text:
            return JournalError(f"{path} {what}", advice=advice)
    return JournalError(f"{path} cannot be used ({text})", advice="Check the disk, or give another journal.")


SALVAGE = "Restore a copy, or write out what can be read: cloudai journal FILE --csv out.csv."
"""Advice for a journal that is damaged."""

NO_JOURNAL = ("is not a journal of cloudai", "Give another name: this file is left as it is.")

PROBLEMS = (
    ("locked", "is used by another process", "Wait until it ends; a killed one lets go by itself."),
    ("full", "cannot be written: the disk is full", "Free some space and run the same again: it goes on from here."),
    ("No space left", "cannot be written: the disk is full", "Free some space and run the same again."),
    ("not a database", *NO_JOURNAL),
    ("not a journal", *NO_JOURNAL),
    *((sign, "is damaged", SALVAGE) for sign in ("malformed", "no such table", "no such column", "has no column")),
    *((sign, "is damaged", SALVAGE) for sign in ("Could not decode", "NOT NULL constraint", "UNIQUE constraint")),
    ("symbolic links", "cannot be used: its links lead to each other", "Check where the links lead."),
    ("readonly", "cannot be written", "Check who owns the file and its folder."),
    ("Permission", "cannot be written", "Check who owns the file and its folder."),
    ("unable to open", "cannot be opened", "Check that the folder is there and can be written."),
    ("No such file", "cannot be made: there is no such folder", "Make the folder first."),
    ("Is a directory", "is a folder", "Give the name of a file."),
)
"""A sign in the text of an error of SQLite or the system, its meaning for the journal, and the advice to the user."""
