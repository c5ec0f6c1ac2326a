"""The secrets of a login are in nothing that cloudai says or writes: canaries are searched for in every spelling."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Client, CloudAIError, Google, Watson
from cloudai.testing import record
from tests.conftest import Caller
from tests.made_up.logins import ASCII_SECRET, AZURE, NLU, SECRET, VENDORS, Service, everything_of, token_server, told
from tests.support.canaries import echoes

pytestmark = pytest.mark.loopback
CANARIES = {spelling for secret in (SECRET, ASCII_SECRET, "canary-token") for spelling in echoes(secret)}


@pytest.fixture(params=list(VENDORS))
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of each vendor in turn."""
    return str(request.param)


def clean(text: object) -> bool:
    """Return True if no canary is in a text, and fail otherwise."""
    found = [str(text)[max(0, at - 80) : at + 80] for c in CANARIES if (at := str(text).find(c)) >= 0]
    assert not found
    return True


def test_a_good_login_is_silent(call: Caller, name: str, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Every logger at DEBUG, all events, the texts of provider and client, a cassette, a journal."""
    caplog.set_level(logging.DEBUG)
    events: list[Any] = []
    service, path, journal = Service(name), tmp_path / "카세트.json", tmp_path / "일지.db"
    with token_server(told(VENDORS[name].reply("canary-token", 3600))) as server:
        provider = VENDORS[name].make(server.url)
        recorder = record(path, service)
        call(provider, "sentiment", "맛있어요!", language="ko", send=recorder, client_on_event=events.append)
        with (
            Client(provider, send=service) as client,
            client.batch("sentiment", ["맛있어요!"], options={"language": "ko"}, journal=journal) as job,
        ):
            assert [item.status for item in job] == ["ok"]
            shown = [repr(client), str(client), repr(client.__dict__), repr(client._engine.__dict__)]
    assert service.shown[0].startswith("Bearer ")
    assert events
    assert clean([*shown, repr(provider), repr(provider.__dict__), repr(events), caplog.text])
    written = [file for file in tmp_path.iterdir() if file.is_file()]
    assert {path, journal} <= set(written)
    for file in written:
        assert not [canary for canary in CANARIES if canary.encode() in file.read_bytes()], file
        assert service.shown[0].removeprefix("Bearer ").encode() not in file.read_bytes()


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Internal Server Error"])
def test_a_login_that_fails_is_silent(call: Caller, name: str, caplog: pytest.LogCaptureFixture, status: str) -> None:
    """The server repeats all that it was sent: neither the error, nor what it hangs on to, nor a log does."""
    caplog.set_level(logging.DEBUG)
    body = {"error": f"{SECRET} {ASCII_SECRET}", "errorMessage": SECRET, "refresh_token": SECRET, "id_token": SECRET}
    with token_server(told(body, status)) as server, pytest.raises(CloudAIError) as raised:
        call(VENDORS[name].make(server.url), "sentiment", "x", send=Service(name), client_sleep=lambda _: None)
    assert clean(everything_of(raised.value))
    assert clean(pickle.dumps(raised.value))
    assert clean(locals_of(raised.value))
    assert clean(caplog.text)


def locals_of(error: BaseException | None) -> list[str]:
    """Return the variables in our frames of an error's traceback, as a report of a crash shows them."""
    texts: list[str] = []
    ours = str(Path(cloudai.__file__).parent)
    while error is not None:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        texts += [str(frame.locals) for frame in frames if frame.filename.startswith(ours)]
        error = error.__cause__ or error.__context__
    assert texts
    return texts


INFO = {"type": "authorized_user", "client_id": "i", "client_secret": ASCII_SECRET, "refresh_token": SECRET}


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Google(credentials=INFO, project="p"), "Google(credentials=Google's login, project='p')"),
        (lambda: VENDORS["google"].make("http://127.0.0.1"), "Google(credentials=the login Credentials)"),
        (lambda: VENDORS["azure"].make("http://127.0.0.1"), "credential=the login Plain)"),
        (lambda: VENDORS["watson"].make("http://127.0.0.1"), "authenticator=the login IAMAuthenticator"),
        (lambda: Azure(credential="default"), "Azure(credential=Azure's default login)"),
    ],
)
def test_texts_and_pickles(make: Callable[[], Any], text: str) -> None:
    """The kind of a login is told; what it holds is not, and does not leave the process."""
    provider = make()
    assert text in repr(provider)
    assert clean(repr(provider))
    for what in (provider, Client(provider), *filter(callable_login, provider._given.values())):
        with pytest.raises(TypeError, match="does not pickle") as raised:
            pickle.dumps(what)
        assert clean(raised.value)
    for setting in ("credentials", "credential"):
        if setting in provider._given:
            assert clean(provider.lookup(setting))


def callable_login(value: Any) -> bool:
    """Return whether a value is a login."""
    return hasattr(value, "require_package")


def test_logins_of_the_environment_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked up anew where they arrive: the pickle holds a name."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "계정.json")
    monkeypatch.setenv("AZURE_TENANT_ID", "t")
    monkeypatch.setenv("VISION_ENDPOINT", AZURE)
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_URL", NLU)
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_AUTH_TYPE", "bearerToken")
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_BEARER_TOKEN", "canary-token")
    for provider in (Google(), Azure(), Watson()):
        data = pickle.dumps(provider)
        assert clean(data)
        assert pickle.loads(data).token("nlu" if isinstance(provider, Watson) else "vision") is not None
