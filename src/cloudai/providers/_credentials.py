"""Logins: where a token comes from that a vendor's own package fetches."""

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
    """What can be asked for tokens. It is asked by one caller at a time, in a thread, because it blocks.

    Nothing that it holds shows: its text is the name of its kind, it does not pickle, and an error holds neither
    the package's own error nor the text of a reply, but the code in it.
    """

    package: ClassVar[str]
    extra: ClassVar[str]
    """With which the package is installed."""
    identity: str | None = None
    """What tells it from another login, in another process too; None where that cannot be known."""
    _last: str | None = None
    """The token handed out last: when another is asked for, that one is old or refused."""

    def __init__(self, kind: str, advice: str) -> None:
        self._kind = kind
        self._advice = advice

    def require_package(self) -> None:
        """MissingExtraError, with the install line, where the package is not there."""
        if not is_installed(self.package):
            raise MissingExtraError(str(self), self.extra)

    def lacking(self) -> str | None:
        """The same as a text, None where it is there."""
        try:
            self.require_package()
        except MissingExtraError as error:
            return str(error)
        return None

    def flow(self, *args: Any) -> Flow[Token]:
        """A flow that fetches a token."""
        return waiting(self.token, *args)

    def token(self, *args: Any) -> Token:
        """A token; blocking."""
        self.require_package()
        told: CloudAIError
        try:
            token = self._fetch(*args)
        except CloudAIError as error:
            told = error
        except ImportError:
            told = MissingExtraError(str(self), self.extra)  # it is there in part
        except Exception as error:  # noqa: BLE001  # what a package, or the user's own class, raises is its own
            told = self._told(error)
        else:
            self._last = token.value
            return token
        # Alone: the errors and the frames behind it hold what was sent.
        told.__cause__ = told.__context__ = None
        raise told.with_traceback(None)

    def _fetch(self, *args: Any) -> Token:
        raise NotImplementedError

    def _told(self, error: Exception) -> CloudAIError:
        """Our error for one of the package's."""
        return AuthError(f"{self} gave no token ({type(error).__name__})", advice=self._advice)

    def __repr__(self) -> str:
        return self._kind

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self._kind} does not pickle: a login must not leave this process")


def is_installed(package: str) -> bool:
    """Whether it can be imported; of "google.auth" there may be half, "google", of another package."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def refusal(who: object, status: int | None, body: Any, advice: str) -> ServiceError:
    """The error for a reply that is no token: with its status and the code in it, and without its text.

    Args:
        who: The login.
        status: None where the package does not tell it.
        body: The reply's JSON, if it is any.
        advice: What to do where the login is at fault.
    """
    kind, code = error_class(status or 401), _code(body)
    if issubclass(kind, BadRequestError):
        kind = AuthError  # all that can be bad in a request for a token is the login
    said = ", ".join([*([f"HTTP {status}"] if status else []), *([code] if code else [])])
    what = "was refused" if issubclass(kind, AuthError | ForbiddenError) else "got no token"
    return kind(f"{who} {what} ({said})", advice=ADVICE.get(kind, advice), status=status, code=code)


CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,40}")


def _code(body: Any) -> str | None:
    """The code of an OAuth error, of Google's, or of IBM's."""
    if not isinstance(body, Mapping):
        return None
    inner = body.get("error")
    inner = inner if isinstance(inner, Mapping) else {}
    for code in (body.get("errorCode"), body.get("error"), inner.get("status"), inner.get("code"), body.get("code")):
        if isinstance(code, str) and CODE.fullmatch(code):
            return code
    return None
