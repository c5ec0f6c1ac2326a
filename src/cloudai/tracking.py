"""Follow faces through the frames of a video: those of neighbouring frames get one number where they are one face.

Only where the boxes are decides, never what a face looks like: nobody is recognised, and one who leaves the picture and
comes back later is somebody new.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any, TypeVar

from cloudai.errors import InputError, SettingsError
from cloudai.media.video import fragment_of
from cloudai.models.base import Box, Result
from cloudai.models.face import Ages, Faces
from cloudai.models.image import ImageAnalysis
from cloudai.outcomes import Outcome
from cloudai.text import repeated

__all__ = ["followed", "track"]

R = TypeVar("R", bound=Result)

SHORTEST_GAP, STEPS = 1.5, 2.5
"""How long a face may be hidden: this many seconds, or this many times the time between two frames, if that is more."""
LONGEST_GAP = 1e12
"""The most seconds that ``gap=`` may name: more than any video has, and a number that can be computed with."""
REACH, WIDER = 1.5, 0.5
"""How far a face may be from where it is expected, in widths of the face: in the next frame, and how much farther for
each frame in which it was not seen."""
LARGER = math.log(2.0)
"""The logarithm of the factor by which a side of a face may grow or shrink between two sightings."""
SETTLES = 0.25
"""Seconds between two sightings after which the newest movement makes up half of the speed of a face.

