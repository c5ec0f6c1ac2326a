"""A batch through either client, so that a test reads the same for both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from cloudai import AsyncClient, Client, JournalError, Outcome, Plan, Table
from cloudai.core.flow import Request
from tests.support.in_time import in_time

__all__ = ["Batcher", "Done", "Server", "both"]

both = pytest.mark.parametrize("colour", ["blocking", "awaiting"])


@dataclass
class Done:
    """The outcomes of a batch, and all that it says of itself."""

    outcomes: list[Outcome[Any]] = field(default_factory=list)
    error: Exception | None = None
    books: dict[str, int] = field(default_factory=dict)
    balanced: bool = False
    sent: int = 0
    paused: str | None = None
    plan: Plan | None = None
    table: Table = field(default_factory=lambda: Table([]))
    tidy: Table = field(default_factory=lambda: Table([]))
    manifest: dict[str, Any] = field(default_factory=dict)
    reparsed: int | None = None

    def values(self, name: str = "status") -> list[Any]:
        """Return a column of the table, in order."""
        return [row[name] for row in self.table]


@dataclass
class Batcher:
    """Runs a batch of one provider."""

    colour: str
    provider: Any
    send: Callable[[Request], Any] | None = None
    client: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self, operation: str, inputs: Any, *, plan: bool = False, reparse: bool = False, **settings: Any
    ) -> Done:
        """Run it to its end, whatever that is; a batch that does not end within a minute fails."""
        return in_time(lambda: self._run(operation, inputs, plan, reparse, settings))

    def _run(self, operation: str, inputs: Any, plan: bool, reparse: bool, settings: dict[str, Any]) -> Done:
        if self.colour == "awaiting":
            return asyncio.run(self._await(operation, inputs, plan, reparse, settings))
        done = Done()
        with (
            _journal_error_kept(done),
            Client(self.provider, send=self.send, **self.client) as client,
            client.batch(operation, inputs, **settings) as job,  # type: ignore[call-overload]
        ):
            done.plan = job.plan() if plan else None
            try:
                for outcome in job:
                    done.outcomes.append(outcome)
            except Exception as error:  # what the test looks at
                done.error = error
            done.reparsed = job.reparse() if reparse else None
            done.table, done.tidy, done.manifest = job.table(), job.tidy(), job.manifest()
            self._books(done, job)
        return done

    async def _await(self, operation: str, inputs: Any, plan: bool, reparse: bool, settings: dict[str, Any]) -> Done:
        async def send(request: Request) -> Any:
            assert self.send is not None
            return self.send(request)

        async def sleep(seconds: float) -> None:
            self.client["sleep"](seconds)

        options = {**self.client, **({"sleep": sleep} if "sleep" in self.client else {})}
        done = Done()
        with _journal_error_kept(done):
            await self._awaited(done, send, options, operation, inputs, plan, reparse, settings)
        return done

    async def _awaited(
        self,
        done: Done,
        send: Any,
        options: dict[str, Any],
        operation: str,
        inputs: Any,
        plan: bool,
        reparse: bool,
        settings: dict[str, Any],
    ) -> None:
        async with (
            AsyncClient(self.provider, send=send if self.send else None, **options) as client,
            client.batch(operation, inputs, **settings) as job,  # type: ignore[call-overload]
        ):
            done.plan = await job.plan() if plan else None
            try:
                async for outcome in job:
                    done.outcomes.append(outcome)
            except Exception as error:
                done.error = error
            done.reparsed = await job.reparse() if reparse else None
            done.table, done.tidy = await job.table(), await job.tidy()
            done.manifest = await job.manifest()
            self._books(done, job)

    def _books(self, done: Done, job: Any) -> None:
        done.books, done.balanced, done.sent, done.paused = job.books, job.balanced, job.sent, job.paused


@contextmanager
def _journal_error_kept(done: Done) -> Iterator[None]:
    """Keep the error that closing raises, where nothing else was raised before."""
    try:
        yield
    except JournalError as error:
        done.error = done.error or error


class Server:
    """Counts what it is asked for, and answers by a function of the text.

    Args:
        answer: Makes the reply, or the exception to raise.
        most: The most requests that are answered, so that a batch which asks the same for ever ends.
    """

    def __init__(self, answer: Callable[[Request], Any], most: int = 5_000) -> None:
        self.answer = answer
        self.most = most
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Any:
        """Return the answer, or raise it if it is an exception."""
        self.requests.append(request)
        if len(self.requests) > self.most:
            raise AssertionError(f"the server is asked for the {self.most:,}th time: the same is asked again and again")
        reply = self.answer(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    @property
    def texts(self) -> list[Any]:
        """The text of each request."""
        return [request.json and request.json.get("text") for request in self.requests]
