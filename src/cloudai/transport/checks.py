"""Before anything of a request goes out, its address and its headers are checked here."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from cloudai.core.urls import split
from cloudai.errors import (
    SettingsError,
)

__all__ = ["require_safe", "require_sendable", "unsendable"]


def require_safe(url: str, allow_http: bool) -> None:
    """Raise SettingsError if the address has no host, or would send the key in the clear.

    Args:
        url: The address; it must use https. Plain http is accepted on the loopback.
        allow_http: Accept plain http to any host.
    """
    parts = split(url)
    host = parts.hostname or ""
    if host and (parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _is_loopback(host)))):
        return
    if not host:
        raise SettingsError("the address of the service is no address", advice="Check the endpoint.")
    raise SettingsError(
        f"{parts.scheme or 'no scheme'}:// to {host} would send the key in the clear",
        advice="Use https, or pass allow_http=True if that network is yours.",
    )


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
