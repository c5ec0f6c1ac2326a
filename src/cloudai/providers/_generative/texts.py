"""Ask a chat model about texts: sentiment, key phrases, language, translation."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal

from cloudai.core.flow import Flow, parallel
from cloudai.errors import InputError, UnsupportedOperationError
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
from cloudai.providers._generative.chat import MOST_TOKENS, Chat, meta_of
from cloudai.providers._generative.prompts import marked, prompt, require_codes
from cloudai.providers._parts import framed, parts, sentences
from cloudai.providers._translating import languages_of
from cloudai.providers.base import refuse_targets

__all__ = ["detect_language", "key_phrases", "parts_of", "sentiment", "translate"]

MOST_TEXT = 50_000
"""The most characters of a text. Models take more, but an answer about a longer one would reach their most tokens."""
BEGINNING = 2_000
"""Characters of a text by which its language is told."""
FEW_TOKENS = 4_000
"""The most tokens of a short answer. Most of them are for the thinking that some models do first."""
TOKENS_OF_A_SENTENCE = 25
"""Tokens of what an answer says of a sentence."""
MOST_SENTENCES = (MOST_TOKENS - FEW_TOKENS) // TOKENS_OF_A_SENTENCE
TOKENS_OF_A_CHARACTER = 3
"""Tokens that a character of a text takes at most in a translation; letters of most languages take less."""


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
    if len(spans) > MOST_SENTENCES:
        raise InputError(
            f"the text has {len(spans):,} sentences, and a chat model is asked about {MOST_SENTENCES:,} at most",
            advice='Cut it, or leave method="generative" out.',
        )
    lines = "\n".join(f"[{number}] {text[start:end]}" for number, (start, end) in enumerate(spans))
    wishes = [f"The language of the text is {base(language)}."] if language else []
    asking = prompt(
        "sentiment", [marked(lines)], SentimentAnswer, FEW_TOKENS + TOKENS_OF_A_SENTENCE * len(spans), wishes
    )

    def check(answer: SentimentAnswer) -> str | None:
        numbers = [each.sentence for each in answer.sentences]
        # A number that is missing or double would give a sentence the judgement of its neighbour.
        if sorted(numbers) != list(range(len(spans))):
            return f"sentences has to have one entry for each number from 0 to {len(spans) - 1}"
        return None

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
            # A phrase that a model has made up, or that a text has talked it into, is no phrase of the text.
            if _spaced(phrase) not in known:
                return f"phrases.{number} does not stand in the text"
        return None

    answer, replies = yield from asked(vendor, asking, KeyPhrasesAnswer, check)
    return KeyPhrases(
        phrases=tuple(KeyPhrase(text=phrase, kind="phrase") for phrase in dict.fromkeys(answer.phrases)),
        language=base(language) if language else answer.language and tag(answer.language),
        language_source="given" if language else "detected" if answer.language else None,
        meta=meta_of(asking, replies, language_sent=language and base(language)),
    )


def detect_language(vendor: Chat, text: str) -> Flow[Language]:
    """Say which language a text is written in, by its beginning; no model measures how certain that is."""
    # The first sentences tell a language as well as a whole book does, and each token is billed.
    begin = text.strip()[:BEGINNING]
    asking = prompt("detect_language", [marked(begin)], LanguageAnswer, FEW_TOKENS)
    answer, replies = yield from asked(vendor, asking, LanguageAnswer)
    left_out = len(text.strip()) > BEGINNING
    prepared = {"prepared": f"the first {BEGINNING:,} of {len(text):,} characters"} if left_out else {}
    return Language(
        code=tag(answer.code) if answer.code else UNDECIDED,
        name=answer.name if answer.code else None,
        meta=meta_of(asking, replies, **prepared),
    )


def translate(vendor: Chat, text: str, *, to: str | Sequence[str], source: str | None, html: bool) -> Flow[Translation]:
    """Translate a text into one or several languages, by one prompt for each part of the text."""
    if html:
        raise UnsupportedOperationError(
            "a chat model may change the tags of HTML", advice="azure and google translate HTML without one."
        )
    codes = languages_of(to)
    require_codes(*codes, *([source] if source else []))
    # A translation is as long as its text, so a long text would reach the most tokens of an answer.
    pieces = parts_of(text, to)
    framed_pieces = [framed(piece) if len(pieces) > 1 else ("", piece, "") for piece in pieces]
    wishes = [f"The languages to translate into are: {', '.join(codes)}."]
    wishes += [f"The language of the text is {source}."] if source else []
    prompts = [
        prompt("translate", [marked(words)], TranslationAnswer, _tokens_of(words, codes), wishes)
        for _, words, _ in framed_pieces
    ]

    def check(answer: TranslationAnswer) -> str | None:
        if sorted(_plain(each.to) for each in answer.translations) != sorted(map(_plain, codes)):
            return f"translations has to have one entry for each of {', '.join(codes)}"
        return None

    answers = yield from parallel([asked(vendor, asking, TranslationAnswer, check) for asking in prompts])
    texts = [{_plain(each.to): each.text for each in answer.translations} for answer, _ in answers]
    source_code = next((answer.source for answer, _ in answers if answer.source), None)
    detected = None if source or not source_code else tag(source_code)
    first, *others = [
        Translated(
            text="".join(
                f"{before}{new[_plain(code)]}{after}"
                for (before, _, after), new in zip(framed_pieces, texts, strict=True)
            ),
            to=code,
        )
        for code in codes
    ]
    replies = [reply for _, replies in answers for reply in replies]
    return Translation(
        text=first.text,
        to=first.to,
        source=source or detected,
        detected=detected,
        others=tuple(others),
        parts=len(pieces) if len(pieces) > 1 else None,
        meta=meta_of(prompts[0], replies, language_sent=", ".join(codes)),
    )


def parts_of(text: str, to: str | Sequence[str]) -> list[str]:
    """Return a text in parts, whose translations into all languages are no longer than an answer may be."""
    # All languages are in one answer and share its tokens.
    most = (MOST_TOKENS - FEW_TOKENS) // (TOKENS_OF_A_CHARACTER * len(languages_of(to)))
    return parts(text, max(1, most))


def _tokens_of(text: str, codes: Sequence[str]) -> int:
    return FEW_TOKENS + TOKENS_OF_A_CHARACTER * len(text) * len(codes)


def _plain(code: str) -> str:
    """Return the code of a language in the spelling by which codes are compared."""
    return code.replace("_", "-").casefold()


def _require_short(text: str) -> None:
    if len(text) > MOST_TEXT:
        raise InputError(
            f"the text has {len(text):,} characters, and a chat model is asked about {MOST_TEXT:,} at most",
            advice='Cut it, or leave method="generative" out.',
        )


def _spaced(text: str) -> str:
    """Return a text in small letters, whole syllables and single spaces, to be searched in."""
    # Hangul in single letters, as macOS writes the names of files, is the same text as its syllables.
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
