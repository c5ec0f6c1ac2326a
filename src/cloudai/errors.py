"""Every exception that leaves cloudai.

    CloudAIError
    ├── InputError (ValueError)                   what was given cannot be sent; nothing was sent
    │   ├── FetchError                            … it is an address that may not, or cannot, be fetched
    │   └── NeedsImageError                       a box of a picture passed on by URL has no pixels here
    ├── SettingsError                             no key, no project, two providers of one name …
    ├── MissingExtraError (ImportError)           an optional package is not installed
    ├── UnsupportedOperationError (NotImplementedError)
    ├── ConnectError (ConnectionError)            never reached the service
    │   └── TLSError                              its certificate is not trusted
    ├── ConnectionLostError (ConnectionError)     reached, then cut: the call may have been carried out
    ├── DeadlineExceededError (TimeoutError)      the call's total time is used up
    ├── ServiceError                              the service answered that it will not
    │   ├── AuthError                             the key or token is not accepted
    │   ├── ForbiddenError                        accepted, but not for this
    │   ├── BadRequestError                       the service cannot use what was sent
    │   │   ├── TooLargeError                     … because of its size
    │   │   └── UnsupportedMediaError             … because of its format
    │   ├── RateLimitedError                      too many calls, or a quota is spent
    │   ├── RedirectBlockedError                  it sent us elsewhere: nothing follows there
    │   └── ServerError                           the service failed
    │       ├── TooEarlyError                     … it asks to come again
    │       └── UnavailableError                  … it is down, or says when to come again
    ├── MalformedResponseError                    a reply that is not what the vendor documents
    │   └── ResponseTooLargeError                 … larger than any reply may be
    ├── JournalError (OSError)                    the file that keeps a batch cannot be written or read
    ├── PausedError                               a batch ended early: an outage, or a spent quota
    ├── NotStartedError                           the error of an input that a batch did not come to
    ├── ContractError (AssertionError)            a provider that is checked does not keep the contract
    └── ReplayError (LookupError)                 a cassette does not hold this call, or holds more

``str(error)`` is one line that says what to do next and never holds a key. ``http_status`` is what a web service
built on cloudai should answer its own client with.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from cloudai.text import inert

__all__ = [
    "AuthError",
    "BadRequestError",
    "CloudAIError",
    "ConnectError",
    "ConnectionLostError",
    "ContractError",
    "DeadlineExceededError",
    "FetchError",
    "ForbiddenError",
    "InputError",
    "JournalError",
    "MalformedResponseError",
    "MissingExtraError",
    "NeedsImageError",
    "NotStartedError",
    "PausedError",
    "RateLimitedError",
    "RedirectBlockedError",
    "ReplayError",
    "ResponseTooLargeError",
    "ServerError",
    "ServiceError",
    "SettingsError",
    "TLSError",
    "TooEarlyError",
    "TooLargeError",
    "UnavailableError",
    "UnsupportedMediaError",
    "UnsupportedOperationError",
]


E = TypeVar("E", bound="CloudAIError")


class CloudAIError(Exception):
    """The base of every error this library raises.

    Args:
        message: What happened, one line, without the provider's name.
        advice: What to do next.

    The engine fills in the rest when the error leaves a call: ``provider``, ``operation``, ``input``
    (its name, never its content), ``request_id``, ``attempts`` and how many units the vendor may have
    billed, ``billed_min`` to ``billed_max``.
    """

    _names_provider = True

    provider: str | None = None
    operation: str | None = None
    input: str | None = None
    request_id: str | None = None
    attempts: int = 0
    billed_min: int = 0
    billed_max: int = 0
    state: str | None = None
    """Of the last attempt: "NOT_SENT", "REFUSED", "UNKNOWN" (it may have been carried out) or "DONE"; see
    `cloudai.core.retry`."""
    raw: Any = None
    """What had been answered with a good status before this error, and may be paid for: like ``result.raw``, JSON,
    or bytes where it is none. In no text of the error."""
    http_status: ClassVar[int] = 500

    def __init__(self, message: str = "", *, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        who = f"{self.provider}: " if self.provider and self._names_provider else ""
        text = f"{who}{self.message}"
        if self.advice:
            text = f"{text}{'' if text.endswith(('.', '?', '!')) else '.'} {self.advice}"
        return inert(text)  # it may hold a vendor's words, or the name of a file

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses differ in their arguments; their state does not.
        return rebuilt, (type(self), self.args, self.__dict__.copy())


def rebuilt(cls: type[CloudAIError], args: tuple[Any, ...], state: dict[str, Any]) -> CloudAIError:
    """An error made anew from what it held: after pickling, or from a journal."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def detached(error: E) -> E:
    """The error without the frames it came through and those of what caused it: they hold keys, uploads and replies.

    Raise it outside ``except``. A cause that holds what was read (all errors of parsing are ValueErrors) is left out.
    """
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        cause = each.__cause__ or each.__context__
        if isinstance(cause, ValueError) and not isinstance(cause, CloudAIError):
            each.__cause__ = each.__context__ = cause = None
        each = cause
    return error


