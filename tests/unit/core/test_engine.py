"""One exchange and what is around it, under both drivers."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from typing import Any

import pytest

import cloudai
from cloudai import AsyncClient, Client
from cloudai.core.flow import Blob, Flow, Request, Response, waiting
from cloudai.core.tokens import Token
from cloudai.errors import (
    AuthError,
    BadRequestError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    MalformedResponseError,
    RateLimitedError,
    RedirectBlockedError,
    ServerError,
    UnavailableError,
)
from cloudai.models.text import Sentiment
from tests.conftest import Caller
from tests.made_up.provider import Clock, MadeUp, ok, refused
from tests.support.virtual_time import run_virtually


class Replies:
    """A service that gives these replies, or raises these errors, in turn, and keeps what it was asked."""

    def __init__(self, *replies: Response | Exception) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """Return the next reply, or raise the next error."""
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def ask(call: Caller, replies: Replies, *, clock: Clock | None = None, **options: Any) -> Any:
    """Make one call of `sentiment` with a clock that only sleeping moves."""
    clock = clock or Clock()
    return call(MadeUp(), "sentiment", "good", send=replies, client_clock=clock, client_sleep=clock.sleep, **options)


def test_a_good_reply_becomes_a_result_with_meta_and_raw(call: Caller) -> None:
    """The result carries who answered, with which model, at what cost, and the reply itself."""
    replies = Replies(ok({"score": 0.5, "model": "m-7"}, **{"X-Request-Id": "r-1"}))
    result = ask(call, replies, language="ko")
    assert result.score == 0.5
    assert result.raw == {"score": 0.5, "model": "m-7"}
    meta = result.meta
    assert (meta.provider, meta.operation, meta.service, meta.api_version) == (
        "made-up",
        "sentiment",
        "mood",
        "v1",
    )
    assert (meta.model, meta.request_id, meta.attempts) == ("m-7", "r-1", 1)
    assert (meta.billed_min, meta.billed_max, meta.replayed) == (1, 1, False)
    assert meta.input.startswith("text-")


def test_the_text_itself_is_not_in_meta(call: Caller) -> None:
    """Meta names a text by its digest, never by its words."""
    assert "good" not in repr(ask(call, Replies(ok({"score": 0}))).meta)


@pytest.mark.parametrize(
    "failure",
    [
        ConnectError("refused"),
        refused(408),
        refused(429),
        refused(500),
        refused(502),
        refused(503),
        refused(529),
    ],
    ids=lambda f: str(getattr(f, "status", f)),
)
def test_what_may_pass_is_tried_again(call: Caller, failure: Response | Exception) -> None:
    """A connection never made, 408, 429 and 5xx are tried again, and a good reply then counts."""
    replies = Replies(failure, ok({"score": 1}))
    result = ask(call, replies)
    assert result.score == 1
    assert result.meta.attempts == len(replies.requests) == 2


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refused(400), BadRequestError),
        (refused(401), AuthError),
        (refused(404), BadRequestError),
        (refused(501), ServerError),
        (Response(302, {"location": "https://elsewhere.example"}), RedirectBlockedError),
        (Response(204, {}), MalformedResponseError),
        (Response(206, {}, b'{"score": 0}'), MalformedResponseError),
    ],
    ids=str,
)
def test_what_will_not_pass_is_not_tried_again(call: Caller, failure: Any, kind: type[Exception]) -> None:
    """A refusal, a redirect, and a good status without a whole reply leave at once, as their own error."""
    replies = Replies(failure)
    with pytest.raises(kind) as raised:
        ask(call, replies)
    assert raised.value.attempts == len(replies.requests) == 1
    assert raised.value.provider == "made-up"


def test_attempts_end(call: Caller) -> None:
    """After max_attempts the last error leaves, with the number of attempts; refused calls are not billed."""
    replies = Replies(*[refused(429)] * 9)
    with pytest.raises(RateLimitedError) as raised:
        ask(call, replies, client_max_attempts=4)
    assert raised.value.attempts == len(replies.requests) == 4
    assert (raised.value.billed_min, raised.value.billed_max, raised.value.state) == (0, 0, "REFUSED")


@pytest.mark.parametrize("failure", [ConnectionLostError("reset"), refused(500), refused(503)], ids=str)
def test_what_may_have_been_carried_out_is_tried_once_more(call: Caller, failure: Any) -> None:
    """However many attempts are allowed: a call may be paid twice, never three times; "raise" pays once at most."""
    replies = Replies(*[failure] * 9)
    with pytest.raises(CloudAIError) as raised:
        ask(call, replies, client_max_attempts=9)
    assert raised.value.attempts == len(replies.requests) == 2
    assert (raised.value.billed_min, raised.value.billed_max, raised.value.state) == (0, 2, "UNKNOWN")
    replies = Replies(*[failure] * 9)
    with pytest.raises(CloudAIError) as raised:
        ask(call, replies, client_on_unknown="raise")
    assert raised.value.attempts == len(replies.requests) == 1


def test_refusals_between_do_not_count_as_unknown(call: Caller) -> None:
    """A 429 and then a 500: the second attempt of the three is the first that is unknown."""
    replies = Replies(refused(429), refused(500), ok({"score": 1}))
    assert ask(call, replies).score == 1


def test_a_503_that_says_when_to_come_back_is_a_refusal(call: Caller) -> None:
    """It has not begun: three attempts, and nothing billed."""
    replies = Replies(*[refused(503, retry_after="1")] * 9)
    with pytest.raises(UnavailableError) as raised:
        ask(call, replies)
    assert (raised.value.attempts, raised.value.billed_max) == (3, 0)


def test_looking_at_a_job_goes_on_until_the_deadline(call: Caller) -> None:
    """Polls cost nothing: a service that fails for a while does not lose a job that is paid."""
    clock = Clock()
    replies = Replies(ok({"id": 1}), *[refused(500)] * 60, ok({"code": "ko"}))
    result = call(
        *(MadeUp(), "detect_language", "x"), send=replies, client_clock=clock, client_sleep=clock.sleep, timeout=999.0
    )
    assert (result.code, result.meta.billed_max) == ("ko", 1)


def test_an_unusable_good_reply_may_have_been_billed_or_not(call: Caller) -> None:
    """A 200 that cannot be read: from nothing to one, and its state says that nobody knows."""
    with pytest.raises(MalformedResponseError) as raised:
        ask(call, Replies(Response(200, {}, b"{")))
    assert (raised.value.billed_min, raised.value.billed_max, raised.value.state) == (0, 1, "UNKNOWN")


def test_an_unusable_reply_is_not_lost(call: Caller) -> None:
    """It may be paid for: the error holds it, as JSON or as bytes, and no text of the error does."""
    for content, raw in ((b'{"score": "a secret"}', {"score": "a secret"}), (b'{"a secret', b'{"a secret')):
        with pytest.raises(MalformedResponseError) as raised:
            ask(call, Replies(Response(200, {}, content)))
        assert raised.value.raw == raw
        assert "a secret" not in str(raised.value) + repr(raised.value)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_leaves_as_it_is(kind: type[BaseException]) -> None:
    """No error of ours takes its place, and the client goes on working."""
    left: list[Any] = [kind(), ok({"score": 0})]

    def send(_: Request) -> Response:
        reply = left.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply

    with Client(MadeUp(), send=send, max_concurrency=1) as client:
        with pytest.raises(kind):
            client.sentiment("x")
        assert client.sentiment("x").score == 0


def test_a_replay_waits_for_nobody() -> None:
    """With a sleep that takes no time, a 429 with a long hint is passed at once."""
    began = time.monotonic()
    with Client(
        MadeUp(), send=Replies(refused(429, retry_after="30"), ok({"score": 0})), sleep=lambda _: None
    ) as client:
        assert client.sentiment("x").meta.attempts == 2
    assert time.monotonic() - began < 25


def test_an_outage_costs_few_requests() -> None:
    """A thousand calls to a service that is down: two calls ask it, and once it answers again all calls do."""
    replies = Replies(*[refused(503)] * 3000)
    clock = Clock()
    with Client(MadeUp(), send=replies, clock=clock, sleep=clock.sleep) as client:
        for _ in range(1000):
            with pytest.raises(UnavailableError):
                client.sentiment("x")
        assert len(replies.requests) == 3
        clock.now += 31
        replies.replies = [ok({"score": 0})] * 50
        for _ in range(50):
            client.sentiment("x")
        replies.replies = [refused(503), ok({"score": 0})]
        assert client.sentiment("x").score == 0  # what succeeds earns retries


def test_a_429_holds_back_every_call_to_that_endpoint() -> None:
    """Sixty-four workers, one 429 with a hint: until then nobody sends, and then not all at once."""
    sent: list[float] = []

    async def workers() -> None:
        clock = asyncio.get_running_loop().time

        async def asend(request: Request) -> Response:
            sent.append(clock())
            return refused(429, retry_after="1") if len(sent) == 1 else ok({"score": 0})

        async with AsyncClient(MadeUp(), send=asend, max_concurrency=64, clock=clock, sleep=asyncio.sleep) as client:
            first = asyncio.ensure_future(client.sentiment("x"))
            await asyncio.sleep(0.05)
            await asyncio.gather(first, *(client.sentiment(str(n)) for n in range(63)))

    run_virtually(workers)
    assert len(sent) == 65
    assert min(sent[1:]) >= 1
    bins = [sum(start <= at < start + 0.25 for at in sent[1:]) for start in (1, 1.25, 1.5)]
    assert max(bins) < 60


@pytest.mark.long
def test_clients_of_one_key_wait_together() -> None:
    """A 429 to one holds back the other; a client with another key goes on."""
    began, slept = time.monotonic(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    first = Client(MadeUp(key="one"), send=Replies(refused(429, retry_after="1")), max_attempts=1)
    second, other = (Client(MadeUp(key=key), send=Replies(ok({"score": 0})), sleep=sleep) for key in ("one", "two"))
    with first, second, other:
        with pytest.raises(RateLimitedError):
            first.sentiment("x")
        other.sentiment("x")
        assert slept == []
        second.sentiment("x")
        assert time.monotonic() - began >= 1


def test_a_gate_closed_for_longer_than_the_call_has_raises_at_once() -> None:
    """The second call is not sent: it says how long the service asked to wait."""
    clock = Clock()
    replies = Replies(refused(429, retry_after="50"))
    with Client(MadeUp(), send=replies, clock=clock, sleep=clock.sleep, timeout=10) as client:
        with pytest.raises(RateLimitedError):
            client.sentiment("x")
        with pytest.raises(RateLimitedError, match="asked to wait, 50 s still") as raised:
            client.sentiment("y")
    assert (raised.value.attempts, raised.value.state, len(replies.requests)) == (0, "NOT_SENT", 1)


@pytest.mark.long
def test_a_token_that_is_refused_is_replaced_once() -> None:
    """A 401 in the middle of a run: one new token for all, one more attempt each; a second 401 is final."""
    made: list[str] = []

    def tokens() -> Token:
        made.append(f"t-{len(made)}")
        time.sleep(0.02)
        return Token(made[-1], time.time() + 3600)

    async def asend(request: Request) -> Response:
        return refused(401) if request.headers["Authorization"] == "Bearer t-0" else ok({"score": 0})

    async def hundred() -> None:
        async with AsyncClient(MadeUp(tokens=tokens), send=asend) as client:
            results = await asyncio.gather(*(client.sentiment(str(n)) for n in range(100)))
            assert {result.meta.attempts for result in results} <= {1, 2}

    asyncio.run(hundred())
    assert made == ["t-0", "t-1"]
    replies = Replies(*[refused(401)] * 9)
    with pytest.raises(AuthError), Client(MadeUp(tokens=tokens), send=replies) as client:
        client.sentiment("x")
    assert len(replies.requests) == 2


def test_a_failed_refresh_is_harmless_while_the_old_token_is_valid() -> None:
    """Less than five minutes left, and no new token to be had: the old one serves on."""
    made = iter([Token("old", time.time() + 200)])

    def tokens() -> Token:
        try:
            return next(made)
        except StopIteration:
            raise ServerError("down", status=503) from None

    replies = Replies(*[ok({"score": 0})] * 3)
    with Client(MadeUp(tokens=tokens), send=replies) as client:
        for _ in range(3):
            client.sentiment("x")
    assert {request.headers["Authorization"] for request in replies.requests} == {"Bearer old"}


@pytest.mark.long
def test_one_callers_short_time_does_not_fail_the_others() -> None:
    """The call that fetches the token has no time left; who waits with more time fetches it again."""

    def tokens() -> Token:
        time.sleep(0.3)
        return Token("t", time.time() + 3600)

    async def asend(_: Request) -> Response:
        return ok({"score": 0.25})

    async def scene() -> float | None:
        async with AsyncClient(MadeUp(tokens=tokens), send=asend) as client:
            hasty = asyncio.ensure_future(client.sentiment("x", timeout=0.05))
            patient = asyncio.ensure_future(client.sentiment("y"))
            with pytest.raises(DeadlineExceededError):
                await hasty
            return (await patient).score

    assert asyncio.run(scene()) == 0.25


def test_the_vendors_hint_is_a_floor(call: Caller) -> None:
    """The wait is at least what Retry-After says, and not much more."""
    clock = Clock()
    ask(call, Replies(refused(429, retry_after="5"), ok({"score": 0})), clock=clock)
    assert 5 <= clock.slept[0] <= 5.5


def test_a_hint_beyond_the_deadline_is_not_waited_for(call: Caller) -> None:
    """A hint longer than the time left raises at once, and says how long the vendor asked to wait."""
    clock = Clock()
    with pytest.raises(RateLimitedError) as raised:
        ask(call, Replies(refused(429, retry_after="86400")), clock=clock)
    assert clock.slept == []
    assert raised.value.retry_after == 86400


@pytest.mark.parametrize("hint", ["inf", "nan", "-5", "soon", "1e400", ""])
def test_an_absurd_hint_is_no_hint(call: Caller, hint: str) -> None:
    """A hint that is not a finite, non-negative number of seconds is ignored: our own short wait serves."""
    clock = Clock()
    ask(call, Replies(refused(429, retry_after=hint), ok({"score": 0})), clock=clock)
    assert clock.slept[0] <= 0.5


def test_a_date_hint_is_measured_against_the_replys_own_clock(call: Caller) -> None:
    """An HTTP date counts from the reply's Date header, so that a wrong clock here does no harm."""
    clock = Clock()
    reply = refused(429, retry_after="Fri, 01 Jan 2021 00:00:07 GMT", date="Fri, 01 Jan 2021 00:00:00 GMT")
    ask(call, Replies(reply, ok({"score": 0})), clock=clock)
    assert 7 <= clock.slept[0] <= 7.7


