"""The content of a journal: the right words beside each result, no text, no signature of an address; it forgets."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloudai import AsyncClient, Client, ConnectionLostError, JournalError, Response, SettingsError
from cloudai.batch import queries
from cloudai.batch.journal import Journal
from cloudai.cli import main
from cloudai.core.flow import Request
from tests.made_up.merging import picture
from tests.made_up.provider import Clock, MadeUp, ok
from tests.support.batches import Server, both
from tests.support.length import length
from tests.unit.batch.test_batch import FACES, batcher, mood


def everything(journal: Path) -> bytes:
    """Return all that is in a journal, and in the files beside it."""
    return b"".join(path.read_bytes() for path in sorted(journal.parent.glob(f"{journal.name}*")))


def test_kept_results_go_by_what_was_asked_not_by_where_it_stood(tmp_path: Path) -> None:
    """The same journal over another list, not run: words are shown only beside their own result."""
    path, texts = tmp_path / "일.journal", ["가나다", "라마바사"]
    batcher("blocking")("sentiment", texts, journal=path)
    for others in (["라마바사", "가나다"], ["새 글", "가나다"], iter(texts)):
        with Client(MadeUp(), send=Server(mood)) as client, client.batch("sentiment", others, journal=path) as job:
            shown = {row["input"]: row["status"] for row in job.table()}
            assert job.reparse() <= 2
            for outcome in job._kept():
                if not outcome.input.startswith("text-"):
                    assert outcome.result.score == len(outcome.input) / 100
            assert len(shown) == 2


@pytest.mark.parametrize(
    "texts",
    [["비밀 하나", "비밀 둘"], ["https://example.com/비밀 is where I live", "gs://비밀 too"]],
    ids=["plain", "like an address"],
)
def test_no_text_is_written(tmp_path: Path, texts: list[str]) -> None:
    """Neither of what was asked, nor of what the batch did not come to, nor as a column of a table."""
    path = tmp_path / "일.journal"
    rows = [{7: text, "번호": n} for n, text in enumerate(texts)]
    for inputs, settings in ((texts, {}), (rows, {"column": 7})):
        done = batcher("blocking")("sentiment", inputs, journal=path, max_requests=1, concurrency=1, **settings)
        assert "not_started" in done.values()
        assert "비밀".encode() not in everything(path)
        assert [row["input"] for row in done.tidy] == texts
    with Client(MadeUp(), send=Server(mood)) as client, client.batch("sentiment", texts * 9, journal=path) as job:
        job.stop()
        assert list(job) == []
        answered = [n for n, row in enumerate(job.table()) if row["status"] != "not_started"]
        assert [row["input"] for row in job.table()] == [
            texts[n % 2] if n in answered else f"input {n}" for n in range(18)
        ]
        assert answered == list(range(0, 18, 2))  # what an earlier run was answered stays, for the copies too
    assert "비밀".encode() not in everything(path)


def test_signatures_are_not_written(tmp_path: Path) -> None:
    """A signature in an address is sent, and neither shown nor kept; of the address no query is kept at all."""
    from cloudai import Google

    path = tmp_path / "일.journal"
    address = "https://user:canary@example.com/사진.jpg?id=7&sig=canary-77#canary"
    server = Server(lambda request: ok(FACES))
    with Client(Google(api_key="not-a-real-key"), send=server) as client:
        for inputs, settings in (([address], {}), ([{"사진": address}], {"column": "사진"})):
            with client.batch("detect_faces", inputs, journal=path, **settings) as job:
                [outcome] = job
                assert outcome.input == job.table().rows[0]["input"] == "https://example.com/사진.jpg?id=7&sig=REDACTED"
                assert "canary" not in str(outcome.result.meta)
                assert job.reparse() == 1
        assert server.requests[0].json["requests"][0]["image"]["source"]["imageUri"] == address
    assert b"canary" not in everything(path)
    assert "https://example.com/사진.jpg?…".encode() in everything(path)


def test_what_extra_holds_is_not_written(tmp_path: Path) -> None:
    """Of options that may hold a key the names are kept, in the journal and in the manifest; nothing else."""
    path = tmp_path / "일.journal"
    options = {"extra": {"token": "canary-1"}, "extra_params": {"key": "canary-2"}, "extra_headers": {"x": "canary-3"}}
    done = batcher("blocking")("sentiment", ["좋아요"], journal=path, options=options)
    assert done.values() == ["ok"]
    assert b"canary" not in everything(path)
    assert done.manifest["options"] == {"extra": ["token"], "extra_params": ["key"], "extra_headers": ["x"]}


@pytest.mark.long
def test_sets_are_the_same_in_every_process() -> None:
    """The order of a set goes by a seed of the process; what is paid for does not."""
    code = (
        "from cloudai import Client; from tests.made_up.provider import MadeUp;"
        "c = Client(MadeUp(), send=print);"
        "job = c.batch('detect_faces', [], options={'attributes': {'a', 'b', 'c', '나이'}}); "
        "print(job._runner.state.tasks[0].digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in length("12", "1234", "1234")  # two in whose processes the set has another order
    }
    assert len(digests) == 1


@pytest.mark.parametrize("attributes", [object(), (name for name in "ab"), b"x", {("a", 1): 2}])
def test_options_that_cannot_be_written_down_are_refused(attributes: Any) -> None:
    """One error that says what may be given; a generator is not used up."""
    with Client(MadeUp(), send=Server(mood)) as client, pytest.raises(SettingsError, match="is not a list of words"):
        client.batch("detect_faces", [], options={"attributes": attributes})


class Stubborn:
    """An object that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_rows_that_json_cannot_hold_are_kept_as_they_are_shown(tmp_path: Path) -> None:
    """Keys that are tuples, a list in itself, an object that cannot be shown: no entry is lost for them."""
    circle: list[Any] = []
    circle.append(circle)
    odd = [{("a", 1): 2}, circle, Stubborn(), float("nan"), "가\ud800"]
    rows = [{"글": f"후기 {n}", "odd": value, "번호": n} for n, value in enumerate(odd)]
    path = tmp_path / "j"
    done = batcher("blocking")("sentiment", rows, column="글", journal=path)
    assert done.values() == ["ok"] * 5
    with Client(MadeUp(), send=Server(mood)) as client, client.batch("sentiment", [], journal=path) as job:
        assert [row["번호"] for row in job.table()] == [0, 1, 2, 3, 4]
        assert job.table().rows[0]["odd"] == "{('a', 1): 2}"


