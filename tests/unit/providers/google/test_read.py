"""Text that Google reads in pictures and documents, from constructed cassettes, under both clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudai import BadRequestError, Google, InputError, MalformedResponseError, Request, Response
from cloudai.testing import Script
from tests.conftest import Caller
from tests.support.documents import pdf, tiff
from tests.support.played import PICTURE, Cassettes

CASSETTES = Cassettes("google")
GOOGLE = Google(api_key="not-a-real-key")


def ask(call: Caller, name: str, given: Any, **options: Any) -> Any:
    """Make one call that is answered from a cassette."""
    return CASSETTES.ask(call, name, Google(), "read_text", given, **options)


def test_korean_text_keeps_its_paragraphs(call: Caller) -> None:
    """Lines, words and places come as the vendor has them, and a blank line parts two blocks."""
    text = ask(call, "read_text-success", PICTURE, language="ko-KR")
    assert text.text == "나무 그늘\n쉼터\n\n쓰레기는 집으로"
    assert [line.text for line in text] == ["나무 그늘", "쉼터", "쓰레기는 집으로"]
    (page,) = text.pages
    assert (page.number, page.width, page.height, page.unit, page.language) == (1, 640, 480, "px", "ko")
    word = text.lines[0].words[1]
    assert (word.text, word.confidence, word.box.x, word.box.width) == ("그늘", 0.98, 110, 80)
    assert [point.y for point in word.polygon] == [20, 20, 50, 50]
    assert text.meta.language_sent == "ko"
    row = text.to_rows()[2]
    assert [row[name] for name in ("page", "block", "line", "text", "unit")] == [1, 1, 0, "쓰레기는 집으로", "px"]
    assert (row["angle"], row["handwritten"]) == (None, None)


def test_a_sign_is_asked_for_as_one(call: Caller) -> None:
    """dense=False asks for TEXT_DETECTION, whose flat list of words becomes lines, too."""
    text = ask(call, "read_text-sign", PICTURE, dense=False)
    assert (text.text, [word.text for word in text.lines[0].words]) == ("출구 3", ["출구", "3"])


def test_a_picture_without_text(call: Caller) -> None:
    """An empty reply is an empty text with one row in the table."""
    text = ask(call, "read_text-empty", PICTURE)
    assert (text.text, len(text), [row["status"] for row in text.to_rows()]) == ("", 0, ["none_found"])


def test_a_document_of_twelve_pages_takes_three_calls(call: Caller) -> None:
    """Every page comes once and in order, an empty one too; requests are counted; positions are inches."""
    text = ask(call, "read_text-document", pdf(12), language="ko")
    assert [page.number for page in text.pages] == list(range(1, 13))
    assert [page.text for page in text.pages[:2]] == ["1쪽 계약 조건\n\n끝", "2쪽 계약 조건\n\n끝"]
    assert (text.pages[6].text, len(text)) == ("", 22)
    assert text.meta.attempts == 3
    page = text.pages[11]
    assert (page.width, page.height, page.unit) == (8.5, 11, "inch")
    box = text.lines[0].box
    assert (box.x, box.y, box.image_size) == (8.5 / 8, 11 / 8, None)
    assert len(text.lines[0].words[0].polygon) == 4
    assert {row["unit"] for row in text.to_rows()} == {"inch"}
    assert text.text.startswith("1쪽 계약 조건\n\n끝\n\n2쪽 계약 조건")


def test_one_page_that_cannot_be_read_is_an_error(call: Caller) -> None:
    """The error of one page is raised, because a text without that page would look whole."""
    with pytest.raises(BadRequestError, match="Bad image data"):
        ask(call, "read_text-bad-page", pdf(2))
    with pytest.raises(BadRequestError, match="Unable to parse the PDF"):
        ask(call, "read_text-bad-document", pdf(1))


def sent(call: Caller, given: Any, *replies: Any, **options: Any) -> list[Any]:
    """Return the bodies of the requests of a call."""
    script = Script(*[Response(200, {}, json.dumps(reply).encode()) for reply in replies])
    call(GOOGLE, "read_text", given, send=script, **options)
    return [request.json for request in script.requests]


def reply(*numbers: int, total: int, size: tuple[int, int] = (85, 110)) -> dict[str, Any]:
    """Return a reply about these pages, of which each has one word with a place in fractions."""
    corners = [{"x": 0.5, "y": 0.1}, {"x": 0.9, "y": 0.1}, {"x": 0.9, "y": 0.2}, {"x": 0.5, "y": 0.2}]
    word = {"symbols": [{"text": "가"}], "boundingBox": {"normalizedVertices": corners}}
    page = {"width": size[0], "height": size[1], "blocks": [{"paragraphs": [{"words": [word]}]}]}
    pages = [
        {"context": {"pageNumber": number}, "fullTextAnnotation": {"text": "가", "pages": [page]}} for number in numbers
    ]
    return {"responses": [{"responses": pages, "totalPages": total}]}


def test_a_tiff_of_several_pages(call: Caller) -> None:
    """A TIFF goes to files:annotate with its own media type, and its positions are pixels of the page."""
    script = Script(Response(200, {}, json.dumps(reply(1, 2, total=2)).encode()))
    text = call(GOOGLE, "read_text", tiff(2), send=script)
    (item,) = script.requests[0].json["requests"]
    assert (script.requests[0].billed, item["inputConfig"]["mimeType"]) == (2, "image/tiff")
    assert "pages" not in item
    box = text.lines[1].box
    assert (box.x, box.image_size, text.pages[1].unit) == (42.5, (85, 110), "px")


def test_a_document_in_a_bucket(call: Caller) -> None:
    """A gs:// address is passed on; the pages are counted from the reply."""
    first, second = sent(call, "gs://bucket/계약.pdf", reply(1, 2, 3, 4, 5, total=6), reply(6, total=6))
    assert first["requests"][0]["inputConfig"] == {
        "gcsSource": {"uri": "gs://bucket/계약.pdf"},
        "mimeType": "application/pdf",
    }
    assert second["requests"][0]["pages"] == [6]
    with pytest.raises(InputError, match="Google Vision does not fetch"):
        sent(call, "https://pages.example/계약.pdf")


