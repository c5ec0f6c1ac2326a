"""Take frames out of videos as pictures, each with its time, and hold no more of a video than one frame.

`frames` is the door; how a video is read is in `cloudai.media.film`.
"""

from __future__ import annotations

import io
import math
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from numbers import Integral, Real
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from cloudai.errors import InputError, SettingsError
from cloudai.media.film import Film, Shot
from cloudai.media.given import short
from cloudai.media.image import Image
from cloudai.media.source import FileInput
from cloudai.text import repeated

__all__ = ["Frame", "Frames", "Reel", "VideoInput", "fragment_of", "frames", "seconds_of", "told_apart"]

VideoInput: TypeAlias = FileInput

QUALITY = 92
"""Quality of the JPEG that a frame is held as, in a tenth of the memory that its pixels take."""
FINEST = 0.000001
"""The least number of seconds between two frames, and of frames a second."""
CHOICES = ("every", "fps", "count", "at", "scenes")
CLOCK = re.compile(r"(?:(?:(\d{1,9}):)?(\d{1,9}):)?(\d{1,12}(?:\.\d{1,99})?)\s*(s|ms|min)?", re.IGNORECASE)
"""A time as people write it: 12.5, 0.5s, 500ms, 2min, 1:02, 1:02:03.5."""
LONGEST = 10**15
"""The most seconds that are read: more than any video has, and a number that can be computed with."""
NEAR = 0.0006
"""Seconds by which the time in the name of a frame may be rounded."""
FRAGMENT = re.compile(r"(.*)#t=(\d+\.\d{3})", re.DOTALL)
"""The name of a frame: a media fragment, https://www.w3.org/TR/media-frags/#naming-time."""


class Frame(Image):
    """One frame of a video, upright, as a picture that every operation on pictures takes.

    Its name is that of the video with the time in seconds, "연설.mp4#t=12.500". Its key is the digest of the decoded
    frame, so that the same frame is paid for once, on whichever computer it was decoded.

    Args:
        shot: The decoded frame.
        video: The path or the name of the video.
        is_file: Whether that is a path.
        shown: The name of the video in tables; by default that of its file.
    """

    def __init__(self, shot: Shot, video: str, *, is_file: bool = True, shown: str = "") -> None:
        out = io.BytesIO()
        shot.picture().save(out, "JPEG", quality=QUALITY)
        self.video = shown or PurePosixPath(video).name
        """The name of the video's file, with its folders as far as they tell it from another one of the same name."""
        self.time_s = round(float(shot.time), 6)
        """The time at which the frame begins to be shown, in seconds from the beginning of the video."""
        self.number = shot.number
        """The number of the frame in the video, from 0."""
        self.fragment = f"{video}#t={self.time_s:.3f}"
        """The path of the video and the time: the name of the frame in a batch."""
        self.is_file = is_file
        super().__init__(out.getvalue(), name=f"{PurePosixPath(video).name}#t={self.time_s:.3f}")
        # The key of the decoded frame takes the place of that of the JPEG, which differs from one processor to another.
        self.key = shot.key

    @property
    def row(self) -> dict[str, Any]:
        """The columns that tables have of a frame: ``video``, ``time_s`` and ``frame``."""
        return {"video": self.video, "time_s": self.time_s, "frame": self.number}

    def __repr__(self) -> str:
        return f"Frame({self.name!r})"


class Frames:
    """The frames of one or several videos that `frames` has chosen; each iteration reads the videos anew."""

    def __init__(self, films: Sequence[Film], **chosen: Any) -> None:
        self._films, self._chosen = films, chosen

    def __iter__(self) -> Iterator[Frame]:
        shown = told_apart({film.name for film in self._films})
        for film in self._films:
            for shot in _chosen(film, **self._chosen):
                yield Frame(shot, film.name, is_file=film.is_file, shown=shown[film.name])

    def __repr__(self) -> str:
        names = ", ".join(film.name for film in self._films)
        return f"frames({names}, {', '.join(f'{name}={value!r}' for name, value in self._chosen.items())})"


