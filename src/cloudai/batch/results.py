"""The outcomes of a batch are read from its journal, in the order of the inputs, and made into a table."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from heapq import merge
from typing import Any

from cloudai.batch import rows
from cloudai.batch.codec import error_of, result_of
from cloudai.batch.inputs import Entry, Inputs
from cloudai.batch.journal import Journal
from cloudai.batch.queries import CallRecord
from cloudai.batch.rows import ItemRecord
from cloudai.batch.statements import AnyJournal
from cloudai.errors import CloudAIError, JournalError, NotStartedError
from cloudai.outcomes import THEIRS, Outcome, input_names, with_theirs
from cloudai.storage import Connection, copied
from cloudai.table import LEADING, Table

__all__ = ["DONE", "Kept", "Salvage", "outcome_of", "outcomes_of", "pages", "table_of"]

DONE = ("ok", "none_found")
"""Statuses of inputs that have a result."""

COLUMNS = (
    *("provider", "tried", "method", "count", "error_type", "error", "advice"),
    *("attempts", "billed_min", "billed_max", "cost_min", "cost_max", "price_date"),
    *("queued_s", "elapsed_s", "started_at", "finished_at"),
    *("duplicate_of", "cached", "sha256", "sent_bytes", "prepared", "host"),
)
"""Columns of the table, after the number, the name and the status of the input, and the user's own columns."""
TOKENS: Mapping[str, str] = {
    **{name: name for name in ("input_tokens", "output_tokens", "thinking_tokens", "total_tokens")},
    "token_cost": "cost",
    "token_price_date": "price_date",
}
"""Columns of a table in which a chat model has answered, after `COLUMNS`, and the fields of `Usage` that they show."""
UNITS = {
    "queued_s": "s",
    "elapsed_s": "s",
    "cost_min": "USD",
    "cost_max": "USD",
    "sent_bytes": "bytes",
    "token_cost": "USD",
}
PAGE = 100
"""Inputs that are read at once."""
MOST_MISSES = 10_000
"""Inputs in a row that cannot be read, after which nothing more is looked for in a damaged journal."""
UNREADABLE = "its result is of another version of cloudai"


def pages(journal: AnyJournal, batch: int) -> Iterator[tuple[ItemRecord, CallRecord | None]]:
    """Yield every input in order, with what the journal knows of its call; the journal is read in pages.

    Inputs of a list that a later run has replaced are left out.
    """
    after = -1
    while page := journal.read(rows.page(batch, after)):
        yield from page
        after = page[-1][0].item


class Salvage:
    """Reads all that can be read of a batch from a journal that may be damaged, with the lists that were replaced.

    Args:
        journal: The journal.
        batch: The number of the batch in the journal.
        operation: The name of the operation.
    """

    def __init__(self, journal: AnyJournal, batch: int, operation: str) -> None:
        self._journal, self._batch, self._operation = journal, batch, operation
        self.unreadable = 0
        """The number of inputs that could not be read so far; about, where a part of the file is lost."""

    def __iter__(self) -> Iterator[Outcome[Any]]:
        after, misses = -1, 0
        while misses < MOST_MISSES:
            # One damaged row makes reading its whole page fail, and the rows around it are then read one by one.
            for size in (PAGE, 1):
                try:
                    page = self._journal.read(rows.page(self._batch, after, size, replaced=True))
                except JournalError:
                    continue
                if not page:
                    return
                misses = 0
                for item, record in page:
                    yield outcome_of(self._operation, item, record, None)
                after = page[-1][0].item
                break
            else:
                after, misses = self._skip(after), misses + 1

    def _skip(self, after: int) -> int:
        """Count an input that cannot be read, and return its number; if that is not known, return ``after + 1``."""
        self.unreadable += 1
        try:
            following = self._journal.read(rows.next_item(self._batch, after))
        except JournalError:
            return after + 1
        return after + 1 if following is None else following


class Kept:
    """Reads the results that a batch has kept, also after the batch and its journal were closed.

    Once it was closed, a journal that has a path is opened again whenever it is read. A temporary journal is copied
    into memory before it is deleted, if it has at most `MOST_COPIED` inputs.

    Args:
        journal: The journal of the batch.
        batches: For each operation, the number of its batch in the journal, and the name of the operation.
        inputs: The inputs.
    """

    def __init__(self, journal: AnyJournal, batches: Sequence[tuple[int, str]], inputs: Inputs) -> None:
        self._journal, self._batches, self._inputs = journal, batches, inputs
        self._copy: Connection | None = None
        self._closed = False

    def __iter__(self) -> Iterator[Outcome[Any]]:
        if not self._closed:
            yield from outcomes_of(self._journal, self._batches, self._inputs)
            return
        again = self._opened_again()
        try:
            yield from outcomes_of(again, self._batches, self._inputs)
        finally:
            again.close()

    def _opened_again(self) -> AnyJournal:
        """Return the journal, which was closed, once more.

        Raises:
            JournalError: It was a temporary one, and too large to be copied; or the file cannot be opened.
        """
        if self._journal.name is not None:
            return self._journal.again()
        if (copy := self._copy) is None:
            raise JournalError(f"the batch is closed, and its temporary journal held over {MOST_COPIED:,} inputs")
        return Journal(connect=lambda _: copied(copy))

    def close(self, *, copies: bool) -> None:
        """Note that the journal is about to be closed, and copy a temporary one into memory, if ``copies`` is true."""
        if copies and not self._closed and self._journal.name is None:
            with suppress(JournalError):  # it is closed already, or damaged
                counts = (self._journal.read(rows.counts(batch)) for batch, _ in self._batches)
                if sum(sum(by_status.values()) for by_status in counts) <= MOST_COPIED:
                    self._copy = self._journal.read(copied)
                    weakref.finalize(self, self._copy.close)
        self._closed = True


