"""Every exception that leaves cloudai is one of this tree.

    CloudAIError
    ├── InputError (ValueError)                   the input cannot be sent; nothing was sent
    │   ├── FetchError                            … it is an address that may not, or cannot, be fetched
    │   └── NeedsImageError                       a box of a picture passed on by URL has no pixels here
    ├── SettingsError                             no key, no project, two providers of one name …
    ├── MissingExtraError (ImportError)           an optional package is not installed
    ├── UnsupportedOperationError (NotImplementedError)
    ├── ConnectError (ConnectionError)            the service was never reached
    │   └── TLSError                              its certificate is not trusted
    ├── ConnectionLostError (ConnectionError)     the connection broke: the call may have been carried out
    ├── DeadlineExceededError (TimeoutError)      the call's total time is used up
    ├── ServiceError                              the service answered that it will not
    │   ├── AuthError                             the key or token is not accepted
    │   ├── ForbiddenError                        the key is accepted, but not for this
    │   ├── BadRequestError                       the service cannot use what was sent
    │   │   ├── TooLargeError                     … because of its size
    │   │   └── UnsupportedMediaError             … because of its format
    │   ├── NoAnswerError                         a chat model gave no answer that can be used
    │   │   ├── BlockedError (BadRequestError)    … because a filter of the service blocked the input or the answer
    │   │   ├── RefusedError                      … because it refused
    │   │   ├── TruncatedError                    … because the answer reached the most tokens
    │   │   ├── TimeLimitError                    … because the service's own time for an answer was up
    │   │   ├── EmptyAnswerError                  … because the answer was empty
    │   │   └── ToolCallError                     … because it asked for a tool, and was given none
    │   ├── RateLimitedError                      too many calls, or a quota is spent
    │   ├── RedirectBlockedError                  the service redirects; nothing is sent there
    │   └── ServerError                           the service failed
    │       ├── TooEarlyError                     … it asks to come again later
    │       └── UnavailableError                  … it is down, or says when to come again
    ├── MalformedResponseError                    the reply is not what the vendor documents
    │   └── ResponseTooLargeError                 … it is larger than any reply may be
    ├── JournalError (OSError)                    the file that keeps a batch cannot be written or read
    ├── OutputError (OSError)                     a page, a picture or a table cannot be written
    ├── PausedError                               a batch ended early: an outage, or a spent quota
    ├── NotStartedError                           the error of an input that a batch did not come to
    ├── ContractError (AssertionError)            a provider that is checked does not keep the contract
    └── ReplayError (LookupError)                 a cassette does not hold this call, or holds more

``str(error)`` is one line that says what to do next and never holds a key. ``http_status`` is what a web service
built on cloudai should answer its own client with.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

from cloudai.text import inert

__all__ = [
    "AuthError",
    "BadRequestError",
    "BlockedError",
    "CloudAIError",
    "ConnectError",
    "ConnectionLostError",
    "ContractError",
    "DeadlineExceededError",
    "EmptyAnswerError",
    "FetchError",
    "ForbiddenError",
    "InputError",
    "JournalError",
    "MalformedResponseError",
    "MissingExtraError",
    "NeedsImageError",
    "NoAnswerError",
    "NotStartedError",
    "OutputError",
    "PausedError",
    "RateLimitedError",
    "RedirectBlockedError",
    "RefusedError",
    "ReplayError",
    "ResponseTooLargeError",
    "ServerError",
    "ServiceError",
    "SettingsError",
    "TLSError",
    "TimeLimitError",
    "TooEarlyError",
    "TooLargeError",
    "ToolCallError",
    "TruncatedError",
    "UnavailableError",
    "UnsupportedMediaError",
    "UnsupportedOperationError",
]


E = TypeVar("E", bound=BaseException)

State: TypeAlias = Literal["NOT_SENT", "REFUSED", "UNKNOWN", "DONE"]
"""The state of an attempt to send a request; see `cloudai.core.retry`."""


class CloudAIError(Exception):
    """The base of every error that this library raises.

    Args:
        message: One line that says what happened, without the provider's name.
        advice: What the user can do next.

    The engine fills in the rest when the error leaves a call: ``provider``, ``operation``, ``input`` (its name, never
    its content), ``request_id``, ``attempts``, ``state``, ``raw``, and how many units the vendor may have billed,
    ``billed_min`` to ``billed_max``.
    """

    _names_provider = True

    provider: str | None = None
    operation: str | None = None
    input: str | None = None
    request_id: str | None = None
    attempts: int = 0
    billed_min: int = 0
    billed_max: int = 0
    state: State | None = None
    """The state of the last attempt: "NOT_SENT", "REFUSED", "UNKNOWN" (it may have been carried out) or "DONE"; see
    `cloudai.core.retry`."""
    raw: Any = None
    """The replies of a good status that came before this error, and may be paid for. Like ``result.raw`` they are JSON,
    or bytes where a reply is none. No text of the error shows them."""
    partial: Any = None
    """The results of the requests that were answered, if one of several that belong to the same input has failed.

    It is a list of the results in order, with None for each request that failed. For a recording that was sent in
    pieces, it is the `Transcript` of the other pieces, which names the gaps.
    """
    tried: tuple[Any, ...] = ()
    """The other providers of a client with several that did not answer either, as in ``meta.tried`` of a result."""
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
        # The constructors of subclasses differ, so an error is rebuilt from its state.
        return rebuilt, (type(self), self.args, self.__dict__.copy())


def rebuilt(cls: type[CloudAIError], args: tuple[Any, ...], state: dict[str, Any]) -> CloudAIError:
    """Return an error that is made anew from its class, arguments and state: after pickling, or from a journal."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def detached(error: E) -> E:
    """Remove from an error and its causes the frames they came through, which hold keys, uploads and replies.

    A cause that holds what was read is removed too: all errors of parsing are ValueErrors. The caller must raise the
    error outside ``except``, or Python would attach the cause again.

    Returns:
        The same error.
    """
    for each in causes_of(error):
        each.__traceback__ = None
        cause = each.__cause__ or each.__context__
        if isinstance(cause, ValueError) and not isinstance(cause, CloudAIError):
            each.__cause__ = each.__context__ = None
    return error


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause of that, and so on, each once: exceptions can be causes of each other."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


