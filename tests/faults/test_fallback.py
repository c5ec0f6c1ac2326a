"""Several providers in one client: who is asked after which fault, how often, what it may cost, and who is left out."""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from cloudai import AsyncClient, Azure, Client, Local, Response
from cloudai import errors as e
from cloudai.core.flow import Request
from tests.conftest import Caller
from tests.made_up.calls import as_json
from tests.made_up.faults import head, reply
from tests.made_up.provider import Clock, ok, refused
from tests.made_up.server import faultd, nobody_listening
from tests.made_up.several import NAMES, Vendors, asked
from tests.privacy.test_frames import held
from tests.support.batches import both
from tests.support.length import both_by_turns
from tests.support.played import PICTURE

ORDERS = list(itertools.permutations(NAMES))


@dataclass(frozen=True)
class Cell:
    """A fault: how a vendor fails, how often it is asked before the next one is, and what each attempt may cost."""

    answer: Callable[[Request], Response]
    requests: int
    error: type[e.CloudAIError]
    billed: int = 0
    unknown: bool = False
    """Whether the vendor may have carried out the call, so that ``on_unknown="raise"`` asks nobody else."""


def status(code: int, requests: int, error: type[e.CloudAIError], billed: int = 0, **headers: str) -> Cell:
    """Return a reply outside 2xx."""
    unknown = bool(billed) and code not in (501, 505)
    return Cell(lambda _: refused(code, **headers), requests, error, billed, unknown)


def raised(make: Callable[[], Exception], requests: int, error: type[e.CloudAIError], billed: int = 0) -> Cell:
    """Return a fault in which the transport raises an error."""

    def fail(_: Request) -> Response:
        raise make()

    return Cell(fail, requests, error, billed, bool(billed))


PASSED_ON = {
    "401": status(401, 1, e.AuthError),
    "403": status(403, 1, e.ForbiddenError),
    "quota": Cell(lambda _: Response(429, {}, as_json({"error": "spent", "quota": "month"})), 1, e.RateLimitedError),
    "429": status(429, 3, e.RateLimitedError),
    "429 a day": status(429, 1, e.RateLimitedError, retry_after="86400"),
    "425": status(425, 3, e.TooEarlyError),
    "500": status(500, 2, e.ServerError, 2),
    "502": status(502, 2, e.ServerError, 2),
    "504": status(504, 2, e.ServerError, 2),
    "408": status(408, 2, e.ServerError, 2),
    "409": status(409, 2, e.ServerError, 2),
    "529": status(529, 2, e.ServerError, 2),
    "503": status(503, 2, e.UnavailableError, 2),
    "503 with a hint": status(503, 3, e.UnavailableError, retry_after="2"),
    "501": status(501, 1, e.ServerError, 1),
    "302": status(302, 1, e.RedirectBlockedError, location="https://elsewhere.example"),
    "not reached": raised(lambda: e.ConnectError("refused"), 3, e.ConnectError),
    "no trust": raised(lambda: e.TLSError("expired"), 1, e.TLSError),
    "lost": raised(lambda: e.ConnectionLostError("reset"), 2, e.ConnectionLostError, 2),
}
KEPT = {
    "400": status(400, 1, e.BadRequestError, 1),
    "404": status(404, 1, e.BadRequestError, 1),
    "413": status(413, 1, e.TooLargeError),
    "415": status(415, 1, e.UnsupportedMediaError),
    "422": status(422, 1, e.BadRequestError, 1),
    "not JSON": Cell(lambda _: Response(200, {}, b"<!DOCTYPE html>"), 1, e.MalformedResponseError, 1),
    "out of range": Cell(lambda _: ok({"score": 7.5}), 1, e.MalformedResponseError, 1),
    "too large": Cell(lambda _: Response(200, {}, b" " * 5_000_000), 1, e.ResponseTooLargeError, 1),
    "a cassette's end": raised(lambda: e.ReplayError("it holds no more"), 1, e.ReplayError),
}


def ask(
    call: Caller, order: Any, vendors: Vendors, text: Any = "맛있어요!", clock: Clock | None = None, **more: Any
) -> Any:
    """Make one call by all three vendors, in this order."""
    clock = clock or Clock()
    providers = [each if not isinstance(each, str) else asked([each])[0] for each in order]
    operation = more.pop("operation", "sentiment")
    return call(providers, operation, text, send=vendors, client_clock=clock, client_sleep=clock.sleep, **more)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("name", PASSED_ON)
