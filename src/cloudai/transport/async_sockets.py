"""The awaiting network waits for sockets by the event loop. Its deadlines are kept by `asyncio.timeout`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import anyio
import httpcore2

from cloudai.core.drivers.awaiting import awaited
from cloudai.transport.addresses import looked_up
from cloudai.transport.early import EarlyReply
from cloudai.transport.sockets import FAILURES, extra_info, failure
from cloudai.transport.wire import READ, WRITE, Layer, Plain, Steps, Tls, Wait, is_quiet, racing, reading, writing

__all__ = ["AsyncBackend"]

T = TypeVar("T")

LARGE = 65_536
"""Bytes of an upload from which on other tasks run after they are written, as they do after each read."""


async def _carried_out(
    steps: Steps[T],
    timeout: float | None = None,  # noqa: ASYNC109
    *,
    pauses: bool = True,
    reader: _Reader | None = None,
) -> T:
    """Carry the steps out, and return their value, or raise TimeoutError after so many seconds.

    Args:
        steps: The steps.
        timeout: The seconds; None leaves the time to the caller.
        pauses: Whether other tasks run before the value is returned, also where nothing had to be waited for.
        reader: The reader of the socket, which lets go of it before it is waited for here.
    """
    if timeout is not None:
        async with asyncio.timeout(timeout):
            return await _carried_out(steps, pauses=pauses, reader=reader)
    try:
        wanted = next(steps)
        while True:
            if reader is not None:
                reader.let_go()
            ready = await _ready(wanted)
            pauses = False
            wanted = steps.send(ready)
    except StopIteration as stop:
        value: T = stop.value
        if pauses:
            await asyncio.sleep(0)
        return value
    finally:
        steps.close()


# anyio's functions also work on Windows, whose usual event loop cannot wait for sockets by itself.
WAITS = {READ: anyio.wait_readable, WRITE: anyio.wait_writable}


async def _ready(wanted: Wait) -> set[socket.socket]:
    if len(wanted.sockets) == 1 and wanted.seconds is None:
        [(sock, events)] = wanted.sockets.items()
        if events in WAITS:
            await WAITS[events](sock)
            return {sock}
    waits = [(sock, WAITS[each]) for sock, events in wanted.sockets.items() for each in WAITS if events & each]
    tasks = {asyncio.ensure_future(_waited(wait, sock)): sock for sock, wait in waits}
    try:
        done, _ = await asyncio.wait(tasks, timeout=wanted.seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        with anyio.CancelScope(shield=True):  # no task is left, also where this one is being cancelled
            await asyncio.wait(tasks)
    for task in done:
        task.result()
    return {tasks[task] for task in done}


async def _waited(wait: Callable[[socket.socket], Any], sock: socket.socket) -> None:
    await wait(sock)


_FAILURES = (*FAILURES, anyio.ClosedResourceError)


def _failure(error: Exception, timed_out: type[Exception], failed: type[Exception]) -> Exception:
    """Return the error of the HTTP library for one of `_FAILURES`, also for a connection that was closed meanwhile."""
    if isinstance(error, anyio.ClosedResourceError):
        return failed("the connection was closed here")
    return failure(error, timed_out, failed)


class _Reader:
    """Reads from a socket, which stays registered with the event loop between two reads.

    Registering it for each read, as `_ready` does, takes longer than all the rest of a wait. While nobody reads, it is
    registered until something comes, or the server closes the connection.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop with which the socket is registered."""
        self._steps: Steps[bytes] | None = None
        self._outcome: asyncio.Future[bytes] | None = None
        """The outcome of the steps; None while nobody reads."""

    async def carry_out(self, steps: Steps[bytes]) -> bytes:
        """Carry out steps that wait for nothing but this socket to be readable, and return their value."""
        try:
            next(steps)
        except StopIteration as stop:
            data: bytes = stop.value
            await asyncio.sleep(0)  # others run too, where there is always something to read
            return data
        if not self._is_registered():
            return await _carried_out(steps)
        self._steps, self._outcome = steps, asyncio.get_running_loop().create_future()
        try:
            return await self._outcome
        finally:
            self._steps = self._outcome = None
            steps.close()

    def _is_registered(self) -> bool:
        """Register the socket where it is not, and return False if the event loop can register none, as on Windows."""
        if self._loop is None:
            loop = asyncio.get_running_loop()
            try:
                loop.add_reader(self._socket.fileno(), self._go_on)
            except NotImplementedError:
                return False
            self._loop = loop
        return True

    def _go_on(self) -> None:
        """Take the next step, now that the socket is readable."""
        if self._steps is None or self._outcome is None:
            self.let_go()  # or the event loop would call this again and again
        elif not self._outcome.done():
            try:
                self._steps.send({self._socket})
            except StopIteration as stop:
                self._outcome.set_result(stop.value)
            except Exception as error:  # noqa: BLE001  # the task that reads gets it
                self._outcome.set_exception(error)

    def let_go(self) -> None:
        """Take the socket from the event loop, because something else waits for it, or because it is to be closed."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None

    def close(self) -> None:
        """Let go of the socket, which is about to be closed, and fail what waits for it."""
        self.let_go()
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(anyio.ClosedResourceError())


