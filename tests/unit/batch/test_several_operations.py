"""Several operations on each input: an outcome for each, and what can be asked of a picture at once is one request."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cloudai
from cloudai import Azure, Client, Provider, SettingsError
from cloudai.core.flow import Blob, Flow, Request, Response
from cloudai.media import Image, ImageLimits
from cloudai.models.face import Faces
from cloudai.models.image import ImageAnalysis
from cloudai.providers.google.vision import FIELDS, AnnotateTogether
from tests.made_up.merging import AZURE, FACE, Asked, azure, picture
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher, Server, both
from tests.support.length import length

BOTH = ["analyze_image", "detect_faces"]
SAYS: dict[str, Any] = {
    "FACE_DETECTION": [FACE],
    "LABEL_DETECTION": [{"description": "나무", "score": 0.9}],
    "OBJECT_LOCALIZATION": [],
    "TEXT_DETECTION": [],
}


def seen(item: dict[str, Any]) -> dict[str, Any]:
    """Return what Google would say of one item: what was asked, by picture; an error for one that is the 7th."""
    content = item["image"]["content"]
    if content.data == picture(7):
        return {"error": {"code": 3, "message": "Bad image data."}}
    reply: dict[str, Any] = {}
    for feature in item["features"]:
        [name, *_] = FIELDS[feature["type"]]
        found = SAYS[feature["type"]]
        reply[name] = [
            {**each, **({"score": len(content.data) % 90 / 100} if "score" in each else {})} for each in found
        ]
    return reply


def google(request: Request) -> Response:
    """Answer in the shape of Google's replies."""
    return ok({"responses": [seen(item) for item in request.json["requests"]]})


def run_of(colour: str, answer: Any = google, **client: Any) -> tuple[Batcher, Server]:
    """Return a batcher of Google, and a server that counts."""
    server = Server(answer)
    return Batcher(colour, cloudai.Google(api_key="not-a-real-key"), server, client), server


@pytest.mark.long
@both
def test_one_request_for_all_that_is_asked_of_a_picture(colour: str, tmp_path: Path) -> None:
    """Forty pictures, two operations: three requests of sixteen pictures, each sent once, with all its features."""
    run, server = run_of(colour)
    photos = [picture(i + 10) for i in range(40)]
    done = run(BOTH, photos, journal=tmp_path / "j", plan=True)
    sizes = [len(request.json["requests"]) for request in server.requests]
    assert (len(sizes), sum(sizes), max(sizes)) == (3, 40, 16)
    item = server.requests[0].json["requests"][0]
    assert {feature["type"] for feature in item["features"]} == {
        "LABEL_DETECTION",
        "OBJECT_LOCALIZATION",
        "FACE_DETECTION",
    }
    assert done.books["submitted"] == done.books["done"] == len(done.outcomes) == 80
    assert done.plan is not None
    assert (done.plan.inputs, done.plan.requests, done.plan.units) == (40, 3, 80)
    assert [row["operation"] for row in done.table][:4] == BOTH * 2
    assert [row["item"] for row in done.table][:4] == [0, 0, 1, 1]
    assert {row["operation"] for row in done.tidy} == set(BOTH)
    again = run(BOTH, photos, journal=tmp_path / "j")
    assert (again.books["done"], len(server.requests)) == (80, 3)
    one = run("detect_faces", photos, journal=tmp_path / "j")
    assert (one.books["done"], len(server.requests)) == (40, 3)  # known from the batch of both


@pytest.mark.long
@settings(max_examples=length(10, 30, 100), deadline=None)
@given(
    photos=st.lists(st.integers(0, 12), min_size=1, max_size=20),
    colour=st.sampled_from(["blocking", "awaiting"]),
    seed=st.integers(0, 99),
)
def test_each_is_as_if_asked_alone(photos: list[int], colour: str, seed: int) -> None:
    """Results, errors and raw replies, among copies and pictures that the service cannot read."""
    options = {"analyze_image": {"features": random.Random(seed).sample(["tags", "faces", "text", "objects"], 2)}}  # noqa: S311
    run, server = run_of(colour)
    done = run(BOTH, [picture(n) for n in photos], options=options, concurrency=2)
    alone = Client(cloudai.Google(api_key="not-a-real-key"), send=Server(google))
    for outcome in done.outcomes:
        call = getattr(alone, outcome.operation)
        data = picture(photos[outcome.item])
        if outcome.error is not None:
            with pytest.raises(type(outcome.error)) as raised:
                call(data, **options.get(outcome.operation, {}))
            assert raised.value.message == outcome.error.message
            continue
        single = call(data, **options.get(outcome.operation, {}))
        assert outcome.result == single
        assert outcome.result.raw == single.raw
    assert done.balanced
    assert sum(len(request.json["requests"]) for request in server.requests) <= 2 * len(set(photos))


@both
def test_what_cannot_be_asked_at_once_is_asked_apart(colour: str) -> None:
    """The same feature twice with other limits, or another hint of language: one item each, one request for both."""
    run, server = run_of(colour)
    for options in ({"features": ["faces"], "max_results": 3}, {"features": ["tags"], "language": "ko"}):
        before = len(server.requests)
        done = run(BOTH, [picture(50)], options={"analyze_image": options})
        assert done.books["done"] == 2
        [request] = server.requests[before:]
        assert len(request.json["requests"]) == 2


