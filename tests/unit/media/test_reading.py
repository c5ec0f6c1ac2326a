"""Reading inputs: one whose reading hangs stops no other, and is given up when the time of its call is over."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import PIL.Image
import pytest

from cloudai import AsyncClient, Client, DeadlineExceededError, InputError, Request, Response
from cloudai.media import Audio, Image, source
from tests.conftest import Caller
from tests.made_up.calls import VENDORS
from tests.support.length import both_by_turns
from tests.support.pictures import encoded, quarters

PICTURE = encoded(quarters(), "PNG")
ROOT = Path(__file__).parents[3]


def answer(request: Request) -> Response:
    """Find no face in any picture, and nothing in any recording."""
    asked = request.json if isinstance(request.json, dict) else {}
    found = {"responses": [{} for _ in asked["requests"]]} if "requests" in asked else {"results": []}
    return Response(200, {"content-type": "application/json"}, json.dumps(found).encode())


class Slow(io.RawIOBase):
    """An open file that takes its time, or for ever."""

    def __init__(self, data: bytes, seconds: float | None = None) -> None:
        self.data, self.seconds = data, seconds
        self.never = threading.Event()

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def read(self, n: int = -1) -> bytes:
        self.never.wait(self.seconds)
        return self.data


def pipe(folder: Path) -> Any:
    """Return an open pipe to which nobody writes."""
    path = folder / "파이프"
    os.mkfifo(path)
    return path.open("r+b", buffering=0)  # open for writing too, or to open it would hang


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Yield a function that makes an input of a kind that hangs."""
    held: list[Any] = []

    def make(kind: str) -> Any:
        thing = pipe(tmp_path) if kind == "pipe" else Slow(PICTURE)
        held.append(thing)
        if kind == "lazy PIL image":
            image = PIL.Image.open(io.BytesIO(encoded(quarters(), "PNG")))
            image.fp = held[-1]
            return image
        return thing

    yield make
    for thing in held:
        if isinstance(thing, Slow):
            thing.never.set()
        else:
            os.write(thing.fileno(), b"x")


@pytest.fixture(params=["blocking", "awaiting"])
def colour(request: pytest.FixtureRequest) -> str:
    """Return the name of each of the two clients in turn."""
    return request.param


@pytest.mark.parametrize("kind", ["open file", "pipe", "lazy PIL image"])
def test_a_call_gives_up_a_file_that_hangs(colour: str, kind: str, hanging: Any) -> None:
    """The call ends with its time, says that the input was not read, and nothing was sent."""
    sent: list[Request] = []
    began = time.monotonic()
    with pytest.raises(DeadlineExceededError, match="the input was not read in time") as raised:
        Caller(colour)(VENDORS["google"].make(), "detect_faces", hanging(kind), send=sent.append, timeout=0.3)
    assert 0.25 < time.monotonic() - began < 3
    assert (raised.value.state, raised.value.attempts, sent) == ("NOT_SENT", 0, [])


def test_a_recording_that_hangs_is_given_up(colour: str, hanging: Any) -> None:
    """Recordings are read in the same way as pictures."""
    with pytest.raises(DeadlineExceededError, match="not read in time"):
        Caller(colour)(
            VENDORS["google"].make(), "speech_to_text", hanging("open file"), send=answer, language="ko", timeout=0.3
        )


def test_ten_calls_beside_a_file_that_hangs(colour: str, hanging: Any, tmp_path: Path) -> None:
    """Ten files are read and sent while another one hangs, in both clients; the last call ends when it is readable."""
    paths = [tmp_path / f"사진 {n}.png" for n in range(10)]
    for n, path in enumerate(paths):
        path.write_bytes(PICTURE + b"%d" % n)
    stuck = hanging("open file")
    if colour == "blocking":
        with Client(VENDORS["google"].make(), send=answer) as client, ThreadPoolExecutor(11) as threads:
            last, *others = [threads.submit(client.detect_faces, given, timeout=30) for given in [stuck, *paths]]
            assert [len(each.result()) for each in others] == [0] * 10
            assert not last.done()
            stuck.never.set()
            assert len(last.result()) == 0
        return

    async def scene() -> None:
        async with AsyncClient(VENDORS["google"].make(), send=answer) as client:
            calls = [client.detect_faces(given, timeout=30) for given in [stuck, *paths]]
            last, *others = map(asyncio.ensure_future, calls)
            assert [len(each) for each in await asyncio.gather(*others)] == [0] * 10
            assert not last.done()
            stuck.never.set()
            assert len(await last) == 0

    asyncio.run(scene())


