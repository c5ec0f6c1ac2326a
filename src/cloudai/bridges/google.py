"""The bridges to Google's clients by REST, by gRPC and awaiting: Vision, Translation v3 and v2, Text-to-Speech.

By REST the client's session sends our JSON and returns Google's, unchanged. By gRPC both are converted to and from
Google's messages, in which a number that is 0 and one that is missing are the same. Such a number is left out of the
JSON, as Google's own REST servers do.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from cloudai.bridges._errors import cut, errors, late, refused_login, unreached, untrusted
from cloudai.bridges._provider import served
from cloudai.bridges._requests import encoded, exchange
from cloudai.core.flow import Request, Response
from cloudai.errors import CloudAIError, SettingsError
from cloudai.providers.base import Provider
from cloudai.providers.google import Google
from cloudai.providers.google._service import HTTP_OF_GRPC
from cloudai.transport.messages import json_bytes

__all__ = ["text_to_speech", "translation", "translation_2", "vision"]

JSON = {"content-type": "application/json"}


class _AtHost(Google):
    """Google at the host to which the official client sends.

    Args:
        project: The project for Translation v3; None for clients of other APIs.
    """

    def vision_base(self) -> str:
        """Return the address of the official client."""
        # The client knows its host, also where that is a regional one or an emulator.
        return f"https://{self.hosts[0]}"

    def endpoint_of(self, service: str) -> str:  # noqa: ARG002
        """Return "": the official client decides where requests go."""
        return ""

    def _key(self) -> str | None:
        """Return None: the official client has the key, and one of the environment does not matter."""
        return None

    def missing(self, operation: str | None = None) -> str | None:  # noqa: ARG002
        """Return None: no key is needed."""
        return None


def vision(client: Any) -> tuple[Provider, Callable[[Request], Any]]:
    """Bridge an `ImageAnnotatorClient`."""
    return _bridge(client, ("analyze_image", "detect_faces", "read_text"))


def text_to_speech(client: Any) -> tuple[Provider, Callable[[Request], Any]]:
    """Bridge a `TextToSpeechClient`."""
    return _bridge(client, ("text_to_speech",))


def translation(client: Any) -> tuple[Provider, Callable[[Request], Any]]:
    """Bridge a `TranslationServiceClient`, whose calls are for the project of its login, or GOOGLE_CLOUD_PROJECT."""
    credentials = getattr(client.transport, "_credentials", None)
    # Service accounts have their project in them, and a user's login the one that is billed.
    project = next(filter(None, (getattr(credentials, n, None) for n in ("project_id", "quota_project_id"))), None)
    provider, send = _bridge(client, ("translate", "detect_language"), project=project)
    if not provider.setting("project"):
        raise SettingsError("Translation v3 needs a project", advice="Set GOOGLE_CLOUD_PROJECT.")
    return provider, send


def translation_2(client: Any) -> tuple[Provider, Callable[[Request], Any]]:
    """Bridge a `google.cloud.translate_v2.Client`."""
    base = client._connection.API_BASE_URL  # noqa: SLF001  # the client shows its address nowhere else
    provider = served(_OfVersion2, client, base, ("translate", "detect_language"))
    return provider, partial(_by_session, client._http, base)  # noqa: SLF001  # only it has the credentials


class _OfVersion2(_AtHost):
    """Google at the host of a client for Translation v2."""

    def _translation_project(self) -> str | None:
        return None


def _bridge(client: Any, serves: tuple[str, ...], **settings: Any) -> tuple[Provider, Callable[[Request], Any]]:
    """Bridge a client that Google has generated."""
    send = {"rest": _by_rest, "grpc": _by_grpc, "grpc_asyncio": _by_grpc_awaiting}.get(client.transport.kind)
    if send is None:
        raise SettingsError(
            f"the transport {client.transport.kind!r} is not known", advice="There are grpc, grpc_asyncio and rest."
        )
    return served(_AtHost, client, client.transport.host, serves, **settings), partial(send, client)


def _by_rest(client: Any, request: Request) -> Response:
    """Send a request through a client that uses REST."""
    # Only the session has the credentials, proxies and certificates.
    return _by_session(client.transport._session, client.transport.host, request)  # noqa: SLF001


def _by_session(session: Any, host: str, request: Request) -> Response:
    """Send a request over a session of requests, to the same path at this host."""
    headers, body = encoded(request)
    # Only the path comes from our request: the client may have been made for a private endpoint.
    url = f"{host}{urlsplit(request.url).path}"
    return exchange(session, url, request, data=body, headers=headers, params=dict(request.params))


def _by_grpc(client: Any, request: Request) -> Response:
    """Send a request through a blocking client that uses gRPC."""
    method, message, options = _outgoing(request)
    began = time.monotonic()
    try:
        reply = getattr(client, method)(request=message, **options)
    except Exception as error:  # noqa: BLE001  # `_failed` translates it, or raises it again
        return _failed(error, request, time.monotonic() - began)
    return _answered(reply)


async def _by_grpc_awaiting(client: Any, request: Request) -> Response:
    """Send a request through the asynchronous client, which uses gRPC."""
    # A thread prepares the message: a large picture takes milliseconds.
    method, message, options = await asyncio.to_thread(_outgoing, request)
    began = time.monotonic()
    try:
        reply = await getattr(client, method)(request=message, **options)
    except Exception as error:  # noqa: BLE001  # `_failed` translates it, or raises it again
        return _failed(error, request, time.monotonic() - began)
    return _answered(reply)


METHODS = {
    "images:annotate": ("google.cloud.vision_v1", "BatchAnnotateImagesRequest", "batch_annotate_images"),
    "files:annotate": ("google.cloud.vision_v1", "BatchAnnotateFilesRequest", "batch_annotate_files"),
    "translateText": ("google.cloud.translate_v3", "TranslateTextRequest", "translate_text"),
    "detectLanguage": ("google.cloud.translate_v3", "DetectLanguageRequest", "detect_language"),
    "text:synthesize": ("google.cloud.texttospeech_v1", "SynthesizeSpeechRequest", "synthesize_speech"),
    "/v1/voices": ("google.cloud.texttospeech_v1", "ListVoicesRequest", "list_voices"),
}
"""The package, the message and the method of the client for each method of REST, by the end of its path."""


def _outgoing(request: Request) -> tuple[str, Any, dict[str, Any]]:
    """Return the client's method for a request, Google's message, and the options of the call that sends it.

    Raises:
        SettingsError: The request has parameters, cannot be written as JSON, or has a field that the package lacks.
    """
    from google.protobuf import json_format

    # A parameter that is dropped in silence might be the one that the user needs.
    if request.params:
        raise SettingsError(
            f"gRPC has no place for parameters ({', '.join(request.params)})",
            advice='Make the client with transport="rest".',
        )
    resource, _, name = urlsplit(request.url).path.rpartition(":")
    package, kind, method = METHODS[name if name in METHODS else f"{resource.rpartition('/')[2]}:{name}"]
    wrapper = getattr(import_module(package), kind)
    message = wrapper.pb()()
    try:
        # The package's own reader is used, so that a field that this version does not know is an error, and is not
        # lost.
        json_format.Parse(b"{}" if request.json is None else json_bytes(request), message)
    except json_format.ParseError as error:
        raise SettingsError(
            f"{_distribution(package)} cannot send this ({error})",
            advice='Update it, or make the client with transport="rest".',
        ) from error
    if parent := resource.partition("/projects/")[2]:
        message.parent = f"projects/{parent}"
    metadata = [(name.lower(), value) for name, value in request.headers.items()]
    # By default the client would retry by itself, and might be billed for what our engine does not count.
    return method, wrapper.wrap(message), {"retry": None, "timeout": request.timeout, "metadata": metadata}


def _distribution(package: str) -> str:
    """Return the name of the distribution of a package: google-cloud-vision for google.cloud.vision_v1."""
    return package.rpartition("_")[0].replace(".", "-")


def _answered(reply: Any) -> Response:
    """Return Google's message as the reply that its REST server would have sent."""
    from google.protobuf import json_format

    # The flow reads JSON, as REST would have sent it, so that there is one reader for both.
    return Response(200, JSON, json_format.MessageToJson(type(reply).pb(reply), indent=None).encode())


