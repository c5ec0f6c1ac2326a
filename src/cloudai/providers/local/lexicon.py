"""Sentiment by the words of a text: English by VADER, any language by the user's own lexicon.

A list of words has no grammar. VADER handles English negation and emphasis, but the user's own lexicon does not:
"안 맛있어요" (not tasty) counts as tasty unless the lexicon has an entry for it.
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cloudai.csv_cells import delimiter_of, rows_of
from cloudai.errors import MissingExtraError, SettingsError, UnsupportedOperationError
from cloudai.languages import base
from cloudai.models.base import Meta
from cloudai.models.text import Label, Sentence, Sentiment
from cloudai.providers.local.networks import version_of
from cloudai.reading import text_of

__all__ = ["by_vader", "by_words"]

NEUTRAL_BELOW = 0.05
"""Scores closer to 0 are neutral, as VADER has it: https://github.com/cjhutto/vaderSentiment#about-the-scoring"""
ALPHA = 15
"""VADER's constant: a sum s of word scores becomes s / sqrt(s² + 15), between -1 and 1."""

# A sentence ends with its closing marks and quotes, or at the end of a line.
SENTENCE = re.compile(r"[^\s.!?。！？…][^.!?。！？…\n]*[.!?。！？…]*[\"'”’)\]]*|[.!?。！？…]+")
WORD = re.compile(r"\w+")

NAMES = {"ko": "Korean", "ja": "Japanese", "zh": "Chinese", "de": "German", "fr": "French", "es": "Spanish"}
SCRIPTS = (("HANGUL", "ko"), ("HIRAGANA", "ja"), ("KATAKANA", "ja"), ("CJK", "zh"))
"""The language that is assumed for letters of each script, where no language is given."""


def by_vader(text: str, language: str | None) -> Sentiment:
    """Return the sentiment of an English text by VADER's compound score.

    Raises:
        UnsupportedOperationError: The text is in another language, as given or as its letters suggest.
    """
    code = base(language).partition("-")[0] if language else _script(text)
    if code not in (None, "en"):
        raise UnsupportedOperationError(
            f"no {NAMES.get(code, code)} sentiment; give Local(lexicon=…), or use azure or google."
        )
    analyzer = _vader()
    sentiment = _sentiment(text, lambda part: float(analyzer.polarity_scores(part)["compound"]))
    return sentiment.model_copy(
        update={
            "language": "en",
            "language_source": "given" if language else None,
            "meta": Meta(method="local", service="vader", model="vaderSentiment"),
        }
    )


def by_words(text: str, language: str | None, words: str | os.PathLike[str] | Mapping[str, float]) -> Sentiment:
    """Return the sentiment of a text by a lexicon: each word scores as the longest entry with which it begins.

    The entry "맛있" therefore also scores "맛있어요" and "맛있었다": Korean endings are attached to the word.

    Args:
        text: The text.
        language: The language that the result names; the lexicon is used whatever it is.
        words: The path of a CSV file of ``word,score``, or the words with their scores.

    Raises:
        SettingsError: The file is not a lexicon.
    """
    scores = words if isinstance(words, Mapping) else _read(os.fspath(words))
    # The same word may be written in syllables and in single letters of Hangul, as macOS does.
    entries = {unicodedata.normalize("NFC", word).lower(): float(score) for word, score in scores.items()}
    # A prefix that is longer than the longest entry cannot be an entry.
    longest = max(map(len, entries), default=0)

    def score(part: str) -> float:
        tokens = WORD.findall(unicodedata.normalize("NFC", part).lower())
        total = sum(_longest_entry(token, entries, longest) for token in tokens)
        # hypot(s, √15) is √(s² + 15).
        return total / math.hypot(total, math.sqrt(ALPHA))

    sentiment = _sentiment(text, score)
    return sentiment.model_copy(
        update={
            "language": language,
            "language_source": "given" if language else None,
            "meta": Meta(method="local", service="lexicon"),
        }
    )


