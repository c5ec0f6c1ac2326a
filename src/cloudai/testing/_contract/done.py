"""Check what a provider does with the replies of the examples: its flows, results and requests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cloudai.core.flow import Blob, File, Request
from cloudai.core.redaction import names_a_credential
from cloudai.errors import CloudAIError, ContractError, ReplayError, ServiceError
from cloudai.models.base import Result
from cloudai.operations import OPERATIONS
from cloudai.testing._contract.subject import (
    GOOD,
    Example,
    Outcome,
    Subject,
    Told,
    bare,
    driven,
    flow_of,
    outcome,
    shown,
)
from cloudai.testing._written import asked

__all__ = ["clients", "flows", "requests", "results"]


def flows(subject: Subject) -> Iterator[Told]:
    """Check that each operation returns a generator of steps that performs no I/O of its own."""
    for example in subject.examples:
        try:
            flow = flow_of(subject.provider(example), example)
        except ContractError as error:
            yield error.message, str(error.advice)
            continue
        except Exception as error:  # noqa: BLE001
            yield bare(f"{example.operation} raises when it is called", error, "Raise within the flow: write `yield`.")
            continue
        flow.close()
        driver = driven(subject, example)
        for strange in driver.strange:
            yield (
                f"{example.operation} yields a {strange}",
                "A flow yields a Request, or `yield from` call(…) or parallel(…).",
            )
        for did in driver.did:
            what = (
                f"{example.operation} does {did} itself: that would stop an event loop, and no cassette can replay it"
            )
            yield what, "Yield a Request, or put blocking work into `yield from call(function, …)`."


def results(subject: Subject) -> Iterator[Told]:
    """Check that a good reply gives the operation's result with its origin, and a refusal a `ServiceError`.

    A result must also survive JSON, and its call must ask for every exchange of the cassette. A `ServiceError` in place
    of a result is no problem, because a vendor may report an error inside a good reply; but of each operation at least
    one example must give a result.
    """
    failures: dict[str, list[tuple[Example, Exception]]] = {}
    for example in subject.examples:
        send = example.replies()
        result = outcome(subject.provider(example), example, send, offline=True)
        if isinstance(result, CloudAIError) and not isinstance(result, ReplayError):
            failures.setdefault(example.operation, []).append((example, result))
            yield from _failed(example, result)
        elif isinstance(result, Exception):
            yield bare(str(example), result) if not isinstance(result, ReplayError) else _not_held(example, result)
        elif not isinstance(result, OPERATIONS[example.operation].result):
            what = f"{example.operation} gives a {type(result).__name__}"
            yield what, f"Return a {OPERATIONS[example.operation].result.__name__}."
        elif send.left:
            yield (
                f"{example}: {len(send.left)} exchanges of the cassette are not asked for",
                "Ask for them, or take them out.",
            )
        else:
            yield from _whole(subject, example, result)
    for operation, failed in failures.items():
        good = [(example, error) for example, error in failed if not _is_refused(example)]
        if good and len(failed) == sum(example.operation == operation for example in subject.examples):
            example, error = good[0]
            what = f"no example of {operation} gives a result: {example} has good replies, and ends in {_said(error)}"
            yield what, "Return the result of a good reply, or give an example that has one."


def _is_refused(example: Example) -> bool:
    return any(exchange.response.status not in GOOD for exchange in example.held().exchanges)


def _failed(example: Example, error: CloudAIError) -> Iterator[Told]:
    """Yield a problem if the error of an example is not one that its replies stand for."""
    if _is_refused(example):
        if not isinstance(error, ServiceError):
            yield f"{example} is refused, and the error is {type(error).__name__}", "Leave error() to Provider."
    elif example.held().exchanges and not isinstance(error, ServiceError):
        yield (
            f"{example} has good replies, and ends in {_said(error)}",
            "Return the result of a good reply, or take the example out.",
        )


def _said(error: Exception) -> str:
    return shown(error)


def _not_held(example: Example, error: Exception) -> Told:
    """Return the problem of a cassette that does not hold a request of the flow, with advice."""
    return f"{example}: {error}", "Its cassette must hold what the flow asks, and the flow ask the same every time."


def _whole(subject: Subject, example: Example, result: Result) -> Iterator[Told]:
    """Yield a problem if a provider with hosts leaves out ``meta.service``, or if the result does not survive JSON."""
    if subject.kind.hosts and not result.meta.service:
        yield f"{example.operation}: meta.service is not known", 'Give Request(service="…", api="…").'
    try:
        result.to_rows()
        whole = type(result).model_validate_json(result.model_dump_json(warnings=False)) == result
    except (ValueError, TypeError):
        whole = False
    if not whole:
        yield (
            f"{example.operation}: its result does not survive JSON",
            "Make it by its class, which checks it.",
        )


def clients(subject: Subject) -> Iterator[Told]:
    """Check that the blocking and the awaiting client give the same result."""
    for example in subject.examples:
        blocking, awaited = (
            outcome(subject.provider(example), example, example.replies(), awaiting=awaiting, offline=True)
            for awaiting in (False, True)
        )
        if _comparable(blocking) != _comparable(awaited):
            what = f"{example}: the blocking client gives {shown(blocking)}, the awaiting one {shown(awaited)}"
            yield what, "A flow must not know its caller: no event loop, no thread, no state between calls."


def _comparable(result: Outcome) -> Any:
    """Return a value by which two outcomes are compared; it leaves out when a call was made and how long it took."""
    if isinstance(result, Result):
        # The time of a call differs from one call to the next.
        meta = result.meta.model_dump(exclude={"called_at", "elapsed"})
        return type(result), result.model_dump(), result.raw, meta
    return type(result), str(result)


def requests(subject: Subject) -> Iterator[Told]:
    """Check that requests are plain data without credentials, always the same, and go by https to a declared host."""
    for example in subject.examples:
        driver = driven(subject, example)
        again = driven(subject, example)
        for request in driver.requests:
            yield from _plain(example, request)
            yield from _addressed(subject, example, request)
        # A request that is no plain data cannot be compared, and is a problem of its own already.
        if not any(_plain_problem(request) for request in driver.requests) and [*map(asked, driver.requests)] != [
            *map(asked, again.requests)
        ]:
            yield (
                f"{example.operation} asks otherwise the second time",
                "Leave times and random numbers out of requests; sign() may add them. Else nothing can be replayed.",
            )


def _plain_problem(request: Request) -> str | None:
    """Return what keeps a request from being plain data, as a text that goes on from "a request", or None."""
    bodies = [part for part in ("json", "content", "files") if getattr(request, part) is not None]
    if len(bodies) > 1:
        return f"has {' and '.join(bodies)}"
    if not isinstance(request.content, Blob | bytes | None):
        return f"has a {type(request.content).__name__} as content"
    texts = [each for value in request.params.values() for each in (value if isinstance(value, tuple) else (value,))]
    if not all(isinstance(text, str) for text in (*request.headers.values(), *texts)):
        return "has a header or a parameter that is no text"
    try:
        json.dumps(asked(request))
    except (TypeError, ValueError) as error:
        return f"is no plain data ({error})"
    return None


def _plain(example: Example, request: Request) -> Iterator[Told]:
    """Yield a problem if a request is not plain data, has an upload that is no `Blob`, or has a header with a key."""
    if problem := _plain_problem(request):
        yield f"{example.operation}: a request {problem}", "Give texts and numbers, and uploads as Blob or File."
        return
    if OPERATIONS[example.operation].input != "text" and (loose := _loose(request)):
        what = f"{example.operation}: the upload is not known by the input it was made of ({loose})"
        yield what, "Send the blob that image.fit or audio.probe gives: cassettes and journals find a call by it."
    for header in request.headers:
        if names_a_credential(header):
            yield f"{example.operation}: the flow sets {header}", "Set it in sign(): what a flow asks is written down."


def _loose(request: Request) -> str | None:
    """Return which upload of a request is bytes and not a `Blob`, in words, or None.

    A field of a form may be bytes, because the provider itself has written it.
    """
    if isinstance(request.content, bytes):
        return "bytes as content"
    for name, file in (request.files or {}).items():
        if isinstance(file, File) and file.name is not None and isinstance(file.content, bytes):
            return f"bytes as file {name}"
    return None


def _addressed(subject: Subject, example: Example, request: Request) -> Iterator[Told]:
    """Yield a problem if a request does not go by https, or goes to a host that the provider does not declare.

    The host is not checked if it is that of the user's own endpoint, or if no credentials are sent there.
    """
    parts = urlsplit(request.url)
    if parts.scheme != "https":
        yield f"{example.operation} asks {parts.scheme}://", "Use https."
    if request.endpoint or not request.credentials:
        return
    if not subject.kind.hosts:
        yield f"{example.operation} asks {parts.hostname}, and hosts is empty", "Give hosts: users ask where data goes."
    elif not any(_is_host(pattern, parts.hostname or "") for pattern in subject.kind.hosts):
        yield f"{example.operation} asks {parts.hostname}, which is not in hosts", "Add it: users ask where data goes."


def _is_host(pattern: str, host: str) -> bool:
    """Return whether a host fits a pattern, in which braces stand for any text, dots included, or for none.

    "{region}.example.com" fits "eu.example.com" and "a.b.example.com".
    """
    return re.fullmatch("[a-z0-9.-]*".join(map(re.escape, re.split(r"\{[^}]*\}", pattern))), host) is not None
