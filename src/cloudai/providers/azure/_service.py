"""All Azure services share their settings, credentials and the shapes of their errors, which are here.

https://learn.microsoft.com/azure/ai-services/authentication
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from cloudai.core.flow import Flow, Request, Response
from cloudai.core.retry import hint_from_headers
from cloudai.core.tokens import Token
from cloudai.core.urls import split
from cloudai.errors import AuthError, BadRequestError, ForbiddenError, RateLimitedError, ServiceError, SettingsError
from cloudai.media import Picture
from cloudai.providers._by_service import HOW, UNKNOWN, ByService
from cloudai.providers.azure._credentials import AzureLogin, Credential, given_login, require_own_address, scope
from cloudai.providers.base import cached_per_call, with_headers
from cloudai.providers.replies import Fault, error_body, error_class, readable
from cloudai.providers.settings import Resource, Setting

__all__ = ["AzureService", "fault_inside", "picture_body"]

SERVICES = ("vision", "face", "language", "speech")
FIELDS = ("key", "endpoint", "region")
SERVICE_OF: Mapping[str, str] = {
    "analyze_image": "vision",
    "detect_faces": "face",
    "estimate_age": "face",
    "sentiment": "language",
    "speech_to_text": "speech",
}

ROOTS = re.compile(r"/(sts|vision|face|text|language|computervision|speechtotext)(/|$)")
"""The beginning of an API's path, which the portal and many pages show as part of the endpoint."""


def _settings_of(service: str, *also: str) -> Iterator[Setting]:
    name, what = service.upper(), service.capitalize()
    yield Setting(f"{service}_key", (f"{name}_KEY", *also), secret=True, purpose=f"a key for {what}")
    yield Setting(f"{service}_endpoint", (f"{name}_ENDPOINT",), purpose=f"the address of {what}")
    yield Setting(f"{service}_region", (f"{name}_REGION",), purpose=f"in place of the address of {what}")


