"""Measurements of a picture: its dominant colours and its sharpness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudai.models.image import Color
from cloudai.providers.local.colour_names import in_lab, name_of
from cloudai.providers.local.networks import libraries

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["SIDE", "Properties", "measure"]

SIDE = 512
"""The longer side of the picture that is measured, px: one size for all makes their sharpness comparable."""
PALETTE, COLORS, ALIKE = 12, 5, 15.0
"""A picture is reduced to twelve colours; those within a distance of 15 in CIELAB are merged; the largest five stay."""
HALF = 127
"""A pixel that is less opaque shows more of what is behind it than of itself."""


@dataclass(frozen=True)
class Properties:
    """The measurements: colours, the largest share first, and sharpness, which is the variance of the Laplacian."""

    colors: tuple[Color, ...]
    sharpness: float


def measure(image: PIL.Image.Image, language: str = "en", opacity: PIL.Image.Image | None = None) -> Properties:
    """Measure a picture.

    Args:
        image: The picture in RGB, whose longer side has at most `SIDE` px.
        language: The language of the names of the colours.
        opacity: How opaque it is, 0 to 255; only the colours of what is mostly opaque count.
    """
    shown = image if opacity is None else _opaque(image, opacity)
    return Properties(_colors(shown, language) if shown else (), _sharpness(image))


def _opaque(image: PIL.Image.Image, opacity: PIL.Image.Image) -> PIL.Image.Image | None:
    """Return the pixels that are mostly opaque, as a picture of one row; None if there is none."""
    from PIL import Image as Pictures

    _, np = libraries()
    pixels = np.asarray(image)[np.asarray(opacity) > HALF]
    return Pictures.fromarray(pixels[None]) if len(pixels) else None


def _sharpness(image: PIL.Image.Image) -> float:
    cv2, np = libraries()
    return float(cv2.Laplacian(np.asarray(image.convert("L")), cv2.CV_64F).var())


def _colors(image: PIL.Image.Image, language: str) -> tuple[Color, ...]:
    _, np = libraries()
    reduced = image.quantize(PALETTE)
    palette = reduced.getpalette() or []
    # The colours of a quantized picture are indices, but Pillow's type also allows others.
    counted: list[tuple[int, int]] = reduced.getcolors() or []  # type: ignore[assignment]
    # The largest colour comes first, so that small ones are merged into it, and not the other way round.
    counted.sort(reverse=True)
    colors = [(palette[3 * i], palette[3 * i + 1], palette[3 * i + 2]) for _, i in counted]
    lab = in_lab(colors)
    merged: dict[int, int] = {}
    for number, (count, _) in enumerate(counted):
        near = next((known for known in merged if np.linalg.norm(lab[known] - lab[number]) < ALIKE), number)
        merged[near] = merged.get(near, 0) + count
    largest = sorted(merged.items(), key=lambda pair: -pair[1])[:COLORS]
    total = image.width * image.height
    return tuple(
        Color(
            hex="#{:02x}{:02x}{:02x}".format(*colors[number]),
            fraction=count / total,
            name=name_of(colors[number], language),
        )
        for number, count in largest
    )
