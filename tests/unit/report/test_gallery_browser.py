"""The gallery as its reader uses it, in a real browser and under its own policy; skipped where there is none."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from cloudai.models.base import Box
from cloudai.report import Mark, Tile, gallery
from tests.support.browser import BROWSER, Browser, browsing
from tests.support.length import length

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(BROWSER is None, reason="no browser here"),
]

HOSTILE = ["<script>document.title='broken in'</script>", '"><img src=x onerror="document.title=1">']
PEOPLE = [
    Tile(
        "홍길동",
        Image.new("RGB", (80, 100), "teal"),
        {"age": 61, "share": 0.25, "mood": "calm", "tags": ("hat", "tie")},
    ),
    Tile(HOSTILE[0], Image.new("RGB", (80, 100)), {"age": 9, "share": -0.5, "mood": "sad", HOSTILE[1]: "1"}),
    Tile(HOSTILE[1], None, {"age": 35, "share": 0.125, "mood": HOSTILE[0]}, note=HOSTILE[1], nothing=HOSTILE[0]),
    Tile("나무빛", Image.new("RGB", (80, 100)), {"age": 110, "mood": "sad", "tags": ("hat",)}, badge="failed"),
]
SHORT = ["홍길동", "<scr", '"><i', "나무빛"]
MARKS = [
    Mark("face", Box(x=10, y=10, width=40, height=50, image_size=(80, 100)), HOSTILE[0], ((20.0, 30.0), (40.0, 30.0))),
    Mark("object", Box(x=10, y=10, width=40, height=50, image_size=(80, 100)), "모자"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield one browser for all tests of this file, because it takes a second to start."""
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Path]:
    """Yield a small gallery, and require after the test that nothing was complained about, asked for or run."""
    tiles = [
        Tile(t.name, t.image, t.facts, t.note, t.badge, marks=MARKS if n == 0 else (), nothing=t.nothing)
        for n, t in enumerate(PEOPLE)
    ]
    path = gallery(tiles, tmp_path / "의원.html", title="Council")
    browser.complaints.clear()
    browser.requests.clear()
    yield path
    assert browser.complaints == []
    assert {request.partition("#")[0] for request in browser.requests} == {path.as_uri()}
    assert browser.run("document.title") == "Council"


def seen(browser: Browser) -> list[str]:
    """Return the tiles that a reader sees, in order, by the beginnings of their names."""
    names = browser.run("[...document.querySelectorAll('#tiles li')].map((t) => t.dataset.name)")
    return [next(short for short in SHORT if name.startswith(short)) for name in names]


def choose(browser: Browser, value: str) -> None:
    """Sort by a column."""
    browser.type("#sort", value)


def facet(name: str, value: str) -> str:
    """Return the expression for the box of a value of a facet."""
    facets = "[...document.querySelectorAll('fieldset')]"
    named = f"{facets}.find((f) => f.querySelector('legend').textContent === {name!r})"
    return f"[...{named}.querySelectorAll('label')].find((l) => {TEXT} === {value!r}).querySelector('input')"


TEXT = "l.querySelector('span').textContent"


@pytest.mark.parametrize(
    ("column", "turned", "order"),
    [
        ("", False, SHORT),
        ("", True, [*reversed(SHORT)]),
        ("0", False, ["<scr", '"><i', "홍길동", "나무빛"]),
        ("0", True, ["나무빛", "홍길동", '"><i', "<scr"]),
        ("1", False, ["<scr", '"><i', "홍길동", "나무빛"]),
        ("1", True, ["홍길동", '"><i', "<scr", "나무빛"]),
    ],
    ids=["given", "reversed", "numbers", "descending", "missing last", "missing last descending"],
)
def test_sort(browser: Browser, page: Path, column: str, turned: bool, order: list[str]) -> None:
    """Numbers sort by size, and what is unknown comes last whichever way."""
    browser.open(page)
    choose(browser, column)
    if turned:
        browser.click("#turn")
    assert seen(browser) == order


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (" CALM  홍길", ["홍길동"]),
        ("ㅎㄱㄷ", ["홍길동"]),
        ("홍ㄱ", ["홍길동"]),
        ("호", ["홍길동"]),
        ("ㄴㅁ", ["나무빛"]),
        ("ㅎㅎ", []),
        ("나무빛", ["나무빛"]),
        (".*", []),
        ("hat", ["홍길동", "나무빛"]),
        ("", SHORT),
    ],
    ids=["words", "initials", "mixed", "unfinished", "other initials", "none", "pieces", "no pattern", "tags", "empty"],
)
def test_search(browser: Browser, page: Path, words: str, order: list[str]) -> None:
    """Every word counts, in Korean also by initial consonants and by a syllable that is not complete yet."""
    browser.open(page)
    browser.type("#filter", words)
    assert seen(browser) == order
    assert browser.run("document.getElementById('nobody').hidden") == bool(order)
    assert browser.run("document.getElementById('count').value") == f"{len(order)} of 4"


