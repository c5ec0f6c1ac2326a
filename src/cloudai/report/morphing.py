"""Let one face become the next: the faces are brought to one place and size, and are faded over."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from cloudai.errors import InputError
from cloudai.media import ImageInput
from cloudai.models.base import Point
from cloudai.models.face import Face
from cloudai.report.card_files import SLOWEST
from cloudai.report.color import in_colour
from cloudai.report.facts import faces_in
from cloudai.report.fetching import FetchURLs
from cloudai.report.moving import animated
from cloudai.report.picture_sets import opened_subjects
from cloudai.report.subjects import Source
from cloudai.report.writing import write_whole

__all__ = ["ENDINGS_OF_MORPHS", "morph", "save_morph"]

PathLike = str | os.PathLike[str]
EYES = (0.38, 0.42), (0.62, 0.42)
"""The places to which the eyes are moved, as shares of the width and the height of the picture."""
ENDINGS_OF_MORPHS = (".gif", ".webp")
STEPS, HOLD = 8, 6
"""Frames between two faces, and frames that show a face alone."""
MOST_PIXELS = 200_000_000
"""Pixels of all faces of a morph at most, which are in memory until the last frame is written."""
EYE_NAMES = (("left_eye", "right_eye"), ("left_pupil", "right_pupil"))
BOX_EYES = (0.3, 0.4), (0.7, 0.4)
"""The places of the eyes in the box of a face, as shares of it, if no landmarks are known."""


def morph(
    faces: Iterable[tuple[Image.Image, Face]], *, side: int = 480, steps: int = STEPS, hold: int = HOLD
) -> list[Image.Image]:
    """Return the frames in which each face becomes the next.

    The pictures are turned and scaled so that the eyes are in one place, and then faded over; nothing in them is bent.

    Args:
        faces: The picture of each face, upright and in the size to which its box belongs, and the face. They are taken
            one by one, so that not all pictures are in memory at once.
        side: Width and height of the frames in px, 64 to 2,000.
        steps: Frames between two faces, from 1.
        hold: Frames that show a face alone, from 1.

    Raises:
        InputError: There are fewer than two faces or too many, or a number cannot be used.
    """
    _require_numbers(side, steps, hold)
    return list(_Morph(_all_aligned(faces, side), steps, hold))


def _require_numbers(side: int, steps: int = STEPS, hold: int = HOLD) -> None:
    if not (64 <= side <= 2000 and steps >= 1 and hold >= 1):  # noqa: PLR2004
        raise InputError(
            "a morph cannot have this size or number of frames", advice="Give 64 to 2,000 px, and 1 or more."
        )


class _Morph(Sequence[Image.Image]):
    """The frames of a morph; each is made when it is asked for.

    Args:
        aligned: The faces at one place and in one size.
        steps: Frames between two faces.
        hold: Frames that show a face alone.
    """

    def __init__(self, aligned: Sequence[Image.Image], steps: int, hold: int) -> None:
        self._aligned, self._steps, self._hold = aligned, steps, hold

    def __len__(self) -> int:
        return len(self._aligned) * self._hold + (len(self._aligned) - 1) * self._steps

    # Pictures are blended when they are asked for: all frames of twenty faces would take 190 MB.
    def __getitem__(self, number: Any) -> Any:
        # An IndexError is how a sequence tells the end to whoever iterates over it.
        if number >= len(self):
            raise IndexError(number)
        at, step = divmod(number, self._hold + self._steps)
        if step < self._hold:
            return self._aligned[at]
        share = (step - self._hold + 1) / (self._steps + 1)
        # The change begins and ends slowly, which looks less like a switch.
        return Image.blend(self._aligned[at], self._aligned[at + 1], (1 - math.cos(math.pi * share)) / 2)


def _all_aligned(faces: Iterable[tuple[Image.Image, Face]], side: int) -> list[Image.Image]:
    """Return the faces at one place and in one size.

    Raises:
        InputError: There are fewer than two, or more than memory holds.
    """
    aligned = []
    for picture, face in faces:
        aligned.append(_aligned(in_colour(picture), face, side))
        if len(aligned) * side * side > MOST_PIXELS:
            raise InputError(
                f"a morph of more than {MOST_PIXELS // (side * side):,} faces of {side} px is too large to be made",
                advice="Name fewer pictures.",
            )
    if len(aligned) < 2:  # noqa: PLR2004
        raise InputError("a morph needs at least two faces", advice="Name more pictures.")
    return aligned


def _aligned(picture: Image.Image, face: Face, side: int) -> Image.Image:
    """Return a picture turned and scaled so that the eyes of the face are where those of all faces are."""
    (x1, y1), (x2, y2) = _eyes(face)
    (u1, v1), (u2, v2) = ((x * side, y * side) for x, y in EYES)
    across, down = u2 - u1, v2 - v1
    square = across * across + down * down
    # The map from the frame to the picture: a rotation and a scale, by the two eyes, as one complex factor.
    real = ((x2 - x1) * across + (y2 - y1) * down) / square
    imaginary = ((y2 - y1) * across - (x2 - x1) * down) / square
    # The shift brings the first eye to its place, and with it, by scale and turn, the second one.
    left = x1 - real * u1 + imaginary * v1
    top = y1 - imaginary * u1 - real * v1
    matrix = (real, -imaginary, left, imaginary, real, top)
    # Pillow wants the map from the new picture to the old one, and makes what lies outside black.
    return picture.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _eyes(face: Face) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the eyes of a face, by its landmarks or else by its box, in pixels of the picture."""
    points = face.landmarks or {}
    for left, right in EYE_NAMES:
        if (one := points.get(left)) and (other := points.get(right)) and _apart(one, other):
            return (one.x, one.y), (other.x, other.y)
    # Without landmarks the eyes are taken to be where those of an upright face are in its box.
    box = face.box
    (x1, y1), (x2, y2) = ((box.x + x * box.width, box.y + y * box.height) for x, y in BOX_EYES)
    return (x1, y1), (x2, y2)


