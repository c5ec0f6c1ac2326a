"""A forward proxy on the loopback, which leads every tunnel to one server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.made_up.server import accepting

__all__ = ["Proxy", "proxying"]


@dataclass
class Proxy:
    """A forward proxy that takes every tunnel to one server."""

    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def proxying(target: int) -> Iterator[Proxy]:
    """Yield a proxy for one test."""
    listening, proxy = socket.create_server(("127.0.0.1", 0)), Proxy()
    proxy.port = listening.getsockname()[1]

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        proxy.asked.append(head.split(b"\r\n")[0].decode())
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with client, socket.create_connection(("127.0.0.1", target)) as server:
            there = threading.Thread(target=pump, args=(client, server), daemon=True)
            there.start()
            pump(server, client)
            there.join()

    with accepting(listening, serve):
        yield proxy