def test_a_fault_of_a_vendor_leads_to_the_next_one(call: Caller, name: str, order: tuple[str, ...]) -> None:
    """The first vendor is asked as often as it would be alone, the next one once, and nobody after that."""
    cell, (first, second, third) = PASSED_ON[name], order
    vendors = Vendors(**{first: cell.answer})
    meta = ask(call, order, vendors).meta
    assert [vendors.count(each) for each in order] == [cell.requests, 1, 0]
    assert (meta.provider, meta.attempts, meta.billed_min, meta.billed_max) == (second, 1, 1, 1)
    [tried] = meta.tried
    assert (tried.provider, tried.error, tried.billed_min, tried.billed_max) == (
        *(first, cell.error.__name__, 0),
        cell.billed,
    )
    assert tried.why.startswith(f"{first}: ")
    vendors = Vendors(**{first: cell.answer, second: cell.answer})
    meta = ask(call, order, vendors).meta
    assert [vendors.count(each) for each in order] == [cell.requests, cell.requests, 1]
    assert [tried.provider for tried in meta.tried] == [first, second]
    assert meta.provider == third


@pytest.mark.parametrize("name", PASSED_ON)
def test_where_nobody_answers_the_error_tells_of_all(call: Caller, name: str) -> None:
    """The last vendor's error is raised, and says who else was asked and what each may have billed."""
    cell = PASSED_ON[name]
    vendors = Vendors(**dict.fromkeys(NAMES, cell.answer))
    with pytest.raises(cell.error) as failure:
        ask(call, NAMES, vendors)
    error = failure.value
    assert [vendors.count(each) for each in NAMES] == [cell.requests] * 3
    assert (error.provider, error.billed_max) == (NAMES[2], cell.billed)
    assert [(each.provider, each.billed_max) for each in error.tried] == [(name, cell.billed) for name in NAMES[:2]]
    assert f"No answer from {NAMES[0]} ({cell.error.__name__}), {NAMES[1]} ({cell.error.__name__}) either." in str(
        error
    )
    assert pickle.loads(pickle.dumps(error)).tried == error.tried
    assert "not-a-real-key" not in str(error)


@pytest.mark.parametrize("name", [name for name, cell in PASSED_ON.items() if cell.unknown])
def test_what_may_have_been_billed_is_not_asked_again_where_the_user_says_so(call: Caller, name: str) -> None:
    """With on_unknown="raise" a call that may have been carried out is asked of nobody a second time."""
    vendors = Vendors(**{NAMES[0]: PASSED_ON[name].answer})
    with pytest.raises(PASSED_ON[name].error):
        ask(call, NAMES, vendors, client_on_unknown="raise")
    assert [vendors.count(each) for each in NAMES] == [1, 0, 0]


@pytest.mark.parametrize("order", ORDERS[:2], ids="-".join)
@pytest.mark.parametrize("name", KEPT)
def test_a_fault_of_the_input_or_of_a_reply_is_raised_at_once(call: Caller, name: str, order: tuple[str, ...]) -> None:
    """What another vendor would refuse too, or may have been paid for, is asked of nobody else."""
    cell = KEPT[name]
    vendors = Vendors(**{order[0]: cell.answer})
    with pytest.raises(cell.error) as failure:
        ask(call, order, vendors)
    assert [vendors.count(each) for each in order] == [1, 0, 0]
    assert failure.value.billed_max == cell.billed
    vendors = Vendors(**{order[0]: PASSED_ON["403"].answer, order[1]: cell.answer})
    with pytest.raises(cell.error) as failure:
        ask(call, order, vendors)
    assert [each.error for each in failure.value.tried] == ["ForbiddenError"]
    assert vendors.count(order[2]) == 0


def test_inputs_options_and_bugs_are_nobodys_outage(call: Caller) -> None:
    """An empty text, a bad option, and an exception of the user's own send= lead to no other vendor."""
    vendors = Vendors()
    for given, options, error in (
        ("", {}, e.InputError),
        ("좋아요", {"language": "한국어"}, e.SettingsError),
        ("좋아요", {"tone": "x"}, e.SettingsError),
        ("좋아요", {"timeout": -1}, e.SettingsError),
    ):
        with pytest.raises((error, TypeError)):
            ask(call, NAMES, vendors, given, **options)
    assert vendors.requests == []

    def broken(_: Request) -> Response:
        raise ZeroDivisionError

    vendors = Vendors(**{NAMES[0]: broken})
    with pytest.raises(ZeroDivisionError):
        ask(call, NAMES, vendors)
    assert [vendors.count(each) for each in NAMES] == [1, 0, 0]


