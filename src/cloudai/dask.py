"""Data frames of Dask are annotated in place: each partition by the worker that has it, and nothing paid for twice.

Needs ``pip install "cloudai[dask]"``. See docs/many-machines.md.
"""

from __future__ import annotations

from typing import Any

from cloudai.batch.shared.address import is_address
from cloudai.client import Client
from cloudai.errors import SettingsError

__all__ = ["annotate"]

COLUMNS = ("cloudai_status", "cloudai_result", "cloudai_error")
"""The columns that are added: the status of the input, its result as JSON, and its error; a text or None each."""


def annotate(frame: Any, *, column: str, operation: str, client: Client, journal: str, **settings: Any) -> Any:
    """Return a Dask data frame with the status, the result (JSON) and the error of each row in three more columns.

    The columns are those of `COLUMNS`, and replace columns of the same names: rename them before a second operation.
    The frame is computed as any other, and may be computed again: what was answered comes from the keeper's journal.

    Args:
        frame: A ``dask.dataframe.DataFrame``.
        column: The column with the inputs: texts, or paths that lead to the same files on all workers.
        operation: The name of the operation.
        client: A client whose keys are in the environment of the workers.
        journal: The address of the keeper, ``keeper://HOST:PORT``.
        settings: Further settings of each batch: ``options``, ``concurrency``, ``in_doubt``.

    Raises:
        SettingsError: ``journal`` is no address of a keeper, or the frame has no such column.
    """
    if not is_address(journal):
        raise SettingsError("a frame may be computed twice, and needs a keeper", advice='Give journal="keeper://…".')
    if column not in frame.columns:
        raise SettingsError(f"no column {column}", advice=f"The frame has: {', '.join(map(str, frame.columns))}.")
    wanted = {"operation": operation, "journal": journal, **settings}
    # Without ``meta`` Dask would call the function with made-up rows to see which columns it returns, and those would
    # be paid.
    meta = frame._meta.assign(**dict.fromkeys(COLUMNS, None)).astype(dict.fromkeys(COLUMNS, object))  # noqa: SLF001
    return frame.map_partitions(_annotated, column, client, wanted, meta=meta)


def _annotated(frame: Any, column: str, client: Client, wanted: dict[str, Any]) -> Any:
    """Return one partition with the columns of `COLUMNS`."""
    settings = dict(wanted)
    operation, inputs = settings.pop("operation"), list(frame[column])
    outcomes: list[Any] = []
    if inputs:
        # Each partition has a client of its own: partitions run in several threads of a worker, and the first one to
        # end would close a client that they share.
        with client.with_options() as own, own.batch(operation, inputs, **settings) as job:
            # A batch yields outcomes as they come, and the columns that are added must have the order of the rows.
            outcomes = sorted(job, key=lambda outcome: outcome.item)
    results = [None if outcome.result is None else outcome.result.model_dump_json() for outcome in outcomes]
    errors = [None if outcome.error is None else str(outcome.error) for outcome in outcomes]
    values = ([outcome.status for outcome in outcomes], results, errors)
    return frame.assign(**dict(zip(COLUMNS, values, strict=True))).astype(dict.fromkeys(COLUMNS, object))
