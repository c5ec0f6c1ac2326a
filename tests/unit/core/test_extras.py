"""The user's additions to a request go into exactly one request of a call, and the documentation says into which."""

from __future__ import annotations

import threading
from typing import Any

from cloudai import Azure, Response
from cloudai.core.flow import Flow, Request, parallel
from cloudai.models.text import Sentiment
from tests.conftest import Caller
from tests.made_up.provider import MadeUp, ok
from tests.support.played import PICTURE

EXTRAS: dict[str, Any] = {"extra": {"mine": 1}, "extra_params": {"mine": "1"}, "extra_headers": {"x-mine": "1"}}


class InParts(MadeUp):
    """A provider that asks for two things at the same time, each in two steps."""

    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Ask for both."""
        yield from parallel([self._part(text, "first"), self._part(text, "second")])
        return Sentiment(score=0.0)

    def _part(self, text: str, name: str) -> Flow[None]:
        for step in ("1", "2"):
            yield Request("POST", f"https://made-up.example/{name}/{step}", service="mood", json={"text": text})


def got(asked: list[Request]) -> dict[str, tuple[bool, bool, bool]]:
    """Return which requests have each of the extras, by the end of their address."""
    return {
        request.url.partition(".example/")[2] or request.url.rpartition("/")[2]: (
            bool((request.json or {}).get("mine")),
            "mine" in request.params,
            "x-mine" in request.headers,
        )
        for request in asked
    }


def test_of_parallel_parts_exactly_the_first_gets_them(call: Caller) -> None:
    """The first request of the first part has the extras, even where the second part is answered before it is sent."""
    asked: list[Request] = []
    answered = threading.Event()

    def send(request: Request) -> Response:
        asked.append(request)
        if call.colour == "blocking" and request.url.endswith("first/1"):
            answered.wait(5)
        if "second" in request.url:
            answered.set()
        return ok({})

    call(InParts(), "sentiment", "좋아요", send=send, **EXTRAS)
    assert sorted(got(asked).items()) == [
        ("first/1", (True, True, True)),
        ("first/2", (False, False, False)),
        ("second/1", (False, False, False)),
        ("second/2", (False, False, False)),
    ]


def test_of_several_apis_the_first_gets_them(call: Caller) -> None:
    """A mix of features goes to two APIs of Azure one after the other, and Image Analysis 4.0 gets the extras."""
    asked: list[Request] = []

    def send(request: Request) -> Response:
        asked.append(request)
        if "imageanalysis" not in request.url:
            return ok({"categories": []})
        caption = {"text": "a tree", "confidence": 0.9}
        return ok({"modelVersion": "x", "metadata": {"width": 9, "height": 9}, "captionResult": caption})

    azure = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
    more = {name: EXTRAS[name] for name in ("extra_params", "extra_headers")}  # the body is a picture
    call(azure, "analyze_image", PICTURE, features=["caption", "categories"], send=send, **more)
    assert got(asked) == {"imageanalysis:analyze": (False, True, True), "analyze": (False, False, False)}
