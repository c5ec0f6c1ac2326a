"""Text of vendors, pictures, recordings and file names is shown, and does nothing: in no terminal, sheet or page."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cloudai import Client, CloudAIError, Google, Response, Table
from cloudai.cli import main
from cloudai.errors import InputError, ServiceError
from cloudai.report import Tile, gallery, safe_name
from tests.made_up.faults import head
from tests.made_up.server import Connection, faultd
from tests.support.length import length
from tests.support.paths import ROOT

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ESCAPES = {
    "colour": "\x1b[31m빨강\x1b[0m",
    "title": "\x1b]0;제목\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\눌러\x1b]8;;\x1b\\",
    "8-bit": "\x9b31m\x9d0;x\x9c",
    "backspace": "가나\b\b\b다",
    "return": "안전\r위험",
    "lines": "한 줄\n두 줄\u2028세 줄\u2029네 줄\x85다섯\v여섯\f일곱",
    "nul": "a\0b",
    "bidi": "\u202egnp.exe\u202c \u2066a\u2069 \u200fb\u061c",
    "no width": "관\u200b리\ufeff자\u2060\u00ad",
    "tags": "a\U000e0041\U000e0042",
    "half": "\ud800 반쪽",
}
FORMULAS = {
    "equals": "=cmd|'/c calc'!A1",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(1)",
    "tab": "\t=1",
    "return": "\r=1",
    "line": "\n=1",
    "nul": "\0=1",
    "space": " =1+1",
    "no-break space": "\xa0=1",
    "wide space": "\u3000=1",
    "thin space": "\u2009+1",
    "no width": "\u200b=1",
    "byte order mark": "\ufeff=1",
    "joiner": "\u200d=1",
    "bidi": "\u202e=1",
    "full width": "＝1+1",
    "full width plus": "＋1",
    "small": "﹦1",
    "small at": "﹫SUM(1)",
    "line separator": "\u2028=1",
}
MARKUP = {
    "script": "<script>hit()</script>",
    "handler": '"><img src=x onerror="hit()">',
    "quote": "' onmouseover='hit()' autofocus onfocus='hit()",
    "end": "</script></style></title></textarea><svg onload=hit()>",
    "comment": "--><script>hit()</script><!--",
    "address": '<a href="javascript:hit()">x</a><meta http-equiv=refresh content="0;url=HERE">',
    "frame": '<iframe src="HERE"></iframe><img src="HERE"><link rel=stylesheet href="HERE"><base href="HERE">',
    "style": "<style>@import url(HERE);*{background:url(HERE)}</style>",
    "markdown": "[x](javascript:hit()) ![x](HERE) `<script>hit()</script>`",
    "entities": "&lt;script&gt;hit()&lt;/script&gt; &#60;script&#62;hit()",
    "template": "{{hit()}} ${hit()} {0} %s",
}
LONG = "가" * length(10_000, 100_000, 100_000)
HOSTILE = {**ESCAPES, **FORMULAS, **MARKUP, "long": LONG, "NFD": unicodedata.normalize("NFD", "강물결")}
STEERS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


@pytest.fixture(params=list(HOSTILE))
def hostile(request: pytest.FixtureRequest) -> str:
    """Return each hostile text in turn."""
    return HOSTILE[str(request.param)]


def labelled(*texts: str) -> Any:
    """Return a picture's labels as a vendor's reply has them."""
    labels = [{"mid": "/m/1", "description": text, "score": 0.9, "topicality": 0.9} for text in texts]
    reply = json.dumps({"responses": [{"labelAnnotations": labels}]})
    out = io.BytesIO()
    Image.new("RGB", (40, 40)).save(out, "PNG")
    with Client(
        Google(api_key="not-a-key"), send=lambda _: Response(200, {"content-type": "application/json"}, reply.encode())
    ) as client:
        return client.analyze_image(out.getvalue(), features=["tags"])


def test_a_terminal_is_not_steered(hostile: str) -> None:
    """A table has one line a row, whatever is in its cells and headings, and only what can be seen; in NFC."""
    table = Table([{"a": hostile, "b": 1}, {"a": "나", "b": 2, hostile: 3}])
    for text in (str(table), repr(table), str(labelled(hostile).table())):
        assert not STEERS.search(text)
        assert max(len(line) for line in text.split("\n")) < 250
        text.encode()
    assert len(str(table).split("\n")) == 4
    assert "강물결" in str(Table([{"a": HOSTILE["NFD"]}]))


def test_the_value_itself_is_kept(hostile: str) -> None:
    """A text is made harmless where it is shown, and stays as it was found for `==` and in JSON."""
    found = labelled(hostile)
    assert found.tags[0].name == hostile or "\ud800" in hostile
    text = Table([{"a": hostile}]).to_jsonl()
    assert not STEERS.search(text)
    assert len(text.splitlines()) == 1
    if "\ud800" not in hostile:
        assert json.loads(text) == {"a": hostile}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_spreadsheet_runs_nothing(name: str, tmp_path: Path) -> None:
    """A cell or heading that could be a formula begins with an apostrophe; numbers stay numbers; the rest is exact."""
    text = FORMULAS[name]
    table = Table([{"a": text, text: "나", "c": -1.5, "d": "a=b", "e": "3-4", "f": "가 -1"}])
    table.to_csv(tmp_path / "표.csv")
    with (tmp_path / "표.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    assert head[1] == row[0]
    assert row[0].startswith("'")
    assert row[0].replace("'", "") == text.replace("'", "")
    assert row[1:] == ["나", "-1.5", "a=b", "3-4", "가 -1"]
    assert next(csv.reader(io.StringIO(table.to_csv(), newline="")))[1] == text


SEPARATED = [
    *(";=1", ",=1", "\t=1", "|=1", ";;=1", "; =1", ";\u200b=1", ";＝1", ";+1", ";-1", ";@A1", '";=1', ';"=1', "\n=1"),
    *("가;=1", "가\t=1", "가\n=1", "가\r\n=1", '가;"=1', "가; 나;=1", "=1;=2", "가\n;=1", "가;\n=1"),
]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("text", SEPARATED)
def test_a_spreadsheet_runs_nothing_wherever_it_cuts(text: str, separator: str, tmp_path: Path) -> None:
    """In a country where the list separator is a semicolon, a file with commas is cut at other places: also inert."""
    for row in ({"a": text, "b": "나"}, {"a": "나", "b": text, "c": "다"}, {text: "나", f"b{text}": text}):
        Table([row]).to_csv(tmp_path / "표.csv")
        written = (tmp_path / "표.csv").read_text("utf-8-sig")
        # A spreadsheet reads a quotation mark only where a cell begins with it, and goes on at the end of the line.
        for cells in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            for cell in cells:
                assert not re.match(r'[\s"\u200b]*[=+\-@＝]', cell), written
                for part in re.split(r"[;\t\r\n]", cell) if separator != "," else ():
                    assert not re.match(r'[\s"\u200b]*[=+\-@＝]', part), written


def test_separators_without_a_formula_stay_as_they_are(tmp_path: Path) -> None:
    """Prose, numbers and lists are not touched."""
    texts = ["좋아요; 아주", "a, -5", "3;4", "줄\n줄", ";", ",", "x;y=z", "a-b;c+d"]
    Table([{"a": text} for text in texts]).to_csv(tmp_path / "표.csv")
    with (tmp_path / "표.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row[0] for row in csv.reader(file)][1:] == texts


@pytest.mark.parametrize("name", {**ESCAPES, **MARKUP})
def test_files_hold_every_text(name: str, tmp_path: Path) -> None:
    """CSV, JSONL and Parquet take whatever a vendor says, and give it back (half a pair as its escape)."""
    import polars as pl

    text = HOSTILE[name]
    table = Table([{"a": text}])
    table.to_csv(tmp_path / "a.csv")
    table.to_jsonl(tmp_path / "a.jsonl")
    table.to_parquet(tmp_path / "a.parquet")
    whole = text.encode("utf-8", "backslashreplace").decode()
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1][0].replace("'", "") == whole.replace("'", "")  # see the test before
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 1
    assert pl.read_parquet(tmp_path / "a.parquet")["a"][0] == whole


def test_an_error_is_one_line(hostile: str) -> None:
    """An error is one line of a readable length that steers nothing, for any reply and any name of a file."""
    body = json.dumps({"error": {"code": 400, "message": hostile, "status": hostile}}).encode()
    with (
        Client(
            Google(api_key="not-a-key"), send=lambda _: Response(400, {"content-type": "application/json"}, body)
        ) as client,
        pytest.raises(ServiceError) as raised,
    ):
        client.sentiment("좋아요", language="ko")
    for text in (str(raised.value), str(InputError(f"{hostile[:300]} is no picture", advice=hostile[:300]))):
        assert not STEERS.search(text)
        assert len(text.splitlines()) == 1
        assert len(text) < 1500


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("half", "nul", "long")][:: length(2, 1, 1)])
def test_the_command_steers_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of a hostile name, in its table, its JSON, its error, and when it is forgotten."""
    text = HOSTILE[name].replace("/", "_")[:60] + ".jpg"
    file = tmp_path / text
    file.write_bytes(b"<!DOCTYPE html>")
    journal = str(tmp_path / "j.journal")
    for command in (
        ["faces", str(file), "--journal", journal],
        ["faces", str(file), "--json"],
        ["journal", journal, f"--forget={text}"],
        ["journal", journal, f"--forget={text}"],
        ["faces", str(file), "--csv", str(tmp_path / "no" / text)],
    ):
        main(command)
        seen = capsys.readouterr()
        assert seen.out + seen.err
        assert not STEERS.search(seen.out + seen.err)


