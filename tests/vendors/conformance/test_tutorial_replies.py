"""The 233 replies behind two pages of the tutorial, from 2018: as results, as tables, and through both examples."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import Azure, Client, ImageAnalysis, Outcome, Response, tidy
from tests.support.examples import Ran, run_example
from tests.support.length import length
from tests.support.played import PICTURE


@pytest.fixture(params=["lawmakers", "card-news"])
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of each of the two lists in turn."""
    return str(request.param)


def replies(recordings: Path, name: str) -> list[dict[str, Any]]:
    """Return the bodies of one list."""
    exchanges = json.loads((recordings / "azure-vision-v1" / f"{name}.json").read_text("utf-8"))
    return [exchange["response"]["body"] for exchange in exchanges]


def results(bodies: list[dict[str, Any]]) -> list[ImageAnalysis]:
    """Return what `analyze_image` makes of the bodies."""
    left = iter(bodies)
    azure = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com", api="3.2")
    with Client(azure, send=lambda _: Response(200, {}, json.dumps(next(left)).encode())) as client:
        wanted = ("caption", "tags", "categories", "faces", "safety", "places")
        return [client.analyze_image(PICTURE, features=wanted) for _ in bodies]


def test_every_reply_is_understood(recordings: Path, name: str) -> None:
    """Caption, tags, categories, grades, and faces with their age, each as in the reply."""
    bodies = replies(recordings, name)
    assert len(bodies) == {"lawmakers": 193, "card-news": 40}[name]
    for body, found in zip(bodies, results(bodies), strict=True):
        captions = body["description"]["captions"]
        assert (found.caption.text if found.caption else None) == (captions[0]["text"] if captions else None)
        tags = [t["name"] for t in body["tags"]] if "tags" in body else body["description"]["tags"]
        assert [tag.name for tag in found.tags] == tags
        assert [category.confidence for category in found.categories] == [c["score"] for c in body["categories"]]
        assert found.safety["adult"].score == body["adult"]["adultScore"]
        assert found.safety["racy"].score == body["adult"]["racyScore"]
        assert "gore" not in found.safety
        if "faces" not in body:
            assert found.faces is None
            continue
        ages = sorted((f["faceRectangle"]["left"], f["age"]) for f in body["faces"])
        assert sorted((face.box.x, face.age.years) for face in found.faces) == ages


def test_they_become_tables(recordings: Path, name: str) -> None:
    """A row for each thing, for each input at least one; ages in the table of faces."""
    found = results(replies(recordings, name))
    table = tidy(Outcome(n, f"사진-{n}", result=each) for n, each in enumerate(found))
    assert {row["item"] for row in table} == set(range(len(found)))
    kinds = {"caption", "tag", "category", "safety", *(["face"] if name == "card-news" else [])}
    assert {row["kind"] for row in table} == kinds
    people = [row for n, each in enumerate(found) if each.faces is not None for row in each.faces.to_rows(item=n)]
    if name == "card-news":
        assert sum(row["status"] == "ok" for row in people) == 12
        assert all(row["age_years"] > 0 for row in people if row["status"] == "ok")
        assert {row["provider"] for row in people} == {"azure"}
    else:
        assert people == []
        assert sum("man" in each.caption.text.split() for each in found) == 143


def run(example: str, *arguments: str) -> Ran:
    """Run an example as a user does, with no key."""
    return run_example(example, *arguments, "--provider", "azure", AZURE_IMAGE_ANALYSIS_API="3.2")


def pictures(bodies: list[dict[str, Any]], folder: Path) -> None:
    """Make pictures of the sizes in the replies: the photos themselves were not kept."""
    for n, body in enumerate(bodies, 1):
        size = body["metadata"]["width"], body["metadata"]["height"]
        # Two pictures of one size and nearly one colour are the same JPEG, and the same bytes would be asked about
        # once.
        PIL.Image.new("RGB", size, (n % 256, 120, 200)).save(folder / f"사진{n:03}.jpg", comment=f"{n}")


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return a table as a spreadsheet reads it."""
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def test_the_portraits_example_runs_on_them(recordings: Path, tmp_path: Path) -> None:
    """193 names and photos from a Korean CSV: every one has its tile with the caption, and its rows."""
    bodies = replies(recordings, "lawmakers")
    pictures(bodies, tmp_path)
    lines = [f"의원 {n},사진{n:03}.jpg" for n in range(1, len(bodies) + 1)]
    (tmp_path / "의원.csv").write_text("\n".join(["이름,사진", *lines]), "utf-8-sig")
    done = run(
        "lawmaker_photos",
        *(str(tmp_path / "의원.csv"), "--out", str(tmp_path / "결과"), "--language", "ko"),
        *("--features", "caption,tags,safety"),
        *("--replay", str(recordings / "azure-vision-v1" / "lawmakers.json")),
    )
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "결과" / "pictures.csv")
    captions = [row["name"] for row in rows if row["kind"] == "caption"]
    assert captions == [body["description"]["captions"][0]["text"] for body in bodies]
    assert {row["input"] for row in rows} == {f"의원 {n}" for n in range(1, 194)}
    page = (tmp_path / "결과" / "gallery.html").read_text("utf-8")
    assert page.count("<li ") == page.count('src="data:image/webp;base64,') == 193
    assert captions[0] in page


def test_the_card_news_example_runs_on_them(recordings: Path, tmp_path: Path) -> None:
    """Each picture becomes a card of one size, and a part of the GIF; the one without a caption says what is known."""
    exchanges = json.loads((recordings / "azure-vision-v1" / "card-news.json").read_text("utf-8"))
    without = next(each for each in exchanges if not each["response"]["body"]["description"]["captions"])
    exchanges = length([without, *(each for each in exchanges if each is not without)][:8], exchanges, exchanges)
    (tmp_path / "replies.json").write_text(json.dumps(exchanges), "utf-8")
    bodies = [exchange["response"]["body"] for exchange in exchanges]
    photos = tmp_path / "사진"
    photos.mkdir()
    pictures(bodies, photos)
    done = run(
        "card_news",
        *(str(photos), "--out", str(tmp_path / "결과"), "--language", "ko"),
        *("--replay", str(tmp_path / "replies.json")),
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "결과" / "cards").glob("*.png"))) == len(bodies)
    with PIL.Image.open(tmp_path / "결과" / "cards.gif") as gif:
        assert gif.n_frames == len(bodies)  # type: ignore[attr-defined]
    rows = rows_of(tmp_path / "결과" / "cards.csv")
    assert sum(row["kind"] == "caption" for row in rows) == len(bodies) - 1
