"""Faces are followed through the frames of a video by where they are, and nobody is recognised."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from cloudai import Ages, Box, Face, Faces, InputError, Outcome, SettingsError, tidy, track
from cloudai.models.face import FaceAge
from cloudai.models.image import ImageAnalysis

SIZE = (640, 360)


def box(x: float, y: float = 100, side: float = 60) -> Box:
    """Return the box of a face whose centre is here."""
    return Box(x=x - side / 2, y=y - side / 2, width=side, height=side, image_size=SIZE)


def seen(time: float, *boxes: Box, item: int | None = None, video: str = "연설.mp4") -> Outcome[Any]:
    """Return the outcome of the frame at a time, with the faces in these boxes."""
    faces = Faces(faces=tuple(Face(box=each) for each in boxes))
    number = round(time * 10) if item is None else item
    row = {"video": video, "time_s": time, "frame": number}
    return Outcome(number, f"{video}#t={time:.3f}", faces, row=row, operation="detect_faces")


def tracks(outcomes: Sequence[Outcome[Any]]) -> list[list[int]]:
    """Return the numbers of the faces of each frame."""
    return [[face.track for face in outcome.result] for outcome in outcomes if outcome.result is not None]


def test_a_face_that_moves_keeps_its_number() -> None:
    """A face that moves by less than its size from frame to frame is one face, and another one is another."""
    frames = [seen(n / 2, box(100 + 40 * n), box(500, side=80)) for n in range(6)]
    assert tracks(track(frames)) == [[2, 1]] * 6  # the larger one has the first number


def test_two_that_cross() -> None:
    """Two faces that pass each other keep their numbers, because each goes on as it went."""
    frames = [seen(n / 10, box(100 + 20 * n, 100), box(500 - 20 * n, 112)) for n in range(21)]
    assert len({tuple(numbers) for numbers in tracks(track(frames))}) == 1


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    """A face that is hidden for a moment keeps its number; one that comes back later is somebody new."""
    times = [0.0, 0.2, 0.4, 1.2, 1.4, 3.5]
    assert tracks(track([seen(time, box(300)) for time in times])) == [[1], [1], [1], [1], [1], [2]]
    assert tracks(track([seen(time, box(300)) for time in times], gap=5)) == [[1]] * 6
    assert tracks(track([seen(time, box(300)) for time in times], gap=0)) == [[1], [1], [1], [2], [2], [3]]


def test_a_frame_that_is_there_twice() -> None:
    """Where a video was given twice, its faces keep their numbers, however far its frames are apart."""
    frames = [seen(5 * n, box(300), item=n + 4 * again) for again in (0, 1) for n in range(4)]
    assert tracks(track(frames)) == [[1]] * 8


def test_hidden_while_it_moves() -> None:
    """A face that goes on behind another one is expected where it would be by then."""
    frames = [seen(n / 10, box(100 + 15 * n)) for n in range(10)]
    frames += [seen(n / 10) for n in range(10, 16)]
    frames += [seen(n / 10, box(100 + 15 * n)) for n in range(16, 20)]
    assert {number for numbers in tracks(track(frames)) for number in numbers} == {1}


def test_another_size_is_another_face() -> None:
    """A face that is suddenly three times as large is another one, for example after a cut."""
    assert tracks(track([seen(0, box(300, side=40)), seen(0.5, box(300, side=120))])) == [[1], [2]]


def test_each_video_is_counted_by_itself() -> None:
    """Numbers begin at 1 in each video, and the order of the outcomes does not matter."""
    frames = [seen(n / 2, box(100), item=n) for n in range(3)]
    frames += [seen(n / 2, box(100), item=3 + n, video="답변.mp4") for n in range(3)]
    assert tracks(track(frames)) == [[1]] * 6
    shuffled = random.Random(4).sample(frames, len(frames))  # noqa: S311
    assert track(shuffled) == track(frames)


def test_tables_have_the_column() -> None:
    """The column comes before those of the face, and tables of pictures have none."""
    numbered = track([seen(0, box(100)), Outcome(1, "연설.mp4#t=0.500", error=InputError("damaged"))])
    for kind in (None, "faces"):
        table = tidy(numbered, kind)
        assert table.columns.index("track") == table.columns.index("face") - 1
        assert [row.get("track") for row in table] == [1, None]
        assert table.types["track"] is int
    assert "track" not in tidy([seen(0, box(100))]).columns
    assert "track" not in Face(box=box(1)).model_dump()
    assert Face(box=box(1), track=3).model_dump()["track"] == 3


def test_ages_and_analyses() -> None:
    """Ages get numbers too, and so do the faces of an analysis, whose other parts stay."""
    ages = Ages(ages=(FaceAge(box=box(100), low=30, high=40),))
    analysis = ImageAnalysis(faces=Faces(faces=(Face(box=box(100)),)))
    numbered = track([Outcome(0, "a.mp4#t=0.000", ages), Outcome(1, "a.mp4#t=1.000", analysis)])
    assert numbered[0].result[0].track == 1
    assert numbered[1].result.faces[0].track == 1
    assert tidy(numbered[:1])[0]["track"] == 1


class Later:
    """Outcomes that are awaited one by one, as those of an asynchronous batch are."""

    def __aiter__(self) -> Any:
        return self


def test_what_cannot_be_followed() -> None:
    """Photos are no frames, and a gap is a number of seconds."""
    with pytest.raises(InputError, match="none of these is a frame of a video"):
        track([Outcome(0, "photo.jpg", Faces())])
    with pytest.raises(InputError, match=r"still to come. Give \[outcome async for outcome in batch\]"):
        track(Later())  # type: ignore[arg-type]
    for gap in (math.nan, math.inf, -1, 10**400):
        with pytest.raises(SettingsError, match="gap="):
            track([seen(0, box(1))], gap=gap)


def moving(step: float, seed: int) -> tuple[list[Outcome[Any]], list[list[int]]]:
    """Return three faces that swing through a picture for a minute, at uneven times; one at times hides another."""
    luck, frames, who, time = random.Random(seed), [], [], 0.0  # noqa: S311
    while time < 60:
        shown = []
        for face, (side, period) in enumerate(((60, 11), (70, 13), (80, 17))):
            turn = 2 * math.pi * time
            x, y = 320 + 260 * math.sin(turn / period + 2.1 * face), 150 + 40 * math.sin(turn / 7 + 2.1 * face)
            place = box(x + luck.gauss(0, 2), y + 30 * (face - 1) + luck.gauss(0, 2), side * (1 + luck.gauss(0, 0.03)))
            shown.append((face, place))
        shown = [(face, at) for face, at in shown if all(f <= face or at.overlap(other) < 0.35 for f, other in shown)]
        frames.append(seen(time, *(at for _, at in shown), item=len(frames)))
        who.append([face for face, _ in shown])
        time += step * luck.uniform(0.5, 1.5)
    return frames, who


@pytest.mark.parametrize("step", [0.1, 0.2])
def test_how_often_numbers_are_mixed_up(step: float) -> None:
    """Of three faces that cross about forty times in a minute, numbers change at most twice."""
    frames, who = moving(step, seed=1)
    last: dict[int, int] = {}
    switches = 0
    for numbers, faces in zip(tracks(track(frames)), who, strict=True):
        for number, face in zip(numbers, faces, strict=True):
            switches += last.get(face, number) != number
            last[face] = number
    assert switches <= 2
