"""Azure's logins: any credential, the default chain, and the addresses that Entra's tokens are good for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudai import AuthError, Azure, Client, ConnectError, MissingExtraError, Resource, Response, SettingsError
from cloudai.cli import main
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.certificates import certificate
from tests.made_up.logins import ASCII_SECRET, AZURE, SECRET, Plain, Service, everything_of, token_server, told
from tests.made_up.server import Connection
from tests.support.played import GREETING, PICTURE

pytestmark = pytest.mark.loopback


class Static:
    """A credential that always has a token."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> Any:
        """Return a token, in the form that azure-core wants."""
        from azure.core.credentials import AccessToken

        self.scopes += scopes
        return AccessToken("a-token", int(time.time()) + 3600)


def asked(call: Caller, azure: Azure) -> dict[str, str]:
    """Return the headers of a call's one request to the service."""
    service = Service("azure")
    call(azure, "sentiment", "맛있어요!", language="ko", send=service)
    return dict(service.requests[0].headers)


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        (AZURE, "https://cognitiveservices.azure.com/.default"),
        (f"{AZURE}/language/x", "https://cognitiveservices.azure.com/.default"),
        ("https://gate.example/azure", "https://cognitiveservices.azure.com/.default"),
        ("https://one.cognitiveservices.azure.us", "https://cognitiveservices.azure.us/.default"),
        ("https://one.cognitiveservices.azure.cn", "https://cognitiveservices.azure.cn/.default"),
    ],
)
def test_a_credential_that_was_handed_over(call: Caller, endpoint: str, scope: str) -> None:
    """Its token goes out in place of a key, asked for in the name of the cloud that the resource is in."""
    credential = Static()
    headers = asked(call, Azure(endpoint=endpoint, credential=credential))
    assert headers["Authorization"] == "Bearer a-token"
    assert "Ocp-Apim-Subscription-Key" not in headers
    assert credential.scopes == [scope]


@pytest.mark.parametrize(
    "resource",
    [
        {"region": "koreacentral"},
        {"endpoint": "https://koreacentral.api.cognitive.microsoft.com"},
        {"endpoint": "https://api.cognitive.microsoft.com/"},
        {"endpoint": "https://usgovarizona.api.cognitive.microsoft.us"},
        {"endpoint": "https://chinaeast2.api.cognitive.azure.cn"},
    ],
)
def test_the_address_of_a_region_is_refused(call: Caller, resource: dict[str, str]) -> None:
    """Entra's tokens are for the resource's own address: told before a token is asked for, and by `missing`."""
    credential = Static()
    azure = Azure(credential=credential, **resource)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"a login needs the resource's own address, .*NAME\.cognitiveservices"):
        call(azure, "sentiment", "좋아요", send=Script())
    assert credential.scopes == []
    assert "own address" in (azure.missing("sentiment") or "")
    assert not Client(azure).supports("sentiment")
    assert asked(call, Azure(key="not-a-real-key", **resource))  # type: ignore[arg-type]  # a key is good there


def test_short_audio_needs_a_key(call: Caller) -> None:
    """With a region alone speech goes to an address of the region: no login there either."""
    azure = Azure(credential=Static(), speech=Resource(region="koreacentral"))
    with pytest.raises(SettingsError, match="own address"):
        call(azure, "speech_to_text", GREETING, send=Script(), language="ko")


def test_no_endpoint(call: Caller) -> None:
    """A login has no address: the endpoint is asked for."""
    with pytest.raises(SettingsError, match=r"no endpoint\. Set LANGUAGE_ENDPOINT"):
        call(Azure(credential=Static()), "sentiment", "좋아요", send=Script())


