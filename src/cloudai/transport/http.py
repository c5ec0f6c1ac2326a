"""The network of a blocking client sends a `Request` and returns a `Response`.

Only this package imports the HTTP library.

The time left (`Request.timeout`) holds for the whole exchange: awaiting exchanges run under `asyncio.timeout`, and
blocking ones over sockets whose every operation is given only what is left (see deadline.py).
"""

from __future__ import annotations

import functools
import os
import threading
from typing import Any

import httpx2

from cloudai.core.flow import Request, Response
from cloudai.errors import closed
from cloudai.transport.body import Body
from cloudai.transport.checks import Checks
from cloudai.transport.connections import (
    KEPT,
    Verify,
    built,
    require_client,
    require_open,
    require_options,
    require_unmoved,
    with_backend,
)
from cloudai.transport.courier import uninterrupted
from cloudai.transport.deadline import CURRENT, Exchange, until
from cloudai.transport.direct import Direct
from cloudai.transport.errors import Sent, cut_short, errors
from cloudai.transport.messages import outgoing, response
from cloudai.transport.sockets import Backend

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
        allow_unverified: bool = False,
        max_concurrency: int = KEPT,
    ) -> None:
        require_client(client, asynchronous=False)
        require_options(verify, proxy, allow_unverified=allow_unverified)
        self._mine = client is None
        self._make = functools.partial(_made, verify, proxy, max_concurrency)
        self._client = client
        self._direct: Direct | None = None
        self._kept = max(KEPT, max_concurrency)
        self._closed = False
        self._check = Checks(allow_http=allow_http)
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
        self._check(request)
        exchange = Exchange(request.timeout)
        if not self._mine:
            return self._sent(request, exchange)  # the connections of the user's own client cannot be closed from here
        direct, sent = self._direct, Sent()
        if direct is not None and not self._closed and self._pid == os.getpid():
            token = CURRENT.set(exchange)
            try:
                with errors(request.url, sent):
                    plain = direct.message(request)
                    stream = direct.take(plain.target.origin) if plain else None
                    if plain and stream:
                        # Over a connection that is open already, an interrupt can leave nothing half done.
                        return direct.exchange(plain, sent, stream)
            finally:
                CURRENT.reset(token)
        return uninterrupted(functools.partial(self._sent, request, exchange), exchange)

    def _sent(self, request: Request, exchange: Exchange) -> Response:
        client, sent = self._of_this_process(), Sent(traced=self._mine)
        require_open(client)
        direct = self._direct
        with errors(request.url, sent), until(exchange):
            if direct is not None and (plain := direct.message(request)) is not None:
                return direct.exchange(plain, sent)
            message = outgoing(client, request, sent.note, quiet=self._mine)
            reply = client.send(message, follow_redirects=False, stream=True)
            try:
                require_unmoved(reply)
                body = Body(reply.headers, request.max_reply)
                with cut_short(reply.status_code):
                    for chunk in reply.iter_raw():
                        body.add(chunk)
                return response(reply, body)
            finally:
                reply.close()

    def _of_this_process(self) -> Any:
        """Return the client of the HTTP library, made when it is first needed, and anew in a forked process.

        Two processes on one connection would get each other's replies. A client that the user brings is neither made
        nor replaced.

        Raises:
            SettingsError: The proxy or the certificates cannot be used, or the network is closed.
        """
        if self._mine and (self._client is None or self._pid != os.getpid()):
            with self._lock:
                if self._closed:
                    raise closed()
                if self._pid != os.getpid():
                    # The parent's client is kept, because closing it would end the parent's TLS sessions.
                    self._inherited += [self._client, self._direct]
                    self._client, self._pid = None, os.getpid()
                if self._client is None:
                    made = self._make()
                    self._direct, self._client = Direct(made, self._kept), made
        return self._client

    def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        with self._lock:
            self._closed = True
            if self._mine and self._client is not None:
                self._client.close()
            if self._direct is not None:
                self._direct.close()


def _made(verify: Verify, proxy: str | None, max_concurrency: int) -> httpx2.Client:
    return with_backend(built(httpx2.Client, verify, proxy, max_concurrency), Backend())
