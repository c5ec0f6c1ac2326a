"""A failure before a request has gone out, in a handshake or at a proxy, is NOT_SENT, and tried again."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

import cloudai
from cloudai import AsyncClient, Client
from cloudai.core.flow import Request
from cloudai.testing import AsyncNetwork, Network
from tests.made_up.calls import VENDORS, Skipping, as_json, to
from tests.made_up.certificates import certificate
from tests.made_up.faults import reply
from tests.made_up.server import Connection, faultd, read

pytestmark = pytest.mark.loopback

MADE = VENDORS["google"]


@pytest.fixture(params=["blocking", "awaiting"])
def colour(request: pytest.FixtureRequest) -> str:
    """Return the name of each of the two clients in turn."""
    return str(request.param)


def asked(colour: str, url: str, *, timeout: float = 8.0, **network: Any) -> Any:
    """Make one call over a network with these options."""
    clock = Skipping()
    if colour == "blocking":
        blocking = Network(**network)
        try:
            with Client(MADE.make(), send=lambda r: blocking(to(url, r)), clock=clock, sleep=clock.sleep) as client:
                return client.sentiment("맛있어요!", language="ko", timeout=timeout)
        finally:
            blocking.close()

    async def awaiting() -> Any:
        own = AsyncNetwork(**network)
        try:
            async with AsyncClient(
                MADE.make(), send=lambda r: own(to(url, r)), clock=clock, sleep=clock.asleep
            ) as client:
                return await client.sentiment("맛있어요!", language="ko", timeout=timeout)
        finally:
            await own.close()

    return asyncio.run(awaiting())


def raised(colour: str, url: str, **options: Any) -> cloudai.CloudAIError:
    """Return the error of a call over a network with these options."""
    with pytest.raises(cloudai.CloudAIError) as caught:
        asked(colour, url, **options)
    return caught.value


def closes(c: Connection) -> None:
    """Read the beginning, and close in order."""
    c.socket.recv(10)
    c.socket.recv(1000)


def resets(c: Connection) -> None:
    """Read the beginning, and reset."""
    c.socket.recv(1000)
    c.reset()


def fails(c: Connection) -> None:
    """Read the beginning, and say that the server has failed (TLS alert 80, internal_error)."""
    c.socket.recv(1000)
    c.send(b"\x15\x03\x03\x00\x02\x02\x50")


@pytest.mark.parametrize("fault", [closes, resets, fails], ids=lambda f: f.__name__)
def test_a_handshake_that_is_broken_off_is_tried_again(
    colour: str, tmp_path: Path, fault: Callable[[Connection], None]
) -> None:
    """The second connection is good: two attempts, one request, nothing billed twice."""
    public, context = certificate(tmp_path, "127.0.0.1", 30)
    seen: list[int] = []

    def sometimes(c: Connection) -> None:
        seen.append(1)
        if len(seen) == 1:
            fault(c)
            return
        with context.wrap_socket(c.socket, server_side=True) as safe:
            read(safe)
            body = as_json(MADE.good)
            safe.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            safe.sendall(body)

    with faultd(sometimes, reads=False) as server:
        meta = asked(colour, server.url.replace("http:", "https:"), verify=str(public)).meta
    assert (meta.attempts, meta.billed_min, meta.billed_max, len(seen)) == (2, 1, 1, 2)


@pytest.mark.parametrize("fault", [closes, resets, fails], ids=lambda f: f.__name__)
def test_handshakes_that_are_all_broken_off(colour: str, fault: Callable[[Connection], None]) -> None:
    """Three attempts, NOT_SENT, and no word of trust: the certificate was never seen."""
    with faultd(fault, reads=False) as server:
        error = raised(colour, server.url.replace("http:", "https:"))
    assert type(error) is cloudai.ConnectError
    assert (error.state, error.attempts, error.billed_max) == ("NOT_SENT", 3, 0)
    assert "trusted" not in str(error)


@pytest.mark.parametrize("last", ["closed", "silent"])
def test_a_handshake_that_stands_still(colour: str, last: str) -> None:
    """The deadline holds, and nothing was sent."""
    with faultd(lambda c: c.silence(6), reads=False) as server:
        began = time.monotonic()
        error = raised(colour, server.url.replace("http:", "https:"), timeout=0.5)
        assert time.monotonic() - began < 5
    assert (type(error), error.state) == (cloudai.DeadlineExceededError, "NOT_SENT")


def no_word(c: Connection) -> None:
    """Close without a reply."""


def half_a_reply(c: Connection) -> None:
    """Close in the middle of the reply."""
    c.send(b"HTTP/1.1 200 Conn")


def gateway(c: Connection) -> None:
    """Reach nobody."""
    c.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")


def tunnel_that_closes(c: Connection) -> None:
    """Open the tunnel, and close it in the handshake."""
    c.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    c.socket.recv(1000)


PROXIES = [no_word, lambda c: c.reset(), half_a_reply, gateway, tunnel_that_closes]


@pytest.mark.parametrize("fault", PROXIES, ids=["no word", "reset", "half a reply", "502", "closed tunnel"])
def test_a_proxy_that_fails_before_there_is_a_tunnel(colour: str, fault: Callable[[Connection], None]) -> None:
    """Nothing of the request has gone to the service: NOT_SENT, three attempts, not billed."""
    with faultd(fault) as proxy:
        error = raised(colour, "https://service.example", proxy=proxy.url)
        assert all(request.startswith(b"CONNECT service.example:443") for request in proxy.requests)
        assert proxy.connections == 3
    assert type(error) is cloudai.ConnectError
    assert (error.state, error.attempts, error.billed_max) == ("NOT_SENT", 3, 0)


def test_a_proxy_that_says_nothing(colour: str) -> None:
    """The deadline ends it, and nothing was sent."""
    with faultd(lambda c: c.silence(3)) as proxy:
        error = raised(colour, "https://service.example", proxy=proxy.url, timeout=0.5)
    assert (type(error), error.state, error.billed_max) == (cloudai.DeadlineExceededError, "NOT_SENT", 0)


def test_a_proxy_that_forwards_and_breaks_may_have_sent_it(colour: str) -> None:
    """Without TLS the request itself goes to the proxy, so that it may have been carried out."""
    with faultd(no_word) as proxy:
        error = raised(colour, "http://127.0.0.1:9", proxy=proxy.url)
        assert all(request.startswith(b"POST http://127.0.0.1:9/") for request in proxy.requests)
    assert (type(error), error.state) == (cloudai.ConnectionLostError, "UNKNOWN")


def test_a_tunnel_works(colour: str, tmp_path: Path) -> None:
    """Through a proxy, the exchange is with the service's own certificate."""
    public, context = certificate(tmp_path, "service.example", 30)

    def tunnel(c: Connection) -> None:
        c.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(c.socket, server_side=True) as safe:
            read(safe)
            body = as_json(MADE.good)
            safe.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            safe.sendall(body)

    with faultd(tunnel) as proxy:
        assert asked(colour, "https://service.example", proxy=proxy.url, verify=str(public)).meta.attempts == 1


