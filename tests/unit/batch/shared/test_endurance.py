"""A keeper and its workers go on after a full disk, a frozen worker, a damaged spool, and with messages of any size."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

import cloudai
from cloudai import JournalError, SettingsError, share
from cloudai.batch import queries, rows, runner
from cloudai.batch.rows import ItemRecord
from cloudai.batch.shared.address import Address, address_of
from cloudai.batch.shared.desk import Desk
from cloudai.batch.shared.frames import Channel, proof
from cloudai.batch.shared.keeper import Keeper
from cloudai.batch.shared.remote import RemoteJournal
from cloudai.batch.shared.spool import SpooledReplies
from cloudai.batch.shared.wire import dumped
from cloudai.core.flow import Response
from tests.made_up.runs import texts_of
from tests.unit.batch.shared.test_hostile_peers import dial, hello, read
from tests.unit.batch.shared.test_sharing import Vendor, soon, vanish

pytestmark = [pytest.mark.loopback, pytest.mark.enable_socket]

SECRET = "a secret of this test"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the keeper, whose workers know the secret."""
    monkeypatch.setenv("CLOUDAI_KEEPER_SECRET", SECRET)
    return tmp_path / "일지.journal"


@pytest.fixture
def keeper(journal: Path) -> Iterator[Keeper]:
    """Yield a keeper on the loopback."""
    with share(journal, listen="127.0.0.1:0", grace=0.1) as keeper:
        yield keeper


def spooled() -> list[Path]:
    """Return the files in which replies wait for a keeper."""
    return list(Path(cloudai.storage.state_folder()).glob("spool/*/*.db"))


def looked_up(remote: RemoteJournal, key: str = "k", item: int = 0) -> int:
    """Return the number of the call of a key, which the worker has from then on."""
    batch, run = remote.ask(queries.enlist("list", "made-up", "sentiment", "{}", version="0", now="now"))
    [record] = remote.ask(queries.look_up_each(batch, run, item, keys=[key], sha256=key, name="글"))
    return int(record.call)


def test_a_stop_does_not_wait_for_another_worker(keeper: Keeper) -> None:
    """A batch that is stopped ends soon, although the call that it waits for is carried out by another worker."""
    vendor, jobs = Vendor(), dict[str, Any]()
    vendor.may.clear()

    def run(name: str) -> None:
        with vendor.client() as client, client.batch("sentiment", ["글"], journal=keeper.address) as job:
            jobs[name] = job
            list(job)

    runs = [threading.Thread(target=run, args=(name,), daemon=True) for name in ("first", "second")]
    runs[0].start()
    vendor.came.acquire()
    runs[1].start()
    soon(lambda: "second" in jobs and any(claim.waiting for claim in keeper._desk._claims.values()))
    jobs["second"].stop()
    runs[1].join(15)  # the first one waits for twenty seconds
    assert not runs[1].is_alive()
    assert (jobs["second"].books["not_started"], jobs["second"].paused) == (1, "it was stopped")
    vendor.may.set()
    runs[0].join(30)
    assert (jobs["first"].books["done"], vendor.asked["글"]) == (1, 1)


def test_a_stop_does_not_wait_for_the_pace(journal: Path) -> None:
    """A batch that is stopped ends soon, although its next turn comes tomorrow."""
    vendor, jobs = Vendor(), list[Any]()

    def run() -> None:
        with vendor.client() as client, client.batch("sentiment", texts_of(3), journal=keeper.address) as job:
            jobs.append(job)
            list(job)

    with share(journal, listen="127.0.0.1:0", pace="1/day") as keeper:
        running = threading.Thread(target=run, daemon=True)
        running.start()
        vendor.came.acquire()
        soon(lambda: jobs[0].books["done"])
        jobs[0].stop()
        running.join(5)
        assert not running.is_alive()
        assert jobs[0].books["not_started"] == 2


def test_a_damaged_spool_stops_nobody(keeper: Keeper, caplog: pytest.LogCaptureFixture) -> None:
    """A spool that cannot be read is named in a warning and stays; batches run, also over a connection that broke."""
    replies = SpooledReplies(keeper._id, "ab" * 16)
    for number in range(1, 500):
        replies.keep(number, dumped([number, "do", "answer", [number, "글" * 50], {}]))
    replies.close()
    [path] = spooled()
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\x5a" * (len(content) - 8192))
    with Vendor().client() as client, client.batch("sentiment", texts_of(3), journal=keeper.address) as job:
        remote = job._runner.state.journal
        assert isinstance(remote, RemoteJournal)
        assert len(list(job)) == 3
        wire = remote._link._wire
        assert wire is not None
        remote._link._loop.call_soon_threadsafe(wire.close)
        soon(lambda: remote._link._wire not in (None, wire))
        assert job.books["done"] == 3
    assert str(path) in caplog.text
    assert path.exists()


