"""Recordings: format, length, rate and channels are known before anything is sent."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cloudai.core.flow import Blob, Flow, call
from cloudai.errors import InputError
from cloudai.media.source import FETCH, FileInput, Source, not_a

__all__ = ["Audio", "AudioInput", "AudioLimits", "Sound"]

AudioInput = FileInput

MEDIA_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg-opus": "audio/ogg",
    "ogg-vorbis": "audio/ogg",
}
RATES = (1_000, 768_000)
"""Samples a second, from the lowest that carries a voice to the highest of any recorder."""
MOST_CHANNELS = 64
MOST_TAGS = 16_000_000
"""Bytes of pictures and texts that a recording may carry beside its sound."""


@dataclass(frozen=True)
class AudioLimits:
    """What a vendor takes."""

    who: str
    """For messages."""
    formats: frozenset[str]
    """Of "wav", "flac", "mp3", "ogg-opus", "ogg-vorbis"."""
    max_bytes: int
    max_seconds: float
    schemes: tuple[str, ...] = ()
    """Addresses the vendor reads itself, for example ``gs``."""
    advice: str | None = None
    """What to do with a recording that is too long or too large."""


@dataclass(frozen=True)
class Sound:
    """A recording ready to be sent: its bytes, or its address where the vendor fetches it itself."""

    blob: Blob | None = None
    uri: str | None = None
    format: str | None = None
    duration: float | None = None
    """Seconds."""
    rate: int | None = None
    """Samples a second."""
    channels: int | None = None
    bits: int | None = None
    """Of one sample; None where samples are not stored one by one."""
    codec: str | None = None
    """Of a WAV: "pcm", "float", "alaw", "mulaw", or the number of another."""


class Audio(Source):
    """A recording as given: a path, ``gs://`` address, bytes, or a file open for reading bytes.

    Example:
        >>> Audio("연설.wav").name
        '연설.wav'
    """

    kind = "audio"
    sound: Sound | None = None
    """The outcome of the last `probe`."""

    def probe(self, limits: AudioLimits) -> Flow[Sound]:
        """Look at the recording and hold it against a vendor's limits; InputError where it does not fit."""
        yield from self.fetched()
        if self._memory:
            self.sound = self._recall(Sound)
        elif self.uri:
            scheme = self.uri.partition(":")[0].lower()
            if scheme not in limits.schemes:
                raise InputError(f"{limits.who} does not read {self.name}", advice=FETCH)
            self.sound = Sound(uri=self.address())
        else:
            self.sound = yield from call(self._probe, limits)
        return self.sound

    def facts(self) -> dict[str, Any]:
        """What `Meta` says of this input."""
        if self._memory:
            return dict(self._memory["facts"])
        if self.sound is None:
            return {}
        blob = self.sound.blob
        sent = {"sent_sha256": blob.sha256, "sent_bytes": len(blob.data)} if blob else {}
        return {"sha256": self.key, "by_reference": blob is None, **sent}

    def memory(self) -> dict[str, Any]:
        """What a flow must know of it to read its replies again: format, length, rate; not the recording."""
        return {} if self.sound is None else self._kept(self.sound)

    def _probe(self, limits: AudioLimits) -> Sound:
        format = _format(self.data)  # noqa: A001  # the field's word
        if format is None:
            raise not_a("audio", self.name, self.data)
        if format not in limits.formats:
            raise InputError(
                f"{self.name} is {format}, and {limits.who} reads {', '.join(sorted(limits.formats))}",
                advice="Convert it, for example with ffmpeg.",
            )
        sound = self._measured(format)
        self._require_fit(sound, limits)
        return sound

    def _measured(self, format: str) -> Sound:  # noqa: A002
        blob = Blob(self.key, lambda: self.data, MEDIA_TYPES[format])
        if format == "wav":
            sound = _wav(self.data, self.name)
            self._require_usual(sound.rate or 0, sound.channels or 0)
            return replace(sound, blob=blob)
        from tinytag import TinyTag

        try:
            # By a name of our own: it would believe the ending of the user's.
            tag = TinyTag.get(f"x.{format.partition('-')[0]}", file_obj=io.BytesIO(self.data), tags=False)
        except Exception as error:  # whatever it raises on a file that is cut off or wrong, and that is much
            raise self._damaged() from error
        if not tag.duration or not tag.samplerate or not tag.channels:
            raise self._damaged()
        self._require_usual(tag.samplerate, tag.channels)
        most = tag.duration * tag.samplerate * tag.channels * 4
        if len(self.data) > most + MOST_TAGS:
            raise InputError(
                f"{self.name} says it lasts {_clock(tag.duration)} and has {len(self.data) / 1e6:.1f} MB",
                advice="Record or export it again.",
            )
        return Sound(blob, None, format, tag.duration, int(tag.samplerate), tag.channels, tag.bitdepth)

    def _require_usual(self, rate: float, channels: int) -> None:
        if not (RATES[0] <= rate <= RATES[1] and channels <= MOST_CHANNELS):
            raise InputError(
                f"{self.name} says it has {rate:,} samples a second in {channels} channels, as no recorder makes it",
                advice="Record or export it again.",
            )

    def _damaged(self) -> InputError:
        return InputError(f"{self.name} is cut off or damaged: it has no length", advice="Record or export it again.")

    def _require_fit(self, sound: Sound, limits: AudioLimits) -> None:
        if sound.duration is not None and sound.duration > limits.max_seconds:
            raise InputError(
                f"{self.name} lasts {_clock(sound.duration)}; {limits.who} takes {_clock(limits.max_seconds)}",
                advice=limits.advice,
            )
        if len(self.data) > limits.max_bytes:
            raise InputError(
                f"{self.name} has {len(self.data) / 1e6:.1f} MB; {limits.who} takes {limits.max_bytes / 1e6:.0f} MB",
                advice=limits.advice,
            )


