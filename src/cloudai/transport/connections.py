"""How a client of the HTTP library is made (certificates, proxy), and which clients of a user's are taken."""

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
"""Idle connections at least, of all hosts."""

# -- configuration -----------------------------------------------------------------------------------------


@functools.cache
def tls(cafile: str | None = None) -> ssl.SSLContext:
    """Return the process's one TLS context: making one costs 18 ms."""
    return httpx2.create_ssl_context() if cafile is None else ssl.create_default_context(cafile=cafile)


def configuration(verify: Verify, proxy: str | None) -> dict[str, Any]:
    """Return the options of a client of the library; SettingsError where certificates are not to be checked."""
    if verify is False:
        raise SettingsError(
            "certificates are always checked",
            advice="Behind a company's proxy, give verify= the path of its CA file.",
        )
    context = verify if isinstance(verify, ssl.SSLContext) else tls(None if verify is True else os.fspath(verify))
    return {"verify": context, "proxy": proxy, "timeout": None, "follow_redirects": False}


def built(kind: Callable[..., T], verify: Verify, proxy: str | None, max_concurrency: int) -> T:
    """Return a client of the library; SettingsError where the address of the proxy is none."""
    options = configuration(verify, proxy)
    # The drivers say how many calls are in flight. By the library's own limits (100 connections, 20 kept) those beyond
    # would wait out of sight, and most would connect anew; one that an interrupt loses would be missing for ever.
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
    """SettingsError for a client that is none of httpx or httpx2, or of the other colour."""
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
    """RedirectBlockedError where a client of the user's has followed a redirect although it was told not to."""
    if reply.history:
        raise RedirectBlockedError(
            "http_client= followed a redirect: the key and the upload went there too",
            advice="Use a client that keeps to follow_redirects=False, and consider the key known.",
        )


def require_open(client: Any) -> None:
    """Raise SettingsError where the client was closed."""
    if getattr(client, "is_closed", False):
        raise closed()
