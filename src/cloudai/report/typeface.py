"""Draw a text in several fonts: what the first one lacks, an emoji for example, comes from another one or is named."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import regex
from PIL import Image, ImageDraw, ImageFont

from cloudai.report import fonts
from cloudai.report.fonts import Font, MissingFontError

__all__ = ["Typeface", "outline_fonts", "readable", "typeface"]

log = logging.getLogger("cloudai")

EMOJI = ("seguiemj.ttf", "apple color emoji.ttc", "notocoloremoji.ttf", "notoemoji-regular.ttf", "symbola.ttf")
"""File names of fonts with emoji, in lower case: of Windows, macOS, Debian and Fedora."""
SIZES = (109, 160, 96, 64)
"""Sizes in px in which fonts hold pictures of emoji: those of Noto, and of Apple."""
EMOJI_HEIGHT = 1.15
"""The height of an emoji as a share of the size of the letters beside it."""


class Typeface:
    """A font, and others for the characters that it lacks.

    Args:
        size: The size of the letters in px.
        main: The font for all that it has.
        others: The font or the file of emoji for each piece of text that ``main`` lacks.
    """

    def __init__(
        self, size: int, main: ImageFont.FreeTypeFont, others: dict[str, ImageFont.FreeTypeFont | str]
    ) -> None:
        self.size, self._main, self._others = size, main, others
        self.ellipsis = "…"
        """The end of a text that was shortened: "..." if the fonts have no such character."""

    def length(self, text: str) -> float:
        """Return the width of a text in px."""
        if not self._others:
            return self._main.getlength(text)
        return sum(_length(font, piece, self.size) for font, piece in self._pieces(text))

    def draw(self, pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, colour: str) -> None:
        """Draw a text on one line; ``at`` is the left end of the line on which its letters stand."""
        left, base = at
        for font, piece in self._pieces(text):
            if isinstance(font, str):
                # An emoji may be several characters, such as a flag or a family, which only together are one picture.
                for one in regex.findall(r"\X", piece):
                    _draw_emoji(pen, (left, base), _emoji(font, one, self.size), self.size)
                    left += _length(font, one, self.size)
            else:
                pen.text((left, base), piece, colour, font, "ls")
                left += font.getlength(piece)

    def _pieces(self, text: str) -> list[tuple[ImageFont.FreeTypeFont | str, str]]:
        """Return the text in pieces of one font each."""
        if not self._others:
            return [(self._main, text)]
        each = [(self._others.get(one, self._main), one) for one in regex.findall(r"\X", text)]
        return [(font, "".join(one for _, one in some)) for font, some in groupby(each, key=lambda pair: pair[0])]


def typeface(text: str, size: int, font: Font = None, *, bold: bool = False) -> Typeface:
    """Return the fonts in which a text can be drawn; what no font has must have been named before, by `readable`.

    Args:
        text: The text that will be drawn.
        size: The size of the letters in px.
        font: Path of a font file; see `find_font`.
        bold: Prefer the bold weight of a font.

    Raises:
        MissingFontError: The file that ``font`` names is no font.
    """
    try:
        # The ellipsis belongs to every text, because it may have to be shortened.
        return Typeface(size, fonts.find_font(f"{text}…", size, font, bold=bold), {})
    except MissingFontError:
        path = _best(text, font, bold=bold)
        wanted = f"{text}…"
        others = {
            one: _opened(other, size, bold=bold) for one, other in _elsewhere(wanted, path, bold=bold).items() if other
        }
        face = Typeface(size, fonts.face_of(path, size, bold=bold), others)
        if _elsewhere("…", path, bold=bold) == {"…": None}:
            face.ellipsis = "..."
        return face


def readable(text: str, font: Font = None, *, bold: bool = False, strict: bool = False) -> str:
    """Return a text in which what no font has is named: "[grinning face]" for an emoji, "[Thai]" for Thai letters.

    Args:
        text: The text that will be drawn.
        font: Path of a font file; see `find_font`.
        bold: Whether it will be drawn in the bold weight.
        strict: Whether letters that ``font``, or every font, lacks are an error: symbols never are.

    Raises:
        MissingFontError: The file that ``font`` names is no font; or, with ``strict``, a letter is missing.
    """
    try:
        fonts.find_font(text, _PROBE, font, bold=bold)
    except MissingFontError:
        # A symbol that is missing is named in brackets. A word whose letters are missing could not be read at all.
        letters = "".join(c for c in text if unicodedata.category(c)[0] not in "SC")
        if strict:
            fonts.find_font(letters, _PROBE, font, bold=bold)
        known = _elsewhere(text, _best(text, font, bold=bold), bold=bold)
        if missing := {one for one, path in known.items() if path is None}:
            log.warning("no font here has %s, which is named in its place", " ".join(sorted(missing)[:5]))
            return _with_names(text, missing)
    return text


_PROBE = 32


def outline_fonts(text: str, font: Font = None, *, last: Sequence[str] = ()) -> tuple[list[str], dict[str, str]]:
    """Return the fonts by whose outlines a text is drawn, and what is written for the pieces that no such font has.

    A colour font has pictures in place of outlines, so that an emoji is named: "[grinning face]".

    Args:
        text: The text that will be drawn.
        font: Path of a font file; see `find_font`.
        last: Paths of fonts that are asked when no installed font has a piece of the text.

    Returns:
        The paths, the font that has the most characters first; `BUILT_IN` stands for Pillow's own. And the words by the
        pieces of the text that they replace.

    Raises:
        MissingFontError: ``font``, or every font, lacks a letter.
    """
    best = _best(text, font, bold=False)
    others = _elsewhere(text, best, bold=False)
    for one in [one for one, path in others.items() if path is None]:
        others[one] = next((path for path in last if not fonts.lacking(path, one, bold=False)), None)
    drawn = {one: path for one, path in others.items() if path and os.path.basename(path).lower() not in EMOJI}  # noqa: PTH119
    letters = [one for one in others if (font or one not in drawn) and unicodedata.category(one[0])[0] not in "SC"]
    if letters:
        fonts.find_font("".join(letters), _PROBE, font)
    return [best, *dict.fromkeys(drawn.values())], {one: f"[{_name(one)}]" for one in others if one not in drawn}


def _with_names(text: str, missing: set[str]) -> str:
    pieces: list[str] = []
    for one in regex.findall(r"\X", text):
        piece = f"[{_name(one)}]" if one in missing else one
        if one not in missing or pieces[-1:] != [piece]:  # a word of letters that are missing is named once
            pieces.append(piece)
    return "".join(pieces)


def _name(one: str) -> str:
    """Return the name of a symbol, or the script of a letter."""
    name = unicodedata.name(one[0], f"U+{ord(one[0]):04X}")
    if unicodedata.category(one[0]).startswith("L"):
        return name.split()[0].title()
    return name.lower() if " " in name or "+" not in name else name


def _best(text: str, font: Font, *, bold: bool) -> str:
    """Return the path of the font that is asked for, or of the one that lacks the fewest characters of a text.

    Raises:
        MissingFontError: The file that ``font`` or ``CLOUDAI_FONT`` names is no font.
    """
    if font:
        return fonts.required(os.fspath(font))
    return min(fonts.candidates(bold=bold), key=lambda path: len(fonts.lacking(path, text, bold=bold)))


def _elsewhere(text: str, path: str, *, bold: bool) -> dict[str, str | None]:
    """Return for each piece of a text that a font lacks the path of another font that has it; None if none has."""
    lacks = set(fonts.lacking(path, text, bold=bold))
    pieces = {one for one in regex.findall(r"\X", text) if lacks & set(one)}
    return {one: _font_with(one, bold=bold) for one in pieces}


def _font_with(one: str, *, bold: bool) -> str | None:
    """Return the path of an installed font that has a piece of text."""
    for path in fonts.candidates(bold=bold):
        if not fonts.lacking(path, one, bold=bold):
            return path
    emoji = (fonts.installed().get(name) for name in EMOJI)
    return next((path for path in emoji if path and _emoji(path, one, _PROBE)), None)


def _opened(path: str, size: int, *, bold: bool) -> ImageFont.FreeTypeFont | str:
    """Return a font of letters, or the path of one of emoji."""
    return path if os.path.basename(path).lower() in EMOJI else fonts.face_of(path, size, bold=bold)  # noqa: PTH119


def _length(font: ImageFont.FreeTypeFont | str, piece: str, size: int) -> float:
    if not isinstance(font, str):
        return font.getlength(piece)
    pictures = [_emoji(font, one, size) for one in regex.findall(r"\X", piece)]
    return sum(picture.width + size * 0.1 for picture in pictures if picture is not None)


def _draw_emoji(pen: ImageDraw.ImageDraw, at: tuple[float, float], picture: Image.Image | None, size: int) -> None:
    if picture is not None:
        # Pillow's pen draws no pictures, but knows the picture that it draws on.
        corner = round(at[0] + size * 0.05), round(at[1] + size * 0.22 - picture.height)
        canvas: Any = pen._image  # noqa: SLF001
        canvas.paste(picture, corner, picture)


@lru_cache(maxsize=512)
def _emoji(path: str, one: str, size: int) -> Image.Image | None:
    """Return the picture of an emoji for letters of this size; None if the font has none."""
    font = _emoji_font(path)
    if font is None:
        return None
    drawn = _drawn(font, one)
    # Fonts draw a box for what they lack, which is found by asking for a character that no font has.
    if drawn is None or drawn.tobytes() == getattr(_drawn(font, "\U0010ffff"), "tobytes", bytes)():
        return None
    height = max(1, round(size * EMOJI_HEIGHT))
    return drawn.resize((max(1, round(drawn.width * height / drawn.height)), height), Image.Resampling.LANCZOS)


def _drawn(font: ImageFont.FreeTypeFont, one: str) -> Image.Image | None:
    left, top, right, bottom = (round(n) for n in font.getbbox(one))
    if right <= left or bottom <= top:
        return None
    canvas = Image.new("RGBA", (right - left, bottom - top))
    # The grey is for fonts whose emoji are outlines; it can be seen on light and on dark paper.
    ImageDraw.Draw(canvas).text((-left, -top), one, "#888888", font, embedded_color=True)
    return canvas if canvas.getbbox() else None


@lru_cache(maxsize=4)
def _emoji_font(path: str) -> ImageFont.FreeTypeFont | None:
    """Return a font of emoji in the first size that it has; None if it can be opened in none."""
    open_at: Callable[[int], ImageFont.FreeTypeFont] = lambda size: fonts.face_of(path, size)  # noqa: E731
    # Fonts of coloured emoji hold pictures in one size, and FreeType opens them in no other.
    for size in SIZES:
        try:
            return open_at(size)
        except OSError:
            continue
    return None
