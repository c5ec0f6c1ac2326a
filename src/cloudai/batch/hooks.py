"""What a batch does at each point of a call: it waits for a turn, writes the request down, and keeps the reply."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cloudai.batch import queries
from cloudai.batch.coalesce import Join, MergeGroup
from cloudai.batch.queries import CallRecord
from cloudai.batch.state import BatchState
from cloudai.core.effects import Persist, Program, Sleep
from cloudai.core.flow import Request, Response
from cloudai.core.hooks import CallHooks
from cloudai.core.rate_limit import RateLimiter, RetryBudget
from cloudai.core.retry import classify
from cloudai.errors import CloudAIError, JournalError, NotStartedError
from cloudai.operations import Given

__all__ = ["ItemHooks"]

SLICE = 1.0
"""Seconds: a longer wait is looked up from this often, so that a batch that is stopped stops."""


class ItemHooks(CallHooks):
    """Writes each request of a call down before it goes out, and each reply before it is read.

    Args:
        state: The batch.
        given: The input.
        record: What the journal knows of the call.
        max_group: How many inputs may go out with it in one request.
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
        """By step: 1 where this input counts the request it went out in, 0 where another does."""
        self._turns: dict[str, tuple[RateLimiter, int]] = {}
        self._successes_before: int | None = None
        """How many good replies the batch had when this call first failed."""
        self.group_size = 1
        """How many inputs went out in the last request."""
        self.turn_at: float | None = None
        """When the first request had its turn."""
        self.host: str | None = None
        self.last_step: str | None = None
        """The step of the last reply."""

    @property
    def unanswered(self) -> int:
        """How often a request of this call went without an answer, in all runs."""
        return max(self._unknown.values(), default=0)

    @property
    def others_fared_better(self) -> bool:
        """Whether others were answered well since this call first failed."""
        return self._successes_before is not None and self._state.policy.successes > self._successes_before

    def stored_reply(self, step_id: str) -> Response | None:
        """Return the reply of an earlier run, once: a job that was still running is looked at anew."""
        self.last_step = step_id
        return self._stored.pop(step_id, None)

    def unknown_attempts(self, step_id: str) -> int:
        """Count those of all runs: a request that nobody can answer is not sent twice in each of them."""
        return self._unknown.get(step_id, 0)

    def join(self, step_id: str, request: Request, limiter: RateLimiter) -> Program[None]:
        """Join a group, which has one turn; a part of a parallel step, and what cannot be merged, goes alone."""
        self._state.policy.require_going()
        if self._max_group == 1 or request.merge is None or "." in step_id:
            self._groups[step_id] = MergeGroup()
            return
        take_turn = partial(self._turn_of_group, step_id, limiter)
        group: MergeGroup = yield Join(request, self._max_group, take_turn)  # type: ignore[misc]
        self._groups[step_id] = group
        if group.turn and group.first("turn"):
            self._turns[step_id] = group.turn
        self.turn_at = self._state.policy.clock() if self.turn_at is None else self.turn_at

    def _turn_of_group(self, step_id: str, limiter: RateLimiter) -> Program[Any]:
        """Wait for one turn for the whole group, and return it."""
        yield from self._wait_for_turn(step_id, limiter)
        return self._turns.pop(step_id, None)

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:
        """Give all inputs that went out in one request the same answer, and count one retry for them."""
        group = self._groups[step_id]
        if group.retry is None:
            group.retry = budget.take()
        return group.retry

    def seconds_until_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:
        """Return the wait by the pace of the batch; 0 where the group has waited for all in it."""
        return 0.0 if self._groups[step_id].has_turn else self._take_turn(step_id, limiter, now)

    def _take_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:
        """Take a turn if there is one, and return 0; else return the seconds after which to ask again."""
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
        """Let the seconds pass, and end as soon as the batch does."""
        policy = self._state.policy
        until = policy.clock() + seconds
        while seconds > 0:
            policy.require_going()
            yield Sleep(min(seconds, SLICE))
            seconds = until - policy.clock()
        policy.require_going()

    def before_send(self, step_id: str, request: Request) -> Program[None]:
        """Hold the request against the limits, and write it down. Looks at a job and requests for tokens are free."""
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
        """Count the request from now on; where a token or the disk took too long, wait for another turn."""
        limiter, turn = self._turns.pop(step_id, (None, 0))
        while limiter is not None and not limiter.move(turn, self._state.policy.clock()):
            yield from self._wait_for_turn(step_id, limiter)
            limiter, turn = self._turns.pop(step_id)

    def after_reply(self, step_id: str, request: Request, response: Response) -> Program[None]:
        """Have the reply on disk before it is read. Where that fails it is used all the same, for it is paid for."""
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
        """Note what became of the attempt, and what it says of the service."""
        if not request.credentials or self._groups[step_id].first("failure"):
            self._state.policy.note_failure(error)
        self._note_successes()
        if self._state.offline or not request.credentials or not request.billed:
            return
        outcome = classify(error)
        unknown = outcome.state == "UNKNOWN"
        if unknown:
            self._unknown[step_id] = self._unknown.get(step_id, 0) + 1
        sent, free = outcome.state != "NOT_SENT", not outcome.billed
        self._undo(step_id, request.billed, sent=sent, doubt=unknown, free=free)

    def login_failed(self, error: CloudAIError) -> None:
        """Note what a login that failed says of the service: an outage of it is one, and no input's fault."""
        self._state.policy.note_failure(error)
        self._note_successes()

    def _note_successes(self) -> None:
        if self._successes_before is None:
            self._successes_before = self._state.policy.successes

    def _undo(self, step_id: str, units: int, *, sent: bool, doubt: bool, free: bool) -> None:
        """Take back what was written down for a request, as far as it did not come to pass."""
        counted = self._counted[step_id]
        self._state.policy.limits.refund(0 if sent else counted, units if free else 0)
        self._state.journal.do(
            queries.undo(self._record.call, step_id, units, counted, sent=sent, doubt=doubt, free=free)
        )
