"""Recordings: measured before anything is sent, whatever their name or header says."""

from __future__ import annotations

import struct

import pytest

from cloudai.errors import InputError
from tests.support.recordings import probe, wav, written


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
    """A file that is no audio is an error of one line that says why, before anything is sent."""
    with pytest.raises(InputError, match=text):
        probe(data, name="연설.mp3")


def test_an_address_is_passed_on() -> None:
    """gs:// is the vendor's to read; others are refused."""
    assert probe("gs://bucket/연설.flac").uri == "gs://bucket/연설.flac"
    with pytest.raises(InputError, match="fetch_urls=True"):
        probe("https://recordings.example/a.wav")
