"""Pictures and recordings, and what cameras write into them, are nowhere but on the wire."""

from __future__ import annotations

import importlib.util
import io
import json
import pickle
import struct
import sys
import wave
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cloudai
from cloudai import Azure, Client, CloudAIError, Google, Resource, Watson
from cloudai.core.flow import Blob, Request, Response, call
from cloudai.providers.base import Provider
from cloudai.testing import record
from tests.conftest import Caller
from tests.made_up.calls import ENDPOINT, NLU, STT
from tests.support.canaries import hits, logged, shown_by
from tests.support.paths import EXAMPLES

PLACE = "canary-exif-37.5665N-카메라"
KEY = "canary-key-4f9c2e7b81"
SECRET = "canary-aws-secret-9d10aa7c33"
SESSION = "canary-aws-session-77e1d5b2f0"
JSON = {"content-type": "application/json"}
REKOGNITION = EXAMPLES / "provider_plugin" / "cloudai_rekognition.py"


def picture() -> bytes:
    """Return a photo with a place in its EXIF and in a comment; noise, so that its bytes are like no other's."""
    exif = Image.Exif()
    exif[0x010E] = PLACE
    out = io.BytesIO()
    noise = np.random.default_rng(7).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "JPEG", quality=90, exif=exif, comment=PLACE.encode())
    return out.getvalue()


def recording() -> bytes:
    """Return half a second of noise."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.random.default_rng(8).integers(-9000, 9000, 8000, dtype=np.int16).tobytes())
    return out.getvalue()


def rekognition() -> Provider:
    """Return the example of a third party's provider, with AWS's three keys."""
    pytest.importorskip("botocore")
    spec = importlib.util.spec_from_file_location("cloudai_rekognition", REKOGNITION)
    assert spec
    assert spec.loader
    module = sys.modules.get(spec.name)  # its own tests may have imported it
    if module is None:
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look there
        spec.loader.exec_module(module)
    made: Provider = module.Rekognition(
        access_key_id=KEY, secret_access_key=SECRET, session_token=SESSION, region="ap-northeast-2"
    )
    return made


CALLS: dict[str, tuple[Callable[[], Provider], str, Callable[[], bytes], dict[str, Any]]] = {
    "azure vision": (lambda: Azure(key=KEY, endpoint=ENDPOINT), "analyze_image", picture, {"features": ["tags"]}),
    "azure face": (lambda: Azure(key=KEY, endpoint=ENDPOINT), "detect_faces", picture, {}),
    "azure speech": (
        lambda: Azure(key=KEY, region="koreacentral"),
        "speech_to_text",
        recording,
        {"language": "ko-KR"},
    ),
    "google vision": (lambda: Google(api_key=KEY), "detect_faces", picture, {}),
    "google speech": (lambda: Google(api_key=KEY), "speech_to_text", recording, {"language": "ko-KR"}),
    "watson speech": (
        lambda: Watson(nlu=Resource(KEY, NLU), speech_to_text=Resource(KEY, STT)),
        "speech_to_text",
        recording,
        {"language": "ko-KR"},
    ),
    "aws": (rekognition, "detect_faces", picture, {}),
}


@pytest.fixture(params=list(CALLS))
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of each service that takes bytes in turn."""
    return str(request.param)


def sent_in(request: Request) -> list[bytes]:
    """Return the uploads of a request."""

    def within(value: Any) -> list[bytes]:
        if isinstance(value, Blob):
            return [value.data]
        if isinstance(value, dict):
            return [data for inner in value.values() for data in within(inner)]
        return [data for inner in value for data in within(inner)] if isinstance(value, list | tuple) else []

    files = [f.content for f in (request.files or {}).values() if f.name]
    return within([request.json, request.content, *files]) + [f for f in files if isinstance(f, bytes)]


