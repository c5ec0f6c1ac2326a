"""The awaiting network waits for sockets by the event loop. Its deadlines are kept by `asyncio.timeout`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

import anyio
import httpcore2

from cloudai.transport.addresses import looked_up
from cloudai.transport.early import EarlyReply
from cloudai.transport.sockets import FAILURES, extra_info, failure
from cloudai.transport.wire import READ, WRITE, Layer, Plain, Steps, Tls, Wait, is_quiet, racing, reading, writing

__all__ = ["AsyncBackend"]

T = TypeVar("T")


async def _carried_out(steps: Steps[T]) -> T:
    """Carry the steps out, and return their value."""
    waited = False
    try:
        wanted = next(steps)
        while True:
            ready = await _ready(wanted)
            waited = True
            wanted = steps.send(ready)
    except StopIteration as stop:
        value: T = stop.value
        if not waited:
            await asyncio.sleep(0)  # others run too, where there is always something to read
        return value
    finally:
        steps.close()


async def _ready(wanted: Wait) -> set[socket.socket]:
    # anyio's functions also work on Windows, whose usual event loop cannot wait for sockets by itself.
    wait_for = {READ: anyio.wait_readable, WRITE: anyio.wait_writable}
    waits = [(sock, wait_for[each]) for sock, events in wanted.sockets.items() for each in wait_for if events & each]
    if len(waits) == 1 and wanted.seconds is None:
        [(sock, wait)] = waits
        await wait(sock)
        return {sock}
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


async def _within(timeout: float | None, carried_out: Coroutine[Any, Any, T]) -> T:  # noqa: ASYNC109
    """Return an outcome, or raise TimeoutError after so many seconds; None leaves the time to the caller."""
    if timeout is None:
        return await carried_out
    async with asyncio.timeout(timeout):
        return await carried_out


class AsyncStream(httpcore2.AsyncNetworkStream):
    """A connection of an awaiting client.

    A write ends with `httpcore2.WriteError` as soon as the server has begun to answer: the HTTP library goes on to read
    the reply then.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
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
            return await _within(timeout, _carried_out(reading(self._layer, max_bytes)))
        except _FAILURES as error:
            raise _failure(error, httpcore2.ReadTimeout, httpcore2.ReadError) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the library's
        if not buffer:
            return
        begins, looked = self._begins, self._looked
        self._begins = self._looked = False
        try:
            steps = writing(self._layer, buffer, self._early, begins=begins, looked=looked)
            await _within(timeout, _carried_out(steps))
        except _FAILURES as error:
            raise _failure(error, httpcore2.WriteTimeout, httpcore2.WriteError) from error

    async def aclose(self) -> None:
        sock = self._layer.socket
        if sock.fileno() >= 0:
            # Whoever waits for the socket is told first: its number may soon be that of another file.
            anyio.notify_closing(sock)
            sock.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's
    ) -> httpcore2.AsyncNetworkStream:
        try:
            tls = Tls(self._layer, ssl_context, server_hostname)
            await _within(timeout, _carried_out(tls.handshake()))
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
                addresses = self._checked(host, await asyncio.wrap_future(looked_up(host, port)))
                stream = AsyncStream(Plain(await _carried_out(racing(addresses, port, local_address))))
            for option in socket_options or ():
                stream.get_extra_info("socket").setsockopt(*option)
        except _FAILURES as error:
            raise _failure(error, httpcore2.ConnectTimeout, httpcore2.ConnectError) from error
        return stream

    async def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        await asyncio.sleep(seconds)
