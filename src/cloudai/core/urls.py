"""This module says where an address leads: its parts, its origin, whether it is public, and how it may be shown.

A key may go to a second address only if that has the origin of the first, and a user's address may be fetched only
where it leads to the public internet. Nothing here performs I/O.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from cloudai.errors import SettingsError

__all__ = ["FetchRules", "origin", "require_safe", "shown", "split"]

PLAIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?(?=[/?#]|$)",
    # Without re.ASCII, "s" and "k" would also match a long s and the sign for kelvins, and a digit those of any script.
    re.IGNORECASE | re.ASCII,
)

PORTS = {"https": 443, "http": 80}


def split(address: str) -> SplitResult:
    """Return the parts of an address without blanks around it; all of them are empty if it cannot be parsed."""
    try:
        parts = urlsplit(address.strip())
        parts.port  # noqa: B018  # only reading a wrong port raises ValueError
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def origin(address: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port, or None where the address is not plain: two parsers may understand it differently.

    An address is not plain if it has a name or a password, a host with a backslash, a blank or a letter that is not
    ASCII, only a path, or another scheme than http and https.
    """
    match = PLAIN.match(address)
    # Python's ``urlsplit`` drops tabs and line feeds, and other parsers do not: they would see another host.
    if match is None or not address.isprintable():
        return None
    scheme = match["scheme"].lower()
    return scheme, match["host"].lower(), int(match["port"] or PORTS[scheme])


@dataclass(frozen=True)
class FetchRules:
    """The rules for fetching a user's addresses: from where and how much; ``Client(…, fetch_urls=FetchRules(…))``.

    Example:
        >>> FetchRules(networks=("10.20.0.0/16",), ports=(443, 8443)).max_bytes
        50000000
    """

    ports: tuple[int, ...] = (443, 80)
    networks: tuple[str, ...] = ()
    """Networks that may be reached although they are not public: "10.20.0.0/16"."""
    max_bytes: int = 50_000_000
    """The most bytes of a file, once it is unpacked."""
    max_redirects: int = 3
    timeout: float = 30.0
    """Seconds for one file, redirects included; never more than the call has."""
    keep: str | os.PathLike[str] | None = None
    """A folder in which the files that are fetched are kept, each under its digest, so that pages can show them later.
    Without one nothing is kept."""

    def __post_init__(self) -> None:
        try:
            for network in self.networks:
                ipaddress.ip_network(network)
        except ValueError as error:
            raise SettingsError(f"networks={self.networks!r}: {error}", advice='Give "10.20.0.0/16".') from None
        if self.max_bytes < 1 or self.max_redirects < 0 or not self.timeout > 0:
            raise SettingsError("max_bytes is at least 1, max_redirects 0, and timeout more than 0")

    def allows(self, address: str) -> bool:
        """Return whether an IP address, given as text, is public or in one of `networks`, and may be connected to.

        Raises:
            ValueError: The text is no IP address.
        """
        from cloudai.core.networks import is_public  # most clients fetch nothing

        ip = ipaddress.ip_address(address)
        return is_public(ip) or any(ip in ipaddress.ip_network(network) for network in self.networks)


def shown(address: str) -> str:
    """Return an address as it may be shown, without what is before "@" and after "#", and with "…" for its query.

    These parts are often keys. An address that begins with "gs:" is returned as it is.
    """
    if address[:3].lower() == "gs:":
        return address  # the name of an object, which may have a question mark in it
    try:
        parts = urlsplit(address)
    except ValueError:
        return address.partition("#")[0].partition("?")[0].rpartition("@")[2]
    query = "…" if parts.query else ""
    return SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, "").geturl()


def require_safe(url: str, allow_http: bool) -> None:
    """Raise SettingsError if an address names no host, or uses plain http to another computer without leave."""
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


@functools.lru_cache(maxsize=64)  # hosts hold no secrets, and each of them is asked for again and again
def _is_loopback(host: str) -> bool:
    """Return whether a host is a loopback address, or the name "localhost"; other names are not looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
