"""Text that is spoken, and read in pictures, through the official clients: the same results as by our own transport."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.auth.api_key import Credentials as ApiKey
from google.cloud import texttospeech
from google.cloud.texttospeech_v1.services.text_to_speech.transports import (
    TextToSpeechGrpcAsyncIOTransport,
    TextToSpeechGrpcTransport,
    TextToSpeechRestTransport,
)
from ibm_watson import NaturalLanguageUnderstandingV1, TextToSpeechV1

import cloudai
from cloudai import Client, Google, Resource, Watson
from tests.made_up.calls import as_json
from tests.made_up.faults import reply
from tests.made_up.grpc_server import grpcd
from tests.made_up.server import faultd
from tests.support.paths import FIXTURES
from tests.support.played import PICTURE
from tests.unit.bridges.ways import KEY, OPENED, SERVICES, WAYS, Service, Way, ours, outcome, theirs, watson

pytestmark = pytest.mark.loopback

GREETING = "안녕하세요!"
WAV = (FIXTURES / "인사.wav").read_bytes()
VOICES = {
    "google": {"voices": [{"languageCodes": ["ko-KR"], "name": "ko-KR-Wavenet-A", "ssmlGender": "FEMALE"}]},
    "watson": {"voices": [{"name": "ko-KR_JinV3Voice", "language": "ko-KR", "gender": "female"}]},
}


def by_rest(url: str) -> Any:
    """Return Google's client by REST."""
    scheme, _, host = url.partition("://")
    return texttospeech.TextToSpeechClient(
        transport=TextToSpeechRestTransport(host=host, url_scheme=scheme, credentials=ApiKey(KEY))
    )


def by_grpc(url: str) -> Any:
    """Return Google's client by gRPC."""
    channel = grpc.insecure_channel(url.partition("://")[2])
    return texttospeech.TextToSpeechClient(transport=TextToSpeechGrpcTransport(channel=channel))


def by_grpc_awaiting(url: str) -> Any:
    """Return Google's awaiting client, which uses gRPC."""
    channel = grpc.aio.insecure_channel(url.partition("://")[2])
    return texttospeech.TextToSpeechAsyncClient(transport=TextToSpeechGrpcAsyncIOTransport(channel=channel))


SPEECH = {
    "google-speech": Service(
        *("google", "text_to_speech", GREETING, {"language": "ko", "speed": 1.5}),
        lambda _: Google(api_key=KEY),
        {"audioContent": base64.b64encode(WAV).decode()},
    ),
    "watson-text-to-speech": Service(
        *("watson", "text_to_speech", GREETING, {"language": "ko", "speed": 1.5}),
        lambda url: Watson(text_to_speech=Resource(KEY, url)),
        WAV,
    ),
}
SPEAKING = {
    "google-rest": Way("google-speech", by_rest),
    "google-grpc": Way("google-speech", by_grpc, grpc=True),
    "google-grpc-aio": Way("google-speech", by_grpc_awaiting, ("awaiting",), grpc=True),
    "watson": Way("watson-text-to-speech", lambda url: watson(TextToSpeechV1, url)),
}
GIVEN = [pytest.param(name, colour, id=f"{name}-{colour}") for name, way in SPEAKING.items() for colour in way.colours]
LISTED = {"instead": ("voices", "ko")}


