"""Settings are looked up once per call, by every provider, under both clients and in batches."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudai import (
    AsyncClient,
    Azure,
    BadRequestError,
    Client,
    Google,
    Local,
    Provider,
    Resource,
    Response,
    SettingsError,
    Watson,
)
from cloudai.core.flow import Flow, Request
from cloudai.models.text import Sentiment
from cloudai.providers.base import cached_per_call, kept
from cloudai.providers.local.faces import yunet
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.calls import Skipping
from tests.made_up.provider import MadeUp, ok
from tests.support.canaries import hits, shown_by
from tests.support.played import GREETING, PICTURE, REVIEW
from tests.unit.providers.local.test_local import HOPPER

KEY = "canary-7d1e-key"
AZURE = "https://one.cognitiveservices.azure.com"
NLU = "https://api.eu-de.natural-language-understanding.watson.cloud.ibm.com"
OF_WATSON = {"NATURAL_LANGUAGE_UNDERSTANDING_APIKEY": KEY, "NATURAL_LANGUAGE_UNDERSTANDING_URL": NLU}
MOOD = ok({"language": "ko", "sentiment": {"document": {"score": 0.5, "label": "positive"}}})
HEARD = ok({"results": [{"alternatives": [{"transcript": "안녕하세요"}]}]})
WATSON = ("NATURAL_LANGUAGE_UNDERSTANDING_", "SPEECH_TO_TEXT_")
ELSEWHERE = ("IBM_CREDENTIALS_FILE", "VCAP_SERVICES")
"""Variables that name, or hold, further settings."""


class Environment(dict[str, str]):
    """An environment that counts how often each of its variables is read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.reads: Counter[str] = Counter()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a variable, and count it."""
        self.reads[name] += 1
        return super().get(name, default)

    def of(self, provider: Provider) -> dict[str, int]:
        """Return how often each variable of a provider's settings was read."""
        variables = [*(variable for setting in provider.settings for variable in setting.env), *ELSEWHERE]
        return {name: n for name, n in self.reads.items() if name in variables or name.startswith(WATSON)}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Put a counting environment in place of the process's own."""
    counting = Environment(os.environ)
    monkeypatch.setattr(os, "environ", counting)
    return counting


class Login:
    """A login that was handed over, with a token that does not end: one of azure-identity, and one of google-auth."""

    token, expiry = "canary-token", None

    def refresh(self, _: object) -> None:
        """Leave the token as it is."""

    def get_token(self, *_: str) -> SimpleNamespace:
        """Return the token."""
        return SimpleNamespace(token=self.token, expires_on=time.time() + 3600)


@dataclass(frozen=True)
class Case:
    """One call: of which provider, with which variables set, and what the service replies."""

    provider: Callable[[], Provider]
    variables: dict[str, str]
    operation: str
    given: Any
    reply: Response = field(default_factory=lambda: ok([]))
    options: dict[str, Any] = field(default_factory=dict)


