"""The bridges to three services of ibm-watson: Natural Language Understanding, Speech to Text and Text to Speech."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cloudai.bridges._errors import errors
from cloudai.bridges._provider import served
from cloudai.bridges._requests import encoded, exchange
from cloudai.core.flow import Request, Response
from cloudai.errors import SettingsError
from cloudai.providers.base import Provider
from cloudai.providers.settings import Resource
from cloudai.providers.watson import Watson

__all__ = ["nlu", "speech_to_text", "text_to_speech"]

Bridge = tuple[Provider, Callable[[Request], Response]]


def nlu(service: Any) -> Bridge:
    """Bridge a `NaturalLanguageUnderstandingV1`."""
    return _bridge(service, "nlu", "sentiment", "detect_language", "key_phrases")


def speech_to_text(service: Any) -> Bridge:
    """Bridge a `SpeechToTextV1`."""
    return _bridge(service, "speech_to_text", "speech_to_text")


def text_to_speech(service: Any) -> Bridge:
    """Bridge a `TextToSpeechV1`."""
    return _bridge(service, "text_to_speech", "text_to_speech")


def _bridge(service: Any, name: str, *operations: str) -> Bridge:
    if not service.service_url:
        raise SettingsError(f"{type(service).__name__} has no URL", advice="Call its set_service_url(…).")
    resource = Resource(None, service.service_url)
    return served(Watson, service, service.service_url, operations, **{name: resource}), partial(_send, service)


def _send(service: Any, request: Request) -> Response:
    """Let the official client prepare and sign a request, and send it with the client's session.

    The client's own `send` is not used, because it drops what an error reply says.
    """
    from ibm_cloud_sdk_core import ApiException

    headers, body = encoded(request)
    # `Watson.sign`, which is not run here, opts out of IBM learning from the data as well.
    headers["X-Watson-Learning-Opt-Out"] = "true"
    # The client puts its own URL before the path, which has the identifier of the instance.
    path = request.url.removeprefix(request.endpoint)
    try:
        # Preparing a request may fetch a token, and sends nothing else.
        with errors(request.url, sent=False):
            prepared = service.prepare_request(
                request.method, path, headers=headers, params=dict(request.params), data=body
            )
    except Exception as error:
        _let_others_log_in(service)
        login = error.http_response if isinstance(error, ApiException) else None
        if login is None:
            raise
        # The login was refused. Its reply says why, in a shape that `WatsonService.fault` reads.
        return Response(login.status_code, dict(login.headers), login.content)
    # `exchange` takes the method from the request, and the URL as an argument.
    del prepared["method"], prepared["url"]
    # The user's client decides whether certificates are checked, and its decision is kept.
    config = {**service.http_config, **({"verify": False} if service.disable_ssl_verification else {})}
    url = f"{service.service_url}{path}"
    return exchange(service.http_client, url, request, **prepared, cookies=service.jar, **config)


def _let_others_log_in(service: Any) -> None:
    """Let the next call log in at once: after a failed login IBM's package would make it wait for up to a minute."""
    manager = getattr(service.authenticator, "token_manager", None)
    if manager is not None:
        manager.request_time = 0
