"""All Azure services share their settings, credentials and the shapes of their errors, which are here.

https://learn.microsoft.com/azure/ai-services/authentication
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, Literal

from cloudai.core.flow import Flow, Request, Response
from cloudai.core.retry import hint_from_headers
from cloudai.core.tokens import Token
from cloudai.errors import (
    AuthError,
    BadRequestError,
    BlockedError,
    ForbiddenError,
    RateLimitedError,
    ServiceError,
    SettingsError,
)
from cloudai.media import Picture
from cloudai.providers._by_service import HOW, UNKNOWN, ByService
from cloudai.providers.azure._credentials import AzureLogin, Credential, given_login, require_own_address, scope
from cloudai.providers.base import kept, with_headers
from cloudai.providers.replies import Fault, error_body, error_class, readable
from cloudai.providers.settings import (
    Lookup,
    Resource,
    Setting,
    address_in,
    own_resource,
    swapped,
    usable,
    without_path,
)

__all__ = ["AzureService", "fault_inside", "picture_body"]

CHOSEN = ("api", "transcription")
"""The settings that say which of the vendor's APIs are used, and nothing of whose resource that is."""
SERVICES = ("vision", "face", "language", "speech", "translator", "openai")
FIELDS = ("key", "endpoint", "region")
# Each operation names the service without which it cannot begin. For faces, analyze_image asks Face as well.
SERVICE_OF: Mapping[str, str] = {
    "analyze_image": "vision",
    "detect_faces": "face",
    "estimate_age": "face",
    "read_text": "vision",
    "sentiment": "language",
    "detect_language": "language",
    "key_phrases": "language",
    "translate": "translator",
    "dictionary": "translator",
    "speech_to_text": "speech",
    "text_to_speech": "speech",
}

# An address is cut off where such a path begins, because each operation puts its own path behind the address.
ROOTS = re.compile(
    r"/(sts|stt|vision|face|text|language|computervision|speechtotext|speech|openai|models|api/projects"
    r"|translator|translate|dictionary|detect)(/|$)"
)
"""The beginning of an API's path, which the portal and many pages show as part of the endpoint; Foundry shows that of a
project."""
# No other service answers at these hosts, so such an address names the region and nothing more.
SPEECH_HOST = re.compile(r"https://[a-z0-9]+\.(stt|tts|s2s)\.speech\.microsoft\.com(?![^/])")
REGION_HOSTS = r"([a-z0-9]+)\.(?:api\.cognitive|(?:stt|tts|s2s)\.speech)\.microsoft\.com"
"""The hosts that every resource of a region has in common."""
TRANSLATOR = "https://api.cognitive.microsofttranslator.com"
"""The address of Translator for resources of all regions: a header has the region of a key.

https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/reference
"""
TRANSLATOR_HOST = re.compile(
    r"https://[a-z0-9-]+(\.cognitive\.microsofttranslator\.(com|us)|\.translator\.azure\.cn)(?![^/:])"
)
"""The addresses of Translator that no resource has for itself."""
LOOKS = "It looks like https://NAME.cognitiveservices.azure.com, beside the key in the Azure portal."


VARIABLES = {"": "AZURE_AI_SERVICES", "openai": "AZURE_OPENAI"}
"""The beginnings of the names of variables, where they are not the name of the service."""


def _settings_of(service: str, **also: str) -> Iterator[Setting]:
    """Yield the settings of a service; ``also`` has further variables that the vendor uses, by the field."""
    before, name = f"{service}_" if service else "", VARIABLES.get(service, service.upper())
    what = {"": "all services", "openai": "Azure OpenAI"}.get(service, service.capitalize())
    variables = {field: (f"{name}_{field.upper()}", *([also[field]] if field in also else [])) for field in FIELDS}
    yield Setting(f"{before}key", variables["key"], secret=True, purpose=f"a key for {what}", kind="key")
    yield Setting(
        f"{before}endpoint", variables["endpoint"], purpose=f"the address of {what}", kind="address", advice=LOOKS
    )
    yield Setting(
        f"{before}region",
        variables["region"],
        purpose=f"in place of the address of {what}",
        kind="region",
        hosts=REGION_HOSTS,
    )


