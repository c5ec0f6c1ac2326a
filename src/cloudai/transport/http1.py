"""HTTP/1.1 without sockets: the head of a request as bytes, and a reply read piece by piece by llhttp.

llhttp is the parser of Node.js; httptools binds it. It refuses what h11 refuses: a status line, a header, a chunk or a
length that is none, and a length beside chunks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httptools
import httpx2

from cloudai.transport.body import Body, too_large

__all__ = ["ReplyReader", "head", "is_plain"]

MOST_UNREAD = 100_000
"""Bytes that may come before the headers of a reply end; `Body` allows fewer, once they have ended."""

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "trailer"})
"""Headers that describe the connection or the length of the body."""


def is_plain(headers: Mapping[str, str]) -> bool:
    """Return whether headers can be sent as they are: names that are tokens, none of `OURS`, and no blanks around."""
    return all(
        NAME.fullmatch(name) and name.lower() not in OURS and value == value.strip() for name, value in headers.items()
    )


def head(method: str, target: str, host: str, headers: Mapping[str, str]) -> bytes:
    """Return the beginning of a request, up to the empty line behind its headers.

    Args:
        method: For example "POST".
        target: The path and the query, percent-encoded.
        host: The value of the header of that name.
        headers: Headers for which `is_plain` holds, and the length of the body.
    """
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Accept: */*", "Connection: keep-alive"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class ReplyReader:
    """A reply that comes in pieces. Interim replies ("100 Continue") before it are left out.

    Args:
        most: The most bytes of the body, unpacked.

    Its public methods whose names begin with "on" are called by httptools.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.status = 0
        self.headers: dict[str, str] = {}
        """The headers by their names in lower case; the values of a name that comes twice have a comma between."""
        self.is_done = False
        self.is_reusable = False
        """Whether another request can go out on the connection, because the reply has ended, and nothing came after."""
        self._parser: Any = httptools.HttpResponseParser(self)
        self._body: Body | None = None
        self._pieces: list[bytes] = []
        self._unread = 0
        self._begun = False

    def feed(self, data: bytes) -> None:
        """Take in the next bytes, none of which means that the server has closed the connection.

        Raises:
            httpx2.RemoteProtocolError: This is not HTTP, or the reply stops in the middle.
            ResponseTooLargeError: The headers, or the body, exceed a limit.
            MalformedResponseError: The body cannot be unpacked.
        """
        if not data:
            self._end()
            return
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_done:
                raise httpx2.RemoteProtocolError(str(error) or "the reply is not HTTP/1.1") from None
            self.is_reusable = False  # something came behind the reply
        # All steps that may raise are done here: an error in a function that httptools calls would be wrapped in
        # another.
        if self.status and self._body is None:
            self._body = Body(self.headers, self._most)
        if self._body is None:
            if self._unread > MOST_UNREAD:
                raise too_large("its headers have no end")
            return
        for piece in self._pieces:
            self._body.add(piece)
        self._pieces.clear()

    def _end(self) -> None:
        if not self._begun:
            raise httpx2.RemoteProtocolError("the server closed the connection without a reply")
        # A body without a length and without chunks ends with the connection (RFC 9112, section 6.3).
        if self._body is None or "content-length" in self.headers or "transfer-encoding" in self.headers:
            raise httpx2.RemoteProtocolError("the server closed the connection in the middle of a reply")
        self.is_done = True

    def content(self) -> bytes:
        """Return the whole body, unpacked.

        Raises:
            MalformedResponseError: The packed data stop in the middle.
        """
        return self._body.whole() if self._body is not None else b""

    def on_message_begin(self) -> None:
        """Note that a reply begins; a second one is of no use, and neither is its connection."""
        self._begun, self.is_reusable = True, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those behind a body in chunks are not wanted."""
        if self.status:
            return
        key = name.decode("latin-1").lower()
        try:
            text = value.decode()
        except UnicodeDecodeError:
            # Latin-1 has a character for every byte, so no header can fail here.
            text = value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """Note the status, unless the reply is an interim one."""
        status = self._parser.get_status_code()
        if status >= 200:  # noqa: PLR2004
            self.status = self.status or status

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        if not self.is_done:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Note that the reply has ended, or begin anew behind an interim one."""
        if self.status:
            self.is_reusable = not self.is_done and bool(self._parser.should_keep_alive())
            self.is_done = True
        else:
            self.headers.clear()
            self._unread = 0
