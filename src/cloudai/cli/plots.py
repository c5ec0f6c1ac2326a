"""The command ``plot``, which draws a table, a file of results, or a journal, and sends nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cloudai.cli import inputs
from cloudai.cli.outputs import STDOUT
from cloudai.cli.running import given_options
from cloudai.errors import InputError
from cloudai.reading import TABLES, read_table, table_in
from cloudai.report import plot
from cloudai.report.plots.sources import in_lines
from cloudai.wording import say

__all__ = ["as_plot"]


def as_plot(options: argparse.Namespace) -> int:
    """Write a plot, and return the exit code."""
    out = Path(options.out or "plot.html")
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent}", advice="Make it first, or give --out another path.")
    look: dict[str, Any] = given_options(
        options, ["kind", "x", "y", "by", "without", "smooth", "picture", "born", "table", "language"]
    )
    title = options.title or ("" if options.file == STDOUT else Path(options.file).stem)
    where = dict(options.where) if options.where else None
    events = dict(options.event) if options.event else None
    plot(_source(options), out, where=where, events=events, average=options.average, title=title, **look)
    print(say("wrote {file}", file=out) + f", {out.stat().st_size / 1e6:.1f} MB")
    return 0


def _source(options: argparse.Namespace) -> Any:
    """Return what is drawn: standard input ("-") as a table or as results, a table in an encoding, or the path."""
    if options.file == STDOUT:
        text = inputs.standard_input(options.encoding)
        is_json = text.lstrip()[:1] in ("{", "[")
        return in_lines(text, inputs.STANDARD_INPUT) if is_json else table_in(text, inputs.STANDARD_INPUT)
    if options.encoding and Path(options.file).suffix.lower() in TABLES:
        return read_table(options.file, encoding=options.encoding)
    return options.file
