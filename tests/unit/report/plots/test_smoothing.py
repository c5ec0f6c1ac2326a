"""Smoothed lines."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudai.report.plots.smoothing import smoothed


def test_a_straight_line_stays_as_it_is() -> None:
    """The values of a straight line are not changed, at its ends neither."""
    line = [(x / 3, 2 - x / 7) for x in range(40)]
    assert all(abs(y - before) < 1e-9 for (_, y), (_, before) in zip(smoothed(line, 4.0), line, strict=True))


def test_noise_becomes_less() -> None:
    """Of noise around a constant, the spread becomes a fifth or less in a window of sixty values."""
    noise = random.Random(1)  # noqa: S311
    points = [(float(x), 0.5 + noise.uniform(-0.4, 0.4)) for x in range(300)]
    inner = [y for _, y in smoothed(points, 60.0)][30:-30]
    assert max(abs(y - 0.5) for y in inner) < 0.1


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=60), st.floats(0.01, 300))
@settings(max_examples=150, deadline=None)
def test_a_smoothed_score_stays_a_score(points: list[tuple[float, float]], width: float) -> None:
    """Whatever the values and the window are, no smoothed value leaves the range of the values."""
    points.sort()
    values = [y for _, y in points]
    assert all(min(values) <= y <= max(values) for _, y in smoothed(points, width))
