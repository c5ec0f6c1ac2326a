"""Single calls keep away from a provider that is down: `asked` asks it, and tells its `Cooldown` what came of it."""

from __future__ import annotations

import math

from cloudai.core.call import CallContext
from cloudai.core.cooldown import Cooldown
from cloudai.core.effects import Program
from cloudai.core.engine import Engine
from cloudai.core.flow import Flow
from cloudai.core.hooks import CallHooks
from cloudai.core.rate_limit import RetryBudget
from cloudai.core.retry import GOOD, is_put_off
from cloudai.errors import (
    AuthError,
    BadRequestError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    ForbiddenError,
    NoAnswerError,
    RateLimitedError,
    ServiceError,
    UnavailableError,
    detached,
)
from cloudai.models.base import Result

__all__ = ["asked", "is_of_the_service", "may_be_of_the_input", "note", "skipped"]


def is_of_the_service(error: BaseException) -> bool:
    """Return whether an error is one of the service or the account, so that another provider may answer the input.

    False if the service has refused the input, if it has given an answer that cannot be used, and if the time of the
    call was up. True if it no longer has the model or the API that was asked for.
    """
    if isinstance(error, BadRequestError):
        return error.gone
    return isinstance(error, ConnectError | ConnectionLostError | ServiceError) and not isinstance(error, NoAnswerError)


def _is_broken(error: BaseException) -> bool:
    """Return whether an error says that the provider would fail the next call too, whatever its input is.

    True for every error of the service or the account, also for a server error and for a 429, and for a call whose time
    was up before the service had answered or could be reached.
    """
    if isinstance(error, DeadlineExceededError):
        # A call may also be out of time because of its own file, or because it waited for a slot.
        return error.state == "UNKNOWN" or isinstance(error.__cause__, ConnectError)
    if isinstance(error, ForbiddenError) and error.status in GOOD:
        return False  # a 403 inside a good reply is about this input: the vendor may not fetch its address
    return is_of_the_service(error)


def note(cooldown: Cooldown, call: object, now: float, error: BaseException | None, *, doubts: bool = False) -> None:
    """Tell a cooldown how a call to its provider has ended: with a result (None), or with an error.

    Args:
        cooldown: The cooldown.
        call: The object that stands for the call.
        now: The time in seconds.
        error: The error.
        doubts: Whether to give the provider the benefit of the doubt: an error for which the input may be to blame then
            starts the cooldown only if the call before it has ended with such an error, too.
    """
    if error is None or (isinstance(error, BadRequestError | NoAnswerError) and not is_of_the_service(error)):
        cooldown.answered()  # a service that refuses an input, or declines to say anything of it, is up
    elif _is_broken(error):
        tell = cooldown.doubted if doubts and may_be_of_the_input(error) else cooldown.failed
        tell(call, now, getattr(error, "retry_after", None), type(error).__name__)
    cooldown.leave(call)


def may_be_of_the_input(error: BaseException) -> bool:
    """Return whether the input may be to blame for an error that looks like one of the service.

    False if no server was reached, and if the service has put the call off (425, 429, or 503 with a time to wait),
    because it has not looked at the input then. True for any other error, such as a 500.
    """
    return not (isinstance(error, ConnectError) or (isinstance(error, CloudAIError) and is_put_off(error)))


def skipped(provider: str, operation: str, cooldown: Cooldown, now: float) -> UnavailableError:
    """Return the error of a call that is not sent, because the provider has failed other calls; nothing is raised."""
    left, why = cooldown.left(now), cooldown.why
    error = UnavailableError(
        f"not asked for another {left:.0f} s: {why}" if left else f"not asked while a call probes it: {why}",
        advice="Call again later, or name another provider.",
        retry_after=left,
    )
    error.provider, error.operation, error.state = provider, operation, "NOT_SENT"
    return error


def _is_for_the_user(error: CloudAIError) -> bool:
    """Return whether an error is no outage: the provider is asked too often, or the key or the account is not right."""
    if isinstance(error, RateLimitedError):
        return not error.quota
    return isinstance(error, AuthError | ForbiddenError)


class _Hooks(CallHooks):
    """The hooks of a call that is not retried once the provider has failed another call.

    The probe, the one call that is let through after a cooldown, is therefore never retried.

    Args:
        cooldown: The cooldown of the provider.
    """

    def __init__(self, cooldown: Cooldown) -> None:
        self._cooldown = cooldown

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:
        """Take a retry from the budget and return True; False if the budget is empty, or if another call has failed."""
        return self._cooldown.is_idle() and super().may_retry(step_id, budget)

    def seconds_until_retry(self, step_id: str, budget: RetryBudget, now: float) -> float:
        """Return the seconds to wait before a request that the service has put off is sent again.

        They are infinite while the cooldown lasts, so that the engine gives the request up.
        """
        return math.inf if self._cooldown.is_cooling() else super().seconds_until_retry(step_id, budget, now)


def asked(
    engine: Engine, flow: Flow[Result], context: CallContext, cooldown: Cooldown, *, waits: bool
) -> Program[Result | CloudAIError]:
    """Carry out a call unless the cooldown forbids it, tell the cooldown how it ended, and return its result or error.

    A CloudAIError is returned and not raised, because the caller may have another provider to ask.

    Args:
        engine: The engine of the provider.
        flow: The flow of the call, which has not begun.
        context: The context of the call.
        cooldown: The cooldown of the provider for the operation.
        waits: Whether no other provider can answer. A 429 and a refusal of the key or the account then leave the
            cooldown alone: the next call is sent and waits as long as the service asks for, and the user may have put
            the key right meanwhile.
    """
    hooks = context.hooks = _Hooks(cooldown)
    if not cooldown.admits(hooks, engine.clock()):
        flow.close()
        return skipped(context.vendor.name, context.operation, cooldown, engine.clock())
    try:
        result = yield from engine.run(flow, context)
    except CloudAIError as error:
        if not (waits and _is_for_the_user(error)):
            # A 500 may be the fault of this input, which must not keep the provider from all others.
            note(cooldown, hooks, engine.clock(), error, doubts=True)
        return detached(error)
    else:
        note(cooldown, hooks, engine.clock(), None)
        return result
    finally:
        cooldown.leave(hooks)  # a probe that was cancelled has told nothing, and must not keep the next one away
