"""All Google Cloud services share their settings, credentials and the shape of their errors, which are here.

https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cloudai.core.flow import Flow, Request, Response
from cloudai.core.tokens import Token
from cloudai.errors import AuthError, BadRequestError, ForbiddenError, RateLimitedError, ServiceError, SettingsError
from cloudai.providers.base import Provider, kept, with_headers
from cloudai.providers.google._credentials import (
    ALLOW_EXECUTABLES,
    Credentials,
    GoogleLogin,
    default_login,
    given_login,
)
from cloudai.providers.replies import Fault, error_body, error_class, inside, readable
from cloudai.providers.settings import Lookup, Setting, without_path
from cloudai.providers.wire import Wire

__all__ = ["GoogleService", "RpcStatus", "seconds"]

KEY_ADVICE = "An API key is one word; a file of credentials belongs in GOOGLE_APPLICATION_CREDENTIALS."
NO_KEY = "Set GOOGLE_API_KEY (Windows: setx, then open a new window)."


class RpcStatus(Wire):
    """An error inside a reply of status 200: google.rpc.Status, whose code is that of gRPC, not an HTTP status."""

    code: int = 0
    message: str = ""


# The HTTP status of each code of gRPC: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
HTTP_OF_GRPC: Mapping[int, int] = {
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}

# Google says that a key is bad with the status 400, so the words decide; older APIs have other words for it.
BAD_KEY = (
    "API_KEY_INVALID",
    "API_KEY_EXPIRED",
    "keyInvalid",
    "keyExpired",
    "API key not valid",
    "missing a valid API key",
)
SPENT = (
    "RESOURCE_EXHAUSTED",
    "RATE_LIMIT_EXCEEDED",
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
)
# A quota of the day comes with the same status as one of the minute, and with a short retryDelay: only its name tells
# them apart.
SPENT_TODAY = ("dailyLimitExceeded", "Daily Limit Exceeded", "PerDay")
CONSOLE = "(Google Cloud console, Credentials, the key)"
NO_QUOTA_PROJECT = (
    "Name the quota project for which the calls of the login are counted: GOOGLE_CLOUD_QUOTA_PROJECT, "
    "quota_project=, or gcloud auth application-default set-quota-project PROJECT."
)
NOT_ITS_PROJECT = (
    "The login may not use its quota project: it needs the role Service Usage Consumer there, or another project in "
    "GOOGLE_CLOUD_QUOTA_PROJECT."
)
OTHER_APIS = f"The key is restricted to other APIs: add this one to its API restrictions {CONSOLE}."
OTHER_PROGRAMS = (
    "The key is restricted to certain websites, addresses or apps, and this program is none of them: change its "
    f"application restrictions {CONSOLE}, or use a login."
)
NO_BILLING = "Turn billing on for the project in the Google Cloud console."
NO_SCOPE = "Log in anew with the scope https://www.googleapis.com/auth/cloud-platform."
SWITCHED_OFF = (
    "Enable the API for the project of the key or login in the Google Cloud console; that takes some minutes."
)
FORBIDDEN: Mapping[str, str] = {
    "requires a quota project": NO_QUOTA_PROJECT,
    "CONSUMER_INVALID": NO_QUOTA_PROJECT,
    "USER_PROJECT_DENIED": NOT_ITS_PROJECT,
    "API_KEY_SERVICE_BLOCKED": OTHER_APIS,
    "API_KEY_HTTP_REFERRER_BLOCKED": OTHER_PROGRAMS,
    "API_KEY_IP_ADDRESS_BLOCKED": OTHER_PROGRAMS,
    "API_KEY_ANDROID_APP_BLOCKED": OTHER_PROGRAMS,
    "API_KEY_IOS_APP_BLOCKED": OTHER_PROGRAMS,
    "Requests from referer": OTHER_PROGRAMS,
    "IP address restriction": OTHER_PROGRAMS,
    "BILLING_DISABLED": NO_BILLING,
    "requires billing": NO_BILLING,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": NO_SCOPE,
    "insufficient authentication scopes": NO_SCOPE,
    "SERVICE_DISABLED": SWITCHED_OFF,
    "accessNotConfigured": SWITCHED_OFF,
}
"""The advice for a refusal, by words of the reply. The first that is there counts: Google gives SERVICE_DISABLED as the
reason of a missing quota project too.
https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto"""

# Gemini is not among them, because data only goes to its host where it is set up.
CLASSIC = ("vision", "language", "speech", "texttospeech", "translation")
SERVICES = (*CLASSIC, "gemini")
HOST = "{service}.googleapis.com"
HOST_OF_GEMINI = "generativelanguage.googleapis.com"
YES = ("true", "1", "True", "TRUE")
"""The values by which google-genai turns a setting on."""
VERSION = re.compile(r"(/language/translate)?/v[1-9][a-z0-9]*(/|$)")
"""The beginning of an API's path, which is no part of an address that is given for a service."""