def told_apart(paths: Iterable[str]) -> dict[str, str]:
    """Return for each path its shortest end that no other path has: as a rule the name of the file."""
    parts = {path: PurePosixPath(path).parts for path in paths}

    def end(path: str) -> str:
        ends = (parts[path][-n:] for n in range(1, len(parts[path])))
        free = (end for end in ends if not any(end == o[-len(end) :] for other, o in parts.items() if other != path))
        return "/".join(next(free, ())) or path

    return {path: end(path) for path in parts}


def frames(
    video: VideoInput | Sequence[VideoInput],
    *,
    every: float | str | None = None,
    fps: float | None = None,
    count: int | None = None,
    at: float | str | Iterable[float | str] | None = None,
    scenes: bool = False,
) -> Frames:
    """Return chosen frames of a video as pictures, which are decoded one by one as they are asked for.

    The frames are inputs of every operation on pictures: of a call, and of a batch in both clients, where each has its
    own entry in the journal and is never paid for twice. Tables have the columns ``video``, ``time_s`` and ``frame``.
    Times are those of the file, also where the rate varies, and count from its beginning, as a player shows them. The
    frame for a time is the one that a player shows then; each frame comes once, and a still stretch is one frame.
    Frames are turned as the phone was held.

    Args:
        video: A path, bytes, or a file open for reading bytes; or a list of several videos. Exactly one of the
            following says which frames are taken.
        every: Seconds between two frames; also "0.5s" or "1:30".
        fps: Frames a second; one that is higher than the video's takes every frame.
        count: The number of frames of each video, one from the middle of as many equal parts.
        at: One time or several: seconds from the beginning, or "1:02.5".
        scenes: Whether the first frame of each scene is taken: those before which the whole picture changes.

    Returns:
        An iterable of `Frame`, which can be gone over any number of times, so that a plan can be made before the run.

    Raises:
        InputError: It is no video (a still picture, a recording without pictures, another file), it is damaged, there
            is no such file, or a time is outside the video.
        SettingsError: None or several of the choices were made, or a value is not in its range.
        MissingExtraError: PyAV is not installed.

    Example:
        >>> frames("연설.mp4", every=1, fps=2)
        Traceback (most recent call last):
            ...
        cloudai.errors.SettingsError: every= and fps= each say which frames are taken. Give one of them.
    """
    values = (every, fps, count, at, scenes or None)
    given = {name: value for name, value in zip(CHOICES, values, strict=True) if value is not None}
    if len(given) > 1:
        named = " and ".join(f"{name}=" for name in given)
        raise SettingsError(f"{named} each say which frames are taken", advice="Give one of them.")
    if not given:
        raise SettingsError(
            "which frames of the video?",
            advice="Give every= (seconds), fps=, count=, at= or scenes=True: each frame is a call.",
        )
    chosen = _checked(**given)
    is_one = isinstance(video, str | bytes | bytearray | memoryview | os.PathLike) or hasattr(video, "read")
    films = [Film(each) for each in ([video] if is_one or not isinstance(video, Sequence) else video)]
    if not films:
        raise InputError("there is no video in the list", advice="Give at least one.")
    for film in films:  # before anything is paid for
        film.look()
        _require_inside(film, chosen.get("at", ()))
    return Frames(films, **chosen)


def _checked(**given: Any) -> dict[str, Any]:
    """Return the choice with its times as fractions of seconds.

    Raises:
        SettingsError: The value is not in its range.
    """
    ((name, value),) = given.items()
    if name == "at":
        times = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        wanted = sorted({seconds_of(time, "at") for time in times})
        if not wanted:
            raise SettingsError("at=[] names no time", advice="Give at least one.")
        return {"at": wanted}
    if name in ("every", "fps"):
        number = seconds_of(value, name)
        if number <= 0:
            raise SettingsError(f"{name}={repeated(value)}", advice=f"Give a number from {FINEST}.")
        return {"every": number if name == "every" else 1 / number}
    if name == "count":
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise SettingsError(f"count={repeated(value)}", advice="Give a whole number from 1.")
        return {"count": int(value)}
    return dict(given)