def test_initials_that_a_keyboard_has_joined(browser: Browser, tmp_path: Path) -> None:
    """A keyboard makes ㄳ of ㄱ and ㅅ; the person whose initials they are is found all the same."""
    path = gallery([Tile("김갑수", None), Tile("박나무", None)], tmp_path / "a.html", title="T")
    browser.open(path)
    browser.type("#filter", "ㄳ")
    names = browser.run("[...document.querySelectorAll('#tiles li')].map((t) => t.dataset.name)")
    assert names == ["김갑수"]


def test_facets(browser: Browser, page: Path) -> None:
    """Values of one column add up, columns narrow each other, and the numbers beside the values follow."""
    browser.open(page)
    browser.run(facet("mood", "sad") + ".click()")
    assert seen(browser) == ["<scr", "나무빛"]
    browser.run(facet("mood", "calm") + ".click()")
    assert seen(browser) == ["홍길동", "<scr", "나무빛"]
    browser.run(facet("tags", "hat") + ".click()")
    assert seen(browser) == ["홍길동", "나무빛"]
    counts = browser.run(
        "Object.fromEntries([...document.querySelectorAll('.choice')]"
        f".map((l) => [{TEXT}, l.querySelector('data').textContent]))"
    )
    assert (counts["tie"], counts["calm"], counts["failed"]) == ("1", "1", "1")
    browser.click("#reset")
    assert seen(browser) == SHORT


def test_range(browser: Browser, page: Path) -> None:
    """A range of numbers is chosen by its ends or by a bar of the histogram; who has no number is not in it."""
    browser.open(page)
    ends = "document.querySelectorAll('fieldset .range')[0].querySelectorAll('input')"
    browser.run(f"(() => {{ const [low] = {ends}; low.value = 35; low.dispatchEvent(new Event('change')); }})()")
    assert seen(browser) == ["홍길동", '"><i', "나무빛"]
    browser.run(f"(() => {{ const [, high] = {ends}; high.value = 100; high.dispatchEvent(new Event('change')); }})()")
    assert seen(browser) == ["홍길동", '"><i']
    browser.click("#reset")
    browser.run("document.querySelectorAll('.bars')[1].firstChild.click()")
    assert seen(browser) == ["<scr"]


def test_the_address_holds_the_view(browser: Browser, page: Path) -> None:
    """Whoever opens the address of a view sees the same tiles in the same order, and the same large view."""
    browser.open(page)
    browser.type("#filter", "ㅎ")
    choose(browser, "0")
    browser.run(facet("tags", "hat") + ".click()")
    browser.click("#tiles .open")
    address = browser.run("location.hash")
    browser.open(page, address)
    assert seen(browser) == ["홍길동"]
    assert browser.run(
        "[...['filter', 'sort'].map((id) => document.getElementById(id).value), view.open,"
        "document.getElementById('view-name').textContent]"
    ) == [*("ㅎ", "0", True, "홍길동")]
    browser.open(
        page, "#" + "&".join(f"{key}={quote(HOSTILE[0])}" for key in ("q", "sort", "f.mood", "r.age", "open", "x"))
    )
    assert seen(browser) == [SHORT[2]]


