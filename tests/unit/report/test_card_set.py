"""Sets of cards, their moving pictures and their page, from what is kept, with nothing sent."""

from __future__ import annotations

import csv
import re
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cloudai import InputError, read_table
from cloudai.report import (
    MissingFontError,
    card_news,
    card_set,
    cards,
    gallery,
    one_card,
    save_drawings,
    save_morph,
    save_sheet,
)
from cloudai.report.card_set import untranslated
from cloudai.report.named_files import NamedFiles
from tests.unit.report import made


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the journal of a finished run."""
    made.sent.clear()
    return made.finished(tmp_path_factory.mktemp("run"))


def index(folder: Path) -> list[dict[str, str]]:
    """Return the index of the cards."""
    with (folder / "cards" / "index.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_from_a_journal_in_the_language_of_the_reader(journal: Path, tmp_path: Path, nanum: Path) -> None:
    """Cards come from the journal alone, captions in Korean where a translation is kept, with a page and a GIF."""
    before = len(made.sent)
    files = cards(journal, tmp_path, language="ko", formats=["gif", "html"], size=(300, 300), font=nanum)
    assert len(made.sent) == before
    assert [file.name for file in files] == ["cards.gif", "cards.html", "cards"]
    rows = index(tmp_path)
    assert [row["name"] for row in rows] == list(made.NAMES)
    assert all(re.fullmatch(r"a person number \d의 번역", row["caption"]) for row in rows)
    assert [row["file"] for row in rows] == [f"{n:04}-{name}.png" for n, name in enumerate(made.NAMES)]
    page = (tmp_path / "cards.html").read_text("utf-8")
    assert re.findall(r'alt="([^"]+)"', page) == [row["caption"] for row in rows]
    assert "default-src 'none'" in page
    assert untranslated(journal, "ko") == []
    cards(journal, tmp_path / "en", size=(300, 300), font=nanum)
    assert index(tmp_path / "en")[0]["caption"].startswith("a person number")


def test_captions_are_translated_once(tmp_path: Path, nanum: Path) -> None:
    """Card news has its captions translated by the same provider, and a second run of it sends nothing."""
    photos = [made.photo(tmp_path / f"{n}.jpg", colour) for n, colour in enumerate(("teal", "navy"))]
    made.sent.clear()
    for _ in range(2):
        with made.client_of_azure() as client:
            card_news(client, photos, tmp_path / "out", language="ko", font=nanum, journal=tmp_path / "j.journal")
        assert [request.url.rpartition("/")[2] for request in made.sent] == ["imageanalysis:analyze"] * 2 + [
            "translate"
        ]
    assert all(row["caption"].endswith("의 번역") for row in index(tmp_path / "out"))


def test_pictures_and_captions_of_the_user(tmp_path: Path, nanum: Path) -> None:
    """Captions of the user keep their line breaks; pictures without one have none; lists of two lengths are refused."""
    photos = [made.photo(tmp_path / f"{n}.jpg") for n in range(2)]
    cards(photos, tmp_path / "out", captions=["첫 줄\n둘째 줄", ""], formats=[], size=(300, 300), font=nanum)
    assert [row["caption"] for row in index(tmp_path / "out")] == ["첫 줄\n둘째 줄", ""]
    with pytest.raises(InputError, match="2 pictures and 1 captions"):
        cards(photos, tmp_path, captions=["a"])


def test_what_is_not_sure_is_left_out(tmp_path: Path, nanum: Path) -> None:
    """A caption below the wanted confidence gives way to what is known; a card names who said it."""
    path = made.photo(tmp_path / "a.jpg")
    rows = [
        made.outcome(0, path, made.analysis("sure", confidence=0.9)),
        made.outcome(1, path, made.analysis("unsure", confidence=0.2)),
    ]
    cards(rows, tmp_path, min_confidence=0.5, formats=[], size=(300, 300), font=nanum)
    assert [row["caption"] for row in index(tmp_path)] == ["sure", "300×400 · 1 face · person · suit"]
    assert index(tmp_path)[0]["footnote"] == "a · azure"


def test_pictures_that_are_no_more(tmp_path: Path, nanum: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A picture that cannot be read has no card, the log says why, and the others have theirs."""
    good = made.photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_text("<!DOCTYPE html>", "utf-8")
    rows = [made.outcome(0, tmp_path / "b.jpg"), made.outcome(1, good), made.outcome(2, tmp_path / "c.jpg")]
    cards(rows, tmp_path, formats=["webp"], size=(300, 300), font=nanum)
    assert [row["item"] for row in index(tmp_path)] == ["1"]
    assert "a web page saved under that name" in caplog.text
    assert "cannot be found" in caplog.text


