"""``extra=``, ``extra_params=`` and ``extra_headers=`` add to a request what cloudai has no option for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudai.core.call import CallContext
from cloudai.core.flow import Request
from cloudai.errors import SettingsError

__all__ = ["with_extras"]


def with_extras(request: Request, context: CallContext, step_id: str) -> Request:
    """Return the request with the user's ``extra…`` merged in, if it is the one request of its call that gets them.

    That is the first billed request that takes extras. Among parts that run at the same time it is that of the first
    part, whichever of them is sent first.

    Args:
        request: The request.
        context: The context of the call, which notes that the request was found.
        step_id: The step id of the request, for example "1.0.2": the second step of the first part of step 1.

    Raises:
        SettingsError: There is an ``extra=``, and the request has no JSON body.
    """
    if not (context.extra or context.extra_params or context.extra_headers):
        return request
    # Parts are sent in any order, so the step id decides and not who comes first. In "1.0.2", every second number is
    # that of a part: this is step 2 of part 0 of step 1.
    in_first_parts = all(part == "0" for part in step_id.split(".")[1::2])
    if context.extras_taken or not (request.billed and request.takes_extras and in_first_parts):
        return request
    context.extras_taken = True
    if context.extra:
        if request.json is None:
            raise SettingsError(
                "extra= goes into a JSON body, and this call has none", advice="Use extra_params= or extra_headers=."
            )
        request = replace(request, json=_deep_merge(request.json, context.extra))
    if not context.extra_params and not context.extra_headers:
        return request
    return replace(
        request,
        params={**request.params, **(context.extra_params or {})},
        headers={**request.headers, **(context.extra_headers or {})},
    )


def _deep_merge(ours: Any, theirs: Any) -> Any:
    """Return both merged: dicts key by key, lists of equal length item by item; otherwise theirs replaces ours."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        merged = {key: _deep_merge(ours[key], value) if key in ours else value for key, value in theirs.items()}
        return {**ours, **merged}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [_deep_merge(a, b) for a, b in zip(ours, theirs, strict=True)]
    return theirs
