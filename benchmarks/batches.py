"""Batches as subjects: many pictures, one by one and sixteen to a request, with a journal and without."""

from __future__ import annotations

import asyncio
import json
import tempfile
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import pictures

__all__ = ["BATCHES", "IN_FLIGHT", "Many", "drained", "growth_of_memory"]

IN_FLIGHT = 128


class Many:
    """A subject whose calls are the inputs of one batch.

    Args:
        base: The address of the server.
        together: Whether requests may be merged.
        journal: Whether the batch keeps a journal.
        awaiting: Whether an awaiting client runs it.
    """

    def __init__(self, base: str, *, together: bool, journal: bool, awaiting: bool) -> None:
        self._base, self._together, self._journal, self._awaiting = base, together, journal, awaiting
        self._picture = pictures.small()

    def run(self, n: int) -> None:
        """Send so many pictures, and check that all were answered."""
        with tempfile.TemporaryDirectory() as folder:
            # Every round sends the same pictures. With the cache, those after the first would send nothing.
            settings = {"concurrency": IN_FLIGHT, "cache": False}
            settings |= {"journal": Path(folder) / "journal"} if self._journal else {}
            done = asyncio.run(self._awaited(n, settings)) if self._awaiting else self._blocking(n, settings)
        if done != n:
            raise SystemExit(f"{n - done} pictures failed")

    def _pictures(self, n: int) -> Iterator[bytes]:
        """Yield the same pixels so many times, with different bytes behind the end of each file."""
        # A batch carries out equal inputs once, and would send one picture alone. A decoder of JPEG stops at the end
        # marker.
        return (self._picture + b"%08d" % number for number in range(n))

    def _provider(self) -> Any:
        import cloudai

        base, most = self._base, None if self._together else 1

        class Here(cloudai.Google):
            # Signing is the last thing that a provider does with a request, so its address can still be replaced here.
            def sign(self, request: cloudai.Request, token: Any) -> cloudai.Request:  # noqa: ARG002
                return replace(request, url=f"{base}/v1/images:annotate")

            def max_per_request(self, operation: str) -> int:
                return most or super().max_per_request(operation)

        return Here(api_key="none")

    def _blocking(self, n: int, settings: dict[str, Any]) -> int:
        import cloudai

        with (
            cloudai.Client(self._provider(), max_concurrency=IN_FLIGHT) as client,
            client.batch("detect_faces", self._pictures(n), **settings) as job,
        ):
            # The server finds no faces. The cost of what a reply holds has a benchmark of its own, `growth`.
            return [outcome.status for outcome in job].count("none_found")

    async def _awaited(self, n: int, settings: dict[str, Any]) -> int:
        import cloudai

        async with (
            cloudai.AsyncClient(self._provider(), max_concurrency=IN_FLIGHT) as client,
            client.batch("detect_faces", self._pictures(n), **settings) as job,
        ):
            return [outcome.status async for outcome in job].count("none_found")


def _batch(*, together: bool, journal: bool = False, awaiting: bool = True) -> Any:
    return lambda place: Many(f"{place.http}/empty/after/250", together=together, journal=journal, awaiting=awaiting)


BATCHES: Mapping[str, Any] = {
    "batch one by one": _batch(together=False),
    "batch joined": _batch(together=True),
    "batch joined, journal": _batch(together=True, journal=True),
    "batch joined, journal, blocking": _batch(together=True, journal=True, awaiting=False),
}
"""The subjects by name."""

SENTIMENT = {
    "documentSentiment": {"score": 0.5, "magnitude": 1.0},
    "languageCode": "ko",
    "sentences": [],
}


def _sentiments(n: int, client: Any, **settings: Any) -> Iterator[Any]:
    texts = (f"후기 {number}: 맛있어요!" for number in range(n))
    with client.batch("sentiment", texts, options={"language": "ko"}, cache=False, **settings) as job:
        yield from job


def growth_of_memory(n: int) -> tuple[float, float]:
    """Return how many bytes a batch of texts with a journal has come to hold at its half, and shortly before its end.

    They are counted from a quarter of its way on.
    """
    import gc

    import cloudai

    reply = cloudai.Response(200, {"content-type": "application/json"}, json.dumps(SENTIMENT).encode())
    held: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        cloudai.Client(cloudai.Google(api_key="none"), send=lambda _: reply) as client,
    ):
        for number, _ in enumerate(_sentiments(n, client, journal=Path(folder) / "journal"), start=1):
            # Caches and the journal's statements are made once, early in the run, and are not to be counted.
            if number == n // 4:
                tracemalloc.start()
            if number in (n // 2, n - n // 20):
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return held[0], held[1]


class _Clock:
    """A clock that only sleeping moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def drained(n: int, pace: str) -> float:
    """Return the virtual seconds in which a batch of one request at a time carries out its inputs at a pace."""
    import cloudai

    reply = cloudai.Response(200, {"content-type": "application/json"}, json.dumps(SENTIMENT).encode())
    clock = _Clock()
    provider = cloudai.Google(api_key="none")
    with cloudai.Client(provider, send=lambda _: reply, clock=clock, sleep=clock.sleep) as client:
        began = clock.now
        # Several workers would each move the clock by their sleep, as if they had slept one after the other.
        outcomes = list(_sentiments(n, client, pace=pace, concurrency=1))
    if len(outcomes) != n or not all(outcome.status == "ok" for outcome in outcomes):
        raise SystemExit("not all texts were answered")
    return clock.now - began
