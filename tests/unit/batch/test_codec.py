"""Names, words and replies that UTF-8 cannot hold go through a batch and its journal like any other."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai.core.flow import Response
from tests.made_up.provider import Clock, MadeUp, ok
from tests.support.batches import Batcher, Server, both

HALF_A_PAIR = Response(200, {}, rb'{"code": "ko\ud83d"}')


@both
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are bytes only there")
def test_a_name_in_another_encoding(colour: str, tmp_path: Path) -> None:
    """사진.png as an old Korean Windows has packed it: paid once, kept, and found again, with its neighbour."""
    from PIL import Image as Pictures

    odd = tmp_path / os.fsdecode("사진.png".encode("cp949"))
    for n, path in enumerate((odd, tmp_path / "나무.png")):
        Pictures.new("RGB", (60 + n, 60), "red").save(path)
    server = Server(lambda r: ok({"responses": [{"faceAnnotations": []} for _ in r.json["requests"]]}))
    run = Batcher(colour, cloudai.Google(api_key="not-a-real-key"), server)
    paths = [odd, tmp_path / "나무.png"]
    for _ in range(2):
        done = run("detect_faces", paths, journal=tmp_path / "j")
        assert done.error is None
        assert done.values() == ["none_found", "none_found"]
        assert r"\udcbb\udce7" in done.values("input")[0], "shown so that it can be printed"
        assert sum(len(request.json["requests"]) for request in server.requests) == 2
    assert {outcome.input for outcome in done.outcomes} == {path.as_posix() for path in paths}


@both
def test_a_reply_with_half_of_an_emoji(colour: str, tmp_path: Path) -> None:
    """Cut off in the middle of one by the vendor: a result, the same when it is read from the journal."""
    server = Server(lambda request: HALF_A_PAIR if request.method == "GET" else ok({}))
    clock = Clock()
    run = Batcher(colour, MadeUp(), server, {"clock": clock, "sleep": clock.sleep})
    first = run("detect_language", ["글"], journal=tmp_path / "j")
    asked = len(server.requests)
    again = run("detect_language", ["글"], journal=tmp_path / "j")
    assert [outcome.result.code for outcome in (*first.outcomes, *again.outcomes)] == ["ko\ud83d"] * 2
    assert len(server.requests) == asked
    assert [row["code"] for row in again.tidy] == ["ko\ud83d"]


@both
@pytest.mark.parametrize("damaged", ['{"code": "ko', r'{"code": "\ud83d", ', "[]"])
def test_a_result_that_is_damaged_is_read_from_its_reply(colour: str, damaged: str, tmp_path: Path) -> None:
    """A result in the journal that is no JSON any more is made anew from the reply beside it, and nothing is sent."""
    server = Server(lambda request: HALF_A_PAIR if request.method == "GET" else ok({}))
    clock = Clock()
    run = Batcher(colour, MadeUp(), server, {"clock": clock, "sleep": clock.sleep})
    run("detect_language", ["글"], journal=tmp_path / "j")
    asked = len(server.requests)
    with closing(sqlite3.connect(tmp_path / "j")) as db, db:
        assert db.execute("UPDATE calls SET result = ?", (damaged,)).rowcount == 1
    again = run("detect_language", ["글"], journal=tmp_path / "j")
    assert [outcome.result.code for outcome in again.outcomes] == ["ko\ud83d"]
    assert len(server.requests) == asked


@both
def test_a_text_and_a_row_with_half_of_an_emoji(colour: str, tmp_path: Path) -> None:
    """A table read with such a cell: such a text fails alone, every input has its row, and the cell is as it was."""
    rows: list[dict[str, Any]] = [{"글": "좋아요", "누가": "가\udcb0"}, {"글": "별로 \ud83d", "누가": "나"}]
    run = Batcher(colour, MadeUp(), Server(lambda _: ok({"score": 0.5})))
    for _ in range(2):
        done = run("sentiment", rows, column="글", journal=tmp_path / "j")
        assert done.values() == ["ok", "failed"]
        assert done.values("error_type")[1] == "InputError"
        assert [row["누가"] for row in done.table] == ["가\udcb0", "나"]
        assert done.balanced
    with closing(sqlite3.connect(tmp_path / "j")) as db:
        assert db.execute("SELECT COUNT(*) FROM items").fetchone() == (2,)


@both
def test_an_error_that_names_such_a_file(colour: str, tmp_path: Path) -> None:
    """Its message, with the name in it, is kept; the others are done."""
    server = Server(lambda r: ok({"responses": [{"faceAnnotations": []} for _ in r.json["requests"]]}))
    run = Batcher(colour, cloudai.Google(api_key="not-a-real-key"), server)
    missing = tmp_path / "없\udcbb음.png"
    done = run("detect_faces", [missing], journal=tmp_path / "j")
    assert done.error is None
    assert done.values() == ["failed"]
    assert done.values("error_type") == ["InputError"]
    assert not server.requests
