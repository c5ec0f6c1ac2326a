"""A client with ``fetch_urls=`` fetches inputs that are addresses by the rules in this module, which performs no I/O.

A server that fetches addresses for its users lends them its position in the network: an address may lead to this
machine, to the router, or to the metadata of a cloud's machines, where keys lie. So each name is resolved once, every
address that it resolves to is checked, and the connection goes to a checked one (``transport/fetcher.py``). Each
redirect is checked in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import urljoin, urlsplit

from cloudai.core.effects import Get, Program
from cloudai.core.flow import Response
from cloudai.core.urls import FetchRules, shown, split
from cloudai.errors import CloudAIError, DeadlineExceededError, FetchError, SettingsError

__all__ = ["fetched"]

PORTS = {"https": 443, "http": 80}

HOST = re.compile(r"[\w.:-]+")
"""Matches names in any script and IP addresses, which any two URL parsers understand in the same way."""

REDIRECTS = (301, 302, 303, 307, 308)

HEADERS = {"accept": "image/*, audio/*;q=0.9, */*;q=0.1", "accept-encoding": "identity"}
"""The headers of a fetch: no cookie, no key and no referrer."""


def fetched(address: str, rules: FetchRules, clock: Callable[[], float], deadline: float) -> Program[bytes]:
    """Fetch the file at an address, and return its bytes.

    Args:
        address: ``https://…`` or ``http://…``.
        rules: What may be fetched.
        clock: A function that returns monotonic seconds.
        deadline: The end of the call's time, by that clock.

    Raises:
        FetchError: The address may not be fetched, or cannot be.
        DeadlineExceededError: The call's time ended before the fetch did.
        SettingsError: The certificates or the proxy that the environment names cannot be used.
    """
    ends, there = min(deadline, clock() + rules.timeout), address
    for _ in range(rules.max_redirects + 1):
        # Each redirect is checked like the first address: a public server may redirect to an address inside the
        # network.
        _require_allowed(there, address, rules)
        try:
            response: Response = yield Get(there, rules, HEADERS, timeout=max(0.001, ends - clock()))
        except (FetchError, SettingsError):  # the certificates are no fault of the address
            raise
        except DeadlineExceededError as error:
            if ends == deadline:
                error.state = "NOT_SENT"  # nothing of the call has gone to the vendor
                raise  # the time of the call was up, and not that of the rules
            raise FetchError(f"{shown(address)} did not come within {rules.timeout:g} s", advice=DOWNLOAD) from error
        except CloudAIError as error:
            raise FetchError(f"{shown(address)} cannot be fetched: {error.message}") from error
        # The driver's client does not follow redirects by itself, or it would connect to addresses that were never
        # checked.
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
    """Return the address that a redirect leads to; raise FetchError where it leads to none, or from https to http."""
    location = response.headers.get("location")
    if not location:
        raise FetchError(f"{shown(began)} leads on to nowhere", advice=DOWNLOAD)
    try:
        there = urljoin(address, location)
        schemes = urlsplit(address).scheme, urlsplit(there).scheme
    except ValueError:
        raise FetchError(f"{shown(began)} leads to what is no address", advice=DOWNLOAD) from None
    if schemes == ("https", "http"):
        raise FetchError(f"{shown(began)} leads on to {shown(there)}, without TLS", advice=DOWNLOAD)
    return there


def _require_allowed(address: str, began: str, rules: FetchRules) -> None:
    """Raise FetchError unless the address is plain; the IP address of its host is checked when it is connected to."""
    problem = _problem(address, rules.ports)
    if problem:
        how = "" if address == began else f", to which {shown(began)} leads,"
        raise FetchError(f"{shown(address)}{how} is not fetched: {problem}", advice=DOWNLOAD)


def _problem(address: str, ports: Iterable[int]) -> str | None:
    parts = split(address)
    port = PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    reasons = {
        # A backslash or a control character is where two parsers of addresses differ, so the host that is checked here
        # would not be the host that the HTTP client connects to.
        "it holds a character that no address has": not address.isprintable() or "\\" in address or " " in address,
        "it is no address": not any(parts),
        "only https and http are": parts.scheme not in PORTS or not parts.hostname,
        "it holds a name or a password": "@" in parts.netloc,
        "its host holds a character that no host has": not HOST.fullmatch(parts.hostname or ""),
        f"port {port} is not allowed": port not in ports,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
