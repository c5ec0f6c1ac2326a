"""The gallery: one file, everybody in it, nothing that runs but its own script."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import unicodedata
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cloudai import Outcome
from cloudai.errors import InputError, RateLimitedError
from cloudai.models.base import Meta
from cloudai.models.face import Ages, FaceAge, Faces
from cloudai.models.image import Text
from cloudai.report import Tile, gallery, save_drawings, subjects_of
from cloudai.report.facts import faces_in, facts_of_picture, marks_in
from cloudai.report.words import words_in
from cloudai.wording import spoken, using
from tests.unit.report import made

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></script><script>alert(1)</script>",
    "{script} {words[name]} %s &lt;b&gt; &#60;",
    "<!--",
]
VOID = {"meta", "img", "input"}


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, and the text inside each kind of tag."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data

    def of(self, tag: str) -> list[dict[str, Any]]:
        """Return the attributes of each tag of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def pictures(self) -> list[dict[str, Any]]:
        """Return the attributes of each picture in a tile; the large view has one too, which is empty at first."""
        return [attributes for attributes in self.of("img") if "src" in attributes]


def page(tmp_path: Path, *tiles: Tile, **options: Any) -> Page:
    """Return the gallery of these people, taken apart."""
    path = gallery(tiles, tmp_path / "gallery.html", **{"title": "Council", **options})
    return Page(path.read_text(encoding="utf-8"))


def face() -> Image.Image:
    """Return a picture."""
    return Image.new("RGB", (30, 40), "teal")


def portrait(text: str) -> Tile:
    """Return a portrait that has the text wherever text can be."""
    return Tile(text, face(), {text: text}, text, text, nothing=text)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_inert(tmp_path: Path, text: str) -> None:
    """Markup in a name, fact, note, title or footer is shown as it is written, and makes no tag."""
    bad = page(tmp_path, portrait(text), Tile(text, None), title=text, footer=text)
    good = page(tmp_path, portrait("Ada"), Tile("Ada", None), title="T", footer="F")
    assert [tag for tag, _ in bad.tags] == [tag for tag, _ in good.tags]
    assert [list(attributes) for _, attributes in bad.tags] == [list(attributes) for _, attributes in good.tags]
    assert bad.texts["script"] == good.texts["script"]
    for tag in ("title", "h1", "h2", "dt", "dd"):
        assert bad.texts[tag][0] == text
    assert bad.texts["option"][2] == text
    assert (bad.of("li")[0]["data-name"], bad.of("li")[0]["data-v0"]) == (text, text)
    assert bad.pictures()[0]["alt"] == f"Photo: {text}"
    assert text in bad.texts["p"]
    assert (bad.texts["strong"], bad.texts["span"][-1]) == ([text], good.texts["span"][-1])


def test_policy(tmp_path: Path) -> None:
    """The policy allows embedded pictures, the styles, and this very script by its hash; nothing else."""
    made = page(tmp_path, portrait("Ada"))
    policy = next(a["content"] for a in made.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (script,) = made.texts["script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "script-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    head = [tag for tag, _ in made.tags]
    assert head.index("meta") < head.index("style") < head.index("script")


def test_self_contained(tmp_path: Path) -> None:
    """One file; it names no address, and no tag or attribute that could load or run something."""
    made = page(tmp_path, portrait("Ada"), Tile("Bo", None))
    assert [file.name for file in tmp_path.iterdir()] == ["gallery.html"]
    source = (tmp_path / "gallery.html").read_text(encoding="utf-8")
    assert not re.search(r"://|url\(|@import", source)
    assert {"link", "iframe", "object", "a", "form"}.isdisjoint(tag for tag, _ in made.tags)
    for _, attributes in made.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"href", "style", "srcset"}]
        assert attributes.get("src", "data:image/webp;base64,").startswith("data:image/webp;base64,")


def test_everybody_is_shown(tmp_path: Path) -> None:
    """People of one name, without a face and without facts have their tile, in the order given."""
    people = [
        Tile("강물결", face()),
        Tile("Bo", None, note="cut off", nothing="no picture"),
        Tile("강물결", face(), {"a": "1"}),
    ]
    made = page(tmp_path, *people)
    assert made.texts["h2"] == ["강물결", "Bo", "강물결"]
    assert len(made.pictures()) == 2
    assert made.texts["span"].count("no picture") == 1
    assert "cut off" in made.texts["p"]
    assert page(tmp_path).texts["h1"] == ["Council"]


def test_facts_are_kept_apart(tmp_path: Path) -> None:
    """Each fact is an option of the sort, and each tile has its value at that option's number."""
    made = page(tmp_path, Tile("A", None, {"age": "35", "mood": "calm"}), Tile("B", None, {"mood": "sad"}))
    options = dict(zip([a["value"] for a in made.of("option")], made.texts["option"], strict=True))
    assert options == {"": "Order given", "name": "Name", "0": "age", "1": "mood"}
    values = [(a["data-v0"], a["data-v1"]) for a in made.of("li")]
    assert values == [("35", "calm"), ("", "sad")]


