"""Folders on the command line: every ending that can be read, what is passed over, and folders within folders."""

from __future__ import annotations

import logging
import unicodedata
from pathlib import Path

import pytest

from cloudai.cli import main
from cloudai.cli.inputs import AUDIO, PICTURES, expand
from cloudai.errors import InputError


def names(folder: Path, suffixes: frozenset[str], *, recursive: bool = False) -> list[str]:
    """Return the names of the files that are taken."""
    found = expand([str(folder)], suffixes, recursive=recursive)
    return [unicodedata.normalize("NFC", Path(path).name) for path in found]


def test_every_ending_that_can_be_read_is_taken(tmp_path: Path) -> None:
    """Windows saves JPEGs as .jfif, others write .jpe, .oga and .wave; capitals are the same."""
    for name in ("가.jpg", "나.jfif", "다.JPE", "라.hif", "마.apng", "바.oga", "사.WAVE", "아.opus"):
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path, PICTURES) == ["가.jpg", "나.jfif", "다.JPE", "라.hif", "마.apng"]
    assert names(tmp_path, AUDIO) == ["바.oga", "사.WAVE", "아.opus"]


def test_what_is_passed_over_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line says how many files were left out, and why: other endings, macOS's own files, folders."""
    for name in ("사진.jpg", "._사진.jpg", "메모.txt", "메모 2.TXT", "README", ".DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "더").mkdir()
    with caplog.at_level(logging.WARNING, logger="cloudai"):
        assert names(tmp_path, PICTURES) == ["사진.jpg"]
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"{tmp_path}: passed over ")
    for part in ("1 of macOS (._…)", "2 with the ending .txt", "2 without an ending", "1 folders (--recursive"):
        assert part in said


def test_nothing_is_said_of_a_folder_of_pictures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder with nothing else in it gives no warning."""
    (tmp_path / "사진.jpg").write_bytes(b"x")
    assert names(tmp_path, PICTURES) == ["사진.jpg"]
    assert not caplog.records


def test_folders_within_folders_are_looked_into_when_asked(tmp_path: Path) -> None:
    """`--recursive` takes the files of all folders below, and still none of macOS."""
    (tmp_path / "하나" / "둘").mkdir(parents=True)
    for name in ("가.jpg", "하나/나.png", "하나/둘/다.webp", "하나/둘/._다.webp"):
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path, PICTURES) == ["가.jpg"]
    assert sorted(names(tmp_path, PICTURES, recursive=True)) == ["가.jpg", "나.png", "다.webp"]


def test_a_folder_with_nothing_to_take_is_an_error(tmp_path: Path) -> None:
    """A folder that holds only files of macOS has no pictures."""
    (tmp_path / "._사진.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="in the folder"):
        names(tmp_path, PICTURES)


def test_the_command_takes_the_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`cloudai faces --recursive FOLDER --plan` reads the pictures of the folders below."""
    pytest.importorskip("cv2")
    import PIL.Image

    (tmp_path / "더").mkdir()
    PIL.Image.new("RGB", (80, 60)).save(tmp_path / "더" / "사진.jpg")
    assert main(["faces", str(tmp_path), "--recursive", "--plan"]) == 0
    assert "1" in capsys.readouterr().out
