"""Addresses given as inputs, where a client fetches them itself (``fetch_urls=``). Performs no I/O.

Whoever lets strangers name addresses lends them its place in the network: an address may lead to this machine, to the
router, or to the metadata of a cloud's machines, where keys lie. So names are resolved once, every address found is
checked, and the connection goes to one that was (``_fetcher.py``); each redirect is looked at in the same way.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from cloudai.effects import Get, Program
from cloudai.errors import CloudAIError, DeadlineExceededError, FetchError, SettingsError
from cloudai.flow import Response
from cloudai.origin import split

__all__ = ["FetchRules", "fetched", "is_public", "shown"]

PORTS = {"https": 443, "http": 80}
HOST = re.compile(r"[\w.:-]+")
"""Names in any script, and addresses: two readers understand them in one way."""
REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = {"accept": "image/*, audio/*;q=0.9, */*;q=0.1", "accept-encoding": "identity"}
"""No cookie, no key, no address that led here."""


@dataclass(frozen=True)
class FetchRules:
    """What may be fetched, and how much of it; for ``Client(…, fetch_urls=FetchRules(…))``.

    Example:
        >>> FetchRules(networks=("10.20.0.0/16",), ports=(443, 8443)).max_bytes
        50000000
    """

    ports: tuple[int, ...] = (443, 80)
    networks: tuple[str, ...] = ()
    """Networks that may be reached though they are not public: "10.20.0.0/16"."""
    max_bytes: int = 50_000_000
    """Of the file, unpacked."""
    max_redirects: int = 3
    timeout: float = 30.0
    """Seconds for one file, redirects included; never more than the call has."""

    def __post_init__(self) -> None:
        try:
            for network in self.networks:
                ipaddress.ip_network(network)
        except ValueError as error:
            raise SettingsError(f"networks={self.networks!r}: {error}", advice='Give "10.20.0.0/16".') from None
        if self.max_bytes < 1 or self.max_redirects < 0 or not self.timeout > 0:
            raise SettingsError("max_bytes is at least 1, max_redirects 0, and timeout more than 0")

    def allows(self, address: str) -> bool:
        """Whether an IP address may be connected to."""
        found = ipaddress.ip_address(address)
        return is_public(found) or any(found in ipaddress.ip_network(network) for network in self.networks)


NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # Azure's own, on every machine there
            "192.88.99.0/24",  # to relays of 6to4
            "2001::/32",  # Teredo: an IPv4 address is in it
            "2002::/16",  # 6to4, likewise
            "3fff::/20",  # for examples; older Pythons do not know it
        ),
    )
)
"""What ``ipaddress`` takes for global."""
PUBLIC_6 = ipaddress.ip_network("2000::/3")
"""All that is handed out. Outside: mapped and compatible IPv4 (::/96, ::ffff:0:0/96), NAT64 (64:ff9b::/96), local."""
ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is on the public internet, and leads to no other address than it says."""
    if isinstance(address, ipaddress.IPv6Address) and (address not in PUBLIC_6 or address.packed[8:12] in ISATAP):
        return False
    special = address.is_multicast or address.is_reserved or not address.is_global
    return not special and not any(address in network for network in NOT_PUBLIC)


def fetched(address: str, rules: FetchRules, clock: Callable[[], float], deadline: float) -> Program[bytes]:
    """The file at an address; FetchError where it may not be fetched, or cannot.

    Args:
        address: ``https://…`` or ``http://…``.
        rules: What may be fetched.
        clock: Monotonic seconds.
        deadline: Of the call, by that clock: DeadlineExceededError where it comes first.
    """
    ends, there = min(deadline, clock() + rules.timeout), address
    for _ in range(rules.max_redirects + 1):
        _require_allowed(there, address, rules)
        try:
            response: Response = yield Get(there, rules, HEADERS, timeout=max(0.001, ends - clock()))
        except FetchError:
            raise
        except DeadlineExceededError as error:
            if ends == deadline:
                raise
            raise FetchError(f"{shown(address)} did not come within {rules.timeout:g} s", advice=DOWNLOAD) from error
        except CloudAIError as error:
            raise FetchError(f"{shown(address)} cannot be fetched: {error.message}") from error
        if response.status not in REDIRECTS:
            return _body(response, address)
        there = _elsewhere(response, there, address)
    raise FetchError(f"{shown(address)} leads on more than {rules.max_redirects} times", advice=DOWNLOAD)


DOWNLOAD = "Download it and give the file."


def _body(response: Response, began: str) -> bytes:
    if response.status != 200:  # noqa: PLR2004
        raise FetchError(f"{shown(began)} cannot be fetched: HTTP {response.status}", advice="Open it in a browser.")
    if not response.content:
        raise FetchError(f"{shown(began)} is empty (0 bytes)")
    return response.content


def _elsewhere(response: Response, address: str, began: str) -> str:
    """Where a redirect leads."""
    place = response.headers.get("location")
    if not place:
        raise FetchError(f"{shown(began)} leads on to nowhere", advice=DOWNLOAD)
    try:
        there = urljoin(address, place)
        schemes = urlsplit(address).scheme, urlsplit(there).scheme
    except ValueError:
        raise FetchError(f"{shown(began)} leads to what is no address", advice=DOWNLOAD) from None
    if schemes == ("https", "http"):
        raise FetchError(f"{shown(began)} leads on to {shown(there)}, without TLS", advice=DOWNLOAD)
    return there


def _require_allowed(address: str, began: str, rules: FetchRules) -> None:
    """FetchError unless the address is a plain one; where its host lies is checked when it is connected to."""
    problem = _problem(address, rules.ports)
    if problem:
        how = "" if address == began else f", to which {shown(began)} leads,"
        raise FetchError(f"{shown(address)}{how} is not fetched: {problem}", advice=DOWNLOAD)


def _problem(address: str, ports: Iterable[int]) -> str | None:
    parts = split(address)
    port = PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    reasons = {
        "it holds a character that no address has": not address.isprintable() or "\\" in address or " " in address,
        "it is no address": not any(parts),
        "only https and http are": parts.scheme not in PORTS or not parts.hostname,
        "it holds a name or a password": "@" in parts.netloc,
        "its host holds a character that no host has": not HOST.fullmatch(parts.hostname or ""),
        f"port {port} is not allowed": port not in ports,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def shown(address: str) -> str:
    """An address as it may be shown: what stands behind "?" is often a key, and so is what stands before "@"."""
    if address[:3].lower() == "gs:":
        return address  # the name of an object, which may have a question mark in it
    try:
        parts = urlsplit(address)
    except ValueError:
        return address.partition("?")[0].rpartition("@")[2]
    query = "…" if parts.query else ""
    return SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, "").geturl()
