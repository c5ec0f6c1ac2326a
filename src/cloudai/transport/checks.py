"""Before anything of a request goes out, its address and its headers are checked here."""

from __future__ import annotations

from collections.abc import Mapping

from cloudai.core.urls import require_safe
from cloudai.errors import (
    SettingsError,
)

__all__ = ["require_safe", "require_sendable", "unsendable"]


def unsendable(headers: Mapping[str, str]) -> list[str]:
    """Return the names of the headers whose values no header can hold."""
    return [name for name, value in headers.items() if not value.isascii() or not value.isprintable()]


def require_sendable(names: list[str]) -> None:
    """Raise SettingsError where there are any names of headers that cannot be sent."""
    # No variable here holds the value of the header: it may be a key, and error trackers collect variables.
    for name in names:
        raise SettingsError(
            f"the header {name} holds a character that cannot be sent",
            advice="Is there a line break or a quotation mark of a text program in the key?",
        )
