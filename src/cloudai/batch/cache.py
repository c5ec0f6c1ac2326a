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
from typing import Any

from cloudai.batch import queries
from cloudai.batch.cache_store import USUAL, CacheStore
from cloudai.batch.codec import result_of, written_result
from cloudai.batch.inputs import Entry
from cloudai.batch.queries import CallRecord
from cloudai.batch.replay import replay
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.core.effects import Program
from cloudai.core.flow import Call
from cloudai.errors import CloudAIError, SettingsError
from cloudai.models.base import Result
from cloudai.operations import Given, digest_of
from cloudai.session import Session
from cloudai.storage import CACHE_FOLDER as FOLDER
from cloudai.storage import cache_path, is_remote

__all__ = ["cache_of", "holds", "recall"]

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
        scopes = {operation: provider.cache_scope(operation) for operation in operations}
    except CloudAIError:
        return None  # told when something is sent
    near = any(NEAR.match(value) for scope in scopes.values() for value in (*provider.hosts, *scope.values()))
    chosen = os.environ.get(FOLDER)
    if not chosen and (near or options.allow_http):
        return None
    path = cache_path()
    if not chosen and is_remote(path):
        return None  # the homes of a school: computers that share a file so cannot tell each other's locks
    return CacheStore(path, scopes={operation: _digest_of(scope) for operation, scope in scopes.items()}, limit=limit)


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


def _digest_of(scope: Mapping[str, str]) -> str:
    return sha256(json.dumps(scope, sort_keys=True).encode()).hexdigest()[:32]


def recall(state: BatchState, task: Task, entry: Entry, given: Given, record: CallRecord) -> Program[Result | None]:
    """Return the result of a call that another run has made, entered as done in this one's journal; None without."""
    store = state.cache
    if store is None:
        return None
    digest = digest_of(given)
    key, name = task.key_of(digest), entry.written(digest)
    known: CallRecord | None = yield Call(partial(store.find, task.operation, key))
    if known is None:
        return None
    result = result_of(task.operation, known, name)
    if result is None:
        known = yield from _read_anew(state, task, given, known)
        if known is None:
            return None
        store.keep(task.operation, key, known)
        result = result_of(task.operation, known, name)
    # Nobody waits: should it be lost, the cache has it still.
    state.journal.post(queries.adopt(record.call, task.run, entry.item, known))
    return result


def _read_anew(state: BatchState, task: Task, given: Given, known: CallRecord) -> Program[CallRecord | None]:
    """Read a result that another version wrote from its replies; None where those are not enough, or unreadable."""
    try:
        result = yield from replay(state, task, given, known)
    except Exception:  # noqa: BLE001  # then it is asked for, and that has its own errors
        return None
    texts = written_result(result)
    return replace(known, result=texts["result"], meta=texts["meta"])


def holds(state: BatchState, task: Task, key: str) -> bool:
    """Return whether the call would be answered from the cache, for a plan."""
    return state.cache is not None and state.cache.find(task.operation, key) is not None
