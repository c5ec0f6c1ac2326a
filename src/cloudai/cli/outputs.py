"""The output of a command, its table and its messages, to a terminal, a file or a pipe that may be closed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cloudai.errors import CloudAIError, InputError
from cloudai.table import Table
from cloudai.text import inert

__all__ = [
    "STDOUT",
    "OutputError",
    "discard_output",
    "make_folder",
    "require_writable",
    "tell",
    "write_csv",
    "write_files",
]

STDOUT = "-"
"""The path that stands for standard output."""


class OutputError(CloudAIError, OSError):
    """The table cannot be written where it was asked for."""


def tell(text: object, *, below: bool = False) -> None:
    """Write a text as one line to standard error; if that fails, do nothing.

    Characters that would steer the terminal become spaces. With ``below`` the line begins on a new row, because
    something may stand in the current one (a progress bar, or "^C").
    """
    if sys.stderr is not None:
        with suppress(OSError, ValueError, RuntimeError):  # RuntimeError: from a signal, in the middle of a line
            print("\n" * below + inert(str(text)), file=sys.stderr, flush=True)


def discard_output() -> None:
    """Send what is left for standard output to nowhere.

    Standard output has failed, and Python would otherwise try to write the rest of the buffer when it ends.
    """
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def require_writable(path: str | None, read: Iterable[str | Path | None]) -> None:
    """Check that the table can be written to ``path``, before the command sends anything that costs money.

    A file that does not exist is made and removed again; a pipe or a device is not opened. Nothing is checked if
    ``path`` is None (no table is asked for) or "-" (standard output).

    Raises:
        InputError: The path is a folder, cannot be written, or is one of ``read``, the files that the command reads.
    """
    if path in (None, STDOUT):
        return
    target = Path(str(path))
    try:
        if target.is_dir():
            raise InputError(f"{path} is a folder", advice="Give --csv the name of a file.")
        if any(_are_one(target, Path(other)) for other in read if other is not None):
            raise InputError(f"--csv {path} would overwrite what is read", advice="Give another name.")
        # Opening the file is the only sure test, and it leaves the file as it is.
        if target.is_file():
            target.open("ab").close()
        elif not target.exists():  # a pipe or a device is left alone: it can be opened only once
            target.open("xb").close()
            target.unlink()
    except FileNotFoundError:
        raise InputError(f"there is no folder {target.parent}", advice="Make it first.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", advice="Give --csv another name.") from error


def _are_one(target: Path, other: Path) -> bool:
    try:
        return target.samefile(other)
    except (OSError, ValueError):
        return target.absolute() == other.absolute()


def make_folder(path: str) -> None:
    """Make a folder, if it is not there, before the command sends anything that costs money.

    Raises:
        InputError: It cannot be made, or a file has its name.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        told = f"the folder {path} cannot be made ({error.strerror})"
        raise InputError(told, advice="Give --out another folder.") from error


def write_files(files: Iterable[tuple[str, bytes]], folder: str, item: int, stem: str) -> None:
    """Write the files of one result into a folder; a file that is there with the same content stays as it is.

    Args:
        files: The end of each name, and the content.
        folder: The folder.
        item: The number of the input, from 0, with which the names begin.
        stem: The name of the input without its ending; "" if it has none.

    Raises:
        OutputError: A file cannot be written, or one of its name has another content, which is not overwritten.
    """
    from cloudai.report.filenames import safe_name  # it comes with all of the reports

    for end, content in files:
        path = Path(folder) / f"{safe_name(item, stem, '')}{end}"
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            if path.read_bytes() != content:
                told = f"{path} is there already, and differs"
                raise OutputError(told, advice="Give --out another folder.") from None
        except OSError as error:
            told = f"{path} cannot be written ({error.strerror})"
            raise OutputError(told, advice="Give --out another folder.") from error


def write_csv(table: Table, path: str, journal: Path | None) -> None:
    """Write the table to a file as CSV for Excel, and print "wrote …"; with the path "-", print the table itself.

    Raises:
        OutputError: The file cannot be written. If no journal keeps the results, the table has been printed instead.
    """
    if path == STDOUT:
        _print_csv(table)
        return
    try:
        table.to_csv(path)
    except OSError as error:
        if journal is None:
            _print_csv(table)
        kept = f"{journal} keeps the results: the same command with another --csv writes them, and sends nothing again."
        raise OutputError(
            f"{path} cannot be written ({error.strerror})", advice=kept if journal else "The table is printed instead."
        ) from error
    print(f"wrote {path}")


def _print_csv(table: Table) -> None:
    """Print a table as exact CSV for a program or a file; on a terminal, make characters harmless that control it."""
    text = table.to_csv()
    watched = sys.stdout is not None and sys.stdout.isatty()
    print("\n".join(map(inert, text.split("\n"))) if watched else text, end="")
