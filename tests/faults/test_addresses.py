"""A name may have several addresses, or hang: what that means for a call, other calls, and the process's end."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import AsyncClient, Azure, Client, FetchRules, Response
from cloudai.testing import Script
from cloudai.transport import addresses
from cloudai.transport.addresses import looked_up, socket_address, tried_in_turn
from tests.conftest import Caller
from tests.made_up.calls import VENDORS, as_json
from tests.made_up.faults import reply
from tests.made_up.server import Faultd, faultd
from tests.unit.core.test_fetch import PICTURE, http

TWO = pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.3"])
GOOD = VENDORS["azure"].good
FACES = Response(200, {}, as_json({"responses": [{"faceAnnotations": []}]}))


def at(name: str, server: Faultd) -> str:
    """Return the address of a server under another name."""
    return f"http://{name}:{server.url.rpartition(':')[2]}"


def named(monkeypatch: pytest.MonkeyPatch, **names: list[str] | float) -> list[str]:
    """Let each name of ``.test`` have these addresses, or hang for so many seconds; the names asked for."""
    real, asked = socket.getaddrinfo, []

    def answer(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not name.endswith(".test"):
            return real(host, port, *more, **options)
        asked.append(name)
        known = names[name.removesuffix(".test")]
        if isinstance(known, float):
            time.sleep(known)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@contextmanager
def black_hole(port: int) -> Iterator[None]:
    """Fill the queue of connections at 127.0.0.3, so that nobody answers there while the block lasts."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.3", port))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.3", port))
        time.sleep(0.1)
        yield
        for each in waiting:
            each.close()


def asked(call: Caller, url: str, **options: Any) -> Any:
    """Make one call by a client with its own network."""
    azure = Azure(key="k" * 32, endpoint=url)
    return call(azure, "sentiment", "맛있어요!", language="ko", client_allow_http=True, **options)


