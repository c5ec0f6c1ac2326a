"""A review that is longer than Azure takes is judged in parts, and the result says how it was put together."""

from __future__ import annotations

from typing import Any

import pytest

from cloudai import Azure, InputError, Request, Response
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.provider import ok
from tests.support.batches import Batcher, Server, both

AZURE = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
GOOD, BAD = "정말 맛있어요. ", "서비스가 별로예요. "
LONG = "\n" + GOOD * 700 + "\n\n" + BAD * 300


def judged(text: str) -> dict[str, Any]:
    """Return the judgement of one text, each of whose sentences is good or bad."""
    bad = text.count(BAD.strip())
    good = text.count(GOOD.strip())
    share = round(good / (good + bad), 2)
    scores = {"positive": share, "neutral": 0.0, "negative": round(1 - share, 2)}
    sentences, at = [], 0
    for piece in text.split(". "):
        content = piece.strip() + ("" if piece.endswith(".") else ".")
        if content == ".":
            continue
        at = text.index(content.rstrip("."), at)
        label = "negative" if content == BAD.strip() else "positive"
        word = content.partition(" ")[0]
        target = {"text": word, "offset": at, "length": len(word), "sentiment": label, "confidenceScores": scores}
        sentence = {"offset": at, "length": len(content), "text": content, "sentiment": label, "targets": [target]}
        sentences.append({**sentence, "confidenceScores": scores, "assessments": []})
        at += len(content) - 1
    label = "mixed" if good and bad else "positive" if good else "negative"
    return {"id": "0", "sentiment": label, "confidenceScores": scores, "sentences": sentences}


def service(request: Request) -> Response:
    """Answer both kinds of request."""
    documents = request.json["analysisInput"]["documents"]
    if request.json["kind"] == "LanguageDetection":
        found = [{"id": each["id"], "detectedLanguage": {"iso6391Name": "ko"}} for each in documents]
    else:
        found = [{**judged(each["text"]), "id": each["id"]} for each in documents]
    return ok({"kind": f"{request.json['kind']}Results", "results": {"documents": found, "errors": []}})


def test_a_long_review_is_judged_in_parts(call: Caller) -> None:
    """Each part is short enough, every sentence is where it says, and the numbers are the mean by length."""
    asked: list[str] = []

    def send(request: Request) -> Response:
        asked.append(request.json["analysisInput"]["documents"][0]["text"])
        return service(request)

    sentiment = call(AZURE, "sentiment", LONG, language="ko", send=send)
    assert len(asked) == sentiment.parts == 3
    assert max(map(len, asked)) <= 5_120
    assert "".join(asked).split() == LONG.split()
    assert len(sentiment) == 1_000
    assert all(LONG[s.start : s.end] == s.text for s in sentiment)
    assert all(LONG[o.start : o.end] == o.text for s in sentiment for o in s.opinions)
    assert (sentiment.label, sentiment.score_kind) == ("mixed", "derived")
    assert sentiment.combined.startswith("3 parts, cut at the ends of sentences")
    expected = sum(judged(part)["confidenceScores"]["positive"] * len(part) for part in asked) / sum(map(len, asked))
    assert sentiment.confidences.positive == pytest.approx(expected, abs=1e-6)
    assert sentiment.score == pytest.approx(sentiment.confidences.positive - sentiment.confidences.negative, abs=1e-6)
    assert (sentiment.language, sentiment.language_source, sentiment.meta.attempts) == ("ko", "given", 3)


@pytest.mark.parametrize(
    ("text", "label"), [(GOOD * 1_000, "positive"), (BAD * 1_000, "negative"), (GOOD * 600 + BAD * 600, "mixed")]
)
def test_the_label_follows_the_rule_of_the_service(call: Caller, text: str, label: str) -> None:
    """Good and bad sentences make a text mixed, and otherwise it is what its sentences are."""
    assert call(AZURE, "sentiment", text, language="ko", send=service).label == label


def test_a_long_review_can_be_refused(call: Caller) -> None:
    """With `long="refuse"` nothing is sent."""
    with pytest.raises(InputError, match=r"Azure takes 5,120"):
        call(AZURE, "sentiment", LONG, language="ko", long="refuse", send=Script())


def test_a_short_review_is_as_before(call: Caller) -> None:
    """It was sent whole, and nothing was put together."""
    sentiment = call(AZURE, "sentiment", GOOD.strip(), language="ko", send=service)
    assert (sentiment.parts, sentiment.combined) == (None, None)


@pytest.mark.parametrize("blanks", [("", " " * 6_000), (" " * 6_000, ""), ("\n" * 6_000, " " * 6_000)])
def test_a_short_review_among_blanks_is_no_longer_than_azure_takes(call: Caller, blanks: tuple[str, str]) -> None:
    """A part that is blank is not sent, and the positions of the sentences count in the whole text."""
    asked: list[str] = []

    def send(request: Request) -> Response:
        asked.append(request.json["analysisInput"]["documents"][0]["text"])
        return service(request)

    text = f"{blanks[0]}{GOOD.strip()}{blanks[1]}"
    sentiment = call(AZURE, "sentiment", text, language="ko", send=send)
    assert [text[s.start : s.end] for s in sentiment] == [GOOD.strip()]
    assert asked == [GOOD.strip()]
    assert (sentiment.parts, sentiment.combined) == (None, None)


def test_the_language_of_a_long_review_is_detected_once(call: Caller) -> None:
    """The first part is enough to tell it."""
    kinds: list[str] = []

    def send(request: Request) -> Response:
        kinds.append(request.json["kind"])
        return service(request)

    sentiment = call(AZURE, "sentiment", LONG, send=send)
    assert kinds == ["LanguageDetection", *["SentimentAnalysis"] * 3]
    assert (sentiment.language, sentiment.language_source) == ("ko", "detected")


@both
def test_real_reviews_in_a_batch(colour: str) -> None:
    """A blank line fails alone, a long review is judged in parts beside short ones, and the plan has counted all."""
    reviews = [GOOD, "", "  \n", LONG, BAD]
    done = Batcher(colour, AZURE, Server(service))("sentiment", reviews, options={"language": "ko"}, plan=True)
    assert done.values("status") == ["ok", "failed", "failed", "ok", "ok"]
    parts = {outcome.item: outcome.result.parts for outcome in done.outcomes if outcome.result}
    assert parts == {0: None, 3: 3, 4: None}
    assert done.plan is not None
    assert len(done.plan.refused) == 2
    assert sum(done.values("billed_max")) == done.plan.units
    assert done.balanced


def test_targets_are_watsons(call: Caller) -> None:
    """Azure finds by itself what is judged, and says so where targets are named."""
    with pytest.raises(Exception, match="finds by itself what is judged"):
        call(AZURE, "sentiment", GOOD, targets=["맛"], send=Script())
