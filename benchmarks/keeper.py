"""Measures how many intentions a keeper takes in a second, each on disk before it is answered, and how long one waits.

    python -m benchmarks.keeper [--seconds 5] [--workers 8] [--at-once 64]

Workers are processes with a connection of their own; each has so many intentions under way at a time. What is measured
is the whole way: statement, frame, HMAC, TCP, SQLite with one sync for all that came meanwhile, and back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import secrets
import statistics
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cloudai.batch import queries, rows
from cloudai.batch.rows import ItemRecord
from cloudai.batch.shared.address import address_of, secret_of
from cloudai.batch.shared.connection import Wire
from cloudai.batch.shared.keeper import share
from cloudai.batch.shared.remote import RemoteJournal
from cloudai.batch.shared.wire import dumped
from cloudai.core.flow import Response


@dataclass(frozen=True)
class Given:
    """What is measured."""

    seconds: float
    workers: int
    at_once: int
    """Intentions that a worker has under way at a time."""
    whole: bool
    """Whether each call is looked up before, and answered."""


REPLY = Response(200, {"content-type": "application/json"}, b'{"responses": [{}]}')


def work(address: str, number: int, given: Given, out: Any) -> None:
    """Ask for intentions, or for whole calls, until the time is over; put the times that they took into the queue."""
    journal = RemoteJournal(address)
    batch, run = journal.ask(
        queries.enlist(f"list {number}", "made up", "detect_faces", "{}", version="0", now="2026-01-01T00:00:00+00:00")
    )
    under_way: deque[tuple[float, Future[Any]]] = deque()
    took: list[float] = []
    until, n = time.monotonic() + given.seconds, 0
    while time.monotonic() < until:
        while len(under_way) < given.at_once:
            n += 1
            call = number * 10_000_000 + n
            if given.whole:
                key = f"{call:064d}"
                journal.do(queries.look_up_each(batch, run, n, keys=[key], sha256=key, name=f"사진/{n}.jpg"))
            under_way.append((time.monotonic(), journal.do(queries.intend(call, "1", 1))))
            if given.whole:
                journal.do(queries.answer(call, "1", 1, REPLY, {"name": f"사진/{n}.jpg"}))
                item = ItemRecord(n, f"사진/{n}.jpg", "ok", {"attempts": 1, "billed_max": 1}, call=call, run=run)
                journal.post(rows.finish(batch, item, ("done", {"result": '{"faces": []}', "meta": "{}"})))
                journal.release(key)
        began, future = under_way.popleft()
        future.result()
        took.append(time.monotonic() - began)
    for began, future in under_way:
        future.result()
        took.append(time.monotonic() - began)
    journal.close()
    out.put((number, len(took), took[:: max(1, len(took) // 2000)]))


def measure(given: Given) -> dict[str, float]:
    """Return the intentions in a second, and the median and the 99th percentile of their times in milliseconds."""
    os.environ["CLOUDAI_KEEPER_SECRET"] = secrets.token_urlsafe(32)
    context = get_context("spawn")
    out = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLOUDAI_STATE_DIR"] = folder
        with share(Path(folder) / "run.journal", listen="127.0.0.1:0") as keeper:
            arguments = [(keeper.address, n, given, out) for n in range(given.workers)]
            processes = [context.Process(target=work, args=one) for one in arguments]
            for process in processes:
                process.start()
            used = time.process_time()
            results = [out.get(timeout=given.seconds + 60) for _ in processes]
            used = time.process_time() - used
            for process in processes:
                process.join()
            keeper.close()
            size = (Path(folder) / "run.journal").stat().st_size
    took = sorted(one for _, _, sample in results for one in sample)
    return {
        "workers": given.workers,
        "at once": given.at_once,
        "a second": sum(n for _, n, _ in results) / given.seconds,
        "keeper CPU us": 1e6 * used / sum(n for _, n, _ in results),
        "bytes each": size / sum(n for _, n, _ in results),
        "median ms": 1000 * statistics.median(took),
        "p99 ms": 1000 * took[int(len(took) * 0.99)],
    }


async def connect(address: str, n: int) -> float:
    """Connect so many workers, have each of them write down one intention, and return the seconds that it took."""
    where, secret = address_of(address), secret_of()
    loop = asyncio.get_running_loop()
    began, left = time.monotonic(), asyncio.Semaphore(0)
    wires = []
    for number in range(n):
        wire = Wire(secret, f"{number:032x}", lambda _: left.release())
        await loop.create_connection(lambda wire=wire: wire, where.host, where.port)  # type: ignore[misc]
        wires.append(wire)
    for number, wire in enumerate(wires):
        await wire.welcome
        wire.send([dumped([1, "do", "intend", [number, "1", 1], {}])])
    for _ in wires:
        await left.acquire()
    took = time.monotonic() - began
    for wire in wires:
        wire.send([dumped([2, "bye"])])
    for _ in wires:
        await left.acquire()
    for wire in wires:
        wire.close()
    await asyncio.sleep(0)
    return took


def measure_connections(n: int) -> dict[str, float]:
    """Return the seconds in which so many workers connect and write one intention each, and the memory for them."""
    os.environ["CLOUDAI_KEEPER_SECRET"] = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as folder, share(Path(folder) / "run.journal", listen="127.0.0.1:0") as keeper:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = asyncio.run(connect(keeper.address, n))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"connections": n, "seconds": seconds, "MB of both": grown / 1024}


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument(
        "--whole", action="store_true", help="measure whole calls: looked up, intended, answered and written down"
    )
    parser.add_argument("--connections", type=int, help="measure how soon so many workers are connected instead")
    given = vars(parser.parse_args(sys.argv[1:]))
    connections = given.pop("connections")
    for name, value in (measure_connections(connections) if connections else measure(Given(**given))).items():
        print(f"{name:>13}  {value:,.2f}")


if __name__ == "__main__":
    main()
