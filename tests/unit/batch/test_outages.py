"""The service is down, slow to forgive, or out of quota: no input is blamed, and little is spent on finding out."""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import ConnectError, ConnectionLostError, PausedError
from cloudai.core.flow import Request, Response
from tests.made_up.provider import Clock, MadeUp, ok, refused
from tests.support.batches import Batcher, Server, both
from tests.support.length import both_by_turns, length
from tests.support.played import PICTURE

TEXTS = [f"후기 {n}" for n in range(1000)]
DOWN = {
    "503": lambda: refused(503),
    "500": lambda: refused(500),
    "refused": lambda: ConnectError("refused"),
    "lost": lambda: ConnectionLostError("reset"),
}


def batcher(colour: str, server: Server) -> Batcher:
    """Return a batcher with a clock that only sleeping moves."""
    clock = Clock()
    return Batcher(colour, MadeUp(key="not-a-real-key"), server, {"clock": clock, "sleep": clock.sleep})


def good(_: Request) -> Response:
    """Answer with a score."""
    return ok({"score": 0.5})


@pytest.mark.long
@both_by_turns("fault, concurrency", product(DOWN, [1, 8, 32]))
def test_an_outage_pauses_and_blames_nobody(fault: str, concurrency: int, colour: str, tmp_path: Path) -> None:
    """At most 50 of 1,000 are tried, none fails, the books balance; when the service is back, the next run ends it."""
    server = Server(lambda _: DOWN[fault]())
    n = length(200, 1000, 1000) if fault == "503" and concurrency == 32 else length(60, 100, 100)
    done = batcher(colour, server)("sentiment", TEXTS[:n], journal=tmp_path / "j", concurrency=concurrency)
    assert isinstance(done.error, PausedError)
    assert "Run the same again when the service answers" in str(done.error)
    assert len(server.requests) <= 50
    assert done.balanced
    assert (done.books["failed"], done.books["done"]) == (0, 0)
    assert set(done.values()) <= {"not_started", "in_doubt"}
    assert len(done.table) == n
    server.answer = good
    again = batcher(colour, server)("sentiment", TEXTS[:n], journal=tmp_path / "j")
    assert again.books["done"] == n


@pytest.mark.long
@both
def test_an_outage_in_the_middle_loses_nothing(colour: str, tmp_path: Path) -> None:
    """Inputs that were answered before an outage stay done, and are not sent again."""
    server = Server(good)
    server.answer = lambda _: good(_) if len(server.requests) <= 30 else refused(503)
    first = batcher(colour, server)("sentiment", TEXTS[:110], journal=tmp_path / "j")
    assert isinstance(first.error, PausedError)
    assert first.books["done"] == 30
    answered = set(server.texts[:30])
    tried = len(server.requests)
    assert tried <= 80
    server.answer = good
    assert batcher(colour, server)("sentiment", TEXTS[:110], journal=tmp_path / "j").books["done"] == 110
    assert not answered & set(server.texts[tried:])


@pytest.mark.long
@both
@pytest.mark.parametrize(("hint", "when"), [("86400", "after 2"), (None, "later|tomorrow|after")])
def test_a_spent_quota_pauses_at_once(hint: str | None, when: str, colour: str) -> None:
    """A wait of a day, or a quota that is named: no input fails, and the error says when to go on."""
    if hint:
        server = Server(lambda _: refused(429, "slow", retry_after=hint))
        run = batcher(colour, server)
    else:
        text = "Out of call volume quota. Quota will be replenished in 2.12 days."
        reply = Response(
            403, {"content-type": "application/json"}, f'{{"error":{{"code":"403","message":"{text}"}}}}'.encode()
        )
        server = Server(lambda _: reply)
        provider = cloudai.Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
        clock = Clock()
        run = Batcher(colour, provider, server, {"clock": clock, "sleep": clock.sleep})
    done = run("sentiment", TEXTS[:50])
    assert isinstance(done.error, PausedError)
    assert re.search(f"Run the same again ({when})", str(done.error))
    assert len(server.requests) <= 8
    assert done.books["not_started"] == 50


@both
def test_minutes_are_waited_for(colour: str) -> None:
    """A hint longer than a call's own time closes the gate, and the call comes again after it."""
    turned_away: Counter[str] = Counter()

    def answer(request: Request) -> Response:
        turned_away[request.json["text"]] += 1
        return refused(429, "slow", retry_after="300") if turned_away[request.json["text"]] == 1 else ok({"score": 1})

    run = batcher(colour, Server(answer))
    done = run("sentiment", TEXTS[:3], concurrency=1)
    assert done.values() == ["ok"] * 3
    assert run.client["clock"].now >= 900