def test_csv_that_somebody_watches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal it steers nothing; a program gets the exact text."""
    from cloudai.cli.outputs import write_table

    table = Table([{"a": ESCAPES["colour"]}])
    write_table(table, "-", None)
    assert capsys.readouterr().out == table.to_csv()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    write_table(table, "-", None)
    assert not STEERS.search(capsys.readouterr().out)


@pytest.mark.parametrize("name", HOSTILE)
def test_files_stay_where_they_belong(name: str, tmp_path: Path) -> None:
    """A name made of a hostile text is a file in its folder, that any system can write, and shows as it is."""
    for text in (HOSTILE[name], f"../../{HOSTILE[name]}", f"C:\\{HOSTILE[name]}"):
        made = safe_name(1, text, ".jpg")
        (tmp_path / made).write_bytes(b"x")
        assert (tmp_path / made).resolve().parent == tmp_path.resolve()
        assert not STEERS.search(made)
        assert not set(made) & set('<>:"/\\|?*')
        assert made == unicodedata.normalize("NFC", made)


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server on this computer, and the list of what it was asked for."""
    asked: list[str] = []

    def note(connection: Connection) -> None:
        asked.append(connection.path)
        connection.send(head("204 No Content", kind=""))

    with faultd(note) as server:
        yield f"{server.url}/", asked


