"""The promises of every login: one fetch for all who wait, the call's deadline, and silence about what it holds."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cloudai import (
    AsyncClient,
    AuthError,
    Azure,
    Client,
    CloudAIError,
    DeadlineExceededError,
    Google,
    PausedError,
    Watson,
)
from cloudai.providers.base import Provider
from tests.conftest import Caller
from tests.made_up.calls import Skipping
from tests.made_up.logins import AZURE, VENDORS, Service, Vendor, late, silent, token_server, told
from tests.made_up.server import LONGEST

pytestmark = pytest.mark.loopback
SHORT, LONG = 250.0, 3600.0
"""Seconds a token lives: it is due to be replaced, and it is not."""


@pytest.fixture(params=list(VENDORS))
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of each vendor in turn."""
    return str(request.param)


@pytest.fixture
def vendor(name: str) -> Vendor:
    """Return the vendor of the name."""
    return VENDORS[name]


class Pair:
    """Both clients behind one face: calls that all begin before the first ends, and their results and errors."""

    def __init__(self, colour: str, provider: Provider, service: Service, clock: Skipping | None = None) -> None:
        self.runner = asyncio.Runner() if colour == "awaiting" else None
        timed: dict[str, Any] = {}
        if clock:
            timed = {"clock": clock, "sleep": clock.asleep if self.runner else clock.sleep}

        async def asend(request: Any) -> Any:
            return service(request)

        self.client: Any = (
            AsyncClient(provider, send=asend, **timed) if self.runner else Client(provider, send=service, **timed)
        )

    def at_once(self, n: int = 1, **options: Any) -> list[Any]:
        """Make so many calls."""
        return self.each([options] * n)

    def each(self, calls: list[dict[str, Any]]) -> list[Any]:
        """Make a call with each of these options, begun in order."""
        if self.runner:
            return list(self.runner.run(self._awaited(calls)))
        outcomes: list[Any] = [None] * len(calls)

        def one(i: int, options: dict[str, Any]) -> None:
            try:
                outcomes[i] = self.client.sentiment(f"맛있어요 {i}", language="ko", **options)
            except CloudAIError as error:
                outcomes[i] = error

        threads = [threading.Thread(target=one, args=call) for call in enumerate(calls)]
        for thread in threads:
            thread.start()
            time.sleep(0.001)
        for thread in threads:
            thread.join()
        return outcomes

    async def _awaited(self, calls: list[dict[str, Any]]) -> list[Any]:
        begun = [self.client.sentiment(f"맛있어요 {i}", language="ko", **options) for i, options in enumerate(calls)]
        return await asyncio.gather(*begun, return_exceptions=True)

    def close(self) -> None:
        """Close the client."""
        if self.runner:
            self.runner.run(self.client.close())
            self.runner.close()
        else:
            self.client.close()


@contextmanager
def paired(call: Caller, vendor: Vendor, url: str, service: Service, clock: Skipping | None = None) -> Iterator[Pair]:
    """Yield a client of the colour that the test runs under; with a clock, no time passes between two tries."""
    pair = Pair(call.colour, vendor.make(url), service, clock)
    try:
        yield pair
    finally:
        pair.close()


def ok(outcomes: list[Any]) -> bool:
    """Return whether no outcome is an error."""
    return not [print(repr(o)) or o for o in outcomes if isinstance(o, BaseException)]  # noqa: T201


def test_fifty_waiters_are_one_fetch(call: Caller, name: str, vendor: Vendor) -> None:
    """Fifty calls begin with no token: the server is asked once, and all show what it gave."""
    service = Service(name)
    with (
        token_server(late(0.1, told(vendor.reply("first", LONG)))) as server,
        paired(call, vendor, server.url, service) as pair,
    ):
        assert ok(pair.at_once(50))
        assert ok(pair.at_once(5))
    assert server.count == 1
    assert len(service.shown) == 55
    assert len(set(service.shown)) == 1
    assert service.shown[0].startswith("Bearer ")


def test_a_token_near_its_end_is_replaced_once(call: Caller, name: str, vendor: Vendor) -> None:
    """In the middle of a run, twenty calls at once: one fetch, and none shows the old one any more."""
    service = Service(name)
    answers = told(vendor.reply("old", SHORT)), late(0.1, told(vendor.reply("new", LONG)))
    with token_server(*answers) as server, paired(call, vendor, server.url, service) as pair:
        assert ok(pair.at_once())
        assert ok(pair.at_once(20))
    assert server.count == 2
    assert len(set(service.shown[1:])) == 1
    assert service.shown[0] not in service.shown[1:]