def test_the_deadline_covers_retries_and_waits(call: Caller) -> None:
    """However many attempts are allowed, no wait goes beyond the call's total time."""
    clock = Clock()
    with pytest.raises(ServerError):
        ask(call, Replies(*[refused(503)] * 999), clock=clock, client_max_attempts=999, timeout=20.0)
    assert clock.now <= 20


def test_each_attempt_is_told_the_time_left(call: Caller) -> None:
    """Request.timeout shrinks by what earlier attempts and waits took."""
    replies = Replies(refused(429, retry_after="6"), ok({"score": 0}))
    ask(call, replies, timeout=30.0)
    first, second = (request.timeout for request in replies.requests)
    assert first is not None
    assert second is not None
    assert second <= first - 6 + 0.5


def test_a_job_is_polled_until_it_is_done(call: Caller) -> None:
    """Polls wait, cost nothing, and only the last one is in raw."""
    clock = Clock()
    replies = Replies(ok({"id": 1}), ok({}), ok({}), ok({"code": "ko"}))
    result = call(MadeUp(), "detect_language", "x", send=replies, client_clock=clock, client_sleep=clock.sleep)
    assert result.code == "ko"
    assert clock.slept == [1, 1, 1]
    assert (result.meta.billed_min, result.meta.billed_max, result.meta.attempts) == (1, 1, 4)
    assert result.raw == [{"id": 1}, {"code": "ko"}]


