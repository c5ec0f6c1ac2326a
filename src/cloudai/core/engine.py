"""The engine surrounds each exchange: it gets a token, sends, classifies the outcome, retries and keeps account.

It performs no I/O. The engine is a generator too: it takes the steps of a flow and yields a handful of *effects*
(``effects.py``), which a driver carries out (``drivers/``). The time comes from outside as well, by ``clock``.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError

from cloudai.core.call import CallContext, Event, EventKind, body_size, raw_of
from cloudai.core.effects import Gather, Program, Send
from cloudai.core.extras import with_extras
from cloudai.core.fetch import fetched
from cloudai.core.flow import Call, Fetch, Flow, Parallel, Request, Response, Step
from cloudai.core.large_replies import Ended, read_ahead, resumed
from cloudai.core.rate_limit import EndpointGuards, Gate, RetryBudget, shared
from cloudai.core.redaction import SHORTEST, Allowlist, Secrets, carried, telling
from cloudai.core.retry import GOOD, USUAL, classify, is_missing, most_looks, retrying, wait_after
from cloudai.core.tokens import Token, TokenCache
from cloudai.core.urls import FetchRules, origin, require_safe, shown, split
from cloudai.core.vendor import Vendor
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
    ResponseTooLargeError,
    ServerError,
    ServiceError,
    detached,
)
from cloudai.models.base import Meta, Result

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Engine"]

T = TypeVar("T")

R = TypeVar("R", bound=Result)

ALLOWLIST = Allowlist()

DEFAULTS = vars(Meta())

log = logging.getLogger("cloudai")

TOO_MANY = "Wait and call again, or call less often."


class Engine:
    """The engine of one client, which carries out the flows of all its calls.

    Args:
        max_attempts: Maximum number of attempts of one request, the first included. A poll of a job has as many as it
            needs.
        clock: A function that returns monotonic seconds.
        on_event: A function that is called with each event of a call.
        offline: Whether to send requests without credentials, because only a cassette answers them, and to fetch no
            address.
        on_unknown: Whether to "retry" a request of which it is not known whether it was carried out, or to "raise".
        fetching: The rules for fetching inputs that are addresses; None leaves that to the provider.
    """

    def __init__(
        self,
        *,
        max_attempts: int = 3,
        clock: Callable[[], float] = time.monotonic,
        on_event: Callable[[Event], None] | None = None,
        offline: bool = False,
        on_unknown: Literal["retry", "raise"] = "retry",
        fetching: FetchRules | None = None,
        allow_http: bool = False,
    ) -> None:
        self.fetching = fetching
        self.allow_http = allow_http
        self.max_attempts = max_attempts
        self.clock = clock
        self.on_event = on_event
        self.offline = offline
        self.on_unknown = on_unknown
        self._tokens = TokenCache(self._steps, clock)
        self._guards: EndpointGuards | None = None
        self._keys: list[str] | None = None
        self._split = "", "", ""
        """The address of the last request, its scheme and its host."""
        self._withheld = Secrets()
        """The secrets of the last request."""

    def run(self, flow: Flow[R], context: CallContext) -> Program[R]:
        """Carry out a whole call, and return the result of its flow with ``meta`` and ``raw``.

        An exception that is no CloudAIError, for example one of the user's ``send=``, is raised as it is.

        Raises:
            CloudAIError: The call failed; the error says what it may have cost.
        """
        began, called_at = self.clock(), datetime.now(UTC)
        failure: CloudAIError | None = None
        try:
            result = yield from self._steps(flow, context)
        except ValidationError as error:
            # The flow built its result from numbers that the result's model refuses.
            failure = _out_of_range(error)
        except CloudAIError as error:
            failure = error
        if failure is not None:
            # This is outside `except`, or Python would attach the frames and causes that `detached` removes.
            raise detached(self._signed_off(failure, context, self.clock() - began))
        elapsed = self.clock() - began
        self._tell("result", context, duration=elapsed, units=context.billed_max)
        return result._with(self._meta(result, context, called_at, elapsed), _raw(context))  # noqa: SLF001

    def _steps(self, flow: Flow[T], context: CallContext, within: str = "") -> Program[T]:
        """Carry out a flow: `_exchange` sends its requests, and the driver runs its blocking functions.

        Each exchange has a step id, by which the next run of a batch recognizes it: its number in the flow ("2"),
        behind the id of the parallel step that the flow is a part of ("1.0.2"). All polls of one job have one id.
        """
        answer: Any = None
        failure: BaseException | None = None
        number, last = 0, None
        while True:
            try:
                if isinstance(answer, Response) and answer.is_large:
                    step: Step | Ended[T] = yield from resumed(flow, answer)
                else:
                    step = flow.throw(failure) if failure else flow.send(answer)
            except StopIteration as stop:
                step = Ended(stop.value)
            answer, failure = None, None
            try:
                match step:
                    case Ended(value):
                        return value
                    case Request():
                        # A poll that is repeated keeps its number: how often a job was polled differs from run to run.
                        number += not (last and _is_poll(step) and (step.method, step.url) == (last.method, last.url))
                        last = step
                        answer = yield from self._exchange(step, context, f"{within}{number}")
                    case Call():
                        answer = yield from self._called(step, context)
                    case Fetch(address):
                        answer = yield from self._fetched(address, context)
                    case Parallel(flows):
                        number += 1
                        answer = _all_or_first_error((yield Gather(self._parts(flows, context, f"{within}{number}"))))
            except BaseException as error:  # noqa: BLE001  # also a cancellation: the flow's `finally` must run
                failure = error

    def _parts(self, flows: Sequence[Flow[Any]], context: CallContext, within: str) -> list[Program[Any]]:
        return [self._steps(flow, context, f"{within}.{number}.") for number, flow in enumerate(flows)]

    def _called(self, step: Call, context: CallContext) -> Program[Any]:
        """Run a blocking function, and return its value.

        A function that waits for something gets the time that is left. If one that waits for another service raises a
        CloudAIError, the hooks learn that a login has failed, unless the time was up.
        """
        if not step.waits:
            bounded = step.reads or step.memory
            return (yield replace(step, timeout=context.left(self.clock())) if bounded else step)
        try:
            return (yield replace(step, timeout=context.left(self.clock())))
        except CloudAIError as error:
            if not isinstance(error, DeadlineExceededError):  # a call without time left says nothing of the login
                context.hooks.login_failed(error)
            raise

    def _fetched(self, address: str, context: CallContext) -> Program[bytes | None]:
        """Return the file at an address, or None if this client leaves fetching to the provider.

        Raises:
            FetchError: The address may not be fetched, cannot be, or the client is offline.
            DeadlineExceededError: The call's time ended before the fetch did.
        """
        if self.fetching is None:
            return None
        if self.offline:
            raise FetchError(f"offline, and {shown(address)} is not here", advice="Give the file.")
        return (yield from fetched(address, self.fetching, self.clock, context.deadline))

    def prepare(self, flow: Flow[None], context: CallContext) -> Program[None]:
        """Carry out a flow that makes an input ready before it is read, for example by fetching it from its address.

        This is no call of its own: no event tells its end, and errors are raised without the facts that `run` adds.
        """
        yield from self._steps(flow, context)

    def _exchange(self, request: Request, context: CallContext, step_id: str) -> Program[Response]:
        """Send a request, and again where that is allowed, and return the good reply.

        If the hooks have a stored reply for this step, that is returned and nothing is sent, unless it reports a fault
        of the service. Otherwise the user's extras are merged into the request, and its ``delay`` passes before it is
        sent. The exchange is added to ``context.exchanges``, but a request for a token is not.

        Raises:
            RedirectBlockedError: A poll would go to an origin that has not had the key yet.
            CloudAIError: The last attempt failed, or the time was up.
        """
        extended = with_extras(request, context, step_id)
        if (stored := (yield from self._stored(request, context, step_id))) is not None:
            context.exchanges.append((request, stored))
            return stored
        request = extended
        if request.max_reply != context.max_reply:
            request = request.altered(max_reply=context.max_reply)
        if request.delay:
            yield from context.hooks.wait(min(request.delay, context.left(self.clock())))
        _require_known_origin(request, context)
        endpoint = self._endpoint(request)
        guards = self._guarded(context.vendor)
        budget, gate = guards.budget(endpoint), guards.gate(endpoint)
        unknowns = context.hooks.unknown_attempts(step_id)
        state: RetryCallState | None = None
        while True:
            try:
                yield from self._turn(request, context, step_id, guards, endpoint)
                response = yield from self._attempt(request, context, gate, step_id)
            except CloudAIError as error:
                state = state or self._policy(request, context, step_id, budget, unknowns)
                seconds = wait_after(state)
                if isinstance(error, RateLimitedError) and not _is_poll(request):
                    seconds += context.hooks.seconds_until_retry(step_id, budget, self.clock())
                    if seconds >= context.deadline - self.clock():
                        raise
                self._tell("wait", context, seconds=seconds, error=type(error).__name__)
                yield from context.hooks.wait(seconds)
            else:
                budget.earn()
                if request.credentials:
                    context.exchanges.append((request, response))
                return response

    def _endpoint(self, request: Request) -> tuple[str, str, str]:
        """Return the service, the scheme and the host of a request, which nearly always are those of the last one."""
        if self._split[0] != request.url:
            self._split = request.url, *split(request.url)[:2]
        return request.service, *self._split[1:]

    def _stored(self, request: Request, context: CallContext, step_id: str) -> Program[Response | None]:
        """Return the reply that is stored for an exchange, or None where there is none that can be used."""
        stored = context.hooks.stored_reply(step_id) if request.credentials else None
        if stored is not None and stored.is_large:
            stored = yield Call(partial(read_ahead, stored))
        return None if stored is None or _fault_of_the_service(request, stored) else stored

    def _policy(
        self, request: Request, context: CallContext, step_id: str, budget: RetryBudget, unknowns: int
    ) -> RetryCallState:
        """Return the retry loop of an exchange. Most exchanges do not fail, so it is made only when one has failed."""
        missing = 0

        def most(error: CloudAIError) -> float:
            """Return how many attempts there may be. It is called once for each failure, so that it can count them."""
            nonlocal unknowns, missing
            unknowns += classify(error).state == "UNKNOWN"
            missing = missing + 1 if is_missing(error) else 0
            if _is_poll(request):
                return most_looks(error, missing)
            return self._most_attempts(error, unknowns)

        return retrying(
            most,
            lambda: context.deadline - self.clock(),
            # These do not take from the budget here: a refused token is no sign of an outage, a job that is paid for
            # is polled even during one, and a request that was refused waits until the budget is refilled.
            lambda error: (
                isinstance(error, AuthError | RateLimitedError)
                or _is_poll(request)
                or context.hooks.may_retry(step_id, budget)
            ),
        )

    def _guarded(self, vendor: Vendor) -> EndpointGuards:
        """Return the guards of the account; a client without a key, offline or with its own clock has its own."""
        if self._guards is None:
            account = None if self.offline or self.clock is not time.monotonic else vendor.account()
            self._guards = shared(account) if account else EndpointGuards()
        return self._guards

    def _most_attempts(self, error: CloudAIError, unknowns: int) -> float:
        """Return how many attempts a request has, the first included, where one of them ended in this error."""
        outcome = classify(error)
        if outcome.attempts == 1:
            return 1
        if outcome.state == "UNKNOWN":
            # Unknown attempts of earlier runs count too: what may have been billed is not sent again in each of them.
            return self.max_attempts if self.on_unknown == "retry" and unknowns < outcome.attempts else 1
        # max_attempts= replaces the usual number of attempts, and raises no smaller one.
        return min(outcome.attempts, self.max_attempts) if outcome.attempts < USUAL else self.max_attempts

    def _turn(
        self, request: Request, context: CallContext, step_id: str, guards: EndpointGuards, endpoint: Hashable
    ) -> Program[None]:
        """Wait until the request may go out; in a batch that takes nothing off the call's time.

        The request waits for the gate, in a batch for requests that it can be merged with, and for its turn by the
        pace. A request for a token waits for the gate only.

        Raises:
            RateLimitedError: The gate is closed for longer than the call has, and the call is not one of a batch.
            NotStartedError: The batch has stopped.
        """
        began, gate = self.clock(), guards.gate(endpoint)
        yield from self._pass(gate, context)
        if request.credentials:
            yield from context.hooks.join(step_id, request, guards.limiter(endpoint))
        while (
            request.credentials
            and (seconds := context.hooks.seconds_until_turn(step_id, guards.limiter(endpoint), self.clock())) > 0
        ):
            yield from context.hooks.wait(seconds)
            # A 429 to another call may have closed the gate meanwhile.
            yield from self._pass(gate, context)
        if context.hooks.waits_extend_the_deadline:
            context.deadline += self.clock() - began

    def _pass(self, gate: Gate, context: CallContext) -> Program[None]:
        """Wait while the gate is closed, because the service has asked all callers to wait.

        Raises:
            RateLimitedError: The gate is closed for longer than the call has, and the call is not one of a batch.
            NotStartedError: The batch has stopped.
        """
        waited_for = None
        # The call waits once for each time that the gate closes: where the user's sleep= returns at once, the clock
        # does not move on, and this loop would not end.
        while (closed := gate.opens - self.clock()) > 0 and gate.opens != waited_for:
            waited_for, wait = gate.opens, closed + gate.spread()
            if wait >= context.deadline - self.clock() and not context.hooks.waits_extend_the_deadline:
                error = RateLimitedError(
                    f"the service has asked to wait, {closed:.0f} s still", advice=TOO_MANY, retry_after=closed
                )
                error.state = "NOT_SENT"
                raise error
            self._tell("wait", context, seconds=wait)
            yield from context.hooks.wait(wait)

    def _attempt(self, request: Request, context: CallContext, gate: Gate, step_id: str) -> Program[Response]:
        """Make one attempt, and return its reply if that is a good one; else raise the error that it stands for.

        The request is signed, the hooks are called before and after it, known secrets are taken out of the reply or the
        error, and what it may cost is added to the account of the call. An exception that the user's ``send=`` raises,
        and that is no CloudAIError, is raised as it is.
        """
        token, plain = None, request
        if request.credentials and not self.offline:
            token = yield from self._tokens.current(request.service, context)
            request = self._with_key(request, token, context)
        secrets = self._secrets(plain, request, context)
        # The token may have taken the rest of the time: nothing is to be written down then.
        context.left(self.clock())
        began = self.clock()
        yield from context.hooks.before_send(step_id, request)
        if context.hooks.waits_extend_the_deadline:
            context.deadline += self.clock() - began
        left = context.left(self.clock())
        context.attempts += 1
        context.service = request.service
        self._tell("attempt", context, request)
        sent_at = self.clock()
        try:
            response: Response = yield Send(request, left, context.hooks.slots)
            if len(response.content) > request.max_reply:  # the user's own `send` returns a reply of any size
                raise ResponseTooLargeError(f"the reply has more than {request.max_reply // 1_000_000} MB")
        except CloudAIError as error:
            secrets.clear(error)
            self._tell("failure", context, error=type(error).__name__, duration=self.clock() - sent_at)
            self._failed(error, request, context, step_id)
            self._raise_if_late(error, context)
            raise
        except Exception as error:
            # The user's own `send` has failed, and it is not known how much of the request went out.
            self._tell("failure", context, error=type(error).__name__, duration=self.clock() - sent_at)
            self._failed(ConnectionLostError(f"send= failed with {type(error).__name__}"), request, context, step_id)
            raise
        told: dict[str, Any] = {
            "status": response.status,
            "bytes": len(response.content),
            "duration": self.clock() - sent_at,
        }
        if response.is_large:
            response = yield Call(partial(read_ahead, response, secrets.cleared))
        else:
            response = secrets.cleared(response)
        context.request_id = context.vendor.request_id(response) or context.request_id
        if (trouble := self._trouble_in(request, response, token, gate, context)) is not None:
            self._tell("reply", context, **told)
            raise self._failed(trouble, request, context, step_id)
        if not response.replayed:
            context.billed_min += request.billed
            context.billed_max += request.billed
        context.state = "DONE"
        yield from context.hooks.after_reply(step_id, request, response)
        self._tell(
            "reply", context, **told, units=request.billed
        )  # the reply is safe, whatever the user's function does
        return response

    def _with_key(self, request: Request, token: Token | None, context: CallContext) -> Request:
        """Return the request with its credentials, which go out over https, or to this computer, whoever sends it."""
        signed = context.vendor.sign(request, token)
        if signed is not request:
            require_safe(signed.url, self.allow_http)
        return signed

    def _secrets(self, plain: Request, signed: Request, context: CallContext) -> Secrets:
        """Return the secrets that no reply may repeat: keys, what signing has added, and those in the user's extras.

        If the request asks for a token, they are the texts in it that may be secrets, and if nothing was added to the
        request there are none. The returned object may serve several requests, so callers must not add to it.

        Args:
            plain: The request before it was signed.
            signed: The request as it is sent.
            context: The context of the call.
        """
        if not signed.credentials:
            return Secrets(carried(signed, ALLOWLIST))  # a request for a token: the login is in it
        has_extras = bool(context.extra or context.extra_params or context.extra_headers)
        # If nothing was added to the request, it holds no secret that the reply could repeat.
        if signed is plain and not has_extras:
            return Secrets()
        if self._keys is None and not self.offline:
            self._keys = [key for key in context.vendor.secrets() if len(key) >= SHORTEST]
        # Without extras the secrets depend only on the address and on what signing added, and can be used again.
        headers, params = _added(signed.headers, plain.headers), _added(signed.params, plain.params)
        asked = None if has_extras else (signed.url, headers, params)
        secrets = self._withheld
        if asked is not None and asked == secrets.of:
            return secrets
        added = replace(
            signed, headers={**headers, **(context.extra_headers or {})}, params=params, form=None, json=context.extra
        )
        own = telling(context.extra_params, nameless=math.inf)
        values = {*(self._keys or ()), *carried(added, ALLOWLIST), *own}
        if values != secrets.values:
            # Kept for the next request: all the spellings of a long token take a quarter of a millisecond to make.
            secrets = self._withheld = Secrets(values)
        secrets.of = asked
        return secrets

    def _trouble_in(
        self, request: Request, response: Response, token: Token | None, gate: Gate, context: CallContext
    ) -> CloudAIError | None:
        """Return the error that a reply stands for, or None for a good reply that the flow can read."""
        if response.status not in GOOD:
            return self._refusal(response, token, gate, context)
        if (hidden := _fault_of_the_service(request, response)) is not None:
            if isinstance(hidden, RateLimitedError):
                gate.close(self.clock(), hidden.retry_after)
            return hidden
        if _is_poll(request) and not _is_readable(response):
            return MalformedResponseError("the state of the job cannot be read")
        return None

    def _refusal(self, response: Response, token: Token | None, gate: Gate, context: CallContext) -> CloudAIError:
        """Return the error that a reply stands for; close the gate or discard the token where the error asks for it."""
        if 200 <= response.status < 300:  # noqa: PLR2004
            return MalformedResponseError(f"a reply of status {response.status}, which nobody asked for")
        error = context.vendor.error(response)
        if isinstance(error, RateLimitedError):
            gate.close(self.clock(), error.retry_after)
        if isinstance(error, AuthError) and token is not None:
            # The service no longer accepts the token: the next call fetches a new one, for all calls.
            error.renewed = True
            self._tokens.discard(token)
        return error

    def _raise_if_late(self, error: CloudAIError, context: CallContext) -> None:
        """Raise DeadlineExceededError for a connection that was not made because the time was up."""
        if isinstance(error, ConnectError) and self.clock() >= context.deadline:
            late = DeadlineExceededError(f"{error.message}, and the time is used up", advice=error.advice)
            late.state = "NOT_SENT"
            raise late from error

    def _failed(self, error: CloudAIError, request: Request, context: CallContext, step_id: str) -> CloudAIError:
        """Note what became of a failed attempt and what it may cost, tell the hooks, and return the error.

        The state is set on the error, too. No event is told here.
        """
        if isinstance(error, ConnectError) and error.unknown_host:
            error.advice = _check_spelling(context.vendor.host_setting(request.service), error)
        outcome = classify(error)
        error.state = context.state = outcome.state
        context.billed_max += request.billed if outcome.billed else 0
        context.hooks.after_failure(step_id, request, error)
        return error

    def _signed_off(self, error: CloudAIError, context: CallContext, elapsed: float) -> CloudAIError:
        """Return an error with the facts of its call added; an event tells that the call has ended with it."""
        error.provider = error.provider or context.vendor.name
        error.operation, error.input = context.operation, context.describe().get("input")
        error.request_id, error.attempts = context.request_id, context.attempts
        if isinstance(error, MalformedResponseError) and context.state == "DONE":
            # A good status does not prove that the vendor billed a reply which it could not write correctly.
            context.state = "UNKNOWN"
            context.billed_min -= sum(request.billed for request, reply in context.exchanges[-1:] if not reply.replayed)
        error.state = error.state or context.state
        error.raw = _raw(context) or error.raw
        error.billed_min, error.billed_max = context.billed_min, context.billed_max
        self._tell("result", context, error=type(error).__name__, duration=elapsed, units=context.billed_max)
        return error

    def _meta(self, result: Result, context: CallContext, called_at: datetime, elapsed: float) -> Meta:
        asked = [request for request, _ in context.exchanges if request.billed]
        known = {
            "provider": context.vendor.name,
            "operation": context.operation,
            **(
                {"service": _listed(r.service for r in asked), "api_version": _listed(r.api for r in asked)}
                if asked
                else {}
            ),
            **context.describe(),
            **context.prepared(),
            "request_id": context.request_id,
            "called_at": called_at,
            "elapsed": elapsed,
            "attempts": context.attempts,
            "billed_min": context.billed_min,
            "billed_max": context.billed_max,
            "replayed": bool(context.exchanges) and all(response.replayed for _, response in context.exchanges),
        }
        # Facts that the flow has set (the model, the language sent) take precedence over those of the engine.
        told = vars(result.meta)
        said = {name: told[name] for name in result.meta.model_fields_set if told[name] != DEFAULTS[name]}
        return Meta(**{**known, **said})

    def _tell(self, kind: EventKind, context: CallContext, request: Request | None = None, **more: Any) -> None:
        """Tell the user's function, and the logger, of a step in a call.

        Args:
            kind: The kind of the event.
            context: The call.
            request: The request that goes out, for an "attempt".
            more: Further fields of the event.
        """
        level = logging.INFO if kind == "wait" else logging.DEBUG
        is_logged = log.isEnabledFor(level)
        if not (self.on_event or is_logged):
            return
        if request is not None:
            more |= {"bytes": body_size(request), "units": request.billed}
        name = context.describe().get("input", "") if self.on_event else ""
        facts = {"call": context.call_id, "service": context.service, **more}
        event = Event(kind, context.vendor.name, context.operation, name, context.attempts, **facts)
        if is_logged:
            log.log(level, "%s", event)
        if self.on_event:
            self.on_event(event)


def _fault_of_the_service(request: Request, response: Response) -> ServiceError | None:
    """Return the ServerError or RateLimitedError that is inside a reply of a good status; None if there is none."""
    if request.error_in is None:
        return None
    try:
        error = request.error_in(response)
    except MalformedResponseError:
        return None  # the flow says so when it reads the reply
    return error if isinstance(error, ServerError | RateLimitedError) else None


def _check_spelling(setting: str | None, error: ConnectError) -> str | None:
    """Return the advice for a host that has no address: the setting that names it comes before the network."""
    if setting is None:
        return error.advice
    return f"Check the spelling of {setting}. If it is right: {error.advice or 'Check the network.'}"


def _added(after: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in after.items() if before.get(name) != value}


def _is_poll(request: Request) -> bool:
    """Return whether a request asks for the state of a job: it has credentials, and the vendor bills nothing."""
    return request.credentials and not request.billed


def _is_readable(response: Response) -> bool:
    """Return whether a reply can be read as what its content type says; a web page, which a gateway sends, cannot.

    JSON has to be parsable, so that an empty body is not. Every other content type, and none, counts as readable.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.endswith("/html"):
        return False
    if not kind.endswith("json"):
        return True
    try:
        response.json()
    except MalformedResponseError:
        return False
    return True


