"""Bridges to clients built on azure-core: Image Analysis 4.0, Face, Text Analytics, Translator; those of ``.aio`` too.

They send through the client's ``send_request``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from cloudai.bridges._errors import errors, late
from cloudai.bridges._provider import served
from cloudai.bridges._requests import deadline_of, encoded, timeouts
from cloudai.core.flow import Request, Response
from cloudai.errors import AuthError, CloudAIError, SettingsError
from cloudai.providers.azure import Azure
from cloudai.providers.base import Provider
from cloudai.providers.settings import Resource
from cloudai.transport.body import Body

__all__ = ["face", "language", "translator", "vision"]

Bridge = tuple[Provider, Callable[[Request], Any]]


def vision(client: Any) -> Bridge:
    """Bridge an `ImageAnalysisClient`, which serves Image Analysis 4.0 only."""
    return _bridge(client, "vision", ("analyze_image", "read_text"), api="4.0")


def face(client: Any) -> Bridge:
    """Bridge a `FaceClient`."""
    return _bridge(client, "face", ("detect_faces", "estimate_age"))


def language(client: Any) -> Bridge:
    """Bridge a `TextAnalyticsClient`."""
    # The client's policies look into the reply, so it has to be read before them.
    return _bridge(client, "language", ("sentiment", "detect_language", "key_phrases"), stream=False)


def translator(client: Any) -> Bridge:
    """Bridge a `TextTranslationClient` of any version; the requests are those of Translator v3."""
    return _bridge(client, "translator", ("translate", "dictionary"))


def _bridge(client: Any, service: str, serves: tuple[str, ...], *, stream: bool = True, **settings: Any) -> Bridge:
    inner = client
    # Some clients wrap the generated one in one layer, and some in two.
    while not hasattr(inner, "send_request"):
        inner = getattr(inner, "_client", None)
        if inner is None:
            raise SettingsError(f"{type(client).__name__} has no send_request", advice="Update its package.")
    endpoint = _endpoint(client)
    provider = served(Azure, client, endpoint, serves, **{service: Resource(None, endpoint)}, **settings)
    awaited = ".aio." in f"{type(client).__module__}."
    return provider, partial(_awaiting if awaited else _blocking, inner.send_request, stream)


def _endpoint(client: Any) -> str:
    """Return the endpoint of an official client, or raise SettingsError if the client does not tell it."""
    inner = client
    while inner is not None:
        if endpoint := getattr(getattr(inner, "_config", None), "endpoint", None):
            return str(endpoint)
        inner = getattr(inner, "_client", None)
    raise SettingsError(f"{type(client).__name__} does not tell its endpoint", advice="Update its package.")


def _outgoing(request: Request, stream: bool) -> tuple[Any, dict[str, Any]]:
    """Return a request of azure-core, and the options with which its pipeline neither retries nor follows redirects."""
    from azure.core.rest import HttpRequest

    headers, body = encoded(request)
    # azure-core repeats a parameter for a list, and writes a tuple as Python shows it.
    params = {name: list(value) if isinstance(value, tuple) else value for name, value in request.params.items()}
    outgoing = HttpRequest(request.method, request.url, params=params, headers=headers, content=body or None)
    connection, read = timeouts(request)
    options = {"stream": stream, "retry_total": 0, "permit_redirects": False, "connection_timeout": connection}
    return outgoing, {**options, "read_timeout": read}


def _blocking(send: Callable[..., Any], stream: bool, request: Request) -> Response:
    """Send a request through a blocking client."""
    outgoing, options = _outgoing(request, stream)
    until = deadline_of(request)
    try:
        with errors(request.url):
            reply = send(outgoing, **options)
    except CloudAIError as error:
        return _judged(error)
    if not stream:
        return _whole(reply)
    with errors(request.url, sent=True):
        try:
            body = Body(reply.headers, request.max_reply)
            # Raw pieces are read, because azure-core would unpack without any limit.
            for piece in reply.iter_raw():
                body.add(piece)
                if until is not None and time.monotonic() > until:
                    raise late(request.url)
            return Response(reply.status_code, dict(reply.headers), body.whole())
        finally:
            reply.close()


async def _awaiting(send: Callable[..., Any], stream: bool, request: Request) -> Response:
    """Send a request through an asynchronous client."""
    outgoing, options = _outgoing(request, stream)
    # The outer block translates the error of the timeout; those inside translate what the client raises.
    with errors(request.url):
        async with asyncio.timeout(request.timeout):
            try:
                with errors(request.url):
                    reply = await send(outgoing, **options)
            except CloudAIError as error:
                return _judged(error)
            if not stream:
                return _whole(reply)
            with errors(request.url, sent=True):
                try:
                    body = Body(reply.headers, request.max_reply)
                    async for piece in reply.iter_raw():
                        body.add(piece)
                    return Response(reply.status_code, dict(reply.headers), body.whole())
                finally:
                    await reply.close()


def _judged(error: CloudAIError) -> Response:
    """Return the reply for which a policy of azure-core has raised an error, so that our provider judges it.

    Raises:
        CloudAIError: There is no reply, or the login has failed.
    """
    # Some clients raise for a status; the reply is in the error, and our provider reads more out of it.
    reply = getattr(error.__cause__, "response", None)
    if reply is None or isinstance(error, AuthError):
        raise error
    return _whole(reply)


def _whole(reply: Any) -> Response:
    """Return a reply that azure-core has already read and unpacked."""
    body = Body({})  # without the headers, which would say that the content is still packed
    body.add(reply.content)
    return Response(reply.status_code, dict(reply.headers), body.whole())
