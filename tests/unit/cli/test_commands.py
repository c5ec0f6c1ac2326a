"""The command as a newcomer types it."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloudai.cli import main
from cloudai.cli.demo import sample_photos
from tests.support.onnx import AGES, certain
from tests.support.paths import ROOT

HOPPER = str(sample_photos()[0][1])


def test_faces_of_a_folder_with_a_bad_file_among_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file keeps its row; the bad one says why, the run goes on, and the exit code tells."""
    (tmp_path / "홍길동.jpg").write_bytes(Path(HOPPER).read_bytes())
    (tmp_path / "글.jpg").write_text("hello", "utf-8")
    (tmp_path / "메모.txt").write_text("not looked at", "utf-8")
    out = tmp_path / "얼굴.csv"
    assert main(["faces", str(tmp_path), "--csv", str(out)]) == 1
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    assert [(Path(row["input"]).name, row["status"]) for row in rows] == [("글.jpg", "failed"), ("홍길동.jpg", "ok")]
    assert "is not an image" in rows[0]["error"]
    assert "wrote" in capsys.readouterr().out


def test_a_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """By default, for people."""
    assert main(["faces", HOPPER]) == 0
    assert "n_faces" in capsys.readouterr().out


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs: result and meta, Korean readable."""
    assert main(["sentiment", "Good!", "Bad!", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["result"]["label"] for line in lines] == ["positive", "negative"]
    assert lines[0]["meta"]["provider"] == "local"


@pytest.mark.long
def test_patterns_are_expanded_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell of Windows leaves them to the program; numbers sort by size."""
    for n in (10, 2):
        (tmp_path / f"사진{n}.jpg").write_bytes(Path(HOPPER).read_bytes())
    assert main(["analyze", str(tmp_path / "사진*.jpg"), "--json", "--features", "colors"]) == 0
    lines = [json.loads(line)["input"] for line in capsys.readouterr().out.splitlines()]
    assert [Path(name).name for name in lines] == ["사진2.jpg", "사진10.jpg"]


def test_lines_of_a_file_from_excel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CP949 is read and said; a blank line is left out; a lexicon gives Korean."""
    texts, words = tmp_path / "후기.txt", tmp_path / "낱말.csv"
    texts.write_text("맛있어요\n\n별로예요\n", "cp949")
    words.write_text("맛있,2\n별로,-2\n", "utf-8")
    assert main(["sentiment", "--lines", str(texts), "--language", "ko", "--lexicon", str(words), "--json"]) == 0
    printed = capsys.readouterr()
    assert "CP949" in printed.err
    assert [json.loads(line)["result"]["label"] for line in printed.out.splitlines()] == ["positive", "negative"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["faces", "x.jpg", "--provider", "google"], 1, "there is no file x.jpg"),
        (["faces", HOPPER, "--provider", "google"], 2, "google: no key. Set GOOGLE_API_KEY"),
        (["faces", HOPPER, "--provider", "naver"], 2, "Available: azure, google, watson, local"),
        (["sentiment"], 2, "no text"),
        (["sentiment", "맛있어요", "--language", "ko"], 1, "no Korean sentiment"),
        (["age", HOPPER], 2, "there is no model of ages on this computer. Run: cloudai models install ages"),
        (["demo", "없음"], 2, "there is no folder 없음"),
        (["age", HOPPER, "--provider", "azure"], 1, "with Microsoft's approval: cloudai age --face-approved."),
        (["age", HOPPER, "--face-approved"], 2, "--face-approved is for --provider azure"),
        (["faces", "/no/such/*.jpg"], 2, "nothing fits"),
        (["faces", "가" * 300], 1, "failed"),
        (["faces", f"{'가' * 300}.mp4"], 1, "failed"),
        (["demo", "가" * 300], 2, "there is no folder"),
        (["sentiment", "x", "--env-file", "없음.env"], 2, "there is no file 없음.env"),
    ],
)
def test_first_mistakes(arguments: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says in one line what to do, never a traceback."""
    assert main(arguments) == code
    printed = capsys.readouterr()
    assert text in (printed.out + printed.err)
    assert "Traceback" not in printed.err


