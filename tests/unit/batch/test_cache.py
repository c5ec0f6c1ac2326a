"""A batch is given what another one has paid for: by another journal, and in another process."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

import cloudai
from cloudai import AsyncClient, Client, ConnectionLostError, Response, SettingsError
from cloudai.batch import cache_store as module
from cloudai.batch.cache_store import CacheStore
from cloudai.batch.queries import CallRecord, StoredReply
from cloudai.cli import main
from cloudai.core.flow import Request
from cloudai.providers.settings import Setting
from cloudai.storage import cache_path
from cloudai.transport.async_http import AsyncNetwork
from cloudai.transport.http import Network
from tests.made_up.counting import kill, runner, vendor
from tests.made_up.merging import google, picture
from tests.made_up.provider import MadeUp, ok, refused
from tests.made_up.runs import texts_of
from tests.support.batches import Batcher, Done, Server, both
from tests.support.length import length
from tests.unit.batch.test_batch import mood
from tests.unit.batch.test_recorder import everything

TEXTS = [f"후기 {n}: 맛있어요" for n in range(12)]
NETWORK = Callable[[Callable[[Request], Any]], Server]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> NETWORK:
    """Return a function by which our own network is answered: a cache is used nowhere else."""

    def answered_by(answer: Callable[[Request], Any]) -> Server:
        server = Server(answer)

        async def awaited(self: AsyncNetwork, request: Request) -> Any:
            return server(request)

        monkeypatch.setattr(Network, "__call__", lambda self, request: server(request))
        monkeypatch.setattr(AsyncNetwork, "__call__", awaited)
        return server

    return answered_by


def batcher(colour: str, provider: Any = None, **client: Any) -> Batcher:
    """Return a batcher that uses the network."""
    return Batcher(colour, provider or MadeUp(key="not-a-real-key"), None, client)


def rows(sql: str) -> list[Any]:
    """Return the rows of the cache's file."""
    with closing(sqlite3.connect(cache_path())) as db:
        return db.execute(sql).fetchall()


@both
def test_another_journal_is_answered(colour: str, network: NETWORK, tmp_path: Path) -> None:
    """Nothing is sent; results, meta and raw are the same, and say that they are replayed and cost nothing."""
    server, run = network(mood), batcher(colour)
    first = run("sentiment", TEXTS, journal=tmp_path / "일.journal")
    again = run("sentiment", [*reversed(TEXTS), TEXTS[0]], journal=tmp_path / "이.journal", reparse=True)
    assert (first.sent, again.sent, len(server.requests)) == (12, 0, 12)
    assert again.values() == ["ok"] * 13
    assert again.reparsed == 13
    by_text = {o.input: o.result for o in first.outcomes}
    for outcome in again.outcomes:
        before = by_text[outcome.input]
        assert outcome.result == before
        assert outcome.result.raw == before.raw == {"score": before.score, "model": "m-7"}
        assert outcome.result.meta == before.meta.model_copy(update={"replayed": True})
        assert outcome.facts["cached"] or outcome.facts["duplicate_of"] is not None
    assert {*again.values("attempts"), *again.values("billed_min"), *again.values("billed_max")} == {0}
    assert again.manifest["requests"] == again.manifest["units"] if "units" in again.manifest else True
    assert (again.manifest["requests"], again.manifest["units_max"]) == (0, 0)


@both
def test_a_journal_that_was_answered_needs_the_cache_no_more(colour: str, network: NETWORK, tmp_path: Path) -> None:
    """It holds the whole calls: run again without the cache, read anew and written out, it has everything."""
    server, run = network(mood), batcher(colour)
    run("sentiment", TEXTS)
    run("sentiment", TEXTS, journal=tmp_path / "이")
    for file in cache_path().parent.iterdir():
        file.unlink()
    done = run("sentiment", TEXTS, journal=tmp_path / "이", cache=False, reparse=True)
    assert (done.sent, done.reparsed, len(server.requests)) == (0, 12, 12)
    assert done.values() == ["ok"] * 12
    assert main(["journal", str(tmp_path / "이"), "--json"]) == 0


def test_map_has_it_too(network: NETWORK) -> None:
    """In both clients; ``cache=False`` asks anew."""
    import asyncio

    server = network(mood)

    async def mapped() -> list[float]:
        async with AsyncClient(MadeUp()) as client:
            return [mood.score for mood in (await client.map("sentiment", TEXTS)).values()]

    with Client(MadeUp()) as client:
        scores = [mood.score for mood in client.map("sentiment", TEXTS).values()]
        assert asyncio.run(mapped()) == scores
        assert len(server.requests) == 12
        client.map("sentiment", TEXTS, cache=False)
    assert len(server.requests) == 24