def test_tls_within_tls_works(colour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is itself spoken to by TLS: both certificates are checked."""
    outer_public, outer = certificate(tmp_path, "127.0.0.1", 30)
    inner_public, inner = certificate(tmp_path, "service.example", 30)
    for colour_of in ("_sync", "_async"):  # what a proxy's own certificate is checked against
        trusted = ssl.create_default_context(cafile=str(outer_public))
        monkeypatch.setattr(f"httpcore2.{colour_of}.connection.default_ssl_context", lambda trusted=trusted: trusted)

    def tunnel(c: Connection) -> None:
        c.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        safe = inner.wrap_bio(incoming, outgoing, server_side=True)
        body = as_json(MADE.good)
        said = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        got = b""

        def request() -> None:
            nonlocal got
            while not got.endswith(b"}"):
                got += safe.read(65_536)

        for step in (safe.do_handshake, request, lambda: safe.write(said)):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    c.send(outgoing.read())
                    incoming.write(c.socket.recv(65_536))
            c.send(outgoing.read())

    with faultd(tunnel, tls=outer) as proxy:
        assert asked(colour, "https://service.example", proxy=proxy.url, verify=str(inner_public)).meta.attempts == 1


class Untraced(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """A transport of a user's own, which traces nothing, and fails after it has sent."""

    def __init__(self, error: type[httpx2.TransportError]) -> None:
        self._error = error

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raise self._error("cut")

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raise self._error("cut")


@pytest.mark.parametrize(
    ("error", "kind", "state"),
    [
        (httpx2.ReadError, cloudai.ConnectionLostError, "UNKNOWN"),
        (httpx2.ReadTimeout, cloudai.DeadlineExceededError, "UNKNOWN"),
        (httpx2.PoolTimeout, cloudai.DeadlineExceededError, "NOT_SENT"),
        (httpx2.ConnectError, cloudai.ConnectError, "NOT_SENT"),
    ],
)
def test_a_transport_that_traces_nothing_may_have_sent(
    colour: str, error: type[httpx2.TransportError], kind: type[cloudai.CloudAIError], state: str
) -> None:
    """Of a user's own client it is not known whether the request has gone out, unless its error says so."""
    transport = Untraced(error)
    own: Any = httpx2.Client(transport=transport) if colour == "blocking" else httpx2.AsyncClient(transport=transport)
    caught = raised(colour, "http://127.0.0.1:9", client=own)
    assert (type(caught), caught.state) == (kind, state)


def test_a_kept_connection_that_the_server_has_closed(colour: str) -> None:
    """Nothing of the second request goes out on it: it is sent once, on another connection."""
    with faultd(reply(b"{}", "200 OK"), keeps=True) as server:
        request = Request("POST", f"{server.url}/v1", json={}, timeout=5)
        if colour == "blocking":
            network = Network()
            assert [network(request).status for _ in range(2)] == [200, 200]
            network.close()
        else:

            async def twice() -> list[int]:
                own = AsyncNetwork()
                statuses = [(await own(request)).status for _ in range(2)]
                await own.close()
                return statuses

            assert asyncio.run(twice()) == [200, 200]
        assert server.count == 2