class AzureService(ByService):
    """The settings, credentials and errors of all Azure services."""

    name: ClassVar[str] = "azure"
    services: ClassVar[tuple[str, ...]] = SERVICES
    service_of: ClassVar[Mapping[str, str]] = SERVICE_OF
    scope_settings: ClassVar[tuple[str, ...]] = ("endpoint", "region")
    settings: ClassVar[tuple[Setting, ...]] = (
        *_settings_of("vision"),
        *_settings_of("face", "FACE_APIKEY"),
        *_settings_of("language"),
        *_settings_of("speech"),
        Setting("key", ("AZURE_AI_SERVICES_KEY",), secret=True, purpose="a key for all services"),
        Setting("endpoint", ("AZURE_AI_SERVICES_ENDPOINT",), purpose="the address of all services"),
        Setting("region", ("AZURE_AI_SERVICES_REGION",), purpose="in place of the address of all services"),
        Setting(
            "credential",
            ("AZURE_TOKEN_CREDENTIALS", "AZURE_TENANT_ID", "IDENTITY_ENDPOINT"),
            purpose="the default login, where there is no key",
        ),
        Setting("api", ("AZURE_IMAGE_ANALYSIS_API",), purpose="4.0 or 3.2: only this API analyses pictures"),
    )
    hosts: ClassVar[tuple[str, ...]] = ("the endpoint you set", "{region}.stt.speech.microsoft.com")
    request_id_headers: ClassVar[tuple[str, ...]] = ("apim-request-id", "x-requestid", "request-id", "x-ms-request-id")

    def __init__(
        self,
        *,
        key: str | None = None,
        endpoint: str | None = None,
        region: str | None = None,
        credential: Credential | Literal["default"] | None = None,
        vision: Resource | None = None,
        face: Resource | None = None,
        language: Resource | None = None,
        speech: Resource | None = None,
        api: Literal["4.0", "3.2"] | None = None,
        face_approved: bool = False,
    ) -> None:
        if key and credential:
            raise SettingsError("key= and credential= exclude each other", advice="Give one of them.")
        own = {"vision": vision, "face": face, "language": language, "speech": speech}
        self._given = {
            "api": api,
            "key": key,
            "endpoint": endpoint,
            "region": region,
            "credential": given_login(credential),
            **{f"{name}_{field}": getattr(own[name], field, None) for name in SERVICES for field in FIELDS},
        }
        self._default_login = AzureLogin()
        _known_api(api)
        self.face_approved = face_approved

    def __reduce__(self) -> tuple[Any, ...]:
        chosen = {"api": self._given["api"], "face_approved": self.face_approved}
        if any(value is not None for name, value in self._given.items() if name != "api"):
            super().__reduce__()  # raises TypeError: a key must not leave this process
        return _unpickled, (type(self), chosen)

    def api(self) -> str | None:
        """Return the chosen version of Image Analysis, "4.0" or "3.2", or None where it depends on the feature.

        Raises:
            SettingsError: Another version is set.
        """
        return _known_api(self.setting("api"))

    @cached_per_call
    def resource(self, service: str) -> Resource:
        """Return the key and the address or region of a service, each from the first level that has it.

        What was given in code goes before the environment. Within each of the two, a setting of the service goes before
        one for all services.
        """
        levels = [(read, prefix) for read in (self._given.get, self._outside) for prefix in (f"{service}_", "")]
        key = endpoint = region = None
        for read, prefix in levels:
            endpoint, region = read(f"{prefix}endpoint"), read(f"{prefix}region")
            if endpoint or region:
                break
        # The key is read last: a look-up may raise, and a crash report would show a key that this frame holds.
        for read, prefix in levels:
            if key := read(f"{prefix}key"):
                break
        return Resource(key, endpoint, region)

    def _outside(self, name: str) -> str | None:
        """Return the value of a setting that was not given in code, or None."""
        lookup = self._looked_up_outside(name)
        return lookup.value if lookup else None

    def require_set(self, service: str) -> None:
        """Check that a service has a key or a login, and an address.

        Raises:
            SettingsError: One of them is not there; the error says what to set.
            MissingExtraError: The package for the login is not installed.
        """
        resource, name, login = self.resource(service), service.upper(), self._login_of(service)
        if not (resource.key or login):
            raise SettingsError("no key", advice=f"Set {name}_KEY and {name}_ENDPOINT {HOW}")
        if not (resource.endpoint or resource.region):
            where = "the address beside the key in the Azure portal"
            raise SettingsError("no endpoint", advice=f"Set {name}_ENDPOINT, {where} {HOW}")
        if login:
            require_own_address(self.base(service))
            login.require_package()

    @cached_per_call
    def _login_of(self, service: str) -> AzureLogin | None:
        """Return the login of a service, or None where a key goes before it.

        A key given in code goes before ``credential=``, and ``credential=`` before a key of the environment.
        """
        given: AzureLogin | None = self._given["credential"]
        if self._given[f"{service}_key"] or self._given["key"]:
            return None
        if given:
            return given
        if self.resource(service).key or not self._looked_up_outside("credential"):
            return None
        return self._default_login

    def identities(self) -> list[str]:
        """Return the name of the default login, where a service uses it."""
        logins = [self._login_of(service) for service in self.services]
        return [login.identity for login in logins if login and login.identity]

    def token(self, service: str) -> Flow[Token] | None:
        """Return the flow that fetches a token for a service, or None where it has a key.

        Raises:
            SettingsError: The service has no address, or one at which the token is not valid.
            MissingExtraError: The package for the login is not installed.
        """
        login = self._login_of(service)
        if login is None:
            return None
        self.require_set(service)
        return login.flow(self.login(service))

    def login(self, service: str) -> str:
        """Return the scope of a service's token: all services in the same cloud of Azure share one."""
        return scope(self.base(service))

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with the token of the login, or the key of its service, in a header."""
        self.require_set(request.service)
        if token is not None:
            return super().sign(request, token)
        return with_headers(request, {"Ocp-Apim-Subscription-Key": self.resource(request.service).key or ""})

    @cached_per_call
    def base(self, service: str) -> str:
        """Return the beginning of a service's addresses, or `UNKNOWN` where none is set: sending then fails.

        Raises:
            SettingsError: The endpoint that is set is not an address.
        """
        resource = self.resource(service)
        if resource.endpoint:
            return _endpoint(resource.endpoint, service)
        return f"https://{resource.region}.api.cognitive.microsoft.com" if resource.region else UNKNOWN

    def fault(self, response: Response) -> Fault:
        """Return what an error reply says.

        The error object is nested, with or without an ``innererror``; older APIs and the gateway send it flat.
        """
        body = error_body(response)
        outer = body.get("error", body) if isinstance(body, dict) else None
        if not isinstance(outer, dict):
            outer = {"message": outer if isinstance(outer, str) else readable(response)}
        fault = _fault(outer, response.status)
        # The gateway's header is exact; its text may give a rounded number. `Provider.error` reads the header.
        return fault if hint_from_headers(response.headers) is None else replace(fault, retry_after=None)


STATUS_OF_CODE: Mapping[str, int] = {
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "Timeout": 408,
    "TooManyRequests": 429,
}
"""The HTTP status that a code in a reply of status 200 stands for. Any other code says that the input is bad."""


def fault_inside(error: Mapping[str, Any]) -> Fault:
    """Return the fault of one item in a reply of status 200."""
    return _fault(error, STATUS_OF_CODE.get(str(error.get("code")), 400))


def _fault(outer: Mapping[str, Any], status: int) -> Fault:
    """Return the fault that an error object describes; its inner error, where there is one, says more."""
    given = outer.get("innererror") or outer.get("innerError")
    inner = given if isinstance(given, dict) else {}
    code = inner.get("code") or outer.get("code") or outer.get("statusCode")
    messages = [str(m) for m in (outer.get("message"), inner.get("message")) if m]
    words = [str(code), *messages]
    kind, advice = _kind(words, status)
    return Fault(
        # The outer message is often only "Invalid Document in request."
        message=" ".join(dict.fromkeys(messages)),
        code=None if code is None else str(code),
        retry_after=_wait(messages),
        kind=kind,
        quota="month" if kind is RateLimitedError and _any(("call volume quota",), words) else None,
        advice=advice,
    )


def _kind(words: Sequence[str], status: int) -> tuple[type[ServiceError], str | None]:
    """Return the class of the error and the advice, from the words of the reply and its status."""
    kind = error_class(status)
    if _any(("call volume quota",), words):
        return RateLimitedError, "The quota of this pricing tier is used up until then; a paid tier has more."
    if kind is AuthError:
        return kind, "Check that key and endpoint are of the same resource (Azure portal, Keys and Endpoint)."
    if _any(("missing approval", "UnsupportedFeature"), words):
        return ForbiddenError, "Microsoft gives this to approved customers only."
    for marks, advice in ADVICE:
        if kind is BadRequestError and _any(marks, words):
            return kind, advice
    return kind, None


CAPTION_REGIONS = (
    "East US, West US, France Central, North Europe, West Europe, Korea Central, East Asia, Southeast Asia"
)
"""The regions in which 4.0 writes captions.