def test_moving_pictures(tmp_path: Path, nanum: Path) -> None:
    """GIF, WebP and MP4 have each card for the time that is asked for."""
    import av

    photos = [made.photo(tmp_path / f"{n}.jpg", colour) for n, colour in enumerate(("teal", "red"))]
    cards(
        photos,
        tmp_path,
        captions=["하나", "둘"],
        formats=["gif", "webp", "mp4"],
        size=(301, 300),
        seconds=0.5,
        font=nanum,
    )
    for name in ("cards.gif", "cards.webp"):
        with Image.open(tmp_path / name) as moving:
            assert moving.n_frames == 2  # type: ignore[attr-defined]
    with av.open(str(tmp_path / "cards.mp4")) as video:
        assert video.duration == pytest.approx(1_000_000, rel=0.05)
        assert (video.streams.video[0].width, video.streams.video[0].height) == (300, 300)
    data = (tmp_path / "cards.mp4").read_bytes()
    assert data.find(b"moov") < data.find(b"mdat"), "a player need not load all of it first"
    with pytest.raises(InputError, match="no format avi"):
        cards(photos, tmp_path, captions=["", ""], formats=["avi"])


def test_a_later_run_replaces_its_own_files_only(tmp_path: Path, nanum: Path) -> None:
    """Cards of an earlier run are written anew, and removed where they are no more; a file of the user stays."""
    photos = [made.photo(tmp_path / f"{n}.jpg") for n in range(3)]
    mine = tmp_path / "out" / "cards" / "0001-1.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    cards(photos, tmp_path / "out", captions=["a"] * 3, formats=[], size=(300, 300), font=nanum)
    assert {file.name for file in mine.parent.iterdir()} == {
        "0000-0.png",
        "0001-1.png",
        "0001-1 2.png",
        "0002-2.png",
        "index.csv",
    }
    cards(photos[:2], tmp_path / "out", captions=["a"] * 2, formats=[], size=(300, 300), font=nanum)
    assert {file.name for file in mine.parent.iterdir()} == {"0000-0.png", "0001-1.png", "0001-1 2.png", "index.csv"}
    assert mine.read_bytes() == b"mine"


def test_no_font_for_any_caption(tmp_path: Path, latin: Path) -> None:
    """If no caption can be drawn, nothing is written; one in another script ends nothing."""
    photos = [made.photo(tmp_path / f"{n}.jpg") for n in range(2)]
    with pytest.raises(MissingFontError):
        cards(photos, tmp_path / "out", captions=["나무", "바다"], font=latin)
    assert not (tmp_path / "out").exists()
    cards(photos, tmp_path / "out", captions=["a tree", "나무"], formats=[], size=(300, 300), font=latin)
    assert len(index(tmp_path / "out")) == 2


def test_long_captions_get_a_higher_panel(nanum: Path) -> None:
    """The panel of a set grows until the longest caption fits, up to its limit; a set of short ones keeps it low."""
    panels = [one_card.panel_for([("가나다 " * n, "발")], "square", nanum) for n in (5, 32, 300)]
    assert panels == [one_card.PANELS[0], one_card.PANELS[1], one_card.PANELS[-1]]


