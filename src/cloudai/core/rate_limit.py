"""The guards in this module limit how often requests go out, and keep many calls from making an outage worse.

Three guards are kept for each endpoint of an account. A `RateLimiter` keeps a pace: "20/min" is never more than twenty
requests in any minute, counted where they arrive. A `Gate` is closed by a 429 until the service is ready again. A
`RetryBudget` bounds the retries while nothing succeeds. None of them reads a clock: the caller passes the time.

All clients of an account share the guards, and all processes of this user share the pace through a small file. The
times in it are those of the system's monotonic clock, so that neither a clock that is set back or forward, nor daylight
saving time, nor a suspend stalls the pace or lets a burst through.

pyrate-limiter keeps its limits too, but is not used: it waits by itself, so that neither our clock nor the two drivers
could do the waiting; its file goes by the time of day; and a turn that was taken cannot be moved to the time at which
the request really goes out.
"""

from __future__ import annotations

import logging
import math
import os
import re
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from cloudai import storage
from cloudai.core.retry import UNIFORM
from cloudai.errors import SettingsError
from cloudai.storage import Connection, ForeignFileError, Schema, SQLiteError

__all__ = ["MARGIN", "EndpointGuards", "Gate", "Rate", "RateLimiter", "RetryBudget", "rates", "shared"]

T = TypeVar("T")

MARGIN = 0.5
"""Seconds added to a window, because requests travel for different times and must fit the service's window too."""

LEAST_MARGIN = 0.01
"""Seconds added to the window of a request whose reply has come, because two clocks never go quite alike."""

SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "day": 864e2}

RATE = re.compile(r"\s*(\d+)\s*/\s*(\w+)\s*")

LATE = 1.0
"""Seconds for which a turn may still be taken after its time. The window of a rate is never shorter than this, so the
turn still counts then, and no other request has got it."""

BUSY = 0.05
"""Seconds to wait while another process has locked the file; it is then tried again, as for a turn that is not free."""

SCHEMA = Schema(
    name="shared pace",
    application=0x636C6470,  # "cldp"
    version=1,
    statements=(
        # No id is given twice (AUTOINCREMENT): a request that comes late must not take another's turn for its own.
        "CREATE TABLE turns (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL)",
        "CREATE INDEX turns_at ON turns (at)",
        "CREATE TABLE rates (seconds REAL PRIMARY KEY)",
    ),
    # The file is written often and worth nothing after a power cut; it only has to survive a killed process.
    pragmas=("journal_mode = WAL", "synchronous = OFF"),
)

log = logging.getLogger("cloudai")


@dataclass(frozen=True)
class Rate:
    """A rate of at most ``n`` requests in any window of so many seconds."""

    n: int
    seconds: float


def rates(pace: str | Sequence[str] | None) -> tuple[Rate, ...]:
    """Return the rates of a pace: "20/min", "10/s, 1000/day", or several in a list; None has no rates.

    Raises:
        SettingsError: The text is no pace.

    Example:
        >>> rates("20/min")
        (Rate(n=20, seconds=60.0),)
    """
    if pace is None:
        return ()
    texts = list(pace) if isinstance(pace, Iterable) and not isinstance(pace, str | bytes) else [pace]
    return tuple(_rate(part) for text in texts for part in (text.split(",") if isinstance(text, str) else [text]))


def _rate(text: Any) -> Rate:
    match = RATE.fullmatch(text) if isinstance(text, str) else None
    # "seconds", "mins" and "days" are units too; the unit "s" must not become nothing when its s is removed.
    unit = SECONDS.get(match[2].lower().removesuffix("s") or "s") if match else None
    if match is None or unit is None or not 0 < int(match[1]) <= MOST:
        raise SettingsError(f"{text!r} is no pace", advice='Give for example "20/min", "10/s" or "10/s, 1000/day".')
    return Rate(int(match[1]), unit)


MOST = 1_000_000

