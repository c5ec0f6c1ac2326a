"""The contract of every provider: its operations, its credentials, its errors, what it can do and since when."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, TypeVar

from cloudai.errors import (
    AuthError,
    BadRequestError,
    ForbiddenError,
    MalformedResponseError,
    RateLimitedError,
    RedirectBlockedError,
    ServerError,
    ServiceError,
    SettingsError,
    TooEarlyError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaError,
    UnsupportedOperationError,
)
from cloudai.flow import Flow, Request, Response
from cloudai.retry import hint_from_headers

if TYPE_CHECKING:
    from cloudai.media import Audio, Image
    from cloudai.models.face import Ages, Faces
    from cloudai.models.image import Feature, ImageAnalysis, Text
    from cloudai.models.speech import Speech, Transcript
    from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation

__all__ = [
    "OPERATIONS",
    "Capability",
    "Fault",
    "Found",
    "Provider",
    "Resource",
    "Setting",
    "Token",
    "capability",
    "find",
    "names",
]

Status = Literal["open", "limited", "deprecated", "retired", "absent"]
F = TypeVar("F", bound=Callable[..., Any])

OPERATIONS = (
    "analyze_image",
    "detect_faces",
    "estimate_age",
    "read_text",
    "sentiment",
    "detect_language",
    "key_phrases",
    "translate",
    "speech_to_text",
    "text_to_speech",
)

BUILT_IN = {
    "azure": "cloudai.providers.azure:Azure",
    "google": "cloudai.providers.google:Google",
    "watson": "cloudai.providers.watson:Watson",
    "local": "cloudai.providers.local:Local",
}
"""Known without entry points, so that a source tree, a zip or a frozen app finds them."""
ENTRY_POINTS = "cloudai.providers"


@dataclass(frozen=True)
class Capability:
    """What a provider can do for one operation, as known on ``checked``; asked for without an account.

    ``status`` is "open", "limited" (approval or certain regions only), "deprecated", "retired" or
    "absent" (never offered, or not in cloudai yet: ``note`` tells which).
    """

    operation: str
    status: Status
    note: str = ""
    needs: str = ""
    """What must be there first: "a service account or an API key", "extra: local" …"""
    since: str | None = None
    """The date it has been so, ISO: limited since, deprecated since, retired since."""
    until: str | None = None
    """The date the vendor will end it, ISO."""
    page: str | None = None
    checked: str | None = None
    free: str | None = None
    """The pace of the vendor's free tier, for ``pace="free"``: "20/min"."""

    @property
    def available(self) -> bool:
        """Whether a call can succeed."""
        return self.status in ("open", "limited", "deprecated")

    @property
    def summary(self) -> str:
        """The status with its date, for a cell of a table: "deprecated, until 2028-01-31"; "-" where absent."""
        if self.status == "absent":
            return "-"
        dates = [f"until {self.until}"] if self.until else [f"since {self.since}"] if self.since else []
        return ", ".join([self.status, *dates])


@dataclass(frozen=True)
class Setting:
    """One setting of a provider and the environment variables it is read from, first match wins."""

    name: str
    env: tuple[str, ...]
    secret: bool = False
    purpose: str = ""


@dataclass(frozen=True)
class Found:
    """A setting's value and where it was found: "VISION_KEY", "given in code", a file."""

    value: str = field(repr=False)
    where: str


@dataclass(frozen=True)
class Resource:
    """One service of a vendor: its key (at IBM the API key) and its place, an endpoint (at IBM the URL) or a region.

    Example:
        >>> Resource("not-a-real-key", "https://my-vision.cognitiveservices.azure.com")
        Resource(key='…', endpoint='https://my-vision.cognitiveservices.azure.com')
    """

    key: str | None = None
    endpoint: str | None = None
    region: str | None = None

    def __repr__(self) -> str:
        shown = {"key": "…" if self.key else None, "endpoint": self.endpoint, "region": self.region}
        return f"Resource({', '.join(f'{name}={value!r}' for name, value in shown.items() if value)})"


@dataclass(frozen=True)
class Token:
    """A bearer token, when it ends (epoch seconds), and the headers that go beside it."""

    value: str
    expires_at: float
    headers: Mapping[str, str] = field(default_factory=dict)

    def is_old(self, now: float | None = None) -> bool:
        """Whether it should be fetched anew: with less than five minutes left, a long upload may outlive it."""
        return self.expires_at - (time.time() if now is None else now) < 300  # noqa: PLR2004

    def __repr__(self) -> str:
        return f"Token(…, expires_at={self.expires_at})"


