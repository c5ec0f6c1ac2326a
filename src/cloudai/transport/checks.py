"""Before anything of a request goes out, its address and its headers are checked here."""

from __future__ import annotations

from collections.abc import Mapping

from cloudai.core.flow import Request
from cloudai.core.urls import require_safe
from cloudai.errors import (
    SettingsError,
)

__all__ = ["Checks", "require_sendable", "unsendable"]


class Checks:
    """The checks of the requests of one network, each of whose addresses and headers are mostly those of the last one.

    The address and the headers of the last request are remembered, and are not checked again. Several threads may check
    requests at once.

    Args:
        allow_http: Whether keys may be sent without encryption to hosts other than this computer.
    """

    def __init__(self, *, allow_http: bool) -> None:
        self._allow_http = allow_http
        self._url: str | None = None
        self._headers: Mapping[str, str] = {}

    def __call__(self, request: Request) -> None:
        """Raise SettingsError where the request cannot go out as it is, because of its address or of a header."""
        if request.url != self._url:
            require_safe(request.url, self._allow_http)
            self._url = request.url
        if request.headers != self._headers:
            require_sendable(unsendable(request.headers))
            self._headers = dict(request.headers)


def unsendable(headers: Mapping[str, str]) -> list[str]:
    """Return the names of the headers whose values have a character that is not printable ASCII."""
    return [name for name, value in headers.items() if not value.isascii() or not value.isprintable()]


def require_sendable(names: list[str]) -> None:
    """Raise SettingsError that names the first of the headers that `unsendable` has found, if there is one."""
    # No variable here holds the value of the header: it may be a key, and error trackers collect variables.
    for name in names:
        raise SettingsError(
            f"the header {name} holds a character that cannot be sent",
            advice="Is there a line break or a quotation mark of a text program in the key?",
        )
