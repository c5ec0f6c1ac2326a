"""Programs taken forward together: what several of them want at the same time is done as one, and told to each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

import cloudai
from cloudai import AsyncClient, JournalError
from cloudai.batch import worker as batch_worker
from cloudai.batch.coalesce import coalesce
from cloudai.batch.queues import Semaphore
from cloudai.core.drivers.awaiting import Awaiting
from cloudai.core.drivers.blocking import Blocking
from cloudai.core.effects import Persist, Program, Sleep, Wait
from cloudai.core.flow import Call
from cloudai.media import Image
from tests.made_up.merging import google, picture


class Desk:
    """Keeps things at once, and says how many came together."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.together: list[int] = []
        self.failure = failure

    def do(self, work: Callable[[Any], Any]) -> Future[Any]:
        """Fail: no party asks for one thing alone."""
        raise AssertionError(f"{work} was not kept with the others")

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Do several things; one that raises has its error as its outcome."""
        self.together.append(len(works))
        future: Future[list[tuple[Any, Exception | None]]] = Future()
        if self.failure:
            future.set_exception(self.failure)
        else:
            future.set_result([tried(work) for work in works])
        return future


def tried(work: Callable[[Any], Any]) -> tuple[Any, Exception | None]:
    """Return what a function returns, and what it raises."""
    try:
        return work(None), None
    except ValueError as error:
        return None, error


def run(desk: Desk, n: int) -> list[Any]:
    """Run members that keep two things each, of which the third fails, and return what each came to, in order."""

    def member(number: int) -> Program[Any]:
        def work(_: Any) -> int:
            if number == 2:
                raise ValueError(number)
            return number

        try:
            first = yield Persist(desk, work)
            second = yield Persist(desk, lambda _: first * 10)
        except (ValueError, JournalError) as error:
            return error
        return second

    waiting = [member(number) for number in range(n)]
    found: list[Any] = []

    def more(room: int, wait: bool) -> Program[list[Program[Any]]]:
        taken, waiting[:] = waiting[:room], waiting[room:]
        return taken
        yield  # a program all the same

    def ended(value: Any) -> Program[None]:
        found.append(value)
        yield from ()

    Blocking(lambda _: pytest.fail("nothing is sent")).run(coalesce(more, ended, 16))
    return found


def test_what_several_keep_is_kept_as_one() -> None:
    """Twenty members, sixteen at a time: four waits for the disk, and the one whose work fails hears of it alone."""
    desk = Desk()
    found = run(desk, 20)
    assert desk.together == [16, 15, 4, 4]
    assert sorted(value for value in found if isinstance(value, int)) == [n * 10 for n in range(20) if n != 2]
    [failure] = [value for value in found if not isinstance(value, int)]
    assert isinstance(failure, ValueError)


def test_a_journal_that_fails_fails_each() -> None:
    """Each member has an error of its own: it will carry its own name, costs and frames."""
    error = JournalError("the disk is full", advice="Free some space.")
    found = run(Desk(error), 3)
    assert [str(one) for one in found] == [str(error)] * 3
    assert len({id(one) for one in [*found, error]}) == 4


class AtWork:
    """A count of those that are at work at the same time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = 0

    def change(self, by: int) -> None:
        """Count one more, or one less."""
        with self.lock:
            self.now += by
            self.most = max(self.most, self.now)


def work(at: AtWork, seconds: float) -> Program[None]:
    """Be at work for a while."""
    at.change(1)
    yield Call(lambda: threading.Event().wait(seconds))
    at.change(-1)


def test_no_more_than_so_many_hold_a_place() -> None:
    """Twelve threads, three places: each has its turn, and never more than three at once."""
    places, at = Semaphore(3), AtWork()
    driver = Blocking(lambda _: pytest.fail("nothing is sent"))
    threads = [threading.Thread(target=driver.run, args=(places.hold(work(at, 0.02)),)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert (at.now, at.most) == (0, 3)


def test_who_is_cancelled_takes_no_place_along() -> None:
    """Neither one who waits for a place nor one who has it: all places are free again."""

    async def scene() -> int:
        places, at, never = Semaphore(2), AtWork(), Future[None]()
        driver = Awaiting(lambda _: pytest.fail("nothing is sent"))

        def at_once(at: AtWork) -> Program[None]:
            at.change(1)
            yield Sleep(0.01)
            at.change(-1)

        def stuck() -> Program[None]:
            at.change(1)
            yield Wait(never)

        async def settle() -> None:
            for _ in range(50):  # fifty steps of the event loop, in which every task that can go on does
                await asyncio.sleep(0)

        async def leaves(task: asyncio.Task[None]) -> int:
            task.cancel()
            await asyncio.wait([task])
            await settle()
            return at.now

        tasks = [asyncio.ensure_future(driver.run(places.hold(stuck()))) for _ in range(5)]
        await settle()
        assert at.now == 2  # three tasks have come in until now
        assert await leaves(tasks[3]) == 2  # this task waits
        assert await leaves(tasks[2]) == 2  # this task waits in front
        assert await leaves(tasks[0]) == 3
        for task in tasks:
            await leaves(task)
        later = AtWork()
        async with asyncio.timeout(60):
            await asyncio.gather(*(driver.run(places.hold(at_once(later))) for _ in range(6)))
        driver.close()
        return later.most

    assert asyncio.run(scene()) == 2


@pytest.mark.long
@pytest.mark.parametrize("fetching", [False, True])
def test_few_parties_are_prepared_at_once(fetching: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 20 workers with 16 pictures each, but for those who wait for pictures to come: these may all wait at once."""
    at = AtWork()
    look = Image.fit

    def fit(self: Image, limits: Any) -> Any:
        at.change(1)
        found = yield from look(self, limits)
        at.change(-1)
        return found

    monkeypatch.setattr(Image, "fit", fit)
    monkeypatch.setattr(batch_worker, "PREPARING", 2)

    async def scene() -> dict[str, int]:
        async with (
            AsyncClient(cloudai.Google(api_key="not-a-real-key"), send=google, fetch_urls=fetching) as client,
            client.batch("detect_faces", [picture(i) for i in range(320)], concurrency=20) as job,
        ):
            async for _ in job:
                pass
            return job.books

    assert asyncio.run(scene())["done"] == 320
    assert (at.most > 2 * 16) == fetching
