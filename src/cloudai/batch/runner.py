"""The runner begins and ends a batch: it opens the journal, makes the workers, and tells why the batch has ended."""

from __future__ import annotations

import json
import threading
from asyncio import CancelledError
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Generic, NamedTuple, TypeVar

from cloudai._version import __version__
from cloudai.batch import cache, queries, rows
from cloudai.batch.holdings import Holdings
from cloudai.batch.inputs import Entry, Inputs, PartOf
from cloudai.batch.journal import Journal
from cloudai.batch.limits import Limits
from cloudai.batch.outage import Tries
from cloudai.batch.policy import Policy, resume_at
from cloudai.batch.queues import OutcomeQueue
from cloudai.batch.reader import PATIENCE, Reader
from cloudai.batch.recorder import KILLED, Recorder, timestamp
from cloudai.batch.settings import Settings
from cloudai.batch.shared.remote import AT_END, RemoteJournal
from cloudai.batch.state import BatchState
from cloudai.batch.statements import AnyJournal
from cloudai.batch.task import Task, tasks_of
from cloudai.batch.worker import Worker
from cloudai.core.effects import Program
from cloudai.core.rate_limit import Rate, rates
from cloudai.errors import (
    HOPELESS,
    ForbiddenError,
    JournalError,
    PausedError,
    SettingsError,
    TLSError,
    UnsupportedOperationError,
)
from cloudai.fallback import Several
from cloudai.models.base import Result
from cloudai.session import Session

__all__ = ["Runner", "SharedJournal"]

R = TypeVar("R", bound=Result)


class SharedJournal(NamedTuple):
    """A journal that several batches use at the same time, and which of them one is."""

    journal: AnyJournal
    number: int
    """The number of the batch among those that share the journal, from 0."""
    of: int
    """How many share it."""


