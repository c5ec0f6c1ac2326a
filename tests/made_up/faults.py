"""The faults, each with what must become of a call: requests at the server, error, state, what may be billed."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cloudai.core.flow import MOST_REPLY
from tests.made_up.calls import Vendor, as_json
from tests.made_up.server import Connection, Fault
from tests.support.bombs import repeated

__all__ = ["FAULTS", "Cell"]


@dataclass(frozen=True)
class Cell:
    """A fault, and what becomes of a call that meets it."""

    fault: Callable[[Vendor], Fault]
    requests: int
    error: str
    """The class of error; empty where the call succeeds."""
    state: str = "UNKNOWN"
    billed_max: int | None = None
    """The most requests that may have been billed; None stands for as many as were sent, if any may have been."""
    carried_out: bool = True
    """Whether the vendor bills the request."""
    reads: bool = True
    timeout: float = 10.0
    hint: float | None = None

    @property
    def most_billed(self) -> int:
        """The most requests that may have been billed."""
        if self.billed_max is not None:
            return self.billed_max
        return self.requests if self.state in ("UNKNOWN", "DONE") else 0


def head(status: str = "200 OK", *headers: str, size: int | None = None, kind: str = "application/json") -> bytes:
    """Return the head of a reply."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"Content-Length: {size}"] if size is not None else []
    return "\r\n".join([*lines, "", ""]).encode()


def reply(body: bytes, status: str = "200 OK", *headers: str, kind: str = "application/json") -> Fault:
    """Return a whole reply."""
    return lambda c: c.send(head(status, *headers, size=len(body), kind=kind), body)


def refusal(status: str, *headers: str) -> Callable[[Vendor], Fault]:
    """Return an error reply in a shape that all three vendors have."""
    body = as_json({"error": {"code": "x", "message": "no"}})
    return lambda _: reply(body, status, *headers)


def changed(
    change: Callable[[Vendor], bytes], kind: str = "application/json", *headers: str
) -> Callable[[Vendor], Fault]:
    """Return a good status with this body."""
    return lambda vendor: reply(change(vendor), "200 OK", *headers, kind=kind)


def good(vendor: Vendor) -> bytes:
    """Return the good reply."""
    return as_json(vendor.good)


