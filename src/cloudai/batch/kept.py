"""Read what a finished or interrupted batch has kept, without a client: nothing is sent, and no input is needed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cloudai import storage
from cloudai.batch import queries, rows
from cloudai.batch.journal import Journal, copy_of
from cloudai.batch.recorder import KILLED
from cloudai.batch.results import outcomes_of
from cloudai.errors import JournalError
from cloudai.outcomes import Outcome
from cloudai.tracking import followed

__all__ = ["kept_in"]


def kept_in(path: str | os.PathLike[str]) -> list[list[Outcome[Any]]]:
    """Return the outcomes that a journal holds: a list for each batch in it, each in the order of its inputs.

    Texts are named by their digest, because a journal does not hold them. Faces in frames of videos are followed. If
    another process carries out the batch, the results are those that it has finished until now.

    Args:
        path: The journal.

    Raises:
        JournalError: There is no such file, it is no journal, or it is damaged.
    """
    file = Path(path)
    if not file.is_file():
        raise JournalError(f"there is no file {file}", advice="Check the path.")
    if not file.stat().st_size:
        raise JournalError(f"{file} is empty: it is not a journal of cloudai", advice="Check the path.")
    if storage.is_in_use(file) or not storage.may_be_written(file):
        with copy_of(file) as (copied, _):
            return _read(copied or file)
    return _read(file)


def _read(file: Path) -> list[list[Outcome[Any]]]:
    opened = Journal(file, make=False)
    try:
        batches = opened.read(queries.headings)
        # A killed run has written no row for what it had in flight: these inputs are entered as in doubt before all are
        # read.
        for batch in batches:
            with suppress(JournalError):  # on a full or read-only disk, what is there is read all the same
                opened.ask(rows.mend(batch["batch"], KILLED))
        return [followed(outcomes_of(opened, [(batch["batch"], batch["operation"])])) for batch in batches]
    finally:
        opened.close()