class AzureService(ByService):
    """The settings, credentials and errors of all Azure services."""

    name: ClassVar[str] = "azure"
    services: ClassVar[tuple[str, ...]] = SERVICES
    service_of: ClassVar[Mapping[str, str]] = SERVICE_OF
    scope_settings: ClassVar[tuple[str, ...]] = ("endpoint", "region")
    settings: ClassVar[tuple[Setting, ...]] = (
        *_settings_of("vision"),
        *_settings_of("face", key="FACE_APIKEY"),
        *_settings_of("language"),
        *_settings_of("speech"),
        *_settings_of(
            "translator",
            key="AZURE_TEXT_TRANSLATION_APIKEY",
            endpoint="AZURE_TEXT_TRANSLATION_ENDPOINT",
            region="AZURE_TEXT_TRANSLATION_REGION",
        ),
        *_settings_of("openai", key="AZURE_OPENAI_API_KEY"),
        Setting(
            "openai_deployment",
            ("AZURE_OPENAI_DEPLOYMENT",),
            purpose="the deployment of a chat model: captions, ages, expressions",
            kind="model",
        ),
        *_settings_of(""),
        Setting(
            "short_audio_endpoint",
            ("CLOUDAI_AZURE_SHORT_AUDIO_ENDPOINT",),
            purpose="in place of the region's host for short audio",
            kind="address",
        ),
        Setting(
            "transcription",
            ("CLOUDAI_AZURE_TRANSCRIPTION",),
            purpose="fast, or batch: recordings at addresses go out as jobs, of any length",
            choices=("fast", "batch"),
        ),
        Setting(
            "credential",
            ("AZURE_TOKEN_CREDENTIALS", "AZURE_TENANT_ID", "IDENTITY_ENDPOINT"),
            purpose="the default login, where there is no key",
        ),
        Setting(
            "api",
            ("AZURE_IMAGE_ANALYSIS_API",),
            purpose="4.0 or 3.2: only this API analyses pictures",
            choices=("4.0", "3.2"),
        ),
    )
    # https://learn.microsoft.com/python/api/overview/azure/identity-readme#environment-variables
    variables: ClassVar[tuple[str, ...]] = (
        r"AZURE_(CLIENT_ID|CLIENT_SECRET|CLIENT_CERTIFICATE_PATH|CLIENT_CERTIFICATE_PASSWORD)",
        r"AZURE_(CLIENT_SEND_CERTIFICATE_CHAIN|USERNAME|PASSWORD|AUTHORITY_HOST|FEDERATED_TOKEN_FILE)",
        r"AZURE_(ADDITIONALLY_ALLOWED_TENANTS|REGIONAL_AUTHORITY_NAME|POD_IDENTITY_AUTHORITY_HOST)",
        r"IDENTITY_(HEADER|SERVER_THUMBPRINT)",
        r"MSI_(ENDPOINT|SECRET)",
    )
    hosts: ClassVar[tuple[str, ...]] = (
        "the endpoint you set",
        "{region}.stt.speech.microsoft.com",
        "{region}.tts.speech.microsoft.com",
        "api.cognitive.microsofttranslator.com",
    )
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
        translator: Resource | None = None,
        openai: Resource | None = None,
        openai_deployment: str | None = None,
        api: Literal["4.0", "3.2"] | None = None,
        face_approved: bool = False,
        short_audio_endpoint: str | None = None,
        transcription: Literal["fast", "batch"] | None = None,
    ) -> None:
        # If one of the two were ignored without a word, it might be the one that is meant, for example where a key has
        # been disabled.
        if key and credential:
            raise SettingsError("key= and credential= exclude each other", advice="Give one of them.")
        given = zip(SERVICES, (vision, face, language, speech, translator, openai), strict=True)
        own = {name: own_resource(name, resource) for name, resource in given}
        self._given = {
            "api": api,
            "key": key,
            "endpoint": endpoint,
            "region": region,
            "short_audio_endpoint": short_audio_endpoint,
            "transcription": transcription,
            "openai_deployment": openai_deployment,
            "credential": given_login(credential),
            **{f"{name}_{field}": getattr(own[name], field) for name in SERVICES for field in FIELDS},
        }
        self._default_login = AzureLogin()
        if api is not None:
            self.api()  # a version that does not exist is an error of the constructor
        # Like a wrong api=, an unknown word is an error of the constructor, and not of the first call.
        if transcription is not None:
            self.setting("transcription")
        self.face_approved = face_approved

    def __reduce__(self) -> tuple[Any, ...]:
        chosen = {name: self._given[name] for name in CHOSEN} | {"face_approved": self.face_approved}
        # A provider whose settings come from the environment may go to another process, which has an environment, too.
        if any(value is not None for name, value in self._given.items() if name not in CHOSEN):
            super().__reduce__()  # raises TypeError: a key must not leave this process
        return _unpickled, (type(self), chosen)

    def api(self) -> str | None:
        """Return the chosen version of Image Analysis, "4.0" or "3.2", or None where it depends on the feature.

        Raises:
            SettingsError: Another version is set.
        """
        return self.setting("api")

    @kept
    def resource(self, service: str) -> Resource:
        """Return the key and the address or region of a service, each from the first level that has it.

        A setting that was given in code goes before the environment. Within each of the two, a setting of the service
        goes before one for all services.

        Raises:
            SettingsError: One of them is not what it should be; the error names the setting, and not its value.
        """
        lookups = self._settled(service)
        # All are checked before a value is taken out of its `Lookup`, which shows none: a crash report shows variables.
        used = {
            field: usable(self._field(field), lookup, self._named(field, lookup)) for field, lookup in lookups.items()
        }
        return Resource(**{field: lookup.value for field, lookup in used.items()})

    @kept
    def _settled(self, service: str) -> Mapping[str, Lookup]:
        """Return what was found for the key, the address and the region of a service, each in its own place."""
        lookups: dict[str, Lookup] = {}
        # The key is looked for apart from the address, so that one key can serve several addresses. Endpoint and region
        # belong to each other: the region of a level further down must not be combined with the endpoint of one further
        # up.
        for fields in (("endpoint", "region"), ("key",)):
            for read, prefix in self._levels(service):
                level = {field: lookup for field in fields if (lookup := read(f"{prefix}{field}"))}
                if level:
                    lookups |= level
                    break
        return _in_place(lookups)

    def _levels(self, service: str) -> Iterator[tuple[Callable[[str], Lookup | None], str]]:
        """Yield the functions that look settings up, each with the beginnings of names, in the order that counts."""
        # Settings in code go before the environment for all services, even where the environment is more exact: what is
        # written in the program was meant.
        for read in (self._found_in_code, self._looked_up_outside):
            yield read, f"{service}_"
            yield read, ""

    def _field(self, name: str) -> Setting:
        return next(setting for setting in self.settings if setting.name == name)

    def unchecked(self, name: str) -> Lookup | None:
        """Return a setting as it was found; a key and an address in each other's places have changed places."""
        prefix, _, field = name.rpartition("_")
        if field not in FIELDS or prefix not in (*SERVICES, ""):
            return super().unchecked(name)
        read, before = super().unchecked, name.removesuffix(field)
        return _in_place({each: lookup for each in FIELDS if (lookup := read(f"{before}{each}"))}).get(field)

    def host_setting(self, service: str) -> str | None:
        """Return how an error names the address or the region of a service."""
        settled = self._settled(service)
        return next((self._named(field, settled[field]) for field in ("endpoint", "region") if field in settled), None)

    def require_set(self, service: str) -> None:
        """Check that a service has a key or a login, and an address.

        Raises:
            SettingsError: One of them is not there; the error says what to set.
            MissingExtraError: The package for the login is not installed.
        """
        resource, login = self.resource(service), self._login_of(service)
        name = VARIABLES.get(service, service.upper())
        if not (resource.key or login):
            advice = f"Set {name}_{'API_KEY' if service == 'openai' else 'KEY'} and {name}_ENDPOINT {HOW}"
            if service == "translator":
                advice = f"Set {name}_KEY, and {name}_REGION unless the resource is global {HOW}"
            raise SettingsError("no key", advice=advice)
        if not (resource.endpoint or resource.region or service == "translator"):
            advice = f"Set {name}_ENDPOINT, the address beside the key in the Azure portal {HOW}"
            raise SettingsError("no endpoint", advice=advice)
        if login:
            require_own_address(self.base(service))
            login.require_package()

    @kept
    def _login_of(self, service: str) -> AzureLogin | None:
        """Return the login of a service, or None where a key goes before it.

        A key given in code goes before ``credential=``, and ``credential=`` before a key of the environment.
        """
        given: AzureLogin | None = self._given["credential"]
        # A key that is written into the program beside credential= is meant for its service. One that merely lies in
        # the environment is not.
        if self._given[f"{service}_key"] or self._given["key"]:
            return None
        if given:
            return given
        # Without a sign in the environment no login is tried: azure-identity would probe for the server of a virtual
        # machine, which takes time wherever there is none.
        if self.resource(service).key or not self._looked_up_outside("credential"):
            return None
        return self._default_login

    # A login that was given in code has no identity; see `AzureLogin`.
    def identities(self) -> list[str]:
        """Return the name of the default login, where a service uses it."""
        logins: list[AzureLogin | None] = []
        for service in self.services:
            # A call of another service needs no settings of this one, and its own call raises the error.
            with suppress(SettingsError):
                logins.append(self._login_of(service))
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
        # The header of the region belongs to a key: a token is only valid at the resource's own address, which needs no
        # region.
        if token is not None:
            return super().sign(request, token)
        resource = self.resource(request.service)
        if request.service == "openai":
            return with_headers(request, {"api-key": resource.key or ""})
        # Translator refuses the key of a resource in a region where the region is not said.
        region = resource.region or _region_in(resource.endpoint) if request.service == "translator" else None
        return with_headers(
            request,
            {
                "Ocp-Apim-Subscription-Key": resource.key or "",
                **({"Ocp-Apim-Subscription-Region": region} if region else {}),
            },
        )

    @kept
    def base(self, service: str) -> str:
        """Return the beginning of a service's addresses, or `UNKNOWN` where none is set: sending then fails.

        Raises:
            SettingsError: The endpoint that is set is not an address.
        """
        resource = self.resource(service)
        if service == "translator":
            return _translator_at(without_path(resource.endpoint, ROOTS) if resource.endpoint else TRANSLATOR)
        if resource.endpoint:
            return without_path(resource.endpoint, ROOTS)
        return f"https://{resource.region}.api.cognitive.microsoft.com" if resource.region else UNKNOWN

    def fault(self, response: Response) -> Fault:
        """Return what an error reply says.

        The error object is nested, with or without an ``innererror``; older APIs and the gateway send it flat.
        """
        body = error_body(response)
        outer = body.get("error", body) if isinstance(body, dict) else None
        # A proxy or a firewall may have answered with a page of HTML, and older gateways have a sentence as "error".
        if not isinstance(outer, dict):
            outer = {"message": outer if isinstance(outer, str) else readable(response)}
        fault = _fault(outer, response.status)
        # The gateway's header is exact; its text may give a rounded number. `Provider.error` reads the header.
        return fault if hint_from_headers(response.headers) is None else replace(fault, retry_after=None)


