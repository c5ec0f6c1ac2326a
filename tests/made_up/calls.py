"""A call of each vendor, sent to the server instead of the vendor, by our own transport."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from cloudai import AsyncClient, Azure, Client, Google, Provider, Resource, Watson
from cloudai.core.flow import Request
from cloudai.testing import AsyncNetwork, Network

__all__ = ["VENDORS", "Skipping", "Vendor", "ask"]

KEY = "canary-key-4711"
ENDPOINT = "https://example.cognitiveservices.azure.com"
NLU = "https://api.kr-seo.natural-language-understanding.watson.cloud.ibm.com/instances/1"
STT = "https://api.kr-seo.speech-to-text.watson.cloud.ibm.com/instances/1"


@dataclass(frozen=True)
class Vendor:
    """One vendor's provider, a good reply to `sentiment`, and that reply with what nobody documents."""

    make: Callable[[], Provider]
    good: dict[str, Any]
    strange: dict[str, Any]
    required: str
    """A field of the good reply without which it is no reply."""
    units: int = 1
    """The units that the vendor counts for one request."""


AZURE_DOCUMENT = {
    "id": "0",
    "sentiment": "positive",
    "confidenceScores": {"positive": 0.9, "neutral": 0.1, "negative": 0.0},
    "sentences": [],
}
VENDORS = {
    "google": Vendor(
        lambda: Google(api_key=KEY),
        {"documentSentiment": {"score": 0.5, "magnitude": 1.5}, "languageCode": "ko"},
        {"documentSentiment": {"score": 0.5, "magnitude": 1.5, "new": 1}, "languageCode": "tlh", "more": {"a": [1]}},
        "documentSentiment",
    ),
    "azure": Vendor(
        lambda: Azure(key=KEY, endpoint=ENDPOINT),
        {"kind": "SentimentAnalysisResults", "results": {"documents": [AZURE_DOCUMENT], "errors": []}},
        {"results": {"documents": [{**AZURE_DOCUMENT, "sentiment": "ironic", "new": 1}], "errors": [], "more": {}}},
        "results",
    ),
    "watson": Vendor(
        lambda: Watson(nlu=Resource(KEY, NLU), speech_to_text=Resource(KEY, STT)),
        {"language": "ko", "sentiment": {"document": {"score": 0.5, "label": "positive"}}},
        {"language": "ko", "sentiment": {"document": {"score": 0.5, "label": "ironic", "new": 1}}, "more": [1]},
        "sentiment",
        units=2,  # the sentiment and the emotions, because the language is not given
    ),
}


class Skipping:
    """A clock on which sleeping takes no time: it runs with the real one, and jumps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Return the seconds of the real clock and of all sleeps."""
        return time.monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Jump."""
        self.slept.append(seconds)

    async def asleep(self, seconds: float) -> None:
        """Jump, and let others run."""
        self.slept.append(seconds)
        await asyncio.sleep(0)


def ask(
    colour: str,
    provider: Provider,
    url: str,
    operation: str = "sentiment",
    given: Any = "맛있어요!",
    *,
    clock: Skipping | None = None,
    verify: Any = True,
    client: dict[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Make one call by one of the two clients, to the server in place of the vendor."""
    clock = clock or Skipping()
    options.setdefault("language", "en")
    if colour == "blocking":
        network = Network(verify=verify)
        try:
            with Client(
                provider, send=lambda r: network(to(url, r)), clock=clock, sleep=clock.sleep, **(client or {})
            ) as c:
                return getattr(c, operation)(given, **options)
        finally:
            network.close()

    async def awaiting() -> Any:
        network = AsyncNetwork(verify=verify)
        try:
            async with AsyncClient(
                provider, send=lambda r: network(to(url, r)), clock=clock, sleep=clock.asleep, **(client or {})
            ) as c:
                return await getattr(c, operation)(given, **options)
        finally:
            await network.close()

    return asyncio.run(awaiting())


def to(url: str, request: Request) -> Request:
    """Return the same request to another host."""
    return replace(request, url=f"{url}{urlsplit(request.url).path}")


def noise(size: int) -> bytes:
    """Return bytes that nothing compresses."""
    return random.Random(7).randbytes(size)  # noqa: S311  # the same each time


def as_json(body: Any) -> bytes:
    """Return the body of a reply as JSON."""
    return json.dumps(body, ensure_ascii=False).encode()
