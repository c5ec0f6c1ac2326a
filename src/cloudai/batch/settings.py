"""The settings of a batch: the keyword arguments of `Client.batch`, and an object that holds and checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from cloudai.batch.inputs import PartOf
from cloudai.batch.shared.address import is_address
from cloudai.errors import SettingsError
from cloudai.outcomes import Outcome

__all__ = ["BatchOptions", "Settings"]


class BatchOptions(TypedDict, total=False):
    """The keyword arguments that a batch takes besides its operation and its inputs."""

    options: Mapping[str, Any]
    """Options of the operation, as a single call takes them by keyword; for several operations, a dict of options under
    the name of each."""
    journal: str | Any
    """Path of the journal, the file that keeps the batch, or the address of a keeper that serves many computers, for
    example "keeper://10.0.0.5:8399"; without either the journal is temporary."""
    pace: str | Sequence[str] | None
    """Maximum number of requests in a time, retries included: "20/min", "10/s, 1000/day", or "free" for the pace of the
    vendor's free tier."""
    max_requests: int
    """Maximum number of billed requests, over all runs with this journal, operations and options."""
    max_units: int
    """Maximum number of units that may be billed, over all runs with this journal, operations and options."""
    concurrency: int
    """Maximum number of requests in flight; by default 8, or 4 if a request has many inputs. For an engine on this
    computer the default is the number of cores less one."""
    in_doubt: Literal["resend", "skip"]
    """How to treat an input whose request was sent without learning the reply. "skip" leaves it out in later runs. By
    default a later run sends it again, which may be billed twice. "resend" does that too, and of several providers the
    next one is asked at once."""
    price: float
    """Price of 1,000 units in USD, for the costs in the plan and the table."""
    progress: bool | Callable[[Outcome[Any]], Any]
    """True shows a progress bar, or lines where the output is a file. A function is called with each outcome, and its
    return value is awaited in an `AsyncClient`."""
    column: str
    """Name of the column that holds the inputs, if they are rows."""
    keep: Sequence[str]
    """Names of the columns that the tables take over from the rows; by default all of them."""
    engine: Any
    """A ``distributed.Client`` of Dask, whose workers carry the batch out in parts; its journal is that of a keeper."""
    cache: bool
    """False means that the cache of earlier batches is neither read nor written."""


@dataclass(frozen=True)
class Settings:
    """The settings of one batch, which `BatchOptions` describes; those that were not given have their defaults."""

    options: Mapping[str, Any] = field(default_factory=dict)
    journal: Any = None
    pace: Any = None
    max_requests: int | None = None
    max_units: int | None = None
    concurrency: int | None = None
    in_doubt: Literal["resend", "skip"] | None = None
    price: float | None = None
    progress: Any = False
    column: str | None = None
    keep: Any = None
    cache: bool = True
    engine: Any = None
    part: PartOf | None = None
    """The list that the inputs are a part of; `Batch.partition` gives it."""

    @property
    def shared(self) -> bool:
        """True if a keeper owns the journal, and the pace."""
        return is_address(self.journal)

    @property
    def first(self) -> int:
        """The number of the first input."""
        return 0 if self.part is None else self.part.first

    def check(self) -> None:
        """Raise SettingsError where a setting has a value that it cannot have.

        The pace, the options and the columns are checked where they are used.
        """
        if self.in_doubt not in (None, "resend", "skip"):
            raise SettingsError(f"in_doubt={self.in_doubt!r}", advice='Give "resend" or "skip".')
        for name, least in (("concurrency", 1), ("max_requests", 0), ("max_units", 0)):
            # True and False are whole numbers to Python, and no limit that anybody means.
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise SettingsError(f"{name}={value!r}", advice=f"Give a whole number from {least}.")
        if not isinstance(self.cache, bool):
            raise SettingsError(f"cache={self.cache!r}", advice="Give True or False.")
        if self.shared:
            self._require_of_keeper()
        elif self.engine is not None:
            raise SettingsError(
                "a cluster needs a keeper",
                advice='Start one by `cloudai share`, and give journal="keeper://HOST:PORT".',
            )
        price: Any = self.price
        if price is not None and not (isinstance(price, int | float) and 0 <= price < float("inf")):
            raise SettingsError(f"price={price!r}", advice="Give USD for 1,000 units.")

    def _require_of_keeper(self) -> None:
        """Raise SettingsError for a setting that belongs to a keeper, which owns the journal and the pace."""
        if self.pace is not None:
            raise SettingsError(
                "the keeper owns the pace", advice="Give it to the keeper: cloudai share --pace 20/min."
            )
