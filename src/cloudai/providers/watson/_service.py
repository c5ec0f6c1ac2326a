"""All Watson services share their settings, credentials and the shapes of their errors, which are here.

https://cloud.ibm.com/docs/watson?topic=watson-iam
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cloudai.core.flow import Flow, Request, Response
from cloudai.core.tokens import Token
from cloudai.errors import AuthError, BadRequestError, ForbiddenError, RateLimitedError, ServiceError, SettingsError
from cloudai.providers._by_service import HOW, UNKNOWN, ByService
from cloudai.providers.base import cached_per_call, kept, with_headers
from cloudai.providers.replies import Fault, error_body, error_class, inside, readable
from cloudai.providers.settings import (
    Lookup,
    Resource,
    Setting,
    address_in,
    given_lookup,
    is_file,
    looks_like_key,
    own_resource,
    swapped,
    unquoted,
    without_path,
)
from cloudai.providers.watson._credentials import PROPERTIES, Authenticator, WatsonLogin, kind_of, login_of
from cloudai.providers.wire import Wire
from cloudai.text import lines_of

__all__ = ["WatsonService"]

HOSTS: Mapping[str, str] = {
    "nlu": "natural-language-understanding",
    "speech_to_text": "speech-to-text",
    "text_to_speech": "text-to-speech",
    "watsonx": "ml",
}
"""The part of a host that names the service of an instance."""
WORDS: Mapping[str, str] = {**HOSTS, "watsonx": "watsonx"}
"""The name of each service in variables and errors."""
IAM = "https://iam.cloud.ibm.com/identity/token"
"""The server that gives a token for a key: https://cloud.ibm.com/apidocs/iam-identity-token-api#gettoken-apikey."""
SERVICE_OF: Mapping[str, str] = {
    "sentiment": "nlu",
    "detect_language": "nlu",
    "key_phrases": "nlu",
    "speech_to_text": "speech_to_text",
    "text_to_speech": "text_to_speech",
}
CREDENTIALS_FILE = "ibm-credentials.env"
FILE_VARIABLE = "IBM_CREDENTIALS_FILE"
CLOUD_FOUNDRY = "VCAP_SERVICES"


def _variable(service: str) -> str:
    """Return the beginning of the names of a service's variables."""
    return WORDS[service].upper().replace("-", "_")


def _settings_of(service: str) -> Iterator[Setting]:
    name, what = _variable(service), WORDS[service].replace("-", " ")
    yield Setting(f"{service}_apikey", (f"{name}_APIKEY",), secret=True, purpose=f"the key of {what}", kind="key")
    yield Setting(
        f"{service}_url",
        (f"{name}_URL",),
        purpose=f"the URL of {what}, beside its key",
        kind="address",
        advice="Copy it from IBM Cloud, where it is shown beside the key.",
    )
    types = (f"{name}_AUTH_TYPE", f"{name}_AUTHTYPE")
    yield Setting(f"{service}_auth_type", types, purpose=f"a login of {what} in place of its key: cp4d, container …")


# The URL of an instance ends with its GUID, which has to stay: only the path of the API behind it is left out.
API = re.compile(r"(/ml)?/v[1-9][0-9]*(/|$)")
"""The beginning of the API's path, with which IBM's pages show the URL of an instance."""


