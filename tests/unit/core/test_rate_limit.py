"""Paces hold at the server: whatever is retried, polled, slow, shared, suspended or set to another hour."""

from __future__ import annotations

import asyncio
import gc
import heapq
import logging
import os
import random
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudai import AsyncClient, Client, ConnectionLostError, RateLimitedError, SettingsError, Watson, storage
from cloudai.batch.hooks import ItemHooks
from cloudai.core.flow import Request
from cloudai.core.rate_limit import MARGIN, Rate, RateLimiter, rates, shared
from cloudai.core.tokens import Token
from cloudai.storage import state_folder
from tests.made_up.provider import Clock, MadeUp, ok, refused
from tests.support.forks import run_code
from tests.support.length import length
from tests.support.virtual_time import run_virtually, windows_hold

MINUTE = 60.0
MOST_EXAMPLES = length(40, 150, 500)


class Mood:
    """Answers, or fails by chance; keeps when each request came in, polls and failures too."""

    def __init__(self, clock: Any, faults: float = 0.0) -> None:
        self.clock = clock
        self.faults = faults
        self.chance = random.Random(20)  # noqa: S311  # the same each time
        self.arrivals: list[float] = []
        self.answered: set[str] = set()

    def __call__(self, request: Request) -> Any:
        """Return a reply that takes no time."""
        self.arrivals.append(self.clock())
        if self.chance.random() < self.faults:
            failures = [refused(429), refused(500), refused(429, Retry_After="7"), ConnectionLostError("cut")]
            failure = self.chance.choice(failures)
            if isinstance(failure, Exception):
                raise failure
            return failure
        if request.method == "GET":
            return ok({"code": "ko"} if self.chance.random() < 0.5 else {})
        self.answered.add(request.json["text"])
        return ok({"score": 0.5})

    async def slowly(self, request: Request) -> Any:
        """Return a reply after a while; the way to the server takes a while, too."""
        await asyncio.sleep(self.chance.uniform(0, MARGIN * 0.8))
        try:
            return self(request)
        finally:
            await asyncio.sleep(self.chance.expovariate(1.0))


def blocking(server: Mood, clock: Clock, operation: str, texts: list[str], pace: Any, **options: Any) -> list[Any]:
    """Run a batch with one worker, to its end."""
    with (
        Client(MadeUp(), send=server, clock=clock, sleep=clock.sleep) as client,
        client.batch(operation, texts, pace=pace, concurrency=1, **options) as job,  # type: ignore[call-overload]
    ):
        outcomes = list(job)
        assert job.balanced
        return outcomes


def awaiting(
    faults: float, operation: str, texts: list[str], pace: Any, *, concurrency: int = 8, provider: Any = None
) -> tuple[Mood, list[Any]]:
    """Run a batch with several workers on a loop of virtual time, to its end."""

    async def scene() -> tuple[Mood, list[Any]]:
        clock = asyncio.get_running_loop().time
        server = Mood(clock, faults)
        async with (
            AsyncClient(provider or MadeUp(), send=server.slowly, clock=clock, sleep=asyncio.sleep) as client,
            client.batch(operation, texts, pace=pace, concurrency=concurrency) as job,  # type: ignore[call-overload]
        ):
            outcomes = [outcome async for outcome in job]
            assert job.balanced
            return server, outcomes

    return run_virtually(scene)


def texts_of(n: int) -> list[str]:
    """Return Korean reviews that are all different."""
    return [f"후기 {number}: 아주 좋아요" for number in range(n)]


@pytest.mark.long
def test_300_at_20_a_minute_take_14_minutes_blocking() -> None:
    """14 to 14.2 minutes, and never more than 20 requests in any minute."""
    clock = Clock()
    server = Mood(clock)
    assert {outcome.status for outcome in blocking(server, clock, "sentiment", texts_of(300), "20/min")} == {"ok"}
    assert 14 * MINUTE <= server.arrivals[-1] - server.arrivals[0] <= 14.2 * MINUTE
    assert len(server.arrivals) == 300
    assert windows_hold(server.arrivals, 20, MINUTE)


