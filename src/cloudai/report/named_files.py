"""Write pictures into a folder under the names of people, and an index that says which file is whose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from cloudai.errors import InputError
from cloudai.reading import read_table
from cloudai.report.filenames import safe_name
from cloudai.table import Table

__all__ = ["NamedFiles"]

INDEX = "index.csv"


class NamedFiles:
    """A folder of pictures, each named by the number and the name of its input: ``0001-홍길동.jpg``.

    A file that the index of the folder names, which an earlier run has written, is written anew. Any other file is
    never overwritten: the new one then gets a number at its end.

    Args:
        folder: The folder; it is made if it does not exist.

    Raises:
        InputError: The folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the folder {folder} cannot be made ({error.strerror})", advice="Give another."
            ) from error
        self._ours: set[str] = set()
        with suppress(InputError):  # there is no index yet, or it is another table
            self._ours = {str(row.get("file")) for row in read_table(self.folder / INDEX)}
        self._written: set[str] = set()
        self._rows: list[dict[str, Any]] = []

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
        options = {"quality": 92} if suffix == ".jpg" else {}
        picture.save(path, **options)  # type: ignore[arg-type]
        self._written.add(path.name)
        self._rows.append({"item": item, "name": name, "file": path.name, **facts})
        return path

    def _free(self, item: int, name: str, suffix: str) -> Path:
        """Return the path of a file that is not there yet, or that an earlier run has written."""
        number = 1
        while True:
            end = "" if number == 1 else f" {number}"
            path = self.folder / safe_name(item, f"{name[:200]}{end}", suffix)
            if path.name not in self._written and (path.name in self._ours or not path.exists()):
                return path
            number += 1

    def close(self) -> Path:
        """Write the index, remove what an earlier run has written under another name, and return the index's path."""
        for name in self._ours - self._written:
            if Path(name).name == name and Path(name).suffix.lower() in (".jpg", ".png"):
                (self.folder / name).unlink(missing_ok=True)
        path = self.folder / INDEX
        Table(
            self._rows, list(dict.fromkeys([*("item", "name", "file"), *(n for row in self._rows for n in row)]))
        ).to_csv(path)
        return path
