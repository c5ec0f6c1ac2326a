"""What happens around one exchange: token, send, classify, retry, account. Performs no I/O.

The engine is a generator too. It takes a flow's steps and yields a handful of *effects* (``effects.py``), which a
driver carries out (``drivers.py``). The time comes from outside as well.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError
from tenacity import RetryCallState

from cloudai._harmless import Harmless
from cloudai._secrets import SHORTEST, Secrets, carried, telling
from cloudai.effects import AtOnce, Once, Program, Send
from cloudai.errors import (
    AuthError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    FetchError,
    MalformedResponseError,
    RateLimitedError,
    RedirectBlockedError,
    SettingsError,
    alone,
)
from cloudai.fetch import FetchRules, fetched, shown
from cloudai.flow import Call, Fetch, Flow, Request, Response, Together
from cloudai.guards import Budget, Gate, Guards, shared
from cloudai.ledger import Ledger
from cloudai.models.base import Meta, Result
from cloudai.origin import origin, split
from cloudai.retry import retrying, wait_after
from cloudai.states import GOOD, USUAL, State, verdict

if TYPE_CHECKING:
    from cloudai.media.source import Source
    from cloudai.provider import Provider, Token

__all__ = ["Engine", "Event", "Job", "raw_of"]

T = TypeVar("T")
R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Event:
    """Something that happened in a call, for ``on_event``.

    ``kind`` is "attempt" (a request goes out), "reply", "failure", "wait" (``seconds`` until the next
    attempt) or "result". Holds no key, no upload and no reply.
    """

    kind: str
    provider: str
    operation: str
    input: str
    attempt: int = 0
    status: int | None = None
    seconds: float | None = None
    error: str | None = None


@dataclass
class Job:
    """One call: what was asked, how much time it has, and its book of attempts, units and replies."""

    operation: str
    describe: Callable[[], Mapping[str, Any]] = field(repr=False)
    """Returns what `Meta` says of the input before it is prepared. Called late: the name of a picture given as
    bytes is its digest, and the event loop must not wait for that."""
    deadline: float
    extra: Mapping[str, Any] | None = field(default=None, repr=False)
    extra_params: Mapping[str, str] | None = field(default=None, repr=False)
    extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    prepared: Callable[[], Mapping[str, Any]] = field(default=dict, repr=False)
    """Returns what `Meta` says of the input once it is prepared."""
    ledger: Ledger = field(default_factory=Ledger)
    """What is kept of each exchange: in a batch, all that is paid for."""
    attempts: int = 0
    billed_min: int = 0
    billed_max: int = 0
    exchanges: list[tuple[Request, Response]] = field(default_factory=list)
    """What was asked and answered, requests for tokens left out."""
    request_id: str | None = None
    state: State = "NOT_SENT"
    """Of the last attempt."""


HARMLESS = Harmless()
REFRESH_AGAIN = 1.0
"""Seconds between two tries to replace a token that is still valid."""
REFRESH_WITHIN = 5.0
"""Seconds such a try may take of a call, and no more than half of what it has."""
TOO_MANY = "Wait and call again, or call less often."


class Engine:
    """Carries out flows for one provider; one serves all calls of a client."""

    def __init__(
        self,
        provider: Provider,
        *,
        max_attempts: int = 3,
        clock: Callable[[], float] = time.monotonic,
        on_event: Callable[[Event], None] | None = None,
        offline: bool = False,
        on_unknown: Literal["retry", "raise"] = "retry",
        fetching: FetchRules | None = None,
    ) -> None:
        self.provider = provider
        self.fetching = fetching
        self.max_attempts = max_attempts
        self.clock = clock
        self.on_event = on_event
        self.offline = offline
        self.on_unknown = on_unknown
        self._tokens: dict[str, Token] = {}
        self._refresh_from: dict[str, float] = {}
        self._guards: Guards | None = None
        self._keys: list[str] | None = None
        self._withheld = Secrets()
        """Of the last request."""

    def run(self, flow: Flow[R], job: Job) -> Program[R]:
        """The whole call: the flow's result with ``meta`` and ``raw``, or an error that says what it cost."""
        began, called_at = self.clock(), datetime.now(UTC)
        failure: CloudAIError | None = None
        try:
            result = yield from self._steps(flow, job)
        except ValidationError as error:
            # The flow built its result from numbers that a result refuses.
            failure = _out_of_range(error)
        except CloudAIError as error:
            failure = error
        if failure is not None:
            raise alone(self._signed_off(failure, job))
        self._tell("result", job)
        return result._with(self._meta(result, job, called_at, self.clock() - began), _raw(job))  # noqa: SLF001

    def _steps(self, flow: Flow[T], job: Job, within: str = "") -> Program[T]:
        """Carry out a flow: its requests by `_exchange`, its blocking functions by the driver.

        Each exchange has a place by which it is found again: its number in the flow ("2"), after the place of the
        flow it is a part of ("1.0.2"). All looks at one job are one place.
        """
        answer: Any = None
        failure: BaseException | None = None
        number, last = 0, None
        while True:
            try:
                step = flow.throw(failure) if failure else flow.send(answer)
            except StopIteration as stop:
                value: T = stop.value
                return value
            answer, failure = None, None
            try:
                match step:
                    case Request():
                        number += not (last and _is_poll(step) and (step.method, step.url) == (last.method, last.url))
                        last = step
                        answer = yield from self._exchange(step, job, f"{within}{number}")
                    case Call():
                        answer = yield from self._called(step, job)
                    case Fetch(address):
                        answer = yield from self._fetched(address, job)
                    case Together(flows):
                        number += 1
                        answer = _all_or_first_error((yield AtOnce(self._parts(flows, job, f"{within}{number}"))))
            except BaseException as error:  # noqa: BLE001  # also a cancellation: the flow's `finally` must run
                failure = error

    def _parts(self, flows: Sequence[Flow[Any]], job: Job, within: str) -> list[Program[Any]]:
        return [self._steps(flow, job, f"{within}.{number}.") for number, flow in enumerate(flows)]

    def _called(self, step: Call, job: Job) -> Program[Any]:
        """Run a blocking function; one that waits for somebody else has the time that is left."""
        if not step.waits:
            return (yield step)
        try:
            return (yield replace(step, timeout=self._left(job)))
        except CloudAIError as error:
            if not isinstance(error, DeadlineExceededError):  # whose time was up says so itself
                job.ledger.kept_waiting(error)
            raise

    def _fetched(self, address: str, job: Job) -> Program[bytes | None]:
        """The file at an address, within the call's time; None where it is for the provider to fetch."""
        if self.fetching is None:
            return None
        if self.offline:
            raise FetchError(f"offline, and {shown(address)} is not here", advice="Give the file.")
        return (yield from fetched(address, self.fetching, self.clock, job.deadline))

    def fetched(self, given: Source, job: Job) -> Program[None]:
        """Have an input that is an address here, where the client fetches it; before its bytes are asked for."""
        yield from self._steps(given.fetched(), job)

    def _exchange(self, request: Request, job: Job, place: str) -> Program[Response]:
        """Send a request until it is answered, refused for good, or out of time; what is held is not sent again."""
        if request.credentials and (held := job.ledger.held(place)) is not None:
            job.exchanges.append((request, held))
            return held
        request = _with_extras(request, job)
        if request.delay:
            yield from job.ledger.rest(min(request.delay, self._left(job)))
        _require_same_place(request, job)
        endpoint = request.service, *split(request.url)[:2]
        guards = self._guarded()
        budget, gate = guards.budget(endpoint), guards.gate(endpoint)
        unknowns = job.ledger.unknown(place)
        state: RetryCallState | None = None
        while True:
            try:
                yield from self._turn(request, job, place, guards, endpoint)
                response = yield from self._attempt(request, job, gate, place)
            except CloudAIError:
                state = state or self._policy(request, job, place, budget, unknowns)
                seconds = wait_after(state)
                self._tell("wait", job, seconds=seconds)
                yield from job.ledger.rest(seconds)
            else:
                budget.earn()
                if request.credentials:
                    job.exchanges.append((request, response))
                return response

    def _policy(self, request: Request, job: Job, place: str, budget: Budget, unknowns: int) -> RetryCallState:
        """Made when an exchange has failed, and not before: most do not."""

        def most(error: CloudAIError) -> float:
            """Asked once for each failure, so that it can count them."""
            nonlocal unknowns
            unknowns += verdict(error).state == "UNKNOWN"
            return self._most_attempts(error, request, unknowns)

        return retrying(
            most,
            lambda: job.deadline - self.clock(),
            # A new token is no sign of an outage, and a job that is paid is looked at whatever the others suffer.
            lambda error: isinstance(error, AuthError) or _is_poll(request) or job.ledger.retry(place, budget),
        )

    def _guarded(self) -> Guards:
        """The guards of the account; of this client alone where it has no key, or a clock of its own."""
        if self._guards is None:
            account = None if self.offline or self.clock is not time.monotonic else self.provider.account()
            self._guards = shared(account) if account else Guards()
        return self._guards

    def _most_attempts(self, error: CloudAIError, request: Request, unknowns: int) -> float:
        """How many attempts there are where one ended so."""
        found = verdict(error)
        if found.attempts == 1:
            return 1
        if _is_poll(request):
            return math.inf  # looking at a job costs nothing, and giving up on it does
        if found.state == "UNKNOWN":
            return self.max_attempts if self.on_unknown == "retry" and unknowns < found.attempts else 1
        return min(found.attempts, self.max_attempts) if found.attempts < USUAL else self.max_attempts

    def _turn(self, request: Request, job: Job, place: str, guards: Guards, endpoint: Hashable) -> Program[None]:
        """Wait until it may go out. Where the ledger is patient that takes nothing off the call's time."""
        began, gate = self.clock(), guards.gate(endpoint)
        yield from self._pass(gate, job)
        if request.credentials:
            yield from job.ledger.meet(place, request, guards.pacer(endpoint))
        while request.credentials and (seconds := job.ledger.early(place, guards.pacer(endpoint), self.clock())) > 0:
            yield from job.ledger.rest(seconds)
            yield from self._pass(gate, job)
        if job.ledger.patient:
            job.deadline += self.clock() - began

    def _pass(self, gate: Gate, job: Job) -> Program[None]:
        """Wait while the endpoint has asked everybody to; RateLimitedError where that is longer than the call has."""
        waited_for = None
        # Once for each time it is closed: whose sleep takes no time has chosen not to wait.
        while (closed := gate.opens - self.clock()) > 0 and gate.opens != waited_for:
            waited_for, wait = gate.opens, closed + gate.spread()
            if wait >= job.deadline - self.clock() and not job.ledger.patient:
                error = RateLimitedError(
                    f"the service has asked to wait, {closed:.0f} s still", advice=TOO_MANY, retry_after=closed
                )
                error.state = "NOT_SENT"
                raise error
            self._tell("wait", job, seconds=wait)
            yield from job.ledger.rest(wait)

    def _attempt(self, request: Request, job: Job, gate: Gate, place: str) -> Program[Response]:
        """One attempt: the reply if it is a good one, else the error it stands for."""
        token, plain = None, request
        if request.credentials and not self.offline:
            token = yield from self._current_token(request.service, job)
            request = self.provider.sign(request, token)
        secrets = self._secrets(plain, request, job)
        self._left(job)
        began = self.clock()
        yield from job.ledger.sending(place, request)
        if job.ledger.patient:
            job.deadline += self.clock() - began
        left = self._left(job)
        job.attempts += 1
        self._tell("attempt", job)
        try:
            response: Response = yield Send(request, left)
        except CloudAIError as error:
            secrets.clear(error)
            self._tell("failure", job, error=type(error).__name__)
            self._failed(error, request, job, place)
            self._raise_if_late(error, job)
            raise
        except Exception as error:
            # A `send` of the user's has failed, and how far it came nobody knows.
            self._tell("failure", job, error=type(error).__name__)
            self._failed(ConnectionLostError(f"send= failed with {type(error).__name__}"), request, job, place)
            raise
        response = secrets.cleared(response)
        job.request_id = self.provider.request_id(response) or job.request_id
        self._tell("reply", job, status=response.status)
        if response.status not in GOOD:
            raise self._failed(self._refusal(response, token, gate), request, job, place)
        if not response.replayed:
            job.billed_min += request.billed
            job.billed_max += request.billed
        job.state = "DONE"
        yield from job.ledger.answered(place, request, response)
        return response

    def _secrets(self, plain: Request, signed: Request, job: Job) -> Secrets:
        """What of the credentials and of the user's own extras the service must not repeat to anybody."""
        if not signed.credentials:
            return Secrets(carried(signed, HARMLESS))  # it asks for a token: by what it carries
        if signed is plain and not (job.extra or job.extra_params or job.extra_headers):
            return Secrets()
        if self._keys is None and not self.offline:
            settings = [setting.name for setting in self.provider.settings if setting.secret]
            found = [found.value for name in settings if (found := self.provider.found(name))]
            self._keys = [key for key in found if len(key) >= SHORTEST]
        headers, params = _added(signed.headers, plain.headers), _added(signed.params, plain.params)
        asked = None if job.extra or job.extra_params or job.extra_headers else (signed.url, headers, params)
        secrets = self._withheld
        if asked is not None and asked == secrets.of:
            return secrets
        added = replace(
            signed, headers={**headers, **(job.extra_headers or {})}, params=params, form=None, json=job.extra
        )
        own = telling(job.extra_params, nameless=math.inf)
        values = {*(self._keys or ()), *carried(added, HARMLESS), *own}
        if values != secrets.values:
            # Kept: its spellings of a long token cost a quarter of a millisecond.
            secrets = self._withheld = Secrets(values)
        secrets.of = asked
        return secrets

    def _refusal(self, response: Response, token: Token | None, gate: Gate) -> CloudAIError:
        """The error that a reply other than a good one stands for."""
        if 200 <= response.status < 300:  # noqa: PLR2004
            return MalformedResponseError(f"a reply of status {response.status}, which nobody asked for")
        error = self.provider.error(response)
        if isinstance(error, RateLimitedError):
            gate.close(self.clock(), error.retry_after)
        if isinstance(error, AuthError) and token is not None:
            # The service no longer takes it: whoever comes next fetches one anew, once for all.
            error.renewed = True
            self._tokens = {login: kept for login, kept in self._tokens.items() if kept is not token}
        return error

    def _raise_if_late(self, error: CloudAIError, job: Job) -> None:
        """A connection that was not made because the time was up is the deadline's."""
        if isinstance(error, ConnectError) and self.clock() >= job.deadline:
            late = DeadlineExceededError(f"{error.message}, and the time is used up", advice=error.advice)
            late.state = "NOT_SENT"
            raise late from error

    def _failed(self, error: CloudAIError, request: Request, job: Job, place: str) -> CloudAIError:
        """The error, entered in the books."""
        found = verdict(error)
        error.state = job.state = found.state
        job.billed_max += request.billed if found.billed else 0
        job.ledger.failed(place, request, error)
        return error

    def _current_token(self, service: str, job: Job) -> Program[Token | None]:
        """The token, fetched anew where it is old; an old one serves on while it is valid and none can be had."""
        if self.provider.token(service) is None:
            return None
        login = self.provider.login(service)
        token = self._tokens.get(login)
        valid = token is not None and token.expires_at > time.time()
        if token and valid and not (token.is_old() and self.clock() >= self._refresh_from.get(login, -math.inf)):
            return token
        for last in (False, True):
            left = self._left(job)
            asking = replace(job, deadline=self.clock() + min(left / 2, REFRESH_WITHIN)) if valid else job
            fetch = partial(self._fetch, service, token, asking)
            try:
                fetched: Token = yield Once(("token", login), fetch, self._left(asking))
            except CloudAIError as error:
                if valid:
                    self._refresh_from[login] = self.clock() + REFRESH_AGAIN
                    return token
                # It may have been another call's time that was used up.
                if last or not isinstance(error, DeadlineExceededError) or self.clock() >= job.deadline:
                    # A copy: all who waited have the same, and each call fills in its own name and costs.
                    own = copy(error)
                    own.state = "NOT_SENT"
                    raise own from error.__cause__
            else:
                return fetched
        raise AssertionError  # pragma: no cover

    def _fetch(self, service: str, old: Token | None, job: Job) -> Program[Token]:
        """A token in place of the old one, by the provider's own flow."""
        login = self.provider.login(service)
        held = self._tokens.get(login)
        if held is not None and held is not old:
            return held  # it came between the caller's look and this one
        flow = self.provider.token(service)
        if flow is None:
            raise SettingsError("the login is gone since the call began", advice="Leave the settings as they are.")
        token = self._tokens[login] = yield from self._steps(flow, job)
        if old is not None and token.value == old.value:
            # The login has no newer one yet: it is not asked at every call.
            self._refresh_from[login] = self.clock() + REFRESH_AGAIN
        return token

    def _left(self, job: Job) -> float:
        left = job.deadline - self.clock()
        if left <= 0:
            error = DeadlineExceededError(
                f"no time left after {job.attempts} attempt{'s' * (job.attempts != 1)}",
                advice="Give more with timeout= (seconds), or see whether the service is slow today.",
            )
            error.state = job.state
            raise error
        return left

    def _signed_off(self, error: CloudAIError, job: Job) -> CloudAIError:
        error.provider = error.provider or self.provider.name
        error.operation, error.input = job.operation, job.describe().get("input")
        error.request_id, error.attempts = job.request_id, job.attempts
        if isinstance(error, MalformedResponseError) and job.state == "DONE":
            # A good status is no proof that the vendor counted what it could not write down.
            job.state = "UNKNOWN"
            job.billed_min -= sum(request.billed for request, reply in job.exchanges[-1:] if not reply.replayed)
        error.state = error.state or job.state
        error.raw = _raw(job) or error.raw
        error.billed_min, error.billed_max = job.billed_min, job.billed_max
        self._tell("result", job, error=type(error).__name__)
        return error

    def _meta(self, result: Result, job: Job, called_at: datetime, elapsed: float) -> Meta:
        asked = [request for request, _ in job.exchanges if request.billed]
        known = {
            "provider": self.provider.name,
            "operation": job.operation,
            **(
                {"service": _listed(r.service for r in asked), "api_version": _listed(r.api for r in asked)}
                if asked
                else {}
            ),
            **job.describe(),
            **job.prepared(),
            "request_id": job.request_id,
            "called_at": called_at,
            "elapsed": elapsed,
            "attempts": job.attempts,
            "billed_min": job.billed_min,
            "billed_max": job.billed_max,
            "replayed": bool(job.exchanges) and all(response.replayed for _, response in job.exchanges),
        }
        # What the flow itself said (the model, the language sent) goes before what is known from outside.
        said = result.meta.model_dump(exclude_defaults=True) if result.meta.model_fields_set else {}
        return Meta(**{**known, **said})

    def _tell(self, kind: str, job: Job, **more: Any) -> None:
        if self.on_event:
            name = job.describe().get("input", "")
            self.on_event(Event(kind, self.provider.name, job.operation, name, job.attempts, **more))


