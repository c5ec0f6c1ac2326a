"""``--plan`` before, during and after a run: it knows the journal of the folder, and writes nothing."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cloudai import Client, ConnectionLostError, PausedError, Response
from cloudai.batch.journal import Journal, copy_of
from cloudai.cli import batches, main
from tests.made_up.provider import Clock
from tests.made_up.vendors import Vendors

COMMAND = ["faces", "사진", "--provider", "azure", "--pace", "20/s", "--quiet"]
JOURNAL = "cloudai-detect-faces-azure.journal"


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vendors:
    """Return a made-up vendor, and put twelve different pictures into a folder of their own."""
    (tmp_path / "사진").mkdir()
    for n in range(12):
        PIL.Image.new("RGB", (64, 64), (20 * n, 0, 0)).save(tmp_path / "사진" / f"{n:02}.png")
    vendors = Vendors()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACE_KEY", "not-a-real-key")
    monkeypatch.setenv("FACE_ENDPOINT", "https://example.cognitiveservices.azure.com")
    monkeypatch.setattr(batches, "Client", partial(Client, send=vendors))
    return vendors


def planned(capsys: pytest.CaptureFixture[str]) -> tuple[int, int, str]:
    """Return the requests and what is kept, as a plan tells them, and all of its text."""
    capsys.readouterr()
    assert main([*COMMAND, "--plan"]) == 0
    text = capsys.readouterr().out
    requests = re.search(r"requests  (\d+)", text)
    kept = re.search(r"from the journal  (\d+)", text)
    assert requests
    return int(requests[1]), int(kept[1]) if kept else 0, text


def test_before_during_and_after(vendor: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan says what is left: all, what a stopped or running batch has not asked for, and nothing."""
    assert planned(capsys)[:2] == (12, 0)
    assert not Path(JOURNAL).exists(), "a plan makes no journal"
    assert main([*COMMAND, "--max-requests", "5"]) == 1
    before = Path(JOURNAL).read_bytes()
    requests, kept, text = planned(capsys)
    assert (requests, kept) == (7, 5)
    assert "7 of 12 inputs are still to be asked for." in text
    assert Path(JOURNAL).read_bytes() == before, "a plan writes nothing"
    assert main(COMMAND) == 0
    requests, kept, text = planned(capsys)
    assert (requests, kept) == (0, 12)
    assert "nothing is sent" in text
    assert len(vendor.requests) == 12


def test_while_the_batch_runs(vendor: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    """Another process keeps the journal to itself: the plan is made from a copy, and says that the batch runs."""
    told: list[tuple[int, int, str]] = []
    pictures = sorted(map(str, Path("사진").glob("*.png")))
    with (
        Client("azure", send=vendor) as client,
        client.batch("detect_faces", pictures, journal=JOURNAL, concurrency=1) as job,
    ):
        for number, _ in enumerate(job):
            if number in (3, 8):
                told.append(planned(capsys))
    for (requests, kept, text), ended in zip(told, (4, 9), strict=True):
        # The last outcome is handed out before its reply is on the disk, and the worker may be ahead.
        assert ended - 1 <= kept <= ended + 2
        assert requests == 12 - kept
        assert "is in use: the batch runs now" in text


def test_a_request_in_flight_is_not_in_doubt(vendor: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan that is made while a request is under way does not say that nobody knows what became of it."""
    pictures = sorted(map(str, Path("사진").glob("*.png")))
    told: list[tuple[int, int, str]] = []

    def send(request: Any) -> Any:
        if not told:
            told.append(planned(capsys))
        return vendor(request)

    with (
        Client("azure", send=send) as client,
        client.batch("detect_faces", pictures, journal=JOURNAL, concurrency=1) as job,
    ):
        assert len(list(job)) == 12
    ((requests, kept, text),) = told
    assert (requests, kept) == (12, 0)
    assert "in doubt" not in text


def test_inputs_in_doubt_that_are_left_out_are_not_still_to_be_asked(
    vendor: Vendors, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --in-doubt skip a plan counts neither requests nor inputs for them, and does not warn of a second bill."""
    sent: list[Any] = []

    def send(request: Any) -> Any:
        sent.append(request)
        if len(sent) > 10:
            raise ConnectionLostError("the connection broke")
        return vendor(request)

    pictures = sorted(map(str, Path("사진").glob("*.png")))
    with (
        Client("azure", send=send, max_attempts=1, on_unknown="raise") as client,
        client.batch("detect_faces", pictures, journal=JOURNAL, concurrency=1) as job,
    ):
        with suppress(PausedError):
            list(job)
        assert job.books["in_doubt"] == 2
    capsys.readouterr()
    assert main([*COMMAND, "--plan", "--in-doubt", "skip"]) == 0
    text = capsys.readouterr().out
    assert "in doubt  2: sent before, no answer known; left out" in text
    assert "requests  0 " in text
    assert "0 of 12 inputs are still to be asked for." in text
    assert "billed twice" not in text
    assert planned(capsys)[0] == 2


def test_an_input_in_doubt_is_not_said_to_be_unsent(vendor: Vendors) -> None:
    """After a pause because of 500s, an input that was sent has no error that says the batch paused before it."""
    pictures, clock = sorted(map(str, Path("사진").glob("*.png"))), Clock()
    with (
        Client("azure", send=lambda _: Response(500, {}, b"{}"), clock=clock, sleep=clock.sleep) as client,
        client.batch("detect_faces", pictures, concurrency=4, pace=None) as job,
    ):
        with suppress(PausedError):
            list(job)
        errors = job.table().filter(status="in_doubt")["error"]
    assert errors
    assert not [why for why in errors if "before this" in why]


@pytest.mark.parametrize("table", ["landmarks", "emotions"])
def test_a_table_asks_for_what_it_shows(table: str, vendor: Vendors, capsys: pytest.CaptureFixture[str]) -> None:
    """--table landmarks has the landmarks sent, and --table emotions of Azure says that Azure gives none."""
    code = main([*COMMAND, "--table", table])
    told = capsys.readouterr()
    if table == "landmarks":
        assert all(each.params["returnFaceLandmarks"] == "true" for each in vendor.requests)
        assert len(vendor.requests) == 12
    else:
        assert code == 1
        assert "emotions" in told.err
        assert not vendor.requests


def test_a_copy_of_a_journal_is_deleted(tmp_path: Path) -> None:
    """The copy holds replies: nothing of it stays, and a file that is not there has none."""
    with copy_of(tmp_path / "none") as (copied, busy):
        assert (copied, busy) == (None, False)
    journal: Any = Journal(tmp_path / "j")
    with copy_of(tmp_path / "j") as (copied, busy):
        assert copied is not None
        assert copied.is_file()
        assert busy
    assert not copied.parent.exists()
    journal.close()
    with copy_of(tmp_path / "j") as (copied, busy):
        assert not busy


def test_an_error_beside_a_copy_is_none_of_the_journal(tmp_path: Path) -> None:
    """A pipe that nobody reads any more is told as that, and not as a journal that cannot be used."""
    Journal(tmp_path / "일.journal").close()
    with pytest.raises(BrokenPipeError), copy_of(tmp_path / "일.journal"):
        raise BrokenPipeError
