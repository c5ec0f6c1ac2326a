"""Workers and keepers that are killed at any moment: nothing that was answered is asked for again."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.made_up.counting import Vendor, vendor
from tests.made_up.crew import Crew, crew
from tests.made_up.runs import texts_of
from tests.support.length import length

pytestmark = [pytest.mark.loopback, pytest.mark.long]

ROUNDS = length(2, 6, 30)
N, PARTS, WORKERS, AT_ONCE = 30, 5, 3, 2
"""Texts, parts, processes, and requests that each of them has in flight."""
OPERATIONS = (("sentiment", 1), ("key_phrases", 5))
"""An operation with one text in a request, and one with up to five."""


@pytest.fixture(scope="module")
def children() -> Iterator[Crew]:
    """Yield a crew that starts keepers and workers in processes of their own."""
    with crew() as children:
        yield children


class Run:
    """One keeper, its journal, and workers that all carry out every part, each in an order of its own."""

    def __init__(self, children: Crew, server: Vendor, folder: Path, operation: str, pace: str | None = None) -> None:
        self.children, self.server, self.folder = children, server, folder
        self.operation, self.pace = operation, pace
        self.journal = folder / "일지.journal"
        self.environment = {"CLOUDAI_KEEPER_SECRET": "a secret of this test", "CLOUDAI_STATE_DIR": str(folder)}
        self.listen = "127.0.0.1:0"
        self.address = ""
        self.keeper = 0
        self.keep()

    def keep(self) -> None:
        """Start a keeper, at the same address as the one before."""
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        wish = {"journal": str(self.journal), "ready": str(ready), "listen": self.listen, "pace": self.pace}
        self.keeper = self.children.start(**wish, environment=self.environment)
        until = time.monotonic() + 20
        while not ready.exists():
            assert time.monotonic() < until, "the keeper does not begin"
            time.sleep(0.005)
        self.address = ready.read_text()
        self.listen = self.address.removeprefix("keeper://")

    def work(self, order: list[int]) -> int:
        """Start a worker."""
        wish: dict[str, Any] = {"keeper": self.address, "url": self.server.url, "operation": self.operation, "n": N}
        wish |= {"parts": PARTS, "order": order, "workers": AT_ONCE, "environment": self.environment}
        return self.children.start(**wish)

    def known(self) -> tuple[Counter[str], set[str], set[str]]:
        """Return how often each text was sent, the texts answered and those in doubt, by a dead keeper's journal."""
        by_digest = {sha256(text.encode()).hexdigest(): text for text in texts_of(N)}
        with closing(sqlite3.connect(self.journal)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = db.execute(
                "SELECT sha256, SUM(sent), MAX(status IS NOT NULL), MAX(doubt) FROM calls"
                " JOIN exchanges ON call = id GROUP BY id"
            ).fetchall()
        sent = Counter({by_digest[digest]: n for digest, n, _, _ in rows})
        return sent, {by_digest[d] for d, _, done, _ in rows if done}, {by_digest[d] for d, *_, doubt in rows if doubt}


@pytest.mark.timeout(length(120, 120, 600))  # thirty rounds take two minutes
@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_at_random(number: int, children: Crew, tmp_path: Path) -> None:
    """Whoever is killed, each text is answered, and only what a killed worker had in flight is sent once more.

    Three workers carry out the same parts at the same time, each in another order, so every part runs three times.
    """
    chance = random.Random(number)  # noqa: S311  # the same each time
    operation, company = OPERATIONS[number % 2]
    with vendor(0.03) as server:
        run = Run(children, server, tmp_path, operation)
        workers = [run.work(chance.sample(range(PARTS), PARTS)) for _ in range(WORKERS)]
        killed = 0
        victims = [*range(WORKERS), "keeper", chance.choice(["keeper", 0, 1, 2])]
        chance.shuffle(victims)
        for victim in victims:
            wait_for_requests(server, chance.randrange(4))
            if victim == "keeper":
                children.kill(run.keeper)
                time.sleep(0.03)  # what had reached the vendor is counted
                sent, answered, doubtful = run.known()
                assert set(server.posts) - {"first"} <= answered | doubtful, "sent, and the journal does not know of it"
                assert all(server.posts[text] <= sent[text] for text in texts_of(N))
                run.keep()
            else:
                children.kill(workers[victim])
                killed += 1
                workers[victim] = run.work(chance.sample(range(PARTS), PARTS))
        assert [children.ended(worker) for worker in workers] == [0] * WORKERS
        children.kill(run.keeper)
        sent, answered, doubtful = run.known()
        del server.posts["first"]
        assert answered == set(server.posts) == set(texts_of(N))
        assert not doubtful
        assert all(server.posts[text] <= sent[text] for text in server.posts), "sent, and not written down before"
        assert sum(server.posts.values()) <= N + killed * AT_ONCE * company


def wait_for_requests(server: Vendor, n: int) -> None:
    """Wait until the vendor has been asked so many times more, or nobody asks any more."""
    requests, until = server.requests + n, time.monotonic() + 0.3
    while server.requests < requests and time.monotonic() < until:
        time.sleep(0.001)


def test_one_quota_for_all(children: Crew, tmp_path: Path) -> None:
    """Three processes keep to one strict quota: no second sees more requests than the pace allows."""
    with vendor(0.0) as server:
        times: list[float] = []
        answer = server.answer

        def timed(*request: Any) -> dict[str, Any]:
            if b"first" not in request[2]:
                times.append(time.monotonic())
            return answer(*request)

        server.answer = timed  # type: ignore[method-assign]
        run = Run(children, server, tmp_path, "sentiment", pace="12/s")
        workers = [run.work([number, *({*range(PARTS)} - {number})]) for number in range(WORKERS)]
        assert [children.ended(worker) for worker in workers] == [0] * WORKERS
        children.kill(run.keeper)
    del server.posts["first"]
    assert server.posts == Counter(texts_of(N))
    assert max(sum(0 <= later - time_ < 1 for later in times) for time_ in times) <= 12
    assert max(times) - min(times) > 2, "the pace was not kept"


def test_a_reply_outlives_keeper_and_worker(children: Crew, tmp_path: Path) -> None:
    """A reply that comes while the keeper is away is handed over by the next worker, even if its own was killed."""
    with vendor(0.0) as server:
        run = Run(children, server, tmp_path, "sentiment")
        gate = Gate(server)
        worker = run.work([0])
        gate.wait()
        children.kill(run.keeper)
        time.sleep(0.1)  # the worker notices that the keeper is gone
        gate.open()
        until = time.monotonic() + 10
        while not list(tmp_path.glob("spool/*/*.db")):
            assert time.monotonic() < until, "the reply is nowhere"
            time.sleep(0.01)
        time.sleep(0.1)
        children.kill(worker)
        del server.posts["first"]
        asked = Counter(server.posts)
        run.keep()
        assert children.ended(run.work([0])) == 0
        assert all(server.posts[text] == 1 for text in asked), "paid for twice"
        assert not list(tmp_path.glob("spool/*/*.db"))
        children.kill(run.keeper)


class Gate:
    """Lets a vendor answer only once it is opened."""

    def __init__(self, server: Vendor) -> None:
        self._server, self._answer, self._open = server, server.answer, False
        server.answer = self._wait  # type: ignore[method-assign]
        self._asked = 0

    def _wait(self, *request: Any) -> dict[str, Any]:
        self._asked += b"first" not in request[2]
        while b"first" not in request[2] and not self._open:
            time.sleep(0.005)
        return self._answer(*request)

    def wait(self) -> None:
        """Wait until the vendor is asked as often as a worker has requests in flight."""
        until = time.monotonic() + 20
        while self._asked < AT_ONCE:
            assert time.monotonic() < until, "nobody asks"
            time.sleep(0.005)

    def open(self) -> None:
        """Let the vendor answer."""
        self._open = True
