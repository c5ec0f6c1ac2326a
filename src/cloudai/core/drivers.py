"""The two drivers: they carry out a program's effects, one blocking, one awaiting.

Nothing else in cloudai knows which of the two it runs under.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_any
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from cloudai.core.effects import Effect, Gather, Get, Once, Persist, Program, Send, Sleep, Wait
from cloudai.core.flow import Call, Request, Response
from cloudai.errors import DeadlineExceededError, closed

__all__ = ["Awaiting", "Blocking"]

T = TypeVar("T")

MOST_AT_ONCE = 8
"""Threads for the parts of one job (`together`) under the blocking driver."""
WORKERS = max(1, min(8, (os.cpu_count() or 2) - 1))
"""Threads for blocking functions under the awaiting driver: one core stays with the event loop."""


class Blocking:
    """Carries out effects in the calling thread."""

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
        self._places = threading.BoundedSemaphore(max_concurrency)
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Any]] = {}

    def run(self, program: Program[T]) -> T:
        """Run a program to its end and return its value."""
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
            case Send(request, timeout):
                return self._send_in_turn(request, timeout)
            case Get() if self._fetch:
                return self._fetch(effect)
            case Sleep(seconds):
                return self._sleep(seconds)
            case Call(function, waits, timeout):
                return _in_time(_apart(function), timeout) if waits else function()
            case Once(key, program, timeout):
                return self._once(key, program, timeout)
            case Gather(programs):
                with ThreadPoolExecutor(min(MOST_AT_ONCE, len(programs) or 1)) as pool:
                    return list(pool.map(self._outcome, programs))
            case Wait(future):
                return future.result()
            case Persist(keeper, work):
                return keeper.do(work).result()

    def _send_in_turn(self, request: Request, timeout: float | None) -> Response:
        began = time.monotonic()
        if not self._places.acquire(timeout=timeout):
            raise _no_place()
        try:
            return self._send(_within(request, timeout, time.monotonic() - began))
        finally:
            self._places.release()

    def _once(self, key: Hashable, program: Callable[[], Program[T]], timeout: float) -> T:
        key = (key, os.getpid())  # the parent's thread does not run in a forked child

        def once() -> T:
            try:
                return self.run(program())
            finally:
                with self._lock:
                    del self._running[key]

        with self._lock:
            if key not in self._running:
                # In a thread of its own: one waiter's Ctrl-C must not fail the others.
                self._running[key] = _apart(once)
            shared: Future[T] = self._running[key]
        return _in_time(shared, timeout)

    def _outcome(self, program: Program[T]) -> T | BaseException:
        try:
            return self.run(program)
        except Exception as error:  # noqa: BLE001  # an outcome, judged by the program that asked
            return error


class Awaiting:
    """Carries out effects in the running event loop, blocking functions in a few threads of its own."""

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Response] | Response],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        max_concurrency: int = 32,
        fetch: Callable[[Get], Awaitable[Response]] | None = None,
    ) -> None:
        self._send = send
        self._fetch = fetch
        self._sleep = sleep
        self._places = asyncio.Semaphore(max_concurrency)
        self._running: dict[Hashable, asyncio.Task[Any]] = {}
        self._closed = False
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="cloudai")

    async def run(self, program: Program[T]) -> T:
        """Run a program to its end and return its value."""
        outcome: Any = None
        failure: BaseException | None = None
        while True:
            try:
                effect = program.throw(failure) if failure else program.send(outcome)
            except StopIteration as stop:
                value: T = stop.value
                return value
            try:
                outcome, failure = await self._carry_out(effect), None
            except BaseException as error:  # noqa: BLE001  # the program decides, also on cancellation
                failure = error

    async def _carry_out(self, effect: Effect) -> Any:  # noqa: PLR0911
        match effect:
            case Send(request, timeout):
                return await self._send_in_turn(request, timeout)
            case Get() if self._fetch:
                return await self._fetch(effect)
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Call(function, waits, timeout):
                return await (_in_time_awaited(_apart(function), timeout) if waits else self._in_a_thread(function))
            case Once(key, program, timeout):
                return await self._once(key, program, timeout)
            case Gather(programs):
                return await asyncio.gather(*map(self.run, programs), return_exceptions=True)
            case Wait(future):
                return await _awaited(future)
            case Persist(keeper, work):
                return await _awaited(keeper.do(work))

    async def _in_a_thread(self, function: Callable[[], T]) -> T:
        if self._closed:
            raise closed()
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def _send_in_turn(self, request: Request, timeout: float | None) -> Response:  # noqa: ASYNC109
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                await self._places.acquire()
        except TimeoutError:
            raise _no_place() from None
        try:
            reply = self._send(_within(request, timeout, time.monotonic() - began))
            # A cassette answers at once, and serves both clients.
            return reply if isinstance(reply, Response) else await reply
        finally:
            self._places.release()

    async def _once(self, key: Hashable, program: Callable[[], Program[T]], timeout: float) -> T:  # noqa: ASYNC109
        if key not in self._running:
            # A task of its own, shielded: one waiter's cancellation must not fail the others.
            task = self._running[key] = asyncio.ensure_future(self.run(program()))
            task.add_done_callback(partial(self._ended, key))
        shared = self._running[key]
        done, _ = await asyncio.wait([shared], timeout=timeout)
        if not done:
            raise _too_late()
        return await asyncio.shield(shared)

    def _ended(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, even where nobody waits any more

    def close(self) -> None:
        """Let the threads go."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)


def _apart(function: Callable[[], T]) -> Future[T]:
    """Run it in a thread that nobody has to wait for: not who is out of time, and not the process at its end."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on nobody can cancel it

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, name="cloudai-apart", daemon=True).start()
    return outcome


def _in_time(future: Future[T], timeout: float | None) -> T:
    if not wait_for_any([future], timeout).done:
        raise _too_late()
    return future.result()


async def _awaited(future: Future[T]) -> T:
    """Its outcome; who is cancelled meanwhile does not cancel it."""
    return future.result() if future.done() else await asyncio.shield(asyncio.wrap_future(future))


async def _in_time_awaited(future: Future[T], timeout: float | None) -> T:  # noqa: ASYNC109
    waiting = asyncio.wrap_future(future)
    try:
        await asyncio.wait([waiting], timeout=timeout)
        if not waiting.done():
            raise _too_late()
        return waiting.result()
    finally:
        waiting.cancel()  # where nobody waits any more, nobody asks for the outcome either


def _within(request: Request, timeout: float | None, waited: float) -> Request:
    """The request with the time it has, less what was spent waiting for a place."""
    return request if timeout is None else replace(request, timeout=max(0.001, timeout - waited))


def _no_place() -> DeadlineExceededError:
    return _not_sent(
        DeadlineExceededError(
            "no free place among the calls in flight",
            advice="Raise max_concurrency= or timeout=, or call less at once.",
        )
    )


def _too_late() -> DeadlineExceededError:
    return _not_sent(
        DeadlineExceededError("the token did not come in time", advice="Give more with timeout= (seconds).")
    )


def _not_sent(error: DeadlineExceededError) -> DeadlineExceededError:
    error.state = "NOT_SENT"
    return error