def pieces(data: bytes) -> list[bytes]:
    """Return stretches of an upload, each long enough to be like nothing else."""
    return [data[n : n + 24] for n in range(len(data) // 3, len(data) - 24, len(data) // 4)]


@pytest.mark.parametrize("status", [400, 401, 413, 429, 500])
def test_an_upload_that_fails_is_silent(call: Caller, name: str, status: int) -> None:
    """Error, pickle, frames, events, logs: all but what Pillow and botocore say of their own (docs/privacy.md)."""
    make, operation, given, options = CALLS[name]
    data, requests, events = given(), list[Request](), list[Any]()
    said = f"{KEY} {SECRET} {SESSION}" if name == "aws" else KEY
    repeated = json.dumps({"message": said, "__type": "x#AccessDeniedException"}).encode()

    def service(request: Request) -> Response:
        requests.append(request)
        return Response(status, JSON, repeated)

    with logged() as log, pytest.raises(CloudAIError) as raised:
        call(
            make(),
            operation,
            data,
            **options,
            send=service,
            client_on_event=events.append,
            client_sleep=lambda _: None,
        )
    uploads = [data, *(sent for request in requests for sent in sent_in(request))]
    assert len(uploads) > 1, raised.value
    canaries = [KEY, SECRET, SESSION, PLACE, *(piece for upload in uploads for piece in pieces(upload))]
    ours = [line for line in log if "PIL" not in line and "botocore" not in line]
    for what in (shown_by(raised.value), repr(events), "\n".join(ours), repr(requests)):
        assert not hits(what, canaries)
    for sent in uploads[1:]:
        assert not hits(sent, [PLACE])
    # The secret of AWS's keys never leaves, so a service cannot repeat it.
    assert SECRET not in "".join(f"{request.headers}" for request in requests)


@pytest.mark.parametrize("damage", ["cut off", "no picture", "too large"])
def test_an_input_that_is_refused_is_silent(call: Caller, damage: str) -> None:
    """The error of a damaged picture, and our frames on the way there, hold none of its bytes."""
    whole = picture()
    size = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    header = b"\x89PNG\r\n\x1a\n\0\0\0\r" + size + struct.pack(">I", zlib.crc32(size))
    data = struct.pack(">I", len(whole)) + b"IDAT" + whole + struct.pack(">I", zlib.crc32(b"IDAT" + whole))
    given = {
        "cut off": whole[: len(whole) // 2],
        "no picture": b"<!DOCTYPE html>" + whole[200:],
        "too large": header + data,
    }[damage]
    with pytest.raises(CloudAIError) as raised:
        call(Google(api_key=KEY), "detect_faces", given, send=lambda _: Response(200, JSON, b"{}"))
    assert {"cut off": "cut off", "no picture": "not an image", "too large": "30000"}[damage] in str(raised.value)
    assert not hits(shown_by(raised.value), [KEY, PLACE, *pieces(given)])


def test_a_batch_of_pictures_is_silent(tmp_path: Path) -> None:
    """Journal and cassette hold digests in place of pictures; an event, the log and the plan neither."""
    file = tmp_path / "졸업사진.jpg"
    file.write_bytes(picture())
    journal, cassette, events = tmp_path / "j.journal", tmp_path / "c.json", list[Any]()
    reply = {"responses": [{"faceAnnotations": []}]}
    service = record(cassette, lambda _: Response(200, JSON, json.dumps(reply).encode()))
    with (
        logged() as log,
        Client(Google(api_key=KEY), send=service, on_event=events.append) as client,
        client.batch("detect_faces", [file], journal=journal) as job,
    ):
        plan = str(job.plan())
        assert [outcome.status for outcome in job] == ["none_found"]
        written = [each for each in tmp_path.iterdir() if each.is_file() and each != file]  # the -wal among them
        assert {each.suffix for each in written} >= {".journal", ".json"}
        shown = [plan, repr(events), json.dumps(job.manifest(), default=str), repr(job), *log]
    shown += [each.read_bytes().decode("latin-1") for each in written if each.exists()]
    canaries = [KEY, PLACE, *pieces(picture())]
    assert not hits("\n".join(line for line in shown if "PIL" not in line), canaries)
    for each in [*written, *tmp_path.glob("*.journal*"), *Path(tmp_path).glob("*.json")]:
        if each.exists():
            assert not hits(each.read_bytes(), canaries), each


def test_the_state_of_paces_names_no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file by which processes share the pace of an account names that account by a digest only."""
    monkeypatch.setenv("CLOUDAI_STATE_DIR", str(tmp_path))
    reply = {"documentSentiment": {"score": 0.5, "magnitude": 1.5}, "languageCode": "ko"}
    with (
        Client(Google(api_key=KEY), send=lambda _: Response(200, JSON, json.dumps(reply).encode())) as client,
        client.batch("sentiment", ["가"], options={"language": "ko"}, pace="600/min") as job,
    ):
        list(job)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert not hits(file.read_bytes() + file.name.encode(), [KEY])


def test_rekognition_shows_no_key() -> None:
    """Nor pickles it."""
    provider = rekognition()
    assert not hits(repr(provider), [KEY, SECRET, SESSION])
    with pytest.raises(TypeError) as raised:
        pickle.dumps(cloudai.Client(provider))
    assert not hits(str(raised.value), [KEY, SECRET, SESSION])


def test_a_step_of_a_flow_does_not_show_what_it_is_about() -> None:
    """Crash reports show the variables of every frame, and drivers have the step as one."""
    step = next(call(len, "canary-words-of-a-patient"))
    assert not hits(f"{step!r} {step.function!r}", ["canary-words-of-a-patient"])