ROUNDING = 1e-6
"""A wait of at most this many seconds counts as none. It is a rounding error, and sleeping would not end it."""


class RateLimiter:
    """The rate limiter of one endpoint, which keeps the times of the requests to it.

    Args:
        name: The account and the endpoint, for the file that processes share; None shares nothing. The name is not
            written down: the file is named by its digest. The file is made when a pace is first asked for.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._db: Connection | None = None
        self._pid = os.getpid()

    def take(self, wanted: Sequence[Rate], now: float) -> tuple[float, int]:
        """Take a turn, if one is free by all of these rates.

        Returns:
            0 and the id of the turn; or, if none is free, another process has locked the file, or the file has just
                failed, the seconds after which to ask again, and 0.
        """

        def turn(db: Connection) -> tuple[float, int]:
            for rate in wanted:
                # The rates of all processes are kept in the file, because the longest of them decides how long a turn
                # is remembered.
                db.execute("INSERT OR IGNORE INTO rates VALUES (?)", (rate.seconds + MARGIN,))
            wait = max((_wait(db, rate, now) for rate in wanted), default=0.0)
            if wait > ROUNDING:
                return wait, 0
            return 0.0, db.execute("INSERT INTO turns (at) VALUES (?)", (now,)).lastrowid or 0

        # After a failure of the file, the next try asks a database in memory.
        return self._transaction(now, turn, (BUSY, 0), open_it=True)

    def move(self, turn: int, now: float) -> bool:
        """Move a turn to now, when its request goes out, and return whether that was still possible.

        Where it is too late the turn is given up, and the request has to take another: a token or a disk may have
        taken so long that other requests have followed, and all that waited would go out at the same time. The request
        also has to take another if another process has locked the file, or the file fails.
        """

        def moved(db: Connection) -> bool:
            if db.execute("UPDATE turns SET at = ? WHERE id = ? AND at >= ?", (now, turn, now - LATE)).rowcount:
                return True
            db.execute("DELETE FROM turns WHERE id = ?", (turn,))
            return False

        return self._transaction(now, moved, False)

    def arrived(self, turn: int, now: float) -> None:
        """Note that the request of a turn has reached the service by now, because its reply has come.

        Until then the request counts as if it travelled for `MARGIN` seconds, which at ten requests a second would be a
        third of the time.
        """
        latest = now + LEAST_MARGIN - MARGIN  # `_wait` adds the margin to it
        self._transaction(
            now, lambda db: db.execute("UPDATE turns SET at = ? WHERE id = ? AND at > ?", (latest, turn, latest)), None
        )

    def note(self, now: float) -> None:
        """Count a request that went out without a turn, where a pace is kept."""
        if self._db is not None:
            self._transaction(now, lambda db: db.execute("INSERT INTO turns (at) VALUES (?)", (now,)), None)

    def _transaction(self, now: float, work: Callable[[Connection], T], otherwise: T, *, open_it: bool = False) -> T:
        """Do the work on the locked file, and return its outcome.

        ``otherwise`` is returned where no pace is kept, another process does not release the file, or the file fails.
        """
        # This is no context manager: a signal that breaks off its beginning would leave the lock taken for ever.
        with self._lock:
            db = self._connected(now) if open_it or self._db is not None else None
            if db is None or not self._begin(db, now):
                return otherwise
            try:
                outcome = work(db)
                db.execute("COMMIT")
            except (SQLiteError, ValueError, TypeError) as error:  # SQLite keeps a text where a number belongs
                self._stop_sharing(error)
                return otherwise
            finally:
                # After a commit this does nothing. After an interrupt it ends the transaction, because an open
                # transaction would lock out all other processes.
                db.rollback()
            return outcome

    def _begin(self, db: Connection, now: float) -> bool:
        """Lock the file, delete the turns that limit nothing any more, and return whether that succeeded."""
        try:
            # A deferred transaction, which reads before it locks, would fail in WAL mode if another process had written
            # in between.
            db.execute("BEGIN IMMEDIATE")
            # Turns that are older than the longest window limit nothing any more.
            db.execute("DELETE FROM turns WHERE at < ? - (SELECT MAX(seconds) FROM rates)", (now,))
        except SQLiteError as error:
            if not storage.is_busy(error):
                self._stop_sharing(error)
            return False
        return True

    def _connected(self, now: float) -> Connection | None:
        """Return the connection of this process; None while another process makes the file."""
        # A forked process must not use the SQLite connection of its parent.
        if self._db is None or self._pid != os.getpid():
            try:
                self._keep(_open(self.name, now))
            except SQLiteError:
                return None
        return self._db

    def _stop_sharing(self, error: Exception) -> None:
        """Count only the requests of this process from now on, because the file cannot be written any more."""
        log.warning("the file of a shared pace failed (%s): other processes' requests are not counted", error)
        self._keep(_open_in_memory())

    def _keep(self, db: Connection) -> None:
        """Use this connection from now on, and close it once the limiter is garbage-collected or the program ends."""
        self._db, self._pid = db, os.getpid()
        weakref.finalize(self, _close, db, self._pid)


def _close(db: Connection, pid: int) -> None:
    if pid == os.getpid():  # a forked process must not touch the file by the connection of its parent
        db.close()


def _wait(db: Connection, rate: Rate, now: float) -> float:
    # There is room once the n-th latest turn has left the window, because n - 1 turns are in it then.
    row = db.execute("SELECT at FROM turns ORDER BY at DESC LIMIT 1 OFFSET ?", (rate.n - 1,)).fetchone()
    if row is None:
        return 0.0
    if float(row[0]) > now + rate.seconds:
        raise ValueError("a turn is later than any clock says")  # the file is damaged, and would be waited for
    return float(row[0]) + rate.seconds + MARGIN - now


def _open(name: str | None, now: float) -> Connection:
    """Return the file that processes share, or a database in memory where there is none that can be used.

    Raises:
        SQLiteError: Another process has locked the file.
    """
    if name is not None:
        path = storage.state_folder() / "pace" / f"{sha256(name.encode()).hexdigest()[:32]}.db"
        try:
            return _open_shared(path, now)
        except (OSError, SQLiteError) as error:
            if storage.is_busy(error):
                raise
            log.warning("%s cannot be used (%s): other processes' requests are not counted", path, error)
    return _open_in_memory()


def _connect(path: str) -> Connection:
    return storage.connect(path, timeout=BUSY)


def _open_in_memory() -> Connection:
    return storage.open_temporary(SCHEMA, _connect, in_memory=True)


def _open_shared(path: Path, now: float) -> Connection:
    """Return the file at a path; a damaged one is worth nothing, and is made anew."""
    try:
        return _open_file(path, now)
    except SQLiteError as error:
        foreign = isinstance(error, ForeignFileError)  # earlier versions did not mark theirs
        if not (storage.is_damaged(error) or foreign):
            raise
        log.warning("%s is %s (%s): it is begun anew", path, "of an earlier version" if foreign else "damaged", error)
    storage.remove(path)
    return _open_file(path, now)


def _open_file(path: Path, now: float) -> Connection:
    db = storage.open_or_make(path, SCHEMA, _connect, folder=True)
    try:
        # The clock begins anew with the computer: times that are later than now are from before it was started.
        db.execute("UPDATE turns SET at = 0 WHERE at > ?", (now + 1,))
    except BaseException:
        db.close()
        raise
    return db


RETRIES = 32.0
"""Retries that an endpoint has while nothing succeeds: 1,000 calls in an outage cost 1,032 requests."""

EARNED = 0.2
"""Retries that a success gives back: in the long run there is one for five good calls."""

REFILL = 10.0
"""Retries that an empty budget gets back each second for refused requests, which cost nothing."""
LONGEST_CLOSED = 60.0
"""Seconds for which a hint closes the gate at most: an absurd one must not close it for a day."""

BARE = 1.0
"""Seconds for which a 429 without a hint closes the gate."""


class RetryBudget:
    """The retries that are left for one endpoint."""

    def __init__(self) -> None:
        self._left = RETRIES
        self._refilled_until = -math.inf
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Return whether one more retry is allowed, and count it."""
        with self._lock:
            # Each success earns a fraction of a retry, so what is left may be less than the whole one that a retry
            # takes.
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def wait(self, now: float) -> float:
        """Count a retry of a request that the service refused, and return the seconds to wait before it.

        A burst that was refused as a whole empties the budget although nothing is broken. The budget is then refilled
        as time goes by, one retry after the other.
        """
        with self._lock:
            if self._left >= 1:
                self._left -= 1
                return 0.0
            self._refilled_until = max(self._refilled_until, now) + 1 / REFILL
            return self._refilled_until - now

    def earn(self) -> None:
        """Count a request that succeeded."""
        with self._lock:
            self._left = min(RETRIES, self._left + EARNED)


