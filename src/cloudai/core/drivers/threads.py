"""Threads that run blocking functions: some for what computes, and others for what reads files.

They are daemon threads, because those of ``concurrent.futures`` are waited for when the process ends: one read that
hangs would keep the process alive.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import lru_cache, partial
from typing import Any, ParamSpec, TypeVar

__all__ = ["READERS", "STUCK", "Threads", "readers"]

P = ParamSpec("P")
T = TypeVar("T")

READERS = 64
"""The most files that are read at the same time, those that are stuck not counted."""
STUCK = 1.0
"""Seconds after which a function that reads a file counts as stuck, so that another one takes its place."""
IDLE = 5.0
"""Seconds that a thread waits for its next function before it ends."""


class Threads(Executor):
    """A few threads that begin functions in the order in which they came, several at the same time.

    Args:
        most: The most functions that run at the same time.
        name: The name of the threads.
        stuck: Seconds after which a function that still runs is not counted any more; None counts it until it ends.
    """

    def __init__(self, most: int, name: str, stuck: float | None = None) -> None:
        self._most = most
        self._name = name
        self._stuck = stuck
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._began: dict[int, float] = {}
        """The time (monotonic seconds) when each running function began, by the thread that runs it."""
        self._idle = 0
        self._closed = self._is_watched = False

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in one of the threads, and return a future of its outcome.

        The future can be cancelled until the function begins.

        Raises:
            RuntimeError: The threads are closed.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("the threads are closed")
            self._waiting.append((future, partial(function, *args, **kwargs)))
            self._staff()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:  # noqa: ARG002  # as Executor has it
        """Run nothing more: functions that have not begun are cancelled, and those that run are not waited for."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = list(self._waiting), deque()
            self._changed.notify_all()
        for future, _ in waiting:
            future.cancel()

    def _staff(self) -> None:
        """Wake or start a thread for the last function that came, unless as many as may are running already."""
        if self._idle >= len(self._waiting):
            self._changed.notify()
        elif self._free() > 0:
            self._start()
        elif self._stuck is not None and not self._is_watched:
            self._is_watched = True
            threading.Thread(target=self._watch, name=f"{self._name}-watch", daemon=True).start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        thread.start()
        self._began[thread.ident or 0] = time.monotonic()

    def _counted(self) -> list[float]:
        """Return when the functions began that run and are not stuck."""
        since = -1.0 if self._stuck is None else time.monotonic() - self._stuck
        return [began for began in self._began.values() if began > since]

    def _free(self) -> int:
        """Return how many threads may be started. An idle one counts, because it may have been woken for a function."""
        return self._most - len(self._counted()) - self._idle

    def _watch(self) -> None:
        """Start threads whenever running functions turn out to be stuck, as long as functions wait."""
        assert self._stuck is not None  # noqa: S101  # for the types
        while True:
            with self._changed:
                for _ in range(min(self._free(), len(self._waiting) - self._idle)):
                    self._start()
                if not self._waiting:
                    self._is_watched = False
                    return
                oldest = min(self._counted(), default=0.0)
            time.sleep(max(0.01, oldest + self._stuck - time.monotonic()))

    def _work(self) -> None:
        me = threading.get_ident()
        while (job := self._next(me)) is not None:
            future, function = job
            _carry_out(future, function)
            del job, future, function  # what was read must not stay in memory while the thread waits

    def _next(self, me: int) -> tuple[Future[Any], Callable[[], Any]] | None:
        """Return the next function that this thread is to run; None if the thread is to end."""
        with self._changed:
            self._began.pop(me, None)
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._closed, IDLE)
            self._idle -= 1
            if not self._waiting:
                return None
            self._began[me] = time.monotonic()
            return self._waiting.popleft()


@lru_cache(maxsize=1)
def _readers_of(process: int) -> Threads:  # noqa: ARG001  # the threads of the parent do not run in a forked child
    return Threads(READERS, "cloudai-read", STUCK)


def readers() -> Threads:
    """Return the threads that read the files of all clients of this process."""
    return _readers_of(os.getpid())


def _carry_out(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001  # the waiting caller gets it
        future.set_exception(error)
    else:
        future.set_result(result)
