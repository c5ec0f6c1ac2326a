"""Tell where a click on a value goes, and which picture stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloudai.report.plots.cells import require_columns
from cloudai.report.plots.columns import Asked, names_of
from cloudai.table import Table

__all__ = ["pictures_of", "targets_of"]


def targets_of(table: Table, asked: Asked) -> list[str]:
    """Return the id of an element of the page for each row: as a column gives it, or one for each picture."""
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
        key = str(given) if isinstance(given, str | Path) else id(given)
        targets.append(seen.setdefault(key, f"picture-{len(seen) + 1}"))
    return targets


def pictures_of(table: Table, asked: Asked, targets: list[str]) -> dict[str, tuple[Any, str]]:
    """Return the picture and the caption of each target; a relative path begins at the folder of the table."""
    if asked.picture is None:
        return {}
    pictures: dict[str, tuple[Any, str]] = {}
    for row, target, name in zip(table, targets, names_of(table), strict=True):
        given = row.get(asked.picture)
        if target and target not in pictures and given not in (None, ""):
            beside = table.folder / given if table.folder is not None and isinstance(given, str) else None
            pictures[target] = (beside if beside is not None and beside.is_file() else given, name)
    return pictures
