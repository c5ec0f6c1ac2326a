"""A later run that ends early, however it does, hides nothing that an earlier run was answered or has paid for."""

from __future__ import annotations

import csv
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Client
from cloudai.batch import queries, rows
from cloudai.batch.journal import Journal
from cloudai.cli import main
from cloudai.core.flow import Request
from tests.made_up.provider import MadeUp, ok, refused
from tests.support.batches import Done, Server, both
from tests.support.forks import run_code
from tests.support.length import both_by_turns, length
from tests.support.played import PICTURE
from tests.unit.batch.test_batch import batcher, mood

TEXTS = [f"text {n}" for n in range(30)]


def run(colour: str, inputs: Any, journal: Path, send: Any = None, **settings: Any) -> Done:
    """Run a batch over texts, through either client."""
    settings = {"concurrency": 2, "cache": False, **settings}
    return batcher(colour, send)("sentiment", inputs, journal=journal, **settings)


def exported(journal: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """Return the rows that ``cloudai journal FILE --csv`` writes of every input."""
    table = journal.with_suffix(".csv")
    assert main(["journal", str(journal), "--csv", str(table), "--rows"]) == 0
    capsys.readouterr()
    with table.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def paid(rows: Any) -> tuple[int, int]:
    """Return the least and the most units of a table."""
    return sum(int(row["billed_min"] or 0) for row in rows), sum(int(row["billed_max"] or 0) for row in rows)


def stopped(colour: str, inputs: Any, journal: Path) -> Done:
    """Run a batch of which the second input stops everything."""

    def stopping() -> Iterator[Any]:
        for n, text in enumerate(inputs):
            if n == 1:
                raise KeyError("the inputs end here")
            yield text

    return run(colour, stopping(), journal, concurrency=1)


CHANGES = {
    "the same": TEXTS,
    "shorter": TEXTS[:10],
    "longer": [*TEXTS, *(f"more {n}" for n in range(10))],
    "reversed": TEXTS[::-1],
    "with copies": [text for text in TEXTS for _ in range(2)],
    "others": [f"other {n}" for n in range(30)],
}


@pytest.mark.long
@both_by_turns("change", CHANGES)
def test_a_capped_run_hides_nothing(
    colour: str, change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answers to 30 texts stay in tables, books, manifest and exports when the next run may send nothing."""
    journal = tmp_path / "a.journal"
    assert run(colour, TEXTS, journal).books["done"] == 30
    done = run(colour, CHANGES[change], journal, max_requests=30)
    whole = set(CHANGES[change]) <= set(TEXTS)  # nothing is missing, so the run comes to its end
    units = len(set(CHANGES[change])) if whole else 30
    assert done.balanced
    assert paid(done.table) == (units, units)
    assert done.books["done"] == sum(row["status"] == "ok" for row in done.table)
    assert done.books["submitted"] == len(done.table) == sum(done.manifest["books"].values())
    known = set(TEXTS)
    begun = [row["status"] for row in done.table][: len(CHANGES[change])]
    assert begun == ["ok" if text in known else "not_started" for text in CHANGES[change]]
    rows = exported(journal, capsys)
    assert paid(rows) == (30, 30)
    assert Counter(row["status"] for row in rows)["ok"] == max(30, begun.count("ok"))
    again = run(colour, CHANGES[change], journal)
    assert len(again.table) == len(CHANGES[change])
    assert set(again.values()) == {"ok"}
    units = len(known | set(CHANGES[change]))
    assert paid(exported(journal, capsys)) == (units, units)


@both
def test_a_generator_that_is_broken_off_hides_nothing(colour: str, tmp_path: Path) -> None:
    """The inputs that it did not come to keep their rows, their units and their place in the books."""
    journal = tmp_path / "a.journal"
    run(colour, TEXTS, journal)
    done = stopped(colour, TEXTS, journal)
    assert done.balanced
    assert done.books["done"] == 30
    assert paid(done.table) == (30, 30)


def at_once(kind: str, colour: str, journal: Path) -> Done:
    """Make a run that ends before it has sent anything, or with its first request."""
    match kind:
        case "a wrong key":
            return run(colour, [*TEXTS[:9], "new", *TEXTS[9:]], journal, lambda _: refused(401))
        case "a service away for a day":
            return run(colour, ["new", *TEXTS], journal, lambda _: refused(503, **{"retry-after": "90000"}))
        case _:

            def none() -> Iterator[str]:
                raise KeyError("there are none")
                yield

            return run(colour, none(), journal)


@both_by_turns("kind", ["a wrong key", "a service away for a day", "no inputs"])
def test_a_run_that_ends_at_once_hides_nothing(
    kind: str, colour: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty paid answers stay in the table, the books, the manifest and the exports, however the next run ends."""
    journal = tmp_path / "일.journal"
    run(colour, TEXTS, journal)
    done = at_once(kind, colour, journal)
    assert done.balanced
    for statuses in (done.values(), [row["status"] for row in exported(journal, capsys)]):
        assert statuses.count("ok") == 30
    assert done.books["done"] == done.manifest["books"]["ok"] == 30
    assert paid(done.table)[0] == 30


@both
def test_stopped_before_it_begins_it_shows_what_is_kept(colour: str, tmp_path: Path) -> None:
    """Every earlier outcome is in the tables and the books."""
    journal = tmp_path / "a.journal"
    run(colour, TEXTS, journal)
    with (
        Client(MadeUp(key="not-a-real-key"), send=Server(mood)) as client,
        client.batch("sentiment", TEXTS, journal=journal) as job,
    ):
        job.stop()
        assert list(job) == []
        assert job.books["done"] == 30
        assert [row["input"] for row in job.table()] == TEXTS


def test_a_stop_reads_no_file_and_keeps_its_answer(tmp_path: Path) -> None:
    """Files are known by their names when a run is stopped: one that is gone meanwhile is still answered."""
    google = cloudai.Google(api_key="not-a-real-key")

    def faces(request: Request) -> Any:
        return ok({"responses": [{"faceAnnotations": []} for _ in request.json["requests"]]})

    files = [tmp_path / f"{n}.png" for n in range(6)]
    for n, file in enumerate(files):
        file.write_bytes(PICTURE.read_bytes() + bytes([n]))
    journal = tmp_path / "a.journal"
    with Client(google, send=faces) as client, client.batch("detect_faces", files, journal=journal) as job:
        assert {outcome.status for outcome in job} == {"none_found"}
    for file in files:
        file.unlink()
    with Client(google, send=faces) as client, client.batch("detect_faces", files[::-1], journal=journal) as job:
        job.stop()
        assert list(job) == []
        assert {row["status"] for row in job.table()} == {"none_found"}
        assert paid(job.table()) == (6, 6)
        assert [Path(row["input"]).name for row in job.table()] == [file.name for file in files[::-1]]


@both
@pytest.mark.parametrize("in_doubt", ["resend", "skip"])
def test_doubts_stay_visible(colour: str, in_doubt: str, tmp_path: Path) -> None:
    """A request without an answer stays in doubt, with its units, in a later run that does not come to its input."""
    journal = tmp_path / "a.journal"

    def answer(request: Request) -> Any:
        number = int(str(request.json["text"]).split()[1])  # type: ignore[index]
        return ConnectionResetError("gone") if number % 10 == 3 else mood(request)

    first = run(colour, TEXTS, journal, Server(answer))
    again = run(colour, TEXTS, journal, max_requests=0, in_doubt=in_doubt)
    for done in (first, again):
        assert done.balanced
        assert done.books["in_doubt"] + done.books["skipped"] == 3
        assert paid(done.table) == paid(first.table)


KILLED = """
import os, sys
from cloudai import Client
from tests.made_up.provider import MadeUp, ok
left = [int(sys.argv[2])]
def send(request):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), 9)
    return ok({"score": 0.5})
with Client(MadeUp(key='not-a-real-key'), send=send) as client:
    texts = [f"text {n}" for n in range(int(sys.argv[3]))]
    with client.batch("sentiment", texts, journal=sys.argv[1], cache=False, concurrency=4) as job:
        list(job)
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize("seed", range(length(2, 4, 4)))
def test_killed_runs_hide_nothing(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After each of several killed runs the units of the exported rows are those that the journal has counted."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    journal, answered = tmp_path / "a.journal", 0
    for _ in range(length(2, 3, 3)):
        code, _, err = run_code(KILLED, journal, chance.randrange(1, 12), chance.choice([8, 30]))
        assert code in (0, -signal.SIGKILL), err
        rows = exported(journal, capsys)
        with closing(Journal(journal)) as opened:
            [batch] = opened.read(queries.batches)
            [(least, most)] = opened.read(lambda db: list(db.execute("SELECT SUM(paid), SUM(most) FROM exchanges")))
        assert paid(rows) == (least, most)
        assert most == batch["units"]
        statuses = Counter(row["status"] for row in rows)
        assert statuses["ok"] >= answered
        answered = statuses["ok"]
    done = run("blocking", TEXTS, journal)
    assert done.books["done"] == 30
    assert paid(done.table)[0] >= 30


def test_a_journal_without_the_numbers_of_runs_goes_on(tmp_path: Path) -> None:
    """The rows of version 3 count as those of its last run, and a run that is capped leaves them as they are."""
    journal = tmp_path / "a.journal"
    run("blocking", TEXTS, journal)
    with closing(Journal(journal)) as opened:

        def downgrade(db: Any) -> None:
            db.execute("ALTER TABLE items DROP COLUMN run")
            db.execute("ALTER TABLE exchanges DROP COLUMN tries")
            db.execute("ALTER TABLE exchanges DROP COLUMN company")
            db.execute("DROP TABLE streaks")
            db.execute("PRAGMA user_version = 3")

        opened.ask(downgrade)
    done = run("blocking", TEXTS[::-1], journal, max_requests=30)
    assert done.books["done"] == 30
    assert paid(done.table) == (30, 30)


def test_leaving_an_input_keeps_the_rows_of_its_copies(tmp_path: Path) -> None:
    """A run that leaves an input, and never comes to its copy, keeps the row that an earlier run wrote of the copy."""
    journal = tmp_path / "일.journal"
    run("blocking", ["후기", "후기"], journal)
    with closing(Journal(journal)) as opened:
        [(batch, key), _] = opened.ask(
            lambda db: list(db.execute("SELECT items.batch, key FROM items JOIN calls ON id = call"))
        )
        facts = {"attempts": 0, "billed_min": 0, "billed_max": 0}
        opened.ask(rows.leave(batch, rows.ItemRecord(0, "후기", "not_started", facts, run=2), [key]))
        written = opened.ask(lambda db: list(db.execute("SELECT item, status, run FROM items ORDER BY item")))
    assert written == [(0, "ok", 2), (1, "ok", 1)]


def test_a_copy_that_is_written_down_first_takes_the_bill(tmp_path: Path) -> None:
    """A stopped run writes a copy down before the input whose call is under way: the call is billed once, not twice."""
    journal = tmp_path / "일.journal"
    run("blocking", ["후기"], journal)
    with closing(Journal(journal)) as opened:
        [(batch, call, key)] = opened.ask(
            lambda db: list(db.execute("SELECT items.batch, call, key FROM items JOIN calls ON id = call"))
        )
        facts = {"attempts": 0, "billed_min": 0, "billed_max": 0}
        copy = rows.ItemRecord(1, "후기", "not_started", facts, run=2)
        opened.ask(rows.leave(batch, copy, [key]))
        paid_facts = {"attempts": 1, "billed_min": 1, "billed_max": 1}
        opened.ask(rows.enter(batch, rows.ItemRecord(0, "후기", "ok", paid_facts, call, run=2)))
        bills = opened.ask(
            lambda db: list(
                db.execute(
                    "SELECT item, json_extract(facts, '$.billed_min'), json_extract(facts, '$.billed_max')"
                    " FROM items ORDER BY item"
                )
            )
        )
    assert bills == [(0, 0, 0), (1, 1, 1)]
