"""`AsyncClient` has a module of its own, so that a program that blocks never loads it, nor asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, Self

from cloudai.batch import build  # noqa: F401  # loaded now, or the event loop would wait for it at the first batch
from cloudai.client import BaseClient, network_options, offline_only
from cloudai.client_methods import AsyncClientMethods
from cloudai.core.drivers.awaiting import Awaiting
from cloudai.session import ClientOptions
from cloudai.transport.async_http import AsyncNetwork

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import Unpack

    from cloudai.batch.settings import BatchOptions
    from cloudai.compare.results import Comparison
    from cloudai.models.voice import Voices
    from cloudai.providers.base import Provider

__all__ = ["AsyncClient"]


class AsyncClient(AsyncClientMethods, BaseClient):
    """An awaiting client of one provider, or of several that are asked in turn.

    Files are read, and large pictures prepared, in threads, so that the event loop goes on meanwhile.

    Example:
        async with AsyncClient("google") as client:
            faces = await client.detect_faces("team.jpg")
    """

    _awaiting = True

    def _connected(self, options: ClientOptions) -> Awaiting:
        self._network = (
            None if options.send or options.offline else AsyncNetwork(options.http_client, **network_options(options))
        )
        return Awaiting(
            options.send or self._network or offline_only,
            options.sleep or asyncio.sleep,
            options.max_concurrency,
            _fetcher(options) if options.fetch_urls else None,
        )

    async def voices(self, language: str | None = None, *, timeout: float | None = None) -> Voices:  # noqa: ASYNC109
        """List the voices that `text_to_speech` can be given as ``voice=``; see `Client.voices` for all else."""
        voices: Voices = await self._driver.run(self._session.voices(language, timeout))
        return voices

    async def compare(
        self,
        operation: str,
        inputs: Iterable[Any],
        *,
        providers: Sequence[str | Provider] | None = None,
        truth: Any = None,
        overlap: float = 0.5,
        feature: Literal["tags", "caption", "objects"] | None = None,
        prices: Mapping[str, float] | None = None,
        **settings: Unpack[BatchOptions],
    ) -> Comparison:
        """Ask several providers for the same inputs, side by side; see `Client.compare` for arguments and errors."""
        from cloudai.compare.run import Order, compare_awaiting

        how: Any = {"providers": providers, "overlap": overlap, "feature": feature, "settings": settings}
        order = Order.of(self._session, operation, inputs, **how)
        return await compare_awaiting(order, truth, prices)

    async def close(self) -> None:
        """Stop the threads, and close the connections unless they are those of a client given as ``http_client=``."""
        self._driver.close()
        if self._network:
            await self._network.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _fetcher(options: ClientOptions) -> Any:
    from cloudai.transport.fetcher import AsyncFetcher  # most clients fetch nothing

    return AsyncFetcher(options.verify, allow_unverified=options.allow_unverified)
