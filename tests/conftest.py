"""Fixtures of all tests: both clients under one name, and the recordings where they are there."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import inspect
import itertools
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from cloudai import AsyncClient, Client
from cloudai.core import cooldown
from cloudai.core.flow import Request, Response
from tests.support.examples import hangul_font
from tests.support.paths import RECORDINGS

# A machine with other work must not turn a test red, and the limit of each test's time ends one that hangs.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

VENDOR_SETTINGS = (
    *("GOOGLE_", "GEMINI_", "AZURE_", "VISION_", "FACE_", "LANGUAGE_", "SPEECH_", "WATSONX_"),
    *("NATURAL_LANGUAGE_UNDERSTANDING_", "IBM_CREDENTIALS_FILE", "VCAP_SERVICES", "CLOUDAI_"),
    *("GCE_METADATA_", "K_SERVICE", "GAE_SERVICE", "IDENTITY_", "MSI_"),
)

os.environ.pop("CLOUDAI_CACHE_DIR", None)  # processes that a module's fixture starts have no cache on the loopback


@pytest.fixture(scope="session")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return an iterator over folders of which no two tests get the same."""
    # pytest's own numbered folders are found by reading all the others, which is slow where there are thousands.
    base = tmp_path_factory.mktemp("outside")
    return (f"{base}/{number}" for number in itertools.count())


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, _folders: Iterator[str]) -> None:
    """Let no key in the developer's environment change a test."""
    for name in list(os.environ):
        if name.startswith(VENDOR_SETTINGS):
            monkeypatch.delenv(name)
    folder = next(_folders)
    os.mkdir(folder)  # noqa: PTH102  # pathlib takes three times as long, which adds up over all tests
    for name in ("CLOUDSDK_CONFIG", "CLOUDAI_STATE_DIR", "CLOUDAI_CACHE_DIR", "CLOUDAI_DATA_DIR"):
        os.mkdir(path := f"{folder}/{name}")  # noqa: PTH102
        monkeypatch.setenv(name, path)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    # Many tests draw Hangul, and a new machine may have no font for it.
    monkeypatch.setenv("CLOUDAI_FONT", hangul_font())
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it, and the command fits its tables to it
    if (Path.home() / "ibm-credentials.env").exists():
        monkeypatch.setenv("HOME", os.devnull)


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """Fail a test that leaves a logger at another level, because a later test would see other records."""
    before = {name: logging.getLogger(name).level for name in list(logging.root.manager.loggerDict)}
    yield
    assert {name: level for name, level in before.items() if logging.getLogger(name).level != level} == {}


@pytest.fixture(autouse=True)
def _no_connection_to_a_keeper_left() -> Iterator[None]:
    """Fail a test that leaves a connection to a keeper, whose complaints a later test would find in its output."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "cloudai-link"]


@pytest.fixture(autouse=True)
def _nothing_known_of_other_tests() -> None:
    """Let a vendor that failed in one test be asked in the next one, as in a process of its own."""
    cooldown._shared.clear()


class Caller:
    """Calls an operation through one of the two clients, so that a test reads the same for both."""

    def __init__(self, colour: str) -> None:
        self.colour = colour

    def __call__(
        self,
        provider: Any,
        operation: str,
        *args: Any,
        send: Callable[[Request], Any] | None = None,
        **options: Any,
    ) -> Any:
        """Make a client, call the operation, close the client; client options begin with ``client_``."""
        settings = {k.removeprefix("client_"): v for k, v in options.items() if k.startswith("client_")}
        options = {k: v for k, v in options.items() if not k.startswith("client_")}
        if self.colour == "blocking":
            with Client(provider, send=send, **settings) as client:
                return getattr(client, operation)(*args, **options)
        return asyncio.run(self._await(provider, operation, args, send, options, settings))

    async def _await(
        self,
        provider: Any,
        operation: str,
        args: Any,
        send: Any,
        options: dict[str, Any],
        settings: dict[str, Any],
    ) -> Any:
        async def asend(request: Request) -> Response:
            reply = send(request)
            return await reply if inspect.isawaitable(reply) else reply

        if sleep := settings.get("sleep"):

            async def asleep(seconds: float) -> None:
                sleep(seconds)

            settings["sleep"] = asleep
        async with AsyncClient(provider, send=asend if send else None, **settings) as client:
            return await getattr(client, operation)(*args, **options)


@pytest.fixture(params=["blocking", "awaiting"])
def call(request: pytest.FixtureRequest) -> Caller:
    """Return a caller for each of the two clients in turn, so that the test runs under both."""
    return Caller(request.param)


@pytest.fixture
def recordings() -> Path:
    """Return the folder of recorded exchanges, or skip the test where it is not there."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"the recordings are not here ({RECORDINGS})")
    return RECORDINGS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that are marked ``loopback`` talk to 127.0.0.1; all others have their sockets blocked."""
    for item in items:
        if item.get_closest_marker("loopback"):
            item.add_marker(pytest.mark.enable_socket)
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what is there before the first test out of the garbage collection, and collect the rest less often.

    Each full collection would otherwise look at the objects of twelve thousand tests, which takes a sixth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


HANGING = 30.0
"""Seconds that a test may go on after its time limit, in which it cleans up, before its process is ended."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep the standard error of the process, for what is told when a test hangs."""
    config.stash[STDERR] = os.dup(2)


MEMORY = Path("/dev/shm")  # noqa: S108  # the folders in it are of pytest, which makes them for this user alone
"""A folder that Linux keeps in memory, where a journal does not wait for a disk at each step."""

if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2_000_000_000:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run two processes for each core, because many tests wait for a server or for another process."""
    return 2 * (os.cpu_count() or 1)


STDERR = pytest.StashKey[int]()


OFTEN = 5.0
"""Seconds after which the watch over a hanging test is begun anew: ending its thread may take milliseconds."""
WATCHED = pytest.StashKey[tuple[float, float]]()
"""When the watch over a hanging test was begun, and after how many seconds it ends the process."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End the process of a test that hangs in spite of its time limit.

    The limit of pytest-timeout raises an error in the test. If the test then waits for threads that never end, nothing
    but the end of the process stops it; pytest-xdist reports that as a failure, and goes on in a new process.
    """
    limit = item.get_closest_marker("timeout")
    seconds = float(limit.args[0] if limit else item.config.getini("timeout")) + HANGING
    now, stash = time.monotonic(), item.config.stash
    began, of = stash.get(WATCHED, (-OFTEN, 0.0))
    if now - began >= OFTEN or of != seconds:
        faulthandler.dump_traceback_later(seconds, exit=True, file=stash[STDERR])
        stash[WATCHED] = now, seconds
    try:
        return (yield)
    finally:
        if nextitem is None:  # a process without a test may wait for as long as the others work
            faulthandler.cancel_dump_traceback_later()
            stash[WATCHED] = -OFTEN, 0.0


def pytest_unconfigure() -> None:
    """End the process if threads that a test has left keep it from ending by itself."""
    left = [thread for thread in threading.enumerate() if not thread.daemon]
    if left != [threading.main_thread()]:
        faulthandler.dump_traceback_later(HANGING, exit=True)