def digest(words: os.PathLike[str] | str | Mapping[str, float]) -> str:
    """Return the digest of a lexicon's words and scores."""
    scores = words if isinstance(words, Mapping) else _read(os.fspath(words))
    # The order of the words in a file does not change an answer, and must not change its key.
    return sha256(repr(sorted(scores.items())).encode()).hexdigest()


def _longest_entry(token: str, entries: Mapping[str, float], longest: int) -> float:
    for length in range(min(len(token), longest), 0, -1):
        if token[:length] in entries:
            return entries[token[:length]]
    return 0.0


def _sentiment(text: str, score: Callable[[str], float]) -> Sentiment:
    """Return the sentiment of a text and of its sentences, each scored by itself from -1 to 1."""
    sentences = []
    for start, part in _sentences(text):
        value = score(part)
        sentences.append(Sentence(text=part, start=start, end=start + len(part), score=value, label=_label(value)))
    whole = score(text)
    return Sentiment(score=whole, label=_label(whole), sentences=tuple(sentences))


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    for match in SENTENCE.finditer(text):
        part = match.group().rstrip()
        yield match.start(), part


def _label(score: float) -> Label:
    return "positive" if score >= NEUTRAL_BELOW else "negative" if score <= -NEUTRAL_BELOW else "neutral"


def _script(text: str) -> str | None:
    """Return the language that the first letter of a script in `SCRIPTS` suggests, or None where there is none."""
    for char in text:
        name = unicodedata.name(char, "")
        code = next((code for script, code in SCRIPTS if name.startswith(script)), None)
        if code:
            return code
    return None


@lru_cache(maxsize=1)
def _vader() -> Any:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError as error:
        raise MissingExtraError("sentiment on this machine", "local") from error
    return SentimentIntensityAnalyzer()


def _read(path: str) -> Mapping[str, float]:
    """Return the words and scores of a CSV file, whose first line may be a heading.

    Raises:
        SettingsError: As `_entries` raises it.
    """
    return _entries(path, version_of(path))


@lru_cache(maxsize=8)
def _entries(path: str, version: object) -> Mapping[str, float]:  # noqa: ARG001  # a part of the key
    """Read a file, once in a process unless it changes.

    Raises:
        SettingsError: The file cannot be read, has no words, or has a line that is not a word and a number.
    """
    entries: dict[str, float] = {}
    for number, row in enumerate(_rows(path), start=1):
        if not row or not row[0].strip():
            continue
        score = _number(row[1]) if len(row) > 1 else None
        if score is None and number > 1:
            # The line is not shown: another file, for example one of keys, may have been named by mistake.
            raise SettingsError(f"{path}, line {number}: not a word and a number", advice="Write word,score.")
        if score is not None:
            entries[row[0].strip()] = score
    if not entries:
        raise SettingsError(f"{path} has no words", advice="Give lexicon= a CSV file with lines of word,score.")
    return entries


def _rows(path: str) -> list[list[str]]:
    try:
        return list(rows_of(*delimiter_of(text_of(path, SettingsError))))
    except ValueError as error:
        raise SettingsError(f"{path}: {error}", advice="Close the quote.") from None


def require_scores(words: object) -> None:
    """Raise SettingsError if a lexicon that was given in code is no path, and no mapping of words to finite numbers."""
    if words is None or isinstance(words, str | os.PathLike):
        return
    if not isinstance(words, Mapping):
        raise SettingsError(f"lexicon= cannot be a {type(words).__name__}", advice=HOW)
    if not words:
        raise SettingsError("lexicon= has no words", advice=HOW)
    for word, score in words.items():
        if not isinstance(word, str) or _number(score) is None:
            raise SettingsError(f"lexicon= has the score {score!r} for {word!r}", advice=HOW)


HOW = 'Give the path of a CSV file with lines of word,score, or words with numbers: {"맛있": 2.0, "별로": -1.5}.'
MOST = 1e6
"""The highest score of a word; sums of such scores stay finite."""


def _number(score: object) -> float | None:
    """Return a score as a number, or None if it is none, or not between -`MOST` and `MOST`."""
    try:
        # float() also reads "inf" and "nan", which the comparison below refuses.
        value = float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return value if abs(value) <= MOST else None