def _require_known_origin(request: Request, context: CallContext) -> None:
    """Raise RedirectBlockedError where a poll would go to an origin that has not had the key yet.

    The address of a job comes in a reply, and a reply must not choose which server gets the key next.
    """
    known = {_site(earlier.url) for earlier, _ in context.exchanges}
    if _is_poll(request) and known and _site(request.url) not in known:
        raise RedirectBlockedError(
            "the reply names another place to look at its job", advice="Check the endpoint: the key is not sent there."
        )


def _site(url: str) -> object:
    """Return the origin of an address, or its beginning as it is, where a cassette has a placeholder in place of it."""
    return origin(url) or "/".join(url.split("/")[:3])


def _listed(names: Iterable[str]) -> str:
    """Return the names with commas, each once and in order: an operation may ask two APIs, and its result says so."""
    return ", ".join(dict.fromkeys(names))


def _all_or_first_error(outcomes: Sequence[Any]) -> list[Any]:
    """Return the outcomes as a list, or raise the first error among them.

    The error's ``partial`` has all outcomes in order, with None in the place of each error.
    """
    failures = [o for o in outcomes if isinstance(o, BaseException)]
    if failures:
        failures[0].partial = [None if isinstance(o, BaseException) else o for o in outcomes]  # type: ignore[attr-defined]
        raise failures[0]
    return list(outcomes)


def _raw(context: CallContext) -> Any:
    """Return the replies of the call so far as `raw_of` gives them to the user."""
    return raw_of([(request.billed, response) for request, response in context.exchanges])


def _out_of_range(error: ValidationError) -> MalformedResponseError:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return MalformedResponseError(f"the reply holds a value no result can have: {where}: {first['msg']}")
