"""The tables of a journal, and a function for each thing that is written into it or read from it.

Each returns a function of the connection, for `Journal.do`, which runs it in the thread that owns the file.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from cloudai.batch.migrations import MIGRATIONS, UNKNOWN_FOLDER
from cloudai.core.flow import Response
from cloudai.storage import Database, Schema

__all__ = ["SCHEMA", "CallRecord", "Database", "ItemRecord", "StoredReply"]

SCHEMA = Schema(
    name="journal",
    application=0x636C6475,  # "cldu"
    version=4,
    statements=(
        # A row for each provider, operation and options that were asked; one file may hold several.
        """CREATE TABLE batches (
            id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, operation TEXT NOT NULL,
            options TEXT NOT NULL, version TEXT NOT NULL, started_at TEXT NOT NULL, run INTEGER NOT NULL)""",
        # A row for the bytes of an input, which are asked once, with the result or the error that ended it.
        """CREATE TABLE calls (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, batch INTEGER NOT NULL, sha256 TEXT NOT NULL,
            state TEXT NOT NULL, rounds INTEGER NOT NULL DEFAULT 0, run INTEGER, item INTEGER,
            memory TEXT, result TEXT, meta TEXT, error TEXT)""",
        # The names that inputs with these bytes had, in any run: a user names the input that is to be forgotten.
        """CREATE TABLE names (
            name TEXT NOT NULL, call INTEGER NOT NULL, PRIMARY KEY (name, call)) WITHOUT ROWID""",
        # A row for each exchange of a call: how often it was sent, what was paid at least and at most, how many times
        # it is in doubt, and the reply.
        """CREATE TABLE exchanges (
            call INTEGER NOT NULL, step_id TEXT NOT NULL, units INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0,
            requests INTEGER NOT NULL DEFAULT 0,
            paid INTEGER NOT NULL DEFAULT 0, most INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,
            status INTEGER, headers TEXT, body BLOB, PRIMARY KEY (call, step_id)) WITHOUT ROWID""",
        # The inputs in their order, what became of each, and the number of the run that wrote it down. The rows of an
        # earlier run stay until a later one has come to the same input; run 0 stands for lists of inputs of which a
        # later run has replaced the whole.
        """CREATE TABLE items (
            batch INTEGER NOT NULL, item INTEGER NOT NULL, call INTEGER, name TEXT NOT NULL, row TEXT,
            status TEXT NOT NULL, facts TEXT NOT NULL, error TEXT, run INTEGER NOT NULL DEFAULT 1,
            PRIMARY KEY (batch, item)) WITHOUT ROWID""",
        "CREATE INDEX items_call ON items (call)",
    ),
    pragmas=("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"),
    migrations=MIGRATIONS,
    exclusive=True,
)
NOT_KEPT = ("set-cookie", "set-cookie2")
"""Headers of a reply that let somebody in."""


def _storable(text: str | None) -> str | None:
    """Halves of surrogate pairs have no UTF-8; their escape is what JSON has for them. A name is shown with it."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class CallRecord:
    """The state of a call in the journal, read when a worker looks up an input."""

    call: int
    state: str = "open"
    """"open", "done" or "failed"."""
    suspect: bool = False
    """It went without an answer while others were answered."""
    doubts: Mapping[str, int] = field(default_factory=dict)
    """By step: how often something was sent without learning what became of it."""
    attempts: int = 0
    paid: int = 0
    most: int = 0
    """Units the vendor has counted, at least and at most."""
    first: int | None = None
    """Another item of this run that had the same bytes."""
    result: str | None = None
    meta: str | None = None
    error: str | None = None
    memory: str | None = None
    """The facts about the input, as JSON, with which its replies can be read again without it."""
    replies: Mapping[str, StoredReply] = field(default_factory=dict)

    @property
    def in_doubt(self) -> bool:
        """Something was sent, and what became of it is not known."""
        return bool(self.doubts)


