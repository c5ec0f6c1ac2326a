"""This module translates what the HTTP library raises into errors of cloudai."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cloudai.core.urls import split
from cloudai.errors import (
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    RedirectBlockedError,
    TLSError,
)
from cloudai.transport.body import too_large

__all__ = ["Sent", "errors"]


class Sent:
    """The trace of one request by the HTTP library, which tells whether anything of it has gone out."""

    yes = False
    """True once the library has begun to send the request."""

    def note(self, event: str, _: Any) -> None:
        """Note one event of the library's trace."""
        self.yes = self.yes or ".send_request" in event

    async def anote(self, event: str, _: Any) -> None:
        """Note one event of the trace of an async client, which awaits this."""
        self.note(event, _)


@contextmanager
def errors(url: str, sent: Sent) -> Iterator[None]:
    """Translate what the HTTP library raises within the block into errors of cloudai.

    An error of cloudai passes as it is, and so does an exception that is not of the library.

    Args:
        url: The address of the request; only its host is named.
        sent: Whether the request had begun to go out, which decides the state of a DeadlineExceededError.
    """
    try:
        yield
    except CloudAIError:
        raise
    except Exception as error:
        translated = _moved(error, sent) or _translated(error, split(url).hostname or "no host")
        if isinstance(translated, DeadlineExceededError):
            translated.state = "UNKNOWN" if sent.yes else "NOT_SENT"
        raise translated from error


def _moved(error: Exception, sent: Sent) -> RedirectBlockedError | None:
    """Return the error of a redirect to what is no address, or None for any other error.

    httpx and older httpx2 read the address of a redirect even where they are not to follow it.
    """
    if ("InvalidURL" in {kind.__name__ for kind in type(error).__mro__} and sent.yes) or "location header" in str(
        error
    ):
        return RedirectBlockedError(
            "the service redirects to what is no address", advice="Check the endpoint.", status=302
        )
    return None


def _translated(error: Exception, host: str) -> Exception:
    """Return the error of cloudai for one of the HTTP library, or the error itself if it is of another kind."""
    # The classes are told apart by name, because httpx and httpx2 have different classes of the same names.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"ConnectTimeout", "ConnectError", "ProxyError", "UnsupportedProtocol", "InvalidURL"}:
        return _unreached(error, host)
    if kinds & {"TimeoutException", "TimeoutError"}:
        return DeadlineExceededError(
            f"{host} did not answer in time", advice="Give more with timeout= (seconds), or try again later."
        )
    if "RemoteProtocolError" in kinds and "too long" in str(error):
        return too_large("its headers have no end")
    if kinds & {"TransportError", "NetworkError", "OSError"}:
        return ConnectionLostError(
            f"the connection to {host} broke ({_reason(error)})",
            advice="The call may have been carried out and billed.",
        )
    return error


def _unreached(error: Exception, host: str) -> ConnectError:
    """Return the error for a host that was not reached; it is a TLSError if the certificate was refused."""
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes) or "SSL" in str(error):
        return TLSError(
            f"{host} is not trusted ({_reason(error)})",
            advice="Behind a company's proxy, give verify= the path of its CA file.",
        )
    unreached = ConnectError(
        f"cannot reach {host} ({_reason(error)})",
        advice="Check the network, and HTTPS_PROXY if there is a proxy.",
    )
    unreached.unknown_host = any(mark in str(cause) for mark in UNKNOWN_HOST for cause in _causes(error))
    return unreached


UNKNOWN_HOST = (
    *("Name or service not known", "Temporary failure in name resolution", "No address associated"),  # Linux
    *("nodename nor servname", "getaddrinfo failed", "no address for", "label empty or too long"),  # macOS, Windows
)
"""What systems and libraries say of a name that has no address. The error's class does not tell, because it gets lost
on the way from the thread that looks names up."""


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
