"""The queue of outcomes, claims and the semaphore: whoever waits for one of them is woken."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from cloudai.batch.queues import END, Claims, OutcomeQueue, Semaphore
from cloudai.core.drivers.blocking import Blocking
from cloudai.core.effects import Program, Wait
from cloudai.core.flow import Call
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher, Server, both
from tests.support.in_time import in_time

SOON = 5.0
"""Seconds after which a test no longer waits."""


def soon(future: Future[Any]) -> Any:
    """Return the value of a future, or fail."""
    return future.result(SOON)


def test_items_come_out_in_order_and_end_comes_last() -> None:
    """A queue gives its items in the order in which they were put, and END after the last, as often as it is asked."""
    queue = OutcomeQueue(10)
    queue.put("가")
    queue.put("나")
    queue.close()
    assert [soon(queue.get()) for _ in range(4)] == ["가", "나", END, END]
    assert queue.at_hand() is END


def test_closing_wakes_all_who_wait() -> None:
    """Callers that wait for an item of an empty queue get END when it is closed."""
    queue = OutcomeQueue(1)
    waiting = [queue.get() for _ in range(3)]
    assert not any(future.done() for future in waiting)
    queue.close()
    assert [soon(future) for future in waiting] == [END] * 3


def test_an_item_goes_to_the_first_who_waits() -> None:
    """An item is given to the caller that has waited longest, and to none that has been cancelled."""
    queue = OutcomeQueue(1)
    first, second, third = queue.get(), queue.get(), queue.get()
    assert first.cancel()
    queue.put("가")
    assert soon(second) == "가"
    assert not third.done()


def test_a_full_queue_lets_a_giver_go_when_an_item_is_taken() -> None:
    """A caller that has filled the queue waits until an item is taken, or until nobody reads any more."""
    queue = OutcomeQueue(1)
    assert queue.put(1).done()
    second, third = queue.put(2), queue.put(3)
    assert not second.done()
    assert soon(queue.get()) == 1
    soon(second)
    assert not third.done()
    queue.open_wide()
    soon(third)
    assert queue.put(4).done()


def test_a_released_claim_wakes_all_who_wait_and_can_be_taken_again() -> None:
    """A call that is claimed makes others wait; its release wakes all of them, and the next one can claim it."""
    claims = Claims()
    assert claims.take("가") is None
    waiting = [claims.take("가"), claims.take("가")]
    assert claims.take("나") is None, "another call is not concerned"
    claims.release("가")
    for future in waiting:
        assert future is not None
        soon(future)
    assert claims.take("가") is None


def test_a_semaphore_passes_its_permit_on() -> None:
    """A program that ends, even by an error, lets the next one run; one that ends before its turn takes no permit."""
    semaphore, ran = Semaphore(1), []

    def program(name: str, error: Exception | None = None) -> Program[None]:
        yield Call(lambda: ran.append(name))
        if error:
            raise error

    def held(name: str, error: Exception | None = None) -> Program[None]:
        return semaphore.hold(program(name, error))

    first, second, third = held("가", ValueError()), held("나"), held("다")
    permits = [next(each) for each in (first, second, third)]  # each asks for its permit
    assert [permit.future.done() for permit in permits if isinstance(permit, Wait)] == [True, False, False]
    second.close()
    driver = Blocking(lambda _: ok({}))

    def resumed(program: Program[None], permit: Any) -> Program[None]:
        yield permit
        yield from program

    with pytest.raises(ValueError, match=r"^$"):
        in_time(lambda: driver.run(resumed(first, permits[0])), SOON)
    in_time(lambda: driver.run(resumed(third, permits[2])), SOON)
    assert ran == ["가", "다"]


@both
@pytest.mark.parametrize("reply", [lambda _: ok({"score": 0.5}), lambda _: ok({})], ids=["good", "unusable"])
def test_inputs_of_the_same_bytes_all_end(colour: str, reply: Callable[[Any], Any], tmp_path: Path) -> None:
    """A batch of copies ends within seconds, however the first of them ends: each copy is let go in turn."""
    run = Batcher(colour, MadeUp(), Server(reply))
    done = in_time(lambda: run("sentiment", ["같은 글"] * 20, journal=tmp_path / "j", concurrency=4), 2 * SOON)
    assert len(done.outcomes) == 20
    assert done.balanced


@both
def test_a_batch_without_inputs_ends(colour: str) -> None:
    """A batch of nothing, and of one input, ends within seconds: its reader is told that nothing more comes."""
    run = Batcher(colour, MadeUp(), Server(lambda _: ok({"score": 0.5})))
    assert [len(in_time(lambda: run("sentiment", texts), SOON).outcomes) for texts in ([], ["하나"])] == [0, 1]  # noqa: B023
