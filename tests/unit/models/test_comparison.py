"""The differences between a transcript and what was said: error rates, and a page that shows them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cloudai import InputError, MissingExtraError, OutputError, Transcript


def test_word_and_character_errors() -> None:
    """Of four words one is wrong, one is missing and one is too many; case and punctuation are no errors."""
    found = Transcript(text="the quick brawn fox, jumped").compare("The Quick brown fox jumped over.")
    assert (found.words, found.substituted, found.deleted, found.inserted) == (6, 1, 1, 0)
    assert found.wer == pytest.approx(2 / 6)
    found = Transcript(text="하나 둘 더 셋").compare("하나 둘 셋")
    assert (found.inserted, found.wer) == (1, pytest.approx(1 / 3))
    assert found.cer == pytest.approx(2 / 6)  # "더 " in "하나 둘 셋"


def test_how_korean_is_spaced_is_no_error_without_blanks() -> None:
    """The same letters with other blanks have word errors, and no character errors without blanks."""
    found = Transcript(text="음성 인식을 해봅시다").compare("음성인식을 해 봅시다")
    assert found.wer > 0.5
    assert found.cer == pytest.approx(2 / 11)
    assert found.cer_without_blanks == 0
    # A Mac writes syllables in parts, which are the same letters.
    assert Transcript(text="한글").compare("한글").cer == 0


def test_a_long_transcript_is_aligned_where_words_are_repeated() -> None:
    """Of five thousand words with many alike, one that is missing is one error."""
    words = [f"단어{n % 7} 그리고" for n in range(2500)]
    found = Transcript(text=" ".join([*words[:1200], *words[1201:]])).compare(" ".join(words))
    assert (found.substituted, found.deleted, found.inserted) == (0, 2, 0)


def test_the_difference_is_a_page(tmp_path: Path) -> None:
    """The page shows what is missing and what is too much, loads nothing, and takes no markup from the texts."""
    found = Transcript(text="오늘은 <b>맑음</b> 입니다").compare("오늘은 흐림 입니다")
    path = tmp_path / "차이.html"
    page = found.to_html(path, title="강의 & 기록")
    assert path.read_text("utf-8") == page
    assert "<p>오늘은 <del>흐림</del> <ins>&lt;b&gt;맑음&lt;/b&gt;</ins> 입니다</p>" in page
    assert "<title>강의 &amp; 기록</title>" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "33.3%" in found._repr_html_()
    assert next(iter(found.table()))["substituted"] == 1
    assert "1 wrong" in str(found)


def test_a_reference_is_a_text_or_a_transcript(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two transcripts of a recording are compared too; an empty reference, and a missing package, are told."""
    assert Transcript(text="네").compare(Transcript(text="네.")).wer == 0
    with pytest.raises(InputError, match="no word"):
        Transcript(text="네").compare(" … ")
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(MissingExtraError, match=r"\[compare\]"):
        Transcript(text="네").compare("네")


def test_a_page_is_written_whatever_its_title_is(tmp_path: Path) -> None:
    """The name of a recording need not be UTF-8, and is the title of the page."""
    found = Transcript(text="안녕").compare("안녕")
    found.to_html(tmp_path / "x.html", title="\udcff.wav")
    assert "<title>\\udcff.wav</title>" in (tmp_path / "x.html").read_text("utf-8")
    with pytest.raises(OutputError, match=r"x\.html cannot be written"):
        found.to_html(tmp_path / "none" / "x.html")
