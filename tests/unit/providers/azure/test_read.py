"""Text that Azure reads in pictures and documents, from constructed cassettes, under both clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudai import Azure, MalformedResponseError, Response, ServerError
from cloudai.testing import Script
from tests.conftest import Caller
from tests.support.batches import Batcher
from tests.support.documents import packed_pdf, pdf, tiff
from tests.support.played import PICTURE, Cassettes

CASSETTES = Cassettes("azure")
ENDPOINT = "https://example.cognitiveservices.azure.com"
AZURE = Azure(key="not-a-real-key", endpoint=ENDPOINT)
READ = f"{ENDPOINT}/vision/v3.2/read"


def ask(call: Caller, name: str, given: Any, *, api: Any = None, **options: Any) -> Any:
    """Make one call that is answered from a cassette."""
    return CASSETTES.ask(call, name, Azure(api=api), "read_text", given, **options)


def test_a_picture_goes_to_image_analysis_4(call: Caller) -> None:
    """One request reads a picture: lines, words, their places and how sure each is."""
    text = ask(call, "read_text-success", PICTURE, language="ko")
    assert text.text == "나무 그늘\n쉼터"
    word = text.lines[0].words[1]
    assert (word.text, word.confidence, word.box.x, word.box.width) == ("그늘", 0.97, 110, 100)
    assert (text.pages[0].width, text.pages[0].height, text.pages[0].unit) == (640, 480, "px")
    assert (text.meta.api_version, text.meta.language_sent) == ("2023-10-01", None)
    assert text.lines[0].handwritten is None


def test_a_picture_without_text(call: Caller) -> None:
    """A reply without blocks is an empty text with one row in the table."""
    text = ask(call, "read_text-empty", PICTURE)
    assert (text.text, [row["status"] for row in text.to_rows()]) == ("", ["none_found"])


def test_a_picture_goes_to_read_3_2_where_that_is_chosen(call: Caller) -> None:
    """api="3.2" has a job read the picture, which also tells the angle of the text."""
    text = ask(call, "read_text-picture-3", PICTURE, api="3.2")
    assert (text.text, text.pages[0].angle, text.meta.api_version) == ("나무 그늘", -12.5, "v3.2")
    assert text.to_rows()[0]["angle"] == -12.5


def test_a_document_of_twelve_pages_is_one_job(call: Caller) -> None:
    """Every page comes once and in order, an empty one too; requests are counted; positions are inches."""
    text = ask(call, "read_text-document", pdf(12), language="ko-KR")
    assert [page.number for page in text.pages] == list(range(1, 13))
    assert text.pages[11].text == "12쪽 계약 조건\n홍길동 서명"
    assert (text.pages[6].text, len(text), text.language) == ("", 22, "ko")
    assert text.meta.attempts == 4
    assert [line.handwritten for line in text.lines[:2]] == [False, True]
    box = text.lines[0].box
    assert (box.x, box.width, box.image_size, text.pages[0].unit) == (1, 4, None, "inch")
    row = text.to_rows()[1]
    assert [row[name] for name in ("page", "text", "angle", "language", "handwritten", "unit")] == [
        *(1, "홍길동 서명", 0.5, "ko", True, "inch")
    ]
    assert (text.truncated, text.meta.model, text.meta.language_sent) == (False, "2022-04-30", "ko")


def test_a_job_that_fails_is_an_error_of_the_service(call: Caller) -> None:
    """The error says that the job has failed, and counts what was paid for it."""
    with pytest.raises(ServerError, match="the job failed inside the service") as raised:
        ask(call, "read_text-job-fails", pdf(3))
    assert raised.value.code == "failed"


def job(number: int = 1, host: str = ENDPOINT) -> Response:
    """Return the reply that takes a job."""
    return Response(202, {"operation-location": f"{host}/vision/v3.2/read/analyzeResults/job-{number}"}, b"")


def done(*pages: int, unit: str = "pixel") -> Response:
    """Return the reply of a job that has read these pages, each with one line."""
    corners = [1, 2, 9, 2, 9, 4, 1, 4]
    read = [
        {"page": n, "width": 85, "height": 110, "unit": unit, "lines": [{"text": f"{n}", "boundingBox": corners}]}
        for n in pages
    ]
    return Response(200, {}, json.dumps({"status": "succeeded", "analyzeResult": {"readResults": read}}).encode())


def asked(call: Caller, given: Any, *replies: Response, azure: Azure = AZURE, **options: Any) -> tuple[Any, list[Any]]:
    """Return the result of a call, and its requests."""
    script = Script(*replies)
    text = call(azure, "read_text", given, send=script, client_sleep=lambda _: None, **options)
    return text, script.requests


def test_the_key_goes_to_the_own_endpoint_only(call: Caller) -> None:
    """A job is looked at under the user's own endpoint, wherever the reply says that it is."""
    _, requests = asked(call, tiff(2), job(host="https://elsewhere.example"), done(1, 2))
    assert [request.url for request in requests] == [f"{READ}/analyze", f"{READ}/analyzeResults/job-1"]
    assert (requests[0].billed, requests[1].billed) == (2, 0)
    assert requests[0].params == {}
    assert requests[0].headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("location", ["", "https://e.example/elsewhere/1", f"{READ}/analyzeResults/../../x?y=1"])
