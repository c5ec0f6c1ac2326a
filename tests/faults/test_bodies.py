"""Any body at all: an error of ours, or exactly what it says; never another exception, never a made-up value.

Ten thousand bodies in the whole run (``make test-faults``), a few hundred of them in ``make test``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cloudai
from cloudai import Client, Response
from cloudai.core.retry import hint_from_headers
from cloudai.models.image import FEATURES
from tests.made_up.calls import VENDORS, as_json
from tests.support.length import length
from tests.support.played import FIXTURES, GREETING, PICTURE

MANY = settings(
    max_examples=length(30, 500, 1700),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

NUMBERS = st.floats() | st.integers() | st.booleans() | st.none() | st.text(max_size=5)
ANY_JSON = st.recursive(
    NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=20
)


def paths(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a body."""
    yield path
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inner:
        yield from paths(value, (*path, key))


def put(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return the body with another value in one place."""
    if not path:
        return value
    copy = body.copy()
    copy[path[0]] = put(body[path[0]], path[1:], value)
    return copy


@st.composite
def mutations(draw: st.DrawFn, good: Any) -> bytes:
    """Return the good reply with something else in one or two places, or with bytes of its text changed."""
    body = good
    for _ in range(draw(st.integers(1, 2))):
        body = put(body, draw(st.sampled_from(list(paths(body)))), draw(ANY_JSON))
    content = bytearray(json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(0, 2))):
        if content:
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


def finite(value: Any) -> bool:
    """Return whether all numbers in a value are finite."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def judge(vendor: str, operation: str, given_: Any, content: bytes, **options: Any) -> None:
    """Require that a body gives an error of ours, or a result whose numbers are finite."""
    with Client(VENDORS[vendor].make(), send=lambda _: Response(200, {}, content), max_attempts=1) as client:
        result, error = None, None
        try:
            result = getattr(client, operation)(given_, **options)
        except cloudai.CloudAIError as caught:
            error = caught
    if error is not None:
        assert error.provider == vendor
        assert "\n" not in str(error)
        return
    assert finite(result.model_dump())
    result.to_rows()
    assert repr(result)


@pytest.mark.parametrize("vendor", VENDORS)
def test_any_bytes(vendor: str) -> None:
    """Bytes that are hardly ever JSON."""

    @given(st.binary(max_size=200) | ANY_JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")))
    @MANY
    def any_bytes(content: bytes) -> None:
        judge(vendor, "sentiment", "맛있어요!", content)

    any_bytes()


@pytest.mark.parametrize("vendor", VENDORS)
def test_mutations_of_good_replies(vendor: str) -> None:
    """A good sentiment, changed in one place or two."""

    @given(mutations(VENDORS[vendor].good))
    @MANY
    def mutated(content: bytes) -> None:
        judge(vendor, "sentiment", "맛있어요!", content)

    mutated()


FACE: dict[str, Any] = {
    "google": {
        "responses": [
            {
                "faceAnnotations": [
                    {
                        "boundingPoly": {"vertices": [{"x": 1, "y": 2}, {"x": 30, "y": 40}]},
                        "fdBoundingPoly": {"vertices": [{"x": 3, "y": 4}, {"x": 20, "y": 30}]},
                        "landmarks": [{"type": "LEFT_EYE", "position": {"x": 1.5, "y": 2.5, "z": 0.1}}],
                        "detectionConfidence": 0.9,
                        "joyLikelihood": "LIKELY",
                    }
                ]
            }
        ]
    },
    "azure": [
        {
            "faceRectangle": {"top": 1, "left": 2, "width": 3, "height": 4},
            "faceLandmarks": {"pupilLeft": {"x": 1.5, "y": 2.5}},
        }
    ],
}


@pytest.mark.parametrize("vendor", FACE)
def test_mutations_of_faces(vendor: str) -> None:
    """A face, changed in one place or two."""
    picture = PICTURE.read_bytes()

    @given(mutations(FACE[vendor]))
    @MANY
    def mutated(content: bytes) -> None:
        judge(vendor, "detect_faces", picture, content, landmarks=True)

    mutated()


def analysis(vendor: str, name: str) -> Any:
    """Return the reply of one of our cassettes."""
    cassette = json.loads((FIXTURES / vendor / f"{name}.json").read_text("utf-8"))
    return cassette["exchanges"][0]["response"]["body"]


@pytest.mark.parametrize(
    ("vendor", "name", "api"),
    [
        ("google", "analyze_image-success", None),
        ("azure", "analyze_image-success", "4.0"),
        ("azure", "analyze_image-3", "3.2"),
    ],
)
def test_mutations_of_analyses(vendor: str, name: str, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is in a picture, changed in one place or two."""
    if api:
        monkeypatch.setenv("AZURE_IMAGE_ANALYSIS_API", api)
    picture = PICTURE.read_bytes()

    @given(mutations(analysis(vendor, name)))
    @MANY
    def mutated(content: bytes) -> None:
        judge(vendor, "analyze_image", picture, content, features=FEATURES, missing="report")

    mutated()


SPEECH: dict[str, Any] = {
    "google": {
        "results": [
            {"alternatives": [{"transcript": "a", "confidence": 0.5, "words": [{"word": "a", "endTime": "1s"}]}]}
        ]
    },
    "azure": {
        "durationMilliseconds": 9,
        "combinedPhrases": [{"text": "a"}],
        "phrases": [
            {"offsetMilliseconds": 1, "durationMilliseconds": 2, "text": "a", "speaker": 1, "words": [{"text": "a"}]}
        ],
    },
    "watson": {
        "results": [
            {
                "final": True,
                "alternatives": [
                    {"transcript": "a ", "timestamps": [["a", 0.1, 0.2]], "word_confidence": [["a", 0.5]]}
                ],
            }
        ],
        "speaker_labels": [{"from": 0.1, "to": 0.2, "speaker": 0}],
    },
}


@pytest.mark.parametrize("vendor", SPEECH)
def test_mutations_of_speech(vendor: str) -> None:
    """A transcript, changed in one place or two."""

    @given(mutations(SPEECH[vendor]))
    @MANY
    def mutated(content: bytes) -> None:
        judge(vendor, "speech_to_text", GREETING, content, language="en")

    mutated()


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_any_error_body(vendor: str, status: int) -> None:
    """An error reply with any body raises an error of ours, on one line and with its status."""

    @given(st.binary(max_size=100) | ANY_JSON.map(as_json_or_not) | error_bodies())
    @settings(MANY, max_examples=length(12, 50, 100))
    def any_error(content: bytes) -> None:
        error = VENDORS[vendor].make().error(Response(status, {}, content))
        assert isinstance(error, cloudai.ServiceError)
        assert error.status == status
        assert "\n" not in str(error)
        assert error.retry_after is None or (math.isfinite(error.retry_after) and error.retry_after >= 0)

    any_error()


def as_json_or_not(value: Any) -> bytes:
    """Return a value as JSON, even if JSON has no place for it."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def error_bodies() -> st.SearchStrategy[bytes]:
    """Return a strategy for bodies with anything in the places where vendors put their errors."""
    inner = st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("code", "message", "status", "details", "innererror", "errors", "statusCode"), ANY_JSON
        ),
    )
    return st.fixed_dictionaries(
        {}, optional={"error": inner | ANY_JSON, "errors": ANY_JSON, "message": ANY_JSON, "code": ANY_JSON}
    ).map(as_json_or_not)


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text(max_size=30) | st.floats().map(str)
    )
)
@MANY
def test_any_hint(headers: dict[str, str]) -> None:
    """A wait is a finite number of seconds that is not negative, or none."""
    hint = hint_from_headers(headers)
    assert hint is None or (math.isfinite(hint) and hint >= 0)


def test_good_replies_are_read() -> None:
    """The replies that the tests above mutate are good to begin with, so that those tests see not only errors."""
    for made in VENDORS.values():
        with Client(made.make(), send=lambda _, b=made.good: Response(200, {}, as_json(b))) as client:
            assert client.sentiment("x", language="en").label
    for vendor, body in SPEECH.items():
        with Client(VENDORS[vendor].make(), send=lambda _, b=body: Response(200, {}, as_json(b))) as client:
            assert client.speech_to_text(GREETING, language="en").text == "a"
    for vendor, body in FACE.items():
        with Client(VENDORS[vendor].make(), send=lambda _, b=body: Response(200, {}, as_json(b))) as client:
            assert len(client.detect_faces(PICTURE)) == 1
