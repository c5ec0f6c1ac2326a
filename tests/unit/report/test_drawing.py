"""Drawings over pictures, cuts of them, and sheets that put them side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageColor

from cloudai import InputError, NeedsImageError
from cloudai.models.base import Box
from cloudai.models.face import Face
from cloudai.report import Mark, contact_sheet, crop, draw, drawing, marks_of, morph, strip
from tests.unit.report import made

GREY = (128, 128, 128)


def grey(size: tuple[int, int] = made.SIZE) -> Image.Image:
    """Return a picture of one colour, on which everything that is drawn is seen."""
    return Image.new("RGB", size, GREY)


def count(picture: Image.Image, colour: str) -> int:
    """Return how many pixels have exactly this colour."""
    wanted = ImageColor.getrgb(colour)
    return sum(n for n, found in picture.getcolors(1 << 24) or [] if found == wanted)


def test_boxes_and_points_are_where_the_things_are(nanum: Path) -> None:
    """A box follows the edges of its face, landmarks are dots, and each kind has its colour."""
    shown = draw(grey(), made.analysis(), labels=False, font=nanum)
    bright = ImageColor.getrgb(drawing.COLOURS["face"])
    assert shown.getpixel((100, 160)) == shown.getpixel((198, 160)) == shown.getpixel((150, 100)) == bright
    assert shown.getpixel((150, 160)) == shown.getpixel((90, 160)) == GREY
    assert shown.getpixel((130, 140)) == shown.getpixel((170, 140)) == bright
    assert shown.getpixel((140, 280)) == ImageColor.getrgb(drawing.COLOURS["object"])
    assert draw(grey(), made.analysis(), labels=False, landmarks=False).getpixel((130, 140)) == GREY


def test_a_picture_of_another_size_is_drawn_alike(nanum: Path) -> None:
    """Boxes are scaled with the picture; lines and letters grow with it."""
    small, large = (draw(grey((300 * n, 400 * n)), made.analysis(), font=nanum) for n in (1, 4))
    assert large.getpixel((400, 640)) == small.getpixel((100, 160))
    difference = ImageChops.difference(large.resize((300, 400)), small).convert("L")
    assert sum(value > 100 for value in difference.tobytes()) < 300 * 400 * 0.02


def test_only_wanted_kinds_are_drawn(nanum: Path) -> None:
    """Kinds may be chosen; one that there is not is an error that suggests one."""
    assert count(draw(grey(), made.analysis(), kinds=["object"], font=nanum), drawing.COLOURS["face"]) == 0
    with pytest.raises(InputError, match="Did you mean face"):
        draw(grey(), made.analysis(), kinds=["faces"])  # type: ignore[list-item]


def test_labels_avoid_each_other(nanum: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five things in one place have their labels in five places, all inside of the picture."""
    box = Box(x=100, y=100, width=60, height=30, image_size=(600, 400))
    marks = [Mark(kind, box, "이름표") for kind in ("face", "object", "person", "text", "brand")]
    taken: list[tuple[float, float, float, float]] = []
    real = drawing._label

    def noting(*args: object, **kwargs: object) -> None:
        kwargs["taken"] = taken
        real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing, "_label", noting)
    draw(grey((600, 400)), marks, font=nanum)
    assert len(taken) == 5
    for n, (left, top, right, bottom) in enumerate(taken):
        assert 0 <= left < right <= 600
        assert 0 <= top < bottom <= 400
        for other in taken[:n]:
            assert min(right, other[2]) <= max(left, other[0]) or min(bottom, other[3]) <= max(top, other[1])


def test_a_label_that_is_wider_than_the_picture_is_shortened(nanum: Path) -> None:
    """A label never leaves the picture, however long its text and however small the picture."""
    mark = Mark("object", Box(x=2, y=2, width=30, height=30, image_size=(40, 40)), "아주 긴 이름표 " * 20)
    assert draw(grey((40, 40)), [mark], font=nanum).size == (40, 40)


def test_colours_can_be_told_apart() -> None:
    """Colours of all kinds differ also for those who see no red or no green, and black letters on them stand out."""

    def seen(colour: str, kind: str) -> tuple[float, ...]:
        r, g, b = (((c / 255) ** 2.2) for c in ImageColor.getrgb(colour))
        # Viénot, Brettel and Mollon (1999): what protanopes and deuteranopes see.
        if kind == "protan":
            r, g, b = 0.1124 * r + 0.8876 * g, 0.1124 * r + 0.8876 * g, 0.004 * r - 0.004 * g + b
        if kind == "deutan":
            r, g, b = 0.2928 * r + 0.7072 * g, 0.2928 * r + 0.7072 * g, -0.0223 * r + 0.0223 * g + b
        return tuple(max(0.0, c) ** (1 / 2.2) for c in (r, g, b))

    main = [drawing.COLOURS[kind] for kind in ("face", "text", "object", "person", "place")]
    for kind in ("all", "protan", "deutan"):
        for n, one in enumerate(main):
            for other in main[:n]:
                assert sum((a - b) ** 2 for a, b in zip(seen(one, kind), seen(other, kind), strict=True)) ** 0.5 > 0.09
    for colour in drawing.COLOURS.values():
        r, g, b = (((c / 255) ** 2.2) for c in ImageColor.getrgb(colour))
        assert (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) / 0.05 >= 7


