"""The network: a `Request` out, a `Response` back.

With ``_fetcher.py`` the only module that imports the HTTP library.

The time left (`Request.timeout`) holds for the whole exchange. The HTTP library's own timeouts start anew
with every byte: a server that drips, that sends its headers slowly, or that repeats "100 Continue" would
hold a call for minutes. So awaiting exchanges run under `asyncio.timeout`, and blocking ones over sockets
whose every operation is given only what is left.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import ipaddress
import os
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import httpx2

from cloudai._version import __version__
from cloudai.core.flow import Blob, Request, Response
from cloudai.core.urls import split
from cloudai.errors import (
    RedirectBlockedError,
    SettingsError,
    closed,
)
from cloudai.transport.body import Body
from cloudai.transport.deadline import Backend, timeouts, until
from cloudai.transport.errors import Sent, errors

__all__ = ["AsyncNetwork", "Network", "Verify", "body_of", "require_safe", "require_sendable", "unsendable"]

T = TypeVar("T")

Verify = ssl.SSLContext | str | os.PathLike[str] | bool

KEPT = 20
"""Idle connections at least, of all hosts."""

USER_AGENT = f"cloudai/{__version__}"


class Network:
    """Sends requests, blocking. ``client`` may be the user's own httpx or httpx2 client."""

    def __init__(
        self,
        client: Any = None,
        *,
        verify: Verify = True,
        proxy: str | None = None,
        allow_http: bool = False,
        max_concurrency: int = KEPT,
    ) -> None:
        _require_client(client, asynchronous=False)
        self._mine = client is None
        self._make = functools.partial(_made, verify, proxy, max_concurrency)
        self._client = client or self._make()
        self._allow_http = allow_http
        self._pid = os.getpid()
        self._inherited: list[Any] = []
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        """Send one request; ConnectError, ConnectionLostError or DeadlineExceededError where it fails."""
        require_safe(request.url, self._allow_http)
        require_sendable(unsendable(request.headers))
        client, sent = self._of_this_process(), Sent()
        _require_open(client)
        with errors(request.url, sent), until(request.timeout):
            outgoing = client.build_request(**_arguments(request), extensions={"trace": sent.note})
            if self._mine:
                outgoing.url = _Quiet(outgoing.url)
            reply = client.send(outgoing, follow_redirects=False, stream=True)
            try:
                _require_unmoved(reply)
                body = Body(reply.headers)
                for chunk in reply.iter_raw():
                    body.add(chunk)
                return _response(reply, body)
            finally:
                reply.close()

    def _of_this_process(self) -> Any:
        """The client; after a fork one of the child's own: two processes on one connection get each other's replies."""
        if self._mine and self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    # Kept, not closed: to close it would end the parent's TLS sessions.
                    self._inherited.append(self._client)
                    self._client, self._pid = self._make(), os.getpid()
        return self._client

    def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        if self._mine:
            self._client.close()


class AsyncNetwork:
    """Sends requests, awaiting. ``client`` may be the user's own httpx or httpx2 async client."""

    def __init__(
        self,
        client: Any = None,
        *,
        verify: Verify = True,
        proxy: str | None = None,
        allow_http: bool = False,
        max_concurrency: int = KEPT,
    ) -> None:
        _require_client(client, asynchronous=True)
        self._mine = client is None
        self._client = client or _built(httpx2.AsyncClient, verify, proxy, max_concurrency)
        self._allow_http = allow_http

    async def __call__(self, request: Request) -> Response:
        """Send one request; ConnectError, ConnectionLostError or DeadlineExceededError where it fails."""
        require_safe(request.url, self._allow_http)
        require_sendable(unsendable(request.headers))
        sent = Sent()
        _require_open(self._client)
        with errors(request.url, sent):
            async with asyncio.timeout(request.timeout):
                outgoing = self._client.build_request(
                    **_arguments(request, _awaiting), extensions={"trace": sent.anote}
                )
                if self._mine:
                    outgoing.url = _Quiet(outgoing.url)
                reply = await self._client.send(outgoing, follow_redirects=False, stream=True)
                try:
                    _require_unmoved(reply)
                    body = Body(reply.headers)
                    async for chunk in reply.aiter_raw():
                        body.add(chunk)
                    return _response(reply, body)
                finally:
                    await reply.aclose()

    async def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        if self._mine:
            await self._client.aclose()


# -- configuration -----------------------------------------------------------------------------------------


@functools.cache
def _tls(cafile: str | None = None) -> ssl.SSLContext:
    """One context a process: making one costs 18 ms."""
    return httpx2.create_ssl_context() if cafile is None else ssl.create_default_context(cafile=cafile)


def configuration(verify: Verify, proxy: str | None) -> dict[str, Any]:
    if verify is False:
        raise SettingsError(
            "certificates are always checked",
            advice="Behind a company's proxy, give verify= the path of its CA file.",
        )
    context = verify if isinstance(verify, ssl.SSLContext) else _tls(None if verify is True else os.fspath(verify))
    return {"verify": context, "proxy": proxy, "timeout": None, "follow_redirects": False}


