"""The journal: a SQLite file in which a batch keeps what it is about to pay for, and what it has been given for it.

The hooks of a batch write each request down before it goes out, and each reply before it is read. So after a crash, a
power cut or a full disk one knows what was finished, what is in doubt, and what never began. They write no keys and no
uploads. They do write replies and the names of inputs, so `cloudai.storage` makes the file readable by its user only.

This module runs the functions that read and write the file (``queries.py``, ``rows.py``) in a thread of its own. A
caller hands a function over and gets a future. The thread runs all functions that write, and that have come while it
was busy, in one transaction: 32 calls in flight cost one sync of the disk, not 32. Those that only read run after them.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from cloudai import storage
from cloudai.batch.queries import SCHEMA, without_flights
from cloudai.batch.shared.address import is_address
from cloudai.errors import CloudAIError, JournalError, SettingsError
from cloudai.storage import Database, ForeignFileError, SQLiteError, VersionError

__all__ = ["IF_DAMAGED", "Journal", "copy_of"]

T = TypeVar("T")

log = logging.getLogger("cloudai")


FREE: Future[None] = Future()
"""The future of a call that nobody else carries out."""
FREE.set_result(None)


@dataclass(slots=True)
class _Work:
    """A function that the thread is to run."""

    function: Callable[[Any], Any]
    """The function, which takes the database."""
    future: Future[Any] | None
    """The future that gets the outcome; None where nobody waits for it."""
    reads: bool
    """Whether the function only reads."""


MOMENT = 0.05
"""Seconds after which functions run that nobody waits for."""

_Outcome: TypeAlias = tuple[_Work, Any, Exception | None]


class Journal:
    """A journal, which no other process can open until it is closed; without a path it is a temporary file.

    Args:
        path: The file.
        connect: A function that opens the database at a path; tests pass their own.
        make: Whether to make a journal if the file is missing or empty; False raises JournalError then.
        called: The path by which errors name the file, where it is a copy of another one.

    Raises:
        SettingsError: The path is empty, holds a NUL, or is no path.
        JournalError: Another process has the file, it is no journal, or it cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        connect: Callable[[str], Database] | None = None,
        make: bool = True,
        called: Path | None = None,
    ) -> None:
        given = None if path is None else _as_path(path)
        self.path = called or given
        # The path is made absolute and links are followed once, here. The program may change its folder later, and
        # SQLite puts its write-ahead log beside the file that a link leads to.
        with _journal_errors(self.path):
            self._file = None if given is None else _resolved(given)
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._queue: list[_Work] = []
        self._is_awaited = False
        """True if somebody waits for the outcome of a function in the queue."""
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
            if self._identity:
                _HELD[self._identity[0]] = self
        self._thread = threading.Thread(target=self._serve, name="cloudai-journal", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[Any], T], *, reads: bool = False) -> Future[T]:
        """Have the journal's thread run a function, and return a future that has its outcome once it is on disk.

        If the journal fails or is closed, the future has a JournalError. The future cannot be cancelled, because what
        is written may be a reply that was paid for. If the function raises an error that is not one of SQLite, what it
        has written before stays written.

        Args:
            work: A function that takes the database. It runs in one transaction with those of other callers.
            reads: Whether it only reads. It then runs outside of the transaction, and works on a disk that is full.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on the future cannot be cancelled
        self._hand_over(_Work(work, future, reads))
        return future

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Have the journal's thread run several functions in one transaction.

        The future has a pair for each function: what it returned, or None, and the error that it raised, or None. A
        function that raises does not undo what the others have written. If SQLite fails in any of them, nothing is
        written, and the future has a JournalError.
        """
        return self.do(lambda db: [_attempt(work, db) for work in works])

    def ask(self, work: Callable[[Any], T]) -> T:
        """Have the journal's thread run a function that writes, and wait for its outcome, as `do` describes it."""
        return self.do(work).result()

    def read(self, work: Callable[[Any], T]) -> T:
        """Have the journal's thread run a function that only reads, and wait for its outcome.

        That the function does not write is not checked: what it wrote would be committed by itself.
        """
        return self.do(work, reads=True).result()

    def post(self, work: Callable[[Any], Any]) -> None:
        """Have the journal's thread run a function, and do not wait; if it fails, `close` runs it once more.

        It runs with the next function that is waited for, or after `MOMENT` seconds, so that the thread is not woken
        for each of them.
        """
        self._hand_over(_Work(work, None, reads=False))

    def rescue(self, work: Callable[[Any], Any], *, paid: bool = False) -> None:
        """Keep a function whose outcome could not be written, so that `close` runs it once more.

        Args:
            work: The function.
            paid: Whether it writes a reply that was paid for. If it fails in `close` too, `close` raises JournalError.
        """
        self._lost.append((work, paid))

    @property
    def name(self) -> str | None:
        """The path of the file; None for a temporary one."""
        return None if self.path is None else str(self.path)

    def again(self) -> Journal:
        """Return the same journal, opened once more after it was closed."""
        return Journal(self._file, make=False, called=self.path)

    @property
    def shared(self) -> bool:
        """False: only this process uses the journal."""
        return False

    def claim(self, key: str) -> Future[None]:  # noqa: ARG002
        """Return a future that is done: no other process can carry out the call of this key."""
        return FREE

    def release(self, key: str) -> None:
        """Do nothing, because `claim` has claimed nothing."""

    def let_go(self) -> None:
        """Do nothing, because nobody waits by `claim`."""

    def hurry(self, seconds: float) -> None:
        """Do nothing: the file is on this computer, and nobody else is waited for."""

    def copy_to(self, path: Path) -> bool:
        """Write a copy of the journal to a file, and return True; False if it is closed, or was made before a fork."""
        if self._closing or self._pid != os.getpid():
            return False
        self.read(lambda db: storage.save(db, path))
        return True

    def close(self) -> None:
        """Run what is left, run once more what has failed, and close the file; in a forked process, do nothing.

        Raises:
            JournalError: A reply that was paid for could not be written, or the file cannot be closed.
        """
        if self._pid != os.getpid():
            return
        with self._lock:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        # The thread has ended, so nothing that it failed to write comes after this.
        lost, self._lost = self._lost, []
        outcomes = self._write([_Work(function, None, reads=False) for function, _ in lost]) if lost else []
        failures = [error for (_, _, error), (_, paid) in zip(outcomes, lost, strict=True) if error and paid]
        try:
            with _journal_errors(self.path):
                self._db.close()
        finally:
            if failures:  # this error is raised even if closing has failed too, because it is about money
                kept_in = self.path or TEMPORARY
                raise JournalError(
                    f"{len(failures)} answered request(s) could not be kept in {kept_in} ({failures[0]})",
                    advice="They are counted as in doubt: free some space, and the next run asks for them again."
                    if self.path
                    else "Free some space, and give journal= a file, from which a later run can go on.",
                )

    def _hand_over(self, work: _Work) -> None:
        """Let the thread run a function; if the journal is closing, or was forked, deliver a JournalError instead."""
        refused = None
        with self._lock:
            if self._pid != os.getpid():
                refused = JournalError("a journal does not go into a forked process")
            elif self._closing:
                refused = JournalError("the batch is closed", advice="Open it again with client.batch().")
            else:
                self._queue.append(work)
                self._is_awaited = self._is_awaited or work.future is not None
                if work.future is not None or len(self._queue) == 1:
                    self._changed.notify()
        if refused is not None:
            self._deliver(work, None, refused)

    def _deliver(self, work: _Work, value: Any, failure: Exception | None) -> None:
        """Give the outcome to the caller who waits; if nobody waits and the work has failed, keep it for `close`."""
        if work.future is None:
            if failure is not None:
                self.rescue(work.function)
        elif failure is None:
            work.future.set_result(value)
        else:
            work.future.set_exception(failure)

    def _serve(self) -> None:
        """Run what is handed over until the journal is closed; the thread of the journal runs this."""
        while True:
            with self._lock:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if not self._is_awaited and not self._closing:
                    self._changed.wait_for(lambda: self._is_awaited or self._closing, MOMENT)
                works, self._queue, self._is_awaited = self._queue, [], False
                if not works and self._closing:
                    return
            self._commit(works)
            # A function may refer to the batch. If this variable kept it while the thread waits, the garbage collector
            # could not free a batch that was never closed.
            del works

    def _commit(self, works: list[_Work]) -> None:
        """Run the functions that write in one transaction, then each one that reads, and deliver all outcomes."""
        writing = [work for work in works if not work.reads]
        outcomes = self._write(writing) if writing else []
        # Reads run after writes, so that a caller reads what it has asked to be written before.
        outcomes += [self._read(work) for work in works if work.reads]
        for outcome in outcomes:
            self._deliver(*outcome)

    def _write(self, works: list[_Work]) -> list[_Outcome]:
        """Run the functions in one transaction, and return their outcomes once they are on disk.

        If the file fails, or was moved or deleted, nothing is written, and all outcomes are the same JournalError.
        """
        try:
            with _journal_errors(self.path):
                self._require_there()
                with storage.transaction(self._db):
                    return [(work, *_attempt(work.function, self._db)) for work in works]
        except JournalError as error:
            return [(work, None, error) for work in works]

    def _read(self, work: _Work) -> _Outcome:
        """Run a function that only reads, by itself: if SQLite fails, the other functions do not fail too."""
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