def test_large_view(browser: Browser, page: Path) -> None:
    """The large view has the picture, its boxes and all facts; keys lead on, hide the boxes, and close it."""
    browser.open(page)
    browser.run("document.querySelector('.open').focus()")
    browser.press("Enter")
    about = "[view.open, document.getElementById('view-name').textContent, document.getElementById('position').value]"
    assert browser.run(about) == [True, "홍길동", "1 / 4"]
    browser.run("document.getElementById('view-picture').decode()")
    browser.run("new Promise(requestAnimationFrame)")
    assert browser.run(
        "[boxes.querySelectorAll('rect:not(.under)').length, boxes.querySelectorAll('circle').length]"
    ) == [2, 2]
    spans = "[...labels.children].map((l) => [l.textContent, l.getBoundingClientRect().toJSON()])"
    (first, one), (second, other) = browser.run(spans)
    assert (first, second) == (HOSTILE[0], "모자")
    apart = (
        one["right"] <= other["left"]
        or other["right"] <= one["left"]
        or one["bottom"] <= other["top"]
        or other["bottom"] <= one["top"]
    )
    assert apart, "labels do not cover each other"
    browser.press("b")
    assert browser.run("boxes.childElementCount + labels.childElementCount") == 0
    browser.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert browser.run(about) == [True, "나무빛", "4 / 4"]
    assert "failed" in browser.run("document.getElementById('view-facts').textContent")
    browser.press("Escape")
    browser.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert browser.run("[view.open, document.activeElement.parentElement.dataset.name, location.hash]") == [
        False,
        "나무빛",
        "",
    ]


def test_keyboard(browser: Browser, page: Path) -> None:
    """The slash goes to the search; arrows go from tile to tile."""
    browser.open(page)
    browser.press("/")
    assert browser.run("document.activeElement.id") == "filter"
    browser.run("document.querySelector('.open').focus()")
    browser.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert browser.run("document.activeElement.parentElement.dataset.name").startswith("<script>")


def test_phone(browser: Browser, page: Path) -> None:
    """A phone shows three columns, and nothing is wider than its screen."""
    browser.open(page, size=(390, 844), phone=True)
    assert (
        browser.run("getComputedStyle(document.querySelector('#tiles ul')).gridTemplateColumns.split(' ').length") == 3
    )
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.click("#facets-turn")
    assert browser.run("document.documentElement.scrollWidth") <= 390


def test_dark_and_print(browser: Browser, page: Path) -> None:
    """The page is dark for a reader who prefers that, and prints without its tools."""
    browser.open(page)
    background = "getComputedStyle(document.body).backgroundColor"
    browser.dark()
    assert browser.run(background) == "rgb(17, 19, 23)"
    browser.dark(yes=False)
    assert browser.run(background) == "rgb(255, 255, 255)"
    browser.ask("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.getElementById('tools')).display") == "none"
    browser.ask("Emulation.setEmulatedMedia", media="")


def test_the_policy_lets_nothing_in(browser: Browser, page: Path) -> None:
    """A script that is not the page's own does not run, and the page says so."""
    source = page.read_text("utf-8").replace("</body>", "<script>document.title = 'broken in'</script></body>")
    page.write_text(source, "utf-8", newline="\n")
    browser.open(page)
    assert browser.run("document.title") == "Council"
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)
    browser.complaints.clear()


def generated(count: int) -> Iterator[Tile]:
    """Yield portraits of nobody: coloured shapes with Korean names and columns."""
    drawn = random.Random(1)  # noqa: S311
    for n in range(count):
        name = "".join(drawn.choice("가나다라마바사아자차카타파하") for _ in range(3))
        facts: dict[str, Any] = {
            "정당": drawn.choice(["가람", "나래", "다온"]),
            "나이": drawn.randint(25, 80),
            "점수": drawn.random(),
        }
        picture = Image.linear_gradient("L").resize((48, 60)).convert("RGB")
        picture.paste((drawn.randint(0, 255), n % 256, 90), (12, 12, 36, 40))
        yield Tile(
            name,
            picture,
            facts,
            marks=[Mark("face", Box(x=12, y=12, width=24, height=28, image_size=(48, 60)), "얼굴")],
        )


@pytest.mark.parametrize("word", ["age", "ㅎㄱ", "open", "calm1", "picture"])
def test_search_is_for_names_and_values(browser: Browser, page: Path, tmp_path: Path, word: str) -> None:
    """The headings of columns, the words of buttons and two values side by side are not found: all tiles have them."""
    tiles = [Tile("나무", None, {"해결": "calm", "age": 1}, link="https://example.org", nothing="no picture")] * 2
    browser.open(gallery(tiles, page, title="Council"))
    browser.type("#filter", word)
    assert browser.run("document.querySelectorAll('#tiles li').length") == 0