def test_a_job_without_an_address_is_refused(call: Caller, location: str) -> None:
    """A reply that does not say where the job is cannot be used."""
    with pytest.raises(MalformedResponseError, match="the job has no address"):
        asked(call, pdf(1), Response(202, {"operation-location": location}, b""))


@pytest.mark.parametrize("body", [{"status": "cancelled"}, {"status": "succeeded"}, {}])
def test_a_job_in_no_known_state_is_refused(call: Caller, body: Any) -> None:
    """A status that nobody documents, and a success without a result, end the call."""
    with pytest.raises(MalformedResponseError):
        asked(call, pdf(1), job(), Response(200, {}, json.dumps(body).encode()))


def test_the_free_tier_reads_two_pages_and_that_is_told(call: Caller) -> None:
    """Fewer pages than the document has are all that was read, and the result says so."""
    text, _ = asked(call, pdf(5), job(), done(1, 2))
    assert (len(text.pages), text.truncated) == (2, True)
    assert (text.meta.billed_min, text.meta.billed_max) == (5, 5)


@pytest.mark.parametrize("pages", [(1, 3), (1, 1, 2), (2, 3), ()])
def test_pages_that_are_not_those_of_the_document_are_refused(call: Caller, pages: tuple[int, ...]) -> None:
    """No page is lost or doubled without an error."""
    with pytest.raises(MalformedResponseError, match="the pages of the reply"):
        asked(call, pdf(3), job(), done(*pages))


def test_a_very_long_document_takes_a_job_for_each_hundred_pages() -> None:
    """Each job reads its own pages, and the result has all of them in order."""
    ranges = {"1-100": 1, "101-200": 2, "201-230": 3}

    def answer(request: Any) -> Response:
        if request.method == "POST":
            return job(ranges[request.params["pages"]])
        number = int(request.url[-1])
        return done(*range(100 * number - 99, min(100 * number, 230) + 1))

    batch = Batcher("blocking", AZURE, answer, {"sleep": lambda _: None})("read_text", [packed_pdf(230)], plan=True)
    assert batch.plan is not None
    assert (batch.plan.requests, batch.plan.units, batch.plan.refused) == (3, 230, ())
    text = Caller("blocking")(AZURE, "read_text", packed_pdf(230), send=answer, client_sleep=lambda _: None)
    assert [page.number for page in text.pages] == list(range(1, 231))
    assert (text.meta.billed_max, text.meta.attempts) == (230, 6)


def test_the_pages_of_the_other_jobs_are_not_lost(call: Caller) -> None:
    """Where one of several jobs fails, the error has the texts of the others in their places."""

    def answer(request: Any) -> Response:
        if request.method == "POST":
            return job({"1-100": 1, "101-200": 2, "201-230": 3}[request.params["pages"]])
        number = int(request.url[-1])
        failed = Response(200, {}, b'{"status": "failed"}')
        return failed if number == 2 else done(*range(100 * number - 99, min(100 * number, 230) + 1))

    with pytest.raises(ServerError, match="the job failed") as raised:
        call(AZURE, "read_text", packed_pdf(230), send=answer, client_sleep=lambda _: None)
    first, second, third = raised.value.partial
    assert ([page.number for page in first.pages], second) == (list(range(1, 101)), None)
    assert [third.pages[0].number, third.pages[-1].text] == [201, "230"]


def test_a_document_at_an_address_is_passed_on(call: Caller) -> None:
    """Azure fetches a PDF itself."""
    _, requests = asked(call, "https://pages.example/계약.pdf", job(), done(1, unit="inch"), language="zh-CN")
    assert (requests[0].json, requests[0].params) == (
        {"url": "https://pages.example/계약.pdf"},
        {"language": "zh-Hans"},
    )


def test_every_cassette_is_played() -> None:
    """No cassette of this operation lies about unused."""
    CASSETTES.require_all("read_text")
