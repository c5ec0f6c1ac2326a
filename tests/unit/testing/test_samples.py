"""Binary, multipart and polled replies in cassettes, and what a cassette keeps of a reply that is too large for it."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Google, ReplayError, Resource, Watson
from cloudai.core.flow import Response
from cloudai.testing import Cassette, record, recording, replay, replaying
from cloudai.testing._samples import KEPT, LARGEST
from tests.made_up.uploads import URL, get, ok
from tests.support.documents import pdf
from tests.support.paths import FIXTURES

KEY = "not-a-real-key"
AZURE = Azure(key=KEY, endpoint="https://example.cognitiveservices.azure.com")
TTS = "https://api.kr-seo.text-to-speech.watson.cloud.ibm.com/instances/1"
KINDS: dict[str, tuple[Any, str, str, Any, dict[str, Any]]] = {
    "binary": (AZURE, "azure/text_to_speech-success", "text_to_speech", "안녕하세요!", {}),
    "binary without a length": (
        Watson(text_to_speech=Resource(KEY, TTS)),
        "watson/text_to_speech-success",
        "text_to_speech",
        "안녕하세요!",
        {},
    ),
    "base64 in JSON": (
        Google(api_key=KEY),
        "google/text_to_speech-success",
        "text_to_speech",
        "안녕하세요!",
        {},
    ),
    "multipart": (
        AZURE,
        "azure/speech_to_text-success",
        "speech_to_text",
        FIXTURES / "인사.wav",
        {"language": "ko", "speakers": 2},
    ),
    "polled": (AZURE, "azure/read_text-document", "read_text", pdf(12), {"language": "ko-KR"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_reply_is_recorded_and_replayed(tmp_path: Path, kind: str) -> None:
    """The result of the replay is that of the recording, by a cassette of the first version, which has no upload."""
    provider, name, operation, given, options = KINDS[kind]
    path = tmp_path / "기록.json"
    with recording(provider, path, send=replay(FIXTURES / f"{name}.json"), sleep=lambda _: None) as client:
        recorded = getattr(client, operation)(given, **options)
    written = json.loads(path.read_text("utf-8"))
    assert written["version"] == 1
    assert len(written["exchanges"]) == (4 if kind == "polled" else 1)
    with replaying(type(provider)(), path) as client:
        replayed = getattr(client, operation)(given, **options)
    assert replayed == recorded
    assert (replayed.meta.replayed, replayed.meta.billed_max) == (True, 0)


SOUND = b"RIFF\xff" + bytes(range(256)) * 20
LONG = base64.b64encode(SOUND).decode()
LARGE: dict[str, tuple[Response, Any]] = {
    "bytes": (
        Response(200, {"content-type": "audio/wav"}, SOUND),
        {
            "cut": {
                "sha256": sha256(SOUND).hexdigest(),
                "size": len(SOUND),
                "sample": {"base64": base64.b64encode(SOUND[:1000]).decode()},
            }
        },
    ),
    "base64 in JSON": (
        ok({"소리": [LONG], "길이": 3}),
        {
            "소리": [{"cut": {"sha256": sha256(LONG.encode()).hexdigest(), "size": len(LONG), "sample": LONG[:1000]}}],
            "길이": 3,
        },
    ),
    "a text": (
        Response(200, {}, ("가" * 2000).encode()),
        {"cut": {"sha256": sha256(("가" * 2000).encode()).hexdigest(), "size": 6000, "sample": "가" * 1000}},
    ),
}


@pytest.mark.parametrize("kind", LARGE)
def test_of_a_large_reply_a_sample_is_kept(tmp_path: Path, kind: str) -> None:
    """The file has the digest, the size and the beginning; a replay says how to keep the whole, also at its end."""
    reply, body = LARGE[kind]
    path = tmp_path / "c.json"
    with record(path, lambda _: reply, largest=5000) as send:
        assert send(get()) is reply
    written = json.loads(path.read_text("utf-8"))
    assert (written["version"], written["exchanges"][0]["response"]["body"]) == (2, body)
    size = len(LONG) if "JSON" in kind else len(reply.content)
    player = replay(path)
    for call in (lambda: player(get()), player.close):
        with pytest.raises(ReplayError, match=rf"only a sample was kept, of {size:,} bytes.*largest={size}, which"):
            call()
    again = tmp_path / "again.json"
    Cassette.load(path).save(again)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_reply_is_kept_whole_where_it_may_be(tmp_path: Path, kind: str) -> None:
    """The limit that the error names is enough, and the file is of the first version."""
    reply, _ = LARGE[kind]
    path = tmp_path / "c.json"
    with record(path, lambda _: reply, largest=len(reply.content)) as send:
        send(get())
    assert json.loads(path.read_text("utf-8"))["version"] == 1
    with replay(path) as send:
        replayed = send(get())
    assert replayed.content == reply.content or replayed.json() == reply.json()


def test_a_reply_that_looks_like_a_sample_is_kept(tmp_path: Path) -> None:
    """JSON of a service that has the fields of a sample is written as a text, and comes back as it was."""
    body = {"a": [{"cut": {"sha256": "", "size": 1, "sample": ""}}]}
    path = tmp_path / "c.json"
    with record(path, lambda _: ok(body)) as send:
        send(get())
    with replay(path) as send:
        assert send(get()).json() == body


def test_a_long_speech_is_recorded(tmp_path: Path) -> None:
    """The client that records gets the whole sound, and the cassette stays small and has no part of the text."""
    sound = (FIXTURES / "인사.wav").read_bytes()
    path = tmp_path / "c.json"
    with recording(AZURE, path, send=lambda _: Response(200, {}, sound), largest=2000) as client:
        assert client.text_to_speech("비밀 이야기").duration == pytest.approx(1.0)
    assert path.stat().st_size < 4000 < len(sound)
    assert "비밀" not in path.read_text("utf-8")
    with pytest.raises(cloudai.ReplayError, match="Record it anew"), replaying(Azure(), path) as client:
        client.text_to_speech("비밀 이야기")


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_are_read(tmp_path: Path, version: int) -> None:
    """A cassette of the first version opens as before."""
    exchange = {
        "kind": "constructed",
        "request": {"method": "GET", "url": URL},
        "response": {"status": 200, "body": {"base64": "AP8="}},
    }
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"version": version, "exchanges": [exchange]}), "utf-8")
    with replay(path) as send:
        assert send(get()).content == b"\x00\xff"


def test_a_key_at_the_end_of_a_sample_is_not_cut_off(tmp_path: Path) -> None:
    """A sample holds no beginning of a key, which nobody would know for one: the key is withheld before it is taken."""
    path = tmp_path / "a.json"
    body = {"text": "x" * (KEPT - 8) + KEY + "x" * LARGEST}
    with record(path, lambda _: ok(body), secrets=[KEY]) as send:
        send(get())
    [exchange] = Cassette.load(path).exchanges
    assert exchange.response.body["text"]["cut"]["sample"].endswith("xREDACTED")
    assert KEY[:8] not in path.read_text("utf-8")
