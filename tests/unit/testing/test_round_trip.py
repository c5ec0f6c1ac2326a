"""Every recording can be replayed: every kind of request, both clients, any JSON."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudai import ReplayError
from cloudai.core.flow import Response
from cloudai.testing import Cassette, record, recording, replay, replaying
from tests.made_up.uploads import ACCESS, KEY, UPLOAD, Mood, Service, get, ok, post

CALLS: dict[str, tuple[Any, ...]] = {
    "sentiment": (),
    "key_phrases": (),
    "translate": ("ko",),
    "detect_language": (),
}


def _call(client: Any, operation: str, text: str = "학교") -> Any:
    return getattr(client, operation)(text, **({"to": "ko"} if operation == "translate" else {}))


def _record(path: Path, operation: str, **settings: Any) -> Any:
    with recording(Mood(key=KEY, **settings), path, send=Service(), sleep=lambda _: None) as client:
        return _call(client, operation)


@pytest.mark.parametrize("operation", CALLS)
def test_a_recorded_call_replays_without_a_key(tmp_path: Path, operation: str) -> None:
    """The same result comes from the file, marked as replayed and costing nothing."""
    recorded = _record(tmp_path / "c.json", operation)
    with replaying(Mood(), tmp_path / "c.json") as client:
        replayed = _call(client, operation)
    assert replayed == recorded
    assert replayed.raw == recorded.raw
    assert (recorded.meta.replayed, recorded.meta.billed_max) == (False, 1)
    assert (replayed.meta.replayed, replayed.meta.billed_max) == (True, 0)


@pytest.mark.parametrize("operation", CALLS)
def test_the_awaiting_client_records_and_replays_the_same_file(tmp_path: Path, operation: str) -> None:
    """One cassette serves both clients, whichever recorded it."""
    blocking, awaiting = tmp_path / "b.json", tmp_path / "a.json"
    expected = _record(blocking, operation)

    async def run() -> tuple[Any, Any]:
        async def asleep(_: float) -> None:
            await asyncio.sleep(0)

        async with recording(Mood(key=KEY), awaiting, send=Service().asend, sleep=asleep) as client:
            recorded = await _call(client, operation)
        async with replaying(Mood(), blocking) as client:
            return recorded, await _call(client, operation)

    assert asyncio.run(run()) == (expected, expected)
    assert awaiting.read_bytes() == blocking.read_bytes()


@pytest.mark.parametrize("operation", ["sentiment", "key_phrases", "translate"])
def test_uploads_are_matched_by_the_input_as_given(tmp_path: Path, operation: str) -> None:
    """Another way of preparing the same picture still finds its reply; another picture does not."""
    _record(tmp_path / "c.json", operation)
    with replaying(Mood(prepared="fitted otherwise"), tmp_path / "c.json") as client:
        _call(client, operation)
    with (
        pytest.raises(ReplayError, match=r"of file [0-9a-f]{12}.*held file .*, asked file"),
        replaying(Mood(), tmp_path / "c.json") as client,
    ):
        _call(client, operation, "another picture")


@pytest.mark.parametrize("operation", ["sentiment", "key_phrases", "translate"])
def test_replaying_loads_no_upload(tmp_path: Path, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorded result can be read again without the photo that it was paid for."""
    _record(tmp_path / "c.json", operation)
    monkeypatch.setattr("cloudai.core.flow.Blob.data", property(lambda _: pytest.fail("the upload was loaded")))
    with replaying(Mood(), tmp_path / "c.json") as client:
        assert _call(client, operation).meta.replayed


def test_the_file_holds_digest_and_size_of_an_upload(tmp_path: Path) -> None:
    """sha256 of the input as given, the size of the bytes as sent, the media type, and no name of a file."""
    _record(tmp_path / "c.json", "translate", prepared="+++")
    held = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["exchanges"][0]["request"]["files"]["it"]
    assert held == {
        "sha256": sha256("학교".encode()).hexdigest(),
        "size": len(UPLOAD + "학교+++".encode()),
        "media_type": "image/png",
    }


def test_plain_bytes_are_held_as_their_digest(tmp_path: Path) -> None:
    """Bytes that are no Blob are an upload too, and are told apart on replay."""
    with record(tmp_path / "c.json", lambda _: ok(1)) as send:
        send(get(content=UPLOAD))
    assert UPLOAD.decode() not in (tmp_path / "c.json").read_text(encoding="utf-8")
    with replay(tmp_path / "c.json") as send:
        assert send(get(content=UPLOAD)).json() == 1
    with pytest.raises(ReplayError, match="upload"):
        replay(tmp_path / "c.json")(get(content=b"other"))