def test_doctor_shows_what_is_set_and_no_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Found, where, the last four letters; the key itself never."""
    env = tmp_path / ".env"
    env.write_text("GOOGLE_API_KEY=not-a-real-key-at-all\n", "utf-8")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "")
    assert main(["doctor", "google"]) == 1
    assert "text_to_speech: no key. Set GOOGLE_API_KEY" in capsys.readouterr().out
    monkeypatch.setenv("GOOGLE_API_KEY", "")
    monkeypatch.delenv("GOOGLE_API_KEY")
    assert main(["doctor", "google", "--env-file", str(env)]) == 0
    monkeypatch.setenv("GOOGLE_API_KEY", "")  # what the file has set is undone with the test
    printed = capsys.readouterr().out
    assert "…-all" in printed
    assert "not-a-real" not in printed
    texts = "sentiment, detect_language, key_phrases, translate"
    operations = f"analyze_image, detect_faces, read_text, {texts}, speech_to_text, text_to_speech"
    assert f"google: ready for {operations} (vision.googleapis.com" in printed


def test_providers_tells_what_each_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of operations, and one provider in detail with pages and dates."""
    assert main(["providers"]) == 0
    assert "detect_faces" in capsys.readouterr().out
    assert main(["providers", "google"]) == 0
    assert "2026-11-23" in capsys.readouterr().out


@pytest.mark.long
def test_the_demo_finds_two_people_and_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer's first command: two faces, a gallery, a GIF of five cards."""
    import PIL.Image

    assert main(["demo", "--out", str(tmp_path / "결과")]) == 0
    printed = capsys.readouterr().out
    assert "2 faces in 5 photos" in printed
    assert (tmp_path / "결과" / "gallery.html").read_text("utf-8").count("data:image/webp;base64,") >= 2
    with PIL.Image.open(tmp_path / "결과" / "cards.gif") as gif:
        assert gif.n_frames == 5  # type: ignore[attr-defined]


