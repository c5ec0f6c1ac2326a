"""An `Outcome` says what became of one input of many, and `tidy` makes one table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from cloudai.errors import SettingsError, UnsupportedOperationError
from cloudai.models.base import Result
from cloudai.models.columns import TRACK, TYPES
from cloudai.operations import OPERATIONS
from cloudai.table import LEADING, Table
from cloudai.table_files import ColumnType
from cloudai.text import did_you_mean, inert, quoted

__all__ = ["THEIRS", "Outcome", "OutcomeStatus", "input_names", "tidy", "with_theirs"]

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

    def __str__(self) -> str:
        """Return the outcome in a few lines that a person can read."""
        told = str(self.error) if self.result is None else str(self.result)
        head = f"{self.input}: {self.status}{f' ({self.operation})' if self.operation else ''}"
        return "\n".join([inert(head), *map(inert, told.splitlines())])

    def _found_status(self) -> OutcomeStatus:
        """Return the status that follows from the result, or from the error if there is no result."""
        if self.result is not None:
            status: OutcomeStatus = self.result.to_rows()[0]["status"]
            return status
        return "unsupported" if isinstance(self.error, UnsupportedOperationError) else "failed"


def tidy(outcomes: Iterable[Outcome[Any]], kind: str | None = None, *, meta: bool = False) -> Table:
    """Return one table of all outcomes, in the order of the inputs, with at least one row for each.

    The column ``status`` says what became of an input. If there is no result, ``error_type`` and ``error`` say why.
    ``input`` is spelled as in all tables: a path begins at the folder that all paths share. The user's own columns
    follow ``input``; one that has the same name as one of ours is renamed to ``input_…``.

    Args:
        outcomes: The outcomes, for example a `Batch` or what `Client.map` returns.
        kind: The kind of table: "faces", "tags", "text", "emotions", "landmarks", "ages", "sentences", "words" or
            "segments". Outcomes of operations that have no such table are left out. None makes one table of all that
            was found.
        meta: Whether the columns service, api_version, model, request_id, called_at and replayed are added.

    Raises:
        SettingsError: There is no such kind of table, or none of the operations has it.
    """
    listed = sorted(outcomes, key=lambda outcome: outcome.item)
    view = _Whole() if kind is None else _OfKind(kind, listed)
    names = input_names(listed)
    rows: list[dict[str, Any]] = []
    theirs: dict[str, None] = {}
    for outcome, name in zip(listed, names, strict=True):
        if not view.has(outcome):
            continue
        own = {f"{THEIRS}{column}": value for column, value in (outcome.row or {}).items()}
        theirs |= dict.fromkeys(own)
        own_rows = view.rows(outcome)
        facts = _origin(outcome.result) if meta else {}
        head = {"input": name, **({"operation": outcome.operation} if outcome.operation else {})}
        rows += [{**row, **facts, **own, **head} for row in own_rows]
    followed = [TRACK] if any(TRACK in row for row in rows) else []
    ours = [*LEADING, *followed, *view.columns, *(META if meta else ()), "error_type", "error"]
    return with_theirs(rows, ours, list(theirs), view.units, view.types)


META = ("service", "api_version", "model", "request_id", "called_at", "replayed")
"""The columns that say where a result comes from."""


def _origin(result: Result | None) -> dict[str, Any]:
    if result is None:
        return {}
    called = result.meta.called_at
    return {name: getattr(result.meta, name) for name in META} | {"called_at": called and called.isoformat()}


class _Whole:
    """Makes rows of all that was found, with the columns of each operation."""

    def __init__(self) -> None:
        self.columns: dict[str, None] = {}
        self.units: dict[str, str] = {}
        self.types: dict[str, ColumnType] = {}

    def has(self, outcome: Outcome[Any]) -> bool:
        """Return whether the outcome belongs into the table, and add the columns of its operation."""
        kind = _result_class(outcome)
        if kind is not None:
            # An input that failed adds the columns of its operation too, so that the tables of two runs have the same
            # columns.
            columns = outcome.result._columns() if outcome.result else kind.model_construct()._columns()  # noqa: SLF001
            self.columns |= dict.fromkeys(columns)
            self.units |= kind.units
            self.types |= kind.types
        return True

    def rows(self, outcome: Outcome[Any]) -> list[dict[str, Any]]:
        """Return the rows of an outcome, with its error if it has no result."""
        return [_failed(outcome)] if outcome.result is None else outcome.result.to_rows(item=outcome.item)


class _OfKind:
    """Makes rows of one kind, of the operations that have it."""

    types: Mapping[str, ColumnType] = {}

    def __init__(self, kind: str, outcomes: Sequence[Outcome[Any]]) -> None:
        from cloudai.models.tables import TABLES  # it loads the results of all operations

        if kind not in TABLES:
            advice = f"{did_you_mean(kind, TABLES)} There are: {', '.join(TABLES)}.".strip()
            raise SettingsError(f"{quoted(kind)} is no kind of table", advice=advice)
        self._kind, self._table = kind, TABLES[kind]
        self.columns, self.units = self._table.columns, self._table.units
        classes = {each for outcome in outcomes if (each := _result_class(outcome))}
        if classes and not any(issubclass(each, self._table.results) for each in classes):
            have = [name for name, table in TABLES.items() if any(issubclass(c, table.results) for c in classes)]
            advice = f"There is: {', '.join(have)}." if have else "Leave the kind out."
            raise SettingsError(f"these results have no table of {kind}", advice=advice)

    def has(self, outcome: Outcome[Any]) -> bool:
        """Return whether the operation of the outcome has such a table."""
        result = _result_class(outcome)
        return result is None or issubclass(result, self._table.results)

    def rows(self, outcome: Outcome[Any]) -> list[dict[str, Any]]:
        """Return the rows of an outcome, with its error if it has no result, or if its reply says nothing of these."""
        if outcome.result is None:
            return [_failed(outcome)]
        part = self._table.part(outcome.result)
        if part is None:
            error = UnsupportedOperationError(f"the reply says nothing of {self._kind}: it was not asked for that")
            return [{**_failed(replace(outcome, result=None, error=error)), "status": "unsupported"}]
        rows, nothing = self._table.rows(part), self._table.nothing(part)
        return outcome.result._headed(rows, self.columns, nothing, outcome.item)  # type: ignore[no-any-return]  # noqa: SLF001


def _result_class(outcome: Outcome[Any]) -> type[Result] | None:
    """Return the class of the result that an outcome has, or would have; None if its operation is not known."""
    if outcome.result is not None:
        return type(outcome.result)
    return OPERATIONS[outcome.operation].result if outcome.operation in OPERATIONS else None


def input_names(outcomes: Sequence[Outcome[Any]]) -> list[str]:
    """Return the names of the inputs as all tables spell them: paths begin at the folder that they share."""
    folder = _common_folder([outcome.input for outcome in outcomes if outcome.facts.get("is_path")])
    return [outcome.input[len(folder) :] if outcome.facts.get("is_path") else outcome.input for outcome in outcomes]


def _common_folder(names: Sequence[str]) -> str:
    """Return the folder that all paths are in, with a slash at its end; an empty text if they share none."""
    parts = [PurePosixPath(folder).parts for folder in {str(PurePosixPath(name).parent) for name in names}]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    common = str(PurePosixPath(*shared)) if shared else "."
    return "" if common in (".", "/") else f"{common}/"


THEIRS = "\0"
"""The prefix that marks the user's columns until it is known which names are ours."""


def with_theirs(
    rows: list[dict[str, Any]],
    ours: Sequence[str],
    theirs: Sequence[str],
    units: Mapping[str, str],
    types: Mapping[str, ColumnType] | None = None,
) -> Table:
    """Return a table that has the user's columns after the first two of ours.

    A column of the user that has the name of another column is renamed to ``input_…``.

    Args:
        rows: The rows; the names of the user's columns begin with `THEIRS`.
        ours: The names of our columns, in order.
        theirs: The names of the user's columns, in order, with the prefix.
        units: The units of our columns.
        types: The types of our columns that are not those of `cloudai.models.columns`.
    """
    ours = list(dict.fromkeys(ours))
    names: dict[str, str] = {}
    for marked in theirs:
        name = marked.removeprefix(THEIRS)
        while name in ours or name in names.values():
            name = f"input_{name}"
        names[marked] = name
    renamed = [{names.get(name, name): value for name, value in row.items()} for row in rows]
    known = {name: column for name, column in {**TYPES, **(types or {})}.items() if name in ours}
    timed = {name: "s" for name in names.values() if name == "time_s"}  # the time of a frame of a video
    return Table(renamed, [*ours[:2], *names.values(), *ours[2:]], {**units, **timed}, types=known)


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
