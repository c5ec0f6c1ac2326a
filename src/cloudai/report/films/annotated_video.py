"""Write a video again with boxes and bars drawn over it, with its sound."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from cloudai.errors import InputError
from cloudai.media.film import Film
from cloudai.media.video_files import opened_video
from cloudai.report.films.annotated import Annotator
from cloudai.report.films.seen import Seen, only, seen_in
from cloudai.report.fonts import Font
from cloudai.report.photos import Photos
from cloudai.report.subjects import Source
from cloudai.report.words import Language
from cloudai.report.writing import written_whole

__all__ = ["save_video", "video_of"]

TICK = Fraction(1, 90_000)
"""The unit in which the times of frames are written: that of MPEG, in which all usual rates are whole numbers."""
COPIED = ("aac", "mp3")
"""Codecs of sound that an MP4 takes as they are; other sound is encoded anew as AAC."""


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
        InputError: The rows are not about frames of one video, or the video cannot be found or read.
        MissingExtraError: PyAV is not installed.
        MissingFontError: No font has all characters.
    """
    everything, where = seen_in(rows, photos)
    seen = only(everything)
    source, target = video_of(seen, where), Path(path)
    if source.resolve() == target.resolve():
        raise InputError(f"{target} is the video itself", advice="Give another file.")
    annotator = Annotator(seen, bars=bars, language=language, font=font)
    with written_whole(target) as part:
        _write(source, part, annotator)
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


def _write(source: Path, target: Path, annotator: Annotator) -> None:
    """Decode a video frame by frame, draw over each, and write it with the sound."""
    with opened_video(source, source.name) as (sounding, _):
        import av

        options = {"movflags": "+faststart"}
        with av.open(str(target), "w", format="mp4", options=options) as file:
            stream: Any = file.add_stream("libx264", rate=30, options={"crf": "20", "preset": "veryfast"})
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = TICK
            sound = _Sound(sounding, file)
            for shot in Film(source).shots():
                picture = _even(annotator.drawn(shot.picture(), float(shot.time)))
                if not stream.codec_context.is_open:
                    stream.width, stream.height = picture.size
                frame: Any = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
                frame.pts, frame.time_base = round(shot.time / TICK), TICK
                file.mux(stream.encode(frame))
                sound.write_until(shot.time)
            file.mux(stream.encode())
            sound.write_until(None)


def _even(picture: Image.Image) -> Image.Image:
    """Return a picture without its last column or row where their number is odd: H.264 has even sides only."""
    width, height = (side - side % 2 for side in picture.size)
    return picture if picture.size == (width, height) else picture.crop((0, 0, width, height))


class _Sound:
    """Copies the sound of one file to another, as far as the pictures are.

    Args:
        source: The file that is read.
        target: The MP4 that is written.
    """

    def __init__(self, source: Any, target: Any) -> None:
        self._target = target
        self._stream: Any = None
        tracks = source.streams.audio
        self._begin = Fraction(source.start_time or 0, 1_000_000)
        if tracks and tracks[0].codec_context is not None:
            self._track = tracks[0]
            self._is_copied = self._track.codec_context.name in COPIED
            self._stream = (
                target.add_stream_from_template(self._track)
                if self._is_copied
                else target.add_stream("aac", rate=self._track.codec_context.sample_rate)
            )
            self._packets: Iterator[Any] = source.demux(self._track)

    def write_until(self, time: Fraction | None) -> None:
        """Write the sound up to a time in seconds; None writes all that is left."""
        if self._stream is None:
            return
        for packet in self._packets:
            if packet.dts is None and self._is_copied:
                continue
            self._write(packet)
            if time is not None and packet.pts is not None and packet.pts * packet.time_base - self._begin > time:
                return
        if time is None and not self._is_copied:
            self._target.mux(self._stream.encode(None))

    def _write(self, packet: Any) -> None:
        if not self._is_copied:
            for frame in packet.decode():
                frame.pts = None
                self._target.mux(self._stream.encode(frame))
            return
        shift = round(self._begin / packet.time_base)
        packet.stream, packet.pts, packet.dts = self._stream, packet.pts - shift, packet.dts - shift
        self._target.mux(packet)
