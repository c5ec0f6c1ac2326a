"""Measure how the time of a call grows with what its reply holds: faces, words and texts of one request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import pictures
from benchmarks.replies import azure_vision_4, google_vision

__all__ = ["Fit", "measured"]


@dataclass(frozen=True)
class Fit:
    """The microseconds that calls took, by how many faces, words or labels their replies hold."""

    sizes: Sequence[int]
    times: Sequence[float]

    @property
    def line(self) -> tuple[float, float]:
        """The microseconds of a call without any, and for each one more, by least squares."""
        n, x, y = len(self.sizes), self.sizes, self.times
        mean_x, mean_y = sum(x) / n, sum(y) / n
        slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
        return mean_y - slope * mean_x, slope


def _least(call: Callable[[], Any], rounds: int) -> float:
    # The first call also imports what it needs, and is not counted.
    call()
    times = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(5):
            call()
        times.append((time.process_time() - began) / 5)
    return min(times) * 1e6


def _reply(body: Any) -> Callable[[Any], Any]:
    import cloudai

    reply = cloudai.Response(200, {"content-type": "application/json"}, json.dumps(body).encode())
    # Each call gets a reply of its own, because a reply keeps the JSON that was read from it.
    return lambda _: cloudai.Response(reply.status, reply.headers, reply.content)


def measured(rounds: int) -> Mapping[str, Fit]:
    """Return the times of calls without a network, by what grows."""
    import cloudai

    picture, google, azure = (
        pictures.small(),
        cloudai.Google(api_key="none"),
        cloudai.Azure(key="none", endpoint="https://example.cognitiveservices.azure.com"),
    )

    def faces(n: int) -> float:
        client = cloudai.Client(google, send=_reply(google_vision(faces=n)))
        return _least(lambda: client.detect_faces(picture, landmarks=True), rounds)

    def words(n: int) -> float:
        client = cloudai.Client(azure, send=_reply(azure_vision_4(lines=n // 2)))
        return _least(lambda: client.analyze_image(picture, features=["text"]), rounds)

    def labels(n: int) -> float:
        client = cloudai.Client(google, send=_reply(google_vision(faces=0, labels=n)))
        return _least(lambda: client.analyze_image(picture, features=["tags"]), rounds)

    sizes = (1, 10, 50, 100)
    kinds: Mapping[str, tuple[Callable[[int], float], Sequence[int]]] = {
        "faces with landmarks": (faces, sizes),
        "words": (words, (10, 100, 500, 1000)),
        "labels": (labels, sizes),
    }
    return {name: Fit(sizes, [time_of(n) for n in sizes]) for name, (time_of, sizes) in kinds.items()}
