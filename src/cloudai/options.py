"""This module knows which options a call has and what they are by default, and checks those that are given."""

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
    """The options that every call takes beside those of its operation."""

    timeout: float
    """Seconds for the whole call, waits and retries included."""
    extra: Mapping[str, Any]
    """Values that cloudai has no option for, merged deep into the JSON body of one request.

    That is the first billed request of the operation itself, and no language detection before it. Of a mix of features
    at Azure it is that to the first API alone: Image Analysis 4.0, else 3.2, else Face. Of parts that run at the same
    time it is the first request of the first part.
    """
    extra_params: Mapping[str, str]
    """Parameters that are added to the request that ``extra`` is for."""
    extra_headers: Mapping[str, str]
    """Headers that are added to the request that ``extra`` is for."""


SHARED = tuple(CallOptions.__annotations__)
"""The names of the options that every call takes."""


def complete(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an operation, with defaults for those that are not given.

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
    """Return the options that differ from their defaults, without the timeout.

    A call that is paid for is recognized by these, so that a new option with a default does not make it look unpaid.
    """
    defaults = OPERATIONS[operation].options
    return {
        name: value
        for name, value in sorted(options.items())
        if name != "timeout" and not (name in defaults and value == defaults[name])
    }


def require_seconds(timeout: Any) -> None:
    """Raise SettingsError for a timeout that is no number of seconds above 0; None stands for the usual time."""
    known = timeout is None or (isinstance(timeout, int | float) and not isinstance(timeout, bool))
    if not known or not (timeout is None or 0 < timeout < math.inf):
        raise SettingsError(f"timeout={timeout!r}", advice="Give seconds, more than 0.")


def flow_of(vendor: Vendor, operation: str, given: Given, options: Mapping[str, Any]) -> Flow[Any]:
    """Return the vendor's flow for an input and the complete options of its operation.

    Raises:
        UnsupportedOperationError: The vendor does not have the operation; the text names those that have it.
    """
    try:
        flow: Flow[Any] = getattr(vendor, operation)(given, **options)
    except UnsupportedOperationError as error:
        error.advice = error.advice or who_can(operation)
        raise
    return flow
