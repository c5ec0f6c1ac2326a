"""Several providers on the command line: one answers in place of another, or all are compared."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloudai import AuthError, Client, JournalError, PausedError
from cloudai.cli import main
from tests.made_up.faults import head
from tests.made_up.server import Faultd, faultd
from tests.support.command import run_command
from tests.unit.cli.test_batches import answer, environment

pytestmark = [pytest.mark.loopback, pytest.mark.long]


@pytest.fixture
def vendor() -> Iterator[Faultd]:
    """Yield Azure Language on the loopback."""
    with faultd(answer, keeps=True) as server:
        yield server


def test_another_provider_answers(tmp_path: Path) -> None:
    """The second provider answers what the first cannot, and the table says who did."""
    with faultd(lambda c: c.send(head("403 Forbidden", size=2), b"{}")) as refusing:
        code, out, err = run_command(
            tmp_path,
            environment(tmp_path, refusing.url),
            *("sentiment", "A good day!", "--provider", "azure,local", "--language", "en", "--json"),
        )
    assert (code, refusing.count) == (0, 1), err
    meta = json.loads(out)["meta"]
    assert meta["provider"] == "local"
    assert [each["error"] for each in meta["tried"]] == ["ForbiddenError"]


def test_compare(tmp_path: Path, vendor: Faultd) -> None:
    """The comparison is printed, a table of it is written, and a page; run again, nothing is sent."""
    texts = tmp_path / "글.txt"
    texts.write_text("I love it.\nI hate it.\nThis is wonderful!\n", "utf-8")
    truth = tmp_path / "참.csv"
    truth.write_text("input,label\nI love it.,positive\nI hate it.,negative\n", "utf-8-sig")
    command = ["compare", "sentiment", "--lines", "글.txt", "--language", "en", "--provider", "azure,local"]
    variables = environment(tmp_path, vendor.url)
    code, out, err = run_command(
        tmp_path, variables, *command, "--truth", "참.csv", "--html", "비교.html", "--page-language", "ko", "--quiet"
    )
    assert code == 0, err
    assert "azure local 3 0.6667" in " ".join(out.split())
    assert "accuracy" in out
    page = (tmp_path / "비교.html").read_text("utf-8")
    assert "얼마나 일치하는가" in page
    assert "I hate it." in page
    sent = vendor.count
    code, out, err = run_command(
        tmp_path, variables, *command, "--table", "inputs", "--csv", "표.csv", "--quiet", "--truth", "참.csv"
    )
    assert (code, vendor.count) == (0, sent), err
    rows = list(csv.DictReader((tmp_path / "표.csv").read_text("utf-8-sig").splitlines()))
    assert [row["input"] for row in rows] == ["I hate it.", "I love it.", "This is wonderful!"]
    assert [row["agreement"] for row in rows] == ["0.0", "1.0", "1.0"]


def test_compare_says_what_is_wrong(tmp_path: Path, vendor: Faultd) -> None:
    """One provider alone, a page over its own input, and tables that there are not are refused before a request."""
    variables = environment(tmp_path, vendor.url)
    code, _, err = run_command(tmp_path, variables, "compare", "sentiment", "Good", "--provider", "azure")
    assert (code, "one provider cannot be compared" in err) == (2, True)
    (tmp_path / "글.txt").write_text("Good\n", "utf-8")
    code, _, err = run_command(tmp_path, variables, "compare", "sentiment", "--lines", "글.txt", "--html", "글.txt")
    assert (code, "--html 글.txt would overwrite" in err) == (2, True)
    of_two = ["compare", "sentiment", "Good", "--provider", "azure,local", "--language", "en"]
    code, _, err = run_command(tmp_path, variables, *of_two, "--table", "truth")
    assert (code, "Give --truth CSV." in err) == (2, True)
    code, _, err = run_command(tmp_path, variables, *of_two, "--table", "agreed", "--agreed", "3")
    assert (code, "Give 1 to 2, the number of providers." in err) == (2, True)
    assert vendor.count == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_page_that_cannot_be_written_costs_no_answer(tmp_path: Path, vendor: Faultd) -> None:
    """Where the disk is full for the page, the comparison is printed all the same, and the exit code is 74."""
    code, out, err = run_command(
        tmp_path,
        environment(tmp_path, vendor.url),
        *("compare", "sentiment", "I love it.", "--provider", "azure,local", "--language", "en"),
        *("--html", "/dev/full", "--journal", "none"),
    )
    assert (code, "Give --html another name." in err) == (74, True)
    assert "azure" in out


def test_after_ctrl_c_a_comparison_says_where_its_answers_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal of a comparison that is interrupted is named, and the exit code is that of Ctrl-C."""

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cloudai.client.Client.compare", interrupted)
    assert main(["compare", "sentiment", "맛", "멋", "--provider", "azure,local", "--journal", "비교.journal"]) == 130
    assert "비교.journal has what is finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(PausedError("the quota is spent"), 75), (JournalError("the disk is full"), 74), (AuthError("no such key"), 2)],
)
def test_why_nothing_was_compared_decides_the_exit_code(
    error: Exception, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comparison without any answer ends with the code of its error; after a pause its journal is named."""

    def failed(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cloudai.client.Client.compare", failed)
    assert main(["compare", "sentiment", "맛", "--provider", "azure,local", "--journal", "비교.journal"]) == code
    assert ("비교.journal has what is finished" in capsys.readouterr().err) == (code == 75)


def test_a_journal_that_one_provider_could_not_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one provider has answered and the journal failed meanwhile, the exit code tells of the journal."""
    compare = Client.compare

    def ended(*given: Any, **settings: Any) -> Any:
        done = compare(*given, **settings)
        return replace(done, problems={"made-up": JournalError("the disk is full")})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cloudai.client.Client.compare", ended)
    command = ["compare", "sentiment", "I love it.", "--language", "en", "--provider", "local,azure"]
    assert main([*command, "--journal", "none"]) == 74


def test_the_plan_of_a_comparison_is_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Addresses that are fetched here are planned so, and a keeper is refused by the plan as well as by the run."""
    monkeypatch.chdir(tmp_path)
    command = ["compare", "faces", "https://photos.example/a.jpg", "--provider", "azure,google"]
    assert main([*command, "--fetch-urls", "--plan"]) == 0
    assert capsys.readouterr().out.count("1: fetched here when it runs") == 2
    assert main([*command, "--plan", "--journal", "keeper://127.0.0.1:9"]) == 2
    assert "a keeper cannot keep the journal" in capsys.readouterr().err
