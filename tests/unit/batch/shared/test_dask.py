"""Batches and data frames that a Dask cluster carries out; its workers share a keeper."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, SettingsError, share
from cloudai import dask as annotating
from cloudai.batch.shared.keeper import Keeper
from tests.made_up.counting import Vendor, vendor
from tests.made_up.runs import Far, texts_of
from tests.support.length import length

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.long,
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("default"),  # Dask's own
]

N = 60


class Near(Far):
    """The made-up vendor, whose address is in the environment of the workers."""

    def __init__(self) -> None:
        super().__init__(os.environ["FAR_URL"])


@pytest.fixture(scope="module")
def server() -> Iterator[Vendor]:
    """Yield a vendor that counts."""
    with vendor(0.02) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(server: Vendor) -> Iterator[Any]:
    """Yield workers in threads of this process; in the longer forms, three processes."""
    os.environ.update(FAR_URL=server.url, CLOUDAI_KEEPER_SECRET="a secret of this test")
    processes = length(False, True, True)
    with (
        distributed.LocalCluster(
            n_workers=3 if processes else 1,
            threads_per_worker=1 if processes else 3,
            processes=processes,
            dashboard_address=None,
        ) as local,
        distributed.Client(local) as cluster,
    ):
        yield cluster


@pytest.fixture
def keeper(tmp_path: Path, server: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    """Yield a keeper with an empty journal, and a vendor that was asked nothing."""
    monkeypatch.setenv("FAR_URL", server.url)
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", "a secret of this test")
    server.posts.clear()
    with share(tmp_path / "일지.journal", listen="127.0.0.1:0", grace=0.3) as keeper:
        yield keeper


def test_a_batch(cluster: Any, keeper: Keeper, server: Vendor) -> None:
    """The cluster carries out each input once; rows are in order, the books are balanced, and progress is told."""
    told: list[int] = []
    texts = [*texts_of(N), texts_of(1)[0]]
    with (
        Client(Near()) as client,
        client.batch(
            *("sentiment", texts), journal=keeper.address, engine=cluster, progress=lambda o: told.append(o.item)
        ) as job,
    ):
        assert sorted(outcome.item for outcome in job if outcome.result) == list(range(N + 1))
        assert sorted(told) == list(range(N + 1))
        assert [row["input"] for row in job.table()] == [outcome.input for outcome in job]
        assert (job.books["done"], job.balanced) == (N + 1, True)
    assert server.posts == Counter(texts_of(N))


def test_stopped(cluster: Any, keeper: Keeper, server: Vendor) -> None:
    """A batch that is stopped sends no more; run again, what was answered is not asked for again."""
    with (
        Client(Near()) as client,
        client.batch("sentiment", texts_of(N), journal=keeper.address, engine=cluster, concurrency=1) as job,
    ):
        for n, _ in enumerate(job):
            if n == 3:
                job.stop()
        asked = -1
        while asked != server.posts.total():  # what is on its way arrives, and then nothing more
            asked = server.posts.total()
            time.sleep(0.2)
        assert asked < N, "it goes on"
        assert job.books["done"] + job.books["not_started"] == N
    with (
        Client(Near()) as client,
        client.batch("sentiment", texts_of(N), journal=keeper.address, engine=cluster) as job,
    ):
        assert sum(outcome.status == "ok" for outcome in job) == N
    assert server.posts == Counter(texts_of(N))


def test_a_frame_that_is_computed_twice(cluster: Any, keeper: Keeper, server: Vendor) -> None:
    """Each row gets its result beside it, and computing the frame again asks nobody."""
    dataframe = pytest.importorskip("dask.dataframe")
    pandas = pytest.importorskip("pandas")
    frame = dataframe.from_pandas(pandas.DataFrame({"후기": texts_of(N), "번호": range(N)}), npartitions=4)
    with Client(Near()) as client:
        annotated = annotating.annotate(
            frame, column="후기", operation="sentiment", client=client, journal=keeper.address
        )
        for _ in range(2):
            done = annotated.compute()
            assert list(done["번호"]) == list(range(N))
            assert set(done["cloudai_status"]) == {"ok"}
            assert done["cloudai_result"].str.contains('"score":0.5').all()
        with pytest.raises(SettingsError, match="no column"):
            annotating.annotate(frame, column="없음", operation="sentiment", client=client, journal=keeper.address)
    assert server.posts == Counter(texts_of(N))


def test_progress_and_limit_of_a_cluster(
    cluster: Any, keeper: Keeper, server: Vendor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While parts are carried out, the progress says how many inputs have ended and when the rest will have."""
    for name, value in (
        *(("dask_engine.EVERY", 0.05), ("dask_engine.LOOK", 0.05), ("progress.EVERY", 0.1)),
        ("dask_engine.SHARE", 1.0),
    ):
        monkeypatch.setattr(f"cloudai.batch.{name}", value)
    monkeypatch.setattr(server, "delay", 0.2)  # the batch lasts for more than a second, in which it is looked at
    with (
        Client(Near()) as client,
        client.batch(
            "sentiment", texts_of(N), journal=keeper.address, engine=cluster, concurrency=1, progress=True, max_units=40
        ) as job,
    ):
        assert sum(outcome.status == "ok" for outcome in job) == 40
        assert (job.books["done"], job.books["not_started"], job.balanced) == (40, N - 40, True)
    shown = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sentiment: ")]
    ended = [int(line.split()[1].partition("/")[0]) for line in shown]
    assert ended == sorted(ended)
    assert len({n for n in ended if 0 < n < 40}) > 1, shown
    assert any("left" in line for line in shown), shown
    assert ended[-1] == 40
    assert server.posts.total() == 40


@pytest.mark.skipif(length(True, False, False), reason="workers in processes are for the longer forms")
def test_workers_that_are_killed(cluster: Any, keeper: Keeper, server: Vendor) -> None:
    """Each worker is killed in turn: the batch comes to its end, and asks again only for what was in flight."""
    killed = 0

    def kill() -> None:
        nonlocal killed
        for pid in cluster.run(os.getpid).values():
            requests = server.requests + 5
            while server.requests < requests:
                time.sleep(0.002)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1

    killer = threading.Thread(target=kill)
    with (
        Client(Near()) as client,
        client.batch("sentiment", texts_of(N), journal=keeper.address, engine=cluster, concurrency=2) as job,
    ):
        killer.start()
        assert sorted(outcome.item for outcome in job if outcome.result) == list(range(N))
        killer.join()
        assert (job.books["done"], job.balanced) == (N, True)
    assert set(server.posts) == set(texts_of(N))
    assert server.posts.total() <= N + killed * 2


def test_without_a_keeper(cluster: Any) -> None:
    """A cluster without a keeper is refused, and so is an engine that is none."""
    with Client(Near()) as client, pytest.raises(SettingsError, match="cloudai share"):
        client.batch("sentiment", ["글"], engine=cluster)


def test_an_engine_that_is_none(keeper: Keeper) -> None:
    """What is no client of Dask is refused before anything is sent."""
    with (
        Client(Near()) as client,
        client.batch("sentiment", ["글"], journal=keeper.address, engine="dask") as job,
        pytest.raises(SettingsError, match=r"distributed\.Client"),
    ):
        list(job)
