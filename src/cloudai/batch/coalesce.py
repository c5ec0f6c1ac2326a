"""The programs of several items run side by side, so that requests that can be merged go out as one.

Each program knows only its own item. Before it sends a request it yields `Join`: items whose requests can be merged
form a group, which waits for one turn and writes down what it is about to send. Then one request goes out for all of
them, and each item gets its own part of the reply. This module knows nothing of journals or paces: the caller passes in
what a group waits for.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from cloudai.core.drivers.shared import not_read
from cloudai.core.drivers.threads import STUCK, readers
from cloudai.core.effects import Effect, Persist, Program, Send, Sleep, Store, Wait
from cloudai.core.flow import MOST_REPLY, Call, Request, Response
from cloudai.core.retry import GOOD
from cloudai.errors import CloudAIError, MalformedResponseError

__all__ = ["HELD", "Defer", "Join", "MergeGroup", "coalesce"]

HELD = object()
"""The turn of a group that is not to send its request yet: its members have to join again."""


@dataclass(eq=False, slots=True)
class MergeGroup:
    """The items whose requests go out as one."""

    size: int = 1
    """The number of inputs in the request."""
    calls: int = 1
    """The number of items; several may be about one input, if it is sent for several operations at the same time."""
    divides: bool = False
    """True once its request has failed as a whole, so that its items go out again in smaller groups."""
    has_turn: bool = False
    """True once the group has waited for its turn."""
    turn: Any = None
    """The turn that its members share; None if there is no pace."""
    retry: bool | None = None
    """True or False once a member has asked whether the request may be tried again; None before."""
    refill: float | None = None
    """The seconds until the request may be tried again after a refusal, once a member has asked; None before."""
    _said: set[str] = field(default_factory=set)
    """The things that a member has done for all of them."""

    def first(self, what: str) -> bool:
        """Return True to the first member that asks: ``what`` is done once for a request, not once for each item."""
        if what in self._said:
            return False
        self._said.add(what)
        return True


@dataclass(slots=True)
class Join:
    """An effect: join a group of items whose requests can be merged.

    The answer is the group, once it has its turn, or None if the item has to join again later.
    """

    request: Request
    most: int
    """Maximum number of inputs in the group. Only items with the same maximum go together."""
    turn: Callable[[], Program[Any]]
    """Makes a program that waits for the turn of the group, and returns it, or `HELD`."""


@dataclass(slots=True)
class Defer:
    """An effect: wait for a future once no other item can go on, because it may depend on them."""

    future: Future[Any]


@dataclass(eq=False, slots=True)
class _Member:
    """The program of one item, and how far it has come."""

    program: Any
    at: Effect | Join | Defer | None = None
    """The effect that the program waits for; None if it can go on."""
    answer: Any = None
    failure: BaseException | None = None
    group: MergeGroup | None = None
    ended: bool = False
    value: Any = None
    reading: Future[Any] | None = None
    """The outcome of the function that reads the member's file, while that runs in a thread of its own."""
    read_until: float = math.inf
    """The time (monotonic seconds) when the member gives its file up."""

    def step(self) -> None:
        """Let the program go on with the answer or the failure of its last effect, up to its next effect or its end.

        An exception that leaves the program is not caught here: it ends `coalesce`, and with it all other programs.
        """
        answer, failure = self.answer, self.failure
        self.answer = self.failure = self.at = None
        try:
            self.at = self.program.throw(failure) if failure else self.program.send(answer)
        except StopIteration as stop:
            self.ended, self.value = True, stop.value


