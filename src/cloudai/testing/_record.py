"""Record a cassette: send requests by another ``send``, and write them down with their replies."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from pathlib import Path
from typing import Any, Self

from cloudai.core.flow import Request, Response
from cloudai.core.redaction import Allowlist, Secrets, carried, carried_back
from cloudai.errors import ReplayError
from cloudai.testing._cassette import Cassette, Exchange, PathLike
from cloudai.testing._samples import LARGEST
from cloudai.testing._written import request_facts, response_facts, token_reply
from cloudai.transport.async_http import AsyncNetwork
from cloudai.transport.http import Network

__all__ = ["Recorder", "record", "require_folder"]


class Recorder:
    """A sender that passes requests on to another one, and writes each exchange down as soon as its reply has come.

    Thus a reply that was paid for is kept, whatever happens later. One recorder serves all threads. The function
    `record` makes it.
    """

    def __init__(
        self,
        path: PathLike,
        send: Callable[[Request], Any] | None,
        *,
        note: str | None,
        harmless: Allowlist,
        secrets: Iterable[str],
        largest: int = LARGEST,
    ) -> None:
        self.cassette = Cassette(path=Path(path))
        self._path = Path(path)
        self._send = send
        self._network: Network | AsyncNetwork | None = None
        self._note = note
        self._harmless = harmless
        self._largest = largest
        self._secrets = Secrets(secrets)
        self._lock = threading.Lock()
        require_folder(path)  # the error must come before the first paid call, and not after it

    def __call__(self, request: Request) -> Any:
        """Send a request by the other ``send``, write the exchange down, and return its reply.

        The reply is an awaitable if the other ``send`` returns one.

        Raises:
            ReplayError: The exchange cannot be written, or not without a secret.
        """
        reply = self._sender()(request)
        return self._awaited(request, reply) if isawaitable(reply) else self._kept(request, reply)

    def _sender(self) -> Callable[[Request], Any]:
        # ``async with`` chooses the network after this object is made, so a network that blocks is made at the first
        # request.
        with self._lock:
            if self._send is None:
                self._send = self._network = Network()
            return self._send

    async def _awaited(self, request: Request, reply: Awaitable[Response]) -> Response:
        return self._kept(request, await reply)

    def _kept(self, request: Request, response: Response) -> Response:
        """Write an exchange into the cassette and the cassette to its file, and return the reply."""
        facts: dict[str, Any] = {"kind": "recorded"} | ({"note": self._note} if self._note else {})
        facts["request"] = request_facts(request, self._harmless)
        with self._lock:
            # A token that this exchange brings may stand in earlier ones, so they are cleaned before anything is
            # written.
            self._learn(request, response)
            facts["response"] = response_facts(
                response, self._harmless, self._secrets, token=not request.credentials, largest=self._largest
            )
            before = self.cassette.exchanges
            exchange = Exchange.model_validate({**facts, **self._clean(facts)})
            self.cassette.exchanges = [*before, exchange]
            try:
                self.cassette.write(self._path, self._secrets)
            except ReplayError:
                # An exchange that cannot be written must not keep later ones from being written.
                self.cassette.exchanges = before
                raise
        return response

    def _learn(self, request: Request, response: Response) -> None:
        """Remember the secrets of this exchange, and take them out of the earlier exchanges too."""
        secrets = set(carried(request, self._harmless))
        if not request.credentials:
            secrets |= set(carried_back(token_reply(response)))
        if self._secrets.add(secrets):
            self.cassette.exchanges = [
                Exchange.model_validate({**plain, **self._clean(plain)})
                for plain in (exchange.plain() for exchange in self.cassette.exchanges)
            ]

    def _clean(self, exchange: dict[str, Any]) -> dict[str, Any]:
        """Return the request and the reply of an exchange with "REDACTED" for every secret that is known."""
        return {
            part: {name: self._secrets.withheld(value) for name, value in exchange[part].items()}
            for part in ("request", "response")
        }

    def close(self) -> None:
        """Close the connections if they are the recorder's own."""
        if isinstance(self._network, Network):
            self._network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        if self._send is None:
            self._send = self._network = AsyncNetwork()
        return self

    async def __aexit__(self, *_: object) -> None:
        if isinstance(self._network, AsyncNetwork):
            await self._network.close()


def require_folder(path: PathLike) -> None:
    """Raise ReplayError if the folder of a file does not exist."""
    if not Path(path).parent.is_dir():
        raise ReplayError(f"cannot write {path}: there is no such folder", advice="Make it first.")


def record(
    path: PathLike,
    send: Callable[[Request], Any] | None = None,
    *,
    note: str | None = None,
    headers: Iterable[str] = (),
    params: Iterable[str] = (),
    secrets: Iterable[str] = (),
    largest: int = LARGEST,
) -> Recorder:
    """Return a recorder, to be given to a client as ``send=``, that writes requests and replies to a cassette.

    Args:
        path: The file to write; one that exists is replaced at the first reply.
        send: The function that sends the requests, blocking or awaiting; by default the network, which is awaiting
            under ``async with``.
        note: A note that is kept with each exchange.
        headers: Names of more headers that are harmless; the others are left out.
        params: Names of more parameters and form fields that are harmless: their values are written down
            and compared on replay. Only the names of the others are, so two calls that differ in nothing else cannot
            be told apart.
        secrets: Values that must never be written, for example the key. `recording` knows the provider's.
        largest: Bytes of the largest piece of a reply that is kept whole: a file of sound, or a text inside of JSON.
            For a larger one its digest, its size and its beginning are kept, and replaying it raises a ReplayError.

    Raises:
        ReplayError: There is no such folder. A call raises it later if the reply cannot be written, or not
            without a secret.

    Example:
        with record("team.json") as send, Client("google", send=send) as client:
            client.detect_faces("team.jpg")
    """
    harmless = Allowlist.with_more(headers, params)
    return Recorder(path, send, note=note, harmless=harmless, secrets=secrets, largest=largest)
