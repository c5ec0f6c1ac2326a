"""The file: its shape, what is refused and in which words, and when it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudai import ReplayError, ServerError
from cloudai.core.flow import Response
from cloudai.testing import Cassette, record, recording, replay, replaying
from tests.made_up.uploads import KEY, URL, Mood, Service, get, ok

EXCHANGE: dict[str, Any] = {
    "kind": "recorded",
    "request": {"method": "GET", "url": URL},
    "response": {"status": 200, "body": [1]},
}


def test_the_shape_of_the_file(tmp_path: Path) -> None:
    """Version 1, a list of exchanges, an indent of one, a line break at the end."""
    with record(tmp_path / "c.json", lambda _: ok([1]), note="by hand") as send:
        send(get(params={"model": "a"}, headers={"accept": "a/b"}))
    text = (tmp_path / "c.json").read_bytes().decode()
    assert text.startswith('{\n "version": 1,\n "exchanges": [\n  {')
    assert text.endswith("}\n")
    assert json.loads(text)["exchanges"] == [
        {
            "kind": "recorded",
            "note": "by hand",
            "request": {"method": "GET", "url": URL, "params": {"model": "a"}, "headers": {"accept": "a/b"}},
            "response": {"status": 200, "headers": {"content-type": "application/json"}, "body": [1]},
        }
    ]


def _with(**changes: Any) -> dict[str, Any]:
    return {"version": 1, "exchanges": [{**EXCHANGE, **changes}]}


REFUSED = {
    "not JSON": ("{", "it is not JSON"),
    "not UTF-8": (b"\xff\xfe", "it is not JSON"),
    "too deep": ("[" * 100_000, "it is not JSON"),
    "a number": ("3", "does not have the shape"),
    "no exchanges": ('{"version": 1}', "does not have the shape"),
    "no version": ({"exchanges": [EXCHANGE]}, "does not have the shape"),
    "a text for a version": ({"version": "1", "exchanges": []}, "does not have the shape"),
    "a later version": ({"version": 3, "anything": 1}, "version 3; this cloudai reads 2. Upgrade"),
    "a misspelt field": ({"version": 1, "exchanges": [], "macth": False}, "does not have the shape"),
    "match is a text": ({"version": 1, "exchanges": [], "match": "no"}, "match is true or false"),
    "an unknown kind": (_with(kind="invented"), "exchange 1, kind: "),
    "a misspelt part": (_with(requets={}), "exchange 1, requets: "),
    "a misspelt part of a request": (
        _with(request={**EXCHANGE["request"], "parms": {}}),
        "exchange 1, request.parms: ",
    ),
    "no url": (_with(request={"method": "GET"}), "exchange 1, request.url: "),
    "a strange status": (_with(response={"status": 7}), "exchange 1, response.status: "),
    "bad base64": (_with(response={"status": 200, "body": {"base64": "?"}}), "exchange 1, response.body: "),
    "an exchange that is none": ([1], "exchange 1, the whole: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_cassette_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """One line with the file and the reason."""
    content, reason = REFUSED[name]
    path = tmp_path / "c.json"
    path.write_bytes(
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    with pytest.raises(ReplayError) as caught:
        replay(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    """Not there is another mistake than broken."""
    with pytest.raises(ReplayError, match=r"there is no cassette .*none\.json\. Record it first"):
        replay(tmp_path / "none.json")


def test_a_folder_is_no_cassette(tmp_path: Path) -> None:
    """An error of the system is an error of this library."""
    with pytest.raises(ReplayError, match="no cassette"):
        replay(tmp_path)


@pytest.mark.parametrize("data", [EXCHANGE | {"source": "a page", "note": "n"}, [EXCHANGE | {"name": "a"}]])
def test_single_exchanges_are_replayed_whatever_is_asked(tmp_path: Path, data: Any) -> None:
    """Recordings whose request was not kept load as they are; asked to match, they do."""
    (tmp_path / "c.json").write_text(json.dumps(data))
    with replay(tmp_path / "c.json") as send:
        assert send(get("/other")).json() == [1]
    with pytest.raises(ReplayError):
        replay(tmp_path / "c.json", match=True)(get("/other"))


def test_a_file_with_a_byte_order_mark_loads(tmp_path: Path) -> None:
    """Some editors put one there."""
    (tmp_path / "c.json").write_text("\ufeff" + json.dumps(_with()), encoding="utf-8")
    assert len(Cassette.load(tmp_path / "c.json").exchanges) == 1


def test_loading_and_saving_changes_nothing(tmp_path: Path) -> None:
    """Also a field that is null, a note, and that requests are not to be matched."""
    data = {**_with(source="s", request={"method": "GET", "url": URL, "body": {"a": None}}), "match": False}
    (tmp_path / "a.json").write_text(json.dumps(data))
    Cassette.load(tmp_path / "a.json").save(tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == data


def test_every_recording_at_hand_loads(recordings: Path) -> None:
    """Recorded replies of all vendors can be replayed."""
    paths = sorted(recordings.rglob("*.json"))
    assert paths
    for path in paths:
        for exchange in Cassette.load(path).exchanges:
            assert exchange.reply().replayed


def test_what_was_paid_is_kept_when_a_later_call_fails(tmp_path: Path) -> None:
    """Each exchange is on disk before the next is made."""
    path = tmp_path / "c.json"

    def once(request: Any) -> Any:
        if path.exists():
            assert len(Cassette.load(path).exchanges) == 1
            raise KeyboardInterrupt
        return Service()(request)

    with recording(Mood(key=KEY), path, send=once) as client:
        client.sentiment("하나")
        with pytest.raises(KeyboardInterrupt):
            client.sentiment("둘")
    assert len(Cassette.load(path).exchanges) == 1


def test_errors_of_the_service_are_recorded_and_replayed(tmp_path: Path) -> None:
    """A retry is two exchanges; replay goes the same way without waiting."""
    path = tmp_path / "c.json"
    replies = [Response(503, {"Retry-After": "30"}, b"busy"), ok({"score": 1})]
    given = iter(replies)
    with recording(Mood(key=KEY), path, send=lambda _: next(given), sleep=lambda _: None) as client:
        client.sentiment("하나")
    assert [e.response.status for e in Cassette.load(path).exchanges] == [503, 200]
    with replaying(Mood(), path) as client:
        assert client.sentiment("하나").meta.attempts == 2
    with pytest.raises(ServerError), replaying(Mood(), path, max_attempts=1) as client:
        client.sentiment("하나")


def test_nothing_recorded_leaves_the_old_file(tmp_path: Path) -> None:
    """A recording that fails before its first reply destroys nothing."""
    (tmp_path / "c.json").write_text("old")
    with record(tmp_path / "c.json", lambda _: ok(1)):
        pass
    assert (tmp_path / "c.json").read_text() == "old"


def test_a_folder_that_is_not_there_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    """Not after the first paid call."""
    for start in (record, lambda path: recording("google", path)):
        with pytest.raises(ReplayError, match="there is no such folder"):
            start(tmp_path / "none" / "c.json")


def test_a_disk_that_refuses_is_an_error_of_this_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stays, and no half-written one is left beside it."""
    path = tmp_path / "c.json"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with (
        pytest.raises(ReplayError, match=r"cannot write .*c\.json \(No space left"),
        record(path, lambda _: ok(1)) as send,
    ):
        send(get())
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("c.json", "old")]
