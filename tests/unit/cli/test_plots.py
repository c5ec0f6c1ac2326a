"""The command plot: from a table, a file of results and a journal, in English and in Korean."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import PIL.Image
import pytest

from cloudai import Client
from cloudai.cli import main
from cloudai.cli.demo import sample_photos
from cloudai.report import plot

ROWS = "item,input,status,provider,score,label\n0,가.jpg,ok,google,0.5,a\n1,나.jpg,ok,google,0.75,b\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has a table in it."""
    (tmp_path / "표.csv").write_text(ROWS, "utf-8-sig")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_plot_of_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page has the names and the title, and says in the language of the reader what is there."""
    assert main(["plot", "표.csv", "--title", "점수 비교", "--language", "ko", "--where", "provider=google"]) == 0
    page = (folder / "plot.html").read_text("utf-8")
    assert '<h1 dir="auto">점수 비교</h1>' in page
    assert "값을 표로 보기" in page
    assert "가" in page
    assert capsys.readouterr().out == "wrote plot.html, 0.0 MB\n"


def test_a_journal_and_what_json_prints_make_the_same_plot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The faces of a journal, and those of a file of results, are drawn without a client and without a request."""
    photo = str(sample_photos()[1][1])
    with Client("local") as client, client.batch("detect_faces", [photo], journal="얼굴.journal") as job:
        assert len(list(job)) == 1
    assert main(["faces", photo, "--json", "--journal", "none"]) == 0
    (folder / "얼굴.jsonl").write_text(capsys.readouterr().out, "utf-8")
    drawn = [plot(folder / name, y="confidence", kind="bars").chart for name in ("얼굴.journal", "얼굴.jsonl")]
    assert drawn[0].series[0].dots[0].y == drawn[1].series[0].dots[0].y
    assert [text for _, text in drawn[0].x.ticks] == ["astronaut"]
    assert main(["plot", "얼굴.journal", "--y", "confidence", "--out", "a.html"]) == 0


ROW = '{"item": 0, "input": "가.jpg", "status": "ok", "provider": "google", "score": 0.5}'


@pytest.mark.parametrize("text", [ROWS, ROWS.replace(",", "\t"), f"{ROW}\n{ROW}\n", f"[{ROW}]"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_what_another_command_prints_is_drawn(
    text: str, encoding: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word "-" reads a table, JSON Lines or a list in JSON from standard input, in any usual encoding."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode(encoding))))
    assert main(["plot", "-", "--average", "--encoding", encoding]) == 0
    assert "가" in (folder / "plot.html").read_text("utf-8")


def test_results_on_standard_input_are_drawn(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The results that --json prints go through a pipe into a plot, whose page has no name of a file as its title."""
    assert main(["sentiment", "Good!", "Bad!", "--json", "--provider", "local"]) == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(capsys.readouterr().out.encode())))
    assert main(["plot", "-"]) == 0
    page = (folder / "plot.html").read_text("utf-8")
    assert "Good!" in page
    assert "<title>-</title>" not in page


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_journal_of_failures_says_so(language: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inputs without a result are no bars of whatever number their rows have: the command says how many there are."""
    (folder / "글.jpg").write_text("<!DOCTYPE html>", "utf-8")
    PIL.Image.new("RGB", (60, 40)).save(folder / "빈.png")
    with Client("local") as client, client.batch("detect_faces", ["글.jpg", "빈.png"], journal="얼굴.journal") as job:
        assert [outcome.status for outcome in sorted(job, key=lambda each: each.item)] == ["failed", "none_found"]
    assert main(["plot", "얼굴.journal", "--lang", language]) == 2
    told = {
        "en": "none of the 2 inputs has a result that can be drawn. Nothing was found in 1 of them, and 1",
        "ko": "입력 2개 가운데 그릴 수 있는 결과가 있는 것이 없습니다. 그 가운데 1개에서는 아무것도 찾지 못했고",
    }
    assert told[language] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--y", "label"], "the column label has no numbers. Columns with numbers: item, score."),
        (["--y", "scores"], "no column scores. Did you mean score?"),
        (["--x", "status"], "score has 2 values for one bar. Say with --by or --x what tells them apart"),
        (["--x", "status", "--lang", "ko"], "score에 막대 하나에 들어갈 값이 2개 있습니다."),
        (["--kind", "map", "--lang", "ko"], "latitude"),
        (["--event", "3=x", "--lang", "ko"], "이 그림에는 가로축에 날짜나 숫자가 없습니다. 사건을 빼세요."),
        (["--out", "."], ". is no kind of file for a plot"),
        (["--out", "없는/p.html"], "there is no folder 없는"),
        (["--out", "p.gif", "--lang", "ko"], "p.gif은(는) 그림을 쓸 수 있는 파일이 아닙니다."),
    ],
)
def test_an_error_is_one_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be drawn is told in a line, with the options of the command, and the exit code is 2."""
    assert main(["plot", "표.csv", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--where", "provider"], ["--smooth", "0"], ["--smooth", "breit"]])
def test_a_wrong_argument_is_refused(arguments: list[str]) -> None:
    """A filter without a value and a window that is no number above 0 are refused by the parser."""
    with pytest.raises(SystemExit):
        main(["plot", "표.csv", *arguments])


def test_events_and_an_encoding_on_the_command_line(folder: Path) -> None:
    """A table in an encoding that is not certain is drawn with its name; notes and shaded stretches are drawn, too."""
    (folder / "나이.csv").write_bytes("날짜,age_years\n2001. 3. 2.,20\n2005. 3. 2.,23\n".encode("cp949"))
    event = ["--event", "2002-01-01/2003-01-01=군대", "--event", "2004-05-05=졸업=끝"]
    assert main(["plot", "나이.csv", "--encoding", "cp949", "--out", "a.html", *event, "--language", "ko"]) == 0
    page = (folder / "a.html").read_text("utf-8")
    assert 'aria-label="군대, 2002-01-01 – 2003-01-01"' in page
    assert "졸업=끝" in page


def test_a_missing_package_is_told_in_korean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without matplotlib the error is a line that says what to install, wholly in Korean, and a page needs none."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["plot", "표.csv", "--out", "a.png", "--lang", "ko"]) == 2
    assert '.png 그림에는 패키지가 더 필요합니다. 설치: pip install ".[report]"' in capsys.readouterr().err
    assert main(["plot", "표.csv", "--out", "a.html"]) == 0