@pytest.mark.long
def test_the_demo_shows_ones_own_photos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder needs no photos of packages; names come from the files; --open opens the page in a browser."""
    monkeypatch.setattr("cloudai.cli.demo.find_spec", lambda name: None)
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)))
    (tmp_path / "사진").mkdir()
    (tmp_path / "사진" / "홍길동.jpg").write_bytes(Path(HOPPER).read_bytes())
    (tmp_path / "사진" / "글.txt").write_text("not looked at", "utf-8")
    out = tmp_path / "결과 1"
    assert main(["demo", str(tmp_path / "사진"), "--out", str(out), "--open"]) == 0
    printed = capsys.readouterr()
    assert "1 faces in 1 photos. cloudai models install ages adds guesses" in printed.out
    assert "홍길동" in (out / "gallery.html").read_text("utf-8")
    assert opened == [(out / "gallery.html").as_uri()]
    assert "there is no browser here" in printed.err
    assert main(["demo"]) == 2
    assert 'pip install ".[local,demo]"' in capsys.readouterr().err


@pytest.mark.long
def test_ages_are_shown_with_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of ages, the demo and its gallery say that an age is a baseline model's guess."""
    (tmp_path / "모델.onnx").write_bytes(certain(33, AGES))
    monkeypatch.setenv("CLOUDAI_AGE_MODEL", str(tmp_path / "모델.onnx"))
    assert main(["age", HOPPER]) == 0
    printed = capsys.readouterr()
    assert "33" in printed.out
    assert "Ages and expressions are a baseline model's guesses from appearance." in printed.err
    (tmp_path / "사진").mkdir()
    (tmp_path / "사진" / "홍길동.jpg").write_bytes(Path(HOPPER).read_bytes())
    assert main(["demo", str(tmp_path / "사진"), "--out", str(tmp_path / "out")]) == 0
    assert "Ages are a baseline model's guesses." in capsys.readouterr().out
    page = (tmp_path / "out" / "gallery.html").read_text("utf-8")
    assert '<dt>age (a baseline model&#39;s guess)</dt><dd dir="auto">33</dd>' in page
    assert "33" in (tmp_path / "out" / "faces.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["faces", HOPPER, "--timeout", "0"], "--timeout: 0 is no number of seconds above 0"),
        (["faces", HOPPER, "--timeout", "-1"], "--timeout: -1 is no number of seconds above 0"),
        (["faces", HOPPER, "--timeout", "nan"], "--timeout: nan is no number of seconds above 0"),
        (["faces", HOPPER, "--timeout", "inf"], "--timeout: inf is no number of seconds above 0"),
        (["faces", HOPPER, "--max-faces", "0"], "--max-faces: 0 is no whole number from 1"),
        (["age", HOPPER, "--max-faces", "-3"], "--max-faces: -3 is no whole number from 1"),
        (["analyze", HOPPER, "--max-results", "0"], "--max-results: 0 is no whole number from 1"),
        (["analyze", HOPPER, "--features", " "], "--features: it is empty"),
        (["transcribe", "말.wav", "--language", "ko-KR", "--speakers", "0"], "--speakers: 0 is no whole number from 1"),
        (["faces", ""], "FILE: it is empty"),
        (["faces", HOPPER, "--csv", ""], "--csv: it is empty"),
        (["faces", "표.csv", "--column", ""], "--column: it is empty"),
        (["journal", "일.journal", "--forget", ""], "--forget: it is empty"),
        (["sentiment", "표.csv", "--column", "후기", "--lines", "글.txt"], "--column and --lines both name the texts"),
        (["sentiment", "글", "--json", "--csv", "-"], "--json and --csv - both print"),
        (["sentiment", "글", "--provider", "google", "--lexicon", "낱말.csv"], "--lexicon is for --provider local"),
        (["transcribe", "말.wav"], "the following arguments are required: --language"),
        (["journal", "일.journal", "--rows"], "--rows goes with --csv"),
        (["journal", "일.journal", "--batch", "1"], "--batch goes with --csv or --json"),
        (["journal", "일.journal", "--json", "--csv", "-"], "two ways to write it out"),
        (["journal", "일.journal", "--forget", "글", "--csv", "-"], "--forget writes nothing out"),
    ],
)
def test_options_that_say_nothing(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that would be left aside in silence is a mistake that is told, with exit code 2."""
    try:
        code = main(arguments)
    except SystemExit as left:  # by the parser
        code = left.code  # type: ignore[assignment]
    assert code == 2
    assert text in capsys.readouterr().err


def test_a_place_where_no_table_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found out before anything is done: a folder, no folder, what is read itself; nothing is changed or left over."""
    monkeypatch.chdir(tmp_path)
    Path("표.csv").write_text("이름,후기\n가,Good!\n", "utf-8")
    Path("글.txt").write_text("Good!\n", "utf-8")
    Path("낱말.csv").write_text("맛있,2\n", "utf-8")
    Path("사진.jpg").write_bytes(Path(HOPPER).read_bytes())
    Path("폴더").mkdir()
    Path("하나.csv").symlink_to("표.csv")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    table = ["sentiment", "표.csv", "--column", "후기"]
    for arguments, text in [
        ([*table, "--csv", "폴더"], "폴더 is a folder. Give --csv the name of a file."),
        ([*table, "--csv", "없음/결과.csv"], "there is no folder 없음. Make it first."),
        ([*table, "--csv", "x" * 300], "cannot be written (File name too long)"),
        ([*table, "--csv", "결\0과.csv"], "is no name of a file. Give --csv another name."),
        ([*table, "--csv", "표.csv"], "--csv 표.csv would overwrite what is read"),
        ([*table, "--csv", "폴더/../하나.csv"], "would overwrite what is read"),
        ([*table, "--csv", "j", "--journal", "j"], "would overwrite what is read"),
        (["sentiment", "--lines", "글.txt", "--csv", "글.txt"], "would overwrite what is read"),
        (["sentiment", "글", "--lexicon", "낱말.csv", "--csv", "낱말.csv"], "would overwrite what is read"),
        (["faces", ".", "--csv", "사진.jpeg"], "no table is written as .jpeg. Use .csv, .xlsx"),
        ([*table, "--csv", "결과.xls"], "no table is written as .xls. Use .csv, .xlsx"),
    ]:
        assert main(arguments) == 2
        assert text in capsys.readouterr().err
    Path("나중.csv").symlink_to("아직 없음.csv")
    for free in ("결과.csv", "나중.csv"):
        assert main([*table, "--csv", free, "--plan"]) == 0
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert main([*table, "--csv", "결과.csv"]) == main([*table, "--csv", "결과.csv"]) == 0


def test_a_table_with_more_rows_than_a_sheet_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid for is not lost because a sheet of Excel has no room for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cloudai.table_files.MOST_ROWS", 2)
    assert main(["sentiment", "Good!", "Bad!", "--csv", "결과.xlsx", "--quiet"]) == 74
    printed = capsys.readouterr()
    assert "more than a sheet of Excel has). The table is printed instead." in printed.err
    assert [row["input"] for row in csv.DictReader(io.StringIO(printed.out))][::2] == ["Good!", "Bad!"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_disk_that_is_full_when_the_table_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """74, and one line: the journal keeps the results and how to have them; without a journal they are printed."""
    monkeypatch.chdir(tmp_path)
    texts = ["sentiment", "Good!", "Bad!", "--csv"]
    assert main([*texts, "/dev/full", "--journal", "일.journal", "--quiet"]) == 74
    printed = capsys.readouterr()
    assert (
        "/dev/full cannot be written (No space left on device). 일.journal keeps the results: the same" in printed.err
    )
    assert not printed.out
    assert main([*texts, "결과.csv", "--journal", "일.journal", "--quiet"]) == 0
    capsys.readouterr()
    assert main([*texts, "/dev/full", "--quiet"]) == 74
    printed = capsys.readouterr()
    assert "The table is printed instead." in printed.err
    assert [row["input"] for row in csv.DictReader(io.StringIO(printed.out))][::2] == ["Good!", "Bad!"]
    assert main(["journal", "일.journal", "--csv", "일.journal"]) == 2
    assert main(["journal", "일.journal", "--csv", "/dev/full"]) == 74
    assert "일.journal keeps the results" in capsys.readouterr().err


class Unread(io.StringIO):
    """A standard output that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("output", [Unread(), None], ids=["nobody reads it", "there is none"])
def test_a_table_that_can_be_neither_written_nor_printed(
    output: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file that cannot be written, says that nothing keeps the results, and ends with 74."""
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["sentiment", "Good!", "--csv", "/dev/full", "--quiet"]) == 74
    told = capsys.readouterr().err
    assert "/dev/full cannot be written (No space left on device)" in told
    assert "without --journal nothing keeps the results" in told


def test_names_do_not_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in what is said of inputs, nor in errors, nor in what the library logs."""
    name = "\x1b[31m빨강\x1b]0;제목\x07.jpg"
    (tmp_path / name).write_text("hello", "utf-8")
    assert main(["faces", str(tmp_path / name)]) == 1
    assert main(["faces", "/없음/\x1b[2J*.jpg"]) == 2
    (tmp_path / f"{name}.txt").write_text("맛있어요\n", "cp949")
    assert main(["sentiment", "--lines", str(tmp_path / f"{name}.txt"), "--language", "en"]) == 0
    printed = capsys.readouterr()
    for word in ("빨강", "nothing fits", "read as CP949"):
        assert word in printed.err
    assert not {"\x1b", "\x07"} & set(printed.out + printed.err)


def test_it_runs_in_any_thread() -> None:
    """Signals are the main thread's: in another one it works without them."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["sentiment", "Good!", "Bad!"])))
    thread.start()
    thread.join(30)
    assert codes == [0]


@pytest.mark.parametrize("stream", [None, "closed"])
def test_without_a_standard_error(
    stream: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Closed, or none at all as in a program of Windows without a console: its code tells, results stand alone."""
    if stream:
        stream = io.StringIO()
        stream.close()
    (tmp_path / "글.jpg").write_text("hello", "utf-8")
    monkeypatch.setattr(sys, "stderr", stream)
    assert main(["faces", str(tmp_path / "없음*.jpg")]) == 2
    assert capsys.readouterr().out == ""
    assert main(["faces", str(tmp_path / "글.jpg"), HOPPER]) == 1


def test_what_is_no_journal_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty file stays empty."""
    (tmp_path / "빈.journal").touch()
    assert main(["journal", str(tmp_path / "빈.journal")]) == 74
    assert "is empty: it is not a journal of cloudai" in capsys.readouterr().err
    assert (tmp_path / "빈.journal").stat().st_size == 0


def test_a_journal_of_an_operation_that_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of another version of cloudai: what it holds is shown as far as it can be."""
    path = tmp_path / "일.journal"
    assert main(["sentiment", "Good!", "Bad!", "--journal", str(path), "--quiet"]) == 0
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE batches SET operation = 'detect_moods'")
    db.close()
    capsys.readouterr()
    assert main(["journal", str(path)]) == 0
    assert "detect_moods" in capsys.readouterr().out
    for rows in ([], ["--rows"]):
        assert main(["journal", str(path), "--csv", "-", *rows]) == 0
        found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [row["status"] for row in found] == ["ok", "ok"]
    assert main(["journal", str(path), "--json"]) == 0
    assert "another version of cloudai" in capsys.readouterr().out


def test_the_exit_codes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The page on batches and --help name the same ones."""
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out.partition("exit codes:")[2].partition("\n\n")[0]
    page = (ROOT / "docs" / "batches.md").read_text("utf-8").partition("| exit code | |")[2]
    rows = re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE)
    assert re.findall(r"\d+", told) == re.findall(r"\d+", " ".join(rows)) != []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_standard_input_is_read_like_a_file(
    encoding: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`--lines -` takes what Windows pipes, and a line ends at a line end only, not at U+2028."""
    text = (
        "정말 맛있어요\u2028최고\x0c\r\n별로예요\r\n" if encoding.startswith("utf") else "정말 맛있어요\r\n별로예요\r\n"
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode(encoding))))
    (tmp_path / "낱말.csv").write_text("맛있,2\n별로,-2\n", "utf-8")
    arguments = ["sentiment", "--lines", "-", "--language", "ko", "--lexicon", str(tmp_path / "낱말.csv"), "--json"]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.split("\n") if line]
    assert [row["result"]["label"] for row in rows] == ["positive", "negative"]
    assert ("standard input: read as CP949" in printed.err) == (encoding == "cp949")


def test_the_encoding_can_be_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What may be of several encodings is refused with exit code 2, and read with --encoding."""
    data = "très bon café\n".encode("cp1252")
    (tmp_path / "표.csv").write_bytes(b"avis\n" + data)
    for arguments in (["--lines", "-"], [str(tmp_path / "표.csv"), "--column", "avis"]):
        for more, code in (([], 2), (["--encoding", "cp1252"], 0)):
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
            assert main(["sentiment", *arguments, "--language", "en", "--json", *more]) == code
            printed = capsys.readouterr()
            assert ("--encoding" in printed.err) == (code == 2)
            assert ("très bon café" in printed.out) == (code == 0)


def test_a_folder_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of inputs that cannot be listed is an input that cannot be used, and nothing that cannot be written."""

    def refused(_: Path) -> Any:
        raise PermissionError(13, "Permission denied", "사진")

    monkeypatch.setattr(Path, "iterdir", refused)
    assert main(["faces", str(tmp_path)]) == 2
    assert "cannot be read (Permission denied)" in capsys.readouterr().err