class InputError(CloudAIError, ValueError):
    """What was given cannot be sent: not an image, empty, too small, too long. Nothing was sent."""

    _names_provider = False  # the fault is the input's, whoever was to have it
    http_status = 422


class FetchError(InputError):
    """What was given is an address, and ``fetch_urls=`` does not allow it, or nothing usable is there.

    It leads to no public address, redirects too often, is too large or too slow, or answers with an error.
    """


class NeedsImageError(InputError):
    """Asked for pixels of a picture that was only passed on by URL."""


class SettingsError(CloudAIError):
    """A key, endpoint or project is missing or contradictory. Nothing was sent."""


class MissingExtraError(CloudAIError, ImportError):
    """An optional package is needed; the text gives the install line."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package", advice=f'pip install ".[{extra}]"')


class UnsupportedOperationError(CloudAIError, NotImplementedError):
    """The provider does not offer this; the text says since when, and who does. Nothing was sent."""

    http_status = 501


class ConnectError(CloudAIError, ConnectionError):
    """The service was never reached: refused, no such host, TLS failed.

    Nothing was sent. ``retryable`` is False where trying again cannot help.
    """

    retryable: bool = True
    http_status = 502


class TLSError(ConnectError):
    """The service's certificate is not trusted, is for another host, or has expired."""

    retryable = False


class ConnectionLostError(CloudAIError, ConnectionError):
    """The connection broke after something was sent: the call may have been carried out."""

    http_status = 502


class DeadlineExceededError(CloudAIError, TimeoutError):
    """The call's total time, waiting and retries included, is used up."""

    http_status = 504


class ServiceError(CloudAIError):
    """The service answered with an error.

    ``status`` is the HTTP status (200 where the error hid in a good reply), ``code`` the vendor's own
    name for it, ``retry_after`` the wait in seconds it asked for.
    """

    def __init__(
        self,
        message: str = "",
        *,
        advice: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class AuthError(ServiceError):
    """The key or token is missing, wrong or expired."""

    renewed: bool = False
    """It was a token, and the next attempt has a new one."""


class ForbiddenError(ServiceError):
    """The key is good but may not do this: the API is off, or approval is missing."""


class BadRequestError(ServiceError):
    """The service cannot use what was sent."""

    http_status = 422


class TooLargeError(BadRequestError):
    """What was sent is too large for the service (413)."""

    http_status = 413


class UnsupportedMediaError(BadRequestError):
    """The service does not read this format (415)."""

    http_status = 415


class RateLimitedError(ServiceError):
    """Too many calls; ``quota`` is "day" or "month" where the reply names a spent one, else None."""

    quota: str | None = None
    http_status = 503


class RedirectBlockedError(ServiceError):
    """The service answered with another address (3xx); neither key nor upload follows there."""

    http_status = 502


class ServerError(ServiceError):
    """The service failed (5xx, 408, 409)."""

    http_status = 502


class TooEarlyError(ServerError):
    """The service asks to come again (425)."""

    http_status = 503


class UnavailableError(ServerError):
    """The service is down (503); ``retry_after`` where it says when to come again."""

    http_status = 503


class MalformedResponseError(CloudAIError):
    """A reply that is not what the vendor documents: not JSON, or a number is missing or not finite."""

    http_status = 502


class ResponseTooLargeError(MalformedResponseError):
    """A reply beyond the limits of size, compression, depth or headers: cut off, and not read."""


class JournalError(CloudAIError, OSError):
    """The journal cannot be written or read: the disk is full, another process has it, or it is no journal.

    Nothing is sent that could not be written down before.
    """


class PausedError(CloudAIError):
    """A batch ended before its inputs did, through no fault of theirs.

    Its cause (``__cause__``) tells why; what is finished is in the journal and is not paid for again.
    """

    http_status = 503


class NotStartedError(CloudAIError):
    """A batch ended before it came to this input, or left it alone because it is in doubt. Nothing was sent for it."""


HOPELESS = (SettingsError, MissingExtraError, AuthError)
"""Nothing that is wrong with one input: over many, the next call would fail in the same way, and may cost."""


def closed() -> SettingsError:
    """The error of a client that is used after its end."""
    return SettingsError("the client is closed", advice="Make another one; a batch goes on from its journal.")


class ReplayError(CloudAIError, LookupError):
    """A cassette does not hold this call, or its calls were not all made."""


class ContractError(CloudAIError, AssertionError):
    """A provider does not keep the contract: see `cloudai.testing.check_provider`.

    ``problems`` has each with ``check``, ``what`` and ``advice``; a traceback lists them.
    """

    problems: tuple[Any, ...] = ()
