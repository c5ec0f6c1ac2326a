"""IBM's logins: authenticators handed over, and those that IBM's settings ask for."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from cloudai import (
    AuthError,
    Client,
    ConnectError,
    MalformedResponseError,
    MissingExtraError,
    Resource,
    ServerError,
    SettingsError,
    TLSError,
    Watson,
)
from cloudai.cli import main
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.certificates import certificate
from tests.made_up.logins import (
    ASCII_SECRET,
    NLU,
    SECRET,
    Service,
    everything_of,
    jwt,
    of_ibm,
    token_server,
    told,
    watson,
)
from tests.made_up.server import Connection

pytestmark = pytest.mark.loopback
SERVICE = "NATURAL_LANGUAGE_UNDERSTANDING"


def asked(call: Caller, provider: Watson) -> dict[str, str]:
    """Return the headers of a call's one request to the service."""
    service = Service("watson")
    call(provider, "sentiment", "맛있어요!", language="ko", send=service)
    return dict(service.requests[0].headers)


def set_all(monkeypatch: pytest.MonkeyPatch, **properties: str) -> None:
    """Set the variables of Natural Language Understanding, its URL among them."""
    for name, value in {"URL": NLU, **properties}.items():
        monkeypatch.setenv(f"{SERVICE}_{name}", value)


def test_iam(call: Caller) -> None:
    """A key for a token; IBM is still not to learn from what is sent."""

    def answer(connection: Connection) -> None:
        assert b"/identity/token" in connection.request
        assert f"apikey={ASCII_SECRET}".encode() in connection.request
        told(of_ibm("iam", 3600))(connection)

    with token_server(answer) as server:
        headers = asked(call, watson(server.url))
    assert headers["Authorization"].startswith("Bearer ey")
    assert headers["X-Watson-Learning-Opt-Out"] == "true"