def _clock(duration: float) -> str:
    minutes, seconds = divmod(duration, 60)
    # A recording of 60.2 s must not read as "1:00, and the most is 1:00".
    return f"{int(minutes)}:{seconds:04.1f}" if seconds % 1 else f"{int(minutes)}:{int(seconds):02}"


def _format(data: bytes) -> str | None:
    """By the first bytes, never by the file's name."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:4] == b"OggS":
        return "ogg-opus" if b"OpusHead" in data[:64] else "ogg-vorbis"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):  # noqa: PLR2004
        return "mp3"  # an MPEG frame: eleven bits set, a layer that is III
    return None


# -- WAV: the header is read here because it often lies about the length of the data ------------------------

CODECS = {1: "pcm", 3: "float", 6: "alaw", 7: "mulaw"}
BITS = (8, 16, 24, 32, 64)
EXTENSIBLE = 0xFFFE


def _wav(data: bytes, name: str) -> Sound:
    damaged = InputError(f"{name} is cut off or damaged: a WAV without sound", advice="Record or export it again.")
    chunks = dict(_wav_chunks(data))
    layout = chunks.get(b"fmt ")
    sound = chunks.get(b"data")
    if layout is None or sound is None or len(layout) < 16 or not sound:  # noqa: PLR2004
        raise damaged
    codec, channels, rate, bytes_a_second, _, bits = struct.unpack_from("<HHIIHH", layout)
    if codec == EXTENSIBLE and len(layout) >= 26:  # noqa: PLR2004
        (codec,) = struct.unpack_from("<H", layout, 24)
    if codec in CODECS:
        # What follows from the others is not believed: a length by it may be a lie.
        bytes_a_second = rate * channels * bits // 8
    if not (channels and rate and bytes_a_second) or (codec in CODECS and bits not in BITS):
        raise damaged
    return Sound(
        format="wav",
        duration=len(sound) / bytes_a_second,
        rate=rate,
        channels=channels,
        bits=bits,
        codec=CODECS.get(codec, str(codec)),
    )


def _wav_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of each chunk; content ends with the file, whatever size a streaming writer gave it."""
    view, position = memoryview(data), 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        content = view[position + 8 : position + 8 + size] if size not in (0, 0xFFFFFFFF) else view[position + 8 :]
        yield name, content
        if name == b"data":
            return
        position += 8 + len(content) + len(content) % 2
