"""The logins of Google: where credentials come from, and how google-auth gets a token for them.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from cloudai.core.flow import Request, Response
from cloudai.core.tokens import Token
from cloudai.core.urls import origin
from cloudai.errors import CloudAIError, ConnectError, ConnectionLostError, MalformedResponseError, SettingsError
from cloudai.providers._credentials import Login, is_installed, refusal
from cloudai.providers.replies import error_body
from cloudai.providers.settings import Lookup, address_in, is_file, unquoted

__all__ = ["ALLOW_EXECUTABLES", "METADATA", "Credentials", "GoogleLogin", "default_login", "given_login"]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
METADATA = "the metadata server"
"""Stands in place of a file's path for the service account of a machine in Google Cloud."""
METADATA_HOSTS = ("metadata.google.internal", "169.254.169.254", "fd20:ce::254")
GOOD_LOGIN = (
    "Log in anew: gcloud auth application-default login; or make a new key: IAM & Admin, Service accounts, Keys, "
    "in the Google Cloud console. Check the clock of this machine too."
)
NO_MACHINE_LOGIN = "Give this machine a service account, or set GOOGLE_API_KEY."
GOOD_FILE = "It is a JSON file of a service account (IAM & Admin, Service accounts, Keys) or of gcloud's login."


class Credentials(Protocol):
    """The protocol of google-auth's credentials: any class of ``google.auth.credentials`` has it."""

    token: Any

    def refresh(self, request: Any) -> Any:
        """Fetch a new token."""


class GoogleLogin(Login):
    """A login of Google: credentials of google-auth, the content of a JSON file of Google, or the path of one.

    A text may hold the content too, as it is or in base64: many hosts of programs offer variables and no files. Errors
    name the login by ``where``, and never show what it holds.
    """

    package, extra = "google.auth", "google-auth"

    def __init__(self, source: str | Mapping[str, Any] | Credentials, where: str = "credentials=") -> None:
        # The text is tried as the content of a file first: a content that was taken for a path would end up in an error
        # about a file that is not there.
        source = _content(source) or source if isinstance(source, str) else source
        kind = type(source).__name__
        who = "Google's login" if isinstance(source, (str, Mapping)) else f"the login {kind}"
        super().__init__(who, GOOD_LOGIN if source != METADATA else NO_MACHINE_LOGIN)
        if not isinstance(source, (str, Mapping)) and not callable(getattr(source, "refresh", None)):
            raise SettingsError(
                f"credentials= is a {kind}",
                advice="Give the path or the content of a JSON file of Google, or credentials of google-auth.",
            )
        self._source = source
        self._where = where
        self.identity = _identity(source)
        self._credentials: Any = None

    def _fetch(self, *_: Any) -> Token:
        transport = _Transport(self, self._advice)
        try:
            return self._refreshed(transport)
        except (CloudAIError, ImportError):
            raise
        except Exception as error:  # noqa: BLE001  # google-auth raises many classes, also Python's own
            # If the server has answered, the settings are not at fault: it has refused, or its reply has no token.
            told = transport.failure() or self._told(error)
        raise told

    def _refreshed(self, transport: _Transport) -> Token:
        """Return a token that is neither old nor the one returned last, fetching one where that is needed."""
        if self._credentials is None:
            self._credentials = self._made()
        # Credentials that the user gave may hold a token that is still good, and no other one is fetched then.
        credentials = self._credentials
        token = _token(credentials)
        if token is None or token.is_old() or token.value == self._last:
            # A token that is handed out a second time was refused by the service, whatever its expiry says.
            credentials.refresh(transport)
            token = _token(credentials)
        if token is None:
            raise MalformedResponseError(f"{self} gave a reply without a token", advice=self._advice)
        return token

    def _made(self) -> Any:
        """Return the credentials of google-auth that the user has given or described."""
        # google-auth is imported here and below, because it is an extra.
        if self._source == METADATA:
            from google.auth.compute_engine import Credentials as MachineCredentials

            return MachineCredentials()
        if isinstance(self._source, str):
            return _from_info(_read(self._source, self._where), f"{self._where} names {self._source}, which")
        if isinstance(self._source, Mapping):
            return _from_info(self._source, self._where)
        from google.auth.credentials import with_scopes_if_required

        # Service accounts have to be told what a token is for; credentials of a user have it in them.
        return with_scopes_if_required(self._source, [SCOPE])

    def _told(self, error: Exception) -> CloudAIError:
        return SettingsError(f"{self} cannot be used ({type(error).__name__})", advice=self._advice)


