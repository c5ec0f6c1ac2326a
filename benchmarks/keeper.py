"""Measures how many intentions a keeper takes in a second, each on disk before it is answered, and how long one waits.

    python -m benchmarks.keeper [--seconds 5] [--workers 8] [--at-once 64] [--folder .]

Workers are processes with a connection of their own; each has so many intentions under way at a time. What is measured
is the whole way: statement, frame, HMAC, TCP, SQLite with one sync for all that came meanwhile, and back.

The workers begin together, once all of them are connected, and the time ends with the last answer. Afterwards the
journal is opened and its rows are counted: each intention is a row that says "sent once". So nothing counts that is not
in the file. The folder has to be on a disk, because a sync costs nothing in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cloudai.batch import queries, rows
from cloudai.batch.rows import ItemRecord
from cloudai.batch.shared.address import address_of, secret_of
from cloudai.batch.shared.connection import Wire
from cloudai.batch.shared.keeper import Keeper, share
from cloudai.batch.shared.remote import RemoteJournal
from cloudai.batch.shared.wire import dumped
from cloudai.core.flow import Response


@dataclass(frozen=True)
class Given:
    """The options of a measurement."""

    seconds: float
    workers: int
    at_once: int
    """Intentions that a worker has under way at a time."""
    whole: bool
    """Whether each call is looked up before, and answered."""
    folder: str
    """The folder in which the journal is made."""


REPLY = Response(200, {"content-type": "application/json"}, b'{"responses": [{}]}')


def work(address: str, number: int, given: Given, together: Any, out: Any) -> None:
    """Ask for intentions, or for whole calls, until the time is over; put the times that they took into the queue."""
    journal = RemoteJournal(address)
    batch, run = journal.ask(
        queries.enlist(f"list {number}", "made up", "detect_faces", "{}", version="0", now="2026-01-01T00:00:00+00:00")
    )
    under_way: deque[tuple[float, Future[Any]]] = deque()
    took: list[float] = []
    together.wait(60)
    until, n = time.monotonic() + given.seconds, 0
    while time.monotonic() < until:
        # The keeper writes all that has come meanwhile with one sync. A worker with one intention at a time would
        # measure the disk rather than the keeper.
        while len(under_way) < given.at_once:
            n += 1
            # Workers do not agree on the numbers of their calls, so each has ten million of its own.
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
    # The time ends when the measuring process has these answers, so the list is thinned out to be quickly sent.
    out.put((number, len(took), took[:: max(1, len(took) // 2000)]))
    journal.close()


def measure(given: Given) -> dict[str, float]:
    """Return the intentions in a second, and the median and the 99th percentile of their times in milliseconds."""
    os.environ["CLOUDAI_KEEPER_SECRET"] = secrets.token_urlsafe(32)
    # A forked process would inherit locks of the keeper's threads in whatever state they are.
    context = get_context("spawn")
    out, together = context.Queue(), context.Barrier(given.workers + 1)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        os.environ["CLOUDAI_STATE_DIR"] = folder
        with share(Path(folder) / "run.journal", listen="127.0.0.1:0") as keeper:
            arguments = [(keeper.address, n, given, together, out) for n in range(given.workers)]
            transactions = count_transactions(keeper)
            processes = [context.Process(target=work, args=one) for one in arguments]
            for process in processes:
                process.start()
            together.wait(60)
            used, began, before = time.process_time(), time.monotonic(), len(transactions)
            results = [out.get(timeout=given.seconds + 60) for _ in processes]
            used, seconds = time.process_time() - used, time.monotonic() - began
            synced = len(transactions) - before
            for process in processes:
                process.join()
            # Until the journal is closed, a part of it is in the log beside the file (WAL), and the size would lack it.
            keeper.close()
            size = (Path(folder) / "run.journal").stat().st_size
            kept, sent = counted(Path(folder) / "run.journal")
    n = sum(n for _, n, _ in results)
    if (kept, sent) != (n, n):
        raise SystemExit(
            f"{n:,} intentions were answered, and the journal has {kept:,} rows that were sent {sent:,} times"
        )
    took = sorted(one for _, _, sample in results for one in sample)
    return {
        "workers": given.workers,
        "at once": given.at_once,
        "seconds": seconds,
        "in the journal": kept,
        "a second": n / seconds,
        "transactions a second": synced / seconds,
        "in each transaction": n / synced,
        "keeper CPU us": 1e6 * used / n,
        "bytes each": size / n,
        "median ms": 1000 * statistics.median(took),
        "p99 ms": 1000 * took[int(len(took) * 0.99)],
    }


def counted(journal: Path) -> tuple[int, int]:
    """Return how many rows a journal that was closed has for intentions, and how often they say that they were sent."""
    with closing(sqlite3.connect(journal)) as db:
        [(n, sent)] = db.execute("SELECT COUNT(*), TOTAL(sent) FROM exchanges")
    return n, int(sent)


def count_transactions(keeper: Keeper) -> list[None]:
    """Return a list that gets an item for each transaction of a keeper; each of them ends with one sync of its log."""
    seen: list[None] = []
    write = keeper._journal._write  # noqa: SLF001  # only here

    def counting(works: Any) -> Any:
        seen.append(None)
        return write(works)

    keeper._journal._write = counting  # type: ignore[method-assign]  # noqa: SLF001
    return seen


def in_memory(folder: str) -> bool:
    """Return whether a folder is kept in memory, as far as the system tells: only Linux does."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return False
    kinds = {line.split()[1]: line.split()[2] for line in mounts.read_text().splitlines()}
    at = Path(folder).resolve()
    return next((kinds[str(p)] for p in (at, *at.parents) if str(p) in kinds), "") in ("tmpfs", "ramfs")


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
    # Linux counts these in kB; macOS counts in bytes, and the figure would be 1,024 times too large there.
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
    parser.add_argument("--folder", default=".", help="where the journal is made; it has to be on a disk")
    given = vars(parser.parse_args(sys.argv[1:]))
    connections = given.pop("connections")
    if in_memory(given["folder"]):
        raise SystemExit(f"{given['folder']} is kept in memory, where a sync costs nothing: give --folder on a disk")
    for name, value in (measure_connections(connections) if connections else measure(Given(**given))).items():
        print(f"{name:>21}  {value:,.2f}")


if __name__ == "__main__":
    main()
