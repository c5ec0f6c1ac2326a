"""A journal's table of inputs has a row for each input of a batch, which says how it ended and what it may have cost.

As in `cloudai.batch.queries`, most functions return a function of the connection, for `Journal.do`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from cloudai.batch.columns import checked, error_text, json_object, storable
from cloudai.batch.queries import CallRecord, record_of, settle, totals, unpaid
from cloudai.batch.statements import statement
from cloudai.core.json_writing import json_text
from cloudai.outcomes import OutcomeStatus
from cloudai.storage import Database

__all__ = [
    "ItemRecord",
    "counts",
    "doubt",
    "enter",
    "finish",
    "leave",
    "mend",
    "next_item",
    "page",
    "row_as_json",
    "wind_up",
]

ROW = "SELECT item, call, name, row, status, facts, error, run FROM items"
STATUSES = ("ok", "none_found", "failed", "unsupported", "in_doubt", "skipped", "not_started")
A_PAGE = 8_000_000
"""Bytes of replies after which a page of inputs is full."""
NUMBERS = ("attempts", "billed_min", "billed_max", "count", "queued_s", "elapsed_s", "sent_bytes")
"""Facts of an input that are numbers where they are known."""


@dataclass(slots=True)
class ItemRecord:
    """An input and what became of it, as it is written down."""

    item: int
    name: str
    status: OutcomeStatus
    facts: Mapping[str, Any]
    call: int | None = None
    row: Mapping[str, Any] | None = None
    error: str | None = None
    run: int = 1
    """The number of the run that wrote it down."""
    others: tuple[int, ...] = ()
    """The calls to other providers for the same input, which are not written down here."""

    @property
    def calls(self) -> tuple[int, ...]:
        """The numbers of all calls of the input."""
        return (*([] if self.call is None else [self.call]), *self.others)


@statement
def enter(batch: int, item_record: ItemRecord) -> Any:
    """Return a function for `Journal.do` that writes down what became of an input.

    It takes the place of what an earlier run has written of the input.
    """

    def work(db: Database) -> None:
        _take_over(db, batch, item_record)
        _insert(db, batch, _billed_once(db, batch, item_record))

    return work


@statement
def finish(
    batch: int, item_record: ItemRecord, settled: Sequence[Any] | None = None, unusable_step: str | None = None
) -> Any:
    """Return a function for `Journal.do` that writes down what became of an input, and the new state of its call.

    Args:
        batch: The number of the batch.
        item_record: The input.
        settled: The new state of the call, and a dict of the columns that change with it; None if it stays as it is.
        unusable_step: The step that was answered with a good status and a reply that cannot be used.
    """
    call = item_record.call

    def work(db: Database) -> None:
        if call is not None and unusable_step:
            unpaid(call, unusable_step)(db)
        if call is not None and settled:
            state, columns = settled
            settle(call, item_record.run, item_record.item, state, **columns)(db)
        enter(batch, item_record)(db)

    return work


@statement
def leave(batch: int, item_record: ItemRecord, keys: Sequence[str]) -> Any:
    """Return a function for `Journal.do` that writes down an input that this run has not answered.

    The function returns what is known of the input now. The answer to the input in an earlier run, or to a copy of it,
    stays: only an input that nobody has answered is "not_started".

    Args:
        batch: The number of the batch.
        item_record: The input; its call is None where this run has not looked it up.
        keys: The keys of its calls, one for each provider; none where they cannot be told without reading the input,
            which goes by its name then.
    """

    def work(db: Database) -> ItemRecord:
        here = _row_at(db, batch, item_record.item)
        if here is not None and here.run == item_record.run:
            return here  # a batch that was cancelled while it ended ends once more
        looked_up = item_record.call is not None
        calls = item_record.calls if looked_up else _calls_of(db, batch, keys, item_record.name)
        if not calls:
            same = here is not None and here.call is None and not keys and here.name == item_record.name
            kept = replace(here, run=item_record.run, row=item_record.row) if here and same else item_record
            if kept.status == "not_started":
                kept = item_record
            _take_over(db, batch, kept)
        else:
            item_with_call = replace(item_record, call=calls[0], others=tuple(calls[1:]))
            kept = _kept_ending(db, batch, item_with_call, looked_up=looked_up, by_key=bool(keys))
        _insert(db, batch, _billed_once(db, batch, kept))
        return kept

    return work


def _kept_ending(db: Database, batch: int, entry: ItemRecord, *, looked_up: bool, by_key: bool) -> ItemRecord:
    """Return an input that this run has not answered with the ending that the journal has for its call.

    The row of an earlier run in whose place it stands is deleted, as by `_take_over`.
    """
    earlier, bill = _take_over(db, batch, entry)
    copy_of = None
    if earlier is None:
        rows = db.execute(
            f"{ROW} WHERE call IN ({_marks(entry)}) AND batch = ? ORDER BY run DESC, item LIMIT 1",
            (*entry.calls, batch),
        )
        earlier = next(iter(_readable(rows)), None)
        if earlier is None:
            return entry if looked_up else replace(entry, call=None)
        copy_of = earlier.item
    if looked_up:
        bill = _bill_of(entry)
    attempts = max(entry.facts["attempts"], 0 if copy_of is not None else earlier.facts.get("attempts") or 0)
    if earlier.status == "not_started":
        return _with_bill(entry, attempts, bill)
    facts = {**earlier.facts, "is_path": entry.facts.get("is_path")}
    if earlier.item != entry.item:  # the number that the entry has names another input in the earlier list
        facts["duplicate_of"] = copy_of
    name = earlier.name if by_key else entry.name
    kept = replace(entry, call=earlier.call, name=name, status=earlier.status, facts=facts, error=earlier.error)
    return _with_bill(kept, attempts, bill)


def _calls_of(db: Database, batch: int, keys: Sequence[str], name: str) -> list[int]:
    """Return the numbers of the calls of an input, by their keys, or the last one of its name."""
    if keys:
        calls = [call for key in keys for call in db.execute("SELECT id FROM calls WHERE key = ?", (key,))]
    else:
        asked = "SELECT id FROM names JOIN calls ON id = call WHERE name = ? AND batch = ? ORDER BY run DESC, id DESC"
        calls = list(db.execute(f"{asked} LIMIT 1", (storable(name), batch)))
    return [int(call) for (call,) in calls]


def _marks(entry: ItemRecord) -> str:
    """Return the question marks for the calls of an input in a query."""
    return ", ".join("?" * len(entry.calls))


def _take_over(db: Database, batch: int, entry: ItemRecord) -> tuple[ItemRecord | None, tuple[int, int]]:
    """Make room for what a run writes of an input, and return the row of an earlier run in whose place it stands.

    That row is deleted: it is of the same call, the one with the same number first. Rows of copies stay, but the units
    of the call are the new row's from now on. A row of another input that has this number gets another one, because
    what was paid for it stays visible.

    Returns:
        The row, None where there is none, and the units that the earlier rows of the call had at least and at most.
    """
    if entry.run <= 1:  # no earlier run can have written anything
        return None, (0, 0)
    earlier = []
    if entry.call is not None:
        rows = db.execute(
            f"{ROW} WHERE call IN ({_marks(entry)}) AND batch = ? AND run < ? ORDER BY item = ? DESC, run DESC, item",
            (*entry.calls, batch, entry.run, entry.item),
        )
        earlier = _readable(rows)
    bills = [_bill_of(row) for row in earlier]
    for n, row in enumerate(earlier):
        if n == 0:
            db.execute("DELETE FROM items WHERE batch = ? AND item = ?", (batch, row.item))
        elif any(bills[n]):
            _insert(db, batch, _with_bill(row, row.facts.get("attempts") or 0, (0, 0)))
    here = _row_at(db, batch, entry.item)
    if here is not None and here.run < entry.run and here.call is not None:
        number = _next_number(db, batch)
        db.execute("UPDATE items SET item = ? WHERE batch = ? AND item = ?", (number, batch, entry.item))
    return (earlier[0] if earlier else None), (sum(least for least, _ in bills), sum(most for _, most in bills))


def _billed_once(db: Database, batch: int, entry: ItemRecord) -> ItemRecord:
    """Return an input without the units of its call that the row of a copy has already.

    When a run is stopped, a copy can be written down before the input whose call is under way. It then has the units
    that earlier runs were billed for.
    """
    bill = _bill_of(entry)
    if entry.run <= 1 or entry.call is None or not any(bill):
        return entry
    rows = db.execute(
        f"{ROW} WHERE call IN ({_marks(entry)}) AND batch = ? AND item <> ?", (*entry.calls, batch, entry.item)
    )
    others = [_bill_of(row) for row in _readable(rows)]
    if not any(map(any, others)):
        return entry
    _, *of_calls = map(sum, zip(*(totals(db, call) for call in entry.calls), strict=True))
    least, most = (
        min(own, max(0, of_all - sum(there)))
        for own, of_all, there in zip(bill, of_calls, zip(*others, strict=True), strict=True)
    )
    return _with_bill(entry, entry.facts.get("attempts") or 0, (least, most))


@statement
def wind_up(batch: int, run: int, *, complete: bool) -> Any:
    """Return a function for `Journal.do` that ends a run, and returns the number of earlier inputs by status.

    Earlier inputs are those that only earlier runs knew, and that the tables of this run show.

    Args:
        batch: The number of the batch.
        run: The number of the run.
        complete: Whether it came to the end of its inputs. Then its list takes the place of earlier ones; what was paid
            for these stays in the journal.
    """

    def work(db: Database) -> dict[str, int]:
        db.execute(
            # An input whose request may have been billed keeps its row, although no run has answered it.
            "DELETE FROM items WHERE batch = ? AND run < ? AND (status = 'not_started' OR (? AND call IS NULL))"
            " AND NOT EXISTS (SELECT 1 FROM exchanges WHERE call = items.call AND most > 0)",
            (batch, run, complete),
        )
        if complete:
            db.execute("UPDATE items SET run = 0 WHERE batch = ? AND run BETWEEN 1 AND ?", (batch, run - 1))
        return dict(
            db.execute(
                "SELECT status, COUNT(*) FROM items WHERE batch = ? AND run BETWEEN 1 AND ? GROUP BY status",
                (batch, run - 1),
            )
        )

    return work


@statement
def mend(batch: int, error: str) -> Any:
    """Return a function for `Journal.do` that enters inputs of which a killed run wrote down no ending.

    They are those for which the run has sent something. Each gets the units of its call.

    Args:
        batch: The number of the batch.
        error: The error of such an input, as JSON.
    """

    def work(db: Database) -> None:
        unended = list(
            db.execute(
                "SELECT id, run, item, sha256, state, provider FROM"
                " (SELECT calls.*, provider FROM calls JOIN batches ON batches.id = batch WHERE batch = ?) AS c"
                " WHERE NOT EXISTS (SELECT 1 FROM items WHERE call = c.id AND items.run >= c.run)"
                # The input may have ended with the answer of another provider.
                " AND NOT EXISTS (SELECT 1 FROM items JOIN calls AS k ON k.id = call WHERE items.batch = c.batch"
                " AND items.item = c.item AND items.run >= c.run AND k.sha256 = c.sha256)"
                " AND EXISTS (SELECT 1 FROM exchanges WHERE call = c.id AND (most > 0 OR doubt > 0)) ORDER BY id",
                (batch,),
            )
        )
        of_input: dict[Any, list[int]] = {}
        for call, *input_, _, _ in unended:
            of_input.setdefault(tuple(input_), []).append(call)
        for call, run, item, sha256, state, provider in unended:
            *others, last = of_input[run, item, sha256]
            if call != last:
                continue  # the provider that was asked last stands for those before it
            names = list(db.execute("SELECT name FROM names WHERE call = ? LIMIT 1", (call,)))
            name = names[0][0] if names else f"input {item}"
            facts, of_others = {"provider": provider}, tuple(others)
            entry = ItemRecord(item, name, "in_doubt", facts, call, error=error, run=run, others=of_others)
            earlier, _ = _take_over(db, batch, entry)
            if earlier is not None:
                entry = replace(entry, name=earlier.name, row=earlier.row, facts=earlier.facts)
                if state != "open":
                    entry = replace(entry, status=earlier.status, error=earlier.error)
            elif state != "open":
                continue  # its input is in none of the lists that the journal of an earlier version knows
            if _row_at(db, batch, item) is not None:
                entry = replace(entry, item=_next_number(db, batch))
            attempts, paid, most = map(sum, zip(*(totals(db, each) for each in entry.calls), strict=True))
            _insert(db, batch, _with_bill(entry, attempts, (paid, most)))

    return work


@statement
def doubt(batch: int, run: int, item: int, key: str, *, name: str, error: str) -> Any:
    """Return a function for `Journal.do` that enters that an input is in doubt, because its worker has vanished.

    Nothing is entered if nothing was sent for its call, or if the input has ended.

    Args:
        batch: The number of the batch.
        run: The number of the run.
        item: The number of the input.
        key: The key of its call.
        name: The name of the input, as it is written down.
        error: The error of the input, as JSON.
    """

    def work(db: Database) -> None:
        calls = db.execute(
            "SELECT calls.id, provider FROM calls JOIN batches ON batches.id = ? WHERE key = ? AND state = 'open'"
            " AND EXISTS (SELECT 1 FROM exchanges WHERE call = calls.id AND doubt > 0)",
            (batch, key),
        )
        for call, provider in list(calls):
            here, record = _row_at(db, batch, item), record_of(call)(db)
            if here is None or here.status == "not_started":
                entry = ItemRecord(item, name, "in_doubt", {"provider": provider}, call, error=error, run=run)
                _insert(db, batch, _with_bill(entry, record.attempts, (record.paid, record.most)))

    return work


@statement
def page(batch: int, after: int, n: int = 100, *, replaced: bool = False) -> Any:
    """Return a function for `Journal.do` that returns the next inputs in order, each with its call or None.

    They are fewer if their replies are long: a page is full after `A_PAGE` bytes of replies.

    Args:
        batch: The number of the batch.
        after: The number of the last input that was read; -1 at the beginning.
        n: Maximum number of inputs.
        replaced: Whether to include inputs of lists that a later run has replaced.
    """

    def work(db: Database) -> list[tuple[ItemRecord, CallRecord | None]]:
        rows = list(
            db.execute(
                f"{ROW} WHERE batch = ? AND item > ? AND run >= ? ORDER BY item LIMIT ?",
                (batch, after, int(not replaced), n),
            )
        )
        read: list[tuple[ItemRecord, CallRecord | None]] = []
        size = 0
        for item in map(_item_record, rows):
            record: CallRecord | None = None if item.call is None else record_of(item.call)(db)
            read.append((item, record))
            if record is not None:
                size += sum(len(reply.response.content) for reply in record.replies.values())
            # A keeper sends a page in one frame, whose length has a limit.
            if size > A_PAGE:
                break
        return read

    return work


@statement
def counts(batch: int) -> Any:
    """Return a function for `Journal.do` that returns how many inputs of a batch have each status.

    Inputs of lists that a later run has replaced are counted, too.
    """
    return lambda db: dict(db.execute("SELECT status, COUNT(*) FROM items WHERE batch = ? GROUP BY status", (batch,)))


@statement
def next_item(batch: int, after: int) -> Any:
    """Return a function for `Journal.do` that returns the number of the next input; None if there is none."""

    def work(db: Database) -> int | None:
        rows = db.execute("SELECT item FROM items WHERE batch = ? AND item > ? ORDER BY item LIMIT 1", (batch, after))
        return next((checked(item, int) for (item,) in rows), None)

    return work


def _row_at(db: Database, batch: int, item: int) -> ItemRecord | None:
    rows = db.execute(f"{ROW} WHERE batch = ? AND item = ?", (batch, item))
    return next(iter(_readable(rows)), None)


def _next_number(db: Database, batch: int) -> int:
    """Return a number that no input of the batch has."""
    [(last,)] = db.execute("SELECT MAX(item) FROM items WHERE batch = ?", (batch,))
    return int(last) + 1


def _bill_of(entry: ItemRecord) -> tuple[int, int]:
    """Return the units that an input was billed for, at least and at most."""
    return entry.facts.get("billed_min") or 0, entry.facts.get("billed_max") or 0


def _with_bill(entry: ItemRecord, attempts: int, bill: tuple[int, int]) -> ItemRecord:
    facts = {**entry.facts, "attempts": attempts, "billed_min": bill[0], "billed_max": bill[1]}
    return replace(entry, facts=facts)


def _item_record(row: Sequence[Any]) -> ItemRecord:
    """Return a row of the table of items as an `ItemRecord`.

    Raises:
        ValueError: A column holds what cloudai never writes: the file is damaged.
    """
    item, call, name, theirs, status, facts, error, run = row
    known, theirs = json_object(facts), None if theirs is None else json_object(theirs)
    if status not in STATUSES:
        raise ValueError("an input has no status that is known")
    for column in NUMBERS:
        checked(known.get(column), int | float | None)
    checked(known.get("sha256"), str | None)
    call, error = checked(call, int | None), error_text(error)
    return ItemRecord(checked(item, int), checked(name, str), status, known, call, theirs, error, checked(run, int))


def _readable(rows: Iterable[Sequence[Any]]) -> list[ItemRecord]:
    """Return the rows of the table of items that can be read."""
    readable = []
    for row in rows:
        # A row that is damaged must not keep the others from being read.
        with suppress(ValueError):
            readable.append(_item_record(row))
    return readable


def _insert(db: Database, batch: int, entry: ItemRecord) -> None:
    db.execute(
        "INSERT OR REPLACE INTO items (batch, item, call, name, row, status, facts, error, run)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch,
            entry.item,
            entry.call,
            storable(entry.name),
            storable(None if entry.row is None else row_as_json(entry.row)),
            entry.status,
            json_text(entry.facts),
            storable(entry.error),
            entry.run,
        ),
    )


def row_as_json(row: Mapping[str, Any]) -> str:
    """Return the user's columns as JSON; a value that JSON cannot hold becomes what Python shows of it."""
    try:
        return json.dumps(row, ensure_ascii=False, default=str)
    except Exception:  # noqa: BLE001  # whatever their __str__ raises
        return json.dumps({name: _as_shown(value) for name, value in row.items()}, ensure_ascii=False)


def _as_shown(value: Any) -> Any:
    for shown in (lambda: json.loads(json.dumps(value, default=str)), lambda: repr(value)):
        with suppress(Exception):
            return shown()
    return f"<{type(value).__name__}>"
