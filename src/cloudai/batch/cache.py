"""The cache of batches: what any run of this user was answered is found again by another run, journal or process.

A call is known as in a journal, by provider, API family, operation, options and the bytes of its input, and besides by
the place that answered: another endpoint or region may be another model.

It is no journal: nothing is safe because it is here. So it may fail, be locked or be deleted at any time, and a batch
goes on without it. Every journal that is answered from it has the whole call, and needs it no more.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cloudai.batch import queries
from cloudai.batch.cache_store import FOLDER, USUAL, CacheStore, cache_path
from cloudai.batch.codec import result_of, written_result
from cloudai.batch.journal import is_remote
from cloudai.batch.queries import CallRecord, Database
from cloudai.core.effects import Program
from cloudai.core.flow import Call
from cloudai.errors import CloudAIError, SettingsError
from cloudai.operations import Given, digest_of
from cloudai.session import Session

if TYPE_CHECKING:
    from cloudai.batch.inputs import Entry
    from cloudai.batch.runner import Runner
    from cloudai.batch.task import Task
    from cloudai.models.base import Result

__all__ = ["cache_of", "holds", "keep", "recall"]

MEGABYTES = "CLOUDAI_CACHE_MB"
NEAR = re.compile(r"http:|(https?://)?(127\.\d|localhost(?=[:/]|$)|\[::1\]|0\.0\.0\.0)")
"""A stand-in on this computer, or an address that is open to all between."""


def cache_of(session: Session, operations: Iterable[str], wanted: bool) -> CacheStore | None:
    """The cache for a client's batch; None where it is not wanted, or something else than a vendor may answer.

    A ``send=`` answers as it likes, and so does the transport of a test in ``http_client=``.
    """
    options, provider = session.options, session.provider
    limit = _limit()
    if not (wanted and limit and provider.hosts) or options.offline or options.send:
        return None
    if options.http_client is not None and not _goes_out(options.http_client):
        return None
    try:
        places = {operation: provider.cache_scope(operation) for operation in operations}
    except CloudAIError:
        return None  # told when something is sent
    near = any(NEAR.match(value) for place in places.values() for value in (*provider.hosts, *place.values()))
    chosen = os.environ.get(FOLDER)
    if not chosen and (near or options.allow_http):
        return None
    path = cache_path()
    if not chosen and is_remote(path):
        return None  # the homes of a school: computers that share a file so cannot tell each other's locks
    return CacheStore(path, places={operation: _digest_of(place) for operation, place in places.items()}, limit=limit)


def _goes_out(http_client: Any) -> bool:
    """Whether all its transports are the library's own: those have pools, stand-ins have none."""
    mounts = [transport for transport in getattr(http_client, "_mounts", {}).values() if transport is not None]
    return all(hasattr(transport, "_pool") for transport in (getattr(http_client, "_transport", None), *mounts))


def _limit() -> int:
    """Bytes at most; 0 turns it off."""
    text = os.environ.get(MEGABYTES, "").strip() or str(USUAL)
    try:
        size = float(text)
        if not 0 <= size < float("inf"):
            raise ValueError(text)
    except ValueError as error:
        raise SettingsError(f"{MEGABYTES}={text!r}", advice="Give megabytes; 0 turns the cache off.") from error
    return int(size * 1e6)


def _digest_of(place: Mapping[str, str]) -> str:
    return sha256(json.dumps(place, sort_keys=True).encode()).hexdigest()[:32]


def recall(run: Runner[Any], asked: Task, entry: Entry, given: Given, standing: CallRecord) -> Program[Result | None]:
    """The result of a call that another run has made, entered as done in this one's journal; None where none has."""
    cache = run.cache
    if cache is None:
        return None
    digest = digest_of(given)
    call, name = asked.key_of(digest), entry.written(digest)
    found: CallRecord | None = yield Call(partial(cache.find, asked.operation, call))
    if found is None:
        return None
    result = result_of(asked.operation, found, name)
    if result is None:
        found = yield from _read_anew(run, asked, given, found)
        if found is None:
            return None
        cache.keep(asked.operation, call, found)
        result = result_of(asked.operation, found, name)
    # Nobody waits: should it be lost, the cache has it still.
    run.journal.post(queries.adopt(standing.call, asked.number, entry.item, found))
    return result


def _read_anew(run: Runner[Any], asked: Task, given: Given, found: CallRecord) -> Program[CallRecord | None]:
    """A result of another version, by its replies; None where those are not enough, or not what we can read."""
    try:
        result = yield from run.reading(asked, given, found)
    except Exception:  # noqa: BLE001  # then it is asked for, and that has its own errors
        return None
    texts = written_result(result)
    return replace(found, result=texts["result"], meta=texts["meta"])


def holds(run: Runner[Any], asked: Task, call: str) -> bool:
    """Whether the call would be answered from the cache, for a plan."""
    return run.cache is not None and run.cache.find(asked.operation, call) is not None


def keep(run: Runner[Any], asked: Task, db: Database, call: int) -> None:
    """Keep what this journal has of a call that is done; run by the thread that owns the journal."""
    if run.cache is None:
        return
    [(key,)] = db.execute("SELECT key FROM calls WHERE id = ?", (call,))
    standing: CallRecord = queries.standing_of(call)(db)
    # What is behind an address may be another picture tomorrow.
    if not json.loads(standing.meta or "{}").get("by_reference"):
        run.cache.keep(asked.operation, key, standing)
