"""The journal and the turns of a batch whose keeper is on another computer, as its workers see them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from cloudai.batch.shared.address import address_of, secret_of
from cloudai.batch.shared.link import PATIENCE, Link
from cloudai.batch.shared.wire import call_of
from cloudai.core.rate_limit import Rate
from cloudai.errors import JournalError

__all__ = ["AT_END", "RemoteJournal", "RemoteTurns"]

log = logging.getLogger("cloudai")

AT_END = 10.0
"""Seconds that the end of a batch waits for a keeper that is away."""


class RemoteJournal:
    """A journal that a keeper owns; it has the methods of `cloudai.batch.journal.Journal`.

    Args:
        address: ``keeper://HOST:PORT``; the secret comes from the environment.
        patience: Seconds to wait for a keeper that is away.

    Raises:
        SettingsError: The address cannot be used, or the secret is missing or another one.
        JournalError: The keeper was not reached in time.
    """

    def __init__(self, address: str, *, patience: float = PATIENCE) -> None:
        where = address_of(address)
        self.name = str(where)
        """The address of the keeper."""
        self._link = Link(where, secret_of(), patience=patience)
        self.rates = tuple(Rate(int(n), float(seconds)) for n, seconds in self._link.welcome.result()["rates"])
        """The pace that the keeper keeps for all workers; empty if it keeps none."""
        self.turns = RemoteTurns(self._link) if self.rates else None
        """Hands out the turns of that pace; None if there is none."""

    def again(self) -> RemoteJournal:
        """Return a new session with the same keeper."""
        return RemoteJournal(self.name)

    @property
    def shared(self) -> bool:
        """True: other processes use the journal at the same time."""
        return True

    def do(self, work: Callable[[Any], Any], *, reads: bool = False) -> Future[Any]:  # noqa: ARG002  # all are ordered
        """Have the keeper run a statement, and return a future that has its outcome once it is on disk.

        While the keeper is away, a reply that was paid for is written to the disk of this computer instead.
        """
        return self.do_each([work])[0]

    def do_each(self, works: Sequence[Callable[[Any], Any]]) -> list[Future[Any]]:
        """Have the keeper run several statements, in one transaction if they fit into one frame."""
        calls = [call_of(work) for work in works]
        # Only replies are worth the disk of this computer: whatever else is lost with a keeper can be made again for
        # nothing.
        paid = any(name == "answer" for name, *_ in calls)
        return self._link.ask_all([("do", *call) for call in calls], paid=paid)

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Have the keeper run several statements; the future has a pair for each: what it returned, and its error.

        If the keeper does not answer, the future does not raise: the error is that of each statement.
        """
        futures = self.do_each(works)
        outcome: Future[list[tuple[Any, Exception | None]]] = Future()
        outcome.set_running_or_notify_cancel()
        left = [len(futures)]

        def count(_: Future[Any]) -> None:
            left[0] -= 1  # all answers come in the thread of the link
            if not left[0]:
                outcome.set_result([_outcome_of(future) for future in futures])

        for future in futures:
            future.add_done_callback(count)
        return outcome

    def ask(self, work: Callable[[Any], Any]) -> Any:
        """Have the keeper run a statement that writes, and wait for its outcome."""
        return self.do(work).result()

    def read(self, work: Callable[[Any], Any]) -> Any:
        """Have the keeper run a statement that only reads, and wait for its outcome."""
        return self.do(work).result()

    def post(self, work: Callable[[Any], Any]) -> None:
        """Have the keeper run a statement, and do not wait for it; if the keeper is away for too long, it is lost."""
        self.do(work)

    def rescue(self, work: Callable[[Any], Any], *, paid: bool = False) -> None:
        """Keep a reply that the keeper could not write on the disk of this computer; nothing else is kept."""
        if paid:
            self._link.save(*call_of(work))

    def claim(self, key: str) -> Future[None]:
        """Return a future that is done once no other process carries out the call of this key."""
        return self._link.ask("claim", key)

    def release(self, key: str) -> None:
        """Let other processes carry out the call of this key."""
        # The key is dropped first: after a broken connection the link would otherwise take back a call that another
        # worker has.
        self._link.held.discard(key)
        self._link.ask("release", key)

    def let_go(self) -> None:
        """Let those go on that wait for a call which another process carries out; they see that the batch ends."""
        self._link.let_go()

    def stop_everywhere(self, batch: int) -> None:
        """Stop all processes that carry out parts of a batch of this number; a signal handler may call this."""
        self._link.post("stop", batch)

    def when_stopped(self, stop: Callable[[int], None]) -> None:
        """Have a function called with the number of a batch that somebody has stopped everywhere."""
        self._link.when_stopped = stop

    def hurry(self, seconds: float) -> None:
        """Wait so many seconds at most from now on, if the keeper is away."""
        self._link.hurry(seconds)

    def close(self) -> None:
        """Wait for the keeper to write what is left, ten seconds at most while it is away, and end the session.

        Raises:
            JournalError: Replies that were paid for are on the disk of this computer alone.
        """
        if left := self._link.close(AT_END):
            raise JournalError(
                f"{left} answered request(s) could not be handed to the keeper",
                advice="They are kept on this computer: the next batch here that reaches the keeper hands them over.",
            )


class RemoteTurns:
    """The turns of a pace that a keeper owns.

    Args:
        link: The connection to the keeper.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def take(self, name: str | None) -> Future[int]:
        """Return a future of the id of the next turn at the endpoint of this name."""
        return self._link.ask("turn", name or "")

    def use(self, name: str | None, turn: int) -> Future[bool]:
        """Let a turn count from now on; the future says whether it was still valid."""
        return self._link.ask("use", name or "", turn)

    def give_up(self, name: str | None, future: Future[int]) -> None:
        """Stop waiting for a turn. One that the keeper has handed out already stays used."""
        if (number := self._link.forget(future)) is not None:
            self._link.ask("unturn", name or "", number)


def _outcome_of(future: Future[Any]) -> tuple[Any, Exception | None]:
    error = future.exception()
    if error is None:
        return future.result(), None
    return None, error if isinstance(error, Exception) else RuntimeError(str(error))