@dataclass(frozen=True)
class StoredReply:
    """A reply of an earlier run."""

    units: int
    response: Response


def begin(digest: str, provider: str, operation: str, options: Mapping[str, Any], *, version: str, now: str) -> Any:
    """Enter a run of these options, which begins or goes on; give the numbers of its batch and of the run."""

    def work(db: Database) -> tuple[int, int]:
        db.execute(
            "INSERT INTO batches (digest, provider, operation, options, version, started_at, run)"
            " VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (digest) DO UPDATE SET version = excluded.version",
            (digest, provider, operation, json.dumps(options, ensure_ascii=False, default=str), version, now),
        )
        [(batch, run)] = db.execute("SELECT id, run + 1 FROM batches WHERE digest = ?", (digest,))
        return _checked(batch, int), _checked(run, int)

    return work


def anew(batch: int, run: int) -> Any:
    """Note that a run goes through the inputs from the beginning; what earlier runs have written stays."""
    return lambda db: db.execute("UPDATE batches SET run = ? WHERE id = ?", (run, batch)) and None


def mend(batch: int, error: str) -> Any:
    """Enter the inputs of which a killed run sent something and wrote down no ending, each with the units of its call.

    Args:
        batch: The number of the batch.
        error: The error of such an input, as JSON.
    """

    def work(db: Database) -> None:
        unended = list(
            db.execute(
                "SELECT id, run, item, state, provider FROM"
                " (SELECT calls.*, provider FROM calls JOIN batches ON batches.id = batch WHERE batch = ?) AS c"
                " WHERE NOT EXISTS (SELECT 1 FROM items WHERE call = c.id AND items.run >= c.run)"
                " AND EXISTS (SELECT 1 FROM exchanges WHERE call = c.id AND (most > 0 OR doubt > 0))",
                (batch,),
            )
        )
        for call, run, item, state, provider in unended:
            record = _record(db, call)
            names = list(db.execute("SELECT name FROM names WHERE call = ? LIMIT 1", (call,)))
            name = names[0][0] if names else f"input {item}"
            entry = ItemRecord(item, name, "in_doubt", {"provider": provider}, call, error=error, run=run)
            earlier, _ = _take_over(db, batch, entry)
            if earlier is not None:
                entry = replace(entry, name=earlier.name, row=earlier.row, facts=earlier.facts)
                if state != "open":
                    entry = replace(entry, status=earlier.status, error=earlier.error)
            elif state != "open":
                continue  # its input is in none of the lists that the journal of an earlier version knows
            if _row_at(db, batch, item) is not None:
                entry = replace(entry, item=_next_number(db, batch))
            _insert(db, batch, _with_bill(entry, record.attempts, (record.paid, record.most)))

    return work


def look_up(batch: int, run: int, item: int, *, key: str, sha256: str, name: str) -> Any:
    """Give what is known of the call with this key, which is entered where nothing is; enter the input's name too."""

    def work(db: Database) -> CallRecord:
        item_record = db.execute(
            "INSERT OR IGNORE INTO calls (key, batch, sha256, state, item, run) VALUES (?, ?, ?, 'open', ?, ?)"
            " RETURNING id",
            (key, batch, sha256, item, run),
        )
        for (call,) in list(item_record):
            db.execute("INSERT INTO names (name, call) VALUES (?, ?)", (_storable(name), call))
            return CallRecord(call)
        # The first input of this run that comes to it has it, and its bill; the others are copies.
        db.execute("UPDATE calls SET run = ?, item = ? WHERE key = ? AND run < ?", (run, item, key, run))
        [(call, of_run, of_item)] = db.execute("SELECT id, run, item FROM calls WHERE key = ?", (key,))
        db.execute("INSERT OR IGNORE INTO names (name, call) VALUES (?, ?)", (_storable(name), call))
        first = _checked(of_item, int) if of_run == run and of_item != item else None
        return replace(_record(db, call), first=first)

    return work


