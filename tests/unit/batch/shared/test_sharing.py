"""Batches that share a keeper: nothing is paid twice, what a worker leaves is visible, and a keeper may go and come."""

from __future__ import annotations

import pickle
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Client, Google, JournalError, Response, SettingsError, share
from cloudai.batch import queries
from cloudai.batch.merge import merge
from cloudai.batch.runner import Runner
from cloudai.batch.shared.address import Address
from cloudai.batch.shared.keeper import Keeper
from cloudai.batch.shared.remote import RemoteJournal
from cloudai.core.flow import Flow, Request
from cloudai.models.text import Sentiment
from cloudai.operations import digest_of
from cloudai.providers.base import capability
from tests.made_up.merging import google, picture
from tests.made_up.provider import MadeUp, ok, refused
from tests.made_up.runs import texts_of

pytestmark = [pytest.mark.loopback, pytest.mark.enable_socket]


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", "a secret of this test")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Return the file of the keeper."""
    return tmp_path / "일지.journal"


@pytest.fixture
def keeper(journal: Path) -> Iterator[Keeper]:
    """Yield a keeper on the loopback."""
    with share(journal, listen="127.0.0.1:0", grace=0.1) as keeper:
        yield keeper


class Vendor:
    """Counts the texts that it is asked about, and answers when it may."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.may = threading.Event()
        self.may.set()
        self.came = threading.Semaphore(0)

    def __call__(self, request: Request) -> Response:
        self.asked[request.json["text"]] += 1
        self.came.release()
        assert self.may.wait(20)
        return ok({"score": 0.5})

    def client(self) -> Client:
        """Return a client of this vendor."""
        return Client(MadeUp(key="k"), send=self)


def soon(what: Callable[[], Any]) -> Any:
    """Return a value that is true within seconds, because another thread is at it."""
    until = time.monotonic() + 30
    while not (value := what()):
        assert time.monotonic() < until
        time.sleep(0.005)
    return value


def test_two_runs_at_the_same_time(keeper: Keeper) -> None:
    """Two processes with the same texts in different lists ask once for each, and each list has all of its rows."""
    vendor = Vendor()
    vendor.may.clear()
    books, tables = {}, {}

    def run(name: str, texts: list[str]) -> None:
        with vendor.client() as client, client.batch("sentiment", texts, journal=keeper.address) as job:
            assert len(list(job)) == len(texts)
            books[name], tables[name] = job.books, job.table()

    texts = texts_of(6)
    runs = [threading.Thread(target=run, args=one) for one in (("a", texts), ("b", [*texts[::-1], "다른 글"]))]
    for one in runs:
        one.start()
    vendor.came.acquire()
    time.sleep(0.05)
    vendor.may.set()
    for one in runs:
        one.join(20)
    assert vendor.asked == Counter([*texts, "다른 글"])
    assert (books["a"]["done"], books["b"]["done"]) == (6, 7)
    assert [row["item"] for row in tables["b"]] == list(range(7))
    billed = sum(row["billed_max"] for table in tables.values() for row in table)
    assert billed == 7, "each unit is in one table"


def test_pictures_share_requests(keeper: Keeper) -> None:
    """A batch with a keeper merges its inputs into as few requests as one with a file, duplicates included."""
    sent: list[Request] = []

    def send(request: Request) -> Response:
        sent.append(request)
        return google(request)

    pictures = [picture(i) for i in range(20)]
    with (
        Client(Google(api_key="not-a-real-key"), send=send) as client,
        client.batch("detect_faces", [*pictures, pictures[3]], journal=keeper.address, concurrency=1) as job,
    ):
        assert "requests  2 (20 units)" in str(job.plan())
        assert sum(outcome.status == "ok" for outcome in job) == 21
        assert job.table().rows[20]["duplicate_of"] == 3
        assert job.balanced
        assert job.manifest()["books"] == {"ok": 21}
    assert len(sent) == 2
    assert sum(sum(1 for _ in request.json["requests"]) for request in sent) == 20


def test_parts(keeper: Keeper) -> None:
    """Parts are carried out in any order and more than once; the batch then has the rows of all, in order."""
    vendor, texts = Vendor(), texts_of(10)
    with vendor.client() as client, client.batch("sentiment", texts, journal=keeper.address) as job:
        parts = job.partition(3)
        assert [len(part) for part in parts] == [3, 3, 4]
        none = dict.fromkeys(("done", "failed", "in_doubt", "skipped"), 0)
        assert job.books == {**none, "submitted": 10, "not_started": 10}
        assert [outcome.item for outcome in parts[2].run()] == [6, 7, 8, 9]
        assert job.books["not_started"] == 6
        for part in parts:
            part.run()
        assert [outcome.item for outcome in job] == list(range(10))
        assert [row["input"] for row in job.table()] == [outcome.input for outcome in job]
        assert (job.books["done"], job.balanced) == (10, True)
        assert sum(row["billed_max"] for row in job.table()) == 10
    assert vendor.asked == Counter(texts)
    with vendor.client() as client, client.batch("sentiment", texts, journal=keeper.address) as job:
        assert [part.key for part in job.partition(3)] == [part.key for part in parts], "the same in every run"
        assert job.books["done"] == 10
    with vendor.client() as client, client.batch("sentiment", texts[:9], journal=keeper.address) as job:
        assert not {part.key for part in job.partition(3)} & {part.key for part in parts}, "another list"


def test_parts_pickle_without_keys(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part with keys from the environment pickles without them; one that was given keys is refused, and says why."""
    monkeypatch.setenv("GOOGLE_API_KEY", "not-a-real-key")
    with Client("google") as client, client.batch("sentiment", texts_of(4), journal=keeper.address) as job:
        pickled = pickle.dumps(job.partition(2))
        assert b"not-a-real-key" not in pickled
        assert b"a secret of this test" not in pickled
        assert [list(part.inputs) for part in pickle.loads(pickled)] == [texts_of(4)[:2], texts_of(4)[2:]]
        assert [part.key for part in pickle.loads(pickled)] == [part.key for part in job.partition(2)]
    with (
        Client(Google(api_key="not-a-real-key")) as client,
        client.batch("sentiment", texts_of(4), journal=keeper.address) as job,
    ):
        [part] = job.partition(1)
        with pytest.raises(TypeError, match="Keep the settings in the environment"):
            pickle.dumps(part)


