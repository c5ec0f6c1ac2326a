"""Bring whatever a report is made of into one form: results, outcomes, a batch, a journal, or a file of results.

A `Subject` is one picture with all that is known of it. Nothing is asked of a provider here, and no client is needed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import unquote

from cloudai.batch.kept import kept_in
from cloudai.core.urls import shown
from cloudai.errors import CloudAIError, InputError
from cloudai.media.source import ADDRESS
from cloudai.media.video import fragment_of
from cloudai.models.base import Result
from cloudai.models.text import Translation
from cloudai.operations import OPERATIONS
from cloudai.outcomes import Outcome
from cloudai.reading import TABLES
from cloudai.report.result_files import outcomes_in
from cloudai.table import Table
from cloudai.text import plain

__all__ = [
    "Reading",
    "Source",
    "Subject",
    "photo_column",
    "primary",
    "reading",
    "reason_for",
    "reason_of",
    "subjects_of",
    "without_clashes",
]

Source: TypeAlias = "Iterable[Outcome[Any] | Result | Subject] | Table | str | os.PathLike[str]"
"""A batch or its outcomes, results, a table of results, or the path of a journal or of a file of results."""

NAMES = ("name", "이름", "성명")
"""Headings of the user's column that holds the name of a person or a picture, in lower case."""

PHOTOS = ("photo", "사진", "image", "picture", "file", "파일")
"""Headings of the user's column that holds the pictures, in lower case."""


@dataclass(frozen=True)
class Subject:
    """One picture, the results about it, and the user's own columns."""

    item: int
    name: str
    address: str = ""
    """The path of the picture as it was given, or its address; an empty text if it has none."""
    digest: str | None = None
    """The sha256 (hex) of the picture as it was given."""
    results: tuple[Result, ...] = ()
    row: Mapping[str, Any] = field(default_factory=dict)
    status: str = "ok"
    error: Exception | None = None
    """The reason why there is no result, or why one of several is missing."""


@dataclass(frozen=True)
class Reading:
    """The subjects of a report, and the translations that are kept beside them."""

    subjects: list[Subject]
    translations: Mapping[tuple[str, str], Translation] = field(default_factory=dict)
    """The translations by the digest of the text that was translated, and by their language, without a region."""
    folders: tuple[Path, ...] = ()
    """The folder of the file that was read, in which the pictures may be."""


def subjects_of(source: Source, name: str | None = None) -> list[Subject]:
    """Return one subject for each picture, in the order of the inputs.

    Args:
        source: A `Batch` (it is run if that was not done yet), outcomes, results, subjects, a `Table` as `tidy` makes
            it, or the path of a journal, of a CSV file of results, or of a file that ``--json`` has printed.
        name: The user's column that holds the names; by default one of "name", "이름" and "성명", or else the file
            name of the picture without its ending.

    Raises:
        InputError: There are no results of pictures, or there is no such column.
        JournalError: The file is no journal, or cannot be read.
    """
    return reading(source, name).subjects


def reading(source: Source, name: str | None = None) -> Reading:
    """Return the subjects of a report with what is kept beside them; `subjects_of` describes the arguments."""
    lists, folder = _lists(source)
    subjects = _joined([one for one in lists if _are_of_pictures(one)])
    if not subjects and (lists or folder is not None):
        raise InputError(
            "there are no results of pictures to show",
            advice="Give those of an operation on pictures: detect_faces, for example.",
        )
    if name is not None and not any(name in subject.row for subject in subjects):
        known = dict.fromkeys(column for subject in subjects for column in subject.row)
        there = f"There are: {', '.join(known)}." if known else "The inputs come without columns."
        raise InputError(f"no column {name}", advice=there)
    translations = {
        # The digest is that of the caption that was translated, by which a card finds its translation.
        (str(outcome.facts.get("sha256") or outcome.result.meta.sha256), primary(outcome.result.to)): outcome.result
        for one in lists
        for outcome in one
        if isinstance(outcome, Outcome) and isinstance(outcome.result, Translation)
    }
    return Reading(
        [replace(subject, name=_name(subject, name)) for subject in subjects],
        translations,
        () if folder is None else (folder,),
    )


def _lists(source: Source) -> tuple[list[list[Any]], Path | None]:
    """Return lists of outcomes, each of one operation, and the folder of the file that they were read from."""
    if isinstance(source, Table):
        return [outcomes_in(source)], source.folder
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.suffix.lower() in {*TABLES, ".jsonl", ".json"}:
            return [outcomes_in(path)], path.parent
        return kept_in(source), path.parent
    each: dict[str, list[Any]] = {}
    for n, thing in enumerate(source):
        each.setdefault(getattr(thing, "operation", ""), []).append(_as_outcome(n, thing))
    return list(each.values()), None


def _as_outcome(n: int, thing: Any) -> Any:
    if isinstance(thing, Outcome | Subject):
        return thing
    if isinstance(thing, Result):
        return Outcome(n, thing.meta.input, thing, operation=thing.meta.operation)
    raise InputError(
        f"a report is not made of a {type(thing).__name__}",
        advice="Give a batch, outcomes, results, or the path of a journal or a file of results.",
    )


