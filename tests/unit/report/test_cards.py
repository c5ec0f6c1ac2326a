"""Cards: the whole picture, a legible caption, one size; and the GIF made of them."""

from __future__ import annotations

import io
import time
import unicodedata
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageColor, ImageStat

from cloudai.errors import InputError
from cloudai.report import MissingFontError, card, fonts, one_card, save_gif
from cloudai.report.one_card import THEMES

SENTENCE = "제복을 입은 사람이 파란 배경 앞에서 카메라를 바라보며 미소를 짓고 있다 "
PAPER = ImageColor.getrgb(THEMES["dark"].paper)
TOP = 1080 - round(1080 * one_card.PANEL)
"""The top of the panel of a card of 1080 × 1080 px."""


def edged(size: tuple[int, int]) -> Image.Image:
    """Return a white picture with a red, a green, a blue and a black edge: left, top, right, bottom."""
    picture = Image.new("RGB", size, "white")
    width, height = size
    edge = max(1, min(size) // 8)
    picture.paste("red", (0, 0, edge, height))
    picture.paste("blue", (width - edge, 0, width, height))
    picture.paste("lime", (edge, 0, width - edge, edge))
    picture.paste("black", (edge, height - edge, width - edge, height))
    return picture


def like(pixel: object, colour: str) -> bool:
    """Return whether a pixel has this colour, but for what resizing does."""
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 30 for a, b in zip(pixel, ImageColor.getrgb(colour), strict=True))


def lettered(shown: Image.Image, box: tuple[int, int, int, int]) -> bool:
    """Return whether anything is drawn on the paper inside a box."""
    part = shown.crop(box)
    return ImageChops.difference(part, Image.new("RGB", part.size, PAPER)).getbbox() is not None


@pytest.mark.parametrize("shape", [(600, 400), (400, 900), (2000, 30), (3, 700), (1, 1), (1080, TOP)])
def test_one_size(shape: tuple[int, int]) -> None:
    """A card has its size whatever the shape of the picture."""
    assert card(Image.new("RGB", shape, "teal"), "a tree").size == (1080, 1080)


def test_wide_picture_is_whole() -> None:
    """All four edges of a wide picture are seen: it is fitted, not cropped."""
    shown = card(edged((800, 400)), "a tree")
    middle = TOP // 2  # the picture is 1080 × 540 around it
    assert like(shown.getpixel((20, middle)), "red")
    assert like(shown.getpixel((1060, middle)), "blue")
    assert like(shown.getpixel((540, middle - 250)), "lime")
    assert like(shown.getpixel((540, middle + 250)), "black")


