"""Many inputs in one request: fewer requests, the same results, and nothing that one item does falls on another."""

from __future__ import annotations

import io
import random
from collections import Counter
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cloudai
from cloudai import Client, ConnectionLostError, Response
from cloudai.core.flow import Request
from cloudai.providers.google.vision import ANNOTATE_TOGETHER
from tests.made_up.merging import AZURE, FACE, Asked, azure, documents, google, picture
from tests.made_up.provider import Clock, ok
from tests.support.batches import both
from tests.support.length import length

JSON = {"content-type": "application/json"}


@pytest.mark.long
@both
def test_a_thousand_pictures_are_63_requests(colour: str, tmp_path: Path) -> None:
    """One is no picture, one the service cannot read: 998 results, two errors, nothing sent twice."""
    first, n = length((660, 50), (0, 1000), (0, 1000))
    photos = [picture(i) for i in range(first, first + n)]
    photos[n // 2] = "그냥 글".encode()
    run = Asked(colour, google)
    done = run("detect_faces", iter(photos), journal=tmp_path / "j")
    sizes = [len(request.json["requests"]) for request in run.server.requests]
    assert (len(sizes), sum(sizes), max(sizes)) == (-(-(n - 1) // 16), n - 1, 16)
    assert (done.books["done"], done.books["failed"], done.sent) == (n - 2, 2, len(sizes))
    assert [done.values("error_type")[n] for n in (n // 2, 700 - first)] == ["InputError", "BadRequestError"]
    assert sum(done.values("billed_max")) == n - 1
    again = Asked(colour, google)
    assert again("detect_faces", photos, journal=tmp_path / "j").books["done"] == n - 2
    assert again.n == 0


@pytest.mark.long
@both
def test_a_thousand_texts_are_100_requests(colour: str) -> None:
    """Ten documents each, found again by their ids; max_requests counts requests, max_units texts."""
    n = length(100, 1000, 1000)
    texts = [f"후기 {number}" for number in range(n)]
    run = Asked(colour, azure)
    done = run("sentiment", texts, plan=True)
    assert run.n == done.sent == n // 10
    assert done.plan is not None
    assert (done.plan.requests, done.plan.units) == (n // 10, n)
    assert done.books["done"] == n
    assert Asked(colour, azure)("sentiment", texts[:100], max_requests=3).books["done"] == 30
    assert Asked(colour, azure)("sentiment", texts[:100], max_units=35).books["done"] == 35


@pytest.mark.long
def test_pace_counts_requests() -> None:
    """Two hundred texts at two requests a minute: twenty requests, nine minutes."""
    clock = Clock()
    run = Asked("blocking", azure, clock=clock, sleep=clock.sleep)
    assert run("sentiment", [f"글 {n}" for n in range(200)], pace="2/min", concurrency=1).books["done"] == 200
    assert clock.now == pytest.approx(9 * 60.01)


@pytest.mark.long
@settings(max_examples=length(15, 40, 100), deadline=None)
@given(
    texts=st.lists(
        st.sampled_from([f"글 {'가' * n}" for n in range(9)] + ["오류 1", "오류 2", " ", "나"]), max_size=45
    ),
    workers=st.integers(1, 3),
    colour=st.sampled_from(["blocking", "awaiting"]),
)
def test_the_same_as_one_by_one(texts: list[str], workers: int, colour: str) -> None:
    """Each result and each error is that of a single call, for any groups, errors and order of the replies."""
    run = Asked(colour, azure)
    done = run("sentiment", texts, concurrency=workers)
    assert len(done.outcomes) == len(texts)
    with Client(cloudai.Azure(**AZURE), send=azure) as client:
        for outcome in done.outcomes:
            assert told(outcome.result, outcome.error) == told(*alone(client, texts[outcome.item]))


def alone(client: Client, text: str) -> tuple[Any, Exception | None]:
    """Return the result, or the error, of a single call."""
    try:
        return client.sentiment(text, language="ko"), None
    except cloudai.CloudAIError as error:
        return None, error


def told(result: Any, error: Any) -> tuple[Any, ...]:
    """Return the facts in which a single call and a batch must agree."""
    return result, result and result.raw, type(error), error and error.message


@both
def test_a_request_that_one_item_poisons_is_divided(colour: str) -> None:
    """Refused as a whole: its own members go again in halves until the one at fault is alone; no others do."""

    def answer(request: Request) -> Response:
        if any("독" in document["text"] for document in documents(request)):
            return Response(400, JSON, b'{"error": {"code": "InvalidRequest", "message": "no"}}')
        return azure(request)

    run = Asked(colour, answer)
    run.server.most = 100  # a batch that sends the refused request again and again ends
    texts = [f"글 {n}" for n in range(100)]
    texts[37] = "독"
    done = run("sentiment", texts, concurrency=2)
    assert (done.books["done"], done.books["failed"]) == (99, 1)
    assert done.values("error_type")[37] == "BadRequestError"
    times = Counter(document["text"] for request in run.server.requests for document in documents(request))
    assert sum(n > 1 for n in times.values()) <= 10
    assert run.n <= 10 + 2 + 8


@both
def test_a_lost_request_counts_every_item(colour: str, tmp_path: Path) -> None:
    """Each request that is lost may be billed for every input in it; the inputs that were sent last are in doubt."""
    clock = Clock()
    run = Asked(colour, lambda _: ConnectionLostError("reset"), clock=clock, sleep=clock.sleep)
    texts = [f"글 {n}" for n in range(10)]
    done = run("sentiment", texts, journal=tmp_path / "j")
    assert done.values() == ["in_doubt"] * 10
    sizes = [len(documents(request)) for request in run.server.requests]
    assert sizes[:3] == [10, 5, 5]
    assert run.n == done.sent == len(sizes)
    assert sum(done.values("billed_max")) == sum(sizes)
    again = Asked(colour, azure)
    assert again("sentiment", texts, journal=tmp_path / "j").books["done"] == 10
    assert all(len(documents(request)) <= 2 for request in again.server.requests)


@pytest.mark.long
@both
def test_large_pictures_go_in_smaller_parties(colour: str) -> None:
    """A request has ten megabytes at most: of pictures of three, two go together."""
    noise = random.Random(7)  # noqa: S311  # the same each time
    photos, n = [], length(3, 5, 5)
    for _ in range(n):
        out = io.BytesIO()
        PIL.Image.frombytes("L", (1500, 2000), noise.randbytes(3_000_000)).save(out, "PNG", compress_level=0)
        photos.append(out.getvalue())
    run = Asked(colour, google)
    assert run("detect_faces", photos).books["done"] == n
    bodies = [len(request.json_bytes()) for request in run.server.requests]
    assert len(bodies) == -(-n // 2)
    assert max(bodies) <= 10_000_000


@both
@pytest.mark.parametrize("n", [9, 11])
def test_a_reply_that_cannot_be_told_apart_is_nobodys(n: int, colour: str, tmp_path: Path) -> None:
    """Not as many replies as pictures, however few are sent: none gets another's, and the batch pauses.

    The pictures that were sent by themselves have failed with what was answered, and are not paid for again.
    """
    clock = Clock()
    run = Asked(colour, google, clock=clock, sleep=clock.sleep)
    run.server.answer = lambda _: ok({"responses": [{"faceAnnotations": [FACE]}] * n})
    photos = [picture(i) for i in range(10)]
    done = run("detect_faces", photos, journal=tmp_path / "j")
    assert isinstance(done.error, cloudai.PausedError)
    assert Counter(done.values()) == {"failed": 4, "in_doubt": 6}
    for outcome in done.outcomes:
        if outcome.status == "failed":
            assert isinstance(outcome.error, cloudai.MalformedResponseError)
            assert "faceAnnotations" in str(outcome.error.raw)
    sent = [item["image"]["content"].data for request in run.server.requests for item in request.json["requests"]]
    assert sum(done.values("billed_max")) == len(sent)
    assert run.n <= 9
    again = Asked(colour, google)
    assert again("detect_faces", photos, journal=tmp_path / "j").books["done"] == 6
    asked = [item["image"]["content"].data for request in again.server.requests for item in request.json["requests"]]
    assert len(asked) == 6


@both
def test_replies_that_cannot_be_told_apart_are_asked_for_one_by_one(colour: str) -> None:
    """A service that answers only one picture of a request: each picture has its own result in the end."""
    clock = Clock()
    run = Asked(colour, google, clock=clock, sleep=clock.sleep)
    run.server.answer = lambda _: ok({"responses": [{"faceAnnotations": [FACE]}]})
    assert run("detect_faces", [picture(i) for i in range(10)]).values() == ["ok"] * 10


@both
def test_copies_in_one_party_do_not_wait_for_themselves(colour: str) -> None:
    """Inputs with the same bytes in one group: one document each, no stand-still."""
    run = Asked(colour, azure)
    done = run("sentiment", ["가", "나", "가"] * 7, concurrency=3)
    assert done.books["done"] == 21
    assert sorted(d["text"] for request in run.server.requests for d in documents(request)) == ["가", "나"]


@both
def test_a_wrong_number_of_parts_ends_no_batch(colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a provider that divides a reply into too few parts, each input is asked for by itself in the end."""
    monkeypatch.setattr(type(ANNOTATE_TOGETHER), "split", lambda *_: [])
    clock = Clock()
    run = Asked(colour, google, clock=clock, sleep=clock.sleep)
    assert run("detect_faces", [picture(i) for i in range(20)]).values() == ["ok"] * 20
