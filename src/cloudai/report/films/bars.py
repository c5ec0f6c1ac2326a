"""Draw the apparent expressions of faces as bars on a panel beside a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

from cloudai.models.face import EMOTIONS, Emotion, Face
from cloudai.report.fonts import Font
from cloudai.report.marks import colour_of_track
from cloudai.report.text_layout import shortened
from cloudai.report.typeface import readable, typeface

__all__ = ["MOST_FACES", "emotions_of", "panel"]

MOST_FACES = 3
"""Faces that a panel shows at most, the largest."""
LARGEST, WIDEST = 22, 2.4
"""The largest letters in px, and the most space from line to line, in letters."""
PAPER, INK, FAINT, TRACK = "#15171c", "#f2f3f5", "#9aa0aa", "#2b2f38"
STEPS = 4
"""Steps of a likelihood above the lowest: its word is a rank, and is drawn as so many blocks."""


def emotions_of(faces: Sequence[Face]) -> tuple[Emotion, ...]:
    """Return the emotions that the provider says anything of, in our order."""
    named = {name for face in faces if face.emotions for name in face.emotions.scores()}
    return tuple(name for name in EMOTIONS if name in named)


def panel(
    faces: Sequence[Face],
    emotions: Sequence[str],
    size: tuple[int, int],
    words: Mapping[str, str],
    *,
    slots: int = 1,
    font: Font = None,
) -> Image.Image:
    """Return a panel with a bar for each emotion of each face; a likelihood is drawn as blocks, one for each step.

    Args:
        faces: The faces; those that are shown stand in the order of their numbers.
        emotions: The names of the emotions that have a bar.
        size: Width and height of the panel in px.
        words: The names of the emotions in the reader's language.
        slots: For how many faces the panel has room, so that its bars do not jump when a face comes.
        font: Path of a font file; see `find_font`.
    """
    made = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(made)
    # The faces come largest first. In the order of their numbers each keeps its place, also when another one becomes
    # larger.
    shown = sorted(faces[:MOST_FACES], key=lambda face: face.track or 0)
    room = size[1] / max(1, slots, len(shown))
    for n, face in enumerate(shown):
        _face(pen, face, emotions, (0, round(n * room), size[0], round((n + 1) * room)), words=words, font=font)
    return made


def _face(
    pen: ImageDraw.ImageDraw,
    face: Face,
    emotions: Sequence[str],
    edges: tuple[int, int, int, int],
    *,
    words: Mapping[str, str],
    font: Font,
) -> None:
    """Draw the number of a face and its bars between these edges."""
    left, top, right, bottom = edges
    line = (bottom - top) / (len(emotions) + 1.6)
    letter = max(9, min(LARGEST, round(line * 0.62), (right - left) // 9))
    line = min(line, letter * WIDEST)
    pad = max(4, round(letter * 0.6))
    colour = colour_of_track(face.track or 1)
    y = top + line * 0.5
    pen.rectangle((left + pad, y, left + pad + letter, y + letter), fill=colour)
    _text(
        pen,
        (left + 2 * pad + letter, y + letter * 0.88),
        str(face.track or 1),
        letter,
        colour=INK,
        font=font,
        bold=True,
    )
    names = [words.get(name, name) for name in emotions]
    widest = max((_width(name, letter, font) for name in names), default=0)
    # All bars begin at one place, so that their ends can be compared.
    begin = left + pad + min(round(widest) + pad, round((right - left) * 0.5))
    scores = face.emotions.scores() if face.emotions else {}
    stepped = face.emotions is not None and face.emotions.scale == "likelihood"
    for n, (name, word) in enumerate(zip(emotions, names, strict=True)):
        y = top + line * (n + 1.5)
        is_top = face.emotions is not None and face.emotions.top == name
        _text(
            pen,
            (left + pad, y + letter * 0.88),
            word,
            letter,
            colour=INK if is_top else FAINT,
            font=font,
            room=begin - left - pad,
        )
        _bar(pen, scores.get(name), (begin, round(y), right - pad, round(y + letter)), colour, stepped=stepped)


def _bar(
    pen: ImageDraw.ImageDraw, score: float | None, edges: tuple[int, int, int, int], colour: str, *, stepped: bool
) -> None:
    left, top, right, bottom = edges
    top, bottom = top + (bottom - top) // 6, bottom - (bottom - top) // 6
    if stepped:
        width = (right - left) / STEPS
        for step in range(STEPS):
            # A rank of 0.5 has two blocks of four: the lowest word has none.
            filled = score is not None and score * STEPS > step
            pen.rectangle(
                (left + step * width, top, left + (step + 1) * width - 2, bottom), fill=colour if filled else TRACK
            )
        return
    pen.rectangle((left, top, right, bottom), fill=TRACK)
    if score:
        pen.rectangle((left, top, left + max(1, round((right - left) * min(1.0, score))), bottom), fill=colour)


def _width(text: str, letter: int, font: Font) -> float:
    return typeface(readable(text, font), letter, font).length(text)


def _text(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    letter: int,
    *,
    colour: str,
    font: Font,
    bold: bool = False,
    room: float | None = None,
) -> None:
    text = readable(text, font, bold=bold)
    face = typeface(text, letter, font, bold=bold)
    if room is not None and face.length(text) > room:
        text = shortened(text, face.length, room, face.ellipsis)
    face.draw(pen, at, text, colour)
