"""Draw what was found over its picture, cut faces out of it, and put pictures side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from PIL import Image, ImageDraw

from cloudai.errors import InputError
from cloudai.media import ImageInput, as_image
from cloudai.models.base import Box, Result
from cloudai.models.face import Face
from cloudai.report.color import in_colour
from cloudai.report.fonts import Font
from cloudai.report.marks import Mark, MarkKind, colour_of_track, marks_of
from cloudai.report.text_layout import shortened
from cloudai.report.typeface import Typeface, readable, typeface
from cloudai.text import drawable

__all__ = ["CutShape", "contact_sheet", "crop", "draw", "require_room", "require_side", "strip"]

CutShape: TypeAlias = Literal["rectangle", "rounded", "circle"]

COLOURS: dict[MarkKind, str] = {
    "face": "#ffb400",
    "text": "#56b4e9",
    "object": "#00c896",
    "person": "#f0e442",
    "brand": "#ff7f50",
    "place": "#d98ab8",
    "caption": "#ffffff",
    "crop": "#b3b3b3",
}
"""A colour for each kind of thing.

They follow the palette of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any kind of colour
blindness can tell apart, and are bright enough for black letters on them.
"""
DARK = "#000000"
LEAST_LETTER, LETTER = 11, 1 / 42
"""The least size of a letter of a label in px, and its size as a share of the picture's longer side."""
LONGEST = 60
"""Characters of a label that are drawn at most."""
STEPS = 3
"""How many lines of labels are tried above and below a box."""
GAP, PAPER, INK = 12, "#ffffff", "#1b1d22"


def draw(
    image: ImageInput,
    result: Result | Sequence[Mark],
    *,
    kinds: Sequence[MarkKind] | None = None,
    labels: bool = True,
    landmarks: bool = True,
    font: Font = None,
) -> Image.Image:
    """Return a copy of a picture with boxes, labels and landmarks of what was found in it.

    Lines and letters grow with the picture, each kind of thing has a colour that colour-blind people can tell from the
    others, and labels stand where they cover the fewest other labels.

    Args:
        image: The picture that was given to the call. It may have another size than then: boxes are scaled with it.
        result: A result about the picture, or marks of your own.
        kinds: The kinds of things that are drawn; see `marks_of`.
        labels: Whether the labels are drawn: expression and age of faces, names of objects, the text of lines.
        landmarks: Whether the landmarks of faces are drawn.
        font: Path of a font file; see `find_font`.

    Raises:
        NeedsImageError: The size of the picture is not known, because it was passed on by URL.
        InputError: There is no such kind, or ``image`` is no picture, is damaged or too large.
        MissingFontError: The file that ``font`` names is no font.
    """
    marks = marks_of(result, kinds, landmarks=landmarks) if isinstance(result, Result) else list(result)
    shown = _opened(image).copy()
    pen = ImageDraw.Draw(shown)
    width = max(2, round(max(shown.size) / 320))
    placed = [(mark, _rectangle(mark, shown.size)) for mark in marks if mark.is_inside]
    for mark, (left, top, right, bottom) in placed:
        colour = _colour(mark)
        # A dark line below the bright one is seen on any picture.
        pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=DARK, width=width + 2)
        pen.rectangle((left, top, right, bottom), outline=colour, width=width)
        for x, y in _points(mark, shown.size):
            pen.ellipse((x - width, y - width, x + width, y + width), fill=colour, outline=DARK)
    if labels:
        # Letters grow with the picture: those of a fixed size could not be read on a photo of 20 megapixels.
        size = max(LEAST_LETTER, round(max(shown.size) * LETTER))
        taken: list[tuple[float, float, float, float]] = []
        for mark, box in placed:
            if text := drawable(mark.label[:LONGEST]):
                # A label may have letters that no font here has, which would be empty boxes.
                text = readable(text, font, bold=True)
                face = typeface(text, size, font, bold=True)
                _label(pen, text, box, size=shown.size, colour=_colour(mark), face=face, taken=taken)
    return shown


def _colour(mark: Mark) -> str:
    return COLOURS[mark.kind] if mark.track is None else colour_of_track(mark.track)


def _opened(image: ImageInput) -> Image.Image:
    """Return a picture upright and in colour; one of Pillow is taken as it is shown."""
    return in_colour(image) if isinstance(image, Image.Image) else as_image(image).open()


