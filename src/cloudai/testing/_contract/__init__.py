"""Check that a provider keeps the contract: what it declares, and what it does with the replies of its examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudai.errors import ContractError, SettingsError
from cloudai.providers.base import Provider
from cloudai.testing._contract import declared, done, inputs, keys, trouble
from cloudai.testing._contract.subject import Check, Example, Problem, Subject

__all__ = ["CHECKS", "Example", "Problem", "check_provider"]

STAGES: tuple[tuple[Check, ...], ...] = (
    (declared.name, declared.contract, declared.constructor),
    (declared.settings, declared.capabilities, declared.signatures, declared.examples),
    (done.flows, done.requests, done.results, inputs.limits),
    (
        *(done.clients, inputs.options, inputs.languages),
        *(trouble.errors, trouble.malformed, trouble.interrupted, keys.missing, keys.secrets),
    ),
)
"""The checks in stages; a stage relies on what the stages before it have checked."""
CHECKS: Mapping[str, str] = {check.__name__: check.__doc__ or "" for stage in STAGES for check in stage}
"""The description of each check, by its name."""


def check_provider(
    kind: type[Provider], examples: Sequence[Example] = (), *, configured: Provider | None = None
) -> None:
    """Check a provider against the contract, without sending anything.

    Args:
        kind: The provider's class.
        examples: At least one call with a result for each of its operations, each with the cassette that answers
            it; calls that are refused may be added.
        configured: The provider with made-up keys, to see where they end up. It is needed only if the constructor
            does not take each secret setting by its name.

    Raises:
        SettingsError: It is no class of a provider.
        ContractError: The provider breaks the contract; ``problems`` lists every problem with advice. The calls of the
            provider are checked only once there is no problem with its declarations.

    Example:
        >>> from cloudai import Google
        >>> check_provider(Google, [])
        Traceback (most recent call last):
        ...
        cloudai.errors.ContractError: google does not keep the contract in 4 places: examples: no example of ...
    """
    if not (isinstance(kind, type) and issubclass(kind, Provider)):
        of = kind if isinstance(kind, type) else type(kind)
        given = of.__name__ if isinstance(kind, type) else f"an object of {of.__name__}"
        advice = f"Give its class: {of.__name__}." if issubclass(of, Provider) else "See docs/new_provider.md."
        raise SettingsError(f"check_provider takes the class of a provider, and was given {given}", advice=advice)
    subject = Subject(kind, tuple(examples), configured)
    for stage in STAGES:
        if problems := list(
            dict.fromkeys(Problem(check.__name__, *told) for check in stage for told in check(subject))
        ):
            raise _error(kind, problems)


def _error(kind: type[Provider], problems: Sequence[Problem]) -> ContractError:
    first, where = problems[0], f"in {len(problems)} places" if len(problems) > 1 else "in one place"
    who = getattr(kind, "name", kind.__name__)
    error = ContractError(f"{who} does not keep the contract {where}: {first.check}: {first.what}", advice=first.advice)
    error.problems = tuple(problems)
    for problem in problems:
        # pytest shows the notes of an exception, so all problems are seen at once.
        error.add_note(f"- {problem}")
    return error
