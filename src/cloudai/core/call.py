"""`CallContext` keeps the account of one call, and an `Event` tells the user of one step in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudai.core.flow import USUAL_REPLY, Request, Response
from cloudai.core.hooks import CallHooks
from cloudai.core.retry import State
from cloudai.core.vendor import Vendor
from cloudai.errors import DeadlineExceededError, MalformedResponseError

__all__ = ["CallContext", "Event", "raw_of"]


@dataclass(frozen=True)
class Event:
    """One event in a call, as ``on_event`` gets it.

    ``kind`` is "attempt" (a request goes out), "reply", "failure", "wait" (``seconds`` until the next
    attempt) or "result" (the call has ended, well or with ``error``). An event holds no key, no upload and no reply.
    """

    kind: str
    provider: str
    operation: str
    input: str
    attempt: int = 0
    status: int | None = None
    seconds: float | None = None
    error: str | None = None


@dataclass
class CallContext:
    """The account of one call: what was asked, how much time it has, and its attempts, billed units and replies."""

    vendor: Vendor
    operation: str
    describe: Callable[[], Mapping[str, Any]] = field(repr=False)
    """A function that returns what `Meta` says of the input before the input is prepared. It is called late: the
    name of a picture given as bytes is its digest, and the event loop must not wait for that."""
    deadline: float
    """The end of the call's time, by the engine's clock."""
    extra: Mapping[str, Any] | None = field(default=None, repr=False)
    extra_params: Mapping[str, str] | None = field(default=None, repr=False)
    extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    prepared: Callable[[], Mapping[str, Any]] = field(default=dict, repr=False)
    """A function that returns what `Meta` says of the input once it is prepared."""
    max_reply: int = USUAL_REPLY
    """The most bytes of a reply to this call, unpacked."""
    hooks: CallHooks = field(default_factory=CallHooks)
    """The hooks of the call; those of a batch keep all that is paid for."""
    attempts: int = 0
    billed_min: int = 0
    billed_max: int = 0
    exchanges: list[tuple[Request, Response]] = field(default_factory=list)
    """The requests with their replies, without the requests for tokens."""
    request_id: str | None = None
    state: State = "NOT_SENT"
    """The state of the last attempt."""

    def left(self, now: float) -> float:
        """Return the seconds that are left.

        Raises:
            DeadlineExceededError: The time is used up.
        """
        left = self.deadline - now
        if left <= 0:
            error = DeadlineExceededError(
                f"no time left after {self.attempts} attempt{'s' * (self.attempts != 1)}",
                advice="Give more with timeout= (seconds), or see whether the service is slow today.",
            )
            error.state = self.state
            raise error
        return left


def raw_of(exchanges: Sequence[tuple[int, Response]]) -> Any:
    """Return the reply as JSON, or a list of the replies where the operation took several requests.

    A reply that is not JSON, such as audio, is bytes. The replies to polls are left out, but for one that came last.
    Where nothing was answered this returns None.

    Args:
        exchanges: The units that each request is billed, with its reply.
    """
    last = len(exchanges) - 1
    bodies = [_body(response) for i, (billed, response) in enumerate(exchanges) if billed or i == last]
    return bodies[0] if len(bodies) == 1 else bodies or None


def _body(response: Response) -> Any:
    try:
        return response.json()
    except MalformedResponseError:
        return response.content  # the reply is audio
