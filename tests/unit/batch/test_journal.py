"""Files as they are: taken away, somebody else's, for reading only, forked; what is no journal is left as it is."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, JournalError, storage
from cloudai.batch.journal import Journal
from cloudai.batch.kept import kept_in
from cloudai.cli import main
from cloudai.core.flow import Request, Response
from tests.faults.test_full_disk import TEXTS, kept
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher, Server, both
from tests.support.forks import execute, piped, run_code


def delete_log(path: Path) -> None:
    """Delete the file beside the journal, which has what was written last."""
    Path(f"{path}-wal").unlink()


def move(path: Path) -> None:
    """Give the journal another name."""
    path.rename(path.with_suffix(".old"))


def replace(path: Path) -> None:
    """Put an empty file in the place of the journal."""
    move(path)
    path.write_bytes(b"")


@both
@pytest.mark.parametrize("take", [move, replace, delete_log])
def test_a_journal_that_is_taken_away(take: Callable[[Path], None], colour: str, tmp_path: Path) -> None:
    """Moved, replaced, or its log tidied away while the batch runs: nothing more is sent, and the error says so."""
    path = tmp_path / "일.journal"
    server = Server(lambda _: ok({"score": 0.5}))

    def answer(_: Request) -> Response:
        if len(server.requests) == 3:
            take(path)
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none")
def test_what_is_no_file(tmp_path: Path) -> None:
    """A pipe and a device: the typed error with advice at once, and what they are is left as it is."""
    os.mkfifo(tmp_path / "관")
    for path in (tmp_path / "관", Path(os.devnull)):
        mode = path.stat().st_mode
        with pytest.raises(JournalError, match="cannot be used") as raised:
            Journal(path)
        assert raised.value.advice
        assert path.stat().st_mode == mode


@pytest.mark.parametrize("folder", ["없음", "full", "locked", "readonly", "not a database"])
def test_the_advice_goes_by_the_error(folder: str, tmp_path: Path) -> None:
    """A folder that is not there: one line with what to do, not by what the folder is called."""
    with pytest.raises(JournalError, match=r"there is no such folder\. Make the folder"):
        Journal(tmp_path / folder / "j")


def test_a_newer_journal_is_not_touched(tmp_path: Path) -> None:
    """Of a later version of cloudai: said, and left alone."""
    Journal(tmp_path / "j").close()
    with closing(sqlite3.connect(tmp_path / "j")) as db, db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="version 99"):
        Journal(tmp_path / "j")


def test_a_future_that_its_caller_cancels_stops_nothing() -> None:
    """What was handed over is run although its caller cancels the future, and so is all that comes after it."""
    journal, go = Journal(), threading.Event()
    journal.do(lambda _: go.wait(10))
    ran: list[int] = []
    given_up = journal.do(lambda _: ran.append(1))
    given_up.cancel()
    go.set()
    assert journal.do(lambda _: 2).result(timeout=10) == 2
    assert ran == [1]
    journal.close()


def failing(_: object) -> None:
    """Fail like a function that writes to a damaged file."""
    raise sqlite3.OperationalError("no such table: replies")


@pytest.mark.parametrize("name", ["일.journal", None])
def test_a_paid_reply_that_is_lost_is_told_also_if_closing_fails(name: str | None, tmp_path: Path) -> None:
    """`close` counts the paid replies that are lost, and names the journal, whatever else fails in it."""

    class Unclosable:
        def __init__(self, path: str) -> None:
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self.execute = self.db.execute

        def close(self) -> None:
            self.db.close()
            raise sqlite3.OperationalError("disk I/O error")

    path = tmp_path / name if name else None
    journal = Journal(path, connect=Unclosable)
    journal.rescue(failing)
    journal.rescue(failing, paid=True)
    where = path or "the temporary journal"
    with pytest.raises(JournalError, match=rf"^1 answered request\(s\) could not be kept in {where} \("):
        journal.close()
    other = Journal(path, connect=Unclosable)
    with pytest.raises(JournalError, match=rf"{where} cannot be used \(disk I/O error\)"):
        other.close()


def test_what_fails_while_the_journal_is_closed_is_run_once_more() -> None:
    """A function that waits in the queue when `close` begins, and fails, is run a second time like any other."""
    journal, go = Journal(), threading.Event()
    journal.do(lambda _: go.wait(10))
    runs: list[int] = []

    def fails_once(_: object) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise JournalError("the disk is full")

    journal.post(fails_once)
    closing = threading.Thread(target=journal.close)
    closing.start()
    while not journal._closing:
        time.sleep(0.001)
    go.set()
    closing.join(10)
    assert runs == [1, 1]


def test_what_nobody_waits_for_is_written_soon() -> None:
    """A function that is posted runs a moment later by itself, and before a function that is waited for."""
    with closing(Journal()) as journal:
        ran = threading.Event()
        journal.post(lambda _: ran.set())
        assert ran.wait(5)
        order: list[str] = []
        journal.post(lambda _: order.append("posted"))
        journal.ask(lambda _: order.append("awaited"))
        assert order == ["posted", "awaited"]


def as_nobody(work: Callable[[], object]) -> str:
    """Return the text of the typed error that a function raises for somebody without the rights of root."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        text = "no error"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setuid(65534)
            work()
        except JournalError as error:
            text = str(error)
        except BaseException as error:
            text = repr(error)
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