def key_of(call: int) -> Any:
    """Return the key of a call."""

    def work(db: Database) -> str:
        [(key,)] = db.execute("SELECT key FROM calls WHERE id = ?", (call,))
        return str(key)

    return work


def record_of(call: int) -> Any:
    """Give what is known of a call."""
    return lambda db: _record(db, call)


def state_of(key: str) -> Any:
    """Give the state of the call with this key: "open", "doubt", "done", "failed", or None where there is none."""

    def work(db: Database) -> str | None:
        rows = list(
            db.execute(
                "SELECT state, (SELECT MAX(doubt) FROM exchanges WHERE call = id) FROM calls WHERE key = ?", (key,)
            )
        )
        return ("doubt" if rows[0][1] and rows[0][0] == "open" else str(rows[0][0])) if rows else None

    return work


def _record(db: Database, call: int) -> CallRecord:
    [(state, rounds, result, meta, error, memory)] = db.execute(
        "SELECT state, rounds, result, meta, error, memory FROM calls WHERE id = ?", (call,)
    )
    if state not in ("open", "done", "failed"):
        raise ValueError("a call has no state that is known")
    doubts = dict(db.execute("SELECT step_id, doubt FROM exchanges WHERE call = ? AND doubt > 0", (call,)))
    for doubt in doubts.values():
        _checked(doubt, int)
    [(sent, paid, most)] = db.execute(
        "SELECT TOTAL(sent), TOTAL(paid), TOTAL(most) FROM exchanges WHERE call = ?", (call,)
    )
    return CallRecord(
        call=call,
        state=state,
        suspect=bool(rounds),
        doubts=doubts,
        attempts=int(sent),
        paid=int(paid),
        most=int(most),
        result=_checked(result, str | None),
        meta=_checked(meta, str | None),
        error=_error(error),
        memory=None if memory is None else json.dumps(_object(memory), ensure_ascii=False),
        replies=_replies(db, call),
    )


def _replies(db: Database, call: int) -> dict[str, StoredReply]:
    rows = db.execute(
        "SELECT step_id, units, status, headers, body FROM exchanges WHERE call = ? AND status IS NOT NULL", (call,)
    )
    matches = {
        step_id: StoredReply(
            _checked(units, int),
            Response(_checked(status, int), _headers(headers), _checked(body, bytes), replayed=True),
        )
        for step_id, units, status, headers, body in rows
    }
    return {step_id: matches[step_id] for step_id in sorted(matches, key=in_order)}


def _headers(text: Any) -> dict[str, str]:
    """Return the headers of a reply; ValueError where they are damaged."""
    return {name: str(value) for name, value in _object(text).items()}


def in_order(step_id: str) -> list[int]:
    """Return what steps are sorted by."""
    return [int(number) for number in step_id.split(".")]


def intend(call: int, step_id: str, units: int, requests: int = 1) -> Any:
    """Enter that a request is about to go out: it is in doubt now. Of those that go as one, one counts as a request."""

    def work(db: Database) -> None:
        db.execute(
            "INSERT INTO exchanges (call, step_id, units, sent, requests, most, doubt) VALUES (?, ?, ?, 1, ?, ?, 1)"
            " ON CONFLICT (call, step_id) DO UPDATE SET sent = sent + 1, requests = requests + excluded.requests,"
            " most = most + excluded.most, doubt = doubt + 1",
            (call, step_id, units, requests, units),
        )

    return work


def answer(call: int, step_id: str, units: int, response: Response, memory: Mapping[str, Any]) -> Any:
    """Enter a good reply; of the looks at one job the last one is kept."""
    kept = {name: value for name, value in response.headers.items() if name not in NOT_KEPT}
    headers = json.dumps(kept, default=str)  # a `send=` of the user's may give numbers
    paid = 0 if response.replayed else units

    def work(db: Database) -> None:
        db.execute(
            "INSERT INTO exchanges (call, step_id, units, paid, most, status, headers, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (call, step_id) DO UPDATE SET doubt = 0, paid = paid + ?,"
            " status = excluded.status, headers = excluded.headers, body = excluded.body",
            (call, step_id, units, paid, paid, response.status, headers, response.content, paid),
        )
        remembered = _storable(json.dumps(memory, ensure_ascii=False))
        db.execute("UPDATE calls SET memory = ? WHERE id = ?", (remembered, call))

    return work


