"""Google's client for Translation v3, by REST, by gRPC and awaiting: its project, its calls and its errors."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.auth.api_key import Credentials as ApiKey
from google.cloud import translate_v3
from google.cloud.translate_v3.services.translation_service.transports import (
    TranslationServiceGrpcTransport,
    TranslationServiceRestTransport,
)

from cloudai import AsyncClient, Client, SettingsError
from cloudai.bridges.google import _outgoing
from cloudai.core.flow import Request

CREDENTIALS = ApiKey("not-a-real-key")


def by_rest() -> Any:
    """Return the official client that uses REST."""
    transport = TranslationServiceRestTransport(host="translation.example", credentials=CREDENTIALS)
    return translate_v3.TranslationServiceClient(transport=transport)


def by_grpc(answer: Any) -> Any:
    """Return the official client that uses gRPC, whose methods are answered here."""
    channel = grpc.insecure_channel("127.0.0.1:9")
    client = translate_v3.TranslationServiceClient(transport=TranslationServiceGrpcTransport(channel=channel))
    client.translate_text = client.detect_language = answer
    return client


def test_a_client_without_a_project_is_refused() -> None:
    """v3 puts the project into the address, and the login of this client names none."""
    with pytest.raises(SettingsError, match="GOOGLE_CLOUD_PROJECT"):
        Client.from_vendor(by_rest())


def test_it_serves_translation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It translates and detects languages, with the project of the environment, and needs no key."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    client = Client.from_vendor(by_rest())
    assert client.supports("translate")
    assert client.supports("detect_language")
    assert not client.supports("sentiment")


def test_a_translation_by_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the project as its parent, and the reply is read as that of REST is."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    asked: list[Any] = []

    def answer(*, request: Any, **options: Any) -> Any:
        asked.append((request, options))
        translation = translate_v3.Translation(translated_text="국이 뜨겁습니다.", detected_language_code="en")
        return translate_v3.TranslateTextResponse(translations=[translation])

    with Client.from_vendor(by_grpc(answer)) as client:
        translation = client.translate("The soup is hot.", to="ko")
    assert (translation.text, translation.detected) == ("국이 뜨겁습니다.", "en")
    ((message, options),) = asked
    assert message.parent == "projects/my-project/locations/global"
    assert (list(message.contents), message.target_language_code) == (["The soup is hot."], "ko")
    assert options["retry"] is None


def test_a_language_by_grpc_in_the_awaiting_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocking client works in threads, and the likeliest language counts."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")

    def answer(*, request: Any, **_: Any) -> Any:
        assert request.content == "국이 뜨겁습니다."
        languages = [translate_v3.DetectedLanguage(language_code="ko", confidence=0.9)]
        return translate_v3.DetectLanguageResponse(languages=languages)

    async def awaiting() -> str:
        async with AsyncClient.from_vendor(by_grpc(answer)) as client:
            return (await client.detect_language("국이 뜨겁습니다.")).code

    assert asyncio.run(awaiting()) == "ko"


def test_what_grpc_has_no_field_for_is_refused() -> None:
    """The error names the package, and says what to do."""
    url = "https://translation.googleapis.com/v3/projects/p/locations/global:translateText"
    request = Request("POST", url, json={"contents": ["x"], "noSuchField": 1})
    with pytest.raises(SettingsError, match=r'google-cloud-translate cannot send this.*transport="rest"'):
        _outgoing(request)