STATUS_OF_CODE: Mapping[str, int] = {
    # Language: https://learn.microsoft.com/rest/api/language/text-analysis-runtime/analyze-text#errorcode
    "InvalidRequest": 400,
    "InvalidArgument": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "ProjectNotFound": 404,
    "OperationNotFound": 404,
    "AzureCognitiveSearchNotFound": 404,
    "AzureCognitiveSearchIndexNotFound": 404,
    "TooManyRequests": 429,
    "AzureCognitiveSearchThrottling": 429,
    "AzureCognitiveSearchIndexLimitReached": 429,
    "QuotaExceeded": 429,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "Timeout": 408,
    "Conflict": 409,
    "Warning": 400,
    # The inner codes of Language:
    # https://learn.microsoft.com/rest/api/language/text-analysis-runtime/analyze-text#innererrorcode
    "InvalidParameterValue": 400,
    "KnowledgeBaseNotFound": 404,
    "ExtractionFailure": 500,
    "InvalidRequestBodyFormat": 400,
    "EmptyRequest": 400,
    "MissingInputDocuments": 400,
    "InvalidDocument": 400,
    "ModelVersionIncorrect": 400,
    "InvalidDocumentBatch": 400,
    "UnsupportedLanguageCode": 400,
    "InvalidCountryHint": 400,
    # Vision 3.2: https://learn.microsoft.com/rest/api/computervision/analyze-image#computervisionerrorcodes
    "InvalidImageFormat": 400,
    "UnsupportedMediaType": 415,
    "InvalidImageUrl": 400,
    "NotSupportedFeature": 400,
    "NotSupportedImage": 400,
    "InvalidImageSize": 400,
    "BadArgument": 400,
    "DetectFaceError": 400,
    "NotSupportedLanguage": 400,
    "InvalidThumbnailSize": 400,
    "InvalidDetails": 400,
    "InvalidModel": 400,
    "CancelledRequest": 500,
    "NotSupportedVisualFeature": 400,
    "FailedToProcess": 500,
    "Unspecified": 500,
    "StorageException": 500,
    # Face: https://learn.microsoft.com/rest/api/face/face-detection-operations/detect
    "InvalidURL": 400,
    "InvalidImage": 400,
    "OperationTimeOut": 408,
    "InvalidMediaType": 415,
}
"""The HTTP status that a code of the vendor's tables stands for, where a reply of status 200 has it.

Any other code says that the input is bad.
"""