def test_cloud_pak_for_data(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variables: a name and a password for a token."""

    def answer(connection: Connection) -> None:
        assert b"/v1/authorize" in connection.request
        shown = json.loads(connection.request.partition(b"\r\n\r\n")[2])
        assert (shown["username"], shown["password"]) == ("teacher", ASCII_SECRET)
        told({"token": jwt("cp4d", 3600)})(connection)

    with token_server(answer) as server:
        set_all(monkeypatch, AUTH_TYPE="CP4D", AUTH_URL=server.url, USERNAME="teacher", PASSWORD=ASCII_SECRET)
        assert asked(call, Watson())["Authorization"].startswith("Bearer ey")
    assert server.count == 1


@pytest.mark.parametrize("named", [True, False])
def test_a_container(call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: bool) -> None:
    """The token of a Kubernetes pod and a trusted profile for one of IAM's; a profile without a key is one."""
    pod = tmp_path / "토큰"
    pod.write_text(ASCII_SECRET)

    def answer(connection: Connection) -> None:
        assert f"cr_token={ASCII_SECRET}".encode() in connection.request
        assert b"profile_name=teachers" in connection.request
        told(of_ibm("pod", 3600))(connection)

    with token_server(answer) as server:
        set_all(monkeypatch, AUTH_URL=server.url, CR_TOKEN_FILENAME=str(pod), IAM_PROFILE_NAME="teachers")
        if named:
            monkeypatch.setenv(f"{SERVICE}_AUTH_TYPE", "container")
        assert asked(call, Watson())["Authorization"].startswith("Bearer ey")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"AUTH_TYPE": "bearerToken", "BEARER_TOKEN": "a-token"}, "Bearer a-token"),
        ({"AUTH_TYPE": "basic", "USERNAME": "u", "PASSWORD": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
        ({"USERNAME": "u", "PASSWORD": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
        ({"AUTH_TYPE": "noAuth"}, None),
        ({"AUTH_TYPE": "iam", "APIKEY": "k"}, "Basic " + base64.b64encode(b"apikey:k").decode()),
        ({"APIKEY": "k", "IAM_PROFILE_NAME": "x"}, "Basic " + base64.b64encode(b"apikey:k").decode()),
    ],
)
def test_logins_without_a_server(
    call: Caller, monkeypatch: pytest.MonkeyPatch, properties: dict[str, str], expected: str | None
) -> None:
    """A token as it is, a name and a password, nothing at all; an API key is sent as it always was."""
    set_all(monkeypatch, **properties)
    assert asked(call, Watson()).get("Authorization") == expected


def test_an_api_key_needs_no_package(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that IBM Cloud offers names AUTH_TYPE=iam: the key in it goes as it is."""
    monkeypatch.setattr("cloudai.providers._credentials.find_spec", lambda _: None)
    set_all(monkeypatch, AUTH_TYPE="iam", APIKEY="k")
    assert asked(call, Watson())["Authorization"].startswith("Basic ")


def test_iam_at_an_address_of_one_s_own(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """With AUTH_URL the key is for that server, and its token for the service."""
    with token_server(told(of_ibm("private", 3600))) as server:
        set_all(monkeypatch, AUTH_TYPE="iam", APIKEY=ASCII_SECRET, AUTH_URL=server.url)
        assert asked(call, Watson())["Authorization"].startswith("Bearer ey")


def test_the_credentials_file(
    call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ibm-credentials.env holds logins too, and `doctor` says so."""
    path = tmp_path / "열쇠.env"
    with token_server(told({"token": jwt("cp4d", 3600)})) as server:
        lines = [f"URL={NLU}", "AUTH_TYPE=cp4d", f"AUTH_URL={server.url}", "USERNAME=교사", f"PASSWORD={SECRET}"]
        path.write_text("\n".join(f"{SERVICE}_{line}" for line in lines), "utf-8")
        monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(path))
        assert asked(call, Watson())["Authorization"].startswith("Bearer ey")
    main(["doctor", "watson"])
    printed = capsys.readouterr().out
    assert "NATURAL_LANGUAGE_UNDERSTANDING_AUTH_TYPE in " in printed
    assert "watson: ready for sentiment" in printed
    assert SECRET not in printed


def test_cloud_foundry(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """VCAP_SERVICES with a name and a password, as older instances are bound."""
    bound = {"natural-language-understanding": [{"credentials": {"url": NLU, "username": "u", "password": "p"}}]}
    monkeypatch.setenv("VCAP_SERVICES", json.dumps(bound))
    assert asked(call, Watson())["Authorization"] == "Basic " + base64.b64encode(b"u:p").decode()


def test_each_service_has_its_own_login(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """By variables one may have a login and another a key; what is handed over is for all."""
    set_all(monkeypatch, AUTH_TYPE="bearerToken", BEARER_TOKEN="a-token")
    monkeypatch.setenv("SPEECH_TO_TEXT_APIKEY", "k")
    provider = Watson()
    assert provider.token("nlu") is not None
    assert provider.token("speech_to_text") is None
    assert provider.login("nlu") != provider.login("speech_to_text")
    from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator

    handed = Watson(authenticator=BearerTokenAuthenticator("x"), nlu=Resource("k", NLU))
    assert handed.token("nlu") is None  # a key of its own, in code
    assert handed._login_of("speech_to_text") is not None
    assert handed.login("nlu") == handed.login("speech_to_text")


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        (
            {"AUTH_TYPE": "kerberos"},
            r"AUTH_TYPE of natural-language-understanding is not known\. Known: iam",
        ),
        ({"AUTH_TYPE": "cp4d", "USERNAME": "u"}, r"CloudPakForDataAuthenticator lacks a setting.*PASSWORD"),
        ({"AUTH_TYPE": "cp4d", "USERNAME": "u", "PASSWORD": "{canary}", "AUTH_URL": "https://a"}, "does not fit"),
        (
            {"AUTH_TYPE": "cp4d", "USERNAME": "u", "PASSWORD": "canary", "AUTH_URL": "http://a.example"},
            "in the clear",
        ),
    ],
)
def test_settings_that_do_not_fit(
    call: Caller, monkeypatch: pytest.MonkeyPatch, properties: dict[str, str], text: str
) -> None:
    """Told before anything is sent, with what is taken, and with nothing that is secret."""
    set_all(monkeypatch, **properties)
    with pytest.raises(SettingsError, match=text) as raised:
        call(Watson(), "sentiment", "좋아요", send=Script())
    assert "canary" not in everything_of(raised.value)


def test_what_is_no_authenticator() -> None:
    """A key in its place, or beside it: told at once."""
    with pytest.raises(SettingsError, match="authenticator= is a str"):
        Watson(authenticator="not-a-real-key", nlu=Resource(endpoint=NLU))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="exclude each other"):
        Watson(apikey="not-a-real-key", url=NLU, authenticator=watson("http://127.0.0.1"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        ("400 Bad Request", {"errorCode": "BXNIM0415E", "errorMessage": SECRET}, AuthError, "HTTP 400, BXNIM0415E"),
        ("401 Unauthorized", {"errors": [{"code": "x_y", "message": SECRET}]}, AuthError, "HTTP 401, x_y"),
        ("503 Service Unavailable", {}, ServerError, "HTTP 503"),
        ("200 OK", {"access_token": "no.jwt"}, MalformedResponseError, "without a token"),
    ],
)
def test_refusals(call: Caller, status: str, body: Any, kind: type[Exception], text: str) -> None:
    """IAM's code is told, and not its text."""
    with token_server(told(body, status)) as server, pytest.raises(kind, match=text) as raised:
        call(watson(server.url), "sentiment", "좋아요", send=Script(), client_sleep=lambda _: None)
    assert SECRET not in everything_of(raised.value)


def test_after_a_failure_there_is_no_stall(call: Caller) -> None:
    """IBM's package waits up to a minute for a fetch that has failed: here the next call asks at once."""
    answers = told({}, "400 Bad Request"), told(of_ibm("second", 3600))
    with token_server(*answers) as server:
        provider = watson(server.url)
        with pytest.raises(AuthError):
            call(provider, "sentiment", "하나", send=Script())
        began = time.monotonic()
        assert asked(call, provider)["Authorization"].startswith("Bearer ey")
        assert time.monotonic() - began < 20


def test_a_server_that_cannot_be_reached(call: Caller) -> None:
    """No server, no connection: not the service's fault, and nothing was sent there."""
    with token_server(told({})) as server:
        url = server.url
    with pytest.raises(ConnectError, match="IAMAuthenticator cannot reach its server") as raised:
        call(watson(url), "sentiment", "좋아요", send=Script(), client_sleep=lambda _: None)
    assert raised.value.state == "NOT_SENT"


def test_a_server_that_is_not_trusted(call: Caller, tmp_path: Path) -> None:
    """Its certificate is of nobody: the key has not left."""
    _, context = certificate(tmp_path, "127.0.0.1", 30)
    with token_server(told({}), tls=context) as server, pytest.raises(TLSError, match="not trusted"):
        call(watson(server.url), "sentiment", "좋아요", send=Script())
    assert server.count == 0


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """The install line, before anything is sent, and in what is missing."""
    set_all(monkeypatch, AUTH_TYPE="container", IAM_PROFILE_NAME="x")
    monkeypatch.setattr("cloudai.providers._credentials.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r'pip install "\.\[watson-auth\]"'):
        call(Watson(), "sentiment", "좋아요", send=Script())
    assert "watson-auth" in (Watson().missing("sentiment") or "")
    assert not Client("watson").supports("sentiment")


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254.evil.example", "https://good.example@evil.example", "evil.example", "{canary}"]
)
def test_a_token_server_that_is_no_plain_address(call: Caller, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """A key goes to no token server that only looks like the one of this machine, or like another host."""
    set_all(monkeypatch, AUTH_TYPE="iam", APIKEY="canary", AUTH_URL=address)
    with pytest.raises(SettingsError) as raised:
        call("watson", "sentiment", "x", language="en", send=Script())
    assert "canary" not in str(raised.value)
    assert "AUTH_URL" in str(raised.value) or "in the clear" in str(raised.value)
