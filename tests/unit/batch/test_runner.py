"""A batch loses nothing when it is stopped, when a function of the user's raises, and when the service flickers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cloudai import Client, ConnectionLostError, Response
from cloudai.batch.outage import FIRST_PROBE, LONGEST_FLICKER, OUTAGE, PROBES, OutageDetector
from cloudai.core.effects import Program, Wait
from tests.made_up.provider import Clock, MadeUp, ok
from tests.support.batches import Batcher, Server, both

TEXTS = [f"후기 {n}" for n in range(20)]


def mood(_: Any) -> Response:
    """Answer with a score."""
    return ok({"score": 0.5})


class Unreadable:
    """A file that must not be read."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self) -> bytes:
        """Count it."""
        self.reads += 1
        return b""


def value_of(program: Program[Any]) -> Any:
    """Return the value of a program that waits for nothing but the journal."""
    try:
        step = next(program)
        while True:
            assert isinstance(step, Wait)
            step = program.send(step.future.result(timeout=10))
    except StopIteration as stop:
        return stop.value


def test_a_stop_reads_no_input() -> None:
    """Inputs that were taken, and not started, are not read once the batch is stopped."""
    files = [Unreadable() for _ in range(4)]
    with Client(MadeUp(), send=mood) as client, client.batch("detect_faces", files) as job:
        runner = job._runner
        programs = runner.begin()
        taken = runner._reader.take(4).result()
        runner.stop()
        for entry in taken:
            assert value_of(runner._worker.item(entry, 0.0, "")).status == "not_started"
        assert programs
    assert [file.reads for file in files] == [0] * 4


class Stop(BaseException):
    """An exception that is no Exception."""


@both
@pytest.mark.parametrize("kind", [ValueError, OSError, Stop, SystemExit])
def test_an_iterator_that_raises_ends_the_batch_with_that(kind: type[BaseException], colour: str) -> None:
    """Inputs that came before are carried out; then the loop raises what the iterator has raised."""

    def inputs() -> Iterator[str]:
        yield from TEXTS[:3]
        raise kind("목록이 끊겼다")

    ask = Batcher(colour, MadeUp(), Server(mood))
    if issubclass(kind, Exception):
        done = ask("sentiment", inputs())
        assert isinstance(done.error, kind)
        assert done.books["done"] == 3
    else:
        with pytest.raises(kind):
            ask("sentiment", inputs())


def test_a_flicker_is_no_outage() -> None:
    """Sixteen failures in a row hold the workers back; one answer to a probe lets all of them go on."""
    outage = OutageDetector()
    assert not any(outage.note_failure(0.0) for _ in range(OUTAGE))
    assert outage.hold("a", 0.0) == FIRST_PROBE
    assert outage.hold("a", FIRST_PROBE) == 0.0
    probed: Any = outage.hold("b", FIRST_PROBE)
    assert not probed.done()
    outage.note_answer()
    assert probed.done()
    assert outage.hold("b", FIRST_PROBE) == 0.0


def test_probes_that_all_fail_are_an_outage() -> None:
    """Four probes at growing intervals, one at a time."""
    outage, now = OutageDetector(), 0.0
    for _ in range(OUTAGE):
        outage.note_failure(now)
    down = []
    for probe in range(PROBES):
        now += FIRST_PROBE * 2**probe
        call = object()
        assert outage.hold(call, now) == 0.0
        down.append(outage.note_failure(now, call))
    assert down == [False] * (PROBES - 1) + [True]


def test_refused_connections_are_an_outage_sooner() -> None:
    """Nobody listens: probes over 2.5 seconds; after a failure of another kind there are fewer, over a longer time."""
    for kinds, seconds in ((True, True), 2.95), ((True, False), 7.5), ((False, True), 7.5):
        outage, now = OutageDetector(), 0.0
        for refused in (kinds * OUTAGE)[:OUTAGE]:
            outage.note_failure(now, refused=refused)
        down = False
        while not down:
            wait = outage.hold("a call", now)
            assert isinstance(wait, float)
            if wait:
                now += wait
            else:
                down = outage.note_failure(now, "a call", refused=True)
        assert now == pytest.approx(seconds)


@pytest.mark.parametrize("phase", range(15))
def test_a_service_that_is_away_for_moments_is_not_down(phase: int) -> None:
    """A port that is closed for 0.25 s in each 0.75 s: a probe meets it open, whenever the first one comes."""
    outage, now = OutageDetector(), 0.0
    for _ in range(OUTAGE):
        outage.note_failure(now, refused=True)
    while True:
        wait = outage.hold("a call", now)
        assert isinstance(wait, float)
        now += wait
        if not wait:
            if (now + phase * 0.05) % 0.75 >= 0.25:
                break
            assert not outage.note_failure(now, "a call", refused=True)


def test_a_call_that_ends_leaves_the_probe_to_another() -> None:
    """A call that was to probe the service, and sent nothing, holds up nobody."""
    outage = OutageDetector()
    for _ in range(OUTAGE):
        outage.note_failure(0.0)
    assert outage.hold("a", 1.0) == 0.0
    probed: Any = outage.hold("b", 1.0)
    outage.release("a")
    assert probed.done()
    assert outage.hold("b", 1.0) == 0.0


def test_failures_over_ten_seconds_need_no_probe() -> None:
    """A service that lets every request wait until its deadline is down, and no flicker."""
    outage = OutageDetector()
    assert [outage.note_failure(n * LONGEST_FLICKER / 4) for n in range(OUTAGE)][-1]


@pytest.mark.long
@both
def test_a_batch_survives_a_flicker(colour: str) -> None:
    """A service that breaks thirty connections in a row, within a moment, and is there again: the batch goes on."""
    clock, count = Clock(), 0

    def answer(_: Any) -> Any:
        nonlocal count
        count += 1
        return ConnectionLostError("cut") if 40 <= count < 57 else ok({"score": 0.5})

    ask = Batcher(colour, MadeUp(key="not-a-real-key"), Server(answer), {"clock": clock, "sleep": clock.sleep})
    done = ask("sentiment", [f"후기 {n}" for n in range(200)], concurrency=8)
    assert done.error is None
    assert done.paused is None
    assert done.books["not_started"] == 0
    assert done.books["done"] >= 190
