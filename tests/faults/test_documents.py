"""A document of twelve pages, read by a process that is killed in the middle: what was paid for is not paid again."""

from __future__ import annotations

import csv
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from cloudai.cli import main
from tests.made_up.server import Connection, Faultd, faultd
from tests.support.command import run_command, started
from tests.support.documents import pdf
from tests.support.forks import Forked
from tests.support.journals import replies_in

pytestmark = [pytest.mark.loopback, pytest.mark.long]
DEADLINE = 40.0
"""Seconds that a test waits for a process, on a busy machine too."""


def reply(connection: Connection, body: Any, status: str = "200 OK", more: str = "") -> None:
    """Send a reply of JSON, or an empty one where the body is None."""
    data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n{more}\r\n"
    connection.send(head.encode() + data)


class Google:
    """Reads pages as files:annotate does. The request for the last ones is not answered until it is told to."""

    answered = 2
    """Replies that the journal has at least when the command is midway."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.is_slow = True

    @property
    def is_midway(self) -> bool:
        """Whether all three requests have come, of which the third is not answered."""
        return len(self.asked) == 3

    def __call__(self, connection: Connection) -> None:
        """Answer one request."""
        (item,) = json.loads(connection.request.partition(b"\r\n\r\n")[2])["requests"]
        pages = item.get("pages") or [1, 2, 3, 4, 5]
        self.asked.append(pages)
        if self.is_slow and 12 in pages:
            time.sleep(DEADLINE)
            return
        replies = [{"context": {"pageNumber": page}} for page in pages]
        reply(connection, {"responses": [{"responses": replies, "totalPages": 12}]})


class Azure:
    """Takes a job as Read 3.2 does, which is running until it is told to be done."""

    answered = 1
    """Replies that the journal has at least when the command is midway: that to the job."""

    def __init__(self) -> None:
        self.posts = self.polls = 0
        self.is_slow = True

    @property
    def is_midway(self) -> bool:
        """Whether the job was asked about."""
        return self.polls > 0

    def __call__(self, connection: Connection) -> None:
        """Answer one request."""
        if connection.request.startswith(b"POST"):
            self.posts += 1
            host = re.search(rb"[Hh]ost: (\S+)", connection.request)
            assert host
            where = f"Operation-Location: http://{host[1].decode()}/vision/v3.2/read/analyzeResults/abc\r\n"
            reply(connection, None, "202 Accepted", where)
            return
        self.polls += 1
        pages = [{"page": page, "unit": "inch", "width": 8.5, "height": 11, "lines": []} for page in range(1, 13)]
        done = {"status": "succeeded", "analyzeResult": {"readResults": pages}}
        reply(connection, {"status": "running"} if self.is_slow else done)


def environment(folder: Path, server: Faultd) -> dict[str, str]:
    """Return the settings with which both vendors are this server."""
    return {
        **os.environ,
        "PYTHONIOENCODING": "utf-8",
        "CLOUDAI_STATE_DIR": str(folder / "state"),
        "GOOGLE_API_KEY": "not-a-real-key",
        "CLOUDAI_GOOGLE_VISION_ENDPOINT": server.url,
        "VISION_KEY": "not-a-real-key",
        "VISION_ENDPOINT": server.url,
    }


def arguments(vendor: str, *more: str) -> list[str]:
    """Return the command that reads the document, with its journal."""
    return ["read", "계약.pdf", "--provider", vendor, "--journal", "쪽.journal", *more]


def start(folder: Path, server: Faultd, vendor: str, *more: str) -> AbstractContextManager[Forked]:
    """Start the command in a process of its own."""
    return started(folder, environment(folder, server), *arguments(vendor, *more))


def kill_when(command: Forked, is_time: Callable[[], bool]) -> None:
    """Kill the command as soon as something has happened."""
    until = time.monotonic() + DEADLINE
    while not is_time():
        assert command.process.is_alive(), command.ended()
        assert time.monotonic() < until
        time.sleep(0.02)
    command.kill()


def finished(folder: Path, server: Faultd, vendor: str, *more: str) -> list[dict[str, Any]]:
    """Run the command, and return the results that it prints as JSON."""
    with start(folder, server, vendor, *more) as command:
        code, out, err = command.ended(DEADLINE)
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("vendor", ["google", "azure"])
def test_a_document_is_gone_on_with_where_it_was_killed(vendor: str, tmp_path: Path) -> None:
    """Google is asked again for the pages alone that were not answered; Azure's job is looked at, and not sent anew."""
    (tmp_path / "계약.pdf").write_bytes(pdf(12))
    service: Any = Google() if vendor == "google" else Azure()
    with faultd(service, keeps=True) as server:
        with start(tmp_path, server, vendor) as command:
            kill_when(command, lambda: service.is_midway and replies_in(tmp_path / "쪽.journal") >= service.answered)
        service.is_slow = False
        (found,) = finished(tmp_path, server, vendor, "--json")
    assert [page["number"] for page in found["result"]["pages"]] == list(range(1, 13))
    if vendor == "google":
        assert sorted(service.asked) == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12], [11, 12]]
    else:
        assert (service.posts, service.polls > 1) == (1, True)
    assert (found["meta"]["billed_min"], found["meta"]["billed_max"]) == ((12, 14) if vendor == "google" else (12, 12))