def host_of(service: str) -> str:
    """Return the usual host of a service."""
    return HOST_OF_GEMINI if service == "gemini" else HOST.format(service=service)


def _endpoints() -> Iterator[Setting]:
    """Yield the settings of the addresses that stand in place of Google's own hosts."""
    yield Setting("endpoint", ("CLOUDAI_GOOGLE_ENDPOINT",), purpose="in place of all of Google's hosts", kind="address")
    for service in SERVICES:
        yield Setting(
            f"{service}_endpoint",
            (f"CLOUDAI_GOOGLE_{service.upper()}_ENDPOINT",),
            purpose=f"in place of {host_of(service)}",
            kind="address",
        )


class GoogleService(Provider):
    """The settings, credentials and errors of all Google Cloud services."""

    name: ClassVar[str] = "google"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("api_key", ("GOOGLE_API_KEY",), secret=True, purpose="an API key", kind="key", advice=KEY_ADVICE),
        Setting(
            "credentials",
            ("GOOGLE_APPLICATION_CREDENTIALS",),
            purpose="path of a JSON file: a service account, a login, a federation; else gcloud's login is looked for",
            kind="file",
        ),
        Setting(
            "allow_executables",
            (ALLOW_EXECUTABLES,),
            purpose="1: a credentials file may name a program that is run for a token",
            choices=("0", "1"),
            from_file=False,
        ),
        Setting(
            "quota_project",
            ("GOOGLE_CLOUD_QUOTA_PROJECT",),
            purpose="the project a login's calls are counted for",
            kind="project",
        ),
        Setting(
            "project",
            ("GOOGLE_CLOUD_PROJECT",),
            purpose="project: speech then goes to Speech v2, texts to Translation v3",
            kind="project",
        ),
        Setting(
            "location",
            ("GOOGLE_CLOUD_LOCATION",),
            purpose="where data is processed: eu, us, a region",
            kind="region",
            hosts=r"([a-z0-9-]+)-(?:vision|speech|language|texttospeech)\.googleapis\.com",
        ),
        Setting(
            "gemini_api_key",
            ("GEMINI_API_KEY",),
            secret=True,
            purpose="a key for Gemini, the chat model: captions, ages, expressions",
            kind="key",
            advice=KEY_ADVICE,
        ),
        Setting("gemini_model", ("GEMINI_MODEL",), purpose="the model of Gemini", kind="model"),
        Setting(
            "vertex",
            ("GOOGLE_GENAI_USE_VERTEXAI",),
            purpose="true: Vertex AI answers in place of the Gemini API",
            # google-genai takes any other word for false. Here a typing error is an error, because it decides where
            # data goes.
            choices=(*YES, "false", "0", "False", "FALSE"),
        ),
        *_endpoints(),
    )
    variables: ClassVar[tuple[str, ...]] = ("CLOUDSDK_CONFIG", "GCE_METADATA_(HOST|IP|TIMEOUT)", "NO_GCE_CHECK")
    hosts: ClassVar[tuple[str, ...]] = tuple(map(host_of, SERVICES))
    changing: ClassVar[tuple[str, ...]] = ("credentials",)  # gcloud's login is a file
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-goog-request-id", "x-cloud-trace-context")

    def __init__(
        self,
        *,
        api_key: str | None = None,
        credentials: str | os.PathLike[str] | Mapping[str, Any] | Credentials | None = None,
        quota_project: str | None = None,
        project: str | None = None,
        location: str | None = None,
        endpoint: str | None = None,
        vision_endpoint: str | None = None,
        language_endpoint: str | None = None,
        speech_endpoint: str | None = None,
        texttospeech_endpoint: str | None = None,
        translation_endpoint: str | None = None,
        gemini_api_key: str | None = None,
        gemini_model: str | None = None,
        vertex: bool | None = None,
        gemini_endpoint: str | None = None,
    ) -> None:
        # If one of the two were ignored without a word, it might be the one that is meant.
        if api_key and credentials:
            raise SettingsError("api_key= and credentials= exclude each other", advice="Give one of them.")
        self._given = {
            "api_key": api_key,
            "credentials": given_login(credentials),
            "quota_project": quota_project,
            "project": project,
            "location": location,
            "endpoint": endpoint,
            "vision_endpoint": vision_endpoint,
            "language_endpoint": language_endpoint,
            "speech_endpoint": speech_endpoint,
            "texttospeech_endpoint": texttospeech_endpoint,
            "translation_endpoint": translation_endpoint,
            "gemini_api_key": gemini_api_key,
            "gemini_model": gemini_model,
            "vertex": None if vertex is None else str(vertex).lower(),
            "gemini_endpoint": gemini_endpoint,
        }

    def cache_scope(self, operation: str) -> dict[str, str]:
        """Return the project, the location and the addresses: answers do not depend on the credentials."""
        return {
            name: value
            for name, value in super().cache_scope(operation).items()
            if name in ("project", "location") or name.endswith("endpoint")
        }

    def destinations(self) -> tuple[str, ...]:
        """Return the hosts that data goes to: Google's own, or those that are set in their place."""
        # Hosts that are set in place of Google's are shown, because a plan has to say where data really goes.
        bases = [self.base(service) for service in CLASSIC]
        return tuple(dict.fromkeys(urlsplit(base).netloc for base in bases))

    def base(self, service: str, host: str | None = None) -> str:
        """Return the beginning of a service's addresses: the one that is set for it, or that of Google's own host.

        Args:
            service: One of `SERVICES`.
            host: Google's host, where the location asks for another than the usual one.
        """
        # An address that was set goes before everything, the location included: a private endpoint or an emulator has
        # no regions.
        return self.endpoint_of(service) or f"https://{(host or host_of(service)).format(service=service)}"

    def endpoint_of(self, service: str) -> str:
        """Return the address that is set in place of Google's host, or "" where none is.

        A setting that was given in code goes before the environment, and within each the address of the service before
        that for all services.
        """
        lookup = self._endpoint_lookup(service)
        checked = self.lookup(lookup.name) if lookup else None
        return without_path(checked.value, VERSION) if checked else ""

    @kept
    def _endpoint_lookup(self, service: str) -> Lookup | None:
        """Return the setting that counts for the address of a service, unchecked, or None if there is none."""
        names = (f"{service}_endpoint", "endpoint")
        levels = ((read, name) for read in (self._found_in_code, self._looked_up_outside) for name in names)
        return next((lookup for read, name in levels if (lookup := read(name))), None)

    def host_setting(self, service: str) -> str | None:
        """Return how an error names the address or the location that decides where a service is."""
        lookup = self._endpoint_lookup(service) or self.unchecked("location")
        return self._named(lookup.name, lookup) if lookup else None

    def missing(self, operation: str | None = None) -> str | None:  # noqa: ARG002  # one key serves all
        """Return what is missing, which is a key or a login, or the package for the login; None if nothing is."""
        if self._key():
            return None
        login = self._login()
        if login is None:
            return f"no key. {NO_KEY}"
        return login.lacking()

    def lookup_outside(self, name: str) -> Lookup | None:
        """Return a setting that was not given in code; credentials may also be the login from `default_login`."""
        return super().lookup_outside(name) or (default_login() if name == "credentials" else None)

    def _key(self) -> str | None:
        """Return the API key, or None where a login was given in code."""
        # A login that is written into the program is meant, whatever key lies in the environment.
        return None if self._given["credentials"] else self.setting("api_key")

    def _key_of(self, service: str) -> str | None:  # noqa: ARG002  # one key serves all
        """Return the API key for a service, or None where a login serves it."""
        return self._key()

    def token(self, service: str) -> Flow[Token] | None:
        """Return the flow that fetches a token of the login, or None where there is an API key."""
        login = None if self._key_of(service) else self._login()
        return login.flow() if login else None

    def identities(self) -> list[str]:
        """Return a text that tells the login from others, in a list, or an empty list if nothing tells it.

        It is the path of a credentials file, the account of credentials, or the whole content that was given, with its
        private key.
        """
        login = self._login()
        return [login.identity] if login and login.identity else []

    def _login(self) -> GoogleLogin | None:
        """Return the login that was given, else one of the file or the default that was found, else None."""
        given = self._given["credentials"]
        if isinstance(given, GoogleLogin):
            return given
        lookup = self.lookup("credentials")
        # The login is made anew each time, because the file may have been replaced.
        return GoogleLogin(lookup.value, self._named("credentials", lookup)) if lookup else None

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with the API key or the token in a header: a key in the address would end up in logs."""
        if token is not None:
            request = super().sign(request, token)
            # The calls of a user's own login have to be counted for some project; a service account brings its own.
            project = self.setting("quota_project")
            return with_headers(request, {"x-goog-user-project": project}) if project else request
        key = self._key_of(request.service)
        if not key:
            raise SettingsError("no key", advice=NO_KEY)
        return with_headers(request, {"x-goog-api-key": key})

    def fault(self, response: Response) -> Fault:
        """Return what an error reply says: its message, and the details, which say more than the HTTP status."""
        body = error_body(response)
        # The error of a streaming method comes in a list of one.
        body = body[0] if isinstance(body, list) and body else body
        # OAuth has a text as "error", and proxies have none at all.
        error = inside(body, "error")
        if not isinstance(error, dict):
            error = {"message": readable(response)}
        message, details = str(error.get("message") or ""), _dicts(error.get("details"))
        words = [message, str(error.get("status")), *_reasons(error, details)]
        kind, advice = _kind(words, response.status)
        quota = "day" if _any(SPENT_TODAY, words) else "month" if _any(("PerMonth",), words) else None
        return Fault(
            message=message,
            # The reason of ErrorInfo, such as SERVICE_DISABLED, is more exact than the status, of which there are
            # sixteen.
            code=next(filter(_is_text, (*_reasons(error, details), error.get("status"))), None),
            # The wait stands in the details as a Duration: "41s".
            retry_after=next((hint for d in details if (hint := seconds(d.get("retryDelay"))) is not None), None),
            kind=kind,
            quota=quota if kind is RateLimitedError else None,
            advice=advice,
        )

    def raise_for(self, status: RpcStatus, *, fetched: bool = False) -> None:
        """Raise the error that is inside a reply of status 200, if there is one.

        Args:
            status: The part of the reply that holds the error.
            fetched: Whether Google had to fetch the input from its address. If that fails the code varies (7, 14 …),
                so that every error but one about a quota or a key is taken for one about the address.
        """
        if (error := self.error_of(status, fetched=fetched)) is not None:
            raise error

    def error_of(self, status: RpcStatus, *, fetched: bool = False) -> ServiceError | None:
        """Return the error that a status inside a reply stands for, or None where it stands for none."""
        # An empty status is proto3's way to say that all is well.
        if not (status.code or status.message):
            return None
        kind, advice = _kind([status.message], HTTP_OF_GRPC.get(status.code, 400))
        # A quota that is spent, and a key that is refused, are no fault of the address.
        if fetched and not issubclass(kind, RateLimitedError | AuthError):
            kind, advice = (
                BadRequestError,
                "If Google cannot fetch the address, download the picture and give the file.",
            )
        # The number is that of gRPC, as the reply has it, and no HTTP status.
        return self.error_from(Fault(status.message, str(status.code), kind=kind, advice=advice), 200)


CHECK_KEY = "Check GOOGLE_API_KEY, or GEMINI_API_KEY (Google Cloud console, APIs & Services, Credentials)."
UNSUPPORTED: Mapping[str, str] = {
    "User location is not supported": "Google does not offer this where your computer is; Vertex AI has other regions.",
    "is not supported for": "Choose another language, or another provider.",
}
"""The advice for a request that Google does not support, by words of the reply. The first that is there counts."""


def _kind(words: Sequence[str], status: int) -> tuple[type[ServiceError], str | None]:
    """Return the class of the error and the advice, from the words of the reply and its status.

    The status is not enough: Google answers a bad key with 400, and a used-up quota sometimes with 403.
    """
    # The order counts: a refusal for a bad key also has the words of an invalid argument.
    if _any(BAD_KEY, words):
        return AuthError, CHECK_KEY
    for mark, advice in FORBIDDEN.items():
        if _any((mark,), words):
            return ForbiddenError, advice
    # Translation v2 answers a spent quota with 403: https://cloud.google.com/translate/quotas
    if status in (403, 429) and _any((*SPENT, *SPENT_TODAY, "Rate Limit Exceeded", "Quota exceeded"), words):
        return RateLimitedError, None
    kind = error_class(status)
    if kind is AuthError:
        return kind, "The key or token is not accepted; make a new one, or check the clock of this machine."
    bad = kind is BadRequestError
    return kind, next((advice for mark, advice in UNSUPPORTED.items() if bad and _any((mark,), words)), None)


def _any(marks: Sequence[str], words: Sequence[str]) -> bool:
    return any(mark in word for mark in marks for word in words)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _reasons(error: Mapping[str, Any], details: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return Google's words for the cause: ``ErrorInfo.reason`` first, the names of used-up quotas last."""
    reasons = [d.get("reason") for d in [*details, *_dicts(error.get("errors"))]]
    # The name of a quota stands in the metadata of ErrorInfo, or in the violations of QuotaFailure.
    limits = [d["metadata"].get("quota_limit") for d in details if isinstance(d.get("metadata"), dict)]
    spent = [v.get(name) for d in details for v in _dicts(d.get("violations")) for name in ("quotaId", "subject")]
    return [word for word in (*reasons, *limits, *spent) if isinstance(word, str)]


def seconds(duration: Any) -> float | None:
    """Return the seconds of a protobuf Duration such as "41s" or "38.100s", or None for anything else."""
    # The digits are bounded and no exponent is read: float() would make infinity of four hundred digits or of "1e400",
    # and a wait has to be finite.
    if isinstance(duration, str) and re.fullmatch(r"-?\d{1,12}(\.\d{1,9})?s", duration):
        return float(duration[:-1])
    return None
