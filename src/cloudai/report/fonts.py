"""Fonts that can show a text: Korean first, and never a row of empty boxes."""

from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from cloudai.errors import CloudAIError

__all__ = ["MissingFontError", "find_font"]

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
    # What most systems have for texts without Hangul.
    ("segoeui.ttf", "segoeuib.ttf"),
    ("Helvetica.ttc", "Helvetica.ttc"),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
)
"""File names of the regular and the bold weight, the most wanted family first."""

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
"""Stands for Pillow's own font: Latin only, but always there."""
MISSING = "\U0010ffff"
"""A character no font has: what is drawn for it is what is drawn for every missing one."""
PROBE = 32
"""Size in px at which glyphs are compared."""
NAMED = 5
"""How many missing characters an error names."""


class MissingFontError(CloudAIError):
    """No font at hand, or not the one asked for, has all characters of a text."""


def find_font(
    text: str, size: int, font: str | os.PathLike[str] | None = None, *, bold: bool = False
) -> ImageFont.FreeTypeFont:
    """A font that has every character of a text.

    Args:
        text: What will be drawn; it is looked at as NFC.
        size: In px.
        font: Path of a font file. Without it: ``CLOUDAI_FONT``, then Malgun Gothic, Apple SD Gothic Neo,
            NanumGothic, Noto Sans CJK KR, then what else is installed, then Pillow's own.
        bold: Prefer the bold weight of a family.

    Raises:
        MissingFontError: ``font`` lacks a character, every font found lacks one, or the file that ``font``
            or ``CLOUDAI_FONT`` names is no font. The text names the characters and what to install.
    """
    if font:
        path = os.fspath(font)
        lacking = _lacking(_required(path), text, bold=bold)
        if lacking:
            raise _missing(Path(path).name, lacking)
        return _face(path, size, bold=bold)
    fewest: list[str] | None = None
    for path in _candidates(bold=bold):
        lacking = _lacking(path, text, bold=bold)
        if not lacking:
            return _face(path, size, bold=bold)
        fewest = lacking if fewest is None or len(lacking) < len(fewest) else fewest
    raise _missing("no font found here", fewest or [])


def _required(path: str) -> str:
    try:
        _face(path, PROBE)
    except OSError as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else "is not a font that can be read"
        raise MissingFontError(f"the font file {path} {why}", advice=HANGUL_ADVICE) from error
    return path


def _candidates(*, bold: bool) -> Iterator[str]:
    if wanted := os.environ.get("CLOUDAI_FONT"):
        yield _required(wanted)
    for regular, heavy in FAMILIES:
        for name in (heavy, regular) if bold else (regular,):
            if path := _installed().get(name.lower()):
                yield path
    yield BUILT_IN


@lru_cache(maxsize=1)
def _installed() -> dict[str, str]:
    """Paths of the font files of this machine by file name in small letters; a user's own come first."""
    fonts: dict[str, str] = {}
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.expandvars(Path(folder).expanduser())):
            for name in names:
                fonts.setdefault(name.lower(), os.path.join(where, name))  # noqa: PTH118  # a dictionary of texts
    return fonts


def _lacking(path: str, text: str, *, bold: bool) -> list[str]:
    letters = dict.fromkeys(c for c in unicodedata.normalize("NFC", text) if not c.isspace())
    try:
        return [c for c in letters if not _has(path, c, bold=bold)]
    except OSError:
        return list(letters) or [" "]  # not a font after all


@lru_cache(maxsize=8192)
def _has(path: str, char: str, *, bold: bool) -> bool:
    return _drawn(path, char, bold=bold) != _drawn(path, MISSING, bold=bold)


def _drawn(path: str, char: str, *, bold: bool) -> tuple[object, ...]:
    face = _face(path, PROBE, bold=bold)
    return face.getlength(char), face.getbbox(char), bytes(face.getmask(char))


@lru_cache(maxsize=64)
def _face(path: str, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    if path == BUILT_IN:
        own = ImageFont.load_default(size)
        if not isinstance(own, ImageFont.FreeTypeFont):
            raise OSError("this Pillow was built without FreeType")
        return own
    face = _korean_weight(_bytes(path), size, "Bold" if bold else "Regular")
    # A variable font opens at its thinnest; most are not variable, and say so by an error.
    with suppress(OSError, ValueError, NotImplementedError):
        face.set_variation_by_name("Bold" if bold else "Regular")
    return face


def _korean_weight(data: bytes, size: int, style: str) -> ImageFont.FreeTypeFont:
    """Of a collection the Korean face of this weight, else its first; a plain font file has one face."""
    first = ImageFont.truetype(io.BytesIO(data), size)
    if data[:4] != b"ttcf":
        return first
    faces = [ImageFont.truetype(io.BytesIO(data), size, index) for index in range(int.from_bytes(data[8:12]))]
    alike = [face for face in faces if face.getname()[1] == style] or faces
    return next((face for face in alike if str(face.getname()[0]).endswith("KR")), alike[0])


@lru_cache(maxsize=8)
def _bytes(path: str) -> bytes:
    # Bytes, not the path: FreeType cannot open a path with Korean letters on Windows.
    return Path(path).read_bytes()


def _missing(who: str, lacking: list[str]) -> MissingFontError:
    named = " ".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in lacking[:NAMED])
    more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    hangul = any("HANGUL" in unicodedata.name(c, "") for c in lacking)
    return MissingFontError(
        f"{who} has no glyph for {named}{more}",
        advice=HANGUL_ADVICE if hangul else OTHER_ADVICE,
    )
