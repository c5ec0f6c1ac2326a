"""`Provider` is the contract of every provider: operations, credentials, errors, what it can do and since when."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Literal, NoReturn, ParamSpec, Self, TypeVar

from cloudai.core.flow import Flow, Request, Response
from cloudai.core.retry import hint_from_headers
from cloudai.core.tokens import Token
from cloudai.errors import (
    AuthError,
    BadRequestError,
    ForbiddenError,
    RateLimitedError,
    ServiceError,
    SettingsError,
    UnsupportedOperationError,
)
from cloudai.operations import OPERATIONS, operation_named
from cloudai.providers.replies import ADVICE, LONGEST_MESSAGE, Fault, error_class, one_line, readable
from cloudai.providers.settings import (
    GIVEN,
    Lookup,
    Setting,
    given_lookup,
    is_file,
    looks_like_key,
    lookup_in,
    shown,
    usable,
)

if TYPE_CHECKING:
    from cloudai.media import Audio, Image
    from cloudai.models.dictionary import Dictionary
    from cloudai.models.face import Ages, Faces
    from cloudai.models.image import Feature, ImageAnalysis, Text
    from cloudai.models.speech import Speech, Transcript
    from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation
    from cloudai.models.voice import Voices

__all__ = [
    "OFFLINE",
    "Capability",
    "Method",
    "Provider",
    "Retirement",
    "cached_per_call",
    "capability",
    "kept",
    "refuse_targets",
    "require_known",
    "with_headers",
]

Status = Literal["open", "limited", "deprecated", "retired", "absent"]
Method = Literal["classic", "generative"]
"""What answers a call: a classic service of the vendor, or its chat model."""

OFFLINE = "offline"
"""The key of a call's cache whose value is true if the call sends nothing."""
F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound="Provider")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Capability:
    """The ability of a provider to carry out one operation, as known on ``checked``; no account is needed to ask.

    ``status`` is "open", "limited" (approval or certain regions only), "deprecated", "retired" or
    "absent" (never offered, or not in cloudai yet: ``note`` tells which).
    """

    operation: str
    status: Status
    note: str = ""
    needs: str = ""
    """The things that must be there first: "a service account or an API key", "extra: local" …"""
    since: str | None = None
    """The ISO date since which it has been limited, deprecated or retired."""
    until: str | None = None
    """The ISO date on which the vendor will end it."""
    page: str | None = None
    """The address of the vendor's page that says so."""
    checked: str | None = None
    """The ISO date on which this was last checked."""
    free: str | None = None
    """The pace of the vendor's free tier, for ``pace="free"``: "20/min"."""
    unit: str = ""
    """The unit that the vendor bills, for example "character"; an empty text where it bills requests."""
    unit_size: int = 0
    """The characters in a unit, the last one of a text counting as a whole; 0 where the vendor counts requests."""
    bills_seconds: bool = False
    """True if the unit is a second of a recording; a request then counts those that it holds, of each channel."""
    free_units: int | None = None
    """The units that cost nothing in a month, as on ``checked``; None where there are none, or it is not known."""
    limits: str = ""
    """The limits of the vendor for one text and for one request, in words."""
    generative: Capability | None = None
    """The ability of the vendor's chat model to answer the operation, whatever its classic services can; else None."""

    @property
    def has_classic(self) -> bool:
        """True where a call can succeed that no chat model answers."""
        return self.status in ("open", "limited", "deprecated")

    @property
    def available(self) -> bool:
        """True where a call can succeed, by whichever method."""
        return self.has_classic or self.generative is not None

    @property
    def summary(self) -> str:
        """The status with its date, for a cell of a table: "deprecated, until 2028-01-31"; "-" where absent.

        What a chat model answers has "generative (needs NAME)", after the status of the classic service if there is
        one.
        """
        dates = [f"until {self.until}"] if self.until else [f"since {self.since}"] if self.since else []
        classic = [] if self.status == "absent" else [self.status, *dates]
        chat = [f"generative (needs {self.generative.needs.partition(':')[0]})"] if self.generative else []
        return ", ".join([*classic, *chat]) or "-"


