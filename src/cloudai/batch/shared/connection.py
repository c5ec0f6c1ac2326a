"""One connection between a worker and its keeper, as the worker sees it; ``peer.py`` is the keeper's side."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from cloudai.batch.shared.address import SECRET
from cloudai.batch.shared.frames import MOST, PROTOCOL, Channel, FrameError, Splitter, in_frames, proof, raw
from cloudai.batch.shared.wire import ILL_FORMED, loaded
from cloudai.errors import SettingsError

__all__ = ["Wire"]

NAME = re.compile(r"[0-9a-f]{16}")
"""The id of a keeper's journal, which is the name of a folder on the workers' computers."""


class Wire(asyncio.Protocol):
    """One connection to the keeper.

    Args:
        secret: The secret that the keeper knows, too.
        session: The name of the session.
        answered: Takes the answers of the keeper.
    """

    def __init__(self, secret: bytes, session: str, answered: Callable[[list[Any]], None]) -> None:
        self._secret, self._session, self._take = secret, session, answered
        self._splitter = Splitter()
        self._nonce = secrets.token_hex(16)
        self._channel: Channel | None = None
        self._transport: Any = None
        self.welcome: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = 0
        """The bytes that the other computer had not taken when this was asked last."""
        self.heard = self.said = time.monotonic()
        """The time (monotonic seconds) of the last bytes that came, and of the last that were sent."""

    def connection_made(self, transport: Any) -> None:
        """Wait for the keeper's random number."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take the frames that have come; one that is not the keeper's ends the connection."""
        self.heard = time.monotonic()
        try:
            for frame in self._splitter.feed(data):
                if self._channel is None:
                    self._meet(json.loads(frame))
                elif not self.welcome.done():
                    self._enter(self._channel, frame)
                else:
                    self._take(loaded(self._channel.open(frame)))
        except (FrameError, SettingsError, RecursionError, *ILL_FORMED) as error:
            if not self.welcome.done():
                known = error if isinstance(error, SettingsError) else FrameError("it is no keeper of cloudai")
                self.welcome.set_exception(known)
            self.close()

    def _meet(self, hello: dict[str, Any]) -> None:
        """Answer the challenge.

        Raises:
            SettingsError: The keeper has another version of cloudai.
        """
        if hello.get("protocol", PROTOCOL) != PROTOCOL:
            raise SettingsError("the keeper is of another version of cloudai", advice="Install the same everywhere.")
        theirs = str(hello["nonce"])
        mac = proof(self._secret, "worker", theirs, self._nonce, self._session).hex()
        self._transport.write(
            raw({"session": self._session, "nonce": self._nonce, "mac": mac, "protocol": PROTOCOL}),
        )
        # Each direction has a key of its own, so that nobody can send a frame back to the side that it came from.
        to_keeper, from_keeper = (
            proof(self._secret, whose, theirs, self._nonce, self._session) for whose in ("to keeper", "from keeper")
        )
        self._channel = Channel(to_keeper, from_keeper)

    def _enter(self, channel: Channel, frame: bytes) -> None:
        """Take the keeper's first sealed frame, which shows that it knows the secret, too.

        Raises:
            FrameError: It is not sealed by the secret.
            SettingsError: The keeper says that it has another secret.
        """
        try:
            welcome = loaded(channel.open(frame))
        except FrameError:
            # A refusal is not sealed, because the two sides have no key in common. The four bytes of the length, which
            # `raw` puts before it, are cut off every frame.
            if frame == raw({"refused": "secret"})[4:]:
                raise SettingsError(
                    "the keeper has another secret", advice=f"Set {SECRET} to the same for the keeper and its workers."
                ) from None
            raise
        if not NAME.fullmatch(str(welcome["journal"])):
            raise FrameError("its journal has no id")
        self._splitter.limit = MOST
        self.welcome.set_result(dict(welcome))

    def send(self, texts: Sequence[bytes]) -> None:
        """Send messages, in as few frames as they fit into; a connection that has ended drops them."""
        for some in in_frames(texts):
            if self._channel is None or self._transport.is_closing():
                return
            self._transport.write(self._channel.seal(b"[" + b",".join(some) + b"]"))
            self.said = time.monotonic()

    def note_progress(self) -> None:
        """Count as heard that the other computer takes what was sent: a long reply may take long on its way."""
        if (left := self._transport.get_write_buffer_size()) < self._left:
            self.heard = time.monotonic()
        self._left = left

    def close(self) -> None:
        """End the connection at once: what was not answered is sent again by the next one."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Tell the link that the connection has ended."""
        if not self.welcome.done():
            self.welcome.set_exception(FrameError("the connection ended in its challenge"))
        if not self.lost.done():
            self.lost.set_result(None)
