"""The heart of a batch, in threads or tasks alike: inputs go in, workers take them through, outcomes come out.

A worker is a program (``effects.py``), so the same code runs under both drivers.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import count, islice
from typing import Any, Generic, TypeVar

from cloudai._version import __version__
from cloudai.batch import cache, queries
from cloudai.batch.coalesce import Defer, coalesce
from cloudai.batch.codec import error_of, result_of, written_error, written_result
from cloudai.batch.hooks import ItemHooks, Reading
from cloudai.batch.inputs import Entry, Inputs
from cloudai.batch.journal import Journal
from cloudai.batch.policy import SLOW_START, TROUBLE, Policy
from cloudai.batch.queries import CallRecord, ItemRecord
from cloudai.batch.queues import OutcomeQueue, Semaphore
from cloudai.batch.reader import Reader
from cloudai.batch.results import DONE, pages
from cloudai.batch.settings import Settings
from cloudai.batch.task import Task, tasks_of
from cloudai.core.call import CallContext
from cloudai.core.effects import Persist, Program, Wait
from cloudai.core.engine import Engine
from cloudai.core.flow import Call
from cloudai.core.rate_limit import Rate, rates
from cloudai.errors import (
    HOPELESS,
    BadRequestError,
    CloudAIError,
    DeadlineExceededError,
    ForbiddenError,
    InputError,
    JournalError,
    MalformedResponseError,
    NotStartedError,
    PausedError,
    RateLimitedError,
    ReplayError,
    ServerError,
    SettingsError,
    TLSError,
    UnsupportedOperationError,
)
from cloudai.media.source import Source
from cloudai.models.base import Many, Result
from cloudai.operations import Given, digest_of, given_as, recalled
from cloudai.outcomes import Outcome
from cloudai.session import Session

__all__ = ["Runner"]

R = TypeVar("R", bound=Result)

ONE_FOR_ALL = (400, 413, 415, 422)
"""Statuses by which a service refuses a whole request because of one item in it."""

PREPARING = (os.cpu_count() or 2) + 2
"""Workers with many inputs that prepare them at once: every core has something to do, and the disk."""

ROUNDS = 3
"""How often an input is tried before it counts as failed, where others fare better."""


@dataclass
class _Ended:
    """How an input ended."""

    status: str
    result: Result | None = None
    error: Exception | None = None
    attempts: int = 0
    billed: tuple[int, int] = (0, 0)
    facts: dict[str, Any] = field(default_factory=dict)
    settle: tuple[str, dict[str, Any]] | None = None
    """The state of the call, and what else is written down of it."""
    unpaid: str | None = None
    """The place of a good reply that cannot be used."""


class Runner(Policy, Generic[R]):
    """One batch; a client's `Batch` or `AsyncBatch` runs its workers and reads its outcomes."""

    def __init__(self, session: Session, operations: str | Sequence[str], given: Any, settings: Settings) -> None:
        settings.check()
        self.session, self.provider = session, session.provider
        self.asked = tasks_of(session.provider, operations, settings.options)
        self.engine = session.engine
        self.clock: Callable[[], float] = self.engine.clock
        self.offline = self.engine.offline
        self.settings = settings
        self.inputs = Inputs(self.asked[0].operation, given, settings.column, settings.keep)
        self.rates = self._paced(settings.pace)
        self.cache = cache.cache_of(session, [asked.operation for asked in self.asked], settings.cache)
        self.journal = Journal(settings.journal)
        self.began = False
        self.waiting_until: float | None = None
        self.submitted = 0
        self.counts: Counter[str] = Counter()
        try:
            for asked in self.asked:
                asked.batch, asked.number = self.journal.ask(
                    queries.begin(
                        asked.digest,
                        self.provider.name,
                        asked.operation,
                        asked.shown_options(),
                        version=__version__,
                        now=_now(),
                    )
                )
            spent = [self.journal.read(queries.spent(asked.batch)) for asked in self.asked]
        except BaseException:
            self.journal.close()
            raise
        super().__init__(self.clock, settings.max_requests, settings.max_units, *map(sum, zip(*spent, strict=True)))
        self._intake = Reader(iter(()), self._submitted)
        self._claims: dict[str, Future[None] | None] = {}
        self._suspects: list[int] = []
        """Calls that went without an answer since the last good one."""
        self._open: dict[tuple[int, int], tuple[Entry, CallRecord | None]] = {}
        self._workers = 0
        self.failure: BaseException | None = None
        """Of the inputs themselves, or a fault of our own."""
        self.outcomes = OutcomeQueue(0)
        self._places = Semaphore(PREPARING)
        self.reader = Engine(self.provider, offline=True, clock=self.clock)

    # -- what is asked -----------------------------------------------------------------------------------------

    def _paced(self, pace: Any) -> tuple[Rate, ...]:
        if pace != "free":
            return rates(pace)
        known: dict[str, None] = {}
        for asked in self.asked:
            if asked.free is None:
                raise SettingsError(
                    f"no pace of a free tier is known for {asked.operation} of {self.provider.name}",
                    advice='Give it, for example pace="20/min".',
                )
            known[asked.free] = None
        return rates(list(known))

    @property
    def name(self) -> str:
        """What is asked, in words."""
        return ", ".join(asked.operation for asked in self.asked)

    @property
    def total(self) -> int | None:
        """How many outcomes there will be: one for each input and operation; None where that is not known."""
        return None if self.inputs.total is None else self.inputs.total * len(self.asked)

    @cached_property
    def inputs_per_request(self) -> int:
        """Inputs, times operations, in one request."""
        most = max(asked.max_per_request for asked in self.asked)
        return most * len(self.asked) if most > 1 else 1

    @property
    def concurrency(self) -> int:
        """Requests at once; one where a cassette answers, which may hold its replies in order."""
        if self.offline:
            return 1
        usual = 8 if self.provider.hosts else max(1, (os.cpu_count() or 2) - 1)
        usual = 4 if self.inputs_per_request > 1 else usual  # each has many inputs in memory
        most: int = self.session.options.max_concurrency
        return max(1, min(self.settings.concurrency or usual, most))

    # -- workers -----------------------------------------------------------------------------------------------

    def begin(self) -> list[Program[None]]:
        """The programs of the workers."""
        self.began = True
        for asked in self.asked:
            self.journal.ask(queries.anew(asked.batch, asked.number))
        entries = (part for entry in self.inputs for part in self._parts(entry))
        self._intake = Reader(entries, self._submitted)
        if not self.going:
            self._intake.close()  # stopped before it began
        self._workers = self.concurrency
        self.outcomes = OutcomeQueue(self._workers * self.inputs_per_request)
        return [self._worker(number) for number in range(self._workers)]

    def _worker(self, number: int) -> Program[None]:
        try:
            if number >= SLOW_START:
                yield Wait(self.alive)
            yield from coalesce(self._more, self._handed_out, self.inputs_per_request, self._preparing)
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # also of a `send` of the user's
            self.failure = self.failure or error
            self.stop()
            raise
        finally:
            self._wake()  # there are no more inputs: who waits for a sign of life would wait for ever
            with self._lock:
                self._workers -= 1
                last = not self._workers
            if last:
                self.outcomes.close()

    def _preparing(self, going: Program[None]) -> Program[None]:
        """Many inputs at a time in a few places: more would only lie in memory. Who fetches them waits for others."""
        return going if self.inputs_per_request == 1 or self.engine.fetching else self._places.hold(going)

    def _more(self, n: int, wait: bool) -> Program[list[Program[Outcome[R]]]]:
        """The next inputs, as programs."""
        try:
            taken: list[Entry] = yield Wait(self._intake.take(n, wait=wait))
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001
            # Of the iterator that makes them; what was taken before goes on to its end.
            self.failure = self.failure or error
            self._intake.close()
            return []
        return [self._item(entry) for entry in taken]

    def _parts(self, entry: Entry) -> list[Entry]:
        """An input, for each operation once; its bytes are read once."""
        if len(self.asked) == 1:
            return [entry]
        with suppress(InputError):  # told of each
            source = given_as(self.asked[0].operation, entry.given)
            if hasattr(entry.given, "read") and isinstance(source, Source):
                _ = source.data  # two workers must not read one file
            entry = replace(entry, given=source)
        return [replace(entry, part=part) for part in range(len(self.asked))]

    def _submitted(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            self.submitted += len(entries)
            self._open |= {entry.position: (entry, None) for entry in entries}

    def stop(self) -> None:
        """Take up no more inputs, and send nothing more; what is on its way is waited for."""
        super().stop()
        self._intake.close()

    def _handed_out(self, outcome: Outcome[R]) -> Program[None]:
        if not (room := self.outcomes.put(outcome)).done():
            yield Wait(room)

    def _item(self, entry: Entry) -> Program[Outcome[R]]:
        """An input from the beginning to the end."""
        came, asked = self.clock(), self.asked[entry.part]
        facts: dict[str, Any] = {"started_at": _now(), "cached": False}
        try:
            source = given_as(asked.operation, entry.given)
            if self.engine.fetching and isinstance(source, Source):
                job = self.session.context(asked.operation, source, asked.call_options)
                yield from self.engine.prepare(source.fetched(), job)
            digest = yield Call(partial(digest_of, source))
            # Of what several operations look at, each has its own frame.
            given = copy(source) if len(self.asked) > 1 else source
        except (InputError, DeadlineExceededError) as error:
            return self._entered(entry, came, None, _Ended("failed", error=error, facts=facts))
        facts["sha256"] = digest
        entry = entry if entry.name or isinstance(given, str) else replace(entry, name=given.name)
        key = asked.key_of(digest)
        while (others := self._claim(key)) is not None:
            yield Defer(others)  # type: ignore[misc]  # lockstep's own
        standing: CallRecord | None = None
        try:
            try:
                name = entry.written(digest)
                standing = yield Persist(
                    self.journal,
                    queries.stand(asked.batch, asked.number, entry.item, key=key, sha256=digest, name=name),
                )
                assert standing is not None  # noqa: S101  # for the types
                with self._lock:
                    if entry.position in self._open:  # else the end has not waited for it
                        self._open[entry.position] = entry, standing
                ended = yield from self._taken(entry, given, standing)
            except JournalError as error:
                self.pause(error)
                ended = _Ended("not_started", error=error)
            ended.facts = {**facts, **ended.facts}
            return self._entered(entry, came, standing, ended)
        finally:
            # Not before it is handed to the journal: a copy must find what became of it.
            self._release(key)

    def _claim(self, key: str) -> Future[None] | None:
        """Take the call; a future to wait for where another input with the same bytes has it."""
        with self._lock:
            if key not in self._claims:
                self._claims[key] = None
                return None
            waited_for = self._claims[key] = self._claims[key] or Future()
            return waited_for

    def _release(self, key: str) -> None:
        with self._lock:
            waited_for = self._claims.pop(key)
        if waited_for:
            waited_for.set_result(None)

    def _taken(self, entry: Entry, given: Given, standing: CallRecord) -> Program[_Ended]:
        """By what the journal knows: answered from it, left alone, or asked."""
        known = {"duplicate_of": standing.first, "cached": standing.first is None}
        billed = _owed(standing, standing.paid, standing.most)
        if standing.state == "done":
            result = result_of(self.asked[entry.part].operation, standing, entry.written(digest_of(given)))
            if result is not None:
                return _Ended("ok", result=result, attempts=standing.attempts, billed=billed, facts=known)
        if standing.state == "failed" and standing.error:
            error = error_of(standing.error)
            return _Ended("failed", error=error, attempts=standing.attempts, billed=billed, facts=known)
        if standing.in_doubt and self.settings.in_doubt == "skip":
            doubt = NotStartedError("something was sent in an earlier run, and what became of it is not known")
            return _Ended("skipped", error=doubt, attempts=standing.attempts, billed=billed)
        asked = self.asked[entry.part]
        result = yield from cache.recall(self, asked, entry, given, standing)
        if result is not None:
            return _Ended("ok", result=result, attempts=standing.attempts, billed=billed, facts=known)
        return (yield from self._sent(asked, given, standing))

    def _sent(self, asked: Task, given: Given, standing: CallRecord) -> Program[_Ended]:
        """Call the provider, again where the service was at fault and has recovered."""
        began, first = None, standing
        most = self.inputs_per_request
        for round_ in count(1):
            ledger = ItemHooks(self, given, standing, most)
            job = self.session.context(asked.operation, given, asked.call_options)
            job.hooks = ledger
            job.attempts, job.billed_min, job.billed_max = standing.attempts, standing.paid, standing.most
            try:
                self.require_going()
                result = yield from self.engine.run(asked.flow(given), job)
            except Exception as error:  # noqa: BLE001  # judged here
                ended = self._judged(error, round_, job, ledger)
                began = began if began is not None else ledger.began
                if ended is None:
                    most = max(1, ledger.company // 2) if isinstance(error, BadRequestError) else most
                    standing = yield Wait(self.journal.do(queries.standing_of(standing.call), reads=True))
                    hint = getattr(error, "retry_after", None)
                    if hint is not None or isinstance(error, RateLimitedError):
                        with suppress(NotStartedError):  # the next round says so
                            yield from ledger.rest(hint or 1.0)
                    continue
                if ended.status == "not_started":
                    # An attempt before the batch stopped may have gone out.
                    ended.status = yield from self._unfinished(standing.call)
                if isinstance(error, MalformedResponseError) and job.exchanges:
                    ended.unpaid = ledger.last
            else:
                ended = _Ended("ok", result=result, settle=("done", written_result(result)))
            ended.attempts, ended.billed = job.attempts, _owed(first, job.billed_min, job.billed_max)
            ended.facts = {"host": ledger.host, "turn": began if began is not None else ledger.began, "cached": False}
            return ended
        raise AssertionError  # pragma: no cover

    def _unfinished(self, call: int) -> Program[str]:
        """Whether it is in doubt, or nothing was sent."""
        try:
            standing: CallRecord = yield Wait(self.journal.do(queries.standing_of(call), reads=True))
        except JournalError:
            return "not_started"
        return "in_doubt" if standing.in_doubt else "not_started"

    def _judged(self, error: Exception, round_: int, job: CallContext, ledger: ItemHooks) -> _Ended | None:
        """What an error means for the input; None where it is tried again."""
        held = bool(job.exchanges)
        kept = {"error": written_error(error)}
        again: tuple[str, dict[str, Any]] = ("open", kept)
        if isinstance(error, NotStartedError | JournalError):
            return _Ended("not_started", error=error)
        if isinstance(error, (*HOPELESS, TLSError)) or (isinstance(error, ForbiddenError) and not self.successes):
            self.pause(error)
        foreign = not isinstance(error, CloudAIError)  # of a `send` of the user's, or a fault of ours
        doubtful = job.state == "UNKNOWN" if foreign else getattr(error, "state", None) == "UNKNOWN"
        if not self.going and not isinstance(error, BadRequestError | InputError | MalformedResponseError):
            return _Ended("in_doubt" if doubtful else "not_started", error=error, settle=again if doubtful else None)
        if isinstance(error, UnsupportedOperationError):
            return _Ended("unsupported", error=error)
        one_for_all = isinstance(error, BadRequestError) and error.status in ONE_FOR_ALL
        if isinstance(error, RateLimitedError) or (one_for_all and ledger.company > 1):
            return None  # of those that it went out with another may be at fault: again, with half of them
        if isinstance(error, TROUBLE) or (foreign and doubtful):
            return self._troubled(error, round_, job, ledger)
        # What was refused is not paid for again; a reply that could not be read is, for nothing, once we can.
        for_good = isinstance(error, BadRequestError) or (isinstance(error, MalformedResponseError) and not held)
        return _Ended("failed", error=error, settle=("failed", kept) if for_good else again)

    def _troubled(self, error: Exception, round_: int, job: CallContext, ledger: ItemHooks) -> _Ended | None:
        """The same, of an error that may be the service's fault."""
        kept = {"error": written_error(error)}
        state = getattr(error, "state", job.state)
        alone = ledger.others_fared_better or ledger.suspect
        if state == "UNKNOWN":
            if ledger.tries >= ROUNDS and alone:
                return _Ended("failed", error=error, settle=("failed", kept))
            self._suspect(ledger.call)
            return _Ended("in_doubt", error=error, settle=("open", kept))
        if isinstance(error, ServerError) and state == "REFUSED" and error.retry_after is None:
            # An answer: the service's where it answers everybody so.
            self._suspect(ledger.call)
            if not self.successes and not alone:
                return _Ended("not_started", error=error)
            return _Ended("failed", error=error, settle=("failed" if job.attempts >= ROUNDS else "open", kept))
        if isinstance(error, DeadlineExceededError):
            self.trouble(error)  # its time was up before anything went out
            alone = True
        return _Ended("failed", error=error, settle=("open", kept)) if alone and round_ >= ROUNDS else None

    def _suspect(self, call: int) -> None:
        with self._lock:
            self._suspects.append(call)

    def sign_of_life(self) -> None:
        """The service has answered well: who went without an answer may have been at fault."""
        super().sign_of_life()
        if self._suspects:
            self._tell_suspects()

    def _tell_suspects(self) -> None:
        with self._lock:
            suspects, self._suspects = self._suspects, []
        for call in suspects:
            self.journal.do(queries.suspect(call))

    def _entered(
        self, entry: Entry, came: float, standing: CallRecord | None, ended: _Ended, *, by_end: bool = False
    ) -> Outcome[R]:
        """Write down what became of an input, and say it."""
        asked, turn = self.asked[entry.part], ended.facts.pop("turn", None)
        status, counted = ended.status, None
        if ended.result is not None:
            status, counted = _found(ended.result)
        elif status == "not_started" and standing and standing.in_doubt:
            status = "in_doubt"
        meta = ended.result.meta if ended.result is not None else None
        facts = {
            "provider": self.provider.name,
            "method": meta.method if meta else None,
            "count": counted,
            "attempts": ended.attempts,
            "billed_min": ended.billed[0],
            "billed_max": ended.billed[1],
            "queued_s": None if turn is None else round(turn - came, 3),
            "elapsed_s": None if ended.facts.get("cached") else round(self.clock() - (turn or came), 3),
            "finished_at": _now(),
            "sent_bytes": meta.sent_bytes if meta else None,
            "prepared": meta.prepared if meta else None,
            "is_path": entry.is_path,
            **ended.facts,
        }
        entered = ItemRecord(
            item=entry.item,
            name=entry.written(facts.get("sha256")),
            status=status,
            facts=facts,
            call=standing.call if standing else None,
            row=self.inputs.kept(entry),
            error=written_error(ended.error) if ended.error else None,
        )
        with self._lock:
            expected = by_end or self._open.pop(entry.position, None) is not None
            self.counts[status] += expected
        if expected:  # or the end did not wait for it, and has entered it already
            self._write(asked, entered, ended)
        return Outcome(
            entry.item,
            entry.shown,
            ended.result,  # type: ignore[arg-type]
            ended.error,
            row=entry.row,
            status=status,
            facts=facts,
            operation=asked.operation,
        )

    def _write(self, asked: Task, entered: ItemRecord, ended: _Ended) -> None:
        def work(db: queries.Database) -> None:
            if entered.call is not None:
                if ended.unpaid:
                    queries.unpaid(entered.call, ended.unpaid)(db)
                if ended.settle:
                    state, columns = ended.settle
                    queries.settle(entered.call, asked.number, entered.item, state, **columns)(db)
                    if state == "done":
                        cache.keep(self, asked, db, entered.call)
            queries.enter(asked.batch, entered)(db)

        # Nobody waits: it is on disk with the next request's intention, and till then the replies can be read again.
        self.journal.post(work)

    # -- the end -----------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Enter what was taken up and not ended, and the inputs that were never taken up, where they can be told."""
        if self.cause is None and self.successes:
            self._tell_suspects()
        with self._lock:
            left, self._open = list(self._open.values()), {}
        for entry, first in left:
            standing = None if first is None else self.journal.read(queries.standing_of(first.call))
            sent = standing is not None and standing.in_doubt
            error = NotStartedError(f"the batch ended before {'its reply came' if sent else 'this'}")
            ended = _Ended("not_started", error=error)
            if first is not None and standing is not None:
                ended.attempts, ended.billed = standing.attempts, _owed(first, standing.paid, standing.most)
            self._entered(entry, self.clock(), standing, ended, by_end=True)
        never = self._never_taken_up()
        while some := list(islice(never, AT_THE_END)):
            self.submitted += len(some)
            self.counts["not_started"] += len(some)
            work = queries.enter_all([(self.asked[e.part].batch, self._not_begun(e)) for e in some])
            try:
                self.journal.ask(work)
            except JournalError:
                self.journal.rescue(work)

    def _never_taken_up(self) -> Iterator[Entry]:
        yield from self._intake.left
        if self.total is not None and self._intake.failure is None:
            for number in range(self._intake.count + len(self._intake.left), self.total):
                item, part = divmod(number, len(self.asked))
                if (entry := self.inputs.at(item)) is not None:
                    yield replace(entry, part=part)

    def _not_begun(self, entry: Entry) -> ItemRecord:
        facts = {"provider": self.provider.name, "attempts": 0, "billed_min": 0, "billed_max": 0, "finished_at": _now()}
        return ItemRecord(
            entry.item,
            entry.written(None),
            "not_started",
            {**facts, "is_path": entry.is_path},
            row=self.inputs.kept(entry),
            error=NOT_BEGUN,
        )

    def close(self) -> None:
        """Let the journal and the cache go; JournalError where something that was paid for could not be kept."""
        try:
            self.journal.close()
        finally:
            if self.cache is not None:
                self.cache.close()

    def raise_for_cause(self) -> None:
        """The error that ended the batch early, where one did."""
        if self.failure is not None:
            raise self.failure
        cause = self.cause
        if cause is None:
            return
        if isinstance(cause, (*HOPELESS, JournalError, ForbiddenError, TLSError)):
            raise cause
        done = sum(self.counts[status] for status in DONE)
        raise PausedError(
            f"paused with {done} of {self.total or self.submitted} done: {cause}",
            advice=f"Run the same again {self.resume()}: what is finished is not paid for again.",
        ) from cause

    @property
    def books(self) -> dict[str, int]:
        """How many inputs were submitted, and how each ended."""
        done = sum(self.counts[status] for status in DONE)
        failed = self.counts["failed"] + self.counts["unsupported"]
        rest = {name: self.counts[name] for name in ("in_doubt", "skipped", "not_started")}
        return {"submitted": self.submitted, "done": done, "failed": failed, **rest}

    @property
    def balanced(self) -> bool:
        """Whether every input has ended somehow, once."""
        submitted, *ends = self.books.values()
        return submitted == sum(ends)

    # -- reading what was kept -----------------------------------------------------------------------------------

    def readings(self) -> Iterator[tuple[Task, ItemRecord, CallRecord, Program[R]]]:
        """For each input with replies a program that reads them anew, sending nothing and needing no picture."""
        for asked in self.asked:
            for entered, standing in pages(self.journal, asked.batch):
                if standing is None or not standing.held:
                    continue
                memory = json.loads(standing.memory or "{}")
                given = recalled(asked.operation, entered.name, entered.facts.get("sha256", ""), memory)
                entry = self.inputs.at(entered.item)
                if given is None and entry is not None and entry.is_of(entered.facts.get("sha256")):
                    given = entry.given
                if given is None:
                    continue  # a text that is not here any more: its result stays as it was read
                yield asked, entered, standing, self.reading(asked, given, standing)

    def reading(self, asked: Task, given: Given, standing: CallRecord) -> Program[R]:
        """Read the replies of a call anew, sending nothing."""
        job = self.session.context(asked.operation, given, asked.call_options)
        job.hooks = Reading(standing)
        job.attempts, job.billed_min, job.billed_max = standing.attempts, standing.paid, standing.most
        return self.reader.run(asked.flow(given), job)

    def reread(
        self, asked: Task, entered: ItemRecord, standing: CallRecord, result: Result | None, error: Exception | None
    ) -> None:
        """Keep what a reading found."""
        if isinstance(error, ReplayError):
            return  # not all of it was answered yet: it goes on with the next run
        status, counted = ("failed", None) if result is None else _found(result)
        ended = _Ended(status, result=result, error=error)
        if result is not None:
            ended.settle = "done", written_result(result)
        elif error is not None:
            ended.settle = "open", {"error": written_error(error), "result": None}
        facts = {**entered.facts, "count": counted}
        again = ItemRecord(
            entered.item,
            entered.name,
            status,
            facts,
            standing.call,
            entered.row,
            written_error(error) if error else None,
        )
        self._write(asked, again, ended)


AT_THE_END = 500
"""Inputs that are entered at once where the batch did not come to them."""

NOT_BEGUN = written_error(NotStartedError("the batch ended before this"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _owed(standing: CallRecord, least: int, most: int) -> tuple[int, int]:
    """Units of an input: of a copy those that came on top, for the first one has the others."""
    if standing.first is None:
        return least, most
    return max(0, least - standing.paid), max(0, most - standing.most)


def _found(result: Result) -> tuple[str, int]:
    """The status of a result, and of how many things it is."""
    return str(result.to_rows()[0]["status"]), len(result) if isinstance(result, Many) else 1
