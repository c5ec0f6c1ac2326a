"""The choice between a classic service and the chat model, the key of an answer, and the settings that it needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cloudai import (
    AuthError,
    Azure,
    Client,
    ConnectError,
    Google,
    MalformedResponseError,
    Request,
    Resource,
    Response,
    SettingsError,
    UnsupportedOperationError,
    Watson,
)
from cloudai.batch.task import Task, tasks_of
from cloudai.cli import main
from cloudai.providers._generative import prompts
from cloudai.testing import Cassette, Script
from tests.conftest import Caller
from tests.made_up.provider import Clock
from tests.support.generative import CHATS, KEY, TOKEN, reply
from tests.support.paths import FIXTURES
from tests.support.played import PICTURE

GOOD = '{"text": {"label": "positive", "score": 1}, "sentences": [{"sentence": 0, "label": "positive", "score": 1}]'
GOOD = f'{GOOD}, "language": "ko"}}'


def task(provider: Any, operation: str = "sentiment", **options: Any) -> Task:
    """Return the task of a batch."""
    return tasks_of(provider, operation, options)[0]


def test_model_and_prompt_belong_to_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that was paid for is found by method, model and version of the prompt; a classic one as ever."""
    google = Google(gemini_api_key=KEY)
    classic, chat = task(google), task(google, method="generative")
    assert task(google, method=None).digest == task(google, method="classic").digest == classic.digest
    assert chat.digest != classic.digest
    assert task(Google(gemini_model="gemini-3.8-flash"), method="generative").digest == chat.digest
    assert task(Google(gemini_model="gemini-3.5-flash-lite"), method="generative").digest != chat.digest
    monkeypatch.setitem(prompts.VERSIONS, "sentiment", 2)  # type: ignore[arg-type]  # it is a dict beneath
    assert task(google, method="generative").digest != chat.digest
    assert task(google).digest == classic.digest


def test_without_a_classic_service_the_method_need_not_be_named() -> None:
    """Both ways have one key, and settings make no difference, so that an answer is found without a key."""
    assert task(Google(), "estimate_age").digest == task(CHATS["google"](), "estimate_age", method="generative").digest
    assert task(Google(), "estimate_age").method == "generative"
    assert task(Azure(face_approved=True), "estimate_age").method == "classic"
    assert task(Watson(), "translate", to="ko").method == "generative"
    assert task(Watson(), "sentiment").method == "classic"


def test_a_batch_asks_a_model_once(tmp_path: Path) -> None:
    """A second run answers from the journal, without a key; another model is asked anew."""
    sent: list[Request] = []

    def send(request: Request) -> Response:
        sent.append(request)
        return reply("google", GOOD)

    def run(provider: Any, **options: Any) -> Any:
        with (
            Client(provider, send=send, **options) as client,
            client.batch("sentiment", ["좋아요"], options={"method": "generative"}, journal=tmp_path / "a.db") as job,
        ):
            assert job.plan().requests == (0 if sent and provider.chat_model() == "gemini-3.8-flash" else 1)
            (outcome,) = job
        return outcome

    assert run(Google(gemini_api_key=KEY)).result.label == "positive"
    again = run(Google(), offline=True)
    assert len(sent) == 1
    assert (again.result.meta.method, again.result.meta.prompt) == ("generative", "sentiment/1")
    run(Google(gemini_api_key=KEY, gemini_model="gemini-3.5-flash-lite"))
    assert [r.url.rpartition("/")[2].partition(":")[0] for r in sent] == ["gemini-3.8-flash", "gemini-3.5-flash-lite"]


def test_stored_answers_about_faces_are_read_without_the_picture(tmp_path: Path) -> None:
    """The journal holds the detector's reply and the model's, and both are read again although the photo is gone."""
    photo = tmp_path / "사진.png"
    photo.write_bytes(PICTURE.read_bytes())
    held = Cassette.load(FIXTURES / "generative" / "google" / "estimate_age-success.json").exchanges
    script = Script(*[Response(200, e.response.headers, json.dumps(e.response.body).encode()) for e in held])
    with (
        Client(CHATS["google"](), send=script) as client,
        client.batch("estimate_age", [photo], journal=tmp_path / "a.db") as job,
    ):
        plan = job.plan()
        assert plan.requests == 2
        list(job)
    photo.unlink()
    with (
        Client("google", offline=True) as client,
        client.batch("estimate_age", [photo], journal=tmp_path / "a.db") as job,
    ):
        assert job.reparse() == 1
        (again,) = job._kept()
    assert [(age.low, age.high) for age in again.result] == [(34, 42), (8.5, 12)]


