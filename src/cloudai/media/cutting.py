"""Choose the times at which a long recording is cut, by how loud it is: in the pauses between sentences.

The levels of a recording are decibels of its mean amplitude, one for each `FRAME` seconds. The quantiles of the levels
around a cut tell what counts as a pause, and no fixed level does: a microphone in a noisy hall hears no silence, and
its pauses are still quieter than its speech.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

__all__ = ["FRAME", "OVERLAP", "cut", "nominal"]

FRAME = 0.02
"""Seconds that one level stands for."""
OVERLAP = 6.0
"""Seconds that two pieces share where there is no pause between them.

A word that is drawn out to four seconds is whole in one of the two, wherever the cut is, and there is room for another
word, by which they are joined.
"""
FILLED = 0.8
"""How much of the most seconds a piece has on average. The rest is the room in which a pause is looked for."""
WIDEST = 30.0
"""The most seconds around a cut in which a pause is looked for, on either side."""
SHORTEST = 0.2
"""Seconds of the shortest pause; the silence before a "t" or a "p" inside a word is shorter."""
QUIET, LOUD = 0.1, 0.95
"""The quantiles of the levels that stand for pauses and for speech.

Where all is speech but for one short pause, what is quietest for `SHORTEST` seconds stands for pauses.
"""
BETWEEN = 0.3
"""The part of the way from quiet to loud, in decibels, below which the recording counts as a pause."""
FLAT = 6.0
"""Decibels between quiet and loud below which a stretch is all of one kind: all silence, all noise, or all music."""
MANY = 10_000
"""How many of the levels of a whole recording are enough to tell how loud it is."""
SMOOTHED = 2
"""Frames on either side over which a level is averaged, so that a click is no speech."""


def nominal(duration: float, most: float) -> list[tuple[float, float]]:
    """Return as few pieces of the same length as a recording takes, each as its beginning and its end, in seconds.

    Args:
        duration: Seconds of the recording.
        most: The most seconds of a piece.
    """
    if duration <= most:
        return [(0.0, duration)]
    n = math.ceil(duration / (FILLED * most))
    return [(duration * k / n, duration * (k + 1) / n) for k in range(n)]


def cut(
    levels: Sequence[float],
    duration: float,
    most: float,
    is_silent: Callable[[float, float], float | None] = lambda _begin, _end: None,
) -> list[tuple[float, float]]:
    """Return the pieces of a recording, each as its beginning and its end, in seconds.

    Each is cut from the next one in the middle of the longest pause near the place where pieces of the same length
    would be cut. Where there is none, the two share `OVERLAP` seconds, or fewer if a piece may not be long enough.

    Args:
        levels: The levels of the recording.
        duration: Seconds of the recording.
        most: The most seconds of a piece.
        is_silent: A function that looks for a pause between two times where the levels show none, and returns its
            middle, or None.
    """
    even = nominal(duration, most)
    spare = most - even[0][1]
    reach, shared = min(WIDEST, spare / 2), min(OVERLAP, spare)
    loud = _quantile(levels[:: max(1, len(levels) // MANY)], LOUD)
    ends: list[tuple[float, float]] = []
    for (_, at), _ in pairwise(even):
        begin, end = at - reach, at + reach
        here = _pause(levels[int(begin / FRAME) : int(end / FRAME)], loud)
        middle = is_silent(begin, end) if here is None else begin + here
        ends.append((at + shared / 2, at - shared / 2) if middle is None else (middle, middle))
    begins = [0.0, *(begin for _, begin in ends)]
    return list(zip(begins, [*(end for end, _ in ends), duration], strict=True))


def _pause(levels: Sequence[float], loud: float) -> float | None:
    """Return the middle of the longest pause, in seconds from the first level; None if there is none.

    If several have the same length, it is the one in the middle.

    Args:
        levels: The levels to look through.
        loud: The level of the speech of the whole recording.
    """
    high = _quantile(levels, LOUD)
    quietest = _quantile(levels, SHORTEST / FRAME / max(1, len(levels)))
    smooth = _smoothed(levels)
    for low in (_quantile(levels, QUIET), quietest):
        if high - low >= FLAT and (middle := _longest(smooth, low + BETWEEN * (high - low))) is not None:
            return middle
    # A steady sound is silence if it is quieter than the speech elsewhere; otherwise it may hide speech.
    is_silent = high - quietest < FLAT and high < loud - FLAT
    return len(levels) * FRAME / 2 if is_silent else None


def _longest(levels: Sequence[float], border: float) -> float | None:
    """Return the middle of the longest stretch below a level, in seconds; None if none lasts `SHORTEST` seconds."""
    best: tuple[float, float, float] | None = None
    begin = None
    # A level above any border comes last, and ends a pause that lasts until the end.
    for number, level in enumerate([*levels, math.inf]):
        if level < border:
            begin = number if begin is None else begin
        elif begin is not None:
            middle = (begin + number) / 2
            pause = (number - begin, -abs(middle - len(levels) / 2), middle)
            best = max(best or pause, pause)
            begin = None
    return best[2] * FRAME if best and best[0] * FRAME >= SHORTEST else None


def _smoothed(levels: Sequence[float]) -> list[float]:
    whole = len(levels)
    near = [levels[max(0, n - SMOOTHED) : min(whole, n + SMOOTHED + 1)] for n in range(whole)]
    return [sum(some) / len(some) for some in near]


def _quantile(levels: Sequence[float], part: float) -> float:
    return sorted(levels)[min(int(part * len(levels)), len(levels) - 1)] if levels else 0.0
