"""When a failed exchange is tried again, and after how long.

tenacity drives the loop; the policy is here: how long to wait, when to stop. What may be tried again follows from
the state of the attempt: see ``states.py``.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tenacity import RetryCallState, Retrying

from cloudai.errors import CloudAIError

__all__ = ["UNIFORM", "hint_from_headers", "retrying", "wait_after"]

UNIFORM = random.SystemRandom().uniform
"""Of the system: the program's own sequence of random numbers stays as it was, and forked processes draw apart."""
BASE, CEILING = 0.5, 8.0
"""Seconds: the first wait is drawn from 0 to BASE, each further one from twice as much, up to CEILING."""


def retrying(
    most: Callable[[CloudAIError], float],
    left: Callable[[], float],
    allowed: Callable[[CloudAIError], bool],
    draw: Callable[[float, float], float] = UNIFORM,
) -> RetryCallState:
    """A tenacity loop for one exchange, begun with its first failure; see `wait_after`.

    Args:
        most: Returns how many attempts there are, the first included, where one ended in this error; asked once
            for each.
        left: Returns the seconds left of the call's total time.
        allowed: Takes a retry from the endpoint's budget; asked last, when everything else speaks for it.
        draw: Draws the jitter between two bounds.
    """

    def wait(state: RetryCallState) -> float:
        # An exponent without end would overflow: a poll is tried again as long as there is time.
        spread = draw(0.0, min(CEILING, BASE * 2 ** min(state.attempt_number - 1, 16)))
        hint = getattr(_failure(state), "retry_after", None)
        # The vendor's hint is a floor, and all who were turned away at once must not come back at once.
        return spread if hint is None else hint + draw(0.0, max(0.5, 0.1 * hint))

    def stop(state: RetryCallState) -> bool:
        failure = _failure(state)
        if not isinstance(failure, CloudAIError) or state.attempt_number >= most(failure):
            return True
        return state.upcoming_sleep >= left() or not allowed(failure)

    loop = Retrying(retry=lambda state: _failure(state) is not None, wait=wait, stop=stop, reraise=True)
    loop.begin()
    return RetryCallState(loop, None, (), {})


def wait_after(state: RetryCallState) -> float:
    """Seconds until the next attempt, for the exception at hand; raises it where there is none."""
    state.set_exception(sys.exc_info())  # type: ignore[arg-type]  # never Nones
    step: Any = state.retry_object.iter(state)  # DoSleep: its seconds
    state.prepare_for_next_attempt()
    return float(step)


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")


def hint_from_headers(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by ``Retry-After``: a number, or an HTTP date measured against the reply's own ``Date``.

    Azure's headers in milliseconds are read too; the first valid one wins. Anything negative or not finite is no
    hint.
    """
    hints = [(name, 1000.0) for name in MILLISECONDS] + [("retry-after", 1.0)]
    for name, divisor in hints:
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) / divisor
        except ValueError:
            seconds = _until(text, headers.get("date")) if name == "retry-after" else math.nan
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _until(text: str, date: str | None) -> float:
    try:
        then = parsedate_to_datetime(text)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return math.nan
