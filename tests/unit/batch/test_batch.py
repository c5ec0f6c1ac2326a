"""A batch as its user sees it, under both clients."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import cloudai
import cloudai.errors
from cloudai import AsyncClient, Client, InputError, Response, SettingsError
from cloudai.batch.codec import error_of, written_error
from cloudai.core.flow import Request
from cloudai.media import Image
from tests.made_up.merging import AZURE, azure
from tests.made_up.provider import Clock, MadeUp, ok, refused
from tests.support.batches import Batcher, Server, both
from tests.support.pictures import LIMITS, in_place
from tests.support.played import PICTURE, write_wav

FACES: dict[str, Any] = {"responses": [{"faceAnnotations": []}]}


def mood(request: Request) -> Response:
    """Answer with a score by the text's length."""
    return ok({"score": len(request.json["text"]) / 100, "model": "m-7"})


def batcher(colour: str, send: Any = None, **client: Any) -> Batcher:
    """Return a batcher of the made-up provider."""
    return Batcher(colour, MadeUp(key="not-a-real-key"), send or Server(mood), client)


@both
def test_every_input_has_its_outcome(colour: str) -> None:
    """Results, errors and the user's order: nothing is lost, one bad input fails alone, the books balance."""
    done = batcher(colour)("sentiment", ["좋아요", "", "그저 그래요", 7])
    assert sorted(o.item for o in done.outcomes) == [0, 1, 2, 3]
    assert done.values() == ["ok", "failed", "ok", "failed"]
    assert done.values("input")[0] == "좋아요"
    assert done.values("error_type") == [None, "InputError", None, "InputError"]
    assert done.books == {"submitted": 4, "done": 2, "failed": 2, "in_doubt": 0, "skipped": 0, "not_started": 0}
    assert done.balanced
    assert done.tidy.rows[0]["score"] == 0.03
    assert [row["item"] for row in done.tidy] == [0, 1, 2, 3]


@both
def test_run_again_nothing_is_sent(colour: str, tmp_path: Path) -> None:
    """The journal answers: equal results with meta and raw, marked as cached; another option is another call."""
    server = Server(mood)
    run, texts = batcher(colour, server), [f"후기 {n}" for n in range(20)]
    first = run("sentiment", iter(texts), journal=tmp_path / "일.journal")
    again = run("sentiment", iter(texts), journal=tmp_path / "일.journal")
    assert (first.sent, again.sent, len(server.requests)) == (20, 0, 20)
    results = [{o.item: o.result for o in done.outcomes} for done in (first, again)]
    assert results[0] == results[1]
    assert all(o.result.raw == {"score": 0.04, "model": "m-7"} for o in again.outcomes if o.item < 10)
    assert all(o.result.meta.replayed and o.facts["cached"] for o in again.outcomes)
    assert set(again.values("attempts")) == {1}
    assert run("sentiment", texts, journal=tmp_path / "일.journal", options={"language": "ko"}).sent == 20


@both
def test_the_same_bytes_are_paid_once(colour: str, tmp_path: Path) -> None:
    """A copy under another name, and at the same time, costs nothing and has the same result."""
    server = Server(mood)
    done = batcher(colour, server)("sentiment", ["가", "나", "가", "가"], concurrency=4)
    assert sorted(server.texts) == ["가", "나"]
    firsts = [row["duplicate_of"] for row in done.table]
    assert firsts.count(None) == 2
    assert sum(row["billed_max"] for row in done.table) == 2
    assert done.values() == ["ok"] * 4


@both
def test_a_job_that_was_paid_is_not_ordered_twice(colour: str, tmp_path: Path) -> None:
    """Stopped while it is polled, it goes on at the next run with the stored reply: one POST, further looks."""
    asked: list[str] = []

    def slow(request: Request) -> Any:
        asked.append(request.method)
        if request.method == "POST":
            return ok({})
        return refused(401) if asked.count("GET") == 3 else ok({} if asked.count("GET") < 5 else {"code": "ko"})

    clock = Clock()
    run = batcher(colour, slow, clock=clock, sleep=clock.sleep)
    first = run("detect_language", ["글"], journal=tmp_path / "j", concurrency=1)
    assert isinstance(first.error, cloudai.AuthError)
    second = run("detect_language", ["글"], journal=tmp_path / "j", concurrency=1)
    assert [o.result.code for o in second.outcomes] == ["ko"]
    assert asked.count("POST") == 1


