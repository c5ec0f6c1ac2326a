"""Errors that hide in a reply of status 200: the service's fault is treated like the status it would have been."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Google, RateLimitedError, Response, ServerError
from tests.conftest import Caller
from tests.made_up.provider import Clock
from tests.support.batches import Batcher, Server, both
from tests.support.length import both_by_turns
from tests.support.paths import FIXTURES

KEY = "not-a-real-key"
PICTURE = FIXTURES / "나무.png"
SERVICE_AT_FAULT = ("2", "4", "13", "14", "InternalServerError", "ServiceUnavailable", "Timeout")
TOO_MANY = ("8", "TooManyRequests")


def vendor(code: str) -> tuple[Any, str, Any]:
    """Return the provider that has an error code, an operation and an input: numbers are Google's."""
    if code.isdecimal():
        return Google(api_key=KEY), "detect_faces", PICTURE
    return Azure(key=KEY, endpoint="https://made-up.example"), "sentiment", "맛있어요!"


def reply(code: str) -> Response:
    """Return a reply of status 200 with this error for its one item."""
    if code.isdecimal():
        body: Any = {"responses": [{"error": {"code": int(code), "message": "try again"}}]}
    else:
        error = {"id": "0", "error": {"code": code, "message": "try again"}}
        body = {
            "kind": "SentimentAnalysisResults",
            "results": {"documents": [], "errors": [error], "modelVersion": "1"},
        }
    return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())


@pytest.mark.parametrize("code", SERVICE_AT_FAULT)
def test_a_fault_of_the_service_is_like_a_500(call: Caller, code: str) -> None:
    """It is sent once more, may have been billed both times, and its state is UNKNOWN."""
    provider, operation, given = vendor(code)
    sent: list[Any] = []

    def send(request: Any) -> Response:
        sent.append(request)
        return reply(code)

    options = {"language": "ko"} if operation == "sentiment" else {}
    with pytest.raises(ServerError) as caught:
        call(provider, operation, given, send=send, client_sleep=lambda _: None, **options)
    assert len(sent) == caught.value.attempts == 2
    assert (caught.value.billed_min, caught.value.billed_max, caught.value.state) == (0, 2, "UNKNOWN")


@pytest.mark.parametrize("code", TOO_MANY)
def test_too_many_requests_is_like_a_429(call: Caller, code: str) -> None:
    """It is sent three times, costs nothing, and its state is REFUSED."""
    provider, operation, given = vendor(code)
    options = {"language": "ko"} if operation == "sentiment" else {}
    clock = Clock()
    with pytest.raises(RateLimitedError) as caught:
        call(
            provider,
            operation,
            given,
            send=lambda _: reply(code),
            client_clock=clock,
            client_sleep=clock.sleep,
            **options,
        )
    assert caught.value.attempts == 3
    assert (caught.value.billed_min, caught.value.billed_max, caught.value.state) == (0, 0, "REFUSED")


@pytest.mark.parametrize("code", ["3", "7", "InvalidDocument"])
def test_a_fault_of_the_input_is_not_sent_again(call: Caller, code: str) -> None:
    """An input that is at fault is sent in one request, which is paid for, and not sent again."""
    provider, operation, given = vendor(code)
    options = {"language": "ko"} if operation == "sentiment" else {}
    with pytest.raises(cloudai.ServiceError) as caught:
        call(provider, operation, given, send=lambda _: reply(code), client_sleep=lambda _: None, **options)
    assert caught.value.attempts == 1
    assert caught.value.billed_max == 1


@pytest.mark.parametrize("code", [7, 14])
def test_an_address_that_google_cannot_fetch_is_the_inputs_fault(call: Caller, code: int) -> None:
    """Google says 7 or 14 of an address that is not accessible: one request, and the advice to give the file."""
    with pytest.raises(cloudai.BadRequestError, match="give the file") as caught:
        call(
            Google(api_key=KEY),
            "detect_faces",
            "https://made-up.example/a.jpg",
            send=lambda _: reply(str(code)),
            client_sleep=lambda _: None,
        )
    assert caught.value.attempts == 1


@pytest.mark.long
@both_by_turns("code", [*SERVICE_AT_FAULT, *TOO_MANY])
def test_a_batch_ends(code: str, colour: str) -> None:
    """A batch of one input whose replies all hold the error ends, its books balance, and the bill is bracketed."""
    provider, operation, given = vendor(code)
    clock, server = Clock(), Server(lambda _: reply(code))
    ask = Batcher(colour, provider, server, {"clock": clock, "sleep": clock.sleep})
    done = ask(operation, [given], options={"language": "ko"} if operation == "sentiment" else {})
    assert done.balanced
    assert done.books["done"] == 0
    if code in SERVICE_AT_FAULT:
        assert done.values() == ["in_doubt"]
        assert len(server.requests) == 2
    else:
        assert clock.now < 2000  # a quarter of an hour of nothing but that pauses it


@both
def test_one_item_of_a_joined_request_is_sent_again_alone(colour: str) -> None:
    """Of ten texts in one request one has a transient error: it alone is sent again, and the others are paid once."""
    sent: list[list[str]] = []

    def answer(request: Any) -> Response:
        documents = request.json["analysisInput"]["documents"]
        sent.append([document["text"] for document in documents])
        bad = [d for d in documents if d["text"] == "후기 3"] if len(sent) == 1 else []
        good = [d for d in documents if d not in bad]
        scores = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
        results = {
            "documents": [
                {"id": d["id"], "sentiment": "positive", "confidenceScores": scores, "sentences": [], "warnings": []}
                for d in good
            ],
            "errors": [{"id": d["id"], "error": {"code": "InternalServerError", "message": "x"}} for d in bad],
            "modelVersion": "1",
        }
        body = {"kind": "SentimentAnalysisResults", "results": results}
        return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())

    clock = Clock()
    provider = Azure(key=KEY, endpoint="https://made-up.example")
    ask = Batcher(colour, provider, Server(answer), {"clock": clock, "sleep": clock.sleep})
    done = ask("sentiment", [f"후기 {n}" for n in range(10)], options={"language": "ko"})
    assert done.books["done"] == 10
    assert sorted(map(len, sent)) == [1, 10]
    assert sent[1] == ["후기 3"]
