"""A large reply is read in a thread under the awaiting client, and gives the same outcome as a small one."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from typing import Any, ClassVar

import pytest

import cloudai
from cloudai import AsyncClient, Azure, Client, Response
from cloudai.core.flow import MOST_REPLY, USUAL_REPLY, Flow, Request
from cloudai.core.json_reading import AT_ONCE
from cloudai.core.large_replies import Ended, resumed
from cloudai.errors import MalformedResponseError, ResponseTooLargeError
from cloudai.models.text import Sentiment
from cloudai.operations import OPERATIONS
from tests.conftest import Caller
from tests.made_up.provider import MadeUp

AZURE = Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")
FILLING = "a" * AT_ONCE


def reply(body: Any, **headers: str) -> Response:
    """Return a good reply with a JSON body."""
    return Response(200, headers, json.dumps(body).encode())


def sentiment(sentences: int) -> Response:
    """Return Azure's reply to a text of so many sentences."""
    shares = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
    each = [
        {"sentiment": "positive", "confidenceScores": shares, "offset": n, "length": 1, "text": "a"}
        for n in range(sentences)
    ]
    document = {"id": "0", "sentiment": "positive", "confidenceScores": shares, "sentences": each}
    return reply({"kind": "SentimentAnalysisResults", "results": {"documents": [document], "errors": []}})


class Where(MadeUp):
    """A provider that notes in which thread its flow reads the reply."""

    threads: ClassVar[list[threading.Thread]] = []

    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Read one reply."""
        response: Response = yield Request("POST", "https://made-up.example/v1", json={"text": text})
        self.threads.append(threading.current_thread())
        return Sentiment(score=response.json()["score"], language=language)


@pytest.mark.parametrize("filling", ["", FILLING])
def test_a_large_reply_is_read_in_a_thread_where_the_client_awaits(call: Caller, filling: str) -> None:
    """A small reply is read at once; a blocking client reads every reply in the calling thread."""
    Where.threads.clear()
    result = call(Where(key="k"), "sentiment", "x", send=lambda _: reply({"score": 0.5, "filling": filling}))
    assert result.score == 0.5
    elsewhere = Where.threads != [threading.main_thread()]
    assert elsewhere == (call.colour == "awaiting" and bool(filling))


def test_the_event_loop_goes_on_while_a_large_reply_is_read() -> None:
    """The loop has many turns while three thousand sentences are read: no step holds the interpreter throughout."""
    turns = 0

    async def main() -> int:
        nonlocal turns
        body = sentiment(3000)
        assert body.is_large

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        ticking = asyncio.ensure_future(turn())
        arrived = 0

        async def send(_: Request) -> Response:
            nonlocal arrived
            arrived = turns
            return body

        async with AsyncClient(AZURE, send=send) as client:
            result = await client.sentiment("a" * 3000, language="en")
        ticking.cancel()
        assert len(result) == 3000
        return turns - arrived

    assert asyncio.run(main()) > 20


def test_errors_of_a_large_reply_are_those_of_a_small_one(call: Caller) -> None:
    """What cannot be read, an error inside a 200 and an error reply are told from each other whatever their size."""
    with pytest.raises(MalformedResponseError, match="not JSON"):
        call(AZURE, "sentiment", "x", send=lambda _: Response(200, {}, b'["' + FILLING.encode()))
    failed = {"error": {"code": "InvalidDocument", "message": FILLING}}
    with pytest.raises(cloudai.BadRequestError):
        call(
            AZURE,
            "sentiment",
            "x",
            send=lambda _: reply({"results": {"documents": [], "errors": [{"id": "0", **failed}]}}),
        )
    with pytest.raises(cloudai.AuthError):
        call(AZURE, "sentiment", "x", send=lambda _: Response(401, {}, json.dumps(failed).encode()))


def test_a_reply_is_parsed_once(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    """A large reply is looked through once, however often it is read, and also if it cannot be read."""
    from cloudai.core import flow

    seen: list[int] = []
    parsed = flow.parsed
    monkeypatch.setattr(flow, "parsed", lambda content: (seen.append(len(content)), parsed(content))[1])
    for body in (sentiment(1000).content, b"[" * 200_000):
        seen.clear()
        with suppress(ResponseTooLargeError):
            call(AZURE, "sentiment", "a" * 1000, language="en", send=lambda _, body=body: Response(200, {}, body))
        assert seen == [len(body)]


def test_a_call_that_is_cancelled_while_its_reply_is_read_closes_its_flow() -> None:
    """The flow is closed once it comes to a halt in its thread; until then nobody touches it."""
    reading, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Slow(MadeUp):
        def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
            try:
                yield Request("POST", "https://made-up.example/v1", json={"text": text})
                reading.set()
                go_on.wait(5)
                yield Request("POST", "https://made-up.example/v1", json={"text": "never sent"})
                return Sentiment(score=0.5)
            finally:
                closed.set()

    sent: list[Request] = []

    async def main() -> None:
        async with AsyncClient(Slow(key="k"), send=lambda r: (sent.append(r), reply(FILLING))[1]) as client:
            task = asyncio.ensure_future(client.sentiment("x"))
            await asyncio.to_thread(reading.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not closed.is_set()
            go_on.set()
            await asyncio.to_thread(closed.wait, 5)

    asyncio.run(main())
    assert closed.is_set()
    assert len(sent) == 1


def test_a_flow_that_is_given_up_before_its_thread_begins_is_closed_at_once() -> None:
    """A thread that comes to it later does not run it any more."""
    ended: list[str] = []

    def flow() -> Flow[int]:
        try:
            yield Request("POST", "u")
            ended.append("went on")
            return 1
        finally:
            ended.append("closed")

    begun = flow()
    begun.send(None)
    program = resumed(begun, reply(FILLING))
    step = next(program)
    program.close()
    assert ended == ["closed"]
    assert step.function() == Ended(None)  # type: ignore[union-attr]
    assert ended == ["closed"]


def test_each_operation_has_a_limit_for_its_replies() -> None:
    """Four megabytes are the usual limit; dense text, long transcripts and sound may have more."""
    more = {name for name, operation in OPERATIONS.items() if operation.max_reply != USUAL_REPLY}
    assert more == {"analyze_image", "read_text", "speech_to_text", "text_to_speech"}
    assert USUAL_REPLY == 4_000_000
    assert all(OPERATIONS[name].max_reply == MOST_REPLY for name in more)


def test_the_limit_holds_for_the_users_own_send_too(call: Caller) -> None:
    """A reply that ``send=`` returns as a whole is refused where it is larger than the operation's replies may be."""
    sizes: list[int] = []

    def send(request: Request) -> Response:
        sizes.append(request.max_reply)
        return Response(200, {}, b" " * (USUAL_REPLY + 1))

    with pytest.raises(ResponseTooLargeError, match="more than 4 MB") as raised:
        call(AZURE, "sentiment", "x", send=send)
    assert (raised.value.state, raised.value.attempts, raised.value.billed_max) == ("UNKNOWN", 1, 1)
    assert sizes == [USUAL_REPLY]


