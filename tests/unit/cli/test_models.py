"""`cloudai models`, and what `cloudai providers local` says of languages and of what can be installed."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from cloudai.cli import main
from cloudai.providers.local import models, ocr

AGES = models.AGES


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that were installed; nothing is fetched."""
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


def test_a_model_that_is_there_is_not_fetched_again(installed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Its path is shown, nothing is asked; `remove` deletes it, and says if there is none."""
    path = models.where(AGES)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(AGES.size)
    assert main(["models", "install", "ages"]) == 0
    assert installed == []
    assert f"installed: {path}" in capsys.readouterr().out
    assert main(["models", "remove", "ages"]) == 0
    assert not path.exists()
    assert main(["models", "remove", "ages"]) == 1
    assert "ages is not installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["install"], "lacks a name. There are: ages"), (["install", "나이"], "there is no model 나이. There are: ages")],
)
def test_a_wrong_name_is_told(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The names that there are, in one line."""
    assert main(["models", *arguments]) == 2
    assert text in capsys.readouterr().err


def table_of(told: str) -> dict[str, list[str]]:
    """The cells of the table of languages by the first one of their row."""
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


def test_other_providers_say_nothing_of_this_computer(capsys: pytest.CaptureFixture[str]) -> None:
    """The details of a vendor end with its operations."""
    assert main(["providers", "azure"]) == 0
    assert "on this computer" not in capsys.readouterr().out
