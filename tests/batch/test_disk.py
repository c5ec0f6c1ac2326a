"""A disk that is full or gone, and files that are no journal: nothing is sent that could not be written down before."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, JournalError
from cloudai.batch.journal import Journal
from cloudai.batch.records import Database
from cloudai.flow import Request, Response
from tests.batch.asking import Batcher, Server, both
from tests.core.made_up import MadeUp, ok

TEXTS = [f"후기 {n}" for n in range(12)]


class Full:
    """A database on a disk that is full from a certain commit on, until somebody frees some space."""

    def __init__(self) -> None:
        self.commits = 0
        self.full_from: int | None = None

    def connect(self, path: str) -> Database:
        """A connection to it."""
        db = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
        outer = self

        class Watched:
            def execute(self, sql: str, parameters: Any = ()) -> Any:
                if sql == "COMMIT":
                    outer.commits += 1
                    if outer.full_from is not None and outer.commits >= outer.full_from:
                        raise sqlite3.OperationalError("database or disk is full")
                return db.execute(sql, parameters)

            def close(self) -> None:
                db.close()

        return Watched()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Full:
    """The disk of every journal that is opened."""
    full = Full()
    monkeypatch.setattr("cloudai.batch.journal._connect", full.connect)
    return full


@both
def test_full_before_an_intention_nothing_is_sent(colour: str, disk: Full, tmp_path: Path) -> None:
    """Not one request goes out after the first that could not be written down; with space again it goes on."""
    server = Server(lambda _: ok({"score": 0.5}))
    run = Batcher(colour, MadeUp(), server)
    sent_when_full = []

    def answer(_: Request) -> Response:
        if len(server.requests) == 5:
            # What is answered now can still be written; the next intention cannot.
            disk.full_from = disk.commits + 2
        sent_when_full.append(disk.full_from is not None and disk.commits >= disk.full_from)
        return ok({"score": 0.5})

    server.answer = answer
    done = run("sentiment", TEXTS, journal=tmp_path / "j", concurrency=1)
    assert isinstance(done.error, JournalError)
    assert "the disk is full" in str(done.error)
    assert "run the same again" in str(done.error)
    assert not any(sent_when_full)
    assert len(server.requests) == 5
    disk.full_from = None
    again = run("sentiment", TEXTS, journal=tmp_path / "j", concurrency=1)
    assert again.books["done"] == 12
    assert sorted(server.texts) == sorted(TEXTS)


def test_full_after_a_reply_the_result_is_not_lost(disk: Full, tmp_path: Path) -> None:
    """It is handed out, nothing more is sent, and it is kept after all where there is room again at the end."""
    server = Server(lambda _: ok({"score": 0.5}))

    def answer(_: Request) -> Response:
        disk.full_from = disk.commits + 1
        return ok({"score": 0.5})

    server.answer = answer
    outcomes = []
    with Client(MadeUp(), send=server) as client:
        with client.batch("sentiment", TEXTS, journal=tmp_path / "j", concurrency=1) as job:
            with pytest.raises(JournalError, match="disk is full"):
                for outcome in job:
                    outcomes.append(outcome)
                    disk.full_from = None  # somebody has made room
            assert job.balanced
        assert [outcome.status for outcome in outcomes][:1] == ["ok"]
        assert len(server.requests) == 1
        server.answer = lambda _: ok({"score": 0.5})
        with client.batch("sentiment", TEXTS, journal=tmp_path / "j") as job:
            assert {outcome.status for outcome in job} == {"ok"}
    assert sorted(server.texts) == sorted(TEXTS), "what was answered is not asked again"


def test_what_could_not_be_kept_is_told(disk: Full, tmp_path: Path) -> None:
    """Full to the end: the error says how many replies are not in the journal, and what that means."""

    def answer(_: Request) -> Response:
        disk.full_from = disk.commits + 1
        return ok({"score": 0.5})

    with Client(MadeUp(), send=answer) as client:
        job = client.batch("sentiment", TEXTS, journal=tmp_path / "j", concurrency=1)
        with pytest.raises(JournalError, match="disk is full"):
            list(job)
        with pytest.raises(JournalError, match="1 answered request") as raised:
            job.close()
    assert "in doubt" in str(raised.value)


def test_a_limit_of_the_system_is_a_full_disk(tmp_path: Path) -> None:
    """The real thing: a process that may not write more ends with the typed error, and its journal can be used."""
    code = """
