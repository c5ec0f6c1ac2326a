"""A function of the user's that raises ends the batch or the call, and costs no reply that was paid for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cloudai import Azure, ConnectError, Event
from tests.made_up.merging import AZURE, azure, documents
from tests.made_up.provider import MadeUp, ok
from tests.support.batches import Batcher, Done, Server, both
from tests.support.length import both_by_turns

TEXTS = [f"후기 {n}" for n in range(20)]


class Stop(BaseException):
    """An exception that is no Exception, as that of a time limit of gevent."""


KINDS = [RuntimeError, SystemExit, Stop]


def raising(kind: type[BaseException], when: Callable[[Any], bool] = lambda _: True) -> Callable[[Any], None]:
    """Return a function that raises an exception the third time that it is told of something."""
    told: list[Any] = []

    def tell(it: Any) -> None:
        told.extend([it] * when(it))
        if len(told) == 3:
            told.append(it)
            raise kind("a fault of the user's function")

    return tell


def paid_once(colour: str, journal: Path, client: dict[str, Any], *, joined: bool, **settings: Any) -> Any:
    """Run a batch that a function of the user's breaks off, run it again, and return how the first run ended.

    No text is sent twice, and every text is done in the end.
    """
    server = Server(azure if joined else lambda _: ok({"score": 0.5}))
    provider: Any = Azure(**AZURE) if joined else MadeUp()
    settings = {"journal": journal, "options": {"language": "ko"}, "concurrency": 2, **settings}
    try:
        ended: Any = Batcher(colour, provider, server, client)("sentiment", TEXTS, **settings)
    except BaseException as error:  # what the test looks at
        ended = error
    settings.pop("progress", None)
    done: Done = Batcher(colour, provider, server)("sentiment", TEXTS, **settings)
    assert done.books["done"] == len(TEXTS)
    sent = [
        text
        for request in server.requests
        for text in ([document["text"] for document in documents(request)] if joined else [request.json["text"]])
    ]
    assert sorted(sent) == sorted(TEXTS)
    return ended


@both_by_turns("kind, joined", product(KINDS, [False, True]))
def test_progress_that_raises_costs_no_reply(
    kind: type[BaseException], joined: bool, colour: str, tmp_path: Path
) -> None:
    """The batch ends with what the function has raised, and the next run sends only what was never sent."""
    ended = paid_once(colour, tmp_path / "j", {}, joined=joined, progress=raising(kind))
    assert isinstance(ended if kind is not RuntimeError else ended.error, kind)


def test_progress_that_is_awaited_and_raises_costs_no_reply(tmp_path: Path) -> None:
    """An async function that raises ends the batch in the same way."""
    tell = raising(RuntimeError)

    async def progress(outcome: Any) -> None:
        tell(outcome)

    ended = paid_once("awaiting", tmp_path / "j", {}, joined=False, progress=progress)
    assert isinstance(ended.error, RuntimeError)


@both_by_turns("kind, event, joined", product(KINDS, ["attempt", "reply", "result"], [False, True]))
def test_a_function_for_events_that_raises_costs_no_reply(
    kind: type[BaseException], event: str, joined: bool, colour: str, tmp_path: Path
) -> None:
    """A paid reply is in the journal before the function is called, whatever it raises: nothing is sent twice."""
    tell = raising(kind, lambda told: told.kind == event)
    paid_once(colour, tmp_path / "j", {"on_event": tell}, joined=joined)


@both
def test_a_function_that_raises_at_a_failure_leaves_no_doubt_where_there_is_none(colour: str, tmp_path: Path) -> None:
    """A request that was never sent is noted as such before the function is told, so the next run sends it at once."""

    def tell(event: Event) -> None:
        if event.kind == "failure":
            raise Stop

    settings: Any = {"journal": tmp_path / "j", "options": {"language": "ko"}, "concurrency": 1}
    with pytest.raises(Stop):
        Batcher(colour, MadeUp(), Server(lambda _: ConnectError("nobody listens")), {"on_event": tell})(
            "sentiment", TEXTS[:1], **settings
        )
    done = Batcher(colour, MadeUp(), Server(lambda _: ok({"score": 0.5})))("sentiment", TEXTS[:1], **settings)
    assert (done.values(), done.values("billed_max")) == (["ok"], [1])


@both
def test_a_filter_of_the_log_that_raises_costs_no_reply(colour: str, tmp_path: Path) -> None:
    """A filter of the logger that raises is as a function for events that does: nothing is sent twice."""
    tell = raising(RuntimeError)
    log = logging.getLogger("cloudai")
    level = log.level

    def failing(record: logging.LogRecord) -> bool:
        tell(record)
        return True

    log.addFilter(failing)
    log.setLevel(logging.DEBUG)
    try:
        paid_once(colour, tmp_path / "j", {}, joined=False)
    finally:
        log.removeFilter(failing)
        log.setLevel(level)
