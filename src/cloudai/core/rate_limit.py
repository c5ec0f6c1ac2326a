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
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from cloudai.core.retry import UNIFORM
from cloudai.errors import SettingsError

__all__ = ["MARGIN", "EndpointGuards", "Gate", "Rate", "RateLimiter", "RetryBudget", "rates", "shared", "state_folder"]

MARGIN = 0.5
"""Seconds added to a window: requests travel for different times, and the service's window must be clean too."""

SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "day": 864e2}

RATE = re.compile(r"\s*(\d+)\s*/\s*(\w+)\s*")

LATE = 1.0
"""Seconds after its turn that a request may still go out. Less than any window: nobody has followed it by then."""

BUSY = 0.05
"""Seconds to wait while another process has the file; then it is asked for again, like a turn that is not there yet."""

log = logging.getLogger("cloudai")


@dataclass(frozen=True)
class Rate:
    """So many requests in any window of so many seconds."""

    n: int
    seconds: float


def rates(pace: str | Sequence[str] | None) -> tuple[Rate, ...]:
    """The rates of a pace: "20/min", "10/s, 1000/day", or several in a list; none for None.

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
        name: Of account and endpoint, for the file that processes share; None shares nothing. Not kept in it, and the
            file is called by its digest. It is made when a pace is first asked for.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._pid = os.getpid()

    def take(self, wanted: Sequence[Rate], now: float) -> tuple[float, int]:
        """Take a turn: seconds until there is one, or 0 and the number of the one that was taken."""
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
        """The request goes out only now, a little after its turn; False where that is too late, and it takes another.

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
        """A request went out that waited for no turn; it counts all the same where somebody keeps a pace."""
        with self._transaction(now) as db:
            if db is not None:
                db.execute("INSERT INTO turns (at) VALUES (?)", (now,))

    @contextmanager
    def _transaction(self, now: float, *, open_it: bool = False) -> Iterator[sqlite3.Connection | None]:
        """The file to itself; None where nobody keeps a pace, or another process does not let go of it."""
        with self._lock:
            db = self._connected(now) if open_it or self._db is not None else None
            if db is None:
                yield None
                return
            if not self._begun(db, now):
                yield None
                return
            try:
                yield db
                db.execute("COMMIT")
            except sqlite3.Error as error:
                self._go_alone(error)
            finally:
                db.rollback()

    def _begun(self, db: sqlite3.Connection, now: float) -> bool:
        """Whether we have the file."""
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM turns WHERE at < ? - (SELECT MAX(seconds) FROM rates)", (now,))
        except sqlite3.Error as error:
            if not _is_busy(error):
                self._go_alone(error)
            return False
        return True

    def _connected(self, now: float) -> sqlite3.Connection | None:
        if self._db is None or self._pid != os.getpid():
            try:
                self._db, self._pid = _opened(self._name), os.getpid()
                # The clock began anew: what is later than now was before the computer was started.
                self._db.execute("UPDATE turns SET at = 0 WHERE at > ?", (now + 1,))
            except sqlite3.OperationalError:
                return None  # another process is making it
        return self._db

    def _go_alone(self, error: sqlite3.Error) -> None:
        """The file cannot be written any more: from now on only this process is counted."""
        log.warning("the file of a shared pace failed (%s): other processes' requests are not counted", error)
        self._db = _made(":memory:")


def _wait(db: sqlite3.Connection, rate: Rate, now: float) -> float:
    row = db.execute("SELECT at FROM turns ORDER BY at DESC LIMIT 1 OFFSET ?", (rate.n - 1,)).fetchone()
    return 0.0 if row is None else float(row[0]) + rate.seconds + MARGIN - now


def _opened(name: str | None) -> sqlite3.Connection:
    if name is not None:
        path = state_folder() / "pace" / f"{sha256(name.encode()).hexdigest()[:32]}.db"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return _made_anew_if_damaged(path)
        except (OSError, sqlite3.Error) as error:
            if _is_busy(error):
                raise
            log.warning("%s cannot be used (%s): other processes' requests are not counted", path, error)
    return _made(":memory:")


def _made_anew_if_damaged(path: Path) -> sqlite3.Connection:
    try:
        return _made(str(path))
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        log.warning("%s is damaged (%s): it is begun anew", path, error)
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    return _made(str(path))


def _is_busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _made(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        _prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    # Written often and worth nothing after a power cut: only a killed process must not harm it.
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    # No number twice: one that comes late must not take the turn of another for its own.
    db.execute("CREATE TABLE IF NOT EXISTS turns (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL)")
    db.execute("CREATE INDEX IF NOT EXISTS turns_at ON turns (at)")
    db.execute("CREATE TABLE IF NOT EXISTS rates (seconds REAL PRIMARY KEY)")


def state_folder() -> Path:
    """Where this user's programs keep such files: ``CLOUDAI_STATE_DIR``, else as the system has it."""
    from platformdirs import user_state_path

    given = os.environ.get("CLOUDAI_STATE_DIR")
    return Path(given) if given else user_state_path("cloudai", appauthor=False)


RETRIES = 32.0
"""Retries an endpoint gets on credit while nothing succeeds: an outage of 1,000 calls costs 1,032 requests."""

EARNED = 0.2
"""What a success gives back: in the long run one retry for five good calls."""

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
        """Whether one more retry is allowed; it is counted."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def earn(self) -> None:
        """A request succeeded."""
        with self._lock:
            self._left = min(RETRIES, self._left + EARNED)


class Gate:
    """Closed by a 429 until ``opens``: whoever comes before waits, each a little longer than the last."""

    def __init__(self, draw: Callable[[float, float], float] = UNIFORM) -> None:
        self._draw = draw
        self.opens, self._hint = -math.inf, 0.0
        self._lock = threading.Lock()

    def close(self, now: float, hint: float | None) -> None:
        """The service asked to wait; the longest wish counts."""
        hint = min(BARE if hint is None else hint, LONGEST_CLOSED)
        with self._lock:
            if now + hint > self.opens:
                self.opens, self._hint = now + hint, hint

    def spread(self) -> float:
        """Seconds to add to that, so that not all who wait come at once."""
        return self._draw(0.0, max(0.5, 0.4 * self._hint))


class EndpointGuards:
    """The budgets, gates and paces of one account, by endpoint; its paces are known to other processes too."""

    def __init__(self, account: str | None = None) -> None:
        self._account = account
        self._budgets: dict[Hashable, RetryBudget] = {}
        self._gates: dict[Hashable, Gate] = {}
        self._limiters: dict[Hashable, RateLimiter] = {}

    def budget(self, endpoint: Hashable) -> RetryBudget:
        """Of this endpoint."""
        return self._budgets.get(endpoint) or self._budgets.setdefault(endpoint, RetryBudget())

    def gate(self, endpoint: Hashable) -> Gate:
        """Of this endpoint."""
        return self._gates.get(endpoint) or self._gates.setdefault(endpoint, Gate())

    def limiter(self, endpoint: Hashable) -> RateLimiter:
        """Of this endpoint."""
        name = self._account and f"{self._account} {endpoint}"
        return self._limiters.get(endpoint) or self._limiters.setdefault(endpoint, RateLimiter(name))


_shared: WeakValueDictionary[str, EndpointGuards] = WeakValueDictionary()

_lock = threading.Lock()


def shared(account: str) -> EndpointGuards:
    """The guards of all clients of this process that use the account, as long as there is one."""
    with _lock:
        guards = _shared.get(account)
        if guards is None:
            guards = _shared[account] = EndpointGuards(account)
        return guards
