"""Azure reads a text without a language as English, so that its language is asked for first."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloudai import Azure, BadRequestError, Client, InputError, Response
from cloudai.core.flow import Request
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.batches import Batcher, Server, both

AZURE = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
SCORES = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}


def language_of(text: str) -> str:
    """Return the code that the made-up service detects."""
    if any("가" <= char <= "힣" for char in text):
        return "ko"
    return {"你好": "zh_chs", "您好嗎": "zh_cht", "👍": "(Unknown)"}.get(text, "en")


def service(request: Request) -> Response:
    """Answer both kinds of request, for as many documents as there are."""
    asked = request.json["analysisInput"]["documents"]
    if request.json["kind"] == "LanguageDetection":
        documents = [
            {"id": each["id"], "detectedLanguage": {"name": "x", "iso6391Name": language_of(each["text"])}}
            for each in asked
        ]
    else:
        documents = [
            {"id": each["id"], "sentiment": "positive", "confidenceScores": SCORES, "sentences": []} for each in asked
        ]
    return ok({"kind": f"{request.json['kind']}Results", "results": {"documents": documents, "errors": []}})


def two(text: str, call: Caller, **options: Any) -> tuple[Any, list[Request]]:
    """Return the sentiment of a text, and the requests that it took."""
    asked: list[Request] = []

    def send(request: Request) -> Response:
        asked.append(request)
        return service(request)

    return call(AZURE, "sentiment", text, send=send, **options), asked


def test_the_language_is_detected_first(call: Caller) -> None:
    """Without `language=` the text goes to language detection, and then with what that says; two units are counted."""
    found, (first, second) = two("서비스가 별로예요.", call)
    assert first.json == {
        "kind": "LanguageDetection",
        "parameters": {"modelVersion": "latest"},
        "analysisInput": {"documents": [{"id": "0", "text": "서비스가 별로예요.", "countryHint": ""}]},
    }
    assert second.json["analysisInput"]["documents"][0]["language"] == "ko"
    assert (found.language, found.language_source, found.meta.language_sent) == ("ko", "detected", "ko")
    assert (found.meta.billed_min, found.meta.billed_max) == (2, 2)
    assert [reply["kind"] for reply in found.raw] == ["LanguageDetectionResults", "SentimentAnalysisResults"]


def test_a_language_that_is_named_is_not_asked_for(call: Caller) -> None:
    """With `language=` there is one request, and one unit."""
    found, asked = two("서비스가 별로예요.", call, language="ko")
    assert len(asked) == found.meta.billed_max == 1
    assert found.language_source == "given"


@pytest.mark.parametrize(("text", "code"), [("你好", "zh-Hans"), ("您好嗎", "zh-Hant")])
def test_chinese_in_the_spelling_of_sentiment(call: Caller, text: str, code: str) -> None:
    """Detection says zh_chs and zh_cht, which sentiment analysis calls zh-Hans and zh-Hant."""
    found, (_, second) = two(text, call)
    assert second.json["analysisInput"]["documents"][0]["language"] == code
    assert found.language == code


def test_a_text_without_words_names_no_language(call: Caller) -> None:
    """Where detection finds no language the text is judged all the same, and the result claims none."""
    found, (_, second) = two("👍", call)
    assert "language" not in second.json["analysisInput"]["documents"][0]
    assert (found.label, found.language, found.language_source) == ("positive", None, None)


def test_a_text_that_detection_refuses(call: Caller) -> None:
    """The error of the one document is raised, with its code, and no second request goes out."""
    inner = {"code": "InvalidDocument", "message": "Document text is empty."}
    error = {"id": "0", "error": {"code": "InvalidArgument", "message": "no", "innererror": inner}}
    script = Script(ok({"kind": "LanguageDetectionResults", "results": {"documents": [], "errors": [error]}}))
    with pytest.raises(BadRequestError):
        call(AZURE, "sentiment", "x", send=script)
    assert len(script.requests) == 1


def test_what_the_user_adds_goes_to_the_sentiment(call: Caller) -> None:
    """`extra=` and its like are meant for the analysis: detection goes out without them."""
    extra = {"parameters": {"opinionMining": False}}
    _, (first, second) = two("좋아요", call, extra=extra, extra_headers={"x-mine": "1"})
    assert "opinionMining" not in first.json["parameters"]
    assert "x-mine" not in first.headers
    assert second.json["parameters"]["opinionMining"] is False
    assert second.headers["x-mine"] == "1"


@both
def test_both_requests_go_out_for_ten_texts_at_once(colour: str) -> None:
    """In a batch the detections are joined, then the analyses; the plan has counted both, and the books agree."""
    kinds: list[tuple[str, int]] = []

    def answer(request: Request) -> Response:
        kinds.append((request.json["kind"], len(request.json["analysisInput"]["documents"])))
        return service(request)

    texts = [f"맛있어요 {n}" for n in range(20)]
    done = Batcher(colour, AZURE, Server(answer))("sentiment", texts, plan=True)
    assert done.plan is not None
    assert (done.plan.requests, done.plan.units) == (4, 40)
    assert sorted(kinds) == [("LanguageDetection", 10)] * 2 + [("SentimentAnalysis", 10)] * 2
    assert sum(done.values("billed_max")) == 40
    assert {row["language"] for row in done.tidy} == {"ko"}
    assert {row["language_source"] for row in done.tidy} == {"detected"}


@both
def test_a_reply_that_an_earlier_version_paid_for_is_used(colour: str, tmp_path: Path) -> None:
    """A journal has the analysis as the first reply of an input: it is read again, and nothing is sent or lost."""
    journal = tmp_path / "일.journal"
    texts = ["맛있어요", "별로예요"]
    first = Batcher(colour, AZURE, Server(service))("sentiment", texts, journal=journal)
    assert sum(first.values("billed_max")) == 4
    with closing(sqlite3.connect(journal)) as written, written:
        written.execute("DELETE FROM exchanges WHERE step_id = '1'")
        written.execute("UPDATE exchanges SET step_id = '1' WHERE step_id = '2'")
    written.close()
    again = Batcher(colour, AZURE, Server(service))("sentiment", texts, journal=journal, reparse=True)
    assert (again.sent, again.reparsed) == (0, 2)
    assert {row["label"] for row in again.tidy} == {"positive"}
    assert {row["language"] for row in again.tidy} == {None}


FAMILY = "👨\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize(
    "piece",
    ["नमस्ते ", FAMILY, "e\u0301", "\u1100\u1161\u11a8", "👍🏽"],
    ids=["hindi", "family", "accent", "jamo", "skin"],
)
def test_a_long_text_is_counted_as_azure_counts(piece: str) -> None:
    """The limit is in graphemes: a text of more than 5,120 code points is sent where a reader sees fewer characters."""
    text = piece * (6_000 // len(piece))
    with Client(AZURE, send=service) as client:
        assert client.sentiment(text, language="hi").label == "positive"


@pytest.mark.parametrize("piece", ["नि", "e\u0301", "가", "👍🏽"])
def test_a_text_that_is_too_long_for_azure_is_refused(piece: str) -> None:
    """5,120 graphemes are sent, and with `long="refuse"` 5,121 are refused before anything is sent."""
    with Client(AZURE, send=service) as client:
        assert client.sentiment(piece * 5_120, language="hi")
        with pytest.raises(InputError, match="5,121 characters"):
            client.sentiment(piece * 5_121, language="hi", long="refuse")