class WatsonService(ByService):
    """The settings, credentials and errors of all Watson services."""

    name: ClassVar[str] = "watson"
    services: ClassVar[tuple[str, ...]] = tuple(HOSTS)
    service_of: ClassVar[Mapping[str, str]] = SERVICE_OF
    scope_settings: ClassVar[tuple[str, ...]] = ("_url",)
    settings: ClassVar[tuple[Setting, ...]] = (
        *(s for service in HOSTS for s in _settings_of(service)),
        Setting("watsonx_project", ("WATSONX_PROJECT_ID",), purpose="the project that watsonx is billed to", kind="id"),
        Setting("watsonx_space", ("WATSONX_SPACE_ID",), purpose="a deployment space in place of a project", kind="id"),
        Setting(
            "watsonx_model",
            ("WATSONX_MODEL_ID",),
            purpose="the chat model of watsonx: captions, ages, expressions",
            kind="model",
        ),
    )
    variables: ClassVar[tuple[str, ...]] = (
        FILE_VARIABLE,
        CLOUD_FOUNDRY,
        *(f"{_variable(service)}_({'|'.join(PROPERTIES)})" for service in HOSTS),
    )
    hosts: ClassVar[tuple[str, ...]] = ("the URLs you set",)
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-global-transaction-id", "x-dp-watson-tran-id")

    def __init__(
        self,
        *,
        apikey: str | None = None,
        url: str | None = None,
        authenticator: Authenticator | None = None,
        nlu: Resource | None = None,
        speech_to_text: Resource | None = None,
        text_to_speech: Resource | None = None,
        watsonx: Resource | None = None,
        watsonx_project: str | None = None,
        watsonx_space: str | None = None,
        watsonx_model: str | None = None,
    ) -> None:
        if apikey and authenticator:
            raise SettingsError("apikey= and authenticator= exclude each other", advice="Give one of them.")
        # A key and a URL in each other's place change places first, because the URL tells which service is meant.
        if swapped(given_lookup(apikey or ""), given_lookup(url or "")):
            apikey, url = url, apikey
        given = {"nlu": nlu, "speech_to_text": speech_to_text, "text_to_speech": text_to_speech, "watsonx": watsonx}
        own = {service: own_resource(service, resource) for service, resource in given.items()}
        if apikey or url:
            service = _service_of(url)
            # cloudai cannot tell which of the two is meant.
            if own[service] != Resource():
                raise SettingsError(f"url= and {service}= are both of {WORDS[service]}", advice="Give one of them.")
            own[service] = Resource(apikey, url)
        self._given = {
            "authenticator": None if authenticator is None else WatsonLogin(authenticator),
            "watsonx_project": watsonx_project,
            "watsonx_space": watsonx_space,
            "watsonx_model": watsonx_model,
        } | {
            f"{service}_{field}": value
            for service, resource in own.items()
            for field, value in (("apikey", resource.key), ("url", resource.endpoint))
        }

    def unchecked(self, name: str) -> Lookup | None:
        """Return a setting as it was found; a key and a URL in each other's places have changed places."""
        # A key and a URL only change places if both are recognised, because a key must not go to a host that nobody has
        # named.
        lookup = super().unchecked(name)
        service, _, field = name.rpartition("_")
        if lookup and field == "apikey" and address_in(lookup.value):
            url = super().unchecked(f"{service}_url")
            return url if url and swapped(lookup, url) else lookup
        if lookup and field == "url" and looks_like_key(lookup.value):
            key = super().unchecked(f"{service}_apikey")
            return key if key and swapped(key, lookup) else lookup
        return lookup

    def host_setting(self, service: str) -> str | None:
        """Return how an error names the URL of a service; IBM Cloud, which gives tokens, has no setting for it."""
        if service not in self.services:
            return None
        name = f"{service}_url"
        lookup = self.unchecked(name)
        return self._named(name, lookup) if lookup else None

    def sources(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the environment, then IBM's credentials file, then what Cloud Foundry puts into VCAP_SERVICES."""
        # IBM's own packages read the file first. Here the environment goes before files, as for every vendor.
        yield from super().sources()
        yield from self._files()
        yield f" in {CLOUD_FOUNDRY}", self._cloud_foundry()

    @cached_per_call
    def _files(self) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Return IBM's credentials file as a source, or nothing where there is none."""
        named = os.environ.get(FILE_VARIABLE, "")
        if FILE_CONTENT.search(named):
            return [(f" in {FILE_VARIABLE}", _pairs(named))]
        path = _credentials_file(unquoted(named))
        return [(f" in {path}", _properties(path))] if path else []

    @cached_per_call
    def _cloud_foundry(self) -> Mapping[str, str]:
        """Return the settings that Cloud Foundry gives, by the names of the variables; none outside Cloud Foundry."""
        return _of_cloud_foundry()

    def require_set(self, service: str) -> None:
        """Check that a service has a key or a login, and a URL.

        Raises:
            SettingsError: One of them is not there; the error says what to set.
            MissingExtraError: The package for the login is not installed.
        """
        name, login = _variable(service), self._login_of(service)
        if not (login or self.setting(f"{service}_apikey")):
            raise SettingsError("no key", advice=f"Set {name}_APIKEY and {name}_URL {HOW}")
        if not self.setting(f"{service}_url"):
            raise SettingsError("no URL", advice=f"Set {name}_URL, which IBM Cloud shows beside the key {HOW}")
        if login:
            login.require_package()

    def _login_of(self, service: str) -> WatsonLogin | None:
        """Return the login of a service, or None where a key goes before it.

        A key given in code goes before ``authenticator=``, and ``authenticator=`` before the environment.
        """
        given: WatsonLogin | None = self._given["authenticator"]
        # A key that is written into the program is meant for its service; one in the environment need not be.
        if self._given[f"{service}_apikey"]:
            return None
        if given:
            return given
        properties = self._properties_of(service)
        kind = kind_of(properties)
        return login_of(kind, WORDS[service], properties) if kind else None

    @cached_per_call
    def _properties_of(self, service: str) -> dict[str, str]:
        """Return the properties of a service's login, by IBM's names, each from the first source that has it."""
        key = self.lookup(f"{service}_apikey")
        # All sources are read first: one that cannot be read raises, and this frame must not hold the others then.
        sources = list(self.sources())
        properties = {"APIKEY": key.value} if key else {}
        for _, values in sources:
            for name in PROPERTIES:
                if value := unquoted(values.get(f"{_variable(service)}_{name}", "")):
                    properties.setdefault(name, value)
        return properties

    def identities(self) -> list[str]:
        """Return the properties of the logins that the environment asks for, with their keys, each login as JSON."""
        logins: list[dict[str, str]] = []
        for service in self.services:
            # A call of another service needs no settings of this one, and its own call raises the error.
            with suppress(SettingsError):
                logins.append(self._properties_of(service))
        return [json.dumps(properties, sort_keys=True) for properties in logins if kind_of(properties)]

    def token(self, service: str) -> Flow[Token] | None:
        """Return the flow that fetches the token for a service, or None where it has a key.

        Raises:
            SettingsError: The service has no URL.
            MissingExtraError: The package for the login is not installed.
        """
        login = self._login_of(service)
        # All services but watsonx.ai take the key itself, in basic authentication: no request for a token is needed.
        if login is None and service != "watsonx":
            return None
        self.require_set(service)
        return login.flow() if login else self._token_for_key(service)

    def _token_for_key(self, service: str) -> Flow[Token]:
        """Fetch a token of IBM Cloud for the key of a service that does not take the key itself."""
        response: Response = yield Request(
            "POST",
            IAM,
            service="iam",
            form={
                "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
                "apikey": self.setting(f"{service}_apikey") or "",
            },
            # The reply is a token, so it must be in no journal and in no `raw`.
            credentials=False,
            billed=0,
        )
        granted = response.parse(Granted)
        bearer = {"Authorization": f"Bearer {granted.access_token}"}
        return Token(granted.access_token, granted.expiration, bearer)

    def login(self, service: str) -> str:
        """Return the name of a service's login.

        An authenticator serves all services. In the environment each service has a login of its own.
        """
        return "" if self._given["authenticator"] else service

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with the headers of the login, or with the key in basic authentication.

        Another header opts out of IBM learning from the data.
        """
        self.require_set(request.service)
        # IBM may learn from what Watson's services are sent, unless this header forbids it.
        if request.service != "watsonx":
            request = with_headers(request, {"X-Watson-Learning-Opt-Out": "true"})
        if token is not None:
            return with_headers(request, token.headers)  # not all are bearer tokens
        key = self.setting(f"{request.service}_apikey")
        basic = base64.b64encode(f"apikey:{key}".encode()).decode()
        return with_headers(request, {"Authorization": f"Basic {basic}"})

    @kept
    def base(self, service: str) -> str:
        """Return the beginning of a service's addresses; where none is set it is `UNKNOWN`, and sending fails.

        Raises:
            SettingsError: The URL is no address, or is one of watsonplatform.net, which IBM has shut down.
        """
        url = self.setting(f"{service}_url")
        if not url:
            return UNKNOWN
        # The hosts are gone, and their name would only end in an error about a host that is not known.
        if "watsonplatform.net" in url:
            raise SettingsError(
                "hosts of watsonplatform.net ended on 2021-05-26", advice="Copy the new URL from IBM Cloud."
            )
        return without_path(url, API)

    def fault(self, response: Response) -> Fault:
        """Return what an error reply says.

        The services reply with ``error`` and ``code`` or with a list of ``errors``, IAM with ``errorMessage``, and the
        gateway of watsonx.ai with an object ``error``.
        """
        return _fault(error_body(response), response)

    def error_in(self, response: Response) -> ServiceError | None:
        """Return the error that a reply of status 200 holds, or None.

        The status and some blanks have gone out before the service knows whether it will succeed; the error follows
        them, and its ``code`` is the HTTP status that it would have had.
        """
        # The reply has been read to its end by now. The engine asks for this error before it takes the status for
        # success.
        body = response.json()
        inner = body["errors"][0] if isinstance(inside(body, "errors", 0), dict) else body
        if not isinstance(inside(inner, "error"), str) and inner is body:
            return None
        code = inside(inner, "code") or inside(inner, "errorCode") or inside(body, "code")
        # A bool is an int for isinstance(). Without a status that can be believed, the service is at fault.
        status = code if type(code) is int and 400 <= code < 600 else 500  # noqa: PLR2004
        fault = _fault(body, response, status)
        return self.error_from(replace(fault, kind=fault.kind or error_class(status)), 200)

    def raise_for(self, response: Response) -> None:
        """Raise the error that a reply of status 200 holds, if there is one."""
        if (error := self.error_in(response)) is not None:
            raise error


class Granted(Wire):
    """A token of IBM Cloud, and the end of its life in epoch seconds."""

    access_token: str
    expiration: float


def _fault(body: Any, response: Response, status: int | None = None) -> Fault:
    """Return what the JSON of an error reply says.

    Args:
        body: The JSON, or None where the reply has none.
        response: The reply.
        status: The HTTP status that the error stands for, where the reply has another.
    """
    # A gateway may have answered with a page of HTML.
    if not isinstance(body, dict):
        body = {"error": readable(response)}
    inner = body["errors"][0] if isinstance(body.get("errors"), list) and body["errors"] else body
    inner = inner if isinstance(inner, dict) else body
    # The gateway of models has code and message in an object.
    inner = inner["error"] if isinstance(inner.get("error"), dict) else inner
    said = [inner.get(n) for n in ("error", "errorMessage", "message", "description", "errorDetails")]
    # One sentence may stand in several fields.
    messages = list(dict.fromkeys(text.strip() for text in said if isinstance(text, str) and text.strip()))
    # IAM calls it errorCode.
    code = inner.get("errorCode") or inner.get("code")
    kind, advice = _kind(" ".join(messages), str(code), status or response.status)
    return Fault(
        message=": ".join(messages) or readable(response),
        code=None if code is None else str(code),
        kind=kind,
        advice=advice,
        gone=code in NO_MODEL,
    )


def _kind(message: str, code: str, status: int) -> tuple[type[ServiceError], str | None]:
    """Return the class of the error and the advice, from the message, the code and the status.

    The status is not enough: IAM answers a key that it does not know with 400, and a code that begins with BXNIM.
    """
    kind = error_class(status)
    if code in NO_MODEL:
        return BadRequestError, "Name a model that is there: WATSONX_MODEL_ID (GET /ml/v1/foundation_model_specs)."
    if code == "token_quota_reached":
        return RateLimitedError, None
    if kind is AuthError or (code.startswith("BXNIM") and kind in (BadRequestError, ForbiddenError)):
        return AuthError, "Check that key and URL are of the same instance (IBM Cloud, Manage, Credentials)."
    # The path of the API is ours, so only the address of the instance can be wrong.
    if kind is BadRequestError and status == 404:  # noqa: PLR2004
        return kind, "Check the URL of the instance: IBM Cloud shows it beside the key."
    return kind, next((advice for mark, advice in ADVICE.items() if mark in message and kind is BadRequestError), None)


NO_MODEL = ("model_not_supported", "model_no_support_for_function", "model_not_found")
"""Codes by which watsonx.ai says that it does not have the model, or not any more."""
ADVICE: Mapping[str, str] = {
    "not enough text for language id": "Name the language with language=: a short text does not give it away.",
    "unsupported text language": "Choose another language, or another provider.",
    "is not a supported feature for model": "Leave that out (words=False, speakers=None), or choose another language.",
    "unable to transcode": "The recording is damaged, or of a kind IBM does not read; convert it to WAV.",
}


def _service_of(url: str | None) -> str:
    """Return the service that the host of a URL names, or raise SettingsError if it names none."""
    host = urlsplit(address_in(url or "") or "").hostname or ""
    for service, word in HOSTS.items():
        # The name must be a whole part of the host: "ml" stands in many words.
        if f".{word}." in f".{host}.":
            return service
    raise SettingsError(
        "the host of url= does not tell the service",
        advice="Name it: Watson(nlu=Resource(apikey, url)), or speech_to_text=.",
    )


def _credentials_file(named: str) -> Path | None:
    """Return the path of the credentials file that IBM Cloud offers for download, or None where there is none.

    It is looked for where IBM's own packages do: at the path that ``IBM_CREDENTIALS_FILE`` names, else in the current
    folder, else in the home folder.

    Args:
        named: The path in the variable; empty where it is not set.

    Raises:
        SettingsError: There is no file at that path.
    """
    # `expanduser` of os.path, unlike that of pathlib, does not fail for a user who has no home, as in some containers.
    home = Path(os.path.expanduser("~"))  # noqa: PTH111
    paths = [Path(named)] if named else [Path(CREDENTIALS_FILE), home / CREDENTIALS_FILE]
    # A value that is no path at all, such as a key that is far too long for one, is no reason to fail here.
    file = next((path for path in paths if is_file(str(path)) and path.is_file()), None)
    if named and not file:
        raise SettingsError(f"{FILE_VARIABLE} names no file that is there", advice="It is the path of the file.")
    return file


FILE_CONTENT = re.compile(r"^\s*[A-Z_]+_(APIKEY|URL|AUTH_?TYPE)\s*=", re.MULTILINE)
"""A line of a credentials file, by which its content is told from its path: many hosts offer variables and no files."""


def _properties(path: Path) -> dict[str, str]:
    """Return the values in a file with lines of NAME=value, by the names in upper case, or raise SettingsError."""
    try:
        text = path.read_text("utf-8-sig")  # editors of Windows put a mark before the first name
    except (OSError, UnicodeDecodeError):
        text = None
    if text is None:  # the error has no cause, which might quote what was read
        raise SettingsError(f"cannot read {path}", advice="It is a text file with lines of NAME=value.")
    return _pairs(text)


def _pairs(text: str) -> dict[str, str]:
    """Return the values in lines of NAME=value, by the names in upper case."""
    # A value may have "=" in it, as the end of a key in base64 has.
    pairs = (line.partition("=") for line in lines_of(text) if not line.lstrip().startswith("#"))
    return {name.strip().upper(): unquoted(value) for name, equals, value in pairs if equals}


def _of_cloud_foundry() -> dict[str, str]:
    """Return the credentials of the first bound instance of each service, by the names of the variables.

    Raises:
        SettingsError: VCAP_SERVICES is not JSON.
    """
    try:
        services = json.loads(os.environ.get(CLOUD_FOUNDRY, "").strip() or "{}")
    except ValueError:
        services = None
    if services is None:  # the error has no cause, which would hold what was read
        raise SettingsError("VCAP_SERVICES is not JSON", advice="Cloud Foundry sets it; do not edit it.")
    values: dict[str, str] = {}
    for name, instances in services.items() if isinstance(services, dict) else ():
        first: Any = instances[0] if isinstance(instances, list) and instances else {}
        credentials = first.get("credentials") if isinstance(first, dict) else None
        for field, value in credentials.items() if isinstance(credentials, dict) else ():
            values[f"{name}_{field}".upper().replace("-", "_")] = str(value)
    return values
