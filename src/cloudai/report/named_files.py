"""Write pictures into a folder under the names of people, and an index that says which file is whose."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import PIL.Image
from PIL import Image

from cloudai.errors import InputError
from cloudai.reading import read_table
from cloudai.report.filenames import safe_name
from cloudai.report.writing import making_folder, write_table, write_whole
from cloudai.table import Table

__all__ = ["NamedFiles", "require_ours"]

INDEX = "index.csv"
HEAD = ["item", "name", "file"]
OURS = re.compile(r"\d{4,}(-[^/\\\\]+)?\.(jpg|png)")
"""The names of the files that are written here."""


class NamedFiles:
    """A folder of pictures, each named by the number and the name of its input: ``0001-홍길동.jpg``.

    A file that the index of the folder names, which an earlier run has written, is written anew. Any other file is
    never overwritten: the new one then gets a number at its end. The index is written at the end of a ``with`` block.

    Args:
        folder: The folder; it is made if it does not exist.

    Raises:
        InputError: The folder has an index of somebody else.
        OutputError: The folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = making_folder(folder)
        self._before = require_ours(self.folder)
        self._written: set[str] = set()
        self._rows: list[dict[str, Any]] = []

    @property
    def index(self) -> Path:
        """The path of the index."""
        return self.folder / INDEX

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the index, and remove what only an earlier run has written.

        After an error or Ctrl-C nothing is removed, and the index has the files of both runs, so that the next run
        knows them again and writes them anew.
        """
        # The files that only an earlier run has written belong to inputs that are gone, or are called otherwise now.
        rest = {file: row for file, row in self._before.items() if file.casefold() not in self._written}
        if kind is None:
            for file in rest:
                (self.folder / file).unlink(missing_ok=True)
            self._write_index(self._rows)
        else:
            with suppress(OSError):  # the error that has ended the run is the one to tell
                self._write_index([*self._rows, *rest.values()])

    def save(self, picture: Image.Image, item: int, name: str, facts: Mapping[str, Any], suffix: str = ".jpg") -> Path:
        """Write a picture, note it for the index, and return its path.

        Args:
            picture: The picture; a JPEG has no transparent parts, so give it another ending for these.
            item: The number of the input.
            name: The name of the person or the input.
            facts: The other columns of the index.
            suffix: The ending of the file, which decides its format.
        """
        path = self._free(item, name, suffix)
        # Pillow's own quality of a JPEG is 75, which shows where one is compressed for the second time. Its own level
        # of a PNG takes three times as long, for a file that is 4 % smaller at most.
        options = {".jpg": {"quality": 92}, ".png": {"compress_level": 4}}.get(suffix, {})
        out = io.BytesIO()
        picture.save(out, PIL.Image.registered_extensions()[suffix], **options)
        write_whole(path, out.getvalue())
        self._written.add(path.name.casefold())
        self._rows.append({"item": item, "name": name, "file": path.name, **facts})
        return path

    def _free(self, item: int, name: str, suffix: str) -> Path:
        """Return the path of a file that is not there yet, or that an earlier run has written."""
        number = 1
        while True:
            end = "" if number == 1 else f" {number}"
            path = self.folder / safe_name(item, name, suffix, mark=end)
            # Windows and macOS take two names for one that differ by capital letters alone.
            is_free = path.name in self._before or not path.exists()
            if path.name.casefold() not in self._written and is_free:
                return path
            number += 1

    def _write_index(self, rows: Sequence[Mapping[str, Any]]) -> None:
        columns = list(dict.fromkeys([*HEAD, *(name for row in rows for name in row)]))
        write_table(Table(rows, columns), self.index)


def require_ours(folder: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of the index that an earlier run has written into a folder, by the names of their files.

    Raises:
        InputError: The folder has an index of somebody else, which must not be overwritten.
    """
    path = Path(folder) / INDEX
    if not path.exists():
        return {}
    wrong = InputError(f"{path} was not written by cloudai, and would be overwritten", advice="Give another folder.")
    try:
        table = read_table(path)
    except InputError as error:
        raise wrong from error
    rows = {str(row.get("file")): dict(row) for row in table}
    # The index decides which files are removed. One that somebody has edited could name any file, so each name has to
    # be one that is made here.
    are_ours = all(
        OURS.fullmatch(file) and file.startswith(f"{row.get('item') or '':0>4}") for file, row in rows.items()
    )
    if list(table.columns[: len(HEAD)]) != HEAD or not are_ours:
        raise wrong
    return rows
