"""`Several` providers answer one call: each is asked in turn until one answers, as long as the input is not at fault.

The rule which errors lead to the next provider is `falls_back`, which batches go by too.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal, Self

from cloudai.cooling import asked, is_of_the_service, may_be_of_the_input, note
from cloudai.core.call import CallContext
from cloudai.core.cooldown import Cooldown
from cloudai.core.effects import Program
from cloudai.core.flow import Flow
from cloudai.errors import (
    CloudAIError,
    MissingExtraError,
    SettingsError,
    UnsupportedOperationError,
    clear_frames,
)
from cloudai.models.base import Result, Tried
from cloudai.operations import Given, given_as
from cloudai.options import CallOptions, flow_of, normalized, problem_with
from cloudai.providers.base import Method, Provider
from cloudai.providers.registry import made
from cloudai.session import ClientOptions, Session

__all__ = ["Several", "falls_back", "providers_of", "told", "tried_of"]

log = logging.getLogger("cloudai")

NOT_ASKED = (UnsupportedOperationError, MissingExtraError, SettingsError)
"""Errors of a provider that is not asked at all, because it cannot do this here."""


def providers_of(given: str | Provider | Sequence[str | Provider]) -> tuple[Provider, ...]:
    """Return the providers that a client was given, by name or configured, one or several.

    Raises:
        SettingsError: There is none, two have the same name, or there is no provider of a name.
    """
    each = [given] if isinstance(given, str | Provider) or not isinstance(given, Sequence) else given
    providers = tuple(map(made, each))
    names = [provider.name for provider in providers]
    if not names:
        raise SettingsError("no provider is given", advice='Give one, or several in a list: ["azure", "google"].')
    if twice := [name for name in names if names.count(name) > 1]:
        raise SettingsError(
            f"{twice[0]} is given twice",
            advice="Give each provider once, in the order to ask them. Two accounts of one vendor need two names: "
            f'give one of them as a subclass of {type(providers[names.index(twice[0])]).__name__} with name = "…".',
        )
    return providers


def falls_back(
    error: Exception, provider: Provider, operation: str, on_unknown: Literal["retry", "raise"] = "retry"
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
    return is_of_the_service(error) and (on_unknown == "retry" or getattr(error, "state", None) != "UNKNOWN")


def tried_of(error: CloudAIError) -> Tried:
    """Return what ``meta.tried`` says of a provider that did not answer."""
    return Tried(
        provider=error.provider or "",
        error=type(error).__name__,
        why=str(error),
        billed_min=error.billed_min,
        billed_max=error.billed_max,
    )


@dataclass(frozen=True)
class Several:
    """The sessions of a client with several providers, in the order in which they are asked."""

    sessions: tuple[Session, ...]

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
                # The engine of the first session raises the problem, from a frame that does not hold what the user
                # gave.
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
        doubted: list[tuple[Cooldown, object, CloudAIError]] = []
        deadline, method = math.inf, shared.get("method")
        for session in self.sessions:
            context = session.context(operation, given, shared)
            # Each context begins a deadline of its own. The earliest of them holds for all, so that no provider gets
            # the time anew.
            deadline = context.deadline = min(deadline, context.deadline)
            rest = session.cooldown(operation, method)
            flow = _flow(context, given, options, method)
            outcome = yield from asked(session.engine, flow, context, rest, waits=False)
            if not isinstance(outcome, CloudAIError):
                for other, call, error in doubted:  # another provider has answered, so the input is not to blame
                    note(other, call, session.options.clock(), error)
                tried = tuple(map(tried_of, errors))
                return outcome._changed(meta=outcome.meta.model_copy(update={"tried": tried})) if tried else outcome  # noqa: SLF001
            errors.append(outcome)
            if not falls_back(outcome, session.provider, operation, session.options.on_unknown):
                raise told(errors, outcome)
            if outcome.attempts and may_be_of_the_input(outcome):
                doubted.append((rest, context.hooks, outcome))
            log.info("%s did not answer %s: %s", session.provider.name, operation, type(outcome).__name__)
        raise told(errors)


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
        error: The one that has ended the call; None if every provider was asked. The last error of a provider to which
            something was sent is taken then; if there is none, the last of a provider that could do this and was not
            asked or not reached; and else the last of all.
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
