"""Journals and caches of earlier versions: they open, keep what was paid for, and say once that they were migrated."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import pytest

from cloudai import Client, JournalError, Response
from cloudai.batch import queries
from cloudai.batch.codec import written_result
from cloudai.batch.journal import Journal
from cloudai.batch.migrations import NOT_FOUND_AGAIN
from cloudai.cli import main
from cloudai.core.flow import Request
from cloudai.storage import cache_path
from tests.data import make
from tests.faults.test_power_loss import Disk, LossyFile
from tests.support.batches import Batcher, Done, both
from tests.support.failing_sqlite import failing, full
from tests.support.forks import run_code
from tests.support.length import both_by_turns, length
from tests.unit.batch.test_cache import NETWORK, batcher, network
from tests.unit.batch.test_recorder import everything

__all__ = ["network"]  # the fixture

DATA = Path(make.__file__).parent
JOURNALS = sorted(path.name for path in DATA.glob("journal-*.sqlite"))
CACHES = sorted(path.name for path in DATA.glob("cache-*.sqlite"))
FIRST = "journal-1-a216f6c.sqlite"
TODAY = queries.SCHEMA.version

each_journal = pytest.mark.parametrize("name", JOURNALS)
OF_EACH_VERSION = list({name[:9]: name for name in JOURNALS}.values())
each_version = pytest.mark.parametrize("name", length(OF_EACH_VERSION, JOURNALS, JOURNALS))
"""Parameters for tests that take long: in the short form, one file of each version of the journal."""
each_cache = pytest.mark.parametrize("name", CACHES)


@pytest.fixture
def journal(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a journal, in a folder with the pictures that were asked."""
    monkeypatch.chdir(tmp_path)
    make.write_pictures(tmp_path)
    return Path(shutil.copy(DATA / name, tmp_path / "지난 일.journal"))


def ask(path: Path, sql: str) -> list[Any]:
    """Ask a file by plain SQLite."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def dump(path: Path) -> list[str]:
    """Return all that a file says, whatever its pages look like."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [str(db.execute("PRAGMA user_version").fetchone()), *db.iterdump()]


