"""The command as a newcomer types it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from cloudai.cli import main
from cloudai.cli.demo import sample_photos

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
        (["age", HOPPER], 1, "no age is guessed here"),
        (["faces", "/no/such/*.jpg"], 2, "nothing fits"),
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
    assert "speech_to_text: no key. Set GOOGLE_API_KEY" in capsys.readouterr().out
    monkeypatch.setenv("GOOGLE_API_KEY", "")
    monkeypatch.delenv("GOOGLE_API_KEY")
    assert main(["doctor", "google", "--env-file", str(env)]) == 0
    monkeypatch.setenv("GOOGLE_API_KEY", "")  # what the file has set is undone with the test
    printed = capsys.readouterr().out
    assert "…-all" in printed
    assert "not-a-real" not in printed
    assert "google: ready for analyze_image, detect_faces, sentiment, speech_to_text (vision.googleapis.com" in printed


def test_providers_tells_what_each_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of operations, and one provider in detail with pages and dates."""
    assert main(["providers"]) == 0
    assert "detect_faces" in capsys.readouterr().out
    assert main(["providers", "google"]) == 0
    assert "2026-11-23" in capsys.readouterr().out


def test_the_demo_finds_two_people_and_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer's first command: two faces, a gallery, a GIF of five cards."""
    import PIL.Image

    assert main(["demo", "--out", str(tmp_path / "결과")]) == 0
    printed = capsys.readouterr().out
    assert "2 faces in 5 photos" in printed
    assert (tmp_path / "결과" / "gallery.html").read_text("utf-8").count("data:image/jpeg;base64,") == 2
    with PIL.Image.open(tmp_path / "결과" / "cards.gif") as gif:
        assert gif.n_frames == 5  # type: ignore[attr-defined]
