"""The examples of the tutorial pages and their notebook, run in this process with the constructed replies."""

from __future__ import annotations

import ast
import csv
import importlib.util
import io
import json
import re
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import cloudai
from cloudai.report import Plot
from cloudai.table import Table
from tests.support.paths import EXAMPLES

pytestmark = pytest.mark.long
Run = Callable[..., Path]


@pytest.fixture(autouse=True)
def _hangul(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find_spec("koreanize_matplotlib")
    assert spec
    assert spec.origin
    monkeypatch.setenv("CLOUDAI_FONT", str(Path(spec.origin).parent / "fonts" / "NanumGothic.ttf"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run an example with arguments, and return the folder that it has written to."""

    def example(name: str, *arguments: str) -> Path:
        module = loaded(name)
        monkeypatch.setattr("sys.argv", [name, *arguments, "--out", str(tmp_path)])
        assert module.main() == 0
        return tmp_path

    return example


def loaded(name: str) -> Any:
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
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
    assert (out / "map.html").read_text("utf-8").count('class="dot"') == 3
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


@pytest.mark.parametrize("name", EXAMPLES_OF_TUTORIAL)
def test_an_example_is_a_screen_of_code_and_fails_in_a_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has 60 lines after its docstring; missing input, and a file in place of a folder, are told in a line."""
    code = (EXAMPLES / f"{name}.py").read_text("utf-8")
    assert len(code.splitlines()) - (ast.parse(code).body[0].end_lineno or 0) <= 60
    (tmp_path / "파일").write_text("x", "utf-8")
    module = loaded(name)
    for arguments in (["없는 파일", "--provider", "local"], ["--sample", "--out", str(tmp_path / "파일")]):
        out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
        monkeypatch.setattr("sys.argv", [name, *arguments, *out])
        assert module.main() == 2
        told = capsys.readouterr()
        assert 1 <= len(told.err.splitlines()) <= 2
        assert "Traceback" not in told.err
        assert "Open:" not in told.out


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


def test_every_sample_is_constructed() -> None:
    """Each exchange of each cassette says that it is constructed."""
    cassettes = list((EXAMPLES / "samples").glob("*.json"))
    assert len(cassettes) == 6
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
    assert all(isinstance(each, Plot | Table | PIL.Image.Image) for each in shown)
    assert names["by_words"][4].error is not None
    assert isinstance(names["languages"], cloudai.Table)
