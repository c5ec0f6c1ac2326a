"""The services that vendors have switched off: the data, its tables, the command and the page."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

import pytest

import cloudai
from cloudai.cli import main
from cloudai.errors import InputError
from cloudai.providers.registry import BUILT_IN, find
from cloudai.report import save_capabilities
from tests.support.paths import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import write_provider_table


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_date_of_an_operation_is_that_of_a_service(name: str) -> None:
    """A day since which, or until which, an operation can be called is also in the list of the vendor's services."""
    kind = find(name)
    days = {each.date for each in kind.retirements}
    told = {day for each in kind.capabilities().values() for day in (each.since, each.until) if day}
    assert told <= days


def test_the_services_that_were_switched_off() -> None:
    """Both services of the tutorial are there with the days on which they ended, and so are Azure's expressions."""
    days = {(row["service"], row["date"]) for row in cloudai.retirements()}
    assert {
        ("URL Shortener (goo.gl)", "2019-03-30"),
        ("URL Shortener (goo.gl)", "2025-08-25"),
        ("Universal Analytics", "2023-07-01"),
        ("Universal Analytics", "2024-07-01"),
        ("Emotion API for Video", "2017-10-30"),
        ("Face: expressions, ages, gender, smiles, hair and make-up", "2023-06-30"),
    } <= days


def test_every_row_is_whole_and_in_order() -> None:
    """Each row has a real day, the day of its check, words and the vendor's page; the oldest comes first."""
    table = cloudai.retirements()
    assert table["date"] == sorted(table["date"])
    for row in table:
        date.fromisoformat(row["date"])
        date.fromisoformat(row["checked"])
        assert row["page"].startswith("https://")
        assert all(row[name] for name in table.columns)


def test_a_provider_of_yours_may_have_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a class declares comes into the table under the name of the provider."""
    ended = cloudai.Retirement("Old", "2020-02-02", "it ended", "New", "https://example.com", "2026-01-01")
    monkeypatch.setattr(cloudai.Local, "retirements", (ended,))
    assert cloudai.retirements().filter(provider="local")["service"] == ["Old"]


def test_the_table_of_capabilities_has_both_methods() -> None:
    """A row for each operation, provider and method, with what the class of the provider declares."""
    table = cloudai.capabilities()
    (row,) = table.filter(operation="translate", provider="watson", method="classic")
    assert (row["status"], row["since"], row["until"]) == ("retired", "2024-12-10", None)
    (row,) = table.filter(operation="translate", provider="watson", method="generative")
    assert row["status"] == "open"
    assert not table.filter(operation="dictionary", method="generative").rows


def test_the_page_of_vendors_has_the_table() -> None:
    """docs/vendors.md is what `make format` writes."""
    assert write_provider_table.table_of_ends() in (ROOT / "docs" / "vendors.md").read_text("utf-8")


@pytest.mark.parametrize(("language", "words"), [("en", "no visit is counted"), ("ko", "방문을 더는 세지 않음")])
def test_the_command_tells_them(capsys: pytest.CaptureFixture[str], language: str, words: str) -> None:
    """`cloudai providers google` ends with what was switched off, in the language of the user."""
    assert main(["--lang", language, "providers", "google"]) == 0
    assert f"2023-07-01  {'유니버설 애널리틱스' if language == 'ko' else 'Universal Analytics'}: {words}" in (
        capsys.readouterr().out
    )


def test_the_page_tells_past_from_future(tmp_path: Path) -> None:
    """A day is past from the day itself on, whatever this computer's clock says."""
    page = save_capabilities(tmp_path / "제공자.html", today=date(2027, 9, 14)).read_text("utf-8")
    kinds = dict(re.findall(r'<tr class="(past|ahead)"><td><time>([\d-]+)', page)[::-1])
    assert kinds == {"past": "2017-10-30", "ahead": "2028-01-31"}
    assert '<tr class="past"><td><time>2027-09-14' in page


def test_the_page_is_harmless_and_speaks_korean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a provider declares is text and never markup, no script is allowed, and another language is refused."""
    evil = cloudai.Retirement("<script>alert(1)</script>", "2020-02-02", "x", "y", "javascript:alert(1)", "2026-01-01")
    monkeypatch.setattr(cloudai.Local, "retirements", (evil,))
    page = save_capabilities(tmp_path / "제공자.html", language="ko").read_text("utf-8")
    assert "<script" not in page
    assert "javascript:" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "무엇이 언제 끝났는지" in page
    with pytest.raises(InputError, match="does not speak"):
        save_capabilities(tmp_path / "x.html", language="xx")  # type: ignore[arg-type]
