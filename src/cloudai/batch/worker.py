"""The life of one input of a batch, from top to bottom: read, claimed, looked up, asked, judged, written down.

A `Worker` takes any number of inputs through, one program for each; ``coalesce.py`` lets the requests of several go out
as one. A program runs under both drivers, so this file knows nothing of threads or tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Generic, TypeVar

from cloudai.batch import cache, queries
from cloudai.batch.coalesce import Defer
from cloudai.batch.codec import error_of, result_of, written_result
from cloudai.batch.hooks import ItemHooks
from cloudai.batch.inputs import Entry
from cloudai.batch.policy import Attempted, Ending
from cloudai.batch.queries import CallRecord
from cloudai.batch.queues import Claims
from cloudai.batch.recorder import Recorder, owed, timestamp
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.core.call import CallContext
from cloudai.core.effects import Persist, Program, Wait
from cloudai.core.flow import Call
from cloudai.errors import (
    BadRequestError,
    DeadlineExceededError,
    InputError,
    JournalError,
    MalformedResponseError,
    NotStartedError,
    RateLimitedError,
)
from cloudai.media.source import Source
from cloudai.models.base import Result
from cloudai.operations import Given, digest_of, given_as
from cloudai.outcomes import Outcome

__all__ = ["Worker"]

R = TypeVar("R", bound=Result)

WAIT_WITHOUT_HINT = 1.0
"""Seconds until an input is tried again after a 429 that does not say when."""


class Worker(Generic[R]):
    """Takes inputs of a batch from the beginning to the end.

    Args:
        state: The batch.
        recorder: What is written down.
    """

    def __init__(self, state: BatchState, recorder: Recorder[R]) -> None:
        self._state = state
        self._recorder = recorder
        self._claims = Claims()

    def item(self, entry: Entry) -> Program[Outcome[R]]:
        """Take one input through, and return its outcome."""
        arrived, task = self._state.policy.clock(), self._state.tasks[entry.part]
        facts: dict[str, Any] = {"started_at": timestamp(), "cached": False}
        try:
            given, digest = yield from self._read(entry, task)
        except (InputError, DeadlineExceededError) as error:
            return self._recorder.finish(entry, arrived, None, Ending("failed", error=error, facts=facts))
        facts["sha256"] = digest
        if not entry.name and not isinstance(given, str):
            entry = replace(entry, name=given.name)
        key = task.key_of(digest)
        while (claimed := self._claims.take(key)) is not None:
            yield Defer(claimed)  # type: ignore[misc]  # an effect of coalesce.py alone
        record: CallRecord | None = None
        try:
            try:
                record = yield Persist(self._state.journal, self._lookup(entry, task, key, digest))
                assert record is not None  # noqa: S101  # for the types
                self._recorder.begin(entry, record)
                ending = self._known(entry, task, given, record)
                if ending is None:
                    ending = yield from self._cached(entry, task, given, record)
                if ending is None:
                    ending = yield from self._ask(task, given, record)
            except JournalError as error:
                self._state.policy.pause(error)
                ending = Ending("not_started", error=error)
            ending.facts = {**facts, **ending.facts}
            return self._recorder.finish(entry, arrived, record, ending)
        finally:
            # Not before the outcome is handed to the journal: a copy must find what became of it.
            self._claims.release(key)

    def _read(self, entry: Entry, task: Task) -> Program[tuple[Given, str]]:
        """Return the input as the operation takes it, and its digest; what is behind an address is fetched first."""
        session = self._state.session
        source = given_as(task.operation, entry.given)
        if session.engine.fetching and isinstance(source, Source):
            context = session.context(task.operation, source, task.call_options)
            yield from session.engine.prepare(source.fetched(), context)
        digest: str = yield Call(partial(digest_of, source))
        # Where several operations look at one picture, each has its own frame.
        return copy(source) if len(self._state.tasks) > 1 else source, digest

    def _lookup(self, entry: Entry, task: Task, key: str, digest: str) -> Any:
        return queries.look_up(task.batch, task.run, entry.item, key=key, sha256=digest, name=entry.written(digest))

    def _known(self, entry: Entry, task: Task, given: Given, record: CallRecord) -> Ending | None:
        """Return what the journal knows to have become of the input; None where it has to be asked for."""
        billed = owed(record, record.paid, record.most)
        if record.state == "done":
            result = result_of(task.operation, record, entry.written(digest_of(given)))
            if result is not None:
                return _from_store(record, Ending("ok", result=result))
        if record.state == "failed" and record.error:
            return _from_store(record, Ending("failed", error=error_of(record.error)))
        if record.in_doubt and self._state.settings.in_doubt == "skip":
            doubt = NotStartedError("something was sent in an earlier run, and what became of it is not known")
            return Ending("skipped", error=doubt, attempts=record.attempts, billed=billed)
        return None

    def _cached(self, entry: Entry, task: Task, given: Given, record: CallRecord) -> Program[Ending | None]:
        """Return the result that an earlier batch with another journal was given, where there is one."""
        result = yield from cache.recall(self._state, task, entry, given, record)
        return None if result is None else _from_store(record, Ending("ok", result=result))

    def _ask(self, task: Task, given: Given, record: CallRecord) -> Program[Ending]:
        """Call the provider, once more where the service was at fault and has recovered."""
        turn_at, first = None, record
        max_group = self._state.inputs_per_request
        for round_ in count(1):
            hooks = ItemHooks(self._state, given, record, max_group)
            result, error, context = yield from self._call(task, given, record, hooks)
            turn_at = hooks.turn_at if turn_at is None else turn_at
            ending = self._judged(result, error, _attempted(round_, record, hooks, context))
            if ending is None:
                if isinstance(error, BadRequestError):
                    max_group = max(1, hooks.group_size // 2)
                record = yield from self._again(record, error, hooks)
                continue
            if ending.status == "not_started":
                # An attempt before the batch stopped may have gone out.
                ending.status = yield from self._unfinished(record.call)
            if isinstance(error, MalformedResponseError) and context.exchanges:
                ending.unusable_step = hooks.last_step
            ending.attempts, ending.billed = context.attempts, owed(first, context.billed_min, context.billed_max)
            ending.facts = {"host": hooks.host, "turn_at": turn_at, "cached": False}
            return ending
        raise AssertionError  # pragma: no cover

    def _call(
        self, task: Task, given: Given, record: CallRecord, hooks: ItemHooks
    ) -> Program[tuple[Result | None, Exception | None, CallContext]]:
        """Make one call by the engine; return its result or its error, and its context."""
        session = self._state.session
        context = session.context(task.operation, given, task.call_options)
        context.hooks = hooks
        context.attempts, context.billed_min, context.billed_max = record.attempts, record.paid, record.most
        try:
            self._state.policy.require_going()
            result = yield from session.engine.run(task.flow(given, context.vendor), context)
        except Exception as error:  # noqa: BLE001  # the policy judges it
            return None, error, context
        return result, None, context

    def _judged(self, result: Result | None, error: Exception | None, attempted: Attempted) -> Ending | None:
        if error is not None:
            return self._state.policy.judge(error, attempted)
        assert result is not None  # noqa: S101  # for the types
        return Ending("ok", result=result, settle=("done", written_result(result)))

    def _again(self, record: CallRecord, error: Exception | None, hooks: ItemHooks) -> Program[CallRecord]:
        """Wait as long as the service asks, and return what the journal knows by then."""
        record = yield Wait(self._state.journal.do(queries.record_of(record.call), reads=True))
        hint = getattr(error, "retry_after", None)
        if hint is not None or isinstance(error, RateLimitedError):
            with suppress(NotStartedError):  # the next round says so
                yield from hooks.wait(hint or WAIT_WITHOUT_HINT)
        return record

    def _unfinished(self, call: int) -> Program[str]:
        """Return whether the call is in doubt, or nothing of it was sent."""
        try:
            record: CallRecord = yield Wait(self._state.journal.do(queries.record_of(call), reads=True))
        except JournalError:
            return "not_started"
        return "in_doubt" if record.in_doubt else "not_started"


def _from_store(record: CallRecord, ending: Ending) -> Ending:
    """Return the ending of an input that was answered before: by a copy in this run, or by an earlier run."""
    facts: Mapping[str, Any] = {"duplicate_of": record.first, "cached": record.first is None}
    billed = owed(record, record.paid, record.most)
    return replace(ending, attempts=record.attempts, billed=billed, facts=dict(facts))


def _attempted(round_: int, record: CallRecord, hooks: ItemHooks, context: CallContext) -> Attempted:
    return Attempted(
        call=record.call,
        round=round_,
        attempts=context.attempts,
        state=context.state,
        answered=bool(context.exchanges),
        group_size=hooks.group_size,
        unanswered=hooks.unanswered,
        suspect=record.suspect,
        others_fared_better=hooks.others_fared_better,
    )
