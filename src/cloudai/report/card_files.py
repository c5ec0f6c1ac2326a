"""Write cards as moving pictures (GIF, WebP, MP4) and as a page with alternative texts."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from cloudai.errors import InputError, MissingExtraError
from cloudai.report.color import in_colour
from cloudai.report.moving import Each, animated
from cloudai.report.page import template
from cloudai.report.words import Language, words_in
from cloudai.report.writing import write_whole, written_whole
from cloudai.text import plain

__all__ = ["MOVING", "SLOWEST", "save_gif", "save_html", "save_mp4", "save_webp"]

SHORTEST, SLOWEST = 0.02, 600.0
"""The least and the most seconds that a frame is shown.

Viewers slow down a faster GIF, and the field for the time holds 655 s.
"""
RATE = 10
"""Frames a second of a video. Its cards stand still, but players seek badly where frames are seconds apart."""
QUALITY = 82
LONGEST_SIDE = {"gif": 65_535, "webp": 16_383, "mp4": 16_384}
"""The most pixels that a side of a moving picture may have: GIF has 16 bits for it, WebP has 14, x264 no more."""


def save_gif(
    cards: Sequence[Image.Image], path: str | os.PathLike[str], *, seconds: float = 2.0, width: int = 720
) -> Path:
    """Write cards as an animated GIF that repeats for ever, and return its path.

    Args:
        cards: The cards, at least one, all of one size.
        path: The file to write.
        seconds: How long each card is shown, 0.02 to 600.
        width: Width of the GIF in px; it keeps the cards' shape, and is never wider than they are.

    Raises:
        InputError: There are no cards, they have several sizes, or a GIF cannot have the time, the size or so many
            pixels.
        OutputError: The file cannot be written.
    """
    _require(cards, seconds, width, LONGEST_SIDE["gif"])
    # The frames are made one by one while the file is written, because a thousand cards do not fit into memory.
    frames = Each(cards, lambda shown: _frame(shown, min(width, shown.width)))
    # With disposal=1 each card stays until the next one covers it.
    return write_whole(path, animated(frames, "GIF", round(seconds * 1000), disposal=1))


def save_webp(
    cards: Sequence[Image.Image], path: str | os.PathLike[str], *, seconds: float = 2.0, width: int = 1080
) -> Path:
    """Write cards as an animated WebP, about a tenth of a GIF in size and in all colours; see `save_gif`."""
    _require(cards, seconds, width, LONGEST_SIDE["webp"])
    frames = Each(cards, lambda shown: _scaled(shown, min(width, shown.width)))
    return write_whole(path, animated(frames, "WEBP", round(seconds * 1000), quality=QUALITY))


def save_mp4(
    cards: Sequence[Image.Image], path: str | os.PathLike[str], *, seconds: float = 2.0, width: int = 1080
) -> Path:
    """Write cards as a video (H.264) that begins to play before all of it is loaded (extra ``video``); see `save_gif`.

    Each card is shown for a whole number of tenths of a second, at least one.

    Raises:
        InputError: There are no cards, they have several sizes, or a video cannot have the time or the size.
        MissingExtraError: PyAV is not installed.
        OutputError: The file cannot be written; no half of it is left.
    """
    _require(cards, seconds, width, LONGEST_SIDE["mp4"])
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("an MP4 of cards", "video") from error
    # To put the index before the pictures, FFmpeg reads the file again, so it has to be one of the disk.
    options = {"movflags": "+faststart"}
    with written_whole(path) as part, av.open(str(part), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options={"crf": "20", "tune": "stillimage"})
        # H.264 with the colours that all players know has even sides only.
        stream.width, stream.height = (max(2, n - n % 2) for n in _size_at(cards[0], min(width, cards[0].width)))
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, RATE)
        for shown in cards:
            frame = av.VideoFrame.from_image(  # type: ignore[no-untyped-call]
                in_colour(shown).resize((stream.width, stream.height))
            )
            # A card is written again for each frame of its time, because all frames of a video have one rate.
            for _ in range(max(1, round(seconds * RATE))):
                container.mux(stream.encode(frame))
        # The encoder holds frames back until it knows those behind them, and is emptied here.
        container.mux(stream.encode())
    return Path(path)


MOVING: Mapping[str, Callable[..., Path]] = {"gif": save_gif, "webp": save_webp, "mp4": save_mp4}
"""The function that writes moving pictures, by the ending of the file."""


def save_html(
    cards: Sequence[Image.Image],
    texts: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    language: Language = "en",
) -> Path:
    """Write cards as one HTML file with the pictures in it, which loads nothing, and return its path.

    Args:
        cards: The cards.
        texts: The text of each card, which is read aloud to those who do not see it.
        path: The file to write.
        title: The page's heading; None is the word for card news in the language.
        language: Language of the page and of the texts.

    Raises:
        InputError: The language is not one of the page's.
        MissingExtraError: Jinja2 is not installed.
        OutputError: The file cannot be written.
    """
    words = words_in(language)
    shown = [
        {"picture": _embedded(card), "size": card.size, "text": plain(text)}
        for card, text in zip(cards, texts, strict=True)
    ]
    page = template("cards.html").render(language=language, title=plain(title or words["cards"]), cards=shown)
    return write_whole(path, page.encode())


def _embedded(card: Image.Image) -> str:
    out = io.BytesIO()
    in_colour(card).save(out, "WEBP", quality=QUALITY)
    return base64.b64encode(out.getvalue()).decode()


def _require(cards: Sequence[Image.Image], seconds: float, width: int, longest: int) -> None:
    """Raise InputError if no moving picture can be made of these, in a format whose sides have so many px at most."""
    if len({card.size for card in cards}) != 1:
        raise InputError("a GIF needs at least one card, and all of one size", advice="Give card(…, size=…) one size.")
    if not SHORTEST <= seconds <= SLOWEST:
        raise InputError(f"a GIF cannot show a card for {seconds} s", advice=f"Give {SHORTEST} to {SLOWEST:.0f}.")
    if width < 1:
        raise InputError(f"a GIF cannot be {width} px wide", advice="Give at least 1.")
    across, down = _size_at(cards[0], min(width, cards[0].width))
    if max(across, down) > longest:
        raise InputError(
            f"moving pictures of this kind cannot have {across}×{down} px",
            advice=f"Give at most {longest:,} px a side.",
        )


def _size_at(shown: Image.Image, width: int) -> tuple[int, int]:
    """Return the size of a card that is so wide, in px."""
    return width, max(1, round(shown.height * width / shown.width))


def _scaled(shown: Image.Image, width: int) -> Image.Image:
    return in_colour(shown).resize(_size_at(shown, width), Image.Resampling.LANCZOS)


def _frame(shown: Image.Image, width: int) -> Image.Image:
    """Return a card in the 256 colours that suit it best, with dithering between them."""
    small = _scaled(shown, width)
    # A sixteenth of the pixels has the colours of all, and a palette is made of it in a tenth of the time.
    some = small.resize((max(1, small.width // 4), max(1, small.height // 4)), Image.Resampling.NEAREST)
    # Pillow dithers only in a second pass, to a finished palette.
    palette = some.quantize(256, Image.Quantize.MEDIANCUT)
    return small.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
