"""Measure recordings, and decode them to what every vendor reads, by PyAV (FFmpeg); extra ``audio``.

The demuxer is named for each format: FFmpeg would also recognise playlists, which name other files to be opened.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from importlib.util import find_spec
from typing import Any, BinaryIO, Literal, NamedTuple

__all__ = [
    "INSTALL",
    "Length",
    "Recorded",
    "can_decode",
    "decode",
    "is_cover",
    "measure",
    "most_samples",
    "reading_of",
    "sound_of",
]

Recorded = bytes | Callable[[], BinaryIO]
"""A recording: its bytes, or a function that opens its file, which is then read piece by piece."""

DEMUXERS: Mapping[str, str] = {
    "wav": "wav",
    "rf64": "wav",
    "flac": "flac",
    "mp3": "mp3",
    "mp2": "mp3",
    "ogg-opus": "ogg",
    "ogg-vorbis": "ogg",
    "ogg": "ogg",
    "aiff": "aiff",
    "amr": "amr",
    "wma": "asf",
    "caf": "caf",
    "au": "au",
    "w64": "w64",
    "aac": "aac",
    "m4a": "mov",
    "webm-opus": "matroska",
    "webm-vorbis": "matroska",
    "matroska": "matroska",
    "avi": "avi",
    "flv": "flv",
    "mpegts": "mpegts",
}
"""FFmpeg's names of the formats."""
INSTALL = 'Install what reads it, pip install ".[audio]", or convert it, for example with ffmpeg.'
"""Advice for a recording that cannot be read without the extra."""


GAP = 0.1
"""Seconds by which a time stamp must be late, or early, to count: encoders round them."""
COUNTED = frozenset({"aac", "amr", "flac"})
"""FFmpeg's names of the formats that have no time stamps. FFmpeg makes them up, by the rate at the beginning."""
SECOND = 1.0
"""The seconds of silence that are made at once."""
MOST_BAD = 0.1
"""The part of the packets of a recording that may be damaged."""


class Length(NamedTuple):
    """How long a recording is, in seconds, its sample rate, its channels, and whether it has pictures too."""

    duration: float
    rate: int
    channels: int
    is_video: bool = False


def can_decode() -> bool:
    """Return whether PyAV is installed."""
    return find_spec("av") is not None


@contextmanager
def reading_of(data: Recorded, format: str) -> Iterator[tuple[Any, Any]]:  # noqa: A002  # the field's word
    """Open a recording for reading, and close it after the block; yield it, and the track that is to be heard.

    If there are several tracks, for example in several languages, it is the one that the file marks for players, else
    the first.

    Raises:
        av.error.FFmpegError: The recording is damaged.
        IndexError: It has no sound.
    """
    import av
    from av.stream import Disposition

    opened = io.BytesIO(data) if isinstance(data, bytes) else data()
    with opened, av.open(opened, "r", format=DEMUXERS[format]) as file:
        tracks = file.streams.audio
        yield file, next((track for track in tracks if track.disposition & Disposition.default), tracks[0])


def measure(data: Recorded, format: str) -> Length | None:  # noqa: A002  # the field's word
    """Return how long a recording is, by all its packets and not by its header; None if it is damaged.

    A variable bit rate without a header, a live recording of a browser, and files that were joined end to end are
    measured right. Nothing is decoded.
    """
    import av

    try:
        with reading_of(data, format) as (file, stream):
            clock, end, tick = _Clock(file), 0.0, float(stream.time_base or 0)
            for packet in file.demux(stream):
                if packet.pts is not None:
                    end = clock.at(packet.pts * tick, end, gap=0.0) + (packet.duration or 0) * tick
            if not end or not stream.codec_context.sample_rate:
                return None
            layout, is_video = stream.codec_context.layout, any(not is_cover(each) for each in file.streams.video)
            return Length(round(end, 6), stream.codec_context.sample_rate, layout.nb_channels, is_video)
    except (av.error.FFmpegError, IndexError, ValueError):
        return None


def most_samples(seconds: float, rate: int) -> float:
    """Return how many samples a recording of a length may have: time stamps fall short of the sound by a little."""
    return (seconds * 1.02 + 1) * rate


