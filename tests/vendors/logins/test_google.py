"""Google's logins: every kind of file, gcloud's own, the metadata server, the quota project."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudai import (
    AuthError,
    Client,
    CloudAIError,
    ForbiddenError,
    Google,
    MalformedResponseError,
    MissingExtraError,
    SettingsError,
    UnavailableError,
)
from cloudai.cli import main
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.logins import ASCII_SECRET, SECRET, Service, everything_of, google, token_server, told, usual
from tests.made_up.server import Connection

pytestmark = pytest.mark.loopback
USER = {"type": "authorized_user", "client_id": "id", "client_secret": ASCII_SECRET, "refresh_token": SECRET}


def asked(call: Caller, google: Google) -> dict[str, str]:
    """Return the headers of a call's one request to the service."""
    service = Service("google")
    call(google, "sentiment", "맛있어요!", language="ko", send=service)
    return dict(service.requests[0].headers)


@pytest.fixture(scope="module")
def private_key() -> str:
    """Return the private key of a service account that nobody has."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


@pytest.fixture
def account(private_key: str) -> dict[str, str]:
    """Return what the file of a service account holds."""
    return {
        "type": "service_account",
        "client_email": "robot@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.example/token",
        "private_key": private_key,
        "project_id": "p",
    }


def test_a_service_account_by_its_content(call: Caller, account: dict[str, str]) -> None:
    """The mapping that the file holds will do: it signs its own tokens, with no server."""
    assert asked(call, Google(credentials=account))["Authorization"].startswith("Bearer ey")


def test_a_user_s_file(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """gcloud's login of a user: its refresh token for a token, its quota project with every call."""
    path = tmp_path / "로그인.json"
    path.write_text(json.dumps({**USER, "quota_project_id": "my-project"}), "utf-8")
    with token_server(told(usual("a-token", 3600))) as server:
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", server.url)
        headers = asked(call, Google(credentials=path))
    assert headers["Authorization"] == "Bearer a-token"
    assert headers["x-goog-user-project"] == "my-project"


@pytest.mark.parametrize("given", [True, False])
def test_the_quota_project_that_is_set_goes_first(call: Caller, monkeypatch: pytest.MonkeyPatch, given: bool) -> None:
    """In code or in the environment, before the one in the file; with a key there is none."""
    if not given:
        monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "mine")
    with token_server(told(usual("a-token", 3600))) as server:
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", server.url)
        google = Google(credentials={**USER, "quota_project_id": "old"}, quota_project="mine" if given else None)
        assert asked(call, google)["x-goog-user-project"] == "mine"


def test_workload_identity_federation(call: Caller, tmp_path: Path) -> None:
    """A token of another cloud, in a file, is exchanged for Google's, and that for a service account's."""
    subject = tmp_path / "토큰.txt"
    subject.write_text(ASCII_SECRET)

    def answer(connection: Connection) -> None:
        if b"generateAccessToken" in connection.request:
            assert b"Bearer federated" in connection.request
            told({"accessToken": "impersonated", "expireTime": "2999-01-01T00:00:00Z"})(connection)
        else:
            assert ASCII_SECRET.encode() in connection.request
            told({**usual("federated", 3600), "issued_token_type": "t", "token_type": "Bearer"})(connection)

    with token_server(answer) as server:
        info = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{server.url}/v1/token",
            "service_account_impersonation_url": f"{server.url}/v1/x@p.iam.gserviceaccount.com:generateAccessToken",
            "credential_source": {"file": str(subject)},
        }
        assert asked(call, Google(credentials=info))["Authorization"] == "Bearer impersonated"
    assert server.count == 2


def metadata(connection: Connection) -> None:
    """Answer as the metadata server of a machine of Google's."""
    assert b"metadata-flavor: google" in connection.request.lower()
    path = connection.request.split(b" ")[1].decode()
    if "/token" in path:
        told(usual("of-this-machine", 3600), "200 OK", "Metadata-Flavor: Google")(connection)
    elif "service-accounts/default" in path:
        info = {"email": "robot@p.iam.gserviceaccount.com", "scopes": ["cloud-platform"], "aliases": ["default"]}
        told(info, "200 OK", "Metadata-Flavor: Google")(connection)
    else:
        told({}, "404 Not Found")(connection)