@pytest.mark.long
@pytest.mark.parametrize("concurrency", length([32], [8, 32], [8, 32]))
def test_300_at_20_a_minute_take_14_minutes_awaiting(concurrency: int) -> None:
    """The same with many at work, on ways that take different times."""
    minutes = length(4, 14, 14)
    server, outcomes = awaiting(0, "sentiment", texts_of(20 * minutes + 20), "20/min", concurrency=concurrency)
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert minutes * MINUTE - 1 <= max(server.arrivals) - min(server.arrivals) <= (minutes + 0.2) * MINUTE
    assert windows_hold(server.arrivals, 20, MINUTE)


@pytest.mark.parametrize("operation", ["sentiment", "detect_language"])
def test_retries_and_polls_count_blocking(operation: str) -> None:
    """Among 429, 500, lost connections and looks at a job no minute has more than 20 requests."""
    clock = Clock()
    server = Mood(clock, faults=0.15)
    outcomes = blocking(server, clock, operation, texts_of(60), "20/min")
    assert len(outcomes) == 60
    assert len(server.arrivals) > 65
    assert windows_hold(server.arrivals, 20, MINUTE)


@pytest.mark.long
@pytest.mark.parametrize("operation", ["sentiment", "detect_language"])
def test_retries_and_polls_count_awaiting(operation: str) -> None:
    """The same with eight at work."""
    server, outcomes = awaiting(0.15, operation, texts_of(60), "20/min")
    assert len(outcomes) == 60
    assert len(server.arrivals) > 65
    assert windows_hold(server.arrivals, 20, MINUTE)


def test_a_slow_token_makes_no_burst() -> None:
    """Requests that waited for a token past their turn take another turn, and do not all come at once."""

    class SlowToken(MadeUp):
        def token(self, service: str) -> Any:
            def fetched() -> Any:
                response = yield Request("POST", "https://made-up.example/token", credentials=False, billed=0)
                return Token(response.json()["token"], time.time() + 3600)

            return fetched()

    async def scene() -> list[float]:
        clock = asyncio.get_running_loop().time
        arrivals: list[float] = []

        async def send(request: Request) -> Any:
            if not request.credentials:
                await asyncio.sleep(20)
                return ok({"token": "not-a-real-token"})
            arrivals.append(clock())
            return ok({"score": 0.5})

        async with (
            AsyncClient(SlowToken(), send=send, clock=clock, sleep=asyncio.sleep) as client,
            client.batch("sentiment", texts_of(60), pace="5/s", concurrency=30) as job,
        ):
            assert [outcome.status async for outcome in job] == ["ok"] * 60
        return arrivals

    arrivals = run_virtually(scene)
    assert min(arrivals) >= 20
    assert windows_hold(arrivals, 5, 1.0)


