"""Prepare documents for a vendor: a PDF, or a TIFF of several pages, which are sent whole and as they are.

Unlike a picture, a document is not looked into and keeps its metadata: to take these out, it would have to be written
anew.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from cloudai.core.flow import Blob, Flow, call
from cloudai.core.lazy import lazy
from cloudai.errors import InputError
from cloudai.media.decode import decoding
from cloudai.media.image import Image, ImageLimits, Picture
from cloudai.media.tiff import pages_of
from cloudai.models.base import Box, Point

__all__ = ["Document", "DocumentLimits", "Sheet", "as_document", "document", "page_of_tiff"]

DOCUMENTS = {"PDF": "application/pdf", "TIFF": "image/tiff"}
"""The formats of documents, with their media types."""
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ENDINGS = {".pdf": "PDF", ".tif": "TIFF", ".tiff": "TIFF"}
"""The format of a document at an address, which is not read here, by the end of its name."""
HEAD = 1024
"""How far from its beginning a PDF may have its mark: other programs write something before it."""
MOST_INFLATED = 16_000_000
"""The most bytes that are unpacked to count the pages of a PDF."""


@dataclass(frozen=True)
class DocumentLimits:
    """The documents that one vendor accepts."""

    who: str
    """The vendor's name in error messages."""
    max_bytes: int
    schemes: tuple[str, ...] = ()
    """The beginnings of addresses that the vendor fetches itself: "https", "gs" …"""


@dataclass(frozen=True)
class Document(Picture):
    """A document that is ready to be sent, as bytes or as an address that the vendor fetches itself."""

    pages: int | None = field(default=None, kw_only=True)
    """The number of pages that the file states; None where that cannot be told without opening it as a whole."""

    @property
    def media_type(self) -> str:
        """The media type: "application/pdf" or "image/tiff"."""
        return DOCUMENTS[str(self.format)]


@dataclass(frozen=True)
class Sheet(Picture):
    """One page of a document, in whose own unit positions are: pixels, or inches in a PDF."""

    is_pdf: bool = field(default=False, kw_only=True)

    @classmethod
    def of(cls, whole: Picture, width: float | None, height: float | None, *, is_pdf: bool) -> Self:
        """Return a page of a document that has this size, in pixels, or in inches of a PDF."""
        across: Any = width  # a picture's sides are whole numbers, those of a page of a PDF are not
        down: Any = height
        return cls(across, down, across, down, whole.format, None, is_pdf=is_pdf)

    @lazy
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels; None for a page of a PDF, which has no pixels, and for an unknown size."""
        if self.is_pdf or not (self.width and self.height):
            return None
        return round(self.width), round(self.height)

    def fraction(self, x: float, y: float) -> Point | None:
        """Return the point for a position in fractions of the page, or None if the page's size is not known."""
        return Point(x=x * self.width, y=y * self.height) if self.width and self.height else None

    def box_from_fraction(self, x: float, y: float, width: float, height: float) -> Box | None:
        """Return the box for one in fractions of the page, or None if the page's size is not known."""
        if not (self.width and self.height):
            return None
        across, down = self.width, self.height
        return Box(x=x * across, y=y * down, width=width * across, height=height * down, image_size=self.size)


def document(image: Image, documents: DocumentLimits, pictures: ImageLimits) -> Flow[Document | Picture]:
    """Return an input as a document if it is one, and else as a picture that fits the vendor's limits.

    Raises:
        InputError: The input is neither, cannot be read, or is too large; nothing was sent.
        MissingExtraError: The picture is HEIC, and pillow-heif is not installed.
    """
    return (yield from as_document(image, documents)) or (yield from image.fit(pictures))


def as_document(image: Image, limits: DocumentLimits) -> Flow[Document | None]:
    """Return an input as a document, or None if it is a picture.

    An address that the client does not fetch is a document if its name ends like one.

    Raises:
        InputError: The input cannot be read, or is too large; nothing was sent.
    """
    yield from image.fetched()
    if image.is_recalled:
        return image.whole(Document) if image.was_whole else None
    if image.uri:
        kind = ENDINGS.get(_ending(image.uri), "")
        if kind and urlsplit(image.uri).scheme.lower() not in limits.schemes:
            raise InputError(f"{limits.who} does not fetch {image.name}", advice="Give the file.")
        return image.whole(Document, format=kind) if kind else None
    kind = "" if image.has_pixels else _kind(image.data)
    pages = (yield from call(_pages, image, kind)) if kind else None
    if not kind or (kind == "TIFF" and pages == 1):
        return None
    size = len(image.data)
    if size > limits.max_bytes:
        most = limits.max_bytes / 1e6
        raise InputError(f"{image.name} has {size / 1e6:.1f} MB; {limits.who} takes {most:.1f}", advice="Split it.")
    blob = Blob(image.key, lambda: image.data, DOCUMENTS[kind])
    vars(blob)["sha256"] = image.key  # what is sent is what was given, and need not be digested again
    return image.whole(Document, format=kind, blob=blob, pages=pages)