@both
def test_parts_of_one_call_are_found_again(colour: str, tmp_path: Path) -> None:
    """Of a call of several parts those that were answered are not asked again."""
    posted: list[str] = []
    broken = [True]

    def answer(request: Request) -> Any:
        if request.method == "POST":
            posted.append(request.json["text"])
            return refused(500) if request.json["text"] == "나" and broken[0] else ok({})
        return ok({"code": request.url[-1]})

    clock = Clock()
    run = batcher(colour, answer, clock=clock, sleep=clock.sleep)
    assert run("detect_language", ["가|나"], journal=tmp_path / "j").values() == ["in_doubt"]
    broken[0] = False
    done = run("detect_language", ["가|나"], journal=tmp_path / "j")
    assert done.outcomes[0].result.code == "가+나"
    assert posted.count("가") == 1


@both
def test_pictures_are_read_again_without_the_pictures(colour: str, tmp_path: Path) -> None:
    """Size and scale are kept: after an update the replies are read anew, boxes and all, with the photo gone."""
    from PIL import Image as Pictures

    photo = tmp_path / "나무 사진.jpg"
    picture = Pictures.new("RGB", (2000, 1000), "green")
    exif = Pictures.Exif()
    exif[0x0112] = 6
    picture.save(photo, exif=exif)
    face = {
        "fdBoundingPoly": {"vertices": [{"x": 10, "y": 20}, {"x": 30, "y": 20}, {"x": 30, "y": 60}, {"x": 10, "y": 60}]}
    }
    reply = ok({"responses": [{"faceAnnotations": [face]}]})
    run = Batcher(colour, cloudai.Google(api_key="not-a-real-key"), Server(lambda _: reply))
    first = run("detect_faces", [photo], journal=tmp_path / "j.db")
    photo.unlink()
    with closing(sqlite3.connect(tmp_path / "j.db")) as db, db:
        db.execute("UPDATE calls SET result = NULL, meta = NULL")
    db.close()
    kept = reread(tmp_path / "j.db")
    assert kept[0].result == first.outcomes[0].result
    assert kept[0].result.meta.prepared == first.outcomes[0].result.meta.prepared
    assert kept[0].result.meta.image_size == (1000, 2000)


def reread(journal: Path) -> list[Any]:
    """Return a batch that is only opened and read anew, with no key and no network."""
    with (
        Client("google", offline=True) as client,
        client.batch("detect_faces", [], journal=journal) as job,
    ):
        assert job.reparse() == 1
        return list(job._kept())


@both
def test_offline_a_journal_answers_without_a_key(colour: str, tmp_path: Path) -> None:
    """A journal gives paid results without a key, and the error names an input that it does not hold."""
    run = Batcher(colour, cloudai.Google(api_key="not-a-real-key"), Server(lambda _: ok(FACES)))
    run("detect_faces", [PICTURE], journal=tmp_path / "j.db")
    other = tmp_path / "다른.png"
    other.write_bytes(PICTURE.read_bytes() + b"\0")
    offline = Batcher(colour, "google", None, {"offline": True})
    done = offline("detect_faces", [PICTURE, other], journal=tmp_path / "j.db")
    assert done.values() == ["none_found", "failed"]
    assert done.values("error_type")[1] == "ReplayError"
    assert done.values("input")[1].endswith("/다른.png")


@both
def test_recordings_go_through_a_batch(colour: str, tmp_path: Path) -> None:
    """Speech too, with its length and rate kept for a second reading."""
    speech = write_wav(tmp_path / "연설.wav", 1.0, 16_000)
    reply = ok({"results": [{"alternatives": [{"transcript": "안녕하세요"}]}], "totalBilledTime": "1s"})
    run = Batcher(colour, cloudai.Google(api_key="not-a-real-key"), Server(lambda _: reply))
    done = run("speech_to_text", [speech], options={"language": "ko-KR"}, journal=tmp_path / "j.db", reparse=True)
    assert done.reparsed == 1
    assert done.tidy.rows[0]["text"] == "안녕하세요" or "안녕하세요" in str(done.tidy)
    assert done.values("status") == ["ok"]