@pytest.mark.parametrize(
    ("language", "word", "notice"),
    [
        ("en", "Find", ["found by a machine", "never names people", "guesses"]),
        ("ko", "찾기", ["기계가 찾은", "누구인지 알아보지 않습니다", "어림"]),
    ],
)
def test_languages(tmp_path: Path, language: Any, word: str, notice: list[str]) -> None:
    """The page speaks one language, says so, and says in it what the machine does not know."""
    made = page(tmp_path, Tile("나무빛", None), language=language, footer="My own line")
    assert made.texts["button"][-1] == "×"
    assert made.of("html")[0]["lang"] == language
    assert word in made.texts["label"][0]
    assert all(part in made.texts["p"][-2] for part in notice)
    assert "My own line" in made.texts["p"]
    untitled = page(tmp_path, Tile("나무빛", None), language=language, title=None)
    assert untitled.texts["h1"] == [{"en": "Gallery", "ko": "갤러리"}[language]]


def test_languages_hold_the_same() -> None:
    """No word is missing in one of the languages."""
    from cloudai.models.face import EMOTIONS
    from cloudai.report.words import WORDS

    assert WORDS["en"].keys() == WORDS["ko"].keys() - {*EMOTIONS}


def test_unknown_language(tmp_path: Path) -> None:
    """A language the page does not have is refused, naming those it has."""
    with pytest.raises(InputError, match="en, ko"):
        page(tmp_path, language="xx")


def test_accessible(tmp_path: Path) -> None:
    """Every picture has a text, every field a label; the number found is announced."""
    made = page(tmp_path, portrait("Ada"))
    assert all(attributes["alt"] for attributes in made.pictures())
    order = [tag for tag, _ in made.tags]
    for field in ("input", "select"):
        assert order[order.index(field) - 1] == "label"
    assert len(made.of("output")) == 2
    assert all(
        attributes.get("aria-label") or text for attributes, text in zip(made.of("button")[-4:], "←→b×", strict=True)
    )
    assert all("{" not in text for text in made.texts["label"])


def test_text_is_cleaned(tmp_path: Path) -> None:
    """Bidi and control characters go, names are composed, and half a surrogate pair stops nothing."""
    name = unicodedata.normalize("NFD", "강물결") + "\u202e\x00\ud800"
    made = page(tmp_path, Tile(name, None, {"x\u2066": "a\nb"}))
    assert made.texts["h2"] == ["강물결"]
    assert (made.texts["dt"], made.texts["dd"]) == (["x"], ["a b"])


def embedded(made: Page) -> bytes:
    """Return the bytes of the first picture."""
    return base64.b64decode(made.pictures()[0]["src"].partition(",")[2])


def test_pictures_lose_their_metadata(tmp_path: Path) -> None:
    """An embedded picture has neither EXIF nor comment, is upright, and is no larger than it is shown."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    out = io.BytesIO()
    Image.new("RGB", (1000, 800), "teal").save(out, "JPEG", exif=exif, comment=b"secret note")
    data = embedded(page(tmp_path, Tile("Ada", Image.open(out))))
    assert b"secret" in out.getvalue()
    assert b"secret" not in data
    assert b"Exif" not in data
    with Image.open(io.BytesIO(data)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (320, 400))
        assert shown.info.keys() <= {"loop", "background"}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_any_picture(tmp_path: Path, mode: str) -> None:
    """A picture in any of Pillow's colour modes can be shown."""
    with Image.open(io.BytesIO(embedded(page(tmp_path, Tile("Ada", Image.new(mode, (9, 9))))))) as shown:
        assert shown.mode == "RGB"


def test_same_page_twice(tmp_path: Path) -> None:
    """The same people give the same bytes: no date, nothing random."""
    first = gallery([portrait("Ada")], tmp_path / "a.html", title="T").read_bytes()
    assert gallery([portrait("Ada")], tmp_path / "b.html", title="T").read_bytes() == first
    assert b"\r" not in first


OURS = {"faces": "둘", "caption": "제 설명", "tags": "가", "age (guess)": "만 40", "reason": "까닭"}


def test_columns_of_the_user_that_are_called_like_ours(tmp_path: Path) -> None:
    """A column of the user that has the name of one of ours is kept as input_…, as in tables."""
    page = gallery([made.outcome(0, made.photo(tmp_path / "a.jpg"), row=OURS)], tmp_path / "g.html").read_text("utf-8")
    told = dict(re.findall(r'<dt>(.*?)</dt><dd dir="auto">(.*?)</dd>', page))
    wanted = {"input_faces": "둘", "faces": "1", "input_caption": "제 설명", "caption": "a person", "input_tags": "가"}
    assert {name: told.get(name) for name in wanted} == wanted
    assert (told["input_age (guess)"], told["reason"]) == ("만 40", "까닭")


