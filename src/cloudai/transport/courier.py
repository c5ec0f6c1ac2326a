"""This module runs the exchanges of the main thread in another thread, where no signal can interrupt them.

Python raises KeyboardInterrupt, and whatever a program's own signal handlers raise, in the main thread between any two
instructions. In the middle of the HTTP library's bookkeeping that would leave a connection, or a lock, taken for ever.
So the main thread only waits. If that is interrupted, it tells the exchange to end, and the other thread then closes
the connection properly.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias, TypeVar, cast

from cloudai.transport.deadline import Exchange

__all__ = ["uninterrupted"]

T = TypeVar("T")
Outcome: TypeAlias = SimpleQueue[tuple[Any, BaseException | None]]
"""The queue at which the caller waits for a result or an error.

A future has a lock of Python's own code: a signal while the caller awakes would leave it broken, and RuntimeError would
stand in the place of what the signal has raised. This queue is one instruction for Python.
"""

ENDING = 0.5
"""The most seconds that an interrupted caller waits until its exchange has closed the connection."""


class _Courier:
    """A daemon thread that carries out exchanges for the main thread, one after the other."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._busy = False
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=_work_off, args=(self._work,), name="cloudai-courier", daemon=True).start()

    @property
    def is_free(self) -> bool:
        """True if the thread has nothing to do, and belongs to this process: a forked process has no such thread."""
        return self._pid == os.getpid() and not self._busy

    def take(self, work: Callable[[], Any], outcome: Outcome) -> None:
        """Have the thread do the work, and put its result or its error into the queue."""
        self._busy = True
        self._work.put(partial(self._fill, outcome, work))

    def _fill(self, outcome: Outcome, work: Callable[[], Any]) -> None:
        """Do the work and put what became of it into the queue; before that, be free for the caller's next work."""
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001  # it is raised in the caller, if that still waits
            self._busy = False
            outcome.put((None, error))
        else:
            self._busy = False
            outcome.put((result, None))

    def retire(self) -> None:
        """Let the thread end once it has done the work that it was given."""
        self._work.put(None)


def _work_off(work: SimpleQueue[Callable[[], None] | None]) -> None:
    """Call what comes through a queue, until None comes."""
    while (each := work.get()) is not None:
        each()
        del each  # it holds the upload, which must not stay in memory while the thread waits for the next work


_courier: _Courier | None = None


def uninterrupted(work: Callable[[], T], exchange: Exchange) -> T:
    """Carry out an exchange, and return its outcome or raise its error.

    If the caller is the main thread, the exchange runs in another thread while the caller waits. If a signal raises an
    exception in the waiting caller, the exchange is given up, and that exception is raised.

    Args:
        work: A function that carries the exchange out.
        exchange: The same exchange, to give it up.
    """
    global _courier  # one thread is enough, because it serves the main thread alone
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Outcome = SimpleQueue()
    try:
        if _courier is None or not _courier.is_free:
            # There is no thread yet, this process was forked, or the thread is busy: with an exchange that was given
            # up, or with the one that a signal handler, which sends as well, has interrupted.
            before, _courier = _courier, _Courier()
            if before is not None:
                before.retire()
        _courier.take(partial(copy_context().run, work), outcome)
        result, error = outcome.get()
    except BaseException:
        exchange.give_up()
        with suppress(Empty):
            outcome.get(timeout=ENDING)
        raise
    if error is not None:
        try:
            raise error
        finally:
            del error  # it holds this frame by its traceback
    return cast("T", result)
