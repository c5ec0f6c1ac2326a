"""The bridge to ``openai.AzureOpenAI`` and ``openai.AsyncAzureOpenAI``.

The client decides the path, which names the deployment, and the version of the API. It sends each request once. A reply
that drips is not ended at the deadline by the blocking client: it only knows how long a pause may be.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from cloudai.bridges._errors import errors
from cloudai.bridges._provider import served
from cloudai.bridges._requests import timeouts
from cloudai.core.flow import Request, Response
from cloudai.errors import SettingsError
from cloudai.providers.azure import Azure
from cloudai.providers.base import Provider
from cloudai.providers.settings import Resource
from cloudai.transport.body import Body
from cloudai.transport.messages import json_bytes

__all__ = ["openai"]


def openai(client: Any) -> tuple[Provider, Callable[[Request], Any]]:
    """Bridge an `AzureOpenAI`, whose deployment is its ``azure_deployment=``, else AZURE_OPENAI_DEPLOYMENT.

    Raises:
        SettingsError: Neither names a deployment.
    """
    base = str(client.base_url)
    deployment = getattr(client, "_azure_deployment", None)
    provider = served(Azure, client, base, None, openai=Resource(None, base), openai_deployment=deployment)
    if not provider.setting("openai_deployment"):
        raise SettingsError(
            "no deployment of a chat model",
            advice="Make the client with azure_deployment=, or set AZURE_OPENAI_DEPLOYMENT.",
        )
    awaited = type(client).__name__.startswith("Async")
    # with_options() copies the client, so that the user's own keeps its retries.
    return provider, partial(_awaiting if awaited else _blocking, client.with_options(max_retries=0))


def _outgoing(request: Request) -> dict[str, Any]:
    """Return the arguments of the client's ``post`` for a request, or raise SettingsError if it is no JSON."""
    from openai import HttpxBinaryResponseContent, Timeout

    connecting, reading = timeouts(request)
    options = {
        "headers": dict(request.headers),
        "params": dict(request.params),
        "timeout": Timeout(reading, connect=connecting),
        # A redirect would take the key to another host.
        "follow_redirects": False,
    }
    # `HttpxBinaryResponseContent` hands the reply out as bytes, so our own models read it, and not those of the
    # package.
    return {"cast_to": HttpxBinaryResponseContent, "body": json.loads(json_bytes(request)), "options": options}


def _blocking(client: Any, request: Request) -> Response:
    """Send a request through a blocking client."""
    outgoing = _outgoing(request)
    with errors(request.url):
        try:
            reply = client.post("/chat/completions", **outgoing)
        except Exception as error:
            if (reply := _refused(error)) is None:
                raise
    return _answered(reply, request)


async def _awaiting(client: Any, request: Request) -> Response:
    """Send a request through the asynchronous client."""
    # A picture becomes base64 and JSON here, which takes milliseconds that the event loop must not wait for.
    outgoing = await asyncio.to_thread(_outgoing, request)
    with errors(request.url):
        try:
            async with asyncio.timeout(request.timeout):
                reply = await client.post("/chat/completions", **outgoing)
        except Exception as error:
            if (reply := _refused(error)) is None:
                raise
    return _answered(reply, request)


def _refused(error: Exception) -> Any:
    """Return the error reply for which the client has raised an error, or None where there was no reply."""
    return getattr(error, "response", None) if getattr(error, "status_code", None) is not None else None


def _answered(reply: Any, request: Request) -> Response:
    """Return a reply that the client has read and unpacked."""
    reply = getattr(reply, "response", reply)  # the reply of an error comes without the wrapper
    whole = Body({}, request.max_reply)
    whole.add(reply.content)
    return Response(reply.status_code, dict(reply.headers), whole.whole())
