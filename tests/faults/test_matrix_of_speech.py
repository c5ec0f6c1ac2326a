"""Faults in replies of audio x every vendor x both clients: requests, class of error, state, and what may be billed."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import wave
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Google, Provider, Resource, Watson
from cloudai.core.flow import MOST_REPLY
from tests.made_up.calls import KEY, Skipping, as_json, ask
from tests.made_up.faults import halves, head, reply
from tests.made_up.server import Connection, Fault, faultd
from tests.support.length import both_by_turns

pytestmark = pytest.mark.loopback
TTS = "https://api.kr-seo.text-to-speech.watson.cloud.ibm.com/instances/1"
TEXT = "맛있어요!"


def sound(seconds: float = 0.1) -> bytes:
    """Return a WAV of a tone that nothing compresses away."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x10\x27\xf0\xd8" * int(seconds * 4000))
    return out.getvalue()


@dataclass(frozen=True)
class Speaker:
    """One vendor's provider, and how it sends audio."""

    make: Callable[[], Provider]
    kind: str = "audio/wav"

    def body(self, audio: bytes) -> bytes:
        """Return the body of a good reply with this audio."""
        return audio if self.kind == "audio/wav" else as_json({"audioContent": base64.b64encode(audio).decode()})


SPEAKERS = {
    "azure": Speaker(lambda: Azure(key=KEY, region="koreacentral")),
    "google": Speaker(lambda: Google(api_key=KEY), "application/json"),
    "watson": Speaker(lambda: Watson(text_to_speech=Resource(KEY, TTS))),
}


@dataclass(frozen=True)
class Cell:
    """A fault in a reply of audio, and what a call makes of it."""

    fault: Callable[[Speaker], Fault]
    requests: int
    error: str = ""
    """The class of error; empty where the call succeeds."""
    state: str = "UNKNOWN"
    billed: bool = True
    """Whether each request may have been billed."""


def answer(body: Callable[[Speaker], bytes], *headers: str, kind: str | None = None) -> Callable[[Speaker], Fault]:
    """Return a reply of a good status."""
    return lambda speaker: reply(body(speaker), "200 OK", *headers, kind=speaker.kind if kind is None else kind)


def refused(line: str, *headers: str) -> Callable[[Speaker], Fault]:
    """Return an error in JSON, where audio was asked for."""
    return lambda _: reply(as_json({"error": {"code": "x", "message": "no"}}), line, *headers)


def chunks_without_an_end(speaker: Speaker) -> Fault:
    """Return a body in chunks, the last of which never comes."""
    data = speaker.body(sound())

    def fault(c: Connection) -> None:
        c.send(head("200 OK", "Transfer-Encoding: chunked", kind=speaker.kind))
        c.send(f"{len(data):x}\r\n".encode(), data, b"\r\n")

    return fault


def endless(speaker: Speaker) -> Fault:
    """Return more audio than any reply may have."""

    def fault(c: Connection) -> None:
        c.send(head(kind=speaker.kind), sound()[:44])
        for _ in range(2 * MOST_REPLY // 65536):
            c.send(b"\x10" * 65536)

    return fault


CELLS: dict[str, Cell] = {
    "good": Cell(answer(lambda s: s.body(sound())), 1, state="DONE"),
    "packed": Cell(answer(lambda s: gzip.compress(s.body(sound())), "Content-Encoding: gzip"), 1, state="DONE"),
    "no content type": Cell(answer(lambda s: s.body(sound()), kind=""), 1, state="DONE"),
    "short body": Cell(lambda s: lambda c: halves(c, s.body(sound()), lambda: None), 2, "ConnectionLostError"),
    "reset mid-body": Cell(lambda s: lambda c: halves(c, s.body(sound()), c.reset), 2, "ConnectionLostError"),
    "chunks without an end": Cell(chunks_without_an_end, 2, "ConnectionLostError"),
    "closed before headers": Cell(lambda _: lambda _: None, 2, "ConnectionLostError"),
    "empty body": Cell(answer(lambda _: b""), 1, "MalformedResponseError"),
    "empty audio": Cell(answer(lambda s: s.body(b"")), 1, "MalformedResponseError"),
    "a page": Cell(answer(lambda _: b"<html>", kind="text/html"), 1, "MalformedResponseError"),
    "an error in the place of audio": Cell(
        answer(lambda s: s.body(b'{"error": {"message": "no"}}')), 1, "MalformedResponseError"
    ),
    "a header alone": Cell(answer(lambda s: s.body(sound(0))), 1, "MalformedResponseError"),
    "another format": Cell(answer(lambda s: s.body(b"ID3" + bytes(100))), 1, "MalformedResponseError"),
    "no gzip": Cell(answer(lambda s: s.body(sound()), "Content-Encoding: gzip"), 1, "MalformedResponseError"),
    "endless body": Cell(endless, 1, "ResponseTooLargeError"),
    "204": Cell(lambda _: lambda c: c.send(head("204 No Content", kind="")), 1, "MalformedResponseError"),
    "400": Cell(refused("400 Bad Request"), 1, "BadRequestError", "REFUSED"),
    "401": Cell(refused("401 Unauthorized"), 1, "AuthError", "REFUSED", billed=False),
    "429": Cell(refused("429 Too Many Requests", "Retry-After: 1"), 3, "RateLimitedError", "REFUSED", billed=False),
    "500": Cell(refused("500 Internal Server Error"), 2, "ServerError"),
    "502": Cell(lambda _: reply(b"<html>bad gateway", "502 Bad Gateway", kind="text/html"), 2, "ServerError"),
}


@both_by_turns("name, vendor", itertools.product(CELLS, SPEAKERS))
def test_a_fault_in_speech(name: str, vendor: str, colour: str) -> None:
    """A call ends as the matrix says: a reply that is no sound is an error and paid for once, and no key is in it."""
    cell, speaker, clock = CELLS[name], SPEAKERS[vendor], Skipping()
    with faultd(cell.fault(speaker)) as server:
        if cell.error:
            with pytest.raises(cloudai.CloudAIError) as caught:
                ask(colour, speaker.make(), server.url, "text_to_speech", TEXT, clock=clock, language="ko")
            facts: Any = caught.value
            assert type(facts).__name__ == cell.error
            assert (facts.state, facts.provider) == (cell.state, vendor)
            assert KEY not in str(facts)
            assert TEXT not in str(facts)
        else:
            speech = ask(colour, speaker.make(), server.url, "text_to_speech", TEXT, clock=clock, language="ko")
            facts = speech.meta
            assert (speech.audio, speech.duration) == (sound(), pytest.approx(0.1))
    assert facts.attempts == server.count == cell.requests
    assert facts.billed_min == (0 if cell.error else len(TEXT))
    assert facts.billed_max == (cell.requests * len(TEXT) if cell.billed else 0)
    assert len(set(server.requests)) == 1  # every attempt is the same, byte for byte
