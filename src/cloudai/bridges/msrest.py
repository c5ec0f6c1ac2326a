"""The bridge to ``ComputerVisionClient`` of azure-cognitiveservices-vision-computervision, which is built on msrest."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from cloudai.bridges._errors import errors
from cloudai.bridges._provider import served
from cloudai.bridges._requests import deadline_of, encoded, no_retries, read, timeouts
from cloudai.core.flow import Request, Response
from cloudai.providers.azure import Azure
from cloudai.providers.base import Provider
from cloudai.providers.settings import Resource

__all__ = ["vision"]


def vision(client: Any) -> tuple[Provider, Callable[[Request], Response]]:
    """Bridge a `ComputerVisionClient`, which serves Image Analysis 3.2 and Read 3.2 only."""
    from msrest.service_client import ServiceClient
    from msrest.universal_http import ClientRequest

    endpoint = client.config.endpoint
    # Retries are a setting of a whole client of msrest, so a copy is changed and the user's stays as it is.
    config = copy.copy(client.config)
    config.retry_policy, config.keep_alive = no_retries, True
    config.session_configuration_callback = partial(_configured, client.config.session_configuration_callback)
    copied = ServiceClient(None, config)

    def send(request: Request) -> Response:
        outgoing = ClientRequest(request.method, request.url)
        headers, outgoing.data = encoded(request)
        outgoing.headers.update(headers)
        # msrest joins names and values as they are.
        outgoing.format_parameters({quote(k, safe="$"): quote(str(v), safe=",") for k, v in request.params.items()})
        until = deadline_of(request)
        with errors(request.url):
            reply = copied.send(outgoing, stream=True, timeout=timeouts(request), allow_redirects=False)
        return read(reply, request.url, until, request.max_reply)

    serves = ("analyze_image", "read_text")
    return served(Azure, client, endpoint, serves, vision=Resource(None, endpoint), api="3.2"), send


def _configured(theirs: Callable[..., Any], session: Any, *args: Any, **kwargs: Any) -> Any:
    """Configure a session as the user's client does, but without redirects.

    msrest's own way of refusing a redirect breaks inside ``requests``.
    """
    session.resolve_redirects = lambda *_, **__: iter(())
    return theirs(session, *args, **kwargs)
