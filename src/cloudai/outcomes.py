"""An `Outcome` says what became of one input of many, and `tidy` makes one table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from cloudai.errors import UnsupportedOperationError
from cloudai.models.base import Result
from cloudai.table import LEADING, Table

__all__ = ["THEIRS", "Outcome", "OutcomeStatus", "tidy", "with_theirs"]

R = TypeVar("R", bound=Result)

OutcomeStatus: TypeAlias = Literal["ok", "none_found", "failed", "unsupported", "in_doubt", "skipped", "not_started"]


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """The outcome of one input of several, which is a result or an error.

    ``row`` has the user's own columns beside the input, and ``facts`` what a batch knows of the call.
    """

    item: int
    input: str
    result: R | None = None
    error: Exception | None = None
    row: Mapping[str, Any] | None = None
    status: OutcomeStatus = ""  # type: ignore[assignment]  # an empty one is replaced when the outcome is made
    """One of ok, none_found, failed, unsupported, in_doubt, skipped and not_started."""
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operation: str = ""
    """The operation that the input was for, in a batch."""

    def __post_init__(self) -> None:
        if not self.status:
            object.__setattr__(self, "status", self._found_status())

    def _found_status(self) -> OutcomeStatus:
        """Return the status that follows from the result, or from the error if there is no result."""
        if self.result is not None:
            status: OutcomeStatus = self.result.to_rows()[0]["status"]
            return status
        return "unsupported" if isinstance(self.error, UnsupportedOperationError) else "failed"


def tidy(outcomes: Iterable[Outcome[Any]]) -> Table:
    """Return one table of all outcomes, in the order of the inputs, with at least one row for each.

    The column ``status`` says what became of an input. If there is no result, ``error_type`` and ``error`` say why.
    If the outcomes are of several operations, there is a column ``operation``. The user's own columns follow
    ``input``; one that has the same name as one of ours is renamed to ``input_…``.
    """
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    theirs: dict[str, None] = {}
    units: dict[str, str] = {}
    outcomes = sorted(outcomes, key=lambda outcome: outcome.item)
    several = len({outcome.operation for outcome in outcomes}) > 1
    for outcome in outcomes:
        own = {f"{THEIRS}{name}": value for name, value in (outcome.row or {}).items()}
        theirs |= dict.fromkeys(own)
        if outcome.result is not None:
            head = {"input": outcome.input, "operation": outcome.operation}
            rows += [{**row, **own, **head} for row in outcome.result.to_rows(item=outcome.item)]
            table = outcome.result.table()
            columns |= dict.fromkeys(table.columns)
            units |= table.units
        else:
            rows.append({**_failed(outcome), **own})
    leading = [*LEADING[:2], "operation", *LEADING[2:]] if several else LEADING
    return with_theirs(rows, [*leading, *columns, "error_type", "error"], list(theirs), units)


THEIRS = "\0"
"""The prefix that marks the user's columns until it is known which names are ours."""


def with_theirs(
    rows: list[dict[str, Any]], ours: Sequence[str], theirs: Sequence[str], units: Mapping[str, str]
) -> Table:
    """Return a table that has the user's columns after the first two of ours.

    A column of the user that has the name of another column is renamed to ``input_…``.

    Args:
        rows: The rows; the names of the user's columns begin with `THEIRS`.
        ours: The names of our columns, in order.
        theirs: The names of the user's columns, in order, with the prefix.
        units: The units of our columns.
    """
    ours = list(dict.fromkeys(ours))
    names: dict[str, str] = {}
    for marked in theirs:
        name = marked.removeprefix(THEIRS)
        while name in ours or name in names.values():
            name = f"input_{name}"
        names[marked] = name
    renamed = [{names.get(name, name): value for name, value in row.items()} for row in rows]
    return Table(renamed, [*ours[:2], *names.values(), *ours[2:]], units)


def _failed(outcome: Outcome[Any]) -> dict[str, Any]:
    """Return the row of an outcome that has no result, without the user's own columns."""
    return {
        "item": outcome.item,
        "input": outcome.input,
        "operation": outcome.operation,
        "status": outcome.status,
        "provider": getattr(outcome.error, "provider", None) or outcome.facts.get("provider"),
        "error_type": type(outcome.error).__name__,
        "error": str(outcome.error),
    }
