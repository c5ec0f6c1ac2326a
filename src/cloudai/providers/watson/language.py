"""The operations of Watson Natural Language Understanding, which go to ``/v1/analyze``: each asks for one feature.

https://cloud.ibm.com/apidocs/natural-language-understanding#analyze
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import BadRequestError, InputError, MalformedResponseError
from cloudai.languages import base, tag
from cloudai.models import text as models
from cloudai.models.base import Level, Meta
from cloudai.models.face import Emotions
from cloudai.models.text import UNDECIDED, KeyPhrase, KeyPhrases, Sentiment, Target, known_label, label
from cloudai.providers._parts import beginning
from cloudai.providers.base import capability
from cloudai.providers.replies import Fault
from cloudai.providers.watson._service import WatsonService
from cloudai.providers.wire import Wire, left_out

__all__ = ["Language"]

VERSION = "2022-08-10"
MOST_TEXT = 50_000
"""The most characters in a text. The service ignores the rest of a longer one, and only warns of it."""
WITH_EMOTIONS = ("en", "fr")


MOST_PHRASES = 50
"""The most keywords that are asked for, which is also the service's own number."""
OLD: dict[str, Any] = {
    "status": "deprecated",
    "needs": "NATURAL_LANGUAGE_UNDERSTANDING_APIKEY and _URL, of an instance from before 2026-07-31",
    "since": "2026-07-31",
    "until": "2028-01-31",
    "page": "https://cloud.ibm.com/docs/natural-language-understanding?topic=natural-language-understanding-release-notes",
    "checked": "2026-11-27",
    "free": "5/s",
    "unit": "10,000 characters of a text, for each feature",
    "unit_size": 10_000,
    "free_units": 30_000,
    "limits": "50,000 characters in a text; one text in a request",
}
"""The facts that all operations of a service have in common that is being withdrawn."""


