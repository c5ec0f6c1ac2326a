"""Several programs of one item each, taken forward together, so that requests that go well together go as one.

Each program knows only its own item. Before it sends it meets the others (`Meet`): those whose requests can be joined
are a party, wait for one turn, and write down what they intend; then one request goes out for all, and each gets its
own part of the reply. This file knows nothing of journals or paces: what a party waits for is given from outside.
"""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cloudai.core.effects import Effect, Persist, Program, Send, Sleep, Store, Wait
from cloudai.core.flow import Call, Request, Response
from cloudai.core.retry import GOOD
from cloudai.errors import CloudAIError, MalformedResponseError

__all__ = ["Defer", "Join", "MergeGroup", "coalesce"]


@dataclass(eq=False)
class MergeGroup:
    """The items that go out in one request."""

    size: int = 1
    has_turn: bool = False
    """Its members have met, and it is their turn."""
    turn: Any = None
    """That turn."""
    retry: bool | None = None
    """Whether they may try once more, once one of them has asked."""
    _said: set[str] = field(default_factory=set)

    def first(self, what: str) -> bool:
        """True for the one who asks first: what happens once a request, not once an item."""
        if what in self._said:
            return False
        self._said.add(what)
        return True


@dataclass(frozen=True)
class Join:
    """Find a party for this request; the answer is the `Party`, and it is its turn."""

    request: Request
    most: int
    """Items the party may have."""
    turn: Callable[[], Program[Any]]
    """Waits for the party's turn, and returns it."""


@dataclass(frozen=True)
class Defer:
    """Wait for this when nobody else has anything to do: it may depend on them."""

    future: Future[Any]


@dataclass(eq=False)
class _Member:
    program: Any
    at: Effect | Join | Defer | None = None
    """What it waits for."""
    answer: Any = None
    failure: BaseException | None = None
    group: MergeGroup | None = None
    ended: bool = False
    value: Any = None

    def step(self) -> None:
        """Go on with what was waited for."""
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
    """Run all programs that `more` gives, at most ``room`` at once, and hand each one's value to ``ended``.

    Args:
        more: A program that gives up to so many further programs: none when there are no more or, where it is not to
            wait for them, none at once.
        ended: A program that takes a value.
        room: How many are taken forward together.
        preparing: Runs what new ones do before they first wait for the others; not too many should at once.
    """
    members: list[_Member] = []
    hungry = True
    try:
        while True:
            fresh: list[Program[Any]] = []
            if hungry and len(members) < room:
                fresh = yield from more(room - len(members), not members)
                members += map(_Member, fresh)
                hungry = False
            if not members:
                return
            going = _to_a_standstill(members)
            yield from preparing(going) if fresh else going
            if done := deque(member.value for member in members if member.ended):
                members[:] = [member for member in members if not member.ended]
                hungry = True
                while done:  # each is let go as soon as it is handed over
                    yield from ended(done.popleft())
            else:
                yield from _one_thing(members)
    finally:
        for member in members:
            member.program.close()


def _to_a_standstill(members: list[_Member]) -> Program[None]:
    """Let all go on until they wait for each other, for time, or for the service; in between they write at once."""
    going = [member for member in members if member.at is None]
    while going:
        for member in going:
            member.step()
            while not member.ended and not isinstance(member.at, STANDSTILL):
                yield from _answered(member)
                member.step()
        calling = [member for member in going if isinstance(member.at, Call) and not member.at.waits]
        yield from _called(calling)
        keeping = [member for member in going if isinstance(member.at, Persist)]
        if keeping:
            yield from _kept(keeping)
        waiting = [member for member in going if isinstance(member.at, Wait | Call)]
        for member in waiting:
            yield from _answered(member)
        going = [*calling, *keeping, *waiting]


STANDSTILL = (Join, Defer, Send, Sleep, Wait, Persist, Call)
"""What a member is stopped at; all else is carried out at once. (What the parts of a member want kept at once with
others goes to the driver: they do not run here.)"""
SLICE = 0.01
"""Seconds of blocking functions that go to a thread as one: a journey costs more than a small one takes, and others
wait too."""


def _called(members: list[_Member]) -> Program[None]:
    """Have the blocking functions of several members run, one after the other; each has its own outcome."""
    left = list(members)
    while left:
        functions = [member.at.function for member in left]  # type: ignore[union-attr]
        outcomes: list[tuple[Any, BaseException | None]] = yield Call(partial(_outcomes, functions))
        _tell(left[: len(outcomes)], outcomes)
        left = left[len(outcomes) :]


def _kept(members: list[_Member]) -> Program[None]:
    """What several members want kept is kept as one: who waits for a disk waits once for all."""
    keeper: Store = members[0].at.keeper  # type: ignore[union-attr]  # of one batch
    works = [member.at.work for member in members]  # type: ignore[union-attr]
    try:
        outcomes: list[tuple[Any, Exception | None]] = yield Wait(keeper.do_all(works))
    except Exception as error:  # noqa: BLE001  # everybody's to handle
        outcomes = [(None, copy.copy(error)) for _ in members]
    _tell(members, outcomes)


