"""The points of a call at which somebody else may wait, write something down, or hold a request back.

A call alone does nothing there. A batch keeps each request before it goes out and each reply before it is read, waits
for its turn, and stops between two attempts (``batch/hooks.py``). The engine knows no more of batches than these hooks.
"""

from __future__ import annotations

from typing import ClassVar

from cloudai.core.effects import Program, Sleep
from cloudai.core.flow import Request, Response
from cloudai.core.rate_limit import RateLimiter, RetryBudget
from cloudai.errors import CloudAIError

__all__ = ["CallHooks"]


class CallHooks:
    """Hooks that keep nothing and wait for nobody.

    ``step_id`` names an exchange within its flow: "2" is the second one, "1.0.2" the second one of the first part of
    the first parallel step. All looks at one job of the vendor's are one step.
    """

    waits_extend_the_deadline: ClassVar[bool] = False
    """Whether waiting for a turn takes nothing off the call's time."""

    def stored_reply(self, step_id: str) -> Response | None:  # noqa: ARG002
        """Return the reply that an earlier run was given for this step."""
        return None

    def unknown_attempts(self, step_id: str) -> int:  # noqa: ARG002
        """Return how often earlier runs have sent the request without learning what became of it."""
        return 0

    def join(self, step_id: str, request: Request, limiter: RateLimiter) -> Program[None]:  # noqa: ARG002
        """Find other requests that go out with this one."""
        yield from ()

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:  # noqa: ARG002
        """Return whether the request may be tried once more, for all who go with it."""
        return budget.take()

    def seconds_until_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:  # noqa: ARG002
        """Return the seconds until the request may go out; 0 takes the turn.

        A call alone waits for no turn, but it is counted where others keep a pace.
        """
        limiter.note(now)
        return 0.0

    def wait(self, seconds: float) -> Program[None]:
        """Let the seconds pass."""
        yield Sleep(seconds)

    def before_send(self, step_id: str, request: Request) -> Program[None]:  # noqa: ARG002
        """Act before the request goes out; what is raised here keeps it back."""
        yield from ()

    def after_reply(self, step_id: str, request: Request, response: Response) -> Program[None]:  # noqa: ARG002
        """Act on a good reply before anybody reads it."""
        yield from ()

    def after_failure(self, step_id: str, request: Request, error: CloudAIError) -> None:
        """Act on a failed attempt; ``error.state`` says what became of it."""

    def login_failed(self, error: CloudAIError) -> None:
        """Act on a login that has failed, so that nothing of the call went out."""
