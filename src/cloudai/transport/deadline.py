"""An exchange keeps its deadline: each blocking operation of it is given only the time that is left.

The HTTP library's own timeouts start anew with every byte: a server that sends its body or its headers slowly, or that
repeats "100 Continue", would hold a call for minutes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

__all__ = ["CURRENT", "Exchange", "Interruptible", "connecting", "timeouts", "until"]

CONNECT = 10.0
"""Seconds for connecting at most, however much time the call has."""


def connecting(left: float | None) -> float:
    """Return the seconds for connecting, out of those that are left."""
    return CONNECT if left is None else min(CONNECT, left)


def timeouts(left: float | None) -> tuple[float | None, ...]:
    """Return the seconds for connecting, reading, writing and waiting for a connection, out of those that are left."""
    return connecting(left), left, left, left


class Interruptible(Protocol):
    """The operation that an exchange is waiting for."""

    def interrupt(self) -> None:
        """End the wait, from another thread."""


class Exchange:
    """One request and its reply, which end at a deadline, or when their caller gives them up.

    Args:
        timeout: The seconds that the exchange has from now on; None for any number.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._given_up = False
        self._waits_for: Interruptible | None = None

    def left(self, timeout: float | None, expired: type[Exception], waits_for: Interruptible | None) -> float | None:
        """Return the smaller of an operation's own timeout and what is left of the exchange; None if both are endless.

        Args:
            timeout: The timeout of the operation that begins now.
            expired: The error to raise where nothing is left.
            waits_for: What to interrupt where the exchange is given up during the operation.
        """
        # The order counts: a caller who gives up at any moment is seen here, or sees what to interrupt.
        self._waits_for = waits_for
        if self._given_up:
            raise expired("the caller has given up")
        if self._deadline is None:
            return timeout
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise expired("the exchange's time is used up")
        return left if timeout is None else min(left, timeout)

    def give_up(self) -> None:
        """End the exchange, which runs in another thread: nothing more is sent, and its connection is closed."""
        self._given_up = True
        waits_for = self._waits_for
        if waits_for is not None:
            waits_for.interrupt()


CURRENT: ContextVar[Exchange | None] = ContextVar("cloudai_exchange", default=None)
"""The exchange that the calling code is a part of; outside of any there is none."""


@contextmanager
def until(exchange: Exchange) -> Iterator[None]:
    """Make the exchange the current one within the block."""
    token = CURRENT.set(exchange)
    try:
        yield
    finally:
        CURRENT.reset(token)