LIBRARIES = {
    "cloudai",
    "anyio",
    "h11",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "tenacity",
    *sys.stdlib_module_names,
}
"""Packages whose frames hold, during a call, what is sent: ours, and those that send it for us."""


def clear_frames(error: BaseException) -> None:
    """Empty the variables of our frames, and of the libraries beneath us, in the tracebacks of an error and its causes.

    Trackers of errors collect variables, and these hold keys, uploads and replies. The tracebacks still say where the
    error came from. The frames of a user's own functions keep their variables, as do frames that are still running.
    """
    for each in causes_of(error):
        step = each.__traceback__
        while step is not None:
            if str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0] in LIBRARIES:
                with suppress(RuntimeError):  # it is still running
                    step.tb_frame.clear()
            step = step.tb_next


class InputError(CloudAIError, ValueError):
    """The input cannot be sent: it is not an image, empty, too small or too long. Nothing was sent."""

    _names_provider = False  # the fault is the input's, whichever provider was to get it
    http_status = 422


class FetchError(InputError):
    """The input is an address that ``fetch_urls=`` does not allow, or where nothing usable is.

    It leads to no public address, redirects too often, is too large or too slow, or answers with an error.
    """


class NeedsImageError(InputError):
    """The pixels of a picture are needed here, but the picture was only passed on by URL."""


class SettingsError(CloudAIError):
    """A key, endpoint or project is missing, or an option cannot be used. The request that needs it was not sent."""


class MissingExtraError(CloudAIError, ImportError):
    """An optional package is needed; the text gives the install line.

    Args:
        what: The thing that needs the package.
        extra: The extra of cloudai that installs the package.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package", advice=f'pip install ".[{extra}]"')


class UnsupportedOperationError(CloudAIError, NotImplementedError):
    """The provider does not offer the operation; the text says since when, and which providers do. Nothing was sent."""

    http_status = 501


class ConnectError(CloudAIError, ConnectionError):
    """The service was never reached: it refused the connection, there is no such host, or TLS failed.

    Nothing was sent. ``retryable`` is False where trying again cannot help.
    """

    retryable: bool = True
    unknown_host: bool = False
    """True where the name of the host has no address: it may be misspelt."""
    refused: bool = False
    """True where the host is there, and nobody listens on its port."""
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

    ``status`` is the HTTP status (200 where the error was inside a good reply), ``code`` is the vendor's own
    name for the error, and ``retry_after`` is the wait in seconds that the service asked for.
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
    """The service, or the login, does not accept the key or token: it is missing, wrong or expired."""

    renewed: bool = False
    """True where a token was not accepted, and the next attempt gets a new one."""


class ForbiddenError(ServiceError):
    """The key is good but may not be used for this: the API is off, or approval is missing."""


class BadRequestError(ServiceError):
    """The service cannot use what was sent."""

    gone: bool = False
    """True where the service says that it does not have the API, the model or the deployment that was asked, or no
    longer has it: no other input would change that."""
    http_status = 422


class TooLargeError(BadRequestError):
    """The request is too large for the service (413)."""

    http_status = 413


class UnsupportedMediaError(BadRequestError):
    """The service does not read this format (415)."""

    http_status = 415


class NoAnswerError(ServiceError):
    """A chat model gave no answer that can be used.

    The request was answered with a good status, so that its tokens may be billed: ``billed_max`` counts it, and
    ``billed_min`` does not. ``code`` is the vendor's word for the reason.
    """

    http_status = 502


class BlockedError(NoAnswerError, BadRequestError):
    """A filter of the service blocked what was sent, or the model's answer."""

    http_status = 422


