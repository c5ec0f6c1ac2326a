"""The recorder writes down what becomes of each input of a batch, and keeps the books, which count the inputs."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

from cloudai.batch import queries, rows
from cloudai.batch.cache_store import CacheStore
from cloudai.batch.codec import written_error
from cloudai.batch.inputs import Entry
from cloudai.batch.policy import Ending
from cloudai.batch.queries import CallRecord
from cloudai.batch.results import DONE, outcome_of
from cloudai.batch.rows import ItemRecord
from cloudai.batch.state import BatchState
from cloudai.batch.statements import each
from cloudai.batch.task import Task
from cloudai.core.effects import Program, Wait
from cloudai.errors import JournalError, NotStartedError
from cloudai.models.base import Many, Result
from cloudai.models.image import ImageAnalysis
from cloudai.outcomes import Outcome, OutcomeStatus
from cloudai.storage import Database

__all__ = ["KILLED", "Recorder", "owed", "status_of", "timestamp"]

R = TypeVar("R", bound=Result)

AT_ONCE = 500
"""Inputs that are written down in one transaction, if the batch has never started them."""
NOT_BEGUN = written_error(NotStartedError("the batch ended before this"))
"""The error of an input that the batch has never started, as JSON."""
UNKNOWN = "it was sent, and the batch ended before it was known what became of it"
"""The error of an input that is in doubt when a run ends."""
KILLED = written_error(NotStartedError("the batch was ended before the reply was read"))
"""The error of an input for which a killed run has sent something, as JSON."""


class Recorder(Generic[R]):
    """Writes down what becomes of each input, and counts the inputs by their status.

    Args:
        state: The state of the batch.
    """

    def __init__(self, state: BatchState) -> None:
        self._state = state
        self.lock = threading.RLock()  # reentrant: a signal handler may stop the batch while it is held
        self._open: dict[tuple[int, int], tuple[Entry, CallRecord | None]] = {}
        """The inputs that were started and have not ended, by position, with what the journal knows of their calls."""
        self.submitted = 0
        """The number of inputs that were submitted."""
        self.counts: Counter[str] = Counter()
        """The number of inputs that have ended, by status."""

    def submit(self, entries: Sequence[Entry]) -> None:
        """Count these inputs as submitted, and note that they have not ended; nothing is written yet."""
        with self.lock:
            self.submitted += len(entries)
            self._open |= {entry.position: (entry, None) for entry in entries}

    def begin(self, entry: Entry, record: CallRecord) -> None:
        """Note what the journal knows of the call of an input that has not ended; nothing is written yet."""
        position = entry.position
        with self.lock:
            if position in self._open:  # otherwise the batch has ended without waiting for it
                self._open[position] = entry, record

    def finish(
        self, entry: Entry, arrived: float, record: CallRecord | None, ending: Ending, *, at_end: bool = False
    ) -> Outcome[R]:
        """Write down what became of an input, without waiting for the disk, and return its outcome.

        If the end of the batch has written the input down already, nothing more is written.

        Args:
            entry: The input.
            arrived: The time when it was started, by the clock of the policy.
            record: What the journal knows of its call.
            ending: The ending of the input.
            at_end: True in `close`, which has taken over the inputs that have not ended: the input is then written down
                and counted in any case.
        """
        task = self._state.tasks[entry.part]
        item = self._item(entry, arrived, record, ending)
        with self.lock:
            expected = at_end or self._open.pop(entry.position, None) is not None
            self.counts[item.status] += expected
        if expected:  # otherwise the end of the batch has written it down already
            self.write(task, item, ending)
        return Outcome(
            entry.item,
            entry.shown,
            ending.result,  # type: ignore[arg-type]
            ending.error,
            row=entry.row,
            status=item.status,
            facts=item.facts,
            operation=task.operation,
        )

    def leave(self, entry: Entry, arrived: float, record: CallRecord | None, ending: Ending) -> Program[Outcome[R]]:
        """Write down and count an input that this run has not answered, and return its outcome.

        If an earlier run or a copy of the input was answered, its outcome stays. If the journal cannot be written now,
        it is tried once more when the journal is closed.

        Args:
            entry: The input.
            arrived: The time when it was started, by the clock of the policy.
            record: What the journal knows of its call; None where it was not looked up.
            ending: The ending "not_started", with the reason.
        """
        task, journal = self._state.tasks[entry.part], self._state.journal
        item, known = self._item(entry, arrived, record, ending), None
        statement = self._left(entry, item)
        try:
            item = yield Wait(journal.do(statement))
            if item.call is not None:
                known = yield Wait(journal.do(queries.record_of(item.call), reads=True))
        except JournalError:
            journal.rescue(statement)
        with self.lock:
            expected = self._open.pop(entry.position, None) is not None
            self.counts[item.status] += expected
        return outcome_of(task.operation, item, known, entry)

    def _left(self, entry: Entry, item: ItemRecord) -> Callable[[queries.Database], ItemRecord]:
        """Return the function for `Journal.do` that writes down an input that this run has not answered."""
        task = self._state.tasks[entry.part]
        digest = entry.digest_at_hand(fetching=bool(self._state.session.engine.fetching))
        tasks = [] if digest is None else [state.tasks[entry.part] for state in self._state.in_turn]
        return rows.leave(task.batch, item, [each.key_of(digest or "") for each in tasks])

    def _item(self, entry: Entry, arrived: float, record: CallRecord | None, ending: Ending) -> ItemRecord:
        """Return what is written down of an input that was started.

        A result decides the status, whatever the ending says. An input that is "not_started", and for which an earlier
        attempt is in doubt, is "in_doubt". Call this once for each ending: `_facts` takes "sent_at" out of it.
        """
        status, count = ending.status, None
        if ending.result is not None:
            status, count = status_of(ending.result)
        elif status == "not_started" and record and record.in_doubt:
            status = "in_doubt"
        if status == "in_doubt" and isinstance(ending.error, NotStartedError):
            ending.error = NotStartedError(UNKNOWN)  # "paused before this" would deny that it was sent
        facts = _facts(self._state, entry, arrived, ending, count)
        return ItemRecord(
            item=entry.item,
            name=entry.written(facts.get("sha256")),
            status=status,
            facts=facts,
            call=record.call if record else None,
            row=self._state.inputs.kept(entry),
            error=written_error(ending.error) if ending.error else None,
            run=self._state.tasks[entry.part].run,
            others=record.others if record else (),
        )

    def write(self, task: Task, item: ItemRecord, ending: Ending) -> None:
        """Write an input and the state of its call to the journal, without waiting for the disk.

        Both are on disk with what the journal writes next, at the latest a moment later. Until then they can be made
        from the replies again. A call that is done is put into the cache, too.
        """
        finish = rows.finish(task.batch, item, ending.settle, ending.unusable_step)
        cache = self._state.of(item.facts.get("provider")).cache
        done = ending.settle is not None and ending.settle[0] == "done"
        if cache is None or item.call is None or not done:
            self._state.journal.post(finish)
        else:
            self._state.journal.post(partial(_finish_and_share, finish, cache, task.operation, item.call))

    def close(self, never_started: Iterator[Entry], *, complete: bool) -> None:
        """End the run: write down the inputs that were started and have not ended, and those that were never started.

        An input in doubt becomes "in_doubt". Any other keeps the answer that the journal has of an earlier run, and
        becomes "not_started" if there is none. If the journal cannot be written now, it is tried once more when the
        journal is closed.

        Args:
            never_started: The inputs that were never started, as far as they are known.
            complete: Whether the run came to the end of its inputs. A run with an input that is "not_started" does not
                count as complete.
        """
        for state in self._state.in_turn:
            # Nobody is to blame for what went without an answer in an outage, or where the service answered nobody.
            if state.policy.cause is None and state.policy.successes:
                state.policy.tell_suspects()
        with self.lock:
            left, self._open = list(self._open.values()), {}
        unanswered: list[tuple[Entry, ItemRecord]] = []
        for entry, first in left:
            record = None
            with suppress(JournalError):  # the journal is damaged, or its disk is gone: the input ends all the same
                if first is not None:
                    known = self._state.journal.read(queries.record_of(first.call))
                    record = replace(known, others=first.others)
            sent = record is not None and record.in_doubt
            ending = Ending("not_started", error=NotStartedError("the batch ended before this"))
            if first is not None and record is not None:
                ending.attempts, ending.billed = record.attempts, owed(first, record.paid, record.most)
            if sent:
                self.finish(entry, self._state.policy.clock(), record, ending, at_end=True)
            else:
                unanswered.append((entry, self._item(entry, self._state.policy.clock(), record, ending)))
        self._leave_all(unanswered)
        while some := [(entry, self._not_begun(entry)) for entry in islice(never_started, AT_ONCE)]:
            self.submitted += len(some)
            self._leave_all(some)
        self._wind_up(complete and not self.counts["not_started"])

    def _leave_all(self, unanswered: Sequence[tuple[Entry, ItemRecord]]) -> None:
        """Write down inputs that this run has not answered, and count each as what the journal knows of it."""
        statements = [self._left(entry, item) for entry, item in unanswered]
        statement = each(*statements)
        try:
            statuses = [item.status for item in self._state.journal.ask(statement)]
        except JournalError:
            self._state.journal.rescue(statement)
            statuses = [item.status for _, item in unanswered]
        self.counts.update(statuses)

    def _wind_up(self, complete: bool) -> None:
        """End the run in the journal, and count the inputs of earlier runs that an incomplete one has not come to."""
        if self._state.journal.shared:
            return  # other parts of the same list may still be carried out
        for task in self._state.tasks:
            statement = rows.wind_up(task.batch, task.run, complete=complete)
            try:
                earlier = self._state.journal.ask(statement)
            except JournalError:
                self._state.journal.rescue(statement)
                continue
            self.submitted += sum(earlier.values())
            self.counts.update(earlier)

    def _not_begun(self, entry: Entry) -> ItemRecord:
        """Return what is written down of an input that was never started."""
        facts = {
            "provider": self._state.providers,
            "attempts": 0,
            "billed_min": 0,
            "billed_max": 0,
            "finished_at": timestamp(),
            "is_path": entry.is_path,
        }
        return ItemRecord(
            entry.item,
            entry.written(None),
            "not_started",
            facts,
            row=self._state.inputs.kept(entry),
            error=NOT_BEGUN,
            run=self._state.tasks[entry.part].run,
        )

    @property
    def done(self) -> int:
        """The number of inputs that have a result."""
        return sum(self.counts[status] for status in DONE)

    @property
    def books(self) -> dict[str, int]:
        """The number of inputs submitted, and of those that ended as done, failed, in_doubt, skipped or not_started.

        Inputs that the provider does not support count as failed.
        """
        failed = self.counts["failed"] + self.counts["unsupported"]
        rest = {name: self.counts[name] for name in ("in_doubt", "skipped", "not_started")}
        return {"submitted": self.submitted, "done": self.done, "failed": failed, **rest}

    @property
    def balanced(self) -> bool:
        """True if every input that was submitted has ended exactly once."""
        submitted, *ends = self.books.values()
        return submitted == sum(ends)


def _facts(state: BatchState, entry: Entry, arrived: float, ending: Ending, count: int | None) -> dict[str, Any]:
    """Return the facts about a call that tables show besides its result, and remove "sent_at" from the ending."""
    sent_at = ending.facts.pop("sent_at", None)
    meta = ending.result.meta if ending.result is not None else None
    elapsed = round(state.policy.clock() - (sent_at or arrived), 3)
    return {
        "provider": state.providers,
        "method": meta.method if meta else None,
        "count": count,
        "attempts": ending.attempts,
        "billed_min": ending.billed[0],
        "billed_max": ending.billed[1],
        "queued_s": None if sent_at is None else round(sent_at - arrived, 3),
        "elapsed_s": None if ending.facts.get("cached") else elapsed,
        "finished_at": timestamp(),
        "sent_bytes": meta.sent_bytes if meta else None,
        "prepared": meta.prepared if meta else None,
        "is_path": entry.is_path,
        **ending.facts,
    }


def timestamp() -> str:
    """Return the current date and time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def owed(record: CallRecord, least: int, most: int) -> tuple[int, int]:
    """Return the least and the most units that an input may be billed for.

    If an earlier input of this run, or one of another list, had the same bytes, that one has the units of their call so
    far, and this one only those that came on top.

    Args:
        record: What the journal knew of the call when the input came to it.
        least: The least units of the call now.
        most: The most units of the call now.
    """
    if record.first is None and not record.of_another_list:
        return least, most
    return max(0, least - record.paid), max(0, most - record.most)


def status_of(result: Result) -> tuple[OutcomeStatus, int]:
    """Return the status of a result, "ok" or "none_found", and how many items it has; one without items counts as 1."""
    rows = result._rows()  # noqa: SLF001  # the rows without the columns that all tables have
    status: OutcomeStatus = "ok" if rows else "none_found"
    if isinstance(result, ImageAnalysis):  # it has things of many kinds, and iterates over its tags alone
        return status, len(rows)
    return status, len(result) if isinstance(result, Many) else 1


def _finish_and_share(
    finish: Callable[[Database], Any], cache: CacheStore, operation: str, call: int, db: Database
) -> None:
    """Write down a finished call, and put it into the cache for later batches, in the thread that owns the journal.

    A call about an address that the provider has fetched is left out of the cache.
    """
    finish(db)
    key, record = queries.key_of(call)(db), queries.record_of(call)(db)
    # An address that the provider fetches may have another picture tomorrow.
    if not json.loads(record.meta or "{}").get("by_reference"):
        cache.keep(operation, key, record)
