"""A disk that is full, really or at one commit: nothing is sent that could not be written down before."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, JournalError
from cloudai.batch import queries, rows
from cloudai.batch.queries import Database
from cloudai.core.flow import Request, Response
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher, Server, both
from tests.support.paths import ROOT

TEXTS = [f"후기 {n}" for n in range(30)]
LONG = "답" * 2000


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Path]:
    """Yield the folder of a drive with room for a journal and a few replies."""
    folder = tmp_path / "작은 드라이브"
    folder.mkdir()
    mount = Path("/bin/mount")
    tmpfs = [mount, "-t", "tmpfs", "-o", "size=180k", "cloudai-test", folder]
    if not mount.exists() or subprocess.run(tmpfs, capture_output=True, check=False).returncode:
        pytest.skip("a drive cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", folder], check=True)


def kept(journal: Path) -> tuple[set[str], set[str], int]:
    """Return the texts answered, the texts in doubt, and the number of requests, by a journal that nobody has open."""
    names = {sha256(text.encode()).hexdigest(): text for text in TEXTS}
    with tempfile.TemporaryDirectory() as copy:  # a plain SQLite makes files beside it, and the drive may be full
        for path in journal.parent.glob(f"{journal.name}*"):
            shutil.copy(path, copy)
        return counted(Path(copy, journal.name), names)


def counted(journal: Path, names: Mapping[str, str]) -> tuple[set[str], set[str], int]:
    """Return the same facts as `kept`, by a copy of a journal."""
    with closing(sqlite3.connect(journal)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT sha256, status, doubt, sent FROM exchanges JOIN calls ON id = call").fetchall()
    answered = {names[digest] for digest, status, _, _ in rows if status}
    return answered, {names[digest] for digest, _, doubt, _ in rows if doubt}, sum(row[3] for row in rows)


@both
def test_a_drive_that_is_full(colour: str, drive: Path) -> None:
    """The typed error; what was sent is in the journal; with more room all is done, and only doubts are paid twice."""
    server = Server(lambda _: ok({"score": 0.5, "filler": LONG}))
    run, workers = Batcher(colour, MadeUp(), server), 4
    first = run("sentiment", TEXTS, journal=drive / "j", concurrency=workers)
    assert isinstance(first.error, JournalError)
    assert "the disk is full" in str(first.error)
    assert "run the same again" in str(first.error)
    assert first.balanced
    assert len([outcome for outcome in first.outcomes if outcome.status == "ok"]) == len(server.requests) > 0
    answered, doubtful, sent = kept(drive / "j")
    posts = Counter(server.texts)
    assert set(posts) == answered | doubtful
    assert sum(posts.values()) == sent, "sent without being written down, or written down and not sent"
    assert len(doubtful - answered) <= workers
    subprocess.run(["/bin/mount", "-o", "remount,size=4m", drive], check=True)
    again = run("sentiment", TEXTS, journal=drive / "j", concurrency=workers)
    assert again.books["done"] == len(TEXTS)
    assert again.error is None
    assert {text for text, n in Counter(server.texts).items() if n > 1} <= doubtful


def test_with_room_before_it_is_closed_nothing_is_paid_twice(drive: Path) -> None:
    """A result that could not be written is written at the end, if somebody has made room in time."""
    server = Server(lambda _: ok({"score": 0.5, "filler": LONG}))
    with Client(MadeUp(), send=server) as client:
        with client.batch("sentiment", TEXTS[:20], journal=drive / "j", concurrency=4) as job:
            with pytest.raises(JournalError, match="the disk is full"):
                list(job)
            assert job.balanced
            assert 0 < len(server.requests) < 20
            subprocess.run(["/bin/mount", "-o", "remount,size=4m", drive], check=True)
        answered, doubtful, _ = kept(drive / "j")
        assert answered == set(server.texts)
        assert not doubtful
        with client.batch("sentiment", TEXTS[:20], journal=drive / "j") as job:
            assert {outcome.status for outcome in job} == {"ok"}
    assert Counter(server.texts) == Counter(TEXTS[:20])


def test_no_room_for_a_journal_at_all(drive: Path) -> None:
    """The typed error before anything is sent; the same call goes through once there is room."""
    ballast = drive / "사진.raw"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    server = Server(lambda _: ok({"score": 0.5}))
    with Client(MadeUp(), send=server) as client:
        with pytest.raises(JournalError, match="the disk is full") as raised:
            client.batch("sentiment", TEXTS[:2], journal=drive / "j")
        assert raised.value.advice
        assert not server.requests
        ballast.unlink()
        with client.batch("sentiment", TEXTS[:2], journal=drive / "j") as job:
            assert {outcome.status for outcome in job} == {"ok"}


def test_a_limit_of_the_system_is_a_full_disk(tmp_path: Path) -> None:
    """The real thing: a process that may not write more ends with the typed error, and its journal can be used."""
    code = """
