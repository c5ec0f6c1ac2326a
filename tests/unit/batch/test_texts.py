"""Many texts to each vendor: as few requests as its limits allow, and a text that is refused fails alone."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from cloudai import Azure, Google, Provider, Request, Resource, Response, Watson
from tests.made_up.logged_in import LoggedIn
from tests.made_up.provider import ok
from tests.support.batches import Batcher, Server, both
from tests.support.length import both_by_turns, length

KEY = "not-a-real-key"
AZURE = Azure(key=KEY, endpoint="https://example.cognitiveservices.azure.com")
GOOGLE, GOOGLE_3 = Google(api_key=KEY), LoggedIn(project="p")
WATSON = Watson(nlu=Resource(KEY, "https://api.kr-seo.natural-language-understanding.watson.cloud.ibm.com/instances/1"))
BAD = "나쁜 글"
"""A text that the made-up services refuse."""


def texts_of(request: Request) -> list[str]:
    """Return the texts of a request to any of the services."""
    body = request.json
    if isinstance(body, list):
        return [each["text"] for each in body]
    if "analysisInput" in body:
        return [each["text"] for each in body["analysisInput"]["documents"]]
    if "document" in body:
        return [body["document"]["content"]]
    return body.get("q") or body.get("contents") or [body.get("content") or body["text"]]


def azure_document(request: Request, number: int, text: str) -> tuple[str, dict[str, Any]]:
    """Return the list of the reply that has a document, and what it says of the document."""
    if text == BAD:
        inner = {"code": "InvalidDocument", "message": "Document is refused."}
        return "errors", {"id": str(number), "error": {"code": "InvalidArgument", "message": "x", "innererror": inner}}
    shares = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
    judged = {"sentiment": "positive", "confidenceScores": shares, "sentences": []}
    parts: dict[str, dict[str, Any]] = {
        "LanguageDetection": {"detectedLanguage": {"name": "Korean", "iso6391Name": "ko", "confidenceScore": 1}},
        "KeyPhraseExtraction": {"keyPhrases": [text]},
        "SentimentAnalysis": judged,
    }
    return "documents", {"id": str(number), **parts[request.json["kind"]]}


def answer(request: Request) -> Response:
    """Answer for every service: Azure Language names the text that is bad, the others refuse the whole request."""
    texts = texts_of(request)
    if isinstance(request.json, dict) and "analysisInput" in request.json:
        results: dict[str, list[Any]] = {"documents": [], "errors": []}
        for number, text in enumerate(texts):
            kind, document = azure_document(request, number, text)
            results[kind].append(document)
        return ok({"kind": f"{request.json['kind']}Results", "results": results})
    if BAD in texts:
        return Response(400, {"content-type": "application/json"}, b'{"error": {"code": 400, "message": "refused"}}')
    if request.service in ("translator", "translation"):
        return ok(translated(request, texts))
    keywords = [{"text": texts[0], "relevance": 0.5, "count": 1}]
    entities = [{"name": texts[0], "salience": 0.5, "mentions": []}]
    google = {"documentSentiment": {"score": 0.5, "magnitude": 0.5}, "languageCode": "ko", "entities": entities}
    watson = {"keywords": keywords, "sentiment": {"document": {"score": 0.5, "label": "positive"}}}
    return ok({"language": "ko", **(google if request.service == "language" else watson)})


def translated(request: Request, texts: list[str]) -> Any:
    """Return the texts turned around, or their languages, in the shape of the service that was asked."""
    if request.service == "translator":
        to = request.params["to"]
        codes = [to] if isinstance(to, str) else to
        return [{"translations": [{"text": text[::-1], "to": code} for code in codes]} for text in texts]
    if request.url.endswith("/detect"):
        return {"data": {"detections": [[{"language": "ko", "confidence": 1}]] * len(texts)}}
    if request.url.endswith(":detectLanguage"):
        return {"languages": [{"languageCode": "ko", "confidence": 1}]}
    translations = {"translations": [{"translatedText": text[::-1]} for text in texts]}
    return translations if request.api == "v3" else {"data": translations}


KO = {"language": "ko"}


def number_of(most: int) -> int:
    """Return how many texts are asked: in the short form a few more than go into one request, or into four."""
    return length(150 if most > 10 else 40, 1_000, 1_000)


MANY: list[tuple[str, Provider, str, dict[str, Any], int, int]] = [
    # Each row has an operation, the most texts in a request, and the number of requests that each group of texts takes.
    ("azure", AZURE, "detect_language", {}, 1_000, 1),
    ("azure", AZURE, "key_phrases", KO, 10, 1),
    ("azure", AZURE, "sentiment", KO, 10, 1),
    ("azure, language detected", AZURE, "sentiment", {}, 10, 2),
    ("azure", AZURE, "translate", {"to": "en"}, 1_000, 1),
    ("azure, two languages", AZURE, "translate", {"to": ["en", "ja"]}, 1_000, 1),
    ("google", GOOGLE, "detect_language", {}, 128, 1),
    ("google v3", GOOGLE_3, "detect_language", {}, 1, 1),
    ("google", GOOGLE, "key_phrases", KO, 1, 1),
    ("google", GOOGLE, "translate", {"to": "en"}, 128, 1),
    ("google, two languages", GOOGLE, "translate", {"to": ["en", "ja"]}, 128, 2),
    ("google v3", GOOGLE_3, "translate", {"to": "en"}, 1_024, 1),
    ("watson", WATSON, "detect_language", {}, 1, 1),
    ("watson", WATSON, "key_phrases", KO, 1, 1),
]


@pytest.mark.long
@pytest.mark.parametrize(("name", "provider", "operation", "options", "most", "each"), MANY, ids=lambda v: str(v)[:24])
def test_many_texts(
    name: str, provider: Provider, operation: str, options: dict[str, Any], most: int, each: int
) -> None:
    """The plan states the number of requests that the vendor's limits allow, and no more are sent."""
    count = number_of(most)
    n = each * math.ceil(count / most)
    texts = [f"후기 {number}번입니다" for number in range(count)]
    server = Server(answer)
    done = Batcher("blocking", provider, server, {"offline": False})(operation, texts, options=options, plan=True)
    assert done.error is None, name
    assert done.plan is not None
    assert (done.books["done"], done.balanced) == (count, True)
    assert (len(server.requests), done.plan.requests) == (n, n)
    assert sum(done.values("billed_max")) == done.plan.units
    if operation == "translate":
        rows = [row for row in done.tidy if row["to"] == "en"]
        assert [row["text"] for row in rows] == [text[::-1] for text in texts]
    if operation == "key_phrases":
        assert [row["text"] for row in done.tidy] == texts


