"""IBM's logins: an authenticator of ibm-cloud-sdk-core, handed over or made of the settings IBM's packages read.

https://github.com/IBM/ibm-cloud-sdk-common#authentication
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from cloudai.core.tokens import Token
from cloudai.errors import CloudAIError, ConnectError, MalformedResponseError, SettingsError, TLSError
from cloudai.providers._credentials import Login, refusal
from cloudai.transport.checks import require_safe

__all__ = ["PROPERTIES", "Authenticator", "WatsonLogin", "kind_of", "login_of"]


class Authenticator(Protocol):
    """What ibm-cloud-sdk-core calls an ``Authenticator``."""

    def authenticate(self, req: Any) -> None:
        """Put its headers into ``req["headers"]``."""


class Kind(NamedTuple):
    """A class of ibm-cloud-sdk-core, and the properties that it takes."""

    name: str
    properties: tuple[str, ...] = ()


CLIENT = ("AUTH_URL", "CLIENT_ID", "CLIENT_SECRET", "SCOPE")
PROFILE = ("IAM_PROFILE_ID", "IAM_PROFILE_NAME")
KINDS: Mapping[str, Kind] = {
    "iam": Kind("IAMAuthenticator", ("APIKEY", *CLIENT)),
    "iamassume": Kind("IAMAssumeAuthenticator", ("APIKEY", *PROFILE, "IAM_PROFILE_CRN", "IAM_ACCOUNT_ID", *CLIENT)),
    "container": Kind("ContainerAuthenticator", ("CR_TOKEN_FILENAME", *PROFILE, *CLIENT)),
    "vpc": Kind("VPCInstanceAuthenticator", ("IAM_PROFILE_CRN", "IAM_PROFILE_ID", "AUTH_URL")),
    "cp4d": Kind("CloudPakForDataAuthenticator", ("USERNAME", "PASSWORD", "APIKEY", "AUTH_URL")),
    "mcsp": Kind("MCSPAuthenticator", ("APIKEY", "AUTH_URL")),
    "bearertoken": Kind("BearerTokenAuthenticator", ("BEARER_TOKEN",)),
    "basic": Kind("BasicAuthenticator", ("USERNAME", "PASSWORD")),
    "noauth": Kind("NoAuthAuthenticator"),
}
"""By ``…_AUTH_TYPE``, in small letters."""
PROPERTIES = (
    "AUTH_TYPE",
    "AUTHTYPE",
    *dict.fromkeys(name for kind in KINDS.values() for name in kind.properties if name != "APIKEY"),
)
"""All that a login may take beside the API key, which is a setting of its own."""
METADATA = "http://169.254.169.254"
"""The server of a virtual machine's own logins, which speaks plain http."""
CHECK = "Check its settings: docs/settings.md names them. A token server takes a key, or a profile, of its own account."


def kind_of(properties: Mapping[str, str]) -> str | None:
    """The kind of login that a service's properties ask for; None where its API key serves as it is."""
    named = (properties.get("AUTH_TYPE") or properties.get("AUTHTYPE") or "").lower()
    if named == "iam" and properties.get("APIKEY") and not properties.get("AUTH_URL"):
        return None  # the services take the key itself, in basic authentication
    if named or properties.get("APIKEY"):
        return named or None
    if properties.get("USERNAME") and properties.get("PASSWORD"):
        return "basic"
    return "container" if any(map(properties.get, (*PROFILE, "CR_TOKEN_FILENAME"))) else None


def login_of(kind: str, service: str, properties: Mapping[str, str]) -> WatsonLogin:
    """The login of one service, by its properties."""
    if kind not in KINDS:
        raise SettingsError(f"AUTH_TYPE={kind!r} of {service} is not known", advice=f"Known: {', '.join(KINDS)}.")
    given = {name: properties[name] for name in KINDS[kind].properties if properties.get(name)}
    url = given.get("AUTH_URL", "")
    if url and not url.startswith(METADATA):
        require_safe(url, allow_http=False)
    return WatsonLogin(given, KINDS[kind])


class WatsonLogin(Login):
    """An authenticator that was handed over, or the properties of one."""

    package, extra = "ibm_cloud_sdk_core", "watson-auth"

    def __init__(self, source: Authenticator | Mapping[str, str], kind: Kind | None = None) -> None:
        super().__init__(f"the login {kind.name if kind else type(source).__name__}", CHECK)
        if kind is None and not callable(getattr(source, "authenticate", None)):
            raise SettingsError(
                f"authenticator= is a {type(source).__name__}",
                advice="Give an authenticator of ibm-cloud-sdk-core; a key goes into apikey=.",
            )
        self._source: Any = source
        self._made_as = kind

    def require_package(self) -> None:
        """MissingExtraError where ibm-cloud-sdk-core is not there, and no authenticator was handed over."""
        if self._made_as:
            super().require_package()

    def _fetch(self, *_: Any) -> Token:
        authenticator = self._made(self._made_as) if self._made_as else self._source
        manager = getattr(authenticator, "token_manager", None)
        if manager is not None:
            # After a fetch that failed the package waits a minute for it to end.
            manager.request_time = 0
            if self._last and str(getattr(manager, "access_token", None)) in self._last:
                manager.expire_time = 0  # the service, or the clock, has refused it
        request: dict[str, dict[str, str]] = {"headers": {}}
        authenticator.authenticate(request)
        headers = request["headers"]
        expires = getattr(manager, "expire_time", None) or math.inf
        return Token(headers.get("Authorization", ""), float(expires), headers)

    def _made(self, kind: Kind) -> Any:
        import ibm_cloud_sdk_core.authenticators as classes

        arguments = {"url" if name == "AUTH_URL" else name.lower(): value for name, value in self._source.items()}
        try:
            return getattr(classes, kind.name)(**arguments)
        except (TypeError, ValueError):
            pass
        # Outside of the handler: the package's error may quote a key.
        raise SettingsError(
            f"{self} lacks a setting, or one does not fit",
            advice=f"It takes {', '.join(kind.properties)}, each after the name of the service.",
        )

    def _told(self, error: Exception) -> CloudAIError:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "ApiException" in kinds:
            reply: Any = getattr(error, "http_response", None)
            return refusal(self, getattr(error, "status_code", 401), _body(reply), CHECK)
        if "SSLError" in kinds:
            return TLSError(
                f"the server of {self} is not trusted", advice="Behind a company's proxy, set REQUESTS_CA_BUNDLE."
            )
        if "RequestException" in kinds:
            return ConnectError(
                f"{self} cannot reach its server ({type(error).__name__})",
                advice="Check the network, and HTTPS_PROXY if there is a proxy.",
            )
        if kinds & {"PyJWTError", "KeyError", "AttributeError", "TypeError"}:
            return MalformedResponseError(f"{self} gave a reply without a token", advice=CHECK)
        return SettingsError(f"{self} cannot be used ({type(error).__name__})", advice=CHECK)


def _body(reply: Any) -> Any:
    try:
        body = reply.json()
    except Exception:  # noqa: BLE001  # no reply, or no JSON, as the package's HTTP library tells it
        return None
    errors = body.get("errors") if isinstance(body, dict) else None
    return errors[0] if isinstance(errors, list) and errors else body
