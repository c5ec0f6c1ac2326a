"""Draw a chart to a PNG, SVG or PDF file by matplotlib: the drawing of the page, with the fonts of the cards."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from cloudai.errors import MissingExtraError
from cloudai.report.fonts import BUILT_IN, Font
from cloudai.report.plots.canvas import Canvas, Element, lines_of_label
from cloudai.report.plots.chart import Chart
from cloudai.report.plots.frame import SMALL, WIDTH
from cloudai.report.plots.svg import drawing_of
from cloudai.report.writing import write_whole
from cloudai.text import plain

__all__ = ["ENDINGS", "PALETTE", "save_plot_picture"]

ENDINGS = (".png", ".svg", ".pdf")
PALETTE = (
    *("#0b6bcb", "#c2410c", "#0f7b5f", "#8a3ffc", "#b3254f"),
    *("#8a6a00", "#00798c", "#5b6470", "#7c3a1d", "#3f51b5"),
)
"""The colours of the series on white, as ``plot.css`` has them."""
INK, FAINT, LINE, PAPER = "#1b1d22", "#5f6672", "#dde1e7", "#ffffff"
TITLE, NOTE, EDGE = 22.0, 12.0, 10.0
"""The sizes of the heading and of the sentences below a plot, and the margin around it, in px."""
PER_INCH, DENSITY, MOST_HIGH = 100, 200, 60_000
"""Px of the drawing in an inch, and of a PNG, which is so twice as wide; and how many px a PNG is high at most."""


LAYER = 1
"""The layer of all elements: matplotlib would paint lines after areas, and within a layer it keeps their order."""


@dataclass(frozen=True)
class _Look:
    """How elements of a class are painted: "own" is the colour of their series."""

    fill: str = "none"
    stroke: str = "none"
    width: float = 1.0
    alpha: float = 1.0
    dashes: tuple[float, ...] = ()


LOOKS = {
    "grid": _Look(stroke=LINE),
    "zero": _Look(stroke=FAINT),
    "base": _Look(stroke=FAINT),
    "tick": _Look(stroke=FAINT),
    "mark": _Look(fill="own"),
    "raw": _Look(fill="own", alpha=0.38),
    "spots": _Look(stroke="own", width=3, alpha=0.3),
    "line": _Look(stroke="own", width=1.6),
    "smooth": _Look(stroke="own", width=3),
    "dashed": _Look(stroke="own", width=2, dashes=(4, 3)),
    "range": _Look(fill="own", alpha=0.45),
    "leader": _Look(stroke=FAINT, alpha=0.6),
    "hollow": _Look(fill=PAPER, stroke="own", width=2),
    "value": _Look(fill=PAPER, stroke=INK, width=1.2),
    "area": _Look(stroke=LINE),
    "stretch": _Look(fill=PALETTE[5], alpha=0.16),
    "note-line": _Look(stroke=PALETTE[5], width=1.5, dashes=(1.3, 2)),
}
"""The looks of the classes, as ``plot.css`` has them for the page."""


def save_plot_picture(chart: Chart, path: str | os.PathLike[str], font: Font = None) -> Path:
    """Draw a chart with its title and its notes to a file, and return its path.

    Args:
        chart: The chart.
        path: A file that ends in .png, .svg or .pdf. An SVG has outlines of the letters, and needs no font to be seen.
        font: Path of a font file; see `find_font`.

    Raises:
        MissingExtraError: matplotlib is not installed.
        MissingFontError: No font has all letters.
    """
    # The drawing is that of the page, so that a plot looks the same in both.
    canvas, height = _with_words(chart)
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(f"a plot as {Path(path).suffix}", "report") from error
    ending = Path(path).suffix.lower()
    # Letters are outlines in an SVG, because the reader may not have the font. The salt, and files without a date, make
    # the same plot the same file.
    settings = {"svg.fonttype": "path", "svg.hashsalt": "cloudai", "pdf.fonttype": 42}
    # The user's own settings of matplotlib, of which one cuts off margins, are not for this drawing.
    with style.context(["default", settings]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # another font of the list has it
        # The figure is made without pyplot, which would touch the windows and the settings of the user's program.
        figure = Figure(figsize=(WIDTH / PER_INCH, height / PER_INCH), dpi=PER_INCH, facecolor=PAPER)
        area = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
        area.axis("off")
        _Painter(area, canvas, font).paint(canvas.elements, PALETTE[0])
        undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        written = io.BytesIO()
        with _quiet("fontTools.subset"):  # it warns of each table of the font that a PDF has no use for
            figure.savefig(written, format=ending[1:], dpi=_density(height), metadata=undated.get(ending))
    return write_whole(path, written.getvalue())


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Leave the warnings of another library's logger out while the block runs."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _density(height: float) -> float:
    """Return the px of a PNG in an inch: fewer for a very high drawing, for a PNG has 65535 px at most here."""
    return min(DENSITY, MOST_HIGH * PER_INCH / height)


def _with_words(chart: Chart) -> tuple[Canvas, float]:
    """Return the drawing with its title above and its notes below, and the height of all in px."""
    drawn, height = drawing_of(chart)
    title = lines_of_label(chart.title, TITLE, WIDTH - 2 * EDGE, 3) if chart.title else []
    notes = [line for note in chart.notes for line in lines_of_label(note, NOTE, WIDTH - 2 * EDGE, 4)]
    top = EDGE + TITLE * 1.35 * len(title)
    canvas = Canvas()
    for n, line in enumerate(title):
        canvas.text(EDGE, EDGE + TITLE * (1 + 1.35 * n), line, class_="title")
    with canvas.within("g", down=top):
        canvas.elements.extend(drawn.elements)
    for n, line in enumerate(notes):
        canvas.text(EDGE, top + height + NOTE * (1 + 1.5 * n), line, class_="note")
    return canvas, top + height + NOTE * 1.5 * len(notes) + EDGE


class _Painter:
    """Paints elements on axes of matplotlib whose coordinates are the px of the drawing."""

    def __init__(self, area: Any, canvas: Canvas, font: Font) -> None:
        self._area = area
        self._families, self._named = _families("".join(_texts(canvas.elements)), font)

    def paint(self, elements: Sequence[Element], colour: str, down: float = 0.0, ink: str = INK) -> None:
        """Paint elements in their order.

        Args:
            elements: The elements.
            colour: The colour of the series that they belong to.
            down: By how many px they are moved down.
            ink: The colour of texts.
        """
        for element in elements:
            classes = str(element.attributes.get("class_") or "").split()
            # Links and tooltips have no place in a picture, and are only the groups of their parts here.
            if element.name in ("g", "a"):
                own = next((PALETTE[int(c[1:])] for c in classes if c[0] == "c" and c[1:].isdecimal()), colour)
                moved = down + float(str(element.attributes.get("down", 0.0)))
                self.paint(element.parts, own, moved, FAINT if "axes" in classes else ink)
            elif element.name == "text":
                self._text(element, classes, down, ink)
            elif element.name == "image":
                self._image(dict(element.attributes), down)
            elif element.name != "title":
                look = next((LOOKS[c] for c in classes if c in LOOKS), _Look())
                self._shape(element.name, dict(element.attributes), look, colour, down)

    def _shape(self, name: str, at: dict[str, Any], look: _Look, colour: str, down: float) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Circle, Rectangle

        fill, stroke = (colour if c == "own" else c for c in (look.fill, look.stroke))
        width = look.width * 72 / PER_INCH  # matplotlib measures lines in points
        if name in ("line", "path"):
            points = at["points"] if name == "path" else [(at["x1"], at["y1"]), (at["x2"], at["y2"])]
            xs, ys = [x for x, _ in points], [y + down for _, y in points]
            if name == "path" and at["steps"] is None:
                spots = Line2D(xs, ys, linestyle="none", marker="o", color=stroke, alpha=look.alpha, zorder=LAYER)
                spots.set(markersize=width, markeredgewidth=0)
                self._area.add_line(spots)
                return
            dashes = (0, look.dashes) if look.dashes else "solid"
            steps = "steps-post" if at.get("steps") else "default"
            line = Line2D(xs, ys, color=stroke, linewidth=width, linestyle=dashes, drawstyle=steps)
            line.set(alpha=look.alpha, zorder=LAYER)
            self._area.add_line(line)
            return
        patch: Any = (
            Rectangle((at["x"], at["y"] + down), at["width"], at["height"])
            if name == "rect"
            else Circle((at["cx"], at["cy"] + down), at["r"])
        )
        patch.set(facecolor=fill, edgecolor=stroke, linewidth=width if stroke != "none" else 0)
        patch.set(alpha=look.alpha, zorder=LAYER)
        self._area.add_patch(patch)

    def _image(self, at: dict[str, Any], down: float) -> None:
        top, bottom = at["y"] + down, at["y"] + at["height"] + down
        ends = (at["x"], at["x"] + at["width"], bottom, top)
        self._area.imshow(at["picture"], extent=ends, aspect="auto", zorder=LAYER)

    def _text(self, element: Element, classes: Sequence[str], down: float, ink: str) -> None:
        from matplotlib.patheffects import withStroke

        at: dict[str, Any] = dict(element.attributes)
        size = {"title": TITLE, "note": NOTE}.get(classes[0] if classes else "", SMALL)
        text = "".join(self._named.get(one, one) for one in regex.findall(r"\X", plain(element.text or "")))
        self._area.text(
            at["x"],
            at["y"] + down,
            text,
            parse_math=False,  # a dollar would begin a formula
            fontsize=size * 72 / PER_INCH,
            fontfamily=self._families,
            color=FAINT if {"faint", "number", "note"} & {*classes} else ink,
            ha={"middle": "center", "end": "right"}.get(str(at.get("text_anchor")), "left"),
            va="baseline",
            zorder=LAYER,
            path_effects=[withStroke(linewidth=3, foreground=PAPER)] if "halo" in classes else None,
        )


def _texts(elements: Sequence[Element]) -> Iterator[str]:
    """Yield all texts that are painted."""
    for element in elements:
        if element.name == "text" and element.text:
            yield plain(element.text)
        yield from _texts(element.parts)


def _families(text: str, font: Font) -> tuple[list[str], dict[str, str]]:
    """Return the names of the fonts in the order in which matplotlib looks for a letter, and what it has to name."""
    from matplotlib import font_manager

    from cloudai.report.typeface import outline_fonts

    own = font_manager.findfont("DejaVu Sans")  # comes with matplotlib, and has Greek, Hebrew, Arabic …
    paths, named = outline_fonts(text, font, last=[own])
    families = []
    for path in paths:
        if path == BUILT_IN:
            continue
        # matplotlib only knows fonts that were installed when it has last searched for them.
        font_manager.fontManager.addfont(path)
        families.append(font_manager.FontProperties(fname=path).get_name())
    return [*dict.fromkeys([*families, "DejaVu Sans"])], named
