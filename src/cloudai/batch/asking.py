"""An `Asker` asks one provider for the inputs of a batch, again where the policy decides so, and judges the outcome."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Literal

from cloudai.batch import queries
from cloudai.batch.codec import written_result
from cloudai.batch.hooks import ItemHooks
from cloudai.batch.policy import Attempted, Ending
from cloudai.batch.queries import CallRecord
from cloudai.batch.recorder import owed
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.batch.time_left import TimeLeft
from cloudai.cooling import note, skipped
from cloudai.core.call import CallContext
from cloudai.core.cooldown import Cooldown
from cloudai.core.effects import Program, Wait
from cloudai.errors import (
    CloudAIError,
    JournalError,
    MalformedResponseError,
    NotStartedError,
    RateLimitedError,
)
from cloudai.fallback import falls_back, told, tried_of
from cloudai.media.source import Source
from cloudai.models.base import Result, Tried
from cloudai.operations import Given
from cloudai.outcomes import OutcomeStatus

__all__ = ["Asker"]

WAIT_WITHOUT_HINT = 1.0
"""Seconds until an input is tried again after a 429 that gives no time to wait."""


class Asker:
    """Asks one provider for the inputs of a batch.

    Args:
        state: The state of the batch for this provider.
        part: The number of the operation.
        time_left: Estimates how long the batch still takes.
    """

    def __init__(self, state: BatchState, part: int, time_left: TimeLeft) -> None:
        self._time_left = time_left
        self.state = self._state = state
        self._provider = state.session.provider
        self.name = self._provider.name
        self.task: Task = state.tasks[part]
        self._cooldown = state.cooldowns[part] if state.cooldowns else None

    def ask(self, given: Given, record: CallRecord, errors: Sequence[CloudAIError]) -> Program[Ending]:
        """Ask the provider, and return how the input has ended, or that the next provider is to be asked.

        A provider that is not the last one is not asked while it is left out because it has failed other calls, nor
        after it has paused.

        Args:
            given: The input.
            record: What the journal knows of the call to this provider.
            errors: The errors of the providers that were asked before.
        """
        rest = self._cooldown
        return self._asked(given, record, errors) if rest is None else self._unless_down(given, record, errors, rest)

    def _unless_down(
        self, given: Given, record: CallRecord, errors: Sequence[CloudAIError], rest: Cooldown
    ) -> Program[Ending]:
        """Ask the provider as `ask` does, unless it is left out or has paused."""
        call = object()
        if not self._state.policy.going or not rest.admits(call, self._state.policy.clock()):
            return self._passed_over(record)
        try:
            return (yield from self._asked(given, record, errors, call))
        finally:
            rest.leave(call)

    def _passed_over(self, record: CallRecord) -> Ending:
        """Return the ending of an input that this provider is not asked for now."""
        policy, rest = self._state.policy, self._cooldown
        assert rest is not None  # noqa: S101  # for the types
        error: CloudAIError = skipped(self.name, self.task.operation, rest, policy.clock())
        if not policy.going:
            error = NotStartedError(f"it has paused: {policy.cause or 'the batch ends'}")
            error.provider = self.name
        billed = owed(record, record.paid, record.most)
        # If a limit is reached or the user has stopped the batch, the next provider is not asked either.
        passes_on = policy.going or policy.cause is not None
        return Ending("not_started", error=error, attempts=record.attempts, billed=billed, passes_on=passes_on)

    def _asked(
        self, given: Given, record: CallRecord, errors: Sequence[CloudAIError], of: object = None
    ) -> Program[Ending]:
        """Call the provider, again where the policy decides so, and return how the input has ended."""
        sent_at, first, turns, round_ = None, record, 0, 0
        while True:
            round_ += 1
            hooks = ItemHooks(self._state, given, record)
            result, error, context = yield from self._call(given, record, hooks)
            turns += hooks.turns
            sent_at = hooks.sent_at if sent_at is None else sent_at
            self._note(of, error)
            if error is None:
                ending: Ending | None = _answered(result, errors)
            else:
                ending = self._judged(error, _attempted(round_, record, hooks, context))
            if ending is None:
                # A request that has failed as a whole is in the record, so that half as many inputs go out next.
                record = yield from self._again(record, error, hooks)
                continue
            if ending.status == "not_started" and not ending.passes_on:
                # An attempt that was made before the batch stopped may have reached the service.
                ending.status = yield from self._unfinished(record.call)
            if isinstance(error, MalformedResponseError) and context.exchanges:
                ending.unusable_step = hooks.last_step
            ending.attempts, ending.billed = context.attempts, owed(first, context.billed_min, context.billed_max)
            ending.facts = {"provider": self.name, "host": hooks.host, "sent_at": sent_at, "cached": False}
            now = self._state.policy.clock()
            self._time_left.note_end(turns, now, 0.0 if hooks.sent_at is None else now - hooks.sent_at)
            return ending

    def _call(
        self, given: Given, record: CallRecord, hooks: ItemHooks
    ) -> Program[tuple[Result | None, Exception | None, CallContext]]:
        """Make one call, and return its result or its error, and its context."""
        session = self._state.session
        context = session.context(self.task.operation, given, self.task.call_options)
        # Replies of an earlier run belong to the input as it was prepared then, for example to the pieces of a
        # recording.
        if record.memory and isinstance(given, Source):
            given.remember(json.loads(record.memory))
        context.hooks = hooks
        context.attempts, context.billed_min, context.billed_max = record.attempts, record.paid, record.most
        result = failure = None
        try:
            self._state.policy.require_going()
            result = yield from session.engine.run(self.task.flow(given, context.vendor), context)
            self._state.policy.note_probe(hooks, None)
        except Exception as error:  # noqa: BLE001  # the policy judges it
            failure = error
            self._state.policy.note_probe(hooks, error)
        finally:
            self._state.policy.outage.release(hooks)
            self._state.policy.tries.forget(record.call)
        return result, failure, context

    def _note(self, of: object, error: Exception | None) -> None:
        """Tell the cooldown how a call has ended; a 429 that is waited for is no failure."""
        waits = isinstance(error, RateLimitedError) and self._state.policy.going
        if self._cooldown is not None and not waits:
            note(self._cooldown, of, self._state.policy.clock(), error)

    def _judged(self, error: Exception, attempted: Attempted) -> Ending | None:
        """Return how the input has ended, or that the next provider is asked; None if it has to be tried again here."""
        if self._cooldown is not None and self._passes_on(error, attempted):
            return Ending("failed", error=error, passes_on=True)
        return self._state.policy.judge(error, attempted)

    def _passes_on(self, error: Exception, attempted: Attempted) -> bool:
        """Return whether the next provider is asked after this error.

        A 429 is waited for, and a request for several inputs that went without an answer is divided, until the provider
        pauses. A call that may have been billed is made elsewhere only if the user says so.
        """
        policy = self._state.policy
        if isinstance(error, NotStartedError):
            return policy.cause is not None  # the provider has paused while this input waited for its turn
        if policy.going and isinstance(error, RateLimitedError) and not error.quota:
            return False
        if policy.going and attempted.in_company and getattr(error, "state", None) == "UNKNOWN":
            return False
        return self.leads_on(error)

    def leads_on(self, error: Exception) -> bool:
        """Return whether an error of this provider leads to the next one; `cloudai.fallback.falls_back` is the rule."""
        on_unknown: Literal["retry", "raise"] = "retry" if self._state.settings.in_doubt == "resend" else "raise"
        return falls_back(error, self._provider, self.task.operation, on_unknown)

    def _again(self, record: CallRecord, error: Exception | None, hooks: ItemHooks) -> Program[CallRecord]:
        """Read the call from the journal, wait until it may be tried again, and return what was read.

        The wait is as long as the service has asked. If it has asked for 0 seconds, or sent a 429 that gives no time,
        the wait is `WAIT_WITHOUT_HINT` seconds. After other errors there is no wait. It ends early, without an error,
        if the batch stops.

        Raises:
            JournalError: The journal cannot be read.
        """
        record = yield Wait(self._state.journal.do(queries.record_of(record.call), reads=True))
        hint = getattr(error, "retry_after", None)
        if hint is not None or isinstance(error, RateLimitedError):
            with suppress(NotStartedError):  # the batch stops, and the next call reports it
                yield from hooks.wait(hint or WAIT_WITHOUT_HINT)
        return record

    def _unfinished(self, call: int) -> Program[OutcomeStatus]:
        """Return "in_doubt" if the journal says that the service may have received a request of the call.

        Otherwise return "not_started"; this is also the answer if the journal cannot be read.
        """
        try:
            record: CallRecord = yield Wait(self._state.journal.do(queries.record_of(call), reads=True))
        except JournalError:
            return "not_started"
        return "in_doubt" if record.in_doubt else "not_started"


def _answered(result: Result | None, errors: Sequence[CloudAIError]) -> Ending:
    """Return the ending of an input with a result, which names the providers that were asked before."""
    assert result is not None  # noqa: S101  # for the types
    if tried := tuple(map(tried_of, errors)):
        result = result._changed(meta=result.meta.model_copy(update={"tried": tried}))  # noqa: SLF001
    return Ending("ok", result=result, settle=("done", written_result(result)))


def _attempted(round_: int, record: CallRecord, hooks: ItemHooks, context: CallContext) -> Attempted:
    return Attempted(
        call=record.call,
        round=round_,
        attempts=context.attempts,
        state=context.state,
        answered=bool(context.exchanges),
        in_company=hooks.in_company,
        tries=hooks.tries,
        suspect=record.suspect,
        others_fared_better=hooks.others_fared_better,
        polling=hooks.polling,
        told=hooks.told,
    )


def ended_with(records: Sequence[CallRecord], endings: Sequence[Ending]) -> tuple[CallRecord, Ending]:
    """Return the call with which an input has ended, and its ending, with what all providers may have billed for it.

    If none has answered, the ending is that of the provider whose error says most; see `cloudai.fallback.told`.

    Args:
        records: What the journal knew of the call to each provider.
        endings: What became of those that were to be asked, in order.
    """
    *passed, ending = endings
    if len(records) == 1:
        return records[0], ending
    number, errors = len(passed), [each.error for each in endings if isinstance(each.error, CloudAIError)]
    if isinstance(ending.error, CloudAIError):
        last = told(errors, None if ending.status == "unsupported" else ending.error)
        if last is not ending.error:
            number = next(number for number, each in enumerate(passed) if each.error is last)
            ending = passed[number]
            ending.status = "in_doubt" if last.state == "UNKNOWN" else "failed"
    if passed:
        ending.facts["tried"] = shown(tried_of(error) for error in errors if error is not ending.error)
    bills = [
        *(each.billed for each in endings),
        *(owed(each, each.paid, each.most) for each in records[len(endings) :]),
    ]
    ending.billed = sum(least for least, _ in bills), sum(most for _, most in bills)
    ending.attempts = sum(each.attempts for each in endings)
    return records[number], ending


def shown(tried: Iterable[Tried]) -> str:
    """Return the providers that did not answer as the table shows them."""
    return ", ".join(f"{each.provider} ({each.error})" for each in tried)
