"""This module turns an error reply into an error: its class, by the HTTP status, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudai.core.flow import Response
from cloudai.errors import (
    AuthError,
    BadRequestError,
    ForbiddenError,
    MalformedResponseError,
    RateLimitedError,
    RedirectBlockedError,
    ServerError,
    ServiceError,
    TooEarlyError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaError,
)

__all__ = ["ADVICE", "LONGEST_MESSAGE", "Fault", "error_body", "error_class", "inside", "one_line", "readable"]


@dataclass(frozen=True)
class Fault:
    """The content of a vendor's error reply: its code, its message, and how many seconds to wait."""

    message: str = ""
    code: str | None = None
    retry_after: float | None = None
    kind: type[ServiceError] | None = None
    """The class of error, where the vendor's code says more than the HTTP status."""
    quota: str | None = None
    """The length of a spent quota that the reply names, "day" or "month"."""
    advice: str | None = None
    gone: bool = False
    """True where the reply says that the vendor does not have the model or the deployment, or no longer has it."""


CLASSES: Mapping[int, type[ServiceError]] = {
    # More than a name depends on the class: the engine decides by it whether a request is tried again and whether it
    # may have been billed.
    401: AuthError,
    403: ForbiddenError,
    # These two statuses say that the request met a bad moment, and not that anything is wrong with it: it may be sent
    # again.
    408: ServerError,
    409: ServerError,
    413: TooLargeError,
    415: UnsupportedMediaError,
    425: TooEarlyError,
    429: RateLimitedError,
    499: ServerError,  # of gRPC: the service has cancelled the call, for nobody else has
    503: UnavailableError,
}

ADVICE: Mapping[type[ServiceError], str] = {
    RateLimitedError: "Wait and call again, or call less often.",
    ServerError: "Try again later; if it stays, see the vendor's status page.",
    UnavailableError: "Try again later; if it stays, see the vendor's status page.",
    RedirectBlockedError: "Check the endpoint: neither key nor upload is sent after a redirect.",
}


def error_class(status: int) -> type[ServiceError]:
    """Return the class of error that an HTTP status stands for, where the vendor's code says no more.

    A status from 300 is a RedirectBlockedError, one from 500 a ServerError, and any other that is not listed in
    `CLASSES` a BadRequestError.
    """
    # A redirect is an error, because to follow it would hand the key and the upload to whatever host the reply names.
    if 300 <= status < 400:  # noqa: PLR2004
        return RedirectBlockedError
    return CLASSES.get(status) or (ServerError if status >= 500 else BadRequestError)  # noqa: PLR2004


LONGEST_MESSAGE = 1000
"""Characters of a vendor's message that an error repeats at most."""


def readable(response: Response) -> str:
    """Return the beginning of a reply that is not in the vendor's shape, as one printable line."""
    # The cut may go through the middle of a character, and a proxy may send any bytes: to report an error must not
    # fail.
    return one_line(response.content[:200].decode("utf-8", "replace")) or f"HTTP {response.status}, no text"


def one_line(text: str) -> str:
    """Return the text on one line, without control characters."""
    # Terminals obey control characters, and a line break would forge an entry of a log.
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def error_body(response: Response) -> Any:
    """Return the JSON of an error reply, or None where it is none, because a proxy may have answered instead."""
    try:
        return response.json()
    except MalformedResponseError:
        return None


def inside(body: Any, *path: str | int) -> Any:
    """Return the value at a path of names and indices in a JSON body, or None where the body has none there.

    Example:
        >>> inside({"responses": [{"error": {"code": 3}}]}, "responses", 0, "error")
        {'code': 3}
    """
    for step in path:
        if isinstance(step, str):
            body = body.get(step) if isinstance(body, dict) else None
        else:
            body = body[step] if isinstance(body, list) and step < len(body) else None
    return body