@both
def test_the_plan_says_what_would_happen(colour: str, tmp_path: Path) -> None:
    """Requests, units, minutes, hosts, cost, duplicates, what is shrunk and what is no picture; nothing is sent."""
    from PIL import Image as Pictures

    for n in range(30):
        Pictures.new("RGB", (60 + n, 60), "red").save(tmp_path / f"사진{n:02}.png")
    Pictures.new("RGB", (20_000, 100), "red").save(tmp_path / "길다.png")
    (tmp_path / "복사.png").write_bytes((tmp_path / "사진00.png").read_bytes())
    (tmp_path / "글.png").write_text("<!DOCTYPE html>", "utf-8")
    server = Server(lambda _: ok(FACES))
    run = Batcher(colour, cloudai.Google(api_key=f"not-a-real-key-{colour}"), server)
    done = run(
        "detect_faces",
        tmp_path.glob("*.png"),
        plan=True,
        pace="1/min",
        price=1.5,
        max_requests=0,
        journal=tmp_path / "j",
    )
    assert done.plan is not None
    assert (done.plan.inputs, done.plan.requests, done.plan.units, done.plan.duplicates) == (33, 2, 31, 1)
    assert done.plan.minutes == pytest.approx(60.5 / 60)
    assert done.plan.cost == pytest.approx(31 * 0.0015)
    assert done.plan.hosts == ("vision.googleapis.com",)
    assert done.plan.prepared == {"shrunk": 1}
    [(name, why)] = done.plan.refused
    assert name.endswith("글.png")
    assert "a web page" in why
    assert "20" in str(done.plan) or "1 min" in str(done.plan)
    assert not server.requests, "a plan sends nothing, and max_requests=0 is a limit"
    assert done.paused == "max_requests=0 is reached"


def test_a_mix_of_apis_is_several_requests_in_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure answers caption and safety from two APIs: the plan counts both."""
    monkeypatch.setenv("AZURE_AI_SERVICES_KEY", "not-a-real-key")
    monkeypatch.setenv("AZURE_AI_SERVICES_ENDPOINT", "https://example.cognitiveservices.azure.com")
    options = {"features": ["caption", "safety"]}
    with Client("azure") as client, client.batch("analyze_image", [PICTURE], options=options, pace="free") as job:
        assert job.plan().requests == 2


@both
def test_limits_end_it_and_are_kept_over_runs(colour: str, tmp_path: Path) -> None:
    """max_requests is for all runs with the journal; raised, the batch goes on."""
    server = Server(mood)
    run, texts = batcher(colour, server), [f"글 {n}" for n in range(10)]
    done = run("sentiment", texts, journal=tmp_path / "j", max_requests=4)
    assert (len(server.requests), done.books["done"], done.books["not_started"]) == (4, 4, 6)
    assert done.error is None
    assert run("sentiment", texts, journal=tmp_path / "j", max_requests=4).sent == 0
    assert run("sentiment", texts, journal=tmp_path / "j", max_units=10).books["done"] == 10
    assert len(server.requests) == 10


@both
def test_costs_stand_beside_each_input(colour: str) -> None:
    """USD by the price given, and the date it was given."""
    done = batcher(colour)("sentiment", ["가"], price=2.0)
    assert done.table.rows[0]["cost_max"] == 0.002
    assert len(done.table.rows[0]["price_date"]) == 10


@both
def test_nothing_secret_is_in_the_journal(colour: str, tmp_path: Path) -> None:
    """No key, no text that is sent, no header that may hold a key; the file is its owner's alone."""
    secret, text = "canary-key-4711", "카나리아 문장"
    run = Batcher(colour, MadeUp(key=secret), Server(lambda _: ok({"score": 0.5}, **{"Set-Cookie": "session=canary"})))
    rows = [{"이름": "김하나", "후기": text}]
    options = {"extra_headers": {"x-key": secret}}
    run("sentiment", rows, column="후기", journal=tmp_path / "j.db", options=options)
    held = (tmp_path / "j.db").read_bytes()
    assert "김하나".encode() in held
    assert not any(canary in held for canary in (secret.encode(), text.encode(), b"canary"))
    assert (tmp_path / "j.db").stat().st_mode & 0o777 == 0o600


