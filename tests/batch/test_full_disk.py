"""Disks as they are: a drive that is really full, a file that may only be read, a log that is tidied away."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, JournalError
from cloudai.batch import records
from cloudai.batch.journal import Journal
from cloudai.flow import Request, Response
from tests.batch.asking import Batcher, Server, both
from tests.core.made_up import MadeUp, ok

TEXTS = [f"후기 {n}" for n in range(30)]
LONG = "답" * 2000


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Path]:
    """A drive with room for a journal and a few replies."""
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
    """Of a journal that nobody has open: texts that were answered, texts in doubt, and how many requests it counts."""
    names = {sha256(text.encode()).hexdigest(): text for text in TEXTS}
    with tempfile.TemporaryDirectory() as copy:  # a plain SQLite makes files beside it, and the drive may be full
        for path in journal.parent.glob(f"{journal.name}*"):
            shutil.copy(path, copy)
        return counted(Path(copy, journal.name), names)


def counted(journal: Path, names: Mapping[str, str]) -> tuple[set[str], set[str], int]:
    """The same, of a copy."""
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
    """What could not be written is written at the end, where somebody has made room in time."""
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


def as_nobody(work: Callable[[], object]) -> str:
    """What the typed error of this says to somebody without the rights of root."""
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


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="rights are other ones there")
def test_a_file_that_may_only_be_read() -> None:
    """A journal of somebody else's, and a folder where nothing may be made: the typed error, and not a byte changed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = folder / "일.journal"
        Journal(journal).close()
        before = journal.read_bytes()
        journal.chmod(0o444)
        folder.chmod(0o555)
        try:
            told = [as_nobody(lambda: Journal(journal)), as_nobody(lambda: Journal(folder / "새"))]
        finally:
            folder.chmod(0o700)
        assert journal.read_bytes() == before
        assert [path.name for path in folder.iterdir()] == ["일.journal"]
    assert all("Check who owns the file" in text or "Check that the folder" in text for text in told), told
    assert all("cannot be" in text for text in told), told


@both
def test_a_log_that_is_tidied_away(colour: str, tmp_path: Path) -> None:
    """The file beside it holds what was written last: without it nothing more is sent, and the error says so."""
    path = tmp_path / "일.journal"
    server = Server(lambda _: ok({"score": 0.5}))

    def answer(_: Request) -> Response:
        if len(server.requests) == 3:
            Path(f"{path}-wal").unlink()
        return ok({"score": 0.5})

    server.answer = answer
    done = Batcher(colour, MadeUp(), server)("sentiment", TEXTS, journal=path, concurrency=1)
    assert isinstance(done.error, JournalError)
    assert "was moved or deleted" in str(done.error)
    assert len(server.requests) == 3


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


@pytest.mark.parametrize("folder", ["full", "locked", "readonly", "not a database"])
def test_the_advice_goes_by_the_error(folder: str, tmp_path: Path) -> None:
    """Not by what the folder is called."""
    with pytest.raises(JournalError, match=r"there is no such folder\. Make the folder"):
        Journal(tmp_path / folder / "j")


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


def test_an_empty_file_becomes_its_owners_alone(tmp_path: Path) -> None:
    """Made by others for all to read: mode 0600 before a word is in it, and so are the files beside it; also later."""
    path = tmp_path / "일.journal"
    path.touch()
    path.chmod(0o644)
    for _ in range(2):
        journal = Journal(path)
        journal.ask(lambda db: db.execute("DELETE FROM items"))
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
        journal.close()
        assert modes == {"일.journal": 0o600, "일.journal-wal": 0o600}, "no other file is needed"


def test_two_batches_of_one_process_that_go_on(tmp_path: Path) -> None:
    """A journal that was there before has one owner too, and a failed second takes nothing from the first."""
    path = tmp_path / "일.journal"
    Journal(path).close()
    first = Journal(path)
    for _ in range(2):
        with pytest.raises(JournalError, match="is used by another process"):
            Journal(path)
    command = [sys.executable, "-c", "import sys; from cloudai.batch.journal import Journal; Journal(sys.argv[1])"]
    other = subprocess.run([*command, path], capture_output=True, text=True, check=False)
    assert "is used by another process" in other.stderr
    assert first.ask(lambda db: db.execute("SELECT COUNT(*) FROM items").fetchone()) == (0,)
    first.close()


FORKS = """
import os, sys
from cloudai import Client, JournalError
from tests.core.made_up import MadeUp, ok
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


def test_a_fork_that_ends_takes_nothing_with_it(tmp_path: Path) -> None:
    """A child leaves through the batch it was forked in; its parent goes on, is killed, and all is in the journal."""
    path = tmp_path / "일.journal"
    command = [sys.executable, "-c", FORKS, path]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "forked\n"
    assert done.returncode == -signal.SIGKILL
    server = Server(lambda _: ok({"score": 0.5}))
    answered, doubtful, sent = kept(path)
    assert sent >= 21
    assert len(answered) >= 21
    again = Batcher("blocking", MadeUp(), server)("sentiment", TEXTS, journal=path)
    assert again.books["done"] == len(TEXTS)
    assert set(server.texts) == set(TEXTS) - answered
    assert len(doubtful) <= 2


class OneFailure:
    """A disk that fails once, at the first commit with such a step in it, and is well again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        self.failed = self._within = False
        made = getattr(records, step)

        def make(*arguments: Any, **options: Any) -> Any:
            work = made(*arguments, **options)

            def noted(db: Any) -> Any:
                self._within = True
                return work(db)

            return noted

        monkeypatch.setattr(records, step, make)
        monkeypatch.setattr("cloudai.batch.journal._connect", self._connect)

    def _connect(self, path: str) -> Any:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        outer = self

        class Watched:
            def execute(self, sql: str, parameters: Any = ()) -> Any:
                if sql == "COMMIT" and outer._within and not outer.failed:
                    outer.failed = True
                    raise sqlite3.OperationalError("database or disk is full")
                return db.execute(sql, parameters)

            def close(self) -> None:
                db.close()

        return Watched()


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


def test_killed_before_what_was_lost_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full, and killed before it could be closed: the reply is lost, its text is in doubt, and asked once more."""
    full = [False]

    def connect(path: str) -> object:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

        class Watched:
            def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> object:
                if sql == "COMMIT" and full[0]:
                    raise sqlite3.OperationalError("database or disk is full")
                return db.execute(sql, parameters)

            def close(self) -> None:
                db.close()

        return Watched()

    monkeypatch.setattr("cloudai.batch.journal._connect", connect)

    def answer(_: Request) -> Response:
        full[0] = True
        return ok({"score": 0.5})

    with Client(MadeUp(), send=answer) as client:
        job = client.batch("sentiment", TEXTS[:5], journal=tmp_path / "j", concurrency=1)
        with pytest.raises(JournalError, match="the disk is full"):
            list(job)
        (tmp_path / "found").mkdir()
        for path in tmp_path.glob("j*"):
            (tmp_path / "found" / path.name).write_bytes(path.read_bytes())
        with pytest.raises(JournalError, match="1 answered request"):
            job.close()
    monkeypatch.undo()
    assert kept(tmp_path / "found" / "j") == (set(), {TEXTS[0]}, 1)
    server = Server(lambda _: ok({"score": 0.5}))
    skipped = Batcher("blocking", MadeUp(), server)(
        "sentiment", TEXTS[:5], journal=tmp_path / "found" / "j", in_doubt="skip"
    )
    assert skipped.values() == ["skipped", "ok", "ok", "ok", "ok"]
    assert TEXTS[0] not in server.texts
