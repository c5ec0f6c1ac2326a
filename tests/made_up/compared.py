"""Azure and Google asked for the same pictures, with faces and tags of which it is known how far they agree."""

from __future__ import annotations

import io
import random
from collections import Counter
from typing import Any

import PIL.Image

from cloudai import Azure, Google, Response
from cloudai.core.flow import Request
from tests.made_up.provider import ok

__all__ = ["Pictures"]

SIDE = 400
TAGS = ("나무", "tree", "sports car", "car", "glass of wine", "glass", "dog", "grass", "Person", "person", "building")

Rectangle = tuple[int, int, int, int]


class Pictures:
    """So many pictures, and two vendors that are asked for them.

    Args:
        n: The number of pictures.
        seed: Decides what is in them.
    """

    def __init__(self, n: int, seed: int = 7) -> None:
        chance = random.Random(seed)  # noqa: S311  # the same each time
        self.true = [self._faces(chance) for _ in range(n)]
        self.said = {vendor: [self._seen(chance, faces) for faces in self.true] for vendor in ("azure", "google")}
        self.tags = {
            vendor: [chance.sample(TAGS, chance.randrange(5)) for _ in range(n)] for vendor in ("azure", "google")
        }
        self.given = [self._picture(i) for i in range(n)]
        self._numbers = {picture: i for i, picture in enumerate(self.given)}
        self.asked: Counter[tuple[str, str]] = Counter()
        """The number of pictures that each vendor was asked for, by operation."""

    @staticmethod
    def _picture(i: int) -> bytes:
        out = io.BytesIO()
        PIL.Image.new("RGB", (SIDE, SIDE), (i % 256, i // 256, 7)).save(out, "PNG")
        return out.getvalue()

    @staticmethod
    def _faces(chance: random.Random) -> list[Rectangle]:
        """Return up to six faces in the cells of a grid."""
        cells = chance.sample(range(9), chance.randrange(7))
        return [(cell % 3 * 130 + 20, cell // 3 * 130 + 20, chance.randrange(50, 90), 70) for cell in cells]

    @staticmethod
    def _seen(chance: random.Random, faces: list[Rectangle]) -> list[Rectangle]:
        """Return the faces as a vendor sees them: most, a little moved, and now and then one that is not there."""
        seen = [
            (x + chance.randrange(-14, 15), y + chance.randrange(-14, 15), w + chance.randrange(-9, 10), h)
            for x, y, w, h in faces
            if chance.random() < 0.9
        ]
        if chance.random() < 0.2:
            seen.append((chance.randrange(20, 300), chance.randrange(20, 300), 60, 60))
        return sorted(seen, key=lambda face: -face[2] * face[3])

    def providers(self) -> list[Any]:
        """Return both vendors."""
        endpoint = "https://example.cognitiveservices.azure.com"
        return [Azure(key="not-a-real-key", endpoint=endpoint), Google(api_key="not-a-real-key")]

    def __call__(self, request: Request) -> Response:
        """Return the reply of whichever vendor is asked."""
        if "googleapis" in request.url:
            return ok({"responses": [self._google(each) for each in request.json["requests"]]})
        content: Any = request.content
        i = self._numbers[getattr(content, "data", content)]
        if "/face/" in request.url:
            self.asked["azure", "faces"] += 1
            names = ("left", "top", "width", "height")
            return ok(
                [{"faceRectangle": dict(zip(names, face, strict=True))} for face in self.said["azure"][i]],
            )
        self.asked["azure", "tags"] += 1
        values = [{"name": name, "confidence": 0.9} for name in self.tags["azure"][i]]
        return ok({"modelVersion": "1", "metadata": {"width": SIDE, "height": SIDE}, "tagsResult": {"values": values}})

    def _google(self, asked: Any) -> dict[str, Any]:
        i = self._numbers[asked["image"]["content"].data]
        if asked["features"][0]["type"] == "FACE_DETECTION":
            self.asked["google", "faces"] += 1
            corners = [
                [{"x": x, "y": y}, {"x": x + w, "y": y}, {"x": x + w, "y": y + h}, {"x": x, "y": y + h}]
                for x, y, w, h in self.said["google"][i]
            ]
            polygons = [{"vertices": vertices} for vertices in corners]
            faces = [{"boundingPoly": polygon, "fdBoundingPoly": polygon} for polygon in polygons]
            return {"faceAnnotations": faces} if faces else {}
        self.asked["google", "tags"] += 1
        tags = [{"mid": "/m/1", "description": name, "score": 0.9} for name in self.tags["google"][i]]
        return {"labelAnnotations": tags} if tags else {}