def adopt(call: int, run: int, item: int, matches: CallRecord) -> Any:
    """Enter the replies and the result of a call of a run with another journal; nothing is sent or paid."""

    def work(db: Database) -> None:
        db.execute("UPDATE exchanges SET doubt = 0 WHERE call = ?", (call,))
        for step_id, replies in matches.replies.items():
            reply = (replies.response.status, json.dumps(dict(replies.response.headers)), replies.response.content)
            db.execute(
                "INSERT INTO exchanges (call, step_id, units, status, headers, body) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (call, step_id) DO UPDATE SET"
                " status = excluded.status, headers = excluded.headers, body = excluded.body",
                (call, step_id, replies.units, *reply),
            )
        columns = {"memory": matches.memory, "result": matches.result, "meta": matches.meta}
        settle(call, run, item, "done", **columns)(db)

    return work


def undo(  # of `intend`, what is taken back
    call: int, step_id: str, units: int, requests: int = 1, *, sent: bool, doubt: bool, free: bool
) -> Any:
    """Enter that an attempt failed: whether it reached the service, is still in doubt, and costs nothing."""

    def work(db: Database) -> None:
        db.execute(
            "UPDATE exchanges SET sent = sent - ?, requests = requests - ?, most = most - ?, doubt = doubt - ?"
            " WHERE call = ? AND step_id = ?",
            (int(not sent), 0 if sent else requests, units if free else 0, int(not doubt), call, step_id),
        )

    return work


@dataclass(frozen=True)
class ItemRecord:
    """An input and what became of it, as it is written down."""

    item: int
    name: str
    status: str
    facts: Mapping[str, Any]
    call: int | None = None
    row: Mapping[str, Any] | None = None
    error: str | None = None
    run: int = 1
    """The number of the run that wrote it down."""


def enter(batch: int, item_record: ItemRecord) -> Any:
    """Write down what became of an input, in the place of what an earlier run has written of it."""

    def work(db: Database) -> None:
        _take_over(db, batch, item_record)
        _insert(db, batch, _billed_once(db, batch, item_record))

    return work


def leave(batch: int, item_record: ItemRecord, key: str | None) -> Any:
    """Write down an input that this run has not answered, and return what is known of it now.

    What an earlier run or a copy of the input was answered stays: only what nobody has answered is "not_started".

    Args:
        batch: The number of the batch.
        item_record: The input; its call is None where this run has not looked it up.
        key: The key of its call; None where that cannot be told without reading the input, which goes by its name then.
    """

    def work(db: Database) -> ItemRecord:
        here = _row_at(db, batch, item_record.item)
        if here is not None and here.run == item_record.run:
            return here  # a batch that was cancelled while it ended ends once more
        looked_up = item_record.call is not None
        call = item_record.call if looked_up else _call_of(db, batch, key, item_record.name)
        if call is None:
            same = here is not None and here.call is None and key is None and here.name == item_record.name
            kept = replace(here, run=item_record.run, row=item_record.row) if here and same else item_record
            if kept.status == "not_started":
                kept = item_record
            _take_over(db, batch, kept)
        else:
            kept = _kept_ending(db, batch, replace(item_record, call=call), looked_up=looked_up, by_key=key is not None)
        _insert(db, batch, _billed_once(db, batch, kept))
        return kept

    return work


