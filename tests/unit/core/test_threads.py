"""Threads for blocking functions: a few at a time, stuck ones replaced, and none that keeps the process alive."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from cloudai.core.drivers.awaiting import Awaiting
from cloudai.core.drivers.threads import Threads, readers
from cloudai.core.effects import Effect, Program, Wait
from cloudai.core.flow import Call
from cloudai.core.lazy import lazy
from tests.made_up.provider import ok
from tests.support.virtual_time import run_virtually

SOURCE = Path(__file__).parents[3] / "src" / "cloudai"


def test_no_more_functions_run_at_a_time_than_are_allowed() -> None:
    """Forty functions in four threads run four at a time, and each gives its own outcome."""
    threads, lock, four = Threads(4, "test", stuck=60), threading.Lock(), threading.Barrier(4, timeout=10)
    running = most = 0

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        four.wait()  # each function waits until four are running
        with lock:
            running -= 1
        return number

    futures = [threads.submit(work, number) for number in range(40)]
    assert [future.result(10) for future in futures] == list(range(40))
    assert most == 4


def test_a_stuck_function_gives_its_place_to_others() -> None:
    """Four functions that never end hold four places no longer than the time after which they count as stuck."""
    threads, never = Threads(4, "test", stuck=0.2), threading.Event()
    stuck = [threads.submit(never.wait) for _ in range(4)]
    began = time.monotonic()
    assert [threads.submit(lambda: 7).result(30) for _ in range(3)] == [7, 7, 7]
    assert time.monotonic() - began > 0.1
    assert not any(future.done() for future in stuck)
    never.set()


def test_a_function_that_has_not_begun_can_be_cancelled() -> None:
    """A caller that is out of time takes its function back, and closing takes back all that wait."""
    threads, go = Threads(1, "test"), threading.Event()
    first, second, third = threads.submit(go.wait), threads.submit(int), threads.submit(int)
    while not first.running():
        time.sleep(0.001)
    assert second.cancel()
    threads.shutdown()
    go.set()
    assert first.result(5) is True
    with pytest.raises(CancelledError):
        third.result(5)


def test_the_error_of_a_function_is_the_outcome() -> None:
    """An exception is kept for the caller, and the thread goes on with the next function."""
    threads = Threads(1, "test")
    failed = threads.submit(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    assert threads.submit(lambda: 3).result(5) == 3


def _slow() -> int:
    time.sleep(0.02)
    return 7


@pytest.mark.parametrize(
    "effect",
    [
        lambda: Call(_slow),
        lambda: Call(_slow, waits=True),
        lambda: Call(_slow, runs=True),
        lambda: Call(_slow, reads=True),
        lambda: Call(_slow, memory=1),
        lambda: Wait(readers().submit(_slow)),
    ],
    ids=["computes", "waits", "runs", "reads", "memory", "submitted"],
)
def test_a_function_in_a_thread_takes_no_virtual_time(effect: Callable[[], Effect]) -> None:
    """The clock of `run_virtually` waits for a blocking function, in whichever way the awaiting driver runs it."""

    def program() -> Program[int]:
        return (yield effect())  # type: ignore[no-any-return]

    async def scene() -> tuple[int, float]:
        driver = Awaiting(lambda _: ok({}))
        try:
            outcome = await asyncio.wait_for(driver.run(program()), 1.0)
        finally:
            driver.close()
        return outcome, asyncio.get_running_loop().time()

    assert run_virtually(scene) == (7, 0.0)


@pytest.mark.long
def test_the_process_ends_while_a_function_is_stuck() -> None:
    """A process with a function that never ends is over at once, and not after it."""
    code = (
        "import threading, cloudai.core.drivers.threads as t;"
        "t.readers().submit(threading.Event().wait); t.Threads(1, 'x').submit(threading.Event().wait)"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


def test_a_lazy_value_of_one_instance_waits_for_no_other() -> None:
    """One instance whose value never comes stops no other instance, and a value is computed once."""
    never, calls = threading.Event(), []

    class Thing:
        def __init__(self, hangs: bool) -> None:
            self.hangs = hangs

        @lazy
        def value(self) -> int:
            """A value."""
            calls.append(self)
            if self.hangs:
                never.wait()
            return 3

    threading.Thread(target=lambda: Thing(hangs=True).value, daemon=True).start()
    while not calls:
        time.sleep(0.001)
    thing = Thing(hangs=False)
    assert [thing.value, thing.value] == [3, 3]
    assert len(calls) == 2
    never.set()


@pytest.mark.long
def test_nothing_shares_a_lock_between_instances() -> None:
    """`functools.cached_property`, which has one lock for all instances in Python 3.11, is used nowhere."""
    users = [
        path.name
        for path in SOURCE.rglob("*.py")
        if "cached_property" in (text := path.read_text(encoding="utf-8"))  # the others need no parsing
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom | ast.Import) and any(a.name == "cached_property" for a in node.names)
    ]
    assert users == []
