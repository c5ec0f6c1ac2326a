"""Start the server and the workers, and let them work in turn, so that other work on the machine hits all alike."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

__all__ = ["Bench", "Measured"]

ROOT = Path(__file__).parents[1]
SECONDS = 0.25
"""How long one worker is measured before it is the next one's turn, about."""


@dataclass(frozen=True)
class Measured:
    """The processor seconds that each call of one subject took, over all rounds."""

    least: float
    median: float
    per_second: float
    """The most calls in a second of any round."""


class _Worker:
    """A process with one subject."""

    def __init__(self, name: str, place: str, core: int | None, stack: ExitStack) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.worker", name, place]
        command += [] if core is None else [str(core)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # The last callback runs first: the process is killed, and then waited for.
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stdin is not None  # noqa: S101  # for the type checker
        assert process.stdout is not None  # noqa: S101
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout
        if self._out.readline().strip() != "ready":
            raise SystemExit(f"{name} does not work")

    def run(self, n: int, at_once: int) -> tuple[float, float]:
        """Return the processor seconds, and the seconds that passed, for each of ``n`` calls."""
        print(n, at_once, file=self._in, flush=True)
        cpu, wall = map(float, self._out.readline().split())
        return cpu / n, wall / n


class Bench:
    """The server, and the workers whose calls to it are measured.

    Args:
        grpc: Whether the server also answers gRPC, for which it loads Google's package.
    """

    def __init__(self, *, grpc: bool = True) -> None:
        self._stack = ExitStack()
        self._grpc = grpc

    def __enter__(self) -> Self:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.server", folder, *(["grpc"] if self._grpc else [])]
        self._server = server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._stack.callback(server.wait)
        self._stack.callback(server.kill)
        self.place = server.stdout.readline().strip() if server.stdout else ""
        json.loads(self.place)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure(
        self,
        names: Sequence[str],
        rounds: int,
        at_once: Mapping[str, int] | None = None,
        calls: int | None = None,
        core: int | None = None,
    ) -> dict[str, Measured]:
        """Return what each subject took, measured in turn.

        Args:
            names: The names of the subjects.
            rounds: How often each has its turn.
            at_once: How many calls are in flight at the same time, where that is more than one.
            calls: How many calls a round has; None takes as many as need about a quarter of a second.
            core: The only core that the workers may use, and the server may not; None lets all of them use all.
        """
        self._keep_server_off(core)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        with ExitStack() as stack:
            workers = {name: _Worker(name, self.place, core, stack) for name in names}
            together = {name: (at_once or {}).get(name, 1) for name in names}
            n = {}
            for name, worker in workers.items():
                worker.run(10 * together[name], together[name])  # warm now
                # The number of calls that fit into a quarter of a second is counted once the connections are open and
                # the code is warm.
                wall = worker.run(10 * together[name], together[name])[1]
                n[name] = calls or max(10 * together[name], int(SECONDS / wall))
            for number in range(rounds):
                # Every other round runs backwards: the last subjects of a round suffer if the machine slows down.
                for name in names if number % 2 == 0 else names[::-1]:
                    taken[name].append(workers[name].run(n[name], together[name]))
        return {name: _summary(times) for name, times in taken.items()}

    def _keep_server_off(self, core: int | None) -> None:
        """Let the server use all cores but one, where there are others and the system can do that; None leaves all."""
        if hasattr(os, "sched_setaffinity"):
            cores = os.sched_getaffinity(0)
            for thread in Path(f"/proc/{self._server.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores - {core} or cores)


def _summary(times: Sequence[tuple[float, float]]) -> Measured:
    cpu = [each for each, _ in times]
    # Other work on the machine only makes a call dearer, so the least comes nearest to its cost; the median beside it
    # shows how busy the machine was.
    return Measured(min(cpu), statistics.median(cpu), 1 / min(wall for _, wall in times))
