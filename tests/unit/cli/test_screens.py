"""The command's words about mistakes in its arguments, and whatever is wide, unreadable or not to be shown."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudai.cli import main
from cloudai.cli.check import _announced, _Smallest
from cloudai.providers.local import Local
from cloudai.table_layout import text_width
from cloudai.wording import translated, using


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return the exit code of a command, and what it prints."""
    try:
        code = main(arguments)
    except SystemExit as left:
        code = int(str(left.code))
    return code, *capsys.readouterr()


def test_doctor_fits_its_table_to_the_window(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line of the table is wider than the window, all settings are shown, and the missing columns are named."""
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = told(["doctor"], capsys)
    table = out.partition("Not shown,")[0].splitlines()
    assert code == 0
    assert len(table) > 60
    assert max(map(text_width, table)) <= 80
    assert "purpose. A wider window shows them." in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["sentiment", "good", "--lexicon", "nope.csv"], "--lexicon names no file that is there"),
        (["doctor", "--report", "--check", "--yes"], "--report and --check do different things"),
        (["doctor", "--yes"], "--yes goes with --check"),
        (["faces", "x.jpg", "--provider", "clova"], "is no provider. Available: azure"),
        (["faces", "--bogus", "x.jpg"], "usage: cloudai faces"),
        (["faces", "--bogus", "x.jpg"], "cloudai faces: error: unrecognized arguments: --bogus"),
    ],
)
def test_a_mistake_is_named_in_words_of_the_command(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The option is spelled as it was typed, nothing is dropped in silence, and the usage is that of the command."""
    code, _, err = told(arguments, capsys)
    assert code == 2
    assert text in err
    assert "Did you mean" not in err


def test_korean_is_not_printed_where_it_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console of another encoding gets English: question marks help nobody."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["--lang", "ko", "doctor", "--yes"]) == 2
    err.flush()
    assert err.buffer.getvalue().decode("cp1252").startswith("--yes goes with --check")  # type: ignore[attr-defined]


class Full(io.BytesIO):
    """A stream to a disk that is full."""

    def write(self, data: Any) -> int:
        """Fail, as the system does."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_help_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk gives the exit code for it, also for the help."""
    full = io.TextIOWrapper(Full(), encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stdout", full)
    monkeypatch.setattr("cloudai.cli.discard_output", lambda: None)
    codes = [main(["--help"]), main(["faces", "--help"])]
    monkeypatch.undo()
    full.detach()
    assert codes == [74, 74]


def test_a_host_that_looks_like_a_key_is_not_announced() -> None:
    """What doctor masks in its table, the announcement of --check masks too."""
    call = _Smallest(Local(), "face", "detect_faces", "0123456789abcdef0123456789abcdef.example.com", 1)
    assert _announced(call)["host"] == "….example.com"


def test_korean_screens_have_no_english_in_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Errors of the journal, and the advice of Azure for a key without an address, are translated as a whole."""
    monkeypatch.chdir(tmp_path)
    Path("표.csv").write_text("이름\n가\n", "utf-8")
    Path("폴더").mkdir()
    monkeypatch.setenv("SPEECH_KEY", "not-a-real-key-0000000000000000")
    assert told(["--lang", "ko", "journal", "표.csv"], capsys)[2].startswith("표.csv은(는) cloudai의 저널이 아닙니다.")
    folder = ["--lang", "ko", "sentiment", "x", "--journal", "폴더"]
    assert told(folder, capsys)[2].startswith("폴더를 열 수 없습니다.")
    assert (
        "Azure 포털에서 키 옆에 있는 주소를 SPEECH_ENDPOINT에" in told(["--lang", "ko", "doctor", "azure"], capsys)[1]
    )


def test_the_words_of_python_are_left_as_they_are() -> None:
    """An exception of another library is not translated by half; what stands around it is."""
    error = "the provider 'naver' of clova cannot be loaded (AttributeError: module 'gu' has no attribute 'Nope')"
    with using("ko"):
        said = translated(error)
    assert said.startswith("clova의 제공자 'naver'")
    assert "(AttributeError: module 'gu' has no attribute 'Nope')" in said


def test_one_input_in_place_of_many_gets_an_example_of_its_kind() -> None:
    """The advice for texts shows texts, and that for pictures a folder of pictures."""
    from cloudai import Client, InputError

    client: Any = Client("local")
    with pytest.raises(InputError, match=r"\['Good!', 'Bad!'\]"):
        client.map("sentiment", "hello")
    with pytest.raises(InputError, match="photos"):
        client.map("detect_faces", "a.jpg")
