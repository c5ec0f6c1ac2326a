"""The numbers of a comparison: Cohen's kappa, and intervals by the bootstrap."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

__all__ = ["interval", "kappa", "mean", "ratio"]

T = TypeVar("T")

RESAMPLES = 1_000
SEED = 20_261_127
"""The seed of the bootstrap, so that the same comparison always has the same intervals."""
CONFIDENCE = 0.95


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean; None for no values."""
    return sum(values) / len(values) if values else None


def ratio(part: float, whole: float) -> float | None:
    """Return a part of a whole; None where the whole is 0."""
    return part / whole if whole else None


def kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Return Cohen's kappa: how much more often two agree than by chance, at most 1; 0 is chance.

    It is None for no pairs, and where both always say the same single word, because chance alone explains that.

    https://doi.org/10.1177/001316446002000104
    """
    n = len(pairs)
    if not n:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / n
    by_chance = sum(first[word] * second[word] for word in first) / n**2
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def interval(samples: Sequence[T], statistic: Callable[[Sequence[T]], float | None]) -> tuple[float, float] | None:
    """Return the interval in which a statistic lies with 95 % confidence, by the percentile bootstrap over samples.

    Args:
        samples: What was measured, one for each input.
        statistic: A function that returns the statistic of any samples, or None if they have none.

    Returns:
        The bounds; None for fewer than two samples, or if the statistic is None for most of the resamples.
    """
    if len(samples) < 2:  # noqa: PLR2004
        return None
    chance = random.Random(SEED)  # noqa: S311  # no secret
    drawn = (statistic(chance.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    values = sorted(value for value in drawn if value is not None)
    if len(values) < RESAMPLES / 2:
        return None
    return _quantile(values, (1 - CONFIDENCE) / 2), _quantile(values, (1 + CONFIDENCE) / 2)


def _quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between two of them in proportion."""
    at = share * (len(values) - 1)
    below = int(at)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (at - below)