class AsyncStream(httpcore2.AsyncNetworkStream):
    """A connection of an awaiting client.

    A write ends with `httpcore2.WriteError` as soon as the server has begun to answer: the HTTP library goes on to read
    the reply then.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._reader = _Reader(layer.socket)
        self._early = EarlyReply()
        self._begins = True
        self._looked = False

    def is_idle(self) -> bool:
        """Return whether nothing has come since the last reply, so that a request can go out now."""
        self._looked = not self._early and is_quiet(self._layer.socket)
        return self._looked

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # the library's
        self._begins = True
        if self._early:
            return self._early.take(max_bytes)
        try:
            if timeout is None:
                return await self._reader.carry_out(reading(self._layer, max_bytes))
            async with asyncio.timeout(timeout):
                return await self._reader.carry_out(reading(self._layer, max_bytes))
        except _FAILURES as error:
            raise _failure(error, httpcore2.ReadTimeout, httpcore2.ReadError) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the library's
        if not buffer:
            return
        begins, looked = self._begins, self._looked
        self._begins = self._looked = False
        try:
            steps = writing(self._layer, (buffer,), self._early, begins=begins, looked=looked)
            # After a small piece there is nothing more to write, and the read that follows lets others run.
            await _carried_out(steps, timeout, pauses=len(buffer) >= LARGE, reader=self._reader)
        except _FAILURES as error:
            raise _failure(error, httpcore2.WriteTimeout, httpcore2.WriteError) from error

    async def aclose(self) -> None:
        sock = self._layer.socket
        if sock.fileno() >= 0:
            self._reader.close()
            # A task that waits for the socket is told first: the number of the socket may soon be that of another file.
            anyio.notify_closing(sock)
            sock.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's
    ) -> httpcore2.AsyncNetworkStream:
        self._reader.let_go()
        try:
            tls = Tls(self._layer, ssl_context, server_hostname)
            await _carried_out(tls.handshake(), timeout)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, _FAILURES):
                raise _failure(error, httpcore2.ConnectTimeout, httpcore2.ConnectError) from error
            raise
        return AsyncStream(tls)

    def get_extra_info(self, info: str) -> Any:
        return extra_info(self._layer, self._early, info)


class AsyncBackend(httpcore2.AsyncNetworkBackend):
    """A network backend of the HTTP library for awaiting clients.

    Args:
        checked: A function that gets a host and its addresses, and returns those that may be connected to.
    """

    def __init__(self, checked: Callable[[str, list[str]], list[str]] = lambda _, addresses: addresses) -> None:
        self._checked = checked

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the address of the host that answers first, all within the timeout."""
        try:
            async with asyncio.timeout(timeout):
                addresses = self._checked(host, await awaited(looked_up(host, port)))
                stream = AsyncStream(Plain(await _carried_out(racing(addresses, port, local_address))))
            for option in socket_options or ():
                stream.get_extra_info("socket").setsockopt(*option)
        except _FAILURES as error:
            raise _failure(error, httpcore2.ConnectTimeout, httpcore2.ConnectError) from error
        return stream

    async def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        await asyncio.sleep(seconds)
