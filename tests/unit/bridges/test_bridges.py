"""The official clients that are taken, their operations, and the errors for all others; logins and deadlines."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import google.auth.credentials
import grpc
import pytest
import requests
from azure.ai.textanalytics import TextAnalyticsClient
from azure.ai.vision.imageanalysis import ImageAnalysisClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from google.auth.exceptions import RefreshError
from google.cloud import vision
from google.cloud.vision_v1.services.image_annotator.transports import (
    ImageAnnotatorGrpcTransport,
    ImageAnnotatorRestTransport,
)
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_watson import NaturalLanguageUnderstandingV1

import cloudai
from cloudai import AsyncClient, Client
from cloudai.operations import OPERATIONS
from tests.made_up.calls import Skipping, as_json
from tests.made_up.faults import head, reply
from tests.made_up.grpc_server import grpcd
from tests.made_up.server import Connection, faultd
from tests.support.length import length
from tests.support.played import PICTURE, REVIEW
from tests.unit.bridges.ways import GOOGLE, KEYED, NLU, OPENED, SERVICES, WAYS, outcome, theirs

pytestmark = pytest.mark.loopback

NOWHERE = "http://127.0.0.1:9"
GIVEN = [pytest.param(name, c, id=f"{name}-{c}") for name, way in WAYS.items() for c in way.colours]


def opened(client: Any) -> Any:
    """Note a client that is closed after the call, and return it."""
    OPENED.append(client)
    return client


@pytest.mark.parametrize(("name", "colour"), GIVEN)
def test_another_services_operation_is_refused_before_anything_is_sent(name: str, colour: str) -> None:
    """The error says what this client serves."""
    way = WAYS[name]
    service = SERVICES[way.service]
    with faultd(reply(b"{}")) as server:
        found = outcome(lambda: theirs(colour, way, lambda: opened(way.make(server.url)), instead=service.elsewhere))
        assert server.connections == 0
    assert (found["error"], found["attempts"]) == ("UnsupportedOperationError", 0)
    assert f"serves {service.operation}" in found["message"]


def test_a_feature_of_another_api_is_refused_before_anything_is_sent() -> None:
    """Image Analysis 4.0 alone has no faces, and Face is not asked for them through its client."""
    with faultd(reply(b"{}")) as server:
        client = ImageAnalysisClient(server.url, KEYED)
        with Client.from_vendor(client) as ours, pytest.raises(cloudai.UnsupportedOperationError, match=r"4\.0 has no"):
            ours.analyze_image(PICTURE, features=["tags", "faces"])
        assert server.connections == 0


def test_what_a_bridged_client_supports() -> None:
    """It knows without a key; its host is the official client's."""
    client = Client.from_vendor(WAYS["watson-nlu"].make("https://nlu.example/instances/1"))
    assert [o for o in OPERATIONS if client.supports(o)] == ["sentiment", "detect_language", "key_phrases"]
    assert client.provider.hosts == ("nlu.example",)
    assert repr(client) == "Client(<watson by NaturalLanguageUnderstandingV1>)"
    assert client.with_options(timeout=5).supports("sentiment")
    assert Client.from_vendor(WAYS["google-rest"].make(NOWHERE)).supports("detect_faces")
    face = Client.from_vendor(WAYS["face"].make(NOWHERE))
    assert (face.supports("detect_faces"), face.supports("estimate_age")) == (True, False)
    face.provider.face_approved = True  # type: ignore[attr-defined]
    assert face.supports("estimate_age")


def test_settings_of_the_environment_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No token is made of a service account there, and its key does not make this client one of its account."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "no-such-file.json")
    with faultd(reply(as_json(GOOGLE))) as server:
        found = outcome(
            lambda: theirs("blocking", WAYS["google-rest"], lambda: opened(WAYS["google-rest"].make(server.url)))
        )
        assert "result" in found
    monkeypatch.setenv("GOOGLE_API_KEY", "key-of-the-environment")
    assert Client.from_vendor(WAYS["google-rest"].make(NOWHERE)).provider.account() is None


