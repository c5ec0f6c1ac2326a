"""The hooks of a batch wait for a turn, write a request down before it is sent, and keep its reply."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cloudai.batch import queries
from cloudai.batch.coalesce import Defer, Join, MergeGroup
from cloudai.batch.queries import CallRecord
from cloudai.batch.state import BatchState
from cloudai.core.effects import Persist, Program, Sleep, Wait
from cloudai.core.flow import Request, Response
from cloudai.core.hooks import CallHooks
from cloudai.core.rate_limit import RateLimiter, RetryBudget
from cloudai.core.retry import classify
from cloudai.errors import CloudAIError, JournalError, NotStartedError
from cloudai.operations import Given

__all__ = ["ItemHooks"]

SLICE = 1.0
"""Seconds that one sleep lasts at most, so that a waiting worker soon sees that the batch has stopped."""


class ItemHooks(CallHooks):
    """The hooks of one call: they write each request down before it is sent, and each reply before it is read.

    Args:
        state: The state of the batch.
        given: The input.
        record: What the journal knows of the call.
        max_group: Maximum number of inputs in one request, this one included.
    """

    waits_extend_the_deadline: ClassVar[bool] = True

    def __init__(self, state: BatchState, given: Given, record: CallRecord, max_group: int) -> None:
        self._state = state
        self._given = given
        self._record = record
        self._max_group = max_group
        self._stored = {step_id: stored.response for step_id, stored in record.replies.items()}
        self._unknown = dict(record.doubts)
        self._groups: dict[str, MergeGroup] = {}
        self._counted: dict[str, int] = {}
        """By step: 1 if this input counts the request that it went out in, 0 if another input of the group does."""
        self._turns: dict[str, tuple[RateLimiter, int]] = {}
        self._successes_before: int | None = None
        """The number of good replies of the batch when this call first failed; None before."""
        self.group_size = 1
        """The number of inputs that went out in the last request."""
        self.turn_at: float | None = None
        """The time when the first request had its turn, by the clock of the policy."""
        self.polling = False
        """True if the last attempt that failed was a poll of a job that is paid for."""
        self.host: str | None = None
        self.last_step: str | None = None
        """The step of the last reply."""

    @property
    def slots(self) -> Any:
        """The semaphore that limits the requests of the batch in flight."""
        return self._state.slots

    @property
    def unanswered(self) -> int:
        """The number of times that a request went without an answer, over all runs; the largest of all steps."""
        return max(self._unknown.values(), default=0)

    @property
    def others_fared_better(self) -> bool:
        """True if others were answered well since this call first failed."""
        return self._successes_before is not None and self._state.policy.successes > self._successes_before

    def stored_reply(self, step_id: str) -> Response | None:
        """Return the reply that the journal holds for this step, or None; each reply is returned only once.

        A step that is asked for again, as the poll of a job that was still running is, has to be sent again.
        """
        self.last_step = step_id
        return self._stored.pop(step_id, None)

    def unknown_attempts(self, step_id: str) -> int:
        """Return how often the request of a step went without an answer, over all runs.

        Earlier runs count, so that a request that the service cannot answer is not sent twice in each run.
        """
        return self._unknown.get(step_id, 0)

    def join(self, step_id: str, request: Request, limiter: RateLimiter) -> Program[None]:
        """Join a group of inputs whose requests go out as one, and wait for the turn of the group.

        A part of a parallel step, and a request that cannot be merged, becomes a group of one at once: it takes its
        turn in `seconds_until_turn`. While the service seems to be down, this first waits until a request may be sent.

        Raises:
            NotStartedError: The batch has stopped.
        """
        policy = self._state.policy
        policy.require_going()
        while hold := policy.outage.hold(self, policy.clock()):
            if not isinstance(hold, Future):
                yield from self.wait(hold)
            elif "." in step_id:  # the parts of a parallel step run at the same time
                yield Wait(hold)
            else:  # the call with the probe may be one that this worker carries out
                yield Defer(hold)  # type: ignore[misc]  # only coalesce.py carries it out
            policy.require_going()
        if self._max_group == 1 or request.merge is None or "." in step_id:
            self._groups[step_id] = MergeGroup()
            return
        take_turn = partial(self._turn_of_group, step_id, limiter)
        group: MergeGroup = yield Join(request, self._max_group, take_turn)  # type: ignore[misc]
        self._groups[step_id] = group
        if group.turn and group.first("turn"):
            self._turns[step_id] = group.turn
        self.turn_at = policy.clock() if self.turn_at is None else self.turn_at

    def _turn_of_group(self, step_id: str, limiter: RateLimiter) -> Program[Any]:
        """Wait for one turn for the whole group, and return it; None if the batch keeps no pace."""
        yield from self._wait_for_turn(step_id, limiter)
        return self._turns.pop(step_id, None)

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:
        """Return whether a request may be tried again; all inputs in it get the same answer, and count as one retry."""
        group = self._groups[step_id]
        if group.retry is None:
            group.retry = budget.take()
        return group.retry

    def seconds_until_retry(self, step_id: str, budget: RetryBudget, now: float) -> float:
        """Return the seconds until a refused request may be tried again; all inputs in it count as one retry."""
        group = self._groups[step_id]
        if group.refill is None:
            group.refill = budget.wait(now)
        return group.refill

    def seconds_until_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:
        """Take the turn of this request and return 0, or return the seconds after which to ask again.

        That is 1 second at most, so that the caller soon sees that the batch has stopped. The result is 0 if the group
        has its turn already.

        Raises:
            NotStartedError: The batch has stopped.
        """
        return 0.0 if self._groups[step_id].has_turn else self._take_turn(step_id, limiter, now)

    def _take_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:
        """Take a turn if there is one, and return 0; otherwise return the seconds after which to ask again.

        Raises:
            NotStartedError: The batch has stopped.
        """
        self._state.policy.require_going()
        if self._state.offline:
            return 0.0
        if not self._state.rates:
            return super().seconds_until_turn(step_id, limiter, now)
        seconds, turn = limiter.take(self._state.rates, now)
        if not seconds:
            self._turns[step_id] = limiter, turn
            self.turn_at = now if self.turn_at is None else self.turn_at
        self._state.waiting_until = now + seconds if seconds else None
        return min(seconds, SLICE)

    def _wait_for_turn(self, step_id: str, limiter: RateLimiter) -> Program[None]:
        while (seconds := self._take_turn(step_id, limiter, self._state.policy.clock())) > 0:
            yield from self.wait(seconds)

    def wait(self, seconds: float) -> Program[None]:
        """Let the seconds pass.

        Raises:
            NotStartedError: The batch has stopped meanwhile.
        """
        policy = self._state.policy
        until = policy.clock() + seconds
        while seconds > 0:
            policy.require_going()
            yield Sleep(min(seconds, SLICE))
            seconds = until - policy.clock()
        policy.require_going()

    def before_send(self, step_id: str, request: Request) -> Program[None]:
        """Count the request against the limits, write it down, and let its turn count from now on.

        Polls of a job and requests for tokens are not counted. If the turn is too old by now, this waits for another
        one.

        Raises:
            NotStartedError: The batch has stopped, or a limit is reached.
            JournalError: The request cannot be written down, so it is not sent.
        """
        policy = self._state.policy
        policy.require_going()
        self.host = urlsplit(request.url).hostname
        if self._state.offline or not request.credentials:
            return
        group = self._groups[step_id]
        self.group_size = group.size
        if request.billed:
            counted = self._counted[step_id] = int(group.first("request"))
            policy.reserve(request.billed, counted)
            try:
                yield Persist(self._state.journal, queries.intend(self._record.call, step_id, request.billed, counted))
            except JournalError as error:
                policy.limits.refund(counted, request.billed)
                policy.pause(error)
                raise
        try:
            yield from self._keep_turn(step_id)
        except NotStartedError:
            if request.billed:
                self._undo(step_id, request.billed, sent=False, doubt=False, free=True)
            raise

    def _keep_turn(self, step_id: str) -> Program[None]:
        """Let the turn count from now on; if a token or the disk took too long, wait for another turn."""
        limiter, turn = self._turns.pop(step_id, (None, 0))
        while limiter is not None and not limiter.move(turn, self._state.policy.clock()):
            yield from self._wait_for_turn(step_id, limiter)
            limiter, turn = self._turns.pop(step_id)

    def after_reply(self, step_id: str, request: Request, response: Response) -> Program[None]:
        """Note that the service answers, and write the reply to disk before it is read.

        If it cannot be written, the batch pauses; the reply is used all the same, because it is paid for. The reply to
        a request for a token is not written down.
        """
        self._state.policy.answered_well()
        if not request.credentials:
            return
        self.last_step = step_id
        memory = {} if isinstance(self._given, str) else self._given.memory()
        statement = queries.answer(self._record.call, step_id, request.billed, response, memory)
        try:
            yield Persist(self._state.journal, statement)
        except JournalError as error:
            self._state.journal.rescue(statement, paid=True)
            self._state.policy.pause(error)

    def after_failure(self, step_id: str, request: Request, error: CloudAIError) -> None:
        """Tell the policy of a failed attempt, and take back what was counted for it, as far as it did not happen.

        The policy is told once for a request, however many inputs are in it.
        """
        # A request that fails counts once, however many inputs are in it.
        if not request.credentials or self._groups[step_id].first("failure"):
            self._state.policy.note_failure(error)
        self._note_successes()
        self.polling = request.credentials and not request.billed
        if self._state.offline or not request.credentials or not request.billed:
            return
        outcome = classify(error)
        unknown = outcome.state == "UNKNOWN"
        if unknown:
            self._unknown[step_id] = self._unknown.get(step_id, 0) + 1
        sent, free = outcome.state != "NOT_SENT", not outcome.billed
        self._undo(step_id, request.billed, sent=sent, doubt=unknown, free=free)

    def login_failed(self, error: CloudAIError) -> None:
        """Note that a login has failed: an outage of the login counts as one of the service, and blames no input."""
        self._state.policy.note_failure(error)
        self._note_successes()

    def _note_successes(self) -> None:
        if self._successes_before is None:
            self._successes_before = self._state.policy.successes

    def _undo(self, step_id: str, units: int, *, sent: bool, doubt: bool, free: bool) -> None:
        """Take back what was counted and written down for a request, as far as it did not happen."""
        counted = self._counted[step_id]
        self._state.policy.limits.refund(0 if sent else counted, units if free else 0)
        self._state.journal.do(
            queries.undo(self._record.call, step_id, units, counted, sent=sent, doubt=doubt, free=free)
        )
