"""Tables in and out: as Excel writes them, and as it reads them."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, InputError, Table, read_table, tidy
from cloudai.core.flow import Request, Response
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher, Server
from tests.support.paths import FIXTURES

TEXT = "이름,후기\n김하나,맛있어요!\n박둘,\n\n,별로예요\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_a_table_as_excel_writes_it(tmp_path: Path, encoding: str, caplog: pytest.LogCaptureFixture) -> None:
    """With a byte order mark or without, or in CP949, the guess told; empty cells are None, empty lines no rows."""
    path = tmp_path / "후기.csv"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode(encoding))
    with caplog.at_level(logging.WARNING):
        table = read_table(path)
    assert table.columns == ["이름", "후기"]
    assert [row["후기"] for row in table] == ["맛있어요!", None, "별로예요"]
    assert ("read as CP949" in caplog.text) == (encoding == "cp949")
    assert table.folder == tmp_path


@pytest.mark.parametrize("mark", [",", ";", "|", "\t"])
def test_a_table_of_one_column_is_not_cut(tmp_path: Path, mark: str) -> None:
    """Texts below one heading keep their commas, whether they stand in quotes or not: half a text would be paid for."""
    file = tmp_path / "후기.csv"
    file.write_text(f'후기\n맛있어요{mark} 또 올게요\n"별로예요{mark} ""진짜"""\n\n좋아요\n', "utf-8")
    table = read_table(file)
    assert table.columns == ["후기"]
    assert [row["후기"] for row in table.rows] == [f"맛있어요{mark} 또 올게요", f'별로예요{mark} "진짜"', "좋아요"]


@pytest.mark.parametrize(
    ("name", "text", "columns", "first"),
    [
        ("표.tsv", "이름\t후기\n가\t쉼표, 있음\n", ["이름", "후기"], "쉼표, 있음"),
        ("표.csv", "이름;후기\n가;1,5\n", ["이름", "후기"], "1,5"),
        ("표.csv", '이름,후기\n가,"두 줄\n글"\n', ["이름", "후기"], "두 줄\n글"),
        ("표.csv", "후기,후기,\n가,나,다\n", ["후기", "후기 (2)", "column 3"], "나"),
        ("표.csv", "이름,후기\n가,나,다\n", ["이름", "후기", "column 3"], "나"),
    ],
)
def test_tables_of_all_kinds(tmp_path: Path, name: str, text: str, columns: list[str], first: str) -> None:
    """Tabs, semicolons, line breaks in a cell, headings that repeat, lines that are too long."""
    (tmp_path / name).write_text(text, "utf-8")
    table = read_table(tmp_path / name)
    assert table.columns == columns
    assert table.rows[0][columns[1]] == first


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    """A workbook, an empty file, a file that is not there: one line with what to do."""
    (tmp_path / "표.xlsx").write_bytes(b"PK")
    (tmp_path / "빈.csv").write_bytes(b"")
    (tmp_path / "그림.csv").write_bytes(b"\xff\xd8\xff\xe0\x81")
    for name, text in (
        ("표.xlsx", "CSV UTF-8"),
        ("빈.csv", "is empty"),
        ("그림.csv", "not certain"),
        ("없음.csv", "path"),
    ):
        with pytest.raises(InputError, match=text):
            read_table(tmp_path / name)


def test_a_korean_table_goes_in_and_comes_out(tmp_path: Path) -> None:
    """CP949 in; out with the user's columns, a byte order mark, CRLF, and no formula: as Excel shows it."""
    source, out = tmp_path / "후기.csv", tmp_path / "결과.csv"
    source.write_bytes('이름,후기,status\n김하나,맛있어요!,A\n"=1+1",별로예요,B\n'.encode("cp949"))
    run = Batcher("blocking", MadeUp(), Server(lambda _: ok({"score": 0.5})))
    done = run("sentiment", read_table(source), column="후기")
    done.tidy.to_csv(out)
    data = out.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfitem,input,")
    assert b"\r\n" in data
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["이름"] for row in rows] == ["김하나", "'=1+1"]
    assert [row["input_status"] for row in rows] == ["A", "B"], "their own column keeps another name"
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert list(done.table.columns)[:5] == ["item", "input", "이름", "후기", "input_status"]


