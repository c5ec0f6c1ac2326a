"""Every recorded reply of the vendors' is understood, with the values the reply holds, or left out with a reason.

``manifest.json`` lists the files. ``expect`` has dotted paths into the result and the values they must have;
``error`` the class of error; ``skip`` the reason; ``split`` the number of items of a joined request, and then
``expect`` begins with the number of the item, and ``"N.error"`` is the class of that item's error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import Azure, Client, Google, Provider, Request, Resource, Response, Watson
from cloudai.models.image import FEATURES
from cloudai.providers.azure._documents import ANALYZE_TOGETHER
from cloudai.providers.azure.translator import TRANSLATE_TOGETHER
from cloudai.providers.google.translation import DETECT_TOGETHER_2
from cloudai.providers.google.vision import ANNOTATE_TOGETHER
from tests.made_up.logged_in import LoggedIn
from tests.support.paths import FIXTURES

MANIFEST = json.loads((Path(__file__).parent / "manifest.json").read_text("utf-8"))
FOLDERS = (
    *("google/vision-v1", "google/language-v1", "google/speech-v1", "google/speech-v2"),
    *("azure/vision-v1.0", "azure/vision-v2.0", "azure/vision-v3.0", "azure/vision-v3.1", "azure/vision-v3.2"),
    *("azure/vision-v3.x", "azure/vision-v3.2-read", "azure/vision-v3.x-read", "azure/image-analysis-4.0"),
    *("azure/face-v1.0", "azure/face-v1.2", "azure/apim-errors-old"),
    *("azure/language-analyze-text", "azure/text-analytics-v2.0"),
    *("azure/text-analytics-v3.0-preview.1", "azure/text-analytics-v3.0"),
    *("azure/speech-fast-transcription", "azure/speech-short-audio", "azure/speech-batch-v3.x"),
    *("azure/translator-v3", "azure/translator-2025-10-01-preview"),
    *("google/translate-v2", "google/translate-v3", "google/texttospeech-v1", "ibm/text-to-speech-v1"),
    *("ibm/nlu-v1", "ibm/speech-to-text-v1", "ibm/iam", "ibm/language-translator-v3"),
)
KEY, AZURE = "not-a-real-key", "https://example.cognitiveservices.azure.com"


def provider(path: str, entry: dict[str, Any]) -> Provider:
    """Return the provider whose request the recorded reply answers."""
    if path.startswith("google/translate-v3"):
        return LoggedIn(project="p")
    if path.startswith("google/"):
        return Google(api_key=KEY, project=entry.get("project"))
    if path.startswith("ibm/"):
        instance = Resource(KEY, "https://api.eu-de.example.watson.cloud.ibm.com/instances/1")
        return Watson(nlu=instance, speech_to_text=instance)
    if path.startswith("azure/speech-short-audio"):
        return Azure(key=KEY, region="koreacentral")
    if path.startswith("azure/speech-batch"):
        return Azure(key=KEY, endpoint=AZURE, transcription="batch")
    api = "4.0" if "image-analysis-4.0" in path else "3.2"
    return Azure(key=KEY, endpoint=AZURE, api=api, face_approved=True)


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
    exchange = json.loads((recordings / path).read_text("utf-8"))
    reply = exchange["response"]
    response = Response(reply["status"], reply["headers"], json.dumps(reply["body"]).encode())
    if "split" in entry:
        results = [
            outcome(path, entry, text, part) if text else part for text, part in parts(path, entry, exchange, response)
        ]
        assert {path: at(results, path) for path in entry["expect"]} == entry["expect"]
    elif "error" in entry:
        with pytest.raises(cloudai.CloudAIError) as raised:
            ask(path, entry, response)
        assert type(raised.value).__name__ == entry["error"]
        facts = {name: getattr(raised.value, name) for name in entry.get("expect", {})}
        assert facts == entry.get("expect", {})
    else:
        result = ask(path, entry, response)
        assert {path: at(result, path) for path in entry["expect"]} == entry["expect"]
        assert result.raw == reply["body"] or result.raw[-1] in (reply["body"], {**reply["body"], "source": ""})


def parts(path: str, entry: dict[str, Any], exchange: dict[str, Any], response: Response) -> list[tuple[Any, Response]]:
    """Return each item of a joined request, and its part of the reply."""
    if "translat" in path:
        texts = [str(number) for number in range(entry["split"])]
        merge = TRANSLATE_TOGETHER if path.startswith("azure/") else DETECT_TOGETHER_2
        return list(zip(texts, merge.split(response, [Request("POST", "u")] * len(texts)), strict=True))
    if path.startswith("google/"):
        pictures = [
            Request("POST", "u", json={"requests": [{"image": {"source": {"imageUri": str(n)}}, "features": []}]})
            for n in range(entry["split"])
        ]
        return [(None, part) for part in ANNOTATE_TOGETHER.split(response, pictures)]
    asked = exchange["request"]["body"]
    documents = asked["documents"] if "documents" in asked else asked["analysisInput"]["documents"]
    places = {document["id"]: str(number) for number, document in enumerate(documents)}
    body = response.json()
    results = body.get("results", body)
    for kind in ("documents", "errors"):
        results[kind] = [{**each, "id": places[each["id"]]} for each in results[kind]]
    renumbered = Response(response.status, response.headers, json.dumps({"results": results}).encode())
    replies = ANALYZE_TOGETHER.split(renumbered, [Request("POST", "u")] * entry["split"])
    return [(d["text"] or "(empty)", part) for d, part in zip(documents, replies, strict=True)]


def outcome(path: str, entry: dict[str, Any], given: Any, response: Response) -> Any:
    """Return the result of one item, or the class of its error."""
    try:
        return ask(path, entry, response, given)
    except cloudai.CloudAIError as error:
        return {"error": type(error).__name__, "message": str(error)}


def ask(path: str, entry: dict[str, Any], response: Response, text: Any = None) -> Any:
    """Carry out the operation, answered by the recorded reply whatever it asks."""
    operation = entry["operation"]
    given, options = inputs(operation, response)
    options |= entry.get("options", {})
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with Client(
        provider(path, entry),
        send=lambda request: (
            steps_of_a_transcription(request, response)
            if "/transcriptions" in request.url and path.startswith("azure/speech-batch")
            else JOB
            if takes_job(request)
            else DETECTED
            if detects(request) and operation != "detect_language"
            else response
        ),
        clock=lambda: now[0],
        sleep=sleep,
        max_attempts=1,
    ) as client:
        return getattr(client, operation)(entry.get("input", text or given), **options)


DETECTED = Response(
    200,
    {"content-type": "application/json"},
    b'{"kind": "LanguageDetectionResults", "results": {"errors": [], "modelVersion": "x", "documents": [{"id": "0", '
    b'"detectedLanguage": {"name": "English", "iso6391Name": "en", "confidenceScore": 1.0}, "warnings": []}]}}',
)
"""The answer to Azure's request for the language of a text, which goes out before that for its sentiment."""


