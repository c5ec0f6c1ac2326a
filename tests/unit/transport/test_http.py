"""Our transport against servers that misbehave, on this machine's loopback."""

from __future__ import annotations

import json
import socket
import ssl
import time
from typing import Any

import httpx2
import pytest

from cloudai import AsyncClient, Client
from cloudai.core.flow import Blob, Flow, Request, Response
from cloudai.errors import ConnectError, ConnectionLostError, DeadlineExceededError, SettingsError
from cloudai.models.text import Sentiment
from cloudai.providers.base import Provider, capability
from cloudai.transport import connections
from tests.conftest import Caller
from tests.made_up.server import LONGEST, Connection, Fault, faultd, nobody_listening

GOOD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"score": 0.5}'


class Here(Provider):
    """Calls one address."""

    name = "here"

    def __init__(self, url: str, content: bytes | None = None) -> None:
        self.url = url
        self.content = content

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request."""
        body = (
            {"content": self.content} if self.content else {"json": {"text": text, "file": Blob("k", lambda: b"abc")}}
        )
        response: Response = yield Request("POST", self.url, service="mood", api="v1", **body)
        return Sentiment(score=response.json()["score"])


def drip(connection: Connection) -> None:
    """Send a good reply, a byte every 50 ms."""
    connection.drip(GOOD + b" " * 999, 0.05)


def slow_headers(connection: Connection) -> None:
    """Send headers without an end, one every 50 ms."""
    connection.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(int(LONGEST / 0.05)):
        connection.send(f"X-{number}: y\r\n".encode())
        time.sleep(0.05)


def endless_continue(connection: Connection) -> None:
    """Send 100 Continue again and again."""
    for _ in range(int(LONGEST / 0.05)):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def silence(connection: Connection) -> None:
    """Send no reply at all."""
    connection.silence()


def reads_nothing(connection: Connection) -> None:
    """Do not read what is uploaded."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    time.sleep(LONGEST)


@pytest.mark.loopback
@pytest.mark.parametrize("behave", [drip, slow_headers, endless_continue, silence], ids=lambda b: b.__name__)
def test_the_deadline_holds_however_the_server_stalls(call: Caller, behave: Fault) -> None:
    """A drip, slow headers, endless 100 Continue and silence all end at the call's total time."""
    with faultd(behave) as server:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            call(Here(server.url), "sentiment", "x", timeout=0.4)
        assert 0.35 <= time.monotonic() - began < LONGEST - 0.5


@pytest.mark.loopback
def test_the_deadline_holds_while_uploading(call: Caller) -> None:
    """An upload that nobody reads ends at the call's total time."""
    with faultd(reads_nothing, reads=False) as server:
        began = time.monotonic()
        with pytest.raises(DeadlineExceededError):
            call(Here(server.url, content=bytes(30_000_000)), "sentiment", "x", timeout=0.5)
        assert 0.45 <= time.monotonic() - began < LONGEST - 0.5


@pytest.mark.loopback
def test_a_request_arrives_as_it_was_meant(call: Caller) -> None:
    """JSON arrives with blobs as base64 in their place, and says who calls."""
    with faultd(lambda c: c.send(GOOD)) as server:
        assert call(Here(server.url), "sentiment", "좋아요").score == 0.5
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"text": "좋아요", "file": "YWJj"}
    assert b"content-type: application/json" in head.lower()
    assert b"user-agent: cloudai/" in head.lower()


@pytest.mark.loopback
def test_a_connection_that_breaks_is_not_mistaken_for_one_never_made(call: Caller) -> None:
    """Cut after the request was read: ConnectionLostError, one more attempt, and each may have been billed."""
    with faultd(lambda _: None) as server, pytest.raises(ConnectionLostError) as raised:
        call(Here(server.url), "sentiment", "x")
    assert (raised.value.attempts, raised.value.billed_min, raised.value.billed_max) == (2, 0, 2)


@pytest.mark.loopback
def test_a_refused_connection_is_tried_again_and_costs_nothing(call: Caller) -> None:
    """Nobody listens: ConnectError after three attempts, nothing billed, and the text says what to look at."""
    told = r"here: cannot reach 127\.0\.0\.1 .*Check the network"
    with nobody_listening() as url, pytest.raises(ConnectError, match=told) as raised:
        call(Here(url), "sentiment", "x", client_sleep=lambda _: None)
    assert (raised.value.attempts, raised.value.billed_max) == (3, 0)


@pytest.mark.loopback
def test_a_server_that_speaks_no_tls_is_not_tried_again(call: Caller) -> None:
    """A server that speaks no TLS where TLS is expected: one attempt, and the advice names verify=."""
    with (
        faultd(lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as server,
        pytest.raises(ConnectError, match="verify=") as raised,
    ):
        call(Here(server.url.replace("http:", "https:")), "sentiment", "x")
    assert raised.value.attempts == 1


@pytest.mark.loopback
def test_a_redirect_is_not_followed(call: Caller) -> None:
    """The key and the picture go to no other address, whatever a reply says."""
    reply = b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    with faultd(lambda c: c.send(reply)) as server, pytest.raises(Exception, match="307") as raised:
        call(Here(server.url), "sentiment", "x")
    assert raised.value.attempts == 1  # type: ignore[attr-defined]


@pytest.mark.loopback
def test_the_users_own_http_client_is_used_and_left_open() -> None:
    """A client given as http_client= sends, and stays open when ours is closed."""
    from cloudai import Client

    with faultd(lambda c: c.send(GOOD)) as server, httpx2.Client(headers={"x-mine": "1"}) as mine:
        with Client(Here(server.url), http_client=mine) as client:
            assert client.sentiment("x").score == 0.5
        assert not mine.is_closed
    assert b"x-mine: 1" in server.requests[0].lower()


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


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("options", [{"verify": None}, {"verify": 0}, {"proxy": 5}, {"fetch_urls": {}}])
def test_options_of_another_type(kind: Any, options: dict[str, Any]) -> None:
    """They are refused when the client is made, and not by a TypeError when something is sent."""
    with pytest.raises(SettingsError, match=r"(verify|fetch_urls)= is a|the address of the proxy is none"):
        kind("google", **options)
