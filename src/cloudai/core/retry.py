"""What became of an attempt, whether it is tried again, and after how long.

``NOT_SENT``: nothing of the request reached the service, so trying again is always safe. ``REFUSED``: the service
declined before it did anything. ``UNKNOWN``: the request may have been carried out, and billed, without us learning of
it. ``DONE``: a good reply came. tenacity drives the loop; which attempts are repeated, and the waits between them, are
decided here and nowhere else.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cloudai.errors import (
    AuthError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    MalformedResponseError,
    RateLimitedError,
    ServiceError,
)

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = [
    "GOOD",
    "UNIFORM",
    "USUAL",
    "AttemptOutcome",
    "State",
    "classify",
    "hint_from_headers",
    "retrying",
    "wait_after",
]

State: TypeAlias = Literal["NOT_SENT", "REFUSED", "UNKNOWN", "DONE"]

USUAL, TWICE, ONCE = 3, 2, 1

GOOD = (200, 201, 202)
"""202 accepts a job; any other 2xx has no reply in it, or a part of one."""


@dataclass(frozen=True)
class AttemptOutcome:
    """The state of a failed attempt, whether it may have been billed, and how often such a request is tried."""

    state: State
    billed: bool
    """Whether the vendor may have counted it."""
    attempts: int
    """Most attempts of one request that ends so, the first included."""


NOT_SENT = AttemptOutcome("NOT_SENT", billed=False, attempts=ONCE)

REFUSED_FREE = AttemptOutcome("REFUSED", billed=False, attempts=ONCE)

REFUSED = AttemptOutcome("REFUSED", billed=True, attempts=ONCE)

UNKNOWN = AttemptOutcome("UNKNOWN", billed=True, attempts=TWICE)

BY_STATUS: dict[int, AttemptOutcome] = {
    401: REFUSED_FREE,
    403: REFUSED_FREE,
    408: UNKNOWN,
    409: UNKNOWN,
    413: REFUSED_FREE,
    415: REFUSED_FREE,
    425: replace(REFUSED_FREE, attempts=USUAL),
    429: replace(REFUSED_FREE, attempts=USUAL),
    500: UNKNOWN,
    502: UNKNOWN,
    503: UNKNOWN,
    504: UNKNOWN,
    529: UNKNOWN,
}
"""Every other status is a refusal that the vendor may bill: bad requests are counted by some."""


def classify(error: CloudAIError) -> AttemptOutcome:
    """What a failed attempt means."""
    outcome = _of_kind(error)
    # Whoever knows that nothing of the call went out says so: it was the token that could not be had.
    return replace(outcome, state="NOT_SENT", billed=False) if error.state == "NOT_SENT" else outcome


def _of_kind(error: CloudAIError) -> AttemptOutcome:
    match error:
        case ServiceError():
            return _of_status(error)
        case ConnectionLostError():
            return UNKNOWN
        case MalformedResponseError():
            # A good reply that cannot be used: most likely it was billed, and it would be again.
            return replace(UNKNOWN, attempts=ONCE)
        case DeadlineExceededError() if error.state != "NOT_SENT":
            # Who raises it before anything has gone out says so.
            return replace(UNKNOWN, attempts=ONCE)
        case ConnectError() if error.retryable:
            return replace(NOT_SENT, attempts=USUAL)
        case _:
            return NOT_SENT


def _of_status(error: ServiceError) -> AttemptOutcome:
    status = error.status or 0
    if isinstance(error, RateLimitedError):
        # Also a 403 that names a spent quota, and that is not waited for.
        return replace(REFUSED_FREE, attempts=ONCE if error.quota else USUAL)
    if 300 <= status < 400:  # noqa: PLR2004
        return REFUSED_FREE
    if status == 503 and error.retry_after is not None:  # noqa: PLR2004
        # It says when to come back: it has not begun.
        return replace(REFUSED_FREE, attempts=USUAL)
    if isinstance(error, AuthError):
        # With a token that the service no longer takes, once more with a new one.
        return replace(REFUSED_FREE, attempts=TWICE if error.renewed else ONCE)
    return BY_STATUS.get(status, REFUSED)


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
    from tenacity import RetryCallState, Retrying  # with the first failure: most calls have none

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
