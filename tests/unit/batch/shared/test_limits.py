"""The limits of a batch hold for all processes that carry it out with a keeper, over all runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, ConnectError, Google, Response, share
from cloudai.batch.shared.keeper import Keeper
from cloudai.core.flow import Request
from tests.made_up.merging import google, picture
from tests.made_up.provider import MadeUp, ok
from tests.made_up.runs import texts_of
from tests.unit.batch.shared.test_sharing import Vendor

pytestmark = [pytest.mark.loopback, pytest.mark.enable_socket]


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the keeper, whose workers know the secret."""
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", "a secret of this test")
    return tmp_path / "일지.journal"


@pytest.fixture
def keeper(journal: Path) -> Iterator[Keeper]:
    """Yield a keeper on the loopback."""
    with share(journal, listen="127.0.0.1:0", grace=0.1) as keeper:
        yield keeper


def carried_out(client: Client, keeper: Keeper, n: int, parts: int, **limits: Any) -> dict[str, int]:
    """Carry out a list of texts in parts at the same time, and return the books."""
    with client.batch("sentiment", texts_of(n), journal=keeper.address, concurrency=2, **limits) as job:
        runs = [threading.Thread(target=part.run) for part in job.partition(parts)]
        for run in runs:
            run.start()
        for run in runs:
            run.join(20)
        assert job.balanced
        return job.books


def test_requests_of_all_workers(keeper: Keeper) -> None:
    """Three workers send as many requests as the limit allows, and no more in a later run; without it the rest goes."""
    vendor = Vendor()
    with vendor.client() as client:
        for _ in range(2):
            books = carried_out(client, keeper, 30, 3, max_requests=11)
            assert (vendor.asked.total(), books["done"], books["not_started"]) == (11, 11, 19)
        assert carried_out(client, keeper, 30, 3)["done"] == 30
        assert vendor.asked.total() == 30
        assert carried_out(client, keeper, 31, 3, max_requests=1)["done"] == 31, "a limit is that of one list"


def test_units_of_pictures_that_share_requests(journal: Path) -> None:
    """A limit of units cuts the requests of several inputs, also with a keeper that has restarted between two runs."""
    sent: list[int] = []

    def send(request: Request) -> Response:
        sent.append(len(request.json["requests"]))
        return google(request)

    pictures = [picture(i) for i in range(40)]
    for _ in range(2):
        with (
            share(journal, listen="127.0.0.1:0") as keeper,
            Client(Google(api_key="not-a-real-key"), send=send) as client,
            client.batch("detect_faces", pictures, journal=keeper.address, max_units=21) as job,
        ):
            for part in job.partition(2):
                part.run()
            assert sum(sent) == 21
            assert (job.books["done"], job.books["not_started"]) == (21, 19)


def test_what_was_not_sent_does_not_count(keeper: Keeper) -> None:
    """A request that did not reach the vendor is taken back from the limit of all workers."""
    failures = [ConnectError("no connection") for _ in range(3)]

    def send(request: Request) -> Response:
        if failures:
            raise failures.pop()
        return ok({"score": 0.5})

    with Client(MadeUp(key="k"), send=send) as client:
        assert carried_out(client, keeper, 5, 2, max_requests=5)["done"] == 5
