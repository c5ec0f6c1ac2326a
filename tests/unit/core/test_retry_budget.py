"""The budget of retries: an outage is cheap, and a burst that is refused waits for its turn."""

from __future__ import annotations

import threading
import time

import pytest

from cloudai import Client, RateLimitedError, Response
from cloudai.core.rate_limit import REFILL, RETRIES, RetryBudget
from tests.made_up.provider import MadeUp, ok, refused


def test_an_empty_budget_is_refilled_one_by_one() -> None:
    """The first retries are free; each further one after a refusal waits a tenth of a second longer than the last."""
    budget = RetryBudget()
    assert [budget.wait(100.0) for _ in range(int(RETRIES))] == [0.0] * int(RETRIES)
    assert budget.wait(100.0) == pytest.approx(1 / REFILL)
    assert budget.wait(100.0) == pytest.approx(2 / REFILL)
    assert budget.wait(200.0) == pytest.approx(1 / REFILL)
    assert not budget.take()


@pytest.mark.long
@pytest.mark.parametrize(("status", "hint"), [(429, "0"), (503, "0"), (425, None)])
def test_a_burst_that_is_refused_once_loses_no_call(status: int, hint: str | None) -> None:
    """Sixty calls at once are put off, in any way that costs nothing, and all of them succeed when they come again."""
    seen: set[str] = set()
    lock = threading.Lock()
    begun = threading.Barrier(60)

    def send(request: object) -> Response:
        text = request.json["text"]  # type: ignore[attr-defined]
        with lock:
            first = text not in seen
            seen.add(text)
        if first:
            begun.wait(20)
            return refused(status, **({"retry-after": hint} if hint else {}))
        return ok({"score": 0.5})

    results: list[object] = []
    with Client(MadeUp(key=f"not-a-real-key of {status}"), send=send, max_concurrency=64) as client:

        def ask(n: int) -> None:
            try:
                results.append(client.sentiment(f"글 {n}").score)
            except Exception as error:  # what the test looks at
                results.append(error)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(60)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [0.5] * 60
    assert time.monotonic() - began < 30


def test_a_call_without_time_for_the_refill_fails() -> None:
    """A call whose deadline is before the refill raises the refusal, which says when to come again."""
    with (
        Client(MadeUp(key="not-a-real-key"), send=lambda _: refused(429), timeout=0.2, sleep=lambda _: None) as client,
        pytest.raises(RateLimitedError),
    ):
        client.sentiment("글")
