"""What is chosen for a batch: its keyword arguments, and the same as an object that was checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from cloudai.errors import (
    SettingsError,
)
from cloudai.outcomes import Outcome

__all__ = ["BatchOptions", "Settings"]


class BatchOptions(TypedDict, total=False):
    """What a batch takes beside the operation and its inputs."""

    options: Mapping[str, Any]
    """Of the operation: what a single call takes by keyword; of several a dict for each, under its name."""
    journal: str | Any
    """Path of the file that keeps it; without one it lives as long as the program."""
    pace: str | Sequence[str] | None
    """Requests at most: "20/min", "10/s, 1000/day", or "free" for the vendor's free tier. Retries count."""
    max_requests: int
    """Billed requests that may be sent at most, in all runs with this journal, operations and options."""
    max_units: int
    """Units that may be billed at most, likewise."""
    concurrency: int
    """Requests at once; by default 8, 4 where each has many inputs; on this machine as many as it has cores, less
    one."""
    in_doubt: Literal["resend", "skip"]
    """Inputs of which an earlier run sent something without learning what became of it; sent again, they may be
    billed twice."""
    price: float
    """USD for 1,000 units, for plan and table."""
    progress: bool | Callable[[Outcome[Any]], Any]
    """True shows a bar, or lines where the output is a file; a function is called with each outcome, and awaited
    in an `AsyncClient`."""
    column: str
    """The column that holds the inputs, where they are rows."""
    keep: Sequence[str]
    """The columns of the rows that stand in the tables; by default all."""
    cache: bool
    """False takes nothing from the cache of earlier batches, and leaves nothing in it."""


@dataclass(frozen=True)
class Settings:
    """What was chosen for a batch; see `Client.batch`."""

    options: Mapping[str, Any] = field(default_factory=dict)
    journal: Any = None
    pace: Any = None
    max_requests: int | None = None
    max_units: int | None = None
    concurrency: int | None = None
    in_doubt: Literal["resend", "skip"] = "resend"
    price: float | None = None
    progress: Any = False
    column: str | None = None
    keep: Any = None
    cache: bool = True

    def check(self) -> None:
        """SettingsError for what is no such setting."""
        if self.in_doubt not in ("resend", "skip"):
            raise SettingsError(f"in_doubt={self.in_doubt!r}", advice='Give "resend" or "skip".')
        for name, least in (("concurrency", 1), ("max_requests", 0), ("max_units", 0)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise SettingsError(f"{name}={value!r}", advice=f"Give a whole number from {least}.")
        if not isinstance(self.cache, bool):
            raise SettingsError(f"cache={self.cache!r}", advice="Give True or False.")
        price: Any = self.price
        if price is not None and not (isinstance(price, int | float) and 0 <= price < float("inf")):
            raise SettingsError(f"price={price!r}", advice="Give USD for 1,000 units.")