def _added(after: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in after.items() if before.get(name) != value}


def _is_poll(request: Request) -> bool:
    return request.credentials and not request.billed


def _require_same_place(request: Request, job: Job) -> None:
    """RedirectBlockedError where a job is to be looked at in a place that has not had the key yet.

    The address of a job comes in a reply: it must not choose who gets the key next.
    """
    if _is_poll(request) and job.exchanges:
        known = {origin(earlier.url) for earlier, _ in job.exchanges} - {None}
        if origin(request.url) not in known:
            raise RedirectBlockedError(
                "the reply names another place to look at its job",
                advice="Check the endpoint: the key is not sent there.",
            )


def _listed(names: Iterable[str]) -> str:
    """Each once, in order: an operation may ask two APIs, and its result says so."""
    return ", ".join(dict.fromkeys(names))


def _with_extras(request: Request, job: Job) -> Request:
    """Merge the user's ``extra…`` into the first billed request."""
    if not request.billed or any(earlier.billed for earlier, _ in job.exchanges):
        return request
    if job.extra:
        if request.json is None:
            raise SettingsError(
                "extra= goes into a JSON body, and this call has none", advice="Use extra_params= or extra_headers=."
            )
        request = replace(request, json=_deep_merge(request.json, job.extra))
    if not job.extra_params and not job.extra_headers:
        return request
    return replace(
        request,
        params={**request.params, **(job.extra_params or {})},
        headers={**request.headers, **(job.extra_headers or {})},
    )


