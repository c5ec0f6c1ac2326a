"""What a chat model says of texts: sentiment, key phrases, language, translation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from cloudai.core.flow import Flow
from cloudai.errors import InputError
from cloudai.languages import base, tag
from cloudai.models.text import (
    UNDECIDED,
    KeyPhrase,
    KeyPhrases,
    Language,
    Sentence,
    Sentiment,
    Translated,
    Translation,
)
from cloudai.providers._generative.answers import (
    KeyPhrasesAnswer,
    LanguageAnswer,
    SentimentAnswer,
    TranslationAnswer,
)
from cloudai.providers._generative.asking import asked
from cloudai.providers._generative.chat import Chat, meta_of
from cloudai.providers._generative.prompts import marked, prompt
from cloudai.providers._parts import sentences
from cloudai.providers._translating import languages_of
from cloudai.providers.base import refuse_targets

__all__ = ["detect_language", "key_phrases", "sentiment", "translate"]

MOST_TEXT = 50_000
"""The most characters of a text. Models take more, but an answer about a longer one would reach their most tokens."""
BEGINNING = 2_000
"""Characters of a text by which its language is told."""
FEW_TOKENS = 4_000
"""The most tokens of a short answer. Most of them are for the thinking that some models do first."""
CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def sentiment(
    vendor: Chat,
    text: str,
    *,
    language: str | None,
    targets: Sequence[str],
    long: Literal["split", "refuse"],  # noqa: ARG001  # a text that is too long is refused
) -> Flow[Sentiment]:
    """Say whether a text is positive or negative, as a whole and by sentence.

    The text is cut into sentences here and numbered, so that the positions of the sentences are certain.
    """
    refuse_targets(targets, "A chat model is asked for the text and its sentences only; watson's classic service has.")
    _require_short(text)
    spans = sentences(text)
    lines = "\n".join(f"[{number}] {text[start:end]}" for number, (start, end) in enumerate(spans))
    wishes = [f"The language of the text is {base(language)}."] if language else []
    asking = prompt("sentiment", [marked(lines)], SentimentAnswer, FEW_TOKENS + 40 * len(spans), wishes)

    def check(answer: SentimentAnswer) -> str | None:
        numbers = [each.sentence for each in answer.sentences]
        if sorted(numbers) != list(range(len(spans))):
            return f"sentences has to have one entry for each number from 0 to {len(spans) - 1}"
        return _wrong_code(answer.language)

    answer, replies = yield from asked(vendor, asking, SentimentAnswer, check)
    judged = {each.sentence: each for each in answer.sentences}
    return Sentiment(
        label=answer.text.label,
        score=answer.text.score,
        sentences=tuple(
            Sentence(text=text[start:end], start=start, end=end, label=judged[n].label, score=judged[n].score)
            for n, (start, end) in enumerate(spans)
        ),
        language=base(language) if language else answer.language and tag(answer.language),
        language_source="given" if language else "detected" if answer.language else None,
        meta=meta_of(asking, replies, language_sent=language and base(language)),
    )


def key_phrases(vendor: Chat, text: str, *, language: str | None) -> Flow[KeyPhrases]:
    """Say what a text is about, in phrases of the text itself; no model measures how much."""
    _require_short(text)
    wishes = [f"The language of the text is {base(language)}."] if language else []
    asking = prompt("key_phrases", [marked(text)], KeyPhrasesAnswer, FEW_TOKENS, wishes)
    known = _spaced(text)

    def check(answer: KeyPhrasesAnswer) -> str | None:
        for number, phrase in enumerate(answer.phrases):
            if _spaced(phrase) not in known:
                return f"phrases.{number} does not stand in the text"
        return _wrong_code(answer.language)

    answer, replies = yield from asked(vendor, asking, KeyPhrasesAnswer, check)
    return KeyPhrases(
        phrases=tuple(KeyPhrase(text=phrase, kind="phrase") for phrase in dict.fromkeys(answer.phrases)),
        language=base(language) if language else answer.language and tag(answer.language),
        language_source="given" if language else "detected" if answer.language else None,
        meta=meta_of(asking, replies, language_sent=language and base(language)),
    )


def detect_language(vendor: Chat, text: str) -> Flow[Language]:
    """Say which language a text is written in, by its beginning; no model measures how certain that is."""
    begin = text.strip()[:BEGINNING]
    asking = prompt("detect_language", [marked(begin)], LanguageAnswer, FEW_TOKENS)
    answer, replies = yield from asked(vendor, asking, LanguageAnswer, lambda answer: _wrong_code(answer.code))
    left_out = len(text.strip()) > BEGINNING
    prepared = {"prepared": f"the first {BEGINNING:,} of {len(text):,} characters"} if left_out else {}
    return Language(
        code=tag(answer.code) if answer.code else UNDECIDED,
        name=answer.name if answer.code else None,
        meta=meta_of(asking, replies, **prepared),
    )


def translate(vendor: Chat, text: str, *, to: str | Sequence[str], source: str | None) -> Flow[Translation]:
    """Translate a text into one or several languages, by one prompt."""
    _require_short(text)
    codes = languages_of(to)
    wishes = [f"The languages to translate into are: {', '.join(codes)}."]
    wishes += [f"The language of the text is {source}."] if source else []
    tokens = FEW_TOKENS + 3 * len(text) * len(codes)
    asking = prompt("translate", [marked(text)], TranslationAnswer, tokens, wishes)

    def check(answer: TranslationAnswer) -> str | None:
        if sorted(each.to for each in answer.translations) != sorted(codes):
            return f"translations has to have one entry for each of {', '.join(codes)}"
        return _wrong_code(answer.source)

    answer, replies = yield from asked(vendor, asking, TranslationAnswer, check)
    texts = {each.to: each.text for each in answer.translations}
    detected = None if source or not answer.source else tag(answer.source)
    first, *others = [Translated(text=texts[code], to=code) for code in codes]
    return Translation(
        text=first.text,
        to=first.to,
        source=source or detected,
        detected=detected,
        others=tuple(others),
        meta=meta_of(asking, replies, language_sent=", ".join(codes)),
    )


def _require_short(text: str) -> None:
    if len(text) > MOST_TEXT:
        raise InputError(
            f"the text has {len(text):,} characters, and a chat model is asked about {MOST_TEXT:,} at most",
            advice='Cut it, or leave method="generative" out.',
        )


def _wrong_code(code: str | None) -> str | None:
    """Return what is wrong with the code of a language in an answer, or None where nothing is."""
    return None if code is None or CODE.fullmatch(code) else "the language is no BCP-47 code"


def _spaced(text: str) -> str:
    """Return a text in small letters with single spaces, to be searched in."""
    return " ".join(text.casefold().split())
