"""The runner begins and ends a batch: it opens the journal, makes the workers, and tells why the batch has ended."""

from __future__ import annotations

import json
import threading
from asyncio import CancelledError
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Generic, TypeVar

from cloudai._version import __version__
from cloudai.batch import cache, queries, rows
from cloudai.batch.holdings import Holdings
from cloudai.batch.inputs import Entry, Inputs, PartOf
from cloudai.batch.journal import Journal
from cloudai.batch.outage import Tries
from cloudai.batch.policy import Limits, Policy, resume_at
from cloudai.batch.queues import OutcomeQueue
from cloudai.batch.reader import Reader
from cloudai.batch.recorder import KILLED, Recorder, timestamp
from cloudai.batch.settings import Settings
from cloudai.batch.shared.remote import AT_END, RemoteJournal
from cloudai.batch.state import BatchState
from cloudai.batch.statements import AnyJournal
from cloudai.batch.task import Task, tasks_of
from cloudai.batch.worker import Worker
from cloudai.core.effects import Program
from cloudai.core.rate_limit import Rate, rates
from cloudai.errors import HOPELESS, ForbiddenError, JournalError, PausedError, SettingsError, TLSError
from cloudai.models.base import Result
from cloudai.session import Session

__all__ = ["Runner"]

R = TypeVar("R", bound=Result)


class Runner(Generic[R]):
    """Runs one batch, in threads or in tasks: workers take inputs from a reader, and put outcomes into a queue.

    Args:
        session: The client's provider, engine, driver and options.
        operations: The name of the operation, or a list of names.
        given: The inputs.
        settings: The settings of the batch.

    Raises:
        SettingsError: An option or setting cannot be used.
        JournalError: The journal cannot be used.
    """

    def __init__(self, session: Session, operations: str | Sequence[str], given: Any, settings: Settings) -> None:
        settings.check()
        tasks = tasks_of(session.provider, operations, settings.options)
        inputs = Inputs(tasks[0].operation, given, settings.column, settings.keep, first=settings.first)
        pace = _rates(session, tasks, settings.pace)
        store = cache.cache_of(session, [task.operation for task in tasks], settings.cache and not settings.shared)
        journal: Journal | RemoteJournal
        journal = RemoteJournal(settings.journal) if settings.shared else Journal(settings.journal)
        try:
            if settings.shared:
                _enlist(journal, session, tasks, settings.part or inputs.part)
            limits = _begun(journal, session, tasks, settings)
            tries = Tries(partial(_excuse, journal), journal.read(queries.last_streak))
        except BaseException:
            journal.close()
            raise
        divides = session.options.on_unknown == "retry"
        suspect = partial(_mark_suspect, journal)
        policy = Policy(session.options.clock, limits, suspect, tries, divides=divides)
        self.holdings = Holdings(journal, store)
        turns = None
        if isinstance(journal, RemoteJournal):
            pace, turns = journal.rates, None if session.options.offline else journal.turns
        self.state = BatchState(session, tasks, settings, inputs, pace, journal, store, policy, turns)
        self.recorder: Recorder[R] = Recorder(self.state)
        self.outcomes = OutcomeQueue(0)
        self.began = False
        self._failure: BaseException | None = None
        """The exception that a worker has raised."""
        self._reader = Reader(iter(()), self.recorder.submit)
        self._worker: Worker[R] = Worker(self.state, self.recorder, self._reader, self.outcomes)
        self._working = 0
        if isinstance(journal, RemoteJournal):
            journal.when_stopped(self._stop_of)
        self._ending = threading.Lock()
        self._ended = False

    def begin(self) -> list[Program[None]]:
        """Begin the run, and return the programs of its workers."""
        self.began = True
        state = self.state
        if not state.journal.shared:
            for task in state.tasks:
                state.journal.ask(queries.anew(task.batch, task.run))
        entries = state.inputs.parts([task.operation for task in state.tasks])
        self._reader = self.holdings.reader = Reader(entries, self.recorder.submit)
        if not state.policy.going:
            self._reader.close()  # the batch was stopped before it began
        self._working = state.concurrency
        self.outcomes = OutcomeQueue(self._working * state.inputs_per_request)
        self._worker = Worker(state, self.recorder, self._reader, self.outcomes)
        return [self._work(number) for number in range(self._working)]

    def _work(self, number: int) -> Program[None]:
        """Carry out inputs until there are no more, and close the queue of outcomes after the last worker."""
        policy = self.state.policy
        try:
            yield from self._worker.run(number)
        except (GeneratorExit, CancelledError):  # the worker is being ended
            raise
        except BaseException as error:  # also what the user's `send` raises, and a signal's exception in it
            self._failure = self._failure or error
            self.stop()
            raise
        finally:
            policy.wake()  # without inputs no reply comes: those that wait for one would wait for ever
            with self.recorder.lock:
                self._working -= 1
                last = not self._working
            if last:
                self.outcomes.close()

    def stop(self) -> None:
        """Start no more inputs and send no more requests; those in flight are still answered."""
        self.state.policy.stop()
        self._reader.close()

    def _stop_of(self, batch: int) -> None:
        """Stop, because somebody has stopped a batch of this number in all processes."""
        if batch in [task.batch for task in self.state.tasks]:
            self.stop()

    def stop_everywhere(self) -> None:
        """Stop all processes that carry out parts of this batch, as far as they use the same keeper."""
        if isinstance(self.state.journal, RemoteJournal):
            for task in self.state.tasks:
                self.state.journal.stop_everywhere(task.batch)

    def end(self) -> None:
        """Write down the inputs that have not ended, and those that were never started, as far as they are known.

        Several threads may call this, and more than once: a batch may be cancelled while it ends.
        """
        self.state.journal.hurry(AT_END)
        with self._ending:
            if not self._ended:
                self.recorder.close(self._never_started(), complete=self._reader.exhausted)
                self._ended = True

    def _never_started(self) -> Iterator[Entry]:
        yield from self._reader.left
        state = self.state
        if state.total is not None and self._reader.failure is None:
            for number in range(self._reader.count + len(self._reader.left), state.total):
                item, part = divmod(number, len(state.tasks))
                if (entry := state.inputs.at(state.inputs.first + item)) is not None:
                    yield replace(entry, part=part)

    def count(self) -> None:
        """Count the inputs anew, as other processes have written them down; the others were not started."""
        state = self.state
        counts = Counter[str]()
        for task in state.tasks:
            counts.update(state.journal.read(rows.counts(task.batch)))
        self.recorder.submitted = max(state.total or 0, counts.total())
        counts["not_started"] += self.recorder.submitted - counts.total()
        self.recorder.counts = counts

    def close(self) -> None:
        """Close the journal and the cache.

        Raises:
            JournalError: Something that was paid for could not be kept.
        """
        self.holdings.close()

    def raise_for_cause(self) -> None:
        """Raise the error that ended the batch early, if there is one.

        A batch that the user has stopped, or that has reached a limit, has no such error.

        Raises:
            PausedError: The service is down, a quota is spent, or the like.
            BaseException: What a worker or the iterator of the inputs has raised, or an error that would meet every
                input, as it was raised.
        """
        if failure := self._failure or self._worker.failure:
            raise failure
        cause = self.state.policy.cause
        if cause is None:
            return
        if isinstance(cause, (*HOPELESS, JournalError, ForbiddenError, TLSError)):
            raise cause
        raise PausedError(
            f"paused with {self.recorder.done} of {self.state.total or self.recorder.submitted} done: {cause}",
            advice=f"Run the same again {resume_at(cause)}: what is finished is not paid for again.",
        ) from cause