@pytest.fixture
def on_google(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes this machine one of Google's."""

    def at(url: str) -> None:
        from google.auth.compute_engine import _metadata

        host = url.removeprefix("http://")
        monkeypatch.delenv("NO_GCE_CHECK")
        monkeypatch.setenv("GCE_METADATA_HOST", host)
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", host)  # read when it is imported

    return at


def test_the_metadata_server(call: Caller, on_google: Any) -> None:
    """On a machine of Google's nothing needs to be set."""
    with token_server(metadata) as server:
        on_google(server.url)
        assert asked(call, Google())["Authorization"] == "Bearer of-this-machine"


def test_a_machine_without_a_service_account(call: Caller, on_google: Any) -> None:
    """The metadata server has none: the advice is to set a key, or to give the machine an account."""
    with token_server(told({}, "404 Not Found", "Metadata-Flavor: Google")) as server:
        on_google(server.url)
        with pytest.raises(AuthError, match=r"HTTP 404.*service account, or set GOOGLE_API_KEY"):
            call(Google(), "sentiment", "x", send=Script())


def test_gcloud_s_login_is_found(
    call: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After `gcloud auth application-default login` nothing else is needed, and `doctor` says where it is."""
    path = Path(os.environ["CLOUDSDK_CONFIG"]) / "application_default_credentials.json"
    path.write_text(json.dumps(USER), "utf-8")
    with token_server(told(usual("a-token", 3600))) as server:
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", server.url)
        assert asked(call, Google())["Authorization"] == "Bearer a-token"
    assert main(["doctor", "google"]) == 0
    printed = capsys.readouterr().out
    assert "gcloud's login" in printed
    assert "google: ready for analyze_image" in printed
    assert SECRET not in printed


@pytest.mark.parametrize(
    ("variables", "key", "login"),
    [
        ({}, None, None),
        ({"GOOGLE_API_KEY": "a"}, "a", "application_default_credentials.json"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "b.json"}, None, "b.json"),
    ],
)
def test_precedence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], key: str | None, login: str | None
) -> None:
    """A key of the environment goes before a login; the variable's file before gcloud's."""
    if login:
        (Path(os.environ["CLOUDSDK_CONFIG"]) / "application_default_credentials.json").write_text("{}")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    google = Google()
    assert google._key() == key
    assert (google.token("vision") is None) == (key is not None or login is None)
    found = google.lookup("credentials")
    assert (found is None) == (login is None)
    assert login is None or (found is not None and login in found.value)


def test_nothing_set_is_told_at_once() -> None:
    """No server is asked whether this is a machine of Google's: sockets would be refused here."""
    assert Google().missing() == "no key. Set GOOGLE_API_KEY (Windows: setx, then open a new window)."


def test_credentials_of_google_auth(call: Caller) -> None:
    """An object that was handed over: its token while it is good, with its quota project."""
    from google.oauth2.credentials import Credentials

    google = Google(credentials=Credentials("a-token", quota_project_id="my-project"))
    headers = asked(call, google)
    assert (headers["Authorization"], headers["x-goog-user-project"]) == ("Bearer a-token", "my-project")


def test_a_token_that_cannot_be_renewed(call: Caller) -> None:
    """It was refused, and there is no refresh token: told as the login's fault, after one request."""
    from google.oauth2.credentials import Credentials

    service = Service("google", refused={"Bearer a-token"})
    with pytest.raises(SettingsError, match=r"Credentials cannot be used \(RefreshError\)\. Log in anew"):
        call(Google(credentials=Credentials("a-token")), "sentiment", "x", send=service)
    assert len(service.requests) == 1


def test_what_is_no_credentials() -> None:
    """A number, say: told at once, with what there is."""
    with pytest.raises(SettingsError, match="credentials= is a int"):
        Google(credentials=7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[]", "no credentials file: it is not JSON"),
        ('{"type": "gdch_service_account"}', "its type is none of them.*Known: service_account, auth"),
        ('{"type": "authorized_user", "refresh_token": "canary"}', r"does not hold what authorized_user asks for"),
        ('{"type": "external_account", "audience": "a"}', r"does not hold what external_account asks for"),
    ],
)
def test_files_that_are_none(call: Caller, tmp_path: Path, content: str, text: str) -> None:
    """One line that names the file, and nothing that it holds."""
    path = tmp_path / "계정.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=rf"계정\.json\b.*{text}") as raised:
        call(Google(credentials=path), "sentiment", "x", send=Script())
    assert "canary" not in everything_of(raised.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("400 Bad Request", AuthError), ("403 Forbidden", ForbiddenError), ("200 OK", MalformedResponseError)],
)
def test_the_code_of_a_refusal_is_kept(
    call: Caller, monkeypatch: pytest.MonkeyPatch, status: str, kind: type[Exception]
) -> None:
    """The text of a token server is not repeated: it may quote what it was sent."""
    with token_server(told({"error": "invalid_grant", "error_description": SECRET}, status)) as server:
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", server.url)
        with pytest.raises(kind) as raised:
            call(Google(credentials=USER), "sentiment", "x", send=Script())
    assert SECRET not in everything_of(raised.value)
    if status != "200 OK":
        assert raised.value.code == "invalid_grant"  # type: ignore[attr-defined]
        assert "invalid_grant" in str(raised.value)


def test_a_server_that_is_down_is_asked_by_our_engine_alone(call: Caller) -> None:
    """google-auth would ask thrice with waits of its own, each time the engine tries: here it is two requests."""
    with token_server(told({}, "503 Service Unavailable")) as server, pytest.raises(UnavailableError) as raised:
        call(google(server.url), "sentiment", "x", send=Script(), client_sleep=lambda _: None)
    assert server.count == 2
    assert (raised.value.state, raised.value.billed_max) == ("NOT_SENT", 0)


