"""Google's replies, as documented, become results and errors: from constructed cassettes, under both clients."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import AuthError, BadRequestError, ForbiddenError, Google, RateLimitedError
from cloudai.models.image import FEATURES
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE, REVIEW, Cassettes

CASSETTES = Cassettes("google")
EVERYTHING: dict[str, Any] = {"features": list(FEATURES), "missing": "report", "language": "ko"}


def ask(call: Caller, name: str, operation: str, *args: Any, project: str | None = None, **options: Any) -> Any:
    """Make one call that is answered from a cassette of Google's."""
    return CASSETTES.ask(call, name, Google(project=project), operation, *args, **options)


def test_everything_google_has_of_a_picture(call: Caller) -> None:
    """Every feature of the reply is in the result, boxes in pixels, what Vision lacks listed."""
    found = ask(call, "analyze_image-success", "analyze_image", PICTURE, **EVERYTHING)
    assert [(tag.name, tag.confidence, tag.vendor_id) for tag in found] == [
        ("Tree", 0.97, "/m/07j7r"),
        ("Grass", 0.81, "/m/08t9c_"),
    ]
    person, _ = found.objects
    assert (person.box.x, person.box.y, person.box.width, person.box.height) == (0, 120, 320, 360)
    assert [p.confidence for p in found.people] == [0.88]
    assert (found.places[0].latitude, found.places[0].longitude) == (37.5512, 126.9882)
    assert found.brands[0].box.normalized == (10 / 640, 10 / 480, 20 / 640, 10 / 480)
    assert found.colors[0].hex == "#00b45a"
    assert found.crops[0].importance == 1.02
    assert found.web.entities[0].score == 3.5
    assert found.web.pages[0].title == "나무"
    assert {kind: level.score for kind, level in found.safety.items()} == {"adult": 0, "spoof": 0.5, "racy": 0.25}
    assert len(found.faces) == 1
    assert (found.width, found.height, found.format) == (640, 480, "PNG")
    assert found.unsupported == ("caption", "dense_captions", "categories")
    assert found.meta.language_sent == "ko"


def test_korean_text_in_a_picture_comes_as_lines(call: Caller) -> None:
    """Symbols are joined to words, words to lines where the reply breaks them, spaces where it has them."""
    text = ask(call, "analyze_image-success", "analyze_image", PICTURE, **EVERYTHING).text
    assert text.text == "나무 그늘\n쉼터"
    assert [line.text for line in text] == ["나무 그늘", "쉼터"]
    assert [word.text for word in text.lines[0].words] == ["나무", "그늘"]
    assert (text.lines[0].box.x, text.lines[0].box.width) == (10, 100)
    assert text.language == "ko"


def test_a_picture_with_nothing_in_it(call: Caller) -> None:
    """An empty reply is an empty result, not an error, and has its row in the table."""
    found = ask(call, "analyze_image-empty", "analyze_image", PICTURE, **EVERYTHING)
    assert len(found) == 0
    assert found.tags == ()
    assert [row["status"] for row in found.to_rows()] == ["none_found"]


def test_faces_with_pose_expression_and_landmarks(call: Caller) -> None:
    """Largest first; the skin's box and the head's; words kept beside ranks; unknown landmarks kept."""
    faces = ask(call, "detect_faces-success", "detect_faces", PICTURE, landmarks=True)
    first, second = faces
    assert (first.box.x, first.box.width) == (200, 100)
    assert (first.head_box.x, first.head_box.y) == (180, 60)
    assert second.head_box.x == 0
    assert first.confidence == 0.96
    assert (first.pose.roll, first.pose.pitch, first.pose.yaw) == (-4.5, 3.0, 12.25)
    assert (first.emotions.happiness.word, first.emotions.happiness.score) == ("LIKELY", 0.75)
    assert first.emotions.surprise.score is None
    assert (first.emotions.top, second.emotions.top) == ("happiness", None)
    assert first.landmarks["left_eye"].x < first.landmarks["nose_tip"].x < first.landmarks["right_eye"].x
    assert "google:NEW_POINT" in first.landmarks
    assert first.age is None


def test_a_picture_without_faces(call: Caller) -> None:
    """`[{}]` means that there is no face, and the table says so with the picture's size."""
    faces = ask(call, "detect_faces-empty", "detect_faces", PICTURE)
    assert len(faces) == 0
    (row,) = faces.to_rows()
    assert (row["status"], row["n_faces"], row["image_width"]) == ("none_found", 0, 640)


def test_korean_sentiment_with_places_in_code_points(call: Caller) -> None:
    """Each sentence is where it says, an emoji counted as one; feelings that cancel out are mixed."""
    found = ask(call, "sentiment-success", "sentiment", REVIEW, language="ko-KR")
    assert (found.label, found.score, found.magnitude) == ("mixed", 0.1, 1.7)
    assert [sentence.label for sentence in found] == ["positive", "negative"]
    assert all(REVIEW[s.start : s.end] == s.text for s in found)
    assert (found.language, found.language_source, found.meta.language_sent) == ("ko", "given", "ko")
    assert (found.meta.service, found.meta.api_version) == ("language", "v2")


