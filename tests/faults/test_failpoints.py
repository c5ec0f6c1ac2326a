"""Crashes at the steps that are not the plain path: of a job that is polled, at a run's beginning, after a refusal."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudai import Client
from cloudai.core.flow import Request, Response
from tests.faults.test_kill import look
from tests.made_up.counting import Runner, runner, vendor
from tests.made_up.provider import MadeUp, ok
from tests.made_up.runs import texts_of
from tests.support.length import length

N, WORKERS = 12, 2


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    """Yield a runner that starts runs in processes of their own."""
    with runner() as run:
        yield run


@pytest.mark.loopback
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
@pytest.mark.parametrize("step", ["before intend", "after intend", "before answer", "after answer", "before settle"])
def test_a_job_that_is_polled(step: str, colour: str, run: Runner, tmp_path: Path) -> None:
    """Of a job whose order was answered only looks are sent again; of the others at most one a worker, all in doubt."""
    for after in length((1,), (0, 1, 7), (0, 1, 7)):
        journal = tmp_path / f"{after}.journal"
        with vendor(0.0) as server:
            wish = {"journal": str(journal), "url": server.url, "colour": colour, "n": N, "workers": WORKERS}
            wish |= {"operation": "detect_language"}
            assert run({**wish, "failpoint": step, "after": after}) == 9
            time.sleep(0.03)
            ordered, doubtful = look(journal)
            posts, polls = Counter(server.posts), server.polls
            assert set(posts) <= ordered | doubtful, "sent, and the journal does not know of it"
            assert run(wish) == 0
            again = {text for text in posts if server.posts[text] > posts[text]}
            assert again <= doubtful - ordered
            assert len(again) <= WORKERS
            assert set(server.posts) == set(texts_of(N))
            assert server.polls > polls, "each job is looked at anew"


@pytest.mark.loopback
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
@pytest.mark.parametrize("step", ["before begin", "after begin", "before anew", "after anew"])
def test_at_the_beginning_of_a_run(step: str, colour: str, run: Runner, tmp_path: Path) -> None:
    """Nothing was sent, and what an earlier run has paid for is still there: no call more than there are texts."""
    with vendor(0.0) as server:
        wish = {"journal": str(tmp_path / "일.journal"), "url": server.url, "colour": colour, "workers": WORKERS}
        wish |= {"operation": "sentiment", "n": N}
        assert run({**wish, "failpoint": step, "after": 0}) == 9
        assert not server.posts
        assert run({**wish, "n": 5}) == 0
        assert run({**wish, "failpoint": step, "after": 0}) == 9
        assert run(wish) == 0
        assert server.posts == Counter(texts_of(N))


@pytest.mark.loopback
def test_crash_after_crash(run: Runner, tmp_path: Path) -> None:
    """A run that dies at each of its first intentions, ten times: ten extra calls at most, and in the end all done."""
    with vendor(0.0) as server:
        wish = {"journal": str(tmp_path / "일.journal"), "url": server.url, "colour": "blocking", "workers": WORKERS}
        wish |= {"operation": "sentiment", "n": N}
        for _ in range(10):
            before = Counter(server.posts)
            answered, doubtful = look(Path(wish["journal"])) if Path(wish["journal"]).exists() else (set(), set())
            assert run({**wish, "failpoint": "at reply", "after": 0}) == 9
            time.sleep(0.03)
            again = {text for text in before if server.posts[text] > before[text]}
            assert again <= doubtful
            assert not again & answered
        assert run(wish) == 0
        assert set(server.posts) == set(texts_of(N))
        assert sum(server.posts.values()) <= N + 10 * WORKERS


def test_an_end_that_does_not_wait_keeps_the_books(tmp_path: Path) -> None:
    """A reply that comes after the batch has ended is not counted twice, and is kept for the next run."""
    goes_on, on_its_way, sent = threading.Event(), threading.Event(), []

    def answer(request: Request) -> Response:
        sent.append(request.json["text"])
        if request.json["text"] == "같은 글":
            on_its_way.set()
            goes_on.wait(10)
        on_its_way.wait(10)
        return ok({"score": 0.5})

    texts = ["끝", "같은 글", "같은 글"]
    with Client(MadeUp(), send=answer) as client:
        with client.batch("sentiment", texts, journal=tmp_path / "j", concurrency=3) as job:
            for _ in job:
                while job.books["submitted"] < len(texts):
                    time.sleep(0.01)
                time.sleep(0.05)  # the copy waits for the first one
                job.stop(wait=0.05)
            books = job.books
            goes_on.set()
            for thread in [each for each in threading.enumerate() if each.name.startswith("cloudai-batch")]:
                thread.join(10)
            assert job.balanced
            assert job.books == books
        with client.batch("sentiment", texts, journal=tmp_path / "j") as job:
            assert {outcome.status for outcome in job} == {"ok"}
    assert sorted(sent) == ["같은 글", "끝"]
