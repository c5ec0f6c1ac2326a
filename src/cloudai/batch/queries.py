"""The tables of a journal, and the functions that write and read its batches, calls and exchanges.

The rows of inputs have a module of their own, `cloudai.batch.rows`.

A function that takes no connection returns one that does, for `Journal.do`, which runs it in the thread that owns the
file. A function that takes the connection is called in that thread.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from cloudai.batch.columns import checked, error_text, json_object, storable
from cloudai.batch.migrations import MIGRATIONS, UNKNOWN_FOLDER
from cloudai.batch.outage import Streak
from cloudai.batch.statements import statement
from cloudai.core.flow import Response
from cloudai.core.json_writing import json_text
from cloudai.core.retry import AttemptOutcome
from cloudai.storage import Database, Schema

__all__ = ["SCHEMA", "CallRecord", "Database", "StoredReply", "Unanswered"]

SCHEMA = Schema(
    name="journal",
    application=0x636C6475,  # "cldu"
    version=5,
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
        # it is in doubt, how many of these count as tries of the input, how many inputs were in the smallest request
        # that failed as a whole, and the reply.
        """CREATE TABLE exchanges (
            call INTEGER NOT NULL, step_id TEXT NOT NULL, units INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0,
            requests INTEGER NOT NULL DEFAULT 0,
            paid INTEGER NOT NULL DEFAULT 0, most INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,
            tries INTEGER NOT NULL DEFAULT 0, company INTEGER,
            status INTEGER, headers TEXT, body BLOB, PRIMARY KEY (call, step_id)) WITHOUT ROWID""",
        # The inputs in their order, what became of each, and the number of the run that wrote it down. The rows of an
        # earlier run stay until a later one has come to the same input; run 0 stands for lists of inputs of which a
        # later run has replaced the whole.
        """CREATE TABLE items (
            batch INTEGER NOT NULL, item INTEGER NOT NULL, call INTEGER, name TEXT NOT NULL, row TEXT,
            status TEXT NOT NULL, facts TEXT NOT NULL, error TEXT, run INTEGER NOT NULL DEFAULT 1,
            PRIMARY KEY (batch, item)) WITHOUT ROWID""",
        "CREATE INDEX items_call ON items (call)",
        # A row for each exchange in a streak of failures: how many of its tries were in the streak, for which the
        # service may be at fault.
        """CREATE TABLE streaks (
            streak INTEGER NOT NULL, call INTEGER NOT NULL, step_id TEXT NOT NULL, tries INTEGER NOT NULL,
            PRIMARY KEY (streak, call, step_id)) WITHOUT ROWID""",
        "CREATE INDEX streaks_call ON streaks (call)",
    ),
    # FULL makes each commit wait for the disk: a request goes out only once it is written down where a power cut cannot
    # take it away. What a user has forgotten is overwritten, and does not stay in the free pages of the file.
    pragmas=("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"),
    migrations=MIGRATIONS,
    exclusive=True,
)
OF_A_CALL = (("exchanges", "call"), ("streaks", "call"), ("calls", "id"), ("items", "call"), ("names", "call"))
"""The tables with rows about a call, each with its column that holds the number of the call."""
COLUMNS_OF_A_CALL = frozenset(("memory", "result", "meta", "error"))
"""The columns of a call that are written when its state changes."""
ELSEWHERE = "elsewhere"
"""The answer of a keeper that has not written a request down, because another process carries out its call now."""
NOT_KEPT = ("set-cookie", "set-cookie2")
"""Headers of a reply that hold a credential, and that are not written down."""


@dataclass(frozen=True)
class Unanswered:
    """The known facts about the requests of a step that went without an answer, or were refused as a whole."""

    doubt: int = 0
    """How often something was sent without learning what became of it."""
    tries: int = 0
    """How many of these requests were for this input alone, while the service was up."""
    company: int | None = None
    """How many inputs were in the smallest request that failed as a whole: 1 for one input alone, None for no such
    request."""


@dataclass(slots=True)
class CallRecord:
    """The state of a call in the journal, read when a worker looks up an input."""

    call: int
    state: str = "open"
    """"open", "done" or "failed"."""
    suspect: bool = False
    """True if the call went without an answer while others were answered."""
    unanswered: Mapping[str, Unanswered] = field(default_factory=dict)
    """The facts about the requests that were not answered, by step."""
    attempts: int = 0
    """How often the requests of the call were sent, in all runs."""
    paid: int = 0
    most: int = 0
    """The units that were billed for it, at least (``paid``) and at most (``most``)."""
    first: int | None = None
    """The number of the input that came to this call first in this run, if that is another one with the same bytes."""
    of_another_list: bool = False
    """True if the call was entered for another list of inputs: the units so far are then counted there alone."""
    result: str | None = None
    meta: str | None = None
    error: str | None = None
    memory: str | None = None
    """The facts about the input, as JSON, with which its replies can be read again without it."""
    replies: Mapping[str, StoredReply] = field(default_factory=dict)
    others: tuple[int, ...] = ()
    """The calls to the other providers of the batch for the same input."""

    @property
    def in_doubt(self) -> bool:
        """True if something was sent, and what became of it is not known."""
        return any(step.doubt for step in self.unanswered.values())


@dataclass(frozen=True)
class StoredReply:
    """A reply of an earlier run."""

    units: int
    response: Response


@statement
def begin(digest: str, provider: str, operation: str, options: Mapping[str, Any], *, version: str, now: str) -> Any:
    """Return a function for `Journal.do` that enters a batch, and returns its number and that of its next run.

    A batch with the same digest is entered only once. The run itself is entered by `anew`, because a batch that is only
    planned begins no run.
    """

    def work(db: Database) -> tuple[int, int]:
        db.execute(
            "INSERT INTO batches (digest, provider, operation, options, version, started_at, run)"
            " VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (digest) DO UPDATE SET version = excluded.version",
            (digest, provider, operation, json.dumps(options, ensure_ascii=False, default=str), version, now),
        )
        [(batch, run)] = db.execute("SELECT id, run + 1 FROM batches WHERE digest = ?", (digest,))
        return checked(batch, int), checked(run, int)

    return work


@statement
def enlist(digest: str, provider: str, operation: str, options: str, *, version: str, now: str) -> Any:
    """Return a function for `Journal.do` that enters a list of inputs, and returns its number and that of its run.

    A keeper serves several lists at the same time, and several processes with one list. So each list is a batch of its
    own, and all that is ever written of it belongs to its first run.

    Args:
        digest: The sha256 (hex) of the task and of the list.
        provider: The name of the provider.
        operation: The name of the operation.
        options: The options, as JSON.
        version: The version of cloudai.
        now: The time, as ISO 8601.
    """

    def work(db: Database) -> tuple[int, int]:
        db.execute(
            "INSERT INTO batches (digest, provider, operation, options, version, started_at, run)"
            " VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (digest) DO UPDATE SET version = excluded.version",
            (digest, provider, operation, json.dumps(json_object(options), ensure_ascii=False), version, now),
        )
        [(batch, run)] = db.execute("SELECT id, run FROM batches WHERE digest = ?", (digest,))
        return checked(batch, int), checked(run, int)

    return work


@statement
def anew(batch: int, run: int) -> Any:
    """Return a function for `Journal.do` that enters that a run begins; what earlier runs have written stays."""
    return lambda db: db.execute("UPDATE batches SET run = ? WHERE id = ?", (run, batch)) and None


@statement
def look_up(batch: int, run: int, item: int, *, key: str, sha256: str, name: str) -> Any:
    """Return a function for `Journal.do` that returns the `CallRecord` of the call with this key.

    The function enters the call if it is not there yet, and the name of the input. If another input of this run has
    come to the call before, the record's ``first`` is the number of that input.
    """

    def work(db: Database) -> CallRecord:
        item_record = db.execute(
            "INSERT OR IGNORE INTO calls (key, batch, sha256, state, item, run) VALUES (?, ?, ?, 'open', ?, ?)"
            " RETURNING id",
            (key, batch, sha256, item, run),
        )
        for (call,) in list(item_record):
            db.execute("INSERT INTO names (name, call) VALUES (?, ?)", (storable(name), call))
            return CallRecord(call)
        # The call, and its bill, belong to the first input of this run that comes to it; later ones are copies. The
        # call may also belong to another batch, of this provider alone or with other ones beside it, whose runs have
        # numbers of their own.
        db.execute(
            "UPDATE calls SET run = ?, item = ? WHERE key = ? AND batch = ? AND run < ?", (run, item, key, batch, run)
        )
        [(call, of_batch, of_run, of_item)] = db.execute("SELECT id, batch, run, item FROM calls WHERE key = ?", (key,))
        db.execute("INSERT OR IGNORE INTO names (name, call) VALUES (?, ?)", (storable(name), call))
        first = checked(of_item, int) if (of_batch, of_run) == (batch, run) and of_item != item else None
        return replace(_record(db, call), first=first)

    return work


@statement
def look_up_each(batch: int, run: int, item: int, *, keys: Sequence[str], sha256: str, name: str) -> Any:
    """Return a function for `Journal.do` that looks up the calls of one input to several providers; see `look_up`."""
    works = [look_up(batch, run, item, key=key, sha256=sha256, name=name) for key in keys]

    def work(db: Database) -> list[CallRecord]:
        records = [each(db) for each in works]
        if len(records) == 1:
            return records
        calls = [record.call for record in records]
        return [replace(record, others=tuple(call for call in calls if call != record.call)) for record in records]

    return work


def of_lists(records: Sequence[CallRecord], batch: int) -> Any:
    """Return a function that returns these records with `of_another_list` set for the list of this number."""

    def work(db: Database) -> list[CallRecord]:
        batches = [next(iter(db.execute("SELECT batch FROM calls WHERE id = ?", (each.call,))))[0] for each in records]
        return [
            replace(each, of_another_list=of_batch != batch) for each, of_batch in zip(records, batches, strict=True)
        ]

    return work


@statement
def key_of(call: int) -> Any:
    """Return a function for `Journal.do` that returns the key of a call."""

    def work(db: Database) -> str:
        [(key,)] = db.execute("SELECT key FROM calls WHERE id = ?", (call,))
        return str(key)

    return work


@statement
def record_of(call: int) -> Any:
    """Return a function for `Journal.do` that returns the `CallRecord` of a call."""
    return lambda db: _record(db, call)


@statement
def state_of(key: str) -> Any:
    """Return a function for `Journal.do` that returns the state of the call with this key.

    The state is "open", "doubt" (open, and something was sent without learning what became of it), "done" or "failed";
    None if there is no such call.
    """

    def work(db: Database) -> str | None:
        rows = list(
            db.execute(
                "SELECT state, (SELECT MAX(doubt) FROM exchanges WHERE call = id) FROM calls WHERE key = ?", (key,)
            )
        )
        return ("doubt" if rows[0][1] and rows[0][0] == "open" else str(rows[0][0])) if rows else None

    return work


@statement
def used(batches: Sequence[int]) -> Any:
    """Return a function for `Journal.do` that returns the billed requests and the units of a list with a limit.

    The journal is that of a keeper. From then on `within` counts for all processes that carry out the list.

    Args:
        batches: The numbers of the batches of the list, one for each operation.
    """
    name = _joined(batches)

    def work(db: Database) -> tuple[int, int]:
        requests, units = map(sum, zip(*(spent(batch)(db) for batch in batches), strict=True))
        db.execute(
            "INSERT INTO limits (batches, requests, units) VALUES (?, ?, ?) ON CONFLICT (batches) DO UPDATE SET"
            " requests = MAX(requests, excluded.requests), units = MAX(units, excluded.units)",
            (name, requests, units),
        )
        [(requests, units)] = db.execute("SELECT requests, units FROM limits WHERE batches = ?", (name,))
        return checked(requests, int), checked(units, int)

    return work


@statement
def within(
    batches: Sequence[int], limits: Sequence[int | None], adds: Sequence[int], entered: Callable[[Database], Any]
) -> Any:
    """Return a function for `Journal.do` that runs another one unless that would exceed a limit of a list.

    The journal is that of a keeper. The function returns the limit that was reached, for example "max_requests=100",
    and what the other function returns if there was none.

    Args:
        batches: The numbers of the batches of the list, one for each operation, as `used` was given them.
        limits: The maximum numbers of billed requests and of billed units; None for no limit.
        adds: The requests and the units that the other function enters; negative if it takes them back.
        entered: The other function.
    """
    name, (max_requests, max_units), (requests, units) = _joined(batches), limits, adds

    def work(db: Database) -> Any:
        for used_requests, used_units in list(
            db.execute("SELECT requests, units FROM limits WHERE batches = ?", (name,))
        ):
            if max_requests is not None and requests > 0 and used_requests + requests > max_requests:
                return f"max_requests={max_requests}"
            if max_units is not None and units > 0 and used_units + units > max_units:
                return f"max_units={max_units}"
        db.execute(
            "UPDATE limits SET requests = requests + ?, units = units + ? WHERE batches = ?", (requests, units, name)
        )
        return entered(db)

    return work


def _joined(batches: Sequence[int]) -> str:
    return ",".join(str(int(batch)) for batch in batches)


def without_flights(db: Database) -> None:
    """Remove the doubt about requests of the run that is under way, because their answers may still come.

    This changes the copy of a journal from which a plan is made, and never the journal itself. An input that is entered
    as in doubt stays so.
    """
    db.execute(
        "UPDATE exchanges SET doubt = 0 WHERE call IN (SELECT c.id FROM calls AS c JOIN batches AS b ON b.id = c.batch"
        " WHERE c.state = 'open' AND c.run = b.run"
        " AND NOT EXISTS (SELECT 1 FROM items WHERE call = c.id AND status = 'in_doubt'))"
    )


def _record(db: Database, call: int) -> CallRecord:
    """Return the record of a call.

    Raises:
        ValueError: The file is damaged.
    """
    [(state, rounds, result, meta, error, memory)] = db.execute(
        "SELECT state, rounds, result, meta, error, memory FROM calls WHERE id = ?", (call,)
    )
    if state not in ("open", "done", "failed"):
        raise ValueError("a call has no state that is known")
    unanswered = {
        step_id: Unanswered(checked(doubt, int), checked(tries, int), checked(company, int | None))
        for step_id, doubt, tries, company in db.execute(
            "SELECT step_id, doubt, tries, company FROM exchanges WHERE call = ? AND (doubt > 0 OR company > 0)",
            (call,),
        )
    }
    sent, paid, most = totals(db, call)
    return CallRecord(
        call=call,
        state=state,
        suspect=bool(rounds),
        unanswered=unanswered,
        attempts=sent,
        paid=paid,
        most=most,
        result=checked(result, str | None),
        meta=checked(meta, str | None),
        error=error_text(error),
        memory=None if memory is None else json.dumps(json_object(memory), ensure_ascii=False),
        replies=_replies(db, call),
    )


def totals(db: Database, call: int) -> tuple[int, int, int]:
    """Return how often requests of a call were sent, and the units that were billed for them, at least and at most."""
    [(sent, paid, most)] = db.execute(
        "SELECT TOTAL(sent), TOTAL(paid), TOTAL(most) FROM exchanges WHERE call = ?", (call,)
    )
    return int(sent), int(paid), int(most)


def _replies(db: Database, call: int) -> dict[str, StoredReply]:
    """Return the replies to a call by step id, in the order of the steps."""
    rows = db.execute(
        "SELECT step_id, units, status, headers, body FROM exchanges WHERE call = ? AND status IS NOT NULL", (call,)
    )
    matches = {
        step_id: StoredReply(
            checked(units, int),
            Response(checked(status, int), _headers(headers), checked(body, bytes), replayed=True),
        )
        for step_id, units, status, headers, body in rows
    }
    return {step_id: matches[step_id] for step_id in sorted(matches, key=in_order)}


def _headers(text: Any) -> dict[str, str]:
    """Return the headers of a reply.

    Raises:
        ValueError: The text is damaged.
    """
    return {name: str(value) for name, value in json_object(text).items()}


def in_order(step_id: str) -> list[int]:
    """Return the numbers in a step id, by which steps are sorted: [1, 0, 2] for "1.0.2"."""
    # Texts are not in the order of their numbers: "10" would come before "2".
    return [int(number) for number in step_id.split(".")]


@statement
def intend(call: int, step_id: str, units: int, requests: int = 1, company: int = 1) -> Any:
    """Return a function for `Journal.do` that enters that a request is about to go out.

    From then on the request is in doubt, and may have been billed.

    Args:
        call: The number of the call.
        step_id: The step of the call.
        units: The units that the request may be billed.
        requests: 1; 0 if another input counts the request that both go out in.
        company: The number of inputs in the request. Only a request for one input alone counts as a try of it.
    """
    values = (call, step_id, units, requests, units, int(company == 1), company)

    def work(db: Database) -> None:
        db.execute(
            "INSERT INTO exchanges (call, step_id, units, sent, requests, most, doubt, tries, company)"
            " VALUES (?, ?, ?, 1, ?, ?, 1, ?, ?)"
            " ON CONFLICT (call, step_id) DO UPDATE SET sent = sent + 1, requests = requests + excluded.requests,"
            " most = most + excluded.most, doubt = doubt + 1, tries = tries + excluded.tries,"
            " company = excluded.company",
            values,
        )

    return work


@statement
def answer(call: int, step_id: str, units: int, response: Response, memory: Mapping[str, Any]) -> Any:
    """Return a function for `Journal.do` that enters a good reply to a step, and ends the doubt about it.

    A reply that was entered for the step before is replaced, so that of the polls of one job the last reply is kept.
    Cookies are left out. A reply that was replayed counts as not billed.

    Args:
        call: The number of the call.
        step_id: The step of the call.
        units: The units that the request is billed.
        response: The reply.
        memory: The facts about the input with which its replies can be read again without it.
    """
    kept = {name: value for name, value in response.headers.items() if name not in NOT_KEPT}
    headers = json.dumps(kept, default=str)  # a `send=` of the user's may give numbers
    paid = 0 if response.replayed else units
    values = (call, step_id, units, paid, paid, response.status, headers, response.content, paid)
    remembered = json_text(memory), call

    def work(db: Database) -> None:
        # `most` stays: `intend` has counted this request in it, and earlier ones in doubt may have been billed.
        db.execute(
            "INSERT INTO exchanges (call, step_id, units, paid, most, status, headers, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (call, step_id) DO UPDATE SET doubt = 0, tries = 0,"
            " company = NULL, paid = paid + ?,"
            " status = excluded.status, headers = excluded.headers, body = excluded.body",
            values,
        )
        db.execute("UPDATE calls SET memory = ? WHERE id = ?", remembered)

    return work


@statement
def adopt(call: int, run: int, item: int, matches: CallRecord) -> Any:
    """Return a function for `Journal.do` that enters the replies and the result that the cache holds of a call.

    The call is done then, and nothing of it is in doubt any more. The numbers of requests that were sent and of units
    that were paid do not change.
    """

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


@statement
def undo(
    call: int,
    step_id: str,
    units: int,
    requests: int,
    *,
    company: int,
    outcome: AttemptOutcome,
    smallest: int | None,
    streak: Streak | None,
) -> Any:
    """Return a function for `Journal.do` that takes back what `intend` has entered, as far as it did not happen.

    Args:
        call: The number of the call.
        step_id: The step of the call.
        units: The units that were entered.
        requests: The requests that were entered.
        company: The number of inputs that was entered.
        outcome: What became of the attempt.
        smallest: The number of inputs in the smallest request that has failed as a whole; None if none has.
        streak: The streak of failures that the attempt belongs to, if it was a try of the input alone; else None.
    """
    unsent, settled = int(outcome.state == "NOT_SENT"), int(outcome.state != "UNKNOWN")
    counts, most = streak is not None and not streak.excused, 0 if outcome.billed else units
    # A try stays counted while its streak may still turn out to be the input's fault; `excuse` takes it back otherwise.
    tries = int(company == 1 and not counts)

    def work(db: Database) -> None:
        db.execute(
            "UPDATE exchanges SET sent = sent - ?, requests = requests - ?, most = most - ?, doubt = doubt - ?,"
            " tries = MAX(0, tries - ?), company = ? WHERE call = ? AND step_id = ?",
            (unsent, requests * unsent, most, settled, tries, smallest, call, step_id),
        )
        if streak is not None and counts:
            db.execute(
                "INSERT INTO streaks (streak, call, step_id, tries) VALUES (?, ?, ?, 1)"
                " ON CONFLICT (streak, call, step_id) DO UPDATE SET tries = tries + 1",
                (streak.number, call, step_id),
            )

    return work


@statement
def excuse(streak: int) -> Any:
    """Return a function for `Journal.do` that enters that no try in a streak of failures counts against its input."""

    def work(db: Database) -> None:
        # A reply that came meanwhile has set the tries to 0 already.
        db.execute(
            "UPDATE exchanges SET tries = MAX(0, tries - (SELECT s.tries FROM streaks AS s WHERE s.streak = ?1"
            " AND s.call = exchanges.call AND s.step_id = exchanges.step_id))"
            " WHERE (call, step_id) IN (SELECT call, step_id FROM streaks WHERE streak = ?1)",
            (streak,),
        )
        db.execute("DELETE FROM streaks WHERE streak = ?", (streak,))

    return work


@statement
def recovered(call: int) -> Any:
    """Return a function for `Journal.do` that excuses every streak of failures that a call was in, in any run."""

    def work(db: Database) -> None:
        for (streak,) in list(db.execute("SELECT DISTINCT streak FROM streaks WHERE call = ?", (call,))):
            excuse(streak)(db)

    return work


def last_streak(db: Database) -> int:
    """Return the largest number of a streak of failures; 0 if there is none."""
    [(last,)] = db.execute("SELECT MAX(streak) FROM streaks")
    return checked(last, int | None) or 0


@statement
def settle(call: int, run: int, item: int, state: str, **columns: Any) -> Any:
    """Return a function for `Journal.do` that enters the state of a call: "done", "failed" for good, or "open".

    Args:
        call: The number of the call.
        run: The number of the run.
        item: The number of the input to which the call and its units are counted.
        state: The state.
        columns: Further columns of the call, such as ``result``, ``meta`` and ``error``.
    """
    if unknown := columns.keys() - COLUMNS_OF_A_CALL:
        raise ValueError(f"a call has no column {', '.join(unknown)}")

    def work(db: Database) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        db.execute(
            f"UPDATE calls SET state = ?, run = ?, item = ?{', ' * bool(names)}{names} WHERE id = ?",  # noqa: S608  # our names
            (state, run, item, *map(storable, columns.values()), call),
        )

    return work


@statement
def suspect(call: int) -> Any:
    """Return a function for `Journal.do` that enters that a call went without an answer while others were answered."""

    def work(db: Database) -> None:
        db.execute("UPDATE calls SET rounds = rounds + 1 WHERE id = ?", (call,))

    return work


@statement
def unpaid(call: int, step_id: str) -> Any:
    """Return a function for `Journal.do` that enters that a good reply cannot be used.

    It may not have been billed then. The reply to a poll, which costs nothing, is deleted, so that the job is polled
    again.
    """

    def work(db: Database) -> None:
        db.execute("UPDATE exchanges SET paid = 0 WHERE call = ? AND step_id = ?", (call, step_id))
        forgotten = "UPDATE exchanges SET status = NULL, headers = NULL, body = NULL"
        db.execute(f"{forgotten} WHERE call = ? AND step_id = ? AND units = 0", (call, step_id))

    return work


@statement
def spent(batch: int) -> Any:
    """Return a function for `Journal.do` that returns what all runs of a batch have spent.

    That is the number of requests, and the most units that they may have been billed.
    """

    def work(db: Database) -> tuple[int, int]:
        [(sent, most)] = db.execute(
            "SELECT TOTAL(requests), TOTAL(most) FROM exchanges WHERE call IN (SELECT id FROM calls WHERE batch = ?)",
            (batch,),
        )
        return int(sent), int(most)

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
    """Return what `headings` returns, and of each batch its inputs by status ("books"), its requests and its units.

    The inputs of lists that a later run has replaced are counted, too.
    """
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
    """Return a function for `Journal.do` that returns the names of the inputs that a user may mean by a text.

    They are that name itself. If there is none, they are the paths that end with it, then the file of that name whose
    folder is not known, and then the inputs whose digest begins with the text.
    """
    name = str(storable(unicodedata.normalize("NFC", PurePath(wanted).as_posix())))
    digest = wanted.lower() if re.fullmatch("[0-9a-fA-F]{8,64}", wanted) else None
    every = "SELECT name FROM (SELECT name FROM items UNION SELECT name FROM names) WHERE"
    asked = [
        (f"{every} name IN (?, ?)", (name, storable(wanted))),
        # LIKE would take the characters % and _ of a name for wildcards.
        (f"{every} substr(name, -length(?1)) = ?1", (f"/{name}",)),
        (f"{every} name = ?", (f"{UNKNOWN_FOLDER}{PurePath(name).name}",)),
        ("SELECT DISTINCT name FROM names JOIN calls ON call = id WHERE substr(sha256, 1, length(?1)) = ?1", (digest,)),
    ]

    def work(db: Database) -> list[str]:
        matches = ([n for (n,) in db.execute(sql, parameters) if isinstance(n, str)] for sql, parameters in asked)
        return next(filter(None, matches), [])

    return work


def keys_of(name: str) -> Any:
    """Return a function for `Journal.do` that returns the keys of all calls of the input with this name."""

    def work(db: Database) -> list[str]:
        calls = "SELECT call FROM names WHERE name = ? UNION SELECT call FROM items WHERE name = ?"
        return [key for (key,) in db.execute(f"SELECT key FROM calls WHERE id IN ({calls})", (name, name))]  # noqa: S608  # our names

    return work


def forget(name: str) -> Any:
    """Return a function for `Journal.do` that deletes all that is kept of the input with this name, in all runs.

    That includes inputs with the same bytes. The function returns the number of calls or that of inputs with the name,
    whichever is larger.
    """

    def work(db: Database) -> int:
        calls = [
            call
            for (call,) in db.execute(
                "SELECT call FROM names WHERE name = ? UNION SELECT call FROM items WHERE name = ? AND call NOT NULL",
                (name, name),
            )
        ]
        # They are counted before the rows of the calls go, because those of inputs are among them.
        [(n,)] = db.execute("SELECT COUNT(*) FROM items WHERE name = ?", (name,))
        for call in calls:
            for table, column in OF_A_CALL:
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (call,))  # noqa: S608  # our names
        db.execute("DELETE FROM items WHERE name = ?", (name,))  # also inputs that came to no call
        return max(int(n), len(calls))

    return work