https://learn.microsoft.com/azure/ai-services/computer-vision/concept-describe-images-40
"""

ADVICE: Sequence[tuple[tuple[str, ...], str]] = (
    (
        ("not supported in this region", "NotSupportedRegion"),
        f"Captions of 4.0 need a resource in one of: {CAPTION_REGIONS}; those of Azure(api='3.2') are everywhere.",
    ),
    (
        ("InvalidImageUrl", "image url is not accessible", "InvalidURL"),
        "If Azure cannot fetch the address, download the picture and give the file.",
    ),
    (
        ("NotSupportedLanguage", "UnsupportedLanguageCode", "InvalidLanguageCode"),
        "Choose another language, or another provider.",
    ),
    (("Resource not found",), "Check that the endpoint is of a resource that has this service."),
)


def _any(marks: Sequence[str], words: Sequence[str]) -> bool:
    return any(mark.lower() in word.lower() for mark in marks for word in words)


UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


def _wait(messages: Sequence[str]) -> float | None:
    """Return the seconds to wait that the text of an error names, or None where it names none.

    It understands "retry after 26 seconds", "replenished in 2.12 days" and "replenished in 13:24:55".
    """
    for message in messages:
        if match := re.search(r"(?:after|in)\s+(\d+(?:\.\d+)?)\s+(second|minute|hour|day)s?\b", message):
            return float(match[1]) * UNITS[match[2]]
        if match := re.search(r"replenished in\s+(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})", message):
            days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return None


def _known_api(api: str | None) -> str | None:
    """Return the version of Image Analysis as it is, or raise SettingsError if there is no such version."""
    if api not in (None, "4.0", "3.2"):
        raise SettingsError(f"api={api!r} is no Image Analysis API", advice='There are "4.0" and "3.2".')
    return api


def _endpoint(given: str, service: str) -> str:
    """Return the address of a resource, without the path of an API that pages often show with it.

    Raises:
        SettingsError: What is given is not an address.
    """
    parts = split(given)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise SettingsError(
            f"the endpoint of {service} is no address: {given!r}",
            advice="It looks like https://NAME.cognitiveservices.azure.com, beside the key in the Azure portal.",
        )
    root = ROOTS.search(parts.path)
    path = parts.path[: root.start()] if root else parts.path
    return f"{parts.scheme}://{parts.netloc}{path}".rstrip("/")


def _unpickled(kind: type[AzureService], options: dict[str, Any]) -> AzureService:
    return kind(**options)


def picture_body(picture: Picture) -> dict[str, Any]:
    """Return the arguments of a `Request` that carry a picture to Vision and Face, as bytes or as an address."""
    if picture.by_reference:
        return {"json": {"url": picture.uri}}
    # Both services refuse image/jpeg.
    return {"content": picture.blob, "headers": {"Content-Type": "application/octet-stream"}}
