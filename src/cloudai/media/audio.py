"""Read the format, length, sample rate and channels of a recording before anything is sent."""

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
"""The lowest and the highest sample rate that is believed, in samples a second.

The lowest still carries a voice; no recorder has a higher one than the highest.
"""
MOST_CHANNELS = 64
MOST_TAGS = 16_000_000
"""The most bytes of pictures and texts (tags) that a recording may carry beside its sound."""


@dataclass(frozen=True)
class AudioLimits:
    """The formats and the largest recordings that one vendor accepts."""

    who: str
    """The vendor's name in error messages."""
    formats: frozenset[str]
    """The accepted formats, any of "wav", "flac", "mp3", "ogg-opus", "ogg-vorbis"."""
    max_bytes: int
    max_seconds: float
    schemes: tuple[str, ...] = ()
    """Schemes of the addresses that the vendor reads itself, for example ``gs``."""
    advice: str | None = None
    """Advice to the user whose recording is too long or too large."""


@dataclass(frozen=True)
class Sound:
    """A recording that is ready to be sent, as bytes or as an address that the vendor fetches itself."""

    blob: Blob | None = None
    uri: str | None = None
    format: str | None = None
    duration: float | None = None
    """Length in seconds."""
    rate: int | None = None
    """Sample rate, in samples a second."""
    channels: int | None = None
    bits: int | None = None
    """Bits of one sample; None if the format does not store samples one by one."""
    codec: str | None = None
    """Codec of a WAV file: "pcm", "float", "alaw", "mulaw", or the number of any other."""


class Audio(Source):
    """A recording as the user gives it: a path, a ``gs://`` address, bytes, or a file open for reading bytes.

    Example:
        >>> Audio("연설.wav").name
        '연설.wav'
    """

    kind = "audio"
    sound: Sound | None = None
    """The result of the last `probe`."""

    def probe(self, limits: AudioLimits) -> Flow[Sound]:
        """Read the recording's properties and check them against a vendor's limits.

        Raises:
            InputError: It is no recording, is damaged or does not fit the limits, or the vendor does not read its
                address.
        """
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
        """Return the facts about this recording that go into `Meta`; before `probe` there are none."""
        if self._memory:
            return dict(self._memory["facts"])
        if self.sound is None:
            return {}
        blob = self.sound.blob
        sent = {"sent_sha256": blob.sha256, "sent_bytes": len(blob.data)} if blob else {}
        return {"sha256": self.key, "by_reference": blob is None, **sent}

    def memory(self) -> dict[str, Any]:
        """Return the facts, for `recalled`, that a later run needs to read saved replies without the recording.

        They hold the format, the length and the rate. The dict is empty before `probe`.
        """
        return {} if self.sound is None else self._kept(self.sound)

    def _probe(self, limits: AudioLimits) -> Sound:
        """Read the recording and return its properties, or raise InputError if it does not fit the limits."""
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
        """Return the properties of a recording of this format, or raise InputError if it is damaged."""
        blob = Blob(self.key, lambda: self.data, MEDIA_TYPES[format])
        if format == "wav":
            sound = _wav(self.data, self.name)
            self._require_usual(sound.rate or 0, sound.channels or 0)
            return replace(sound, blob=blob)
        from tinytag import TinyTag

        try:
            # TinyTag believes the ending of a file name, so it is given one that is true.
            tag = TinyTag.get(f"x.{format.partition('-')[0]}", file_obj=io.BytesIO(self.data), tags=False)
        except Exception as error:  # TinyTag raises errors of many kinds when a file is damaged
            raise self._damaged() from error
        if not tag.duration or not tag.samplerate or not tag.channels:
            raise self._damaged()
        self._require_usual(tag.samplerate, tag.channels)
        # A sample has four bytes at most: a file with many more bytes states a false length.
        most = tag.duration * tag.samplerate * tag.channels * 4
        if len(self.data) > most + MOST_TAGS:
            raise InputError(
                f"{self.name} says it lasts {_clock(tag.duration)} and has {len(self.data) / 1e6:.1f} MB",
                advice="Record or export it again.",
            )
        return Sound(blob, None, format, tag.duration, int(tag.samplerate), tag.channels, tag.bitdepth)

    def _require_usual(self, rate: float, channels: int) -> None:
        """Raise InputError for a sample rate or a number of channels that no recorder has."""
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
    """Return the format that the first bytes show, or None; the file's name is never believed."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:4] == b"OggS":
        return "ogg-opus" if b"OpusHead" in data[:64] else "ogg-vorbis"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):  # noqa: PLR2004
        return "mp3"  # an MPEG frame begins with eleven set bits; the layer that follows is III
    return None


CODECS = {1: "pcm", 3: "float", 6: "alaw", 7: "mulaw"}
BITS = (8, 16, 24, 32, 64)
EXTENSIBLE = 0xFFFE


def _wav(data: bytes, name: str) -> Sound:
    """Return the properties of a WAV file; raise InputError if it is damaged or has no sound.

    The file is read here, and not by TinyTag, because a WAV header often states a false length of its data.
    """
    damaged = InputError(f"{name} is cut off or damaged: a WAV without sound", advice="Record or export it again.")
    chunks = dict(_wav_chunks(data))
    layout = chunks.get(b"fmt ")
    sound = chunks.get(b"data")
    if layout is None or sound is None or len(layout) < 16 or not sound:  # noqa: PLR2004
        raise damaged
    codec, channels, rate, bytes_a_second, _, bits = struct.unpack_from("<HHIIHH", layout)
    if codec == EXTENSIBLE and len(layout) >= 26:  # noqa: PLR2004  # the sub-format at byte 24 names the real codec
        (codec,) = struct.unpack_from("<H", layout, 24)
    if codec in CODECS:
        # The header also states this number, but a length computed from a false one would be false.
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
    """Yield the name and the content of each chunk, up to the sound.

    The content ends with the file at the latest, whatever size a streaming writer has stated.
    """
    view, position = memoryview(data), 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        # A writer that streams does not know the size yet, and states 0 or the greatest number.
        content = view[position + 8 : position + 8 + size] if size not in (0, 0xFFFFFFFF) else view[position + 8 :]
        yield name, content
        if name == b"data":
            return
        position += 8 + len(content) + len(content) % 2  # a chunk of odd length is padded
