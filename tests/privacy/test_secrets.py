"""Keys, texts and pictures show up in nothing but the request: canaries, looked for in every spelling."""

from __future__ import annotations

import base64
import logging
import pickle
import traceback
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import cloudai
from cloudai import Client
from cloudai.core.redaction import REDACTED, Allowlist, without_credentials
from cloudai.testing import Script
from tests.conftest import Caller
from tests.made_up.calls import VENDORS, ask
from tests.made_up.faults import FAULTS
from tests.made_up.server import faultd, nobody_listening
from tests.support.canaries import echoes
from tests.support.pictures import encoded, quarters

KEY = "canary-key-4711"
TEXT = "canary-text-비밀-0815"
SRC = str(Path(cloudai.__file__).parent)


def spellings(secret: str) -> list[str]:
    """Return a secret as it may be written: plain, escaped, in base64, in hexadecimal."""
    plain = {secret, quote(secret), secret.encode("unicode_escape").decode(), repr(secret.encode())[2:-1]}
    inner = {echo[4:-4] for echo in echoes(secret) if len(echo) > 16}
    return [word for word in plain | inner if len(word) > 8]


def assert_clean(text: str, *secrets: str) -> None:
    """Require that no spelling of a secret is in a text."""
    for secret in secrets:
        assert [word for word in spellings(secret) if word in text] == []


def told_by(error: BaseException) -> str:
    """Return all that an error tells."""
    try:
        pickled = pickle.dumps(error).decode("latin-1")
    except TypeError:
        pickled = ""
    return "\n".join([str(error), repr(error), repr(error.args), repr(error.__cause__), pickled])


def variables_of(error: BaseException) -> str:
    """Return the variables of our frames, which error trackers collect, but for the arguments that the caller gave."""
    parts = []
    seen: BaseException | None = error
    while seen is not None:
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            if frame.f_code.co_filename.startswith(SRC):
                parts += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Set every logger to its most talkative level, for the time of one test."""
    for name in [None, *logging.Logger.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, name)
    return caplog


@pytest.mark.loopback
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "fault", ["good", "401", "400", "500", "truncated JSON", "NaN", "web page", "closed before headers"]
)
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_a_call_tells_no_secret(everything: pytest.LogCaptureFixture, colour: str, vendor: str, fault: str) -> None:
    """Neither logs, warnings, results, errors, their pickles nor the variables of our frames."""
    made = VENDORS[vendor]
    with warnings.catch_warnings(record=True) as warned, faultd(FAULTS[fault].fault(made)) as server:
        try:
            told = repr(ask(colour, made.make(), server.url, "sentiment", TEXT))
        except cloudai.CloudAIError as error:
            told = told_by(error)
            assert_clean(variables_of(error), KEY)
        sent = (KEY.encode(), base64.b64encode(f"apikey:{KEY}".encode()))
        assert any(word in request for request in server.requests for word in sent)
    logs = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in everything.records)
    assert_clean("\n".join([told, logs, *map(str, warned)]), KEY, TEXT)


@pytest.mark.loopback
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("colour", ["blocking", "awaiting"])
def test_a_call_that_goes_nowhere_tells_no_secret(
    everything: pytest.LogCaptureFixture, colour: str, vendor: str
) -> None:
    """Nobody listens; nobody answers."""
    with nobody_listening() as url, pytest.raises(cloudai.ConnectError) as raised:
        ask(colour, VENDORS[vendor].make(), url, "sentiment", TEXT)
    told = [told_by(raised.value)]
    with faultd(lambda c: c.silence(2)) as server, pytest.raises(cloudai.DeadlineExceededError) as late:
        ask(colour, VENDORS[vendor].make(), server.url, "sentiment", TEXT, timeout=0.3)
    told.append(told_by(late.value))
    assert_clean(variables_of(raised.value) + variables_of(late.value), KEY)
    logs = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in everything.records)
    assert_clean("\n".join([*told, logs]), KEY, TEXT)


def test_a_key_that_cannot_be_sent_is_not_told(call: Caller) -> None:
    """A line break in it: not even the frame that found it shows it."""
    azure = cloudai.Azure(key=KEY + "\nx", endpoint="https://example.cognitiveservices.azure.com")
    with pytest.raises(cloudai.SettingsError) as raised:
        call(azure, "sentiment", TEXT)
    assert_clean(told_by(raised.value), KEY, TEXT)
    assert_clean(variables_of(raised.value), KEY)


def test_nothing_that_carries_a_secret_shows_it() -> None:
    """Requests, replies, blobs, providers and clients, as they print."""
    request = cloudai.Request(
        "POST", f"https://x.example/?key={KEY}", headers={"x-key": KEY}, params={"key": KEY},
        json={"text": TEXT}, form={"apikey": KEY}, content=TEXT.encode(),
    )  # fmt: skip
    response = cloudai.Response(200, {"x-echo": KEY}, TEXT.encode())
    blob = cloudai.Blob("k", TEXT.encode)
    assert blob.data
    clients = [Client(made.make()) for made in VENDORS.values()]
    for thing in (request, response, blob, *clients, *(client.provider for client in clients)):
        assert_clean(f"{thing!r} {thing}", KEY, TEXT)
    assert "POST" in repr(request)
    assert "200" in repr(response)


def test_a_picture_is_in_no_error_and_no_event(call: Caller) -> None:
    """Neither its bytes nor their base64."""
    data = encoded(quarters(), "PNG")
    events: list[Any] = []
    script = Script(cloudai.Response(401, {}, b"{}"))
    with pytest.raises(cloudai.AuthError) as raised:
        call(VENDORS["google"].make(), "detect_faces", data, send=script, client_on_event=events.append)
    told = told_by(raised.value) + repr(events)
    assert events
    assert repr(data[8:60])[2:-1] not in told
    assert base64.b64encode(data[9:60]).decode() not in told
    assert_clean(told, KEY)


def test_an_address_in_a_text_tells_no_password() -> None:
    """The user, the password and the signature of an address are withheld; the rest of the text stays as it is."""
    told = without_credentials(f"사진 https://me:{KEY}@x.example/가.jpg?sig={KEY}&w=9, me@x.example")
    assert told == "사진 https://REDACTED@x.example/가.jpg?sig=REDACTED&w=9, me@x.example"


def test_a_fragment_of_an_address_tells_no_token() -> None:
    """A token that stands first in the fragment of an address is withheld, and the rest of the text stays."""
    told = without_credentials(f"돌아가기 https://x.example/가#access_token={KEY}&lang=ko")
    assert KEY not in told
    assert "lang=ko" in told


def test_a_header_with_a_broken_address_is_withheld() -> None:
    """A reply whose location has no valid host can be written down: the value of that header is withheld."""
    kept = Allowlist.with_more(["location"]).kept_headers({"Location": f"http://[x?key={KEY}", "Retry-After": "1"})
    assert KEY not in str(kept)
    assert kept["location"] == REDACTED


def test_the_name_of_a_way_to_sign_in_is_no_secret() -> None:
    """``Bearer`` stands in every reply with a token, and in errors; a short token beside it hides no such word."""
    from cloudai.core.redaction import carried_back, telling

    for scheme in ("Bearer", "bearer", "Basic", "Digest", "Negotiate", "SharedKey"):
        assert list(carried_back({"access_token": "abc", "token_type": scheme})) == []
        assert set(carried_back({"access_token": "abc123def", "token_type": scheme})) == {"abc123def"}
        assert not {scheme} & set(telling({"Authorization": f"{scheme} abc123def"}))
        assert list(telling({"Authorization": scheme})) == []
