"""Frames of videos as inputs of a batch: their names, their keys, the plan, the pace, and what is never paid twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudai import Client, Frame, Google, Outcome, frames, tidy
from cloudai.batch.kept import kept_in
from cloudai.core.flow import Request, Response
from tests.support.batches import Batcher, both
from tests.support.films import UNEVEN, colour, counted, film

TALK = film([counted(n) for n in range(12)], UNEVEN)


class Vision:
    """A made-up Vision that finds one face in each picture, and counts the pictures."""

    def __init__(self) -> None:
        self.pictures: list[str] = []
        self.requests = 0

    def __call__(self, request: Request) -> Response:
        """Answer a request for any number of pictures."""
        self.requests += 1
        asked = request.json["requests"]  # type: ignore[index]
        self.pictures += [each["image"]["content"].key for each in asked]
        corners = [{"x": x, "y": y} for x, y in ((8, 8), (40, 8), (40, 40), (8, 40))]
        face = {
            "fdBoundingPoly": {"vertices": corners},
            "boundingPoly": {"vertices": corners},
            "joyLikelihood": "LIKELY",
        }
        return Response(200, {}, json.dumps({"responses": [{"faceAnnotations": [face]} for _ in asked]}).encode())


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Return a video with a Korean name."""
    path = tmp_path / "대통령 연설.mp4"
    path.write_bytes(TALK)
    return path


def run(colour_: str, send: Any, given: Any, **settings: Any) -> Any:
    """Run a batch over frames."""
    return Batcher(colour_, Google(api_key="AIza" + "x" * 35), send)("detect_faces", given, cache=False, **settings)


@both
def test_rows_have_the_video_and_the_time(colour: str, talk: Path) -> None:
    """Tables have the columns of the frame after the input, which is named by the video and the time."""
    done = run(colour, Vision(), frames(talk, every=0.5))
    columns = ("item", "input", "video", "time_s", "frame", "status", "face")
    assert [[row[name] for name in columns] for row in done.tidy] == [
        [item, f"대통령 연설.mp4#t={time:.3f}", "대통령 연설.mp4", time, number, "ok", 0]
        for item, (time, number) in enumerate([(0.0, 0), (0.467, 6), (1.0, 8), (1.5, 10)])
    ]
    assert done.tidy.columns[:5] == ["item", "input", "video", "time_s", "frame"]
    assert done.tidy.units["time_s"] == "s"
    assert done.table.columns[:5] == ["item", "input", "video", "time_s", "frame"]


@both
def test_a_run_that_is_repeated_pays_nothing(colour: str, talk: Path, tmp_path: Path) -> None:
    """A run after one that broke off asks only for the frames that have no answer; one more asks for none."""
    journal, first, second, third = tmp_path / "연설.journal", Vision(), Vision(), Vision()
    chosen = frames(talk, fps=1000)

    def breaking() -> Iterator[Frame]:
        for number, frame in enumerate(chosen):
            if number == 5:
                raise RuntimeError("the disk is gone")
            yield frame

    broken = run(colour, first, breaking(), journal=journal)
    assert isinstance(broken.error, RuntimeError)
    done = run(colour, second, chosen, journal=journal, plan=True)
    assert done.plan.cached == len(first.pictures) == 5
    assert len(second.pictures) == 7
    again = run(colour, third, chosen, journal=journal, plan=True)
    assert (again.plan.cached, again.plan.requests, third.requests) == (12, 0, 0)
    assert [row["time_s"] for row in again.tidy] == [time / 1000 for time in UNEVEN]
    assert again.balanced


def test_a_plan_before_the_run(talk: Path) -> None:
    """A plan reads the frames and sends nothing, and the run reads them again."""
    send = Vision()
    done = run("blocking", send, frames(talk, fps=1000), plan=True)
    assert (done.plan.inputs, done.plan.units, done.plan.requests) == (12, 12, 1)
    assert "1 (12 units)" in str(done.plan)
    assert len(send.pictures) == 12


def test_a_still_stretch_is_paid_for_once(tmp_path: Path) -> None:
    """Frames with the same pixels are one call, and each has its own row."""
    still = film([colour("red")] * 3 + [colour("blue")], [0, 500, 1000, 1500])
    send = Vision()
    done = run("blocking", send, frames(still, every=0.5), journal=tmp_path / "j")
    assert len(send.pictures) == 2
    assert done.values("duplicate_of") == [None, 0, 0, None]


def test_the_journal_has_the_columns(talk: Path, tmp_path: Path) -> None:
    """What is read from a journal later has the video and the time of each frame."""
    run("blocking", Vision(), frames(talk, every=1), journal=tmp_path / "j")
    (outcomes,) = kept_in(tmp_path / "j")
    assert [(row["video"], row["time_s"]) for row in tidy(outcomes)] == [
        ("대통령 연설.mp4", 0.0),
        ("대통령 연설.mp4", 1.0),
    ]


def test_frames_beside_other_columns(talk: Path) -> None:
    """Rows may hold frames in a column, whose cells are then the names of the frames."""
    rows = [{"말하는 이": "가", "장면": frame} for frame in frames(talk, at=[0, 1])]
    done = run("blocking", Vision(), rows, column="장면")
    assert [(row["말하는 이"], row["장면"], row["time_s"]) for row in done.tidy] == [
        ("가", "대통령 연설.mp4#t=0.000", 0.0),
        ("가", "대통령 연설.mp4#t=1.000", 1.0),
    ]


def test_several_operations_on_frames(talk: Path) -> None:
    """Two operations decode each frame once, and have a row each."""
    with Client("local") as client, client.batch(["detect_faces", "analyze_image"], frames(talk, at=[0, 1])) as job:
        outcomes: list[Outcome[Any]] = list(job)
    assert sorted((outcome.item, outcome.operation) for outcome in outcomes) == [
        (item, operation) for item in (0, 1) for operation in ("analyze_image", "detect_faces")
    ]


def test_single_calls_and_maps(talk: Path) -> None:
    """A frame is an input of a single call and of a map."""
    with Client("local") as client:
        (frame,) = frames(talk, count=1)
        assert client.detect_faces(frame).meta.input == "대통령 연설.mp4#t=1.000"
        assert [each.row["frame"] for each in client.map("detect_faces", frames(talk, every=1))] == [0, 8]  # type: ignore[index]
