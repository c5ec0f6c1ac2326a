"""Fonts that can show a text: Korean first, and never a row of empty boxes."""

from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from cloudai.errors import CloudAIError

__all__ = ["MissingFontError", "find_font"]

ADVICE = (
    "Debian and Ubuntu: apt install fonts-nanum; Windows and macOS have one; "
    "or set CLOUDAI_FONT to a .ttf or .otf file that has them."
)

# Malgun Gothic, Apple SD Gothic Neo, NanumGothic, Noto Sans CJK KR, where each system keeps them; then fonts
# without Hangul, for texts that need none.
PLACES = (
    "C:/Windows/Fonts/malgun.ttf",
    "/System/Library/Fonts/AppleSDGothicNeo.ttc",
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/usr/share/fonts/naver-nanum/NanumGothic.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "C:/Windows/Fonts/segoeui.ttf",
    "/System/Library/Fonts/Helvetica.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)
NOWHERE = "\U0010ffff"
"""A character no font has: what is drawn for it is what is drawn for every missing one."""


class MissingFontError(CloudAIError):
    """No font at hand has all characters of a text."""


def find_font(text: str, size: int, font: str | os.PathLike[str] | None = None) -> ImageFont.FreeTypeFont:
    """A font that has every character of a text.

    Args:
        text: What will be drawn.
        size: In px.
        font: Path of a font file; else ``CLOUDAI_FONT``, else the first fit of those a system usually has.

    Raises:
        MissingFontError: The font asked for, or every font found, lacks a character; the text names it.
    """
    wanted = font or os.environ.get("CLOUDAI_FONT")
    if wanted:
        chosen = _load(os.fspath(wanted), size)
        if chosen is None:
            raise MissingFontError(f"{os.fspath(wanted)} is not a font file that can be read", advice=ADVICE)
        lacking = _lacking(chosen, text)
        if lacking:
            raise MissingFontError(f"{Path(wanted).name} lacks {lacking}", advice=ADVICE)
        return chosen
    found = list(_at_hand(size))
    for candidate in found:
        if not _lacking(candidate, text):
            return candidate
    raise MissingFontError(f"no font here has {_lacking(found[0], text)}", advice=ADVICE)


def _at_hand(size: int) -> Iterator[ImageFont.FreeTypeFont]:
    yield from (font for place in PLACES if (font := _load(place, size)))
    # Pillow's own: Latin only, but always there.
    own = ImageFont.load_default(size)
    if isinstance(own, ImageFont.FreeTypeFont):
        yield own


def _load(path: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(io.BytesIO(_font_bytes(path)), size)
    except OSError:
        return None


@lru_cache(maxsize=16)
def _font_bytes(path: str) -> bytes:
    # Bytes, not the path: a path with Korean letters cannot be opened on Windows by the font library.
    return Path(path).read_bytes()


def _lacking(font: ImageFont.FreeTypeFont, text: str) -> str:
    """The characters the font has no glyph for, at most five."""
    nothing = bytes(font.getmask(NOWHERE))
    letters = dict.fromkeys(c for c in unicodedata.normalize("NFC", text) if not c.isspace())
    return "".join([c for c in letters if bytes(font.getmask(c)) == nothing][:5])
