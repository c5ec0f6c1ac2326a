"""Write a chart as SVG, with few elements of our own: it needs no package, and a page that holds it loads nothing.

Each value is an element of the class "dot", with its words in ``<title>`` and ``aria-label``. One with a target is a
link to it, so that a click goes there without any script; ``plot.js`` adds better tooltips and the arrow keys.
"""

from __future__ import annotations

from html import escape

from cloudai.report.plots.canvas import Canvas
from cloudai.report.plots.chart import Chart
from cloudai.report.plots.draw_ages import draw_ages
from cloudai.report.plots.draw_bars import draw_bars
from cloudai.report.plots.draw_lines import draw_lines
from cloudai.report.plots.draw_maps import draw_map
from cloudai.report.plots.frame import WIDTH
from cloudai.text import plain

__all__ = ["drawing_of", "svg_of"]

DRAWN_BY = {"bars": draw_bars, "lines": draw_lines, "ages": draw_ages, "map": draw_map}


def drawing_of(chart: Chart) -> tuple[Canvas, float]:
    """Return the elements of a drawing that is `WIDTH` px wide, and its height in px."""
    canvas = Canvas()
    height = DRAWN_BY[chart.kind](canvas, chart)
    return canvas, height


def svg_of(chart: Chart) -> str:
    """Return a chart as an ``<svg>`` element, whose colours ``plot.css`` gives."""
    canvas, height = drawing_of(chart)
    label = f' aria-label="{escape(plain(chart.title))}"' if chart.title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot {chart.kind}" viewBox="0 0 {WIDTH:g} {height:g}" '
        f'role="group"{label}>\n{canvas}\n</svg>'
    )
