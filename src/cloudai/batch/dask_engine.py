"""A batch is carried out by the workers of a Dask cluster, in parts; the keeper has the journal and the pace of all."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from cloudai.batch import rows
from cloudai.batch.parts import Part
from cloudai.batch.runner import Runner
from cloudai.batch.time_left import MOST_ENDS, TimeLeft
from cloudai.errors import SettingsError
from cloudai.outcomes import Outcome

__all__ = ["DaskRun", "Watch", "number_of_parts"]

LOOK = 0.5
"""Seconds that one wait for the cluster lasts at most, so that a stop and Ctrl-C are soon seen."""
EVERY, SHARE = 1.0, 20.0
"""The keeper is polled again no sooner than ``EVERY`` seconds after its last answer, and no sooner than ``SHARE`` times
the time that this answer took."""
PARTS_PER_THREAD = 4
"""Parts for each thread of the cluster: few enough to cost nothing, and enough that no thread waits for long."""


def number_of_parts(engine: Any, inputs: int | None, inputs_per_request: int) -> int:
    """Return into how many parts a batch is cut for a cluster: there are at most as many parts as requests.

    A batch whose number of inputs is not known (None) is one part.

    Raises:
        SettingsError: The engine is no ``distributed.Client``.
    """
    if not all(hasattr(engine, name) for name in ("submit", "cancel", "nthreads")):
        raise SettingsError(f"engine={type(engine).__name__}", advice="Give a distributed.Client of Dask.")
    threads: int = sum(engine.nthreads().values())
    return max(1, min(PARTS_PER_THREAD * max(1, threads), -(-(inputs or 1) // inputs_per_request)))


class DaskRun:
    """Submits the parts of a batch to a cluster, and collects their outcomes.

    A part whose worker dies is carried out again by another one: what was answered comes from the keeper's journal.

    Args:
        engine: The ``distributed.Client``.
        parts: The parts.
    """

    def __init__(self, engine: Any, parts: Sequence[Part]) -> None:
        self._engine = engine
        # Dask treats tasks with equal keys as one task, so the keys of each run have a token of their own.
        token = secrets.token_hex(4)
        self._left = {
            engine.submit(_carried_out, part, key=f"cloudai-{part.number}-{part.key[:8]}-{token}", pure=False)
            for part in parts
        }

    def outcomes(self, stopped: Callable[[], bool], waiting: Callable[[], None]) -> Iterator[list[Outcome[Any]]]:
        """Yield the outcomes of each part as soon as it is carried out, until the batch is stopped.

        Raises:
            Exception: A part has failed. The first such exception is raised once all other parts have ended, or once
                the batch is stopped.
        """
        import distributed

        failure: Exception | None = None
        while self._left and not stopped():
            try:
                done, _ = distributed.wait(self._left, timeout=LOOK, return_when="FIRST_COMPLETED")
            except TimeoutError:
                waiting()
                continue
            for future in done:
                self._left.discard(future)
                try:
                    outcomes = future.result()
                except Exception as error:  # noqa: BLE001  # the other parts go on
                    failure = failure or error
                else:
                    # Dask carries a part out again if the worker that keeps its result dies, as long as somebody may
                    # ask for that result. The part would hold a thread of the cluster, and wait there for a keeper
                    # that may be gone by then.
                    future.release()
                    yield outcomes
        if failure is not None:
            raise failure

    def cancel(self) -> bool:
        """Cancel the parts whose outcomes were not collected, and return whether there were any.

        The cluster does not begin such a part any more. A part that runs already is not interrupted.
        """
        left, self._left = self._left, set()
        if left:
            self._engine.cancel(list(left))
        return bool(left)


class Watch:
    """Polls the keeper for the number of inputs that have ended, for the books and for the estimate of the time left.

    The polls do not block, so that a keeper which does not answer holds up nobody.

    Args:
        runner: The runner of the batch.
    """

    def __init__(self, runner: Runner[Any]) -> None:
        self._runner = runner
        # The speed of the last minute says what the pace of the keeper allows, with all of its workers.
        self._left = runner.state.time_left = TimeLeft(())
        self._asked: list[Future[dict[str, int]]] = []
        self._at = self._next = time.monotonic()
        self._seen: tuple[int, float] | None = None
        """The number of inputs that had ended, and when it was known."""

    def look(self) -> None:
        """Ask the keeper if a poll is due, and take over its answer if that is there; this does not wait for it."""
        state, now = self._runner.state, time.monotonic()
        if not self._asked and now >= self._next:
            self._asked, self._at = [state.journal.do(rows.counts(task.batch)) for task in state.tasks], now
            self._asked[-1].add_done_callback(self._answered)
        if not self._asked or not all(future.done() for future in self._asked):
            return
        answered, self._asked = self._asked, []
        if any(future.exception() for future in answered):
            return
        self._runner.counted([future.result() for future in answered])
        counts = self._runner.recorder.counts
        counts["not_started"] = 0  # they may be in parts that are still to be carried out
        ended = counts.total()
        if self._seen is not None and (n := ended - self._seen[0]) > 0:
            each = (now - self._seen[1]) / n
            for number in range(max(0, n - MOST_ENDS), n):
                self._left.note_end(0, state.policy.clock() - each * (n - 1 - number), each)
        if self._seen is None or ended > self._seen[0]:
            self._seen = ended, now

    def _answered(self, _: Future[Any]) -> None:
        """Set the time of the next poll: the longer the keeper took to count the inputs, the later it is."""
        now = time.monotonic()
        self._next = now + max(EVERY, SHARE * (now - self._at))


def _carried_out(part: Part) -> list[Outcome[Any]]:
    return part.run()
