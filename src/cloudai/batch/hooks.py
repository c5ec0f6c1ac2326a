"""One call of a batch: the ledger that keeps its exchanges, and its result or error as they are written down."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from cloudai.batch import queries
from cloudai.batch.coalesce import Join, MergeGroup
from cloudai.batch.queries import CallRecord
from cloudai.core.effects import Persist, Program, Sleep
from cloudai.core.flow import Request, Response
from cloudai.core.hooks import CallHooks
from cloudai.core.rate_limit import RateLimiter, RetryBudget
from cloudai.core.retry import classify
from cloudai.errors import CloudAIError, JournalError, NotStartedError, ReplayError
from cloudai.operations import Given

if TYPE_CHECKING:
    from cloudai.batch.runner import Runner

__all__ = ["ItemHooks", "Reading"]

SLICE = 1.0
"""Seconds: a wait is looked up from this often, so that a batch that is stopped stops."""


class ItemHooks(CallHooks):
    """Writes each request of a call down before it goes out, and each reply before it is read.

    Args:
        run: The batch.
        given: The input.
        standing: What the journal knows of the call.
        most: How many items may go out with it in one request.
    """

    patient: ClassVar[bool] = True

    def __init__(self, run: Runner[Any], given: Given, standing: CallRecord, most: int) -> None:
        self._run = run
        self._most = most
        self._parties: dict[str, MergeGroup] = {}
        self._counted: dict[str, int] = {}
        """By place: 1 where this item counts the request it went out in, 0 where another does."""
        self.company = 1
        """How many items went out in the last request."""
        self._given = given
        self.call = standing.call
        self._held = {place: held.response for place, held in standing.held.items()}
        self.suspect = standing.suspect
        self._then: int | None = None
        self._unknown = dict(standing.doubts)
        self._turns: dict[str, tuple[RateLimiter, int]] = {}
        self.began: float | None = None
        """When the first request had its turn."""
        self.host: str | None = None
        self.last: str | None = None
        """The place of the last reply."""

    def held(self, place: str) -> Response | None:
        """The reply of an earlier run, once: a job that was still running is looked at anew."""
        self.last = place
        return self._held.pop(place, None)

    def unknown(self, place: str) -> int:
        """Of all runs: an input that nobody can answer is not sent twice in each of them."""
        return self._unknown.get(place, 0)

    @property
    def tries(self) -> int:
        """How often a request of this call was sent in vain, in all runs."""
        return max(self._unknown.values(), default=0)

    @property
    def others_fared_better(self) -> bool:
        """Whether somebody was answered well since this call first failed."""
        return self._then is not None and self._run.successes > self._then

    def meet(self, place: str, request: Request, pacer: RateLimiter) -> Program[None]:
        """Find a party, whose turn it is then; what is one part of several, or cannot be joined, goes alone."""
        self._run.require_going()
        if self._most == 1 or request.merge is None or "." in place:
            self._parties[place] = MergeGroup()
            return
        party: MergeGroup = yield Join(request, self._most, partial(self._turn, place, pacer))  # type: ignore[misc]
        self._parties[place] = party
        if party.turn and party.first("turn"):
            self._turns[place] = party.turn
        self.began = self._run.clock() if self.began is None else self.began

    def _turn(self, place: str, pacer: RateLimiter) -> Program[Any]:
        """Wait for a turn, for all of a party."""
        while (seconds := self._alone(place, pacer, self._run.clock())) > 0:
            yield from self.rest(seconds)
        return self._turns.pop(place, None)

    def retry(self, place: str, budget: RetryBudget) -> bool:
        """One answer for all who went out together."""
        party = self._parties[place]
        if party.retry is None:
            party.retry = budget.take()
        return party.retry

    def early(self, place: str, pacer: RateLimiter, now: float) -> float:
        """Wait by the pace of the batch, unless a party has waited for all in it."""
        return 0.0 if self._parties[place].met else self._alone(place, pacer, now)

    def _alone(self, place: str, pacer: RateLimiter, now: float) -> float:
        self._run.require_going()
        if self._run.offline:
            return 0.0
        if not self._run.rates:
            return super().early(place, pacer, now)
        seconds, turn = pacer.take(self._run.rates, now)
        if not seconds:
            self._turns[place] = pacer, turn
            self.began = now if self.began is None else self.began
        self._run.waiting_until = now + seconds if seconds else None
        return min(seconds, SLICE)

    def rest(self, seconds: float) -> Program[None]:
        """Wait, and end as soon as the batch does."""
        until = self._run.clock() + seconds
        while seconds > 0:
            self._run.require_going()
            yield Sleep(min(seconds, SLICE))
            seconds = until - self._run.clock()
        self._run.require_going()

    def sending(self, place: str, request: Request) -> Program[None]:
        """Hold it against the limits, and write it down; a look at a job and a token are in nobody's way."""
        self._run.require_going()
        self.host = urlsplit(request.url).hostname
        if self._run.offline or not request.credentials:
            return
        party = self._parties[place]
        self.company = party.size
        if request.billed:
            counted = self._counted[place] = int(party.first("request"))
            self._run.reserve(request.billed, counted)
            try:
                yield Persist(self._run.journal, queries.intend(self.call, place, request.billed, counted))
            except JournalError as error:
                self._run.refund(counted, request.billed)
                self._run.pause(error)
                raise
        try:
            yield from self._in_time(place)
        except NotStartedError:
            if request.billed:
                self._unsent(place, request.billed)
            raise

    def _in_time(self, place: str) -> Program[None]:
        """The service counts from now; where a token or the disk took too long, wait for another turn."""
        pacer, turn = self._turns.pop(place, (None, 0))
        while pacer is not None and not pacer.move(turn, self._run.clock()):
            while (seconds := self._alone(place, pacer, self._run.clock())) > 0:
                yield from self.rest(seconds)
            pacer, turn = self._turns.pop(place)

    def _unsent(self, place: str, units: int) -> None:
        """Written down, and not sent after all."""
        counted = self._counted[place]
        self._run.refund(counted, units)
        self._run.journal.do(queries.undo(self.call, place, units, counted, sent=False, doubt=False, free=True))

    def answered(self, place: str, request: Request, response: Response) -> Program[None]:
        """Have it on disk before anybody reads it. Where that fails the reply is used all the same: it is paid for."""
        self._run.sign_of_life()
        if not request.credentials:
            return
        self.last = place
        memory = {} if isinstance(self._given, str) else self._given.memory()
        work = queries.answer(self.call, place, request.billed, response, memory)
        try:
            yield Persist(self._run.journal, work)
        except JournalError as error:
            self._run.journal.rescue(work, paid=True)
            self._run.pause(error)

    def kept_waiting(self, error: CloudAIError) -> None:
        """Enter what a login that failed says of the service: an outage of it is one, and no input's fault."""
        self._run.trouble(error)
        self._then = self._run.successes if self._then is None else self._then

    def failed(self, place: str, request: Request, error: CloudAIError) -> None:
        """Enter what became of the attempt, and what it says of the service."""
        if not request.credentials or self._parties[place].first("trouble"):
            self._run.trouble(error)
        self._then = self._run.successes if self._then is None else self._then
        if self._run.offline or not request.credentials or not request.billed:
            return
        found = classify(error)
        sent, free = found.state != "NOT_SENT", not found.billed
        if found.state == "UNKNOWN":
            self._unknown[place] = self._unknown.get(place, 0) + 1
        counted = self._counted[place]
        self._run.refund(0 if sent else counted, request.billed if free else 0)
        doubt = found.state == "UNKNOWN"
        self._run.journal.do(queries.undo(self.call, place, request.billed, counted, sent=sent, doubt=doubt, free=free))


class Reading(CallHooks):
    """Gives the replies of the journal, and sends nothing."""

    def __init__(self, standing: CallRecord) -> None:
        self._held = {place: held.response for place, held in standing.held.items()}

    def held(self, place: str) -> Response | None:
        """The reply, as often as it is asked for."""
        return self._held.get(place)

    def sending(self, place: str, request: Request) -> Program[None]:
        """Nothing is."""
        raise ReplayError(f"the journal does not hold the reply to {request.method} {request.service} ({place})")
        yield  # a program all the same
