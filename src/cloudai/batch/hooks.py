"""The hooks of a batch wait for a turn, write a request down before it is sent, and keep its reply."""

from __future__ import annotations

from concurrent.futures import Future
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

from cloudai.batch import queries
from cloudai.batch.coalesce import HELD, Defer, Join, MergeGroup
from cloudai.batch.history import History
from cloudai.batch.limits import ElsewhereError
from cloudai.batch.outage import Streak
from cloudai.batch.policy import Policy, refuses_all
from cloudai.batch.queries import CallRecord
from cloudai.batch.state import BatchState
from cloudai.batch.turns import PacedHooks
from cloudai.core.effects import Persist, Program, Wait
from cloudai.core.flow import Request, Response
from cloudai.core.rate_limit import RateLimiter, RetryBudget
from cloudai.core.retry import NOT_SENT, AttemptOutcome, classify
from cloudai.errors import CloudAIError, JournalError, NotStartedError
from cloudai.operations import Given

__all__ = ["ItemHooks"]


class ItemHooks(PacedHooks):
    """The hooks of one call: they write a billed request down before it is sent, and a reply before it is read.

    Args:
        state: The state of the batch.
        given: The input.
        record: What the journal knows of the call.
    """

    def __init__(self, state: BatchState, given: Given, record: CallRecord) -> None:
        super().__init__(state)
        self._given = given
        self._record = record
        self._stored = {step_id: stored.response for step_id, stored in record.replies.items()}
        self._history = History(record)
        self._groups: dict[str, MergeGroup] = {}
        self._counted: dict[str, int] = {}
        """1 for a step whose request this input counts, 0 if another input of the group counts it."""
        self._successes_before: int | None = None
        """The number of good replies of the batch when this call first failed; None before."""
        self.in_company = False
        """True if the last request was one for several calls."""
        self.polling = False
        """True if the last attempt that failed was a poll of a job that is paid for."""
        self.told = False
        """True if the policy knows of the last failure, because it was one of a request or of a login."""
        self.sent_at: float | None = None
        """The time when the first request went out, by the clock of the policy."""
        self.host: str | None = None
        self.last_step: str | None = None
        """The step of the last reply."""

    @property
    def slots(self) -> Any:
        """The semaphore that limits the requests of the batch in flight."""
        return self._state.slots

    @property
    def tries(self) -> int:
        """How many requests for this input alone were not answered, over all runs, for which it may be at fault."""
        return self._history.tries

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
        """Return how often the request of a step, for this input alone, went without an answer, over all runs.

        Earlier runs count, so that a request that the service cannot answer is not sent twice in each run. A request
        for which the service was at fault does not count, and neither do requests for several inputs.
        """
        return self._history.tries_of(step_id)

    def join(self, step_id: str, request: Request, limiter: RateLimiter) -> Program[None]:
        """Join a group of inputs whose requests go out as one, and wait for the turn of the group.

        A part of a parallel step, a request that cannot be merged, an input that was not answered when it was sent
        alone, and a probe of a service that may be down, become groups of one at once: they take their turn in
        `seconds_until_turn`. While the service seems to be down, this first waits until a request may be sent.

        Raises:
            NotStartedError: The batch has stopped.
            JournalError: A keeper owns the pace, and has not answered for a long time.
        """
        policy = self._state.policy
        group: MergeGroup | None = None
        while group is None:
            yield from self._while_held(step_id)
            most = self._history.most_inputs(step_id, request)
            # The parts of a parallel step run in the driver, which does not know `Join`.
            if not most or "." in step_id or policy.outage.is_probe(self):
                self._groups[step_id] = MergeGroup()
                if self._state.turns is not None:
                    yield from self._wait_for_turn(step_id, limiter)
                return
            group = yield Join(request, most, partial(self._turn_of_group, step_id, limiter))  # type: ignore[misc]
        self._groups[step_id] = group
        if group.turn and group.first("turn"):
            self._turns[step_id] = group.turn

    def _while_held(self, step_id: str) -> Program[None]:
        """Wait while the service may be down, unless this call is to probe it."""
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

    def _turn_of_group(self, step_id: str, limiter: RateLimiter) -> Program[Any]:
        """Wait for the one turn of the group, and return it; None without a pace, `HELD` if the service seems down."""
        if self._state.policy.outage.holding:
            return HELD  # the service has gone silent since these inputs began to wait for each other
        yield from self._wait_for_turn(step_id, limiter)
        return self._turns.pop(step_id, None)

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:
        """Return whether a request may be tried again; all inputs in it get the same answer, and count as one retry.

        A request for several inputs that went without an answer is not tried again: its inputs are sent in halves.
        """
        group = self._groups[step_id]
        if group.divides:
            return False
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
        has its turn already. Where a keeper owns the pace, `join` has waited for the turn.

        Raises:
            NotStartedError: The batch has stopped.
        """
        if self._groups[step_id].has_turn or self._state.turns is not None:
            return 0.0
        return self._take_turn(step_id, limiter, now)

    def before_send(self, step_id: str, request: Request) -> Program[None]:
        """Count the request against the limits, write it down, and let its turn count from now on.

        Polls of a job and requests for tokens are neither counted nor written down. If the turn is too old by now, this
        waits for another one.

        Raises:
            NotStartedError: The batch has stopped, a limit is reached, or another process has got the call.
            JournalError: The request cannot be written down, or the keeper of the pace does not answer; it is not sent.
        """
        policy = self._state.policy
        policy.require_going()
        self.host = _host(request.url)
        if self._state.offline or not request.credentials:
            return
        group = self._groups[step_id]
        self.in_company = group.calls > 1
        if request.billed:
            counted = self._counted[step_id] = int(group.first("request"))
            policy.reserve(request.billed, counted)
            try:
                intended = queries.intend(self._record.call, step_id, request.billed, counted, group.size)
                intended = policy.limits.within(counted, request.billed, intended)
                refused: str | None = yield Persist(self._state.journal, intended)
            except JournalError as error:
                policy.limits.refund(counted, request.billed)
                policy.pause(error)
                raise
            if refused is not None:
                policy.limits.refund(counted, request.billed)
                raise _not_entered(policy, refused)
        try:
            # The turn counts only from now on, because other requests may have gone out while the disk was busy.
            yield from self._keep_turn(step_id)
        except NotStartedError:
            if request.billed:
                self._undo(step_id, request.billed, NOT_SENT)
            raise
        self.sent_at = policy.clock() if self.sent_at is None else self.sent_at

    def after_reply(self, step_id: str, request: Request, response: Response) -> Program[None]:
        """Note that the service answers, and write the reply to disk before it is read.

        If it cannot be written, the batch pauses; the reply is used all the same, because it is paid for. The reply to
        a request for a token is not written down, and that to one that deletes a job is not.
        """
        policy, self.told = self._state.policy, False
        # To a request with several inputs, a service that is down may answer with a page that nobody can read.
        unread = request.merge is not None and policy.outage.is_probe(self)
        policy.answered_well(self._record.call if request.billed else None, unread=unread)
        if request.billed and self._history.tries_before(step_id):
            # An input that is answered is not at fault, so the service was: also for those that failed beside it.
            self._state.journal.do(queries.recovered(self._record.call))
        if not request.is_kept:
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
        policy, group = self._state.policy, self._groups[step_id] if request.credentials else MergeGroup()
        self.told = True
        # A request that fails counts once, however many inputs are in it.
        if group.first("failure"):
            divided = request.credentials and self._history.is_part(step_id)
            policy.note_failure(error, self, in_company=group.calls > 1, divided=divided)
        self._note_successes()
        self.polling = request.credentials and not request.billed
        if self._state.offline or not request.credentials or not request.billed:
            return
        outcome = classify(error)
        unknown = outcome.state == "UNKNOWN"
        group.divides = unknown and self.in_company
        if unknown or refuses_all(error):
            self._history.failed_as_a_whole(step_id, group.size)
        streak = policy.note_unanswered(self._record.call, counts=group.size == 1) if unknown else None
        if streak is not None:
            self._history.add(step_id, streak)
        self._undo(step_id, request.billed, outcome, streak)

    def login_failed(self, error: CloudAIError) -> None:
        """Note that a login has failed: an outage of the login counts as one of the service, and blames no input."""
        self.told = True
        self._state.policy.note_failure(error, self)
        self._note_successes()

    def _note_successes(self) -> None:
        if self._successes_before is None:
            self._successes_before = self._state.policy.successes

    def _undo(self, step_id: str, units: int, outcome: AttemptOutcome, streak: Streak | None = None) -> None:
        """Take back what was counted and written down for a request, as far as it did not happen."""
        counted, of_group = self._counted[step_id], self._groups[step_id].size
        limits, back = self._state.policy.limits, (counted if outcome.state == NOT_SENT.state else 0)
        limits.refund(back, 0 if outcome.billed else units)
        smallest = self._history.company(step_id)
        undo = partial(queries.undo, company=of_group, outcome=outcome, smallest=smallest, streak=streak)
        undone = undo(self._record.call, step_id, units, counted)
        self._state.journal.do(limits.within(-back, 0 if outcome.billed else -units, undone))


@lru_cache(maxsize=64)
def _host(address: str) -> str | None:
    """Return the host of an address; most requests of a batch go to the same one."""
    return urlsplit(address).hostname


def _not_entered(policy: Policy, why: str) -> NotStartedError:
    """Return the error of a request that a keeper has not written down, and stop the batch if a limit is reached.

    Args:
        policy: The policy of the batch.
        why: `queries.ELSEWHERE`, or the limit that is reached.
    """
    if why == queries.ELSEWHERE:
        return ElsewhereError("another process has got the call while this one was away")
    policy.limits.reached = why
    policy.stop()
    return NotStartedError(f"{why} is reached")