def _rectangle(mark: Mark, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the edges of a mark in pixels of a picture of this size."""
    left, top, width, height = mark.fractions
    x, y = left * size[0], top * size[1]
    # A thing that is smaller than a pixel has a pixel all the same.
    return x, y, max(x, (left + width) * size[0] - 1), max(y, (top + height) * size[1] - 1)


def _points(mark: Mark, size: tuple[int, int]) -> list[tuple[float, float]]:
    across, down = mark.box.image_size or size
    return [(x * size[0] / across, y * size[1] / down) for x, y in mark.points]


def _label(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: tuple[float, float, float, float],
    *,
    size: tuple[int, int],
    colour: str,
    face: Typeface,
    taken: list[tuple[float, float, float, float]],
) -> None:
    """Draw a label above its box, or where it covers the fewest other labels, and note where it is."""
    pad = max(2, round(face.size / 5))
    if face.length(text) + 2 * pad > size[0]:
        text = shortened(text, face.length, size[0] - 2 * pad, face.ellipsis)
    width, height = face.length(text) + 2 * pad, face.size * 1.25 + pad
    spots = [_inside(spot, width, height, size) for spot in _spots(box, width, height)]
    # If several places are equally good, min() takes the first one, which is the one that is wanted most.
    left, top = min(spots, key=lambda spot: sum(_shared(spot, width, height, other) for other in taken))
    taken.append((left, top, left + width, top + height))
    pen.rectangle((left, top, left + width, top + height), fill=colour, outline=DARK)
    face.draw(pen, (left + pad, top + pad * 0.5 + face.size), text, DARK)


def _spots(box: tuple[float, float, float, float], width: float, height: float) -> list[tuple[float, float]]:
    """Return where a label of this size may stand, the best place first."""
    left, top, right, bottom = box
    rows = [top - height, bottom, *(top - (n + 1) * height for n in range(1, STEPS))]
    rows += [bottom + n * height for n in range(1, STEPS)]
    return [
        *((left, row) for row in rows[:2]),
        *((right - width, row) for row in rows[:2]),
        *((right, top), (left - width, top), (left, top), (left, bottom - height)),
        *((x, row) for row in rows[2:] for x in (left, right - width)),
    ]


def _inside(spot: tuple[float, float], width: float, height: float, size: tuple[int, int]) -> tuple[float, float]:
    # A label that begins outside the picture would be cut off.
    return max(0.0, min(spot[0], size[0] - width - 1)), max(0.0, min(spot[1], size[1] - height - 1))


def _shared(spot: tuple[float, float], width: float, height: float, other: tuple[float, float, float, float]) -> float:
    """Return the area in px² that a label would share with another."""
    across = min(spot[0] + width, other[2]) - max(spot[0], other[0])
    down = min(spot[1] + height, other[3]) - max(spot[1], other[1])
    return max(0.0, across) * max(0.0, down)


def crop(
    image: ImageInput,
    thing: Face | Mark | Box | Any,
    *,
    margin: float = 0.4,
    aspect: float | None = None,
    shape: CutShape = "rectangle",
) -> Image.Image:
    """Return a face, or another thing that has a box, cut out of the upright picture.

    Args:
        image: The picture that was given to the call.
        thing: A `Face`, an object, a person, a mark or a box.
        margin: The margin on each side, as a share of the box's longer side; see `Face.crop`.
        aspect: Width over height of the cut, for example ``3 / 4``; None leaves it as it is. A circle is always 1.
        shape: "rectangle", "rounded" or "circle"; the corners of the latter two are transparent (RGBA).

    Raises:
        InputError: The thing has no box or is not inside this picture, there is no such shape, or ``image`` is no
            picture, is damaged or too large.
        SettingsError: ``margin`` or ``aspect`` is no number in its range.
        NeedsImageError: The size of the picture is not known, because it was passed on by URL.
    """
    if shape not in get_args(CutShape):
        raise InputError(f"there is no shape {shape!r}", advice="Give rectangle, rounded or circle.")
    box = thing if isinstance(thing, Box) else getattr(thing, "box", None)
    if not isinstance(box, Box):
        raise InputError(f"a {type(thing).__name__} has no box to cut out", advice="Give a face, an object or a box.")
    # Everything that has a box is cut by the rule of faces, so that margins and edges are the same for all.
    cut = Face(box=box).crop(image, margin=margin, aspect=1.0 if shape == "circle" else aspect)
    return cut if shape == "rectangle" else _shaped(cut, shape)


def _shaped(cut: Image.Image, shape: CutShape) -> Image.Image:
    """Return a picture whose corners are transparent."""
    if shape == "circle" and cut.width != cut.height:  # the edge of the picture is near
        side = min(cut.size)
        left, top = (cut.width - side) // 2, (cut.height - side) // 2
        cut = cut.crop((left, top, left + side, top + side))
    # A mask of four times the size has smooth edges once it is shrunk.
    large = Image.new("L", (cut.width * 4, cut.height * 4))
    edges = (0, 0, large.width - 1, large.height - 1)
    pen = ImageDraw.Draw(large)
    pen.ellipse(edges, fill=255) if shape == "circle" else pen.rounded_rectangle(edges, min(large.size) / 8, fill=255)
    shaped = cut.convert("RGBA")
    shaped.putalpha(large.resize(cut.size, Image.Resampling.LANCZOS))
    return shaped


def strip(
    pictures: Sequence[Image.Image],
    captions: Sequence[str] = (),
    *,
    height: int = 360,
    font: Font = None,
) -> Image.Image:
    """Return pictures side by side at one height, each with a caption below; the first one is on the left.

    Args:
        pictures: The pictures, at least one.
        captions: A text for each picture; one that is missing is left out, and one that is too wide is shortened.
        height: Height of the pictures in px, 16 to 4,000.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: There is no picture, the height cannot be used, or the strip would be too large.
        MissingFontError: The file that ``font`` names is no font.
    """
    _require(pictures)
    require_side(height)
    # The size is checked before anything is scaled: a sheet of thousands of pictures would fill the memory.
    require_room(sum(round(each.width * height / max(1, each.height)) for each in pictures) * height)
    scaled = [_scaled_to(in_colour(picture), height) for picture in pictures]
    return _sheet([scaled], list(captions), [picture.width for picture in scaled], height, font)


def contact_sheet(
    pictures: Sequence[Image.Image],
    captions: Sequence[str] = (),
    *,
    columns: int | None = None,
    side: int = 240,
    font: Font = None,
) -> Image.Image:
    """Return pictures in rows and columns, each whole in a square, with a caption below.

    Args:
        pictures: The pictures, at least one, in reading order.
        captions: A text for each picture; one that is missing is left out, and one that is too wide is shortened.
        columns: The number of columns, from 1; None makes the sheet about as wide as it is high.
        side: Width and height of the square for a picture in px, 16 to 4,000.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: There is no picture, the side or the number of columns cannot be used, or the sheet would be too
            large.
        MissingFontError: The file that ``font`` names is no font.
    """
    _require(pictures)
    require_side(side)
    # Captions make rows higher than columns are wide, so a few more columns make the sheet about square.
    across = math.ceil(math.sqrt(len(pictures) * 1.2)) if columns is None else columns
    if across < 1:
        raise InputError(f"a sheet cannot have {columns} columns", advice="Give at least 1.")
    across = min(across, len(pictures))
    require_room(len(pictures) * side * side)
    squares = [_in_square(in_colour(picture), side) for picture in pictures]
    rows = [squares[n : n + across] for n in range(0, len(squares), across)]
    return _sheet(rows, list(captions), [side] * across, side, font)


LEAST, MOST = 16, 4_000
MOST_PIXELS = 80_000_000
"""Pixels of a sheet at most, about a thousand pictures of 240 px; it takes three bytes for each in memory, twice."""


def require_room(pixels: int) -> None:
    """Raise InputError if a sheet with so many pixels would be too large."""
    if pixels > MOST_PIXELS:
        raise InputError(
            f"a sheet has at most {MOST_PIXELS // 1_000_000} megapixels, and this needs more",
            advice="Take fewer pictures, give them a smaller side, or make a gallery, which holds thousands.",
        )


def _require(pictures: Sequence[Image.Image]) -> None:
    if not pictures:
        raise InputError("there is no picture to put on a sheet")


def require_side(side: int) -> None:
    """Raise InputError if a picture on a sheet cannot have a side or a height of so many px."""
    if not LEAST <= side <= MOST:
        raise InputError(f"a picture on a sheet cannot have {side} px", advice=f"Give {LEAST} to {MOST}.")


def _scaled_to(picture: Image.Image, height: int) -> Image.Image:
    return picture.resize((max(1, round(picture.width * height / picture.height)), height), Image.Resampling.LANCZOS)


def _in_square(picture: Image.Image, side: int) -> Image.Image:
    """Return the whole picture in the middle of a square of the sheet's colour."""
    scale = side / max(picture.size)
    small = picture.resize([max(1, round(n * scale)) for n in picture.size], Image.Resampling.LANCZOS)
    square = Image.new("RGB", (side, side), PAPER)
    square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return square


def _sheet(
    rows: Sequence[Sequence[Image.Image]], captions: list[str], widths: Sequence[int], height: int, font: Font
) -> Image.Image:
    """Return rows of pictures with their captions, in columns of these widths."""
    texts = [readable(drawable(caption), font) for caption in captions]
    # Without any caption no room is left for them.
    letter = max(LEAST_LETTER, round(height / 14)) if any(texts) else 0
    line = round(letter * 1.7)
    size = sum(widths) + GAP * (len(widths) + 1), len(rows) * (height + line + GAP) + GAP
    require_room(size[0] * size[1])
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    number = 0
    for down, row in enumerate(rows):
        left, top = GAP, GAP + down * (height + line + GAP)
        for picture, width in zip(row, widths, strict=False):
            sheet.paste(picture, (left, top))
            # There may be fewer captions than pictures.
            text = texts[number] if number < len(texts) else ""
            if text:
                face = typeface(text, letter, font)
                if face.length(text) > width:
                    text = shortened(text, face.length, width, face.ellipsis)
                face.draw(pen, (left + (width - face.length(text)) / 2, top + height + letter * 1.2), text, INK)
            left += width + GAP
            number += 1
    return sheet
