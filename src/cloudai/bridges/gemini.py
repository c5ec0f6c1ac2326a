"""The bridge to ``google.genai.Client``, blocking and as its ``aio``, of the Gemini API and of Vertex AI.

The client sends each request once, over its own HTTP library. A reply that drips is not ended at the deadline by the
blocking client: it only knows how long a pause may be.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from cloudai.bridges._errors import errors
from cloudai.bridges._provider import served
from cloudai.core.flow import Request, Response
from cloudai.errors import SettingsError
from cloudai.providers.base import Provider
from cloudai.providers.google import Google
from cloudai.transport.body import Body
from cloudai.transport.messages import json_bytes

__all__ = ["gemini"]


class _ByClient(Google):
    """Google behind a client that has the key, and knows the address."""

    def by_vertex(self) -> bool:
        """Return False: the official client decides where a request goes."""
        return False

    def endpoint_of(self, service: str) -> str:  # noqa: ARG002
        """Return "": the official client decides where requests go."""
        return ""

    def missing(self, operation: str | None = None) -> str | None:  # noqa: ARG002
        """Return None: no key is needed."""
        return None


def gemini(client: Any) -> tuple[Provider, Callable[[Request], Any]]:
    """Bridge a `google.genai.Client`, or its ``aio``."""
    inner = client._api_client  # noqa: SLF001  # the client shows its address, and sends JSON as it is, nowhere else
    base = inner._http_options.base_url  # noqa: SLF001
    provider = served(_ByClient, client, base, None)
    awaited = type(client).__name__.startswith("Async")
    return provider, partial(_awaiting if awaited else _blocking, inner)


def _outgoing(inner: Any, request: Request) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Return the method, the path, the JSON and the options of a request as the official client takes them.

    Raises:
        SettingsError: The request has parameters, or cannot be written as JSON.
    """
    if request.params:
        raise SettingsError("google-genai takes no parameters", advice="Leave extra_params= out.")
    # The client makes the address itself; only the name of the model comes from our request.
    model = request.url.rpartition("/")[2]
    path = f"publishers/google/models/{model}" if inner.vertexai else f"models/{model}"
    # The client counts in milliseconds, and takes 0 for no limit.
    seconds = {} if request.timeout is None else {"timeout": max(1, int(request.timeout * 1000))}
    # The client makes one attempt: whether and when to try again is decided by our engine, which counts what may have
    # been billed.
    options = {"headers": dict(request.headers), "retry_options": {"attempts": 1}, **seconds}
    return request.method.lower(), path, json.loads(json_bytes(request)), options


def _blocking(inner: Any, request: Request) -> Response:
    """Send a request through a blocking client."""
    outgoing = _outgoing(inner, request)
    with errors(request.url):
        try:
            reply = inner.request(*outgoing)
        except Exception as error:
            if (refused := _refused(error, request)) is None:
                raise
            return refused
    return _answered(reply.headers, reply.body, request)


async def _awaiting(inner: Any, request: Request) -> Response:
    """Send a request through the asynchronous client."""
    # A picture becomes base64 and JSON here, which takes milliseconds that the event loop must not wait for.
    outgoing = await asyncio.to_thread(_outgoing, inner, request)
    with errors(request.url):
        try:
            async with asyncio.timeout(request.timeout):
                reply = await inner.async_request(*outgoing)
        except Exception as error:
            if (refused := _refused(error, request)) is None:
                raise
            return refused
    return _answered(reply.headers, reply.body, request)


def _refused(error: Exception, request: Request) -> Response | None:
    """Return the error reply for which the client has raised an error, or None where there was no reply."""
    status, details = getattr(error, "code", None), getattr(error, "details", None)
    if not isinstance(status, int) or details is None:
        return None
    headers = dict(getattr(getattr(error, "response", None), "headers", None) or {})
    return _answered(headers, json.dumps(details), request, status)


def _answered(headers: Any, body: str, request: Request, status: int = 200) -> Response:
    """Return a reply that the client has read and unpacked."""
    whole = Body({}, request.max_reply)
    whole.add(body.encode())
    # The client has unpacked the reply, and these headers speak of the packed one.
    packing = ("content-encoding", "content-length", "transfer-encoding")
    kept = {name: value for name, value in dict(headers or {}).items() if name.lower() not in packing}
    return Response(status, kept, whole.whole())
