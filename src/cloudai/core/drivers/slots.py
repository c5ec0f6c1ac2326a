"""Slots limit how many requests of a blocking client are in flight, and none of them is lost to a signal.

Python raises KeyboardInterrupt in the main thread between any two instructions. A `threading.Semaphore` that is
interrupted between taking a slot and noting that it must be released loses the slot for ever. These slots are taken by
naming a holder, who is known before, and releasing what a holder has, or does not have, is one call of C.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress

__all__ = ["Slots"]

TICK = 0.05
"""Seconds after which a caller that waits looks again, in case an interrupted one did not wake it."""


class Slots:
    """A limit on how many holders there are at the same time.

    Args:
        n: The most holders.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._held: dict[object, None] = {}
        self._lock = threading.Lock()
        self._woken = threading.Lock()
        self._woken.acquire()
        self.free = self._held.pop
        """Call ``free(holder, None)`` to release the slot of a holder. It is a method of C, which no signal breaks off;
        call `wake` after it."""

    @property
    def _value(self) -> int:
        return self._n - len(self._held)

    def take(self, holder: object, timeout: float | None) -> bool:
        """Wait for a free slot for the holder, and return whether there was one within so many seconds."""
        ends = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._value > 0:
                    self._held[holder] = None
                    if self._value > 0:
                        self.wake()  # slots that were released at the same time woke only one caller
                    return True
            left = TICK if ends is None else min(TICK, ends - time.monotonic())
            if left <= 0:
                return False
            self._woken.acquire(timeout=left)

    def wake(self) -> None:
        """Wake one of the callers that wait for a slot."""
        with suppress(RuntimeError):  # one is being woken already
            self._woken.release()