import resource, signal, sys
from cloudai import Client, JournalError
from tests.made_up.provider import MadeUp, ok
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))
n = [0]
def send(request):
    n[0] += 1
    return ok({"score": 0.5, "model": "m" * 20_000})
with Client(MadeUp(), send=send) as client:
    try:
        with client.batch("sentiment", [str(i) for i in range(50)], journal=sys.argv[1], concurrency=1) as job:
            list(job)
    except JournalError as error:
        print(n[0], error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "j")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    n = int(done.stdout.split()[0])
    assert 0 < n < 50
    server = Server(lambda _: ok({"score": 0.5}))
    again = Batcher("blocking", MadeUp(), server)("sentiment", [str(i) for i in range(50)], journal=tmp_path / "j")
    assert again.books["done"] == 50
    assert 50 - n <= len(server.requests) <= 50 - n + 1, "at most the one whose reply found no room is asked again"


class Disk:
    """The disk of the journals, which is full at some commits."""

    def __init__(self) -> None:
        self.commits = 0
        self.full_from: int | None = None
        """The commit from which on the disk is full, until somebody makes room."""

    def is_full(self) -> bool:
        """Return whether this commit finds no room."""
        self.commits += 1
        return self.full_from is not None and self.commits >= self.full_from

    def connect(self, path: str) -> Database:
        """Return a connection to a database on this disk."""
        db = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
        outer = self

        class Watched:
            def execute(self, sql: str, parameters: Any = ()) -> Any:
                if sql == "COMMIT" and outer.is_full():
                    raise sqlite3.OperationalError("database or disk is full")
                return db.execute(sql, parameters)

            def close(self) -> None:
                db.close()

        return Watched()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return the disk on which every journal is that is opened."""
    disk = Disk()
    monkeypatch.setattr("cloudai.batch.journal._connect", disk.connect)
    return disk


@both
def test_full_before_an_intention_nothing_is_sent(colour: str, disk: Disk, tmp_path: Path) -> None:
    """Not one request goes out after the first that could not be written down; with space again it goes on."""
    server = Server(lambda _: ok({"score": 0.5}))
    run = Batcher(colour, MadeUp(), server)
    sent_when_full = []

    def answer(_: Request) -> Response:
        if len(server.requests) == 5:
            # The reply to this request can still be written; the next intention cannot.
            disk.full_from = disk.commits + 2
        sent_when_full.append(disk.full_from is not None and disk.commits >= disk.full_from)
        return ok({"score": 0.5})

    server.answer = answer
    done = run("sentiment", TEXTS[:12], journal=tmp_path / "j", concurrency=1)
    assert isinstance(done.error, JournalError)
    assert "the disk is full" in str(done.error)
    assert "run the same again" in str(done.error)
    assert not any(sent_when_full)
    assert len(server.requests) == 5
    disk.full_from = None
    again = run("sentiment", TEXTS[:12], journal=tmp_path / "j", concurrency=1)
    assert again.books["done"] == 12
    assert sorted(server.texts) == sorted(TEXTS[:12])


def test_full_after_a_reply_the_result_is_not_lost(disk: Disk, tmp_path: Path) -> None:
    """It is handed out, nothing more is sent, and it is kept after all where there is room again at the end."""
    server = Server(lambda _: ok({"score": 0.5}))

    def answer(_: Request) -> Response:
        disk.full_from = disk.commits + 1
        return ok({"score": 0.5})

    server.answer = answer
    outcomes = []
    with Client(MadeUp(), send=server) as client:
        with client.batch("sentiment", TEXTS[:12], journal=tmp_path / "j", concurrency=1) as job:
            with pytest.raises(JournalError, match="disk is full"):
                for outcome in job:
                    outcomes.append(outcome)
                    disk.full_from = None  # somebody has made room
            assert job.balanced
        assert [outcome.status for outcome in outcomes][:1] == ["ok"]
        assert len(server.requests) == 1
        server.answer = lambda _: ok({"score": 0.5})
        with client.batch("sentiment", TEXTS[:12], journal=tmp_path / "j") as job:
            assert {outcome.status for outcome in job} == {"ok"}
    assert sorted(server.texts) == sorted(TEXTS[:12]), "what was answered is not asked again"


def test_killed_before_what_was_lost_is_written(disk: Disk, tmp_path: Path) -> None:
    """Full, and killed before it could be closed: the reply is lost, its text is in doubt, and asked once more."""

    def answer(_: Request) -> Response:
        disk.full_from = disk.commits + 1
        return ok({"score": 0.5})

    with Client(MadeUp(), send=answer) as client:
        job = client.batch("sentiment", TEXTS[:5], journal=tmp_path / "j", concurrency=1)
        with pytest.raises(JournalError, match="the disk is full"):
            list(job)
        (tmp_path / "found").mkdir()
        for path in tmp_path.glob("j*"):
            (tmp_path / "found" / path.name).write_bytes(path.read_bytes())
        with pytest.raises(JournalError, match=r"1 answered request.* in doubt"):
            job.close()
    disk.full_from = None
    assert kept(tmp_path / "found" / "j") == (set(), {TEXTS[0]}, 1)
    server = Server(lambda _: ok({"score": 0.5}))
    skipped = Batcher("blocking", MadeUp(), server)(
        "sentiment", TEXTS[:5], journal=tmp_path / "found" / "j", in_doubt="skip"
    )
    assert skipped.values() == ["skipped", "ok", "ok", "ok", "ok"]
    assert TEXTS[0] not in server.texts


class OneFailure(Disk):
    """A disk that fails once, at the first commit with such a step in it, and is well again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        super().__init__()
        self.failed = self._within = False
        module = queries if hasattr(queries, step) else rows
        made = getattr(module, step)

        def make(*arguments: Any, **options: Any) -> Any:
            work = made(*arguments, **options)

            def noted(db: Any) -> Any:
                self._within = True
                return work(db)

            return noted

        monkeypatch.setattr(module, step, make)
        monkeypatch.setattr("cloudai.batch.journal._connect", self.connect)

    def is_full(self) -> bool:
        """Return whether this commit fails, which happens once."""
        failing = self._within and not self.failed
        self.failed = self.failed or failing
        return failing


