"""`make live` offline: what it announces, that it asks, what it records, which drift it sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudai import Azure, Google, Request, Response, Watson
from cloudai.providers.registry import find
from cloudai.testing import Cassette, replaying
from tests.support.paths import ROOT
from tests.support.played import FIXTURES, TEXTS
from tests.vendors.live.__main__ import OUT, main
from tests.vendors.live.calls import OF_PLUGIN, PAID, Paid
from tests.vendors.live.drift import Shape, drift

KEY = "CaNaRy-4f9c2e7b5d"
GOOD = {"documentSentiment": {"score": 0.5, "magnitude": 1.5}, "languageCode": "ko", "sentences": []}


def never(_: Any) -> Any:
    """Fail, because nothing is asked or sent."""
    raise AssertionError


@pytest.fixture
def language_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the key of one service only, and leave one call that is ready by it."""
    calls = [paid for paid in PAID if paid.operation not in TEXTS]
    monkeypatch.setattr("tests.vendors.live.__main__.PAID", calls)
    monkeypatch.setenv("LANGUAGE_KEY", KEY)
    monkeypatch.setenv("LANGUAGE_ENDPOINT", "https://example.cognitiveservices.azure.com")


def azure(**changes: Any) -> Callable[[Request], Response]:
    """Return a service that answers as Azure Language, with these changes of its document."""
    (exchange,) = Cassette.load(FIXTURES / "azure" / "sentiment-success.json").exchanges
    body = json.loads(json.dumps(exchange.response.body))
    document = body["results"]["documents"][0]
    document.update(changes)
    for name in [name for name, value in changes.items() if value is None]:
        del document[name]
    for sentence in document["sentences"]:
        sentence["offset"] = 0
    content = json.dumps(body).encode()
    return lambda _: Response(200, {"content-type": "application/json"}, content)


def test_without_keys_it_says_what_to_set_and_sends_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every variable once; it asks nothing, writes nothing, and all is well."""
    assert main(send=never, answer=never, out=tmp_path / "live") == 0
    out = capsys.readouterr().out
    for variable in ("VISION_KEY", "FACE_KEY", "LANGUAGE_KEY", "SPEECH_KEY", "GOOGLE_API_KEY", "SPEECH_TO_TEXT_APIKEY"):
        assert variable in out
    assert out.count("GOOGLE_API_KEY") == 1
    assert out.endswith("No keys: nothing was sent.\n")
    assert not (tmp_path / "live").exists()


@pytest.mark.usefixtures("language_key")
@pytest.mark.parametrize("said", ["no", "", "y", None])
def test_it_announces_and_asks(capsys: pytest.CaptureFixture[str], tmp_path: Path, said: str | None) -> None:
    """It says how many calls of what go to which host, and the units; without a yes nothing is sent."""

    def answer(_: str) -> str:
        if said is None:
            raise EOFError
        return said

    assert main(send=never, answer=answer, out=tmp_path / "live") == 0
    out = capsys.readouterr().out
    assert "Calls that would be sent, and paid for: 1, of about 1 unit in all" in out
    assert "azure sentiment: 1 text, about 1 unit, to example.cognitiveservices.azure.com" in out
    assert "left out, detect_faces: azure: no key. Set FACE_KEY" in out
    assert out.endswith("Nothing was sent.\n")
    assert not (tmp_path / "live").exists()


def test_it_announces_every_host_that_sees_the_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Faces are found by one host of Google's and described by another, and both are named before the question."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    assert main(send=never, answer=lambda _: "no", out=tmp_path / "live") == 0
    out = capsys.readouterr().out
    assert "google estimate_age" in out
    (line,) = [each for each in out.splitlines() if each.startswith("  google estimate_age")]
    assert line.endswith(", to vision.googleapis.com, generativelanguage.googleapis.com")


@pytest.mark.usefixtures("language_key")
def test_with_a_yes_it_records(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """``CLOUDAI_LIVE=yes`` is one; the fresh cassette is outside the committed ones, without a key, and replays."""
    monkeypatch.setenv("CLOUDAI_LIVE", "yes")
    assert main(send=azure(), answer=never, out=tmp_path / "생방송") == 0
    assert "azure sentiment: as the committed replies" in capsys.readouterr().out
    (path,) = (tmp_path / "생방송").rglob("*.json")
    assert path.name == "azure-sentiment.json"
    assert KEY not in path.read_text("utf-8")
    (exchange,) = Cassette.load(path).exchanges
    assert (exchange.kind, exchange.note) == ("recorded", "make live")
    with replaying(Azure(), path) as client:
        assert client.sentiment("좋아요.", language="ko").label == "mixed"


@pytest.mark.usefixtures("language_key")
def test_drift_is_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It reports what appeared, what is gone and what changed its type, and its exit code says so."""
    send = azure(warnings=None, mood={"inner": 1}, id=0)
    assert main(send=send, answer=lambda _: "yes", out=tmp_path) == 1
    out = capsys.readouterr().out
    assert "azure sentiment: 3 differences to the committed replies" in out
    assert "  appeared: results.documents[].mood (object)" in out
    assert "  changed: results.documents[].id (text, now number)" in out
    assert "  gone: results.documents[].warnings" in out