def seconds_of(given: float | str, name: str = "at") -> Fraction:
    """Return the seconds that a number or a text such as "0.5s", "1:02" or "1:02:03.5" stands for.

    Raises:
        SettingsError: It is no number of seconds from 0 that a video may have, and no such text.
    """
    if isinstance(given, str) and (read := CLOCK.fullmatch(given.strip())):
        hours, minutes, seconds, unit = read.groups()
        scale = {"ms": Fraction(1, 1000), "min": Fraction(60)}.get((unit or "s").lower(), Fraction(1))
        return (int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)) * scale
    if isinstance(given, Real) and not isinstance(given, bool) and 0 <= given <= LONGEST:
        # A float means the fraction that it was written as, and not the number nearest to it: 0.3 s is 3/10.
        exact = given if isinstance(given, int | float | Fraction) else float(given)
        return Fraction(exact).limit_denominator(1_000_000)
    raise SettingsError(f"{name}={repeated(given)}", advice='Give seconds, or a text such as "0.5s" or "1:02".')


def _require_inside(film: Film, times: Sequence[Fraction]) -> None:
    """Raise InputError if one of the times is after the end of the video."""
    if times and times[-1] >= film.end:
        raise InputError(
            f"{float(times[-1]):g} s is outside {short(film.name)}", advice=f"It is {float(film.end):.1f} s long."
        )


def _chosen(film: Film, **chosen: Any) -> Iterator[Shot]:
    ((name, value),) = chosen.items()
    match name:
        case "scenes":
            return film.scenes()
        case "every":
            return film.shown_at(_evenly(Fraction(0), value))
        case "count":
            step = film.end / value
            return film.shown_at(_evenly(step / 2, step, value))
        case _:
            return film.shown_at(_listed(value))


def _evenly(first: Fraction, step: Fraction, count: float = math.inf) -> Callable[[Fraction], Fraction | None]:
    """Return a function that returns the first one of so many even times that is not before a time; None after them.

    However close the times are, none is gone through that no frame is shown at.
    """

    def next_from(time: Fraction) -> Fraction | None:
        n = max(0, math.ceil((time - first) / step))
        return first + n * step if n < count else None

    return next_from


def _listed(times: Sequence[Fraction]) -> Callable[[Fraction], Fraction | None]:
    """Return such a function for times that ascend."""

    def next_from(time: Fraction) -> Fraction | None:
        n = bisect_left(times, time)
        return times[n] if n < len(times) else None

    return next_from


class Reel:
    """Gives the frames of one video by their times; as long as the times ascend, the video is decoded once.

    Args:
        video: The video.
    """

    def __init__(self, video: VideoInput) -> None:
        self._film = Film(video)
        self._shots: Iterator[Shot] = iter(())
        self._last = math.inf

    def frame(self, seconds: float) -> Frame | None:
        """Return the frame that begins to be shown at this time; None if there is none.

        Raises:
            InputError: The video cannot be read.
        """
        if seconds <= self._last:
            self._shots = self._film.shots()
        self._last = seconds
        for shot in self._shots:
            if shot.time > seconds - NEAR:
                if shot.time < seconds + NEAR:
                    return Frame(shot, self._film.name, is_file=self._film.is_file)
                break
        self._last = math.inf  # what was read past the time is not lost: the next search begins anew
        return None


def fragment_of(name: str) -> tuple[str, float] | None:
    """Return the video and the seconds that the name of a frame is made of; None for any other name."""
    read = FRAGMENT.fullmatch(name)
    return (read[1], float(read[2])) if read else None
