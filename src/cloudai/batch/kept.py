"""Read what a finished or interrupted batch has kept, without a client: nothing is sent, and no input is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cloudai import storage
from cloudai.batch import queries, rows
from cloudai.batch.journal import Journal, copy_of
from cloudai.batch.recorder import KILLED
from cloudai.batch.results import outcomes_of
from cloudai.batch.shared.address import is_address
from cloudai.errors import JournalError
from cloudai.outcomes import Outcome
from cloudai.tracking import followed

__all__ = ["existing", "kept_in", "opened"]


def kept_in(path: str | os.PathLike[str]) -> list[list[Outcome[Any]]]:
    """Return the outcomes that a journal holds: a list for each batch in it, each in the order of its inputs.

    Texts are named by their digest, because a journal does not hold them. Faces in frames of videos are followed. If a
    batch is still running, the results are those that it has finished until now.

    Args:
        path: The journal.

    Raises:
        JournalError: There is no such file, it is no journal, it is damaged, or it is the address of a keeper.
    """
    with opened(path) as (journal, _):
        batches = journal.read(queries.headings)
        return [followed(outcomes_of(journal, [(batch["batch"], batch["operation"])])) for batch in batches]


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[Journal, bool]]:
    """Open a journal in order to read it, and yield it together with whether it is in use.

    It is in use if another process has it open, or a batch of this process. In that case, or if it may only be read, a
    copy is opened in its place, and deleted after the block.

    Raises:
        JournalError: There is no such file, it is no journal, it is damaged, or it is the address of a keeper.
    """
    file = existing(path)
    is_copied = storage.is_in_use(file) or not storage.may_be_written(file)
    with copy_of(file if is_copied else None) as (copied, busy):
        journal = Journal(copied or file, make=False, called=file)
        try:
            # A killed run has written no ending for what it had in flight, which is entered as in doubt before anything
            # is read. A run that goes on still waits for the answers.
            for batch in () if busy else journal.read(queries.headings):
                with suppress(JournalError):  # on a disk that is full, what is there is read all the same
                    journal.ask(rows.mend(batch["batch"], KILLED))
            yield journal, busy
        finally:
            journal.close()


def existing(path: str | os.PathLike[str]) -> Path:
    """Return the path of a journal that is there.

    Raises:
        JournalError: There is no such file, it is empty, or the path is the address of a keeper.
    """
    if is_address(path):
        # The address is not shown: somebody may have put a secret into it.
        raise JournalError(
            "this reads the file of a journal, and not the address of a keeper",
            advice="Run it on the computer of the keeper, and give the path of the keeper's journal.",
        )
    file = Path(path)
    if not file.is_file():
        raise JournalError(f"there is no file {file}", advice="Check the path.")
    if not file.stat().st_size:
        raise JournalError(f"{file} is empty: it is not a journal of cloudai", advice="Check the path.")
    return file
