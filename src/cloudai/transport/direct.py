"""The usual exchanges go over connections of our own, for the HTTP library takes most of the time of a small call.

It builds objects for every header and every part of an address, and looks at every connection for every request. Rare
requests are left to it: those with proxies, forms, files, or headers that are not plain. It also says how an address is
written on the wire, once for each.

No connection is counted, so none can be lost: it is taken out of the list of idle ones, and comes back only when its
reply was read to the end. Whatever happens in between, an interrupt too, closes it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from cloudai.core.flow import Request, Response
from cloudai.transport.deadline import connecting
from cloudai.transport.http1 import ReplyReader, head, is_plain
from cloudai.transport.messages import body_of, headers_of

__all__ = ["AsyncDirect", "Direct", "Message"]

IDLE = 5.0
"""Seconds after which an idle connection is not used again: servers close theirs, and a request could run into that."""
MOST_TARGETS = 64
"""Addresses whose spelling is kept."""
AT_ONCE = 65_536
"""Bytes that are read at once."""
WITH_HEAD = 524_288
"""Bytes of the first piece of a body up to which it is copied behind the head, to be written together with it.

To copy half a megabyte takes less time than to write twice, because each write wakes the server.
"""
WITH_LENGTH = ("POST", "PUT", "PATCH")
"""The methods whose requests state the length of an empty body, too."""
PORTS = {b"https": 443, b"http": 80}


@dataclass(frozen=True)
class _Target:
    """An address as it is written on the wire."""

    origin: tuple[bytes, bytes, int]
    """Scheme, host and port."""
    path: str
    host: str


@dataclass(frozen=True)
class Message:
    """A request as bytes, and where it goes."""

    target: _Target
    pieces: Iterator[bytes]
    max_reply: int
    timeout: float | None
    """Seconds that are left of the exchange, in which all its operations are."""


class _Pool:
    """The idle connections of one client, by origin, and the spelling of its addresses."""

    def __init__(self, client: Any, kept: int) -> None:
        self._client = client
        self._kept = kept
        self._library: Any = client._transport._pool  # noqa: SLF001  # see connections.py: its parts are used here
        self._idle: dict[tuple[bytes, bytes, int], deque[tuple[Any, float]]] = {}
        self._targets: dict[Any, _Target | None] = {}
        self._plain: tuple[dict[str, str] | None, dict[str, str]] = None, {}
        """The headers of the last request that were plain, as its flow gave them, and as they are sent."""

    def message(self, request: Request) -> Message | None:
        """Return a request as bytes, or None where the HTTP library has to send it."""
        if request.files is not None or request.form is not None:
            return None
        given, headers = self._plain
        if given != request.headers:
            if not is_plain(request.headers):
                return None
            given, headers = self._plain = dict(request.headers), headers_of(request)
        target = self._target(request)
        if target is None:
            return None
        headers = headers.copy()
        content = body_of(request, headers).get("content", b"")
        pieces = iter((content,)) if isinstance(content, bytes) else content
        # A request of a method such as POST states its length even if that is 0 (RFC 9110, section 8.6).
        if "content-length" not in headers and (content or request.method in WITH_LENGTH):
            headers["content-length"] = str(len(content))
        begin = head(request.method, target.path, target.host, headers)
        return Message(target, _begun(begin, pieces), request.max_reply, request.timeout)

    def _target(self, request: Request) -> _Target | None:
        key = request.url, *request.params.items()
        try:
            return self._targets[key]
        except KeyError:
            pass
        # The HTTP library percent-encodes, and knows which addresses go through a proxy.
        built = self._client.build_request(request.method, request.url, params=dict(request.params) or None)
        url, target = built.url, None
        if self._client._transport_for_url(url) is self._client._transport:  # noqa: SLF001
            scheme, host, port, path = url.raw_scheme, url.raw_host, url.port, url.raw_path
            origin = scheme, host, port or PORTS.get(scheme, 0)
            target = _Target(origin, path.decode("ascii"), built.headers["host"])
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()
        self._targets[key] = target
        return target

    def take(self, origin: tuple[bytes, bytes, int]) -> Any:
        """Return an idle connection that still is one, the one used last, or None."""
        idle = self._idle.setdefault(origin, deque())
        while idle:
            try:
                # The connection that was used last is the least likely to have been closed by the server.
                stream, until = idle.pop()
            except IndexError:  # another thread was faster
                return None
            if time.monotonic() < until and stream.is_idle():
                return stream
            self.dropped(stream)
        return None

    def dropped(self, stream: Any) -> None:
        """Close a connection that is of no use any more."""
        raise NotImplementedError

    def keep(self, origin: tuple[bytes, bytes, int], stream: Any) -> None:
        """Keep a connection for the next request to its origin, and close an older one where that is one too many."""
        idle = self._idle[origin]
        idle.append((stream, time.monotonic() + IDLE))
        if sum(map(len, list(self._idle.values()))) <= self._kept:
            return
        try:
            # The first connection of each origin is the one that was put back longest ago.
            longest = min(filter(None, list(self._idle.values())), key=lambda each: each[0][1])
            self.dropped(longest.popleft()[0])
        except (IndexError, ValueError):
            return  # other threads have taken them meanwhile

    def tls(self, origin: tuple[bytes, bytes, int]) -> Any:
        """Return the TLS context for an origin, or None where it is spoken to in the clear."""
        if origin[0] != b"https":
            return None
        context = self._library._ssl_context  # noqa: SLF001
        context.set_alpn_protocols(["http/1.1"])
        return context

    def drain(self) -> Iterator[Any]:
        """Yield the idle connections, none of which is kept."""
        for idle in self._idle.values():
            while idle:
                yield idle.pop()[0]


def _begun(begin: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a request in pieces, the head together with the first piece of the body unless that is large."""
    first = next(pieces, b"")
    if len(first) < WITH_HEAD:
        yield begin + first
    else:
        yield begin
        yield first
    yield from pieces


