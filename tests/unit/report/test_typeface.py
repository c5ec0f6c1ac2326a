"""Texts in several fonts: what one font lacks comes from another, or is named, and never ends a run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from cloudai.report import MissingFontError, card, fonts
from cloudai.report.text_layout import rest_of, wrapped
from cloudai.report.typeface import readable, typeface


def ink(text: str, font: Path | None = None) -> bytes:
    """Return a text as it is drawn."""
    picture = Image.new("L", (600, 80))
    typeface(text, 40, font).draw(ImageDraw.Draw(picture), (5, 60), text, "#ffffff")  # type: ignore[arg-type]
    return picture.tobytes()


def test_one_font_for_what_it_has(latin: Path) -> None:
    """A text that one font has whole is drawn as that font draws it."""
    face = fonts.find_font("a tree", 40, latin)
    alone = Image.new("L", (600, 80))
    ImageDraw.Draw(alone).text((5, 60), "a tree", "#ffffff", face, "ls")
    assert ink("a tree", latin) == alone.tobytes()
    assert typeface("a tree", 40, latin).length("a tree") == face.getlength("a tree")


def test_another_font_for_what_it_lacks(installed: dict[str, str], nanum: Path, latin: Path) -> None:
    """A snowman that the Korean font lacks is drawn from an installed font, beside Hangul of the Korean one."""
    installed |= {"nanumgothic.ttf": str(nanum), "dejavusans.ttf": str(latin)}
    text = "눈사람 ☃ 나무"
    assert fonts.lacking(str(nanum), text, bold=False) == ["☃"]
    assert readable(text) == text
    face = typeface(text, 40)
    alone = fonts.face_of(str(nanum), 40)
    assert face.length(text) == pytest.approx(
        alone.getlength("눈사람 ") + fonts.face_of(str(latin), 40).getlength("☃") + alone.getlength(" 나무")
    )
    assert ink(text) != ink(text.replace("☃", " "))


def test_what_no_font_has_is_named(installed: dict[str, str], nanum: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An emoji that no font has is named in its place, and the log says so; letters are named by their script."""
    installed["nanumgothic.ttf"] = str(nanum)
    with caplog.at_level(logging.WARNING, "cloudai"):
        assert readable("웃음 😀!") == "웃음 [grinning face]!"
    assert "😀" in caplog.text
    assert readable("태국 ไทย") == "태국 [Thai]"
    assert readable("좋아 \U0001faff").startswith("좋아 [")
    with pytest.raises(MissingFontError):
        readable("태국 ไทย", strict=True)
    assert readable("웃음 😀", strict=True) == "웃음 [grinning face]"


def test_a_card_with_an_emoji(installed: dict[str, str], nanum: Path) -> None:
    """An emoji in a caption ends nothing, whatever fonts there are."""
    installed["nanumgothic.ttf"] = str(nanum)
    picture = Image.new("RGB", (90, 90), "teal")
    shown = card(picture, "웃음 😀\n둘째 줄", footnote="발 🦶", font=nanum)
    assert shown.tobytes() == card(picture, "웃음 [grinning face]\n둘째 줄", footnote="발 [foot]", font=nanum).tobytes()


def measure(text: str) -> float:
    """Return ten px for each letter."""
    return 10.0 * len(text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("첫 줄\n둘째 줄", ["첫 줄", "둘째 줄"]),
        ("한국어는 낱말에서 끊는다", ["한국어는", "낱말에서", "끊는다"]),
        ("日本語は文字で折り返す。", ["日本語は文字で", "折り返す。"]),
        ("日本語は文字だ。良い", ["日本語は文字", "だ。良い"]),
        ("彼は「こんにちは」と", ["彼は「こんにち", "は」と"]),
        ("他说你好朋友（很好）", ["他说你好朋友", "（很好）"]),
        ("ABCDEFGHIJ", ["ABCDEFG", "HIJ"]),
        ("", []),
    ],
    ids=["words", "breaks", "korean", "japanese", "full stop", "bracket", "opening", "too wide", "empty"],
)
def test_lines_end_where_the_language_lets_them(text: str, lines: list[str]) -> None:
    """Korean and English break at spaces, Japanese and Chinese between letters but never before a full stop."""
    assert wrapped(text, measure, 70) == lines


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("one  two three four  five", "four five"),
        ("가나 다라 마바 사아자차카타", "사아자차카타"),
        ("日本語は文字で書く言葉です、しかし長い", "しかし長い"),
        ("日本語\n文字で\n書く言葉", "書く言葉"),
        ("日本語\n文字\n書く\n言葉", "書く言葉"),
        ("https://example.org/사진", "e.org/사진"),
        ("one two", ""),
    ],
    ids=["words", "korean", "japanese", "breaks", "more breaks", "a word that was cut", "nothing"],
)
def test_what_does_not_fit_is_left_as_it_was_written(text: str, rest: str) -> None:
    """Behind the lines that fit comes the rest of the text: a word that was cut has no space in its middle."""
    assert rest_of(text, wrapped(text, measure, 70)[:2]) == rest
