"""Tests of the provider: replies become results and errors, and requests are those of AWS's own package."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.parsers import create_parser
from botocore.validate import validate_parameters
from cloudai_rekognition import EMOTIONS, KINDS, LANDMARKS, LIMITS, Rekognition

from cloudai import (
    AuthError,
    BadRequestError,
    Client,
    ForbiddenError,
    InputError,
    RateLimitedError,
    Request,
    Response,
    ServerError,
    SettingsError,
    TooLargeError,
    UnsupportedMediaError,
    UnsupportedOperationError,
)
from cloudai.models.image import FEATURES
from cloudai.testing import Cassette, Example, Script, check_provider, orphans, recording, replaying

FIXTURES = Path(__file__).parent / "fixtures"
PICTURE = FIXTURES / "학교.png"
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "not-a-real-secret"}
ATTRIBUTES = ("pose", "emotions", "age", "glasses")
MODEL = botocore.session.Session().get_service_model("rekognition")

EXAMPLES: Mapping[str, dict[str, Any]] = {
    "detect_faces-success": {"attributes": ATTRIBUTES, "landmarks": True},
    "detect_faces-plain": {},
    "detect_faces-empty": {},
    "estimate_age-success": {},
    "analyze_image-success": {"features": ["tags", "objects", "people", "categories", "colors"], "missing": "report"},
    "analyze_image-first-two": {"max_results": 2},
    "analyze_image-empty": {},
    "read_text-success": {"dense": False},
    "read_text-empty": {},
}
REFUSALS: Mapping[str, tuple[type[Exception], str]] = {
    "detect_faces-throughput": (RateLimitedError, "throughput was exceeded. Wait and call again"),
    "detect_faces-throttled": (RateLimitedError, "Too many requests"),
    "detect_faces-denied": (ForbiddenError, "not authorized.*Allow the user or role"),
    "detect_faces-no-such-key": (AuthError, "not valid. Check the access key"),
    "detect_faces-expired": (AuthError, "ExpiredTokenException. Check the access key"),
    "detect_faces-too-large": (TooLargeError, "too large"),
    "detect_faces-format": (UnsupportedMediaError, "another format"),
    "detect_faces-parameter": (BadRequestError, "parameter is not valid"),
    "detect_faces-failed": (ServerError, "Something failed. Try again later"),
    "detect_faces-proxy": (ServerError, "안 됩니다"),
}


def ask(name: str) -> Any:
    """Make the call that a cassette answers."""
    options = EXAMPLES.get(name, {})
    with replaying(Rekognition(), FIXTURES / f"{name}.json", max_attempts=1) as client:
        return getattr(client, name.partition("-")[0])(PICTURE, **options)


def test_it_keeps_the_contract() -> None:
    """The provider passes all of cloudai's checks, with every cassette as an example."""
    examples = [
        Example(name.partition("-")[0], PICTURE, FIXTURES / f"{name}.json", EXAMPLES.get(name, {}))
        for name in (*EXAMPLES, *REFUSALS)
    ]
    check_provider(Rekognition, examples, configured=Rekognition(**KEYS, region="ap-northeast-2"))


def test_text_on_signs() -> None:
    """Lines come with their words, and places in pixels; a page of text is refused."""
    text = ask("read_text-success")
    assert text.text == "EXIT 3\nSCHOOL"
    first = text.lines[0]
    assert [word.text for word in first.words] == ["EXIT", "3"]
    across, down = text.meta.image_size
    assert (first.box.x, first.box.width, first.confidence) == (0.25 * across, 0.5 * across, 0.995)
    assert (first.polygon[2].x, first.polygon[2].y) == (0.75 * across, 0.375 * down)
    assert ask("read_text-empty").text == ""
    with Client(Rekognition(**KEYS, region="ap-northeast-2"), send=Script()) as client:  # noqa: SIM117
        with pytest.raises(UnsupportedOperationError, match="signs, and no pages"):
            client.read_text(PICTURE, dense=True)


