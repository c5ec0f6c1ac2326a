"""A server of raw sockets on the loopback: one thread for each connection, and a behaviour that the test chooses."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

__all__ = ["Connection", "Fault", "Faultd", "accepting", "faultd", "nobody_listening"]


LONGEST = 4.0
"""Seconds that a server stalls at most: longer than the deadlines of the tests, and short where a deadline fails."""


@dataclass
class Connection:
    """One connection as a fault sees it."""

    socket: socket.socket
    request: bytes = b""
    """Head and body of the request on it, where it was read."""

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        """The path that the request asks for, as it was sent."""
        return self.request.split(b" ", 2)[1].decode()

    @property
    def body(self) -> bytes:
        """The body of the request."""
        return self.request.partition(b"\r\n\r\n")[2]

    def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        for part in parts:
            self.socket.sendall(part)

    def drip(self, data: bytes, every: float) -> None:
        """Send one byte at a time until the other side has had enough, or for as long as no test waits."""
        for byte in data[: int(LONGEST / every)]:
            self.socket.sendall(bytes([byte]))
            time.sleep(every)

    def silence(self, seconds: float = LONGEST) -> None:
        """Say nothing, and notice when the other side leaves."""
        self.socket.settimeout(seconds)
        with suppress(OSError):
            while self.socket.recv(65536):
                pass

    def reset(self) -> None:
        """Break the connection off: RST, not FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Fault = Callable[[Connection], None]


@dataclass
class Faultd:
    """A server, and the requests that it was sent. ``bills`` says whether the vendor would bill them."""

    fault: Fault
    bills: bool = True
    """Whether the fault carries the call out before it fails."""
    reads: bool = True
    """Whether the request is read before the fault begins."""
    keeps: bool = False
    """Whether a connection is kept for further requests."""
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each request that came whole."""
    connections: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def count(self) -> int:
        """The number of requests that came whole."""
        return len(self.requests)

    @property
    def billed(self) -> int:
        """The number of requests that the vendor bills."""
        return self.count if self.bills else 0

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection: one request, one fault."""
        with self.lock:
            self.connections += 1
        with suppress(OSError), connection:
            connection.settimeout(10)
            request = b""
            if self.reads:
                request = read(connection)
                if not request:
                    return
                with self.lock:
                    self.requests.append(request)
            self.fault(Connection(connection, request))
            while self.keeps and (request := read(connection)):
                with self.lock:
                    self.requests.append(request)
                self.fault(Connection(connection, request))


def read(connection: socket.socket) -> bytes:
    """Read a whole request, or nothing where the other side left before its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    size = next((int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
    while len(body) < size:
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body


@contextmanager
def faultd(
    fault: Fault,
    *,
    bills: bool = True,
    reads: bool = True,
    keeps: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Faultd]:
    """Yield a server on the loopback for one test."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    scheme = "https" if tls else "http"
    server = Faultd(fault, bills, reads, keeps, url=f"{scheme}://127.0.0.1:{listening.getsockname()[1]}")

    def take(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or the second part of a reply waits 40 ms
        with suppress(OSError):
            server.serve(tls.wrap_socket(connection, server_side=True) if tls else connection)
        with suppress(OSError):
            connection.close()

    with accepting(listening, take):
        yield server


@contextmanager
def accepting(listening: socket.socket, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """Serve each connection in a thread, until the block ends: nobody waits for that."""

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        listening.close()


@contextmanager
def nobody_listening() -> Iterator[str]:
    """Yield an address that refuses connections: its port is taken, so that no other server can begin there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