def _kept_ending(db: Database, batch: int, entry: ItemRecord, *, looked_up: bool, by_key: bool) -> ItemRecord:
    """Return an input that this run has not answered with the ending that the journal has for its call."""
    earlier, bill = _take_over(db, batch, entry)
    copy_of = None
    if earlier is None:
        rows = db.execute(f"{ROW} WHERE call = ? AND batch = ? ORDER BY run DESC, item LIMIT 1", (entry.call, batch))
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
    if earlier.item != entry.item:  # the number of another input is of the earlier list
        facts["duplicate_of"] = copy_of
    name = earlier.name if by_key else entry.name
    kept = replace(entry, name=name, status=earlier.status, facts=facts, error=earlier.error)
    return _with_bill(kept, attempts, bill)


def _call_of(db: Database, batch: int, key: str | None, name: str) -> int | None:
    """Return the number of the call of an input, by its key or by its name; None where there is none."""
    if key is not None:
        calls = db.execute("SELECT id FROM calls WHERE key = ?", (key,))
    else:
        calls = db.execute(
            "SELECT id FROM names JOIN calls ON id = call WHERE name = ? AND batch = ? ORDER BY run DESC, id DESC",
            (_storable(name), batch),
        )
    return next((int(call) for (call,) in calls), None)


def _take_over(db: Database, batch: int, entry: ItemRecord) -> tuple[ItemRecord | None, tuple[int, int]]:
    """Make room for what a run writes of an input, and return the row of an earlier run in whose place it stands.

    That row is deleted: it is of the same call, the one with the same number first. Rows of copies stay, but the units
    of the call are the new row's from now on. A row of another input that has this number gets another one, because
    what was paid for it stays visible.

    Returns:
        The row, None where there is none, and the units that the earlier rows of the call had at least and at most.
    """
    if entry.run <= 1:
        return None, (0, 0)
    earlier = []
    if entry.call is not None:
        rows = db.execute(
            f"{ROW} WHERE call = ? AND batch = ? AND run < ? ORDER BY item = ? DESC, run DESC, item",
            (entry.call, batch, entry.run, entry.item),
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
    rows = db.execute(f"{ROW} WHERE call = ? AND batch = ? AND item <> ?", (entry.call, batch, entry.item))
    others = [_bill_of(row) for row in _readable(rows)]
    if not any(map(any, others)):
        return entry
    call = _record(db, entry.call)
    least, most = (
        min(own, max(0, of_call - sum(there)))
        for own, of_call, there in zip(bill, (call.paid, call.most), zip(*others, strict=True), strict=True)
    )
    return _with_bill(entry, entry.facts.get("attempts") or 0, (least, most))


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


ROW = "SELECT item, call, name, row, status, facts, error, run FROM items"


def _row_at(db: Database, batch: int, item: int) -> ItemRecord | None:
    rows = db.execute(f"{ROW} WHERE batch = ? AND item = ?", (batch, item))
    return next(iter(_readable(rows)), None)


def _item_record(row: Sequence[Any]) -> ItemRecord:
    """Return a row of the table of items.

    Raises:
        ValueError: A column holds what cloudai never writes: the file is damaged.
    """
    item, call, name, theirs, status, facts, error, run = row
    known, theirs = _object(facts), None if theirs is None else _object(theirs)
    if status not in STATUSES:
        raise ValueError("an input has no status that is known")
    for column in NUMBERS:
        _checked(known.get(column), int | float | None)
    _checked(known.get("sha256"), str | None)
    call, error = _checked(call, int | None), _error(error)
    return ItemRecord(_checked(item, int), _checked(name, str), status, known, call, theirs, error, _checked(run, int))


STATUSES = ("ok", "none_found", "failed", "unsupported", "in_doubt", "skipped", "not_started")
NUMBERS = ("attempts", "billed_min", "billed_max", "count", "queued_s", "elapsed_s", "sent_bytes")
"""Facts of an input that are numbers where they are known."""


def _checked(value: Any, kind: Any) -> Any:
    """Return the value; ValueError where it is of another type than cloudai writes."""
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} where none belongs")  # noqa: TRY004  # the content is wrong
    return value


