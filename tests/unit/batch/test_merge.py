"""Several journals become one: nothing that was paid for is lost, and nothing is counted twice or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, ConnectionLostError, InputError, JournalError, Response
from cloudai.batch.journal import Journal
from cloudai.batch.merge import merge
from cloudai.cli import main
from cloudai.core.flow import Request
from tests.made_up.provider import MadeUp, ok
from tests.support.paths import ROOT
from tests.unit.batch.test_journal import as_nobody


class Vendor:
    """Answers with a score, or never to the texts that it is told."""

    def __init__(self, *silent: str) -> None:
        self.silent, self.asked = silent, list[str]()

    def __call__(self, request: Request) -> Response:
        self.asked.append(request.json["text"])
        if request.json["text"] in self.silent:
            error = ConnectionLostError("no answer")
            error.state = "UNKNOWN"
            raise error
        return ok({"score": 0.5})


def run(
    journal: Path, texts: list[str], vendor: Callable[[Request], Response], **settings: Any
) -> list[dict[str, Any]]:
    """Run a batch to whatever end it has, and return its table."""
    with (
        Client(MadeUp(key="k"), send=vendor, on_unknown="raise") as client,
        client.batch("sentiment", texts, journal=journal, concurrency=1, **settings) as job,
    ):
        for _ in job:
            pass
        return list(job.table().rows)


def read(journal: Path, texts: list[str]) -> list[dict[str, Any]]:
    """Return the table of a batch that is not run."""
    with Client(MadeUp(key="k")) as client, client.batch("sentiment", texts, journal=journal) as job:
        return list(job.table().rows)


def states(journal: Path) -> set[str]:
    """Return the states that the calls of a journal have."""
    with closing(sqlite3.connect(journal)) as db:
        return {state for (state,) in db.execute("SELECT state FROM calls")}


def test_the_best_ending_counts_and_all_that_was_paid(tmp_path: Path) -> None:
    """A text that one journal has in doubt and the other answered is answered; both requests are in the sums."""
    one, two, both = (tmp_path / f"{name}.journal" for name in ("하나", "둘", "전부"))
    assert [row["status"] for row in run(one, ["맛", "값"], Vendor("맛"))] == ["in_doubt", "ok"]
    assert [row["status"] for row in run(two, ["맛", "값", "말"], Vendor())] == ["ok", "ok", "ok"]
    assert merge(both, [one, two]) == 3
    kept = read(both, ["맛", "값", "말"])
    assert [(row["status"], row["billed_min"], row["billed_max"]) for row in kept] == [
        ("ok", 1, 2),
        ("ok", 2, 2),
        ("ok", 1, 1),
    ]
    assert states(both) == {"done"}
    vendor = Vendor()
    table = run(both, ["맛", "값", "말"], vendor)
    assert not vendor.asked
    assert [row["status"] for row in table] == ["ok"] * 3
    assert [row["billed_max"] for row in table] == [2, 2, 1]
    assert [row["billed_min"] for row in table] == [1, 2, 1]
    assert merge(tmp_path / "거꾸로.journal", [two, one]) == 3
    assert run(tmp_path / "거꾸로.journal", ["맛", "값", "말"], vendor)[0]["billed_max"] == 2
    assert not vendor.asked
    assert run(one, ["값"], vendor), "the journals stay as they are"
    assert not vendor.asked


def test_other_inputs_with_the_same_number(tmp_path: Path) -> None:
    """Lists whose numbers overlap both stay visible, with what was paid for them."""
    one, two, both = (tmp_path / f"{name}.journal" for name in ("a", "b", "c"))
    run(one, ["가", "나"], Vendor())
    run(two, ["다", "라"], Vendor())
    assert merge(both, [one, two]) == 4
    vendor = Vendor()
    assert sum(row["billed_max"] for row in run(both, ["가", "나", "다", "라"], vendor)) == 4
    assert not vendor.asked


def test_what_cannot_be_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that exists, a journal named twice, and what is no journal are refused, and no file is left behind."""
    one, other = tmp_path / "a.journal", tmp_path / "b.txt"
    run(one, ["가"], Vendor())
    other.write_text("안녕")
    before = one.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        merge(one, [one])
    with pytest.raises(InputError, match="named twice"):
        merge(tmp_path / "c", [one, tmp_path / "." / "a.journal"])
    with pytest.raises(JournalError, match="is not a journal"):
        merge(tmp_path / "c", [one, other])
    with pytest.raises(JournalError, match="there is no file"):
        merge(tmp_path / "c", [one, tmp_path / "nothing"])
    assert not (tmp_path / "c").exists()
    with monkeypatch.context() as patched, pytest.raises(JournalError, match="cannot be merged"):
        patched.setattr("cloudai.batch.merge.ITEM", "no_such_column")
        merge(tmp_path / "c", [one])
    assert not (tmp_path / "c").exists(), "a part of them looks like all of them"
    assert one.read_bytes() == before
    assert other.read_text() == "안녕"