def run_batch(colour: str, operations: Any, inputs: Any, **settings: Any) -> dict[int, list[str]]:
    """Run a batch with either client, and return the endings of each input with the seconds."""
    found: dict[int, list[str]] = {}
    provider = VENDORS["google"].make()
    if colour == "blocking":
        with Client(provider, send=answer) as client, client.batch(operations, inputs, **settings) as job:
            for outcome in job:
                found.setdefault(outcome.item, []).append(outcome.status)
        return found

    async def scene() -> None:
        async with AsyncClient(provider, send=answer) as client, client.batch(operations, inputs, **settings) as job:
            async for outcome in job:
                found.setdefault(outcome.item, []).append(outcome.status)

    asyncio.run(scene())
    return found


class Counted(Slow):
    """An open file whose reading takes 50 ms, and which knows how many of its kind are read at the same time."""

    at_once: ClassVar[list[int]] = []
    running: ClassVar[set[int]] = set()

    def read(self, n: int = -1) -> bytes:
        self.running.add(id(self))
        self.at_once.append(len(self.running))
        try:
            return super().read(n)
        finally:
            self.running.discard(id(self))


def test_slow_files_of_a_batch_are_read_side_by_side(colour: str) -> None:
    """Many of the files of a batch are read at the same time, where each of them takes 50 ms."""
    Counted.at_once.clear()
    found = run_batch(colour, "detect_faces", [Counted(PICTURE + b"%d" % n, 0.05) for n in range(96)], concurrency=32)
    assert len(found) == 96
    assert max(Counted.at_once) >= 8


@pytest.mark.long
@both_by_turns("operations", ["detect_faces", ["detect_faces", "analyze_image"]])
def test_a_batch_goes_on_beside_a_file_that_hangs(colour: str, operations: Any, hanging: Any, tmp_path: Path) -> None:
    """The inputs whose requests could be joined with that of a stuck one end well, and it alone fails."""
    paths = [tmp_path / f"사진 {n}.png" for n in range(20)]
    for n, path in enumerate(paths):
        path.write_bytes(PICTURE + b"%d" % n)
    several = not isinstance(operations, str)
    options = {name: {"timeout": 3} for name in operations} if several else {"timeout": 3}
    given = [*paths[:10], hanging("open file"), *paths[10:]]
    found = run_batch(colour, operations, given, options=options, concurrency=1)
    assert found.pop(10) == ["failed"] * (2 if several else 1)
    assert [set(statuses) for statuses in found.values()] == [{"none_found"}] * 20


def test_inputs_of_a_table_that_hang_are_given_up(colour: str, hanging: Any) -> None:
    """A column of a table may hold open files, and one of them may hang."""
    rows = [{"이름": "가", "사진": PICTURE}, {"이름": "나", "사진": hanging("open file")}]
    found = run_batch(colour, "detect_faces", rows, column="사진", options={"timeout": 0.5})
    assert found == {0: ["none_found"], 1: ["failed"]}