def coalesce(
    more: Callable[[int, bool], Program[list[Program[Any]]]],
    ended: Callable[[Any], Program[None]],
    room: int,
    preparing: Callable[[Program[None]], Program[None]] = lambda program: program,
) -> Program[None]:
    """Run all programs that ``more`` returns, at most ``room`` side by side, and hand the value of each to ``ended``.

    ``more`` is asked at the beginning, each time that a program has ended, and while the file of a program is stuck.

    An exception that leaves one of the programs, ``more`` or ``ended`` is raised here. All programs that have not ended
    are then closed.

    Args:
        more: Makes a program that returns a list of at most as many further programs as its first argument says. Its
            second argument is True if no program is running: then it waits until one is ready, and an empty list means
            that there are no more. Otherwise it does not wait, and an empty list may only mean that none is ready.
        ended: Makes a program that takes the value of a program that has ended.
        room: Maximum number of programs that run side by side.
        preparing: Wraps the program that runs new programs up to the point where each waits for the others. It can
            limit how many workers do this at a time.
    """
    members: list[_Member] = []
    may_take_more = True
    try:
        while True:
            fresh: list[Program[Any]] = []
            if may_take_more and len(members) < room:
                fresh = yield from more(room - len(members), not members)
                members += map(_Member, fresh)
                may_take_more = False
            if not members:
                return
            _take_over_files(members)
            advancing = _advance(members)
            yield from preparing(advancing) if fresh else advancing
            if done := deque(member.value for member in members if member.ended):
                members[:] = [member for member in members if not member.ended]
                may_take_more = True
                while done:  # each value can be freed once it is handed over
                    yield from ended(done.popleft())
            else:
                yield from _carry_out_one(members)
                # A file that is stuck must not keep the worker from other inputs.
                may_take_more = any(member.reading for member in members)
    finally:
        for member in members:
            if member.reading:
                member.reading.cancel()
            member.program.close()


def _advance(members: list[_Member]) -> Program[None]:
    """Let all members go on until each has ended, is reading a stuck file, or has yielded one of four effects.

    These are `Join`, `Defer`, `Send` and `Sleep`; all other effects are carried out here. The blocking functions of
    several members run one after the other in a thread, so that they are handed to it in one piece. What several
    members want to have on disk is written in one transaction. The files of several members are read at the same time.
    Futures are waited for one after the other, and so are blocking functions that wait for another service or for
    memory, or that run a program or a model.
    """
    going = [member for member in members if member.at is None]
    while going:
        for member in going:
            member.step()
            while not member.ended and not isinstance(member.at, STOPPING):
                yield from _carry_out(member)
                member.step()
        calling = [
            m for m in going if isinstance(m.at, Call) and not (m.at.waits or m.at.runs or m.at.reads or m.at.memory)
        ]
        yield from _run_functions(calling)
        reading = [member for member in going if isinstance(member.at, Call) and member.at.reads]
        yield from _read(reading)
        keeping = [member for member in going if isinstance(member.at, Persist)]
        if keeping:
            yield from _persist(keeping)
        waiting = [member for member in going if isinstance(member.at, WAITING) and not member.reading]
        for member in waiting:
            yield from _carry_out(member)
        going = [*calling, *(member for member in reading if not member.reading), *keeping, *waiting]


STOPPING = (Join, Defer, Send, Sleep, Wait, Persist, Call)
"""Effects at which a member pauses so that the others can catch up with it.

The driver carries out any other effect as soon as a member yields it. `Gather` is such an effect: the parallel parts of
a member run in the driver, so what they write is not merged with the writes of other members.
"""
WAITING, ASKING = (Wait, Call), (Join, Send)
"""Effects that wait for a future or a function, and those that have a request."""
SLICE = 0.01
"""Seconds after which no further function is begun in one hand-over to a thread.

A hand-over takes longer than a short function, so several functions share one. But other work waits for the thread,
too.
"""


def _run_functions(members: list[_Member]) -> Program[None]:
    """Run the blocking functions of several members in sequence, and give each member its own outcome.

    As many functions as `SLICE` has time for are handed to a thread at once.
    """
    left = list(members)
    while left:
        functions = [member.at.function for member in left]  # type: ignore[union-attr]
        outcomes: list[tuple[Any, BaseException | None]] = yield Call(partial(_outcomes_of, functions))
        _set_outcomes(left[: len(outcomes)], outcomes)
        left = left[len(outcomes) :]


def _read(members: list[_Member]) -> Program[None]:
    """Read the files of several members at the same time, and wait for them, but not for one that is stuck."""
    if not members:
        return
    for member in members:
        assert isinstance(member.at, Call)  # noqa: S101  # for the types
        member.reading = readers().submit(member.at.function)
        member.read_until = time.monotonic() + (math.inf if member.at.timeout is None else member.at.timeout)
    yield from _wait_for_files(members, all_of_them=True)


def _wait_for_files(members: Sequence[_Member], *, all_of_them: bool) -> Program[None]:
    """Wait until a file of these members is read, or all of their files, and take over what was read.

    The wait ends after `STUCK` seconds, or when the time of any of the members is up.
    """
    files = [member.reading for member in members if member.reading]
    left = len(files) if all_of_them else 1
    ready: Future[None] = Future()
    lock = threading.Lock()

    def count(_: Future[Any]) -> None:
        nonlocal left
        with lock:
            left -= 1
            if not left:
                ready.set_result(None)

    for file in files:
        file.add_done_callback(count)
    patience = min(STUCK, *(max(0.0, member.read_until - time.monotonic()) for member in members))
    with suppress(TimeoutError):
        yield Wait(ready, patience)
    _take_over_files(members)