@pytest.mark.parametrize(
    "damage",
    ["UPDATE calls SET state = 'odd'", "UPDATE calls SET batch = 77", "UPDATE items SET status = 'x', call = 9"],
)
def test_a_journal_with_odd_content(damage: str, tmp_path: Path) -> None:
    """A journal that holds what cloudai never writes is named as damaged, and nothing is made of the others."""
    one, odd = tmp_path / "a.journal", tmp_path / "b.journal"
    run(one, ["가"], Vendor())
    run(odd, ["나"], Vendor())
    with closing(sqlite3.connect(odd)) as db, db:
        db.execute(damage)
    with pytest.raises(JournalError, match=r"b\.journal is damaged"):
        merge(tmp_path / "c", [one, odd])
    assert not (tmp_path / "c").exists()


def test_the_journals_are_only_read(tmp_path: Path) -> None:
    """One of an earlier version and one of a killed run are part of the new journal, and not a byte of them changes."""
    sources = tmp_path / "원본"
    sources.mkdir()
    early, killed, both = sources / "옛날.journal", sources / "죽은.journal", tmp_path / "전부.journal"
    shutil.copyfile(ROOT / "tests" / "data" / "journal-4-955d4c3.sqlite", early)
    live = tmp_path / killed.name

    def send(request: Request) -> Response:
        for file in tmp_path.glob(f"{live.name}*"):
            shutil.copyfile(file, sources / file.name)
        return Vendor()(request)

    run(live, ["맛"], send)
    before = {file.name: file.read_bytes() for file in sources.iterdir()}
    assert f"{killed.name}-wal" in before
    assert merge(both, [early, killed]) > 1
    assert {file.name: file.read_bytes() for file in sources.iterdir()} == before
    assert [row["status"] for row in read(both, ["맛"])] == ["in_doubt"]


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "setuid"), reason="rights are other ones there")
def test_journals_on_a_medium_that_may_only_be_read() -> None:
    """A user who may write neither to the journals nor into their folder can merge them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources, out = folder / "읽기 전용", folder / "결과"
        sources.mkdir()
        out.mkdir()
        journals = [sources / "하나.journal", sources / "둘.journal"]
        for journal, text in zip(journals, ["맛", "값"], strict=True):
            run(journal, [text], Vendor())
            journal.chmod(0o444)
        sources.chmod(0o555)
        folder.chmod(0o755)
        out.chmod(0o777)
        try:
            assert as_nobody(lambda: merge(out / "전부.journal", journals)) == "no error"
        finally:
            sources.chmod(0o755)
        assert sorted(sources.iterdir()) == sorted(journals)
        assert [row["status"] for row in read(out / "전부.journal", ["맛", "값"])] == ["ok", "ok"]


def test_a_journal_in_use_is_not_merged(tmp_path: Path) -> None:
    """The error names the journal that another process uses, and no merged journal is left behind."""
    one, used = tmp_path / "하나.journal", tmp_path / "쓰는 중.journal"
    run(one, ["맛"], Vendor())
    with closing(Journal(used)), pytest.raises(JournalError, match=r"쓰는 중\.journal is used by another process"):
        merge(tmp_path / "전부.journal", [one, used])
    assert not (tmp_path / "전부.journal").exists()


def test_two_names_of_one_file(tmp_path: Path) -> None:
    """A journal that has two names in the file system is not counted twice."""
    run(tmp_path / "a.journal", ["가"], Vendor())
    (tmp_path / "b.journal").hardlink_to(tmp_path / "a.journal")
    with pytest.raises(InputError, match="named twice"):
        merge(tmp_path / "c", [tmp_path / "a.journal", tmp_path / "b.journal"])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`cloudai journal merge` names what it has made, and says what is missing."""
    monkeypatch.chdir(tmp_path)
    run(Path("a.journal"), ["가"], Vendor())
    run(Path("b.journal"), ["나"], Vendor())
    command = ["--lang", "en", "journal", "merge", "a.journal", "b.journal"]
    assert main(command) == 2
    assert "--out" in capsys.readouterr().err
    assert main([*command, "--out", "전부.journal"]) == 0
    assert "전부.journal has the 2 inputs of 2 journals." in capsys.readouterr().out
    assert main(["--lang", "en", "journal", "merge", "--out", "c"]) == 2
    assert main(["--lang", "en", "journal", "a.journal", "b.journal"]) == 2
    assert main(["--lang", "en", "journal", "전부.journal"]) == 0
