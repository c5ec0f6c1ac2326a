"""Google's logins: where credentials come from, and how google-auth makes a token of them.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from cloudai.core.flow import Request, Response
from cloudai.core.tokens import Token
from cloudai.errors import CloudAIError, ConnectError, ConnectionLostError, MalformedResponseError, SettingsError
from cloudai.providers._credentials import Login, is_installed, refusal
from cloudai.providers.replies import error_body
from cloudai.providers.settings import Lookup
from cloudai.transport.http import Network

__all__ = ["METADATA", "Credentials", "GoogleLogin", "default_login", "given_login"]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
METADATA = "the metadata server"
"""In place of a path: this machine is Google's, and has a service account."""
METADATA_HOSTS = ("metadata.google.internal", "169.254.169.254", "fd20:ce::254")
GOOD_LOGIN = (
    "Log in anew: gcloud auth application-default login; or make a new key: IAM & Admin, Service accounts, Keys, "
    "in the Google Cloud console. Check the clock of this machine too."
)
NO_MACHINE_LOGIN = "Give this machine a service account, or set GOOGLE_API_KEY."
OF_A_FILE = "It is a JSON file of a service account (IAM & Admin, Service accounts, Keys) or of gcloud's login."


class Credentials(Protocol):
    """Credentials of google-auth: any class of ``google.auth.credentials``."""

    token: Any

    def refresh(self, request: Any) -> Any:
        """Fetch a new token."""


class GoogleLogin(Login):
    """Credentials as given: an object of google-auth, or what a JSON file of Google holds; or a file's path."""

    package, extra = "google.auth", "google-auth"

    def __init__(self, source: str | Mapping[str, Any] | Credentials) -> None:
        kind = type(source).__name__
        who = "Google's login" if isinstance(source, (str, Mapping)) else f"the login {kind}"
        super().__init__(who, GOOD_LOGIN if source != METADATA else NO_MACHINE_LOGIN)
        if not isinstance(source, (str, Mapping)) and not callable(getattr(source, "refresh", None)):
            raise SettingsError(
                f"credentials= is a {kind}",
                advice="Give the path or the content of a JSON file of Google, or credentials of google-auth.",
            )
        self._source = source
        self.identity = _identity(source)
        self._credentials: Any = None

    def _fetch(self, *_: Any) -> Token:
        transport = _Transport(self, self._advice)
        try:
            return self._refreshed(transport)
        except (CloudAIError, ImportError):
            raise
        except Exception as error:  # noqa: BLE001  # google-auth has many, and lets Python's own through
            # After an answer it is not the settings: either a refusal, or no token in a good reply.
            told = transport.failure() or self._told(error)
        raise told

    def _refreshed(self, transport: _Transport) -> Token:
        if self._credentials is None:
            self._credentials = self._made()
        credentials = self._credentials
        token = _token(credentials)
        if token is None or token.is_old() or token.value == self._last:
            credentials.refresh(transport)
            token = _token(credentials)
        if token is None:
            raise MalformedResponseError(f"{self} gave a reply without a token", advice=self._advice)
        return token

    def _made(self) -> Any:
        if self._source == METADATA:
            from google.auth.compute_engine import Credentials as OfThisMachine

            return OfThisMachine()
        if isinstance(self._source, str):
            return _of_info(_read(self._source), self._source)
        if isinstance(self._source, Mapping):
            return _of_info(self._source, "credentials=")
        from google.auth.credentials import with_scopes_if_required

        return with_scopes_if_required(self._source, [SCOPE])

    def _told(self, error: Exception) -> CloudAIError:
        return SettingsError(f"{self} cannot be used ({type(error).__name__})", advice=self._advice)


def _identity(source: Any) -> str | None:
    match source:
        case str():
            return source
        case Mapping():
            return json.dumps(dict(source), sort_keys=True, default=str)
        case _:
            return getattr(source, "service_account_email", None)


def given_login(given: Any) -> str | GoogleLogin | None:
    """What was given as ``credentials=``: a path stays one, anything else is kept from sight."""
    if not given:
        return None
    return os.fspath(given) if isinstance(given, (str, os.PathLike)) else GoogleLogin(given)


def _token(credentials: Any) -> Token | None:
    if not isinstance(credentials.token, str) or not credentials.token:
        return None
    expiry, project = getattr(credentials, "expiry", None), getattr(credentials, "quota_project_id", None)
    return Token(
        credentials.token,
        math.inf if expiry is None else expiry.replace(tzinfo=UTC).timestamp(),
        {"x-goog-user-project": project} if isinstance(project, str) and project else {},
    )


