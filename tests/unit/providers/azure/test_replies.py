"""Azure's replies, as documented, become results and errors: from constructed cassettes, under both clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudai import (
    AuthError,
    Azure,
    BadRequestError,
    ForbiddenError,
    NeedsImageError,
    RateLimitedError,
    Resource,
    Response,
    ServerError,
)
from cloudai.models.image import FEATURES
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE, REVIEW, Cassettes

CASSETTES = Cassettes("azure")
EVERYTHING: dict[str, Any] = {"features": list(FEATURES), "missing": "report"}


def ask(call: Caller, name: str, operation: str, *args: Any, azure: Azure | None = None, **options: Any) -> Any:
    """Make one call that is answered from a cassette of Azure's, without settings."""
    return CASSETTES.ask(call, name, azure or Azure(), operation, *args, **options)


def test_everything_4_has_of_a_picture(call: Caller) -> None:
    """Captions, tags, objects, people above the threshold, crops, Korean text; the rest is listed as unsupported."""
    found = ask(
        call,
        "analyze_image-success",
        "analyze_image",
        PICTURE,
        azure=Azure(api="4.0"),
        gender_neutral=True,
        **EVERYTHING,
    )
    assert (found.caption.text, found.caption.confidence) == ("a person sitting under a tree", 0.81)
    assert [caption.text for caption in found.dense_captions] == ["a person sitting under a tree", "a wooden bench"]
    assert [(tag.name, tag.confidence) for tag in found] == [("tree", 0.98), ("grass", 0.87)]
    assert found.objects[0].box.normalized == (100 / 640, 300 / 480, 200 / 640, 80 / 480)
    assert [person.confidence for person in found.people] == [0.92]
    assert (found.crops[0].aspect, found.crops[0].box.width) == (1.25, 600)
    assert found.text.text == "나무 그늘\n쉼터"
    assert [word.text for word in found.text.lines[0].words] == ["나무", "그늘"]
    assert found.text.lines[0].box.width == 100
    assert len(found.text.lines[0].polygon) == 4
    assert found.unsupported == ("faces", "places", "brands", "categories", "colors", "web", "safety")
    assert (found.meta.api_version, found.meta.model, found.meta.request_id) == (
        "2023-10-01",
        "2023-10-01",
        "00000000-1111-2222-3333-444444444444",
    )
    kinds = {"caption", "dense_caption", "tag", "object", "person", "text", "crop"}
    assert {row["kind"] for row in found.to_rows()} == kinds


def test_everything_3_has_of_a_picture(call: Caller) -> None:
    """The best caption, parents of objects, places once, the accent colour's value, three grades, ages if there."""
    found = ask(call, "analyze_image-3", "analyze_image", PICTURE, azure=Azure(api="3.2"), language="ko", **EVERYTHING)
    assert found.caption.text == "a tall tree on a hill"
    assert [(tag.name, tag.language) for tag in found] == [("나무", "ko"), ("pine", "ko")]
    assert (found.objects[0].name, found.objects[0].parent) == ("bench", "seating")
    assert [(place.name, place.confidence) for place in found.places] == [("Namsan Tower", 0.93)]
    assert [category.name for category in found.categories] == ["outdoor_", "building_"]
    assert (found.brands[0].name, found.brands[0].box.width) == ("Example Cola", 20)
    assert [(color.name, color.hex) for color in found.colors] == [
        ("Green", None),
        ("White", None),
        ("accent", "#448318"),
    ]
    assert {kind: level.score for kind, level in found.safety.items()} == {"adult": 0.01, "racy": 0.02, "gore": 0.003}
    assert [(face.box.x, face.age.years if face.age else None) for face in found.faces] == [(100, 31), (10, None)]
    assert found.unsupported == ("dense_captions", "people", "text", "crops", "web")
    assert (found.meta.api_version, found.meta.model, found.meta.language_sent) == ("v3.2", "2021-05-01", "ko")


