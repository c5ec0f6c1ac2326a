"""The policy of a batch decides what an error means, for one input and for the batch as a whole.

An input may fail, be tried again, or be left for another run; the whole batch may pause. All of these decisions are
made here, from how the other inputs have fared.
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
from cloudai.batch.limits import Limits
from cloudai.batch.outage import OutageDetector, Streak, Tries
from cloudai.batch.queues import DONE
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
    ServiceError,
    TLSError,
    UnsupportedOperationError,
)
from cloudai.models.base import Result
from cloudai.outcomes import OutcomeStatus

__all__ = ["SLOW_START", "Attempted", "Ending", "Policy", "refuses_all", "resume_at"]

SLOW_START = 16
"""Workers that begin before the first good reply, so that an early outage costs no more attempts than a later one."""
LONGEST_WAIT = 3600.0
"""Seconds that the batch waits at most if a service asks for it; a longer wait pauses the batch."""
LONGEST_HINT = 366 * 86400.0
"""Seconds. A vendor's hint to wait longer than this is ignored when the date is told at which a batch can go on."""
LONGEST_LIMITED = 900.0
"""Seconds of nothing but 429 replies after which the batch pauses."""
ROUNDS = 3
"""Tries of an input alone after which it counts as failed, if others fare better."""
ONE_FOR_ALL = (400, 413, 415, 422)
"""Statuses by which a service refuses a whole request because of one input in it."""
TROUBLE = (ConnectError, ConnectionLostError, DeadlineExceededError, ServerError)
"""Errors that may be the fault of the service or of one input; how the other inputs fare decides that."""


@dataclass(slots=True)
class Ending:
    """The ending of one input, and what is written down of its call."""

    status: OutcomeStatus
    result: Result | None = None
    error: Exception | None = None
    attempts: int = 0
    billed: tuple[int, int] = (0, 0)
    facts: dict[str, Any] = field(default_factory=dict)
    settle: tuple[str, dict[str, Any]] | None = None
    """The new state of the call in the journal, with the columns that change; None if the call stays as it is."""
    unusable_step: str | None = None
    """The step that was answered with a good status and a reply that cannot be used."""
    passes_on: bool = False
    """True if the input has not ended, because the next provider is to be asked."""


@dataclass(slots=True)
class Attempted:
    """The facts about a call that has just failed, from which the policy judges its input.

    Args:
        call: The number of the call in the journal.
        round: How often this run has tried the call.
        attempts: How often all runs have tried the call.
        state: The state of the last attempt, for an error that does not have one itself.
        answered: Whether the call has a reply.
        in_company: Whether the last request was one for several calls.
        tries: How many requests for this input alone went without an answer, in all runs, while the service was up.
        suspect: Whether the call went without an answer in an earlier run, while others were answered.
        others_fared_better: Whether others were answered well since the call first failed.
        polling: Whether it was a poll of a job that failed: the job is paid for, and the next run polls it again.
        told: Whether the error is that of a request or a login, of which the policy was told when it failed.
    """

    call: int
    round: int
    attempts: int
    state: str
    answered: bool
    in_company: bool
    tries: int
    suspect: bool
    others_fared_better: bool
    polling: bool = False
    told: bool = True