def fault_inside(error: Mapping[str, Any]) -> Fault:
    """Return the fault of one item in a reply of status 200, by the code that says more: its outer or its inner one."""
    inner = error.get("innererror") or error.get("innerError")
    codes = [error.get("code"), inner.get("code") if isinstance(inner, dict) else None]
    # A code that is not in the tables counts as an error of the input, because what is tried again may be billed again.
    statuses = [STATUS_OF_CODE[str(code)] for code in codes if str(code) in STATUS_OF_CODE]
    # "InvalidArgument" says less than what stands inside it.
    return _fault(error, next((status for status in statuses if status != 400), 400))  # noqa: PLR2004


def _fault(outer: Mapping[str, Any], status: int) -> Fault:
    """Return the fault that an error object describes; its inner error, where there is one, says more."""
    # Previews of Text Analytics v3 spelled it innerError.
    given = outer.get("innererror") or outer.get("innerError")
    inner = given if isinstance(given, dict) else {}
    # Older gateways have "statusCode" in place of a code.
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
        quota="month" if kind is RateLimitedError and _any(MONTHLY, words) else None,
        advice=advice,
        gone=_any(NO_DEPLOYMENT, words),
    )


MONTHLY = ("call volume quota", "exceeded its free quota")
"""Words of a refusal because the quota of a month is used up; Translator says the second, with the status 403."""


