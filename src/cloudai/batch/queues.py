"""What workers in threads or tasks alike wait at: a queue to the one who reads the outcomes, and a few places."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

from cloudai.core.effects import Program, Wait

__all__ = ["END", "OutcomeQueue", "Semaphore"]

AT_ONCE: Future[None] = Future()
AT_ONCE.set_result(None)
END: Any = object()
"""What `Channel.get` gives when nothing more comes."""


class OutcomeQueue:
    """Who puts into a full one waits, and so does who takes from an empty one: each gets a future."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._things: deque[Any] = deque()
        self._givers: deque[Future[None]] = deque()
        self._takers: deque[Future[Any]] = deque()
        self._closed = False

    def put(self, thing: Any) -> Future[None]:
        """Put it in; the future is done when there is room."""
        with self._lock:
            if _given(self._takers, thing):
                return AT_ONCE
            self._things.append(thing)
            if len(self._things) <= self._room or self._closed:
                return AT_ONCE
            future: Future[None] = Future()
            self._givers.append(future)
        return future

    def get(self) -> Future[Any]:
        """The next thing, or END."""
        future: Future[Any] = Future()
        with self._lock:
            thing = self._at_hand()
            if thing is None:
                self._takers.append(future)
            else:
                future.set_result(thing)
        return future

    def at_hand(self) -> Any:
        """The next thing, or END; None where one has to wait for it."""
        with self._lock:
            return self._at_hand()

    def _at_hand(self) -> Any:
        if not self._things:
            return END if self._closed else None
        if self._givers:
            self._givers.popleft().set_result(None)
        return self._things.popleft()

    def open_wide(self) -> None:
        """Nobody reads for a while: who puts does not wait."""
        with self._lock:
            self._room = 1 << 30
            while self._givers:
                self._givers.popleft().set_result(None)

    def close(self) -> None:
        """Nothing more comes."""
        with self._lock:
            self._closed = True
            while _given(self._takers, END):
                pass


class Semaphore:
    """So many may be at something at once; the others wait, in order."""

    def __init__(self, n: int) -> None:
        self._free = n
        self._lock = threading.Lock()
        self._waiting: deque[Future[None]] = deque()

    def hold(self, program: Program[None]) -> Program[None]:
        """Run the program in a place."""
        place = self._taken()
        try:
            yield Wait(place)
            yield from program
        finally:
            self._leave(place)

    def _taken(self) -> Future[None]:
        with self._lock:
            if self._free:
                self._free -= 1
                return AT_ONCE
            place: Future[None] = Future()
            self._waiting.append(place)
        return place

    def _leave(self, place: Future[None]) -> None:
        with self._lock:
            if place.cancel():
                return  # who waited for it has gone before it came
            if not _given(self._waiting, None):
                self._free += 1


def _given(waiting: deque[Future[Any]], thing: Any) -> bool:
    """Give it to the first who still waits; False where nobody does."""
    while waiting:
        if (first := waiting.popleft()).set_running_or_notify_cancel():
            first.set_result(thing)
            return True
    return False