def _take_over_files(members: Iterable[_Member]) -> None:
    """Give each member the outcome of reading its file, if that has ended, or an error if its time is up."""
    for member in members:
        if member.reading is None or not (member.reading.done() or time.monotonic() >= member.read_until):
            continue
        file, member.reading, member.at = member.reading, None, None
        if not file.done():
            file.cancel()
            member.failure = not_read()
        elif (error := file.exception()) is not None:
            member.failure = error
        else:
            member.answer = file.result()


def _persist(members: list[_Member]) -> Program[None]:
    """Write what several members want to have on disk in one piece, so that they wait for the disk only once.

    All of it must be for the same file, as it is in one batch. Each member gets the outcome of its own work. If the
    file cannot be written, every member gets a copy of the error.
    """
    keeper: Store = members[0].at.keeper  # type: ignore[union-attr]  # all of one batch
    works = [member.at.work for member in members]  # type: ignore[union-attr]
    try:
        outcomes: list[tuple[Any, Exception | None]] = yield Wait(keeper.do_all(works))
    except Exception as error:  # noqa: BLE001  # each member handles it
        outcomes = [(None, copy.copy(error)) for _ in members]
    _set_outcomes(members, outcomes)


def _set_outcomes(members: list[_Member], outcomes: Sequence[tuple[Any, BaseException | None]]) -> None:
    """Give each member its own outcome, the answer or the failure of its effect."""
    for member, (answer, failure) in zip(members, outcomes, strict=True):
        member.at, member.answer, member.failure = None, answer, failure


def _outcomes_of(functions: list[Callable[[], Any]]) -> list[tuple[Any, BaseException | None]]:
    """Run as many functions as there is time for, at least one, and return what each returned or raised."""
    until, outcomes = time.monotonic() + SLICE, []
    for function in functions:
        outcomes.append(_outcome_of(function))
        if time.monotonic() > until:
            break
    return outcomes