def test_faces_with_all_that_may_be_asked() -> None:
    """Faces come largest first, and have all that was asked for.

    Boxes and points are in pixels, also beyond the edge; an age is a range; emotions are confidences.
    """
    large, small = ask("detect_faces-success")
    assert (large.box.x, large.box.y, large.box.width, large.box.height) == (160, 120, 160, 240)
    assert (small.box.x, small.box.image_size) == (-32, (640, 480))
    assert (large.confidence, small.confidence) == (0.9975, 0.915)
    assert (large.pose.roll, large.pose.pitch, large.pose.yaw) == (2.5, 4.5, -7)
    assert (large.age.low, large.age.high, large.age.years) == (38, 46, None)
    assert (large.glasses, small.glasses) == ("reading", "none")
    assert large.emotions.scale == "confidence"
    assert large.emotions.scores() == {
        "fear": 0,
        "happiness": 0.875,
        "surprise": 0.625,
        "calm": 0.25,
        "confused": 0.03125,
    }
    assert (large.emotions.top, large.emotions.anger, large.emotions.neutral) == ("happiness", None, None)
    assert small.emotions.scores() == {"calm": 0.125}
    assert large.landmarks["left_eye"].x < large.landmarks["nose_tip"].x < large.landmarks["right_eye"].x
    assert (large.landmarks["chin"].x, large.landmarks["chin"].y) == (240, 360)


def test_what_was_not_asked_for_is_none() -> None:
    """An attribute that was not asked for is None, not zero; brightness and sharpness stay in ``raw``."""
    faces = ask("detect_faces-plain")
    (face,) = faces
    assert (face.age, face.emotions, face.glasses, face.landmarks, face.blur, face.exposure) == (None,) * 6
    assert faces.raw["FaceDetails"][0]["Quality"] == {"Brightness": 80.5, "Sharpness": 90.0}
    assert (faces.meta.provider, faces.meta.service, faces.meta.api_version) == (
        "rekognition",
        "rekognition",
        "2016-06-27",
    )
    assert faces.meta.request_id == "00000000-1111-2222-3333-444444444444"


def test_a_picture_without_faces() -> None:
    """A picture without faces gives an empty result, which has a row in the table."""
    assert [(row["status"], row["n_faces"]) for row in ask("detect_faces-empty").to_rows()] == [("none_found", 0)]


def test_ages_are_ranges() -> None:
    """An age has the low and high that Rekognition gives, and no single number; the larger face comes first."""
    assert [(age.low, age.high, age.years) for age in ask("estimate_age-success")] == [(38, 46, None), (6, 14, None)]


def test_what_is_in_a_picture() -> None:
    """Labels become tags, those with a box objects, persons people; each category comes once."""
    found = ask("analyze_image-success")
    assert [(tag.name, tag.confidence, tag.language) for tag in found] == [
        ("School", 0.96875, "en"),
        ("Person", 0.9375, "en"),
        ("Bicycle", 0.75, "en"),
        ("House", 0.5625, "en"),
    ]
    assert [(o.name, o.parent, o.box.x, o.box.y) for o in found.objects] == [
        ("Person", None, 320, 240),
        ("Person", None, 0, 240),
        ("Bicycle", "Transportation", 160, 360),
    ]
    assert [person.confidence for person in found.people] == [0.9375, 0.625]
    assert [(c.name, c.confidence) for c in found.categories] == [
        ("Buildings and Architecture", None),
        ("Person Description", None),
        ("Vehicles and Automotive", None),
    ]
    assert (found.caption, found.colors, found.unsupported, found.truncated) == (None, None, ("colors",), False)
    assert (found.meta.model, found.width, found.height, found.format) == ("3.0", 640, 480, "PNG")


def test_as_many_as_were_asked_for_may_be_fewer_than_there_are() -> None:
    """`truncated` says that the largest number of results was reached; no result is an empty tuple, not None."""
    assert ask("analyze_image-first-two").truncated
    empty = ask("analyze_image-empty")
    assert (empty.tags, empty.objects, empty.people, empty.truncated) == ((), (), None, False)


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name: str) -> None:
    """The class of an error comes from its name and not from its status; its text is one line and says what to do."""
    kind, text = REFUSALS[name]
    with pytest.raises(kind, match=text) as raised:
        ask(name)
    assert type(raised.value) is kind
    assert str(raised.value).startswith("rekognition: ")


def test_a_hint_to_wait_is_read() -> None:
    """The wait that a header names is read."""
    with pytest.raises(RateLimitedError) as raised:
        ask("detect_faces-throttled")
    assert (raised.value.retry_after, raised.value.code) == (3.0, "ThrottlingException")


@pytest.mark.parametrize(
    ("operation", "options", "text"),
    [
        (
            "detect_faces",
            {"attributes": ["blur"]},
            "does not say blur of a face. It says: pose, age, emotions",
        ),
        ("analyze_image", {"features": ["caption"]}, "no caption. It has: tags, objects, people, categories"),
        ("analyze_image", {"language": "ko"}, "in English only"),
    ],
)
def test_what_it_lacks_is_told_before_anything_is_sent(operation: str, options: Any, text: str) -> None:
    """A word for something that Rekognition lacks is refused, with a list of what it has, and nothing is sent."""
    with Client(Rekognition(), send=Script()) as client, pytest.raises(UnsupportedOperationError, match=text):
        getattr(client, operation)(PICTURE, **options)