MOST_COPIED = 5_000
"""Inputs of a temporary journal that are kept in memory after the batch was closed, at most."""


def outcomes_of(
    journal: AnyJournal, batches: Sequence[tuple[int, str]], inputs: Inputs | None = None
) -> Iterator[Outcome[Any]]:
    """Yield the outcome of every input and operation, in the order of the inputs.

    Args:
        journal: The journal.
        batches: For each operation, the number of its batch in the journal, and the name of the operation.
        inputs: The inputs, if they are there. Without them a text is named by its digest.
    """
    each = (_outcomes(pages(journal, batch), operation, inputs) for batch, operation in batches)
    # Each operation has its outcomes in the order of the inputs, so one of each in memory is enough to merge them.
    return merge(*each, key=lambda outcome: outcome.item)


def _outcomes(
    records: Iterable[tuple[ItemRecord, CallRecord | None]], operation: str, inputs: Inputs | None
) -> Iterator[Outcome[Any]]:
    for item, record in records:
        yield outcome_of(operation, item, record, inputs.at(item.item) if inputs is not None else None)


def outcome_of(operation: str, item: ItemRecord, record: CallRecord | None, entry: Entry | None) -> Outcome[Any]:
    """Return the outcome of an input as the journal has it.

    If its result was written by another version and cannot be read, the outcome has a NotStartedError that says so.

    Args:
        operation: The name of the operation.
        item: What is written down of the input.
        record: What the journal knows of its call; None where it has none.
        entry: The input that has its number, if it is there. If it is the same, its name is shown as it was given.
    """
    done = item.status in DONE and record is not None
    result = result_of(operation, record, item.name) if done and record else None
    error: CloudAIError | None = error_of(item.error) if item.error else None
    if result is None and error is None:
        error = NotStartedError(UNREADABLE, advice="Batch.reparse() reads the replies anew, for nothing.")
    name, row = item.name, item.row
    if entry is not None and entry.is_of(item.facts.get("sha256")):
        name, row = entry.shown, entry.row  # the text or the address as it was given
    return Outcome(item.item, name, result, error, row=row, status=item.status, facts=item.facts, operation=operation)


def table_of(outcomes: Iterable[Outcome[Any]], price: float | None = None, price_date: str | None = None) -> Table:
    """Return one row for each input and operation: how it ended, what it cost, when, and how it was prepared.

    If a chat model has answered, there are columns for the tokens that it counted, and for their cost by its list
    price. They are empty for an input that was billed elsewhere, because it is a copy or comes from the cache, so that
    their sum is what the vendor bills.

    Args:
        outcomes: The outcomes.
        price: The price of 1,000 units in USD; without it the table has no costs.
        price_date: The day for which the price is known.
    """
    outcomes = list(outcomes)
    counted = [*TOKENS] if any(outcome.result and outcome.result.meta.usage for outcome in outcomes) else []
    columns = [*COLUMNS, *counted]
    rows: list[dict[str, Any]] = []
    theirs: dict[str, None] = {}
    for outcome, name in zip(outcomes, input_names(outcomes), strict=True):
        own = {f"{THEIRS}{column}": value for column, value in (outcome.row or {}).items()}
        theirs |= dict.fromkeys(own)
        # The facts of an outcome also hold what is no column, such as whether its input is a path.
        facts = {**dict.fromkeys(columns), **{n: v for n, v in outcome.facts.items() if n in COLUMNS}}
        head = {"item": outcome.item, "input": name, "status": outcome.status}
        cost = {} if price is None else _cost(outcome, price, price_date)
        told = {**_why(outcome), **cost, **_tokens(outcome)}
        rows.append({**facts, **head, "operation": outcome.operation, **told, **own})
    return with_theirs(rows, [*LEADING, *columns], list(theirs), UNITS)


def _tokens(outcome: Outcome[Any]) -> dict[str, Any]:
    """Return the columns of what a chat model has counted; none where none has, or where it is billed elsewhere."""
    usage = outcome.result.meta.usage if outcome.result is not None else None
    if usage is None or not outcome.facts.get("billed_max"):
        return {}
    return {column: getattr(usage, name) for column, name in TOKENS.items()}


def _why(outcome: Outcome[Any]) -> dict[str, Any]:
    error = outcome.error
    if error is None or outcome.status in DONE:
        return {}
    message = error.message if isinstance(error, CloudAIError) else str(error)
    return {"error_type": type(error).__name__, "error": message, "advice": getattr(error, "advice", None)}


def _cost(outcome: Outcome[Any], price: float, date: str | None) -> dict[str, Any]:
    ends = {f"cost_{end}": (outcome.facts.get(f"billed_{end}") or 0) * price / 1000 for end in ("min", "max")}
    return {**ends, "price_date": date}
