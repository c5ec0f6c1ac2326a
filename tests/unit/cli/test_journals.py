"""Commands that read a journal, over one that a batch is writing, and over what is no file of a journal."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, Response
from cloudai.batch.journal import Journal
from cloudai.batch.kept import kept_in
from cloudai.cli import main
from cloudai.core.flow import Request
from tests.made_up.provider import MadeUp, ok


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """Yield the journal of a batch that goes on: one text is answered, and another has been sent."""
    sent, answered = threading.Event(), threading.Event()

    def answer(request: Request) -> Response:
        if request.json["text"] == "느려요":
            sent.set()
            assert answered.wait(60)
        return ok({"score": 0.5})

    path = tmp_path / "실행 중.journal"
    texts = ["맛있어요", "느려요"]
    with (
        Client(MadeUp(key="k"), send=answer) as client,
        client.batch("sentiment", texts, journal=path, concurrency=1) as job,
    ):
        outcomes = iter(job)
        next(outcomes)
        assert sent.wait(60)
        try:
            yield path
        finally:
            answered.set()
        assert [outcome.status for outcome in outcomes] == ["ok"]


def test_a_journal_in_use_is_shown_and_written_out(running: Path, capsys: Any) -> None:
    """It has what is finished until now; what is still on its way is not in doubt, and a line says why it lacks."""
    command = ["--lang", "en", "journal", str(running)]
    told = f"{running} is in use: this is what it holds until now.\n"
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[2].split()[-2:] == ["1", "{}"], out
    assert "in doubt" not in out
    assert err == told
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["ok"]
    assert err == told
    for rows in ([], ["--rows"]):
        assert main([*command, "--csv", "-", *rows]) == 0
        out, err = capsys.readouterr()
        assert [row["status"] for row in csv.DictReader(io.StringIO(out))] == ["ok"]
        assert err == told
    assert [[outcome.status for outcome in outcomes] for outcomes in kept_in(running)] == [["ok"]]


def test_nothing_is_forgotten_while_a_journal_is_in_use(running: Path, capsys: Any) -> None:
    """What changes the journal is refused, because the batch still writes it."""
    assert main(["--lang", "en", "journal", str(running), "--forget", "text-"]) == 74
    assert "is used by another process" in capsys.readouterr().err


def test_a_journal_in_use_says_so_in_korean(running: Path, capsys: Any) -> None:
    """The line about it is in the language of the command."""
    assert main(["--lang", "ko", "journal", str(running)]) == 0
    assert capsys.readouterr().err == f"{running}을(를) 쓰는 중입니다. 지금까지 들어 있는 내용입니다.\n"


def test_an_error_names_the_file_and_not_its_copy(tmp_path: Path, capsys: Any) -> None:
    """What is in use is read from a copy, and the user knows nothing of that."""
    path = tmp_path / "남의 것.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE notes (text)")
        db.execute("BEGIN EXCLUSIVE")
        assert main(["--lang", "en", "journal", str(path)]) == 74
    assert capsys.readouterr().err.startswith(f"{path} is not a journal of cloudai.")


@pytest.mark.parametrize(
    "command",
    [
        *(["gallery", "--journal"], ["cards", "--journal"], ["draw", "--journal"], ["plot"]),
        *(["journal"], ["journal", "--json"], ["journal", "--forget", "나무.png"], ["journal", "--out", "새", "merge"]),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("address", ["keeper://관리자:8399", "keeper+tls://비밀@127.0.0.1:8399"])
def test_the_address_of_a_keeper_is_no_file(
    address: str, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """What reads the file of a journal says so, and where the file is, in one line that does not repeat the address."""
    monkeypatch.chdir(tmp_path)
    assert main(["--lang", "en", *command, address]) == 74
    assert capsys.readouterr().err == (
        "this reads the file of a journal, and not the address of a keeper."
        " Run it on the computer of the keeper, and give the path of the keeper's journal.\n"
    )
    assert main(["--lang", "ko", *command, address]) == 74
    assert capsys.readouterr().err == (
        "여기서는 관리자의 주소가 아니라 저널 파일을 읽습니다."
        " 관리자가 있는 컴퓨터에서, 관리자의 저널 파일 경로를 주고 실행하세요.\n"
    )


@pytest.mark.parametrize("flags", [["--json"], ["--csv", "표.csv"]])
def test_a_journal_without_a_batch(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A keeper's journal that no worker has come to yet says so, and names no numbers of batches."""
    monkeypatch.chdir(tmp_path)
    Journal("모두.journal").close()
    assert main(["journal", "모두.journal", *flags]) == 2
    assert "holds no batch yet" in capsys.readouterr().err
