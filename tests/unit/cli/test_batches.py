"""Batches on the command line, against a vendor on the loopback."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client
from cloudai.cli import batches, main
from tests.made_up.provider import Clock
from tests.made_up.server import Connection, Faultd, faultd
from tests.support.command import run_command
from tests.support.length import length

pytestmark = pytest.mark.loopback

TEXTS = [f"후기 {n}: 맛있어요" for n in range(60)]
POINTS = length(1, 10, 60)


def answer(connection: Connection) -> None:
    """Answer each text with a good reply of Azure Language."""
    asked = json.loads(connection.request.partition(b"\r\n\r\n")[2])["analysisInput"]["documents"]
    shares = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
    documents = [
        {"id": document["id"], "sentiment": "positive", "confidenceScores": shares, "sentences": []}
        for document in asked
    ]
    results = {"documents": documents, "errors": [], "modelVersion": "2025-01-01"}
    body = json.dumps({"kind": "SentimentAnalysisResults", "results": results}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.send(head.encode() + body)


def answer_slowly(connection: Connection) -> None:
    """Answer after a moment, in which the command can be interrupted."""
    time.sleep(0.15)
    answer(connection)


@pytest.fixture
def vendor() -> Iterator[Faultd]:
    """Yield a vendor that counts what it is asked."""
    with faultd(answer, keeps=True) as server:
        yield server


@pytest.fixture
def slow_vendor() -> Iterator[Faultd]:
    """Yield a vendor that takes a moment for each answer."""
    with faultd(answer_slowly, keeps=True) as server:
        yield server


def texts_of(server: Faultd) -> list[str]:
    """Return the texts that were sent, in order."""
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    return [document["text"] for body in bodies for document in body["analysisInput"]["documents"]]


def environment(folder: Path, url: str) -> dict[str, str]:
    """Return the environment of the command, whose state lies in the folder."""
    variables = {
        **os.environ,
        "LANGUAGE_KEY": "not-a-real-key",
        "LANGUAGE_ENDPOINT": url,
        "PYTHONIOENCODING": "utf-8",
        "CLOUDAI_STATE_DIR": str(folder / "state"),
    }
    variables.pop("PYTHONUNBUFFERED", None)  # as people have it: what is printed stands in a buffer for a while
    return variables


def start(folder: Path, url: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start the command in a folder of its own, with the loopback as the vendor."""
    command = [sys.executable, "-m", "cloudai", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder, url),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8", **options},
    )


