"""Show what a command has found: a table that fits the window, and a last line that sums it up."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from cloudai.operations import OPERATIONS
from cloudai.table import Table
from cloudai.wording import say

__all__ = ["TABLES_OF", "print_table", "summary"]

MOST_ROWS = 60
"""Rows of a table that a terminal shows at most; a file and a pipe get all of them."""
MOST_NAMED = 12
"""Columns that are named among those left out, at most."""

THINGS = {
    "": ("1 result", "{n} results"),
    "detect_faces": ("1 face", "{n} faces"),
    "estimate_age": ("1 face", "{n} faces"),
    "read_text": ("1 line of text", "{n} lines of text"),
    "sentiment": ("1 sentence", "{n} sentences"),
    "key_phrases": ("1 phrase", "{n} phrases"),
    "faces": ("1 face", "{n} faces"),
    "text": ("1 line of text", "{n} lines of text"),
    "segments": ("1 segment", "{n} segments"),
    "translate": ("1 translation", "{n} translations"),
    "speech_to_text": ("1 word", "{n} words"),
}
"""The things that an operation finds, as the last line counts them; other operations find results."""
TABLES_OF = {
    "analyze_image": ("tags", "faces", "text", "emotions"),
    "detect_faces": ("faces", "emotions", "landmarks"),
    "speech_to_text": ("words", "segments"),
}
"""The kinds of tables that the results of an operation have, where there are several; see `cloudai.tidy`."""
INPUTS = {
    "image": ("in {k} of 1 photo", "in {k} of {n} photos"),
    "frame": ("in {k} of 1 frame", "in {k} of {n} frames"),
    "audio": ("in {k} of 1 recording", "in {k} of {n} recordings"),
    "text": ("in {k} of 1 text", "in {k} of {n} texts"),
}
ENDINGS = {
    "failed": "{n} failed",
    "unsupported": "{n} unsupported",
    "in_doubt": "{n} in doubt",
    "skipped": "{n} skipped",
    "not_started": "{n} not started",
}


def summary(table: Table, operation: str, kind: str | None = None) -> str:
    """Return one line that says how much was found in how many inputs, and how many have no result.

    Args:
        table: The table of one row for each thing.
        operation: The name of the operation.
        kind: The kind of the table, if it is one.

    Example:
        >>> rows = [{"item": 0, "status": "ok"}, {"item": 0, "status": "ok"}, {"item": 1, "status": "failed"}]
        >>> summary(Table(rows), "detect_faces")
        '2 faces in 1 of 2 photos, 1 failed'
    """
    # An input has a row for each thing in it, and counts once.
    status_of = {row["item"]: row["status"] for row in table}
    counts = Counter(status_of.values())
    ok = [row for row in table if row["status"] == "ok"]
    # The row for the whole text is no sentence.
    things = sum(row.get("sentence") != WHOLE for row in ok)
    one, many = THINGS.get(kind or operation, THINGS[""])
    if ok and not things:  # the provider judges texts, and no sentences
        things, (one, many) = len(ok), THINGS[""]
    # Frames are pictures for the operation, and only their table has a time.
    one_input, many_inputs = INPUTS["frame" if "time_s" in table.columns else OPERATIONS[operation].input]
    n = len(status_of)
    head = [say(one if things == 1 else many, n=things), say(one_input if n == 1 else many_inputs, k=counts["ok"], n=n)]
    ends = [say(text, n=counts[name]) for name, text in ENDINGS.items() if counts[name]]
    return ", ".join([say("{things} {inputs}", things=head[0], inputs=head[1]), *ends])


WHOLE = -1
"""The number of the row of a sentiment that is about the whole text, and no sentence."""


def print_table(table: Table, more: str, most: int = MOST_ROWS) -> None:
    """Print a table: on a terminal as far as it fits, otherwise all of it.

    Args:
        table: The table; columns that are empty in all rows are left out.
        more: A sentence that says how to see the rest.
        most: The rows that a terminal shows at most.
    """
    if not len(table):
        return
    table = table.filled()
    width = window()
    # A file or a pipe gets all columns and rows: what is cut there cannot be made wider.
    if not width:
        print(table, flush=True)
        return
    shown, left_out = table[:most].fit(width)
    print(shown)
    notes = []
    if len(table) > len(shown):
        notes.append(say("… and {n} more rows.", n=len(table) - len(shown)))
    if left_out:
        notes.append(say("Not shown, for the window is too narrow: {columns}.", columns=_named(left_out)))
    if notes:
        print(" ".join([*notes, more]))
    sys.stdout.flush()


def _named(columns: Sequence[str]) -> str:
    names = ", ".join(columns[:MOST_NAMED])
    return f"{names} …" if len(columns) > MOST_NAMED else names


def window() -> int:
    """Return the columns of the terminal that standard output leads to; 0 if it leads elsewhere.

    The variable ``COLUMNS`` counts for more than the terminal, also where there is none.
    """
    if os.environ.get("COLUMNS", "").isdecimal():
        return int(os.environ["COLUMNS"])
    stream: Any = sys.stdout
    try:
        return shutil.get_terminal_size((0, 0)).columns if stream is not None and stream.isatty() else 0
    except (OSError, ValueError):
        return 0