def _built(kind: Callable[..., T], verify: Verify, proxy: str | None, max_concurrency: int) -> T:
    options = configuration(verify, proxy)
    # The drivers say how many calls are in flight. By the library's own limits (100 connections, 20 kept) those beyond
    # would wait out of sight, and most would connect anew; one that an interrupt loses would be missing for ever.
    kept = max(KEPT, max_concurrency)
    options["limits"] = httpx2.Limits(max_connections=None, max_keepalive_connections=kept)
    try:
        return kind(**options)
    except (ValueError, httpx2.InvalidURL):
        pass  # its text repeats parts of the address, which may have a password
    raise SettingsError(
        "the address of the proxy is none",
        advice="Give http://HOST:PORT (proxy=, HTTPS_PROXY); in a password, write / @ : ? # as %2F %40 %3A %3F %23.",
    )


def _require_client(client: Any, *, asynchronous: bool) -> None:
    """SettingsError for a client that is none of httpx or httpx2, or of the other colour."""
    if client is None:
        return
    if not (hasattr(client, "build_request") and hasattr(client, "send")):
        raise SettingsError(
            f"http_client= is a {type(client).__name__}, and neither httpx's nor httpx2's client",
            advice="For any other library give send=, a callable from Request to Response.",
        )
    if inspect.iscoroutinefunction(client.send) != asynchronous:
        raise SettingsError(
            f"http_client= is a {type(client).__name__}, which {'blocks' if asynchronous else 'awaits'}",
            advice="AsyncClient takes an httpx.AsyncClient, Client an httpx.Client.",
        )


def _require_unmoved(reply: Any) -> None:
    """RedirectBlockedError where a client of the user's has followed a redirect although it was told not to."""
    if reply.history:
        raise RedirectBlockedError(
            "http_client= followed a redirect: the key and the upload went there too",
            advice="Use a client that keeps to follow_redirects=False, and consider the key known.",
        )


def require_safe(url: str, allow_http: bool) -> None:
    """SettingsError where the address is of plain http beyond the loopback, or none."""
    parts = split(url)
    host = parts.hostname or ""
    if host and (parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _is_loopback(host)))):
        return
    if not host:
        raise SettingsError("the address of the service is no address", advice="Check the endpoint.")
    raise SettingsError(
        f"{parts.scheme or 'no scheme'}:// to {host} would send the key in the clear",
        advice="Use https, or pass allow_http=True if that network is yours.",
    )


def _require_open(client: Any) -> None:
    if getattr(client, "is_closed", False):
        raise closed()


def unsendable(headers: Mapping[str, str]) -> list[str]:
    """Names of headers whose values no header can hold."""
    return [name for name, value in headers.items() if not value.isascii() or not value.isprintable()]


def require_sendable(names: list[str]) -> None:
    """SettingsError where there are any."""
    # Where it is raised no variable holds the value: it may be a key, and error trackers collect variables.
    for name in names:
        raise SettingsError(
            f"the header {name} holds a character that cannot be sent",
            advice="Is there a line break or a quotation mark of a text program in the key?",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# -- encoding and decoding ---------------------------------------------------------------------------------


def _arguments(request: Request, pieces: Callable[[Iterator[bytes]], Any] = iter) -> dict[str, Any]:
    headers = {"user-agent": USER_AGENT, **request.headers, "accept-encoding": "gzip"}
    return {
        "method": request.method,
        "url": request.url,
        "params": dict(request.params) or None,
        "timeout": timeouts(request.timeout),
        **body_of(request, headers, pieces),
        "headers": headers,
    }


def body_of(
    request: Request, headers: dict[str, str], pieces: Callable[[Iterator[bytes]], Any] = iter
) -> dict[str, Any]:
    """The body as the HTTP library takes it, pieces as ``pieces`` makes them; its kind is added to the headers."""
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
    try:
        return request.json_size()
    except (TypeError, ValueError) as error:  # NaN, half a character, an object of the user's
        raise SettingsError(
            f"what is to be sent cannot be written as JSON ({type(error).__name__})",
            advice="Look at extra=, and at the options that are texts.",
        ) from error


async def _awaiting(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _boundary(request: Request) -> str:
    """The same for every attempt, so that the body is the same too."""
    parts = [f.content.key if isinstance(f.content, Blob) else f.name or "" for f in (request.files or {}).values()]
    return sha256("\n".join(["cloudai", *parts]).encode()).hexdigest()[:32]


class _Quiet(httpx2.URL):
    """An address that is shown without its query: the library logs it, and its errors hold on to it."""

    def __str__(self) -> str:
        return super().__str__().partition("?")[0]

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"


def _loaded(content: Blob | bytes) -> bytes:
    return content.data if isinstance(content, Blob) else content


def _response(reply: Any, body: Body) -> Response:
    return Response(reply.status_code, dict(reply.headers), body.whole())


def _made(verify: Verify, proxy: str | None, max_concurrency: int) -> httpx2.Client:
    return _deadlined(_built(httpx2.Client, verify, proxy, max_concurrency))


def _deadlined(client: httpx2.Client) -> httpx2.Client:
    """Give every pool of the client, those of proxies too, sockets that know the deadline."""
    # The library's own transports take no network backend, and building them here would lose what it
    # knows of proxies in the environment. A test holds the deadline in place should these names change.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = Backend(pool._network_backend)  # noqa: SLF001
    return client
