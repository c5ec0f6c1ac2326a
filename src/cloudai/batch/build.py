"""The arguments of `client.batch` and `client.map` are checked and made into a runner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any

from cloudai.batch.runner import Runner, SharedJournal
from cloudai.batch.settings import BatchOptions, Settings
from cloudai.errors import SettingsError
from cloudai.fallback import Several
from cloudai.operations import operation_named
from cloudai.options import SHARED, unknown_option
from cloudai.session import Session

__all__ = ["runner_for", "settings_of_map"]

OF_A_BATCH = ("pace", "concurrency", "progress", "cache")
"""Options of `map` that are settings of its batch; the others are options of the operation."""


def runner_for(
    session: Session | Several,
    operation: str | Sequence[str],
    inputs: Iterable[Any],
    given: Mapping[str, Any],
    *,
    awaits: bool,
    shared: SharedJournal | None = None,
) -> Runner[Any]:
    """Return the runner of a new batch.

    Args:
        session: The client's provider, engine, driver and options.
        operation: The name of the operation, or a list of names.
        inputs: The inputs.
        given: The settings of the batch that the user gave.
        awaits: Whether the client is an awaiting one.
        shared: The journal that the batch shares with others, which the caller closes.

    Raises:
        SettingsError: A batch has no such setting, or the settings cannot be used with each other.
        InputError: The inputs are one input and not many.
        UnsupportedOperationError: The chat model is asked, and no provider has one that answers the operation.
        JournalError: The journal cannot be used.
    """
    if unknown := given.keys() - BatchOptions.__annotations__.keys():
        raise unknown_option(
            "a batch", unknown, BatchOptions.__annotations__, "Options of the operation go into options={}."
        )
    settings = Settings(**given)
    if awaits and settings.engine is not None:
        raise SettingsError("engine= is for a blocking client", advice="Take Client, or await the parts by yourself.")
    tell = settings.progress
    # An object whose ``__call__`` is asynchronous is no coroutine function itself, so both are looked at.
    if not awaits and (iscoroutinefunction(tell) or iscoroutinefunction(getattr(tell, "__call__", None))):  # noqa: B004
        raise SettingsError("progress= is an async function", advice="Give a plain one, or take AsyncClient.")
    return Runner(session, operation, inputs, replace(settings, keep=_kept_columns(settings)), shared)


def _kept_columns(settings: Settings) -> list[Any] | None:
    """Return the names of the columns to keep, or None for all of them.

    Raises:
        SettingsError: ``keep`` is a single text, or nothing that can be iterated over; or ``column`` is missing.
    """
    keep = settings.keep
    if keep is None:
        return None
    if isinstance(keep, str | bytes) or not isinstance(keep, Iterable):
        raise SettingsError(f"keep={keep!r}", advice=f"Give a list of columns, for example keep=[{keep!r}].")
    if settings.column is None:
        raise SettingsError("keep= goes with column=", advice="Say which column holds the inputs.")
    return list(keep)


def settings_of_map(operation: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the batch that `map` runs, with the options of its operation under "options".

    The settings are removed from ``options``: what is left there are the options of the operation.

    Raises:
        SettingsError: Neither the operation nor the batch has such an option.
    """
    known = (*operation_named(operation).options, *SHARED, *OF_A_BATCH)
    if unknown := [name for name in options if name not in known]:
        raise unknown_option(f"map of {operation}", unknown, known)
    ours = {name: options.pop(name) for name in OF_A_BATCH if name in options}
    return {**ours, "options": options}