def _is_refusal(reader: ReplyReader) -> bool:
    """Return whether a reply that has broken off is a refusal (4xx), and can be used all the same.

    A server that refuses an upload it has not read to the end closes the connection, and may cut its own reply short.
    Its status still says that nothing was done.
    """
    return 400 <= reader.status < 500  # noqa: PLR2004


class Direct(_Pool):
    """The connections of a blocking client."""

    def exchange(self, message: Message, sent: Any, stream: Any = None) -> Response:
        """Send a request and return its reply.

        Args:
            message: The request.
            sent: What notes that the request begins to go out.
            stream: The connection; None takes an idle one, or makes one.
        """
        origin, left = message.target.origin, message.timeout
        stream = stream or self.take(origin) or self._connected(origin, connecting(left))
        reader, whole = ReplyReader(message.max_reply), True
        try:
            # This tells in the words of the library that the request begins to go out, because `Sent` listens to both.
            sent.note("http11.send_request_headers.started", {})
            try:
                stream.write_all(message.pieces, left)
            except httpcore2.WriteError:  # the server may have answered before it read everything
                whole = False
            try:
                while not reader.is_done:
                    reader.feed(stream.read(AT_ONCE, left))
            except (httpcore2.NetworkError, httpx2.ProtocolError):
                if not _is_refusal(reader):
                    raise
                whole = False
            reply = Response.received(reader.status, reader.headers, reader.content())
        except BaseException:
            stream.close()
            raise
        if reader.is_reusable and whole:
            self.keep(origin, stream)
        else:
            stream.close()
        return reply

    def _connected(self, origin: tuple[bytes, bytes, int], timeout: float | None) -> Any:
        _, host, port = origin
        stream = self._library._network_backend.connect_tcp(host.decode("ascii"), port, timeout)  # noqa: SLF001
        context = self.tls(origin)
        if context is None:
            return stream
        try:
            return stream.start_tls(context, host.decode("ascii"), timeout)
        except BaseException:
            stream.close()
            raise

    def dropped(self, stream: Any) -> None:
        """Close a connection that is of no use any more."""
        stream.close()

    def close(self) -> None:
        """Close the idle connections."""
        for stream in self.drain():
            stream.close()


class AsyncDirect(_Pool):
    """The connections of an awaiting client."""

    def __init__(self, client: Any, kept: int) -> None:
        super().__init__(client, kept)
        self._dropped: list[Any] = []

    async def exchange(self, message: Message, sent: Any) -> Response:
        """Send a request and return its reply; see `Direct.exchange`. The caller keeps the time."""
        origin = message.target.origin
        stream = self.take(origin) or await self._connected(origin, connecting(message.timeout))
        reader, whole = ReplyReader(message.max_reply), True
        try:
            sent.note("http11.send_request_headers.started", {})
            try:
                for piece in message.pieces:
                    await stream.write(piece)
            except httpcore2.WriteError:
                whole = False
            try:
                while not reader.is_done:
                    reader.feed(await stream.read(AT_ONCE))
            except (httpcore2.NetworkError, httpx2.ProtocolError):
                if not _is_refusal(reader):
                    raise
                whole = False
            reply = Response.received(reader.status, reader.headers, reader.content())
        except BaseException:
            await stream.aclose()
            raise
        if reader.is_reusable and whole:
            self.keep(origin, stream)
        else:
            await stream.aclose()
        while self._dropped:
            await self._dropped.pop().aclose()
        return reply

    async def _connected(self, origin: tuple[bytes, bytes, int], timeout: float | None) -> Any:  # noqa: ASYNC109
        _, host, port = origin
        stream = await self._library._network_backend.connect_tcp(host.decode("ascii"), port, timeout)  # noqa: SLF001
        context = self.tls(origin)
        if context is None:
            return stream
        try:
            return await stream.start_tls(context, host.decode("ascii"), timeout)
        except BaseException:
            await stream.aclose()
            raise

    def dropped(self, stream: Any) -> None:
        """Note a connection that is of no use any more; the next exchange closes it, for that has to be awaited."""
        self._dropped.append(stream)

    async def close(self) -> None:
        """Close the idle connections."""
        for stream in [*self.drain(), *self._dropped]:
            await stream.aclose()
