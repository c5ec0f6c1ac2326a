"""The requests to Watson, the sources of its settings, and the services that IBM has withdrawn."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cloudai import (
    AuthError,
    BadRequestError,
    InputError,
    Resource,
    Response,
    SettingsError,
    UnsupportedOperationError,
    Watson,
)
from cloudai.cli import main
from cloudai.testing import Script
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE, write_wav

KEY = "not-a-real-key"
NLU = "https://api.kr-seo.natural-language-understanding.watson.cloud.ibm.com/instances/1"
STT = "https://api.kr-seo.speech-to-text.watson.cloud.ibm.com/instances/2"
WATSON = Watson(nlu=Resource(KEY, NLU), speech_to_text=Resource(KEY, STT + "/"))
MOOD = {"language": "ko", "sentiment": {"document": {"score": 0.5, "label": "positive"}}}
SPEECH: dict[str, Any] = {"results": []}


def sent(call: Caller, operation: str, *args: Any, watson: Watson = WATSON, **options: Any) -> Any:
    """Return the request of a call."""
    script = Script(Response(200, {}, json.dumps(SPEECH if operation == "speech_to_text" else MOOD).encode()))
    call(watson, operation, *args, send=script, **options)
    return script.requests[0]


def test_sentiment(call: Caller) -> None:
    """Both features at once, the version's date, the key in basic authentication, no learning."""
    request = sent(call, "sentiment", "맛있어요!")
    assert (request.url, request.params) == (f"{NLU}/v1/analyze", {"version": "2022-08-10"})
    assert request.json == {"text": "맛있어요!", "features": {"sentiment": {}, "emotion": {}}}
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == f"apikey:{KEY}"
    assert request.headers["X-Watson-Learning-Opt-Out"] == "true"


@pytest.mark.parametrize(("language", "emotion"), [("ko-KR", False), ("en", True), ("fr-CA", True)])
def test_emotions_where_the_language_has_them(call: Caller, language: str, emotion: bool) -> None:
    """Asked for in another, the whole call would fail."""
    body = sent(call, "sentiment", "x", language=language).json
    assert body["language"] == language[:2]
    assert ("emotion" in body["features"]) == emotion


def test_a_text_that_would_be_cut_is_refused(call: Caller) -> None:
    """The service leaves the rest out, and says so only in a warning."""
    with pytest.raises(InputError, match="50,001 characters, and IBM takes 50,000"):
        call(WATSON, "sentiment", "가" * 50_001, send=Script())


def test_speech(call: Caller) -> None:
    """The model is always named; times and confidences as asked; nothing masked."""
    request = sent(call, "speech_to_text", GREETING, language="en")
    assert request.url == f"{STT}/v1/recognize"
    assert request.params == {
        "model": "en-US",
        "timestamps": "true",
        "word_confidence": "true",
        "speaker_labels": "false",
        "profanity_filter": "false",
    }
    assert request.headers["Content-Type"] == "audio/wav"
    assert request.content.data[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("language", "rate", "model"),
    [
        ("ko", 16_000, "ko-KR_Multimedia"),
        ("ko-KR", 8_000, "ko-KR_Telephony"),
        ("ja", 8_000, "ja-JP"),
        ("en-GB", 44_100, "en-GB"),
        ("zh-CN", 16_000, "zh-CN_Telephony"),
        ("ar", 16_000, "ar-MS_Telephony"),
    ],
)
def test_the_model_of_a_language(call: Caller, tmp_path: Path, language: str, rate: int, model: str) -> None:
    """Large models by the language alone; Korean by the quality of the sound."""
    path = write_wav(tmp_path / "연설.wav", 1, rate)
    assert sent(call, "speech_to_text", path, language=language).params["model"] == model


@pytest.mark.parametrize(("language", "code"), [("fi", "fi-FI"), ("zh-TW", "zh-TW"), ("en-CA", "en-CA")])
def test_a_language_without_a_model(call: Caller, language: str, code: str) -> None:
    """The error lists those there are; nothing is sent, and no neighbour's model is taken."""
    with pytest.raises(UnsupportedOperationError, match=rf"no model for {code}\. It has: .*ko-KR"):
        call(WATSON, "speech_to_text", GREETING, send=Script(), language=language)


def test_a_feature_that_only_a_warning_speaks_of(call: Caller) -> None:
    """A 200 without a sentiment: the warning says why, and is the error."""
    reply = {"language": "xx", "warnings": ["sentiment: unsupported text language: xx"]}
    script = Script(Response(200, {}, json.dumps(reply).encode()))
    with pytest.raises(BadRequestError, match=r"unsupported text language: xx.*another provider"):
        call(WATSON, "sentiment", "x y z", send=script)


@pytest.mark.parametrize("body", [b"", b"<html>no</html>"])
def test_a_refused_key_is_told_whatever_the_reply_looks_like(call: Caller, body: bytes) -> None:
    """Also by a proxy, or with no text at all: the advice is there."""
    with pytest.raises(AuthError, match="of the same instance"):
        call(WATSON, "sentiment", "x", send=Script(Response(401, {}, body)))


def test_no_key_is_one_line_that_says_what_to_do(call: Caller) -> None:
    """The text a newcomer meets first."""
    with pytest.raises(SettingsError) as raised:
        call("watson", "speech_to_text", GREETING, send=Script(), language="ko")
    assert str(raised.value) == (
        "watson: no key. Set SPEECH_TO_TEXT_APIKEY and SPEECH_TO_TEXT_URL (Windows: setx, then open a new window)."
    )