@TWO
@pytest.mark.loopback
def test_an_address_that_does_not_answer_costs_a_quarter_of_a_second(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next address is tried meanwhile, in the first attempt."""
    named(monkeypatch, two=["127.0.0.3", "127.0.0.1"])
    with faultd(reply(as_json(GOOD))) as server, black_hole(int(server.url.rpartition(":")[2])):
        began = time.monotonic()
        assert asked(call, at("two.test", server), timeout=60).meta.attempts == 1
        assert time.monotonic() - began < 3
        assert server.count == 1


@TWO
@pytest.mark.loopback
def test_an_address_that_refuses_costs_nothing(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next address is tried at once, in the first attempt."""
    named(monkeypatch, two=["127.0.0.3", "127.0.0.1"])
    with faultd(reply(as_json(GOOD))) as server:
        assert asked(call, at("two.test", server)).meta.attempts == 1
        assert server.count == 1


@TWO
@pytest.mark.loopback
def test_where_no_address_answers_the_error_says_why(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """All addresses refuse: three attempts, nothing sent."""
    named(monkeypatch, two=["127.0.0.3", "127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(cloudai.ConnectError, match=r"refused") as raised:
        asked(call, f"http://two.test:{port}")
    assert (raised.value.state, raised.value.attempts, raised.value.billed_max) == ("NOT_SENT", 3, 0)


@TWO
@pytest.mark.loopback
def test_all_addresses_share_the_time_for_connecting(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two addresses that do not answer take as long as one."""
    named(monkeypatch, two=["127.0.0.3", "127.0.0.3"])
    with faultd(reply(b"{}")) as server, black_hole(int(server.url.rpartition(":")[2])):
        began = time.monotonic()
        with pytest.raises(cloudai.DeadlineExceededError) as raised:
            asked(call, at("two.test", server), timeout=1.0)
        assert 0.9 < time.monotonic() - began < 1.9
    assert (raised.value.state, server.connections) == ("NOT_SENT", 0)


@TWO
@pytest.mark.loopback
def test_a_fetch_tries_the_next_address_too(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address is checked before, and connected to as it was checked: the name is asked for once."""
    names = named(monkeypatch, two=["127.0.0.3", "127.0.0.1"])
    with faultd(lambda c: c.send(http(PICTURE))) as server:
        port = int(server.url.rpartition(":")[2])
        with black_hole(port):
            began = time.monotonic()
            found = call(
                VENDORS["google"].make(), "detect_faces", f"{at('two.test', server)}/사진.png", send=Script(FACES),
                client_fetch_urls=FetchRules(networks=("127.0.0.0/8",), ports=(port,)),
            )  # fmt: skip
            assert time.monotonic() - began < 3
    assert found.meta.image_size == (400, 200)
    assert names == ["two.test"]


@pytest.mark.loopback
def test_names_that_hang_delay_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve awaiting calls to a name that hangs: a call to another host is answered, and few threads are in use."""
    names = named(monkeypatch, **{"hangs-awaiting": 3.0, "good": ["127.0.0.1"]})

    async def scene(server: Faultd) -> tuple[list[Any], float]:
        hanging, good = (
            Azure(key="k" * 32, endpoint=at(f"{name}.test", server)) for name in ("hangs-awaiting", "good")
        )
        async with AsyncClient(hanging, allow_http=True) as one, AsyncClient(good, allow_http=True) as other:
            calls = [asyncio.ensure_future(one.sentiment(f"글 {n}", language="ko", timeout=1.6)) for n in range(12)]
            await asyncio.sleep(0.1)
            began = time.monotonic()
            await other.sentiment("좋아요", language="ko", timeout=5)
            took = time.monotonic() - began
            return await asyncio.gather(*calls, return_exceptions=True), took

    with faultd(reply(as_json(GOOD))) as server:
        outcomes, took = asyncio.run(scene(server))
    assert {type(outcome) for outcome in outcomes} == {cloudai.DeadlineExceededError}
    assert {outcome.state for outcome in outcomes} == {"NOT_SENT"}
    assert took < 1.4
    assert names.count("hangs-awaiting.test") == 1


@pytest.mark.loopback
def test_names_that_hang_under_the_blocking_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with threads."""
    names = named(monkeypatch, **{"hangs-blocking": 3.0, "good": ["127.0.0.1"]})
    errors: list[Any] = []
    with faultd(reply(as_json(GOOD))) as server:
        hanging, good = (
            Azure(key="k" * 32, endpoint=at(f"{name}.test", server)) for name in ("hangs-blocking", "good")
        )
        with Client(hanging, allow_http=True) as one, Client(good, allow_http=True) as other:

            def ask() -> None:
                try:
                    one.sentiment("글", language="ko", timeout=1.6)
                except cloudai.CloudAIError as error:
                    errors.append(error)

            threads = [threading.Thread(target=ask) for _ in range(12)]
            for thread in threads:
                thread.start()
            began = time.monotonic()
            other.sentiment("좋아요", language="ko", timeout=5)
            assert time.monotonic() - began < 1.4
            for thread in threads:
                thread.join()
    assert [(type(e), e.state) for e in errors] == [(cloudai.DeadlineExceededError, "NOT_SENT")] * 12
    assert names.count("hangs-blocking.test") == 1


def test_a_look_up_that_hangs_long_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After five seconds a new caller asks anew, because the resolver may work again; four times at most."""
    release = threading.Event()
    asked: list[str] = []

    def hang(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        release.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(addresses, "AGAIN", 0.0)
    answers = [looked_up("hangs-long.test", 443) for _ in range(9)]
    monkeypatch.setattr(addresses, "AGAIN", 5.0)
    answers.append(looked_up("hangs-long.test", 443))
    release.set()
    assert {tuple(answer.result(5)) for answer in answers} == {("192.0.2.1",)}
    assert asked == ["hangs-long.test"] * 4
    assert looked_up("hangs-long.test", 443).result(5) == ["192.0.2.1"]
    assert len(asked) == 5  # nothing is remembered
    assert not any(name == "hangs-long.test" for name, _ in addresses._running)


PROCESS = """
import os, socket, sys, threading, time
from cloudai import Azure, AsyncClient, Client, CloudAIError
real = socket.getaddrinfo
hangs = True
def resolve(host, *more, **options):
    if host == "hang.test":
        if hangs:
            time.sleep(30)
        return real("127.0.0.1", *more, **options)
    return real(host, *more, **options)
socket.getaddrinfo = resolve
azure = Azure(key="k" * 32, endpoint="http://hang.test:9")
async def awaiting():
    async with AsyncClient(azure, allow_http=True) as client:
        await client.sentiment("x", language="ko", timeout=0.3)
def told(call):
    try:
        call()
    except CloudAIError as error:
        print(type(error).__name__, error.state, flush=True)
if sys.argv[1] == "awaiting":
    import asyncio
    told(lambda: asyncio.run(awaiting()))
else:
    client = Client(azure, allow_http=True)
    told(lambda: client.sentiment("x", language="ko", timeout=0.3))
    if hasattr(os, "fork"):
        # The child does not wait for a look-up whose thread only its parent has.
        if (child := os.fork()) == 0:
            hangs = False
            told(lambda: client.sentiment("x", language="ko", timeout=5))
            os._exit(0)
        os.waitpid(child, 0)
"""


@pytest.mark.parametrize("colour", ["awaiting", "blocking"])
def test_a_process_ends_although_a_look_up_hangs(colour: str) -> None:
    """Neither asyncio nor the interpreter waits for it, and a forked child looks names up by itself."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, colour], capture_output=True, text=True, check=True, timeout=25
    )
    expected = ["DeadlineExceededError NOT_SENT"]
    if colour == "blocking" and hasattr(os, "fork"):
        expected.append("ConnectError NOT_SENT")
    assert done.stdout.splitlines() == expected, done.stderr
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("found", "order"),
    [
        (["192.0.2.1"], ["192.0.2.1"]),
        (["2001:db8::1", "2001:db8::2", "192.0.2.1"], ["2001:db8::1", "192.0.2.1", "2001:db8::2"]),
        (["192.0.2.1", "192.0.2.2", "fe80::1%1"], ["192.0.2.1", "fe80::1%1", "192.0.2.2"]),
        ([], []),
    ],
)
def test_the_order_of_addresses(found: list[str], order: list[str]) -> None:
    """The two families take turns, beginning with that of the first address (RFC 8305, section 4)."""
    assert tried_in_turn(found) == order


def test_what_a_socket_connects_to() -> None:
    """IPv6 addresses keep the number of their network card."""
    assert socket_address("192.0.2.1", 443) == (socket.AF_INET, ("192.0.2.1", 443))
    assert socket_address("2001:db8::1", 443) == (socket.AF_INET6, ("2001:db8::1", 443, 0, 0))
    assert socket_address("fe80::1%7", 443) == (socket.AF_INET6, ("fe80::1", 443, 0, 7))
    _, name = socket.if_nameindex()[0]
    assert socket_address(f"fe80::1%{name}", 443)[1][3] == socket.if_nametoindex(name)


def test_no_module_of_ours_asks_the_systems_resolver_elsewhere() -> None:
    """Every name goes through the look-ups that have a bound: no other module calls getaddrinfo."""
    source = Path(cloudai.__file__).parent
    callers = [file.name for file in source.rglob("*.py") if "socket.getaddrinfo(" in file.read_text("utf-8")]
    assert callers == ["addresses.py"]
