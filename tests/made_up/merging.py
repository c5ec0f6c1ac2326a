"""Google's and Azure's requests of many inputs, answered by functions."""

from __future__ import annotations

import io
from typing import Any

import PIL.Image

import cloudai
from cloudai import Response
from cloudai.core.flow import Request
from tests.made_up.provider import ok
from tests.support.batches import Batcher, Done, Server

__all__ = ["AZURE", "FACE", "Asked", "azure", "documents", "google", "picture"]

AZURE = {"key": "not-a-real-key", "endpoint": "https://example.cognitiveservices.azure.com"}
FACE = {"fdBoundingPoly": {"vertices": [{}, {"x": 9}, {"x": 9, "y": 9}, {"y": 9}]}}


def picture(i: int) -> bytes:
    """Return a small picture that is like no other."""
    out = io.BytesIO()
    PIL.Image.new("RGB", (50, 50), (i % 256, i // 256, 7)).save(out, "PNG")
    return out.getvalue()


def google(request: Request) -> Response:
    """Answer with one face for each picture, and with "bad image data" for the 700th."""
    replies: list[dict[str, Any]] = []
    for item in request.json["requests"]:
        bad = item["image"]["content"].data == picture(700)
        replies.append({"error": {"code": 3, "message": "Bad image data."}} if bad else {"faceAnnotations": [FACE]})
    return ok({"responses": replies})


def documents(request: Request) -> list[dict[str, Any]]:
    """Return the texts of a request to Azure."""
    found: list[dict[str, Any]] = request.json["analysisInput"]["documents"]
    return found


def azure(request: Request) -> Response:
    """Answer with a share by the length of each text, in no particular order; with an error for one that says so."""
    done: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for document in documents(request):
        if "오류" in document["text"]:
            inner = {"code": "UnsupportedLanguageCode", "message": "no"}
            error = {"code": "InvalidArgument", "message": "no", "innererror": inner}
            errors.append({"id": document["id"], "error": error})
            continue
        share = (len(document["text"]) % 10) / 10
        shares = {"positive": share, "neutral": 1 - share, "negative": 0.0}
        done.insert(0, {"id": document["id"], "sentiment": "positive", "confidenceScores": shares, "sentences": []})
    results = {"documents": done, "errors": errors, "modelVersion": "2025-01-01"}
    return ok({"kind": "SentimentAnalysisResults", "results": results})


class Asked(Batcher):
    """A batch of a vendor with a server that counts."""

    def __init__(self, colour: str, answer: Any, **client: Any) -> None:
        self.server = Server(answer)
        provider: Any = cloudai.Google(api_key="not-a-real-key")
        super().__init__(colour, provider if answer is google else cloudai.Azure(**AZURE), self.server, client)

        # A text of which the language is not named takes two requests at Azure; see tests/unit/providers/azure.
        self.options = {"options": {"language": "ko"}} if answer is not google else {}

    def __call__(self, operation: str, inputs: Any, **settings: Any) -> Done:
        """Run it to its end, whatever that is."""
        return super().__call__(operation, inputs, **{**self.options, **settings})

    @property
    def n(self) -> int:
        """The number of requests."""
        return len(self.server.requests)
