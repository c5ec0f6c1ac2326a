"""A made-up vendor, small enough to read, which the tests of the engine call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cloudai.core.call import CallContext
from cloudai.core.flow import Flow, Request, Response, call, parallel
from cloudai.core.tokens import Token
from cloudai.models.base import Meta
from cloudai.models.text import Language, Sentiment
from cloudai.providers.base import Provider, capability
from cloudai.providers.replies import Fault, error_body, readable
from cloudai.providers.settings import Setting

URL = "https://made-up.example/v1"


def ok(body: Any, **headers: str) -> Response:
    """Return a good reply."""
    return Response(200, headers, json.dumps(body).encode())


def refused(status: int, message: str = "no", **headers: str) -> Response:
    """Return a reply outside 2xx in the vendor's shape."""
    return Response(
        status, {k.replace("_", "-"): v for k, v in headers.items()}, json.dumps({"error": message}).encode()
    )


class MadeUp(Provider):
    """Two operations: one request, and a job that is polled."""

    name = "made-up"
    hosts = ("made-up.example",)
    settings = (Setting("key", ("MADE_UP_KEY",), secret=True),)
    request_id_headers = ("x-request-id",)

    def __init__(self, *, key: str | None = None, tokens: Callable[[], Token] | None = None) -> None:
        self._given = {"key": key}
        self.tokens = tokens

    def token(self, service: str) -> Flow[Token] | None:
        """Return a token, if there is a function that makes them."""
        return call(self.tokens) if self.tokens else None

    def fault(self, response: Response) -> Fault:
        """Return the fault of a reply such as ``{"error": "text"}``."""
        body = error_body(response)
        return Fault(message=str(body["error"]) if isinstance(body, dict) and "error" in body else readable(response))

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request."""
        response: Response = yield Request("POST", URL, service="mood", api="v1", json={"text": text})
        body = response.json()
        return Sentiment(score=body["score"], language=language, meta=Meta(model=body.get("model")))

    @capability("open")
    def detect_language(self, text: str) -> Flow[Language]:
        """Send a job and poll it; if the text has a bar, send two at once."""
        if "|" in text:
            parts = yield from parallel([self._job(part) for part in text.split("|")])
            return Language(code="+".join(parts))
        code = yield from self._job(text)
        return Language(code=code)

    def _job(self, text: str) -> Flow[str]:
        yield Request("POST", f"{URL}/jobs", service="tongue", api="v2", json={"text": text})
        while True:
            poll: Response = yield Request("GET", f"{URL}/jobs/{text}", service="tongue", api="v2", delay=1.0, billed=0)
            if "code" in poll.json():
                code: str = poll.json()["code"]
                return code


def job(seconds: float = 60.0, now: float = 0.0, **options: Any) -> CallContext:
    """Return the context of one call."""
    return CallContext(MadeUp(), "sentiment", lambda: {"input": "text"}, deadline=now + seconds, **options)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        """Move on."""
        self.sleep(seconds)
