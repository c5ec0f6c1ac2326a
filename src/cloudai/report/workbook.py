"""Write a workbook of Excel: a sheet for each kind of result, with small pictures, widths and filters."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cloudai.errors import CloudAIError, FetchError, MissingExtraError
from cloudai.media import ImageInput
from cloudai.models.base import Result
from cloudai.models.face import Ages, Faces
from cloudai.models.image import ImageAnalysis, Text
from cloudai.report.columns import kind_of
from cloudai.report.facts import ending_of, facts_of_picture, own_columns, part_of
from cloudai.report.fetching import FetchURLs
from cloudai.report.photos import Photos, photos_of
from cloudai.report.subjects import Source, Subject, reading, reason_for, without_clashes
from cloudai.report.words import Language, in_language, words_in
from cloudai.report.writing import write_whole
from cloudai.text import encodable, inert

__all__ = ["save_workbook"]

PathLike = str | os.PathLike[str]
log = logging.getLogger("cloudai")
THUMB = 96
"""Longer side of a small picture in px; the rows that hold one are so high."""
QUALITY = 80
LONGEST_CELL = 32_767
"""Characters of a cell of Excel at most."""
MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading at most."""
MOST_COLUMNS = 16_384
LARGEST = 1e15
"""Excel keeps 15 digits of a number; a longer one, and one that is not finite, is written as text."""
NARROWEST, WIDEST = 6, 48
"""Width of a column, in characters."""
POINTS = 0.75
"""Points of a pixel, in which Excel measures heights."""
KINDS: Mapping[str, type[Result]] = {"faces": Faces, "ages": Ages, "tags": ImageAnalysis, "text": Text}
"""The sheets after the first one, by their names."""


