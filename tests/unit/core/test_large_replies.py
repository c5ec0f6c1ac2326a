"""While a large reply is read, Python's garbage collector pauses, because it would hold the event loop for long."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloudai import Google, Response
from cloudai.core import large_replies
from cloudai.core.large_replies import WORTH_A_PAUSE, CollectorPause
from cloudai.errors import CloudAIError
from tests.conftest import Caller
from tests.support.played import PICTURE

GOOGLE = Google(api_key="not-a-real-key")


@pytest.fixture
def collections() -> Iterator[list[Any]]:
    """Let the collector run after every hundred new objects, and yield the list of the generations it collects."""
    told: list[Any] = []

    def tell(phase: str, facts: dict[str, int]) -> None:
        if phase == "start":
            told.append(facts["generation"])

    before = gc.get_threshold()
    gc.set_threshold(100, 1, 1)
    gc.callbacks.append(tell)
    yield told
    gc.callbacks.remove(tell)
    gc.set_threshold(*before)
    assert gc.isenabled()


def labels(n: int) -> Response:
    """Return a reply with so many labels, of about 100 bytes each."""
    found = [{"description": f"표지 {number} {'가' * 20}", "score": 0.5, "topicality": 0.5} for number in range(n)]
    body = json.dumps({"responses": [{"labelAnnotations": found}]}, ensure_ascii=False)
    return Response(200, {"content-type": "application/json"}, body.encode())


def test_the_collector_pauses_while_a_large_reply_is_read(call: Caller, collections: list[Any]) -> None:
    """Of a reply with 20,000 labels few collections are made, although each hundred objects would cause one."""
    reply = labels(20_000)
    assert len(reply.content) > WORTH_A_PAUSE
    collections.clear()
    result = call(GOOGLE, "analyze_image", PICTURE, features=["tags"], send=lambda _: reply)
    assert len(result.tags) == 20_000
    assert len(collections) < 1_000
    assert gc.isenabled()


def test_the_collector_goes_on_after_a_large_reply_that_is_refused(call: Caller) -> None:
    """A reply of nonsense ends the pause as a good one does."""
    reply = Response(200, {"content-type": "application/json"}, b"[" + b'{"a": []},' * 200_000 + b"0]")
    with pytest.raises(CloudAIError):
        call(GOOGLE, "analyze_image", PICTURE, features=["tags"], send=lambda _: reply)
    assert gc.isenabled()


def test_pauses_that_overlap_end_with_the_last() -> None:
    """The collector goes on when both calls have ended, in whichever order, and ending a pause twice ends it once."""
    first, second = CollectorPause(), CollectorPause()
    first.begin(WORTH_A_PAUSE + 1)
    second.begin(WORTH_A_PAUSE + 1)
    first.begin(WORTH_A_PAUSE + 1)
    first.end()
    first.end()
    assert not gc.isenabled()
    second.end()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """Whoever has turned the collector off does not find it on after a call."""
    gc.disable()
    try:
        pause = CollectorPause()
        pause.begin(WORTH_A_PAUSE + 1)
        pause.end()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_small_reply_causes_no_pause() -> None:
    """Most replies are small, and the collector does not notice them."""
    pause = CollectorPause()
    pause.begin(WORTH_A_PAUSE)
    assert gc.isenabled()
    pause.end()


def test_large_replies_without_end_do_not_stop_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the collector has paused for long, no further call joins the pause, so that it ends."""
    first, late = CollectorPause(), CollectorPause()
    first.begin(WORTH_A_PAUSE + 1)
    monkeypatch.setattr(large_replies, "LONGEST_PAUSE", -1.0)
    late.begin(WORTH_A_PAUSE + 1)
    first.end()
    assert gc.isenabled()
    late.end()
