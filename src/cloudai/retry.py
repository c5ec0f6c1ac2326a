"""When a failed exchange is tried again, and after how long.

tenacity drives the loop; the policy is here: what to retry, how long to wait, when to stop.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying

from cloudai.errors import ConnectError, RateLimitedError, ServerError

__all__ = ["hint_from_headers", "retrying"]

BASE, CEILING = 0.5, 8.0
"""Seconds: the first wait is drawn from 0 to BASE, each further one from twice as much, up to CEILING."""


def retrying(
    max_attempts: int, left: Callable[[], float], draw: Callable[[float, float], float] = random.uniform
) -> Retrying:
    """A tenacity loop for one exchange.

    Args:
        max_attempts: Attempts in all, the first included.
        left: Returns the seconds left of the call's total time.
        draw: Draws the jitter between two bounds.
    """

    def wait(state: RetryCallState) -> float:
        spread = draw(0.0, min(CEILING, BASE * 2 ** (state.attempt_number - 1)))
        hint = getattr(_failure(state), "retry_after", None)
        # The vendor's hint is a floor, and all who were turned away at once must not come back at once.
        return spread if hint is None else hint + draw(0.0, max(0.5, 0.1 * hint))

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= max_attempts or state.upcoming_sleep >= left()

    return Retrying(retry=lambda state: _is_worth_it(_failure(state)), wait=wait, stop=stop, reraise=True)


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _is_worth_it(error: BaseException | None) -> bool:
    match error:
        case ConnectError():
            return error.retryable
        case RateLimitedError():
            return error.quota is None
        case ServerError():
            return error.status not in (501, 505)
        case _:
            return False


def hint_from_headers(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by ``Retry-After``: a number, or an HTTP date measured against the reply's own ``Date``.

    Anything else, and anything negative or not finite, is no hint.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, headers.get("date"))
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(text: str, date: str | None) -> float:
    try:
        then = parsedate_to_datetime(text)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return math.nan
