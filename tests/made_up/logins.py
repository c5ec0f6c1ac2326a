"""The three vendors' logins, each against a token server on the loopback."""

from __future__ import annotations

import base64
import json
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cloudai import Azure, Google, Resource, Watson
from cloudai.core.flow import Request, Response
from cloudai.providers.base import Provider
from tests.made_up.faults import head
from tests.made_up.server import Connection, Faultd, faultd

SECRET = "canary-0f3a9c-비밀"
"""A secret that a login must not show; a part of it is Korean, because a text may be escaped on its way."""
ASCII_SECRET = "canary-0f3a9c-of-ascii"
AZURE = "https://one.cognitiveservices.azure.com"
NLU = "https://api.eu-de.natural-language-understanding.watson.cloud.ibm.com"


def jwt(name: str, seconds: float) -> str:
    """Return a token like IBM's, in which its end is written. Nobody checks the signature here."""
    now = int(time.time())
    parts = [{"alg": "RS256"}, {"sub": name, "iat": now, "exp": int(now + seconds)}]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts), "c2ln"])


class Plain:
    """A credential of the user's own: one request, nothing kept."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> Any:
        """Return a token, in the form that azure-core wants."""
        self.scopes += scopes
        asked = urllib.request.Request(self.url, data=ASCII_SECRET.encode())  # noqa: S310  # the loopback
        with urllib.request.urlopen(asked, timeout=10) as reply:  # noqa: S310
            body = json.loads(reply.read())
        return _Access(body["access_token"], body["expires_on"])


class _Access(NamedTuple):
    token: str
    expires_on: float


def google(url: str) -> Google:
    """Return a provider that has a user's login, with a refresh token."""
    from google.oauth2.credentials import Credentials

    return Google(
        credentials=Credentials(
            None, refresh_token=SECRET, token_uri=f"{url}/token", client_id="id", client_secret=ASCII_SECRET
        )
    )


def azure(url: str) -> Azure:
    """Return a provider that has a credential of the user's own."""
    return Azure(endpoint=AZURE, credential=Plain(url))


def watson(url: str) -> Watson:
    """Return a provider that has an authenticator of IAM, with an API key."""
    from ibm_cloud_sdk_core.authenticators import IAMAuthenticator

    return Watson(authenticator=IAMAuthenticator(ASCII_SECRET, url=url), nlu=Resource(endpoint=NLU))


@dataclass
class Vendor:
    """A vendor: how to log in there, how a reply with a token looks, and a good reply of its service."""

    make: Callable[[str], Provider]
    reply: Any


def usual(name: str, seconds: float) -> Any:
    """Return a token as OAuth has it, with its end as Azure has it."""
    return {"access_token": name, "expires_in": int(seconds), "expires_on": time.time() + seconds}


def of_ibm(name: str, seconds: float) -> Any:
    """Return a token as IAM has it."""
    return {"access_token": jwt(name, seconds), "refresh_token": SECRET, "expires_in": int(seconds)}


VENDORS = {"google": Vendor(google, usual), "azure": Vendor(azure, usual), "watson": Vendor(watson, of_ibm)}

SENTIMENT: dict[str, Any] = {
    "google": {"documentSentiment": {"score": 0.5, "magnitude": 0.5}, "languageCode": "ko", "sentences": []},
    "azure": {
        "kind": "SentimentAnalysisResults",
        "results": {
            "documents": [
                {
                    "id": "0",
                    "sentiment": "positive",
                    "confidenceScores": {"positive": 0.9, "neutral": 0.1, "negative": 0.0},
                    "sentences": [],
                    "warnings": [],
                }
            ],
            "errors": [],
            "modelVersion": "2025-01-01",
        },
    },
    "watson": {"language": "ko", "sentiment": {"document": {"score": 0.5, "label": "positive"}}},
}


def everything_of(error: BaseException | None) -> str:
    """Return all that an error, and the errors it hangs on to, show or hold."""
    texts: list[str] = []
    while error is not None:
        lines = traceback.TracebackException.from_exception(error, capture_locals=False).format(chain=False)
        texts += [str(error), repr(error), repr(vars(error)), repr(error.args), *lines]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@dataclass(repr=False)
class Service:
    """The vendor's service itself, as ``send``: what it was shown, and which tokens it no longer takes."""

    vendor: str
    shown: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Response:
        """Return a good reply, or a 401 for a token that is no longer taken."""
        self.requests.append(request)
        token = request.headers.get("Authorization", "")
        self.shown.append(token)
        if token in self.refused:
            return Response(401, {}, b'{"error": {"code": "Unauthorized", "message": "no"}}')
        return Response(200, {"content-type": "application/json"}, json.dumps(SENTIMENT[self.vendor]).encode())


Answer = Callable[[Connection], None]


def told(body: Any, status: str = "200 OK", *headers: str) -> Answer:
    """Return an answer that is a whole reply."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda c: c.send(head(status, *headers, size=len(data)), data)


def late(seconds: float, then: Answer) -> Answer:
    """Return an answer that comes later."""

    def answer(connection: Connection) -> None:
        time.sleep(seconds)
        then(connection)

    return answer


def silent(connection: Connection) -> None:
    """Never answer."""
    connection.silence()


@contextmanager
def token_server(*answers: Answer, **options: Any) -> Iterator[Faultd]:
    """Yield a server that gives these answers in turn, and the last one ever after."""
    left = list(answers)

    def fault(connection: Connection) -> None:
        answer = left.pop(0) if len(left) > 1 else left[0]
        answer(connection)

    with faultd(fault, **options) as server:
        yield server