def migrate(path: Path, **how: Any) -> None:
    """Open a journal, and let it go."""
    Journal(path, **how).close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings that were logged since the last call, and clear them."""
    texts = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return texts


@dataclass
class Kept:
    """The content of a journal, in words that do not depend on its version."""

    batches: list[Any]
    calls: dict[str, Any]
    exchanges: dict[tuple[str, str], Any]
    items: dict[tuple[int, int], Any]

    @classmethod
    def in_(cls, path: Path) -> Kept:
        """Read a file by plain SQLite."""
        columns = {column for _, column, *_ in ask(path, "PRAGMA table_info(exchanges)")}
        step, requests = (("place", "step_id")["step_id" in columns], ("sent", "requests")["requests" in columns])
        return cls(
            ask(path, "SELECT id, digest, provider, operation, version, started_at, run FROM batches ORDER BY id"),
            {row[0]: row for row in ask(path, "SELECT key, batch, sha256, state, run, item, result FROM calls")},
            {
                tuple(row[:2]): row[2:]
                for row in ask(
                    path,
                    f"SELECT key, {step}, units, sent, {requests}, paid, most, doubt, status, headers, body"  # noqa: S608
                    " FROM exchanges JOIN calls ON id = call",
                )
            },
            {tuple(row[:2]): row[2:] for row in ask(path, "SELECT batch, item, call, status, facts FROM items")},
        )


@each_journal
def test_everything_that_was_paid_for_is_kept(name: str, journal: Path) -> None:
    """Calls with their keys, states and results, exchanges with their sums and replies, inputs with their facts."""
    before = Kept.in_(journal)
    assert len(before.batches) == 5
    assert len(before.exchanges) == 20
    migrate(journal)
    assert Kept.in_(journal) == before


@each_journal
def test_a_migrated_journal_has_the_tables_of_a_new_one(name: str, journal: Path, tmp_path: Path) -> None:
    """The same columns, keys and indices, and the version of today."""
    migrate(tmp_path / "new")
    migrate(journal)

    def tables(path: Path) -> dict[str, Any]:
        listed = ask(path, "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
        columns = {t: sorted(r[1:] for r in ask(path, f"PRAGMA table_info({t})")) for kind, t in listed}
        return {"tables": listed, "columns": columns, "version": ask(path, "PRAGMA user_version")}

    assert tables(journal) == tables(tmp_path / "new")


@each_journal
def test_requests_and_suspicions(name: str, journal: Path) -> None:
    """In a file that did not count requests each attempt was one, and what it suspected an input of is forgotten."""
    no_column = name in (FIRST, "journal-1-565bc34.sqlite")
    with closing(sqlite3.connect(journal)) as db:
        db.execute("UPDATE calls SET rounds = 2 WHERE state = 'open'")
        db.commit()
    migrate(journal)
    assert ask(journal, "SELECT DISTINCT rounds FROM calls WHERE state = 'open'") == [(0 if no_column else 2,)]
    assert bool(ask(journal, "SELECT * FROM exchanges WHERE sent > requests")) is not no_column


def by_digest(text: str) -> str:
    """Return the name under which the journal has a text."""
    return f"text-{sha256(text.encode()).hexdigest()[:8]}"


@each_journal
def test_names_are_those_of_today(name: str, journal: Path) -> None:
    """The same that this version writes, but for a file of an earlier run, whose folder version 1 has not kept."""
    migrate(journal)
    names = {name for (name,) in ask(journal, "SELECT name FROM names UNION SELECT name FROM items")}
    earlier = "…/지난번.png" if name[8] == "1" else "사진/지난번.png"
    digest = sha256(make.TEXTS[6].encode()).hexdigest()
    looked_at = ask(journal, f"SELECT 1 FROM calls WHERE sha256 = '{digest}'")  # noqa: S608
    assert names == {
        *(f"사진/{of}.png" for of in ("김철수", "이영희", "박민수", "사본", "깨진", "없음", "끊긴")),
        *("image-cf6b1496", earlier, "https://사진.example/최지우.jpg?…"),
        *("https://녹음.example/강연.flac?…", "gs://녹음/연설.flac", "gs://녹음/회의.flac"),
        *(by_digest(text) for text in [*make.TEXTS[:6], *make.REVIEWS]),
        by_digest(make.TEXTS[6]) if looked_at else "input 6",
    }


OPEN = {make.TEXTS[4], make.TEXTS[5], make.TEXTS[6]}
"""Texts that are in doubt or were not sent: they may be asked."""


def is_paid(request: Request) -> bool:
    """Return whether a request asks for something that the journals have an answer to."""
    if request.method == "GET":
        return not request.url.endswith("/2")
    if "images:annotate" in request.url:
        asked = [item["image"].get("content") for item in request.json["requests"]]
        return any(content is None or content.data != make.picture(make.PICTURES["끊긴"]) for content in asked)
    return "analyzeSentiment" not in request.url or request.json["document"]["content"] not in OPEN


def answer(request: Request) -> Response:
    """Answer what was open, by now without a fault."""
    if request.method == "GET":
        return make.answer(Request("GET", request.url[:-1] + "1", service="speech", api="v1"))
    if "images:annotate" in request.url:
        return Response(200, {}, json.dumps({"responses": [{} for _ in request.json["requests"]]}).encode())
    return Response(200, {}, b'{"documentSentiment": {"score": 0.5}, "languageCode": "ko"}')


class Service:
    """A service that answers what is open, and notes what should not have been asked."""

    def __init__(self) -> None:
        self.paid_twice: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        if is_paid(request):
            self.paid_twice.append(request)
        return answer(request)


def run_again(colour: str, journal: Path, send: Service) -> list[Done]:
    """Run all batches once more with a journal, without a limit."""
    done = []
    for provider, operation, inputs, settings in make.BATCHES:
        clock = make.Clock()
        run = Batcher(colour, provider(), send, {"max_attempts": 1, "clock": clock, "sleep": clock.sleep})
        unlimited = {name: value for name, value in settings.items() if name != "max_requests"}
        done.append(run(operation, inputs, journal=journal, **unlimited))
        assert done[-1].error is None
        assert done[-1].balanced
    return done


@pytest.mark.long
@both_by_turns("name", JOURNALS)
def test_a_finished_input_is_not_asked_for_again(
    colour: str, name: str, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Run again in either client: only what was open is asked, all else is answered from the file as it was."""
    results = {key: row[-1] for key, row in Kept.in_(journal).calls.items() if row[-1]}
    assert len(results) == 14
    kept = [said(result) for result in results.values()]
    service = Service()
    done = run_again(colour, journal, service)
    assert not service.paid_twice
    assert sum(one.sent for one in done) == 1 + 3  # a picture in doubt, and three texts
    statuses = Counter(status for one in done for status in one.values())
    assert set(statuses) == {"ok", "none_found", "failed"}
    [*_, seen, texts, reviews, speeches] = done
    assert seen.values() == ["ok", "none_found", "ok", "ok", "failed", "failed", "ok", "none_found"]
    assert texts.values() == ["ok"] * 7
    assert reviews.values() == ["ok", "ok", "failed"]
    assert speeches.values() == ["ok", "failed", "ok"]
    for outcome in (outcome for one in done for outcome in one.outcomes if outcome.facts["cached"]):
        assert outcome.result is None or said(written_result(outcome.result)["result"]) in kept
    assert [text for text in told(caplog) if "migrated" in text] == [
        f"{journal} was migrated from version {name[8]} of the journal to {TODAY}: what it holds is kept"
    ]


