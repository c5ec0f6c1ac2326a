"""Errors that no request has ended in: those that a provider's own code raises, and those that leave a worker."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, CloudAIError, Provider, errors
from cloudai.core.flow import Flow, Request
from cloudai.errors import PausedError, RateLimitedError
from cloudai.models.text import Sentiment
from cloudai.providers.base import capability
from tests.made_up.provider import URL, Clock, MadeUp, ok
from tests.support.batches import Batcher, Server, both
from tests.support.length import both_by_turns


class Raising(Provider):
    """A provider of another distribution whose code raises an error of ours, before or after its request."""

    name = "raising"
    hosts = ("made-up.example",)

    def __init__(self, kind: type[CloudAIError], *, sends: bool) -> None:
        self._given = {}
        self.kind, self.sends = kind, sends

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Raise an error, perhaps after a request."""
        if self.sends:
            yield Request("POST", URL, service="mood", api="v1", json={"text": text})
        raise self.kind(f"our own connection for {text}")
        yield


KINDS = ("ConnectError", "ConnectionLostError", "RateLimitedError", "ServerError", "UnavailableError", "TooEarlyError")


@pytest.mark.long
@both_by_turns(
    "name, sends",
    product([*KINDS, "DeadlineExceededError", "MalformedResponseError", "ForbiddenError"], [True, False]),
)
def test_an_error_that_a_provider_raises_ends(name: str, sends: bool, colour: str, tmp_path: Path) -> None:
    """A batch ends though each try of its inputs ends in the same error, no text is sent twice, and none is lost."""
    clock, server = Clock(), Server(lambda _: ok({}))
    ask = Batcher(colour, Raising(getattr(errors, name), sends=sends), server, {"clock": clock, "sleep": clock.sleep})
    for _ in range(2):
        done = ask("sentiment", ["가", "나", "다"], journal=tmp_path / "j")
        assert done.balanced
        assert done.books["done"] == 0
    assert set(Counter(server.texts).values()) <= {1}
    assert clock.now < 3 * 3600


@both
def test_a_provider_that_is_always_limited_pauses(colour: str) -> None:
    """A provider whose own code says 429 for a quarter of an hour pauses the batch, as a service that does so."""
    clock = Clock()
    ask = Batcher(colour, Raising(RateLimitedError, sends=False), Server(ok), {"clock": clock, "sleep": clock.sleep})
    done = ask("sentiment", ["가", "나"], concurrency=1)
    assert isinstance(done.error, PausedError)
    assert 900 <= clock.now < 1000


class Stop(BaseException):
    """An exception that is no Exception, as that of a time limit of gevent."""


@both
def test_what_a_send_raises_ends_the_batch(colour: str) -> None:
    """An exception of any kind that leaves the user's ``send`` is raised to the reader of the outcomes."""
    asked: list[Any] = []

    def answer(request: Request) -> Any:
        asked.append(request)
        if len(asked) == 5:
            raise Stop("the time is up")
        return ok({"score": 0.5})

    with pytest.raises(Stop, match="the time is up"):
        Batcher(colour, MadeUp(), answer)("sentiment", [f"글 {n}" for n in range(20)], concurrency=2)


def test_what_a_send_raises_leaves_the_books_balanced(tmp_path: Path) -> None:
    """The input whose request was under way is in doubt, and the next run asks for the rest."""

    def answer(request: Request) -> Any:
        if request.json["text"] == "글 4":
            raise Stop
        return ok({"score": 0.5})

    texts = [f"글 {n}" for n in range(20)]
    with (
        Client(MadeUp(), send=answer) as client,
        client.batch("sentiment", texts, journal=tmp_path / "j", concurrency=1) as job,
    ):
        with pytest.raises(Stop):
            list(job)
        assert job.balanced
        assert job.books["in_doubt"] == 1
        assert job.books["done"] == 4
    done = Batcher("blocking", MadeUp(), Server(lambda _: ok({"score": 0.5})))(
        "sentiment", texts, journal=tmp_path / "j"
    )
    assert done.books["done"] == 20