import resource, signal, sys
from cloudai import Client, JournalError
from tests.core.made_up import MadeUp, ok
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
        cwd=Path(__file__).parents[2],
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


@both
def test_a_journal_that_is_taken_away(colour: str, tmp_path: Path) -> None:
    """Deleted, or replaced, while the batch runs: nothing more is sent, and the error says so."""
    for replaced in (False, True):
        path = tmp_path / f"{replaced}.journal"
        server = Server(lambda _: ok({"score": 0.5}))

        def answer(_: Request, path: Path = path, replaced: bool = replaced, server: Server = server) -> Response:
            if len(server.requests) == 3:
                path.rename(path.with_suffix(".old"))
                if replaced:
                    path.write_bytes(b"")
            return ok({"score": 0.5})

        server.answer = answer
        done = Batcher(colour, MadeUp(), server)("sentiment", TEXTS, journal=path, concurrency=1)
        assert isinstance(done.error, JournalError)
        assert "was moved or deleted" in str(done.error)
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path.write_bytes("그냥 글, 저널이 아님".encode() * 100), "is not a journal of cloudai"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE mine (x)").connection.close(), "is not a journal"),
        (lambda path: path.mkdir(), "is a folder|cannot be opened"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 500), "is not a journal|damaged"),
    ],
)
def test_what_is_no_journal_is_left_as_it_is(make: Any, text: str, tmp_path: Path) -> None:
    """A file of somebody else's: the typed error, nothing sent, and not a byte of it changed."""
    path = tmp_path / "사진.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with Client(MadeUp()) as client, pytest.raises(JournalError, match=text) as raised:
        client.batch("sentiment", TEXTS, journal=path)
    assert raised.value.advice
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """One line with what to do."""
    with Client(MadeUp()) as client, pytest.raises(JournalError, match=r"there is no such folder\. Make the folder"):
        client.batch("sentiment", TEXTS, journal=tmp_path / "없음" / "j")


def test_a_newer_journal_is_not_touched(tmp_path: Path) -> None:
    """Of a later version of cloudai: said, and left alone."""
    Journal(tmp_path / "j").close()
    with sqlite3.connect(tmp_path / "j") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="version 99"):
        Journal(tmp_path / "j")


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    """A second batch is refused, in this process or another; the lock goes with its owner, killed or not."""
    with Client(MadeUp(), send=lambda _: ok({"score": 1})) as client:
        first = client.batch("sentiment", TEXTS, journal=tmp_path / "j")
        with pytest.raises(JournalError, match="is used by another process"):
            client.batch("sentiment", TEXTS, journal=tmp_path / "j")
        first.close()
        code = (
            "import sys; from cloudai.batch.journal import Journal; "
            "held = Journal(sys.argv[1]); print('has it', flush=True); input()"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "j")]
        owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert owner.stdout
        assert owner.stdin
        assert owner.stdout.readline() == "has it\n"
        with pytest.raises(JournalError, match="is used by another process"):
            client.batch("sentiment", TEXTS, journal=tmp_path / "j")
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        owner.stdin.close()
        owner.stdout.close()
        with client.batch("sentiment", TEXTS, journal=tmp_path / "j") as job:
            assert len(list(job)) == 12


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600, of the file and of those beside it, whatever the umask."""
    before = os.umask(0)
    try:
        journal = Journal(tmp_path / "j")
        journal.ask(lambda db: db.execute("CREATE TABLE more (x)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        journal.close()
    finally:
        os.umask(before)
    assert modes["j"] == 0o600
    assert set(modes.values()) == {0o600}


def test_a_fork_does_not_write(tmp_path: Path) -> None:
    """A child that was forked has no part in its parent's journal: the typed error."""
    journal = Journal(tmp_path / "j")
    child = os.fork()
    if not child:
        failure = journal.do(lambda _: 1).exception(timeout=5)
        os._exit(0 if isinstance(failure, JournalError) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert journal.ask(lambda _: 1) == 1
    journal.close()
