"""Programs taken forward together: what several of them want at the same time is done as one, and told to each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from cloudai import JournalError
from cloudai.batch.lockstep import lockstep
from cloudai.drivers import Blocking
from cloudai.effects import Keep, Program


class Desk:
    """Keeps things at once, and says how many came together."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.together: list[int] = []
        self.failure = failure

    def do(self, work: Callable[[Any], Any]) -> Future[Any]:
        """One alone, which no party asks for."""
        raise AssertionError(f"{work} was not kept with the others")

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Several; a work that raises has that as its outcome."""
        self.together.append(len(works))
        future: Future[list[tuple[Any, Exception | None]]] = Future()
        if self.failure:
            future.set_exception(self.failure)
        else:
            future.set_result([tried(work) for work in works])
        return future


def tried(work: Callable[[Any], Any]) -> tuple[Any, Exception | None]:
    """What it returns or raises."""
    try:
        return work(None), None
    except ValueError as error:
        return None, error


def run(desk: Desk, n: int) -> list[Any]:
    """Members that keep two things each; the third has a work that fails. What each came to, in order."""

    def member(number: int) -> Program[Any]:
        def work(_: Any) -> int:
            if number == 2:
                raise ValueError(number)
            return number

        try:
            first = yield Keep(desk, work)
            second = yield Keep(desk, lambda _: first * 10)
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

    Blocking(lambda _: pytest.fail("nothing is sent")).run(lockstep(more, ended, 16))
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
