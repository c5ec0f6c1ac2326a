"""Define the provider that is checked and its examples, and carry out the examples' calls."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from cloudai.async_client import AsyncClient
from cloudai.client import Client
from cloudai.core.flow import Call, Flow, Parallel, Request, Response
from cloudai.core.retry import GOOD
from cloudai.errors import CloudAIError
from cloudai.media import Audio, Image
from cloudai.models.base import Result
from cloudai.operations import given_as
from cloudai.options import complete
from cloudai.options import flow_of as flow_by_options
from cloudai.providers.base import Provider
from cloudai.testing._cassette import Cassette, PathLike
from cloudai.testing._replay import Replay, replay

__all__ = [
    "GOOD",
    "Check",
    "Driver",
    "Example",
    "Outcome",
    "Problem",
    "Subject",
    "Told",
    "bare",
    "driven",
    "flow_of",
    "outcome",
    "shown",
    "without_settings",
]


@dataclass(frozen=True)
class Example:
    """One call, and the cassette that answers it; an engine on this machine needs no cassette.

    Args:
        operation: The operation's name, for example "detect_faces".
        given: The input of the call.
        cassette: The file, or the cassette that was read from it.
        options: Options of the call.
        provider: A provider with the settings that the call needs, but without a key; by default one without settings.
    """

    operation: str
    given: Any
    cassette: PathLike | Cassette | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    provider: Provider | None = None

    def __str__(self) -> str:
        path = self.cassette.path if isinstance(self.cassette, Cassette) else self.cassette
        return f"{self.operation} ({Path(path).name})" if path else self.operation

    def replies(self) -> Replay:
        """Return a replay that answers the call."""
        return replay(self.cassette if self.cassette is not None else Cassette())

    def held(self) -> Cassette:
        """Return the cassette that answers the call; it is empty if the example has none."""
        return self.replies().cassette


class Problem(NamedTuple):
    """A way in which a provider breaks the contract, with advice."""

    check: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}. {self.advice}"


Told: TypeAlias = tuple[str, str]
"""A problem in words, and advice how to solve it."""


@dataclass(frozen=True)
class Subject:
    """The provider that is checked, with its examples."""

    kind: type[Provider]
    examples: tuple[Example, ...]
    configured: Provider | None = None

    def provider(self, example: Example | None = None) -> Provider:
        """Return the provider that carries out an example; it has no key."""
        return example.provider if example and example.provider else self.kind()

    def has(self) -> list[str]:
        """Return the names of the operations that the provider has."""
        return [operation for operation, able in self.kind.capabilities().items() if able.available]

    def first_of_each(self) -> Iterator[Example]:
        """Yield the first example of each operation."""
        seen: set[str] = set()
        for example in self.examples:
            if example.operation not in seen:
                seen.add(example.operation)
                yield example

    def variables(self) -> list[str]:
        """Return the environment variables that the provider reads."""
        return [variable for setting in self.kind.settings for variable in setting.env]


class Check(Protocol):
    """A function that checks one part of the contract."""

    __name__: str

    def __call__(self, subject: Subject, /) -> Iterator[Told]:
        """Yield each problem with its advice."""


@contextmanager
def without_settings(subject: Subject, **values: str) -> Iterator[None]:
    """Remove the provider's environment variables inside ``with``, and set those that are given."""
    # The environment of a developer may hold real keys, which no check must use or need.
    before = {name: os.environ.pop(name) for name in subject.variables() if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)


Outcome: TypeAlias = Result | Exception


def outcome(
    provider: Provider, example: Example, send: Callable[[Request], Any], *, awaiting: bool = False, **client: Any
) -> Outcome:
    """Make a call by a client, and return its result or the exception that it raises.

    Args:
        provider: The provider of the client.
        example: The call.
        send: The function that answers the requests.
        awaiting: True makes the call by an `AsyncClient`, False by a `Client`.
        client: More options of the client.
    """
    # A second attempt would ask for a reply that the example does not hold.
    options = {"send": send, "max_attempts": 1, **client}
    try:
        if not awaiting:
            with Client(provider, sleep=_no_wait, **options) as blocking:
                result: Result = getattr(blocking, example.operation)(example.given, **example.options)
                return result
        # The call runs in another thread, because the test itself may run in an event loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _awaited(provider, example, options)).result()
    except Exception as error:  # noqa: BLE001  # the checks look at errors of every kind
        return error


