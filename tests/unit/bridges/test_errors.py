"""The errors of the vendors' libraries become ours: the class, and whether anything may have been sent."""

from __future__ import annotations

import http.client
import ssl
import traceback
from typing import Any

import aiohttp
import azure.core.exceptions as azure_core
import google.auth.exceptions as google_auth
import msrest.exceptions as msrest
import pytest
import requests
import urllib3.exceptions as urllib3

from cloudai import CloudAIError, ConnectError, ConnectionLostError, Request, Response
from cloudai.bridges._errors import errors
from cloudai.bridges._requests import read
from cloudai.bridges.google import _of_grpc_itself
from cloudai.core.retry import classify

URL = "https://service.example/v1"
NO_CONNECTION = urllib3.NewConnectionError(None, "Connection refused")  # type: ignore[arg-type]
NOT_TRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed: 자체 서명")
PLACE: Any = type("Place", (), {"host": "service.example", "port": 443, "ssl": True, "is_ssl": True})()


def retried(reason: Exception) -> requests.ConnectionError:
    """Return the error that requests raises for one at which urllib3 gave up."""
    return requests.ConnectionError(urllib3.MaxRetryError(None, URL, reason))  # type: ignore[arg-type]


def aborted(reason: Exception) -> requests.ConnectionError:
    """Return the error that requests raises for one on a connection that was made."""
    return requests.ConnectionError(urllib3.ProtocolError("Connection aborted.", reason))


def within(outer: Any, inner: Exception) -> Exception:
    """Return an error of azure-core or msrest, which keeps the one that it caught."""
    if outer is msrest.ClientRequestError:
        return outer("Error occurred in request.", inner)  # type: ignore[no-any-return]
    return outer(inner, error=inner)  # type: ignore[no-any-return]


CASES: list[tuple[Exception, str, str]] = [
    (retried(NO_CONNECTION), "ConnectError", "NOT_SENT"),
    (requests.ConnectTimeout(retried(urllib3.ConnectTimeoutError()).args[0]), "ConnectError", "NOT_SENT"),
    (requests.exceptions.ProxyError("Tunnel connection failed: 407"), "ConnectError", "NOT_SENT"),
    (requests.exceptions.InvalidURL("no host"), "ConnectError", "NOT_SENT"),
    (requests.exceptions.SSLError(retried(urllib3.SSLError(NOT_TRUSTED)).args[0]), "TLSError", "NOT_SENT"),
    (requests.exceptions.SSLError(ssl.SSLEOFError(8, "EOF occurred")), "ConnectionLostError", "UNKNOWN"),
    (aborted(http.client.RemoteDisconnected("x")), "ConnectionLostError", "UNKNOWN"),
    (aborted(TimeoutError("write")), "DeadlineExceededError", "UNKNOWN"),
    (requests.ReadTimeout("x"), "DeadlineExceededError", "UNKNOWN"),
    (aiohttp.ClientConnectorError(PLACE, OSError(111, "Connection refused")), "ConnectError", "NOT_SENT"),
    (within(azure_core.ServiceRequestError, aiohttp.ServerDisconnectedError()), "ConnectionLostError", "UNKNOWN"),
    (within(azure_core.ServiceRequestError, aiohttp.ClientOSError(104, "reset")), "ConnectionLostError", "UNKNOWN"),
    (within(azure_core.ServiceRequestError, retried(NO_CONNECTION)), "ConnectError", "NOT_SENT"),
    (within(azure_core.ServiceRequestTimeoutError, aiohttp.ConnectionTimeoutError()), "ConnectError", "NOT_SENT"),
    (within(azure_core.ServiceResponseTimeoutError, aiohttp.SocketTimeoutError()), "DeadlineExceededError", "UNKNOWN"),
    (azure_core.IncompleteReadError("short"), "ConnectionLostError", "UNKNOWN"),
    (azure_core.ServiceRequestError("no token over plain http"), "SettingsError", "NOT_SENT"),
    (azure_core.ClientAuthenticationError("no"), "AuthError", "REFUSED"),
    (within(msrest.ClientRequestError, retried(NO_CONNECTION)), "ConnectError", "NOT_SENT"),
    (within(msrest.ClientRequestError, requests.ReadTimeout("x")), "DeadlineExceededError", "UNKNOWN"),
    (msrest.TokenExpiredError("old"), "AuthError", "REFUSED"),
    (google_auth.TransportError("no way to the token server"), "ConnectError", "NOT_SENT"),
    (google_auth.RefreshError("invalid_grant"), "AuthError", "REFUSED"),
    (google_auth.DefaultCredentialsError("none"), "AuthError", "REFUSED"),
    (requests.exceptions.ContentDecodingError(urllib3.DecodeError("gzip")), "MalformedResponseError", "UNKNOWN"),
]  # fmt: skip


def translated(error: Exception, *, sent: bool | None = None) -> CloudAIError:
    """Return our error for one of a library."""
    with pytest.raises(CloudAIError) as raised, errors(URL, sent=sent):
        raise error
    # The text of this error may have a password in it, and a traceback shows the texts of causes.
    assert raised.value.__cause__ is (None if isinstance(error, requests.exceptions.InvalidURL) else error)
    return raised.value