FOR_ALL = {"AZURE_AI_SERVICES_KEY": KEY, "AZURE_AI_SERVICES_ENDPOINT": AZURE}
OF_A_TOKEN = {
    "NATURAL_LANGUAGE_UNDERSTANDING_URL": NLU,
    "NATURAL_LANGUAGE_UNDERSTANDING_AUTH_TYPE": "bearerToken",
    "NATURAL_LANGUAGE_UNDERSTANDING_BEARER_TOKEN": KEY,
}
CASES = {
    "azure": Case(Azure, {"FACE_KEY": KEY, "FACE_ENDPOINT": AZURE}, "detect_faces", PICTURE),
    "azure, all services": Case(Azure, FOR_ALL, "analyze_image", PICTURE, options={"features": ["faces"]}),
    "azure, a login": Case(lambda: Azure(credential=Login()), {"FACE_ENDPOINT": AZURE}, "detect_faces", PICTURE),
    "google": Case(Google, {"GOOGLE_API_KEY": KEY}, "detect_faces", PICTURE, ok({"responses": [{}]})),
    "google, speech": Case(
        Google, {"GOOGLE_API_KEY": KEY}, "speech_to_text", GREETING, HEARD, options={"language": "ko-KR"}
    ),
    "google, a login": Case(
        lambda: Google(credentials=Login()),
        {"GOOGLE_CLOUD_QUOTA_PROJECT": "project"},
        "detect_faces",
        PICTURE,
        ok({"responses": [{}]}),
    ),
    "watson": Case(Watson, OF_WATSON, "sentiment", REVIEW, MOOD, options={"language": "ko"}),
    "watson, a login": Case(Watson, OF_A_TOKEN, "sentiment", REVIEW, MOOD, options={"language": "ko"}),
    "local": Case(Local, {"CLOUDAI_FACE_MODEL": yunet()}, "detect_faces", HOPPER, options={"landmarks": True}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_no_setting_is_looked_up_twice_in_a_call(call: Caller, environment: Environment, case: Case) -> None:
    """The flow, the login, the signature and the account of a call share one look-up of each setting."""
    if case.variables is OF_A_TOKEN:
        pytest.importorskip("ibm_cloud_sdk_core")
    environment.update(case.variables)
    provider = case.provider()
    call(provider, case.operation, case.given, send=lambda _: case.reply, **case.options)
    reads = environment.of(provider)
    assert reads.keys() >= case.variables.keys()
    assert set(reads.values()) == {1}


def test_what_is_given_in_code_is_not_looked_up_outside(environment: Environment) -> None:
    """A call of a provider whose key and address are given in code reads neither from the environment."""
    with Client(Azure(key=KEY, endpoint=AZURE), send=lambda _: ok([])) as client:
        client.detect_faces(PICTURE)  # the first one looks at all keys: what is secret must not be repeated
        environment.reads.clear()
        client.detect_faces(PICTURE)
        assert not environment.of(client.provider)


@pytest.mark.parametrize("where", ["file", "cloud foundry"])
def test_watsons_other_sources_are_read_once_in_a_call(
    call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    """The credentials file, or Cloud Foundry's variable, is read and parsed once for all settings in it."""
    from cloudai.providers.watson import _service

    if where == "file":
        path = tmp_path / "ibm-credentials.env"
        path.write_text("\n".join(f"{name}={value}" for name, value in OF_WATSON.items()), "utf-8")
        monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(path))
    else:
        bound = {"natural-language-understanding": [{"credentials": {"apikey": KEY, "url": NLU}}]}
        monkeypatch.setenv("VCAP_SERVICES", json.dumps(bound))
    reader = "_properties" if where == "file" else "_of_cloud_foundry"
    read, times = getattr(_service, reader), Counter[str]()

    def counting(*args: Any) -> Any:
        times[reader] += 1
        return read(*args)

    monkeypatch.setattr(_service, reader, counting)
    assert call("watson", "sentiment", REVIEW, language="ko", send=lambda _: MOOD).label == "positive"
    assert times[reader] == 1


def keys_of(requests: list[Request]) -> list[str]:
    """Return the key that each request carried."""
    return [request.headers["Ocp-Apim-Subscription-Key"] for request in requests]


def test_the_next_call_sees_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is renewed in the environment is used by the next call of the same client; an attempt more is not."""

    def renewed(_: Request) -> Response:
        monkeypatch.setenv("FACE_KEY", "second")
        return Response(429, {}, b"{}")

    monkeypatch.setenv("FACE_ENDPOINT", AZURE)
    monkeypatch.setenv("FACE_KEY", "first")
    script = Script(renewed, ok([]), ok([]))
    with Client("azure", send=script, sleep=lambda _: None) as client:
        client.detect_faces(PICTURE)
        client.detect_faces(PICTURE)
    assert keys_of(script.requests) == ["first", "first", "second"]


def test_calls_that_run_at_once_do_not_share_what_they_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two calls under way in one client each keeps the key that it began with."""
    monkeypatch.setenv("FACE_ENDPOINT", AZURE)
    monkeypatch.setenv("FACE_KEY", "first")
    seen, clock = list[Request](), Skipping()

    async def both() -> None:
        second_began = asyncio.Event()

        async def send(request: Request) -> Response:
            seen.append(request)
            monkeypatch.setenv("FACE_KEY", "second")
            second_began.set()
            is_first_try = keys_of(seen).count(keys_of(seen)[-1]) == 1
            return Response(503, {}, b"{}") if is_first_try else ok([])

        async with AsyncClient("azure", send=send, max_attempts=2, clock=clock, sleep=clock.asleep) as client:

            async def later() -> None:
                await second_began.wait()
                await client.detect_faces(PICTURE)

            await asyncio.gather(client.detect_faces(PICTURE), later())

    asyncio.run(both())
    assert Counter(keys_of(seen)) == {"first": 2, "second": 2}


def test_each_input_of_a_batch_looks_settings_up_once(environment: Environment) -> None:
    """A batch of two inputs more reads the address twice more: once for each of its calls."""
    environment.update(OF_WATSON)

    def reads(texts: list[str]) -> int:
        environment.reads.clear()
        with (
            Client("watson", send=lambda _: MOOD) as client,
            client.batch("sentiment", texts, options={"language": "ko"}) as job,
        ):
            assert [outcome.status for outcome in job] == ["ok"] * len(texts)
        return environment.reads["NATURAL_LANGUAGE_UNDERSTANDING_URL"]

    assert reads(["가", "나", "다"]) == reads(["라"]) + 2


def test_a_key_that_is_a_number_is_not_shown() -> None:
    """A secret setting is hidden in the repr of its provider, whatever kind of value it was given by mistake."""
    given: Any = 12_345_678_901
    assert repr(Google(api_key=given)) == "Google(api_key='…')"


@pytest.mark.parametrize(
    "provider",
    [Azure(vision=Resource(KEY, AZURE)), Google(api_key=KEY), Watson(nlu=Resource(KEY, NLU)), MadeUp(key=KEY)],
    ids=lambda provider: provider.name,
)
def test_a_provider_in_a_call_shows_no_key(provider: Provider) -> None:
    """Settings that a call has looked up are not in the repr, the attributes or the pickle of its provider."""
    in_call = provider.for_call()
    assert KEY in in_call.secrets()
    assert repr(in_call) == repr(provider)
    assert vars(in_call) is vars(provider)
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(in_call)


def test_what_the_environment_gave_a_call_does_not_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider in a call pickles by its name, as others do, without what it has looked up."""
    monkeypatch.setenv("MADE_UP_KEY", KEY)
    in_call = MadeUp().for_call()
    assert in_call.setting("key") == KEY
    pickled = pickle.dumps(in_call)
    assert KEY.encode() not in pickled
    monkeypatch.setenv("MADE_UP_KEY", "another")
    assert pickle.loads(pickled).setting("key") == "another"


class Remembering(MadeUp):
    """A third party's provider that keeps things on itself, and reads a file of its own."""

    calls = 0
    files_read = 0

    @cached_property
    def connection(self) -> object:
        """Return what is costly to make."""
        return object()

    @cached_per_call
    def model(self, language: str) -> str:
        """Return what the file says."""
        self.files_read += 1
        return f"model of {language}"

    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request that says who sent it."""
        self.calls += 1
        models = [self.model(language or "ko"), self.model(language or "ko"), self.model(language="en")]
        body = {"connection": id(self.connection), "models": models}
        response: Response = yield Request("POST", "https://made-up.example/v1", service="mood", api="v1", json=body)
        return Sentiment(score=response.json()["score"], language=language)


def test_a_third_partys_attributes_outlive_a_call(call: Caller) -> None:
    """An attribute that a provider sets in a call is there in the next one; a value that is cached per call is not."""
    provider, script = Remembering(key=KEY), Script(*[ok({"score": 0.5})] * 2)
    for _ in range(2):
        call(provider, "sentiment", REVIEW, send=script)
    first, second = (dict(request.json or {}) for request in script.requests)
    assert first == second == {"connection": id(provider.connection), "models": ["model of ko"] * 2 + ["model of en"]}
    assert (provider.calls, provider.files_read) == (2, 4)


class Counting(MadeUp):
    """A provider that counts how often something is worked out from its settings."""

    worked_out = 0

    @kept
    def base(self, service: str) -> str:
        """Return what depends on settings alone."""
        type(self).worked_out += 1
        return f"{self.setting('key')} of {service}"


def test_what_depends_on_settings_alone_is_kept_until_the_environment_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten calls work it out once; a changed variable, also one that is changed back, has it worked out anew."""
    monkeypatch.setattr(Counting, "worked_out", 0)
    monkeypatch.setenv("MADE_UP_KEY", KEY)
    provider = Counting()
    assert {provider.for_call().base("mood") for _ in range(10)} == {f"{KEY} of mood"}
    assert Counting.worked_out == 1
    for key in ("another", KEY):
        monkeypatch.setenv("MADE_UP_KEY", key)
        assert provider.for_call().base("mood") == f"{key} of mood"
    assert Counting.worked_out == 3


def test_a_login_that_comes_between_two_calls_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """gcloud's login is a file: the next call finds it, although the environment is the same."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    google = Google()
    assert google.for_call().lookup("credentials") is None
    path = tmp_path / "application_default_credentials.json"
    path.write_text("{}", "utf-8")
    found = google.for_call().lookup("credentials")
    assert found is not None
    assert found.value == str(path)


def test_outside_of_a_call_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider of a client looks a setting up whenever it is asked: `cloudai doctor` tells what is there now."""
    provider = MadeUp()
    assert provider.setting("key") is None
    monkeypatch.setenv("MADE_UP_KEY", KEY)
    assert provider.setting("key") == KEY


def test_a_source_that_cannot_be_read_shows_nothing_of_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If a later source is damaged, the error and its frames hold no key that the call has read before."""
    path = tmp_path / "ibm-credentials.env"
    path.write_text(f"NATURAL_LANGUAGE_UNDERSTANDING_APIKEY={KEY}", "utf-8")
    monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("VCAP_SERVICES", "{")
    watson = Watson().for_call()
    assert watson.setting("nlu_apikey") == KEY
    with pytest.raises(SettingsError, match="VCAP_SERVICES is not JSON") as raised:
        watson.token("nlu")
    assert not hits(shown_by(raised.value), [KEY])


OTHERS = {
    "azure": {"LANGUAGE_KEY": KEY, "LANGUAGE_ENDPOINT": AZURE, "VISION_KEY": "two words", "FACE_ENDPOINT": "nowhere"},
    "watson": {**OF_WATSON, "TEXT_TO_SPEECH_APIKEY": "two words"},
}


@pytest.mark.parametrize("vendor", OTHERS)
def test_a_call_needs_no_setting_of_another_service(vendor: str, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key or an address that cannot be used is an error of the calls of its own service alone."""
    for name, value in OTHERS[vendor].items():
        monkeypatch.setenv(name, value)
    script = Script(*[Response(400, {}, b"{}")] * 2)
    with pytest.raises(BadRequestError):
        call(vendor, "sentiment", REVIEW, language="ko", send=script)
    assert len(script.requests) == 1
    with pytest.raises(SettingsError, match=r"TEXT_TO_SPEECH_APIKEY|FACE_ENDPOINT"):
        call(vendor, "detect_faces" if vendor == "azure" else "text_to_speech", PICTURE if vendor == "azure" else "네")


@pytest.mark.skipif(os.name == "nt", reason="paths of Windows are UTF-16")
def test_the_path_of_a_file_of_credentials_need_not_be_utf_8(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a path tells an account from others like any other path."""
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    accounts = set()
    for name in (b"/nowhere/caf\xe9.json", b"/nowhere/caf\xe8.json"):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", os.fsdecode(name))
        accounts.add(Google().account())
        with pytest.raises(BadRequestError):
            call("google", "sentiment", REVIEW, language="ko", send=lambda _: Response(400, {}, b"{}"))
    assert len(accounts) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has a folder for every user")
@pytest.mark.parametrize("vendor", ["google", "watson"])
def test_a_user_without_a_home_can_call(vendor: str, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run a program as a user whom it does not know: there is no file in a home then."""

    def unknown(_: int) -> Any:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("HOME", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**OF_WATSON, "GOOGLE_API_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadRequestError):
        call(vendor, "sentiment", REVIEW, language="ko", send=lambda _: Response(400, {}, b"{}"))
