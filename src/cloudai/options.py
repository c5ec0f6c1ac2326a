"""The options of a call: which there are, what they are by default, and whether they can be used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

from cloudai.core.flow import Flow
from cloudai.core.vendor import Vendor
from cloudai.errors import SettingsError, UnsupportedOperationError
from cloudai.operations import OPERATIONS, REQUIRED, Given
from cloudai.providers.registry import who_can

__all__ = ["SHARED", "CallOptions", "chosen", "complete", "flow_of", "require_seconds"]


class CallOptions(TypedDict, total=False):
    """What every call takes beside its own options."""

    timeout: float
    """Seconds for the whole call, waits and retries included."""
    extra: Mapping[str, Any]
    """Merged deep into the JSON body of the first billed request: what cloudai has no name for."""
    extra_params: Mapping[str, str]
    extra_headers: Mapping[str, str]


SHARED = tuple(CallOptions.__annotations__)
"""The names of those."""


def complete(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an operation with the defaults of those that are not given.

    Raises:
        SettingsError: The operation has no such option, or needs one that is not given.
    """
    defaults = OPERATIONS[operation].options
    if unknown := [name for name in options if name not in (*defaults, *SHARED)]:
        known = ", ".join((*defaults, *SHARED))
        raise SettingsError(f"{operation} has no option {', '.join(unknown)}", advice=f"It has: {known}.")
    completed = {**defaults, **{name: value for name, value in options.items() if name in defaults}}
    if lacking := [name for name, value in completed.items() if value is REQUIRED]:
        raise SettingsError(f"{operation} needs {', '.join(lacking)}", advice=f"Give options={{{lacking[0]!r}: …}}.")
    return completed


def chosen(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that differ from their defaults.

    What a paid call is found by goes by these: a new option with a default must not make the call look unpaid.
    """
    defaults = OPERATIONS[operation].options
    return {
        name: value
        for name, value in sorted(options.items())
        if name != "timeout" and not (name in defaults and value == defaults[name])
    }


def require_seconds(timeout: Any) -> None:
    """Raise SettingsError for what is no time that a call may take; None stands for the usual time."""
    known = timeout is None or (isinstance(timeout, int | float) and not isinstance(timeout, bool))
    if not known or not (timeout is None or 0 < timeout < math.inf):
        raise SettingsError(f"timeout={timeout!r}", advice="Give seconds, more than 0.")


def flow_of(vendor: Vendor, operation: str, given: Given, options: Mapping[str, Any]) -> Flow[Any]:
    """Return the vendor's flow for an input, its options complete.

    Raises:
        UnsupportedOperationError: The vendor does not have the operation; the text names those that have it.
    """
    try:
        flow: Flow[Any] = getattr(vendor, operation)(given, **options)
    except UnsupportedOperationError as error:
        error.advice = error.advice or who_can(operation)
        raise
    return flow
