"""The replies of the benchmarks' server: made-up values in the shapes that the vendors document.

The numbers are drawn from a fixed seed, so that every run reads the same replies. Their sizes are those of real replies
about one photo or one short text.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

__all__ = ["REPLIES", "TEXT", "azure_sentiment", "azure_vision_3", "azure_vision_4", "google_vision", "watson_language"]

TEXT = "The soup was warm, and the staff were kind. " * 9
"""The text whose sentiment is asked for."""

LANDMARKS = (
    *("LEFT_EYE", "RIGHT_EYE", "LEFT_OF_LEFT_EYEBROW", "RIGHT_OF_LEFT_EYEBROW", "LEFT_OF_RIGHT_EYEBROW"),
    *("RIGHT_OF_RIGHT_EYEBROW", "MIDPOINT_BETWEEN_EYES", "NOSE_TIP", "UPPER_LIP", "LOWER_LIP", "MOUTH_LEFT"),
    *("MOUTH_RIGHT", "MOUTH_CENTER", "NOSE_BOTTOM_RIGHT", "NOSE_BOTTOM_LEFT", "NOSE_BOTTOM_CENTER"),
    *("LEFT_EYE_TOP_BOUNDARY", "LEFT_EYE_RIGHT_CORNER", "LEFT_EYE_BOTTOM_BOUNDARY", "LEFT_EYE_LEFT_CORNER"),
    *("RIGHT_EYE_TOP_BOUNDARY", "RIGHT_EYE_RIGHT_CORNER", "RIGHT_EYE_BOTTOM_BOUNDARY", "RIGHT_EYE_LEFT_CORNER"),
    *("LEFT_EYEBROW_UPPER_MIDPOINT", "RIGHT_EYEBROW_UPPER_MIDPOINT", "LEFT_EAR_TRAGION", "RIGHT_EAR_TRAGION"),
    *("FOREHEAD_GLABELLA", "CHIN_GNATHION", "CHIN_LEFT_GONION", "CHIN_RIGHT_GONION"),
)
LIKELIHOODS = ("VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")
GRADED = ("joy", "sorrow", "anger", "surprise", "underExposed", "blurred", "headwear")
FEELINGS = ("sadness", "joy", "fear", "disgust", "anger")

draw = random.Random(19)  # noqa: S311


def google_vision(faces: int = 1, labels: int = 10) -> dict[str, Any]:
    """Return a reply of Google Vision about one picture: faces, labels, safety and colours."""
    return {
        "responses": [
            {
                "faceAnnotations": [_google_face() for _ in range(faces)],
                "labelAnnotations": [
                    {"mid": f"/m/0{n:05x}", "description": f"label {n}", "score": _unit(), "topicality": _unit()}
                    for n in range(labels)
                ],
                "safeSearchAnnotation": {
                    kind: draw.choice(LIKELIHOODS) for kind in ("adult", "spoof", "medical", "violence", "racy")
                },
                "imagePropertiesAnnotation": {"dominantColors": {"colors": [_google_color() for _ in range(10)]}},
            }
        ]
    }


def _unit() -> float:
    return draw.random()


def _google_face() -> dict[str, Any]:
    marks = [{"type": name, "position": {"x": _px(), "y": _px(), "z": 50 * _unit() - 25}} for name in LANDMARKS]
    return {
        "boundingPoly": {"vertices": _corners()},
        "fdBoundingPoly": {"vertices": _corners()},
        "landmarks": marks,
        **{name: 20 * _unit() for name in ("rollAngle", "panAngle", "tiltAngle")},
        "detectionConfidence": _unit(),
        "landmarkingConfidence": _unit(),
        **{f"{name}Likelihood": draw.choice(LIKELIHOODS) for name in GRADED},
    }


def _px() -> float:
    return 200 * _unit()


def _corners() -> list[dict[str, int]]:
    left, top, width, height = (draw.randrange(10, 90) for _ in range(4))
    right, bottom = left + width, top + height
    return [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]


def _google_color() -> dict[str, Any]:
    parts = {part: draw.randrange(256) for part in ("red", "green", "blue")}
    return {"color": parts, "score": _unit(), "pixelFraction": _unit()}


def azure_vision_3(objects: int = 5) -> dict[str, Any]:
    """Return a reply of Azure's Image Analysis 3.2."""
    return {
        "categories": [{"name": "people_group", "score": _unit(), "detail": {"landmarks": []}}],
        "adult": {
            **dict.fromkeys(("isAdultContent", "isRacyContent", "isGoryContent"), False),
            **{score: _unit() for score in ("adultScore", "racyScore", "goreScore")},
        },
        "color": {"dominantColors": ["Grey", "White"], "accentColor": "6C4A2B", "isBwImg": False, "isBWImg": False},
        "tags": [{"name": f"tag {n}", "confidence": _unit()} for n in range(20)],
        "description": {
            "tags": [f"word{n}" for n in range(20)],
            "captions": [{"text": "a group of people in a field", "confidence": _unit()}],
        },
        "faces": [{"faceRectangle": {"left": 40, "top": 30, "width": 50, "height": 50}} for _ in range(3)],
        "objects": [
            {
                "rectangle": _azure_box(),
                "object": "person",
                "confidence": _unit(),
                "parent": {"object": "mammal", "confidence": _unit()},
            }
            for _ in range(objects)
        ],
        "requestId": "00000000-0000-0000-0000-000000000000",
        "metadata": {"height": 180, "width": 240, "format": "Jpeg"},
        "modelVersion": "2021-05-01",
    }


