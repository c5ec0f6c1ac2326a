"""Measure everything, print what was measured, and write docs/performance.md with ``--write``.

python -m benchmarks [--rounds 9] [--write]
"""

from __future__ import annotations

import argparse
import math
import os

from benchmarks import growth, report, startup
from benchmarks.batches import BATCHES, IN_FLIGHT, drained, growth_of_memory
from benchmarks.measure import Bench
from benchmarks.rows import ROWS
from benchmarks.transports import TRANSPORTS

FULL = 5
"""The fewest rounds whose figures are worth being written down."""
LONG = 9
"""The fewest rounds with which the batch of 100,000 texts is worth its time, which is more than that of all else."""
PACES = {"20/min": 200, "10/s": 2000}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each subject (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    asked = parser.parse_args()
    rounds: int = asked.rounds
    whole = rounds >= FULL
    figures = report.Figures()
    figures.rounds, figures.subjects = rounds, {}
    with Bench() as bench:
        for row in ROWS:
            figures.subjects |= bench.measure(row.subjects, rounds)
        awaiting = [f"google {who} awaiting" for who in ("cloudai", "httpx2")]
        figures.subjects |= bench.measure(awaiting, rounds, dict.fromkeys(awaiting, 32))
        figures.subjects |= bench.measure(
            [name for name in TRANSPORTS if not name.endswith("128")],
            rounds,
            {name: 32 for name in TRANSPORTS if name.endswith("awaiting")},
        )
        many = [f"128 {who}" for who in ("cloudai", "httpx2", "SDK")]
        core = max(range(os.cpu_count() or 1))
        # The workers share one core, and only one of them works at a time; the server has the others.
        many += [name for name in TRANSPORTS if name.endswith("128")]
        # 1,280 calls of 250 ms with 128 in flight take 2.5 seconds, ten times as long as a round of the others, so they
        # have three rounds at most.
        figures.subjects |= bench.measure(many, min(rounds, 3), dict.fromkeys(many, 128), calls=1280, core=core)
        figures.subjects |= bench.measure(
            list(BATCHES), min(rounds, 3), dict.fromkeys(BATCHES, IN_FLIGHT), calls=6000 if whole else 256
        )
        figures.startup = startup.measured(bench.place, 15 if whole else 2)
    figures.growth = growth.measured(rounds)
    n = 100_000 if rounds >= LONG else 10_000 if whole else 500
    figures.memory = (n, *growth_of_memory(n))
    figures.drain = {pace: (inputs, drained(inputs, pace), _fewest(inputs, pace)) for pace, inputs in PACES.items()}
    print(report.text(figures))
    print("\n".join(report.missed(figures.subjects)) or "every goal is met")
    if asked.write:
        report.written(figures)


def _fewest(inputs: int, pace: str) -> float:
    """Return the fewest seconds in which a pace lets so many requests go out."""
    n, _, unit = pace.partition("/")
    return (math.ceil(inputs / int(n)) - 1) * {"s": 1.0, "min": 60.0}[unit]


if __name__ == "__main__":
    main()
