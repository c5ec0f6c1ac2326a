"""A login is a source of tokens, which a vendor's own package fetches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, ClassVar, NoReturn

from cloudai.core.flow import Flow, waiting
from cloudai.core.tokens import Token
from cloudai.errors import AuthError, BadRequestError, CloudAIError, ForbiddenError, MissingExtraError, ServiceError
from cloudai.providers.replies import ADVICE, error_class

__all__ = ["Login", "is_installed", "refusal"]


class Login:
    """A source of tokens. One caller at a time asks it, in a thread, because it blocks.

    Nothing that it holds is shown: its repr is the name of its kind, it does not pickle, and an error has the code of
    a reply, but neither its text nor the package's own error.
    """

    package: ClassVar[str]
    extra: ClassVar[str]
    """The extra of cloudai that installs the package."""
    identity: str | None = None
    """A text that tells this login from any other, in another process too; None where that cannot be known."""
    _last: str | None = None
    """The token that was handed out last. When another one is asked for, this one is old or was refused."""

    def __init__(self, kind: str, advice: str) -> None:
        self._kind = kind
        self._advice = advice

    def require_package(self) -> None:
        """Raise MissingExtraError, which has the install line, where the package is not installed."""
        if not is_installed(self.package):
            raise MissingExtraError(str(self), self.extra)

    def lacking(self) -> str | None:
        """Return the text of the error for a missing package, or None where the package is installed."""
        try:
            self.require_package()
        except MissingExtraError as error:
            return str(error)
        return None

    def flow(self, *args: Any) -> Flow[Token]:
        """Return a flow that fetches a token in a thread; see `token`."""
        return waiting(self.token, *args)

    def token(self, *args: Any) -> Token:
        """Fetch a token, blocking, and return it.

        Raises:
            CloudAIError: There is no token; the error holds nothing that was sent.
        """
        self.require_package()
        told: CloudAIError
        try:
            token = self._fetch(*args)
        except CloudAIError as error:
            told = error
        except ImportError:
            told = MissingExtraError(str(self), self.extra)  # only a part of the package is installed
        except Exception as error:  # noqa: BLE001  # what a package, or the user's own class, raises is its own
            told = self._told(error)
        else:
            self._last = token.value
            return token
        # The error is raised without its causes and frames, because they hold what was sent.
        told.__cause__ = told.__context__ = None
        raise told.with_traceback(None)

    def _fetch(self, *args: Any) -> Token:
        raise NotImplementedError

    def _told(self, error: Exception) -> CloudAIError:
        """Return our error for an error of the package; it must not repeat what was sent."""
        return AuthError(f"{self} gave no token ({type(error).__name__})", advice=self._advice)

    def __repr__(self) -> str:
        return self._kind

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self._kind} does not pickle: a login must not leave this process")


def is_installed(package: str) -> bool:
    """Return whether a package can be imported.

    "google.auth" counts as missing if only "google" is there, which other packages of Google install too.
    """
    try:
        # find_spec imports the parents of a dotted name, and raises where one of them is missing.
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def refusal(who: object, status: int | None, body: Any, advice: str) -> ServiceError:
    """Return the error for a reply that is no token, with its status and its code but without its text.

    Args:
        who: The login.
        status: The HTTP status; None where the package does not tell it.
        body: The JSON of the reply, if it is any.
        advice: What to do where the login is at fault.
    """
    # Some packages do not tell the status; a login that was refused is then the best guess.
    kind, code = error_class(status or 401), _code(body)
    if issubclass(kind, BadRequestError):
        kind = AuthError  # nothing but the login can be wrong in a request for a token
    said = ", ".join([*([f"HTTP {status}"] if status else []), *([code] if code else [])])
    what = "was refused" if issubclass(kind, AuthError | ForbiddenError) else "got no token"
    return kind(f"{who} {what} ({said})", advice=ADVICE.get(kind, advice), status=status, code=code)


# Only a text that looks like a code is repeated: in its place a server may send a sentence that quotes what was sent.
CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,40}")


def _code(body: Any) -> str | None:
    """Return the code of an error in the shape of OAuth, of Google or of IBM, or None."""
    if not isinstance(body, Mapping):
        return None
    inner = body.get("error")
    inner = inner if isinstance(inner, Mapping) else {}
    # IBM has "errorCode", OAuth a text as "error", and Google an object as "error", whose status says more than its
    # number.
    for code in (body.get("errorCode"), body.get("error"), inner.get("status"), inner.get("code"), body.get("code")):
        if isinstance(code, str) and CODE.fullmatch(code):
            return code
    return None
