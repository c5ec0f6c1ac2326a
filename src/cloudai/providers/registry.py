"""The registry finds a provider by its name, among the built-in ones and those that other distributions bring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from cloudai.errors import SettingsError
from cloudai.providers.base import Provider
from cloudai.providers.replies import one_line
from cloudai.text import did_you_mean, quoted

__all__ = ["BUILT_IN", "find", "made", "names", "require_contract", "usable", "who_can"]

BUILT_IN = {
    "azure": "cloudai.providers.azure:Azure",
    "google": "cloudai.providers.google:Google",
    "watson": "cloudai.providers.watson:Watson",
    "local": "cloudai.providers.local:Local",
}
"""Providers that are known without entry points, so that a source tree, a zip or a frozen app finds them."""

ENTRY_POINTS = "cloudai.providers"
NAME = re.compile(r"[a-z][a-z0-9_-]*")
"""Matches the name of a provider."""


def who_can(operation: str) -> str:
    """Return a sentence that names the providers that have an operation, as advice for the errors of the others."""
    able = [name for name, kind in usable()[0].items() if kind.capabilities()[operation].available]
    return f"Available from: {', '.join(able)}." if able else "No provider in cloudai has it yet."


def names() -> list[str]:
    """Return the names of all providers, the built-in ones first."""
    # An entry point with the name of a built-in provider is never loaded: no package can take its place.
    return [*BUILT_IN, *sorted({point.name for point in _third_parties()} - set(BUILT_IN))]


def find(name: str) -> type[Provider]:
    """Return the class of the provider of a name; its capabilities can be asked for without an account.

    Raises:
        SettingsError: No provider has this name (the text lists those there are), two distributions have one, or it
            cannot be loaded.

    Example:
        >>> find("google").capabilities()["estimate_age"].available
        False
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        # The module is loaded only now, because a program uses one or two of the vendors, and `import cloudai` must not
        # wait for all.
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
    points = [point for point in _third_parties() if point.name == name]
    # The user's key must not go to one of two providers because of the order in which they were installed.
    if len(points) > 1:
        who = " and ".join(sorted(map(_distribution, points)))
        raise SettingsError(f"two providers are called {name!r}: {who}", advice="Uninstall one of them.")
    if not points:
        advice = f"{did_you_mean(name, names())} Available: {', '.join(names())}.".strip()
        raise SettingsError(f"{quoted(name)} is no provider", advice=advice)
    return _loaded(points[0])


def made(provider: str | Provider) -> Provider:
    """Return a new provider of this name, or the given one, once it is known to keep to our contract.

    Raises:
        SettingsError: See `find` and `require_contract`.
    """
    if isinstance(provider, str):
        return find(provider)()
    # Client(Azure) in place of Client(Azure()) is an easy slip, and would otherwise end in an error about a missing
    # argument.
    if isinstance(provider, type) and issubclass(provider, Provider):
        raise SettingsError(
            f"{provider.__name__} is the class of a provider", advice=f"Give an object: {provider.__name__}()."
        )
    require_contract(type(provider), f"the provider {type(provider).__name__}")
    return provider


def usable() -> tuple[dict[str, type[Provider]], list[SettingsError]]:
    """Return all providers by name, and the errors of those that cannot be loaded: a broken one hides no other."""
    loaded: dict[str, type[Provider]] = {}
    problems: list[SettingsError] = []
    for name in names():
        try:
            loaded[name] = find(name)
        except SettingsError as error:
            problems.append(error)
    return loaded, problems


def _loaded(point: EntryPoint) -> type[Provider]:
    """Return the class of a provider that another distribution brings.

    Raises:
        SettingsError: It cannot be imported, does not keep to our contract, cannot say what it is capable of, or calls
            itself otherwise than its entry point.
    """
    what = f"the provider {point.name!r} of {_distribution(point)}"
    try:
        kind = point.load()
    # The import runs the code of strangers, which may raise anything.
    except Exception as error:
        why = f"{type(error).__name__}: {one_line(str(error))}"
        raise SettingsError(f"{what} cannot be loaded ({why})", advice="Upgrade or uninstall it.") from error
    if not (isinstance(kind, type) and issubclass(kind, Provider)):
        raise SettingsError(f"{what} is no class of Provider", advice=f"See {point.value}.")
    require_contract(kind, what, _distribution(point))
    try:
        kind.capabilities()
    except Exception as error:
        why = f"{type(error).__name__}: {one_line(str(error))}"
        raise SettingsError(f"{what} cannot say what it can do ({why})", advice="Upgrade or uninstall it.") from error
    if kind.name != point.name:
        raise SettingsError(f"{what} is called {kind.name!r} by itself", advice="Its entry point must say the same.")
    return kind


def require_contract(kind: type[Any], what: str, distribution: str = "its package") -> None:
    """Raise SettingsError if a class is no provider, has no name of its own, or keeps to another contract than ours."""
    if not issubclass(kind, Provider):
        advice = f"Give a name, one of {', '.join(names())}, or an object such as Azure(key=…)."
        raise SettingsError(f"{what} is no provider", advice=advice)
    # A bool is an int, too: contract = True would pass for contract 1.
    if type(kind.contract) is not int:
        advice = f"Let its class say contract = {Provider.contract}."
        raise SettingsError(f"{what} names no contract: {kind.contract!r} is no whole number", advice=advice)
    name = getattr(kind, "name", None)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        advice = 'Let its class say name = "…": small letters, digits, - and _.'
        raise SettingsError(f"{what} has no name that can be used", advice=advice)
    # Answers in journals and caches are found by the name, so a stranger called "azure" would be handed those of Azure.
    # A subclass of our own provider may keep its name.
    if name in BUILT_IN and not issubclass(kind, find(name)):
        raise SettingsError(f"{what} is called {name!r}, as one of cloudai's own", advice="Give it another name.")
    if kind.contract != Provider.contract:
        raise SettingsError(
            f"{what} is written for contract {kind.contract}, and this cloudai has {Provider.contract}",
            advice=f"Upgrade {distribution if kind.contract < Provider.contract else 'cloudai'}.",
        )


def _distribution(point: EntryPoint) -> str:
    """Return the name of the distribution of an entry point, or its module where that is not known."""
    return point.dist.name if point.dist else point.value


def _third_parties() -> Iterator[EntryPoint]:
    """Return the entry points of all installed providers, also those with the name of a built-in one."""
    return iter(entry_points(group=ENTRY_POINTS))
