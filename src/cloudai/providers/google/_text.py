"""The text that Google reads in a picture, converted to pages, blocks, lines and words.

Google gives symbols inside words inside paragraphs, or a flat list of words. Neither has lines, which users want.

https://cloud.google.com/vision/docs/reference/rest/v1/AnnotateImageResponse#TextAnnotation
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from cloudai.core.flow import checked
from cloudai.errors import MalformedResponseError
from cloudai.media import Picture
from cloudai.media.document import Document, Sheet
from cloudai.models.base import Box
from cloudai.models.image import Block, Line, Page, Text, Word, paragraphs
from cloudai.providers.google._wire import Poly
from cloudai.providers.replies import inside
from cloudai.providers.wire import Wire, left_out

__all__ = ["FullText", "joined", "page_of", "read"]


class TextAnnotation(Wire):
    """A text of the flat list. The first is the whole text, the others are its words."""

    locale: str | None = None
    description: str = ""
    bounding_poly: Poly = left_out(Poly)


class DetectedBreak(Wire):
    """A break behind what it belongs to, or before it where it is a prefix."""

    type: str = "UNKNOWN"
    is_prefix: bool = False


class DetectedLanguage(Wire):
    language_code: str = ""


class Property(Wire):
    detected_break: DetectedBreak | None = None
    detected_languages: list[DetectedLanguage] = Field(default_factory=list)


class WireWord(Wire):
    """A word. Its letters stay as they came: a page has thousands, and each would be made into four objects."""

    symbols: list[dict[str, Any]] = Field(default_factory=list)
    bounding_box: Poly = left_out(Poly)
    confidence: float | None = None
    own: Property = Field(default_factory=Property, validation_alias="property")

    @property
    def text(self) -> str:
        letters = [symbol.get("text") or "" for symbol in self.symbols]
        if not all(isinstance(letter, str) for letter in letters):
            raise MalformedResponseError("the text of a letter is no text")
        return "".join(letters)

    @property
    def begins_with(self) -> str | None:
        """The kind of break before the word, or None where there is none."""
        return self._break(self.symbols[:1], is_prefix=True)

    @property
    def ends_with(self) -> str | None:
        """The kind of break after the word, or None where there is none."""
        return self._break(self.symbols[-1:], is_prefix=False)

    def _break(self, symbols: Sequence[dict[str, Any]], *, is_prefix: bool) -> str | None:
        """Return the kind of break that a letter at the edge of the word has, or else the word itself."""
        breaks = [inside(symbol, "property", "detectedBreak") for symbol in symbols]
        # The API allows a break at a letter as well as at a word:
        # https://cloud.google.com/vision/docs/reference/rest/v1/AnnotateImageResponse
        detected = [*(checked(DetectedBreak, each) for each in breaks if each is not None), self.own.detected_break]
        return next((each.type for each in detected if each and each.is_prefix is is_prefix), None)


class Paragraph(Wire):
    words: list[WireWord] = Field(default_factory=list)


class WireBlock(Wire):
    paragraphs: list[Paragraph] = Field(default_factory=list)
    bounding_box: Poly = left_out(Poly)
    confidence: float | None = None


class WirePage(Wire):
    blocks: list[WireBlock] = Field(default_factory=list)
    width: float = 0
    height: float = 0
    property: Property = left_out(Property)


class FullText(Wire):
    pages: list[WirePage] = Field(default_factory=list)
    text: str = ""


POINTS = 72
"""Points in an inch."""
SPACES = ("SPACE", "SURE_SPACE")
# HYPHEN stands for a hyphen at the end of a line that is not in the text, EOL_SURE_SPACE for the end of a line within a
# paragraph, and LINE_BREAK for that of the paragraph.
LINE_ENDS = ("EOL_SURE_SPACE", "LINE_BREAK", "HYPHEN")


def read(full: FullText | None, listed: Sequence[Any], picture: Picture) -> Text:
    """Return the text as pages, blocks, lines and words, from whichever of the two shapes the reply has.

    Args:
        full: The pages, or None where there are none.
        listed: The flat list as it came; it is only read where there are no pages.
        picture: The picture that was sent.
    """
    if full is not None and full.pages:
        return joined([page_of(page, picture, number) for number, page in enumerate(full.pages, start=1)])
    # The flat list repeats what the pages have, and may have thousands of entries, so it is only checked where it is
    # needed.
    annotations = [checked(TextAnnotation, each) for each in listed]
    if not annotations:
        return Text(text=full.text if full else "")
    whole, words = annotations[0], annotations[1:]
    lines = tuple(_lines_of_flat_words(whole.description, words, picture))
    block = Block(lines=lines, box=whole.bounding_poly.box(picture))
    return Text(text=whole.description.rstrip("\n"), pages=(Page(blocks=(block,)),), language=whole.locale)


def joined(pages: Sequence[Page], *, truncated: bool = False) -> Text:
    """Return the text of some pages, which are in order; paragraphs are separated by blank lines."""
    lines = [
        ((page.number, number, line.paragraph), line.text)
        for page in pages
        for number, block in enumerate(page.blocks)
        for line in block.lines
    ]
    language = next((page.language for page in pages if page.language), None)
    return Text(text=paragraphs(lines), pages=tuple(pages), language=language, truncated=truncated)


def page_of(page: WirePage, picture: Picture, number: int) -> Page:
    """Return a page of the reply, with positions in pixels of the upright original, or in inches of a PDF.

    A page of a document comes with its own size: in pixels for TIFF, and in points for PDF.
    """
    frame, is_pdf = picture, picture.format == "PDF"
    # The size of a page is only known from the reply, because nothing of a document is decoded here.
    if isinstance(picture, Document):
        scale = 1 / POINTS if is_pdf else 1
        frame = Sheet.of(picture, page.width * scale or None, page.height * scale or None, is_pdf=is_pdf)
    languages = page.property.detected_languages
    return Page(
        number=number,
        blocks=tuple(_block(block, frame) for block in page.blocks),
        width=frame.width or page.width or None,
        height=frame.height or page.height or None,
        unit="inch" if is_pdf else "px",
        language=languages[0].language_code if languages else None,
    )


def _block(block: WireBlock, picture: Picture) -> Block:
    lines = (
        _line(words, number, picture)
        for number, paragraph in enumerate(block.paragraphs)
        for words in _split_into_lines(paragraph.words)
    )
    return Block(lines=tuple(lines), box=block.bounding_box.box(picture), confidence=block.confidence)


def _split_into_lines(words: Sequence[WireWord]) -> Iterator[list[WireWord]]:
    """Yield the words of each line; a line ends after, or before, a word with a break of `LINE_ENDS` there."""
    line: list[WireWord] = []
    for word in words:
        if line and word.begins_with in LINE_ENDS:
            yield line
            line = []
        line.append(word)
        if word.ends_with in LINE_ENDS:
            yield line
            line = []
    if line:
        yield line


def _line(words: Sequence[WireWord], paragraph: int, picture: Picture) -> Line:
    text = ""
    for word in words:
        # The blank between two words may be told at either of them, or at both, and is one blank in any case.
        if word.begins_with in SPACES and not text.endswith(" "):
            text += " "
        text += f"{word.text} " if word.ends_with in SPACES else word.text
    read_words = tuple(
        Word(
            text=word.text,
            confidence=word.confidence,
            box=word.bounding_box.box(picture),
            polygon=word.bounding_box.points(picture),
        )
        for word in words
    )
    return Line(text=text.strip(), words=read_words, box=_around([w.box for w in read_words]), paragraph=paragraph)


def _lines_of_flat_words(text: str, words: Sequence[TextAnnotation], picture: Picture) -> Iterator[Line]:
    """Yield the lines of a text, each with the words that spell it; the words come in the order of the text."""
    rest = list(words)
    for line in filter(None, text.split("\n")):
        taken: list[Word] = []
        # The whole text and the list of words say the same twice. They are matched by their characters, because the
        # blanks differ.
        missing = "".join(line.split())
        while rest and missing.startswith("".join(rest[0].description.split())):
            word = rest.pop(0)
            missing = missing.removeprefix("".join(word.description.split()))
            polygon = word.bounding_poly
            taken.append(Word(text=word.description, box=polygon.box(picture), polygon=polygon.points(picture)))
        yield Line(text=line, words=tuple(taken), box=_around([word.box for word in taken]))


def _around(boxes: Sequence[Box | None]) -> Box | None:
    """Return the smallest box around all boxes, or None where there is none."""
    known = [box for box in boxes if box]
    if not known:
        return None
    left, top = min(b.x for b in known), min(b.y for b in known)
    right, bottom = max(b.x + b.width for b in known), max(b.y + b.height for b in known)
    # A line has no box of its own in the reply.
    return Box(x=left, y=top, width=right - left, height=bottom - top, image_size=known[0].image_size)
