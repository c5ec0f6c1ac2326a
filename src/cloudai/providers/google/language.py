"""The operations of Google Cloud Natural Language: `sentiment` by v2, and `key_phrases` by the entities of v1.

Replies of v1 to ``documents:analyzeSentiment`` are understood too. v2 does not say how much a text is about an entity.

https://cloud.google.com/natural-language/docs/reference/rest/v2/documents/analyzeSentiment
https://cloud.google.com/natural-language/docs/reference/rest/v1/documents/analyzeEntities
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import InputError, MalformedResponseError
from cloudai.languages import base
from cloudai.models.base import Meta
from cloudai.models.text import KeyPhrase, KeyPhrases, Sentence, Sentiment, label
from cloudai.providers._offsets import start_of
from cloudai.providers.base import capability, refuse_targets
from cloudai.providers.google._service import GoogleService
from cloudai.providers.wire import Wire, left_out

__all__ = ["Language"]

# Two versions of one service are used, because the entities of v2 have no salience.
SENTIMENT, ENTITIES = "/v2/documents:analyzeSentiment", "/v1/documents:analyzeEntities"
MOST_BYTES = 1_000_000
"""The most bytes of a text: https://cloud.google.com/natural-language/quotas"""


COUNTED = {
    "unit": "1,000 characters of a text",
    "unit_size": 1_000,
    "free_units": 5_000,
    "limits": "1,000,000 bytes in a text; one text in a request",
}
"""The unit that Google bills, its size, how many are free, and the limits: https://cloud.google.com/natural-language/pricing"""


def _require_short(text: str) -> None:
    """Raise InputError for a text that is longer than a request may be."""
    # The limit is one of bytes, of which a Hangul syllable has three and a Latin letter has one.
    size = len(text.encode())
    if size > MOST_BYTES:
        raise InputError(f"the text has {size:,} bytes, and Google takes {MOST_BYTES:,}", advice="Send it in parts.")


class Language(GoogleService):
    """The operations on texts."""

    @capability(
        "open",
        needs="an API key or a login",
        page="https://cloud.google.com/natural-language/docs/analyzing-sentiment",
        checked="2026-11-27",
        note="score and magnitude; the label is ours; no emotions",
        **COUNTED,
    )
    def sentiment(
        self,
        text: str,
        *,
        language: str | None,
        targets: Sequence[str],
        long: Literal["split", "refuse"],  # noqa: ARG002  # the service takes texts of a megabyte
    ) -> Flow[Sentiment]:
        """Say whether a text is positive or negative, as a whole and by sentence."""
        refuse_targets(targets, "watson takes them.")
        _require_short(text)
        code = base(language) if language else None
        document: dict[str, Any] = {"type": "PLAIN_TEXT", "content": text}
        if code:
            document["languageCode"] = code
        response: Response = yield Request(
            "POST",
            f"{self.base('language')}{SENTIMENT}",
            service="language",
            api="v2",
            endpoint=self.endpoint_of("language"),
            # UTF32 counts code points, as Python does.
            json={"document": document, "encodingType": "UTF32"},
            billed=self.units("sentiment", text),
        )
        reply = response.parse(SentimentReply)
        whole = reply.document_sentiment
        return Sentiment(
            # The service gives no label. A score near 0 is neutral if little was felt, and mixed if the magnitude says
            # that much was.
            label=label(whole.score, whole.magnitude, len(reply.sentences)),
            score=whole.score,
            magnitude=whole.magnitude,
            sentences=_sentences(reply.sentences, text),
            language=reply.language_code or reply.language,
            language_source="given" if language else "detected",
            meta=Meta(language_sent=code),
        )

    @capability(
        "open",
        needs="an API key or a login",
        page="https://cloud.google.com/natural-language/docs/analyzing-entities",
        checked="2026-11-27",
        note="entities of v1 with their salience, no phrases: names of people, places and things, and common nouns",
        **COUNTED,
    )
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Say what a text is about by the entities in it, the most salient first."""
        _require_short(text)
        code = base(language) if language else None
        document: dict[str, Any] = {"type": "PLAIN_TEXT", "content": text, **({"language": code} if code else {})}
        response: Response = yield Request(
            "POST",
            f"{self.base('language')}{ENTITIES}",
            service="language",
            api="v1",
            endpoint=self.endpoint_of("language"),
            json={"document": document, "encodingType": "UTF32"},
            billed=self.units("key_phrases", text),
        )
        reply = response.parse(EntitiesReply)
        # The reply to a text without entities names the language still, so one without both is of another shape.
        if reply.entities is None and reply.language is None:
            raise MalformedResponseError("the reply holds nothing that is known of an analysis")
        entities = sorted(reply.entities or (), key=lambda entity: -(entity.salience or 0))
        return KeyPhrases(
            phrases=tuple(
                KeyPhrase(
                    text=entity.name, relevance=entity.salience, kind="entity", count=len(entity.mentions) or None
                )
                for entity in entities
            ),
            language=reply.language or language,
            language_source="given" if language else "detected" if reply.language else None,
            meta=Meta(language_sent=code),
        )


class Entity(Wire):
    """A thing or a person that the text names."""

    name: str
    salience: float | None = None
    mentions: list[dict[str, Any]] = Field(default_factory=list)


class EntitiesReply(Wire):
    """The whole reply; that to a text without entities has no list of them, but the language."""

    entities: list[Entity] | None = None
    language: str | None = None


class Score(Wire):
    """The score and magnitude of a text. proto3 leaves zeros out."""

    score: float = 0
    magnitude: float = 0


class TextSpan(Wire):
    content: str = ""
    begin_offset: int = 0


class WireSentence(Wire):
    text: TextSpan = left_out(TextSpan)
    sentiment: Score = left_out(Score)


class SentimentReply(Wire):
    """The whole reply. v2 has ``languageCode``, v1 ``language``."""

    document_sentiment: Score
    language_code: str | None = None
    language: str | None = None
    sentences: list[WireSentence] = Field(default_factory=list)


def _sentences(sentences: list[WireSentence], text: str) -> tuple[Sentence, ...]:
    located, after = [], 0
    for sentence in sentences:
        content = sentence.text.content
        start = start_of(text, content, sentence.text.begin_offset, after)
        after = start + len(content)
        score, magnitude = sentence.sentiment.score, sentence.sentiment.magnitude
        located.append(
            Sentence(
                text=content,
                start=start,
                end=after,
                label=label(score, magnitude),
                score=score,
                magnitude=magnitude,
            )
        )
    return tuple(located)