def test_a_mix_is_several_calls_and_says_so(call: Caller) -> None:
    """The caption stays with 4.0; safety comes from 3.2 and faces from Face; `meta` and `raw` show all three."""
    found = ask(
        call,
        "analyze_image-mix",
        "analyze_image",
        PICTURE,
        features=["caption", "safety", "faces"],
        gender_neutral=True,
    )
    assert found.caption.text == "a person sitting under a tree"
    assert found.safety["adult"].score == 0.01
    assert found.faces[0].box.width == 60
    assert (found.meta.service, found.meta.api_version) == ("vision, face", "2023-10-01, v3.2, v1.0")
    assert (found.meta.model, found.meta.attempts) == ("2023-10-01, 2021-05-01", 3)
    assert len(found.raw) == 3


def test_a_picture_with_nothing_in_it(call: Caller) -> None:
    """Empty lists are an empty result, not an error; what was not asked for is None."""
    found = ask(call, "analyze_image-empty", "analyze_image", PICTURE, features=["tags", "objects", "text"])
    assert (found.tags, found.objects, found.text.text, found.caption) == ((), (), "", None)
    assert [row["status"] for row in found.to_rows()] == ["none_found"]


def test_a_picture_by_its_address(call: Caller) -> None:
    """Azure fetches it; the size is what the reply says, and no fraction is claimed."""
    address = "https://pictures.example/나무.png"
    found = ask(call, "analyze_image-address", "analyze_image", address, features=["objects"])
    assert (found.width, found.height, found.meta.by_reference) == (1200, 900, True)
    with pytest.raises(NeedsImageError):
        _ = found.objects[0].box.normalized


def test_faces_with_all_that_may_be_asked(call: Caller) -> None:
    """Largest first; words of any case; sides are the picture's; unknown landmarks kept; no age, no emotion."""
    faces = ask(
        call,
        "detect_faces-success",
        "detect_faces",
        PICTURE,
        landmarks=True,
        attributes=["pose", "mask", "blur", "quality", "exposure", "glasses", "occlusion", "headwear"],
    )
    first, second = faces
    assert (first.box.x, first.box.width) == (200, 100)
    assert (first.pose.roll, first.pose.pitch, first.pose.yaw) == (-2.8, 1.5, 4.0)
    assert first.landmarks["left_pupil"].x < first.landmarks["nose_tip"].x < first.landmarks["right_pupil"].x
    assert "azure:newPoint" in first.landmarks
    assert (first.glasses, second.glasses) == ("reading", "none")
    assert (first.blur.word, first.blur.score, first.exposure.score) == ("Low", 0.06, 0.6)
    assert first.occlusion == {"forehead": True, "eyes": False, "mouth": False}
    assert (first.headwear.score, first.mask, first.quality) == (0.92, "noMask", "high")
    assert (first.age, first.emotions, second.landmarks, second.pose) == (None, None, None, None)


def test_a_picture_without_faces(call: Caller) -> None:
    """`[]` means that there is no face."""
    faces = ask(call, "detect_faces-empty", "detect_faces", PICTURE)
    assert [(row["status"], row["n_faces"]) for row in faces.to_rows()] == [("none_found", 0)]


def test_ages_for_approved_customers(call: Caller) -> None:
    """A number, never a made-up range; the larger face first."""
    ages = ask(call, "estimate_age-approved", "estimate_age", PICTURE, azure=Azure(face_approved=True))
    assert [(age.years, age.low, age.box.width) for age in ages] == [(41.5, None, 100), (7.0, None, 40)]


