"""One set of cases, by our own transport and through every official client: the same results, the same errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.made_up.calls import as_json
from tests.made_up.faults import halves, head, reply
from tests.made_up.grpc_server import cutting, grpcd
from tests.made_up.server import Fault, faultd, nobody_listening
from tests.support.length import length
from tests.unit.bridges.ways import OPENED, SERVICES, WAYS, Service, Way, ours, outcome, theirs

pytestmark = pytest.mark.loopback

LINES = {
    400: ("Bad Request", "INVALID_ARGUMENT"),
    401: ("Unauthorized", "UNAUTHENTICATED"),
    403: ("Forbidden", "PERMISSION_DENIED"),
    404: ("Not Found", "NOT_FOUND"),
    429: ("Too Many Requests", "RESOURCE_EXHAUSTED"),
    500: ("Internal Server Error", "INTERNAL"),
    503: ("Service Unavailable", "UNAVAILABLE"),
}
TYPES = "type.googleapis.com/google.rpc."


@dataclass(frozen=True)
class Case:
    """The behaviour of the server, and what must come of it by every way."""

    error: str
    requests: int
    status: int = 200
    hint: float | None = None
    body: Callable[[Service], Any] = lambda service: service.good
    fault: Callable[[Any], Fault] | None = None
    """The fault of an HTTP server, in place of the body."""
    grpc: bool = True
    """Whether gRPC can express the case."""
    aiohttp: bool = True
    """Whether aiohttp notices the case at once; it may notice some only at the deadline."""
    timeout: float = 10.0


def refused(status: int, error: str, requests: int, hint: float | None = None) -> Case:
    """Return an error reply in the vendor's shape, in Korean."""
    details = [{"@type": f"{TYPES}RetryInfo", "retryDelay": f"{hint:.0f}s"}] if hint is not None else []
    message = f"요청을 처리할 수 없습니다 ({status})"
    bodies = {
        "google": {"error": {"code": status, "message": message, "status": LINES[status][1], "details": details}},
        "azure": {"error": {"code": str(status), "message": message}},
        "watson": {"error": message, "code": status},
    }
    return Case(error, requests, status, hint, body=lambda service: bodies[service.vendor])


def google_only(status: int, name: str, details: list[dict[str, Any]], error: str, requests: int = 1) -> Case:
    """Return an error of Google with details that say more than its status; others get the plain one."""

    def body(service: Service) -> Any:
        if service.vendor != "google":
            return refused(status, error, requests).body(service)
        return {"error": {"code": status, "message": "한도를 넘었습니다", "status": name, "details": details}}

    return Case(error, requests, status, body=body)


DISABLED = {
    "@type": f"{TYPES}ErrorInfo",
    "reason": "SERVICE_DISABLED",
    "domain": "googleapis.com",
    "metadata": {"a": "b"},
}
QUOTA = {"@type": f"{TYPES}QuotaFailure", "violations": [{"subject": "project:1", "description": "하루 한도"}]}

CASES = {
    "good": Case("", 1),
    "error inside": Case("BadRequestError", 1, body=lambda service: service.inside),
    "400": refused(400, "BadRequestError", 1),
    "401": refused(401, "AuthError", 1),
    "403": refused(403, "ForbiddenError", 1),
    "403 with a reason": google_only(403, "PERMISSION_DENIED", [DISABLED], "ForbiddenError"),
    "404": refused(404, "BadRequestError", 1),
    "429": refused(429, "RateLimitedError", 3),
    "429 with a hint": refused(429, "RateLimitedError", 3, hint=2.0),
    "429 with a spent quota": google_only(429, "RESOURCE_EXHAUSTED", [QUOTA], "RateLimitedError", 3),
    "500": refused(500, "ServerError", 2),
    "503": refused(503, "UnavailableError", 2),
    "302": Case("RedirectBlockedError", 1, fault=lambda _: reply(b"", "302 Found", "Location: /here"), grpc=False),
    "307": Case("RedirectBlockedError", 1, fault=lambda _: reply(b"", "307 Moved", "Location: /here"), grpc=False),
    "cut": Case("ConnectionLostError", 2, fault=lambda good: lambda c: halves(c, good, lambda: None)),
    "reset": Case("ConnectionLostError", 2, fault=lambda _: lambda c: c.reset(), grpc=False),
    "bad chunk": Case(
        *("ConnectionLostError", 2),
        fault=lambda _: lambda c: c.send(head("200 OK", "Transfer-Encoding: chunked"), b"zz\r\n{}"),
        grpc=False,
        aiohttp=False,
    ),
    "silence": Case("DeadlineExceededError", 1, fault=lambda _: lambda c: c.silence(), timeout=0.6),
    "half, then silence": Case(
        *("DeadlineExceededError", 1),
        fault=lambda good: lambda c: halves(c, good, c.silence),
        grpc=False,
        timeout=0.6,
    ),
    "truncated JSON": Case("MalformedResponseError", 1, fault=lambda good: reply(good[:-2]), grpc=False),
    "web page": Case(
        "MalformedResponseError", 1, fault=lambda _: reply(b"<title>\xed</title>", kind="text/html"), grpc=False
    ),
    "refused": Case("ConnectError", 0),
}


