"""A signal may raise an exception anywhere in a blocking call: no connection and no slot is lost by it."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import cloudai
from cloudai import Client, FetchRules, Response
from cloudai.core.drivers.blocking import Slots
from cloudai.testing import Script
from cloudai.transport.courier import uninterrupted
from cloudai.transport.deadline import Exchange
from tests.made_up.calls import VENDORS, as_json
from tests.made_up.faults import reply
from tests.made_up.server import Connection, faultd
from tests.unit.core.test_fetch import PICTURE, http

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system"),
]

WHOLE = os.environ.get("CLOUDAI_FAULTS") == "all"
ROUNDS = 1000 if WHOLE else 150
GOOD = as_json(VENDORS["azure"].good)


class Interrupt(BaseException):
    """The exception that the signal raises, which is no Exception, like KeyboardInterrupt."""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Raise an exception at each SIGALRM while a test runs."""

    def raising(*_: Any) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGALRM, raising)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def interrupted(call: Any, seconds: float) -> bool:
    """Return whether a call was interrupted; the timer is off in any case."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        return True
    return False


def slowly(c: Connection) -> None:
    """Answer after four milliseconds."""
    time.sleep(0.004)
    reply(GOOD)(c)


def test_interrupts_lose_no_connection_and_no_slot() -> None:
    """A thousand interrupts at random moments (150 without CLOUDAI_FAULTS=all): all is there afterwards."""
    dice = random.Random(4711)  # noqa: S311  # the same moments each time

    with faultd(slowly, keeps=True) as server:
        azure = cloudai.Azure(key="k" * 32, endpoint=server.url)
        with Client(azure, max_concurrency=8) as client:
            client.sentiment("준비", language="ko")
            hit = rounds = 0
            while hit < ROUNDS:
                rounds += 1
                hit += interrupted(lambda: client.sentiment("좋아요", language="ko"), dice.uniform(0.0005, 0.012))
                assert rounds < ROUNDS * 20
            pool = client._network._client._transport._pool
            assert client._driver._slots._value == 8
            assert pool._requests == []
            assert all(connection.is_idle() for connection in pool.connections)
            assert len(pool.connections) <= 1
            for _ in range(20):
                assert client.sentiment("좋아요", language="ko", timeout=5).meta.attempts == 1


def test_an_interrupt_is_seen_at_once_and_closes_the_connection() -> None:
    """The call ends with what the signal raised, in a moment, and the server sees the connection end."""
    gone = threading.Event()

    def silent(c: Connection) -> None:
        c.silence(5)
        gone.set()

    with faultd(silent) as server:
        azure = cloudai.Azure(key="k" * 32, endpoint=server.url)
        with Client(azure) as client:
            began = time.monotonic()
            assert interrupted(lambda: client.sentiment("좋아요", language="ko", timeout=30), 0.3)
            assert time.monotonic() - began < 4
            assert client._network._client._transport._pool.connections == []
            assert gone.wait(2)


def test_an_interrupted_upload_ends(tmp_path: Any) -> None:
    """Also while it is written, to a server that does not read."""
    from tests.made_up.calls import noise
    from tests.support.played import write_wav

    speech = write_wav(tmp_path / "연설.wav", 55, 16_000, noise(2 * 16_000 * 55))
    with faultd(lambda c: time.sleep(6), reads=False) as server:
        azure = cloudai.Azure(key="k" * 32, endpoint=server.url)
        with Client(azure) as client:
            began = time.monotonic()
            assert interrupted(lambda: client.speech_to_text(speech, language="ko", timeout=30), 0.5)
            assert time.monotonic() - began < 5
            assert client._network._client._transport._pool.connections == []


def test_an_interrupted_fetch_ends() -> None:
    """The fetch of an input too: no connection is left, and the next one works."""
    slow = threading.Event()

    def fault(c: Connection) -> None:
        if not slow.is_set():
            slow.set()
            c.silence(5)
        c.send(http(PICTURE))

    faces = Response(200, {}, as_json({"responses": [{"faceAnnotations": []}]}))
    with faultd(fault) as server:
        rules = FetchRules(networks=("127.0.0.0/8",), ports=(int(server.url.rpartition(":")[2]),))
        with Client(VENDORS["google"].make(), send=Script(faces, faces), fetch_urls=rules) as client:
            began = time.monotonic()
            assert interrupted(lambda: client.detect_faces(f"{server.url}/a.png", timeout=30), 0.4)
            assert time.monotonic() - began < 4
            assert client.detect_faces(f"{server.url}/a.png").meta.image_size == (400, 200)


def test_nothing_is_sent_after_an_interrupt_that_came_first() -> None:
    """An exchange that its caller gave up before it began does not begin."""
    with faultd(reply(GOOD)) as server:
        azure = cloudai.Azure(key="k" * 32, endpoint=server.url)
        with Client(azure) as client:
            exchange = Exchange(5)
            exchange.give_up()
            from cloudai.core.flow import Request

            with pytest.raises(cloudai.CloudAIError):
                client._network._sent(Request("POST", f"{server.url}/a", json={}), exchange)
        assert server.connections == 0


def test_other_threads_do_their_exchanges_themselves() -> None:
    """Signals are raised in the main thread alone: no other thread hands its work over."""
    seen: list[str] = []

    def note() -> None:
        seen.append(threading.current_thread().name)

    thread = threading.Thread(target=lambda: uninterrupted(note, Exchange()), name="mine")
    thread.start()
    thread.join()
    uninterrupted(note, Exchange())
    assert seen == ["mine", "cloudai-courier"]
    threads = [each.name for each in threading.enumerate() if each.name == "cloudai-courier"]
    assert len(threads) == 1


def test_what_the_other_thread_raises_is_raised_here() -> None:
    """Errors arrive as they are, and the next work is done."""

    def fail() -> None:
        raise KeyError("나무")

    with pytest.raises(KeyError, match="나무"):
        uninterrupted(fail, Exchange())
    assert uninterrupted(lambda: 3, Exchange()) == 3


def test_a_caller_waits_by_no_lock_that_a_signal_can_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal while a condition of Python awakes leaves it without its lock: the caller waits by none of them."""

    def interrupted_again(*_: Any) -> None:
        raise Interrupt

    monkeypatch.setattr(threading.Condition, "_acquire_restore", interrupted_again)
    assert uninterrupted(lambda: time.sleep(0.05) or 3, Exchange()) == 3


