"""Faults before anything is sent, and of the connection itself: names, ports, certificates, places, uploads."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Client
from cloudai.testing import Network
from tests.made_up.calls import KEY, VENDORS, Skipping, as_json, ask, noise, to
from tests.made_up.certificates import certificate
from tests.made_up.faults import reply
from tests.made_up.server import Connection, faultd, nobody_listening
from tests.support.played import write_wav

pytestmark = pytest.mark.loopback


@pytest.fixture(params=["blocking", "awaiting"])
def colour(request: pytest.FixtureRequest) -> str:
    """Return the name of each of the two clients in turn."""
    return str(request.param)


@pytest.fixture(params=list(VENDORS))
def vendor(request: pytest.FixtureRequest) -> str:
    """Return the name of each vendor in turn."""
    return str(request.param)


def refused_by(kind: type[cloudai.CloudAIError], colour: str, vendor: str, url: str, **options: Any) -> Any:
    """Return the error of a call that never reaches the service: nothing sent, nothing billed."""
    with pytest.raises(kind) as raised:
        ask(colour, VENDORS[vendor].make(), url, **options)
    error = raised.value
    assert type(error) is kind
    assert (error.state, error.billed_min, error.billed_max) == ("NOT_SENT", 0, 0)
    assert KEY not in str(error)
    return error


def test_nobody_listens(colour: str, vendor: str) -> None:
    """Three tries, no request."""
    with nobody_listening() as url:
        assert refused_by(cloudai.ConnectError, colour, vendor, url).attempts == 3


def test_no_such_host(colour: str, vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tries, no request."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert refused_by(cloudai.ConnectError, colour, vendor, "https://no-such-host.example").attempts == 3


def test_a_resolver_that_hangs(colour: str, vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds: names are resolved in a thread."""
    wait = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        wait.wait(5)
        raise socket.gaierror(-2, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    # Calls share the look-up of a name, and that of the test before may not have ended.
    slow = f"https://{colour}-{vendor}.slow.example"
    began = time.monotonic()
    try:
        refused_by(cloudai.DeadlineExceededError, "blocking", vendor, slow, timeout=0.4)
        if colour == "awaiting":  # the loop's own thread would be waited for at its end
            threading.Timer(1.0, wait.set).start()
            refused_by(cloudai.DeadlineExceededError, colour, vendor, slow, timeout=0.4)
    finally:
        wait.set()
    assert time.monotonic() - began < 4.5


def test_a_port_that_does_not_answer(colour: str, vendor: str) -> None:
    """A connection that is never made: the deadline's error, nothing sent."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        began = time.monotonic()
        refused_by(cloudai.DeadlineExceededError, colour, vendor, f"http://127.0.0.1:{address[1]}", timeout=0.4)
        assert time.monotonic() - began < 4
        for each in waiting:
            each.close()


def test_a_certificate_that_is_trusted(colour: str, vendor: str, tmp_path: Path) -> None:
    """With the CA file given, TLS works: what follows fails for its own reason."""
    public, context = certificate(tmp_path, "127.0.0.1", 30)
    made = VENDORS[vendor]
    with faultd(reply(as_json(made.good)), tls=context) as server:
        assert ask(colour, made.make(), server.url, verify=str(public)).meta.attempts == 1


@pytest.mark.parametrize(
    ("host", "days", "trusted"), [("127.0.0.1", 30, False), ("127.0.0.1", -1, True), ("a.example", 30, True)]
)
def test_certificates_that_are_not(
    colour: str, vendor: str, tmp_path: Path, host: str, days: int, trusted: bool
) -> None:
    """Signed by itself, expired, of another host: one try, and the key has not left."""
    public, context = certificate(tmp_path, host, days)
    with faultd(reply(b"{}"), tls=context) as server:
        verify = str(public) if trusted else True
        assert refused_by(cloudai.TLSError, colour, vendor, server.url, verify=verify).attempts == 1
    assert server.count == 0


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_old_tls_is_refused(colour: str, vendor: str, tmp_path: Path) -> None:
    """TLS 1.1 and before: not spoken."""
    public, context = certificate(tmp_path, "127.0.0.1", 30)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with faultd(reply(b"{}"), tls=context) as server:
        refused_by(cloudai.TLSError, colour, vendor, server.url, verify=str(public))
    assert server.count == 0


def test_plain_http_where_tls_is_expected(colour: str, vendor: str) -> None:
    """The server speaks no TLS: one try, and the key has not left."""
    with faultd(lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as server:
        url = server.url.replace("http://", "https://")
        assert refused_by(cloudai.TLSError, colour, vendor, url).attempts == 1


def test_http_beyond_the_loopback_is_refused(colour: str, vendor: str) -> None:
    """A key is not sent in the clear; the error says how to allow it."""
    with pytest.raises(cloudai.SettingsError, match=r"in the clear.*allow_http=True"):
        ask(colour, VENDORS[vendor].make(), "http://service.example")


@pytest.mark.parametrize("value", ["key\nwith a break", "열쇠", "key\x00"])
def test_a_key_that_no_header_can_hold(colour: str, value: str) -> None:
    """One line that does not repeat the key."""
    azure = cloudai.Azure(key=value, endpoint="https://example.cognitiveservices.azure.com")
    with faultd(reply(b"{}")) as server, pytest.raises(cloudai.SettingsError) as raised:
        ask(colour, azure, server.url)
    assert "azure: key= is no key" in str(raised.value)
    assert value not in str(raised.value)
    assert server.connections == 0


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Return most of a minute of noise: 1.8 MB."""
    return write_wav(tmp_path / "연설.wav", 55, 16_000, noise(2 * 16_000 * 55))


def cut(c: Connection) -> None:
    """Read the beginning of an upload, then break off."""
    c.socket.recv(1000)
    c.reset()


def test_a_reset_while_writing(colour: str, vendor: str, speech: Path) -> None:
    """Part of an upload has gone out: tried once more, and each of its 55 seconds may have been billed twice."""
    with faultd(cut, reads=False) as server:
        with pytest.raises(cloudai.ConnectionLostError) as raised:
            ask(colour, VENDORS[vendor].make(), server.url, "speech_to_text", speech)
        assert (raised.value.attempts, server.connections, raised.value.billed_max) == (2, 2, 2 * 55)


def test_an_upload_nobody_reads(colour: str, vendor: str, speech: Path) -> None:
    """The deadline holds for writing too."""
    with faultd(lambda _: time.sleep(6), reads=False) as server:
        began = time.monotonic()
        with pytest.raises(cloudai.DeadlineExceededError) as raised:
            ask(colour, VENDORS[vendor].make(), server.url, "speech_to_text", speech, timeout=0.8)
        assert time.monotonic() - began < 5
        assert (raised.value.state, raised.value.attempts) == ("UNKNOWN", 1)


def test_a_refusal_before_the_upload_has_ended(colour: str, vendor: str, speech: Path) -> None:
    """413 in the middle of an upload is read where it can be; never more than two requests, never foreign."""
    body = b'{"error": {"code": "x", "message": "too large"}}'

    def refuse(c: Connection) -> None:
        c.socket.recv(1000)
        c.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body), body)
        c.silence(0.3)

    with faultd(refuse, reads=False) as server:
        with pytest.raises((cloudai.TooLargeError, cloudai.ConnectionLostError)):
            ask(colour, VENDORS[vendor].make(), server.url, "speech_to_text", speech)
        assert server.connections <= 2