def test_tall_picture_is_whole() -> None:
    """All four edges of a tall picture are seen, the lowest right above the panel."""
    shown = card(edged((400, 800)), "a tree")
    half = TOP // 4
    assert like(shown.getpixel((540 - half + 12, TOP // 2)), "red")
    assert like(shown.getpixel((540 + half - 12, TOP // 2)), "blue")
    assert like(shown.getpixel((540, 12)), "lime")
    assert like(shown.getpixel((540, TOP - 12)), "black")


def test_room_is_filled_dark() -> None:
    """The room around a picture is filled with a dark copy of it, not with white or nothing."""
    shown = card(Image.new("RGB", (400, 900), "white"), "a tree")
    beside = shown.getpixel((60, 300))
    assert isinstance(beside, tuple)
    assert PAPER < beside < (160, 160, 160)


def test_no_text_no_panel() -> None:
    """Without a caption the picture has the whole card."""
    assert like(card(Image.new("RGB", (50, 50), "teal"), "").resize((1, 1)).getpixel((0, 0)), "black") is False
    assert like(card(edged((800, 800)), " \n").getpixel((540, 1070)), "black")


@pytest.mark.long
@pytest.mark.parametrize(
    "caption",
    ["tree", SENTENCE, SENTENCE * 9, "a long one, said again and again; " * 30, "가" * 300, "W" * 300],
    ids=["short", "korean", "long korean", "long", "long korean word", "long word"],
)
@pytest.mark.parametrize("size", [(1080, 1080), (1080, 1920), (1920, 1080), (480, 480), (240, 240)])
def test_text_stays_inside(caption: str, size: tuple[int, int], nanum: Path) -> None:
    """Letters are drawn, and none touches the margins or the lower edge, however long the caption."""
    shown = card(Image.new("RGB", (300, 300), "teal"), caption, footnote=caption, size=size, font=nanum)
    (width, height), unit = size, min(size) / 1080
    top, margin = height - round(height * one_card.PANEL) + round(10 * unit), round(50 * unit)
    assert lettered(shown, (margin, top, width - margin, height))
    assert not lettered(shown, (0, top, margin, height))
    assert not lettered(shown, (width - margin, top, width, height))
    assert not lettered(shown, (0, height - round(20 * unit), width, height))
    assert not lettered(shown, (0, top, width, top + round(6 * unit)))


def test_letters_shrink_then_end(nanum: Path) -> None:
    """A longer caption gets smaller letters down to the least, and only then an ellipsis."""
    panel = one_card._Panel(1080, TOP, 1080 - TOP, 1.0)
    texts = ["나무", SENTENCE * 2, SENTENCE * 20]
    sizes, ends = [], []
    for text in texts:
        face, lines = one_card._set(text.strip(), panel, 200, nanum)
        sizes.append(face.size)
        ends.append(lines[-1].endswith("…"))
        assert all(face.length(line) <= panel.room for line in lines)
        assert len(lines) * face.size <= 200
    assert sizes[0] == one_card.LARGEST > sizes[1] > sizes[2] == one_card.SMALLEST
    assert ends == [False, False, True]


def test_contrast() -> None:
    """Caption and footnote stand out from the panel as WCAG asks at its strictest (7 to 1)."""

    def light(colour: str) -> float:
        parts = [c / 255 for c in ImageColor.getrgb(colour)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for theme in THEMES.values():
        for ink in (theme.ink, theme.faint):
            lighter, darker = sorted((light(ink), light(theme.paper)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 7


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\u202e tree\x07\u2069", "a tree"),
        ("a\n\n tree\u200b", "a\ntree"),
        (unicodedata.normalize("NFD", "나무"), "나무"),
    ],
)
def test_text_is_cleaned(dirty: str, clean: str, nanum: Path) -> None:
    """A machine's caption with control or bidi characters, or in pieces, is drawn as the plain one."""
    make = partial(card, Image.new("RGB", (90, 90), "teal"), font=nanum)
    assert make(dirty, footnote=dirty).tobytes() == make(clean, footnote=clean.replace("\n", " ")).tobytes()
    assert make(clean).tobytes() != make(f"{clean} x").tobytes()


def test_missing_glyph(latin: Path) -> None:
    """A caption or footnote that the font cannot show is an error, not a row of boxes."""
    picture = Image.new("RGB", (90, 90), "teal")
    with pytest.raises(MissingFontError, match="나 무"):
        card(picture, "나무", font=latin)
    with pytest.raises(MissingFontError, match="나 무"):
        card(picture, "a tree", footnote="나무", font=latin)


def test_font_without_ellipsis(monkeypatch: pytest.MonkeyPatch, nanum: Path) -> None:
    """Three dots stand for the character … in a font that lacks it."""
    real = fonts.lacking

    def without(path: str, text: str, *, bold: bool) -> list[str]:
        return [*real(path, text.replace("…", ""), bold=bold), *(["…"] if "…" in text else [])]

    monkeypatch.setattr(fonts, "lacking", without)
    _, lines = one_card._set("가 " * 900, one_card._Panel(1080, TOP, 1080 - TOP, 1.0), 200, nanum)
    assert lines[-1].endswith("...")


def test_endless_caption_is_quick(nanum: Path) -> None:
    """A caption of a million letters costs no more than one of a thousand."""
    start = time.monotonic()
    card(Image.new("RGB", (90, 90)), "가" * 1_000_000, footnote="나" * 100_000, font=nanum)
    assert time.monotonic() - start < 10


def sideways() -> Image.Image:
    """Return a photo from a file, red above blue, stored on its side."""
    upright = Image.new("RGB", (300, 300), "blue")
    upright.paste("red", (0, 0, 300, 150))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", exif=exif, quality=95)
    return Image.open(out)


def test_photo_is_turned_once() -> None:
    """A photo from a file is turned upright; one that was turned before, its old mark still on it, is not."""
    turned = sideways().transpose(Image.Transpose.ROTATE_270)
    assert turned.getexif()[0x0112] == 6  # Pillow keeps the old mark, which is wrong now
    for picture in (sideways(), turned):
        shown = card(picture, "a tree")
        assert like(shown.getpixel((540, 60)), "red")
        assert like(shown.getpixel((540, TOP - 60)), "blue")


def test_picture_is_left_alone() -> None:
    """The picture given is not changed."""
    picture = sideways()
    card(picture, "a tree")
    assert (picture.size, picture.getexif()[0x0112]) == ((300, 300), 6)


def test_transparency_is_white() -> None:
    """Transparent parts of a picture are shown as on white paper, not black."""
    assert like(card(Image.new("RGBA", (500, 500), (0, 0, 0, 0)), "a tree").getpixel((540, 300)), "white")


def test_refusals() -> None:
    """A card too small to read, and a picture without pixels, are refused."""
    with pytest.raises(InputError, match="too small"):
        card(Image.new("RGB", (9, 9)), "a tree", size=(1080, 100))
    with pytest.raises(InputError, match="nothing to show"):
        card(Image.new("RGB", (0, 9)), "a tree")


def gradient(angle: int) -> Image.Image:
    """Return a picture with many colours."""
    red = Image.linear_gradient("L").rotate(angle)
    return Image.merge("RGB", (red, Image.radial_gradient("L"), ImageChops.invert(red)))


def test_gif(tmp_path: Path) -> None:
    """A GIF has a frame for each card, at its width, for its time, repeats for ever, and is close in colour."""
    made = [card(gradient(90 * n), f"card {n}", size=(400, 500)) for n in range(3)]
    made[0].info["comment"] = b"secret"
    path = save_gif(made, tmp_path / "카드.gif", seconds=1.5, width=200)
    assert path == tmp_path / "카드.gif"
    assert b"secret" not in path.read_bytes()
    with Image.open(path) as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"]) == (3, (200, 250), 0)
        for number, shown in enumerate(made):
            gif.seek(number)
            assert gif.info["duration"] == 1500
            wanted = shown.resize((200, 250), Image.Resampling.LANCZOS)
            off = ImageStat.Stat(ImageChops.difference(gif.convert("RGB"), wanted)).mean
            assert max(off) < 6


@pytest.mark.long
def test_gif_is_dithered(tmp_path: Path) -> None:
    """Steps between the 256 colours are scattered: seen from afar a slope of colour has no bands."""
    slope = gradient(0).resize((512, 512))
    with Image.open(save_gif([slope, gradient(90).resize((512, 512))], tmp_path / "a.gif", width=512)) as gif:
        shown = gif.convert("RGB")
    banded = slope.quantize(256).convert("RGB")
    afar = partial(Image.Image.resize, size=(64, 64), resample=Image.Resampling.BOX)
    errors = [sum(ImageStat.Stat(ImageChops.difference(afar(slope), afar(made))).mean) for made in (shown, banded)]
    assert errors[0] < errors[1] * 0.7


def test_gif_is_never_enlarged(tmp_path: Path) -> None:
    """A GIF is no wider than the cards."""
    with Image.open(save_gif([Image.new("RGB", (300, 240))], tmp_path / "a.gif")) as gif:
        assert gif.size == (300, 240)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 700.0, float("nan")])
def test_gif_seconds(tmp_path: Path, seconds: float) -> None:
    """A time that a GIF cannot hold is refused, and nothing is written."""
    with pytest.raises(InputError):
        save_gif([Image.new("RGB", (300, 240))], tmp_path / "a.gif", seconds=seconds)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sizes", [[], [(300, 300), (300, 301)]])
def test_gif_sizes(tmp_path: Path, sizes: list[tuple[int, int]]) -> None:
    """No cards, and cards of two sizes, are refused."""
    with pytest.raises(InputError, match="one size"):
        save_gif([Image.new("RGB", size) for size in sizes], tmp_path / "a.gif")


@pytest.mark.parametrize("height", range(70, 110))
def test_a_picture_of_any_shape_fits(height: int) -> None:
    """The part of a picture that is shown behind is taken from inside it, however its size is rounded."""
    for width in (84, 93, 120, 140, 211):
        assert card(Image.new("RGB", (width, height)), "", size=(320, 320)).size == (320, 320)
