"""This module translates what the HTTP library raises into errors of cloudai."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from cloudai.core.urls import split
from cloudai.errors import (
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    RedirectBlockedError,
    TLSError,
    causes_of,
)
from cloudai.transport.body import too_large

__all__ = ["Sent", "cut_short", "errors"]


class Sent:
    """The trace of one request by the HTTP library, which tells whether anything of it has gone out.

    Args:
        traced: Whether the library is known to trace all it does. The transport of a user's own client need not, and a
            request without any trace may have gone out then.
    """

    def __init__(self, *, traced: bool = True) -> None:
        self._traced = traced
        self._begun = False

    @property
    def maybe(self) -> bool:
        """Whether anything of the request may have gone out."""
        return self._begun or not self._traced

    def note(self, event: str, info: Any) -> None:
        """Note one event of the library's trace."""
        # A proxy is first asked for a tunnel, with a request of its own, which has nothing of ours.
        self._traced = True
        if event.endswith(".send_request_headers.started"):
            self._begun = self._begun or getattr(info.get("request"), "method", None) != b"CONNECT"

    async def anote(self, event: str, info: Any) -> None:
        """Note one event of the trace of an async client, which awaits this."""
        self.note(event, info)


BROKEN = {"TransportError", "NetworkError", "ProtocolError", "OSError"}
"""The names of the classes of errors that say that a connection broke."""


class errors:  # noqa: N801  # it is used as a function is; `contextmanager` would take longer for each call
    """Translate what the HTTP library raises within the block into errors of cloudai.

    An error of cloudai passes as it is, and so does an exception that is not of the library.

    Args:
        url: The address of the request; only its host is named.
        sent: Whether the request may have begun to go out. Where it has not, a broken connection is a ConnectError.
    """

    def __init__(self, url: str, sent: Sent) -> None:
        self._url, self._sent = url, sent

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, Exception) and (ours := _translated(error, self._url, self._sent)) is not error:
            raise ours from error


def _translated(error: Exception, url: str, sent: Sent) -> Exception:
    """Return the error of cloudai for one of the HTTP library, or any other as it is; see `errors`."""
    if isinstance(error, CloudAIError):
        return error
    ours = _moved(error, sent) or _of_the_connection(error, split(url).hostname or "no host", sent)
    if isinstance(ours, DeadlineExceededError):
        ours.state = "UNKNOWN" if sent.maybe and "PoolTimeout" not in _kinds(error) else "NOT_SENT"
    return ours


@contextmanager
def cut_short(status: int) -> Iterator[None]:
    """Let a broken connection end the block without an error where the reply is a refusal (4xx).

    A server that refuses an upload it has not read to the end closes the connection, and may cut its own reply short.
    Its status still says that nothing was done.
    """
    try:
        yield
    except Exception as error:
        if not (400 <= status < 500 and _kinds(error) & {"NetworkError", "ProtocolError"}):  # noqa: PLR2004
            raise


def _moved(error: Exception, sent: Sent) -> RedirectBlockedError | None:
    """Return the error of a redirect to what is no address, or None for any other error.

    httpx and older httpx2 read the address of a redirect even where they are not to follow it.
    """
    if ("InvalidURL" in _kinds(error) and sent.maybe) or "location header" in str(error):
        return RedirectBlockedError(
            "the service redirects to what is no address", advice="Check the endpoint.", status=302
        )
    return None


def _kinds(error: BaseException) -> set[str]:
    """Return the names of an error's classes, which tell errors apart: httpx and httpx2 have classes of one name."""
    return {kind.__name__ for kind in type(error).__mro__}


def _of_the_connection(error: Exception, host: str, sent: Sent) -> Exception:
    """Return the error of cloudai for one of the HTTP library, or the error itself if it is of another kind."""
    if isinstance(error, ValueError) and "non-empty sequence" in str(error):
        error = ConnectError(f"no address for {host}")  # the resolver's answer was empty
    kinds = _kinds(error)
    if kinds & {"ConnectTimeout", "ConnectError", "ProxyError", "UnsupportedProtocol", "InvalidURL"}:
        return _unreached(error, host)
    if kinds & {"TimeoutException", "TimeoutError"}:
        return DeadlineExceededError(
            f"{host} did not answer in time", advice="Give more with timeout= (seconds), or try again later."
        )
    if "RemoteProtocolError" in kinds and "too long" in str(error):
        return too_large("its headers have no end")
    if kinds & BROKEN and not sent.maybe:
        return _unreached(error, host)  # a proxy has closed the connection before there was a tunnel
    if kinds & BROKEN:
        return ConnectionLostError(
            f"the connection to {host} broke ({_reason(error)})",
            advice="The call may have been carried out and billed.",
        )
    return error


DISAGREEMENTS = (
    # The server speaks plain HTTP.
    *("HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"),
    # The server has no version or cipher that is still thought safe.
    *("HANDSHAKE_FAILURE", "NO_CIPHERS_AVAILABLE", "NO_PROTOCOLS_AVAILABLE", "PROTOCOL_VERSION"),
    "UNSUPPORTED_PROTOCOL",
    *("DH_KEY_TOO_SMALL", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED", "WRONG_CIPHER_RETURNED", "WRONG_SSL_VERSION"),
)
"""OpenSSL's names for what keeps the two sides from ever agreeing on how to encrypt."""


def _unreached(error: Exception, host: str) -> ConnectError:
    """Return the error for a host that was not reached; it is a TLSError if trying again cannot help."""
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes_of(error)):
        return TLSError(
            f"{host} is not trusted ({_reason(error)})",
            advice="Behind a company's proxy, give verify= the path of its CA file.",
        )
    told = " ".join(f"{cause} {getattr(cause, 'reason', '')}" for cause in causes_of(error))
    if any(reason in told for reason in DISAGREEMENTS):
        return TLSError(
            f"{host} does not speak TLS as it must ({_reason(error)})",
            advice="Check the endpoint and its port; behind a company's proxy, give verify= the path of its CA file.",
        )
    unreached = ConnectError(
        f"cannot reach {host} ({_reason(error)})",
        advice="Check the network, and HTTPS_PROXY if there is a proxy.",
    )
    unreached.refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes_of(error))
    unreached.unknown_host = any(mark in str(cause) for mark in UNKNOWN_HOST for cause in causes_of(error))
    return unreached


UNKNOWN_HOST = (
    *("Name or service not known", "Temporary failure in name resolution", "No address associated"),  # Linux
    *("nodename nor servname", "getaddrinfo failed", "no address for", "label empty or too long"),  # macOS, Windows
)
"""The words of systems and libraries about a name that has no address. The error's class does not tell, because it gets
lost on the way from the thread that looks names up."""


def _reason(error: BaseException) -> str:
    """Return the text of an error, or of the first of its causes that has one."""
    return next((str(each) for each in causes_of(error) if str(each)), type(error).__name__)