@pytest.mark.parametrize(
    ("provider", "operation", "given", "what"),
    [
        (Google(api_key=KEY), "estimate_age", PICTURE, r"never gave an age.* Gemini answers once .*GEMINI_API_KEY"),
        (Azure(key=KEY, endpoint="https://a.example"), "estimate_age", PICTURE, "AZURE_OPENAI_DEPLOYMENT.*approval"),
        (Watson(), "analyze_image", PICTURE, "ended on 2021-12-01.*WATSONX_APIKEY"),
        (Watson(), "detect_faces", PICTURE, "WATSONX_APIKEY"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_key_for_something_else_sends_nothing_to_a_model(
    call: Caller, provider: Any, operation: str, given: Any, what: str
) -> None:
    """Where nobody asks for the model and it is not set up, the error says what to set, and no detector is paid."""
    script = Script()
    with pytest.raises(UnsupportedOperationError, match=what):
        call(provider, operation, given, send=script)
    assert script.requests == []
    assert not Client(provider).supports(operation)


@pytest.mark.parametrize(
    ("provider", "what"),
    [
        (Google(), "no key for Gemini. Set GEMINI_API_KEY"),
        (Google(vertex=True, credentials={"type": "x"}), "Vertex AI needs a project"),
        (Azure(), "AZURE_OPENAI_DEPLOYMENT"),
        (Azure(openai_deployment="luna"), "AZURE_OPENAI_API_KEY"),
        (Azure(openai_deployment="luna", openai=Resource(KEY)), "AZURE_OPENAI_ENDPOINT"),
        (Watson(), "WATSONX_APIKEY"),
        (Watson(watsonx=Resource(KEY, "https://us-south.ml.cloud.ibm.com")), "WATSONX_PROJECT_ID"),
        (Watson(watsonx=Resource(KEY, "https://u.example"), watsonx_project="p"), "WATSONX_MODEL_ID"),
    ],
)
def test_the_error_says_what_to_set(call: Caller, provider: Any, what: str) -> None:
    """Who asks for a model that is not set up is told the next thing that is missing, before anything is sent."""
    script = Script()
    with pytest.raises(SettingsError, match=what):
        call(provider, "sentiment", "좋아요", send=script, method="generative")
    with pytest.raises(SettingsError, match=what):
        call(provider, "detect_faces", PICTURE, send=script, method="generative")
    assert script.requests == []


def test_a_key_for_all_services_serves_the_model_that_is_asked_for(call: Caller) -> None:
    """GOOGLE_API_KEY goes to Gemini, and the key of an Azure AI resource to its deployment, where that is asked for."""
    script = Script(reply("google", GOOD))
    call(Google(api_key=KEY), "sentiment", "좋아요", send=script, method="generative")
    assert script.requests[0].headers["x-goog-api-key"] == KEY
    script = Script(reply("azure", GOOD))
    azure = Azure(key=KEY, endpoint="https://a.example", openai_deployment="luna")
    call(azure, "sentiment", "좋아요", send=script, method="generative")
    assert script.requests[0].headers["api-key"] == KEY


@pytest.mark.parametrize("provider", ["local", Google(), Azure()])
def test_what_no_model_answers_is_refused(call: Caller, provider: Any) -> None:
    """Speaking and dictionaries have no model; the engine on this machine has none at all."""
    operation = "sentiment" if provider == "local" else "text_to_speech"
    with pytest.raises(UnsupportedOperationError, match=f"no chat model answers {operation} here"):
        call(provider, operation, "x", send=Script(), method="generative")


def test_a_method_that_there_is_not(call: Caller) -> None:
    """The error lists those that there are."""
    with pytest.raises(SettingsError, match=r"unknown method 'chat'\. Known: classic, generative"):
        call("google", "sentiment", "x", send=Script(), method="chat")


def test_vertex_ai_has_a_project_and_a_location() -> None:
    """The address names both, and the model of Google's; nothing but the region's host gets the picture."""
    script = Script(reply("google", GOOD))
    google = Google(vertex=True, project="my-project", location="asia-northeast3")
    with Client(google, send=script, offline=True) as client:
        client.sentiment("좋아요", method="generative")
    assert script.requests[0].url == (
        "https://asia-northeast3-aiplatform.googleapis.com/v1/projects/my-project/locations/asia-northeast3"
        "/publishers/google/models/gemini-3.8-flash:generateContent"
    )


def test_a_model_that_would_change_the_address_is_refused(call: Caller) -> None:
    """The name of a model becomes a part of an address, so that it is checked, and not shown."""
    for name in ("../../v1beta/x", "a b", "x?key=1", "https://evil.example"):
        with pytest.raises(SettingsError, match="gemini_model= is no name of a model") as raised:
            call(Google(api_key=KEY, gemini_model=name), "sentiment", "x", send=Script(), method="generative")
        assert name not in str(raised.value)


def test_capabilities_tell_both() -> None:
    """A row has the classic service with its dates, what the model needs, or both."""
    assert Google.capabilities()["estimate_age"].summary == "generative (needs gemini)"
    assert Google.capabilities()["sentiment"].summary == "open, generative (needs gemini)"
    assert Watson.capabilities()["translate"].summary == "retired, since 2024-12-10, generative (needs watsonx)"
    assert Azure.capabilities()["speech_to_text"].generative is None
    for kind in (Google, Azure, Watson):
        for able in kind.capabilities().values():
            assert able.generative is None or (able.generative.page and able.generative.checked)


def test_the_command_line_takes_the_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--method generative without a key says what to set; doctor says the same beforehand."""
    monkeypatch.chdir(tmp_path)
    assert main(["sentiment", "좋아요", "--provider", "google", "--method", "generative"]) == 2
    assert "no key for Gemini. Set GEMINI_API_KEY" in capsys.readouterr().err
    main(["doctor", "azure"])
    assert "--method generative: no deployment of a chat model" in capsys.readouterr().out
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    main(["doctor", "google"])
    printed = capsys.readouterr().out
    assert "--method generative: ready" in printed
    assert "generativelanguage.googleapis.com" in printed
    monkeypatch.setenv("GEMINI_MODEL", "gemini-2.5-flash")
    main(["doctor", "google"])
    told = r"Name another model: GEMINI_MODEL\. gemini-2\.5-flash end(s|ed) on 2026-12-01\. Known: gemini-3\.8-flash"
    assert re.search(told, capsys.readouterr().out)
    main(["providers", "watson"])
    assert "generative: needs watsonx: WATSONX_APIKEY" in capsys.readouterr().out


def test_the_key_of_watsonx_is_exchanged_for_a_token_once() -> None:
    """IBM Cloud gets the key, watsonx.ai the token; a token that is refused is fetched anew."""
    sent: list[Request] = []
    answers = iter([401, 200, 200])

    def send(request: Request) -> Response:
        sent.append(request)
        if request.service == "iam":
            return TOKEN
        if next(answers) == 401:
            body = b'{"errors": [{"code": "authentication_token_expired", "message": "expired"}], "status_code": 401}'
            return Response(401, {"content-type": "application/json"}, body)
        return reply("watson", GOOD)

    with Client(CHATS["watson"](), send=send, sleep=lambda _: None) as client:
        for _ in range(2):
            client.sentiment("좋아요", method="generative")
    assert [request.service for request in sent] == ["iam", "watsonx", "iam", "watsonx", "watsonx"]
    assert sent[0].form == {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": KEY}
    assert sent[0].url == "https://iam.cloud.ibm.com/identity/token"
    for request in sent[1::2]:
        assert request.headers == {"Authorization": "Bearer made-up"}


def test_a_key_that_ibm_cloud_does_not_know_is_told() -> None:
    """The error has IBM's code and advice, and not the key; nothing goes to watsonx.ai."""
    body = {"errorCode": "BXNIM0415E", "errorMessage": f"Provided API key could not be found: {KEY}"}
    script = Script(Response(400, {"content-type": "application/json"}, json.dumps(body).encode()))
    with Client(CHATS["watson"](), send=script) as client, pytest.raises(AuthError) as raised:
        client.sentiment("좋아요", method="generative")
    assert raised.value.code == "BXNIM0415E"
    assert KEY not in str(raised.value)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_ibm_cloud_that_is_busy_is_asked_again(status: int) -> None:
    """A code of IBM Cloud stands beside errors that have nothing to do with the key; these are tried again."""
    busy = {"errorCode": "BXNIM0429E", "errorMessage": "Try again later"}
    refused = Response(status, {"content-type": "application/json"}, json.dumps(busy).encode())
    script = Script(refused, TOKEN, reply("watson", GOOD))
    with Client(CHATS["watson"](), send=script, sleep=lambda _: None) as client:
        assert client.sentiment("좋아요", method="generative").label == "positive"
    assert [request.service for request in script.requests] == ["iam", "iam", "watsonx"]


def test_ibm_cloud_that_cannot_be_reached_is_told() -> None:
    """The error has the host of IBM Cloud, which no setting names, so that none is advised to be spelled anew."""
    refused = ConnectError("cannot reach iam.cloud.ibm.com (no such host)")
    refused.unknown_host = True
    with (
        Client(CHATS["watson"](), send=Script(*[refused] * 9), sleep=lambda _: None) as client,
        pytest.raises(ConnectError, match=r"watson: cannot reach iam\.cloud\.ibm\.com") as raised,
    ):
        client.sentiment("좋아요", method="generative")
    assert "spelling" not in str(raised.value)


def test_a_token_without_its_end_is_malformed() -> None:
    """A reply without a token, or without its end, is no token."""
    for body in (b"{}", b'{"access_token": "x"}', b'{"access_token": 5, "expiration": 1}', b"<html>"):
        script, clock = Script(Response(200, {"content-type": "application/json"}, body)), Clock()
        watson = Client(CHATS["watson"](), send=script, clock=clock, sleep=clock.sleep)
        with watson as client, pytest.raises(MalformedResponseError):
            client.sentiment("좋아요", method="generative")
