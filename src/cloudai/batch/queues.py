"""What workers in threads or tasks alike wait at: a queue to the one who reads the outcomes, and a few places."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

from cloudai.core.effects import Program, Wait

__all__ = ["END", "Claims", "OutcomeQueue", "Semaphore"]

DONE: Future[None] = Future()
DONE.set_result(None)
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
                return DONE
            self._things.append(thing)
            if len(self._things) <= self._room or self._closed:
                return DONE
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


class Claims:
    """Calls that somebody is at work on, by key: inputs with the same bytes are asked for one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, Future[None] | None] = {}

    def take(self, key: str) -> Future[None] | None:
        """Take a call; return a future to wait for where another input with the same bytes has it."""
        with self._lock:
            if key not in self._taken:
                self._taken[key] = None
                return None
            released = self._taken[key] = self._taken[key] or Future()
            return released

    def release(self, key: str) -> None:
        """Let the call go, and tell those who wait for it."""
        with self._lock:
            released = self._taken.pop(key)
        if released:
            released.set_result(None)


class Semaphore:
    """So many may be at something at once; the others wait, in order."""

    def __init__(self, n: int) -> None:
        self._free = n
        self._lock = threading.Lock()
        self._waiting: deque[Future[None]] = deque()

    def hold(self, program: Program[None]) -> Program[None]:
        """Run the program in a place."""
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
            if permit.cancel():
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