class Gate:
    """A gate before one endpoint, which a 429 closes until ``opens``: requests before that wait, with some jitter."""

    def __init__(self, draw: Callable[[float, float], float] = UNIFORM) -> None:
        self._draw = draw
        self.opens, self._hint = -math.inf, 0.0
        self._lock = threading.Lock()

    def close(self, now: float, hint: float | None) -> None:
        """Close the gate for the seconds that the service asked to wait; of several such times the latest counts.

        That is `LONGEST_CLOSED` seconds at most, and `BARE` seconds if the service gave no hint.
        """
        hint = min(BARE if hint is None else hint, LONGEST_CLOSED)
        with self._lock:
            if now + hint > self.opens:
                self.opens, self._hint = now + hint, hint

    def spread(self) -> float:
        """Return the seconds of jitter to add to a wait, so that not all requests that wait go out at the same time."""
        # All calls of the account to one endpoint wait at the same gate, so the jitter grows with the wait: those that
        # have waited for five seconds come back spread over two.
        return self._draw(0.0, max(0.5, 0.4 * self._hint))


class EndpointGuards:
    """The retry budgets, gates and rate limiters of one account, by endpoint.

    Args:
        account: The digest by which other processes know the account, to share its pace; None shares nothing.
    """

    def __init__(self, account: str | None = None) -> None:
        self._account = account
        self._budgets: dict[Hashable, RetryBudget] = {}
        self._gates: dict[Hashable, Gate] = {}
        self._limiters: dict[Hashable, RateLimiter] = {}

    def budget(self, endpoint: Hashable) -> RetryBudget:
        """Return the budget of retries of this endpoint."""
        # ``setdefault`` is one step of the interpreter: two threads that come at the same time get the same budget.
        return self._budgets.get(endpoint) or self._budgets.setdefault(endpoint, RetryBudget())

    def gate(self, endpoint: Hashable) -> Gate:
        """Return the gate of this endpoint."""
        return self._gates.get(endpoint) or self._gates.setdefault(endpoint, Gate())

    def limiter(self, endpoint: Hashable) -> RateLimiter:
        """Return the rate limiter of this endpoint."""
        limiter = self._limiters.get(endpoint)
        if limiter is None:
            name = self._account and f"{self._account} {endpoint}"
            limiter = self._limiters.setdefault(endpoint, RateLimiter(name))
        return limiter


_shared: weakref.WeakValueDictionary[str, EndpointGuards] = weakref.WeakValueDictionary()

_lock = threading.Lock()


def shared(account: str) -> EndpointGuards:
    """Return the guards that all clients of an account share in this process, for as long as there is such a client."""
    with _lock:
        guards = _shared.get(account)
        if guards is None:
            guards = _shared[account] = EndpointGuards(account)
        return guards