def test_parts_with_journals_of_their_own(tmp_path: Path) -> None:
    """Without a keeper each part has a journal in a folder, which is found again; one journal is made of them."""
    vendor, texts, folder = Vendor(), texts_of(7), tmp_path / "부분"
    with vendor.client() as client, client.batch("sentiment", texts) as job:
        parts = job.partition(2, journals=folder)
        for part in [*parts, parts[0]]:
            part.run()
    assert vendor.asked == Counter(texts)
    files = sorted(folder.glob("*.journal"))
    assert [file.stem for file in files] == sorted(part.key[:32] for part in parts)
    assert merge(tmp_path / "전체.journal", files) == 7
    with vendor.client() as client, client.batch("sentiment", texts, journal=tmp_path / "전체.journal") as job:
        assert [outcome.item for outcome in sorted(job, key=lambda outcome: outcome.item)] == list(range(7))
        assert job.sent == 0
        assert sum(row["billed_max"] for row in job.table()) == 7


@pytest.mark.parametrize(
    ("settings", "journals", "says"),
    [
        ({"pace": "20/min"}, None, "the keeper owns the pace"),
        ({"journal": None}, None, "journals=FOLDER"),
        ({}, "folder", "Leave out journals="),
    ],
)
def test_settings_that_exclude_each_other(settings: Any, journals: Any, says: str, keeper: Keeper) -> None:
    """What a keeper owns cannot be given to a batch, and parts have one journal or several."""
    given = {"journal": keeper.address, **settings}
    with (
        Vendor().client() as client,
        pytest.raises(SettingsError, match=says),
        client.batch("sentiment", ["글"], **given) as job,
    ):
        job.partition(2, journals=journals)


@pytest.mark.parametrize("n", [0, -1, True, 1.5, "2"])
def test_a_number_of_parts_that_is_none(n: Any, keeper: Keeper) -> None:
    """A number of parts is a whole number from 1."""
    with (
        Vendor().client() as client,
        client.batch("sentiment", ["글"], journal=keeper.address) as job,
        pytest.raises(SettingsError, match="whole number"),
    ):
        job.partition(n)


def test_a_worker_that_vanishes(keeper: Keeper) -> None:
    """Its input is in doubt in the table at once; after a moment others get its call, and may send or skip it."""
    vendor, texts = Vendor(), ["글"]
    with vendor.client() as client, client.batch("sentiment", texts, journal=keeper.address) as job:
        job.partition(1)
        [task] = job._runner.state.tasks
        worker = RemoteJournal(keeper.address)
        sha256 = digest_of("글")
        lookup = queries.look_up_each(task.batch, task.run, 0, keys=[task.key_of(sha256)], sha256=sha256, name="text-1")
        worker.ask(queries.intend(worker.ask(lookup)[0].call, "1", 1))
        assert job.books["not_started"] == 1
        cut = time.monotonic()
        vanish(worker)
        soon(lambda: job.books["in_doubt"])
        [row] = job.table()
        assert (row["status"], row["error_type"], row["billed_min"], row["billed_max"]) == (
            *("in_doubt", "NotStartedError"),
            *(0, 1),
        )
        with vendor.client() as other, other.batch("sentiment", texts, journal=keeper.address, in_doubt="skip") as run:
            assert [outcome.status for outcome in run] == ["skipped"]
        assert time.monotonic() - cut >= 0.1, "others did not leave the worker the time to come back"
        assert not vendor.asked
        job.partition(1)[0].run()
        assert (job.books["done"], job.balanced, job.table().rows[0]["billed_max"]) == (1, True, 2)
    worker._link._end()