def page_of_tiff(image: Image, number: int) -> Image:
    """Return one page of a TIFF, counted from 0, as a picture that is not decoded yet."""
    import PIL.TiffImagePlugin

    page = PIL.TiffImagePlugin.TiffImageFile(io.BytesIO(image.data))
    with decoding(image.name, "TIFF"):
        page.seek(number)
    return Image(page, name=image.name)


def _ending(address: str) -> str:
    path = urlsplit(address).path.lower()
    return path[path.rfind(".") :] if "." in path else ""


def _kind(data: bytes) -> str:
    """Return "PDF" or "TIFF" by the first bytes of a file, or "" for any other file."""
    if b"%PDF-" in data[:HEAD]:
        return "PDF"
    return "TIFF" if data.startswith(TIFF) else ""


def _pages(image: Image, kind: str) -> int | None:
    """Return the number of pages of a document, or None where it cannot be told; its digest is computed too.

    Raises:
        InputError: A TIFF is cut off or damaged: a vendor would read the pages that are left, without a word about it.
    """
    _ = image.key  # this code may run in a thread, while what follows may run in an event loop
    if kind == "PDF":
        return _pdf_pages(image.data)
    with decoding(image.name, "TIFF"):
        # Pillow counts the pages up to the first one that is missing, and only warns of that.
        return pages_of(image.data)
    raise AssertionError  # pragma: no cover  # for the types


OBJECT = re.compile(rb"\b(\d{1,10})\s{1,4}\d{1,5}\s{1,4}obj\b")
END_OF_OBJECT = re.compile(rb"\bstream\r?\n|\bendobj\b")
NUMBER = re.compile(rb"\d{1,10}")
ROOT = re.compile(rb"/Root\s{0,4}(\d{1,10})\s{1,4}\d{1,5}\s{1,4}R\b")
TREE = re.compile(rb"/Pages\s{0,4}(\d{1,10})\s{1,4}\d{1,5}\s{1,4}R\b")
# A number that is followed by another one and by "R" refers to an object, and is no count.
COUNT = re.compile(rb"/Count\s{0,4}(\d{1,6})\b(?!\s{1,4}\d{1,5}\s{1,4}R\b)")
IN_STREAM = re.compile(rb"/(N|First)\s{0,4}(\d{1,9})\b")


def _pdf_pages(data: bytes) -> int | None:
    """Return the number of pages that a PDF states at the root of its tree of pages, or None where it is not found.

    A file that was changed may hold several versions of an object, of which the last counts. An encrypted file may hide
    the tree. https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf sections 7.5 and 7.7
    """
    roots = ROOT.findall(data)
    if not roots:
        return None
    # The root and the tree of pages are small, and nothing else is kept of the file.
    objects = {number: text for number, text in _pdf_objects(data) if b"/Pages" in text}
    tree = TREE.search(objects.get(int(roots[-1]), b""))
    count = COUNT.search(objects.get(int(tree[1]), b"")) if tree else None
    return int(count[1]) or None if count else None


def _pdf_objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each object of a PDF, in the order of the file.

    For an object with a stream it is the dictionary alone. The objects that are packed in a stream come after it.
    """
    at, left = 0, MOST_INFLATED
    while begin := OBJECT.search(data, at):
        end = END_OF_OBJECT.search(data, begin.end())
        if end is None:
            return
        text, at = data[begin.end() : end.start()], end.end()
        yield int(begin[1]), text
        if end[0] == b"endobj":
            continue
        close = data.find(b"endstream", at)
        if close < 0:
            return
        if b"/ObjStm" in text and left > 0:
            try:
                packed = zlib.decompressobj().decompress(data[at:close], left)
            except zlib.error:
                packed = b""
            left -= len(packed)
            yield from _packed(text, packed)
        at = close


def _packed(dictionary: bytes, packed: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the objects of a stream, which begins with the number and the position of each."""
    sizes = {name: int(size) for name, size in IN_STREAM.findall(dictionary)}
    first = sizes.get(b"First", 0)
    numbers = [int(number) for number in NUMBER.findall(packed[:first])][: 2 * sizes.get(b"N", 0)]
    starts = [first + start for start in numbers[1::2]]
    for number, start, end in zip(numbers[::2], starts, [*starts[1:], len(packed)], strict=False):
        yield number, packed[start:end]
