"""The ways a call can go: by our own transport, and through each official client; one test reads the same for all."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import grpc
from azure.ai.textanalytics import TextAnalyticsClient
from azure.ai.textanalytics.aio import TextAnalyticsClient as AioTextAnalyticsClient
from azure.ai.translation.text import TextTranslationClient
from azure.ai.translation.text.aio import TextTranslationClient as AioTextTranslationClient
from azure.ai.vision.face import FaceClient
from azure.ai.vision.face.aio import FaceClient as AioFaceClient
from azure.ai.vision.imageanalysis import ImageAnalysisClient
from azure.ai.vision.imageanalysis.aio import ImageAnalysisClient as AioImageAnalysisClient
from azure.cognitiveservices.vision.computervision import ComputerVisionClient
from azure.core.credentials import AzureKeyCredential
from google.api_core.client_options import ClientOptions
from google.auth.api_key import Credentials as ApiKey
from google.cloud import translate_v2, vision
from google.cloud.vision_v1.services.image_annotator.transports import (
    ImageAnnotatorGrpcAsyncIOTransport,
    ImageAnnotatorGrpcTransport,
    ImageAnnotatorRestTransport,
)
from ibm_cloud_sdk_core import http_adapter
from ibm_cloud_sdk_core.authenticators import BasicAuthenticator
from ibm_watson import NaturalLanguageUnderstandingV1, SpeechToTextV1
from msrest.authentication import CognitiveServicesCredentials

from cloudai import AsyncClient, Azure, Client, CloudAIError, Google, Provider, Resource, Watson
from cloudai.testing import AsyncNetwork, Network
from tests.made_up.calls import Skipping, to
from tests.support.played import GREETING, PICTURE, REVIEW

__all__ = ["KEY", "SERVICES", "WAYS", "Service", "Way", "outcome"]

KEY = "canary-key-4711"
assert ClientOptions


@dataclass(frozen=True)
class Service:
    """One service: the call, our own provider, a good reply with Korean in it, and one with an error inside."""

    vendor: str
    operation: str
    given: Any
    options: dict[str, Any]
    ours: Callable[[str], Provider]
    good: Any
    inside: Any = None
    elsewhere: tuple[str, str] = ("sentiment", "좋아요")
    """An operation that this service does not have."""


@dataclass(frozen=True)
class Way:
    """An official client, made for a server; ``colours`` are the clients of ours that take it."""

    service: str
    make: Callable[[str], Any]
    colours: tuple[str, ...] = ("blocking", "awaiting")
    grpc: bool = False


def poly(x: int, y: int, size: int) -> dict[str, Any]:
    """Return a square."""
    corners = ((x, y), (x + size, y), (x + size, y + size), (x, y + size))
    return {"vertices": [{"x": a, "y": b} for a, b in corners]}


GOOGLE = {
    "responses": [
        {
            "labelAnnotations": [{"mid": "/m/07j7r", "description": "나무", "score": 0.97}],
            "faceAnnotations": [
                {
                    "boundingPoly": poly(20, 10, 100),
                    "fdBoundingPoly": poly(30, 22, 80),
                    "rollAngle": -2.5,
                    "detectionConfidence": 0.875,
                    "joyLikelihood": "VERY_LIKELY",
                    "angerLikelihood": "VERY_UNLIKELY",
                }
            ],
        }
    ]
}
AZURE_4 = {
    "modelVersion": "2023-10-01",
    "captionResult": {"text": "언덕 위의 나무 한 그루", "confidence": 0.81},
    "tagsResult": {"values": [{"name": "나무", "confidence": 0.97}]},
    "metadata": {"width": 640, "height": 480},
}
AZURE_3 = {
    "description": {"tags": ["나무"], "captions": [{"text": "언덕 위의 나무 한 그루", "confidence": 0.81}]},
    "tags": [{"name": "나무", "confidence": 0.97}],
    "requestId": "7f1f1a42-0000-4000-8000-9d2a1b0c0001",
    "metadata": {"width": 640, "height": 480, "format": "Png"},
    "modelVersion": "2021-05-01",
}
AZURE_FACE = [{"faceRectangle": {"top": 22, "left": 30, "width": 80, "height": 80}}]
SHARES = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
AZURE_TEXT = {
    "kind": "SentimentAnalysisResults",
    "results": {
        "documents": [
            {
                "id": "0",
                "sentiment": "positive",
                "confidenceScores": SHARES,
                "sentences": [
                    {"text": REVIEW, "sentiment": "positive", "confidenceScores": SHARES, "offset": 0, "length": 20}
                ],
            }
        ],
        "errors": [],
        "modelVersion": "2022-11-01",
    },
}
AZURE_TEXT_ERROR = {
    "kind": "SentimentAnalysisResults",
    "results": {
        "documents": [],
        "errors": [
            {
                "id": "0",
                "error": {
                    "code": "InvalidArgument",
                    "message": "Invalid Language Code.",
                    "innererror": {"code": "UnsupportedLanguageCode", "message": "'tlh'는 지원하지 않는 언어입니다."},
                },
            }
        ],
        "modelVersion": "2022-11-01",
    },
}
NLU = {"language": "ko", "sentiment": {"document": {"score": 0.5, "label": "positive"}}}
NLU_ERROR = {"language": "ko", "warnings": ["sentiment: 이 언어는 지원하지 않습니다"]}
STT = {
    "result_index": 0,
    "results": [
        {
            "final": True,
            "alternatives": [
                {
                    "transcript": "안녕하세요 ",
                    "confidence": 0.93,
                    "timestamps": [["안녕하세요", 0.1, 0.9]],
                    "word_confidence": [["안녕하세요", 0.93]],
                }
            ],
        }
    ],
}
PICTURES = {"features": ["tags", "faces"]}

SERVICES = {
    "google": Service(
        "google",
        "analyze_image",
        PICTURE,
        PICTURES,
        lambda _: Google(api_key=KEY),
        GOOGLE,
        {"responses": [{"error": {"code": 3, "message": "Bad image data. 나쁜 그림"}}]},
    ),
    "azure-3": Service(
        *("azure", "analyze_image", PICTURE, {"features": ["caption", "tags"]}),
        lambda url: Azure(vision=Resource(KEY, url), api="3.2"),
        AZURE_3,
    ),
    "azure-4": Service(
        *("azure", "analyze_image", PICTURE, {"features": ["caption", "tags"], "language": "en"}),
        lambda url: Azure(vision=Resource(KEY, url), api="4.0"),
        AZURE_4,
    ),
    "azure-face": Service("azure", "detect_faces", PICTURE, {}, lambda url: Azure(face=Resource(KEY, url)), AZURE_FACE),
    "azure-language": Service(
        *("azure", "sentiment", REVIEW, {"language": "ko"}),
        lambda url: Azure(language=Resource(KEY, url)),
        *(AZURE_TEXT, AZURE_TEXT_ERROR, ("detect_faces", PICTURE)),
    ),
    "azure-translator": Service(
        *("azure", "translate", REVIEW, {"to": ["en", "ja"], "source": "ko"}),
        lambda url: Azure(translator=Resource(KEY, url, "koreacentral")),
        [{"translations": [{"text": "Tasty! 😀", "to": "en"}, {"text": "美味しい!", "to": "ja"}]}],
    ),
    "google-translation-2": Service(
        *("google", "translate", REVIEW, {"to": "en", "source": "ko"}),
        lambda _: Google(api_key=KEY),
        {"data": {"translations": [{"translatedText": "Tasty! 😀 'The service' was poor."}]}},
    ),
    "watson-nlu": Service(
        *("watson", "sentiment", REVIEW, {"language": "ko"}),
        lambda url: Watson(nlu=Resource(KEY, url)),
        *(NLU, NLU_ERROR, ("speech_to_text", GREETING)),
    ),
    "watson-speech": Service(
        *("watson", "speech_to_text", GREETING, {"language": "ko-KR"}),
        lambda url: Watson(speech_to_text=Resource(KEY, url)),
        STT,
    ),
}


def google_rest(url: str) -> Any:
    """Return Google's client by REST."""
    scheme, _, host = url.partition("://")
    transport = ImageAnnotatorRestTransport(host=host, url_scheme=scheme, credentials=ApiKey(KEY))
    return vision.ImageAnnotatorClient(transport=transport)