def test_a_slow_disk_makes_no_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request written down long after its turn takes another, and one sent late is never one too many."""
    clock = Clock()
    server = Mood(clock)
    sending = ItemHooks.before_send
    stalls = iter([0.0, 0.0, 90.0, 0.3, 90.0] + [0.2] * 100)

    def slow(self: ItemHooks, place: str, request: Request) -> Any:
        clock.now += next(stalls)
        return (yield from sending(self, place, request))

    monkeypatch.setattr(ItemHooks, "before_send", slow)
    outcomes = blocking(server, clock, "sentiment", texts_of(30), "3/min")
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert windows_hold(server.arrivals, 3, MINUTE)


SOME_RATES = st.lists(
    st.sampled_from([Rate(1, 1.0), Rate(3, 1.0), Rate(10, 60.0), Rate(2, 60.0), Rate(25, 3600.0)]),
    min_size=1,
    max_size=3,
    unique=True,
)
CALLS = st.lists(
    st.tuples(
        st.floats(0, 50),  # when it comes
        st.one_of(st.floats(0, 3), st.floats(0, 300), st.just(8 * 3600.0)),  # from the turn to the request
        st.floats(0, MARGIN * 0.9),  # on its way
    ),
    min_size=1,
    max_size=60,
)


def simulated(pacer: RateLimiter, wanted: list[Rate], calls: list[tuple[float, float, float]]) -> list[float]:
    """Return the times at which calls arrive that each have a worker of their own."""
    order = count()
    events = [(came, next(order), "take", call, 0) for call, (came, *_) in enumerate(calls)]
    heapq.heapify(events)
    late = {call: latency for call, (_, latency, _) in enumerate(calls)}
    arrivals = []
    while events:
        now, _, what, call, turn = heapq.heappop(events)
        if what == "take":
            seconds, turn = pacer.take(wanted, now)
            if seconds:
                heapq.heappush(events, (now + seconds, next(order), "take", call, 0))
            else:
                heapq.heappush(events, (now + late.pop(call, 0.0), next(order), "move", call, turn))
        elif pacer.move(turn, now):
            arrivals.append(now + calls[call][2])
        else:
            heapq.heappush(events, (now, next(order), "take", call, 0))
    return arrivals


@settings(max_examples=MOST_EXAMPLES, deadline=None)
@given(SOME_RATES, CALLS)
@example(wanted=[Rate(1, 1.0)], calls=[(0.0, 27.0, 0.0), (26.0, 1.0, 0.0)])
def test_no_schedule_breaks_a_pace(wanted: list[Rate], calls: list[tuple[float, float, float]]) -> None:
    """Several rates at once, any time between turn and request, any way there: each window of each rate is clean."""
    arrivals = simulated(RateLimiter(), wanted, calls)
    assert len(arrivals) == len(calls)
    for rate in wanted:
        assert windows_hold(arrivals, rate.n, rate.seconds), (rate, sorted(arrivals))


@settings(max_examples=MOST_EXAMPLES, deadline=None)
@given(SOME_RATES, st.lists(st.tuples(st.floats(0, 30), st.booleans()), min_size=2, max_size=60))
def test_calls_without_a_pace_are_counted(wanted: list[Rate], calls: list[tuple[float, bool]]) -> None:
    """A single call waits for nobody, and whoever keeps a pace leaves room for it."""
    pacer, now = RateLimiter(), 0.0
    pacer.take(wanted, now)
    sent = [now]
    for gap, paced in calls:
        now += gap
        if not paced:
            pacer.note(now)
            sent.append(now)
            continue
        while (wait := pacer.take(wanted, now)[0]) > 0:
            now += wait
        sent.append(now)
        for rate in wanted:
            assert sum(then > now - rate.seconds for then in sent) <= rate.n


@pytest.mark.long
def test_a_hundred_thousand_requests() -> None:
    """Both rates hold in every window of 100,000 requests in virtual time, and no time is wasted."""
    n = length(10_000, 100_000, 100_000)
    pacer, wanted, now = RateLimiter(), rates("10/s, 300/min"), 5e6
    chance = random.Random(7)  # noqa: S311  # the same each time
    sent = []
    for _ in range(n):
        while (wait := pacer.take(wanted, now)[0]) > 0:
            now += wait
        sent.append(now)
        now += chance.uniform(0, 0.02)
    assert windows_hold(sent, 10, 1.0)
    assert windows_hold(sent, 300, 60.0)
    assert sent[-1] - sent[0] < n / 300 * (60 + MARGIN) + 60


def test_one_a_minute_waits_all_of_a_minute() -> None:
    """The wait is the whole window, and a margin for the way."""
    pacer = RateLimiter()
    assert pacer.take(rates("1/min"), 100.0)[0] == 0
    assert pacer.take(rates("1/min"), 100.0)[0] == pytest.approx(60 + MARGIN)


@pytest.mark.parametrize("step", [3600.0, -3600.0, 365 * 86400.0, -365 * 86400.0])
def test_a_clock_that_is_set_changes_nothing(step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps by an hour or a year, forth and back, while a batch runs: each request goes as before."""

    def times() -> list[float]:
        clock = Clock()
        server = Mood(clock)
        blocking(server, clock, "sentiment", texts_of(50), "20/min")
        return server.arrivals

    before = times()
    now, calls = time.time, count()
    monkeypatch.setattr(time, "time", lambda: now() + step * (next(calls) % 3))
    after = times()
    assert after == before
    assert windows_hold(after, 20, MINUTE)


def test_a_suspend_neither_stalls_nor_bursts() -> None:
    """Eight hours in one step: the next twenty may go, the one after waits a minute."""
    clock = Clock()
    server = Mood(clock)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if 30 < clock.now < 1000:
            clock.now += 8 * 3600

    with (
        Client(MadeUp(), send=server, clock=clock, sleep=sleep) as client,
        client.batch("sentiment", texts_of(100), pace="20/min", concurrency=1) as job,
    ):
        assert [outcome.status for outcome in job] == ["ok"] * 100
    assert windows_hold(server.arrivals, 20, MINUTE)
    assert server.arrivals[-1] < 8 * 3600 + 6 * MINUTE


