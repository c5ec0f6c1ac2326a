"""Documents: what is taken for one, how many pages it states, and what of it is sent."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest

from cloudai import Client, InputError, Local
from cloudai.media import Image, ImageLimits
from cloudai.media.document import Document, DocumentLimits, document
from cloudai.media.tiff import pages_of
from tests.support.documents import packed_pdf, pdf, tiff
from tests.support.pictures import in_place
from tests.support.played import PICTURE

PICTURES = ImageLimits("V", frozenset({"JPEG", "PNG"}), 10_000_000, 4000, by_url=True)
DOCUMENTS = DocumentLimits("V", 1_000_000, ("https",))


def opened(given: object) -> Document:
    """Return the input as a document."""
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
"""The bytes that a program appends to a PDF from which it takes all pages but two."""
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
        b"%PDF-1.5\n1 0 obj<</Type/ObjStm>>stream\n" + zlib.compress(b"\0" * 50_000_000, level=1) + b"endstream",
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


def saved(pages: int, **options: Any) -> bytes:
    """Return a TIFF of so many noisy pages, whose pictures cannot be left out without a loss."""
    first, *others = [PIL.Image.effect_noise((60, 80), 60 + number) for number in range(pages)]
    out = io.BytesIO()
    first.save(out, "TIFF", save_all=True, append_images=others, **options)
    return out.getvalue()


def by_tifffile(pages: int, **options: Any) -> bytes:
    """Return a TIFF of so many pages, as the package tifffile writes it."""
    tifffile = pytest.importorskip("tifffile")
    out = io.BytesIO()
    pixels = np.arange(pages * 4800).reshape(pages, 60, 80).astype("uint16")
    tifffile.imwrite(out, pixels, photometric="minisblack", **options)
    return out.getvalue()


TIFFS: dict[str, Callable[[int], bytes]] = {
    "plain": saved,
    "packed": lambda pages: saved(pages, compression="tiff_lzw"),
    "JPEG": lambda pages: saved(pages, compression="jpeg"),
    "big": lambda pages: saved(pages, big_tiff=True),
    "big-endian": lambda pages: by_tifffile(pages, byteorder=">"),
    "big and big-endian": lambda pages: by_tifffile(pages, bigtiff=True, byteorder=">"),
    "tiles": lambda pages: by_tifffile(pages, tile=(16, 16)),
    "strips": lambda pages: by_tifffile(pages, rowsperstrip=7),
}


@pytest.mark.parametrize("kind", TIFFS)
def test_the_pages_of_a_tiff_are_counted(kind: str) -> None:
    """Every way of writing a TIFF has as many pages as were written."""
    assert [pages_of(TIFFS[kind](pages)) for pages in (1, 2, 7)] == [1, 2, 7]


@pytest.mark.parametrize("kind", TIFFS)
@pytest.mark.parametrize("left", [0.01, 0.3, 0.5, 0.7, 0.95, -10, -1])
def test_a_tiff_that_is_cut_off_is_refused(kind: str, left: float) -> None:
    """Whatever is left of a TIFF of three pages is never taken for a whole one of fewer pages, and nothing warns.

    Behind the last page a file may have bytes that are of no importance.
    """
    data = TIFFS[kind](3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if left > 0:
            assert pages_or_damage(data[: int(len(data) * left)]) == "damage"
        else:
            assert pages_or_damage(data[: int(left)]) in (3, "damage")


def pages_or_damage(data: bytes) -> int | str | None:
    """Return the pages of a document, or "damage" where it is refused for that."""
    try:
        return opened(data).pages
    except InputError as error:
        return "damage" if "is cut off or damaged (TIFF)" in str(error) else str(error)


def test_a_tiff_that_is_cut_off_is_refused_on_this_machine_too() -> None:
    """The local engine does not read the first page of three alone, without a word about the others."""
    data = saved(3)
    with Client(Local(tesseract="tesseract")) as client, pytest.raises(InputError, match="cut off or damaged"):
        client.read_text(data[: len(data) // 2])


def directory(after: int, fields: int = 0) -> bytes:
    """Return a directory of a classic TIFF, with so many fields, and the position of the next."""
    return struct.pack("<H", fields) + bytes(12 * fields) + struct.pack("<I", after)


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (b"II*\0" + struct.pack("<I", 8) + directory(14) + directory(8), 2),
        (b"II*\0" + struct.pack("<I", 8) + directory(8), 1),
        (b"II*\0" + struct.pack("<I", 8) + directory(9), None),
        (b"II*\0" + struct.pack("<I", 2**32 - 1), None),
        (b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**64 - 1), None),
        (b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**64 - 1), None),
        (b"II*\0", None),
    ],
    ids=["a circle", "itself", "within itself", "far", "very far", "many fields", "nothing"],
)
def test_a_tiff_whose_directories_lead_nowhere(data: bytes, pages: int | None) -> None:
    """Directories in a circle are counted once each, and those beyond the end of the file are damage."""
    if pages:
        assert pages_of(data) == pages
    else:
        with pytest.raises(ValueError, match="within the file"):
            pages_of(data)


def test_a_tiff_that_is_made_to_take_time_is_refused() -> None:
    """Thousands of directories with the same thousands of fields cost no more than any large document."""
    data = bytearray(b"II*\0" + struct.pack("<I", 8) + bytes(12 * 65535 + 1000))
    for begin in range(8, 808, 4):
        data[begin : begin + 2] = b"\xff\xff"
        end = begin + 2 + 12 * 65535
        data[end : end + 4] = struct.pack("<I", begin + 4)
    began = time.process_time()
    with pytest.raises(ValueError, match="more"):
        pages_of(bytes(data))
    assert time.process_time() - began < 2
