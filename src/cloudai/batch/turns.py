"""A call of a batch waits for its turn by the pace of the batch, and sees while it waits that the batch has stopped."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from typing import ClassVar, TypeVar

from cloudai.batch.state import BatchState
from cloudai.core.effects import Program, Sleep, Wait
from cloudai.core.hooks import CallHooks
from cloudai.core.rate_limit import RateLimiter

__all__ = ["PacedHooks"]

T = TypeVar("T")

SLICE = 1.0
"""Seconds that one sleep lasts at most, so that a waiting worker soon sees that the batch has stopped."""


class PacedHooks(CallHooks):
    """The hooks of one call that wait for its turns.

    Args:
        state: The state of the batch.
    """

    waits_extend_the_deadline: ClassVar[bool] = True

    def __init__(self, state: BatchState) -> None:
        self._state = state
        self._turns: dict[str, tuple[RateLimiter, int]] = {}
        """The turn of each step that was taken and not used yet."""
        self._used: dict[str, tuple[RateLimiter, int]] = {}
        """The turn of each step whose request is on its way."""
        self.turns = 0
        """The turns that were used."""

    def wait(self, seconds: float) -> Program[None]:
        """Let the seconds pass.

        Raises:
            NotStartedError: The batch has stopped meanwhile.
        """
        policy = self._state.policy
        until = policy.clock() + seconds
        while seconds > 0:
            policy.require_going()
            yield Sleep(min(seconds, SLICE))
            seconds = until - policy.clock()
        policy.require_going()

    def _take_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:
        """Take a turn if there is one, and return 0; otherwise return the seconds after which to ask again.

        Raises:
            NotStartedError: The batch has stopped.
        """
        self._state.policy.require_going()
        if self._state.offline:
            return 0.0
        if not self._state.rates:
            return super().seconds_until_turn(step_id, limiter, now)
        seconds, turn = limiter.take(self._state.rates, now)
        if not seconds:
            self._turns[step_id] = limiter, turn
        self._state.waiting_until = now + seconds if seconds else None
        return min(seconds, SLICE)

    def _wait_for_turn(self, step_id: str, limiter: RateLimiter) -> Program[None]:
        if (turns := self._state.turns) is not None:
            taken = turns.take(limiter.name)
            try:
                self._turns[step_id] = limiter, (yield from self._outcome_of(taken))
            except BaseException:
                # A turn that nobody waits for any more would be lost to all workers of the keeper.
                turns.give_up(limiter.name, taken)
                raise
            return
        while (seconds := self._take_turn(step_id, limiter, self._state.policy.clock())) > 0:
            yield from self.wait(seconds)

    def _keep_turn(self, step_id: str) -> Program[None]:
        """Let the turn count from now on; if a token or the disk took too long, wait for another turn."""
        limiter, turn = self._turns.pop(step_id, (None, 0))
        while limiter is not None and not (yield from self._moved(limiter, turn)):
            yield from self._wait_for_turn(step_id, limiter)
            limiter, turn = self._turns.pop(step_id)
        if limiter is not None:
            self._used[step_id] = limiter, turn
            self.turns += 1
            self._state.time_left.note_turn(self._state.policy.clock())

    def note_arrival(self, step_id: str) -> None:
        """Note that the request has arrived, so that its turn need not count for longer; a keeper is not told."""
        limiter, turn = self._used.pop(step_id, (None, 0))
        if limiter is not None and self._state.turns is None:
            limiter.arrived(turn, self._state.policy.clock())

    def _moved(self, limiter: RateLimiter, turn: int) -> Program[bool]:
        """Move a turn to now, by the clock of the keeper where one owns the pace; return whether that was possible."""
        if (turns := self._state.turns) is None:
            return limiter.move(turn, self._state.policy.clock())
        return (yield from self._outcome_of(turns.use(limiter.name, turn)))

    def _outcome_of(self, future: Future[T]) -> Program[T]:
        """Wait for the answer of a keeper, and return it.

        Raises:
            NotStartedError: The batch has stopped meanwhile.
            JournalError: The keeper has not answered for a long time.
        """
        while True:
            self._state.policy.require_going()
            with suppress(TimeoutError):
                return (yield Wait(future, SLICE))  # type: ignore[no-any-return]
