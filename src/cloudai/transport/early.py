"""A server may answer before it has read the whole request, for example that the upload is too large.

Some servers close the connection then, others only stop reading. In both cases the reply must be read at once: written
on, the request would run into a closed connection, and the reply be lost, or into the end of the call's time.
"""

from __future__ import annotations

import re

__all__ = ["EarlyReply"]

MOST = 65_536
"""Bytes of interim replies without an end, after which the HTTP library is to see them, and refuse them."""

INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d ?")
"""Matches the beginning of a reply that is not the last one ("100 Continue"). After 101 no HTTP would follow."""

STATUS = len(b"HTTP/1.1 200")


class EarlyReply:
    """The bytes that a server has sent while a request was being written."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._ended = False
        self.is_final = False
        """Whether the server has begun its reply, or closed the connection: what is left of the request is in vain."""

    def __bool__(self) -> bool:
        return bool(self._data) or self._ended

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come but the end of the connection, or interim replies."""
        return not self._data

    def add(self, data: bytes) -> None:
        """Take in bytes, none of which means that the server has closed the connection.

        Interim replies are left out, because they say nothing that changes the request.
        """
        self._ended = self._ended or not data
        self._data += data
        while INTERIM.match(self._data) and (end := self._data.find(b"\r\n\r\n")) >= 0:
            del self._data[: end + 4]
        has_status = len(self._data) >= STATUS and INTERIM.match(self._data) is None
        self.is_final = self._ended or len(self._data) > MOST or has_status

    def take(self, most: int) -> bytes:
        """Return at most so many of the bytes, and remove them; none where only the end of the connection is left."""
        taken = bytes(self._data[:most])
        del self._data[:most]
        return taken