def test_a_picture_passed_on_by_url_is_not_guessed_at() -> None:
    """A box whose picture has no known size cannot be drawn, and the error says why."""
    with pytest.raises(NeedsImageError):
        draw(grey(), [Mark("face", Box(x=1, y=1, width=5, height=5))])


def test_marks_say_what_is_known() -> None:
    """The label of a face has its expression and its age as a range; objects have their names."""
    assert [(mark.kind, mark.label) for mark in marks_of(made.analysis())] == [
        ("face", "happiness 30–40"),
        ("object", "tie"),
    ]


@pytest.mark.parametrize("shape", ["rectangle", "rounded", "circle"])
def test_crop(shape: str) -> None:
    """A face is cut out with its margin; the corners of a circle are transparent, and a circle is round."""
    cut = crop(grey(), made.face(), margin=0.1, aspect=3 / 4, shape=shape)  # type: ignore[arg-type]
    if shape == "circle":
        assert cut.width == cut.height
    else:
        assert abs(cut.width / cut.height - 3 / 4) < 0.02
    assert cut.mode == ("RGB" if shape == "rectangle" else "RGBA")
    if shape != "rectangle":
        assert cut.getpixel((0, 0))[3] == 0  # type: ignore[index]
        assert cut.getpixel((cut.width // 2, cut.height // 2))[3] == 255  # type: ignore[index]


def test_crop_of_what_is_no_thing() -> None:
    """What has no box, a shape that there is not, and a face outside of the picture are refused."""
    with pytest.raises(InputError, match="no box"):
        crop(grey(), made.analysis())
    with pytest.raises(InputError, match="no shape"):
        crop(grey(), made.face(), shape="star")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not inside"):
        crop(grey(), Box(x=900, y=900, width=5, height=5, image_size=made.SIZE))
    face = Face(box=Box(x=0, y=0, width=80, height=80, image_size=made.SIZE))
    assert crop(grey(), face, shape="circle", margin=0.5).width == crop(grey(), face, shape="circle", margin=0.5).height


def test_sheet_and_strip(nanum: Path) -> None:
    """A sheet shows every picture whole, in reading order; a strip has one height; captions stand below."""
    colours = ["red", "lime", "blue", "yellow", "cyan"]
    pictures = [Image.new("RGB", (100, 50), colour) for colour in colours]
    sheet = contact_sheet(pictures, ["이름"] * 5, columns=2, side=100, font=nanum)
    middle = [sheet.getpixel((62 + 112 * (n % 2), 62 + n // 2 * (sheet.height - 12) // 3)) for n in range(5)]
    assert middle == [ImageColor.getrgb(colour) for colour in colours]
    plain = contact_sheet(pictures, columns=2, side=100)
    assert plain.height < sheet.height
    row = strip(pictures, height=50)
    assert row.size == (5 * 100 + 6 * 12, 50 + 24)
    assert [row.getpixel((12 + 50 + n * 112, 30)) for n in range(5)] == [
        ImageColor.getrgb(colour) for colour in colours
    ]
    for wrong in (
        lambda: contact_sheet([]),
        lambda: strip(pictures, height=3),
        lambda: contact_sheet(pictures, columns=0),
    ):
        with pytest.raises(InputError):
            wrong()


def test_morph_brings_eyes_to_one_place() -> None:
    """The eyes of faces of several sizes and turns come to the same place, and the frames go from one to the other."""
    first, second = grey(), grey((600, 800))
    near, far = made.face(), made.face(300, 300, 200, 240)
    for picture, face in ((first, near), (second, far)):
        for point in (face.landmarks or {}).values():
            picture.paste("red", (int(point.x) - 4, int(point.y) - 4, int(point.x) + 5, int(point.y) + 5))
    frames = morph([(first, near), (second, far)], side=200, steps=3, hold=1)
    assert [frame.size for frame in frames] == [(200, 200)] * 5
    for frame in (frames[0], frames[-1]):
        for x, y in ((76, 84), (124, 84)):
            r, g, _ = frame.getpixel((x, y))  # type: ignore[misc]
            assert r > 200 > g
    with pytest.raises(InputError, match="two faces"):
        morph([(first, near)])


@pytest.mark.parametrize(
    "box",
    [(320, 10, 50, 50), (-80, 10, 50, 50), (10, 420, 50, 50), (300, 0, 0, 50), (10, 10, 0, 0), (10, 10, -5, -5)],
    ids=["right", "left", "below", "at the edge", "empty", "negative"],
)
def test_what_is_not_inside_the_picture_is_not_drawn(box: tuple[float, ...], nanum: Path) -> None:
    """A box that lies beyond the edges, or that has no area, leaves the picture as it is, and is no error."""
    x, y, width, height = box
    mark = Mark("face", Box(x=x, y=y, width=width, height=height, image_size=made.SIZE), "이름")
    assert draw(grey(), [mark], font=nanum).tobytes() == grey().tobytes()


@pytest.mark.parametrize("size", [made.SIZE, (3, 2000), (2000, 2), (1, 1)], ids=str)
def test_the_smallest_thing_is_seen(size: tuple[int, int], nanum: Path) -> None:
    """A face of less than a pixel, and one in a picture of a few pixels, is drawn."""
    mark = Mark("face", Box(x=150.2, y=200.3, width=0.2, height=0.2, image_size=made.SIZE))
    assert draw(grey(size), [mark], font=nanum).tobytes() != grey(size).tobytes()
