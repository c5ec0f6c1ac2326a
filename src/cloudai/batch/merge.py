"""Several journals, such as those of the parts of a batch, become one new journal; the others stay as they are.

Batches with the same operation and options become one, and so do calls about the same bytes. If several journals have
the same call, its best ending counts, and what was sent and paid is added up: it was sent by each of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cloudai import storage
from cloudai.batch import queries, rows
from cloudai.batch.journal import IF_DAMAGED, Journal, copy_of
from cloudai.batch.kept import existing
from cloudai.batch.queries import SCHEMA
from cloudai.batch.recorder import KILLED
from cloudai.errors import InputError, JournalError
from cloudai.storage import Database, SQLiteError

__all__ = ["merge"]

STATES = ("open", "failed", "done")
"""The states of a call, the best one last."""
STATUSES = ("not_started", "skipped", "in_doubt", "unsupported", "failed", "none_found", "ok")
"""The statuses of an input, the best one last."""
SUMS = ("sent", "requests", "paid", "most", "doubt", "tries")
"""Columns of an exchange that are added up."""


def merge(into: str | os.PathLike[str], sources: Sequence[str | os.PathLike[str]]) -> int:
    """Make a new journal of several ones, and return the number of inputs in it.

    Args:
        into: The file of the new journal.
        sources: The files of the others, which no process may have open, this one included.

    Raises:
        InputError: There is a file at ``into`` already, or one of the others is named twice.
        JournalError: One of the others is no journal, is damaged, or is in use; or the new one cannot be written.
    """
    target, files = Path(into), [Path(source).resolve() for source in sources]
    if len(set(files)) < len(files) or _is_one_twice(files):
        raise InputError("a journal is named twice", advice="What was paid would be counted twice: name each once.")
    if target.exists():
        raise InputError(f"{target} exists already", advice="Give the name of a new file.")
    for source in sources:
        existing(source)
    try:
        with _errors(target):
            db = storage.open_or_make(target, SCHEMA, _connect)
            try:
                for file in files:
                    with _prepared(file) as copied, _damage(file):
                        _add(db, copied)
                [(n,)] = db.execute("SELECT COUNT(*) FROM items")
            finally:
                db.close()
    except BaseException:
        storage.remove(target)  # a file with some of the journals would pass for one with all of them
        raise
    return int(n)


def _connect(path: str) -> storage.Connection:
    return storage.connect(path, timeout=0.2)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (SQLiteError, OSError, ValueError) as error:
        if isinstance(error, JournalError):
            raise
        raise JournalError(f"{path} cannot be merged ({error})", advice="Check the disk, or leave one out.") from error


@contextmanager
def _damage(file: Path) -> Iterator[None]:
    """Raise JournalError if the ``with`` block fails because a journal holds what cloudai never writes."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if isinstance(error, JournalError):
            raise
        raise JournalError(f"{file} is damaged ({type(error).__name__})", advice=IF_DAMAGED) from error


def _is_one_twice(files: Sequence[Path]) -> bool:
    """Return whether two names lead to the same file."""
    there = [file for file in files if file.exists()]
    return len({(file.stat().st_dev, file.stat().st_ino) for file in there}) < len(there)


@contextmanager
def _prepared(file: Path) -> Iterator[Path]:
    """Yield a copy of a journal that has all columns of this version, and an ending for each input of a killed run.

    The journal itself is only read. It may be another user's, or on a medium that nobody can write to.
    """
    with copy_of(file) as (copied, busy):
        if busy:
            # A merged journal would lack the answers that the running batch is still to receive and to pay for.
            raise JournalError(
                f"{file} is used by another process", advice="Wait until it ends; a killed one lets go by itself."
            )
        opened = Journal(copied or file, make=False, called=file)  # this migrates a copy of an earlier version
        try:
            for batch in opened.read(queries.headings):
                opened.ask(rows.mend(batch["batch"], KILLED))
        finally:
            opened.close()
        yield copied or file


def _add(db: Database, file: Path) -> None:
    """Add what a journal holds to the new one, in one transaction."""
    # The file is attached before the transaction and detached after it, because SQLite detaches no file within one.
    db.execute("ATTACH DATABASE ? AS source", (str(file),))
    try:
        with storage.transaction(db):
            batches = _add_batches(db)
            calls = {call[0]: _add_call(db, batches, *call) for call in _all(db, "calls", CALL)}
            _add_streaks(db, calls)
            for item in _all(db, "items", ITEM):
                _add_item(db, batches, calls, item)
    finally:
        with suppress(SQLiteError):  # after a failure, that is what is raised
            db.execute("DETACH DATABASE source")


CALL = "id, key, batch, sha256, state, rounds, run, item, memory, result, meta, error"
ITEM = "batch, item, call, name, row, status, facts, error, run"


def _all(db: Database, table: str, columns: str) -> Any:
    return db.execute(f"SELECT {columns} FROM source.{table} ORDER BY 1, 2")  # noqa: S608  # our names


