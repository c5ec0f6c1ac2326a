"""Tests without a network: cassettes that record and replay, and scripted replies.

A cassette is a JSON file of exchanges. Keys, tokens, cookies and uploads are never in it: headers and
parameters by an allow-list, what was sent of a file as its digest and size.

    with replay("team.json") as send, cloudai.Client("google", send=send, offline=True) as client:
        client.detect_faces("team.jpg")              # answered from the file; nothing is sent

    with record("team.json") as send, cloudai.Client("google", send=send) as client:
        client.detect_faces("team.jpg")              # sent, and written down

Both serve `AsyncClient` too. Replay is strict: a call the cassette does not hold, or one that was not made,
is an error.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from inspect import isawaitable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from cloudai._http import AsyncNetwork, Network
from cloudai.errors import ReplayError
from cloudai.flow import Blob, File, Request, Response

__all__ = ["AsyncNetwork", "Cassette", "Exchange", "Network", "Recorder", "Replay", "Script", "record", "replay"]

PathLike: TypeAlias = str | os.PathLike[str]
Kind = Literal["recorded", "constructed", "official-example", "documented"]

VERSION = 1
REDACTED = "REDACTED"

HEADERS = frozenset(
    {
        "accept",
        "apim-request-id",
        "content-type",
        "date",
        "operation-location",
        "retry-after",
        "x-cloud-trace-context",
        "x-global-transaction-id",
        "x-goog-request-id",
        "x-ms-region",
        "x-request-id",
        "x-requestid",
    }
)
"""Headers that are written down. Any other may hold a key."""

PARAMETERS = frozenset(
    {
        "api-version",
        "detectionModel",
        "details",
        "features",
        "format",
        "from",
        "gender-neutral-caption",
        "language",
        "model",
        "model-version",
        "profanity",
        "recognitionModel",
        "returnFaceAttributes",
        "returnFaceId",
        "returnFaceLandmarks",
        "showStats",
        "smart_formatting",
        "smartcrops-aspect-ratios",
        "speaker_labels",
        "timestamps",
        "to",
        "version",
        "visualFeatures",
        "voice",
        "word_confidence",
    }
)
"""Parameters of addresses that are written down."""


class Exchange(BaseModel):
    """One request and its reply, as written down. Other fields of the file are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Kind
    note: str | None = None
    request: dict[str, Any]
    response: dict[str, Any]

    def reply(self) -> Response:
        """The reply, as if it came from the network."""
        kept = self.response
        if "base64" in kept:
            content = base64.b64decode(kept["base64"])
        elif "text" in kept:
            content = kept["text"].encode()
        else:
            content = b"" if kept.get("body") is None else json.dumps(kept["body"], ensure_ascii=False).encode()
        return Response(kept["status"], kept.get("headers") or {}, content, replayed=True)