def test_only_the_pages_in_flight_are_in_doubt(tmp_path: Path) -> None:
    """With --in-doubt skip nothing is sent, and ten pages are known to be paid for; without it the last two are sent.

    So of twelve pages ten are paid for once, whatever is chosen, and only the two in flight can be paid for twice.
    """
    (tmp_path / "계약.pdf").write_bytes(pdf(12))
    service = Google()
    with faultd(service, keeps=True) as server:
        with start(tmp_path, server, "google") as command:
            kill_when(command, lambda: service.is_midway and replies_in(tmp_path / "쪽.journal") >= service.answered)
        service.is_slow = False
        asked = list(service.asked)
        again = tmp_path, environment(tmp_path, server)
        code, out, _ = run_command(*again, *arguments("google", "--json", "--in-doubt", "skip"))
        assert (code, json.loads(out)["status"], service.asked) == (1, "skipped", asked)
        assert main(["journal", str(tmp_path / "쪽.journal"), "--rows", "--csv", str(tmp_path / "표.csv")]) == 0
        (row,) = csv.DictReader((tmp_path / "표.csv").read_text("utf-8-sig").splitlines())
        assert (row["billed_min"], row["billed_max"]) == ("10", "12")
        _, out, _ = run_command(*again, *arguments("google", "--json"))
        found = json.loads(out)
        assert len(found["result"]["pages"]) == 12
        assert sorted(service.asked) == sorted([*asked, [11, 12]])
    assert (found["meta"]["billed_min"], found["meta"]["billed_max"]) == (12, 14)


def test_the_plan_counts_pages_and_requests(tmp_path: Path) -> None:
    """Before anything is sent, the plan says that twelve pages take three requests of Google, and one of Azure."""
    (tmp_path / "계약.pdf").write_bytes(pdf(12))
    with faultd(Google(), keeps=True) as server:
        for vendor, told in (("google", "3 (12 units)"), ("azure", "1 (12 units)")):
            _, out, err = run_command(tmp_path, environment(tmp_path, server), *arguments(vendor, "--plan"))
            assert told in out, err
        assert server.count == 0


def test_each_page_becomes_a_file(tmp_path: Path) -> None:
    """--out writes one .txt a page; the same command again leaves the files as they are; others are not overwritten."""
    (tmp_path / "계약.pdf").write_bytes(pdf(12))
    service = Google()
    service.is_slow = False
    with faultd(service, keeps=True) as server:
        finished(tmp_path, server, "google", "--json", "--out", "글")
        files = sorted(path.name for path in (tmp_path / "글").iterdir())
        assert (files[0], files[-1], len(files)) == ("0000-계약-01.txt", "0000-계약-12.txt", 12)
        finished(tmp_path, server, "google", "--json", "--out", "글")
        (tmp_path / "글" / files[3]).write_text("다른 글", "utf-8")
        again = arguments("google", "--json", "--out", "글")
        code, _, err = run_command(tmp_path, environment(tmp_path, server), *again)
        assert (code, "is there already" in err) == (74, True)
        assert len(service.asked) == 3