# gRPC itself says this of a request that was never sent: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
NOT_REACHED = ("failed to connect to all addresses", "errors resolving", "DNS resolution failed", "no addresses")
UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "SSL_ERROR_SSL", "Peer name", "Hostname Verification")
BROKEN = (
    "Socket closed",
    "Stream removed",
    "Connection reset",
    "RST_STREAM",
    "GOAWAY",
    "recvmsg",
    "sendmsg",
    "keepalive",
)
NO_TOKEN = ("Getting metadata from plugin failed",)


def _failed(error: Exception, request: Request, seconds: float) -> Response:
    """Return the error reply that Google's REST server would have sent; raise our error where no server answered.

    Args:
        error: The exception of the official client.
        request: The request that was sent, or was to be sent.
        seconds: The time that the call took.
    """
    call, status = getattr(error, "response", None), getattr(error, "grpc_status_code", None)
    # Without a status of gRPC the error is one of Python or of the login.
    if status is None or call is None:
        with errors(request.url):
            raise error
    if not (call.initial_metadata() or call.trailing_metadata()):
        # Only a server sends metadata. Without any, the text has to show whether gRPC itself or a server has failed.
        own = _of_grpc_itself(str(getattr(error, "message", error)), status.name, request, seconds)
        if own is not None:
            raise own from error
    body = {
        "code": HTTP_OF_GRPC.get(status.value[0], 500),
        "message": getattr(error, "message", ""),
        "status": status.name,
        "details": [known for detail in getattr(error, "details", ()) if (known := _detail(detail))],
    }
    return Response(body["code"], JSON, json.dumps({"error": body}).encode())


def _of_grpc_itself(message: str, status: str, request: Request, seconds: float) -> CloudAIError | None:
    """Return the error for a failure of gRPC itself, or None where it is the server's."""

    def says(marks: tuple[str, ...]) -> bool:
        return any(mark in message for mark in marks)

    # A server may report a deadline of its own in the same words. The deadline is ours only if our time is really up.
    if status == "DEADLINE_EXCEEDED" and request.timeout is not None and seconds >= 0.95 * request.timeout:
        return late(request.url)
    if says(NO_TOKEN):
        return refused_login(message)
    if status == "UNAVAILABLE" and says(NOT_REACHED):
        return (untrusted if says(UNTRUSTED) else unreached)(request.url, message)
    if status == "CANCELLED" or (status in ("UNAVAILABLE", "INTERNAL", "UNKNOWN") and says(BROKEN)):
        return cut(request.url, message)
    return None


def _detail(detail: Any) -> dict[str, Any] | None:
    """Return a detail of an error (RetryInfo, QuotaFailure …) as REST has it, or None for one of an unknown type."""
    from google.protobuf import json_format

    name = detail.DESCRIPTOR.full_name
    if name == "google.protobuf.Any":
        return None
    return {"@type": f"type.googleapis.com/{name}", **json_format.MessageToDict(detail)}
