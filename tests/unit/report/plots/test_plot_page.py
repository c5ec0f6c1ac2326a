"""The page of a plot: what a reader does with it in a real browser, under its own policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cloudai.errors import InputError, SettingsError
from cloudai.report import plot, save_plots
from cloudai.report.plots.picture_files import PALETTE
from cloudai.report.plots.plot_page import plot_style
from tests.support.browser import BROWSER, Browser, browsing

HOSTILE = "<script>document.title='broken in'</script>"
ROWS = [
    {
        "item": n,
        "input": HOSTILE if n == 2 else f"장면 {n}",
        "time_s": n / 2,
        "happiness": n / 8,
        "anger": 1 - n / 8,
        "emotion_scale": "probability",
        "picture": Image.new("RGB", (64, 36), (n * 30, 90, 160)) if n % 2 == 0 else None,
    }
    for n in range(8)
]


def test_a_page_holds_all_and_makes_it_harmless(tmp_path: Path) -> None:
    """Texts are escaped, the pictures are in the page, and its policy lets only its own script run."""
    path = plot(ROWS, title=HOSTILE, picture="picture", language="ko").save(tmp_path / "표정.html")
    page = path.read_text("utf-8")
    assert "<script>document" not in page
    assert page.count("&lt;script&gt;document") >= 3
    assert page.count('<figure id="picture-') == 4
    assert "default-src 'none'" in page
    assert "확률" in page
    assert "표정과 나이는 겉모습을 보고 어림한 값입니다." in page


def test_a_picture_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    """A path that leads nowhere and a file that is no picture do not stop the page."""
    (tmp_path / "글.jpg").write_text("글", "utf-8")
    rows = [{"input": "a", "score": 1, "photo": "없음.jpg"}, {"input": "b", "score": 2, "photo": tmp_path / "글.jpg"}]
    assert "<figure" not in plot(rows, picture="photo").save(tmp_path / "p.html").read_text("utf-8")


def test_several_plots_share_a_page_but_no_picture(tmp_path: Path) -> None:
    """A page holds several plots; a picture holds one, and a file of another kind none."""
    one = plot(ROWS, y="happiness", title="기쁨")
    page = save_plots([one, plot(ROWS, y="anger", title="분노")], tmp_path / "p.html", title="둘").read_text("utf-8")
    assert page.count("<svg") == 2
    assert page.count("<h2") == 2
    with pytest.raises(SettingsError, match="holds one plot"):
        save_plots([one, one], tmp_path / "p.png")
    with pytest.raises(InputError, match="is no kind of file for a plot"):
        one.save(tmp_path / "p.gif")


def test_page_and_files_have_the_same_colours() -> None:
    """The colours of the series in files are those of the page on white, and the page has as many for the dark."""
    style = plot_style()
    for number, colour in enumerate(PALETTE):
        assert f"--c{number}: {colour};" in style.partition("prefers-color-scheme")[0]
        assert f"--c{number}:" in style.partition("prefers-color-scheme")[2]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield one browser for all tests of this file."""
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.long
@pytest.mark.skipif(BROWSER is None, reason="no browser here")
def test_reading_a_plot(browser: Browser, tmp_path: Path) -> None:
    """Tooltips come with the pointer and the keys, and a click or Enter goes to the picture; nothing is loaded."""
    path = plot(ROWS, title="연설", picture="picture").save(tmp_path / "연설.html")
    browser.open(path)
    browser.press("Tab")
    assert browser.run("document.activeElement.dataset.words").startswith("장면 0\nanger")
    browser.press("ArrowRight", "ArrowDown")
    assert browser.run("document.activeElement.dataset.words") == "장면 1\nhappiness\ntime: 0.5 s\nprobability: 0.125"
    assert browser.run("document.getElementById('tip').textContent") == browser.run(
        "document.activeElement.dataset.words"
    )
    browser.press("ArrowRight")
    assert browser.run("document.querySelectorAll('#tip img').length") == 1
    browser.press("Enter")
    assert browser.run("location.hash") == "#picture-2"
    assert browser.run("getComputedStyle(document.getElementById('picture-2')).outlineStyle") == "solid"
    browser.press("Escape")
    assert browser.run("document.getElementById('tip').hidden")
    browser.run(
        "(() => { scrollTo(0, 0); const svg = document.querySelector('svg.plot'), box = svg.querySelector('.dot')"
        ".getBoundingClientRect(); const at = {bubbles: true, clientX: box.left + 9, clientY: box.top + 9};"
        "svg.dispatchEvent(new PointerEvent('pointermove', at)); svg.dispatchEvent(new MouseEvent('click', at)); })()"
    )
    assert browser.run("document.getElementById('tip').textContent").startswith("장면 0")
    assert browser.run("location.hash") == "#picture-1"
    assert browser.run("document.title") == "연설"
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert not browser.complaints
    assert set(browser.requests) <= {path.as_uri()}
