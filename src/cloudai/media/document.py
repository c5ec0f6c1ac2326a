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
        return pages_of(image.data)
    raise AssertionError  # pragma: no cover  # for the types


STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
BRACKET = re.compile(rb"<<|>>")
DEEPEST = 8
"""Dictionaries within as many others are not looked at: what nests thousands is made to take time."""
TREE = re.compile(rb"/Type\s*/Pages\b")
COUNT = re.compile(rb"/Count\s+(\d{1,6})\b")


def _pdf_pages(data: bytes) -> int | None:
    """Return the number of pages that a PDF states at the root of its tree of pages, or None where it is not found.

    The tree may stand in the file as it is, or packed in streams of objects. An encrypted file may hide it.
    https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf section 7.7.3
    """
    counts = [count for text in _pdf_texts(data) for count in _counts(text)]
    return max(counts, default=0) or None


def _pdf_texts(data: bytes) -> Iterator[bytes]:
    """Yield the parts of a PDF in which objects may stand: all outside of streams, and each stream of objects."""
    yield STREAM.sub(b"", data)
    left = MOST_INFLATED
    for match in STREAM.finditer(data):
        if b"/ObjStm" not in data[max(0, match.start() - HEAD) : match.start()].rpartition(b"obj")[2]:
            continue
        try:
            text = zlib.decompressobj().decompress(match[1], left)
        except zlib.error:
            continue
        left -= len(text)
        yield text
        if left <= 0:
            return


def _counts(text: bytes) -> Iterator[int]:
    """Yield the number of pages below each node of the tree of pages that is in the text."""
    begins: list[int] = []
    for bracket in BRACKET.finditer(text):
        if bracket[0] == b"<<":
            begins.append(bracket.end())
        elif begins:
            node = text[begins.pop() : bracket.start()] if len(begins) <= DEEPEST else b""
            if TREE.search(node) and (count := COUNT.search(node)):
                yield int(count[1])
