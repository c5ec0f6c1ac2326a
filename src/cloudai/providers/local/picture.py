"""Measurements of a picture: its dominant colours and its sharpness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudai.errors import MissingExtraError
from cloudai.models.image import Color

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["SIDE", "Properties", "measure"]

SIDE = 512
"""The longer side of the picture that is measured, px: one size for all makes their sharpness comparable."""
PALETTE, COLORS, ALIKE = 12, 5, 48
"""A picture is reduced to twelve colours; those within a distance of 48 in RGB are merged; the largest five stay."""

# A colour gets the name of the nearest basic colour of CSS: https://www.w3.org/TR/css-color-3/#html4
NAMES = {
    "black": (0, 0, 0),
    "gray": (128, 128, 128),
    "silver": (192, 192, 192),
    "white": (255, 255, 255),
    "maroon": (128, 0, 0),
    "red": (255, 0, 0),
    "orange": (255, 165, 0),
    "yellow": (255, 255, 0),
    "olive": (128, 128, 0),
    "green": (0, 128, 0),
    "teal": (0, 128, 128),
    "blue": (0, 0, 255),
    "navy": (0, 0, 128),
    "purple": (128, 0, 128),
}
RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Properties:
    """The measurements: colours, the largest share first, and sharpness, which is the variance of the Laplacian."""

    colors: tuple[Color, ...]
    sharpness: float


def measure(image: PIL.Image.Image) -> Properties:
    """Measure an RGB picture whose longer side has at most `SIDE` px."""
    return Properties(_colors(image), _sharpness(image))


def _sharpness(image: PIL.Image.Image) -> float:
    try:
        import cv2
        import numpy as np
    except ImportError as error:
        raise MissingExtraError("measuring pictures on this machine", "local") from error
    return float(cv2.Laplacian(np.asarray(image.convert("L")), cv2.CV_64F).var())


def _colors(image: PIL.Image.Image) -> tuple[Color, ...]:
    reduced = image.quantize(PALETTE)
    palette = reduced.getpalette() or []
    total = image.width * image.height
    merged: dict[RGB, int] = {}
    # The colours of a quantized picture are indices, but Pillow's type also allows others.
    counted: list[tuple[int, int]] = reduced.getcolors() or []  # type: ignore[assignment]
    for count, index in sorted(counted, reverse=True):
        color = (palette[3 * index], palette[3 * index + 1], palette[3 * index + 2])
        near = next((known for known in merged if _distance(known, color) < ALIKE), color)
        merged[near] = merged.get(near, 0) + count
    largest = sorted(merged.items(), key=lambda pair: -pair[1])[:COLORS]
    return tuple(
        Color(hex="#{:02x}{:02x}{:02x}".format(*color), fraction=count / total, name=_name(color))
        for color, count in largest
    )


def _distance(one: RGB, other: RGB) -> float:
    return math.dist(one, other)


def _name(color: RGB) -> str:
    return min(NAMES, key=lambda name: _distance(NAMES[name], color))
