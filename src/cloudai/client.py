"""`Client` and `AsyncClient`: what the SDK can do, one statement an operation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self, TypedDict, TypeVar

from typing_extensions import Unpack

from cloudai._fetcher import AsyncFetcher, Fetcher
from cloudai._http import AsyncNetwork, Network, Verify
from cloudai.batch.clients import AsyncBatching, Batching
from cloudai.bridges import bridge
from cloudai.drivers import Awaiting, Blocking
from cloudai.engine import Engine, Event, Job
from cloudai.errors import ReplayError, SettingsError
from cloudai.fetch import FetchRules
from cloudai.flow import Flow, Request, Response
from cloudai.media import Audio, AudioInput, Image, ImageInput
from cloudai.models.base import Result
from cloudai.models.face import Ages, Faces
from cloudai.models.image import Feature, ImageAnalysis, Text
from cloudai.models.speech import Speech, Transcript
from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation
from cloudai.operations import digest_of, require_seconds, require_text
from cloudai.provider import OPERATIONS, Provider, find

__all__ = ["AsyncClient", "CallOptions", "Client"]

R = TypeVar("R", bound=Result)
C = TypeVar("C")

TIMEOUTS: Mapping[str, float] = {"speech_to_text": 600.0, "text_to_speech": 120.0}
"""Seconds for a whole call, waits and retries included, where it is not a minute."""
TIMEOUT = 60.0
NETWORK = ("send", "http_client", "proxy", "verify", "allow_http", "offline")
"""Options that say how requests go out."""


class CallOptions(TypedDict, total=False):
    """What every call takes beside its own options."""

    timeout: float
    """Seconds for the whole call, waits and retries included."""
    extra: Mapping[str, Any]
    """Merged deep into the JSON body of the first billed request: what cloudai has no name for."""
    extra_params: Mapping[str, str]
    extra_headers: Mapping[str, str]


class _Client:
    """What both clients share: their options, and the book of a call.

    Args:
        provider: "google", "local" … (settings come from the environment, looked up at the first send),
            or a configured provider such as ``cloudai.Google(api_key=...)``.
        send: A callable from `Request` to `Response` in place of the network: a cassette, your own script.
        http_client: Your own httpx or httpx2 client, with its proxies and certificates.
        timeout: Seconds for a whole call, waits and retries included; by default 60, speech 600.
        max_attempts: Attempts of one request, the first included, where the service did not begin.
        on_unknown: Where an attempt may have been carried out without us learning of it (a connection that
            broke, a 500): "retry" tries once more, which may be billed twice; "raise" does not.
        max_concurrency: Requests in flight at once.
        proxy: Address of a proxy; by default as the environment says (``HTTPS_PROXY``).
        verify: Path of a CA file, or an ``ssl.SSLContext``, in place of the usual certificates.
        allow_http: Accept plain http beyond the loopback.
        fetch_urls: Fetch inputs that are ``https://`` or ``http://`` addresses here, and send what is there, instead of
            passing the address on to a vendor that fetches it. Only from the public internet, without any key,
            50 MB and 30 s at most; `FetchRules` changes that.
        on_event: Called with every attempt, reply, wait and result, as an `Event`.
        offline: Send nothing and look up no key: answers come from ``send`` (a cassette) alone.
        clock: Monotonic seconds, for tests.
        sleep: Waits seconds, for tests.
    """

    def __init__(
        self,
        provider: str | Provider,
        *,
        send: Callable[[Request], Any] | None = None,
        http_client: Any = None,
        timeout: float | None = None,
        max_attempts: int = 3,
        max_concurrency: int = 32,
        proxy: str | None = None,
        verify: Verify = True,
        allow_http: bool = False,
        fetch_urls: bool | FetchRules = False,
        on_event: Callable[[Event], None] | None = None,
        offline: bool = False,
        on_unknown: Literal["retry", "raise"] = "retry",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        if send is not None and http_client is not None:
            raise SettingsError("send= and http_client= exclude each other", advice="Give the one that is to be used.")
        if max_attempts < 1 or max_concurrency < 1:
            raise SettingsError("max_attempts and max_concurrency are at least 1")
        require_seconds(timeout)
        self.provider = find(provider)() if isinstance(provider, str) else provider
        self._options: dict[str, Any] = {
            "send": send,
            "http_client": http_client,
            "timeout": timeout,
            "max_attempts": max_attempts,
            "max_concurrency": max_concurrency,
            "proxy": proxy,
            "verify": verify,
            "allow_http": allow_http,
            "fetch_urls": fetch_urls,
            "on_event": on_event,
            "offline": offline,
            "on_unknown": on_unknown,
            "clock": clock,
            "sleep": sleep,
        }
        self._engine = Engine(
            self.provider,
            max_attempts=max_attempts,
            clock=clock,
            on_event=on_event,
            offline=offline,
            on_unknown=on_unknown,
            fetching=FetchRules() if fetch_urls is True else fetch_urls or None,
        )
        self._connect(**self._options)

    def _connect(self, *, send: Any, http_client: Any, offline: bool, **options: Any) -> None:
        """Make the driver, over the network unless ``send`` stands in for it."""
        raise NotImplementedError

    _driver: Any
    """`Blocking` or `Awaiting`."""
    _awaiting: ClassVar[bool]

    @classmethod
    def from_vendor(cls, client: Any, **options: Any) -> Self:
        """A client that sends through a vendor's own, with its credentials, endpoint, proxies and certificates.

        Retries, waits and the deadline are cloudai's; the vendor's client stays yours to close. See docs/bridges.md.

        Args:
            client: An ``ImageAnnotatorClient`` (google-cloud-vision), a ``ComputerVisionClient``, a client built on
                azure-core (Image Analysis, Face, Text Analytics), or a service of ibm-watson (Natural Language
                Understanding, Speech to Text). `AsyncClient` also takes the awaiting ones, and runs others in threads.
            options: As of the constructor, but for what the vendor's client decides.

        Raises:
            SettingsError: Another kind of client (the text lists those there are), or an option it decides.
        """
        if theirs := [name for name in options if name in NETWORK]:
            raise SettingsError(f"{', '.join(theirs)} has no effect here", advice="Set it on the vendor's client.")
        provider, send = bridge(client, awaiting=cls._awaiting)
        return cls(provider, send=send, **options)

    def supports(self, operation: str) -> bool:
        """Whether a call of this operation can succeed with the settings at hand."""
        return self.provider.supports(operation)

    def with_options(self, **options: Any) -> Self:
        """A client like this one with other options; see the constructor."""
        unknown = options.keys() - self._options.keys()
        if unknown:
            raise SettingsError(
                f"unknown option {', '.join(sorted(unknown))}", advice=f"Known: {', '.join(self._options)}."
            )
        return type(self)(self.provider, **{**self._options, **options})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.provider!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if "@" in (self._options["proxy"] or ""):
            raise TypeError("a client with a proxy's password does not pickle: set HTTPS_PROXY where it arrives")
        return _unpickled, (type(self), self.provider, self._options)

    def _job(self, operation: str, given: Image | Audio | str, options: CallOptions) -> Job:
        usual = TIMEOUTS.get(operation, TIMEOUT) if self._options["timeout"] is None else self._options["timeout"]
        given_seconds = options.get("timeout")
        require_seconds(given_seconds)
        seconds = usual if given_seconds is None else given_seconds
        return Job(
            operation,
            partial(_described, given),
            deadline=self._options["clock"]() + seconds,
            extra=options.get("extra"),
            extra_params=options.get("extra_params"),
            extra_headers=options.get("extra_headers"),
            prepared=(dict if isinstance(given, str) else given.facts),
        )


def _unpickled(kind: type[C], provider: Provider, options: dict[str, Any]) -> C:
    return kind(provider, **options)  # type: ignore[call-arg]


def _described(given: Image | Audio | str) -> dict[str, Any]:
    """What `Meta` says of an input before it is read; of a text only its digest, never its words."""
    if not isinstance(given, str):
        return {"input": given.name}
    digest = digest_of(given)
    return {"input": f"text-{digest[:8]}", "sha256": digest}


def _offline(request: Request) -> Response:
    raise ReplayError(
        f"offline, and no cassette holds {request.method} {request.url}",
        advice="Give send= a cassette that does, or leave out offline=True.",
    )


class Client(Batching, _Client):
    """Calls one provider, blocking.

    Example:
        >>> with Client("local") as client:
        ...     client.supports("detect_faces")
        True
    """

    _awaiting = False

    def analyze_image(
        self,
        image: ImageInput,
        *,
        features: Sequence[Feature] | None = None,
        language: str | None = None,
        max_results: int | None = None,
        missing: Literal["error", "report"] = "error",
        gender_neutral: bool = False,
        **options: Unpack[CallOptions],
    ) -> ImageAnalysis:
        """Say what is in a picture.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            features: What to look for; None is what the provider has of caption, tags and objects
                (local: colours and faces).
            language: Of captions and tags, BCP-47, where the provider translates them.
            max_results: Most tags, objects … of each feature; None is the provider's largest.
            missing: "error" refuses a feature the provider lacks; "report" lists it in ``unsupported``.
            gender_neutral: Captions say "person" for "man" and "woman", where the provider can.
            options: `CallOptions`.

        Raises:
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or a feature; nothing was sent.
            ServiceError: The service refused.
        """
        given = Image(image)
        flow = self.provider.analyze_image(
            given,
            features=features,
            language=language,
            max_results=max_results,
            missing=missing,
            gender_neutral=gender_neutral,
        )
        return self._run("analyze_image", given, flow, options)

    def detect_faces(
        self,
        image: ImageInput,
        *,
        landmarks: bool = False,
        attributes: Sequence[str] = (),
        max_faces: int = 100,
        **options: Unpack[CallOptions],
    ) -> Faces:
        """Find the faces in a picture, largest first; nobody is named.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            landmarks: Also give the points of each face.
            attributes: What else to say of each face, of the provider's list ("emotions", "glasses" …).
                Expressions are guesses about appearance.
            max_faces: Most faces; ``truncated`` says when there were as many.
            options: `CallOptions`.

        Raises:
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or an attribute; nothing was sent.
            ServiceError: The service refused.

        Example:
            >>> from skimage.data import astronaut
            >>> faces = Client("local").detect_faces(astronaut())
            >>> len(faces)
            1
        """
        given = Image(image)
        flow = self.provider.detect_faces(given, landmarks=landmarks, attributes=attributes, max_faces=max_faces)
        return self._run("detect_faces", given, flow, options)

    def estimate_age(
        self,
        image: ImageInput,
        *,
        max_faces: int = 100,
        **options: Unpack[CallOptions],
    ) -> Ages:
        """Guess how old the faces in a picture look, in years; a guess about appearance, no more.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            max_faces: Most faces; ``truncated`` says when there were as many.
            options: `CallOptions`.

        Raises:
            UnsupportedOperationError: The provider has no age, or no longer; nothing was sent.
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            ServiceError: The service refused.
        """
        given = Image(image)
        flow = self.provider.estimate_age(given, max_faces=max_faces)
        return self._run("estimate_age", given, flow, options)

    def read_text(
        self,
        image: ImageInput,
        *,
        language: str | None = None,
        dense: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Text:
        """Read the text in a picture.

        Args:
            image: Path, URL, bytes, open file, PIL image or numpy array.
            language: A hint, BCP-47.
            dense: True for documents, False for signs and labels, None as the provider thinks best.
            options: `CallOptions`.

        Raises:
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            InputError: Not a picture, or it cannot be made to fit; nothing was sent.
            ServiceError: The service refused.
        """
        given = Image(image)
        flow = self.provider.read_text(given, language=language, dense=dense)
        return self._run("read_text", given, flow, options)

    def sentiment(
        self,
        text: str,
        *,
        language: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Sentiment:
        """Say whether a text is positive or negative, as a whole and by sentence.

        Args:
            text: The text; an empty one is refused.
            language: BCP-47; None lets the provider detect it.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation or the language; nothing was sent.
            ServiceError: The service refused, for example the language.
        """
        given = require_text(text)
        flow = self.provider.sentiment(given, language=language)
        return self._run("sentiment", given, flow, options)

    def detect_language(
        self,
        text: str,
        **options: Unpack[CallOptions],
    ) -> Language:
        """Say which language a text is written in.

        Args:
            text: The text; an empty one is refused.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        given = require_text(text)
        flow = self.provider.detect_language(given)
        return self._run("detect_language", given, flow, options)

    def key_phrases(
        self,
        text: str,
        *,
        language: str | None = None,
        **options: Unpack[CallOptions],
    ) -> KeyPhrases:
        """Say what a text is about, in phrases.

        Args:
            text: The text; an empty one is refused.
            language: BCP-47; None lets the provider detect it.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        given = require_text(text)
        flow = self.provider.key_phrases(given, language=language)
        return self._run("key_phrases", given, flow, options)

    def translate(
        self,
        text: str,
        *,
        to: str,
        source: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Translation:
        """Translate a text.

        Args:
            text: The text; an empty one is refused.
            to: The language wanted, BCP-47.
            source: The language it is in; None lets the provider detect it.
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        given = require_text(text)
        flow = self.provider.translate(given, to=to, source=source)
        return self._run("translate", given, flow, options)

    def speech_to_text(
        self,
        audio: AudioInput,
        *,
        language: str,
        words: bool = True,
        speakers: int | None = None,
        **options: Unpack[CallOptions],
    ) -> Transcript:
        """Write down what is said in a recording.

        Args:
            audio: Path, ``gs://`` address, bytes or open file: WAV, FLAC, MP3 or OGG.
            language: The language spoken, BCP-47.
            words: Also give each word's time, in seconds.
            speakers: Tell this many speakers apart; None does not.
            options: `CallOptions`.

        Raises:
            InputError: Not audio, or too long for the provider; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        given = Audio(audio)
        flow = self.provider.speech_to_text(given, language=language, words=words, speakers=speakers)
        return self._run("speech_to_text", given, flow, options)

    def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None = None,
        language: str | None = None,
        format: str = "wav",  # noqa: A002  # the field's word
        **options: Unpack[CallOptions],
    ) -> Speech:
        """Read a text aloud.

        Args:
            text: The text; an empty one is refused.
            voice: The provider's name of a voice; None takes its usual one for the language.
            language: BCP-47.
            format: "wav", "mp3" or "ogg".
            options: `CallOptions`.

        Raises:
            InputError: The text is empty or too long; nothing was sent.
            UnsupportedOperationError: The provider lacks the operation; nothing was sent.
            ServiceError: The service refused.
        """
        given = require_text(text)
        flow = self.provider.text_to_speech(given, voice=voice, language=language, format=format)
        return self._run("text_to_speech", given, flow, options)

    def _connect(self, *, send: Any, http_client: Any, offline: bool, **options: Any) -> None:
        network = {name: options[name] for name in ("verify", "proxy", "allow_http", "max_concurrency")}
        self._network = None if send or offline else Network(http_client, **network)
        self._driver = Blocking(
            send or self._network or _offline,
            options["sleep"] or time.sleep,
            options["max_concurrency"],
            Fetcher(options["verify"]) if options["fetch_urls"] else None,
        )

    def _run(self, operation: str, given: Image | Audio | str, flow: Flow[R], options: CallOptions) -> R:
        result: R = self._driver.run(self._engine.run(flow, self._job(operation, given, options)))
        return result

    def close(self) -> None:
        """Close the connections."""
        if self._network:
            self._network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _documented(kind: type[C]) -> type[C]:
    """Give the awaiting client the blocking one's docstrings: they say the same."""
    for name in OPERATIONS:
        getattr(kind, name).__doc__ = getattr(Client, name).__doc__
    return kind


