"""Find a font that can show a text: Korean fonts are tried first, and no text becomes a row of empty boxes."""

from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from PIL import ImageFont

from cloudai.errors import CloudAIError

__all__ = [
    "BUILT_IN",
    "Font",
    "MissingFontError",
    "candidates",
    "face_of",
    "find_font",
    "installed",
    "lacking",
    "required",
]

Font: TypeAlias = str | os.PathLike[str] | None
"""Path of a font file; None looks for an installed one."""

HANGUL_ADVICE = (
    "Debian/Ubuntu: apt install fonts-nanum; Fedora: dnf install google-noto-sans-cjk-fonts; Windows: Settings, "
    "Optional features, Korean Supplemental Fonts; macOS: Font Book, Apple SD Gothic Neo; "
    "or set CLOUDAI_FONT to a .ttf/.otf with Hangul."
)
OTHER_ADVICE = (
    "Debian/Ubuntu: apt install fonts-noto; Fedora: dnf install google-noto-fonts-all; Windows and macOS: "
    "add the language in the settings; or set CLOUDAI_FONT to a .ttf/.otf with these characters."
)

FAMILIES = (
    ("malgun.ttf", "malgunbd.ttf"),  # Windows
    ("AppleSDGothicNeo.ttc", "AppleSDGothicNeo.ttc"),  # macOS
    ("NanumGothic.ttf", "NanumGothicBold.ttf"),  # Debian, and Nanum's own installer anywhere
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),  # Debian, Fedora
    ("NotoSansCJK-VF.ttc", "NotoSansCJK-VF.ttc"),  # Fedora from 36 on
    ("NotoSansCJKkr-Regular.otf", "NotoSansCJKkr-Bold.otf"),
    ("NotoSansKR-Regular.ttf", "NotoSansKR-Bold.ttf"),
    ("NotoSansKR-VF.ttf", "NotoSansKR-VF.ttf"),
    # Most systems have these, for texts without Hangul.
    ("segoeui.ttf", "segoeuib.ttf"),
    ("Helvetica.ttc", "Helvetica.ttc"),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
)
"""File names of the regular and the bold weight of each font, the most wanted font first."""

FOLDERS = (
    "${LOCALAPPDATA}/Microsoft/Windows/Fonts",
    "${SYSTEMROOT}/Fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/usr/local/share/fonts",
    "/usr/share/fonts",
)
BUILT_IN = ""
"""The path that stands for Pillow's own font, which has Latin letters only but is always there."""
MISSING = "\U0010ffff"
"""A character that no font has: a font draws the same glyph for it as for every missing character."""
PROBE = 32
"""The size in px at which glyphs are compared."""
NAMED = 5
"""How many missing characters an error names."""


class MissingFontError(CloudAIError):
    """No installed font has all characters of a text, or the font that was asked for lacks some."""


def find_font(
    text: str, size: int, font: str | os.PathLike[str] | None = None, *, bold: bool = False
) -> ImageFont.FreeTypeFont:
    """Return a font that has every character of a text.

    Args:
        text: The text that will be drawn; it is taken as NFC.
        size: The size of the font in px.
        font: Path of a font file. Without it these are tried: ``CLOUDAI_FONT``, then Malgun Gothic, Apple SD Gothic
            Neo, NanumGothic, Noto Sans CJK KR, other common fonts that are installed, and Pillow's own.
        bold: Prefer the bold weight of a font.

    Raises:
        MissingFontError: ``font`` or every installed font lacks a character, or the file that ``font``
            or ``CLOUDAI_FONT`` names is no font. The error names the characters and what to install.
    """
    if font:
        path = os.fspath(font)
        if without := lacking(required(path), text, bold=bold):
            raise _missing(Path(path).name, without)
        return face_of(path, size, bold=bold)
    fewest: list[str] | None = None
    for path in candidates(bold=bold):
        without = lacking(path, text, bold=bold)
        if not without:
            return face_of(path, size, bold=bold)
        # The error names what the best font lacks: what the worst one lacks would be the whole text.
        fewest = without if fewest is None or len(without) < len(fewest) else fewest
    raise _missing("no font found here", fewest or [])


def required(path: str) -> str:
    """Return the path of a font file, or raise MissingFontError if it cannot be read as a font."""
    try:
        face_of(path, PROBE)
    except OSError as error:
        there = f"{path} is not a font that can be read" if Path(path).exists() else "the font file does not exist"
        raise MissingFontError(there, advice=HANGUL_ADVICE) from error
    return path