@pytest.mark.long
@both
def test_texts_may_be_asked_several_things(colour: str) -> None:
    """An operation that is not there is told for each input; the other is answered, ten texts a request."""

    class Mute(Azure):
        """Azure without the operation that speaks."""

        text_to_speech = Provider.text_to_speech

    run = Asked(colour, azure)
    run.provider = Mute(**AZURE)
    options = {"sentiment": {"language": "ko"}}
    done = run(["sentiment", "text_to_speech"], [f"후기 {n}" for n in range(20)], options=options, plan=True)
    assert run.n == 2
    assert done.plan is not None
    assert (done.plan.requests, done.plan.units, len(done.plan.refused)) == (2, 20, 20)
    assert {(o.operation, o.status) for o in done.outcomes} == {("sentiment", "ok"), ("text_to_speech", "unsupported")}
    assert done.balanced
    assert all(row["input"].startswith("후기") for row in done.table)


@both
def test_a_file_is_read_once(colour: str) -> None:
    """An open file that can be read once serves all operations."""
    run, _ = run_of(colour)
    done = run(BOTH, [io.BytesIO(picture(60)), io.BytesIO(picture(61))])
    assert done.books["done"] == 4


@both
def test_the_second_reading_knows_which_is_which(colour: str, tmp_path: Path) -> None:
    """`reparse` reads each reply by its own operation, and needs no picture."""
    run, server = run_of(colour)
    first = run(BOTH, [picture(n + 10) for n in range(5)], journal=tmp_path / "j")
    again = run(BOTH, [picture(n + 10) for n in range(5)], journal=tmp_path / "j", reparse=True)
    assert again.reparsed == 10
    assert len(server.requests) == 1
    results = [{(o.item, o.operation): o.result for o in done.outcomes} for done in (first, again)]
    assert results[0] == results[1]
    assert set(again.manifest["operation"]) == set(BOTH)
    assert again.manifest["requests"] == 1
    assert again.manifest["books"] == {"ok": 10}


@pytest.mark.long
@both
def test_a_limit_counts_all_of_them(colour: str, tmp_path: Path) -> None:
    """`max_requests` and `max_units` are over all operations; what was not begun is entered for each."""
    run, server = run_of(colour)
    photos = [picture(n + 10) for n in range(40)]
    done = run(BOTH, photos, journal=tmp_path / "j", max_requests=1, concurrency=1)
    assert (len(server.requests), done.books["done"], done.books["not_started"]) == (1, 32, 48)
    assert done.balanced
    assert len(done.table) == 80
    assert run(BOTH, photos, journal=tmp_path / "j").books["done"] == 80


@pytest.mark.parametrize(
    ("operations", "options", "says"),
    [
        ([], {}, "Give each operation once"),
        (["sentiment", "sentiment"], {}, "Give each operation once"),
        (["sentiment", "detect_faces"], {}, "do not take the same inputs"),
        (["sentiment", "nonsense"], {}, "no operation"),
        (BOTH, {"landmarks": True}, "under their names"),
        (BOTH, {"detect_faces": {"nonsense": 1}}, "has no option"),
        (BOTH, {"detect_faces": True}, "under their names"),
    ],
)
def test_what_cannot_be_asked_is_told(operations: Any, options: Any, says: str) -> None:
    """Before anything is opened or sent."""
    with Client(MadeUp(), send=Server(google)) as client, pytest.raises(SettingsError, match=says):
        client.batch(operations, [], options=options)


def test_a_picture_by_its_address_is_one_item_too() -> None:
    """The same address, two operations: the vendor fetches it once."""
    server = Server(lambda request: ok({"responses": [{}] * len(request.json["requests"])}))
    run = Batcher("blocking", cloudai.Google(api_key="not-a-real-key"), server)
    assert run(BOTH, ["https://example.com/사진.jpg"]).books["done"] == 2
    [request] = server.requests
    [item] = request.json["requests"]
    assert not isinstance(item["image"].get("content"), Blob)


class TwoSizes(MadeUp):
    """Takes pictures of 40 px for one operation, of 20 px for another."""

    def analyze_image(self, image: Image, **_: Any) -> Flow[ImageAnalysis]:
        """Send one request."""
        yield from self._sent(image, 40)
        return ImageAnalysis()

    def detect_faces(self, image: Image, **_: Any) -> Flow[Faces]:
        """Send one request."""
        yield from self._sent(image, 20)
        return Faces()

    def _sent(self, image: Image, side: int) -> Flow[None]:
        sent = yield from image.fit(ImageLimits("V", frozenset({"PNG"}), 1_000_000, side))
        yield Request("POST", "https://made-up.example/v1", service="mood", content=sent.blob)


@both
def test_each_operation_says_what_it_was_sent(colour: str) -> None:
    """They look at one file, and each has made its own of it."""
    server = Server(lambda request: ok({}))
    done = Batcher(colour, TwoSizes(key="not-a-real-key"), server)(BOTH, [picture(3), picture(4)], concurrency=1)
    assert [row["prepared"] for row in done.table] == ["50→40 px", "50→20 px"] * 2
    assert [row["sent_bytes"] for row in done.table][:2] == [len(r.content.data) for r in server.requests[:2]]


@both
def test_parts_that_cannot_be_told_apart_are_nobody_s(colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the provider's code fails on a shared reply, each picture is asked for by itself, once."""
    monkeypatch.setattr(AnnotateTogether, "split", lambda *_: {}["no"])
    run, server = run_of(colour)
    done = run("detect_faces", [picture(n + 10) for n in range(5)])
    assert done.values() == ["ok"] * 5
    assert len(server.requests[0].json["requests"]) == 5
    assert len(server.requests) <= 1 + 3 + 5
    assert done.balanced
