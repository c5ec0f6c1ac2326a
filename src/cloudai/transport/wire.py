"""Connections, as both networks use them: what is done on sockets that never block, and what has to be waited for.

The functions here are generators: they yield a `Wait` where a socket is not ready, and are sent the sockets that are.
The blocking network (sockets.py) waits by polling, the awaiting one (async_sockets.py) by its event loop.
"""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from cloudai.transport.addresses import DELAY, socket_address, tried_in_turn
from cloudai.transport.early import EarlyReply

__all__ = [
    "READ",
    "WRITE",
    "AnsweredError",
    "Layer",
    "Plain",
    "Steps",
    "Tls",
    "Wait",
    "is_quiet",
    "racing",
    "reading",
    "writing",
]

T = TypeVar("T")

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

AT_ONCE = 65_536
"""Bytes that are read with one call of the system."""
WRITTEN_AT_ONCE = 524_288
"""Bytes that are written with one call of the system."""
ENCRYPTED_AT_ONCE = 524_288
"""Bytes that are encrypted with one call: more than a piece of an upload has, and a tenth of a millisecond's work."""


@dataclass(frozen=True)
class Wait:
    """The condition for a generator to go on: a socket is ready for one of its events, or time has passed."""

    sockets: dict[socket.socket, int]
    seconds: float | None = None
    """Seconds after which the generator goes on although no socket is ready; None for any number."""


Steps: TypeAlias = Generator[Wait, set[socket.socket], T]


