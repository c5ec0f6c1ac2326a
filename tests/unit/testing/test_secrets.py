"""Keys, tokens, cookies and uploads are never in a cassette: canaries are searched for in every spelling."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cloudai import ReplayError
from cloudai.core.flow import Blob, File, Request, Response
from cloudai.testing import Cassette, Exchange, record, recording, replay, replaying
from tests.made_up.uploads import ACCESS, KEY, LOGIN, UPLOAD, URL, Mood, Service, get, ok, post
from tests.support.canaries import echoes


def assert_clean(path: Path, *secrets: str) -> str:
    """Require that no canary is in the file, and return its text for further looks."""
    text = path.read_text(encoding="utf-8")
    for secret in secrets:
        plain = {echo for echo in echoes(secret) if len(echo) > 8}
        # The inner part of base64 is looked for as well, because its ends depend on what stands before and after.
        assert [e for e in plain | {e[4:-4] for e in plain} if e in text] == []
    return text


CARRIERS = {
    "header": get(headers={"X-Any-Header": KEY}),
    "bearer": get(headers={"Authorization": f"Bearer {KEY}"}),
    "basic": get(headers={"Authorization": "Basic " + base64.b64encode(f"apikey:{KEY}".encode()).decode()}),
    "cookie": get(headers={"Cookie": f"lang=ko; session={KEY}; x=1"}),
    "parameter": get(params={"key": KEY}),
    "parameter of no telling name": get(params={"zone": KEY}),
    "query": Request("GET", f"{URL}?access_token={quote(KEY, safe='')}"),
    "user in the address": Request("GET", f"https://user:{quote(KEY, safe='')}@mood.example/v1"),
    "form": post(form={"apikey": KEY, "target": "ko"}),
    "form with files": post(form={"apikey": KEY}, files={"a": File("n", b"x", "a/b")}),
    "signed address in JSON": post({"url": f"https://store.example/a.jpg?sig={quote(KEY, safe='')}&v=1"}),
    "token by form": Request("POST", LOGIN, form={"grant": "apikey", "x": KEY}, credentials=False),
    "token by JSON": Request("POST", LOGIN, json={"a": [{"secret": KEY}]}, credentials=False),
    "token by bytes": Request("POST", LOGIN, content=KEY.encode(), credentials=False),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_no_key_of_a_request_is_written(tmp_path: Path, name: str) -> None:
    """A key anywhere in a request is not in the file, and the exchange is there and replays."""
    with record(tmp_path / "c.json", lambda _: ok([1])) as send:
        send(CARRIERS[name])
    assert_clean(tmp_path / "c.json", KEY)
    with replay(tmp_path / "c.json") as send:
        assert send(CARRIERS[name]).json() == [1]


def echo(text: str) -> Response:
    """Return a reply that repeats a key in JSON, in names, in an address and in its headers."""
    body = {
        "error": f"bad key {text}",
        text: 1,
        "deep": [{"next": f"https://a.example/?token={text}&page=2"}],
    }
    return ok(
        body,
        set_cookie=f"s={text}",
        x_any=text,
        operation_location=f"{URL}/7?sig={text}&api-version=2",
        x_request_id=f"r-{text}",
    )


@pytest.mark.parametrize("name", ["header", "bearer", "basic", "cookie", "parameter", "query", "form"])
def test_an_echo_of_the_key_is_withheld(tmp_path: Path, name: str) -> None:
    """Services repeat keys in errors, plain or encoded: the reply is kept, the key is not."""
    for i, spelling in enumerate(
        [KEY, quote(KEY, safe=""), base64.b64encode(f"a:{KEY}:b".encode()).decode(), KEY.encode().hex()]
    ):
        path = tmp_path / f"{i}.json"
        with record(path, lambda _, text=spelling: echo(text)) as send:
            send(CARRIERS[name])
        text = assert_clean(path, KEY)
        assert "bad key" in text
        assert "api-version=2" in text
        assert "cookie" not in text.lower()


def test_an_echo_in_a_text_reply_is_withheld(tmp_path: Path) -> None:
    """A page of a proxy, say."""
    with record(tmp_path / "c.json", lambda _: Response(403, {}, f"<p>{KEY} is bad".encode())) as send:
        send(CARRIERS["header"])
    assert_clean(tmp_path / "c.json", KEY)
    assert Cassette.load(tmp_path / "c.json").exchanges[0].reply().content == b"<p>REDACTED is bad"


def test_ordinary_values_are_not_taken_for_secrets(tmp_path: Path) -> None:
    """A header or parameter whose name is not listed does not blot out its value in the reply."""
    reply = {"city": "Daegu-Seoul", "flag": "true"}
    with record(tmp_path / "c.json", lambda _: ok(reply)) as send:
        send(get(headers={"x-flag": "true"}, params={"city": "Daegu-Seoul"}))
    assert Cassette.load(tmp_path / "c.json").exchanges[0].reply().json() == reply


@pytest.mark.parametrize("asked", [{"text": "a"}, {"text": "a", "appkey": "another"}])
def test_a_key_in_the_body_is_withheld_and_not_asked_for_again(tmp_path: Path, asked: dict[str, str]) -> None:
    """A vendor that wants its key in the JSON: replay finds the reply with no key, and with another."""
    with record(tmp_path / "c.json", lambda _: ok([1]), secrets=[KEY]) as send:
        send(post({"text": "a", "appkey": KEY}))
    assert_clean(tmp_path / "c.json", KEY)
    with replay(tmp_path / "c.json") as send:
        assert send(post(asked)).json() == [1]


def test_a_key_in_the_path_is_withheld_and_may_be_another(tmp_path: Path) -> None:
    """A key in a path, as bots have it, is withheld and may be another; the rest of the address still counts."""
    with record(tmp_path / "c.json", lambda _: ok([1]), secrets=["bot-key-123"]) as send:
        send(get("/bot-key-123/faces"))
    assert "bot-key-123" not in (tmp_path / "c.json").read_text(encoding="utf-8")
    assert replay(tmp_path / "c.json")(get("/another/faces")).json() == [1]
    with pytest.raises(ReplayError, match="url"):
        replay(tmp_path / "c.json")(get("/another/texts"))


def test_no_token_is_written_wherever_it_turns_up(tmp_path: Path) -> None:
    """Neither from its own reply nor from a later one, or an earlier one, that repeats it."""
    replies = iter([ok({"echo": ACCESS}), ok({"access_token": ACCESS, "expires_in": 9}), ok([f"<{ACCESS}>"])])
    with record(tmp_path / "c.json", lambda _: next(replies)) as send:
        send(get("/1"))
        send(Request("POST", LOGIN, credentials=False))
        send(get("/2"))
    assert_clean(tmp_path / "c.json", ACCESS)
    assert len(Cassette.load(tmp_path / "c.json").exchanges) == 3


@pytest.mark.parametrize("body", [b"plain.jwt.token-CaNaRy", b'"CaNaRy.jwt.token"', b"\xffCaNaRy.jwt.token"])
def test_a_token_that_is_no_object_is_not_written(tmp_path: Path, body: bytes) -> None:
    """Some services answer with the token alone."""
    with record(tmp_path / "c.json", lambda _: Response(200, {}, body)) as send:
        send(Request("POST", LOGIN, credentials=False))
    assert "CaNaRy" not in (tmp_path / "c.json").read_text(encoding="utf-8")
    assert base64.b64encode(body).decode()[2:-4] not in (tmp_path / "c.json").read_text(encoding="utf-8")


def test_a_call_through_a_client_leaves_no_canary(tmp_path: Path) -> None:
    """Key, token, signed address and uploads, through the whole way of a call."""
    path = tmp_path / "c.json"
    options: dict[str, Any] = {"send": Service(), "sleep": lambda _: None}
    with recording(Mood(key=KEY, tokens=True), path, **options) as client:
        client.sentiment("한국")
        client.key_phrases("한국")
        client.translate("한국", to="ko")
        client.detect_language("한국")
    text = assert_clean(path, KEY, ACCESS, UPLOAD.decode())
    assert "한국.png" not in text
    assert '"x-mood-id": "id-1"' in text


UPLOADS = {
    "content": post(content=Blob("ab" * 32, lambda: UPLOAD * 9)),
    "bytes": post(content=UPLOAD * 9),
    "json": post({"a": [{"b": Blob("ab" * 32, lambda: UPLOAD * 9)}]}),
    "bytes in json": post({"a": (UPLOAD * 9,)}),
    "files": post(files={"f": File("n", Blob("ab" * 32, lambda: UPLOAD * 9), "a/b")}),
    "bytes in files": post(files={"f": File("n", UPLOAD * 9, "a/b")}),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_no_upload_is_written(tmp_path: Path, name: str) -> None:
    """A cassette holds the digest of a file that a request holds, wherever it holds it."""
    with record(tmp_path / "c.json", lambda _: ok(1)) as send:
        send(UPLOADS[name])
    text = assert_clean(tmp_path / "c.json", UPLOAD.decode())
    assert f'"size": {9 * len(UPLOAD)}' in text


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_reply_that_cannot_be_cleaned_is_refused(tmp_path: Path, shift: int) -> None:
    """A known secret inside binary data: nothing of that exchange is written, the others are kept."""
    path = tmp_path / "c.json"
    audio = b"\xff" * (3 + shift) + KEY.encode() + b"\xff"
    replies = iter([ok(1), Response(200, {}, audio), ok(3)])
    with record(path, lambda _: next(replies), secrets=[KEY]) as send:
        send(get("/1"))
        with pytest.raises(ReplayError, match="a secret would have been written"):
            send(get("/2"))
        send(get("/3"))
    assert_clean(path, KEY)
    assert [e.request.url for e in Cassette.load(path).exchanges] == [f"{URL}/1", f"{URL}/3"]


@pytest.mark.parametrize("spelling", sorted(echoes(KEY)))
def test_saving_refuses_a_known_secret(tmp_path: Path, spelling: str) -> None:
    """A cassette with a known secret anywhere is not saved, and the file that was there before stays."""
    path = tmp_path / "c.json"
    path.write_text("before")
    request = {"method": "GET", "url": URL}
    response = {"status": 200, "body": f"…{spelling}…"}
    exchange = Exchange.model_validate({"kind": "constructed", "request": request, "response": response})
    with pytest.raises(ReplayError, match="a secret would have been written") as caught:
        Cassette([exchange]).save(path, secrets=[KEY])
    assert KEY not in str(caught.value)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]
    Cassette([exchange]).save(path, secrets=["something else"])


def test_a_secret_that_json_escapes_is_found(tmp_path: Path) -> None:
    """A key with quotation marks, line breaks or Hangul is another text in the file than in memory."""
    for secret in ('quo"ted-secret', "line\nbreak-secret", "비밀번호입니다"):
        response = {"status": 200, "body": {"a": secret}}
        exchange = Exchange.model_validate(
            {"kind": "constructed", "request": {"method": "GET", "url": URL}, "response": response}
        )
        with pytest.raises(ReplayError):
            Cassette([exchange]).save(tmp_path / "c.json", secrets=[secret])


def test_recording_knows_the_secret_settings_of_the_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key from the environment is refused too, though no request carried it where it shows."""
    monkeypatch.setenv("MOOD_KEY", "from-the-environment")
    with recording(Mood(), tmp_path / "c.json", send=lambda _: ok({"score": 0})) as client:
        client.sentiment("from-the-environment?")
    assert "from-the-environment" not in (tmp_path / "c.json").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    """A cassette holds replies: mode 0600, also where a wider file was there."""
    path = tmp_path / "c.json"
    path.touch(0o644)
    with record(path, lambda _: ok(1)) as send:
        send(get())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_more_names_can_be_declared_harmless(tmp_path: Path) -> None:
    """Their values are written down and told apart on replay; of others only the name is."""
    path = tmp_path / "c.json"
    with record(path, lambda r: ok(r.params["city"], x_Zone="a"), params=["city"], headers=["X-Zone"]) as send:
        send(get(params={"city": "Seoul", "other": "x"}))
        send(get(params={"city": "Daegu", "other": "x"}))
    assert '"x-zone": "a"' in path.read_text(encoding="utf-8")
    assert '"other": "REDACTED"' in path.read_text(encoding="utf-8")
    with replay(path) as send:
        assert send(get(params={"city": "Daegu", "other": "y"})).json() == "Daegu"
        assert send(get(params={"city": "Seoul", "other": "y"})).json() == "Seoul"


