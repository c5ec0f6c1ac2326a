"""This module makes clients of the HTTP library (certificates, proxy), and checks those that users bring."""

from __future__ import annotations

import inspect
import os
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2

from cloudai.errors import (
    RedirectBlockedError,
    SettingsError,
    closed,
)
from cloudai.transport.certificates import tls

__all__ = [
    "KEPT",
    "Verify",
    "built",
    "configuration",
    "require_client",
    "require_open",
    "require_options",
    "require_unmoved",
    "with_backend",
]

T = TypeVar("T")

C = TypeVar("C", httpx2.Client, httpx2.AsyncClient)

Verify = ssl.SSLContext | str | os.PathLike[str] | bool

KEPT = 20
"""Idle connections that a client keeps at least, to all hosts in sum."""


def require_options(verify: Verify, proxy: str | None, *, allow_unverified: bool = False) -> None:
    """Raise SettingsError where certificates or the names of hosts are not to be checked, or an option is none.

    An option is none where ``verify`` has another type than `Verify`, and where the proxy is no address.

    Whatever else may be wrong with the two is noticed when something is sent: the environment may have them too, and
    it concerns nobody who sends nothing.
    """
    unverified = (
        verify.verify_mode == ssl.CERT_NONE or not verify.check_hostname
        if isinstance(verify, ssl.SSLContext)
        else verify is False
    )
    if unverified and not allow_unverified:
        raise SettingsError(
            "certificates are always checked, and the names of hosts in them",
            advice="Behind a company's proxy, give verify= the path of its CA file, or accept the risk with "
            "allow_unverified=True.",
        )
    if not isinstance(verify, ssl.SSLContext | str | os.PathLike | bool):
        raise SettingsError(
            f"verify= is a {type(verify).__name__}", advice="Give a path, an SSLContext, or leave it out."
        )
    try:
        if proxy is not None:
            httpx2.Proxy(proxy)
    except (TypeError, ValueError, httpx2.InvalidURL):
        proxy = ""  # its text has the address, which may have a password
    if proxy == "":
        raise SettingsError(NO_PROXY, advice=HOW_PROXY)


NO_PROXY = "the address of the proxy is none"
HOW_PROXY = (
    "Give http://HOST:PORT (proxy=, HTTPS_PROXY, ALL_PROXY); in a password, write / @ : ? # as %2F %40 %3A %3F %23."
)


def configuration(verify: Verify, proxy: str | None) -> dict[str, Any]:
    """Return the options with which a client of the HTTP library is made: certificates, proxy, no redirects.

    Raises:
        SettingsError: The certificates cannot be read.
    """
    # Each request brings its own timeouts, and the key must not follow a redirect.
    return {"verify": _context(verify), "proxy": proxy, "timeout": None, "follow_redirects": False}


def _context(verify: Verify) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        return httpx2.create_ssl_context(verify=False)
    return tls(None if verify is True else os.fspath(verify))


def built(kind: Callable[..., T], verify: Verify, proxy: str | None, max_concurrency: int) -> T:
    """Return a client of the HTTP library.

    Args:
        kind: The class of the client.
        verify: The certificates to trust; see `Client`.
        proxy: The address of a proxy; None takes that of the environment.
        max_concurrency: How many idle connections the client keeps, and never fewer than `KEPT`. It opens any number.

    Raises:
        SettingsError: The proxy or the certificates, also those of the environment, cannot be used.
    """
    options = configuration(verify, proxy)
    # The drivers limit how many calls are in flight. Under the library's own limits (100 connections, 20 kept) further
    # calls would wait where no driver knows of it, and most would connect anew; a connection that is lost to an
    # interrupt would be missing for ever.
    kept = max(KEPT, max_concurrency)
    options["limits"] = httpx2.Limits(max_connections=None, max_keepalive_connections=kept)
    wrong, advice = NO_PROXY, HOW_PROXY
    try:
        return kind(**options)
    except ImportError:
        wrong, advice = "a SOCKS proxy needs a package that is not installed", "pip install 'httpx2[socks]'"
        advice += ", or take an http:// proxy, or unset ALL_PROXY and HTTPS_PROXY."
    except (ValueError, httpx2.InvalidURL):
        pass  # its text repeats parts of the address, which may have a password
    raise SettingsError(wrong, advice=advice)


def with_backend(client: C, backend: Any) -> C:
    """Have every pool of a client of the library connect through a network backend, those of proxies too.

    Returns:
        The client.
    """
    # The library's own transports take no network backend, and building them here would lose what it
    # knows of proxies in the environment. A test of the deadline fails should these names change.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = backend  # noqa: SLF001
    return client


def require_client(client: Any, *, asynchronous: bool) -> None:
    """Raise SettingsError for a client that is none of httpx or httpx2, or that blocks where it should await."""
    if client is None:
        return
    if not (hasattr(client, "build_request") and hasattr(client, "send")):
        raise SettingsError(
            f"http_client= is a {type(client).__name__}, and neither httpx's nor httpx2's client",
            advice="For any other library give send=, a callable from Request to Response.",
        )
    if inspect.iscoroutinefunction(client.send) != asynchronous:
        raise SettingsError(
            f"http_client= is a {type(client).__name__}, which {'blocks' if asynchronous else 'awaits'}",
            advice="AsyncClient takes an httpx.AsyncClient, Client an httpx.Client.",
        )


def require_unmoved(reply: Any) -> None:
    """Raise RedirectBlockedError where the user's own client has followed a redirect although it was told not to."""
    if reply.history:
        raise RedirectBlockedError(
            "http_client= followed a redirect: the key and the upload went there too",
            advice="Use a client that keeps to follow_redirects=False, and consider the key known.",
        )


def require_open(client: Any) -> None:
    """Raise SettingsError where the client is closed."""
    if getattr(client, "is_closed", False):
        raise closed()
