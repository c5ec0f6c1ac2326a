"""Read files of results back: CSV tables of faces and tags, and the lines that ``--json`` prints."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from cloudai.batch.codec import error_of
from cloudai.errors import CloudAIError, InputError
from cloudai.models.base import Box, Level, Meta, Result
from cloudai.models.face import EMOTIONS, Age, Emotions, Face, Faces, Pose
from cloudai.models.image import Caption, Color, ImageAnalysis, Object, Person, Tag
from cloudai.operations import OPERATIONS
from cloudai.outcomes import Outcome, OutcomeStatus
from cloudai.reading import read_table, text_of
from cloudai.table import Table
from cloudai.table_files import FORMULA
from cloudai.text import lines_of
from cloudai.tracking import followed

__all__ = ["is_table_of_results", "outcomes_in", "outcomes_in_lines"]

OURS = ("item", "input", "status", "provider")
"""Columns by which a table of results is told from a table of inputs."""
OTHER = ("operation", "method", "error_type", "error", "advice")


def is_table_of_results(table: Table) -> bool:
    """Return whether a table is one that cloudai has written, and not one of a user's inputs."""
    return all(name in table.columns for name in OURS)


def outcomes_in(source: Table | str | os.PathLike[str]) -> list[Outcome[Any]]:
    """Return the outcomes that a table or a file of results holds.

    CSV files of faces and of pictures (tags, captions, objects, people and colours) are read; the lines of ``--json``
    hold every kind of result.

    Raises:
        InputError: The file is no file of results, or of another kind.
    """
    if isinstance(source, Table):
        return _of_table(source, "the table")
    path = Path(source)
    if path.suffix.lower() in (".json", ".jsonl"):
        return outcomes_in_lines(text_of(path), path.name)
    return _of_table(read_table(path), path.name)


def outcomes_in_lines(text: str, name: str) -> list[Outcome[Any]]:
    """Return the outcomes that ``--json`` has printed, one in each line; faces in frames of videos are followed.

    Args:
        text: The lines.
        name: What errors call them.

    Raises:
        InputError: A line is no result.
    """
    return followed(_of_line(line, number, name) for number, line in enumerate(lines_of(text), 1) if line)


def _of_line(line: str, number: int, name: str) -> Outcome[Any]:
    try:
        kept = json.loads(line)
        head = kept["item"], kept["input"]
        facts = {"operation": kept["operation"], "row": kept.get("row"), "status": kept["status"]}
        _require_types(*head, **facts)
        if "result" not in kept:
            return Outcome(*head, error=_error(kept.get("error_type"), kept.get("error")), **facts)
        # Results are checked strictly, and only pydantic's reader of JSON takes a list for a tuple.
        result = OPERATIONS[kept["operation"]].result.model_validate_json(json.dumps(kept["result"]))
        return Outcome(*head, result=result._with(Meta.model_validate_json(json.dumps(kept["meta"])), None), **facts)  # noqa: SLF001
    except (ValueError, KeyError, TypeError, ValidationError, RecursionError) as error:
        raise InputError(
            f"line {number} of {name} is no result of cloudai", advice="Give what --json has printed."
        ) from error


def _require_types(item: object, name: object, *, operation: object, row: object, status: object) -> None:
    """Raise TypeError if the facts of an outcome are not what they are in each file that the command has written."""
    is_numbered = isinstance(item, int) and not isinstance(item, bool) and item >= 0
    is_told = isinstance(name, str) and isinstance(operation, str) and status in get_args(OutcomeStatus)
    if not (is_numbered and is_told and isinstance(row, dict | None)):
        raise TypeError("a fact of the outcome has another type")


def _of_table(table: Table, name: str) -> list[Outcome[Any]]:
    if not is_table_of_results(table):
        raise InputError(
            f"{name} is no table of results", advice=f"It lacks {', '.join(set(OURS) - set(table.columns))}."
        )
    reader = next((read for column, read in READERS.items() if column in table.columns), None)
    if reader is None:
        raise InputError(f"{name} is no table of faces or of pictures", advice="Give the file of --json, or a journal.")
    ours = {*OURS, *OTHER, *Faces()._columns(), *ImageAnalysis()._columns()}  # noqa: SLF001
    # The mark that kept a spreadsheet from running a text is taken off again.
    lines = [{column: _unguarded(value) for column, value in row.items()} for row in table.rows]
    theirs = [column for column in table.columns if column not in ours]
    outcomes = []
    try:
        # The rows of one input stand one below the other, as they were written.
        for item, rows in groupby(lines, key=lambda row: int(row["item"])):
            outcomes.append(_of_rows(item, list(rows), theirs, reader))
    except (ValueError, TypeError, OverflowError, ValidationError) as error:
        raise InputError(f"{name} is damaged: {str(error).splitlines()[0]}", advice="Write it anew.") from error
    return outcomes