def test_a_token_server_in_plain_http_is_refused(call: Caller) -> None:
    """Beyond the loopback a refresh token goes by https alone."""
    from google.oauth2.credentials import Credentials

    login = Credentials(None, refresh_token=SECRET, token_uri="http://a.example/t", client_id="i", client_secret="s")
    with pytest.raises(SettingsError, match="in the clear"):
        call(Google(credentials=login), "sentiment", "x", send=Script())


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """The install line, before anything is sent, and in what is missing."""
    monkeypatch.setattr("cloudai.providers._credentials.find_spec", lambda _: None)
    google = Google(credentials=USER)
    with pytest.raises(MissingExtraError, match=r'pip install "\.\[google-auth\]"'):
        call(google, "sentiment", "x", send=Script())
    assert "google-auth" in (google.missing() or "")
    assert not Client(google).supports("sentiment")


def test_a_package_that_is_there_in_part(call: Caller, on_google: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth without requests does not read its metadata server: the install line."""
    on_google("http://127.0.0.1:1")
    for name in ("google.auth.compute_engine", "google.auth.compute_engine.credentials"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r'pip install "\.\[google-auth\]"'):
        call(Google(), "sentiment", "x", send=Script())


def of_a_program(nested: bool) -> dict[str, Any]:
    """Return federated credentials that would run a program, by themselves or inside those they impersonate with."""
    program = {"command": "/bin/echo canary", "timeout_millis": 5000}
    own = {
        "type": "external_account",
        "audience": "a",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"executable": program},
    }
    if not nested:
        return own
    url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.example:generateAccessToken"
    return {"type": "impersonated_service_account", "service_account_impersonation_url": url, "source_credentials": own}


@pytest.mark.parametrize("nested", [False, True])
def test_a_program_is_run_only_if_the_environment_allows_it(
    call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nested: bool
) -> None:
    """Before it is allowed no credentials are made; the error says how to allow it, and not what would be run."""
    ran: list[Any] = []
    monkeypatch.setattr("subprocess.run", lambda *args, **_: ran.append(args))
    path = tmp_path / "계정.json"
    path.write_text(json.dumps(of_a_program(nested)), "utf-8")
    with pytest.raises(SettingsError, match="GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1") as raised:
        call(Google(credentials=path), "sentiment", "x", send=Script())
    assert not ran
    assert "canary" not in everything_of(raised.value)
    monkeypatch.setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1")
    with pytest.raises(CloudAIError):
        call(Google(credentials=path), "sentiment", "x", send=Script())
    assert ran or nested  # google-auth itself takes no such source of an impersonation


@pytest.mark.parametrize("how", ["as it is", "base64", "quoted", "twice", "real line breaks"])
def test_the_content_of_a_file_in_place_of_its_path(
    call: Caller, monkeypatch: pytest.MonkeyPatch, account: dict[str, str], how: str
) -> None:
    """Hosts that only have variables hold the JSON itself: it is taken for the content, in each way it is written."""
    text = json.dumps(account)
    held = {
        "as it is": text,
        "base64": base64.b64encode(text.encode()).decode(),
        "quoted": f"'{text}'",
        "twice": json.dumps(text),
        "real line breaks": text.replace("\\n", "\n"),
    }[how]
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", held)
    service = Service("google")
    assert call("google", "sentiment", "x", send=service).score == 0.5
    assert service.requests[0].headers["Authorization"].startswith("Bearer ey")


@pytest.mark.parametrize("change", [("\n", "\\n"), ("\n", " "), ("\n", "\r\n"), ("-----BEGIN", '"-----BEGIN')])
def test_a_private_key_whose_line_breaks_are_written_out(
    call: Caller, account: dict[str, str], change: tuple[str, str]
) -> None:
    """Line breaks that are two characters, or blanks, or of Windows are line breaks again."""
    key = account["private_key"].strip().replace(*change)
    key = f'{key}"' if key.startswith('"') else key
    assert (
        call(Google(credentials={**account, "private_key": key}), "sentiment", "x", send=Service("google")).score == 0.5
    )


def test_a_private_key_that_is_none(call: Caller, account: dict[str, str]) -> None:
    """The error says what a key looks like, and shows nothing of it."""
    broken = {**account, "private_key": "-----BEGIN PRIVATE KEY-----canary-----END PRIVATE KEY-----"}
    with pytest.raises(SettingsError, match="private_key begins with") as raised:
        call(Google(credentials=broken), "sentiment", "x", send=Script())
    assert "canary" not in everything_of(raised.value)


def test_what_is_no_path_is_not_shown(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the place of the path: the variable is named."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "canary-key-4711")
    with pytest.raises(SettingsError, match="GOOGLE_APPLICATION_CREDENTIALS names no file") as raised:
        call("google", "sentiment", "x", send=Script())
    assert "canary" not in everything_of(raised.value)


def test_the_metadata_server_is_a_plain_host(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that leads elsewhere is refused before anything is asked for."""
    monkeypatch.setenv("GCE_METADATA_HOST", "good.example@evil.example/")
    monkeypatch.delenv("NO_GCE_CHECK")
    with pytest.raises(SettingsError, match="GCE_METADATA_HOST is no host"):
        call("google", "sentiment", "x", send=Script())
