"""Effects are what a program asks of its driver, as plain data.

The engine, and a batch around it, are generators that yield effects. The drivers in ``drivers/`` carry them out, one
by blocking and one by awaiting.
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


@dataclass(slots=True)
class Send:
    """An effect that sends a request; its outcome is the response."""

    request: Request
    timeout: float | None = None
    """Seconds that are left. Waiting for a free slot uses them up too; the request is sent with the rest."""
    slots: Any = None
    """A further semaphore, made by the driver's `semaphore`, that the request holds while it is in flight."""


@dataclass(slots=True)
class Get:
    """An effect that fetches a user's input from its address, without any credentials; its outcome is the response."""

    url: str
    rules: FetchRules
    headers: Mapping[str, str]
    timeout: float | None = None
    """Seconds that are left."""


@dataclass(slots=True)
class Sleep:
    """An effect that lets so many seconds pass."""

    seconds: float


@dataclass(slots=True)
class Once:
    """An effect that runs a program, unless one with the same key is running already.

    Every caller gets the outcome of that one run, or runs out of time.
    """

    key: Hashable
    program: Callable[[], Program[Any]]
    timeout: float
    """Seconds that this caller waits."""


@dataclass(slots=True)
class Gather:
    """An effect that runs programs side by side; its outcome is a list of their values or errors, in order.

    The awaiting driver runs all of them at the same time, and the blocking driver runs a few at a time.
    """

    programs: Sequence[Program[Any]]


@dataclass(slots=True)
class Wait:
    """An effect that waits for a future of another thread or task; its outcome is that of the future.

    A caller that gives up waiting does not cancel the future. If there is a ``timeout``, in seconds, and it passes, the
    effect fails with a TimeoutError.
    """

    future: Future[Any]
    timeout: float | None = None


class Store(Protocol):
    """An object that owns a file, and runs functions that read or write the file in a thread of its own."""

    def do(self, work: Callable[[Any], Any]) -> Future[Any]:
        """Run a function in the thread; return a future of its outcome, done once what it wrote is on disk."""

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Run several functions in one transaction; the future gives what each of them returned or raised.

        A function that raises does not undo the others. If the file itself fails, nothing is kept, and the future
        raises. The future is done once everything is on disk.
        """


@dataclass(slots=True)
class Persist:
    """An effect that has a `Store` run a function; its outcome is that of the function, once all is on disk."""

    keeper: Store
    work: Callable[[Any], Any]


Effect: TypeAlias = Send | Get | Sleep | Call | Once | Gather | Wait | Persist
Program: TypeAlias = Generator[Effect, Any, T]