def test_after_a_restart_of_the_computer(tmp_path: Path) -> None:
    """Stamps of the time before, later than the clock, stall nobody beyond one window."""
    before = RateLimiter("account endpoint")
    for _ in range(3):
        assert before.take(rates("3/min"), 900_000.0)[0] == 0
    after, now = RateLimiter("account endpoint"), 12.0
    while (wait := after.take(rates("3/min"), now)[0]) > 0:
        now += wait
    assert now <= 12 + MINUTE + MARGIN


PROCESS = """
from cloudai import Client
from cloudai.core.rate_limit import RateLimiter
from tests.made_up.provider import MadeUp, ok

turns, take = [], RateLimiter.take
def noted(limiter, rates, now):
    answer = take(limiter, rates, now)
    if not answer[0]:
        turns.append(now)
    return answer
RateLimiter.take = noted

with Client(MadeUp(key="not-a-real-key"), send=lambda _: ok({"score": 0.5})) as client:
    with client.batch("sentiment", [f"글 {n}" for n in range(5)], pace="10/s", concurrency=4) as job:
        assert [outcome.status for outcome in job] == ["ok"] * 5
print(*turns)
"""


@pytest.mark.long
def test_processes_share_a_pace() -> None:
    """Three at once with the same key, started together: together they are given ten turns at most in any second."""
    times: list[float] = []
    with ThreadPoolExecutor(3) as threads:
        # The turns are looked at, because a request goes out later, depending on how busy the computer is.
        for code, out, err in threads.map(lambda _: run_code(PROCESS), range(3)):
            assert code == 0, err
            assert "not counted" not in err
            times += map(float, out.split())
    assert len(times) == 15
    assert windows_hold(times, 10, 1.0)


def pacer_of(client: Any, service: str = "mood") -> RateLimiter:
    """Return the pacer by which a client counts the requests to an endpoint."""
    pacer: RateLimiter = client._engine._guarded(client.provider).limiter((service, "https", "made-up.example"))
    return pacer


def test_one_key_is_one_pace_in_a_process() -> None:
    """Two clients with one key count together; another key, and another endpoint, have their own."""
    wanted = rates("3/min")

    def full(pacer: RateLimiter) -> bool:
        return pacer.take(wanted, time.monotonic())[0] > 1

    send = Mood(time.monotonic)
    with (
        Client(MadeUp(key="key-1"), send=send) as first,
        Client(MadeUp(key="key-1"), send=send) as second,
        Client(MadeUp(key="key-2"), send=send) as other,
    ):
        for client, text in ((first, "가"), (second, "나"), (first, "다")):
            with client.batch("sentiment", [text], pace="3/min") as job:
                assert [outcome.status for outcome in job] == ["ok"]
        assert full(pacer_of(second))
        assert not full(pacer_of(other))
        assert not full(pacer_of(first, "tongue"))
        began = time.monotonic()
        with other.batch("sentiment", ["가", "나"], pace="3/min") as job:
            assert [outcome.status for outcome in job] == ["ok", "ok"]
        assert time.monotonic() - began < 30, "the other key waits for nobody"
        assert shared(first.provider.account() or "") is first._engine._guarded(first.provider)


def test_a_single_call_of_the_process_counts() -> None:
    """It waits for nothing; a batch beside it has one turn less."""
    with Client(MadeUp(key="key-3"), send=Mood(time.monotonic)) as client:
        with client.batch("sentiment", ["가"], pace="2/min") as job:
            list(job)
        client.sentiment("나")
        assert pacer_of(client).take(rates("2/min"), time.monotonic())[0] > 1


