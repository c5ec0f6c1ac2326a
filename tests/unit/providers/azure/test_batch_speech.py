"""Azure's batch transcription: a recording at an address is written down by a job, and its key is nowhere."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudai import (
    Azure,
    BadRequestError,
    CloudAIError,
    MalformedResponseError,
    Resource,
    Response,
    ServerError,
    SettingsError,
    TooLargeError,
    UnsupportedOperationError,
)
from cloudai.core.flow import Request
from cloudai.testing import record, replay
from tests.conftest import Caller
from tests.made_up.provider import Clock
from tests.support.batches import Batcher, both

HOST = "https://example.cognitiveservices.azure.com"
JOBS = f"{HOST}/speechtotext/transcriptions"
JOB = f"{JOBS}/0b1c2d3e-4711-4c5b-9a51-0c2b8e6d4f10"
THEIRS, OURS = "canary-of-the-result-4711", "canary-of-the-user-0815"
RECORDING = f"https://sounds.example/강의.mp3?sp=r&sig={OURS}"
STORED = f"https://results.blob.core.windows.net/a/contenturl_0.json?sv=2024-08-04&se=2026-12-01T00%3A00Z&sig={THEIRS}"
REPORT = STORED.replace("contenturl_0", "report")
HEARD: Mapping[str, Any] = {
    "source": RECORDING,
    "durationInTicks": 93_000_000_000,
    "combinedRecognizedPhrases": [{"channel": 0, "display": "안녕하세요. 네."}],
    "recognizedPhrases": [
        {
            "recognitionStatus": "Success",
            "channel": 0,
            "speaker": speaker,
            "offsetInTicks": at * 1e7,
            "durationInTicks": 1e7,
            "nBest": [
                {
                    "confidence": 0.9,
                    "display": text,
                    "displayWords": [{"displayText": text, "offsetInTicks": at * 1e7, "durationInTicks": 1e7}],
                }
            ],
        }
        for speaker, at, text in ((1, 4.0, "안녕하세요."), (2, 9_000.5, "네."))
    ],
}
FAILED = {"details": [{"source": RECORDING, "status": "Failed", "errorKind": "InvalidAudio", "errorMessage": "no"}]}


def azure(**more: Any) -> Azure:
    """Return Azure with a resource that nobody has, which sends addresses to batch transcription."""
    return Azure(**{"speech": Resource("canary-key-4711", HOST), "transcription": "batch", **more})


class Jobs:
    """A server that takes a job, whose states follow each other, and a storage; give it as ``send=``."""

    def __init__(self, *states: str, error: Any = None, stored: Any = HEARD, kind: str = "Transcription") -> None:
        self.states = list(states) or ["Running", "Succeeded"]
        self.error, self.stored, self.kind = error, stored, kind
        self.requests: list[Request] = []
        self.odd: dict[str, list[Response | Callable[[], Response]]] = {}
        """Replies that come before the usual ones, by what is asked."""

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        what = self.what(request)
        if self.odd.get(what):
            odd = self.odd[what].pop(0)
            return odd if isinstance(odd, Response) else odd()
        if what == "delete":
            return Response(204)
        return self.reply(201 if what == "submit" else 200, self.body(what))

    @staticmethod
    def what(request: Request) -> str:
        """Return what a request is for."""
        if request.method == "DELETE":
            return "delete"
        kinds = {f"{JOBS}:submit": "submit", f"{JOBS}:transcribe": "fast", f"{JOB}/files": "files", JOB: "state"}
        return kinds.get(request.url, "file")

    def body(self, what: str) -> Any:
        """Return the usual reply."""
        if what == "submit":
            return {"self": f"{JOB}?api-version=2024-11-15", "status": "NotStarted"}
        if what == "state":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return {"self": JOB, "status": state, "properties": {"error": self.error} if self.error else {}}
        if what == "files":
            files = {"Transcription": STORED, "TranscriptionReport": REPORT}
            listed = [{"kind": kind, "links": {"contentUrl": url}} for kind, url in files.items()]
            return {"values": [file for file in listed if file["kind"] == self.kind]}
        return self.stored

    @staticmethod
    def reply(status: int, body: Any) -> Response:
        """Return a reply as Azure and its storage write it."""
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return list(map(self.what, self.requests))


def ask(call: Caller, server: Any, provider: Azure | None = None, **options: Any) -> Any:
    """Return the transcript of the recording; no time passes while the job is polled."""
    clock = Clock()
    settings = {"client_clock": clock, "client_sleep": clock.sleep}
    return call(
        provider or azure(), "speech_to_text", RECORDING, **{"language": "ko"} | settings | options, send=server
    )


def test_a_recording_at_an_address_is_written_down_by_a_job(call: Caller) -> None:
    """The job is made, polled, read from the storage without the key, and deleted; it counts as one unit."""
    server = Jobs("NotStarted", "Running", "Succeeded")
    said = ask(call, server, speakers=2, profanity="remove")
    assert server.asked == ["submit", "state", "state", "state", "files", "file", "delete"]
    assert server.requests[0].json == {
        "contentUrls": [RECORDING],
        "locale": "ko-KR",
        "displayName": "cloudai",
        "properties": {
            "profanityFilterMode": "Removed",
            "displayFormWordLevelTimestampsEnabled": True,
            "timeToLiveHours": 48,
            "diarization": {"enabled": True, "maxSpeakers": 2},
        },
    }
    assert server.requests[-1].url == JOB
    assert {request.params["api-version"] for request in server.requests if request.url != STORED} == {"2024-11-15"}
    keyed = {Jobs.what(request): "canary-key-4711" in request.headers.values() for request in server.requests}
    assert keyed == {"submit": True, "state": True, "files": True, "file": False, "delete": True}
    assert (said.text, said.duration, said.language) == ("안녕하세요. 네.", 9_300.0, "ko-KR")
    assert [(s.text, s.start, s.end, s.speaker) for s in said] == [
        ("안녕하세요.", 4.0, 5.0, "1"),
        ("네.", 9_000.5, 9_001.5, "2"),
    ]
    assert [(word.text, word.start) for word in said.words] == [("안녕하세요.", 4.0), ("네.", 9_000.5)]
    assert (said.meta.billed_min, said.meta.billed_max, said.meta.api_version) == (1, 1, "2024-11-15")
    assert said.raw[-1]["recognizedPhrases"]


def test_the_keys_of_addresses_are_nowhere(call: Caller, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the signature of the result nor that of the user's recording is in a log, a reply, an error or a file."""
    caplog.set_level(logging.DEBUG)
    server, events = Jobs(), list[Any]()

    def refused() -> Response:
        return Response(403, {}, f"<Error>{THEIRS} {STORED}</Error>".encode())

    server.odd["file"] = [refused, refused]
    path = tmp_path / "작업.json"
    with record(path, server) as send:
        said = ask(call, send, client_on_event=events.append)
    assert server.asked.count("files") == server.asked.count("file") == 3  # each time with a new address
    with replay(path) as send:
        assert ask(call, send, client_offline=True).text == said.text
    failing = Jobs("Failed", error={"code": "InvalidData", "message": f"{RECORDING} cannot be read"})
    with pytest.raises(BadRequestError) as caught:
        ask(call, failing)
    told = [repr(said), str(said.raw), said.meta.model_dump_json(), path.read_text("utf-8"), caplog.text, str(events)]
    told += [str(caught.value), repr(caught.value), *map(repr, server.requests)]
    for text in told:
        assert THEIRS not in text
        assert OURS not in text