def opened(path: Path, profile: Path) -> str:
    """Return the page after a browser has had its time with it."""
    assert BROWSER
    options = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    command = [BROWSER, *options.split(), "--virtual-time-budget=1500", "--dump-dom", f"--user-data-dir={profile}"]
    return subprocess.run([*command, path.as_uri()], capture_output=True, check=True, timeout=60).stdout.decode()


def pages(texts: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Yield all that we have for browsers and notebooks, made of these texts."""
    found = labelled(*texts.values())
    rows = [{"a": text, text: "나"} for text in texts.values()]
    yield Table(rows, units={"a": "<script>hit()</script>"})._repr_html_()
    yield found._repr_html_()
    files = []
    for number, text in enumerate(texts.values()):
        file = tmp_path / f"{number}{text.replace('/', '_')[:40]}.jpg"
        file.write_bytes(b"no picture")
        files.append(file)
    with Client("local") as client, client.batch("detect_faces", files) as job:
        yield job.plan()._repr_html_()
        list(job)
        yield job.tidy()._repr_html_()
        yield job.table()._repr_html_()


@pytest.mark.loopback
@pytest.mark.skipif(BROWSER is None, reason="no browser here")
def test_a_notebook_runs_nothing(tmp_path: Path) -> None:
    """Tables, results and plans on a page without any policy: nothing runs, nothing is fetched."""
    with listening() as (here, asked):
        texts = {name: text.replace("HERE", here) for name, text in MARKUP.items()}
        head = (
            f"<script>function hit() {{ document.title = 'broken in'; fetch('{here}hit') }}</script><title>calm</title>"
        )
        page = tmp_path / "notebook.html"
        page.write_text(f"<!DOCTYPE html><meta charset=utf-8>{head}{''.join(pages(texts, tmp_path))}", "utf-8")
        seen = opened(page, tmp_path / "profile")
        assert "<title>calm</title>" in seen
        assert asked == []
        assert (seen.count("<table"), seen.count("</table>")) == (5, 5)
        # With a script in it, the same page shows that a script has run, so the test can fail.
        page.write_text(f"<!DOCTYPE html><meta charset=utf-8>{head}{MARKUP['script']}", "utf-8")
        assert "<title>broken in</title>" in opened(page, tmp_path / "profile")


@pytest.mark.loopback
@pytest.mark.skipif(BROWSER is None, reason="no browser here")
def test_the_gallery_runs_nothing(tmp_path: Path) -> None:
    """Captions, names and facts of pictures in the gallery: nothing runs, nothing is fetched, every text is there."""
    with listening() as (here, asked):
        texts = [text.replace("HERE", here) for text in (*MARKUP.values(), *ESCAPES.values(), *FORMULAS.values())]
        script = f"<script>function hit() {{ document.title = 'broken in'; fetch('{here}hit') }}</script>"
        people = [
            Tile(text, Image.new("RGB", (9, 9)), {text: text, "표": text}, text, badge=text, link=text)
            for text in [*texts, script]
        ]
        page = gallery(people, tmp_path / "gallery.html", title=script, footer=script)
        seen = opened(page, tmp_path / "profile")
    assert "<title>broken in" not in seen
    assert asked == []
    assert seen.count("<h2 ") == len(people)


def test_html_shows_what_is_there(hostile: str, tmp_path: Path) -> None:
    """No control, bidi or invisible character comes into a page of ours, and no tag that is not ours."""
    table = Table([{"a": hostile}])._repr_html_()
    tiles = [Tile(hostile, None, {hostile[:99]: hostile}, hostile, badge=hostile, link=hostile, nothing=hostile)]
    path = gallery(tiles, tmp_path / "g.html", title=hostile, footer=hostile)
    for page in (table, re.sub(r"<script>.*?</script>|\n", "", path.read_text("utf-8"), flags=re.DOTALL)):
        assert not STEERS.search(page)
        assert not re.search("<img [^>]*src=", page)
        assert not re.search(r"<script|<svg onload|<iframe|<a |<base|onerror=\"", page)


def test_whoever_asks_a_chat_model_goes_through_one_room() -> None:
    """Prompts are made in one folder, where `test_hostile.py` looks at the structure of each request."""
    sources = ROOT.joinpath("src/cloudai").rglob("*.py")
    makers = [path for path in sources if re.search(r"systemInstruction|\"role\": \"system\"", path.read_text("utf-8"))]
    assert {path.name for path in makers} == {"gemini.py", "completions.py"}
    for path in makers:
        assert path.read_text("utf-8").count("prompt.rules") == 1


def test_a_failing_call_names_its_text_by_digest() -> None:
    """Errors, events and tables call a text by a digest, never by its words."""
    with (
        Client(Google(api_key="k" * 9), send=lambda _: Response(500, {}, b"")) as client,
        pytest.raises(CloudAIError) as raised,
    ):
        client.with_options(max_attempts=1).sentiment("아무도 모르게", language="ko")
    assert re.fullmatch(r"text-[0-9a-f]{8}", str(raised.value.input))
