"""This module decides what became of an attempt, whether the request is tried again, and after how long.

``NOT_SENT``: nothing of the request reached the service, so trying again is always safe. ``REFUSED``: the service
declined before it did anything. ``UNKNOWN``: the request may have been carried out, and billed, without our learning of
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
from typing import TYPE_CHECKING, Any

from cloudai.errors import (
    AuthError,
    BadRequestError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    MalformedResponseError,
    RateLimitedError,
    RedirectBlockedError,
    ServerError,
    ServiceError,
    State,
)

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = [
    "GOOD",
    "NOT_SENT",
    "UNIFORM",
    "USUAL",
    "AttemptOutcome",
    "State",
    "classify",
    "hint_from_headers",
    "is_missing",
    "is_put_off",
    "most_looks",
    "retrying",
    "wait_after",
]

USUAL, TWICE, ONCE = 3, 2, 1

GOOD = (200, 201, 202)
"""The statuses of good replies. 202 accepts a job; a reply with any other 2xx is empty, or only a part of one."""


@dataclass(frozen=True)
class AttemptOutcome:
    """The state of a failed attempt, whether it may have been billed, and how often such a request is tried."""

    state: State
    billed: bool
    """True where the vendor may have counted the attempt."""
    attempts: int
    """The most attempts of one request that ends so, the first included."""


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
"""The meaning of each status. Every other one is a refusal that may be billed: some vendors count bad requests."""


GONE = 2
"""Replies of 404 in a row from which on a job that is polled is taken to be gone."""


def is_missing(error: CloudAIError) -> bool:
    """Return whether a service has answered that it does not know the address, by a 404."""
    return isinstance(error, BadRequestError) and error.status == 404  # noqa: PLR2004


def most_looks(error: CloudAIError, missing: int) -> float:
    """Return how many attempts a poll of a job has, the first included, where one of them ended in this error.

    A poll costs nothing, and giving up loses a job that is paid for. So whatever may pass by itself is tried again
    until the call's time is up: a broken connection, a gateway's page, a redirect, an empty reply. A single 404
    may come from a part of the service that does not know the job yet; two in a row say that the job is gone.

    Args:
        error: What the last attempt ended in.
        missing: How many attempts in a row have ended in a 404, the last one included.
    """
    if isinstance(error, MalformedResponseError | RedirectBlockedError | ServerError):
        return math.inf
    if is_missing(error):
        return math.inf if missing < GONE else 1
    return 1 if classify(error).attempts == ONCE else math.inf


def is_put_off(error: CloudAIError) -> bool:
    """Return whether the service has not begun to work on a request, and lets it come again: 425, 429, 503 with a hint.

    Such a request costs nothing, so that it may wait for a retry where others fail for want of one.
    """
    return classify(error) == replace(REFUSED_FREE, attempts=USUAL)


def classify(error: CloudAIError) -> AttemptOutcome:
    """Return what a failed attempt means, by the error that it ended in."""
    outcome = _of_kind(error)
    # The error may know that nothing of the call went out, for example because there was no token.
    return replace(outcome, state="NOT_SENT", billed=False) if error.state == "NOT_SENT" else outcome


def _of_kind(error: CloudAIError) -> AttemptOutcome:
    match error:
        case ServiceError():
            return _of_status(error)
        case ConnectionLostError():
            return UNKNOWN
        case MalformedResponseError():
            # A good reply that cannot be used was most likely billed, and another attempt would be billed too.
            return replace(UNKNOWN, attempts=ONCE)
        case DeadlineExceededError() if error.state != "NOT_SENT":
            # An error that is raised before anything has gone out has the state NOT_SENT, which the guard excludes.
            return replace(UNKNOWN, attempts=ONCE)
        case ConnectError() if error.retryable:
            return replace(NOT_SENT, attempts=USUAL)
        case _:
            return NOT_SENT


def _of_status(error: ServiceError) -> AttemptOutcome:
    status = error.status or 0
    if status in GOOD and isinstance(error, ServerError):
        return UNKNOWN  # the error was inside a good reply, and means what a 500 means
    if isinstance(error, RateLimitedError):
        # A spent quota, which may also be named by a 403, is not waited for.
        return replace(REFUSED_FREE, attempts=ONCE if error.quota else USUAL)
    if 300 <= status < 400:  # noqa: PLR2004
        return REFUSED_FREE
    if status == 503 and error.retry_after is not None:  # noqa: PLR2004
        # A service that says when to come back has not begun to work on the request.
        return replace(REFUSED_FREE, attempts=USUAL)
    if isinstance(error, AuthError):
        # A request whose token the service no longer accepts is tried once more, with a new token.
        return replace(REFUSED_FREE, attempts=TWICE if error.renewed else ONCE)
    return BY_STATUS.get(status, REFUSED)


UNIFORM = random.SystemRandom().uniform
"""Draws from the system's random numbers, so that the program's own sequence stays as it was, and forked processes do
not draw the same numbers."""

BASE, CEILING = 0.5, 8.0
"""Seconds. The first wait is drawn from 0 to BASE, and each further one from twice that range, up to CEILING."""


def retrying(
    most: Callable[[CloudAIError], float],
    left: Callable[[], float],
    allowed: Callable[[CloudAIError], bool],
    draw: Callable[[float, float], float] = UNIFORM,
) -> RetryCallState:
    """Return a tenacity loop for one exchange, to begin when that has failed for the first time; see `wait_after`.

    Args:
        most: A function that returns how many attempts there are, the first included, where one ended in this error.
            It is called once for each failed attempt.
        left: A function that returns the seconds left of the call's total time.
        allowed: A function that takes a retry from the endpoint's budget, and returns whether there was one. It is
            called last, when everything else speaks for a retry.
        draw: A function that draws the jitter, in seconds, between two bounds.
    """

    def wait(state: RetryCallState) -> float:
        # The exponent is bounded, or it would overflow: a poll is tried again as long as there is time.
        spread = draw(0.0, min(CEILING, BASE * 2 ** min(state.attempt_number - 1, 16)))
        hint = getattr(_failure(state), "retry_after", None)
        # The vendor's hint is the shortest wait. The jitter keeps callers that were refused at the same time from
        # coming back at the same time.
        return spread if hint is None else hint + draw(0.0, max(0.5, 0.1 * hint))

    def stop(state: RetryCallState) -> bool:
        failure = _failure(state)
        if not isinstance(failure, CloudAIError) or state.attempt_number >= most(failure):
            return True
        # Nobody sleeps towards an attempt that has no time left: the error is raised at once, with the hint in it.
        return state.upcoming_sleep >= left() or not allowed(failure)

    from tenacity import RetryCallState, Retrying  # most processes see no failure, and do without

    # tenacity only decides: `wait_after` goes on with the loop by hand, so the driver does the sleeping.
    loop = Retrying(retry=lambda state: _failure(state) is not None, wait=wait, stop=stop, reraise=True)
    loop.begin()
    return RetryCallState(loop, None, (), {})


def wait_after(state: RetryCallState) -> float:
    """Return the seconds until the next attempt, or raise the exception that is being handled where there is none."""
    state.set_exception(sys.exc_info())  # type: ignore[arg-type]  # never Nones
    step: Any = state.retry_object.iter(state)  # tenacity's DoSleep, a float of seconds
    state.prepare_for_next_attempt()
    return float(step)


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")


def hint_from_headers(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait by ``Retry-After``, or None where no header has a valid hint.

    The value is a number, or an HTTP date, which is measured against the reply's own ``Date``. Azure's headers in
    milliseconds are read first, and the first valid hint wins. A number that is negative or not finite is no hint.
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
        # A date in the past says that the request may come again now.
        then = parsedate_to_datetime(text)
        # The service's own clock is asked first, because the clock of this computer may be wrong by a day.
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return math.nan