def _identity(source: Any) -> str | None:
    """Return a text that tells this login from others; None for an object that names no account.

    Given as a mapping, the credentials are that text, with their private key: it must not be shown.
    """
    match source:
        case str():
            return source
        case Mapping():
            return json.dumps(dict(source), sort_keys=True, default=str)
        case _:
            return getattr(source, "service_account_email", None)


def given_login(given: Any) -> str | GoogleLogin | None:
    """Return ``credentials=`` as a setting: a path stays a string, any other value becomes a login.

    The repr of a login does not show what it holds. Where nothing was given the setting is None.
    """
    if not given:
        return None
    # A path is only read where a token is fetched, so that a file that is replaced is read anew.
    path = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    return GoogleLogin(given) if path is None else unquoted(path)


def _token(credentials: Any) -> Token | None:
    """Return the token that the credentials hold at the moment, or None where they hold none."""
    if not isinstance(credentials.token, str) or not credentials.token:
        return None
    expiry, project = getattr(credentials, "expiry", None), getattr(credentials, "quota_project_id", None)
    return Token(
        credentials.token,
        # google-auth counts in UTC, but without saying so: as a naive time it would be read in the time zone of this
        # machine.
        math.inf if expiry is None else expiry.replace(tzinfo=UTC).timestamp(),
        {"x-goog-user-project": project} if isinstance(project, str) and project else {},
    )


class _Transport:
    """The transport that google-auth sends with: our own network, without the retries of google-auth."""

    def __init__(self, login: Login, advice: str) -> None:
        self._login = login
        self._advice = advice
        self._answer: Response | None = None

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Reply:
        # The address comes from a file of credentials, which somebody else may have written.
        if origin(url) is None:
            raise SettingsError(f"{self._login} names a token server that is no address", advice=self._advice)
        content = body.encode() if isinstance(body, str) else body
        request = Request(method, url, headers=dict(headers or {}), content=content, timeout=timeout or LONGEST)
        try:
            from cloudai.transport.http import Network  # a call with a key sends nothing here

            # The network is one of its own, because `proxy=` and `verify=` of a client are for the service alone; see
            # docs/settings.md.
            with closing(Network(allow_http=_is_metadata(url))) as send:
                self._answer = send(request)
        # Nothing of the call itself has been sent yet, so a request for a token that was lost leaves nothing in doubt.
        except ConnectionLostError as error:
            raise ConnectError(error.message, advice="Try again later.") from None
        if self._answer.status in (408, 429) or self._answer.status >= 500:  # noqa: PLR2004
            raise self._refused(self._answer)  # if it were returned, google-auth would send the request again
        return _Reply(self._answer)

    def failure(self) -> CloudAIError | None:
        """Return the error that the last reply stands for, or None where no reply came."""
        if self._answer is None:
            return None
        if self._answer.status >= 300:  # noqa: PLR2004
            return self._refused(self._answer)
        return MalformedResponseError(f"{self._login} gave a reply without a token", advice=self._advice)

    def _refused(self, answer: Response) -> CloudAIError:
        return refusal(self._login, answer.status, error_body(answer), self._advice)


LONGEST = 30.0
"""Seconds for an exchange where google-auth names no timeout; the call may end earlier."""


class _Reply:
    """A reply with the attributes that google-auth reads."""

    def __init__(self, response: Response) -> None:
        self.status, self.headers, self.data = response.status, response.headers, response.content


def _is_metadata(url: str) -> bool:
    """Return whether an address is the metadata server of this machine, which only speaks plain http."""
    # Only for these hosts plain http is allowed: a token in clear text may not leave the machine.
    return urlsplit(url).hostname in (*METADATA_HOSTS, urlsplit(f"//{_metadata_host()}").hostname)


