"""Make a constructed journal, or a constructed cache, with whatever version of cloudai is imported.

``python tests/data/make.py journal FILE`` runs batches against a service that is a function of this file, so nothing is
sent anywhere. README.md says which version made which file. The tests import the inputs from here, to run the same
batches again.
"""

from __future__ import annotations

import importlib
import json
import os
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cloudai import Azure, Client, CloudAIError, ConnectionLostError, Google, Outcome, Response

__all__ = [
    "BATCHES",
    "EXTRA",
    "PICTURES",
    "PRIVATE",
    "REVIEWS",
    "TEXTS",
    "Clock",
    "answer",
    "azure",
    "google",
    "picture",
    "rows",
    "write_pictures",
]

PICTURES = {"김철수": 1, "이영희": 2, "박민수": 3, "사본": 1, "깨진": 4, "끊긴": 5, "지난번": 6, "이름 없는": 7}
"""The pictures by name, each with its brightness: two with the same brightness have the same bytes."""
SIGNED = "https://사진.example/최지우.jpg?서명=sealed-signature"
"""An address that is signed, which a journal must not hold."""
TEXTS = [
    "맛있어요. 또 올게요.",
    "서비스가 별로였어요.",
    "https://가게.example/메뉴?열쇠=sealed-text 여기 좋아요.",
    "맛있어요. 또 올게요.",
    "보내는 쪽이 고장나는 글",
    "이것은 보내지 않은 글",
    "아직 보내지 않은 비밀 이야기",
]
"""The texts of a batch: the third looks like an address, the fourth is a copy, and the last two are not sent."""
REVIEWS = ["친절해요.", "멀어요.", "오류가 나는 글."]
RECORDINGS = ["gs://녹음/연설.flac", "https://녹음.example/강연.flac?서명=sealed-lecture", "gs://녹음/회의.flac"]
"""The recordings of a batch: the second is refused before anything is sent, and the job of the third never ends."""

PRIVATE = {
    "sealed-signature": "the query of a signed address",
    "sealed-lecture": "the query of a signed address that is refused",
    "sealed-text": "the words of a text that looks like an address",
    "비밀 이야기": "the words of a text that was not sent",
    "sealed-extra": "a value in extra=",
    "sealed-request": "the text of an error that a function of the user raised",
}
"""Texts that the service never repeats, and that no journal may hold."""
EXTRA = {"labels": {"반": "sealed-extra"}}


def picture(brightness: int) -> bytes:
    """Return a grey PNG of 8 by 8 pixels; its bytes are the same with every version of zlib."""
    lines = b"".join(b"\0" + bytes([brightness]) * 8 for _ in range(8))
    stored = b"\x01" + struct.pack("<HH", len(lines), len(lines) ^ 0xFFFF) + lines
    packed = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(lines))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write_pictures(folder: Path) -> None:
    """Write the pictures into a folder, where the paths of the batches lead to."""
    (folder / "사진").mkdir()
    for name, brightness in PICTURES.items():
        (folder / "사진" / f"{name}.png").write_bytes(picture(brightness))


def rows(*names: str) -> list[dict[str, Any]]:
    """Return rows of a table whose column 사진 holds the pictures."""
    return [
        {"번호": number, "사진": name if "://" in name else f"사진/{name}.png"} for number, name in enumerate(names)
    ]


def answer(request: Any) -> Response:
    """Answer a request as Google or Azure would."""
    if request.method == "GET":
        return _look(request.url)
    for part, reply in (
        ("images:annotate", _vision),
        ("analyzeSentiment", _sentiment),
        ("longrunningrecognize", lambda body: {"name": "1" if "연설" in body["audio"]["uri"] else "2"}),
        ("analyze-text", _reviews),
    ):
        if part in request.url:
            return _ok(reply(request.json))
    raise AssertionError(request.url)


def _ok(body: Any) -> Response:
    return Response(200, {"content-type": "application/json"}, json.dumps(body, ensure_ascii=False).encode())


def _look(url: str) -> Response:
    if url.endswith("/2"):
        raise ConnectionLostError("the connection broke")
    words = [{"word": "여러분", "startTime": "0.5s", "endTime": "1.1s", "confidence": 0.9}]
    best = {"transcript": "여러분, 안녕하세요.", "confidence": 0.9, "words": words}
    return _ok({"name": "1", "done": True, "response": {"results": [{"alternatives": [best]}]}})


def _vision(body: Any) -> Any:
    return {"responses": [_seen(item) for item in body["requests"]]}


