"""Text made safe to show, set in lines, and made into file names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudai.errors import InputError
from cloudai.report import safe_name
from cloudai.report.text_layout import balanced, shortened, wrapped
from cloudai.text import drawable, letters, plain

WORDS = st.lists(st.text("가나다 abc é", min_size=1, max_size=12), max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("a\x00b\x1b[31m\x9dc", "a b [31m c"),
        ("pay \u202egpj.exe\u2066 \u200f\u061cnow", "pay gpj.exe now"),
        ("two\nlines\u2028and\u2029more\t\t end ", "two lines and more end"),
        ("half \ud800 a pair", "half a pair"),
        ("soft\u00adhyphen \ufeff\U000e0041tag", "softhyphen tag"),
        (unicodedata.normalize("NFD", "한글 é"), "한글 é"),
    ],
)
def test_plain(given_text: str, shown: str) -> None:
    """Control, bidi and invisible characters go, line breaks are spaces, letters are composed."""
    assert plain(given_text) == shown


def test_joiners() -> None:
    """A page keeps the joiners that emoji and Persian need; a drawing has no glyph for them."""
    assert plain("👩\u200d🚀") == "👩\u200d🚀"
    assert drawable("👩\u200d🚀 ❤\ufe0f") == "👩🚀 ❤"


def test_letters() -> None:
    """A mark stays with its letter."""
    assert letters("x\u0323\u0302y") == ["x\u0323\u0302", "y"]


def test_wrapped_at_spaces() -> None:
    """Lines break at spaces, in Korean too, and inside a word only where it is too wide alone."""
    assert wrapped("나무 탁자 위에 놓인 커피", len, 6) == ["나무 탁자", "위에 놓인", "커피"]
    assert wrapped("a extraordinarily b", len, 6) == ["a", "extrao", "rdinar", "ily b"]
    assert wrapped("", len, 6) == []
    assert wrapped("red · navy · blue", len, 10) == ["red ·", "navy ·", "blue"], "no line begins with a dot"


@pytest.mark.long
@given(WORDS, st.integers(1, 30))
def test_wrapped_fits(text: str, width: int) -> None:
    """No line is too wide, and nothing is lost or added but spaces."""
    lines = wrapped(text, len, width)
    assert all(0 < len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.long
@given(WORDS, st.integers(1, 30))
def test_balanced_fits(text: str, width: int) -> None:
    """Evening out needs no more lines, makes none too wide and loses nothing."""
    lines = balanced(text, len, width)
    assert len(lines) == len(wrapped(text, len, width))
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_balanced_leaves_no_orphan() -> None:
    """The last line is no word alone where two even lines are possible."""
    text = "one two three four five six"
    assert wrapped(text, len, 24) == ["one two three four five", "six"]
    assert balanced(text, len, 24) == ["one two three", "four five six"]


@pytest.mark.long
@given(WORDS, st.integers(2, 30))
def test_shortened(text: str, width: int) -> None:
    """A shortened text is a beginning of the text, and with its mark it is not too wide."""
    short = shortened(text, len, width)
    assert len(short) <= width
    assert short.endswith("…")
    assert text.startswith(short[:-1])


@pytest.mark.parametrize(
    ("item", "stem", "suffix", "name"),
    [
        (1, "홍길동", ".jpg", "0001-홍길동.jpg"),
        (0, unicodedata.normalize("NFD", "홍길동"), "png", "0000-홍길동.png"),
        (12345, "a", ".jpg", "12345-a.jpg"),
        (2, "../../etc/passwd", ".jpg", "0002-_.._etc_passwd.jpg"),
        (3, 'a<b>:"c|d?*\\e', ".jpg", "0003-a_b_c_d_e.jpg"),
        (4, "ends in dots. . .", ".jpg", "0004-ends in dots.jpg"),
        (5, "", ".jpg", "0005.jpg"),
        (6, "\x00\u202e...", "", "0006"),
        (7, "CON", ".jpg", "0007-CON.jpg"),
        (8, "a", "./../x", "0008-a._.._x"),
        (9, "a\nb", ".tar.gz", "0009-a b.tar.gz"),
    ],
)
def test_safe_name(item: int, stem: str, suffix: str, name: str) -> None:
    """The number, the cleaned stem, the suffix; never a path, never empty."""
    assert safe_name(item, stem, suffix) == name


@pytest.mark.long
@given(st.integers(0, 10**9), st.text(max_size=400), st.text(max_size=40))
def test_safe_name_any(item: int, stem: str, suffix: str) -> None:
    """Any text becomes a name that every system accepts."""
    name = safe_name(item, stem, suffix)
    assert 0 < len(name.encode()) <= 240
    assert not set(name) & set('<>:"/\\|?*')
    assert not {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not name.endswith((".", " "))
    assert name.startswith(f"{item:04d}")


def test_long_name_is_cut_between_letters() -> None:
    """A long Korean name is cut to 240 bytes, between letters, and keeps its suffix."""
    name = safe_name(1, "가" * 200, ".jpg")
    assert name == f"0001-{'가' * 77}.jpg"  # 5 + 77 × 3 + 4 = 240
    letter = "x\u0323\u0302"  # five bytes, the marks four of them
    assert safe_name(1, letter * 60, ".jpg") == f"0001-{letter * 46}.jpg"


def test_negative_item() -> None:
    """An item is counted from 0."""
    with pytest.raises(InputError):
        safe_name(-1, "a", ".jpg")