def _metadata_host() -> str:
    """Return the host of the metadata server that the environment names, or "" where it names none.

    Raises:
        SettingsError: What it names is no host.
    """
    host = os.environ.get("GCE_METADATA_HOST", "").strip()
    # The variable becomes a host that is spoken to over plain http.
    if host and address_in(f"http://{host}") != f"http://{host.lower()}":
        raise SettingsError("GCE_METADATA_HOST is no host", advice="Give HOST, or HOST:PORT.")
    return host


def _content(text: str) -> Mapping[str, Any] | None:
    """Return the content of a credentials file that a text holds in place of a path, or None where it holds none."""
    # A text that is no JSON may be JSON in base64. A path that happens to be base64 does not become an object.
    if not text.lstrip().startswith("{"):
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode()
        except ValueError:
            return None
    # Some hosts write the \\n of a private key as real line breaks, which strict JSON does not allow in a text.
    for written in (text, f'"{text}"'):  # the second where it is JSON within JSON, whose quotation marks are left out
        try:
            content = json.loads(written, strict=False)
            content = json.loads(content, strict=False) if isinstance(content, str) else content
        except ValueError:
            continue
        if isinstance(content, dict):
            return content
    return None


def _read(path: str, where: str) -> Mapping[str, Any]:
    """Return the content of a credentials file; raise SettingsError where it cannot be read or is not JSON.

    Args:
        path: The path, which an error shows only where something is there: it may be a key that was put there.
        where: The setting that names the file.
    """
    why = None
    try:
        # Editors of Windows put a byte order mark before the first character of a file.
        info = json.loads(Path(path).read_text("utf-8-sig"), strict=False)
    except OSError as error:
        info, why = None, error.strerror
    except ValueError:
        info = None
    shown = path if is_file(path) else "no file that is there"
    if why:
        raise SettingsError(
            f"cannot read the credentials file: {where} names {shown} ({why})",
            advice="GOOGLE_APPLICATION_CREDENTIALS is the path of the JSON file of a service account, or its content.",
        )
    if not isinstance(info, dict):
        raise SettingsError(f"{where} names {shown}, and that is no credentials file: it is not JSON", advice=GOOD_FILE)
    return info


def _from_info(info: Mapping[str, Any], where: str) -> Any:
    """Return credentials of the kind that the ``type`` in a JSON file names.

    Args:
        info: The content of the file.
        where: The setting that holds the content, or that names the file and its path, for errors.

    Raises:
        SettingsError: The type is not known, a field is missing or wrong, or the file names a program to run, which has
            not been allowed. The error shows no value of the file.
    """
    # No variable of this frame may hold a value of the file, beside the file itself, which the caller has.
    if str(info.get("type")) not in KINDS:
        raise SettingsError(
            f"{where} holds no credentials that are known: its type is none of them",
            advice=f"{GOOD_FILE} Known: {', '.join(KINDS)}.",
        )
    # google-auth asks for the same variable when it is about to run the program. Here the file is refused as a whole,
    # with advice.
    if _names_a_program(info) and os.environ.get(ALLOW_EXECUTABLES, "").strip() != "1":
        raise SettingsError(
            f"{where} asks for a program to be run, which would print a token",
            advice=f"If you trust it, set {ALLOW_EXECUTABLES}=1 in the environment; --env-file does not set it.",
        )
    try:
        return KINDS[info["type"]](_mended(dict(info)))
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001  # many classes, for a field that is missing or wrong
        kind = type(error).__name__
    # Raised outside the handler, without the first error as its context: that may quote the file.
    raise SettingsError(
        f"{where} does not hold what {info['type']} asks for ({kind})",
        advice=f"{GOOD_FILE} {GOOD_KEY}" if "private_key" in info else GOOD_FILE,
    )


ALLOW_EXECUTABLES = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
"""The variable by which google-auth is allowed to run a program that a file names; it has to be "1"."""
GOOD_KEY = r"Its private_key begins with -----BEGIN PRIVATE KEY----- and has line breaks, which may be written as \n."


def _names_a_program(info: Any) -> bool:
    """Return whether the content of a credentials file names a program to run, also in the credentials within it."""
    if not isinstance(info, Mapping):
        return False
    # An impersonated account has its source credentials as an object inside, which may be an external account.
    return "executable" in info or any(map(_names_a_program, info.values()))


