"""After an update of cloudai, all stored replies of a batch can be read again; no picture is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from cloudai.batch.codec import written_error, written_result
from cloudai.batch.policy import Ending
from cloudai.batch.queries import CallRecord
from cloudai.batch.recorder import Recorder, status_of
from cloudai.batch.replay import replay
from cloudai.batch.results import pages
from cloudai.batch.rows import ItemRecord
from cloudai.batch.state import BatchState
from cloudai.batch.task import Task
from cloudai.core.effects import Program
from cloudai.errors import ReplayError
from cloudai.models.base import Result
from cloudai.operations import recalled
from cloudai.outcomes import OutcomeStatus

__all__ = ["Reading", "keep", "readings"]


@dataclass(frozen=True)
class Reading:
    """One input that has replies, with the program that reads them again and returns the result."""

    task: Task
    item: ItemRecord
    record: CallRecord
    program: Program[Any]


def readings(state: BatchState) -> Iterator[Reading]:
    """Yield a reading for each input that has replies.

    An input is left out if reading its replies needs a text that is not there, or facts that are damaged.
    """
    for part, task in enumerate(state.tasks):
        for item, record in pages(state.journal, task.batch):
            if record is None or not record.replies:
                continue
            sha256 = item.facts.get("sha256")
            given = None
            with suppress(TypeError, ValueError, KeyError):  # what was remembered of the input is damaged
                given = recalled(task.operation, item.name, sha256 or "", json.loads(record.memory or "{}"))
            entry = state.inputs.at(item.item)
            if given is None and entry is not None and entry.is_of(sha256):
                given = entry.given
            if given is None:
                continue  # its result stays as it is
            answered = state.of(item.facts.get("provider"))
            yield Reading(task, item, record, replay(answered, answered.tasks[part], given, record))


def keep(recorder: Recorder[Any], reading: Reading, result: Result | None, error: Exception | None) -> None:
    """Write down the result or the error of a reading.

    Nothing is written after a ReplayError: some requests of the input have no reply yet, and the next run sends them.
    """
    if isinstance(error, ReplayError):
        return  # some of its requests are not answered yet: the next run sends them
    status: OutcomeStatus
    count: int | None
    status, count = ("failed", None) if result is None else status_of(result)
    ending = Ending(status, result=result, error=error)
    if result is not None:
        ending.settle = "done", written_result(result)
    elif error is not None:
        # The call stays open, because a later version may be able to read its replies.
        ending.settle = "open", {"error": written_error(error), "result": None}
    item = replace(
        reading.item,
        status=status,
        facts={**reading.item.facts, "count": count},
        call=reading.record.call,
        error=written_error(error) if error else None,
    )
    recorder.write(reading.task, item, ending)
