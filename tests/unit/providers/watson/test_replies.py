"""Watson's replies, as documented, become results and errors: from constructed cassettes, under both clients."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import AuthError, BadRequestError, RateLimitedError, Watson
from tests.conftest import Caller
from tests.support.played import GREETING, Cassettes

CASSETTES = Cassettes("watson")


def ask(call: Caller, name: str, operation: str, *args: Any, **options: Any) -> Any:
    """Make one call that is answered from a cassette of Watson's, without settings."""
    return CASSETTES.ask(call, name, Watson(), operation, *args, **options)


def test_sentiment_with_emotions(call: Caller) -> None:
    """Score and label are IBM's; joy is our happiness; each emotion is a confidence of its own."""
    found = ask(call, "sentiment-success", "sentiment", "The food was wonderful, the room was not.")
    assert (found.label, found.score, found.score_kind, found.magnitude) == ("positive", 0.42, "vendor", None)
    assert found.emotions.scores() == {"anger": 0.04, "disgust": 0.03, "fear": 0.02, "happiness": 0.72, "sadness": 0.11}
    assert (found.emotions.top, found.emotions.scale, found.emotions.surprise) == ("happiness", "confidence", None)
    assert (found.language, found.language_source, found.sentences) == ("en", "detected", ())
    assert found.meta.request_id == "t1"
    assert found.to_rows()[0]["happiness"] == 0.72


def test_korean_has_no_emotions(call: Caller) -> None:
    """They are not asked for in a language that has none, and are None, not 0."""
    found = ask(call, "sentiment-korean", "sentiment", "정말 맛있어요!", language="ko-KR")
    assert (found.label, found.score, found.emotions) == ("positive", 0.97, None)
    assert (found.language, found.language_source, found.meta.language_sent) == ("ko", "given", "ko")


def test_zero_is_a_score(call: Caller) -> None:
    """A whole number is a number; an emotion that only a warning speaks of is None."""
    found = ask(call, "sentiment-zero", "sentiment", "A table stands in the room.")
    assert (found.label, found.score, found.emotions) == ("neutral", 0, None)


def test_korean_speech(call: Caller) -> None:
    """Spaces come before the reply while the service works; transcripts end with a space; words have times."""
    said = ask(call, "speech_to_text-success", "speech_to_text", GREETING, language="ko")
    assert said.text == "안녕하세요 반갑습니다"
    assert [(w.text, w.start, w.end, w.confidence) for w in said.words] == [
        ("안녕하세요", 0, 0.6, 0.93),
        ("반갑습니다", 0.7, 1.0, 0.9),
    ]
    assert [segment.confidence for segment in said] == [0.93, 0.9]
    assert (said.meta.model, said.meta.language_sent, said.duration) == ("ko-KR_Telephony", "ko-KR", 1.0)


def test_speakers_are_joined_to_words_by_time(call: Caller) -> None:
    """Each stretch of one speaker is a segment."""
    said = ask(call, "speech_to_text-speakers", "speech_to_text", GREETING, language="en", speakers=2)
    assert [(s.speaker, s.text) for s in said] == [("0", "hello"), ("1", "hi there")]
    assert [w.speaker for w in said.words] == ["0", "1", "1"]


def test_silence(call: Caller) -> None:
    """No results are an empty transcript."""
    said = ask(call, "speech_to_text-empty", "speech_to_text", GREETING, language="ja")
    assert (said.text, len(said)) == ("", 0)


def test_the_feeling_towards_targets(call: Caller) -> None:
    """Words that the caller names are judged by themselves, beside the whole text."""
    text = "The soup was wonderful, but the waiter was rude."
    options = {"language": "en", "targets": ["soup", "waiter"]}
    sentiment = ask(call, "sentiment-targets", "sentiment", text, **options)
    assert [(each.text, each.label, each.score) for each in sentiment.targets] == [
        ("soup", "positive", 0.91),
        ("waiter", "negative", -0.83),
    ]
    assert (sentiment.label, sentiment.score) == ("positive", 0.1)


ERRORS: list[tuple[str, Any, dict[str, Any], type[Exception], str]] = [
    ("sentiment-short-text", "hi", {}, BadRequestError, "Name the language with language="),
    ("sentiment-language", "x y z", {"language": "xx"}, BadRequestError, "another language"),
    ("sentiment-bad-key", "Good.", {}, AuthError, "of the same instance"),
    ("sentiment-iam-key", "Good.", {}, AuthError, "could not be found.*of the same instance"),
    ("sentiment-no-instance", "Good.", {}, BadRequestError, "Check the URL of the instance"),
    ("sentiment-too-many-calls", "Good.", {}, RateLimitedError, "call less often"),
    ("speech_to_text-damaged", GREETING, {"language": "en"}, BadRequestError, "convert it to WAV"),
]


@pytest.mark.parametrize(("name", "given", "options", "kind", "text"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors(call: Caller, name: str, given: Any, options: dict[str, Any], kind: type[Exception], text: str) -> None:
    """Each refusal is its own class, one line, with what to do."""
    with pytest.raises(kind, match=text) as raised:
        ask(call, name, name.partition("-")[0], given, **options)
    assert str(raised.value).startswith("watson: ")
    assert "\n" not in str(raised.value)


def test_every_cassette_is_played_and_says_that_it_is_constructed() -> None:
    """No fixture lies about unused, and none poses as recorded."""
    CASSETTES.require_all()
