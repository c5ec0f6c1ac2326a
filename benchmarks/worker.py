"""A process that carries out one subject as often as it is told, and says what that took.

    python -m benchmarks.worker "google cloudai" PLACE

PLACE is the line of the server. For each line of standard input, a number of calls and how many of them at the same
time, it prints the processor seconds of this process, with all its threads, and the seconds that passed.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.batches import BATCHES, Many
from benchmarks.subjects import SUBJECTS, Place
from benchmarks.transports import TRANSPORTS


def main() -> None:
    """Warm up, and carry out what is asked until standard input ends."""
    name, place = sys.argv[1], Place(**json.loads(sys.argv[2]))
    if hasattr(os, "sched_setaffinity") and len(sys.argv) > 3:  # noqa: PLR2004
        os.sched_setaffinity(0, {int(sys.argv[3])})
    call = {**SUBJECTS, **BATCHES, **TRANSPORTS}[name](place)
    # One event loop serves all rounds, because an open connection belongs to the loop in which it was made.
    with asyncio.Runner() as runner:
        # The first call warms up, and tells whether the subject awaits: what it returns says so.
        outcome = None if isinstance(call, Many) else call()
        waits = inspect.isawaitable(outcome)
        if waits:
            runner.run(_whole(outcome))
        print("ready", flush=True)
        for line in sys.stdin:
            n, at_once = map(int, line.split())
            began, cpu = time.perf_counter(), time.process_time()
            if isinstance(call, Many):
                call.run(n)
            elif waits:
                runner.run(_awaited(call, n, at_once))
            elif at_once > 1:
                _in_threads(call, n, at_once)
            else:
                for _ in range(n):
                    call()
            print(time.process_time() - cpu, time.perf_counter() - began, flush=True)


async def _whole(outcome: Any) -> Any:
    # Before Python 3.14 the runner takes coroutines only, and no other awaitable.
    return await outcome


async def _awaited(call: Callable[[], Any], n: int, at_once: int) -> None:
    # All share one iterator, so that a slow call holds up one of them only.
    left = iter(range(n))

    async def one_after_another() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))


def _in_threads(call: Callable[[], Any], n: int, at_once: int) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _: call(), range(n)))


if __name__ == "__main__":
    main()
