"""Settings, signals, exit codes and the journal, for the commands over many inputs and for those that show results."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from cloudai.batch.batch import Batch
from cloudai.batch.shared.address import is_address
from cloudai.cli import inputs
from cloudai.cli.folders import require_folder
from cloudai.cli.outputs import STDOUT, tell
from cloudai.core.urls import FetchRules
from cloudai.errors import CloudAIError, InputError, JournalError, OutputError, PausedError
from cloudai.media.video import Frames
from cloudai.providers.registry import find
from cloudai.reading import TABLES
from cloudai.table import Table
from cloudai.wording import say

__all__ = [
    "CODES",
    "HOPELESS",
    "INTERRUPTED",
    "IO_ERROR",
    "NOT_WELL",
    "PAUSED",
    "batch_settings",
    "code_of",
    "fetch_rules",
    "given_options",
    "is_table",
    "journal_path",
    "provider_names",
    "signals_to",
    "table_of_column",
    "tell_limit",
    "tell_where",
]

BATCH = ("pace", "max_requests", "max_units", "concurrency", "in_doubt", "price")
"""Options of the command line that are settings of a batch."""

IO_ERROR = 74
"""Exit code if the journal or the table cannot be written: EX_IOERR of sysexits.h."""
PAUSED = 75
"""Exit code if the same command goes on later: EX_TEMPFAIL of sysexits.h."""
INTERRUPTED = 128
"""Added to the number of a signal, this is the exit code after it."""
CODES: Mapping[type[CloudAIError], int] = {JournalError: IO_ERROR, OutputError: IO_ERROR, PausedError: PAUSED}
"""Exit codes of the errors that end a batch; any other is `HOPELESS`."""
HOPELESS = 2
"""Exit code if nothing (more) could be done."""


def code_of(error: Exception) -> int:
    """Return the exit code of a command that an error has ended."""
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), HOPELESS)


NOT_WELL = ("failed", "in_doubt", "skipped", "not_started")
"""Endings of inputs that make the exit code 1."""


def is_table(path: str) -> bool:
    """Return whether a path is that of a table, or "-" for standard input."""
    return path == STDOUT or Path(path).suffix.lower() in TABLES


def table_of_column(options: argparse.Namespace, paths: list[str]) -> Table | None:
    """Return the table whose column holds the inputs; None if no column is named.

    Raises:
        InputError: The input is not one table, or the table has no such column.
    """
    if not options.column:
        return None
    if len(paths) != 1 or not is_table(paths[0]):
        raise InputError("--column goes with one table", advice="Give a .csv or .tsv file.")
    table = inputs.table(paths[0], options.encoding)
    if options.column not in table.columns:
        raise InputError(f"no column {options.column}", advice=f"The file has: {', '.join(table.columns)}.")
    return table


def fetch_rules(options: argparse.Namespace) -> FetchRules | None:
    """Return the rules by which inputs that are URLs are fetched here; None if the provider fetches them.

    The folder that is to keep what is fetched is made, before anything is sent that costs money.

    Raises:
        InputError: There is a folder, and nothing is fetched; or nothing can be written there.
    """
    kept = getattr(options, "keep_fetched", None)
    if not getattr(options, "fetch_urls", False):
        if kept:
            raise InputError("--keep-fetched goes with --fetch-urls", advice="Add --fetch-urls, or leave it out.")
        return None
    if kept and not options.plan:
        require_folder(kept)
    return FetchRules(keep=kept)


def batch_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of a batch that the user gave, without the column of a table."""
    return {**given_options(options, BATCH), **({"cache": False} if options.no_cache else {})}


def given_options(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Return the options of these names that the user gave."""
    # None says that a flag was not given. False and 0 are values.
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def tell_where(where: Path | str | None) -> None:
    """Print that the journal keeps what is finished, if there is a journal."""
    if where is not None:
        tell(say("{journal} has what is finished: the same command goes on from there.", journal=where))


def tell_limit(paused: str, where: Path | str | None) -> None:
    """Print which limit has ended the batch, because the same command would end there again.

    Args:
        paused: What `Batch.paused` says of it: "max_requests=5 is reached".
        where: The journal.
    """
    # The library names its argument, "max_requests=5"; the user of the command knows the flag.
    name, _, reached = paused.partition("=")
    flag, value = f"--{name.replace('_', '-')}", reached.partition(" ")[0]
    tell(say("{flag} {value} is reached: raise it to go on.", flag=flag, value=value))
    if where is not None:
        tell(say("{journal} has what is finished.", journal=where))


@contextmanager
def signals_to(job: Batch[Any]) -> Iterator[list[int]]:
    """Stop the batch after Ctrl-C or a request to end; a second signal stops waiting for the requests in flight.

    Yields:
        The numbers of the signals that have come.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught  # only the main thread may set signal handlers
        return

    def stop(number: int, _: FrameType | None) -> None:
        caught.append(number)
        # The first signal waits for what is on its way, because that is paid for. A second one says that the user does
        # not want to wait.
        if len(caught) > 1:
            job.stop(wait=0)
        else:
            job.stop()
            tell(say("stopping: what is on its way is waited for; once more stops at once"), below=True)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield caught
    finally:
        # The handlers are put back, because main() may be called by a program with handlers of its own.
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


LONG = 1_000_000
"""Bytes of a recording from which on it may take many requests."""


def journal_path(options: argparse.Namespace, given: Sequence[Any] | Table | Frames) -> Path | str | None:
    """Return the path of the journal, or None.

    It is the one that the user names, or the address of a keeper. If none is named, and several inputs or a long
    recording go to a provider on the network, it is a file in the current folder.
    """
    if options.journal == "none":
        return None
    if is_address(options.journal):
        return str(options.journal)
    if options.journal:
        return Path(options.journal)
    # A journal is for what is paid for: a single picture costs little, and what stays on this computer costs nothing.
    names = provider_names(options)
    several = inputs.are_several(given) or (options.operation.input == "audio" and _is_long(given))
    if not several or not any(find(name).hosts for name in names):
        return None
    # The name is the same for the same command, which is how it finds its journal again.
    return Path(f"cloudai-{options.operation.name.replace('_', '-')}-{'-'.join(names)}.journal")


def _is_long(given: Sequence[Any] | Table | Frames) -> bool:
    """Return whether the only input is a file that is large for a recording."""
    path = given[0] if isinstance(given, list) and given else ""
    try:
        return Path(path).is_file() and Path(path).stat().st_size > LONG
    except (OSError, ValueError):
        return False


def provider_names(options: argparse.Namespace) -> list[str]:
    """Return the names of the providers, which stand with commas between them."""
    return [name.strip() for name in str(options.provider).split(",") if name.strip()]
