"""`batch` and `map` of both clients, typed by the name of the operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, Literal, overload

from typing_extensions import Unpack

from cloudai.batch.batch import AsyncBatch, Batch, Mapped
from cloudai.batch.runner import Runner
from cloudai.batch.settings import BatchOptions, Settings
from cloudai.errors import SettingsError
from cloudai.models.face import Ages, Faces
from cloudai.models.image import ImageAnalysis, Text
from cloudai.models.speech import Speech, Transcript
from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation
from cloudai.session import Session

__all__ = ["AsyncBatching", "Batching"]


def _run(
    session: Session, operation: str | Sequence[str], inputs: Iterable[Any], given: Mapping[str, Any], *, awaits: bool
) -> Runner[Any]:
    """A batch of the client; SettingsError for what it cannot be given."""
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
    """The columns to keep; None for all."""
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
    """The settings of a batch, and the rest as options of the operation."""
    ours = {name: options.pop(name) for name in _MAPPED if name in options}
    return {**ours, "options": options}


class Batching:
    """The batches of a blocking client."""

    _session: Session

    @overload
    def batch(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[ImageAnalysis]: ...

    @overload
    def batch(
        self, operation: Literal["detect_faces"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Faces]: ...

    @overload
    def batch(
        self, operation: Literal["estimate_age"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Ages]: ...

    @overload
    def batch(
        self, operation: Literal["read_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Text]: ...

    @overload
    def batch(
        self, operation: Literal["sentiment"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Sentiment]: ...

    @overload
    def batch(
        self, operation: Literal["detect_language"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Language]: ...

    @overload
    def batch(
        self, operation: Literal["key_phrases"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[KeyPhrases]: ...

    @overload
    def batch(
        self, operation: Literal["translate"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Translation]: ...

    @overload
    def batch(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Transcript]: ...

    @overload
    def batch(
        self, operation: Literal["text_to_speech"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Speech]: ...

    @overload
    def batch(
        self, operation: Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Any]: ...

    def batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> Batch[Any]:
        """A batch that cannot be lost: planned, paced, kept in a journal, and never paid for twice.

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
        return Batch(_run(self._session, operation, inputs, settings, awaits=False))

    @overload
    def map(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[ImageAnalysis]: ...

    @overload
    def map(self, operation: Literal["detect_faces"], inputs: Iterable[Any], **options: Any) -> Mapped[Faces]: ...

    @overload
    def map(self, operation: Literal["estimate_age"], inputs: Iterable[Any], **options: Any) -> Mapped[Ages]: ...

    @overload
    def map(self, operation: Literal["read_text"], inputs: Iterable[Any], **options: Any) -> Mapped[Text]: ...

    @overload
    def map(self, operation: Literal["sentiment"], inputs: Iterable[str], **options: Any) -> Mapped[Sentiment]: ...

    @overload
    def map(self, operation: Literal["detect_language"], inputs: Iterable[str], **options: Any) -> Mapped[Language]: ...

    @overload
    def map(self, operation: Literal["key_phrases"], inputs: Iterable[str], **options: Any) -> Mapped[KeyPhrases]: ...

    @overload
    def map(self, operation: Literal["translate"], inputs: Iterable[str], **options: Any) -> Mapped[Translation]: ...

    @overload
    def map(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[Transcript]: ...

    @overload
    def map(self, operation: Literal["text_to_speech"], inputs: Iterable[str], **options: Any) -> Mapped[Speech]: ...

    def map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """One operation over a small list, in memory: outcomes in the order of the inputs.

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
        with Batch[Any](_run(self._session, operation, inputs, _of_map(options), awaits=False)) as job:
            return Mapped(sorted(job, key=lambda outcome: outcome.item))


class AsyncBatching:
    """The batches of an awaiting client."""

    _session: Session

    @overload
    def batch(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[ImageAnalysis]: ...

    @overload
    def batch(
        self, operation: Literal["detect_faces"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Faces]: ...

    @overload
    def batch(
        self, operation: Literal["estimate_age"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Ages]: ...

    @overload
    def batch(
        self, operation: Literal["read_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Text]: ...

    @overload
    def batch(
        self, operation: Literal["sentiment"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Sentiment]: ...

    @overload
    def batch(
        self, operation: Literal["detect_language"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Language]: ...

    @overload
    def batch(
        self, operation: Literal["key_phrases"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[KeyPhrases]: ...

    @overload
    def batch(
        self, operation: Literal["translate"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Translation]: ...

    @overload
    def batch(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Transcript]: ...

    @overload
    def batch(
        self, operation: Literal["text_to_speech"], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Speech]: ...

    @overload
    def batch(
        self, operation: Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Any]: ...

    def batch(
        self, operation: str | Sequence[str], inputs: Iterable[Any], **settings: Unpack[BatchOptions]
    ) -> AsyncBatch[Any]:
        """See `Client.batch`; made at once, run with ``async for``."""
        return AsyncBatch(_run(self._session, operation, inputs, settings, awaits=True))

    @overload
    async def map(
        self, operation: Literal["analyze_image"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[ImageAnalysis]: ...

    @overload
    async def map(self, operation: Literal["detect_faces"], inputs: Iterable[Any], **options: Any) -> Mapped[Faces]: ...

    @overload
    async def map(self, operation: Literal["estimate_age"], inputs: Iterable[Any], **options: Any) -> Mapped[Ages]: ...

    @overload
    async def map(self, operation: Literal["read_text"], inputs: Iterable[Any], **options: Any) -> Mapped[Text]: ...

    @overload
    async def map(
        self, operation: Literal["sentiment"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Sentiment]: ...

    @overload
    async def map(
        self, operation: Literal["detect_language"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Language]: ...

    @overload
    async def map(
        self, operation: Literal["key_phrases"], inputs: Iterable[str], **options: Any
    ) -> Mapped[KeyPhrases]: ...

    @overload
    async def map(
        self, operation: Literal["translate"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Translation]: ...

    @overload
    async def map(
        self, operation: Literal["speech_to_text"], inputs: Iterable[Any], **options: Any
    ) -> Mapped[Transcript]: ...

    @overload
    async def map(
        self, operation: Literal["text_to_speech"], inputs: Iterable[str], **options: Any
    ) -> Mapped[Speech]: ...

    async def map(self, operation: str, inputs: Iterable[Any], **options: Any) -> Mapped[Any]:
        """See `Client.map`."""
        async with AsyncBatch[Any](_run(self._session, operation, inputs, _of_map(options), awaits=True)) as job:
            return Mapped(sorted([outcome async for outcome in job], key=lambda outcome: outcome.item))