def test_a_bar_stands_for_just_its_tiles(browser: Browser, page: Path) -> None:
    """A click on a bar of a histogram shows as many tiles as the bar stands for, however long the numbers are."""
    values = [1_700_000_000.25 + n * n / 7 for n in range(50)] + [0.1, 0.2, 0.3, 0.30000001]
    browser.open(gallery([Tile(f"{n}", None, {"x": value}) for n, value in enumerate(values)], page, title="Council"))
    told = browser.run(
        "[...document.querySelectorAll('.bars button')].map((bar) => { const most = 50, "
        "n = Math.round(parseFloat(bar.firstChild.style.height) / 100 * most); if (!n) return [0, 0]; bar.click(); "
        "const seen = document.querySelectorAll('#tiles li').length; document.getElementById('reset').click(); "
        "return [n, seen]; })"
    )
    assert sum(n for n, _ in told) == len(values)
    assert all(n == seen for n, seen in told), told
    values = [n / 10 for n in range(41)]  # a value at the edge between two bars belongs to one of them
    browser.open(gallery([Tile(f"{n}", None, {"x": value}) for n, value in enumerate(values)], page, title="Council"))
    shown = browser.run(
        "[...document.querySelectorAll('.bars button')].map((bar) => { bar.click(); "
        "const seen = document.querySelectorAll('#tiles li').length; document.getElementById('reset').click(); "
        "return seen; })"
    )
    assert sum(shown) == len(values)


def test_the_smallest_and_the_largest_numbers(browser: Browser, page: Path) -> None:
    """A number that Python writes with an exponent is sorted, filtered and drawn as the number that it is."""
    values = [0.5, 6.3e-05, 3e20, -2e-7, 1, math.inf]
    browser.open(gallery([Tile(f"{value}", None, {"x": value}) for value in values], page, title="Council"))
    choose(browser, "0")
    names = browser.run("[...document.querySelectorAll('#tiles li')].map((t) => t.dataset.name)")
    assert names == ["-2e-07", "6.3e-05", "0.5", "1", "3e+20", "inf"]
    assert browser.run("[...document.querySelectorAll('.range input')].map((box) => Number(box.placeholder))") == [
        *(-2e-07, 3e20)
    ]


def test_an_address_of_nobody(browser: Browser, page: Path) -> None:
    """An address that names no tile opens none, and is no error."""
    for what in ("length", "map", "-1", "99", "1.5", ""):
        browser.open(page, f"#open={what}")
        assert not browser.run("view.open")


def test_print_leaves_no_gaps(browser: Browser, page: Path) -> None:
    """On paper every row but the last has five tiles, whatever the window of the reader shows in a row."""
    browser.open(gallery([Tile(f"{n}", None, {"x": n}) for n in range(48)], page, title="Council"), size=(1000, 700))
    browser.ask("Emulation.setEmulatedMedia", media="print")
    tops = browser.run("[...document.querySelectorAll('#tiles li')].map((tile) => tile.getBoundingClientRect().top)")
    browser.ask("Emulation.setEmulatedMedia", media="")
    assert [tops.count(top) for top in dict.fromkeys(tops)] == [5] * 9 + [3]


@pytest.mark.parametrize("count", length([300], [300], [300, 5_000]))
def test_many(browser: Browser, tmp_path: Path, count: int) -> None:
    """Hundreds and thousands of tiles are searched, sorted and filtered in less than a second, and scroll smoothly."""
    path = gallery(list(generated(count)), tmp_path / "a.html", title="T", language="ko")
    browser.open(path)
    took = {}
    browser.run(
        "window.enter = (id, value, kind) => { const field = document.getElementById(id); field.value = value;"
        "field.dispatchEvent(new Event(kind)); }"
    )
    for name, script in {
        "search": "enter('filter', 'ㄱㄴ', 'input')",
        "all": "enter('filter', '', 'input')",
        "sort": "enter('sort', '2', 'change')",
        "facet": "document.querySelector('.choice input').click()",
    }.items():
        began = time.monotonic()
        browser.run(f"new Promise((done) => {{ {script}; requestAnimationFrame(() => setTimeout(done)); }})")
        took[name] = time.monotonic() - began
    assert max(took.values()) < 10, took  # far more than it takes, because other programs may use the computer too
    assert 0 < len(browser.run("[...document.querySelectorAll('#tiles li')].map((t) => t.dataset.name)")) < count
