"""Comparisons and batches of several providers go on after a kill: real processes, real servers that count."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.made_up.several import NAMES
from tests.support.forks import execute, forked

pytestmark = [pytest.mark.loopback, pytest.mark.long]

N, WORKERS = 40, 3
TEXTS = [f"후기 {n}: 국이 따뜻해요" for n in range(N)]
SCRIPT = """
import asyncio, json, sys
wish = json.loads(sys.argv[1])
from cloudai import AsyncClient, Client
from tests.made_up.several import asked
providers = asked(wish["names"], **{name: {"url": url} for name, url in wish["urls"].items()})
given = {"journal": wish["journal"], "concurrency": wish["workers"], "in_doubt": wish["in_doubt"]}

def told(compared):
    print(json.dumps([compared.per_pair().rows, compared.per_provider().rows]))

def batch(client):
    with client.batch("sentiment", wish["texts"], **given) as job:
        print(json.dumps([[outcome.facts.get("provider"), outcome.status] for outcome in job]))

async def awaiting():
    async with AsyncClient(providers) as client:
        told(await client.compare("sentiment", wish["texts"], **given))

if wish["colour"] == "awaiting":
    asyncio.run(awaiting())
else:
    with Client(providers) as client:
        batch(client) if wish["batch"] else told(client.compare("sentiment", wish["texts"], **given))
"""


class Vendors:
    """Two vendors on the loopback, which count how often each is asked for each text.

    Args:
        url: Where they are.
    """

    def __init__(self, url: str) -> None:
        self.urls = {name: f"{url}/{name}" for name in NAMES[:2]}
        self.posts: Counter[tuple[str, str]] = Counter()
        self.broken: set[str] = set()
        self.most = math.inf
        """The number of requests that are answered; further ones wait until their process is killed."""

    @property
    def total(self) -> int:
        """The number of requests."""
        return sum(self.posts.values())


@contextmanager
def vendors() -> Iterator[Vendors]:
    """Yield both vendors, which answer while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Count the request, and answer a little later."""
            text = json.loads(self.rfile.read(int(self.headers["content-length"])))["text"]
            name = self.path.split("/")[1]
            here.posts[name, text] += 1
            time.sleep(0.01)
            while here.total >= here.most:
                time.sleep(0.01)
            body = b"{}" if name in here.broken else json.dumps({"score": len(name) / 10}).encode()
            self.send_response(403 if name in here.broken else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    here = Vendors(f"http://127.0.0.1:{server.server_address[1]}")
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def run(here: Vendors, journal: Path, colour: str, *, until: int | None = None, **more: Any) -> Any:
    """Run in a process of its own, which is killed at so many requests; return what it printed, None if killed."""
    wish = {"names": NAMES[:2], "urls": here.urls, "journal": str(journal), "texts": TEXTS, "workers": WORKERS}
    wish |= {"colour": colour, "in_doubt": "resend", "batch": False, **more}
    here.most = math.inf if until is None else until
    with forked(execute, (SCRIPT, json.dumps(wish))) as process:
        if until is not None:
            while here.total < until and process.process.is_alive():
                time.sleep(0.002)
            process.kill()
            here.most = math.inf
        code, out, err = process.ended()
    assert code == (-signal.SIGKILL if until is not None else 0), err
    return json.loads(out) if until is None else None


@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_a_comparison_that_is_killed_pays_for_nothing_twice(colour: str, tmp_path: Path) -> None:
    """After two kills a text is sent again only if it was on its way, and the numbers are those of a whole run."""
    journal = tmp_path / "비교.journal"
    with vendors() as here:
        at_work = 2 * WORKERS  # each vendor has its own workers
        for kill in (25, 55):
            run(here, journal, colour, until=kill)
            time.sleep(0.05)
        pairs, providers = run(here, journal, colour)
        assert set(here.posts) == {(name, text) for name in NAMES[:2] for text in TEXTS}
        assert 2 * N <= here.total <= 2 * N + 2 * at_work
        assert max(here.posts.values()) <= 3
        [pair] = pairs
        assert (pair["n"], pair["agreement"]) == (N, 1.0)
        assert [row["answered"] for row in providers] == [N, N]
        for row in providers:  # the bill brackets what the vendor has counted
            counted = sum(n for (name, _), n in here.posts.items() if name == row["provider"])
            assert row["billed_min"] <= counted <= row["billed_max"]
        before = here.total
        assert run(here, journal, colour) == [pairs, providers]
        assert here.total == before  # run again, nothing is sent


def test_a_batch_of_several_that_is_killed_goes_on(tmp_path: Path) -> None:
    """While the first vendor is down the second one answers; after a kill only what was on its way is sent again."""
    journal = tmp_path / "일.journal"
    with vendors() as here:
        here.broken.add(NAMES[0])
        run(here, journal, "blocking", until=20, batch=True)
        time.sleep(0.05)
        ended = run(here, journal, "blocking", batch=True)
        assert ended == [[NAMES[1], "ok"]] * N
        second = sum(n for (name, _), n in here.posts.items() if name == NAMES[1])
        assert N <= second <= N + WORKERS
        assert here.total - second <= 2 * WORKERS  # in each process the first vendor is asked until it is known to fail
