"""The logins of IBM: authenticators of ibm-cloud-sdk-core.

The user gives one, or it is made from the settings that IBM's own packages read.

https://github.com/IBM/ibm-cloud-sdk-common#authentication
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from cloudai.core.tokens import Token
from cloudai.core.urls import require_safe
from cloudai.errors import CloudAIError, ConnectError, MalformedResponseError, SettingsError, TLSError
from cloudai.providers._credentials import Login, refusal
from cloudai.providers.settings import address_in

__all__ = ["PROPERTIES", "Authenticator", "WatsonLogin", "kind_of", "login_of"]


class Authenticator(Protocol):
    """The protocol that ibm-cloud-sdk-core calls ``Authenticator``."""

    def authenticate(self, req: Any) -> None:
        """Add the headers of the login to ``req["headers"]``."""


class Kind(NamedTuple):
    """A kind of login: a class of ibm-cloud-sdk-core and the properties that it takes."""

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
"""The kinds of login by the value of ``…_AUTH_TYPE``, in lower case."""
PROPERTIES = (
    "AUTH_TYPE",
    "AUTHTYPE",
    *dict.fromkeys(name for kind in KINDS.values() for name in kind.properties if name != "APIKEY"),
)
"""All properties that a login may take, except the API key, which is a setting of its own."""
METADATA = "http://169.254.169.254"
"""The server that gives a virtual machine its own logins; it only speaks plain http."""
CHECK = "Check its settings: docs/settings.md names them. A token server takes a key, or a profile, of its own account."


def kind_of(properties: Mapping[str, str]) -> str | None:
    """Return the kind of login that a service's properties ask for, in lower case, whether there is such a kind or not.

    It is None if they ask for none: the service then takes its API key as it is, or has no key.
    """
    named = (properties.get("AUTH_TYPE") or properties.get("AUTHTYPE") or "").lower()
    if named == "iam" and properties.get("APIKEY") and not properties.get("AUTH_URL"):
        return None  # the services take the key itself in basic authentication, without a token
    if named or properties.get("APIKEY"):
        return named or None
    # Credentials that Cloud Foundry binds have a user and a password, and no type; IBM's own package takes them for
    # basic authentication, too.
    if properties.get("USERNAME") and properties.get("PASSWORD"):
        return "basic"
    return "container" if any(map(properties.get, (*PROFILE, "CR_TOKEN_FILENAME"))) else None


def login_of(kind: str, service: str, properties: Mapping[str, str]) -> WatsonLogin:
    """Return the login of one service.

    Args:
        kind: One of `KINDS`.
        service: The words for the service in errors.
        properties: The properties of the login; those that this kind does not take are left out.

    Raises:
        SettingsError: The kind is not known, or the token server's address is not safe.
    """
    if kind not in KINDS:
        raise SettingsError(f"AUTH_TYPE of {service} is not known", advice=f"Known: {', '.join(KINDS)}.")
    # A class of IBM's package refuses an argument that it does not know, and an environment may have settings of
    # several kinds.
    given = {name: properties[name] for name in KINDS[kind].properties if properties.get(name)}
    if "AUTH_URL" in given:
        address = address_in(given["AUTH_URL"])
        if address is None:
            raise SettingsError(f"AUTH_URL of {service} is no address", advice="It looks like https://HOST.")
        if address != METADATA and not address.startswith(f"{METADATA}/"):
            # The key of the account goes to this server.
            require_safe(address, allow_http=False)
        given["AUTH_URL"] = address
    return WatsonLogin(given, KINDS[kind])


class WatsonLogin(Login):
    """A login of IBM: an authenticator given by the user, or the properties of one that is still to be made."""

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
        """Raise MissingExtraError where an authenticator has to be made and ibm-cloud-sdk-core is not installed."""
        if self._made_as:
            super().require_package()

    def _fetch(self, *_: Any) -> Token:
        authenticator = self._made(self._made_as) if self._made_as else self._source
        manager = getattr(authenticator, "token_manager", None)
        if manager is not None:
            # After a fetch that failed the package would wait for up to a minute before it tries again.
            manager.request_time = 0
            # The user's own program may have fetched a newer token by now, which is left alone.
            if self._last and str(getattr(manager, "access_token", None)) in self._last:
                manager.expire_time = 0  # the token is refused or old, so the package must fetch another
        request: dict[str, dict[str, str]] = {"headers": {}}
        # The package writes headers and has no other way to hand a token out; not every login makes a bearer token.
        authenticator.authenticate(request)
        headers = request["headers"]
        expires = getattr(manager, "expire_time", None) or math.inf
        return Token(headers.get("Authorization", ""), float(expires), headers)

    def _made(self, kind: Kind) -> Any:
        """Return an authenticator of this kind, made from the properties."""
        import ibm_cloud_sdk_core.authenticators as classes

        # The variables have the names of the arguments, but for this one.
        arguments = {"url" if name == "AUTH_URL" else name.lower(): value for name, value in self._source.items()}
        try:
            return getattr(classes, kind.name)(**arguments)
        except (TypeError, ValueError):
            pass
        # Raised outside the handler, without the package's error as its context: that may quote a key.
        raise SettingsError(
            f"{self} lacks a setting, or one does not fit",
            advice=f"It takes {', '.join(kind.properties)}, each after the name of the service.",
        )

    def _told(self, error: Exception) -> CloudAIError:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "ApiException" in kinds:
            # The error's own text is not used, because it repeats the reply.
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
        # The package raises these errors where the reply of the token server lacks a field, or its token is none.
        if kinds & {"PyJWTError", "KeyError", "AttributeError", "TypeError"}:
            return MalformedResponseError(f"{self} gave a reply without a token", advice=CHECK)
        return SettingsError(f"{self} cannot be used ({type(error).__name__})", advice=CHECK)


def _body(reply: Any) -> Any:
    """Return the JSON of a reply, or its first error where it lists several; None where it has no JSON."""
    try:
        body = reply.json()
    except Exception:  # noqa: BLE001  # there is no reply or no JSON; which class says so depends on the HTTP library
        return None
    # Some token servers answer with a list of errors, and IAM with one object.
    errors = body.get("errors") if isinstance(body, dict) else None
    return errors[0] if isinstance(errors, list) and errors else body