def test_replies_of_a_keeper_whose_disk_was_full(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a full disk has refused is handed over later, although the worker has written other things since."""
    worker = RemoteJournal(keeper.address)
    call = looked_up(worker)
    worker.ask(queries.intend(call, "1", 1))
    answer, plain = queries.answer(call, "1", 1, Response(200, {}, '"답"'.encode()), {}), Desk._do

    def full(desk: Desk, db: Any, session: str, name: str, *rest: Any) -> Any:
        if name == "answer":
            raise apsw.FullError("database or disk is full")
        return plain(desk, db, session, name, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Desk, "_do", full)
        with pytest.raises(JournalError):
            worker.ask(answer)
        worker.rescue(answer, paid=True)
    worker.ask(queries.suspect(call))
    with pytest.raises(JournalError, match="1 answered"):
        worker.close()
    assert len(spooled()) == 1
    other = RemoteJournal(keeper.address)
    soon(lambda: not spooled())
    record = other.ask(queries.record_of(call))
    assert (record.in_doubt, record.paid, record.replies["1"].response.content.decode()) == (False, 1, '"답"')
    other.close()


def test_a_reply_that_a_new_keeper_refuses(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that was kept while the keeper was away, and that its successor cannot write, is handed over later."""
    with share(journal, listen="127.0.0.1:0", grace=0.1) as keeper:
        worker = RemoteJournal(keeper.address)
        call = looked_up(worker)
        worker.ask(queries.intend(call, "1", 1))
    assert worker.do(queries.answer(call, "1", 1, Response(200, {}, b"{}"), {})).result(10) is None
    plain = Desk._do

    def full(desk: Desk, db: Any, session: str, name: str, *rest: Any) -> Any:
        if name == "answer":
            raise apsw.FullError("database or disk is full")
        return plain(desk, db, session, name, *rest)

    with share(journal, listen=keeper.address.removeprefix("keeper://"), grace=0.1):
        with monkeypatch.context() as patched:
            patched.setattr(Desk, "_do", full)
            with suppress(JournalError):  # it may be written at the same time as the reply
                worker.ask(queries.suspect(call))
            worker.ask(queries.suspect(call))
            with pytest.raises(JournalError, match="1 answered"):
                worker.close()
        other = RemoteJournal(keeper.address)
        soon(lambda: not spooled())
        assert other.ask(queries.record_of(call)).paid == 1
        other.close()


def test_a_worker_that_was_frozen(keeper: Keeper) -> None:
    """A worker that was away while another one carried out its call does not send it, and gets the other's answer."""
    vendor = Vendor()
    with vendor.client() as client, client.batch("sentiment", ["글"], journal=keeper.address) as job:
        slow, plain = job._runner.state.journal, queries.intend
        assert isinstance(slow, RemoteJournal)
        state = {"cut": False}

        def intend(*arguments: Any) -> Any:
            if not state["cut"]:
                state["cut"] = True
                address = slow._link._address
                vanish(slow)
                with vendor.client() as other, other.batch("sentiment", ["글"], journal=keeper.address) as run:
                    assert [outcome.status for outcome in run] == ["ok"]
                slow._link._address = address
            return plain(*arguments)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(queries, "intend", intend)
            assert [outcome.status for outcome in job] == ["ok"]
        assert job.balanced
    assert vendor.asked == Counter(["글"])


def test_a_call_that_another_worker_has_after_a_restart(journal: Path) -> None:
    """A worker that comes back to a new keeper after another one has got its call does not write down its request."""
    with share(journal, listen="127.0.0.1:0") as keeper:
        worker, other = RemoteJournal(keeper.address), RemoteJournal(keeper.address)
        call = looked_up(worker)
        where, worker._link._address = worker._link._address, Address("127.0.0.1", 1)
    with share(journal, listen=keeper.address.removeprefix("keeper://")):
        assert looked_up(other) == call
        worker._link._address = where
        assert worker.ask(queries.intend(call, "1", 1)) == queries.ELSEWHERE
        assert other.ask(queries.intend(call, "1", 1)) is None
        claimed = worker.claim("k")
        other.release("k")
        assert claimed.result(10) is None
        assert looked_up(worker) == call
        assert worker.ask(queries.intend(call, "1", 1)) is None
        assert worker.ask(queries.record_of(call)).attempts == 2
        worker.close()
        other.close()


def test_a_release_that_is_sent_again(keeper: Keeper) -> None:
    """A release whose answer was lost does not give away the call that the worker has got again since."""
    worker, other = RemoteJournal(keeper.address), RemoteJournal(keeper.address)
    looked_up(worker)
    worker.release("k")
    released = worker._link._number
    looked_up(worker)
    wire = worker._link._wire
    assert wire is not None
    worker._link._loop.call_soon_threadsafe(wire.send, [dumped([released, "release", "k"])])
    looked_up(worker, "another")
    batch, run = other.ask(queries.enlist("list", "made-up", "sentiment", "{}", version="0", now="now"))
    assert other.ask(queries.look_up_each(batch, run, 0, keys=["k"], sha256="k", name="글")) is None
    worker.close()
    other.close()


def test_a_worker_that_comes_back_twice(journal: Path) -> None:
    """Each time that a worker's connection breaks it has the whole time to come back."""
    with share(journal, listen="127.0.0.1:0", grace=3.0) as keeper:
        worker, other = RemoteJournal(keeper.address), RemoteJournal(keeper.address)
        looked_up(worker)
        where = worker._link._address
        claimed = other.claim("k")
        vanish(worker)
        soon(lambda: keeper._expiring)
        worker._link._address = where
        soon(lambda: len(keeper._peers) == 2 and not keeper._expiring)
        before = keeper._loop.time()
        vanish(worker)
        [timer] = soon(keeper._expiring.values)
        assert timer.when() >= before + 3.0, "others would have the call before the time is over"
        assert not claimed.done()
        worker._link._address = where
        worker.release("k")
        assert claimed.result(10) is None
        worker.close()
        other.close()


def test_pages_and_answers_of_any_size(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers and pages that are together longer than a frame come in several frames."""
    for module in ("connection", "frames"):
        monkeypatch.setattr(f"cloudai.batch.shared.{module}.MOST", 1_000_000)
    monkeypatch.setattr(rows, "A_PAGE", 300_000)
    worker, body = RemoteJournal(keeper.address), os.urandom(200_000)
    batch, run = worker.ask(queries.enlist("list", "made-up", "sentiment", "{}", version="0", now="now"))
    calls = [looked_up(worker, f"k{n}", n) for n in range(8)]
    for n, call in enumerate(calls):
        worker.do(queries.answer(call, "1", 1, Response(200, {}, body), {}))
        worker.do(rows.finish(batch, ItemRecord(n, f"사진/{n}", "ok", {"attempts": 1}, call=call, run=run)))
    records = [future.result(10) for future in worker.do_each([queries.record_of(call) for call in calls])]
    assert all(record.replies["1"].response.content == body for record in records)
    read, after = list[int](), -1
    while page := worker.read(rows.page(batch, after)):
        after = page[-1][0].item
        read += [item.item for item, _ in page]
    assert read == list(range(8))
    worker.close()


def test_a_spool_of_any_size(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that is longer than a frame is handed over in pieces, each reply once."""
    worker, other = RemoteJournal(keeper.address), SpooledReplies(keeper._id, "cd" * 16)
    call = looked_up(worker)
    for number in range(1, 9):
        answer = [call, f"{number}", 1, Response(200, {}, os.urandom(100_000)), {}]
        other.keep(number, dumped([number, "do", "answer", answer, {}]))
    other.close()
    monkeypatch.setattr("cloudai.batch.shared.peer.MOST", 500_000)
    monkeypatch.setattr("cloudai.batch.shared.spool.A_PIECE", 250_000)
    next_one = RemoteJournal(keeper.address)
    soon(lambda: not spooled())
    next_one.close()
    assert worker.ask(queries.record_of(call)).paid == 8
    worker.close()


def test_a_worker_that_does_not_read(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of a worker that neither reads nor speaks are in doubt once it counts as gone."""
    monkeypatch.setattr("cloudai.batch.shared.keeper.SILENCE", 0.4)
    with closing(dial(keeper)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        nonce, session = json.loads(read(connection))["nonce"], "ef" * 16
        connection.sendall(hello(nonce, session=session))
        keys = [proof(SECRET.encode(), whose, nonce, "cd" * 16, session) for whose in ("to keeper", "from keeper")]
        channel = Channel(*keys)
        soon(lambda: keeper._peers)
        [peer] = keeper._peers.values()
        for n in range(400):
            connection.sendall(channel.seal(dumped([[n + 1, "do", "x" * 60_000, [], {}]])))
        soon(peer._transport.get_write_buffer_size)
        keeper._loop.call_soon_threadsafe(keeper._look)
        time.sleep(0.5)
        keeper._loop.call_soon_threadsafe(keeper._look)
        soon(lambda: not keeper._peers)


@pytest.mark.parametrize(
    "address",
    ["keeper://:hunter2-hunter2@host:1", "keeper://host:1#hunter2", "keeper://host:1?s=hunter2", "KEEPER://a@host"],
)
def test_an_address_with_a_secret_in_it(address: str) -> None:
    """An address holds a computer and a port alone, so no secret gets into a table or a log."""
    with Vendor().client() as client, pytest.raises(SettingsError, match="cannot be used") as error:
        client.batch("sentiment", ["글"], journal=address)
    assert "hunter2" not in str(error.value)


def test_a_name_that_no_computer_has(journal: Path) -> None:
    """A worker says at once that the address names no computer."""
    began = time.monotonic()
    with pytest.raises(SettingsError, match="no name of a computer"):
        RemoteJournal("keeper://a..b:8399", patience=50)
    assert time.monotonic() - began < 40


def test_where_a_keeper_listens(journal: Path) -> None:
    """A keeper listens at IPv6 too, and one that is to use TLS needs a certificate."""
    assert str(address_of("[::1]")) == "keeper://[::1]:8399"
    with pytest.raises(SettingsError, match="certificate"):
        share(journal, listen="keeper+tls://127.0.0.1:0")
    assert not journal.exists()
    if not socket.has_ipv6:
        pytest.skip("this computer has no IPv6")
    with (
        share(journal, listen="[::1]:0") as keeper,
        Vendor().client() as client,
        client.batch("sentiment", texts_of(2), journal=keeper.address) as job,
    ):
        assert sum(outcome.status == "ok" for outcome in job) == 2


def test_the_end_of_a_session_that_waits(keeper: Keeper) -> None:
    """A session ends at once, whatever it waits for, and nobody gets its calls in vain."""
    first, second, third = (RemoteJournal(keeper.address) for _ in range(3))
    looked_up(first)
    waiting = second.claim("k")
    second.close()
    assert waiting.done()
    claimed = third.claim("k")
    first.release("k")
    assert claimed.result(10) is None
    first.close()
    third.close()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_stop_that_a_worker_has_missed(restarts: bool, journal: Path) -> None:
    """A worker that was away when a batch was stopped is told when it comes back; one that begins later is not."""
    told = dict[str, list[int]](away=[], later=[])
    keeper = share(journal, listen="127.0.0.1:0", grace=0.1)
    away, other = RemoteJournal(keeper.address), RemoteJournal(keeper.address)
    away.when_stopped(told["away"].append)
    where = away._link._address
    vanish(away)
    soon(lambda: len(keeper._peers) == 1)
    if restarts:
        keeper.close()
        keeper = share(journal, listen=keeper.address.removeprefix("keeper://"), grace=0.1)
    other.stop_everywhere(7)
    other.ask(queries.suspect(1))
    soon(lambda: keeper._stops)
    later = RemoteJournal(keeper.address)
    later.when_stopped(told["later"].append)
    away._link._address = where
    assert soon(lambda: told["away"]) == [7]
    later.ask(queries.suspect(1))
    assert not told["later"]
    for remote in (away, other, later):
        remote.close()
    keeper.close()


def test_a_stop_while_a_worker_begins(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is stopped before its batch is made sends nothing, and its connection lasts."""
    vendor, other, begun = Vendor(), RemoteJournal(keeper.address), runner._begun
    with vendor.client() as client, client.batch("sentiment", texts_of(3), journal=keeper.address) as job:
        [part] = job.partition(1)
        wires = []

        def stopped(journal: Any, *rest: Any) -> Any:
            limits = begun(journal, *rest)
            wires.append(journal._link._wire)
            other.stop_everywhere(1)
            other.ask(queries.suspect(1))
            journal.ask(queries.suspect(1))
            wires.append(journal._link._wire)
            return limits

        monkeypatch.setattr(runner, "_begun", stopped)
        assert part.run() == []
        assert (job.books["not_started"], vendor.asked.total()) == (3, 0)
        assert wires[0] is wires[1] is not None
        monkeypatch.setattr(runner, "_begun", begun)
        assert [outcome.status for outcome in part.run()] == ["ok"] * 3
    other.close()