@dataclass
class Cassette:
    """The exchanges of one file, in order."""

    exchanges: list[Exchange] = field(default_factory=list)
    path: Path | None = None

    @classmethod
    def load(cls, path: PathLike) -> Cassette:
        """Read a cassette, or a file of one exchange; ReplayError where it is neither."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if "version" in data and data["version"] != VERSION:
                raise ReplayError(f"{path} is a cassette of version {data['version']}", advice="Upgrade cloudai.")
            exchanges = data["exchanges"] if "version" in data else [data]
            return cls([Exchange.model_validate(exchange) for exchange in exchanges], Path(path))
        except FileNotFoundError:
            raise ReplayError(f"there is no cassette {path}", advice="Record it first: cloudai.testing.record.") from None
        except (OSError, ValidationError, ValueError, KeyError, TypeError) as error:
            raise ReplayError(f"{path} is no cassette ({error})".replace("\n", " ")) from error

    def save(self, path: PathLike) -> None:
        """Write the cassette whole or not at all, readable by its owner only: it holds replies."""
        data = {"version": VERSION, "exchanges": [e.model_dump(exclude_none=True) for e in self.exchanges]}
        target = Path(path)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=target.name)  # mode 0600
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as out:
                json.dump(data, out, ensure_ascii=False, indent=1)
                out.write("\n")
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


# -- replaying ---------------------------------------------------------------------------------------------


class Replay:
    """Answers from a cassette, in place of the network; equal requests in the order they were recorded.

    As a context manager it checks at its end that every exchange was asked for.
    """

    def __init__(self, cassette: Cassette) -> None:
        self._name = str(cassette.path or "the cassette")
        self._left = list(cassette.exchanges)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        """The recorded reply; ReplayError, naming the nearest, where there is none."""
        asked = described(request)
        with self._lock:
            for exchange in self._left:
                if _difference(exchange.request, asked) is None:
                    self._left.remove(exchange)
                    return exchange.reply()
            raise self._miss(asked)

    def _miss(self, asked: Mapping[str, Any]) -> ReplayError:
        near = [e.request for e in self._left if e.request.get("url") == asked["url"]] or [e.request for e in self._left]
        why = f"the next differs in {_difference(near[0], asked)}" if near else "all it holds is replayed"
        return ReplayError(
            f"{self._name} does not hold this {asked['method']} {asked['url']}: {why}",
            advice="Record it anew if the call has changed.",
        )

    def close(self) -> None:
        """ReplayError where exchanges were not asked for."""
        if self._left:
            left = ", ".join(f"{e.request.get('method')} {e.request.get('url')}" for e in self._left[:3])
            raise ReplayError(
                f"{self._name} holds {len(self._left)} more than was asked for: {left}",
                advice="Record it anew if the calls have changed.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:  # another error already tells why not all was asked
            self.close()


def replay(cassette: PathLike | Cassette) -> Replay:
    """Answer from a cassette: give the outcome as ``send=`` to a client, with ``offline=True``."""
    return Replay(cassette if isinstance(cassette, Cassette) else Cassette.load(cassette))


# -- recording ---------------------------------------------------------------------------------------------


class Recorder:
    """Sends by another ``send``, and writes each exchange down as soon as it is answered."""

    def __init__(self, path: PathLike, send: Callable[[Request], Any], note: str | None = None) -> None:
        self.cassette = Cassette(path=Path(path))
        self._path = path
        self._send = send
        self._note = note
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Any:
        """The reply of the other ``send``, awaitable if that is."""
        reply = self._send(request)
        return self._awaited(request, reply) if isawaitable(reply) else self._kept(request, reply)

    async def _awaited(self, request: Request, reply: Any) -> Response:
        return self._kept(request, await reply)

    def _kept(self, request: Request, response: Response) -> Response:
        exchange = {"kind": "recorded", "note": self._note, "request": described(request)}
        exchange["response"] = _described_reply(response, token=not request.credentials)
        clean = _without(_secrets(request), exchange)
        with self._lock:
            self.cassette.exchanges.append(Exchange.model_validate(clean))
            self.cassette.save(self._path)
        return response

    def close(self) -> None:
        """Close the connections, where the other ``send`` has any."""
        if hasattr(self._send, "close"):
            self._send.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def record(path: PathLike, send: Callable[[Request], Any] | None = None, *, note: str | None = None) -> Recorder:
    """Write down what is sent: give the outcome as ``send=`` to a client.

    Args:
        path: The file to write; one that exists is replaced.
        send: What really sends; by default the network, blocking. For `AsyncClient` give
            ``cloudai.testing.AsyncNetwork()``.
        note: Kept beside each exchange.
    """
    return Recorder(path, send or Network(), note)


# -- what is written down of a request ---------------------------------------------------------------------


def described(request: Request) -> dict[str, Any]:
    """A request as it is written down and compared: no key, no upload."""
    parts = urlsplit(request.url)
    facts: dict[str, Any] = {
        "method": request.method,
        "url": urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")),
        "params": {name: value for name, value in request.params.items() if name in PARAMETERS},
        "headers": _allowed(request.headers),
    }
    if request.json is not None:
        facts["body"] = _digested(request.json)
    if request.content is not None:
        facts["upload"] = _digested(request.content)
    if request.form is not None:
        facts["form"] = dict(request.form) if request.credentials else dict.fromkeys(request.form, REDACTED)
    if request.files is not None:
        facts["files"] = {name: _digested(file) for name, file in request.files.items()}
    return facts


def _digested(value: Any) -> Any:
    """The same with a digest in place of every upload: of the input as given, whatever was made of it."""
    match value:
        case Blob():
            return {"sha256": value.key, "size": len(value.data), "media_type": value.media_type}
        case bytes():
            return {"sha256": sha256(value).hexdigest(), "size": len(value)}
        case File():
            return {"media_type": value.media_type, **_digested(value.content)}
        case Mapping():
            return {key: _digested(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_digested(inner) for inner in value]
        case _:
            return value


def _allowed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() in HEADERS}


MATCHED = ("method", "url", "params", "body", "upload", "form", "files")


def _difference(held: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """The first part in which two requests differ; how an upload was prepared makes no difference."""
    for part in MATCHED:
        if _comparable(held.get(part) or {}) != _comparable(asked.get(part) or {}):
            return part
    return None


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        digest = value.get("sha256")
        return digest if digest and "size" in value else {k: _comparable(inner) for k, inner in value.items()}
    return [_comparable(inner) for inner in value] if isinstance(value, list) else value


def _described_reply(response: Response, *, token: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"status": response.status, "headers": _allowed(response.headers)}
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return {**facts, **_not_json(response.content, token=token)}
    return {**facts, "body": _redacted(body) if token else body}


def _not_json(content: bytes, *, token: bool) -> dict[str, Any]:
    if not content or token:
        return {"text": REDACTED if token and content else ""}
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _redacted(value: Any) -> Any:
    """A reply to a request for a token: every text is taken for a secret but the kind of token."""
    match value:
        case dict():
            return {key: inner if key == "token_type" else _redacted(inner) for key, inner in value.items()}
        case list():
            return [_redacted(inner) for inner in value]
        case str():
            return REDACTED
        case _:
            return value


SHORTEST_SECRET = 6


def _secrets(request: Request) -> list[str]:
    """Whatever the request carried that is not written down: a reply may echo it."""
    withheld = [v for k, v in request.headers.items() if k.lower() not in HEADERS and k.lower() != "user-agent"]
    withheld += [v for k, v in request.params.items() if k not in PARAMETERS]
    words = [word for value in withheld for word in (value, value.rpartition(" ")[2])]
    return sorted({word for word in words if len(word) >= SHORTEST_SECRET}, key=len, reverse=True)


def _without(secrets: Sequence[str], exchange: Any) -> Any:
    text = json.dumps(exchange, ensure_ascii=False)
    for secret in secrets:
        for form in _spellings(secret):
            text = text.replace(form, REDACTED)
    return json.loads(text)


def _spellings(secret: str) -> Iterator[str]:
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")


# -- scripted replies --------------------------------------------------------------------------------------


class Script:
    """Gives these replies in turn, or raises these errors, whatever is asked; keeps what was asked.

    Example:
        >>> from cloudai import Client, Response
        >>> send = Script(Response(200, {}, b'{"responses": [{}]}'))
        >>> len(Client("google", send=send, offline=True).detect_faces("https://pictures.example/team.jpg"))
        0
        >>> send.requests[0].method
        'POST'
    """

    def __init__(self, *replies: Response | Exception | Callable[[Request], Response]) -> None:
        self._replies = list(replies)
        self._lock = threading.Lock()
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """The next reply."""
        with self._lock:
            self.requests.append(request)
            if not self._replies:
                raise ReplayError(f"the script has no reply left for {request.method} {request.url}")
            reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Response) else reply(request)
