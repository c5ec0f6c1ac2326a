"""`check_provider`: all of ours pass it, and every check has a broken provider that it catches."""

from __future__ import annotations

import pytest

from cloudai import Azure, Google, Local, Provider, Resource, Watson
from cloudai.models.image import FEATURES
from cloudai.testing import Example, check_provider
from tests.played import FIXTURES, GREETING, PICTURE, REVIEW

EVERYTHING = {"features": list(FEATURES), "missing": "report"}
REGION = Azure(speech=Resource(region="koreacentral"))
KEY = "CaNaRy-4f9c2e7b5d"
IBM = "https://api.kr-seo.{}.watson.cloud.ibm.com/instances/1"

AZURE = [
    Example(
        "analyze_image", PICTURE, "analyze_image-success", {**EVERYTHING, "gender_neutral": True}, Azure(api="4.0")
    ),
    Example("analyze_image", PICTURE, "analyze_image-3", {**EVERYTHING, "language": "ko"}, Azure(api="3.2")),
    Example("analyze_image", PICTURE, "analyze_image-caption-region"),
    Example("detect_faces", PICTURE, "detect_faces-empty"),
    Example("detect_faces", PICTURE, "detect_faces-too-many-calls"),
    Example("estimate_age", PICTURE, "estimate_age-approved", {}, Azure(face_approved=True)),
    Example("sentiment", REVIEW, "sentiment-success", {"language": "ko-KR"}),
    Example("sentiment", "Bra mat.", "sentiment-failed-in-200", {"language": "sv"}),
    Example("speech_to_text", GREETING, "speech_to_text-success", {"language": "ko", "speakers": 2}),
    Example("speech_to_text", GREETING, "speech_to_text-short", {"language": "ko"}, REGION),
]
GOOGLE = [
    Example("analyze_image", PICTURE, "analyze_image-success", {**EVERYTHING, "language": "ko"}),
    Example("analyze_image", PICTURE, "analyze_image-bad-image"),
    Example("detect_faces", PICTURE, "detect_faces-success", {"landmarks": True}),
    Example("detect_faces", PICTURE, "detect_faces-api-off"),
    Example("sentiment", REVIEW, "sentiment-success", {"language": "ko-KR"}),
    Example("sentiment", REVIEW, "sentiment-day-quota"),
    Example("speech_to_text", GREETING, "speech_to_text-success", {"language": "ko"}),
    Example("speech_to_text", "gs://bucket/연설.flac", "speech_to_text-long", {"language": "ko"}),
    Example("speech_to_text", GREETING, "speech_to_text-v2", {"language": "en"}, Google(project="p")),
]
WATSON = [
    Example("sentiment", "정말 맛있어요!", "sentiment-korean", {"language": "ko-KR"}),
    Example("sentiment", "The food was wonderful, the room was not.", "sentiment-success"),
    Example("sentiment", "Good.", "sentiment-bad-key"),
    Example("speech_to_text", GREETING, "speech_to_text-success", {"language": "ko"}),
    Example("speech_to_text", GREETING, "speech_to_text-damaged", {"language": "en"}),
]
LOCAL = [
    Example("analyze_image", PICTURE),
    Example("detect_faces", PICTURE),
    Example("sentiment", "What a wonderful day."),
    Example("sentiment", "맛있어요!", None, {"language": "ko"}, Local(lexicon={"맛있": 2.0})),
]
WATSON_WITH_KEYS = Watson(
    nlu=Resource(KEY, IBM.format("natural-language-understanding")),
    speech_to_text=Resource(KEY, IBM.format("speech-to-text")),
)
OURS: list[tuple[type[Provider], list[Example], Provider | None]] = [
    (Azure, AZURE, Azure(key=KEY, endpoint="https://example.cognitiveservices.azure.com", face_approved=True)),
    (Google, GOOGLE, Google(api_key=KEY)),
    (Watson, WATSON, WATSON_WITH_KEYS),
    (Local, LOCAL, None),
]


@pytest.mark.parametrize(("kind", "examples", "configured"), OURS, ids=lambda v: getattr(v, "name", ""))
def test_ours_keep_the_contract(kind: type[Provider], examples: list[Example], configured: Provider | None) -> None:
    """Every check passes, with the cassettes of our own tests as examples."""
    folder = FIXTURES / kind.name
    held = [
        Example(e.operation, e.given, folder / f"{e.cassette}.json" if e.cassette else None, e.options, e.provider)
        for e in examples
    ]
    check_provider(kind, held, configured=configured)
