"""A replay reads the stored replies of a call once more: nothing is sent, and the input itself is not needed."""

from __future__ import annotations

from typing import Any

from cloudai.batch.queries import CallRecord
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.core.effects import Program
from cloudai.core.engine import Engine
from cloudai.core.flow import Request, Response
from cloudai.core.hooks import CallHooks
from cloudai.errors import ReplayError
from cloudai.operations import Given

__all__ = ["replay"]


class ReplayHooks(CallHooks):
    """Hooks that answer each step with the reply of the journal, and let nothing be sent."""

    def __init__(self, record: CallRecord) -> None:
        self._stored = {step_id: stored.response for step_id, stored in record.replies.items()}

    def stored_reply(self, step_id: str) -> Response | None:
        """Return the stored reply of a step, as often as it is asked for."""
        return self._stored.get(step_id)

    def before_send(self, step_id: str, request: Request) -> Program[None]:
        """Raise ReplayError, because a reply is missing and nothing may be sent."""
        raise ReplayError(f"the journal does not hold the reply to {request.method} {request.service} ({step_id})")
        yield  # never reached: it makes this function a generator

    def wait(self, seconds: float) -> Program[None]:  # noqa: ARG002
        """Return at once: nothing is sent, so there is nothing to wait for."""
        yield from ()


def replay(state: BatchState, task: Task, given: Given, record: CallRecord) -> Program[Any]:
    """Return a program that reads the replies of a call anew; its value is the result.

    Raises:
        ReplayError: The program raises this if the journal does not hold all the replies.
    """
    session = state.session
    flow, context = session.call(task.operation, given, task.options, task.call_options)
    context.hooks = ReplayHooks(record)
    context.attempts, context.billed_min, context.billed_max = record.attempts, record.paid, record.most
    # An engine that is offline looks up no key, and leaves the pace and the retries of the account alone.
    return Engine(offline=True, clock=state.policy.clock).run(flow, context)