def test_who_cannot_is_not_asked(call: Caller) -> None:
    """A vendor without the operation, without the option, or without a key is passed over, and named."""
    vendors = Vendors()
    meta = ask(call, NAMES, vendors, operation="key_phrases").meta
    assert (meta.provider, [each.error for each in meta.tried]) == (NAMES[1], ["UnsupportedOperationError"])
    no_key = asked(NAMES, **{NAMES[1]: {"key": None}})
    meta = ask(call, no_key, vendors, operation="key_phrases").meta
    assert (meta.provider, [each.error for each in meta.tried]) == (
        NAMES[2],
        ["UnsupportedOperationError", "SettingsError"],
    )
    assert "Set THREE_VENDORS_KEY" in meta.tried[1].why
    assert [vendors.count(each) for each in NAMES] == [0, 1, 1]
    with pytest.raises(e.UnsupportedOperationError):
        ask(call, NAMES, vendors, targets=["맛"])
    with pytest.raises(e.SettingsError, match="no key"):
        ask(call, [asked(NAMES[1:2], **{NAMES[1]: {"key": None}})[0]], vendors)
    assert len(vendors.requests) == 2


def test_all_share_one_deadline(call: Caller) -> None:
    """A vendor that takes the whole time leaves none for the next; what it leaves is the next one's time."""
    clock = Clock()
    times = []

    def slow(request: Request) -> Response:
        clock.now += 25
        times.append(request.timeout)
        return refused(500)

    vendors = Vendors(**dict.fromkeys(NAMES, slow))
    with pytest.raises(e.DeadlineExceededError) as failure:
        ask(call, NAMES, vendors, clock=clock, timeout=60)
    assert [vendors.count(each) for each in NAMES] == [2, 1, 0]
    assert [seconds <= most for seconds, most in zip(times, (60, 35, 10), strict=True)] == [True] * 3
    assert (failure.value.provider, failure.value.billed_max) == (NAMES[2], 0)
    assert [(each.provider, each.billed_max) for each in failure.value.tried] == [(NAMES[0], 2), (NAMES[1], 1)]


class Ticking(Clock):
    """A clock of a program that calls twice in a second."""

    def tick(self) -> None:
        self.now += 0.5


@both_by_turns(
    "name, names", itertools.product([name for name in PASSED_ON if name != "429 a day"], [NAMES, NAMES[:1]])
)
def test_an_outage_costs_five_requests_in_200_calls(colour: str, name: str, names: tuple[str, ...]) -> None:
    """A broken vendor is left out for 30 s, then for a minute, two minutes …; also where there is no other one."""
    if len(names) == 1 and name in ("401", "403", "429"):
        pytest.skip("of a single provider that is no outage; see test_cooling.py")
    clock, vendors = Ticking(), Vendors(**{NAMES[0]: PASSED_ON[name].answer})
    answered = []

    def note(act: Callable[[], Any]) -> None:
        try:
            answered.append(act().meta.provider)
        except e.CloudAIError as error:
            answered.append(type(error).__name__)

    if colour == "blocking":
        with Client(asked(names), send=vendors, clock=clock, sleep=lambda _: None) as client:
            for _ in range(200):
                note(lambda: client.sentiment("좋아요"))
                clock.tick()
    else:

        async def scene() -> None:
            async def send(request: Request) -> Response:
                return vendors(request)

            async def sleep(_: float) -> None:
                pass

            async with AsyncClient(asked(names), send=send, clock=clock, sleep=sleep) as client:
                for _ in range(200):
                    try:
                        answered.append((await client.sentiment("좋아요")).meta.provider)
                    except e.CloudAIError as error:
                        answered.append(type(error).__name__)
                    clock.tick()

        asyncio.run(scene())
    assert PASSED_ON[name].requests <= vendors.count(NAMES[0]) <= 5
    assert len(answered) == 200
    if len(names) > 1:
        assert set(answered) == {NAMES[1]}
        assert vendors.count(NAMES[1]) == 200
    else:
        assert set(answered[1:]) <= {"UnavailableError", PASSED_ON[name].error.__name__}