_HELD: WeakValueDictionary[tuple[int, int], Journal] = WeakValueDictionary()
"""The journals that this process has opened, by the device and the number of the file."""


@contextmanager
def copy_of(path: Path | None) -> Iterator[tuple[Path | None, bool]]:
    """Yield the path of a copy of a journal, or None if there is no journal, and whether the journal is in use.

    It is in use if another process has it open, or a batch of this process.

    The copy is deleted after the block. It can be made while a batch writes: SQLite's write-ahead log is copied before
    the file itself, and both are copied again if the file has changed meanwhile. A journal that this process has open
    copies itself.

    Raises:
        JournalError: The file cannot be read, or changes all the time.
    """
    if path is None or not path.is_file() or not path.stat().st_size:
        yield None, False
        return
    with ExitStack() as stack:
        with _journal_errors(path):
            file = _resolved(path)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cloudai-"))
            copied = Path(folder) / file.name  # a warning about it has the name that the user knows
            held = _HELD.get(storage.identity_of([file])[0])
            # On POSIX a process loses all its locks of a file when it closes any descriptor of it, and another process
            # could then open a journal that this one is writing. So the file is not opened here while it is held.
            if held is None or not held.copy_to(copied):
                _copy(file, copied)
            if busy := storage.is_in_use(file):
                running = Journal(copied, make=False, called=path)
                try:
                    running.ask(without_flights)
                finally:
                    running.close()
        # An error in the block is not translated, because its cause may not be the journal: a closed pipe, for example.
        yield copied, busy