@both
def test_a_send_of_the_users_that_fails_is_in_doubt(colour: str, tmp_path: Path) -> None:
    """Books, exchanges and facts say that an input is in doubt if send= fails, and it is not sent for ever."""

    def answer(request: Request) -> Response:
        if "나쁜" in request.json["text"]:
            raise RuntimeError("my own code")
        return mood(request)

    server = Server(answer)
    for run in range(4):
        texts = ["나쁜 글", *(f"후기 {run}.{n}" for n in range(4))]
        done = batcher(colour, server)("sentiment", texts, journal=tmp_path / "j", concurrency=1)
        assert done.balanced
        row = done.table.rows[0]
        assert row["status"] == ("in_doubt" if run < 2 else "failed")
        assert "RuntimeError" in row["error"]
        assert (row["billed_min"], row["billed_max"]) == (0, min(run + 1, 3))
    assert sum("나쁜" in request.json["text"] for request in server.requests) == 3


def test_a_send_that_always_fails_pauses_the_batch() -> None:
    """After sixteen in a row: it is not one of the inputs."""

    def answer(request: Request) -> Any:
        raise RuntimeError("my own code")

    server, clock = Server(answer), Clock()
    run = batcher("blocking", server, clock=clock, sleep=clock.sleep)
    done = run("sentiment", [f"후기 {n}" for n in range(100)], concurrency=1)
    assert 16 <= len(server.requests) <= 20
    assert done.books["failed"] == 0
    assert done.paused


@pytest.mark.long
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_a_client_that_is_closed_pauses_its_batch(colour: str) -> None:
    """One error that says what to do; no input is blamed, and nothing is lost."""
    import asyncio

    async def awaiting() -> dict[str, int]:
        client = AsyncClient(MadeUp(key="k"))
        await client.close()
        async with client.batch("sentiment", ["가", "나"]) as job:
            with pytest.raises(SettingsError, match="client is closed"):
                assert [outcome async for outcome in job]
            return job.books

    def blocking() -> dict[str, int]:
        client = Client(MadeUp(key="k"))
        client.close()
        with client.batch("sentiment", ["가", "나"]) as job:
            with pytest.raises(SettingsError, match="client is closed"):
                list(job)
            return job.books

    books = blocking() if colour == "blocking" else asyncio.run(awaiting())
    assert (books["failed"], books["submitted"]) == (0, 2)


def test_a_foreign_error_of_a_call_alone_comes_out_as_it_is() -> None:
    """Of `send=`: it is the user's own, and is told to them unchanged, and not tried again."""
    server = Server(lambda request: ZeroDivisionError("mine"))
    with Client(MadeUp(), send=server) as client, pytest.raises(ZeroDivisionError, match="mine"):
        client.sentiment("좋아요")
    assert len(server.requests) == 1