def detects(request: Request) -> bool:
    """Return whether a request asks for the language of a text."""
    return isinstance(request.json, dict) and request.json.get("kind") == "LanguageDetection"


JOB = Response(202, {"operation-location": "https://e.example/vision/v3.2/read/analyzeResults/1"}, b"")
"""The answer to Azure's request to read a picture, before the poll that the recorded reply answers."""


def takes_job(request: Request) -> bool:
    """Return whether a request asks Azure to take a picture for reading."""
    return request.url.endswith("/read/analyze")


def steps_of_a_transcription(request: Request, response: Response) -> Response:
    """Return what comes before and after the recorded file of a batch transcription, which is not recorded."""
    if request.method == "DELETE":
        return Response(204)
    job = {"self": f"{AZURE}/speechtotext/transcriptions/1", "status": "Succeeded"}
    files = {"values": [{"kind": "Transcription", "links": {"contentUrl": f"{AZURE}/result"}}]}
    body = files if request.url.endswith("/files") else job
    return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())


def inputs(operation: str, response: Response) -> tuple[Any, dict[str, Any]]:
    """Return an input that fits the reply: of texts the one the reply speaks of, since it was not kept."""
    if operation == "analyze_image":
        return FIXTURES / "나무.png", {"features": FEATURES, "missing": "report"}
    if operation in ("detect_faces", "estimate_age", "read_text"):
        return FIXTURES / "나무.png", {"landmarks": True} if operation == "detect_faces" else {}
    if operation == "speech_to_text":
        return FIXTURES / "인사.wav", {"language": "en"}
    body = response.json()
    if operation != "sentiment":
        return "x", {}
    documents = body.get("results", {}).get("documents") or [body]
    sentences = [s.get("text", "") for s in documents[0].get("sentences", [])]
    if sentences and isinstance(sentences[0], dict):
        return " ".join(s["content"] for s in sentences), {}
    return "".join(sentences) or "x", {}


def at(result: Any, path: str) -> Any:
    """Return the value at a dotted path: attributes, positions, keys, and ``__len__`` for how many."""
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


@pytest.mark.parametrize(
    "path",
    [
        "google/vision-v1/eden-face_detection-2022-12-12-6b7bdc.json",
        "google/vision-v1/harvard-annotate-2018-10-26.json",
        "azure/face-v1.0/eden-face_detection-2022-12-12-4e5d6f.json",
        "azure/face-v1.2/detect-from-url-v1.1-preview.1.json",
    ],
)
def test_left_and_right_are_the_pictures(recordings: Path, path: str) -> None:
    """In every recorded face that looks this way, what we call left is further left in the picture."""
    reply = json.loads((recordings / path).read_text("utf-8"))["response"]["body"]
    response = Response(200, {}, json.dumps(reply).encode())
    with Client(provider(path, {}), send=lambda _: response) as client:
        faces = client.detect_faces(FIXTURES / "나무.png", landmarks=True)
    assert faces.faces
    for face in faces:
        for part in ("pupil", "eye_outer", "eyebrow_inner", "nostril", "ear", "jaw_corner"):
            if f"left_{part}" in face.landmarks:
                assert face.landmarks[f"left_{part}"].x < face.landmarks[f"right_{part}"].x
        assert face.landmarks["mouth_left"].x < face.landmarks["mouth_right"].x


@pytest.mark.parametrize(
    "path",
    [
        "azure/face-v1.0/eden-face_detection-2022-12-12-4e5d6f.json",
        "azure/face-v1.2/detect-from-url-v1.1-preview.1.json",
    ],
)
def test_roll_is_positive_clockwise(recordings: Path, path: str) -> None:
    """Azure's roll has the sign of the line through the pupils, and is near its angle."""
    from math import atan2, degrees

    reply = json.loads((recordings / path).read_text("utf-8"))["response"]["body"]
    response = Response(200, {}, json.dumps(reply).encode())
    with Client(provider(path, {}), send=lambda _: response) as client:
        faces = client.detect_faces(FIXTURES / "나무.png", landmarks=True, attributes=["pose"])
    for face in faces:
        left, right = face.landmarks["left_pupil"], face.landmarks["right_pupil"]
        assert face.pose.roll == pytest.approx(degrees(atan2(right.y - left.y, right.x - left.x)), abs=3)
