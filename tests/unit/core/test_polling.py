"""Looking at a job that is paid for: whatever may pass by itself does not end it, and a later run looks again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Response
from tests.conftest import Caller
from tests.made_up.provider import Clock, MadeUp, ok
from tests.support.batches import Batcher, Server, both

JSON = {"content-type": "application/json"}
PASSING = {
    "truncated JSON": Response(200, JSON, b'{"st'),
    "a page of a gateway": Response(200, {"content-type": "text/html"}, b"<html>"),
    "an empty 204": Response(204, JSON, b""),
    "500": Response(500, JSON, b"{}"),
    "501": Response(501, JSON, b"{}"),
    "a redirect": Response(302, {"location": "/"}, b""),
    "one 404": Response(404, JSON, b"{}"),
    "429": Response(429, {**JSON, "retry-after": "1"}, b"{}"),
}
FOR_GOOD = {"400": Response(400, JSON, b"{}"), "403": Response(403, JSON, b"{}")}


def service(odd: Response, times: int = 1) -> Any:
    """Return a service that takes a job, and whose answers from the second look on are odd, so many times."""
    looks = 0

    def answer(request: Any) -> Response:
        nonlocal looks
        if request.method == "POST":
            return ok({"job": 1})
        looks += 1
        if 2 <= looks < 2 + times:
            return odd
        return ok({"code": "ko"} if looks > 2 + times else {})

    return answer


@pytest.mark.parametrize("odd", PASSING.values(), ids=PASSING)
def test_what_may_pass_does_not_end_a_job(call: Caller, odd: Response) -> None:
    """One odd reply between two good looks: the job's result comes, and it was sent and paid once."""
    clock = Clock()
    language = call(MadeUp(), "detect_language", "x", send=service(odd), client_clock=clock, client_sleep=clock.sleep)
    assert language.code == "ko"
    assert language.meta.billed_max == 1


def test_a_404_after_another_failure_does_not_end_a_job(call: Caller) -> None:
    """Only 404s in a row end a job: one that follows a 500, or that a 500 follows, is looked past."""
    clock = Clock()
    looks = iter([PASSING["500"], PASSING["one 404"], PASSING["500"], PASSING["one 404"]])

    def answer(request: Any) -> Response:
        return ok({"job": 1}) if request.method == "POST" else next(looks, ok({"code": "ko"}))

    language = call(MadeUp(), "detect_language", "x", send=answer, client_clock=clock, client_sleep=clock.sleep)
    assert language.code == "ko"
    assert language.meta.billed_max == 1


@pytest.mark.parametrize("state", ["[]", "null", '"x"', '{"done": "no"}', '{"done": null}', '{"name": 7}', "{}"])
def test_a_state_of_another_shape_does_not_end_a_job(call: Caller, state: str) -> None:
    """One look that gives good JSON of no known shape: Google's job is looked at again, and paid once."""
    clock, looks = Clock(), 0
    result = {"results": [{"alternatives": [{"transcript": "안녕하세요"}]}]}

    def answer(request: Any) -> Response:
        nonlocal looks
        if request.method == "POST":
            return ok({"name": "1"})
        looks += 1
        if looks == 2:
            return Response(200, JSON, state.encode())
        return ok({"name": "1", "done": True, "response": result} if looks > 3 else {"name": "1"})

    google, options = cloudai.Google(api_key="not-a-real-key"), {"client_clock": clock, "client_sleep": clock.sleep}
    said = call(google, "speech_to_text", "gs://bucket/연설.flac", language="ko", send=answer, **options)
    assert said.text == "안녕하세요"
    assert said.meta.billed_max == 1


@pytest.mark.parametrize("odd", FOR_GOOD.values(), ids=FOR_GOOD)
def test_what_will_not_pass_ends_a_job(call: Caller, odd: Response) -> None:
    """A refusal of the look itself is told at once."""
    clock = Clock()
    with pytest.raises(cloudai.ServiceError) as caught:
        call(MadeUp(), "detect_language", "x", send=service(odd), client_clock=clock, client_sleep=clock.sleep)
    assert caught.value.attempts == 3


def test_a_job_that_is_gone_ends(call: Caller) -> None:
    """Two 404 in a row say that there is no such job any more."""
    clock = Clock()
    gone = service(PASSING["one 404"], times=100)
    with pytest.raises(cloudai.BadRequestError):
        call(MadeUp(), "detect_language", "x", send=gone, client_clock=clock, client_sleep=clock.sleep)
    assert clock.now < 30


@both
@pytest.mark.parametrize("odd", [PASSING["truncated JSON"], PASSING["501"], PASSING["one 404"]])
def test_a_later_run_looks_again(odd: Response, colour: str, tmp_path: Path) -> None:
    """A job whose state could not be read until its time was up is looked at by the next run, and not sent anew."""
    clock = Clock()
    server = Server(service(odd, times=10**9))
    ask = Batcher(colour, MadeUp(), server, {"clock": clock, "sleep": clock.sleep})
    first = ask("detect_language", ["작업"], journal=tmp_path / "일.journal", options={"timeout": 20})
    assert first.books["done"] == 0
    server.answer = lambda _: ok({"code": "ko"})
    server.requests.clear()
    second = ask("detect_language", ["작업"], journal=tmp_path / "일.journal", options={"timeout": 20})
    assert second.books["done"] == 1
    assert {request.method for request in server.requests} == {"GET"}
