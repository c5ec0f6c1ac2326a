"""Events, and the logger beside them, say what a call does, and hold no secret and no text of a user."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Event, Google, Response
from tests.conftest import Caller
from tests.made_up.provider import Clock
from tests.support.played import PICTURE

KEY = "canary-key-4711"
TEXT = "맛있어요! canary-text-4712"
AZURE = Azure(key=KEY, endpoint="https://example.cognitiveservices.azure.com")
SHARES = {"positive": 1, "neutral": 0, "negative": 0}
GOOD = json.dumps(
    {"results": {"documents": [{"id": "0", "sentiment": "positive", "confidenceScores": SHARES}], "errors": []}}
).encode()


def told(
    call: Caller, *replies: Any, operation: str = "sentiment", given: Any = TEXT, provider: Any = AZURE
) -> list[Event]:
    """Return the events of a call with these replies in turn; each takes a second."""
    events: list[Event] = []
    clock, left = Clock(), list(replies)

    def send(_: Any) -> Response:
        clock.now += 1.0
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    options = {"language": "ko"} if operation == "sentiment" else {}
    try:
        call(
            provider,
            operation,
            given,
            send=send,
            client_on_event=events.append,
            client_clock=clock,
            client_sleep=clock.sleep,
            **options,
        )
    except cloudai.CloudAIError:
        pass
    return events


def test_an_event_says_which_call_and_how_long_and_how_much(call: Caller) -> None:
    """The request has its size and its units, the reply its size and duration, the result those of the whole call."""
    attempt, reply, result = told(call, Response(200, {}, GOOD))
    assert [event.kind for event in (attempt, reply, result)] == ["attempt", "reply", "result"]
    assert {event.service for event in (attempt, reply, result)} == {"language"}
    assert (attempt.units, reply.units, result.units) == (1, 1, 1)
    assert (attempt.duration, reply.duration, result.duration) == (None, 1.0, 1.0)
    assert reply.bytes == len(GOOD)
    assert len(TEXT.encode()) < (attempt.bytes or 0) < 1000
    assert (attempt.attempt, reply.status, result.error) == (1, 200, None)


def test_the_size_of_a_picture_is_that_of_the_body(call: Caller) -> None:
    """A picture in a JSON body counts as base64, and one that is the body as it is."""
    google = told(
        call,
        Response(200, {}, b'{"responses": [{}]}'),
        operation="detect_faces",
        given=PICTURE,
        provider=Google(api_key=KEY),
    )
    azure = told(call, Response(200, {}, b"[]"), operation="detect_faces", given=PICTURE)
    assert azure[0].bytes is not None
    assert google[0].bytes is not None
    assert google[0].bytes > azure[0].bytes * 4 / 3
    assert (google[0].service, azure[0].service) == ("vision", "face")


def test_all_events_of_a_call_have_one_identifier_and_no_other_call_has_it(call: Caller) -> None:
    """A wait names the error that it comes after, and what was refused was not counted."""
    busy = Response(503, {"retry-after": "2"}, b"{}")
    events = told(call, busy, Response(200, {}, GOOD))
    assert [event.kind for event in events] == ["attempt", "reply", "wait", "attempt", "reply", "result"]
    assert len({event.call for event in events}) == 1
    assert events[0].call
    assert (events[2].error, events[1].units, events[4].units, events[5].units) == ("UnavailableError", None, 1, 1)
    assert events[2].seconds >= 2
    assert events[5].duration == pytest.approx(2 + events[2].seconds)
    assert told(call, Response(200, {}, GOOD))[0].call != events[0].call


def test_a_failure_has_its_duration_and_the_result_what_may_have_been_counted(call: Caller) -> None:
    """A connection that breaks twice may have been counted twice."""
    lost = [cloudai.ConnectionLostError("broke"), cloudai.ConnectionLostError("broke")]
    events = told(call, *lost)
    assert [event.kind for event in events] == ["attempt", "failure", "wait", "attempt", "failure", "result"]
    assert (events[1].duration, events[1].error, events[2].error) == (1.0, "ConnectionLostError", "ConnectionLostError")
    assert (events[-1].units, events[-1].error) == (2, "ConnectionLostError")


def test_the_logger_tells_of_retries_and_waits(call: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """Waits are told at INFO, with the error before them, and every other step at DEBUG."""
    busy = Response(429, {"retry-after": "2"}, b'{"error": {"code": "429", "message": "canary-message-4713"}}')
    with caplog.at_level(logging.INFO, "cloudai"):
        told(call, busy, Response(200, {}, GOOD))
    # The call waits before its second attempt, and for the gate that the refusal has closed.
    assert {record.levelname for record in caplog.records} == {"INFO"}
    lines = [record.getMessage() for record in caplog.records]
    assert any(
        "azure sentiment (language)" in line and "wait 1, error RateLimitedError, seconds 2." in line for line in lines
    )
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "cloudai"):
        told(call, busy, Response(200, {}, GOOD))
    kinds = [record.getMessage().partition(": ")[2].split(" ")[0].rstrip(",") for record in caplog.records]
    assert [kind for kind in kinds if kind != "wait"] == ["attempt", "reply", "attempt", "reply", "result"]


def test_the_logger_alone_is_told_too(call: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody has to give ``on_event`` to see the steps in the log."""
    with caplog.at_level(logging.DEBUG, "cloudai"):
        call(AZURE, "sentiment", TEXT, language="ko", send=lambda _: Response(200, {}, GOOD))
    assert len(caplog.records) == 3


def test_events_and_the_log_hold_no_secret_and_no_text(
    call: Caller, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    """Neither the key nor the text nor the vendor's words are in them; the log has no name of a file either."""
    picture = tmp_path / "canary-file-4714.png"
    picture.write_bytes(PICTURE.read_bytes())
    refusal = Response(429, {"retry-after": "1"}, b'{"error": {"code": "429", "message": "canary-message-4713"}}')
    with caplog.at_level(logging.DEBUG, "cloudai"):
        events = told(call, refusal, refusal, refusal)
        events += told(call, refusal, Response(200, {}, b"[]"), operation="detect_faces", given=picture)
    shown = "\n".join(f"{event!r} {event}" for event in events)
    logged = "\n".join(f"{record!r} {record.getMessage()} {record.args!r}" for record in caplog.records)
    for canary in ("canary-key", "canary-text", "맛있어요", "canary-message"):
        assert canary not in shown
        assert canary not in logged
    assert "canary-file" not in "\n".join(record.getMessage() for record in caplog.records)
    assert "canary-file" in shown
    assert logged
