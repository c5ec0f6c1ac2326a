"""The command ``plot``, which draws a table, a file of results, or a journal, and sends nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cloudai.cli.running import given_options
from cloudai.errors import InputError
from cloudai.reading import TABLES, read_table
from cloudai.report import plot
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
    title = options.title or Path(options.file).stem
    where = dict(options.where) if options.where else None
    events = dict(options.event) if options.event else None
    # The library finds the kind of file out by itself; only a table has an encoding that may need to be named.
    is_table = options.encoding and Path(options.file).suffix.lower() in TABLES
    source = read_table(options.file, encoding=options.encoding) if is_table else options.file
    plot(source, out, where=where, events=events, average=options.average, title=title, **look)
    print(say("wrote {file}", file=out) + f", {out.stat().st_size / 1e6:.1f} MB")
    return 0