def test_a_refused_token_is_replaced_once(call: Caller, name: str, vendor: Vendor) -> None:
    """The service takes it no longer (401): twenty calls at once, one fetch, each call once more."""
    service = Service(name)
    answers = told(vendor.reply("old", LONG)), late(0.1, told(vendor.reply("new", LONG)))
    with token_server(*answers) as server, paired(call, vendor, server.url, service) as pair:
        assert ok(pair.at_once())
        service.refused.add(service.shown[0])
        assert ok(pair.at_once(20))
        assert ok(pair.at_once())
    assert server.count == 2


def test_a_refresh_that_fails_is_harmless_while_the_token_is_valid(call: Caller, name: str, vendor: Vendor) -> None:
    """Four minutes are left and the server is down: every call is made, with the old token."""
    service = Service(name)
    answers = told(vendor.reply("old", SHORT)), told({"error": "no"}, "503 Service Unavailable")
    with token_server(*answers) as server, paired(call, vendor, server.url, service) as pair:
        assert ok(pair.at_once())
        assert ok(pair.at_once(10))
        assert ok(pair.at_once(10))
        asked = server.count
    assert 2 <= asked <= 4  # once a second at most, not at every call
    assert len(set(service.shown)) == 1


def test_a_refresh_that_hangs_is_harmless_while_the_token_is_valid(call: Caller, name: str, vendor: Vendor) -> None:
    """The server says nothing: the call goes out with the old token in half of its time."""
    service = Service(name)
    with (
        token_server(told(vendor.reply("old", SHORT)), silent) as server,
        paired(call, vendor, server.url, service) as pair,
    ):
        assert ok(pair.at_once())
        began = time.monotonic()
        assert ok(pair.at_once(timeout=1.5))
        assert time.monotonic() - began < 1.5


def test_a_server_that_hangs_ends_at_the_deadline(call: Caller, name: str, vendor: Vendor) -> None:
    """No token, no word: the call ends in time with nothing sent; the next one is not held up by it."""
    service = Service(name)
    with (
        token_server(silent, told(vendor.reply("first", LONG))) as server,
        paired(call, vendor, server.url, service) as pair,
    ):
        began = time.monotonic()
        (error,) = pair.at_once(timeout=0.5)
        took = time.monotonic() - began
        assert isinstance(error, DeadlineExceededError)
        assert (error.state, error.billed_min, error.billed_max, error.attempts) == ("NOT_SENT", 0, 0, 0)
        assert 0.4 < took < LONGEST - 0.5
        assert not service.requests
        began = time.monotonic()
        assert ok(pair.at_once(timeout=5))
        assert time.monotonic() - began < LONGEST - 0.5
    assert server.count == 2


def test_who_has_more_time_asks_again(call: Caller, name: str, vendor: Vendor) -> None:
    """Two wait for a server that hangs, one of them in a hurry: the other gets its token by asking anew."""
    service = Service(name)
    with (
        token_server(silent, told(vendor.reply("first", LONG))) as server,
        paired(call, vendor, server.url, service) as pair,
    ):
        outcomes = pair.each([{"timeout": 0.4}, {"timeout": 5}])
    assert isinstance(outcomes[0], DeadlineExceededError)
    assert ok(outcomes[1:])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (told({"error": "invalid_grant", "error_description": "a text"}, "400 Bad Request"), AuthError),
        (told({"errorCode": "BXNIM0415E", "errorMessage": "a text"}, "400 Bad Request"), AuthError),
        (told(b"<!DOCTYPE html>", "401 Unauthorized"), AuthError),
        (told({"nothing": 1}), CloudAIError),
        (told(b"not json"), CloudAIError),
        (told([]), CloudAIError),
        (told({"access_token": None}), CloudAIError),
        (lambda c: c.reset(), CloudAIError),
    ],
)
def test_whatever_goes_wrong_is_an_error_of_ours(
    call: Caller, name: str, vendor: Vendor, answer: Any, kind: type[CloudAIError]
) -> None:
    """Refusals, replies without a token, broken connections: typed, with advice, nothing sent and nothing billed."""
    service = Service(name)
    with token_server(answer) as server, paired(call, vendor, server.url, service, Skipping()) as pair:
        outcomes = pair.at_once(3, timeout=20)
    assert not service.requests
    for error in outcomes:
        assert isinstance(error, kind), repr(error)
        assert error.advice
        assert "a text" not in str(error)
        assert (error.provider, error.state, error.billed_max) == (name, "NOT_SENT", 0)
    assert len({id(error) for error in outcomes}) == 3  # each has its own, with its own input's name
    assert len({error.input for error in outcomes}) == 3