def test_a_plan_gives_up_a_file_that_hangs(hanging: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A plan reads each input within the time of a call, and says which one it could not read."""
    path = tmp_path / "느린 사진.png"
    path.write_bytes(PICTURE)
    monkeypatch.setattr(source.Source, "_read_file", lambda *_: hanging("open file").read())
    with (
        Client(VENDORS["google"].make(), send=answer) as client,
        client.batch("detect_faces", [path], options={"timeout": 0.3}) as job,
    ):
        assert "not read in time" in job.plan().refused[0][1]


@pytest.mark.long
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_the_process_ends_while_a_file_hangs(colour: str) -> None:
    """A process whose call has given up a file is over at once, although the read of the file still hangs."""
    code = """
        import asyncio, io, threading, cloudai
        class Hang(io.RawIOBase):
            def readable(self): return True
            def read(self, n=-1): threading.Event().wait()
        def google(kind): return kind(cloudai.Google(api_key="k" * 30), send=print)
        async def go():
            async with google(cloudai.AsyncClient) as client:
                await client.detect_faces(Hang(), timeout=0.2)
        try:
            {call}
        except cloudai.DeadlineExceededError:
            print("given up")
    """
    call = {"blocking": "google(cloudai.Client).detect_faces(Hang(), timeout=0.2)", "awaiting": "asyncio.run(go())"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code).replace("{call}", call[colour])],
        env=environment, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout == "given up\n"


@pytest.mark.parametrize("operation", ["detect_faces", "speech_to_text"])
@pytest.mark.parametrize("kind", [bytes, io.BytesIO, bytearray])
def test_too_many_bytes_are_one_typed_error(colour: str, operation: str, kind: Any, monkeypatch: Any) -> None:
    """More bytes than the most are refused in one line that says how many there are, in whatever way they are given."""
    monkeypatch.setattr(source, "MOST_BYTES", 200_000)
    options = {"language": "en-US"} if operation == "speech_to_text" else {}
    with pytest.raises(InputError, match=r"the data has 0\.2 MB; the most is 0 MB"):
        Caller(colour)(VENDORS["google"].make(), operation, kind(bytes(200_001)), send=answer, **options)


def test_too_many_bytes_fail_one_input_of_a_batch(colour: str, monkeypatch: Any) -> None:
    """The others of the batch are answered, and the books balance."""
    monkeypatch.setattr(source, "MOST_BYTES", 200_000)
    found = run_batch(colour, "detect_faces", [PICTURE, bytes(200_001), io.BytesIO(bytes(200_001))])
    assert found == {0: ["none_found"], 1: ["failed"], 2: ["failed"]}


def test_an_open_file_without_an_end_is_not_read_for_ever() -> None:
    """No more bytes are read than an input may have, and one."""

    class Endless(io.BufferedIOBase):
        def readable(self) -> bool:
            return True

        def read(self, n: int | None = -1) -> bytes:
            assert n
            assert n > 0
            return bytes(n)

    with pytest.raises(InputError, match=r"200\.0 MB"):
        _ = Image(Endless()).data


@pytest.mark.parametrize("kind", [Image, Audio])
def test_an_open_file_at_its_end_is_read_from_its_beginning(kind: Any, tmp_path: Path) -> None:
    """A buffer that was just written, and a file that is given a second time, are read whole."""
    buffer = io.BytesIO()
    buffer.write(PICTURE)
    assert kind(buffer).data == PICTURE
    assert kind(buffer).data == PICTURE
    path = tmp_path / "나무.png"
    path.write_bytes(PICTURE)
    with path.open("rb") as file:
        assert file.read() == PICTURE
        assert kind(file).data == PICTURE
        file.seek(8)
        assert kind(file).data == PICTURE[8:]  # what was read on purpose is left out
    with pytest.raises(InputError, match=r"the data is empty \(0 bytes\)"):
        _ = kind(io.BytesIO()).data


def test_the_name_of_an_open_file_reads_nothing() -> None:
    """An error about an input must not wait for its bytes: an open file is named by its kind until it is read."""
    hangs = Slow(PICTURE)
    image = Image(hangs)
    assert image.name == "image"
    hangs.never.set()
    _ = image.data
    assert image.name.startswith("image-")


def test_an_image_can_be_pickled_and_copied() -> None:
    """The lock of an input belongs to it alone."""
    image = Image(PICTURE, name="나무.png")
    again = pickle.loads(pickle.dumps(image))
    assert (again.name, again.data, again.key) == (image.name, image.data, image.key)
    assert again._reading is not image._reading
