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
    "Target",
    "Translated",
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


class Target(Feeling):
    """A word or phrase that the caller has named with ``targets=``, and the feeling towards it wherever it stands."""

    text: str


class Sentence(Feeling):
    """One sentence; ``start`` and ``end`` count code points: ``text[s.start:s.end] == s.text``."""

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    opinions: tuple[Opinion, ...] | None = None
    """The opinions in the sentence; None if the vendor does not look for them."""


class Sentiment(Many[Sentence], Feeling):
    """The sentiment of a text. It iterates over its sentences.

    ``label`` is the vendor's, or ours if the vendor gives only a number: see `cloudai.models.text.label`. For a text
    that was sent in several ``parts`` it is ours too, and so are the numbers: ``combined`` says how they were made.
    """

    sentences: tuple[Sentence, ...] = ()
    targets: tuple[Target, ...] | None = None
    """The feelings towards what was asked for with ``targets=``; None where nothing was asked for."""
    parts: int | None = Field(default=None, ge=2)
    """The number of parts in which the text was sent, because the vendor takes none of its length; None for one."""
    combined: str | None = None
    """How the values of the whole text were made from those of the parts; None where it was sent whole."""
    emotions: Emotions | None = None
    language: str | None = None
    language_source: Literal["given", "detected"] | None = None

    units: ClassVar[Mapping[str, str]] = {"start": "code points", "end": "code points", "score": "-1 to 1"}

    things: ClassVar[tuple[str, str]] = ("sentence", "sentences")

    def _amount(self) -> str:
        return super()._amount() if self.sentences else "the text as a whole"

    def _items(self) -> Sequence[Sentence]:
        return self.sentences

    def _columns(self) -> Sequence[str]:
        return (
            *("sentence", "start", "end", "text", "label", "score", "score_kind", "magnitude"),
            *("positive", "neutral", "negative", "mixed", "language", "language_source"),
            *(f"{name}" for name in EMOTIONS if name in ("anger", "disgust", "fear", "happiness", "sadness")),
        )

    def _rows(self) -> list[dict[str, Any]]:
        # The row of the whole text comes first and has a number that no sentence has.
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


UNDECIDED = "und"
"""The code of BCP-47 for a language that could not be told."""


class Language(Result):
    """The language that a text is written in; ``code`` is BCP-47, or "und" where it could not be told.

    ``confidence`` is 0 to 1, or None where the provider gives none, as the rule by scripts of ``local`` does not.
    """

    code: str = UNDECIDED
    name: str | None = None
    """The English name of the language, where the vendor gives it."""
    confidence: UnitFloat | None = None

    def _columns(self) -> Sequence[str]:
        return ("code", "name", "confidence")

    def _rows(self) -> list[dict[str, Any]]:
        # A language that could not be told is one that was not found.
        return [] if self.code == UNDECIDED else [self.model_dump()]

    def _nothing(self) -> dict[str, Any]:
        return self.model_dump()


class KeyPhrase(Model):
    """A phrase that a text is about, and how much it is.

    ``relevance`` is 0 to 1, by the vendor's own measure, or None where the vendor does not rank phrases. ``kind`` is
    "phrase", or "entity" where the vendor has only the names of things and people.
    """

    text: str
    relevance: UnitFloat | None = None
    kind: str | None = None
    count: int | None = Field(default=None, ge=0)
    """How often the phrase was found in the text; None where the vendor does not say."""


class KeyPhrases(Many[KeyPhrase]):
    """The phrases that say what a text is about, in the vendor's order. It iterates over them."""

    phrases: tuple[KeyPhrase, ...] = ()
    language: str | None = None
    language_source: Literal["given", "detected"] | None = None

    things: ClassVar[tuple[str, str]] = ("phrase", "phrases")

    def _items(self) -> Sequence[KeyPhrase]:
        return self.phrases

    def _columns(self) -> Sequence[str]:
        return ("rank", "text", "relevance", "kind", "count", "language", "language_source")

    def _rows(self) -> list[dict[str, Any]]:
        return [{"rank": rank, **phrase.model_dump(), **self._nothing()} for rank, phrase in enumerate(self.phrases)]

    def _nothing(self) -> dict[str, Any]:
        return {"language": self.language, "language_source": self.language_source}


class Translated(Model):
    """A text in one of the languages that were asked for; ``to`` is the code as the caller gave it."""

    text: str
    to: str


class Translation(Many[Translated]):
    """A text in another language, or in several. It iterates over them, in the order in which they were asked for.

    ``text`` and ``to`` are those of the first language. ``source`` is the language of the text that was given, BCP-47,
    as the caller has named it or the vendor has detected it; ``detected`` is set only where it was detected.
    """

    text: str
    to: str
    source: str | None = None
    detected: str | None = None
    confidence: UnitFloat | None = None
    """The vendor's confidence in the language that it has detected; None where it gives none."""
    others: tuple[Translated, ...] = ()
    """The text in the other languages that were asked for."""
    parts: int | None = Field(default=None, ge=2)
    """The number of parts in which the text was sent, because the vendor takes none of its length; None for one."""

    @property
    def translations(self) -> tuple[Translated, ...]:
        """The text in every language that was asked for."""
        return Translated(text=self.text, to=self.to), *self.others

    things: ClassVar[tuple[str, str]] = ("translation", "translations")

    def _items(self) -> Sequence[Translated]:
        return self.translations

    def _columns(self) -> Sequence[str]:
        return ("text", "to", "source", "detected", "confidence")

    def _rows(self) -> list[dict[str, Any]]:
        facts = {"source": self.source, "detected": self.detected, "confidence": self.confidence}
        return [{"text": each.text, "to": each.to, **facts} for each in self.translations]
