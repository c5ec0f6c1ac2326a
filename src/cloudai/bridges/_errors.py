"""The errors of requests, urllib3, aiohttp, azure-core, msrest and google-auth, translated to ours.

Their classes are compared by name, because the packages may not be installed. A request counts as sent unless it is
known that it was not. The vendors' own wrappers are not trusted in this (azure-core says "no request was sent" of a
connection that broke): the exception inside the wrapper decides.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from cloudai.errors import (
    AuthError,
    CloudAIError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    MalformedResponseError,
    SettingsError,
    TLSError,
)
from cloudai.text import lines_of

__all__ = ["cut", "errors", "late", "refused_login", "unreached", "untrusted"]

# The list is of what is known to come before anything is sent. Any other class counts as sent, because to repeat what
# was carried out would bill it twice.
NOT_REACHED = {
    *("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ConnectTimeout", "ProxyError"),
    *("ConnectError", "PoolTimeout", "UnsupportedProtocol"),  # of httpx
    *("InvalidURL", "MissingSchema", "InvalidSchema", "LocationParseError"),
    *("ClientConnectorError", "ClientProxyConnectionError", "ClientHttpProxyError", "ConnectionTimeoutError"),
}
UNTRUSTED = {
    "ClientConnectorSSLError",
    "ClientConnectorCertificateError",
    "CertificateError",
    "SSLCertVerificationError",
}
NO_HANDSHAKE = ("WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "HANDSHAKE_FAILURE")
"""The reasons of an SSLError that come before anything is sent; others may come in the middle of a reply."""
NO_TIME = {
    "TimeoutException",
    "TimeoutError",
    "ReadTimeout",
    "ReadTimeoutError",
    "ServerTimeoutError",
    "SocketTimeoutError",
}
NOT_UNPACKED = {"DecodeError", "ContentDecodingError"}
CUT_SHORT = {"IncompleteReadError", "IncompleteRead"}
"""The errors of a reply that ends early; in azure-core they are subclasses of DecodeError."""
BROKEN = {
    "APIConnectionError",
    "RequestException",
    "HTTPError",
    "ClientError",
    "AzureError",
    "ClientException",
    "HTTPException",
    "OSError",
}
NO_LOGIN = {"GoogleAuthError", "ClientAuthenticationError", "AuthenticationError", "TokenExpiredError", "OAuth2Error"}


@contextmanager
def errors(url: str, *, sent: bool | None = None) -> Iterator[None]:
    """Turn what an official client raises into our errors; an exception that is of no vendor's package passes as it is.

    Args:
        url: The address of the request.
        sent: True once the reply has begun, False while nothing has been sent (a token is fetched), None in between.
    """
    try:
        yield
    # An error of cloudai's own, such as that for a reply that is too large, needs no translation.
    except CloudAIError:
        raise
    except Exception as error:
        translated = _translated(error, url, sent)
        if translated is error:
            raise
        if isinstance(translated, ConnectError) and _repeats_address(list(_chain(error))):
            raise translated from None  # a traceback shows the texts of causes
        raise translated from error


def _translated(error: Exception, url: str, sent: bool | None) -> Exception:
    """Return our error for one that a vendor's package has raised, or the error itself if no package has."""
    # The innermost error says what happened; wrappers around it have names that are more general, or wrong.
    chain = list(_chain(error))
    # Parents count, too: a new subclass of a known error is known by its parent.
    kinds = {kind.__name__ for each in chain for kind in type(each).__mro__}
    # This goes first, because a token is fetched by a request of its own, whose errors look like those of the call.
    if kinds & NO_LOGIN:
        # A token server that was not reached may be reached later; any other failure is a refusal.
        passing = getattr(error, "retryable", False) or {"GoogleAuthError", "TransportError"} <= kinds
        return unreached(url, f"no token: {_said(error)}") if passing else refused_login(_said(error))
    return (None if sent else _before(chain, kinds, url)) or _after(_said(chain[-1]), kinds, url, sent) or error


