"""Lay a table out as text for a terminal, or as HTML for a notebook.

The width of a text is that of a terminal: Hangul and other wide characters take two columns.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from cloudai.text import inert

__all__ = ["as_html", "as_text", "columns_that_fit", "cut", "shown", "text_width"]

Row = Mapping[str, Any]

THOUSAND = 1000
GAP = 2
"""Spaces between two columns."""
NARROW = 24
"""Columns of the terminal that a cell keeps at least, as long as columns of the table can be left out instead."""
NARROWEST = 12
"""Columns of the terminal that a cell keeps at least, before a whole column is left out."""
SPARED = (
    "item",
    "input",
    "status",
    "kind",
    "text",
    "name",
    "label",
    "score",
    "error",
    "age_low",
    "age_high",
    "age_years",
)
"""Columns that are left out last."""
SAME_EVERYWHERE = ("operation", "method", "provider")
"""Columns that are left out first where all of their cells are equal."""
STYLE = (
    "<style>.cloudai-table{border-collapse:collapse;font-size:.9em;color:inherit}"
    ".cloudai-table th,.cloudai-table td{border-bottom:1px solid color-mix(in srgb,currentColor 25%,transparent);"
    "padding:.25em .6em;text-align:left;background:transparent;color:inherit}"
    ".cloudai-table td.n{text-align:right;font-variant-numeric:tabular-nums}</style>"
)
"""The colours of the table are those of the notebook, light or dark."""


def text_width(text: str) -> int:
    """Return the columns that a terminal gives a text: wide East Asian characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, widest: int) -> str:
    """Return the text on one line, with "…" at its end where it would take more columns of a terminal.

    The "…" is there also where ``widest`` is less than its one column.
    """
    # In decomposed Hangul, as macOS has it in file names, the letters of a syllable would be counted and cut one by
    # one.
    text = inert(unicodedata.normalize("NFC", text))
    # A wide character takes two columns, so one cut by the number of characters may not be enough.
    while text_width(text) > max(1, widest):
        text = text[: max(1, len(text) - max(1, (text_width(text) - widest) // 2)) - 1] + "…"
    return text


def shown(value: object, widest: int) -> str:
    """Return a value as a cell of a table that a person reads: numbers are rounded, long texts cut."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < THOUSAND else f"{value:.0f}"
    return cut(str(value), widest)


def as_text(rows: Sequence[Row], columns: Sequence[str], widest: int) -> str:
    """Return the table as lines of text whose columns stand under each other; numbers are aligned at the right."""
    names = [cut(name, widest) for name in columns]
    cells = [[shown(row.get(name), widest) for name in columns] for row in rows]
    widths = [max(map(text_width, (name, *(line[i] for line in cells)))) for i, name in enumerate(names)]
    right = [_numeric(rows, name) for name in columns]
    lines = (
        (" " * GAP).join(_padded(*each) for each in zip(line, widths, right, strict=True)).rstrip()
        for line in (names, ["-" * width for width in widths], *cells)
    )
    return "\n".join(lines)


def as_html(rows: Sequence[Row], columns: Sequence[str], units: Mapping[str, str], widest: int) -> str:
    """Return the table as HTML, in the colours of the page that it stands on."""

    def escaped(value: object) -> str:
        return html.escape(shown(value, widest))

    head = "".join(f"<th>{escaped(c)}{f' ({escaped(units[c])})' if c in units else ''}</th>" for c in columns)
    kinds = {name: ' class="n"' if _numeric(rows, name) else "" for name in columns}
    body = "".join(f"<tr>{''.join(f'<td{kinds[c]}>{escaped(row.get(c))}</td>' for c in columns)}</tr>" for row in rows)
    return f'{STYLE}<table class="cloudai-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def columns_that_fit(rows: Sequence[Row], columns: Sequence[str], width: int, widest: int) -> tuple[list[str], int]:
    """Return the columns that fit into the width of a window, and the columns that a cell may have at most.

    First long cells are cut to a quarter of the window, then the columns that say nothing or the same in every row are
    left out, then those at the right end. Then cells are cut shorter still, and at last the columns that matter most
    go.

    Args:
        rows: The rows.
        columns: The names of the columns, in order.
        width: The columns of the window.
        widest: The columns that a cell may have at most.
    """
    kept, least = list(columns), max(NARROW, width // 4)
    needed = _measure(rows, columns)

    def fits(cell: int) -> bool:
        return sum(min(needed[name], cell) + GAP for name in kept) - GAP <= width

    if not fits(widest):
        widest = min(widest, least)
    same = [name for name in SAME_EVERYWHERE if len(rows) > 1 and len({row.get(name) for row in rows} - {None}) <= 1]
    empty = [name for name in columns if rows and name not in same and all(row.get(name) is None for row in rows)]
    usual = [name for name in reversed(columns) if name not in (*SPARED, *same, *empty)]
    for name in (*same, *empty, *usual):
        if fits(widest):
            break
        if name in kept:
            kept.remove(name)
    while widest > NARROWEST and not fits(widest):
        widest -= 1
    for name in [name for name in reversed(columns) if name in kept][:-1]:
        if fits(widest):
            break
        kept.remove(name)
    return kept, widest


def _measure(rows: Sequence[Row], columns: Sequence[str]) -> dict[str, int]:
    """Return the columns of the terminal that each column of the table would take, uncut."""
    most = 10_000
    return {
        name: max(text_width(cut(name, most)), *(text_width(shown(row.get(name), most)) for row in rows), 0)
        for name in columns
    }


def _numeric(rows: Sequence[Row], name: str) -> bool:
    return all(isinstance(row.get(name), int | float | None) for row in rows)


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - text_width(text))
    return space + text if right else text + space