@pytest.mark.parametrize(
    ("environment", "azure", "login"),
    [
        ({}, {"credential": Static(), "endpoint": AZURE}, True),
        ({"LANGUAGE_KEY": "k"}, {"credential": Static(), "endpoint": AZURE}, True),
        ({}, {"credential": Static(), "endpoint": AZURE, "language": Resource("k")}, False),
        ({"LANGUAGE_ENDPOINT": AZURE, "AZURE_TENANT_ID": "t"}, {}, True),
        ({"LANGUAGE_ENDPOINT": AZURE, "AZURE_TOKEN_CREDENTIALS": "prod"}, {}, True),
        ({"LANGUAGE_ENDPOINT": AZURE, "IDENTITY_ENDPOINT": "http://127.0.0.1"}, {}, True),
        ({"LANGUAGE_ENDPOINT": AZURE, "AZURE_TENANT_ID": "t", "LANGUAGE_KEY": "k"}, {}, False),
        ({"AZURE_TENANT_ID": "t"}, {"key": "k", "endpoint": AZURE}, False),
        ({}, {"credential": "default", "endpoint": AZURE}, True),
    ],
)
def test_precedence(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], azure: dict[str, Any], login: bool
) -> None:
    """Settings given in code come first, then keys of the environment, then the login that it names."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    provider = Azure(**azure)
    assert (provider.token("language") is not None) == login
    assert provider.missing("sentiment") is None


def test_a_key_beside_a_credential() -> None:
    """A key beside a credential is refused: which of the two signs is not to be guessed."""
    with pytest.raises(SettingsError, match="key= and credential= exclude each other"):
        Azure(key="not-a-real-key", credential=Static())


def test_what_is_no_credential() -> None:
    """A key in its place, or an awaitable twin: told at once."""
    from azure.identity.aio import ManagedIdentityCredential

    with pytest.raises(SettingsError, match="a str, which has no get_token"):
        Azure(credential="not-a-real-key")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"azure\.identity\.aio"):
        Azure(credential=ManagedIdentityCredential())


@pytest.mark.parametrize("handed", [True, False])
def test_the_managed_identity_of_a_machine(call: Caller, monkeypatch: pytest.MonkeyPatch, handed: bool) -> None:
    """azure-identity's own class, handed over or found by the default chain: two calls, one request for a token."""
    from azure.identity import ManagedIdentityCredential

    def answer(connection: Connection) -> None:
        assert b"resource=https://cognitiveservices.azure.com" in connection.request.replace(b"%3A%2F%2F", b"://")
        assert f"x-identity-header: {ASCII_SECRET}".encode() in connection.request.lower()
        told({"access_token": "of-the-app", "expires_on": str(int(time.time()) + 7200), "token_type": "Bearer"})(
            connection
        )

    with token_server(answer) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", ASCII_SECRET)
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        monkeypatch.setenv("AZURE_AI_SERVICES_ENDPOINT", AZURE)
        azure = Azure(credential=ManagedIdentityCredential()) if handed else Azure()
        assert asked(call, azure)["Authorization"] == "Bearer of-the-app"
        assert asked(call, azure)["Authorization"] == "Bearer of-the-app"
    assert server.count == 1


