"""`Provider` is the contract of every provider: its operations, what they cost, who signs a request, and its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

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
from cloudai.providers.capability import Capability, Retirement, capability
from cloudai.providers.configured import OFFLINE, Configured, cached_per_call, kept
from cloudai.providers.replies import ADVICE, LONGEST_MESSAGE, Fault, error_class, one_line, readable

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

Method = Literal["classic", "generative"]
"""The kind of service that answers a call: a classic service of the vendor, or its chat model."""


class Provider(Configured):
    """The base class of a provider: a vendor, or an engine of one's own.

    A subclass overrides the operations that it has, each as a flow, and declares them with `capability`. An
    operation that it does not override raises `UnsupportedOperationError`, to which a client adds the names of the
    providers that have it. Another distribution's class is found by an entry point of the group
    ``cloudai.providers``.

    The docstrings of the operations are those of the clients' methods, which tools/write_client_methods.py makes of
    them.
    """

    # This number rises with a change that a provider of another distribution has to follow: `require_contract` then
    # refuses the provider by its name, instead of letting it fail in the middle of a call.
    contract: ClassVar[int] = 2
    hosts: ClassVar[tuple[str, ...]] = ()
    """The hosts that data goes to; empty for an engine on this machine."""
    absent: ClassVar[Mapping[str, Capability]] = {}
    """Operations that the vendor does not offer, with the reason."""
    generative: ClassVar[Mapping[str, Capability]] = {}
    """Operations that the vendor's chat model answers; see `generated`."""
    retirements: ClassVar[tuple[Retirement, ...]] = ()
    """The services that the vendor has switched off or will end, also those that cloudai has no operation for."""
    request_id_headers: ClassVar[tuple[str, ...]] = ()
    """Headers of a reply that may have the vendor's identifier of the exchange; the first one counts."""

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
            text: The text; an empty one is refused. If it is longer than the provider takes, only its beginning is
                looked at, which ``meta.prepared`` says.

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
        go out at the same time; on this machine they are heard one after the other. The times count from the beginning
        of the whole. The text has the punctuation of the vendor.

        Args:
            audio: Path, address (``gs://`` at Google, ``https://`` at Azure), bytes or open file: WAV, FLAC, MP3 or
                OGG; with the extra ``audio`` also M4A, WebM, AIFF, AMR, the sound of a video, and whatever else FFmpeg
                reads.
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
            InputError: The text is empty, or nothing in it can be spoken; nothing was sent.
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

        Raises:
            UnsupportedOperationError: The provider does not speak, or does not list its voices.
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

        Raises:
            UnsupportedOperationError: The provider has no chat model; this class has none.
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

    def host_setting(self, service: str) -> str | None:
        """Return how an error names the setting that says where a service is, or None where no setting does."""
        return None

    def destinations(self) -> tuple[str, ...]:
        """Return the hosts that data goes to with the settings at hand; empty for an engine on this machine."""
        return self.hosts

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
