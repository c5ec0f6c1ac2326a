"""`Client`, and what `AsyncClient` shares with it; what both can do is in cloudai/client_methods.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, Literal, Self, TypeVar

from cloudai.client_methods import ClientMethods
from cloudai.core.call import Event
from cloudai.core.drivers.blocking import Blocking
from cloudai.core.flow import Request, Response
from cloudai.core.urls import FetchRules
from cloudai.errors import ReplayError, SettingsError
from cloudai.providers.base import Provider
from cloudai.providers.registry import find
from cloudai.session import ClientOptions, Session
from cloudai.transport.connections import Verify
from cloudai.transport.http import Network

__all__ = ["BaseClient", "Client", "network_options", "offline_only"]

C = TypeVar("C")

NETWORK = ("send", "http_client", "proxy", "verify", "allow_http", "offline")
"""Options that say how requests go out."""


class BaseClient:
    """What both clients share: their provider and their options.

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
        """Return a client that sends through a vendor's own, with its credentials, endpoint, proxies and certificates.

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
        from cloudai.bridges import bridge

        provider, send = bridge(client, awaiting=cls._awaiting)
        return cls(provider, send=send, **options)

    def supports(self, operation: str) -> bool:
        """Return whether a call of this operation can succeed with the settings at hand."""
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


def network_options(options: ClientOptions) -> dict[str, Any]:
    """Return those of the options that the network goes by."""
    return {name: getattr(options, name) for name in ("verify", "proxy", "allow_http", "max_concurrency")}


def _unpickled(kind: type[C], provider: Provider, options: dict[str, Any]) -> C:
    return kind(provider, **options)  # type: ignore[call-arg]


def offline_only(request: Request) -> Response:
    """Raise ReplayError: nothing may be sent, and nothing else answers."""
    raise ReplayError(
        f"offline, and no cassette holds {request.method} {request.url}",
        advice="Give send= a cassette that does, or leave out offline=True.",
    )


class Client(ClientMethods, BaseClient):
    """Calls one provider, blocking.

    Example:
        >>> with Client("local") as client:
        ...     client.supports("detect_faces")
        True
    """

    _awaiting = False

    def _connected(self, options: ClientOptions) -> Blocking:
        self._network = (
            None if options.send or options.offline else Network(options.http_client, **network_options(options))
        )
        return Blocking(
            options.send or self._network or offline_only,
            options.sleep or time.sleep,
            options.max_concurrency,
            _fetcher(options) if options.fetch_urls else None,
        )

    def close(self) -> None:
        """Close the connections."""
        if self._network:
            self._network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _fetcher(options: ClientOptions) -> Any:
    from cloudai.transport.fetcher import Fetcher  # most clients fetch nothing

    return Fetcher(options.verify)