def test_polling_ends_at_the_deadline(call: Caller) -> None:
    """A job that never ends is given up when the call's time is used up."""
    clock = Clock()
    replies = Replies(*[ok({})] * 999)
    with pytest.raises(DeadlineExceededError):
        call(
            MadeUp(),
            "detect_language",
            "x",
            send=replies,
            client_clock=clock,
            client_sleep=clock.sleep,
            timeout=9.0,
        )
    assert clock.now <= 9


def test_parts_of_a_job_run_at_once(call: Caller) -> None:
    """Two parts of one job are in flight at the same time, and their results keep their order."""
    together = threading.Barrier(2, timeout=5)
    arrived = asyncio.Event()

    async def wait_for_both(request: Request) -> Response:
        if request.method == "POST":
            if arrived.is_set():
                return ok({})
            arrived.set()
            await asyncio.sleep(0)
        return ok({"code": request.url[-2:]})

    def send(request: Request) -> Any:
        if call.colour == "awaiting":
            return wait_for_both(request)
        if request.method == "POST":
            together.wait()
        return ok({"code": request.url[-2:]})

    result = call(MadeUp(), "detect_language", "ko|en", send=send, client_sleep=lambda _: None)
    assert result.code == "ko+en"


def test_the_error_of_a_part_carries_the_others(call: Caller) -> None:
    """The error of a part that fails says so, and keeps the results of the other parts."""

    def send(request: Request) -> Response:
        if request.method == "POST" and request.json == {"text": "en"}:
            return refused(400)
        return ok({"code": "ko"})

    with pytest.raises(BadRequestError) as raised:
        call(MadeUp(), "detect_language", "ko|en", send=send, client_sleep=lambda _: None)
    assert raised.value.partial == ["ko", None]


