"""The vendors' own packages with a wire that writes down what they send and answers what it is told."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import urllib3

from cloudai.core.flow import Request

__all__ = ["Asked", "Listening", "asked"]


@dataclass
class Asked:
    """The facts of one request, whoever sent it."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    """The headers, with names in lower case."""
    body: Any
    """The body as parsed JSON if it is JSON, else as bytes."""


class Listening(requests.adapters.HTTPAdapter):
    """Stands in for the network of everything that is built on requests."""

    def __init__(self) -> None:
        super().__init__()
        self.reply: Any = {}
        self.asked: list[Asked] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Write the request down and give the reply."""
        body = request.body
        if hasattr(body, "read"):
            body = body.read()
        elif hasattr(body, "__next__"):
            body = b"".join(body)
        parts = urlsplit(str(request.url))
        content = body if isinstance(body, bytes) else str(body or "").encode()
        self.asked.append(
            Asked(
                str(request.method),
                parts.path,
                dict(parse_qsl(parts.query)),
                {name.lower(): _text(value) for name, value in request.headers.items()},
                _read(content),
            )
        )
        reply = urllib3.HTTPResponse(
            body=io.BytesIO(json.dumps(self.reply).encode()),
            headers={"Content-Type": "application/json; charset=utf-8"},
            status=200,
            preload_content=False,
        )
        return self.build_response(request, reply)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def asked(request: Request) -> Asked:
    """Return our request in the form of `Asked`."""
    parts = urlsplit(request.url)
    content = request.content
    return Asked(
        request.method,
        parts.path,
        {**dict(parse_qsl(parts.query)), **request.params},
        {name.lower(): value for name, value in request.headers.items()},
        json.loads(request.json_bytes()) if request.json is not None else getattr(content, "data", content),
    )


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    """Put a wire of ours under every session of requests, and return it."""
    wire = Listening()
    monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: wire)
    return wire
