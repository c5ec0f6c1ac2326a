"""Tesseract on pages that the tests draw, and what is made of its text and its table."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

import cloudai
from cloudai import Client, InputError, Local, SettingsError, UnsupportedOperationError
from cloudai.models.base import Box
from cloudai.providers.local import ocr
from cloudai.providers.local.ocr import Token, lines_of
from tests.conftest import Caller
from tests.made_up.programs import tesseract, written
from tests.support.documents import KOREAN, drawn, pdf, tiff
from tests.support.paths import ROOT

TESSERACT = shutil.which("tesseract")
LISTED = subprocess.run([TESSERACT, "--list-langs"], capture_output=True, text=True, check=False) if TESSERACT else None
needs_tesseract = pytest.mark.skipif(
    not (LISTED and "kor" in LISTED.stdout), reason="tesseract is not here: apt install tesseract-ocr tesseract-ocr-kor"
)


def wrong(expected: str, read: str) -> float:
    """Return the share of characters that are wrong, blanks counted and lines joined, by the fewest edits."""
    one, other = " ".join(expected.split()), " ".join(read.split())
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1] / len(one)


def by_default(image: PIL.Image.Image) -> str:
    """Return what the program reads without any of our settings but the languages."""
    data = io.BytesIO()
    image.save(data, "PNG")
    arguments = [str(TESSERACT), "stdin", "stdout", "-l", "kor+eng"]
    done = subprocess.run(
        arguments, input=data.getvalue(), capture_output=True, check=True, env={**os.environ, "OMP_THREAD_LIMIT": "1"}
    )
    return done.stdout.decode()


@cache
def korean_by_default() -> str:
    """Return what the program reads of the Korean page without our settings, read once for both clients."""
    return by_default(drawn(KOREAN))


@pytest.mark.long
@needs_tesseract
def test_a_korean_page_is_read_far_better_than_by_default(call: Caller) -> None:
    """At most 8 % of the characters of a Korean page are wrong, where Tesseract's defaults get a third wrong."""
    page = drawn(KOREAN)
    text = call("local", "read_text", page)
    assert wrong(KOREAN, text.text) <= 0.08
    assert wrong(KOREAN, korean_by_default()) >= 0.3
    assert (text.meta.method, text.meta.service, text.meta.billed_max) == ("local", "tesseract", 0)


@pytest.mark.long
@needs_tesseract
def test_words_of_a_korean_page_are_words_with_places(call: Caller) -> None:
    """Syllables are joined to the words of the text, and each word has its place and how sure it is."""
    page = drawn("국회의원 선거가 다음 주에 열린다\n신분증을 꼭 가져와야 한다")
    text = call("local", "read_text", page, language="ko")
    first = text.lines[0]
    assert [word.text for word in first.words] == ["국회의원", "선거가", "다음", "주에", "열린다"]
    lefts = [word.box.x for word in first.words]
    assert lefts == sorted(lefts)
    assert 70 <= lefts[0] <= 90
    assert all(55 <= word.box.y <= 70 and 20 <= word.box.height <= 60 for word in first.words)
    assert all(word.confidence is not None and word.confidence > 0.5 for word in first.words)
    assert text.language == "ko"
    assert text.to_rows()[0]["unit"] == "px"


SCAN = """Region-based segmentation
Let us first determine markers of the coins and the
background. These markers are pixels that we can label
unambiguously as either object or background. Here,
the markers are found at the two extreme parts of the
histogram of grey values:
>>> markers = np.zeros_like(coins)"""


@pytest.mark.long
@needs_tesseract
def test_a_scan_in_uneven_light_is_read() -> None:
    """Under 3 % of the characters of the scan that scikit-image ships are wrong; the defaults lose whole lines."""
    from skimage import data

    scan = PIL.Image.fromarray(data.page())
    with Client("local") as client:
        assert wrong(SCAN, client.read_text(scan, language="en").text) < 0.03
    assert wrong(SCAN, by_default(scan)) > 0.3


