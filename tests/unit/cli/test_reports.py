"""The commands gallery, cards and draw: from pictures, tables, files of results and journals."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cloudai import Client, PausedError
from cloudai.cli import main
from cloudai.cli import reports as command
from cloudai.cli.demo import sample_photos
from tests.unit.report import made

PHOTOS = dict(sample_photos())


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two small photos of Korean names, one of them without a face."""
    made = tmp_path_factory.mktemp("photos")
    for title, name in (("Grace Hopper", "김하나.jpg"), ("Coffee", "커피.png")):
        with Image.open(PHOTOS[title]) as picture:
            picture.convert("RGB").resize((240, 280)).save(made / name)
    return made


@pytest.fixture
def folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which the command runs, with copies of the two photos in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(photos, tmp_path / "사진")
    return tmp_path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the journal of a finished run."""
    return made.finished(tmp_path_factory.mktemp("run"))


def no_client(*_: Any, **__: Any) -> None:
    """Stand in for the client, where none is to be made."""
    raise AssertionError("a client was made")


def test_gallery_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder becomes a page with a tile for each face, and says what was written and sent."""
    assert main(["gallery", "사진", "--tiles", "faces", "--language", "ko", "--title", "의원", "--quiet"]) == 0
    page = (folder / "gallery.html").read_text("utf-8")
    assert page.count("<li ") == 2
    assert "얼굴을 찾지 못함" in page
    assert "wrote gallery.html, 0." in capsys.readouterr().out


def test_gallery_of_a_table_with_a_workbook(folder: Path) -> None:
    """A table from Excel in CP949 keeps its columns; the links lead to addresses of the web only."""
    table = (
        "이름,사진,선수,누리집\n김하나,사진/김하나.jpg,3,https://example.org\n<b>,사진/커피.png,2,javascript:alert(1)\n"
    )
    (folder / "의원.csv").write_text(table, "cp949")
    assert (
        main(["gallery", "의원.csv", "--link", "누리집", "--xlsx", "의원.xlsx", "--out", "의원.html", "--quiet"]) == 0
    )
    page = (folder / "의원.html").read_text("utf-8")
    assert "<dt>선수</dt>" in page
    assert page.count('<a href="https://example.org"') == 1
    assert "javascript:" not in page
    assert (folder / "의원.xlsx").read_bytes()[:2] == b"PK"


