"""The contract of every provider: its operations, its credentials, its errors, what it can do and since when."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Literal, NoReturn, ParamSpec, Self, TypeVar

from cloudai.core.flow import Flow, Request, Response
from cloudai.core.retry import hint_from_headers
from cloudai.core.tokens import Token
from cloudai.errors import (
    RateLimitedError,
    ServiceError,
    SettingsError,
    UnsupportedOperationError,
)
from cloudai.operations import OPERATIONS
from cloudai.providers.replies import ADVICE, LONGEST_MESSAGE, Fault, error_class, one_line, readable
from cloudai.providers.settings import Lookup, Setting, _lookup_in

if TYPE_CHECKING:
    from cloudai.media import Audio, Image
    from cloudai.models.face import Ages, Faces
    from cloudai.models.image import Feature, ImageAnalysis, Text
    from cloudai.models.speech import Speech, Transcript
    from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation

__all__ = ["Capability", "Provider", "cached_per_call", "capability", "require_known", "with_headers"]

Status = Literal["open", "limited", "deprecated", "retired", "absent"]

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound="Provider")
P = ParamSpec("P")
R = TypeVar("R")


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


def capability(status: Status = "open", **facts: Any) -> Callable[[F], F]:
    """Declare an operation: what `Provider.capabilities` tells of the decorated method."""

    def declare(method: F) -> F:
        method.__capability__ = Capability(method.__name__, status, **facts)  # type: ignore[attr-defined]
        return method

    return declare


def cached_per_call(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method that looks settings up, so that a call carries it out once; see `Provider.for_call`.

    The arguments have to be hashable. An error is not kept: whoever asks again meets it again.
    """

    @wraps(method)
    def cached(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not hasattr(self, "_call_cache"):
            return method(self, *args, **kwargs)
        key = method, args, *kwargs.items()
        # No variable of this frame holds the cache: the method may raise, and a crash report shows variables.
        if key not in self._call_cache:
            self._call_cache[key] = method(self, *args, **kwargs)
        value: R = self._call_cache[key]
        return value

    return cached


class Provider:
    """One vendor, or an engine of one's own.

    A subclass overrides the operations it has, each a flow, and declares them with `capability`; what it
    does not override raises `UnsupportedOperationError`, naming who can. A third party's
    class is found by an entry point of the group ``cloudai.providers``.

    The docstrings of the operations are those of the clients' methods, which tools/write_client_methods.py makes of
    them.
    """

    __slots__ = ("__dict__", "__weakref__", "_call_cache")

    name: ClassVar[str]
    contract: ClassVar[int] = 2
    settings: ClassVar[tuple[Setting, ...]] = ()
    hosts: ClassVar[tuple[str, ...]] = ()
    """Where data goes; empty for an engine on this machine."""
    absent: ClassVar[Mapping[str, Capability]] = {}
    """Operations the vendor does not offer, with the reason."""
    request_id_headers: ClassVar[tuple[str, ...]] = ()

    _given: Mapping[str, Any] = {}  # replaced by each instance, never changed
    _call_cache: dict[Any, Any]
    """What a call has looked up; only what `for_call` returns has one."""

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
        """Say what is in a picture.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            features: What to look for; None is what the provider has of caption, tags and objects
                (local: colours and faces).
            language: Of captions and tags, BCP-47, where the provider translates them.
            max_results: Most tags, objects … of each feature; None is the provider's largest.
            missing: "error" refuses a feature the provider lacks; "report" lists it in ``unsupported``.
            gender_neutral: Captions say "person" for "man" and "woman", where the provider can.

        Raises:
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or a feature; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("analyze_image")

    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find the faces in a picture, largest first; nobody is named.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            landmarks: Also give the points of each face.
            attributes: What else to say of each face, of the provider's list ("emotions", "glasses" …).
                Expressions are guesses about appearance.
            max_faces: Most faces; ``truncated`` says when there were as many.

        Raises:
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or an attribute; nothing was sent.
            ServiceError: The service refused.

        Example:
            >>> from cloudai import Client
            >>> from skimage.data import astronaut
            >>> faces = Client("local").detect_faces(astronaut())
            >>> len(faces)
            1
        """
        self._refuse("detect_faces")

    def estimate_age(self, image: Image, *, max_faces: int) -> Flow[Ages]:
        """Guess how old the faces in a picture look, in years; a guess about appearance, no more.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            max_faces: Most faces; ``truncated`` says when there were as many.

        Raises:
            UnsupportedOperationError: The provider has no age, or no longer; nothing was sent.
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("estimate_age")

    def read_text(self, image: Image, *, language: str | None, dense: bool | None) -> Flow[Text]:
        """Read the text in a picture.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            language: A hint, BCP-47.
            dense: True for documents, False for signs and labels, None as the provider thinks best.

        Raises:
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("read_text")

    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Say whether a text is positive or negative, as a whole and by sentence.

        Args:
            text: The text; an empty one is refused.
            language: BCP-47; None lets the provider detect it.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or the language; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        self._refuse("sentiment")

    def detect_language(self, text: str) -> Flow[Language]:
        """Say which language a text is written in.

        Args:
            text: The text; an empty one is refused.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("detect_language")

    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Say what a text is about, in phrases.

        Args:
            text: The text; an empty one is refused.
            language: BCP-47; None lets the provider detect it.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("key_phrases")

    def translate(self, text: str, *, to: str, source: str | None) -> Flow[Translation]:
        """Translate a text.

        Args:
            text: The text; an empty one is refused.
            to: The language wanted, BCP-47.
            source: The language it is in; None lets the provider detect it.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("translate")

    def speech_to_text(self, audio: Audio, *, language: str, words: bool, speakers: int | None) -> Flow[Transcript]:
        """Write down what is said in a recording.

        Args:
            audio: Path, ``gs://`` address, bytes or open file: WAV, FLAC, MP3 or OGG.
            language: The language spoken, BCP-47.
            words: Also give each word's time, in seconds.
            speakers: Tell this many speakers apart; None does not.

        Raises:
            InputError: Not audio, or too long for the provider; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("speech_to_text")

    def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None,
        language: str | None,
        format: str,  # noqa: A002  # the field's word
    ) -> Flow[Speech]:
        """Read a text aloud.

        Args:
            text: The text; an empty one is refused.
            voice: The provider's name of a voice; None takes its usual one for the language.
            language: BCP-47.
            format: "wav", "mp3" or "ogg".

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("text_to_speech")

    def features(self) -> tuple[Feature, ...]:
        """What `analyze_image` can look for, with the settings at hand."""
        return ()

    def api_variant(self, operation: str) -> str:
        """Which of several APIs answers, where the settings choose: its answers are not the other's."""
        return ""

    def cache_scope(self, operation: str) -> dict[str, str]:
        """The settings that say who answers: an endpoint, a region, a project. What another answered is not reused.

        Override it where the constructor takes more that changes answers, for example a model.
        """
        return {s.name: lookup.value for s in self.settings if not s.secret and (lookup := self.lookup(s.name))}

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """How many billed requests one input takes, for a batch's plan."""
        return 1

    def max_per_request(self, operation: str) -> int:  # the other side of `Request.merge`
        """How many inputs go into one request, at most, where a batch has many."""
        return 1

    # -- credentials -----------------------------------------------------------------------------------

    def for_call(self) -> Self:
        """Return this provider for the length of one call, with each setting looked up at most once.

        A setting is looked up when the call first needs it, and the next call looks it up anew. The attributes are
        shared, so that what a call keeps on ``self`` is there for the next one; a subclass has no ``__slots__``.
        """
        # Neither the constructor nor `copy` may run: they would check the settings again, or refuse to copy a key.
        provider = object.__new__(type(self))
        provider.__dict__ = self.__dict__
        provider._call_cache = {}
        return provider

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
        """Return the value given to the constructor, else the first one outside; see `lookup`."""
        lookup = self.lookup(name)
        return lookup.value if lookup else None

    def lookup(self, name: str) -> Lookup | None:
        """Return a setting and where it comes from: given in code, else the first variable of `sources` that is set."""
        given = self._given.get(name)
        return Lookup(str(given), "given in code") if given is not None else self._looked_up_outside(name)

    @cached_per_call
    def _looked_up_outside(self, name: str) -> Lookup | None:
        """Return what `lookup_outside` does, and ask it once in a call, whichever class has overridden it."""
        return self.lookup_outside(name)

    def lookup_outside(self, name: str) -> Lookup | None:
        """Return a setting that was not given in code."""
        setting = next(s for s in self.settings if s.name == name)
        # No variable of this frame holds a source: the next one may raise, and a crash report shows variables.
        return next(filter(None, map(partial(_lookup_in, setting), self.sources())), None)

    def sources(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Where settings are looked for, in order, each with words for what it is: the environment."""
        yield "", os.environ

    def account(self) -> str | None:
        """A digest of keys and logins at hand: clients of one account share what a 429 closes. None without any."""
        keys = [*self.secrets(), *self.identities()]
        return sha256("\n".join([self.name, *keys]).encode()).hexdigest() if keys else None

    def secrets(self) -> list[str]:
        """The values of the secret settings at hand: nothing must repeat them."""
        return [lookup.value for s in self.settings if s.secret and (lookup := self.lookup(s.name))]

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
        return self.error_from(fault, response.status, hint_from_headers(response.headers))

    def error_from(self, fault: Fault, status: int, header_hint: float | None = None) -> ServiceError:
        """A fault as an error, by the vendor's code where it says more than the HTTP status."""
        kind = fault.kind or error_class(status)
        hint = header_hint if fault.retry_after is None else fault.retry_after
        error = kind(
            one_line(fault.message)[:LONGEST_MESSAGE] or f"HTTP {status}",
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
        error = UnsupportedOperationError(f"{operation} is not available{f': {note}' if note else ''}")
        error.provider, error.operation = self.name, operation
        raise error


def with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    """The request with these headers added."""
    return replace(request, headers={**request.headers, **headers})


def require_known(given: Sequence[str], known: Sequence[str], what: str) -> None:
    """SettingsError, listing what there is, for a word outside a vocabulary."""
    unknown = [word for word in given if word not in known]
    if unknown:
        raise SettingsError(f"unknown {what} {', '.join(map(repr, unknown))}", advice=f"Known: {', '.join(known)}.")
