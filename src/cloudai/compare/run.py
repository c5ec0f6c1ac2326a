"""`compare` asks several providers for the same inputs, each in a batch of its own, all in one journal."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from cloudai.batch.batch import AsyncBatch, Batch
from cloudai.batch.build import runner_for
from cloudai.batch.inputs import Inputs
from cloudai.batch.journal import Journal
from cloudai.batch.runner import SharedJournal
from cloudai.compare.choosing import Compared, measure_for
from cloudai.compare.measures import Measure
from cloudai.compare.results import Comparison
from cloudai.compare.truth import rows_by_item, rows_of
from cloudai.errors import CloudAIError, InputError, SettingsError
from cloudai.fallback import Several
from cloudai.operations import given_as, operation_named
from cloudai.outcomes import Outcome
from cloudai.providers.base import Provider
from cloudai.session import Session

__all__ = ["Order", "compare", "compare_awaiting"]


def compare(order: Order, truth: Any, prices: Mapping[str, float] | None) -> Comparison:
    """Carry out a comparison in threads, one for each provider; see `Client.compare`."""
    rows, prices = order.reference(truth), order.checked(prices)
    with ExitStack() as stack:
        journal = Journal(order.settings.get("journal"))
        stack.callback(journal.close)
        jobs = [stack.enter_context(Batch[Any](runner)) for runner in order.runners(journal, awaits=False)]
        # Each provider has a thread, so that a slow one does not keep the others waiting.
        with ThreadPoolExecutor(len(jobs)) as pool:
            try:
                ended = list(pool.map(_run, jobs))
            except BaseException:
                for job in jobs:  # Ctrl-C: what is on its way is waited for, and kept
                    job.stop()
                raise
    return order.compared(ended, rows, prices)


async def compare_awaiting(order: Order, truth: Any, prices: Mapping[str, float] | None) -> Comparison:
    """Carry out a comparison in tasks, one for each provider; see `Client.compare`."""
    rows, prices = order.reference(truth), order.checked(prices)
    async with AsyncExitStack() as stack:
        journal = Journal(order.settings.get("journal"))
        stack.callback(journal.close)
        runners = order.runners(journal, awaits=True)
        jobs = [await stack.enter_async_context(AsyncBatch[Any](runner)) for runner in runners]
        ended = await asyncio.gather(*map(_run_awaiting, jobs))
    return order.compared(ended, rows, prices)


Ended = tuple[list[Outcome[Any]], CloudAIError | None]
"""The outcomes of the inputs in order, and the error that has ended the batch early."""


def _run(job: Batch[Any]) -> Ended:
    """Run a batch, and return what became of each input, also if the batch pauses."""
    problem = None
    try:
        for _ in job:
            pass
    except CloudAIError as error:
        problem = error
    return list(job), problem


async def _run_awaiting(job: AsyncBatch[Any]) -> Ended:
    """Run a batch as `_run` does."""
    problem = None
    try:
        async for _ in job:
            pass
    except CloudAIError as error:
        problem = error
    return [outcome async for outcome in job], problem


@dataclass(frozen=True)
class Order:
    """A comparison that was asked for, with options that were checked."""

    sessions: tuple[Session, ...]
    operation: str
    inputs: Any
    measure: Measure[Any]
    settings: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        session: Session | Several,
        operation: str,
        inputs: Any,
        *,
        providers: Sequence[str | Provider] | None,
        overlap: float,
        feature: Compared | None,
        settings: Mapping[str, Any],
    ) -> Order:
        """Return the order; see `Client.compare` for the errors."""
        sessions = session.sessions if isinstance(session, Several) else (session,)
        if providers is not None:
            sessions = Several.of(providers, sessions[0].driver, sessions[0].options).sessions
        if len(sessions) < 2:  # noqa: PLR2004
            raise SettingsError(
                "one provider cannot be compared", advice='Give several: providers=["azure", "google"].'
            )
        # An overlap of 0 would match every box with every other.
        if isinstance(overlap, bool) or not isinstance(overlap, int | float) or not 0 < overlap <= 1:
            raise SettingsError(f"overlap={overlap!r}", advice="Give a number above 0 and at most 1.")
        if unfit := [name for name in ("progress", "price") if name in settings]:
            raise SettingsError(f"a comparison has no option {unfit[0]}", advice="Give prices= for each provider.")
        features = (settings.get("options") or {}).get("features")
        measure = measure_for(operation_named(operation).name, overlap, feature=feature, features=features)
        return cls(sessions, operation, _read(operation, inputs, settings), measure, settings)

    def runners(self, journal: Journal, *, awaits: bool) -> list[Any]:
        """Return a runner for each provider, all of them with one journal."""
        given = {name: value for name, value in self.settings.items() if name != "journal"}
        # All providers share one journal, so that the same call goes on for each of them where it ended.
        shares = [SharedJournal(journal, number, len(self.sessions)) for number in range(len(self.sessions))]
        return [
            runner_for(session, self.operation, self.inputs, given, awaits=awaits, shared=shared)
            for session, shared in zip(self.sessions, shares, strict=True)
        ]

    def reference(self, truth: Any) -> list[Mapping[str, Any]] | None:
        """Return the rows of a reference, as far as they can be checked before anything is paid for.

        Raises:
            InputError: The reference cannot be read, or names an input that there is not. Inputs without a name, such
                as bytes, are looked up later.
        """
        if truth is None:
            return None
        rows, names = rows_of(truth), [entry.name for entry in self._entries()]
        # A reference that can be told to be wrong is refused now: later everything would be paid for.
        known = [row for row in rows if all(names) or row.get("item") not in (None, "")]
        self.measure.true(rows_by_item(known, [name or "" for name in names]))
        return rows

    def _entries(self) -> Inputs:
        return Inputs(self.operation, self.inputs, self.settings.get("column"), self.settings.get("keep"))

    def checked(self, prices: Mapping[str, float] | None) -> dict[str, float]:
        """Return the prices, of which each is that of a provider.

        Raises:
            SettingsError: There is no provider of a name, or a price is no number.
        """
        names = [session.provider.name for session in self.sessions]
        for name, price in (prices or {}).items():
            if name not in names:
                raise SettingsError(f"a price for {name!r}, which is not asked", advice=f"Asked: {', '.join(names)}.")
            if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < math.inf:
                raise SettingsError(f"the price of {name} is {price!r}", advice="Give USD for 1,000 units.")
        return dict(prices or {})

    def compared(
        self, ended: Sequence[Ended], truth: Sequence[Mapping[str, Any]] | None, prices: Mapping[str, float]
    ) -> Comparison:
        """Return the comparison of what was answered.

        Raises:
            CloudAIError: Nothing was answered, for the reason that the error gives.
        """
        names = [session.provider.name for session in self.sessions]
        problems = {name: problem for name, (_, problem) in zip(names, ended, strict=True) if problem is not None}
        outcomes = {name: each for name, (each, _) in zip(names, ended, strict=True)}
        # One provider that answered is worth showing; `Comparison.problems` has why the others did not.
        if problems and not any(outcome.result for each in outcomes.values() for outcome in each):
            raise next(iter(problems.values()))
        sources = [entry.given for entry in self._entries()]
        return Comparison(self.operation, tuple(names), outcomes, self.measure, truth, prices, problems, sources)


def _read(operation: str, inputs: Any, settings: Mapping[str, Any]) -> Any:
    """Return inputs that each of several batches can go over: open files are read, and generators made into lists."""
    if settings.get("column") is not None or isinstance(inputs, str):
        # A generator can be gone through once, and there are several batches.
        return inputs if hasattr(inputs, "__len__") else list(inputs)
    return [_read_file(operation, each) if hasattr(each, "read") else each for each in inputs]


def _read_file(operation: str, file: Any) -> Any:
    """Return the bytes of an open file, or the file itself where it cannot be read, which each batch will report."""
    with suppress(InputError):
        source: Any = given_as(operation, file)
        return source.data
    return file
