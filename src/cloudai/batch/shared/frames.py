"""Frames are the pieces of a connection between a keeper and a worker; a challenge shows both that they may talk.

A frame is its length (four bytes, big-endian) and a JSON text. The keeper begins with a frame that holds a random
number. The worker replies with a number of its own and the HMAC-SHA256 of both, whose key is the shared secret. From
there on each frame begins with an HMAC over its number and its text, whose key is made from the secret and both random
numbers. So a frame that is forged, recorded elsewhere, sent twice or left out ends the connection. Others can read the
frames unless the connection is one of TLS. This module performs no I/O.
"""

from __future__ import annotations

import hmac
import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["MOST", "PROTOCOL", "STOP", "Channel", "FrameError", "Splitter", "in_frames", "proof", "raw"]

PROTOCOL = 1
"""The version of what is in the frames."""
STOP = -1
"""The number of an answer that nobody has asked for: its value is the number of a batch that is to stop."""
MOST = 64 * 1024 * 1024
"""Maximum length of a frame in bytes, once the other side is known."""
A_FRAME = 256 * 1024
"""Bytes of messages after which a frame is full."""
MOST_OF_STRANGERS = 1024
"""Maximum length of a frame of a side that has not shown that it knows the secret."""
MAC = 16
"""Length of the HMAC in a frame in bytes."""
LENGTH = struct.Struct(">I")
COUNTER = struct.Struct(">Q")


class FrameError(Exception):
    """The other side sends what it may not send, and the connection ends."""


class Splitter:
    """Splits a stream of bytes into frames."""

    def __init__(self) -> None:
        self.limit = MOST_OF_STRANGERS
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the frames that have come to their end with these bytes.

        Raises:
            FrameError: A frame is longer than the limit; nothing of it is kept.
        """
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= LENGTH.size:
                (length,) = LENGTH.unpack_from(self._buffer, start)
                if length > self.limit:
                    raise FrameError(f"a frame of {length} bytes")
                end = start + LENGTH.size + length
                if len(self._buffer) < end:
                    return
                frame = bytes(self._buffer[start + LENGTH.size : end])
                start = end
                yield frame
        finally:
            # The frames that were yielded are removed even if the caller stops early.
            del self._buffer[:start]


def in_frames(texts: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield the texts of messages in groups, each for a frame of its own, which is full after `A_FRAME` bytes."""
    start = 0
    while start < len(texts):
        end, size = start, 0
        # A single message that is larger than `A_FRAME` still gets a frame of its own.
        while end < len(texts) and (end == start or size + len(texts[end]) <= A_FRAME):
            size += len(texts[end])
            end += 1
        yield texts[start:end]
        start = end


def raw(message: Any) -> bytes:
    """Return a frame of the challenge, which has no HMAC."""
    text = json.dumps(message).encode()
    return LENGTH.pack(len(text)) + text


def proof(secret: bytes, whose: str, theirs: str, ours: str, session: str = "") -> bytes:
    """Return the HMAC by which a side shows that it knows the secret, or a key that is made from it.

    Args:
        secret: The secret.
        whose: What the HMAC is for.
        theirs: The random number of the keeper.
        ours: The random number of the worker.
        session: The name of the worker's session.
    """
    return hmac.digest(secret, f"{whose}\n{theirs}\n{ours}\n{session}".encode(), "sha256")


class Channel:
    """Seals the frames that one side sends, and opens those that it gets.

    Args:
        sends: The key of the frames that are sent.
        gets: The key of the frames that come.
    """

    def __init__(self, sends: bytes, gets: bytes) -> None:
        self._sends, self._gets = sends, gets
        self._sent = self._got = 0

    def seal(self, text: bytes) -> bytes:
        """Return the next frame to send."""
        # An HMAC may be cut to half of its length (RFC 2104, section 5): nobody can guess sixteen bytes either.
        mac = hmac.digest(self._sends, COUNTER.pack(self._sent) + text, "sha256")[:MAC]
        self._sent += 1
        return LENGTH.pack(MAC + len(text)) + mac + text

    def open(self, frame: bytes) -> bytes:
        """Return the text of a frame.

        Raises:
            FrameError: The frame is not the next one of the other side.
        """
        text = frame[MAC:]
        mac = hmac.digest(self._gets, COUNTER.pack(self._got) + text, "sha256")[:MAC]
        # The comparison takes the same time for any wrong MAC, so that its time tells a stranger nothing.
        if not hmac.compare_digest(mac, frame[:MAC]):
            raise FrameError("a frame that is not the next one of the other side")
        self._got += 1
        return text
