"""The blocking driver carries out the effects of a program in the calling thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from cloudai.core.drivers.shared import apart, in_time, no_memory, no_slot, not_done, not_read, too_late, within
from cloudai.core.drivers.threads import readers
from cloudai.core.effects import Effect, Gather, Get, Once, Persist, Program, Send, Sleep, Wait
from cloudai.core.flow import Call, Request, Response
from cloudai.core.memory import budget
from cloudai.errors import clear_frames

__all__ = ["Blocking", "Slots"]

T = TypeVar("T")

MOST_AT_ONCE = 8
"""The most threads for the programs of one `Gather` under the blocking driver."""


TICK = 0.05
"""Seconds after which a caller that waits looks again, in case an interrupted one did not wake it."""


class Slots:
    """A limit on how many holders there are at the same time, none of whose slots is lost to a signal.

    Python raises KeyboardInterrupt in the main thread between any two instructions. A `threading.Semaphore` that is
    interrupted between taking a slot and noting that it must be released loses the slot for ever. These slots are taken
    by naming a holder, who is known before, and releasing what a holder has, or does not have, is one call of C.
    To release a slot, call ``free(holder, None)`` and then `wake`.

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
        """Wait for a free slot and give it to the holder; return False if none became free in time.

        Args:
            holder: Any hashable object that identifies the caller. The same holder has never more than one slot.
            timeout: The most seconds to wait; None waits without limit.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if len(self._held) < self._n:
                    self._held[holder] = None
                    if len(self._held) < self._n:
                        self.wake()  # slots that were released at the same time woke only one caller
                    return True
            left = TICK if ends is None else min(TICK, ends - time.monotonic())
            if left <= 0:
                return False
            self._woken.acquire(timeout=left)

    def wake(self) -> None:
        """Wake one of the callers that wait in `take`; call this after ``free``, which itself wakes nobody."""
        if self._woken.locked():  # else one is being woken already
            with suppress(RuntimeError):
                self._woken.release()


class Blocking:
    """A driver whose `run` blocks the calling thread until a program has ended.

    Most effects are carried out in the calling thread. The programs of a `Gather`, the program of a `Once`, the work of
    a `Persist`, and a `Call` that reads a file, waits for a service, or runs a program or a model run in other threads.

    Args:
        send: A function that sends one request and returns its response.
        sleep: A function that lets so many seconds pass.
        max_concurrency: The most requests in flight at the same time, over all threads that use this driver.
        fetch: A function that carries out a `Get`. Without it the outcome of a `Get` is None.
    """

    def __init__(
        self,
        send: Callable[[Request], Response],
        sleep: Callable[[float], None] = time.sleep,
        max_concurrency: int = 32,
        fetch: Callable[[Get], Response] | None = None,
    ) -> None:
        self._send = send
        self._fetch = fetch
        self._sleep = sleep
        self._slots = Slots(max_concurrency)
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Any]] = {}

    def run(self, program: Program[T]) -> T:
        """Run a program to its end and return its value."""
        try:
            return self._run(program)
        except BaseException as error:  # also Ctrl-C
            clear_frames(error)
            raise

    def _run(self, program: Program[T]) -> T:
        outcome: Any = None
        failure: BaseException | None = None
        while True:
            try:
                effect = program.throw(failure) if failure else program.send(outcome)
            except StopIteration as stop:
                value: T = stop.value
                return value
            try:
                outcome, failure = self._carry_out(effect), None
            except BaseException as error:  # noqa: BLE001  # the program decides, also on Ctrl-C
                failure = error

    def _carry_out(self, effect: Effect) -> Any:  # noqa: PLR0911  # one for each effect
        match effect:
            case Send(request, timeout, slots):
                return self._send_in_turn(request, timeout, slots)
            case Get() if self._fetch:
                return self._fetch(effect)
            case Sleep(seconds):
                return self._sleep(seconds)
            case Call():
                return _called(effect)
            case Once(key, program, timeout):
                return self._once(key, program, timeout)
            case Gather(programs):
                with ThreadPoolExecutor(min(MOST_AT_ONCE, len(programs) or 1)) as pool:
                    return list(pool.map(self._outcome, programs))
            case Wait(future, timeout):
                return future.result(timeout)
            case Persist(keeper, work):
                return keeper.do(work).result()

    @staticmethod
    def semaphore(n: int) -> Slots:
        """Return a limit for `Send.slots` that lets ``n`` requests be in flight at the same time."""
        return Slots(n)

    def _send_in_turn(self, request: Request, timeout: float | None, slots: Slots | None) -> Response:
        """Send a request once it has a slot of ``slots``, if given, and one of the driver; return the response.

        The time spent waiting for slots is taken off the request's own timeout.

        Raises:
            DeadlineExceededError: No slot became free within ``timeout`` seconds.
        """
        began, holder = time.monotonic(), object()
        # A signal's exception is raised after a call, or where a function written in Python begins. So there is no
        # moment at which a slot is taken and will not be released: see `Slots`.
        try:
            if slots is not None:
                _take(slots, holder, timeout)
            try:
                _take(self._slots, holder, None if timeout is None else timeout - (time.monotonic() - began))
                return self._send(within(request, timeout, time.monotonic() - began))
            finally:
                self._slots.free(holder, None)
                self._slots.wake()
        finally:
            if slots is not None:
                slots.free(holder, None)
                slots.wake()

    def _once(self, key: Hashable, program: Callable[[], Program[T]], timeout: float) -> T:
        """Return the outcome of the program that is running under a key; start it if none is.

        The program runs in a daemon thread of its own, and goes on if a caller gives up. Its outcome is not kept: a
        call after its end runs it anew. An error of the program is raised in every caller that waits.

        Raises:
            DeadlineExceededError: The program did not end within ``timeout`` seconds.
        """
        key = (key, os.getpid())  # the parent's thread does not run in a forked child

        def once() -> T:
            try:
                return self.run(program())
            finally:
                with self._lock:
                    self._running.pop(key, None)  # an interrupt may have come before it was entered

        with self._lock:
            if key not in self._running:
                # The program has a thread of its own: Ctrl-C in one waiting caller must not fail the others.
                self._running[key] = apart(once)
            shared: Future[T] = self._running[key]
        return in_time(shared, timeout, too_late)

    def _outcome(self, program: Program[T]) -> T | BaseException:
        """Run a program, and return its value or its Exception; raise a KeyboardInterrupt or SystemExit."""
        try:
            return self.run(program)
        except Exception as error:  # noqa: BLE001  # the program that asked decides what it means
            return error


def _take(slots: Slots, holder: object, timeout: float | None) -> None:
    if not slots.take(holder, timeout):
        raise no_slot()


def _called(step: Call) -> Any:
    """Run the blocking function of a step, and return its value.

    A function that reads a file, waits for a service, or runs a program or a model runs in another thread, whatever
    memory it takes. Any other runs in the calling thread; if it takes memory, it first waits for its share of the
    budget.

    Raises:
        DeadlineExceededError: ``step.timeout`` seconds passed before the function in the other thread had ended, or
            before the share of the memory was free.
    """
    if step.reads:
        return in_time(readers().submit(step.function), step.timeout, not_read)
    if step.waits or step.runs:
        return in_time(apart(step.function), step.timeout, too_late if step.waits else not_done)
    if not step.memory:
        return step.function()
    share = budget().ask(step.memory)
    try:
        in_time(share.granted, step.timeout, no_memory)
        return step.function()
    finally:
        share.give_back()
