"""Make a plot from a table, from results, or from a file of either: `cloudai.plot`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from cloudai.errors import InputError, SettingsError
from cloudai.report.plots.ages import ages
from cloudai.report.plots.bars import bars
from cloudai.report.plots.cells import number, require_columns
from cloudai.report.plots.chart import Chart, Kind
from cloudai.report.plots.columns import Asked
from cloudai.report.plots.lines import lines
from cloudai.report.plots.maps import landmarks
from cloudai.report.plots.picture_files import ENDINGS, save_plot_picture
from cloudai.report.plots.plot_page import plot_style, save_plot_page
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.sources import PlotSource, table_of
from cloudai.report.plots.svg import svg_of
from cloudai.report.plots.values import table_of_values
from cloudai.report.words import Language
from cloudai.table import Table
from cloudai.text import plain, quoted
from cloudai.wording import translated, using

__all__ = ["Plot", "plot", "save_plots"]

NUMBERED = re.compile(r"^input (\d+)$")
"""The name of an input that has neither a name nor words of its own."""
COMPUTED_BY = {"bars": bars, "lines": lines, "ages": ages, "map": landmarks}


class Plot:
    """A plot, which shows itself in a notebook and is written to a file by `save`.

    ``chart`` is what it shows, as plain data: series, axes, ticks and sentences.
    """

    def __init__(self, chart: Chart) -> None:
        self.chart = chart

    def __repr__(self) -> str:
        names = ", ".join(series.name for series in self.chart.series)
        return f"<Plot {self.chart.kind}: {len(self.chart.dots())} values of {names}>"

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{escape(plain(note))}</p>" for note in self.chart.notes)
        return f"<style>{plot_style()}</style>{self.svg()}{notes}"

    def svg(self) -> str:
        """Return the plot as an ``<svg>`` element for a page of your own.

        `plot_style` gives it its colours, also in the dark, and `plot_script` its tooltips and arrow keys. A value with
        a target is an ``<a class="dot" href="#TARGET">``, so that a click, or Enter, goes to the element with this id.
        """
        return svg_of(self.chart)

    def table(self) -> Table:
        """Return the values as a table: a row for each position, and a column for each series."""
        return table_of_values(self.chart)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the plot to a file, and return its path.

        ``.html`` is a page that loads nothing, with tooltips, and the values as a table. ``.png``, ``.svg`` and
        ``.pdf`` are drawn by matplotlib, with a font that has all characters; see `find_font`.

        Raises:
            InputError: The path has another ending.
            MissingExtraError: Jinja2 or matplotlib is not installed.
            MissingFontError: No font has all characters.
            OutputError: The file cannot be written.
        """
        return save_plots([self], path, title=self.chart.title)


def plot(
    source: PlotSource,
    path: str | os.PathLike[str] | None = None,
    *,
    kind: Kind | None = None,
    x: str | None = None,
    y: str | Sequence[str] = (),
    by: str | Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
    smooth: float | None = None,
    average: bool = False,
    picture: str | None = None,
    pictures: Sequence[Any] | None = None,
    target: str | None = None,
    born: date | str | None = None,
    events: Mapping[str, str] | None = None,
    table: str | None = None,
    title: str = "",
    language: Language = "en",
) -> Plot:
    """Return a plot of a table or of results, and write it to a file if a path is given.

    Args:
        source: A `Table`, rows (dicts), a data frame, results, outcomes, a batch, or the path of a CSV, Parquet or JSON
            Lines file, of a file that ``--json`` has printed, or of a journal.
        path: The file to write: ``.html``, ``.png``, ``.svg`` or ``.pdf``; see `Plot.save`.
        kind: "bars" (grouped; likelihood words as steps), "lines" (over seconds, dates or numbers), "ages" (ranges,
            with thumbnails and the true age) or "map" (by latitude and longitude, without map tiles). None chooses by
            the columns.
        x: The column along the bottom: names of bars; the seconds, dates or numbers of lines; or the dates of ages. A
            table of ages without a column of dates takes them from the names of the files.
        y: The column of values, or several columns with one unit, each of which becomes a series.
        by: The columns whose values tell the series apart, for example "emotion", or "track" for the faces of a video.
        where: Only rows whose columns have these values, for example ``{"provider": "google"}``.
        without: Series to leave out, for example ``["neutral"]``.
        smooth: The width of the window in which lines are smoothed, in the unit of ``x`` (for dates, days). The values
            are shown all the same. Likelihood words are never smoothed.
        average: Whether several numbers that belong to one bar become their mean, on which they are shown. Without it
            they are an error. Likelihood words are never averaged.
        picture: The column with a picture of each value: a path, or a PIL image. The page shows it in the tooltip, and
            a click on the value goes to it below the plot.
        pictures: The pictures by the numbers of the inputs (the column "item"), where no column has them: paths, or PIL
            images. If the picture has a face in it, the face is shown.
        target: The column with the id of the element in your own page to which a click on the value goes, for example
            "frame-12". With `Plot.svg` such a value becomes a link to ``#frame-12``, which needs no script.
        born: The date of birth, for the true age in a plot of ages; a column "true_age" or "나이" gives it, too.
        events: Notes by the date, or the number along the bottom, to which they belong: ``{"2009-01-20": "a note"}``.
            Two with a slash between them, "2009-01-20/2017-01-20", shade the stretch from one to the other. For lines,
            and for ages along dates.
        table: The kind of table that is made of results, as ``job.tidy("faces")`` takes it; None chooses one.
        title: The heading.
        language: The language of the words on axes and in notes; names of yours stay as they are.

    Raises:
        InputError: A column is missing, has no numbers, or mixes numbers with likelihood words; the table is empty; the
            columns have several units; or the file cannot be read.
        SettingsError: The options contradict each other, likelihood words are to be averaged or smoothed, or an event
            is nowhere along the bottom.
        OutputError: The file cannot be written.
    """
    words_of(language)  # a language that is not spoken is told before the work
    # The rows are chosen before the words are translated: where= names values as the table has them.
    read = _spoken(_filtered(table_of(source, kind, table), where or {}), language)
    require_columns(read, [])
    _require_found(read)
    if pictures is not None:
        read, picture = _with_pictures(read, pictures)
    asked = Asked(
        x=x,
        y=(y,) if isinstance(y, str) else tuple(y),
        by=(by,) if isinstance(by, str) else tuple(by),
        without=frozenset([without] if isinstance(without, str) else without),
        smooth=_width(smooth),
        average=average,
        picture=picture,
        target=target,
        born=_day_of_birth(born),
        events=tuple((str(at), text) for at, text in (events or {}).items()),
        title=title,
        language=language,
    )
    chosen = kind or _kind_of(read)
    if chosen not in COMPUTED_BY:
        raise SettingsError(f"there is no kind of plot {chosen}", advice=f"Give one of: {', '.join(COMPUTED_BY)}.")
    made = Plot(COMPUTED_BY[chosen](read, asked))
    if path is not None:
        made.save(path)
    return made


