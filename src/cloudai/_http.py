"""The network: a `Request` out, a `Response` back. The only module that imports the HTTP library.

The time left (`Request.timeout`) holds for the whole exchange. The HTTP library's own timeouts start anew
with every byte: a server that drips, that sends its headers slowly, or that repeats "100 Continue" would
hold a call for minutes. So awaiting exchanges run under `asyncio.timeout`, and blocking ones over sockets
whose every operation is given only what is left.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import os
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2

from cloudai._version import __version__
from cloudai.errors import (
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    MalformedResponseError,
    SettingsError,
)
from cloudai.flow import Blob, Request, Response

__all__ = ["AsyncNetwork", "Network", "Verify"]

Verify = ssl.SSLContext | str | os.PathLike[str] | bool

CONNECT = 10.0
"""Seconds for connecting, however much time the call has."""
WRITE_AT_ONCE = 65_536
USER_AGENT = f"cloudai/{__version__}"


class Network:
    """Sends requests, blocking. ``client`` may be the user's own httpx or httpx2 client."""

    def __init__(
        self, client: Any = None, *, verify: Verify = True, proxy: str | None = None, allow_http: bool = False
    ) -> None:
        self._mine = client is None
        self._client = client or _deadlined(httpx2.Client(**_configuration(verify, proxy)))
        self._allow_http = allow_http

    def __call__(self, request: Request) -> Response:
        """Send one request; ConnectError, ConnectionLostError or DeadlineExceededError where it fails."""
        _require_safe(request.url, self._allow_http)
        with _errors(request), _until(request.timeout):
            outgoing = self._client.build_request(**_arguments(request))
            return _response(self._client.send(outgoing, follow_redirects=False))

    def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        if self._mine:
            self._client.close()


class AsyncNetwork:
    """Sends requests, awaiting. ``client`` may be the user's own httpx or httpx2 async client."""

    def __init__(
        self, client: Any = None, *, verify: Verify = True, proxy: str | None = None, allow_http: bool = False
    ) -> None:
        self._mine = client is None
        self._client = client or httpx2.AsyncClient(**_configuration(verify, proxy))
        self._allow_http = allow_http

    async def __call__(self, request: Request) -> Response:
        """Send one request; ConnectError, ConnectionLostError or DeadlineExceededError where it fails."""
        _require_safe(request.url, self._allow_http)
        with _errors(request):
            async with asyncio.timeout(request.timeout):
                outgoing = self._client.build_request(**_arguments(request))
                return _response(await self._client.send(outgoing, follow_redirects=False))

    async def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        if self._mine:
            await self._client.aclose()


# -- configuration -----------------------------------------------------------------------------------------


@functools.cache
def _tls(cafile: str | None = None) -> ssl.SSLContext:
    """One context a process: making one costs 18 ms."""
    return httpx2.create_ssl_context() if cafile is None else ssl.create_default_context(cafile=cafile)


def _configuration(verify: Verify, proxy: str | None) -> dict[str, Any]:
    if verify is False:
        raise SettingsError(
            "certificates are always checked",
            advice="Behind a company's proxy, give verify= the path of its CA file.",
        )
    context = verify if isinstance(verify, ssl.SSLContext) else _tls(None if verify is True else os.fspath(verify))
    return {"verify": context, "proxy": proxy, "timeout": None, "follow_redirects": False}


