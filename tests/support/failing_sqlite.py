"""Connections to SQLite of which one statement fails: the disk is full, or the process is killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

__all__ = ["failing", "full"]


class Failing(sqlite3.Connection):
    """A connection whose statement of a certain number is not carried out."""

    left = 0
    fail: Callable[[], object]

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        """Carry out a statement, or fail."""
        type(self).left -= 1
        if type(self).left == 0:
            type(self).fail()
        return super().execute(sql, *parameters)


def failing(n: int, fail: Callable[[], object]) -> Callable[[str], sqlite3.Connection]:
    """Return a function that opens SQLite so that the statement of this number fails."""
    kind = type("Failing", (Failing,), {"left": n, "fail": staticmethod(fail)})
    return lambda name: sqlite3.connect(name, isolation_level=None, check_same_thread=False, factory=kind)


def full() -> None:
    """Fail as a full disk does."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error
