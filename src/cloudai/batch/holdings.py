"""This module keeps the files and threads of a batch, and closes them at its end."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from cloudai.batch.cache_store import CacheStore
from cloudai.batch.reader import Reader
from cloudai.batch.statements import AnyJournal
from cloudai.errors import JournalError

__all__ = ["Holdings"]

log = logging.getLogger("cloudai")

LONGEST = 1.0
"""Seconds for which the garbage collector waits at most until a batch that was never closed has let go."""


@dataclass(eq=False)
class Holdings:
    """The files and threads of one batch. They know nothing of the batch, which can be collected before they end."""

    journal: AnyJournal
    caches: Sequence[CacheStore | None]
    """The cache for each provider; None if it is not used."""
    owns_journal: bool = True
    """Whether the journal is closed with the batch."""
    reader: Reader | None = None
    """The reader that takes the inputs, once the batch has begun."""

    def close(self) -> None:
        """Close the journal, if the batch owns it, and the caches.

        Raises:
            JournalError: Something that was paid for could not be kept.
        """
        try:
            if self.owns_journal:
                self.journal.close()
        finally:
            for cache in self.caches:
                if cache is not None:
                    cache.close()

    def close_with(self, batch: object) -> weakref.finalize[[], object]:
        """Have everything closed once the batch is garbage-collected, unless the program has ended before that.

        Call ``detach()`` of the returned object to call this off.
        """
        finalizer = weakref.finalize(batch, self._abandoned)
        finalizer.atexit = False  # the threads end with the program
        return finalizer

    def _abandoned(self) -> None:
        """Close everything, in a thread of its own.

        The garbage collector calls this in any thread, also in the journal's, which cannot wait for its own end.
        """
        closing = threading.Thread(target=self._let_go, name="cloudai-closing", daemon=True)
        try:
            closing.start()
        except RuntimeError:
            return  # the program ends
        # The thread that closes waits for the end of our own threads, so none of them may wait for it.
        if not threading.current_thread().name.startswith("cloudai-"):
            closing.join(LONGEST)

    def _let_go(self) -> None:
        if self.reader is not None:
            self.reader.close()
        try:
            self.close()
        except JournalError as error:
            log.warning("a batch was never closed: %s", error)
