"""The answers that chat models are asked for, in the words of cloudai's own results.

The names of fields, emotions and labels are those of `cloudai.models`. A field's description stands in the schema, and
has in words what pydantic checks afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, create_model

from cloudai.models.base import Level
from cloudai.models.image import Feature
from cloudai.models.text import Label
from cloudai.providers._generative.reading import Answer

__all__ = [
    "LIKELIHOODS",
    "AgeAnswer",
    "AgesAnswer",
    "ExpressionAnswer",
    "ExpressionsAnswer",
    "KeyPhrasesAnswer",
    "LanguageAnswer",
    "PartAnswer",
    "SafetyAnswer",
    "SentimentAnswer",
    "TextAnswer",
    "TranscriptAnswer",
    "TranslationAnswer",
    "level",
    "picture_answer",
]

Likelihood = Literal["very unlikely", "unlikely", "possible", "likely", "very likely"]
LIKELIHOODS: tuple[Likelihood, ...] = get_args(Likelihood)


def level(word: Likelihood | None) -> Level | None:
    """Return the grade of a likelihood: its rank from 0 to 1, which is no probability. None stays None."""
    return None if word is None else Level(score=LIKELIHOODS.index(word) / 4, word=word)


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text.strip()


Filled = Annotated[str, AfterValidator(_filled)]
"""A text with at least one letter."""


def _code(code: str) -> str:
    if not CODE.fullmatch(code):
        raise ValueError("the language is no BCP-47 code")
    return code


CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
LanguageCode = Annotated[str, AfterValidator(_code)]
"""The code of a language; its name, such as "Korean", is none."""


def _box(numbers: list[int]) -> list[int]:
    # Numbers of another count become a box that is refused below. A fixed length would be a bound in the schema, which
    # not all vendors take.
    top, left, bottom, right = numbers if len(numbers) == 4 else (0, 0, 0, 0)  # noqa: PLR2004
    if not (0 <= top < bottom <= THOUSAND and 0 <= left < right <= THOUSAND):
        raise ValueError("a box is [top, left, bottom, right], whole numbers from 0 to 1000")
    return numbers


# Gemini gives boxes in thousandths: https://ai.google.dev/gemini-api/docs/image-understanding
THOUSAND = 1000
BoxOfModel = Annotated[
    list[int],
    AfterValidator(_box),
    Field(description="The box around it: [top, left, bottom, right], whole numbers from 0 to 1000 of the picture"),
]


class PartAnswer(Answer):
    """A thing in a picture, with the box that the model gives it."""

    name: Filled
    box: BoxOfModel | None


class SafetyAnswer(Answer):
    """The likelihood of each kind of content that not everybody should see."""

    adult: Likelihood | None
    racy: Likelihood | None
    violence: Likelihood | None
    gore: Likelihood | None
    medical: Likelihood | None


class LineAnswer(Answer):
    text: Filled
    handwritten: bool | None


class TextAnswer(Answer):
    """The text in a picture."""

    lines: list[LineAnswer]
    language: LanguageCode | None = Field(description="The language of the text as a BCP-47 code, such as ko")


class PlainPartAnswer(Answer):
    """A sentence about a part of a picture, from a model whose boxes are not documented."""

    name: Filled


# `closed` keeps a schema for each model, so the same features have to give the same model.
@cache
def picture_answer(features: Sequence[Feature], *, boxes: bool) -> type[Answer]:
    """Return the model of an answer with a field for each feature of `analyze_image` that is asked for.

    Args:
        features: The features, as a tuple.
        boxes: Whether the model gives boxes.
    """
    # The features that nobody asked for are not in the schema: a model would spend tokens on them.
    fields = {
        "caption": (Filled, Field(description="One sentence about the whole picture")),
        "dense_captions": (
            list[PartAnswer] if boxes else list[PlainPartAnswer],
            Field(description="A sentence about each part that matters, as its name; at most ten"),
        ),
        "tags": (
            list[Filled],
            Field(description="Words for what the picture shows, the most important first; at most fifteen"),
        ),
        "objects": (list[PartAnswer], Field(description="The single objects that can be seen, each with its box")),
        "text": (TextAnswer, Field(description="The text in the picture, line by line, exactly as it stands there")),
        "safety": (SafetyAnswer, Field(description="How likely the picture shows each kind")),
    }
    return create_model("PictureAnswer", __base__=Answer, **{name: fields[name] for name in features})  # type: ignore[call-overload, no-any-return]


# The fields are required and may be null, so that a model has to say that it cannot tell, and cannot just leave it out.
class ExpressionAnswer(Answer):
    """The apparent expression of a face: a likelihood for each emotion."""

    picture: int = Field(description="The number of the picture")
    anger: Likelihood | None
    contempt: Likelihood | None
    disgust: Likelihood | None
    fear: Likelihood | None
    happiness: Likelihood | None
    neutral: Likelihood | None
    sadness: Likelihood | None
    surprise: Likelihood | None


class ExpressionsAnswer(Answer):
    faces: list[ExpressionAnswer]


class AgeAnswer(Answer):
    """The apparent age of a face, as a range."""

    picture: int = Field(description="The number of the picture")
    low: float | None = Field(
        ge=0, le=120, description="The lowest age in years that the face may have, from 0 to 120; null without a face"
    )
    high: float | None = Field(
        ge=0, le=120, description="The highest age in years that the face may have, from 0 to 120; null without a face"
    )


class AgesAnswer(Answer):
    faces: list[AgeAnswer]


SCORE = "From -1, as negative as can be, to 1, as positive as can be"


class JudgedAnswer(Answer):
    label: Label
    score: float = Field(ge=-1, le=1, description=SCORE)


class SentenceAnswer(Answer):
    sentence: int = Field(description="The number of the sentence")
    label: Label
    score: float = Field(ge=-1, le=1, description=SCORE)


class SentimentAnswer(Answer):
    text: JudgedAnswer
    sentences: list[SentenceAnswer]
    language: LanguageCode | None = Field(description="The language of the text as a BCP-47 code, such as ko")


class LanguageAnswer(Answer):
    code: LanguageCode | None = Field(
        description="The language as a BCP-47 code, such as ko or zh-Hant; null if nothing tells it"
    )
    name: str | None = Field(description="The English name of the language")


class KeyPhrasesAnswer(Answer):
    phrases: list[Filled]
    language: LanguageCode | None = Field(description="The language of the text as a BCP-47 code, such as ko")


class TranslatedAnswer(Answer):
    to: str = Field(description="The code of the language that was asked for, as it was given")
    text: Filled


class TranslationAnswer(Answer):
    source: LanguageCode | None = Field(
        description="The language of the text that was given, as a BCP-47 code, such as ko"
    )
    translations: list[TranslatedAnswer]


class SpokenAnswer(Answer):
    text: Filled
    speaker: int | None = Field(description="The number of the speaker, from 1; null where speakers are not told apart")


class TranscriptAnswer(Answer):
    segments: list[SpokenAnswer] = Field(
        description="What is said, one entry for each sentence; empty if nobody speaks"
    )
