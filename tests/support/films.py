"""Make small videos for tests: any pictures at any times, as telephones and cameras store them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw

__all__ = ["SIZE", "UNEVEN", "colour", "counted", "film", "number_in", "turned"]

SIZE = (64, 48)
TICK = Fraction(1, 1000)
RATE = 192_000
UNEVEN = [0, 33, 67, 100, 400, 433, 467, 900, 1000, 1033, 1500, 1900]
"""Times of frames in ms that are far from even, as those of a screen that was recorded."""


def colour(name: str | tuple[int, int, int], size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a picture of one colour."""
    return Image.new("RGB", size, name)


def counted(number: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a picture that holds a number below 64, as six white or black bars, which survive any codec."""
    picture = Image.new("RGB", size, "#303030")
    pen = ImageDraw.Draw(picture)
    for bit in range(6):
        pen.rectangle((bit * 10 + 2, 4, bit * 10 + 9, 40), fill="white" if number >> bit & 1 else "black")
    return picture


def number_in(picture: Image.Image) -> int:
    """Return the number that a picture of `counted` holds."""
    grey = picture.convert("L")
    return sum((int(grey.getpixel((bit * 10 + 5, 20))) > 128) << bit for bit in range(6))  # type: ignore[arg-type]


def film(
    pictures: Sequence[Image.Image],
    times: Sequence[int],
    *,
    format: str = "mp4",  # noqa: A002
    codec: str = "libx264",
    sound: bool = False,
    tone: tuple[float, float] | None = None,
    pixels: str = "yuv420p",
    aspect: Fraction | None = None,
    tick: Fraction = TICK,
    container: dict[str, str] | None = None,
    **options: str,
) -> bytes:
    """Make a video of these pictures at these times in ticks, perhaps with 2.5 s of silence, or pixels of this aspect.

    A tone of 192 000 samples a second (FLAC) begins at a time, and lasts so many seconds.
    """
    out = io.BytesIO()
    with av.open(out, "w", format=format, options=container or {}) as file:
        stream: Any = file.add_stream(codec, rate=30 if tick == TICK else 1 / tick, options=options)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt, stream.time_base = pixels, tick
        stream.codec_context.time_base = tick
        stream.codec_context.thread_count = 1  # to start threads takes longer than such small pictures do
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        voice: Any = file.add_stream("aac", rate=8000, layout="mono") if sound else None
        tuned: Any = file.add_stream("flac", rate=RATE, layout="mono") if tone else None
        for picture, time in zip(pictures, times, strict=True):
            frame: Any = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = time, tick
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        if tone:
            waves = np.sin(np.arange(round(tone[1] * RATE), dtype=np.float32) / 50) * 20_000
            played: Any = av.AudioFrame.from_ndarray(waves.astype(np.int16)[None], format="s16", layout="mono")
            played.sample_rate, played.pts, played.time_base = RATE, round(tone[0] * RATE), Fraction(1, RATE)
            file.mux(tuned.encode(played))
            file.mux(tuned.encode())
        for number in range(20 if voice else 0):
            samples: Any = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            samples.rate, samples.pts = 8000, 1024 * number
            for plane in samples.planes:
                plane.update(bytes(plane.buffer_size))
            file.mux(voice.encode(samples))
        if voice:
            file.mux(voice.encode())
    return out.getvalue()


def turned(mp4: bytes, degrees: int) -> bytes:
    """Return the same MP4 with a telephone's note to turn its pictures clockwise, by 90, 180 or 270 degrees."""
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 1 << 16
    matrix = [a * one, b * one, 0, -b * one, a * one, 0, 0, 0, 1 << 30]
    at = mp4.index(b"tkhd") + 4 + 40  # version and flags, times, ids, layer, volume: ISO/IEC 14496-12, 8.3.2
    return mp4[:at] + b"".join(value.to_bytes(4, "big", signed=True) for value in matrix) + mp4[at + 36 :]