@both
def test_the_manifest_says_what_a_reader_must_know(colour: str, tmp_path: Path) -> None:
    """Versions, models, dates, options, digests, books: one JSON."""
    done = batcher(colour)("sentiment", ["가", "나"], journal=tmp_path / "j", options={"language": "ko"})
    manifest = json.loads(json.dumps(done.manifest))
    assert manifest["models"] == ["m-7"]
    assert manifest["options"] == {"language": "ko"}
    assert (manifest["requests"], manifest["books"], manifest["cloudai"]) == (2, {"ok": 2}, cloudai.__version__)
    assert len(manifest["inputs_sha256"]) == 2


@both
def test_progress_is_silent_unless_asked(colour: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing by default; a line at the end where nobody watches; a function gets each outcome."""
    seen: list[Any] = []
    run = batcher(colour)
    run("sentiment", ["가"])
    run("sentiment", ["가"], progress=seen.append)
    assert capsys.readouterr() == ("", "")
    assert [outcome.status for outcome in seen] == ["ok"]
    run("sentiment", ["가", ""], progress=True)
    assert "sentiment: 2/2  1 sent, 1 failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"pace": "quick"}, "'quick' is no pace"),
        ({"pace": "free"}, "no pace of a free tier is known"),
        ({"options": {"langage": "ko"}}, "sentiment has no option langage"),
        ({"in_doubt": "perhaps"}, 'Give "resend" or "skip"'),
        ({"journals": "x"}, "a batch has no option journals"),
        ({"options": None}, "options=None"),
        ({"concurrency": 0}, "Give a whole number from 1"),
        ({"concurrency": "3"}, "concurrency='3'"),
        ({"max_requests": -1}, "Give a whole number from 0"),
        ({"max_units": 1.5}, "max_units=1.5"),
        ({"price": "3"}, "price='3'"),
        ({"column": "후기"}, None),
    ],
)
def test_wrong_settings_are_told_before_anything_begins(settings: dict[str, Any], text: str | None) -> None:
    """One line that lists what there is."""
    with Client(MadeUp()) as client:
        if text is None:
            with (
                client.batch("sentiment", [{"글": "가"}], **settings) as job,
                pytest.raises(InputError, match="no column"),
            ):
                list(job)
            return
        with pytest.raises(SettingsError, match=text):
            client.batch("sentiment", ["가"], **settings)


def test_an_unknown_operation_and_a_single_input_are_told() -> None:
    """An unknown operation is refused by its name, and a single text because a batch takes many inputs."""
    with Client(MadeUp()) as client:
        with pytest.raises(SettingsError, match="'moods' is no operation"):
            client.batch("moods", [])  # type: ignore[call-overload]
        with pytest.raises(InputError, match="a batch takes many inputs, not one str"):
            client.batch("sentiment", "가")


@both
def test_errors_of_the_inputs_themselves_come_out(colour: str) -> None:
    """A generator that fails ends the batch with its own error; what was finished before is kept."""

    def inputs() -> Any:
        yield "가"
        raise OSError("the share is gone")

    done = batcher(colour)("sentiment", inputs(), concurrency=1)
    assert isinstance(done.error, OSError)
    assert [outcome.status for outcome in done.outcomes] == ["ok"]


def test_map_gives_results_in_order() -> None:
    """Aligned with the inputs, each with result or error; values() raises the first failure."""
    with Client(MadeUp(), send=mood) as client:
        found = client.map("sentiment", ["가", "나나", ""], language="ko")
        assert [o.status for o in found] == ["ok", "ok", "failed"]
        assert found[0].result is not None
        assert found[0].result.language == "ko"
        with pytest.raises(InputError):
            found.values()
        assert [r.score for r in client.map("sentiment", ["가", "나나"]).values()] == [0.01, 0.02]


def test_map_awaits_too() -> None:
    """The same, awaiting."""

    async def scene() -> list[float | None]:
        async def send(request: Request) -> Response:
            return mood(request)

        async with AsyncClient(MadeUp(), send=send) as client:
            return [r.score for r in (await client.map("sentiment", ["가", "나나"])).values()]

    assert asyncio.run(scene()) == [0.01, 0.02]


@both
@pytest.mark.parametrize("kind", ["answered before", "bad", "none"])
def test_many_workers_end_where_nothing_is_sent(colour: str, kind: str, tmp_path: Path) -> None:
    """More than begin at once, and no good answer that the others could begin with: the batch ends all the same."""
    texts = {"answered before": [f"후기 {n}" for n in range(40)], "bad": [""] * 40, "none": []}[kind]
    run = batcher(colour)
    if kind == "answered before":
        run("sentiment", texts, journal=tmp_path / "j", concurrency=4)
    done: list[Any] = []
    thread = threading.Thread(
        target=lambda: done.append(run("sentiment", texts, journal=tmp_path / "j", concurrency=30)), daemon=True
    )
    thread.start()
    thread.join(30)
    assert [len(one.outcomes) for one in done] == [len(texts)]


@both
@pytest.mark.parametrize("concurrency", [1, 4])
def test_inputs_that_wait_for_outcomes_where_one_ends_at_once(colour: str, concurrency: int) -> None:
    """A bad text and a good one, joined: while other workers wait for inputs the good one is sent, and more come."""
    outcomes = threading.Semaphore(0)

    def texts() -> Iterator[Any]:
        yield from (None, "좋아요")
        assert outcomes.acquire(timeout=20)
        assert outcomes.acquire(timeout=20)
        yield "그저 그래요"

    def answer(request: Request) -> Response:
        try:
            return azure(request)
        finally:
            outcomes.release()

    outcomes.release()
    run = Batcher(colour, cloudai.Azure(**AZURE), Server(answer))
    done = run("sentiment", texts(), concurrency=concurrency, options={"language": "ko"})
    assert (done.error, done.values()) == (None, ["failed", "ok", "ok"])


@pytest.mark.long
def test_who_reads_outcomes_does_not_keep_the_event_loop() -> None:
    """A reader that works 2 ms on each of 64 outcomes that are there, and awaits nothing: others run all the while."""

    async def scene() -> list[int]:
        ticks, turns = 0, list[int]()

        async def ticking() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        texts = [f"후기 {n}" for n in range(100)]
        async with (
            AsyncClient(MadeUp(key="not-a-real-key"), send=mood, max_concurrency=64) as client,
            client.batch("sentiment", texts, concurrency=64) as job,
        ):
            ticker = asyncio.ensure_future(ticking())
            async for _ in job:
                time.sleep(0.002)  # noqa: ASYNC251  # a reader as there are
                turns.append(ticks)
            ticker.cancel()
        return turns

    most = max(Counter(asyncio.run(scene())).values())
    assert most <= 20, "so many outcomes came one after the other, and nobody else had a turn"


@both
def test_a_slow_reader_is_stopped_in_time(colour: str) -> None:
    """After `stop(0)` no more outcomes come, however many are there."""

    async def awaiting() -> int:
        seen = 0
        async with (
            AsyncClient(MadeUp(key="not-a-real-key"), send=mood) as client,
            client.batch("sentiment", texts, concurrency=8) as job,
        ):
            async for _ in job:
                seen += 1
                await asyncio.sleep(0.05)
                if seen == 3:
                    job.stop(0)
        return seen

    def blocking() -> int:
        seen = 0
        with (
            Client(MadeUp(key="not-a-real-key"), send=mood) as client,
            client.batch("sentiment", texts, concurrency=8) as job,
        ):
            for _ in job:
                seen += 1
                time.sleep(0.05)
                if seen == 3:
                    job.stop(0)
        return seen

    texts = [f"후기 {n}" for n in range(40)]
    assert (asyncio.run(awaiting()) if colour == "awaiting" else blocking()) == 3


@both
def test_odd_headers_of_a_send_cost_nothing(colour: str, tmp_path: Path) -> None:
    """A `send=` of the user's gives numbers and lists as headers: the reply is used and kept, and not paid again."""
    odd: Any = {"content-type": "application/json", "content-length": 12, "x-list": ["가", None], "x-none": None}
    server = Server(lambda request: replace(mood(request), headers=odd))
    run = batcher(colour, server)
    for _ in range(2):
        done = run("sentiment", ["좋아요"], journal=tmp_path / "j")
        assert done.values() == ["ok"]
    assert len(server.requests) == 1


def test_a_cancelled_reader_gets_no_more_outcomes() -> None:
    """However many are there."""

    async def scene() -> int:
        seen = 0
        task = asyncio.current_task()
        assert task
        async with (
            AsyncClient(MadeUp(key="not-a-real-key"), send=mood) as client,
            client.batch("sentiment", [f"후기 {n}" for n in range(40)]) as job,
        ):
            with pytest.raises(asyncio.CancelledError):
                async for _ in job:
                    seen += 1
                    if seen == 3:
                        task.cancel()
            task.uncancel()
        return seen

    assert asyncio.run(scene()) == 3


def test_broken_off_it_goes_on_later(tmp_path: Path) -> None:
    """Leaving the loop ends the batch in order: nothing finished is asked again."""
    server = Server(mood)
    texts = [f"글 {n}" for n in range(30)]
    with Client(MadeUp(), send=server) as client:
        with client.batch("sentiment", texts, journal=tmp_path / "j", concurrency=2) as job:
            for n, _ in enumerate(job):
                if n == 4:
                    break
            assert job.balanced
        assert len(server.requests) < 30
        with client.batch("sentiment", texts, journal=tmp_path / "j") as job:
            assert [outcome.status for outcome in job].count("ok") == 30
    assert sorted(server.texts) == sorted(texts)


def test_a_picture_that_is_recalled_cannot_be_sent() -> None:
    """Its replies can be read; its bytes are gone, and the error says so."""
    given = Image(PICTURE)
    assert in_place(given.fit(LIMITS)).blob.data
    again = Image.recalled("나무.png", given.key, json.loads(json.dumps(given.memory())))
    picture = in_place(again.fit(LIMITS))
    assert replace(picture, blob=None) == replace(given.frame, blob=None)
    with pytest.raises(InputError, match="itself is not kept"):
        _ = picture.blob.data


@pytest.mark.parametrize("name", cloudai.errors.__all__)
def test_every_error_is_read_back_as_it_was(name: str) -> None:
    """Class, text and advice, in Korean too; of a fault that is not ours its class: its text may hold a key."""
    kind = getattr(cloudai.errors, name)
    error = kind("무엇", "local") if name == "MissingExtraError" else kind("파일이 없음", advice="경로를 확인.")
    error.provider, error.state = "azure", "REFUSED"
    again = error_of(written_error(error))
    assert type(again) is kind
    assert (str(again), again.state) == (str(error), "REFUSED")
    assert str(error_of(written_error(KeyError("canary")))) == "KeyError, raised while it was asked"


@both
def test_copies_are_billed_once_in_every_run(colour: str, tmp_path: Path) -> None:
    """Read from the journal too, only one of several inputs with the same bytes carries the bill."""
    run = batcher(colour)
    for cached in (False, True):
        done = run("sentiment", ["가", "가", "나"], journal=tmp_path / "j", concurrency=1)
        assert done.values("billed_max") == [1, 0, 1]
        assert done.values("duplicate_of") == [None, 0, None]
        assert done.values("cached") == [cached, False, cached]


@both
def test_a_row_without_the_column_fails_alone(colour: str) -> None:
    """The others go on."""
    done = batcher(colour)("sentiment", [{"글": "가"}, {"말": "나"}, {"글": None}, {"글": "다"}], column="글")
    assert done.values() == ["ok", "failed", "failed", "ok"]