def test_replay_does_not_wait(tmp_path: Path) -> None:
    """Polls half a minute apart are answered at once."""
    _record(tmp_path / "c.json", "detect_language")
    with replaying(Mood(), tmp_path / "c.json", timeout=600) as client:
        assert client.detect_language("학교").meta.elapsed < 5


def test_a_token_is_replayed_or_not_as_the_client_asks(tmp_path: Path) -> None:
    """Offline no token is asked for, and that is no leftover; a client with credentials gets a usable one."""
    path = tmp_path / "c.json"
    _record(path, "sentiment", tokens=True)
    with replaying(Mood(tokens=True), path) as client:
        client.sentiment("학교")
    online = Mood(key="another key", tokens=True)
    with replaying(online, path, offline=False) as client:
        client.sentiment("학교")
    assert online.signed_with == ["REDACTED"]


def test_a_token_may_be_fetched_more_often_than_it_was_recorded(tmp_path: Path) -> None:
    """A token may get old more often in a replay than in the recording."""
    path = tmp_path / "c.json"
    with record(path, Service()) as send:
        send(get("/token", form={"apikey": KEY}, credentials=False))
    with replay(path) as send:
        tokens = [send(get("/token", form={"apikey": "x"}, credentials=False)).json() for _ in range(3)]
    assert tokens == [{"access_token": "REDACTED", "token_type": "Bearer", "expires_in": 3600}] * 3
    assert ACCESS not in path.read_text(encoding="utf-8")


def test_korean_is_readable_in_the_file(tmp_path: Path) -> None:
    """Text is written as text, not as escapes, and comes back the same."""
    path = tmp_path / "좋아요.json"
    with record(path, lambda _: ok({"답": "안녕하세요"})) as send:
        send(post({"물음": "학교"}))
    assert '"물음": "학교"' in path.read_text(encoding="utf-8")
    assert '"답": "안녕하세요"' in path.read_text(encoding="utf-8")
    with replay(path) as send:
        assert send(post({"물음": "학교"})).json() == {"답": "안녕하세요"}


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.long
# A longer parameter may be a key, which the recording takes out of the reply, too.
@given(body=JSON, reply=JSON, params=st.dictionaries(TEXTS, st.text(st.characters(exclude_categories=()), max_size=5)))
def test_any_json_round_trips(body: Any, reply: Any, params: dict[str, str]) -> None:
    """A replay answers any recorded JSON request with the same JSON."""
    request = post(body, params=params)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.json"
        with record(path, lambda _: ok(reply)) as send:
            send(request)
        with replay(path) as send:
            assert send(request).json() == reply


@given(st.binary(max_size=60))
def test_any_reply_round_trips_byte_by_byte_or_as_equal_json(content: bytes) -> None:
    """Audio, text and broken JSON come back as they were; JSON comes back as equal JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.json"
        with record(path, lambda _: Response(200, {}, content)) as send:
            send(get())
        with replay(path) as send:
            replayed = send(get()).content
    assert replayed == content or json.loads(replayed) == json.loads(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b'"text"',
        b'"\\ud800"',
        b"plain text",
        b'{"base64": "QUJD"}',
        b'{"a": 1, "a": 2}',
        b"[1e400]",
        b"[NaN]",
        b"\xff\xfe\x00RIFF",
        "안녕".encode(),
        "안녕".encode("cp949"),
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_replies_that_json_would_change_come_back_byte_by_byte(tmp_path: Path, content: bytes) -> None:
    """A reply keeps its bytes if reading and writing it as JSON would lose something."""
    with record(tmp_path / "c.json", lambda _: Response(200, {}, content)) as send:
        send(get())
    assert Cassette.load(tmp_path / "c.json").exchanges[0].reply().content == content


def test_a_recorder_and_a_replay_serve_many_threads(tmp_path: Path) -> None:
    """Nothing is lost, and each reply is given once."""
    path, numbers = tmp_path / "c.json", iter(range(40))
    lock = threading.Lock()

    def answer(_: object) -> Response:
        with lock:
            return ok(next(numbers))

    with record(path, answer) as send, ThreadPoolExecutor(8) as pool:
        list(pool.map(send, [post("same")] * 40))
    with replay(path) as send, ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(send, [post("same")] * 40))
    assert sorted(reply.json() for reply in replies) == list(range(40))
