"""Read the format, length, sample rate and channels of a recording before anything is sent."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any, Literal

from cloudai.core.flow import Blob, Flow, call
from cloudai.errors import InputError
from cloudai.media.containers import container_of, past_blanks, past_tags
from cloudai.media.decoding import INSTALL, can_decode, decode, measure
from cloudai.media.source import FETCH, FileInput, Source, not_a
from cloudai.media.wav import read_wav

__all__ = ["Audio", "AudioInput", "AudioLimits", "Sound"]

AudioInput = FileInput

MEDIA_TYPES = {
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
READ_BY_HEADER = frozenset({"flac", "mp3", "ogg-opus", "ogg-vorbis"})
"""Formats whose headers state their length."""
PASSED_ON = frozenset({"m4a", "webm-opus", "webm-vorbis"})
"""Formats that are sent as they are to vendors that take them, even where nothing here can read them."""
HEADER = 256
"""Bytes of the first frame of an MP3 in which the header stands that states its length."""
SPOKEN = 16_000
"""Samples a second of a WAV that is made here: what speech services recommend."""
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

    def reads(self, sound: Sound) -> bool:
        """Return whether the vendor reads the format of a recording, and its samples if it is a WAV."""
        if sound.format not in self.formats:
            return False
        return sound.format != "wav" or self.wav_codecs is None or (sound.codec, sound.bits) in self.wav_codecs

    def mixes_here(self, sound: Sound, channels: str | None) -> bool:
        """Return whether the channels of a recording have to be mixed before it is sent."""
        several = sound.channels or 1
        asked = several > 1 and channels == "mix" and not self.mixes
        return asked or (self.max_channels is not None and several > self.max_channels)


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


class Audio(Source):
    """A recording as the user gives it: a path, a ``gs://`` address, bytes, or a file open for reading bytes.

    Example:
        >>> Audio("연설.wav").name
        '연설.wav'
    """

    kind = "audio"
    sound: Sound | None = None
    """The result of the last `probe`."""

    def probe(self, limits: AudioLimits, channels: Literal["mix", "each"] | None = None) -> Flow[Sound]:
        """Read the recording's properties, check them against a vendor's limits, and decode it where that is needed.

        Args:
            limits: The vendor's limits.
            channels: What becomes of several channels; "mix" mixes them here for a vendor that does not.

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
            self.sound = yield from call(self._probe, limits, channels)
        return self.sound

    def facts(self) -> dict[str, Any]:
        """Return the facts about this recording that go into `Meta`; before `probe` there are none."""
        if self._memory:
            return dict(self._memory["facts"])
        if self.sound is None:
            return {}
        blob = self.sound.blob
        sent = {"sent_sha256": blob.sha256, "sent_bytes": len(blob.data)} if blob else {}
        return {"sha256": self.key, "by_reference": blob is None, "prepared": self.sound.prepared, **sent}

    def memory(self) -> dict[str, Any]:
        """Return the facts, for `recalled`, that a later run needs to read saved replies without the recording.

        They hold the format, the length and the rate. The dict is empty before `probe`.
        """
        return {} if self.sound is None else self._kept(self.sound)

    def _probe(self, limits: AudioLimits, channels: str | None) -> Sound:
        """Read the recording and return its properties, or raise InputError if it does not fit the limits.

        One in a format that the vendor does not read, or whose channels are to be mixed here, is decoded to FLAC.
        """
        given = past_blanks(self.data)
        begin = past_tags(given)
        data = given[begin:] if begin else given
        format = container_of(data) or ("mp3" if begin else None)  # noqa: A001  # the field's word
        if format is None:
            raise not_a("audio", self.name, self.data)
        sound = self._measured(format, data)
        if sound.duration is not None and sound.duration > limits.max_seconds:
            raise self._too_long(sound.duration, limits)
        mono = limits.mixes_here(sound, channels)
        if mono or not limits.reads(sound):
            # FFmpeg, too, finds no sound behind a chunk that is not padded.
            sound = self._decoded(sound, sound.blob.data if sound.blob else data, limits, mono=mono)
        elif sound.blob is None:
            kept = given if format == "mp3" else data
            sound = replace(sound, blob=Blob(self.key, lambda: kept, MEDIA_TYPES[format]))
        self._require_size(sound, limits)
        return sound

    def _measured(self, format: str, data: bytes) -> Sound:  # noqa: A002
        """Return the properties of a recording of this format, or raise InputError if it is damaged.

        Without the extra ``audio`` only headers are read, and a recording whose header does not state its length is
        refused: a guess could refuse what fits, or send what does not.

        Args:
            format: The format.
            data: The recording without tags before it.
        """
        if format == "wav":
            return self._measured_wav(data)
        if format not in READ_BY_HEADER or (format == "mp3" and can_decode()):
            return self._measured_by_packets(format, data)
        if format == "mp3" and not any(mark in data[:HEADER] for mark in (b"Xing", b"Info", b"VBRI")):
            raise InputError(f"{self.name} is an MP3 whose header states no length", advice=INSTALL)
        from tinytag import TinyTag

        try:
            # TinyTag believes the ending of a file name, so it is given one that is true.
            tag = TinyTag.get(f"x.{format.partition('-')[0]}", file_obj=io.BytesIO(data), tags=False)
        except Exception as error:  # TinyTag raises errors of many kinds when a file is damaged
            raise self._damaged() from error
        if not tag.duration and can_decode():
            return self._measured_by_packets(format, data)  # a FLAC that was streamed states no length
        if not tag.duration or not tag.samplerate or not tag.channels:
            raise self._damaged()
        self._require_usual(tag.samplerate, tag.channels)
        # A sample has four bytes at most: a file with many more bytes states a false length.
        most = tag.duration * tag.samplerate * tag.channels * 4
        if len(data) > most + MOST_TAGS:
            raise InputError(
                f"{self.name} says it lasts {_clock(tag.duration)} and has {len(data) / 1e6:.1f} MB",
                advice="Record or export it again.",
            )
        return Sound(None, None, format, tag.duration, int(tag.samplerate), tag.channels, tag.bitdepth)

    def _measured_wav(self, data: bytes) -> Sound:
        wav = read_wav(data)
        if wav is None:
            raise InputError(
                f"{self.name} is cut off or damaged: a WAV without sound", advice="Record or export it again."
            )
        self._require_usual(wav.rate, wav.channels)
        # Not every vendor knows RF64, or finds the sound behind a chunk that is not padded.
        blob = None if wav.is_plain else Blob(self.key, lambda: wav.plain(data), MEDIA_TYPES["wav"])
        return Sound(
            blob=blob,
            format="wav",
            duration=wav.duration,
            rate=wav.rate,
            channels=wav.channels,
            bits=wav.bits,
            codec=wav.codec,
            prepared=None if wav.is_plain else "header written anew",
        )

    def _measured_by_packets(self, format: str, data: bytes) -> Sound:  # noqa: A002
        """Return the properties of a recording as PyAV reads them.

        Containers of M4A and WebM that it cannot read, or that nothing here can, have no known length. The vendor reads
        them, and says what is wrong.
        """
        length = measure(data, format) if can_decode() else None
        if length is None or not length.duration:
            if format in PASSED_ON or not can_decode():
                return Sound(format=format)
            raise self._damaged()
        self._require_usual(length.rate, length.channels)
        return Sound(format=format, duration=length.duration, rate=length.rate, channels=length.channels)

    def _decoded(self, sound: Sound, data: bytes, limits: AudioLimits, *, mono: bool) -> Sound:
        """Return a recording as FLAC, or as WAV for a vendor that reads no FLAC, or raise InputError."""
        format = str(sound.format)  # noqa: A001
        what = f"{sound.bits}-bit {sound.codec} WAV" if format == "wav" else format
        refused = f"{self.name} is {what}, and {limits.who} reads {', '.join(sorted(limits.formats))}"
        if mono:
            refused = f"{self.name} has {sound.channels} channels, and {limits.who} mixes none"
        if not can_decode():
            raise InputError(refused, advice=INSTALL)
        target: Literal["flac", "wav"] = "flac" if "flac" in limits.formats else "wav"
        rate = SPOKEN if target == "wav" or not sound.rate else None
        decoded = decode(data, format, target, mono=mono, rate=rate, max_seconds=limits.max_seconds)
        if decoded is None:
            raise InputError(
                f"{refused}; it cannot be converted, because it is damaged or longer than it says",
                advice="Record or export it again.",
            )
        done = f"{what} to {target.upper()}" + (f", {sound.channels} channels mixed" if mono else "")
        return Sound(
            blob=Blob(self.key, lambda: decoded, MEDIA_TYPES[target]),
            format=target,
            duration=sound.duration,
            rate=rate or sound.rate,
            channels=1 if mono else sound.channels,
            bits=16,
            codec="pcm" if target == "wav" else None,
            mixed=mono,
            prepared=done,
        )

    def _require_usual(self, rate: float, channels: int) -> None:
        """Raise InputError for a sample rate or a number of channels that no recorder has."""
        if not (RATES[0] <= rate <= RATES[1] and channels <= MOST_CHANNELS):
            raise InputError(
                f"{self.name} says it has {rate:,} samples a second in {channels} channels, as no recorder makes it",
                advice="Record or export it again.",
            )

    def _damaged(self) -> InputError:
        return InputError(f"{self.name} is cut off or damaged: it has no length", advice="Record or export it again.")

    def _too_long(self, seconds: float, limits: AudioLimits) -> InputError:
        return InputError(
            f"{self.name} lasts {_clock(seconds)}; {limits.who} takes {_clock(limits.max_seconds)}",
            advice=limits.advice,
        )

    def _require_size(self, sound: Sound, limits: AudioLimits) -> None:
        size = len(sound.blob.data) if sound.blob else 0
        if size > limits.max_bytes:
            raise InputError(
                f"{self.name} has {size / 1e6:.1f} MB; {limits.who} takes {limits.max_bytes / 1e6:.0f} MB",
                advice=limits.advice,
            )


def _clock(duration: float) -> str:
    minutes, seconds = divmod(duration, 60)
    # A recording of 60.2 s must not read as "1:00, and the most is 1:00".
    return f"{int(minutes)}:{seconds:04.1f}" if seconds % 1 else f"{int(minutes)}:{int(seconds):02}"
