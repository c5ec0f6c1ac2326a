"""Key phrases of English and Korean texts on this machine, by RAKE: what stands between the words that say little.

Rose, Engel, Cramer, Cowley: Automatic keyword extraction from individual documents (2010). A phrase scores the sum of
its words, and a word the more, the longer the phrases are that it stands in. In Korean the particles are taken off the
ends of words by a rule; where kiwipiepy is installed (extra ``korean``), it tells the nouns instead.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import regex

from cloudai.errors import MissingExtraError, UnsupportedOperationError
from cloudai.languages import base
from cloudai.models.base import Meta
from cloudai.models.text import KeyPhrase, KeyPhrases
from cloudai.providers.local.language import detect, script_of
from cloudai.providers.local.lexicon import NAMES
from cloudai.providers.local.words import ENGLISH, KOREAN, PARTICLES, VERBS

__all__ = ["key_phrases"]

MOST = 20
"""The most phrases of a text."""
LONGEST = 4
"""The most words of a phrase: longer ones are sentences without words that say little."""
SURE = 0.5
"""The confidence from which on a detected language counts: short English texts are taken for all kinds of languages."""
WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’\-.&+][\p{L}\p{N}]+)*[+#]*")
LETTER = regex.compile(r"\p{L}")
BREAK = regex.compile(r"[^\s\p{L}\p{M}\p{N}'’\-.&+#]|\.(?=\s|$)|\n")
"""Punctuation, over which no phrase goes."""

AFTER_CONSONANT = frozenset(
    ("은", "이", "을", "과", "으로", "으로는", "으로부터", "이라는", "이라고", "이나", "이며", "과의")
)
OBJECT = ("을", "를")
"""The particles of an object, which are hardly ever the end of a noun."""
AFTER_VOWEL = frozenset(("는", "가", "를", "와", "와의", "라는", "라고"))
"""The particles that stand only after a consonant, and only after a vowel: "국가" is a noun, and not "국" with "가"."""
VERB = regex.compile(rf"(?:{'|'.join(VERBS)})$")
FIRST, FINALS, SYLLABLES = ord("가"), 28, 11_172
RIEUL, PAST, NIEUN = 8, 20, 4
"""The numbers of the final consonants ㄹ, ㅆ and ㄴ of a syllable."""
NOUNS = frozenset(("NNG", "NNP", "NNB", "SL", "SN", "XPN", "XSN", "SH"))
"""Kiwi's names of what a Korean noun is made of: https://bab2min.github.io/kiwipiepy"""


def key_phrases(text: str, language: str | None) -> KeyPhrases:
    """Return the key phrases of an English or a Korean text, the highest score first; the highest has the relevance 1.

    Raises:
        UnsupportedOperationError: The text is in another language, as given or as it is detected.
    """
    code = base(language) if language else _detected(text)
    text = unicodedata.normalize("NFC", text)
    if code not in ("en", "ko", None):
        raise UnsupportedOperationError(
            f"no {NAMES.get(code, code)} key phrases on this machine",
            advice="It has English and Korean; azure, google and watson have more.",
        )
    service = "kiwipiepy" if code == "ko" and find_spec("kiwipiepy") else "rake"
    candidates = _nouns(text) if service == "kiwipiepy" else _korean(text) if code == "ko" else _english(text)
    return KeyPhrases(
        phrases=tuple(_scored(candidates)),
        language=code,
        language_source="given" if language else "detected" if code else None,
        meta=Meta(method="local", service=service),
    )


def _detected(text: str) -> str | None:
    """Return the language of a text; a Latin text of which little is known is taken for English."""
    script = script_of(text)
    if script is None:
        return None
    try:
        best = detect(text)
    except MissingExtraError:
        return "en" if script == "Latin" else script
    if script == "Latin" and (best.confidence or 0) < SURE:
        return "en"
    return best.code