@pytest.mark.parametrize("name", ["operation-location", "location"])
def test_a_signature_the_service_made_is_withheld_in_a_header(tmp_path: Path, name: str) -> None:
    """No request carried it and no setting holds it: it goes by the name of its parameter."""
    address = f"{URL}/7?api-version=2&upload=s1gned&sig=s1gned"
    with record(tmp_path / "c.json", lambda _: Response(202, {name: address})) as send:
        send(get())
    assert "s1gned" not in (tmp_path / "c.json").read_text(encoding="utf-8")
    kept = Cassette.load(tmp_path / "c.json").exchanges[0].reply().headers[name]
    assert kept == f"{URL}/7?api-version=2&upload=REDACTED&sig=REDACTED"


def test_a_signed_address_is_polled_as_it_was_written(tmp_path: Path) -> None:
    """The signature is withheld in the header that gives the address, and the poll still matches."""
    options: dict[str, Any] = {"send": Service(), "sleep": lambda _: None}
    with recording(Mood(key=KEY), tmp_path / "c.json", **options) as client:
        client.detect_language("한국")
    text = assert_clean(tmp_path / "c.json", KEY)
    assert "/jobs/7?api-version=2&sig=REDACTED" in text
    with replaying(Mood(), tmp_path / "c.json") as client:
        assert client.detect_language("한국").code == "ko"


def test_a_signature_that_names_headers_does_not_withhold_their_names(tmp_path: Path) -> None:
    """``SignedHeaders=content-type;host`` is no secret: the cassette keeps its headers, and not the signature."""
    signed = {
        "content-type": "application/json",
        "Authorization": f"HMAC SignedHeaders=content-type;host, Signature={KEY}",
    }
    with record(tmp_path / "c.json", lambda _: ok({"a": 1})) as send:
        send(get(headers=signed))
    assert_clean(tmp_path / "c.json", KEY)
    (exchange,) = Cassette.load(tmp_path / "c.json").exchanges
    assert exchange.request.headers == {"content-type": "application/json"}
    assert exchange.response.headers == {"content-type": "application/json"}
