"""The examples of the tutorial pages and their notebook, run in this process with the constructed replies."""

from __future__ import annotations

import ast
import csv
import importlib.util
import io
import json
import os
import re
import shutil
import wave
from collections.abc import Callable
from email import message_from_bytes, policy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import cloudai
from cloudai import Azure, Client, Google, UnsupportedOperationError, Watson
from cloudai.models.comparison import Comparison
from cloudai.report import Plot
from cloudai.table import Table
from tests.made_up.vendors import Vendors
from tests.support.paths import EXAMPLES, FIXTURES

pytestmark = pytest.mark.long
Run = Callable[..., Path]


def example(name: str) -> Any:
    """Load the module of an example anew, and return it."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run an example with arguments, and return the folder that it has written to."""

    def run_it(name: str, *arguments: str) -> Path:
        monkeypatch.setattr("sys.argv", [name, *arguments, "--out", str(tmp_path)])
        assert example(name).main() == 0
        return tmp_path

    return run_it


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def test_landmarks_are_drawn_on_real_portraits_offline(run: Run) -> None:
    """Without an account the boxes and points of two portraits are drawn, and no expression is made up."""
    out = run("face_landmarks")
    assert len(list((out / "drawn").glob("*.jpg"))) == 2
    assert not list(out.glob("emotions.*"))


