"""This module makes clients of the HTTP library (certificates, proxy), and checks those that users bring."""

from __future__ import annotations

import functools
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

__all__ = ["KEPT", "Verify", "built", "configuration", "require_client", "require_open", "require_unmoved", "tls"]

T = TypeVar("T")

Verify = ssl.SSLContext | str | os.PathLike[str] | bool

KEPT = 20
"""Idle connections that a client keeps at least, to all hosts in sum."""


@functools.cache
def tls(cafile: str | None = None) -> ssl.SSLContext:
    """Return a TLS context that trusts the CA file, or the usual certificates if there is none.

    It is made once in a process for each file, because that takes 18 ms.

    Raises:
        OSError: The file cannot be read, or is no CA file.
    """
    return httpx2.create_ssl_context() if cafile is None else ssl.create_default_context(cafile=cafile)


def configuration(verify: Verify, proxy: str | None) -> dict[str, Any]:
    """Return the options with which a client of the HTTP library is made: certificates, proxy, no redirects.

    Raises:
        SettingsError: ``verify`` is False: certificates are always checked.
    """
    if verify is False:
        raise SettingsError(
            "certificates are always checked",
            advice="Behind a company's proxy, give verify= the path of its CA file.",
        )
    context = verify if isinstance(verify, ssl.SSLContext) else tls(None if verify is True else os.fspath(verify))
    # Each request brings its own timeouts, and the key must not follow a redirect.
    return {"verify": context, "proxy": proxy, "timeout": None, "follow_redirects": False}


def built(kind: Callable[..., T], verify: Verify, proxy: str | None, max_concurrency: int) -> T:
    """Return a client of the HTTP library.

    Args:
        kind: The class of the client.
        verify: The certificates to trust; see `Client`.
        proxy: The address of a proxy; None takes that of the environment.
        max_concurrency: How many idle connections the client keeps, and never fewer than `KEPT`. It opens any number.

    Raises:
        SettingsError: The address of the proxy cannot be used, or ``verify`` is False.
    """
    options = configuration(verify, proxy)
    # The drivers limit how many calls are in flight. Under the library's own limits (100 connections, 20 kept) further
    # calls would wait where no driver knows of it, and most would connect anew; a connection that is lost to an
    # interrupt would be missing for ever.
    kept = max(KEPT, max_concurrency)
    options["limits"] = httpx2.Limits(max_connections=None, max_keepalive_connections=kept)
    try:
        return kind(**options)
    except (ValueError, httpx2.InvalidURL):
        pass  # its text repeats parts of the address, which may have a password
    raise SettingsError(
        "the address of the proxy is none",
        advice="Give http://HOST:PORT (proxy=, HTTPS_PROXY); in a password, write / @ : ? # as %2F %40 %3A %3F %23.",
    )


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
