"""This module turns a `Request` into what the HTTP library sends, and the library's reply into a `Response`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import httpx2

from cloudai._version import __version__
from cloudai.core.flow import Blob, Request, Response
from cloudai.errors import SettingsError
from cloudai.transport.body import Body
from cloudai.transport.deadline import timeouts

__all__ = ["USER_AGENT", "body_of", "headers_of", "json_bytes", "outgoing", "response"]

USER_AGENT = f"cloudai/{__version__}"


def outgoing(
    client: Any, request: Request, trace: Any, *, quiet: bool, pieces: Callable[[Iterator[bytes]], Any] = iter
) -> Any:
    """Return the request that a client of the library is to send.

    Args:
        client: The client.
        request: The request.
        trace: A function that the library tells of each step of the exchange.
        quiet: Whether the library shows the address without its query, in logs and errors. Give False for a client of
            the user's, which may have to see the query.
        pieces: See `body_of`.

    Raises:
        SettingsError: The body cannot be written as JSON.
    """
    built = client.build_request(**_arguments(request, pieces), extensions={"trace": trace})
    if quiet:
        built.url = _Quiet(built.url)
    return built


def _arguments(request: Request, pieces: Callable[[Iterator[bytes]], Any]) -> dict[str, Any]:
    """Return the arguments from which the library builds its request; see `body_of` for ``pieces``."""
    headers = headers_of(request)
    return {
        "method": request.method,
        "url": request.url,
        "params": dict(request.params) or None,
        "timeout": timeouts(request.timeout),
        **body_of(request, headers, pieces),
        "headers": headers,
    }


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers of a request, but for those that describe its body, by their names in lower case."""
    # Names of headers have no case: a provider's Content-Type and our content-type would both go out otherwise.
    given = {name.lower(): value for name, value in request.headers.items()}
    return {"user-agent": USER_AGENT, **given, "accept-encoding": "gzip"}  # `Body` unpacks nothing else


def body_of(
    request: Request, headers: dict[str, str], pieces: Callable[[Iterator[bytes]], Any] = iter
) -> dict[str, Any]:
    """Return the arguments from which the library makes the body, and add to ``headers`` those that describe it.

    Args:
        request: The request.
        headers: The headers of the request by their names in lower case, to which the content type is added, and the
            length of a JSON body.
        pieces: Wraps the iterator over a JSON body; the library's async clients take an async iterator.

    Raises:
        SettingsError: The body cannot be written as JSON.
    """
    if request.files is not None:
        headers.setdefault("content-type", f"multipart/form-data; boundary={_boundary(request)}")
        files = {n: (f.name, _loaded(f.content), f.media_type) for n, f in request.files.items()}
        return {"files": files, "data": dict(request.form or {})}
    if request.json is not None:
        headers.setdefault("content-type", "application/json")
        headers["content-length"] = str(_json_size(request))
        return {"content": pieces(request.json_pieces())}
    if request.content is not None:
        if isinstance(request.content, Blob):
            headers.setdefault("content-type", request.content.media_type)
        return {"content": _loaded(request.content)}
    return {"data": dict(request.form)} if request.form else {}


def _json_size(request: Request) -> int:
    """Return the bytes of a request's JSON body, or raise SettingsError if it cannot be written as JSON."""
    try:
        return request.json_size()
    except (TypeError, ValueError, RecursionError) as error:  # NaN, half a character, another object, many levels
        raise SettingsError(
            f"what is to be sent cannot be written as JSON ({type(error).__name__})",
            advice="Look at extra=, and at the options that are texts.",
        ) from error


def json_bytes(request: Request) -> bytes:
    """Return a request's JSON body as a whole, or raise SettingsError if it cannot be written as JSON."""
    _json_size(request)
    return request.json_bytes()


def _boundary(request: Request) -> str:
    """Return a boundary that is the same for every attempt, so that the body is the same too."""
    parts = [f.content.key if isinstance(f.content, Blob) else f.name or "" for f in (request.files or {}).values()]
    return sha256("\n".join(["cloudai", *parts]).encode()).hexdigest()[:32]


class _Quiet(httpx2.URL):
    """An address that is shown without its query, because the library logs addresses and its errors show them."""

    def __str__(self) -> str:
        return super().__str__().partition("?")[0]

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"


def _loaded(content: Blob | bytes) -> bytes:
    return content.data if isinstance(content, Blob) else content


def response(reply: Any, body: Body) -> Response:
    """Return the library's reply as a `Response`."""
    return Response(reply.status_code, dict(reply.headers), body.whole())
