"""What the parts of one running batch share: who is asked what, by which rules, and where it is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

from cloudai.batch.cache_store import CacheStore
from cloudai.batch.inputs import Inputs
from cloudai.batch.journal import Journal
from cloudai.batch.policy import Policy
from cloudai.batch.settings import Settings
from cloudai.batch.task import Task
from cloudai.core.rate_limit import Rate
from cloudai.session import Session

__all__ = ["BatchState"]

USUAL = 8
"""Requests in flight, where the provider is on the network."""
USUAL_MERGED = 4
"""The same where each request has many inputs, which are all in memory."""


@dataclass(eq=False)
class BatchState:
    """One batch.

    Args:
        session: The client's provider, engine, driver and options.
        tasks: What is asked of each input.
        settings: What was chosen for the batch.
        inputs: The inputs.
        rates: The pace; none where the batch keeps none.
        journal: The file that keeps it.
        cache: The cache of earlier batches, where it is used.
        policy: What errors mean, and when the batch stops.
        waiting_until: When the next turn is, by the clock of the policy, where a worker waits for it.
    """

    session: Session
    tasks: tuple[Task, ...]
    settings: Settings
    inputs: Inputs
    rates: tuple[Rate, ...]
    journal: Journal
    cache: CacheStore | None
    policy: Policy
    waiting_until: float | None = None

    @property
    def name(self) -> str:
        """What is asked, in words."""
        return ", ".join(task.operation for task in self.tasks)

    @property
    def offline(self) -> bool:
        """Whether a cassette answers, and nothing is sent."""
        return self.session.options.offline

    @property
    def total(self) -> int | None:
        """How many outcomes there will be: one for each input and operation; None where that is not known."""
        return None if self.inputs.total is None else self.inputs.total * len(self.tasks)

    @cached_property
    def inputs_per_request(self) -> int:
        """The most inputs, times operations, that go into one request."""
        most = max(task.max_per_request for task in self.tasks)
        return most * len(self.tasks) if most > 1 else 1

    @property
    def concurrency(self) -> int:
        """Requests in flight; one where a cassette answers, which may hold its replies in order."""
        if self.offline:
            return 1
        usual = USUAL if self.session.provider.hosts else max(1, (os.cpu_count() or 2) - 1)
        usual = USUAL_MERGED if self.inputs_per_request > 1 else usual
        return max(1, min(self.settings.concurrency or usual, self.session.options.max_concurrency))
