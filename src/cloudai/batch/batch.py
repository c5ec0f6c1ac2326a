"""The batches that users run: `Batch` belongs to a blocking client, `AsyncBatch` to an awaiting one."""

from __future__ import annotations

import asyncio
import html
import inspect
import math
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from typing import Any, Generic, Self, TypeVar

from cloudai.batch import queries, reparse
from cloudai.batch.dask_engine import DaskRun, Watch, number_of_parts
from cloudai.batch.journal import IF_DAMAGED
from cloudai.batch.parts import Part, parts_of
from cloudai.batch.plan import Plan, plan, unanswered
from cloudai.batch.progress import Progress, progress_for
from cloudai.batch.queues import END
from cloudai.batch.results import Kept, table_of
from cloudai.batch.runner import Runner
from cloudai.core.drivers.shared import apart
from cloudai.errors import JournalError, SettingsError
from cloudai.models.base import FEW, WIDE, Result
from cloudai.outcomes import Outcome, tidy
from cloudai.table import Table
from cloudai.text import inert

__all__ = ["AsyncBatch", "Batch", "Mapped"]

R = TypeVar("R", bound=Result)

DRAIN = 10.0
"""Seconds to wait for requests that are in flight when a batch is ended early."""
LOOK = 0.5
"""Seconds that one wait lasts at most: on Windows, Ctrl-C reaches the main thread only between two waits."""
TURN = 0.005
"""Seconds for which the reader of outcomes may keep the event loop while outcomes are ready."""
STEPS = 3
"""Steps of the event loop after which it has closed a generator that nothing refers to any more."""


class _Batch(Generic[R]):
    """The part of a batch that both kinds of client share: its books, and its tables, read from the journal."""

    def __init__(self, runner: Runner[R]) -> None:
        self._runner = runner
        self._price_date = time.strftime("%Y-%m-%d")
        self._at_work: list[Any] = []
        """The threads or tasks of the workers."""
        self._until = math.inf
        """Time (monotonic seconds) until which requests in flight are waited for; infinite until the batch is ended."""
        self._stopped = False
        """True once the user has stopped the batch."""
        self._running = False
        self._parted = False
        """True if other processes carry the batch out."""
        self._abandoned = runner.holdings.close_with(self)
        state = runner.state
        batches = [(task.batch, task.operation) for task in state.tasks]
        # Results are read from the journal whenever they are asked for: those of a large batch do not fit into memory.
        self._outcomes = Kept(state.journal, batches, state.inputs)
        self._is_map = False
        """True if the outcomes are in a list already, so that nothing is copied from the journal."""

    @property
    def books(self) -> dict[str, int]:
        """The number of inputs submitted, and of those that ended as done, failed, in_doubt, skipped or not_started.

        Inputs that the provider does not support count as failed.
        """
        return self._runner.recorder.books

    @property
    def balanced(self) -> bool:
        """True if every input that was submitted has ended exactly once."""
        return self._runner.recorder.balanced

    @property
    def sent(self) -> int:
        """The number of billed requests that this run has sent."""
        return self._runner.state.policy.limits.sent

    @property
    def paused(self) -> str | None:
        """The reason why the batch ended before all of its inputs did; None where it did not."""
        policy = self._runner.state.policy
        if policy.cause is not None:
            return str(policy.cause)
        if policy.limits.reached:
            return f"{policy.limits.reached} is reached"
        return "it was stopped" if self._stopped else None

    def __repr__(self) -> str:
        state = self._runner.state
        counts = {name: n for name, n in self._runner.recorder.books.items() if n and name != "submitted"}
        told = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items()) or "not begun"
        total = "" if state.total is None else f" of {state.total}"
        paused = f"; paused: {self.paused}" if self.paused else ""
        journal = f"; journal {state.journal.name}" if state.journal.name else ""
        return inert(
            f"<{type(self).__name__} {state.name} by {state.session.provider.name}: {told}{total}{paused}{journal}>"
        )

    def stop(self, wait: float = DRAIN) -> None:
        """Start no more inputs, and let the iteration end once the requests in flight are answered.

        This may be called from any thread and from a signal handler, and again with a shorter wait. If the batch was
        partitioned and has a keeper, the keeper tells all processes that carry out a part. Without a keeper, nobody
        tells them.

        Args:
            wait: Seconds to wait at most. A request that is not answered by then is in doubt.
        """
        # A batch that has come to its end by itself was not stopped.
        self._stopped = self._stopped or self._running or not self._runner.began
        self._end_within(wait)
        if self._parted:
            self._runner.stop_everywhere()

    def _end_within(self, wait: float) -> None:
        self._runner.stop()
        self._until = min(self._until, time.monotonic() + wait)

    def _let_go(self) -> list[Any]:
        """Start nothing more, and return the workers that are still to be waited for.

        The list is empty if the batch never began, or if the workers were returned before.
        """
        workers, self._at_work = self._at_work, []
        if workers:
            self._end_within(DRAIN)
            # No outcome is read any more, and a worker that waited for room in the queue would never end.
            self._runner.outcomes.open_wide()
        else:
            self._running = False
        return workers

    def _require_ended(self) -> None:
        """Raise SettingsError while an iteration runs the batch, because the journal does not hold all outcomes yet."""
        if self._running:
            raise SettingsError(
                "the batch runs already", advice="Go on with the loop that runs it; read what is kept when it ends."
            )

    def _kept(self) -> Iterator[Outcome[R]]:
        return iter(self._outcomes)

    def _table(self) -> Table:
        return table_of(self._kept(), self._runner.state.settings.price, self._price_date)

    def _manifest(self) -> dict[str, Any]:
        models: dict[str, None] = {}
        digests: list[Any] = []
        books: Counter[str] = Counter()
        dates: list[str] = []
        for outcome in self._kept():
            if outcome.result is not None:
                models[outcome.result.meta.model or ""] = None
            books[outcome.status] += 1
            digests.append(outcome.facts.get("sha256"))
            dates += [str(outcome.facts[name]) for name in ("started_at", "finished_at") if outcome.facts.get(name)]
        known = {batch["batch"]: batch for batch in self._runner.state.journal.read(queries.batches)}
        held = [known[task.batch] for task in self._runner.state.tasks if task.batch in known]
        if not held:
            raise JournalError("the journal is damaged: what it says of this batch cannot be read", advice=IF_DAMAGED)
        options = {task.operation: task.shown_options() for task in self._runner.state.tasks}
        names = list(options)
        return {
            "cloudai": held[0]["version"],
            "provider": held[0]["provider"],
            "operation": names[0] if len(names) == 1 else names,
            "options": options[names[0]] if len(names) == 1 else options,
            "models": [model for model in models if model],
            "runs": max(batch["runs"] for batch in held),
            "first": min(dates, default=None),
            "last": max(dates, default=None),
            "inputs_sha256": digests,
            "requests": sum(batch["requests"] for batch in held),
            "units_max": sum(batch["units"] for batch in held),
            "books": dict(books),
        }


