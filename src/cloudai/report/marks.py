"""Return what of a result can be drawn over its picture: boxes with their labels, and points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from cloudai.errors import InputError
from cloudai.models.base import Box, Result
from cloudai.models.face import Age, Ages, Face, Faces
from cloudai.models.image import ImageAnalysis, Text
from cloudai.text import did_you_mean, plain, quoted

__all__ = ["Mark", "MarkKind", "age_as_text", "colour_of_track", "marks_of", "require_kinds"]

MarkKind: TypeAlias = Literal["face", "text", "object", "person", "brand", "place", "caption", "crop"]
KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
USUAL: tuple[MarkKind, ...] = ("face", "text", "object", "person", "brand", "place")
"""The kinds that are drawn unless others are asked for."""


@dataclass(frozen=True)
class Mark:
    """One thing that was found in a picture, where it is, and what is written beside it."""

    kind: MarkKind
    box: Box
    label: str = ""
    points: tuple[tuple[float, float], ...] = ()
    """Landmarks of a face, in pixels of the upright original."""
    track: int | None = None
    """The number under which a face is followed through a video, which decides its colour."""

    @property
    def fractions(self) -> tuple[float, float, float, float]:
        """The box as fractions of the picture: left, top, width and height, cut off at the edges of the picture.

        Raises:
            NeedsImageError: The size of the picture is not known, because it was passed on by URL.
        """
        x, y, width, height = self.box.normalized
        left, top = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
        # Vendors give boxes that reach over the edge, which no drawing can show.
        return left, top, min(max(x + width, left), 1.0) - left, min(max(y + height, top), 1.0) - top

    @property
    def is_inside(self) -> bool:
        """Whether a part of the box is inside the picture, so that there is something to draw."""
        _, _, width, height = self.fractions
        return width > 0 and height > 0


def marks_of(result: Result, kinds: Sequence[MarkKind] | None = None, *, landmarks: bool = True) -> list[Mark]:
    """Return what can be drawn of a result, in its order.

    Args:
        result: Any result about a picture; one of another kind has no marks.
        kinds: The kinds of things to return; None returns all but captions of parts and suggested crops.
        landmarks: Whether faces have their points.

    Raises:
        InputError: There is no such kind.
    """
    require_kinds(kinds or ())
    return [mark for mark in _all_of(result, landmarks=landmarks) if mark.kind in (USUAL if kinds is None else kinds)]


def require_kinds(kinds: Sequence[str]) -> None:
    """Raise InputError if one of these is no kind of thing that is drawn."""
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        advice = f"{did_you_mean(wrong[0], KINDS)} There are: {', '.join(KINDS)}.".strip()
        raise InputError(f"{quoted(wrong[0])} cannot be drawn", advice=advice)


def _all_of(result: Result, *, landmarks: bool) -> Iterator[Mark]:
    if isinstance(result, Faces):
        for face in result.faces:
            yield Mark("face", face.box, _about(face), _points(face) if landmarks else (), face.track)
    elif isinstance(result, Ages):
        for age in result.ages:
            yield Mark("face", age.box, _numbered(age.track, age_as_text(age)), track=age.track)
    elif isinstance(result, Text):
        # A page of a PDF is measured in inches, and is no picture.
        lines = (line for page in result.pages if page.unit == "px" for block in page.blocks for line in block.lines)
        yield from (Mark("text", line.box, plain(line.text)) for line in lines if line.box is not None)
    elif isinstance(result, ImageAnalysis):
        yield from _of_analysis(result, landmarks=landmarks)


def _of_analysis(result: ImageAnalysis, *, landmarks: bool) -> Iterator[Mark]:
    # Faces and text have their own way to be labelled.
    for part in (result.faces, result.text):
        if part is not None:
            yield from _all_of(part, landmarks=landmarks)
    named: tuple[tuple[MarkKind, Sequence[object] | None], ...] = (
        ("object", result.objects),
        ("person", result.people),
        ("brand", result.brands),
        ("place", result.places),
        ("caption", result.dense_captions),
        ("crop", result.crops),
    )
    for kind, things in named:
        for thing in things or ():
            box = getattr(thing, "box", None)
            if isinstance(box, Box):
                yield Mark(kind, box, plain(getattr(thing, "name", None) or getattr(thing, "text", None) or ""))


def _about(face: Face) -> str:
    """Return the label of a face: its apparent expression and age, where they are known."""
    parts = [face.emotions.top or "" if face.emotions else ""]
    parts.append(age_as_text(face.age) if face.age else "")
    return _numbered(face.track, " ".join(filter(None, parts)))


def _numbered(track: int | None, text: str) -> str:
    """Return a label with the number of a face that is followed before it."""
    return text if track is None else f"{track} {text}".strip()


# These colours are of the palette of `drawing`, which can be told apart with any colour blindness.
TRACKS = ("#ffb400", "#56b4e9", "#00c896", "#f0e442", "#d98ab8", "#ff7f50")
"""Colours of faces that are followed; they come again after the last."""


def colour_of_track(track: int) -> str:
    """Return the colour of a face that is followed under a number."""
    return TRACKS[(track - 1) % len(TRACKS)]


def age_as_text(age: Age) -> str:
    """Return an apparent age as it is shown: a range where there is one, which is never made a number."""
    # A single number is only shown where the provider gives no range.
    return age.span or ("" if age.years is None else f"{age.years:.0f}")


def _points(face: Face) -> tuple[tuple[float, float], ...]:
    return tuple((point.x, point.y) for point in (face.landmarks or {}).values())
