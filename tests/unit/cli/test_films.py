"""Frames of videos on the command line, with the flags that all commands over pictures have."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path

import PIL.Image
import pytest

from cloudai.cli import main
from cloudai.cli.demo import sample_photos
from tests.support.films import film

PHOTOS = dict(sample_photos())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a video in which a face moves, beside a photo."""
    made = tmp_path_factory.mktemp("films")
    with PIL.Image.open(PHOTOS["Eileen Collins"]) as photo:
        views = [photo.convert("RGB").crop((x, 0, x + 360, 270)).resize((240, 180)) for x in (40, 60, 80, 100)]
    (made / "연설.mp4").write_bytes(film(views, [0, 500, 1000, 1500]))
    views[0].save(made / "사진.jpg")
    return made


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the folder with the video, in which the command runs."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_faces_of_a_video(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has the video, the time and the number of each face, and the last line counts frames."""
    assert main(["faces", "연설.mp4", "--every", "0.5s", "--csv", "얼굴.csv", "--quiet"]) == 0
    assert "4 faces in 4 of 4 frames" in capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO((folder / "얼굴.csv").read_text("utf-8-sig"))))
    assert [(row["video"], row["time_s"], row["frame"], row["track"]) for row in rows] == [
        ("연설.mp4", "0.0", "0", "1"),
        ("연설.mp4", "0.5", "1", "1"),
        ("연설.mp4", "1.0", "2", "1"),
        ("연설.mp4", "1.5", "3", "1"),
    ]


def test_the_videos_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder gives its videos where frames are asked for, and the plan says how many requests they are."""
    assert main(["faces", ".", "--frames", "2", "--provider", "google", "--plan"]) == 0
    said = capsys.readouterr().out
    assert "inputs  2" in said
    assert "(2 units)" in said
    assert not list(folder.glob("*.journal"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["faces", "연설.mp4"], "연설.mp4 is a video, and nothing says which of its frames to look at. Give --every 2"),
        (["gallery", "연설.mp4"], "연설.mp4 is a video, and nothing says which"),
        (["faces", "연설.mp4", "--every", "1", "--scenes"], "--every and --scenes each say which frames are taken."),
        (["faces", "연설.mp4", "--at", "0:01,2:00"], "120 s is outside 연설.mp4. It is 1.5 s long."),
        (["faces", "사진.jpg", "--every", "1"], "사진.jpg is a still picture"),
        (["faces", "연설.mp4", "--fps", "0"], "--fps 0.0. Give a number from 1e-06."),
        (["draw", "연설.mp4", "--every", "1", "--make", "video", "--out", "a.avi"], "Let it end in .mp4."),
        (["draw", "연설.mp4", "--every", "1", "--make", "video", "--out", "연설.mp4"], "would overwrite what is read"),
        (["faces", "의원.csv", "--column", "사진", "--every", "1"], "--column goes with a table of pictures"),
        (["draw", "사진.jpg", "--make", "moments"], "none of these is a frame of a video. Name a video, and say which"),
    ],
)
def test_what_cannot_be_done(folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mistake is one sentence that says what to give, and nothing is sent or written."""
    before = set(folder.iterdir())
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize("flags", [["--every", "bald"], ["--at", "1,bald"], ["--fps", "x"], ["--frames", "0"]])
def test_a_flag_that_is_no_number(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A time that cannot be read is an error of the flag, which says how to write it."""
    with pytest.raises(SystemExit):
        main(["faces", "연설.mp4", *flags])
    assert f"argument {flags[0]}" in capsys.readouterr().err


def test_what_is_made_of_a_video(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Drawings, the video with boxes and the page over time are made of the frames, and a journal serves all three."""
    asked = ["draw", "연설.mp4", "--every", "0.5", "--quiet", "--journal", "연설.journal", "--features", "faces"]
    assert main([*asked, "--out", "그림"]) == 0
    assert "0003-연설 1.500s.jpg" in {path.name for path in (folder / "그림").iterdir()}
    assert main([*asked, "--make", "video", "--out", "그린 것"]) == 0
    page = ["draw", "--journal", "연설.journal", "--make", "timeline", "--out", "시간", "--language", "ko"]
    assert main(page) == 0
    assert main([*page[:-4], "--out", "2", "--smooth", "1", "--without", "neutral,calm"]) == 0
    assert (folder / "그린 것.mp4").stat().st_size > 1000
    lines = [
        re.findall(r'class="line" d="([^"]+)"', (folder / name).read_text("utf-8")) for name in ("시간.html", "2.html")
    ]
    assert lines[0] != lines[1]
    assert "얼굴 1" in (folder / "시간.html").read_text("utf-8")
    capsys.readouterr()
    assert main(["draw", "--journal", "연설.journal", "--make", "moments"]) == 2
    assert "nothing is known of expressions" in capsys.readouterr().err


def test_a_journal_of_frames_gives_the_numbers_of_the_faces_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal and the lines of --json give the table that the run gave, and a plot with a line for each face."""
    with PIL.Image.open(PHOTOS["Eileen Collins"]) as photo:
        face = photo.convert("RGB").crop((40, 0, 400, 270)).resize((240, 180))
    pair = PIL.Image.new("RGB", (480, 180))
    pair.paste(face, (0, 0))
    pair.paste(face, (240, 0))
    (folder / "둘.mp4").write_bytes(film([pair, pair], [0, 500]))
    asked = ["faces", "둘.mp4", "--every", "0.5", "--journal", "둘.journal", "--quiet"]
    assert main([*asked, "--csv", "처음.csv"]) == 0
    assert main(["journal", "둘.journal", "--csv", "다시.csv"]) == 0
    assert (folder / "다시.csv").read_bytes() == (folder / "처음.csv").read_bytes()
    assert main(["plot", "둘.journal", "--y", "x", "--out", "저널.html"]) == 0
    capsys.readouterr()
    assert main([*asked, "--json"]) == 0
    (folder / "둘.jsonl").write_text(capsys.readouterr().out, "utf-8")
    assert main(["plot", "둘.jsonl", "--y", "x", "--out", "줄.html"]) == 0
    for page in ("저널.html", "줄.html"):
        assert len(re.findall(r'class="line" d="', (folder / page).read_text("utf-8"))) == 2
