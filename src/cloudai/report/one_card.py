"""Draw a card: a picture with its caption in a panel below, so that both can be read on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

from cloudai.errors import InputError
from cloudai.report.color import in_colour
from cloudai.report.fonts import Font
from cloudai.report.text_layout import balanced, rest_of, shortened, wrapped
from cloudai.report.typeface import Typeface, readable, typeface
from cloudai.text import drawable, lines_of

__all__ = ["SIZES", "THEMES", "Theme", "card", "panel_for"]

SIZES: Mapping[str, tuple[int, int]] = {"square": (1080, 1080), "story": (1080, 1920), "wide": (1920, 1080)}
"""Width and height in px of a post, of a story on a phone, and of a slide."""
LEAST = 240
"""The least length of a card's side, in px: on a smaller card the smallest letters cannot be read."""
PANEL = 0.27
"""Share of the height that the caption's panel takes. It is the same on all cards, so that a GIF does not jump."""
PANELS = (PANEL, 0.34, 0.42)
"""The shares among which a set of cards chooses the least in which all of its captions fit."""
LARGEST, SMALLEST, FOOTNOTE = 60, 34, 24
"""Sizes of letters in px, on a card whose shorter side is 1080 px; smaller ones are not legible on a phone."""
FLOOR = 12
"""The least size of a letter in px, however small the card is."""
LEADING = 1.32
LONGEST = 1000
"""How many letters of a text are looked at; a panel holds far fewer."""
BEHIND = "#14171c"
"""The colour by which the blurred copy behind a picture is darkened."""
MOST_ENLARGED = 3
"""How many times a picture may be enlarged; a thumbnail that is enlarged further is a blur."""
LOGO = 64
"""The height of a logo in px, on a card whose shorter side is 1080 px."""
WIDEST_LOGO = 0.3
"""The width of a logo at most, as a share of the card's."""


@dataclass(frozen=True)
class Theme:
    """The colours of a card's panel; caption and footnote stand out from it by 7 to 1 or more."""

    ink: str
    paper: str
    faint: str
    """The colour of the footnote."""
    accent: str


THEMES: Mapping[str, Theme] = {
    "dark": Theme("#ffffff", "#14171c", "#a9b0bb", "#ffb400"),
    "light": Theme("#15181d", "#ffffff", "#4a505a", "#0072b2"),
    "paper": Theme("#2b2118", "#fbf3e4", "#57493a", "#b4442c"),
    "blue": Theme("#ffffff", "#0b2a4a", "#b9cbe0", "#56b4e9"),
}


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
    size: str | tuple[int, int] = "square",
    theme: str = "dark",
    logo: Image.Image | None = None,
    font: Font = None,
    panel: float = PANEL,
    strict: bool = True,
) -> Image.Image:
    """Return a card: a picture with its caption in a panel below.

    The caption is wrapped, in Japanese and Chinese by character; its own line breaks are kept. It is never cut off at
    the edge, and never covers the picture. A symbol that the font lacks, such as an emoji, is drawn from another font,
    or named if no font has it.

    Args:
        picture: The picture, which is shown whole. Where its shape leaves room, a blurred copy fills the rest.
        caption: The text of the panel. A long one gets smaller letters, and ends in … when it is longer still.
        footnote: One small line, for example with the origin of the caption.
        size: "square", "story", "wide", or width and height of the card in px, each at least 240.
        theme: The colours of the panel: "dark", "light", "paper" or "blue".
        logo: A picture in the lower right corner of the panel.
        font: Path of a font file; see `find_font`.
        panel: The share of the height that the panel takes, 0.1 to 0.9.
        strict: Whether letters that the font lacks are an error; else they are named, like symbols.

    Raises:
        InputError: The size is too small, there is no such size or theme, or a picture cannot be read.
        MissingFontError: The file that ``font`` names is no font; or, with ``strict``, no font has all letters of the
            caption or the footnote.
    """
    across, down = _size(size)
    if theme not in THEMES:
        raise InputError(f"there is no theme {theme!r}", advice=f"Give one of: {', '.join(THEMES)}.")
    caption, footnote = _cleaned(caption), drawable(footnote[: 4 * LONGEST])[:LONGEST]
    caption = "\n".join(readable(line, font, bold=True, strict=strict) for line in caption.split("\n"))
    footnote = readable(footnote, font, strict=strict)
    height = round(down * min(max(panel, 0.1), 0.9)) if caption or footnote or logo is not None else 0
    colours = THEMES[theme]
    shown = Image.new("RGB", (across, down), colours.paper)
    shown.paste(_fitted(in_colour(picture), (across, down - height)), (0, 0))
    if height:
        layout = _Panel(across, down - height, height, min(across, down) / 1080)
        _write(shown, caption, footnote, layout, colours=colours, logo=logo, font=font)
    return shown


def panel_for(texts: Sequence[tuple[str, str]], size: str | tuple[int, int], font: Font = None) -> float:
    """Return the least share of the height in which the captions of all cards fit, each given with its footnote."""
    across, down = _size(size)
    for share in PANELS:
        panel = _Panel(across, 0, round(down * share), min(across, down) / 1080)
        # `_write` makes the same sums: it leaves three quarters of a margin above and below, and the bar on top.
        room = panel.height - 1.5 * panel.margin - 8 * panel.unit
        if all(
            _fits(_cleaned(text), panel, room - 1.6 * panel.letters(FOOTNOTE) * bool(note), font)
            for text, note in texts
        ):
            return share
    return PANELS[-1]


