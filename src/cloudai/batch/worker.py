"""A worker carries out inputs of a batch; this module has the steps of one input from top to bottom.

An input is read, claimed, looked up in the journal and the cache, sent to the provider, judged and written down. Each
input has a program of its own; ``coalesce.py`` lets the requests of several programs go out as one. A program runs
under both drivers, so this module knows nothing of threads or tasks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

from cloudai.batch import cache, queries
from cloudai.batch.asking import Asker, ended_with, shown
from cloudai.batch.coalesce import Defer, coalesce
from cloudai.batch.codec import error_of, result_of
from cloudai.batch.inputs import Entry
from cloudai.batch.limits import ElsewhereError
from cloudai.batch.policy import SLOW_START, Ending
from cloudai.batch.queries import CallRecord
from cloudai.batch.queues import DONE, Claims, OutcomeQueue, Semaphore
from cloudai.batch.reader import Reader
from cloudai.batch.recorder import Recorder, owed, timestamp
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.core.effects import Persist, Program, Wait
from cloudai.core.flow import Call
from cloudai.errors import (
    CloudAIError,
    DeadlineExceededError,
    InputError,
    JournalError,
    NotStartedError,
)
from cloudai.media.source import Source
from cloudai.models.base import Result
from cloudai.operations import Given, digest_of, given_as
from cloudai.outcomes import Outcome

__all__ = ["Worker"]

R = TypeVar("R", bound=Result)

PREPARING = (os.cpu_count() or 2) + 2
"""Maximum number of workers that prepare inputs for merged requests: enough to use every core and the disk."""


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
        self._askers = [
            [Asker(each, part, state.time_left) for each in state.in_turn] for part in range(len(state.tasks))
        ]
        """The providers of each operation, in the order in which they are asked."""
        self._preparing = Semaphore(PREPARING)
        self.failure: BaseException | None = None
        """The exception that the iterator of the inputs has raised."""

    def run(self, number: int) -> Program[None]:
        """Carry out inputs until there are no more.

        Args:
            number: The number of the worker. Workers from `SLOW_START` on wait for the first good reply, or until
                another worker has ended.
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
        as it is if each input has a request of its own, or if the client fetches addresses, because such workers wait
        for the network.

        Args:
            program: What a worker does with new inputs until they first wait for each other.
        """
        if self._state.inputs_per_request == 1 or self._state.session.engine.fetching:
            return program
        return self._preparing.hold(program)

    def _hand_out(self, outcome: Outcome[R]) -> Program[None]:
        """Put an outcome into the queue, and wait while the queue is full."""
        if (room := self._outcomes.put(outcome)) is not DONE:
            yield Wait(room)

    def item(self, entry: Entry, arrived: float, started_at: str) -> Program[Outcome[R]]:
        """Carry out one input, from reading it to writing down how it ended, and return its outcome.

        Errors of the input, the service and the journal are put into the outcome; a journal that fails also pauses
        the batch. Any other exception ends the batch. If another input with the same bytes is being carried out, this
        one waits for it first.

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
            entry = entry.named(given.name)
        key = task.key_of(digest)
        # The answer to an input with the same bytes serves this one, too.
        while (claimed := self._claims.take(key)) is not None:
            yield Defer(claimed)  # type: ignore[misc]  # only coalesce.py carries it out
        try:
            record, ending = yield from self._ended(entry, given, key, digest)
            ending.facts = {**facts, **ending.facts}
            if ending.status == "not_started" and not (record and record.in_doubt):
                return (yield from self._recorder.leave(entry, arrived, record, ending))
            return self._recorder.finish(entry, arrived, record, ending)
        finally:
            # Released only now that the journal has the outcome: an input with the same bytes must find it there.
            self._state.journal.release(key)
            self._claims.release(key)

    def _ended(self, entry: Entry, given: Given, key: str, digest: str) -> Program[tuple[CallRecord | None, Ending]]:
        """Look the input up, ask the providers if the journal has no answer, and return how the input has ended.

        This begins anew if another process has got the call while this one was away.
        """
        policy = self._state.policy
        record: CallRecord | None = None
        try:
            while True:
                records = yield from self._looked_up(entry, key, digest)
                record = records[0]
                self._recorder.begin(entry, record)
                record, ending = self._known(entry, given, records)
                if ending is None:
                    record, ending = yield from self._in_turn(entry, given, records)
                if not (isinstance(ending.error, ElsewhereError) and policy.going):
                    return record, ending
        except NotStartedError as error:  # the batch has stopped while another process had the call
            return record, Ending("not_started", error=error)
        except JournalError as error:
            policy.pause(error)
            ending = Ending("not_started", error=error)
            if record is not None:
                ending.attempts, ending.billed = record.attempts, owed(record, record.paid, record.most)
            return record, ending

    def _read(self, entry: Entry, task: Task) -> Program[tuple[Given, str]]:
        """Return the input as the operation takes it, and its digest.

        A file is read first, and an address is fetched if the client does so. Neither takes longer than a call may.
        """
        session = self._state.session
        source = given_as(task.operation, entry.given)
        # An address that the provider fetches itself has nothing that could be read here.
        if isinstance(source, Source) and not source.is_at_hand and (session.engine.fetching or source.uri is None):
            context = session.context(task.operation, source, task.call_options)
            yield from session.engine.prepare(source.fetched(), context)
        if isinstance(source, str) or source.is_little:
            digest = digest_of(source)
        else:
            digest = yield Call(partial(digest_of, source))
        # Several operations may share one picture, and each writes its own frame into it.
        return copy(source) if len(self._state.tasks) > 1 else source, digest

    def _looked_up(self, entry: Entry, key: str, digest: str) -> Program[list[CallRecord]]:
        """Look up the calls of an input in the journal, and return a `CallRecord` for each provider.

        The calls that the journal does not know yet are entered.

        Raises:
            NotStartedError: The batch has stopped while another process carried out an input with the same bytes.
        """
        tasks = [asker.task for asker in self._askers[entry.part]]
        keys, name = [task.key_of(digest) for task in tasks], entry.written(digest)
        lookup = queries.look_up_each(tasks[0].batch, tasks[0].run, entry.item, keys=keys, sha256=digest, name=name)
        while True:
            records: list[CallRecord] | None = yield Persist(self._state.journal, lookup)
            if records is not None:
                return records
            # A keeper says so while another process carries out an input with the same bytes.
            yield Defer(self._state.journal.claim(key))  # type: ignore[misc]  # only coalesce.py carries it out
            self._state.policy.require_going()

    def _known(self, entry: Entry, given: Given, records: Sequence[CallRecord]) -> tuple[CallRecord, Ending | None]:
        """Return how an input has ended if the journal alone decides that; the ending is None if a provider is asked.

        The journal decides it if it has a result of any of the providers, or a final error. It also does so if the user
        chose ``in_doubt="skip"`` and it is not known what became of an earlier request.
        """
        askers = self._askers[entry.part]
        for asker, record in zip(askers, records, strict=True):
            # An answer of any provider ends the input, so all of them are searched for one before an error counts.
            if record.state == "done":
                result = result_of(asker.task.operation, record, entry.written(digest_of(given)))
                if result is not None:
                    return record, _from_store(asker, record, records, Ending("ok", result=result))
        for asker, record in zip(askers, records, strict=True):
            error = _final_error(record)
            if error is not None and not (asker.leads_on(error) and _any_unasked(records)):
                return record, _from_store(asker, record, records, Ending("failed", error=error))
            if self._state.settings.in_doubt == "skip" and record.in_doubt:
                doubt = NotStartedError("something was sent in an earlier run, and what became of it is not known")
                ending = _from_store(asker, record, records, Ending("skipped", error=doubt))
                return record, replace(ending, facts={"provider": asker.name})
        return records[0], None

    def _in_turn(self, entry: Entry, given: Given, records: Sequence[CallRecord]) -> Program[tuple[CallRecord, Ending]]:
        """Ask each provider in turn until the input has ended, and return the call with which it has, and its ending.

        A provider is not asked if the cache has its answer, or if an earlier run has given the input up there.
        """
        askers = self._askers[entry.part]
        endings: list[Ending] = []
        for record in records:
            asker = askers[len(endings)]
            # Each provider writes its own frame into a picture.
            own = given if len(askers) == 1 or isinstance(given, str) else copy(given)
            if endings:
                self._recorder.begin(entry, record)
            ending = yield from self._cached(asker, entry, own, record)
            if ending is None and (error := _final_error(record)) is not None:
                # An earlier run has given this input up here, maybe one without the other providers.
                passes_on = asker is not askers[-1]
                ending = _from_store(asker, record, [record], Ending("failed", error=error, passes_on=passes_on))
            if ending is None:
                errors = [each.error for each in endings if isinstance(each.error, CloudAIError)]
                ending = yield from asker.ask(own, record, errors)
            endings.append(ending)
            if not ending.passes_on:
                break
        if endings[-1].status == "ok":
            self._state.policy.wake()
        if self._state.policy.limits.reached:
            self._state.policy.stop()
        return ended_with(records, endings)

    def _cached(self, asker: Asker, entry: Entry, given: Given, record: CallRecord) -> Program[Ending | None]:
        """Return the ending of an input whose result the cache holds; None if it holds none."""
        result = yield from cache.recall(asker.state, asker.task, entry, given, record)
        return None if result is None else _from_store(asker, record, [record], Ending("ok", result=result))