@both
def test_a_crash_loses_no_job_and_no_result(colour: str, tmp_path: Path) -> None:
    """A run that ends while the job is at work, or before its result is read, is followed by one that sends nothing.

    The result that is in the journal is not asked for again, although the job is deleted; the signature is not there.
    """
    clock = Clock()
    server = Jobs("Running")
    run = Batcher(colour, azure(), server, {"clock": clock, "sleep": clock.sleep})
    journal, options = tmp_path / "일.journal", {"language": "ko", "timeout": 100}
    assert run("speech_to_text", [RECORDING], journal=journal, options=options).books["done"] == 0
    server.states = ["Running", "Succeeded"]
    server.requests.clear()
    second = run("speech_to_text", [RECORDING], journal=journal, options=options)
    assert second.books["done"] == 1
    assert set(server.asked) == {"state", "files", "file", "delete"}
    server.requests.clear()
    third = run("speech_to_text", [RECORDING], journal=journal, options=options, reparse=True)
    assert (third.outcomes[0].result.text, third.reparsed) == ("안녕하세요. 네.", 1)
    assert third.outcomes[0].result.raw[-1]["recognizedPhrases"]
    assert server.requests == []
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert THEIRS.encode() not in kept
    assert OURS.encode() not in kept


@both
def test_a_plan_counts_a_job(colour: str) -> None:
    """A recording at an address is one request and one unit, because nobody knows here how long it is."""
    clock, server = Clock(), Jobs()
    run = Batcher(colour, azure(), server, {"clock": clock, "sleep": clock.sleep})
    plan = run("speech_to_text", [RECORDING], options={"language": "ko"}, plan=True).plan
    assert plan is not None
    assert server.asked.count("submit") == 1
    assert (plan.requests, plan.units, plan.pieces) == (1, 1, 0)