class _Transport:
    """How google-auth sends: over our own network, and tried again by our engine alone."""

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
        content = body.encode() if isinstance(body, str) else body
        request = Request(method, url, headers=dict(headers or {}), content=content, timeout=timeout or LONGEST)
        try:
            with closing(Network(allow_http=_is_metadata(url))) as send:
                self._answer = send(request)
        except ConnectionLostError as error:
            raise ConnectError(error.message, advice="Try again later.") from None
        if self._answer.status in (408, 429) or self._answer.status >= 500:  # noqa: PLR2004
            raise self._refused(self._answer)  # google-auth would send again by itself
        return _Reply(self._answer)

    def failure(self) -> CloudAIError | None:
        """The error that the last reply stands for, where there was one."""
        if self._answer is None:
            return None
        if self._answer.status >= 300:  # noqa: PLR2004
            return self._refused(self._answer)
        return MalformedResponseError(f"{self._login} gave a reply without a token", advice=self._advice)

    def _refused(self, answer: Response) -> CloudAIError:
        return refusal(self._login, answer.status, error_body(answer), self._advice)


LONGEST = 30.0
"""Seconds of one exchange, if the call has as many."""


class _Reply:
    """A reply as google-auth reads it."""

    def __init__(self, response: Response) -> None:
        self.status, self.headers, self.data = response.status, response.headers, response.content


def _is_metadata(url: str) -> bool:
    """Whether it is this machine's own metadata server, which speaks plain http."""
    return urlsplit(url).hostname in (*METADATA_HOSTS, urlsplit(f"//{_metadata_host()}").hostname)


def _metadata_host() -> str:
    return os.environ.get("GCE_METADATA_HOST", "").strip()


# -- files -------------------------------------------------------------------------------------------------


def _read(path: str) -> Mapping[str, Any]:
    try:
        info = json.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(
            f"cannot read the credentials file {path} ({error.strerror})",
            advice="GOOGLE_APPLICATION_CREDENTIALS is the path of the JSON file of a service account.",
        ) from error
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise SettingsError(f"{path} is no credentials file: it is not JSON", advice=OF_A_FILE)
    return info


def _of_info(info: Mapping[str, Any], where: str) -> Any:
    """Credentials of the kind that a file's ``type`` names."""
    make = KINDS.get(str(info.get("type")))
    if make is None:
        raise SettingsError(
            f"{where} holds no credentials that are known: its type is {info.get('type')!r}",
            advice=f"{OF_A_FILE} Known: {', '.join(KINDS)}.",
        )
    try:
        return make(dict(info))
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001  # of many kinds, where a field is missing or wrong
        kind = type(error).__name__
    # Outside of the handler: the error may quote what the file holds.
    raise SettingsError(f"{where} does not hold what {info['type']} asks for ({kind})", advice=OF_A_FILE)


def _service_account(info: dict[str, Any]) -> Any:
    from google.oauth2.service_account import Credentials

    # It signs its tokens itself: no token server is asked.
    return Credentials.from_service_account_info(info, scopes=[SCOPE], always_use_jwt_access=True)


def _authorized_user(info: dict[str, Any]) -> Any:
    from google.oauth2.credentials import Credentials

    return Credentials.from_authorized_user_info(info)


def _external_account(info: dict[str, Any]) -> Any:
    """Workload identity federation: a token of another cloud, of a file, an address or a program, for one of Google."""
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
"""By the ``type`` of the file. google-auth's own function for all of them is deprecated."""


# -- where no setting names one ----------------------------------------------------------------------------


def default_login() -> Lookup | None:
    """The login that is simply there: gcloud's file, or the service account of this machine; asks no server."""
    file = _gcloud() / "application_default_credentials.json"
    if file.is_file():
        return Lookup(str(file), "gcloud's login")
    if _is_googles() and is_installed(GoogleLogin.package):
        return Lookup(METADATA, "this machine is Google's")
    return None


def _gcloud() -> Path:
    if given := os.environ.get("CLOUDSDK_CONFIG", ""):
        return Path(given)
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", "C:\\")) / "gcloud"
    return Path("~/.config/gcloud").expanduser()


def _is_googles() -> bool:
    """Whether this machine is one of Google's, by what can be known at once: to ask its server may take ten seconds."""
    if os.environ.get("NO_GCE_CHECK") == "true":
        return False
    if _metadata_host() or os.environ.get("K_SERVICE") or os.environ.get("GAE_SERVICE"):
        return True
    try:
        return PRODUCT.read_text("utf-8").startswith("Google")
    except (OSError, ValueError):
        return False


PRODUCT = Path("/sys/class/dmi/id/product_name")
