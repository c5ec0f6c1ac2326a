"""Watson's documented but unusual replies are read without a loss, or refused, and never read as nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cloudai
from cloudai import Resource, Response, Watson
from cloudai.errors import MalformedResponseError
from tests.conftest import Caller
from tests.support.played import GREETING

INSTANCE = Resource("not-a-real-key", "https://api.eu-de.example.watson.cloud.ibm.com/instances/1")
WATSON = Watson(nlu=INSTANCE, speech_to_text=INSTANCE)


def ask(call: Caller, operation: str, body: Any, before: bytes = b"") -> Any:
    """Return the result of a call that this body answers, behind these bytes."""
    reply = Response(200, {}, before + json.dumps(body).encode())
    given, language = (GREETING, "ko-KR") if operation == "speech_to_text" else ("좋아요", "ko")
    return call(
        WATSON,
        operation,
        given,
        send=lambda _: reply,
        client_max_attempts=1,
        client_sleep=lambda _: None,
        language=language,
    )


CLASSES = {
    400: cloudai.BadRequestError,
    401: cloudai.AuthError,
    403: cloudai.ForbiddenError,
    404: cloudai.BadRequestError,
    408: cloudai.ServerError,
    413: cloudai.TooLargeError,
    415: cloudai.UnsupportedMediaError,
    429: cloudai.RateLimitedError,
    500: cloudai.ServerError,
    503: cloudai.UnavailableError,
}


@pytest.mark.parametrize("operation", ["speech_to_text", "sentiment"])
@pytest.mark.parametrize("code", CLASSES)
def test_an_error_behind_the_blanks_has_the_class_of_its_code(call: Caller, operation: str, code: int) -> None:
    """The status has gone out before the service knows whether it succeeds, so that the error's code counts."""
    body = {"error": "no", "code": code, "code_description": "No"}
    with pytest.raises(cloudai.ServiceError, match="no") as raised:
        ask(call, operation, body, b"   \n ")
    assert type(raised.value) is CLASSES[code]
    assert (raised.value.status, raised.value.code) == (200, str(code))


@pytest.mark.parametrize("operation", ["speech_to_text", "sentiment"])
@pytest.mark.parametrize(
    "body",
    [{"error": "Session timed out."}, {"error": "no", "code": "odd"}, {"errors": [{"message": "no", "code": 500}]}],
)
def test_an_error_without_a_code_is_the_services_own(call: Caller, operation: str, body: Any) -> None:
    """An error that does not say whose fault it is counts as the service's, and may be tried again."""
    with pytest.raises(cloudai.ServerError):
        ask(call, operation, body)


def test_an_error_of_the_service_behind_the_blanks_is_tried_again(call: Caller) -> None:
    """An error inside a 200 is treated like its HTTP sibling."""
    bodies = [{"error": "no", "code": 503}, {"result_index": 0, "results": []}]
    replies = iter(Response(200, {}, b" " + json.dumps(body).encode()) for body in bodies)
    result = call(
        WATSON, "speech_to_text", GREETING, language="ko", send=lambda _: next(replies), client_sleep=lambda _: None
    )
    assert (result.text, result.meta.attempts) == ("", 2)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"result_index": 0},
        {"new": []},
        {"results": None},
        {"results": [{"new": 1}]},
        {"results": [{"alternatives": [{"text": "안녕"}]}]},
    ],
)
def test_a_recognition_that_holds_nothing_known_is_an_error(call: Caller, body: Any) -> None:
    """A 200 without anything that we know is never an empty transcript; silence has empty results."""
    with pytest.raises(MalformedResponseError):
        ask(call, "speech_to_text", body)
    assert ask(call, "speech_to_text", {"results": []}).text == ""


def test_a_sentiment_may_lack_its_score_or_its_label(call: Caller) -> None:
    """IBM's own package calls both optional; a reply with neither is an error."""
    said = ask(call, "sentiment", {"sentiment": {"document": {"label": "negative"}}})
    assert (said.label, said.score) == ("negative", None)
    assert ask(call, "sentiment", {"sentiment": {"document": {"score": 0.9}}}).label == "positive"
    with pytest.raises(MalformedResponseError, match="neither"):
        ask(call, "sentiment", {"sentiment": {"document": {"mixed": "1"}}})


def test_an_error_about_a_word_does_not_show_it(call: Caller) -> None:
    """What somebody has said stands in no error: it would get into logs."""
    heard = {"transcript": "비밀 ", "timestamps": [["비밀", "0.4", 1.0]]}
    with pytest.raises(MalformedResponseError, match="a word came without its numbers") as caught:
        ask(call, "speech_to_text", {"results": [{"final": True, "alternatives": [heard]}]})
    assert "비밀" not in str(caught.value)
