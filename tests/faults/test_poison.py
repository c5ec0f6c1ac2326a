"""A poison input, at which the service breaks, fails alone; its companions in a request are sent again in halves."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import ConnectionLostError, Response
from cloudai.core.flow import Request
from cloudai.errors import DeadlineExceededError, PausedError
from tests.made_up.merging import AZURE, azure, documents, google, picture
from tests.made_up.provider import Clock, MadeUp, ok, refused
from tests.support.batches import Batcher, Done, Server, both
from tests.support.forks import run_forked
from tests.support.length import both_by_turns, length

JSON = {"content-type": "application/json"}
HOLDING = ("500", "reset", "late", "error in 200", "html", "nothing")
"""The ways in which a request for several inputs can fail as a whole without an answer to any of them."""


LIMITS = [{"max_requests": n} for n in range(1, 9)] + [{"max_units": n} for n in (9, 15, 23)]


def each_way_with(values: Sequence[int]) -> list[tuple[str, int]]:
    """Return each way in which a request fails with each of the values; in the short form with one of them, in turn."""
    whole = list(product(HOLDING, values))
    return length(list(zip(HOLDING, cycle(values), strict=False)), whole, whole)


def texts_in(request: Request) -> list[str]:
    """Return the texts of a request to Azure."""
    return [document["text"] for document in documents(request)]


def pictures_in(request: Request) -> list[bytes]:
    """Return the pictures of a request to Google."""
    return [item["image"]["content"].data for item in request.json["requests"]]


def broken(how: str, n: int) -> Any:
    """Return the answer of a service that breaks at one of n inputs."""
    error = {"code": "InternalServerError", "message": "x"}
    bodies = {"500": b'{"error": {"code": "InternalServerError", "message": "x"}}', "html": b"<html>", "nothing": b"{}"}
    match how:
        case "reset":
            return ConnectionLostError("reset")
        case "late":
            return DeadlineExceededError("late")
        case "error in 200":
            errors = [{"id": str(i), "error": error} for i in range(n)]
            body = {"kind": "SentimentAnalysisResults", "results": {"documents": [], "errors": errors}}
            return Response(200, JSON, json.dumps(body).encode())
    return Response(500 if how == "500" else 200, JSON, bodies[how])


class Vendor(Batcher):
    """A batch of ten texts in a request, or of sixteen pictures, with a service that breaks at some of them."""

    def __init__(self, colour: str, how: str, poison: Callable[[Any], bool], *, pictures: bool = False) -> None:
        self.inputs_in: Callable[[Request], Sequence[Any]] = pictures_in if pictures else texts_in
        self.down = False

        def answer(request: Request) -> Any:
            given = self.inputs_in(request)
            if self.down or any(map(poison, given)):
                return broken(how, len(given))
            return google(request) if pictures else azure(request)

        self.server = Server(answer)
        self.clock = Clock()
        provider: Any = cloudai.Google(api_key="not-a-real-key") if pictures else cloudai.Azure(**AZURE)
        super().__init__(colour, provider, self.server, {"clock": self.clock, "sleep": self.clock.sleep})

    @property
    def sizes(self) -> list[int]:
        """The number of inputs in each request."""
        return [len(self.inputs_in(request)) for request in self.server.requests]

    def times(self, given: Any) -> int:
        """Return how often an input was sent."""
        return sum(given in self.inputs_in(request) for request in self.server.requests)

    def run(self, inputs: list[Any], **settings: Any) -> Done:
        """Run a batch, which balances and whose bill brackets what was sent."""
        before = Counter(map(repr, (given for request in self.server.requests for given in self.inputs_in(request))))
        if self.inputs_in is texts_in:
            settings.setdefault("options", {"language": "ko"})
        done = self("detect_faces" if self.inputs_in is pictures_in else "sentiment", inputs, **settings)
        assert done.balanced
        sent = [given for request in self.server.requests for given in self.inputs_in(request)]
        assert (
            sum(done.values("billed_min"))
            <= len(sent)
            <= sum(done.values("billed_max")) + sum(before.values()) * ("journal" not in settings)
        )
        return done


TEXTS = [f"후기 {n}" for n in range(40)]


@both_by_turns("how, place", each_way_with((0, 9, 25, 39)))
def test_a_poison_text_fails_alone(how: str, place: int, colour: str, tmp_path: Path) -> None:
    """First, in the middle or last: the other 39 are done in the first run, and it fails after log2(10) + 3 sends."""
    texts = [*TEXTS[:place], "독", *TEXTS[place + 1 :]]
    service = Vendor(colour, how, "독".__eq__)
    for _ in range(4):
        done = service.run(texts, journal=tmp_path / "j")
        assert done.error is None
        assert [status for n, status in enumerate(done.values()) if n != place] == ["ok"] * 39
    assert done.values()[place] == "failed"
    assert service.times("독") <= math.log2(10) + 3
    assert max(service.times(text) for text in TEXTS) <= math.log2(10) + 1


@both
@pytest.mark.parametrize("how", ("500", "reset", "nothing")[: length(1, 3, 3)])
def test_a_poison_picture_fails_alone(how: str, colour: str, tmp_path: Path) -> None:
    """Of twenty pictures, sixteen in a request: nineteen are done, and one fails after at most seven sends."""
    photos = [picture(n) for n in range(20)]
    service = Vendor(colour, how, picture(5).__eq__, pictures=True)
    for _ in range(4):
        done = service.run(photos, journal=tmp_path / "j")
        assert [status for n, status in enumerate(done.values()) if n != 5] == ["ok"] * 19
    assert done.values()[5] == "failed"
    assert service.times(picture(5)) <= 4 + 3


@both
def test_several_operations_on_a_poison_picture(colour: str, tmp_path: Path) -> None:
    """A picture that is asked for two operations at the same time fails for both, and no other picture does."""
    photos = [picture(n) for n in range(18)]
    service = Vendor(colour, "500", picture(3).__eq__, pictures=True)
    for _ in range(3):
        done = service(["detect_faces", "analyze_image"], photos, journal=tmp_path / "j")  # type: ignore[arg-type]
        assert done.balanced
        assert done.books["done"] == 34
    assert {outcome.item for outcome in done.outcomes if outcome.status == "failed"} == {3}
    for kind in ("FACE_DETECTION", "LABEL_DETECTION"):
        asked = [
            item
            for request in service.server.requests
            for item in request.json["requests"]
            if item["image"]["content"].data == picture(3) and kind in {f["type"] for f in item["features"]}
        ]
        assert len(asked) <= 4 + 3


@both
def test_two_of_three_are_poison(colour: str, tmp_path: Path) -> None:
    """Only one of three inputs is answered: it is done in the first run, and the others fail in the second."""
    service = Vendor(colour, "500", lambda text: text != "좋은 글")
    texts = ["독 1", "좋은 글", "독 2"]
    assert service.run(texts, journal=tmp_path / "j").values() == ["in_doubt", "ok", "in_doubt"]
    assert service.run(texts, journal=tmp_path / "j").values() == ["failed", "ok", "failed"]
    assert max(map(service.times, texts)) <= math.log2(3) + 3


@both
def test_one_in_ten_is_poison(colour: str, tmp_path: Path) -> None:
    """A poison in nearly every request: the others are done, no poison is sent too often, and nothing pauses."""
    texts = [f"독 {n}" if n % 10 == n // 10 % 10 else f"글 {n}" for n in range(200)]
    service = Vendor(colour, "reset", lambda text: text.startswith("독"))
    for _ in range(3):
        # The requests go out one after the other: if several with a poison failed at the same moment, the batch might
        # take that for an outage, and pause.
        done = service.run(texts, journal=tmp_path / "j", concurrency=1)
        assert done.error is None
    assert done.values() == ["failed" if text.startswith("독") else "ok" for text in texts]
    assert max(map(service.times, texts)) <= math.log2(10) + 3


@both_by_turns("how, n", each_way_with((10, length(100, 200, 200))))
def test_an_outage_is_not_mistaken_for_poison(how: str, n: int, colour: str, tmp_path: Path) -> None:
    """A service that is down pauses a batch of one request like a larger one: nobody is blamed, little is sent."""
    texts = [f"글 {i}" for i in range(n)]
    service = Vendor(colour, how, lambda _: False)
    for run in range(1 if how in ("html", "nothing") else 3):
        service.down, before = True, len(service.sizes)
        done = service.run(texts, journal=tmp_path / "j", concurrency=2)
        assert isinstance(done.error, PausedError) or run, "fewer than sixteen inputs may end before it is certain"
        # A reply for one input alone that cannot be read is kept, and the input is not sent again.
        assert done.books["failed"] <= (4 if how in ("html", "nothing") else 0)
        assert done.books["done"] == 0
        assert len(service.sizes) - before <= 20 + 2  # each of two workers may have sent one when the probes begin
        assert sum(service.sizes[before:]) <= 60
    service.down = False
    kept = done.books["failed"]
    assert service.run(texts, journal=tmp_path / "j").books["done"] == n - kept


@both_by_turns("limit", LIMITS[:: length(3, 1, 1)])
def test_halves_count_against_the_limits(limit: dict[str, int], colour: str, tmp_path: Path) -> None:
    """Each half is reserved before it is sent: never more requests or units than allowed, and the rest comes later."""
    texts = ["독", *TEXTS[:9]]
    service = Vendor(colour, "500", "독".__eq__)
    done = service.run(texts, journal=tmp_path / "j", **limit)
    assert len(service.sizes) <= limit.get("max_requests", 99)
    assert sum(service.sizes) <= limit.get("max_units", 99)
    assert sum(done.values("billed_max")) == sum(service.sizes)
    for _ in range(4):
        done = service.run(texts, journal=tmp_path / "j")
    assert done.values() == ["failed", *["ok"] * 9]
    assert service.times("독") <= math.log2(10) + 3


@both_by_turns("at", range(1, 9, length(3, 1, 1)))
def test_a_stop_between_two_halves(at: int, colour: str, tmp_path: Path) -> None:
    """A run that is stopped at any request goes on from the size that was tried: no input is sent too often."""
    texts = ["독", *TEXTS[:9]]
    service = Vendor(colour, "reset", "독".__eq__)
    answer = service.server.answer

    def stopping(request: Request) -> Any:
        if len(service.sizes) == at:
            raise KeyboardInterrupt
        return answer(request)

    service.server.answer = stopping
    try:
        service.run(texts, journal=tmp_path / "j")
    except KeyboardInterrupt:
        service.server.answer = answer
    for _ in range(4):
        done = service.run(texts, journal=tmp_path / "j")
    assert done.values() == ["failed", *["ok"] * 9]
    assert service.times("독") <= math.log2(10) + 3


@both
def test_nothing_is_divided_where_unknown_attempts_are_not_repeated(colour: str, tmp_path: Path) -> None:
    """With on_unknown="raise" a run sends no input twice; the next run sends them in halves."""
    service = Vendor(colour, "500", "독".__eq__)
    service.client["on_unknown"] = "raise"
    texts = ["독", *TEXTS[:9]]
    assert service.run(texts, journal=tmp_path / "j").values() == ["in_doubt"] * 10
    assert service.sizes == [10]
    service.run(texts, journal=tmp_path / "j")
    assert service.sizes == [10, 5, 5]


KILLS = list(product((2, 4, 6), ("blocking", "awaiting")))


def run_dying(at: int, colour: str, journal: Path, log: Path) -> list[str]:
    """Run a batch with a poison, note each of its requests in a file, and end this process at one of them."""
    service = Vendor(colour, "reset", "독".__eq__)
    answer = service.server.answer

    def dying(request: Request) -> Any:
        with log.open("a", encoding="utf-8") as file:
            file.write("독\n" if "독" in service.inputs_in(request) else "\n")
        if len(service.sizes) == at:
            os._exit(9)
        return answer(request)

    service.server.answer = dying
    return service("sentiment", ["독", *TEXTS[:9]], journal=journal, options={"language": "ko"}).values()


@pytest.mark.parametrize(("at", "colour"), length([(2, "blocking"), (6, "awaiting")], KILLS, KILLS))
def test_a_kill_between_two_halves(at: int, colour: str, tmp_path: Path) -> None:
    """A process that is killed at any request has written down how far the inputs were divided."""
    journal, log = tmp_path / "j", tmp_path / "log"
    code, _, errors = run_forked(run_dying, (at, colour, journal, log))
    assert code == 9, errors
    never = 0
    assert [run_dying(never, colour, journal, log) for _ in range(3)][-1] == ["failed", *["ok"] * 9]
    assert log.read_text("utf-8").count("독") <= math.log2(10) + 3


@both
def test_inputs_that_were_never_sent_do_not_go_with_suspects(colour: str) -> None:
    """Of a hundred texts only the nine companions of the poison are sent more than once."""
    texts = [*[f"글 {n}" for n in range(100)], "독"]
    service = Vendor(colour, "500", "독".__eq__)
    texts[37] = "독"
    service.run(texts[:100], concurrency=2)
    assert sum(service.times(text) > 1 for text in texts[:100]) <= 10


@both
def test_many_at_fault_in_a_row_look_like_an_outage(colour: str, tmp_path: Path) -> None:
    """A batch that begins with thirty of them pauses and blames nobody; in another order all the others are done."""
    texts = [*[f"독 {n}" for n in range(30)], *TEXTS]
    server = Server(lambda request: refused(500) if request.json["text"].startswith("독") else ok({"score": 0.5}))
    clock = Clock()
    ask = Batcher(colour, MadeUp(), server, {"clock": clock, "sleep": clock.sleep})
    for _ in range(2):
        done = ask("sentiment", texts, journal=tmp_path / "j")
        assert isinstance(done.error, PausedError)
        assert done.books["failed"] == 0
    # One request at a time: several of them in flight at the end could pause the batch before the last others are sent.
    assert ask("sentiment", texts[::-1], journal=tmp_path / "j", concurrency=1).books["done"] == 40


@both
def test_a_flicker_is_nobodys_fault(colour: str, tmp_path: Path) -> None:
    """Of two inputs that went unanswered twice one is answered in the end: the other has all of its tries again."""
    down = Counter({"가": 2, "나": 1, "다": 0})
    state = {"runs": 0}

    def answer(request: Request) -> Any:
        text = request.json["text"]
        if state["runs"] and text == "가":
            return refused(500) if state["runs"] < 2 else ok({"score": 0.5})
        if down[text]:
            down[text] -= 1
            return refused(500)
        return ok({"score": 0.5})

    clock, server = Clock(), Server(answer)
    ask = Batcher(colour, MadeUp(), server, {"clock": clock, "sleep": clock.sleep})
    first = ask("sentiment", ["가", "나", "다"], journal=tmp_path / "j", concurrency=1)
    assert first.values() == ["in_doubt", "ok", "ok"]
    for run in (1, 2):
        state["runs"] = run
        done = ask("sentiment", ["가", "나", "다"], journal=tmp_path / "j", concurrency=1)
    assert done.values() == ["ok"] * 3


@both
def test_a_flicker_shows_in_a_later_run(colour: str, tmp_path: Path) -> None:
    """Two inputs go unanswered in one row; a later run answers one of them, so the row counts against neither."""
    down = {"가", "나"}
    clock = Clock()
    server = Server(lambda request: refused(500) if request.json["text"] in down else ok({"score": 0.5}))
    settings = {"clock": clock, "sleep": clock.sleep, "max_attempts": 1}
    statuses = []
    for _ in range(4):
        ask = Batcher(colour, MadeUp(), server, settings)
        statuses.append(ask("sentiment", ["가", "나", "다"], journal=tmp_path / "j", concurrency=1).values())
        down.discard("나")
    assert [first for first, *_ in statuses] == ["in_doubt", "in_doubt", "in_doubt", "failed"]
    assert statuses[-1] == ["failed", "ok", "ok"]


@both
def test_an_outage_is_nobodys_fault_later(colour: str, tmp_path: Path) -> None:
    """Inputs that went unanswered in an outage do not fail at the first hiccup after it."""
    texts = [f"글 {n}" for n in range(40)]
    server = Server(lambda _: refused(503))
    clock = Clock()
    ask = Batcher(colour, MadeUp(), server, {"clock": clock, "sleep": clock.sleep})
    for _ in range(2):
        assert isinstance(ask("sentiment", texts, journal=tmp_path / "j", concurrency=4).error, PausedError)
    tried = {text for text, n in Counter(server.texts).items() if n >= 2}
    hiccups = set(tried)

    def answer(request: Request) -> Any:
        text = request.json["text"]
        if text in hiccups:
            hiccups.discard(text)
            return refused(500)
        return ok({"score": 0.5})

    server.answer = answer
    assert tried
    done = ask("sentiment", texts[::-1], journal=tmp_path / "j", concurrency=1)
    assert done.books["failed"] == 0
