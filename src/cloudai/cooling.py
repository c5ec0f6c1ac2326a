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

    It is none if the service has refused the input, or has given an answer that cannot be used. A model or an API that
    the service no longer has is one.
    """
    if isinstance(error, BadRequestError):
        return error.gone
    return isinstance(error, ConnectError | ConnectionLostError | ServiceError) and not isinstance(error, NoAnswerError)


def _is_broken(error: BaseException) -> bool:
    """Return whether an error says that the provider would fail the next call too, whatever its input is."""
    if isinstance(error, DeadlineExceededError):
        # A call may also be out of time because of its own file, or because it waited for a slot.
        return error.state == "UNKNOWN" or isinstance(error.__cause__, ConnectError)
    if isinstance(error, ForbiddenError) and error.status in GOOD:
        return False  # the vendor may not fetch the address of this input
    return is_of_the_service(error)


def note(rest: Cooldown, call: object, now: float, error: BaseException | None, *, doubts: bool = False) -> None:
    """Tell a cooldown how a call to its provider has ended: with a result (None), or with an error.

    Args:
        rest: The cooldown.
        call: The object that stands for the call.
        now: The time in seconds.
        error: The error.
        doubts: Whether to leave it open for now if the input is to blame for an error for which it may be.
    """
    if error is None or (isinstance(error, BadRequestError | NoAnswerError) and not is_of_the_service(error)):
        rest.answered()  # a refusal is an answer
    elif _is_broken(error):
        tell = rest.doubted if doubts and may_be_of_the_input(error) else rest.failed
        tell(call, now, getattr(error, "retry_after", None), type(error).__name__)
    rest.leave(call)


def may_be_of_the_input(error: BaseException) -> bool:
    """Return whether the input may be to blame for an error that looks like one of the service.

    It is not where nobody was reached, or where the service has put the call off without a look at it.
    """
    return not (isinstance(error, ConnectError) or (isinstance(error, CloudAIError) and is_put_off(error)))


def skipped(provider: str, operation: str, rest: Cooldown, now: float) -> UnavailableError:
    """Return the error of a provider that is not asked for now, because it has failed other calls."""
    left = rest.left(now)
    error = UnavailableError(
        f"not asked for another {left:.0f} s: {rest.why}" if left else f"not asked while a call probes it: {rest.why}",
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
    """The hooks of a call that gives up its retries once the provider has failed another call, as a probe always does.

    Args:
        rest: The cooldown of the provider.
    """

    def __init__(self, rest: Cooldown) -> None:
        self._rest = rest

    def may_retry(self, step_id: str, budget: RetryBudget) -> bool:
        """Take a retry from the budget, unless the provider has failed another call."""
        return self._rest.is_idle() and super().may_retry(step_id, budget)

    def seconds_until_retry(self, step_id: str, budget: RetryBudget, now: float) -> float:
        """Return the seconds until a refused request may come again, which never end if the provider is broken."""
        return math.inf if self._rest.is_cooling() else super().seconds_until_retry(step_id, budget, now)


def asked(
    engine: Engine, flow: Flow[Result], context: CallContext, rest: Cooldown, *, waits: bool
) -> Program[Result | CloudAIError]:
    """Ask a provider, unless it is not to be asked for now, and return its result or its error.

    Args:
        engine: The engine of the provider.
        flow: The flow of the call, which has not begun.
        context: The context of the call.
        rest: The cooldown of the provider for the operation.
        waits: Whether no other provider can answer. Then the next call waits for its turn if this one is asked too
            often, and asks again if the key or the account is refused, for the user may have put that right meanwhile.
    """
    hooks = context.hooks = _Hooks(rest)
    if not rest.admits(hooks, engine.clock()):
        flow.close()
        return skipped(context.vendor.name, context.operation, rest, engine.clock())
    try:
        result = yield from engine.run(flow, context)
    except CloudAIError as error:
        if not (waits and _is_for_the_user(error)):
            note(rest, hooks, engine.clock(), error, doubts=True)
        return detached(error)
    else:
        note(rest, hooks, engine.clock(), None)
        return result
    finally:
        rest.leave(hooks)  # it may have been cancelled
