"""The operations of Azure Language, which go to ``:analyze-text``.

https://learn.microsoft.com/rest/api/language/text-analysis-runtime/analyze-text
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import regex
from pydantic import AliasChoices, Field, model_validator

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import InputError, MalformedResponseError, ServiceError
from cloudai.languages import base
from cloudai.models.base import Meta
from cloudai.models.text import Assessment, Opinion, Sentence, Sentiment, known_label
from cloudai.providers._offsets import start_of
from cloudai.providers.azure._service import AzureService, fault_inside
from cloudai.providers.base import capability
from cloudai.providers.replies import inside
from cloudai.providers.wire import Wire

__all__ = ["Language"]

D = TypeVar("D")

API = "2023-04-01"
MOST_TEXT = 5_120
"""The most text elements in one document, as .NET counts them (``StringInfo.LengthInTextElements``): graphemes.

https://learn.microsoft.com/azure/ai-services/language-service/concepts/data-limits
"""
GRAPHEME = regex.compile(r"\X")
"""A grapheme of the newest Unicode, whose rules join the most characters: no text is refused that Azure would take."""
UNDECIDED = "(Unknown)"
"""The code that language detection gives where a text has no words, or none of a language it knows."""
CHINESE = {"zh_chs": "zh-Hans", "zh_cht": "zh-Hant"}
"""The codes of language detection that sentiment analysis spells otherwise.

