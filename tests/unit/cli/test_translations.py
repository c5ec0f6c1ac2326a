"""The texts of the command in Korean, and its English for those who do not write Python."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudai import Local, UnsupportedOperationError
from cloudai.cli import main
from cloudai.cli.languages import chosen_language, texts_of
from cloudai.cli.parser import parser_of_command
from cloudai.wording import HOLE, catalog, of_system, say, translated, using
from tests.support.paths import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import texts_of_command

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
OF_OTHERS = {"--voices"}
"""Flags of other programs that the texts name."""


@pytest.mark.long
def test_every_text_is_there_in_korean() -> None:
    """No text lacks its translation; ``tools/texts_of_command.py ko --write`` adds those that do, to be filled in."""
    assert texts_of_command.missing("ko") == {}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_translation_fills_in_what_its_source_does(language: str) -> None:
    """A translation has no place to fill in that its source has not, and a text of ours has all of them."""
    for source, said in catalog(language).items():
        places, known = set(HOLE.findall(said)), set(HOLE.findall(source))
        assert places <= known, source
        if any(not name.isdigit() for name in known):
            assert places == known, source
        for form in (r"%\(\w+\)[sr]", r"%[sr]"):
            assert sorted(re.findall(form, said)) == sorted(re.findall(form, source)), source


@pytest.mark.long
def test_the_texts_name_only_flags_that_there_are() -> None:
    """Each flag in a text of the command is one of its own."""
    flags = {option for parser in parsers() for action in parser._actions for option in action.option_strings}
    texts = [*catalog("ko").values(), *catalog("en").values(), *(t for t in texts_of_command.sources() if "--" in t)]
    named = {flag for text in texts for flag in FLAG.findall(text)}
    assert named - flags - OF_OTHERS == set()


def parsers(parser: Any = None) -> list[Any]:
    """Return the parser of the command, and those of its subcommands, and of theirs."""
    parser = parser or parser_of_command()
    inner = [each for action in parser._actions if isinstance(action.choices, dict) for each in action.choices.values()]
    return [parser, *(each for command in inner for each in parsers(command))]


def test_options_offer_words() -> None:
    """No option offers the letters of a word in the place of words, as a text does that stands where a list belongs."""
    offered = {
        (parser.prog, choice)
        for parser in parsers()
        for action in parser._actions
        if not isinstance(action.choices, dict)
        for choice in action.choices or ()
    }
    assert {(program, choice) for program, choice in offered if len(str(choice)) < 2} == set()


def test_the_catalogs_speak_of_flags_and_not_of_arguments() -> None:
    """No text that the command prints names an argument of Python, or a call."""
    spoken = [*catalog("en").values(), *(said for source, said in catalog("ko").items() if source in catalog("en"))]
    told = [text for text in spoken if texts_of_command.OF_PYTHON.search(text)]
    assert told == []


@pytest.mark.long
def test_a_text_for_python_is_said_in_words_of_the_command_or_met_by_no_command() -> None:
    """An error that names an argument or a call has words of the command, or is in the list of those for Python."""
    assert texts_of_command.without_words() == []
    assert texts_of_command.for_python() <= set(texts_of_command.sources()), "the list holds texts that are gone"


def test_an_error_of_the_library_is_said_in_both_languages() -> None:
    """Message and advice are recognised in a finished error, with what is filled in, and behind a provider's name."""
    with pytest.raises(UnsupportedOperationError) as caught:
        from cloudai import Client

        Client(Local()).analyze_image(b"x", features=["caption"])
    error = str(caught.value)
    assert "missing=" in error
    assert translated(error) == error, "outside of the command the library speaks English"
    with using("en"):
        assert translated(error) == (
            "local: no caption on this machine. It has: colors, faces. "
            "--missing report goes on without; azure and google have more."
        )
    with using("ko"):
        assert translated(error) == (
            "local: 이 컴퓨터에는 caption이(가) 없습니다. 있는 것: colors, faces. "
            "--missing report를 붙이면 없는 대로 합니다. azure와 google에는 더 있습니다."
        )
        assert translated("사진.jpg: there is no file 사진. Check the path.") == (
            "사진.jpg: 사진이라는 파일이 없습니다. 경로를 확인하세요."
        )
        assert translated("a text that nobody knows") == "a text that nobody knows"


