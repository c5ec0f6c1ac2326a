"""A fetcher fetches files by address: it resolves a name once, checks every IP address, and connects to a checked one.

Each fetch has a client of the HTTP library of its own, so that no cookie and no connection is carried over from one
fetch to another, and no setting of the environment counts.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httpx2

from cloudai.core.effects import Get
from cloudai.core.flow import Response
from cloudai.core.urls import FetchRules, shown
from cloudai.errors import FetchError
from cloudai.transport.async_sockets import AsyncBackend
from cloudai.transport.body import Body
from cloudai.transport.connections import Verify, configuration, require_options, with_backend
from cloudai.transport.courier import uninterrupted
from cloudai.transport.deadline import Exchange, timeouts, until
from cloudai.transport.errors import Sent, errors
from cloudai.transport.messages import USER_AGENT
from cloudai.transport.sockets import Backend

__all__ = ["AsyncFetcher", "Fetcher"]


class Fetcher:
    """A fetcher that blocks.

    Args:
        verify: The certificates to trust; see `Client`.
        allow_unverified: Accept ``verify`` that checks none.
    """

    def __init__(self, verify: Verify = True, *, allow_unverified: bool = False) -> None:
        require_options(verify, None, allow_unverified=allow_unverified)
        self._verify = verify

    @property
    def _configuration(self) -> dict[str, Any]:
        """The options of the client of a fetch; the certificates are read at the first one."""
        return {**configuration(self._verify, None), "trust_env": False}

    def __call__(self, get: Get) -> Response:
        """Fetch a file, and return the reply of whatever status.

        Raises:
            FetchError: The address leads to one that the rules do not allow.
            ResponseTooLargeError: The file is larger than the rules allow.
            ConnectError: The host was not reached.
            ConnectionLostError: The connection broke.
            DeadlineExceededError: The file did not come in time.
        """
        exchange = Exchange(get.timeout)
        return uninterrupted(partial(self._fetched, get, exchange), exchange)

    def _fetched(self, get: Get, exchange: Exchange) -> Response:
        sent = Sent()
        with errors(get.url, sent), until(exchange), httpx2.Client(**self._configuration) as client:
            with_backend(client, Backend(partial(_allowed, get.rules)))
            reply = client.send(client.build_request("GET", get.url, **_arguments(get, sent.note)), stream=True)
            try:
                body = _body(get, reply)
                for chunk in reply.iter_raw():
                    body.add(chunk)
                return Response(reply.status_code, dict(reply.headers), body.whole())
            finally:
                reply.close()


class AsyncFetcher:
    """A fetcher that awaits.

    Args:
        verify: The certificates to trust; see `Client`.
        allow_unverified: Accept ``verify`` that checks none.
    """

    def __init__(self, verify: Verify = True, *, allow_unverified: bool = False) -> None:
        require_options(verify, None, allow_unverified=allow_unverified)
        self._verify = verify

    @property
    def _configuration(self) -> dict[str, Any]:
        """The options of the client of a fetch; the certificates are read at the first one."""
        return {**configuration(self._verify, None), "trust_env": False}

    async def __call__(self, get: Get) -> Response:
        """Fetch a file, and return the reply of whatever status.

        Raises:
            FetchError: The address leads to one that the rules do not allow.
            ResponseTooLargeError: The file is larger than the rules allow.
            ConnectError: The host was not reached.
            ConnectionLostError: The connection broke.
            DeadlineExceededError: The file did not come in time.
        """
        sent = Sent()
        with errors(get.url, sent):
            async with asyncio.timeout(get.timeout), httpx2.AsyncClient(**self._configuration) as client:
                with_backend(client, AsyncBackend(partial(_allowed, get.rules)))
                reply = await client.send(
                    client.build_request("GET", get.url, **_arguments(get, sent.anote)), stream=True
                )
                try:
                    body = _body(get, reply)
                    async for chunk in reply.aiter_raw():
                        body.add(chunk)
                    return Response(reply.status_code, dict(reply.headers), body.whole())
                finally:
                    await reply.aclose()


def _arguments(get: Get, trace: Any) -> dict[str, Any]:
    headers = {"user-agent": USER_AGENT, **get.headers}
    return {"headers": headers, "timeout": timeouts(get.timeout), "extensions": {"trace": trace}}


def _body(get: Get, reply: Any) -> Body:
    most = get.rules.max_bytes
    return Body(reply.headers, most, f"{shown(get.url)} has more than {most // 1_000_000} MB")


def _allowed(rules: FetchRules, host: str, addresses: list[str]) -> list[str]:
    """Return the IP addresses of a host, or raise FetchError if the rules forbid any one of them."""
    if not all(map(rules.allows, addresses)):
        raise FetchError(
            f"{host} is not fetched: it leads to an address that is not public",
            advice="If it is yours, allow its network with fetch_urls=FetchRules(networks=…).",
        )
    return addresses
