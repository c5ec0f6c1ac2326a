"""The method `compare` of both clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

if TYPE_CHECKING:
    from cloudai.batch.settings import BatchOptions
    from cloudai.compare.results import Comparison
    from cloudai.fallback import Several
    from cloudai.providers.base import Provider
    from cloudai.session import Session

__all__ = ["AsyncComparing", "Comparing"]


class Comparing:
    """The comparison of a blocking client."""

    _session: Session | Several

    def compare(
        self,
        operation: str,
        inputs: Iterable[Any],
        *,
        providers: Sequence[str | Provider] | None = None,
        truth: Any = None,
        overlap: float = 0.5,
        prices: Mapping[str, float] | None = None,
        **settings: Unpack[BatchOptions],
    ) -> Comparison:
        """Ask several providers for the same inputs, side by side, and compare what they say.

        Each provider has a batch of its own, with its own pace, and nobody answers in place of another. All are kept in
        one journal: the same call after a crash, or after a pause for a quota, pays for nothing twice.

        Args:
            operation: "detect_faces", "analyze_image", "sentiment" …
            inputs: The inputs, as `batch` takes them.
            providers: The providers, by name or configured; by default those of the client.
            truth: What is true of the inputs: the path of a CSV, a `Table`, a list of dicts or a data frame, with a
                column ``input`` (the name) or ``item`` (the number). See `Comparison.against_truth`.
            overlap: The least intersection over union of two boxes of the same face, above 0 and at most 1.
            prices: For each provider the price of 1,000 units in USD.
            settings: `BatchOptions`, without ``progress`` and ``price``; the limits hold for each provider.

        Raises:
            SettingsError: There is a single provider, or a setting cannot be used.
            UnsupportedOperationError: Results of this operation cannot be compared.
            InputError: The reference does not fit the inputs.
            CloudAIError: No provider has answered anything; the error is that of the first one.

        Example:
            with Client("azure") as client:
                faces = client.compare("detect_faces", photos, providers=["azure", "google"], journal="faces.journal")
            print(faces)
        """
        from cloudai.compare.run import Order, compare  # most programs compare nothing

        order = Order.of(self._session, operation, inputs, providers=providers, overlap=overlap, settings=settings)
        return compare(order, truth, prices)


class AsyncComparing:
    """The comparison of an awaiting client."""

    _session: Session | Several

    async def compare(
        self,
        operation: str,
        inputs: Iterable[Any],
        *,
        providers: Sequence[str | Provider] | None = None,
        truth: Any = None,
        overlap: float = 0.5,
        prices: Mapping[str, float] | None = None,
        **settings: Unpack[BatchOptions],
    ) -> Comparison:
        """Ask several providers for the same inputs, side by side, as `Client.compare` does."""
        from cloudai.compare.run import Order, compare_awaiting

        order = Order.of(self._session, operation, inputs, providers=providers, overlap=overlap, settings=settings)
        return await compare_awaiting(order, truth, prices)
