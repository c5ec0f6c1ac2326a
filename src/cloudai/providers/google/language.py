"""The operations of Google Cloud Natural Language v2, which go to ``documents:analyzeSentiment``.

Replies of v1 are understood too.

https://cloud.google.com/natural-language/docs/reference/rest/v2/documents/analyzeSentiment
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import InputError
from cloudai.languages import base
from cloudai.models.base import Meta
from cloudai.models.text import Sentence, Sentiment, label
from cloudai.providers._offsets import start_of
from cloudai.providers.base import capability
from cloudai.providers.google._service import GoogleService
from cloudai.providers.wire import Wire, left_out

__all__ = ["Language"]

PATH = "/v2/documents:analyzeSentiment"
MOST_BYTES = 1_000_000
"""The most bytes of a text: https://cloud.google.com/natural-language/quotas"""


class Language(GoogleService):
    """The operations on texts."""

    @capability(
        "open",
        needs="an API key or a login",
        page="https://cloud.google.com/natural-language/docs/analyzing-sentiment",
        checked="2026-11-23",
        note="score and magnitude; the label is ours; no emotions",
    )
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Say whether a text is positive or negative, as a whole and by sentence."""
        size = len(text.encode())
        if size > MOST_BYTES:
            raise InputError(
                f"the text has {size:,} bytes, and Google takes {MOST_BYTES:,}", advice="Send it in parts."
            )
        code = base(language) if language else None
        document: dict[str, Any] = {"type": "PLAIN_TEXT", "content": text}
        if code:
            document["languageCode"] = code
        response: Response = yield Request(
            "POST",
            f"{self.base('language')}{PATH}",
            service="language",
            api="v2",
            endpoint=self.endpoint_of("language"),
            # UTF32 counts code points, as Python does.
            json={"document": document, "encodingType": "UTF32"},
        )
        reply = response.parse(SentimentReply)
        whole = reply.document_sentiment
        return Sentiment(
            label=label(whole.score, whole.magnitude, len(reply.sentences)),
            score=whole.score,
            magnitude=whole.magnitude,
            sentences=_sentences(reply.sentences, text),
            language=reply.language_code or reply.language,
            language_source="given" if language else "detected",
            meta=Meta(language_sent=code),
        )


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