class AnsweredError(Exception):
    """The server has begun to answer, or closed the connection, before it has read the whole request."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the server did not wait for the end of the request")
        self.sent = sent
        """Whether anything of the request had gone out, or something has come back."""


class Layer(Protocol):
    """A connection, plain or with TLS, whose calls raise BlockingIOError where they would have to wait."""

    socket: socket.socket
    ssl_object: ssl.SSLObject | None
    has_unsent: bool
    """Whether something was taken in that `flush` has to send."""

    def is_quiet(self) -> bool:
        """Return whether nothing has come that `receive` would return, and the connection is open."""

    def receive(self, most: int) -> bytes:
        """Return at most so many bytes; none where the server has closed the connection."""

    def send(self, data: memoryview) -> int:
        """Take in a part of the data, and return the number of its bytes."""

    def flush(self) -> bool:
        """Send what was taken in but could not be sent yet, and return whether nothing of it is left."""


class Plain:
    """A connection without TLS."""

    ssl_object: ssl.SSLObject | None = None
    has_unsent = False

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def is_quiet(self) -> bool:
        """Return whether nothing has come, and the connection is open."""
        return is_quiet(self.socket)

    def receive(self, most: int) -> bytes:
        """Return at most so many bytes; none where the server has closed the connection."""
        return self.socket.recv(most)

    def send(self, data: memoryview) -> int:
        """Send a part of the data, and return the number of its bytes."""
        return self.socket.send(data)

    def flush(self) -> bool:
        """Return True, because the system has all that was taken in."""
        return True


class Tls:
    """TLS on top of a connection, which may have TLS itself, where a proxy is spoken to by TLS.

    Reading goes on after a failed write: the reply of a server that resets the connection may have arrived before.
    Python's own TLS sockets do not do that.
    """

    def __init__(self, below: Layer, context: ssl.SSLContext, hostname: str | None) -> None:
        self.socket = below.socket
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._unsent = memoryview(b"")
        self.has_unsent = False
        self.ssl_object: ssl.SSLObject | None = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=hostname
        )

    def is_quiet(self) -> bool:
        """Return whether nothing has come, encrypted or not, and the connection is open."""
        return not self._incoming.pending and not self._object().pending() and self._below.is_quiet()

    def _object(self) -> ssl.SSLObject:
        assert self.ssl_object is not None  # noqa: S101  # None is for `Layer`
        return self.ssl_object

    def handshake(self) -> Steps[None]:
        """Agree on how to encrypt, and check the server's certificate.

        Raises:
            OSError: It failed; a certificate that is not trusted is an ssl.SSLCertVerificationError.
        """
        try:
            while True:
                try:
                    self._object().do_handshake()
                except ssl.SSLWantReadError:
                    yield from self._flushed()
                    try:
                        self._take_in()
                    except BlockingIOError:
                        yield Wait({self.socket: READ})
                else:
                    yield from self._flushed()
                    return
        except ssl.SSLError:
            with suppress(OSError):
                self.flush()  # tells the server why
            raise

    def _flushed(self) -> Steps[None]:
        while not self.flush():
            yield Wait({self.socket: WRITE})

    def receive(self, most: int) -> bytes:
        """Return at most so many bytes; none where the server has closed the connection."""
        while True:
            try:
                return self._object().read(most)
            except ssl.SSLWantReadError:
                # Reading may make TLS answer something of its own. A failure of that must hide no reply that has come.
                with suppress(OSError):
                    self.flush()
                self._take_in()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def _take_in(self) -> None:
        """Read from the connection below; raise BlockingIOError where nothing has come."""
        if data := self._below.receive(AT_ONCE):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def send(self, data: memoryview) -> int:
        """Encrypt a part of the data, and return the number of its bytes; `flush` sends them."""
        self.has_unsent = True
        return self._object().write(data[:ENCRYPTED_AT_ONCE])

    def flush(self) -> bool:
        """Send what is encrypted, and return whether nothing of it is left."""
        while self._unsent or self._outgoing.pending:
            self._unsent = self._unsent or memoryview(self._outgoing.read())
            try:
                self._unsent = self._unsent[self._below.send(self._unsent) :]
            except BlockingIOError:
                return False
        self.has_unsent = not self._below.flush()
        return not self.has_unsent


def reading(layer: Layer, most: int) -> Steps[bytes]:
    """Read at most so many bytes; none where the server has closed the connection."""
    while True:
        try:
            return layer.receive(most)
        except BlockingIOError:
            yield Wait({layer.socket: READ})


def writing(
    layer: Layer, pieces: Iterable[bytes], early: EarlyReply, *, begins: bool, looked: bool = False
) -> Steps[None]:
    """Write all the pieces of data, unless the server answers meanwhile.

    Args:
        layer: The connection.
        pieces: The data; each piece is asked for when the one before it is written.
        early: Takes in what the server sends meanwhile.
        begins: Whether the data begin a request, of which nothing has gone out yet.
        looked: Whether the caller has looked, just now, that nothing has come.

    Raises:
        AnsweredError: The server has begun to answer, or has closed the connection.
        OSError: The connection is broken.
    """
    for data in pieces:
        view, is_written = memoryview(data), False
        while not is_written:
            try:
                # The look comes right before the write: some systems drop what was not read when the connection is
                # reset.
                if not looked:
                    _require_no_answer(layer, early, sent=not begins)
                looked = False
                if layer.has_unsent and not layer.flush():
                    raise BlockingIOError
                if view:
                    view = view[layer.send(view[:WRITTEN_AT_ONCE]) :]
                    begins = False
                # A reply that comes after the last piece is no early answer, and the connection can be used again.
                is_written = not view and (not layer.has_unsent or layer.flush())
            except BlockingIOError:
                yield Wait({layer.socket: READ | WRITE})
            except OSError:
                _require_no_answer(layer, early, sent=True)  # it may have come at the same moment
                raise


def _require_no_answer(layer: Layer, early: EarlyReply, *, sent: bool) -> None:
    """Take in what has come; raise AnsweredError where that is more than interim replies."""
    if not early.is_final and layer.is_quiet():
        return
    try:
        while not early.is_final:
            early.add(layer.receive(AT_ONCE))
    except BlockingIOError:
        return
    except OSError:
        early.add(b"")
    raise AnsweredError(sent=sent or not early.is_empty)


def is_quiet(sock: socket.socket) -> bool:
    """Return whether nothing has come on a socket that does not block, and it is open."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def racing(addresses: list[str], port: int, local_address: str | None) -> Steps[socket.socket]:
    """Connect to the addresses one after the other, without waiting for one to fail, and return the first connection.

    This is what RFC 8305 ("Happy Eyeballs") asks for: an address that does not answer costs a quarter of a second.

    Raises:
        OSError: All addresses have failed; this is the error of the last one.
    """
    waiting, running = deque(tried_in_turn(addresses)), dict[socket.socket, int]()
    failure, begins = OSError("no address for the host"), 0.0
    try:
        while waiting or running:
            if waiting and (not running or time.monotonic() >= begins):
                try:
                    running[_begun(waiting.popleft(), port, local_address)] = WRITE
                    begins = time.monotonic() + DELAY
                except OSError as error:
                    failure = error
                continue
            ready = yield Wait(running, max(0.0, begins - time.monotonic()) if waiting else None)
            for sock in ready:
                del running[sock]
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    running.update(dict.fromkeys(ready - {sock}, WRITE))  # closed below
                    return sock
                sock.close()
                # After a failure the next address is tried at once, without the rest of the delay.
                failure, begins = OSError(code, os.strerror(code)), 0.0
        raise failure
    finally:
        for sock in running:
            sock.close()


def _begun(address: str, port: int, local_address: str | None) -> socket.socket:
    """Return a socket that does not block, and has begun to connect to an address."""
    kind, there = socket_address(address, port)
    sock = socket.socket(kind, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Without this option the system would hold back a small last piece until the server has confirmed the one
        # before.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if local_address is not None:
            sock.bind(socket_address(local_address, 0)[1])
        with suppress(BlockingIOError):
            sock.connect(there)
    except BaseException:
        sock.close()
        raise
    return sock
