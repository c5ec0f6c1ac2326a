"""Watson's replies about the language and the phrases of texts: constructed cassettes, both clients."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import (
    BadRequestError,
    Client,
    InputError,
    MalformedResponseError,
    Resource,
    UnsupportedOperationError,
    Watson,
)
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.played import Cassettes

CASSETTES = Cassettes("watson", texts=True)
INSTANCE = Resource(
    "not-a-real-key", "https://api.kr-seo.natural-language-understanding.watson.cloud.ibm.com/instances/1"
)
WATSON = Watson(nlu=INSTANCE)
BANK = "한국은행이 기준금리를 동결했다. 물가 상승률은 둔화되었다."


def ask(call: Caller, name: str, operation: str, *args: Any, **options: Any) -> Any:
    """Make one call that is answered from a cassette of Watson's."""
    return CASSETTES.ask(call, name, Watson(), operation, *args, **options)


@pytest.mark.parametrize(
    ("name", "text", "code", "status"),
    [
        ("detect_language-success", "오늘은 김밥을 먹었어요. 참 맛있었어요.", "ko", "ok"),
        ("detect_language-short", "hi", "und", "none_found"),
        ("detect_language-unsupported", "Habari za asubuhi, rafiki yangu", "sw", "ok"),
    ],
)
def test_the_language_of_a_text(call: Caller, name: str, text: str, code: str, status: str) -> None:
    """The service names it in its reply, in the error about a language it lacks, or says that the text is too short."""
    language = ask(call, name, "detect_language", text)
    assert (language.code, language.name, language.confidence) == (code, None, None)
    assert [row["status"] for row in language.to_rows()] == [status]


def test_keywords_are_key_phrases(call: Caller) -> None:
    """Each has the relevance and the count that the service gives."""
    phrases = ask(call, "key_phrases-success", "key_phrases", BANK, language="ko-KR")
    assert [(each.text, each.relevance, each.kind, each.count) for each in phrases] == [
        ("기준금리", 0.94, "phrase", 1),
        ("물가 상승률", 0.71, "phrase", 1),
    ]
    assert (phrases.language, phrases.language_source) == ("ko", "given")


def test_a_language_without_keywords(call: Caller) -> None:
    """The refusal says what to do."""
    with pytest.raises(BadRequestError, match="another language"):
        ask(call, "key_phrases-language", "key_phrases", "x y z", language="xx")


@pytest.mark.parametrize(
    ("operation", "reply"),
    [
        ("detect_language", {}),
        ("detect_language", {"keywords": []}),
        ("key_phrases", {"language": "ko"}),
        ("key_phrases", {"language": "ko", "keywords": [{"relevance": 0.5}]}),
        ("key_phrases", {"language": "ko", "keywords": [{"text": "국", "relevance": 1.5}]}),
    ],
)
def test_a_reply_that_does_not_fit_the_question(call: Caller, operation: str, reply: Any) -> None:
    """A reply without what was asked for is an error, and no empty result."""
    with pytest.raises(MalformedResponseError):
        call(WATSON, operation, "soup", send=Script(ok(reply)))


def test_a_warning_in_place_of_keywords_is_an_error(call: Caller) -> None:
    """Of a feature that a language does not have the service only warns; the error has the warning."""
    reply = {"language": "sw", "warnings": ["keywords: unsupported text language: sw"]}
    with pytest.raises(BadRequestError, match="unsupported text language: sw"):
        call(WATSON, "key_phrases", "soup", send=Script(ok(reply)))


def test_features_and_units_are_counted(call: Caller) -> None:
    """IBM counts each feature of each 10,000 characters."""
    reply = ok({"language": "en", "sentiment": {"document": {"score": 0.5}}, "keywords": []})
    units = [
        call(WATSON, "sentiment", "a" * 20_001, send=Script(reply)).meta.billed_max,
        call(WATSON, "sentiment", "a", language="ko", send=Script(reply)).meta.billed_max,
        call(WATSON, "key_phrases", "a" * 10_001, send=Script(reply)).meta.billed_max,
    ]
    assert units == [6, 1, 2]


def test_a_text_that_is_too_long() -> None:
    """Of 50,001 characters the keywords are refused, and the language is that of the beginning."""
    script = Script(ok({"language": "en", "keywords": []}))
    with Client(WATSON, send=script) as client:
        with pytest.raises(InputError, match="50,001 characters"):
            client.key_phrases("a" * 50_001)
        assert client.detect_language("a " * 25_001).meta.prepared == "the first 50,000 of 50,002 characters"
    assert len(script.requests[0].json["text"]) == 50_000


def test_what_ibm_has_withdrawn() -> None:
    """A translation says since when there is none, and the table of capabilities has the date."""
    with Client(WATSON, send=Script()) as client:
        with pytest.raises(UnsupportedOperationError, match=r"2024-12-10.*Available from: azure, google"):
            client.translate("soup", to="ko")
        with pytest.raises(UnsupportedOperationError, match=r"never had a dictionary.*Available from: azure"):
            client.dictionary("soup", source="en", to="ko")
    assert Watson.capabilities()["translate"].summary == "retired, since 2024-12-10, generative (needs watsonx)"


def test_every_cassette_is_played_and_says_that_it_is_constructed() -> None:
    """No fixture lies about unused, and none poses as recorded."""
    CASSETTES.require_all()
