"""The operations of Azure Language, which go to ``:analyze-text``: sentiment, the language of a text, key phrases.

https://learn.microsoft.com/rest/api/language/text-analysis-runtime/analyze-text
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudai.core.flow import Flow, Response
from cloudai.models import text as models
from cloudai.models.base import Meta
from cloudai.models.text import UNDECIDED, KeyPhrase, KeyPhrases
from cloudai.providers._parts import beginning, graphemes
from cloudai.providers.azure._documents import (
    ANALYZE_TOGETHER,
    DETECT_TOGETHER,
    MOST_TEXT,
    ONLY,
    DetectionReply,
    Results,
    code_of,
    detected_tag,
    require_short,
)
from cloudai.providers.azure.sentiment import SentimentAnalysis
from cloudai.providers.base import capability
from cloudai.providers.wire import Wire

__all__ = ["Language"]

TOGETHER = {"sentiment": ANALYZE_TOGETHER, "key_phrases": ANALYZE_TOGETHER, "detect_language": DETECT_TOGETHER}
"""The rules by which the texts of a batch go out together."""


class Language(SentimentAnalysis):
    """The operations on texts that do not translate them."""

    def max_per_request(self, operation: str) -> int:
        """Return how many inputs fit into one request."""
        return TOGETHER[operation].limit if operation in TOGETHER else super().max_per_request(operation)

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many requests an input takes: two where the language of a text has to be detected first."""
        # A plan without the detection would promise half of what is billed.
        if operation in ("sentiment", "key_phrases"):
            return 1 if code_of(options.get("language")) else 2
        return super().requests(operation, options)

    @capability(
        "open",
        needs="LANGUAGE_KEY and LANGUAGE_ENDPOINT",
        page="https://learn.microsoft.com/azure/ai-services/language-service/language-detection/overview",
        checked="2026-11-27",
        note="no hint of a country is given, for it would decide for short texts",
        unit="text record of 1,000 characters",
        unit_size=1_000,
        free_units=5_000,
        limits="5,120 characters in a text, of longer ones only the beginning; 1,000 texts and 1 MB in a request",
    )
    def detect_language(self, text: str) -> Flow[models.Language]:
        """Say which language a text is written in, by what the service says of it; "und" where it cannot tell."""
        # No text has more graphemes than code points, so texts of the usual length need not be counted.
        begin, prepared = beginning(text, MOST_TEXT, graphemes) if len(text) > MOST_TEXT else (text, None)
        response: Response = yield self._detection(begin, "detect_language", DETECT_TOGETHER)
        results = response.parse(DetectionReply).results
        best = self._only_document(results).detected_language
        code = detected_tag(best.iso6391_name)
        return models.Language(
            code=code or UNDECIDED,
            name=best.name if code else None,
            # A confidence in "(Unknown)" would read as one in a language.
            confidence=best.confidence if code else None,
            meta=Meta(model=results.model_version, prepared=prepared),
        )

    @capability(
        "open",
        needs="LANGUAGE_KEY and LANGUAGE_ENDPOINT",
        page="https://learn.microsoft.com/azure/ai-services/language-service/key-phrase-extraction/overview",
        checked="2026-11-27",
        note="phrases without a rank; without language= a second request, which is billed, detects it",
        unit="text record of 1,000 characters",
        unit_size=1_000,
        free_units=5_000,
        limits="5,120 characters in a text; 10 texts and 1 MB in a request",
    )
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Say what a text is about; without ``language`` its language is detected first, as for `sentiment`."""
        require_short(text)
        code, detected = code_of(language), None
        if not code:
            detected, _ = yield from self._detected(text)
            code = code_of(detected)
        document = {"id": ONLY, "text": text, **({"language": code} if code else {})}
        response: Response = yield self._analyze(
            "KeyPhraseExtraction", document, {}, self.units("key_phrases", text), ANALYZE_TOGETHER
        )
        results = response.parse(KeyPhraseReply).results
        return KeyPhrases(
            phrases=tuple(KeyPhrase(text=each, kind="phrase") for each in self._only_document(results).key_phrases),
            language=language or detected,
            language_source="given" if language else "detected" if detected else None,
            meta=Meta(model=results.model_version, language_sent=code),
        )


class Phrases(Wire):
    """The phrases of one text."""

    key_phrases: list[str]


class KeyPhraseReply(Wire):
    results: Results[Phrases]
