"""Tables: alignment, files for Excel, exact text, many inputs."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudai import InputError, Outcome, OutputError, Sentiment, SettingsError, Table, UnsupportedOperationError, tidy
from cloudai.models.base import Box, Meta
from cloudai.models.face import Face, Faces
from cloudai.table_files import METHODS
from cloudai.table_layout import text_width

KOREAN = [{"이름": "홍길동", "score": 0.5}, {"이름": "=1+1", "score": -0.25}]


def test_columns_line_up_under_hangul() -> None:
    """Hangul takes two columns of a terminal, and the numbers still stand under each other."""
    first, second, *rest = str(Table(KOREAN)).splitlines()
    assert [first, second] == ["이름    score", "------  -----"]
    assert rest == ["홍길동    0.5", "=1+1    -0.25"]


def test_a_file_is_for_excel() -> None:
    """By default a file has a byte order mark, CRLF, and no cell that a spreadsheet would run."""
    table = Table([{"a": "=HYPERLINK(1)", "b": "+82-10", "c": "＝x", "d": -1.5, "e": None}])
    text = table.to_csv(excel=True)
    assert text == "a,b,c,d,e\r\n'=HYPERLINK(1),'+82-10,'＝x,-1.5,\r\n"


def test_a_file_has_a_byte_order_mark_and_text_is_exact(tmp_path: Path) -> None:
    """Excel sees UTF-8; excel=False and the returned text are exactly what is in the table."""
    path = tmp_path / "표.csv"
    Table(KOREAN).to_csv(path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf" + "이름".encode())
    Table(KOREAN).to_csv(path, excel=False)
    assert list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))[1] == {"이름": "=1+1", "score": "-0.25"}
    assert Table(KOREAN).to_csv() == "이름,score\n홍길동,0.5\n=1+1,-0.25\n"


def test_jsonl_is_lossless(tmp_path: Path) -> None:
    """One object a line, Korean readable, None kept."""
    path = tmp_path / "표.jsonl"
    Table([*KOREAN, {"이름": None}]).to_jsonl(path)
    lines = path.read_text("utf-8").splitlines()
    assert "홍길동" in lines[0]
    assert json.loads(lines[2]) == {"이름": None, "score": None}


def test_text_of_pictures_does_not_steer_a_terminal() -> None:
    """Escape sequences and marks that turn the direction of text are not printed."""
    shown = str(Table([{"text": "\x1b[31mred\x1b]0;title\x07 \u202eabc"}]))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_html_is_escaped() -> None:
    """A notebook shows a tag as text."""
    shown = Table([{"<b>": "<script>alert(1)</script>"}])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;b&gt;" in shown


def test_long_cells_are_cut_and_said_so() -> None:
    """A long text ends in an ellipsis, and the table stays narrow."""
    assert all(len(line) <= 60 for line in str(Table([{"text": "가나다라" * 50}])).splitlines())
    assert "…" in str(Table([{"text": "가나다라" * 50}]))


@pytest.mark.long
def test_pandas_and_polars_get_the_same_values(tmp_path: Path) -> None:
    """Both data frames hold the rows in the table's order, and Parquet reads back."""
    import polars as pl

    assert Table(KOREAN).to_pandas()["score"].tolist() == [0.5, -0.25]
    assert Table(KOREAN).to_polars()["이름"].to_list() == ["홍길동", "=1+1"]
    Table(KOREAN).to_parquet(tmp_path / "t.parquet")
    assert pl.read_parquet(tmp_path / "t.parquet")["score"].to_list() == [0.5, -0.25]


def test_no_input_vanishes() -> None:
    """Found, nothing found, unsupported and failed: each input has a row that says so."""
    meta = Meta(provider="local", method="local", image_size=(9, 8))
    face = Face(box=Box(x=1, y=2, width=3, height=4, image_size=(9, 8)))
    table = tidy(
        [
            Outcome(0, "둘.jpg", result=Faces(faces=(face, face), meta=meta)),
            Outcome(1, "없음.jpg", result=Faces(meta=meta)),
            Outcome(2, "b.mp3", error=UnsupportedOperationError("no")),
            Outcome(3, "c.txt", error=InputError("not an image")),
        ]
    )
    assert [(row["item"], row["input"], row["status"]) for row in table] == [
        (0, "둘.jpg", "ok"),
        (0, "둘.jpg", "ok"),
        (1, "없음.jpg", "none_found"),
        (2, "b.mp3", "unsupported"),
        (3, "c.txt", "failed"),
    ]
    assert table.rows[2]["n_faces"] == 0
    assert (table.rows[2]["image_width"], table.rows[2]["image_height"]) == (9, 8)
    assert table.rows[4]["error"] == "not an image"


