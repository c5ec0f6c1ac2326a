"""Mistakes that people make with a batch: each is told, nothing is paid for in vain, nothing is empty in silence."""

from __future__ import annotations

import asyncio
import io
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudai import AsyncClient, Client, InputError, JournalError, Outcome, SettingsError
from cloudai.batch import progress
from cloudai.batch.journal import Journal
from cloudai.core.flow import Request, Response
from cloudai.providers.google import Google
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher, Server, both
from tests.support.length import both_by_turns
from tests.support.played import PICTURE

TEXTS = [f"후기 {n}" for n in range(40)]
FACES: dict[str, Any] = {"responses": [{"faceAnnotations": []}]}


def mood(_: Request) -> Response:
    """Answer with a score."""
    return ok({"score": 0.5})


def client_of(send: Any = mood) -> Client:
    """Return a blocking client."""
    return Client(MadeUp(key="not-a-real-key"), send=send)


class Pipe(io.RawIOBase):
    """A pipe, whose bytes come once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        """Return True, because the file is open for reading."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._data.tell()

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        return self._data.readinto(buffer)


@both
def test_a_plan_leaves_open_files_as_they_are(colour: str, tmp_path: Path) -> None:
    """Planned, an open file is read again by the run, from where it was."""
    (tmp_path / "사진.png").write_bytes(b"head" + PICTURE.read_bytes())
    with (tmp_path / "사진.png").open("rb") as file:
        file.seek(4)
        server = Server(lambda _: ok(FACES))
        done = Batcher(colour, Google(api_key="not-a-real-key"), server)("detect_faces", [file], plan=True)
    assert done.plan is not None
    assert (done.plan.requests, done.plan.refused) == (1, ())
    assert done.values() == ["none_found"]


def test_a_plan_does_not_use_up_what_comes_once() -> None:
    """A pipe cannot be read twice: the plan refuses, says what to give, and has read nothing."""
    pipe = Pipe(PICTURE.read_bytes())
    with Client(Google(api_key="not-a-real-key"), send=lambda _: ok(FACES)) as client:
        job = client.batch("detect_faces", [pipe])
        with job:
            with pytest.raises(InputError, match=r"cannot be read twice.*Give its path, or its bytes"):
                job.plan()
            assert [outcome.status for outcome in job] == ["none_found"]


def test_a_journal_that_fails_is_not_an_input_that_does() -> None:
    """The plan ends with the journal's error, and blames no input."""
    with client_of() as client:
        job = client.batch("sentiment", TEXTS)
        job.close()
        with pytest.raises(JournalError, match="the batch is closed"):
            job.plan()


@pytest.mark.long
def test_a_plan_of_a_generator_that_is_gone() -> None:
    """During the run and after it the plan says so; no input is taken away. One made before holds."""
    with client_of() as client:
        with client.batch("sentiment", iter(TEXTS)) as job:
            outcomes = iter(job)
            next(outcomes)
            with pytest.raises(InputError, match=r"are gone over once\. Plan before"):
                job.plan()
            assert len(list(outcomes)) == len(TEXTS) - 1
            with pytest.raises(InputError, match="are gone over once"):
                job.plan()
        with client.batch("sentiment", iter(TEXTS)) as job:
            assert job.plan().requests == len(TEXTS)
            list(job)
            assert (job.plan().inputs, job.plan().cached) == (len(TEXTS), len(TEXTS))


def test_a_plan_does_not_steer_a_terminal() -> None:
    """Names with escape sequences are shown without them."""
    name = "\x1b]0;제목\x07사진.jpg"
    with Client(Google(api_key="not-a-real-key")) as client, client.batch("detect_faces", [name]) as job:
        shown = str(job.plan())
    assert "제목" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


