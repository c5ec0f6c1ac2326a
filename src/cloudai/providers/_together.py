"""The rule by which requests that each hold one text go out as one, where a vendor takes a list of texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from cloudai.core.flow import Request, Response
from cloudai.errors import MalformedResponseError

__all__ = ["TextsTogether", "only_reply"]

T = TypeVar("T")


@dataclass(frozen=True)
class TextsTogether:
    """The rule for vendors whose reply has a list with one part for each text, in order.

    A request that is refused because of one of its texts is divided by the batch, until that text is alone.

    Args:
        limit: The most texts in a request.
        most: The largest size of a request.
        size: The size of what a request holds, as the vendor counts it.
        texts: The path to the list of texts in the body of a request; empty where the body is that list.
        replies: The path to the list of parts in the body of a reply; empty where the body may be that list.
    """

    limit: int
    most: int
    size: Callable[[Request], int] = field(compare=False)
    texts: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()

    def key(self, request: Request) -> object:
        """Return a key that is the same for requests that differ in nothing but their text."""
        given = _at(request.json, self.texts)
        if not isinstance(given, list) or len(given) != 1:
            return object()  # extra= has changed the body, so it is merged with no other request
        # The options of a call stand in the body beside the text. They are compared as JSON, because a dict cannot be a
        # key.
        return *request.addressed, json.dumps(_with(request.json, self.texts, []), sort_keys=True)

    def slots(self, requests: Sequence[Request]) -> int:
        """Return how many texts the requests have."""
        return len(requests)

    def fits(self, requests: Sequence[Request]) -> bool:
        """Return whether the requests fit into one, by the number of their texts and by their size."""
        if len(requests) == 1:
            return True  # extra= may have given it a body of another shape
        return len(requests) <= self.limit and sum(map(self.size, requests)) <= self.most

    def join(self, requests: Sequence[Request]) -> Request:
        """Return one request with the texts of all, in order."""
        texts = [_at(request.json, self.texts)[0] for request in requests]
        body = _with(requests[0].json, self.texts, texts)
        return replace(requests[0], json=body, billed=sum(request.billed for request in requests))

    def split(self, response: Response, requests: Sequence[Request]) -> list[Response]:
        """Return the reply to each request as if it had been sent by itself.

        Raises:
            MalformedResponseError: The reply does not have one part for each text.
        """
        body = response.json()
        # Translator sends a bare list in v3, and an object with the list as "value" in its API of 2026-06-06.
        path = () if isinstance(body, list) else self.replies
        parts = _at(body, path)
        # The parts have no identifiers, and are told apart by their order alone. Where one is missing, each text behind
        # it would get the answer to its neighbour.
        if not isinstance(parts, list) or len(parts) != len(requests):
            raise MalformedResponseError(f"{len(requests)} texts were sent, and not as many replies came")
        # Each part gets the shape of a whole reply, so that the flow of one text reads it as if the text had been sent
        # alone.
        return [response.with_json(_with(body, path, [part])) for part in parts]


def _at(body: Any, path: Sequence[str]) -> Any:
    """Return what stands at a path of JSON, or None where nothing does."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def _with(body: Any, path: Sequence[str], value: Any) -> Any:
    """Return JSON in which another value stands at a path."""
    if not path:
        return value
    return {**body, path[0]: _with(body[path[0]], path[1:], value)}


def only_reply(items: Sequence[T]) -> T:
    """Return the part of a reply for the one text that was sent.

    Raises:
        MalformedResponseError: The reply has another number of parts.
    """
    if len(items) != 1:
        raise MalformedResponseError(f"one text was sent, {len(items)} replies came")
    return items[0]
