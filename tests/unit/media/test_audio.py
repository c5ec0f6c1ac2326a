"""Recordings: measured before anything is sent, whatever their name or header says."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

import pytest

from cloudai.errors import InputError
from cloudai.media import Audio, AudioLimits, Sound
from tests.unit.media.test_image import in_place

LIMITS = AudioLimits("V", frozenset({"wav", "flac", "mp3", "ogg-opus"}), 10_000_000, 60.0, ("gs",), "Split it.")


def probe(given: Any, limits: AudioLimits = LIMITS, **options: Any) -> Sound:
    """Run the flow in place."""
    sound: Sound = in_place(Audio(given, **options).probe(limits))
    return sound


def wav(seconds: float, rate: int = 8000, channels: int = 1) -> bytes:
    """A WAV of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(int(seconds * rate) * 2 * channels))
    return out.getvalue()


def written(kind: str, codec: str | None = None, seconds: int = 2) -> bytes:
    """A recording in another format."""
    import numpy as np
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, np.zeros((16000 * seconds, 1), "float32"), 16000, format=kind, subtype=codec)
    return out.getvalue()


def test_a_wav_is_measured() -> None:
    """Length, rate, channels, bits and codec."""
    sound = probe(wav(3, 16000, 2))
    assert (sound.format, sound.codec, sound.duration, sound.rate, sound.channels, sound.bits) == (
        "wav",
        "pcm",
        3.0,
        16000,
        2,
        16,
    )


@pytest.mark.parametrize(
    ("kind", "codec", "name", "rate"),
    [("FLAC", None, "flac", 16000), ("MP3", None, "mp3", 16000), ("OGG", "OPUS", "ogg-opus", 48000)],
)
def test_other_formats_are_measured(kind: str, codec: str | None, name: str, rate: int) -> None:
    """By what is in them, whatever they are called."""
    sound = probe(written(kind, codec), name="연설.wav")
    assert (sound.format, sound.rate, sound.channels) == (name, rate, 1)
    assert sound.duration == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 999_999_999])
def test_a_wav_that_lies_about_its_length_is_measured_by_its_bytes(size: int) -> None:
    """Streaming writers leave the size open, or wrong."""
    data = bytearray(wav(2))
    data[40:44] = struct.pack("<I", size)
    assert probe(bytes(data)).duration == 2.0


def test_the_length_limit_is_kept_to() -> None:
    """A minute is taken, a little more is not, and the advice is the vendor's."""
    assert probe(wav(60)).duration == 60
    with pytest.raises(InputError, match=r"연설 lasts 1:00\.5; V takes 1:00\. Split it\."):
        probe(wav(60.5), name="연설")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"<html>", "a web page saved under that name"),
        (b"hello there, this is text", "is not audio"),
        (wav(1)[:40], "cut off or damaged"),
        (b"\x89PNG\r\n\x1a\n", "but a picture"),
    ],
    ids=["empty", "html", "text", "cut", "picture"],
)
def test_what_is_no_audio_is_told_in_one_line(data: bytes, text: str) -> None:
    """What is wrong, before anything is sent."""
    with pytest.raises(InputError, match=text):
        probe(data, name="연설.mp3")


def test_an_address_is_passed_on() -> None:
    """gs:// is the vendor's to read; others are refused."""
    assert probe("gs://bucket/연설.flac").uri == "gs://bucket/연설.flac"
    with pytest.raises(InputError, match="fetch_urls=True"):
        probe("https://recordings.example/a.wav")