def test_the_status_column_of_the_user_is_not_ours(tmp_path: Path) -> None:
    """A page with failures has a status of its own, and the user's column of that name stays beside it."""
    broken = Outcome(
        0, "a.jpg", None, InputError("no"), operation="analyze_image", row={"status": "MP"}, status="failed"
    )
    page = gallery([broken], tmp_path / "g.html").read_text("utf-8")
    assert re.findall(r'data-kind="\w+">(.*?)</option>', page) == ["input_status", "status"]
    assert '<dt>input_status</dt><dd dir="auto">MP</dd>' in page


def test_cells_that_are_no_texts(tmp_path: Path) -> None:
    """Lists, dicts, dates and numbers that are not finite are shown, and headings that are no texts too."""
    row = {"목록": ["가", "나"], "표": {"a": 1}, "날": date(2020, 1, 2), "한없음": math.inf, 5: "다섯", None: "라"}
    page = gallery([made.outcome(0, made.photo(tmp_path / "a.jpg"), row=row)], tmp_path / "g.html").read_text("utf-8")
    for text in ("가, 나", "2020-01-02", "inf", "<dt>5</dt>", "다섯", "라"):
        assert text in page


def test_pictures_of_one_number_are_not_mixed_up(tmp_path: Path) -> None:
    """Two batches of one journal both begin at 0; the large view of each face has the picture of that face."""
    each = [
        subjects_of([made.outcome(0, made.photo(tmp_path / f"{colour}.jpg", colour))])[0] for colour in ("red", "blue")
    ]
    page = gallery(each, tmp_path / "g.html", tiles="faces").read_text("utf-8")
    assert page.count('data-whole="') == 2
    assert "data-whole-at" not in page


def test_nothing_below_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A folder of photos that does not exist is an error, and not a page of empty tiles."""
    with pytest.raises(InputError, match="there is no folder"):
        gallery([made.outcome(0, "a.jpg")], tmp_path / "g.html", photos=tmp_path / "없음")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("사진.jpg is empty (0 bytes)"), "사진.jpg은(는) 비어 있습니다(0바이트)"),
        (RateLimitedError("the quota of the month is spent"), "the quota of the month is spent"),
    ],
)
def test_the_reason_of_a_failure_in_korean(tmp_path: Path, error: Exception, said: str) -> None:
    """A Korean page says in Korean why a picture has failed, as far as the words are known; an English one in English.

    The command may speak another language meanwhile: the page has its own.
    """
    rows = [Outcome(0, "사진.jpg", error=error, status="failed", operation="analyze_image")]
    with using("en"):
        korean = gallery(rows, tmp_path / "k.html", language="ko").read_text("utf-8")
        assert spoken() == "en"
    with using("ko"):
        english = gallery(rows, tmp_path / "e.html").read_text("utf-8")
    assert said in korean
    assert str(error) in english
    if said != str(error):
        assert str(error) not in korean


@pytest.mark.parametrize("order", [1, -1])
def test_the_faces_of_two_operations_are_drawn_once(tmp_path: Path, order: int) -> None:
    """A picture that analyze_image, detect_faces and estimate_age have looked at has one box for each face."""
    path = made.photo(tmp_path / "사진.jpg")
    text = Text(pages=())
    faces = Faces(faces=(made.face(x=101),))._with(Meta(provider="azure", operation="detect_faces"), None)
    faces = faces.model_copy(update={"faces": (faces.faces[0].model_copy(update={"age": None}),)})
    ages = Ages(ages=(FaceAge(box=made.face(x=102).box, years=35),))._with(Meta(method="local"), None)
    analysis = made.analysis().model_copy(update={"text": text})
    rows = [
        Outcome(0, str(path), result, operation=name, facts={"sha256": "a" * 64})
        for name, result in [("analyze_image", analysis), ("detect_faces", faces), ("estimate_age", ages)][::order]
    ]
    [subject] = subjects_of(rows)
    assert len(subject.results) == 3
    marks = marks_in(subject)
    assert [(mark.kind, mark.box.x) for mark in sorted(marks, key=lambda mark: mark.kind)] == [
        ("face", 101),
        ("object", 140),
    ]
    [shown] = faces_in(subject) or ()
    assert (shown.box.x, shown.age and shown.age.years) == (101, 35)
    assert facts_of_picture(subject, words_in("ko"))["나이(간단한 모델의 어림)"] == 35
    parsed = Page(gallery(rows, tmp_path / "g.html").read_text("utf-8"))
    [drawn] = [json.loads(tile["data-marks"]) for tile in parsed.of("li")]
    assert [mark[4:6] for mark in drawn] == [["face", "happiness 35"], ["object", "tie"]]
    index = save_drawings(rows, tmp_path / "그림")
    assert "2" in index.read_text("utf-8-sig").splitlines()[1].split(",")