def _are_of_pictures(outcomes: Sequence[Any]) -> bool:
    """Return whether these are outcomes of an operation on pictures; one that is not known may be."""
    operation = OPERATIONS.get(getattr(outcomes[0], "operation", "")) if outcomes else None
    return operation is None or operation.input == "image"


def _joined(lists: Sequence[Sequence[Any]]) -> list[Subject]:
    """Return a subject for each input, with the results of all operations on its picture.

    Outcomes of another list belong to every subject with the same picture: two persons may have the same photo.
    """
    subjects: list[Subject] = []
    for one in lists:
        places: dict[str, list[int]] = {}
        for at, subject in enumerate(subjects):
            places.setdefault(_identity(subject.digest, subject.address), []).append(at)
        for outcome in sorted(one, key=lambda thing: thing.item):
            if isinstance(outcome, Subject):
                subjects.append(outcome)
                continue
            fresh = _subject(outcome)
            # The same picture may stand in two lists under two names, and is known by its digest.
            same = places.get(_identity(fresh.digest, fresh.address), [])
            for at in same:
                subjects[at] = _with(subjects[at], fresh)
            if not same:
                subjects.append(fresh)
    return subjects


def _identity(digest: str | None, address: str) -> str:
    # No digest has a NUL in it, so an address is never taken for one.
    return digest or f"\0{address}"


def _subject(outcome: Outcome[Any]) -> Subject:
    meta = outcome.result.meta if outcome.result is not None else None
    return Subject(
        outcome.item,
        "",
        outcome.input,
        outcome.facts.get("sha256") or (meta.sha256 if meta else None),
        () if outcome.result is None else (outcome.result,),
        {str(name): value for name, value in (outcome.row or {}).items()},
        outcome.status,
        outcome.error if outcome.result is None else None,
    )


def _with(subject: Subject, other: Subject) -> Subject:
    """Return a subject with the results of another operation too; a later result of an operation counts."""
    kinds = {type(result) for result in other.results}
    results = (*(result for result in subject.results if type(result) not in kinds), *other.results)
    better = subject if subject.results else other
    return replace(
        subject,
        results=results,
        row={**other.row, **subject.row},
        status="ok" if "ok" in (subject.status, other.status) else better.status,
        error=None if results else subject.error or other.error,
    )


def _name(subject: Subject, column: str | None) -> str:
    """Return what a subject is called: by the user's column, or else by the file name of its picture."""
    for heading in (column,) if column else _headings(subject.row):
        if (value := subject.row.get(heading or "")) not in (None, ""):
            return str(value)
    if subject.name:
        return subject.name
    if frame := fragment_of(subject.address):
        return f"{PurePosixPath(frame[0]).stem} {frame[1]:.3f}s"
    # The query of an address may hold a key, and names nothing.
    address = subject.address.partition("?")[0].rstrip("/")
    if ADDRESS.match(address):
        address = _readable(address)
    return PurePosixPath(address).stem or address or f"{subject.item}"


def _readable(address: str) -> str:
    """Return an address whose percent-encoded letters are letters: "사진" for "%EC%82%AC%EC%A7%84"."""
    try:
        return plain(unquote(address, errors="strict"))
    except UnicodeDecodeError:
        return address


def _headings(row: Mapping[str, Any]) -> Iterator[str]:
    return (heading for heading in row if heading.strip().lower() in NAMES)


def without_clashes(subjects: Sequence[Subject], ours: Collection[str]) -> tuple[list[Subject], dict[str, str]]:
    """Return the subjects with columns of the user that are called like none of ours, and the new name of each column.

    A column that would be hidden by one of ours becomes ``input_…``, as in tables of results.
    """
    theirs = dict.fromkeys(name for subject in subjects for name in subject.row)
    names: dict[str, str] = {}
    for name in theirs:
        free = name
        # The user may have a column "input_faces" as well.
        while free in ours or (free != name and free in theirs):
            free = f"input_{free}"
        names[name] = free
    renamed = [replace(one, row={names[name]: value for name, value in one.row.items()}) for one in subjects]
    return renamed, names


def photo_column(table: Table) -> str:
    """Return the column of a user's table that holds the pictures, by its heading.

    Raises:
        InputError: No heading says so.
    """
    for heading in table.columns:
        if heading.strip().lower() in PHOTOS:
            return heading
    raise InputError(
        f"no column {' or '.join(PHOTOS[:2])} for the pictures", advice=f"The file has: {', '.join(table.columns)}."
    )


def primary(language: str) -> str:
    """Return a language without its script and region: "ko" for "ko-KR"."""
    return language.partition("-")[0].lower()


def reason_for(subject: Subject, error: Exception | None) -> str:
    """Return the reason why a subject has no result or no picture, with the file name in place of its long address."""
    if not ADDRESS.match(subject.address):
        return reason_of(error)
    address = shown(subject.address)
    return reason_of(error).replace(address, PurePosixPath(_readable(address.partition("?")[0])).name or address)


def reason_of(error: Exception | None) -> str:
    """Return the reason of a failure as one sentence, without the advice that only who runs the batch can follow."""
    if error is None:
        return ""
    return error.message if isinstance(error, CloudAIError) else str(error)
