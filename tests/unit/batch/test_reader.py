"""The inputs of a batch: made by a generator of the user's, which may be slow, stop the batch, or fail."""

from __future__ import annotations

import asyncio
import concurrent.futures
import io
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudai import AsyncClient, Client, JournalError, SettingsError, frames
from cloudai.batch.inputs import Entry
from cloudai.batch.reader import Reader
from cloudai.media.film import Film, Shot
from tests.made_up.merging import Asked, azure, google, picture
from tests.made_up.provider import MadeUp
from tests.support.batches import Server, both
from tests.support.films import counted, film
from tests.support.length import length
from tests.unit.batch.test_batch import mood


def entries(n: int) -> Iterator[Entry]:
    """Return so many inputs."""
    return (Entry(item, f"글 {item}", None) for item in range(n))


def test_a_request_is_filled() -> None:
    """Without an end to its patience, the reader waits until as many inputs are there as are asked for."""

    def slow() -> Iterator[Entry]:
        for entry in entries(3):
            time.sleep(0.12)  # longer than the usual patience
            yield entry

    intake = Reader(slow(), lambda _: None, patience=None)
    assert [entry.item for entry in intake.take(2).result(5)] == [0, 1]
    assert [entry.item for entry in intake.take(2).result(5)] == [2]
    waiting = intake.take(2)
    intake.close()
    assert waiting.result(5) == []


