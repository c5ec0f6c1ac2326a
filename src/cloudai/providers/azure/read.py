"""The text in pictures and documents, read by Azure: by Image Analysis 4.0, or by Read 3.2, which is a job.

https://learn.microsoft.com/azure/ai-services/computer-vision/overview-ocr
https://learn.microsoft.com/azure/ai-services/computer-vision/how-to/call-read-api
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field, TypeAdapter

from cloudai.core.flow import Flow, Request, Response, parallel
from cloudai.errors import CloudAIError, MalformedResponseError, ServerError
from cloudai.languages import base
from cloudai.media import Image, ImageLimits, Picture
from cloudai.media.document import Document, DocumentLimits, Sheet, document
from cloudai.models.base import Meta, Point
from cloudai.models.image import Text, paragraphs
from cloudai.providers.azure import _analysis_4
from cloudai.providers.azure._service import picture_body
from cloudai.providers.azure.vision import API_3, LIMITS_4, Vision
from cloudai.providers.base import capability
from cloudai.providers.wire import Corners, Wire

__all__ = ["Read"]

LIMITS_READ = ImageLimits(
    who="Azure Read 3.2",
    formats=frozenset({"JPEG", "PNG", "BMP"}),
    max_bytes=20_000_000,
    max_side=10_000,
    min_side=50,
    by_url=True,
)
DOCUMENTS = DocumentLimits(who="Azure Read 3.2", max_bytes=200_000_000, schemes=("https", "http"))
PAGES_AT_ONCE = 100
"""The most pages that one job reads. The reply of a longer one, with each word of each page, would be very large."""
FIRST_POLL, LONGEST_POLL = 1.0, 5.0
"""Seconds before the first poll of a job, and the most seconds between two polls."""
CODES: Mapping[str, str] = {"zh": "zh-Hans", "nb": "no"}
"""The codes that the service spells in a way of its own: https://aka.ms/ocr-languages"""
JOB = re.compile(r"https?://[^?#]*/read/analyzeResults/([A-Za-z0-9-]{1,100})")


class Read(Vision):
    """The operation on text in pictures and documents."""

    @capability(
        "deprecated",
        needs="VISION_KEY and VISION_ENDPOINT",
        until="2028-09-25",
        page="https://learn.microsoft.com/azure/ai-services/computer-vision/overview-ocr",
        checked="2026-11-27",
        free="20/min",
        note="PDF and TIFF by Read 3.2, each page a unit; the free tier reads two pages; handwriting told by 3.2",
    )
    def read_text(
        self,
        image: Image,
        *,
        language: str | None,
        dense: bool | None,  # noqa: ARG002  # one model of Azure reads signs and pages
    ) -> Flow[Text]:
        """Read the text in a picture or a document.

        A picture goes to Image Analysis 4.0, unless ``api="3.2"``. A document goes to Read 3.2, by which ``language``
        is not a hint: it forces the service to read the document in that language.
        """
        # The kind of file decides, unless the user has chosen: Image Analysis 4.0 reads no documents, and Read 3.2
        # needs two requests and a wait for what 4.0 answers at once.
        by_read = self.api() == "3.2"
        given = yield from document(image, DOCUMENTS, LIMITS_READ if by_read else LIMITS_4)
        if by_read or isinstance(given, Document):
            return (yield from self._by_read(given, language))
        reply = yield from self._ask_4(given, ["text"], None, gender_neutral=False)
        fields = _analysis_4.PARTS["text"](reply, given, "")
        return Text(**fields, meta=Meta(model=reply.model_version))

    def api_variant(self, operation: str) -> str:
        """Return the version of the API that was chosen, which reads text as well, or "" if none was."""
        # An answer of one version must not be taken for that of the other: only 3.2 tells handwriting and angle.
        return (self.api() or "") if operation == "read_text" else super().api_variant(operation)

    def pages_per_request(self, operation: str) -> int:
        """Return how many pages of a document one job reads."""
        return PAGES_AT_ONCE if operation == "read_text" else super().pages_per_request(operation)

    def _by_read(self, given: Picture, language: str | None) -> Flow[Text]:
        """Read a picture or a document with Read 3.2; a document of very many pages takes several jobs.

        Raises:
            CloudAIError: A job has failed; where there are several, ``partial`` is a list of the texts of all jobs,
                with None for each that failed.
            MalformedResponseError: A job cannot be read, or the jobs have other pages than the document.
        """
        code = base(language) if language else None
        code = CODES.get(code, code) if code else None
        pages = given.pages if isinstance(given, Document) else 1
        # The number of pages of an encrypted PDF is not known, so it is read by one job.
        if pages is None or pages <= PAGES_AT_ONCE:
            results = [(yield from self._job(given, code, None, pages or 1))]
        else:
            firsts = range(1, pages + 1, PAGES_AT_ONCE)
            parts = [(first, min(first + PAGES_AT_ONCE - 1, pages)) for first in firsts]
            flows = [self._job(given, code, f"{first}-{last}", last - first + 1) for first, last in parts]
            try:
                results = yield from parallel(flows)
            except CloudAIError as error:
                # The pages that were read are paid for: the error hands over the text of each job.
                if isinstance(error.partial, list):
                    error.partial = [result and _text(result.read_results, given) for result in error.partial]
                raise
        read = sorted([page for result in results for page in result.read_results], key=lambda page: page.page)
        # A page that is missing in the middle would be a text with a gap that nobody sees.
        if not read or [page.page for page in read] != list(range(1, len(read) + 1)):
            raise MalformedResponseError("the pages of the reply are not those of the document")
        return _text(
            read,
            given,
            # The free tier reads the first two pages of every document, and says nothing of it.
            truncated=pages is not None and len(read) < pages,
            meta=Meta(model=results[0].model_version, language_sent=code),
        )

    def _job(self, given: Picture, code: str | None, pages: str | None, units: int) -> Flow[ReadResults]:
        """Send a picture, a document or some of its pages, and poll the job until it is done; return what it has read.

        https://learn.microsoft.com/rest/api/computervision/read/read

        Raises:
            ServerError: The job has failed.
            MalformedResponseError: The job has no address, no state that is known, or no result.
        """
        to: dict[str, Any] = {"service": "vision", "api": API_3, "endpoint": self.base("vision")}
        read = f"{self.base('vision')}/vision/{API_3}/read"
        response: Response = yield Request(
            "POST",
            f"{read}/analyze",
            params={**({"language": code} if code else {}), **({"pages": pages} if pages else {})},
            billed=units,
            **to,
            **picture_body(given),
        )
        # Only the identifier is taken from the reply: the key goes to the user's own endpoint, whatever the reply says.
        job = JOB.fullmatch(response.headers.get("operation-location", ""))
        if job is None:
            raise MalformedResponseError("the job has no address")
        delay = FIRST_POLL
        while True:
            response = yield Request("GET", f"{read}/analyzeResults/{job[1]}", delay=delay, billed=0, **to)
            reply = response.parse(Job)
            if reply.status == "failed":
                raise ServerError("the job failed inside the service", status=response.status, code="failed")
            if reply.status == "succeeded" and reply.analyze_result is not None:
                return reply.analyze_result
            if reply.status not in ("notStarted", "running"):
                raise MalformedResponseError(f"the job has no result, and the status {reply.status[:40]!r}")
            delay = min(delay * 1.5, LONGEST_POLL)