def _enlist(journal: AnyJournal, session: Session, tasks: Sequence[Task], part: PartOf) -> None:
    """Enter the list that this batch is a part of, and give each task the numbers of its batch and its run.

    Each list is a batch of its own in the journal of a keeper, so that its parts can be run anywhere, and again.
    """
    for task in tasks:
        digest = sha256(f"{task.digest} {part.list}".encode()).hexdigest()
        options = json.dumps(task.shown_options(), default=str)
        entered = queries.enlist(
            digest, session.provider.name, task.operation, options, version=__version__, now=timestamp()
        )
        task.batch, task.run = journal.ask(entered)


def _begun(journal: AnyJournal, session: Session, tasks: Sequence[Task], settings: Settings) -> Limits:
    """Return the limits of the batch with what earlier runs have spent, and prepare the journal for this run.

    Each task gets the numbers of its batch and its run. The inputs that a killed run has not written down are entered.
    A keeper has done both already.
    """
    for task in tasks if not journal.shared else ():
        task.batch, task.run = journal.ask(
            queries.begin(
                task.digest,
                session.provider.name,
                task.operation,
                task.shown_options(),
                version=__version__,
                now=timestamp(),
            )
        )
        journal.ask(rows.mend(task.batch, KILLED))
    spent = [journal.read(queries.spent(task.batch)) for task in tasks]
    requests, units = map(sum, zip(*spent, strict=True))
    return Limits(settings.max_requests, settings.max_units, requests, units)


def _mark_suspect(journal: AnyJournal, call: int) -> None:
    journal.do(queries.suspect(call))


def _excuse(journal: AnyJournal, streak: int) -> None:
    journal.do(queries.excuse(streak))


def _rates(session: Session, tasks: Sequence[Task], pace: Any) -> tuple[Rate, ...]:
    """Return the rates of a pace; for "free", those of the vendor's free tier.

    Raises:
        SettingsError: It is no pace, or no pace of a free tier is known.
    """
    if pace != "free":
        return rates(pace)
    known: dict[str, None] = {}
    for task in tasks:
        if task.free is None:
            raise SettingsError(
                f"no pace of a free tier is known for {task.operation} of {session.provider.name}",
                advice='Give it, for example pace="20/min".',
            )
        known[task.free] = None
    return rates(list(known))