def google_grpc(url: str, channel: Any = None) -> Any:
    """Return Google's client by gRPC."""
    channel = channel or grpc.insecure_channel(url.partition("://")[2])
    return vision.ImageAnnotatorClient(transport=ImageAnnotatorGrpcTransport(channel=channel))


def google_aio(url: str) -> Any:
    """Return Google's awaiting client by gRPC."""
    channel = grpc.aio.insecure_channel(url.partition("://")[2])
    return vision.ImageAnnotatorAsyncClient(transport=ImageAnnotatorGrpcAsyncIOTransport(channel=channel))


def google_translation_2(url: str) -> Any:
    """Return the client for Translation v2, which uses REST alone."""
    return translate_v2.Client(credentials=ApiKey(KEY), client_options=ClientOptions(api_endpoint=url))


def no_certificates(make: Callable[[], Any] = http_adapter.create_urllib3_context) -> Any:
    """Return a context for TLS that loads no certificates: to load them takes time, and plain HTTP needs none."""
    context = make()
    context.load_verify_locations = lambda _: None
    return context


def watson(kind: Any, url: str, **settings: Any) -> Any:
    """Return a service of ibm-watson with retries of its own, which must not be used."""
    plain = url.startswith("http://")
    with patch.object(http_adapter, "create_urllib3_context", no_certificates) if plain else nullcontext():
        service = kind(authenticator=BasicAuthenticator("apikey", KEY), **settings)
        service.set_service_url(url)
        service.enable_retries(max_retries=3, retry_interval=0.1)
    return service