def _fits(caption: str, panel: _Panel, height: float, font: Font) -> bool:
    face = typeface(caption, panel.letters(SMALLEST), font, bold=True)
    return len(wrapped(caption, face.length, panel.room)) <= _most_lines(height, face)


def _most_lines(height: float, face: Typeface) -> int:
    return max(1, int((height / face.size - 1) / LEADING + 1))


def _size(size: str | tuple[int, int]) -> tuple[int, int]:
    """Return width and height in px; raise InputError if a card cannot have the size."""
    if isinstance(size, str):
        if size not in SIZES:
            raise InputError(f"there is no size {size!r}", advice=f"Give one of: {', '.join(SIZES)}, or px.")
        return SIZES[size]
    if min(size) < LEAST:
        raise InputError(f"a card of {size[0]}×{size[1]} px is too small", advice=f"Give at least {LEAST} px a side.")
    return size


def _cleaned(caption: str) -> str:
    """Return a caption that can be drawn; of its line breaks, those between two lines with text are kept."""
    # A text of megabytes is cut before its lines are cleaned. Cleaning may remove characters, so more than is needed is
    # kept first, and the rest is cut afterwards.
    lines = (drawable(line) for line in lines_of(caption[: 4 * LONGEST]))
    return "\n".join(line for line in lines if line)[:LONGEST]


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the whole picture before a blurred and darkened copy that fills the rest of the size."""
    # The picture is shown whole: whoever is at its edge must not be cut off.
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
    # A blur this wide looks the same if it is made at an eighth of the size, which takes a sixtieth of the time.
    small = max(1, size[0] // 8), max(1, size[1] // 8)
    scale = max(small[0] / picture.width, small[1] / picture.height)
    # Pillow refuses a part that is wider than the picture, be it by the last digit of a float.
    across, down = min(picture.width, small[0] / scale), min(picture.height, small[1] / scale)
    left, top = (picture.width - across) / 2, (picture.height - down) / 2
    filled = picture.resize(small, Image.Resampling.BOX, (left, top, left + across, top + down))
    soft = filled.filter(ImageFilter.GaussianBlur(small[0] / 22)).resize(size, Image.Resampling.BICUBIC)
    return Image.blend(soft, Image.new("RGB", size, BEHIND), 0.5)


def _write(
    shown: Image.Image,
    caption: str,
    footnote: str,
    panel: _Panel,
    *,
    colours: Theme,
    logo: Image.Image | None,
    font: Font,
) -> None:
    """Draw the panel of a card, with its caption, its footnote and its logo, onto the card."""
    pen = ImageDraw.Draw(shown)
    top, bottom = panel.top + panel.margin * 0.75, panel.top + panel.height - panel.margin * 0.75
    bar = round(8 * panel.unit)
    pen.rectangle((0, panel.top, panel.width, panel.top + bar - 1), colours.accent)
    top += bar
    room = panel.room - (_place(shown, logo, panel, bottom) if logo is not None else 0)
    if footnote:
        small = typeface(footnote, panel.letters(FOOTNOTE), font)
        if small.length(footnote) > room:
            footnote = shortened(footnote, small.length, room, small.ellipsis)
        small.draw(pen, (panel.margin, bottom), footnote, colours.faint)
    if footnote or logo is not None:
        bottom -= max(panel.letters(FOOTNOTE) * 1.6, LOGO * panel.unit if logo is not None else 0)
    if caption:
        face, lines = _set(caption, panel, bottom - top, font)
        leading = face.size * LEADING
        # Capitals and Hangul are about 0.8 of the font's size high; the block of lines is centred by them.
        first = (top + bottom - leading * (len(lines) - 1) + face.size * 0.8) / 2
        for number, line in enumerate(lines):
            face.draw(pen, (panel.margin, first + number * leading), line, colours.ink)


def _place(shown: Image.Image, logo: Image.Image, panel: _Panel, bottom: float) -> int:
    """Put a logo into the lower right corner of the panel, and return the width in px that the footnote loses."""
    height = max(FLOOR, round(LOGO * panel.unit))
    # A logo has transparent parts, as a rule.
    mark = logo.convert("RGBA")
    mark.thumbnail((round(panel.width * WIDEST_LOGO), height), Image.Resampling.LANCZOS)
    shown.paste(mark, (panel.width - panel.margin - mark.width, round(bottom) - mark.height), mark)
    return mark.width + panel.margin


def _set(text: str, panel: _Panel, height: float, font: Font) -> tuple[Typeface, list[str]]:
    """Return the font with the largest letters in which the text fits, and the lines of the text.

    A text that does not fit in the smallest letters either is shortened, and ends in an ellipsis.
    """
    # The largest letters that fit are wanted, so the sizes are tried from above.
    for points in range(LARGEST, SMALLEST - 1, -2):
        face = typeface(text, panel.letters(points), font, bold=True)
        most = _most_lines(height, face)
        if len(wrapped(text, face.length, panel.room)) <= most:
            return face, balanced(text, face.length, panel.room)
    # The loop has ended with the smallest letters.
    lines = wrapped(text, face.length, panel.room)
    fit = lines[: most - 1]
    return face, [*fit, shortened(rest_of(text, fit), face.length, panel.room, face.ellipsis)]