@each_journal
def test_replies_can_be_read_anew(name: str, journal: Path) -> None:
    """Without the pictures, without sending or waiting for anything: the results are those that were kept."""
    shutil.rmtree(journal.parent / "사진")
    before = Kept.in_(journal).calls
    read: list[int] = []
    waits: list[float] = []
    for provider, operation, inputs, settings in make.BATCHES[-4:]:
        client = Client(provider(), offline=True, sleep=waits.append)
        with client, client.batch(operation, inputs, journal=journal, **settings) as job:
            read.append(job.reparse())
    assert not waits, "also for a job that has not ended, of which nothing is asked"
    # From version 4 on, an incomplete run shows what earlier ones were answered.
    assert read == [6 if name[8] < "4" else 8, 4, 3, 2]
    after = Kept.in_(journal).calls
    assert {key: said(row[-1]) for key, row in after.items()} == {key: said(row[-1]) for key, row in before.items()}


def said(result: str | None) -> Any:
    """Return what a result in JSON says: without fields that are null, and those that a later version has added.

    The field ``part`` of a segment says in which piece of a long recording it was heard; it is 0 for one that is whole.
    """

    def of_then(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if value is not None and (name, value) != ("part", 0)}

    return None if result is None else json.loads(result, object_hook=of_then)


