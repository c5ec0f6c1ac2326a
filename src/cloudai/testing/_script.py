"""Answer requests with replies that a test has written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from cloudai.core.flow import Request, Response
from cloudai.errors import ReplayError

__all__ = ["Script"]


class Script:
    """A sender that gives fixed replies in turn, whatever the requests are, and keeps the requests in ``requests``.

    Give it to a client of either kind as ``send=``. As a context manager it checks at its end that every reply was
    asked for.

    Args:
        replies: The replies. Each is a `Response`, an exception to raise, or a function of the request (which may be
            awaiting, for `AsyncClient`).

    Raises:
        ReplayError: There are more requests than replies, or, at the end of ``with``, fewer.

    Example:
        >>> from cloudai import Client, Response
        >>> send = Script(Response(200, {}, b'{"responses": [{}]}'))
        >>> len(Client("google", send=send, offline=True).detect_faces("https://pictures.example/team.jpg"))
        0
        >>> send.requests[0].method
        'POST'
    """

    def __init__(self, *replies: Response | BaseException | Callable[[Request], Any]) -> None:
        self.requests: list[Request] = []
        self._replies = list(replies)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Any:
        """Note the request and return the next reply, or what it returns for the request if it is a function.

        Raises:
            ReplayError: No reply is left.
            BaseException: The next reply is an exception.
        """
        with self._lock:
            self.requests.append(request)
            if not self._replies:
                raise ReplayError(
                    f"the script has no reply left for {request.method} {request.url.partition('?')[0]}",
                    advice=f"It was asked {len(self.requests)} times; give it as many replies.",
                )
            reply = self._replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply if isinstance(reply, Response) else reply(request)

    def close(self) -> None:
        """Raise ReplayError if replies are left that were not asked for."""
        if self._replies:
            raise ReplayError(
                f"the script has {len(self._replies)} more replies than the {len(self.requests)} asked for"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
