"""Statements are functions that read or write a journal, with the name and the arguments that they were made from.

A batch with a journal of its own runs a statement as it is. A batch whose journal is owned by a keeper on another
computer (``batch/shared/``) sends the name and the arguments, and the keeper makes the same statement from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, Protocol

from cloudai.storage import Database

__all__ = ["AnyJournal", "Statement", "TurnsOfKeeper", "each", "statement"]

P = ParamSpec("P")


@dataclass(slots=True, eq=False)
class Statement:
    """A function of the connection, for `Journal.do`, that another process can make again from its name."""

    name: str
    arguments: Sequence[Any]
    keywords: Mapping[str, Any]
    work: Callable[[Database], Any]

    def __call__(self, db: Database) -> Any:
        """Read or write the journal; this is called in the thread that owns the file."""
        return self.work(db)


def statement(make: Callable[P, Callable[[Database], Any]]) -> Callable[P, Statement]:
    """Decorate a function that returns a function of the connection, so that it returns a `Statement`."""

    @wraps(make)
    def made(*arguments: P.args, **keywords: P.kwargs) -> Statement:
        return Statement(make.__name__, arguments, keywords, make(*arguments, **keywords))

    return made


@statement
def each(*statements: Callable[[Database], Any]) -> Any:
    """Return a statement that runs several others, one after the other, and returns the list of their outcomes."""
    return lambda db: [one(db) for one in statements]


class AnyJournal(Protocol):
    """The part of a journal that a batch uses. The journal is a file of this process, or a keeper owns it."""

    @property
    def shared(self) -> bool:
        """True if a keeper owns the journal, and other processes use it at the same time."""

    @property
    def name(self) -> str | None:
        """The path of the file or the address of the keeper; None for a temporary file."""

    def again(self) -> AnyJournal:
        """Return the same journal, opened once more after it was closed."""

    def do(self, work: Callable[[Any], Any], *, reads: bool = False) -> Future[Any]:
        """Run a function of the connection, and return a future that has its outcome once it is on disk."""

    def do_all(self, works: Sequence[Callable[[Any], Any]]) -> Future[list[tuple[Any, Exception | None]]]:
        """Run several functions; the future has a pair for each of them: what it returned, and the error it raised."""

    def ask(self, work: Callable[[Any], Any]) -> Any:
        """Run a function that writes, and wait for its outcome."""

    def read(self, work: Callable[[Any], Any]) -> Any:
        """Run a function that only reads, and wait for its outcome."""

    def post(self, work: Callable[[Any], Any]) -> None:
        """Run a function, and do not wait for it."""

    def rescue(self, work: Callable[[Any], Any], *, paid: bool = False) -> None:
        """Keep a function whose outcome could not be written, so that it is run once more.

        If a keeper owns the journal, only a function that writes a reply that was paid for is kept.
        """

    def claim(self, key: str) -> Future[None]:
        """Return a future that is done once no other process that uses the journal carries out the call."""

    def release(self, key: str) -> None:
        """Let other processes carry out the call again."""

    def let_go(self) -> None:
        """Let those go on that wait by `claim` for another process, because the batch ends."""

    def hurry(self, seconds: float) -> None:
        """Wait so many seconds at most from now on for a keeper that does not answer."""

    def close(self) -> None:
        """Write what is left, and close the journal."""


class TurnsOfKeeper(Protocol):
    """The part of a keeper that a batch uses, if the keeper owns the pace."""

    def take(self, name: str | None) -> Future[int]:
        """Return a future of the id of the next turn at the endpoint of this name."""

    def use(self, name: str | None, turn: int) -> Future[bool]:
        """Let a turn count from now on; the future says whether it was still valid."""

    def give_up(self, name: str | None, future: Future[int]) -> None:
        """Stop waiting for a turn. One that the keeper has handed out already stays used."""
