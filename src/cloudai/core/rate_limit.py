"""How often requests go out, and what keeps many calls from making an outage worse.

Three guards are kept for each endpoint of an account. A `RateLimiter` keeps a pace: "20/min" is never more than twenty
requests in any minute, counted where they arrive. A `Gate` is closed by a 429 until the service is ready again. A
`RetryBudget` bounds the retries while nothing succeeds. None of them knows the time but from its caller.

All clients of an account share the guards, and all processes of this user share the pace through a small file, in which
the system's monotonic clock counts: a clock that is set back or forward, a summer time or a suspend neither stalls the
pace nor lets a burst through.

Why not pyrate-limiter, which holds its limits too: it waits by itself, so neither our clock nor the two drivers could,
its file goes by the time of day, and a turn that was taken cannot be moved to when the request really goes out.
"""

from __future__ import annotations

import logging
import math
import os
import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from cloudai import storage
from cloudai.core.retry import UNIFORM
from cloudai.errors import SettingsError
from cloudai.storage import Connection, ForeignFileError, Schema, SQLiteError

__all__ = ["MARGIN", "EndpointGuards", "Gate", "Rate", "RateLimiter", "RetryBudget", "rates", "shared"]

MARGIN = 0.5
"""Seconds added to a window: requests travel for different times, and the service's window must be clean too."""

SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "day": 864e2}

RATE = re.compile(r"\s*(\d+)\s*/\s*(\w+)\s*")

LATE = 1.0
"""Seconds after its turn that a request may still go out. Less than any window: nobody has followed it by then."""

BUSY = 0.05
"""Seconds to wait while another process has the file; then it is asked for again, like a turn that is not there yet."""

SCHEMA = Schema(
    name="shared pace",
    application=0x636C6470,  # "cldp"
    version=1,
    statements=(
        # No number is given twice: a request that comes late must not take the turn of another for its own.
        "CREATE TABLE turns (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL)",
        "CREATE INDEX turns_at ON turns (at)",
        "CREATE TABLE rates (seconds REAL PRIMARY KEY)",
    ),
    # The file is written often and worth nothing after a power cut; only a killed process must not harm it.
    pragmas=("journal_mode = WAL", "synchronous = OFF"),
)

log = logging.getLogger("cloudai")


@dataclass(frozen=True)
class Rate:
    """A rate: at most ``n`` requests in any window of so many seconds."""

    n: int
    seconds: float


def rates(pace: str | Sequence[str] | None) -> tuple[Rate, ...]:
    """Return the rates of a pace: "20/min", "10/s, 1000/day", or several in a list; none for None.

    Raises:
        SettingsError: It is no pace.

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
    unit = SECONDS.get(match[2].lower().removesuffix("s") or "s") if match else None
    if match is None or unit is None or not 0 < int(match[1]) <= MOST:
        raise SettingsError(f"{text!r} is no pace", advice='Give for example "20/min", "10/s" or "10/s, 1000/day".')
    return Rate(int(match[1]), unit)


MOST = 1_000_000

ROUNDING = 1e-6
"""Seconds: less is a float's last digit, which no sleep would end."""


class RateLimiter:
    """The times of the requests to one endpoint.

    Args:
        name: The account and the endpoint, for the file that processes share; None shares nothing. The name is not
            kept: the file is called by its digest. The file is made when a pace is first asked for.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._db: Connection | None = None
        self._pid = os.getpid()

    def take(self, wanted: Sequence[Rate], now: float) -> tuple[float, int]:
        """Take a turn, and return 0 and its number, or the seconds until there is one and 0."""
        with self._transaction(now, open_it=True) as db:
            if db is None:
                return BUSY, 0
            for rate in wanted:
                db.execute("INSERT OR IGNORE INTO rates VALUES (?)", (rate.seconds + MARGIN,))
            wait = max((_wait(db, rate, now) for rate in wanted), default=0.0)
            if wait > ROUNDING:
                return wait, 0
            return 0.0, db.execute("INSERT INTO turns (at) VALUES (?)", (now,)).lastrowid or 0
        return BUSY, 0  # the file failed meanwhile: the next one asks our own memory

    def move(self, turn: int, now: float) -> bool:
        """Move a turn to now, when its request goes out; False where that is too late, and the request takes another.

        A token or a disk may have taken so long that others have followed: all who waited would come at once.
        """
        with self._transaction(now) as db:
            if db is None:
                return False
            if db.execute("UPDATE turns SET at = ? WHERE id = ? AND at >= ?", (now, turn, now - LATE)).rowcount:
                return True
            db.execute("DELETE FROM turns WHERE id = ?", (turn,))
        return False

    def note(self, now: float) -> None:
        """Count a request that went out without a turn, where somebody keeps a pace."""
        with self._transaction(now) as db:
            if db is not None:
                db.execute("INSERT INTO turns (at) VALUES (?)", (now,))

    @contextmanager
    def _transaction(self, now: float, *, open_it: bool = False) -> Iterator[Connection | None]:
        """Yield the locked file; None where nobody keeps a pace, or another process does not let go of it."""
        with self._lock:
            db = self._connected(now) if open_it or self._db is not None else None
            if db is None:
                yield None
                return
            if not self._begin(db, now):
                yield None
                return
            try:
                yield db
                db.execute("COMMIT")
            except SQLiteError as error:
                self._stop_sharing(error)
            finally:
                db.rollback()

    def _begin(self, db: Connection, now: float) -> bool:
        """Lock the file and return whether that succeeded."""
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM turns WHERE at < ? - (SELECT MAX(seconds) FROM rates)", (now,))
        except SQLiteError as error:
            if not storage.is_busy(error):
                self._stop_sharing(error)
            return False
        return True

    def _connected(self, now: float) -> Connection | None:
        """Return the connection of this process; None while another process makes the file."""
        if self._db is None or self._pid != os.getpid():
            try:
                self._db, self._pid = _open(self._name, now), os.getpid()
            except SQLiteError:
                return None
        return self._db

    def _stop_sharing(self, error: SQLiteError) -> None:
        """Count only this process from now on, because the file cannot be written any more."""
        log.warning("the file of a shared pace failed (%s): other processes' requests are not counted", error)
        self._db = _open_in_memory()


def _wait(db: Connection, rate: Rate, now: float) -> float:
    row = db.execute("SELECT at FROM turns ORDER BY at DESC LIMIT 1 OFFSET ?", (rate.n - 1,)).fetchone()
    return 0.0 if row is None else float(row[0]) + rate.seconds + MARGIN - now


def _open(name: str | None, now: float) -> Connection:
    """Return the file that processes share, or a database in memory where there is none that can be used.

    Raises:
        SQLiteError: Another process has the file.
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
    """Return the file at a path; one that is damaged is worth nothing, and is begun anew."""
    try:
        return _open_file(path, now)
    except SQLiteError as error:
        if not (storage.is_damaged(error) or isinstance(error, ForeignFileError)):
            raise
        log.warning("%s is damaged (%s): it is begun anew", path, error)
    storage.remove(path)
    return _open_file(path, now)


