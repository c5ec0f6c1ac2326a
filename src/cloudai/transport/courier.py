"""An exchange that the main thread asks for runs in another thread, where no signal can break it off anywhere.

Python raises KeyboardInterrupt, and whatever a program's own signal handlers raise, in the main thread between any two
instructions. In the middle of the HTTP library's bookkeeping that would leave a connection, or a lock, taken for ever.
So the main thread only waits. Where it is interrupted, it tells the exchange to end, which closes its connection in
order.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from cloudai.transport.deadline import Exchange

__all__ = ["uninterrupted"]

T = TypeVar("T")

ENDING = 0.5
"""Seconds that an interrupted caller waits at most for its exchange to have closed its connection."""


class _Courier:
    """A daemon thread that does one thing after the other for the main thread."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._busy = False
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=_work_off, args=(self._work,), name="cloudai-courier", daemon=True).start()

    @property
    def is_free(self) -> bool:
        """Whether the thread is there and has nothing to do; it is not there in a forked process."""
        return self._pid == os.getpid() and not self._busy

    def take(self, work: Callable[[], T], outcome: Future[T]) -> None:
        """Have the thread do the work, and put its outcome into the future."""
        self._busy = True
        self._work.put(partial(self._fill, outcome, work))

    def _fill(self, outcome: Future[T], work: Callable[[], T]) -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001  # the waiting caller gets it
            self._busy = False
            outcome.set_exception(error)
        else:
            self._busy = False
            outcome.set_result(result)

    def retire(self) -> None:
        """Let the thread end after what it is doing."""
        self._work.put(None)


def _work_off(work: SimpleQueue[Callable[[], None] | None]) -> None:
    while (each := work.get()) is not None:
        each()
        del each  # or the thread would hold what was sent until it gets the next work


_courier: _Courier | None = None


def uninterrupted(work: Callable[[], T], exchange: Exchange) -> T:
    """Do the work of an exchange, and return its outcome; if the caller is the main thread, in another thread.

    Args:
        work: A function that carries the exchange out.
        exchange: The exchange, which is given up where an exception is raised in the waiting main thread.
    """
    global _courier  # the main thread does one thing at a time, so one other thread is enough
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Future[T] = Future()
    try:
        if _courier is None or not _courier.is_free:
            # The last one is still busy with an exchange that its caller has given up.
            before, _courier = _courier, _Courier()
            if before is not None:
                before.retire()
        _courier.take(partial(copy_context().run, work), outcome)
        return outcome.result()
    except BaseException:
        if not outcome.done():
            exchange.give_up()
            wait([outcome], ENDING)
        raise
