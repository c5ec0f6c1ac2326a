"""Three vendors that are asked in turn, each of which answers as it is told, and counts what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import SettingsError
from cloudai.models.base import Meta
from cloudai.models.text import KeyPhrase, KeyPhrases, Sentiment
from cloudai.providers.base import Provider, capability, with_headers
from cloudai.providers.replies import Fault, error_body
from cloudai.providers.settings import Setting
from tests.made_up.provider import ok

__all__ = ["NAMES", "Vendors", "asked"]

NAMES = ("hanbit", "dure", "seum")
"""The names of the three vendors, which are invented."""

Answer = Callable[[Request], Response]


class Vendor(Provider):
    """A vendor of one service, whose address and key are given."""

    settings = (Setting("key", ("THREE_VENDORS_KEY",), secret=True),)
    hosts = ("vendor.example",)

    def __init__(self, *, key: str | None = "not-a-real-key", url: str = "") -> None:
        self._given = {"key": key}
        self.url = url or f"https://{NAMES.index(self.name)}.vendor.example"

    def missing(self, operation: str | None = None) -> str | None:
        """Return the advice to set a key, where none is given."""
        return None if self.setting("key") else "no key. Set THREE_VENDORS_KEY."

    def sign(self, request: Request, token: Any) -> Request:
        """Return the request with the key in a header."""
        if problem := self.missing():
            raise SettingsError(problem)
        return with_headers(request, {"x-key": str(self.setting("key"))})

    def fault(self, response: Response) -> Fault:
        """Return the fault of a reply such as ``{"error": "text", "quota": "day"}``."""
        body = error_body(response)
        return Fault(message=str(body.get("error", "")), quota=body.get("quota"))

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request."""
        request = Request("POST", f"{self.url}/mood", service="mood", api="v1", json={"text": text})
        body = (yield request).json()
        return Sentiment(score=body["score"], label=body.get("label"), language=language, meta=Meta(model=self.name))


class Phrases(Vendor):
    """A vendor that also knows key phrases."""

    @capability("open")
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Send one request."""
        body = (yield Request("POST", f"{self.url}/phrases", service="phrases", api="v1", json={"text": text})).json()
        return KeyPhrases(phrases=tuple(KeyPhrase(text=phrase) for phrase in body["phrases"]))


KINDS = {name: type("Played", (Phrases if n else Vendor,), {"name": name}) for n, name in enumerate(NAMES)}
"""The class of each vendor; the first one knows no key phrases."""


class Vendors:
    """The vendors of one test: what each answers, and the requests that it was sent.

    Args:
        answers: For the name of a vendor the function that answers it; the others answer well.
    """

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.requests: list[tuple[str, Request]] = []

    def __call__(self, request: Request) -> Response:
        """Count a request, and answer it."""
        name = NAMES[int(request.url.partition("://")[2][0])]
        self.requests.append((name, request))
        return self.answers.get(name, good)(request)

    def count(self, name: str) -> int:
        """Return how many requests a vendor was sent."""
        return sum(each == name for each, _ in self.requests)


def good(request: Request) -> Response:
    """Return a good reply, whatever is asked."""
    return ok({"score": 0.5, "phrases": ["맛"]})


def asked(names: Sequence[str] = NAMES, **settings: dict[str, Any]) -> list[Provider]:
    """Return the vendors of these names, in order; ``settings`` has arguments of the constructor of some."""
    return [KINDS[name](**settings.get(name, {})) for name in names]