def test_results_are_compared_by_their_values() -> None:
    """meta and raw are left out of equality, of repr and of model_dump."""
    one = Sentiment(score=0.5, meta=Meta(provider="a"), raw={"x": 1})
    assert one == Sentiment(score=0.5, meta=Meta(provider="b"))
    assert one != Sentiment(score=0.4)
    assert "meta" not in one.model_dump()
    assert "raw" not in repr(one)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "3", None, True])
def test_a_number_of_a_result_is_a_finite_number(value: object) -> None:
    """NaN, infinity, and what only looks like a number are refused, whatever reply they come from."""
    with pytest.raises(ValueError, match="1 validation error"):
        Box(x=value, y=2, width=3, height=4)  # type: ignore[arg-type]


def test_an_empty_result_is_true() -> None:
    """No faces is an answer, not a failure: `if faces` does not mistake one for the other."""
    assert Faces()
    assert len(Faces()) == 0


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["cp949", "ascii"])
def test_printing_never_fails_on_a_console_of_another_code_page(encoding: str) -> None:
    """The command shows what the console can, and does not stop over what it cannot."""
    done = subprocess.run(
        [sys.executable, "-m", "cloudai", "sentiment", "good ☃ 😀 좋아요", "--language", "en", "--json"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")


HALF = [{"사진": "사진\udcff.jpg", "score": 0.5, "열\udcfe": ["\ud800"]}]


def test_halves_of_surrogate_pairs_are_written_as_their_escape(tmp_path: Path) -> None:
    """Names of files that are no UTF-8 have no bytes in a file of ours: every output holds their escape."""
    table, path = Table(HALF), tmp_path / "표"
    for excel in (True, False):
        assert table.to_csv(path, excel=excel).encode() in path.read_bytes()
        assert r"사진\udcff.jpg" in path.read_text("utf-8")
    table.to_jsonl(path)
    assert json.loads(path.read_text("utf-8")) == HALF[0]  # an escape of JSON too: nothing is lost
    assert r"사진\udcff.jpg" in str(table).encode().decode()
    assert r"사진\udcff.jpg" in table._repr_html_().encode().decode()


@pytest.mark.long
def test_halves_of_surrogate_pairs_in_data_frames(tmp_path: Path) -> None:
    """The same in pandas, polars and Parquet, nested values too."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    table, path = Table(HALF), tmp_path / "표.parquet"
    expected = [{"사진": r"사진\udcff.jpg", "score": 0.5, r"열\udcfe": [r"\ud800"]}]
    table.to_parquet(path)
    for frame in (table.to_polars(), polars.read_parquet(path)):
        assert frame.to_dicts() == expected
    frame = table.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.to_dict("records") == expected


def test_a_part_of_a_table_keeps_its_folder(tmp_path: Path) -> None:
    """Relative paths in the columns that are chosen still begin at the folder of the file."""
    table = Table([{"사진": "a.png", "이름": None}])
    table.folder = tmp_path
    assert table.select("사진").folder == tmp_path
    assert table.filled().folder == tmp_path
    assert table.filled().columns == ["사진"]


def test_a_table_is_filtered_sorted_indexed_and_shortened() -> None:
    """Each of them gives a table, or the values of a column; empty cells come last, whichever way it is sorted."""
    table = Table([{"이름": "나", "score": 0.5}, {"이름": "가", "score": None}, {"이름": "다", "score": 0.9}])
    assert table["score"] == [0.5, None, 0.9]
    assert table[0] == {"이름": "나", "score": 0.5}
    assert table[1:]["이름"] == ["가", "다"]
    assert table.head(1)["이름"] == ["나"]
    assert table.sort("이름")["이름"] == ["가", "나", "다"]
    assert table.sort("score")["score"] == [0.5, 0.9, None]
    assert table.sort("score", reverse=True)["score"] == [0.9, 0.5, None]
    assert table.filter(lambda row: row["score"], 이름="다")["score"] == [0.9]
    with pytest.raises(KeyError, match="no column 점수; there are 이름, score"):
        table["점수"]


def test_a_column_that_is_not_there_is_never_silent() -> None:
    """A misspelt column, a column of mixed values and an odd index get an error that says what to do."""
    table = Table([{"이름": "나", "score": 0.5, "x": 1}, {"이름": "가", "score": None, "x": "one"}])
    for call in (lambda: table.sort("scores"), lambda: table.filter(scores=1), lambda: table.select("scores")):
        with pytest.raises(KeyError, match=r"no column scores; there are 이름, score, x\. Did you mean score"):
            call()
    with pytest.raises(SettingsError, match=r"x holds int and str, which have no order\. Sort by another"):
        table.sort("x")
    odd: Any = ["score"]
    for call in (lambda: table.sort(odd), lambda: table.select(odd)):
        with pytest.raises(SettingsError, match="Give names"):
            call()
    number: Any = 1.5
    with pytest.raises(SettingsError, match="no column and no row"):
        table[number]
    assert len(Table([]).filter(status="ok").sort("score")) == 0, "an empty table has nothing to be misspelt"


@pytest.mark.parametrize(
    ("method", "name", "advice"),
    [
        ("to_csv", "표.xlsx", r"Use to_xlsx\(\)"),
        ("to_csv", "표.XLS", "Give a name with .csv"),
        ("to_csv", ".xlsx", r"Use to_xlsx\(\)"),
        ("to_xlsx", "표.csv", r"Use to_csv\(\)"),
        ("to_xlsx", "표", "Give a name with .xlsx"),
        ("to_jsonl", "표.json", "Give a name with .jsonl or .ndjson"),
        ("to_parquet", "표.jsonl", r"Use to_jsonl\(\)"),
    ],
)
def test_a_file_is_what_its_name_says(method: str, name: str, advice: str, tmp_path: Path) -> None:
    """No table is written to a file whose name promises another kind, and the file is not made."""
    with pytest.raises(InputError, match=advice):
        getattr(Table([{"이름": "나"}]), method)(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_table_fits_a_window() -> None:
    """What is alike in all rows goes first, then the columns at the right; Hangul takes two columns."""
    rows = [{"item": n, "input": "홍길동.jpg", "provider": "azure", "x": 1.0, "note": "가" * 60} for n in range(2)]
    shown, left_out = Table(rows).fit(40)
    assert left_out == ["provider", "note"]
    for width in (30, 40, 60, 200):
        shown, left_out = Table(rows).fit(width)
        assert max(text_width(line) for line in str(shown).splitlines()) <= width
        assert set(shown.columns) | set(left_out) == set(rows[0])


def test_a_workbook_holds_texts_as_texts(tmp_path: Path) -> None:
    """A formula stays a text, a number a number, Korean is readable, and pixels have one decimal."""
    import zipfile

    table = Table([{"이름": "=1+1", "x": 1.26, "n": 3, "주소": "https://example.com"}], units={"x": "px"})
    table.to_xlsx(tmp_path / "표.xlsx")
    with zipfile.ZipFile(tmp_path / "표.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert "<v>1.3</v>" in sheet
    assert "=1+1" in texts
    assert "이름" in texts


def test_a_column_of_no_values_has_its_type() -> None:
    """What a vendor does not give is a column of missing numbers, not of nothing; an odd value is never lost."""
    table = Table(
        [{"a": None, "b": 1, "c": "x"}, {"a": None, "b": None, "c": 2}], types={"a": float, "b": int, "c": int}
    )
    frame = table.to_polars()
    assert list(map(str, frame.dtypes)) == ["Float64", "Int64", "String"]
    assert frame["c"].to_list() == ["x", "2"]
    assert [str(dtype) for dtype in table.to_pandas().dtypes] == ["float64", "Int64", "object"]


BIG = 2**70


def test_data_frames_keep_whole_numbers_of_more_than_64_bits(tmp_path: Path) -> None:
    """Digests and identifiers are such numbers: they are neither lost nor an error, in a file either."""
    table = Table([{"id": BIG}, {"id": None}], types={"id": int})
    assert table.to_pandas()["id"][0] == BIG
    assert table.to_polars()["id"].to_list() == [BIG, None]
    table.to_parquet(tmp_path / "ids.parquet")
    assert (tmp_path / "ids.parquet").stat().st_size


def test_parquet_has_paths_as_texts(tmp_path: Path) -> None:
    """Rows of a user hold paths, for which neither polars nor Parquet has a type."""
    table = Table([{"input": Path("사진/나무.jpg")}, {"input": None}])
    assert table.to_polars()["input"].to_list() == ["사진/나무.jpg", None]
    table.to_parquet(tmp_path / "paths.parquet")
    assert (tmp_path / "paths.parquet").stat().st_size


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_a_text(number: float) -> None:
    """A data frame has NaN where a cell is empty, and readers of JSON refuse the word."""
    assert json.loads(Table([{"a": number, "b": [number]}]).to_jsonl()) == {"a": str(number), "b": [str(number)]}


def test_a_sheet_has_every_row_or_is_not_written(tmp_path: Path) -> None:
    """XlsxWriter leaves out the rows that have no place, and says nothing."""
    table = Table([{"a": 1}] * 1_048_576)
    with pytest.raises(InputError, match=r"1,048,576 rows of 1 columns are more than a sheet of Excel has"):
        table.to_xlsx(tmp_path / "x.xlsx")
    assert not (tmp_path / "x.xlsx").exists()


def test_a_workbook_has_every_digit_of_a_number(tmp_path: Path) -> None:
    """Excel rounds a number of more than 15 digits, and cannot hold one of 400."""
    numbers = [123_456_789_012_345, 1_234_567_890_123_456_789, 10**400]
    Table([{"id": number} for number in numbers]).to_xlsx(tmp_path / "x.xlsx")
    with zipfile.ZipFile(tmp_path / "x.xlsx") as book:
        sheet, texts = (book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "sharedStrings"))
    assert f"<v>{numbers[0]}</v>" in sheet
    assert all(f"<t>{number}</t>" in texts for number in numbers[1:])


@pytest.mark.parametrize("name", ["x.csv", "x.xlsx", "x.jsonl", "x.parquet"])
@pytest.mark.parametrize("folder", ["none", "\0"])
def test_a_file_that_cannot_be_written(name: str, folder: str, tmp_path: Path) -> None:
    """It is cloudai's own error, which names the file; those of the system are its cause."""
    path = tmp_path / folder / name
    with pytest.raises(OutputError, match=r"x\.\w+ cannot be written") as caught:
        getattr(Table([{"a": 1}]), METHODS[path.suffix])(path)
    assert caught.value.strerror == getattr(caught.value.__cause__, "strerror", str(caught.value.__cause__))


def test_a_cell_has_at_least_one_column_of_the_terminal() -> None:
    """A width of 0 cuts to the sign for what is cut, and printing comes to an end."""
    assert str(Table([{"이름": "나무"}], widest_cell=0)).split() == ["…", "-", "…"]


@pytest.mark.parametrize("value", [Path("=1+1.jpg"), Path("-x.jpg"), ["a", ";=1"]])
def test_what_is_no_text_is_guarded_as_the_text_that_is_written(value: Any) -> None:
    """Rows of a user hold paths, and the name of a file may begin like a formula."""
    (_, cell) = next(csv.reader(io.StringIO(Table([{"a": 1, "b": value}]).to_csv(excel=True).splitlines()[1])))
    assert "'=" in cell or cell.startswith("'")


def test_numbers_of_other_packages_are_numbers_in_a_file() -> None:
    """A negative number begins like a formula, and is none, also where it is one of numpy."""
    assert (
        Table([{"a": np.int64(-5), "b": np.float64(-0.5), "c": -1}]).to_csv(excel=True).splitlines()[1] == "-5,-0.5,-1"
    )


def test_nan_is_sorted_as_an_empty_cell() -> None:
    """It is neither less nor greater than any number, and would leave the others unsorted."""
    values = [1.0, math.nan, 0.5, None, 0.75]
    assert Table([{"a": value} for value in values]).sort("a")["a"][:3] == [0.5, 0.75, 1.0]
    assert Table([{"a": value} for value in values]).sort("a", reverse=True)["a"][:3] == [1.0, 0.75, 0.5]