def test_korean_sentiment_with_opinions(call: Caller) -> None:
    """Label and shares are Azure's, the score is ours and says so; places count code points, an emoji as one."""
    found = ask(call, "sentiment-success", "sentiment", REVIEW, language="ko-KR")
    assert (found.label, found.score, found.score_kind, found.magnitude) == ("mixed", 0.2, "derived", None)
    assert (found.confidences.positive, found.confidences.negative) == (0.6, 0.4)
    assert all(REVIEW[s.start : s.end] == s.text for s in found)
    assert [sentence.label for sentence in found] == ["positive", "negative"]
    assert found[0].opinions == ()
    (opinion,) = found[1].opinions
    assert (opinion.text, REVIEW[opinion.start : opinion.end], opinion.label) == ("서비스", "서비스", "negative")
    assert [(word.text, word.negated) for word in opinion.assessments] == [("별로", False)]
    assert (found.language, found.language_source, found.meta.language_sent) == ("ko-KR", "given", "ko")
    assert (found.meta.model, found.emotions) == ("2022-11-01", None)


def test_a_language_that_was_detected(call: Caller) -> None:
    """Not named, it is what the reply says."""
    found = ask(call, "sentiment-detected", "sentiment", "A table.")
    assert (found.label, found.score, found.language, found.language_source) == ("neutral", 0, "en", "detected")


def test_korean_speech_with_speakers(call: Caller) -> None:
    """Milliseconds become seconds; each phrase has its speaker, and so has each of its words."""
    said = ask(call, "speech_to_text-success", "speech_to_text", GREETING, language="ko", speakers=2)
    assert said.text == "안녕하세요. 반갑습니다."
    assert [(s.speaker, s.start, s.end, s.confidence) for s in said] == [("1", 0, 0.6, 0.93), ("2", 0.7, 1.0, 0.9)]
    assert [(w.text, w.speaker) for w in said.words] == [("안녕하세요.", "1"), ("반갑습니다.", "2")]
    assert (said.language, said.duration, said.meta.api_version) == ("ko-KR", 1.0, "2025-10-15")


def test_silence(call: Caller) -> None:
    """No phrases are an empty transcript, and so is short audio's timeout."""
    region = Azure(speech=Resource(region="koreacentral"))
    said = ask(call, "speech_to_text-empty", "speech_to_text", GREETING, language="ko")
    short = ask(call, "speech_to_text-short-silence", "speech_to_text", GREETING, language="ko", azure=region)
    assert (said.text, len(said), short.text, len(short)) == ("", 0, "", 0)


def test_speech_by_its_address(call: Caller) -> None:
    """Azure fetches it; channels keep their numbers."""
    said = ask(call, "speech_to_text-address", "speech_to_text", "https://sounds.example/연설.mp3", language="ko")
    assert (said.text, [s.channel for s in said]) == ("안녕하세요. 네.", [0, 1])
    assert said.meta.by_reference


def test_speech_by_a_job(call: Caller) -> None:
    """A job writes down both channels of a recording at an address, each phrase at its time."""
    batch = Azure(transcription="batch")
    said = ask(
        call, "speech_to_text-batch", "speech_to_text", "https://sounds.example/통화.wav", azure=batch, language="ko"
    )
    assert [(s.channel, s.start, s.text) for s in said] == [(0, 0.5, "여보세요?"), (1, 1.25, "네, 말씀하세요.")]
    assert [(word.text, word.end) for word in said.words][-1] == ("말씀하세요.", 2.15)
    assert (said.duration, said.meta.channels, said.meta.api_version) == (3.0, "each", "2024-11-15")


def test_short_audio_where_only_a_region_is_set(call: Caller) -> None:
    """Ticks of 100 ns become seconds; there are no words."""
    region = Azure(speech=Resource(region="koreacentral"))
    said = ask(call, "speech_to_text-short", "speech_to_text", GREETING, language="ko", azure=region)
    assert [(s.text, s.start, s.end, s.confidence) for s in said] == [("안녕하세요.", 0.09, 0.79, 0.91)]
    assert (said.words, said.meta.api_version) == ((), "v1")


