"""The network of an awaiting client sends a `Request` and returns a `Response`, within the time the request has."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx2

from cloudai.core.flow import Request, Response
from cloudai.errors import closed
from cloudai.transport.async_sockets import AsyncBackend
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
from cloudai.transport.direct import AsyncDirect
from cloudai.transport.errors import Sent, cut_short, errors
from cloudai.transport.messages import outgoing, response

__all__ = ["AsyncNetwork"]


class AsyncNetwork:
    """The network of an awaiting client. ``client`` may be the user's own async client of httpx or httpx2."""

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
        require_client(client, asynchronous=True)
        require_options(verify, proxy, allow_unverified=allow_unverified)
        self._mine = client is None
        self._make = functools.partial(_made, verify, proxy, max_concurrency)
        self._client = client
        self._direct: AsyncDirect | None = None
        self._kept = max(KEPT, max_concurrency)
        self._closed = False
        self._check = Checks(allow_http=allow_http)

    async def __call__(self, request: Request) -> Response:
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
        sent = Sent(traced=self._mine)
        if self._client is None:
            if self._closed:
                raise closed()
            self._client = self._make()  # not before: its settings concern nobody who sends nothing
            self._direct = AsyncDirect(self._client, self._kept)
        require_open(self._client)
        with errors(request.url, sent):
            async with asyncio.timeout(request.timeout):
                if self._direct is not None and (plain := self._direct.message(request)) is not None:
                    return await self._direct.exchange(plain, sent)
                message = outgoing(self._client, request, sent.anote, quiet=self._mine, pieces=_awaiting)
                reply = await self._client.send(message, follow_redirects=False, stream=True)
                try:
                    require_unmoved(reply)
                    body = Body(reply.headers, request.max_reply)
                    with cut_short(reply.status_code):
                        async for chunk in reply.aiter_raw():
                            body.add(chunk)
                    return response(reply, body)
                finally:
                    await reply.aclose()

    async def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        self._closed = True
        if self._mine and self._client is not None:
            with suppress(RuntimeError):  # the connections of another event loop end with that
                await self._client.aclose()
        if self._direct is not None:
            with suppress(RuntimeError):
                await self._direct.close()


async def _awaiting(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _made(verify: Verify, proxy: str | None, max_concurrency: int) -> httpx2.AsyncClient:
    return with_backend(built(httpx2.AsyncClient, verify, proxy, max_concurrency), AsyncBackend())