class Batch(_Batch[R]):
    """A batch of a blocking client, made by `Client.batch`.

    Iterate over it to run it, and once more to read the outcomes that it has kept. A run yields each outcome as soon
    as it is ready, not in the order of the inputs; the tables are in that order.

    Args:
        runner: Runs it.
        client: The client that has made it; its parts take it along.
    """

    def __init__(self, runner: Runner[R], client: Any = None) -> None:
        super().__init__(runner)
        self._client = client

    def partition(self, n: int, *, journals: str | os.PathLike[str] | None = None) -> list[Part]:
        """Return the batch as ``n`` parts at most, to be carried out by ``part.run()`` in any process.

        From then on this batch only reads: iterate over it for the outcomes that its parts have kept with the keeper.
        Paths among the inputs must lead to the same files wherever a part is carried out. If the same list of inputs is
        partitioned again into as many parts, these have the same keys and the same journal entries. With a keeper, the
        inputs of a generator count as another list each time.

        Args:
            n: Number of parts.
            journals: A folder in which each part keeps a journal of its own, where the batch has no keeper; later
                `cloudai journal merge` makes one of them.

        Raises:
            SettingsError: The batch has neither a keeper nor a folder for journals, or both; it has begun; or ``n`` is
                no number from 1.
            InputError: A generator yields other things than paths, addresses, texts and rows.
        """
        if self._runner.began and not self._parted:
            raise SettingsError("the batch has begun", advice="Make another one, and partition it before it is run.")
        parts = parts_of(self._runner, self._client, n, journals, type(self))
        self._runner.began = self._parted = True
        return parts

    @property
    def books(self) -> dict[str, int]:
        """The number of inputs submitted, and of those that ended as done, failed, in_doubt, skipped or not_started.

        Inputs that the provider does not support count as failed. If the batch was partitioned, the journal of its
        keeper is asked, and inputs that no part has come to count as not started.
        """
        if self._parted and not self._running:
            with suppress(JournalError):  # the batch is closed: this is what it had when it was asked last
                self._runner.count()
        return super().books

    def plan(self) -> Plan:
        """Return what the batch would do; every input is read, and nothing is sent.

        If the inputs come from a generator, its paths, texts and rows are kept in memory for the run.

        Raises:
            InputError: The inputs can be read only once.
        """
        return plan(self._runner.state, began=self._runner.began)

    def unanswered(self, wanted: Callable[[int, str], bool]) -> list[int]:
        """Return the numbers of those inputs that a run would send, among those that are wanted; nothing is sent.

        Args:
            wanted: Says by the number and the name of an input whether it is looked at; each of these is read.
        """
        return unanswered(self._runner.state, wanted)

    def __iter__(self) -> Iterator[Outcome[R]]:
        self._require_ended()
        if self._runner.began:
            yield from self._kept()
            return
        if self._runner.state.settings.engine is not None:
            yield from self._elsewhere()
            return
        with progress_for(self._runner.state, self._runner.recorder) as progress:
            try:
                self._begin()
                while (outcome := self._next(progress)) is not END:
                    progress.show(outcome)
                    yield outcome
            finally:
                # A loop that is left by ``break`` or by an error ends here too: what is in flight may be paid for, and
                # is waited for.
                self._finish()
        self._runner.raise_for_cause()

    def _elsewhere(self) -> Iterator[Outcome[R]]:
        """Have a cluster carry the batch out, and yield the outcomes of each part as soon as it has ended."""
        state, recorder = self._runner.state, self._runner.recorder
        n = number_of_parts(state.settings.engine, state.total, state.inputs_per_request)
        parts = self.partition(n)
        self._running = True
        with progress_for(state, recorder) as progress:
            run, watch = DaskRun(state.settings.engine, parts), Watch(self._runner)

            def wait() -> None:
                watch.look()
                progress.wait()

            try:
                for outcomes in run.outcomes(lambda: self._stopped, wait):
                    for outcome in outcomes:
                        watch.look()
                        progress.show(outcome)
                        yield outcome
            finally:
                if run.cancel():
                    self._runner.stop_everywhere()
                self._running = False
                with suppress(JournalError):  # the keeper is gone: the progress shows what it knew last
                    self._runner.count()

    def _begin(self) -> None:
        self._running = True
        for n, worker in enumerate(self._runner.begin()):
            thread = threading.Thread(target=self._work, args=(worker,), name=f"cloudai-batch-{n}", daemon=True)
            self._at_work.append(thread)
            thread.start()

    def _work(self, worker: Any) -> None:
        with suppress(BaseException):  # the runner keeps it, and raises it to the reader of the outcomes
            self._runner.state.session.driver.run(worker)

    def _finish(self) -> None:
        """Wait for the requests in flight, ten seconds at most, and write down which inputs have not ended."""
        if not (threads := self._let_go()):
            return
        try:
            for thread in threads:
                while thread.is_alive() and time.monotonic() < self._until:
                    thread.join(LOOK)
        finally:
            self._runner.end()
            self._running = False

    def _next(self, progress: Progress) -> Any:
        if time.monotonic() < self._until and (outcome := self._runner.outcomes.at_hand()) is not None:
            return outcome
        future = self._runner.outcomes.get()
        while time.monotonic() < self._until:
            with suppress(TimeoutError):
                return future.result(LOOK)
            progress.wait()
        return END

    def table(self) -> Table:
        """Return one row for each input: status, attempts, units and their cost, times, digest, how it was prepared.

        The rows are read from the journal: this does not run the batch.
        """
        return self._table()

    def tidy(self, kind: str | None = None, *, meta: bool = False) -> Table:
        """Return one row for each thing found, and at least one for each input; run the batch if it has not run.

        Args:
            kind: The kind of table: "faces", "tags", "text" …, or None for all that was found; see `cloudai.tidy`.
            meta: Whether columns are added that say where each result comes from.

        Raises:
            SettingsError: An iteration runs the batch already.
            PausedError: The batch was run by this, and an outage or a spent quota ended it early.
        """
        return tidy(self, kind, meta=meta)

    def _repr_html_(self) -> str:
        ended = self._runner.began and not self._running
        return tidy(self._kept()).filled()._repr_html_() if ended else f"<p>{html.escape(repr(self))}</p>"

    def reparse(self) -> int:
        """Read the stored replies again, after an update of cloudai, and return for how many inputs that was done.

        This needs no pictures, and sends nothing. An input is left out if reading its replies needs a text that is not
        at hand. An input whose replies are incomplete is counted, but its outcome stays as it is.
        """
        n = 0
        for reading in reparse.readings(self._runner.state):
            result = error = None
            try:
                result = self._runner.state.session.driver.run(reading.program)
            except Exception as failure:  # noqa: BLE001  # it concerns this input only
                error = failure
            reparse.keep(self._runner.recorder, reading, result, error)
            n += 1
        return n

    def manifest(self) -> dict[str, Any]:
        """Return what a reader of the results must know: versions, models, dates, options, digests of inputs, books.

        Raises:
            JournalError: The journal is damaged.
        """
        return self._manifest()

    def close(self) -> None:
        """End the batch, wait up to ten seconds for the requests in flight, and close the journal.

        Raises:
            JournalError: Something that was paid for could not be kept.
        """
        try:
            self._finish()
        finally:
            self._abandoned.detach()
            # The outcomes are copied from the journal, so this comes before the runner closes it.
            self._outcomes.close(copies=self._runner.began and not self._is_map)
            self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with _unless_told(kind):
            self.close()