def test_nobody_is_logged_in(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default chain finds nothing: how to log in."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(AuthError, match=r"Azure's default login gave no token .*az login.*AZURE_CLIENT_SECRET"):
        call(Azure(endpoint=AZURE, credential="default"), "sentiment", "좋아요", send=Script())


@pytest.mark.parametrize("code", ["AADSTS7000215", "AADSTS700016"])
def test_a_client_secret_that_is_wrong(call: Caller, tmp_path: Path, code: str) -> None:
    """Entra's number is told, and not its text; the secret is in nothing that is left."""
    from azure.identity import ClientSecretCredential

    public, context = certificate(tmp_path, "127.0.0.1", 30)

    def answer(connection: Connection) -> None:
        path = connection.request.split(b" ")[1]
        if b"openid-configuration" in path:
            start = f"{server.url}/tenant"
            found = {"token_endpoint": f"{start}/token", "authorization_endpoint": f"{start}/a", "issuer": start}
            told(found)(connection)
        else:
            assert ASCII_SECRET.encode() in connection.request
            told({"error": "invalid_client", "error_description": f"{code}: {SECRET}"}, "401 Unauthorized")(connection)

    with token_server(answer, tls=context) as server:
        credential = ClientSecretCredential(
            "tenant",
            "client",
            ASCII_SECRET,
            authority=server.url,
            connection_verify=str(public),
            disable_instance_discovery=True,
        )
        with pytest.raises(AuthError, match=rf"ClientSecretCredential was refused \({code}\)") as raised:
            call(Azure(endpoint=AZURE, credential=credential), "sentiment", "좋아요", send=Script())
    text = everything_of(raised.value)
    assert SECRET not in text
    assert ASCII_SECRET not in text
    assert raised.value.code == code


def test_a_server_that_cannot_be_reached(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login's server is not there: an error of the connection, tried again by the engine."""
    from azure.core.exceptions import ServiceRequestError

    class Unreached:
        asked = 0

        def get_token(self, *_: str, **__: Any) -> Any:
            self.asked += 1
            raise ServiceRequestError(SECRET)

    credential = Unreached()
    azure = Azure(endpoint=AZURE, credential=credential)
    with pytest.raises(ConnectError, match=r"the login Unreached cannot reach its server") as raised:
        call(azure, "sentiment", "좋아요", send=Script(), client_sleep=lambda _: None)
    assert SECRET not in everything_of(raised.value)
    assert credential.asked == 3


def test_a_credential_with_an_error_of_its_own(call: Caller) -> None:
    """Anything may be raised there: its kind is told, and nothing else."""

    class Odd:
        def get_token(self, *_: str, **__: Any) -> Any:
            raise LookupError(SECRET)

    with pytest.raises(AuthError, match=r"the login Odd gave no token \(LookupError\)") as raised:
        call(Azure(endpoint=AZURE, credential=Odd()), "sentiment", "좋아요", send=Script())
    assert SECRET not in everything_of(raised.value)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """The default login needs azure-identity: the install line; what was handed over needs nothing."""
    monkeypatch.setattr("cloudai.providers._credentials.find_spec", lambda _: None)
    azure = Azure(endpoint=AZURE, credential="default")
    with pytest.raises(MissingExtraError, match=r'pip install "\.\[azure-identity\]"'):
        call(azure, "sentiment", "좋아요", send=Script())
    assert "azure-identity" in (azure.missing("sentiment") or "")
    assert asked(call, Azure(endpoint=AZURE, credential=Static()))


def test_doctor_tells_of_the_login(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`cloudai doctor` names the variable that made the login, and says that calls can be made with it."""
    monkeypatch.setenv("AZURE_TENANT_ID", "a-tenant")
    monkeypatch.setenv("AZURE_AI_SERVICES_ENDPOINT", AZURE)
    assert main(["doctor", "azure"]) == 0
    printed = capsys.readouterr().out
    assert "AZURE_TENANT_ID" in printed
    assert "azure: ready for analyze_image" in printed


def test_the_reply_of_a_plain_credential_is_read(call: Caller) -> None:
    """No class of Azure's is needed: `get_token` with `token` and `expires_on` will do."""
    with token_server(told(json.dumps({"access_token": "mine", "expires_on": time.time() + 3600}).encode())) as server:
        credential = Plain(server.url)
        assert asked(call, Azure(endpoint=AZURE, credential=credential))["Authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    ("variables", "given", "runs"),
    [
        ({"AZURE_TENANT_ID": "t"}, None, False),
        ({"IDENTITY_ENDPOINT": "http://127.0.0.1:1"}, None, False),
        ({"AZURE_TENANT_ID": "t", "AZURE_TOKEN_CREDENTIALS": "dev"}, None, True),
        ({}, "default", True),
    ],
)
def test_programs_are_run_only_where_the_user_asks(
    call: Caller, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], given: Any, runs: bool
) -> None:
    """The default login asks az, azd and PowerShell if credential= or AZURE_TOKEN_CREDENTIALS says so, else none."""
    import azure.identity

    asked: list[dict[str, Any]] = []

    class Default:
        def __init__(self, **arguments: Any) -> None:
            asked.append(arguments)

        def get_token(self, *_: str) -> Any:
            return SimpleNamespace(token="a", expires_on=time.time() + 3600)

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Default)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    azure_ = Azure(endpoint="https://one.cognitiveservices.azure.com", credential=given)
    call(azure_, "detect_faces", PICTURE, send=lambda _: Response(200, {}, b"[]"))
    (arguments,) = asked
    assert arguments.get("exclude_cli_credential", False) is not runs
    assert arguments.get("exclude_developer_cli_credential", False) is not runs
    assert arguments.get("exclude_powershell_credential", False) is not runs
