"""Whether a provider keeps the contract: what it declares, and what it does with replies of its own choosing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cloudai.errors import ContractError
from cloudai.provider import Provider
from cloudai.testing import _declared, _done
from cloudai.testing._subject import Check, Example, Problem, Subject

__all__ = ["CHECKS", "Example", "Problem", "check_provider"]

CHECKS: Mapping[str, Check] = {
    "name": _declared.name,
    "contract": _declared.contract,
    "constructor": _declared.constructor,
    "settings": _declared.settings,
    "capabilities": _declared.capabilities,
    "signatures": _declared.signatures,
    "examples": _declared.examples,
    "flows": _done.flows,
    "results": _done.results,
    "clients": _done.clients,
    "requests": _done.requests,
    "limits": _done.limits,
    "options": _done.options,
    "languages": _done.languages,
    "errors": _done.errors,
    "malformed": _done.malformed,
    "interrupted": _done.interrupted,
    "missing": _done.missing,
    "secrets": _done.secrets,
}
"""Each by its name, in order; the later ones call the provider, and take for granted what the earlier ones say."""
DECLARED = 7
"""The first so many: what they find would be found again by all others."""


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
        ContractError: Something is not as it should be; ``problems`` has all of it, each with what to do.

    Example:
        >>> from cloudai import Google
        >>> check_provider(Google, [])
        Traceback (most recent call last):
        ...
        cloudai.errors.ContractError: google does not keep the contract in 4 places: examples: no example of ...
    """
    subject = Subject(kind, tuple(examples), configured)
    found = list(_found(subject, list(CHECKS.items())[:DECLARED]))
    found = found or list(_found(subject, list(CHECKS.items())[DECLARED:]))
    if found:
        raise _error(kind, found)


def _error(kind: type[Provider], found: Sequence[Problem]) -> ContractError:
    first, places = found[0], f"in {len(found)} places" if len(found) > 1 else "in one place"
    who = getattr(kind, "name", kind.__name__)
    error = ContractError(
        f"{who} does not keep the contract {places}: {first.check}: {first.what}", advice=first.advice
    )
    error.problems = tuple(found)
    for problem in found:
        error.add_note(f"- {problem}")
    return error


def _found(subject: Subject, checks: Sequence[tuple[str, Check]]) -> Iterator[Problem]:
    for name, check in checks:
        seen: set[tuple[str, str]] = set()
        for told in check(subject):
            if told not in seen:
                seen.add(told)
                yield Problem(name, *told)
