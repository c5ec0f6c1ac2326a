"""Tell where a click on a value goes, and which picture stands there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageOps

from cloudai.errors import CloudAIError
from cloudai.media import Image
from cloudai.report.color import in_colour
from cloudai.report.plots.cells import number, require_columns
from cloudai.report.plots.chart import Picture
from cloudai.report.plots.columns import Asked, names_of
from cloudai.table import Table

__all__ = ["opened_picture", "pictures_of", "square", "targets_of"]

MARGIN = 0.45
"""The margin on each side of a face that is shown, as a share of the longer side of its box."""


def targets_of(table: Table, asked: Asked) -> list[str]:
    """Return the id of an element of the page for each row: as a column gives it, or one for each picture.

    Raises:
        InputError: There is no such column.
    """
    if asked.target is not None:
        require_columns(table, [asked.target])
        return [str(row.get(asked.target) or "").removeprefix("#") for row in table]
    if asked.picture is None:
        return [""] * len(table)
    require_columns(table, [asked.picture])
    seen: dict[Any, str] = {}
    targets = []
    for row in table:
        given = row.get(asked.picture)
        if given is None or given == "":
            targets.append("")
            continue
        # Two faces of one picture are two targets, because each shows its own face.
        key = str(given) if isinstance(given, str | Path) else id(given), _box(row)
        targets.append(seen.setdefault(key, f"picture-{len(seen) + 1}"))
    return targets


def pictures_of(table: Table, asked: Asked, targets: list[str]) -> dict[str, Picture]:
    """Return the picture of each target; a relative path begins at the folder of the table."""
    if asked.picture is None:
        return {}
    pictures: dict[str, Picture] = {}
    for row, target, name in zip(table, targets, names_of(table), strict=True):
        given = row.get(asked.picture)
        if target and target not in pictures and given is not None and given != "":
            # A path in a table is relative to the table, as a rule; where nothing is there, it is taken as it is.
            beside = table.folder / given if table.folder is not None and isinstance(given, str) else None
            pictures[target] = Picture(beside if beside is not None and beside.is_file() else given, name, _box(row))
    return pictures


def _box(row: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Return the square around the face that a row is about, as fractions of the picture; None if it is of no face."""
    try:
        numbers = [number(row.get(name)) for name in ("x", "y", "width", "height", "image_width", "image_height")]
    except ValueError:
        return None
    if any(value is None for value in numbers) or "face" not in row:
        return None
    x, y, width, height, across, down = (value or 0.0 for value in numbers)
    if across <= 0 or down <= 0:
        return None
    half = max(width, height) * (0.5 + MARGIN)
    middle_x, middle_y = x + width / 2, y + height / 2
    left, right = (min(1.0, max(0.0, (middle_x + side) / across)) for side in (-half, half))
    top, bottom = (min(1.0, max(0.0, (middle_y + side) / down)) for side in (-half, half))
    return (left, top, right, bottom) if left < right and top < bottom else None


def opened_picture(picture: Picture, side: int) -> PIL.Image.Image | None:
    """Return the part of a picture that is shown, upright and in RGB; None if the picture cannot be read.

    Args:
        picture: The picture.
        side: The longer side (px) that is needed of the part.
    """
    share = 1.0 if picture.box is None else max(picture.box[2] - picture.box[0], picture.box[3] - picture.box[1])
    try:
        given = picture.given
        # A picture of which only a face is shown is opened in more pixels, so that the face has enough of them.
        whole = given if isinstance(given, PIL.Image.Image) else Image(given).open(round(side / max(share, 0.05)) + 1)
        whole = in_colour(whole)
    except (CloudAIError, OSError):
        return None
    if picture.box is None:
        return whole
    left, top, right, bottom = picture.box
    width, height = whole.size
    return whole.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))


def square(picture: PIL.Image.Image, side: int) -> PIL.Image.Image:
    """Return the middle of a picture as a square of this side (px)."""
    # The square is cut a little above the middle, because that is where the face of a portrait is.
    return PIL.ImageOps.fit(picture, (side, side), PIL.Image.Resampling.LANCZOS, centering=(0.5, 0.4))