APPROVED, OLDER = Azure(face_approved=True), Azure(api="3.2")
REGION = Azure(speech=Resource(region="koreacentral"))
ADDRESS = "https://pictures.example/tree.png"
ERRORS: list[tuple[str, Any, dict[str, Any], type[Exception], str]] = [
    ("analyze_image-bad-key", PICTURE, {}, AuthError, "of the same resource"),
    ("analyze_image-caption-region", PICTURE, {}, BadRequestError, r"Korea Central.*Azure\(api='3.2'\)"),
    ("analyze_image-address-not-fetched", ADDRESS, {}, BadRequestError, "download the picture"),
    ("analyze_image-language", PICTURE, {"language": "ko"}, BadRequestError, "another language"),
    ("analyze_image-flat-error", PICTURE, {"azure": OLDER}, BadRequestError, "Input image is too small"),
    ("detect_faces-too-many-calls", PICTURE, {}, RateLimitedError, "call less often"),
    ("detect_faces-month-quota", PICTURE, {}, RateLimitedError, "paid tier"),
    ("detect_faces-not-approved", PICTURE, {"attributes": ["age"], "azure": APPROVED}, ForbiddenError, "approved"),
    ("sentiment-language-in-200", "Bra mat.", {"language": "xx"}, BadRequestError, "another language"),
    ("sentiment-failed-in-200", "Bra mat.", {"language": "sv"}, ServerError, "Internal error"),
    (
        "speech_to_text-batch-fails",
        "https://sounds.example/없음.wav",
        {"language": "ko", "azure": Azure(transcription="batch")},
        BadRequestError,
        "cannot be read",
    ),
    ("speech_to_text-short-error", GREETING, {"language": "ko", "azure": REGION}, ServerError, "recognition failed"),
]


@pytest.mark.parametrize(("name", "given", "options", "kind", "text"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors(call: Caller, name: str, given: Any, options: dict[str, Any], kind: type[Exception], text: str) -> None:
    """Each refusal is its own class, one line, with what to do; also those hidden in a 200."""
    with pytest.raises(kind, match=text) as raised:
        ask(call, name, name.partition("-")[0], given, **options)
    assert str(raised.value).startswith("azure: ")
    assert "\n" not in str(raised.value)


RESTRICTED = [
    ({"code": "403", "message": "Access denied due to Virtual Network/Firewall rules."}, "portal, Networking"),
    (
        {
            "code": "403",
            "message": "A Virtual Network is configured for this resource. Please use the correct endpoint.",
        },
        "Set the endpoint that the Azure portal shows",
    ),
    (
        {"code": "AuthenticationTypeDisabled", "message": "Key based authentication is disabled for this resource."},
        "takes no keys",
    ),
]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("error", "advice"), RESTRICTED)
def test_a_restriction_of_the_resource_is_told(call: Caller, error: dict[str, str], advice: str, status: int) -> None:
    """The network rules of a resource, and keys that are switched off, are told apart from a wrong key."""
    azure = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
    reply = Response(status, {"content-type": "application/json"}, json.dumps({"error": error}).encode())
    with pytest.raises(ForbiddenError, match=advice):
        call(azure, "sentiment", "맛있어요", language="ko", send=lambda _: reply)


def test_hints_and_quotas_are_read(call: Caller) -> None:
    """The header goes before the text; a spent quota is named, and its days and hours are seconds."""
    with pytest.raises(RateLimitedError) as slow:
        ask(call, "detect_faces-too-many-calls", "detect_faces", PICTURE)
    with pytest.raises(RateLimitedError) as spent:
        ask(call, "detect_faces-month-quota", "detect_faces", PICTURE)
    assert (slow.value.retry_after, slow.value.quota) == (17.0, None)
    assert (spent.value.retry_after, spent.value.quota) == (26.5 * 3600, "month")


def test_every_cassette_is_played_and_says_that_it_is_constructed() -> None:
    """No fixture lies about unused, and none poses as recorded."""
    CASSETTES.require_all()