def test_a_cancelled_waiter_leaves_the_token_to_the_others(name: str, vendor: Vendor) -> None:
    """The task that asked for it is cancelled: the other gets the token, and the server was asked once."""
    service = Service(name)

    async def asend(request: Any) -> Any:
        return service(request)

    async def scene(url: str) -> Any:
        async with AsyncClient(vendor.make(url), send=asend) as client:
            first = asyncio.ensure_future(client.sentiment("하나", language="ko"))
            await asyncio.sleep(0.05)
            second = asyncio.ensure_future(client.sentiment("둘", language="ko"))
            await asyncio.sleep(0.05)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            return await second

    with token_server(late(0.4, told(vendor.reply("first", LONG)))) as server:
        assert asyncio.run(scene(server.url)).label
    assert server.count == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals with a timer")
def test_ctrl_c_of_one_waiter_leaves_the_token_to_the_others(name: str, vendor: Vendor) -> None:
    """The main thread asked for it and is interrupted: the other thread gets the token all the same."""
    service = Service(name)
    outcomes: list[Any] = []

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with (
            token_server(late(0.6, told(vendor.reply("first", LONG)))) as server,
            Client(vendor.make(server.url), send=service) as client,
        ):
            other = threading.Timer(0.1, lambda: outcomes.append(client.sentiment("둘", language="ko")))
            other.start()
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(KeyboardInterrupt):
                client.sentiment("하나", language="ko")
            other.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert outcomes[0].label
    assert server.count == 1


HANGS = """
import asyncio, time
import cloudai

class Hangs:
    def get_token(self, *scopes, **options):
        time.sleep(60)

async def main():
    azure = cloudai.Azure(endpoint="https://one.cognitiveservices.azure.com", credential=Hangs())
    async with cloudai.AsyncClient(azure) as client:
        try:
            await client.sentiment("x", timeout=0.3)
        except cloudai.DeadlineExceededError:
            print("in time")

asyncio.run(main())
"""


def test_a_login_that_hangs_does_not_keep_the_process() -> None:
    """The program ends when it is done, whatever a credential still waits for."""
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, timeout=30, check=True)
    assert done.stdout.strip() == b"in time"
    assert done.stderr == b""


def test_clients_of_one_login_share_what_a_429_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logins that can be told apart are accounts like keys are; of what was handed over nothing is known."""
    file, other = Google(credentials="계정.json").account(), Google(credentials="다른.json").account()
    assert file
    assert file == Google(credentials="계정.json").account() != other
    info = {"type": "service_account", "client_email": "robot@p.iam.gserviceaccount.com"}
    assert Google(credentials=info).account() == Google(credentials=dict(info)).account() is not None
    assert Azure(endpoint=AZURE, credential="default").account()
    for vendor in VENDORS.values():
        assert vendor.make("http://127.0.0.1").account() is None
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_AUTH_TYPE", "container")
    monkeypatch.setenv("SPEECH_TO_TEXT_AUTH_TYPE", "unheard-of")
    assert Watson().account()


@pytest.mark.parametrize("status", ["503 Service Unavailable", "400 Bad Request"])
def test_a_batch_without_a_login_ends_early(call: Caller, status: str) -> None:
    """The token server is down, or refuses: the batch pauses, no input is blamed, and few requests were made."""
    service, clock = Service("google"), Skipping()
    texts, options = [f"맛있어요 {i}" for i in range(60)], {"language": "ko"}

    async def awaiting(url: str) -> None:
        async def asend(request: Any) -> Any:
            return service(request)

        async with (
            AsyncClient(VENDORS["google"].make(url), send=asend, clock=clock, sleep=clock.asleep) as client,
            client.batch("sentiment", texts, options=options, journal=None) as job,
        ):
            assert {item.status async for item in job} == {"not_started"}

    def blocking(url: str) -> None:
        with (
            Client(VENDORS["google"].make(url), send=service, clock=clock, sleep=clock.sleep) as client,
            client.batch("sentiment", texts, options=options, journal=None) as job,
        ):
            assert {item.status for item in job} == {"not_started"}

    with token_server(told({"error": "x"}, status)) as server, pytest.raises((PausedError, AuthError)):
        asyncio.run(awaiting(server.url)) if call.colour == "awaiting" else blocking(server.url)
    assert server.count <= 20
    assert not service.requests
