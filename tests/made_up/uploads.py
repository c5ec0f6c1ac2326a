"""A made-up vendor whose requests hold all a request can hold, and the service that answers it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from cloudai.core.flow import Blob, File, Flow, Request, Response
from cloudai.core.tokens import Token
from cloudai.models.text import KeyPhrase, KeyPhrases, Language, Sentiment, Translation
from cloudai.providers.base import Provider, capability, with_headers
from cloudai.providers.settings import Setting

URL = "https://mood.example/v1"
LOGIN = "https://login.example/token"
KEY = "CaNaRy+k3y/0f9=Zq7"
ACCESS = "aCCe55-t0ken.CaNaRy.9x8w7v"
UPLOAD = b"PICTURE-BYTES-"


def ok(body: Any, **headers: str) -> Response:
    """Return a good reply in JSON."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(200, {"content-type": "application/json", **given}, json.dumps(body).encode())


def upload(text: str, prepared: str = "") -> Blob:
    """Return a text as a file; ``prepared`` is what preparing it added to the bytes that are sent."""
    return Blob(sha256(text.encode()).hexdigest(), lambda: UPLOAD + (text + prepared).encode(), "image/x")


class Mood(Provider):
    """Uploads inside JSON, as the body and as files; a job that is polled; a token."""

    name = "mood"
    settings = (Setting("key", ("MOOD_KEY",), secret=True),)
    request_id_headers = ("x-mood-id",)

    def __init__(self, *, key: str | None = None, tokens: bool = False, prepared: str = "") -> None:
        self._given = {"key": key}
        self.tokens = tokens
        self.prepared = prepared
        self.signed_with: list[str] = []

    def token(self, service: str) -> Flow[Token] | None:
        """Return a flow that fetches a token by a form, where tokens are asked for."""
        return self._token() if self.tokens else None

    def _token(self) -> Flow[Token]:
        form = {"grant_type": "urn:apikey", "apikey": self.setting("key") or "none"}
        reply: Response = yield Request("POST", LOGIN, form=form, billed=0, credentials=False)
        body = reply.json()
        return Token(body["access_token"], body["expires_in"] * 1e9)

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with the token, or with the key as a header."""
        if token is not None:
            self.signed_with.append(token.value)
            return super().sign(request, token)
        return with_headers(request, {"X-Mood-Key": self.setting("key") or "none"})

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send a file inside JSON."""
        body = {"items": [{"picture": upload(text, self.prepared), "language": language}]}
        reply: Response = yield Request("POST", f"{URL}/mood", json=body, params={"model": "m1"})
        return Sentiment(score=reply.json()["score"])

    @capability("open")
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Send a file as the body."""
        reply: Response = yield Request("POST", f"{URL}/phrases", content=upload(text, self.prepared))
        return KeyPhrases(phrases=tuple(KeyPhrase(text=word) for word in reply.json()))

    @capability("open")
    def translate(self, text: str, *, to: str, source: str | None) -> Flow[Translation]:
        """Send a file in a form."""
        file = File(f"{text}.png", upload(text, self.prepared), "image/png")
        reply: Response = yield Request("POST", f"{URL}/form", form={"target": to}, files={"it": file})
        return Translation(text=reply.json()["text"], to=to)

    @capability("open")
    def detect_language(self, text: str) -> Flow[Language]:
        """Send a job, and poll it at the address that the service gives."""
        start: Response = yield Request("POST", f"{URL}/jobs", json={"text": text})
        while True:
            address = start.headers["operation-location"]
            poll: Response = yield Request("GET", address, delay=30.0, billed=0)
            if "code" in poll.json():
                return Language(code=poll.json()["code"])


class Service:
    """Answers as the vendor does; a job is done at the third look."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        self.requests.append(request)
        polls = sum("/jobs/" in r.url for r in self.requests)
        match request.url.partition("?")[0].removeprefix(URL):
            case "/mood":
                return ok({"score": 0.5, "이유": "좋아요"}, x_mood_id="id-1")
            case "/phrases":
                return ok(["홍길동", "학교"])
            case "/form":
                return ok({"text": "안녕"})
            case "/jobs":
                where = f"{URL}/jobs/7?api-version=2&sig={KEY}"
                return ok({}, operation_location=where)
            case "/jobs/7":
                return ok({"code": "ko"} if polls == 3 else {"status": "running"})
            case _:
                return ok({"access_token": ACCESS, "token_type": "Bearer", "expires_in": 3600})

    async def asend(self, request: Request) -> Response:
        """Answer one request of an awaiting client."""
        return self(request)


def get(path: str = "", **facts: Any) -> Request:
    """Return a small request."""
    return Request("GET", f"{URL}{path}", **facts)


def post(body: Any = None, **facts: Any) -> Request:
    """Return a small request with a body."""
    return Request("POST", URL, json=body, **facts)
