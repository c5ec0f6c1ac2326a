"""The official clients of chat models beneath our engine: google.genai.Client and openai.AzureOpenAI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from cloudai import (
    AsyncClient,
    BadRequestError,
    Client,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    RateLimitedError,
    SettingsError,
    UnsupportedOperationError,
)
from cloudai.cli.demo import sample_photos
from tests.support.generative import KEY
from tests.support.played import PICTURE

HOPPER = dict(sample_photos())["Grace Hopper"]
LANGUAGE = '{"code": "ko", "name": "Korean"}'
GEMINI = {"candidates": [{"content": {"parts": [{"text": LANGUAGE}]}, "finishReason": "STOP"}], "modelVersion": "m"}
OPENAI = {"choices": [{"index": 0, "message": {"content": LANGUAGE}, "finish_reason": "stop"}], "model": "m"}
Handler = Callable[[httpx2.Request], httpx2.Response]


def _gemini(handler: Handler) -> Any:
    from google import genai

    options = {
        "client_args": {"transport": httpx2.MockTransport(handler)},
        "async_client_args": {"transport": httpx2.MockTransport(handler)},
    }
    return genai.Client(api_key=KEY, http_options=options)


def _openai(handler: Handler, *, awaited: bool = False) -> Any:
    import openai

    kind, http = (openai.AsyncAzureOpenAI, httpx2.AsyncClient) if awaited else (openai.AzureOpenAI, httpx2.Client)
    return kind(
        api_key=KEY,
        azure_endpoint="https://example.openai.azure.com",
        azure_deployment="luna",
        api_version="2025-04-01-preview",
        http_client=http(transport=httpx2.MockTransport(handler)),
    )


CLIENTS: dict[str, Callable[[Handler], Any]] = {
    "gemini": _gemini,
    "gemini.aio": lambda handler: _gemini(handler).aio,
    "openai": _openai,
    "openai async": lambda handler: _openai(handler, awaited=True),
}
WAYS = [(name, awaiting) for name in CLIENTS for awaiting in (False, True) if awaiting or name in ("gemini", "openai")]


def ask(name: str, awaiting: bool, handler: Handler, operation: str, given: Any, **options: Any) -> Any:
    """Make one call through an official client, by one of our clients."""
    theirs = CLIENTS[name](handler)
    settings = {k.removeprefix("client_"): options.pop(k) for k in list(options) if k.startswith("client_")}
    if not awaiting:
        with Client.from_vendor(theirs, sleep=lambda _: None, **settings) as client:
            return getattr(client, operation)(given, **options)

    async def awaited() -> Any:
        async def sleep(_: float) -> None:
            return None

        async with AsyncClient.from_vendor(theirs, sleep=sleep, **settings) as client:
            return await getattr(client, operation)(given, **options)

    return asyncio.run(awaited())


def answering(name: str, sent: list[httpx2.Request], *replies: tuple[int, Any]) -> Handler:
    """Answer with these replies in turn, the last again and again."""
    bodies = list(replies or [(200, GEMINI if name.startswith("gemini") else OPENAI)])

    def handler(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        status, body = bodies.pop(0) if len(bodies) > 1 else bodies[0]
        return httpx2.Response(status, json=body)

    return handler


@pytest.mark.parametrize(("name", "awaiting"), WAYS)
def test_the_official_client_sends_our_prompt(name: str, awaiting: bool) -> None:
    """Its key and its address, our body, and the same result as by our own transport."""
    sent: list[httpx2.Request] = []
    language = ask(name, awaiting, answering(name, sent), "detect_language", "국이 뜨겁습니다.")
    assert (language.code, language.meta.method, language.meta.model) == ("ko", "generative", "m")
    (request,) = sent
    body = json.loads(request.content)
    if name.startswith("gemini"):
        assert request.headers["x-goog-api-key"] == KEY
        assert request.url.path.endswith("/models/gemini-3.8-flash:generateContent")
        assert set(body) == {"systemInstruction", "contents", "generationConfig"}
        assert "국이 뜨겁습니다." in body["contents"][0]["parts"][0]["text"]
    else:
        assert request.headers["api-key"] == KEY
        assert request.url.path == "/openai/deployments/luna/chat/completions"
        assert body["model"] == "luna"
        assert "국이 뜨겁습니다." in body["messages"][1]["content"][0]["text"]


@pytest.mark.parametrize(("name", "awaiting"), [("gemini", False), ("openai async", True)])
def test_pictures_go_through_it_and_faces_are_found_here(name: str, awaiting: bool) -> None:
    """The client has no detector, so that this machine finds the faces; the vendor's classic services are refused."""
    text = json.dumps({"faces": [{"picture": 0, "low": 70, "high": 80}]})
    body: Any = json.loads(
        json.dumps(GEMINI if name.startswith("gemini") else OPENAI).replace(json.dumps(LANGUAGE), json.dumps(text))
    )
    sent: list[httpx2.Request] = []
    ages = ask(name, awaiting, answering(name, sent, (200, body)), "estimate_age", HOPPER)
    assert [(age.low, age.high) for age in ages] == [(70, 80)]
    assert len(sent) == 1
    with pytest.raises(UnsupportedOperationError, match="serves a chat model"):
        ask(name, awaiting, answering(name, sent), "sentiment", "좋아요", method="classic")
    with pytest.raises(UnsupportedOperationError):
        ask(name, awaiting, answering(name, sent), "text_to_speech", "좋아요")


