"""What became of one attempt: decided here, and nowhere else.

`NOT_SENT`: nothing of the request reached the service; trying again is always safe. `REFUSED`: the service
declined before doing anything. `UNKNOWN`: it may have been carried out, and billed, without us learning of it.
`DONE`: a good reply came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

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

__all__ = ["GOOD", "State", "Verdict", "verdict"]

State: TypeAlias = Literal["NOT_SENT", "REFUSED", "UNKNOWN", "DONE"]

USUAL, TWICE, ONCE = 3, 2, 1


GOOD = (200, 201, 202)
"""202 accepts a job; any other 2xx has no reply in it, or a part of one."""


@dataclass(frozen=True)
class Verdict:
    """The state of a failed attempt, whether it may have been billed, and how often such a request is tried."""

    state: State
    billed: bool
    """Whether the vendor may have counted it."""
    attempts: int
    """Most attempts of one request that ends so, the first included."""


NOT_SENT = Verdict("NOT_SENT", billed=False, attempts=ONCE)
REFUSED_FREE = Verdict("REFUSED", billed=False, attempts=ONCE)
REFUSED = Verdict("REFUSED", billed=True, attempts=ONCE)
UNKNOWN = Verdict("UNKNOWN", billed=True, attempts=TWICE)

BY_STATUS: dict[int, Verdict] = {
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


def verdict(error: CloudAIError) -> Verdict:
    """What a failed attempt means."""
    found = _of_kind(error)
    # Whoever knows that nothing of the call went out says so: it was the token that could not be had.
    return replace(found, state="NOT_SENT", billed=False) if error.state == "NOT_SENT" else found


def _of_kind(error: CloudAIError) -> Verdict:
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


def _of_status(error: ServiceError) -> Verdict:
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