def _unguarded(value: Any) -> Any:
    """Return a text without the apostrophe that keeps a spreadsheet from running it as a formula."""
    is_guarded = isinstance(value, str) and value[:1] == "'" and FORMULA.match(value, 1) is not None
    return value[1:] if is_guarded else value


def _of_rows(item: int, rows: Sequence[Mapping[str, Any]], theirs: Sequence[str], reader: Any) -> Outcome[Any]:
    first = rows[0]
    row = {name: first.get(name) for name in theirs} or None
    name = str(first.get("input") or "")
    _require_types(item, name, operation=str(first.get("operation") or ""), row=row, status=first["status"])
    if first.get("error") or first["status"] not in ("ok", "none_found"):
        return Outcome(
            item, name, error=_error(first.get("error_type"), first.get("error")), row=row, status=first["status"]
        )
    result: Result = reader(rows)
    meta = Meta(provider=str(first.get("provider") or ""), operation=str(first.get("operation") or ""), input=name)
    return Outcome(item, name, result._with(meta, None), row=row, status=first["status"])  # noqa: SLF001


def _error(kind: Any, text: Any) -> CloudAIError:
    """Return the error that a table names; a class that is not known becomes CloudAIError."""
    return error_of(json.dumps({"type": str(kind), "message": str(text or "no reason is known")}))


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value in (None, "") else float(value)


def _box(row: Mapping[str, Any]) -> Box | None:
    x, y, width, height = (_number(row, name) for name in ("x", "y", "width", "height"))
    if x is None or y is None or width is None or height is None:
        return None
    across, down = _number(row, "image_width"), _number(row, "image_height")
    return Box(x=x, y=y, width=width, height=height, image_size=(int(across), int(down)) if across and down else None)


def _faces(rows: Sequence[Mapping[str, Any]]) -> Faces:
    return Faces(faces=tuple(face for row in rows if (face := _face(row))))


def _face(row: Mapping[str, Any]) -> Face | None:
    box = _box(row)
    if box is None:
        return None
    scores = {name: Level(score=score) for name in EMOTIONS if (score := _number(row, name)) is not None}
    low, high, years = (_number(row, f"age_{name}") for name in ("low", "high", "years"))
    angles = {name: angle for name in ("roll", "pitch", "yaw") if (angle := _number(row, name)) is not None}
    return Face(
        box=box,
        confidence=_number(row, "confidence"),
        pose=Pose(**angles) if angles else None,
        age=Age(low=low, high=high, years=years) if (low, high, years) != (None, None, None) else None,
        emotions=Emotions(scale=row.get("emotion_scale") or "confidence", **scores) if scores else None,
        glasses=row.get("glasses") or None,
    )


def _analysis(rows: Sequence[Mapping[str, Any]]) -> ImageAnalysis:
    each: dict[str, list[Any]] = {}
    for row in rows:
        name, score = str(row.get("name") or ""), _number(row, "score")
        match row.get("kind"):
            case "caption":
                each.setdefault("caption", []).append(
                    Caption(text=name, confidence=score, language=row.get("language") or None)
                )
            case "tag":
                each.setdefault("tags", []).append(Tag(name=name, confidence=score))
            case "object":
                each.setdefault("objects", []).append(Object(name=name, confidence=score, box=_box(row)))
            case "person":
                each.setdefault("people", []).append(Person(confidence=score, box=_box(row)))
            case "color":
                color = Color(hex=name) if name.startswith("#") else Color(name=name)
                each.setdefault("colors", []).append(color)
            case _:
                pass  # the other kinds have no place in a report
    things = {kind: tuple(several) for kind, several in each.items()}
    return ImageAnalysis(
        caption=next(iter(things.get("caption", ())), None),
        **{kind: things.get(kind) for kind in ("tags", "objects", "people", "colors")},  # type: ignore[arg-type]
    )


READERS = {"face": _faces, "kind": _analysis}
"""The function that reads a table, by the column that tells its kind."""
