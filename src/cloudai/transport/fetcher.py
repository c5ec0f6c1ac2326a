"""A fetcher fetches files by address: it resolves a name once, checks every IP address, and connects to a checked one.

Each fetch has a client of the HTTP library of its own, so that no cookie and no connection is carried over from one
fetch to another, and no setting of the environment counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

from cloudai.core.effects import Get
from cloudai.core.flow import Response
from cloudai.core.urls import FetchRules, shown
from cloudai.errors import FetchError
from cloudai.transport.body import Body
from cloudai.transport.connections import Verify, configuration
from cloudai.transport.deadline import Backend, looked_up, timeouts, until
from cloudai.transport.errors import Sent, errors
from cloudai.transport.messages import USER_AGENT

__all__ = ["AsyncFetcher", "Fetcher"]


class Fetcher:
    """A fetcher that blocks.

    Args:
        verify: The certificates to trust; see `Client`.
    """

    def __init__(self, verify: Verify = True) -> None:
        self._configuration = {**configuration(verify, None), "trust_env": False}

    def __call__(self, get: Get) -> Response:
        """Fetch a file, and return the reply of whatever status.

        Raises:
            FetchError: The address leads to one that the rules do not allow.
            ResponseTooLargeError: The file is larger than the rules allow.
            ConnectError: The host was not reached.
            ConnectionLostError: The connection broke.
            DeadlineExceededError: The file did not come in time.
        """
        with errors(get.url, Sent()), until(get.timeout), httpx2.Client(**self._configuration) as client:
            _pool(client)._network_backend = _Checked(get.rules)  # noqa: SLF001  # see http.py
            reply = client.send(client.build_request("GET", get.url, **_arguments(get)), stream=True)
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
    """

    def __init__(self, verify: Verify = True) -> None:
        self._configuration = {**configuration(verify, None), "trust_env": False}

    async def __call__(self, get: Get) -> Response:
        """Fetch a file, and return the reply of whatever status.

        Raises:
            FetchError: The address leads to one that the rules do not allow.
            ResponseTooLargeError: The file is larger than the rules allow.
            ConnectError: The host was not reached.
            ConnectionLostError: The connection broke.
            DeadlineExceededError: The file did not come in time.
        """
        with errors(get.url, Sent()):
            async with asyncio.timeout(get.timeout), httpx2.AsyncClient(**self._configuration) as client:
                _pool(client)._network_backend = _AsyncChecked(get.rules)  # noqa: SLF001
                reply = await client.send(client.build_request("GET", get.url, **_arguments(get)), stream=True)
                try:
                    body = _body(get, reply)
                    async for chunk in reply.aiter_raw():
                        body.add(chunk)
                    return Response(reply.status_code, dict(reply.headers), body.whole())
                finally:
                    await reply.aclose()


def _pool(client: Any) -> Any:
    return client._transport._pool  # noqa: SLF001


def _arguments(get: Get) -> dict[str, Any]:
    return {"headers": {"user-agent": USER_AGENT, **get.headers}, "timeout": timeouts(get.timeout)}


def _body(get: Get, reply: Any) -> Body:
    most = get.rules.max_bytes
    return Body(reply.headers, most, f"{shown(get.url)} has more than {most // 1_000_000} MB")


class _Checked(Backend):
    """A network backend that connects only to addresses that the rules allow, and keeps the deadline."""

    def __init__(self, rules: FetchRules) -> None:
        super().__init__(httpcore2.SyncBackend())
        self._rules = rules

    def addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        return _allowed(host, super().addresses(host, port, timeout), self._rules)


class _AsyncChecked(httpcore2.AsyncNetworkBackend):
    """A network backend for async clients that connects only to addresses that the rules allow.

    It does not keep the deadline: `asyncio.timeout` does that for the whole fetch.
    """

    def __init__(self, rules: FetchRules) -> None:
        self._backend = httpcore2.AnyIOBackend()
        self._rules = rules

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await asyncio.wrap_future(looked_up(host, port))
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        failure: Exception | None = None
        for address in _allowed(host, addresses, self._rules):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"no address for {host}")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def _allowed(host: str, addresses: list[str], rules: FetchRules) -> list[str]:
    """Return the IP addresses of a host, or raise FetchError if the rules forbid any one of them."""
    if not all(map(rules.allows, addresses)):
        raise FetchError(
            f"{host} is not fetched: it leads to an address that is not public",
            advice="If it is yours, allow its network with fetch_urls=FetchRules(networks=…).",
        )
    return addresses