@both
def test_frames_that_share_a_request(colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same frames share a request in every run, however slowly they are decoded, so that a cassette replays."""
    make = Film.shots

    def slow(film: Film) -> Iterator[Shot]:
        for shot in make(film):
            time.sleep(0.06 if shot.number % 4 else 0.12)
            yield shot

    monkeypatch.setattr(Film, "shots", slow)
    ask = Asked(colour, google)
    ask("detect_faces", frames(film([counted(n) for n in range(6)], range(0, 600, 100)), fps=100))
    assert [len(request.json["requests"]) for request in ask.server.requests] == [6]


def test_none_is_taken_ahead() -> None:
    """No input is made before a worker wants it, and each is told before any worker has it."""
    made: list[int] = []
    handed: list[int] = []

    def making() -> Iterator[Entry]:
        for entry in entries(5):
            made.append(entry.item)
            yield entry

    intake = Reader(making(), lambda taken: handed.extend(entry.item for entry in taken))
    assert [entry.item for entry in intake.take(2).result(5)] == [0, 1]
    assert made == handed == [0, 1]
    assert [entry.item for entry in intake.take(9).result(5)] == [2, 3, 4]
    assert intake.take(1).result(5) == []
    assert intake.count == 5


def test_those_before_a_failure_are_handed_out() -> None:
    """Inputs that were taken before the iterator failed are handed out, and the next caller gets the failure."""

    def failing() -> Iterator[Entry]:
        yield from entries(3)
        raise OSError("the list broke off")

    intake = Reader(failing(), lambda taken: None)
    assert len(intake.take(16).result(5)) == 3
    with pytest.raises(OSError, match="broke off"):
        intake.take(16).result(5)


def test_who_waits_is_let_go_when_it_closes() -> None:
    """A slow iterator holds nobody; what it makes afterwards is not handed out, and is known to be left."""
    began, may_go = threading.Event(), threading.Event()

    def slow() -> Iterator[Entry]:
        for entry in entries(2):
            began.set()
            may_go.wait(60)
            yield entry

    intake = Reader(slow(), lambda taken: None)
    first, second = intake.take(1), intake.take(1)
    assert began.wait(30)
    intake.close()
    assert first.result(30) == second.result(30) == []
    may_go.set()
    until = time.monotonic() + 30
    while not intake.left and time.monotonic() < until:
        time.sleep(0.01)
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
    """Return what a function returns, or fail where that takes longer."""
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(function()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, "it hangs"
    return outcome[0]


def test_a_slow_generator_holds_neither_the_loop_nor_the_others() -> None:
    """While an input is made, other calls of the same client, and the event loop, go on."""
    being_made, answered = threading.Event(), threading.Event()

    def slow() -> Iterator[str]:
        yield "하나"
        being_made.set()
        assert answered.wait(30), "the other call was held up"
        yield "둘"

    async def scene() -> None:
        async with AsyncClient(MadeUp(), send=Server(mood)) as client, client.batch("sentiment", slow()) as job:
            running = asyncio.create_task(drained(job))
            assert await asyncio.to_thread(being_made.wait, 30)
            await client.sentiment("셋")
            assert not running.done()
            answered.set()
            assert [outcome.status for outcome in await running] == ["ok", "ok"]

    asyncio.run(scene())


async def drained(job: Any) -> list[Any]:
    """Return all outcomes of a batch."""
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
            with job._runner.recorder.lock:  # as it is held at the end of a batch
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(0.05)
            assert [outcome.status for outcome in job] == []
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert job.books["not_started"] == 400
        assert job.balanced
        assert len(job.table()) == 400


@pytest.mark.long
def test_the_end_of_a_long_list_takes_little_memory() -> None:
    """Inputs that were never taken up are entered in pieces, which takes less than a kilobyte for each at the peak."""
    import tracemalloc

    n = length(3_000, 100_000, 100_000)

    with Client(MadeUp(), send=Server(mood)) as client:
        texts = [f"후기 {number}" for number in range(n)]
        tracemalloc.start()
        with client.batch("sentiment", texts) as job:
            job.stop()
            assert list(job) == []
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert job.books["not_started"] == n
    assert peak < length(2_500_000, 100_000_000, 100_000_000)


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


@both
def test_a_generator_may_wait_for_outcomes(colour: str) -> None:
    """It makes an input only when the last one is answered: those that are there go out, and nothing hangs."""
    answered: queue.Queue[str] = queue.Queue()

    def feeding() -> Iterator[str]:
        for n in range(5):
            yield f"글 {n}"
            answered.get(timeout=10)

    run = Asked(colour, azure)
    done = within(20, lambda: run("sentiment", feeding(), progress=lambda outcome: answered.put(outcome.input)))
    assert done.books["done"] == run.n == 5


@both
@pytest.mark.parametrize("kind", [GeneratorExit, asyncio.CancelledError, concurrent.futures.CancelledError])
def test_a_generator_s_own_end_is_no_end_of_the_batch(colour: str, kind: type[BaseException]) -> None:
    """An exception that looks like leaving the loop is an error; inputs taken before it are answered."""

    def ending() -> Iterator[str]:
        yield "하나"
        raise kind

    done = within(20, lambda: Asked(colour, azure)("sentiment", ending()))
    assert isinstance(done.error, RuntimeError)
    assert done.values() == ["ok"]


@both
def test_what_cannot_be_read_fails_alone(colour: str) -> None:
    """A closed file, one whose reading fails, an address that no request can hold, half a character in a text."""

    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise OSError("disk")

    closed = io.BytesIO(b"x")
    closed.close()
    photos = [picture(1), closed, Broken(b"x"), "https://example.com/\udcff.jpg", picture(2)]
    done = Asked(colour, google)("detect_faces", photos)
    assert [status in ("ok", "none_found") for status in done.values()] == [True, False, False, False, True]
    assert done.values("error_type")[1:4] == ["InputError"] * 3
    run = Asked(colour, azure)
    done = run("sentiment", ["좋아요", "bad \ud800", "그래요"])
    assert done.values() == ["ok", "failed", "ok"]
    assert done.values("billed_max") == [1, 0, 1]


@both
def test_a_batch_that_did_not_begin_may_be_tried_again(colour: str, tmp_path: Path) -> None:
    """Its journal is gone before it runs: an error each time it is looped over, and no hang."""

    def blocking() -> list[str]:
        with Client(MadeUp(), send=Server(mood)) as client:
            job = client.batch("sentiment", ["좋아요"], journal=tmp_path / "j")
            unlinked(tmp_path)
            return [_of_error(lambda: list(job)) for _ in range(2)]

    async def awaiting() -> list[str]:
        async with AsyncClient(MadeUp(), send=Server(mood)) as client:
            job = client.batch("sentiment", ["좋아요"], journal=tmp_path / "j")
            unlinked(tmp_path)
            found = []
            for _ in range(2):
                try:
                    await drained(job)
                except JournalError as error:
                    found.append(type(error).__name__)
                else:
                    found.append("kept")
            return found

    said = within(20, blocking if colour == "blocking" else lambda: asyncio.run(awaiting()))
    assert said[0] == "JournalError"


def unlinked(folder: Path) -> None:
    """Remove all files of a folder."""
    for file in folder.iterdir():
        file.unlink()


def _of_error(function: Callable[[], Any]) -> str:
    try:
        function()
    except JournalError as error:
        return type(error).__name__
    return "kept"
