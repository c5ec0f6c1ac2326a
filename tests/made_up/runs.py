"""A batch in a process of its own, to be killed: `main` starts one run for every line that it is given.

The process stays; each run is a child of it, made by fork, so that nothing has to be imported again. A run reads its
wishes as JSON: journal, url, colour, n, operation, workers, failpoint.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cloudai import AsyncClient, Client
from cloudai.batch import queries, rows
from cloudai.batch.journal import Journal
from cloudai.core.flow import Flow, Request, Response
from cloudai.errors import MalformedResponseError
from cloudai.models.text import KeyPhrases, Language, Sentiment
from cloudai.providers.base import Provider, capability

__all__ = ["Far", "main", "texts_of"]


def texts_of(n: int) -> list[str]:
    """Return texts that are all different."""
    return [f"후기 {number}" for number in range(n)]


@dataclass(frozen=True)
class Five:
    """A rule by which five texts go into one request."""

    limit: int = 5

    def key(self, request: Request) -> object:
        """Return the address: all requests to it are merged."""
        return request.url

    def slots(self, requests: Sequence[Request]) -> int:
        """Return the number of requests, each of which takes one slot."""
        return len(requests)

    def fits(self, requests: Sequence[Request]) -> bool:
        """Return whether the requests are few enough for one."""
        return len(requests) <= self.limit

    def join(self, requests: Sequence[Request]) -> Request:
        """Join the texts of requests, one after the other."""
        texts = [text for request in requests for text in request.json["texts"]]
        return replace(requests[0], json={"texts": texts}, billed=len(texts))

    def split(self, response: Response, requests: Sequence[Request]) -> list[Response]:
        """Split a reply into one for each request."""
        answers = response.json()["answers"]
        assert len(answers) == len(requests)
        return [replace(response, content=json.dumps({"answers": [answer]}).encode()) for answer in answers]


class Far(Provider):
    """The made-up vendor, on the loopback: one request, and a job that is polled."""

    name = "far"
    hosts = ("127.0.0.1",)

    def __init__(self, url: str) -> None:
        self._given = {}
        self.url = url

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request."""
        response: Response = yield Request("POST", f"{self.url}/mood", service="mood", api="v1", json={"text": text})
        return Sentiment(score=response.json()["score"], language=language)

    @capability("open")
    def key_phrases(self, text: str, *, language: str | None) -> Flow[KeyPhrases]:
        """Send one request, which up to five texts share."""
        body = {"texts": [text]}
        response: Response = yield Request(
            "POST", f"{self.url}/many", service="many", api="v1", json=body, merge=Five()
        )
        [answer] = response.json()["answers"]
        if answer["text"] != text:
            raise MalformedResponseError("another's answer")
        return KeyPhrases()

    def max_per_request(self, operation: str) -> int:
        """Return five for requests that are merged, else one."""
        return 5 if operation == "key_phrases" else 1

    @capability("open")
    def detect_language(self, text: str) -> Flow[Language]:
        """Send a job, and poll it."""
        response: Response = yield Request("POST", f"{self.url}/jobs", service="tongue", api="v1", json={"text": text})
        job = response.json()["job"]
        while True:
            response = yield Request("GET", f"{self.url}/jobs/{job}", service="tongue", api="v1", delay=0.005, billed=0)
            if code := response.json().get("code"):
                return Language(code=code)


def run(wish: dict[str, Any]) -> None:
    """Carry out one run, to its end or to the failpoint."""
    if wish.get("failpoint"):
        _die_at(wish["failpoint"], wish["after"])
    settings: dict[str, Any] = {"journal": wish["journal"], "concurrency": wish["workers"]}
    texts = texts_of(wish["n"])
    if wish["colour"] == "awaiting":
        asyncio.run(_awaiting(wish, texts, settings))
        return
    with (
        Client(Far(wish["url"])) as client,
        client.batch(wish["operation"], texts, **settings) as job,  # type: ignore[call-overload]
    ):
        assert sum(outcome.status in ("ok", "none_found") for outcome in job) == wish["n"]
        assert job.balanced


async def _awaiting(wish: dict[str, Any], texts: list[str], settings: dict[str, Any]) -> None:
    async with (
        AsyncClient(Far(wish["url"])) as client,
        client.batch(wish["operation"], texts, **settings) as job,  # type: ignore[call-overload]
    ):
        assert len([outcome async for outcome in job if outcome.result is not None]) == wish["n"]
        assert job.balanced


def _die_at(failpoint: str, after: int) -> None:
    """End the process, as a power cut would, before or after the n-th time a step of the journal is carried out."""
    when, _, step = failpoint.partition(" ")
    left = [after]

    def dies() -> bool:
        left[0] -= 1
        return left[0] < 0

    if step in ("send", "reply"):
        from cloudai.transport.async_http import AsyncNetwork
        from cloudai.transport.http import Network

        sends, awaits = Network.__call__, AsyncNetwork.__call__

        def send(self: Any, request: Any) -> Any:
            if step == "send" and dies():
                os._exit(9)
            reply = sends(self, request)
            if step == "reply" and dies():
                os._exit(9)
            return reply

        async def asend(self: Any, request: Any) -> Any:
            if step == "send" and dies():
                os._exit(9)
            reply = await awaits(self, request)
            if step == "reply" and dies():
                os._exit(9)
            return reply

        Network.__call__, AsyncNetwork.__call__ = send, asend  # type: ignore[method-assign]
        return
    module = queries if hasattr(queries, step) else rows
    made, commit, marked = getattr(module, step), Journal._commit, []

    def make(*arguments: Any, **options: Any) -> Any:
        work = made(*arguments, **options)

        def watched(db: Any) -> Any:
            marked.append(work)
            return work(db)

        return watched

    def committed(self: Journal, works: Any) -> None:
        if when == "before":
            # The process dies before COMMIT: the transaction has begun, and what it holds is written.
            execute = self._db.execute

            class Cut:
                def execute(self, sql: str, *rest: Any) -> Any:
                    if sql == "COMMIT" and marked and dies():
                        os._exit(9)
                    if sql == "COMMIT":
                        marked.clear()
                    return execute(sql, *rest)

            db, self._db = self._db, Cut()  # type: ignore[assignment]
            try:
                commit(self, works)
            finally:
                self._db = db
            return
        commit(self, works)
        if marked and dies():
            os._exit(9)
        marked.clear()

    for each in (queries, rows):  # a step of one may be known in the other
        if hasattr(each, step):
            setattr(each, step, make)
    Journal._commit = committed  # type: ignore[method-assign]


def main() -> None:
    """Fork a run for each line; its number and, in the end, how it ended are told, a line each."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 3
            try:
                run(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(child, flush=True)  # noqa: T201  # its caller reads it
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201
