"""Find what two providers mean by the same: boxes that overlap, words that are alike, texts with few differences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from cloudai.errors import MissingExtraError
from cloudai.models.base import Box
from cloudai.text import letters

__all__ = ["distance", "head_word", "matches", "normal", "shared_years", "words_of"]


def matches(ones: Sequence[Box], others: Sequence[Box], least: float) -> list[tuple[int, int, float]]:
    """Return which boxes of two lists are the same, each at most once, as their numbers and their overlap.

    The pair with the largest overlap is taken first, then the largest of what is left, as long as it is ``least``.
    """
    pairs = [(one.overlap(other), i, j) for i, one in enumerate(ones) for j, other in enumerate(others)]
    found_ones: set[int] = set()
    found_others: set[int] = set()
    taken = []
    # The numbers break ties, so that the same answers always give the same pairs.
    for share, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if share < least:
            break
        if i not in found_ones and j not in found_others:
            found_ones.add(i)
            found_others.add(j)
            taken.append((i, j, share))
    return sorted(taken)


def normal(word: str) -> str:
    """Return a word or a text as it is compared: composed (NFC), without case, with single blanks."""
    return " ".join(unicodedata.normalize("NFC", word).casefold().split())


def head_word(name: str) -> str:
    """Return the word that says what kind of thing a name means: "car" of "sports car", "glass" of "glass of wine"."""
    words = normal(name).split(" ")
    # English names a kind by its last word, but for "of": a "glass of wine" is a glass.
    return words[max(0, words.index("of") - 1)] if "of" in words[1:] else words[-1]


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared, without the punctuation around them."""
    words = (re.sub(r"^\W+|\W+$", "", word) for word in normal(text).split(" "))
    return [word for word in words if word]


def distance(one: str, other: str, *, by: str) -> tuple[int, int, int]:
    """Return how many "words" or "characters" differ between two texts, and how many each of them has.

    That is the Levenshtein distance: what has to be replaced, inserted or deleted to make one text of the other.
    Characters are counted without blanks, because how Korean is spaced is often no error.

    Raises:
        MissingExtraError: rapidfuzz is not installed.
    """
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError:
        raise MissingExtraError("comparing texts", "compare") from None
    # `letters` keeps a letter and its marks in one piece, so that each counts once.
    parts = [words_of(text) if by == "words" else letters("".join(normal(text).split())) for text in (one, other)]
    return Levenshtein.distance(*parts), len(parts[0]), len(parts[1])


def shared_years(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the share of the years that two ranges of ages cover which is in both, 0 to 1; 1 for two equal numbers."""
    shared, covered = min(one[1], other[1]) - max(one[0], other[0]), max(one[1], other[1]) - min(one[0], other[0])
    # Where no years are covered, both are the same single number.
    return max(0.0, shared) / covered if covered else 1.0