@pytest.mark.usefixtures("language_key")
def test_a_call_that_fails_is_told_and_tried_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A paid call is not repeated; the others are made all the same."""
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_APIKEY", KEY)
    monkeypatch.setenv("NATURAL_LANGUAGE_UNDERSTANDING_URL", "https://nlu.example/instances/1")
    sent: list[str] = []

    def send(request: Request) -> Response:
        sent.append(request.service)
        return Response(500, {"content-type": "application/json"}, b"{}")

    assert main(send=send, answer=lambda _: "yes", out=tmp_path) == 1
    assert len(sent) == 2
    out = capsys.readouterr().out
    assert "azure sentiment: failed: azure: " in out
    assert "watson sentiment: failed: watson: " in out
    assert KEY not in out


def test_shapes_are_compared_and_not_values() -> None:
    """Other values, lengths and fields that only some have are no drift; what is inside a new field is not told."""
    committed = Shape([{"a": [{"x": 1, "y": "가"}, {"x": 2.5}], "b": None}, {"a": [], "b": {"c": True}}])
    assert drift(committed, Shape([{"a": [{"x": 7, "y": "나"}] * 3, "b": {"c": False}}])) == []
    assert drift(committed, Shape([{"a": [{"x": 7, "z": {"w": [1]}}], "b": {}}])) == [
        "appeared: a[].z (object)",
        "gone: b.c",
    ]
    assert drift(committed, Shape([{"a": [{"x": "7"}], "b": {"c": 1}}])) == [
        "changed: a[].x (number, now text)",
        "changed: b.c (true or false, now number)",
    ]
    assert drift(committed, Shape([[1]])) == ["changed: the whole (object, now list)", "appeared: [] (number)"]


MADE = {"azure": Azure(face_approved=True), "google": Google(), "watson": Watson()}


@pytest.mark.parametrize("paid", PAID, ids=str)
def test_each_call_has_committed_replies_to_be_held_against(paid: Paid) -> None:
    """It can be made, is billed, and good replies from its address are committed."""
    if paid.folder == OF_PLUGIN:
        from cloudai_rekognition import Rekognition

        provider: Any = Rekognition()
    else:
        provider = MADE[paid.provider]
    request = paid.first_request(provider)
    assert request.billed >= 1
    path = "/" + request.url.removeprefix("https://").partition("/")[2]
    assert paid.committed({path}).objects


def test_every_operation_of_ours_is_called() -> None:
    """All that is paid for, and none twice."""
    assert len({str(paid) for paid in PAID}) == len(PAID)
    calls = [(paid.provider, paid.operation) for paid in PAID]
    for name in ("azure", "google", "watson"):
        able = {operation for operation, able in find(name).capabilities().items() if able.available}
        assert able == {operation for provider, operation in calls if provider == name}


def test_fresh_cassettes_are_not_committed() -> None:
    """Their folder is ignored by git, and beside the committed ones."""
    root = ROOT
    assert OUT.parent == root
    assert "/.live/" in (root / ".gitignore").read_text("utf-8").splitlines()
    assert "live: .venv/.dev" in (root / "Makefile").read_text("utf-8")
