"""The keeper: one process that owns a journal and a pace, and serves both to workers on any number of computers."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

from cloudai.batch.codec import written_error
from cloudai.batch.journal import Journal
from cloudai.batch.shared.address import Address, address_of, secret_of, server_context
from cloudai.batch.shared.desk import Desk
from cloudai.batch.shared.frames import STOP
from cloudai.batch.shared.pace import Pace
from cloudai.batch.shared.peer import HANDSHAKE, Peer
from cloudai.core.rate_limit import rates
from cloudai.errors import CloudAIError, SettingsError

__all__ = ["GRACE", "Keeper", "share"]

log = logging.getLogger("cloudai")

GRACE = 5.0
"""Seconds in which a worker whose connection has broken may come back to what it was doing."""
SILENCE = 20.0
"""Seconds without any message after which the connection of a worker is closed."""
MOST_STRANGERS = 256
"""How many connections may be open at a time that have not shown that they know the secret."""
OTHERS = ("turn", "use", "unturn", "ping", "stop")
"""Messages that are not about the journal."""


class Keeper:
    """Owns a journal and a pace, and serves them over TCP until it is closed; made by `share`.

    Args:
        journal: The file of the journal.
        pace: The pace of all workers, for example "20/min"; None for none.
        listen: Where to listen.
        secret: The secret that the workers know.
        tls: An SSL context with a certificate; None for connections without TLS.
        grace: Seconds in which a worker whose connection has broken may come back.
    """

    def __init__(
        self,
        journal: str | os.PathLike[str],
        pace: str | Sequence[str] | None,
        listen: Address,
        *,
        secret: bytes,
        tls: Any = None,
        grace: float = GRACE,
    ) -> None:
        self.secret = secret
        self._grace = grace
        self._peers: dict[str, Peer] = {}
        self._strangers: dict[Peer, None] = {}
        self._stops: list[int] = []
        """The numbers of the batches that somebody has stopped everywhere, in order."""
        self._known: dict[str, int] = {}
        """How many of the stops came before each session."""
        self._expiring: dict[str, asyncio.TimerHandle] = {}
        """The end of the time in which a worker whose connection has broken may come back, by session."""
        self._rates = rates(pace)
        self._pace = Pace(self._rates, self._grant_turn)
        self._journal = Journal(journal)
        self._desk = Desk(partial(self._later, self._grant_call))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="cloudai-keeper", daemon=True)
        try:
            self._id: str = self._journal.ask(self._desk.open)
            self._server = self._loop.run_until_complete(self._listening(listen, tls))
        except BaseException:
            self._journal.close()
            self._loop.close()
            raise
        # With port 0 the system chooses a port, which only the socket knows.
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = str(Address(host, port, tls=tls is not None))
        """The address that workers are given; for 0.0.0.0 they need the name of this computer instead."""
        self._thread.start()

    async def _listening(self, listen: Address, tls: Any) -> Any:
        """Return a server that listens at an address.

        Raises:
            SettingsError: The address or the port cannot be used.
        """
        try:
            return await self._loop.create_server(
                partial(Peer, self),
                listen.host,
                listen.port,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else HANDSHAKE,
                # The workers of a cluster begin at the same moment, and asyncio's usual backlog is 100.
                backlog=1024,
            )
        except OSError as error:
            raise SettingsError(
                f"nobody can listen at {listen.host}:{listen.port} ({error.strerror or error})",
                advice="Give another address or port with listen=.",
            ) from None

    def _serve(self) -> None:
        """Run the event loop until the keeper is closed; this is the body of its thread.

        Calls that an earlier keeper has left in doubt are kept for their workers until the time of grace is over.
        """
        asyncio.set_event_loop(self._loop)
        # The desk belongs to the thread of the journal, so the call is made there.
        self._loop.call_later(self._grace, self._journal.post, lambda _: self._desk.be_bold())
        self._loop.call_later(SILENCE / 4, self._look)
        self._loop.run_forever()

    def came(self, peer: Peer) -> None:
        """Note a new connection; if too many have not shown that they know the secret, the oldest one is closed."""
        if len(self._strangers) >= MOST_STRANGERS:
            next(iter(self._strangers)).close(at_once=True)
        self._strangers[peer] = None

    def entered(self, peer: Peer) -> None:
        """Welcome a worker that knows the secret, and tell it the id of the journal and the pace.

        If its session has another connection, that one has broken without a word, and is closed.
        """
        self._strangers.pop(peer, None)
        session = peer.session or ""
        if (earlier := self._peers.get(session)) is not None:
            earlier.close(at_once=True)
        self._peers[session] = peer
        peer.stops_before = self._known.get(session, 0)
        self._known.setdefault(session, len(self._stops))
        peer.greet({"journal": self._id, "rates": [[rate.n, rate.seconds] for rate in self._rates]})
        if (timer := self._expiring.pop(session, None)) is not None:
            timer.cancel()

    def received(self, peer: Peer, messages: list[Any]) -> None:
        """Carry out the messages of a worker, and answer them.

        Messages about the journal, among them "bye", are answered once what they wrote is on disk. "claim" is answered
        when no other session carries out the call, and "turn" when the pace allows the request. All others are answered
        at once.
        """
        of_journal = [message for message in messages if message[1] not in OTHERS]
        for number, kind, *rest in messages:
            match kind:
                case "turn":
                    self._pace.take(str(rest[0]), peer, number)
                case "use" | "unturn":
                    peer.send([[number, self._of_turn(peer, kind, str(rest[0]), int(rest[1]))]])
                case "ping":
                    peer.send([[number, None]])
                case "hold":  # the session was away, and may have missed a stop
                    peer.send([[STOP, batch] for batch in self._stops[peer.stops_before :]])
                case "stop":
                    self._stops.append(rest[0])
                    for other in self._peers.values():
                        other.send([[STOP, rest[0]]])
                    peer.send([[number, None]])
                case "bye":
                    peer.friendly = True
                    self._known.pop(peer.session or "", None)
        if of_journal:
            done = self._journal.do(partial(self._desk.serve, peer.session or "", of_journal))
            done.add_done_callback(partial(self._later, self._answer, peer, of_journal))

    def _of_turn(self, peer: Peer, kind: str, name: str, number: int) -> bool | None:
        """Let a turn count, and return whether it was still valid; or forget that a worker has asked for one."""
        if kind == "use":
            return self._pace.use(name, number)
        self._pace.give_up(name, peer, number)
        return None

    def _answer(self, peer: Peer, messages: list[Any], done: Future[list[Any]]) -> None:
        """Send the answers to messages, once what they wrote is on disk."""
        failure = done.exception()
        if failure is None:
            peer.send(done.result())
        else:
            known = failure if isinstance(failure, Exception) else RuntimeError(type(failure).__name__)
            peer.send([[message[0], None, written_error(known)] for message in messages])

    def _later(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function in the thread of the event loop; any thread may ask for it, also that of the journal."""
        with suppress(RuntimeError):  # the keeper has ended
            self._loop.call_soon_threadsafe(function, *arguments)

    def _grant_call(self, session: str, number: int) -> None:
        """Answer the message by which a session waits for a call that another session has: it may carry it out now."""
        if (peer := self._peers.get(session)) is not None:
            peer.send([[number, None]])

    def _grant_turn(self, peer: Peer, number: int, turn: int) -> None:
        """Answer the message by which a worker waits for its turn: its request may go out now."""
        peer.send([[number, turn]])

    def left(self, peer: Peer) -> None:
        """Note that a connection has ended.

        If its worker has not said "bye", the requests it has sent without an answer are in doubt at once, and others
        may carry out its calls after the time of grace.
        """
        self._strangers.pop(peer, None)
        self._pace.drop(peer)
        session = peer.session
        if session is None or self._peers.get(session) is not peer:
            return
        del self._peers[session]
        if peer.friendly:
            return
        self._journal.do(partial(self._desk.vanished, session)).add_done_callback(partial(self._tell, peer.shown))
        self._expiring[session] = self._loop.call_later(self._grace, self._expire, session)

    def _tell(self, who: str, done: Future[int]) -> None:
        """Log that a worker has gone, and how many calls it has left in doubt."""
        n = 0 if done.exception() else done.result()
        log.warning("the worker at %s has gone, and left %d calls in doubt", who, n)

    def _expire(self, session: str) -> None:
        """Let others carry out the calls of a worker that has not come back."""
        del self._expiring[session]
        self._journal.post(lambda _: self._desk.drop(session))

    def _look(self) -> None:
        """Close the connections of workers that have been silent for too long, and look again in a while.

        A computer that loses its power or its network ends no connection.
        """
        now = time.monotonic()
        for peer in list(self._peers.values()):
            if now - peer.heard > SILENCE:
                peer.close(at_once=True)  # otherwise the connection lasts until what was sent has left
        self._loop.call_later(SILENCE / 4, self._look)

    @property
    def books(self) -> dict[str, int]:
        """How many "workers" are connected, and how many requests it has "intended" and "answered" so far."""
        return {"workers": len(self._peers), **self._desk.counts}

    def close(self) -> None:
        """Take no more messages, and close the journal; workers wait for another keeper.

        Raises:
            JournalError: Something that was paid for could not be written.
        """
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        self._journal.close()

    async def _ended(self) -> None:
        """Stop listening, and end all connections without counting their workers as gone."""
        self._server.close()
        self._pace.close()
        for peer in [*self._peers.values(), *self._strangers]:
            peer.friendly = True  # the keeper ends the connection, so the worker does not count as gone
            peer.close(at_once=True)
        await asyncio.sleep(0)  # the connections end in the next step of the loop

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.close()
        except CloudAIError:
            if kind is None:
                raise


