"""``cloudai transcribe``: files beside the table, named after the recording, and a comparison."""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import cloudai.cli.batches
from cloudai import Client, Google
from cloudai.batch.batch import Batch
from cloudai.cli import main
from cloudai.providers.google import speech
from tests.support.listening import Listener, Said, recording

KEY = "canary-key-4711"


@pytest.fixture(scope="module")
def said() -> Said:
    """Return a recording of twenty sentences, which is longer than a minute."""
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


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="a pipe has no path there")
def test_a_reference_may_be_a_pipe(
    said: Said, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a shell hands over as ``<(…)`` can be read only once, and is compared all the same."""
    monkeypatch.chdir(tmp_path)
    Path("강의.wav").write_bytes(said.wav())
    words = [word for word, _, _ in said.words]
    reader, writer = os.pipe()
    try:
        with open(writer, "w", encoding="utf-8") as pipe:  # noqa: PTH123  # it has no path
            pipe.write(" ".join(words[1:]))
        assert main(["transcribe", "강의.wav", "--language", "ko-KR", "--compare", f"/dev/fd/{reader}"]) == 0
    finally:
        os.close(reader)
    assert f"<ins>{words[0]}</ins>" in Path("강의.compare.html").read_text("utf-8")
    assert "word error rate 1.0%" in capsys.readouterr().out


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


def test_what_is_heard_is_shown_beside_a_piece_that_is_refused(
    said: Said, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The vendor refuses the second piece: files that say so in their names have the first one, and name the gap."""
    monkeypatch.chdir(tmp_path)
    Path("강의.wav").write_bytes(said.wav())
    listener.refused = "단어99"
    arguments = ["--language", "ko-KR", "--journal", "none"]
    assert main(["transcribe", "강의.wav", *arguments, "--srt", "--txt", "--json"]) == 1
    assert sorted(path.name for path in tmp_path.glob("강의*")) == [
        "강의.incomplete.srt",
        "강의.incomplete.txt",
        "강의.wav",
    ]
    text = Path("강의.incomplete.txt").read_text("utf-8")
    assert "단어0" in text
    assert "단어99" not in text
    assert "[missing: 0:3" in text
    assert "[missing: 0:3" in Path("강의.incomplete.srt").read_text("utf-8")
    printed = capsys.readouterr()
    assert "wrote 강의.incomplete.srt" in printed.err
    assert "bad sound" in printed.err
    assert "단어0" in json.loads(printed.out.splitlines()[0])["partial"]["text"]
    assert main(["transcribe", "강의.wav", *arguments]) == 1
    assert "[missing: 0:3" in capsys.readouterr().out


def press_at_first_reply(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Cut recordings into many pieces, and press Ctrl-C before the first of them is answered.

    No piece is answered until the batch has seen it. The event that is returned is set then.
    """
    monkeypatch.setattr(speech, "LIMITS", replace(speech.LIMITS, max_seconds=8.0, piece_seconds=7.0))
    seen, stop = threading.Event(), Batch.stop

    def stopped(job: Any, **more: Any) -> None:
        stop(job, **more)
        seen.set()

    def press() -> None:
        listener.before_reply = lambda: None
        os.kill(os.getpid(), signal.SIGINT)
        seen.wait(5)

    monkeypatch.setattr(Batch, "stop", stopped)
    listener.before_reply = press
    return seen


def test_ctrl_c_keeps_what_is_heard_and_says_how_to_go_on(
    said: Said, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C amid the pieces: what was out is kept, and the same command sends the others and writes the files."""
    monkeypatch.chdir(tmp_path)
    Path("강의.wav").write_bytes(said.wav())
    seen = press_at_first_reply(listener, monkeypatch)
    command = ["transcribe", "강의.wav", "--language", "ko-KR", "--srt"]
    assert main(command) == 130
    assert seen.is_set()
    told = capsys.readouterr().err
    kept = [*listener.heard]
    assert "cloudai-speech-to-text-google.journal has what is finished: the same command goes on from there" in told
    assert not Path("강의.srt").exists()
    assert main(command) == 0
    assert 0 < len(kept) < len(listener.heard) == len(set(map(str, listener.heard)))
    assert all(f"{word} " in " ".join(Path("강의.srt").read_text("utf-8").split()) + " " for word, _, _ in said.words)


def test_ctrl_c_without_a_journal_says_how_to_keep_what_is_heard(
    said: Said, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no journal keeps the pieces, the command says that it begins anew, and which option would keep them."""
    monkeypatch.chdir(tmp_path)
    Path("강의.wav").write_bytes(said.wav())
    seen = press_at_first_reply(listener, monkeypatch)
    command = ["transcribe", "강의.wav", "--language", "ko-KR", "--srt", "--journal", "none"]
    assert main(command) == 130
    assert seen.is_set()
    assert "--journal FILE" in capsys.readouterr().err
