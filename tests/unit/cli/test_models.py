"""`cloudai models`, and what `cloudai providers local` says of languages and of what can be installed."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from cloudai import Client, Local, SettingsError
from cloudai.cli import main
from cloudai.cli.demo import sample_photos
from cloudai.providers.local import models, ocr

AGES = models.AGES
HOPPER = dict(sample_photos())["Grace Hopper"]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the models that are installed in the test; nothing is fetched."""
    names: list[str] = []

    def install(model: models.OptionalModel) -> Path:
        names.append(model.name)
        return models.where(model)

    monkeypatch.setattr("cloudai.providers.local.models.install", install)
    return names


def test_models_are_listed_with_licence_size_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    """What is to be known before an installation, and the command for it."""
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    for text in (AGES.licence, AGES.source, AGES.requirement, "10.8 MB", "17.1 MB", "a baseline model's guess"):
        assert text in told
    assert "installed: no; cloudai models install ages" in told


def test_models_of_speech_are_to_be_had_elsewhere(
    installed: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they are, which packages read them, what is set now; none is installed, and nothing is fetched."""
    monkeypatch.setenv("CLOUDAI_SPEECH_MODEL", "/tmp/모델")  # noqa: S108  # nothing is written there
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    for text in ("alphacephei.com/vosk/models", "huggingface.co/Systran", "pip install pocketsphinx", "its licence"):
        assert text in told
    assert "set now: /tmp/모델 (CLOUDAI_SPEECH_MODEL is no folder that is there" in told
    assert main(["models", "install", "speech", "--yes"]) == 1
    assert "installs and removes no model of speech" in capsys.readouterr().err
    assert installed == []


def test_scripts_install_without_a_question(installed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With --yes the licence, the size and the source are shown, and the model is installed."""
    assert main(["models", "install", "ages", "--yes"]) == 0
    assert installed == ["ages"]
    told = capsys.readouterr().out
    assert told.index(AGES.licence) < told.index("wrote ")


class Terminal(io.StringIO):
    """A terminal at which somebody answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "is_installed"),
    [("y\n", True), ("네\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)],
)
def test_a_person_is_asked(
    installed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    is_installed: bool,
) -> None:
    """Only a yes installs, in English or in Korean; nothing else, and no end of the input."""
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main(["models", "install", "ages"]) == (0 if is_installed else 1)
    assert installed == ["ages"] * is_installed
    assert AGES.licence in capsys.readouterr().out


@pytest.mark.parametrize("given", [io.StringIO("y\n"), None])
def test_without_a_terminal_nothing_is_installed(
    installed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: io.StringIO | None
) -> None:
    """What a program pipes in is no consent: --yes is."""
    monkeypatch.setattr("sys.stdin", given)
    assert main(["models", "install", "ages"]) == 1
    assert installed == []
    assert "--yes" in capsys.readouterr().err


def test_a_model_that_is_there_is_not_fetched_again(
    installed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its path is shown, nothing is asked; `remove` deletes it, and says if there is none."""
    path = empty_model()
    monkeypatch.setattr(models, "is_intact", lambda model: True)
    assert main(["models", "install", "ages"]) == 0
    assert installed == []
    told = capsys.readouterr().out
    assert f"installed: {path}" in told
    assert "it is already installed" in told
    assert main(["models", "remove", "ages"]) == 0
    assert not path.exists()
    assert main(["models", "remove", "ages"]) == 1
    assert "ages is not installed" in capsys.readouterr().err


def empty_model() -> Path:
    """Return a file where the model of ages belongs, which has its size and not its content."""
    path = models.where(AGES)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(AGES.size)
    return path


def test_a_damaged_model_is_fetched_anew(installed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The error of a call that needs it names the command, which tells of the damage and repairs it."""
    empty_model()
    with Client("local") as client, pytest.raises(SettingsError, match=r"damaged\. Run: cloudai models install ages"):
        client.estimate_age(HOPPER)
    assert main(["models", "install", "ages", "--yes"]) == 0
    assert installed == ["ages"]
    assert "the file is damaged, and is fetched anew" in capsys.readouterr().err


def test_one_model_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """`models list NAME` shows that model, and refuses a name that there is not."""
    assert main(["models", "list", "ages"]) == 0
    assert AGES.licence in capsys.readouterr().out
    assert main(["models", "list", "zzz"]) == 2
    assert "there is no model zzz. There are: ages" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["list", "remove"])
def test_only_an_installation_takes_yes(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that means nothing is refused, so that nobody takes it for done."""
    assert main(["models", action, "ages", "--yes"]) == 2
    assert "takes no --yes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["install"], "lacks a name. There are: ages"), (["install", "나이"], "there is no model 나이. There are: ages")],
)
def test_a_wrong_name_is_told(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The names that there are, in one line."""
    assert main(["models", *arguments]) == 2
    assert text in capsys.readouterr().err


def table_of(told: str) -> dict[str, list[str]]:
    """Return the cells of the table of languages by the first one of their row."""
    lines = told.partition("In which language, on this computer:\n")[2].partition("\n\n")[0].splitlines()[2:]
    return {row[0]: row[1:] for row in (re.split(r"\s{2,}", line) for line in lines)}


def test_what_works_is_told_by_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Korean sentiment needs a lexicon; text is read in the languages whose data are here; no one translates."""
    monkeypatch.setattr(ocr, "languages", lambda program: ("eng", "osd", "deu"))
    assert main(["providers", "local"]) == 0
    rows = table_of(capsys.readouterr().out)
    assert rows["sentiment"] == ["yes", "with a lexicon of yours", "with a lexicon of yours"]
    assert rows["read_text"] == ["yes", "no data", "deu"]
    assert rows["translate"] == ["no", "no", "no"]
    monkeypatch.setattr(ocr, "languages", lambda program: None)
    (tmp_path / "낱말.csv").write_text("맛있,2\n", "utf-8")
    monkeypatch.setenv("CLOUDAI_LEXICON", str(tmp_path / "낱말.csv"))
    assert main(["providers", "local"]) == 0
    rows = table_of(capsys.readouterr().out)
    assert rows["sentiment"][1:] == ["by your lexicon", "by your lexicon"]
    assert rows["read_text"] == ["not installed"] * 3


def test_each_part_has_a_line_for_every_system(capsys: pytest.CaptureFixture[str]) -> None:
    """Every package, model and program that may be lacking has its line for Windows, macOS and Debian."""
    assert main(["providers", "local"]) == 0
    told = capsys.readouterr().out.partition("How to install, and what is here:\n")[2]
    parts = re.split(r"\n(?! )", told.strip("\n"))
    assert len(parts) >= 6
    for part in parts:
        head, *lines = part.split("\n")
        assert head.endswith((": is here", ": not installed"))
        assert {
            system
            for system in ("Windows", "macOS", "Debian")
            if any(system in line.partition(":")[0] for line in lines)
        } == {
            "Windows",
            "macOS",
            "Debian",
        }
    assert "cloudai models install ages" in told
    assert "apt install tesseract-ocr tesseract-ocr-kor" in told
    assert "winget install" in told


def part_of(told: str, name: str) -> list[str]:
    """Return the lines of the part with this name, its heading first."""
    lines = told.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(name))
    return [lines[start], *(line for line in lines[start + 1 : start + 4] if line.startswith("  "))]


def test_a_model_of_ones_own_counts_as_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guide knows the model that is set; where nothing is at its path, guide and doctor say so."""
    own = tmp_path / "나이.onnx"
    monkeypatch.setenv("CLOUDAI_AGE_MODEL", str(own))
    assert main(["providers", "local"]) == 0
    assert part_of(capsys.readouterr().out, "estimate_age: how")[0].endswith(": not installed")
    assert not Local().supports("estimate_age")
    assert "CLOUDAI_AGE_MODEL names no file that is there" in (Local().missing("estimate_age") or "")
    assert main(["doctor", "local"]) == 0
    told = capsys.readouterr().out
    assert "CLOUDAI_AGE_MODEL names no file that is there" in told
    own.write_bytes(b"anything")
    assert main(["providers", "local"]) == 0
    assert part_of(capsys.readouterr().out, "estimate_age: how")[0].endswith(": is here")
    assert Local().supports("estimate_age")


@pytest.mark.parametrize(
    ("setting", "operation"),
    [
        ("face_model", "detect_faces"),
        ("emotion_model", "analyze_image"),
        ("lexicon", "sentiment"),
        ("tesseract", "read_text"),
        ("voice", "text_to_speech"),
        ("espeak", "text_to_speech"),
    ],
)
def test_no_operation_is_offered_whose_file_is_not_there(setting: str, operation: str, tmp_path: Path) -> None:
    """A setting that names a file of an operation counts once something is there."""
    local = Local(**{setting: tmp_path / "없음"})  # type: ignore[arg-type]
    assert not local.supports(operation)
    assert f"{setting}= names no file that is there" in (local.missing(operation) or "")


def test_what_a_program_needs_besides_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Natural speech needs a voice that is fetched and set; other languages of texts in pictures need their data."""
    monkeypatch.setattr("cloudai.providers.local.piper.find_spec", lambda name: name)
    monkeypatch.setattr(ocr, "languages", lambda program: ("eng", "kor"))
    assert main(["providers", "local"]) == 0
    told = capsys.readouterr().out
    speech = part_of(told, "speech that sounds natural")
    assert speech[0].endswith(": not installed")
    for line in speech[1:]:
        assert re.search(r"install piper-tts; .*piper\.download_voices .*CLOUDAI_VOICE", line)
    data = part_of(told, "text in other languages")
    assert data[0].endswith(": not installed")
    assert "apt install tesseract-ocr-jpn" in "".join(data)
    monkeypatch.setattr(ocr, "languages", lambda program: ("eng", "jpn"))
    (tmp_path / "목소리.onnx").touch()
    monkeypatch.setenv("CLOUDAI_VOICE", str(tmp_path / "목소리.onnx"))
    assert main(["providers", "local"]) == 0
    told = capsys.readouterr().out
    assert part_of(told, "speech that sounds natural")[0].endswith(": is here")
    assert part_of(told, "text in other languages")[0].endswith(": is here")


def test_other_providers_say_nothing_of_this_computer(capsys: pytest.CaptureFixture[str]) -> None:
    """The details of a vendor end with its operations."""
    assert main(["providers", "azure"]) == 0
    assert "on this computer" not in capsys.readouterr().out
