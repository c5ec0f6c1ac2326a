"""Who is to blame: the service, a quota, or one input; over several runs, and at the edges between them."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pictures

import cloudai
from cloudai import AsyncClient, ConnectionLostError, PausedError, RateLimitedError
from cloudai.core.flow import Request, Response
from cloudai.errors import DeadlineExceededError
from tests.made_up.provider import Clock, MadeUp, ok, refused
from tests.support.batches import Batcher, Server, both
from tests.support.length import both_by_turns, length
from tests.support.paths import FIXTURES
from tests.support.virtual_time import run_virtually

TEXTS = [f"후기 {n}" for n in range(1000)]


def batcher(colour: str, send: Any, **client: Any) -> Batcher:
    """Return a batcher with a clock that only sleeping moves."""
    clock = Clock()
    return Batcher(colour, MadeUp(key="not-a-real-key"), send, {"clock": clock, "sleep": clock.sleep, **client})


def good(_: Request) -> Response:
    """Answer with a score."""
    return ok({"score": 0.5})


@pytest.mark.long
@both_by_turns("fault", [refused(503), refused(502), ConnectionLostError("cut"), DeadlineExceededError("late")])
def test_an_outage_of_many_runs_blames_nobody(fault: Any, colour: str, tmp_path: Path) -> None:
    """Five runs of a service that is down, or breaks down after its first reply: no input fails, and none is lost."""
    server, n_texts = Server(lambda _: fault), length(40, 200, 200)
    for run in range(5):
        begun = len(server.requests) + 1
        server.answer = lambda r, n=begun * (run % 2): good(r) if len(server.requests) == n else fault
        done = batcher(colour, server)("sentiment", TEXTS[:n_texts], journal=tmp_path / "j", concurrency=4)
        assert isinstance(done.error, PausedError)
        assert done.books["failed"] == 0
        assert done.balanced
    server.answer = good
    assert batcher(colour, server)("sentiment", TEXTS[:n_texts], journal=tmp_path / "j").books["done"] == n_texts


def test_many_at_once_find_out_as_cheaply() -> None:
    """Of 64 workers, each with a request on its way before the first fails, all the same only 50 requests come."""

    async def scene() -> int:
        n, clock = 0, asyncio.get_running_loop().time

        async def send(request: Request) -> Any:
            nonlocal n
            n += 1
            await asyncio.sleep(0.02)
            return refused(503)

        async with (
            AsyncClient(MadeUp(), send=send, max_concurrency=64, clock=clock, sleep=asyncio.sleep) as client,
            client.batch("sentiment", TEXTS, concurrency=64) as job,
        ):
            with pytest.raises(PausedError):
                async for _ in job:
                    pass
            assert job.balanced
        return n

    assert run_virtually(scene) <= 50


@both
def test_what_was_sent_before_the_pause_is_in_doubt(colour: str, tmp_path: Path) -> None:
    """Each input that may have been billed is in doubt, even without a retry, and in_doubt="skip" goes by it."""
    server = Server(lambda _: refused(503))
    done = batcher(colour, server)("sentiment", TEXTS[:60], journal=tmp_path / "j", concurrency=8)
    billed = {row["item"] for row in done.table if row["billed_max"]}
    assert billed == {row["item"] for row in done.table if row["status"] == "in_doubt"}
    sent = set(server.texts)
    assert len(sent) == len(billed)
    server.answer, server.requests = good, []
    done = batcher(colour, server)("sentiment", TEXTS[:60], journal=tmp_path / "j", in_doubt="skip")
    assert not sent & set(server.texts)
    assert (done.books["skipped"], done.books["done"]) == (len(sent), 60 - len(sent))


@both
def test_a_refusal_after_a_lost_reply_is_still_in_doubt(colour: str, tmp_path: Path) -> None:
    """The second attempt is turned away: what became of the first is as unknown as before."""
    replies = [ConnectionLostError("cut"), refused(401)]
    server = Server(lambda _: replies.pop(0))
    first = batcher(colour, server)("sentiment", ["글"], journal=tmp_path / "j")
    assert isinstance(first.error, cloudai.AuthError)
    assert first.values() == ["in_doubt"]
    assert batcher(colour, server)("sentiment", ["글"], journal=tmp_path / "j", in_doubt="skip").values() == ["skipped"]
    assert len(server.requests) == 2


@both
def test_a_503_that_says_when_is_waited_for(colour: str) -> None:
    """Two minutes, longer than a call has: waited for, and then each is answered."""
    clock = Clock()
    server = Server(lambda r: refused(503, retry_after="120") if clock.now < 100 else good(r))
    done = Batcher(colour, MadeUp(), server, {"clock": clock, "sleep": clock.sleep})(
        "sentiment", TEXTS[:5], concurrency=1
    )
    assert done.values() == ["ok"] * 5
    assert len(server.requests) <= 8


@both
def test_a_503_of_a_day_pauses(colour: str) -> None:
    """A service that says it comes back tomorrow is not waited for, and the error says when it does."""
    server = Server(lambda _: refused(503, retry_after="86400"))
    done = batcher(colour, server)("sentiment", TEXTS[:50])
    assert isinstance(done.error, PausedError)
    assert "Run the same again after 20" in str(done.error)
    assert len(server.requests) <= 8
    assert done.books["failed"] == 0


@both
def test_a_hint_without_sense_has_no_date(colour: str) -> None:
    """1e300 seconds: it pauses, and says so in words that can be said."""
    done = batcher(colour, Server(lambda _: refused(429, retry_after="1e300")))("sentiment", TEXTS[:5])
    assert isinstance(done.error, PausedError)
    assert "Run the same again later" in str(done.error)


def replied(fixture: str) -> Response:
    """Return the last reply of a recorded exchange."""
    held = json.loads((FIXTURES / fixture).read_text("utf-8"))["exchanges"][-1]["response"]
    return Response(held["status"], held["headers"], json.dumps(held["body"]).encode())


@both
@pytest.mark.parametrize(
    ("provider", "fixture", "when"),
    [
        ("google", "google/sentiment-day-quota.json", "after 20|tomorrow"),
        ("azure", "azure/detect_faces-month-quota.json", "after 20|next month"),
    ],
)
def test_a_spent_quota_pauses_at_the_first_reply(
    provider: str, fixture: str, when: str, colour: str, tmp_path: Path
) -> None:
    """Even where it is a 403, or asks to come again in two seconds: one request with one worker, and no input fails."""
    key = f"not-a-real-key-{colour}"
    made = (
        cloudai.Google(api_key=key)
        if provider == "google"
        else cloudai.Azure(key=key, endpoint="https://example.cognitiveservices.azure.com")
    )
    operation = "sentiment" if provider == "google" else "detect_faces"
    inputs: list[Any] = TEXTS[:30]
    if operation == "detect_faces":
        for n in range(30):
            Pictures.new("RGB", (60 + n, 60), "green").save(tmp_path / f"사진 {n}.png")
        inputs = sorted(tmp_path.glob("*.png"))
    server = Server(lambda _: replied(fixture))
    clock = Clock()
    done = Batcher(colour, made, server, {"clock": clock, "sleep": clock.sleep})(
        operation, inputs, journal=tmp_path / "j", concurrency=1
    )
    assert isinstance(done.error, PausedError)
    assert isinstance(done.error.__cause__, RateLimitedError)
    assert len(server.requests) == 1
    assert (done.books["failed"], done.books["not_started"]) == (0, 30)
    assert re.search(f"Run the same again ({when})", str(done.error)), str(done.error)


@pytest.mark.long
@both_by_turns(
    "status, place, concurrency",
    [(500, 0, 1), (500, 20, 8), (501, 20, 1), (501, 39, 8), (504, 39, 1), (504, 0, 8)],
)
def test_a_poison_alone_over_runs(status: int, place: int, concurrency: int, colour: str, tmp_path: Path) -> None:
    """First, in the middle or last: the others are done, it is sent three times in all runs, and then it has failed."""
    server = Server(lambda r: refused(status) if r.json["text"] == TEXTS[place] else good(r))
    for _ in range(length(3, 5, 5)):
        done = batcher(colour, server)("sentiment", TEXTS[:40], journal=tmp_path / "j", concurrency=concurrency)
        assert done.error is None
        assert done.books["done"] == 39
    times = Counter(server.texts)
    assert times[TEXTS[place]] == 3
    assert done.values()[place] == "failed"


@both
def test_a_poison_is_known_though_the_run_paused(colour: str, tmp_path: Path) -> None:
    """It went without an answer, others were answered, then the quota was spent: the next run needs one more look."""

    def answer(request: Request) -> Response:
        text = request.json["text"]
        if text == TEXTS[0]:
            return refused(500)
        return refused(429, retry_after="90000") if text == TEXTS[9] else good(request)

    server = Server(answer)
    for run in (1, 2, 3):
        done = batcher(colour, server)("sentiment", TEXTS[:10], journal=tmp_path / "j", concurrency=1)
        assert isinstance(done.error, PausedError)
        assert done.values()[0] == ("in_doubt" if run == 1 else "failed")
    assert Counter(server.texts)[TEXTS[0]] == 3


@both
def test_too_little_time_ends(colour: str) -> None:
    """A timeout in which nothing can be sent: the batch ends, and says what to change; nothing goes on for ever."""
    clock = Clock()

    def slow_clock() -> float:
        clock.now += 0.01
        return clock.now

    run = Batcher(colour, MadeUp(), Server(good), {"clock": slow_clock, "sleep": clock.sleep})
    done = run("sentiment", TEXTS[:20], options={"timeout": 1e-6}, concurrency=1)
    assert done.balanced
    assert done.books["done"] == 0
    assert "timeout=" in str(done.error or done.outcomes[0].error)


@both
def test_copies_of_what_is_refused_are_not_sent(colour: str, tmp_path: Path) -> None:
    """Twenty copies at once of a text that the service refuses: one request."""
    server = Server(lambda _: refused(400))
    for _ in range(2):
        done = batcher(colour, server)("sentiment", ["나쁜 글"] * 20, journal=tmp_path / "j", concurrency=8)
        assert done.values() == ["failed"] * 20
    assert len(server.requests) == 1
