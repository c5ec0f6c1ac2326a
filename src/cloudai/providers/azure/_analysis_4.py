"""The reply of Image Analysis 4.0, and the conversion to our results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NotRequired, TypeAlias

from pydantic import Field, with_config
from typing_extensions import TypedDict

from cloudai.media import Picture
from cloudai.models.image import Feature, paragraphs
from cloudai.providers.wire import NUMBERS, Corners, Wire, left_out

__all__ = ["FIELDS", "PARTS", "Reply"]

PEOPLE_FROM = 0.5
"""The lowest confidence of a person in our results. The service goes down to 0.002; ``raw`` keeps the others."""


@with_config(NUMBERS)
class Rectangle(TypedDict):
    """A box. It stays a dict, because the result makes a model of it anyway."""

    x: NotRequired[float]
    y: NotRequired[float]
    w: float
    h: float


class Captioned(Wire):
    text: str
    confidence: float | None = None
    bounding_box: Rectangle | None = None


@with_config(NUMBERS)
class Named(TypedDict):
    """A tag, of which a reply has dozens; it stays a dict, like `Rectangle`."""

    name: str
    confidence: NotRequired[float]


@with_config(NUMBERS)
class DetectedObject(TypedDict):
    bounding_box: Rectangle
    tags: NotRequired[list[Named]]


@with_config(NUMBERS)
class DetectedPerson(TypedDict):
    bounding_box: Rectangle
    confidence: NotRequired[float]


class SmartCrop(Wire):
    aspect_ratio: float | None = None
    bounding_box: Rectangle


@with_config(NUMBERS)
class WireWord(TypedDict):
    """A word, of which a page has thousands; it stays a dict, like `Rectangle`."""

    text: str
    bounding_polygon: NotRequired[Corners]
    confidence: NotRequired[float]


@with_config(NUMBERS)
class WireLine(TypedDict):
    text: str
    bounding_polygon: NotRequired[Corners]
    words: NotRequired[list[WireWord]]


class WireBlock(Wire):
    lines: list[WireLine] = Field(default_factory=list)


class ReadResult(Wire):
    blocks: list[WireBlock] = Field(default_factory=list)


class Captions(Wire):
    values: list[Captioned]


class Tags(Wire):
    values: list[Named]


class Objects(Wire):
    values: list[DetectedObject]


class People(Wire):
    values: list[DetectedPerson]


class Crops(Wire):
    values: list[SmartCrop]


class Metadata(Wire):
    width: int | None = None
    height: int | None = None


class Reply(Wire):
    """The whole reply. A feature that was not asked for is missing."""

    caption_result: Captioned | None = None
    dense_captions_result: Captions | None = None
    tags_result: Tags | None = None
    objects_result: Objects | None = None
    people_result: People | None = None
    smart_crops_result: Crops | None = None
    read_result: ReadResult | None = None
    metadata: Metadata = left_out(Metadata)
    model_version: str | None = None


Fields: TypeAlias = dict[str, Any]
"""The fields of a part of a result, of which there may be many. They become models, and are checked, in the result."""

Part = Callable[[Reply, Picture, str], Any]


def _box(rectangle: Rectangle | None, picture: Picture) -> Fields | None:
    if rectangle is None:
        return None
    return picture.box_fields(rectangle.get("x", 0), rectangle.get("y", 0), rectangle["w"], rectangle["h"])


def _caption(reply: Reply, picture: Picture, _: str) -> Fields | None:
    caption = reply.caption_result
    return _captioned(caption, picture) if caption and caption.text else None


def _captioned(caption: Captioned, picture: Picture) -> Fields:
    # The captions of 4.0 are in English, whatever language was asked for.
    box = _box(caption.bounding_box, picture)
    return {"text": caption.text, "confidence": caption.confidence, "language": "en", "box": box}


def _dense(reply: Reply, picture: Picture, _: str) -> tuple[Fields, ...] | None:
    if reply.dense_captions_result is None:
        return None
    return tuple([_captioned(caption, picture) for caption in reply.dense_captions_result.values])


def _tags(reply: Reply, _: Picture, language: str) -> tuple[Fields, ...] | None:
    if reply.tags_result is None:
        return None
    return tuple([{**tag, "language": language} for tag in reply.tags_result.values])


def _objects(reply: Reply, picture: Picture, language: str) -> tuple[Fields, ...] | None:
    if reply.objects_result is None:
        return None
    return tuple(
        [
            {**tag, "language": language, "box": _box(thing["bounding_box"], picture)}
            for thing in reply.objects_result.values
            # An object has its name and its confidence in a tag, of which each recorded object has one.
            for tag in thing.get("tags", ())[:1]
        ]
    )


def _people(reply: Reply, picture: Picture, _: str) -> tuple[Fields, ...] | None:
    if reply.people_result is None:
        return None
    return tuple(
        [
            {"confidence": confidence, "box": _box(person["bounding_box"], picture)}
            for person in reply.people_result.values
            if (confidence := person.get("confidence")) is None or confidence >= PEOPLE_FROM
        ]
    )


def _crops(reply: Reply, picture: Picture, _: str) -> tuple[Fields, ...] | None:
    if reply.smart_crops_result is None:
        return None
    return tuple(
        [
            {"box": _box(crop.bounding_box, picture), "aspect": crop.aspect_ratio}
            for crop in reply.smart_crops_result.values
        ]
    )


def _text(reply: Reply, picture: Picture, _: str) -> Fields | None:
    if reply.read_result is None:
        return None
    blocks = tuple([{"lines": tuple([_line(line, picture) for line in b.lines])} for b in reply.read_result.blocks])
    text = paragraphs([(number, line["text"]) for number, block in enumerate(blocks) for line in block["lines"]])
    # Only the service knows the size of a picture that was passed on by its address.
    size = {"width": picture.width or reply.metadata.width, "height": picture.height or reply.metadata.height}
    return {"text": text, "pages": ({"blocks": blocks, **size},) if blocks else ()}


def _line(line: WireLine, picture: Picture) -> Fields:
    words = [
        {
            "text": word["text"],
            "confidence": word.get("confidence"),
            **picture.outline(word.get("bounding_polygon", ())),
        }
        for word in line.get("words", ())
    ]
    return {"text": line["text"], "words": tuple(words), **picture.outline(line.get("bounding_polygon", ()))}


PARTS: Mapping[Feature, Part] = {
    "caption": _caption,
    "dense_captions": _dense,
    "tags": _tags,
    "objects": _objects,
    "people": _people,
    "text": _text,
    "crops": _crops,
}
FIELDS: Mapping[Feature, tuple[str, ...]] = {
    "caption": ("caption_result",),
    "dense_captions": ("dense_captions_result",),
    "tags": ("tags_result",),
    "objects": ("objects_result",),
    "people": ("people_result",),
    "text": ("read_result",),
    "crops": ("smart_crops_result",),
}
"""The fields of `Reply` that answer each feature."""