class Runner(Generic[R]):
    """Runs one batch, in threads or in tasks: workers take inputs from a reader, and put outcomes into a queue.

    Args:
        session: The client's provider, engine, driver and options.
        operations: The name of the operation, or a list of names.
        given: The inputs.
        settings: The settings of the batch.
        shared: The journal that the batch shares with others; None opens its own.

    Raises:
        SettingsError: An option or setting cannot be used.
        InputError: ``given`` is one input and not many.
        UnsupportedOperationError: The chat model is asked, and no provider has one that answers the operation.
        JournalError: The journal cannot be used.
    """

    def __init__(
        self,
        session: Session | Several,
        operations: str | Sequence[str],
        given: Any,
        settings: Settings,
        shared: SharedJournal | None = None,
    ) -> None:
        settings.check()
        sessions, tasks = _able_to(_in_turn(session, operations), operations, settings)
        inputs = Inputs(tasks[-1][0].operation, given, settings.column, settings.keep, first=settings.first)
        paces = [_rates(each, own, settings.pace) for each, own in zip(sessions, tasks, strict=True)]
        names = [task.operation for task in tasks[-1]]
        stores = [cache.cache_of(each, names, settings.cache and not settings.shared) for each in sessions]
        journal, number, among = shared or SharedJournal(_opened(settings), 0, 1)
        remote = journal if isinstance(journal, RemoteJournal) else None
        stopped: list[int] = []
        """The batches that somebody has stopped everywhere before this one is made."""
        self.holdings = Holdings(journal, stores, owns_journal=shared is None)
        try:
            if remote is not None:
                paces = [remote.rates] * len(sessions)
                remote.when_stopped(stopped.append)
            part = (settings.part or inputs.part) if journal.shared else None
            limits = _begun(journal, sessions, tasks, settings, part)
            last = journal.read(queries.last_streak)
        except BaseException:
            self.holdings.close()
            raise
        states: list[BatchState] = []
        for n, each in enumerate(sessions):
            # All providers of all batches write their streaks into one journal. So that no two streaks get the same
            # number, each provider begins at a number of its own, and counts on in steps of the number of all of them.
            tries = Tries(partial(_excuse, journal), last + number * len(sessions) + n, among * len(sessions))
            divides, suspect = each.options.on_unknown == "retry", partial(_mark_suspect, journal)
            policy = Policy(each.options.clock, limits, suspect, tries, divides=divides)
            policy.when_stopped = journal.let_go
            is_last = each is sessions[-1]
            states.append(
                BatchState(
                    *(each, tasks[n], settings, inputs, paces[n], journal, stores[n], policy),
                    before=tuple(states) if is_last else (),
                    turns=None if remote is None or each.options.offline else remote.turns,
                    cooldowns=()
                    if is_last
                    else tuple(each.cooldown(t.operation, t.call_options.get("method")) for t in tasks[n]),
                )
            )
        self.state = states[-1]
        self.recorder: Recorder[R] = Recorder(self.state)
        self.outcomes = OutcomeQueue(0)
        self.began = False
        self._failure: BaseException | None = None
        """The exception that a worker has raised."""
        self._reader = Reader(iter(()), self.recorder.submit)
        self._worker: Worker[R] = Worker(self.state, self.recorder, self._reader, self.outcomes)
        self._working = 0
        self._ending = threading.Lock()
        self._ended = False
        if remote is not None:
            remote.when_stopped(self._stop_of)
            for batch in stopped:
                self._stop_of(batch)

    def begin(self) -> list[Program[None]]:
        """Begin the run, and return the programs of its workers."""
        self.began = True
        state = self.state
        # With a keeper, all parts of a list belong to one run: see `queries.enlist`.
        if not state.journal.shared:
            for task in state.tasks:
                state.journal.ask(queries.anew(task.batch, task.run))
        entries = state.inputs.parts([task.operation for task in state.tasks])
        # The reader waits for as many frames as fill a request, so that the same frames share one in every run, however
        # fast they are decoded.
        patience = None if state.inputs.wait_for_nobody else PATIENCE
        self._reader = self.holdings.reader = Reader(entries, self.recorder.submit, patience)
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
        for state in self.state.in_turn:
            state.policy.stop()
        self._reader.close()

    def _stop_of(self, batch: int) -> None:
        """Stop, because somebody has stopped a batch of this number in all processes."""
        if batch in [task.batch for task in self.state.tasks]:
            self.stop()

    def stop_everywhere(self) -> None:
        """Stop all processes that carry out parts of this batch with the same keeper; without one, do nothing."""
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
        """Yield the inputs that no worker has taken.

        Those that were not taken from the user's iterable yet are left out if that is no sequence, or has failed.
        """
        yield from self._reader.left
        state = self.state
        if state.total is not None and self._reader.failure is None:
            for number in range(self._reader.count + len(self._reader.left), state.total):
                item, part = divmod(number, len(state.tasks))
                if (entry := state.inputs.at(state.inputs.first + item)) is not None:
                    yield replace(entry, part=part)

    def count(self) -> None:
        """Count the inputs anew, as other processes have written them down; the others were not started."""
        self.counted([self.state.journal.read(rows.counts(task.batch)) for task in self.state.tasks])

    def counted(self, by_task: Sequence[Mapping[str, int]]) -> None:
        """Take over the numbers of inputs by status that the journal has for each task."""
        counts = Counter[str]()
        for each in by_task:
            counts.update(each)
        self.recorder.submitted = max(self.state.total or 0, counts.total())
        counts["not_started"] += self.recorder.submitted - counts.total()
        self.recorder.counts = counts

    def close(self) -> None:
        """Close the journal, if the batch owns it, and the caches.

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


def _in_turn(session: Session | Several, operations: str | Sequence[str]) -> tuple[Session, ...]:
    """Return the sessions of the providers in the order in which they are asked.

    The last one is waited for where all others fail, so it has to be able to answer: those behind the last that can are
    put before it. They are asked for nothing, but the journal may have answers of theirs.
    """
    if isinstance(session, Session):
        return (session,)
    names = [operations] if isinstance(operations, str) else list(operations)
    able = [each for each in session.sessions if all(map(each.provider.supports, names))]
    last = [*session.sessions, *able][-1]
    return (*(each for each in session.sessions if each is not last), last)


def _able_to(
    sessions: Sequence[Session], operations: str | Sequence[str], settings: Settings
) -> tuple[list[Session], list[tuple[Task, ...]]]:
    """Return the sessions with the tasks of each; of several, one that has no chat model is left out if one is asked.

    Raises:
        SettingsError: See `tasks_of`.
        UnsupportedOperationError: No provider has such a chat model.
    """
    able: list[tuple[Session, tuple[Task, ...]]] = []
    problem: UnsupportedOperationError | None = None
    for session in sessions:
        try:
            able.append((session, tasks_of(session.provider, operations, settings.options)))
        except UnsupportedOperationError as error:
            problem = problem or error
    if problem is not None and not able:
        raise problem
    return [session for session, _ in able], [tasks for _, tasks in able]


def _opened(settings: Settings) -> AnyJournal:
    """Return the journal of the batch: the file that was named, or the one of a keeper."""
    return RemoteJournal(settings.journal) if settings.shared else Journal(settings.journal)


def _begun(
    journal: AnyJournal,
    sessions: Sequence[Session],
    tasks: Sequence[Sequence[Task]],
    settings: Settings,
    part: PartOf | None,
) -> Limits:
    """Return the limits of the batch with what earlier runs have spent, and prepare the journal for this run.

    The tasks of all providers for one operation get the numbers of one batch and one run. The inputs that a killed run
    has not written down are entered.

    Where a keeper has the journal, each list of inputs is a batch of its own, so that its parts can be run anywhere and
    again; ``part`` names the list. The keeper enters itself what killed workers have not written down.
    """
    batches = []
    for of_all in zip(*tasks, strict=True):
        # The digests are sorted, because the order in which the providers are asked makes no other batch.
        digests = sorted(task.digest for task in of_all)
        digest = digests[0] if len(digests) == 1 else sha256(" ".join(digests).encode()).hexdigest()
        names = ", ".join(session.provider.name for session in sessions)
        shown = of_all[0].shown_options()
        facts = {"version": __version__, "now": timestamp()}
        begun = queries.begin(digest, names, of_all[0].operation, shown, **facts)
        if part is not None:
            digest = sha256(f"{digest} {part.list}".encode()).hexdigest()
            begun = queries.enlist(digest, names, of_all[0].operation, json.dumps(shown, default=str), **facts)
        batch, run = journal.ask(begun)
        for task in of_all:
            task.batch, task.run = batch, run
        if part is None:
            journal.ask(rows.mend(batch, KILLED))
        batches.append(batch)
    if part is not None and (settings.max_requests, settings.max_units) != (None, None):
        requests, units = journal.ask(queries.used(batches))
        return Limits(settings.max_requests, settings.max_units, requests, units, batches)
    spent = [journal.read(queries.spent(batch)) for batch in batches]
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
    for task in tasks if session.provider.hosts else ():  # an engine on this computer has no pace
        if task.free is None:
            raise SettingsError(
                f"no pace of a free tier is known for {task.operation} of {session.provider.name}",
                advice='Give it, for example pace="20/min".',
            )
        known[task.free] = None
    return rates(list(known))