def halves(c: Connection, data: bytes, then: Callable[[], None]) -> None:
    """Send half of a body, and then do something else."""
    c.send(head(size=len(data)), data[: len(data) // 2])
    then()


@cache
def bomb() -> bytes:
    """Return 200 MB of spaces in 200 kB."""
    return repeated(b" " * 1_000_000, 200, as_gzip=True)


def begun_and_reset(c: Connection) -> None:
    """Reset the connection as soon as the request has begun to arrive."""
    c.socket.recv(1)
    c.reset()


def endless(c: Connection) -> None:
    """Send a body that is four times as large as any reply may be."""
    c.send(head())
    for _ in range(4 * MOST_REPLY // 65536):
        c.send(b" " * 65536)


def endless_headers(c: Connection) -> None:
    """Send headers that have no end."""
    c.send(b"HTTP/1.1 200 OK\r\n")
    for n in range(100_000):
        c.send(f"X-Header-{n}: {'a' * 100}\r\n".encode())


def replaced(old: str, new: str) -> Callable[[Vendor], bytes]:
    """Return a function that gives the good reply with a number written otherwise."""
    return lambda vendor: good(vendor).replace(old.encode(), new.encode()).replace(b"0.9", new.encode())


def lost(fault: Fault, **facts: Any) -> Cell:
    """Return a case in which the connection breaks, and the call is tried once more."""
    return Cell(lambda _: fault, 2, "ConnectionLostError", **facts)


def late(fault: Callable[[Vendor], Fault], **facts: Any) -> Cell:
    """Return a case in which the reply never ends, and the call is given up at the deadline."""
    return Cell(fault, 1, "DeadlineExceededError", timeout=0.6, **facts)


def bad(body: Callable[[Vendor], bytes], kind: str = "application/json", *headers: str) -> Cell:
    """Return a case in which a good status cannot be used, and the call is not tried again."""
    return Cell(changed(body, kind, *headers), 1, "MalformedResponseError")


def status(line: str, error: str, requests: int, state: str, *headers: str, **facts: Any) -> Cell:
    """Return a case with an error reply."""
    carried_out = facts.pop("carried_out", state == "UNKNOWN")
    return Cell(refusal(line, *headers), requests, error, state, carried_out=carried_out, **facts)


FAULTS: dict[str, Cell] = {
    # The connection breaks.
    "reset while reading": lost(begun_and_reset, reads=False, carried_out=False),
    "closed before headers": lost(lambda _: None),
    "reset before headers": lost(lambda c: c.reset()),
    "closed mid-headers": lost(lambda c: c.send(b"HTTP/1.1 200 OK\r\nContent-Ty")),
    "short body": Cell(lambda v: lambda c: halves(c, good(v), lambda: None), 2, "ConnectionLostError"),
    "reset mid-body": Cell(lambda v: lambda c: halves(c, good(v), c.reset), 2, "ConnectionLostError"),
    "bad chunk": lost(lambda c: c.send(head("200 OK", "Transfer-Encoding: chunked"), b"zz\r\n{}")),
    "bad status line": lost(lambda c: c.send(b"HTTP/9 OK fine\r\n\r\n")),
    "not HTTP": lost(lambda c: c.send(b"\x15\x03\x01\x00\x02\x02\x16")),
    # The reply does not come in time.
    "silence": late(lambda _: lambda c: c.silence()),
    "dripping body": late(lambda v: lambda c: (c.send(head(size=9999)), c.drip(good(v) * 50, 0.05))[0]),
    "dripping headers": late(lambda _: lambda c: c.drip(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500, 0.05)),
    "endless 100 Continue": late(lambda _: lambda c: c.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 900, 0.01)),
    "silence after half a body": late(lambda v: lambda c: halves(c, good(v), c.silence)),
    # A good status comes with a body that cannot be used.
    "truncated JSON": bad(lambda v: good(v)[:-2]),
    "web page": bad(lambda _: b"<!DOCTYPE html><title>proxy</title>"),
    "web page that says so": bad(good, "text/html; charset=utf-8"),
    "empty": bad(lambda _: b""),
    "bad UTF-8": bad(lambda v: good(v).replace(b"ko", b"\xff\xfe").replace(b"positive", b"\xff\xfe")),
    "NaN": bad(replaced("0.5", "NaN")),
    "Infinity": bad(replaced("0.5", "-Infinity")),
    "NaN where nobody looks": bad(lambda v: good(v)[:-1] + b', "more": [NaN]}'),
    "number beyond all": bad(replaced("0.5", "1e999")),
    "number beyond all where nobody looks": bad(lambda v: good(v)[:-1] + b', "more": [1e999]}'),
    "integer of 400 digits": bad(replaced("0.5", "1" * 400)),
    "integer of 400 digits where nobody looks": bad(lambda v: good(v)[:-1] + b', "more": ' + b"1" * 400 + b"}"),
    "bytes behind gzip": bad(lambda v: gzip.compress(good(v)) + b"more", "application/json", "Content-Encoding: gzip"),
    "text for a number": bad(replaced("0.5", '"0.5"')),
    "out of range": bad(replaced("0.5", "7.5")),
    "missing field": bad(lambda v: as_json({k: x for k, x in v.good.items() if k != v.required})),
    "null field": bad(lambda v: as_json({**v.good, v.required: None})),
    "wrong type": bad(lambda v: as_json({**v.good, v.required: 7})),
    "list": bad(lambda _: b"[]"),
    "null": bad(lambda _: b"null"),
    "cut gzip": bad(lambda v: gzip.compress(good(v))[:-9], "application/json", "Content-Encoding: gzip"),
    "no gzip": bad(good, "application/json", "Content-Encoding: gzip"),
    "encoding nobody asked for": bad(good, "application/json", "Content-Encoding: br"),
    "204": Cell(lambda _: lambda c: c.send(head("204 No Content", kind="")), 1, "MalformedResponseError"),
    "206": Cell(lambda v: reply(good(v), "206 Partial Content"), 1, "MalformedResponseError"),
    # The reply is too large.
    "gzip bomb": Cell(lambda _: reply(bomb(), "200 OK", "Content-Encoding: gzip"), 1, "ResponseTooLargeError"),
    "gzip that grows a thousandfold": Cell(
        lambda _: reply(gzip.compress(b" " * 10_000_000), "200 OK", "Content-Encoding: gzip"),
        1,
        "ResponseTooLargeError",
    ),
    "endless body": Cell(lambda _: endless, 1, "ResponseTooLargeError"),
    "deep JSON": Cell(changed(lambda _: b"[" * 5000 + b"]" * 5000), 1, "ResponseTooLargeError"),
    "endless headers": Cell(lambda _: endless_headers, 1, "ResponseTooLargeError"),
    # The reply is good, though some of them are strange.
    "good": Cell(changed(good), 1, "", "DONE"),
    "packed": Cell(lambda v: reply(gzip.compress(good(v)), "200 OK", "Content-Encoding: gzip"), 1, "", "DONE"),
    "packed in two members": Cell(
        lambda v: reply(gzip.compress(good(v)[:9]) + gzip.compress(good(v)[9:]), "200 OK", "Content-Encoding: gzip"),
        1,
        "",
        "DONE",
    ),
    "a field twice": Cell(changed(lambda v: b'{"%s": 7, ' % v.required.encode() + good(v)[1:]), 1, "", "DONE"),
    "thousands of interim replies": Cell(
        lambda v: lambda c: c.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000, head(size=len(good(v))), good(v)),
        1,
        "",
        "DONE",
    ),
    "no content type": Cell(changed(good, ""), 1, "", "DONE"),
    "byte order mark and spaces": Cell(changed(lambda v: b"\xef\xbb\xbf   " + good(v) + b"\n"), 1, "", "DONE"),
    "unknown words and fields": Cell(changed(lambda v: as_json(v.strange)), 1, "", "DONE"),
    # The service refuses the request.
    "400": status("400 Bad Request", "BadRequestError", 1, "REFUSED", billed_max=1),
    "404": status("404 Not Found", "BadRequestError", 1, "REFUSED", billed_max=1),
    "422": status("422 Unprocessable", "BadRequestError", 1, "REFUSED", billed_max=1),
    "401": status("401 Unauthorized", "AuthError", 1, "REFUSED"),
    "403": status("403 Forbidden", "ForbiddenError", 1, "REFUSED"),
    "413": status("413 Too Large", "TooLargeError", 1, "REFUSED"),
    "415": status("415 Unsupported Media Type", "UnsupportedMediaError", 1, "REFUSED"),
    "408": status("408 Request Timeout", "ServerError", 2, "UNKNOWN"),
    "409": status("409 Conflict", "ServerError", 2, "UNKNOWN"),
    "425": status("425 Too Early", "TooEarlyError", 3, "REFUSED"),
    "500": status("500 Internal Server Error", "ServerError", 2, "UNKNOWN"),
    "502": status("502 Bad Gateway", "ServerError", 2, "UNKNOWN"),
    "504": status("504 Gateway Timeout", "ServerError", 2, "UNKNOWN"),
    "529": status("529 Overloaded", "ServerError", 2, "UNKNOWN"),
    "503": status("503 Service Unavailable", "UnavailableError", 2, "UNKNOWN"),
    "503 with a hint": status("503 Service Unavailable", "UnavailableError", 3, "REFUSED", "Retry-After: 2", hint=2.0),
    "501": status("501 Not Implemented", "ServerError", 1, "REFUSED", billed_max=1),
    "505": status("505 Version", "ServerError", 1, "REFUSED", billed_max=1),
    "599": status("599 Odd", "ServerError", 1, "REFUSED", billed_max=1),
    # The service asks for a wait, or asks for it in a way that cannot be followed.
    "429": status("429 Too Many Requests", "RateLimitedError", 3, "REFUSED"),
    "429 seconds": status("429 Too Many Requests", "RateLimitedError", 3, "REFUSED", "Retry-After: 2", hint=2.0),
    "429 fraction": status("429 Too Many Requests", "RateLimitedError", 3, "REFUSED", "Retry-After: 0.5", hint=0.5),
    "429 milliseconds": status(
        "429 Too Many Requests", "RateLimitedError", 3, "REFUSED", "Retry-After-Ms: 1500", "Retry-After: 9", hint=1.5
    ),
    "429 date": status(
        *("429 Too Many Requests", "RateLimitedError", 3, "REFUSED"),
        *("Date: Fri, 01 Jan 2021 00:00:00 GMT", "Retry-After: Fri, 01 Jan 2021 00:00:03 GMT"),
        hint=3.0,
    ),
    "429 past date": status(
        *("429 Too Many Requests", "RateLimitedError", 3, "REFUSED"),
        *("Date: Fri, 01 Jan 2021 00:00:09 GMT", "Retry-After: Fri, 01 Jan 2021 00:00:03 GMT"),
        hint=0.0,
    ),
    "429 a day": status("429 Too Many Requests", "RateLimitedError", 1, "REFUSED", "Retry-After: 86400", hint=86400.0),
    **{
        f"429 {hint}": status("429 Too Many Requests", "RateLimitedError", 3, "REFUSED", f"Retry-After: {hint}")
        for hint in ("inf", "1e400", "soon", "-5", "nan")
    },
    # The reply leads elsewhere.
    **{
        f"{code} {place}": status(f"{code} Moved", "RedirectBlockedError", 1, "REFUSED", f"Location: {place}")
        for code in (301, 302, 303, 307, 308)
        for place in ("https://elsewhere.example/", "//elsewhere.example", "/here", "http://127.0.0.1:1/")
    },
}