def save_plots(plots: Sequence[Plot], path: str | os.PathLike[str], *, title: str = "") -> Path:
    """Write plots to one page, or a single plot to a picture, and return its path; see `Plot.save`.

    Args:
        plots: The plots, at least one; the page is in the language of the first.
        path: The file to write; only a page holds more than one plot.
        title: The heading of the page.

    Raises:
        InputError: There is no plot, or the path has an ending that no plot is written to.
        SettingsError: There are several plots for a picture.
    """
    if not plots:
        raise InputError("there is no plot to write")
    ending = Path(path).suffix.lower()
    if ending in (".html", ".htm"):
        language = plots[0].chart.language
        return save_plot_page([each.chart for each in plots], path, title=title or "cloudai", language=language)
    if ending in ENDINGS:
        if len(plots) != 1:
            raise SettingsError(f"{Path(path).name} holds one plot", advice="Write several to a page: .html.")
        return save_plot_picture(plots[0].chart, path)
    raise InputError(
        f"{Path(path).name or path} is no kind of file for a plot", advice="Give .html, .png, .svg or .pdf."
    )


def _require_found(table: Table) -> None:
    """Raise InputError if the table is one of results, and no input has one: no number in it says anything then."""
    if not {"item", "input", "status"} <= {*table.columns} or any(row["status"] == "ok" for row in table):
        return
    empty = sum(row["status"] == "none_found" for row in table)
    raise InputError(
        f"none of the {len(table)} inputs has a result that can be drawn",
        advice=f"Nothing was found in {empty} of them, and {len(table) - empty} have no answer.",
    )


def _filtered(table: Table, where: Mapping[str, Any]) -> Table:
    require_columns(table, where)
    # A CSV file has texts, and the command line gives texts as well.
    return table.filter(lambda row: all(str(row.get(name)) == str(value) for name, value in where.items()))


def _spoken(table: Table, language: str) -> Table:
    """Return the table with the library's own words in a language: the names of inputs without one, and the errors."""
    if language == "en" or not {"input", "error"} & {*table.columns}:
        return table
    input_word = words_of(language)["input"]
    # The table is the caller's, so the words are changed in a copy.
    made = table[:]
    with using(language):
        made.rows = [
            {
                **row,
                **({"input": NUMBERED.sub(rf"{input_word} \1", str(row["input"]))} if row.get("input") else {}),
                **({"error": translated(str(row["error"]))} if row.get("error") else {}),
            }
            for row in table
        ]
    return made


def _with_pictures(table: Table, pictures: Sequence[Any]) -> tuple[Table, str]:
    """Return the table with a column of pictures, and its name."""
    require_columns(table, ["item"])
    name = "picture"
    while name in table.columns:
        name = f"_{name}"
    rows = [{**row, name: _picture_of(row["item"], pictures)} for row in table]
    return Table(rows, [*table.columns, name], table.units), name


def _picture_of(item: Any, pictures: Sequence[Any]) -> Any:
    """Return the picture of an input by its number; None if there is none."""
    try:
        at = number(item)
    except ValueError:
        at = -1.0
    if at is None or at < 0 or at != int(at):
        raise InputError(
            f"the column item has {quoted(str(item))}, which numbers no picture", advice="Give picture= and a column."
        )
    return pictures[int(at)] if at < len(pictures) else None


def _kind_of(table: Table) -> Kind:
    """Return the kind of plot that the columns of a table are for."""
    # A table of tags always has the columns of a position, which are empty but for landmarks.
    columns = {name for name in table.columns if any(row.get(name) not in (None, "") for row in table)}
    if {"latitude", "longitude"} <= columns:
        return "map"
    if "time_s" in columns:
        return "lines"
    return "ages" if {"age_low", "age_years"} & columns else "bars"


def _width(smooth: float | None) -> float | None:
    if smooth is not None and (not isinstance(smooth, int | float) or not 0 < smooth < math.inf):
        raise SettingsError(f"smooth={smooth!r}", advice="Give the width of the window, a number above 0.")
    return smooth


def _day_of_birth(born: date | str | None) -> date | None:
    try:
        return date.fromisoformat(born) if isinstance(born, str) else born
    except ValueError as error:
        raise SettingsError(f"born={born!r} is no date", advice="Write it like 1961-08-04.") from error