@pytest.mark.long
@needs_tesseract
def test_every_page_of_a_tiff_is_read() -> None:
    """A TIFF of two pages gives two pages, each with its own text and size."""
    out = io.BytesIO()
    drawn("첫째 쪽").save(out, "TIFF", save_all=True, append_images=[drawn("둘째 쪽\n끝")])
    with Client("local") as client:
        text = client.read_text(out.getvalue(), language="ko")
    assert [page.text.split()[0] for page in text.pages] == ["첫째", "둘째"]
    assert [(page.number, page.height) for page in text.pages] == [(1, 170), (2, 220)]
    assert text.text == "\n\n".join(page.text for page in text.pages)


@pytest.mark.long
@needs_tesseract
def test_a_blank_page_has_no_text() -> None:
    """A page without text is an empty text and no error."""
    with Client("local") as client:
        text = client.read_text(PIL.Image.new("RGB", (300, 200), "white"))
    assert (text.text, len(text)) == ("", 0)


TESSDATA = os.environ.get("TESSDATA_PREFIX") or next(
    (str(file.parent) for file in Path("/usr/share").glob("tesseract-ocr/*/tessdata/kor.traineddata")), None
)
"""The folder with the data for Korean, which the package does not bring."""


@pytest.mark.long
@pytest.mark.skipif(TESSDATA is None, reason="no data for Korean are here: apt install tesseract-ocr-kor")
def test_the_package_reads_as_well_as_the_program() -> None:
    """Without the program the package tesserocr reads a Korean page: at most 8 % of its characters are wrong."""
    pytest.importorskip("tesserocr")
    # The package looks for its data once, when it is loaded.
    code = (
        "from cloudai import Client; from tests.support.documents import KOREAN, drawn; "
        "print(Client('local').read_text(drawn(KOREAN)).text)"
    )
    env = {**os.environ, "PATH": "", "TESSDATA_PREFIX": str(TESSDATA), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, env=env)
    assert wrong(KOREAN, done.stdout.decode()) <= 0.08


PACKAGE = """
import os
LIMIT = os.environ.get("OMP_THREAD_LIMIT")
ASKED = []

def get_languages():
    return "/data/", ["kor", "eng", "osd"]

class PyTessBaseAPI:
    def __init__(self, *, lang, psm):
        assert type(psm) is int, psm
        ASKED.append((lang, psm))
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def SetImage(self, image):
        assert image.mode == "L"
    def GetUTF8Text(self):
        return "나무 그늘\\n"
    def GetTSVText(self, page):
        rows = [(4, 5, 7, 100, 30, -1, ""), (5, 5, 7, 40, 30, 96.5, "나무"), (5, 60, 7, 40, 30, 90, "그늘")]
        return "\\n".join("\\t".join(map(str, (row[0], 1, 1, 1, 1, 1, *row[1:]))) for row in rows)
"""
"""A stand-in for tesserocr, as https://github.com/sirfz/tesserocr documents it."""


