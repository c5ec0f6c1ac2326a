"""Pictures that tests make, and what becomes of one on its way to a vendor."""

from __future__ import annotations

import io
from typing import Any

import PIL.Image

from cloudai.core.flow import Call, Fetch, Flow
from cloudai.media import Image, ImageLimits, Picture

__all__ = ["LIMITS", "encoded", "fit", "in_place", "quarters"]

LIMITS = ImageLimits("V", frozenset({"JPEG", "PNG", "WEBP"}), 2_000_000, 1000, min_side=50)


def fit(given: Any, limits: ImageLimits = LIMITS, **options: Any) -> Picture:
    """Run the flow in place."""
    return in_place(Image(given, **options).fit(limits))


def in_place(flow: Flow[Any]) -> Any:
    """Return what a flow of blocking functions returns."""
    try:
        step = next(flow)
        while True:
            assert isinstance(step, Call | Fetch)
            step = flow.send(step.function() if isinstance(step, Call) else None)
    except StopIteration as stop:
        return stop.value


def quarters(size: tuple[int, int] = (400, 200)) -> PIL.Image.Image:
    """Return a picture that is red top left, green top right, blue bottom left and white bottom right."""
    image = PIL.Image.new("RGB", size, "white")
    half = size[0] // 2, size[1] // 2
    image.paste("red", (0, 0, *half))
    image.paste("lime", (half[0], 0, size[0], half[1]))
    image.paste("blue", (0, half[1], half[0], size[1]))
    return image


def encoded(image: PIL.Image.Image, kind: str, **options: Any) -> bytes:
    """Return the picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