def _apart(one: Point, other: Point) -> bool:
    """Return whether two points are a pixel or more apart: eyes at one point say nothing of size and direction."""
    return math.hypot(one.x - other.x, one.y - other.y) >= 1


def save_morph(
    rows: Source,
    path: PathLike,
    *,
    side: int = 480,
    seconds: float = 1.2,
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
) -> Path:
    """Write an animated GIF or WebP in which the largest face of each picture becomes that of the next.

    Args:
        rows: A batch, outcomes, results, a table of results, or the path of a journal or of a file of results.
        path: The file to write: a WebP if its name ends in ``.webp``, which is far smaller, and a GIF otherwise.
        side: Width and height in px.
        seconds: How long it takes from one face to the next, the time included for which a face is shown alone; above
            0, and 600 at most.
        name: See `save_drawings`.
        photos: See `save_drawings`.
        pictures: See `save_drawings`.
        fetch_urls: See `save_drawings`.

    Raises:
        InputError: There are fewer than two faces, or too many; a number cannot be used; or the rows hold no results.
        JournalError: The file is no journal, or cannot be read.
        OutputError: The file cannot be written.
    """
    faces = (
        (picture, known[0])
        for subject, picture in opened_subjects(rows, name, photos, pictures, fetch_urls)
        if (known := faces_in(subject))
    )
    _require_numbers(side)
    if not 0 < seconds <= SLOWEST:
        raise InputError(
            f"a morph cannot take {seconds} s from one face to the next",
            advice=f"Give more than 0, {SLOWEST:.0f} at most.",
        )
    aligned = _all_aligned(faces, side)
    frames = _Morph(aligned, STEPS, HOLD)
    # Browsers slow down an animation whose frames are shown for less than 20 ms.
    each = max(20, round(seconds * 1000 * (len(aligned) - 1) / len(frames)))
    kind: Literal["GIF", "WEBP"] = "WEBP" if Path(path).suffix.lower() == ".webp" else "GIF"
    return write_whole(path, animated(frames, kind, each))
