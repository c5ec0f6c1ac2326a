"""The number of requests that are out at a time: ``concurrency=`` counts the parts of parallel steps too."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from cloudai import AsyncClient, Client, Provider, Response
from cloudai.core.flow import Flow, Request, parallel
from cloudai.models.text import KeyPhrases
from cloudai.providers.base import capability
from tests.made_up.provider import ok


class InParts(Provider):
    """A provider that sends three requests for each text at the same time."""

    name = "in-parts"
    hosts = ("made-up.example",)

    def _part(self, text: str) -> Flow[Response]:
        response: Response = yield Request("POST", "https://made-up.example/x", service="m", json={"text": text})
        return response

    @capability("open")
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Send the requests of three parts at the same time."""
        yield from parallel([self._part(f"{text} {n}") for n in range(3)])
        return KeyPhrases()


class Counting:
    """Counts the requests that are out at the same time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = self.count = 0

    def come(self) -> None:
        """Count one request more that is out."""
        with self.lock:
            self.now += 1
            self.count += 1
            self.most = max(self.most, self.now)

    def go(self) -> None:
        """Count one request less that is out."""
        with self.lock:
            self.now -= 1


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_parts_of_a_step_are_counted(colour: str, concurrency: int) -> None:
    """A batch of so many requests at a time never has more out, though each input has three at once."""
    out, company = Counting(), threading.Barrier(concurrency)
    texts = [f"글 {n}" for n in range(12)]

    def send(_: Request) -> Response:
        out.come()
        company.wait(20)  # as many as there may be come together
        time.sleep(0.001)
        out.go()
        return ok({})

    async def run() -> dict[str, int]:
        awaited = asyncio.Barrier(concurrency)

        async def asend(_: Request) -> Response:
            out.come()
            async with asyncio.timeout(20):
                await awaited.wait()
            await asyncio.sleep(0.001)
            out.go()
            return ok({})

        async with (
            AsyncClient(InParts(), send=asend) as client,
            client.batch("key_phrases", texts, concurrency=concurrency) as job,
        ):
            async for _ in job:
                pass
            return job.books

    if colour == "blocking":
        with Client(InParts(), send=send) as client, client.batch("key_phrases", texts, concurrency=concurrency) as job:
            assert all(outcome.status for outcome in job)
            books: Any = job.books
    else:
        books = asyncio.run(run())
    assert books["done"] == 12
    assert out.count == 36
    assert out.most == concurrency