@dataclass(frozen=True)
class Retirement:
    """One day on which a vendor takes a service away, or a part of it, as known on ``checked``.

    A service that ends in steps has one of these for each step.
    """

    service: str
    """The name of the service, as the vendor writes it."""
    date: str
    """The ISO date, in the past or announced."""
    what: str
    """What no longer works from that day on."""
    instead: str
    """What does the same today, or that nothing does."""
    page: str
    """The address of the vendor's page that says so."""
    checked: str
    """The ISO date on which this was last checked."""


def capability(status: Status = "open", **facts: Any) -> Callable[[F], F]:
    """Declare the decorated method as an operation, with what `Provider.capabilities` says of it.

    Args:
        status: The status of the operation; see `Capability`.
        facts: Further fields of `Capability`.
    """

    def declare(method: F) -> F:
        # The declaration belongs to the function and not to the class, so that a subclass that overrides an operation
        # has to say anew what it can do.
        method.__capability__ = Capability(method.__name__, status, **facts)  # type: ignore[attr-defined]
        return method

    return declare


def cached_per_call(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method that looks settings up, so that a call carries it out once; see `Provider.for_call`.

    The arguments have to be hashable. An error is not kept, so the next look-up in the call raises it again.
    """

    @wraps(method)
    def cached(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = method, args, *kwargs.items()
        # No variable of this frame holds the cache: the method may raise, and a crash report shows variables.
        try:
            return self._call_cache[key]  # type: ignore[no-any-return]
        except AttributeError:  # this is the user's provider, and not one that `for_call` has made for a call
            return method(self, *args, **kwargs)
        except KeyError:
            pass
        # The steps of a call may run in several threads: the first value counts for all of them.
        return self._call_cache.setdefault(key, method(self, *args, **kwargs))  # type: ignore[no-any-return]

    return cached


def kept(method: Callable[[S, str], R]) -> Callable[[S, str], R]:
    """Decorate a method that depends on settings alone, so that its value is kept from call to call.

    It is carried out anew where the environment has changed, and once in each call for a setting that is one of
    `Provider.changing`. Its only argument is the name of a setting or of a service. An error is not kept.
    """

    @wraps(method)
    def looked_up(self: S, name: str, /) -> R:
        try:
            return (self._call_cache if name in self.changing else self._kept_cache)[method, name]  # type: ignore[no-any-return]
        except AttributeError:
            return method(self, name)
        except KeyError:
            pass
        value = method(self, name)
        (self._call_cache if name in self.changing else self._kept_cache)[method, name] = value
        return value

    return looked_up


class Provider:
    """The base class of a provider: a vendor, or an engine of one's own.

    A subclass overrides the operations that it has, each as a flow, and declares them with `capability`. An
    operation that it does not override raises `UnsupportedOperationError`, to which a client adds the names of the
    providers that have it. Another distribution's class is found by an entry point of the group
    ``cloudai.providers``.

    The docstrings of the operations are those of the clients' methods, which tools/write_client_methods.py makes of
    them.
    """

    # The two caches are slots, because `for_call` gives each call a provider with the same `__dict__`: an attribute in
    # it would be shared by all calls.
    __slots__ = ("__dict__", "__weakref__", "_call_cache", "_kept_cache")

    name: ClassVar[str]
    # This number rises with a change that a provider of another distribution has to follow: `require_contract` then
    # refuses the provider by its name, instead of letting it fail in the middle of a call.
    contract: ClassVar[int] = 2
    settings: ClassVar[tuple[Setting, ...]] = ()
    variables: ClassVar[tuple[str, ...]] = ()
    """Patterns of further variables that the vendor documents for its logins; ``--env-file`` may set them."""
    hosts: ClassVar[tuple[str, ...]] = ()
    """The hosts that data goes to; empty for an engine on this machine."""
    absent: ClassVar[Mapping[str, Capability]] = {}
    """Operations that the vendor does not offer, with the reason."""
    generative: ClassVar[Mapping[str, Capability]] = {}
    """Operations that the vendor's chat model answers; see `generated`."""
    retirements: ClassVar[tuple[Retirement, ...]] = ()
    """The services that the vendor has switched off or will end, also those that cloudai has no operation for."""
    changing: ClassVar[tuple[str, ...]] = ()
    """Names of settings that are looked for in places that may change at any time, such as a file."""
    request_id_headers: ClassVar[tuple[str, ...]] = ()
    """Headers of a reply that may have the vendor's identifier of the exchange; the first one counts."""

    _given: Mapping[str, Any] = {}  # replaced by each instance, never changed
    _call_cache: dict[Any, Any]
    """The settings that a call has looked up; only a provider that `for_call` returned has this."""
    _kept_cache: dict[Any, Any]
    """The values that the methods decorated with `kept` have returned, some of them in earlier calls."""

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
            features: What to look for; None looks for those of caption, tags and objects that the provider has
                (local: colours and faces).
            language: The language of captions and tags, BCP-47, where the provider translates them; of the names of
                colours at local, which are in English or Korean.
            max_results: The most tags, objects … of each feature; None takes the provider's largest number.
            missing: "error" refuses a feature that the provider lacks; "report" lists it in ``unsupported``.
            gender_neutral: True has captions say "person" for "man" and "woman", where the provider can.

        Raises:
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or a feature; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("analyze_image")

    def detect_faces(self, image: Image, *, landmarks: bool, attributes: Sequence[str], max_faces: int) -> Flow[Faces]:
        """Find the faces in a picture, largest first; no person is named.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            landmarks: True also gives the points of each face.
            attributes: What else to say of each face, from the provider's list ("emotions", "glasses" …).
                Expressions are guesses about appearance.
            max_faces: The most faces to return; ``truncated`` is true where there were as many.

        Raises:
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or an attribute; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
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
        """Guess how old the faces in a picture look, in years; an age is a guess about appearance, and no more.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            max_faces: The most faces to return; ``truncated`` is true where there were as many.

        Raises:
            UnsupportedOperationError: The provider gives no ages, or does so no longer; nothing was sent.
            InputError: The input is no picture, or cannot be made to fit; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("estimate_age")

    def read_text(self, image: Image, *, language: str | None, dense: bool | None) -> Flow[Text]:
        """Read the text in a picture, or on every page of a document.

        Pages, blocks, lines and words come in reading order. Positions are in pixels of the upright original, and in
        inches in a PDF. A document is sent whole, with its metadata, and the vendor counts each page as one unit.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array; also a PDF, or a TIFF of several pages, where
                the provider reads them.
            language: A hint which language the text is in, BCP-47.
            dense: True is for documents, False for signs and labels; None lets the provider choose.

        Raises:
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            InputError: The input is no picture and no document, or cannot be made to fit; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("read_text")

    def sentiment(
        self, text: str, *, language: str | None, targets: Sequence[str], long: Literal["split", "refuse"]
    ) -> Flow[Sentiment]:
        """Say whether a text is positive or negative, as a whole and by sentence.

        Args:
            text: The text; an empty one is refused.
            language: The language of the text, BCP-47; None lets the provider detect it. At Azure that is a second
                request, which is billed too.
            targets: Words in the text; the feeling towards each is given too. Only Watson takes them. Azure finds the
                things that are judged, and the words that judge them, by itself: ``opinions`` of the sentences.
            long: What becomes of a text that is longer than Azure takes: "split" sends it in parts, cut at the ends of
                sentences, and ``combined`` of the result says how their values were put together; "refuse" raises
                InputError. The other providers refuse a text that is too long for them.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation, the language or targets; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        self._refuse("sentiment")

    def detect_language(self, text: str) -> Flow[Language]:
        """Say which language a text is written in; ``code`` is "und" where the provider cannot tell.

        Args:
            text: The text; an empty one is refused. Of a text that is longer than the provider takes only the beginning
                is looked at, which ``meta.prepared`` says.

        Raises:
            InputError: The text is empty; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("detect_language")

    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Say what a text is about, in phrases.

        Args:
            text: The text; an empty one is refused.
            language: The language of the text, BCP-47; None lets the provider detect it. At Azure that is a second
                request, which is billed too.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or the language; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        self._refuse("key_phrases")

    def translate(self, text: str, *, to: str | Sequence[str], source: str | None, html: bool) -> Flow[Translation]:
        """Translate a text into one or several languages.

        A text that is longer than the provider takes is sent in parts, cut at the ends of sentences, and its
        translation is joined. White space between the parts stays as it is.

        Args:
            text: The text; an empty one is refused.
            to: The language to translate into, BCP-47, or a list of several. Azure takes several in one request, Google
                needs a request for each.
            source: The language of the text, BCP-47; None lets the provider detect it.
            html: True says that the text is HTML: its words are translated, and its tags stay as they are. Such a text
                is not sent in parts. Azure asks for whole elements.

        Raises:
            InputError: The text is empty, or it is HTML that is longer than the provider takes; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation, or takes no HTML; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example a language.
        """
        self._refuse("translate")

    def dictionary(self, text: str, *, source: str, to: str, examples: bool) -> Flow[Dictionary]:
        """Look up a word or a short phrase in a dictionary of two languages.

        Args:
            text: The word, of at most 100 characters.
            source: The language of the word, BCP-47.
            to: The other language, BCP-47. One of the two has to be English.
            examples: True also gives sentences that use the word, for the first ten meanings; that is a second request,
                which is billed too.

        Raises:
            InputError: The word is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider has no dictionary; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused, for example the two languages.
        """
        self._refuse("dictionary")

    def speech_to_text(
        self,
        audio: Audio,
        *,
        language: str,
        words: bool,
        speakers: int | None,
        channels: Literal["mix", "each"] | None,
        phrases: Sequence[str],
        profanity: Literal["keep", "mask", "remove"],
    ) -> Flow[Transcript]:
        """Write down what is said in a recording of any length.

        A recording that is too long for one request is cut in its pauses, which needs the extra ``audio``. The pieces
        go out at the same time, and the times count from the beginning of the whole. The text has the punctuation of
        the vendor.

        Args:
            audio: Path, ``gs://`` address, bytes or open file: WAV, FLAC, MP3 or OGG; with the extra ``audio`` also
                M4A, WebM, AIFF, AMR, the sound of a video, and whatever else FFmpeg reads.
            language: The language that is spoken, BCP-47.
            words: True also gives the time of each word, in seconds.
            speakers: How many speakers to tell apart; None tells none apart.
            channels: What becomes of several channels: "mix" mixes them into one, "each" writes down each, with its
                number at every word. None is what the vendor does by itself, if that loses nothing: Azure and Watson
                mix, Google writes down each. ``meta.channels`` says what was done.
            phrases: Names and terms that are likely to be said, so that they are heard right; not every provider takes
                them.
            profanity: What becomes of swear words: "keep" writes them down as they are spoken, "mask" puts asterisks
                in their place, "remove" leaves them out. Azure does all three, and Google and Watson mask them, Watson
                in English of the USA and in Japanese alone.

        Raises:
            InputError: The input is no audio, is too long for the provider, or needs the extra ``audio``; nothing was
                sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("speech_to_text")

    def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None,
        language: str | None,
        format: Literal["wav", "mp3", "ogg"],  # noqa: A002  # the field's word
        speed: float,
    ) -> Flow[Speech]:
        """Read a text aloud. A long text is spoken in parts, cut at sentences, which are joined to one file.

        Args:
            text: The text; an empty one is refused.
            voice: The provider's name of a voice; None takes its usual voice for the language.
            language: The language of the text, BCP-47; None takes that of the voice, or the one that the letters show.
            format: The format of the audio: "wav", "mp3" or "ogg" (Opus). A long text, and one that is spoken on this
                machine, needs the extra ``audio`` for the last two.
            speed: How fast to speak: 1 is the usual speed, 2 twice as fast.

        Raises:
            InputError: The text is empty; nothing was sent.
            MissingExtraError: Converting to the format needs the extra ``audio``.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            SettingsError: A key is missing, or an option has an unknown value; nothing was sent.
            ServiceError: The service refused.
        """
        self._refuse("text_to_speech")

    def voices(self, language: str | None) -> Flow[Voices]:
        """List the voices that `text_to_speech` can be given; a provider that speaks overrides this.

        It is no operation of the table: there is no input of which a batch could have many, and nothing is billed. Its
        requests have ``billed=0``.

        Args:
            language: The language that they are to speak, BCP-47; None lists all of them.
        """
        if not self._capability("text_to_speech").available:
            self._refuse("text_to_speech")
        raise UnsupportedOperationError(
            f"{self.name} does not list its voices", advice="See the documentation of the provider for their names."
        )

    def features(self) -> tuple[Feature, ...]:
        """Return what `analyze_image` can look for with the settings at hand."""
        return ()

    def api_variant(self, operation: str) -> str:
        """Return a name for what the settings choose among several APIs or models, or "" if they choose nothing.

        A call that is paid for is recognized by it too, because the answers differ.
        """
        return ""

    def cache_scope(self, operation: str) -> dict[str, str]:
        """Return the settings that decide which service answers: an endpoint, a region, a project.

        A batch's cache reuses no answer that came with other settings. Override this where the constructor takes more
        that changes answers, for example a model.
        """
        return {s.name: lookup.value for s in self.settings if not s.secret and (lookup := self.lookup(s.name))}

    def method_of(self, operation: str, method: Method | None) -> Method:
        """Return what answers a call: a classic service of the vendor, or its chat model.

        The settings of the chat model make no difference, so that an answer that was paid for is found without them.

        Args:
            operation: The operation.
            method: The method that the caller asks for; None takes the chat model only where there is no classic
                service.

        Raises:
            UnsupportedOperationError: The vendor has no chat model that answers the operation.
        """
        if method != "generative":
            return "classic"  # this class has no chat model; those that have one override this method
        able = [name for name in self.generative if name in OPERATIONS]
        error = UnsupportedOperationError(
            f"no chat model answers {operation} here",
            advice=f"It answers: {', '.join(able)}." if able else "azure, google and watson have one.",
        )
        error.provider, error.operation = self.name, operation
        raise error

    def generated(
        self,
        operation: str,
        given: Any,
        options: Mapping[str, Any],
        method: Method | None,
    ) -> Flow[Any]:
        """Return the flow by which the chat model carries out an operation that `method_of` says it answers.

        Args:
            operation: The operation.
            given: The input.
            options: All options of the operation.
            method: The method that the caller asks for.
        """
        self._refuse(operation)

    def generative_variant(self, operation: str) -> str:
        """Return the model and the version of the prompt that answer an operation: see `api_variant`."""
        return ""

    def generative_missing(self) -> str | None:
        """Return what the chat model lacks to be asked by ``method="generative"``; None where it lacks nothing."""
        return "no chat model is known here."

    def generative_notice(self) -> str | None:
        """Return what is to be known of the chat model that is set, such as its end; None where there is nothing."""
        return None

    def generative_requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many billed requests one input takes with the chat model, for the plan of a batch."""
        return 1

    def generative_hosts(self, operation: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the hosts that an input goes to with the chat model, for the plan of a batch."""
        return ()

    def generative_parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent to the chat model, for the plan of a batch."""
        return (text,)

    def generative_features(self) -> tuple[Feature, ...]:
        """Return what `analyze_image` can look for with the chat model."""
        return ()

    def requests(self, operation: str, options: Mapping[str, Any]) -> int:
        """Return how many billed requests one input takes, for the plan of a batch."""
        return 1

    def parts(self, operation: str, text: str, options: Mapping[str, Any]) -> Sequence[str]:
        """Return the parts in which a text is sent: the text as it is, where the provider never divides one.

        Each part takes as many requests as `requests` says.
        """
        return (text,)

    def max_per_request(self, operation: str) -> int:
        """Return how many inputs of a batch go into one request of this operation at most; see `Request.merge`."""
        return 1

    def pages_per_request(self, operation: str) -> int:
        """Return how many pages of a document go into one request, or 0 where a document is sent whole.

        The plan of a batch counts with it. Each page is one unit.
        """
        return 0

    def for_call(self, *, offline: bool = False) -> Self:
        """Return this provider for the length of one call, with each setting looked up at most once.

        A setting is looked up when the call first needs it, and the next call looks it up anew, unless nothing can have
        changed. The attributes are shared, so that what a call keeps on ``self`` is there for the next one; a subclass
        must have no ``__slots__``.

        Args:
            offline: Whether nothing is sent in the call, so that no setting has to be there.
        """
        # Neither the constructor nor `copy` may run: they would check the settings again, or refuse to copy a key.
        provider = object.__new__(type(self))
        object.__setattr__(provider, "__dict__", self.__dict__)  # it may be a frozen dataclass
        object.__setattr__(provider, "_call_cache", {OFFLINE: offline})
        object.__setattr__(provider, "_kept_cache", self._lookups())
        return provider

    def _lookups(self) -> dict[Any, Any]:
        """Return the dict in which the look-ups of this and of earlier calls are kept.

        It is empty if the environment has changed since the last call, or if a subclass has other sources than code and
        the environment, whose changes nobody would notice.
        """
        # `os.environ` decodes every variable that is asked for. What it is a view of is compared in a microsecond.
        environ = getattr(os.environ, "_data", None)
        if environ is None or type(self).sources is not Provider.sources:
            return {}
        known: tuple[object, dict[Any, Any]] = vars(self).get("_known", (None, {}))
        if known[0] != environ:
            # The environment and its dict are put in place as one tuple, so that no other thread sees the one without
            # the other.
            known = vars(self)["_known"] = dict(environ), {}
        return known[1]

    def token(self, service: str) -> Flow[Token] | None:
        """Return the flow that fetches a token for a service, or None where a key serves it.

        The flow runs once for all calls that wait for the token.
        """
        return None

    def login(self, service: str) -> str:
        """Return the name of the login that a service has; services of one login share its token."""
        return ""

    def sign(self, request: Request, token: Token | None) -> Request:
        """Return the request with its credentials.

        Raises:
            SettingsError: A subclass needs credentials, and there are none.
        """
        if token is None:
            return request
        return with_headers(request, {"Authorization": f"Bearer {token.value}", **token.headers})

    def setting(self, name: str) -> str | None:
        """Return the value of a setting, or None where it is not set; see `lookup`."""
        lookup = self.lookup(name)
        return lookup.value if lookup else None

    def file(self, name: str) -> str | None:
        """Return the path that a setting of the kind "file" names, or None where it is not set.

        Raises:
            SettingsError: Nothing is there; the error does not show the path, for it may be a key put in its place.
        """
        lookup = self.lookup(name)
        if lookup and not is_file(lookup.value):
            raise SettingsError(f"{self._named(name, lookup)} names no file that is there", advice="Check the path.")
        return lookup.value if lookup else None

    @kept
    def lookup(self, name: str) -> Lookup | None:
        """Return a setting and where it comes from, or None where it is not set.

        A value given to the constructor comes first, then the first variable of `sources` that is set. Its kind
        (`Setting.kind`) decides which values are accepted.

        Raises:
            SettingsError: The value is not what the setting asks for; the error names the setting, and not its value.
        """
        lookup = self.unchecked(name)
        # A value that was found before, in this call or an earlier one, need not be checked again.
        seen: dict[str, tuple[Lookup | None, Lookup | None]] = vars(self).setdefault("_seen", {})
        if name not in seen or seen[name][0] != lookup:
            setting = self._declared(name)
            checked = usable(setting, lookup, self._named(name, lookup)) if lookup and setting else lookup
            seen[name] = lookup, checked
        return seen[name][1]

    def unchecked(self, name: str) -> Lookup | None:
        """Return a setting as it was found, before its value is checked, or None where it is not set."""
        return self._found_in_code(name) or self._looked_up_outside(name)

    def _found_in_code(self, name: str) -> Lookup | None:
        """Return a setting that was given to the constructor, as it was given, or None."""
        # No variable of this frame holds the value: `Lookup` does not show what it holds.
        return given_lookup(self._given[name], name=name) if self._given.get(name) is not None else None

    def _named(self, name: str, lookup: Lookup) -> str:
        """Return how an error names a setting: by the variable it comes from, or by the argument."""
        named = self._argument(lookup.name or name) if lookup.where == GIVEN else lookup.where
        return f"{named} (without the quotation marks around it)" if lookup.quoted else named

    def _argument(self, name: str) -> str:
        """Return the argument of the constructor that gives a setting, as an error names it."""
        return f"{name}="

    def host_setting(self, service: str) -> str | None:
        """Return how an error names the setting that says where a service is, or None where no setting does."""
        return None

    def _declared(self, name: str) -> Setting | None:
        """Return the setting of this name that the class declares, or None if it declares none."""
        return next((setting for setting in self.settings if setting.name == name), None)

    @kept
    def _looked_up_outside(self, name: str) -> Lookup | None:
        """Return what `lookup_outside` returns, asking it once in a call, whichever class overrides it."""
        return self.lookup_outside(name)

    def lookup_outside(self, name: str) -> Lookup | None:
        """Return a setting that was not given to the constructor, or None where it is not set."""
        setting = next(s for s in self.settings if s.name == name)
        # No variable of this frame holds a source: the next one may raise, and a crash report shows variables.
        return next(filter(None, map(partial(lookup_in, setting), self.sources())), None)

    def sources(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the sources of settings in the order in which they are asked, each with a text that says where it is.

        `Lookup.where` has that text behind the variable's name. The base class yields only the environment, without a
        text; a subclass may yield others after it, for example a file.
        """
        yield "", os.environ

    def destinations(self) -> tuple[str, ...]:
        """Return the hosts that data goes to with the settings at hand; empty for an engine on this machine."""
        return self.hosts

    def account(self) -> str | None:
        """Return a digest of the keys and logins at hand, or None where there are none.

        Clients of one account share its pace, and the gate that a 429 closes.
        """
        keys = [*self.secrets(), *self.identities()]
        return sha256("\n".join([self.name, *keys]).encode()).hexdigest() if keys else None

    def secrets(self) -> list[str]:
        """Return the values of the secret settings at hand, which no error, log or result may repeat.

        A value that looks like a key is one, even where an address is expected.
        """
        suspects = [setting for setting in self.settings if setting.secret or setting.kind == "address"]
        # A value is not checked here: one that cannot be used may be a key all the same.
        lookups = [(setting, lookup) for setting in suspects if (lookup := self.unchecked(setting.name))]
        return [lookup.value for setting, lookup in lookups if setting.secret or looks_like_key(lookup.value)]

    def identities(self) -> list[str]:
        """Return texts that tell the logins at hand from others, as far as that is known before they are used.

        They may hold keys, and are only made into the digest of `account`.
        """
        return []

    def __repr__(self) -> str:
        given = {name: self._shown(name, value) for name, value in self._given.items() if value is not None}
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in given.items())})"

    def _shown(self, name: str, value: Any) -> str:
        """Return a value that was given in code as ``repr`` may show it."""
        setting = self._declared(name)
        if setting is None or not isinstance(value, str | os.PathLike):
            # Where no setting says what a value is, a text, a list or a mapping may hold a key; a number and a truth
            # value do not.
            return "'…'" if isinstance(value, Collection) else repr(value)
        return "'…'" if setting.secret else repr(shown(setting, str(value)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the class alone, so that another process looks the settings up in its own environment.

        Raises:
            TypeError: Settings were given in code, and a key must not be written into a pickle.
        """
        if any(value is not None for value in self._given.values()):
            raise TypeError(
                f"{type(self).__name__} with explicit settings does not pickle: a key must not leave this process. "
                "Keep the settings in the environment, and it pickles by name."
            )
        return type(self), ()

    def fault(self, response: Response) -> Fault:
        """Return what an error reply says; a subclass overrides this to read the vendor's own shape."""
        return Fault(message=readable(response))

    def error(self, response: Response) -> ServiceError:
        """Return the error that a reply stands for whose status is not 200, 201 or 202."""
        fault = self.fault(response)
        return self.error_from(fault, response.status, hint_from_headers(response.headers))

    def error_from(self, fault: Fault, status: int, header_hint: float | None = None) -> ServiceError:
        """Return the error for a fault, by the vendor's code where that says more than the HTTP status.

        Args:
            fault: What the reply says.
            status: The HTTP status.
            header_hint: Seconds to wait by the reply's headers, if its body says none.
        """
        kind = fault.kind or error_class(status)
        # A hint of 0 seconds is one, too: "call again at once". With `or` the header's would take its place.
        hint = header_hint if fault.retry_after is None else fault.retry_after
        advice = fault.advice or ADVICE.get(kind)
        if issubclass(kind, AuthError | ForbiddenError):
            advice = " ".join(filter(None, [advice, *self._left_out()]))
        error = kind(
            one_line(fault.message)[:LONGEST_MESSAGE] or f"HTTP {status}",
            advice=advice or None,
            status=status,
            code=fault.code,
            retry_after=hint,
        )
        if isinstance(error, RateLimitedError):
            error.quota = fault.quota
        if isinstance(error, BadRequestError):
            error.gone = fault.gone or status == 410  # noqa: PLR2004
        return error

    def _left_out(self) -> Iterator[str]:
        """Yield a sentence for each secret that was found in quotation marks: the user may doubt what was sent."""
        for setting in self.settings:
            if setting.secret and (lookup := self.unchecked(setting.name)) and lookup.quoted:
                where = self._argument(lookup.name) if lookup.where == GIVEN else lookup.where
                yield f"The quotation marks around {where} were left out."

    def request_id(self, response: Response) -> str | None:
        """Return the vendor's identifier of an exchange, which its support asks for, or None."""
        for name in self.request_id_headers:
            if name in response.headers:
                return response.headers[name]
        return None

    @classmethod
    def capabilities(cls) -> dict[str, Capability]:
        """Return the `Capability` of every operation by its name, also of those that this provider does not have."""
        return {operation: cls._capability(operation) for operation in OPERATIONS}

    @classmethod
    def _capability(cls, operation: str) -> Capability:
        """Return what this provider can do of one operation."""
        declared: Capability | None = getattr(getattr(cls, operation), "__capability__", None)
        classic = declared or cls.absent.get(operation) or Capability(operation, "absent", "not in cloudai yet")
        chat = cls.generative.get(operation)
        return replace(classic, generative=chat) if chat else classic

    def missing(self, operation: str | None = None) -> str | None:
        """Return what is missing and what to do about it, for example a key; None where nothing is.

        Args:
            operation: The operation that is to be called; None asks for what most calls need.
        """
        return None

    def guide(self) -> str:
        """Return what else ``cloudai providers NAME`` says of this provider, on this computer; "" for nothing."""
        return ""

    @classmethod
    def units(cls, operation: str, text: str) -> int:
        """Return how many units the vendor counts for a text that is sent once for an operation."""
        declared: Capability | None = getattr(getattr(cls, operation), "__capability__", None)
        size = declared.unit_size if declared else 0
        return max(1, -(-len(text) // size)) if size else 1

    def supports(self, operation: str) -> bool:
        """Return whether a call of this operation can succeed with the settings at hand.

        Raises:
            SettingsError: There is no such operation; the text suggests one.
        """
        operation_named(operation)
        return self._capability(operation).available and self.missing(operation) is None

    def _refuse(self, operation: str) -> NoReturn:
        """Raise UnsupportedOperationError for an operation that this provider does not have."""
        note = self._capability(operation).note
        error = UnsupportedOperationError(f"{operation} is not available{f': {note}' if note else ''}")
        error.provider, error.operation = self.name, operation
        raise error


def with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    """Return the request with these headers, which replace any of the same names."""
    return request.altered(headers={**request.headers, **headers})


def refuse_targets(targets: Sequence[str], advice: str) -> None:
    """Raise UnsupportedOperationError if a caller names words to be judged, which the provider does not take."""
    if targets:
        raise UnsupportedOperationError("no targets can be named here", advice=advice)


def require_known(given: Sequence[str], known: Sequence[str], what: str) -> None:
    """Raise SettingsError if a word is not known; the text lists the words that are.

    Args:
        given: The words of an option.
        known: All words that the option may have.
        what: What a word stands for, for the error: "feature".
    """
    unknown = [word for word in given if word not in known]
    if unknown:
        raise SettingsError(f"unknown {what} {', '.join(map(repr, unknown))}", advice=f"Known: {', '.join(known)}.")