class RefusedError(NoAnswerError):
    """The model refused to answer."""

    http_status = 422


class TruncatedError(NoAnswerError):
    """The answer ended where it had the most tokens that it may have."""


class TimeLimitError(NoAnswerError):
    """The service ended the answer because its own time for it was up."""


class EmptyAnswerError(NoAnswerError):
    """The model's answer holds no text."""


class ToolCallError(NoAnswerError):
    """The model asked for a tool to be called, and none was offered."""


class RateLimitedError(ServiceError):
    """There were too many calls; ``quota`` is "day" or "month" where the reply names a spent quota, else None."""

    quota: str | None = None
    http_status = 503


class RedirectBlockedError(ServiceError):
    """The service answered with another address (3xx); neither key nor upload follows there."""

    http_status = 502


class ServerError(ServiceError):
    """The service failed (5xx, 408, 409)."""

    http_status = 502


class TooEarlyError(ServerError):
    """The service asks to come again later (425)."""

    http_status = 503


class UnavailableError(ServerError):
    """The service is down (503); ``retry_after`` is set where it says when to come again."""

    http_status = 503


class MalformedResponseError(CloudAIError):
    """The reply is not what the vendor documents: it is not JSON, or a number in it is missing or not finite."""

    http_status = 502


class ResponseTooLargeError(MalformedResponseError):
    """The reply is beyond the limits of size, compression, depth or headers: it was cut off and not read."""


class JournalError(CloudAIError, OSError):
    """The journal cannot be written or read: the disk is full, another process uses it, or the file is no journal.

    Nothing is sent that could not be written down before.
    """


class OutputError(CloudAIError, OSError):
    """A file of the user's cannot be written: a page, a picture, a table, or a file that was fetched.

    The disk is full, the path is a folder, its folder is not there, or nobody may write there.
    """


def unwritable(path: str | os.PathLike[str], error: Exception) -> OutputError:
    """Return the error of a file that cannot be written, with the number and the words of the system's error."""
    number, reason = getattr(error, "errno", None), getattr(error, "strerror", None) or str(error)
    failure = OutputError(f"{os.fspath(path)} cannot be written ({reason})")
    failure.errno, failure.strerror = number, reason
    return failure


class PausedError(CloudAIError):
    """A batch ended early, and not because of one of its inputs.

    The cause (``__cause__``) says why. Finished inputs are in the journal and are not paid for again.
    """

    http_status = 503


class NotStartedError(CloudAIError):
    """A batch ended before it had an answer for this input, or left it out because it is in doubt.

    Nothing was sent for it, unless the status of its outcome is "in_doubt".
    """


HOPELESS = (SettingsError, MissingExtraError, AuthError)
"""Errors that are no fault of one input: the calls for the next inputs would fail in the same way, and may cost."""


def closed() -> SettingsError:
    """Return the error of a client that is used after it was closed."""
    return SettingsError("the client is closed", advice="Make another one; a batch goes on from its journal.")


class ReplayError(CloudAIError, LookupError):
    """A cassette does not hold this call, or its calls were not all made."""


class ContractError(CloudAIError, AssertionError):
    """A provider does not keep the contract, as the check or a call has found: see `cloudai.testing.check_provider`.

    ``problems`` has each of them with ``check``, ``what`` and ``advice``; a traceback lists them.
    """

    problems: tuple[Any, ...] = ()