REFUSED: list[tuple[Provider, str, dict[str, Any], int]] = [
    (AZURE, "detect_language", {}, 1_000),
    (AZURE, "key_phrases", KO, 10),
    (AZURE, "translate", {"to": "en"}, 1_000),
    (GOOGLE, "translate", {"to": "en"}, 128),
    (GOOGLE_3, "translate", {"to": "en"}, 1_024),
    (WATSON, "key_phrases", KO, 1),
]


@pytest.mark.long
@pytest.mark.parametrize(("provider", "operation", "options", "most"), REFUSED, ids=lambda v: str(v)[:24])
def test_one_refused_text_among_many(provider: Provider, operation: str, options: dict[str, Any], most: int) -> None:
    """It fails alone, with the vendor's words; a request that is refused as a whole is halved until it is alone."""
    count = number_of(most)
    texts = [f"후기 {number}번입니다" for number in range(count)]
    bad = count * 2 // 3
    texts[bad] = BAD
    server = Server(answer)
    done = Batcher("blocking", provider, server, {"sleep": lambda _: None})(operation, texts, options=options)
    assert (done.books["done"], done.books["failed"]) == (count - 1, 1)
    (failed,) = [outcome for outcome in done.outcomes if outcome.status == "failed"]
    assert (failed.item, type(failed.error).__name__) == (bad, "BadRequestError")
    assert re.search("refused", str(failed.error))
    requests = math.ceil(count / most)
    # A translator refuses the whole request, and each halving sends two requests; Azure Language names the text in its
    # reply.
    halvings = math.ceil(math.log2(min(count, most))) if operation == "translate" else 0
    assert requests <= len(server.requests) <= requests + 2 * halvings + 3 * bool(halvings)


@both_by_turns("provider", [AZURE, GOOGLE, GOOGLE_3])
def test_the_number_of_characters_limits_a_request_too(colour: str, provider: Provider) -> None:
    """Long mails fill a request before it has as many texts as it may, and the plan has counted the same."""
    texts = [f"{number:03d} " + "가나다라 " * 800 for number in range(40)]
    server = Server(answer)
    done = Batcher(colour, provider, server)("translate", texts, options={"to": "en", "source": "ko"}, plan=True)
    assert done.plan is not None
    assert (done.books["done"], done.plan.units) == (40, sum(map(len, texts)))
    assert len(server.requests) == done.plan.requests
    for request in server.requests:
        characters = sum(map(len, texts_of(request)))
        assert characters <= {"v3.0": 50_000, "v3": 30_000, "v2": 100_000}[request.api]
        assert request.api != "v2" or len(request.json_bytes()) <= 100_000


@both
def test_a_long_text_among_short_ones(colour: str) -> None:
    """A text in several parts takes as many requests, which the plan counts, and its neighbours are not held up."""
    texts = ["짧은 글", "긴 글입니다. " * 10_000, "또 짧은 글"]
    server = Server(answer)
    done = Batcher(colour, AZURE, server)("translate", texts, options={"to": "en", "source": "ko"}, plan=True)
    assert done.plan is not None
    assert (done.books["done"], done.values("status")) == (3, ["ok"] * 3)
    assert {outcome.item: outcome.result.parts for outcome in done.outcomes} == {0: None, 1: 2, 2: None}
    assert sum(done.values("billed_max")) == done.plan.units


@both
def test_the_plan_says_what_is_counted_and_what_is_free(colour: str) -> None:
    """The unit, what a month has for nothing and what a request may have, each with the date on which it was read."""
    done = Batcher(colour, AZURE, Server(answer))("translate", ["국이 뜨겁습니다."], options={"to": "en"}, plan=True)
    printed = str(done.plan)
    assert "1 (9 units)" in printed
    assert "character; 2,000,000 a month are free (2026-11-27)" in printed
    assert "1,000 texts in a request (2026-11-27)" in printed


@both
@pytest.mark.parametrize("provider", [AZURE, GOOGLE, GOOGLE_3], ids=["azure", "google", "google v3"])
def test_a_reply_that_lacks_a_text_is_nobodys(colour: str, provider: Provider) -> None:
    """Where the reply to a joined request has a part too few, no text gets the translation of another one."""

    def short(request: Request) -> Response:
        texts = texts_of(request)
        return ok(translated(request, texts[1:] if len(texts) > 1 else texts))

    texts = ["하나", "둘", "셋", "넷"]
    done = Batcher(colour, provider, Server(short), {"sleep": lambda _: None})("translate", texts, options={"to": "en"})
    assert done.balanced
    for outcome in done.outcomes:
        assert outcome.result is None or outcome.result.text == texts[outcome.item][::-1]
    assert {type(outcome.error).__name__ for outcome in done.outcomes} <= {"NoneType", "MalformedResponseError"}
