"""Describe a recording that is ready to be sent, and what a vendor takes of recordings."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from cloudai.core.flow import Blob
from cloudai.media.decoding import Recorded

__all__ = ["MEDIA_TYPES", "AudioLimits", "Piece", "Sound", "Taken", "seconds_billed"]

MEDIA_TYPES: Mapping[str, str] = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg-opus": "audio/ogg",
    "ogg-vorbis": "audio/ogg",
    "m4a": "audio/mp4",
    "webm-opus": "audio/webm",
    "webm-vorbis": "audio/webm",
    "aac": "audio/aac",
    "amr": "audio/amr",
    "wma": "audio/x-ms-wma",
}


FILLED = 0.99
"""The part of the most bytes that the sound of a piece may have: the rest is for what FLAC writes beside it."""


def seconds_billed(duration: float) -> int:
    """Return the begun seconds of a length, at least one."""
    # Time stamps are rounded, so a length of 15.0000001 s must not count as sixteen seconds.
    return max(1, math.ceil(round(duration, 3)))


@dataclass(frozen=True)
class AudioLimits:
    """The formats and the largest recordings that one vendor accepts."""

    who: str
    """The vendor's name in error messages."""
    formats: frozenset[str]
    """The accepted formats, any of "wav", "flac", "mp3", "ogg-opus", "ogg-vorbis", "m4a", "webm-opus" …"""
    max_bytes: int
    max_seconds: float
    schemes: tuple[str, ...] = ()
    """Schemes of the addresses that the vendor reads itself, for example ``gs``."""
    advice: str | None = None
    """Advice to the user whose recording is too long or too large."""
    wav_codecs: frozenset[tuple[str, int]] | None = None
    """The codecs of a WAV that are accepted, with the bits of a sample; None accepts all."""
    mixes: bool = True
    """True if the vendor mixes several channels into one, where it is not asked to tell them apart."""
    max_channels: int | None = None
    """The most channels that the vendor takes; None takes any number."""
    piece_seconds: float | None = None
    """The most seconds of a piece of a recording that is too long or too large; None refuses such a recording."""
    rates: tuple[int, int] = (0, 768_000)
    """The lowest and the highest sample rate that is accepted, in samples a second."""

    def reads(self, sound: Sound) -> bool:
        """Return whether the vendor reads the format of a recording, its sample rate, and its samples if it is a WAV.

        Opus has no rate of its own, so that any is accepted.
        """
        if sound.format not in self.formats or sound.is_video or not self._takes_rate_of(sound):
            return False
        return sound.format != "wav" or self.wav_codecs is None or (sound.codec, sound.bits) in self.wav_codecs

    def _takes_rate_of(self, sound: Sound) -> bool:
        is_opus = str(sound.format).endswith("-opus")
        return sound.rate is None or is_opus or self.rates[0] <= sound.rate <= self.rates[1]

    def told_rates(self) -> str:
        """Return the sample rates that are accepted in words."""
        low, high = self.rates
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"

    def seconds_a_piece(self, rate: int, channels: int) -> float:
        """Return the most seconds of a piece, whose bytes fit even where FLAC saves none."""
        most = self.piece_seconds or self.max_seconds
        return min(most, self.max_bytes * FILLED / (rate * channels * 2))

    def mixes_here(self, sound: Sound, channels: str | None) -> bool:
        """Return whether the channels of a recording have to be mixed before it is sent."""
        several = sound.channels or 1
        asked = several > 1 and channels == "mix" and not self.mixes
        return asked or (self.max_channels is not None and several > self.max_channels)

    def mixes_made(self, sound: Sound, channels: str | None) -> bool:
        """Return whether the channels of a recording are mixed in what is made of it here, if anything is.

        A recording that the vendor would mix itself is half as large if it is mixed before.
        """
        several = (sound.channels or 1) > 1
        return self.mixes_here(sound, channels) or (several and self.mixes and channels != "each")


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
    mixed: bool = False
    """True if several channels were mixed into one here."""
    prepared: str | None = None
    """The changes made to the recording before it is sent, such as "m4a to FLAC, 2 channels mixed"; None for none."""
    is_video: bool = False
    """True if there are pictures beside the sound, which are not sent."""
    pieces: tuple[tuple[float, float], ...] = ()
    """The pieces in which the recording is sent, each as its beginning and its end, in seconds; empty if it is whole.

    Two pieces overlap where there is no pause between them.
    """

    def billed(self, channels: int = 1) -> int:
        """Return the units that a vendor counts which bills seconds: begun ones, and at least one.

        An address is not read here, and counts as one unit.

        Args:
            channels: The channels that are written down one by one, each of which is billed.
        """
        return seconds_billed(self.duration or 0.0) * channels


class Piece(Blob):
    """The bytes of a piece of a recording, which are packed whenever they are asked for, and not kept."""

    @property
    def data(self) -> bytes:
        """The bytes as they are sent."""
        return self.load()


@dataclass(frozen=True)
class Taken:
    """A recording as it was given, without what stands before it: all of its bytes, or a file that is not held."""

    head: bytes
    """The first bytes of the recording, or all of them."""
    size: int
    """The number of bytes of the recording."""
    recorded: Recorded
    load: Callable[[], bytes]
    """A function that returns all bytes as they are sent."""
    tagged: bool = False
    """True if a tag (ID3) stands before it."""

    def opened(self) -> BinaryIO:
        """Return the recording as an open file."""
        return io.BytesIO(self.recorded) if isinstance(self.recorded, bytes) else self.recorded()