def test_a_token_is_fetched_once_for_all_who_wait() -> None:
    """Fifty calls at once with no token yet: one fetch, under both drivers."""
    fetched: list[int] = []

    def tokens() -> Token:
        time.sleep(0.05)
        fetched.append(1)
        return Token("t-1", time.time() + 3600)

    seen: list[str] = []

    def send(request: Request) -> Response:
        seen.append(request.headers["Authorization"])
        return ok({"score": 0})

    async def asend(request: Request) -> Response:
        return send(request)

    async def fifty() -> None:
        async with AsyncClient(MadeUp(tokens=tokens), send=asend) as client:
            await asyncio.gather(*(client.sentiment("x") for _ in range(50)))

    asyncio.run(fifty())
    assert len(fetched) == 1
    with Client(MadeUp(tokens=tokens), send=send) as client:
        threads = [threading.Thread(target=client.sentiment, args=("x",)) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(fetched) == 2
    assert seen == ["Bearer t-1"] * 100


def test_an_old_token_is_fetched_anew(call: Caller) -> None:
    """A token with less than five minutes left is replaced before it is used."""
    made = iter([Token("old", time.time() + 10), Token("new", time.time() + 3600)])
    replies = Replies(ok({"score": 0}), ok({"code": "ko"}))
    call(MadeUp(tokens=lambda: next(made)), "detect_language", "x", send=replies, client_sleep=lambda _: None)
    assert [r.headers["Authorization"] for r in replies.requests] == ["Bearer old", "Bearer new"]


def test_cancelling_one_waiter_leaves_the_token_to_the_others() -> None:
    """The first caller asks for a token and is cancelled: the second still gets it."""
    release = threading.Event()

    def tokens() -> Token:
        release.wait(60)
        return Token("t", time.time() + 3600)

    async def asend(_: Request) -> Response:
        return ok({"score": 0.25})

    async def scene() -> float | None:
        async with AsyncClient(MadeUp(tokens=tokens), send=asend) as client:
            first = asyncio.ensure_future(client.sentiment("x"))
            second = asyncio.ensure_future(client.sentiment("y"))
            await asyncio.sleep(0.05)
            first.cancel()
            release.set()
            with pytest.raises(asyncio.CancelledError):
                await first
            return (await second).score

    assert asyncio.run(scene()) == 0.25


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b'{"score": NaN}',
        b'{"score": 1e999}',
        b'{"score": "0.5"}',
        b'{"score": 7}',
        b"\xff\xfe",
    ],
)
def test_a_reply_that_is_not_what_it_should_be_is_one_error(call: Caller, body: bytes) -> None:
    """Not JSON, not a number, not finite, out of range: MalformedResponseError, and no retry."""
    replies = Replies(Response(200, {}, body))
    with pytest.raises(MalformedResponseError) as raised:
        ask(call, replies)
    assert len(replies.requests) == 1
    assert raised.value.provider == "made-up"


