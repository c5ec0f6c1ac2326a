"""The requests to Google, and whatever never goes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Client, Google, InputError, Response, SettingsError, UnsupportedOperationError
from cloudai.providers.google.vision import ANNOTATE_TOGETHER
from cloudai.testing import Script
from tests.conftest import Caller
from tests.support.played import GREETING, PICTURE, write_wav


def sent(call: Caller, operation: str, *args: Any, reply: Any, provider: Google | None = None, **options: Any) -> Any:
    """Return the first request of a call."""
    script = Script(Response(200, {}, json.dumps(reply).encode()))
    call(provider or Google(api_key="not-a-real-key"), operation, *args, send=script, **options)
    return script.requests[0]


def test_every_count_is_sent(call: Caller) -> None:
    """Left to itself Google stops at ten faces: the number asked for is in the request."""
    request = sent(call, "detect_faces", PICTURE, reply={"responses": [{}]}, max_faces=37)
    assert request.json["requests"][0]["features"] == [{"type": "FACE_DETECTION", "maxResults": 37}]


def test_as_many_as_asked_for_may_not_be_all(call: Caller) -> None:
    """A result with as many things as were asked for says that there may be more."""
    face = {"fdBoundingPoly": {"vertices": [{"x": 1, "y": 1}, {"x": 9, "y": 9}]}}
    script = Script(Response(200, {}, json.dumps({"responses": [{"faceAnnotations": [face, face]}]}).encode()))
    assert call(Google(api_key="not-a-real-key"), "detect_faces", PICTURE, send=script, max_faces=2).truncated


def test_the_key_is_a_header_and_not_in_the_address(call: Caller) -> None:
    """Addresses end up in logs."""
    request = sent(call, "detect_faces", PICTURE, reply={"responses": [{}]})
    assert request.headers["x-goog-api-key"] == "not-a-real-key"
    assert "not-a-real-key" not in request.url + str(request.params)


def test_an_address_is_passed_on(call: Caller) -> None:
    """https:// and gs:// are Google's to fetch; nothing is downloaded here, and no pixel is claimed."""
    face = {"fdBoundingPoly": {"vertices": [{"x": 4, "y": 6}, {"x": 9, "y": 8}]}}
    script = Script(Response(200, {}, json.dumps({"responses": [{"faceAnnotations": [face]}]}).encode()))
    faces = call(Google(api_key="not-a-real-key"), "detect_faces", "gs://bucket/팀.jpg", send=script)
    assert script.requests[0].json["requests"][0]["image"] == {"source": {"imageUri": "gs://bucket/팀.jpg"}}
    assert faces.meta.by_reference
    assert faces[0].box.x == 4
    with pytest.raises(cloudai.NeedsImageError, match="Give the picture itself"):
        _ = faces[0].box.normalized


def test_sentences_are_counted_in_code_points(call: Caller) -> None:
    """UTF32 offsets are Python's."""
    reply = {"documentSentiment": {}, "sentences": []}
    request = sent(call, "sentiment", "좋아요", reply=reply, language="ko-KR")
    assert request.json == {
        "document": {"type": "PLAIN_TEXT", "content": "좋아요", "languageCode": "ko"},
        "encodingType": "UTF32",
    }


def test_speech_says_its_language_with_a_region(call: Caller) -> None:
    """`ko` goes out as ko-KR; a WAV tells its encoding itself."""
    request = sent(call, "speech_to_text", GREETING, reply={}, language="ko")
    assert request.json["config"]["languageCode"] == "ko-KR"
    assert "encoding" not in request.json["config"]


def test_a_feature_google_lacks_is_refused_before_sending(call: Caller) -> None:
    """Asking for a caption is an error that says what there is; nothing is sent."""
    script = Script()
    with pytest.raises(UnsupportedOperationError, match=r"Google Vision has no caption.*missing="):
        call(Google(api_key="not-a-real-key"), "analyze_image", PICTURE, send=script, features=["caption"])
    assert script.requests == []


def test_no_key_is_one_line_that_says_what_to_do(call: Caller) -> None:
    """The text a newcomer meets first."""
    with pytest.raises(SettingsError) as raised:
        call("google", "sentiment", "x", send=Script())
    assert str(raised.value) == "google: no key. Set GOOGLE_API_KEY (Windows: setx, then open a new window)."


def test_a_key_and_a_service_account_exclude_each_other() -> None:
    """A key together with a service account is refused: which of them signs is not to be guessed."""
    with pytest.raises(SettingsError, match="exclude"):
        Google(api_key="not-a-real-key", credentials="a.json")


def test_a_service_account_signs_its_own_token(call: Caller, tmp_path: Path) -> None:
    """With google-auth and a service account file the request carries a bearer token, with no token server asked."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = tmp_path / "계정.json"
    account.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "robot@p.iam.gserviceaccount.com",
                "token_uri": "https://oauth2.example/token",
                "private_key": key.decode(),
                "project_id": "p",
            }
        ),
        "utf-8",
    )
    reply = {"documentSentiment": {}}
    request = sent(call, "sentiment", "x", reply=reply, provider=Google(credentials=account))
    assert request.headers["Authorization"].startswith("Bearer ey")


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_wrong_service_account_file_is_told(call: Caller, tmp_path: Path, content: str | None) -> None:
    """Missing, or not such a file: one line with what to do."""
    account = tmp_path / "a.json"
    if content is not None:
        account.write_text(content)
    with pytest.raises(SettingsError, match="service account"):
        call(Google(credentials=account), "sentiment", "x", send=Script())


def test_a_recording_that_cannot_be_cut_is_refused_before_sending(
    call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra that cuts a recording, the error says how long it is, and what to install or to use."""
    monkeypatch.setattr("cloudai.media.decoding.can_decode", lambda: False)
    path = write_wav(tmp_path / "연설.wav", 61)
    with pytest.raises(InputError, match=r"연설\.wav lasts 1:01; .* takes 1:00\. .*gs://.*\[audio\]"):
        call(Google(api_key="not-a-real-key"), "speech_to_text", path, send=Script(), language="ko")


def test_sixteen_pictures_go_in_one_request() -> None:
    """join makes one request of sixteen, split gives each its reply, an error among them."""
    script = Script(*[Response(200, {}, b'{"responses": [{}]}')] * 16)
    with Client(Google(api_key="not-a-real-key"), send=script) as client:
        for _ in range(16):
            client.detect_faces(PICTURE)
    assert ANNOTATE_TOGETHER.limit == 16
    assert len({ANNOTATE_TOGETHER.key(request) for request in script.requests}) == 1
    joined = ANNOTATE_TOGETHER.join(script.requests)
    assert (len(joined.json["requests"]), joined.billed) == (16, 16)
    replies = [{"error": {"code": 3, "message": "Bad image data."}}, *[{}] * 15]
    parts = ANNOTATE_TOGETHER.split(Response(200, {}, json.dumps({"responses": replies}).encode()), script.requests)
    assert [part.json() for part in parts] == [{"responses": [reply]} for reply in replies]
    with pytest.raises(cloudai.MalformedResponseError):
        ANNOTATE_TOGETHER.split(Response(200, {}, b'{"responses": [{}]}'), script.requests)
