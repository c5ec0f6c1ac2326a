"""The state of one running batch, which its workers, hooks, plan and tables share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from cloudai.batch.cache_store import CacheStore
from cloudai.batch.inputs import Inputs
from cloudai.batch.policy import Policy
from cloudai.batch.settings import Settings
from cloudai.batch.statements import AnyJournal, TurnsOfKeeper
from cloudai.batch.task import Task
from cloudai.batch.time_left import TimeLeft
from cloudai.core.cooldown import Cooldown
from cloudai.core.lazy import lazy
from cloudai.core.rate_limit import Rate
from cloudai.session import Session

__all__ = ["BatchState"]

USUAL = 8
"""Default number of requests in flight, if the provider is on the network."""
USUAL_MERGED = 4
"""Default number of requests in flight, if each request has many inputs: all of these are in memory."""


@dataclass(eq=False)
class BatchState:
    """The state of one batch.

    If several providers are asked in turn, this is the state for the last one, which decides when the batch pauses, and
    ``before`` has a state for each of the others. They share the inputs, the journal and the limits.

    Args:
        session: The client's provider, engine, driver and options.
        tasks: The operations that are carried out for each input, with their options.
        settings: The settings of the batch.
        inputs: The inputs.
        rates: The pace of the batch; empty if it keeps none.
        journal: The file that keeps requests, replies and results.
        cache: The cache of earlier batches; None if it is not used.
        policy: Decides what errors mean, and when the batch stops.
        turns: The turns that a keeper hands out to all processes that use it; None if this process keeps the pace.
        before: The states for the providers that are asked before this one, in order.
        cooldowns: For each task the time for which the provider is not asked because it has failed; empty for the last
            provider, which is waited for.
        waiting_until: The time, by the clock of the policy, until which the worker that asked last for a turn has to
            wait; None if that worker has got its turn.
    """

    session: Session
    tasks: tuple[Task, ...]
    settings: Settings
    inputs: Inputs
    rates: tuple[Rate, ...]
    journal: AnyJournal
    cache: CacheStore | None
    policy: Policy
    turns: TurnsOfKeeper | None = None
    before: tuple[BatchState, ...] = ()
    cooldowns: tuple[Cooldown, ...] = ()
    waiting_until: float | None = None

    @lazy
    def time_left(self) -> TimeLeft:
        """Estimates how long the batch still takes."""
        return TimeLeft(self.rates)

    @property
    def in_turn(self) -> tuple[BatchState, ...]:
        """The states for all providers, in the order in which they are asked."""
        return (*self.before, self)

    @lazy
    def providers(self) -> str:
        """The names of the providers, separated by commas."""
        return ", ".join(state.session.provider.name for state in self.in_turn)

    def of(self, provider: str | None) -> BatchState:
        """Return the state for the provider of this name, or this state if there is no such provider."""
        # A row may name several providers, if its input was never begun, or one that the client no longer has.
        return next((state for state in self.before if state.session.provider.name == provider), self)

    @property
    def name(self) -> str:
        """The names of the operations, separated by commas."""
        return ", ".join(task.operation for task in self.tasks)

    @property
    def offline(self) -> bool:
        """True if a cassette answers, so that nothing is sent."""
        return self.session.options.offline

    @property
    def total(self) -> int | None:
        """The number of outcomes, one for each input and operation; None if the number of inputs is not known."""
        return None if self.inputs.total is None else self.inputs.total * len(self.tasks)

    @lazy
    def inputs_per_request(self) -> int:
        """The maximum number of inputs in a request, times the operations; 1 if requests cannot be merged."""
        most = max(task.max_per_request for state in self.in_turn for task in state.tasks)
        return most * len(self.tasks) if most > 1 else 1

    @lazy
    def slots(self) -> Any:
        """A semaphore of the driver that limits the requests in flight, including those of parallel steps."""
        return self.session.driver.semaphore(self.concurrency)

    @property
    def concurrency(self) -> int:
        """The maximum number of requests in flight, which the client's ``max_concurrency`` limits.

        It is 1 if a cassette answers, because its replies may have to come in order.
        """
        if self.offline:
            return 1
        is_remote = any(state.session.provider.hosts for state in self.in_turn)
        usual = USUAL if is_remote else max(1, (os.cpu_count() or 2) - 1)
        usual = USUAL_MERGED if self.inputs_per_request > 1 else usual
        return max(1, min(self.settings.concurrency or usual, self.session.options.max_concurrency))