def _outcome_of(function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return function(), None
    except Exception as error:  # noqa: BLE001  # its member handles it
        return None, error


def _carry_out(member: _Member) -> Program[None]:
    """Have the driver carry out the effect that a member waits for, and keep the outcome for the member's next step.

    The member counts as waiting until the caller steps or wakes it.
    """
    try:
        member.answer = yield member.at  # type: ignore[misc]  # never a Join or a Defer, which drivers do not know
    except Exception as error:  # noqa: BLE001  # the member handles it
        member.failure = error


def _carry_out_one(members: list[_Member]) -> Program[None]:
    """Wait for the next event that may let a member go on, when all of them wait.

    If any members sleep, the longest of their times passes, and all of them wake. Otherwise the request of the first
    member or group that sends goes out. Otherwise the first members whose requests can be merged become a group.
    Otherwise all members wait for files that are stuck, or for futures. This function waits for one of the files, but
    not longer than `STUCK` seconds, after which it may be that no member can go on. If there are no files, it waits for
    the future of the first member.
    """
    if sleeping := [member for member in members if isinstance(member.at, Sleep)]:
        yield Sleep(max(member.at.seconds for member in sleeping))  # type: ignore[union-attr]
        _wake(sleeping)
    elif sending := [member for member in members if isinstance(member.at, Send)]:
        group = sending[0].group
        sent = [member for member in sending if member.group is group] if group else sending[:1]
        yield from _send(sent)
        # The members of this request are moved behind all others. If it has failed and is divided, both of its halves
        # are then sent before any quarter.
        members.sort(key=sent.__contains__)
    elif joining := [member for member in members if isinstance(member.at, Join)]:
        yield from _start_group(_mergeable(joining))
    elif reading := [member for member in members if member.reading]:
        yield from _wait_for_files(reading, all_of_them=False)
    else:
        member = members[0]
        assert isinstance(member.at, Defer)  # noqa: S101  # for the types
        member.at = Wait(member.at.future)
        yield from _carry_out(member)
        _wake([member])


def _wake(members: list[_Member]) -> None:
    """Mark these members as able to go on: the effect that they waited for has its outcome."""
    for member in members:
        member.at = None


def _mergeable(joining: list[_Member]) -> list[_Member]:
    """Return the first member that joins a group, and those whose requests can be merged with its own, in order.

    Only members with the same ``most`` are merged, and their requests take at most so many slots of one request. A
    member that does not fit is passed over, and a later one may still join.
    """
    first, merge = joining[0], _request(joining[0]).merge
    if merge is None:
        return [first]
    key = merge.key(_request(first))
    most = first.at.most  # type: ignore[union-attr]
    # The inputs of a request that has failed as a whole have a smaller `most`. They are merged with each other alone,
    # so that a faulty input among them does not spoil a request of inputs that were never sent.
    others = (member for member in joining[1:] if member.at.most == most and _request(member).merge == merge)  # type: ignore[union-attr]
    alike = [first, *(member for member in others if merge.key(_request(member)) == key)]

    def fit(members: list[_Member]) -> bool:
        requests = [_request(member) for member in members]
        return merge.slots(requests) <= most and merge.fits(requests)

    # Usually all of them fit, so that is checked first: a check after each member takes many times as long.
    if fit(alike):
        return alike
    group = [first]
    for member in alike[1:]:
        if fit([*group, member]):
            group.append(member)
    return group


def _request(member: _Member) -> Request:
    """Return the request of a member that joins a group or sends."""
    assert isinstance(member.at, ASKING)  # noqa: S101  # for the types
    return member.at.request


def _start_group(members: list[_Member]) -> Program[None]:
    """Wait for the turn of these members, and let them go on as a group.

    If the turn is `HELD`, there is no group, and each member has to join again. If waiting for the turn raises a
    CloudAIError, each member gets a copy of it. Any other exception is raised here.
    """
    first = members[0].at
    assert isinstance(first, Join)  # noqa: S101  # for the types
    merge = first.request.merge
    try:
        turn = yield from first.turn()
    except CloudAIError as error:
        for member in members:
            member.failure = copy.copy(error)
    else:
        size = 1 if merge is None else merge.slots([_request(member) for member in members])
        group = None if turn is HELD else MergeGroup(size, len(members), has_turn=True, turn=turn)
        for member in members:
            member.answer = member.group = group
    _wake(members)


def _send(members: list[_Member]) -> Program[None]:
    """Send one request for all members, and give each its part of the reply; then the group is dissolved.

    The request has the shortest timeout of any of them. If it fails, each member gets a copy of the CloudAIError. Any
    other exception comes from the user's ``send``, and all members get the same object.
    """
    requests = [_request(member) for member in members]
    timeouts = [member.at.timeout for member in members if member.at.timeout is not None]  # type: ignore[union-attr]
    try:
        response: Response = yield Send(_merged(requests), min(timeouts, default=None), members[0].at.slots)  # type: ignore[union-attr]
    except CloudAIError as error:
        # Each call writes its own facts into its error, so two calls must not share one.
        for member in members:
            member.failure = copy.copy(error)
    except Exception as error:  # noqa: BLE001  # the user's `send` raised it
        for member in members:
            member.failure = error
    else:
        yield from _split(members, requests, response)
    for member in members:
        member.group = None
    _wake(members)


def _merged(requests: list[Request]) -> Request:
    merge = requests[0].merge
    if len(requests) == 1 or merge is None:
        return requests[0]
    # The reply to all of them may be as large as their replies together.
    return replace(merge.join(requests), max_reply=min(MOST_REPLY, sum(request.max_reply for request in requests)))


def _split(members: list[_Member], requests: list[Request], response: Response) -> Program[None]:
    """Give each member its own part of a reply, or the whole of a reply that is an error.

    If the parts cannot be told apart, all members fail, for none may get the part of another.
    """
    merge = requests[0].merge
    if len(requests) == 1 or merge is None or response.status not in GOOD:
        for member in members:
            member.answer = response
        return
    try:
        # A large reply is divided in a thread, because to divide it here would block the event loop.
        parts = (yield Call(partial(merge.split, response, requests))) if response.is_large else None
        answers = list(zip(members, parts or merge.split(response, requests), strict=True))
    except Exception as error:  # noqa: BLE001  # a provider of another distribution may raise any
        said = error.message if isinstance(error, MalformedResponseError) else "the reply cannot be told apart"
        for member in members:
            member.failure = failure = MalformedResponseError(said)
            failure.raw = response.content
        return
    for member, part in answers:
        member.answer = part
