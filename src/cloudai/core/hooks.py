"""What is kept of a call's exchanges while it runs: of a call alone nothing.

A batch keeps each request before it goes out and each reply before it is read, waits for its turn, and stops between
two attempts (``batch/item.py``). The engine asks the ledger at these points and knows no more of batches.
"""

from __future__ import annotations

from typing import ClassVar

from cloudai.core.effects import Program, Sleep
from cloudai.core.flow import Request, Response
from cloudai.core.rate_limit import RateLimiter, RetryBudget
from cloudai.errors import CloudAIError

__all__ = ["CallHooks"]


class CallHooks:
    """Keeps nothing, waits for nobody."""

    patient: ClassVar[bool] = False
    """Waiting for a turn takes nothing off the call's time."""

    def held(self, step_id: str) -> Response | None:  # noqa: ARG002
        """The reply that an earlier run has for this place."""
        return None

    def unknown(self, step_id: str) -> int:  # noqa: ARG002
        """How often earlier runs have sent it without learning what became of it."""
        return 0

    def meet(self, step_id: str, request: Request, pacer: RateLimiter) -> Program[None]:  # noqa: ARG002
        """Find others whose requests go out with this one."""
        yield from ()

    def retry(self, step_id: str, budget: RetryBudget) -> bool:  # noqa: ARG002
        """Whether the request may be tried once more, for all who go with it."""
        return budget.take()

    def early(self, step_id: str, pacer: RateLimiter, now: float) -> float:  # noqa: ARG002
        """Seconds until the request may go out; 0 takes the turn. A call alone waits for none, but is counted."""
        pacer.note(now)
        return 0.0

    def rest(self, seconds: float) -> Program[None]:
        """Let the seconds pass."""
        yield Sleep(seconds)

    def sending(self, step_id: str, request: Request) -> Program[None]:  # noqa: ARG002
        """The request is about to go out; what is raised here keeps it back."""
        yield from ()

    def answered(self, step_id: str, request: Request, response: Response) -> Program[None]:  # noqa: ARG002
        """A good reply has come, and nobody has read it yet."""
        yield from ()

    def failed(self, step_id: str, request: Request, error: CloudAIError) -> None:
        """The attempt failed; ``error.state`` says what became of it."""

    def kept_waiting(self, error: CloudAIError) -> None:
        """A login that the call waited for has failed; nothing of the call went out."""