def test_nothing_is_asked_again(
    kept: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a journal come a gallery, cards, drawings and a workbook, with no client and no request."""
    monkeypatch.setattr(command, "Client", no_client)
    before = len(made.sent)
    journal = ["--journal", str(kept)]
    assert main(["gallery", *journal, "--xlsx", "a.xlsx"]) == 0
    assert main(["cards", *journal, "--language", "ko", "--size", "square", "--formats", "webp"]) == 0
    assert main(["draw", *journal, "--kinds", "text"]) == 0
    assert main(["draw", *journal, "--make", "sheet", "--of", "pictures", "--out", "sheet.png"]) == 0
    assert capsys.readouterr().out.count("requests sent: 0") == 4
    assert len(made.sent) == before
    assert (folder / "gallery.html").read_text("utf-8").count("<li ") == 3
    assert "의 번역" in (folder / "cloudai-cards/cards/index.csv").read_text("utf-8-sig")
    assert len(list((folder / "cloudai-drawn").glob("*.jpg"))) == 3
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.width > 240


def test_a_file_of_results(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table that a command has written becomes a gallery, faces and a strip, with no client."""
    assert main(["faces", "사진", "--csv", "얼굴.csv", "--quiet"]) == 0
    monkeypatch.setattr(command, "Client", no_client)
    assert main(["gallery", "얼굴.csv", "--tiles", "faces", "--photos", "사진"]) == 0
    assert main(["draw", "얼굴.csv", "--photos", "사진", "--make", "faces", "--shape", "circle", "--out", "얼굴"]) == 0
    assert [file.name for file in sorted((folder / "얼굴").iterdir())] == ["0000-김하나.png", "index.csv"]
    assert main(["draw", "얼굴.csv", "--photos", "사진", "--make", "strip", "--out", "줄.png"]) == 0
    assert (folder / "줄.png").is_file()


def type_in(monkeypatch: pytest.MonkeyPatch, text: str, encoding: str = "utf-8") -> None:
    """Put a text where the command reads standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode(encoding))))


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_a_table_from_standard_input(encoding: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word "-" reads a table from standard input, in any usual encoding; its paths begin at the current folder."""
    for column in ([], ["--column", "사진"]):
        type_in(monkeypatch, "이름,사진,선수\n김하나,사진/김하나.jpg,3\n커피,사진/커피.png,2\n", encoding)
        assert main(["gallery", "-", *column, "--features", "faces", "--quiet"]) == 0
        page = (folder / "gallery.html").read_text("utf-8")
        assert page.count("<img alt=") == 2
        assert "<dt>선수</dt>" in page


@pytest.mark.parametrize("printed", [["--csv", "-"], ["--json"]], ids=" ".join)
def test_results_from_standard_input(
    printed: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one command prints, the next one shows: cloudai faces … --csv - | cloudai gallery -, with no client."""
    assert main(["faces", "사진", "--quiet", *printed]) == 0
    type_in(monkeypatch, capsys.readouterr().out)
    monkeypatch.setattr(command, "Client", no_client)
    assert main(["gallery", "-", "--tiles", "faces", "--photos", "사진"]) == 0
    page = (folder / "gallery.html").read_text("utf-8")
    assert page.count("<li ") == page.count("<img alt=") == 2
    assert "no face found" in page


@pytest.mark.parametrize("text", ["", "이름,나이\n김,3\n", '{"item": 1}\n'])
def test_standard_input_that_is_nothing_of_the_kind(
    text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty standard input, a table without pictures and other JSON are one error each, which names it."""
    type_in(monkeypatch, text)
    assert main(["gallery", "-"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


EACH = [
    ("gallery", "gallery.html"),
    ("cards", "cloudai-cards/cards/index.csv"),
    ("draw", "cloudai-drawn/index.csv"),
]
"""The commands, and a file that each of them writes."""


@pytest.mark.parametrize(("name", "file"), EACH)
def test_what_is_there_is_shown_after_a_pause(
    name: str, file: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that is paused shows what there is until then, and has the exit code to go on later."""
    real = Client.batch

    def pausing(self: Any, *args: Any, **settings: Any) -> Any:
        job = real(self, *args, **settings)
        run = type(job).__iter__

        class Paused(type(job)):  # type: ignore[misc]
            def __iter__(self) -> Any:
                began = self._runner.began
                yield from run(self)
                if not began:
                    raise PausedError("the quota is used up", advice="Go on tomorrow.")

        job.__class__ = Paused
        return job

    monkeypatch.setattr(command.Client, "batch", pausing)
    assert main([name, "사진", "--quiet", "--journal", "j.journal"]) == 75
    shown = (folder / file).read_text("utf-8")
    assert shown.count("<li ") == 2 if name == "gallery" else shown.count("0000-김하나") == 1
    said = capsys.readouterr()
    assert "the quota is used up" in said.err
    assert "j.journal has what is finished" in said.err


@pytest.mark.parametrize(("name", "file"), EACH)
def test_what_is_there_is_shown_after_ctrl_c(
    name: str, file: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C the first picture is shown, the second one is told not to be started, and a later run sends one."""
    press: Any = [lambda: os.kill(os.getpid(), signal.SIGINT), lambda: None]
    monkeypatch.setattr(command, "Client", lambda *_, **__: made.client_of_azure(press[0]))
    run = [name, "사진", "--provider", "azure", "--features", "caption,tags", "--journal", "j.journal", "--concurrency"]
    run += ["1", "--no-cache", "--quiet"]
    assert main(run) == 130
    said = capsys.readouterr()
    assert "requests sent: 1" in said.out
    assert "j.journal has what is finished" in said.err
    shown = (folder / file).read_text("utf-8")
    assert shown.count("<strong>not started</strong>") == 1 if name == "gallery" else shown.count("0000-김하나") == 1
    assert name == "gallery" or "커피" not in shown
    del press[0]
    assert main(run) == 0
    assert "requests sent: 1" in capsys.readouterr().out
    assert "not started" not in (folder / file).read_text("utf-8").replace('"not started"', "")


def test_what_is_too_little_after_ctrl_c_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A morph cannot be made of one picture: the command says so, and its exit code is still that of Ctrl-C."""
    press = partial(os.kill, os.getpid(), signal.SIGINT)
    monkeypatch.setattr(command, "Client", lambda *_, **__: made.client_of_azure(press))
    run = ["draw", "사진", "--make", "morph", "--provider", "azure", "--journal", "j.journal", "--concurrency", "1"]
    assert main([*run, "--no-cache", "--quiet"]) == 130
    said = capsys.readouterr().err
    assert "j.journal has what is finished" in said
    assert "morph" in said
    assert not list(folder.glob("cloudai-drawn*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gallery"], "nothing to show"),
        (["gallery", "inputs.csv"], "no column photo or 사진"),
        (["cards", "--journal", "no.journal"], "there is no file"),
        (["draw", "사진", "--kinds", "faces"], "Did you mean face"),
        (["gallery", "--journal", "KEPT", "--columns", "나이"], "no column 나이"),
        (["gallery", "--journal", "KEPT", "--link", "나이"], "no column 나이"),
        (["gallery", "--journal", "KEPT", "--name", "나이"], "no column 나이"),
        (["cards", "사진", "--formats", "avi"], "no format avi"),
        (["gallery", "사진", "--out", "없는/g.html"], "there is no folder"),
        (["draw", "사진", "--font", "없는.ttf"], "the font file does not exist"),
        (["cards", "사진", "--font", "없는.ttf"], "the font file does not exist"),
        (["cards", "사진", "--logo", "없는.png"], "there is no file 없는.png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told(
    arguments: list[str], told: str, folder: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake ends the command with one line that says what to do, and never with a traceback."""
    (folder / "inputs.csv").write_text("성,주소\n김,서울\n", "utf-8")
    assert main([str(kept) if word == "KEPT" else word for word in arguments]) in (2, 74)
    out, said = capsys.readouterr()
    assert told in said
    assert "Traceback" not in said
    assert "wrote" not in out
    assert "left out" not in said  # no batch has begun


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--margin", "nan"), ("--margin", "101"), ("--aspect", "nan"), ("--aspect", "-3:4"), ("--aspect", "3:0")],
)
def test_a_cut_that_no_face_can_have(flag: str, value: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A margin or an aspect out of range is refused with the usage, in the user's language, and before any batch."""
    with pytest.raises(SystemExit):
        main(["--lang", "ko", "draw", "사진", "--make", "faces", f"{flag}={value}"])
    assert re.search(f"{flag}: {re.escape(value)}.+ 아닙니다", capsys.readouterr().err)
    assert not (folder / "cloudai-drawn").exists()


def test_a_plan_sends_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan of a gallery is printed, and no page is written."""
    assert main(["gallery", "사진", "--plan"]) == 0
    assert capsys.readouterr().out
    assert not (folder / "gallery.html").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["gallery", "--journal", "끝난.journal", "--out", "끝난.journal"],
        ["gallery", "--journal", "끝난.journal", "--out", "다른.journal"],
        ["gallery", "--journal", "끝난.journal", "--xlsx", "끝난.journal"],
        ["gallery", "--journal", "끝난.journal", "--xlsx", "표.csv"],
        ["gallery", "--journal", "끝난.journal", "--out", "표.xlsx", "--xlsx", "표.xlsx"],
        ["gallery", "의원.csv", "--out", "의원.csv"],
        ["gallery", "사진", "--out", "사진/김하나.jpg"],
        ["draw", "사진", "--make", "sheet", "--out", "사진/커피.png"],
        ["draw", "--journal", "끝난.journal", "--make", "strip", "--of", "pictures", "--out", "줄.abc"],
        ["draw", "--journal", "끝난.journal", "--make", "morph", "--out", "사진/커피.png"],
    ],
    ids=" ".join,
)
def test_nothing_that_is_read_is_overwritten(
    arguments: list[str], kept: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a journal nor a table nor a photo is overwritten by what is made of it, and nothing is sent before."""
    for name in ("끝난.journal", "다른.journal"):
        shutil.copy(kept, folder / name)
    (folder / "의원.csv").write_text("이름,사진\n김하나,사진/김하나.jpg\n", "utf-8")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert main([*arguments, "--quiet"]) == 2
    assert {file: file.read_bytes() for file in before} == before
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["draw", "cards"])
def test_an_index_of_the_user_is_left_alone(command: str, kept: Path, folder: Path) -> None:
    """A folder whose index.csv somebody else has written is not taken for one of ours: no photo in it is removed."""
    mine = folder / ("내 것/cards" if command == "cards" else "내 것")
    shutil.copytree(folder / "사진", mine)
    (mine / "index.csv").write_text("name,file\n김,김하나.jpg\n커피,커피.png\n", "utf-8")
    before = {file.name: file.read_bytes() for file in mine.iterdir()}
    assert main([command, "--journal", str(kept), "--out", "내 것"]) == 2
    assert {file.name: file.read_bytes() for file in mine.iterdir()} == before


def test_one_broken_photo_leaves_the_other_captions_translated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A photo that cannot be read is told by the exit code, and the captions of all others are translated."""
    (folder / "사진" / "깨진.jpg").write_bytes(b"no picture")
    monkeypatch.setattr(command, "Client", lambda *_, **__: made.client_of_azure())
    cards = ["cards", "사진", "--provider", "azure", "--language", "ko", "--no-cache", "--quiet"]
    assert main([*cards, "--journal", "카드.journal"]) == 1
    assert (folder / "cloudai-cards/cards/index.csv").read_text("utf-8-sig").count("의 번역") == 2
    assert "requests sent: 3" in capsys.readouterr().out


def test_a_limit_that_is_reached_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that --max-requests has ended is shown, says which limit it was, and sends nothing more to translate it."""
    monkeypatch.setattr(command, "Client", lambda *_, **__: made.client_of_azure())
    cards = ["cards", "사진", "--provider", "azure", "--language", "ko", "--no-cache", "--quiet", "--max-requests", "1"]
    assert main([*cards, "--journal", "카드.journal"]) == 1
    said = capsys.readouterr()
    assert "--max-requests 1 is reached" in said.err
    assert "requests sent: 1" in said.out
    assert len(list((folder / "cloudai-cards/cards").glob("*.png"))) == 1


def test_a_column_of_no_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column goes with one table; named beside pictures it is an error that says so."""
    assert main(["gallery", "사진", "--column", "photo"]) == 2
    assert "--column goes with one table" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["gallery"],
        ["gallery", "--xlsx", "표.xlsx"],
        ["cards"],
        ["draw"],
        ["draw", "--make", "sheet", "--of", "pictures"],
    ],
    ids=" ".join,
)
def test_a_full_disk(
    arguments: list[str],
    kept: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without room the file is named, an earlier page stays, no half of a file is left, and a later run goes on."""
    (folder / "gallery.html").write_text("earlier", "utf-8")
    before = {file for file in folder.rglob("*") if file.is_file()}

    def full(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert main([*arguments, "--journal", str(kept)]) == 74
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "standard output" not in said
    assert {file for file in folder.rglob("*") if file.is_file()} == before
    assert (folder / "gallery.html").read_text("utf-8") == "earlier"
    assert main([*arguments, "--journal", str(kept)]) == 0


def test_names_in_the_hangul_of_macos(folder: Path) -> None:
    """A table names a photo in whole syllables, and an archive from a Mac holds it in pieces: it is found and shown."""
    photo = folder / "사진" / "김하나.jpg"
    photo.rename(photo.with_name(unicodedata.normalize("NFD", photo.name)))
    (folder / "의원.csv").write_text("이름,사진\n김하나,사진/김하나.jpg\n", "utf-8")
    assert main(["gallery", "의원.csv", "--quiet", "--features", "faces"]) == 0
    assert (folder / "gallery.html").read_text("utf-8").count("<img alt=") == 1
