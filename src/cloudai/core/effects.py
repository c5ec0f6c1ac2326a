"""What a program asks of its driver: the effects, as data.

The engine, and a batch around it, are generators that yield these; ``drivers/`` carries them out, blocking or
awaiting.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from cloudai.core.flow import Call, Request

if TYPE_CHECKING:
    from cloudai.core.urls import FetchRules

__all__ = ["Effect", "Gather", "Get", "Once", "Persist", "Program", "Send", "Sleep", "Store", "Wait"]

T = TypeVar("T")


@dataclass(frozen=True)
class Send:
    """Send the request and return the response."""

    request: Request
    timeout: float | None = None
    """Seconds left; what waits for a free place takes off, the request is sent with the rest."""


@dataclass(frozen=True)
class Get:
    """Fetch an input of the user's from its address, without any credentials, and return the response."""

    url: str
    rules: FetchRules
    headers: Mapping[str, str]
    timeout: float | None = None
    """Seconds left."""


@dataclass(frozen=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True)
class Once:
    """Run the program unless one with this key is running; all who ask get its outcome, or run out of time."""

    key: Hashable
    program: Callable[[], Program[Any]]
    timeout: float
    """Seconds this caller waits."""


@dataclass(frozen=True)
class Gather:
    """Run the programs at the same time; a list of their outcomes, errors among them, in order."""

    programs: Sequence[Program[Any]]


@dataclass(frozen=True)
class Wait:
    """Wait for what another thread or task completes, and return its outcome; to give up waiting does not undo it."""

    future: Future[Any]


class Store(Protocol):
    """Whoever owns a file, and runs in a thread of its own what others want of it."""

    def do(self, work: Callable[[Any], Any]) -> Future[Any]:
        """Run this; its outcome, once it is on disk."""

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Run these as one; what each returned or raised, once all is on disk."""


@dataclass(frozen=True)
class Persist:
    """Have its keeper run this, and return the outcome once it is on disk."""

    keeper: Store
    work: Callable[[Any], Any]


Effect: TypeAlias = Send | Get | Sleep | Call | Once | Gather | Wait | Persist
Program: TypeAlias = Generator[Effect, Any, T]
