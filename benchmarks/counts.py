"""Count the calls of Python functions that one warm call makes, which are the same on every machine.

    python -m benchmarks.counts

It prints one line of JSON: the number for each row, by its name. A call is counted in a thread of its own, from the
client's method to its result, with a server on the loopback. How the bytes of a reply are divided may add a few calls,
so the least of several is taken.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.measure import Bench
from benchmarks.rows import ROWS
from benchmarks.subjects import SUBJECTS, Place

__all__ = ["counted"]

TIMES = 7


def _calls(call: Callable[[], Any]) -> int:
    """Return how many functions of Python one call of a function calls."""
    number = 0

    def profiled(_: object, event: str, __: object) -> None:
        nonlocal number
        number += event == "call"

    sys.setprofile(profiled)
    try:
        call()
    finally:
        sys.setprofile(None)
    return number


def counted(names: Iterable[str], place: Place) -> dict[str, int]:
    """Return the calls of a warm call of each subject, none of which awaits."""
    counts: dict[str, int] = {}

    def count() -> None:
        for name in names:
            call = SUBJECTS[name](place)
            for _ in range(3):
                call()
            counts[name] = min(_calls(call) for _ in range(TIMES))

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    return counts


def main() -> None:
    """Count, and print."""
    with Bench(grpc=False) as bench:
        print(json.dumps(counted([f"{row.name} cloudai" for row in ROWS], Place(**json.loads(bench.place)))))


if __name__ == "__main__":
    main()
