"""A pace counts a request from the time at which the service has it: when its reply comes, or half a second later."""

from __future__ import annotations

import heapq
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudai import Client, ConnectionLostError, Request, Response
from cloudai.core.rate_limit import LEAST_MARGIN, MARGIN, Rate, RateLimiter, rates
from tests.made_up.provider import Clock, MadeUp, ok
from tests.support.virtual_time import windows_hold


def seconds_of(n: int, pace: str, takes: float = 0.0, failing: int = -1) -> float:
    """Return the seconds in which a batch sends so many texts, one after the other, each of which takes so long.

    The connection of the request with the number ``failing`` is lost.
    """
    clock, requests = Clock(), count()

    def send(_: Request) -> Response:
        clock.sleep(takes)
        if next(requests) == failing:
            raise ConnectionLostError("cut")
        return ok({"score": 0.5})

    with (
        Client(MadeUp(), send=send, clock=clock, sleep=clock.sleep) as client,
        client.batch("sentiment", [f"후기 {number}" for number in range(n)], pace=pace, concurrency=1) as job,
    ):
        began = clock.now
        assert [outcome.status for outcome in job].count("ok") == n
        return clock.now - began


@pytest.mark.parametrize(("pace", "seconds"), [("10/s", 4.0), ("20/min", 120.0)])
def test_a_batch_of_one_request_at_a_time_uses_the_whole_quota(pace: str, seconds: float) -> None:
    """50 texts at ten a second take four seconds, and 50 at 20 a minute take two minutes, but for a hundredth."""
    assert seconds_of(50, pace) == pytest.approx(seconds, rel=0.011)


def test_a_window_begins_when_the_reply_comes() -> None:
    """Where each reply takes 0.2 seconds, the next window of a rate of one a second begins 0.2 seconds later."""
    assert seconds_of(6, "1/s", takes=0.2) == pytest.approx(5 * (1.2 + LEAST_MARGIN) + 0.2)


def test_a_late_reply_makes_no_window_longer() -> None:
    """A reply that takes longer than the margin does not change when the next request goes out."""
    assert seconds_of(6, "1/s", takes=1.2) == pytest.approx(5 * (1 + MARGIN) + 1.2)


def test_a_request_without_a_reply_may_be_on_its_way_for_the_whole_margin() -> None:
    """When the connection is lost, nothing says that the service has the request, and the next one waits for longer."""
    assert seconds_of(2, "1/min") == pytest.approx(60 + LEAST_MARGIN)
    assert seconds_of(2, "1/min", failing=0) == pytest.approx(60 + MARGIN + 60 + LEAST_MARGIN)


CALLS = st.lists(
    st.tuples(
        st.floats(0, 5),  # when the call wants to go out
        st.floats(0, MARGIN * 0.98),  # how long the request travels
        st.floats(0, 1),  # how long its reply takes
        st.booleans(),  # whether the reply comes at all
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([Rate(1, 1.0), Rate(3, 1.0), Rate(10, 60.0)]), CALLS)
def test_no_window_of_the_service_holds_too_many(rate: Rate, calls: list[tuple[float, float, float, bool]]) -> None:
    """However long requests travel, and whether replies come or not, the service never counts more than the rate."""
    limiter, order, arrivals = RateLimiter(), count(), []
    events = [(came, next(order), call, 0) for call, (came, *_) in enumerate(calls)]
    heapq.heapify(events)
    while events:
        now, _, call, turn = heapq.heappop(events)
        _, there, back, replies = calls[call]
        if turn:
            limiter.arrived(turn, now)
            continue
        seconds, turn = limiter.take([rate], now)
        if seconds:
            heapq.heappush(events, (now + seconds, next(order), call, 0))
            continue
        assert limiter.move(turn, now)
        arrivals.append(now + there)
        if replies:
            heapq.heappush(events, (now + there + back, next(order), call, turn))
    assert len(arrivals) == len(calls)
    assert windows_hold(arrivals, rate.n, rate.seconds)


def test_an_arrival_concerns_one_turn() -> None:
    """The reply to one request says nothing of another that is still on its way."""
    limiter = RateLimiter()
    first, _ = (limiter.take(rates("2/s"), now)[1] for now in (10.0, 10.1))
    limiter.arrived(first, 10.2)
    assert limiter.take(rates("1/s"), 10.2)[0] == pytest.approx(10.1 + MARGIN + 1 - 10.2)
