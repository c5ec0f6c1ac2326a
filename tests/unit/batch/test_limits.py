"""Limits, bills and books hold under any faults and restarts: never more sent than allowed, never less told."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
import tempfile
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pictures

import cloudai
from cloudai import AsyncClient, Client, ConnectError, ConnectionLostError
from cloudai.core.flow import Request, Response
from cloudai.errors import DeadlineExceededError
from tests.made_up.provider import Clock, MadeUp, ok, refused
from tests.support.batches import Batcher, Server, both
from tests.support.length import both_by_turns, length

MANY = settings(
    max_examples=length(12, 100, 500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
COUNTED = {"ok": True, "odd": True, "429": False, "401": False, "503 later": False}
"""Whether the vendor counts the request, where that is known; otherwise the schedule says so."""


@dataclass
class Vendor:
    """Fails by a schedule: the nth time it is asked for a text; counts as a vendor does, and on paper."""

    faults: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    came: Counter[str] = field(default_factory=Counter)
    """Billed requests that reached it, by text."""
    units: int = 0
    """The units that the vendor has counted."""
    after: list[str] = field(default_factory=list)
    """Texts that were sent though they had been answered, or refused for good."""
    finished: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Response:
        """Return the reply of the schedule."""
        if request.method == "GET":
            return ok({"code": "ko"})
        text = request.json["text"]
        with self.lock:
            nth = self.asked[text]
            self.asked[text] += 1
            schedule = self.faults.get(text, [])
            fault, counted = schedule[nth] if nth < len(schedule) else ("ok", True)
            if fault == "unreachable":
                raise ConnectError("refused")
            self.came[text] += 1
            self.units += COUNTED.get(fault, counted)
            if text in self.finished:
                self.after.append(text)
            if fault in ("ok", "400", "html", "odd"):
                self.finished.add(text)
        return self._reply(fault, text)

    def _reply(self, fault: str, text: str) -> Response:
        if fault == "lost":
            raise ConnectionLostError("cut")
        if fault == "late":
            raise DeadlineExceededError("no reply in time")
        if fault == "odd":
            return ok({"nonsense": 1})
        if fault == "html":
            return Response(200, {}, b"<html>")
        if fault == "503 later":
            return refused(503, retry_after="2")
        return ok({"score": len(text) / 100}) if fault == "ok" else refused(int(fault))

    @property
    def total(self) -> int:
        """The number of billed requests that reached the vendor."""
        return sum(self.came.values())


@dataclass
class Told:
    """The facts that a run tells of itself."""

    rows: list[dict[str, Any]]
    books: dict[str, int]
    balanced: bool
    error: BaseException | None = None
    outcomes: int = 0


class Stopped(BaseException):
    """An exception like that of Ctrl-C."""


def run(
    colour: str, vendor: Vendor, operation: str, inputs: Any, stop: tuple[str, int] | None = None, **how: Any
) -> Told:
    """Run a program once: until its end, or broken off after some outcomes."""
    if colour == "awaiting":
        return asyncio.run(_run(vendor, operation, inputs, stop, how))
    clock = Clock()
    error: BaseException | None = None
    outcomes = 0
    with Client(MadeUp(key="not-a-real-key"), send=vendor, clock=clock, sleep=clock.sleep) as client:
        job = client.batch(operation, inputs, **how)  # type: ignore[call-overload]
        try:
            with job:
                for outcomes, _ in enumerate(job, 1):
                    if stop and outcomes > stop[1]:
                        if stop[0] == "break":
                            break
                        raise KeyboardInterrupt if stop[0] == "interrupt" else Stopped
        except BaseException as raised:
            error = raised
    # The run has ended; its journal is read by another client, as the next run would.
    return Told(_rows(how["journal"], operation, inputs, how), job.books, job.balanced, error, outcomes)


async def _run(vendor: Vendor, operation: str, inputs: Any, stop: tuple[str, int] | None, how: dict[str, Any]) -> Told:
    clock = Clock()

    async def send(request: Request) -> Response:
        await asyncio.sleep(0)
        return vendor(request)

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        await asyncio.sleep(0)

    error: BaseException | None = None
    outcomes = 0
    async with AsyncClient(MadeUp(key="not-a-real-key"), send=send, clock=clock, sleep=sleep) as client:
        job = client.batch(operation, inputs, **how)  # type: ignore[call-overload]

        async def consume() -> None:
            nonlocal outcomes
            async with job:
                async for _ in job:
                    outcomes += 1
                    if stop and outcomes > stop[1]:
                        if stop[0] == "break":
                            break
                        if stop[0] == "interrupt":
                            raise Stopped
                        task.cancel()

        task = asyncio.ensure_future(consume())
        try:
            await task
        except BaseException as raised:
            error = raised
    return Told(_rows(how["journal"], operation, inputs, how), job.books, job.balanced, error, outcomes)


def _rows(journal: Path, operation: str, inputs: Any, how: dict[str, Any]) -> list[dict[str, Any]]:
    with (
        Client(MadeUp(key="not-a-real-key"), offline=True) as client,
        client.batch(operation, inputs, journal=journal, options=how.get("options", {})) as job,  # type: ignore[call-overload]
    ):
        return list(job.table())


def spent(journal: Path) -> tuple[int, int, int]:
    """Return the requests, and the units at least and at most, by the journal."""
    with closing(sqlite3.connect(journal)) as db:
        [found] = db.execute("SELECT TOTAL(sent), TOTAL(paid), TOTAL(most) FROM exchanges WHERE units > 0")
    return int(found[0]), int(found[1]), int(found[2])


def shuffled(inputs: list[str], order: int) -> list[str]:
    """Return the inputs in another order."""
    return random.Random(order).sample(inputs, len(inputs))  # noqa: S311  # the same each time


FAULTS = ["ok", "429", "500", "503", "503 later", "501", "400", "lost", "late", "html", "odd", "unreachable", "401"]
TEXTS = [f"글 {n} 좋아요" for n in range(12)]
SCHEDULES = st.dictionaries(
    st.sampled_from(TEXTS), st.lists(st.tuples(st.sampled_from(FAULTS), st.booleans()), max_size=6), max_size=8
)
RUNS = st.lists(
    st.tuples(
        st.sampled_from(["blocking", "awaiting"]),
        st.sampled_from([1, 2, 8]),
        st.none() | st.tuples(st.sampled_from(["break", "interrupt", "cancel"]), st.integers(0, 6)),
        st.integers(0, 10**6),  # the seed of the order of the inputs
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.long
@MANY
@given(
    faults=SCHEDULES,
    inputs=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=20),
    runs=RUNS,
    most=st.none() | st.integers(0, 15),
    by_units=st.booleans(),
)
def test_limits_bills_and_books_hold(
    faults: dict[str, list[tuple[str, bool]]],
    inputs: list[str],
    runs: list[tuple[str, int, tuple[str, int] | None, int]],
    most: int | None,
    by_units: bool,
) -> None:
    """Any faults, any number at work, broken off and gone on with: limits hold, bills are bracketed, books balance."""
    vendor = Vendor(faults)
    limit = {} if most is None else {"max_units" if by_units else "max_requests": most}
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "일.journal"
        for colour, concurrency, stop, order in runs:
            mixed = shuffled(inputs, order)
            told = run(colour, vendor, "sentiment", mixed, stop, journal=journal, concurrency=concurrency, **limit)
            if most is not None:
                assert (vendor.units if by_units else vendor.total) <= most
            assert told.balanced, told.books
            assert told.books["submitted"] == len(inputs) == len(told.rows)
            requests, least, highest = spent(journal)
            assert requests == vendor.total, "each request that reached the vendor is in the journal, and no other"
            assert least <= vendor.units <= highest
            assert sum(row["billed_min"] for row in told.rows) <= vendor.units
            assert not vendor.after, "what was answered, or refused for good, is not sent again"
        # A last run goes to its end: it may spend what it takes, and the service has recovered.
        vendor.faults.clear()
        told = run("blocking", vendor, "sentiment", inputs, journal=journal, concurrency=4)
        assert told.error is None
        assert sum(row["billed_min"] for row in told.rows) <= vendor.units <= sum(r["billed_max"] for r in told.rows)
        assert {row["status"] for row in told.rows} <= {"ok", "failed"}
        assert not vendor.after


@pytest.mark.long
@MANY
@given(inputs=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=20), runs=RUNS)
def test_without_faults_the_bill_is_exact(
    inputs: list[str], runs: list[tuple[str, int, tuple[str, int] | None, int]]
) -> None:
    """However often it is broken off: each text is paid once, and at least and at most are what the vendor counted."""
    vendor = Vendor()
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "j"
        for colour, concurrency, stop, order in runs:
            mixed = shuffled(inputs, order)
            told = run(colour, vendor, "sentiment", mixed, stop, journal=journal, concurrency=concurrency)
            assert told.balanced
            assert spent(journal) == (vendor.total,) * 3
        told = run("awaiting", vendor, "sentiment", inputs, journal=journal)
    assert told.books["done"] == len(inputs)
    assert vendor.total == len(set(inputs)) == sum(row["billed_min"] for row in told.rows)
    assert vendor.total == sum(row["billed_max"] for row in told.rows)


@pytest.mark.long
@both_by_turns("limit, concurrency", itertools.product(["max_requests", "max_units"], [1, 32]))
def test_a_limit_is_hard_among_failures(limit: str, concurrency: int, colour: str, tmp_path: Path) -> None:
    """Half of all attempts break off, and may have been billed: not one request more than the limit, in three runs."""
    texts = [f"후기 {n}" for n in range(length(100, 200, 200))]
    vendor = Vendor({text: [("lost", True)] * (n % 2) for n, text in enumerate(texts)})
    for run_ in (1, 2, 3):
        told = run(
            colour, vendor, "sentiment", texts, journal=tmp_path / "j", concurrency=concurrency, **{limit: 40 * run_}
        )
        assert vendor.total == 40 * run_
        assert told.error is None
        assert told.balanced


@both
def test_parts_and_polls_under_a_limit(colour: str, tmp_path: Path) -> None:
    """A call of several requests stops at the limit between them; looks at a job count for nothing."""
    vendor = Vendor()
    texts = [f"가{n}|나{n}|다{n}" for n in range(10)]
    told = run(colour, vendor, "detect_language", texts, journal=tmp_path / "j", max_requests=20)
    assert vendor.total == 20
    assert told.balanced
    told = run(colour, vendor, "detect_language", texts, journal=tmp_path / "j", max_requests=30)
    assert (vendor.total, told.books["done"]) == (30, 10)
    assert sum(row["billed_min"] for row in told.rows) == 30 == sum(row["billed_max"] for row in told.rows)


@both
@pytest.mark.parametrize("how", ["break", "interrupt", "cancel"])
def test_broken_off_anywhere_nothing_is_lost(how: str, colour: str, tmp_path: Path) -> None:
    """Out of the loop, Ctrl-C, a cancelled task: the books balance, and the next runs send only what is left."""
    vendor = Vendor()
    texts = [f"후기 {n}" for n in range(60)]
    for after in (0, 7, 20):
        told = run(colour, vendor, "sentiment", texts, (how, after), journal=tmp_path / "j", concurrency=4)
        assert told.balanced
        assert told.books["submitted"] == 60
        assert told.outcomes <= after + 1
    told = run(colour, vendor, "sentiment", texts, journal=tmp_path / "j")
    assert told.books["done"] == 60
    assert vendor.total == 60
    assert not vendor.after


def test_a_cancelled_wait_for_a_reply_is_in_doubt(tmp_path: Path) -> None:
    """A task that is cancelled while its requests are on their way: they are marked, and told as such."""

    async def scene() -> dict[str, int]:
        never = asyncio.Event()
        begun = asyncio.Semaphore(0)

        async def send(request: Request) -> Response:
            begun.release()
            await never.wait()
            raise AssertionError

        async with AsyncClient(MadeUp(key="not-a-real-key"), send=send) as client:
            job = client.batch("sentiment", ["가", "나", "다"], journal=tmp_path / "j", concurrency=2)

            async def consume() -> None:
                async with job:
                    async for _ in job:
                        pass

            task = asyncio.ensure_future(consume())
            await begun.acquire()
            await begun.acquire()
            job.stop(wait=0.0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert job.balanced
            return job.books

    books = asyncio.run(scene())
    assert (books["in_doubt"], books["not_started"]) == (2, 1)
    assert spent(tmp_path / "j") == (2, 0, 2)


@both
def test_a_slow_reader_holds_the_inputs_back(colour: str) -> None:
    """Of a generator only what is at work and what waits to be read is taken, however long nobody reads."""
    taken: list[str] = []

    def texts() -> Any:
        for n in range(10_000):
            taken.append(f"후기 {n}")
            yield taken[-1]

    def settled(before: int) -> bool:
        return len(taken) == before

    vendor = Vendor()
    if colour == "blocking":
        with Client(MadeUp(), send=vendor) as client, client.batch("sentiment", texts(), concurrency=4) as job:
            for read, _ in enumerate(job, 1):
                before = -1
                while not settled(before):
                    before = len(taken)
                    threading.Event().wait(0.05)
                assert len(taken) <= read + 4 + 4 + 1
                if read == 3:
                    break
        return

    async def send(request: Request) -> Response:
        return vendor(request)

    async def scene() -> None:
        read = 0
        async with AsyncClient(MadeUp(), send=send) as client, client.batch("sentiment", texts(), concurrency=4) as job:
            async for _ in job:
                read += 1
                before = -1
                while not settled(before):
                    before = len(taken)
                    await asyncio.sleep(0.05)
                assert len(taken) <= read + 4 + 4 + 1
                if read == 3:
                    break

    asyncio.run(scene())


@pytest.mark.long
@both
def test_300_copies_among_1000_cost_nothing(colour: str, tmp_path: Path) -> None:
    """700 of 1,000 inputs are called for, in any order, with many at work; each has a row and a result."""
    n = length(100, 1000, 1000)
    calls = n * 7 // 10
    texts = [f"리뷰 {number % calls}" for number in range(n)]
    texts = shuffled(texts, 3)
    vendor = Vendor()
    told = run(colour, vendor, "sentiment", texts, journal=tmp_path / "j", concurrency=16)
    assert (vendor.total, told.books["done"]) == (calls, n)
    assert sum(row["duplicate_of"] is not None for row in told.rows) == n - calls
    assert sum(row["billed_max"] for row in told.rows) == calls
    texts = shuffled(texts, 4)
    told = run(colour, vendor, "sentiment", texts, journal=tmp_path / "j", concurrency=16)
    assert (vendor.total, told.books["done"]) == (calls, n)


@both
def test_other_options_are_other_calls(colour: str, tmp_path: Path) -> None:
    """Another language is another call; a default written out, and a timeout, are not."""
    vendor = Vendor()
    for options in ({}, {"language": None}, {"timeout": 9.0}):
        run(colour, vendor, "sentiment", TEXTS, journal=tmp_path / "j", options=options)
        assert vendor.total == 12
    vendor.finished.clear()
    run(colour, vendor, "sentiment", TEXTS, journal=tmp_path / "j", options={"language": "ko"})
    assert vendor.total == 24


@both
def test_a_file_counts_by_its_bytes(colour: str, tmp_path: Path) -> None:
    """A copy under another name is the same input, and one that was changed under its old name is another."""
    names = [tmp_path / f"사진 {n}.png" for n in range(4)]
    for n, name in enumerate(names):
        Pictures.new("RGB", (60 + n // 2, 60), "green").save(name)
    server = Server(lambda request: ok({"responses": [{} for _ in request.json["requests"]]}))
    batcher = Batcher(colour, cloudai.Google(api_key="not-a-real-key"), server)
    done = batcher("detect_faces", names, journal=tmp_path / "j")
    assert done.values() == ["none_found"] * 4
    assert sum(len(request.json["requests"]) for request in server.requests) == 2
    Pictures.new("RGB", (70, 60), "green").save(names[1])
    done = batcher("detect_faces", reversed(names), journal=tmp_path / "j")
    assert done.values() == ["none_found"] * 4
    assert sum(len(request.json["requests"]) for request in server.requests) == 3