def test_photos_of_a_table_are_found_beside_it(tmp_path: Path) -> None:
    """Relative paths begin at the table's folder; tables show them from the folder they share, with a slash."""
    (tmp_path / "사진").mkdir()
    for name in ("가.png", "나.png"):
        (tmp_path / "사진" / name).write_bytes((FIXTURES / "나무.png").read_bytes())
    (tmp_path / "의원.csv").write_text("이름,사진\n가,사진/가.png\n나,사진/나.png\n다,사진/없음.png\n,\n", "utf-8")
    with (
        Client("local") as client,
        client.batch("detect_faces", read_table(tmp_path / "의원.csv"), column="사진", keep=["이름"]) as job,
    ):
        statuses = {item.item: item.status for item in job}
        table = job.table()
    assert statuses == {0: "none_found", 1: "none_found", 2: "failed"}
    assert [row["input"] for row in table] == ["가.png", "나.png", "없음.png"]
    assert "사진" not in table.columns
    assert table.rows[1]["duplicate_of"] == 0 or table.rows[0]["duplicate_of"] == 1


@pytest.mark.long
def test_data_frames_go_in_and_out(tmp_path: Path) -> None:
    """pandas and polars as rows; tables as frames and as Parquet."""
    import pandas as pd
    import polars as pl

    def mood(_: Request) -> Response:
        return ok({"score": 0.25})

    for frame in (pd.DataFrame({"글": ["가", "나"]}), pl.DataFrame({"글": ["가", "나"]})):
        with Client(MadeUp(), send=mood) as client, client.batch("sentiment", frame, column="글") as job:
            table = tidy(job)
            assert list(table.to_pandas()["score"]) == [0.25, 0.25]
            job.table().to_parquet(tmp_path / "표.parquet")
            assert pl.read_parquet(tmp_path / "표.parquet")["글"].to_list() == ["가", "나"]


def test_a_table_that_stands_still_is_whole() -> None:
    """Names that clash with ours, and with each other, all stay."""
    from cloudai import Outcome

    found = tidy([Outcome(0, "가", error=InputError("x"), row={"item": 7, "input_item": 8, "error": "theirs"})])
    assert isinstance(found, Table)
    row = found.rows[0]
    assert (row["item"], row["input_item"], row["input_input_item"], row["input_error"]) == (0, 7, 8, "theirs")


@pytest.mark.parametrize("empty", [None, "", "  ", float("nan")])
def test_an_empty_cell_is_called_empty(empty: Any) -> None:
    """An empty cell fails its own row, which says that it is empty, for texts and for pictures."""
    rows = [{"글": "좋아요"}, {"글": empty}]
    done = Batcher("blocking", MadeUp(), Server(lambda _: ok({"score": 0.5})))("sentiment", rows, column="글")
    assert done.values("status") == ["ok", "failed"]
    assert done.table.rows[1]["error"].startswith("the cell in column 글 is empty")
    with Client("local") as client, client.batch("detect_faces", [{"사진": empty}], column="사진") as job:
        (outcome,) = list(job)
    assert isinstance(outcome.error, InputError)
    assert "the cell in column 사진 is empty" in str(outcome.error)


def test_empty_cells_of_data_frames(tmp_path: Path) -> None:
    """pandas has three values for an empty cell, and the plan knows each as one that cannot be sent."""
    import pandas as pd

    frame = pd.DataFrame({"글": pd.Series(["가", None, pd.NA, pd.NaT, float("nan")], dtype=object)})
    done = Batcher("blocking", MadeUp(), Server(lambda _: ok({"score": 0.5})))(
        "sentiment", frame, column="글", plan=True, journal=tmp_path / "일.journal"
    )
    assert done.values("status") == ["ok", *["failed"] * 4]
    assert done.plan is not None
    assert [why for _, why in done.plan.refused] == [
        "the cell in column 글 is empty. Fill it in, or leave the row out."
    ] * 4


@pytest.mark.parametrize("name", ["후기\0.csv", "\ud800.csv"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    """A NUL, and half a character, in a name are errors of the input, as a file that is missing is."""
    with pytest.raises(InputError, match="cannot read"):
        read_table(name)