FILTERED = ("content_filter", "ResponsibleAIPolicyViolation")
"""Words of a refusal because the content filter of Azure OpenAI has blocked what was sent."""


def _kind(words: Sequence[str], status: int) -> tuple[type[ServiceError], str | None]:
    """Return the class of the error and the advice, from the words of the reply and its status."""
    # The words go before the status: Azure answers a quota of the month with 403, and a blocked prompt with 400.
    kind = error_class(status)
    if status == 400 and _any(FILTERED, words):  # noqa: PLR2004
        return BlockedError, "Azure's content filter decides this; the classic services have none."
    if _any(MONTHLY, words):
        return RateLimitedError, "The quota of this pricing tier is used up until then; a paid tier has more."
    for marks, advice in FORBIDDEN:
        if _any(marks, words):
            return ForbiddenError, advice
    # The gateway says the same of a wrong key and of a right key at a wrong address, so both are named.
    if kind is AuthError:
        return kind, "Check that key and endpoint are of the same resource (Azure portal, Keys and Endpoint)."
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

FORBIDDEN: Sequence[tuple[tuple[str, ...], str]] = (
    (("missing approval", "UnsupportedFeature"), "Microsoft gives this to approved customers only."),
    (
        ("Virtual Network/Firewall rules",),
        "The network rules of the resource do not allow this computer's address (Azure portal, Networking).",
    ),
    (
        ("Virtual Network is configured",),
        "Set the endpoint that the Azure portal shows for the resource (Keys and Endpoint), not that of its region.",
    ),
    (
        ("AuthenticationTypeDisabled", "key based authentication is disabled"),
        "The resource takes no keys: leave the key out, and log in with Azure(credential='default').",
    ),
)
"""The advice for refusals that no other key and no other input would change, by the words of the reply.

https://learn.microsoft.com/azure/ai-services/cognitive-services-virtual-networks
https://learn.microsoft.com/azure/ai-services/disable-local-auth
"""

