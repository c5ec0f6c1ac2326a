"""Bridges to the vendors' official clients, which then send the requests of our engine.

The official client gives its credentials, endpoint, proxies and certificates, and sends each request once. Retries,
waits, the deadline and the results are ours. A bridge is a ``send`` function: it takes a `Request` and returns a
`Response`, as the network and a cassette do. A vendor's package is imported only when one of its clients is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from cloudai.bridges._errors import late
from cloudai.core.flow import Request, Response
from cloudai.errors import CloudAIError, SettingsError
from cloudai.providers.base import Provider

__all__ = ["bridge"]


@dataclass(frozen=True)
class Kind:
    """A kind of official client: its package, the names of its classes, and the function that bridges it."""

    package: str
    classes: tuple[str, ...]
    builder: str
    """The function as "module:name". It returns the provider and a send function, which is awaited if the client is."""


# The packages stand here as texts, because each is only installed where somebody uses it.
KINDS = (
    Kind("google.cloud.vision_v1", ("ImageAnnotatorClient", "ImageAnnotatorAsyncClient"), "google:vision"),
    Kind(
        "google.cloud.translate_v3", ("TranslationServiceClient", "TranslationServiceAsyncClient"), "google:translation"
    ),
    Kind("google.cloud.translate_v2", ("Client",), "google:translation_2"),
    Kind("google.cloud.texttospeech_v1", ("TextToSpeechClient", "TextToSpeechAsyncClient"), "google:text_to_speech"),
    Kind("azure.cognitiveservices.vision.computervision", ("ComputerVisionClient",), "msrest:vision"),
    Kind("azure.ai.vision.imageanalysis", ("ImageAnalysisClient",), "azure:vision"),
    Kind("azure.ai.vision.face", ("FaceClient",), "azure:face"),
    Kind("azure.ai.textanalytics", ("TextAnalyticsClient",), "azure:language"),
    Kind("azure.ai.translation.text", ("TextTranslationClient",), "azure:translator"),
    Kind("google.genai.client", ("Client", "AsyncClient"), "gemini:gemini"),
    Kind("openai.lib.azure", ("AzureOpenAI", "AsyncAzureOpenAI"), "openai:openai"),
    Kind("ibm_watson", ("NaturalLanguageUnderstandingV1",), "watson:nlu"),
    Kind("ibm_watson", ("SpeechToTextV1",), "watson:speech_to_text"),
    Kind("ibm_watson", ("TextToSpeechV1",), "watson:text_to_speech"),
)
AT_ONCE = 32
"""The most threads for a blocking client in `AsyncClient`, as many as a client has requests in flight by default.

Further requests wait for a thread, and their time goes on meanwhile."""


def bridge(client: Any, *, awaiting: bool) -> tuple[Provider, Callable[[Request], Any]]:
    """Return the provider for an official client, and a ``send`` function that uses the client.

    Args:
        client: A configured client of one of the `KINDS`.
        awaiting: The caller awaits ``send``. A blocking client then works in threads.

    Raises:
        SettingsError: The client is of no known kind, does not tell its endpoint, or is asynchronous while the caller
            does not await.
    """
    kind, is_awaited = _kind_of(client)
    if is_awaited and not awaiting:
        raise SettingsError(
            f"{type(client).__name__} of {kind.package} is awaited", advice="Use AsyncClient.from_vendor(…)."
        )
    module, _, builder = kind.builder.partition(":")
    # Only the bridge that is needed is loaded, and with it the vendor's package, which is there: its client was given.
    provider, send = getattr(import_module(f"cloudai.bridges.{module}"), builder)(client)
    return provider, InThreads(send) if awaiting and not is_awaited else send


def _kind_of(client: Any) -> tuple[Kind, bool]:
    """Return the kind of a client, and whether it is asynchronous.

    Subclasses count too. The classes are compared by name, because the packages may not be installed.
    """
    # A user's own subclass of a client, for example one that logs, is a client, too.
    for parent in type(client).__mro__:
        for kind in KINDS:
            if parent.__name__ in kind.classes and f"{parent.__module__}.".startswith(f"{kind.package}."):
                return kind, ".aio." in f"{parent.__module__}." or "Async" in parent.__name__
    known = ", ".join(f"{name} of {kind.package}" for kind in KINDS for name in kind.classes)
    raise SettingsError(f"{_named(client)} is no client that from_vendor takes", advice=f"It takes: {known}.")


def _named(client: Any) -> str:
    """Return how an error names an object that is no known client."""
    kind = client if isinstance(client, type) else type(client)
    what = f"{kind.__module__}.{kind.__qualname__}"
    return f"the class {what} (give an instance)" if kind is client else f"a {what}"


class InThreads:
    """An awaitable ``send`` for a blocking one: each request has a thread, and is abandoned at its deadline."""

    def __init__(self, send: Callable[[Request], Response]) -> None:
        self._send = send
        # The pool is one of its own, because the default pool of the event loop has few threads, and requests that hang
        # would block it.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cloudai-bridge")

    async def __call__(self, request: Request) -> Response:
        """Send one request in a thread, and return its reply.

        Raises:
            DeadlineExceededError: The request's time is used up; the thread may still be sending it.
            CloudAIError: The blocking ``send`` has raised it.
        """
        sending = self._threads.submit(self._send, request)
        try:
            # A thread cannot be stopped. The call ends at its deadline all the same, and the thread's reply is dropped.
            async with asyncio.timeout(request.timeout):
                return await asyncio.wrap_future(sending)
        except CloudAIError:  # our own error for a deadline is a TimeoutError too
            raise
        except TimeoutError as error:
            # A future that could be cancelled had not begun, so nothing was sent.
            raise late(request.url, sent=not sending.cancelled()) from error