def test_a_state_folder_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning in the log, and the pace holds within the process."""
    (tmp_path / "파일").write_text("no folder")
    monkeypatch.setenv("CLOUDAI_STATE_DIR", str(tmp_path / "파일"))
    with caplog.at_level(logging.WARNING, "cloudai"):
        pacer = RateLimiter("account")
        assert pacer.take(rates("1/min"), 5.0)[0] == 0
    assert "other processes' requests are not counted" in caplog.text
    assert pacer.take(rates("1/min"), 6.0)[0] > 50


@pytest.mark.parametrize("damage", [b"garbage, no database" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_state_file_is_made_anew(damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is worth nothing: a warning, a new file, and processes are counted again."""
    before = RateLimiter("account")
    assert before.take(rates("1/min"), 5.0)[0] == 0
    assert before._db is not None
    before._db.close()
    [path] = (state_folder() / "pace").glob("*.db")
    path.write_bytes(damage)
    with caplog.at_level(logging.WARNING, "cloudai"):
        assert RateLimiter("account").take(rates("1/min"), 6.0)[0] == 0
    assert "damaged" in caplog.text
    assert RateLimiter("account").take(rates("1/min"), 7.0)[0] > 50, "another process sees it"


def test_a_state_file_without_our_mark_is_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody else keeps files there: a warning, a new file, and processes are counted again."""
    before = RateLimiter("account")
    assert before.take(rates("1/min"), 5.0)[0] == 0
    assert before._db is not None
    before._db.execute("PRAGMA application_id = 0")
    before._db.close()
    with caplog.at_level(logging.WARNING, "cloudai"):
        assert RateLimiter("account").take(rates("1/min"), 6.0)[0] == 0
    assert "begun anew" in caplog.text
    assert RateLimiter("account").take(rates("1/min"), 7.0)[0] > 50, "another process sees it"


def test_a_state_file_of_a_later_version_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """A warning, the pace holds within the process, and the file stays for the programs that can read it."""
    before = RateLimiter("account")
    assert before.take(rates("1/min"), 5.0)[0] == 0
    assert before._db is not None
    before._db.execute("PRAGMA user_version = 99")
    before._db.close()
    [path] = (state_folder() / "pace").glob("*.db")
    content = path.read_bytes()
    with caplog.at_level(logging.WARNING, "cloudai"):
        pacer = RateLimiter("account")
        assert pacer.take(rates("1/min"), 6.0)[0] == 0
    assert "other processes' requests are not counted" in caplog.text
    assert pacer.take(rates("1/min"), 7.0)[0] > 50
    assert path.read_bytes() == content


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_state_file_is_for_its_owner_alone() -> None:
    """Mode 0600, like the journal and the cache, in a folder of mode 0700."""
    before = os.umask(0)
    try:
        assert RateLimiter("account").take(rates("1/min"), 5.0)[0] == 0
    finally:
        os.umask(before)
    assert (state_folder() / "pace").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (state_folder() / "pace").iterdir()} == {0o600}


def test_a_state_file_that_is_locked_while_it_is_opened() -> None:
    """The request asks again a little later; stamps from before a restart of the computer stall nobody then either."""
    assert RateLimiter("account").take(rates("1/min"), 900_000.0)[0] == 0
    [path] = (state_folder() / "pace").glob("*.db")
    pacer = RateLimiter("account")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert 0 < pacer.take(rates("1/min"), 100.0)[0] < 1
        other.execute("ROLLBACK")
    assert pacer.take(rates("1/min"), 100.0)[0] == 0


def test_a_state_file_that_breaks_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    """Damaged while a batch runs, it stops nothing: a warning, and no error but ours ever comes out."""
    pacer, now = RateLimiter("account"), 5.0
    assert pacer.take(rates("2/min"), now)[0] == 0
    pacer._db.execute("DROP TABLE turns")  # type: ignore[union-attr]
    with caplog.at_level(logging.WARNING, "cloudai"):
        while (wait := pacer.take(rates("2/min"), now)[0]) > 0:
            now += wait
            assert now < 6
        pacer.note(now)
    assert "failed" in caplog.text
    assert pacer.take(rates("2/min"), now)[0] > 50


def test_the_time_of_a_call_begins_with_its_turn() -> None:
    """timeout=5 at one a minute: each waits longer than that for its turn, and none is late."""
    clock = Clock()
    server = Mood(clock)
    outcomes = blocking(server, clock, "sentiment", texts_of(5), "1/min", options={"timeout": 5})
    assert [outcome.status for outcome in outcomes] == ["ok"] * 5
    server, outcomes = awaiting(0, "sentiment", texts_of(5), "1/min")
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert windows_hold(server.arrivals, 1, MINUTE)


def test_a_call_that_hangs_ends_though_it_was_paced() -> None:
    """The deadline itself holds: five seconds from its turn."""

    async def scene() -> tuple[list[Any], float]:
        clock = asyncio.get_running_loop().time

        async def hang(request: Request) -> Any:
            async with asyncio.timeout(request.timeout):
                await asyncio.sleep(1000)

        async with (
            AsyncClient(MadeUp(), send=_as_ours(hang), clock=clock, sleep=asyncio.sleep) as client,
            client.batch("sentiment", ["가", "나"], pace="1/min", options={"timeout": 5}) as job,
        ):
            return [outcome async for outcome in job], clock()

    outcomes, took = run_virtually(scene)
    assert [outcome.status for outcome in outcomes] == ["in_doubt"] * 2
    assert took <= MINUTE + 2 * MARGIN + 5 + 1


def _as_ours(send: Any) -> Any:
    from cloudai import DeadlineExceededError

    async def mapped(request: Request) -> Any:
        try:
            return await send(request)
        except TimeoutError:
            raise DeadlineExceededError("no reply in time") from None

    return mapped


@pytest.mark.parametrize("pace", ["quick", "20", "0/min", "-1/s", "20/fortnight", "1/0", "", "20/min;1/s", "1e3/s"])
def test_what_is_no_pace(pace: str) -> None:
    """One line that shows how a pace is written, before anything begins."""
    with Client(MadeUp()) as client, pytest.raises(SettingsError, match="is no pace") as found:
        client.batch("sentiment", ["가"], pace=pace)
    assert '"20/min"' in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("pace", [20, 1.5, {"n": 1}, [20], b"20/min"])
def test_what_is_no_text(pace: Any) -> None:
    """The same of a number, and of anything else that is no text."""
    with Client(MadeUp()) as client, pytest.raises(SettingsError, match="is no pace"):
        client.batch("sentiment", ["가"], pace=pace)


@pytest.mark.parametrize(
    ("pace", "found"),
    [
        ("20/min", [Rate(20, 60.0)]),
        (" 10 / s , 1000/days", [Rate(10, 1.0), Rate(1000, 86400.0)]),
        (["5/hours", "1/sec"], [Rate(5, 3600.0), Rate(1, 1.0)]),
        (None, []),
    ],
)
def test_what_is_a_pace(pace: Any, found: list[Rate]) -> None:
    """One or several, in one text or in a list."""
    assert list(rates(pace)) == found


def test_the_free_tier_is_a_pace() -> None:
    """pace="free" is the vendor's, by operation; where none is known that is told."""
    with Client("azure") as client, client.batch("detect_faces", [], pace="free") as job:
        known = type(client.provider).capabilities()["detect_faces"].free
        assert known
        assert job._runner.state.rates == rates(known)
    with Client(Watson()) as client, pytest.raises(SettingsError, match="free tier"):
        client.batch("detect_faces", [], pace="free")


