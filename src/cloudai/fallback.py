"""`Several` providers answer one call: each is asked in turn until one answers, as long as the input is not at fault.

The rule which errors lead to the next provider is `falls_back`, which batches go by too.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from cloudai.core import cooldown
from cloudai.core.call import CallContext
from cloudai.core.cooldown import Cooldown
from cloudai.core.effects import Program
from cloudai.core.flow import Flow
from cloudai.core.hooks import CallHooks
from cloudai.core.rate_limit import RetryBudget
from cloudai.errors import (
    BadRequestError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    MissingExtraError,
    ServiceError,
    SettingsError,
    UnavailableError,
    UnsupportedOperationError,
    clear_frames,
    detached,
)
from cloudai.models.base import Result, Tried
from cloudai.operations import Given, given_as
from cloudai.options import CallOptions, flow_of, normalized, problem_with
from cloudai.providers.base import Method, Provider
from cloudai.providers.registry import made
from cloudai.session import ClientOptions, Session

__all__ = ["Several", "cooldown_of", "falls_back", "note", "providers_of", "skipped", "told", "tried_of"]

log = logging.getLogger("cloudai")

NOT_ASKED = (UnsupportedOperationError, MissingExtraError, SettingsError)
"""Errors of a provider that is not asked at all, because it cannot do this here."""


def providers_of(given: str | Provider | Sequence[str | Provider]) -> tuple[Provider, ...]:
    """Return the providers that a client was given, by name or configured, one or several.

    Raises:
        SettingsError: There is none, one is named twice, or there is no provider of a name.
    """
    each = [given] if isinstance(given, str | Provider) or not isinstance(given, Sequence) else given
    providers = tuple(map(made, each))
    names = [provider.name for provider in providers]
    if not names:
        raise SettingsError("no provider is given", advice='Give one, or several in a list: ["azure", "google"].')
    if twice := [name for name in names if names.count(name) > 1]:
        raise SettingsError(f"{twice[0]} is given twice", advice="Give each provider once, in the order to ask them.")
    return providers


def falls_back(
    error: BaseException, provider: Provider, operation: str, on_unknown: Literal["retry", "raise"] = "retry"
) -> bool:
    """Return whether the next provider is asked after this error, because it is no fault of the input.

    Args:
        error: The error that the call to the provider ended in, after its retries.
        provider: The provider.
        operation: The operation.
        on_unknown: Whether another provider may be asked where this one may have carried out the call.
    """
    if isinstance(error, UnsupportedOperationError | MissingExtraError):
        return True
    if isinstance(error, SettingsError):
        # A key that is missing is no fault of the call; an option that the provider refuses is one.
        lacking = provider.for_call()
        chat = lacking.generative_missing() or ""  # the key of its chat model is another one
        return lacking.missing(operation) is not None or error.message in chat
    if not isinstance(error, ConnectError | ConnectionLostError | ServiceError) or isinstance(error, BadRequestError):
        return False
    return on_unknown == "retry" or error.state in ("NOT_SENT", "REFUSED")


def _is_broken(error: BaseException) -> bool:
    """Return whether an error says that the provider would fail the next call too, whatever its input is."""
    if isinstance(error, DeadlineExceededError):
        # A call may also be out of time because of its own file, or because it waited for a slot.
        return error.state == "UNKNOWN" or isinstance(error.__cause__, ConnectError)
    return isinstance(error, ConnectError | ConnectionLostError | ServiceError) and not isinstance(
        error, BadRequestError
    )


def tried_of(error: CloudAIError) -> Tried:
    """Return what ``meta.tried`` says of a provider that did not answer."""
    return Tried(
        provider=error.provider or "",
        error=type(error).__name__,
        why=str(error),
        billed_min=error.billed_min,
        billed_max=error.billed_max,
    )


def skipped(provider: str, rest: Cooldown, now: float) -> UnavailableError:
    """Return the error of a provider that is not asked for now, because it has failed other calls."""
    left = rest.left(now)
    error = UnavailableError(
        f"not asked for another {left:.0f} s: {rest.why}" if left else f"not asked while a call probes it: {rest.why}",
        advice="Call again later, or name another provider.",
        retry_after=left,
    )
    error.provider, error.state = provider, "NOT_SENT"
    return error


def note(rest: Cooldown, call: object, now: float, error: BaseException | None) -> None:
    """Tell a cooldown how a call to its provider has ended: with a result (None), or with an error."""
    if error is None or isinstance(error, BadRequestError):
        rest.answered()  # a refusal is an answer
    elif _is_broken(error):
        rest.failed(call, now, getattr(error, "retry_after", None), type(error).__name__)
    rest.leave(call)


class _Hooks(CallHooks):
    """The hooks of a call that gives up its retries once the provider is known to be broken, as a probe always does."""

    def __init__(self, rest: Cooldown) -> None:
        self._rest = rest

    @property
    def _is_last(self) -> bool:
        return not self._rest.is_idle()  # another call has failed meanwhile, or this one is the probe

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:
        """Take a retry from the budget, unless the provider has failed another call."""
        return not self._is_last and super().may_retry(step_id, budget)

    def seconds_until_retry(self, step_id: str, budget: RetryBudget, now: float) -> float:
        """Return the seconds until a refused request may come again, which never ends once the provider has failed."""
        return math.inf if self._is_last else super().seconds_until_retry(step_id, budget, now)


def cooldown_of(session: Session, operation: str, own: dict[Any, Cooldown]) -> Cooldown:
    """Return the cooldown of a provider for an operation, which all clients of the process share.

    A client that is offline, has no account, or has a clock of its own shares it with no other client.

    Args:
        session: The session of the provider.
        operation: The operation: what fails one operation, such as a missing approval, need not fail another.
        own: The cooldowns that the client knows already; it gets this one.
    """
    options, key = session.options, (session.provider.name, operation)
    if key not in own:
        shares = not (options.offline or options.send) and options.clock is time.monotonic
        account = session.provider.for_call().account() if shares else None
        own[key] = cooldown.shared((account, operation)) if account else Cooldown()
    return own[key]


@dataclass(frozen=True)
class Several:
    """The sessions of a client with several providers, in the order in which they are asked."""

    sessions: tuple[Session, ...]
    cooldowns: dict[Any, Cooldown] = field(default_factory=dict)
    """The cooldowns that the client has asked for, by provider and operation."""

    @classmethod
    def of(cls, providers: Sequence[str | Provider], driver: Any, options: ClientOptions) -> Self:
        """Return the sessions of these providers; each has an engine of its own, for its tokens and secrets.

        Raises:
            SettingsError: See `providers_of`.
        """
        return cls(tuple(Session(each, options.engine(), driver, options) for each in providers_of(providers)))

    @property
    def driver(self) -> Any:
        """The driver of the client, which is the same for all providers."""
        return self.sessions[0].driver

    def voices(self, language: str | None, timeout: float | None) -> Program[Any]:
        """Return the program that lists the voices of the first provider that speaks; see `Session.voices`."""
        able = [session for session in self.sessions if session.provider.supports("text_to_speech")]
        return [*able, self.sessions[0]][0].voices(language, timeout)

    def program(self, operation: str, given: Any, options: Mapping[str, Any], shared: CallOptions) -> Program[Result]:
        """Return the program of one call, which asks each provider in turn until one answers; see `Session.program`."""
        try:
            if problem_with(operation, {**options, **shared}):
                return self.sessions[0].program(operation, given, options, shared)
            return self._in_turn(operation, given_as(operation, given), normalized(options), shared)
        except BaseException as error:
            clear_frames(error)
            raise
        finally:
            del given, options, shared

    def _in_turn(
        self, operation: str, given: Given, options: Mapping[str, Any], shared: CallOptions
    ) -> Program[Result]:
        """Ask each provider in turn, within one deadline, and return the first result.

        Raises:
            CloudAIError: No provider has answered; ``tried`` says what became of the others. Or the input is at fault.
        """
        errors: list[CloudAIError] = []
        deadline = math.inf
        for session in self.sessions:
            context = session.context(operation, given, shared)
            deadline = context.deadline = min(deadline, context.deadline)
            outcome = yield from self._asked(session, context, given, options, shared.get("method"))
            if not isinstance(outcome, CloudAIError):
                tried = tuple(map(tried_of, errors))
                return outcome._changed(meta=outcome.meta.model_copy(update={"tried": tried})) if tried else outcome  # noqa: SLF001
            errors.append(outcome)
            if not falls_back(outcome, session.provider, operation, session.options.on_unknown):
                raise told(errors, outcome)
            log.info("%s did not answer %s: %s", session.provider.name, operation, type(outcome).__name__)
        raise told(errors)

    def _asked(
        self,
        session: Session,
        context: CallContext,
        given: Given,
        options: Mapping[str, Any],
        method: Method | None,
    ) -> Program[Result | CloudAIError]:
        """Ask one provider, unless it is not to be asked for now, and return its result or its error."""
        clock, operation = session.options.clock, context.operation
        rest = cooldown_of(session, operation, self.cooldowns)
        hooks = context.hooks = _Hooks(rest)
        if not rest.admits(hooks, clock()):
            return skipped(session.provider.name, rest, clock())
        try:
            result: Result = yield from session.engine.run(_flow(context, given, options, method), context)
        except CloudAIError as error:
            note(rest, hooks, clock(), error)
            return detached(error)
        else:
            note(rest, hooks, clock(), None)
            return result
        finally:
            rest.leave(hooks)  # it may have been cancelled


def _flow(context: CallContext, given: Given, options: Mapping[str, Any], method: Method | None) -> Flow[Any]:
    """Return the flow of one provider, with a copy of the input, because each notes how it has prepared it.

    The input is read before it is copied: an open file can be read only once.
    """
    if not isinstance(given, str):
        yield from given.fetched()
        given = copy(given)
        context.prepared = given.facts
    return (yield from flow_of(context.vendor, context.operation, given, options, method))


def told(errors: Sequence[CloudAIError], error: CloudAIError | None = None) -> CloudAIError:
    """Return the error of a call that no provider has answered, which tells of all the others.

    Args:
        errors: The errors of the providers, in order.
        error: The one that has ended the call; None if all providers were to answer. Then it is the last one of a
            provider to which something was sent, else of one that is not asked for now, else of any.
    """
    able = [each for each in errors if not isinstance(each, NOT_ASKED)]
    sent = [each for each in able if each.attempts]
    last = error or [*errors, *able, *sent][-1]
    others = [each for each in errors if each is not last]
    last.tried = tuple(map(tried_of, others))
    if others:
        names = ", ".join(f"{each.provider} ({type(each).__name__})" for each in others)
        last.advice = " ".join(filter(None, [last.advice, f"No answer from {names} either."]))
    return last
