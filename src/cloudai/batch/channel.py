"""A queue of a few places between the workers and the one who reads the outcomes, in threads or tasks alike."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

__all__ = ["END", "Channel"]

AT_ONCE: Future[None] = Future()
AT_ONCE.set_result(None)
END: Any = object()
"""What `Channel.get` gives when nothing more comes."""


class Channel:
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
            while self._takers:
                if (taker := self._takers.popleft()).set_running_or_notify_cancel():
                    taker.set_result(thing)
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
            if self._things:
                future.set_result(self._things.popleft())
                if self._givers:
                    self._givers.popleft().set_result(None)
            elif self._closed:
                future.set_result(END)
            else:
                self._takers.append(future)
        return future

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
            while self._takers:
                if (taker := self._takers.popleft()).set_running_or_notify_cancel():
                    taker.set_result(END)