@contextmanager
def serving(case: Case, service: Service, *, by_grpc: bool = False) -> Iterator[Any]:
    """Yield a server for the case, by HTTP or by gRPC; for "refused" only a port where nobody listens."""
    body = case.body(service)
    if case is CASES["refused"]:
        with nobody_listening() as url:
            yield type("Nobody", (), {"port": int(url.rpartition(":")[2]), "url": url, "count": 0})
    elif by_grpc and case is CASES["cut"]:
        with cutting() as server:
            yield server
    elif by_grpc:
        with grpcd(body, delay=2.0 if case is CASES["silence"] else 0.0) as server:
            yield server
    else:
        content = as_json(body)
        status = f"{case.status} {LINES[case.status][0]}" if case.status in LINES else "200 OK"
        hint = [f"Retry-After: {case.hint:.0f}"] if case.hint is not None else []
        fault = case.fault(content) if case.fault else reply(content, status, *hint)
        with faultd(fault) as server:
            yield server


def opened(way: Way, url: str) -> Any:
    """Return the official client, which is closed after the call."""
    client = way.make(url)
    OPENED.append(client)
    return client


GIVEN = [
    pytest.param(name, colour, case, id=f"{name}-{colour}-{case}")
    for name, way in WAYS.items()
    for colour in way.colours
    for case, what in CASES.items()
    if (what.grpc or not way.grpc)
    if (what.aiohttp or way.grpc or "aio" not in name)
    if not (case == "error inside" and SERVICES[way.service].inside is None)
]


@cache
def by_ours(colour: str, name: str, case: str) -> dict[str, Any]:
    """Return what our own transport makes of a case, which is the same for every way to this service."""
    what, service = CASES[case], SERVICES[name]
    with serving(what, service) as server:
        expected = outcome(lambda: ours(colour, service, server.url, timeout=what.timeout))
        assert server.count == what.requests
    return expected


@pytest.mark.parametrize(("name", "colour", "case"), length(GIVEN[::3], GIVEN, GIVEN))
def test_the_same_by_every_way(name: str, colour: str, case: str) -> None:
    """Result or error, its status, code, message and hint, its state and what may be billed; one request an attempt."""
    way, what = WAYS[name], CASES[case]
    service = SERVICES[way.service]
    with ThreadPoolExecutor(1) as beside, serving(what, service, by_grpc=way.grpc) as server:
        expecting = beside.submit(by_ours, colour, way.service, case)  # at the same time, because both may be silent
        url = f"http://127.0.0.1:{server.port}" if way.grpc else server.url
        began = time.monotonic()
        found = outcome(lambda: theirs(colour, way, lambda: opened(way, url), timeout=what.timeout))
        # A call on a connection whose end gRPC has not seen yet is broken too, and does not reach the server.
        least = 1 if way.grpc and case == "cut" else what.requests
        assert least <= server.count <= what.requests
        assert time.monotonic() - began < 4  # no wait but ours, which take no time here
    expected = dict(expecting.result())
    assert expected.get("error", "") == what.error
    assert expected.get("retry_after") == what.hint
    if found.get("error") in ("ConnectError", "ConnectionLostError", "DeadlineExceededError", "MalformedResponseError"):
        # These texts are those of the library that has noticed the failure.
        del expected["message"], found["message"]
    assert found == expected
