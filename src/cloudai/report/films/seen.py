"""The faces in each frame of a video that was looked at, and where they were between two frames."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cloudai.errors import InputError
from cloudai.media.video import fragment_of
from cloudai.models.base import Box
from cloudai.models.face import Face, Faces
from cloudai.outcomes import Outcome
from cloudai.report.facts import part_of
from cloudai.report.photos import Photos
from cloudai.report.subjects import Source, Subject, reading
from cloudai.tracking import track

__all__ = ["Look", "Seen", "no_frames", "only", "require_other", "seen_in"]


@dataclass(frozen=True)
class Look:
    """The faces in one frame, and its time."""

    time: float
    faces: tuple[Face, ...]
    subject: Subject

    def of(self, number: int | None) -> Face | None:
        """Return the face that is followed under a number."""
        return next((face for face in self.faces if face.track == number), None)


@dataclass(frozen=True)
class Seen:
    """The frames of one video that were looked at, by time."""

    address: str
    """The path of the video, as it was given."""
    looks: tuple[Look, ...]

    @property
    def step(self) -> float:
        """The longest time between two neighbouring frames that were looked at, in seconds."""
        times = [look.time for look in self.looks]
        return max((later - earlier for earlier, later in pairwise(times)), default=1.0)

    @property
    def has_emotions(self) -> bool:
        """True if something is known of the expression of any face."""
        return any(face.emotions is not None and face.emotions.scores() for look in self.looks for face in look.faces)

    def at(self, time: float) -> tuple[Face, ...]:
        """Return the faces at any time: those of the nearest frame, where they are on their way to the next one."""
        n = bisect_right([look.time for look in self.looks], time)
        before = self.looks[n - 1] if n else None
        after = self.looks[n] if n < len(self.looks) else None
        if before is None or after is None:
            look = before or after
            # Before the first frame and after the last one, the faces stay for no longer than the longest time between
            # two frames.
            return look.faces if look is not None and abs(look.time - time) <= self.step else ()
        share = (time - before.time) / (after.time - before.time)
        # The place moves evenly, and what is said of the face is that of the nearest frame: nobody has looked in
        # between.
        nearest, other = (before, after) if share < 0.5 else (after, before)  # noqa: PLR2004
        return tuple(_between(face, other.of(face.track), share, first=nearest is before) for face in nearest.faces)


def _between(face: Face, other: Face | None, share: float, *, first: bool) -> Face:
    """Return a face where it is on its way to the other frame; where it is not seen there, it stays."""
    if other is None or face.track is None:
        return face
    one, two = (face.box, other.box) if first else (other.box, face.box)
    sides = ("x", "y", "width", "height")
    moved = {side: (1 - share) * getattr(one, side) + share * getattr(two, side) for side in sides}
    return face.model_copy(update={"box": Box(**moved, image_size=face.box.image_size)})


def seen_in(rows: Source, photos: str | os.PathLike[str] | None = None) -> tuple[list[Seen], Photos]:
    """Return what was seen in each video, with its faces followed, and where the frames are to be found.

    Args:
        rows: A batch, outcomes, what `cloudai.track` returns, or the path of a journal or of a file of results.
        photos: A folder below which the videos are looked for.

    Raises:
        InputError: None of the rows is about a frame of a video, or nothing is known of faces.
    """
    read = reading(rows)
    videos: dict[str, dict[float, Look]] = {}
    for subject in read.subjects:
        if at := fragment_of(subject.address):
            faces = part_of(subject, Faces)
            looks = videos.setdefault(at[0], {})
            if faces or at[1] not in looks:  # a frame that was looked at twice is one, and a failure says nothing
                looks[at[1]] = Look(at[1], faces.faces if faces else (), subject)
    if not videos:
        raise no_frames()
    if not any(part_of(look.subject, Faces) for looks in videos.values() for look in looks.values()):
        raise InputError("nothing is known of the faces in these frames", advice="Ask for detect_faces.")
    # Journals keep outcomes as they come back from the provider, in any order of time.
    seen = [Seen(address, _followed([looks[time] for time in sorted(looks)])) for address, looks in videos.items()]
    return seen, Photos(read.folders, photos)


def _followed(looks: Sequence[Look]) -> tuple[Look, ...]:
    """Return the looks with a number for each face, unless they were followed before."""
    # The user may have followed the faces already, with other options of `cloudai.track`.
    if any(face.track is not None for look in looks for face in look.faces):
        return tuple(looks)
    outcomes = [Outcome(n, look.subject.address, Faces(faces=look.faces)) for n, look in enumerate(looks)]
    return tuple(
        Look(look.time, outcome.result.faces, look.subject)
        for look, outcome in zip(looks, track(outcomes), strict=True)
        if outcome.result is not None
    )


def only(seen: Sequence[Seen]) -> Seen:
    """Return the only video.

    Raises:
        InputError: There are several.
    """
    if len(seen) > 1:
        names = ", ".join(Path(each.address).name for each in seen)
        raise InputError(f"these are frames of {len(seen)} videos: {names}", advice="Give those of one.")
    return seen[0]


def require_other(path: str | os.PathLike[str], seen: Sequence[Seen], where: Photos) -> None:
    """Raise InputError if a file that is to be written is one of the videos."""
    target = Path(path).resolve()
    for each in seen:
        video = where.video_of(each.address)
        if video is not None and video.resolve() == target:
            raise InputError(f"{path} is the video itself", advice="Give another file.")


def no_frames() -> InputError:
    """Return the error that there are no frames of videos."""
    return InputError("none of these is a frame of a video", advice="Make them by cloudai.frames(video, every=1).")
