"""Draw a chart as SVG, with few elements of our own: it needs no package, and a page that holds it loads nothing.

Each value is an element of the class "dot", with its words in ``<title>`` and ``aria-label``. One with a target is a
link to it, so that a click goes there without any script; ``plot.js`` adds better tooltips and the arrow keys.
"""

from __future__ import annotations

from cloudai.report.plots.canvas import Canvas
from cloudai.report.plots.chart import Chart
from cloudai.report.plots.frame import WIDTH
from cloudai.report.plots.svg_lines import draw_lines

__all__ = ["svg_of"]

DRAWN_BY = {"lines": draw_lines}


def svg_of(chart: Chart) -> str:
    """Return a chart as an ``<svg>`` element, whose colours ``plot.css`` gives."""
    inner = Canvas()
    height = DRAWN_BY[chart.kind](inner, chart)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot {chart.kind}" viewBox="0 0 {WIDTH:g} {height:g}" '
        f'role="group">\n{inner}\n</svg>'
    )
