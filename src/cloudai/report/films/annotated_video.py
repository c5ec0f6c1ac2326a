"""Write a video again with boxes and bars drawn over it, with its sound."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from cloudai.errors import InputError
from cloudai.media.decoding import sound_of
from cloudai.media.film import MICROSECONDS, Film
from cloudai.media.given import short
from cloudai.media.video_files import opened_video
from cloudai.report.films.annotated import Annotator
from cloudai.report.films.seen import Seen, only, require_other, seen_in
from cloudai.report.fonts import Font
from cloudai.report.photos import Photos
from cloudai.report.plots.chart import clock
from cloudai.report.subjects import Source
from cloudai.report.words import Language
from cloudai.report.writing import written_whole

__all__ = ["ENDINGS_OF_VIDEOS", "save_video", "video_of"]

ENDINGS_OF_VIDEOS = (".mp4",)

TICK = Fraction(1, 90_000)
"""The unit in which the times of frames are written: that of MPEG, in which all usual rates are whole numbers."""
BT709 = 1
"""The number in ITU-T H.273 of the colours of HD television; as a range, 1 is that of television."""
RATE = 48_000
"""Samples a second of sound that is encoded anew."""
log = logging.getLogger("cloudai")


def save_video(
    rows: Source,
    path: str | os.PathLike[str],
    *,
    photos: str | os.PathLike[str] | None = None,
    bars: bool = True,
    language: Language = "en",
    font: Font = None,
) -> Path:
    """Write the video again as an MP4 with boxes over its faces and bars of their expressions, and return its path.

    The video keeps its times and its sound. Each face has the colour of its number. Between two frames that were looked
    at a box moves evenly from one place to the other; the bars show what was said of the nearest of both frames. A
    likelihood is drawn as blocks, one for each step. Where nothing is known of expressions, there are no bars.

    Args:
        rows: A batch over the frames of one video, its outcomes, what `cloudai.track` returns, or the path of a journal
            or of a file of results. Faces that are not followed yet are followed.
        path: The file to write, for example ``speech.mp4``.
        photos: A folder below which the video is looked for, if it was moved.
        bars: Whether there are bars.
        language: The language of the names of emotions.
        font: Path of a font file; see `find_font`.

    Raises:
        InputError: The rows are not about frames of one video, the video cannot be found or read or is another one, or
            the file to write does not end with ".mp4".
        OutputError: The file cannot be written. One that was there before stays.
        MissingExtraError: PyAV is not installed.
        MissingFontError: No font has all characters.
    """
    everything, where = seen_in(rows, photos)
    seen = only(everything)
    target = Path(path)
    if target.suffix.lower() not in ENDINGS_OF_VIDEOS:
        raise InputError(f"{target.name} is no MP4", advice="Give a name that ends with .mp4.")
    source = video_of(seen, where)
    # The video is read while the new one is written, so it must not be the same file.
    require_other(target, everything, where)
    annotator = Annotator(seen, bars=bars, language=language, font=font)
    with written_whole(target) as part:
        _write(source, part, seen, annotator)
    return target


def video_of(seen: Seen, where: Photos) -> Path:
    """Return the path of a video that frames were taken of.

    Raises:
        InputError: It cannot be found.
    """
    video = where.video_of(seen.address)
    if video is None:
        raise InputError(
            f"the video {seen.address} cannot be found", advice="Say with photos= below which folder it is."
        )
    return video


def _write(source: Path, target: Path, seen: Seen, annotator: Annotator) -> None:
    """Decode a video frame by frame, draw over each, and write it with the sound.

    Raises:
        InputError: A frame is not the one that was looked at.
    """
    # Times are compared in milliseconds, as they stand in the names of frames.
    digests = {f"{look.time:.3f}": look.subject.digest for look in seen.looks}
    with opened_video(source, source.name) as (sounding, _):
        import av
        from av.codec.context import Flags

        # The index comes first in the file, so that a browser plays it while it loads.
        options = {"movflags": "+faststart"}
        with av.open(str(target), "w", format="mp4", options=options) as file:
            # Frames that need later ones would come out of order, and the file would state too short a time.
            stream: Any = file.add_stream("libx264", rate=30, options={"crf": "20", "preset": "veryfast", "bf": "0"})
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = TICK
            stream.codec_context.flags |= Flags.frame_duration
            for quantity in ("colorspace", "color_primaries", "color_trc", "color_range"):
                setattr(stream.codec_context, quantity, BT709)  # browsers take a guess where one of them is not stated
            video = Film(source)
            sound = _Sound(sounding, file, source.name, video.begin)
            for shot in video.shots():
                time = float(shot.time)
                # Boxes over another video would be wrong, and look right.
                if digests.get(f"{time:.3f}") not in (None, shot.key):
                    raise InputError(
                        f"{short(source.name)} is not the video that was looked at: it is another one at {clock(time)}",
                        advice="Say with photos= below which folder that one is.",
                    )
                picture = _even(annotator.drawn(shot.picture(), time))
                # The size is known with the first picture, because the panel makes it wider.
                if not stream.codec_context.is_open:
                    stream.width, stream.height = picture.size
                frame: Any = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
                frame = frame.reformat(format="yuv420p", dst_colorspace=BT709)
                frame.pts, frame.duration, frame.time_base = round(shot.time / TICK), round(shot.lasts / TICK), TICK
                file.mux(stream.encode(frame))
                # Sound and pictures are written by turns, as players read them.
                sound.write_until(shot.time)
            file.mux(stream.encode())
            sound.write_until(math.inf)


def _even(picture: Image.Image) -> Image.Image:
    """Return a picture without its last column or row where their number is odd: H.264 has even sides only."""
    width, height = (max(2, side - side % 2) for side in picture.size)
    return picture if picture.size == (width, height) else picture.crop((0, 0, width, height))


class _Sound:
    """Writes the sound of one file to another, as far as the pictures are: AAC as it is, any other sound as AAC.

    Args:
        source: The file that is read.
        target: The MP4 that is written.
        name: The name of the file, for warnings.
        begin: When the file begins in its own count, in seconds.
    """

    def __init__(self, source: Any, target: Any, name: str, begin: Fraction) -> None:
        self._source, self._target, self._name, self._begin = source, target, name, begin
        track = next((track for track in source.streams.audio if track.codec_context is not None), None)
        self._packets: Iterator[Any] = iter(())
        # AAC is copied as it is, because encoding it again would make it worse.
        if track is not None and track.codec_context.name == "aac":
            self._packets = self._copied(track, target.add_stream_from_template(track))
        elif track is not None:
            self._packets = self._encoded(track, target.add_stream("aac", rate=RATE))

    def write_until(self, time: Fraction | float) -> None:
        """Write the sound up to a time in seconds."""
        for packet in self._packets:
            self._target.mux(packet)
            if packet.pts * packet.time_base > time:
                return

    def _copied(self, track: Any, stream: Any) -> Iterator[Any]:
        last = -math.inf
        for packet in self._warned(self._source.demux(track)):
            # The container refuses packets whose times do not ascend, which damaged files have.
            if packet.pts is None or packet.dts is None or packet.dts <= last:
                continue
            last, shift = packet.dts, round(self._begin / packet.time_base)
            packet.stream, packet.pts, packet.dts = stream, packet.pts - shift, packet.dts - shift
            yield packet

    def _encoded(self, track: Any, stream: Any) -> Iterator[Any]:
        counted = Fraction(self._source.start_time or 0, MICROSECONDS)  # from where `sound_of` counts
        samples = max(0, round((counted - self._begin) * RATE))
        for frame in self._warned(sound_of(self._source, track, layout="stereo", rate=RATE)):
            frame.pts, frame.time_base = samples, Fraction(1, RATE)
            samples += frame.samples
            yield from stream.encode(frame)
        yield from stream.encode(None)

    def _warned(self, pieces: Iterator[Any]) -> Iterator[Any]:
        """Yield pieces of the sound up to the place where it cannot be read any more, which is told."""
        import av

        try:
            yield from pieces
        except av.error.FFmpegError:
            log.warning("%s: the sound is damaged, and the rest of it was left out", self._name)
