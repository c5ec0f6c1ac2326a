"""This module keeps what is known of the requests of one call that were not answered."""

from __future__ import annotations

from cloudai.batch.outage import Streak
from cloudai.batch.queries import CallRecord
from cloudai.core.flow import Request

__all__ = ["History"]


class History:
    """The requests of a call that went without an answer, or were refused as a whole, in this run and earlier ones.

    Args:
        record: What the journal knew of the call before.
    """

    def __init__(self, record: CallRecord) -> None:
        self._known = record.unanswered
        self._companies: dict[str, int | None] = {step_id: step.company for step_id, step in self._known.items()}
        self._streaks: list[tuple[str, Streak]] = []
        """The step of each try since then, and the streak of failures that it belongs to."""

    @property
    def tries(self) -> int:
        """How many requests for this input alone were not answered; the largest number of all steps."""
        steps = {*self._known, *(step_id for step_id, _ in self._streaks)}
        return max(map(self.tries_of, steps), default=0)

    def tries_of(self, step_id: str) -> int:
        """Return how many requests of a step for this input alone were not answered, while the service was up."""
        before = self.tries_before(step_id)
        if not self._streaks:  # as in most calls
            return before
        return before + sum(step == step_id and not streak.excused for step, streak in self._streaks)

    def company(self, step_id: str) -> int | None:
        """Return how many inputs were in the smallest request that failed as a whole; None if there was none."""
        return self._companies.get(step_id)

    def tries_before(self, step_id: str) -> int:
        """Return how many tries of a step were counted before this call."""
        known = self._known.get(step_id)
        return known.tries if known else 0

    def is_part(self, step_id: str) -> bool:
        """Return whether the next request of a step is a part of one that was divided."""
        return (self.company(step_id) or 0) > 1

    def most_inputs(self, step_id: str, request: Request) -> int:
        """Return the maximum number of inputs in the next request of a step; 0 if its call goes alone.

        They are half as many as were in the smallest request that has failed as a whole.
        """
        if request.merge is None:
            return 0
        company = self.company(step_id)
        return request.merge.limit if company is None else company // 2

    def failed_as_a_whole(self, step_id: str, size: int) -> None:
        """Note that a request for so many inputs failed as a whole."""
        self._companies[step_id] = size

    def add(self, step_id: str, streak: Streak) -> None:
        """Note a try of the input that was not answered, and the streak of failures that it belongs to."""
        self._streaks.append((step_id, streak))
