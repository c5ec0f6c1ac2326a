"""The numbers of a comparison: Cohen's kappa, and intervals by the bootstrap."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

__all__ = ["intervals", "kappa", "mean", "ratio"]

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
    # If both say one and the same word of every input, the formula divides by 0.
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def intervals(
    samples: Sequence[T], statistics: Sequence[Callable[[Sequence[T]], float | None]]
) -> list[tuple[float, float] | None]:
    """Return for each statistic the interval in which it lies with 95 % confidence, by the percentile bootstrap.

    Args:
        samples: What was measured, one for each input.
        statistics: Functions that return a statistic of any samples, or None if they have none.

    Returns:
        The bounds; None for fewer than two samples, or if the statistic is None for most of the resamples.
    """
    values: list[list[float]] = [[] for _ in statistics]
    chance = random.Random(SEED)  # noqa: S311  # no secret
    for _ in range(RESAMPLES if len(samples) > 1 else 0):
        # All statistics are computed of the same draws, so that their intervals fit together.
        drawn = chance.choices(samples, k=len(samples))
        for kept, statistic in zip(values, statistics, strict=True):
            if (value := statistic(drawn)) is not None:
                kept.append(value)
    ends = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    return [
        # A statistic that most resamples do not have, such as the precision of a provider that hardly says anything,
        # has no interval.
        (_quantile(kept, ends[0]), _quantile(kept, ends[1])) if len(kept) > RESAMPLES / 2 else None
        for kept in map(sorted, values)
    ]


def _quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between two of them in proportion."""
    at = share * (len(values) - 1)
    below = int(at)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (at - below)
