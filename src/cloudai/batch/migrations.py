"""This module migrates a journal of an earlier version to this version, with everything that was paid for.

Earlier versions held more than a journal should: the words of some texts, signed addresses, the values in ``extra=``,
and the texts of errors that a ``send=`` of the user raised. A migration takes them out. It writes the rows that may
hold them into a new table and drops the old one: SQLite overwrites the pages of a dropped table, whereas a row that is
changed where it stands may leave words behind in its page.

All versions find a call by the same key: a digest of the provider, the operation, its options and the input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from cloudai.core.urls import shown
from cloudai.media.source import ADDRESS
from cloudai.operations import OPERATIONS
from cloudai.storage import Database, Step
from cloudai.text import encodable

__all__ = ["MIGRATIONS", "UNKNOWN_FOLDER"]

Row: TypeAlias = dict[str, Any]

UNKNOWN_FOLDER = "…/"
"""Stands before the name of a file of which version 1 had not kept the folder."""
NOT_FOUND_AGAIN = (
    "inputs that were asked with {} as a set, or as another value that is no plain data, may not be found again and"
    " would then be asked anew, but their results can still be read"
)
PLAIN_DATA = ("attributes", "extra", "features")
"""Options that are lists or dicts; where they were given as something else, version 1 has kept how Python shows it."""
IN_MESSAGE = re.compile(r"(https?|gs)://.*?(?= is an address$|$)", re.IGNORECASE)
"""The address in the message of an InputError, which stood at its beginning or at its end."""


def _to_version_2(db: Database) -> str | None:
    """Change a journal of version 1 into one of version 2, and return a warning for the user, or None.

    It gets the number of requests and the names of inputs, and loses what version 2 does not hold: the words of texts,
    signed addresses and the values in ``extra=``.
    """
    operations = dict(db.execute("SELECT id, operation FROM batches"))
    texts = {batch for batch, operation in operations.items() if _kind(operation) == "text"}
    given = [json.loads(options) for (options,) in db.execute("SELECT options FROM batches")]
    _add_requests(db)
    _rewrite(db, "batches", _without_extra)
    _rewrite(db, "items", lambda row: _text_item(row) if row["batch"] in texts else _file_item(row))
    _rewrite(db, "calls", lambda row: row if row["batch"] in texts else _file_call(row))
    _add_names(db, operations)
    unlike = sorted({name for options in given for name in PLAIN_DATA if isinstance(options.get(name), str)})
    return NOT_FOUND_AGAIN.format(", ".join(f"{name}=" for name in unlike)) if unlike else None


def _kind(operation: str) -> str:
    """Return what the inputs of an operation are: "image", "audio" or "text"."""
    return OPERATIONS[operation].input


def _add_requests(db: Database) -> None:
    """Add the number of requests to the exchanges of a file that was written before inputs were asked together.

    Such a file also counted runs without an answer where nobody got one, so that these counts are set to 0.
    """
    if "requests" in _columns(db, "exchanges"):
        return
    db.execute("ALTER TABLE exchanges ADD COLUMN requests INTEGER NOT NULL DEFAULT 0")
    db.execute("UPDATE exchanges SET requests = sent")
    # The first of these files count runs that ended without an answer, also where nobody got one. Now it means that
    # others were answered meanwhile, and an input can be blamed for that.
    db.execute("UPDATE calls SET rounds = 0")


def _without_extra(row: Row) -> Row:
    """Return a row of batches with only the names in ``extra=``, whose values may be keys, and no empty options."""
    options = json.loads(row["options"])
    if "extra" in options:
        options["extra"] = list(options["extra"]) if isinstance(options["extra"], dict) else None
    return {**row, "options": _as_json({name: value for name, value in options.items() if value})}


def _text_item(row: Row) -> Row:
    """Return a row of items in which a text is named by its digest, or by its number, and its words are removed."""
    sha256 = json.loads(row["facts"]).get("sha256")
    name = f"text-{sha256[:8]}" if sha256 else f"input {row['item']}"
    words = row["name"]
    return {**row, "name": name, "row": _with_texts(row["row"], lambda value: None if value == words else value)}


def _file_item(row: Row) -> Row:
    """Return a row of items in which an address, also one in a column of the user, has lost what may be a key."""
    if not ADDRESS.match(row["name"]):
        return row
    name = shown(row["name"])

    def harmless(value: str) -> str:
        return name if ADDRESS.match(value) and shown(value) == name else value

    return {**row, "name": name, "row": _with_texts(row["row"], harmless)}


def _file_call(row: Row) -> Row:
    """Return a row of calls in which an address has lost what may be a key, in the form that version 2 has.

    The facts about an input that version 1 has under "frame" or "sound" are under "fitted" there.
    """
    memory = json.loads(row["memory"] or "{}")
    for word in memory.keys() & {"frame", "sound"}:
        fitted = memory.pop(word)
        memory["fitted"] = {**fitted, "uri": fitted["uri"] and shown(fitted["uri"])}
    meta = _with_texts(row["meta"], lambda value: shown(value) if ADDRESS.match(value) else value)
    return {**row, "memory": row["memory"] and _as_json(memory), "meta": meta}


def _add_names(db: Database, operations: Mapping[int, str]) -> None:
    """Make the table of names, by which an input can be found and forgotten, and fill it as far as names are known.

    Only the inputs of the last run have kept their names. The result of an earlier one has the name of its file,
    without the folder, and each call has the digest of its input.
    """
    db.execute("CREATE TABLE names (name TEXT NOT NULL, call INTEGER NOT NULL, PRIMARY KEY (name, call)) WITHOUT ROWID")
    db.execute("INSERT INTO names (name, call) SELECT DISTINCT name, call FROM items WHERE call NOT NULL")
    nameless = "SELECT id, batch, sha256, meta FROM calls WHERE id NOT IN (SELECT call FROM names)"
    for call, batch, sha256, meta in list(db.execute(nameless)):
        by_digest = f"{_kind(operations[batch])}-{sha256[:8]}"
        name = json.loads(meta or "{}").get("input") or by_digest
        if name != by_digest and not ADDRESS.match(name):
            name = f"{UNKNOWN_FOLDER}{name}"
        db.execute("INSERT INTO names (name, call) VALUES (?, ?)", (name, call))


def _to_version_3(db: Database) -> None:
    """Change a journal of version 2 into one of version 3.

    The column "place" becomes "step_id", wrong names of inputs that were given as bytes are corrected, and errors lose
    signed addresses and the texts of exceptions that were not cloudai's.
    """
    db.execute("ALTER TABLE exchanges RENAME COLUMN place TO step_id")
    # Earlier versions named an input that was given as bytes as if it had an address: with "://" in front.
    for table in ("items", "names"):
        db.execute(f"UPDATE OR REPLACE {table} SET name = substr(name, 4) WHERE substr(name, 1, 3) = '://'")  # noqa: S608
    for table in ("items", "calls"):
        # All rows are read before the table is written: SQLite drops no table that is being read.
        harmless = [error == _harmless_error(error) for (error,) in db.execute(f"SELECT error FROM {table}")]  # noqa: S608
        if not all(harmless):
            _rewrite(db, table, lambda row: {**row, "error": _harmless_error(row["error"])})


def _harmless_error(text: str | None) -> str | None:
    """Return an error without a signed address, and without the text of what a ``send=`` raised.

    Such a text may hold the request with its key and its upload. It stood behind the name of its class, and the error
    had no other fields.
    """
    error = json.loads(text or "{}")
    message, kind = error.get("message", ""), error.get("type", "")
    if error.keys() == {"type", "message"} and message.startswith(f"{kind}: "):
        return _as_json({**error, "message": f"{kind}, raised while it was asked"})
    if kind == "InputError" and IN_MESSAGE.search(message):
        return _as_json({**error, "message": IN_MESSAGE.sub(lambda match: shown(match[0]), message)})
    return text


def _columns(db: Database, table: str) -> list[str]:
    return [column for _, column, *_ in db.execute(f"PRAGMA table_info({table})")]


def _rewrite(db: Database, table: str, change: Callable[[Row], Row]) -> None:
    """Write every row of a table into a new one with its name, and drop the old one."""
    columns = _columns(db, table)
    made = "SELECT sql FROM sqlite_schema WHERE type = ? AND tbl_name = ? AND sql NOT NULL"
    tables, indices = ([sql for (sql,) in db.execute(made, (kind, table))] for kind in ("table", "index"))
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for sql in tables:
        db.execute(sql)
    for values in db.execute(f"SELECT {names} FROM old_{table}"):  # noqa: S608  # our names
        row = change(dict(zip(columns, values, strict=True)))
        db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [row[column] for column in columns])  # noqa: S608
    db.execute(f"DROP TABLE old_{table}")
    for sql in indices:
        db.execute(sql)


def _with_texts(text: str | None, change: Callable[[str], str | None]) -> str | None:
    """Return the text of a JSON object with its top-level texts changed, and without those that became None.

    Return None for None, and the text as it is if nothing changed.
    """
    if text is None:
        return None
    before = json.loads(text)
    after = dict(before)
    for name, value in before.items():
        if isinstance(value, str) and (changed := change(encodable(value))) != encodable(value):
            after[name] = changed
            if changed is None:
                del after[name]
    return text if after == before else _as_json(after)


def _as_json(value: Any) -> str:
    return str(encodable(json.dumps(value, ensure_ascii=False)))


MIGRATIONS: Mapping[int, tuple[Step, ...]] = {
    1: (_to_version_2,),
    2: (_to_version_3,),
    # Rows of a run stay until a later run has come to the same input, so each says which run wrote it.
    3: (
        "ALTER TABLE items ADD COLUMN run INTEGER NOT NULL DEFAULT 1",
        "UPDATE items SET run = COALESCE((SELECT run FROM batches WHERE id = batch), 1)",
    ),
    # Requests for several inputs are told from those for one alone. Of the earlier ones that is not known: each doubt
    # counts as a try of the input, as before.
    4: (
        "ALTER TABLE exchanges ADD COLUMN tries INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE exchanges ADD COLUMN company INTEGER",
        """CREATE TABLE streaks (
            streak INTEGER NOT NULL, call INTEGER NOT NULL, step_id TEXT NOT NULL, tries INTEGER NOT NULL,
            PRIMARY KEY (streak, call, step_id)) WITHOUT ROWID""",
        "CREATE INDEX streaks_call ON streaks (call)",
        "UPDATE exchanges SET tries = doubt",
    ),
}
"""The steps that lead from each version of the journal to the next one."""