def shown(journal: Path) -> None:
    """Show a journal by the command, whose exit code is 0."""
    assert main(["journal", str(journal)]) == 0


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "setuid"), reason="rights are other ones there")
def test_a_file_that_may_only_be_read() -> None:
    """A journal of somebody else is read, and the command shows it; a batch with it is an error; no byte changes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = folder / "일.journal"
        Journal(journal).close()
        shown(journal)  # it imports what nobody could read where Python stands in somebody's home
        before = journal.read_bytes()
        journal.chmod(0o444)
        folder.chmod(0o555)
        try:
            told = [as_nobody(lambda: Journal(journal)), as_nobody(lambda: Journal(folder / "새"))]
            read = [as_nobody(lambda: kept_in(journal)), as_nobody(lambda: shown(journal))]
        finally:
            folder.chmod(0o700)
        assert journal.read_bytes() == before
        assert [path.name for path in folder.iterdir()] == ["일.journal"]
    assert all("Check who owns the file" in text or "Check that the folder" in text for text in told), told
    assert all("cannot be" in text for text in told), told
    assert read == ["no error", "no error"]


HOLDS = """
import os, sys
from cloudai.batch.journal import Journal
held = Journal(sys.argv[1])
print(os.getpid(), flush=True)
input()
"""


@pytest.mark.parametrize("is_there", [False, True])
def test_one_owner_at_a_time(is_there: bool, tmp_path: Path) -> None:
    """A second is refused, in this process or another, and takes nothing from the first; a killed one lets go."""
    path = tmp_path / "일.journal"
    if is_there:
        Journal(path).close()
    with Client(MadeUp(), send=lambda _: ok({"score": 1})) as client:
        with client.batch("sentiment", TEXTS, journal=path) as first:
            for _ in range(2):
                with pytest.raises(JournalError, match="is used by another process"):
                    client.batch("sentiment", TEXTS, journal=path)
            code, _, err = run_code(HOLDS, path)
            assert code == 1
            assert "is used by another process" in err
            assert len(list(first)) == len(TEXTS)
        with piped(execute, HOLDS, str(path)) as owner:
            number = int(owner.stdout.readline())
            with pytest.raises(JournalError, match="is used by another process"):
                client.batch("sentiment", TEXTS, journal=path)
            os.kill(number, signal.SIGKILL)
            assert owner.stdout.readline() == ""  # it is gone
        with client.batch("sentiment", TEXTS, journal=path) as job:
            assert len(list(job)) == len(TEXTS)


@pytest.mark.long
def test_an_owner_that_reads_its_journal_keeps_it(tmp_path: Path) -> None:
    """A page that is made of a journal in the process of its batch does not let another process have the journal."""
    path = tmp_path / "일.journal"
    with (
        Client(MadeUp(), send=lambda _: ok({"score": 1})) as client,
        client.batch("sentiment", TEXTS[:2], journal=path) as job,
    ):
        outcomes = iter(job)
        next(outcomes)
        [held] = kept_in(path)
        assert {outcome.status for outcome in held} == {"ok"}
        # A process that is forked would know of the lock from its parent.
        other = subprocess.run([sys.executable, "-c", HOLDS, path], capture_output=True, check=False, encoding="utf-8")
        assert other.returncode == 1
        assert "is used by another process" in other.stderr
        assert len(list(outcomes)) == 1
    assert [len(each) for each in kept_in(path)] == [2]


@pytest.mark.parametrize("is_there", [False, True])
def test_it_is_its_owners_alone(is_there: bool, tmp_path: Path) -> None:
    """Mode 0600 before a word is in it, and so are the files beside it, whatever the umask; an empty one too."""
    path = tmp_path / "일.journal"
    before = os.umask(0)
    try:
        if is_there:
            path.touch()
            path.chmod(0o644)
        for _ in range(2):
            journal = Journal(path)
            journal.ask(lambda db: db.execute("DELETE FROM items"))
            modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
            journal.close()
            assert modes == {"일.journal": 0o600, "일.journal-wal": 0o600}, "no other file is needed"
    finally:
        os.umask(before)


def test_the_program_goes_into_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is of the folder in which the batch was made, also when it is closed."""
    (tmp_path / "다른").mkdir()
    monkeypatch.chdir(tmp_path)

    def answer(_: Request) -> Response:
        os.chdir(tmp_path / "다른")
        return ok({"score": 0.5})

    with Client(MadeUp(), send=answer) as client, client.batch("sentiment", TEXTS[:5], journal="일.journal") as job:
        assert {outcome.status for outcome in job} == {"ok"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["다른", "일.journal"]
    assert not list((tmp_path / "다른").iterdir())


def test_a_name_that_sqlite_knows_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name ":memory:" is of a file like any other: what is in it is there for the next run."""
    monkeypatch.chdir(tmp_path)
    server = Server(lambda _: ok({"score": 0.5}))
    for _ in range(2):
        with Client(MadeUp(), send=server) as client, client.batch("sentiment", TEXTS[:2], journal=":memory:") as job:
            assert {outcome.status for outcome in job} == {"ok"}
    assert len(server.requests) == 2


@pytest.mark.long
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


FORKS = """
import os, sys
from cloudai import Client, JournalError
from tests.made_up.provider import MadeUp, ok
client = Client(MadeUp(), send=lambda _: ok({"score": 0.5}))
with client.batch("sentiment", [f"후기 {n}" for n in range(30)], journal=sys.argv[1], concurrency=2) as job:
    for n, outcome in enumerate(job):
        if n == 10:
            child = os.fork()
            if not child:
                sys.exit(0)  # goes out through every `with`, as a program does
            os.waitpid(child, 0)
        if n == 20:
            print("forked", flush=True)
            os.kill(os.getpid(), 9)
"""


@pytest.mark.long
def test_a_fork_that_ends_takes_nothing_with_it(tmp_path: Path) -> None:
    """A child leaves through the batch it was forked in; its parent goes on, is killed, and all is in the journal."""
    path = tmp_path / "일.journal"
    code, out, err = run_code(FORKS, path)
    assert (code, out) == (-signal.SIGKILL, "forked\n"), err
    server = Server(lambda _: ok({"score": 0.5}))
    answered, doubtful, sent = kept(path)
    assert sent >= 21
    assert len(answered) >= 21
    again = Batcher("blocking", MadeUp(), server)("sentiment", TEXTS, journal=path)
    assert again.books["done"] == len(TEXTS)
    assert set(server.texts) == set(TEXTS) - answered
    assert len(doubtful) <= 2


def test_a_write_makes_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal looks whether its file is still there without making a path, which would wear out Python's own table.

    Pathlib interns every part of a path. Python replaces its table of interned texts after some 19,000 of them, by one
    that takes 2 MB, and a batch of 50,000 inputs writes as often.
    """
    journal = Journal(tmp_path / "일.journal")
    with monkeypatch.context() as patch:
        patch.setattr(storage, "Path", None)
        journal.ask(lambda db: db.execute("UPDATE batches SET run = run"))
    journal.close()