@each_journal
def test_the_command_shows_it(name: str, journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its sums and books are those of the file before, its results are written out, and it says so once."""
    before = Kept.in_(journal)
    assert main(["journal", str(journal)]) == 0
    out, err = capsys.readouterr()
    assert err.count("was migrated from version") == 1
    assert "2 in doubt" in out
    opened = Journal(journal)
    shown = opened.read(queries.batches)
    opened.close()
    for batch in shown:
        number = batch["batch"]
        spent = [row for (key, _), row in before.exchanges.items() if before.calls[key][1] == number]
        assert batch["requests"] == sum(requests for _, _, requests, *_ in spent)
        assert batch["units"] == sum(most for *_, most, _, _, _, _ in spent)
        assert batch["books"] == Counter(row[1] for (of, _), row in before.items.items() if of == number)
    assert sum(batch["requests"] for batch in shown) > 10
    assert main(["journal", str(journal), "--json"]) == 0
    out, err = capsys.readouterr()
    assert not err
    lines = [json.loads(line) for line in out.splitlines()]
    assert Counter(line["status"] for line in lines) == Counter(row[1] for row in before.items.values())
    assert sum("result" in line for line in lines) == (14 if name[8] < "4" else 16)


@each_journal
def test_what_a_journal_should_not_hold_is_gone(name: str, journal: Path) -> None:
    """While it is open and after it is closed, neither the file nor its log has a trace of it."""
    before = [word for word in make.PRIVATE if word.encode() in everything(journal)]
    assert len(before) == {"1": 6, "2": 0 if name == "journal-2-6972eb1.sqlite" else 2, "3": 0, "4": 0}[name[8]]
    opened = Journal(journal)
    assert not [word for word in make.PRIVATE if word.encode() in everything(journal)]
    opened.close()
    assert not [word for word in make.PRIVATE if word.encode() in everything(journal)]


@pytest.mark.parametrize("name", [FIRST])
def test_of_many_inputs_nothing_is_left_behind(name: str, journal: Path) -> None:
    """Texts of all lengths that were not sent: no page of the file has kept the words of one."""
    facts, rows = json.dumps({"is_path": False}), range(7, 700)
    with closing(sqlite3.connect(journal)) as db:
        db.executemany(
            "INSERT INTO items (batch, item, name, row, status, facts) VALUES (3, ?, ?, ?, 'not_started', ?)",
            [(n, f"{'비밀 ' * (n * 7 % 1500)}{n}", json.dumps({"번호": n}), facts) for n in rows],
        )
        db.commit()
    assert "비밀".encode() in everything(journal)
    migrate(journal)
    assert "비밀".encode() not in everything(journal)
    assert ask(journal, "SELECT name, row FROM items WHERE batch = 3 AND item > 6") == [
        (f"input {n}", json.dumps({"번호": n})) for n in rows
    ]


@pytest.mark.parametrize("name", [FIRST])
def test_a_column_keeps_no_signature(name: str, journal: Path) -> None:
    """A column of the user's table that repeats the input keeps an address without its signature, and no text."""
    column = json.dumps({"글": make.TEXTS[2], "별점": 5, "빈칸": None}, ensure_ascii=False)
    with closing(sqlite3.connect(journal)) as db:
        db.execute("UPDATE items SET row = ? WHERE batch = 3 AND item = 2", (column,))
        db.commit()
    migrate(journal)
    assert ask(journal, "SELECT name, row FROM items WHERE batch = 3 AND item = 2") == [
        ("text-9eebd8b1", '{"별점": 5, "빈칸": null}')
    ]
    assert ask(journal, "SELECT name, row FROM items WHERE batch = 1 AND item = 6") == [
        ("https://사진.example/최지우.jpg?…", '{"번호": 6, "사진": "https://사진.example/최지우.jpg?…"}')
    ]


@pytest.mark.parametrize("name", [FIRST])
def test_of_extra_only_names_are_left(name: str, journal: Path) -> None:
    """An ``extra=`` that was no plain dict loses its names too: version 1 had kept its repr, with the values."""
    with closing(sqlite3.connect(journal)) as db:
        shown_by_python = json.dumps({"extra": "mappingproxy({'labels': 'sealed'})", "language": "ko", "words": False})
        db.execute("UPDATE batches SET options = ? WHERE id = 5", (shown_by_python,))
        db.commit()
    migrate(journal)
    assert ask(journal, "SELECT options FROM batches WHERE id IN (3, 5)") == [
        ('{"extra": ["labels"]}',),
        ('{"language": "ko"}',),
    ]


@pytest.mark.parametrize("name", [FIRST, "journal-2-44bd37f.sqlite"])
@pytest.mark.parametrize(
    ("kind", "message", "kept"),
    [
        ("InputError", "https://a:b@예.kr/사진?키=1#2 is an address", "https://예.kr/사진?… is an address"),
        ("InputError", "azure does not fetch HTTP://예.kr/두 장?키=1", "azure does not fetch http://예.kr/두 장?…"),
        ("InputError", "there is no file 사진?.png", None),
        ("BadRequestError", "see https://예.kr/help?code=1", None),
        ("KeyError", "KeyError: '열쇠 1'", "KeyError, raised while it was asked"),
        ("ThrottledError", "ThrottledError of a plugin", None),
    ],
)
def test_errors_keep_no_secret(kind: str, message: str, kept: str | None, name: str, journal: Path) -> None:
    """An address is shown without its query, what a function of the user raised by its class; all else stays."""
    error = json.dumps({"type": kind, "message": message}, ensure_ascii=False)
    with closing(sqlite3.connect(journal)) as db:
        db.execute("UPDATE items SET error = ? WHERE batch = 1 AND item = 5", (error,))
        db.execute("UPDATE calls SET error = ? WHERE id = 2", (error,))
        db.commit()
    migrate(journal)
    expected = {"type": kind, "message": message if kept is None else kept}
    [(of_item,)] = ask(journal, "SELECT error FROM items WHERE batch = 1 AND item = 5")
    [(of_call,)] = ask(journal, "SELECT error FROM calls WHERE id = 2")
    assert json.loads(of_item) == json.loads(of_call) == expected


@pytest.mark.long
@each_version
def test_every_input_is_forgotten_by_its_digest(name: str, journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one of an earlier run, of which nothing but the call is left."""
    for digest in {digest for (digest,) in ask(journal, "SELECT sha256 FROM calls")}:
        while main(["journal", str(journal), "--forget", digest[:12]]) == 2:  # two names have these bytes
            wanted = re.search(r"inputs: ([^,\n]+)", capsys.readouterr().err)
            assert wanted
            assert main(["journal", str(journal), "--forget", wanted[1]]) == 0
    for table in ("calls", "exchanges", "names"):
        assert not ask(journal, f"SELECT * FROM {table}")  # noqa: S608
    assert not ask(journal, "SELECT * FROM items WHERE call NOT NULL")


@pytest.mark.long
@each_version
@pytest.mark.parametrize(
    "wanted", ["사진/김철수.png", "김철수.png", "사진/지난번.png", "지난번.png", "image-cf6b1496", "text-9eebd8b1"]
)
def test_an_input_is_forgotten_by_its_name(
    wanted: str, name: str, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its path or the end of it, also where only an earlier run knew it and its folder was not kept."""
    n = len(ask(journal, "SELECT * FROM calls"))
    assert main(["journal", str(journal), "--forget", wanted]) == 0
    assert "forgot" in capsys.readouterr().out
    assert n - len(ask(journal, "SELECT * FROM calls")) == (2 if "김철수" in wanted else 1)
    assert main(["journal", str(journal), "--forget", wanted]) == 1


@pytest.mark.parametrize("name", [FIRST])
@pytest.mark.parametrize("given", ["{'labels', 'faces'}", "frozenset({'labels'})"])
def test_it_says_what_may_not_be_found_again(
    given: str, name: str, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A set has no order, so the key of a call went by the order of that process; its result can still be read."""
    with closing(sqlite3.connect(journal)) as db:
        db.execute("UPDATE batches SET options = ? WHERE id = 2", (json.dumps({"features": given}),))
        db.commit()
    migrate(journal)
    [text] = told(caplog)
    assert text.endswith("what it holds is kept; " + NOT_FOUND_AGAIN.format("features="))
    assert main(["journal", str(journal), "--batch", "2", "--json"]) == 0
    migrate(journal)
    assert not told(caplog)


@both
@each_journal
def test_a_newer_version_is_refused_unchanged(
    colour: str, name: str, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By both clients and by the command, with the advice to update; not a byte is changed."""
    with closing(sqlite3.connect(journal)) as db:
        db.execute(f"PRAGMA user_version = {TODAY + 1}")
    before = everything(journal)
    done = Batcher(colour, make.google(), Service())("sentiment", make.TEXTS, journal=journal)
    assert str(done.error) == f"a journal of version {TODAY + 1}, and this cloudai reads {TODAY}. Update cloudai."
    assert main(["journal", str(journal)]) == 74
    assert "Update cloudai" in capsys.readouterr().err
    assert everything(journal) == before


@pytest.mark.parametrize("name", [name for name in JOURNALS if name[8] in "12"])
def test_damaged_content_is_left_as_it_is(name: str, journal: Path) -> None:
    """Content that a migration cannot read is reported as damage, and the file stays as it was."""
    with closing(sqlite3.connect(journal)) as db:
        db.execute("UPDATE calls SET error = '{' WHERE id = 2")
        db.execute("UPDATE calls SET memory = '[]' WHERE id = 2")
        db.commit()
    before = dump(journal)
    with pytest.raises(JournalError, match="is damaged"):
        migrate(journal)
    assert dump(journal) == before


@pytest.mark.long
@pytest.mark.parametrize("name", [FIRST, "journal-2-44bd37f.sqlite"])
def test_a_migration_that_fails_anywhere_changes_nothing(name: str, journal: Path) -> None:
    """At every statement: the error says why, the file is of its old version, and the next opening migrates it."""
    before = dump(journal)
    for failures in range(1, 1000, length(2, 1, 1)):
        try:
            migrate(journal, connect=failing(failures, full))
        except JournalError as error:
            reason = str(error)
        else:
            break
        assert "the disk is full" in reason
        assert dump(journal) == before
    assert failures > 40
    assert Kept.in_(journal) == Kept.in_(DATA / name)


KILLED = """
import os, signal, sys
from cloudai.batch.journal import Journal
from tests.support.failing_sqlite import failing
Journal(sys.argv[1], connect=failing(int(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)))
"""


@pytest.mark.long
@pytest.mark.parametrize("name", [FIRST])
@pytest.mark.parametrize("statement", length([15, 60], [15, 40, 60, 80], [15, 40, 60, 80]))
def test_a_process_that_is_killed_midway(statement: int, name: str, journal: Path) -> None:
    """The file is of its old version with all that it said, and the next opening migrates it."""
    before = dump(journal)
    code, _, err = run_code(KILLED, journal, statement)
    assert code == -signal.SIGKILL, err
    assert dump(journal) == before
    migrate(journal)
    assert Kept.in_(journal) == Kept.in_(DATA / name)


class CutDisk(Disk):
    """A disk whose power goes at a write of a certain number; what is then found on it goes into a folder."""

    def __init__(self, cut: int, found: Path) -> None:
        super().__init__(random.Random(cut))  # noqa: S311  # the same each time
        self.left = cut
        self.found = found


class CutFile(LossyFile):
    """A file on a disk whose power goes."""

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write, where the power is still there: of the writes that are not synced each is on the disk, or is not."""
        super().xWrite(data, offset)
        assert isinstance(self._disk, CutDisk)
        self._disk.left -= 1
        if self._disk.left == 0:
            self._disk.lose(self._disk.found)


class CutFiles(apsw.VFS):
    """A file system on a disk whose power goes."""

    def __init__(self, disk: CutDisk) -> None:
        self._disk = disk
        super().__init__("cut", base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        """Open a file."""
        return CutFile("", name, flags, self._disk)


@pytest.mark.long
@pytest.mark.parametrize("name", [FIRST])
def test_a_power_cut_midway(name: str, journal: Path, tmp_path: Path) -> None:
    """The file is of the old version or of the new one, whole, and everything that was paid for is there."""
    versions = set()
    for cut in range(1, 1000, length(4, 2, 2)):
        disk = CutDisk(cut, tmp_path / f"found {cut}")
        disk.found.mkdir()
        files = CutFiles(disk)
        shutil.copy(DATA / name, journal)
        migrate(journal, connect=lambda path: apsw.Connection(path, vfs="cut"))
        del files
        found = disk.found / journal.name
        if disk.left > 0:
            break
        versions.add(dump(found)[0])
        migrate(found)
        assert Kept.in_(found) == Kept.in_(DATA / name)
    assert versions == {"(1,)", f"({TODAY},)"}


@pytest.fixture
def cache(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cache where the clients look for one."""
    monkeypatch.chdir(tmp_path)
    make.write_pictures(tmp_path)
    return Path(shutil.copy(DATA / name, cache_path()))


@both
@each_cache
def test_a_cache_of_an_earlier_cloudai_answers(
    colour: str, name: str, cache: Path, network: NETWORK, caplog: pytest.LogCaptureFixture
) -> None:
    """A cache's answers are not asked for again, by either client; nothing is migrated, and no warning is logged."""
    results = [said(result) for (result,) in ask(cache, "SELECT result FROM answers")]
    server = network(make.answer)
    pictures = make.rows("김철수", "이영희", "박민수", "사본", "지난번")
    for provider, operation, inputs, settings in (
        (make.google, ["detect_faces", "analyze_image"], pictures[:2], {"column": "사진"}),
        (make.google, "detect_faces", pictures, {"column": "사진"}),
        (make.google, "sentiment", make.TEXTS[:4], {"options": {"extra": make.EXTRA}}),
        (make.azure, "sentiment", make.REVIEWS[:2], {"options": {"language": "ko"}}),
    ):
        done = batcher(colour, provider())(operation, inputs, **settings)
        assert all(said(written_result(outcome.result)["result"]) in results for outcome in done.outcomes)
    assert not server.requests
    assert not told(caplog)
    assert ask(cache, "PRAGMA user_version") == [(1,)]


@each_cache
def test_the_command_shows_and_clears_it(name: str, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its answers are counted, and deleted."""
    assert main(["cache"]) == 0
    assert "12" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    assert "deleted 12 answers" in capsys.readouterr().out


@both
@each_cache
def test_a_newer_cache_is_left_unchanged(
    colour: str, name: str, cache: Path, network: NETWORK, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch goes on without it, and says so; not a byte is changed."""
    with closing(sqlite3.connect(cache)) as db:
        db.execute("PRAGMA user_version = 2")
    before = everything(cache)
    network(make.answer)
    done = batcher(colour, make.azure())("sentiment", make.REVIEWS[:2], options={"language": "ko"})
    assert done.sent == 1
    [text] = told(caplog)
    assert "the batch goes on without it" in text
    assert everything(cache) == before
