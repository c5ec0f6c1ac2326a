"""Check what a provider does when things go wrong: refusals, damaged replies, interruptions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from cloudai.core.flow import Response
from cloudai.errors import AuthError, CloudAIError, ConnectionLostError, RateLimitedError, ServiceError
from cloudai.testing._contract.subject import GOOD, Driver, Example, Subject, Told, bare, driven, flow_of, outcome
from cloudai.testing._script import Script

__all__ = ["errors", "interrupted", "malformed"]

WIRE = (
    "Read replies by response.parse(Model), Model a cloudai.providers.wire.Wire: "
    "what does not fit is a MalformedResponseError."
)

BODIES = (
    b"",
    b"<html><body>Bad gateway</body></html>",
    b"null",
    b"[]",
    b"{}",
    b'"no"',
    b'{"error": 5}',
    b'{"error": []}',
    b'{"error": {"message": 5, "code": {}, "details": 1, "errors": [3]}}',
    '{"message": "안 돼요\\n두 줄"}'.encode(),
    # This is nested deeper than any reply may be.
    b"[" * 500,
)
STATUSES = (301, 400, 401, 403, 404, 408, 413, 415, 429, 500, 503)
MEANINGS: Mapping[int, type[ServiceError]] = {401: AuthError, 429: RateLimitedError}


def errors(subject: Subject) -> Iterator[Told]:
    """Check that a reply outside 2xx, from a proxy too, is a `ServiceError` with status, delay and one line of text."""
    provider = subject.kind()
    for status in STATUSES:
        for body in BODIES:
            reply, what = Response(status, {"retry-after": "7"}, body), f"a {status} with {body[:40].decode()!r}"
            try:
                error = provider.error(reply)
            except Exception as wrong:  # noqa: BLE001
                yield bare(
                    what, wrong, "In fault(), take error_body(response) for what it is: a proxy may have answered."
                )
                continue
            if not isinstance(error, ServiceError):
                yield (
                    f"{what} is a {type(error).__name__}",
                    "Leave error() to Provider; fault() says what it stands for.",
                )
                continue
            if error.status != status or error.retry_after is None:
                yield f"{what} loses the status or the hint to wait", "Leave error() to Provider: it has both."
            if not isinstance(error, MEANINGS.get(status, ServiceError)):
                yield (
                    f"{what} is a {type(error).__name__}",
                    f"A {status} without a word is a {MEANINGS[status].__name__}.",
                )
            if not str(error).strip() or "\n" in error.message:
                yield (
                    f"{what} has a text that is not one line",
                    "In fault(), use readable(response), or one line of the reply.",
                )


WHOLE = (b"", b"not json", b"{", b"null", b"[]", b"{}", b'"x"', b"3", b'{"a": NaN}', b"<html></html>", b"[" * 500)
WRONG: tuple[Any, ...] = (None, "x", -1, [], {}, True, [None])
MOST = 250
"""About how many damaged replies are made of one."""


def malformed(subject: Subject) -> Iterator[Told]:
    """Check that a reply with a damaged field gives a result or a `CloudAIError`."""
    for example in subject.examples:
        exchanges = example.held().exchanges
        if any(exchange.response.status not in GOOD for exchange in exchanges):
            continue
        provider = subject.provider(example)
        replies = [exchange.reply() for exchange in exchanges]
        for number, reply in enumerate(replies):
            for body, where in _damaged(reply.content):
                damaged = [*replies[:number], replace(reply, content=body), *replies[number + 1 :]]
                result = outcome(provider, example, Script(*damaged), offline=True)
                if isinstance(result, Exception) and not isinstance(result, CloudAIError):
                    yield bare(f"{example} with {where}", result, WIRE)
                    return  # one problem is enough, because there would be hundreds


def _damaged(content: bytes) -> Iterator[tuple[bytes, str]]:
    for whole in WHOLE:
        yield whole, f"the reply {whole[:20].decode()!r}"
    try:
        body = json.loads(content)
    except ValueError:
        return
    # The entries of a list have the same fields, so each field is damaged in one entry only.
    kinds = {tuple("*" if isinstance(name, int) else name for name in path): path for path in _paths(body, ())}
    paths = list(kinds.values())
    # In a large reply only every n-th field is damaged, so that the check ends in time.
    step = max(1, len(paths) * len(WRONG) // MOST)
    step += step > 1 and step % len(WRONG) == 0  # or each field would get the same wrong value
    for path, wrong in islice(((p, w) for p in paths for w in WRONG), None, None, step):
        yield json.dumps(_with(body, path, wrong)).encode(), f"{wrong!r} at {'.'.join(map(str, path))}"


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*path, name)
        yield from _paths(each, (*path, name))


def _with(body: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    """Return a copy of a body with another value at a path; what the path does not pass is shared with the body."""
    if not path:
        return wrong
    changed = copy.copy(body)
    changed[path[0]] = _with(body[path[0]], path[1:], wrong)
    return changed


def interrupted(subject: Subject) -> Iterator[Told]:
    """Check that a flow ends if it is cancelled at any step, and that a lost connection raises a `CloudAIError`."""
    advice = "Do not catch BaseException or GeneratorExit in a flow; use `finally` to clean up."
    for example in subject.examples:
        for at in range(_steps(subject, example)):
            # A cancellation must leave the flow as it came, whereas a flow may turn the loss of a connection into
            # another error.
            for thrown in (KeyboardInterrupt(), ConnectionLostError("the connection broke")):
                came = _thrown(subject, example, at, thrown)
                if isinstance(thrown, KeyboardInterrupt) and came is not thrown:
                    yield f"{example.operation} goes on when it is cancelled at step {at + 1}", advice
                elif isinstance(came, BaseException) and not isinstance(came, CloudAIError | KeyboardInterrupt):
                    yield bare(f"{example.operation}, its connection lost at step {at + 1}", came)
            if not _closes(subject, example, at):
                yield f"{example.operation} cannot be closed at step {at + 1}", advice


def _steps(subject: Subject, example: Example) -> int:
    return driven(subject, example).steps


def _thrown(subject: Subject, example: Example, at: int, thrown: BaseException) -> Any:
    provider = subject.provider(example)
    try:
        return Driver(provider, example.replies()).run(flow_of(provider, example), at=at, throw=thrown)
    except BaseException as error:  # noqa: BLE001
        return error


class _StopHere(BaseException):
    """An exception that is raised in place of a step's outcome, so that the flow is left where it is."""


def _closes(subject: Subject, example: Example, at: int) -> bool:
    provider = subject.provider(example)
    flow, driver = flow_of(provider, example), Driver(provider, example.replies())
    try:
        driver.run(flow, at=at, throw=_StopHere(), leave=True)
    except _StopHere:
        pass
    except Exception:  # noqa: BLE001  # the flow has ended by itself
        return True
    try:
        flow.close()
    except RuntimeError:  # Python raises it when a generator yields again
        return False
    return True