def test_a_429_without_end_pauses() -> None:
    """A quarter of an hour of nothing but 429: the batch pauses and fails no input, and the pace held."""
    clock = Clock()
    arrivals: list[float] = []

    def send(request: Request) -> Any:
        arrivals.append(clock())
        return refused(429)

    with (
        Client(MadeUp(), send=send, clock=clock, sleep=clock.sleep) as client,
        client.batch("sentiment", ["가", "나"], pace="20/min", concurrency=1) as job,
    ):
        with pytest.raises(Exception, match="paused") as found:
            list(job)
        assert isinstance(found.value.__cause__, RateLimitedError)
        assert job.books["not_started"] == 2
    assert 900 < clock.now < 1000
    assert windows_hold(arrivals, 20, MINUTE)


def test_a_limiter_that_is_dropped_closes_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limiter to which nothing refers any more closes its connection: Python 3.13 warns of one that is not closed."""
    opened, real = [], storage.connect
    monkeypatch.setattr(storage, "connect", lambda *how, **more: opened.append(real(*how, **more)) or opened[-1])
    limiter = RateLimiter("an account")
    assert limiter.take(rates("10/s"), 1.0)[0] == 0
    [connection] = opened
    assert connection.execute("SELECT COUNT(*) FROM turns").fetchone() == (1,)
    del limiter
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        connection.execute("SELECT COUNT(*) FROM turns")
