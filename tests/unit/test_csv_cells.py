"""Cells of CSV: as the standard module cuts them, of any length, and with the delimiter that the file has."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudai import InputError, read_table
from cloudai.csv_cells import delimiter_of, rows_of


def theirs(text: str, delimiter: str) -> list[list[str]]:
    """Return the cells as the standard module cuts them."""
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False))


@settings(max_examples=400, deadline=None)
@given(text=st.text(alphabet='ab,;"\r\n\t |가\u2028\x0b\x0c\x85', max_size=40), delimiter=st.sampled_from(",;\t|"))
def test_the_same_as_the_standard_module(text: str, delimiter: str) -> None:
    """Whatever the text is, the cells are those of `csv`, unless a quote is never closed: then it is an error."""
    try:
        ours = list(rows_of(text, delimiter))
    except ValueError:
        with pytest.raises(csv.Error, match=r"unexpected end|expected after"):
            list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        return
    assert ours == theirs(text, delimiter)


def test_a_cell_of_any_length(tmp_path: Path) -> None:
    """A text of a megabyte is one cell, and the limit of the standard module, which other code relies on, stays."""
    path = tmp_path / "긴글.csv"
    long = "가나다 " * 250_000
    path.write_text(f'id,글\n1,{long}x\n2,"{long}\n""{long}"""\n', "utf-8")
    before = csv.field_size_limit()
    table = read_table(path)
    assert [row["글"] for row in table] == [f"{long}x", f'{long}\n"{long}"']
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("text", "columns", "first"),
    [
        ('"사진, 앞";"이름, 성"\r\na.jpg;K\r\n', ["사진, 앞", "이름, 성"], ["a.jpg", "K"]),
        ('"사진\n(파일)";이름\na.jpg;K\n', ["사진\n(파일)", "이름"], ["a.jpg", "K"]),
        ('"a\r\nb, c";"d"\r\n1;2\r\n', ["a\r\nb, c", "d"], ["1", "2"]),
        ("sep=;\r\n사진;이름\r\na.jpg;K\r\n", ["사진", "이름"], ["a.jpg", "K"]),
        ("\ufeffsep=\t\r\n사진\t이름, 성\r\na.jpg\tK\r\n", ["사진", "이름, 성"], ["a.jpg", "K"]),
        ('"sep=|"\n사진|이름\na.jpg|K\n', ["사진", "이름"], ["a.jpg", "K"]),
        ("이름;점수 (0,5)\nK;1\nL;2\n", ["이름", "점수 (0,5)"], ["K", "1"]),
        ("사진|이름\na.jpg|K, L\n", ["사진", "이름"], ["a.jpg", "K, L"]),
        ("후기\n좋아요; 정말, 좋아요\n", ["후기"], ["좋아요; 정말, 좋아요"]),
        ("separator,b\n1,2\n", ["separator", "b"], ["1", "2"]),
        ("이름,글\rK,좋아요\r", ["이름", "글"], ["K", "좋아요"]),
        ("이름,글\nK,한 줄\u2028두 줄\x0b\x0c\x85끝\n", ["이름", "글"], ["K", "한 줄\u2028두 줄\x0b\x0c\x85끝"]),
        ('이름,글\nK,"그는 ""네"" 했다"\n', ["이름", "글"], ["K", '그는 "네" 했다']),
        ('크기,글\n5" 관,x\n', ["크기", "글"], ['5" 관', "x"]),
    ],
)
def test_delimiters_headings_and_line_ends(tmp_path: Path, text: str, columns: list[str], first: list[str]) -> None:
    """The delimiter is found beside quotes, Excel's own line is obeyed, and lines end at CR, LF or CRLF only."""
    path = tmp_path / "표.csv"
    path.write_bytes(text.encode())
    table = read_table(path)
    assert table.columns == columns
    assert list(table.rows[0].values()) == first


def test_the_line_sep_counts_in_a_tsv_too(tmp_path: Path) -> None:
    """A file that is called .tsv and says "sep=;" has semicolons."""
    (tmp_path / "표.tsv").write_text("sep=;\na;b\n1;2\n")
    assert read_table(tmp_path / "표.tsv").columns == ["a", "b"]
    assert delimiter_of("a,b\tc\n", "\t") == ("a,b\tc\n", "\t")


def test_a_quote_that_is_never_closed_is_told(tmp_path: Path) -> None:
    """The rest of the file would become one cell, and be paid for: the line is named instead."""
    path = tmp_path / "표.csv"
    path.write_text('id,글\n1,"좋아요"\n2,"별로\n3,괜찮아요\n', "utf-8")
    with pytest.raises(InputError, match=r"표\.csv: the quote in line 3 is never closed\. Close the quote"):
        read_table(path)


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        ("a,column 3", ["a", "column 3", "column 3 (3)"]),
        ("column 2,,a", ["column 2", "column 2 (2)", "a"]),
        ("a,a,a (2)", ["a", "a (2) (2)", "a (2)"]),
        ("글,글,글", ["글", "글 (2)", "글 (3)"]),
    ],
)
def test_no_two_columns_have_one_name(tmp_path: Path, heading: str, columns: list[str]) -> None:
    """A name that is made up gives way to a heading that is there, and every value is kept."""
    (tmp_path / "표.csv").write_text(f"{heading}\n1,2,3\n", "utf-8")
    table = read_table(tmp_path / "표.csv")
    assert table.columns == columns
    assert list(table.rows[0].values()) == ["1", "2", "3"]


def test_the_encoding_can_be_named(tmp_path: Path) -> None:
    """`encoding=` reads a table whose encoding is not certain."""
    (tmp_path / "표.csv").write_bytes("照片,评论\na.jpg,味道很好\n".encode("gbk"))
    with pytest.raises(InputError, match="encoding"):
        read_table(tmp_path / "표.csv")
    assert read_table(tmp_path / "표.csv", encoding="gb18030").rows[0]["评论"] == "味道很好"
