"""How a batch behaves as a whole: its limits, what it thinks of the service, and what an error means for an input.

An input may fail, be tried again, or be left for another run; the whole batch may pause. All of these decisions are
made here, from what other inputs have met with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cloudai.batch.codec import written_error
from cloudai.errors import (
    HOPELESS,
    BadRequestError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    ForbiddenError,
    InputError,
    JournalError,
    MalformedResponseError,
    NotStartedError,
    RateLimitedError,
    ServerError,
    TLSError,
    UnsupportedOperationError,
)
from cloudai.models.base import Result

__all__ = ["SLOW_START", "Attempted", "Ending", "Limits", "Policy"]

OUTAGE = 16
"""Attempts in a row that the service does not answer: it is down, and the batch waits for another day."""
SLOW_START = 16
"""Workers before the first answer: an outage from the beginning costs no more attempts than one later."""
LONGEST_WAIT = 3600.0
"""Seconds a service may ask to wait and be waited for; more, or a spent quota, pauses the batch."""
LONGEST_HINT = 366 * 86400.0
"""Seconds: a longer hint is no hint, and no date."""
LONGEST_LIMITED = 900.0
"""Seconds of nothing but 429 after which the batch pauses."""
ROUNDS = 3
"""How often an input is tried before it counts as failed, where others fare better."""
ONE_FOR_ALL = (400, 413, 415, 422)
"""Statuses by which a service refuses a whole request because of one item in it."""
TROUBLE = (ConnectError, ConnectionLostError, DeadlineExceededError, ServerError)
"""Errors that may be the service's fault, or one input's: it depends on how the others fare."""


@dataclass
class Ending:
    """How an input ended, and what is written down of its call."""

    status: str
    result: Result | None = None
    error: Exception | None = None
    attempts: int = 0
    billed: tuple[int, int] = (0, 0)
    facts: dict[str, Any] = field(default_factory=dict)
    settle: tuple[str, dict[str, Any]] | None = None
    """The new state of the call in the journal, and the columns that go with it."""
    unusable_step: str | None = None
    """The step of a good reply that cannot be used."""


@dataclass(frozen=True)
class Attempted:
    """What is known of an input whose call has just failed.

    Args:
        call: Its number in the journal.
        round: How often this run has tried it.
        attempts: How often all runs have tried it.
        state: What became of the last attempt, where the error itself does not say.
        answered: Whether the call has a reply.
        group_size: How many inputs went out in the last request.
        unanswered: How often a request of the call went without an answer, in all runs.
        suspect: Whether an earlier run has found it without an answer while others were answered.
        others_fared_better: Whether others were answered well since the call first failed.
    """

    call: int
    round: int
    attempts: int
    state: str
    answered: bool
    group_size: int
    unanswered: int
    suspect: bool
    others_fared_better: bool


class Limits:
    """The most requests and units of a batch, over all runs with its journal.

    Args:
        max_requests: The most billed requests, or None.
        max_units: The most billed units, or None.
        requests: What earlier runs have sent.
        units: What earlier runs may have been billed for.
    """

    def __init__(self, max_requests: int | None, max_units: int | None, requests: int, units: int) -> None:
        self._max_requests, self._max_units = max_requests, max_units
        self._requests, self._units, self._before = requests, units, requests
        self._lock = threading.Lock()
        self.reached: str | None = None
        """The limit that has ended the batch, in words."""

    @property
    def sent(self) -> int:
        """Billed requests of this run."""
        return self._requests - self._before

    def reserve(self, units: int, requests: int) -> bool:
        """Count a request before it goes out; return False where that would be one too many."""
        with self._lock:
            if self._max_requests is not None and self._requests + requests > self._max_requests:
                self.reached = f"max_requests={self._max_requests}"
            elif self._max_units is not None and self._units + units > self._max_units:
                self.reached = f"max_units={self._max_units}"
            else:
                self._requests += requests
                self._units += units
                return True
        return False

    def refund(self, requests: int, units: int) -> None:
        """Take back what was counted for a request that did not go out, or costs nothing."""
        with self._lock:
            self._requests -= requests
            self._units -= units


class Policy:
    """Decides what errors mean, and stops all workers at once.

    Args:
        clock: Monotonic seconds.
        limits: The limits of the batch.
        mark_suspect: Writes down that a call went without an answer while others were answered.
    """

    def __init__(self, clock: Callable[[], float], limits: Limits, mark_suspect: Callable[[int], None]) -> None:
        self.clock = clock
        self.limits = limits
        self.going = True
        self.cause: Exception | None = None
        """Why the batch paused."""
        self.successes = 0
        """Good replies."""
        self.alive: Future[None] = Future()
        """Done with the first good reply, or when nothing is to be waited for any more."""
        self._mark_suspect = mark_suspect
        self._suspects: list[int] = []
        """Calls that went without an answer since the last good reply."""
        self._lock = threading.RLock()  # a signal may come while it is held, and stop the batch
        self._streak = 0
        self._limited_since: float | None = None

    def require_going(self) -> None:
        """Raise NotStartedError where the batch stops."""
        if not self.going:
            paused = self.cause or self.limits.reached
            raise NotStartedError("the batch paused before this" if paused else "the batch was stopped before this")

    def stop(self) -> None:
        """Send nothing more."""
        self.going = False
        self.wake()

    def wake(self) -> None:
        """Let the workers go on that wait for a sign of life."""
        with self._lock, suppress(InvalidStateError):  # a signal came between the two
            if not self.alive.done():
                self.alive.set_result(None)

    def pause(self, cause: Exception) -> None:
        """Stop through no fault of the inputs."""
        self.cause = self.cause or cause
        self.stop()

    def reserve(self, units: int, requests: int) -> None:
        """Count a request before it goes out; NotStartedError, and the end of the batch, where a limit is reached."""
        if not self.limits.reserve(units, requests):
            self.stop()
            raise NotStartedError(f"{self.limits.reached} is reached")

    def answered_well(self) -> None:
        """Note that the service has answered well: who went without an answer before may have been at fault."""
        with self._lock:
            self._streak, self._limited_since = 0, None
            self.successes += 1
        if not self.alive.done():
            self.wake()
        self.tell_suspects()

    def tell_suspects(self) -> None:
        """Write down which calls went without an answer while others were answered."""
        if not self._suspects:
            return
        with self._lock:
            suspects, self._suspects = self._suspects, []
        for call in suspects:
            self._mark_suspect(call)

    def note_failure(self, error: CloudAIError) -> None:
        """Note a failed attempt, and pause the batch where it is the service or a quota that is at fault."""
        now = self.clock()
        pausing = (getattr(error, "retry_after", None) or 0) > LONGEST_WAIT
        with self._lock:
            if isinstance(error, RateLimitedError):
                self._streak = 0
                since = self._limited_since = now if self._limited_since is None else self._limited_since
                pausing = pausing or bool(error.quota) or now - since > LONGEST_LIMITED
            else:
                self._streak = self._streak + 1 if isinstance(error, TROUBLE) else 0
                pausing = pausing or self._streak >= OUTAGE
        if pausing:
            self.pause(error)

    def judge(self, error: Exception, attempted: Attempted) -> Ending | None:
        """Return what an error means for the input; None where it is tried again."""
        if isinstance(error, NotStartedError | JournalError):
            return Ending("not_started", error=error)
        if isinstance(error, (*HOPELESS, TLSError)) or (isinstance(error, ForbiddenError) and not self.successes):
            self.pause(error)
        kept = {"error": written_error(error)}
        foreign = not isinstance(error, CloudAIError)  # of a `send` of the user's, or a fault of ours
        doubtful = (attempted.state if foreign else getattr(error, "state", None)) == "UNKNOWN"
        if not self.going and not isinstance(error, BadRequestError | InputError | MalformedResponseError):
            settle: tuple[str, dict[str, Any]] | None = ("open", kept) if doubtful else None
            return Ending("in_doubt" if doubtful else "not_started", error=error, settle=settle)
        if isinstance(error, UnsupportedOperationError):
            return Ending("unsupported", error=error)
        one_for_all = isinstance(error, BadRequestError) and error.status in ONE_FOR_ALL
        if isinstance(error, RateLimitedError) or (one_for_all and attempted.group_size > 1):
            return None  # another input of the same request may be at fault: once more, with half of them
        if isinstance(error, TROUBLE) or (foreign and doubtful):
            return self._judge_trouble(error, attempted)
        # What was refused is not paid for again; a reply that cannot be read is read, for nothing, once we can.
        unreadable = isinstance(error, MalformedResponseError) and not attempted.answered
        for_good = isinstance(error, BadRequestError) or unreadable
        return Ending("failed", error=error, settle=("failed" if for_good else "open", kept))

    def _judge_trouble(self, error: Exception, attempted: Attempted) -> Ending | None:
        """Return the same for an error that may be the service's fault."""
        kept = {"error": written_error(error)}
        state = getattr(error, "state", attempted.state)
        own_fault = attempted.others_fared_better or attempted.suspect
        if state == "UNKNOWN":
            if attempted.unanswered >= ROUNDS and own_fault:
                return Ending("failed", error=error, settle=("failed", kept))
            self._suspect(attempted.call)
            return Ending("in_doubt", error=error, settle=("open", kept))
        if isinstance(error, ServerError) and state == "REFUSED" and error.retry_after is None:
            # An answer, and the service's fault where it answers everybody so.
            self._suspect(attempted.call)
            if not self.successes and not own_fault:
                return Ending("not_started", error=error)
            for_good = attempted.attempts >= ROUNDS
            return Ending("failed", error=error, settle=("failed" if for_good else "open", kept))
        if isinstance(error, DeadlineExceededError):
            self.note_failure(error)  # its time was up before anything went out
            own_fault = True
        return Ending("failed", error=error, settle=("open", kept)) if own_fault and attempted.round >= ROUNDS else None

    def _suspect(self, call: int) -> None:
        with self._lock:
            self._suspects.append(call)

    def resume_at(self) -> str:
        """Return when to go on, in words."""
        cause = self.cause
        hint = getattr(cause, "retry_after", None)
        if hint is not None and hint <= LONGEST_HINT:
            then = datetime.now().astimezone() + timedelta(seconds=hint)
            return f"after {then:%Y-%m-%d %H:%M}"
        if not isinstance(cause, RateLimitedError):
            return "when the service answers"
        return {"day": "tomorrow", "month": "next month"}.get(cause.quota or "", "later")
