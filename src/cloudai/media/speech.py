"""Put spoken audio together: join the parts of a long text without clicks, and measure and convert what was made."""

from __future__ import annotations

import io
import struct
from array import array
from collections.abc import Sequence
from typing import Any

from cloudai.errors import MalformedResponseError, MissingExtraError
from cloudai.media.containers import container_of, past_tags
from cloudai.media.decoding import can_decode, measure
from cloudai.media.wav import Wav, read_wav

__all__ = ["Heard", "converted", "heard", "joined"]

FADE = 0.003
"""Seconds over which a part begins and ends softly: two parts that do not meet at zero would click."""
SIXTEEN = 16
"""Bits of the samples that can be faded; those that all vendors and programs give."""
CODECS = {"mp3": ("mp3", "libmp3lame", "s16p"), "ogg": ("ogg", "libopus", "s16")}
"""FFmpeg's names of a container, of the encoder for it, and of the samples that the encoder takes."""
OPUS_RATE = 48_000
"""Samples a second of Opus, whatever was spoken."""
PLAIN = 16
"""Bytes of the chunk "fmt " of plain PCM."""


class Heard:
    """Spoken audio with its length in seconds and its samples a second; None where these cannot be told here."""

    def __init__(self, audio: bytes, duration: float | None, rate: int | None) -> None:
        self.audio = audio
        self.duration = duration
        self.rate = rate


def heard(audio: bytes, format: str) -> Heard:  # noqa: A002  # the field's word
    """Return the audio of a reply, measured; a WAV gets a header that states its true length.

    Args:
        audio: The bytes of the reply.
        format: The format that was asked for: "wav", "mp3" or "ogg".

    Raises:
        MalformedResponseError: The bytes are not of this format, are cut off, or hold no sound.
    """
    if format == "wav":
        wav = _whole(audio)
        if wav is None:
            raise MalformedResponseError("the reply is no WAV with sound in it")
        return Heard(wav.plain(audio), wav.duration, wav.rate)
    kind = _compressed(audio, format)
    length = measure(audio, kind) if can_decode() and kind else None
    if kind is None or (can_decode() and not (length and length.duration > 0)):
        raise MalformedResponseError(f"the reply is no {format.upper()} with sound in it")
    return Heard(audio, length.duration if length else None, length.rate if length else None)


def _whole(audio: bytes) -> Wav | None:
    """Return what the header of a WAV says, or None for anything else.

    Raises:
        MalformedResponseError: The sound ends before the size that the header states, or within a sample.
    """
    wav = read_wav(audio) if audio[:4] == b"RIFF" else None
    if wav is not None and wav.is_cut_off:
        raise MalformedResponseError("the sound of the reply is cut off")
    return wav


def _compressed(audio: bytes, format: str) -> str | None:  # noqa: A002  # the field's word
    """Return the container of an MP3 or an OGG that holds sound, or None for anything else.

    Raises:
        MalformedResponseError: The reply ends within a page of an OGG.
    """
    sound = audio[past_tags(audio) :]
    kind = container_of(sound)
    if format == "mp3":
        return kind if kind == "mp3" and len(sound) > FRAME else None
    if kind not in ("ogg-opus", "ogg-vorbis"):
        return None
    return kind if _pages_of_ogg(sound) > HEADERS else None


def _pages_of_ogg(sound: bytes) -> int:
    """Return the number of pages of an OGG.

    Raises:
        MalformedResponseError: The last page is cut off.
    """
    position = pages = 0
    while sound[position : position + 4] == b"OggS":
        pages += 1
        body = position + PAGE + (sound[position + PAGE - 1] if position + PAGE <= len(sound) else 0)
        position = body + sum(sound[position + PAGE : body])
    if position > len(sound):
        raise MalformedResponseError("the sound of the reply is cut off")
    return pages


FRAME = 24
"""Bytes of the shortest frame of MP3 that can hold sound: https://www.mp3-tech.org/programmer/frame_header.html"""
PAGE = 27
"""Bytes of the header of a page of OGG, the last of which is the number of the lengths that follow it.

https://datatracker.ietf.org/doc/html/rfc3533#section-6
"""
HEADERS = 2
"""Pages of an OGG that hold no sound: https://datatracker.ietf.org/doc/html/rfc7845#section-3"""


def joined(parts: Sequence[bytes]) -> bytes:
    """Return one WAV of several, in order, each of which begins and ends softly.

    Raises:
        MalformedResponseError: A part is no WAV, is cut off, or has another rate or number of channels than the first.
    """
    read: list[tuple[Wav, bytes]] = []
    for part in parts:
        wav = _whole(part)
        if wav is None or (read and wav.layout[:PLAIN] != read[0][0].layout[:PLAIN]):
            raise MalformedResponseError("the parts of the text were not spoken in one format")
        read.append((wav, part))
    first = read[0][0]
    sound = b"".join([_soft(wav, part[wav.start : wav.start + wav.size]) for wav, part in read])
    head = b"WAVEfmt " + struct.pack("<I", PLAIN) + first.layout[:PLAIN] + b"data" + struct.pack("<I", len(sound))
    return b"RIFF" + struct.pack("<I", len(head) + len(sound)) + head + sound


def _soft(wav: Wav, sound: bytes) -> bytes:
    """Return the sound of one part, faded in and out; one that is not of 16 bits stays as it is."""
    if wav.codec != "pcm" or wav.bits != SIXTEEN:
        return sound
    samples = array("h")
    samples.frombytes(sound[: len(sound) // (2 * wav.channels) * 2 * wav.channels])
    frames = len(samples) // wav.channels
    steps = min(int(FADE * wav.rate), frames // 2)
    for step in range(steps):
        for channel in range(wav.channels):
            for index in (step * wav.channels + channel, (frames - 1 - step) * wav.channels + channel):
                samples[index] = samples[index] * step // steps
    return samples.tobytes()


def converted(wav: bytes, format: str) -> bytes:  # noqa: A002  # the field's word
    """Return a WAV as MP3, or as Opus in Ogg; a WAV that is to be one is returned as it is.

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    if format == "wav":
        return wav
    if not can_decode():
        raise MissingExtraError(f"{format.upper()} of this", "audio")
    import av

    container, codec, samples = CODECS[format]
    out = io.BytesIO()
    with av.open(io.BytesIO(wav), "r", format="wav") as source, av.open(out, "w", format=container) as file:
        stream = source.streams.audio[0]
        encoder: Any = file.add_stream(codec, rate=OPUS_RATE if format == "ogg" else stream.codec_context.sample_rate)
        encoder.codec_context.format = samples
        encoder.codec_context.layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
        for frame in source.decode(stream):
            file.mux(encoder.encode(frame))
        file.mux(encoder.encode(None))
    return out.getvalue()
