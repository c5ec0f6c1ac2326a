"""The folder of ``--out``, into which a command writes the files of its results, each whole or not at all."""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cloudai.batch.batch import Batch
from cloudai.errors import InputError, OutputError

__all__ = ["TakenError", "beginning", "require_folder", "require_free", "require_unwritten", "write_files"]


class TakenError(OutputError):
    """Files of other content have the names of those that are to be written, and are left as they are."""


def require_folder(path: str) -> None:
    """Make a folder, if it is not there, and check that files can be made in it, before anything that costs is sent.

    Raises:
        InputError: It cannot be made or written, or a file has its name.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        # Permissions do not tell for certain whether a file can be made; making one does.
        tempfile.TemporaryFile(dir=path).close()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        told = f"the folder {path} cannot be written ({getattr(error, 'strerror', None) or error})"
        raise InputError(told, advice="Give --out another folder.") from error


def _files_in(folder: str, ending: str) -> Mapping[str, str]:
    """Return the names of the files with this ending in a folder, each under its name without the ending.

    A file whose name ends with the number of a page is there twice: also under its name without that number, which is
    what `beginning` returns for the document.
    """
    names = sorted(path.name for path in Path(folder).iterdir() if path.suffix == f".{ending}")
    # The folder is listed once: to ask the system about each of ten thousand inputs would take long.
    stems = [name.removesuffix(f".{ending}") for name in names]
    pages = {PAGE.sub("", stem): name for stem, name in zip(stems, names, strict=True)}
    return {**pages, **dict(zip(stems, names, strict=True))}


PAGE = re.compile(r"-\d+\Z")


def write_files(files: Iterable[tuple[str, bytes]], folder: str, begin: str) -> None:
    """Write the files of one result into a folder; a file that is there with the same content stays as it is.

    A file gets its name when it is whole, so that a full disk leaves no part of it under that name.

    Args:
        files: The end of each name, and the content.
        folder: The folder.
        begin: The beginning of the names, by `beginning`.

    Raises:
        TakenError: A file of one of the names has another content, which is not overwritten; all others are written.
        OutputError: A file cannot be written; those after it are not written either.
    """
    named = {Path(folder) / f"{begin}{end}": content for end, content in files}
    # All files that can be written are written before a conflict is reported, because the result is paid for.
    taken = [path for path, content in named.items() if not _is_written(path, content)]
    if len(taken) > 1:
        told = f"{taken[0]} and {len(taken) - 1} more are there already, and differ"
        raise TakenError(told, advice="Give --out another folder.")
    if taken:
        raise TakenError(f"{taken[0]} is there already, and differs", advice="Give --out another folder.")


def _is_written(path: Path, content: bytes) -> bool:
    """Write a file unless there is one of its name, and return whether the file has this content now.

    Raises:
        OutputError: The file cannot be read or written.
    """
    # The unfinished file is in the same folder and so on the same disk, where renaming it is atomic.
    unfinished = path.with_name(f".{path.name}.part")
    try:
        # A file that already has this content is no conflict, because a user may run the same command again.
        if path.exists():
            return path.read_bytes() == content
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        # Ctrl-C must not leave half a file, either.
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
    except OSError as error:
        told = f"{path} cannot be written ({error.strerror})"
        raise OutputError(told, advice="Give --out another folder.") from error
    return True


def require_free(job: Batch[Any], options: argparse.Namespace, ending: str) -> None:
    """Raise InputError if there is a file already that ``--out`` would write for a result which is not paid for yet.

    The files of results that are paid for may be there, because the same command wrote them with the same content.

    Args:
        job: The batch.
        options: The arguments of the command.
        ending: The end of the names of the files, without the dot.
    """
    there = _files_in(options.out, ending)

    def taken_by(item: int, name: str) -> Path | None:
        file = there.get(beginning(options, item, name))
        return Path(options.out) / file if file else None

    if there:
        _require_none(job, taken_by)


def require_unwritten(job: Batch[Any], options: argparse.Namespace, endings: Sequence[str]) -> None:
    """Raise InputError if there is a file already that a flag such as ``--srt`` would write for a new result.

    A new result is one that is not paid for yet. The files are looked for in the folder of ``--out``, or in the current
    one without it.

    Args:
        job: The batch.
        options: The arguments of the command.
        endings: The ends of the names of the files, such as ".srt".
    """

    def taken_by(item: int, name: str) -> Path | None:
        begin = Path(options.out or ".") / beginning(options, item, name)
        files = (begin.with_name(f"{begin.name}{end}") for end in endings)
        return next((file for file in files if file.exists()), None)

    if endings:
        _require_none(job, taken_by)


def _require_none(job: Batch[Any], taken_by: Callable[[int, str], Path | None]) -> None:
    """Raise InputError if there is a file in the way of a result that has yet to be paid for.

    Args:
        job: The batch.
        taken_by: A function that returns the file that has the name which a result of this input would get, or None.
    """
    taken: dict[int, Path] = {}

    def is_taken(item: int, name: str) -> bool:
        if file := taken_by(item, name):
            taken[item] = file
        return item in taken

    # Inputs that are answered already may be written again, because their files would be the same.
    items = job.unanswered(is_taken)
    first = items and taken[items[0]]
    if len(items) > 1:
        told = f"{first} and {len(items) - 1} more are there already, and nothing was sent"
        raise InputError(told, advice="Give --out another folder, or move the files away.")
    if items:
        told = f"{first} is there already, and nothing was sent"
        raise InputError(told, advice="Give --out another folder, or move the files away.")


def beginning(options: argparse.Namespace, item: int, name: str) -> str:
    """Return how the names of the files of an input begin: by its number, from 0, and its own name without ending.

    A text has no name, and a recording that is alone no number.
    """
    from cloudai.report import safe_name  # it comes with all of the reports

    begin = safe_name(item, "" if options.operation.input == "text" else Path(name).stem, "")
    is_alone = options.operation.command.writes and options.is_single
    # Players look for subtitles under the name of the video.
    return begin.removeprefix(f"{item:04d}-") if is_alone else begin
