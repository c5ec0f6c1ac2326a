"""The commands that speak: `say`, with its voice, format and speed, and `voices`."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path

import pytest

from cloudai import Client, Request, Response
from cloudai.cli import batches, commands, main
from tests.made_up.provider import ok
from tests.support.paths import FIXTURES

GREETING = (FIXTURES / "인사.wav").read_bytes()


@pytest.fixture
def watson(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Let the commands ask a made-up Watson, and return what it is asked."""
    asked: list[Request] = []

    def send(request: Request) -> Response:
        asked.append(request)
        if request.url.endswith("/voices"):
            return ok(
                json.loads((FIXTURES / "watson/voices-success.json").read_text("utf-8"))["exchanges"][0]["response"][
                    "body"
                ]
            )
        audio = b"ID3" + b"\0" * 100 if "mp3" in request.headers["Accept"] else GREETING
        return Response(200, {}, audio)

    monkeypatch.setenv("TEXT_TO_SPEECH_APIKEY", "not-a-real-key")
    monkeypatch.setenv("TEXT_TO_SPEECH_URL", "https://api.kr-seo.text-to-speech.watson.cloud.ibm.com/instances/1")
    for module in (batches, commands):
        monkeypatch.setattr(module, "Client", partial(Client, send=send))
    return asked


def test_korean_lines_become_sound_files(tmp_path: Path, watson: list[Request]) -> None:
    """Each line has a file with the sound as it came, at the speed and by the voice that are asked for, and a row."""
    lines = tmp_path / "대사.txt"
    lines.write_text("안녕하세요!\n또 올게요.\n", "utf-8")
    out, table, journal = tmp_path / "소리", tmp_path / "표.csv", tmp_path / "기록.journal"
    command = ["say", "--lines", str(lines), "--provider", "watson", "--out", str(out), "--journal", str(journal)]
    command += ["--csv", str(table), "--voice", "ko-KR_JinV3Voice", "--speed", "1.5"]
    assert main(command) == 0
    assert sorted(path.name for path in out.iterdir()) == ["0000.wav", "0001.wav"]
    assert (out / "0000.wav").read_bytes() == GREETING
    assert sorted(request.json["text"] for request in watson) == ["또 올게요.", "안녕하세요!"]
    assert watson[0].params == {"voice": "ko-KR_JinV3Voice", "rate_percentage": "50"}
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    assert [(row["input"], row["format"], row["duration"]) for row in rows] == [
        ("안녕하세요!", "wav", "1.0"),
        ("또 올게요.", "wav", "1.0"),
    ]


def test_a_text_as_mp3(tmp_path: Path, watson: list[Request]) -> None:
    """The format decides what is asked for and how the file is called; without a voice the language decides it."""
    assert main(["say", "안녕하세요!", "--provider", "watson", "--format", "mp3", "--out", str(tmp_path)]) == 0
    assert (watson[0].params["voice"], watson[0].headers["Accept"]) == ("ko-KR_JinV3Voice", "audio/mp3")
    assert (tmp_path / "0000.mp3").read_bytes().startswith(b"ID3")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--speed", "빨리"], "빨리 is no number"),
        (["--speed", "inf"], "inf is no number"),
        (["--speed", "9"], "speed=9.0 is not one of Watson"),
        (["--format", "flac"], "unknown format 'flac'"),
    ],
)
def test_what_cannot_be_said(
    capsys: pytest.CaptureFixture[str], watson: list[Request], flags: list[str], message: str
) -> None:
    """Each error says what is wrong with a flag, and nothing is sent."""
    try:
        code = main(["say", "안녕하세요!", "--provider", "watson", *flags])
    except SystemExit as stop:
        code = stop.code  # type: ignore[assignment]
    assert code
    assert message in capsys.readouterr().err
    assert watson == []


def test_the_voices_for_korean(capsys: pytest.CaptureFixture[str], tmp_path: Path, watson: list[Request]) -> None:
    """The table, the JSON and the CSV have one line for each voice that speaks the language."""
    assert main(["voices", "--language", "ko", "--provider", "watson"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["ko-KR_JinV3Voice", "ko-KR", "female", "V3", "22050"]
    assert main(["voices", "--language", "ko", "--provider", "watson", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["languages"] == ["ko-KR"]
    table = tmp_path / "목소리.csv"
    assert main(["voices", "--provider", "watson", "--csv", str(table)]) == 0
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    assert [row["name"] for row in rows][:2] == ["en-US_EllieNatural", "ko-KR_JinV3Voice"]
    assert len(watson) == 3


def test_voices_that_cannot_be_listed(capsys: pytest.CaptureFixture[str], watson: list[Request]) -> None:
    """A language that is no code, and two ways of printing, are errors before anything is sent."""
    assert main(["voices", "--provider", "watson", "--language", "한국어"]) == 2
    assert "no code of a language" in capsys.readouterr().err
    assert main(["voices", "--provider", "watson", "--json", "--csv", "-"]) == 2
    assert main(["voices", "--provider", "watson", "--language", "tlh"]) == 0
    assert capsys.readouterr().out == "no voices\n"
    assert len(watson) == 1
