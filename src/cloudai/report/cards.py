"""Draw card news: pictures of one size, each with a caption below, and an animated GIF of them."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from cloudai.errors import InputError
from cloudai.report.color import in_colour
from cloudai.report.fonts import MissingFontError, find_font
from cloudai.report.text_layout import balanced, shortened, wrapped
from cloudai.text import drawable

__all__ = ["card", "save_gif"]

Font = str | os.PathLike[str] | None

SIZE = (1080, 1080)
LEAST = 240
"""The least length of a card's side, in px: on a smaller card the smallest letters cannot be read."""
PANEL = 0.27
"""Share of the height that the caption's panel takes. It is the same on all cards, so that a GIF does not jump."""
INK, PAPER, FAINT, ACCENT = "#ffffff", "#14171c", "#a9b0bb", "#ffb400"
LARGEST, SMALLEST, FOOTNOTE = 60, 34, 24
"""Sizes of letters in px, on a card whose shorter side is 1080 px; smaller ones are not legible on a phone."""
FLOOR = 12
"""The least size of a letter in px, however small the card is."""
LEADING = 1.32
LONGEST = 1000
"""How many letters of a text are looked at; a panel holds far fewer."""
MOST_ENLARGED = 3
"""How many times a picture may be enlarged; a thumbnail that is enlarged further is a blur."""
SHORTEST, SLOWEST = 0.02, 600.0
"""The least and the most seconds that a frame of a GIF is shown.

Viewers slow down a faster GIF, and the field for the time holds 655 s.
"""


@dataclass(frozen=True)
class _Panel:
    """The layout of a card's panel, in px."""

    width: int
    top: int
    height: int
    unit: float
    """The scale of the card: 1 for one whose shorter side is 1080 px."""

    @property
    def margin(self) -> int:
        return round(56 * self.unit)

    @property
    def room(self) -> int:
        """The width that a line of text may have, in px."""
        return self.width - 2 * self.margin

    def letters(self, points: float) -> int:
        """Return the size of letters in px for their size on a card whose shorter side is 1080 px."""
        return max(FLOOR, round(points * self.unit))


