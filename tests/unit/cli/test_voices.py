"""The commands that speak: `say`, with its voice, format and speed, and `voices`."""

from __future__ import annotations

import csv
import errno
import io
import json
from functools import partial
from pathlib import Path

import pytest

from cloudai import Client, Request, Response
from cloudai.cli import batches, commands, main
from cloudai.media.speech import converted
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
        audio = converted(GREETING, "mp3") if "mp3" in request.headers["Accept"] else GREETING
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
    assert (tmp_path / "0000.mp3").read_bytes() == converted(GREETING, "mp3")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--speed", "빨리"], "빨리 is no number"),
        (["--speed", "inf"], "inf is no number"),
        (["--speed", "9"], "Watson does not speak at --speed 9.0"),
        (["--format", "flac"], "unknown format 'flac'"),
    ],
)
def test_what_cannot_be_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, watson: list[Request], flags: list[str], message: str
) -> None:
    """Each error says what is wrong with a flag, and nothing is sent."""
    try:
        code = main(["say", "안녕하세요!", "--provider", "watson", "--out", str(tmp_path), *flags])
    except SystemExit as stop:
        code = stop.code  # type: ignore[assignment]
    assert code
    assert message in capsys.readouterr().err
    assert watson == []


def said(*arguments: object) -> int:
    """Run the command `say` with the made-up Watson, and return its exit code."""
    return main(["say", *map(str, arguments), "--provider", "watson"])


@pytest.mark.parametrize("flags", [[], ["--csv", "표.csv"], ["--journal", "기록.journal"]])
def test_sound_that_would_go_nowhere_is_not_paid_for(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    watson: list[Request],
    flags: list[str],
) -> None:
    """Without a folder for the sound the command says how to name one; the plan and the JSON need none."""
    monkeypatch.chdir(tmp_path)
    assert said("안녕하세요!", *flags) == 2
    assert "--out DIR" in capsys.readouterr().err
    assert said("안녕하세요!", "--plan", *flags) == 0
    assert watson == []
    assert said("안녕하세요!", "--json") == 0
    assert len(watson) == 1


@pytest.mark.parametrize("folder", ["/proc", "목소리.txt", "목소리.txt/소리", "없는\0것"])
def test_a_folder_that_cannot_be_written_is_refused_before_paying(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    watson: list[Request],
    folder: str,
) -> None:
    """A folder of the system, a file and a name that no folder can have are errors, and nothing is sent."""
    monkeypatch.chdir(tmp_path)
    Path("목소리.txt").touch()
    assert said("안녕하세요!", "--out", folder) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert watson == []


@pytest.mark.parametrize("kept", [["--journal", "none", "--no-cache"], ["--journal", "기록.journal"]])
def test_a_used_folder_is_refused_before_paying(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    watson: list[Request],
    kept: list[str],
) -> None:
    """Another text, or a line put in before the others, would have the names of files that are there."""
    monkeypatch.chdir(tmp_path)
    lines = Path("대사.txt")
    lines.write_text("안녕하세요!\n또 올게요.\n", "utf-8")
    assert said("--lines", lines, "--out", "소리", *kept) == 0
    assert len(watson) == 2
    lines.write_text("어서 오세요.\n안녕하세요!\n또 올게요.\n", "utf-8")
    assert said("--lines", lines, "--out", "소리", *kept) == 2
    assert "there already, and nothing was sent" in capsys.readouterr().err
    assert said("잘 가요.", "--out", "소리", *kept) == 2
    assert len(watson) == 2
    assert said("잘 가요.", "--out", "소리", "--format", "mp3", *kept) == 0  # it has another ending
    assert said("잘 가요.", "--out", "소리2", *kept) == 0


def test_the_same_command_writes_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, watson: list[Request]
) -> None:
    """With its journal the command goes on in a folder that it has written to, and pays for nothing twice."""
    monkeypatch.chdir(tmp_path)
    command = ["안녕하세요!", "또 올게요.", "--out", "소리", "--journal", "기록.journal"]
    assert said(*command) == 0
    Path("소리/0001.wav").unlink()
    assert said(*command) == 0
    assert Path("소리/0001.wav").read_bytes() == GREETING
    assert len(watson) == 2
    Path("소리/0000.wav").write_bytes(b"RIFF")
    Path("소리/0001.wav").unlink()
    assert said(*command) == 74  # the other file is written all the same
    assert Path("소리/0000.wav").read_bytes() == b"RIFF"
    assert Path("소리/0001.wav").read_bytes() == GREETING
    assert len(watson) == 2


def test_a_full_disk_leaves_no_part_of_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, watson: list[Request]
) -> None:
    """Nothing is left under the name of the file, so that the same command writes it once there is room."""
    monkeypatch.chdir(tmp_path)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        write(path, content[:8192])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    command = ["안녕하세요!", "--out", "소리", "--journal", "기록.journal"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert said(*command) == 74
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert list(Path("소리").iterdir()) == []
    assert said(*command) == 0
    assert [path.name for path in Path("소리").iterdir()] == ["0000.wav"]
    assert len(watson) == 1


def test_an_error_about_a_long_text_repeats_its_beginning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, watson: list[Request]
) -> None:
    """Standard error has the first words of the text, and says how long it is."""
    assert said("가나다라 " * 1000, "--language", "tlh", "--out", tmp_path) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "no voice for tlh" in line]
    assert line.startswith("가나다라 가나다라")
    assert "… (5,000 characters): watson" in line
    assert len(line) < 400
    assert watson == []


@pytest.mark.parametrize(("flags", "kind"), [([], "DOCUMENT_TEXT_DETECTION"), (["--no-dense"], "TEXT_DETECTION")])
def test_signs_are_read_by_a_flag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: list[str], kind: str) -> None:
    """A flag asks for single words; pages full of text are the usual case and need none."""
    asked: list[Request] = []

    def send(request: Request) -> Response:
        asked.append(request)
        return ok({"responses": [{}]})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOOGLE_API_KEY", "not-a-real-key")
    monkeypatch.setattr(batches, "Client", partial(Client, send=send))
    assert main(["read", str(FIXTURES / "나무.png"), "--provider", "google", *flags]) == 0
    assert asked[0].json["requests"][0]["features"][0]["type"] == kind
    with pytest.raises(SystemExit):
        main(["read", str(FIXTURES / "나무.png"), "--dense"])


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
    printed = capsys.readouterr()
    assert printed.out == "no voices\n"
    assert "watson has no voice for tlh. Leave out --language" in printed.err
    assert len(watson) == 1