async def _awaited(provider: Provider, example: Example, options: dict[str, Any]) -> Result:
    async with AsyncClient(provider, sleep=_no_await, **options) as client:
        result: Result = await getattr(client, example.operation)(example.given, **example.options)
        return result


def _no_wait(_: float) -> None:
    """Return at once, because the replies are known."""


async def _no_await(_: float) -> None:
    """Return at once, like `_no_wait`, in an awaiting client."""


class Driver:
    """A driver that carries out a flow step by step, and notes its requests and the I/O that it performs itself."""

    def __init__(self, provider: Provider, send: Callable[[Request], Response]) -> None:
        self.provider = provider
        self.requests: list[Request] = []
        self.strange: list[str] = []
        """Types of the values that the flow yielded and that are no steps."""
        self.did: list[str] = []
        """I/O that the flow performed itself."""
        self._send = send
        self.steps = 0
        """Number of steps that the flow has yielded."""

    def run(
        self, flow: Flow[Any], *, at: int | None = None, throw: BaseException | None = None, leave: bool = False
    ) -> Any:
        """Carry out a flow, and return its result.

        Args:
            flow: The flow.
            at: The number of a step, from 0, at which the flow is interrupted.
            throw: The exception that is thrown into the flow at that step, in place of the step's outcome.
            leave: Raise the exception from this method instead, so that the flow is left where it is.
        """
        answer: Any = None
        failure: BaseException | None = None
        while True:
            try:
                # Only the flow itself is watched: the function of a `Call` may read and write what it likes.
                with _watched(self.did):
                    step = flow.throw(failure) if failure else flow.send(answer)
            except StopIteration as stop:
                return stop.value
            self.steps += 1
            answer, failure = None, None
            if self.steps - 1 == at and throw is not None:
                if leave:
                    raise throw
                failure = throw
                continue
            try:
                answer = self._carried_out(step)
            except CloudAIError as error:
                failure = error

    def _carried_out(self, step: Any) -> Any:
        match step:
            case Request():
                self.requests.append(step)
                response = self._send(step)
                if response.status not in GOOD:
                    raise self.provider.error(response)
                return response
            case Call():
                return step.function()
            case Parallel():
                before = self.steps
                outcomes = [self.run(flow) for flow in step.flows]
                self.steps = before  # the steps of the parts are not counted
                return outcomes
            case _:
                self.strange.append(type(step).__name__)
                return None


def flow_of(provider: Provider, example: Example, given: Image | Audio | str | None = None) -> Any:
    """Call the provider's operation with an example's input, and return what it returns, which should be a flow."""
    given = given_as(example.operation, example.given) if given is None else given
    options = complete(example.operation, example.options)
    return flow_by_options(provider, example.operation, given, options, example.options.get("method"))


def driven(subject: Subject, example: Example, given: Image | Audio | str | None = None) -> Driver:
    """Carry out an example's flow until it returns or raises, and return the driver with its notes."""
    provider = subject.provider(example)
    driver = Driver(provider, example.replies())
    with suppress(Exception):  # other checks look at the errors, where they make the call by a client
        driver.run(flow_of(provider, example, given))
    return driver


_watching = threading.local()
_hooked = threading.Lock()
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "time.sleep", "http.client")
INPUTS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".heic", ".wav", ".flac", ".mp3", ".ogg")
"""Endings of files that a flow must not open: it may read a setting from a file, but not its input."""


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    did: list[str] | None = getattr(_watching, "did", None)
    if did is None:
        return
    if event.startswith(FORBIDDEN):
        did.append(event)
    elif event == "open" and isinstance(arguments[0], str) and arguments[0].lower().endswith(INPUTS):
        did.append(f"open {Path(arguments[0]).name}")


@contextmanager
def _watched(did: list[str]) -> Iterator[None]:
    # An audit hook cannot be removed. There is only one for all flows, and it notes nothing in other threads.
    if _hooked.acquire(blocking=False):
        sys.addaudithook(_audit)
    before = getattr(_watching, "did", None)
    _watching.did = did
    try:
        yield
    finally:
        _watching.did = before


TYPED = "Raise one of cloudai.errors, with advice= what to do."


def bare(what: str, error: BaseException, advice: str = TYPED) -> Told:
    """Return the problem and the advice about an error that is no `CloudAIError`."""
    return f"{what}: {type(error).__name__} ({' '.join(str(error).split())[:100]}), which is no CloudAIError", advice


def shown(result: Outcome) -> str:
    """Return an outcome as a short text."""
    text = " ".join(repr(result).split())
    return text if len(text) < 100 else f"{text[:99]}…"  # noqa: PLR2004