def test_an_error_names_the_host_of_the_official_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error names the host of the official client, not one that the environment's location would give."""
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "eu")
    channel = grpc.insecure_channel("127.0.0.1:9")
    client = vision.ImageAnnotatorClient(
        transport=ImageAnnotatorGrpcTransport(host="vision.internal.example", channel=channel)
    )
    with (
        Client.from_vendor(client, max_attempts=1) as ours,
        pytest.raises(cloudai.ConnectError, match=r"cannot reach vision\.internal\.example"),
    ):
        ours.detect_faces(PICTURE)
    channel.close()


class Session(requests.Session):
    """A class of another package."""


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("other", [None, 7, Session(), vision.ImageAnnotatorClient])
def test_another_kind_of_client_is_refused(kind: Any, other: Any) -> None:
    """The error lists those that are taken."""
    with pytest.raises(cloudai.SettingsError, match="ImageAnnotatorClient") as raised:
        kind.from_vendor(other)
    for name in ("ComputerVisionClient", "ImageAnalysisClient", "TextAnalyticsClient", "SpeechToTextV1"):
        assert name in str(raised.value)
    assert ("give an instance" in str(raised.value)) == isinstance(other, type)


@pytest.mark.parametrize("name", ["imageanalysis-aio", "face-aio", "textanalytics-aio"])
def test_an_awaiting_client_needs_our_awaiting_one(name: str) -> None:
    """And the error says so."""

    async def made() -> None:
        client = WAYS[name].make(NOWHERE)
        try:
            with pytest.raises(cloudai.SettingsError, match=r"AsyncClient\.from_vendor"):
                Client.from_vendor(client)
        finally:
            await client.close()

    asyncio.run(made())


@pytest.mark.parametrize("option", ["send", "http_client", "proxy", "verify", "allow_http", "offline"])
def test_what_the_official_client_decides_is_no_option(option: str) -> None:
    """A proxy that would not be used is refused."""
    with pytest.raises(cloudai.SettingsError, match=f"{option} has no effect"):
        Client.from_vendor(WAYS["google-rest"].make(NOWHERE), **{option: None})


def test_it_does_not_pickle() -> None:
    """A key must not leave the process, nor can a connection."""
    with pytest.raises(TypeError, match="from_vendor does not pickle"):
        pickle.dumps(Client.from_vendor(WAYS["google-rest"].make(NOWHERE)))


def test_a_service_without_an_address_is_refused() -> None:
    """IBM's has none if someone takes it away."""
    service = WAYS["watson-nlu"].make(NOWHERE)
    service.set_service_url(None)
    with pytest.raises(cloudai.SettingsError, match="has no URL"):
        Client.from_vendor(service)


def test_an_address_that_is_changed_later_is_the_one() -> None:
    """The service's URL is looked at when something is sent."""
    with faultd(reply(as_json(NLU))) as server:
        service = WAYS["watson-nlu"].make(NOWHERE)
        with Client.from_vendor(service) as ours:
            service.set_service_url(f"{server.url}/instances/1")
            assert ours.sentiment(REVIEW, language="ko").score == 0.5
        assert server.requests[0].startswith(b"POST /instances/1/v1/analyze?version=")
        service.http_client.close()