def test_addresses_are_not_fetched() -> None:
    """An address is refused, because Rekognition takes only bytes, or objects in S3."""
    with Client(Rekognition(), send=Script()) as client, pytest.raises(InputError, match="does not fetch https"):
        client.detect_faces("https://pictures.example/학교.png")


def bodies() -> list[tuple[str, Any, Any, int]]:
    """Return the operation, request, reply and status of every cassette."""
    exchanges = ((name, Cassette.load(FIXTURES / f"{name}.json").exchanges[0]) for name in (*EXAMPLES, *REFUSALS))
    return [
        (
            {"analyze_image": "DetectLabels", "read_text": "DetectText"}.get(name.partition("-")[0], "DetectFaces"),
            e.request.body,
            e.response.body,
            e.response.status,
        )
        for name, e in exchanges
    ]


@pytest.mark.parametrize(("operation", "request_body", "reply", "status"), bodies())
def test_cassettes_fit_the_model_of_the_service(operation: str, request_body: Any, reply: Any, status: int) -> None:
    """Every request is valid, and botocore reads every field of every good reply."""
    model = MODEL.operation_model(operation)
    validate_parameters({**request_body, "Image": {"Bytes": b"x"}}, model.input_shape)
    if status != 200:
        return
    raw = {"status_code": 200, "headers": {}, "body": json.dumps(reply).encode()}
    read = create_parser("json").parse(raw, model.output_shape)
    # botocore drops fields that its model does not know, so equality shows that no field of a cassette is made up.
    read.pop("ResponseMetadata")
    assert read == reply


def test_vocabularies_are_the_models() -> None:
    """Our tables have exactly the emotions, landmarks and errors that the service documents."""
    shapes = MODEL.shape_for
    assert {*EMOTIONS, "UNKNOWN"} == set(shapes("EmotionName").enum)
    assert set(LANDMARKS) == set(shapes("LandmarkType").enum)
    assert LIMITS.max_bytes == shapes("ImageBlob").metadata["max"]
    documented = {e.name for o in ("DetectFaces", "DetectLabels") for e in MODEL.operation_model(o).error_shapes}
    assert documented - set(KINDS) == {"InvalidParameterException", "InvalidS3ObjectException"}  # bad requests


def signed(options: dict[str, Any], keys: Mapping[str, str]) -> Request:
    """Return the request that our client sends."""
    send = Script(Response(200, {"content-type": "application/x-amz-json-1.1"}, b'{"FaceDetails": []}'))
    with Client(Rekognition(**keys, region="ap-northeast-2"), send=send) as client:
        client.detect_faces(PICTURE, **options)
    return send.requests[0]


@pytest.mark.parametrize("token", [None, "not-a-real-token"])
def test_it_sends_and_signs_what_botocore_does(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    """In the same second cloudai and botocore send the same address, target, body and signature."""
    # A signature of version 4 has the time in it, so two of them are equal only if both clocks are stopped.
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: datetime(2026, 11, 24, 3, 0, 0))  # noqa: DTZ001
    theirs: list[Any] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        theirs.append(request)

        class Raw:
            def stream(self, **_: Any) -> Any:
                yield b'{"FaceDetails": []}'

        return AWSResponse(request.url, 200, {}, Raw())

    keys = {
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "not-a-real-secret",
        "aws_session_token": token,
    }
    client = botocore.session.Session().create_client("rekognition", region_name="ap-northeast-2", **keys)
    # A handler of this event gets the signed request, and what it returns takes the place of a reply from the network.
    client.meta.events.register("before-send.rekognition", answer)
    ours = signed({"attributes": ["age"]}, {**KEYS, **({"session_token": token} if token else {})})
    assert ours.json is not None
    # A client removes the metadata of a picture, so botocore has to be given the bytes that were really sent.
    sent = base64.b64decode(json.loads(ours.json_bytes())["Image"]["Bytes"])
    client.detect_faces(Image={"Bytes": sent}, Attributes=["DEFAULT", "AGE_RANGE"])
    (request,) = theirs
    assert (request.method, request.url, request.body) == (ours.method, ours.url, ours.json_bytes())
    headers = {name.lower(): value for name, value in ours.headers.items()}
    for name in ("content-type", "x-amz-target", "x-amz-date", "authorization", "x-amz-security-token"):
        given = request.headers.get(name)
        assert headers.get(name) == (given.decode() if isinstance(given, bytes) else given), name


