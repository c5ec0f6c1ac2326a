"""Answers about pictures, faces and recordings that are almost right: what the schema forbids becomes no result."""

from __future__ import annotations

import json
from typing import Any

import PIL.Image
import pytest

from cloudai import Client, MalformedResponseError
from cloudai.models.base import Box
from cloudai.models.face import EMOTIONS, Face, Faces
from cloudai.testing import Script
from tests.support.generative import CHATS, reply
from tests.support.played import GREETING
from tests.unit.providers._generative.test_mutated import at, changed, paths, wrapped

SMALL = PIL.Image.new("RGB", (160, 80), "white")
FEATURES = ["caption", "dense_captions", "tags", "objects", "text", "safety"]
SAFETY = ("adult", "racy", "violence", "gore", "medical")
EXPRESSIONS = [name for name in EMOTIONS if name not in ("calm", "confused")]
GOOD: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "analyze_image": (
        SMALL,
        {"features": FEATURES},
        {
            "caption": "나무",
            "dense_captions": [{"name": "하늘", "box": [0, 0, 100, 1000]}],
            "tags": ["나무", "들판"],
            "objects": [{"name": "나무", "box": [100, 200, 300, 400]}],
            "text": {"lines": [{"text": "출입 금지", "handwritten": False}], "language": "ko"},
            "safety": dict.fromkeys(SAFETY, "unlikely"),
        },
    ),
    "estimate_age": (
        SMALL,
        {},
        {"faces": [{"picture": 0, "low": 30, "high": 40}, {"picture": 1, "low": 8.5, "high": 12}]},
    ),
    "detect_faces": (
        SMALL,
        {},
        {"faces": [{"picture": n, **dict.fromkeys(EXPRESSIONS, "unlikely")} for n in (0, 1)]},
    ),
    "speech_to_text": (
        GREETING,
        {"language": "ko", "speakers": 2},
        {"segments": [{"text": "안녕하세요.", "speaker": 1}, {"text": "반갑습니다.", "speaker": 2}]},
    ),
}
"""The input and the options of each operation, and an answer that fits."""
NULLABLE = {"box", "handwritten", "language", "speaker", *SAFETY, *EXPRESSIONS}
OTHERS: tuple[Any, ...] = (None, [], {}, True, "7", 7.5, -1, 1_001, 10**30, "매우", ["unlikely"], {"x": 1})


def asked(operation: str, *texts: str) -> Any:
    """Return the result of an operation on a picture with two faces, whose model gives these answers."""
    given, options, _ = GOOD[operation]
    provider = CHATS["google"]()
    vars(provider)["faces_in"] = _two_faces
    script = Script(*[reply("google", text) for text in texts])
    with Client(provider, send=script, offline=True) as client:
        return getattr(client, operation)(given, method="generative", **options)


def _two_faces(*_: object) -> Any:
    return Faces(faces=tuple(Face(box=Box(x=x, y=10, width=50, height=50)) for x in (10, 100)))
    yield


def fits(path: tuple[Any, ...], value: Any) -> bool:
    """Return whether the schema and its words may allow another value at a path, so that it is not tried."""
    name = next(part for part in reversed(path) if isinstance(part, str))
    if name == "box":
        return value is None and path[-1] == name  # a whole box may be null, and no other value is a number
    if value is None or isinstance(value, bool):
        return path[-1] in (NULLABLE if value is None else {"handwritten"})
    if isinstance(value, str):
        return name in ("caption", "name", "tags", "text")
    if isinstance(value, list):
        return name in ("dense_captions", "tags", "objects", "lines", "segments")
    return value == 7.5 and name == "low"


@pytest.mark.parametrize("operation", GOOD)
def test_what_the_schema_forbids_is_no_result(operation: str) -> None:
    """A field that is missing, or has a value of another kind or beyond its range, is an error after the second try."""
    answer, tried = GOOD[operation][2], 0
    for n, path in enumerate(paths(answer)):
        if path[-1] in (*EXPRESSIONS[1:], *SAFETY[1:]):
            continue  # all of them are declared alike
        # At each place a third of the other values is tried, which takes a third of the time; each kind of place has
        # all of them.
        bad = [changed(answer, path, other) for other in OTHERS[n % 3 :: 3] if not fits(path, other)]
        if isinstance(path[-1], str):
            bad.append(changed(answer, path, drop=True))
        if isinstance(value := at(answer, path), dict):
            bad.append(changed(answer, path, {**value, "note": "x"}))
        for text in bad:
            tried += 1
            with pytest.raises(MalformedResponseError, match="asked twice"):
                asked(operation, text, text)
                pytest.fail(text)
    assert tried > 20


@pytest.mark.parametrize("operation", GOOD)
def test_an_answer_about_a_picture_in_wrappings_is_understood(operation: str) -> None:
    """Prose, fences and thinking around the answer change nothing."""
    answer = GOOD[operation][2]
    wanted = asked(operation, json.dumps(answer))
    for text in wrapped(answer):
        assert asked(operation, text) == wanted, text


@pytest.mark.parametrize("path", [("objects", 0, "box"), ("dense_captions", 0, "box")])
@pytest.mark.parametrize("box", [[300, 200, 100, 400], [0, 0, 0, 5], [0, 0, 5], [0, 0, 5, 5, 5], [0, 0, 1_001, 5]])
def test_a_box_that_is_none_is_refused(path: tuple[Any, ...], box: list[int]) -> None:
    """The sides of a box stand in their order and within the picture."""
    text = changed(GOOD["analyze_image"][2], path, box)
    with pytest.raises(MalformedResponseError, match="a box is"):
        asked("analyze_image", text, text)
