"""Killed at any moment, a batch loses nothing: real processes, a real server that counts."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.made_up.counting import Runner, Vendor, kill, runner, vendor
from tests.made_up.runs import texts_of
from tests.support.length import both_by_turns, length

pytestmark = pytest.mark.loopback

KILLS = length(5, 25, 100)
"""The kills for each of the two kinds of client; half of the runs are jobs that are polled."""
MOST_KILLS = 20
"""The most kills of one batch, which is then left to end."""
N, WORKERS = 40, 4
OPERATIONS = (("detect_language", 1), ("key_phrases", 5), ("sentiment", 1))
"""A job that is polled, many inputs in one request, and one in each; and the most inputs in a request."""


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    """Yield a runner that starts runs in processes of their own."""
    with runner() as run:
        yield run


def look(journal: Path) -> tuple[set[str], set[str]]:
    """Return the texts answered and those in doubt, by the journal of a dead process, which must be whole."""
    by_digest = {digest_of(text): text for text in texts_of(N)}
    with closing(sqlite3.connect(journal)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'calls'").fetchone():
            return set(), set()
        rows = db.execute(
            "SELECT sha256, MAX(status IS NOT NULL AND step_id = '1'), MAX(doubt) FROM calls"
            " JOIN exchanges ON call = id GROUP BY id"
        ).fetchall()
    answered = {by_digest[digest] for digest, done, _ in rows if done}
    return answered, {by_digest[digest] for digest, _, doubt in rows if doubt}


def digest_of(text: str) -> str:
    """Return the digest by which the journal knows a text."""
    return sha256(text.encode()).hexdigest()


@pytest.mark.timeout(length(120, 300, 1200))  # a hundred kills take three minutes
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_killed_at_random(colour: str, run: Runner, tmp_path: Path) -> None:
    """An answered text is never sent again, only one in doubt is, and a kill costs a call a worker at most."""
    chance = random.Random(colour)  # noqa: S311  # the same each time
    kills = batch = 0
    with vendor() as server:
        while kills < KILLS:
            batch += 1
            operation, together = OPERATIONS[batch % len(OPERATIONS)]
            journal = tmp_path / f"{batch}.journal"
            wish = {"journal": str(journal), "url": server.url, "colour": colour, "n": N, "workers": WORKERS}
            wish |= {"operation": operation}
            server.posts.clear()
            watch = Watch(journal, server, WORKERS * together)
            while watch.kills < MOST_KILLS and (code := run(wish, lambda child: kill(child, server, chance, 20))):
                assert code == -9, "a run that is not killed ends well"
                watch.look()
            assert run(wish) == 0
            assert set(server.posts) == set(texts_of(N))
            assert sum(server.posts.values()) <= N + watch.kills * WORKERS * together
            kills += watch.kills


class Watch:
    """The state of a batch and of the vendor after the last kill."""

    def __init__(self, journal: Path, server: Vendor, at_work: int) -> None:
        self.at_work = at_work
        self.journal, self.server, self.kills = journal, server, 0
        self.answered: set[str] = set()
        self.doubtful: set[str] = set()
        self.posts: Counter[str] = Counter()

    def look(self) -> None:
        """Require that each text sent is answered or in doubt, and that only those in doubt were sent once more."""
        self.kills += 1
        time.sleep(0.03)  # what had reached the server is counted
        if not self.journal.exists():
            assert not self.server.posts
            return
        answered, doubtful = look(self.journal)
        posts = Counter(self.server.posts)
        assert set(posts) <= answered | doubtful, "sent, and the journal does not know of it"
        assert all(posts[text] == self.posts[text] for text in self.answered), "answered, and sent again"
        again = {text for text in self.posts if posts[text] > self.posts[text]}
        assert again <= self.doubtful, "sent again, and had not been in doubt"
        assert sum(posts.values()) <= N + self.kills * self.at_work
        self.answered, self.doubtful, self.posts = answered, doubtful, posts


FAILPOINTS = [f"{when} {step}" for step in ("look_up", "intend", "answer", "enter") for when in ("before", "after")]


@both_by_turns("failpoint", [*FAILPOINTS, "at send", "at reply"])
def test_killed_at_every_step(failpoint: str, colour: str, run: Runner, tmp_path: Path) -> None:
    """At each step of the journal, early and late: the next run ends it, and what was answered is not sent again."""
    for after in length((0, 5)[len(failpoint + colour) % 2 :][:1], (0, 5), (0, 5)):
        journal = tmp_path / f"{after}.journal"
        with vendor(0.0) as server:
            wish = {"journal": str(journal), "url": server.url, "colour": colour, "n": 12, "workers": 2}
            wish |= {"operation": "sentiment"}
            assert run({**wish, "failpoint": failpoint, "after": after}) == 9
            time.sleep(0.03)
            answered, doubtful = look(journal)
            posts = Counter(server.posts)
            assert set(posts) <= answered | doubtful
            assert run(wish) == 0
            assert set(server.posts) == set(texts_of(12))
            assert all(server.posts[text] == posts[text] for text in answered)
            assert sum(server.posts.values()) <= 12 + 2
