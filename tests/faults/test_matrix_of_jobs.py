"""Faults while a job is polled x both clients: whatever becomes of the polls, the job is begun and paid for once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

import cloudai
from cloudai import Azure
from tests.made_up.calls import KEY, Skipping, as_json, ask
from tests.made_up.faults import halves, reply
from tests.made_up.server import Connection, Fault, faultd
from tests.support.documents import pdf
from tests.support.length import both_by_turns

pytestmark = pytest.mark.loopback
ENDPOINT = "https://example.cognitiveservices.azure.com"
JOB = f"{ENDPOINT}/vision/v3.2/read/analyzeResults/49a36324-fc4b-4387-aa06-090cfbf0064f"
PAGES = 2
LINE = {"boundingBox": [0, 0, 1, 0, 1, 1, 0, 1], "text": "나무", "words": []}
RESULT = {
    "status": "succeeded",
    "analyzeResult": {
        "version": "3.2.0",
        "readResults": [
            {"page": page, "angle": 0, "width": 8, "height": 11, "unit": "inch", "lines": [LINE]}
            for page in range(1, PAGES + 1)
        ],
    },
}


def state(word: str) -> Fault:
    """Return a reply that says that the job has this state."""
    return reply(as_json({"status": word}))


def refused(line: str, *headers: str) -> Fault:
    """Return an error in JSON."""
    return reply(as_json({"error": {"code": "x", "message": "no"}}), line, *headers)


begun: Fault = reply(b"", "202 Accepted", f"Operation-Location: {JOB}")
done: Fault = reply(as_json(RESULT))


def short(c: Connection) -> None:
    """Send half of the result."""
    halves(c, as_json(RESULT), lambda: None)


@dataclass(frozen=True)
class Cell:
    """Answers of the service in order, the last one for all further requests, and what a call makes of them."""

    starts: Sequence[Fault]
    polls: Sequence[Fault]
    error: str = ""
    state: str = "DONE"
    started: int = 1
    """Requests that begin the job."""
    polled: int | None = None
    """Requests that ask for its state; by default one for each answer."""
    billed_max: int = PAGES


def polls(*answers: Fault, **facts: Any) -> Cell:
    """Return a case whose job begins well, and whose polls get these answers."""
    return Cell([begun], [state("running"), *answers], **facts)


CELLS: dict[str, Cell] = {
    "good": polls(done),
    # A fault that passes by itself is polled again.
    "closed before headers": polls(lambda _: None, done),
    "reset": polls(lambda c: c.reset(), done),
    "half of the result": polls(short, done),
    "empty reply": polls(reply(b""), done),
    "a page of a gateway": polls(reply(b"<html>", kind="text/html"), done),
    "500": polls(refused("500 Internal Server Error"), refused("500 Internal Server Error"), done),
    "502 four times": polls(*[refused("502 Bad Gateway")] * 4, done),
    "503 with a hint": polls(refused("503 Service Unavailable", "Retry-After: 2"), done),
    "429 five times": polls(*[refused("429 Too Many Requests", "Retry-After: 1")] * 5, done),
    "404 once": polls(refused("404 Not Found"), done),
    "a redirect": polls(refused("302 Found", "Location: https://elsewhere.example/"), done),
    # A fault that does not pass by itself ends the call.
    "404 twice": polls(refused("404 Not Found"), refused("404 Not Found"), error="BadRequestError", state="REFUSED"),
    "401": polls(refused("401 Unauthorized"), error="AuthError", state="REFUSED"),
    "400": polls(refused("400 Bad Request"), error="BadRequestError", state="REFUSED"),
    "the job fails": polls(state("failed"), error="ServerError"),
    "an unknown state": polls(state("paused"), error="MalformedResponseError", state="UNKNOWN"),
    "no state": polls(reply(b"{}"), error="MalformedResponseError", state="UNKNOWN"),
    "it never ends": polls(state("running"), error="DeadlineExceededError", polled=-1),
    "no poll is ever answered": polls(lambda c: c.reset(), error="ConnectionLostError", polled=-1, state="UNKNOWN"),
    # The fault comes before there is a job.
    "begun at the second attempt": Cell(
        [refused("500 Internal Server Error"), begun], [done], started=2, billed_max=2 * PAGES
    ),
    "put off": Cell([refused("429 Too Many Requests", "Retry-After: 1"), begun], [done], started=2),
    "no address of the job": Cell([reply(b"", "202 Accepted")], [], "MalformedResponseError", "UNKNOWN"),
    "the address of another server": Cell(
        [reply(b"", "202 Accepted", "Operation-Location: https://elsewhere.example/")],
        [],
        "MalformedResponseError",
        "UNKNOWN",
    ),
    "never begun": Cell(
        [refused("500 Internal Server Error")],
        [],
        "ServerError",
        "UNKNOWN",
        started=2,
        billed_max=2 * PAGES,
    ),
}


def service(cell: Cell) -> Callable[[Connection], None]:
    """Return a server that answers as the cell says."""
    left = {"POST": list(cell.starts), "GET": list(cell.polls)}

    def serve(c: Connection) -> None:
        answers = left[c.method]
        (answers.pop(0) if len(answers) > 1 else answers[0])(c)

    return serve


@both_by_turns("name", CELLS)
def test_a_fault_in_a_job(name: str, colour: str) -> None:
    """A call ends as the matrix says: polls go on while that may help, and no fault of a poll begins the job anew."""
    cell, clock = CELLS[name], Skipping()
    azure = Azure(key=KEY, endpoint=ENDPOINT)
    with faultd(service(cell)) as server:
        given = {"clock": clock, "timeout": 60.0, "language": "ko"}
        if cell.error:
            with pytest.raises(cloudai.CloudAIError) as caught:
                ask(colour, azure, server.url, "read_text", pdf(PAGES), **given)
            facts: Any = caught.value
            assert (type(facts).__name__, facts.state) == (cell.error, cell.state)
            assert KEY not in str(facts)
        else:
            text = ask(colour, azure, server.url, "read_text", pdf(PAGES), **given)
            facts = text.meta
            assert [page.text for page in text.pages] == ["나무"] * PAGES
    methods = [request.split(b" ", 1)[0] for request in server.requests]
    assert methods.count(b"POST") == cell.started
    assert methods[: cell.started] == [b"POST"] * cell.started
    if cell.polled is None:
        assert methods.count(b"GET") == len(cell.polls)
    else:
        assert methods.count(b"GET") > len(cell.polls)
    assert facts.attempts == len(methods)
    assert facts.billed_max == cell.billed_max
    assert facts.billed_min == (0 if facts.billed_max and name in UNPAID else PAGES)
    assert sum(clock.slept) <= 60


UNPAID = ("never begun", "no address of the job", "the address of another server")
"""Faults after which it is not known whether anything was paid for, because no job is known to have begun."""
