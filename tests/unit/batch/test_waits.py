"""The table says when an input was begun, how long it waited until its request went out, and how long that took."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudai import Azure
from cloudai.batch import recorder, worker
from tests.made_up.merging import AZURE, azure
from tests.made_up.provider import Clock, MadeUp, ok
from tests.support.batches import Batcher, Server, both


@both
def test_the_wait_for_a_turn_is_counted(colour: str) -> None:
    """With one request a minute an input waits a minute, and a hundredth of a second, and its request takes no time."""
    clock = Clock()
    ask = Batcher(colour, MadeUp(), Server(lambda _: ok({"score": 0.5})), {"clock": clock, "sleep": clock.sleep})
    done = ask("sentiment", ["가", "나", "다"], pace="1/min", concurrency=1)
    assert done.values("queued_s") == pytest.approx([0, 60.01, 60.01])
    assert done.values("elapsed_s") == [0, 0, 0]


@both
def test_the_wait_for_a_service_that_is_away_is_counted(colour: str) -> None:
    """An input that waits for the probes of a service that does not answer counts this wait."""
    clock, asked = Clock(), []

    def answer(request: Any) -> Any:
        asked.append(request)
        return ConnectionResetError("away") if len(asked) <= 18 else ok({"score": 0.5})

    ask = Batcher(colour, MadeUp(), Server(answer), {"clock": clock, "sleep": clock.sleep})
    done = ask("sentiment", [f"후기 {i}" for i in range(40)], concurrency=1)
    assert max(seconds or 0 for seconds in done.values("queued_s")) >= 0.5


@both
def test_an_input_without_a_request_has_not_waited(colour: str, tmp_path: Path) -> None:
    """An input that is answered from the journal has no wait."""
    server = Server(lambda _: ok({"score": 0.5}))
    for expected in ([0.0], [None]):
        ask = Batcher(colour, MadeUp(), server, {"clock": Clock()})
        assert ask("sentiment", ["후기"], journal=tmp_path / "j").values("queued_s") == expected


@both
@pytest.mark.parametrize("joined", [False, True])
def test_the_times_add_up(colour: str, joined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """From when an input was begun, its wait and the time of its request lead to when it ended."""
    clock = Clock()
    for module in (recorder, worker):
        monkeypatch.setattr(module, "timestamp", lambda: datetime.fromtimestamp(clock.now, UTC).isoformat())

    def answer(request: Any) -> Any:
        clock.now += 0.75
        return azure(request) if joined else ok({"score": 0.5})

    provider: Any = Azure(**AZURE) if joined else MadeUp()
    ask = Batcher(colour, provider, Server(answer), {"clock": clock, "sleep": clock.sleep})
    texts = [f"글 {i}" for i in range(30 if joined else 3)]
    done = ask("sentiment", texts, pace="1/min", concurrency=1, options={"language": "ko"})
    assert done.values("elapsed_s") == [0.75] * len(texts)
    assert max(done.values("queued_s")) > 50
    for row in done.table:
        begun, ended = (datetime.fromisoformat(row[name]) for name in ("started_at", "finished_at"))
        assert (ended - begun).total_seconds() == pytest.approx(row["queued_s"] + row["elapsed_s"])