def vanish(worker: RemoteJournal) -> None:
    """End the connection of a worker, which never comes back."""
    link = worker._link
    wire = soon(lambda: link._wire)
    link._address = Address("127.0.0.1", 1)
    link._loop.call_soon_threadsafe(wire.close)


def test_a_keeper_that_restarts(journal: Path) -> None:
    """A worker waits for its keeper, and hands over what it was answered meanwhile; nothing is asked again."""
    vendor, texts = Vendor(), texts_of(12)
    vendor.may.clear()
    keeper = share(journal, listen="127.0.0.1:0", grace=0.1)
    outcomes: list[Any] = []

    def run() -> None:
        with (
            vendor.client() as client,
            client.batch("sentiment", texts, journal=keeper.address, concurrency=2) as job,
        ):
            outcomes.extend(job)

    worker = threading.Thread(target=run)
    worker.start()
    vendor.came.acquire()
    vendor.came.acquire()
    keeper.close()
    vendor.may.set()
    soon(lambda: list(Path(cloudai.storage.state_folder()).glob("spool/*/*.db")))
    time.sleep(0.1)
    assert len(vendor.asked) == 2, "a request went out that was not written down"
    with share(journal, listen=keeper.address.removeprefix("keeper://")) as again:
        worker.join(30)
        assert sorted(outcome.item for outcome in outcomes if outcome.result) == list(range(12))
        assert again.books["answered"] == 12
    assert vendor.asked == Counter(texts)
    assert not list(Path(cloudai.storage.state_folder()).glob("spool/*/*.db"))
    with closing(sqlite3.connect(journal)) as db:
        assert db.execute("SELECT SUM(sent), SUM(paid), SUM(doubt) FROM exchanges").fetchone() == (12, 12, 0)


def test_calls_in_doubt_wait_for_their_worker(journal: Path) -> None:
    """After a restart a call that is in doubt is left to its worker; if that does not come back, others may have it."""
    with share(journal, listen="127.0.0.1:0") as keeper:
        worker, gone, other = (RemoteJournal(keeper.address) for _ in range(3))
        batch, run = worker.ask(queries.enlist("list", "made-up", "sentiment", "{}", version="0", now="now"))
        lookups = {
            key: queries.look_up_each(batch, run, n, keys=[key], sha256=key, name=key)
            for n, key in enumerate(("come", "gone"))
        }
        for remote, key in ((worker, "come"), (gone, "gone")):
            remote.ask(queries.intend(remote.ask(lookups[key])[0].call, "1", 1))
        gone._link._address = Address("127.0.0.1", 1)
    with share(journal, listen=keeper.address.removeprefix("keeper://"), grace=0.5):
        assert [other.ask(lookups[key]) for key in lookups] == [None, None]
        claims = {key: other.claim(key) for key in lookups}
        assert claims["gone"].result(10) is None
        assert other.ask(lookups["gone"])[0].in_doubt
        assert not claims["come"].done()
        worker.release("come")
        assert claims["come"].result(10) is None
        gone.hurry(0)
        for remote in (worker, gone, other):
            remote.close()


def test_what_is_sent_again_is_written_once(journal: Path) -> None:
    """Whenever the connection breaks, each statement is carried out once, and calls stay with their session."""
    with share(journal, listen="127.0.0.1:0", grace=3.0) as keeper:
        _sent_again(keeper)


def _sent_again(keeper: Keeper) -> None:
    remote = RemoteJournal(keeper.address)
    batch, run = remote.ask(queries.enlist("list", "made-up", "sentiment", "{}", version="0", now="now"))
    [record] = remote.ask(queries.look_up_each(batch, run, 0, keys=["k"], sha256="s", name="글"))
    other = RemoteJournal(keeper.address)
    for n in range(200):
        remote.post(queries.intend(record.call, "1", 1))
        if not n % 20 and (wire := remote._link._wire) is not None:
            remote._link._loop.call_soon_threadsafe(wire._transport.abort)
    remote.ask(queries.suspect(record.call))
    soon(lambda: not keeper._expiring)  # it has come back in time, and nobody else gets its call
    assert other.ask(queries.look_up_each(batch, run, 1, keys=["k"], sha256="s", name="글")) is None
    granted = other.claim("k")
    assert not granted.done()
    remote.release("k")
    assert granted.result(10) is None
    assert other.ask(queries.record_of(record.call)).attempts == 200
    remote.close()
    other.close()