def _require_safe(url: str, allow_http: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _is_loopback(parts.hostname or ""))):
        return
    raise SettingsError(
        f"{parts.scheme or 'no scheme'}:// to {parts.hostname} would send the key in the clear",
        advice="Use https, or pass allow_http=True if that network is yours.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# -- encoding and decoding ---------------------------------------------------------------------------------


def _arguments(request: Request) -> dict[str, Any]:
    headers = {"user-agent": USER_AGENT, **request.headers}
    left = request.timeout
    connect = CONNECT if left is None else min(CONNECT, left)
    return {
        "method": request.method,
        "url": request.url,
        "params": dict(request.params) or None,
        "timeout": (connect, left, left, left),  # connect, read, write, pool
        **_body(request, headers),
        "headers": headers,
    }


def _body(request: Request, headers: dict[str, str]) -> dict[str, Any]:
    if request.files is not None:
        headers.setdefault("content-type", f"multipart/form-data; boundary={_boundary(request)}")
        files = {n: (f.name, _loaded(f.content), f.media_type) for n, f in request.files.items()}
        return {"files": files, "data": dict(request.form or {})}
    if request.json is not None:
        headers.setdefault("content-type", "application/json")
        return {"content": request.json_bytes()}
    if request.content is not None:
        if isinstance(request.content, Blob):
            headers.setdefault("content-type", request.content.media_type)
        return {"content": _loaded(request.content)}
    return {"data": dict(request.form)} if request.form else {}


def _boundary(request: Request) -> str:
    """The same for every attempt, so that the body is the same too."""
    parts = [f.content.key if isinstance(f.content, Blob) else f.name or "" for f in (request.files or {}).values()]
    return sha256("\n".join(["cloudai", *parts]).encode()).hexdigest()[:32]


def _loaded(content: Blob | bytes) -> bytes:
    return content.data if isinstance(content, Blob) else content


def _response(reply: Any) -> Response:
    return Response(reply.status_code, dict(reply.headers), reply.content)


# -- errors ------------------------------------------------------------------------------------------------


@contextmanager
def _errors(request: Request) -> Iterator[None]:
    try:
        yield
    except CloudAIError:
        raise
    except Exception as error:
        raise _translated(error, urlsplit(request.url).hostname or request.url) from error


def _translated(error: Exception, host: str) -> Exception:
    # By name, because the classes of httpx and httpx2 are two families with the same names.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"ConnectTimeout", "ConnectError", "ProxyError", "UnsupportedProtocol", "InvalidURL"}:
        return _unreached(error, host)
    if kinds & {"TimeoutException", "TimeoutError"}:
        return DeadlineExceededError(
            f"{host} did not answer in time", advice="Give more with timeout= (seconds), or try again later."
        )
    if kinds & {"DecodingError"}:
        return MalformedResponseError(f"the reply of {host} cannot be decompressed ({error})")
    if kinds & {"TransportError", "OSError"}:
        return ConnectionLostError(
            f"the connection to {host} broke ({_reason(error)})",
            advice="The call may have been carried out and billed.",
        )
    return error


def _unreached(error: Exception, host: str) -> ConnectError:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes) or "SSL" in str(error):
        mapped = ConnectError(
            f"{host} is not trusted ({_reason(error)})",
            advice="Behind a company's proxy, give verify= the path of its CA file.",
        )
        mapped.retryable = False
        return mapped
    return ConnectError(
        f"cannot reach {host} ({_reason(error)})",
        advice="Check the network, and HTTPS_PROXY if there is a proxy.",
    )


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


# -- the deadline of blocking exchanges --------------------------------------------------------------------

_deadline: ContextVar[float | None] = ContextVar("cloudai_deadline", default=None)


@contextmanager
def _until(timeout: float | None) -> Iterator[None]:
    token = _deadline.set(None if timeout is None else time.monotonic() + timeout)
    try:
        yield
    finally:
        _deadline.reset(token)


def _left(timeout: float | None, expired: type[Exception]) -> float | None:
    """The smaller of the operation's own timeout and what is left of the exchange."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise expired("the exchange's time is used up")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore2.NetworkStream):
    """A socket whose every operation is given only what is left of the exchange."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In pieces: within one write the library gives the whole timeout to each partial send.
        view = memoryview(buffer)
        for start in range(0, len(view), WRITE_AT_ONCE):
            piece = bytes(view[start : start + WRITE_AT_ONCE])
            self._stream.write(piece, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    """Opens such sockets."""

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._backend.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


def _deadlined(client: httpx2.Client) -> httpx2.Client:
    """Give every pool of the client, those of proxies too, sockets that know the deadline."""
    # The library's own transports take no network backend, and building them here would lose what it
    # knows of proxies in the environment. A test holds the deadline in place should these names change.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = _Backend(pool._network_backend)  # noqa: SLF001
    return client