https://learn.microsoft.com/azure/ai-services/language-service/language-detection/language-support
"""
LANGUAGES = {"zh": "zh-Hans", "pt": "pt-BR", "nb": "no", "nn": "no"}
"""The codes that the service spells otherwise than we do; it also has to be told which Portuguese is meant."""
ONLY = "0"
"""The id of a document that is the only one in its request."""
MOST_JSON = 1_000_000
"""The most bytes in one request; see the page above."""


class Language(AzureService):
    """The operations on texts."""

    def max_per_request(self, operation: str) -> int:
        """Return how many inputs fit into one request: ten texts for sentiment, one input of any other operation."""
        return ANALYZE_TOGETHER.limit if operation == "sentiment" else super().max_per_request(operation)

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many requests an input takes: a text in a language that is not named takes two for sentiment."""
        if operation == "sentiment":
            return 1 if _code(options.get("language")) else 2
        return super().requests(operation, options)

    @capability(
        "open",
        needs="LANGUAGE_KEY and LANGUAGE_ENDPOINT",
        page="https://learn.microsoft.com/azure/ai-services/language-service/sentiment-opinion-mining/overview",
        checked="2026-11-24",
        note="label and confidences; the score is ours: positive minus negative; with opinions, no emotions; without "
        "language= a second request, which is billed, detects it",
    )
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Say whether a text is positive or negative, as a whole and by sentence, and find the opinions in it.

        Without ``language`` the service would read every text as English, so that its language detection is asked
        first. Where that finds no language (a text of digits or emoji) the text is sent without one, and the result
        names none.
        """
        size = sum(1 for _ in GRAPHEME.finditer(text)) if len(text) > MOST_TEXT else len(text)
        if size > MOST_TEXT:
            raise InputError(
                f"the text has {size:,} characters, and Azure takes {MOST_TEXT:,}", advice="Send it in parts."
            )
        code, detected, earlier = _code(language), None, None
        if not code:
            detected, earlier = yield from self._detected(text)
            code = _code(detected)
        response: Response = earlier or (
            yield self._analyze(
                "SentimentAnalysis",
                {"id": ONLY, "text": text, **({"language": code} if code else {})},
                # Python counts code points. By default the service counts text elements of one or more of them.
                {"stringIndexType": "UnicodeCodePoint", "opinionMining": True},
            )
        )
        results = response.parse(SentimentReply).results
        result = self._only_document(results)
        detected = result.detected or detected
        return Sentiment(
            label=known_label(result.label),
            **_scores(result.confidences),
            sentences=_sentences(result.sentences, text),
            language=detected or language,
            language_source="given" if language else "detected" if detected else None,
            meta=Meta(model=results.model_version, language_sent=code),
        )

    def _detected(self, text: str) -> Flow[tuple[str | None, Response | None]]:
        """Return the code of the language of a text, or None where the service finds none.

        The second value is None, unless a journal has the reply of a version of cloudai that asked for the sentiment at
        once: then it is that reply, which is paid for.
        """
        # An empty hint is no hint; without it the service leans towards the languages of the United States.
        document = {"id": ONLY, "text": text, "countryHint": ""}
        request = self._analyze("LanguageDetection", document, {})
        response: Response = yield replace(request, takes_extras=False)
        if response.replayed and inside(response.json(), "kind") == "SentimentAnalysisResults":
            return None, response
        code = self._only_document(response.parse(DetectionReply).results).detected_language.iso6391_name
        return None if code == UNDECIDED else CHINESE.get(code, code), None

    def _analyze(self, kind: str, document: Mapping[str, str], parameters: Mapping[str, Any]) -> Request:
        """Return the request that has one document analysed."""
        return Request(
            "POST",
            f"{self.base('language')}/language/:analyze-text",
            service="language",
            api=API,
            endpoint=self.base("language"),
            params={"api-version": API},
            json={
                "kind": kind,
                "parameters": {"modelVersion": "latest", **parameters},
                "analysisInput": {"documents": [document]},
            },
            merge=ANALYZE_TOGETHER,
            error_in=self._error_in,
        )

    def _only_document(self, results: Results[D]) -> D:
        """Return the result of the one text that was sent, or raise the error that came in its place."""
        for failure in results.errors:
            raise self.error_from(fault_inside(failure.error), 200)
        if len(results.documents) != 1:
            raise MalformedResponseError(f"one text was sent, {len(results.documents)} replies came")
        return results.documents[0]

    def _error_in(self, response: Response) -> ServiceError | None:
        """Return the error of the one text of a request that a reply of status 200 holds, or None."""
        error = inside(response.json(), "results", "errors", 0, "error")
        return self.error_from(fault_inside(error), 200) if isinstance(error, dict) else None


def _code(language: str | None) -> str | None:
    """Return the code of a language as Azure spells it, or None if none is named."""
    if not language:
        return None
    if language.replace("_", "-").lower() == "pt-pt":
        return "pt-PT"
    short = base(language)
    return LANGUAGES.get(short, short)


@dataclass(frozen=True)
class AnalyzeTogether:
    """The rule by which the requests of up to ten texts go out as one.

    The service tells the documents of a request apart by their ids. One that fails does not fail the others.
    """

    limit: int = 10

    def key(self, request: Request) -> object:
        """Return a key that is the same for requests to one address for one kind of analysis."""
        given = request.json["analysisInput"]
        if not isinstance(given, Mapping) or len(given.get("documents") or ()) != 1:
            return object()  # extra= has changed the body, so it is merged with no other request
        rest = {**request.json, "analysisInput": {name: part for name, part in given.items() if name != "documents"}}
        return *request.addressed, json.dumps(rest, sort_keys=True)

    def slots(self, requests: Sequence[Request]) -> int:
        """Return how many texts the requests have."""
        return len(requests)

    def fits(self, requests: Sequence[Request]) -> bool:
        """Return whether the requests fit into one: at most ten documents, and one megabyte."""
        return len(requests) <= self.limit and sum(len(json.dumps(r.json)) for r in requests) <= MOST_JSON

    def join(self, requests: Sequence[Request]) -> Request:
        """Return one request with the documents of all, numbered in order."""
        documents = [
            {**document, "id": str(number)}
            for number, request in enumerate(requests)
            for document in request.json["analysisInput"]["documents"]
        ]
        given = {**requests[0].json["analysisInput"], "documents": documents}
        body = {**requests[0].json, "analysisInput": given}
        return replace(requests[0], json=body, billed=sum(r.billed for r in requests))

    def split(self, response: Response, requests: Sequence[Request]) -> list[Response]:
        """Return the reply to each request as if it had been sent by itself.

        The results are matched by id, because the reply lists the documents that failed apart from the others. A
        request whose id is missing gets a reply without any result.

        Raises:
            MalformedResponseError: The reply has no results in the documented shape.
        """
        body = response.json()
        results = inside(body, "results")
        if not isinstance(results, dict):
            raise MalformedResponseError("the reply of several texts has no results")
        listed = [results.get(kind) or [] for kind in ("documents", "errors")]
        if not all(isinstance(each, list) and all(isinstance(one, dict) for one in each) for each in listed):
            raise MalformedResponseError("the reply of several texts has results in an unknown shape")
        return [self._only(response, body, results, str(number)) for number in range(len(requests))]

    def _only(self, response: Response, body: dict[str, Any], results: dict[str, Any], id: str) -> Response:  # noqa: A002
        """Return the reply with nothing but the results of the document with this id."""

        def of(kind: str) -> list[dict[str, Any]]:
            return [{**each, "id": ONLY} for each in results.get(kind) or [] if each.get("id") == id]

        own_part = {**body, "results": {**results, "documents": of("documents"), "errors": of("errors")}}
        return response.with_json(own_part)


ANALYZE_TOGETHER = AnalyzeTogether()


class Shares(Wire):
    """The confidences of the labels. They are rounded and may add up to 1.01; those of a target have no neutral."""

    positive: float
    neutral: float | None = None
    negative: float


class Relation(Wire):
    ref: str
    """A path in the reply: "#/documents/3/sentences/0/assessments/1"."""


class Span(Wire):
    sentiment: str
    shares: Shares = Field(validation_alias="confidenceScores")
    offset: int
    length: int
    text: str


class Judged(Span):
    """A target: the thing that is judged."""

    relations: list[Relation] = Field(default_factory=list)


class Judging(Span):
    """An assessment: the words that judge a target."""

    is_negated: bool = False


class WireSentence(Wire):
    """A sentence.

    Before v3.0 became generally available the confidences were called ``sentenceScores``, and the text was left out.
    """

    sentiment: str
    shares: Shares = Field(validation_alias=AliasChoices("confidenceScores", "sentenceScores"))
    offset: int
    length: int
    text: str | None = None
    targets: list[Judged] | None = None
    assessments: list[Judging] = Field(default_factory=list)


class DetectedLanguage(Wire):
    iso6391_name: str | None = Field(default=None, validation_alias="iso6391Name")


class Document(Wire):
    """The result of one text. With automatic detection it has ``detectedLanguage``, as an object or as a code."""

    label: str = Field(validation_alias="sentiment")
    confidences: Shares = Field(validation_alias=AliasChoices("confidenceScores", "documentScores"))
    sentences: list[WireSentence] = Field(default_factory=list)
    detected_language: DetectedLanguage | str | None = None

    @property
    def detected(self) -> str | None:
        """The code of the language that the service has detected, or None."""
        result = self.detected_language
        return result.iso6391_name if isinstance(result, DetectedLanguage) else result


class Failed(Wire):
    error: dict[str, Any]


class Detected(Wire):
    iso6391_name: str = Field(validation_alias="iso6391Name")


class Detection(Wire):
    """The language of one text."""

    detected_language: Detected


class Results(Wire, Generic[D]):
    documents: list[D] = Field(default_factory=list)
    errors: list[Failed] = Field(default_factory=list)
    model_version: str | None = None


class SentimentReply(Wire):
    """The whole reply. Text Analytics v3 sent the results by themselves, without the object around them."""

    results: Results[Document]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, data: Any) -> Any:
        return {"results": data} if isinstance(data, dict) and "documents" in data else data


class DetectionReply(Wire):
    """The whole reply of a language detection."""

    results: Results[Detection]


def _scores(shares: Shares) -> dict[str, Any]:
    confidences = {"positive": shares.positive, "neutral": shares.neutral, "negative": shares.negative}
    # The difference of two rounded numbers has noise such as 0.7000000000000001.
    score = round(max(-1.0, min(1.0, shares.positive - shares.negative)), 6)
    return {"score": score, "score_kind": "derived", "confidences": confidences}


def _sentences(sentences: Sequence[WireSentence], text: str) -> tuple[Sentence, ...]:
    result, after = [], 0
    for sentence in sentences:
        content = text[sentence.offset : sentence.offset + sentence.length] if sentence.text is None else sentence.text
        start = start_of(text, content, sentence.offset, after)
        after = start + len(content)
        result.append(
            Sentence(
                text=content,
                start=start,
                end=after,
                label=known_label(sentence.sentiment),
                **_scores(sentence.shares),
                opinions=_opinions(sentence, sentences),
            )
        )
    return tuple(result)


def _opinions(sentence: WireSentence, sentences: Sequence[WireSentence]) -> tuple[Opinion, ...] | None:
    if sentence.targets is None:
        return None
    return tuple(
        Opinion(
            **_span(target),
            assessments=tuple(
                Assessment(**_span(word), negated=word.is_negated)
                for relation in target.relations
                if (word := _assessment(relation, sentences))
            ),
        )
        for target in sentence.targets
    )


def _assessment(relation: Relation, sentences: Sequence[WireSentence]) -> Judging | None:
    # The number of the document is not read: it counts in the merged reply, and this part has one document.
    match = re.search(r"/sentences/(\d+)/assessments/(\d+)$", relation.ref)
    if not match:
        return None
    sentence, assessment = int(match[1]), int(match[2])
    if sentence >= len(sentences) or assessment >= len(sentences[sentence].assessments):
        raise MalformedResponseError(f"the reply refers to a part that it does not have: {relation.ref}")
    return sentences[sentence].assessments[assessment]


def _span(span: Span) -> dict[str, Any]:
    return {
        "text": span.text,
        "start": span.offset,
        "end": span.offset + span.length,
        "label": known_label(span.sentiment),
        **_scores(span.shares),
    }
