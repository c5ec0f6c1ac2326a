"""What `batch` and `map` of both clients do; their types for each operation are in cloudai/client_methods.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any

from typing_extensions import Unpack

from cloudai.batch.batch import AsyncBatch, Batch, Mapped
from cloudai.batch.runner import Runner
from cloudai.batch.settings import BatchOptions, Settings
from cloudai.errors import SettingsError
from cloudai.session import Session

__all__ = ["AsyncBatching", "Batching"]


def _runner(
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
    return Runner(session, operation, inputs, replace(settings, keep=_kept(settings)))


def _kept(settings: Settings) -> list[Any] | None:
    """Return the columns to keep, or None for all of them."""
    keep = settings.keep
    if keep is None:
        return None
    if isinstance(keep, str | bytes) or not isinstance(keep, Iterable):
        raise SettingsError(f"keep={keep!r}", advice=f"Give a list of columns, for example keep=[{keep!r}].")
    if settings.column is None:
        raise SettingsError("keep= goes with column=", advice="Say which column holds the inputs.")
    return list(keep)


_MAPPED = ("pace", "concurrency", "progress", "cache")


def _of_map(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a batch, with the rest as options of the operation."""
    ours = {name: options.pop(name) for name in _MAPPED if name in options}
    return {**ours, "options": options}


class Batching:
    """The batches of a blocking client; the docstrings are those of its public methods `batch` and `map`."""

    _session: Session

    def _batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Any]:
        """Make a batch that cannot be lost: planned, paced, kept in a journal, and never paid for twice.

        Nothing is sent before it is iterated over. Each reply is on disk before it is read, so after a crash, Ctrl-C or
        a full disk the same call goes on: what is finished comes from the journal, what was on its way is marked in
        doubt. One bad input fails alone; an outage or a spent quota pauses the batch and is not blamed on inputs.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …, or a list of several: then there is an outcome
                for each input and operation, and what the provider can say of a picture at once is one request.
            inputs: Any number: a list, a generator (never held whole), rows or a data frame with ``column=``.
            settings: `BatchOptions`.

        Raises:
            SettingsError: An option is wrong.
            JournalError: Another process has the journal, or it cannot be written.
            PausedError: At the end of the iteration, where an outage, or a quota, ended it early.

        Example:
            >>> from cloudai import Client
            >>> with Client("local") as client, client.batch("sentiment", ["Good!", "Bad!"]) as job:
            ...     sorted((item.item, item.result.label) for item in job)
            [(0, 'positive'), (1, 'negative')]
        """
        return Batch(_runner(self._session, operation, inputs, settings, awaits=False))

    def _map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """Carry out one operation over a small list, in memory; the outcomes are in the order of the inputs.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …
            inputs: A list.
            options: Of the operation; also ``pace``, ``concurrency``, ``progress`` and ``cache`` of a batch.

        Raises:
            PausedError: An outage, or a spent quota, ended it early. For work that must not be lost see `batch`.

        Example:
            >>> from cloudai import Client
            >>> [mood.label for mood in Client("local").map("sentiment", ["Good!", "Bad!"]).values()]
            ['positive', 'negative']
        """
        with Batch[Any](_runner(self._session, operation, inputs, _of_map(options), awaits=False)) as job:
            return Mapped(sorted(job, key=lambda outcome: outcome.item))


class AsyncBatching:
    """The batches of an awaiting client; the docstrings are those of its public methods `batch` and `map`."""

    _session: Session

    def _batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Any]:
        """See `Client.batch`; the batch is made at once, and run with ``async for``."""
        return AsyncBatch(_runner(self._session, operation, inputs, settings, awaits=True))

    async def _map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """See `Client.map`."""
        async with AsyncBatch[Any](_runner(self._session, operation, inputs, _of_map(options), awaits=True)) as job:
            return Mapped(sorted([outcome async for outcome in job], key=lambda outcome: outcome.item))
