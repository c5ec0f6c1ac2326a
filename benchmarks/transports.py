"""Measure one request by each of several HTTP transports, without the rest of cloudai, to choose between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import pictures
from benchmarks.subjects import KEY, Place, Subject, google_body

__all__ = ["TRANSPORTS"]

HEADERS = {"x-goog-api-key": KEY, "content-type": "application/json"}


def _url(place: Place, after: int) -> str:
    return f"{place.http}{f'/after/{after}' if after else ''}/v1/images:annotate"


def ours(*, awaiting: bool, after: int = 0) -> Subject:
    """Return the subject of a request over our own connections."""

    def subject(place: Place) -> Callable[[], Any]:
        from cloudai.core.flow import Request
        from cloudai.transport.async_http import AsyncNetwork
        from cloudai.transport.http import Network

        picture, url = pictures.small(), _url(place, after)

        def request() -> Request:
            return Request("POST", url, headers=HEADERS, content=google_body(picture), timeout=60)

        if not awaiting:
            blocking = Network(max_concurrency=128)
            return lambda: json.loads(blocking(request()).content)
        network = AsyncNetwork(max_concurrency=128)

        async def call() -> Any:
            return json.loads((await network(request())).content)

        return call

    return subject


def httpx2(*, awaiting: bool, aiohttp: bool = False, after: int = 0) -> Subject:
    """Return the subject of a request by httpx2, over its own transport or over that of aiohttp."""

    def subject(place: Place) -> Callable[[], Any]:
        import httpx2

        picture, url = pictures.small(), _url(place, after)
        if not awaiting:
            client = httpx2.Client()
            return lambda: client.post(url, content=google_body(picture), headers=HEADERS).json()
        # The pool of httpx2 has 100 connections at most by default, and keeps 20 of them open.
        limits = httpx2.Limits(max_connections=128, max_keepalive_connections=128)
        options: dict[str, Any] = {"limits": limits}
        if aiohttp:
            from httpx_aiohttp.httpx2 import AiohttpTransport

            options = {"transport": AiohttpTransport(limits=limits)}
        waiting = httpx2.AsyncClient(timeout=60, **options)

        async def call() -> Any:
            return (await waiting.post(url, content=google_body(picture), headers=HEADERS)).json()

        return call

    return subject


TRANSPORTS: Mapping[str, Subject] = {
    "transport ours": ours(awaiting=False),
    "transport httpx2": httpx2(awaiting=False),
    "transport ours awaiting": ours(awaiting=True),
    "transport httpx2 awaiting": httpx2(awaiting=True),
    "transport aiohttp awaiting": httpx2(awaiting=True, aiohttp=True),
    "transport ours 128": ours(awaiting=True, after=250),
    "transport httpx2 128": httpx2(awaiting=True, after=250),
    "transport aiohttp 128": httpx2(awaiting=True, aiohttp=True, after=250),
}
"""The subjects by name."""
