"""Define the results of the language operations: sentiment, language, key phrases, translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field

from cloudai.models.base import Many, Model, Result, UnitFloat
from cloudai.models.face import EMOTIONS, Emotions

__all__ = [
    "Assessment",
    "KeyPhrase",
    "KeyPhrases",
    "Label",
    "Language",
    "Opinion",
    "Sentence",
    "Sentiment",
    "Translation",
]

Label = Literal["positive", "negative", "neutral", "mixed"]
LABELS: tuple[Label, ...] = get_args(Label)


class Confidences(Model):
    """The vendor's confidence in each label, 0 to 1."""

    positive: UnitFloat | None = None
    neutral: UnitFloat | None = None
    negative: UnitFloat | None = None


class Feeling(Model):
    """The base of all that has a sentiment: texts, sentences, opinions and assessments.

    ``score`` runs from -1 to 1. ``score_kind`` says who computed it: "vendor", or "derived" if it was computed
    here as positive minus negative confidence. ``magnitude`` is the strength of feeling whatever its
    sign; it has no upper limit, and grows with the text.
    """

    label: Label | None = None
    score: float | None = Field(default=None, ge=-1, le=1)
    score_kind: Literal["vendor", "derived"] = "vendor"
    magnitude: float | None = Field(default=None, ge=0)
    confidences: Confidences | None = None


class Assessment(Feeling):
    """A word that judges something, for example "sleek"; it is ``negated`` in "not good"."""

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    negated: bool = False


class Opinion(Feeling):
    """A thing that is judged, and the words that judge it.

    In a negated sentence the vendor may give the thing and its assessments opposite labels: never derive the
    label of a sentence from them.
    """

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    assessments: tuple[Assessment, ...] = ()


class Sentence(Feeling):
    """One sentence; ``start`` and ``end`` count code points: ``text[s.start:s.end] == s.text``."""

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    opinions: tuple[Opinion, ...] | None = None
    """The opinions in the sentence; None if the vendor does not look for them."""


class Sentiment(Many[Sentence], Feeling):
    """The sentiment of a text. It iterates over its sentences.

    ``label`` is the vendor's, or ours if the vendor gives only a number: see `cloudai.models.text.label`.
    """

    sentences: tuple[Sentence, ...] = ()
    emotions: Emotions | None = None
    language: str | None = None
    language_source: Literal["given", "detected"] | None = None

    units: ClassVar[Mapping[str, str]] = {"start": "code points", "end": "code points", "score": "-1 to 1"}

    def _items(self) -> Sequence[Sentence]:
        return self.sentences

    def _columns(self) -> Sequence[str]:
        return (
            *("sentence", "start", "end", "text", "label", "score", "score_kind", "magnitude"),
            *("positive", "neutral", "negative", "mixed", "language", "language_source"),
            *(f"{name}" for name in EMOTIONS if name in ("anger", "disgust", "fear", "happiness", "sadness")),
        )

    def _rows(self) -> list[dict[str, Any]]:
        whole = {"sentence": -1, **_feeling(self), **(self.emotions.scores() if self.emotions else {})}
        sentences = [
            {"sentence": number, "start": s.start, "end": s.end, "text": s.text, **_feeling(s)}
            for number, s in enumerate(self.sentences)
        ]
        language = {"language": self.language, "language_source": self.language_source}
        return [{**row, **language} for row in [whole, *sentences]]


def _feeling(feeling: Feeling) -> dict[str, Any]:
    confidences = feeling.confidences.model_dump() if feeling.confidences else {}
    return {
        "label": feeling.label,
        "score": feeling.score,
        "score_kind": feeling.score_kind,
        "magnitude": feeling.magnitude,
        **confidences,
    }


def known_label(word: str | None) -> Label | None:
    """Return a vendor's label, or None for a word that we do not know; ``raw`` still has it."""
    return next((label for label in LABELS if label == word), None)


NEUTRAL_BELOW = 0.25
MIXED_FROM = 1.0


def label(score: float, magnitude: float | None = None, sentences: int = 1) -> Label:
    """Return the label for a score, for a vendor that gives no label.

    From -0.25 to 0.25 (exclusive) a text is "neutral", or "mixed" if it has several sentences and strong
    feelings that cancel out (magnitude 1 or more); beyond, "positive" or "negative". Google's own guide
    reads score and magnitude so: https://cloud.google.com/natural-language/docs/basics
    """
    if score >= NEUTRAL_BELOW:
        return "positive"
    if score <= -NEUTRAL_BELOW:
        return "negative"
    return "mixed" if sentences > 1 and (magnitude or 0) >= MIXED_FROM else "neutral"


class Language(Result):
    """The language that a text is written in; ``code`` is BCP-47, or None if the vendor could not tell."""

    code: str | None = None
    name: str | None = None
    confidence: UnitFloat | None = None

    def _columns(self) -> Sequence[str]:
        return ("code", "name", "confidence")

    def _rows(self) -> list[dict[str, Any]]:
        return [self.model_dump()] if self.code else []


class KeyPhrase(Model):
    """A phrase that a text is about; ``relevance`` is 0 to 1, or None if the vendor does not rank phrases."""

    text: str
    relevance: UnitFloat | None = None
    kind: str | None = None


class KeyPhrases(Many[KeyPhrase]):
    """The phrases that say what a text is about. It iterates over them."""

    phrases: tuple[KeyPhrase, ...] = ()

    def _items(self) -> Sequence[KeyPhrase]:
        return self.phrases

    def _columns(self) -> Sequence[str]:
        return ("rank", "text", "relevance", "kind")

    def _rows(self) -> list[dict[str, Any]]:
        return [{"rank": rank, **phrase.model_dump()} for rank, phrase in enumerate(self.phrases)]


class Translation(Result):
    """A translated text; its languages are BCP-47, and ``detected`` is set if no source was given."""

    text: str
    to: str
    source: str | None = None
    detected: str | None = None

    def _columns(self) -> Sequence[str]:
        return ("text", "to", "source", "detected")

    def _rows(self) -> list[dict[str, Any]]:
        return [self.model_dump()]
