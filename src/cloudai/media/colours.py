"""Turn the pixels of any picture into eight-bit RGB of another size, a strip at a time.

A whole copy of a large picture in another mode would take several times the memory of the picture itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cloudai.errors import InputError

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["in_rgb", "opacity", "strip_rows", "strips"]

STRIP = 4_000_000
"""The most pixels of a strip."""
SUPPORT = 3
"""The radius of Pillow's Lanczos filter, in pixels of the smaller picture."""
EIGHT_BITS, TWELVE_BITS, SIXTEEN_BITS = 255, 4_095, 65_535
DARKEST = 16
"""The least brightness that one pixel of a picture of eight bits must have: one without any is a mask, or its numbers
go from 0 to little more than 1."""
TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")
NUMBERS = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Modes whose pixels are numbers, of which Pillow does not know the white."""


def in_rgb(image: PIL.Image.Image, size: tuple[int, int], name: str) -> PIL.Image.Image:
    """Return a picture in RGB, resized, with white behind its transparent parts.

    It is the picture itself if that has the colours and the size already.

    Args:
        image: A decoded picture.
        size: The width and height that are wanted, in px; none is greater than that of the picture.
        name: The picture's name, for error messages.

    Raises:
        InputError: The picture consists of numbers that are no brightness.
    """
    is_plain = image.mode == "RGB" and "transparency" not in image.info
    if is_plain and image.size == size:
        return image
    factor = _factor(image, name)
    return _resized(image, size, "RGB", lambda strip: _strip_in_rgb(strip, factor))


def opacity(image: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image | None:
    """Return how opaque a picture is, 0 to 255, as a grey picture of another size; None if it has no transparent parts.

    Args:
        image: A decoded picture.
        size: The width and height that are wanted, in px; none is greater than that of the picture.
    """
    if not _is_transparent(image):
        return None
    return _resized(image, size, "L", lambda strip: strip.convert("RGBA").getchannel("A"))


def _is_transparent(image: PIL.Image.Image) -> bool:
    return image.mode in TRANSPARENT or "transparency" in image.info


def _resized(
    image: PIL.Image.Image, size: tuple[int, int], mode: str, convert: Callable[[PIL.Image.Image], PIL.Image.Image]
) -> PIL.Image.Image:
    """Return a picture of another size and mode, whose strips a function converts before they are resized."""
    import PIL.Image

    out = PIL.Image.new(mode, size)
    (width, height), down = image.size, image.height / size[1]
    rows = max(1, int(STRIP / width / max(1.0, down)))
    # Each strip is cut out with the rows around it that the filter looks at, so that no seam is seen between two
    # strips.
    margin = SUPPORT * math.ceil(down) + 1
    for begin in range(0, size[1], rows):
        end = min(size[1], begin + rows)
        top = max(0, math.floor(begin * down) - margin)
        strip = convert(image.crop((0, top, width, min(height, math.ceil(end * down) + margin))))
        if image.size != size:
            box = (0.0, begin * down - top, width * 1.0, end * down - top)
            strip = strip.resize((size[0], end - begin), PIL.Image.Resampling.LANCZOS, box=box)
        else:
            strip = strip.crop((0, begin - top, width, end - top))
        out.paste(strip, (0, begin))
    return out


def strip_rows(width: int) -> int:
    """Return how many rows of so many pixels a strip has."""
    return max(1, STRIP // max(1, width))


def strips(image: PIL.Image.Image) -> Iterator[PIL.Image.Image]:
    """Yield the picture from top to bottom in pieces of its whole width."""
    rows = strip_rows(image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(image.height, top + rows)))


def _strip_in_rgb(strip: PIL.Image.Image, factor: float) -> PIL.Image.Image:
    import PIL.Image

    if strip.mode in NUMBERS:
        numbers = strip if strip.mode == "F" else strip.convert("I")
        half = 0.5 if strip.mode == "F" else 0  # Pillow cuts the fraction off
        # For pixels that are numbers, Pillow takes only a function of the form ``value * scale + offset``.
        return numbers.point(lambda value: value * factor + half).convert("L").convert("RGB")
    if _is_transparent(strip):
        shown = strip.convert("RGBA")
        paper = PIL.Image.new("RGB", shown.size, "white")
        paper.paste(shown, mask=shown.getchannel("A"))
        return paper
    return _from_lab(strip) if strip.mode == "LAB" else strip.convert("RGB")


def _from_lab(strip: PIL.Image.Image) -> Any:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(strip, lab, srgb, outputMode="RGB")


def _factor(image: PIL.Image.Image, name: str) -> float:
    """Return by what the numbers of a picture are multiplied to be a brightness from 0 to 255.

    Pillow does not say which number is white. Whole numbers are taken as eight bits if none is above 255, else as
    sixteen bits; fractions go from 0 to 1, else up to 255. Numbers that would be nearly black throughout mean something
    else: those of a mask, of a camera of twelve bits, or fractions that are a little above 1 here and there.

    Raises:
        InputError: The numbers are of no such range.
    """
    if image.mode not in NUMBERS:
        return 1.0
    low, high = (float(number) for number in image.getextrema())  # type: ignore[arg-type]
    if low >= 0:
        if image.mode == "F" and high <= 1:
            return float(EIGHT_BITS)
        if high == 0 or DARKEST <= high <= EIGHT_BITS:
            return 1.0
        if image.mode != "F" and TWELVE_BITS < high <= SIXTEEN_BITS:
            return 1 / 256
    raise InputError(
        f"{name} has pixels from {low:g} to {high:g} (mode {image.mode}), and which of them is white is not known",
        advice="Give eight bits, 0 to 255: for example numpy's uint8.",
    )