@pytest.mark.parametrize(
    "replies",
    [
        [reply(1, 2, 3, 4, 5, total=7), reply(6, total=7)],
        [reply(1, 2, 3, 4, 5, total=7), reply(7, 6, total=7)],
        [reply(1, 2, 2, total=3)],
        [reply(1, 2, 3, total=2)],
        [{"responses": []}],
        [reply(1, 2, 3, 4, 5, total=10_000_000)],
    ],
    ids=["one is missing", "out of order", "twice the same", "more than there are", "no document", "ten million"],
)
def test_pages_that_are_not_those_of_the_document_are_refused(call: Caller, replies: list[Any]) -> None:
    """No page is lost, doubled or put in another's place without an error."""
    with pytest.raises(MalformedResponseError):
        sent(call, pdf(7), *replies)


def test_the_pages_of_the_other_requests_are_not_lost(call: Caller) -> None:
    """Where one of several requests fails, the error has the texts of the others in their places, the first too."""

    def answer(request: Request) -> Response:
        numbers = request.json["requests"][0].get("pages") or range(1, 6)
        if 6 in numbers:
            return Response(400, {}, b"{}")
        return Response(200, {}, json.dumps(reply(*numbers, total=12)).encode())

    with pytest.raises(BadRequestError) as raised:
        call(GOOGLE, "read_text", pdf(12), send=answer)
    first, second, third = raised.value.partial
    assert ([page.number for page in first.pages], second) == ([1, 2, 3, 4, 5], None)
    assert [page.number for page in third.pages] == [11, 12]


def test_every_cassette_is_played() -> None:
    """No cassette of this operation lies about unused."""
    CASSETTES.require_all("read_text")