def test_a_joined_request_may_have_the_replies_of_all_its_inputs() -> None:
    """The limits of the inputs that go out as one are added up, to the most that any reply may have."""
    sizes: list[int] = []

    def send(request: Request) -> Response:
        documents = request.json["analysisInput"]["documents"]
        sizes.append(request.max_reply)
        one = json.loads(sentiment(0).content)["results"]["documents"][0]
        return reply({"results": {"documents": [{**one, "id": d["id"]} for d in documents], "errors": []}})

    texts = ["가", "나", "다"]
    with (
        Client(AZURE, send=send) as client,
        client.batch("sentiment", texts, concurrency=1, options={"language": "ko"}) as job,
    ):
        assert all(item.result for item in job)
    assert sizes == [3 * USUAL_REPLY]


def test_a_number_beyond_all_in_a_joined_reply_is_refused() -> None:
    """A joined reply is read as a whole before it is divided, so that nobody's part has a number that JSON has not."""

    def send(request: Request) -> Response:
        documents = request.json["analysisInput"]["documents"]
        one = json.loads(sentiment(0).content)["results"]["documents"][0]
        body = {"results": {"documents": [{**one, "id": d["id"]} for d in documents], "errors": []}}
        return Response(200, {}, json.dumps(body).encode()[:-1] + b', "nobody": {"reads": 1e999}}')

    texts = ["가", "나", "다"]
    with Client(AZURE, send=send) as client, client.batch("sentiment", texts, concurrency=1) as job:
        assert [type(item.error) for item in job] == [MalformedResponseError] * 3