@both
@pytest.mark.parametrize("workers", [1, 4])
def test_one_intention_that_fails_stops_the_run(
    workers: int, colour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the disk is well again: no request goes out but those of other workers that were written down with it."""
    disk = OneFailure(monkeypatch, "intend")
    server = Server(lambda _: ok({"score": 0.5}))
    run = Batcher(colour, MadeUp(), server)
    done = run("sentiment", TEXTS, journal=tmp_path / "j", concurrency=workers)
    assert disk.failed
    assert isinstance(done.error, JournalError)
    assert done.balanced
    answered, doubtful, _ = kept(tmp_path / "j")
    assert set(server.texts) == answered
    assert not doubtful
    assert len(server.requests) < workers
    assert run("sentiment", TEXTS, journal=tmp_path / "j").books["done"] == len(TEXTS)
    assert Counter(server.texts) == Counter(TEXTS)


@both
def test_one_reply_that_cannot_be_written_stops_the_run(
    colour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its result is handed out, nothing more is sent, and it is kept at the end: nothing is paid twice."""
    disk = OneFailure(monkeypatch, "answer")
    server = Server(lambda _: ok({"score": 0.5}))
    run = Batcher(colour, MadeUp(), server)
    done = run("sentiment", TEXTS, journal=tmp_path / "j", concurrency=1)
    assert disk.failed
    assert isinstance(done.error, JournalError)
    assert [outcome.status for outcome in done.outcomes][:1] == ["ok"]
    assert server.texts == TEXTS[:1]
    assert run("sentiment", TEXTS, journal=tmp_path / "j").books["done"] == len(TEXTS)
    assert Counter(server.texts) == Counter(TEXTS)
