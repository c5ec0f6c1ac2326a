"""Official vendor clients as ``send``: their credentials, endpoint, proxies and certificates, our engine and results.

A bridge is a callable from `Request` to `Response` beneath the one engine, like the network and a cassette. The
official client sends each request once: retries, waits and the deadline are the engine's. No vendor package is
imported before one of its clients is given.
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
    """A class of official client, by name, and the function that bridges it."""

    package: str
    classes: tuple[str, ...]
    builder: str
    """Takes the client; gives the provider and a send function, awaitable where the client is."""


KINDS = (
    Kind("google.cloud.vision_v1", ("ImageAnnotatorClient", "ImageAnnotatorAsyncClient"), "google:vision"),
    Kind("azure.cognitiveservices.vision.computervision", ("ComputerVisionClient",), "msrest:vision"),
    Kind("azure.ai.vision.imageanalysis", ("ImageAnalysisClient",), "azure:vision"),
    Kind("azure.ai.vision.face", ("FaceClient",), "azure:face"),
    Kind("azure.ai.textanalytics", ("TextAnalyticsClient",), "azure:language"),
    Kind("ibm_watson", ("NaturalLanguageUnderstandingV1",), "watson:nlu"),
    Kind("ibm_watson", ("SpeechToTextV1",), "watson:speech_to_text"),
)
AT_ONCE = 32
"""Threads for a blocking client that is awaited: the usual most calls in flight."""


def bridge(client: Any, *, awaiting: bool) -> tuple[Provider, Callable[[Request], Any]]:
    """The provider that an official client stands for, and the client as ``send``.

    Args:
        client: One of `KINDS`, configured.
        awaiting: Whether ``send`` is awaited; a blocking client then works in threads.

    Raises:
        SettingsError: No client of a kind that is known, or an awaiting one where ``send`` is not awaited.
    """
    kind, is_awaited = _kind_of(client)
    if is_awaited and not awaiting:
        raise SettingsError(
            f"{type(client).__name__} of {kind.package} is awaited", advice="Use AsyncClient.from_vendor(…)."
        )
    module, _, builder = kind.builder.partition(":")
    provider, send = getattr(import_module(f"cloudai.bridges.{module}"), builder)(client)
    return provider, InThreads(send) if awaiting and not is_awaited else send


def _kind_of(client: Any) -> tuple[Kind, bool]:
    """Also of a subclass; by name, because the packages may not be installed."""
    for parent in type(client).__mro__:
        for kind in KINDS:
            if parent.__name__ in kind.classes and f"{parent.__module__}.".startswith(f"{kind.package}."):
                return kind, ".aio." in f"{parent.__module__}." or "Async" in parent.__name__
    known = ", ".join(f"{name} of {kind.package}" for kind in KINDS for name in kind.classes)
    raise SettingsError(f"{_named(client)} is no client that from_vendor takes", advice=f"It takes: {known}.")


def _named(client: Any) -> str:
    kind = client if isinstance(client, type) else type(client)
    what = f"{kind.__module__}.{kind.__qualname__}"
    return f"the class {what} (give an instance)" if kind is client else f"a {what}"


class InThreads:
    """A blocking client's send, awaited: each call in a thread, given up at its deadline."""

    def __init__(self, send: Callable[[Request], Response]) -> None:
        self._send = send
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cloudai-bridge")

    async def __call__(self, request: Request) -> Response:
        """Send one request."""
        sending = self._threads.submit(self._send, request)
        try:
            async with asyncio.timeout(request.timeout):
                return await asyncio.wrap_future(sending)
        except CloudAIError:
            raise
        except TimeoutError as error:
            # A future that could be cancelled had not begun.
            raise late(request.url, sent=not sending.cancelled()) from error