Detectors place a box some pixels off in each frame, so that the speed is a mean and not the newest movement alone."""


def track(outcomes: Iterable[Outcome[R]], *, gap: float | None = None) -> list[Outcome[R]]:
    """Return outcomes of frames of a video whose faces have numbers: one for each face that is followed.

    A face gets the number of the face that was expected where it is, by overlap, centre, size and movement; one that
    was hidden for a short time keeps its number. Numbers begin at 1 in each video, in the order in which faces appear,
    the larger one first. Tables have them in the column ``track``. The same outcomes always get the same numbers.

    Args:
        outcomes: The outcomes of `detect_faces`, `estimate_age` or `analyze_image` for frames of one or several
            videos: a batch that was run, what `Client.map` returns, or a list.
        gap: The seconds for which a face may be hidden; by default one and a half, or two and a half times the time
            between two frames, whichever is longer.

    Returns:
        The outcomes in the order of their inputs. Those without faces are as they were.

    Raises:
        InputError: There are outcomes, and none of them is of a frame; or an `AsyncBatch` is given in place of its
            outcomes.
        SettingsError: ``gap`` is no number of seconds from 0.
    """
    if gap is not None and not (isinstance(gap, int | float) and 0 <= gap <= LONGEST_GAP):
        raise SettingsError(f"gap={repeated(gap)}", advice="Give seconds, or leave it out.")
    if hasattr(outcomes, "__aiter__"):
        raise InputError("these outcomes are still to come", advice="Give [outcome async for outcome in batch].")
    listed = sorted(outcomes, key=lambda outcome: outcome.item)
    groups: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for position, outcome in enumerate(listed):
        if at := fragment_of(outcome.input):
            groups.setdefault((at[0], outcome.operation), []).append((at[1], position))
    if listed and not groups:
        raise InputError("none of these is a frame of a video", advice="Make them by cloudai.frames(video, every=1).")
    for each in groups.values():
        each.sort()
        follower = _Follower(_step([time for time, _ in each]), gap)
        for time, position in each:
            boxes = _boxes(listed[position].result)
            if boxes:
                listed[position] = _numbered(listed[position], follower.numbers(time, boxes))
    return listed


def followed(outcomes: Iterable[Outcome[R]]) -> list[Outcome[R]]:
    """Return outcomes that were kept: those of frames of videos with the numbers of `track`, all others as they are."""
    listed = list(outcomes)
    is_of_frames = any(fragment_of(outcome.input) for outcome in listed)
    numbered = any(face.track is not None for outcome in listed for face in _faces(outcome.result) or ())
    return track(listed) if is_of_frames and not numbered else listed


def _step(times: Sequence[float]) -> float:
    """Return the median of the times between two frames, in seconds; 0 for fewer than two times.

    A frame may be there twice, and counts once.
    """
    return median([later - earlier for earlier, later in pairwise(sorted(set(times)))] or [0.0])


@dataclass
class _Followed:
    """A face that is followed: where it was seen last, and how fast it moves."""

    number: int
    box: Box
    time: float
    speed: tuple[float, float] = (0.0, 0.0)
    """Pixels a second, across and down."""

    def cost(self, time: float, box: Box, step: float) -> float | None:
        """Return how badly a box fits as this face at this time: 0 is best; None if it cannot be this face.

        Args:
            time: The time of the frame in seconds.
            box: The box of a face in the frame.
            step: The usual time between two frames, in seconds.
        """
        passed = time - self.time
        side = math.sqrt(max(self.box.area, 1e-9))
        # Half of the logarithm of an area is that of its side; an empty box has no logarithm, hence the smallest area.
        grown = abs(math.log(max(box.area, 1e-9) / max(self.box.area, 1e-9))) / 2
        across, down = self.speed[0] * passed, self.speed[1] * passed
        expected = self.box.model_copy(update={"x": self.box.x + across, "y": self.box.y + down})
        apart = math.dist(_centre(expected), _centre(box)) / side
        hidden = max(0.0, passed / step - 1) if step else 0.0
        if grown > LARGER or apart > REACH + WIDER * hidden:
            return None
        return apart + grown + 1 - expected.overlap(box)

    def see(self, time: float, box: Box) -> None:
        """Note where the face is now, and how fast it came there."""
        passed = time - self.time
        if passed > 0:  # two frames may have one time, and a speed is not computed of them
            (x, y), (was_x, was_y) = _centre(box), _centre(self.box)
            now = (x - was_x) / passed, (y - was_y) / passed
            # A face that was seen once has no speed yet, and takes its first movement as it is.
            share = passed / (passed + SETTLES) if any(self.speed) else 1.0
            across, down = (share * new + (1 - share) * old for new, old in zip(now, self.speed, strict=True))
            self.speed = across, down
        self.time, self.box = time, box


class _Follower:
    """Follows the faces of one video.

    Args:
        step: The usual time between two frames, in seconds.
        gap: The seconds for which a face may be hidden; None for the usual.
    """

    def __init__(self, step: float, gap: float | None) -> None:
        self._step = step
        self._gap = max(SHORTEST_GAP, STEPS * step) if gap is None else gap
        self._faces: list[_Followed] = []
        self._count = 0

    def numbers(self, time: float, boxes: Sequence[Box]) -> list[int]:
        """Return the number of each box of the next frame; a box that fits no face gets a new number.

        Frames must come in the order of time. Each face has at most one box.

        Args:
            time: The time of the frame in seconds.
            boxes: The boxes of the faces in the frame.
        """
        # A face that was seen in the frame before was hidden for no time at all, hence one step more than the gap.
        self._faces = [face for face in self._faces if time - face.time <= self._gap + self._step]
        pairs = [
            (cost, face.number, index, face)
            for face in self._faces
            for index, box in enumerate(boxes)
            if (cost := face.cost(time, box, self._step)) is not None
        ]
        numbers: dict[int, int] = {}
        # The pairs that fit best come first. At equal costs the numbers decide, so that the result is always the same.
        for _, number, index, face in sorted(pairs, key=lambda pair: pair[:3]):
            if index not in numbers and number not in numbers.values():
                numbers[index] = number
                face.see(time, boxes[index])
        for index in sorted(set(range(len(boxes))) - numbers.keys(), key=lambda index: -boxes[index].area):
            self._count += 1
            numbers[index] = self._count
            self._faces.append(_Followed(self._count, boxes[index], time))
        return [numbers[index] for index in range(len(boxes))]


def _centre(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def _faces(result: Any) -> Any:
    """Return the faces of a result, or their ages; None if it says nothing of faces."""
    part = result.faces if isinstance(result, ImageAnalysis) else result
    return part if isinstance(part, Faces | Ages) else None


def _boxes(result: Any) -> list[Box]:
    return [face.box for face in _faces(result) or ()]


def _numbered(outcome: Outcome[R], numbers: Sequence[int]) -> Outcome[R]:
    """Return an outcome whose faces have these numbers."""
    result: Any = outcome.result
    part = _faces(result)
    faces = tuple(face.model_copy(update={"track": number}) for face, number in zip(part, numbers, strict=True))
    numbered: Any = part._changed(**{"faces" if isinstance(part, Faces) else "ages": faces})  # noqa: SLF001
    if isinstance(result, ImageAnalysis):
        numbered = result._changed(faces=numbered)  # noqa: SLF001
    return replace(outcome, result=numbered)
