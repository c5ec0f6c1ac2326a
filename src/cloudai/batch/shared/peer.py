"""One connection between a keeper and a worker, as the keeper sees it."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Sequence
from typing import Any, Protocol

from cloudai.batch.shared.frames import MOST, PROTOCOL, Channel, FrameError, Splitter, in_frames, proof, raw
from cloudai.batch.shared.wire import ILL_FORMED, dumped, loaded

__all__ = ["HANDSHAKE", "Peer"]

log = logging.getLogger("cloudai")

HANDSHAKE = 5.0
"""Seconds that a stranger has to show that it knows the secret."""
HEX = re.compile(r"[0-9a-f]{32}")


class Owner(Protocol):
    """The part of the keeper that a connection uses."""

    secret: bytes

    def came(self, peer: Peer) -> None:
        """Note a new connection."""

    def entered(self, peer: Peer) -> None:
        """Note that a worker has shown that it knows the secret."""

    def received(self, peer: Peer, messages: list[Any]) -> None:
        """Take messages of a worker."""

    def left(self, peer: Peer) -> None:
        """Note that a connection has ended."""


def _is_message(message: Any) -> bool:
    # ``isinstance`` would take True for a number.
    return isinstance(message, list) and len(message) > 1 and type(message[0]) is int and isinstance(message[1], str)


class Peer(asyncio.Protocol):
    """A connection that a worker has made; nothing is taken from it before it has shown that it knows the secret.

    Args:
        owner: The keeper.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._splitter = Splitter()
        self._nonce = secrets.token_hex(16)
        self._channel: Channel | None = None
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self.session: str | None = None
        """The name of the worker's session, once it is known."""
        self.heard = time.monotonic()
        """The time (monotonic seconds) of the last bytes that came."""
        self.stops_before = 0
        """How many stops came before the session, if it comes back to a keeper that has stopped batches since."""
        self.friendly = False
        """True once the worker has said that it ends."""

    @property
    def shown(self) -> str:
        """The address of the worker, for messages."""
        name = self._transport.get_extra_info("peername") or ("?", 0)
        return f"{name[0]}:{name[1]}"

    def connection_made(self, transport: Any) -> None:
        """Send the random number of the challenge."""
        self._transport = transport
        self._owner.came(self)
        transport.write(raw({"cloudai": "keeper", "protocol": PROTOCOL, "nonce": self._nonce}))
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE, self._refuse, "it was silent")

    def data_received(self, data: bytes) -> None:
        """Take the frames that have come; a frame that may not be sent ends the connection."""
        self.heard = time.monotonic()
        try:
            for frame in self._splitter.feed(data):
                if self._channel is None:
                    self._meet(frame)
                else:
                    messages = loaded(self._channel.open(frame))
                    if not (isinstance(messages, list) and all(map(_is_message, messages))):
                        raise FrameError("what it sent is no list of messages")
                    self._owner.received(self, messages)
                if self._transport.is_closing():
                    return
        except (FrameError, *ILL_FORMED) as error:
            self._refuse(str(error) if isinstance(error, FrameError) else "what it sent cannot be read")

    def _meet(self, frame: bytes) -> None:
        """Check that the worker knows the secret, and open the channel.

        Raises:
            FrameError: It does not, or speaks another protocol.
        """
        try:
            hello = json.loads(frame)
            session, nonce, mac = str(hello["session"]), str(hello["nonce"]), bytes.fromhex(hello["mac"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FrameError("it is no worker") from error
        if hello.get("protocol") != PROTOCOL:
            self._transport.write(raw({"refused": "protocol", "protocol": PROTOCOL}))
            raise FrameError("it is a worker of another version of cloudai")
        expected = proof(self._owner.secret, "worker", self._nonce, nonce, session)
        if not (HEX.fullmatch(session) and HEX.fullmatch(nonce) and hmac.compare_digest(mac, expected)):
            self._transport.write(raw({"refused": "secret"}))
            raise FrameError("it does not know the secret")
        keys = [proof(self._owner.secret, whose, self._nonce, nonce, session) for whose in ("from keeper", "to keeper")]
        self._channel = Channel(*keys)
        self._splitter.limit = MOST
        self.session = session
        if self._timer is not None:
            self._timer.cancel()
        self._owner.entered(self)

    def greet(self, welcome: dict[str, Any]) -> None:
        """Send what the worker has to know at the beginning."""
        self._send(dumped(welcome))

    def send(self, answers: Sequence[Any]) -> None:
        """Send answers, in as few frames as they fit into."""
        for texts in in_frames([dumped(answer) for answer in answers]):
            self._send(b"[" + b",".join(texts) + b"]")

    def _send(self, text: bytes) -> None:
        if self._channel is not None and not self._transport.is_closing():
            self._transport.write(self._channel.seal(text))

    def _refuse(self, why: str) -> None:
        log.warning("the keeper has refused %s: %s", self.shown, why)
        self.close()

    def close(self, *, at_once: bool = False) -> None:
        """End the connection, once what was sent has left, or at once."""
        if self._timer is not None:
            self._timer.cancel()
        if at_once:
            self._transport.abort()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Tell the keeper that the connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._owner.left(self)