def _seen(item: Any) -> Any:
    content = item["image"].get("content")
    data = content.data if content is not None else b""
    if data == picture(PICTURES["끊긴"]):
        raise ConnectionLostError("the connection broke")
    if data == picture(PICTURES["깨진"]):
        return {"error": {"code": 3, "message": "Bad image data."}}
    asked = {feature["type"] for feature in item["features"]}
    box = {"vertices": [{"x": 1, "y": 1}, {"x": 5, "y": 1}, {"x": 5, "y": 6}, {"x": 1, "y": 6}]}
    face = {"fdBoundingPoly": box, "detectionConfidence": 0.9, "joyLikelihood": "LIKELY"}
    faces = {} if data == picture(PICTURES["이영희"]) else {"faceAnnotations": [face]}
    labels = {"labelAnnotations": [{"description": "사람", "score": 0.8, "mid": "/m/01g317"}]}
    return {**(faces if "FACE_DETECTION" in asked else {}), **(labels if "LABEL_DETECTION" in asked else {})}


def _sentiment(body: Any) -> Any:
    text = body["document"]["content"]
    if "고장나는" in text:
        raise ValueError(f"sealed-request: {text}")
    score = -0.6 if "별로" in text else 0.8
    return {"documentSentiment": {"score": score, "magnitude": 0.9}, "languageCode": "ko", "sentences": []}


def _reviews(body: Any) -> Any:
    documents: list[Any] = []
    errors: list[Any] = []
    for document in body["analysisInput"]["documents"]:
        if "오류" in document["text"]:
            inner = {"code": "UnsupportedLanguageCode", "message": "no"}
            errors.append({"id": document["id"], "error": {"code": "InvalidArgument", "message": "no", **inner}})
            continue
        shares = {"positive": 0.9, "neutral": 0.1, "negative": 0.0}
        documents.append({"id": document["id"], "sentiment": "positive", "confidenceScores": shares, "sentences": []})
    return {"results": {"documents": documents, "errors": errors, "modelVersion": "2022-11-01"}}


def google() -> Any:
    """Return the provider of most batches."""
    return Google(api_key="not-a-real-key")


def azure() -> Any:
    """Return the provider whose texts go out in one request."""
    return Azure(key="not-a-real-key", endpoint="https://example.cognitiveservices.azure.com")


FIRST = rows("김철수", "지난번", "깨진")
"""The texts of a run before the last one."""
SEEN = rows("김철수", "이영희", "박민수", "사본", "깨진", "없음", SIGNED)
"""Pictures of which one is a copy, one is refused, one is not there, and one is behind a signed address."""
BATCHES: list[tuple[Callable[[], Any], str | list[str], list[Any], dict[str, Any]]] = [
    (google, ["detect_faces", "analyze_image"], rows("김철수", "이영희"), {"column": "사진"}),
    (google, "detect_faces", [picture(PICTURES["이름 없는"])], {}),
    (google, "detect_faces", FIRST, {"column": "사진"}),
    (google, "detect_faces", SEEN, {"column": "사진"}),
    (google, "detect_faces", [*SEEN, *rows("끊긴")], {"column": "사진"}),
    (google, "sentiment", TEXTS, {"options": {"extra": EXTRA}, "max_requests": 4, "concurrency": 1}),
    (azure, "sentiment", REVIEWS, {"options": {"language": "ko"}}),
    (google, "speech_to_text", RECORDINGS, {"options": {"language": "ko-KR"}, "concurrency": 1}),
]
"""Provider, operation, inputs and settings, in the order in which they are run."""


class Clock:
    """A clock that moves only where somebody sleeps, so that no wait takes time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the seconds that were slept."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        self.now += seconds


def run(send: Any, provider: Callable[[], Any], operation: Any, inputs: list[Any], settings: dict[str, Any]) -> None:
    """Run one batch to its end, whatever that is; several operations one by one where a version cannot join them."""
    clock = Clock()
    operations = operation if isinstance(operation, list) and not hasattr(Outcome, "operation") else [operation]
    with Client(provider(), send=send, max_attempts=1, clock=clock, sleep=clock.sleep) as client:
        for one in operations:
            with client.batch(one, inputs, **settings) as job, suppress(CloudAIError):
                list(job)


def make_journal(path: Path) -> None:
    """Make a journal of all batches."""
    for provider, operation, inputs, settings in BATCHES:
        run(answer, provider, operation, inputs, {**settings, "journal": path})


def make_cache(path: Path) -> None:
    """Make a cache of all batches; it is used only where the network answers, not a function."""
    os.environ["CLOUDAI_CACHE_DIR"] = str(path.parent)
    try:
        network = importlib.import_module("cloudai.transport.http").Network
    except ModuleNotFoundError:
        network = importlib.import_module("cloudai._http").Network
    network.__call__ = lambda _, request: answer(request)
    for provider, operation, inputs, settings in BATCHES:
        run(None, provider, operation, inputs, settings)
    (path.parent / "answers.sqlite").rename(path)


if __name__ == "__main__":
    made = Path(sys.argv[2]).resolve()
    os.chdir(made.parent)
    write_pictures(made.parent)
    {"journal": make_journal, "cache": make_cache}[sys.argv[1]](made)
