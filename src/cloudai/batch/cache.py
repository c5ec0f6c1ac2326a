"""The cache of batches: an answer that one run of this user was given serves other runs, journals and processes.

A call has the same key as in a journal, made from provider, API variant, operation, options and the bytes of its input,
and besides a scope: the settings that say who answers, because another endpoint or region may use another model.

The cache is no journal: it does not promise to keep anything. It may fail, be locked or be deleted at any time, and a
batch goes on without it. A journal that takes an answer from the cache stores the whole call, and needs the cache no
more.
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
"""Environment variable with the maximum size of the cache, in megabytes; 0 turns the cache off."""
NEAR = re.compile(r"http:|(https?://)?(127\.\d|localhost(?=[:/]|$)|\[::1\]|0\.0\.0\.0)")
"""Matches endpoints on this computer, which may be stand-ins, and those over plain http, where others can answer."""


def cache_of(session: Session, operations: Iterable[str], wanted: bool) -> CacheStore | None:
    """Return the cache for a batch, or None if the batch is to go without one.

    That is so if the cache is not wanted or is turned off, if something else than a vendor on the network may answer (a
    cassette, the user's ``send=``, the transport of a test, a server on this computer or over plain http), if a setting
    that says who answers is missing, or if the file would be on a network drive. A folder that the user has chosen is
    taken in spite of the last reason and of a server nearby.

    Args:
        session: The client's provider, engine, driver and options.
        operations: The names of the operations.
        wanted: Whether the user wants a cache.

    Raises:
        SettingsError: The size of the cache in the environment is no number.
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
        return None  # the same error is raised when a request is sent
    near = any(NEAR.match(value) for scope in scopes.values() for value in (*provider.hosts, *scope.values()))
    chosen = os.environ.get(FOLDER)
    if not chosen and (near or options.allow_http):
        return None
    path = cache_path()
    if not chosen and is_remote(path):
        return None  # a shared home folder: computers cannot see each other's locks on a network drive
    return CacheStore(path, scopes={operation: _digest_of(scope) for operation, scope in scopes.items()}, limit=limit)


def _goes_out(http_client: Any) -> bool:
    """Return whether an HTTP client has only its library's own transports, which have pools; stand-ins have none."""
    mounts = [transport for transport in getattr(http_client, "_mounts", {}).values() if transport is not None]
    return all(hasattr(transport, "_pool") for transport in (getattr(http_client, "_transport", None), *mounts))


def _limit() -> int:
    """Return the maximum size of the cache in bytes; 0 turns the cache off.

    Raises:
        SettingsError: The size in the environment is no number of megabytes.
    """
    text = os.environ.get(MEGABYTES, "").strip() or str(USUAL)
    try:
        size = float(text)
        if not 0 <= size < float("inf"):
            raise ValueError(text)
    except ValueError:
        raise SettingsError(f"{MEGABYTES} is no number", advice="Give megabytes; 0 turns the cache off.") from None
    return int(size * 1e6)


def _digest_of(scope: Mapping[str, str]) -> str:
    return sha256(json.dumps(scope, sort_keys=True).encode()).hexdigest()[:32]


def recall(state: BatchState, task: Task, entry: Entry, given: Given, record: CallRecord) -> Program[Result | None]:
    """Return the result that the cache holds for a call, and enter it in the journal as done.

    Return None, and enter nothing, if the cache holds no answer, or one that this version cannot read.
    """
    store = state.cache
    if store is None:
        return None
    digest = digest_of(given)
    key, name = task.key_of(digest), entry.written(digest)
    # A look-up may wait a fifth of a second for another process, which an event loop must not.
    known: CallRecord | None = yield Call(partial(store.find, task.operation, key))
    if known is None:
        return None
    result = result_of(task.operation, known, name)
    if result is None:
        known = yield from _read_anew(state, task, given, known)
        if known is None:
            return None
        # The result is kept, because each later run of this version would otherwise read the replies anew.
        store.keep(task.operation, key, known)
        result = result_of(task.operation, known, name)
    # There is no need to wait for the disk: if this is lost, the cache still has the answer.
    state.journal.post(queries.adopt(record.call, task.run, entry.item, known))
    return result


def _read_anew(state: BatchState, task: Task, given: Given, known: CallRecord) -> Program[CallRecord | None]:
    """Return a call whose result another version wrote, read again from its replies; None if they cannot be read."""
    try:
        result = yield from replay(state, task, given, known)
    except Exception:  # noqa: BLE001  # the provider is asked then, and reports its own errors
        return None
    texts = written_result(result)
    return replace(known, result=texts["result"], meta=texts["meta"])


def holds(state: BatchState, task: Task, key: str) -> bool:
    """Return whether the cache would answer a call; a plan asks for this."""
    return state.cache is not None and state.cache.find(task.operation, key) is not None
