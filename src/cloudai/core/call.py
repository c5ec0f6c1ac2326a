"""`CallContext` keeps the account of one call, and an `Event` tells the user of one step in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cloudai.core.flow import USUAL_REPLY, Blob, Request, Response
from cloudai.core.hooks import CallHooks
from cloudai.core.large_replies import CollectorPause
from cloudai.core.lazy import lazy
from cloudai.core.retry import State
from cloudai.core.vendor import Vendor
from cloudai.errors import DeadlineExceededError, MalformedResponseError

__all__ = ["CallContext", "Event", "EventKind", "body_size", "raw_of"]


EventKind: TypeAlias = Literal["attempt", "reply", "failure", "wait", "result"]


@dataclass(frozen=True)
class Event:
    """One event in a call, as ``on_event`` gets it.

    ``kind`` is "attempt" (a request goes out), "reply", "failure", "wait" (``seconds`` until the next
    attempt) or "result" (the call has ended, well or with ``error``). An event holds no key, no upload and no reply.
    The logger "cloudai" says the same: waits at INFO, everything else at DEBUG. The turns by the pace of a batch are no
    events, because nearly every call waits for one; the progress of the job says when the next request goes out.
    """

    kind: EventKind
    provider: str
    operation: str
    input: str
    """The name of the input: of a file, or the beginning of a text's digest. The logger leaves it out."""
    attempt: int = 0
    status: int | None = None
    seconds: float | None = None
    error: str | None = None
    """The class of the error that a "failure" or a "result" ended in, or that a "wait" comes after."""
    call: str = ""
    """An identifier of the call, the same in all its events, and of no other call."""
    service: str = ""
    """The vendor's service that the request is for, for example "vision"; of a "result" that of the last request."""
    duration: float | None = None
    """Seconds from sending the request to its "reply" or "failure", or of the whole call to its "result"."""
    bytes: int | None = None
    """The size of the body: of an "attempt" what is sent, of a "reply" what was received, unpacked."""
    units: int | None = None
    """The units that the vendor counts: of an "attempt" and a "reply" for the request, which is 0 for a poll, and of a
    "result" at most for the whole call."""

    def __str__(self) -> str:
        number = f" {self.attempt}" if self.kind != "result" else f", {self.attempt} attempts"
        facts = {
            "status": self.status,
            "error": self.error,
            "seconds": self.seconds and round(self.seconds, 3),
            "duration": self.duration and round(self.duration, 3),
            "bytes": self.bytes,
            "units": self.units,
        }
        told = "".join(f", {name} {value}" for name, value in facts.items() if value is not None)
        service = f" ({self.service})" if self.service else ""
        return f"{self.provider} {self.operation}{service} {self.call}: {self.kind}{number}{told}"


def body_size(request: Request) -> int | None:
    """Return how many bytes the JSON or the content of a request has, or all its files together.

    Form fields and the boundaries between files are not counted, and a request without a body has 0 bytes. A `Blob` is
    loaded for this. If loading or encoding fails, return None and raise nothing: sending the request raises the error.
    """
    try:
        if request.json is not None:
            return request.json_size()
        parts = [request.content] if request.files is None else [file.content for file in request.files.values()]
        return sum(len(part.data if isinstance(part, Blob) else part) for part in parts if part is not None)
    except Exception:  # noqa: BLE001  # a picture cannot be loaded, or JSON cannot hold it: sending says so
        return None


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
    """The requests that were answered well, with their replies; those for tokens and those that delete are left out."""
    extras_taken: bool = False
    """True once the request that gets the user's extras was found."""
    request_id: str | None = None
    state: State = "NOT_SENT"
    """The state of the last attempt."""
    service: str = ""
    """The service of the last request."""
    collector: CollectorPause = field(default_factory=CollectorPause, repr=False)
    """The pause of the garbage collector while a large reply is read."""

    @lazy
    def call_id(self) -> str:
        """An identifier of this call, made when it is first needed."""
        return secrets.token_hex(8)

    def left(self, now: float) -> float:
        """Return the seconds until the deadline, which are more than 0.

        Args:
            now: The time by the engine's clock.

        Raises:
            DeadlineExceededError: No time is left. The error has the state of the last attempt; the engine fills in
                the billed units afterwards.
        """
        left = self.deadline - now
        if left <= 0:
            error = DeadlineExceededError(
                f"no time left after {self.attempts} attempt{'s' * (self.attempts != 1)}",
                advice="Give more with timeout= (seconds), or see whether the service is slow today.",
            )
            # The last attempt decides whether something may be billed, and not the fact that time has run out since.
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
    # A poll is billed 0 units and only says that the job goes on; but the last poll of a job brings its result.
    last = len(exchanges) - 1
    bodies = [_body(response) for i, (billed, response) in enumerate(exchanges) if billed or i == last]
    return bodies[0] if len(bodies) == 1 else bodies or None


def _body(response: Response) -> Any:
    try:
        return response.json()
    except MalformedResponseError:
        return response.content  # the reply is audio
