"""Smooth a series on request: a line is fitted to the values around each point, and the nearest count most."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

__all__ = ["smoothed"]

MOST_PLACES, MOST_NEAR = 1500, 200
"""How many points a smoothed line has at most, and how many values, or means of neighbours, each is fitted to."""


def smoothed(points: Sequence[tuple[float, float]], width: float) -> tuple[tuple[float, float], ...]:
    """Return smoothed values at the positions of the points, of very many points at some of their positions.

    Each is the value, at its position, of the straight line that fits the values within half the width on either side
    best, weighted by the tricube of their distance (Cleveland 1979, LOWESS without its rounds of robustness). It never
    leaves the range of these values, so that a score stays between 0 and 1.

    Args:
        points: Positions and values, in the order of the positions.
        width: The width of the window, in the unit of the positions; above 0.
    """
    half = width / 2
    positions = [x for x, _ in points]
    # With the sums of all points before each one, the mean of any group is one subtraction.
    sums = list(accumulate(points, lambda one, other: (one[0] + other[0], one[1] + other[1]), initial=(0.0, 0.0)))
    every = -(-len(points) // MOST_PLACES)
    line = []
    # The last position is always there, so that the line ends where the values do.
    for x in [*positions[:-1:every], positions[-1]]:
        first, last = bisect_left(positions, x - half), bisect_right(positions, x + half)
        step = -(-(last - first) // MOST_NEAR)
        near = points[first:last] if step == 1 else _means(sums, range(first, last, step), last)
        line.append((x, _fitted(x, near, half)))
    return tuple(line)


def _means(sums: Sequence[tuple[float, float]], starts: range, end: int) -> list[tuple[float, float]]:
    """Return the means of neighbouring points, in place of very many points.

    Args:
        sums: The sums of all points before each one.
        starts: The number of the first point of each group.
        end: The number behind the last point of the last group.
    """
    groups = [(k - n, sums[n], sums[k]) for n, k in pairwise([*starts, end])]
    return [((to_x - x) / count, (to_y - y) / count) for count, (x, y), (to_x, to_y) in groups]


def _fitted(at: float, near: Sequence[tuple[float, float]], half: float) -> float:
    """Return the value at a position of the weighted straight line through the points near it."""
    weights = [(1 - min(1.0, abs(x - at) / half) ** 3) ** 3 for x, _ in near]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, near, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, near, strict=True)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, near, strict=True))
    both = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, near, strict=True))
    # Where all points are at one position no line can be fitted, and their mean is all there is.
    value = mean_y + (both / spread * (at - mean_x) if spread > 1e-12 * half * half else 0.0)
    values = [y for _, y in near]
    # A line that rises could go beyond 1 at the end of a series, which no score does.
    return min(max(value, min(values)), max(values))