def _azure_box() -> dict[str, int]:
    return {side: draw.randrange(10, 90) for side in "xywh"}


def azure_vision_4(lines: int = 6) -> dict[str, Any]:
    """Return a reply of Azure's Image Analysis 4.0, whose text has so many lines of two words."""
    return {
        "modelVersion": "2023-10-01",
        "captionResult": {"text": "a group of people", "confidence": _unit()},
        "metadata": {"width": 240, "height": 180},
        "tagsResult": {"values": [{"name": f"tag {n}", "confidence": _unit()} for n in range(20)]},
        "objectsResult": {
            "values": [
                {"boundingBox": _azure_box(), "tags": [{"name": "person", "confidence": _unit()}]} for _ in range(5)
            ]
        },
        "peopleResult": {"values": [{"boundingBox": _azure_box(), "confidence": _unit()} for _ in range(6)]},
        "readResult": {"blocks": [{"lines": [_azure_line(n) for n in range(lines)]}]},
    }


def _azure_line(number: int) -> dict[str, Any]:
    words = [{"text": f"글{number}", "boundingPolygon": _corners(), "confidence": _unit()} for _ in range(2)]
    return {"text": f"글{number} 글{number}", "boundingPolygon": _corners(), "words": words}


def azure_sentiment() -> dict[str, Any]:
    """Return a reply of Azure Language about a text of five sentences."""
    sentence = "The soup was warm, and the staff were kind."
    return {
        "kind": "SentimentAnalysisResults",
        "results": {
            "documents": [
                {
                    "id": "0",
                    "sentiment": "positive",
                    "confidenceScores": {"positive": 0.9, "neutral": 0.07, "negative": 0.03},
                    "sentences": [
                        {
                            "sentiment": "positive",
                            "confidenceScores": {name: _unit() for name in ("positive", "neutral", "negative")},
                            "offset": n * (len(sentence) + 1),
                            "length": len(sentence),
                            "text": sentence,
                        }
                        for n in range(5)
                    ],
                    "warnings": [],
                }
            ],
            "errors": [],
            "modelVersion": "2022-11-01",
        },
    }


def watson_language() -> dict[str, Any]:
    """Return a reply of Watson Natural Language Understanding: the sentiment and the emotions of a text."""
    return {
        "usage": {"text_units": 1, "text_characters": len(TEXT), "features": 2},
        "language": "en",
        "sentiment": {"document": {"score": 0.62, "label": "positive"}},
        "emotion": {"document": {"emotion": {name: _unit() for name in FEELINGS}}},
    }


def _compact(reply: Any) -> bytes:
    return json.dumps(reply, separators=(",", ":"), ensure_ascii=False).encode()


def _pretty(reply: Any) -> bytes:
    return json.dumps(reply, indent=2, ensure_ascii=False).encode()  # as Google and IBM send it


REPLIES: Mapping[str, bytes] = {
    "/v1/images:annotate": _pretty(google_vision()),
    "/vision/v3.2/analyze": _compact(azure_vision_3()),
    "/computervision/imageanalysis:analyze": _compact(azure_vision_4()),
    "/language/:analyze-text": _compact(azure_sentiment()),
    "/v1/analyze": _pretty(watson_language()),
}
"""The replies by the path that is asked."""