def _add_batches(db: Database) -> dict[int, int]:
    """Add the batches, and return the number of each in the new journal by its number in the other one."""
    numbers = {}
    for number, digest, *rest, run in list(
        db.execute("SELECT id, digest, provider, operation, options, version, started_at, run FROM source.batches")
    ):
        db.execute(
            "INSERT INTO batches (digest, provider, operation, options, version, started_at, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET run = MAX(run, excluded.run),"
            " started_at = MIN(started_at, excluded.started_at)",
            (digest, *rest, run),
        )
        [(numbers[number],)] = db.execute("SELECT id FROM batches WHERE digest = ?", (digest,))
    return numbers


def _add_call(db: Database, batches: dict[int, int], number: int, key: str, batch: int, *columns: Any) -> int:
    """Add a call with its exchanges and names, and return its number in the new journal."""
    sha256, state, rounds, run, item, *texts = columns
    if state not in STATES:
        raise ValueError("a call has no state that is known")
    known = list(db.execute("SELECT id, state FROM main.calls WHERE key = ?", (key,)))
    better = not known or STATES.index(state) > STATES.index(known[0][1])
    if not known:
        db.execute(
            "INSERT INTO calls (key, batch, sha256, state, rounds, run, item, memory, result, meta, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, batches[batch], sha256, state, rounds, run, item, *texts),
        )
        known = list(db.execute("SELECT id, state FROM main.calls WHERE key = ?", (key,)))
    elif better:
        db.execute(
            "UPDATE main.calls SET state = ?, rounds = MAX(rounds, ?), run = ?, item = ?,"
            " memory = ?, result = ?, meta = ?, error = ? WHERE key = ?",
            (state, rounds, run, item, *texts, key),
        )
    call = int(known[0][0])
    # A doubt is not added up like the rest: once one of the journals has the reply, the request is in doubt no more.
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS if name != "doubt")
    reply = "status = excluded.status, headers = excluded.headers, body = excluded.body"
    theirs = "excluded.status IS NOT NULL" if better else "excluded.status IS NOT NULL AND status IS NULL"
    columns_of = "step_id, units, sent, requests, paid, most, doubt, tries, company, status, headers, body"
    for exchange in list(db.execute(f"SELECT {columns_of} FROM source.exchanges WHERE call = ?", (number,))):  # noqa: S608  # our names
        values = (call, *exchange)
        db.execute(
            f"INSERT INTO exchanges (call, {columns_of}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608  # our names
            f" ON CONFLICT (call, step_id) DO UPDATE SET {sums},"
            " doubt = CASE WHEN status IS NULL AND excluded.status IS NULL THEN doubt + excluded.doubt ELSE 0 END",
            values,
        )
        if exchange[9] is not None:
            db.execute(
                f"INSERT INTO exchanges (call, {columns_of}) VALUES ({', '.join('?' * len(values))})"  # noqa: S608  # our names
                f" ON CONFLICT (call, step_id) DO UPDATE SET {reply} WHERE {theirs}",
                values,
            )
    db.execute("INSERT OR IGNORE INTO names SELECT name, ? FROM source.names WHERE call = ?", (call, number))
    return call


def _add_streaks(db: Database, calls: dict[int, int]) -> None:
    last = queries.last_streak(db)
    for streak, call, step_id, tries in list(db.execute("SELECT streak, call, step_id, tries FROM source.streaks")):
        if call in calls:
            # Two journals may have used the same numbers for their streaks, so these get numbers behind those that are
            # there.
            values = (last + streak, calls[call], step_id, tries)
            db.execute("INSERT OR REPLACE INTO streaks (streak, call, step_id, tries) VALUES (?, ?, ?, ?)", values)


def _add_item(db: Database, batches: dict[int, int], calls: dict[int, int], row: Sequence[Any]) -> None:
    """Add an input; one that has the number of another input gets a number that is free."""
    batch, item, call, name, theirs, status, facts, error, run = row
    if status not in STATUSES:
        raise ValueError("an input has no status that is known")
    batch, call = batches[batch], None if call is None else calls[call]
    here = list(
        db.execute(
            "SELECT call, name, status, facts, error, row FROM main.items WHERE batch = ? AND item = ?", (batch, item)
        )
    )
    if here and here[0][:2] == (call, name):
        status, facts, error, theirs = _better((status, facts, error, theirs), here[0][2:])
    elif here:
        [(item,)] = db.execute("SELECT MAX(item) + 1 FROM main.items WHERE batch = ?", (batch,))
    db.execute(
        "INSERT OR REPLACE INTO items (batch, item, call, name, row, status, facts, error, run)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (batch, item, call, name, theirs, status, facts, error, run),
    )


def _better(one: Sequence[Any], other: Sequence[Any]) -> Sequence[Any]:
    """Return the better ending of the same input in two journals, with the attempts and the billed units of both."""
    best, rest = sorted((one, other), key=lambda ending: STATUSES.index(ending[0]), reverse=True)
    facts, more = json.loads(best[1]), json.loads(rest[1])
    for name in ("attempts", "billed_min", "billed_max"):
        facts[name] = (facts.get(name) or 0) + (more.get(name) or 0)
    return best[0], json.dumps(facts, ensure_ascii=False), *best[2:]
