"""What keeps many calls from making an outage worse: a budget of retries, and a gate.

Both are kept by account and endpoint, and neither knows the time but from its caller.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable
from weakref import WeakValueDictionary

from cloudai.pace import Pacer
from cloudai.retry import UNIFORM

__all__ = ["Budget", "Gate", "Guards", "shared"]

RETRIES = 32.0
"""Retries an endpoint gets on credit while nothing succeeds: an outage of 1,000 calls costs 1,032 requests."""
EARNED = 0.2
"""What a success gives back: in the long run one retry for five good calls."""
LONGEST_CLOSED = 60.0
"""Seconds: an absurd hint must not close the gate for a day."""
BARE = 1.0
"""Seconds a 429 without a hint closes the gate."""


class Budget:
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


class Guards:
    """The budgets, gates and paces of one account, by endpoint; its paces are known to other processes too."""

    def __init__(self, account: str | None = None) -> None:
        self._account = account
        self._budgets: dict[Hashable, Budget] = {}
        self._gates: dict[Hashable, Gate] = {}
        self._pacers: dict[Hashable, Pacer] = {}

    def budget(self, endpoint: Hashable) -> Budget:
        """Of this endpoint."""
        return self._budgets.get(endpoint) or self._budgets.setdefault(endpoint, Budget())

    def gate(self, endpoint: Hashable) -> Gate:
        """Of this endpoint."""
        return self._gates.get(endpoint) or self._gates.setdefault(endpoint, Gate())

    def pacer(self, endpoint: Hashable) -> Pacer:
        """Of this endpoint."""
        name = self._account and f"{self._account} {endpoint}"
        return self._pacers.get(endpoint) or self._pacers.setdefault(endpoint, Pacer(name))


_shared: WeakValueDictionary[str, Guards] = WeakValueDictionary()
_lock = threading.Lock()


def shared(account: str) -> Guards:
    """The guards of all clients of this process that use the account, as long as there is one."""
    with _lock:
        guards = _shared.get(account)
        if guards is None:
            guards = _shared[account] = Guards(account)
        return guards
