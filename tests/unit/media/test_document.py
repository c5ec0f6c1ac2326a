"""Documents: what is taken for one, how many pages it states, and what of it is sent."""

from __future__ import annotations

import zlib

import pytest

from cloudai import InputError
from cloudai.media import Image, ImageLimits
from cloudai.media.document import Document, DocumentLimits, document
from tests.support.documents import packed_pdf, pdf, tiff
from tests.support.pictures import in_place
from tests.support.played import PICTURE

PICTURES = ImageLimits("V", frozenset({"JPEG", "PNG"}), 10_000_000, 4000, by_url=True)
DOCUMENTS = DocumentLimits("V", 1_000_000, ("https",))


def opened(given: object) -> Document:
    """The input as a document."""
    found = in_place(document(Image(given), DOCUMENTS, PICTURES))
    assert isinstance(found, Document)
    return found


@pytest.mark.parametrize("pages", [1, 2, 12, 40])
@pytest.mark.parametrize("make", [pdf, packed_pdf])
def test_a_pdf_states_its_pages(make: object, pages: int) -> None:
    """The number of pages is found, whether the tree of pages stands in the file as it is or is packed."""
    found = opened(make(pages))  # type: ignore[operator]
    assert (found.format, found.media_type, found.pages) == ("PDF", "application/pdf", pages)


CHANGED = b"""
3 0 obj
<</Count 2/Kids[10 0 R 11 0 R]/Type/Pages>>
endobj
trailer
<</Root 2 0 R/Size 12>>
"""
"""What a program writes behind a PDF from which it takes all pages but two."""
STRAY = b"\n99 0 obj\n<</Type /Pages /Count 150>>\nendobj\n"
"""A tree of pages that the root does not name."""


@pytest.mark.parametrize(
    ("data", "pages"),
    [(packed_pdf(5) + CHANGED, 2), (pdf(120) + pdf(3), 3), (pdf(3) + STRAY, 3), (packed_pdf(3) + STRAY, 3)],
    ids=["changed", "two in one file", "a stray tree", "a stray tree beside a packed one"],
)
def test_the_last_version_of_a_pdf_states_its_pages(data: bytes, pages: int) -> None:
    """The tree of pages that counts is the one that the last root names, because pages are billed by that number."""
    assert opened(data).pages == pages


def test_a_tiff_of_several_pages_is_a_document_and_one_of_a_single_page_is_a_picture() -> None:
    """A TIFF of three pages is sent whole; one of a single page is made into a picture that the vendor takes."""
    found = opened(tiff(3))
    assert (found.format, found.media_type, found.pages) == ("TIFF", "image/tiff", 3)
    single = in_place(document(Image(tiff(1)), DOCUMENTS, PICTURES))
    assert not isinstance(single, Document)
    assert single.blob.media_type == "image/png"


def test_a_document_is_sent_as_it_is() -> None:
    """The bytes that are sent are those that were given, whose digest is that of the input."""
    data = pdf(2)
    image = Image(data)
    found = in_place(document(image, DOCUMENTS, PICTURES))
    assert found.blob.data == data
    assert image.facts()["sent_sha256"] == image.facts()["sha256"] == image.key
    assert image.facts()["sent_bytes"] == len(data)


def test_a_document_is_read_again_without_its_file() -> None:
    """The facts that a journal keeps are enough to read saved replies again: format, pages and name."""
    image = Image(pdf(3), name="계약.pdf")
    in_place(document(image, DOCUMENTS, PICTURES))
    again = Image.recalled("계약.pdf", image.key, image.memory())
    found = in_place(document(again, DOCUMENTS, PICTURES))
    assert (type(found), found.format, found.pages) == (Document, "PDF", 3)
    picture = Image(PICTURE)
    in_place(document(picture, DOCUMENTS, PICTURES))
    recalled = in_place(document(Image.recalled("나무.png", picture.key, picture.memory()), DOCUMENTS, PICTURES))
    assert not isinstance(recalled, Document)


def test_a_document_that_is_too_large_is_refused() -> None:
    """The error names both sizes and says what to do; nothing is sent."""
    with pytest.raises(InputError, match=r"has 1\.2 MB; V takes 1\.0\. Split it"):
        opened(pdf(1) + bytes(1_200_000))


def test_an_address_is_known_by_its_ending() -> None:
    """A PDF at an address is passed on to a vendor that fetches it, and refused where the vendor does not."""
    found = opened("https://pages.example/계약.PDF?sig=1")
    assert (found.uri, found.format, found.pages) == ("https://pages.example/계약.PDF?sig=1", "PDF", None)
    with pytest.raises(InputError, match="V does not fetch"):
        opened("gs://bucket/계약.pdf")
    assert not isinstance(in_place(document(Image("https://pages.example/나무.png"), DOCUMENTS, PICTURES)), Document)


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n" + b"<<" * 5000,
        b"%PDF-1.7\n>>>>" + b"stream\n\0\xff" * 100,
        b"%PDF-1.5\n1 0 obj<</Type/ObjStm>>stream\n" + zlib.compress(b"\0" * 50_000_000) + b"endstream",
        b"%PDF-1.5\n1 0 obj<</Type/ObjStm>>stream\nnot packed\nendstream",
        b"%PDF-1.7\n<</Type/Outlines/Count 99>>",
        b"%PDF-1.7\n/Root 1 0 R\n" + b"1 0 obj\nstream\n" * 50_000,
        b"%PDF-1.7\n/Root 1 0 R\n" + b"stream\n" * 100_000,
        b"%PDF-1.7\n/Root 1 0 R\n" + b"1 0 obj " * 100_000,
        b"%PDF-1.7\n1 0 obj<</Pages 2 0 R>>endobj 2 0 obj<</Count 5 0 R>>endobj/Root 1 0 R\n",
    ],
    ids=[
        *("open brackets", "closed brackets", "a bomb", "no zlib", "another count"),
        *("streams without an end", "the word stream", "objects without an end", "a count elsewhere"),
    ],
)
def test_a_pdf_that_states_no_pages_has_none(data: bytes) -> None:
    """A damaged or hostile PDF costs neither memory nor an error here: the vendor says what is wrong with it."""
    assert opened(data).pages is None


def test_a_damaged_tiff_is_left_to_the_decoder_of_pictures() -> None:
    """A TIFF that is cut off is refused as a damaged picture."""
    with pytest.raises(InputError, match="damaged"):
        opened(tiff(3)[:40])