def test_a_text_without_feeling_in_the_older_shape(call: Caller) -> None:
    """v1 says `language` for `languageCode`; zero is a score, and not the same as none."""
    found = ask(call, "sentiment-empty", "sentiment", "A table.")
    assert (found.label, found.score, found.magnitude) == ("neutral", 0, 0)
    assert (found.language, found.language_source) == ("en", "detected")


def test_korean_speech(call: Caller) -> None:
    """Stretches are joined with one space, words have seconds."""
    said = ask(call, "speech_to_text-success", "speech_to_text", GREETING, language="ko")
    assert said.text == "안녕하세요 반갑습니다"
    assert [(w.text, w.start, w.end) for w in said.words] == [("안녕하세요", 0, 0.6), ("반갑습니다", 0.7, 1.0)]
    assert [segment.confidence for segment in said] == [0.93, 0.9]
    assert (said.meta.language_sent, said.duration) == ("ko-KR", 1.0)


@pytest.mark.parametrize(("name", "project"), [("speech_to_text-empty", None), ("speech_to_text-v2-empty", "p")])
def test_silence(call: Caller, name: str, project: str | None) -> None:
    """A reply without results is an empty transcript."""
    language = "en" if project else "ko"
    said = ask(call, name, "speech_to_text", GREETING, project=project, language=language)
    assert (said.text, len(said)) == ("", 0)


def test_speakers_do_not_double_the_words(call: Caller) -> None:
    """The last result repeats all words with their speakers: it alone is taken."""
    said = ask(call, "speech_to_text-speakers", "speech_to_text", GREETING, language="en", speakers=2)
    assert [(w.text, w.speaker) for w in said.words] == [("hello", "1"), ("there", "2")]
    assert said.text == "hello there"


def test_speech_v2_where_a_project_is_given(call: Caller) -> None:
    """v2's own names of times and speakers are understood, and `meta` says which API answered."""
    said = ask(call, "speech_to_text-v2", "speech_to_text", GREETING, project="p", language="en")
    assert (said.text, said.words[0].end, said.words[0].speaker) == ("Hello.", 0.4, "1")
    assert said.meta.api_version == "v2"


def test_a_batch_of_speech_v2(call: Caller) -> None:
    """An address goes to a batch of one, which is waited for."""
    said = ask(call, "speech_to_text-v2-batch", "speech_to_text", "gs://bucket/a.mp3", project="p", language="en")
    assert said.text == "Hello."
    assert said.meta.by_reference


def test_long_speech_is_waited_for(call: Caller) -> None:
    """A gs:// address becomes a job that is polled until it is done."""
    said = ask(call, "speech_to_text-long", "speech_to_text", "gs://bucket/연설.flac", language="ko")
    assert said.text == "안녕하세요 반갑습니다"
    assert said.meta.attempts == 3


ERRORS = [
    ("analyze_image-bad-key", "analyze_image", (PICTURE,), {}, AuthError, "Check GOOGLE_API_KEY"),
    ("analyze_image-bad-image", "analyze_image", (PICTURE,), {}, BadRequestError, "Bad image data"),
    (
        "analyze_image-address-not-fetched",
        "analyze_image",
        ("https://pictures.example/tree.png",),
        {},
        BadRequestError,
        "download the picture",
    ),
    ("detect_faces-api-off", "detect_faces", (PICTURE,), {}, ForbiddenError, "Enable the API"),
    ("detect_faces-too-many-calls", "detect_faces", (PICTURE,), {}, RateLimitedError, "call less often"),
    ("sentiment-language", "sentiment", ("Bra mat.",), {"language": "sv"}, BadRequestError, "another language"),
    ("sentiment-day-quota", "sentiment", (REVIEW,), {}, RateLimitedError, "for the day"),
    ("speech_to_text-too-long", "speech_to_text", (GREETING,), {"language": "ko"}, BadRequestError, "too long"),
    ("speech_to_text-unauthenticated", "speech_to_text", (GREETING,), {"language": "ko"}, AuthError, "token"),
    (
        "speech_to_text-long-fails",
        "speech_to_text",
        ("gs://bucket/none.flac",),
        {"language": "ko"},
        BadRequestError,
        "not found",
    ),
]


@pytest.mark.parametrize(("name", "operation", "args", "options", "kind", "text"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors(
    call: Caller, name: str, operation: str, args: Any, options: Any, kind: type[Exception], text: str
) -> None:
    """Each refusal is its own class, one line, with what to do; also those hidden in a 200."""
    with pytest.raises(kind, match=text) as raised:
        ask(call, name, operation, *args, **options)
    assert str(raised.value).startswith("google: ")
    assert "\n" not in str(raised.value)


def test_hints_and_quotas_are_read(call: Caller) -> None:
    """RetryInfo's fraction of a second counts; a spent daily quota is named and not waited for."""
    with pytest.raises(RateLimitedError) as slow:
        ask(call, "detect_faces-too-many-calls", "detect_faces", PICTURE)
    with pytest.raises(RateLimitedError) as spent:
        ask(call, "sentiment-day-quota", "sentiment", REVIEW)
    assert (slow.value.retry_after, slow.value.quota) == (7.5, None)
    assert (spent.value.retry_after, spent.value.quota) == (2.0, "day")


def test_every_cassette_is_played_and_says_that_it_is_constructed() -> None:
    """No fixture lies about unused, and none poses as recorded."""
    CASSETTES.require_all()