def _open_file(path: Path, now: float) -> Connection:
    db = storage.open_or_make(path, SCHEMA, _connect, folder=True)
    try:
        # The clock began anew: what is later than now was before the computer was started.
        db.execute("UPDATE turns SET at = 0 WHERE at > ?", (now + 1,))
    except BaseException:
        db.close()
        raise
    return db


RETRIES = 32.0
"""Retries an endpoint gets on credit while nothing succeeds: an outage of 1,000 calls costs 1,032 requests."""

EARNED = 0.2
"""Retries that a success gives back: in the long run one for five good calls."""

LONGEST_CLOSED = 60.0
"""Seconds: an absurd hint must not close the gate for a day."""

BARE = 1.0
"""Seconds a 429 without a hint closes the gate."""


class RetryBudget:
    """Retries left for one endpoint."""

    def __init__(self) -> None:
        self._left = RETRIES
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Return whether one more retry is allowed, and count it."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def earn(self) -> None:
        """Count a request that succeeded."""
        with self._lock:
            self._left = min(RETRIES, self._left + EARNED)


class Gate:
    """Closed by a 429 until ``opens``: whoever comes before waits, each a little longer than the last."""

    def __init__(self, draw: Callable[[float, float], float] = UNIFORM) -> None:
        self._draw = draw
        self.opens, self._hint = -math.inf, 0.0
        self._lock = threading.Lock()

    def close(self, now: float, hint: float | None) -> None:
        """Close the gate, because the service asked to wait; the longest wish counts."""
        hint = min(BARE if hint is None else hint, LONGEST_CLOSED)
        with self._lock:
            if now + hint > self.opens:
                self.opens, self._hint = now + hint, hint

    def spread(self) -> float:
        """Return seconds to add to that, so that not all who wait come at once."""
        return self._draw(0.0, max(0.5, 0.4 * self._hint))


class EndpointGuards:
    """The budgets, gates and paces of one account, by endpoint; its paces are known to other processes too."""

    def __init__(self, account: str | None = None) -> None:
        self._account = account
        self._budgets: dict[Hashable, RetryBudget] = {}
        self._gates: dict[Hashable, Gate] = {}
        self._limiters: dict[Hashable, RateLimiter] = {}

    def budget(self, endpoint: Hashable) -> RetryBudget:
        """Return the budget of retries of this endpoint."""
        return self._budgets.get(endpoint) or self._budgets.setdefault(endpoint, RetryBudget())

    def gate(self, endpoint: Hashable) -> Gate:
        """Return the gate of this endpoint."""
        return self._gates.get(endpoint) or self._gates.setdefault(endpoint, Gate())

    def limiter(self, endpoint: Hashable) -> RateLimiter:
        """Return the rate limiter of this endpoint."""
        name = self._account and f"{self._account} {endpoint}"
        return self._limiters.get(endpoint) or self._limiters.setdefault(endpoint, RateLimiter(name))


_shared: WeakValueDictionary[str, EndpointGuards] = WeakValueDictionary()

_lock = threading.Lock()


def shared(account: str) -> EndpointGuards:
    """Return the guards of all clients of this process that use the account, as long as there is one."""
    with _lock:
        guards = _shared.get(account)
        if guards is None:
            guards = _shared[account] = EndpointGuards(account)
        return guards
