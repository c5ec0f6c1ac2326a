"""Measure recordings, and decode them to what every vendor reads, by PyAV (FFmpeg); extra ``audio``.

The demuxer is named for each format: FFmpeg would also recognise playlists, which name other files to be opened.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, BinaryIO, Literal, NamedTuple

__all__ = ["INSTALL", "Length", "Recorded", "can_decode", "decode", "is_cover", "measure", "reading_of"]

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

    Of several tracks, for example in several languages, it is the one that the file marks for players, else the first.

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

    A variable bit rate without a header, and a live recording of a browser, are measured right. Nothing is decoded.
    """
    import av

    try:
        with reading_of(data, format) as (file, stream):
            first = last = None
            for packet in file.demux(stream):
                if packet.pts is None or packet.time_base is None:
                    continue
                first = packet.pts if first is None else min(first, packet.pts)
                last = max(last or 0, packet.pts + (packet.duration or 0))
            if first is None or last is None or stream.time_base is None or not stream.codec_context.sample_rate:
                return None
            duration = float((last - first) * stream.time_base)
            layout, is_video = stream.codec_context.layout, any(not is_cover(each) for each in file.streams.video)
            return Length(duration, stream.codec_context.sample_rate, layout.nb_channels, is_video)
    except (av.error.FFmpegError, IndexError, ValueError):
        return None


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
    rate: int | None,
    max_seconds: float,
) -> bytes | None:
    """Return a recording as FLAC or WAV with 16 bits a sample; None if it is damaged, or longer than ``max_seconds``.

    Args:
        data: The recording.
        format: Its format, one of `DEMUXERS`.
        target: The format of what is returned.
        mono: Whether all channels are mixed into one.
        rate: The sample rate of what is returned; None keeps it.
        max_seconds: The length at which decoding stops, whatever the header says.
    """
    import av

    out = io.BytesIO()
    try:
        with (
            reading_of(data, format) as (source, stream),
            av.open(out, "w", format=target) as file,
        ):
            encoder = _encoder(file, stream, "flac" if target == "flac" else "pcm_s16le", rate, mono=mono)
            samples = 0
            for frame in source.decode(stream):
                samples += frame.samples
                if samples > (max_seconds + 1) * frame.sample_rate:
                    return None
                file.mux(encoder.encode(frame))
            file.mux(encoder.encode(None))
    except (av.error.FFmpegError, IndexError, ValueError):
        return None
    return out.getvalue() if samples else None


def _encoder(file: Any, stream: Any, codec: str, rate: int | None, *, mono: bool) -> Any:
    """Return the encoder of a file; it takes frames in any layout, and mixes and resamples them as it needs."""
    encoder = file.add_stream(codec, rate=rate or stream.codec_context.sample_rate)
    encoder.codec_context.format = "s16"
    encoder.codec_context.layout = "mono" if mono else stream.codec_context.layout.name
    return encoder
