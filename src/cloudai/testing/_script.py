"""Replies of one's own, in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from cloudai.core.flow import Request, Response
from cloudai.errors import ReplayError

__all__ = ["Script"]


class Script:
    """Gives these replies in turn, whatever is asked, and keeps what was asked in ``requests``.

    Serves both clients, as ``send=``. As a context manager it checks at its end that all were asked for.

    Args:
        replies: Each a `Response`, an exception to raise, or a function of the request (which may be
            awaiting, for `AsyncClient`).

    Raises:
        ReplayError: More is asked than there are replies, or less by the end of ``with``.

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
        """The next reply."""
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
        """ReplayError where replies were not asked for."""
        if self._replies:
            raise ReplayError(
                f"the script has {len(self._replies)} more replies than the {len(self.requests)} asked for"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