def test_slots_are_as_many_as_there_are() -> None:
    """A slot is taken by a holder, waited for, released once however often that is asked, and given to who waits."""
    slots = Slots(2)
    assert slots.take("a", 0)
    assert slots.take("b", None)
    began = time.monotonic()
    assert not slots.take("c", 0.2)
    assert 0.15 < time.monotonic() - began < 20
    got: list[bool] = []
    waiting = [threading.Thread(target=lambda n=n: got.append(slots.take(n, 5))) for n in range(2)]
    for thread in waiting:
        thread.start()
    for holder in ("a", "a", "b", "nobody"):
        slots.free(holder, None)
        slots.wake()
    for thread in waiting:
        thread.join()
    assert got == [True, True]
    assert slots._value == 0


def test_our_own_send_keeps_its_slots_too() -> None:
    """With ``send=`` the call stays in the calling thread, and its slot is released wherever the signal comes."""
    dice = random.Random(1)  # noqa: S311
    good = Response(200, {"content-type": "application/json"}, GOOD)
    azure = cloudai.Azure(key="k" * 32, endpoint="https://a.cognitiveservices.azure.com")
    with Client(azure, send=lambda _: good, max_concurrency=2) as client:
        taken = []
        for _ in range(20):  # a busy machine makes some of the calls longer, and the signal has to come within one
            began = time.perf_counter()
            client.sentiment("준비", language="ko")
            taken.append(time.perf_counter() - began)
        took, hit = min(taken), 0
        for _ in range(ROUNDS * 4):
            hit += interrupted(lambda: client.sentiment("좋아요", language="ko"), dice.uniform(0.00005, took))
        assert hit > ROUNDS // 2
        assert client._driver._slots._value == 2
        assert client.sentiment("좋아요", language="ko", timeout=1)
