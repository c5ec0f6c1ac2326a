"""The reply of Image Analysis 3.2, and the conversion to our results.

The replies of v1.0 to v3.1 have the same shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import AliasChoices, Field

from cloudai.media import Picture
from cloudai.models.face import Age, Face, Faces, largest_first
from cloudai.models.image import Caption, Feature, Place
from cloudai.providers.wire import Wire, left_out

__all__ = ["FIELDS", "PARTS", "Reply"]


class Rectangle(Wire):
    """A rectangle in pixels. A face has left, top, width and height; an object or a brand has x, y, w and h."""

    x: float = Field(validation_alias=AliasChoices("x", "left"))
    y: float = Field(validation_alias=AliasChoices("y", "top"))
    width: float = Field(validation_alias=AliasChoices("w", "width"))
    height: float = Field(validation_alias=AliasChoices("h", "height"))


class Landmark(Wire):
    name: str = ""
    confidence: float | None = None


class Detail(Wire):
    landmarks: list[Landmark] = Field(default_factory=list)


class WireCategory(Wire):
    name: str = ""
    score: float | None = None
    detail: Detail = left_out(Detail)


class Adult(Wire):
    """The scores of unsafe content. The versions 1.0 to 2.0 had no gore score."""

    adult_score: float | None = None
    racy_score: float | None = None
    gore_score: float | None = None


class WireTag(Wire):
    name: str = ""
    confidence: float | None = None


class Captioned(Wire):
    text: str = ""
    confidence: float | None = None


class Description(Wire):
    tags: list[str] = Field(default_factory=list)
    captions: list[Captioned] = Field(default_factory=list)


class WireFace(Wire):
    """A face. Replies from before 2023 have its age."""

    age: float | None = None
    face_rectangle: Rectangle


class Parent(Wire):
    object: str | None = None


class WireObject(Wire):
    rectangle: Rectangle | None = None
    object: str = ""
    confidence: float | None = None
    parent: Parent | None = None


class WireBrand(Wire):
    name: str = ""
    confidence: float | None = None
    rectangle: Rectangle | None = None


class WireColor(Wire):
    dominant_colors: list[str] = Field(default_factory=list)
    accent_color: str | None = None


class Metadata(Wire):
    width: int | None = None
    height: int | None = None
    format: str | None = None
    """The format as the vendor spells it, for example "Jpeg" or "Png"."""


class Reply(Wire):
    """The whole reply. A feature that was not asked for is missing; ``result`` comes from the API for one domain.

    The vendor's package calls every field of every part optional. A part without a name is left out of the result.
    """

    categories: list[WireCategory] | None = None
    adult: Adult | None = None
    tags: list[WireTag] | None = None
    description: Description | None = None
    faces: list[WireFace] | None = None
    objects: list[WireObject] | None = None
    brands: list[WireBrand] | None = None
    color: WireColor | None = None
    result: Detail | None = None
    metadata: Metadata = left_out(Metadata)
    model_version: str | None = None


Fields: TypeAlias = dict[str, Any]
"""The fields of a part of a result, of which there may be many. They become models, and are checked, in the result."""

Part = Callable[[Reply, Picture, str], Any]


def _caption(reply: Reply, _: Picture, language: str) -> Caption | None:
    """Return the caption with the highest confidence."""
    captions = [caption for caption in reply.description.captions if caption.text] if reply.description else []
    best = max(captions, key=lambda caption: caption.confidence or 0, default=None)
    return Caption(text=best.text, confidence=best.confidence, language=language) if best else None


def _tags(reply: Reply, _: Picture, language: str) -> tuple[Fields, ...] | None:
    """Return the tags.

    Where only a description was asked for, its words are the tags; they have no confidence.
    """
    if reply.tags is not None:
        return tuple(
            [{"name": tag.name, "confidence": tag.confidence, "language": language} for tag in reply.tags if tag.name]
        )
    if reply.description is not None:
        return tuple([{"name": word, "language": language} for word in reply.description.tags])
    return None


def _box(rectangle: Rectangle | None, picture: Picture) -> Fields | None:
    return picture.box_fields(rectangle.x, rectangle.y, rectangle.width, rectangle.height) if rectangle else None


def _objects(reply: Reply, picture: Picture, language: str) -> tuple[Fields, ...] | None:
    if reply.objects is None:
        return None
    return tuple(
        [
            {
                "name": thing.object,
                "confidence": thing.confidence,
                "language": language,
                "box": _box(thing.rectangle, picture),
                "parent": thing.parent.object if thing.parent else None,
            }
            for thing in reply.objects
            if thing.object
        ]
    )


def _faces(reply: Reply, picture: Picture, _: str) -> Faces | None:
    if reply.faces is None:
        return None
    faces = [
        Face(
            box=picture.box(f.face_rectangle.x, f.face_rectangle.y, f.face_rectangle.width, f.face_rectangle.height),
            age=Age(years=f.age) if f.age is not None else None,
        )
        for f in reply.faces
    ]
    return Faces(faces=largest_first(faces))


def _places(reply: Reply, _: Picture, language: str) -> tuple[Place, ...] | None:
    """Return each landmark once, with its highest confidence: the reply repeats it under every category it fits."""
    if reply.categories is None and reply.result is None:
        return None
    known = [mark for category in reply.categories or [] for mark in category.detail.landmarks]
    best: dict[str, float | None] = {}
    for mark in filter(lambda mark: mark.name, [*known, *(reply.result.landmarks if reply.result else [])]):
        # The comparison also lets a landmark without a confidence in.
        if (mark.confidence or 0) >= (best.get(mark.name) or 0):
            best[mark.name] = mark.confidence
    return tuple(Place(name=name, confidence=confidence, language=language) for name, confidence in best.items())


def _brands(reply: Reply, picture: Picture, _: str) -> tuple[Fields, ...] | None:
    if reply.brands is None:
        return None
    return tuple(
        [
            {"name": brand.name, "confidence": brand.confidence, "box": _box(brand.rectangle, picture)}
            for brand in reply.brands
            if brand.name
        ]
    )


def _categories(reply: Reply, _: Picture, __: str) -> tuple[Fields, ...] | None:
    if reply.categories is None:
        return None
    return tuple([{"name": each.name, "confidence": each.score} for each in reply.categories if each.name])


def _colors(reply: Reply, _: Picture, __: str) -> tuple[Fields, ...] | None:
    """Return the dominant colours by name, and the accent colour, the only one for which the reply has a value."""
    if reply.color is None:
        return None
    named = tuple([{"name": name} for name in reply.color.dominant_colors])
    # Every recorded reply has the value without "#". What is no colour at all must not become one.
    accent = re.fullmatch(r"#?([0-9a-f]{6})", (reply.color.accent_color or "").lower())
    return (*named, {"hex": f"#{accent[1]}", "name": "accent"}) if accent else named


def _safety(reply: Reply, _: Picture, __: str) -> dict[str, Fields] | None:
    if reply.adult is None:
        return None
    scores = {"adult": reply.adult.adult_score, "racy": reply.adult.racy_score, "gore": reply.adult.gore_score}
    return {kind: {"score": score} for kind, score in scores.items() if score is not None}


PARTS: Mapping[Feature, Part] = {
    "caption": _caption,
    "tags": _tags,
    "objects": _objects,
    "faces": _faces,
    "places": _places,
    "brands": _brands,
    "categories": _categories,
    "colors": _colors,
    "safety": _safety,
}
FIELDS: Mapping[Feature, tuple[str, ...]] = {
    "caption": ("description",),
    "tags": ("tags", "description"),
    "objects": ("objects",),
    "faces": ("faces",),
    "places": ("categories", "result"),
    "brands": ("brands",),
    "categories": ("categories",),
    "colors": ("color",),
    "safety": ("adult",),
}
"""The fields of `Reply` that answer each feature."""