def answer() -> Script:
    """Return a script that answers one request with a reply without faces."""
    return Script(Response(200, {"content-type": "application/x-amz-json-1.1"}, b'{"FaceDetails": []}'))


def test_credentials_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and region are read from AWS's own variables."""
    for name, value in {
        "ACCESS_KEY_ID": "AKIDENV",
        "SECRET_ACCESS_KEY": "not-a-real-secret",
        "REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    send = answer()
    with Client(Rekognition(), send=send) as client:
        assert client.supports("detect_faces")
        client.detect_faces(PICTURE)
    assert send.requests[0].url == "https://rekognition.eu-west-1.amazonaws.com/"
    assert "Credential=AKIDENV/" in send.requests[0].headers["Authorization"]


def test_credentials_and_region_from_a_profile(tmp_path: Path) -> None:
    """Keys and region are read from a profile of `~/.aws`, and the look-up says where the region comes from."""
    (tmp_path / "credentials").write_text(
        "[학교]\naws_access_key_id=AKIDFILE\naws_secret_access_key=not-a-real-secret\n", "utf-8"
    )
    (tmp_path / "config").write_text("[profile 학교]\nregion=ap-northeast-2\n", "utf-8")
    provider, send = Rekognition(profile="학교"), answer()
    with Client(provider, send=send) as client:
        assert client.supports("detect_faces")
        client.detect_faces(PICTURE)
    assert send.requests[0].url == "https://rekognition.ap-northeast-2.amazonaws.com/"
    assert "Credential=AKIDFILE/" in send.requests[0].headers["Authorization"]
    found = provider.lookup("region")
    assert found
    assert (found.value, found.where) == ("ap-northeast-2", "AWS_REGION in ~/.aws/config")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "no key. Set AWS_ACCESS_KEY_ID"),
        ({"region": "us-east-1"}, "no key. Set AWS_ACCESS_KEY_ID"),
        (KEYS, "no region. Set AWS_REGION"),
        ({"region": "us-east-1", "profile": "none"}, r"no credentials: .*none.* Set AWS_ACCESS_KEY_ID"),
    ],
)
def test_what_is_missing_is_told(given: dict[str, str], text: str) -> None:
    """A missing setting is an error before anything is sent, and its text names the variable."""
    with Client(Rekognition(**given), send=Script()) as client, pytest.raises(SettingsError, match=text):
        client.detect_faces(PICTURE)


def test_half_a_key_is_refused() -> None:
    """An access key without its secret is refused."""
    with pytest.raises(SettingsError, match="belong together"):
        Rekognition(access_key_id="AKIDEXAMPLE")


def test_no_credential_shows(tmp_path: Path) -> None:
    """No credential shows in a repr or in a recorded cassette, which keeps only harmless headers."""
    provider = Rekognition(**KEYS, session_token="not-a-real-token", region="us-east-1")
    assert "not-a-real" not in repr(provider)
    assert "AKID" not in repr(provider)
    with recording(provider, tmp_path / "얼굴.json", send=answer()) as client:
        client.detect_faces(PICTURE)
    written = (tmp_path / "얼굴.json").read_text("utf-8")
    assert "not-a-real" not in written
    assert "AKID" not in written
    assert Cassette.load(tmp_path / "얼굴.json").exchanges[0].request.headers == {
        "content-type": "application/x-amz-json-1.1"
    }


def test_china_has_hosts_of_its_own() -> None:
    """The host of a region that begins with "cn-" ends in ".cn"."""
    send = answer()
    with Client(Rekognition(**KEYS, region="cn-north-1"), send=send) as client:
        client.detect_faces(PICTURE)
    assert send.requests[0].url == "https://rekognition.cn-north-1.amazonaws.com.cn/"


def test_it_has_nothing_that_names_people_or_sorts_them() -> None:
    """Gender and celebrities are neither asked for nor given."""
    asked = {word for operation, body, *_ in bodies() for word in body.get("Attributes", [])}
    assert "GENDER" not in asked
    assert "ALL" not in asked
    assert set(Rekognition().features()) < set(FEATURES)


def test_every_cassette_is_played_and_says_that_it_is_constructed() -> None:
    """Every fixture is used, and every one says that it was constructed."""
    played = [FIXTURES / f"{name}.json" for name in (*EXAMPLES, *REFUSALS)]
    assert not orphans(FIXTURES, played)
    assert all(e.kind == "constructed" for path in played for e in Cassette.load(path).exchanges)
