"""`Client` is the blocking client, and `BaseClient` is what it shares with `AsyncClient`.

The operations of both, which are methods, are in cloudai/client_methods.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

from cloudai.client_methods import ClientMethods
from cloudai.core.call import Event
from cloudai.core.drivers.blocking import Blocking
from cloudai.core.flow import Request, Response
from cloudai.core.urls import FetchRules
from cloudai.errors import ReplayError, SettingsError, detached
from cloudai.options import unknown_option
from cloudai.providers.base import Provider
from cloudai.providers.registry import made
from cloudai.session import ClientOptions, Session
from cloudai.transport.connections import Verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Unpack

    from cloudai.batch.settings import BatchOptions
    from cloudai.compare.results import Comparison
    from cloudai.fallback import Several
    from cloudai.models.voice import Voices

__all__ = ["BaseClient", "Client", "network_options", "offline_only"]

C = TypeVar("C")

NETWORK = ("send", "http_client", "proxy", "verify", "allow_http", "allow_unverified", "offline")
"""The options that say how requests go out."""


class BaseClient:
    """The base of both clients, which keeps their provider and their options.

    Args:
        provider: "google", "local" … (settings come from the environment, looked up at the first send),
            or a configured provider such as ``cloudai.Google(api_key=...)``. If there are several in a list, the first
            one that can and does answer a call gives its result: see docs/several.md.
        send: A callable from `Request` to `Response` that replaces the network: a cassette, or your own function.
        http_client: Your own httpx or httpx2 client, with its proxies and certificates.
        timeout: Seconds for a whole call, waits and retries included; None takes the operation's usual time, which is
            60, for `text_to_speech` 120, for `read_text` 300 and for `speech_to_text` 600.
        max_attempts: Maximum number of attempts of one request, the first included. It holds where the service did not
            begin to carry out the request; ``on_unknown`` says what holds where it may have.
        on_unknown: What to do where an attempt may have been carried out without our learning of it (a connection
            that broke, a 500): "retry" tries once more, which may be billed twice; "raise" does not.
        max_concurrency: The most requests in flight at the same time.
        proxy: The address of a proxy; by default the environment says it (``HTTPS_PROXY``).
        verify: The path of a CA file, or an ``ssl.SSLContext``, to use instead of the usual certificates.
        allow_http: Accept plain http beyond the loopback.
        allow_unverified: Accept ``verify=False``, and a context that does not check certificates or the names of hosts.
            Anybody on the way can then read the key, and all that is sent.
        fetch_urls: Fetch inputs that are ``https://`` or ``http://`` addresses here, and send what is there, instead of
            passing the address on to a vendor that fetches it. Files are fetched only from the public internet,
            without any key, and have 50 MB and 30 s at most; `FetchRules` changes that, and may keep them in a folder.
        on_event: A function that is called with every attempt, reply, wait and result, as an `Event`.
        offline: Send nothing and look up no key, so that only ``send`` (a cassette) answers.
        clock: A function that returns monotonic seconds, for tests.
        sleep: A function that waits so many seconds, for tests; that of `AsyncClient` is awaited.
    """

    def __init__(
        self,
        provider: str | Provider | Sequence[str | Provider],
        *,
        send: Callable[[Request], Any] | None = None,
        http_client: Any = None,
        timeout: float | None = None,
        max_attempts: int = 3,
        max_concurrency: int = 32,
        proxy: str | None = None,
        verify: Verify = True,
        allow_http: bool = False,
        allow_unverified: bool = False,
        fetch_urls: bool | FetchRules = False,
        on_event: Callable[[Event], None] | None = None,
        offline: bool = False,
        on_unknown: Literal["retry", "raise"] = "retry",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        self._options = ClientOptions(
            send=send,
            http_client=http_client,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
            proxy=proxy,
            verify=verify,
            allow_http=allow_http,
            allow_unverified=allow_unverified,
            fetch_urls=fetch_urls,
            on_event=on_event,
            offline=offline,
            on_unknown=on_unknown,
            clock=clock,
            sleep=sleep,
        )
        del proxy  # it may hold a password, and trackers of errors collect variables
        failure: BaseException | None = None
        try:
            self._options.check()
            self._driver = self._connected(self._options)
            self._session: Session | Several
            if isinstance(provider, str | Provider):
                self.providers: tuple[Provider, ...] = (made(provider),)
            else:
                from cloudai.fallback import Several, providers_of  # most clients have one provider

                self.providers = providers_of(provider)
            if len(self.providers) == 1:
                self._engine = self._options.engine()
                self._session = Session(self.providers[0], self._engine, self._driver, self._options)
            else:
                self._session = Several.of(self.providers, self._driver, self._options)
            self.provider = self.providers[0]
        except BaseException as error:  # noqa: BLE001  # raised below, without the frames that hold the options
            failure = error
        if failure is not None:
            raise detached(failure)

    def _connected(self, options: ClientOptions) -> Any:
        """Return the driver of the client, which sends over the network unless ``send`` replaces that."""
        raise NotImplementedError

    _awaiting: ClassVar[bool]
    """Whether the client is `AsyncClient`, which can send through a vendor's awaiting client."""

    @classmethod
    def from_vendor(cls, client: Any, **options: Any) -> Self:
        """Return a client that sends through a vendor's client, with its credentials, endpoint, proxy and certificates.

        Retries, waits and the deadline are cloudai's. The vendor's client stays open until you close it. See
        docs/bridges.md.

        Args:
            client: A client of google-cloud-vision, google-cloud-translate or google-cloud-texttospeech, a
                ``ComputerVisionClient``, a client built on azure-core (Image Analysis, Face, Text Analytics, Text
                Translation), or a service of ibm-watson (Natural Language Understanding, Speech to Text, Text to
                Speech), a ``Client`` of google-genai, or an ``AzureOpenAI``. `AsyncClient` also takes the awaiting
                clients of these packages, and runs the others in threads.
            options: Options of the constructor, except those that the vendor's client decides.

        Raises:
            SettingsError: The client is of another kind (the text lists the known ones), or decides one of the options.
        """
        if theirs := [name for name in options if name in NETWORK]:
            options.clear()  # a proxy may hold a password
            raise SettingsError(f"{', '.join(theirs)} has no effect here", advice="Set it on the vendor's client.")
        _require_known(options)
        from cloudai.bridges import bridge

        provider, send = bridge(client, awaiting=cls._awaiting)
        return cls(provider, send=send, **options)

    def supports(self, operation: str) -> bool:
        """Return whether a call of this operation can succeed with the settings at hand, at any of the providers.

        Raises:
            SettingsError: There is no such operation; the text suggests one.
        """
        return any(provider.supports(operation) for provider in self.providers)

    def with_options(self, **options: Any) -> Self:
        """Return a new client like this one, with connections of its own and some other options; see the constructor.

        Raises:
            SettingsError: There is no such option, or a value cannot be used.
        """
        _require_known(options)
        others = replace(self._options, **options)
        options.clear()  # a proxy may hold a password
        return type(self)(self._given, **vars(others))

    @property
    def fetching(self) -> FetchRules | None:
        """The rules by which inputs that are addresses are fetched here (``fetch_urls=``); None if they are not."""
        rules = self._options.fetch_urls
        return FetchRules() if rules is True else rules or None

    @property
    def _given(self) -> Provider | list[Provider]:
        """The provider or the list of providers, as the constructor takes it."""
        return self.provider if isinstance(self._session, Session) else list(self.providers)

    def __repr__(self) -> str:
        # A constructor that fails leaves no provider, and trackers of errors show the client all the same.
        return f"{type(self).__name__}({self._given if '_session' in vars(self) else None!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the providers and the options; the copy opens connections of its own.

        Raises:
            TypeError: The proxy's address holds a password, or a provider has settings that were given in code.
        """
        if "@" in (self._options.proxy or ""):
            raise TypeError("a client with a proxy's password does not pickle: set HTTPS_PROXY where it arrives")
        return _unpickled, (type(self), self._given, vars(self._options))


def _require_known(options: dict[str, Any]) -> None:
    """Raise SettingsError, and empty the options, for a name that is no option of a client."""
    known = [option.name for option in fields(ClientOptions)]
    if unknown := options.keys() - set(known):
        options.clear()  # a proxy may hold a password, and trackers of errors collect variables
        raise unknown_option("a client", unknown, known)


def network_options(options: ClientOptions) -> dict[str, Any]:
    """Return the options that the network needs, as arguments of its constructor."""
    names = ("verify", "proxy", "allow_http", "allow_unverified", "max_concurrency")
    return {name: getattr(options, name) for name in names}


def _unpickled(kind: type[C], provider: Provider | list[Provider], options: dict[str, Any]) -> C:
    """Return the client of a pickle; this is a function because pickle calls constructors without names."""
    return kind(provider, **options)  # type: ignore[call-arg]


def offline_only(request: Request) -> Response:
    """Raise ReplayError, because an offline client sends nothing and no cassette answers."""
    raise ReplayError(
        f"offline, and no cassette holds {request.method} {request.url}",
        advice="Give send= a cassette that does, or leave out offline=True.",
    )


class Client(ClientMethods, BaseClient):
    """A blocking client of one provider, or of several that are asked in turn.

    Example:
        >>> with Client("local") as client:
        ...     client.supports("detect_faces")
        True
    """

    _awaiting = False

    def _connected(self, options: ClientOptions) -> Blocking:
        self._network = None if options.send or options.offline else _network(options)
        return Blocking(
            options.send or self._network or offline_only,
            options.sleep or time.sleep,
            options.max_concurrency,
            _fetcher(options) if options.fetch_urls else None,
        )

    def voices(self, language: str | None = None, *, timeout: float | None = None) -> Voices:
        """List the voices that `text_to_speech` can be given as ``voice=``; nothing is billed.

        Args:
            language: The language that they are to speak, BCP-47: "ko" or "ko-KR". Voices that were made for it come
                first, then those that speak it too. None lists all voices.
            timeout: Seconds for the whole call, retries included.

        Raises:
            UnsupportedOperationError: The provider does not speak; nothing was sent.
            SettingsError: A key is missing, or the language is no code of one; nothing was sent.
            ServiceError: The service refused.

        Example:
            print(client.voices("ko"))
        """
        voices: Voices = self._driver.run(self._session.voices(language, timeout))
        return voices

    def compare(
        self,
        operation: str,
        inputs: Iterable[Any],
        *,
        providers: Sequence[str | Provider] | None = None,
        truth: Any = None,
        overlap: float = 0.5,
        feature: Literal["tags", "caption", "objects"] | None = None,
        prices: Mapping[str, float] | None = None,
        **settings: Unpack[BatchOptions],
    ) -> Comparison:
        """Ask several providers for the same inputs, side by side, and compare what they say.

        Each provider has a batch of its own, with its own pace, and nobody answers in place of another. All are kept in
        one journal: the same call after a crash, or after a pause for a quota, pays for nothing twice.

        Args:
            operation: "detect_faces", "analyze_image", "sentiment" …
            inputs: The inputs, as `batch` takes them.
            providers: The providers, by name or configured; by default those of the client.
            truth: What is true of the inputs: the path of a CSV, a `Table`, a list of dicts or a data frame, with a
                column ``input`` (the name) or ``item`` (the number). See `Comparison.against_truth`.
            overlap: The least intersection over union of two boxes of the same face or object, above 0 and at most 1.
            feature: What of `analyze_image` is compared: "tags", "caption" or "objects"; None takes the first of these
                that is asked for. The same journal answers for all of them.
            prices: For each provider the price of 1,000 units in USD.
            settings: `BatchOptions`, without ``progress`` and ``price``; the limits hold for each provider.

        Raises:
            SettingsError: There is a single provider, or a setting cannot be used.
            UnsupportedOperationError: Results of this operation cannot be compared.
            InputError: The reference does not fit the inputs; nothing was sent, unless the inputs have no names.
            CloudAIError: No provider has answered anything; the error is that of the first one.

        Example:
            with Client("azure") as client:
                faces = client.compare("detect_faces", photos, providers=["azure", "google"], journal="faces.journal")
            print(faces)
        """
        from cloudai.compare.run import Order, compare  # most programs compare nothing

        how: Any = {"providers": providers, "overlap": overlap, "feature": feature, "settings": settings}
        order = Order.of(self._session, operation, inputs, **how)
        return compare(order, truth, prices)

    def close(self) -> None:
        """Close the connections, unless they are those of a client that was given as ``http_client=``."""
        if self._network:
            self._network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _network(options: ClientOptions) -> Any:
    from cloudai.transport.http import Network  # not with send=

    return Network(options.http_client, **network_options(options))


def _fetcher(options: ClientOptions) -> Any:
    from cloudai.transport.fetcher import Fetcher  # most clients fetch nothing

    return Fetcher(options.verify, allow_unverified=options.allow_unverified)