def test_extra_is_merged_into_the_first_billed_request(call: Caller) -> None:
    """Options that cloudai has no name for go out by extra=: the body merged deep, parameters and headers added."""
    replies = Replies(ok({"score": 0}))
    ask(call, replies, extra={"options": {"a": 1}}, extra_params={"p": "1"}, extra_headers={"x-h": "2"})
    request = replies.requests[0]
    assert request.json == {"text": "good", "options": {"a": 1}}
    assert (request.params["p"], request.headers["x-h"]) == ("1", "2")


def test_events_tell_everything_but_content(call: Caller) -> None:
    """Attempts, replies, waits and the result are told in order; no text, key or reply among them."""
    events: list[cloudai.Event] = []
    ask(call, Replies(refused(503), ok({"score": 0})), client_on_event=events.append)
    assert [event.kind for event in events] == ["attempt", "reply", "wait", "attempt", "reply", "result"]
    assert events[1].status == 503
    assert "good" not in repr(events)


def test_an_empty_text_is_refused_before_anything_is_sent(call: Caller) -> None:
    """A blank line fails alone, here, with advice."""
    replies = Replies()
    with pytest.raises(cloudai.InputError, match=r"the text is empty\. Leave blank lines out\."):
        call(MadeUp(), "sentiment", " \n", send=replies)
    assert replies.requests == []


