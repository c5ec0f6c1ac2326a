"""This module writes what a command puts out, its table and its messages, to a terminal, a file or a pipe.

A pipe may be closed by its reader, a disk may be full, and a program may have no standard output or error at all.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cloudai.errors import InputError, MissingExtraError, OutputError
from cloudai.table import Table
from cloudai.table_files import FOREIGN, ending_of
from cloudai.text import inert
from cloudai.wording import say, translated

__all__ = [
    "STDOUT",
    "discard_output",
    "require_page",
    "require_writable",
    "tell",
    "write_table",
]

STDOUT = "-"
"""The path that stands for standard output."""


def tell(text: object, *, below: bool = False) -> None:
    """Write a text as one line to standard error; if that fails, do nothing.

    Line feeds and all other characters that would steer the terminal become spaces. If ``below`` is true, the current
    line of the terminal, which may hold a progress bar or "^C", is ended before.
    """
    # A program without a console on Windows, as pythonw runs it, has neither of the two streams.
    if sys.stderr is not None:
        # Python raises RuntimeError if a signal handler writes to a stream that the interrupted code is writing to.
        with suppress(OSError, ValueError, RuntimeError):
            print("\n" * below + inert(translated(str(text))), file=sys.stderr, flush=True)


def discard_output() -> None:
    """Lead standard output to the null device, after it has failed.

    When the program ends, Python writes what is left in the buffer of standard output. Without this, that would fail
    again, and Python would print a second error.
    """
    # A stream of a notebook or a test has no number of a file.
    with suppress(OSError, ValueError, AttributeError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def require_one_output(options: argparse.Namespace) -> None:
    """Raise InputError if both ``--json`` and ``--csv -`` would print to the standard output."""
    if options.json and options.csv == STDOUT:
        raise InputError("--json and --csv - both print", advice="Leave one out.")


def require_writable(
    path: str | None, inputs: Iterable[str | Path | None], *, is_table: bool = True, flag: str = "--csv"
) -> None:
    """Check that the table can be written to a file, before the command sends anything that costs money.

    An existing file is opened and left as it is. A file that does not exist is made and removed again. A pipe or a
    device is not opened. It cannot be checked here whether the disk has room for the table.

    Args:
        path: The file. Nothing is checked if it is None (no table is asked for) or "-" (standard output).
        inputs: The files that the command reads, which the table must not overwrite. Each None is passed over.
        is_table: Whether a table is to be written, and not a page: the ending of the file has to be that of a table.
        flag: The option that names the file, for the error.

    Raises:
        InputError: The path is a folder, cannot be written, is one of ``inputs``, or has an ending of no table.
        MissingExtraError: A package is not installed without which no table is written to a file with this ending.
    """
    if path in (None, STDOUT):
        return
    target = Path(str(path))
    if is_table:
        _require_kind(target)
    if "\0" in str(path):
        raise InputError(f"{path} is no name of a file", advice=f"Give {flag} another name.")
    try:
        if target.is_dir():
            raise InputError(f"{path} is a folder", advice=f"Give {flag} the name of a file.")
        # The table would replace the file it was made of: after a failure there would be neither.
        if any(_are_one(target, Path(other)) for other in inputs if other is not None):
            raise InputError(f"{flag} {path} would overwrite what is read", advice="Give another name.")
        # Permissions do not tell for certain whether a file can be written; opening it does.
        if target.is_file():
            target.open("ab").close()
        elif not target.exists():  # a pipe or a device is left alone: it can be opened only once
            made = Path(os.path.realpath(target))  # a link may lead to a file that is not there yet
            made.open("xb").close()
            made.unlink()
    except FileNotFoundError:
        raise InputError(f"there is no folder {target.parent}", advice="Make it first.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", advice=f"Give {flag} another name.") from error


def require_page(
    path: Path, endings: Sequence[str], given: Sequence[str | Path | None], *, flag: str = "--out"
) -> None:
    """Check that a page or a picture can be written to a file, before anything is sent that costs money.

    Args:
        path: The file.
        endings: The endings that it may have, in lower case.
        given: The files and folders that the command reads. No picture or table in one of the folders is overwritten.
        flag: The option that names the file.

    Raises:
        InputError: The file has another ending, cannot be written, or is one that is read.
    """
    if path.suffix.lower() not in endings:
        raise InputError(
            f"{flag} {path} has no ending for it", advice=f"Let it end in {' or '.join(filter(None, endings))}."
        )
    in_folders = [path for folder in given if folder and path.exists() and _are_one(path.parent, Path(folder))]
    require_writable(str(path), [*given, *in_folders], is_table=False, flag=flag)


def _require_kind(target: Path) -> None:
    """Raise an error if no table is written to files with this ending, or if a package for it is not installed."""
    ending = ending_of(target)
    if ending in FOREIGN:
        raise InputError(f"no table is written as {ending}", advice="Use .csv, .xlsx, .parquet or .jsonl.")
    package = NEEDS.get(ending)
    if package and find_spec(package) is None:
        raise MissingExtraError(f"--csv {target}", "data")


def _are_one(target: Path, other: Path) -> bool:
    """Return whether two paths lead to the same file; if one of the files is missing, compare the absolute paths."""
    try:
        # Two names may lead to one file, by a link or by the case of letters.
        return target.samefile(other)
    except (OSError, ValueError):
        return target.absolute() == other.absolute()


def write_table(table: Table, path: str, journal: Path | str | None) -> None:
    """Write the table to a file and print "wrote …", or print it as exact CSV if the path is "-".

    The ending of the file decides its kind: .xlsx, .parquet, .jsonl, and CSV for Excel for all others.

    `Table.to_csv` says how the two differ.

    Args:
        table: The table.
        path: The file, or "-" for standard output.
        journal: The journal that keeps the results, or None if nothing keeps them; a keeper may own it. It only decides
            what happens if the file cannot be written: without a journal, the table is printed, so that what was paid
            for is not lost.

    Raises:
        OutputError: The file cannot be written.
        OSError: Standard output cannot be written, and it was to be: BrokenPipeError if nobody reads it any more.
    """
    if path == STDOUT:
        _print_csv(table)
        return
    try:
        # Any other ending is CSV, because people name their files as they like.
        WRITERS.get(ending_of(path), Table.to_csv)(table, path)
    except (OSError, InputError) as error:  # InputError: there are more rows than a sheet of Excel has
        if journal is not None:
            advice = f"{journal} keeps the results: the same command with another --csv writes them, and sends nothing."
        elif _could_print_csv(table):
            advice = "The table is printed instead."
        else:
            advice = "Standard output cannot be written either, and without --journal nothing keeps the results."
        reason = error.message if isinstance(error, InputError) else error.strerror
        raise OutputError(f"{path} cannot be written ({reason})", advice=advice) from error
    print(say("wrote {file}", file=path))


WRITERS: Mapping[str, Callable[[Table, str], Any]] = {
    ".xlsx": Table.to_xlsx,
    ".parquet": Table.to_parquet,
    ".jsonl": Table.to_jsonl,
    ".ndjson": Table.to_jsonl,
}
"""The function that writes a table to a file with each ending; any other file is CSV."""
NEEDS = {".xlsx": "xlsxwriter", ".parquet": "polars"}
"""The package without which a file with each ending cannot be written."""


def _could_print_csv(table: Table) -> bool:
    """Print a table as exact CSV, and return whether all of it was written."""
    try:
        _print_csv(table)
        print(end="", flush=True)  # a part of the table may still be in the buffer
    except (OSError, ValueError):  # ValueError: standard output was closed by the program itself
        discard_output()
        return False
    return sys.stdout is not None


def _print_csv(table: Table) -> None:
    """Print a table as exact CSV; on a terminal, put spaces for the characters that would steer it."""
    text = table.to_csv()
    watched = sys.stdout is not None and sys.stdout.isatty()
    # A pipe or a file gets the exact text, which another program reads; a terminal would obey control characters in it.
    print("\n".join(map(inert, text.split("\n"))) if watched else text, end="")
