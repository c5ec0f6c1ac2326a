"""Time that passes as fast as it can: an event loop whose clock jumps to the next timer, and a server that looks at it.

What other threads do (the journal's, the intake's, those of blocking functions) takes no virtual time: the clock
waits for them.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest

from cloudai.batch.journal import Journal
from cloudai.batch.reader import Reader

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
        self._outside = outside
        super().__init__(_Selector(self._virtual, outside))

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual[0]

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Count what the threads have to do."""
        self._outside.add(1)
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(lambda _: self._outside.add(-1))
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait for the threads without a limit: the clock would jump over the one that Python 3.12 and newer give."""
        await super().shutdown_default_executor()


def run_virtually(scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop whose time is virtual."""
    outside = _Outside()
    hand_over, deliver, take = Journal._hand_over, Journal._deliver, Reader.take

    def counted(self: Journal, work: Any) -> None:
        outside.add(1)
        hand_over(self, work)

    def counted_off(self: Journal, *outcome: Any) -> None:
        deliver(self, *outcome)
        outside.add(-1)

    def taken(self: Reader, n: int, **how: Any) -> Future[Any]:
        outside.add(1)
        seen: Future[Any] = Future()

        def hand_on(real: Future[Any]) -> None:
            try:
                seen.set_result(real.result())
            except BaseException as error:
                seen.set_exception(error)
            outside.add(-1)  # only now: whoever waits has been told

        take(self, n, **how).add_done_callback(hand_on)
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "_hand_over", counted)
        patch.setattr(Journal, "_deliver", counted_off)
        patch.setattr(Reader, "take", taken)
        with asyncio.Runner(loop_factory=lambda: _Loop(outside)) as runner:
            return runner.run(scene())


def windows_hold(times: Sequence[float], n: int, seconds: float) -> bool:
    """Return whether no window of so many seconds has more than n of the times in it."""
    times = sorted(times)
    return all(later - earlier >= seconds for earlier, later in zip(times, times[n:], strict=False))