@pytest.mark.parametrize(
    ("server", "kind", "told"),
    [
        (Jobs("Failed", error={"code": "InvalidUri", "message": "not found"}), BadRequestError, "not found"),
        (Jobs("Failed", error={"code": "InternalServerError", "message": "broken"}), ServerError, "broken"),
        (Jobs("Failed"), BadRequestError, "the job failed"),
        (Jobs(stored=FAILED, kind="TranscriptionReport"), BadRequestError, "no"),
        (Jobs("Sleeping"), MalformedResponseError, "Sleeping"),
        (Jobs(stored={"other": 1}), MalformedResponseError, "nothing that is known"),
    ],
    ids=["address", "service", "no reason", "report", "state", "file"],
)
def test_a_job_that_fails_is_told(server: Jobs, kind: type[CloudAIError], told: str, call: Caller) -> None:
    """Each failure is an error of ours with the vendor's words; a job that has failed is deleted as well."""
    server.requests.clear()
    server.odd.clear()
    with pytest.raises(kind, match=told) as caught:
        ask(call, server)
    assert caught.value.billed_max == 1
    assert (server.asked[-1] == "delete") == issubclass(kind, BadRequestError | ServerError)


@pytest.mark.parametrize("odd", [{}, {"value": 1}, [1], {"self": JOB, "status": None}])
def test_a_reply_that_names_no_state_is_not_the_end_of_a_job(odd: Any, call: Caller) -> None:
    """The job is paid for, so that it is polled again after JSON of another shape."""
    server = Jobs()
    server.odd["state"] = [Jobs.reply(200, odd)]
    assert ask(call, server).text == "안녕하세요. 네."
    assert server.asked.count("submit") == 1


@pytest.mark.parametrize("status", [404, 500, 403])
def test_a_job_that_cannot_be_deleted_has_its_result(status: int, call: Caller) -> None:
    """Azure deletes it by itself after two days: the transcript is not lost because of that."""
    server = Jobs()
    server.odd["delete"] = [Jobs.reply(status, {"error": {"code": "x", "message": "no"}})] * 9
    assert ask(call, server).text == "안녕하세요. 네."
    assert server.asked.count("delete") <= 3


def test_a_file_of_another_server_is_not_asked_for(call: Caller) -> None:
    """An address without TLS, and one that is none, are not followed; a good one that comes later is."""
    server = Jobs()
    files = [{"kind": "Transcription", "links": {"contentUrl": url}} for url in ("http://10.0.0.1/a", "나무")]
    server.odd["files"] = [Jobs.reply(200, {"values": [file]}) for file in files]
    assert ask(call, server).text == "안녕하세요. 네."
    assert [request.url for request in server.requests if Jobs.what(request) == "file"] == [STORED]


def test_what_is_too_large_for_fast_transcription_becomes_a_job(call: Caller) -> None:
    """Nobody knows here how large a recording at an address is: fast transcription says so by a 413, which is free."""
    server, fast = Jobs(), azure(transcription=None)
    server.odd["fast"] = [Jobs.reply(413, {"error": {"code": "PayloadTooLarge", "message": "too large"}})] * 2
    said = ask(call, server, fast)
    assert server.asked[:2] == ["fast", "submit"]
    assert (said.text, said.meta.billed_max) == ("안녕하세요. 네.", 1)
    with pytest.raises(UnsupportedOperationError, match="no phrases"):
        ask(call, server, fast, phrases=["자막"])
    server.odd["fast"] = [Jobs.reply(413, {})]
    with pytest.raises(TooLargeError):
        call(fast, "speech_to_text", _wav(), language="ko", send=server)


def _wav() -> bytes:
    from tests.support.recordings import wav

    return wav(1.0, 16_000)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"phrases": ["자막"]}, "takes no phrases"),
        ({"channels": "mix"}, "mixes no channels"),
        ({"channels": "each", "speakers": 2}, "either channels or speakers"),
    ],
)
def test_what_a_job_cannot_do_is_not_sent(options: dict[str, Any], told: str, call: Caller) -> None:
    """What batch transcription does not do is refused before anything is sent."""
    server = Jobs()
    with pytest.raises(UnsupportedOperationError, match=told):
        ask(call, server, **options)
    assert server.requests == []


def test_the_choice_is_a_setting(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """It is read from the environment, checked, kept in a pickle, and tells answers apart in the cache."""
    with pytest.raises(SettingsError, match="batch"):
        Azure(transcription="slow")  # type: ignore[arg-type]
    chosen = pickle.loads(pickle.dumps(Azure(transcription="batch")))  # our own
    assert chosen.cache_scope("speech_to_text") != Azure().cache_scope("speech_to_text")
    monkeypatch.setenv("CLOUDAI_AZURE_TRANSCRIPTION", "batch")
    server = Jobs()
    ask(call, server, azure(transcription=None))
    assert server.asked[0] == "submit"