def _copy(file: Path, to: Path) -> None:
    log_of, log_to = Path(f"{file}-wal"), Path(f"{to}-wal")
    for _ in range(TRIES_TO_COPY):
        before = file.stat()
        log_to.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(log_of, log_to)
        shutil.copyfile(file, to)
        after = file.stat()
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return
    raise JournalError(f"{file} changes all the time", advice="Try again in a moment.")


TRIES_TO_COPY = 20
"""How often a file is copied again because it has changed meanwhile."""


def _as_path(given: Any) -> Path:
    """Return the path that the user has given; raise SettingsError if it is empty, holds a NUL, or is no path."""
    if is_address(given):
        raise SettingsError("a keeper cannot keep the journal of this", advice="Give the path of a file.")
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise SettingsError(
            f"journal={given!r} is no file",
            advice="Give a path, or leave it out: then it is kept while the batch runs.",
        )
    return Path(path)


def _resolved(path: Path) -> Path:
    """Return the absolute path of the file that a path leads to; raise OSError if links lead to each other.

    Python 3.13 returns the path as it is if links lead to each other, and then opening it raises OSError.
    """
    try:
        return path.resolve()
    except RuntimeError as error:  # Python 3.12 and earlier do not raise OSError
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error


def _connect(path: str) -> Database:
    """Open SQLite. Another process keeps a journal until its batch ends, so this does not wait for long."""
    return storage.connect(path, timeout=0.2)


