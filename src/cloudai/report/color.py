"""Any picture of Pillow's as plain eight-bit colour, upright."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from cloudai.errors import InputError
from cloudai.media.decode import decoding, from_pillow, upright

__all__ = ["in_colour"]


def in_colour(picture: Image.Image) -> Image.Image:
    """A copy in RGB, transparency on white, without any metadata.

    Args:
        picture: Straight from a file it is turned upright by its EXIF; anything else is taken as it looks.

    Raises:
        InputError: It has no pixels, too many, or its file is damaged.
    """
    if 0 in picture.size:
        raise InputError(f"a picture of {picture.width}×{picture.height} pixels has nothing to show")
    _, header = from_pillow(picture, "the picture")
    if picture.format is None:
        # Cut, resized or turned already: Pillow then drops the format, but may keep the old Orientation.
        header = replace(header, orientation=1, width=picture.width, height=picture.height)
    with decoding("the picture", header.format):
        mine = picture.copy()
    shown = upright(mine, header, (header.width, header.height), "the picture")
    shown.info.clear()
    return shown
