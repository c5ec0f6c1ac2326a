"""The sockets in this module keep the deadline of an exchange: each operation is given only the time that is left.

The HTTP library's own timeouts start anew with every byte: a server that sends its body or its headers slowly, or that
repeats "100 Continue", would hold a call for minutes. Names are looked up in a thread, because the system's resolver
knows no deadline.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpcore2

__all__ = ["Backend", "connecting", "looked_up", "timeouts", "until"]

CONNECT = 10.0
"""Seconds for connecting at most, however much time the call has."""

WRITE_AT_ONCE = 65_536
"""Bytes that are written with one timeout."""


def connecting(left: float | None) -> float:
    """Return the seconds for connecting, out of those that are left."""
    return CONNECT if left is None else min(CONNECT, left)


def timeouts(left: float | None) -> tuple[float | None, ...]:
    """Return the seconds for connecting, reading, writing and waiting for a connection, out of those that are left."""
    return connecting(left), left, left, left


_deadline: ContextVar[float | None] = ContextVar("cloudai_deadline", default=None)


@contextmanager
def until(timeout: float | None) -> Iterator[None]:
    """Let every operation of the sockets of this module end within so many seconds from now, as long as the block runs.

    Args:
        timeout: The seconds for the whole block; None sets no limit.
    """
    token = _deadline.set(None if timeout is None else time.monotonic() + timeout)
    try:
        yield
    finally:
        _deadline.reset(token)


def _left(timeout: float | None, expired: type[Exception]) -> float | None:
    """Return the smaller of an operation's own timeout and what is left of the exchange, or raise ``expired``."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise expired("the exchange's time is used up")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore2.NetworkStream):
    """A socket whose every operation is given only what is left of the exchange."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The bytes are written in pieces, because within one write the library gives each partial send the whole
        # timeout.
        view = memoryview(buffer)
        for start in range(0, len(view), WRITE_AT_ONCE):
            piece = bytes(view[start : start + WRITE_AT_ONCE])
            self._stream.write(piece, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def looked_up(host: str, port: int) -> Future[list[str]]:
    """Return a future of the IP addresses of a host; it raises OSError if the name cannot be resolved.

    They are looked up in a thread: the system's resolver knows no deadline, and may hang for minutes. The future of a
    host that is an IP address is done at once.
    """
    answer: Future[list[str]] = Future()
    try:
        answer.set_result([str(ipaddress.ip_address(host))])
    except ValueError:
        threading.Thread(target=_look_up, args=(host, port, answer), name="cloudai-dns", daemon=True).start()
    return answer


def _look_up(host: str, port: int, answer: Future[list[str]]) -> None:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        outcome: Any = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    except (OSError, UnicodeError) as error:  # UnicodeError: a label of more than 63 letters
        outcome = error
    with suppress(InvalidStateError):  # the future was cancelled, because no caller waits any more
        if isinstance(outcome, Exception):
            answer.set_exception(OSError(str(outcome)))
        else:
            answer.set_result(outcome)


def _resolved(host: str, port: int, timeout: float | None) -> list[str]:
    try:
        return looked_up(host, port).result(timeout)
    except TimeoutError:
        raise httpcore2.ConnectTimeout(f"the name {host} was not resolved in time") from None
    except OSError as error:
        raise httpcore2.ConnectError(str(error)) from error


class Backend(httpcore2.NetworkBackend):
    """A network backend of the HTTP library, whose sockets keep the deadline of the exchange."""

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        """Return the addresses of a host, in the order in which they are tried."""
        return _resolved(host, port, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of the host that does not refuse, and return the stream.

        The next address is tried only if one refuses (ConnectError). One that does not answer ends the attempt with
        ConnectTimeout, however many addresses are left.
        """
        error: Exception | None = None
        for address in self.addresses(host, port, _left(timeout, httpcore2.ConnectTimeout)):
            try:
                left = _left(timeout, httpcore2.ConnectTimeout)
                return _Stream(self._backend.connect_tcp(address, port, left, local_address, socket_options))
            except httpcore2.ConnectError as failure:
                error = failure
        raise error or httpcore2.ConnectError(f"no address for {host}")

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        self._backend.sleep(seconds)
