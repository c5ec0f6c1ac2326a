"""Thirty-three faces for the detector, made of the demo's photos, and pictures in which there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import PIL.Image
import PIL.ImageEnhance
import PIL.ImageFilter

from cloudai.cli.demo import sample_photos
from cloudai.models.base import Box

__all__ = ["View", "faceless", "views"]

FACES: dict[str, tuple[float, float, float, float]] = {
    "Grace Hopper": (170, 110, 190, 240),
    "Eileen Collins": (175, 60, 95, 125),
}
"""The left, top, width and height of each face, brow to chin, in px of the photo, as a person has marked them."""
TURNS = (0, 15, 30, 45, 90, 180)
"""Degrees by which a photo is turned."""
WIDTHS = (0.7, 0.5, 0.4)
"""The factors by which a photo is made narrower, as the face of a turned head is."""
COLLAGE = (1600, 1200)
HEIGHTS = (24, 32, 40, 48, 56, 64, 72, 80, 90, 100, 110, 120)
"""The heights of the faces in the collage, in px."""


@dataclass(frozen=True)
class View:
    """A picture and the centres of the faces in it, each with the face's size in px."""

    name: str
    image: PIL.Image.Image
    faces: tuple[tuple[float, float, float], ...]

    def is_right(self, box: Box) -> int | None:
        """Return the number of the face that a box is of, or None where it is of none."""
        x, y, longer = box.x + box.width / 2, box.y + box.height / 2, max(box.width, box.height)
        for number, (across, down, size) in enumerate(self.faces):
            near = max(abs(x - across), abs(y - down)) < size / 2
            if near and size / 2 < longer < 2 * size:
                return number
        return None


def photos() -> dict[str, PIL.Image.Image]:
    """Return the demo's photos by their titles, in RGB."""
    return {title: PIL.Image.open(path).convert("RGB") for title, path in sample_photos()}


def views() -> Iterator[View]:
    """Yield 21 views of single faces, and a collage of twelve."""
    known = photos()
    for person in FACES:
        for degrees in TURNS:
            yield _turned(person, known[person], degrees)
        for factor in WIDTHS:
            yield _narrow(person, known[person], factor)
    person = "Eileen Collins"
    face, (x, y, size) = known[person], _centre(person)
    for name, image in {
        "blurred": face.filter(PIL.ImageFilter.GaussianBlur(4)),
        "dark": PIL.ImageEnhance.Brightness(face).enhance(0.25),
        "grey": face.convert("L").convert("RGB"),
    }.items():
        yield View(f"{person}, {name}", image, ((x, y, size),))
    yield _collage(known)


def faceless() -> list[PIL.Image.Image]:
    """Return the pictures without a human face: a cat, a cup of coffee and a rocket."""
    known = photos()
    return [known[title] for title in ("Chelsea, a cat", "Coffee", "Rocket")]


def _centre(person: str) -> tuple[float, float, float]:
    x, y, width, height = FACES[person]
    return x + width / 2, y + height / 2, max(width, height)


def _turned(person: str, photo: PIL.Image.Image, degrees: int) -> View:
    """Return a photo that is turned counter-clockwise about its middle, on grey."""
    x, y, size = _centre(person)
    turned = photo.rotate(degrees, PIL.Image.Resampling.BICUBIC, expand=True, fillcolor=(127, 127, 127))
    # A point is marked in a picture of its own, which is turned likewise.
    mark = PIL.Image.new("L", photo.size)
    mark.paste(255, (round(x) - 2, round(y) - 2, round(x) + 3, round(y) + 3))
    left, top, right, bottom = mark.rotate(degrees, expand=True).getbbox() or (0, 0, 0, 0)
    return View(f"{person}, {degrees}°", turned, (((left + right) / 2, (top + bottom) / 2, size),))


def _narrow(person: str, photo: PIL.Image.Image, factor: float) -> View:
    x, y, size = _centre(person)
    image = photo.resize((round(photo.width * factor), photo.height), PIL.Image.Resampling.LANCZOS)
    return View(f"{person}, {factor}", image, ((x * factor, y, size),))


def _collage(known: dict[str, PIL.Image.Image]) -> View:
    """Return a large picture with both faces in six sizes each, on grey."""
    sheet = PIL.Image.new("RGB", COLLAGE, (127, 127, 127))
    faces = []
    for number, height in enumerate(HEIGHTS):
        person = list(FACES)[number % 2]
        left, top, width, tall = FACES[person]
        scale = height / tall
        head = known[person].crop(
            (
                round(left - width / 2),
                round(max(0.0, top - tall / 2)),
                round(left + 1.5 * width),
                round(top + 1.5 * tall),
            )
        )
        small = head.resize((round(head.width * scale), round(head.height * scale)), PIL.Image.Resampling.LANCZOS)
        x, y = 60 + 390 * (number % 4), 60 + 380 * (number // 4)
        sheet.paste(small, (x, y))
        above = top - max(0.0, top - tall / 2)
        faces.append((x + scale * width, y + scale * (above + tall / 2), float(max(height, scale * width))))
    return View("twelve on one sheet", sheet, tuple(faces))