def test_patience_ends(keeper: Keeper) -> None:
    """A keeper that stays away pauses the batch, which says how to go on; a stop does not wait for it that long."""
    vendor = Vendor()
    with vendor.client() as client:
        job = client.batch("sentiment", texts_of(3), journal=keeper.address, concurrency=1)
        job._runner.state.journal._link._patience = 0.2  # type: ignore[attr-defined]
        keeper.close()
        began = time.monotonic()
        with pytest.raises(JournalError, match="has not answered"):
            list(job)
        job.close()
        assert time.monotonic() - began < 25
        assert job.balanced
    assert not vendor.asked


def test_stopped_everywhere(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """To stop a batch that was partitioned stops its parts wherever they run; a later run goes on."""
    vendor, texts = Vendor(), texts_of(40)
    told, stop_of = threading.Event(), Runner._stop_of

    def noted(runner: Runner, batch: int) -> None:
        stop_of(runner, batch)
        if runner is not job._runner:
            told.set()

    monkeypatch.setattr(Runner, "_stop_of", noted)
    with vendor.client() as client, client.batch("sentiment", texts, journal=keeper.address, concurrency=2) as job:
        [part] = job.partition(1)
        vendor.may.clear()
        run = threading.Thread(target=part.run)
        run.start()
        vendor.came.acquire()
        job.stop()
        assert told.wait(30)
        vendor.may.set()
        run.join(20)
        assert len(vendor.asked) <= 2
        assert job.books["not_started"] == 40 - len(vendor.asked)
        assert [outcome.item for outcome in job] == list(range(40))
        part.run()
        assert job.books["done"] == 40
    assert vendor.asked == Counter(texts)


def test_turns_come_from_the_keeper(journal: Path) -> None:
    """The pace of the keeper holds for all of its workers, and a restarted keeper knows of the turns before."""
    vendor = Vendor()
    clock = time.monotonic()
    with share(journal, listen="127.0.0.1:0", pace="4/s") as keeper, vendor.client() as client:
        for texts in (texts_of(4), ["하나 더"]):
            with client.batch("sentiment", texts, journal=keeper.address) as job:
                list(job)
    assert 1.5 <= time.monotonic() - clock < 60
    assert len(vendor.asked) == 5


def test_with_tls(journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a certificate the connection is one of TLS; a worker that does not trust it takes nothing from it."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    for name, blob in (
        ("ca", authority.cert_pem),
        ("cert", issued.cert_chain_pems[0]),
        ("key", issued.private_key_pem),
    ):
        blob.write_to_path(tmp_path / f"{name}.pem")
    tls = {"certificate": tmp_path / "cert.pem", "key": tmp_path / "key.pem"}
    with share(journal, listen="127.0.0.1:0", **tls) as keeper, Vendor().client() as client:
        assert keeper.address.startswith("keeper+tls://")
        with pytest.raises(JournalError, match="has not answered"):
            RemoteJournal(keeper.address, patience=0.1)
        monkeypatch.setenv("CLOUDAI_KEEPER_CA", str(tmp_path / "ca.pem"))
        with client.batch("sentiment", texts_of(2), journal=keeper.address) as job:
            assert sum(outcome.status == "ok" for outcome in job) == 2
        monkeypatch.setenv("CLOUDAI_KEEPER_CA", str(tmp_path / "nothing.pem"))
        with pytest.raises(SettingsError, match="CLOUDAI_KEEPER_CA"):
            RemoteJournal(keeper.address)


@pytest.mark.parametrize(
    "address", ["keeper://", "keeper://a:b", "keeper://user:pass@host:1", "keeper://host:1/path", "keeper://[::1"]
)
def test_addresses_that_are_none(address: str) -> None:
    """An address that cannot be used is refused without being shown, because somebody may have put a secret into it."""
    with Vendor().client() as client, pytest.raises(SettingsError, match="cannot be used") as error:
        client.batch("sentiment", ["글"], journal=address)
    assert "pass" not in str(error.value)


class Other(MadeUp):
    """Another made-up vendor, at another address."""

    name = "other"

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request."""
        url = "https://made-up.example/other"
        response: Response = yield Request("POST", url, service="mood", api="v1", json={"text": text})
        return Sentiment(score=response.json()["score"], language=language)


def test_several_providers_in_turn(keeper: Keeper) -> None:
    """Where the first provider refuses, the next one is asked; run again, the keeper has the answers of both."""
    vendor = Vendor()

    def send(request: Request) -> Response:
        return vendor(request) if request.url.endswith("other") else refused(403)

    for n in (3, 4):
        with (
            Client([MadeUp(key="k"), Other(key="l")], send=send) as client,
            client.batch("sentiment", texts_of(n), journal=keeper.address) as job,
        ):
            assert sum(outcome.status == "ok" for outcome in job) == n
            assert job.balanced
    assert vendor.asked == Counter(texts_of(4))
