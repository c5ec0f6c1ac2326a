"""A queue, claims and a semaphore for workers in threads or in tasks: instead of blocking, they return futures."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

from cloudai.core.effects import Program, Wait

__all__ = ["DONE", "END", "Claims", "OutcomeQueue", "Semaphore"]

DONE: Future[None] = Future()
DONE.set_result(None)
"""The future of a caller that need not wait."""
END: Any = object()
"""Comes out of an `OutcomeQueue` that is closed and empty."""


class OutcomeQueue:
    """A queue of outcomes for any number of workers and a reader, which asks the workers to wait when it is full.

    Args:
        room: Number of items with which the queue is full.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._things: deque[Any] = deque()
        self._givers: deque[Future[None]] = deque()
        self._takers: deque[Future[Any]] = deque()
        self._closed = False

    def put(self, thing: Any) -> Future[None]:
        """Put an item into the queue, even if it is full, and return a future that is done once there is room again."""
        with self._lock:
            if _given(self._takers, thing):
                return DONE
            self._things.append(thing)
            if len(self._things) <= self._room or self._closed:
                return DONE
            future: Future[None] = Future()
            self._givers.append(future)
        return future

    def get(self) -> Future[Any]:
        """Return a future of the next item, or of END."""
        future: Future[Any] = Future()
        with self._lock:
            thing = self._at_hand()
            if thing is None:
                self._takers.append(future)
            else:
                future.set_result(thing)
        return future

    def at_hand(self) -> Any:
        """Take the next item out of the queue and return it, or END; None if the caller has to wait for it."""
        with self._lock:
            return self._at_hand()

    def _at_hand(self) -> Any:
        if not self._things:
            return END if self._closed else None
        if self._givers:
            self._givers.popleft().set_result(None)
        return self._things.popleft()

    def open_wide(self) -> None:
        """Lift the size limit, because the reader reads no more; callers of `put` need not wait."""
        with self._lock:
            self._room = 1 << 30
            while self._givers:
                self._givers.popleft().set_result(None)

    def close(self) -> None:
        """Close the queue, so that END comes after its last item."""
        with self._lock:
            self._closed = True
            while _given(self._takers, END):
                pass


class Claims:
    """The calls that are being carried out, by key, so that inputs with the same bytes take turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, Future[None] | None] = {}

    def take(self, key: str) -> Future[None] | None:
        """Claim a call, and return None; if another input has claimed it, return a future after which to ask again."""
        with self._lock:
            if key not in self._taken:
                self._taken[key] = None
                return None
            released = self._taken[key] = self._taken[key] or Future()
            return released

    def release(self, key: str) -> None:
        """Release a call, and wake those that wait for it."""
        with self._lock:
            released = self._taken.pop(key)
        if released:
            released.set_result(None)


class Semaphore:
    """Lets at most ``n`` programs run at the same time; the others wait in order."""

    def __init__(self, n: int) -> None:
        self._free = n
        self._lock = threading.Lock()
        self._waiting: deque[Future[None]] = deque()

    def hold(self, program: Program[None]) -> Program[None]:
        """Run the program while it holds a permit."""
        permit = self._taken()
        try:
            yield Wait(permit)
            yield from program
        finally:
            self._leave(permit)

    def _taken(self) -> Future[None]:
        with self._lock:
            if self._free:
                self._free -= 1
                return DONE
            permit: Future[None] = Future()
            self._waiting.append(permit)
        return permit

    def _leave(self, permit: Future[None]) -> None:
        with self._lock:
            # A permit that was granted is done, and cannot be cancelled.
            if permit.cancel():
                return  # the program ended before it got its permit
            # The permit is passed on to the one who has waited longest, and nobody who comes now can take it before.
            if not _given(self._waiting, None):
                self._free += 1


def _given(waiting: deque[Future[Any]], thing: Any) -> bool:
    """Give a value to the first future that is still waited for; return False if there is none."""
    while waiting:
        if (first := waiting.popleft()).set_running_or_notify_cancel():
            first.set_result(thing)
            return True
    return False
