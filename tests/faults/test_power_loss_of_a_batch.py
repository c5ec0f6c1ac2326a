"""The power goes at any write of a whole batch: nothing was sent, and no reply read, that the disk does not know of."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import pytest

from cloudai import Client
from cloudai.core.flow import Flow, Request, Response
from cloudai.models.text import Language, Sentiment
from cloudai.providers.base import capability
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher
from tests.support.length import both_by_turns

SECTOR = 512
TEXTS = [f"후기 {n}" for n in range(14)]


@dataclass
class File:
    """One file: what is on disk for certain, and what was written since."""

    durable: bytes
    pending: list[Callable[[bytearray], None]] = field(default_factory=list)
    """Each write, whole and in part."""
    certain: bool = False
    """Whether its name is on disk."""
    removed: bool = False


@dataclass
class Cut:
    """The files as they are found after a cut, and what had happened before it."""

    files: dict[str, bytes]
    sent: set[str]
    read: set[str]


class Disk:
    """Takes a picture of what a cut would leave before every write, sync and removal."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # the same each time
        self.files: dict[str, File] = {}
        self.sent: set[str] = set()
        self.read: set[str] = set()
        self.cuts: list[Cut] = []
        self.lock = threading.RLock()

    def may_go(self) -> None:
        """Note what a power cut at this moment would leave."""
        found = {name: data for name, file in self.files.items() if (data := self._found(file)) is not None}
        self.cuts.append(Cut(found, set(self.sent), set(self.read)))

    def _found(self, file: File) -> bytes | None:
        if not file.certain and self.chance.random() < 0.5:
            return None
        data = bytearray(file.durable)
        for write in file.pending:
            if self.chance.random() < 0.6:
                write(data)
        return bytes(data)

    def written(self, name: str, data: bytes, offset: int) -> None:
        """Note a write, of which some sectors may reach the disk and others not."""
        with self.lock:
            self.may_go()
            begin = 0
            while begin < len(data):
                end = min(len(data), begin + SECTOR - (offset + begin) % SECTOR)
                self.files[name].pending.append(_writing(offset + begin, data[begin:end]))
                begin = end

    def cut_off(self, name: str, size: int) -> None:
        """Note that a file is made shorter."""
        with self.lock:
            self.may_go()
            self.files[name].pending.append(lambda data: data.__delitem__(slice(size, None)))

    def synced(self, name: str) -> None:
        """Note that all of a file, and its name, is on disk from now on."""
        with self.lock:
            self.may_go()
            file = self.files[name]
            data = bytearray(file.durable)
            for write in file.pending:
                write(data)
            if not file.certain:
                # SQLite syncs the folder with the first sync of a new log: what was removed before stays away.
                self.files = {name: each for name, each in self.files.items() if not each.removed}
            file.durable, file.pending, file.certain = bytes(data), [], True

    def removed(self, name: str, *, for_good: bool) -> None:
        """Note that a file is removed, for good or so that a power cut may bring it back."""
        with self.lock:
            self.may_go()
            if for_good:
                self.files.pop(name, None)
            elif file := self.files.get(name):
                file.certain, file.removed = False, True

    def happened(self, where: set[str], text: str) -> None:
        """Note an event that must not be forgotten."""
        with self.lock:
            where.add(text)


def _writing(offset: int, part: bytes) -> Callable[[bytearray], None]:
    def write(data: bytearray) -> None:
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(part)] = part

    return write


class CutFile(apsw.VFSFile):
    """Tells the disk what is done to it."""

    def __init__(self, name: Any, flags: list[int], disk: Disk) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._disk, self._name = disk, Path(path).name
        super().__init__("", name, flags)
        if not (file := disk.files.get(self._name)) or file.removed:
            disk.files[self._name] = File(b"", certain=not self._name.endswith(("-wal", "-journal")))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        self._disk.written(self._name, data, offset)
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        """Make it shorter."""
        self._disk.cut_off(self._name, size)
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Sync the file, and tell the disk."""
        super().xSync(flags)
        self._disk.synced(self._name)


class CutFiles(apsw.VFS):
    """A file system whose files tell the disk what is done to them."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("cut", base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        """Return a file that tells the disk what is done to it."""
        return CutFile(name, flags, self._disk)

    def xDelete(self, path: str, syncdir: bool) -> None:  # noqa: N802
        """Remove it."""
        self._disk.removed(Path(path).name, for_good=syncdir)
        super().xDelete(path, syncdir)


class Reader(MadeUp):
    """The made-up vendor; what it has read must not be forgotten."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    @capability("open")
    def sentiment(self, text: str, *, language: str | None) -> Flow[Sentiment]:
        """Send one request."""
        response: Response = yield Request("POST", "https://made-up.example/v1", service="m", json={"text": text})
        self._disk.happened(self._disk.read, text)
        return Sentiment(score=response.json()["score"], language=language)

    @capability("open")
    def detect_language(self, text: str) -> Flow[Language]:
        """Send a job, and poll it once."""
        url = "https://made-up.example/v1/jobs"
        yield Request("POST", url, service="t", json={"text": text})
        self._disk.happened(self._disk.read, text)
        response: Response = yield Request("GET", f"{url}/{text}", service="t", billed=0)
        return Language(code=response.json()["code"])


