"""Write charts as one HTML file that loads nothing: drawings, the pictures they lead to, and tables of values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cloudai.report.page import digest_of, part_of_page, template, webp
from cloudai.report.plots.chart import Chart, shown_number
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.svg import svg_of
from cloudai.report.plots.targets import opened_picture
from cloudai.report.plots.values import table_of_values
from cloudai.report.writing import write_whole
from cloudai.text import plain

__all__ = ["plot_script", "plot_style", "save_plot_page"]

SIDE = 360
"""Longer side in px of a picture in the page."""


def plot_style() -> str:
    """Return the style sheet of drawings alone, for a page of your own that holds them."""
    return part_of_page("plot.css")


def plot_script() -> str:
    """Return the script that gives drawings their tooltips and arrow keys, for a page of your own that holds them.

    It adds an element ``<div id="tip">`` for the tooltips, whose look the page decides. A page with a security policy
    allows it by its hash.
    """
    return part_of_page("plot.js")


def save_plot_page(charts: Sequence[Chart], path: str | os.PathLike[str], *, title: str, language: str) -> Path:
    """Write charts as one HTML file, and return its path.

    Raises:
        InputError: The language is not one of the page's.
        MissingExtraError: Jinja2 is not installed.
    """
    script = plot_script()
    text = template("plot.html").render(
        language=language,
        title=plain(title),
        style=plot_style() + part_of_page("plot_page.css"),
        script=script,
        script_hash=digest_of(script),
        charts=[_shown(chart, repeated=chart.title == title) for chart in charts],
        words=words_of(language),
    )
    return write_whole(path, text.encode())


def _shown(chart: Chart, *, repeated: bool) -> dict[str, Any]:
    """Return a chart as the template takes it.

    Args:
        chart: The chart.
        repeated: Whether its title is that of the page, and not written twice.
    """
    # The values stand below the drawing as a table, for readers who do not see it, or who want the numbers.
    values = table_of_values(chart)
    return {
        "title": "" if repeated else plain(chart.title),
        "svg": svg_of(chart),
        "notes": chart.notes,
        "pictures": list(_pictures(chart)),
        "head": [plain(name) for name in values.columns],
        "rows": [[_cell(row[name]) for name in values.columns] for row in values],
    }


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return shown_number(value) if isinstance(value, float) else plain(str(value))


def _pictures(chart: Chart) -> Iterator[dict[str, Any]]:
    """Yield the pictures that can be read; a value whose picture is not there keeps its words."""
    for target, picture in chart.pictures.items():
        if (opened := opened_picture(picture, SIDE)) is not None:
            data, size = webp(opened, SIDE)
            yield {"id": target, "caption": plain(picture.caption), "data": data, "size": size}
