"""A server answers before it has read a whole upload: the reply is read, whatever becomes of the connection."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai.core.flow import Request, Response
from cloudai.testing import AsyncNetwork, Network
from cloudai.transport.early import EarlyReply
from tests.made_up.calls import VENDORS, ask, noise
from tests.made_up.certificates import certificate
from tests.made_up.server import Connection, faultd
from tests.support.played import write_wav

pytestmark = pytest.mark.loopback

UPLOAD = noise(20_000_000)
SAID = b'{"error": {"code": "x", "message": "too large"}}'


@pytest.fixture(params=["blocking", "awaiting"])
def colour(request: pytest.FixtureRequest) -> str:
    """Return the name of each of the two clients in turn."""
    return str(request.param)


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, ssl.SSLContext | None]:
    """Return the TLS of a client and of its server: none, and then one, whose own messages are no early reply."""
    if request.param == "http":
        return True, None
    public, context = certificate(tmp_path, "127.0.0.1", 30)
    return str(public), context


def exchanged(colour: str, url: str, verify: Any = True, timeout: float = 8.0, again: bool = False) -> Response:
    """Send an upload of 20 MB, and perhaps a small request after it on the same network."""
    request = Request("POST", f"{url}/v1", content=UPLOAD, timeout=timeout)
    if colour == "blocking":
        network = Network(verify=verify)
        try:
            response = network(request)
            return network(Request("GET", f"{url}/v1", timeout=timeout)) if again else response
        finally:
            network.close()

    async def awaiting() -> Response:
        network = AsyncNetwork(verify=verify)
        try:
            response = await network(request)
            return await network(Request("GET", f"{url}/v1", timeout=timeout)) if again else response
        finally:
            await network.close()

    return asyncio.run(awaiting())


def said(status: str, body: bytes = SAID, size: int | None = None) -> bytes:
    """Return a reply of this status."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body) if size is None else size) + body


def closes(c: Connection) -> None:
    """Close the connection with most of the upload unread: the system resets it then."""


def resets(c: Connection) -> None:
    """Reset the connection right after the reply."""
    c.reset()


def stops_reading(c: Connection) -> None:
    """Keep the connection open, and read nothing more of it."""
    time.sleep(4)


def reads_on(c: Connection) -> None:
    """Read what still comes."""
    c.silence(2)


@pytest.mark.parametrize("then", [closes, resets, stops_reading, reads_on], ids=lambda f: f.__name__)
@pytest.mark.parametrize("status", ["413 Too Large", "401 Who"])
def test_an_early_refusal_is_read(
    colour: str, tls: tuple[Any, Any], status: str, then: Callable[[Connection], None]
) -> None:
    """The status and the words of the server arrive at once, over TLS too."""

    def refuse(c: Connection) -> None:
        c.socket.recv(1000)
        c.send(said(status))
        time.sleep(0.05)  # some systems drop what was not read when a reset arrives
        then(c)

    verify, context = tls
    with faultd(refuse, reads=False, tls=context) as server:
        began = time.monotonic()
        response = exchanged(colour, server.url, verify)
        assert time.monotonic() - began < 3
        assert (response.status, response.content) == (int(status[:3]), SAID)
        assert server.connections == 1


@pytest.mark.parametrize("status", [400, 413])
def test_an_early_refusal_that_is_itself_cut_short(colour: str, status: int) -> None:
    """The status says that nothing was done, although the rest of the reply is missing."""

    def refuse(c: Connection) -> None:
        c.socket.recv(1000)
        c.send(said(f"{status} No", SAID[:10], len(SAID)))
        time.sleep(0.05)
        c.reset()

    with faultd(refuse, reads=False) as server:
        response = exchanged(colour, server.url)
        assert (response.status, response.content) == (status, SAID[:10])


def test_a_good_reply_that_is_cut_short_is_still_lost(colour: str) -> None:
    """Only refusals are believed without their end."""

    def answer(c: Connection) -> None:
        c.socket.recv(1000)
        c.send(said("200 OK", SAID[:10], len(SAID)))
        time.sleep(0.05)
        c.reset()

    with faultd(answer, reads=False) as server, pytest.raises(cloudai.errors.ConnectionLostError):
        exchanged(colour, server.url)


