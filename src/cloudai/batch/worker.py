"""A worker carries out inputs of a batch; this module has the steps of one input from top to bottom.

An input is read, claimed, looked up in the journal and the cache, sent to the provider, judged and written down. Each
input has a program of its own; ``coalesce.py`` lets the requests of several programs go out as one. A program runs
under both drivers, so this module knows nothing of threads or tasks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Generic, TypeVar

from cloudai.batch import cache, queries
from cloudai.batch.coalesce import Defer, coalesce
from cloudai.batch.codec import error_of, result_of, written_result
from cloudai.batch.hooks import ItemHooks
from cloudai.batch.inputs import Entry
from cloudai.batch.policy import SLOW_START, Attempted, Ending
from cloudai.batch.queries import CallRecord
from cloudai.batch.queues import Claims, OutcomeQueue, Semaphore
from cloudai.batch.reader import Reader
from cloudai.batch.recorder import Recorder, owed, timestamp
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.core.call import CallContext
from cloudai.core.effects import Persist, Program, Wait
from cloudai.core.flow import Call
from cloudai.errors import (
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
from cloudai.outcomes import Outcome, OutcomeStatus

__all__ = ["Worker"]

R = TypeVar("R", bound=Result)

PREPARING = (os.cpu_count() or 2) + 2
"""Maximum number of workers that prepare inputs for merged requests: enough to use every core and the disk."""
WAIT_WITHOUT_HINT = 1.0
"""Seconds until an input is tried again after a 429 that gives no time to wait."""


class Worker(Generic[R]):
    """Carries out inputs of a batch, each from beginning to end.

    Args:
        state: The state of the batch.
        recorder: Writes down what becomes of each input.
        reader: Hands out the inputs.
        outcomes: Takes the outcomes, for the user to read.
    """

    def __init__(self, state: BatchState, recorder: Recorder[R], reader: Reader, outcomes: OutcomeQueue) -> None:
        self._state = state
        self._recorder = recorder
        self._reader = reader
        self._outcomes = outcomes
        self._claims = Claims()
        self._preparing = Semaphore(PREPARING)
        self.failure: BaseException | None = None
        """The exception that the iterator of the inputs has raised."""

    def run(self, number: int) -> Program[None]:
        """Carry out inputs until there are no more.

        Args:
            number: The number of the worker. Workers from `SLOW_START` on wait for the first good reply.
        """
        if number >= SLOW_START:
            yield Wait(self._state.policy.alive)
        yield from coalesce(self._more, self._hand_out, self._state.inputs_per_request, self._prepare)

    def _more(self, n: int, wait: bool) -> Program[list[Program[Outcome[R]]]]:
        """Return the programs of the next inputs.

        The list is empty if there are no more inputs. It is also empty if the iterator of the inputs has raised an
        exception, which is then kept in ``failure``.

        Args:
            n: Maximum number of programs.
            wait: Whether to wait if no input is ready; with False, the list is empty in that case too.
        """
        try:
            taken: list[Entry] = yield Wait(self._reader.take(n, wait=wait))
        except BaseException as error:
            if error is not self._reader.failure:
                raise  # the worker itself is being ended
            # The iterator of the inputs has failed; inputs that were taken before are carried out to their end.
            self.failure = error
            self._reader.close()
            return []
        arrived, started_at = self._state.policy.clock(), timestamp()
        return [self.item(entry, arrived, started_at) for entry in taken]

    def _prepare(self, program: Program[None]) -> Program[None]:
        """Return the program, wrapped where needed so that only `PREPARING` workers prepare inputs at a time.

        If several inputs share a request, preparing more of them would only fill the memory. The program is returned
        as it is if each input has a request of its own, and if the client fetches addresses, because such workers
        wait for the network.

        Args:
            program: What a worker does with new inputs until they first wait for each other.
        """
        if self._state.inputs_per_request == 1 or self._state.session.engine.fetching:
            return program
        return self._preparing.hold(program)

    def _hand_out(self, outcome: Outcome[R]) -> Program[None]:
        """Put an outcome into the queue, and wait while the queue is full."""
        if not (room := self._outcomes.put(outcome)).done():
            yield Wait(room)

    def item(self, entry: Entry, arrived: float, started_at: str) -> Program[Outcome[R]]:
        """Carry out one input, from reading it to writing down how it ended, and return its outcome.

        Errors of the input, the service and the journal are put into the outcome; a journal that fails also pauses
        the batch. If another input with the same bytes is being carried out, this one waits for it first.

        Args:
            entry: The input.
            arrived: The time when a worker took the input, by the clock of the policy.
            started_at: The same moment as a date and time in UTC.
        """
        task = self._state.tasks[entry.part]
        facts: dict[str, Any] = {"started_at": started_at, "cached": False}
        try:
            self._state.policy.require_going()  # a batch that stops reads no further input
        except NotStartedError as error:
            return (yield from self._recorder.leave(entry, arrived, None, Ending("not_started", error=error)))
        try:
            given, digest = yield from self._read(entry, task)
        except (InputError, DeadlineExceededError) as error:
            return self._recorder.finish(entry, arrived, None, Ending("failed", error=error, facts=facts))
        facts["sha256"] = digest
        if not entry.name and not isinstance(given, str):
            entry = replace(entry, name=given.name)
        key = task.key_of(digest)
        # The answer to an input with the same bytes serves this one, too.
        while (claimed := self._claims.take(key)) is not None:
            yield Defer(claimed)  # type: ignore[misc]  # only coalesce.py carries it out
        record: CallRecord | None = None
        try:
            try:
                record = yield from self._looked_up(entry, task, key, digest)
                self._recorder.begin(entry, record)
                ending = self._known(entry, task, given, record)
                if ending is None:
                    ending = yield from self._cached(entry, task, given, record)
                if ending is None:
                    ending = yield from self._ask(task, given, record)
            except JournalError as error:
                self._state.policy.pause(error)
                ending = Ending("not_started", error=error)
                if record is not None:
                    ending.attempts, ending.billed = record.attempts, owed(record, record.paid, record.most)
            ending.facts = {**facts, **ending.facts}
            if ending.status == "not_started" and not (record and record.in_doubt):
                return (yield from self._recorder.leave(entry, arrived, record, ending))
            return self._recorder.finish(entry, arrived, record, ending)
        finally:
            # Released only now that the journal has the outcome: an input with the same bytes must find it there.
            self._state.journal.release(key)
            self._claims.release(key)

    def _read(self, entry: Entry, task: Task) -> Program[tuple[Given, str]]:
        """Return the input as the operation takes it, and its digest.

        A file is read first, and an address is fetched if the client does so. Neither takes longer than a call may.
        """
        session = self._state.session
        source = given_as(task.operation, entry.given)
        if isinstance(source, Source) and not source.is_at_hand and (session.engine.fetching or source.uri is None):
            context = session.context(task.operation, source, task.call_options)
            yield from session.engine.prepare(source.fetched(), context)
        digest: str = yield Call(partial(digest_of, source))
        # Several operations may share one picture, and each writes its own frame into it.
        return copy(source) if len(self._state.tasks) > 1 else source, digest

    def _looked_up(self, entry: Entry, task: Task, key: str, digest: str) -> Program[CallRecord]:
        """Look up the call of an input in the journal, and enter it there if the journal does not know it yet."""
        lookup = queries.look_up(task.batch, task.run, entry.item, key=key, sha256=digest, name=entry.written(digest))
        while True:
            record: CallRecord | None = yield Persist(self._state.journal, lookup)
            if record is not None:
                return record
            # A keeper says so while another process carries out an input with the same bytes.
            yield Defer(self._state.journal.claim(key))  # type: ignore[misc]  # only coalesce.py carries it out

    def _known(self, entry: Entry, task: Task, given: Given, record: CallRecord) -> Ending | None:
        """Return how an input has ended if the journal alone decides that, or None if the provider has to be asked.

        The journal decides it if it has a result or a final error of the call. It also does so if the user chose
        ``in_doubt="skip"`` and it is not known what became of an earlier request of the call.
        """
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
        """Return the ending of an input whose result the cache holds; None if it holds none."""
        result = yield from cache.recall(self._state, task, entry, given, record)
        return None if result is None else _from_store(record, Ending("ok", result=result))

    def _ask(self, task: Task, given: Given, record: CallRecord) -> Program[Ending]:
        """Call the provider, again where the policy decides so, and return how the input has ended."""
        sent_at, first, turns = None, record, 0
        for round_ in count(1):
            hooks = ItemHooks(self._state, given, record)
            result, error, context = yield from self._call(task, given, record, hooks)
            turns += hooks.turns
            sent_at = hooks.sent_at if sent_at is None else sent_at
            ending = self._judged(result, error, _attempted(round_, record, hooks, context))
            if ending is None:
                # A request that has failed as a whole is in the record, so that half as many inputs go out next.
                record = yield from self._again(record, error, hooks)
                continue
            if ending.status == "not_started":
                # An attempt that was made before the batch stopped may have reached the service.
                ending.status = yield from self._unfinished(record.call)
            if isinstance(error, MalformedResponseError) and context.exchanges:
                ending.unusable_step = hooks.last_step
            ending.attempts, ending.billed = context.attempts, owed(first, context.billed_min, context.billed_max)
            ending.facts = {"host": hooks.host, "sent_at": sent_at, "cached": False}
            now = self._state.policy.clock()
            self._state.time_left.note_end(turns, now, 0.0 if hooks.sent_at is None else now - hooks.sent_at)
            return ending
        raise AssertionError  # pragma: no cover

    def _call(
        self, task: Task, given: Given, record: CallRecord, hooks: ItemHooks
    ) -> Program[tuple[Result | None, Exception | None, CallContext]]:
        """Make one call, and return its result or its error, and its context."""
        session = self._state.session
        context = session.context(task.operation, given, task.call_options)
        context.hooks = hooks
        context.attempts, context.billed_min, context.billed_max = record.attempts, record.paid, record.most
        result = failure = None
        try:
            self._state.policy.require_going()
            result = yield from session.engine.run(task.flow(given, context.vendor), context)
            self._state.policy.note_probe(hooks, None)
        except Exception as error:  # noqa: BLE001  # the policy judges it
            failure = error
            self._state.policy.note_probe(hooks, error)
        finally:
            self._state.policy.outage.release(hooks)
            self._state.policy.tries.forget(record.call)
        return result, failure, context

    def _judged(self, result: Result | None, error: Exception | None, attempted: Attempted) -> Ending | None:
        """Return how the input has ended; None if it has to be tried again."""
        if error is not None:
            return self._state.policy.judge(error, attempted)
        assert result is not None  # noqa: S101  # for the types
        return Ending("ok", result=result, settle=("done", written_result(result)))

    def _again(self, record: CallRecord, error: Exception | None, hooks: ItemHooks) -> Program[CallRecord]:
        """Read the call from the journal, wait until it may be tried again, and return what was read.

        The wait is as long as the service has asked, or `WAIT_WITHOUT_HINT` seconds after a 429 that gives no time;
        after other errors there is none. The wait ends early, without an error, if the batch stops.

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


def _from_store(record: CallRecord, ending: Ending) -> Ending:
    """Return an ending that was already stored, completed with the attempts and the billed units of its call.

    If an earlier input of this run had the same bytes (``record.first``), the units are 0, because that input has
    them, and ``facts`` names it as ``duplicate_of``. Otherwise the answer came from an earlier run or the cache, and
    ``facts`` says that it is ``cached``.
    """
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
        in_company=hooks.in_company,
        tries=hooks.tries,
        suspect=record.suspect,
        others_fared_better=hooks.others_fared_better,
        polling=hooks.polling,
        told=hooks.told,
    )
