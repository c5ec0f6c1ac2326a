"""Statements and their outcomes as JSON, for the frames between a keeper and its workers.

Nothing from the network is unpickled, and no name from it is looked up anywhere but in the two tables of this module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import pybase64

from cloudai.batch import queries, rows
from cloudai.batch.columns import json_object
from cloudai.batch.outage import Streak
from cloudai.batch.queries import CallRecord, StoredReply, Unanswered
from cloudai.batch.rows import ItemRecord, row_as_json
from cloudai.batch.statements import Statement, each
from cloudai.core.flow import Response
from cloudai.core.retry import AttemptOutcome
from cloudai.errors import JournalError

__all__ = ["ILL_FORMED", "REPEATED", "call_of", "dumped", "loaded", "statement_of"]

MADE: dict[str, Callable[..., Statement]] = {
    make.__name__: make
    for make in (
        *(queries.enlist, queries.look_up_each, queries.record_of, queries.state_of, queries.spent, queries.used),
        *(
            queries.intend,
            queries.answer,
            queries.undo,
            queries.excuse,
            queries.recovered,
            queries.suspect,
            queries.within,
        ),
        *(rows.finish, rows.leave, rows.page, rows.next_item, rows.counts, each),
    )
}
"""The statements that a worker may have a keeper run."""
PLAIN = {function.__name__: function for function in (queries.batches, queries.last_streak)}
"""Functions of the connection without arguments that a worker may have a keeper run."""
ILL_FORMED = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""The exceptions that Python raises while it reads a message that no worker would send."""
REPEATED = frozenset(
    (
        "enlist",
        "look_up_each",
        "record_of",
        "state_of",
        "spent",
        "used",
        "leave",
        "page",
        "next_item",
        "counts",
        "each",
        *PLAIN,
    )
)
"""Statements whose outcome matters, and which may run twice. The others are run once, however often they are sent."""
KINDS = {kind.__name__: kind for kind in (CallRecord, StoredReply, Unanswered, AttemptOutcome)}
"""The classes of data whose fields are sent by name."""


def call_of(work: Any) -> tuple[str, Any, Any]:
    """Return the name and the arguments of a statement, to be sent.

    Raises:
        JournalError: A keeper cannot run this function.
    """
    if isinstance(work, Statement) and work.name in MADE:
        return work.name, list(work.arguments), dict(work.keywords)
    name = getattr(work, "__name__", type(work).__name__)
    if PLAIN.get(name) is work:
        return name, [], {}
    raise JournalError(f"a keeper does not run {name}", advice="Open the file of the journal once the keeper ended.")


def statement_of(name: str, arguments: Any, keywords: Any) -> Callable[[Any], Any]:
    """Return the statement that a worker has sent.

    Raises:
        ValueError: There is no such statement, or it does not take these arguments.
    """
    if name in PLAIN:
        return PLAIN[name]
    try:
        return MADE[name](*arguments, **keywords)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no statement {name!r} with these arguments") from error


def dumped(message: Any) -> bytes:
    """Return a message as JSON."""
    return json.dumps(message, separators=(",", ":"), default=_packed).encode()


def loaded(text: bytes) -> Any:
    """Return the message that `dumped` has written.

    Raises:
        ValueError: It is no such message.
    """
    try:
        return json.loads(text, object_hook=_unpacked)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("no message") from error


def _packed(value: Any) -> Any:  # noqa: PLR0911  # a line for each kind
    """Return something that is no JSON as JSON with its kind under "$".

    Dicts whose names are the user's or a vendor's are sent as texts, so that no name in them is taken for a kind.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$": "bytes", "of": pybase64.b64encode(value).decode()}
    if isinstance(value, Response):
        # The headers are sent as pairs, because a vendor may give one any name, also that of a kind.
        headers = [[name, str(header)] for name, header in value.headers.items()]
        reply = [value.status, headers, value.content, value.replayed]
        return {"$": "Response", "of": reply}
    if isinstance(value, ItemRecord):
        row = None if value.row is None else row_as_json(value.row)
        facts = json.dumps(value.facts, default=str)
        return {
            "$": "ItemRecord",
            "of": [
                value.item,
                value.name,
                value.status,
                facts,
                value.call,
                row,
                value.error,
                value.run,
                list(value.others),
            ],
        }
    if isinstance(value, Statement):
        return {"$": "Statement", "of": call_of(value)}
    if isinstance(value, Streak):
        return {"$": "Streak", "of": [value.number, value.excused]}
    if type(value).__name__ in KINDS:
        return {"$": type(value).__name__, "of": {field.name: getattr(value, field.name) for field in fields(value)}}
    return dict(value) if isinstance(value, Mapping) else str(value)


def _unpacked(known: dict[str, Any]) -> Any:  # noqa: PLR0911  # a line for each kind
    if "$" not in known:
        return known
    kind, of = known["$"], known["of"]
    match kind:
        case "bytes":
            return pybase64.b64decode(of, validate=True)
        case "Response":
            status, headers, content, replayed = of
            return Response(status, dict(headers), content, replayed)
        case "ItemRecord":
            item, name, status, facts, call, row, error, run, others = of
            theirs = None if row is None else json_object(row)
            return ItemRecord(item, name, status, json_object(facts), call, theirs, error, run, tuple(others))
        case "Statement":
            return statement_of(*of)
        case "Streak":
            number, excused = of
            return Streak(number, excused=excused)
    return KINDS[kind](**of)
