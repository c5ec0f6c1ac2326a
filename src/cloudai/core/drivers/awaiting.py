"""The awaiting driver carries out the effects of a program in the running event loop."""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from cloudai.core.drivers.shared import apart, no_memory, no_slot, not_done, not_prepared, not_read, too_late, within
from cloudai.core.drivers.threads import Threads, readers
from cloudai.core.effects import Effect, Gather, Get, Once, Persist, Program, Send, Sleep, Wait
from cloudai.core.flow import Call, Request, Response
from cloudai.core.memory import budget
from cloudai.errors import SettingsError, clear_frames, closed

__all__ = ["Awaiting", "awaited"]

T = TypeVar("T")

WORKERS = max(1, min(8, (os.cpu_count() or 2) - 1))
"""Threads for blocking functions under the awaiting driver; one core is left to the event loop."""

SENDING = (Send, Get, Once)
"""The effects that need the event loop to which the connections and the locks of the client belong."""


class Awaiting:
    """A driver that carries out effects in the running event loop, and blocking functions in threads.

    A function that waits for a service, or runs a program or a model, has a thread of its own. The functions that read
    files share the threads of `readers` with all other clients. All other functions share the `WORKERS` threads of this
    driver.
    """

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
        self._slots = asyncio.Semaphore(max_concurrency)
        self._running: dict[Hashable, asyncio.Task[Any]] = {}
        self._closed = False
        self._loop: Any = None
        """A weak reference to the event loop that connections and locks belong to, once there are any."""
        self._threads = Threads(WORKERS, "cloudai")

    async def run(self, program: Program[T]) -> T:
        """Run a program to its end and return its value."""
        try:
            return await self._run(program)
        except BaseException as error:  # also a cancellation
            clear_frames(error)
            raise

    async def _run(self, program: Program[T]) -> T:
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
        if isinstance(effect, SENDING):
            self._require_own_loop()
        match effect:
            case Send(request, timeout, slots):
                return await self._send_in_turn(request, timeout, slots)
            case Get() if self._fetch:
                return await self._fetch(effect)
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Call():
                return await self._called(effect)
            case Once(key, program, timeout):
                return await self._once(key, program, timeout)
            case Gather(programs):
                return await asyncio.gather(*map(self.run, programs), return_exceptions=True)
            case Wait(future, timeout):
                outcome = awaited(future)
                return await (outcome if timeout is None else asyncio.wait_for(outcome, timeout))
            case Persist(keeper, work):
                return await awaited(keeper.do(work))

    def _require_own_loop(self) -> None:
        """Raise SettingsError where this is another event loop than the one in which something was first sent."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = weakref.ref(loop)
        elif self._loop() is not loop:
            raise SettingsError(
                "the client has already sent something in another event loop",
                advice="An AsyncClient serves one event loop: make one inside each asyncio.run().",
            )

    async def _called(self, step: Call) -> Any:
        if step.waits or step.runs:
            late = too_late if step.waits else not_done
            return await _in_time(asyncio.wrap_future(apart(step.function)), step.timeout, late)
        if self._closed:
            raise closed()
        loop = asyncio.get_running_loop()
        if step.reads:
            return await _in_time(loop.run_in_executor(readers(), step.function), step.timeout, not_read)
        if step.memory:
            return await self._within_the_budget(step)
        return await loop.run_in_executor(self._threads, step.function)

    async def _within_the_budget(self, step: Call) -> Any:
        """Run a function once its share of the memory is free; the share is given back when the function has ended.

        A caller that is cancelled or out of time does not wait for the function, which goes on in its thread.
        """
        began, left = time.monotonic(), step.timeout
        share = budget().ask(step.memory)
        try:
            await _in_time(asyncio.wrap_future(share.granted), left, no_memory)
            left = None if left is None else max(0.0, left - (time.monotonic() - began))
            running = self._threads.submit(step.function)
        except BaseException:
            share.give_back()
            raise
        running.add_done_callback(lambda _: share.give_back())
        return await _in_time(asyncio.wrap_future(running), left, not_prepared)

    @staticmethod
    def semaphore(n: int) -> asyncio.Semaphore:
        """Return a semaphore for `Send.slots` that lets ``n`` requests be in flight at the same time."""
        return asyncio.Semaphore(n)

    async def _send_in_turn(
        self,
        request: Request,
        timeout: float | None,  # noqa: ASYNC109  # the request has what is left of it
        slots: asyncio.Semaphore | None,
    ) -> Response:
        began = time.monotonic()
        held: list[asyncio.Semaphore] = []
        try:
            for semaphore in (slots, self._slots):
                if semaphore is not None:
                    await _acquired(semaphore, None if timeout is None else timeout - (time.monotonic() - began))
                    held.append(semaphore)
            reply = self._send(within(request, timeout, time.monotonic() - began))
            # A cassette is no coroutine function, because it answers at once and serves both kinds of client.
            return reply if isinstance(reply, Response) else await reply
        finally:
            for semaphore in held:
                semaphore.release()

    async def _once(self, key: Hashable, program: Callable[[], Program[T]], timeout: float) -> T:  # noqa: ASYNC109
        if key not in self._running:
            # The program has a task of its own, shielded below: one caller that is cancelled must not fail the others.
            task = self._running[key] = asyncio.ensure_future(self.run(program()))
            task.add_done_callback(partial(self._ended, key))
        shared = self._running[key]
        done, _ = await asyncio.wait([shared], timeout=timeout)
        if not done:
            raise too_late()
        return await asyncio.shield(shared)

    def _ended(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would log it where no caller waits any more

    def close(self) -> None:
        """Stop the threads, without waiting for what they are running."""
        self._closed = True
        self._threads.shutdown()


async def _acquired(semaphore: asyncio.Semaphore, timeout: float | None) -> None:  # noqa: ASYNC109
    """Acquire a semaphore, or raise the error of `no_slot` where that takes too long."""
    if not semaphore.locked():
        await semaphore.acquire()  # at once, so that no timer is needed
        return
    try:
        async with asyncio.timeout(timeout):
            await semaphore.acquire()
    except TimeoutError:
        raise no_slot() from None


async def awaited(future: Future[T]) -> T:
    """Return the outcome of a future of any thread; a caller that is cancelled meanwhile does not cancel it."""
    if not future.done():
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def wake(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(_set_done, ready)

        # `asyncio.wrap_future` and `asyncio.shield` would do the same in four times as many calls.
        future.add_done_callback(wake)
        await ready
    return future.result()


def _set_done(ready: asyncio.Future[None]) -> None:
    """Let the caller that awaits a future go on, unless it was cancelled."""
    if not ready.done():
        ready.set_result(None)


async def _in_time(future: asyncio.Future[T], timeout: float | None, late: Callable[[], Exception]) -> T:  # noqa: ASYNC109
    """Return the outcome of a future, or raise what ``late`` returns if it does not come in time."""
    try:
        await asyncio.wait([future], timeout=timeout)
        if not future.done():
            raise late()
        return future.result()
    finally:
        future.cancel()  # or asyncio would log an outcome that comes later and is never retrieved
