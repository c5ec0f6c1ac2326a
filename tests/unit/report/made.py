"""Pictures, results and a journal that the tests of reports share; nobody is in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from cloudai import Azure, Client, Outcome, Request, Response
from cloudai.models.base import Box, Level, Meta, Point
from cloudai.models.face import Age, Emotions, Face, Faces
from cloudai.models.image import Caption, ImageAnalysis, Object, Tag

__all__ = ["NAMES", "analysis", "client_of_azure", "face", "finished", "outcome", "photo", "sent"]

SIZE = (300, 400)
NAMES = ("홍길동", "김하나", "박둘")


def photo(path: Path, colour: str = "teal") -> Path:
    """Write a picture with a bright square where its face is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", SIZE, colour)
    picture.paste("white", (100, 100, 200, 220))
    picture.save(path, quality=95)
    return path


def face(x: float = 100, y: float = 100, width: float = 100, height: float = 120) -> Face:
    """Return a face with all that a tile shows."""
    return Face(
        box=Box(x=x, y=y, width=width, height=height, image_size=SIZE),
        confidence=0.9,
        age=Age(low=30, high=40),
        emotions=Emotions(scale="confidence", happiness=Level(score=0.8)),
        landmarks={"left_eye": Point(x=x + 30, y=y + 40), "right_eye": Point(x=x + 70, y=y + 40)},
    )


def analysis(
    caption: str | None = "a person", faces: Sequence[Face] = (face(),), confidence: float = 0.8
) -> ImageAnalysis:
    """Return an analysis of a picture."""
    made = ImageAnalysis(
        caption=None if caption is None else Caption(text=caption, confidence=confidence, language="en"),
        tags=(Tag(name="person", confidence=0.9), Tag(name="suit", confidence=0.7)),
        objects=(Object(name="tie", confidence=0.6, box=Box(x=140, y=230, width=30, height=90, image_size=SIZE)),),
        faces=Faces(faces=tuple(faces)),
        width=SIZE[0],
        height=SIZE[1],
    )
    return made._with(Meta(provider="azure", operation="analyze_image", image_size=SIZE), None)


def outcome(item: int, path: Path | str, result: ImageAnalysis | None = None, **fields: Any) -> Outcome[Any]:
    """Return the outcome of one picture."""
    return Outcome(item, str(path), result or analysis(), operation="analyze_image", facts={"is_path": True}, **fields)


sent: list[Request] = []
"""Every request that `finished` has sent since a test has cleared the list."""


def _answer(request: Request) -> Response:
    sent.append(request)
    if "translate" in request.url:
        body: Any = [{"translations": [{"text": f"{each['text']}의 번역", "to": "ko"}]} for each in request.json]
    else:
        body = {
            "captionResult": {"text": f"a person number {len(sent)}", "confidence": 0.8},
            "tagsResult": {"values": [{"name": "person", "confidence": 0.9}]},
            "metadata": {"width": SIZE[0], "height": SIZE[1]},
            "modelVersion": "2023-10-01",
        }
    return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())


def client_of_azure(before: Callable[[], object] = lambda: None, **options: Any) -> Client:
    """Return a client whose requests are answered here, and counted; something may be done before each answer."""
    azure = Azure(key="not-a-key", endpoint="https://example.cognitiveservices.azure.com", region="westus")
    return Client(azure, send=lambda request: (before(), _answer(request))[1], **options)


def finished(folder: Path) -> Path:
    """Return the journal of a run over three photos of a table, whose captions were translated too."""
    rows = [
        {
            "이름": name,
            "사진": str(photo(folder / "사진" / f"{name}.jpg", colour)),
            "동": n,
            "누리집": f"https://example.org/{n}",
        }
        for n, (name, colour) in enumerate(zip(NAMES, ("teal", "navy", "olive"), strict=True))
    ]
    journal = folder / "끝난.journal"
    with client_of_azure() as client:
        asked = {"features": ["caption", "tags"]}
        with client.batch("analyze_image", rows, column="사진", options=asked, journal=journal, cache=False) as job:
            captions = [each.result.caption.text for each in job]
        with client.batch("translate", captions, options={"to": "ko"}, journal=journal, cache=False) as job:
            list(job)
    return journal
