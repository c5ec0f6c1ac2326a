"""Pictures of noise, which no encoder makes small, of the sizes that the benchmarks send."""

from __future__ import annotations

import io
import random

import PIL.Image

__all__ = ["large", "small"]


def jpeg(width: int, height: int) -> bytes:
    """Return a JPEG file of noise of this width and height in px."""
    # One seed gives the same file in every process, so all subjects send the same number of bytes.
    noise = random.Random(7)  # noqa: S311
    out = io.BytesIO()
    PIL.Image.frombytes("RGB", (width, height), noise.randbytes(width * height * 3)).save(out, "JPEG", quality=80)
    return out.getvalue()


def small() -> bytes:
    """Return a picture of 30 kB."""
    return jpeg(240, 180)


def large() -> bytes:
    """Return a picture of 1 MB."""
    return jpeg(1390, 1060)