@pytest.fixture(autouse=True)
def _services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the helpers know the services of this file."""
    for name, service in SPEECH.items():
        monkeypatch.setitem(SERVICES, name, service)


@contextmanager
def serving(body: Any, *, as_grpc: bool, status: str = "200 OK") -> Iterator[Any]:
    """Yield the address of a server that answers with this body, and a function that counts its requests."""
    if as_grpc:
        with grpcd(body) as server:
            yield f"http://127.0.0.1:{server.port}", lambda: server.count
        return
    content, kind = (body, "audio/wav") if isinstance(body, bytes) else (as_json(body), "application/json")
    with faultd(reply(content, status, kind=kind)) as server:
        yield server.url, lambda: server.count


def opened(way: Way, url: str) -> Callable[[], Any]:
    """Return a function that makes the official client, which is closed after the call."""

    def make() -> Any:
        OPENED.append(way.make(url))
        return OPENED[-1]

    return make


@pytest.mark.parametrize("call", [{}, LISTED], ids=["speech", "voices"])
@pytest.mark.parametrize(("name", "colour"), GIVEN)
def test_speech_and_voices_are_the_same_by_every_way(name: str, colour: str, call: dict[str, Any]) -> None:
    """The sound, the list of voices and what they cost are those by our own transport; one request is sent."""
    way = SPEAKING[name]
    service = SPEECH[way.service]
    body = VOICES[service.vendor] if call else service.good
    with serving(body, as_grpc=False) as (url, _):
        expected = outcome(lambda: ours(colour, service, url, **call))
    with serving(body, as_grpc=way.grpc) as (url, count):
        assert outcome(lambda: theirs(colour, way, opened(way, url), **call)) == expected
        assert count() == 1
    assert "result" in expected
    assert expected["billed_max"] == (0 if call else len(GREETING))


@pytest.mark.parametrize(("name", "colour"), GIVEN)
def test_a_refusal_is_the_same_by_every_way(name: str, colour: str) -> None:
    """A refused request of a binary reply is an error with the vendor's words, and is not sent again."""
    way = SPEAKING[name]
    service = SPEECH[way.service]
    google = {"error": {"code": 400, "message": "그런 목소리는 없습니다", "status": "INVALID_ARGUMENT"}}
    body = google if service.vendor == "google" else {"error": "그런 목소리는 없습니다", "code": 400}
    with serving(body, as_grpc=False, status="400 Bad Request") as (url, _):
        expected = outcome(lambda: ours(colour, service, url))
    with serving(body, as_grpc=way.grpc, status="400 Bad Request") as (url, count):
        assert outcome(lambda: theirs(colour, way, opened(way, url))) == expected
        assert count() == 1
    assert (expected["error"], expected["message"]) == ("BadRequestError", "그런 목소리는 없습니다")


def test_a_client_of_another_service_lists_no_voices() -> None:
    """Nothing is sent, because the address of the client is that of another service."""
    with faultd(reply(as_json(VOICES["watson"]))) as server:
        service = watson(NaturalLanguageUnderstandingV1, server.url, version="2022-08-10")
        with Client.from_vendor(service) as client, pytest.raises(cloudai.UnsupportedOperationError, match="serves"):
            client.voices("ko")
        service.http_client.close()
        assert server.connections == 0


TEXT_4 = {
    "modelVersion": "2023-10-01",
    "metadata": {"width": 640, "height": 480},
    "readResult": {
        "blocks": [
            {
                "lines": [
                    {
                        "text": "나무 그늘",
                        "boundingPolygon": [{"x": 1, "y": 2}, {"x": 30, "y": 2}, {"x": 30, "y": 9}, {"x": 1, "y": 9}],
                        "words": [],
                    }
                ]
            }
        ]
    },
}
TEXT_GOOGLE = {
    "responses": [{"textAnnotations": [{"description": "나무 그늘"}], "fullTextAnnotation": {"text": "나무"}}]
}


@pytest.mark.parametrize(
    ("name", "colour"),
    [(n, c) for n in ("google-rest", "google-grpc", "imageanalysis", "imageanalysis-aio") for c in WAYS[n].colours],
)
def test_text_in_a_picture_is_the_same_by_every_way(name: str, colour: str) -> None:
    """The official clients for pictures read text, too, as our own transport does."""
    way = WAYS[name]
    service = SERVICES[way.service]
    body = TEXT_GOOGLE if service.vendor == "google" else TEXT_4
    call = {"instead": ("read_text", PICTURE)}
    with serving(body, as_grpc=False) as (url, _):
        expected = outcome(lambda: ours(colour, service, url, **call))
    with serving(body, as_grpc=way.grpc) as (url, count):
        assert outcome(lambda: theirs(colour, way, opened(way, url), **call)) == expected
        assert count() == 1
    assert "나무" in expected["result"]["text"]
