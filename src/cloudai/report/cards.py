"""Card news: a caption under every picture, all of one size, as an animated GIF."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from cloudai.report.fonts import find_font
from cloudai.table import UNPRINTABLE

__all__ = ["card", "save_gif"]

SIZE = (1080, 1080)
PANEL = 0.26
"""Share of the height that the caption takes at the most."""
INK, PAPER, FAINT = "#ffffff", "#16181d", "#a9b0bb"
LARGEST, SMALLEST = 56, 30
"""Size of the caption in px on a card 1080 px wide; smaller is not legible on a phone."""


def card(
    picture: Image.Image,
    caption: str,
    *,
    footnote: str = "",
    size: tuple[int, int] = SIZE,
    font: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """A picture with its caption in a panel below: wrapped, never cut at the edge, never on the picture.

    Args:
        picture: Upright; it is shown whole, before a blurred copy of itself where its shape leaves room.
        caption: One to three lines; a longer one gets smaller, and ends in … when it cannot.
        footnote: One small line, for example where the caption comes from.
        size: Width and height of the card, px.
        font: Path of a font file; see `cloudai.report.find_font`.

    Raises:
        MissingFontError: No font has all characters of the caption.
    """
    width, height = size
    caption, footnote = _plain(caption), _plain(footnote)
    panel = round(height * PANEL)
    shown = Image.new("RGB", size, PAPER)
    shown.paste(_fitted(picture.convert("RGB"), (width, height - panel)), (0, 0))
    draw = ImageDraw.Draw(shown)
    margin = round(width * 0.05)
    low = round(width / 1080 * 26)
    small = find_font(footnote, low, font) if footnote else None
    room = panel - margin - (low * 2 if small else margin // 2)
    face, lines = _set(caption, width - 2 * margin, room, width / 1080, font)
    leading = round(face.size * 1.35)
    top = height - panel + margin // 2 + (room - leading * len(lines)) // 2
    for number, line in enumerate(lines):
        draw.text((margin, top + number * leading), line, INK, face)
    if small:
        fitted = _ellipsised(footnote, small, width - 2 * margin)
        draw.text((margin, height - round(low * 1.9)), fitted, FAINT, small)
    return shown


def save_gif(
    cards: Sequence[Image.Image], path: str | os.PathLike[str], *, seconds: float = 2.5, width: int = 720
) -> Path:
    """Write cards as an animated GIF that repeats for ever.

    Args:
        cards: At least one, all of one size.
        path: The file to write.
        seconds: How long each is shown.
        width: Of the GIF, px; it keeps the cards' shape.
    """
    if len({card.size for card in cards}) != 1:
        raise ValueError("a GIF needs at least one card, and all of one size")
    height = round(cards[0].height * width / cards[0].width)
    frames = [shown.resize((width, height), Image.Resampling.LANCZOS).quantize(256) for shown in cards]
    target = Path(path)
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=round(seconds * 1000), loop=0, disposal=1)
    return target


def _plain(text: str) -> str:
    """Captions are a machine's words: no control characters, composed letters, single spaces."""
    return " ".join(UNPRINTABLE.sub(" ", unicodedata.normalize("NFC", text)).split())


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The whole picture, before a blurred and darkened copy that fills the rest."""
    behind = ImageOps.fit(picture, size).filter(ImageFilter.GaussianBlur(size[0] // 30))
    behind = Image.blend(behind, Image.new("RGB", size, PAPER), 0.45)
    whole = ImageOps.contain(picture, size, Image.Resampling.LANCZOS)
    behind.paste(whole, ((size[0] - whole.width) // 2, (size[1] - whole.height) // 2))
    return behind


def _set(
    text: str, width: int, height: int, scale: float, font: str | os.PathLike[str] | None
) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest size at which the text fits, and its lines; the smallest size and an ellipsis if none does."""
    for points in range(round(LARGEST * scale), round(SMALLEST * scale) - 1, -2):
        face = find_font(text, points, font)
        lines = _wrapped(text, face, width)
        if len(lines) * points * 1.35 <= height:
            return face, lines
    most = max(1, int(height // (face.size * 1.35)))
    last = _ellipsised(" ".join(lines[most - 1 :]) + "…", face, width)
    return face, [*lines[: most - 1], last]


def _wrapped(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines no wider than this, broken at spaces, inside a word only if it is wider alone."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width:
            lines[-1] = longer
            continue
        pieces = _broken(word, face, width)
        lines += pieces if lines[-1] else []
        if not lines[0]:
            lines = pieces
    return lines


def _broken(word: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and face.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _ellipsised(text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    if face.getlength(text) <= width:
        return text
    kept = text.rstrip("…")
    while kept and face.getlength(f"{kept}…") > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
