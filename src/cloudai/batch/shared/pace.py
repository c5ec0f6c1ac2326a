"""The keeper hands out the turns of one pace to all workers, in the order in which they have asked."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from cloudai.core.rate_limit import Rate, RateLimiter

__all__ = ["Pace"]

Asked = tuple[Any, int]
"""A request for a turn: the connection that sent it, and the number of its message."""


class Pace:
    """Hands out turns by the clock of the keeper; this runs in the keeper's event loop.

    Args:
        rates: The pace; empty if there is none, and then every turn comes at once.
        grant: Gives the id of a turn to one who has asked.
    """

    def __init__(self, rates: Sequence[Rate], grant: Callable[[Any, int, int], None]) -> None:
        self._rates = rates
        self._grant = grant
        self._limiters: dict[str, RateLimiter] = {}
        self._waiting: dict[str, deque[Asked]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def take(self, name: str, who: Any, number: int) -> None:
        """Give the next turn at an endpoint to one who asks, now or later."""
        waiting = self._waiting.setdefault(name, deque())
        waiting.append((who, number))
        # While a timer runs, others wait for the next turn already, and get it first.
        if name not in self._timers:
            self._hand_out(name)

    def use(self, name: str, turn: int) -> bool:
        """Let a turn count from now on, and return whether it was still valid."""
        return not self._rates or self._limiter(name).move(turn, time.monotonic())

    def give_up(self, name: str, who: Any, number: int) -> None:
        """Forget that somebody has asked for a turn; a turn that was handed out already stays used."""
        waiting = self._waiting.get(name)
        if waiting and (who, number) in waiting:
            waiting.remove((who, number))

    def drop(self, who: Any) -> None:
        """Forget all that somebody who has gone has asked for."""
        for name, waiting in self._waiting.items():
            self._waiting[name] = deque(asked for asked in waiting if asked[0] is not who)

    def _hand_out(self, name: str) -> None:
        self._timers.pop(name, None)
        waiting = self._waiting[name]
        while waiting:
            seconds, turn = self._limiter(name).take(self._rates, time.monotonic()) if self._rates else (0.0, 0)
            if seconds:
                self._timers[name] = asyncio.get_running_loop().call_later(seconds, self._hand_out, name)
                return
            self._grant(*waiting.popleft(), turn)

    def _limiter(self, name: str) -> RateLimiter:
        """Return the rate limiter of an endpoint, whose file other processes of this computer count in, too."""
        return self._limiters.get(name) or self._limiters.setdefault(name, RateLimiter(name or None))

    def close(self) -> None:
        """Hand out no more turns."""
        for timer in self._timers.values():
            timer.cancel()