def test_no_more_than_max_concurrency_are_in_flight() -> None:
    """Twenty calls at once with three places: never more than three in flight."""
    flying, most = 0, 0

    async def asend(_: Request) -> Response:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.005)
        flying -= 1
        return ok({"score": 0})

    async def twenty() -> None:
        async with AsyncClient(MadeUp(), send=asend, max_concurrency=3) as client:
            await asyncio.gather(*(client.sentiment("x") for _ in range(20)))

    asyncio.run(twenty())
    assert most == 3


def test_waiting_for_a_place_ends_at_the_deadline() -> None:
    """A call that finds all places taken gives up when its time is used up."""
    inside, leave = threading.Event(), threading.Event()

    def send(_: Request) -> Response:
        inside.set()
        leave.wait(60)
        return ok({"score": 0})

    with Client(MadeUp(), send=send, max_concurrency=1) as client:
        thread = threading.Thread(target=client.sentiment, args=("x",))
        thread.start()
        assert inside.wait(60)
        with pytest.raises(DeadlineExceededError, match="no free place"):
            client.sentiment("y", timeout=0.05)
        leave.set()
        thread.join()


def test_an_upload_is_let_go_with_its_call() -> None:
    """No circle of references keeps a picture in memory until the garbage collector comes."""
    watched: list[Any] = []

    class Uploads(MadeUp):
        """A vendor whose request has a Blob in it."""

        def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
            """Send one request with a Blob in it."""
            blob = Blob("0" * 64, text.encode)
            watched.append(weakref.ref(blob))
            yield Request("POST", "https://made-up.example/v1", service="mood", json={"blob": blob})
            return Sentiment(score=0.5)

    gc.disable()
    try:
        with Client(Uploads(), send=lambda request: ok({})) as client:
            client.sentiment("좋아요")
        assert [found() for found in watched] == [None]
    finally:
        gc.enable()


