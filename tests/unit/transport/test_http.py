"""Our transport against servers that misbehave, on this machine's loopback."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from cloudai.core.flow import Blob, Flow, Request, Response
from cloudai.errors import ConnectError, ConnectionLostError, DeadlineExceededError, SettingsError
from cloudai.models.text import Sentiment
from cloudai.providers.base import Provider, capability
from cloudai.transport import connections
from tests.conftest import Caller
from tests.made_up.server import accepting

GOOD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"score": 0.5}'


class Here(Provider):
    """Calls one address."""

    name = "here"

    def __init__(self, url: str, content: bytes | None = None) -> None:
        self.url = url
        self.content = content

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """One request."""
        body = (
            {"content": self.content} if self.content else {"json": {"text": text, "file": Blob("k", lambda: b"abc")}}
        )
        response: Response = yield Request("POST", self.url, service="mood", api="v1", **body)
        return Sentiment(score=response.json()["score"])


@contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on the loopback that does this with each connection; yields its address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def quietly(connection: socket.socket) -> None:
        with connection:
            try:
                behave(connection)
            except OSError:
                pass  # the client went away, as it should

    with accepting(listening, quietly):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def read_request(connection: socket.socket) -> bytes:
    """The request, headers and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def drip(connection: socket.socket) -> None:
    """A good reply, a byte every 50 ms."""
    read_request(connection)
    for byte in GOOD + b" " * 999:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def slow_headers(connection: socket.socket) -> None:
    """Headers without end."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(999):
        connection.sendall(f"X-{number}: y\r\n".encode())
        time.sleep(0.05)


def endless_continue(connection: socket.socket) -> None:
    """100 Continue, again and again."""
    read_request(connection)
    for _ in range(999):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def silence(connection: socket.socket) -> None:
    """No reply at all."""
    read_request(connection)
    time.sleep(10)


def reads_nothing(connection: socket.socket) -> None:
    """An upload that is never read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    time.sleep(10)


@pytest.mark.loopback
@pytest.mark.parametrize("behave", [drip, slow_headers, endless_continue, silence], ids=lambda b: b.__name__)
def test_the_deadline_holds_however_the_server_stalls(call: Caller, behave: Callable[[socket.socket], None]) -> None:
    """A drip, slow headers, endless 100 Continue and silence all end at the call's total time."""
    with server(behave) as url:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            call(Here(url), "sentiment", "x", timeout=1.0)
        assert 0.9 <= time.monotonic() - began <= 1.5


@pytest.mark.loopback
def test_the_deadline_holds_while_uploading(call: Caller) -> None:
    """An upload that nobody reads ends at the call's total time."""
    with server(reads_nothing) as url:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            call(Here(url, content=bytes(30_000_000)), "sentiment", "x", timeout=1.0)
        assert 0.9 <= time.monotonic() - began <= 1.6


@pytest.mark.loopback
def test_a_request_arrives_as_it_was_meant(call: Caller) -> None:
    """JSON arrives with blobs as base64 in their place, and says who calls."""
    got: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        got.append(read_request(connection))
        connection.sendall(GOOD)

    with server(behave) as url:
        assert call(Here(url), "sentiment", "좋아요").score == 0.5
    head, _, body = got[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"text": "좋아요", "file": "YWJj"}
    assert b"content-type: application/json" in head.lower()
    assert b"user-agent: cloudai/" in head.lower()


@pytest.mark.loopback
def test_a_connection_that_breaks_is_not_mistaken_for_one_never_made(call: Caller) -> None:
    """Cut after the request was read: ConnectionLostError, one more attempt, and each may have been billed."""
    with (
        server(lambda connection: read_request(connection) and None) as url,
        pytest.raises(ConnectionLostError) as raised,
    ):
        call(Here(url), "sentiment", "x")
    assert (raised.value.attempts, raised.value.billed_min, raised.value.billed_max) == (2, 0, 2)


@pytest.mark.loopback
def test_a_refused_connection_is_tried_again_and_costs_nothing(call: Caller) -> None:
    """Nobody listens: ConnectError after three attempts, nothing billed, and the text says what to look at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectError, match=r"here: cannot reach 127\.0\.0\.1 .*Check the network") as raised:
        call(Here(f"http://127.0.0.1:{port}/"), "sentiment", "x", client_sleep=lambda _: None)
    assert (raised.value.attempts, raised.value.billed_max) == (3, 0)


@pytest.mark.loopback
def test_a_certificate_that_is_not_trusted_is_not_tried_again(call: Caller) -> None:
    """A server that speaks no TLS where TLS is expected: one attempt, and the advice names verify=."""
    with (
        server(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url,
        pytest.raises(ConnectError, match="verify=") as raised,
    ):
        call(Here(url.replace("http:", "https:")), "sentiment", "x")
    assert raised.value.attempts == 1


@pytest.mark.loopback
def test_a_redirect_is_not_followed(call: Caller) -> None:
    """The key and the picture go to no other address, whatever a reply says."""
    reply = b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(reply)

    with server(behave) as url, pytest.raises(Exception, match="307") as raised:
        call(Here(url), "sentiment", "x")
    assert raised.value.attempts == 1  # type: ignore[attr-defined]


@pytest.mark.loopback
def test_the_users_own_http_client_is_used_and_left_open() -> None:
    """A client given as http_client= sends, and stays open when ours is closed."""

    def behave(connection: socket.socket) -> None:
        assert b"x-mine: 1" in read_request(connection).lower()
        connection.sendall(GOOD)

    from cloudai import Client

    with server(behave) as url, httpx2.Client(headers={"x-mine": "1"}) as mine:
        with Client(Here(url), http_client=mine) as client:
            assert client.sentiment("x").score == 0.5
        assert not mine.is_closed


def test_plain_http_goes_to_the_loopback_only(call: Caller) -> None:
    """http beyond this machine would show the key to the network: refused unless allowed."""
    with pytest.raises(SettingsError, match="allow_http=True"):
        call(Here("http://service.example/"), "sentiment", "x")


def test_certificates_are_always_checked() -> None:
    """verify=False is refused, with the way to trust a company's own certificate."""
    from cloudai import Client

    with pytest.raises(SettingsError, match="CA file"):
        Client("local", verify=False)


def test_one_tls_context_serves_the_process() -> None:
    """Making a context costs 18 ms: clients share it."""
    assert connections.tls() is connections.tls()
    assert isinstance(connections.tls(), ssl.SSLContext)
