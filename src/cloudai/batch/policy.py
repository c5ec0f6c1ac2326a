"""How a batch conducts itself as a whole: its limits, what it thinks of the service, when it stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from datetime import datetime, timedelta

from cloudai.errors import (
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    NotStartedError,
    RateLimitedError,
    ServerError,
)

__all__ = ["OUTAGE", "SLOW_START", "TROUBLE", "Policy"]

OUTAGE = 16
"""Attempts in a row that the service does not answer: it is down, and the batch waits for another day."""
SLOW_START = 16
"""Workers before the first answer: an outage from the beginning costs no more attempts than one later."""
LONGEST_WAIT = 3600.0
"""Seconds a service may ask to wait and be waited for; more, or a spent quota, pauses the batch."""
LONGEST_HINT = 366 * 86400.0
"""Seconds: more is no hint, and no date."""
PATIENCE = 900.0
"""Seconds of nothing but 429 after which the batch pauses."""
TROUBLE = (ConnectError, ConnectionLostError, DeadlineExceededError, ServerError)
"""Errors that may be the service's fault, or one input's: it depends on how the others fare."""


class Policy:
    """Counts what goes out, and stops all workers at once.

    Args:
        clock: Monotonic seconds.
        max_requests, max_units: Limits, or None.
        requests, units: What earlier runs have sent, and may have been billed for.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        max_requests: int | None,
        max_units: int | None,
        requests: int,
        units: int,
    ) -> None:
        self.clock = clock
        self.going = True
        self.cause: Exception | None = None
        """Why it paused."""
        self.capped: str | None = None
        """The limit that ended it."""
        self.successes = 0
        """Good replies."""
        self.alive: Future[None] = Future()
        """Done with the first sign of life, or when nothing is to be waited for any more."""
        self._lock = threading.RLock()  # a signal may come while it is held, and stop the batch
        self._limits = (max_requests, max_units)
        self._requests, self._units, self._before = requests, units, requests
        self._streak = 0
        self._limited_since: float | None = None

    def require_going(self) -> None:
        """NotStartedError where the batch stops."""
        if not self.going:
            raise NotStartedError(
                "the batch paused before this" if self.cause or self.capped else "the batch was stopped before this"
            )

    def stop(self) -> None:
        """Take up no more inputs, and send nothing more; what is on its way is waited for."""
        self.going = False
        self._wake()

    def _wake(self) -> None:
        with self._lock, suppress(InvalidStateError):  # a signal came between the two
            if not self.alive.done():
                self.alive.set_result(None)

    def pause(self, cause: Exception) -> None:
        """Stop through no fault of the inputs."""
        self.cause = self.cause or cause
        self.stop()

    @property
    def sent(self) -> int:
        """Billed requests of this run."""
        return self._requests - self._before

    def reserve(self, units: int, requests: int = 1) -> None:
        """Count a request before it goes out, or one more item in it; NotStartedError where that is too much."""
        requests_limit, units_limit = self._limits
        with self._lock:
            if requests_limit is not None and self._requests + requests > requests_limit:
                self.capped = f"max_requests={requests_limit}"
            elif units_limit is not None and self._units + units > units_limit:
                self.capped = f"max_units={units_limit}"
            else:
                self._requests += requests
                self._units += units
                return
        self.stop()
        raise NotStartedError(f"{self.capped} is reached")

    def refund(self, requests: int, units: int) -> None:
        """A request did not go out, or costs nothing."""
        with self._lock:
            self._requests -= requests
            self._units -= units

    def sign_of_life(self) -> None:
        """The service has answered well."""
        with self._lock:
            self._streak, self._limited_since = 0, None
            self.successes += 1
        if not self.alive.done():
            self._wake()

    def trouble(self, error: CloudAIError) -> None:
        """An attempt failed: is it the service, a quota, or the input?"""
        now = self.clock()
        pausing = (getattr(error, "retry_after", None) or 0) > LONGEST_WAIT
        with self._lock:
            if isinstance(error, RateLimitedError):
                self._streak = 0
                since = self._limited_since = now if self._limited_since is None else self._limited_since
                pausing = pausing or bool(error.quota) or now - since > PATIENCE
            else:
                self._streak = self._streak + 1 if isinstance(error, TROUBLE) else 0
                pausing = pausing or self._streak >= OUTAGE
        if pausing:
            self.pause(error)

    def resume(self) -> str:
        """When to go on, in words."""
        cause = self.cause
        hint = getattr(cause, "retry_after", None)
        if hint is not None and hint <= LONGEST_HINT:
            then = datetime.now().astimezone() + timedelta(seconds=hint)
            return f"after {then:%Y-%m-%d %H:%M}"
        if not isinstance(cause, RateLimitedError):
            return "when the service answers"
        return {"day": "tomorrow", "month": "next month"}.get(cause.quota or "", "later")
