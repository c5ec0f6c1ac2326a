"""The inputs of a batch: made by a generator of the user's, which may be slow, stop the batch, or fail."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloudai import AsyncClient, Client, SettingsError
from cloudai.batch.inputs import Entry
from cloudai.batch.intake import Intake
from tests.batch.asking import Server, both
from tests.batch.test_batch import mood
from tests.batch.test_together import Asked, azure
from tests.core.made_up import MadeUp


def entries(n: int) -> Iterator[Entry]:
    """So many."""
    return (Entry(item, f"글 {item}", None) for item in range(n))


def test_none_is_taken_ahead() -> None:
    """What nobody wants yet is not made; what is made is told before anybody has it."""
    made: list[int] = []
    handed: list[int] = []

    def making() -> Iterator[Entry]:
        for entry in entries(5):
            made.append(entry.item)
            yield entry

    intake = Intake(making(), lambda taken: handed.extend(entry.item for entry in taken))
    assert [entry.item for entry in intake.take(2).result(5)] == [0, 1]
    assert made == handed == [0, 1]
    assert [entry.item for entry in intake.take(9).result(5)] == [2, 3, 4]
    assert intake.take(1).result(5) == []
    assert intake.count == 5


def test_those_before_a_failure_are_handed_out() -> None:
    """What was taken before the iterator failed is not lost; the failure is the next one's."""

    def failing() -> Iterator[Entry]:
        yield from entries(3)
        raise OSError("the list broke off")

    intake = Intake(failing(), lambda taken: None)
    assert len(intake.take(16).result(5)) == 3
    with pytest.raises(OSError, match="broke off"):
        intake.take(16).result(5)


def test_who_waits_is_let_go_when_it_closes() -> None:
    """A slow iterator holds nobody; what it makes afterwards is not handed out, and is known to be left."""
    began, may_go = threading.Event(), threading.Event()

    def slow() -> Iterator[Entry]:
        for entry in entries(2):
            began.set()
            may_go.wait(10)
            yield entry

    intake = Intake(slow(), lambda taken: None)
    first, second = intake.take(1), intake.take(1)
    assert began.wait(5)
    intake.close()
    assert first.result(1) == second.result(1) == []
    may_go.set()
    intake._thread.join(5)
    assert [entry.item for entry in intake.left] == [0]
    assert intake.take(1).result(1) == []


@both
def test_a_generator_may_stop_the_batch(colour: str) -> None:
    """It calls `stop` while an input is wanted: the batch ends with what was sent, and nothing hangs."""
    job: list[Any] = []

    def stopping() -> Iterator[str]:
        for n in range(100):
            if n == 5:
                job[0].stop()
            yield f"후기 {n}"

    def run() -> Any:
        with (
            Client(MadeUp(), send=Server(mood)) as client,
            client.batch("sentiment", stopping(), concurrency=2) as batch,
        ):
            job.append(batch)
            return [outcome.status for outcome in batch], batch.balanced

    async def run_awaiting() -> Any:
        async with (
            AsyncClient(MadeUp(), send=Server(mood)) as client,
            client.batch("sentiment", stopping(), concurrency=2) as batch,
        ):
            job.append(batch)
            return [outcome.status async for outcome in batch], batch.balanced

    statuses, balanced = within(20, run if colour == "blocking" else lambda: asyncio.run(run_awaiting()))
    assert balanced
    assert 3 <= len(statuses) <= 6


def within(seconds: float, function: Callable[[], Any]) -> Any:
    """What it returns; AssertionError where that takes longer."""
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(function()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, "it hangs"
    return outcome[0]


def test_a_slow_generator_holds_neither_the_loop_nor_the_others() -> None:
    """While an input is made for two seconds, other calls of the same client, and the event loop, go on."""

    def slow() -> Iterator[str]:
        yield "하나"
        time.sleep(1.5)
        yield "둘"

    async def scene() -> float:
        async with AsyncClient(MadeUp(), send=Server(mood)) as client, client.batch("sentiment", slow()) as job:
            running = asyncio.create_task(drained(job))
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await client.sentiment("셋")
            took = time.monotonic() - began
            assert not running.done()
            assert len(await running) == 2
            return took

    assert asyncio.run(scene()) < 1.0


async def drained(job: Any) -> list[Any]:
    """All outcomes."""
    return [outcome async for outcome in job]


@both
def test_a_failing_generator_loses_nothing_that_was_taken(colour: str) -> None:
    """Sixteen would go in one request, and the list breaks off at the third: two are answered, and the error comes."""

    def failing() -> Iterator[str]:
        yield from ("하나", "둘")
        raise OSError("the list broke off")

    done = Asked(colour, azure)("sentiment", failing(), concurrency=1)
    assert done.values() == ["ok", "ok"]
    assert isinstance(done.error, OSError)
    assert done.balanced


def test_a_signal_may_come_at_any_time() -> None:
    """A handler in the main thread that stops the batch while the main thread is inside it: no deadlock."""
    with (
        Client(MadeUp(), send=Server(mood)) as client,
        client.batch("sentiment", [f"후기 {n}" for n in range(400)]) as job,
    ):
        before = signal.signal(signal.SIGUSR1, lambda *_: job.stop())
        try:
            with job._run._lock:  # as it is held at the end of a batch
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(0.05)
            assert [outcome.status for outcome in job] == []
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert job.books["not_started"] == 400
        assert job.balanced
        assert len(job.table()) == 400


def test_the_end_of_a_long_list_takes_little_memory() -> None:
    """100,000 inputs that were never taken up are entered in pieces: less than 100 MB more at the peak."""
    import tracemalloc

    with Client(MadeUp(), send=Server(mood)) as client:
        texts = [f"후기 {n}" for n in range(100_000)]
        tracemalloc.start()
        with client.batch("sentiment", texts) as job:
            job.stop()
            assert list(job) == []
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert job.books["not_started"] == 100_000
    assert peak < 100e6


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "60", True])
def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    """Of a call, of a client and of a batch; nothing is sent."""
    server = Server(mood)
    with Client(MadeUp(), send=server) as client:
        for wrong in (
            lambda: client.sentiment("좋아요", timeout=timeout),
            lambda: client.batch("sentiment", ["좋아요"], options={"timeout": timeout}),
            lambda: Client(MadeUp(), timeout=timeout),
        ):
            with pytest.raises(SettingsError, match="timeout="):
                wrong()
    assert not server.requests
