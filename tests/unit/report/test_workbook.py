"""Workbooks of Excel: a sheet for each kind, small pictures, and cells that do nothing."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest

from cloudai import Outcome
from cloudai.errors import TooLargeError
from cloudai.report import save_workbook, workbook
from tests.privacy.test_inert import FORMULAS, MARKUP
from tests.unit.report import made

pytest.importorskip("xlsxwriter")
S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(path: Path) -> dict[str, list[list[object]]]:
    """Return the cells of each sheet, texts and numbers."""
    with ZipFile(path) as file:

        def part(name: str) -> ET.Element:
            return ET.fromstring(file.read(f"xl/{name}.xml"))  # noqa: S314  # we have written it

        texts = ["".join(t.itertext()) for t in part("sharedStrings")]
        names = [each.get("name") for each in part("workbook").iter(f"{S}sheet")]
        found = {}
        for n, name in enumerate(names, 1):
            rows = part(f"worksheets/sheet{n}").iter(f"{S}row")
            found[str(name)] = [[_value(cell, texts) for cell in row] for row in rows]
        return found


def _value(cell: ET.Element, texts: list[str]) -> object:
    assert cell.find(f"{S}f") is None, "no cell is a formula"
    value = cell.find(f"{S}v")
    if value is None or value.text is None:
        return None
    return texts[int(value.text)] if cell.get("t") == "s" else float(value.text)


def test_from_a_journal(tmp_path: Path) -> None:
    """A finished run becomes a workbook with nothing sent: pictures with the user's columns, and a sheet a kind."""
    journal = made.finished(tmp_path)
    before = len(made.sent)
    path = save_workbook(journal, tmp_path / "표.xlsx", language="ko")
    assert len(made.sent) == before
    book = sheets(path)
    assert list(book) == ["사진", "tags"]
    head, *rows = book["사진"]
    assert head[:2] == ["사진", "이름"]
    assert [row[1] for row in rows] == list(made.NAMES)
    assert [row[head.index("동")] for row in rows] == [0, 1, 2]
    assert {row[head.index("상태")] for row in rows} == {"찾음"}
    with ZipFile(path) as file:
        assert sum(name.startswith("xl/media/") for name in file.namelist()) == 3
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
        assert "<autoFilter" in sheet
        assert 'state="frozen"' in sheet
        assert b'editAs="twoCell"' in file.read("xl/drawings/drawing1.xml") or b"twoCellAnchor" in file.read(
            "xl/drawings/drawing1.xml"
        )


def test_failures_have_their_row(tmp_path: Path) -> None:
    """A picture that failed has its row with the reason, and one that is not there has no small picture."""
    rows = [
        made.outcome(0, tmp_path / "a.jpg"),
        Outcome(1, "b.jpg", error=TooLargeError("too large"), operation="analyze_image"),
    ]
    head, first, second = sheets(save_workbook(rows, tmp_path / "a.xlsx"))["picture"]
    assert (first[head.index("status")], second[head.index("status")]) == ("found", "failed")
    assert second[head.index("reason")] == "too large"
    assert set(sheets(tmp_path / "a.xlsx")) == {"picture", "faces", "tags"}


def test_cells_do_nothing(tmp_path: Path) -> None:
    """A text that a spreadsheet would run is a text, in a heading, a column of the user, a name and a caption."""
    texts = [*FORMULAS.values(), *MARKUP.values(), "https://example.org", "1e999"]
    rows = [
        made.outcome(n, "a.jpg", made.analysis(text), row={"name": text, f"x{text}": text, text: "1"})
        for n, text in enumerate(texts)
    ]
    path = save_workbook(rows, tmp_path / "a.xlsx", thumbnails=False)
    assert len(sheets(path)["picture"]) == len(texts) + 1
    with ZipFile(path) as file:
        assert not [each for each in file.namelist() if "externalLink" in each]
        assert b"<hyperlink" not in file.read("xl/worksheets/sheet1.xml")


def test_numbers_of_a_table_are_numbers(tmp_path: Path) -> None:
    """A user's column of numbers, which a CSV holds as texts, is one of numbers; a telephone number stays a text."""
    rows = [made.outcome(n, "a.jpg", row={"나이": str(30 + n), "전화": f"010{n}"}) for n in range(2)]
    head, first, _ = sheets(save_workbook(rows, tmp_path / "a.xlsx", thumbnails=False))["picture"]
    assert (first[head.index("나이")], first[head.index("전화")]) == (30.0, "0100")


def test_cells_that_excel_has_no_number_for(tmp_path: Path) -> None:
    """Numbers that are not finite, or too long for Excel, are texts; lists, and headings of any type, are written."""
    row = {"한없음": math.inf, "모름": math.nan, "큰": 10**400, "목록": ["가"], 5: "다섯"}
    first = sheets(save_workbook([made.outcome(0, made.photo(tmp_path / "a.jpg"), row=row)], tmp_path / "a.xlsx"))
    head, cells = next(iter(first.values()))
    told = dict(zip(head, cells, strict=True))
    assert (told["한없음"], told["모름"], told["목록"], told["5"]) == ("inf", "nan", "가", "다섯")
    assert str(told["큰"]).startswith("1000")


def test_no_column_is_lost_to_one_of_ours(tmp_path: Path) -> None:
    """Columns of the user that are named like ours become input_…, and a tag does not take the place of the name."""
    row = {"status": "MP", "faces": "둘", "item": "7", "input": "안", "name": "홍길동"}
    books = sheets(save_workbook([made.outcome(0, made.photo(tmp_path / "a.jpg"), row=row)], tmp_path / "a.xlsx"))
    for title, wanted in {
        "picture": {"input_status": "MP", "status": "found", "input_faces": "둘", "faces": 1},
        "tags": {"input_status": "MP", "item": 0, "input_input": "안", "picture": "홍길동", "name": "a person"},
        "faces": {"item": 0, "input_item": 7, "name": "홍길동"},
    }.items():
        head, cells, *_ = books[title]
        told = dict(zip(head, cells, strict=True))
        assert {name: told.get(name) for name in wanted} == wanted


def test_more_columns_than_excel_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The columns that a sheet has no room for are named in the log, and the others have their filter."""
    row = {f"열 {n}": n for n in range(16_500)}
    file = save_workbook([made.outcome(0, "a.jpg", row=row)], tmp_path / "a.xlsx", thumbnails=False)
    assert "16,384 columns" in caplog.text
    with ZipFile(file) as book:
        assert 'autoFilter ref="A1:XFD2"' in book.read("xl/worksheets/sheet1.xml").decode()


def test_more_rows_than_excel_has(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that a sheet has no room for are counted in the log."""
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    save_workbook([made.outcome(n, f"{n}.jpg") for n in range(3)], tmp_path / "a.xlsx", thumbnails=False)
    assert "the last 1 rows of the table are left out" in caplog.text