def test_importing_loads_no_official_package() -> None:
    """Neither cloudai nor the bridges; one bridge loads no other vendor's."""
    code = (
        "import sys, cloudai, cloudai.bridges, cloudai.bridges._requests, cloudai.bridges._provider; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('google', 'grpc', 'azure', 'msrest', 'requests', 'urllib3', 'aiohttp', 'ibm_watson', 'ibm_cloud_sdk_core')]);"
        "from azure.ai.textanalytics import TextAnalyticsClient as T; from azure.core.credentials import *;"
        "cloudai.Client.from_vendor(T('https://e.example', AzureKeyCredential('x')));"
        "print([m for m in sys.modules if m.split('.')[0] in ('google', 'grpc', 'msrest', 'ibm_watson')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_what_the_vendor_did_not_say_is_not_zero_by_grpc() -> None:
    """A confidence that is missing stays None, in the result and in `raw`; no message type fills in a default."""
    with grpcd(GOOGLE) as server:
        client = opened(WAYS["google-grpc"].make(f"http://127.0.0.1:{server.port}"))
        with Client.from_vendor(client) as ours:
            result = ours.analyze_image(PICTURE, features=["faces", "tags"])
        client.transport.close()
    OPENED.clear()
    assert result.faces is not None
    assert result.faces.faces[0].landmarks_confidence is None
    assert result.raw == GOOGLE
    assert "landmarkingConfidence" not in str(result.raw)


def test_a_zero_is_not_told_from_nothing_by_grpc() -> None:
    """The same bytes stand for both, so it is None: what docs/bridges.md says."""
    zero = copy.deepcopy(GOOGLE)
    zero["responses"][0]["faceAnnotations"][0]["landmarkingConfidence"] = 0.0
    with grpcd(zero) as server:
        client = WAYS["google-grpc"].make(f"http://127.0.0.1:{server.port}")
        with Client.from_vendor(client) as ours:
            result = ours.analyze_image(PICTURE, features=["faces"])
        client.transport.close()
    assert result.faces is not None
    assert result.faces.faces[0].landmarks_confidence is None


def test_a_zero_is_kept_by_rest() -> None:
    """Google's JSON passes by its message types."""
    zero = copy.deepcopy(GOOGLE)
    zero["responses"][0]["faceAnnotations"][0]["landmarkingConfidence"] = 0.0
    zero["responses"][0]["faceAnnotations"][0]["newField"] = "새 것"
    with faultd(reply(as_json(zero))) as server:
        client = WAYS["google-rest"].make(server.url)
        with Client.from_vendor(client) as ours:
            result = ours.analyze_image(PICTURE, features=["faces"])
        client.transport.close()
    assert result.faces is not None
    assert result.faces.faces[0].landmarks_confidence == 0
    assert result.raw == zero


class Tokens(google.auth.credentials.Credentials):
    """Google credentials whose token is never accepted; or that give none."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error, self.fetched = error, 0

    def refresh(self, request: Any) -> None:
        """Fetch another token, or fail."""
        if self.error:
            raise self.error
        self.fetched += 1
        self.token = f"token-{self.fetched}"


def with_tokens(url: str, credentials: Any) -> Any:
    """Return a Google client by REST."""
    transport = ImageAnnotatorRestTransport(
        host=url.removeprefix("http://"), url_scheme="http", credentials=credentials
    )
    return vision.ImageAnnotatorClient(transport=transport)


def test_google_auth_sends_nothing_twice() -> None:
    """Its session would send a 401 again with a new token; the engine alone decides, and the client is as it was."""
    with faultd(reply(b"{}", "401 Unauthorized")) as server:
        client = with_tokens(server.url, Tokens())
        found = outcome(lambda: theirs("blocking", WAYS["google-rest"], lambda: opened(client)))
        assert (found["error"], server.count) == ("AuthError", 1)
    assert client.transport._session._max_refresh_attempts == 2


@pytest.mark.parametrize(
    ("error", "expected"),
    [(RefreshError("invalid_grant"), "AuthError"), (RefreshError("busy", retryable=True), "ConnectError")],
)
def test_google_credentials_that_give_no_token(error: Exception, expected: str) -> None:
    """Nothing is sent; what may pass is tried again."""
    with faultd(reply(b"{}")) as server:
        found = outcome(
            lambda: theirs("blocking", WAYS["google-rest"], lambda: opened(with_tokens(server.url, Tokens(error))))
        )
        assert (found["error"], found["billed_max"], server.count) == (expected, 0, 0)


class Login:
    """The reply of the server of a login."""

    status_code, headers, content, reason = 200, {"content-type": "application/json"}, b"{}", "OK"


class NoToken:
    """An Azure credential that fails; over plain http a token is not even asked for."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def get_token(self, *_: Any, **__: Any) -> AccessToken:
        """Return a token, or fail."""
        if self.error:
            raise self.error
        return AccessToken("x", int(time.time()) + 3600)


def test_an_azure_credential_that_gives_no_token() -> None:
    """AuthError, before anything is sent; the reply of the login's server is not taken for the service's."""
    error = ClientAuthenticationError("로그인이 필요합니다\nmore")
    error.response = Login()
    client = ImageAnalysisClient("https://127.0.0.1:9", NoToken(error))
    found = outcome(lambda: theirs("blocking", WAYS["imageanalysis"], lambda: opened(client)))
    assert (found["error"], found["billed_max"], found["attempts"]) == ("AuthError", 0, 1)
    assert "로그인이 필요합니다)" in found["message"]


def test_azure_core_sends_no_token_over_plain_http() -> None:
    """A token over plain HTTP is an error of the settings, and not tried again as a connection would be."""
    with faultd(reply(b"{}")) as server:
        client = ImageAnalysisClient(server.url, NoToken(None))
        found = outcome(lambda: theirs("blocking", WAYS["imageanalysis"], lambda: opened(client)))
        assert (found["error"], found["attempts"], server.count) == ("SettingsError", 1, 0)


@pytest.mark.parametrize(("status", "expected"), [("400 Bad Request", "AuthError"), (None, "ConnectError")])
def test_ibms_login(status: str | None, expected: str) -> None:
    """A key IAM does not know is an AuthError in its words; a login that breaks is tried again, within IBM's minute."""
    began = time.monotonic()
    body = as_json({"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."})
    fault = reply(body, status) if status else lambda c: c.reset()
    with faultd(fault) as login, faultd(reply(as_json(NLU))) as server:
        service = NaturalLanguageUnderstandingV1(
            version="2022-08-10", authenticator=IAMAuthenticator("no-such-key", url=login.url)
        )
        service.set_service_url(server.url)
        found = outcome(lambda: theirs("blocking", WAYS["watson-nlu"], lambda: opened(service)))
        assert (found["error"], found["billed_max"], server.count) == (expected, 0, 0)
        assert login.connections == (1 if status else 3)
    assert time.monotonic() - began < 20
    if status:
        assert (found["code"], found["message"]) == ("BXNIM0415E", "Provided API key could not be found.")


def test_the_official_clients_retries_are_as_they_were() -> None:
    """They are off for our calls alone."""
    with faultd(reply(b"{}", "500 Internal Server Error")) as server:
        nlu, computervision = WAYS["watson-nlu"].make(server.url), WAYS["computervision"].make(server.url)
        for name, client in (("watson-nlu", nlu), ("computervision", computervision)):
            assert (
                outcome(lambda name=name, client=client: theirs("blocking", WAYS[name], lambda: client))["attempts"]
                == 2
            )
        assert server.count == 4
        computervision.close()
    assert nlu.http_client.get_adapter("https://x").max_retries.total == 3
    assert computervision.config.retry_policy.retries == 3
    nlu.http_client.close()


def test_a_spent_free_tier_is_told_as_by_our_transport() -> None:
    """Text Analytics' package makes an exception of it; the reply is judged all the same."""
    text = "Out of call volume quota for TextAnalytics F0 pricing tier. Please retry after 15 days."
    body = as_json({"error": {"code": "403", "message": text}})
    with faultd(reply(body, "403 Forbidden")) as server:
        client = TextAnalyticsClient(server.url, KEYED)
        found = outcome(lambda: theirs("blocking", WAYS["textanalytics"], lambda: opened(client)))
    assert (found["error"], found["status"], found["retry_after"]) == ("RateLimitedError", 403, 15 * 86400.0)


# A blocking client of azure-core reads a reply in pieces, until timeouts of its own: see docs/bridges.md.
READING_AS_IT_COMES = ("google-rest", "computervision", "watson-nlu", "watson-speech")


def dripped() -> Iterator[tuple[str, str]]:
    """Yield each way that is not gRPC, under each client of ours that can end it, or shortly under one."""
    for number, (name, way) in enumerate(WAYS.items()):
        colours = [c for c in way.colours if c == "awaiting" or name in READING_AS_IT_COMES]
        for colour in length([colours[number % len(colours)]], colours, colours):
            if not way.grpc:
                yield name, colour


@pytest.mark.parametrize(("name", "colour"), list(dripped()))
def test_a_body_that_drips_ends_at_the_deadline(name: str, colour: str) -> None:
    """Their own timeouts would start anew with every byte."""

    def drip(c: Connection) -> None:
        c.send(head(size=9999))
        c.drip(b" " * 100, 0.05)

    way, began = WAYS[name], time.monotonic()
    with faultd(drip) as server:
        found = outcome(lambda: theirs(colour, way, lambda: opened(way.make(server.url)), timeout=0.6))
    assert (found["error"], found["state"], found["attempts"]) == ("DeadlineExceededError", "UNKNOWN", 1)
    assert time.monotonic() - began < 3


def test_a_call_that_found_no_thread_in_time_was_not_sent() -> None:
    """An awaited blocking client works in as many threads as there are calls in flight, and no more."""
    from cloudai.bridges import AT_ONCE, InThreads

    free = threading.Event()

    async def calls() -> Any:
        send = InThreads(lambda _: cloudai.Response(200) if free.wait(5) else cloudai.Response(500))
        busy = [asyncio.ensure_future(send(cloudai.Request("GET", NOWHERE))) for _ in range(AT_ONCE)]
        await asyncio.sleep(0.05)
        with pytest.raises(cloudai.DeadlineExceededError) as raised:
            await send(cloudai.Request("GET", NOWHERE, timeout=0.1))
        free.set()
        await asyncio.gather(*busy)
        return raised.value.state

    assert asyncio.run(calls()) == "NOT_SENT"


def test_the_event_loop_goes_on_while_a_blocking_client_works() -> None:
    """Twenty calls of half a second each are in flight together."""

    def slow(c: Connection) -> None:
        time.sleep(0.5)
        reply(as_json(NLU))(c)

    async def calls(url: str) -> float:
        service = WAYS["watson-nlu"].make(url)
        async with AsyncClient.from_vendor(service) as client:
            began = time.monotonic()
            await asyncio.gather(*(client.sentiment(REVIEW, language="ko") for _ in range(20)))
            service.http_client.close()
            return time.monotonic() - began

    with faultd(slow) as server:
        assert asyncio.run(calls(server.url)) < 5
        assert server.count == 20


@pytest.mark.parametrize("name", ["google-rest", "google-grpc"])
def test_a_batch_joins_its_inputs_over_a_bridge(name: str) -> None:
    """Three pictures go out in one request, as by our own transport."""
    body = {"responses": GOOGLE["responses"] * 3}
    way = WAYS[name]
    with grpcd(body) if way.grpc else faultd(reply(as_json(body))) as server:
        client = way.make(f"http://127.0.0.1:{server.port}" if way.grpc else server.url)
        with Client.from_vendor(client) as ours:
            pictures = [PICTURE.read_bytes() + bytes([n]) for n in range(3)]
            found = ours.map("analyze_image", pictures, features=["tags"])
        assert [[tag.name for tag in item.result.tags] for item in found] == [["나무"]] * 3
        assert server.count == 1
        client.transport.close()


def test_clocks_are_ours() -> None:
    """Options of the constructor hold: here a clock, a most of attempts, events."""
    events: list[cloudai.Event] = []
    with faultd(reply(b"{}", "503 Service Unavailable", "Retry-After: 1")) as server:
        client, clock = WAYS["google-rest"].make(server.url), Skipping()
        options = {"clock": clock, "sleep": clock.sleep, "max_attempts": 2, "on_event": events.append}
        with Client.from_vendor(client, **options) as ours, pytest.raises(cloudai.UnavailableError):
            ours.detect_faces(PICTURE)
        assert server.count == 2
        client.transport.close()
    assert [e.kind for e in events] == ["attempt", "reply", "wait", "attempt", "reply", "result"]