def _scored(candidates: Iterable[tuple[str, ...]]) -> Iterator[KeyPhrase]:
    """Yield the candidates as phrases, by the scores of their words."""
    phrases = [phrase for phrase in candidates if len(phrase) <= LONGEST]
    frequency: Counter[str] = Counter()
    degree: Counter[str] = Counter()
    for phrase in phrases:
        for word in phrase:
            frequency[word.lower()] += 1
            degree[word.lower()] += len(phrase)
    counts: Counter[str] = Counter(" ".join(phrase).lower() for phrase in phrases)
    # Phrases are counted without regard to case, and shown as they stand in the text for the first time.
    spelled: dict[str, tuple[str, ...]] = {}
    for phrase in phrases:
        spelled.setdefault(" ".join(phrase).lower(), phrase)
    scores = {key: sum(degree[w.lower()] / frequency[w.lower()] for w in phrase) for key, phrase in spelled.items()}
    best = sorted(scores, key=lambda key: (-scores[key], -counts[key]))[:MOST]
    for key in best:
        relevance = round(scores[key] / scores[best[0]], 4)
        yield KeyPhrase(text=" ".join(spelled[key]), relevance=relevance, kind="phrase", count=counts[key])


def _english(text: str) -> Iterator[tuple[str, ...]]:
    """Yield what stands between stop words and punctuation in an English text."""
    # The stop words have plain apostrophes: "don't".
    for stretch in BREAK.split(text.replace("’", "'")):
        phrase: list[str] = []
        for word in WORD.findall(stretch):
            if word.lower() in ENGLISH:
                yield from _phrase(phrase)
                phrase = []
            else:
                phrase.append(word)
        yield from _phrase(phrase)


def _korean(text: str) -> Iterator[tuple[str, ...]]:
    """Yield runs of nouns in a Korean text: a particle ends a run, and so does a verb or a word that says little."""
    for stretch in BREAK.split(text):
        phrase: list[str] = []
        for word in WORD.findall(stretch):
            # Behind another noun one syllable is enough of a word, as in "API 키를"; alone it says too little.
            stem = _stem(word, 1 if phrase else 2)
            if word in KOREAN or stem in KOREAN or _is_verb(word):
                yield from _phrase(phrase)
                phrase = []
                continue
            phrase.append(stem)
            # A particle ends the phrase that it marks: the next noun has another part in the sentence.
            if stem != word:
                yield from _phrase(phrase)
                phrase = []
        yield from _phrase(phrase)


def _phrase(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the words as a phrase if they can be one: digits alone, and a single sign, say nothing."""
    if any(len(word) > 1 and LETTER.search(word) for word in words):
        yield tuple(words)


def _stem(word: str, least: int = 2) -> str:
    """Return a Korean word without the particle at its end, if enough is left.

    Args:
        word: The word.
        least: The fewest signs that are left. One is enough where another noun stands before: "API 키를".
    """
    for particle in PARTICLES:
        stem = word.removesuffix(particle)
        if stem == word:
            continue
        if len(stem) < (least if particle in OBJECT else 2):
            return word
        final = _final(stem[-1])
        if final is None:  # a Latin word or a number may have any particle
            return stem
        if (final == 0 and particle in AFTER_CONSONANT) or (final and particle in AFTER_VOWEL):
            continue
        # By Korean grammar "로" only follows a vowel or ㄹ; after any other consonant it is a part of the noun.
        if particle == "로" and final not in (0, RIEUL):
            continue
        return stem
    return word


def _is_verb(word: str) -> bool:
    """Return whether a Korean word looks like a verb or an adjective."""
    if VERB.search(word) and len(word) > 2:  # noqa: PLR2004
        return True
    # "했다" and "간다" are verbs, while "바다" (the sea) is a noun.
    return len(word) > 1 and word.endswith("다") and _final(word[-2]) in (PAST, NIEUN)


def _final(syllable: str) -> int | None:
    """Return the number of the final consonant of a Hangul syllable, 0 for none, or None for any other sign."""
    number = ord(syllable) - FIRST
    return number % FINALS if 0 <= number < SYLLABLES else None


def _nouns(text: str) -> Iterator[tuple[str, ...]]:
    """Yield runs of nouns in a Korean text as kiwipiepy tells them, in the spelling of the text."""
    # Nouns with nothing but blanks between them are one phrase, in the spelling of the text: "인공 지능" as well as
    # "인공지능".
    begin = end = -1
    for token in _kiwi().tokenize(text):
        if token.tag in NOUNS and (begin < 0 or not text[end : token.start].strip()):
            begin = token.start if begin < 0 else begin
            end = token.start + token.len
            continue
        if begin >= 0:
            yield from _phrase(text[begin:end].split())
        begin, end = (token.start, token.start + token.len) if token.tag in NOUNS else (-1, -1)
    if begin >= 0:
        yield from _phrase(text[begin:end].split())


@lru_cache(maxsize=1)
def _kiwi() -> Any:
    from kiwipiepy import Kiwi

    return Kiwi()
