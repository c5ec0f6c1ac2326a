"""Count the calls of Python functions that one warm call makes, which are the same on every machine.

    python -m benchmarks.counts

It prints one line of JSON: the number for each row, by its name. A call is counted in a thread of its own, from the
client's method to its result, with a server on the loopback. How the bytes of a reply are divided may add a few calls,
so the least of several is taken. The calls that the event loop makes for an awaiting client are counted, too. Its reply
comes after 250 ms, so that it always has to be waited for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from benchmarks.measure import Bench
from benchmarks.rows import ROWS
from benchmarks.subjects import SUBJECTS, Place

__all__ = ["AWAITING", "counted", "counted_in_a_batch"]

WARM, TIMES = 3, 7
PICTURES = 480
"""Pictures of a batch over which its calls are counted: thirty requests of sixteen."""
AWAITING = "128 cloudai"
"""The subject whose calls are those of an awaiting client."""


class _Counter:
    """Counts the functions of Python that are called while `sys.setprofile` has it."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, _: object, event: str, __: object) -> None:
        self.number += event == "call"


def _calls(call: Callable[[], Any]) -> int:
    """Return how many functions of Python one call of a function calls."""
    counter = _Counter()
    sys.setprofile(counter)
    try:
        call()
    finally:
        sys.setprofile(None)
    return counter.number


async def _calls_awaited(call: Callable[[], Awaitable[Any]]) -> int:
    """Return how many functions of Python are called, also by the event loop, until a call has been awaited."""
    counter = _Counter()
    sys.setprofile(counter)
    try:
        await call()
    finally:
        sys.setprofile(None)
    return counter.number


async def _least(call: Callable[[], Awaitable[Any]]) -> int:
    for _ in range(WARM):
        await call()
    return min([await _calls_awaited(call) for _ in range(TIMES)])


def counted(names: Iterable[str], place: Place) -> dict[str, int]:
    """Return the calls of a warm call of each subject."""
    counts: dict[str, int] = {}

    def count() -> None:
        for name in names:
            call = SUBJECTS[name](place)
            if name == AWAITING:
                counts[name] = asyncio.run(_least(call))
                continue
            for _ in range(WARM):
                call()
            counts[name] = min(_calls(call) for _ in range(TIMES))

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    return counts


def counted_in_a_batch(*, joined: bool) -> int:
    """Return the calls for each picture of a batch, in all threads together, where all replies say that none is found.

    Args:
        joined: Whether sixteen pictures share a request, or each has one of its own.
    """
    import cloudai
    from benchmarks import pictures

    picture, number = pictures.small(), Counter[int]()

    class Vendor(cloudai.Google):
        def max_per_request(self, operation: str) -> int:
            return super().max_per_request(operation) if joined else 1

    async def send(request: cloudai.Request) -> cloudai.Response:
        await asyncio.sleep(0)
        return cloudai.Response(200, {}, json.dumps({"responses": [{}] * len(request.json["requests"])}).encode())

    async def run(n: int) -> None:
        given = (picture + b"%08d" % item for item in range(n))
        async with (
            cloudai.AsyncClient(Vendor(api_key="none"), send=send) as client,
            client.batch("detect_faces", given, cache=False) as job,
        ):
            done = [outcome.status async for outcome in job].count("none_found")
        if done != n:
            raise SystemExit(f"{n - done} pictures failed")

    def profiled(_: object, event: str, __: object) -> None:
        if event == "call":
            number[threading.get_ident()] += 1

    asyncio.run(run(32))
    threading.setprofile(profiled)
    sys.setprofile(profiled)
    try:
        asyncio.run(run(PICTURES))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]  # None ends it, as in `sys.setprofile`
    return number.total() // PICTURES


def main() -> None:
    """Count, and print."""
    with Bench(grpc=False) as bench:
        names = [*(f"{row.name} cloudai" for row in ROWS), AWAITING]
        counts = counted(names, Place(**json.loads(bench.place)))
    counts |= {"batch one by one": counted_in_a_batch(joined=False), "batch joined": counted_in_a_batch(joined=True)}
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
