"""Every recorded reply of Google's is understood, with the values the reply holds, or left out with a reason.

``manifest.json`` lists the files. ``expect`` has dotted paths into the result and the values they must have;
``error`` the class of error; ``skip`` the reason; ``split`` the number of pictures of a joined request.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Client, Google, Response
from cloudai.models.image import FEATURES
from cloudai.providers.google.vision import ANNOTATE_TOGETHER

MANIFEST = json.loads((Path(__file__).parent / "manifest.json").read_text("utf-8"))
FIXTURES = Path(__file__).parents[1] / "fixtures"
FOLDERS = ("google/vision-v1", "google/language-v1", "google/speech-v1", "google/speech-v2")


def test_the_manifest_lists_every_file(recordings: Path) -> None:
    """A new recording must be understood, or left out with a reason: it cannot be overlooked."""
    there = {f.relative_to(recordings).as_posix() for folder in FOLDERS for f in (recordings / folder).glob("*.json")}
    assert set(MANIFEST) == there


@pytest.mark.parametrize("path", MANIFEST)
def test_a_recorded_reply_is_understood(recordings: Path, path: str) -> None:
    """The result has the values that the reply holds; an error reply becomes its class of error."""
    entry = MANIFEST[path]
    if reason := entry.get("skip"):
        pytest.skip(reason)
    reply = json.loads((recordings / path).read_text("utf-8"))["response"]
    response = Response(reply["status"], reply["headers"], json.dumps(reply["body"]).encode())
    if "split" in entry:
        assert len(ANNOTATE_TOGETHER.split(response, entry["split"])) == entry["split"]
    elif "error" in entry:
        with pytest.raises(getattr(cloudai, entry["error"])):
            ask(entry, response)
    else:
        result = ask(entry, response)
        assert {path: at(result, path) for path in entry["expect"]} == entry["expect"]
        assert result.raw == reply["body"] or result.raw[-1] == reply["body"]


def ask(entry: dict[str, Any], response: Response) -> Any:
    """The operation, answered by the recorded reply whatever it asks."""
    operation = entry["operation"]
    given, options = inputs(operation, response)
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with Client(
        Google(api_key="not-a-real-key", project=entry.get("project")),
        send=lambda _: response,
        clock=lambda: now[0],
        sleep=sleep,
        max_attempts=1,
    ) as client:
        return getattr(client, operation)(entry.get("input", given), **options)


def inputs(operation: str, response: Response) -> tuple[Any, dict[str, Any]]:
    """An input that fits the reply: of texts the one the reply speaks of, since it was not kept."""
    if operation == "analyze_image":
        return FIXTURES / "나무.png", {"features": FEATURES, "missing": "report"}
    if operation == "speech_to_text":
        return FIXTURES / "인사.wav", {"language": "en"}
    sentences = response.json().get("sentences", [])
    return " ".join(s["text"]["content"] for s in sentences) or "x", {}


def at(result: Any, path: str) -> Any:
    """The value at a dotted path: attributes, positions, keys, and ``__len__`` for how many."""
    for step in path.split("."):
        if step == "__len__":
            return len(result)
        result = (
            result[int(step)]
            if step.isdecimal()
            else result[step]
            if isinstance(result, dict)
            else getattr(result, step)
        )
    return result


def test_left_and_right_are_the_pictures(recordings: Path) -> None:
    """In every recorded face that looks this way, what we call left is further left in the picture."""
    for path in (
        "google/vision-v1/eden-face_detection-2022-12-12-6b7bdc.json",
        "google/vision-v1/harvard-annotate-2018-10-26.json",
    ):
        reply = json.loads((recordings / path).read_text("utf-8"))["response"]["body"]
        response = Response(200, {}, json.dumps(reply).encode())
        with Client(Google(api_key="not-a-real-key"), send=lambda _, r=response: r) as client:
            faces = client.detect_faces(FIXTURES / "나무.png", landmarks=True)
        for face in faces:
            for part in ("eye", "eyebrow_inner", "ear", "jaw_corner"):
                assert face.landmarks[f"left_{part}"].x < face.landmarks[f"right_{part}"].x
            assert face.landmarks["mouth_left"].x < face.landmarks["mouth_right"].x
