"""From what a user asks of `client.batch` or `client.map` to the runner that carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any

from cloudai.batch.runner import Runner
from cloudai.batch.settings import BatchOptions, Settings
from cloudai.errors import SettingsError
from cloudai.session import Session

__all__ = ["runner_for", "settings_of_map"]

OF_A_BATCH = ("pace", "concurrency", "progress", "cache")
"""The options of `map` that are a batch's."""


def runner_for(
    session: Session, operation: str | Sequence[str], inputs: Iterable[Any], given: Mapping[str, Any], *, awaits: bool
) -> Runner[Any]:
    """Return what carries out a batch of the client.

    Raises:
        SettingsError: A batch has no such option, or the options cannot be used together.
    """
    if unknown := given.keys() - BatchOptions.__annotations__.keys():
        raise SettingsError(
            f"a batch has no option {', '.join(sorted(unknown))}",
            advice=f"It has: {', '.join(BatchOptions.__annotations__)}; options of the operation go into options={{}}.",
        )
    settings = Settings(**given)
    tell = settings.progress
    if not awaits and (iscoroutinefunction(tell) or iscoroutinefunction(getattr(tell, "__call__", None))):  # noqa: B004
        raise SettingsError("progress= is an async function", advice="Give a plain one, or take AsyncClient.")
    return Runner(session, operation, inputs, replace(settings, keep=_kept_columns(settings)))


def _kept_columns(settings: Settings) -> list[Any] | None:
    """Return the columns to keep, or None for all of them."""
    keep = settings.keep
    if keep is None:
        return None
    if isinstance(keep, str | bytes) or not isinstance(keep, Iterable):
        raise SettingsError(f"keep={keep!r}", advice=f"Give a list of columns, for example keep=[{keep!r}].")
    if settings.column is None:
        raise SettingsError("keep= goes with column=", advice="Say which column holds the inputs.")
    return list(keep)


def settings_of_map(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a batch, with the rest as options of the operation."""
    ours = {name: options.pop(name) for name in OF_A_BATCH if name in options}
    return {**ours, "options": options}