class AsyncBatch(_Batch[R]):
    """A batch of an awaiting client, made by `AsyncClient.batch`.

    Iterate over it with ``async for`` to run it, and once more to read the outcomes that it has kept. A run yields
    each outcome as soon as it is ready, not in the order of the inputs; the tables are in that order.
    """

    _turn_ends = -math.inf
    """Time (monotonic seconds) when the reader of outcomes next gives the event loop to other tasks."""

    async def plan(self) -> Plan:
        """Return what the batch would do; every input is read, and nothing is sent.

        If the inputs come from a generator, its paths, texts and rows are kept in memory for the run.

        Raises:
            InputError: The inputs can be read only once.
        """
        return await asyncio.to_thread(plan, self._runner.state, began=self._runner.began)

    async def __aiter__(self) -> AsyncIterator[Outcome[R]]:
        await self._left()
        self._require_ended()
        if self._runner.began:
            # Reading the journal waits for the disk, which the event loop must not.
            for outcome in await asyncio.to_thread(list, self._kept()):
                yield outcome
            return
        with progress_for(self._runner.state, self._runner.recorder) as progress:
            try:
                await self._begin()
                while (outcome := await self._next(progress)) is not END:
                    if inspect.isawaitable(told := progress.show(outcome)):
                        await told
                    yield outcome
            finally:
                await self._finish()
        self._runner.raise_for_cause()

    async def _left(self) -> None:
        """Wait until the event loop has closed an earlier iteration that was left by ``break``."""
        for _ in range(STEPS):
            await asyncio.sleep(0)
        while self._running and not self._at_work:  # noqa: ASYNC110  # brief and rare
            await asyncio.sleep(LOOK / 10)

    async def _begin(self) -> None:
        self._running = True
        # Beginning waits for the disk of the journal. The thread is shielded from a cancellation, because what it has
        # made by then has to be ended.
        begun = apart(self._runner.begin)
        try:
            workers = await asyncio.shield(asyncio.wrap_future(begun))
        except BaseException:  # cancelled: nothing can be awaited from here on
            self._runner.stop()
            wait_for([begun])
            self._runner.end()
            raise
        self._at_work = [asyncio.ensure_future(self._work(worker)) for worker in workers]

    async def _work(self, worker: Any) -> None:
        try:
            await self._runner.state.session.driver.run(worker)
        except asyncio.CancelledError:
            raise
        except BaseException:  # noqa: BLE001, S110  # the runner keeps it, and raises it to the reader of the outcomes
            pass

    async def _next(self, progress: Progress) -> Any:
        await self._others_turn()
        if time.monotonic() < self._until and (outcome := self._runner.outcomes.at_hand()) is not None:
            return outcome
        future = asyncio.wrap_future(self._runner.outcomes.get())
        while time.monotonic() < self._until:
            if (await asyncio.wait([future], timeout=LOOK))[0]:
                return future.result()
            progress.wait()
        # An outcome that still comes would otherwise go to this future, which nobody reads any more.
        future.cancel()
        return END

    async def _others_turn(self) -> None:
        """Give the event loop to other tasks now and then, and let a cancellation in.

        A step of the event loop for each outcome would cost more than the outcome itself.
        """
        task = asyncio.current_task()
        if time.monotonic() > self._turn_ends or (task and task.cancelling()):
            await asyncio.sleep(0)
            self._turn_ends = time.monotonic() + TURN

    async def _finish(self) -> None:
        """Wait for the requests in flight, ten seconds at most, and write down which inputs have not ended."""
        if not (tasks := self._let_go()):
            return
        try:
            await asyncio.wait(tasks, timeout=max(0.0, self._until - time.monotonic()))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._runner.end)
        except BaseException:  # cancelled once more, perhaps at every await: requests in flight are in doubt
            for task in tasks:
                task.cancel()
            self._runner.end()
            raise
        finally:
            self._running = False

    async def table(self) -> Table:
        """Return one row for each input: status, attempts, units and their cost, times, digest, how it was prepared.

        The rows are read from the journal: this does not run the batch.
        """
        return await asyncio.to_thread(self._table)

    async def tidy(self, kind: str | None = None, *, meta: bool = False) -> Table:
        """Return one row for each thing found, and at least one for each input; run the batch if it has not run.

        Args:
            kind: The kind of table: "faces", "tags", "text" …, or None for all that was found; see `cloudai.tidy`.
            meta: Whether columns are added that say where each result comes from.

        Raises:
            SettingsError: An iteration runs the batch already.
            PausedError: The batch was run by this, and an outage or a spent quota ended it early.
        """
        return tidy([outcome async for outcome in self], kind, meta=meta)

    async def reparse(self) -> int:
        """Read the stored replies again, after an update of cloudai, and return for how many inputs that was done.

        This needs no pictures, and sends nothing. An input is left out if reading its replies needs a text that is not
        at hand. An input whose replies are incomplete is counted, but its outcome stays as it is.
        """
        n = 0
        for reading in await asyncio.to_thread(list, reparse.readings(self._runner.state)):
            result = error = None
            try:
                result = await self._runner.state.session.driver.run(reading.program)
            except Exception as failure:  # noqa: BLE001  # it concerns this input only
                error = failure
            reparse.keep(self._runner.recorder, reading, result, error)
            n += 1
        return n

    async def manifest(self) -> dict[str, Any]:
        """Return what a reader of the results must know: versions, models, dates, options, digests of inputs, books.

        Raises:
            JournalError: The journal is damaged.
        """
        return await asyncio.to_thread(self._manifest)

    async def close(self) -> None:
        """End the batch, wait up to ten seconds for the requests in flight, and close the journal.

        Raises:
            JournalError: Something that was paid for could not be kept.
        """
        try:
            await self._finish()
        finally:
            self._abandoned.detach()
            closed = apart(self._close_files)
            try:
                await asyncio.shield(asyncio.wrap_future(closed))
            except asyncio.CancelledError:  # nothing can be awaited from here on, and nobody may close the batch again
                wait_for([closed])
                raise

    def _close_files(self) -> None:
        self._outcomes.close(copies=self._runner.began and not self._is_map)
        self._runner.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with _unless_told(kind):
            await self.close()


@contextmanager
def _unless_told(kind: type[BaseException] | None) -> Iterator[None]:
    """Drop a JournalError of the block if another exception (of class ``kind``) already says what went wrong."""
    try:
        yield
    except JournalError:
        if kind is None:
            raise


class Mapped(list[Outcome[R]]):
    """The outcomes of `Client.map` in the order of the inputs; each has a ``result`` or an ``error``."""

    def __repr__(self) -> str:
        counts = Counter(outcome.status for outcome in self)
        told = ", ".join(f"{n} {status}" for status, n in counts.items())
        return (
            f"{len(self)} outcomes: {told}\n{self.table().filled().head(FEW).fit(WIDE)[0]}" if self else "no outcomes"
        )

    def _repr_html_(self) -> str:
        return self.table().filled()._repr_html_()

    def values(self) -> list[R]:
        """Return the results; raise the error of the first input that has failed."""
        for outcome in self:
            if outcome.error is not None:
                raise outcome.error
        return [outcome.result for outcome in self if outcome.result is not None]

    def table(self, kind: str | None = None, *, meta: bool = False) -> Table:
        """Return one row for each thing found, and at least one for each input; see `cloudai.tidy`."""
        return tidy(self, kind, meta=meta)