def reply(request: Request) -> Response:
    """Return a reply that serves both operations."""
    return ok({"score": 0.5, "code": "ko", "filler": "답" * random.Random(request.url).randrange(400)})  # noqa: S311


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Yield the disk that journals are on; their logs are taken into the files often."""
    disk = Disk(7)
    files = CutFiles(disk)

    def connect(path: str) -> Any:
        db = apsw.Connection(path, vfs="cut")
        db.execute("PRAGMA wal_autocheckpoint = 12")
        return db

    monkeypatch.setattr("cloudai.batch.journal._connect", connect)
    yield disk
    del files


@both_by_turns("operation", ["sentiment", "detect_language"])
def test_the_power_goes_at_any_write(operation: str, colour: str, disk: Disk, tmp_path: Path) -> None:
    """More than 100 cuts, also while the file is made, its log is taken in and it is closed: whole, and all is there.

    What was sent is in doubt or answered; what was read is answered, and the next run does not send it again.
    """

    def send(request: Request) -> Response:
        if request.method == "POST":
            disk.happened(disk.sent, request.json["text"])
        return reply(request)

    run = Batcher(colour, Reader(disk), send)
    path = tmp_path / "일.journal"
    assert run(operation, TEXTS[:9], journal=path, concurrency=3).books["done"] == 9
    assert run(operation, TEXTS, journal=path, concurrency=3).books["done"] == len(TEXTS)
    assert len(disk.cuts) > 100
    assert disk.cuts[-1].read == set(TEXTS)
    for number, cut in enumerate(disk.cuts):
        found = tmp_path / f"found-{number}"
        found.mkdir()
        for name, data in cut.files.items():
            (found / name).write_bytes(data)
        known = known_to(found / path.name)
        assert cut.sent <= known.keys(), "sent, and the journal does not know of it"
        assert cut.read <= {text for text, answered in known.items() if answered}, "read, and lost"


def known_to(journal: Path) -> dict[str, bool]:
    """Return the texts of which something was sent, as a plain SQLite finds them, and whether the reply is there."""
    names = {sha256(text.encode()).hexdigest(): text for text in TEXTS}
    with closing(sqlite3.connect(journal)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'items_call'").fetchone():
            return {}
        rows = db.execute(
            "SELECT sha256, status IS NOT NULL, doubt FROM exchanges JOIN calls ON id = call WHERE step_id = '1'"
        ).fetchall()
    assert all(answered or doubt for _, answered, doubt in rows), "neither answered nor in doubt"
    return {names[digest]: bool(answered) for digest, answered, _ in rows}


def test_after_a_cut_the_next_run_goes_on(disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From whatever a cut left: every input is done, and what had been read is not sent again."""

    def send(request: Request) -> Response:
        disk.happened(disk.sent, request.json["text"])
        return reply(request)

    with Client(Reader(disk), send=send) as client, client.batch("sentiment", TEXTS, journal=tmp_path / "j") as job:
        assert len(list(job)) == len(TEXTS)
    monkeypatch.undo()
    again: set[str] = set()
    for number, cut in enumerate(disk.cuts[::4]):
        found = tmp_path / f"found-{number}"
        found.mkdir()
        for name, data in cut.files.items():
            (found / name).write_bytes(data)
        again.clear()

        def resend(request: Request) -> Response:
            again.add(request.json["text"])
            return reply(request)

        with Client(MadeUp(), send=resend) as client, client.batch("sentiment", TEXTS, journal=found / "j") as job:
            assert {outcome.status for outcome in job} == {"ok"}
            assert job.balanced
        assert not again & cut.read, "read, and paid for again"
