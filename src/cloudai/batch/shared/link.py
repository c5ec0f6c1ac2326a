"""A worker's connection to its keeper is made again whenever it breaks, and sends again what was not answered."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from cloudai import storage
from cloudai.batch.codec import error_of
from cloudai.batch.shared.address import Address
from cloudai.batch.shared.connection import Wire
from cloudai.batch.shared.frames import STOP, FrameError
from cloudai.batch.shared.spool import SpooledReplies, left_behind
from cloudai.batch.shared.wire import dumped
from cloudai.errors import CloudAIError, JournalError, SettingsError

__all__ = ["PATIENCE", "Link"]

log = logging.getLogger("cloudai")

PATIENCE = 300.0
"""Seconds that a worker waits for a keeper that is away, before its batch pauses."""
FIRST_WAIT, LONGEST_WAIT = 0.05, 1.0
"""Seconds between two tries to reach the keeper."""
CONNECTING = 10.0
"""Seconds in which a connection is made, with its challenge."""
PING = 5.0
"""Seconds of silence after which the worker says that it is still there."""
SILENCE = 20.0
"""Seconds without an answer to that after which the connection counts as broken."""
TOLD = 2.0
"""Seconds after which a warning says that the keeper is waited for."""
TICK = 0.25


@dataclass(eq=False)
class _Message:
    """A message that the keeper has not answered yet."""

    text: bytes
    """The message as JSON."""
    future: Future[Any]
    key: str | None = None
    """The key of the call that this session carries out if the answer is a record of it."""
    paid: bool = False
    """True if it holds a reply that was paid for."""
    kind: str = ""
    """The kind of the message."""


WAITING = ("claim", "turn")
"""Messages that are answered only once another worker or the pace allows it."""


class Link:
    """A connection to a keeper; its messages are answered once each, however often it breaks.

    If the keeper is away for longer than ``patience``, the messages that wait for an answer fail with a JournalError.

    Args:
        address: Where the keeper listens.
        secret: The secret that the keeper knows, too.
        patience: Seconds that a keeper that is away is waited for.

    Raises:
        SettingsError: The keeper has another secret or another version of cloudai, or the address or the file of
            certificates cannot be used.
        JournalError: No keeper was reached within ``patience`` seconds.
    """

    def __init__(self, address: Address, secret: bytes, *, patience: float = PATIENCE) -> None:
        self._address, self._secret = address, secret
        self._tls = address.client_context()
        self.session = secrets.token_hex(16)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._number = 0
        self._waiting: dict[int, _Message] = {}
        """The messages that are not answered, by number, in order."""
        self._unsent: list[int] = []
        self.held: set[str] = set()
        """The keys of the calls that this session carries out."""
        self._replies: SpooledReplies | None = None
        """The replies that are on the disk of this computer; None before the keeper was first reached."""
        self._wire: Wire | None = None
        self._away_since = time.monotonic()
        self._patience, self._until = patience, math.inf
        self._told = False
        self._ended = False
        self.when_stopped: Callable[[int], None] = lambda _: None
        """Called with the number of a batch that somebody has stopped everywhere."""
        self.welcome: Future[dict[str, Any]] = Future()
        """The description that the keeper gives of itself when the link first reaches it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="cloudai-link", daemon=True)
        self._thread.start()
        try:
            # A wrong secret, or a keeper of another version, is told here, before the batch has begun.
            self.welcome.result()
        except BaseException:
            self._end()
            raise

    def ask(self, kind: str, *rest: Any, paid: bool = False) -> Future[Any]:
        """Send a message, and return a future of the keeper's answer."""
        return self.ask_all([(kind, *rest)], paid=paid)[0]

    def ask_all(self, messages: Sequence[Sequence[Any]], *, paid: bool = False) -> list[Future[Any]]:
        """Send several messages in as few frames as they fit into, and return a future of the answer to each.

        The keeper carries out the messages of one frame in one transaction. If the link has ended, or its process was
        forked, each future has a JournalError.
        """
        futures: list[Future[Any]] = [Future() for _ in messages]
        for future in futures:
            future.set_running_or_notify_cancel()  # from here on the future cannot be cancelled
        if self._ended or self._pid != os.getpid():
            for future in futures:
                future.set_exception(JournalError("the batch is closed, or its process was forked"))
            return futures
        with self._lock:
            for message, future in zip(messages, futures, strict=True):
                self._number += 1
                text = dumped([self._number, *message])
                key = message[3]["keys"][-1] if message[:2] == ("do", "look_up_each") else None
                self._waiting[self._number] = _Message(text, future, key, paid, str(message[0]))
                self._unsent.append(self._number)
            # Only the caller that finds nothing else unsent asks for the sending; messages that are added before it
            # begins go out with it.
            first = len(self._unsent) == len(messages)
        if first:
            self._soon(self._flush)
        return futures

    def save(self, *rest: Any) -> None:
        """Keep a message that the keeper could not carry out on the disk of this computer; a later session sends it."""
        self._soon(partial(self._rescue, dumped(["do", *rest])))

    def forget(self, future: Future[Any]) -> int | None:
        """Wait for an answer no more, and return the number of its message; None if it has come already."""
        with self._lock:
            number = next((number for number, message in self._waiting.items() if message.future is future), None)
            if number is not None:
                del self._waiting[number]
        return number

    def let_go(self) -> None:
        """Answer None to everything that waits for another worker; this may be called from a signal handler."""
        self._soon(partial(self._let_go, ("claim",)))

    def post(self, kind: str, *rest: Any) -> None:
        """Send a message whose answer nobody waits for; this may be called from a signal handler."""
        self._soon(partial(self.ask, kind, *rest))

    def hurry(self, seconds: float) -> None:
        """Wait so many seconds at most from now on, if the keeper is away."""
        self._until = min(self._until, time.monotonic() + seconds)

    def close(self, wait: float) -> int:
        """Wait for the answers that are still to come, end the session, and return how many replies stay in the spool.

        Args:
            wait: Seconds to wait at most, while the keeper is away.
        """
        if self._pid != os.getpid() or self._ended:
            return 0
        self.hurry(wait)
        self._soon(partial(self._let_go, WAITING))
        for future in [message.future for message in self._messages()]:
            with suppress(CloudAIError):
                future.result()
        while self._messages() and self._wire is not None:  # what is in the spool is being handed over
            time.sleep(TICK / 10)
        if self._wire is not None:
            with suppress(CloudAIError):
                self.ask("bye").result()
        self._end()
        return 0 if self._replies is None else len(self._replies)

    def _messages(self) -> list[_Message]:
        with self._lock:
            return list(self._waiting.values())

    def _end(self) -> None:
        self._ended = True
        self._soon(self._loop.stop)
        self._thread.join()

    def _soon(self, function: Callable[[], Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function)

    # The methods below run in the thread of the link.

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        connecting = self._loop.create_task(self._keep_connected())
        ticking = self._loop.create_task(self._tick())
        try:
            self._loop.run_forever()
        finally:
            for task in (connecting, ticking):
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(connecting, ticking, return_exceptions=True))
            self._loop.run_until_complete(asyncio.sleep(0))  # the connection ends in the next step of the loop
            if self._replies is not None:
                self._replies.close()
            self._loop.close()

    def _let_go(self, kinds: Sequence[str]) -> None:
        """Answer None to the messages of these kinds; whoever waited for them sees that the batch ends."""
        with self._lock:
            numbers = [number for number, message in self._waiting.items() if message.kind in kinds]
            gone = [(number, self._waiting.pop(number)) for number in numbers]
        for _, message in gone:
            message.future.set_result(None)

    async def _keep_connected(self) -> None:
        wait = FIRST_WAIT
        while True:
            wire = Wire(self._secret, self.session, self._answered)
            try:
                async with asyncio.timeout(CONNECTING):
                    await self._loop.create_connection(
                        partial(_itself, wire), self._address.host, self._address.port, ssl=self._tls
                    )
                    welcome = await wire.welcome
                self._connected(wire, welcome)
                wait = FIRST_WAIT
                await wire.lost
            except SettingsError as error:
                if not self.welcome.done():
                    self._fail(error)
                    return
                log.warning("%s", error)
            except UnicodeError:
                self._fail(SettingsError(f"{self._address} has no name of a computer", advice="Check the address."))
                return
            except (OSError, FrameError) as error:
                log.debug("the keeper cannot be reached: %s", error)
            except Exception:  # whoever waits for an answer would wait for ever without another try
                log.exception("the connection to the keeper has failed")
            finally:
                wire.close()
            self._lost()
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  # so that not all come at the same time
            wait = min(2 * wait, LONGEST_WAIT)

    def _connected(self, wire: Wire, welcome: dict[str, Any]) -> None:
        """Send again what was not answered, after the calls that this session carries out."""
        self._wire, self._told = wire, False
        if self._replies is None:
            self._replies = SpooledReplies(str(welcome["journal"]), self.session)
        with self._lock:
            held, again, self._unsent = sorted(self.held), [*self._waiting.values()], []
        if self.welcome.done():
            wire.send([dumped([0, "hold", held])])
        wire.send([message.text for message in again])
        if not self.welcome.done():
            self.welcome.set_result(welcome)
            for path, pieces in left_behind(str(welcome["journal"])):
                futures = self.ask_all([("spooled", piece) for piece in pieces])
                futures[-1].add_done_callback(partial(_handed_over, path, futures))

    def _lost(self) -> None:
        """Note that the keeper is away, and write the replies that it may not have to the spool."""
        if self._wire is not None:
            self._wire, self._away_since = None, time.monotonic()
        for number, message in list(self._waiting.items()):
            self._keep(number, message)

    def _flush(self) -> None:
        """Send what was not sent yet; if the keeper is away, write the replies in it to the spool."""
        with self._lock:
            numbers, self._unsent = self._unsent, []
            messages = [(number, self._waiting[number]) for number in numbers if number in self._waiting]
        if self._wire is not None:
            self._wire.send([message.text for _, message in messages])
        else:
            for number, message in messages:
                self._keep(number, message)

    def _keep(self, number: int, message: _Message) -> None:
        """Write a reply that was paid for to the disk of this computer; the batch goes on as if the keeper had it."""
        if not message.paid or self._replies is None or number in self._replies.numbers:
            return
        if self._replies.keep(number, message.text) and not message.future.done():
            message.future.set_result(None)

    def _rescue(self, text: bytes) -> None:
        if self._replies is not None:
            self._replies.rescue(text)

    def _answered(self, answers: list[Any]) -> None:
        for number, value, *errors in answers:
            if number == STOP:
                self.when_stopped(value)
                continue
            with self._lock:
                message = self._waiting.pop(number, None)
            if message is None:
                continue
            if self._replies is not None:
                if errors and message.future.done():  # the batch has gone on as if the keeper had the reply
                    self._replies.rescue(dumped(json.loads(message.text)[1:]))
                self._replies.remove(number)
            if message.future.done():
                continue
            if errors:
                message.future.set_exception(error_of(errors[0]))
            else:
                if message.key is not None and value is not None:
                    self.held.add(message.key)  # before the worker goes on, which may soon release it
                message.future.set_result(value)

    async def _tick(self) -> None:
        """Say now and then that the worker is still there, and give up a keeper that has been away for too long."""
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            if self._wire is not None:
                self._wire.note_progress()
                # A computer that loses its power or its network ends no connection: only its silence tells.
                if now - self._wire.heard > SILENCE:
                    self._wire.close()
                elif now - self._wire.said > PING:
                    self._wire.send([b'[0,"ping"]'])
                continue
            away = now - self._away_since
            if away > TOLD and not self._told:
                self._told = True
                log.warning("waiting for the keeper at %s", self._address)
            if away > self._patience or now > self._until:
                self._give_up(away)

    def _give_up(self, away: float) -> None:
        """Fail what waits for the keeper; replies stay in the spool, and are handed over if it comes back."""
        error = JournalError(
            f"the keeper at {self._address} has not answered for {away:.0f} s",
            advice="Start it again with the same journal, and run the same again: it goes on from there.",
        )
        with self._lock:
            lost = [number for number, message in self._waiting.items() if not message.future.done()]
            failed = [self._waiting.pop(number) for number in lost]
        for message in failed:
            message.future.set_exception(error)
        self._fail(error)

    def _fail(self, error: CloudAIError) -> None:
        """Tell the caller who has made this link that the keeper cannot be used, unless it was reached before."""
        if not self.welcome.done():
            self.welcome.set_exception(error)


def _itself(wire: Wire) -> Wire:
    return wire


def _handed_over(path: Any, futures: Sequence[Future[Any]], _: Future[Any]) -> None:
    if all(future.exception() is None for future in futures):
        storage.remove(path)