def share(
    journal: str | os.PathLike[str],
    *,
    pace: str | Sequence[str] | None = None,
    listen: str = "127.0.0.1:8399",
    secret: str | None = None,
    certificate: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    grace: float = GRACE,
) -> Keeper:
    """Own a journal and a pace, and serve them to workers on any number of computers, until the keeper is closed.

    Workers use it by ``client.batch(…, journal="keeper://HOST:PORT")``; see docs/many-machines.md.

    Args:
        journal: The file of the journal, which no other process can open meanwhile.
        pace: Maximum number of requests of all workers in a time: "20/min", "10/s, 1000/day"; None for no limit.
        listen: ``HOST:PORT``; port 0 takes any that is free. 0.0.0.0 listens on every network of this computer.
        secret: At least 16 random characters that the workers know, too; by default those in the environment variable
            CLOUDAI_KEEPER_SECRET.
        certificate: The file of a certificate (PEM), for connections with TLS.
        key: The file of its key, if that is not the file of the certificate.
        grace: Seconds in which a worker whose connection has broken may come back, before others carry out its calls.

    Raises:
        SettingsError: The secret is missing, or the pace, the address or the certificate cannot be used.
        JournalError: The journal cannot be used.
    """
    tls, where = server_context(certificate, key), address_of(listen)
    if where.tls and tls is None:
        raise SettingsError("TLS needs a certificate", advice="Give certificate= and key= (--cert, --key).")
    return Keeper(journal, pace, where, secret=secret_of(secret), tls=tls, grace=grace)
