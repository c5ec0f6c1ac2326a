"""What a command writes: its table, and what it has to say, whatever stands at the other end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cloudai.errors import CloudAIError, InputError
from cloudai.table import Table
from cloudai.text import inert

__all__ = ["STDOUT", "OutputError", "discard_output", "require_writable", "tell", "write_csv"]

STDOUT = "-"


class OutputError(CloudAIError, OSError):
    """The table cannot be written where it was asked for."""


def tell(text: object, *, below: bool = False) -> None:
    """One line on standard error, below what stands there; whether anybody reads it or not."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError, RuntimeError):  # RuntimeError: from a signal, in the middle of a line
            print("\n" * below + inert(str(text)), file=sys.stderr, flush=True)


def discard_output() -> None:
    """Nothing can be written to standard output any more: Python does not try what is left in the buffer at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def require_writable(path: str | None, read: Iterable[str | Path | None]) -> None:
    """InputError where the table cannot be written there, or would overwrite what is read: before anything is paid."""
    if path in (None, STDOUT):
        return
    target = Path(str(path))
    try:
        if target.is_dir():
            raise InputError(f"{path} is a folder", advice="Give --csv the name of a file.")
        if any(_are_one(target, Path(other)) for other in read if other is not None):
            raise InputError(f"--csv {path} would overwrite what is read", advice="Give another name.")
        if target.is_file():
            target.open("ab").close()
        elif not target.exists():  # else a pipe, or a device: it is opened once
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


def write_csv(table: Table, path: str, journal: Path | None) -> None:
    """The table, as a file for Excel or printed.

    Raises:
        OutputError: It cannot be written; it is printed then, unless the journal keeps what is in it.
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
    """The exact text for a program or a file; what somebody watches must not steer the terminal."""
    text = table.to_csv()
    watched = sys.stdout is not None and sys.stdout.isatty()
    print("\n".join(map(inert, text.split("\n"))) if watched else text, end="")
