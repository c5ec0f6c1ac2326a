"""Made-up answers of Azure and Google in their documented shapes, for tests that need hundreds of them.

Each is a callable from `Request` to `Response`, to be given as ``send=``. What it finds depends on the bytes of the
picture, so that two pictures differ and one is always answered alike. All replies are constructed.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from cloudai import Request, Response

__all__ = ["Vendors"]

SOUND = bytes(480)
WAV = b64encode(
    b"RIFF"
    + (36 + len(SOUND)).to_bytes(4, "little")
    + b"WAVEfmt "
    + bytes([16, 0, 0, 0, 1, 0, 1, 0])
    + (24_000).to_bytes(4, "little")
    + (48_000).to_bytes(4, "little")
    + bytes([2, 0, 16, 0])
    + b"data"
    + len(SOUND).to_bytes(4, "little")
    + SOUND
).decode()
LIKELIHOODS = ("VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")


def _number(picture: bytes) -> int:
    """Return a number that belongs to a picture."""
    return int.from_bytes(sha256(picture).digest()[:2], "big")


def _bytes_of(value: Any) -> bytes:
    """Return the bytes of a blob, or of a text."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode()


class Vendors:
    """Answers for both vendors, and counts the requests.

    Args:
        refuses_from: The request from which on the daily quota is spent; None for none.
    """

    def __init__(self, refuses_from: int | None = None) -> None:
        self.refuses_from = refuses_from
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """Answer one request, as the service at its address does."""
        self.requests.append(request)
        if self.refuses_from is not None and len(self.requests) >= self.refuses_from:
            told = "Out of call volume quota. Quota will be replenished in 10:00:00."
            return _ok({"error": {"statusCode": 403, "message": told}}, 403)
        for part, answer in SERVICES.items():
            if part in request.url:
                return _ok(answer(request))
        raise AssertionError(request.url)


def _ok(body: Any, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


def _azure_faces(number: int) -> list[Any]:
    boxes = [{"left": 10 + 30 * n, "top": 12, "width": 24, "height": 24} for n in range(number % 3)]
    return [{"faceRectangle": box} for box in boxes]


def _azure_sentiment(documents: list[Any]) -> dict[str, Any]:
    shares = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
    answers = [
        {"id": each["id"], "sentiment": "positive", "confidenceScores": shares, "sentences": []} for each in documents
    ]
    results = {"documents": answers, "errors": [], "modelVersion": "2025-01-01"}
    return {"kind": "SentimentAnalysisResults", "results": results}


def _google(asked: dict[str, Any]) -> dict[str, Any]:
    number = _number(_bytes_of(asked["image"]["content"]))
    wanted = {feature["type"] for feature in asked["features"]}
    answer: dict[str, Any] = {}
    if "FACE_DETECTION" in wanted:
        answer["faceAnnotations"] = [_google_face(10 + 30 * n, number) for n in range(number % 3)]
    if "LABEL_DETECTION" in wanted:
        answer["labelAnnotations"] = [{"mid": "/m/07j7r", "description": "Tree", "score": 0.97}]
    if wanted & {"TEXT_DETECTION", "DOCUMENT_TEXT_DETECTION"}:
        answer["textAnnotations"] = []
    return answer


def _google_face(left: int, number: int) -> dict[str, Any]:
    corners = [(left, 12), (left + 24, 12), (left + 24, 36), (left, 36)]
    box = {"vertices": [{"x": x, "y": y} for x, y in corners]}
    moods = ("joyLikelihood", "sorrowLikelihood", "angerLikelihood", "surpriseLikelihood")
    return {
        "boundingPoly": box,
        "fdBoundingPoly": box,
        "rollAngle": 1.5,
        "panAngle": -2.0,
        "tiltAngle": 0.5,
        "detectionConfidence": 0.9,
        "landmarkingConfidence": 0.5,
        **{mood: LIKELIHOODS[(number + n) % 5] for n, mood in enumerate(moods)},
        "underExposedLikelihood": "VERY_UNLIKELY",
        "blurredLikelihood": "UNLIKELY",
        "headwearLikelihood": "VERY_UNLIKELY",
    }


def _google_sentiment(_: Request) -> dict[str, Any]:
    return {"documentSentiment": {"magnitude": 0.9, "score": 0.9}, "languageCode": "en", "sentences": []}


SERVICES: Mapping[str, Callable[[Request], Any]] = {
    "images:annotate": lambda request: {"responses": [_google(each) for each in request.json["requests"]]},
    "/face/": lambda request: _azure_faces(_number(_bytes_of(request.content))),
    "analyze-text": lambda request: _azure_sentiment(request.json["analysisInput"]["documents"]),
    "analyzeSentiment": _google_sentiment,
    "v2/detect": lambda _: {"data": {"detections": [[{"language": "en", "confidence": 1.0}]]}},
    "language/translate": lambda _: {"data": {"translations": [{"translatedText": "좋아요."}]}},
    "v1/voices": lambda _: {"voices": []},
    "text:synthesize": lambda _: {"audioContent": WAV},
    "speech:recognize": lambda _: {},
}
"""The answer of each service, by a part of its address."""