@dataclass(frozen=True)
class Fault:
    """What a vendor's error reply says: its code, its message, how long to wait."""

    message: str = ""
    code: str | None = None
    retry_after: float | None = None
    kind: type[ServiceError] | None = None
    """The class of error where the vendor's code says more than the HTTP status."""
    quota: str | None = None
    """"day" or "month" where the reply names a spent quota of that length."""
    advice: str | None = None


def capability(status: Status = "open", **facts: Any) -> Callable[[F], F]:
    """Declare an operation: what `Provider.capabilities` tells of the decorated method."""

    def declare(method: F) -> F:
        method.__capability__ = Capability(method.__name__, status, **facts)  # type: ignore[attr-defined]
        return method

    return declare


class Provider:
    """One vendor, or an engine of one's own.

    A subclass overrides the operations it has, each a flow, and declares them with `capability`; what it
    does not override raises `UnsupportedOperationError`, naming who can. A third party's
    class is found by an entry point of the group ``cloudai.providers``.
    """

    name: ClassVar[str]
    contract: ClassVar[int] = 1
    settings: ClassVar[tuple[Setting, ...]] = ()
    hosts: ClassVar[tuple[str, ...]] = ()
    """Where data goes; empty for an engine on this machine."""
    absent: ClassVar[Mapping[str, Capability]] = {}
    """Operations the vendor does not offer, with the reason."""
    request_id_headers: ClassVar[tuple[str, ...]] = ()

    _given: Mapping[str, Any] = {}  # replaced by each instance, never changed

    # -- operations ------------------------------------------------------------------------------------

    def analyze_image(
        self,
        image: Image,
        *,
        features: Sequence[Feature] | None,
        language: str | None,
        max_results: int | None,
        missing: Literal["error", "report"],
        gender_neutral: bool,
    ) -> Flow[ImageAnalysis]:
        """What is in a picture."""
        self._refuse("analyze_image")

    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Where the faces are."""
        self._refuse("detect_faces")

    def estimate_age(self, image: Image, *, max_faces: int) -> Flow[Ages]:
        """How old the faces look."""
        self._refuse("estimate_age")

    def read_text(self, image: Image, *, language: str | None, dense: bool | None) -> Flow[Text]:
        """The text in a picture."""
        self._refuse("read_text")

    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Whether a text is positive or negative."""
        self._refuse("sentiment")

    def detect_language(self, text: str) -> Flow[Language]:
        """The language of a text."""
        self._refuse("detect_language")

    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """What a text is about."""
        self._refuse("key_phrases")

    def translate(self, text: str, *, to: str, source: str | None) -> Flow[Translation]:
        """A text in another language."""
        self._refuse("translate")

    def speech_to_text(self, audio: Audio, *, language: str, words: bool, speakers: int | None) -> Flow[Transcript]:
        """Speech as text."""
        self._refuse("speech_to_text")

    def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None,
        language: str | None,
        format: str,  # noqa: A002  # the field's word
    ) -> Flow[Speech]:
        """Text as speech."""
        self._refuse("text_to_speech")

    def features(self) -> tuple[Feature, ...]:
        """What `analyze_image` can look for, with the settings at hand."""
        return ()

    def family(self, operation: str) -> str:
        """Which of several APIs answers, where the settings choose: its answers are not the other's."""
        return ""

    def place(self, operation: str) -> dict[str, str]:
        """The settings that say who answers: an endpoint, a region, a project. What another answered is not reused.

        Override it where the constructor takes more that changes answers, for example a model.
        """
        return {s.name: found.value for s in self.settings if not s.secret and (found := self.found(s.name))}

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """How many billed requests one input takes, for a batch's plan."""
        return 1

    def together(self, operation: str) -> int:  # the other side of `Request.merge`
        """How many inputs go into one request, at most, where a batch has many."""
        return 1

    # -- credentials -----------------------------------------------------------------------------------

    def token(self, service: str) -> Flow[Token] | None:
        """The flow that fetches a token for a service, or None where a key serves it. Run once for all who wait."""
        return None

    def login(self, service: str) -> str:
        """Which login a service has; those of one login share its token."""
        return ""

    def sign(self, request: Request, token: Token | None) -> Request:
        """The request with its credentials; SettingsError where there are none."""
        if token is None:
            return request
        return with_headers(request, {"Authorization": f"Bearer {token.value}", **token.headers})

    def setting(self, name: str) -> str | None:
        """The value given to the constructor, else the first that is found outside; see `found`."""
        found = self.found(name)
        return found.value if found else None

    def found(self, name: str) -> Found | None:
        """A setting and where it comes from: given in code, else the first variable of `sources` that is set."""
        given = self._given.get(name)
        return Found(str(given), "given in code") if given is not None else self.found_outside(name)

    def found_outside(self, name: str) -> Found | None:
        """A setting that was not given in code."""
        setting = next(s for s in self.settings if s.name == name)
        # No variable of this frame holds a source: the next one may raise, and a crash report shows variables.
        return next(filter(None, map(partial(_found_in, setting), self.sources())), None)

    def sources(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Where settings are looked for, in order, each with words for what it is: the environment."""
        yield "", os.environ

    def account(self) -> str | None:
        """A digest of keys and logins at hand: clients of one account share what a 429 closes. None without any."""
        keys = [found.value for s in self.settings if s.secret and (found := self.found(s.name))]
        keys += self.identities()
        return sha256("\n".join([self.name, *keys]).encode()).hexdigest() if keys else None

    def identities(self) -> list[str]:
        """What tells the logins at hand from others, where it can be known before they are used."""
        return []

    def __repr__(self) -> str:
        secret = {s.name for s in self.settings if s.secret}
        given = {k: "…" if k in secret else v for k, v in self._given.items() if v is not None}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in given.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        if any(value is not None for value in self._given.values()):
            raise TypeError(
                f"{type(self).__name__} with explicit settings does not pickle: a key must not leave this process. "
                "Keep the settings in the environment, and it pickles by name."
            )
        return type(self), ()

    # -- replies ---------------------------------------------------------------------------------------

    def fault(self, response: Response) -> Fault:
        """What an error reply says, in the vendor's own shape."""
        return Fault(message=readable(response))

    def error(self, response: Response) -> ServiceError:
        """The error that a reply outside 2xx stands for."""
        fault = self.fault(response)
        return self.raised(fault, response.status, hint_from_headers(response.headers))

    def raised(self, fault: Fault, status: int, header_hint: float | None = None) -> ServiceError:
        """A fault as an error, by the vendor's code where it says more than the HTTP status."""
        kind = fault.kind or error_class(status)
        hint = header_hint if fault.retry_after is None else fault.retry_after
        error = kind(
            _one_line(fault.message)[:LONGEST_MESSAGE] or f"HTTP {status}",
            advice=fault.advice or ADVICE.get(kind),
            status=status,
            code=fault.code,
            retry_after=hint,
        )
        if isinstance(error, RateLimitedError):
            error.quota = fault.quota
        return error

    def request_id(self, response: Response) -> str | None:
        """The vendor's name for this exchange: what its support asks for."""
        return next((response.headers[h] for h in self.request_id_headers if h in response.headers), None)

    # -- capabilities ----------------------------------------------------------------------------------

    @classmethod
    def capabilities(cls) -> dict[str, Capability]:
        """Every operation and what this provider can do for it."""
        return {operation: cls._capability(operation) for operation in OPERATIONS}

    @classmethod
    def _capability(cls, operation: str) -> Capability:
        declared: Capability | None = getattr(getattr(cls, operation), "__capability__", None)
        return declared or cls.absent.get(operation) or Capability(operation, "absent", "not in cloudai yet")

    def missing(self, operation: str | None = None) -> str | None:
        """What is not there and what to do about it, for example a key; None where all is.

        Of one operation, where it is given; else of what most use.
        """
        return None

    def supports(self, operation: str) -> bool:
        """Whether a call of this operation can succeed with the settings at hand."""
        return self._capability(operation).available and self.missing(operation) is None

    def _refuse(self, operation: str) -> NoReturn:
        note = self._capability(operation).note
        error = UnsupportedOperationError(
            f"{operation} is not available{f': {note}' if note else ''}", advice=who_can(operation)
        )
        error.provider, error.operation = self.name, operation
        raise error


def _found_in(setting: Setting, source: tuple[str, Mapping[str, str]]) -> Found | None:
    where, values = source
    for variable in setting.env:
        if value := values.get(variable, "").strip():
            return Found(value, variable + where)
    return None


def who_can(operation: str) -> str:
    """Names the providers that have an operation, for the errors of those that have not."""
    able = [name for name, kind in usable()[0].items() if kind.capabilities()[operation].available]
    return f"Available from: {', '.join(able)}." if able else "No provider in cloudai has it yet."


def with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    """The request with these headers added."""
    return replace(request, headers={**request.headers, **headers})


def require_known(given: Sequence[str], known: Sequence[str], what: str) -> None:
    """SettingsError, listing what there is, for a word outside a vocabulary."""
    unknown = [word for word in given if word not in known]
    if unknown:
        raise SettingsError(f"unknown {what} {', '.join(map(repr, unknown))}", advice=f"Known: {', '.join(known)}.")


CLASSES: Mapping[int, type[ServiceError]] = {
    401: AuthError,
    403: ForbiddenError,
    408: ServerError,
    409: ServerError,
    413: TooLargeError,
    415: UnsupportedMediaError,
    425: TooEarlyError,
    429: RateLimitedError,
    503: UnavailableError,
}

ADVICE: Mapping[type[ServiceError], str] = {
    RateLimitedError: "Wait and call again, or call less often.",
    ServerError: "Try again later; if it stays, see the vendor's status page.",
    UnavailableError: "Try again later; if it stays, see the vendor's status page.",
    RedirectBlockedError: "Check the endpoint: neither key nor upload is sent after a redirect.",
}


def error_class(status: int) -> type[ServiceError]:
    """The class of error an HTTP status stands for where the vendor's code says no more."""
    if 300 <= status < 400:  # noqa: PLR2004
        return RedirectBlockedError
    return CLASSES.get(status) or (ServerError if status >= 500 else BadRequestError)  # noqa: PLR2004


LONGEST_MESSAGE = 1000
"""Characters of a vendor's message that an error repeats."""


def readable(response: Response) -> str:
    """The beginning of a reply that is not in the vendor's shape, as one printable line."""
    return _one_line(response.content[:200].decode("utf-8", "replace")) or f"HTTP {response.status}, no text"


def _one_line(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def error_body(response: Response) -> Any:
    """The JSON of an error reply, or None: a proxy may have answered in its place."""
    try:
        return response.json()
    except MalformedResponseError:
        return None


# -- finding providers -------------------------------------------------------------------------------------


def names() -> list[str]:
    """The names of all providers, the built-in ones first."""
    return [*BUILT_IN, *sorted({point.name for point in _third_parties()} - set(BUILT_IN))]


def find(name: str) -> type[Provider]:
    """The provider class of a name; its capabilities can be asked for without an account.

    Raises:
        SettingsError: No provider has this name (the text lists those there are), two distributions do, or it
            cannot be loaded.

    Example:
        >>> find("google").capabilities()["estimate_age"].available
        False
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
    points = [point for point in _third_parties() if point.name == name]
    if len(points) > 1:
        who = " and ".join(sorted(map(_distribution, points)))
        raise SettingsError(f"two providers are called {name!r}: {who}", advice="Uninstall one of them.")
    if not points:
        raise SettingsError(f"{name!r} is no provider", advice=f"Available: {', '.join(names())}.")
    return _loaded(points[0])


def usable() -> tuple[dict[str, type[Provider]], list[SettingsError]]:
    """All providers by name, and what is wrong with those that cannot be had: one that is broken hides no other."""
    found: dict[str, type[Provider]] = {}
    problems: list[SettingsError] = []
    for name in names():
        try:
            found[name] = find(name)
        except SettingsError as error:
            problems.append(error)
    return found, problems


def _loaded(point: EntryPoint) -> type[Provider]:
    what = f"the provider {point.name!r} of {_distribution(point)}"
    try:
        kind = point.load()
    except Exception as error:
        why = f"{type(error).__name__}: {_one_line(str(error))}"
        raise SettingsError(f"{what} cannot be loaded ({why})", advice="Upgrade or uninstall it.") from error
    if not (isinstance(kind, type) and issubclass(kind, Provider)):
        raise SettingsError(f"{what} is no class of Provider", advice=f"See {point.value}.")
    if kind.contract != Provider.contract:
        raise SettingsError(
            f"{what} is written for contract {kind.contract}, and this cloudai has {Provider.contract}",
            advice=f"Upgrade {_distribution(point) if kind.contract < Provider.contract else 'cloudai'}.",
        )
    if kind.name != point.name:
        raise SettingsError(f"{what} is called {kind.name!r} by itself", advice="Its entry point must say the same.")
    return kind


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _third_parties() -> Iterator[EntryPoint]:
    return iter(entry_points(group=ENTRY_POINTS))