def _deep_merge(ours: Any, theirs: Any) -> Any:
    """Dicts merge key by key, lists of equal length item by item; anything else is replaced."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        merged = {key: _deep_merge(ours[key], value) if key in ours else value for key, value in theirs.items()}
        return {**ours, **merged}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [_deep_merge(a, b) for a, b in zip(ours, theirs, strict=True)]
    return theirs


def _all_or_first_error(outcomes: Sequence[Any]) -> list[Any]:
    failures = [o for o in outcomes if isinstance(o, BaseException)]
    if failures:
        failures[0].partial = [None if isinstance(o, BaseException) else o for o in outcomes]  # type: ignore[attr-defined]
        raise failures[0]
    return list(outcomes)


def _raw(job: Job) -> Any:
    return raw_of([(request.billed, response) for request, response in job.exchanges])


def raw_of(exchanges: Sequence[tuple[int, Response]]) -> Any:
    """The reply as received; a list of them where the operation took several. Polls but the last are left out.

    Args:
        exchanges: Units of each request, and its reply.
    """
    last = len(exchanges) - 1
    bodies = [_body(response) for i, (billed, response) in enumerate(exchanges) if billed or i == last]
    return bodies[0] if len(bodies) == 1 else bodies or None


def _body(response: Response) -> Any:
    try:
        return response.json()
    except MalformedResponseError:
        return response.content  # audio


def _out_of_range(error: ValidationError) -> MalformedResponseError:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return MalformedResponseError(f"the reply holds a value no result can have: {where}: {first['msg']}")
