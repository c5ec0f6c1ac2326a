"""The text in pictures and documents, read by Google Cloud Vision v1: ``images:annotate`` and ``files:annotate``.

https://cloud.google.com/vision/docs/ocr
https://cloud.google.com/vision/docs/reference/rest/v1/files/annotate
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from cloudai.core.flow import Flow, Request, Response, checked, parallel
from cloudai.errors import CloudAIError, MalformedResponseError, ServiceError
from cloudai.media import Image
from cloudai.media.document import Document, DocumentLimits, document
from cloudai.models.base import Meta
from cloudai.models.image import Page, Text
from cloudai.providers.base import capability
from cloudai.providers.google._service import RpcStatus
from cloudai.providers.google._text import joined, page_of, read
from cloudai.providers.google.vision import LIMITS, AnnotateReply, Vision, hint_of
from cloudai.providers.replies import inside
from cloudai.providers.wire import Wire

__all__ = ["Read"]

DOCUMENTS = DocumentLimits(who="Google Vision", max_bytes=LIMITS.max_bytes, schemes=("gs",))
PAGES_AT_ONCE = 5
"""The most pages of a document that one request asks for."""
MOST_PAGES = 2_000
"""The most pages of a document: https://cloud.google.com/vision/quotas"""


class Read(Vision):
    """The operation on text in pictures and documents."""

    @capability(
        "open",
        needs="an API key or a login",
        page="https://cloud.google.com/vision/docs/ocr",
        checked="2026-11-27",
        note="PDF and TIFF up to 7.3 MB, five pages a request, each page a unit; neither angle nor handwriting is told",
    )
    def read_text(self, image: Image, *, language: str | None, dense: bool | None) -> Flow[Text]:
        """Read the text in a picture, or on every page of a document, five pages a request.

        Text is taken to be dense, as in documents, unless ``dense=False``.
        """
        kind = "TEXT_DETECTION" if dense is False else "DOCUMENT_TEXT_DETECTION"
        given = yield from document(image, DOCUMENTS, LIMITS)
        if isinstance(given, Document):
            text = yield from self._of_document(given, kind, language)
        else:
            reply = yield from self.annotate(given, [{"type": kind}], language)
            text = read(reply.full_text_annotation, reply.text_annotations, given)
        return text.model_copy(update={"meta": Meta(language_sent=hint_of(language))})

    def pages_per_request(self, operation: str) -> int:
        """Return how many pages of a document one request asks for."""
        return PAGES_AT_ONCE if operation == "read_text" else super().pages_per_request(operation)

    def _of_document(self, given: Document, kind: str, language: str | None) -> Flow[Text]:
        """Ask for the first pages, whose reply says how many there are, and then for all others at the same time.

        Raises:
            CloudAIError: A request has failed; where others were answered, ``partial`` is a list of the texts of all
                requests, with None for each that failed.
            MalformedResponseError: The replies have other pages than the document.
        """
        # The number of pages of a PDF is not reliably known here, and every reply says it. So the first pages are asked
        # for alone, and all others at the same time afterwards.
        whole, first = yield from self._some(
            given, kind, language, None, min(given.pages or PAGES_AT_ONCE, PAGES_AT_ONCE)
        )
        # The number decides how many requests go out, and each is billed: a reply that is damaged must not send
        # thousands.
        if whole > MOST_PAGES:
            raise MalformedResponseError(
                f"the reply says that the document has {whole} pages; {MOST_PAGES} is the most"
            )
        numbers = range(len(first) + 1, whole + 1)
        groups = [numbers[at : at + PAGES_AT_ONCE] for at in range(0, len(numbers), PAGES_AT_ONCE)]
        flows = [self._some(given, kind, language, group, len(group)) for group in groups]
        try:
            others = (yield from parallel(flows)) if flows else []
        except CloudAIError as error:
            # The pages that were read are paid for: the error hands over the text of each request.
            if isinstance(error.partial, list):
                error.partial = [joined(first), *(answer and joined(answer[1]) for answer in error.partial)]
            raise
        pages = [*first, *(page for _, some in others for page in some)]
        # A text in which a page is missing would look like the whole document.
        if [page.number for page in pages] != list(range(1, whole + 1)):
            raise MalformedResponseError(f"the document has {whole} pages, and the replies have others")
        return joined(pages)

    def _some(
        self, given: Document, kind: str, language: str | None, pages: Sequence[int] | None, units: int
    ) -> Flow[tuple[int, list[Page]]]:
        """Send a document, and return its number of pages, and those that were asked for; None asks for the first five.

        Args:
            given: The document.
            kind: The type of the feature.
            language: The language of the text, as the user gave it.
            pages: The numbers of the pages, from 1.
            units: How many pages the vendor counts.
        """
        # The document goes out as it is, in every request anew: the API has no way to keep it between two of them.
        source = {"gcsSource": {"uri": given.uri}} if given.by_reference else {"content": given.blob}
        item: dict[str, Any] = {
            "inputConfig": {**source, "mimeType": given.media_type},
            "features": [{"type": kind}],
        }
        if language:
            item["imageContext"] = {"languageHints": [hint_of(language)]}
        if pages:
            item["pages"] = list(pages)
        response: Response = yield Request(
            "POST",
            f"{self.vision_base()}/v1/files:annotate",
            service="vision",
            api="v1",
            endpoint=self.endpoint_of("vision"),
            json={"requests": [item]},
            billed=units,
            error_in=self._error_of_file,
        )
        files = response.parse(Annotated).responses
        if len(files) != 1:
            raise MalformedResponseError(f"one document was sent, {len(files)} replies came")
        if (error := self._error_of_file(response)) is not None:
            raise error
        asked = pages or range(1, len(files[0].responses) + 1)
        if len(files[0].responses) != len(asked):
            raise MalformedResponseError(f"{len(asked)} pages were asked for, {len(files[0].responses)} came")
        return files[0].total_pages or len(asked), [
            _page(reply, given, number) for reply, number in zip(files[0].responses, asked, strict=True)
        ]

    def _error_of_file(self, response: Response) -> ServiceError | None:
        """Return the error of the document or of one of its pages that a reply of status 200 holds, or None."""
        # One page that failed fails the request, because a text with a gap would look like a whole one.
        errors = (self.error_of(checked(RpcStatus, error)) for error in _errors(response.json()))
        return next((error for error in errors if error is not None), None)


def _errors(body: Any) -> Iterator[dict[str, Any]]:
    file = inside(body, "responses", 0)
    pages = inside(file, "responses")
    for part in [file, *(pages if isinstance(pages, list) else [])]:
        if isinstance(error := inside(part, "error"), dict):
            yield error


class Context(Wire):
    page_number: int | None = None


class PageReply(AnnotateReply):
    """The reply to one page of a document. A page without text has its context alone."""

    context: Context = Field(default_factory=Context)


class FileReply(Wire):
    responses: list[PageReply] = Field(default_factory=list)
    # The field may be missing; the pages that came are then all there are.
    total_pages: int = 0


class Annotated(Wire):
    responses: list[FileReply]


def _page(reply: PageReply, given: Document, number: int) -> Page:
    """Return one page; raise MalformedResponseError where the reply is to another page than was asked for."""
    # Pages are matched by their order; where the reply names their numbers, the order is checked by them.
    if reply.context.page_number not in (None, number):
        raise MalformedResponseError(f"page {number} was asked for, and page {reply.context.page_number} came")
    pages = reply.full_text_annotation.pages if reply.full_text_annotation else []
    return page_of(pages[0], given, number) if pages else Page(number=number)
