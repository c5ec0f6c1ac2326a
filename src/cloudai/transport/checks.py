"""Before anything of a request goes out, its address and its headers are checked here."""

from __future__ import annotations

from collections.abc import Mapping

from cloudai.core.urls import require_safe
from cloudai.errors import (
    SettingsError,
)

__all__ = ["require_safe", "require_sendable", "unsendable"]


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