def test_the_connection_of_a_refused_upload_is_not_used_again(colour: str) -> None:
    """The next request has a connection of its own: the server may still wait for the rest of the upload."""

    def refuse(c: Connection) -> None:
        first = c.socket.recv(1000)
        c.send(said("413 Too Large") if first.startswith(b"POST") else said("200 OK", b"{}"))
        c.silence(2)

    with faultd(refuse, reads=False) as server:
        assert exchanged(colour, server.url, again=True).status == 200
        assert server.connections == 2


def whole(c: Connection, before: bytes = b"", halfway: bytes = b"") -> None:
    """Read the whole upload, slowly, with something said before and in the middle; answer with its length."""
    size = 0
    c.send(before)
    data = c.socket.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    size = len(body)
    while size < len(UPLOAD):
        if halfway and size > len(UPLOAD) // 2:
            c.send(halfway)
            halfway = b""
        size += len(c.socket.recv(1_000_000))
    assert head.startswith(b"POST")
    c.send(said("200 OK", b"%d" % size))


@pytest.mark.parametrize(
    ("before", "halfway"),
    [
        (b"", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b""),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 102 Processing\r\n", b"\r\n"),
    ],
    ids=["nothing", "100 before", "103 and 100 halfway", "102 in two parts"],
)
def test_interim_replies_do_not_end_an_upload(colour: str, tls: tuple[Any, Any], before: bytes, halfway: bytes) -> None:
    """The upload goes on, and arrives whole."""
    verify, context = tls
    with faultd(lambda c: whole(c, before, halfway), reads=False, tls=context) as server:
        response = exchanged(colour, server.url, verify)
    assert (response.status, response.content) == (200, b"%d" % len(UPLOAD))


@pytest.mark.parametrize("vendor", list(VENDORS))
@pytest.mark.parametrize("then", [closes, stops_reading], ids=lambda f: f.__name__)
def test_an_early_413_is_refused_and_costs_nothing(
    colour: str, vendor: str, tmp_path: Path, then: Callable[[Connection], None]
) -> None:
    """One request, REFUSED, not billed: nobody sends a recording anew that the service finds too large."""
    speech = write_wav(tmp_path / "연설.wav", 55, 16_000, noise(2 * 16_000 * 55))

    def refuse(c: Connection) -> None:
        c.socket.recv(1000)
        c.send(said("413 Too Large"))
        time.sleep(0.05)
        then(c)

    with faultd(refuse, reads=False) as server:
        with pytest.raises(cloudai.TooLargeError) as raised:
            ask(colour, VENDORS[vendor].make(), server.url, "speech_to_text", speech, timeout=8)
        assert (raised.value.state, raised.value.attempts, raised.value.billed_max) == ("REFUSED", 1, 0)
        assert server.connections == 1


def test_a_server_that_leaves_without_a_word_has_broken_the_connection(colour: str) -> None:
    """No reply, and the connection closed in the middle of the upload: it may have been carried out."""

    def leave(c: Connection) -> None:
        c.socket.recv(1000)

    with faultd(leave, reads=False) as server, pytest.raises(cloudai.errors.ConnectionLostError):
        exchanged(colour, server.url)


@pytest.mark.parametrize(
    ("parts", "final", "taken"),
    [
        ([b"HTTP/1.1 413 Too Large\r\n"], True, b"HTTP/1.1 413 Too Large\r\n"),
        ([b"HTTP/1.1 4", b"13"], True, b"HTTP/1.1 413"),
        ([b"HTTP/1.1 4"], False, b"HTTP/1.1 4"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], False, b""),
        ([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"], True, b"HTTP/1.1 200 OK"),
        ([b"HTTP/1.1 10", b"3 Hints\r\nA: b\r\n", b"\r\n" * 1], False, b""),
        ([b"HTTP/1.1 101 Switching\r\n\r\n"], True, b"HTTP/1.1 101 Switching\r\n\r\n"),
        ([b"HTTP/1.1 100 " + b"x" * 70_000], True, b"HTTP/1.1 100 " + b"x" * 70_000),
        ([b"no HTTP at all"], True, b"no HTTP at all"),
        ([b""], True, b""),
    ],
)
def test_what_an_early_reply_is(parts: list[bytes], final: bool, taken: bytes) -> None:
    """It begins with a status that is no interim one, is no HTTP at all, or the end of the connection."""
    early = EarlyReply()
    assert not early
    for part in parts:
        early.add(part)
    assert early.is_final is final
    got = b""
    while more := early.take(7):
        got += more
    assert got == taken
