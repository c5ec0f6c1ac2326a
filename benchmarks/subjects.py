"""The subjects that are measured: one function for each way to do the same work, which returns a call.

Each function imports its library itself, because it runs in a process of its own. The call blocks, or is a coroutine
function. All of them send the same picture or text, ask for the same, and return the parsed reply.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import pictures
from benchmarks.replies import TEXT

__all__ = ["KEY", "SUBJECTS", "Place", "Subject", "google_body"]

KEY = "not-a-real-key"
# The numbers are those that cloudai asks for, so all subjects send the same body.
GOOGLE_FEATURES = (
    {"type": "FACE_DETECTION", "maxResults": 100},
    {"type": "LABEL_DETECTION", "maxResults": 50},
    {"type": "SAFE_SEARCH_DETECTION"},
    {"type": "IMAGE_PROPERTIES"},
)
ASKED = ("faces", "tags", "safety", "colors")
ASKED_3 = ("categories", "tags", "objects", "colors", "safety")
ASKED_4 = ("caption", "tags", "objects", "people", "text")
AZURE_3 = "/vision/v3.2/analyze?visualFeatures=Categories,Tags,Objects,Color,Adult"
AZURE_4 = "/computervision/imageanalysis:analyze?api-version=2023-10-01&features=caption,tags,objects,people,read"


@dataclass(frozen=True)
class Place:
    """The addresses of the server, and the certificate of its CA."""

    http: str
    https: str
    grpc: str
    ca: str


Call = Callable[[], Any]
Subject = Callable[[Place], Call]


def _google(base: str) -> Any:
    """Return Google's provider, whose requests go to the server."""
    import cloudai

    class Here(cloudai.Google):
        def sign(self, request: cloudai.Request, token: Any) -> cloudai.Request:
            return super().sign(request.altered(url=f"{base}/v1/images:annotate"), token)

    return Here(api_key=KEY)


def cloudai_google(make: Callable[[], bytes], *, awaiting: bool = False, tls: bool = False, after: int = 0) -> Subject:
    """Return the subject of a call of Google Vision by cloudai."""

    def subject(place: Place) -> Call:
        import cloudai

        kind: Any = cloudai.AsyncClient if awaiting else cloudai.Client
        base = (place.https if tls else place.http) + (f"/after/{after}" if after else "")
        more = {"verify": place.ca} if tls else {}
        client, picture = kind(_google(base), max_concurrency=128, **more), make()
        return lambda: client.analyze_image(picture, features=ASKED)

    return subject


def cloudai_azure(api: str, *, awaiting: bool = False) -> Subject:
    """Return the subject of a call of Azure's Image Analysis by cloudai."""

    def subject(place: Place) -> Call:
        import cloudai

        kind: Any = cloudai.AsyncClient if awaiting else cloudai.Client
        client = kind(cloudai.Azure(key=KEY, endpoint=place.http, api=api), max_concurrency=128)  # type: ignore[arg-type]
        picture, asked = pictures.small(), ASKED_3 if api == "3.2" else ASKED_4
        return lambda: client.analyze_image(picture, features=asked)

    return subject


def cloudai_text(vendor: str, *, awaiting: bool = False) -> Subject:
    """Return the subject of the sentiment of a text by cloudai."""

    def subject(place: Place) -> Call:
        import cloudai

        kind: Any = cloudai.AsyncClient if awaiting else cloudai.Client
        azure, watson = cloudai.Azure, cloudai.Watson
        of_azure = vendor == "azure"
        provider = azure(key=KEY, endpoint=place.http) if of_azure else watson(nlu=cloudai.Resource(KEY, place.http))
        client = kind(provider, max_concurrency=128)
        return lambda: client.sentiment(TEXT, language="en")

    return subject


def google_body(picture: bytes) -> bytes:
    """Return the body of a request for what is in a picture, as plain Python makes it."""
    image = {"content": base64.b64encode(picture).decode()}
    return json.dumps({"requests": [{"image": image, "features": GOOGLE_FEATURES}]}).encode()


