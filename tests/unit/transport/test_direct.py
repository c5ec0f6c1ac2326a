"""Connections of our own: what is read from them, and when they are used again."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

import cloudai
from cloudai.core.flow import Request, Response
from cloudai.errors import MalformedResponseError, ResponseTooLargeError
from cloudai.transport.async_http import AsyncNetwork
from cloudai.transport.direct import IDLE
from cloudai.transport.http import Network
from cloudai.transport.http1 import ReplyReader, head, is_plain

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def read(*pieces: bytes) -> ReplyReader:
    """Return the reader of a reply that comes in these pieces."""
    reader = ReplyReader(1_000_000)
    for piece in pieces:
        reader.feed(piece)
    return reader


@pytest.mark.parametrize("cut", range(1, len(GOOD)))
def test_a_reply_may_come_in_any_two_pieces(cut: int) -> None:
    """Wherever the bytes of a reply are divided, it is read to its end, and its connection can be used again."""
    reader = read(GOOD[:cut], GOOD[cut:])
    assert (reader.status, reader.content(), reader.is_done, reader.is_reusable) == (200, b"{}", True, True)
    assert reader.headers == {"content-type": "application/json", "content-length": "2"}


@pytest.mark.parametrize(
    ("reply", "content", "reusable"),
    [
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" + GOOD, b"{}", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (GOOD + b"what nobody asked for", b"{}", False),
        (GOOD + GOOD, b"{}", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    ],
    ids=["interim", "chunks", "close", "1.0", "more", "two", "no content"],
)
def test_what_a_reply_says_of_its_end(reply: bytes, content: bytes, reusable: bool) -> None:
    """Interim replies and trailers are left out, and a connection with anything behind the reply is not used again."""
    reader = read(reply)
    assert (reader.content(), reader.is_done, reader.is_reusable) == (content, True, reusable)
    assert "x-late" not in reader.headers
    assert "x" not in reader.headers


def test_a_reply_without_a_length_ends_with_its_connection() -> None:
    """A reply that states no length has ended when the server closes the connection, which is not used again."""
    reader = read(b"HTTP/1.1 200 OK\r\n\r\n{", b"}")
    assert not reader.is_done
    reader.feed(b"")
    assert (reader.content(), reader.is_done, reader.is_reusable) == (b"{}", True, False)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"nonsense",),
        (GOOD[:30], b""),
        (GOOD[:-1], b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",),
    ],
)
def test_what_is_no_whole_reply_is_refused(pieces: tuple[bytes, ...]) -> None:
    """A reply that is not HTTP, is cut, or states two lengths is an error of the HTTP library."""
    with pytest.raises(httpx2.RemoteProtocolError):
        read(*pieces)


def test_headers_without_an_end_are_refused() -> None:
    """Headers that go on and on are refused, and not kept."""
    with pytest.raises(ResponseTooLargeError, match="no end"):
        read(b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 5_000 + b"\r\n"] * 30)


def test_an_encoding_that_nobody_asked_for_is_refused() -> None:
    """An error about the body comes out as it is, although a parser written in C calls the code that finds it."""
    with pytest.raises(MalformedResponseError, match="br"):
        read(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}")


def test_names_that_come_twice_are_joined() -> None:
    """The values of a header that comes twice have a comma between them, and Korean in a header is UTF-8."""
    reader = read("HTTP/1.1 200 OK\r\nVia: a\r\nvia: 나무\r\nContent-Length: 0\r\n\r\n".encode())
    assert reader.headers["via"] == "a, 나무"


@pytest.mark.parametrize(
    ("headers", "plain"),
    [
        ({"X-Key": "k"}, True),
        ({"X Key": "k"}, False),
        ({"X\r\nY": "k"}, False),
        ({"나무": "k"}, False),
        ({"Transfer-Encoding": "chunked"}, False),
        ({"Host": "x"}, False),
        ({"X": " k"}, False),
    ],
)
def test_headers_that_are_not_plain_are_left_to_the_library(headers: dict[str, str], plain: bool) -> None:
    """Only names that are tokens, and do not describe the connection, are written by our own code."""
    assert is_plain(headers) is plain


def test_the_head_of_a_request() -> None:
    """The head has the line, the host and the headers, and ends with an empty line."""
    assert head("GET", "/a?b", "h:1", {"x": "y"}) == (
        b"GET /a?b HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\nConnection: keep-alive\r\nx: y\r\n\r\n"
    )


class Server:
    """A server that keeps its connections, and counts them."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in data:
                    piece = connection.recv(65_536)
                    if not piece:
                        return
                    data += piece
                begin, _, data = data.partition(b"\r\n\r\n")
                self.heads.append(begin)
                length = int(begin.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
                while len(data) < length:
                    data += connection.recv(65_536)
                data = data[length:]
                connection.sendall(GOOD)

    def close(self) -> None:
        """Accept no more connections."""
        self._listening.close()


@contextmanager
def serving() -> Iterator[Server]:
    """Yield a server, for as long as the block lasts."""
    server = Server()
    try:
        yield server
    finally:
        server.close()


def sent(
    requests: list[Request], *, awaiting: bool, between: Callable[[Any], None] = lambda _: None, kept: int = 16
) -> list[Response]:
    """Return the replies to requests that one network sends one after the other."""
    if not awaiting:
        network = Network(max_concurrency=kept)
        replies = []
        for request in requests:
            replies.append(network(request))
            between(network)
        network.close()
        return replies

    async def scene() -> list[Response]:
        network = AsyncNetwork(max_concurrency=kept)
        replies = []
        for request in requests:
            replies.append(await network(request))
            between(network)
        await network.close()
        return replies

    return asyncio.run(scene())


@pytest.mark.loopback
@pytest.mark.parametrize("awaiting", [False, True], ids=["blocking", "awaiting"])
def test_a_connection_is_used_again(awaiting: bool) -> None:
    """Ten requests, with JSON and with bytes, go over one connection, although each answer comes at once."""
    with serving() as server:
        bodies = [{"json": {"나무": 1}}, {"content": b"x" * 100_000}] * 5
        replies = sent([Request("POST", server.url, timeout=5, **body) for body in bodies], awaiting=awaiting)  # type: ignore[arg-type]
        assert [reply.status for reply in replies] == [200] * 10
        assert server.connections == 1


@pytest.mark.loopback
@pytest.mark.parametrize("awaiting", [False, True], ids=["blocking", "awaiting"])
def test_a_connection_that_was_idle_is_closed(awaiting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was idle for long is not used again, because the server may just be closing it."""
    monkeypatch.setattr("cloudai.transport.direct.IDLE", -IDLE)
    with serving() as server:
        sent([Request("POST", server.url, json={}, timeout=5)] * 3, awaiting=awaiting)
        assert server.connections == 3


@pytest.mark.loopback
@pytest.mark.parametrize("awaiting", [False, True], ids=["blocking", "awaiting"])
def test_the_connection_that_was_idle_longest_is_closed(awaiting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a client keeps two connections, the third that it puts back closes the first, of whatever origin it is."""
    monkeypatch.setattr(f"cloudai.transport.{'async_http' if awaiting else 'http'}.KEPT", 2)
    with serving() as first, serving() as second, serving() as third:
        order = [first, second, third, second, third, first]
        requests = [Request("POST", server.url, json={}, timeout=5) for server in order]
        sent(requests, awaiting=awaiting, kept=2)
        assert [server.connections for server in (first, second, third)] == [2, 1, 1]


@pytest.mark.loopback
def test_a_picture_has_one_content_type() -> None:
    """A request has one content type, the one that its flow gave it, however that spells the header's name."""
    with serving() as server:
        blob = cloudai.Blob("key", lambda: b"x", "image/jpeg")
        headers = {"Content-Type": "application/octet-stream"}
        sent([Request("POST", server.url, content=blob, headers=headers, timeout=5)], awaiting=False)
        types = [line for line in server.heads[0].lower().split(b"\r\n") if line.startswith(b"content-type")]
        assert types == [b"content-type: application/octet-stream"]


@pytest.mark.loopback
def test_headers_that_are_written_into_go_out_as_they_are_now() -> None:
    """A header that was changed in the same dict goes out with its new value, although the last one is remembered."""
    with serving() as server:
        headers = {"X-Key": "first"}
        network = Network()
        for value in ("first", "first", "second"):
            headers["X-Key"] = value
            network(Request("POST", server.url, json={}, headers=headers, timeout=5))
        network.close()
        keys = [line for begin in server.heads for line in begin.split(b"\r\n") if line.startswith(b"x-key")]
        assert keys == [b"x-key: first", b"x-key: first", b"x-key: second"]
