"""The engine surrounds each exchange: it gets a token, sends, classifies the outcome, retries and keeps account.

It sends and reads nothing itself. `Engine.run` is a generator, which takes the steps of a flow and yields a handful of
*effects* (``effects.py``); a driver carries them out (``drivers/``). Waits and deadlines go by ``clock``. Only the log,
the user's ``on_event`` and the hooks of a call are called directly.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError

from cloudai.core.call import CallContext, Event, EventKind, body_size, raw_of
from cloudai.core.effects import Gather, Program, Send
from cloudai.core.extras import with_extras
from cloudai.core.fetch import fetched
from cloudai.core.flow import Call, Fetch, Flow, Parallel, Request, Response, Step
from cloudai.core.following import followed
from cloudai.core.large_replies import Ended, read_ahead, resumed
from cloudai.core.rate_limit import EndpointGuards, Gate, RateLimiter, RetryBudget, shared
from cloudai.core.redaction import SHORTEST, Allowlist, Secrets, carried, telling
from cloudai.core.retry import GOOD, USUAL, classify, is_missing, is_put_off, most_looks, retrying, wait_after
from cloudai.core.tokens import Token, TokenCache
from cloudai.core.urls import FetchRules, origin, require_safe, shown, split
from cloudai.core.vendor import Vendor
from cloudai.errors import (
    AuthError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    ContractError,
    DeadlineExceededError,
    FetchError,
    MalformedResponseError,
    NoAnswerError,
    RateLimitedError,
    RedirectBlockedError,
    ResponseTooLargeError,
    ServerError,
    ServiceError,
    detached,
)
from cloudai.fetched_files import keep
from cloudai.models.base import DEFAULTS, Meta, Result

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Engine"]

T = TypeVar("T")

R = TypeVar("R", bound=Result)

ALLOWLIST = Allowlist()

log = logging.getLogger("cloudai")

TOO_MANY = "Wait and call again, or call less often."


class Engine:
    """The engine of one client, which carries out the flows of all its calls.

    Args:
        max_attempts: Maximum number of attempts of one request, the first included. It does not hold for a request
            that polls the state of a job: see `most_looks`.
        clock: A function that returns monotonic seconds.
        on_event: A function that is called with each event of a call.
        offline: Whether to send requests without credentials, because only a cassette answers them, and to fetch no
            address.
        on_unknown: Whether to "retry" a request of which it is not known whether it was carried out, or to "raise".
        fetching: The rules for fetching inputs that are addresses; None leaves that to the provider.
        allow_http: Whether keys may be sent without encryption to hosts other than this computer.
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
        self._safe_url = ""
        """The last address that a key could go to."""
        self._withheld = Secrets()
        """The secrets that `_secrets` has made last; they are used again while requests hold the same ones."""

    def run(self, flow: Flow[R], context: CallContext) -> Program[R]:
        """Carry out a whole call, and return the result of its flow with ``meta`` and ``raw``.

        An exception that is no CloudAIError, for example one of the user's ``send=``, is raised as it is, and so is one
        of ``on_event=``. A ValidationError is taken to come from the flow, and is raised as a MalformedResponseError.

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
        finally:
            context.collector.end()
        if failure is not None:
            # `detached` removes frames and causes that hold keys or replies. If this were inside `except`, Python would
            # attach the exception that is handled there as a new cause.
            raise detached(self._with_facts(failure, context, self.clock() - began))
        if not hasattr(result, "_with"):
            what = f"{context.operation} returns {type(result).__name__}, and no result"
            raise ContractError(what, advice="Return what the operation has, for example Faces(faces=…).")
        elapsed = self.clock() - began
        self._tell("result", context, duration=elapsed, units=context.billed_max)
        return result._with(self._meta(result, context, called_at, elapsed), _raw(context))  # noqa: SLF001

    def _steps(self, flow: Flow[T], context: CallContext, within: str = "") -> Program[T]:
        """Carry out a flow: `_exchange` sends its requests, and the driver runs its blocking functions.

        Each exchange has a step id, by which the next run of a batch recognizes it. In the flow of the call it is a
        number: "2" is the second step. In a flow that runs as a part of a parallel step, the id of that step and the
        number of the part stand before it: "1.0.2" is the second step of the first part of step 1. Polls that follow
        each other, to the same address, have one id.
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
            context.collector.end()  # the flow has read the large reply, if there was one
            try:
                match step:
                    case Ended(value):
                        return value
                    case Request():
                        # A poll that is repeated keeps its number: how often a job was polled differs from run to run.
                        number += not (
                            last and _is_poll(step, context) and (step.method, step.url) == (last.method, last.url)
                        )
                        last = step
                        answer = yield from self._exchange(step, context, f"{within}{number}")
                    case Call():
                        answer = yield from self._called(step, context)
                    case Fetch(address):
                        answer = yield from self._fetched(address, context)
                    case Parallel(flows):
                        number += 1
                        answer = _all_or_first_error((yield Gather(self._parts(flows, context, f"{within}{number}"))))
                    case _:
                        what = f"{context.operation} yields {type(step).__name__}, and no step of a flow"
                        raise ContractError(what, advice="Yield requests, and return the result.")
            except BaseException as error:  # noqa: BLE001  # also a cancellation: the flow's `finally` must run
                failure = error

    def _parts(self, flows: Sequence[Flow[Any]], context: CallContext, within: str) -> list[Program[Any]]:
        """Return one program for each flow of the parallel step whose id is ``within``."""
        return [self._steps(flow, context, f"{within}.{number}.") for number, flow in enumerate(flows)]

    def _called(self, step: Call, context: CallContext) -> Program[Any]:
        """Run a blocking function, and return its value.

        A function that waits for another service, runs a program, reads a file or takes memory gets the time that is
        left. Logins are the only functions that wait for another service. If one raises a CloudAIError, the hooks are
        told that a login has failed, unless the time was up.
        """
        if not step.waits:
            bounded = step.runs or step.reads or step.memory
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
            OutputError: The file is to be kept, and cannot be.
        """
        if self.fetching is None:
            return None
        if self.offline:
            raise FetchError(f"offline, and {shown(address)} is not here", advice="Give the file.")
        data = yield from fetched(address, self.fetching, self.clock, context.deadline)
        if self.fetching.keep is not None:
            left = context.left(self.clock())
            yield Call(partial(keep, self.fetching.keep, data), reads=True, timeout=left)
        return data

    def prepare(self, flow: Flow[None], context: CallContext) -> Program[None]:
        """Carry out a flow that makes an input ready before it is read, for example by fetching it from its address.

        This is no call of its own: no event tells its end, and errors are raised without the facts that `run` adds.
        """
        yield from self._steps(flow, context)

    def _exchange(self, request: Request, context: CallContext, step_id: str) -> Program[Response]:
        """Send a request, and again where that is allowed, and return the good reply.

        The user's extras are merged into the request. If the hooks have a stored reply for this step, that is returned
        and nothing is sent, unless it reports a fault of the service. Otherwise the ``delay`` of the request passes
        before it is sent. The exchange is added to ``context.exchanges``, but a request for a token is not.

        Raises:
            SettingsError: There is an ``extra=`` for this request, which has no JSON body.
            RedirectBlockedError: A poll would go to another origin than the earlier exchanges of the call.
            CloudAIError: The last attempt failed, or the time was up.
        """
        extended = with_extras(request, context, step_id)
        # The reply to a request for a token is a secret, and is never stored.
        stored = context.hooks.stored_reply(step_id) if request.credentials else None
        sending = self._tried(extended, context, step_id)
        return sending if stored is None else self._stored(stored, request, context, sending)

    def _stored(
        self, stored: Response, request: Request, context: CallContext, sending: Program[Response]
    ) -> Program[Response]:
        """Return the reply that is stored for an exchange, or what ``sending`` returns if it reports a fault.

        A large reply is parsed by the driver first, outside of the event loop.
        """
        if stored.is_large:
            context.collector.begin(len(stored.content))
            stored = yield Call(partial(read_ahead, stored))
        if _fault_of_the_service(request, stored) is not None:
            return (yield from sending)
        context.exchanges.append((request, stored))
        return stored

    def _tried(self, request: Request, context: CallContext, step_id: str) -> Program[Response]:
        """Send a request until it is answered well or may not be sent again, and return the good reply.

        This is the retry loop of `_exchange`, for a request that has the user's extras and no stored reply.
        """
        if request.max_reply != context.max_reply:
            request = request.altered(max_reply=context.max_reply)
        if request.delay:
            yield from context.hooks.wait(min(request.delay, context.left(self.clock())))
        if _is_poll(request, context):
            _require_known_origin(request, context)
        endpoint = self._endpoint(request)
        guards = self._guards or self._guarded(context.vendor)
        budget, gate = guards.budget(endpoint), guards.gate(endpoint)
        unknowns = context.hooks.unknown_attempts(step_id)
        state: RetryCallState | None = None
        while True:
            try:
                yield from self._turn(request, context, step_id, gate, guards.limiter(endpoint))
                response = yield from self._attempt(request, context, gate, step_id)
            except CloudAIError as error:
                state = state or self._policy(request, context, step_id, budget, unknowns)
                seconds = wait_after(state)  # or raise this error, if there is no further attempt
                if is_put_off(error) and not _is_poll(request, context):
                    seconds += context.hooks.seconds_until_retry(step_id, budget, self.clock())
                    if seconds >= context.deadline - self.clock():
                        raise
                self._tell("wait", context, seconds=seconds, error=type(error).__name__)
                yield from context.hooks.wait(seconds)
            else:
                budget.earn()  # retries are earned by good replies, so a service that is down gets few of them
                if request.is_kept:
                    context.exchanges.append((request, response))
                return response

    def _endpoint(self, request: Request) -> tuple[str, str, str]:
        """Return the service, the scheme and the host of a request.

        The last address is kept with its parts, because most requests of a client go to the same one.
        """
        known = self._split  # read once, because another thread may replace it meanwhile
        if known[0] != request.url:
            known = self._split = request.url, *split(request.url)[:2]
        return request.service, *known[1:]

    def _policy(
        self, request: Request, context: CallContext, step_id: str, budget: RetryBudget, unknowns: int
    ) -> RetryCallState:
        """Return the state of the retry loop of an exchange, which is made only when the first attempt has failed."""
        missing = 0

        def most(error: CloudAIError) -> float:
            """Return how many attempts there may be. It is called once for each failure, so that it can count them."""
            nonlocal unknowns, missing
            unknowns += classify(error).state == "UNKNOWN"
            missing = missing + 1 if is_missing(error) else 0
            if _is_poll(request, context):
                return most_looks(error, missing)
            return self._most_attempts(error, unknowns)

        return retrying(
            most,
            lambda: context.deadline - self.clock(),
            # Three kinds of retries take nothing from the budget here. A refused token is no sign of an outage. A job
            # that is paid for is polled even during one. After an error of `is_put_off`, `seconds_until_retry` has
            # waited for the budget.
            lambda error: (
                isinstance(error, AuthError)
                or is_put_off(error)
                or _is_poll(request, context)
                or context.hooks.may_retry(step_id, budget)
            ),
        )

    def _guarded(self, vendor: Vendor) -> EndpointGuards:
        """Return the gates, rate limiters and retry budgets that all clients of one account share.

        A client that has no key, is offline, or has a clock of its own shares them with no other client.
        """
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
            # Unknown attempts of earlier runs count too, or each run would send again what may have been billed.
            return self.max_attempts if self.on_unknown == "retry" and unknowns < outcome.attempts else 1
        # max_attempts= replaces the usual number of attempts. It does not increase a number that is smaller than that.
        return min(outcome.attempts, self.max_attempts) if outcome.attempts < USUAL else self.max_attempts

    def _turn(
        self, request: Request, context: CallContext, step_id: str, gate: Gate, limiter: RateLimiter
    ) -> Program[None]:
        """Wait until the request may go out. In a batch, the call's deadline moves on by the time of waiting.

        The request waits until the gate is open, in a batch for requests that it can be merged with, and until the
        pace allows it. A request for a token waits for the gate only.

        Raises:
            RateLimitedError: The gate opens only after the call's deadline, and the call is not one of a batch.
            NotStartedError: The batch has stopped.
        """
        began = self.clock()
        if gate.opens > began:
            yield from self._pass(gate, context)
        if request.credentials:
            yield from context.hooks.join(step_id, request, limiter)
        while request.credentials and (seconds := context.hooks.seconds_until_turn(step_id, limiter, self.clock())) > 0:
            yield from context.hooks.wait(seconds)
            # A 429 to another call may have closed the gate meanwhile.
            yield from self._pass(gate, context)
        if context.hooks.waits_extend_the_deadline:
            context.deadline += self.clock() - began

    def _pass(self, gate: Gate, context: CallContext) -> Program[None]:
        """Wait while the gate is closed, because the service has asked all callers to wait.

        Raises:
            RateLimitedError: The gate opens only after the call's deadline, and the call is not one of a batch.
            NotStartedError: The batch has stopped.
        """
        waited_for = None
        # The call waits once for each time that the gate closes: where the user's sleep= returns at once, the clock
        # does not move on, and this loop would not end.
        while (closed := gate.opens - self.clock()) > 0 and gate.opens != waited_for:
            waited_for, wait = gate.opens, closed + gate.spread()
            # In a batch a wait takes nothing off the call's time, so it may be longer than what is left of it.
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
        CloudAIError, and what it may cost is added to the account of the call. Any other exception comes from the
        user's ``send=``, and is raised as it is.
        """
        token, plain = None, request
        if request.credentials and not self.offline:
            token = yield from self._tokens.current(request.service, context)
            request = self._with_key(request, token, context)
        secrets = self._secrets(plain, request, context)
        # Fetching the token may have used up the call's time. Then the hooks must not write that the request goes out.
        began = self.clock()
        context.left(began)
        yield from context.hooks.before_send(step_id, request)
        if context.hooks.waits_extend_the_deadline:
            context.deadline += self.clock() - began
        left = context.left(sent_at := self.clock())
        # An attempt counts from here on, because the hooks may have kept the request back until now.
        context.attempts += 1
        context.service = request.service
        self._tell("attempt", context, request)
        try:
            response: Response = yield Send(request, left, context.hooks.slots)
            context.hooks.note_arrival(step_id)
            if len(response.content) > request.max_reply:  # the user's own `send` returns a reply of any size
                raise ResponseTooLargeError(f"the reply has more than {request.max_reply // 1_000_000} MB")
        except CloudAIError as error:
            secrets.clear(error)
            # The possible cost of the attempt is noted first, because an error of the user's function ends the call.
            self._failed(error, request, context, step_id)
            self._tell("failure", context, error=type(error).__name__, duration=self.clock() - sent_at)
            self._raise_if_late(error, context)
            raise
        except Exception as error:
            # Most likely the user's own `send` has failed, and it is not known how much of the request went out.
            self._failed(ConnectionLostError(f"send= failed with {type(error).__name__}"), request, context, step_id)
            self._tell("failure", context, error=type(error).__name__, duration=self.clock() - sent_at)
            raise
        told: dict[str, Any] = {
            "status": response.status,
            "bytes": len(response.content),
            "duration": self.clock() - sent_at,
        }
        if response.is_large or request.follow is not None:
            response = yield from self._received(request, response, secrets, context, step_id)
        else:
            response = secrets.cleared(response)
        context.request_id = context.vendor.request_id(response) or context.request_id
        if (trouble := self._trouble_in(request, response, token, gate, context)) is not None:
            failure = self._failed(trouble, request, context, step_id)
            self._tell("reply", context, **told)
            raise failure
        if not response.replayed:
            context.billed_min += request.billed
            context.billed_max += request.billed
        context.state = "DONE"
        yield from context.hooks.after_reply(step_id, request, response)
        # The hooks have kept the reply by now, so an error of the user's function cannot lose it.
        self._tell("reply", context, **told, units=request.billed)
        return response

    def _received(
        self, request: Request, response: Response, secrets: Secrets, context: CallContext, step_id: str
    ) -> Program[Response]:
        """Return a reply that is large, or that leads to a file, without the secrets; the file stands in its place."""
        if response.is_large:
            context.collector.begin(len(response.content))
            response = yield Call(partial(read_ahead, response, secrets.cleared))
        else:
            response = secrets.cleared(response)
        if request.follow is None or response.status not in GOOD:
            return response
        try:
            return (yield from followed(request, response, context, self.clock))
        except CloudAIError as error:
            # The cause would hold the secret address of the file.
            raise self._failed(error, request, context, step_id) from None

    def _with_key(self, request: Request, token: Token | None, context: CallContext) -> Request:
        """Sign the request, and return it with its credentials.

        Raises:
            SettingsError: The request would carry a credential over plain http to another computer, and ``allow_http``
                is False. A user's own ``send=`` makes no difference.
        """
        signed = context.vendor.sign(request, token)
        if signed is not request and signed.url != self._safe_url:
            require_safe(signed.url, self.allow_http)
            self._safe_url = signed.url
        return signed

    def _secrets(self, plain: Request, signed: Request, context: CallContext) -> Secrets:
        """Return the secrets that must not be repeated in a reply or in an error.

        For most requests they are the vendor's keys of `SHORTEST` characters or more, what signing has added, and what
        may be a secret in the user's extras. For a request for a token they are the texts in it that may be secrets.
        For a request to which neither signing nor the user has added anything, there are none. The returned object may
        serve several requests, so callers must not add to it.

        Args:
            plain: The request before it was signed.
            signed: The request as it is sent.
            context: The context of the call.
        """
        if not signed.credentials:
            return Secrets(carried(signed, ALLOWLIST))  # a request for a token, which holds the login
        has_extras = bool(context.extra or context.extra_params or context.extra_headers)
        # If nothing was added to the request, it holds no secret that the reply could repeat.
        if signed is plain and not has_extras:
            return Secrets()
        if self._keys is None and not self.offline:
            self._keys = [key for key in context.vendor.secrets() if len(key) >= SHORTEST]
        # Without extras the secrets depend only on the address and on what signing added, and can be used again.
        parts = signed.headers, plain.headers, signed.params, plain.params
        asked = None if has_extras else (signed.url, *parts)
        secrets = self._withheld
        if asked is not None and asked == secrets.of:
            return secrets
        headers, params = _added(signed.headers, plain.headers), _added(signed.params, plain.params)
        added = replace(
            signed, headers={**headers, **(context.extra_headers or {})}, params=params, form=None, json=context.extra
        )
        own = telling(context.extra_params, nameless=math.inf)
        values = {*(self._keys or ()), *carried(added, ALLOWLIST), *own}
        if values != secrets.values:
            # Kept for the next request: escaping and encoding a long token in every way takes 0.25 ms.
            secrets = self._withheld = Secrets(values)
        # Copies, because a provider may write into the headers of its next request.
        secrets.of = asked and (signed.url, *map(dict, parts))
        return secrets

    def _trouble_in(
        self, request: Request, response: Response, token: Token | None, gate: Gate, context: CallContext
    ) -> CloudAIError | None:
        """Return the error that a reply stands for, or None for a good reply that the flow can read.

        A 429, also one inside a good reply, closes the gate; a token that was refused is discarded.
        """
        if request.method == "DELETE" and response.status == 204:  # noqa: PLR2004
            return None  # there is nothing more to say of what is deleted
        if response.status not in GOOD:
            return self._refusal(response, token, gate, context)
        if (hidden := _fault_of_the_service(request, response)) is not None:
            if isinstance(hidden, RateLimitedError):
                gate.close(self.clock(), hidden.retry_after)
            return hidden
        if _is_poll(request, context) and not _is_readable(response):
            return MalformedResponseError("the state of the job cannot be read")
        return None

    def _refusal(self, response: Response, token: Token | None, gate: Gate, context: CallContext) -> CloudAIError:
        """Return the error that a reply stands for whose status is not 200, 201 or 202.

        A RateLimitedError closes the gate, and an AuthError discards the token with which the request was sent.
        """
        if 200 <= response.status < 300:  # noqa: PLR2004
            return MalformedResponseError(f"a reply of status {response.status}, which nobody asked for")
        error = context.vendor.error(response)
        if isinstance(error, RateLimitedError):
            gate.close(self.clock(), error.retry_after)
        if isinstance(error, AuthError) and token is not None:
            # The service no longer accepts the token, so the next attempt fetches a new one, which all calls use.
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
        """Note what became of a failed attempt and what it may cost, call the hooks, and return the same error.

        The error gets its state, and, for a host that is unknown, the advice to check the spelling. No event is told.
        """
        if isinstance(error, ConnectError) and error.unknown_host:
            error.advice = _check_spelling(context.vendor.host_setting(request.service), error)
        outcome = classify(error)
        error.state = context.state = outcome.state
        context.billed_max += request.billed if outcome.billed else 0
        context.hooks.after_failure(step_id, request, error)
        return error

    def _with_facts(self, error: CloudAIError, context: CallContext, elapsed: float) -> CloudAIError:
        """Add the facts of its call to an error and return it, and send the event "result", which ends each call."""
        error.provider = error.provider or context.vendor.name
        error.operation, error.input = context.operation, context.describe().get("input")
        error.request_id, error.attempts = context.request_id, context.attempts
        if isinstance(error, MalformedResponseError | NoAnswerError) and context.state == "DONE":
            # The reply had a good status and cannot be read, or holds no answer. Whether the vendor bills it is not
            # known, so it counts in `billed_max` alone.
            context.state = "UNKNOWN"
            context.billed_min -= sum(request.billed for request, reply in context.exchanges[-1:] if not reply.replayed)
        error.state = error.state or context.state
        error.raw = _raw(context) or error.raw
        error.billed_min, error.billed_max = context.billed_min, context.billed_max
        self._tell("result", context, error=type(error).__name__, duration=elapsed, units=context.billed_max)
        return error

    def _meta(self, result: Result, context: CallContext, called_at: datetime, elapsed: float) -> Meta:
        """Return the `Meta` of a result, made from the facts of its call and those that its flow has set."""
        asked = [request for request, _ in context.exchanges if request.billed]
        services = {"service": _listed(asked, "service"), "api_version": _listed(asked, "api")} if asked else {}
        known = {
            "provider": context.vendor.name,
            "operation": context.operation,
            **services,
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
        # A fact that the flow has set (the model, the language sent), and that is not the default, takes precedence.
        told = vars(result.meta)
        said = {name: told[name] for name in result.meta.__pydantic_fields_set__ if told[name] != DEFAULTS[name]}
        return Meta.of({**known, **said})

    def _tell(self, kind: EventKind, context: CallContext, request: Request | None = None, **more: Any) -> None:
        """Tell the user's function, and the logger, of a step in a call. An error of that function ends the call.

        Args:
            kind: The kind of the event.
            context: The call.
            request: The request that goes out, for an "attempt".
            more: Further fields of the event.
        """
        level = logging.INFO if kind == "wait" else logging.DEBUG
        is_logged = log.isEnabledFor(level)
        # Most calls have neither a listener nor a log, and then no event is made.
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
        return None  # the flow raises this error when it reads the reply
    return error if isinstance(error, ServerError | RateLimitedError) else None


def _check_spelling(setting: str | None, error: ConnectError) -> str | None:
    """Return the advice for a host that is unknown: to check the setting that names it, and then the network."""
    if setting is None:
        return error.advice
    return f"Check the spelling of {setting}. If it is right: {error.advice or 'Check the network.'}"


def _added(after: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers or parameters that signing has added or changed."""
    return {name: value for name, value in after.items() if before.get(name) != value}


def _is_poll(request: Request, context: CallContext) -> bool:
    """Return whether a request is a poll, which asks for the state of a job that is paid for.

    Every request with credentials that the vendor does not bill counts as one, if the call has paid for something
    before. A call that costs nothing, such as that for a list of voices, polls no job, and neither does a request that
    deletes one.
    """
    return not request.billed and request.is_kept and any(earlier.billed for earlier, _ in context.exchanges)


def _is_readable(response: Response) -> bool:
    """Return whether a reply can be the state of a job.

    A web page cannot, because a gateway has sent it. A reply that calls itself JSON, but that cannot be parsed, for
    example because it is empty, cannot either. A reply of any other content type, or of none, can.
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
    """Raise RedirectBlockedError if a poll would go to another origin than every earlier exchange of the call.

    The address of a job comes in a reply, and a reply must not choose which server gets the key next.
    """
    known = {_site(earlier.url) for earlier, _ in context.exchanges}
    if known and _site(request.url) not in known:
        raise RedirectBlockedError(
            "the service has started a job, and names another server to ask for its result",
            advice="Check the endpoint. The key was not sent to that server.",
        )


def _site(url: str) -> object:
    """Return the origin of an address, or what stands before its path if a cassette has a placeholder for the host."""
    return origin(url) or "/".join(url.split("/")[:3])


def _listed(requests: Sequence[Request], attribute: str) -> str:
    """Return the values that an attribute of requests has, each once, with commas: an operation may ask two APIs."""
    if len(requests) == 1:
        return str(getattr(requests[0], attribute))
    return ", ".join(dict.fromkeys(map(attrgetter(attribute), requests)))


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
    """Return the replies of the call so far, as ``result.raw`` and ``error.raw`` have them: see `raw_of`."""
    return raw_of([(request.billed, response) for request, response in context.exchanges])


def _out_of_range(error: ValidationError) -> MalformedResponseError:
    """Return the error of a reply with a value that the model of a result refuses; its text does not show the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return MalformedResponseError(f"the reply holds a value no result can have: {where}: {first['msg']}")