def test_a_vendor_that_answers_again_is_asked_again() -> None:
    """After its time one call probes the vendor; if it is answered, all calls go there, else the time doubles."""
    clock, fault = Clock(), PASSED_ON["500"].answer
    vendors = Vendors(**{NAMES[0]: fault})
    with Client(asked(), send=vendors, clock=clock, sleep=clock.sleep) as client:
        seen = []
        clock.sleep(100)

        def at(seconds: float) -> int:
            clock.now = 100 + seconds
            before = vendors.count(NAMES[0])
            seen.append(client.sentiment("좋아요").meta.provider)
            return vendors.count(NAMES[0]) - before

        assert at(0) == 2
        failed_at = clock.now - 100  # the retry has waited
        assert [at(failed_at + n) for n in (1, 29.9, 30.1, 60, 90, 90.2, 200, 211)] == [0, 0, 1, 0, 0, 1, 0, 1]
        assert set(seen) == {NAMES[1]}
        times = [at(failed_at + 211 + 240.1 + n) for n in (0, 479, 480.2, 1079, 1080.4, 1680.6)]
        assert times == [1, 0, 1, 0, 1, 1]  # 240 s, 480 s, then ten minutes each time
        del vendors.answers[NAMES[0]]
        assert at(failed_at + 211 + 240.1 + 2281) == 1
        assert [at(2800 + n) for n in range(3)] == [1, 1, 1]
        assert set(seen[-4:]) == {NAMES[0]}


@pytest.mark.parametrize("code", [429, 503])
def test_the_time_that_a_vendor_names_counts(code: int) -> None:
    """Retry-After says for how long the vendor is left out, in place of 30 s."""
    clock = Clock()
    vendors = Vendors(**{NAMES[0]: lambda _: refused(code, retry_after="100")})
    with Client(asked(), send=vendors, clock=clock, sleep=clock.sleep) as client:
        counts = []
        for now in (0, 40, 99, 101, 200, 202):
            clock.now = float(now)
            assert client.sentiment("좋아요").meta.provider == NAMES[1]
            counts.append(vendors.count(NAMES[0]))
        assert counts == [1, 1, 1, 2, 2, 3]
        clock.now = 250.0
        why = client.sentiment("좋아요").meta.tried[0]
        assert (why.error, why.billed_max) == ("UnavailableError", 0)
        assert "not asked for another 72 s" in why.why


def test_what_fails_one_input_or_one_operation_cools_nothing_else() -> None:
    """A refused input is an answer; an approval that one operation lacks says nothing of another."""
    clock = Clock()
    vendors = Vendors(**{NAMES[1]: KEPT["400"].answer})
    with Client(asked(NAMES[1:]), send=vendors, clock=clock, sleep=clock.sleep) as client:
        for _ in range(3):
            with pytest.raises(e.BadRequestError):
                client.sentiment("좋아요")
        assert vendors.count(NAMES[1]) == 3
        vendors.answers[NAMES[1]] = PASSED_ON["403"].answer
        assert client.sentiment("좋아요").meta.provider == NAMES[2]
        del vendors.answers[NAMES[1]]
        assert client.sentiment("좋아요").meta.provider == NAMES[2]
        assert client.key_phrases("좋아요").meta.provider == NAMES[1]


def test_only_one_call_probes(call: Caller) -> None:
    """While the probe is under way all other calls go to the next vendor; a probe that is broken off is made anew."""
    clock, waiting, go = Clock(), threading.Event(), threading.Event()
    vendors = Vendors(**{NAMES[0]: PASSED_ON["500"].answer})
    with Client(asked(), send=vendors, clock=clock, sleep=clock.sleep) as client:
        client.sentiment("좋아요")
        clock.now += 31

        def hanging(_: Request) -> Response:
            waiting.set()
            go.wait(10)
            return ok({"score": 0.1})

        vendors.answers[NAMES[0]] = hanging
        probe = threading.Thread(target=lambda: client.sentiment("이것은 시험"))
        probe.start()
        assert waiting.wait(10)
        others = [client.sentiment("좋아요").meta for _ in range(5)]
        assert {meta.provider for meta in others} == {NAMES[1]}
        assert "a call probes it" in others[0].tried[0].why
        go.set()
        probe.join(10)
        assert client.sentiment("좋아요").meta.provider == NAMES[0]
        vendors.answers[NAMES[0]] = PASSED_ON["500"].answer
        client.sentiment("좋아요")
        clock.now += 31

        def interrupted(_: Request) -> Response:
            raise KeyboardInterrupt

        vendors.answers[NAMES[0]] = interrupted
        with pytest.raises(KeyboardInterrupt):
            client.sentiment("좋아요")
        del vendors.answers[NAMES[0]]
        assert client.sentiment("좋아요").meta.provider == NAMES[0]


def test_calls_under_way_give_up_and_make_the_time_no_longer() -> None:
    """A call whose attempt fails after another call has failed is not tried again, and counts as the same failure."""
    clock, under_way, go = Clock(), threading.Event(), threading.Event()

    def fail(request: Request) -> Response:
        if request.json["text"] == "먼저":
            under_way.set()
            go.wait(10)
        return refused(500)

    vendors = Vendors(**{NAMES[0]: fail})
    with Client(asked(), send=vendors, clock=clock, sleep=lambda _: None) as client:
        first = threading.Thread(target=lambda: client.sentiment("먼저"))
        first.start()
        assert under_way.wait(10)
        client.sentiment("나중")
        go.set()
        first.join(10)
        assert vendors.count(NAMES[0]) == 1 + 2
        del vendors.answers[NAMES[0]]
        clock.now += 30.1
        assert client.sentiment("다시").meta.provider == NAMES[0]