KEYED = AzureKeyCredential(KEY)
TRANSLATOR: dict[str, Any] = {"credential": KEYED, "region": "koreacentral"}
WAYS = {
    "google-rest": Way("google", google_rest),
    "google-grpc": Way("google", google_grpc, grpc=True),
    "google-grpc-aio": Way("google", google_aio, ("awaiting",), grpc=True),
    "computervision": Way("azure-3", lambda url: ComputerVisionClient(url, CognitiveServicesCredentials(KEY))),
    "imageanalysis": Way("azure-4", lambda url: ImageAnalysisClient(url, KEYED)),
    "imageanalysis-aio": Way("azure-4", lambda url: AioImageAnalysisClient(url, KEYED), ("awaiting",)),
    "face": Way("azure-face", lambda url: FaceClient(url, KEYED)),
    "face-aio": Way("azure-face", lambda url: AioFaceClient(url, KEYED), ("awaiting",)),
    "textanalytics": Way("azure-language", lambda url: TextAnalyticsClient(url, KEYED)),
    "textanalytics-aio": Way("azure-language", lambda url: AioTextAnalyticsClient(url, KEYED), ("awaiting",)),
    "translator": Way("azure-translator", lambda url: TextTranslationClient(endpoint=url, **TRANSLATOR)),
    "translator-aio": Way(
        "azure-translator", lambda url: AioTextTranslationClient(endpoint=url, **TRANSLATOR), ("awaiting",)
    ),
    "google-translation-2": Way("google-translation-2", google_translation_2),
    "watson-nlu": Way("watson-nlu", lambda url: watson(NaturalLanguageUnderstandingV1, url, version="2022-08-10")),
    "watson-speech": Way("watson-speech", lambda url: watson(SpeechToTextV1, url)),
}


def ours(colour: str, service: Service, url: str, **call: Any) -> Any:
    """Make the call by our own transport."""
    return run(
        colour,
        lambda kind, network, **options: kind(service.ours(url), send=lambda r: network(to(url, r)), **options),
        service,
        closes=False,
        **call,
    )


def theirs(colour: str, way: Way, make: Callable[[], Any], **call: Any) -> Any:
    """Make the call through an official client."""
    return run(colour, lambda kind, _, **options: kind.from_vendor(make(), **options), SERVICES[way.service], **call)


def run(colour: str, connect: Callable[..., Any], service: Service, *, closes: bool = True, **call: Any) -> Any:
    """Make one call under one of our two clients, and return its result.

    Args:
        colour: The client of ours, blocking or awaiting.
        connect: A function that makes the client.
        service: The service that is called.
        closes: Whether the official clients in `OPENED` are closed after the call.
        **call: Options of the call; ``client`` are options of our client.
    """
    clock, options = Skipping(), {**service.options, **call}
    settings = {"clock": clock, **options.pop("client", {})}
    operation, given = options.pop("instead", (service.operation, service.given))
    if operation != service.operation:
        options = {"language": "ko"} if operation == "speech_to_text" else {}
    if colour == "blocking":
        with ExitStack() as stack:
            network = Network()
            stack.callback(network.close)
            client = stack.enter_context(connect(Client, network, sleep=clock.sleep, **settings))
            if closes:
                stack.callback(close, client)
            return getattr(client, operation)(given, **options)

    async def awaiting() -> Any:
        async with AsyncExitStack() as stack:
            network = AsyncNetwork()
            stack.push_async_callback(network.close)
            client = await stack.enter_async_context(connect(AsyncClient, network, sleep=clock.asleep, **settings))
            if closes:
                stack.push_async_callback(aclose, client)
            return await getattr(client, operation)(given, **options)

    return asyncio.run(awaiting())


OPENED: list[Any] = []
"""Official clients that a test has to close, because their user owns them."""


def close(_: Any) -> None:
    """Close the official clients of this test."""
    while OPENED:
        client = OPENED.pop()
        if hasattr(client, "http_client"):
            client.http_client.close()
        else:
            with suppress(AttributeError):
                (client.transport if hasattr(client, "transport") else client).close()


async def aclose(_: Any) -> None:
    """Close the official clients of this test."""
    while OPENED:
        client = OPENED.pop()
        if hasattr(client, "http_client"):
            client.http_client.close()
            continue
        closing = (client.transport if hasattr(client, "transport") else client).close()
        if inspect.isawaitable(closing):
            await closing


def outcome(call: Callable[[], Any]) -> dict[str, Any]:
    """Return what came of a call, as plain facts: the result, or all that an error says."""
    try:
        result = call()
    except CloudAIError as error:
        return facts_of(error)
    facts = {name: getattr(result.meta, name) for name in ("attempts", "billed_min", "billed_max", "service", "model")}
    return {"result": result.model_dump(), "raw": result.raw, **facts}


def facts_of(error: CloudAIError) -> dict[str, Any]:
    """Return the facts of an error; the key is not in any of them."""
    fields = ("status", "code", "retry_after", "attempts", "state", "billed_min", "billed_max", "operation")
    facts = {name: getattr(error, name, None) for name in fields}
    assert KEY not in f"{error!r} {error} {error.advice}"
    return {"error": type(error).__name__, "message": error.message, **facts, "raw": error.raw}