NO_DEPLOYMENT = ("DeploymentNotFound", "model_not_found", "unsupported_model", "ModelDeprecated")
"""Words by which Azure OpenAI says that it does not have the deployment or its model, or no longer has it."""

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
    (("language is not valid", "languages is not valid"), "Choose another language, or another provider."),
    (("Resource not found",), "Check that the endpoint is of a resource that has this service."),
    (
        ("'response_format'", "json_schema"),
        "The model gives no structured answers: name another deployment, AZURE_OPENAI_DEPLOYMENT.",
    ),
    (("image_url is only supported",), "The model sees no pictures: name another deployment, AZURE_OPENAI_DEPLOYMENT."),
    (
        ("maximum context length", "context_length_exceeded"),
        "Send less, or name a deployment of a model that takes more: AZURE_OPENAI_DEPLOYMENT.",
    ),
    (
        NO_DEPLOYMENT,
        "Name a deployment that is there: AZURE_OPENAI_DEPLOYMENT (Azure AI Foundry, Deployments).",
    ),
)


def _any(marks: Sequence[str], words: Sequence[str]) -> bool:
    return any(mark.lower() in word.lower() for mark in marks for word in words)


UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


def _wait(messages: Sequence[str]) -> float | None:
    """Return the seconds to wait that the text of an error names, or None where it names none.

    It understands "retry after 26 seconds", "replenished in 2.12 days" and "replenished in 13:24:55".
    """
    # The digits are bounded, because float() would make infinity of four hundred of them, and a wait has to be finite.
    for message in messages:
        if match := re.search(r"(?:after|in)\s+(\d{1,9}(?:\.\d{1,9})?)\s+(second|minute|hour|day)s?\b", message):
            return float(match[1]) * UNITS[match[2]]
        if match := re.search(r"replenished in\s+(?:(\d{1,9})\.)?(\d{1,2}):(\d{2}):(\d{2})", message):
            days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return None


def _in_place(lookups: Mapping[str, Lookup]) -> dict[str, Lookup]:
    """Return a key, an address and a region each in its own place, where one of them was put in that of another.

    The key and the address may have changed places; an address may stand where the region belongs; and the address of a
    region's speech services, to which no other request can be sent, stands for the region.
    """
    key, endpoint, region = (lookups.get(field) for field in FIELDS)
    if swapped(key, endpoint):
        key, endpoint = endpoint, key
    address = address_in(region.value) if region else None
    # An address of a region is left where it is: `_region` takes the name of the region out of it.
    if not endpoint and address and not re.match(rf"https://{REGION_HOSTS}(?![^/])", address):
        endpoint, region = region, None
    if endpoint and SPEECH_HOST.match(address_in(endpoint.value) or ""):
        endpoint, region = None, endpoint
    placed = dict(zip(FIELDS, (key, endpoint, region), strict=True))
    return {field: lookup for field, lookup in placed.items() if lookup}


def _region_in(address: str | None) -> str | None:
    """Return the region that an address names which all resources of a region share, or None for any other address."""
    match = re.match(rf"https://{REGION_HOSTS}(?![^/:])", address or "")
    return match[1] if match else None


def _translator_at(address: str) -> str:
    """Return the beginning of Translator's addresses for the address of a resource.

    At the address of a region there is no Translator; the address for all regions serves these resources.
    """
    if _region_in(address):
        return TRANSLATOR
    # At a resource's own address Translator lives below a path of its own:
    # https://learn.microsoft.com/azure/ai-services/translator/text-translation/reference/v3/reference
    return address if TRANSLATOR_HOST.match(address) else f"{address}/translator/text/v3.0"


def _unpickled(kind: type[AzureService], options: dict[str, Any]) -> AzureService:
    return kind(**options)


def picture_body(picture: Picture) -> dict[str, Any]:
    """Return the arguments of a `Request` that carry a picture to Vision and Face, as bytes or as an address."""
    # The service fetches the picture by itself. What is behind the address may change, so nothing is known of its size
    # here.
    if picture.by_reference:
        return {"json": {"url": picture.uri}}
    # Both services refuse image/jpeg.
    return {"content": picture.blob, "headers": {"Content-Type": "application/octet-stream"}}