class ReadWord(Wire):
    text: str
    # The service gives the four corners as eight numbers in a row.
    bounding_box: list[float] = Field(default_factory=list)
    confidence: float | None = None


class Style(Wire):
    name: str = ""


class Appearance(Wire):
    style: Style = Field(default_factory=Style)


class ReadLine(Wire):
    text: str
    bounding_box: list[float] = Field(default_factory=list)
    words: list[ReadWord] = Field(default_factory=list)
    language: str | None = None
    appearance: Appearance = Field(default_factory=Appearance)


class ReadPage(Wire):
    """A page; positions are in its unit, "pixel" or, in a PDF, "inch"."""

    page: int
    angle: float | None = None
    width: float | None = None
    height: float | None = None
    unit: str = "pixel"
    language: str | None = None
    lines: list[ReadLine] = Field(default_factory=list)


class ReadResults(Wire):
    read_results: list[ReadPage] = Field(default_factory=list)
    model_version: str | None = Field(default=None, validation_alias="model-version")


class Job(Wire):
    status: str
    analyze_result: ReadResults | None = None


def _text(read: Sequence[ReadPage], given: Picture, **facts: Any) -> Text:
    """Return the text of some pages, with further fields of `Text`."""
    pages = [_page(page, given) for page in read]
    return Text(
        text=paragraphs([(page["number"], line) for page in pages for line in _texts(page)]),
        pages=tuple(pages),  # type: ignore[arg-type]  # they become models, and are checked, all at once
        language=next((page.language for page in read if page.language), None),
        **facts,
    )


def _page(page: ReadPage, given: Picture) -> dict[str, Any]:
    """Return the fields of a page, with positions in pixels of the upright original, or in inches of a PDF."""
    is_pdf = page.unit == "inch"
    frame = given
    if isinstance(given, Document) or is_pdf:
        frame = Sheet.of(given, page.width, page.height, is_pdf=is_pdf)
    lines = tuple([_line(line, frame) for line in page.lines])
    return {
        "number": page.page,
        "blocks": ({"lines": lines},) if lines else (),
        "width": frame.width or page.width,
        "height": frame.height or page.height,
        "unit": "inch" if is_pdf else "px",
        "angle": page.angle,
        "language": page.language,
    }


def _line(line: ReadLine, frame: Picture) -> dict[str, Any]:
    words = [
        {"text": word.text, "confidence": word.confidence, **frame.outline(_corners(word.bounding_box))}
        for word in line.words
    ]
    style = line.appearance.style.name
    return {
        "text": line.text,
        "words": tuple(words),
        "language": line.language,
        "handwritten": style == "handwriting" if style else None,
        **frame.outline(_corners(line.bounding_box)),
    }


def _corners(numbers: Sequence[float]) -> list[Point]:
    return CORNERS.validate_python([{"x": x, "y": y} for x, y in zip(numbers[::2], numbers[1::2], strict=False)])


CORNERS = TypeAdapter(Corners, config=ConfigDict(defer_build=True))
"""Makes all corners of a word at once."""


def _texts(page: Mapping[str, Any]) -> list[str]:
    return [line["text"] for block in page["blocks"] for line in block["lines"]]
