"""A provider that is checked, the calls that show what it does, and how they are carried out."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
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
    "is_flow",
    "outcome",
    "shown",
    "without_settings",
]


@dataclass(frozen=True)
class Example:
    """One call, and the cassette that answers it; an engine on this machine needs none.

    Args:
        operation: "detect_faces" …
        given: Its input.
        cassette: The file, or what is in it.
        options: Of the call.
        provider: Where the call needs settings of its own, but no key; by default without any.
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
        """What answers it."""
        return replay(self.cassette if self.cassette is not None else Cassette())

    def held(self) -> Cassette:
        """The exchanges that answer it."""
        return self.replies().cassette


class Problem(NamedTuple):
    """What is not as it should be."""

    check: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}. {self.advice}"


Told: TypeAlias = tuple[str, str]
"""What is wrong, and what to do."""


@dataclass(frozen=True)
class Subject:
    """What is checked."""

    kind: type[Provider]
    examples: tuple[Example, ...]
    configured: Provider | None = None

    def provider(self, example: Example | None = None) -> Provider:
        """One that answers an example, without a key."""
        return example.provider if example and example.provider else self.kind()

    def has(self) -> list[str]:
        """The operations it can do."""
        return [operation for operation, able in self.kind.capabilities().items() if able.available]

    def first_of_each(self) -> Iterator[Example]:
        """One example of each operation."""
        seen: set[str] = set()
        for example in self.examples:
            if example.operation not in seen:
                seen.add(example.operation)
                yield example

    def variables(self) -> list[str]:
        """The environment variables it reads."""
        return [variable for setting in self.kind.settings for variable in setting.env]


class Check(Protocol):
    """A function that looks at one thing, and says all that is wrong with it."""

    __name__: str

    def __call__(self, subject: Subject, /) -> Iterator[Told]:
        """What is wrong."""


@contextmanager
def without_settings(subject: Subject, **values: str) -> Iterator[None]:
    """The environment without the provider's variables but these."""
    before = {name: os.environ.pop(name) for name in subject.variables() if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)


# -- a call as users make it -------------------------------------------------------------------------------

Outcome: TypeAlias = Result | Exception


def outcome(
    provider: Provider, example: Example, send: Callable[[Request], Any], *, awaiting: bool = False, **client: Any
) -> Outcome:
    """What a call comes to under one of the two clients: its result, or what it raises."""
    options = {"send": send, "max_attempts": 1, **client}
    try:
        if not awaiting:
            with Client(provider, sleep=_no_wait, **options) as blocking:
                result: Result = getattr(blocking, example.operation)(example.given, **example.options)
                return result
        # In a thread of its own, for the test may be running in an event loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _awaited(provider, example, options)).result()
    except Exception as error:  # noqa: BLE001  # whatever it is, it is looked at
        return error


async def _awaited(provider: Provider, example: Example, options: dict[str, Any]) -> Result:
    async with AsyncClient(provider, sleep=_no_await, **options) as client:
        result: Result = await getattr(client, example.operation)(example.given, **example.options)
        return result


def _no_wait(_: float) -> None:
    """The replies are known."""


async def _no_await(_: float) -> None:
    """The same, awaiting."""


# -- a flow by hand ----------------------------------------------------------------------------------------


class Driver:
    """Carries out a flow step by step, and looks over its shoulder: what it asks, and what it does itself."""

    def __init__(self, provider: Provider, send: Callable[[Request], Response]) -> None:
        self.provider = provider
        self.requests: list[Request] = []
        self.strange: list[str] = []
        """Steps that are none."""
        self.did: list[str] = []
        """Input and output of the flow's own."""
        self._send = send
        self.steps = 0
        """How many the flow has."""

    def run(
        self, flow: Flow[Any], *, at: int | None = None, throw: BaseException | None = None, leave: bool = False
    ) -> Any:
        """The flow's result.

        At the step of number ``at`` it is thrown something in place of the outcome, or left with that raised here.
        """
        answer: Any = None
        failure: BaseException | None = None
        while True:
            try:
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
                self.steps = before  # of the whole flow, not of its parts
                return outcomes
            case _:
                self.strange.append(type(step).__name__)
                return None


def flow_of(provider: Provider, example: Example, given: Image | Audio | str | None = None) -> Any:
    """What the provider's operation returns: a flow, if it is as it should be."""
    given = given_as(example.operation, example.given) if given is None else given
    return getattr(provider, example.operation)(given, **complete(example.operation, example.options))


def is_flow(flow: Any) -> bool:
    """Whether it is a generator."""
    return isinstance(flow, Generator)


def driven(subject: Subject, example: Example, given: Image | Audio | str | None = None) -> Driver:
    """An example's flow carried out by hand to its end, whatever that is."""
    provider = subject.provider(example)
    driver = Driver(provider, example.replies())
    with suppress(Exception):  # what it raises is looked at where it is called as users call it
        driver.run(flow_of(provider, example, given))
    return driver


# -- looking over a flow's shoulder ------------------------------------------------------------------------

_watching = threading.local()
_hooked = threading.Lock()
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "time.sleep", "http.client")
INPUTS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".heic", ".wav", ".flac", ".mp3", ".ogg")
"""A flow may look up a setting in a file when it is needed; the input is the engine's to read."""


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
    # A hook cannot be taken out again: one for all, and silent but in the thread that is looked at.
    if _hooked.acquire(blocking=False):
        sys.addaudithook(_audit)
    before = getattr(_watching, "did", None)
    _watching.did = did
    try:
        yield
    finally:
        _watching.did = before


# -- words -------------------------------------------------------------------------------------------------

TYPED = "Raise one of cloudai.errors, with advice= what to do."


def bare(what: str, error: BaseException, advice: str = TYPED) -> Told:
    """What to say of an error that is none of ours."""
    return f"{what}: {type(error).__name__} ({' '.join(str(error).split())[:100]}), which is no CloudAIError", advice


def shown(result: Outcome) -> str:
    """An outcome in a few words."""
    text = " ".join(repr(result).split())
    return text if len(text) < 100 else f"{text[:99]}…"  # noqa: PLR2004