def _open(file: Path | None, connect: Callable[[str], Database], make: bool) -> Database:
    """Open or make the file, or a temporary one; raise ForeignFileError if there is none and none may be made."""
    if file is None:
        return storage.open_temporary(SCHEMA, connect)
    if make:
        return storage.open_or_make(file, SCHEMA, connect)
    db = storage.open_existing(file, SCHEMA, connect)
    if db is None:
        raise ForeignFileError("not a journal: it is empty")
    return db


def _attempt(work: Callable[[Any], Any], db: Database) -> tuple[Any, Exception | None]:
    """Run a function, and return its value, or None, and the error that it raised, or None.

    An error of SQLite is raised, because it ends the whole transaction. A CloudAIError is returned as it is. Any other
    exception is returned as a JournalError that calls the journal damaged. The usual cause is a file that holds what
    cloudai never writes, another type or broken JSON; a mistake in the function cannot be told from it.
    """
    try:
        return work(db), None
    except SQLiteError:
        raise
    except CloudAIError as error:
        return None, error
    except Exception as error:  # noqa: BLE001  # the caller gets it
        failure = JournalError(f"the journal seems to be damaged ({type(error).__name__})", advice=IF_DAMAGED)
        failure.__cause__ = error
        return None, failure


@contextmanager
def _journal_errors(path: Path | None) -> Iterator[None]:
    """Raise each exception of the ``with`` block as a JournalError, but a CloudAIError as it is.

    They are errors of SQLite and of the file system, and whatever Python raises because a file is damaged.
    """
    try:
        yield
    except CloudAIError:
        raise
    except Exception as error:
        raise _as_journal_error(error, path or TEMPORARY) from error


def _as_journal_error(error: Exception, path: Path | str) -> JournalError:
    """Return a JournalError that says what an error means for the journal, and what to do: see `PROBLEMS`."""
    if isinstance(error, VersionError):
        return JournalError(
            f"a journal of version {error.version}, and this cloudai reads {SCHEMA.version}",
            advice="Update cloudai."
            if error.version > SCHEMA.version
            else "Read it with the cloudai that made it, or begin a new one.",
        )
    # The text of an OSError ends with the path. A sign must not be found in that: a folder may be called "full".
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    for sign, what, advice in PROBLEMS:
        if sign in text:
            return JournalError(f"{path} {what}", advice=advice)
    return JournalError(f"{path} cannot be used ({text})", advice="Check the disk, or give another journal.")


IF_DAMAGED = "Restore a copy, or write out what can be read: cloudai journal FILE --csv out.csv."
"""The advice to a user whose journal is damaged."""

TEMPORARY = "the temporary journal"
"""The name of a journal without a path, in errors."""

NO_JOURNAL = ("is not a journal of cloudai", "Give another name: this file is left as it is.")
"""The problem and the advice that an error names for a file that is not a journal."""

PROBLEMS = (
    ("locked", "is used by another process", "Wait until it ends; a killed one lets go by itself."),
    ("full", "cannot be written: the disk is full", "Free some space and run the same again: it goes on from here."),
    ("No space left", "cannot be written: the disk is full", "Free some space and run the same again."),
    ("not a database", *NO_JOURNAL),
    ("not a journal", *NO_JOURNAL),
    *((sign, "is damaged", IF_DAMAGED) for sign in ("malformed", "no such table", "no such column", "has no column")),
    *((sign, "is damaged", IF_DAMAGED) for sign in ("Could not decode", "NOT NULL constraint", "UNIQUE constraint")),
    ("symbolic links", "cannot be used: its links lead to each other", "Check where the links lead."),
    ("readonly", "cannot be written", "Check who owns the file and its folder."),
    ("Permission", "cannot be written", "Check who owns the file and its folder."),
    ("unable to open", "cannot be opened", "Check that the folder is there and can be written."),
    ("No such file", "cannot be opened: there is no such folder", "Make the folder first."),
    ("Is a directory", "is a folder", "Give the name of a file."),
)
"""Signs to look for in the text of an error of SQLite or the system; what each means for the journal, and the advice.

The first sign that occurs anywhere in the text counts.
"""
