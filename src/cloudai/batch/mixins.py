"""The code of `batch` and `map` for both clients; cloudai/client_methods.py adds their types for each operation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

if TYPE_CHECKING:
    from cloudai.batch.batch import AsyncBatch, Batch, Mapped
    from cloudai.batch.settings import BatchOptions
    from cloudai.fallback import Several
    from cloudai.session import Session

__all__ = ["AsyncBatching", "Batching"]


class Batching:
    """The batches of a blocking client; its public methods `batch` and `map` take their docstrings from here."""

    _session: Session | Several

    def _batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Any]:
        """Make a batch, which can be planned and paced, and never pays again for an answer that is in its journal.

        Nothing is sent before the batch is iterated over, or `Batch.tidy` is called, which runs it too. Each reply is
        on disk before it is read. So if ``journal`` names a file, the same code goes on from there after a crash,
        Ctrl-C or a full disk: finished inputs come from the journal, and those that were in flight are in doubt, which
        means that they may be billed again; see ``in_doubt``. A bad input fails without stopping the others. An outage
        or a spent quota pauses the batch, and no input is blamed for it.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …, or a list of several: then there is an outcome
                for each input and operation, and what the provider can say of a picture at once is one request.
            inputs: Any number of inputs: a list, a generator (held in memory as a whole only for a plan, or for parts),
                rows or a data frame with ``column=``.
            settings: The settings that `BatchOptions` describes, for example ``journal`` and ``pace``.

        Raises:
            SettingsError: A setting or an option cannot be used.
            InputError: The inputs are one input and not many.
            UnsupportedOperationError: The chat model is asked, and there is none that answers the operation.
            JournalError: Another process has the journal, or it cannot be written.
            PausedError: An outage or a quota ended the batch early; this is raised at the end of the iteration.

        Example:
            >>> from cloudai import Client
            >>> with Client("local") as client, client.batch("sentiment", ["Good!", "Bad!"]) as job:
            ...     sorted((item.item, item.result.label) for item in job)
            [(0, 'positive'), (1, 'negative')]
        """
        from cloudai.batch.batch import Batch  # imported with the first batch: most programs have none
        from cloudai.batch.build import runner_for

        return Batch(runner_for(self._session, operation, inputs, settings, awaits=False), self)

    def _map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """Carry out one operation over a small list in memory, and return the outcomes in the order of the inputs.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …
            inputs: A list.
            options: Options of the operation, and ``pace``, ``concurrency``, ``progress`` and ``cache`` of a batch.

        Raises:
            SettingsError: An option cannot be used.
            InputError: The inputs are one input and not many.
            PausedError: An outage or a spent quota ended it early. For work that must not be lost, see `batch`.

        Example:
            >>> from cloudai import Client
            >>> [mood.label for mood in Client("local").map("sentiment", ["Good!", "Bad!"]).values()]
            ['positive', 'negative']
        """
        from cloudai.batch.batch import Batch, Mapped
        from cloudai.batch.build import runner_for, settings_of_map

        settings = settings_of_map(operation, options)
        with Batch[Any](runner_for(self._session, operation, inputs, settings, awaits=False)) as job:
            job._is_map = True  # noqa: SLF001  # the list below has all outcomes
            return Mapped(sorted(job, key=lambda outcome: outcome.item))


class AsyncBatching:
    """The batches of an awaiting client; its public methods `batch` and `map` take their docstrings from here."""

    _session: Session | Several

    def _batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Any]:
        """Make a batch as `Client.batch` does; it is made at once, and run with ``async for``.

        Args:
            operation: "analyze_image", "detect_faces", "sentiment" …, or a list of several.
            inputs: Any number of inputs: a list, a generator, rows or a data frame with ``column=``.
            settings: The settings that `BatchOptions` describes.

        Raises:
            SettingsError: A setting or an option cannot be used.
            InputError: The inputs are one input and not many.
            UnsupportedOperationError: The chat model is asked, and there is none that answers the operation.
            JournalError: Another process has the journal, or it cannot be written.
        """
        from cloudai.batch.batch import AsyncBatch
        from cloudai.batch.build import runner_for

        return AsyncBatch(runner_for(self._session, operation, inputs, settings, awaits=True))

    async def _map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """Carry out one operation over a small list in memory, as `Client.map` does."""
        from cloudai.batch.batch import AsyncBatch, Mapped
        from cloudai.batch.build import runner_for, settings_of_map

        settings = settings_of_map(operation, options)
        async with AsyncBatch[Any](runner_for(self._session, operation, inputs, settings, awaits=True)) as job:
            job._is_map = True  # noqa: SLF001  # the list below has all outcomes
            return Mapped(sorted([outcome async for outcome in job], key=lambda outcome: outcome.item))
