"""A batch may be cancelled at any moment and several times: its books balance, and requests in flight are in doubt."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from cloudai import AsyncBatch, AsyncClient, Response
from tests.made_up.provider import MadeUp, ok

TEXTS = [f"후기 {n}" for n in range(40)]
HOWS = ("once", "twice", "three times at once", "by a scope of anyio", "by a sibling in a task group", "by a timeout")


async def use(job: AsyncBatch[Any]) -> None:
    """Read all outcomes."""
    async for _ in job:
        pass


async def cancelled(job: AsyncBatch[Any], how: str) -> None:
    """Read outcomes, and be cancelled a little later."""
    if how == "by a scope of anyio":
        with anyio.move_on_after(0.15):
            await use(job)
        return
    if how == "by a timeout":
        with suppress(TimeoutError):
            async with asyncio.timeout(0.15):
                await use(job)
        return
    if how == "by a sibling in a task group":

        async def fail() -> None:
            await asyncio.sleep(0.15)
            raise ZeroDivisionError

        with suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(use(job))
                group.create_task(fail())
        return
    task = asyncio.ensure_future(use(job))
    await asyncio.sleep(0.15)
    task.cancel()
    for _ in range(2 * (how == "three times at once")):
        await asyncio.sleep(0)
        task.cancel()
    if how == "twice":
        await asyncio.sleep(0.01)
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("how", HOWS)
def test_a_reader_that_is_cancelled_leaves_balanced_books(how: str, tmp_path: Path) -> None:
    """The books balance at once, a second iteration gives an outcome for each input, and a later run finishes."""
    sent: list[str] = []

    async def send(request: Any) -> Response:
        sent.append(request.json["text"])
        await asyncio.sleep(0.04)
        return ok({"score": 0.5})

    async def run() -> None:
        async with AsyncClient(MadeUp(), send=send) as client:
            job = client.batch("sentiment", TEXTS, journal=tmp_path / "j", concurrency=4)
            await cancelled(job, how)
            assert job.balanced
            assert job.books["submitted"] == len(TEXTS)
            told = job.books["done"] + job.books["in_doubt"]
            # A reply that came just before the end may stand in the journal alone, where the next run reads it.
            # A request that was about to be sent is in doubt. There are four workers.
            assert abs(told - len(sent)) <= 4
            again = [outcome.status async for outcome in job]
            assert len(again) == len(TEXTS)
            await asyncio.wait_for(job.close(), 10)
            async with client.batch("sentiment", TEXTS, journal=tmp_path / "j", concurrency=4) as rest:
                await use(rest)
                assert rest.books["done"] == len(TEXTS)
            assert set(sent) == set(TEXTS)
            assert len(sent) <= len(TEXTS) + job.books["in_doubt"]  # nothing else was sent twice

    asyncio.run(run())


@pytest.mark.parametrize("after", [0.0, 0.02])
def test_a_batch_that_is_cancelled_while_it_begins_can_be_read(after: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a slow disk at the beginning too: nothing was sent, and each input has an outcome that says so."""
    sent: list[Any] = []

    async def send(request: Any) -> Response:
        sent.append(request)
        return ok({"score": 0.5})

    async def run() -> None:
        async with AsyncClient(MadeUp(), send=send) as client, client.batch("sentiment", TEXTS) as job:
            ask = job._runner.state.journal.ask

            def slow(statement: Any) -> Any:
                time.sleep(0.1)
                return ask(statement)

            monkeypatch.setattr(job._runner.state.journal, "ask", slow)
            task = asyncio.ensure_future(use(job))
            await asyncio.sleep(after)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert job.balanced
            outcomes = [outcome.status async for outcome in job]
            assert len(outcomes) == len(TEXTS)
            assert len(await job.table()) == len(TEXTS)

    asyncio.run(run())


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_a_block_that_a_scope_cancels_leaves_its_journal_closed(delay: float, tmp_path: Path) -> None:
    """A scope of anyio cancels every await of ``async with``: the journal is closed, and can be read and opened."""

    async def send(_: Any) -> Response:
        await asyncio.sleep(0.02)
        return ok({"score": 0.5})

    async def run() -> None:
        async with AsyncClient(MadeUp(), send=send) as client:
            job = client.batch("sentiment", TEXTS, journal=tmp_path / "일.journal", concurrency=4)
            with anyio.move_on_after(delay):
                async with job:
                    await use(job)
            assert job.balanced
            assert len(await job.table()) == job.books["submitted"]
            client.batch("sentiment", TEXTS, journal=tmp_path / "일.journal")

    asyncio.run(run())


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8])
def test_a_close_that_is_cancelled_can_be_done_again(steps: int, tmp_path: Path) -> None:
    """However far it came: the second close ends, the books balance, and the journal can be opened at once."""
    sent: list[str] = []

    async def send(request: Any) -> Response:
        sent.append(request.json["text"])
        await asyncio.sleep(0.02)
        return ok({"score": 0.5})

    async def run() -> None:
        async with AsyncClient(MadeUp(), send=send) as client:
            job = client.batch("sentiment", TEXTS, journal=tmp_path / "일.journal", concurrency=4)
            outcomes = aiter(job)
            await anext(outcomes)
            closing = asyncio.ensure_future(job.close())
            for _ in range(steps):
                await asyncio.sleep(0)
            closing.cancel()
            await asyncio.sleep(0)
            closing.cancel()
            with suppress(asyncio.CancelledError):
                await closing
            await asyncio.wait_for(job.close(), 15)
            assert job.balanced
            assert job.books["submitted"] == len(TEXTS)
            async with client.batch("sentiment", TEXTS, journal=tmp_path / "일.journal") as rest:
                await use(rest)
                assert rest.books["done"] == len(TEXTS)
            assert len(sent) <= len(TEXTS) + job.books["in_doubt"]

    asyncio.run(run())


@pytest.mark.parametrize("what", ["map", "tidy"])
@pytest.mark.parametrize("after", [0.0, 0.001, 0.03, 0.1])
def test_what_runs_a_batch_by_itself_can_be_cancelled(what: str, after: float) -> None:
    """A cancelled ``map`` or ``tidy`` ends at once, leaves no thread behind, and the client goes on."""
    sent: list[str] = []

    async def send(request: Any) -> Response:
        sent.append(request.json["text"])
        await asyncio.sleep(0.02 if len(sent) <= len(TEXTS) else 0)
        return ok({"score": 0.5})

    async def run() -> None:
        async with AsyncClient(MadeUp(), send=send) as client:
            if what == "map":
                task = asyncio.ensure_future(client.map("sentiment", TEXTS))
            else:
                job = client.batch("sentiment", TEXTS)
                task = asyncio.ensure_future(job.tidy())  # type: ignore[arg-type]
            await asyncio.sleep(after)
            task.cancel()
            began = time.monotonic()
            with suppress(asyncio.CancelledError):
                await task
            assert time.monotonic() - began < 5
            count = len(sent)
            await asyncio.sleep(0.05)
            assert len(sent) == count, "nothing more is sent"
            if what == "tidy":
                await job.close()
                assert job.balanced
            assert (await client.sentiment("또 하나")).score == 0.5

    asyncio.run(run())
    until = time.monotonic() + 5
    while names := [thread.name for thread in threading.enumerate() if thread.name.startswith("cloudai-journal")]:
        assert time.monotonic() < until, names
        time.sleep(0.01)