@pytest.mark.loopback
@both
def test_three_servers(colour: str) -> None:
    """By real connections: nobody listens at the first, the second breaks the connection, the third one answers."""
    good = as_json({"score": 0.25})
    call = Caller(colour)
    with (
        nobody_listening() as nowhere,
        faultd(lambda c: c.reset()) as resets,
        faultd(reply(good)) as answers,
    ):
        urls = [nowhere, resets.url, answers.url]
        providers = asked(NAMES, **{name: {"url": url} for name, url in zip(NAMES, urls, strict=True)})
        clock = Clock()
        meta = call(providers, "sentiment", "좋아요", client_clock=clock, client_sleep=clock.sleep).meta
        assert (resets.count, answers.count) == (2, 1)
        assert (meta.provider, meta.billed_max) == (NAMES[2], 1)
        assert [(each.error, each.billed_max) for each in meta.tried] == [
            ("ConnectError", 0),
            ("ConnectionLostError", 2),
        ]
    with faultd(lambda c: c.send(head("500 No", size=2), b"{}")) as broken, faultd(reply(good)) as answers:
        key = f"not-a-real-key-of-{colour}"  # who has another key is another account
        providers = asked(NAMES[:2], **{NAMES[0]: {"url": broken.url, "key": key}, NAMES[1]: {"url": answers.url}})
        assert call(providers, "sentiment", "좋아요", client_sleep=lambda _: None).meta.provider == NAMES[1]
        # Another client of the same account knows that the vendor is broken, because all of the process share that.
        meta = call(providers, "sentiment", "좋아요", client_sleep=lambda _: None).meta
        assert (broken.count, answers.count, meta.tried[0].error) == (2, 2, "UnavailableError")


def test_a_file_is_read_once_for_all(call: Caller) -> None:
    """A pipe can be read only once, and every provider gets what was in it."""
    read, write = os.pipe()
    threading.Thread(target=lambda: (os.write(write, PICTURE.read_bytes()), os.close(write)), daemon=True).start()
    azure = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
    clock = Clock()
    with os.fdopen(read, "rb") as pipe:
        faces = call(
            [azure, Local()],
            "detect_faces",
            pipe,
            send=lambda _: refused(403),
            client_clock=clock,
            client_sleep=clock.sleep,
        )
    meta = faces.meta
    assert (meta.provider, [each.error for each in meta.tried]) == ("local", ["ForbiddenError"])
    assert meta.image_size
    assert meta.sha256 == sha256(PICTURE.read_bytes()).hexdigest()


def test_a_client_of_several_is_a_client(call: Caller) -> None:
    """It says what it can do, shows its providers and no key, and refuses a list that makes no sense."""
    client = Client(asked(), send=Vendors())
    assert client.supports("key_phrases")
    assert not client.supports("translate")
    assert "not-a-real-key" not in repr(client)
    assert repr(client).count("Played(") == 3
    assert client.with_options(timeout=3.0).sentiment("좋아요").meta.provider == NAMES[0]
    for given, what in (([], "no provider"), ([asked()[0], asked()[0]], "twice"), (["nobody"], "is no provider")):
        with pytest.raises(e.SettingsError, match=what):
            Client(given)
    again = pickle.loads(pickle.dumps(Client(["local", "azure"])))
    assert [provider.name for provider in again.providers] == ["local", "azure"]


@pytest.mark.parametrize("answer", [PASSED_ON["500"].answer, KEPT["400"].answer, KEPT["not JSON"].answer])
def test_an_error_keeps_neither_the_text_nor_the_key(call: Caller, answer: Any) -> None:
    """No variable of our frames, and no text of an error or of what was tried, has what was sent."""
    vendors = Vendors(**dict.fromkeys(NAMES, answer))
    text, key = "카나리아 글월 canary-text-30", "canary-key-4f9c2e7b81-30"
    providers = asked(NAMES, **{name: {"key": key} for name in NAMES})
    with pytest.raises(e.CloudAIError) as failure:
        ask(call, providers, vendors, text)
    assert held(failure.value, text, key) == []
    with pytest.raises(e.SettingsError) as failure:
        ask(call, providers, vendors, text, language="한국어")
    assert held(failure.value, text, key) == []
