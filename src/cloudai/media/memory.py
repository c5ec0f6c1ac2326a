"""Estimate, from a picture's header, the memory that it takes to decode the picture and to encode it anew.

The numbers were measured with Pillow 13 and pillow-heif 1.8 (``benchmarks/memory.py``), and rounded up.
"""

from __future__ import annotations

from cloudai.core.memory import VARIABLE, picture_bytes
from cloudai.errors import InputError
from cloudai.media.decode import Header

__all__ = ["LARGE", "most_scale", "needed", "require_affordable"]

LARGE = 36_000_000
"""The most pixels of a picture that is encoded anew in its own size: a JPEG that is turned takes below 400 MB then."""
SHRUNK = 32_000_000
"""The most pixels that are made of a larger picture."""

WIDTHS = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes of a pixel in Pillow's memory by mode; all other modes have 4, also RGB."""
DECODERS = {"WEBP": 17, "HEIC": 12, "AVIF": 12, "ICO": 20}
"""Bytes that a decoder takes for each pixel, those of the picture included, where that is not the width of a pixel."""
BESIDE = {"GIF": 2, "TIFF": 4}
"""Bytes that a decoder takes for each pixel beside the width of a pixel. A TIFF may be a single strip."""
MADE, AGAIN = 4, 9
"""Bytes for each pixel of the picture that is made: in RGB alone; and together with its file, and with the smaller
picture that is made if the file is too large."""
STRIPS = 50_000_000
"""Bytes for what does not depend on the size: the strips that are worked on, and the buffers of the encoder."""


def most_scale(header: Header) -> float:
    """Return the largest scale, for width and height, at which a picture is encoded anew.

    The scale is 1 for a picture of at most `LARGE` pixels. For a larger one it is the largest of a half, a quarter and
    so on that leaves at most `SHRUNK` pixels: at these scales a JPEG decodes in a fraction of the memory.
    """
    scale = 1.0
    while header.pixels > LARGE and header.pixels * scale * scale > SHRUNK:
        scale /= 2
    return scale


def needed(header: Header, size: tuple[int, int], *, given: bool = False) -> int:
    """Return how many bytes it takes to decode a picture, to make one of this size of it, and to encode that.

    Args:
        header: The header of the picture.
        size: Width and height of the picture that is made, in px.
        given: Whether the picture is in memory already, because the user gave pixels.
    """
    made = size[0] * size[1]
    decoded = 0 if given else _decoded(header, size)
    turned = MADE * made if header.orientation != 1 else 0
    return max(decoded + MADE * made, AGAIN * made + turned) + STRIPS


def _decoded(header: Header, size: tuple[int, int]) -> int:
    width = WIDTHS.get(header.mode, 4)
    if header.format in ("JPEG", "MPO"):
        shrunk = max(1, min(8, header.width // size[0], header.height // size[1]))
        shrunk = 1 << (shrunk.bit_length() - 1)  # a decoder shrinks to a half, a quarter or an eighth
        return width * (header.pixels // shrunk**2 + header.width + header.height) + header.coefficients
    each = DECODERS.get(header.format, width + BESIDE.get(header.format, 0)) + (4 if header.turns_itself else 0)
    return each * header.pixels


def require_affordable(header: Header, memory: int, name: str) -> None:
    """Raise InputError if preparing a picture takes more memory than all pictures of the process may have.

    Args:
        header: The header of the picture, for the text of the error.
        memory: The bytes that preparing the picture takes, from `needed`.
        name: The name of the picture, for the text of the error.
    """
    most = picture_bytes()
    if memory > most:
        kind = "progressive JPEG" if header.coefficients else header.format
        raise InputError(
            f"{name} has {header.width}×{header.height} pixels ({kind}): to prepare it takes {memory / 1e6:,.0f} MB of "
            f"memory, and pictures may have {most / 1e6:,.0f} MB",
            advice=f"Make it smaller, save it as a baseline JPEG, or raise {VARIABLE}.",
        )