def httpx2_google(make: Callable[[], bytes], *, awaiting: bool = False, tls: bool = False, after: int = 0) -> Subject:
    """Return the subject of a call of Google Vision by httpx2 and json."""

    def subject(place: Place) -> Call:
        import httpx2

        base = (place.https if tls else place.http) + (f"/after/{after}" if after else "")
        url, picture, headers = f"{base}/v1/images:annotate", make(), {"x-goog-api-key": KEY}
        headers["content-type"] = "application/json"
        verify = httpx2.create_ssl_context() if not tls else __import__("ssl").create_default_context(cafile=place.ca)
        if not awaiting:
            client = httpx2.Client(verify=verify)
            return lambda: client.post(url, content=google_body(picture), headers=headers).json()
        # The pool of httpx2 has 100 connections at most by default, and keeps 20 of them open.
        limits = httpx2.Limits(max_connections=128, max_keepalive_connections=128)
        waiting = httpx2.AsyncClient(verify=verify, limits=limits, timeout=60)

        async def call() -> Any:
            return (await waiting.post(url, content=google_body(picture), headers=headers)).json()

        return call

    return subject


def httpx2_post(path: str, body: Callable[[], bytes], kind: str) -> Subject:
    """Return the subject of a POST by httpx2, whose reply is parsed by json."""

    def subject(place: Place) -> Call:
        import httpx2

        client, content = httpx2.Client(), body()
        headers = {"content-type": kind, "ocp-apim-subscription-key": KEY}
        return lambda: client.post(f"{place.http}{path}", content=content, headers=headers).json()

    return subject


def azure_text() -> bytes:
    """Return the body of a request for the sentiment of a text by Azure."""
    documents = {"documents": [{"id": "0", "language": "en", "text": TEXT}]}
    parameters = {"modelVersion": "latest", "stringIndexType": "UnicodeCodePoint", "opinionMining": True}
    return json.dumps({"kind": "SentimentAnalysis", "analysisInput": documents, "parameters": parameters}).encode()


def watson_text() -> bytes:
    """Return the body of a request for the sentiment of a text by Watson."""
    return json.dumps({"text": TEXT, "features": {"sentiment": {}, "emotion": {}}, "language": "en"}).encode()


def sdk_google(make: Callable[[], bytes], *, grpc: bool, after: int = 0) -> Subject:
    """Return the subject of a call of Google Vision by google-cloud-vision, over REST or gRPC."""

    def subject(place: Place) -> Call:
        from google.cloud import vision

        picture, name = make(), vision.Feature.Type
        asked = [
            # A number that is not set is 0 in protobuf.
            vision.Feature(type_=getattr(name, str(f["type"])), max_results=f.get("maxResults", 0))
            for f in GOOGLE_FEATURES
        ]
        client = vision.ImageAnnotatorClient(transport=_grpc(place) if grpc else _rest(place, after))

        def call() -> Any:
            one = vision.AnnotateImageRequest(image=vision.Image(content=picture), features=asked)
            return client.batch_annotate_images(requests=[one])

        return call

    return subject


def _grpc(place: Place) -> Any:
    import grpc
    from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcTransport

    options = [("grpc.max_send_message_length", -1)]
    return ImageAnnotatorGrpcTransport(channel=grpc.insecure_channel(place.grpc, options=options))


def _rest(place: Place, after: int) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorRestTransport

    host = place.http.partition("//")[2] + (f"/after/{after}" if after else "")
    transport = ImageAnnotatorRestTransport(host=host, url_scheme="http", credentials=AnonymousCredentials())
    if after:
        # Each thread takes a connection of its own out of this pool, which has ten by default.
        from requests.adapters import HTTPAdapter

        transport._session.mount("http://", HTTPAdapter(pool_maxsize=128))  # noqa: SLF001
    return transport


def sdk_azure_3(place: Place) -> Call:
    """Return a call of Image Analysis 3.2 by Microsoft's package."""
    from azure.cognitiveservices.vision.computervision import ComputerVisionClient
    from msrest.authentication import CognitiveServicesCredentials

    client, picture = ComputerVisionClient(place.http, CognitiveServicesCredentials(KEY)), pictures.small()
    asked = ["Categories", "Tags", "Objects", "Color", "Adult"]
    return lambda: client.analyze_image_in_stream(io.BytesIO(picture), asked)