def run(folder: Path, url: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and error."""
    return run_command(folder, environment(folder, url), *arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file of texts."""
    (tmp_path / "후기.txt").write_text("\n".join(TEXTS), "utf-8")
    return tmp_path


COMMAND = ("sentiment", "--lines", "후기.txt", "--provider", "azure", "--language", "ko")


def test_planned_run_and_run_again(folder: Path, vendor: Faultd) -> None:
    """A plan sends nothing; a run is kept in a journal of this folder; run again, nothing is sent."""
    code, out, _ = run(folder, vendor.url, *COMMAND, "--plan", "--pace", "10/s", "--price", "1")
    assert (code, vendor.count) == (0, 0)
    assert "6 (60 units)" in out
    assert "127.0.0.1" in out
    assert "0.06 USD" in out
    code, out, err = run(folder, vendor.url, *COMMAND, "--csv", "결과.csv")
    assert (code, vendor.count) == (0, 6)
    assert "sentiment: 60/60" in err
    code, out, err = run(folder, vendor.url, *COMMAND, "--csv", "다시.csv", "--quiet")
    assert (code, vendor.count, err) == (0, 6, "")
    assert (folder / "결과.csv").read_bytes() == (folder / "다시.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO((folder / "결과.csv").read_text("utf-8-sig"))))
    assert [row["input"] for row in rows] == TEXTS


def test_a_column_of_a_table_from_excel(folder: Path, vendor: Faultd) -> None:
    """CP949 in, the user's columns and the results out; a column that is not there is told."""
    (folder / "표.csv").write_bytes("이름,후기\n김하나,맛있어요\n박둘,별로예요\n".encode("cp949"))
    arguments = ("sentiment", "표.csv", "--column", "후기", "--provider", "azure", "--csv", "-", "--journal", "none")
    code, out, err = run(folder, vendor.url, *arguments)
    assert code == 0
    assert "표.csv: read as CP949" in err
    assert [row["이름"] for row in csv.DictReader(io.StringIO(out))] == ["김하나", "박둘"]
    code, _, err = run(folder, vendor.url, *(a if a != "후기" else "리뷰" for a in arguments))
    assert (code, "The file has: 이름, 후기" in err) == (2, True)
    assert not list(folder.glob("*.journal"))


def test_what_a_journal_holds(folder: Path, vendor: Faultd) -> None:
    """Its books, its table, its results as JSON; one input forgotten; what is no journal is told, with exit 74."""
    run(folder, vendor.url, *COMMAND, "--journal", "일.journal")
    code, out, _ = run(folder, vendor.url, "journal", "일.journal")
    assert code == 0
    assert "azure" in out
    assert "60" in out
    code, out, _ = run(folder, vendor.url, "journal", "일.journal", "--csv", "-", "--rows")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (len(rows), rows[0]["attempts"], rows[0]["host"]) == (60, "1", "127.0.0.1")
    _, out, _ = run(folder, vendor.url, "journal", "일.journal", "--json")
    assert json.loads(out.splitlines()[0])["result"]["label"] == "positive"
    name = rows[3]["input"]
    assert run(folder, vendor.url, "journal", "일.journal", "--forget", name)[0] == 0
    assert name not in run(folder, vendor.url, "journal", "일.journal", "--csv", "-", "--rows")[1]
    assert run(folder, vendor.url, "journal", "일.journal", "--forget", name)[0] == 1
    code, _, err = run(folder, vendor.url, "journal", "후기.txt")
    assert code == 74
    assert "is not a journal of cloudai" in err
    assert run(folder, vendor.url, "journal", "없음")[0] == 74


def test_an_outage_ends_with_a_code_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """75, and the way to go on: nothing was the inputs' fault."""
    clock = Clock()  # the waits before what is tried again take no time
    monkeypatch.setattr(batches, "Client", partial(Client, clock=clock, sleep=clock.sleep))
    for name, value in environment(folder, "http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    assert main([*COMMAND]) == 75
    err = capsys.readouterr().err
    assert "Run the same again when the service answers" in err
    assert "60 not started" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(folder: Path, slow_vendor: Faultd, number: signal.Signals) -> None:
    """Ctrl-C lets requests arrive, tells the rest, exits with 130 or 143; the next run sends nothing twice."""
    rng = random.Random(number)  # noqa: S311  # the same each time
    for point in range(POINTS):
        requests = slow_vendor.count + (2, 0, 1, 3)[point % 4]  # 0 is while it begins
        process = start(folder, slow_vendor.url, *COMMAND, "--concurrency", "1")
        while slow_vendor.count < requests and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.random() * (0.2 if point % 4 != 1 else 0.9))
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 128 + number, -number), err  # 0: it was done; -15: it had not begun
        if not process.returncode:
            break
    code, _, err = run(folder, slow_vendor.url, *COMMAND)
    assert code == 0, err
    assert sorted(texts_of(slow_vendor)) == sorted(TEXTS)


def test_the_second_signal_does_not_wait(folder: Path) -> None:
    """A service that hangs does not hold the command: at the second signal it ends, all in doubt, and flagged."""

    def hang(connection: Connection) -> None:
        connection.silence(100)

    with faultd(hang) as server:
        process = start(folder, server.url, *COMMAND, "--concurrency", "3")
        while server.count < 3 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "30 not started" in err
    [journal] = folder.glob("*.journal")
    assert "30 in doubt" in run(folder, "http://127.0.0.1:9", "journal", journal.name)[1]


def test_a_bar_in_a_terminal(folder: Path, vendor: Faultd) -> None:
    """A terminal sees a bar, even one that says it has no columns."""
    import pty

    main, terminal = pty.openpty()
    environment = {**os.environ, "LANGUAGE_KEY": "k", "LANGUAGE_ENDPOINT": vendor.url}
    process = subprocess.Popen(
        [sys.executable, "-m", "cloudai", *COMMAND, "--csv", "결과.csv"],
        cwd=folder,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            more = os.read(main, 65536)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(main)
    assert process.wait(timeout=60) == 0
    assert "60/60" in shown.decode("utf-8", "replace")
    assert "%|" in shown.decode("utf-8", "replace")


def test_a_limit_is_no_pause(folder: Path, vendor: Faultd) -> None:
    """Not 75, for the same command would end there again: 1, which limit it was, and that it must be raised."""
    for _ in range(2):
        code, out, err = run(folder, vendor.url, *COMMAND, "--max-requests", "2", "--csv", "-", "--quiet")
        assert (code, vendor.count) == (1, 2)
        assert "40 not started" in err
        assert "--max-requests 2 is reached: raise it to go on." in err
        assert "the same command goes on" not in err
        assert [row["status"] for row in csv.DictReader(io.StringIO(out))].count("ok") == 20
    code, _, err = run(folder, vendor.url, *COMMAND, "--max-units", "20", "--quiet")
    assert (code, vendor.count) == (1, 2)
    assert "--max-units 20 is reached: raise it to go on." in err
    assert run(folder, vendor.url, *COMMAND, "--max-requests", "6")[0] == 0


PRINTING = [
    ["providers", "local"],  # a few lines, which stay in the buffer till the end
    [*COMMAND, "--quiet", "--json"],
    [*COMMAND, "--quiet", "--csv", "-"],
    [*COMMAND, "--quiet"],
]


@pytest.mark.parametrize("command", length(PRINTING[:2], PRINTING, PRINTING))
def test_nobody_ever_reads_what_is_printed(folder: Path, vendor: Faultd, command: list[str]) -> None:
    """A pipe that was closed from the beginning: 141, in silence."""
    reader, writer = os.pipe()
    os.close(reader)
    process = start(folder, vendor.url, *command, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141, err
    assert "Traceback" not in err
    assert "Exception ignored" not in err  # as Python says where its own last try fails


def test_nobody_reads_what_is_printed(folder: Path, slow_vendor: Faultd) -> None:
    """`cloudai … --json | head`: 141 as for SIGPIPE, said where the rest goes on; the journal is whole."""
    process = start(folder, slow_vendor.url, *COMMAND, "--json", "--concurrency", "1", "--quiet")
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["status"] == "ok"
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141, err
    assert "the same command goes on from there" in err
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert slow_vendor.count < 6
    code, out, _ = run(folder, slow_vendor.url, *COMMAND, "--json", "--quiet")
    assert (code, len(out.splitlines()), slow_vendor.count) == (0, 60, 6)
    assert sorted(texts_of(slow_vendor)) == sorted(TEXTS)


def to_full_disk(folder: Path, url: str, *arguments: str) -> tuple[int, str]:
    """Run the command with a full disk as its standard output, and return its exit code and standard error."""
    code, _, err = run_command(folder, environment(folder, url), *arguments, out=Path("/dev/full"))
    return code, err


def to_full_disk_by_new_python(folder: Path, url: str, *arguments: str) -> tuple[int, str]:
    """Run the command likewise in a new Python, which writes what is left in its buffers when it ends."""
    with Path("/dev/full").open("wb") as full:
        process = start(folder, url, *arguments, stdout=full)
        _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    ("form", "runs"),
    [(["--json"], to_full_disk), (["--csv", "-"], to_full_disk), ([], to_full_disk_by_new_python)],
)
def test_standard_output_on_a_full_disk(folder: Path, vendor: Faultd, form: list[str], runs: Any) -> None:
    """74 and one line, and what was paid for is in the journal."""
    code, err = runs(folder, vendor.url, *COMMAND, "--quiet", *form)
    assert code == 74
    assert "standard output cannot be written (No space left on device)" in err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert run(folder, vendor.url, *COMMAND)[0] == 0
    assert sorted(texts_of(vendor)) == sorted(TEXTS)


def test_a_key_that_ends_midway(folder: Path) -> None:
    """Exit 2 and the error; the table of what was paid for until then is written all the same."""
    served: list[int] = []

    def ending(connection: Connection) -> None:
        served.append(1)
        if len(served) < 3:
            answer(connection)
        else:
            body = b'{"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}'
            connection.send(b"HTTP/1.1 401 PermissionDenied\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    arguments = (*COMMAND, "--csv", "결과.csv", "--concurrency", "1", "--quiet")
    with faultd(ending, keeps=True) as server:
        code, out, err = run(folder, server.url, *arguments)
        assert code == 2, err
        assert "not accepted" in err or "Access denied" in err
        assert "wrote 결과.csv" in out
        rows = list(csv.DictReader(io.StringIO((folder / "결과.csv").read_text("utf-8-sig"))))
        assert [row["status"] for row in rows] == ["ok"] * 20 + ["not_started"] * 40
        assert "the same command goes on from there" in err
        (folder / "결과.csv").unlink()
        code, out, err = run(folder, server.url, *arguments, "--journal", "새.journal", "--no-cache")
        assert (code, out, (folder / "결과.csv").exists()) == (2, "", False)  # nothing was done