class _Clock:
    """The times of the packets or frames of a track, in seconds from the beginning of the file.

    Time stamps may begin at any number, also of a track that begins later than the pictures, and begin anew where two
    files were joined.
    """

    def __init__(self, file: Any) -> None:
        import av

        self._zero = 0.0 if file.start_time is None else file.start_time / av.time_base
        self._is_counted = file.format.name in COUNTED

    def at(self, stamp: float | None, expected: float, gap: float = GAP) -> float:
        """Return when a packet or a frame begins: when the one before it ends, or later where there is a gap.

        Args:
            stamp: Its time stamp in seconds, if it has one.
            expected: The end of the one before it.
            gap: The seconds by which it must be late to begin later. They are 0 where the lengths of packets are only
                stated, and not counted: some containers round them, or leave them out.
        """
        if self._is_counted or stamp is None:
            return expected
        late = stamp - self._zero - expected
        if late < -GAP:
            self._zero += late
        return expected + late if late > gap else expected


def sound_of(source: Any, stream: Any, *, layout: str, rate: int) -> Iterator[Any]:
    """Yield the frames of a track in one layout, with 16 bits and so many samples a second.

    Where the time stamps have a gap, because the recording was paused or the track begins after the pictures, there is
    silence, so that what follows keeps its time. A packet that cannot be decoded is passed over; the next one then
    follows after such a gap. The rate and the channels may change within the recording.

    Args:
        source: The file.
        stream: The track.
        layout: FFmpeg's name of the channels: "mono", "stereo".
        rate: The samples a second of the frames.

    Raises:
        av.error.FFmpegError: Too many packets are damaged.
    """
    import av

    def anew() -> Any:
        return av.AudioResampler(format="s16", layout=layout, rate=rate)

    clock, end, resampler = _Clock(source), 0.0, anew()
    for frame in _decoded(source, stream):
        begin = clock.at(frame.time, end)
        if begin > end:
            # The resampler keeps a few samples back, which belong before the silence. Once it has given them, it takes
            # no more frames.
            yield from resampler.resample(None)
            resampler = anew()
        while begin > end:
            n = min(SECOND, begin - end)
            yield _silence(layout, rate, max(1, round(n * rate)))
            end += n
        end += frame.samples / frame.sample_rate
        try:
            made = resampler.resample(frame)
        except ValueError:  # the frame has another rate, or other channels, than those before it
            yield from resampler.resample(None)
            resampler = anew()
            made = resampler.resample(frame)
        yield from made
    yield from resampler.resample(None)


def _decoded(source: Any, stream: Any) -> Iterator[Any]:
    """Yield the frames of a track, and pass over single packets that are damaged."""
    import av

    good = bad = 0
    for packet in source.demux(stream):
        try:
            frames = packet.decode()
            good += 1
        except av.error.InvalidDataError:
            bad += 1
            if bad > MOST_BAD * good + 1:
                raise
            continue
        yield from frames


def _silence(layout: str, rate: int, samples: int) -> Any:
    """Return a frame in which nothing is heard."""
    import av

    frame = av.AudioFrame(format="s16", layout=layout, samples=samples)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.sample_rate = rate
    return frame


def is_cover(stream: Any) -> bool:
    """Return whether a track of pictures is the cover of an album."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def decode(
    data: Recorded,
    format: str,  # noqa: A002  # the field's word
    target: Literal["flac", "wav"],
    *,
    mono: bool,
    rate: int,
    max_seconds: float,
) -> bytes | None:
    """Return a recording as FLAC or WAV with 16 bits a sample; None if it is damaged, or longer than ``max_seconds``.

    Args:
        data: The recording.
        format: Its format, one of `DEMUXERS`.
        target: The format of what is returned.
        mono: Whether all channels are mixed into one.
        rate: The sample rate of what is returned.
        max_seconds: The length at which decoding stops, whatever the header says.
    """
    import av

    out = io.BytesIO()
    samples = 0
    try:
        with (
            reading_of(data, format) as (source, stream),
            av.open(out, "w", format=target) as file,
        ):
            layout = "mono" if mono else stream.codec_context.layout.name
            encoder: Any = file.add_stream("flac" if target == "flac" else "pcm_s16le", rate=rate)
            encoder.codec_context.format, encoder.codec_context.layout = "s16", layout
            for frame in sound_of(source, stream, layout=layout, rate=rate):
                frame.pts, frame.time_base = samples, Fraction(1, rate)
                samples += frame.samples
                # A header may state a few seconds for a recording that unpacks to days.
                if samples > most_samples(max_seconds, rate):
                    return None
                file.mux(encoder.encode(frame))
            file.mux(encoder.encode(None))
    except (av.error.FFmpegError, IndexError, ValueError):
        return None
    return out.getvalue() if samples else None