def sdk_azure_4(place: Place) -> Call:
    """Return a call of Image Analysis 4.0 by Microsoft's package."""
    from azure.ai.vision.imageanalysis import ImageAnalysisClient
    from azure.ai.vision.imageanalysis.models import VisualFeatures as V
    from azure.core.credentials import AzureKeyCredential

    client, picture = ImageAnalysisClient(place.http, AzureKeyCredential(KEY)), pictures.small()
    asked = [V.CAPTION, V.TAGS, V.OBJECTS, V.PEOPLE, V.READ]
    return lambda: client.analyze(picture, asked)


def sdk_azure_text(place: Place) -> Call:
    """Return a call of Azure Language by Microsoft's package."""
    from azure.ai.textanalytics import TextAnalyticsClient
    from azure.core.credentials import AzureKeyCredential

    client = TextAnalyticsClient(place.http, AzureKeyCredential(KEY))
    return lambda: client.analyze_sentiment([TEXT], language="en", show_opinion_mining=True)


def sdk_watson(place: Place) -> Call:
    """Return a call of Natural Language Understanding by IBM's package."""
    from ibm_cloud_sdk_core.authenticators import NoAuthAuthenticator
    from ibm_watson import NaturalLanguageUnderstandingV1
    from ibm_watson.natural_language_understanding_v1 import EmotionOptions, Features, SentimentOptions

    client = NaturalLanguageUnderstandingV1(version="2022-08-10", authenticator=NoAuthAuthenticator())
    client.set_service_url(place.http)
    asked = Features(sentiment=SentimentOptions(), emotion=EmotionOptions())
    return lambda: client.analyze(text=TEXT, features=asked).get_result()


BYTES = "application/octet-stream"
JSON = "application/json"

SUBJECTS: Mapping[str, Subject] = {
    "google cloudai": cloudai_google(pictures.small),
    "google cloudai awaiting": cloudai_google(pictures.small, awaiting=True),
    "google httpx2": httpx2_google(pictures.small),
    "google httpx2 awaiting": httpx2_google(pictures.small, awaiting=True),
    "google REST": sdk_google(pictures.small, grpc=False),
    "google gRPC": sdk_google(pictures.small, grpc=True),
    "azure3 cloudai": cloudai_azure("3.2"),
    "azure3 cloudai awaiting": cloudai_azure("3.2", awaiting=True),
    "azure3 httpx2": httpx2_post(AZURE_3, pictures.small, BYTES),
    "azure3 SDK": sdk_azure_3,
    "azure4 cloudai": cloudai_azure("4.0"),
    "azure4 cloudai awaiting": cloudai_azure("4.0", awaiting=True),
    "azure4 httpx2": httpx2_post(AZURE_4, pictures.small, BYTES),
    "azure4 SDK": sdk_azure_4,
    "sentiment cloudai": cloudai_text("azure"),
    "sentiment cloudai awaiting": cloudai_text("azure", awaiting=True),
    "sentiment httpx2": httpx2_post("/language/:analyze-text?api-version=2023-04-01", azure_text, JSON),
    "sentiment SDK": sdk_azure_text,
    "watson cloudai": cloudai_text("watson"),
    "watson cloudai awaiting": cloudai_text("watson", awaiting=True),
    "watson httpx2": httpx2_post("/v1/analyze?version=2022-08-10", watson_text, JSON),
    "watson SDK": sdk_watson,
    "1MB cloudai": cloudai_google(pictures.large),
    "1MB cloudai awaiting": cloudai_google(pictures.large, awaiting=True),
    "1MB httpx2": httpx2_google(pictures.large),
    "1MB REST": sdk_google(pictures.large, grpc=False),
    "1MB gRPC": sdk_google(pictures.large, grpc=True),
    "1MB TLS cloudai": cloudai_google(pictures.large, tls=True),
    "1MB TLS httpx2": httpx2_google(pictures.large, tls=True),
    "128 cloudai": cloudai_google(pictures.small, awaiting=True, after=250),
    "128 httpx2": httpx2_google(pictures.small, awaiting=True, after=250),
    "128 SDK": sdk_google(pictures.small, grpc=False, after=250),
}
"""The subjects by name: the row, and who does its work."""