def test_a_token_that_came_meanwhile_is_not_fetched_again() -> None:
    """A caller finds none, and before it asks another has got one: it takes that."""
    fetched: list[int] = []
    looked, first_done = threading.Event(), threading.Event()

    class Late(MadeUp):
        def login(self, service: str) -> str:
            if threading.current_thread().name == "late":
                looked.set()
            return super().login(service)

    def tokens() -> Token:
        fetched.append(1)
        return Token("t", time.time() + 3600)

    def clock() -> float:
        if threading.current_thread().name == "late" and looked.is_set():
            first_done.wait(5)
        return time.monotonic()

    with Client(Late(tokens=tokens), send=lambda _: ok({"score": 0}), clock=clock) as client:
        late = threading.Thread(target=client.sentiment, args=("x",), name="late")
        late.start()
        assert looked.wait(5)
        client.sentiment("x")
        first_done.set()
        late.join()
    assert len(fetched) == 1


def test_a_login_without_a_newer_token_is_not_asked_at_every_call() -> None:
    """It gives the same again, with four minutes left: asked once a second at most."""
    fetched: list[int] = []
    same = Token("t", time.time() + 240)

    def tokens() -> Token:
        fetched.append(1)
        return same

    clock = Clock()
    with Client(MadeUp(tokens=tokens), send=lambda _: ok({"score": 0}), clock=clock, sleep=clock.sleep) as client:
        for _ in range(20):
            client.sentiment("x")
        assert len(fetched) == 2
        clock.now += 1.5
        client.sentiment("x")
    assert len(fetched) == 3


def test_a_call_s_error_names_its_own_input(call: Caller) -> None:
    """A token that cannot be had is nobody's fault among those who wait: not sent, not billed, tried again."""
    asked: list[int] = []

    def tokens() -> Token:
        asked.append(1)
        raise ServerError("no", status=500)

    with pytest.raises(ServerError) as raised:
        call(
            MadeUp(tokens=tokens),
            "sentiment",
            "x",
            send=Replies(),
            client_sleep=lambda _: None,
            client_on_unknown="raise",  # it is not unknown: nothing of the call went out
        )
    error = raised.value
    assert (error.state, error.billed_min, error.billed_max, error.attempts) == ("NOT_SENT", 0, 0, 0)
    assert len(asked) == 2


def test_what_waits_has_a_thread_of_its_own_and_the_call_s_time(call: Caller) -> None:
    """It is given up at the deadline, and holds no place among the threads that compute."""
    release = threading.Event()

    class Waits(MadeUp):
        def token(self, service: str) -> Any:
            return waiting(release.wait, 30)

    began = time.monotonic()
    with pytest.raises(DeadlineExceededError, match="token did not come in time"):
        call(Waits(), "sentiment", "x", send=Replies(), timeout=0.3)
    assert time.monotonic() - began < 25
    release.set()


def test_a_fork_in_the_middle_of_a_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child does not wait for a thread that only its parent has: it fetches a token of its own."""
    release, fetching = threading.Event(), threading.Event()
    fetched: list[int] = []

    def tokens() -> Token:
        fetched.append(1)
        if len(fetched) == 1:
            fetching.set()
            release.wait(60)
        return Token("t", time.time() + 3600)

    with Client(MadeUp(tokens=tokens), send=lambda _: ok({"score": 0})) as client:
        parent = threading.Thread(target=client.sentiment, args=("x",))
        parent.start()
        assert fetching.wait(60)
        with monkeypatch.context() as child:
            child.setattr("cloudai.core.drivers.blocking.os.getpid", lambda: -1)
            assert client.sentiment("x", timeout=20).score == 0
        release.set()
        parent.join()
    assert len(fetched) == 2


class Rotating(MadeUp):
    """Signs with another key each time, in one and the same dict of headers."""

    shared: dict[str, str] = {}  # noqa: RUF012  # one dict for all requests is the point

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with the next key."""
        self.shared["X-Api-Key"] = f"not-a-real-key-{len(self.shared.get('X-Api-Key', '')):03}"
        return request.altered(headers=self.shared)


def test_a_key_in_a_dict_that_is_used_again_is_withheld() -> None:
    """A reply that repeats the key of its request has it withheld, also where the provider signs in the same dict."""

    def echoing(request: Request) -> Response:
        return ok({"score": 0.5, "echo": request.headers["X-Api-Key"]})

    with Client(Rotating(), send=echoing) as client:
        assert [client.sentiment("good").raw["echo"] for _ in range(2)] == ["REDACTED"] * 2