def test_no_place_is_nothing_sent(vendor: str) -> None:
    """All places taken until the time is up: nothing sent, nothing billed."""
    made, clock, held = VENDORS[vendor], Skipping(), threading.Event()
    with faultd(lambda _: held.wait(20)) as server:
        network = Network()
        client = Client(made.make(), send=lambda r: network(to(server.url, r)), max_concurrency=1, clock=clock)

        def taken() -> None:
            with pytest.raises(cloudai.CloudAIError):
                client.sentiment("a", timeout=20)

        first = threading.Thread(target=taken)
        first.start()
        while not server.count:
            time.sleep(0.01)
        with pytest.raises(cloudai.DeadlineExceededError, match="no free place") as raised:
            client.sentiment("b", timeout=0.2)
        asked = server.count
        held.set()
        first.join()
        assert (asked, raised.value.state, raised.value.billed_max) == (1, "NOT_SENT", 0)
        client.close()
        network.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("good", ""),
        ("gzip bomb", "ResponseTooLargeError"),
        ("truncated JSON", "MalformedResponseError"),
        ("500", "ServerError"),
    ],
)
def test_with_a_client_of_ones_own(colour: str, fault: str, error: str) -> None:
    """A user's own HTTP client is held to the same: its replies are read piece by piece."""
    import asyncio

    import httpx2

    from cloudai import AsyncClient
    from cloudai.testing import AsyncNetwork
    from tests.made_up.faults import FAULTS

    made, clock = VENDORS["google"], Skipping()

    def call(url: str) -> Any:
        if colour == "blocking":
            with (
                httpx2.Client() as own,
                Client(made.make(), send=lambda r: Network(own)(to(url, r)), clock=clock, sleep=clock.sleep) as client,
            ):
                return client.sentiment("x")

        async def awaiting() -> Any:
            async with httpx2.AsyncClient() as own:
                network = AsyncNetwork(own)
                async with AsyncClient(
                    made.make(), send=lambda r: network(to(url, r)), clock=clock, sleep=clock.asleep
                ) as client:
                    return await client.sentiment("x")

        return asyncio.run(awaiting())

    with faultd(FAULTS[fault].fault(made)) as server:
        if error:
            with pytest.raises(cloudai.CloudAIError) as raised:
                call(server.url)
            assert type(raised.value).__name__ == error
        else:
            assert call(server.url).score == 0.5
    assert server.count == FAULTS[fault].requests
