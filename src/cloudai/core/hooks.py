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

NOTHING: Program[None] = ()  # type: ignore[assignment]
"""A program without any effect, which is what ``yield from`` makes of an empty tuple; a generator would have to be made
for each call."""


class CallHooks:
    """The hooks of a single call: they keep nothing, and wait for no turn.

    ``step_id`` names an exchange within its flow: "2" is the second one, "1.0.2" the second one of the first part of
    step 1, which is a parallel one. All polls of one job that follow each other have one step id.
    """

    waits_extend_the_deadline: ClassVar[bool] = False
    """True where waiting for a turn takes nothing off the call's time."""

    slots: Any = None
    """A semaphore of the driver that each request holds while it is in flight, beside the one of the client."""

    def stored_reply(self, step_id: str) -> Response | None:  # noqa: ARG002
        """Return the reply that was kept for this step, or None if there is none and the request has to be sent.

        The reply may come from an earlier run, or from an earlier try in this run. A single call keeps no replies.
        """
        return None

    def unknown_attempts(self, step_id: str) -> int:  # noqa: ARG002
        """Return how many earlier attempts of this step ended without telling whether the service received the request.

        They may have been made in earlier runs, or earlier in this run. A single call knows of none, and returns 0.
        """
        return 0

    def join(self, step_id: str, request: Request, limiter: RateLimiter) -> Program[None]:  # noqa: ARG002
        """Wait for other inputs of a batch whose requests can go out with this one as a single request.

        The hooks remember which inputs belong together, and take one turn of the rate limiter for all of them. A
        batch also waits here while the service seems to be down. A single call has nothing to wait for.

        Raises:
            NotStartedError: The batch has stopped meanwhile.
        """
        return NOTHING

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:  # noqa: ARG002
        """Take one retry from the budget, and return whether there was one left.

        Inputs of a batch that went out in one request take one retry together, and all of them get the same answer.
        """
        return budget.take()

    def seconds_until_retry(self, step_id: str, budget: RetryBudget, now: float) -> float:  # noqa: ARG002
        """Take a retry for a request that the service has put off, and return the seconds to wait before it.

        This is 0 while the budget has retries; an empty budget gives them back one after the other. Inputs of a batch
        that went out in one request take one retry together.
        """
        return budget.wait(now)

    def seconds_until_turn(self, step_id: str, limiter: RateLimiter, now: float) -> float:  # noqa: ARG002
        """Take the turn of this request and return 0, or return the seconds after which to ask again.

        A single call never waits for a turn, and always gets 0. The limiter counts its request all the same, because
        a batch of the same account may keep a pace.
        """
        limiter.note(now)
        return 0.0

    def wait(self, seconds: float) -> Program[None]:
        """Wait for some seconds; a batch raises NotStartedError if it stops meanwhile."""
        yield Sleep(seconds)

    def before_send(self, step_id: str, request: Request) -> Program[None]:  # noqa: ARG002
        """Act before the request goes out; an error that is raised here keeps it back."""
        return NOTHING

    def note_arrival(self, step_id: str) -> None:
        """Note that the service has received the request, because its reply has come, whatever that says."""

    def after_reply(self, step_id: str, request: Request, response: Response) -> Program[None]:  # noqa: ARG002
        """Act on a good reply before the flow reads it."""
        return NOTHING

    def after_failure(self, step_id: str, request: Request, error: CloudAIError) -> None:
        """Act on a failed attempt; ``error.state`` says what became of it."""

    def login_failed(self, error: CloudAIError) -> None:
        """React to a login that failed while a token for this call was fetched.

        The call then fails as well, unless it has an old token that is still valid.
        """