def test_theme_size_and_logo(tmp_path: Path, nanum: Path) -> None:
    """A card has the colours and the shape that are asked for, and a logo in its corner; what there is not is told."""
    picture = Image.new("RGB", (90, 90), "teal")
    logo = Image.new("RGBA", (40, 20), (255, 0, 0, 255))
    shown = one_card.card(picture, "나무", size="story", theme="light", logo=logo, font=nanum)
    assert shown.size == (1080, 1920)
    assert shown.getpixel((20, 1900)) == (255, 255, 255)
    reds = [(x, y) for x in range(700, 1080, 8) for y in range(1400, 1920, 8) if shown.getpixel((x, y)) == (255, 0, 0)]
    assert reds
    assert min(x for x, _ in reds) > 800
    for wrong in ({"theme": "pink"}, {"size": "round"}, {"size": (10, 10)}):
        with pytest.raises(InputError):
            one_card.card(picture, "a", **wrong)  # type: ignore[arg-type]


def test_an_interrupted_run_knows_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C in the middle the index names what is there, so that the next run replaces it and adds no copies."""
    rows = [made.outcome(n, made.photo(tmp_path / f"{n}.jpg")) for n in range(3)]
    folder = tmp_path / "그림"
    save_drawings(rows, folder)
    wanted = sorted(file.name for file in folder.iterdir())
    real = NamedFiles.save

    def save(out: NamedFiles, picture: Image.Image, item: int, *more: Any) -> Path:
        if item == 1:
            raise KeyboardInterrupt
        return real(out, picture, item, *more)

    for n in (0, 1):  # at first nothing is there of an earlier run
        shutil.rmtree(folder) if n == 0 else None
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(NamedFiles, "save", save)
            save_drawings(rows, folder)
        assert len(read_table(folder / "index.csv")) == (3 if n else 1)
        save_drawings(rows, folder)
        assert sorted(file.name for file in folder.iterdir()) == wanted


def test_not_all_cards_are_in_memory(tmp_path: Path, nanum: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card is let go once it is written, because three hundred of them would take a gigabyte."""
    each: list[weakref.ref[Image.Image]] = []
    most = [0]
    real = card_set.card

    def card(*args: Any, **options: Any) -> Image.Image:
        made_now = real(*args, **options)
        each.append(weakref.ref(made_now))
        most[0] = max(most[0], sum(one() is not None for one in each))
        return made_now

    monkeypatch.setattr(card_set, "card", card)
    photos = [made.photo(tmp_path / f"{n}.jpg") for n in range(8)]
    cards(
        photos,
        tmp_path / "out",
        captions=[f"가 {n}" for n in range(8)],
        formats=["gif", "html"],
        size=(300, 300),
        font=nanum,
    )
    assert most[0] <= 2
    with Image.open(tmp_path / "out" / "cards.gif") as moving:
        assert moving.n_frames == 8


def test_a_sheet_or_a_morph_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A side of no pixels, or a time that no file can hold, is an error before any picture is opened."""
    rows = [made.outcome(n, made.photo(tmp_path / f"{n}.jpg")) for n in range(2)]
    for side in (0, -5):
        with pytest.raises(InputError, match=f"cannot have {side} px"):
            save_sheet(rows, tmp_path / "a.png", side=side)
    for seconds in (0, -1, float("nan"), 1e6):
        with pytest.raises(InputError, match="a morph cannot take"):
            save_morph(rows, tmp_path / "a.gif", seconds=seconds)


def test_a_word_that_is_misspelt_is_not_taken_for_another(tmp_path: Path) -> None:
    """A word for tiles, or for what a sheet shows and how, that there is not is an error, and no guess is made."""
    rows = [made.outcome(0, made.photo(tmp_path / "0.jpg"))]
    with pytest.raises(InputError, match="there are no tiles 'portrait'"):
        gallery(rows, tmp_path / "g.html", tiles="portrait")  # type: ignore[arg-type]
    for wrong in ({"layout": "strips"}, {"of": "face"}):
        with pytest.raises(InputError, match="a sheet has no"):
            save_sheet(rows, tmp_path / "s.png", **wrong)  # type: ignore[arg-type]