class Policy:
    """Decides what errors mean, and stops all workers of a batch.

    Args:
        clock: Returns monotonic seconds.
        limits: The limits of the batch.
        mark_suspect: Writes down, by its number, a call that went without an answer while others were answered.
        tries: Keeps which tries of inputs were the service's fault.
        divides: Whether the inputs of a request that went without an answer are sent again in halves.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        limits: Limits,
        mark_suspect: Callable[[int], None],
        tries: Tries,
        *,
        divides: bool = True,
    ) -> None:
        self.clock, self.limits = clock, limits
        self.going = True
        self.cause: Exception | None = None
        """The error because of which the batch has paused; None before."""
        self.successes = 0
        """The number of good replies."""
        self.when_stopped: Callable[[], None] = lambda: None
        """Called when the batch stops, also from a signal handler."""
        self.alive: Future[None] = Future()
        """A future that is done with the first good reply, or once there is no reason to wait for one."""
        self._mark_suspect = mark_suspect
        self._suspects: dict[int, None] = {}
        """The numbers of the calls that went without an answer since the last good reply."""
        self._lock = threading.RLock()  # reentrant: a signal handler may stop the batch while it is held
        self.outage, self.tries = OutageDetector(), tries
        self._divides = divides
        self._limited_since: float | None = None

    def require_going(self) -> None:
        """Raise NotStartedError if the batch has stopped."""
        if not self.going:
            paused = self.cause or self.limits.reached
            raise NotStartedError("the batch paused before this" if paused else "the batch was stopped before this")

    def stop(self) -> None:
        """Let no more requests be sent."""
        self.going = False
        self.when_stopped()
        self.outage.note_answer()  # those that wait for a probe have to see that the batch ends
        self.wake()

    def wake(self) -> None:
        """Let the workers continue that wait for the first good reply."""
        if self.alive is DONE:
            return
        with self._lock, suppress(InvalidStateError):  # a signal handler set it between the two lines
            waited_for, self.alive = self.alive, DONE
            waited_for.set_result(None)

    def pause(self, cause: Exception) -> None:
        """Stop the batch for a cause that is no input's fault."""
        self.cause = self.cause or cause  # what comes after the first cause may be a consequence of the pause
        self.stop()

    def reserve(self, units: int, requests: int) -> None:
        """Count a request before it is sent.

        Raises:
            NotStartedError: A limit is reached, and the batch ends.
        """
        if not self.limits.reserve(units, requests):
            self.stop()
            raise NotStartedError(f"{self.limits.reached} is reached")

    def answered_well(self, call: int | None = None, *, unread: bool = False) -> None:
        """Note a good reply, and write down the calls that went without an answer before it as suspects.

        The service answers others, so that those calls may be at fault themselves.

        Args:
            call: The number of the call that was answered; None if the reply was to a login or a poll.
            unread: Whether the reply was to a probe, which has to be read before it shows that the service is up.
        """
        self.tries.note_answer(call)
        if unread:
            return
        self.outage.note_answer()
        with self._lock:
            self._limited_since, self.successes = None, self.successes + 1
        self.wake()
        self.tell_suspects()

    def note_probe(self, call: object, error: Exception | None) -> None:
        """Note how a call has ended; if it was to probe the service, that tells whether the service is up.

        Args:
            call: The hooks of the call.
            error: The error that the call ended in; None if it has a result.
        """
        if not self.outage.is_probe(call):
            return
        if error is None:
            self.answered_well()
        elif isinstance(error, MalformedResponseError):  # any other error was noted when the attempt failed
            self.note_failure(error, call, in_company=True)

    def tell_suspects(self) -> None:
        """Write down the calls that have gone without an answer since the last good reply as suspects.

        Call this only when it is known that the service answers others.
        """
        if not self._suspects:
            return
        with self._lock:
            suspects, self._suspects = self._suspects, {}
        for call in suspects:
            self._mark_suspect(call)

    def note_failure(
        self, error: Exception, call: object = None, *, in_company: bool = False, divided: bool = False
    ) -> None:
        """Note a failed attempt, and pause the batch if further requests are of no use for now.

        That is so if the service is down, if a quota is spent, if the service asks for a wait of more than an hour, or
        if 15 minutes have brought 429 replies and no good one. Every error but those in `TROUBLE`, and a reply to
        several calls that cannot be told apart, counts as an answer of the service, which is then not down.

        Args:
            error: The error that the attempt ended in.
            call: The hooks of the call that made the attempt; None if it sent nothing.
            in_company: Whether the request was one for several calls.
            divided: Whether it was a part of a request that went without an answer as a whole.
        """
        now = self.clock()
        pausing = (getattr(error, "retry_after", None) or 0) > LONGEST_WAIT
        # A reply to several calls that cannot be told apart answers none of them.
        if isinstance(error, TROUBLE) or (in_company and isinstance(error, MalformedResponseError)):
            refused = isinstance(error, ConnectError) and error.refused
            if self.outage.note_failure(now, call, divided=divided, refused=refused):
                self.tries.note_outage()
                pausing = True
        else:
            self.outage.note_answer()  # a refusal is an answer: the service is not down
        if isinstance(error, RateLimitedError):
            with self._lock:
                since = self._limited_since = now if self._limited_since is None else self._limited_since
            pausing = pausing or bool(error.quota) or now - since > LONGEST_LIMITED
        if pausing:
            self.pause(error)

    def judge(self, error: Exception, attempted: Attempted) -> Ending | None:
        """Return the ending of an input whose call has failed; None if the call is tried again.

        An error that would meet every input, such as that of a wrong key, also pauses the batch. Once the batch has
        stopped, only an error of the input itself makes it "failed"; after any other error it is "not_started" or
        "in_doubt".
        """
        if isinstance(error, NotStartedError | JournalError):
            return Ending("not_started", error=error)
        # Errors of these classes would meet every input; a 403 after a good reply concerns this input only.
        if isinstance(error, (*HOPELESS, TLSError)) or (isinstance(error, ForbiddenError) and not self.successes):
            self.pause(error)
        foreign = not isinstance(error, CloudAIError)  # the user's `send` raised it, or cloudai has a bug
        doubtful = (attempted.state if foreign else getattr(error, "state", None)) == "UNKNOWN"
        if doubtful and attempted.in_company and not attempted.polling:
            # One of several inputs may be at fault, so none of them is judged by what became of all.
            return None if self.going and self._divides else _in_doubt(error)
        if not self.going and not isinstance(error, BadRequestError | InputError | MalformedResponseError):
            return _in_doubt(error) if doubtful else Ending("not_started", error=error)
        if isinstance(error, (*TROUBLE, RateLimitedError)) or (foreign and doubtful):
            return self._judge_trouble(error, attempted)
        return self._judge_input(error, attempted)

    def _judge_input(self, error: Exception, attempted: Attempted) -> Ending | None:
        """Return the ending of an input whose error is not the service's trouble; None if the call is tried again.

        It is tried again only if the service has refused a request with several inputs, as it does because of a single
        one of them; the caller then sends half as many at once. In all other cases the ending is "failed" or
        "unsupported".
        """
        if isinstance(error, UnsupportedOperationError):
            return Ending("unsupported", error=error)
        if refuses_all(error) and attempted.in_company:
            return None  # another input in the request may be at fault: try again with half of them
        # A request that the service refuses is not sent again. A reply that this version cannot read is kept, because a
        # later version may read it, which costs nothing.
        unreadable = isinstance(error, MalformedResponseError) and not attempted.answered
        for_good = (isinstance(error, BadRequestError) or unreadable) and not attempted.polling
        return Ending("failed", error=error, settle=_settled("failed" if for_good else "open", error))

    def _judge_trouble(self, error: Exception, attempted: Attempted) -> Ending | None:
        """Return the ending of an input whose error may be the service's fault; None if the call is tried again.

        After a `RateLimitedError` it is always tried again. If the error was inside a good reply, the ending is
        "failed". `_judge_outage` decides all other cases.
        """
        state = getattr(error, "state", attempted.state)
        if state == "DONE" and isinstance(error, ServiceError):
            # A good reply reports the error, for example of a job. It is kept, and would say the same again.
            return Ending("failed", error=error, settle=_settled("open", error))
        if isinstance(error, RateLimitedError):
            if not attempted.told:  # the provider's own code has raised it, which must not go on for ever either
                self.note_failure(error)
            return None if self.going else Ending("not_started", error=error)  # the gate waits as the service asks
        return self._judge_outage(error, attempted, state)

    def _judge_outage(self, error: Exception, attempted: Attempted, state: str) -> Ending | None:
        """Return the ending of an input that was not answered well; None if the call is tried again.

        If it is not known what became of the request, the ending is "in_doubt", and "failed" after three such requests
        if the service answered others. After a 5xx without a time to wait it is "failed", and "not_started" while the
        service answers nobody. After any other error the call is tried again, but at most three times in a run if the
        service answered others, if the deadline passed before anything was sent, or if no request has failed.
        """
        own_fault = attempted.others_fared_better or attempted.suspect
        if state == "UNKNOWN":
            if attempted.tries >= ROUNDS and own_fault:
                # The service answers other inputs, so it would not answer a fourth request for this one either.
                return Ending("failed", error=error, settle=_settled("failed", error))
            self._suspect(attempted.call)
            return _in_doubt(error)
        if isinstance(error, ServerError) and state == "REFUSED" and error.retry_after is None:
            # A refusal of this kind is an answer; the service is at fault only if all inputs get it.
            self._suspect(attempted.call)
            if not self.successes and not own_fault:
                return Ending("not_started", error=error)
            for_good = attempted.attempts >= ROUNDS and not attempted.polling
            return Ending("failed", error=error, settle=_settled("failed" if for_good else "open", error))
        if isinstance(error, DeadlineExceededError) or not attempted.told:
            # The deadline passed before anything was sent, or the provider's own code has raised the error.
            self.note_failure(error)
            own_fault = True
        if own_fault and attempted.round >= ROUNDS:
            return Ending("failed", error=error, settle=_settled("open", error))
        return None

    def note_unanswered(self, call: int, *, counts: bool) -> Streak | None:
        """Note a request that went without an answer; return the streak that it belongs to, if it counts as a try.

        Args:
            call: The number of the call.
            counts: Whether the request was for its input alone: only such a request counts.
        """
        self._suspect(call)
        return self.tries.note_failure(call) if counts else None

    def _suspect(self, call: int) -> None:
        """Note a call that went without an answer, until a good reply shows that the service answers others."""
        with self._lock:
            self._suspects[call] = None


def resume_at(cause: Exception | None) -> str:
    """Return in words when to run a paused batch again.

    The words are "after 2026-01-31 09:00" if the service gave a time, "tomorrow", "next month" or "later" for a
    limit of requests, and otherwise "when the service answers".
    """
    hint = getattr(cause, "retry_after", None)
    if hint is not None and hint <= LONGEST_HINT:
        then = datetime.now().astimezone() + timedelta(seconds=hint)
        return f"after {then:%Y-%m-%d %H:%M}"
    if not isinstance(cause, RateLimitedError):
        return "when the service answers"
    return {"day": "tomorrow", "month": "next month"}.get(cause.quota or "", "later")


def refuses_all(error: Exception) -> bool:
    """Return whether a service refuses a whole request like this because of one input in it."""
    return isinstance(error, BadRequestError) and error.status in ONE_FOR_ALL


def _in_doubt(error: Exception) -> Ending:
    """Return the ending of an input that may have been billed; its call stays open, for the next run to ask again."""
    return Ending("in_doubt", error=error, settle=_settled("open", error))


def _settled(state: str, error: Exception) -> tuple[str, dict[str, Any]]:
    """Return the state of a call that an error has ended, and the column that the journal keeps of it."""
    return state, {"error": written_error(error)}
