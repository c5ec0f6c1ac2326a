"""Hooks are the points of a call at which a batch waits, writes something down, or holds a request back.

A single call does nothing there. A batch keeps each request before it goes out and each reply before it is read, waits
for its turn, and stops between two attempts (``batch/hooks.py``). The engine knows no more of batches than these hooks.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cloudai.core.effects import Program, Sleep
from cloudai.core.flow import Request, Response
from cloudai.core.rate_limit import RateLimiter, RetryBudget
from cloudai.errors import CloudAIError

__all__ = ["CallHooks"]


class CallHooks:
    """The hooks of a single call: they keep nothing, and wait for no turn.

    ``step_id`` names an exchange within its flow: "2" is the second one, "1.0.2" the second one of the first part of
    the first parallel step. All polls of one job have one step id.
    """

    waits_extend_the_deadline: ClassVar[bool] = False
    """True where waiting for a turn takes nothing off the call's time."""

    slots: Any = None
    """A semaphore of the driver that each request holds while it is in flight, beside the one of the client."""

    def stored_reply(self, step_id: str) -> Response | None:  # noqa: ARG002
        """Return the reply that an earlier run got for this step, or None."""
        return None

    def unknown_attempts(self, step_id: str) -> int:  # noqa: ARG002
        """Return how often earlier runs sent the request without learning what became of it."""
        return 0

    def join(self, step_id: str, request: Request, limiter: RateLimiter) -> Program[None]:  # noqa: ARG002
        """Find other requests that go out with this one, as one request."""
        yield from ()

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:  # noqa: ARG002
        """Return whether the request may be tried once more, with all that go out with it."""
        return budget.take()

    def seconds_until_retry(self, step_id: str, budget: RetryBudget, now: float) -> float:  # noqa: ARG002
        """Return the seconds until a refused request may be tried once more, with all that go out with it."""
        return budget.wait(now)

    def seconds_until_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:  # noqa: ARG002
        """Return the seconds until the request may go out; 0 means that its turn is taken.

        A single call waits for no turn, but it is counted where a batch keeps a pace.
        """
        limiter.note(now)
        return 0.0

    def wait(self, seconds: float) -> Program[None]:
        """Let the seconds pass."""
        yield Sleep(seconds)

    def before_send(self, step_id: str, request: Request) -> Program[None]:  # noqa: ARG002
        """Act before the request goes out; an error that is raised here keeps it back."""
        yield from ()

    def after_reply(self, step_id: str, request: Request, response: Response) -> Program[None]:  # noqa: ARG002
        """Act on a good reply before the flow reads it."""
        yield from ()

    def after_failure(self, step_id: str, request: Request, error: CloudAIError) -> None:
        """Act on a failed attempt; ``error.state`` says what became of it."""

    def login_failed(self, error: CloudAIError) -> None:
        """Act on a login that failed, because of which nothing of the call went out."""