def save_workbook(
    rows: Source,
    path: PathLike,
    *,
    thumbnails: bool = True,
    name: str | None = None,
    photos: PathLike | None = None,
    pictures: Sequence[ImageInput | None] | None = None,
    fetch_urls: FetchURLs = False,
    language: Language = "en",
) -> Path:
    """Write a workbook of Excel (extra ``data``), and return its path; nothing is sent.

    The first sheet has a row for each picture, with a small copy of it, the user's own columns and what is known; the
    others have a row for each face, tag or line of text. What a sheet of Excel has no room for is left out with a
    warning. No text becomes a formula or a link.

    Args:
        rows: A batch, outcomes, results, a table of results, or the path of a journal or of a file of results.
        path: The file to write, for example ``results.xlsx``.
        thumbnails: Whether the first sheet has the pictures.
        name: The user's column with the names; see `cloudai.report.subjects.subjects_of`.
        photos: A folder below which the pictures are looked for, by path, by file name or by digest.
        pictures: The pictures by the number of the input, where they are at hand; None in place of one looks for it.
        fetch_urls: Fetch the pictures whose inputs were addresses once more, by the rules of a client. A file that is
            fetched is shown only if it is the picture that was analysed. `cloudai.FetchRules` may name a folder that
            keeps it.
        language: Language of the headings of the first sheet.

    Raises:
        InputError: There is no such column, the rows hold no results, or the language is not one of a report's.
        JournalError: The file is no journal, or cannot be read.
        MissingExtraError: XlsxWriter is not installed.
        OutputError: The file cannot be written.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingExtraError("a workbook of Excel", "data") from error
    read = reading(rows, name)
    words = words_in(language)
    out = io.BytesIO()
    # A text from a picture or a user's table may begin with "=", and must never be run.
    inert_cells = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with (
        photos_of(read, photos, pictures, fetch_urls if thumbnails else False) as where,
        xlsxwriter.Workbook(out, {"in_memory": True, **inert_cells}) as book,
    ):
        _overview(_Sheet(book, words["picture"]), read.subjects, language, where if thumbnails else None)
        for title, kind in KINDS.items():
            having = [(subject, part) for subject in read.subjects if (part := part_of(subject, kind)) is not None]
            table = _rows(having)
            # A sheet in which nothing was found would only be in the way.
            if any(row["status"] == "ok" for row in table):
                _Sheet(book, title).write(table)
    return write_whole(path, out.getvalue())


def _overview(sheet: _Sheet, subjects: Sequence[Subject], language: Language, where: Photos | None) -> None:
    rows, words = [], words_in(language)
    ours = {words[name] for name in ("picture", "name", "status", "reason")}
    ours |= {name for subject in subjects for name in facts_of_picture(replace(subject, row={}), words)}
    subjects, _ = without_clashes(subjects, ours)
    for subject in subjects:
        status, reason = words[ending_of(subject)], in_language(_reason(subject, where), language)
        facts = {name: _text(value) for name, value in facts_of_picture(subject, words).items()}
        head = {words["picture"]: None} if where is not None else {}
        rows.append({**head, words["name"]: subject.name, **facts, words["status"]: status, words["reason"]: reason})
    sheet.write(rows, picture_rows=where is not None)
    for down, subject in enumerate(subjects, start=1) if where is not None else ():
        sheet.picture(down, subject, where)  # type: ignore[arg-type]


def _reason(subject: Subject, where: Photos | None) -> str:
    """Return why there is no result, or why there is no picture, in English."""
    if subject.error is not None or where is None or where.of(subject) is not None:
        return reason_for(subject, subject.error)
    error = where.why_not(subject)
    return reason_for(subject, error) if isinstance(error, FetchError) else ""


def _rows(having: Sequence[tuple[Subject, Result]]) -> list[dict[str, Any]]:
    """Return the rows of one kind of result, with the name of each picture before them."""
    tables = [result.to_rows(item=subject.item) for subject, result in having]
    theirs = {name for rows in tables for row in rows for name in row} - {"item", "input"}
    name = "picture" if "name" in theirs else "name"  # tags have names of their own
    subjects, _ = without_clashes([subject for subject, _ in having], {"item", name, "input", *theirs})
    return [
        {
            "item": subject.item,
            name: subject.name,
            "input": subject.address,
            **own_columns(subject),
            **{column: value for column, value in row.items() if column in theirs},
        }
        for subject, rows in zip(subjects, tables, strict=True)
        for row in rows
    ]


def _text(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


class _Sheet:
    """One sheet of a workbook.

    Args:
        book: The workbook.
        title: The name of the sheet.
    """

    def __init__(self, book: Any, title: str) -> None:
        self._sheet = book.add_worksheet(title)
        self._head = book.add_format({"bold": True, "bottom": 1, "valign": "vcenter"})
        self._cell = book.add_format({"valign": "vcenter"})
        self._wrapped = book.add_format({"valign": "vcenter", "text_wrap": True})

    def write(self, rows: Sequence[Mapping[str, Any]], *, picture_rows: bool = False) -> None:
        """Write rows below a heading that stays in sight, with widths and filters."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        kept = [
            name
            for name in names
            if any(row.get(name) not in (None, "") for row in rows) or (picture_rows and name == names[0])
        ]
        if len(kept) > MOST_COLUMNS:
            log.warning("a sheet has 16,384 columns: the other %d are left out", len(kept) - MOST_COLUMNS)
            del kept[MOST_COLUMNS:]
        if len(rows) > MOST_ROWS:
            log.warning("a sheet has 1,048,576 rows: the last %d rows of the table are left out", len(rows) - MOST_ROWS)
            rows = rows[:MOST_ROWS]
        for across, name in enumerate(kept):
            self._write(0, across, name, self._head)
            are_numbers = kind_of([row[name] for row in rows if row.get(name) not in (None, "")]) == "number"
            widest = _width(name) + 3  # the filter's button takes room
            for down, row in enumerate(rows, start=1):
                value = row.get(name)
                if are_numbers and isinstance(value, str) and value:
                    value = float(value) if "." in value else int(value)  # a table of texts has the numbers as texts
                long = isinstance(value, str) and len(value) > WIDEST
                self._write(down, across, value, self._wrapped if long else self._cell)
                widest = max(widest, _width(str(value)) if value is not None else 0)
            self._sheet.set_column(across, across, min(max(widest + 1, NARROWEST), WIDEST))
        if picture_rows:
            self._sheet.set_column(0, 0, THUMB / 7)
            for down in range(1, len(rows) + 1):
                self._sheet.set_row_pixels(down, THUMB + 4)
        self._sheet.freeze_panes(1, 2 if picture_rows else 0)
        if rows and kept:
            self._sheet.autofilter(0, 0, len(rows), len(kept) - 1)

    def _write(self, down: int, across: int, value: Any, form: Any) -> None:
        """Write a cell as what it is; a text is never run."""
        if value is None or value == "":
            self._sheet.write_blank(down, across, None, form)
        elif isinstance(value, bool):
            self._sheet.write_boolean(down, across, value, form)
        elif isinstance(value, int | float) and abs(value) < LARGEST:  # no other number is one of Excel's
            self._sheet.write_number(down, across, value, form)
        else:
            text = "\n".join(inert(line) for line in str(encodable(str(value))).split("\n"))
            self._sheet.write_string(down, across, text[:LONGEST_CELL], form)

    def picture(self, down: int, subject: Subject, where: Photos) -> None:
        """Put a small copy of a picture into the first cell of a row; it moves and hides with its row."""
        try:
            # The copy has twice the size that is shown, so that it stays sharp on a fine screen.
            small = where.open(subject, 2 * THUMB)
        except CloudAIError:
            return  # the row says by its status what is known
        small.thumbnail((2 * THUMB, 2 * THUMB))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=QUALITY)
        scale = THUMB / max(small.size)
        options = {"image_data": out, "x_scale": scale, "y_scale": scale, "x_offset": 2, "y_offset": 2}
        described = {"description": inert(subject.name)[:255], "object_position": 1}
        self._sheet.insert_image(down, 0, f"{subject.item}.jpg", {**options, **described})


def _width(text: str) -> int:
    """Return the width of a text in characters; Hangul and its neighbours take two."""
    return max(sum(2 if ord(char) > 0x1100 else 1 for char in line) for line in (text or " ").split("\n"))  # noqa: PLR2004