@pytest.mark.parametrize(("name", "awaiting"), WAYS)
def test_its_errors_are_ours(name: str, awaiting: bool) -> None:
    """An error reply has our class and our advice; the client itself sends nothing again."""
    sent: list[httpx2.Request] = []
    error = {"error": {"code": 400, "message": "잘못된 요청", "status": "INVALID_ARGUMENT"}}
    with pytest.raises(BadRequestError, match="잘못된 요청"):
        ask(name, awaiting, answering(name, sent, (400, error)), "detect_language", "국")
    assert len(sent) == 1
    limited = {"error": {"code": 429, "message": "천천히", "status": "RESOURCE_EXHAUSTED"}}
    with pytest.raises(RateLimitedError):
        ask(name, awaiting, answering(name, sent, (429, limited)), "detect_language", "국", client_max_attempts=2)
    assert len(sent) == 3
    again = answering(name, sent, (503, error), (200, GEMINI if name.startswith("gemini") else OPENAI))
    assert ask(name, awaiting, again, "detect_language", "국").code == "ko"
    assert len(sent) == 5


@pytest.mark.parametrize(("name", "awaiting"), WAYS)
@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (httpx2.ConnectError("no"), ConnectError),
        (httpx2.ReadError("cut"), ConnectionLostError),
        (httpx2.ReadTimeout("late"), DeadlineExceededError),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_broken_connection_is_told_apart(
    name: str, awaiting: bool, raised: Exception, ours: type[CloudAIError]
) -> None:
    """What was never sent is a ConnectError; what may have been carried out is not."""

    def handler(_: httpx2.Request) -> httpx2.Response:
        raise raised

    with pytest.raises(CloudAIError) as caught:
        ask(name, awaiting, handler, "detect_language", "국", client_max_attempts=1)
    assert type(caught.value) is ours
    assert KEY not in str(caught.value)


def test_a_deployment_has_to_be_named() -> None:
    """A client without one, and without the variable, is refused when the bridge is made."""
    import openai

    theirs = openai.AzureOpenAI(api_key=KEY, azure_endpoint="https://e.openai.azure.com", api_version="v")
    with pytest.raises(SettingsError, match="azure_deployment="):
        Client.from_vendor(theirs)


def test_an_awaiting_client_needs_ours() -> None:
    """The error names AsyncClient."""
    with pytest.raises(SettingsError, match=r"AsyncClient\.from_vendor"):
        Client.from_vendor(CLIENTS["openai async"](answering("openai", [])))


def test_captions_by_an_official_client() -> None:
    """A picture is sent in the form of the client's own API."""
    text = json.dumps({"caption": "나무", "tags": ["나무"]}, ensure_ascii=False)
    body = {"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]}
    sent: list[httpx2.Request] = []
    analysis = ask("openai", False, answering("openai", sent, (200, body)), "analyze_image", PICTURE, language="ko")
    assert analysis.caption.text == "나무"
    picture = json.loads(sent[0].content)["messages"][1]["content"][0]["image_url"]["url"]
    assert picture.startswith("data:image/png;base64,iVBORw0KGgo")


@pytest.mark.parametrize("name", ["gemini", "openai"])
def test_what_is_no_json_is_not_sent(name: str) -> None:
    """A number that JSON does not have, in ``extra=``, is an error of the settings, as it is without a bridge."""

    def handler(_: httpx2.Request) -> httpx2.Response:
        raise AssertionError("nothing is sent")

    with (
        Client.from_vendor(CLIENTS[name](handler)) as client,
        pytest.raises(SettingsError, match=r"cannot be written as JSON"),
    ):
        client.detect_language("안녕", extra={"temperature": float("nan")})