def _tell(members: list[_Member], outcomes: Sequence[tuple[Any, BaseException | None]]) -> None:
    """To each its own outcome."""
    for member, (answer, failure) in zip(members, outcomes, strict=True):
        member.at, member.answer, member.failure = None, answer, failure


def _outcomes(functions: list[Callable[[], Any]]) -> list[tuple[Any, BaseException | None]]:
    """Of as many as there is time for, one at least."""
    until, outcomes = time.monotonic() + SLICE, []
    for function in functions:
        outcomes.append(_outcome(function))
        if time.monotonic() > until:
            break
    return outcomes


def _outcome(function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return function(), None
    except Exception as error:  # noqa: BLE001  # told to the one who asked
        return None, error


def _answered(member: _Member) -> Program[None]:
    """Have the driver carry out what a member waits for."""
    try:
        member.answer = yield member.at  # type: ignore[misc]  # Meet and Later are not handed on
    except Exception as error:  # noqa: BLE001  # its own to handle
        member.failure = error


def _one_thing(members: list[_Member]) -> Program[None]:
    """Everybody waits: for time, for a reply, for a party, or, when nothing else is left, for somebody elsewhere."""
    if sleeping := [member for member in members if isinstance(member.at, Sleep)]:
        yield Sleep(max(member.at.seconds for member in sleeping))  # type: ignore[union-attr]
        _wake(sleeping)
    elif sending := [member for member in members if isinstance(member.at, Send)]:
        group = sending[0].group
        yield from _sent([member for member in sending if member.group is group] if group else sending[:1])
    elif meeting := [member for member in members if isinstance(member.at, Join)]:
        yield from _joined_group(_group(meeting))
    else:
        member = members[0]
        assert isinstance(member.at, Defer)  # noqa: S101  # for the types
        member.at = Wait(member.at.future)
        yield from _answered(member)
        _wake([member])


def _wake(members: list[_Member]) -> None:
    for member in members:
        member.at = None


def _group(meeting: list[_Member]) -> list[_Member]:
    """The first of those who meet, and those whose requests go with its own, in order."""
    first, merge = meeting[0], _request(meeting[0]).merge
    if merge is None:
        return [first]
    key = merge.key(_request(first))
    others = (member for member in meeting[1:] if _request(member).merge == merge)
    alike = [first, *(member for member in others if merge.key(_request(member)) == key)]

    def go(members: list[_Member]) -> bool:
        most = min(member.at.most for member in members)  # type: ignore[union-attr]
        return len(members) <= most and merge.fits([_request(member) for member in members])

    if go(alike):
        return alike
    group = [first]
    for member in alike[1:]:
        if go([*group, member]):
            group.append(member)
    return group


def _request(member: _Member) -> Request:
    """Of one who meets the others, or sends."""
    assert isinstance(member.at, Join | Send)  # noqa: S101  # for the types
    return member.at.request


def _joined_group(members: list[_Member]) -> Program[None]:
    """Wait for their turn, and let them go on as a party."""
    group = MergeGroup(len(members), has_turn=True)
    first = members[0].at
    assert isinstance(first, Join)  # noqa: S101  # for the types
    try:
        group.turn = yield from first.turn()
    except CloudAIError as error:
        for member in members:
            member.failure = copy.copy(error)
    else:
        for member in members:
            member.answer = member.group = group
    _wake(members)


def _sent(members: list[_Member]) -> Program[None]:
    """One request for all, and to each its part of the reply; a failure is everybody's."""
    requests = [_request(member) for member in members]
    timeouts = [member.at.timeout for member in members if member.at.timeout is not None]  # type: ignore[union-attr]
    try:
        response: Response = yield Send(_joined(requests), min(timeouts, default=None))
    except CloudAIError as error:
        for member in members:
            member.failure = copy.copy(error)
    except Exception as error:  # noqa: BLE001  # of a `send` of the user's
        for member in members:
            member.failure = error
    else:
        _hand_out(members, requests, response)
    for member in members:
        member.group = None
    _wake(members)


def _joined(requests: list[Request]) -> Request:
    merge = requests[0].merge
    return requests[0] if len(requests) == 1 or merge is None else merge.join(requests)


def _hand_out(members: list[_Member], requests: list[Request], response: Response) -> None:
    """To each its own part; an error to everybody; where the parts cannot be told apart nobody gets another's."""
    merge = requests[0].merge
    if len(requests) == 1 or merge is None or response.status not in GOOD:
        for member in members:
            member.answer = response
        return
    try:
        parts = merge.split(response, requests)
    except Exception as error:  # noqa: BLE001  # of a provider from outside also others
        said = error.message if isinstance(error, MalformedResponseError) else "the reply cannot be told apart"
        for member in members:
            member.failure = failure = MalformedResponseError(said)
            failure.raw = response.content
        return
    for member, part in zip(members, parts, strict=True):
        member.answer = part
