"""Time that passes as fast as it can: an event loop whose clock jumps to the next timer, and a server that looks at it.

What other threads do (the journal's, the intake's, those that begin and close a batch, those of blocking functions)
takes no virtual time: the clock waits for them. A function that never ends in its thread stops the clock for ever.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from cloudai.batch import batch
from cloudai.batch.journal import Journal
from cloudai.batch.reader import Reader
from cloudai.core.drivers import awaiting
from cloudai.core.drivers.threads import Threads

__all__ = ["run_virtually", "windows_hold"]

T = TypeVar("T")


class _Outside:
    """The number of things that other threads still have to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n = 0

    def add(self, n: int) -> None:
        """Count so much more, or less."""
        with self._lock:
            self._n += n

    @property
    def busy(self) -> bool:
        """Whether other threads have something to do."""
        with self._lock:
            return self._n > 0


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """A selector that does not wait for the next timer, but moves the clock there once nothing else comes."""

    def __init__(self, loop_time: list[float], outside: _Outside) -> None:
        super().__init__()
        self._time = loop_time
        self._outside = outside

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if nothing is, let the time of the next timer come."""
        if timeout == 0:  # something is ready already
            return super().select(0)
        while self._outside.busy:
            if found := super().select(0.01):
                return found
        if found := super().select(0):
            return found
        if timeout is None:
            return super().select(1.0)
        self._time[0] += max(0.0, timeout)
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, outside: _Outside) -> None:
        self._virtual = [0.0]
        super().__init__(_Selector(self._virtual, outside))

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual[0]

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait for the threads without a limit: the clock would jump over the one that Python 3.12 and newer give."""
        await super().shutdown_default_executor()


LEAVE_WORK = (
    (Journal, "do"),
    (Reader, "take"),
    (Threads, "submit"),
    (ThreadPoolExecutor, "submit"),
    (batch, "apart"),
    (awaiting, "apart"),
)
"""The functions that leave work to another thread and return a future of its outcome, by the class or module in which
they are looked up.

`Journal.post` is not one of them, because nobody waits for what it leaves to the journal's thread.
"""


def run_virtually(scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop whose time is virtual."""
    outside = _Outside()
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in LEAVE_WORK:
            patch.setattr(owner, name, _counting(getattr(owner, name), outside))
        with asyncio.Runner(loop_factory=lambda: _Loop(outside)) as runner:
            return runner.run(scene())


def _counting(leave: Callable[..., Future[Any]], outside: _Outside) -> Callable[..., Future[Any]]:
    """Return a function that does the same as one of `LEAVE_WORK`, and counts the work until its outcome is handed on.

    A future calls those who wait for it one after the other. So the returned future is another one than that of the
    work: all who wait for it have been told before the work is no longer counted. A thread that waits for it may go on
    only later, and is counted for the work that it was given itself.
    """

    def leave_and_count(*args: Any, **options: Any) -> Future[Any]:
        told: Future[Any] = Future()
        told.set_running_or_notify_cancel()  # from here on the future cannot be cancelled

        def hand_on(done: Future[Any]) -> None:
            try:
                told.set_result(done.result())
            except BaseException as error:
                told.set_exception(error)
            outside.add(-1)

        future = leave(*args, **options)
        outside.add(1)
        future.add_done_callback(hand_on)
        return told

    return leave_and_count


def windows_hold(times: Sequence[float], n: int, seconds: float) -> bool:
    """Return whether no window of so many seconds has more than n of the times in it."""
    times = sorted(times)
    return all(later - earlier >= seconds for earlier, later in zip(times, times[n:], strict=False))
