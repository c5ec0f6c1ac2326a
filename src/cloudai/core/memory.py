"""One budget of memory for all pictures that this process prepares at the same time."""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache, lru_cache

from cloudai.errors import SettingsError

__all__ = ["Budget", "Share", "budget", "picture_bytes"]

VARIABLE = "CLOUDAI_PICTURE_MB"
USUAL = 1_000.0
"""The budget in MB where the environment names none."""


def picture_bytes() -> int:
    """Return how many bytes the pictures that are prepared at the same time may take.

    Raises:
        SettingsError: The environment names no number above 0.
    """
    given = os.environ.get(VARIABLE) or USUAL
    try:
        megabytes = float(given)
    except ValueError:
        megabytes = math.nan
    if not 0 < megabytes < math.inf:
        raise SettingsError(f"{VARIABLE} is no number of megabytes above 0", advice=f"For example {VARIABLE}=1000.")
    return int(megabytes * 1e6)


class Share:
    """The bytes of a budget that one picture asks for."""

    def __init__(self, budget: Budget, size: int) -> None:
        self.size = size
        self.granted: Future[None] = Future()
        """Done once the bytes are free for this picture."""
        self._budget = budget

    def give_back(self) -> None:
        """Give the bytes back, or stop asking for them; this may be called more than once."""
        self._budget.take_back(self)


class Budget:
    """Hands out shares in the order in which they were asked for.

    Args:
        size: A function that returns how many bytes there are.
    """

    def __init__(self, size: Callable[[], int]) -> None:
        self._size = size
        self._lock = threading.RLock()  # reentrant: a signal handler may give a share back while it is held
        self._waiting: deque[Share] = deque()
        self._granted: set[Share] = set()

    @property
    def taken(self) -> int:
        """The bytes that are handed out."""
        with self._lock:
            return sum(share.size for share in self._granted)

    def ask(self, size: int) -> Share:
        """Return a share of so many bytes, which is granted once they are free.

        More bytes than the budget has are granted when all others are given back.

        Raises:
            SettingsError: The size of the budget cannot be used; see `picture_bytes`.
        """
        share = Share(self, size)
        self._size()  # a setting that cannot be used is told before anything is taken
        with self._lock:
            self._waiting.append(share)
        self._grant()
        return share

    def take_back(self, share: Share) -> None:
        """Let others have the bytes of a share."""
        # The memory goes back to the system before its share does, or the next picture would be decoded on top of what
        # the C library still keeps.
        if share in self._granted:
            _trim()
        with self._lock:
            if share in self._waiting:
                self._waiting.remove(share)
            self._granted.discard(share)
        self._grant()

    def _grant(self) -> None:
        granted = []
        with self._lock:
            left = self._size() - sum(share.size for share in self._granted)
            # Only the first in the row is looked at. If smaller pictures could overtake a large one, it might wait for
            # ever.
            while self._waiting and (self._waiting[0].size <= left or not self._granted):
                share = self._waiting.popleft()
                self._granted.add(share)
                left -= share.size
                granted.append(share)
        for share in granted:  # outside of the lock, because this runs the callbacks of others
            if share.granted.set_running_or_notify_cancel():  # else its caller is about to give it back
                share.granted.set_result(None)


def _trim() -> None:
    """Give the memory that is free back to the system, where the C library keeps it for each thread (glibc)."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library, or Windows
        return None
    return trim


@lru_cache(maxsize=1)
def _budget_of(process: int) -> Budget:  # noqa: ARG001  # a forked child has the memory of its own pictures
    return Budget(picture_bytes)


def budget() -> Budget:
    """Return the budget of this process."""
    return _budget_of(os.getpid())
