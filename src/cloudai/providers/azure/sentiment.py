"""The sentiment of texts by Azure Language, with the opinions in them.

https://learn.microsoft.com/azure/ai-services/language-service/sentiment-opinion-mining/overview
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator

from cloudai.core.flow import Flow, Response
from cloudai.errors import MalformedResponseError
from cloudai.models.base import Meta
from cloudai.models.text import Assessment, Label, Opinion, Sentence, Sentiment, known_label
from cloudai.providers._offsets import start_of
from cloudai.providers._parts import graphemes, parts
from cloudai.providers.azure._documents import MOST_TEXT, ONLY, Documents, Results, code_of, require_short
from cloudai.providers.base import capability, refuse_targets
from cloudai.providers.wire import Wire

__all__ = ["SentimentAnalysis"]


class SentimentAnalysis(Documents):
    """The operation `sentiment`."""

    @capability(
        "open",
        needs="LANGUAGE_KEY and LANGUAGE_ENDPOINT",
        page="https://learn.microsoft.com/azure/ai-services/language-service/sentiment-opinion-mining/overview",
        checked="2026-11-27",
        note="label and confidences; the score is ours: positive minus negative; with opinions, no emotions; without "
        "language= a second request, which is billed, detects it",
        unit="text record of 1,000 characters",
        unit_size=1_000,
        free_units=5_000,
        limits="5,120 characters in a text, longer ones are split; 10 texts and 1 MB in a request",
    )
    def sentiment(
        self, text: str, *, language: str | None, targets: Sequence[str], long: Literal["split", "refuse"]
    ) -> Flow[Sentiment]:
        """Say whether a text is positive or negative, as a whole and by sentence, and find the opinions in it.

        Without ``language`` the service would read every text as English, so that its language detection is asked
        first. Where that finds no language (a text of digits or emoji) the text is sent without one, and the result
        names none.
        """
        # This is checked first, so that nothing is sent, and billed, for a call that must fail.
        refuse_targets(targets, "Azure finds by itself what is judged: see opinions of the sentences.")
        if long == "refuse":
            require_short(text)
        detected, earlier = None, None
        pieces = _parts(text)
        if not language:
            # The first piece stands for all: to detect the language of each would be billed for each.
            detected, earlier = yield from self._detected(pieces[0])
        judged: list[Sentiment] = []
        end = 0
        for piece in pieces:
            # Blank pieces were left out, so a piece may begin later than the one before it ends.
            begin = text.index(piece, end)
            end = begin + len(piece)
            # A vendor counts from the beginning of what it was sent.
            part = yield from self._judged(piece, language, detected, earlier)
            judged.append(_moved(part, begin) if begin else part)
            earlier = None
        return judged[0] if len(pieces) == 1 else _combined(judged, [len(piece) for piece in pieces])

    def parts(self, operation: str, text: str, options: Any) -> Sequence[str]:
        """Return the parts in which a text is sent."""
        return _parts(text) if operation == "sentiment" else super().parts(operation, text, options)

    def _judged(
        self, text: str, language: str | None, detected: str | None, earlier: Response | None
    ) -> Flow[Sentiment]:
        """Return the sentiment of a text that is short enough.

        Args:
            text: The text.
            language: Its language, as the caller has named it.
            detected: Its language, as it was detected.
            earlier: The reply of the service, if it has answered already.
        """
        code = code_of(language or detected)
        response: Response = earlier or (
            yield self._analyze(
                "SentimentAnalysis",
                {"id": ONLY, "text": text, **({"language": code} if code else {})},
                # Python counts code points. By default the service counts text elements of one or more of them.
                {"stringIndexType": "UnicodeCodePoint", "opinionMining": True},
                self.units("sentiment", text),
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


def _parts(text: str) -> list[str]:
    """Return a text in parts that are short enough for a document each, without those that are blank."""
    # No text has more graphemes than code points: the first comparison saves most texts from being counted.
    if len(text) <= MOST_TEXT or graphemes(text) <= MOST_TEXT:
        return [text]
    # White space around the words would fill parts, which are billed.
    return [part for part in parts(text.strip(), MOST_TEXT, graphemes) if part.strip()]


HOW = (
    "{} parts, cut at the ends of sentences: the label by the labels of all sentences, the numbers as the mean of the \
parts by their length"
)
"""A note that says how the values of a text were made from those of its parts."""


def _combined(judged: Sequence[Sentiment], lengths: Sequence[int]) -> Sentiment:
    """Return the sentiment of a text from those of its parts."""
    shares = {}
    for name in ("positive", "neutral", "negative"):
        values = [getattr(part.confidences, name) or 0.0 for part in judged]
        # The label is not made of these means, because the service does not do so either: see `_label`.
        mean = sum(value * length for value, length in zip(values, lengths, strict=True)) / sum(lengths)
        shares[name] = round(mean, 6)
    sentences = tuple(sentence for part in judged for sentence in part.sentences)
    return Sentiment(
        # A reply may lack the sentences; the labels of the parts stand for them then.
        label=_label([sentence.label for sentence in sentences] or [part.label for part in judged]),
        **_scores(Shares(**shares)),
        sentences=sentences,
        language=judged[0].language,
        language_source=judged[0].language_source,
        parts=len(judged),
        combined=HOW.format(len(judged)),
        meta=judged[0].meta,
    )


def _label(labels: Sequence[Label | None]) -> Label:
    """Return the label of a text from those of its sentences, by the rule of the service.

    https://learn.microsoft.com/azure/ai-services/language-service/sentiment-opinion-mining/overview#sentiment-analysis
    """
    # By this rule, one negative sentence among neutral ones makes a text negative, however short it is.
    positive, negative = "positive" in labels, "negative" in labels
    if "mixed" in labels or (positive and negative):
        return "mixed"
    return "positive" if positive else "negative" if negative else "neutral"


def _moved(sentiment: Sentiment, by: int) -> Sentiment:
    """Return the sentiment of a part with the positions of its sentences and opinions in the whole text."""

    def shifted(each: Any, **changes: Any) -> Any:
        return each.model_copy(update={"start": each.start + by, "end": each.end + by, **changes})

    def of_opinion(opinion: Opinion) -> Any:
        return shifted(opinion, assessments=tuple(shifted(word) for word in opinion.assessments))

    sentences = [
        shifted(sentence, opinions=sentence.opinions and tuple(of_opinion(opinion) for opinion in sentence.opinions))
        for sentence in sentiment.sentences
    ]
    return sentiment.model_copy(update={"sentences": tuple(sentences)})


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


class SentimentReply(Wire):
    """The whole reply. Text Analytics v3 sent the results by themselves, without the object around them."""

    results: Results[Document]

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, data: Any) -> Any:
        return {"results": data} if isinstance(data, dict) and "documents" in data else data


def _scores(shares: Shares) -> dict[str, Any]:
    confidences = {"positive": shares.positive, "neutral": shares.neutral, "negative": shares.negative}
    # The difference of two rounded numbers has noise such as 0.7000000000000001.
    score = round(max(-1.0, min(1.0, shares.positive - shares.negative)), 6)
    return {"score": score, "score_kind": "derived", "confidences": confidences}


def _sentences(sentences: Sequence[WireSentence], text: str) -> tuple[Sentence, ...]:
    result, after = [], 0
    for sentence in sentences:
        # The models of 2020 leave the blank between two sentences out, and those of 2022 have it in the text and the
        # length: recorded replies are of both kinds.
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
    # Opinions that were not looked for are None; an empty list says that there are none.
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
    try:
        return sentences[int(match[1])].assessments[int(match[2])]
    except (LookupError, ValueError):  # Python makes no number of thousands of digits
        pass
    # An opinion without its words, or with those of another sentence, would be a wrong result that looks right.
    raise MalformedResponseError(f"the reply refers to a part that it does not have: {relation.ref[-60:]}")


def _span(span: Span) -> dict[str, Any]:
    return {
        "text": span.text,
        "start": span.offset,
        "end": span.offset + span.length,
        "label": known_label(span.sentiment),
        **_scores(span.shares),
    }