class Language(WatsonService):
    """The operations on texts."""

    @capability(
        **OLD,
        note="no new instances since 2026-07-31, no support after 2027-07-31; emotions in English and French",
    )
    def sentiment(
        self,
        text: str,
        *,
        language: str | None,
        targets: Sequence[str],
        long: Literal["split", "refuse"],  # noqa: ARG002  # a text that is too long is refused in any case
    ) -> Flow[Sentiment]:
        """Say whether a text is positive or negative as a whole, and give its emotions and those of targets.

        Only the base of ``language`` is sent ("en" of "en-GB"); without a language the service detects it. Emotions
        are asked for in English, in French and where the language is not given; in all others they are None.

        Raises:
            InputError: The text has more than 50,000 characters.
            BadRequestError: The service has no sentiment for the language.
            MalformedResponseError: The reply has no sentiment and no warning that says why, or a sentiment with neither
                a score nor a label.
        """
        _require_short(text)
        code = base(language) if language else None
        # The service refuses emotions for a named language that has none; for one that it detects it only warns.
        emotion: dict[str, Any] = {"emotion": {}} if code is None or code in WITH_EMOTIONS else {}
        sentiment = {"targets": list(targets)} if targets else {}
        response: Response = yield self._analysis("sentiment", text, {"sentiment": sentiment, **emotion}, code)
        self.raise_for(response)
        reply = response.parse(Analyzed)
        if reply.sentiment is None or reply.sentiment.document is None:
            raise self._without("sentiment", reply)
        whole = reply.sentiment.document
        if whole.score is None and whole.label is None:
            raise MalformedResponseError("the reply has neither a score nor a label of the text")
        return Sentiment(
            # Some recorded replies, such as one of 2017, have a score and no label.
            label=known_label(whole.label) if whole.label or whole.score is None else label(whole.score),
            score=whole.score,
            emotions=_emotions(reply.emotion),
            # None says that no targets were asked for.
            targets=tuple(map(_target, reply.sentiment.targets)) if targets else None,
            language=reply.language or code,
            language_source="given" if language else "detected",
            meta=Meta(language_sent=code),
        )

    @capability(
        **OLD,
        note="what the service says of the language beside its keywords; short texts are undecided",
    )
    def detect_language(self, text: str) -> Flow[models.Language]:
        """Say which language a text is written in; "und" where the service says that the text is too short to tell.

        The service has no request for the language alone: it names it in every reply, and where it cannot analyse a
        text because of its language, in the error.
        """
        begin, prepared = beginning(text, MOST_TEXT)
        request = self._analysis("detect_language", begin, {"keywords": {"limit": 1}}, None)
        try:
            response: Response = yield request
            self.raise_for(response)
        except BadRequestError as error:
            if (code := _told(error)) is None:
                raise
            return models.Language(code=code, meta=Meta(prepared=prepared))
        reply = response.parse(Analyzed)
        if not reply.language:
            raise MalformedResponseError("the reply names no language")
        return models.Language(code=tag(reply.language), meta=Meta(prepared=prepared))

    @capability(
        **OLD,
        note="keywords with their relevance; no new instances since 2026-07-31",
    )
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Say what a text is about, in at most fifty phrases, the most relevant first."""
        _require_short(text)
        code = base(language) if language else None
        response: Response = yield self._analysis("key_phrases", text, {"keywords": {"limit": MOST_PHRASES}}, code)
        self.raise_for(response)
        reply = response.parse(Analyzed)
        # A text without keywords has an empty list of them. A reply without the list is no answer.
        if reply.keywords is None:
            raise self._without("keywords", reply)
        return KeyPhrases(
            phrases=tuple(
                KeyPhrase(text=each.text, relevance=each.relevance, kind="phrase", count=each.count)
                for each in reply.keywords
            ),
            language=reply.language or code,
            language_source="given" if language else "detected",
            meta=Meta(language_sent=code),
        )

    def _analysis(self, operation: str, text: str, features: Mapping[str, Any], code: str | None) -> Request:
        """Return the request that has a text analysed; each feature of each 10,000 characters is counted."""
        return Request(
            "POST",
            f"{self.base('nlu')}/v1/analyze",
            service="nlu",
            api="v1",
            endpoint=self.base("nlu"),
            params={"version": VERSION},
            json={"text": text, "features": features, **({"language": code} if code else {})},
            # Each feature is billed as a unit of its own: sentiment with emotions counts twice.
            billed=self.units(operation, text) * len(features),
            error_in=self.error_in,
        )

    def _without(self, feature: str, reply: Analyzed) -> Exception:
        """Return the error for a reply that lacks what was asked for: the service only warns of a language it lacks."""
        if reply.warnings:
            advice = "Name another language with language=, or use another provider."
            return self.error_from(Fault("; ".join(reply.warnings), kind=BadRequestError, advice=advice), 200)
        return MalformedResponseError(f"the reply has no {feature} of the text")


def _require_short(text: str) -> None:
    """Raise InputError for a text of which the service would ignore the end."""
    if len(text) > MOST_TEXT:
        raise InputError(
            f"the text has {len(text):,} characters, and IBM takes {MOST_TEXT:,}", advice="Send it in parts."
        )


def _told(error: BadRequestError) -> str | None:
    """Return the code of the language that an error names, "und" for a text that is too short, or None for any other.

    "unsupported text language: sw, …" is the error for a language of which the service has no keywords.
    """
    message = error.message
    if "not enough text for language id" in message:
        return UNDECIDED
    match = re.search(r"unsupported text language:?\s+\"?([A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?)\b", message)
    return tag(match[1]) if match and match[1].lower() != "unknown" else UNDECIDED if match else None


def _target(target: WireTarget) -> Target:
    return Target(
        text=target.text,
        score=target.score,
        label=known_label(target.label) if target.label or target.score is None else label(target.score),
    )


class DocumentSentiment(Wire):
    """The sentiment of the whole text, of which the vendor's package calls both the score and the label optional.

    Beside them the service says ``mixed``: "1" where both positive and negative occur; only ``raw`` keeps it.
    """

    score: float | None = None
    label: str | None = None


class WireTarget(DocumentSentiment):
    """The sentiment towards a word that was asked for."""

    text: str


class WireSentiment(Wire):
    document: DocumentSentiment | None = None
    targets: list[WireTarget] = Field(default_factory=list)


class Keyword(Wire):
    """A phrase, of which only the words are certain to be there."""

    text: str
    relevance: float | None = None
    count: int | None = None


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
    keywords: list[Keyword] | None = None
    warnings: list[str] = Field(default_factory=list)


def _emotions(emotion: WireEmotion | None) -> Emotions | None:
    if emotion is None or emotion.document is None:
        return None
    scores = emotion.document.emotion
    # A score that is missing is left out: 0 would say that the feeling was looked for and is not there.
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
