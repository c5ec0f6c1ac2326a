"""One call: what was asked, how much time it has, its attempts, units and replies, and the events it tells of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudai.core.flow import Request, Response
from cloudai.core.hooks import CallHooks
from cloudai.core.retry import State
from cloudai.core.vendor import Vendor
from cloudai.errors import DeadlineExceededError, MalformedResponseError

__all__ = ["CallContext", "Event", "raw_of"]


@dataclass(frozen=True)
class Event:
    """Something that happened in a call, for ``on_event``.

    ``kind`` is "attempt" (a request goes out), "reply", "failure", "wait" (``seconds`` until the next
    attempt) or "result". Holds no key, no upload and no reply.
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
    """One call: what was asked, how much time it has, and its book of attempts, units and replies."""

    vendor: Vendor
    operation: str
    describe: Callable[[], Mapping[str, Any]] = field(repr=False)
    """Returns what `Meta` says of the input before it is prepared. Called late: the name of a picture given as
    bytes is its digest, and the event loop must not wait for that."""
    deadline: float
    extra: Mapping[str, Any] | None = field(default=None, repr=False)
    extra_params: Mapping[str, str] | None = field(default=None, repr=False)
    extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    prepared: Callable[[], Mapping[str, Any]] = field(default=dict, repr=False)
    """Returns what `Meta` says of the input once it is prepared."""
    hooks: CallHooks = field(default_factory=CallHooks)
    """What is kept of each exchange: in a batch, all that is paid for."""
    attempts: int = 0
    billed_min: int = 0
    billed_max: int = 0
    exchanges: list[tuple[Request, Response]] = field(default_factory=list)
    """What was asked and answered, requests for tokens left out."""
    request_id: str | None = None
    state: State = "NOT_SENT"
    """Of the last attempt."""

    def left(self, now: float) -> float:
        """Return the seconds that are left; DeadlineExceededError where there are none."""
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
    """The reply as received; a list of them where the operation took several. Polls but the last are left out.

    Args:
        exchanges: Units of each request, and its reply.
    """
    last = len(exchanges) - 1
    bodies = [_body(response) for i, (billed, response) in enumerate(exchanges) if billed or i == last]
    return bodies[0] if len(bodies) == 1 else bodies or None


def _body(response: Response) -> Any:
    try:
        return response.json()
    except MalformedResponseError:
        return response.content  # audio
