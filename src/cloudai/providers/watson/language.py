"""The operations of Watson Natural Language Understanding, which go to ``/v1/analyze``.

https://cloud.ibm.com/apidocs/natural-language-understanding#analyze
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import BadRequestError, InputError, MalformedResponseError
from cloudai.languages import base
from cloudai.models.base import Level, Meta
from cloudai.models.face import Emotions
from cloudai.models.text import Sentiment, known_label, label
from cloudai.providers.base import capability
from cloudai.providers.replies import Fault
from cloudai.providers.watson._service import WatsonService
from cloudai.providers.wire import Wire, left_out

__all__ = ["Language"]

VERSION = "2022-08-10"
MOST_TEXT = 50_000
"""The most characters in a text. The service ignores the rest of a longer one, and only warns of it."""
WITH_EMOTIONS = ("en", "fr")


class Language(WatsonService):
    """The operations on texts."""

    @capability(
        "deprecated",
        needs="NATURAL_LANGUAGE_UNDERSTANDING_APIKEY and _URL, of an instance from before 2026-07-31",
        since="2026-07-31",
        until="2028-01-31",
        page="https://cloud.ibm.com/docs/natural-language-understanding?topic=natural-language-understanding-release-notes",
        checked="2026-11-24",
        free="5/s",
        note="no new instances since 2026-07-31, no support after 2027-07-31; emotions in English and French",
    )
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Say whether a text is positive or negative as a whole, and give its emotions.

        Only the base of ``language`` is sent ("en" of "en-GB"); without a language the service detects it. Emotions
        are asked for in English, in French and where the language is not given; in all others they are None.

        Raises:
            InputError: The text has more than 50,000 characters.
            BadRequestError: The service has no sentiment for the language.
            MalformedResponseError: The reply has no sentiment and no warning that says why, or a sentiment with neither
                a score nor a label.
        """
        if len(text) > MOST_TEXT:
            raise InputError(
                f"the text has {len(text):,} characters, and IBM takes {MOST_TEXT:,}", advice="Send it in parts."
            )
        code = base(language) if language else None
        # The service refuses emotions for a named language that has none; for one that it detects it only warns.
        emotion: dict[str, Any] = {"emotion": {}} if code is None or code in WITH_EMOTIONS else {}
        response: Response = yield Request(
            "POST",
            f"{self.base('nlu')}/v1/analyze",
            service="nlu",
            api="v1",
            endpoint=self.base("nlu"),
            params={"version": VERSION},
            json={"text": text, "features": {"sentiment": {}, **emotion}, **({"language": code} if code else {})},
            error_in=self.error_in,
        )
        self.raise_for(response)
        reply = response.parse(Analyzed)
        if reply.sentiment is None or reply.sentiment.document is None:
            if reply.warnings:
                # Of a feature that the language does not have the service only warns.
                advice = "Name another language with language=, or use another provider."
                raise self.error_from(Fault("; ".join(reply.warnings), kind=BadRequestError, advice=advice), 200)
            raise MalformedResponseError("the reply has no sentiment of the text")
        whole = reply.sentiment.document
        if whole.score is None and whole.label is None:
            raise MalformedResponseError("the reply has neither a score nor a label of the text")
        return Sentiment(
            label=known_label(whole.label) if whole.label or whole.score is None else label(whole.score),
            score=whole.score,
            emotions=_emotions(reply.emotion),
            language=reply.language or code,
            language_source="given" if language else "detected",
            meta=Meta(language_sent=code),
        )


class DocumentSentiment(Wire):
    """The sentiment of the whole text, of which the vendor's package calls both the score and the label optional.

    Beside them the service says ``mixed``: "1" where both positive and negative occur; only ``raw`` keeps it.
    """

    score: float | None = None
    label: str | None = None


class WireSentiment(Wire):
    document: DocumentSentiment | None = None


class Scores(Wire):
    anger: float | None = None
    disgust: float | None = None
    fear: float | None = None
    joy: float | None = None
    sadness: float | None = None


class DocumentEmotion(Wire):
    emotion: Scores = left_out(Scores)


class WireEmotion(Wire):
    document: DocumentEmotion | None = None


class Analyzed(Wire):
    """The whole reply. A feature that the language does not have is missing, and a warning says so."""

    language: str | None = None
    sentiment: WireSentiment | None = None
    emotion: WireEmotion | None = None
    warnings: list[str] = Field(default_factory=list)


def _emotions(emotion: WireEmotion | None) -> Emotions | None:
    if emotion is None or emotion.document is None:
        return None
    scores = emotion.document.emotion
    levels: dict[str, Any] = {
        "anger": scores.anger,
        "disgust": scores.disgust,
        "fear": scores.fear,
        "happiness": scores.joy,
        "sadness": scores.sadness,
    }
    return Emotions(
        scale="confidence", **{name: Level(score=score) for name, score in levels.items() if score is not None}
    )
