"""Convert any picture of Pillow's to plain eight-bit colour, upright."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from cloudai.errors import InputError
from cloudai.media.decode import from_pillow, upright

__all__ = ["in_colour"]


def in_colour(picture: Image.Image) -> Image.Image:
    """Return a copy in RGB, with white behind transparent parts and without any metadata.

    Args:
        picture: The picture. One that comes straight from a file is turned upright by its EXIF data; any other is
            taken as it is.

    Raises:
        InputError: The picture has no pixels or too many, or its file is damaged.
    """
    if 0 in picture.size:
        raise InputError(f"a picture of {picture.width}×{picture.height} pixels has nothing to show")
    # The limits of pictures hold for those of Pillow, too: a user may hand over one that Pillow has not loaded yet.
    _, header = from_pillow(picture, "the picture")
    if picture.format is None:
        # The picture was cut, resized or turned: Pillow then drops the format, but may keep the old orientation.
        header = replace(header, orientation=1, width=picture.width, height=picture.height)
    shown = upright(picture, header, (header.width, header.height), "the picture", keep=True)
    # A comment or a colour profile, which Pillow keeps in ``info``, would be written into every file.
    shown.info.clear()
    return shown
