"""A vendor on the loopback that counts: each request with what the journal said when it came."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.made_up import runs
from tests.made_up.server import Connection, faultd
from tests.support.forks import Piped, piped

__all__ = ["Runner", "Vendor", "kill", "runner", "vendor"]


class Vendor:
    """A vendor that notes every request, and when it had been answered."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.posts: Counter[str] = Counter()
        self.polls = 0
        self.requests = 0
        """The number of all requests: posts, however many texts are in one, and polls."""
        self.url = ""
        self.chance = random.Random(7)  # noqa: S311  # the same each time
        self.lock = threading.Lock()
        self.seen: list[str] = []

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """Count one request, and return the answer to it."""
        with self.lock:
            self.requests += 1
            pause = self.chance.random() * self.delay
            if method == "POST":
                asked = json.loads(body)
                texts = asked.get("texts") or [asked["text"]]
                self.posts.update(texts)
                self.seen += texts
            else:
                self.polls += 1
                done = self.chance.random() < 0.4
        time.sleep(pause)
        if method == "GET":
            return {"code": "ko"} if done else {}
        if path == "/many":
            return {"answers": [{"text": text} for text in texts]}
        return {"score": 0.5} if path == "/mood" else {"job": texts[0].split()[-1]}


@contextmanager
def vendor(delay: float = 0.01) -> Iterator[Vendor]:
    """Yield a vendor that answers each request within so many seconds, and keeps its connections."""
    told = Vendor(delay)

    def answer(connection: Connection) -> None:
        reply = json.dumps(told.answer(connection.method, connection.path, connection.body)).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(reply)}\r\n\r\n"
        connection.send(head.encode() + reply)

    with faultd(answer, keeps=True) as server:
        told.url = server.url
        yield told


class Runner:
    """Starts runs in processes of their own, and kills them."""

    def __init__(self, process: Piped) -> None:
        self._process = process

    def __call__(self, wish: dict[str, Any], meanwhile: Callable[[int], None] = lambda _: None) -> int:
        """Carry out one run, and return its exit code; ``meanwhile`` is given the number of its process."""
        meanwhile(int(self._process.ask(json.dumps(wish))))
        return int(self._process.stdout.readline())


def kill(child: int, server: Vendor, chance: random.Random, most: int) -> None:
    """Kill a run at random: while it begins, or moments after one of its first requests, ``most`` of them.

    The requests count and not the time, so that every run gets as far on a machine that is busy.
    """
    requests = server.requests + chance.randrange(most)
    with suppress(ProcessLookupError):
        while server.requests < requests:
            os.kill(child, 0)  # raises once the run has ended
            time.sleep(0.001)
        time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)


@contextmanager
def runner() -> Iterator[Runner]:
    """Yield the process whose children are the runs."""
    with piped(runs.main) as process:
        yield Runner(process)