def _final_error(record: CallRecord) -> CloudAIError | None:
    """Return the error with which an earlier run has given an input up at a provider; None if it has not."""
    return error_of(record.error) if record.state == "failed" and record.error else None


def _any_unasked(records: Sequence[CallRecord]) -> bool:
    """Return whether there is a provider that was never asked for an input."""
    return any(record.state == "open" and not record.attempts for record in records)


def _from_store(asker: Asker, record: CallRecord, records: Sequence[CallRecord], ending: Ending) -> Ending:
    """Return an ending that was already stored, completed with the attempts and the billed units of its calls.

    If an earlier input of this run had the same bytes (``record.first``), the units are 0, because that input has
    them, and ``facts`` names it as ``duplicate_of``. Otherwise the answer came from an earlier run or the cache, and
    ``facts`` says that it is ``cached``.

    Args:
        asker: The provider whose answer is stored.
        record: The call to it.
        records: The calls to all providers whose units count.
        ending: The ending.
    """
    facts = {"provider": asker.name, "duplicate_of": record.first, "cached": record.first is None}
    if ending.result is not None and ending.result.meta.tried:
        facts["tried"] = shown(ending.result.meta.tried)
    least, most = map(sum, zip(*(owed(each, each.paid, each.most) for each in records), strict=True))
    return replace(ending, attempts=sum(each.attempts for each in records), billed=(least, most), facts=facts)