def candidates(*, bold: bool) -> Iterator[str]:
    """Yield the paths of the fonts to try: ``CLOUDAI_FONT``, the installed ones of `FAMILIES`, and `BUILT_IN`.

    With ``bold`` the bold file of each family comes before its regular one, also where that is ``CLOUDAI_FONT``;
    without it only regular files are tried.

    Raises:
        MissingFontError: ``CLOUDAI_FONT`` is set, but names no font.
    """
    if wanted := os.environ.get("CLOUDAI_FONT"):
        own = required(wanted)
        yield from _bold_beside(own) if bold else ()
        yield own
    for regular, heavy in FAMILIES:
        for name in (heavy, regular) if bold else (regular,):
            if path := installed().get(name.lower()):
                yield path
    yield BUILT_IN


def _bold_beside(path: str) -> Iterator[str]:
    """Yield the path of the bold weight, where the file is the regular one of a known family and has it beside it."""
    file = Path(path)
    for regular, heavy in FAMILIES:
        if file.name.lower() == regular.lower() != heavy.lower() and file.with_name(heavy).is_file():
            yield str(file.with_name(heavy))


@lru_cache(maxsize=1)
def installed() -> dict[str, str]:
    """Return the paths of the installed fonts by lower-case file name; the user's own fonts come first."""
    fonts: dict[str, str] = {}
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.expandvars(Path(folder).expanduser())):
            for name in names:
                # The first folder that has a name counts. File systems differ in whether case matters, so names are
                # compared without it.
                fonts.setdefault(name.lower(), os.path.join(where, name))  # noqa: PTH118  # a dictionary of strings
    return fonts


def lacking(path: str, text: str, *, bold: bool) -> list[str]:
    """Return the characters of a text, as NFC, for which a font has no glyph: each once, in order, without white space.

    For a file that is no font these are all characters, or a single space if there are none, so the list is not empty.
    """
    # Fonts have syllables of Hangul, and not every one can put single letters together.
    letters = dict.fromkeys(c for c in unicodedata.normalize("NFC", text) if not c.isspace())
    try:
        return [c for c in letters if not _has(path, c, bold=bold)]
    except OSError:
        return list(letters) or [" "]  # the file is not a font after all


@lru_cache(maxsize=8192)
def _has(path: str, char: str, *, bold: bool) -> bool:
    # Pillow has no function that tells whether a font has a glyph.
    return _drawn(path, char, bold=bold) != _drawn(path, MISSING, bold=bold)


def _drawn(path: str, char: str, *, bold: bool) -> tuple[object, ...]:
    """Return the width, the outline box and the pixels of a character, by which two glyphs are compared."""
    face = face_of(path, PROBE, bold=bold)
    # Width and box alone are alike for many letters of a font in which all are equally wide.
    return face.getlength(char), face.getbbox(char), bytes(face.getmask(char))


@lru_cache(maxsize=64)
def face_of(path: str, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return a font in this size and weight.

    Raises:
        OSError: The file is no font, or has no glyphs of this size.
    """
    if path == BUILT_IN:
        own = ImageFont.load_default(size)
        if not isinstance(own, ImageFont.FreeTypeFont):
            raise OSError("this Pillow was built without FreeType")
        return own
    face = _korean_weight(_bytes(path), size, "Bold" if bold else "Regular")
    # A variable font opens at its thinnest weight. Most fonts are not variable, and raise an error here.
    with suppress(OSError, ValueError, NotImplementedError):
        face.set_variation_by_name("Bold" if bold else "Regular")
    return face


def _korean_weight(data: bytes, size: int, style: str) -> ImageFont.FreeTypeFont:
    """Return the Korean face of a font collection (.ttc) in a weight, or its first face in that weight.

    If no face has the weight, all faces count. A plain font file has one face, which is returned whatever its weight.

    Args:
        data: The bytes of the font file.
        size: The size of the font in px.
        style: The weight: "Bold" or "Regular".

    Raises:
        OSError: The bytes are no font.
    """
    first = ImageFont.truetype(io.BytesIO(data), size)
    if data[:4] != b"ttcf":
        return first
    # A collection for East Asia has a face for each country, in which the same Chinese character looks different.
    faces = [ImageFont.truetype(io.BytesIO(data), size, index) for index in range(int.from_bytes(data[8:12]))]
    alike = [face for face in faces if face.getname()[1] == style] or faces
    return next((face for face in alike if str(face.getname()[0]).endswith("KR")), alike[0])


@lru_cache(maxsize=8)
def _bytes(path: str) -> bytes:
    # FreeType is given bytes and not the path, because it cannot open one with Korean letters on Windows.
    return Path(path).read_bytes()


def _missing(font: str, without: list[str]) -> MissingFontError:
    """Return the error for a font that lacks these characters, with advice what to install."""
    named = " ".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in without[:NAMED])
    more = f" and {len(without) - NAMED} more" if len(without) > NAMED else ""
    hangul = any("HANGUL" in unicodedata.name(c, "") for c in without)
    return MissingFontError(
        f"{font} has no glyph for {named}{more}",
        advice=HANGUL_ADVICE if hangul else OTHER_ADVICE,
    )
