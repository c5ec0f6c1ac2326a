"""A Dask cluster of three processes with one quota: whatever dies, nothing that was answered is asked for again."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client
from tests.made_up.counting import Vendor, vendor
from tests.made_up.crew import Crew, crew
from tests.made_up.runs import texts_of
from tests.support.length import length
from tests.unit.batch.shared.test_dask import Near

distributed = pytest.importorskip("distributed")

ROUNDS = length(0, 3, 30)
N, PER_SECOND, AT_ONCE = 45, 30, 2
"""Texts, requests that the quota allows in any second, and requests that each process has in flight."""

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.long,
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("default"),  # Dask's own
    pytest.mark.timeout(length(60, 200, 1500)),  # thirty rounds of several seconds each share the processes
    pytest.mark.skipif(not ROUNDS, reason="workers in processes are for the longer forms"),
]


@pytest.fixture(scope="module")
def children() -> Iterator[Crew]:
    """Yield a crew that starts keepers in processes of their own."""
    with crew() as children:
        yield children


@pytest.fixture(scope="module")
def server() -> Iterator[Vendor]:
    """Yield a vendor that counts."""
    with vendor(0.05) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(server: Vendor) -> Iterator[Any]:
    """Yield a cluster of three processes, each with one thread; one that dies is replaced."""
    os.environ.update(FAR_URL=server.url, CLOUDAI_KEEPER_SECRET="a secret of this test")
    with (
        distributed.LocalCluster(n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        distributed.Client(local) as cluster,
    ):
        local.adapt(minimum=3, maximum=3, interval="500ms")  # Dask gives up a process that was killed while it began
        yield cluster


class Keeping:
    """The process of the keeper, and the one that takes its place."""

    def __init__(self, children: Crew, folder: Path) -> None:
        self._children, self._folder = children, folder
        self._listen, self.address = "127.0.0.1:0", ""
        self.begin()

    def begin(self) -> None:
        """Start a keeper, at the address of the one before."""
        ready = self._folder / "ready"
        ready.unlink(missing_ok=True)
        environment = {"CLOUDAI_KEEPER_SECRET": "a secret of this test", "CLOUDAI_STATE_DIR": str(self._folder)}
        wish = {"journal": str(self._folder / "일지.journal"), "ready": str(ready), "listen": self._listen}
        self._process = self._children.start(**wish, pace=f"{PER_SECOND}/s", environment=environment)
        until = time.monotonic() + 30
        while not ready.exists():
            assert time.monotonic() < until, "the keeper does not begin"
            time.sleep(0.005)
        self.address = ready.read_text()
        self._listen = self.address.removeprefix("keeper://")

    def kill(self) -> None:
        """End the keeper without a warning."""
        self._children.kill(self._process)


@pytest.fixture(scope="module")
def keeping(children: Crew, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeping]:
    """Keep one keeper for all rounds: a part that is carried out once more would wait for one that is gone."""
    keeping = Keeping(children, tmp_path_factory.mktemp("keeper"))
    yield keeping
    keeping.kill()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_whatever_dies(
    number: int, keeping: Keeping, cluster: Any, server: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed, only what a worker had in flight is asked for again, the quota holds, and the books balance.

    Each worker and the keeper are killed in a random order, and some of the batches are stopped and run again.
    """
    monkeypatch.setenv("FAR_URL", server.url)
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", "a secret of this test")
    chance = random.Random(number)  # noqa: S311  # the same each time
    cluster.wait_for_workers(3, timeout=60)
    times: list[float] = []
    answer = Vendor.answer

    def timed(*request: Any) -> dict[str, Any]:
        times.append(time.monotonic())
        return answer(server, *request)

    monkeypatch.setattr(server, "answer", timed)
    server.posts.clear()
    killed, ended = 0, threading.Event()

    def kill() -> None:
        nonlocal killed
        victims: list[Any] = [*cluster.run(os.getpid).values(), "keeper"]
        chance.shuffle(victims)
        for victim in victims:
            requests, until = server.requests + chance.randrange(1, 8), time.monotonic() + 20
            while server.requests < requests and time.monotonic() < until and not ended.is_set():
                time.sleep(0.001)
            if victim == "keeper":
                keeping.kill()
                time.sleep(chance.random() * 0.3)
                keeping.begin()
            else:
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed += 1

    killer, stops_after = threading.Thread(target=kill), chance.choice((None, chance.randrange(1, N)))
    killer.start()
    texts = [f"{number}: {text}" for text in texts_of(N)]
    with Client(Near()) as client:
        for stopping in [stops_after, None]:
            with client.batch("sentiment", texts, journal=keeping.address, engine=cluster, concurrency=AT_ONCE) as job:
                for n, _ in enumerate(job):
                    if n == stopping:
                        job.stop()
        ended.set()
        killer.join(60)
        assert not killer.is_alive()
        with client.batch("sentiment", texts, journal=keeping.address, engine=cluster) as job:
            assert sorted(outcome.item for outcome in job if outcome.result) == list(range(N))
            assert [row["item"] for row in job.table()] == list(range(N))
            assert (job.books["done"], job.balanced) == (N, True)
            sent = sum(row["billed_max"] for row in job.table())
    assert set(server.posts) == set(texts)
    assert server.posts.total() <= N + killed * AT_ONCE
    assert server.posts.total() <= sent, "a request was sent that no row knows of"
    # A process that has just begun is slow to send its first requests after their turn. Each of the three processes,
    # and of the three that took their places, has `AT_ONCE` of them. test_keeper.py has the quota without this.
    assert max(sum(0 <= later - at < 1 for later in times) for at in times) <= PER_SECOND + 6 * AT_ONCE
    assert Counter(server.posts).most_common(1)[0][1] <= 1 + killed
