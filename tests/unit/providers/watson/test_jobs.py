"""Recordings that Watson takes as a job, because their speakers are told apart in one request alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cloudai import Client, MalformedResponseError, Resource, Response, ServerError, Watson
from cloudai.core.flow import Request
from cloudai.providers.watson import speech
from tests.support.listening import Said, recording

URL = "https://api.kr-seo.speech-to-text.watson.cloud.ibm.com"
HEARD: Mapping[str, Any] = {
    "result_index": 0,
    "results": [
        {
            "final": True,
            "alternatives": [
                {"transcript": "안녕하세요 네 ", "timestamps": [["안녕하세요", 0.4, 1.0], ["네", 9.0, 9.4]]}
            ],
        }
    ],
    "speaker_labels": [
        {"from": 0.4, "to": 1.0, "speaker": 0, "confidence": 0.8, "final": True},
        {"from": 9.0, "to": 9.4, "speaker": 1, "confidence": 0.8, "final": True},
    ],
}


@pytest.fixture(scope="module")
def said() -> Said:
    """Return a recording of three sentences, which lasts eleven seconds."""
    return recording(3)


class Jobs:
    """A server that replies with these states of a job, one after the other; give it as ``send=``."""

    def __init__(self, *states: Mapping[str, Any]) -> None:
        self.states = list(states)
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        body = json.dumps(self.states.pop(0)).encode()
        return Response(201 if request.method == "POST" else 200, {"content-type": "application/json"}, body)


@pytest.fixture(autouse=True)
def _small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request take 100 kB, because a recording of 100 MB takes a test too long."""
    monkeypatch.setattr(speech, "LIMITS", replace(speech.LIMITS, max_bytes=100_000))


def ask(server: Jobs, said: Said, **options: Any) -> Any:
    """Return the transcript of a recording of two speakers."""
    with Client(Watson(speech_to_text=Resource("canary-key-4711", URL)), send=server, sleep=lambda _: None) as client:
        return client.speech_to_text(said.wav(), language="ko", **options)


def test_speakers_of_a_large_recording_are_told_apart_in_one_job(said: Said) -> None:
    """The recording goes out whole, the job is polled, and a label is the same speaker from beginning to end."""
    begun = {"id": "j-1", "status": "waiting", "url": f"{URL}/v1/recognitions/j-1"}
    done = {"id": "j-1", "status": "completed", "results": [HEARD]}
    server = Jobs(begun, {"id": "j-1", "status": "processing"}, done)
    transcript = ask(server, said, speakers=2)
    first, *polls = server.requests
    assert (first.method, first.url) == ("POST", f"{URL}/v1/recognitions")
    assert first.params["speaker_labels"] == "true"
    assert {(poll.method, poll.url, poll.billed) for poll in polls} == {("GET", f"{URL}/v1/recognitions/j-1", 0)}
    assert [(s.speaker, s.text) for s in transcript] == [("0", "안녕하세요"), ("1", "네")]
    assert first.billed == 12
    assert "X-Watson-Learning-Opt-Out" in first.headers


def test_without_speakers_a_large_recording_is_cut(said: Said) -> None:
    """Pieces are written down side by side, and faster, where no speaker has to be known again."""
    server = Jobs(*[{**HEARD, "speaker_labels": []}] * 8)
    ask(server, said)
    assert len(server.requests) > 1
    assert {request.url for request in server.requests} == {f"{URL}/v1/recognize"}


@pytest.mark.parametrize(
    ("state", "error", "told"),
    [
        ({"id": "j-1", "status": "failed"}, ServerError, "failed inside the service"),
        ({"id": "j-1", "status": "completed"}, MalformedResponseError, "no results"),
        ({"id": "j-1", "status": "sleeping"}, MalformedResponseError, "sleeping"),
    ],
)
def test_a_job_that_fails_is_told(state: Mapping[str, Any], error: type[Exception], told: str, said: Said) -> None:
    """A job that has failed, has no results or an unknown state raises one error of ours."""
    with pytest.raises(error, match=told):
        ask(Jobs({"id": "j-1", "status": "waiting"}, state), said, speakers=2)
    with pytest.raises(MalformedResponseError, match="no identifier"):
        ask(Jobs({"status": "waiting"}), said, speakers=2)


@pytest.mark.parametrize("odd", [{}, {"id": "j-1"}, {"jobs": [1]}])
def test_a_reply_that_names_no_state_is_not_the_end_of_a_job(odd: Mapping[str, Any], said: Said) -> None:
    """The job is paid for, so that it is polled again after JSON of another shape."""
    server = Jobs({"id": "j-1", "status": "waiting"}, odd, {"id": "j-1", "status": "completed", "results": [HEARD]})
    assert ask(server, said, speakers=2).text == "안녕하세요 네"
    assert [request.method for request in server.requests] == ["POST", "GET", "GET"]