@pytest.mark.long
@both
def test_a_wrong_key_in_the_middle(colour: str, tmp_path: Path) -> None:
    """The error itself leaves; what was done is kept, and with a good key the rest follows."""
    server = Server(good)
    server.answer = lambda _: good(_) if len(server.requests) <= 20 else refused(401)
    done = batcher(colour, server)("sentiment", TEXTS[:50], journal=tmp_path / "j", concurrency=2)
    assert isinstance(done.error, cloudai.AuthError)
    assert done.books["done"] == 20
    server.answer = good
    assert batcher(colour, server)("sentiment", TEXTS[:50], journal=tmp_path / "j").books["done"] == 50
    assert len(server.texts) <= 50 + 2, "one a worker was refused"


@pytest.mark.long
@both
def test_poison_fails_alone(colour: str, tmp_path: Path) -> None:
    """A text the service refuses, breaks over, or cannot answer has three attempts at most; the others are done."""

    def answer(request: Request) -> Response:
        text = request.json["text"]
        if text == TEXTS[3]:
            return refused(400)
        if text in TEXTS[7:9]:
            return refused(500)
        return Response(200, {}, b"<html>") if text == TEXTS[11] else ok({"score": 0.5})

    server, n = Server(answer), length(40, 400, 400)
    for _ in range(4):
        done = batcher(colour, server)("sentiment", TEXTS[:n], journal=tmp_path / "j")
        assert done.error is None
        assert done.books["done"] == n - 4
    assert done.books["failed"] == 4
    times = Counter(server.texts)
    assert times[TEXTS[3]] == 1, "a refusal is not paid for again"
    assert times[TEXTS[11]] == 1, "a reply that cannot be read is kept"
    assert max(times.values()) <= 3
    assert [times[text] for text in TEXTS[20:30]] == [1] * 10


@both
def test_in_doubt_is_sent_again_or_left_alone(colour: str, tmp_path: Path) -> None:
    """An input in doubt is sent again or left alone, as in_doubt= says."""
    server = Server(lambda r: ConnectionLostError("reset") if r.json["text"] == TEXTS[0] else good(r))
    first = batcher(colour, server)("sentiment", TEXTS[:5], journal=tmp_path / "j")
    assert first.values() == ["in_doubt", "ok", "ok", "ok", "ok"]
    assert first.table.rows[0]["billed_max"] == 2
    server.answer = good
    n = len(server.requests)
    assert (
        batcher(colour, server)("sentiment", TEXTS[:5], journal=tmp_path / "j", in_doubt="skip").values()[0]
        == "skipped"
    )
    assert len(server.requests) == n
    assert batcher(colour, server)("sentiment", TEXTS[:5], journal=tmp_path / "j").values() == ["ok"] * 5


@both
def test_files_that_are_none_fail_alone(colour: str, tmp_path: Path) -> None:
    """Empty, text, cut off, a folder, a pipe, a loop of links, gone: each has its row and reason, and is not sent."""
    bad = {name: tmp_path / f"{name}.png" for name in ("빈", "글", "잘림", "폴더", "파이프", "고리", "없음")}
    bad["빈"].write_bytes(b"")
    bad["글"].write_text("hello", "utf-8")
    bad["잘림"].write_bytes(PICTURE.read_bytes()[:60])
    bad["폴더"].mkdir()
    os.mkfifo(bad["파이프"])
    bad["고리"].symlink_to(bad["고리"])
    server = Server(lambda _: ok({"responses": [{}]}))
    run = Batcher(colour, cloudai.Google(api_key="not-a-real-key"), server)
    done = run("detect_faces", [PICTURE, *bad.values()])
    assert done.values() == ["none_found", *["failed"] * len(bad)]
    assert done.values("error_type")[1:] == ["InputError"] * len(bad)
    assert len(server.requests) == 1


@both
def test_a_call_has_its_time_from_its_turn(colour: str) -> None:
    """Waiting for the quota takes nothing off it."""
    run = batcher(colour, Server(good))
    done = run("sentiment", TEXTS[:4], pace="1/min", concurrency=1, options={"timeout": 5})
    assert done.values() == ["ok"] * 4


@both
def test_an_unexpected_fault_is_one_inputs_alone(colour: str) -> None:
    """A fault of a provider that is no error of ours fails the input it met, and is named."""

    def answer(request: Request) -> Any:
        return ok({}) if request.json["text"] == TEXTS[1] else good(request)

    done = batcher(colour, Server(answer))("sentiment", TEXTS[:3])
    assert done.values() == ["ok", "failed", "ok"]
    assert isinstance(done.outcomes[1].error or done.outcomes[2].error or done.outcomes[0].error, Exception)
