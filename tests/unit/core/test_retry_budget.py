"""The budget of retries: an outage is cheap, and a burst that is refused waits for its turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloudai import AsyncClient, Client, RateLimitedError, Response
from cloudai.core.rate_limit import REFILL, RETRIES, RetryBudget
from tests.made_up.provider import MadeUp, ok, refused
from tests.support.virtual_time import run_virtually


def test_an_empty_budget_is_refilled_one_by_one() -> None:
    """The first retries are free; each further one after a refusal waits a tenth of a second longer than the last."""
    budget = RetryBudget()
    assert [budget.wait(100.0) for _ in range(int(RETRIES))] == [0.0] * int(RETRIES)
    assert budget.wait(100.0) == pytest.approx(1 / REFILL)
    assert budget.wait(100.0) == pytest.approx(2 / REFILL)
    assert budget.wait(200.0) == pytest.approx(1 / REFILL)
    assert not budget.take()


@pytest.mark.parametrize(("status", "hint"), [(429, "0"), (503, "0"), (425, None)])
def test_a_burst_that_is_refused_once_loses_no_call(status: int, hint: str | None) -> None:
    """Sixty calls at once are put off, in any way that costs nothing, and all of them succeed when they come again."""
    seen: set[str] = set()

    async def scene() -> tuple[list[Any], float]:
        begun, clock = asyncio.Semaphore(0), asyncio.get_running_loop().time

        async def send(request: Any) -> Response:
            if (text := request.json["text"]) in seen:
                return ok({"score": 0.5})
            seen.add(text)
            if len(seen) < 60:  # all of them are on their way before the first is refused
                await begun.acquire()
            begun.release()
            return refused(status, **({"retry-after": hint} if hint else {}))

        async with AsyncClient(MadeUp(), send=send, max_concurrency=64, clock=clock, sleep=asyncio.sleep) as client:
            calls = (client.sentiment(f"글 {n}") for n in range(60))
            return await asyncio.gather(*calls, return_exceptions=True), clock()

    results, took = run_virtually(scene)
    assert [getattr(result, "score", result) for result in results] == [0.5] * 60
    assert took < 30


def test_a_call_without_time_for_the_refill_fails() -> None:
    """A call whose deadline is before the refill raises the refusal, which says when to come again."""
    with (
        Client(MadeUp(key="not-a-real-key"), send=lambda _: refused(429), timeout=0.2, sleep=lambda _: None) as client,
        pytest.raises(RateLimitedError),
    ):
        client.sentiment("글")
