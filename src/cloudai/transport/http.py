"""The network of a blocking client sends a `Request` and returns a `Response`.

Only this package imports the HTTP library.

The time left (`Request.timeout`) holds for the whole exchange. The HTTP library's own timeouts start anew
with every byte: a server that sends its body or its headers slowly, or that repeats "100 Continue", would
hold a call for minutes. So awaiting exchanges run under `asyncio.timeout`, and blocking ones over sockets
whose every operation is given only what is left.
"""

from __future__ import annotations

import functools
import os
import threading
from typing import Any

import httpx2

from cloudai.core.flow import Request, Response
from cloudai.transport.body import Body
from cloudai.transport.checks import require_safe, require_sendable, unsendable
from cloudai.transport.connections import KEPT, Verify, built, require_client, require_open, require_unmoved
from cloudai.transport.deadline import Backend, until
from cloudai.transport.direct import Direct
from cloudai.transport.errors import Sent, errors
from cloudai.transport.messages import outgoing, response

__all__ = ["Network"]


class Network:
    """The network of a blocking client. ``client`` may be the user's own client of httpx or httpx2."""

    def __init__(
        self,
        client: Any = None,
        *,
        verify: Verify = True,
        proxy: str | None = None,
        allow_http: bool = False,
        max_concurrency: int = KEPT,
    ) -> None:
        require_client(client, asynchronous=False)
        self._mine = client is None
        self._make = functools.partial(_made, verify, proxy, max_concurrency)
        self._client = client or self._make()
        self._kept = max(KEPT, max_concurrency)
        self._direct = Direct(self._client, self._kept) if self._mine else None
        self._allow_http = allow_http
        self._pid = os.getpid()
        self._inherited: list[Any] = []
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        """Send one request once, and return its reply, of whatever status; no redirect is followed.

        Raises:
            SettingsError: The address or a header cannot be used, or the client is closed. Nothing was sent.
            ConnectError: The service was not reached.
            ConnectionLostError: The connection broke after something was sent.
            DeadlineExceededError: The reply did not come in time.
            MalformedResponseError: The reply cannot be unpacked, or is too large (ResponseTooLargeError).
            RedirectBlockedError: The user's own client has followed a redirect all the same.
        """
        require_safe(request.url, self._allow_http)
        require_sendable(unsendable(request.headers))
        client, sent = self._of_this_process(), Sent()
        require_open(client)
        with errors(request.url, sent), until(request.timeout):
            plain = self._direct and self._direct.message(request)
            if plain and self._direct:
                return self._direct.exchange(plain, sent)
            message = outgoing(client, request, sent.note, quiet=self._mine)
            reply = client.send(message, follow_redirects=False, stream=True)
            try:
                require_unmoved(reply)
                body = Body(reply.headers, request.max_reply)
                for chunk in reply.iter_raw():
                    body.add(chunk)
                return response(reply, body)
            finally:
                reply.close()

    def _of_this_process(self) -> Any:
        """Return the client of the HTTP library: in a forked process a new one, unless it is the user's.

        Two processes on one connection would get each other's replies.
        """
        if self._mine and self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    # The parent's client is kept, because closing it would end the parent's TLS sessions.
                    self._inherited += [self._client, self._direct]
                    self._client, self._pid = self._make(), os.getpid()
                    self._direct = Direct(self._client, self._kept)
        return self._client

    def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        if self._mine:
            self._client.close()
        if self._direct:
            self._direct.close()


def _made(verify: Verify, proxy: str | None, max_concurrency: int) -> httpx2.Client:
    return _deadlined(built(httpx2.Client, verify, proxy, max_concurrency))


def _deadlined(client: httpx2.Client) -> httpx2.Client:
    """Give every pool of the client, those of proxies too, sockets that keep the deadline, and return the client."""
    # The library's own transports take no network backend, and building them here would lose what it
    # knows of proxies in the environment. A test of the deadline fails should these names change.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = Backend(pool._network_backend)  # noqa: SLF001
    return client
