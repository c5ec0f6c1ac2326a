"""A batch is carried out by the workers of a Dask cluster, in parts; the keeper has the journal and the pace of all."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cloudai.batch.parts import Part
from cloudai.errors import SettingsError
from cloudai.outcomes import Outcome

__all__ = ["DaskRun", "number_of_parts"]

LOOK = 0.5
"""Seconds that one wait for the cluster lasts at most, so that a stop and Ctrl-C are soon seen."""
PARTS_PER_THREAD = 4
"""Parts for each thread of the cluster: few enough to cost nothing, and enough that no thread waits for long."""


def number_of_parts(engine: Any, inputs: int | None, inputs_per_request: int) -> int:
    """Return into how many parts a batch is cut for a cluster; none is smaller than one request.

    Raises:
        SettingsError: The engine is no ``distributed.Client``.
    """
    if not all(hasattr(engine, name) for name in ("submit", "cancel", "nthreads")):
        raise SettingsError(f"engine={type(engine).__name__}", advice="Give a distributed.Client of Dask.")
    threads: int = sum(engine.nthreads().values())
    return max(1, min(PARTS_PER_THREAD * max(1, threads), -(-(inputs or 1) // inputs_per_request)))


class DaskRun:
    """The parts of a batch in a cluster.

    A part whose worker dies is carried out again by another one: what was answered comes from the keeper's journal.

    Args:
        engine: The ``distributed.Client``.
        parts: The parts.
    """

    def __init__(self, engine: Any, parts: Sequence[Part]) -> None:
        self._engine = engine
        token = secrets.token_hex(4)  # Dask takes tasks with equal keys for one
        self._left = {
            engine.submit(_carried_out, part, key=f"cloudai-{part.number}-{part.key[:8]}-{token}", pure=False)
            for part in parts
        }

    def outcomes(self, stopped: Callable[[], bool], waiting: Callable[[], None]) -> Iterator[list[Outcome[Any]]]:
        """Yield the outcomes of each part as soon as it is carried out, until the batch is stopped.

        Raises:
            CloudAIError: A part ended early; it is raised after all other parts have ended.
        """
        import distributed

        failure: Exception | None = None
        while self._left and not stopped():
            try:
                done, self._left = distributed.wait(self._left, timeout=LOOK, return_when="FIRST_COMPLETED")
            except TimeoutError:
                waiting()
                continue
            for future in done:
                try:
                    outcomes = future.result()
                except Exception as error:  # noqa: BLE001  # the other parts go on
                    failure = failure or error
                else:
                    yield outcomes
        if failure is not None:
            raise failure

    def cancel(self) -> bool:
        """Have the cluster begin no further part, and return whether there was one left."""
        left, self._left = self._left, set()
        if left:
            self._engine.cancel(list(left))
        return bool(left)


def _carried_out(part: Part) -> list[Outcome[Any]]:
    return part.run()
