"""Whether a provider keeps the contract: what it declares, and what it does with replies of its own choosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudai.errors import ContractError
from cloudai.providers.base import Provider
from cloudai.testing._contract import declared, done, inputs, keys, trouble
from cloudai.testing._contract.subject import Check, Example, Problem, Subject

__all__ = ["CHECKS", "Example", "Problem", "check_provider"]

STAGES: tuple[tuple[Check, ...], ...] = (
    (declared.name, declared.contract, declared.constructor),
    (declared.settings, declared.capabilities, declared.signatures, declared.examples),
    (done.flows, done.requests, done.results),
    (
        *(done.clients, inputs.limits, inputs.options, inputs.languages),
        *(trouble.errors, trouble.malformed, trouble.interrupted, keys.missing, keys.secrets),
    ),
)
"""What a stage takes for granted, the one before has seen."""
CHECKS: Mapping[str, str] = {check.__name__: check.__doc__ or "" for stage in STAGES for check in stage}
"""What is checked, by its name."""


def check_provider(
    kind: type[Provider], examples: Sequence[Example] = (), *, configured: Provider | None = None
) -> None:
    """Check a provider against the contract; nothing is sent.

    Args:
        kind: Its class.
        examples: At least one call with a result for each operation it has, each with the cassette that answers
            it; also calls that are refused.
        configured: The provider with made-up keys, to see where they end up. Needed only where its constructor
            does not take each secret setting by its name.

    Raises:
        ContractError: Something is not as it should be; ``problems`` has all that was found, each with what to do.
            What it declares is looked at first, and what it does once that is in order.

    Example:
        >>> from cloudai import Google
        >>> check_provider(Google, [])
        Traceback (most recent call last):
        ...
        cloudai.errors.ContractError: google does not keep the contract in 4 places: examples: no example of ...
    """
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
        error.add_note(f"- {problem}")
    return error
