"""An exchange over a session of ``requests``, on which Google's REST transport, msrest and ibm-watson are built."""

from __future__ import annotations

import time
from typing import Any

from cloudai.bridges._errors import errors, late
from cloudai.core.flow import Request, Response
from cloudai.transport.body import Body
from cloudai.transport.checks import require_sendable, unsendable
from cloudai.transport.deadline import connecting
from cloudai.transport.messages import body_of

__all__ = ["encoded", "exchange", "no_retries", "read", "timeouts"]

PIECE = 65_536


def encoded(request: Request) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a request whose body is JSON or ``content``; a form is left out.

    Raises:
        SettingsError: A header cannot be sent, or the body cannot be written as JSON.
    """
    # Only gzip is asked for, because `Body` unpacks it piece by piece with a limit.
    headers = {**request.headers, "accept-encoding": "gzip"}
    require_sendable(unsendable(headers))
    content = body_of(request, headers).get("content", b"")
    headers.pop("content-length", None)  # the official client sets it
    return headers, content if isinstance(content, bytes) else b"".join(content)


def timeouts(request: Request) -> tuple[float, float | None]:
    """Return the seconds for connecting, and those between two pieces of the reply."""
    return connecting(request.timeout), request.timeout


def exchange(session: Any, url: str, request: Request, *, data: bytes, headers: Any, **options: Any) -> Response:
    """Send a request once, with the session's own settings, and return its reply, of whatever status.

    Raises:
        CloudAIError: No reply came, or not the whole of it; see `cloudai.bridges._errors`.
    """
    until = deadline_of(request)
    with errors(url):
        reply = _without_retries(session).request(
            request.method,
            url,
            data=data,
            headers=headers,
            # These go last, so that settings of the official client cannot turn them off: no redirect may take the key
            # elsewhere.
            **{**options, "timeout": timeouts(request), "allow_redirects": False, "stream": True},
        )
    return read(reply, url, until, request.max_reply)


def deadline_of(request: Request) -> float | None:
    """Return the monotonic time at which a request's time is used up, or None where it has no limit."""
    return None if request.timeout is None else time.monotonic() + request.timeout


def read(reply: Any, url: str, until: float | None, most: int) -> Response:
    """Read a reply of ``requests`` piece by piece, close it, and return it.

    Args:
        reply: The reply, of which nothing has been read.
        url: The address of the request, for errors.
        until: The monotonic time after which DeadlineExceededError is raised, once a piece has come; None for no limit.
        most: The most bytes of the reply, unpacked.
    """
    with errors(url, sent=True):
        try:
            body = Body(reply.headers, most)
            # `iter_content` waits for a whole piece, which a slow reply never fills; ``read1`` returns what is there.
            take = getattr(reply.raw, "read1", reply.raw.read)  # urllib3 has ``read1`` since 2.2
            while piece := take(PIECE, decode_content=False):
                body.add(piece)
                if until is not None and time.monotonic() > until:
                    raise late(url)
            return Response(reply.status_code, dict(reply.headers), body.whole())
        finally:
            reply.close()


def no_retries() -> Any:
    """Return the setting with which urllib3 does not retry, and raises the first error."""
    from urllib3.util.retry import Retry

    # An error that comes while a reply is read is raised as it is by read=False; urllib3 would otherwise raise a
    # MaxRetryError.
    return Retry(0, read=False)


def _without_retries(session: Any) -> Any:
    """Return a copy of a session that does not retry, with the same connections and credentials."""
    # The user's own session keeps its retries: the user may use it beside cloudai.
    copied = _copied(session, adapters=type(session.adapters)())
    for prefix, adapter in session.adapters.items():
        copied.adapters[prefix] = _copied(adapter, max_retries=no_retries())
    copied._max_refresh_attempts = 0  # noqa: SLF001  # of google-auth: it would send again after a 401
    return copied


def _copied(thing: Any, **changed: Any) -> Any:
    """Return a shallow copy with some attributes changed.

    `copy` is no use here: ``requests`` would give the copy new connections, with other certificates.
    """
    copied = object.__new__(type(thing))
    copied.__dict__.update(thing.__dict__, **changed)
    return copied
