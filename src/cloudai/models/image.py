"""Define the results about the contents of a picture, `ImageAnalysis`, and about the text in it, `Text`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar, Literal, Self, get_args

from pydantic import Field

from cloudai.models.base import Box, Level, Many, Meta, Model, Point, UnitFloat, first_lines
from cloudai.models.face import Faces
from cloudai.models.notebook import picture_with_boxes

__all__ = [
    "Block",
    "Brand",
    "Caption",
    "Category",
    "Color",
    "Crop",
    "Feature",
    "ImageAnalysis",
    "Line",
    "Object",
    "Page",
    "Person",
    "Place",
    "Tag",
    "Text",
    "Web",
    "WebEntity",
    "WebPage",
    "Word",
    "paragraphs",
]

Feature = Literal[
    "caption",
    "dense_captions",
    "tags",
    "objects",
    "people",
    "faces",
    "text",
    "places",
    "brands",
    "categories",
    "colors",
    "crops",
    "web",
    "safety",
]
FEATURES: tuple[Feature, ...] = get_args(Feature)


class Caption(Model):
    """A sentence about the picture, or about the part of it in ``box``."""

    text: str
    confidence: UnitFloat | None = None
    language: str | None = None
    box: Box | None = None


class Tag(Model):
    """A word for something in the picture."""

    name: str
    confidence: UnitFloat | None = None
    language: str | None = None
    vendor_id: str | None = None
    """The vendor's identifier, for example ``/m/…`` of the Google Knowledge Graph."""


class Object(Tag):
    """An object and where it is.

    ``box`` is None if the vendor gives fractions and the picture's size is unknown, because it was passed on by URL.
    """

    box: Box | None = None
    parent: str | None = None
    """The wider kind of the object: "vehicle" for a "car"."""


class Person(Model):
    """A person and where they are in the picture; no person is ever named."""

    confidence: UnitFloat | None = None
    box: Box | None = None


class Place(Tag):
    """A landmark; latitude and longitude are in degrees, WGS84."""

    box: Box | None = None
    latitude: float | None = None
    longitude: float | None = None


class Brand(Tag):
    """A logo and where it is."""

    box: Box | None = None


class Category(Model):
    """A category of the vendor's taxonomy, for example "people_portrait"."""

    name: str
    confidence: UnitFloat | None = None


class Color(Model):
    """A dominant colour.

    ``score`` says how prominent the vendor finds it; ``fraction`` is its share of the pixels.
    """

    hex: str | None = Field(default=None, pattern="^#[0-9a-f]{6}$")
    """The colour as "#rrggbb"; None if the vendor only names it (see ``name``)."""
    score: float | None = None
    fraction: float | None = None
    name: str | None = None
    """The vendor's word: "Grey", or "accent" for the most vivid one."""


class Crop(Model):
    """A part of the picture that the vendor suggests as a crop."""

    box: Box
    confidence: UnitFloat | None = None
    aspect: float | None = None
    """Width over height, where the vendor states it."""
    importance: float | None = None
    """Salience relative to the whole picture; real replies exceed 1."""


class WebEntity(Model):
    """A subject that the vendor knows from similar pictures on the web; ``score`` has no upper bound."""

    name: str | None = None
    score: float | None = None
    vendor_id: str | None = None


class WebPage(Model):
    """A page or picture on the web that holds this picture or a part of it."""

    url: str
    title: str | None = None
    score: float | None = None


class Web(Model):
    """The pages and pictures on the web that show this picture, a part of it, or a similar one."""

    best_guesses: tuple[str, ...] = ()
    entities: tuple[WebEntity, ...] = ()
    pages: tuple[WebPage, ...] = ()
    full_matches: tuple[WebPage, ...] = ()
    partial_matches: tuple[WebPage, ...] = ()
    similar: tuple[WebPage, ...] = ()


class Word(Model):
    """One word, its position, and the confidence that it was read correctly."""

    text: str
    confidence: UnitFloat | None = None
    box: Box | None = None
    polygon: tuple[Point, ...] = ()


class Line(Model):
    """One line of words."""

    text: str
    words: tuple[Word, ...] = ()
    confidence: UnitFloat | None = None
    box: Box | None = None
    polygon: tuple[Point, ...] = ()
    language: str | None = None
    paragraph: int | None = None
    """Number of the paragraph in its block, from 0, where the vendor tells paragraphs apart."""
    handwritten: bool | None = None
    """True if the line was written by hand; None if the vendor does not say."""


