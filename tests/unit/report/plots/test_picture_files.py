"""Plots as PNG, SVG and PDF, with fonts that have Hangul."""

from __future__ import annotations

from pathlib import Path

import PIL.Image
import pytest

from cloudai.report import MissingFontError, plot

ROWS = [{"input": f"후보 {name}.jpg", "score": score} for name, score in (("가", 0.9), ("나", 0.0), ("다", -0.4))]


pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _hangul(monkeypatch: pytest.MonkeyPatch, nanum: Path) -> None:
    monkeypatch.setenv("CLOUDAI_FONT", str(nanum))


def _middle_of_a_bar(picture: PIL.Image.Image) -> int:
    """Return the column of pixels in the middle of the first bar."""
    y = picture.height // 2
    blue = [x for x in range(picture.width) if picture.getpixel((x, y)) == (11, 107, 203)]
    return blue[0] + 20


def test_a_png_shows_hangul_and_bars(tmp_path: Path) -> None:
    """The picture has the colour of the bars, and another title of Hangul gives other pixels, no rows of boxes."""
    files = [plot(ROWS, title=title).save(tmp_path / f"{n}.png") for n, title in enumerate(("표정 비교", "나이 비교"))]
    pictures = [PIL.Image.open(file).convert("RGB") for file in files]
    assert pictures[0].width == 1920
    colours = {colour: count for count, colour in pictures[0].getcolors(1 << 20) or []}
    assert colours[11, 107, 203] > 5000
    column = [
        pictures[0].getpixel((x, y)) == (11, 107, 203)
        for x in [_middle_of_a_bar(pictures[0])]
        for y in range(pictures[0].height)
    ]
    first, last = column.index(True), len(column) - 1 - column[::-1].index(True)
    assert last - first > 200
    assert all(column[first:last])  # no line of the grid goes over a bar
    titles = [picture.crop((0, 0, 300, 70)).tobytes() for picture in pictures]
    assert titles[0] != titles[1]


def test_svg_and_pdf_are_vectors_and_the_same_each_time(tmp_path: Path) -> None:
    """Both are written without a date, so that the same plot gives the same file."""
    for ending in ("svg", "pdf"):
        data = [plot(ROWS).save(tmp_path / f"{n}.{ending}").read_bytes() for n in (0, 1)]
        assert data[0] == data[1]
        assert data[0][:5] in (b"<?xml", b"%PDF-")


def test_an_emoji_is_named_and_a_dollar_is_no_formula(tmp_path: Path) -> None:
    """A symbol that no font has outlines of is named in brackets, and $ stays what it is."""
    rows = [{"input": "가격 $5 그리고 $6 😀", "score": 1}]
    assert plot(rows, title=r"값 $\nope$").save(tmp_path / "a.png").stat().st_size > 5000


def test_a_missing_font_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no font has Hangul, the error says what to install, and no file of boxes is written."""
    monkeypatch.delenv("CLOUDAI_FONT")
    with pytest.raises(MissingFontError, match="has no glyph for"):
        plot(ROWS).save(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_pdf_is_written_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What fontTools warns of tables of the font, which a PDF has no use for, is not shown to the user."""
    rows = [{"name": "서울", "score": 1}]
    assert plot(rows).save(tmp_path / "가.pdf").read_bytes().startswith(b"%PDF")
    assert caplog.messages == []
