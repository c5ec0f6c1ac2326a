"""The page of a comparison: what stands on it, in both languages, and that nothing in it is run or loaded."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import Client, InputError, Response
from cloudai.core.flow import Request
from cloudai.report import save_comparison
from tests.made_up.compared import Pictures
from tests.made_up.provider import ok
from tests.made_up.several import NAMES, Vendors, asked

EVIL = "<script>document.title='broken in'</script>"


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Return a few pictures."""
    return Pictures(12)


def compare(pictures: Pictures, operation: str, **options: Any) -> Any:
    """Compare the pictures by Azure and Google."""
    with Client(pictures.providers(), send=pictures) as client:
        return client.compare(operation, pictures.given, **options)


@pytest.mark.parametrize(
    ("language", "heading", "method"),
    [
        ("en", "How far they agree", "intersection of their boxes"),
        ("ko", "얼마나 일치하는가", "겹친 넓이를 합친 넓이로"),
    ],
)
def test_faces(tmp_path: Path, pictures: Pictures, language: Any, heading: str, method: str) -> None:
    """The pictures of the least agreement have both sets of boxes in two colours, and the method stands below."""
    truth = [
        {"item": i, "x": x, "y": y, "width": w, "height": h} for i, s in enumerate(pictures.true) for x, y, w, h in s
    ]
    done = compare(pictures, "detect_faces", truth=truth)
    path = save_comparison(done, tmp_path / "비교.html", title="얼굴", language=language, images=pictures.given, most=5)
    page = path.read_text("utf-8")
    assert f'<html lang="{language}">' in page
    assert heading in page
    assert method in page
    cards = re.findall(r"<li>.*?</li>", page, re.DOTALL)
    worst = [row for row in done.per_input() if row["agreement"] < 1][:5]
    assert len(cards) == len(worst)
    for card, row in zip(cards, worst, strict=True):
        assert card.count('<rect class="one"') == len(pictures.said["azure"][row["item"]])
        assert card.count('<rect class="other"') == len(pictures.said["google"][row["item"]])
        assert "data:image/jpeg;base64," in card
        assert 'viewBox="0 0 400 400"' in card
    assert page.count("<figure>") == 2
    assert done.against_truth().rows[0]["recall"] < 1


def test_tags_and_pictures_that_are_not_there(tmp_path: Path, pictures: Pictures) -> None:
    """Tags stand beside each other; without the pictures the page has all but them."""
    done = compare(pictures, "analyze_image", options={"features": ["tags"]})
    page = save_comparison(replace(done, sources=()), tmp_path / "tags.html", title="Tags").read_text("utf-8")
    assert "data:image/jpeg" not in page
    first = done.per_input().rows[0]
    for vendor in ("azure", "google"):
        for tag in pictures.tags[vendor][first["item"]]:
            assert tag.casefold() in page
    faces = compare(pictures, "detect_faces")
    page = save_comparison(replace(faces, sources=()), tmp_path / "faces.html", title="Faces").read_text("utf-8")
    assert '<rect class="one"' in page  # the boxes alone, in a frame of the picture's size
    images = [PIL.Image.new("RGB", (400, 400))] * 12
    assert "data:image/jpeg" in save_comparison(faces, tmp_path / "f.html", title="F", images=images).read_text("utf-8")


def test_a_file_with_a_decomposed_name_is_shown(tmp_path: Path, pictures: Pictures) -> None:
    """A file from a Mac whose name is spelled in letters (NFD) is on the page, which has the composed name."""
    paths = [tmp_path / unicodedata.normalize("NFD", f"{n} 나무.png") for n in range(12)]
    for path, picture in zip(paths, pictures.given, strict=True):
        path.write_bytes(picture)
    with Client(pictures.providers(), send=pictures) as client:
        done = client.compare("detect_faces", paths, truth=[{"input": "0 나무.png", "x": ""}])
    page = save_comparison(done, tmp_path / "비교.html", title="나무").read_text("utf-8")
    cards = re.findall(r"<li>.*?</li>", page, re.DOTALL)
    assert cards
    assert all("data:image/jpeg" in card for card in cards)
    assert all(card.count('<rect class="halo"') == card.count('<rect class="o') for card in cards)
    assert "<h3>0 나무.png</h3>" in page or "나무.png</td>" in page
    assert tmp_path.name not in page  # where the pictures are is nobody's business
    assert "나무.png" in page


def test_nothing_on_the_page_is_run_or_loaded(tmp_path: Path) -> None:
    """Names, texts and errors are escaped, the policy allows no script, and there is no address in the page."""

    def phrases(request: Request) -> Response:
        return ok({"score": 0.5, "phrases": [EVIL, "맛"]})

    vendors = Vendors(**{NAMES[1]: phrases})
    with Client(asked(NAMES[1:]), send=vendors) as client:
        done = client.compare("key_phrases", [EVIL, '"><img src=x onerror=1>'])
    page = save_comparison(done, tmp_path / "page.html", title=EVIL, language="ko").read_text("utf-8")
    assert "<script" not in page
    assert "onerror=1>" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'; img-src data:;" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    with pytest.raises(InputError, match="does not speak"):
        save_comparison(done, tmp_path / "page.html", title="", language="fr")  # type: ignore[arg-type]


def test_boxes_are_where_they_were_on_any_copy_of_the_picture(tmp_path: Path, pictures: Pictures) -> None:
    """A copy may be smaller, and turned by its EXIF data: the boxes keep their places on the upright picture."""
    compared = compare(pictures, "detect_faces")
    page = save_comparison(compared, tmp_path / "given.html", title="얼굴").read_text("utf-8")
    copies = []
    for given in pictures.given:
        with PIL.Image.open(io.BytesIO(given)) as picture:
            small = picture.convert("RGB").resize((picture.width // 2, picture.height // 2))
        # The file holds the picture on its side, and says by how much it has to be turned.
        exif = PIL.Image.Exif()
        exif[0x0112] = 6
        file = io.BytesIO()
        small.transpose(PIL.Image.Transpose.ROTATE_90).save(file, "JPEG", exif=exif)
        copies.append(PIL.Image.open(file))
    other = save_comparison(compared, tmp_path / "copies.html", title="얼굴", images=copies).read_text("utf-8")
    views = re.compile(r'viewBox="0 0 \d+ \d+" preserve.*?</svg>')
    assert views.findall(page) == views.findall(other) != []
    [data, *_] = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', other)
    shown = PIL.Image.open(io.BytesIO(base64.b64decode(data)))
    size = re.findall(r'viewBox="0 0 (\d+) (\d+)" preserve', page)[0]
    assert (shown.width * 2, shown.height * 2) == tuple(map(int, size))
