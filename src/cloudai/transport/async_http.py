"""The network of an awaiting client sends a `Request` and returns a `Response`, within the time the request has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2

from cloudai.core.flow import Request, Response
from cloudai.transport.body import Body
from cloudai.transport.checks import require_safe, require_sendable, unsendable
from cloudai.transport.connections import KEPT, Verify, built, require_client, require_open, require_unmoved
from cloudai.transport.direct import AsyncDirect
from cloudai.transport.errors import Sent, errors
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
        max_concurrency: int = KEPT,
    ) -> None:
        require_client(client, asynchronous=True)
        self._mine = client is None
        self._client = client or built(httpx2.AsyncClient, verify, proxy, max_concurrency)
        self._direct = AsyncDirect(self._client, max(KEPT, max_concurrency)) if self._mine else None
        self._allow_http = allow_http

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
        require_safe(request.url, self._allow_http)
        require_sendable(unsendable(request.headers))
        sent = Sent()
        require_open(self._client)
        with errors(request.url, sent):
            async with asyncio.timeout(request.timeout):
                plain = self._direct and self._direct.message(request)
                if plain and self._direct:
                    return await self._direct.exchange(plain, sent)
                message = outgoing(self._client, request, sent.anote, quiet=self._mine, pieces=_awaiting)
                reply = await self._client.send(message, follow_redirects=False, stream=True)
                try:
                    require_unmoved(reply)
                    body = Body(reply.headers, request.max_reply)
                    async for chunk in reply.aiter_raw():
                        body.add(chunk)
                    return response(reply, body)
                finally:
                    await reply.aclose()

    async def close(self) -> None:
        """Close the connections, unless the client is the user's."""
        if self._mine:
            await self._client.aclose()
        if self._direct:
            await self._direct.close()


async def _awaiting(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