@_documented
class AsyncClient(AsyncBatching, _Client):
    """Calls one provider, awaiting; pictures are prepared in threads, so the event loop never waits for them.

    Example:
        async with AsyncClient("google") as client:
            faces = await client.detect_faces("team.jpg")
    """

    _awaiting = True

    async def analyze_image(
        self,
        image: ImageInput,
        *,
        features: Sequence[Feature] | None = None,
        language: str | None = None,
        max_results: int | None = None,
        missing: Literal["error", "report"] = "error",
        gender_neutral: bool = False,
        **options: Unpack[CallOptions],
    ) -> ImageAnalysis:
        given = Image(image)
        flow = self.provider.analyze_image(
            given,
            features=features,
            language=language,
            max_results=max_results,
            missing=missing,
            gender_neutral=gender_neutral,
        )
        return await self._run("analyze_image", given, flow, options)

    async def detect_faces(
        self,
        image: ImageInput,
        *,
        landmarks: bool = False,
        attributes: Sequence[str] = (),
        max_faces: int = 100,
        **options: Unpack[CallOptions],
    ) -> Faces:
        given = Image(image)
        flow = self.provider.detect_faces(given, landmarks=landmarks, attributes=attributes, max_faces=max_faces)
        return await self._run("detect_faces", given, flow, options)

    async def estimate_age(
        self,
        image: ImageInput,
        *,
        max_faces: int = 100,
        **options: Unpack[CallOptions],
    ) -> Ages:
        given = Image(image)
        flow = self.provider.estimate_age(given, max_faces=max_faces)
        return await self._run("estimate_age", given, flow, options)

    async def read_text(
        self,
        image: ImageInput,
        *,
        language: str | None = None,
        dense: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Text:
        given = Image(image)
        flow = self.provider.read_text(given, language=language, dense=dense)
        return await self._run("read_text", given, flow, options)

    async def sentiment(
        self,
        text: str,
        *,
        language: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Sentiment:
        given = require_text(text)
        flow = self.provider.sentiment(given, language=language)
        return await self._run("sentiment", given, flow, options)

    async def detect_language(
        self,
        text: str,
        **options: Unpack[CallOptions],
    ) -> Language:
        given = require_text(text)
        flow = self.provider.detect_language(given)
        return await self._run("detect_language", given, flow, options)

    async def key_phrases(
        self,
        text: str,
        *,
        language: str | None = None,
        **options: Unpack[CallOptions],
    ) -> KeyPhrases:
        given = require_text(text)
        flow = self.provider.key_phrases(given, language=language)
        return await self._run("key_phrases", given, flow, options)

    async def translate(
        self,
        text: str,
        *,
        to: str,
        source: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Translation:
        given = require_text(text)
        flow = self.provider.translate(given, to=to, source=source)
        return await self._run("translate", given, flow, options)

    async def speech_to_text(
        self,
        audio: AudioInput,
        *,
        language: str,
        words: bool = True,
        speakers: int | None = None,
        **options: Unpack[CallOptions],
    ) -> Transcript:
        given = Audio(audio)
        flow = self.provider.speech_to_text(given, language=language, words=words, speakers=speakers)
        return await self._run("speech_to_text", given, flow, options)

    async def text_to_speech(
        self,
        text: str,
        *,
        voice: str | None = None,
        language: str | None = None,
        format: str = "wav",  # noqa: A002  # the field's word
        **options: Unpack[CallOptions],
    ) -> Speech:
        given = require_text(text)
        flow = self.provider.text_to_speech(given, voice=voice, language=language, format=format)
        return await self._run("text_to_speech", given, flow, options)

    def _connect(self, *, send: Any, http_client: Any, offline: bool, **options: Any) -> None:
        network = {name: options[name] for name in ("verify", "proxy", "allow_http", "max_concurrency")}
        self._network = None if send or offline else AsyncNetwork(http_client, **network)
        self._driver = Awaiting(
            send or self._network or _offline,
            options["sleep"] or asyncio.sleep,
            options["max_concurrency"],
            AsyncFetcher(options["verify"]) if options["fetch_urls"] else None,
        )

    async def _run(self, operation: str, given: Image | Audio | str, flow: Flow[R], options: CallOptions) -> R:
        result: R = await self._driver.run(self._engine.run(flow, self._job(operation, given, options)))
        return result

    async def close(self) -> None:
        """Close the connections and let the threads go."""
        self._driver.close()
        if self._network:
            await self._network.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
