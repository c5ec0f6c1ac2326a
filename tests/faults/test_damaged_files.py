"""A damaged journal, cache or pace file gives a typed error with advice, or what of it can be read; nothing else."""

from __future__ import annotations

import csv
import os
import random
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from cloudai import CloudAIError, JournalError
from cloudai.batch import results
from cloudai.batch.cache_store import CacheStore
from cloudai.batch.journal import Journal
from cloudai.batch.queries import CallRecord
from cloudai.cli import main
from cloudai.core.flow import Request
from cloudai.core.rate_limit import RateLimiter, rates
from tests.made_up.provider import refused
from tests.support.batches import Server
from tests.support.in_time import in_time
from tests.support.length import both_by_turns, length
from tests.unit.batch.test_batch import batcher, mood

TEXTS = [f"text {n}" for n in range(40)]
GARBAGE = (
    None,
    -1,
    0,
    2**62,
    1.5,
    "",
    "x",
    "\0",
    "[]",
    "{}",
    '{"type": 3}',
    '{"type": "json"}',
    "{",
    b"\xff\xfe",
    b"x" * 99999,
)
COLUMNS = {
    "batches": ("digest", "provider", "operation", "options", "version", "started_at", "run"),
    "calls": ("key", "batch", "sha256", "state", "rounds", "run", "item", "memory", "result", "meta", "error"),
    "names": ("name", "call"),
    "exchanges": ("step_id", "units", "sent", "requests", "paid", "most", "doubt", "status", "headers", "body"),
    "items": ("batch", "item", "call", "name", "row", "status", "facts", "error", "run"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a journal of a batch with answers, copies, a refusal and doubts."""
    path = tmp_path_factory.mktemp("whole") / "a.journal"

    def answer(request: Request) -> Any:
        number = int(str(request.json["text"]).split()[1])
        return ConnectionResetError("gone") if number % 10 == 3 else refused(400) if number % 10 == 4 else mood(request)

    batcher("blocking", Server(answer))("sentiment", [*TEXTS, *TEXTS[:5]], journal=path, cache=False)
    return path


def bytes_changed(chance: random.Random, path: Path) -> None:
    """Change some bytes, most often those of one page."""
    content = bytearray(path.read_bytes())
    start = chance.choice([0, 100, 4096 * chance.randrange(len(content) // 4096)])
    for _ in range(chance.choice([1, 3, 30, 400])):
        content[min(len(content) - 1, start + chance.randrange(chance.choice([100, 4096])))] = chance.randrange(256)
    path.write_bytes(content)


def cut_off(chance: random.Random, path: Path) -> None:
    """Cut the end off, or make a part of it zeros."""
    content = path.read_bytes()
    at = chance.randrange(len(content))
    path.write_bytes(content[:at] + (b"" if chance.random() < 0.5 else bytes(len(content) - at)))


def rows_changed(chance: random.Random, path: Path) -> None:
    """Put values into columns that cloudai never writes there."""
    table = chance.choice(list(COLUMNS))
    with closing(sqlite3.connect(path)) as db:
        for _ in range(chance.choice([1, 1, 5])):
            column = chance.choice(COLUMNS[table])
            where = chance.choice(["1", "abs(random()) % 10 = 0"])
            try:
                db.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where}", (chance.choice(GARBAGE),))  # noqa: S608
            except sqlite3.IntegrityError:
                db.execute("PRAGMA writable_schema = ON")
                db.execute("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '')")
                db.commit()
                return
        db.commit()


def layout_changed(chance: random.Random, path: Path) -> None:
    """Drop a table, a column, or half of the rows, so that others refer to nothing."""
    table = chance.choice(list(COLUMNS))
    with closing(sqlite3.connect(path)) as db:
        try:
            db.execute(
                chance.choice(
                    [
                        f"DROP TABLE {table}",
                        f"ALTER TABLE {table} RENAME COLUMN {chance.choice(COLUMNS[table])} TO other",
                        f"DELETE FROM {table} WHERE abs(random()) % 2 = 0",  # noqa: S608
                    ]
                )
            )
        except sqlite3.OperationalError:
            return
        db.commit()


DAMAGES: tuple[Callable[[random.Random, Path], None], ...] = (bytes_changed, cut_off, rows_changed, layout_changed)


def command(*arguments: str) -> int:
    """Run the command, which may end with any code, but with no exception."""
    return main(["journal", *arguments])


@both_by_turns("seed", range(length(24, 60, 60)))
def test_whatever_is_damaged_the_error_is_ours(
    colour: str,
    seed: int,
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch, its tables, the command and its exports raise nothing but `CloudAIError`, and each has its advice."""
    monkeypatch.setattr(results, "MOST_MISSES", 200)  # each of 10,000 would be looked for in vain, which takes seconds
    chance = random.Random(f"{colour} {seed}")  # noqa: S311  # no secret
    path, copy = tmp_path / "a.journal", tmp_path / "b.journal"
    shutil.copy(whole, path)
    DAMAGES[seed % len(DAMAGES)](chance, path)
    shutil.copy(path, copy)
    for arguments in (
        (),
        ("--csv", str(tmp_path / "a.csv")),
        ("--csv", str(tmp_path / "b.csv"), "--rows"),
        ("--json",),
    ):
        assert command(str(copy), *arguments) in (0, 1, 2, 74)
    assert command(str(copy), "--forget", "text-") in (0, 1, 2, 74)
    capsys.readouterr()
    try:
        done = batcher(colour)(
            "sentiment", [*TEXTS, *TEXTS[:5]], journal=path, cache=False, plan=True, reparse=True, max_requests=99
        )
    except CloudAIError as error:
        assert error.advice  # noqa: PT017  # no error is right too
        return
    assert done.error is None or (isinstance(done.error, CloudAIError) and done.error.advice)


def test_what_can_be_read_is_written_out(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of 45 inputs three are damaged: the table has the other 42, and the error says how many are missing."""
    path, table = tmp_path / "a.journal", tmp_path / "a.csv"
    shutil.copy(whole, path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE items SET facts = '{' WHERE item = 7")
        db.execute("UPDATE items SET status = 'odd' WHERE item = 20")
        db.execute("UPDATE calls SET state = x'00' WHERE id = (SELECT call FROM items WHERE item = 31)")
        db.commit()
    assert command(str(path), "--csv", str(table), "--rows") == 74
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["item"]) for row in rows] == [n for n in range(45) if n not in (7, 20, 31)]
    assert "3 of its inputs cannot be read" in capsys.readouterr().err


def test_a_lost_page_costs_the_rows_in_it(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page of the inputs that is overwritten leaves those of the other pages, and the command ends."""
    path, table = tmp_path / "a.journal", tmp_path / "a.csv"
    shutil.copy(whole, path)
    content = path.read_bytes()
    pages = range(0, len(content), 4096)
    [lost] = [at for at in pages if b'"provider"' in content[at : at + 4096] and content[at] == 10][:1] or [0]
    assert lost
    path.write_bytes(content[:lost] + bytes(4096) + content[lost + 4096 :])
    assert command(str(path), "--csv", str(table), "--rows") == 74
    with table.open(newline="", encoding="utf-8-sig") as file:
        assert 0 < len(list(csv.DictReader(file))) < 45
    capsys.readouterr()


def test_links_that_lead_to_each_other_are_told(tmp_path: Path) -> None:
    """A journal behind such links is refused with an error of ours."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    with pytest.raises(JournalError, match=r".") as caught:
        Journal(one)
    assert caught.value.advice
    assert command(str(one)) == 74


def test_a_damaged_cache_is_not_used(tmp_path: Path) -> None:
    """A cache with any content answers nothing or raises an error of ours."""
    for seed in range(length(15, 40, 40)):
        chance = random.Random(seed)  # noqa: S311  # no secret
        path = tmp_path / f"{seed}.sqlite"
        with closing(CacheStore(path, scopes={"sentiment": "s"})) as store:
            for n in range(20):
                store.keep("sentiment", f"call {n}", CallRecord(0, "done", result="{}", meta="{}"))
        if seed % 2:
            bytes_changed(chance, path)
        else:
            with closing(sqlite3.connect(path)) as db:
                column = chance.choice(["size", "made", "used", "memory", "result", "meta", "digest"])
                try:
                    db.execute(f"UPDATE answers SET {column} = ?", (chance.choice(GARBAGE[2:]),))  # noqa: S608
                except sqlite3.IntegrityError:
                    continue
                db.commit()
        for ask in (
            CacheStore(path).facts,
            lambda path=path: CacheStore(path).forget(["call 3"]),
            CacheStore(path).clear,
        ):
            try:
                ask()
            except JournalError as error:
                assert error.advice  # noqa: PT017  # no error is right too
        with closing(CacheStore(path, scopes={"sentiment": "s"})) as store:
            for n in range(20):
                store.find("sentiment", f"call {n}")


@pytest.mark.parametrize("garbage", ["x", b"\xff", 9e999, -9e999])
def test_a_damaged_pace_is_begun_anew(garbage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong values in the shared pace file raise nothing, and no call waits for ever."""
    monkeypatch.setenv("CLOUDAI_STATE_DIR", str(tmp_path))
    limiter = RateLimiter("a name")
    assert limiter.take(rates("1/min"), 100.0)[0] == 0
    [path] = (tmp_path / "pace").glob("*.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE turns SET at = ?", (garbage,))
        db.commit()
    waits = [limiter.take(rates("1/min"), 101.0)[0] for _ in range(3)]
    assert min(waits) == 0
    assert max(waits) < 100


def special(kind: str, path: Path) -> Path:
    """Return a file that is none, or a journal whose log is none."""
    log = Path(f"{path}-wal")
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with closing(socket.socket(socket.AF_UNIX)) as listening:
                listening.bind(str(path))
        case "long name":
            return path.with_name("가" * 100)
        case "log of garbage" | "log that is a folder" | "log that leads to itself":
            Journal(path).close()
            log.unlink(missing_ok=True)
            if kind == "log of garbage":
                log.write_bytes(b"\x37\x7f\x06\x82" * 2_000)  # as a log begins
            elif kind == "log that is a folder":
                log.mkdir()
            else:
                log.symlink_to(log)
        case _:
            return Path(kind)
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="such files are not there")
@pytest.mark.parametrize("make", [True, False])
@pytest.mark.parametrize(
    "kind",
    [
        *("pipe", "socket", "long name", "log of garbage", "log that is a folder", "log that leads to itself"),
        *("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"),
    ],
)
def test_a_file_of_a_special_kind_is_refused(kind: str, make: bool, tmp_path: Path) -> None:
    """What is no file that can hold a journal gives a JournalError at once; a log of garbage is begun anew."""
    path = special(kind, tmp_path / "a.journal")
    expected = nullcontext() if kind == "log of garbage" else pytest.raises(JournalError)
    with expected as caught:
        in_time(lambda: Journal(path, make=make).close())
    assert caught is None or caught.value.advice
