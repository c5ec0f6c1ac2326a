"""The blocking network waits for sockets by polling, for as long as its exchange has time left."""

from __future__ import annotations

import math
import select
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import wait
from contextlib import suppress
from typing import Any, TypeVar

import httpcore2

from cloudai.transport.addresses import looked_up
from cloudai.transport.deadline import CURRENT, Exchange
from cloudai.transport.early import EarlyReply
from cloudai.transport.wire import (
    READ,
    WRITE,
    AnsweredError,
    Layer,
    Plain,
    Steps,
    Tls,
    Wait,
    is_quiet,
    racing,
    reading,
    writing,
)

__all__ = ["FAILURES", "Backend", "extra_info", "failure"]

T = TypeVar("T")

TICK = 0.1
"""Seconds after which a wait that nothing interrupts looks whether its exchange was given up."""

FAILURES = (AnsweredError, OSError)
"""The errors that are raised where a connection fails."""


def failure(error: Exception, timed_out: type[Exception], failed: type[Exception]) -> Exception:
    """Return the error of the HTTP library that stands for one of `FAILURES`."""
    if isinstance(error, AnsweredError):
        # The library reads the reply after a failed write. Where nothing was sent, the request can be sent anew.
        return (httpcore2.WriteError if error.sent else httpcore2.ConnectError)(str(error))
    return (timed_out if isinstance(error, TimeoutError) else failed)(str(error))


if hasattr(select, "poll"):

    def _ready(wanted: Wait, timeout: float | None) -> set[socket.socket]:
        """Return the sockets that are ready; poll makes no file, as epoll would do each time."""
        poll = select.poll()
        for sock, events in wanted.sockets.items():
            poll.register(sock, (POLL_READ if events & READ else 0) | (POLL_WRITE if events & WRITE else 0))
        # poll counts whole milliseconds: rounded down, a wait would end too early, and be begun again and again.
        ready = dict(poll.poll(None if timeout is None else max(0, math.ceil(timeout * 1000))))
        return {sock for sock in wanted.sockets if sock.fileno() in ready}

    POLL_READ, POLL_WRITE = select.POLLIN, select.POLLOUT
else:

    def _ready(wanted: Wait, timeout: float | None) -> set[socket.socket]:
        """Return the sockets that are ready."""
        with selectors.SelectSelector() as selector:
            for sock, events in wanted.sockets.items():
                selector.register(sock, events)
            return {key.fileobj for key, _ in selector.select(timeout)}  # type: ignore[misc]


class _Operation:
    """One operation on a connection, which has its own timeout, within what is left of the current exchange.

    Args:
        timeout: The seconds that the operation has.
        expired: The error where they, or those of the exchange, are used up.
        stream: The connection; None while there is none, so that nothing can be closed to interrupt the wait.
    """

    def __init__(self, timeout: float | None, expired: type[Exception], stream: Stream | None = None) -> None:
        self._ends = None if timeout is None else time.monotonic() + timeout
        self._expired = expired
        self._stream = stream
        self._exchange = CURRENT.get() or Exchange()

    def left(self) -> float | None:
        """Return the seconds that are left, or raise the error where there are none."""
        own = None if self._ends is None else self._ends - time.monotonic()
        left = self._exchange.left(own, self._expired, self._stream)
        if left is not None and left <= 0:
            raise self._expired("timed out")
        return left

    def carry_out(self, steps: Steps[T]) -> T:
        """Carry the steps out, and return their value."""
        try:
            left = self.left()
            wanted = next(steps)
            while True:
                most = [left, wanted.seconds, None if self._stream else TICK]
                ready = _ready(wanted, min([seconds for seconds in most if seconds is not None], default=None))
                left = self.left()
                wanted = steps.send(ready)
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            steps.close()


class Stream(httpcore2.NetworkStream):
    """A connection whose every operation is given only what is left of the exchange.

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

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._begins = True
        if self._early:
            return self._early.take(max_bytes)
        try:
            return _Operation(timeout, httpcore2.ReadTimeout, self).carry_out(reading(self._layer, max_bytes))
        except FAILURES as error:
            raise failure(error, httpcore2.ReadTimeout, httpcore2.ReadError) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            self.write_all((buffer,), timeout)

    def write_all(self, pieces: Iterable[bytes], timeout: float | None = None) -> None:
        """Write pieces of data, none of which is empty, within one timeout."""
        begins, looked = self._begins, self._looked
        self._begins = self._looked = False
        try:
            steps = writing(self._layer, pieces, self._early, begins=begins, looked=looked)
            _Operation(timeout, httpcore2.WriteTimeout, self).carry_out(steps)
        except FAILURES as error:
            raise failure(error, httpcore2.WriteTimeout, httpcore2.WriteError) from error

    def close(self) -> None:
        self._layer.socket.close()

    def interrupt(self) -> None:
        """End what another thread waits for on this connection."""
        with suppress(OSError):
            self._layer.socket.shutdown(socket.SHUT_RDWR)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        try:
            tls = Tls(self._layer, ssl_context, server_hostname)
            _Operation(timeout, httpcore2.ConnectTimeout, self).carry_out(tls.handshake())
        except BaseException as error:
            self.close()
            if isinstance(error, FAILURES):
                raise failure(error, httpcore2.ConnectTimeout, httpcore2.ConnectError) from error
            raise
        return Stream(tls)

    def get_extra_info(self, info: str) -> Any:
        return extra_info(self._layer, self._early, info)


def extra_info(layer: Layer, early: EarlyReply, info: str) -> Any:
    """Return what the HTTP library asks about a connection."""
    match info:
        case "ssl_object":
            return layer.ssl_object
        case "socket":
            return layer.socket
        case "client_addr":
            return layer.socket.getsockname()
        case "server_addr":
            return layer.socket.getpeername()
        case "is_readable":
            return bool(early) or not is_quiet(layer.socket)
    return None


class Backend(httpcore2.NetworkBackend):
    """A network backend of the HTTP library, whose connections keep the deadline of the exchange.

    Args:
        checked: A function that gets a host and its addresses, and returns those that may be connected to.
    """

    def __init__(self, checked: Callable[[str, list[str]], list[str]] = lambda _, addresses: addresses) -> None:
        self._checked = checked

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the address of the host that answers first, all within the timeout."""
        operation = _Operation(timeout, httpcore2.ConnectTimeout)
        try:
            answer = looked_up(host, port)
            while not answer.done():
                left = operation.left()
                wait([answer], TICK if left is None else min(TICK, left))
            addresses = self._checked(host, answer.result())
            stream = Stream(Plain(operation.carry_out(racing(addresses, port, local_address))))
            for option in socket_options or ():
                stream.get_extra_info("socket").setsockopt(*option)
        except FAILURES as error:
            raise failure(error, httpcore2.ConnectTimeout, httpcore2.ConnectError) from error
        return stream

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        time.sleep(seconds)
