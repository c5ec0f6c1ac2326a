"""The time that a batch still takes, as its progress tells it, on a clock that is virtual."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cloudai import AsyncClient, Client, Request, Response
from cloudai.batch.progress import Status, duration
from cloudai.batch.runner import Runner
from cloudai.batch.time_left import TimeLeft, last_turn
from cloudai.core.rate_limit import Rate
from cloudai.wording import using
from tests.made_up.provider import MadeUp, ok
from tests.support.length import length
from tests.support.virtual_time import run_virtually

TEXTS = [f"후기 {n}" for n in range(300)]


async def followed(tmp_path: Path, rows: int = 300, failing: int = 0) -> tuple[list[tuple[float, float, int]], float]:
    """Run the texts at 20 a minute; return the time, the time left and the inputs that have ended, and the end."""
    loop, notes = asyncio.get_running_loop(), list[tuple[float, float, int]]()
    asked: dict[str, int] = {}

    async def send(request: Request) -> Response:
        await asyncio.sleep(0.4)
        text = request.json["text"]
        asked[text] = asked.get(text, 0) + 1
        if failing and asked[text] == 1 and int(text.split()[1]) % failing == 0:
            return Response(503, {}, b"{}")
        return ok({"score": 0.5})

    async with (
        AsyncClient(MadeUp(key="not-a-real-key"), send=send, clock=loop.time, sleep=asyncio.sleep) as client,
        client.batch("sentiment", TEXTS[:rows], pace="20/min", journal=tmp_path / "j") as job,
    ):
        status = Status(job._runner.state, job._runner.recorder)

        async def watch() -> None:
            while True:
                await asyncio.sleep(1.0)
                if (left := status.left) is not None:
                    notes.append((loop.time(), left, status.ended))

        watching = asyncio.ensure_future(watch())
        async for _ in job:
            pass
        watching.cancel()
        assert job.balanced
    return notes, loop.time()


@pytest.mark.long
def test_the_time_left_is_right_after_the_first_minute(tmp_path: Path) -> None:
    """Of a run at 20 a minute the time left is never wrong by 10 % or by a second, whichever is more."""
    minutes = length(4, 14, 14)
    notes, end = run_virtually(lambda: followed(tmp_path, rows=20 * minutes + 20))
    assert minutes * 60 < end < (minutes + 1) * 60
    later = [(left, end - now) for now, left, _ in notes if now >= 60]
    assert len(later) > 50 * (minutes - 1)
    wrong = [(round(left, 1), round(true, 1)) for left, true in later if abs(left - true) > max(0.1 * true, 1.0)]
    assert wrong == []


@pytest.mark.long
def test_retries_are_a_part_of_the_time_left(tmp_path: Path) -> None:
    """Where every tenth request is tried again, the time left is that of the requests that will be sent."""
    notes, end = run_virtually(lambda: followed(tmp_path, rows=100, failing=10))
    later = [(left, end - now) for now, left, _ in notes if now >= 120]
    assert max(abs(left - true) / max(true, 60) for left, true in later) < 0.25


def test_a_thread_that_begins_a_batch_takes_no_virtual_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the thread is kept from running, the virtual clock waits for it, and the batch ends in its time."""
    begin = Runner.begin

    def begin_late(runner: Runner[Any]) -> Any:
        workers = begin(runner)
        time.sleep(0.05)
        return workers

    monkeypatch.setattr(Runner, "begin", begin_late)
    _, end = run_virtually(lambda: followed(tmp_path, rows=20))
    assert end < 2


def test_the_last_of_many_requests() -> None:
    """A request waits for the one that is a window older, as many rounds as there are."""
    rate = Rate(20, 60.0)
    assert last_turn(rate, [], 20, 5.0) == 5.0
    assert last_turn(rate, [], 21, 5.0) == 65.5
    assert last_turn(rate, [0.0] * 20, 1, 10.0) == 60.5
    assert last_turn(rate, [0.0] * 20, 41, 10.0) == 60.5 + 2 * 60.5
    assert last_turn(rate, [0.0] * 5, 15, 10.0) == 10.0
    assert last_turn(rate, [0.0] * 5, 16, 10.0) == 60.5


def test_without_a_pace_the_speed_of_the_last_minute_counts() -> None:
    """Ten inputs in ten seconds leave twenty seconds for twenty more; nothing is said before the first has ended."""
    left = TimeLeft(())
    assert left.seconds(20, 0.0) is None
    for n in range(10):
        left.note_end(0, n + 1.0, 1.0)
    assert left.seconds(20, 10.0) == pytest.approx(20.0)
    assert left.seconds(0, 10.0) == 0.0


def test_a_time_is_told_in_words_of_its_length() -> None:
    """Seconds, minutes and hours, in both languages."""
    assert [duration(seconds) for seconds in (45, 840, 9000)] == ["45 s", "14 min", "2.5 h"]
    with using("ko"):
        assert [duration(seconds) for seconds in (45, 840, 9000)] == ["45초", "14분", "2.5시간"]


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def test_the_bar_shows_no_more_than_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is stopped leaves the bar where it is, and says what was not started."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)

    def send(_: Request) -> Any:
        if len(sent) == 3:
            job.stop()
        sent.append(1)
        return ok({"score": 0.5})

    sent: list[int] = []
    with (
        Client(MadeUp(key="not-a-real-key"), send=send) as client,
        client.batch("sentiment", TEXTS[:10], concurrency=1, progress=True) as job,
    ):
        done = sum(outcome.result is not None for outcome in job)
    last = screen.getvalue().split("\r")[-1]
    assert f"{done}/10" in last
    assert f"{10 - done} not started" in last
    assert "100%" not in last
