"""``cloudai transcribe``: files beside the table, named after the recording, and a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cloudai.cli.batches
from cloudai import Client, Google
from cloudai.cli import main
from tests.support.listening import Listener, Said, recording

KEY = "canary-key-4711"


@pytest.fixture(scope="module")
def said() -> Said:
    """Twenty sentences, which are more than a minute."""
    return recording(20)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    """Let the command talk to a made-up server."""
    listener = Listener("google v1")

    def client(_: Any, **options: Any) -> Client:
        return Client(Google(api_key=KEY), send=listener, **options)

    monkeypatch.setattr(cloudai.cli.batches, "Client", client)
    return listener


def test_a_lecture_becomes_subtitles_text_and_a_comparison(
    said: Said, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files stand in this folder under the name of the recording; the error rates are printed."""
    monkeypatch.chdir(tmp_path)
    Path("강의.wav").write_bytes(said.wav())
    words = [word for word, _, _ in said.words]
    Path("원문.txt").write_text(" ".join(words[1:]), "utf-8")
    arguments = ["--language", "ko-KR", "--srt", "--vtt", "--txt", "--compare", "원문.txt"]
    assert main(["transcribe", "강의.wav", *arguments]) == 0
    assert len(listener.heard) == 2
    assert Path("강의.srt").read_text("utf-8").count("-->") == 11
    assert Path("강의.vtt").read_text("utf-8").startswith("WEBVTT")
    assert "".join(Path("강의.txt").read_text("utf-8").split()) == "".join(words)
    assert f"<ins>{words[0]}</ins>" in Path("강의.compare.html").read_text("utf-8")
    assert "word error rate 1.0%" in capsys.readouterr().out


def test_several_recordings_have_numbers(said: Said, listener: Listener, tmp_path: Path, capsys: Any) -> None:
    """Two recordings of one name get files of their own; one text is no reference for both."""
    for folder in ("가", "나"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "말.wav").write_bytes(said.wav()[: 44 + 2 * 16_000 * (10 if folder == "가" else 12)])
    files = [str(tmp_path / folder / "말.wav") for folder in ("가", "나")]
    out = tmp_path / "자막"
    assert main(["transcribe", *files, "--language", "ko", "--srt", "--out", str(out), "--journal", "none"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["0000-말.srt", "0001-말.srt"]
    assert main(["transcribe", *files, "--language", "ko", "--compare", "원문.txt", "--journal", "none"]) == 2
    assert "--compare goes with one recording" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["srt", "vtt", "txt", "compare.html"])
def test_a_file_in_the_way_is_told_before_anything_is_sent(
    ending: str,
    said: Said,
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Subtitles that somebody has made by hand are neither replaced, nor is a recording paid for in vain."""
    monkeypatch.chdir(tmp_path)
    Path("강의.wav").write_bytes(said.wav())
    Path("원문.txt").write_text("단어0", "utf-8")
    Path(f"강의.{ending}").write_text("손으로 만든 것", "utf-8")
    flag = ["--compare", "원문.txt"] if ending == "compare.html" else [f"--{ending}"]
    flag += ["--journal", "강의.journal"]
    assert main(["transcribe", "강의.wav", "--language", "ko", *flag]) == 2
    assert listener.sent == []
    assert f"강의.{ending} is there already, and nothing was sent" in capsys.readouterr().err
    assert Path(f"강의.{ending}").read_text("utf-8") == "손으로 만든 것"
    Path(f"강의.{ending}").unlink()
    assert main(["transcribe", "강의.wav", "--language", "ko", *flag]) == 0
    assert main(["transcribe", "강의.wav", "--language", "ko", *flag]) == 0  # from the journal, with the same content
    assert len(listener.heard) == 2


@pytest.mark.parametrize(("content", "told"), [(None, "cannot read 원문.txt"), ("…", "no word")])
def test_a_reference_of_no_use_is_told_before_anything_is_sent(
    content: str | None,
    told: str,
    said: Said,
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A missing reference, or one without a word, costs nothing."""
    monkeypatch.chdir(tmp_path)
    Path("강의.wav").write_bytes(said.wav())
    if content:
        Path("원문.txt").write_text(content, "utf-8")
    assert main(["transcribe", "강의.wav", "--language", "ko", "--compare", "원문.txt"]) == 2
    assert listener.sent == []
    assert told in capsys.readouterr().err
