r"""Cut CSV text into cells, with the semantics of the standard module `csv` and without its limit on a cell.

The limit of the standard module (131,072 characters) can be changed for a whole process only, and another thread, which
may read what strangers sent, would then read without a limit too. So the text is cut here, by one regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["delimiter_of", "rows_of"]

DELIMITERS = (",", ";", "\t", "|")
"""Characters that may stand between cells; Excel writes semicolons where the comma is a decimal point."""
NOTHING = "\x1f"
"""The delimiter of a table with a single column: a character that texts do not contain, so that no cell is cut."""
SEPARATOR = re.compile(r'"?sep=([^"\r\n])"?[;,\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
"""Excel's own first line, which says what stands between the cells and is no line of the table."""
SAMPLE = 30
"""Lines that are looked at to recognise the delimiter."""


def delimiter_of(text: str, usual: str | None = None) -> tuple[str, str]:
    """Return the text without Excel's line ``sep=``, and the character that stands between its cells.

    Where no such line says it, it is the one that cuts most of the first lines into as many cells as the heading has.
    Delimiters inside quotes do not count. If there are several such characters, the one that gives the most cells is
    taken. Where the heading is one cell, the table has one column, and a comma is a part of the text in it.

    Args:
        text: The text of a CSV file.
        usual: The delimiter where no line ``sep=`` names another; None recognises it.
    """
    if said := SEPARATOR.match(text):
        return text[said.end() :], said[1]
    if usual:
        return text, usual
    fits = {delimiter: _fit(text, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: fits[delimiter])
    return text, best if fits[best] > (0.0, 1) else NOTHING


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    """Return the share of the first lines that have as many cells as the heading, and that number.

    The share is 0 if the heading is one cell.
    """
    rows: list[list[str]] = []
    try:
        for cells in rows_of(text, delimiter):
            if any(cell.strip() for cell in cells):
                rows.append(cells)
            if len(rows) == SAMPLE:
                break
    except ValueError:
        pass  # a quote that is never closed is reported when the whole is read
    if not rows or len(rows[0]) == 1:
        return 0.0, 1
    width = len(rows[0])
    return sum(len(row) == width for row in rows) / len(rows), width


def rows_of(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of each line of CSV text; a blank line has no cells.

    Lines end at CR, LF or CRLF only. A cell in double quotes may hold delimiters, line ends, and quotes written twice.

    Raises:
        ValueError: A quote is never closed, so that the rest of the text would become one cell.
    """
    mark = re.escape(delimiter)
    # The possessive quantifiers (``*+``) give nothing back, so that the time stays linear even if a quote is never
    # closed.
    plain = rf"[^{mark}\r\n]*+"
    cell = re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"({plain})|({plain}))({mark}|\r\n|\r|\n|\Z)')
    cells: list[str] = []
    position, line = 0, 1
    while position < len(text) or cells:
        match = cell.match(text, position)
        # A cell that begins with a quote, and was not matched as a quoted cell, has no closing quote.
        if match is None or (match[3] or "").startswith('"'):
            line += len(re.findall(r"\r\n|\r|\n", text[:position]))
            raise ValueError(f"the quote in line {line} is never closed")
        cells.append(match[3] if match[1] is None else match[1].replace('""', '"') + match[2])
        position = match.end()
        if match[4] != delimiter:
            # A line with nothing but ``""`` has one empty cell, whereas a blank line has none.
            yield cells if cells != [""] or match[1] is not None else []
            cells = []
