"""`Client` and `AsyncClient`: what the SDK can do, one statement an operation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Literal, Self, TypeVar

from typing_extensions import Unpack

from cloudai.batch.mixins import AsyncBatching, Batching
from cloudai.bridges import bridge
from cloudai.core.call import Event
from cloudai.core.drivers.awaiting import Awaiting
from cloudai.core.drivers.blocking import Blocking
from cloudai.core.flow import Request, Response
from cloudai.core.urls import FetchRules
from cloudai.errors import ReplayError, SettingsError
from cloudai.media import Audio, AudioInput, Image, ImageInput
from cloudai.models.base import Result
from cloudai.models.face import Ages, Faces
from cloudai.models.image import Feature, ImageAnalysis, Text
from cloudai.models.speech import Speech, Transcript
from cloudai.models.text import KeyPhrases, Language, Sentiment, Translation
from cloudai.operations import OPERATIONS, Given, require_text
from cloudai.options import CallOptions
from cloudai.providers.base import Provider
from cloudai.providers.registry import find
from cloudai.session import ClientOptions, Session
from cloudai.transport.async_http import AsyncNetwork
from cloudai.transport.connections import Verify
from cloudai.transport.fetcher import AsyncFetcher, Fetcher
from cloudai.transport.http import Network

__all__ = ["AsyncClient", "Client"]

R = TypeVar("R", bound=Result)
C = TypeVar("C")

NETWORK = ("send", "http_client", "proxy", "verify", "allow_http", "offline")
"""Options that say how requests go out."""


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
        self.provider = find(provider)() if isinstance(provider, str) else provider
        self._options = ClientOptions(
            send=send,
            http_client=http_client,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
            proxy=proxy,
            verify=verify,
            allow_http=allow_http,
            fetch_urls=fetch_urls,
            on_event=on_event,
            offline=offline,
            on_unknown=on_unknown,
            clock=clock,
            sleep=sleep,
        )
        self._options.check()
        self._engine = self._options.engine()
        self._driver = self._connected(self._options)
        self._session = Session(self.provider, self._engine, self._driver, self._options)

    def _connected(self, options: ClientOptions) -> Any:
        """Return the driver, over the network unless ``send`` stands in for it."""
        raise NotImplementedError

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
        """Return a client like this one with other options; see the constructor."""
        known = [option.name for option in fields(ClientOptions)]
        if unknown := options.keys() - set(known):
            raise SettingsError(f"unknown option {', '.join(sorted(unknown))}", advice=f"Known: {', '.join(known)}.")
        return type(self)(self.provider, **{**vars(self._options), **options})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.provider!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if "@" in (self._options.proxy or ""):
            raise TypeError("a client with a proxy's password does not pickle: set HTTPS_PROXY where it arrives")
        return _unpickled, (type(self), self.provider, vars(self._options))


def _network_options(options: ClientOptions) -> dict[str, Any]:
    """Return those of the options that the network goes by."""
    return {name: getattr(options, name) for name in ("verify", "proxy", "allow_http", "max_concurrency")}


def _unpickled(kind: type[C], provider: Provider, options: dict[str, Any]) -> C:
    return kind(provider, **options)  # type: ignore[call-arg]


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
        chosen = {
            "features": features,
            "language": language,
            "max_results": max_results,
            "missing": missing,
            "gender_neutral": gender_neutral,
        }
        result: ImageAnalysis = self._run("analyze_image", given, chosen, options)
        return result

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
        chosen = {"landmarks": landmarks, "attributes": attributes, "max_faces": max_faces}
        result: Faces = self._run("detect_faces", given, chosen, options)
        return result

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
        chosen = {"max_faces": max_faces}
        result: Ages = self._run("estimate_age", given, chosen, options)
        return result

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
        chosen = {"language": language, "dense": dense}
        result: Text = self._run("read_text", given, chosen, options)
        return result

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
        chosen = {"language": language}
        result: Sentiment = self._run("sentiment", given, chosen, options)
        return result

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
        chosen: dict[str, Any] = {}
        result: Language = self._run("detect_language", given, chosen, options)
        return result

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
        chosen = {"language": language}
        result: KeyPhrases = self._run("key_phrases", given, chosen, options)
        return result

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
        chosen = {"to": to, "source": source}
        result: Translation = self._run("translate", given, chosen, options)
        return result

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
        chosen = {"language": language, "words": words, "speakers": speakers}
        result: Transcript = self._run("speech_to_text", given, chosen, options)
        return result

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
        chosen = {"voice": voice, "language": language, "format": format}
        result: Speech = self._run("text_to_speech", given, chosen, options)
        return result

    def _connected(self, options: ClientOptions) -> Blocking:
        self._network = (
            None if options.send or options.offline else Network(options.http_client, **_network_options(options))
        )
        return Blocking(
            options.send or self._network or _offline,
            options.sleep or time.sleep,
            options.max_concurrency,
            Fetcher(options.verify) if options.fetch_urls else None,
        )

    def _run(self, operation: str, given: Given, chosen: Mapping[str, Any], options: CallOptions) -> Any:
        flow, context = self._session.call(operation, given, chosen, options)
        return self._driver.run(self._engine.run(flow, context))

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
        chosen = {
            "features": features,
            "language": language,
            "max_results": max_results,
            "missing": missing,
            "gender_neutral": gender_neutral,
        }
        result: ImageAnalysis = await self._run("analyze_image", given, chosen, options)
        return result

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
        chosen = {"landmarks": landmarks, "attributes": attributes, "max_faces": max_faces}
        result: Faces = await self._run("detect_faces", given, chosen, options)
        return result

    async def estimate_age(
        self,
        image: ImageInput,
        *,
        max_faces: int = 100,
        **options: Unpack[CallOptions],
    ) -> Ages:
        given = Image(image)
        chosen = {"max_faces": max_faces}
        result: Ages = await self._run("estimate_age", given, chosen, options)
        return result

    async def read_text(
        self,
        image: ImageInput,
        *,
        language: str | None = None,
        dense: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Text:
        given = Image(image)
        chosen = {"language": language, "dense": dense}
        result: Text = await self._run("read_text", given, chosen, options)
        return result

    async def sentiment(
        self,
        text: str,
        *,
        language: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Sentiment:
        given = require_text(text)
        chosen = {"language": language}
        result: Sentiment = await self._run("sentiment", given, chosen, options)
        return result

    async def detect_language(
        self,
        text: str,
        **options: Unpack[CallOptions],
    ) -> Language:
        given = require_text(text)
        chosen: dict[str, Any] = {}
        result: Language = await self._run("detect_language", given, chosen, options)
        return result

    async def key_phrases(
        self,
        text: str,
        *,
        language: str | None = None,
        **options: Unpack[CallOptions],
    ) -> KeyPhrases:
        given = require_text(text)
        chosen = {"language": language}
        result: KeyPhrases = await self._run("key_phrases", given, chosen, options)
        return result

    async def translate(
        self,
        text: str,
        *,
        to: str,
        source: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Translation:
        given = require_text(text)
        chosen = {"to": to, "source": source}
        result: Translation = await self._run("translate", given, chosen, options)
        return result

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
        chosen = {"language": language, "words": words, "speakers": speakers}
        result: Transcript = await self._run("speech_to_text", given, chosen, options)
        return result

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
        chosen = {"voice": voice, "language": language, "format": format}
        result: Speech = await self._run("text_to_speech", given, chosen, options)
        return result

    def _connected(self, options: ClientOptions) -> Awaiting:
        self._network = (
            None if options.send or options.offline else AsyncNetwork(options.http_client, **_network_options(options))
        )
        return Awaiting(
            options.send or self._network or _offline,
            options.sleep or asyncio.sleep,
            options.max_concurrency,
            AsyncFetcher(options.verify) if options.fetch_urls else None,
        )

    async def _run(self, operation: str, given: Given, chosen: Mapping[str, Any], options: CallOptions) -> Any:
        flow, context = self._session.call(operation, given, chosen, options)
        return await self._driver.run(self._engine.run(flow, context))

    async def close(self) -> None:
        """Close the connections and let the threads go."""
        self._driver.close()
        if self._network:
            await self._network.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