class Block(Model):
    """Lines that belong together: a column, a caption, a table."""

    lines: tuple[Line, ...] = ()
    box: Box | None = None
    confidence: UnitFloat | None = None


class Page(Model):
    """One page of text; a photo has one.

    Width, height and all positions on the page are in ``unit``: pixels of the upright original, or inches in a PDF,
    which has no pixels.
    """

    number: int = Field(default=1, ge=1)
    """Number of the page in the document, from 1."""
    blocks: tuple[Block, ...] = ()
    width: float | None = None
    height: float | None = None
    unit: Literal["px", "inch"] = "px"
    angle: float | None = None
    """How far the text is turned, in degrees clockwise, where the vendor says so."""
    language: str | None = None

    @property
    def text(self) -> str:
        """The text of the page, with a blank line between paragraphs or blocks where the vendor tells these apart."""
        return paragraphs(
            [((number, line.paragraph), line.text) for number, block in enumerate(self.blocks) for line in block.lines]
        )


class Text(Many[Line]):
    """The text in a picture or a document. It iterates over its lines, in reading order.

    ``text`` has a line break after each line, and a blank line between pages, and between paragraphs or blocks where
    the vendor tells these apart.
    """

    text: str = ""
    pages: tuple[Page, ...] = ()
    language: str | None = None
    truncated: bool = False
    """True if the vendor has read fewer pages than the document has, as Azure's free tier does."""

    units: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("x", "y", "width", "height"), "px or inch"),
        "angle": "degrees clockwise",
    }

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line of every page, in reading order."""
        return tuple(line for page in self.pages for block in page.blocks for line in block.lines)

    def files(self) -> list[tuple[str, bytes]]:
        """Return a file for each page, with its text in UTF-8: a pair of the end of its name and its content."""
        # Leading zeros let a folder sort its pages.
        width = len(str(len(self.pages)))
        return [
            (f"-{page.number:0{width}d}.txt" if len(self.pages) > 1 else ".txt", f"{page.text}\n".encode())
            for page in self.pages
        ]

    things: ClassVar[tuple[str, str]] = ("line", "lines")

    def _items(self) -> Sequence[Line]:
        return self.lines

    def _readable(self) -> Iterator[str]:
        return first_lines(self.text)

    def _repr_html_(self) -> str:
        # A page of a document is no picture that could be shown here.
        is_picture = len(self.pages) == 1 and self.pages[0].unit == "px"
        boxes = [(line.box, str(number)) for number, line in enumerate(self)] if is_picture else []
        return (picture_with_boxes(self.meta, boxes) if is_picture else "") + super()._repr_html_()

    def _columns(self) -> Sequence[str]:
        return (
            *("page", "block", "paragraph", "line", "text", "confidence"),
            *("x", "y", "width", "height", "unit", "polygon", "angle", "language", "handwritten"),
        )

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "page": page.number,
                "block": block_number,
                "paragraph": line.paragraph,
                "line": line_number,
                "text": line.text,
                "confidence": line.confidence,
                **_rectangle(line.box),
                "unit": page.unit if line.box else None,
                # A cell holds eight numbers in a row, as vendors write a polygon.
                "polygon": [value for point in line.polygon for value in (point.x, point.y)] or None,
                "angle": page.angle,
                "language": line.language or page.language,
                "handwritten": line.handwritten,
            }
            for page in self.pages
            for block_number, block in enumerate(page.blocks)
            for line_number, line in enumerate(block.lines)
        ]


def paragraphs(lines: Iterable[tuple[object, str]]) -> str:
    """Return the text of some lines, with a blank line wherever another paragraph begins.

    Args:
        lines: The lines in reading order, each behind anything that is equal for the lines of one paragraph.
    """
    groups = groupby(lines, key=lambda line: line[0])
    return "\n\n".join(["\n".join([text for _, text in group]) for _, group in groups])


class ImageAnalysis(Many[Tag]):
    """The contents of a picture. It iterates over its tags.

    A feature that was not asked for, or that the vendor does not offer, is None; one that was asked for
    and found nothing is empty.
    """

    caption: Caption | None = None
    dense_captions: tuple[Caption, ...] | None = None
    tags: tuple[Tag, ...] | None = None
    objects: tuple[Object, ...] | None = None
    people: tuple[Person, ...] | None = None
    faces: Faces | None = None
    text: Text | None = None
    places: tuple[Place, ...] | None = None
    brands: tuple[Brand, ...] | None = None
    categories: tuple[Category, ...] | None = None
    colors: tuple[Color, ...] | None = None
    crops: tuple[Crop, ...] | None = None
    web: Web | None = None
    safety: Mapping[str, Level] | None = None
    """Grades by kind: adult, racy, violence, gore, medical, spoof."""
    sharpness: float | None = Field(default=None, ge=0)
    """Variance of the Laplacian of the picture at 512 px (`local` only); a picture under about 100 looks blurred."""
    width: int | None = None
    height: int | None = None
    """Width and height are those of the upright original, in px."""
    format: str | None = None
    """Format of the file as given: "JPEG", "PNG" …"""
    unsupported: tuple[Feature, ...] = ()
    """Features that were asked for and that the vendor does not offer (only with ``missing="report"``)."""
    truncated: bool = False
    """True if a list is as long as was asked for: there may be more."""

    units: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("x", "y", "width", "height"), "px"),
        **dict.fromkeys(("latitude", "longitude"), "degrees WGS84"),
    }

    def _with(self, meta: Meta, raw: object) -> Self:
        """Return a copy with its origin, which is also given to faces and text, because each has its own table."""
        # The parts get no `raw`: the reply is that to the whole analysis.
        parts = {name: part._with(meta, None) for name in ("faces", "text") if (part := getattr(self, name))}  # noqa: SLF001
        return self._changed(meta=meta, raw=raw, **parts)

    def _items(self) -> Sequence[Tag]:
        return self.tags or ()

    def _amount(self) -> str:
        counts = Counter(row["kind"] for row in self._rows())
        return ", ".join(f"{kind} {n}" for kind, n in counts.items()) or "nothing"

    def _repr_html_(self) -> str:
        boxed: list[Object | Brand | Place] = [*(self.objects or ()), *(self.brands or ()), *(self.places or ())]
        boxes: list[tuple[Box | None, str]] = [(thing.box, thing.name) for thing in boxed]
        # People and faces have no names here, and never get any.
        boxes += [(thing.box, "") for thing in [*(self.people or ()), *(self.faces or ())]]
        boxes += [(line.box, "") for line in self.text or ()]
        return picture_with_boxes(self.meta, boxes) + super()._repr_html_()

    def _columns(self) -> Sequence[str]:
        return (
            *("kind", "rank", "name", "language", "score", "word", "x", "y", "width", "height"),
            *("parent", "latitude", "longitude", "vendor_id"),
        )

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"kind": kind, "rank": rank, **row} for kind, things in self._kinds() for rank, row in enumerate(things)
        ]

    def _kinds(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield each kind of thing that the table shows, with a row for each thing of that kind."""
        yield "caption", [_thing(self.caption)] if self.caption else []
        yield "dense_caption", [_thing(c) for c in self.dense_captions or ()]
        yield "tag", [_thing(t) for t in self.tags or ()]
        yield "object", [_thing(o) for o in self.objects or ()]
        yield "person", [_thing(p) for p in self.people or ()]
        yield "category", [_thing(c) for c in self.categories or ()]
        yield "brand", [_thing(b) for b in self.brands or ()]
        yield "place", [_thing(p) for p in self.places or ()]
        yield "face", [{"score": face.confidence, **_rectangle(face.box)} for face in self.faces or ()]
        yield "text", [_thing(line) for line in self.text or ()]
        yield "crop", [{"score": crop.confidence, **_rectangle(crop.box)} for crop in self.crops or ()]
        yield (
            "color",
            [
                # Azure names colours, and gives neither a value nor a share for most of them.
                {"name": c.hex or c.name, "score": c.score if c.score is not None else c.fraction}
                for c in self.colors or ()
            ],
        )
        yield (
            "safety",
            [{"name": name, "score": v.score, "word": v.word} for name, v in (self.safety or {}).items()],
        )
        yield (
            "web",
            [
                {"name": e.name, "score": e.score, "vendor_id": e.vendor_id}
                for e in (self.web.entities if self.web else ())
            ]
            + [{"name": guess} for guess in (self.web.best_guesses if self.web else ())],
        )


def _thing(thing: Caption | Tag | Person | Category | Line) -> dict[str, Any]:
    """Return the columns of one thing; its confidence is in the column ``score``."""
    values = {name: getattr(thing, name, None) for name in ("language", "parent", "latitude", "longitude", "vendor_id")}
    name = getattr(thing, "name", None) or getattr(thing, "text", None)
    return {"name": name, "score": thing.confidence, **_rectangle(getattr(thing, "box", None)), **values}


def _rectangle(box: Box | None) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height} if box else {}
