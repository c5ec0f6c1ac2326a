"""One exchange over a session of ``requests``, which Google's REST transport, msrest and ibm-watson are built on."""

from __future__ import annotations

import time
from typing import Any

from cloudai.bridges._errors import errors, late
from cloudai.core.flow import Request, Response
from cloudai.transport.body import Body
from cloudai.transport.checks import require_sendable, unsendable
from cloudai.transport.deadline import connecting
from cloudai.transport.messages import body_of

__all__ = ["encoded", "exchange", "never_again", "read", "timeouts"]

PIECE = 65_536


def encoded(request: Request) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a request."""
    headers = {**request.headers, "accept-encoding": "gzip"}
    require_sendable(unsendable(headers))
    content = body_of(request, headers).get("content", b"")
    headers.pop("content-length", None)  # theirs to say
    return headers, content if isinstance(content, bytes) else b"".join(content)


def timeouts(request: Request) -> tuple[float, float | None]:
    """Seconds for connecting, and between two pieces of the reply."""
    return connecting(request.timeout), request.timeout


def exchange(session: Any, url: str, request: Request, *, data: bytes, headers: Any, **options: Any) -> Response:
    """Send once, by the session's own settings, and read the reply."""
    until = ends(request)
    with errors(url):
        reply = _once(session).request(
            request.method,
            url,
            data=data,
            headers=headers,
            **{**options, "timeout": timeouts(request), "allow_redirects": False, "stream": True},
        )
    return read(reply, url, until)


def ends(request: Request) -> float | None:
    """When the request's time is used up."""
    return None if request.timeout is None else time.monotonic() + request.timeout


def read(reply: Any, url: str, until: float | None) -> Response:
    """The reply of requests, read piece by piece: limits and the deadline are looked at after each."""
    with errors(url, sent=True):
        try:
            body = Body(reply.headers)
            # As much as is there: `iter_content` waits for a whole piece, which a reply that drips never fills.
            take = getattr(reply.raw, "read1", reply.raw.read)  # before urllib3 2.2 there is none
            while piece := take(PIECE, decode_content=False):
                body.add(piece)
                if until is not None and time.monotonic() > until:
                    raise late(url)
            return Response(reply.status_code, dict(reply.headers), body.whole())
        finally:
            reply.close()


def never_again() -> Any:
    """How urllib3 is told not to try again, and to raise what happened."""
    from urllib3.util.retry import Retry

    return Retry(0, read=False)


def _once(session: Any) -> Any:
    """The same session, connections, credentials and all, that tries nothing again; the user's own is not changed."""
    twin = _twin(session, adapters=type(session.adapters)())
    for prefix, adapter in session.adapters.items():
        twin.adapters[prefix] = _twin(adapter, max_retries=never_again())
    twin._max_refresh_attempts = 0  # noqa: SLF001  # of google-auth: a 401 would be sent again with a new token
    return twin


def _twin(thing: Any, **changed: Any) -> Any:
    """A shallow copy. Not by `copy`: requests would give it new connections, with other certificates."""
    twin = object.__new__(type(thing))
    twin.__dict__.update(thing.__dict__, **changed)
    return twin
