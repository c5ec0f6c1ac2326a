"""The body of a reply is decoded piece by piece, and only up to the limits of what a reply may be."""

from __future__ import annotations

import zlib
from typing import Any

from cloudai.core.flow import MOST_REPLY
from cloudai.errors import (
    MalformedResponseError,
    ResponseTooLargeError,
)
from cloudai.text import quoted

__all__ = ["MOST_HEADERS", "MOST_RATIO", "Body", "too_large"]

MOST_RATIO = 100
"""The most decoded bytes for each byte received."""

PIECE = 1_000_000
"""Bytes that are unpacked at once."""

SMALL = 1_000_000
"""Decoded bytes up to which the ratio does not matter: a page of zeros compresses well."""

MOST_HEADERS = 65_536
"""The most bytes of a reply's headers, names and values."""


class Body:
    """The body of one reply, decoded piece by piece, and only up to the limits of what a reply may be.

    Args:
        headers: The headers of the reply.
        most: The most bytes of the body, unpacked.
        message: The text of the error where the body has more.

    Raises:
        ResponseTooLargeError: The headers have more than `MOST_HEADERS` bytes.
        MalformedResponseError: The body has an encoding other than gzip.
    """

    def __init__(self, headers: Any, most: int = MOST_REPLY, message: str = "") -> None:
        self._most = most
        self._error = message or f"the reply is too large: it has more than {most // 1_000_000} MB"
        # The colon, the blank and the line end of each header have four bytes.
        size = sum(map(len, headers)) + sum(map(len, headers.values())) + 4 * len(headers)
        if size > MOST_HEADERS:
            raise too_large(f"its headers have {size:,} bytes")
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise MalformedResponseError(f"the reply is encoded as {quoted(encoding)}, which nobody asked for")
        self._gzip: Any = _member() if encoding == "gzip" else None
        self._received, self._decoded = 0, bytearray()

    def add(self, chunk: bytes) -> None:
        """Take in the next bytes as they came.

        Raises:
            ResponseTooLargeError: The body exceeds a limit.
            MalformedResponseError: The bytes cannot be unpacked.
        """
        self._received += len(chunk)
        if self._gzip is not None:
            self._inflate(chunk)
            return
        self._decoded += chunk
        if self._received > self._most:
            raise ResponseTooLargeError(self._error, advice=NONE_IS)

    def _inflate(self, packed: bytes) -> None:
        """Unpack the next bytes, and check the limits after each piece: a small chunk may unpack to a large one."""
        while packed:
            if self._gzip.eof:  # what follows is another member, and the body is that of all members in sequence
                self._gzip = _member()
            try:
                self._decoded += self._gzip.decompress(packed, PIECE)
            except zlib.error as error:
                raise MalformedResponseError(f"the reply cannot be unpacked ({error})") from error
            packed = self._gzip.unconsumed_tail or self._gzip.unused_data
            self._check()

    def _check(self) -> None:
        # Packed bytes count too: members that unpack to nothing would never come to an end.
        if len(self._decoded) > self._most or self._received > self._most + SMALL:
            raise ResponseTooLargeError(self._error, advice=NONE_IS)
        if len(self._decoded) > max(SMALL, MOST_RATIO * self._received):
            raise too_large(f"it grows more than {MOST_RATIO} times when it is unpacked")

    def whole(self) -> bytes:
        """Return the whole body.

        Raises:
            MalformedResponseError: The packed data stop in the middle.
        """
        if self._gzip is not None and self._received and not self._gzip.eof:
            raise MalformedResponseError("the reply cannot be unpacked (it stops in the middle)")
        return bytes(self._decoded)


def _member() -> Any:
    """Return what unpacks one member of gzip: https://www.rfc-editor.org/rfc/rfc1952#section-2.2."""
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def too_large(how: str) -> ResponseTooLargeError:
    """Return the error for a reply that is larger than any may be; ``how`` says in what way."""
    return ResponseTooLargeError(f"the reply is too large: {how}", advice=NONE_IS)


NONE_IS = "No reply of this service is so large: see what answers at its address."
