"""Tell the length, the sample rate and the channels of a recording, by its headers or by its packets."""

from __future__ import annotations

from cloudai.core.flow import Blob
from cloudai.errors import InputError
from cloudai.media import decoding
from cloudai.media.decoding import INSTALL
from cloudai.media.sound import MEDIA_TYPES, Sound, Taken
from cloudai.media.wav import read_wav

__all__ = ["clock", "measured"]

READ_BY_HEADER = frozenset({"flac", "mp3", "ogg-opus", "ogg-vorbis"})
"""Formats whose headers state their length. It is believed only where nothing is installed that counts the packets."""
PASSED_ON = frozenset({"m4a", "webm-opus", "webm-vorbis"})
"""Formats that are sent as they are to vendors that take them, even where nothing is installed that reads them."""
HEADER = 256
"""Bytes of the first frame of an MP3 in which the header stands that states its length."""
RATES = (1_000, 768_000)
"""The lowest and the highest sample rate that is believed, in samples a second.

The lowest still carries a voice; no recorder has a higher one than the highest.
"""
MOST_CHANNELS = 64
MOST_TAGS = 16_000_000
"""The most bytes of pictures and texts (tags) that a recording may carry beside its sound."""
AGAIN = "Record or export it again."


def measured(format: str, given: Taken, name: str, key: str) -> Sound:  # noqa: A002  # the field's word
    """Return the properties of a recording of this format.

    Without the extra ``audio`` only headers are read, and a recording whose header does not state its length is
    refused: a guess could refuse what fits, or send what does not.

    Args:
        format: The format.
        given: The recording.
        name: Its name, for errors.
        key: The digest of the bytes as they were given.

    Raises:
        InputError: The recording is damaged, or its length cannot be told.
    """
    if format == "wav":
        return _wav(given, name, key)
    if format not in READ_BY_HEADER or decoding.can_decode():
        return _by_packets(format, given, name)
    if format == "mp3" and not any(mark in given.head[:HEADER] for mark in (b"Xing", b"Info", b"VBRI")):
        raise InputError(f"{name} is an MP3 whose header states no length", advice=INSTALL)
    from tinytag import TinyTag

    try:
        with given.opened() as file:
            # TinyTag believes the ending of a file name, so it is given one that is true.
            tag = TinyTag.get(f"x.{format.partition('-')[0]}", file_obj=file, tags=False)
    except Exception as error:  # TinyTag raises errors of many kinds when a file is damaged
        raise _damaged(name) from error
    if not tag.duration or not tag.samplerate or not tag.channels:
        raise _damaged(name)
    _require_usual(tag.samplerate, tag.channels, name)
    # A sample has four bytes at most: a file with many more bytes states a false length.
    if given.size > tag.duration * tag.samplerate * tag.channels * 4 + MOST_TAGS:
        raise InputError(f"{name} says it lasts {clock(tag.duration)} and has {given.size / 1e6:.1f} MB", advice=AGAIN)
    return Sound(None, None, format, tag.duration, int(tag.samplerate), tag.channels, tag.bitdepth)


def _wav(given: Taken, name: str, key: str) -> Sound:
    wav = read_wav(given.head, given.size)
    is_held = isinstance(given.recorded, bytes)
    if wav is None:
        raise InputError(f"{name} is cut off or damaged: a WAV without sound", advice=AGAIN)
    _require_usual(wav.rate, wav.channels, name)
    # Not every vendor knows RF64, or finds the sound behind a chunk that is not padded.
    anew = Blob(key, lambda: wav.plain(given.head), MEDIA_TYPES["wav"]) if is_held and not wav.is_plain else None
    return Sound(
        blob=anew,
        format="wav" if is_held or wav.is_plain else "rf64",
        duration=wav.duration,
        rate=wav.rate,
        channels=wav.channels,
        bits=wav.bits,
        codec=wav.codec,
        prepared="header written anew" if anew else None,
    )


def _by_packets(format: str, given: Taken, name: str) -> Sound:  # noqa: A002
    """Return the properties of a recording as PyAV reads them.

    Where it is not installed, M4A and WebM have no known length. The vendor reads them, and says what is wrong.
    """
    if not decoding.can_decode():
        return Sound(format=format)
    length = decoding.measure(given.recorded, format)
    if length is None:
        raise InputError(f"{name} is cut off or damaged, or has no sound: no length can be told", advice=AGAIN)
    _require_usual(length.rate, length.channels, name)
    return Sound(None, None, format, length.duration, length.rate, length.channels, is_video=length.is_video)


def _require_usual(rate: float, channels: int, name: str) -> None:
    """Raise InputError for a sample rate or a number of channels that no recorder has."""
    if not (RATES[0] <= rate <= RATES[1] and channels <= MOST_CHANNELS):
        raise InputError(
            f"{name} says it has {rate:,} samples a second in {channels} channels, as no recorder makes it",
            advice=AGAIN,
        )


def _damaged(name: str) -> InputError:
    return InputError(f"{name} is cut off or damaged: it has no length", advice=AGAIN)


def clock(duration: float) -> str:
    """Return a length as minutes and seconds: "1:00.2"."""
    # A recording of 60.2 s must not read as "1:00, and the most is 1:00".
    minutes, tenths = divmod(round(duration * 10), 600)
    return f"{minutes}:{tenths / 10:04.1f}" if tenths % 10 else f"{minutes}:{tenths // 10:02}"