def _before(chain: list[BaseException], kinds: set[str], url: str) -> CloudAIError | None:
    """Return the error of a request that is known not to have been sent, or None for any other."""
    if kinds & UNTRUSTED or any(_no_handshake(each) for each in chain):
        return untrusted(url, _said(chain[-1]))
    if kinds & NOT_REACHED:
        error = unreached(url, UNREADABLE if _repeats_address(chain) else _said(chain[-1]))
        # The engine then advises to check the spelling of the host.
        error.unknown_host = bool(kinds & {"gaierror", "NameResolutionError"})
        return error
    if "ServiceRequestError" in kinds and len(chain) == 1:
        return SettingsError(_said(chain[0]))  # azure-core itself raises this: it sends no token over plain http
    return None


def _after(reason: str, kinds: set[str], url: str, sent: bool | None) -> CloudAIError | None:
    """Return the error for any other failure in a vendor's package, or None for an exception of another kind.

    Args:
        reason: What the innermost error says. Those around it may show the address with its query, and a key in that.
        kinds: The names of the classes of all errors.
        url: The address of the request.
        sent: See `errors`.
    """
    if kinds & NO_TIME:
        return late(url, sent=sent is not False)
    # A reply that is packed wrongly came as a whole, and will not be better next time; one that was cut short may be.
    if kinds & NOT_UNPACKED and not kinds & CUT_SHORT:
        return MalformedResponseError(f"the reply cannot be unpacked ({reason})")
    if kinds & BROKEN:
        return unreached(url, reason) if sent is False else cut(url, reason)
    return None


UNREADABLE = "the address, or that of a proxy, cannot be read"


def _repeats_address(chain: list[BaseException]) -> bool:
    """Return whether one of the errors may show an address that cannot be read, or the part of it that is wrong.

    It may be the address of a proxy, and the part a piece of its password.
    """
    # Beneath the error of aiohttp there is Python's own: "invalid literal for int() with base 10: 'PASSWORD'".
    return any(type(each).__name__ in ("InvalidURL", "LocationParseError") for each in chain)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those inside it, the innermost last; each library keeps them in another attribute."""
    seen: list[BaseException] = []
    left: list[object] = [error]
    while left:
        each = left.pop(0)
        # Errors may refer to each other in a circle.
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            left += [getattr(each, "inner_exception", None), getattr(each, "reason", None), *each.args]
            left += [each.__cause__ or each.__context__]
    yield from seen


def _no_handshake(error: BaseException) -> bool:
    return isinstance(error, ssl.SSLError) and any(mark in str(error) for mark in NO_HANDSHAKE)


def _said(error: BaseException) -> str:
    """Return the first line of an error, and no more: some repeat the whole request."""
    return lines_of(str(error).strip())[0] or type(error).__name__


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def unreached(url: str, reason: str) -> ConnectError:
    """Return the error for a server that could not be reached: nothing was sent."""
    return ConnectError(
        f"cannot reach {_host(url)} ({reason})", advice="Check the network, and the proxy of the vendor's client."
    )


def untrusted(url: str, reason: str) -> TLSError:
    """Return the error for a server that is not trusted: nothing was sent, and a retry does not help."""
    return TLSError(
        f"{_host(url)} is not trusted ({reason})",
        advice="Behind a company's proxy, give the vendor's client the path of its CA file.",
    )


def cut(url: str, reason: str) -> ConnectionLostError:
    """Return the error for a connection that broke: the request may have been carried out."""
    return ConnectionLostError(
        f"the connection to {_host(url)} broke ({reason})", advice="The call may have been carried out and billed."
    )


def late(url: str, *, sent: bool = True) -> DeadlineExceededError:
    """Return the error for a deadline that has passed, before or after the request was sent."""
    error = DeadlineExceededError(
        f"{_host(url)} did not answer in time", advice="Give more with timeout= (seconds), or try again later."
    )
    error.state = "UNKNOWN" if sent else "NOT_SENT"
    return error


def refused_login(reason: str) -> AuthError:
    """Return the error for an official client whose credentials gave no token: nothing was sent."""
    return AuthError(
        f"the credentials of the vendor's client gave no token ({reason})", advice="Check the login of that client."
    )