@both
@pytest.mark.loopback
def test_another_process_is_answered(colour: str, tmp_path: Path) -> None:
    """Also of inputs that go together, and of jobs that are polled."""
    with vendor() as server, runner() as run:
        for operation in ("sentiment", "key_phrases", "detect_language"):
            server.posts.clear()
            for name in "일이":
                wish = {"journal": str(tmp_path / f"{operation}-{name}"), "url": server.url, "colour": colour}
                assert run(wish | {"n": 12, "workers": 4, "operation": operation}) == 0
            assert sum(server.posts.values()) == 12


@pytest.mark.loopback
def test_two_processes_at_once(tmp_path: Path) -> None:
    """Both end well, whoever comes first; the file is whole and has each answer once."""
    with vendor() as server, runner() as one, runner() as two:
        codes: list[int] = []

        def go(run: Any, name: str, colour: str) -> None:
            wish = {"journal": str(tmp_path / name), "url": server.url, "colour": colour, "operation": "sentiment"}
            codes.append(run(wish | {"n": 80, "workers": 4}))

        threads = [threading.Thread(target=go, args=(one, "일", "blocking"))]
        threads += [threading.Thread(target=go, args=(two, "이", "awaiting"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert codes == [0, 0]
    assert rows("SELECT COUNT(*), COUNT(DISTINCT call) FROM answers") == [(80, 80)]
    assert rows("SELECT COUNT(*) FROM replies") == [(80,)]
    assert rows("PRAGMA integrity_check") == [("ok",)]


@both
def test_sixteen_in_a_request_are_found_one_by_one(colour: str, network: NETWORK, tmp_path: Path) -> None:
    """Joined requests leave an answer for each picture; only a picture that is new goes out."""
    server = network(google)
    run = batcher(colour, cloudai.Google(api_key="not-a-real-key"))
    photos = [picture(n) for n in range(40)]
    assert run("detect_faces", photos).sent == 3
    done = run("detect_faces", [*photos[:20], picture(50), *photos[20:]], journal=tmp_path / "이", reparse=True)
    assert (done.sent, len(server.requests), done.reparsed) == (1, 4, 41)
    assert [done.values("billed_max").index(1), sum(done.values("billed_max"))] == [20, 1]
    assert done.values() == ["ok"] * 41


class Placed(MadeUp):
    """A vendor with several places and several APIs."""

    settings = (*MadeUp.settings, Setting("endpoint", ("MADE_UP_ENDPOINT",)))
    api = ""

    def __init__(self, endpoint: str, key: str = "not-a-real-key") -> None:
        self._given = {"key": key, "endpoint": endpoint}
        self.tokens = None

    def api_variant(self, operation: str) -> str:
        """Return the API that was chosen."""
        return self.api


class Other(Placed):
    """Another vendor with several places and several APIs."""

    name = "other"


class Newer(Placed):
    """A provider of the same vendor that uses another version of its API."""

    api = "v2"


A = "https://a.example"


@pytest.mark.long
@both
def test_what_would_be_answered_otherwise_is_asked(colour: str, network: NETWORK) -> None:
    """Options, extras, operation, provider, API family, place and text: each is another call; the key is not."""
    server = network(lambda request: ok({"score": 0.1} if request.service == "mood" else {"code": "ko"}))
    batcher(colour, Placed(A))("sentiment", ["좋아요"])
    asked: list[tuple[Any, str, str, dict[str, Any]]] = [
        (Placed(A), "sentiment", "좋아요", {"language": "ko"}),
        (Placed(A), "sentiment", "좋아요", {"extra": {"model": "새것"}}),
        (Placed(A), "sentiment", "좋아요", {"extra_params": {"v": "2"}}),
        (Placed(A), "detect_language", "좋아요", {}),
        (Other(A), "sentiment", "좋아요", {}),
        (Newer(A), "sentiment", "좋아요", {}),
        (Placed("https://b.example"), "sentiment", "좋아요", {}),
        (Placed(A), "sentiment", "좋아요 ", {}),
    ]
    for provider, operation, text, options in asked:
        before = len(server.requests)
        assert batcher(colour, provider)(operation, [text], options=options).sent == 1
        assert len(server.requests) > before
    known = batcher(colour, Placed(A, key="not-a-real-key-2"))
    assert known("sentiment", ["좋아요"], options={"timeout": 7.0, "language": None}).sent == 0


def test_speech_of_another_version_is_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's Speech v1 and v2 answer otherwise; where a service account's file lies says nothing."""
    google = cloudai.Google
    assert google(api_key="not-a-real-key").cache_scope("speech_to_text") == {}
    with_project = google(api_key="not-a-real-key", project="p-1", location="eu")
    assert with_project.cache_scope("speech_to_text") == {"project": "p-1", "location": "eu", "api": "v2"}
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p-1")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/열쇠.json")
    assert google().cache_scope("speech_to_text") == {"project": "p-1", "api": "v2"}
    assert google(api_key="not-a-real-key").cache_scope("speech_to_text") == {"project": "p-1"}
    assert google().cache_scope("detect_faces") == {"project": "p-1"}


def test_addresses_and_regions_are_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every service, for one operation may ask several; a key is none, nor the API, which is a family."""
    monkeypatch.setenv("FACE_REGION", "koreacentral")
    resource = cloudai.Resource("not-a-real-key", "https://a.example")
    azure = cloudai.Azure(key="not-a-real-key", vision=resource, api="3.2")
    assert azure.cache_scope("analyze_image") == {"vision_endpoint": "https://a.example", "face_region": "koreacentral"}
    watson = cloudai.Watson(nlu=resource)
    assert watson.cache_scope("sentiment") == {"nlu_url": "https://a.example"}


@both
def test_without_the_cache(colour: str, network: NETWORK) -> None:
    """``cache=False`` neither takes from it nor leaves anything in it."""
    network(mood)
    run = batcher(colour)
    assert run("sentiment", TEXTS, cache=False).sent == 12
    assert not cache_path().exists()
    assert run("sentiment", TEXTS).sent == 12
    before = rows("SELECT * FROM answers")
    assert run("sentiment", [*TEXTS, "새 글"], cache=False).sent == 13
    assert rows("SELECT * FROM answers") == before


def test_only_what_a_vendor_answers_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what a script, a cassette, a stand-in or this computer says."""

    def used(provider: Any = None, **options: Any) -> bool:
        with Client(provider or MadeUp(), **options) as client, client.batch("sentiment", []) as job:
            return job._runner.state.cache is not None

    assert used()
    assert not used(send=mood)
    assert not used(offline=True)
    assert not used("local")
    with httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(200))) as stand_in:
        assert not used(http_client=stand_in)
    with httpx2.Client(mounts={"https://": httpx2.MockTransport(lambda request: httpx2.Response(200))}) as stand_in:
        assert not used(http_client=stand_in)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "example.com")
    with httpx2.Client() as own:
        assert used(http_client=own)
    monkeypatch.setenv("CLOUDAI_CACHE_MB", "0")
    assert not used()
    monkeypatch.delenv("CLOUDAI_CACHE_MB")
    near = "http://127.0.0.1:8000", "https://localhost/x", "127.0.0.1:5000", "http://10.0.0.7", "https://[::1]:8"
    assert all(used(Placed(place)) for place in near)
    monkeypatch.delenv("CLOUDAI_CACHE_DIR")
    assert used()
    assert not used(allow_http=True)
    assert not any(used(Placed(place)) for place in near)
    assert used(Placed("https://localhost.example"))
    monkeypatch.setattr("cloudai.batch.cache.is_remote", lambda path: True)
    assert not used()


@both
def test_settings_that_cannot_be_read_are_told_when_something_is_sent(colour: str, network: NETWORK) -> None:
    """Not where the batch is made: then there is no cache."""

    class Unreadable(MadeUp):
        def cache_scope(self, operation: str) -> dict[str, str]:
            raise SettingsError("the file of settings cannot be read")

    network(mood)
    assert batcher(colour, Unreadable())("sentiment", TEXTS[:2]).sent == 2
    assert not cache_path().exists()


@pytest.mark.parametrize("megabytes", ["많이", "-1", "inf", "nan"])
def test_a_size_that_is_none_is_refused(megabytes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One error that says what may be given; ``cache=`` too takes yes or no."""
    with Client(MadeUp()) as client:
        with pytest.raises(SettingsError, match="cache="):
            client.batch("sentiment", [], cache="no")
        monkeypatch.setenv("CLOUDAI_CACHE_MB", megabytes)
        with pytest.raises(SettingsError, match="CLOUDAI_CACHE_MB"):
            client.batch("sentiment", [])


@both
def test_errors_are_not_kept(colour: str, network: NETWORK) -> None:
    """A request that was refused is sent again for another journal."""
    server = network(lambda request: refused(400))
    for _ in range(2):
        assert batcher(colour)("sentiment", ["나쁜 글"]).values() == ["failed"]
    assert len(server.requests) == 2
    assert rows("SELECT * FROM answers") == [] if cache_path().exists() else True


@both
def test_the_journal_goes_first(colour: str, network: NETWORK, tmp_path: Path) -> None:
    """A refusal in the journal stands; an input in doubt is left alone if that is wished, or else answered here."""
    network(
        lambda request: refused(400) if request.json["text"] == "가" else ConnectionLostError("cut", state="UNKNOWN")
    )
    run = batcher(colour)
    first = run("sentiment", ["가", "나"], journal=tmp_path / "일", concurrency=1)
    assert first.values() == ["failed", "in_doubt"]
    server = network(mood)
    assert run("sentiment", ["가", "나"]).values() == ["ok", "ok"]
    again = run("sentiment", ["가", "나"], journal=tmp_path / "일", in_doubt="skip", plan=True)
    assert again.values() == ["failed", "skipped"]
    assert again.plan is not None
    assert (again.plan.in_doubt, again.plan.from_cache) == (1, 0)
    again = run("sentiment", ["가", "나"], journal=tmp_path / "일", plan=True)
    assert again.plan is not None
    assert (again.plan.in_doubt, again.plan.from_cache) == (0, 1)
    assert again.values() == ["failed", "ok"]
    assert again.values("billed_max")[1] >= 1
    assert len(server.requests) == 2
    with Client(MadeUp()) as client, client.batch("sentiment", [], journal=tmp_path / "일") as job:
        assert job._runner.state.journal.read(module.queries.doubts) == 0


@both
def test_addresses_are_asked_anew(colour: str, network: NETWORK) -> None:
    """An address is sent again in every batch, because another picture may be behind it tomorrow."""
    network(google_by_address)
    run = batcher(colour, cloudai.Google(api_key="not-a-real-key"))
    for _ in range(2):
        done = run("detect_faces", ["https://example.com/사진.jpg?X-Signature=canary"], plan=True)
        assert done.sent == 1
        assert done.plan is not None
        assert done.plan.cached == 0
    assert rows("SELECT * FROM answers") == [] if cache_path().exists() else True


def google_by_address(request: Request) -> Response:
    """Answer that no picture has a face."""
    return ok({"responses": [{} for _ in request.json["requests"]]})


def changed(result: str, body: bytes | None = None) -> None:
    """Put the result of another version into the cache, and perhaps its reply."""
    with closing(sqlite3.connect(cache_path())) as db:
        if body is not None:
            db.execute("UPDATE replies SET body = ?", (body,))
        for number, memory, meta in db.execute("SELECT id, memory, meta FROM answers").fetchall():
            sql = "SELECT place, units, status, headers, body FROM replies WHERE answer = ?"
            digest = module._digest([memory, result, meta], db.execute(sql, (number,)).fetchall())
            db.execute("UPDATE answers SET result = ?, digest = ? WHERE id = ?", (result, digest, number))
        db.commit()


@both
def test_a_result_of_another_version_is_read_anew(colour: str, network: NETWORK, tmp_path: Path) -> None:
    """From its replies, for nothing; it is put in place of the other. Where they cannot be read it is asked for."""
    server, run = network(mood), batcher(colour)
    first = run("sentiment", TEXTS)
    changed('{"mood": "fine"}')
    done = run("sentiment", TEXTS, journal=tmp_path / "이")
    assert done.sent == 0
    assert [o.result for o in sorted(done.outcomes, key=lambda o: o.item)] == [
        o.result for o in sorted(first.outcomes, key=lambda o: o.item)
    ]
    assert all("mood" not in result for (result,) in rows("SELECT result FROM answers"))
    changed('{"mood": "fine"}', b"{}")
    assert run("sentiment", TEXTS, journal=tmp_path / "삼").values() == ["ok"] * 12
    assert len(server.requests) == 24
    assert run("sentiment", TEXTS).sent == 0


@both
def test_the_plan_counts_what_is_there(colour: str, network: NETWORK, tmp_path: Path) -> None:
    """And says from where; a plan makes no file."""
    network(mood)
    run = batcher(colour)
    with Client(MadeUp()) as client, client.batch("sentiment", TEXTS) as job:
        assert job.plan().cached == 0
        assert not cache_path().exists()
    run("sentiment", TEXTS[:4], journal=tmp_path / "일")
    run("sentiment", TEXTS[4:10])
    plan = run("sentiment", [*TEXTS, TEXTS[5]], journal=tmp_path / "일", plan=True).plan
    assert plan is not None
    assert (plan.cached, plan.from_cache, plan.duplicates, plan.requests) == (10, 6, 1, 2)
    assert "from the journal  4, for nothing" in str(plan)
    assert "from the cache  6, for nothing" in str(plan)


ESCAPED = rb"\ube44\ubc00 \ud558\ub098"


def test_forgetting_forgets_here_too(network: NETWORK, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An input that a journal forgets is deleted from the cache too, and no word of its reply is left in the file."""
    server = network(lambda request: ok({"score": 0.5, "model": request.json["text"]}))
    run = batcher("blocking")
    run("sentiment", ["비밀 하나", "비밀 둘"], journal=tmp_path / "일", options={"language": "ko"})
    run("sentiment", ["비밀 하나", "비밀 둘"], journal=tmp_path / "일")
    secret = "비밀 하나"
    assert rows("SELECT COUNT(*) FROM answers") == [(4,)]
    name = next(outcome.result.meta.input for outcome in run("sentiment", [secret]).outcomes)
    sent = len(server.requests)
    with small(10**6, [1e9]) as another:
        assert another.find("sentiment", "?") is None  # it has the file open, as a batch that runs has
        assert main(["journal", str(tmp_path / "일"), "--forget", name]) == 0
        assert all(secret.encode() not in file.read_bytes() for file in cache_path().parent.iterdir())
        assert all(ESCAPED not in file.read_bytes() for file in cache_path().parent.iterdir())
    assert "forgot" in capsys.readouterr().out
    left = everything(cache_path())
    assert "비밀 둘".encode() in left or rb"\ube44\ubc00 \ub458" in left
    assert rows("SELECT COUNT(*) FROM answers") == [(2,)]
    assert run("sentiment", ["비밀 하나", "비밀 둘"]).sent == 1
    assert len(server.requests) == sent + 1


def test_where_it_cannot_be_forgotten_the_journal_still_knows(
    network: NETWORK, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so with 74, and the same command does it later."""
    network(mood)
    done = batcher("blocking")("sentiment", ["비밀"], journal=tmp_path / "일")
    name = done.outcomes[0].result.meta.input
    with closing(sqlite3.connect(cache_path(), isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        assert main(["journal", str(tmp_path / "일"), "--forget", name]) == 74
        assert "locked" in capsys.readouterr().err
        db.execute("ROLLBACK")
    assert main(["journal", str(tmp_path / "일"), "--forget", name]) == 0


@pytest.mark.long
def test_the_command_shows_and_empties_it(network: NETWORK, capsys: pytest.CaptureFixture[str]) -> None:
    """The command shows where the cache is, how many answers, how large and how old; it makes none by looking."""
    network(lambda request: ok({"score": 0.5, "model": "x" * 200_000}))
    assert main(["cache"]) == 0
    assert main(["cache", "--clear"]) == 0
    assert not cache_path().exists()
    capsys.readouterr()
    run = batcher("blocking")
    run("sentiment", TEXTS)
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    assert str(cache_path()) in shown
    assert time.strftime("%Y-") in shown
    assert " 12 " in shown
    assert "personal data" in shown
    before = cache_path().stat().st_size
    assert main(["cache", "--clear"]) == 0
    assert "12" in capsys.readouterr().out
    assert cache_path().stat().st_size < before / 10
    assert b"xxxx" not in everything(cache_path())
    assert run("sentiment", TEXTS).sent == 12


@pytest.mark.parametrize("damaged", [True, False])
def test_clearing_what_is_no_cache(damaged: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged one of ours goes as a whole; the file of another is left, with an error."""
    put(ours_damaged if damaged else theirs)
    before = cache_path().read_bytes()
    code = main(["cache", "--clear"])
    assert code == (0 if damaged else 74)
    assert cache_path().exists() is not damaged
    assert damaged or cache_path().read_bytes() == before


def test_the_command_line_can_do_without(network: NETWORK, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--no-cache`` asks anew."""
    from tests.made_up.merging import azure

    monkeypatch.setenv("LANGUAGE_KEY", "not-a-real-key")
    monkeypatch.setenv("LANGUAGE_ENDPOINT", "https://example.cognitiveservices.azure.com")
    server = network(azure)
    command = ["sentiment", *TEXTS[:3], "--provider", "azure", "--journal", "none", "--quiet"]
    for more, n in (([], 1), ([], 1), (["--no-cache"], 2)):
        assert main([*command, *more]) == 0
        assert len(server.requests) == n


@both
def test_nothing_secret_is_written(colour: str, network: NETWORK, tmp_path: Path) -> None:
    """No key, no text, no name, no picture, no extra, no cookie; the file is for its owner's eyes alone."""
    reply = Response(200, {"Set-Cookie": "canary-cookie"}, b'{"score": 0.5}')
    network(lambda request: reply if request.service == "mood" else google_by_address(request))
    options = {"extra": {"token": "canary-1"}, "extra_params": {"k": "canary-2"}, "extra_headers": {"x": "canary-3"}}
    texts = [{"글": "canary-text 비밀", "이름": "canary-row"}]
    batcher(colour, MadeUp(key="canary-key"))("sentiment", texts, column="글", options=options)
    photo = tmp_path / "canary-홍길동.png"
    photo.write_bytes(picture(7) + b"canary-picture")
    batcher(colour, cloudai.Google(api_key="canary-key"))("detect_faces", [photo])
    assert rows("SELECT COUNT(*) FROM answers") == [(2,)]
    kept = everything(cache_path())
    for secret in ("canary", "비밀", "홍길동", "made-up.example"):
        assert secret.encode() not in kept
    if os.name == "posix":
        assert {file.stat().st_mode & 0o777 for file in cache_path().parent.iterdir()} == {0o600}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_its_folder_is_for_its_owner(network: NETWORK, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that is made for the cache, whatever its Korean name, can be read by its owner alone."""
    network(mood)
    monkeypatch.setenv("CLOUDAI_CACHE_DIR", str(tmp_path / "캐시" / "안"))
    batcher("blocking")("sentiment", TEXTS)
    assert (tmp_path / "캐시" / "안").stat().st_mode & 0o777 == 0o700


def answer_of(size: int) -> CallRecord:
    """Return an answer with a reply of so many bytes."""
    held = {"1": StoredReply(1, Response(200, {}, random.Random(size).randbytes(size)))}  # noqa: S311
    return CallRecord(0, "done", result="{}", meta="{}", replies=held)


@contextmanager
def small(limit: int, now: list[float], **options: Any) -> Iterator[CacheStore]:
    """Yield a cache with a limit, and with a clock that is set."""
    kept = CacheStore(scopes={"sentiment": "p"}, limit=limit, clock=lambda: now[0], **options)
    try:
        yield kept
    finally:
        kept.close()


def test_the_oldest_go_first_and_the_file_stays_small() -> None:
    """By when they were last used, not by when they came; the limit holds about, on the disk."""
    now = [1e9]
    for n in range(60):
        with small(1_000_000, now) as kept:
            kept.keep("sentiment", f"call {n}", answer_of(50_000))
            assert n == 0 or kept.find("sentiment", "call 0"), "it is used every day"
        assert sum(file.stat().st_size for file in cache_path().parent.iterdir()) < 1_150_000
        now[0] += 86_400
    left = {call for (call,) in rows("SELECT call FROM answers")}
    newest = {f"call {n}" for n in range(60 - len(left) + 1, 60)}
    assert left == {"call 0", *newest}
    assert 12 < len(left) < 21
    assert rows("SELECT COUNT(*) FROM replies") == [(len(left),)]
    assert rows("PRAGMA auto_vacuum") == [(2,)]


@pytest.mark.long
def test_a_smaller_limit_makes_it_smaller(network: NETWORK, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next answer, also of many small ones and where one alone is too large; the newest stay."""
    network(lambda request: ok({"score": 0.5, "model": "x" * (3_000_000 if request.json["text"] == "큰 글" else 900)}))
    run = batcher("blocking")
    run("sentiment", [f"글 {n}" for n in range(300)])
    assert cache_path().stat().st_size > 300_000
    monkeypatch.setenv("CLOUDAI_CACHE_MB", "0.2")
    run("sentiment", ["새 글"])
    assert 160_000 < cache_path().stat().st_size <= 200_000
    assert run("sentiment", ["새 글"]).sent == 0
    assert run("sentiment", ["글 3"]).sent == 1
    run("sentiment", ["큰 글"])
    assert sum(file.stat().st_size for file in cache_path().parent.iterdir()) <= 200_000


def test_use_is_marked_coarsely() -> None:
    """Not written at every look."""
    now = [1e9]
    with small(10**6, now) as kept:
        kept.keep("sentiment", "call", answer_of(10))
    for seconds, marked in ((60, 0), (3000, 0), (3000, 6060)):
        now[0] += seconds
        with small(10**6, now) as kept:
            assert kept.find("sentiment", "call")
        assert rows("SELECT used FROM answers") == [(1_000_000_000 + marked,)]


def theirs(path: Path) -> None:
    """Make a database of somebody else."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE answers (id)")
        db.commit()


def garbage(path: Path) -> None:
    """Make a file that is no database."""
    path.write_bytes("그냥 글".encode() * 999)


def later(path: Path) -> None:
    """Make the cache of a cloudai to come."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {module.SCHEMA.application}")
        db.execute(f"PRAGMA user_version = {module.SCHEMA.version + 1}")
        db.execute("CREATE TABLE replies (id)")
        db.commit()


def theirs_damaged(path: Path) -> None:
    """Make a database of somebody else that is damaged, and that their program may mend."""
    theirs(path)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 9000)


def later_damaged(path: Path) -> None:
    """Make the cache of a cloudai to come, with what looks like damage to this one."""
    later(path)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 9000)


def folder(path: Path) -> None:
    """Make a folder with the name of the cache."""
    path.mkdir()


def ours_damaged(path: Path) -> None:
    """Make a cache whose head is whole, and all else is not."""
    with small(10**6, [1e9]) as kept:
        kept.keep("sentiment", "call", answer_of(50_000))
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def earlier(path: Path) -> None:
    """Make the cache of an earlier cloudai."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {module.SCHEMA.application}")
        db.execute("CREATE TABLE old (id)")
        db.commit()


def put(what: Callable[[Path], None]) -> None:
    """Put something else in the place of the cache."""
    what(cache_path())


def ran(run: Batcher, caplog: pytest.LogCaptureFixture) -> Done:
    """Run a batch that goes on without the cache, with one warning."""
    caplog.clear()
    done = run("sentiment", TEXTS)
    assert done.values() == ["ok"] * 12
    assert done.error is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cache" in caplog.text
    return done


@both
@pytest.mark.parametrize("what", [theirs, theirs_damaged, garbage, later, later_damaged, folder])
def test_what_is_not_ours_is_left_alone(
    colour: str, what: Callable[[Path], None], network: NETWORK, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch goes on without it."""
    network(mood)
    put(what)
    before = everything(cache_path()) if what is not folder else b""
    assert ran(batcher(colour), caplog).sent == 12
    assert what is folder or everything(cache_path()) == before


@both
@pytest.mark.parametrize("what", [ours_damaged, earlier])
def test_a_damaged_one_is_begun_anew(
    colour: str, what: Callable[[Path], None], network: NETWORK, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged cache that bears our mark is begun anew, and the batch after the next has its answers again."""
    network(mood)
    put(what)
    assert ran(batcher(colour), caplog).sent == 12
    assert "anew" in caplog.text
    caplog.clear()
    batcher(colour)("sentiment", TEXTS)
    assert batcher(colour)("sentiment", TEXTS).sent == 0
    assert not caplog.records


@pytest.mark.long
def test_no_damage_gives_a_wrong_answer(network: NETWORK) -> None:
    """A bit that a disk has lost is found: the input is asked for anew."""
    network(mood)
    run = batcher("blocking")
    run("sentiment", TEXTS)
    whole, chance = cache_path().read_bytes(), random.Random(7)  # noqa: S311  # the same each time
    assert b"0.1" in whole
    for n in range(40):
        content = bytearray(whole if n else whole.replace(b"0.1", b"0.9"))
        for _ in range(5):
            content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
        for file in cache_path().parent.iterdir():
            file.unlink()
        cache_path().write_bytes(content)
        done = run("sentiment", TEXTS)
        assert [o.result.score for o in sorted(done.outcomes, key=lambda o: o.item)] == [len(t) / 100 for t in TEXTS]


@both
def test_a_locked_one_is_not_waited_for(
    colour: str, network: NETWORK, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where another process writes for ever, nor where it has the file to itself."""
    monkeypatch.setattr(module, "BUSY", 0.02)
    monkeypatch.setattr(module, "WRITING", 0.05)
    network(mood)
    run = batcher(colour)
    run("sentiment", TEXTS[:6])
    with closing(sqlite3.connect(cache_path(), isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        assert run("sentiment", TEXTS).sent == 6, "what is there is read"
    with closing(sqlite3.connect(cache_path(), isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        assert ran(run, caplog).sent == 12


@both
def test_a_full_disk_keeps_nothing_more(
    colour: str, network: NETWORK, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache on a full disk still gives the answers that it holds, and its file stays whole."""
    network(lambda request: ok({"score": 0.5, "model": "x" * 5_000}))
    run = batcher(colour)
    run("sentiment", TEXTS[:4])
    pragmas = (*module.SCHEMA.pragmas, "max_page_count = 8")
    monkeypatch.setattr(module, "SCHEMA", replace(module.SCHEMA, pragmas=pragmas))
    assert ran(run, caplog).sent == 8
    assert "full" in caplog.text
    assert rows("PRAGMA integrity_check") == [("ok",)]
    assert rows("SELECT COUNT(*) FROM answers") == [(4,)]


def test_a_folder_that_cannot_be_made(
    network: NETWORK, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Or not be written: one warning, and the batch goes on."""
    network(mood)
    (tmp_path / "파일").write_text("")
    monkeypatch.setenv("CLOUDAI_CACHE_DIR", str(tmp_path / "파일" / "캐시"))
    assert ran(batcher("blocking"), caplog).sent == 12


def test_a_file_that_cannot_be_written(network: NETWORK, caplog: pytest.LogCaptureFixture) -> None:
    """A cache that cannot be written still gives the answers that it holds."""
    network(mood)
    run = batcher("blocking")
    run("sentiment", TEXTS[:4])
    real = sqlite3.connect

    def connect(path: Any, **options: Any) -> sqlite3.Connection:
        if str(path) != str(cache_path()):
            return real(path, **options)
        return real(f"file:{path}?mode=ro", uri=True, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        assert ran(run, caplog).sent == 8


@pytest.mark.long
@pytest.mark.parametrize("at", ["PRAGMA user_version", "PRAGMA journal_mode = WAL"])
def test_made_by_two_at_the_same_moment(
    at: str, network: NETWORK, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that another process makes between two of our steps serves both, without a warning."""
    network(mood)
    real, cut = sqlite3.connect, [at]

    class Cut(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            if sql == at and cut:
                cut.clear()
                with pytest.MonkeyPatch.context() as patch, suppress(sqlite3.OperationalError):
                    patch.setattr(sqlite3, "connect", real)
                    module._open_to_write(cache_path()).close()
            return super().execute(sql, *rest)

    def connect(path: Any, **options: Any) -> sqlite3.Connection:
        return real(path, **options, **({"factory": Cut} if str(path) == str(cache_path()) else {}))

    monkeypatch.setattr(sqlite3, "connect", connect)
    cache_path().touch()
    batcher("blocking")("sentiment", TEXTS)
    assert not cut
    assert not caplog.records
    assert batcher("blocking")("sentiment", TEXTS).sent == 0


@pytest.mark.loopback
def test_killed_while_it_writes(tmp_path: Path) -> None:
    """The file is whole, and a run after it takes from it what is there and needs no more than the rest."""
    chance = random.Random(3)  # noqa: S311  # the same each time
    kills = 0
    with vendor(delay=0.002) as server, runner() as run:
        for n in range(length(4, 12, 12)):
            wish = {"journal": str(tmp_path / str(n)), "url": server.url, "colour": ("blocking", "awaiting")[n % 2]}
            wish |= {"n": 150, "workers": 4, "operation": "sentiment"}
            kills += run(wish, lambda child: kill(child, server, chance, 60)) == -9
            if cache_path().exists() and cache_path().stat().st_size:
                assert rows("PRAGMA integrity_check") == [("ok",)]
        assert kills
        assert run({**wish, "journal": str(tmp_path / "끝")}) == 0
        server.posts.clear()
        assert run({**wish, "journal": str(tmp_path / "다시")}) == 0
        assert not server.posts
    assert set(server.seen) == set(texts_of(150))


def test_a_fork_leaves_it_to_the_other() -> None:
    """A forked process that closes the cache does not close it for its parent."""
    with small(10**6, [1e9]) as kept:
        kept.keep("sentiment", "call", answer_of(10))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            kept.close()
        kept.keep("sentiment", "later", answer_of(10))
    assert rows("SELECT call FROM answers") == [("call",), ("later",)]


def test_few_wait_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that come faster than the disk can write them are left out beyond a number, not held in memory."""
    monkeypatch.setattr(module, "WAITING", 3)
    disk = threading.Event()
    with small(10**6, [1e9]) as kept:
        kept._pool = ThreadPoolExecutor(1)
        kept._pool.submit(disk.wait, 10)
        for n in range(9):
            kept.keep("sentiment", f"call {n}", answer_of(10))
        disk.set()
    assert rows("SELECT call FROM answers") == [("call 0",), ("call 1",), ("call 2",)]


def test_locks_of_a_moment_end_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """However many there are, as long as answers are written in between."""
    monkeypatch.setattr(module, "WRITING", 0.01)
    with small(10**6, [1e9]) as kept:
        kept.keep("sentiment", "first", answer_of(10))
        for n in range(8):
            written(kept)
            with closing(sqlite3.connect(cache_path(), isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                kept.keep("sentiment", f"lost {n}", answer_of(10))
                written(kept)
                db.execute("ROLLBACK")
            kept.keep("sentiment", f"call {n}", answer_of(10))
    assert not caplog.records
    assert rows("SELECT COUNT(*) FROM answers") == [(9,)]


def written(kept: CacheStore) -> None:
    """Wait for what is under way."""
    assert kept._pool
    kept._pool.submit(int).result(10)


def test_a_closed_one_is_not_written() -> None:
    """An answer that comes after the cache was closed is dropped, without a warning."""
    with small(10**6, [1e9]) as kept:
        kept.keep("sentiment", "call", answer_of(10))
    kept.keep("sentiment", "late", answer_of(10))
    assert kept.find("sentiment", "call") is None
    assert rows("SELECT call FROM answers") == [("call",)]
