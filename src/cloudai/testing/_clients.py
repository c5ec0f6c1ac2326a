"""Make clients that replay or record, which is the usual way to use a cassette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from cloudai.async_client import AsyncClient
from cloudai.client import Client
from cloudai.core.flow import Request
from cloudai.providers.base import Provider
from cloudai.providers.registry import find
from cloudai.testing._cassette import Cassette, PathLike
from cloudai.testing._record import Recorder, record, require_folder
from cloudai.testing._replay import Replay, replay
from cloudai.testing._samples import LARGEST
from cloudai.transport.async_http import AsyncNetwork
from cloudai.transport.http import Network

__all__ = ["Recording", "Replaying", "recording", "replaying"]


def _no_wait(_: float) -> None:
    """Return at once: polls and retries need not wait for a reply that is known."""


async def _no_await(_: float) -> None:
    """Return at once, like `_no_wait`, in an awaiting client."""


class Replaying:
    """A context manager that gives a client which replays: ``with`` a `Client`, ``async with`` an `AsyncClient`.

    The function `replaying` makes it.
    """

    def __init__(self, provider: str | Provider, replay: Replay, options: dict[str, Any]) -> None:
        self.replay = replay
        self._provider = provider
        self._options = {"send": replay, "offline": True, **options}
        self._client: Any = None

    def __enter__(self) -> Client:
        self._client = client = Client(self._provider, **{"sleep": _no_wait, **self._options})
        return client

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The client is closed before the cassette is checked, because that check may raise an error.
        self._client.close()
        self.replay.__exit__(kind, error, trace)

    async def __aenter__(self) -> AsyncClient:
        self._client = client = AsyncClient(self._provider, **{"sleep": _no_await, **self._options})
        return client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()
        self.replay.__exit__(kind, error, trace)


def replaying(
    provider: str | Provider, cassette: PathLike | Cassette, *, match: bool | None = None, **options: Any
) -> Replaying:
    """Return a context manager that gives a client whose calls a cassette answers.

    The client sends nothing, looks up no key and never waits.

    Args:
        provider: A provider's name ("google" …), or a configured provider.
        cassette: The file, or the cassette that was read from it.
        match: False gives the replies in order, whatever the requests are; by default the cassette decides.
        options: Options of the client.

    Raises:
        ReplayError: The file is no cassette, or a call is not in it; at the end, some of its exchanges were not asked
            for.

    Example:
        with replaying("google", "team.json") as client:
            assert len(client.detect_faces("team.jpg")) == 3
    """
    return Replaying(provider, replay(cassette, match=match), options)


class Recording:
    """A context manager that gives a client which records: ``with`` a `Client`, ``async with`` an `AsyncClient`.

    The function `recording` makes it.
    """

    def __init__(self, provider: Provider, make: Callable[[Any], Recorder], send: Any, options: dict[str, Any]) -> None:
        self._provider = provider
        self._make = make
        self._send = send
        # A client that is given `send` makes no network of its own, so the network that is made here takes these.
        own = ("http_client", "verify", "proxy", "allow_http", "allow_unverified")
        self._network_options = {name: options[name] for name in own if name in options}
        self._options = {name: value for name, value in options.items() if name not in own}
        self._client: Any = None
        self._network: Any = None

    def __enter__(self) -> Client:
        self._network = self._connected(Network)
        recorder = self._make(self._send or self._network)
        self._client = client = Client(self._provider, send=recorder, **self._options)
        return client

    def __exit__(self, *_: object) -> None:
        self._client.close()
        if self._network:
            self._network.close()

    async def __aenter__(self) -> AsyncClient:
        self._network = self._connected(AsyncNetwork)
        recorder = self._make(self._send or self._network)
        self._client = client = AsyncClient(self._provider, send=recorder, **self._options)
        return client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        if self._network:
            await self._network.close()

    def _connected(self, kind: type[Network | AsyncNetwork]) -> Any:
        if self._send:
            return None
        options = dict(self._network_options)
        return kind(options.pop("http_client", None), **options)


def recording(
    provider: str | Provider,
    path: PathLike,
    *,
    send: Callable[[Request], Any] | None = None,
    note: str | None = None,
    headers: Iterable[str] = (),
    params: Iterable[str] = (),
    largest: int = LARGEST,
    **options: Any,
) -> Recording:
    """Return a context manager that gives a client whose calls are sent and written to a cassette.

    The provider's secret settings are not written.

    Args:
        provider: A provider's name ("google" …), or a configured provider.
        path: The file to write; one that exists is replaced at the first reply.
        send: The function that sends the requests in place of the network.
        note: A note that is kept with each exchange.
        headers: Names of more headers that are harmless.
        params: Names of more parameters and form fields that are harmless; see `record`.
        largest: Bytes of the largest piece of a reply that is kept whole; see `record`.
        options: Options of the client.

    Raises:
        ReplayError: There is no such folder; see also `record`.

    Example:
        with recording("google", "team.json") as client:
            client.detect_faces("team.jpg")
    """
    require_folder(path)
    given = find(provider)() if isinstance(provider, str) else provider
    # The vendor's identifier of an exchange is no secret, and ``meta.request_id`` of a replayed result is read from it.
    known = [*headers, *given.request_id_headers]

    def make(sender: Callable[[Request], Any]) -> Recorder:
        return record(path, sender, note=note, headers=known, params=params, secrets=given.secrets(), largest=largest)

    return Recording(given, make, send, options)