@pytest.mark.parametrize(
    ("error", "kind", "state"), CASES, ids=lambda x: type(x).__name__ if isinstance(x, Exception) else x
)
def test_each_is_ours(error: Exception, kind: str, state: str) -> None:
    """By what is within: azure-core calls a connection that broke a request that was not sent."""
    found = translated(error)
    assert (type(found).__name__, classify(found).state) == (kind, state)
    assert "\n" not in str(found)


@pytest.mark.parametrize("error", [retried(NO_CONNECTION), NOT_TRUSTED, azure_core.ServiceRequestError("x")])
def test_once_a_reply_has_begun_everything_was_sent(error: Exception) -> None:
    """Any error after the reply has begun leaves open what became of the call, even one that looks unsent."""
    assert classify(translated(error, sent=True)).state == "UNKNOWN"


@pytest.mark.parametrize("error", [requests.ConnectionError("reset"), requests.ReadTimeout("x")])
def test_while_a_login_goes_on_nothing_was_sent(error: Exception) -> None:
    """Any error during a login says that nothing of the call was sent, even one that looks sent."""
    assert classify(translated(error, sent=False)).state == "NOT_SENT"


GRPC = [
    ("UNAVAILABLE", "failed to connect to all addresses; last error: Connection refused", "ConnectError"),
    ("UNAVAILABLE", "errors resolving service.example:443: Domain name not found", "ConnectError"),
    ("UNAVAILABLE", "failed to connect to all addresses; last error: CERTIFICATE_VERIFY_FAILED", "TLSError"),
    ("UNAVAILABLE", "Stream removed (Socket closed)", "ConnectionLostError"),
    ("UNAVAILABLE", "recvmsg:Connection reset by peer", "ConnectionLostError"),
    ("INTERNAL", "Received RST_STREAM with error code 2", "ConnectionLostError"),
    ("UNAVAILABLE", "Getting metadata from plugin failed with error: invalid_grant", "AuthError"),
    ("CANCELLED", "Channel closed!", "ConnectionLostError"),
    ("DEADLINE_EXCEEDED", "Deadline Exceeded", "DeadlineExceededError"),
    ("UNAVAILABLE", "서비스가 바쁩니다", None),
    ("INTERNAL", "Internal error encountered.", None),
    ("INVALID_ARGUMENT", "failed to connect to all addresses", None),
]


@pytest.mark.parametrize(("status", "message", "kind"), GRPC)
def test_what_grpc_says_itself_is_told_from_what_a_server_says(status: str, message: str, kind: str | None) -> None:
    """By its words; what is not known to be gRPC's own is the server's."""
    found = _of_grpc_itself(message, status, Request("POST", URL, timeout=1.0), 1.0)
    assert (type(found).__name__ if found else None) == kind


def test_a_servers_own_deadline_is_not_ours() -> None:
    """It answers before the call's time is used up."""
    assert _of_grpc_itself("Deadline Exceeded", "DEADLINE_EXCEEDED", Request("POST", URL, timeout=9.0), 1.0) is None


def test_what_is_nobodys_error_leaves_as_it_is() -> None:
    """A mistake in a user's own policy is not hidden."""
    with pytest.raises(ZeroDivisionError) as raised, errors(URL):
        raise ZeroDivisionError
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.InvalidURL(urllib3.LocationParseError("'user:secret-4711' is not a valid host or port")),
        within(azure_core.ServiceRequestError, urllib3.LocationParseError("'user:secret-4711' is no host")),
        within(azure_core.ServiceRequestError, aiohttp.InvalidURL("http://user:secret-4711/x@proxy.example")),
    ],
)
def test_a_proxys_password_is_not_repeated(error: Exception) -> None:
    """An address of a proxy with a "/" in its password cannot be read, and the libraries say which part of it."""
    if isinstance(error, azure_core.ServiceRequestError):
        error.__cause__ = error.inner_exception
    with (
        pytest.raises(ConnectError, match=r"cannot reach service\.example \(the address, or that of a proxy") as raised,
        errors(URL),
    ):
        raise error
    assert "4711" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("reason", [urllib3.SSLError(ssl.SSLEOFError(8, "EOF occurred")), ConnectionResetError()])
def test_a_key_in_the_query_is_not_repeated(reason: Exception) -> None:
    """urllib3 shows the address with its query around what has happened, and some services take their key there."""
    around = urllib3.MaxRetryError(None, "/v1?key=secret-4711", reason)  # type: ignore[arg-type]
    found = translated(requests.exceptions.SSLError(around))
    assert type(found) is ConnectionLostError
    assert "4711" not in str(found)


def test_a_reply_of_an_older_urllib3() -> None:
    """It has no read1: the pieces are then as long as they are asked for."""

    class Raw:
        def __init__(self) -> None:
            self.left = [b'{"a":', b"1}", b""]

        def read(self, *_: Any, **__: Any) -> bytes:
            return self.left.pop(0)

    class Reply:
        raw, headers, status_code = Raw(), {"Content-Type": "application/json"}, 200

        def close(self) -> None:
            self.closed = True

    assert read(Reply(), URL, None, 100) == Response(200, {"content-type": "application/json"}, b'{"a":1}')