def test_a_journal_may_be_a_link(tmp_path: Path) -> None:
    """The file it points to is the journal, with its log beside it; deleted or replaced is noticed there."""
    (tmp_path / "진짜").mkdir()
    real, link = tmp_path / "진짜" / "일.journal", tmp_path / "link.journal"
    link.symlink_to(real)
    server = Server(mood)
    for _ in range(2):
        assert batcher("blocking", server)("sentiment", ["가", "나"], journal=link).books["done"] == 2
    assert len(server.requests) == 2
    assert link.is_symlink()
    assert real.stat().st_size


@pytest.mark.parametrize("journal", [b"x", True, "", " ", "a\0b", 7])
def test_a_journal_that_is_no_path_is_refused(journal: Any) -> None:
    """One typed error, before anything is made."""
    with Client(MadeUp(), send=Server(mood)) as client, pytest.raises(SettingsError, match="journal="):
        client.batch("sentiment", [], journal=journal)


def test_a_version_that_never_was_is_left_alone(tmp_path: Path) -> None:
    """From no version but an earlier one leads a migration; not one byte is changed."""
    path = tmp_path / "j"
    journal = Journal(path)
    journal.ask(lambda db: db.execute("PRAGMA user_version = 0"))
    journal.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"version 0.*Read it with the cloudai that made it"):
        Journal(path)
    assert path.read_bytes() == before


def forget(capsys: pytest.CaptureFixture[str], journal: Path, wanted: str) -> tuple[int, str]:
    """Forget inputs by the command, and return its exit code and what was printed."""
    code = main(["journal", str(journal), "--forget", wanted])
    return code, capsys.readouterr().out + capsys.readouterr().err


@pytest.mark.parametrize("wanted", ["사진/나무.png", "./사진/나무.png", "나무.png", "NFD", "sha256"])
def test_forgotten_is_forgotten(tmp_path: Path, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An input by its path, the end of it, or the digest of its bytes, also one that a later run left out."""
    import unicodedata
    from hashlib import sha256

    from cloudai import Google

    (tmp_path / "사진").mkdir()
    for n, name in enumerate(("나무", "강")):
        (tmp_path / "사진" / f"{name}.png").write_bytes(picture(n))
    path = tmp_path / "일.journal"
    here = Path.cwd()
    os.chdir(tmp_path)
    server = Server(
        lambda request: ok({"responses": [{"faceAnnotations": [], "n": "canary"}] * len(request.json["requests"])})
    )
    try:
        with Client(Google(api_key="not-a-real-key"), send=server) as client:
            for names in (["나무", "강"], ["강"]):
                with client.batch("detect_faces", [f"사진/{name}.png" for name in names], journal=path) as job:
                    assert len(list(job)) == len(names)
        digest = sha256(picture(0)).hexdigest()
        spelt = {"NFD": unicodedata.normalize("NFD", "사진/나무.png"), "sha256": digest[:12]}.get(wanted, wanted)
        code, said = forget(capsys, path, spelt)
        assert (code, "나무.png" in said) == (0, True)
        assert digest.encode() not in everything(path)
        code, said = forget(capsys, path, spelt)
        assert code == 1
        assert "nothing is kept" in said
        code, said = forget(capsys, path, "강.png")
        assert code == 0
        assert b"canary" not in everything(path)
    finally:
        os.chdir(here)


def test_a_name_that_may_be_several_is_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is deleted before it is clear which."""
    journal = Journal(tmp_path / "j")
    batch, run = journal.ask(queries.begin("d", "made-up", "detect_faces", {}, version="1", now="2026-01-01"))
    for n, folder in enumerate("가나"):
        journal.ask(queries.look_up(batch, run, n, key=str(n), sha256="0" * 64, name=f"/{folder}/나무.png"))
    journal.close()
    code, _ = forget(capsys, tmp_path / "j", "나무.png")
    assert code == 2
    assert forget(capsys, tmp_path / "j", "가/나무.png")[0] == 0
    assert forget(capsys, tmp_path / "j", "나무.png")[0] == 0


@both
def test_a_lost_connection_of_our_own_is_as_before(colour: str) -> None:
    """A connection that our own transport loses is tried again, and is no fault of the user's code."""
    replies = iter([ConnectionLostError("broke"), None])

    def answer(request: Request) -> Any:
        return next(replies) or mood(request)

    assert batcher(colour, Server(answer))("sentiment", ["좋아요"]).values() == ["ok"]


def test_a_database_of_somebody_else_is_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one without tables: to look at it makes nothing of it."""
    import sqlite3

    path = tmp_path / "남의.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    assert main(["journal", str(path)]) in (2, 74)
    assert "not a journal" in capsys.readouterr().err
    assert path.read_bytes() == before