@pytest.mark.parametrize("own", [None, "3"])
def test_the_package_is_loaded_with_one_thread(
    call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    """OpenMP reads its limit while the package is loaded; a limit of the user's stays, and no other is left behind."""
    written(tmp_path, "tesserocr.py", PACKAGE)
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tesserocr", raising=False)
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    if own:
        monkeypatch.setenv("OMP_THREAD_LIMIT", own)
    ocr._tesserocr.cache_clear()
    try:
        text = call("local", "read_text", drawn("나무 그늘"), language="ko", dense=False)
        package = sys.modules["tesserocr"]
    finally:
        ocr._tesserocr.cache_clear()
    assert (text.text, [word.text for word in text.lines[0].words]) == ("나무 그늘", ["나무", "그늘"])
    assert (package.LIMIT, set(package.ASKED)) == (own or "1", {("kor+eng", 11)})
    assert os.environ.get("OMP_THREAD_LIMIT") == own


def test_a_pdf_is_refused_with_what_to_do() -> None:
    """The local engine reads no PDF; the error says how to make pictures of its pages."""
    with Client("local") as client, pytest.raises(UnsupportedOperationError, match="pdftoppm"):
        client.read_text(pdf(2))


def place(x: float, y: float, width: float, height: float) -> Box:
    """Return a box."""
    return Box(x=x, y=y, width=width, height=height)


def tokens(*texts: str, line: int = 1, block: int = 1) -> list[Token]:
    """Return tokens of one line, each 10 px wide."""
    return [Token(block, 1, line, (10 * n, 20, 10, 30), 90.0, text) for n, text in enumerate(texts)]


def words(lines: list[dict[str, Any]]) -> list[list[tuple[str, float, float]]]:
    """Return each word of each line, with its left edge and its width."""
    return [[(w["text"], w["box"].x, w["box"].width) for w in line["words"]] for line in lines]


def test_syllables_become_the_words_of_the_text() -> None:
    """A word of the text takes the tokens that spell it, and the box around them."""
    found = lines_of("서울의 나무\n\n", tokens("서", "울", "의", "나무"), place)
    assert words(found) == [[("서울의", 0, 30), ("나무", 30, 10)]]
    assert (found[0]["text"], found[0]["confidence"]) == ("서울의 나무", 0.9)


def test_a_line_that_the_text_lacks_keeps_its_own_words() -> None:
    """Where text and table differ, the words of the table stay, and later lines find their place in the text."""
    rows = [*tokens("a", "b", line=1), *tokens("나", "무", line=2), *tokens("c", line=3)]
    found = lines_of("x\nc\n나무\n", rows, place)
    assert [line["text"] for line in found] == ["a b", "나무", "c"]


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="a script is no program on Windows")
@pytest.mark.parametrize(("dense", "mode"), [(None, "4"), (False, "11")])
def test_the_program_is_run_with_our_settings(call: Caller, tmp_path: Path, dense: bool | None, mode: str) -> None:
    """Korean comes before English, a page is mode 4 and a scene mode 11; places reach no further than their line."""
    made_up = tesseract(tmp_path, mode=mode)
    text = call(Local(tesseract=made_up), "read_text", drawn("x"), language="ko-KR", dense=dense)
    assert (text.text, [word.text for word in text.lines[0].words]) == ("나무 그늘", ["나무", "그늘"])
    box = text.lines[0].words[0].box
    assert (box.y, box.height) in ((7, 30), (3.5, 15))
    assert text.lines[0].words[0].confidence == pytest.approx(0.935)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="a script is no program on Windows")
def test_a_program_that_fails_and_a_language_that_is_missing(tmp_path: Path) -> None:
    """What the program says is in the error; a language without data is an error that says how to install it."""
    failing = written(tmp_path, "실패", f"#!{sys.executable}\nimport sys\nsys.exit('no such thing')\n")
    with Client(Local(tesseract=failing)) as client, pytest.raises(SettingsError, match=r"has failed .no such thing"):
        client.read_text(drawn("x"))
    ocr._listed.cache_clear()
    made_up = tesseract(tmp_path)
    with Client(Local(tesseract=made_up)) as client:
        with pytest.raises(SettingsError, match="apt install tesseract-ocr-chi-tra"):
            client.read_text(drawn("x"), language="zh-TW")
        with pytest.raises(UnsupportedOperationError, match="no tlh on this machine"):
            client.read_text(drawn("x"), language="tlh")
    ocr._listed.cache_clear()


def test_without_tesseract_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each system has its own line, and `supports` says no beforehand."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(ocr, "find_spec", lambda _: None)
    with Client("local") as client:
        assert not client.supports("read_text")
        with pytest.raises(SettingsError, match=r"apt install tesseract-ocr .*brew install .*winget install"):
            client.read_text(drawn("x"))
    assert "TESSDATA_PREFIX" in str(cloudai.Local().missing("read_text"))


def test_an_env_file_does_not_choose_the_program() -> None:
    """A file of variables that came with a project must not say which program is run."""
    (setting,) = [setting for setting in Local.settings if setting.name == "tesseract"]
    assert not setting.from_file


def test_a_damaged_tiff_is_an_input_error() -> None:
    """A TIFF that is cut off is refused, and not read in part."""
    with Client("local") as client, pytest.raises(InputError):
        client.read_text(tiff(3)[:200])