def _mended(info: dict[str, Any]) -> dict[str, Any]:
    r"""Return the content of a file with each private key in lines, whether \n is written out in it or lost."""
    for name, value in info.items():
        if isinstance(value, Mapping):
            info[name] = _mended(dict(value))
        elif name == "private_key" and isinstance(value, str):
            # A key that went through a variable, a YAML file or a web form often has its line breaks written out, or
            # lost.
            text = unquoted(value).replace("\\r", "").replace("\\n", "\n")
            parts = re.fullmatch(r"\s*(-----BEGIN [A-Z ]+-----)(.+)(-----END [A-Z ]+-----)\s*", text, re.DOTALL)
            info[name] = "\n".join([parts[1], *parts[2].split(), parts[3], ""]) if parts else text
    return info


def _service_account(info: dict[str, Any]) -> Any:
    from google.oauth2.service_account import Credentials

    # A service account signs its tokens itself, so no token server has to be asked.
    return Credentials.from_service_account_info(info, scopes=[SCOPE], always_use_jwt_access=True)


def _authorized_user(info: dict[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials.from_authorized_user_info(info)


def _external_account(info: dict[str, Any]) -> Any:
    """Return credentials of workload identity federation: a token from elsewhere is exchanged for one of Google.

    It comes from another cloud, a file, an address or a program.
    """
    # google-auth tells the kinds of external accounts apart by these signs.
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        from google.auth.aws import Credentials
    elif "executable" in (info.get("credential_source") or {}):
        from google.auth.pluggable import Credentials
    else:
        from google.auth.identity_pool import Credentials
    return Credentials.from_info(info, scopes=[SCOPE])


def _external_user(info: dict[str, Any]) -> Any:
    from google.auth.external_account_authorized_user import Credentials

    return Credentials.from_info(info)


def _impersonated(info: dict[str, Any]) -> Any:
    from google.auth.impersonated_credentials import Credentials

    return Credentials.from_impersonated_service_account_info(info, scopes=[SCOPE])


KINDS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "service_account": _service_account,
    "authorized_user": _authorized_user,
    "external_account": _external_account,
    "external_account_authorized_user": _external_user,
    "impersonated_service_account": _impersonated,
}
"""The functions that make credentials, by the ``type`` in the file. google-auth's own function is deprecated."""


def default_login() -> Lookup | None:
    """Return the login for which nothing has to be set, or None; no server is asked.

    It is gcloud's file, or the service account of a machine in Google Cloud.
    """
    # The order is that of google-auth: gcloud's file goes before the machine.
    file = _gcloud() / "application_default_credentials.json"
    if file.is_file():
        return Lookup(str(file), "gcloud's login")
    # Without the package the machine's login would be found, and then fail: better to say that there is no key.
    if _is_in_google_cloud() and is_installed(GoogleLogin.package):
        return Lookup(METADATA, "this machine is Google's")
    return None


def _gcloud() -> Path:
    """Return the folder of gcloud's settings."""
    if given := os.environ.get("CLOUDSDK_CONFIG", ""):
        return Path(given)
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", "C:\\")) / "gcloud"
    # `expanduser` of os.path, unlike that of pathlib, does not fail for a user who has no home, as in some containers.
    return Path(os.path.expanduser("~/.config/gcloud"))  # noqa: PTH111


def _is_in_google_cloud() -> bool:
    """Return whether this machine is in Google Cloud, from signs on the machine: asking its server may take 10 s."""
    if os.environ.get("NO_GCE_CHECK") == "true":
        return False
    # Cloud Run sets K_SERVICE, and App Engine sets GAE_SERVICE.
    if _metadata_host() or os.environ.get("K_SERVICE") or os.environ.get("GAE_SERVICE"):
        return True
    try:
        # Virtual machines of Compute Engine name their maker here, where google-auth looks, too.
        return PRODUCT.read_text("utf-8").startswith("Google")
    except (OSError, ValueError):
        return False


PRODUCT = Path("/sys/class/dmi/id/product_name")
