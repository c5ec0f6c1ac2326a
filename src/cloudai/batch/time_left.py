"""Estimate how long a batch still takes, from its pace and from what is still to be sent.

A bar that divides the time so far by the inputs so far is wrong where a pace is kept: twenty requests go out at once,
and then none for a minute.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence

from cloudai.core.rate_limit import MARGIN, Rate

__all__ = ["MOST_ENDS", "TimeLeft", "last_turn"]

REMEMBERED = 10_000
"""Turns that are remembered at most: those of a rate that allows more in its window limit nothing for long."""
RECENT = 60.0
"""Seconds over which the speed is measured where no pace is kept."""
MOST_ENDS = 500
"""Inputs over which the speed is measured at most: a batch of any length takes no more memory for it."""


def last_turn(rate: Rate, taken: Sequence[float], requests: int, now: float) -> float:
    """Return the time of the last of so many requests, if each goes out as soon as the rate allows it.

    Args:
        rate: The rate.
        taken: The times of the last turns, in order; of the rate's ``n`` last ones each blocks one for its window.
        requests: How many requests are still to be sent; 1 or more.
        now: The time.
    """
    window = rate.seconds + MARGIN
    rounds, place_in_window = divmod(requests - 1, rate.n)
    blocked_by = place_in_window - (rate.n - len(taken))
    first = taken[blocked_by] + window if 0 <= blocked_by < len(taken) else now
    return max(now, first) + rounds * window


class TimeLeft:
    """Notes when requests go out and when inputs end, and estimates the seconds that the rest takes.

    Args:
        rates: The pace of the batch; empty if it keeps none.
    """

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._rates = tuple(rates)
        self._lock = threading.Lock()
        most = max((rate.n for rate in rates), default=0)
        self._taken: deque[float] = deque(maxlen=min(most, REMEMBERED))
        self._turns = 0
        self._ends: deque[float] = deque(maxlen=MOST_ENDS)
        self._asked = self._turns_of_asked = 0
        self._seconds = 0.0
        self._begun: float | None = None

    def note_turn(self, now: float) -> None:
        """Note that a request goes out."""
        with self._lock:
            self._taken.append(now)
            self._turns += 1

    def note_end(self, turns: int, now: float, seconds: float) -> None:
        """Note that an input has ended for which the provider was asked.

        Args:
            turns: The turns that its requests have taken.
            now: The time.
            seconds: How long its last request and its reading took.
        """
        with self._lock:
            self._asked += 1
            self._turns_of_asked += turns
            self._seconds += seconds
            self._ends.append(now)
            self._begun = now - seconds if self._begun is None else self._begun

    def seconds(self, inputs: int, now: float) -> float | None:
        """Return the seconds until so many more inputs have ended; None as long as nothing is known.

        Args:
            inputs: The inputs that have not ended.
            now: The time.
        """
        with self._lock:
            if not inputs or not self._asked:
                return 0.0 if not inputs else None
            usual = self._seconds / self._asked
            if not self._rates or not self._turns_of_asked:
                return self._by_speed(inputs, now)
            # The turns of inputs that have not ended are a part of what these inputs need.
            needed = inputs * self._turns_of_asked / self._asked - (self._turns - self._turns_of_asked)
            requests = math.ceil(needed - ROUNDING)
            if requests < 1:
                return usual
            taken = list(self._taken)
            ends = [last_turn(rate, taken[-rate.n :], requests, now) for rate in self._rates]
            return max(*ends, now) - now + usual

    def _by_speed(self, inputs: int, now: float) -> float:
        """Return the seconds for so many inputs at the speed of the last minute, or of the last `MOST_ENDS` inputs."""
        since = max(now if self._begun is None else self._begun, now - RECENT)
        if len(self._ends) == MOST_ENDS:
            since = max(since, self._ends[0])
        recent = sum(end >= since for end in self._ends)
        if not recent:  # nothing has ended for a minute
            return inputs * self._seconds / self._asked
        return inputs * max(now - since, ROUNDING) / recent


ROUNDING = 1e-6
"""Differences that come from computing with fractions."""
