"""The power goes: what was not synced is lost, and the journal still has all that was promised to be on disk."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from cloudai.batch import queries
from cloudai.batch.journal import Journal
from cloudai.core.flow import Response

CUTS = 100


class Disk:
    """Files of which what was written since the last sync may be lost, in part and in any order."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.unsynced: dict[str, list[tuple[int, bytes]]] = {}

    def lose(self, into: Path) -> None:
        """Write the files as a power cut leaves them: each write since the last sync is on the disk, or is not."""
        for path, writes in self.unsynced.items():
            if not Path(path).exists():
                continue
            data = bytearray(Path(path).read_bytes())
            for offset, before in reversed(writes):
                if self.chance.random() < 0.5:
                    data[offset : offset + len(before)] = before
            (into / Path(path).name).write_bytes(data)


class LossyFile(apsw.VFSFile):
    """Remembers what a write replaced until it is synced."""

    def __init__(self, base: str, name: Any, flags: list[int], disk: Disk) -> None:
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__(base, name, flags)
        disk.unsynced.setdefault(self._path, [])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write, and remember what was there."""
        size = super().xFileSize()
        before = super().xRead(min(len(data), max(0, size - offset)), offset) if size > offset else b""
        self._disk.unsynced[self._path].append((offset, before + bytes(len(data) - len(before))))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Sync the file, which from now on loses nothing of this."""
        super().xSync(flags)
        self._disk.unsynced[self._path] = []


class LossyFiles(apsw.VFS):
    """A file system whose files may lose what was not synced."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("lossy", base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        """Return a file that may lose what was not synced."""
        return LossyFile("", name, flags, self._disk)


@pytest.mark.parametrize("seed", range(CUTS))
def test_what_was_promised_is_there(seed: int, tmp_path: Path) -> None:
    """Everything that a future has told to be on disk is there after the cut, and the file is whole."""
    chance = random.Random(seed)  # noqa: S311  # the same each time
    disk = Disk(chance)
    files = LossyFiles(disk)
    path = tmp_path / "일.journal"
    # The file itself is made, and its name is on disk, before anything is written.
    journal = Journal(path, connect=lambda name: apsw.Connection(name, vfs="lossy"))
    batch, run = journal.ask(queries.begin("d", "made-up", "sentiment", {}, version="1", now="2026-01-01"))
    intended, answered = [], []
    steps = chance.randrange(1, 30)
    for item in range(steps):
        call = journal.ask(
            queries.look_up(batch, run, item, key=f"key {item}", sha256="0" * 64, name=f"글 {item}")
        ).call
        journal.ask(queries.intend(call, "1", 1))
        intended.append(call)
        if chance.random() < 0.7:
            body = f"답 {item}".encode() * chance.randrange(1, 3000)
            journal.ask(queries.answer(call, "1", 1, Response(200, {}, body), {}))
            answered.append((call, body))
    for item in range(chance.randrange(3)):  # and some of which nobody has been told yet
        journal.do(queries.look_up(batch, run, steps + item, key=f"late {item}", sha256="0" * 64, name="글"))
    (tmp_path / "found").mkdir()
    disk.lose(tmp_path / "found")
    journal.close()
    del files
    with closing(sqlite3.connect(tmp_path / "found" / path.name)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = dict(db.execute("SELECT call, body FROM exchanges"))
    assert set(kept) >= set(intended)
    assert all(kept[call] == body for call, body in answered)
