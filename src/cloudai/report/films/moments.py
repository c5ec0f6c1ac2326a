"""Show the strongest moments of a video as a GIF, a WebP or an MP4 of a few frames."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image, ImageDraw

from cloudai.errors import InputError
from cloudai.report.card_files import MOVING
from cloudai.report.films.annotated import Annotator
from cloudai.report.films.seen import Look, Seen, only, require_other, seen_in
from cloudai.report.fonts import Font
from cloudai.report.plots.chart import clock
from cloudai.report.subjects import Source
from cloudai.report.typeface import typeface
from cloudai.report.words import Language

__all__ = ["ENDINGS_OF_MOMENTS", "save_moments", "strongest"]

ENDINGS_OF_MOMENTS = (".webp", ".gif", ".mp4")

NOTHING = ("neutral", "calm")
"""Emotions that are no moments."""


def save_moments(
    rows: Source,
    path: str | os.PathLike[str],
    *,
    count: int = 10,
    emotion: str | None = None,
    seconds: float = 1.0,
    width: int = 720,
    photos: str | os.PathLike[str] | None = None,
    language: Language = "en",
    font: Font = None,
) -> Path:
    """Write the moments at which an expression is strongest, in the order of the video, and return the path.

    Args:
        rows: A batch over the frames of one video, its outcomes, or the path of a journal; see `save_video`.
        path: The file to write: ``.gif``, ``.webp`` or ``.mp4``.
        count: The number of frames at most, from 1. No two are closer to each other than a third of their even
            distance.
        emotion: The emotion that counts; None takes any but neutral and calm.
        seconds: How long each frame is shown.
        width: Width in px, at most that of the frames.
        photos: A folder below which the video is looked for, if it was moved.
        language: The language of the names of emotions.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: Nothing is known of expressions, no frame has the emotion, the rows are not about frames of one
            video, the video cannot be found, or is the file to write; or the count, the time, the width or the ending
            of the file cannot be used.
        JournalError: The file is no journal, or cannot be read.
        MissingExtraError: PyAV is not installed.
        OutputError: The file cannot be written.
    """
    write = MOVING.get(Path(path).suffix.lower().removeprefix("."))
    if write is None:
        raise InputError(f"{Path(path).name} is no moving picture", advice="Give .gif, .webp or .mp4.")
    everything, where = seen_in(rows, photos)
    seen = only(everything)
    require_other(path, everything, where)
    annotator = Annotator(seen, language=language, font=font)
    pictures = []
    for look in strongest(seen, count, emotion):
        picture = annotator.drawn(where.open(look.subject), look.time)
        pictures.append(_stamped(picture, clock(look.time), font))
    return write(pictures, path, seconds=seconds, width=width)


def strongest(seen: Seen, count: int, emotion: str | None = None) -> list[Look]:
    """Return the frames in which an expression is strongest, in the order of the video.

    Raises:
        InputError: Nothing is known of expressions, or no frame has the emotion.
    """
    if count < 1:
        raise InputError(f"count={count}", advice="Give a whole number from 1.")
    scored = [(score, look) for look in seen.looks if (score := _strength(look, emotion)) > 0]
    if not scored:
        what = "expressions" if emotion is None else emotion
        raise InputError(
            f"nothing is known of {what} in these frames",
            advice="Ask a provider that guesses them.",
        )
    # Without a least distance in time, all moments could be of one and the same smile.
    apart = (seen.looks[-1].time - seen.looks[0].time) / count / 3
    chosen: list[Look] = []
    # The earlier one of two moments that are equally strong counts, so that the choice is always the same.
    for _, look in sorted(scored, key=lambda pair: (-pair[0], pair[1].time)):
        if len(chosen) < count and all(abs(look.time - other.time) >= apart for other in chosen):
            chosen.append(look)
    return sorted(chosen, key=lambda look: look.time)


def _strength(look: Look, emotion: str | None) -> float:
    """Return the highest score of an expression in a frame; 0 if there is none."""
    scores = [
        score
        for face in look.faces
        if face.emotions
        for name, score in face.emotions.scores().items()
        if (name not in NOTHING if emotion is None else name == emotion)
    ]
    return max(scores, default=0.0)


def _stamped(picture: Image.Image, text: str, font: Font) -> Image.Image:
    """Return a picture with the time in its lower left corner."""
    size = max(12, picture.height // 22)
    face = typeface(text, size, font, bold=True)
    pen = ImageDraw.Draw(picture)
    pad, base = size // 2, picture.height - size // 2
    # The time stands on black, because the picture below it may have any colour.
    pen.rectangle((0, base - size - pad // 2, face.length(text) + 2 * pad, picture.height), fill="#000000")
    face.draw(pen, (pad, base - pad // 4), text, "#ffffff")
    return picture
