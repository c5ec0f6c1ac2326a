"""A batch that is never closed lets go of its files and threads once it is collected."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudai import AsyncClient, Client
from cloudai.batch.journal import Journal
from cloudai.core.drivers import threads
from tests.made_up.provider import MadeUp, ok

TEXTS = [f"후기 {n}" for n in range(50)]


@pytest.fixture(autouse=True)
def _threads_that_do_not_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thread with nothing to do end at once, and not after some seconds."""
    monkeypatch.setattr(threads, "IDLE", 0.01)


def none_left(before: set[threading.Thread]) -> bool:
    """Return whether all threads that have been started since have ended, or end within half a minute."""
    until = time.monotonic() + 30
    while set(threading.enumerate()) - before and time.monotonic() < until:
        time.sleep(0.01)
    return not set(threading.enumerate()) - before


def answer(_: Any) -> Any:
    """Answer every request."""
    return ok({"score": 0.5})


async def await_answer(_: Any) -> Any:
    """Answer every request."""
    await asyncio.sleep(0)
    return ok({"score": 0.5})


def again(path: Path) -> None:
    """Open the journal, which another batch of this process would hinder."""
    Journal(path).close()


@pytest.mark.parametrize("begun", [False, True])
def test_a_blocking_batch_that_is_dropped_ends_its_threads(begun: bool, tmp_path: Path) -> None:
    """Whether its iteration was never begun, or was left after the first outcome: its journal can be opened again."""
    before = set(threading.enumerate())
    with Client(MadeUp(), send=answer) as client:
        job: Any = client.batch("sentiment", iter(TEXTS), journal=tmp_path / "j")
        if begun:
            outcomes = iter(job)
            next(outcomes)
            del outcomes
        collected = weakref.ref(job)
        del job
        gc.collect()
        assert collected() is None
        assert none_left(before)
        again(tmp_path / "j")


@pytest.mark.parametrize("begun", [False, True])
def test_an_awaiting_batch_that_is_dropped_ends_its_threads(begun: bool, tmp_path: Path) -> None:
    """Whether its iteration was never begun, or was left after the first outcome, while the event loop goes on."""

    async def scene() -> None:
        async with AsyncClient(MadeUp(), send=await_answer) as client:
            job: Any = client.batch("sentiment", iter(TEXTS), journal=tmp_path / "j")
            if begun:
                async for _ in job:
                    break
            collected = weakref.ref(job)
            del job
            for _ in range(100):
                await asyncio.sleep(0.01)
                gc.collect()
                if collected() is None:
                    break
            assert collected() is None

    before = set(threading.enumerate())
    asyncio.run(scene())
    assert none_left(before)
    again(tmp_path / "j")


def test_an_iteration_that_outlives_its_event_loop_ends_its_threads(tmp_path: Path) -> None:
    """A batch is still being iterated over when ``asyncio.run`` ends, and is dropped later."""

    async def scene() -> tuple[Any, Any]:
        client = AsyncClient(MadeUp(), send=await_answer)
        job: Any = client.batch("sentiment", iter(TEXTS), journal=tmp_path / "j")
        outcomes = aiter(job)
        await anext(outcomes)
        return job, outcomes

    before = set(threading.enumerate())
    job, outcomes = asyncio.run(scene())
    collected = weakref.ref(job)
    del job, outcomes
    gc.collect()
    assert collected() is None
    assert none_left(before)
    again(tmp_path / "j")


@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_a_batch_in_a_cycle_with_its_inputs_is_collected(colour: str, tmp_path: Path) -> None:
    """Inputs and a progress function that refer to their own batch do not keep it alive."""
    before = set(threading.enumerate())
    held: list[Any] = []

    def texts() -> Iterator[str]:
        yield from TEXTS
        held[0].stop()

    settings: Any = {"journal": tmp_path / "j", "progress": lambda _: held[0].books}
    if colour == "blocking":
        with Client(MadeUp(), send=answer) as client:
            held.append(client.batch("sentiment", texts(), **settings))
            next(iter(held[0]))
    else:

        async def scene() -> None:
            async with AsyncClient(MadeUp(), send=await_answer) as client:
                held.append(client.batch("sentiment", texts(), **settings))
                async for _ in held[0]:
                    break

        asyncio.run(scene())
    collected = weakref.ref(held[0])
    held.clear()
    texts = settings = None  # type: ignore[assignment]
    gc.collect()
    assert collected() is None
    assert none_left(before)
    again(tmp_path / "j")