def test_landmarks_expressions_and_ages(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """With the replies there are 36 points a face, the steps of the expressions, and the ranges of the ages."""
    out = run("face_landmarks", "--sample")
    assert "forehead" in (EXAMPLES / "samples" / "face_landmarks.json").read_text("utf-8").lower()
    assert capsys.readouterr().out.count("grace_hopper.jpg") == 12
    assert "very likely" in (out / "emotions.html").read_text("utf-8")
    assert (out / "ages.html").read_text("utf-8").count("<image ") == 2


def test_candidates_are_compared(run: Run) -> None:
    """Four groups with Korean names and four steps each; the table keeps the words."""
    out = run("candidate_emotions", "--sample", "--language", "ko")
    rows = rows_of(out / "emotions.csv")
    assert [row["word"] for row in rows if row["input"] == "후보 다.png"] == [
        *("VERY_LIKELY", "VERY_UNLIKELY", "UNLIKELY", "VERY_UNLIKELY")
    ]
    page = (out / "emotions.html").read_text("utf-8")
    assert "후보 라" in page
    assert "매우 높음" in page


def test_ages_over_time(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine dates with their ranges and true ages, a thumbnail each, a note, a shaded stretch, a strip and a morph."""
    out = run("age_over_time", "--sample")
    page = (out / "ages.html").read_text("utf-8")
    assert page.count("<image ") == 9
    assert page.count('aria-label="true age"') == 1
    assert page.count('class="stretch"') == page.count('class="note-line"') == 1
    assert re.search(r"2025-10-09 +2025-10-09 +68 +82 +74\.6", capsys.readouterr().out)
    with PIL.Image.open(out / "morph.gif") as morph:
        assert morph.n_frames > 60  # type: ignore[attr-defined]
    with PIL.Image.open(out / "strip.png") as strip:
        assert strip.width > 5 * strip.height


def test_the_drawings_of_ages_are_no_single_drawing_altered() -> None:
    """No two drawings of the sample have most of their pixels in common, as those of one template have."""
    paths = sorted((EXAMPLES / "samples" / "나이").glob("*.png"))
    people = [np.asarray(PIL.Image.open(path).convert("RGB").crop((60, 60, 240, 360)), dtype=int) for path in paths]
    for one, other in pairwise(people):
        assert (np.abs(one - other).max(axis=2) < 12).mean() < 0.5


def test_the_tour_of_google(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels, a logo, three landmarks with positions by address alone, handwriting, printed Korean, and a face."""
    out = run("google_tour", "--sample")
    told = capsys.readouterr().out
    for words in ("Nuri Books", "푸른마을 도서관", "HELLO, READER!", "Bongeunsa", "happiness", "gs://made-up-bucket"):
        assert words in told
    assert (out / "landmarks.html").read_text("utf-8").count('class="dot"') == 3
    assert "Handwriting" in (out / "labels.html").read_text("utf-8")
    assert len(list((out / "drawn").glob("*.jpg"))) == 4


def test_the_tour_of_texts(run: Run) -> None:
    """One table a call: nine languages, sentiment, key phrases in four languages, translations, a dictionary."""
    out = run("text_tour", "--sample")
    assert [row["code"] for row in rows_of(out / "languages.csv")] == [
        *("en", "ko", "ja", "zh-Hans", "de", "fr", "es", "ru", "ar")
    ]
    assert {row["language"] for row in rows_of(out / "key_phrases.csv")} == {"en", "ko", "de", "fr"}
    assert {row["to"] for row in rows_of(out / "translation.csv")} == {"ko"}
    assert rows_of(out / "dictionary.csv")[0]["text"] == "도서관"
    assert (out / "faces.png").exists()


def test_the_tour_of_texts_offline(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """On this computer alone what cannot be done is told in a line, and the tour goes on."""
    out = run("text_tour")
    assert "no dictionary ships with any package" in capsys.readouterr().out
    assert len(rows_of(out / "languages.csv")) == 9
    assert not (out / "dictionary.csv").exists()


EXAMPLES_OF_TUTORIAL = (
    *("face_landmarks", "candidate_emotions", "age_over_time"),
    *("google_tour", "text_tour", "review_sentiment"),
)
WITH_FUNCTIONS = ("transcribe", "translate_mails", "read_aloud")
"""Examples of which some have a function of their own beside `main`, and 75 lines."""


@pytest.mark.parametrize("name", [*EXAMPLES_OF_TUTORIAL, *WITH_FUNCTIONS])
def test_an_example_is_a_screen_of_code_and_fails_in_a_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has 60 or 75 lines after its docstring; missing input, and a file in place of a folder, are told in a line."""
    code = (EXAMPLES / f"{name}.py").read_text("utf-8")
    assert len(code.splitlines()) - (ast.parse(code).body[0].end_lineno or 0) <= (75 if name in WITH_FUNCTIONS else 60)
    (tmp_path / "파일").write_text("x", "utf-8")
    module = example(name)
    for arguments in (["없는 파일", "--provider", "local"], ["--sample", "--out", str(tmp_path / "파일")]):
        out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
        monkeypatch.setattr("sys.argv", [name, *arguments, *out])
        assert module.main() == 2
        told = capsys.readouterr()
        assert 1 <= len(told.err.splitlines()) <= 2
        assert "Traceback" not in told.err
        assert "Open:" not in told.out


@pytest.mark.parametrize("name", [*EXAMPLES_OF_TUTORIAL, *WITH_FUNCTIONS])
def test_a_sample_depends_on_no_settings(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever keys, endpoints, models and logins a user has, an example prints the same about its samples."""
    run(name, "--sample")
    plain = capsys.readouterr()
    for setting in (*Azure.settings, *Google.settings, *Watson.settings):
        value = "https://made-up.example" if setting.kind == "address" else "made-up"
        for variable in setting.env:
            monkeypatch.setenv(variable, setting.choices[-1] if setting.choices else value)
    login = {"type": "authorized_user", "client_id": "x", "client_secret": "x", "refresh_token": "x"}
    Path(os.environ["CLOUDSDK_CONFIG"], "application_default_credentials.json").write_text(json.dumps(login), "utf-8")
    run(name, "--sample")
    assert capsys.readouterr() == plain


@pytest.mark.parametrize("arguments", [[], ["--sample"]], ids=["local", "azure"])
def test_a_blank_line_of_a_poem_fails_alone(run: Run, arguments: list[str]) -> None:
    """Ten lines of the Korean poem have a score, and the blank one the reason why it has none, in the plot too."""
    out = run("review_sentiment", *arguments)
    whole = [row for row in rows_of(out / "시.csv") if row["sentence"] in ("-1", "")]
    assert [row["status"] for row in whole] == ["ok"] * 4 + ["failed"] + ["ok"] * 6
    page = (out / "시.html").read_text("utf-8")
    assert "– 글이 비어 있습니다" in page
    assert "input 4" not in page
    assert "고마운 아침이 온다" in page
    assert len([row for row in rows_of(out / "reviews.csv") if row["sentence"] == "-1"]) == 10


@pytest.mark.parametrize("has_voice", [True, False], ids=["espeak-ng", "no voice"])
def test_recordings_become_subtitles_and_are_compared(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    has_voice: bool,  # pytest passes it
) -> None:
    """An English and a Korean announcement have subtitles and error rates, also where no voice is installed."""
    if not has_voice:
        monkeypatch.setenv("CLOUDAI_ESPEAK", "/nowhere/espeak-ng")
    out = run("transcribe", "--sample")
    rows = rows_of(out / "transcripts.csv")
    assert [row["recording"].partition(".")[0] for row in rows] == ["announcement", "안내 방송"]
    assert [(row["substituted"], row["deleted"], row["inserted"]) for row in rows] == [("1", "0", "0"), ("2", "2", "0")]
    assert [float(row["cer_without_blanks"]) for row in rows] == [pytest.approx(0.03175, abs=1e-4), 0]
    assert "안녕하세요, 시립 도서관입니다." in (out / "안내 방송.srt").read_text("utf-8")
    assert (out / "announcement.vtt").read_text("utf-8").startswith("WEBVTT")
    assert "Mr. Han" in (out / "announcement.txt").read_text("utf-8")
    assert ">이층<" in (out / "안내 방송.html").read_text("utf-8")
    here = "on this computer" if has_voice and has_espeak() else "on another computer"
    assert capsys.readouterr().out.count(f"was spoken by espeak-ng {here}") == 2


def has_espeak() -> bool:
    """Return whether espeak-ng is installed where the tests run."""
    return shutil.which("espeak-ng") is not None


def test_no_mail_is_skipped(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten e-mails have ten rows with odd characters as they were; the one without text says why it has none."""
    out = run("translate_mails", "--sample")
    rows = rows_of(out / "mails.csv")
    assert len(rows) == 10
    assert all(row["subject_ko"] for row in rows)
    assert [row["mail"] for row in rows if row["error"]] == ["05.eml"]
    assert [row["mail"] for row in rows if not row["text_ko"]] == ["05.eml"]
    by_name = {row["mail"]: row for row in rows}
    assert "<script>alert('x')</script> &amp;" in by_name["04.eml"]["text_ko"]
    assert {"\N{ZERO WIDTH SPACE}", "\N{REPLACEMENT CHARACTER}"} <= set(by_name["07.eml"]["text"])
    assert "👩‍👩‍👧‍👦" in by_name["02.eml"]["text_ko"]
    assert "20\N{NO-BREAK SPACE}€" in by_name["06.eml"]["text"]
    told = capsys.readouterr().out
    assert "\x07" not in told
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in told


@pytest.mark.parametrize("charset", ["ks_c_5601-1987", "euc-kr", "x-unknown", None])
def test_a_mail_is_read_in_the_encoding_that_it_has(charset: str | None) -> None:
    """A syllable that EUC-KR lacks is read where a mail names EUC-KR, and an unknown encoding stops nothing."""
    content = "똠방각하, 안녕하세요"
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    encoded = content.encode("utf-8" if charset in ("x-unknown", None) else "cp949")
    head = f"Subject: x\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
    mail = message_from_bytes(head + encoded, policy=policy.default)
    assert example("translate_mails").text_of(mail) == (content, False)


@pytest.mark.parametrize("arguments", [["--sample"], []], ids=["watson", "local"])
def test_quotations_are_read_aloud(run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """An English and a Korean quotation become a WAV each, and the voices of either language are counted."""
    if not (arguments or has_espeak()):
        pytest.skip("espeak-ng is not installed")
    out = run("read_aloud", *arguments)
    files = [row["file"] for row in rows_of(out / "quotations.csv")]
    assert files == ["0000-Emily Dickinson.wav", "0001-김소월.wav"]
    for file in files:
        with wave.open(str(out / file)) as sound:
            assert sound.getnframes() > sound.getframerate()
    told = capsys.readouterr().out
    assert ("1 of 7 voices for ko-KR: ko-KR_JinV3Voice" if arguments else "voices for ko-KR: ko") in told
    assert rows_of(out / "voices.csv")


Answered = Callable[[str, Vendors], Any]


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Answered:
    """Load an example whose clients are answered by made-up vendors."""

    def load(name: str, vendors: Vendors) -> Any:
        monkeypatch.setenv("GOOGLE_API_KEY", "not-a-real-key-1234")
        monkeypatch.setattr("cloudai.Client", lambda provider, **_: Client(provider, send=vendors))
        return example(name)

    return load


@pytest.fixture
def of_table(answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], int]:
    """Run an example over a table, and return its exit code."""

    def run_it(name: str, rows: str) -> int:
        (tmp_path / "표.csv").write_text(rows, "utf-8")
        arguments = [str(tmp_path / "표.csv"), "--provider", "google", "--out", str(tmp_path / "나옴")]
        module = answered(name, Vendors())
        monkeypatch.setattr("sys.argv", [name, *arguments])
        code: int = module.main()
        return code

    return run_it


def test_a_quotation_without_text_fails_alone(
    of_table: Callable[[str, str], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row without text keeps its place with the reason, the others are read; a language is not needed."""
    rows = "author,text\n소월,\n가/나,안녕\n,Hello\n"
    assert of_table("read_aloud", rows) == 0
    read = rows_of(tmp_path / "나옴" / "quotations.csv")
    assert [row["file"] for row in read] == ["", "0001-가_나.wav", "0002.wav"]
    assert "empty" in read[0]["error"]
    assert of_table("read_aloud", "저자,본문\n소월,안녕\n") == 2
    assert "has no column author or text" in capsys.readouterr().err


def test_a_quotation_in_a_language_without_a_voice_fails_alone(
    of_table: Callable[[str, str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row whose language the provider does not speak has the reason in its place, and the others are read."""
    speak = Client.text_to_speech

    def speaks_no_klingon(client: Client, text: str, **options: Any) -> Any:
        if options["language"] == "tlh":
            raise UnsupportedOperationError("there is no voice for tlh")
        return speak(client, text, **options)

    monkeypatch.setattr(Client, "text_to_speech", speaks_no_klingon)
    assert of_table("read_aloud", "author,text,language\nA,nuqneH,tlh\nB,안녕,ko\n") == 0
    read = rows_of(tmp_path / "나옴" / "quotations.csv")
    assert [(row["file"], "no voice" in row["error"]) for row in read] == [("", True), ("0001-B.wav", False)]


def test_candidates_of_a_table(of_table: Callable[[str, str], int], tmp_path: Path) -> None:
    """A table with a Korean heading has a group for each row that names a picture, and rows for the others."""
    PIL.Image.new("RGB", (90, 60), (20, 90, 120)).save(tmp_path / "홍길동.png")
    PIL.Image.new("RGB", (90, 60), (21, 90, 120)).save(tmp_path / "김.png")
    rows = "이름,사진\n홍길동,홍길동.png\n홍길동,김.png\n이,\n"
    assert of_table("candidate_emotions", rows) == 0
    read = rows_of(tmp_path / "나옴" / "emotions.csv")
    assert {row["이름"] for row in read} == {"홍길동", "이"}
    assert "empty" in next(row["error"] for row in read if row["이름"] == "이")
    assert of_table("candidate_emotions", "이름,그림\n홍길동,홍길동.png\n") == 2


def test_mails_of_a_folder_have_a_row_each_whatever_their_ending(
    answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mail without a subject has none in the table, MAIL.EML is a mail, and a folder without mails is an error."""
    (tmp_path / "메일").mkdir()
    module = answered("translate_mails", Vendors())
    arguments = [str(tmp_path / "메일"), "--provider", "google", "--out", str(tmp_path / "나옴")]
    monkeypatch.setattr("sys.argv", ["translate_mails", *arguments])
    assert module.main() == 2
    assert "no .eml file" in capsys.readouterr().err
    (tmp_path / "메일" / "편지.EML").write_bytes("Content-Type: text/plain; charset=utf-8\n\n안녕".encode())
    assert module.main() == 0
    [row] = rows_of(tmp_path / "나옴" / "mails.csv")
    assert (row["mail"], row["subject"], row["text"], row["text_ko"]) == ("편지.EML", "", "안녕", "좋아요.")
    assert row["error"].startswith("subject: the text is empty")


def test_a_mail_in_html_is_translated_as_html(
    answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor is told which text is HTML, so that its tags stay, and a subject is none."""
    (tmp_path / "메일").mkdir()
    text = "<p>See you at <b>seven</b> &amp; bring a pencil.</p>"
    (tmp_path / "메일" / "1.eml").write_text(
        f"Subject: 5 < 7\nContent-Type: text/html; charset=utf-8\n\n{text}", "utf-8"
    )
    vendors = Vendors()
    module = answered("translate_mails", vendors)
    arguments = [str(tmp_path / "메일"), "--provider", "google", "--out", str(tmp_path / "나옴")]
    monkeypatch.setattr("sys.argv", ["translate_mails", *arguments])
    assert module.main() == 0
    asked = [(request.json["format"], request.json["q"]) for request in vendors.requests]
    assert asked == [("text", ["5 < 7"]), ("html", [text])]
    [row] = rows_of(tmp_path / "나옴" / "mails.csv")
    assert (row["text"], row["text_ko"], row["error"]) == (text, "좋아요.", "")


def test_a_reference_in_cp949_is_read_and_a_missing_one_costs_nothing(
    answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reference of a recording is read before the provider is asked, in the encoding of a Korean Windows."""
    vendors = Vendors()
    module = answered("transcribe", vendors)
    shutil.copy(FIXTURES / "인사.wav", tmp_path / "회의.wav")
    reference = tmp_path / "말.txt"
    arguments = ["--provider", "google", "--language", "ko-KR", "--out", str(tmp_path / "나옴")]
    monkeypatch.setattr(
        "sys.argv", ["transcribe", str(tmp_path / "회의.wav"), "--reference", str(reference), *arguments]
    )
    assert module.main() == 2
    assert "말.txt" in capsys.readouterr().err
    assert vendors.requests == []
    reference.write_text("안녕하세요 여러분, 반갑습니다", "cp949")
    assert module.main() == 0
    [row] = rows_of(tmp_path / "나옴" / "transcripts.csv")
    assert row["deleted"] == "3"


def test_a_provider_that_there_is_not_has_no_capabilities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in the name is told, and shows no empty table; a file in place of the folder is told in a line."""
    module = example("capabilities")
    monkeypatch.setattr("sys.argv", ["capabilities", "--provider", "azur", "--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        module.main()
    assert "'azur'" in capsys.readouterr().err
    (tmp_path / "파일").write_text("x", "utf-8")
    monkeypatch.setattr("sys.argv", ["capabilities", "--out", str(tmp_path / "파일")])
    assert module.main() == 2
    assert "파일" in capsys.readouterr().err


@pytest.mark.parametrize(("language", "words"), [("en", "no visit is counted"), ("ko", "방문을 더는 세지 않음")])
def test_what_was_switched_off_is_told(run: Run, capsys: pytest.CaptureFixture[str], language: str, words: str) -> None:
    """The page and the tables have the shortener and the count of visits with both days, and load nothing."""
    out = run("capabilities", "--language", language)
    page = (out / "capabilities.html").read_text("utf-8")
    assert words in page
    assert "default-src 'none'" in page
    told = capsys.readouterr().out
    days = [row["date"] for row in rows_of(out / "switched_off.csv") if row["service"][:3] in ("URL", "Uni")]
    assert days == ["2019-03-30", "2023-07-01", "2024-07-01", "2025-08-25"]
    assert all(day in page and day in told for day in days)
    assert len(rows_of(out / "capabilities.csv")) > 44


def test_every_sample_is_constructed() -> None:
    """Each exchange of each cassette says that it is constructed."""
    cassettes = list((EXAMPLES / "samples").glob("*.json"))
    assert len(cassettes) == 9
    for path in cassettes:
        exchanges = json.loads(path.read_text("utf-8"))["exchanges"]
        assert {exchange["kind"] for exchange in exchanges} == {"constructed"}, path


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell of the notebook runs in order, and what it ends with shows itself as HTML or as a picture."""
    monkeypatch.chdir(EXAMPLES)
    cells = json.loads((EXAMPLES / "tutorial.ipynb").read_text("utf-8"))["cells"]
    names: dict[str, Any] = {}
    shown = []
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == []
        *body, last = ast.parse("".join(cell["source"])).body
        exec(compile(ast.Module(body, []), cell["id"], "exec"), names)  # noqa: S102  # our own words
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), cell["id"], "eval"), names))  # noqa: S307
        else:
            exec(compile(ast.Module([last], []), cell["id"], "exec"), names)  # noqa: S102
    plots = [each for each in shown if isinstance(each, Plot)]
    assert [each.chart.kind for each in plots] == ["bars", "ages", "bars", "ages", "map", "bars", "bars"]
    assert all("<svg" in each._repr_html_() for each in plots)
    assert all(isinstance(each, Plot | Table | PIL.Image.Image | Comparison | cloudai.Speech) for each in shown)
    assert [row["error"] for row in shown[-3] if row["status"] == "failed"] == [str(names["said"][14].error)]
    assert names["by_words"][4].error is not None
    assert isinstance(names["languages"], cloudai.Table)
