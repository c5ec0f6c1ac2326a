"""Mend pictures that viewers show and vendors may refuse: with blanks before the file, or as a JPEG without its end."""

from __future__ import annotations

import io
import re

from cloudai.media.strip import is_whole_jpeg

__all__ = ["mended"]

BLANKS = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]+")
PICTURE = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|BM|II\*\0|MM\0\*|....ftyp", re.DOTALL)
EOI = b"\xff\xd9"
FILLING = b"\x55\xaa\x33" * 64
"""Bytes that a decoder would turn into other pixels, if it took them for pixels: see `_has_all_pixels`."""


def mended(data: bytes) -> tuple[bytes, bool]:
    """Return a file without blanks before it, and with the end that a JPEG lacks; and whether it lacked that.

    A JPEG without its end whose pixels are not all there is returned as it is.
    """
    blanks = BLANKS.match(data)
    if blanks and PICTURE.match(data, blanks.end()):
        data = data[blanks.end() :]
    if data[:3] != b"\xff\xd8\xff" or data[-2:] == EOI or is_whole_jpeg(data):
        return data, False
    cut = data.rstrip(b"\xff")  # half of the end may be there
    return (cut + EOI, True) if _has_all_pixels(cut) else (data, False)


def _has_all_pixels(data: bytes) -> bool:
    """Return whether a JPEG without its end has all of its pixels.

    A decoder makes up the pixels that are missing, from whatever follows. Where none is missing, it makes no
    difference what follows.
    """
    one, other = _small(data + EOI), _small(data + FILLING + EOI)
    return one is not None and one == other


def _small(data: bytes) -> bytes | None:
    import PIL.JpegImagePlugin

    try:
        image = PIL.JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        # An eighth of the size is decoded in a fraction of the time, and pixels that are missing make a difference
        # there too.
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        return image.tobytes()
    except Exception:  # noqa: BLE001  # decoders raise errors of many kinds; the one of the file itself comes later
        return None
