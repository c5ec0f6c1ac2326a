"""Read the pictures of a video one by one, each with its time, by PyAV (FFmpeg); extra ``video``."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudai.core.lazy import lazy
from cloudai.core.urls import shown
from cloudai.errors import InputError
from cloudai.media.given import short, understood
from cloudai.media.source import ADDRESS
from cloudai.media.video_files import opened_video

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["MICROSECONDS", "Film", "Shot"]

ROUNDING = Fraction(1, 1000)
"""Seconds by which the time of a frame may be rounded up: Matroska has whole milliseconds."""
CUT = 10
"""Percent of change, by FFmpeg's filter scdet, from which on a frame begins a scene; it is the filter's own value."""
SMALL = "160:90"
"""The size in px at which frames are compared, whatever their shape."""
MICROSECONDS = 1_000_000
log = logging.getLogger("cloudai")


@dataclass(frozen=True)
class Shot:
    """One decoded frame, which is turned upright and converted to RGB only if its picture is asked for."""

    frame: Any
    """The frame of PyAV."""
    time: Fraction
    """The time at which the frame begins to be shown, in seconds from the beginning of the video."""
    number: int
    """The number of the frame in the video, from 0."""
    aspect: Fraction = Fraction(1)
    """The width of a pixel over its height."""

    @property
    def lasts(self) -> Fraction:
        """The seconds for which it is shown, as far as the file says it; 0 where it does not."""
        return Fraction((self.frame.duration or 0) * self.frame.time_base)

    def picture(self) -> PIL.Image.Image:
        """Return the frame upright, in RGB and with square pixels."""
        picture: PIL.Image.Image = self.frame.to_image()
        if self.aspect != 1:
            picture = picture.resize((max(1, round(picture.width * self.aspect)), picture.height))
        turned = round(self.frame.rotation) % 360
        # FFmpeg states by how much the picture is to be turned against the clock, as Pillow turns it.
        return picture.rotate(turned, expand=True) if turned else picture

    @property
    def key(self) -> str:
        """The sha256 (hex) of the frame as it was decoded, which is the same on every computer.

        The conversion to RGB and to JPEG is not: it differs by the instructions of the processor.
        """
        frame = self.frame
        digest = sha256(f"{frame.format.name} {frame.width} {frame.height} {round(frame.rotation)}".encode())
        for number, plane in enumerate(frame.planes):
            parts = [part for part in frame.format.components if part.plane == number]
            width = min(plane.line_size, sum(part.width * -(-part.bits // 8) for part in parts) or plane.line_size)
            lines = memoryview(plane)
            for start in range(0, plane.line_size * plane.height, plane.line_size):
                digest.update(lines[start : start + width])  # what fills up a line is not part of the picture
        return digest.hexdigest()


class Film:
    """A video as the user gives it. It is opened anew whenever its frames are read, and closed after that.

    Args:
        given: A path, bytes, or a file open for reading bytes.
    """

    def __init__(self, given: Any) -> None:
        self._given = understood(given) if isinstance(given, str) else given
        if isinstance(self._given, str) and ADDRESS.match(self._given):
            raise InputError(f"{shown(self._given)} is an address", advice="Download the video, and give the file.")

    @property
    def is_file(self) -> bool:
        """True if a path was given."""
        return isinstance(self._given, str | os.PathLike)

    @lazy
    def name(self) -> str:
        """The path that was given, with ``/`` and composed letters; of bytes a name made of their digest."""
        path = getattr(self._given, "name", None) if hasattr(self._given, "read") else self._given
        if isinstance(path, str | os.PathLike):
            return unicodedata.normalize("NFC", Path(path).as_posix())
        if isinstance(path, bytes | bytearray | memoryview):
            return f"video-{sha256(path).hexdigest()[:8]}"
        return "video"

    def look(self) -> None:
        """Open the video, and check that it has pictures.

        Raises:
            InputError: It is no video, is damaged, or cannot be read.
            MissingExtraError: PyAV is not installed.
        """
        with opened_video(self._given, self.name):
            pass

    @lazy
    def begin(self) -> Fraction:
        """The time in the file's own count at which a player begins, in seconds: that of its first track.

        FFmpeg takes a guess at the order of the first frames, so that one of them may come before what it says.
        """
        with opened_video(self._given, self.name) as (file, stream):
            begin = _begin(file, stream)
            first = next(
                (frame for frame in _decoded(file, stream) if frame is not None and frame.pts is not None), None
            )
            return begin if first is None else min(begin, Fraction(first.pts * first.time_base))

    @lazy
    def end(self) -> Fraction:
        """The time at which the last frame ends, in seconds, by all packets and not by the header."""
        with opened_video(self._given, self.name) as (file, stream):
            last, begin = Fraction(0), self.begin
            for packet in file.demux(stream):
                if packet.pts is not None:
                    lasts = max((packet.duration or 0) * stream.time_base, ROUNDING)
                    last = max(last, packet.pts * stream.time_base + lasts - begin)
            return last

    def shots(self) -> Iterator[Shot]:
        """Yield every frame in the order in which they are shown; parts that are damaged are left out and told.

        Raises:
            InputError: No frame can be decoded.
        """
        with opened_video(self._given, self.name) as (file, stream):
            begin, aspect = self.begin, Fraction(stream.sample_aspect_ratio or 1)
            last, damaged = Fraction(-1), 0
            for number, frame in enumerate(_decoded(file, stream)):
                if frame is None or frame.is_corrupt:
                    damaged += 1
                    continue
                stamp = frame.dts if frame.pts is None else frame.pts  # AVI has no time of presentation
                step = 1 / Fraction(stream.average_rate or 25)
                time = last + step if stamp is None else Fraction(stamp * frame.time_base) - begin
                if time <= last:  # out of order
                    continue
                last = time
                yield Shot(frame, time, number, aspect)
            if last < 0:
                raise InputError(
                    f"no frame of {short(self.name)} can be decoded", advice="Download or export it again."
                )
            if damaged:
                log.warning("%s: %d damaged pieces of the video were left out", self.name, damaged)

    def shown_at(self, next_from: Callable[[Fraction], Fraction | None]) -> Iterator[Shot]:
        """Yield the frames that a player shows at chosen times; each frame comes once.

        The first frame also stands for the time before it.

        Args:
            next_from: Returns the first chosen time that is not before a time; None if there is none.
        """
        time, held = next_from(Fraction(0)), None
        for shot in self.shots():
            if time is None:
                return
            if held is not None and time + ROUNDING < shot.time:
                yield held
                time = next_from(shot.time - ROUNDING)
            held = shot
        if held is not None and time is not None and time < held.time + max(held.lasts, ROUNDING):
            yield held

    def scenes(self) -> Iterator[Shot]:
        """Yield the first frame of each scene; where the size or the format of the frames changes, a scene begins."""
        cuts: Any = None
        kind: Any = None
        for shot in self.shots():
            if kind != (kind := (shot.frame.width, shot.frame.height, shot.frame.format.name)):
                cuts = _cuts_of(shot.frame)
                next(cuts)
                cuts.send(shot.frame)
                yield shot
            elif cuts.send(shot.frame):
                yield shot


def _begin(file: Any, stream: Any) -> Fraction:
    """Return the time in the file's own count at which it begins, in seconds, as FFmpeg says it."""
    own = None if stream.start_time is None else stream.start_time * stream.time_base
    whole = None if file.start_time is None else Fraction(file.start_time, MICROSECONDS)
    if own is None or whole is None:
        return own or whole or Fraction(0)
    return own if abs(own - whole) < ROUNDING else whole  # the whole file's is rounded to microseconds


def _decoded(file: Any, stream: Any) -> Iterator[Any]:
    """Yield every frame, and None for a piece that cannot be decoded."""
    import av

    packets = file.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            yield None  # nothing is read behind the place where the file is cut off
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            yield None


def _cuts_of(first: Any) -> Any:
    """Return a generator that is sent every frame, and yields whether it begins a scene, by FFmpeg's filter scdet."""
    import av

    graph = av.filter.Graph()
    steps = [
        graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base),
        graph.add("scale", SMALL),
        graph.add("format", "gbrp"),  # in other formats the filter compares the brightness alone
        # With ``sc_pass`` the filter lets only those frames through that begin a scene, so pulling one tells it.
        graph.add("scdet", f"threshold={CUT}:sc_pass=1"),
        graph.add("buffersink"),
    ]
    for one, other in pairwise(steps):
        one.link_to(other)
    graph.configure()
    begins = False
    while True:
        frame = yield begins
        graph.push(frame)
        try:
            graph.pull()
            begins = True
        except (BlockingIOError, EOFError):
            begins = False
