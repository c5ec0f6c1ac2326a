"""Give back the values of a chart as a table, for readers who do not see the drawing."""

from __future__ import annotations

from typing import Any

from cloudai.report.plots.chart import Chart
from cloudai.report.plots.plot_words import words_of
from cloudai.table import Table

__all__ = ["table_of_values"]


def table_of_values(chart: Chart) -> Table:
    """Return a row for each position along the bottom, and a column for each series; ranges have two columns more.

    Likelihoods are their words. A map has the latitude and the longitude of each of its rows.
    """
    words = words_of(chart.language)
    if chart.kind == "map":
        name, south, east = words["name"], chart.y.name, chart.x.name
        return Table([{name: dot.label, south: dot.y, east: (dot.x + 180) % 360 - 180} for dot in chart.dots()])
    x = chart.x.name or words["name"]
    # Series with other positions share a table: a cell without a value stays empty.
    rows: dict[float, dict[str, Any]] = {}
    for series in chart.series:
        for dot in series.dots:
            if dot.y is None and dot.low is None and chart.x.scale != "category":
                continue  # what interrupts a line is no value
            row = rows.setdefault(dot.x, {x: chart.x.told(dot.x)})
            if chart.x.scale != "category" and dot.text and words["name"] not in row:
                row[words["name"]] = dot.text
            row[series.name] = words.get(dot.word, dot.y) if dot.word else dot.y
            if dot.low is not None:
                row |= {words["from"]: dot.low, words["to"]: f"{dot.high:g}+" if dot.open_ended else dot.high}
    columns = dict.fromkeys(name for row in rows.values() for name in row)
    return Table([{name: rows[at].get(name) for name in columns} for at in sorted(rows)], list(columns))