def _object(text: Any) -> dict[str, Any]:
    """Return the JSON object of a text; ValueError where it is none."""
    return dict(_checked(json.loads(_checked(text, str)), dict))


def _error(text: Any) -> str | None:
    """Return an error as JSON; ValueError where it is not as it was written."""
    if text is None:
        return None
    known = _object(text)
    for name, value in known.items():
        _checked(value, str if name in ("type", "message") else str | int | float | None)
    _checked(known.get("type"), str), _checked(known.get("message"), str), _checked(known.get("advice"), str | None)
    return str(text)


def _readable(rows: Iterable[Sequence[Any]]) -> list[ItemRecord]:
    """Return the rows of the table of items that can be read."""
    readable = []
    for row in rows:
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
            _storable(entry.name),
            _storable(None if entry.row is None else _row_as_json(entry.row)),
            entry.status,
            _storable(json.dumps(entry.facts, ensure_ascii=False)),
            _storable(entry.error),
            entry.run,
        ),
    )


def wind_up(batch: int, run: int, *, complete: bool) -> Any:
    """End a run, and return the number of inputs, by status, that only earlier runs knew and its tables show.

    Args:
        batch: The number of the batch.
        run: The number of the run.
        complete: Whether it came to the end of its inputs. Then its list takes the place of earlier ones; what was paid
            for these stays in the journal.
    """

    def work(db: Database) -> dict[str, int]:
        db.execute(
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


def _row_as_json(row: Mapping[str, Any]) -> str:
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


def settle(call: int, run: int, item: int, state: str, **columns: Any) -> Any:
    """Enter that a call is done, has failed for good, or stays open, with its result or its error."""

    def work(db: Database) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        db.execute(
            f"UPDATE calls SET state = ?, run = ?, item = ?{', ' * bool(names)}{names} WHERE id = ?",  # noqa: S608  # our names
            (state, run, item, *map(_storable, columns.values()), call),
        )

    return work


def suspect(call: int) -> Any:
    """Enter that a call went without an answer while others were answered: the fault may be its own."""

    def work(db: Database) -> None:
        db.execute("UPDATE calls SET rounds = rounds + 1 WHERE id = ?", (call,))

    return work


def unpaid(call: int, step_id: str) -> Any:
    """Enter that a good reply cannot be used: that it was counted is no longer certain.

    The state of a job costs nothing, so it is forgotten, and the job is looked at anew.
    """

    def work(db: Database) -> None:
        db.execute("UPDATE exchanges SET paid = 0 WHERE call = ? AND step_id = ?", (call, step_id))
        forgotten = "UPDATE exchanges SET status = NULL, headers = NULL, body = NULL"
        db.execute(f"{forgotten} WHERE call = ? AND step_id = ? AND units = 0", (call, step_id))

    return work


def spent(batch: int) -> Any:
    """Give the requests that were sent and the units that may have been billed, of all runs."""

    def work(db: Database) -> tuple[int, int]:
        [(sent, most)] = db.execute(
            "SELECT TOTAL(requests), TOTAL(most) FROM exchanges WHERE call IN (SELECT id FROM calls WHERE batch = ?)",
            (batch,),
        )
        return int(sent), int(most)

    return work


def page(batch: int, after: int, n: int = 100, *, replaced: bool = False) -> Any:
    """Return the next inputs with what became of them, in order; also those of ``replaced`` lists, where asked for."""

    def work(db: Database) -> list[tuple[ItemRecord, CallRecord | None]]:
        rows = list(
            db.execute(
                f"{ROW} WHERE batch = ? AND item > ? AND run >= ? ORDER BY item LIMIT ?",
                (batch, after, int(not replaced), n),
            )
        )
        items = map(_item_record, rows)
        return [(item, None if item.call is None else _record(db, item.call)) for item in items]

    return work


def next_item(batch: int, after: int) -> Any:
    """Return the number of the next input; None where there is none."""

    def work(db: Database) -> int | None:
        rows = db.execute("SELECT item FROM items WHERE batch = ? AND item > ? ORDER BY item LIMIT 1", (batch, after))
        return next((_checked(item, int) for (item,) in rows), None)

    return work


def headings(db: Database) -> list[dict[str, Any]]:
    """Return what each batch of the file is: provider, operation, options and runs; what cannot be read is left out."""
    columns = ("batch", "digest", "provider", "operation", "options", "version", "started_at", "runs")
    rows = [
        dict(zip(columns, row, strict=True))
        for row in db.execute(
            "SELECT id, digest, provider, operation, options, version, started_at, run FROM batches ORDER BY id"
        )
    ]
    texts = ("provider", "operation", "options", "version", "started_at")
    return [row for row in rows if isinstance(row["runs"], int) and all(isinstance(row[name], str) for name in texts)]


def batches(db: Database) -> list[dict[str, Any]]:
    """Return what the file holds: each provider, operation and options, with its books."""
    rows = headings(db)
    for row in rows:
        row["books"] = dict(
            db.execute("SELECT status, COUNT(*) FROM items WHERE batch = ? GROUP BY status", (row["batch"],))
        )
        row["requests"], row["units"] = spent(row["batch"])(db)
    return rows


def doubts(db: Database) -> int:
    """Return the number of calls of which something was sent, and what became of it is not known."""
    [(n,)] = db.execute("SELECT COUNT(DISTINCT call) FROM exchanges WHERE doubt > 0")
    return int(n)


def known_as(wanted: str) -> Any:
    """Give the names that somebody may mean who writes this.

    They are that name, else paths that end so, else a file so called whose folder is unknown, else those of a digest.
    """
    name = str(_storable(unicodedata.normalize("NFC", PurePath(wanted).as_posix())))
    digest = wanted.lower() if re.fullmatch("[0-9a-fA-F]{8,64}", wanted) else None
    every = "SELECT name FROM (SELECT name FROM items UNION SELECT name FROM names) WHERE"
    asked = [
        (f"{every} name IN (?, ?)", (name, _storable(wanted))),
        (f"{every} substr(name, -length(?1)) = ?1", (f"/{name}",)),
        (f"{every} name = ?", (f"{UNKNOWN_FOLDER}{PurePath(name).name}",)),
        ("SELECT DISTINCT name FROM names JOIN calls ON call = id WHERE substr(sha256, 1, length(?1)) = ?1", (digest,)),
    ]

    def work(db: Database) -> list[str]:
        matches = ([n for (n,) in db.execute(sql, parameters) if isinstance(n, str)] for sql, parameters in asked)
        return next(filter(None, matches), [])

    return work


def keys_of(name: str) -> Any:
    """Give the keys of all calls of an input, by its name."""

    def work(db: Database) -> list[str]:
        calls = "SELECT call FROM names WHERE name = ? UNION SELECT call FROM items WHERE name = ?"
        return [key for (key,) in db.execute(f"SELECT key FROM calls WHERE id IN ({calls})", (name, name))]  # noqa: S608  # our names

    return work


def forget(name: str) -> Any:
    """Delete all that is kept of an input, by its name, of all runs; give how many calls and inputs that were."""

    def work(db: Database) -> int:
        calls = [
            call
            for (call,) in db.execute(
                "SELECT call FROM names WHERE name = ? UNION SELECT call FROM items WHERE name = ? AND call NOT NULL",
                (name, name),
            )
        ]
        [(n,)] = db.execute("SELECT COUNT(*) FROM items WHERE name = ?", (name,))
        for call in calls:
            for table, column in (("exchanges", "call"), ("calls", "id"), ("items", "call"), ("names", "call")):
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (call,))  # noqa: S608  # our names
        db.execute("DELETE FROM items WHERE name = ?", (name,))
        return max(int(n), len(calls))

    return work