@both
def test_a_bar_that_cannot_be_made_costs_nothing(colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made before anything is sent."""

    def fail() -> Any:
        raise RuntimeError("no widgets")

    monkeypatch.setattr(progress, "_tqdm", fail)
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    server = Server(mood)
    with pytest.raises(RuntimeError, match="no widgets"):
        Batcher(colour, MadeUp(), server)("sentiment", TEXTS, progress=True)
    assert not server.requests


class Broken(io.StringIO):
    """A terminal that nobody looks at any more."""

    def __init__(self, error: Exception, terminal: bool) -> None:
        super().__init__()
        self._error, self._terminal = error, terminal

    def isatty(self) -> bool:
        """Return whether it is said to be a terminal."""
        return self._terminal

    def write(self, _: str) -> int:
        """Fail."""
        raise self._error

    def flush(self) -> None:
        """Fail, as writing does."""
        raise self._error


def closed() -> io.StringIO:
    """Return a stream that somebody has closed."""
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.long
@both_by_turns(
    "stream",
    [
        None,
        closed(),
        *(
            Broken(error, terminal)
            for error in (
                BrokenPipeError(32, "Broken pipe"),
                ValueError("I/O operation on closed file"),
                OSError(5, "x"),
            )
            for terminal in (True, False)
        ),
    ],
)
def test_progress_that_nobody_sees_ends_no_batch(colour: str, stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error closed, missing or broken: the batch goes on to its end."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setattr(sys, "stderr", stream)
    done = Batcher(colour, MadeUp(), Server(mood))("sentiment", TEXTS, progress=True)
    monkeypatch.undo()
    assert done.error is None
    assert done.books["done"] == len(TEXTS)


async def slowly(_: Outcome[Any]) -> None:
    """Do nothing, in a coroutine such as a service has."""


class Teller:
    """An object whose ``__call__`` is asynchronous."""

    async def __call__(self, _: Outcome[Any]) -> None:
        """Do nothing."""


@pytest.mark.parametrize("tell", [slowly, Teller()])
def test_a_blocking_batch_cannot_await(tell: Any) -> None:
    """An async function as progress is refused before anything is sent, in map too."""
    with client_of() as client:
        for start in (client.batch, client.map):
            with pytest.raises(SettingsError, match=r"progress= is an async function.*AsyncClient"):
                start("sentiment", TEXTS, progress=tell)  # type: ignore[operator]


def test_an_awaiting_batch_awaits_it() -> None:
    """An async function gets each outcome, and is awaited; a plain one is called."""
    told: list[int] = []

    async def tell(outcome: Outcome[Any]) -> None:
        await asyncio.sleep(0)
        told.append(outcome.item)

    async def main() -> None:
        async with AsyncClient(MadeUp(), send=mood) as client:  # type: ignore[arg-type]
            async with client.batch("sentiment", TEXTS, progress=tell) as job:
                assert len([outcome async for outcome in job]) == len(TEXTS)
            await client.map("sentiment", TEXTS[:3], progress=lambda outcome: told.append(outcome.item))

    asyncio.run(main())
    assert sorted(told) == sorted([*range(len(TEXTS)), 0, 1, 2])


def test_it_runs_once_at_a_time() -> None:
    """A second iteration while the first runs says so; when it has ended it reads what was kept."""
    with client_of() as client, client.batch("sentiment", TEXTS) as job:
        outcomes = iter(job)
        next(outcomes)
        with pytest.raises(SettingsError, match="runs already"):
            list(job)
        with pytest.raises(SettingsError, match="runs already"):
            job.tidy()
        assert len(list(outcomes)) == len(TEXTS) - 1
        assert len(list(job)) == len(TEXTS)


def test_an_awaiting_one_too() -> None:
    """The same awaited; a loop that was left by `break` has ended, and what it kept is read."""

    async def main() -> None:
        async with AsyncClient(MadeUp(), send=mood) as client:  # type: ignore[arg-type]
            async with client.batch("sentiment", TEXTS) as job:
                outcomes = aiter(job)
                await anext(outcomes)
                with pytest.raises(SettingsError, match="runs already"):
                    await job.tidy()
                assert len([outcome async for outcome in outcomes]) == len(TEXTS) - 1
                assert len(await job.tidy()) == len(TEXTS)
            async with client.batch("sentiment", TEXTS, concurrency=1) as job:
                async for _ in job:
                    break
                assert len(await job.tidy()) == len(TEXTS)
                assert job.balanced

    asyncio.run(main())


@both
def test_a_batch_that_was_stopped_says_so(colour: str) -> None:
    """`paused` tells why it ended early; one that came to its end has nothing to tell."""
    batcher = Batcher(colour, MadeUp(), Server(mood))
    assert batcher("sentiment", TEXTS).paused is None
    if colour == "blocking":
        with client_of() as client, client.batch("sentiment", TEXTS, concurrency=1) as job:
            for _ in job:
                job.stop()
            assert job.paused == "it was stopped"
            assert job.books["not_started"]


ROWS = [{"이름": "가", "후기": "맛있어요"}, {"이름": "나", "후기": "별로예요", "비고": "늦음"}]


@pytest.mark.parametrize("inputs", [{"후기": "맛있어요"}, None, 7, "한 글", b"bytes", Path("사진.jpg")])
def test_what_is_not_many_inputs(inputs: Any) -> None:
    """A dict, nothing, a number, one text: said when the batch is made."""
    with client_of() as client, pytest.raises(InputError, match=f"many inputs, not one {type(inputs).__name__}"):
        client.batch("sentiment", inputs)


@both
def test_a_column_of_no_table(colour: str) -> None:
    """`column=` with inputs that are no rows: said, nothing sent; a later one that is no row fails alone."""
    done = Batcher(colour, MadeUp(), Server(mood))("sentiment", TEXTS, column="후기")
    assert isinstance(done.error, InputError)
    assert "column='후기' goes with rows" in str(done.error)
    assert done.sent == 0
    done = Batcher(colour, MadeUp(), Server(mood))("sentiment", [*ROWS, "글"], column="후기")
    assert done.values() == ["ok", "ok", "failed"]


@both
def test_columns_to_keep_that_are_not_there(colour: str) -> None:
    """Said before anything is sent; one that only a later row has is fine."""
    batcher = Batcher(colour, MadeUp(), Server(mood))
    done = batcher("sentiment", ROWS, column="후기", keep=["이름", "나이"])
    assert isinstance(done.error, InputError)
    assert "there is no column 나이. keep= chooses among: 이름, 후기" in str(done.error)
    assert done.sent == 0
    assert batcher("sentiment", ROWS, column="후기", keep=("비고",)).values("비고") == [None, "늦음"]
    assert batcher("sentiment", ROWS, column="후기", keep=iter(["이름"])).values("이름") == ["가", "나"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"column": "후기", "keep": "이름"}, r"keep='이름'.*\['이름'\]"),
        ({"column": "후기", "keep": 3}, "keep=3"),
        ({"keep": ["이름"]}, "keep= goes with column="),
    ],
)
def test_keep_is_a_list_of_columns(settings: dict[str, Any], text: str) -> None:
    """One word is no list; without a column there are no rows to keep of."""
    with client_of() as client, pytest.raises(SettingsError, match=text):
        client.batch("sentiment", ROWS, **settings)


@both_by_turns("where, kind", itertools.product(["send", "progress"], [SystemExit, KeyboardInterrupt]))
def test_who_leaves_the_program_leaves_the_batch(
    kind: type[BaseException], colour: str, where: str, tmp_path: Path
) -> None:
    """It comes out of the iteration; the books balance, the journal is whole, and the next run goes on."""
    calls: list[int] = []

    def tenth() -> None:
        calls.append(1)
        if len(calls) == 10:
            raise kind("나감")

    def send(_: Request) -> Response:
        if where == "send":
            tenth()
        return ok({"score": 0.5})

    def tell(_: Outcome[Any]) -> None:
        if where == "progress":
            tenth()

    path, jobs = tmp_path / "일.journal", []

    def blocking() -> None:
        with client_of(send) as client, client.batch("sentiment", TEXTS, journal=path, progress=tell) as job:
            jobs.append(job)
            list(job)

    async def awaiting() -> None:
        async with (
            AsyncClient(MadeUp(key="not-a-real-key"), send=send) as client,  # type: ignore[arg-type]
            client.batch("sentiment", TEXTS, journal=path, progress=tell) as job,
        ):
            jobs.append(job)
            [outcome async for outcome in job]

    with pytest.raises(kind, match="나감"):
        blocking() if colour == "blocking" else asyncio.run(awaiting())
    [job] = jobs
    assert job.balanced, job.books
    assert job.books["submitted"] == len(TEXTS)
    assert job.books["not_started"]
    Journal(path).close()
    calls += [1] * 10
    done = Batcher(colour, MadeUp(key="not-a-real-key"), Server(mood))("sentiment", TEXTS, journal=path)
    assert done.books["done"] == len(TEXTS)
    assert done.sent <= len(TEXTS) - 9 + (where == "send")