@pytest.mark.parametrize(
    ("arguments", "english", "korean"),
    [
        (["plot", "표.csv"], "certain: it may be", "표.csv은(는) UTF-8이 아니고, 인코딩이 확실하지 않습니다."),
        (["plot", "표.csv", "--encoding", "foo"], "Name one such as cp949.", "'foo'(이)라는 인코딩은 없습니다."),
        (["sentiment", "hi", "--language", "ㅋ"], "--language 'ㅋ' is no code", "--language 'ㅋ'은(는) 언어 코드가"),
        (["translate", "hi", "--to", "한국"], "--to has '한국', which is no code", "--to에 언어 코드가 아닌 '한국'이"),
        (["faces", "a.jpg", "--price", "-1"], "--price -1.0. Give USD for 1,000 units.\n", "--price -1.0"),
    ],
)
def test_what_a_user_has_given_is_told_in_words_of_the_command(
    arguments: list[str],
    english: str,
    korean: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Errors of options and encodings name flags, in the language of the user, and no argument of Python."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOOGLE_API_KEY", "not-a-real-key-1234")
    (tmp_path / "표.csv").write_bytes(b"a,b\n\xff\xfe\x81,1\n")
    for language, told in (("en", english), ("ko", korean)):
        assert main([*arguments, "--lang", language]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert not texts_of_command.OF_PYTHON.search(error)


def test_particles_fit_the_syllable_before_them() -> None:
    """Behind a final consonant, a vowel, ㄹ, a digit and a Latin letter."""
    with using("ko"):
        assert translated("사진 is empty") == "사진은 비어 있습니다"
        assert translated("표 is empty") == "표는 비어 있습니다"
        assert translated("3 is empty") == "3은 비어 있습니다"
        assert translated("a.jpg is empty") == "a.jpg은(는) 비어 있습니다"
        assert say("{x}(이)라는", x="사진") == "사진이라는"
        assert say("{x}(이)라는", x="표") == "표라는"
        assert say("{x}(이)라는", x="a.jpg") == "a.jpg(이)라는"
        assert translated("x.txt: read as 글") == "x.txt: 글로 읽었습니다"


def test_the_language_is_chosen_by_flag_variable_and_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag counts before CLOUDAI_LANG, that before the system's language, and anything unknown is English."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert of_system() == "ko"
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert of_system() == "en"
    monkeypatch.setenv("CLOUDAI_LANG", "ko")
    assert chosen_language(["faces", "x.jpg"]) == (["faces", "x.jpg"], "ko")
    assert chosen_language(["--lang", "en", "faces", "x.jpg"]) == (["faces", "x.jpg"], "en")
    assert chosen_language(["faces", "--lang=en", "x.jpg"]) == (["faces", "x.jpg"], "en")
    assert chosen_language(["sentiment", "--", "--lang", "en"]) == (["sentiment", "--", "--lang", "en"], "ko")
    monkeypatch.delenv("LANG")
    monkeypatch.delenv("CLOUDAI_LANG")
    monkeypatch.setattr("locale.getlocale", lambda: ("Korean_Korea", "949"))
    assert of_system() == "ko", "Windows has no variable for it"


def test_the_help_is_translated_as_a_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """No text of the parser is left in English, and the words of argparse are not either."""
    with using("ko"):
        texts = list(texts_of(parser_of_command()))
    assert {text for text in texts if text in catalog("ko") and catalog("ko")[text] != text} == set()
    with pytest.raises(SystemExit):
        main(["faces", "--lang", "ko", "--help"])
    assert capsys.readouterr().out.startswith("사용법: cloudai faces")
    with pytest.raises(SystemExit):
        main(["faces", "--lang", "fr", "x.jpg"])
    assert "invalid choice: 'fr'" in capsys.readouterr().err


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Bare ``cloudai`` prints what it can do, in the language that is chosen, and is no error."""
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: cloudai")
    assert main(["--lang", "ko"]) == 0
    assert capsys.readouterr().out.startswith("사용법: cloudai")


def test_words_are_filled_in() -> None:
    """A text is filled in after it was translated, so that its order may differ."""
    with using("ko"):
        assert say("{things} {inputs}", things="얼굴 2개", inputs="사진 3장에서") == "사진 3장에서 얼굴 2개"