def card(
    picture: Image.Image,
    caption: str,
    *,
    footnote: str = "",
    size: tuple[int, int] = SIZE,
    font: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Return a card: a picture with its caption in a panel below.

    The caption is wrapped. It is never cut off at the edge, and never covers the picture.

    Args:
        picture: The picture, which is shown whole. Where its shape leaves room, a blurred copy fills the rest.
        caption: The text of the panel. A long one gets smaller letters, and ends in … when it is longer still.
        footnote: One small line, for example with the origin of the caption.
        size: Width and height of the card in px, each at least 240.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: The size is too small, or the picture cannot be read.
        MissingFontError: No font has all characters of the caption or the footnote.
    """
    width, height = size
    if min(size) < LEAST:
        raise InputError(f"a card of {width}×{height} px is too small", advice=f"Give at least {LEAST} px a side.")
    caption, footnote = (drawable(text[: 4 * LONGEST])[:LONGEST] for text in (caption, footnote))
    panel = round(height * PANEL) if caption or footnote else 0
    shown = Image.new("RGB", size, PAPER)
    shown.paste(_fitted(in_colour(picture), (width, height - panel)), (0, 0))
    if panel:
        _write(shown, caption, footnote, _Panel(width, height - panel, panel, min(size) / 1080), font)
    return shown


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
        InputError: There are no cards, they have several sizes, or a GIF cannot have the time or the width.
    """
    if len({card.size for card in cards}) != 1:
        raise InputError("a GIF needs at least one card, and all of one size", advice="Give card(…, size=…) one size.")
    if not SHORTEST <= seconds <= SLOWEST:
        raise InputError(f"a GIF cannot show a card for {seconds} s", advice=f"Give {SHORTEST} to {SLOWEST:.0f}.")
    if width < 1:
        raise InputError(f"a GIF cannot be {width} px wide", advice="Give at least 1.")
    frames = [_frame(shown, min(width, shown.width)) for shown in cards]
    out = io.BytesIO()
    # By disposal=1 each card stays until the next one covers it.
    frames[0].save(
        out, "GIF", save_all=True, append_images=frames[1:], duration=round(seconds * 1000), loop=0, disposal=1
    )
    target = Path(path)
    target.write_bytes(out.getvalue())
    return target


def _frame(shown: Image.Image, width: int) -> Image.Image:
    """Return a card in the 256 colours that suit it best, with dithering between them."""
    height = max(1, round(shown.height * width / shown.width))
    small = in_colour(shown).resize((width, height), Image.Resampling.LANCZOS)
    # Pillow dithers only in a second pass, to a finished palette.
    palette = small.quantize(256, Image.Quantize.MEDIANCUT)
    return small.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the whole picture before a blurred and darkened copy that fills the rest of the size."""
    scale = min(size[0] / picture.width, size[1] / picture.height, MOST_ENLARGED)
    whole = picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS
    )
    if whole.size == size:
        return whole
    behind = _blurred(picture, size)
    behind.paste(whole, ((size[0] - whole.width) // 2, (size[1] - whole.height) // 2))
    return behind


def _blurred(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    # So wide a blur looks the same if it is made at an eighth of the size, in a sixtieth of the time.
    small = max(1, size[0] // 8), max(1, size[1] // 8)
    scale = max(small[0] / picture.width, small[1] / picture.height)
    # Pillow refuses a part that is wider than the picture, be it by the last digit of a float.
    across, down = min(picture.width, small[0] / scale), min(picture.height, small[1] / scale)
    left, top = (picture.width - across) / 2, (picture.height - down) / 2
    filled = picture.resize(small, Image.Resampling.BOX, (left, top, left + across, top + down))
    soft = filled.filter(ImageFilter.GaussianBlur(small[0] / 22)).resize(size, Image.Resampling.BICUBIC)
    return Image.blend(soft, Image.new("RGB", size, PAPER), 0.5)


def _write(shown: Image.Image, caption: str, footnote: str, panel: _Panel, font: Font) -> None:
    """Draw the panel of a card, with its caption and its footnote, onto the card."""
    draw = ImageDraw.Draw(shown)
    top, bottom = panel.top + panel.margin * 0.75, panel.top + panel.height - panel.margin * 0.75
    bar = round(8 * panel.unit)
    draw.rectangle((0, panel.top, panel.width, panel.top + bar - 1), ACCENT)
    top += bar
    if footnote:
        mark, needed = _mark(footnote, font)
        small = find_font(needed, panel.letters(FOOTNOTE), font)
        if small.getlength(footnote) > panel.room:
            footnote = shortened(footnote, small.getlength, panel.room, mark)
        draw.text((panel.margin, bottom), footnote, FAINT, small, "ls")
        bottom -= small.size * 1.6
    if caption:
        face, lines = _set(caption, panel, bottom - top, font)
        leading = face.size * LEADING
        # Capitals and Hangul are about 0.8 of the font's size high; the block of lines is centred by them.
        first = (top + bottom - leading * (len(lines) - 1) + face.size * 0.8) / 2
        for number, line in enumerate(lines):
            draw.text((panel.margin, first + number * leading), line, INK, face, "ls")


def _set(text: str, panel: _Panel, height: float, font: Font) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """Return the font with the largest letters in which the text fits, and the lines of the text.

    A text that does not fit in the smallest letters either is shortened, and ends in an ellipsis.
    """
    mark, needed = _mark(text, font)
    for points in range(LARGEST, SMALLEST - 1, -2):
        face = find_font(needed, panel.letters(points), font, bold=True)
        most = max(1, int((height / face.size - 1) / LEADING + 1))
        if len(wrapped(text, face.getlength, panel.room)) <= most:
            return face, balanced(text, face.getlength, panel.room)
    # The loop has ended with the smallest letters.
    lines = wrapped(text, face.getlength, panel.room)
    rest = " ".join(lines[most - 1 :])
    return face, [*lines[: most - 1], shortened(rest, face.getlength, panel.room, mark)]


def _mark(text: str, font: Font) -> tuple[str, str]:
    """Return the ellipsis for a shortened text, and the characters that a font must have.

    It is "…", or "..." if no font has that and all characters of the text.
    """
    try:
        find_font(f"{text}…", FLOOR, font, bold=True)
    except MissingFontError:
        return "...", text
    return "…", f"{text}…"
