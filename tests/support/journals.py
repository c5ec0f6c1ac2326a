"""What is written in the journal of a batch that is running."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from cloudai.batch.journal import copy_of

__all__ = ["replies_in"]


def replies_in(journal: Path) -> int:
    """Return how many replies are written down in a journal, or 0 where its batch has not begun yet."""
    with copy_of(journal) as (copied, _):
        if copied is None:
            return 0
        with closing(sqlite3.connect(copied)) as db:
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'exchanges'").fetchone():
                return 0
            return int(db.execute("SELECT COUNT(*) FROM exchanges WHERE status IS NOT NULL").fetchone()[0])
