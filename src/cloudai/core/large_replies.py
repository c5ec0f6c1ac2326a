"""A large reply is read in a thread where the client awaits, so that the event loop goes on meanwhile.

Parsing its JSON, checking it and making a result of it take seconds in the worst case. None of the steps holds the
interpreter for long: see ``json_reading.py``. Where the client blocks, all of it happens in the calling thread.

Python's garbage collector is the exception. A full collection visits every object that there is and holds the
interpreter meanwhile, which took 190 ms while a reply of 24 MB was read. So it pauses until the reply has been read.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from cloudai.core.effects import Program
from cloudai.core.flow import Call, Flow, Response, Step
from cloudai.errors import MalformedResponseError

__all__ = ["CollectorPause", "Ended", "read_ahead", "resumed"]

T = TypeVar("T")

WORTH_A_PAUSE = 1_000_000
"""Bytes of a reply beyond which the collector pauses. The objects of a smaller one are visited in milliseconds."""
LONGEST_PAUSE = 10.0
"""Seconds after which no further call joins a pause of the collector, so that calls without end do not stop it."""


class CollectorPause:
    """A pause of Python's garbage collector, for the time in which one call reads a large reply.

    The pauses of several calls may overlap. The collector goes on when the last of them ends, if it was on before.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _begun: ClassVar[int] = 0
    _since: ClassVar[float] = 0.0
    _was_on: ClassVar[bool] = False

    def __init__(self) -> None:
        self._is_begun = False

    def begin(self, size: int) -> None:
        """Stop the collector, unless this pause has begun already, or others have kept it from running for long.

        Args:
            size: The bytes of the reply; a small one is not worth a pause.
        """
        if size <= WORTH_A_PAUSE:
            return
        with CollectorPause._lock:
            if self._is_begun or (CollectorPause._begun and time.monotonic() - CollectorPause._since > LONGEST_PAUSE):
                return
            if not CollectorPause._begun:
                # A program that has switched the collector off by itself must find it off afterwards.
                CollectorPause._since, CollectorPause._was_on = time.monotonic(), gc.isenabled()
                gc.disable()
            CollectorPause._begun += 1
            self._is_begun = True

    def end(self) -> None:
        """Let the collector go on, if no other call reads a large reply."""
        if not self._is_begun:  # nearly always: each step of a call comes here, and need not wait for the lock
            return
        with CollectorPause._lock:
            if not self._is_begun:
                return
            self._is_begun = False
            CollectorPause._begun -= 1
            if not CollectorPause._begun and CollectorPause._was_on:
                gc.enable()


def read_ahead(response: Response, cleared: Callable[[Response], Response] = lambda response: response) -> Response:
    """Return a reply with its JSON parsed ahead, after ``cleared`` has taken the secrets out of it.

    A reply that is audio is not parsed. One that cannot be parsed keeps the error, and raises it when it is read.
    """
    response = cleared(response)
    if not response.headers.get("content-type", "").strip().lower().startswith("audio/"):
        with suppress(MalformedResponseError):
            response.json()
    return response


@dataclass(frozen=True)
class Ended(Generic[T]):
    """The end of a flow, with its result."""

    value: T


def resumed(flow: Flow[T], answer: Response) -> Program[Step | Ended[T]]:
    """Let a flow go on with a large reply, and return its next step, or its end.

    Where the client awaits, the flow goes on in a thread. If the call is cancelled meanwhile, the flow is closed as
    soon as it comes to a halt there.
    """
    piece = _Piece(flow, answer)
    try:
        step: Step | Ended[T] = yield Call(piece)
    except BaseException:
        piece.give_up()
        raise
    return step


class _Piece(Generic[T]):
    """The piece of a flow up to its next step, as a function that any thread may run."""

    def __init__(self, flow: Flow[T], answer: Response) -> None:
        self._flow, self._answer = flow, answer
        self._lock = threading.Lock()
        self._running = self._given_up = False

    def __call__(self) -> Step | Ended[Any]:
        with self._lock:
            if self._given_up:
                return Ended(None)
            self._running = True
        try:
            return self._flow.send(self._answer)
        except StopIteration as stop:
            # A future of asyncio cannot carry a StopIteration, so the end of the flow is returned as a value.
            return Ended(stop.value)
        finally:
            with self._lock:
                self._running = False
                if self._given_up:
                    self._flow.close()

    def give_up(self) -> None:
        """Close the flow, now or once it comes to a halt; one that has failed or ended stays as it is."""
        with self._lock:
            self._given_up = True
            # Python refuses to close a generator that is running in another thread; that thread closes it when it comes
            # to a halt.
            if not self._running:
                self._flow.close()