def test_a_key_without_a_url(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is there: only the URL is asked for."""
    monkeypatch.setenv("SPEECH_TO_TEXT_APIKEY", KEY)
    with pytest.raises(SettingsError, match=r"no URL\. Set SPEECH_TO_TEXT_URL, which IBM Cloud shows beside the key"):
        call("watson", "speech_to_text", GREETING, send=Script(), language="ko")


@pytest.mark.parametrize(("url", "operation"), [(NLU, "sentiment"), (STT, "speech_to_text")])
def test_one_instance_is_told_by_its_host(url: str, operation: str) -> None:
    """apikey= and url= suffice where the host names the service."""
    watson = Watson(apikey=KEY, url=url)
    assert watson.missing(operation) is None
    assert [o for o in ("sentiment", "speech_to_text") if watson.supports(o)] == [operation]
    assert watson.missing() is None


@pytest.mark.parametrize("url", [None, "https://cpd.example/nlu/api"])
def test_a_host_that_tells_nothing(url: str | None) -> None:
    """The error says how to name the service."""
    with pytest.raises(SettingsError, match=r"does not tell the service. Name it: Watson\(nlu=Resource"):
        Watson(apikey=KEY, url=url)


@pytest.mark.parametrize(
    ("url", "text"), [("api.eu-de", "no address"), ("https://gateway.watsonplatform.net/x/api", "ended on 2021-05-26")]
)
def test_a_url_that_is_none(call: Caller, url: str, text: str) -> None:
    """No address, or one of the hosts that are gone."""
    with pytest.raises(SettingsError, match=text):
        call(Watson(nlu=Resource(KEY, url)), "sentiment", "x", send=Script())


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Write a credentials file, and set an instance bound by Cloud Foundry."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ibm-credentials.env"
    path.write_text(
        f"# 한글 주석\nNATURAL_LANGUAGE_UNDERSTANDING_APIKEY=of-the-file\nNATURAL_LANGUAGE_UNDERSTANDING_URL={NLU}\n"
        "NATURAL_LANGUAGE_UNDERSTANDING_AUTH_TYPE=iam\n",
        "utf-8",
    )
    bound = {
        "natural-language-understanding": [{"credentials": {"apikey": "of-the-platform", "url": NLU}}],
        "speech_to_text": [{"credentials": {"apikey": "of-the-platform", "url": STT}}],
    }
    monkeypatch.setenv("VCAP_SERVICES", json.dumps(bound))
    return path


def test_precedence(everywhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In code, the environment, IBM's file, then the platform."""
    nlu = "nlu_apikey"
    assert Watson().setting("speech_to_text_apikey") == "of-the-platform"
    assert Watson().setting(nlu) == "of-the-file"
    found = Watson().lookup(nlu)
    assert found
    assert found.where == "NATURAL_LANGUAGE_UNDERSTANDING_APIKEY in ibm-credentials.env"
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_APIKEY", "of-the-environment")
    assert Watson().setting(nlu) == "of-the-environment"
    assert Watson(nlu=Resource("in-code", NLU)).setting(nlu) == "in-code"
    elsewhere = everywhere.rename(everywhere.parent / "다른.env")
    monkeypatch.delenv("NATURAL_LANGUAGE_UNDERSTANDING_APIKEY")
    assert Watson().setting(nlu) == "of-the-platform"
    monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(elsewhere))
    assert Watson().setting(nlu) == "of-the-file"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("IBM_CREDENTIALS_FILE", "없음.env", "IBM_CREDENTIALS_FILE names no file"), ("VCAP_SERVICES", "{", "is not JSON")],
)
def test_settings_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str) -> None:
    """A file that is not there, and JSON that is none: one line."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=text):
        Watson().setting("nlu_apikey")


@pytest.mark.usefixtures("everywhere")
def test_doctor_says_where_each_setting_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The file and the platform are named; of a key only its last four characters."""
    assert main(["doctor", "watson"]) == 0
    printed = capsys.readouterr().out
    assert "NATURAL_LANGUAGE_UNDERSTANDING_APIKEY in ibm-credentials.env" in printed
    assert "SPEECH_TO_TEXT_URL in VCAP_SERVICES" in printed
    assert "…file" in printed
    assert "of-the-file" not in printed
    assert "watson: ready for sentiment, detect_language, key_phrases, speech_to_text" in printed


@pytest.mark.parametrize(
    ("operation", "given", "options", "text"),
    [
        ("analyze_image", PICTURE, {}, r"ended on 2021-12-01\. .*Available from: azure, google, watson, local"),
        ("detect_faces", PICTURE, {}, r"ended on 2021-12-01\. .*Available from: azure, google, watson, local"),
        ("read_text", PICTURE, {}, r"ended on 2021-12-01\. .*Available from: azure, google, watson, local"),
        ("estimate_age", PICTURE, {}, r"dropped faces and ages in 2018.*Set WATSONX_APIKEY.*Available from: azure"),
        ("translate", "x", {"to": "ko"}, r"withdrew Language Translator on 2024-12-10\. .*Set WATSONX_APIKEY"),
    ],
)
def test_what_ibm_has_withdrawn(call: Caller, operation: str, given: Any, options: Any, text: str) -> None:
    """The error says since when, what to set for the chat model, and who can; nothing is sent."""
    script = Script()
    with pytest.raises(UnsupportedOperationError, match=f"watson: {operation} is not available: .*{text}"):
        call(WATSON, operation, given, send=script, **options)
    assert script.requests == []
    assert Watson.capabilities()[operation].status == "retired"
